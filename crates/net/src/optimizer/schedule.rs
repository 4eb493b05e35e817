//! Learning rates as pure functions of the step, and bounds on gradients.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kernels::Element;

/// A learning rate for every step, counted from 0.
///
/// | Form | Field | Range | Rate at step s |
/// |---|---|---|---|
/// | `constant` | `rate` | ≥ 0 | `rate` |
/// | `step` | `every`; `factor` | ≥ 1; ≥ 0 | `rate`·`factor`^⌊s/`every`⌋ |
/// | `multi_step` | `milestones`; `factor` | rising; ≥ 0 | `rate`·`factor`^(milestones ≤ s) |
/// | `cosine` | `floor`; `steps` | ≥ 0; ≥ 1 | `floor` + (`rate` − `floor`)·(1 + cos(π·s/`steps`))/2, then `floor` |
/// | `warm_up` | `steps`; `start` | ≥ 1; within [0, 1] | rises in a line from `start` times the first rate of `then`, which follows |
/// | `stages` | `stages` | at least one | each schedule for its steps, the last for ever |
///
/// # Paper
/// Loshchilov and Hutter 2017 (SGDR), eq. 5, without restarts, for `cosine`.
///
/// # Example
/// ```
/// use espalier_net::RateSchedule;
///
/// let schedule = RateSchedule::constant(0.1).warmed_up(5);
/// assert_eq!(schedule.rate(0), 0.0);
/// assert_eq!(schedule.rate(5), 0.1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "form", deny_unknown_fields)]
#[non_exhaustive]
pub enum RateSchedule {
    /// The same rate at all steps.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// A factor after every so many steps.
    Step {
        /// The first rate.
        rate: f64,
        /// The number of steps between changes.
        every: u64,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// A factor at each of the given steps.
    MultiStep {
        /// The first rate.
        rate: f64,
        /// The steps at which the rate changes, rising.
        milestones: Vec<u64>,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Half a cosine wave from the rate down to a floor.
    Cosine {
        /// The first rate.
        rate: f64,
        /// The last rate.
        floor: f64,
        /// The number of steps on the way.
        steps: u64,
    },
    /// A straight rise before another schedule, whose step 0 comes after it.
    WarmUp {
        /// The number of steps on the way up.
        steps: u64,
        /// The share of the first rate with which to start.
        start: f64,
        /// What follows.
        then: Box<RateSchedule>,
    },
    /// One schedule after the other; each counts its own steps from 0.
    Stages {
        /// The schedules.
        stages: Vec<RateStage>,
    },
}

/// One schedule among several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateStage {
    /// The number of steps for which it holds; the last stage of a list holds for ever.
    pub steps: u64,
    /// The schedule.
    pub schedule: RateSchedule,
}

impl RateSchedule {
    /// The same rate at all steps.
    #[must_use]
    pub fn constant(rate: f64) -> Self {
        Self::Constant { rate }
    }

    /// Puts a straight rise from 0 over the given number of steps before the schedule.
    #[must_use]
    pub fn warmed_up(self, steps: u64) -> Self {
        Self::WarmUp {
            steps,
            start: 0.0,
            then: Box::new(self),
        }
    }

    /// The learning rate of a step, counted from 0.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        match self {
            Self::Constant { rate } => *rate,
            Self::Step { rate, every, factor } => rate * factor.powf((step / every) as f64),
            Self::MultiStep {
                rate,
                milestones,
                factor,
            } => {
                let passed = milestones.iter().filter(|m| **m <= step).count();
                rate * factor.powf(passed as f64)
            }
            Self::Cosine { rate, floor, steps } => {
                let share = step.min(*steps) as f64 / *steps as f64;
                floor + (rate - floor) * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
            }
            Self::WarmUp { steps, start, then } if step < *steps => {
                let share = step as f64 / *steps as f64;
                then.rate(0) * (start + (1.0 - start) * share)
            }
            Self::WarmUp { steps, then, .. } => then.rate(step - steps),
            Self::Stages { stages } => staged(stages, step),
        }
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// Names the setting, its range and its value.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Constant { rate } => at_least_zero("rate", *rate),
            Self::Step { rate, every, factor } => {
                at_least_zero("rate", *rate)?;
                at_least_one("every", *every)?;
                at_least_zero("factor", *factor)
            }
            Self::MultiStep {
                rate,
                milestones,
                factor,
            } => {
                at_least_zero("rate", *rate)?;
                at_least_zero("factor", *factor)?;
                if milestones.is_sorted_by(|a, b| a < b) {
                    return Ok(());
                }
                Err(setting("milestones", "steps that rise", format!("{milestones:?}")))
            }
            Self::Cosine { rate, floor, steps } => {
                at_least_zero("rate", *rate)?;
                at_least_zero("floor", *floor)?;
                at_least_one("steps", *steps)
            }
            Self::WarmUp { steps, start, then } => {
                at_least_one("steps", *steps)?;
                if !(0.0..=1.0).contains(start) {
                    return Err(setting("start", "within [0, 1]", start.to_string()));
                }
                then.validate()
            }
            Self::Stages { stages } if stages.is_empty() => {
                Err(setting("stages", "at least one stage", "none".to_owned()))
            }
            Self::Stages { stages } => stages.iter().try_for_each(|s| s.schedule.validate()),
        }
    }
}

