//! What the study set otherwise for each data set.

use espalier_data::{DatasetInfo, TargetKind};
use espalier_net::LossKind;
use espalier_train::{ClassWeights, Regime};

use crate::Grid;

/// How a data set is trained, and what the study reported of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    pub name: &'static str,
    batch: usize,
    /// What λ of the grid is multiplied by before it meets the mean loss of a batch.
    pub shift: f64,
    regression: bool,
    class_weights: ClassWeights,
    /// The study's best test score: an accuracy, or a mean squared error.
    pub published: Option<f64>,
}

const fn images(name: &'static str, published: Option<f64>) -> Task {
    Task {
        name,
        batch: 128,
        shift: 1.0,
        regression: false,
        class_weights: ClassWeights::Equal,
        published,
    }
}

/// The study adds up squared errors and takes λ times 10⁴; against their mean over a batch that is 10⁴ over the batch.
const fn values(name: &'static str, batch: usize, published: f64) -> Task {
    Task {
        batch,
        shift: 1e4 / batch as f64,
        regression: true,
        ..images(name, Some(published))
    }
}

const TASKS: [Task; 6] = [
    images("mnist", Some(0.9844)),
    images("fashion-mnist", Some(0.897)),
    values("add10", 100, 1.0615),
    values("airfoil", 50, 8.457),
    Task {
        batch: 250,
        shift: 0.1,
        class_weights: ClassWeights::Inverse,
        ..images("poker-hand", Some(0.99972))
    },
    Task {
        batch: 250,
        shift: 0.1,
        ..images("adult", None)
    },
];

impl Task {
    /// The task of a data set; sets that the study did not use are trained as its images or as Add10 are.
    pub fn of(info: &DatasetInfo) -> Self {
        let other = match info.targets {
            TargetKind::Classes(_) => images("", None),
            TargetKind::Regression(_) => Self {
                published: None,
                ..values("", 100, 0.0)
            },
        };
        Self::named(&info.name).unwrap_or(other)
    }

    /// The task of a data set that the study used.
    pub fn named(dataset: &str) -> Option<Self> {
        TASKS.iter().find(|task| task.name == dataset).copied()
    }

    /// The names of all data sets.
    pub fn names() -> Vec<&'static str> {
        TASKS.iter().map(|task| task.name).collect()
    }

    /// So many steps, rounded up to whole epochs.
    pub fn regime(&self, steps: u64, rows: usize, s: &Grid) -> Regime {
        Regime {
            loss: if self.regression {
                LossKind::MeanSquaredError
            } else {
                LossKind::CrossEntropy
            },
            class_weights: self.class_weights,
            ..Regime::adam(
                steps.div_ceil(rows.div_ceil(self.batch) as u64),
                self.batch,
                s.learning_rate,
            )
        }
    }

    pub fn batch(&self) -> usize {
        self.batch
    }
}
