//! The arms: rules by which the next unit to split is chosen.

use std::fmt::{self, Display};

use espalier_strategy::UnitRule;

/// A rule of choice, with the study's final numbers for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    pub name: &'static str,
    pub rule: UnitRule,
    /// Final test accuracy in the study: mean, least and largest over ten runs; none for the rule that it skipped.
    pub study: Option<[f64; 3]>,
}

/// By what units are scored.
pub const ABLATION: &str = "ablation loss";
pub const FIRING: &str = "firing rate";
pub const NOTHING: &str = "nothing";

impl Arm {
    /// By what units are scored; the study ran the rule of softmax ablation losses under the names of firing rates.
    pub fn scored_by(self) -> &'static str {
        match self.rule {
            UnitRule::MaxAblationLoss | UnitRule::MinAblationLoss | UnitRule::SoftmaxAblationLoss => ABLATION,
            UnitRule::MaxFiringRate | UnitRule::MinFiringRate | UnitRule::HalfFiringRate => FIRING,
            _ => NOTHING,
        }
    }
}

const fn arm(name: &'static str, rule: UnitRule, study: Option<[f64; 3]>) -> Arm {
    Arm { name, rule, study }
}

/// The control: all units from the start.
pub const NO_SPLIT: &str = "no split";
/// The splitting arm against which rules must show themselves.
pub const RANDOM: &str = "random";
pub const SOFTMAX: &str = "softmax loss";
pub const MIN_LOSS: &str = "min loss";
pub const HALF: &str = "half firing rate";
pub const MAX_RATE: &str = "max firing rate";

/// All eight arms in the order of presentation.
pub const ARMS: [Arm; 8] = [
    arm(NO_SPLIT, UnitRule::None, Some([0.687, 0.647, 0.729])),
    arm(RANDOM, UnitRule::Random, Some([0.661, 0.550, 0.735])),
    arm("max loss", UnitRule::MaxAblationLoss, Some([0.639, 0.557, 0.733])),
    arm(MIN_LOSS, UnitRule::MinAblationLoss, Some([0.614, 0.569, 0.686])),
    arm(SOFTMAX, UnitRule::SoftmaxAblationLoss, None),
    arm(MAX_RATE, UnitRule::MaxFiringRate, Some([0.675, 0.605, 0.725])),
    arm("min firing rate", UnitRule::MinFiringRate, Some([0.646, 0.581, 0.721])),
    arm(HALF, UnitRule::HalfFiringRate, Some([0.677, 0.617, 0.743])),
];

/// An arm at a learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    pub arm: Arm,
    pub rate: f64,
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/rate {}", self.arm.name, self.rate)
    }
}
