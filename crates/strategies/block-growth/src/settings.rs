//! The method's settings and their ranges.

use espalier_net::{Initializer, ParameterGroup, ParameterSelector, Role};
use espalier_strategy::{Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `block_units` | 50 | ≥ 1 | 50; 25 … 100 |
/// | `lambda_start` | 1 | > 0 | 1; 10 |
/// | `lambda_factor` | 10 | > 1 | 10; 5 |
/// | `lambda_floor` | 1e-9 | > 0, below `lambda_start` | 1e-9; 1e-7 |
/// | `lambda_ceiling` | 1e3 | ≥ `lambda_start` | none |
/// | `patience_epochs` | 3 | ≥ 1 | 3; 4 |
/// | `trial_epochs` | 60 | ≥ 1 | none |
/// | `initializer` | PyTorch's | – | PyTorch's |
/// | `parameter_groups` | no weight decay on gates | – | none |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockGrowthSettings {
    /// The hidden units m of a block when it is opened.
    pub block_units: usize,
    /// λ of a block's first trial.
    pub lambda_start: f64,
    /// By what λ is divided on the way down and multiplied on the way up.
    pub lambda_factor: f64,
    /// No trial takes place at this λ or below: growth ends.
    pub lambda_floor: f64,
    /// No trial takes place above this λ: the block is kept as it is.
    pub lambda_ceiling: f64,
    /// A trial is over after so many epochs in a row without a smaller block or, at the same size, a lower loss.
    pub patience_epochs: u64,
    /// A trial is over after so many epochs in any case.
    pub trial_epochs: u64,
    /// How the weights of a fresh block are drawn.
    pub initializer: Initializer,
    /// The optimizer's parameter groups for what trains; a last one, which holds all else still, is added.
    pub parameter_groups: Vec<ParameterGroup>,
}

impl Default for BlockGrowthSettings {
    fn default() -> Self {
        let gates = ParameterSelector::Roles(vec![Role::Gate]);
        Self {
            block_units: 50,
            lambda_start: 1.0,
            lambda_factor: 10.0,
            lambda_floor: 1e-9,
            lambda_ceiling: 1e3,
            patience_epochs: 3,
            trial_epochs: 60,
            initializer: Initializer::default(),
            parameter_groups: vec![ParameterGroup::new(gates).weight_decay(0.0)],
        }
    }
}

impl BlockGrowthSettings {
    /// Blocks of so many units that all stay, each trained for so many epochs: no penalty, and no search for one.
    ///
    /// λ is 1e-12, which moves no gate to 0, and no other λ is tried. A block that does not lower the loss ends growth.
    #[must_use]
    pub fn unpenalised(block_units: usize, trial_epochs: u64) -> Self {
        Self {
            block_units,
            trial_epochs,
            patience_epochs: trial_epochs,
            lambda_start: 1e-12,
            lambda_ceiling: 1e-12,
            lambda_floor: 1e-13,
            ..Self::default()
        }
    }

    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let (start, floor, ceiling) = (self.lambda_start, self.lambda_floor, self.lambda_ceiling);
        let factor = self.lambda_factor;
        check_setting(
            name,
            "block_units",
            self.block_units > 0,
            "at least 1",
            self.block_units,
        )?;
        check_setting(name, "lambda_start", positive(start), "above 0", start)?;
        check_setting(
            name,
            "lambda_factor",
            factor > 1.0 && factor.is_finite(),
            "above 1",
            factor,
        )?;
        let below = positive(floor) && floor < start;
        check_setting(name, "lambda_floor", below, "above 0 and below `lambda_start`", floor)?;
        let above = ceiling.is_finite() && ceiling >= start;
        check_setting(name, "lambda_ceiling", above, "at least `lambda_start`", ceiling)?;
        let patience = self.patience_epochs;
        check_setting(name, "patience_epochs", patience > 0, "at least 1", patience)?;
        check_setting(
            name,
            "trial_epochs",
            self.trial_epochs > 0,
            "at least 1",
            self.trial_epochs,
        )
    }

    /// λ after `steps` steps up (or, where negative, down) from the start.
    ///
    /// # Example
    /// ```
    /// use espalier_block_growth::BlockGrowthSettings;
    ///
    /// let settings = BlockGrowthSettings { lambda_start: 8.0, lambda_factor: 2.0, ..Default::default() };
    /// assert_eq!((settings.lambda_at(-3), settings.lambda_at(1)), (1.0, 16.0));
    /// ```
    #[must_use]
    pub fn lambda_at(&self, steps: i32) -> f64 {
        let factor = self.lambda_factor.powi(steps.abs());
        // Dividing by a power of ten gives the decimal fraction itself.
        if steps < 0 {
            self.lambda_start / factor
        } else {
            self.lambda_start * factor
        }
    }

    /// Whether λ so many steps from the start is above the floor; rounding of the powers does not decide.
    pub(crate) fn above_floor(&self, steps: i32) -> bool {
        self.lambda_at(steps) > self.lambda_floor * (1.0 + 1e-9)
    }

    /// Whether λ so many steps from the start is not above the ceiling.
    pub(crate) fn within_ceiling(&self, steps: i32) -> bool {
        self.lambda_at(steps) <= self.lambda_ceiling * (1.0 + 1e-9)
    }
}
