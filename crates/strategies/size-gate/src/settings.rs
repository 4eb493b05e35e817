//! The method's settings and their ranges.

use std::collections::BTreeMap;

use espalier_strategy::{Gates, Result, Sample, check_setting};
use serde::{Deserialize, Serialize};

/// What holds the size down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// λ times the integral of the gates, stable everywhere.
    #[default]
    Integral,
    /// λ times the sum of the gates as first written in the source, which overflows; kept for comparison.
    NaiveSum,
    /// λ·x₀, which has no lower bound; kept for comparison.
    Position,
}

/// How steep the gates are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slope {
    /// k is fixed.
    Fixed {
        /// k, per unit.
        k: f64,
    },
    /// ln k is learned with Adam.
    Learned {
        /// k before the first step.
        k: f64,
        /// The learning rate of ln k.
        rate: f64,
    },
    /// Each step draws the width z of the gray zone from U(low, high); k = 9.19 / z, for evaluation at the mean width.
    RandomGrayZone {
        /// The narrowest gray zone, in units.
        low: f64,
        /// The widest.
        high: f64,
    },
}

/// How the sigmoid opens a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// The factor is the sigmoid.
    #[default]
    Smooth,
    /// The factor is 1 for ranks below x₀ and 0 otherwise.
    Step,
    /// In training the factor is 1 with the sigmoid's probability, drawn anew in each step, and 0 otherwise.
    Bernoulli,
}

/// Which unit has which rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they stand in the layer.
    #[default]
    Position,
    /// By their mean value before the gate over the last epoch, largest first.
    Activity,
    /// By the loss without the unit less the loss with it, at the end of each epoch, largest first.
    Importance {
        /// On which samples.
        sample: Sample,
    },
    /// By a learned scale in 0.1..=10 that multiplies the unit beside its gate, largest first, anew in every step.
    Scale,
}

/// What trains x₀.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeOptimizer {
    /// Adam (β 0.9 and 0.999, ε 1e-8) without decay.
    #[default]
    Adam,
    /// Plain gradient descent.
    Plain,
}

/// When units whose gates are closed are taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compaction {
    /// Never.
    Never,
    /// After the last epoch.
    #[default]
    AtEnd,
    /// After every so many epochs and after the last one.
    EveryEpochs(u64),
}

/// The second phase of training: units in the gray zone learn at another rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrayPhase {
    /// The epochs before it.
    pub after_epochs: u64,
    /// The factor on the learning rate of units whose gates are between 0.01 and 0.99.
    pub factor: f64,
    /// How many ranks beyond them share it.
    pub margin: f64,
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `gates` | all | linear gate layers | one hidden layer; later several |
/// | `start` | 250 | finite, in units | 0, 25, …, 475 (but 1 until the erratum); 25 for several layers |
/// | `starts` | none | by the gate's name | – |
/// | `lambda` | 1e-5 | ≥ 0 | 1e-5; 10^−2.5 … 10^−7.5 |
/// | `penalty` | integral | – | sum, then integral |
/// | `slope` | fixed 0.4 | k in 1e-3..=100, `rate` ≥ 0, 0 < `low` ≤ `high` | 1, then 0.4; U(1, 20) |
/// | `opening` | smooth | – | smooth |
/// | `straight_through` | false | – | – |
/// | `order` | position | – | position; `sorted`, `scaled` |
/// | `size_rate` | 1 | > 0 | 1 |
/// | `size_optimizer` | Adam | – | Adam |
/// | `gray_phase` | none | `factor`, `margin` ≥ 0 | planned |
/// | `epsilon` | 0.01 | in (0, 1) | 0.01 |
/// | `compaction` | at the end | epochs ≥ 1 | – |
/// | `fold_at_end` | true | needs a compaction | – |
/// | `reads_gradient` | false | – | the mean gradient |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeGateSettings {
    /// Where.
    pub gates: Gates,
    /// x₀ before the first step.
    pub start: f64,
    /// Other values for some gates.
    pub starts: BTreeMap<String, f64>,
    /// The weight λ of the penalty.
    pub lambda: f64,
    /// What holds the size down.
    pub penalty: Penalty,
    /// How steep the gates are.
    pub slope: Slope,
    /// How the sigmoid opens a unit.
    pub opening: Opening,
    /// Whether a hard gate passes the sigmoid's gradient to x₀; otherwise it passes none.
    pub straight_through: bool,
    /// Which unit has which rank.
    pub order: Order,
    /// The learning rate of x₀, in units.
    pub size_rate: f64,
    /// What trains x₀.
    pub size_optimizer: SizeOptimizer,
    /// A second phase with another learning rate in the gray zone.
    pub gray_phase: Option<GrayPhase>,
    /// Gates below it are closed when units are taken out.
    pub epsilon: f64,
    /// When closed units are taken out.
    pub compaction: Compaction,
    /// Whether gates are multiplied into weights after the last epoch.
    pub fold_at_end: bool,
    /// Whether mean, standard deviation and sign of an epoch's gradients by x₀ are among the readings.
    #[serde(default)]
    pub reads_gradient: bool,
}

