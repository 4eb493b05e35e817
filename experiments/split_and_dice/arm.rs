//! The arms: how a net comes to its size and to its first weights.

use std::fmt::{self, Display};

use crate::Sizes;

/// What grows, what is rolled, and which size a static net has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arm {
    /// The starting size, never changed.
    StaticSmall,
    /// The size that the splitting arm of the same seed ended with, from the first step.
    StaticFinalShape,
    /// As many parameters as that, in the proportions of the starting size.
    StaticBalanced,
    /// The same two for the arm that splits and rolls dice.
    StaticDiceShape,
    StaticDiceBalanced,
    Split,
    /// The starting size with the best of several initialisations.
    Dice,
    /// The same, each roll trained for as many steps as in the study's trials before it is scored.
    FewSteps,
    SplitDice,
    /// A static net of a scaled starting size with the best of this many initialisations, whose cost is not charged: what
    /// they are worth shows apart from what they cost.
    Rolls {
        scale: f64,
        rolls: u64,
    },
}

/// Batches on which a roll is trained in the study's trials.
const FEW_STEPS: u64 = 10;

impl Arm {
    /// The arms of the trials, in the order of presentation.
    pub const TRIALS: [Self; 9] = [
        Self::StaticSmall,
        Self::StaticFinalShape,
        Self::StaticBalanced,
        Self::StaticDiceShape,
        Self::StaticDiceBalanced,
        Self::Split,
        Self::Dice,
        Self::FewSteps,
        Self::SplitDice,
    ];

    /// The arm that stands in a cell of the sweep over rolls and starting sizes: one of the trials' arms is such a cell.
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

    /// The growing arm from which its size comes, which it then has to train first.
    pub fn borrows_shape(self) -> Option<Self> {
        match self {
            Self::StaticFinalShape | Self::StaticBalanced => Some(Self::Split),
            Self::StaticDiceShape | Self::StaticDiceBalanced => Some(Self::SplitDice),
            _ => None,
        }
    }

    /// Whether it has the very widths that it borrows; else as many parameters in the starting proportions.
    pub fn keeps_shape(self) -> bool {
        matches!(self, Self::StaticFinalShape | Self::StaticDiceShape)
    }

    /// The steps for which each roll is trained before it is scored.
    pub fn dice_steps(self, sizes: &Sizes) -> u64 {
        match self {
            Self::FewSteps => FEW_STEPS,
            _ => sizes.dice_steps,
        }
    }

    /// The number of initialisations to choose from.
    pub fn rolls(self, sizes: &Sizes) -> u64 {
        match self {
            Self::Dice | Self::FewSteps | Self::SplitDice => sizes.dice_rolls,
            Self::Rolls { rolls, .. } => rolls,
            _ => 1,
        }
    }

    /// The widths at the first step; the arms with a borrowed shape start elsewhere.
    pub fn start(self, sizes: &Sizes) -> Vec<usize> {
        match self {
            Self::Rolls { scale, .. } => scaled(&sizes.start, scale),
            _ => sizes.start.clone(),
        }
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
            Self::StaticDiceShape => f.write_str("static final shape of split + dice"),
            Self::StaticDiceBalanced => f.write_str("static balanced of split + dice"),
            Self::Split => f.write_str("split"),
            Self::Dice => f.write_str("dice"),
            Self::FewSteps => f.write_str("dice, few steps"),
            Self::SplitDice => f.write_str("split + dice"),
            Self::Rolls { scale, rolls } => write!(f, "rolls/{rolls} at {scale} of the start"),
        }
    }
}
