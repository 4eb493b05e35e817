//! The arms: what nets are trained with, for how long, with biases or without.

use std::fmt::{self, Display};

use espalier_targeted_dropout::{Evaluation, Method, Ramp, TargetedDropoutSettings};

use crate::{PERCENTS, Setup};

/// What a trial does.
#[derive(Clone, Debug, PartialEq)]
pub enum Variant {
    /// Trains a net and prunes it.
    Trained(Arm),
    /// Times passes of a net of the shape that unit pruning leaves.
    Timed { percent: u64 },
}

/// How a net is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// One of [`PLAIN`], or the method's name.
    pub training: &'static str,
    pub method: Preparation,
    pub rate: f64,
    pub epochs: u64,
    pub biases: bool,
}

/// What prepares a net for pruning while it trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preparation {
    pub name: &'static str,
    pub method: Method,
    gamma: f64,
    alpha: f64,
}

/// The study's two nets, and the same without biases.
pub const PLAIN: [&str; 4] = ["short", "long", "short, no biases", "long, no biases"];
pub const NOTHING: &str = "none";
pub const HALF: &str = "targeted .5/.5";
pub const MOST: &str = "targeted .75/.66";
/// Both shares grow from 0 over the first part of the training.
pub const RAMP: &str = "targeted ramp .99/.99";
pub const TARGETED_UNITS: &str = "targeted units .75/.66";
pub const DROPPED_WEIGHTS: &str = "dropped weights .25";
pub const DROPPED_UNITS: &str = "dropped units .25";
pub const L1: &str = "L1";

/// All methods in the order of presentation.
pub const METHODS: [Preparation; 11] = [
    with(NOTHING, Method::None, 0.0, 0.0),
    with(HALF, Method::TargetedWeight, 0.5, 0.5),
    with(MOST, Method::TargetedWeight, 0.75, 0.66),
    with(RAMP, Method::TargetedWeight, 0.99, 0.99),
    with(TARGETED_UNITS, Method::TargetedUnit, 0.75, 0.66),
    with(DROPPED_WEIGHTS, Method::UntargetedWeight, 0.0, 0.25),
    with(DROPPED_UNITS, Method::UntargetedUnit, 0.0, 0.25),
    with(L1, Method::L1, 0.0, 0.0),
    with("smallify", Method::SmallifyWeight, 0.0, 0.0),
    // Gates, closed with probability 0.1 at first, and a penalty on how many are open.
    with("hard concrete", Method::HardConcreteWeight, 0.0, 0.1),
    // Noise of a learned variance.
    with("variational", Method::VariationalWeight, 0.0, 0.0),
];

const fn with(name: &'static str, method: Method, gamma: f64, alpha: f64) -> Preparation {
    Preparation {
        name,
        method,
        gamma,
        alpha,
    }
}

impl Preparation {
    /// Whether the method runs only where all methods are asked for.
    fn is_further(self) -> bool {
        matches!(self.method, Method::HardConcreteWeight | Method::VariationalWeight)
    }

    /// Whether the method prepares for the loss of units rather than of weights.
    pub fn is_of_units(self) -> bool {
        matches!(self.method, Method::TargetedUnit | Method::UntargetedUnit)
    }

    /// The method's settings. Masks are lifted after training, so that pruning meets all weights.
    ///
    /// # Units
    /// `steps` counts those of the whole training.
    pub fn settings(self, setup: &Setup, steps: usize) -> TargetedDropoutSettings {
        let lambda = match self.method {
            Method::L1 => setup.l1_penalty,
            Method::HardConcreteWeight => setup.gate_penalty,
            Method::VariationalWeight => setup.noise_penalty,
            _ => setup.smallify_penalty,
        };
        let ramp_steps = (setup.ramp_share * steps as f64).round().max(1.0) as u64;
        let ramp = match self.name {
            RAMP => Ramp::Steps(ramp_steps),
            _ => Ramp::None,
        };
        TargetedDropoutSettings {
            method: self.method,
            gamma: self.gamma,
            alpha: self.alpha,
            ramp,
            lambda,
            evaluation: Evaluation::Unpruned,
            ..TargetedDropoutSettings::default()
        }
    }
}

impl Arm {
    fn plain(training: &'static str, setup: &Setup) -> Self {
        let long = training.starts_with("long");
        Self {
            training,
            method: METHODS[0],
            rate: if long { setup.long_rate } else { setup.short_rate },
            epochs: if long { setup.long_epochs } else { setup.short_epochs },
            biases: !training.ends_with("no biases"),
        }
    }

    /// Whether it is one of the study's trainings, which are looked at while they go on.
    pub fn is_plain(&self) -> bool {
        PLAIN.contains(&self.training)
    }
}

impl Variant {
    pub fn all(setup: &Setup) -> Vec<Self> {
        let mut arms = PLAIN.map(|training| Arm::plain(training, setup)).to_vec();
        let prepared = |method: Preparation, rate: f64| Arm {
            training: method.name,
            method,
            rate,
            epochs: setup.method_epochs,
            biases: true,
        };
        let methods = METHODS.into_iter().filter(|m| setup.all_methods || !m.is_further());
        let rates = &setup.method_rates;
        arms.extend(methods.flat_map(|method| rates.iter().map(move |rate| prepared(method, *rate))));
        let timed = PERCENTS.map(|percent| Self::Timed { percent });
        arms.into_iter().map(Self::Trained).chain(timed).collect()
    }

    /// Roughly, in epochs of plain training.
    pub fn cost(&self) -> f64 {
        let Self::Trained(arm) = self else { return 0.5 };
        let masks = match arm.method.method {
            Method::TargetedWeight | Method::HardConcreteWeight | Method::VariationalWeight => 3.0,
            Method::SmallifyWeight | Method::UntargetedWeight => 2.0,
            _ => 1.0,
        };
        arm.epochs as f64 * masks
    }
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timed { percent } => write!(f, "timed, {percent} % of units gone"),
            Self::Trained(arm) if arm.is_plain() => f.write_str(arm.training),
            Self::Trained(arm) => write!(f, "{}, rate {}", arm.training, arm.rate),
        }
    }
}
