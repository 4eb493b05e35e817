//! The arms: how a net comes to its size and to its first weights.

use std::fmt::{self, Display};

use crate::Sizes;

/// What grows, what is rolled, and which size a net has at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Empty for a cell of the sweep over rolls.
    name: &'static str,
    pub splits: bool,
    dice: Dice,
    pub size: Size,
}

/// Among how many initialisations the best is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dice {
    Once,
    /// As many as the settings say.
    Rolled,
    /// The same, each roll trained for as many steps as in the study's trials before it is scored.
    FewSteps,
    /// This many, whose cost is not charged: what they are worth shows apart from what they cost.
    Unpaid(u64),
}

/// The size at the first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// So many times the starting size.
    Start(f64),
    /// The widths that an arm of the same seed ends with.
    WidthsOf(&'static Arm),
    /// As many parameters as that arm ends with, in the proportions of the starting size.
    ParametersOf(&'static Arm),
}

const fn arm(name: &'static str, splits: bool, dice: Dice, size: Size) -> Arm {
    Arm {
        name,
        splits,
        dice,
        size,
    }
}

const START: Size = Size::Start(1.0);
pub const SMALL: Arm = arm("static small", false, Dice::Once, START);
pub const SHAPE: Arm = arm("static final shape", false, Dice::Once, Size::WidthsOf(&SPLIT));
pub const BALANCED: Arm = arm("static balanced", false, Dice::Once, Size::ParametersOf(&SPLIT));
pub const BOTH_SHAPE: Arm = arm(
    "static final shape of split + dice",
    false,
    Dice::Once,
    Size::WidthsOf(&BOTH),
);
pub const BOTH_BALANCED: Arm = arm(
    "static balanced of split + dice",
    false,
    Dice::Once,
    Size::ParametersOf(&BOTH),
);
pub const SPLIT: Arm = arm("split", true, Dice::Once, START);
pub const DICE: Arm = arm("dice", false, Dice::Rolled, START);
pub const FEW_STEPS: Arm = arm("dice, few steps", false, Dice::FewSteps, START);
pub const BOTH: Arm = arm("split + dice", true, Dice::Rolled, START);
/// The arms of the trials, in the order of presentation.
pub const TRIALS: [Arm; 9] = [
    SMALL,
    SHAPE,
    BALANCED,
    BOTH_SHAPE,
    BOTH_BALANCED,
    SPLIT,
    DICE,
    FEW_STEPS,
    BOTH,
];
/// Batches on which a roll is trained in the study's trials.
const STUDY_STEPS: u64 = 10;

impl Arm {
    /// The arm that stands in a cell of the sweep over rolls and starting sizes: one of the trials' arms is such a cell.
    pub fn cell(scale: f64, rolls: u64) -> Self {
        if rolls == 1 && scale == 1.0 {
            return SMALL;
        }
        arm("", false, Dice::Unpaid(rolls), Size::Start(scale))
    }

    pub fn is_cell(self) -> bool {
        self == SMALL || !self.pays_for_decisions()
    }

    /// Whether decisions are paid from the budget.
    pub fn pays_for_decisions(self) -> bool {
        !matches!(self.dice, Dice::Unpaid(_))
    }

    /// The growing arm from which its size comes, which it then has to train first.
    pub fn lender(self) -> Option<Self> {
        match self.size {
            Size::Start(_) => None,
            Size::WidthsOf(lender) | Size::ParametersOf(lender) => Some(*lender),
        }
    }

    /// Relative to the starting size; 1 where the size is borrowed.
    pub fn scale(self) -> f64 {
        match self.size {
            Size::Start(scale) => scale,
            _ => 1.0,
        }
    }

    /// The steps for which each roll is trained before it is scored.
    pub fn dice_steps(self, sizes: &Sizes) -> u64 {
        match self.dice {
            Dice::FewSteps => STUDY_STEPS,
            _ => sizes.dice_steps,
        }
    }

    /// The number of initialisations to choose from.
    pub fn rolls(self, sizes: &Sizes) -> u64 {
        match self.dice {
            Dice::Once => 1,
            Dice::Rolled | Dice::FewSteps => sizes.dice_rolls,
            Dice::Unpaid(rolls) => rolls,
        }
    }

    /// The widths at the first step; the arms with a borrowed size start elsewhere.
    pub fn start(self, sizes: &Sizes) -> Vec<usize> {
        scaled(&sizes.start, self.scale())
    }
}

/// Widths in the same proportions, at least one unit each.
pub fn scaled(widths: &[usize], factor: f64) -> Vec<usize> {
    let scale = |width: &usize| ((*width as f64 * factor).round() as usize).max(1);
    widths.iter().map(scale).collect()
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dice {
            Dice::Unpaid(rolls) => write!(f, "rolls/{rolls} at {} of the start", self.scale()),
            _ => f.write_str(self.name),
        }
    }
}
