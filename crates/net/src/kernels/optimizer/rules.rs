//! The update rules for one parameter.

use super::run::{Coefficients, Rule};
use super::{AdaMax, Adagrad, Adam, RmsProp, Sgd};
use crate::kernels::element::Element;

/// A rule's constants, rounded once.
macro_rules! rule {
    ($name:ident { $($field:ident),* }) => {
        #[derive(Clone, Copy)]
        pub struct $name<E, R> {
            pub rule: R,
            $(pub $field: E),*
        }
    };
}
rule!(SgdRule { momentum, decay });
rule!(AdamRule {
    beta1,
    beta2,
    rest1,
    rest2,
    epsilon,
    penalty
});
rule!(AdaMaxRule {
    beta2,
    rest1,
    epsilon,
    decay
});
rule!(AdagradRule { epsilon, decay });
rule!(RmsPropRule {
    alpha,
    rest,
    epsilon,
    momentum,
    decay
});

/// 1 − βᵗ.
fn bias_correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

impl<E: Element> Rule<E, 0> for SgdRule<E, Sgd> {
    fn coefficients(&self, _: u64, rate: f64) -> Coefficients<E> {
        plain_coefficients(self.rule.learning_rate * rate)
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, _: [E; 0], c: Coefficients<E>) -> (E, [E; 0]) {
        (p - c.step * (g + self.decay * p), [])
    }
}

impl<E: Element> Rule<E, 1> for SgdRule<E, Sgd> {
    fn coefficients(&self, step: u64, rate: f64) -> Coefficients<E> {
        let first = step <= 1;
        Coefficients {
            step: E::from_f64(self.rule.learning_rate * rate),
            second: E::from_f64(if first { 1.0 } else { 1.0 - self.rule.dampening }),
            keep: if first { E::ZERO } else { self.momentum },
        }
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, [b]: [E; 1], c: Coefficients<E>) -> (E, [E; 1]) {
        let g = g + self.decay * p;
        let b = c.keep * b + c.second * g;
        let direction = if self.rule.nesterov { g + self.momentum * b } else { b };
        (p - c.step * direction, [b])
    }
}

impl<E: Element> Rule<E, 2> for AdamRule<E, Adam> {
    fn coefficients(&self, step: u64, rate: f64) -> Coefficients<E> {
        let Adam {
            learning_rate,
            beta1,
            beta2,
            weight_decay,
            decoupled,
            ..
        } = self.rule;
        let rate = learning_rate * rate;
        Coefficients {
            step: E::from_f64(rate / bias_correction(beta1, step)),
            second: E::from_f64(1.0 / bias_correction(beta2, step).sqrt()),
            keep: E::from_f64(if decoupled { 1.0 - rate * weight_decay } else { 1.0 }),
        }
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, [m, v]: [E; 2], c: Coefficients<E>) -> (E, [E; 2]) {
        let g = g + self.penalty * p;
        let m = self.beta1 * m + self.rest1 * g;
        let v = self.beta2 * v + self.rest2 * (g * g);
        let denominator = v.sqrt() * c.second + self.epsilon;
        (p * c.keep - c.step * m / denominator, [m, v])
    }
}

impl<E: Element> Rule<E, 2> for AdaMaxRule<E, AdaMax> {
    fn coefficients(&self, step: u64, rate: f64) -> Coefficients<E> {
        plain_coefficients(self.rule.learning_rate * rate / bias_correction(self.rule.beta1, step))
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, [m, u]: [E; 2], c: Coefficients<E>) -> (E, [E; 2]) {
        let g = g + self.decay * p;
        let m = m + self.rest1 * (g - m);
        let u = (self.beta2 * u).greater(g.abs() + self.epsilon);
        (p - c.step * m / u, [m, u])
    }
}

impl<E: Element> Rule<E, 1> for AdagradRule<E, Adagrad> {
    fn coefficients(&self, step: u64, rate: f64) -> Coefficients<E> {
        let slowing = 1.0 + step.saturating_sub(1) as f64 * self.rule.rate_decay;
        plain_coefficients(self.rule.learning_rate * rate / slowing)
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, [s]: [E; 1], c: Coefficients<E>) -> (E, [E; 1]) {
        let g = g + self.decay * p;
        let s = s + g * g;
        (p - c.step * g / (s.sqrt() + self.epsilon), [s])
    }
}

impl<E: Element> Rule<E, 3> for RmsPropRule<E, RmsProp> {
    fn coefficients(&self, _: u64, rate: f64) -> Coefficients<E> {
        plain_coefficients(self.rule.learning_rate * rate)
    }
    #[inline(always)]
    fn update(&self, p: E, g: E, [v, a, b]: [E; 3], c: Coefficients<E>) -> (E, [E; 3]) {
        let g = g + self.decay * p;
        let v = self.alpha * v + self.rest * (g * g);
        let (a, variance) = if self.rule.centered {
            let a = a + self.rest * (g - a);
            (a, v - a * a)
        } else {
            (a, v)
        };
        let b = self.momentum * b + g / (variance.sqrt() + self.epsilon);
        (p - c.step * b, [v, a, b])
    }
}

fn plain_coefficients<E: Element>(step: f64) -> Coefficients<E> {
    Coefficients {
        step: E::from_f64(step),
        second: E::ONE,
        keep: E::ONE,
    }
}
