//! One-pass optimizer updates, in place on parameters and state.
//!
//! The rules are those of PyTorch's `torch.optim`, written from their published pseudo-code.

pub mod device;
mod rules;
mod run;
mod update;

pub use update::Update;

use super::Element;
use rules::{AdaMaxRule, AdagradRule, AdamRule, RmsPropRule, SgdRule};
use run::run;

/// Which step a parameter takes part in, counted from 1.
///
/// Units that were grown later may be younger than the others of their layer.
#[derive(Clone, Copy, Debug)]
pub enum Steps<'a> {
    /// All parameters are at this step.
    Uniform(u64),
    /// Each column (unit) of the matrix is at its own step.
    Columns(&'a [u64]),
}

/// Factors on the learning rate.
#[derive(Clone, Copy, Debug)]
pub enum Rates<'a, E> {
    /// One everywhere.
    Uniform,
    /// A factor for each column (unit) of the matrix.
    Columns(&'a [E]),
    /// A factor for each parameter.
    Elements(&'a [E]),
}

/// How a call treats the parameters of one matrix: their steps and rates.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a, E> {
    /// Columns of the matrix; any divisor of its length if steps and rates are not by column.
    pub columns: usize,
    /// The step of each parameter.
    pub steps: Steps<'a>,
    /// The factor on each learning rate.
    pub rates: Rates<'a, E>,
}

impl<E> Schedule<'_, E> {
    /// All parameters are at this step and have the same rate.
    #[must_use]
    pub fn uniform(step: u64) -> Self {
        Self {
            columns: 1,
            steps: Steps::Uniform(step),
            rates: Rates::Uniform,
        }
    }
}

/// Stochastic gradient descent.
///
/// # Method
/// g ← g + λp; b ← g at the first step, later μb + (1 − τ)g; g ← g + μb with Nesterov, else b; p ← p − ηg.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Momentum μ; the state is unused at 0.
    pub momentum: f64,
    /// Dampening τ.
    pub dampening: f64,
    /// L2 penalty λ.
    pub weight_decay: f64,
    /// Whether momentum looks ahead.
    pub nesterov: bool,
}

/// Adam, and with decoupled weight decay AdamW.
///
/// # Method
/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε).
/// Weight decay λ adds λp to g, or, decoupled, multiplies p by 1 − ηλ first.
///
/// # Paper
/// Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay β₁ of the first moment.
    pub beta1: f64,
    /// Decay β₂ of the second moment.
    pub beta2: f64,
    /// ε, added to the root.
    pub epsilon: f64,
    /// Weight decay λ.
    pub weight_decay: f64,
    /// Whether weight decay acts on the parameter instead of on the gradient.
    pub decoupled: bool,
}

/// AdaMax.
///
/// # Method
/// m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g| + ε), p ← p − η/(1 − β₁ᵗ) · m / u.
///
/// # Paper
/// Kingma and Ba (2015), algorithm 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaMax {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay β₁ of the first moment.
    pub beta1: f64,
    /// Decay β₂ of the norm.
    pub beta2: f64,
    /// ε, added to the gradient's magnitude.
    pub epsilon: f64,
    /// L2 penalty λ.
    pub weight_decay: f64,
}

/// Adagrad.
///
/// # Method
/// s ← s + g², p ← p − η/(1 + (t − 1)·δ) · g / (√s + ε). The caller sets the initial s.
///
/// # Paper
/// Duchi, Hazan and Singer (2011), eq. 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay δ of the learning rate.
    pub rate_decay: f64,
    /// ε, added to the root.
    pub epsilon: f64,
    /// L2 penalty λ.
    pub weight_decay: f64,
}

/// RMSprop.
///
/// # Method
/// v ← αv + (1 − α)g²; centred, a ← αa + (1 − α)g and the root is of v − a²;
/// b ← μb + g / (√· + ε), p ← p − ηb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate η.
    pub learning_rate: f64,
    /// Decay α of the averages.
    pub alpha: f64,
    /// ε, added to the root.
    pub epsilon: f64,
    /// Momentum μ; its state is unused at 0.
    pub momentum: f64,
    /// L2 penalty λ.
    pub weight_decay: f64,
    /// Whether the variance is taken around the gradient's mean; that state is unused otherwise.
    pub centered: bool,
}

impl Sgd {
    /// Updates parameters without momentum, which needs no state.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step_plain<E: Element>(&self, parameters: &mut [E], gradients: &[E], schedule: Schedule<'_, E>) {
        run(&self.rule(), parameters, gradients, [], schedule);
    }

    /// Updates parameters and their momentum.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step<E: Element>(
        &self,
        parameters: &mut [E],
        gradients: &[E],
        momentum: &mut [E],
        schedule: Schedule<'_, E>,
    ) {
        run(&self.rule(), parameters, gradients, [momentum], schedule);
    }

    fn rule<E: Element>(&self) -> SgdRule<E, Self> {
        SgdRule {
            rule: *self,
            momentum: E::from_f64(self.momentum),
            decay: E::from_f64(self.weight_decay),
        }
    }
}

impl Adam {
    /// Updates parameters and their two moments.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step<E: Element>(
        &self,
        parameters: &mut [E],
        gradients: &[E],
        moments: [&mut [E]; 2],
        schedule: Schedule<'_, E>,
    ) {
        let penalty = if self.decoupled { 0.0 } else { self.weight_decay };
        let rule = AdamRule {
            rule: *self,
            beta1: E::from_f64(self.beta1),
            beta2: E::from_f64(self.beta2),
            rest1: E::from_f64(1.0 - self.beta1),
            rest2: E::from_f64(1.0 - self.beta2),
            epsilon: E::from_f64(self.epsilon),
            penalty: E::from_f64(penalty),
        };
        run(&rule, parameters, gradients, moments, schedule);
    }
}

impl AdaMax {
    /// Updates parameters, their first moment and their norm.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step<E: Element>(
        &self,
        parameters: &mut [E],
        gradients: &[E],
        state: [&mut [E]; 2],
        schedule: Schedule<'_, E>,
    ) {
        let rule = AdaMaxRule {
            rule: *self,
            beta2: E::from_f64(self.beta2),
            rest1: E::from_f64(1.0 - self.beta1),
            epsilon: E::from_f64(self.epsilon),
            decay: E::from_f64(self.weight_decay),
        };
        run(&rule, parameters, gradients, state, schedule);
    }
}

impl Adagrad {
    /// Updates parameters and their sums of squared gradients.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step<E: Element>(
        &self,
        parameters: &mut [E],
        gradients: &[E],
        squares: &mut [E],
        schedule: Schedule<'_, E>,
    ) {
        let rule = AdagradRule {
            rule: *self,
            epsilon: E::from_f64(self.epsilon),
            decay: E::from_f64(self.weight_decay),
        };
        run(&rule, parameters, gradients, [squares], schedule);
    }
}

impl RmsProp {
    /// Updates parameters and their states: mean square, mean gradient, momentum.
    ///
    /// # Panics
    /// Panics if the slices differ in length.
    pub fn step<E: Element>(
        &self,
        parameters: &mut [E],
        gradients: &[E],
        state: [&mut [E]; 3],
        schedule: Schedule<'_, E>,
    ) {
        let rule = RmsPropRule {
            rule: *self,
            alpha: E::from_f64(self.alpha),
            rest: E::from_f64(1.0 - self.alpha),
            epsilon: E::from_f64(self.epsilon),
            momentum: E::from_f64(self.momentum),
            decay: E::from_f64(self.weight_decay),
        };
        run(&rule, parameters, gradients, state, schedule);
    }
}
