//! Pointwise activations and their derivatives, in place.

use serde::{Deserialize, Serialize};

use super::Element;

/// A pointwise function of the pre-activation.
///
/// # Method
/// Derivatives come from the output where it determines them (all but GELU and SiLU), so that the
/// pre-activation need not be kept. ReLU and leaky ReLU have the derivative of their left side at 0, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// y = z.
    Identity,
    /// y = max(z, 0), with derivative 0 at 0.
    Relu,
    /// y = z for z > 0, else slope · z.
    LeakyRelu {
        /// The slope on the left; layers take one in (0, 1).
        slope: f64,
    },
    /// y = 1 / (1 + e⁻ᶻ).
    Sigmoid,
    /// y = tanh z.
    Tanh,
    /// y = z · Φ(z), with the exact normal distribution function Φ.
    Gelu,
    /// y = z / (1 + e⁻ᶻ), also called swish.
    Silu,
}

impl Activation {
    /// Says whether f(a·x) = a·f(x) for every a > 0, the condition under which incoming scales pass.
    #[must_use]
    pub fn is_positively_homogeneous(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu { .. })
    }

    /// Says whether f(0) = 0, so that a unit with zero weights emits nothing.
    #[must_use]
    pub fn maps_zero_to_zero(self) -> bool {
        !matches!(self, Self::Sigmoid)
    }

    /// The function's value at one point, as the kernels compute it.
    #[must_use]
    pub fn value<E: Element>(self, z: E) -> E {
        let mut one = [z];
        self.apply(&mut one);
        one[0]
    }

    /// The function's derivative at one point, as the kernels compute it: at a kink that of the left side.
    #[must_use]
    pub fn derivative<E: Element>(self, z: E) -> E {
        let saved = if self.needs_preactivation() { z } else { self.value(z) };
        let mut one = [E::ONE];
        self.backward(&[saved], &mut one);
        one[0]
    }

    /// Says whether the backward pass needs the pre-activation instead of the output.
    #[must_use]
    pub fn needs_preactivation(self) -> bool {
        match self {
            Activation::Gelu | Activation::Silu => true,
            Activation::LeakyRelu { slope } => slope < 0.0,
            _ => false,
        }
    }

    /// Applies the activation to every value, in place.
    pub fn apply<E: Element>(self, values: &mut [E]) {
        match self {
            Activation::Identity => {}
            Activation::Relu => apply_with(values, Relu),
            Activation::LeakyRelu { slope } => apply_with(values, Leaky(E::from_f64(slope))),
            Activation::Sigmoid => apply_with(values, Sigmoid),
            Activation::Tanh => apply_with(values, Tanh),
            Activation::Gelu => apply_with(values, Gelu),
            Activation::Silu => apply_with(values, Silu),
        }
    }

    /// Turns the gradient of the outputs into that of the pre-activations, in place.
    ///
    /// `saved` holds the pre-activations where [`needs_preactivation`](Self::needs_preactivation) says so, else the outputs.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn backward<E: Element>(self, saved: &[E], gradient: &mut [E]) {
        assert_eq!(saved.len(), gradient.len(), "one saved value for each gradient");
        match self {
            Activation::Identity => {}
            Activation::Relu => backward_with(saved, gradient, Relu),
            Activation::LeakyRelu { slope } => backward_with(saved, gradient, Leaky(E::from_f64(slope))),
            Activation::Sigmoid => backward_with(saved, gradient, Sigmoid),
            Activation::Tanh => backward_with(saved, gradient, Tanh),
            Activation::Gelu => backward_with(saved, gradient, Gelu),
            Activation::Silu => backward_with(saved, gradient, Silu),
        }
    }
}

/// Clips negative numbers to zero; NaN stays.
#[inline(always)]
pub(super) fn relu<E: Element>(value: E) -> E {
    if value < E::ZERO { E::ZERO } else { value }
}

/// One activation as a type, so that each loop is compiled for its own.
trait Pointwise<E>: Copy {
    fn value(self, z: E) -> E;
    /// The derivative, given what the backward pass saved.
    fn derivative(self, saved: E) -> E;
}

#[derive(Clone, Copy)]
struct Relu;
impl<E: Element> Pointwise<E> for Relu {
    #[inline(always)]
    fn value(self, z: E) -> E {
        relu(z)
    }
    #[inline(always)]
    fn derivative(self, y: E) -> E {
        if y > E::ZERO { E::ONE } else { E::ZERO }
    }
}