impl Default for SizeGateSettings {
    fn default() -> Self {
        Self {
            gates: Gates::All,
            start: 250.0,
            starts: BTreeMap::new(),
            lambda: 1e-5,
            penalty: Penalty::Integral,
            slope: Slope::Fixed { k: 0.4 },
            opening: Opening::Smooth,
            straight_through: false,
            order: Order::Position,
            size_rate: 1.0,
            size_optimizer: SizeOptimizer::Adam,
            gray_phase: None,
            epsilon: 0.01,
            compaction: Compaction::AtEnd,
            fold_at_end: true,
            reads_gradient: false,
        }
    }
}

impl SizeGateSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let at_least_zero = |x: f64| x >= 0.0 && x.is_finite();
        check_setting(
            name,
            "start",
            self.start.is_finite(),
            "a finite number of units",
            self.start,
        )?;
        for (gate, start) in &self.starts {
            check_setting(
                name,
                "starts",
                start.is_finite(),
                "finite numbers of units",
                format!("{start} for `{gate}`"),
            )?;
        }
        check_setting(name, "lambda", at_least_zero(self.lambda), "at least 0", self.lambda)?;
        let rate = self.size_rate;
        check_setting(name, "size_rate", rate > 0.0 && rate.is_finite(), "above 0", rate)?;
        check_setting(
            name,
            "epsilon",
            self.epsilon > 0.0 && self.epsilon < 1.0,
            "in (0, 1)",
            self.epsilon,
        )?;
        self.check_slope(name)?;
        if let Some(phase) = self.gray_phase {
            check_setting(
                name,
                "gray_phase.factor",
                at_least_zero(phase.factor),
                "at least 0",
                phase.factor,
            )?;
            check_setting(
                name,
                "gray_phase.margin",
                at_least_zero(phase.margin),
                "at least 0",
                phase.margin,
            )?;
        }
        let epochs = self.compaction != Compaction::EveryEpochs(0);
        check_setting(name, "compaction", epochs, "at least 1 epoch", 0)
    }

    fn check_slope(&self, name: &str) -> Result<()> {
        let usable = |k: f64| (1e-3..=100.0).contains(&k);
        match self.slope {
            Slope::Fixed { k } => check_setting(name, "slope.k", usable(k), "0.001..=100", k),
            Slope::Learned { k, rate } => {
                check_setting(name, "slope.k", usable(k), "0.001..=100", k)?;
                check_setting(name, "slope.rate", rate >= 0.0 && rate.is_finite(), "at least 0", rate)
            }
            Slope::RandomGrayZone { low, high } => {
                check_setting(name, "slope.low", low > 0.0 && low.is_finite(), "above 0", low)?;
                check_setting(
                    name,
                    "slope.high",
                    high >= low && high.is_finite(),
                    "at least `low`",
                    high,
                )
            }
        }
    }

    /// Says whether closed units are taken out after this many epochs.
    pub(crate) fn compacts(&self, epochs_done: u64, epochs: u64) -> bool {
        match self.compaction {
            Compaction::Never => false,
            Compaction::AtEnd => epochs_done >= epochs,
            Compaction::EveryEpochs(every) => epochs_done >= epochs || epochs_done.is_multiple_of(every),
        }
    }
}
