//! The floating-point types that the kernels work on.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::optimizer::{Schedule, Update};
use super::product::{Epilogue, Operands, Threads};
use super::sparse::Sparse;

/// A floating-point type with the elementary functions, products and updates that training needs.
///
/// Products and updates have one entry for each type, compiled in this crate: programs that call them compile no kernel again.
pub trait Element:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sparse
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;

    /// Rounds a number to this type.
    fn from_f64(value: f64) -> Self;
    /// Widens a byte.
    fn from_byte(value: u8) -> Self;
    /// Widens the number.
    fn to_f64(self) -> f64;
    /// Raises e to this power.
    fn exp(self) -> Self;
    /// Takes the natural logarithm.
    fn ln(self) -> Self;
    /// Takes the square root.
    fn sqrt(self) -> Self;
    /// Takes the hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Evaluates the error function.
    fn erf(self) -> Self;
    /// Takes the magnitude.
    fn abs(self) -> Self;
    /// Says whether this is no number.
    fn is_nan(self) -> bool;

    /// Rounds a count to this type.
    #[inline(always)]
    fn from_usize(value: usize) -> Self {
        Self::from_f64(value as f64)
    }

    /// Takes the larger of two numbers, the first where they compare as unordered.
    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// Evaluates the logistic function 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// Says whether products of a few rows are fast, as with own micro-kernels on this processor.
    fn has_tiles() -> bool;
    /// Computes a matrix product of this type.
    fn product(operands: Operands<'_, Self>, epilogue: Epilogue<'_, Self>, threads: Threads);
    /// Updates parameters and the states that a rule has, as [`Update::step`] does.
    fn update(
        update: &Update,
        values: &mut [Self],
        gradients: &[Self],
        states: [&mut [Self]; 3],
        schedule: Schedule<'_, Self>,
    );
}

/// Evaluates a polynomial by Horner's rule, highest coefficient first.
macro_rules! horner {
    ($x:expr, $first:expr $(, $rest:expr)*) => {{
        let x = $x;
        let value = $first;
        $(let value = value * x + $rest;)*
        value
    }};
}

/// e to the power of `x` within 2 units in the last place, in a form that vectorises.
///
/// # Method
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r by its Taylor polynomial of degree 7, whose
/// remainder (0.3466⁸ / 8! ≈ 5·10⁻⁹) is below half a unit in the last place; 2ⁿ through the exponent bits.
#[inline(always)]
fn exp_f32(x: f32) -> f32 {
    // Above 88.72 the result overflows; below -103.97 it is zero. Two factors 2^(n/2)
    // carry n from -150 to 128 without leaving the range of an exponent.
    const MAGIC: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer.
    let clamped = if x > 89.0 { 89.0 } else { x };
    let clamped = if clamped < -104.0 { -104.0 } else { clamped };
    let shifted = clamped * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    // ln 2 in two parts, the first with few bits so that n·LN2_HI is exact.
    let r = clamped - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let e = horner!(
        r,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0
    );
    let n = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
    let half = n >> 1;
    let scale = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
    e * scale(half) * scale(n - half)
}

/// tanh within a few units in the last place.
///
/// # Method
/// Its power series for |x| < 0.55, elsewhere 1 − 2 / (e^(2|x|) + 1).
#[inline(always)]
fn tanh_f32(x: f32) -> f32 {
    let a = x.abs();
    let s = x * x;
    // The series of tanh(x)/x in x² to x¹⁸; at 0.55 the first term left out is 6·10⁻¹⁰.
    let small = x * horner!(
        s,
        -2.391_291e-4,
        5.900_274e-4,
        -0.001_455_834_4,
        0.003_592_128_2,
        -0.008_863_236,
        0.021_869_488,
        -0.053_968_254,
        0.133_333_33,
        -0.333_333_34,
        1.0
    );
    let large = 1.0 - 2.0 / (exp_f32(2.0 * a) + 1.0);
    let large = if x < 0.0 { -large } else { large };
    if a < 0.55 { small } else { large }
}

/// erf within 1.5·10⁻⁷, in a form that vectorises.
///
/// # Method
/// A rational minimax approximation: odd numerator of degree 9 over an even denominator of degree 12 on |x| ≤ 3.83, ±1 beyond.
#[inline(always)]
fn erf_f32(x: f32) -> f32 {
    const LIMIT: f32 = 3.832_507;
    let s = x * x;
    let numerator = horner!(
        s,
        2.290_506_6e-4,
        3.408_291e-3,
        5.095_569_5e-2,
        0.185_208_32,
        std::f32::consts::FRAC_2_SQRT_PI
    );
    let denominator = horner!(
        s,
        -1.179_160_3e-7,
        2.354_796_6e-5,
        1.017_962_5e-3,
        1.407_047e-2,
        0.110_985_05,
        0.497_469_25,
        1.0
    );
    let inside = x * numerator / denominator;
    let inside = if x > LIMIT { 1.0 } else { inside };
    if x < -LIMIT { -1.0 } else { inside }
}

impl Element for f32 {
    #[inline(always)]
    fn from_byte(value: u8) -> Self {
        f32::from(value)
    }
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f32::NEG_INFINITY;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        exp_f32(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f32::ln(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        tanh_f32(self)
    }
    #[inline(always)]
    fn erf(self) -> Self {
        erf_f32(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f32::is_nan(self)
    }
    fn has_tiles() -> bool {
        cfg!(target_arch = "x86_64") && super::instruction_set() == super::InstructionSet::Avx512
    }
    fn product(operands: Operands<'_, Self>, epilogue: Epilogue<'_, Self>, threads: Threads) {
        super::product::product_f32(operands, epilogue, threads);
    }
    fn update(
        update: &Update,
        values: &mut [Self],
        gradients: &[Self],
        states: [&mut [Self]; 3],
        schedule: Schedule<'_, Self>,
    ) {
        update.step(values, gradients, states, schedule);
    }
}

impl Element for f64 {
    #[inline(always)]
    fn from_byte(value: u8) -> Self {
        f64::from(value)
    }
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f64::NEG_INFINITY;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    #[inline(always)]
    fn erf(self) -> Self {
        libm::erf(self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
    fn has_tiles() -> bool {
        false
    }
    fn product(operands: Operands<'_, Self>, epilogue: Epilogue<'_, Self>, threads: Threads) {
        super::product::product_by_crate(operands, epilogue, threads);
    }
    fn update(
        update: &Update,
        values: &mut [Self],
        gradients: &[Self],
        states: [&mut [Self]; 3],
        schedule: Schedule<'_, Self>,
    ) {
        update.step(values, gradients, states, schedule);
    }
}