fn staged(stages: &[RateStage], step: u64) -> f64 {
    let mut begin = 0_u64;
    for (index, stage) in stages.iter().enumerate() {
        let is_last = index + 1 == stages.len();
        if is_last || step - begin < stage.steps {
            return stage.schedule.rate(step - begin);
        }
        begin += stage.steps;
    }
    0.0
}

fn setting(field: &'static str, expected: &str, found: String) -> Error {
    Error::Setting {
        field,
        expected: expected.to_owned(),
        found,
    }
}

fn at_least_zero(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(setting(field, "a finite number of at least 0", value.to_string()))
}

fn at_least_one(field: &'static str, value: u64) -> Result<()> {
    if value >= 1 {
        Ok(())
    } else {
        Err(setting(field, "at least 1", value.to_string()))
    }
}

/// A bound on gradients.
///
/// | Form | Field | Range |
/// |---|---|---|
/// | `norm` | `largest` | > 0 |
/// | `value` | `largest` | > 0 |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "form", deny_unknown_fields)]
#[non_exhaustive]
pub enum Clipping {
    /// Scales all gradients by one factor where their joint Euclidean norm is larger.
    Norm {
        /// The largest norm.
        largest: f64,
    },
    /// Moves each value into [−largest, largest].
    Value {
        /// The largest magnitude.
        largest: f64,
    },
}

impl Clipping {
    /// Clips gradients in place and returns their joint norm from before.
    ///
    /// A norm that is not finite leaves the gradients as they are when clipping by norm.
    ///
    /// # Method
    /// Pascanu, Mikolov and Bengio 2013, algorithm 1, with factor largest / norm. The norm is summed in f64 in a
    /// fixed order.
    ///
    /// # Errors
    /// Refuses a bound that is not above 0.
    pub fn clip<E: Element>(&self, gradients: &mut [&mut [E]]) -> Result<f64> {
        let norm = gradient_norm(gradients.iter().map(|g| &**g));
        let bound = self.bound(norm)?;
        for gradient in gradients {
            bound.apply(gradient);
        }
        Ok(norm)
    }

    /// What has to be done to gradients of the given joint norm.
    fn bound(&self, norm: f64) -> Result<Bound> {
        let (Self::Norm { largest } | Self::Value { largest }) = *self;
        if largest.is_nan() || largest <= 0.0 {
            return Err(setting("largest", "above 0", largest.to_string()));
        }
        Ok(match self {
            Self::Norm { .. } if norm.is_finite() && norm > largest => Bound::Scale(largest / norm),
            Self::Norm { .. } => Bound::None,
            Self::Value { .. } => Bound::Clamp(largest),
        })
    }
}

#[derive(Clone, Copy)]
enum Bound {
    None,
    Scale(f64),
    Clamp(f64),
}

impl Bound {
    fn apply<E: Element>(self, gradient: &mut [E]) {
        match self {
            Self::None => {}
            Self::Scale(factor) => {
                let factor = E::from_f64(factor);
                gradient.iter_mut().for_each(|v| *v *= factor);
            }
            Self::Clamp(largest) => {
                let (low, high) = (E::from_f64(-largest), E::from_f64(largest));
                for value in gradient {
                    // Comparisons leave what is not a number as it is.
                    if *value > high {
                        *value = high;
                    } else if *value < low {
                        *value = low;
                    }
                }
            }
        }
    }
}

/// The Euclidean norm of all gradients as one vector, summed in f64 in a fixed order.
pub fn gradient_norm<'g, E: Element>(gradients: impl IntoIterator<Item = &'g [E]>) -> f64 {
    gradients.into_iter().map(sum_of_squares).sum::<f64>().sqrt()
}

/// Eight sums side by side, which the processor adds at once and in the same order every time.
fn sum_of_squares<E: Element>(values: &[E]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|v| v.to_f64() * v.to_f64()).sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            let value = value.to_f64();
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests;
