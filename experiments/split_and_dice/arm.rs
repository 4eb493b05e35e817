//! The arms: how a net comes to its size and to its first weights.

use std::fmt::{self, Display};

use espalier_experiment::Settings;

/// What grows, what is rolled, and which size a static net has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arm {
    /// The starting size, never changed.
    StaticSmall,
    /// The size that the splitting arm of the same seed ended with, from the first step.
    StaticFinalShape,
    /// As many parameters as that, in the proportions of the starting size.
    StaticBalanced,
    Split,
    /// The starting size with the best of several initialisations.
    Dice,
    SplitDice,
    /// A static net of a scaled starting size with the best of this many initialisations, whose cost is not charged: what
    /// they are worth shows apart from what they cost.
    Rolls {
        scale: f64,
        rolls: u64,
    },
}

/// The six arms of the trials, in the order of presentation.
pub const TRIAL_ARMS: [Arm; 6] = [
    Arm::StaticSmall,
    Arm::StaticFinalShape,
    Arm::StaticBalanced,
    Arm::Split,
    Arm::Dice,
    Arm::SplitDice,
];

impl Arm {
    /// The arm that stands in a cell of the sweep over rolls and starting sizes: one of the six arms is such a cell.
    pub fn cell(scale: f64, rolls: u64) -> Self {
        if rolls == 1 && scale == 1.0 {
            return Self::StaticSmall;
        }
        Self::Rolls { scale, rolls }
    }

    /// Whether decisions are paid from the budget.
    pub fn pays_for_decisions(self) -> bool {
        !matches!(self, Self::Rolls { .. })
    }

    pub fn splits(self) -> bool {
        matches!(self, Self::Split | Self::SplitDice)
    }

    /// Whether its size comes from the splitting arm, which it then has to train first.
    pub fn borrows_shape(self) -> bool {
        matches!(self, Self::StaticFinalShape | Self::StaticBalanced)
    }

    /// The number of initialisations to choose from.
    pub fn rolls(self, settings: &Settings) -> anyhow::Result<u64> {
        Ok(match self {
            Self::Dice | Self::SplitDice => settings.count("dice_rolls")? as u64,
            Self::Rolls { rolls, .. } => rolls,
            _ => 1,
        })
    }

    /// The widths at the first step; the arms with a borrowed shape start elsewhere.
    pub fn start(self, settings: &Settings) -> anyhow::Result<Vec<usize>> {
        let start = settings.counts("start")?;
        Ok(match self {
            Self::Rolls { scale, .. } => scaled(&start, scale),
            _ => start,
        })
    }
}

/// Widths in the same proportions, at least one unit each.
pub fn scaled(widths: &[usize], factor: f64) -> Vec<usize> {
    let scale = |width: &usize| ((*width as f64 * factor).round() as usize).max(1);
    widths.iter().map(scale).collect()
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaticSmall => f.write_str("static small"),
            Self::StaticFinalShape => f.write_str("static final shape"),
            Self::StaticBalanced => f.write_str("static balanced"),
            Self::Split => f.write_str("split"),
            Self::Dice => f.write_str("dice"),
            Self::SplitDice => f.write_str("split + dice"),
            Self::Rolls { scale, rolls } => write!(f, "rolls/{rolls} at {scale} of the start"),
        }
    }
}