#[derive(Clone, Copy)]
struct Leaky<E>(E);
impl<E: Element> Pointwise<E> for Leaky<E> {
    #[inline(always)]
    fn value(self, z: E) -> E {
        if z > E::ZERO { z } else { self.0 * z }
    }
    #[inline(always)]
    fn derivative(self, y: E) -> E {
        if y > E::ZERO { E::ONE } else { self.0 }
    }
}

#[derive(Clone, Copy)]
struct Sigmoid;
impl<E: Element> Pointwise<E> for Sigmoid {
    #[inline(always)]
    fn value(self, z: E) -> E {
        z.sigmoid()
    }
    #[inline(always)]
    fn derivative(self, y: E) -> E {
        y * (E::ONE - y)
    }
}

#[derive(Clone, Copy)]
struct Tanh;
impl<E: Element> Pointwise<E> for Tanh {
    #[inline(always)]
    fn value(self, z: E) -> E {
        z.tanh()
    }
    #[inline(always)]
    fn derivative(self, y: E) -> E {
        E::ONE - y * y
    }
}

#[derive(Clone, Copy)]
struct Gelu;
impl Gelu {
    /// Φ(z), the standard normal distribution function.
    #[inline(always)]
    fn below<E: Element>(z: E) -> E {
        let half = E::from_f64(0.5);
        half + half * (z * E::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf()
    }
}
impl<E: Element> Pointwise<E> for Gelu {
    #[inline(always)]
    fn value(self, z: E) -> E {
        z * Self::below(z)
    }
    /// d/dz z·Φ(z) = Φ(z) + z·φ(z).
    #[inline(always)]
    fn derivative(self, z: E) -> E {
        let density = (z * z * E::from_f64(-0.5)).exp() * E::from_f64(0.398_942_280_401_432_7);
        Self::below(z) + z * density
    }
}

#[derive(Clone, Copy)]
struct Silu;
impl<E: Element> Pointwise<E> for Silu {
    #[inline(always)]
    fn value(self, z: E) -> E {
        z * z.sigmoid()
    }
    /// d/dz z·σ(z) = σ(z)·(1 + z·(1 − σ(z))).
    #[inline(always)]
    fn derivative(self, z: E) -> E {
        let gate = z.sigmoid();
        gate * (E::ONE + z * (E::ONE - gate))
    }
}

multiversion! {
    fn apply_with<E: Element, P: Pointwise<E>>(values: &mut [E], activation: P) {
        for value in values {
            *value = activation.value(*value);
        }
    }
}

multiversion! {
    fn backward_with<E: Element, P: Pointwise<E>>(saved: &[E], gradient: &mut [E], activation: P) {
        for (d, &s) in gradient.iter_mut().zip(saved) {
            *d *= activation.derivative(s);
        }
    }
}

multiversion! {
    /// Applies a PReLU: y = z for z > 0, else slope · z, with a slope for each channel.
    ///
    /// # Shapes
    /// values (rows, channels), in place; slopes (channels).
    pub fn prelu<E: Element>(values: &mut [E], slopes: &[E]) {
        for row in values.chunks_exact_mut(slopes.len()) {
            for (value, &slope) in row.iter_mut().zip(slopes) {
                *value = if *value > E::ZERO { *value } else { slope * *value };
            }
        }
    }
}

multiversion! {
    /// Turns the gradient of a PReLU's outputs into those of its inputs, in place, and of its slopes.
    ///
    /// # Shapes
    /// preactivations and gradient (rows, channels); slopes and slope_gradient (channels).
    /// The gradient of the slopes is overwritten.
    pub fn prelu_backward<E: Element>(preactivations: &[E], slopes: &[E], gradient: &mut [E], slope_gradient: &mut [E]) {
        let channels = slopes.len();
        let slope_gradient = &mut slope_gradient[..channels];
        slope_gradient.fill(E::ZERO);
        for (row, z) in gradient.chunks_exact_mut(channels).zip(preactivations.chunks_exact(channels)) {
            for (((d, &z), &slope), total) in row.iter_mut().zip(z).zip(slopes).zip(slope_gradient.iter_mut()) {
                let positive = z > E::ZERO;
                *total += if positive { E::ZERO } else { *d * z };
                *d = if positive { *d } else { *d * slope };
            }
        }
    }
}
