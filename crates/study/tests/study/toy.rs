//! Toy rows: nets with an accuracy, a number of parameters and sizes over epochs.

use espalier_report::page::LEAST_SEEDS;
use espalier_report::rows::{Record, Row, Rows, TrialKey};
use espalier_study::{Arm, Factor, Level, Quantity, Recorded, Result, Study, Trial};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub test: f64,
    pub parameters: f64,
    pub diverged: bool,
    pub edits: Option<u64>,
}
impl Row for Outcome {
    const TABLE: &'static str = "outcomes";
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Epoch {
    pub size: f64,
}
impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

#[derive(Clone)]
pub struct Net {
    pub outcome: Outcome,
    pub sizes: Vec<f64>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> Result<Vec<(String, Self)>> {
        let net = Self {
            outcome: trial.row()?,
            sizes: trial.rows::<Epoch>()?.iter().map(|epoch| epoch.size).collect(),
        };
        Ok(vec![(trial.key.variant.clone(), net)])
    }
    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
    fn edits(&self) -> Option<u64> {
        self.outcome.edits
    }
}

pub const TEST: Quantity<Net> = Quantity::new("test", "test accuracy", |n: &Net| n.outcome.test)
    .unit("fraction", 4)
    .higher_is_better();
pub const PARAMETERS: Quantity<Net> =
    Quantity::new("parameters", "parameters", |n: &Net| n.outcome.parameters).unit("", 0);
pub const SIZE: Quantity<Net> = Quantity::new("size", "size", |n: &Net| n.sizes.last().copied().unwrap_or(f64::NAN))
    .unit("units", 0)
    .over_epochs(|n| n.sizes.clone());

pub const METHOD: Factor = Factor::method("method");
pub const RATE: Factor = Factor::setting("learning rate");
pub const EPOCHS: Factor = Factor::setting("epochs");
pub const KEPT: Factor = Factor::setting("share of weights kept");
pub const LAMBDA: Factor = Factor::setting("λ");
pub const WIDTH: Factor = Factor::setting("width").log();
pub const K: Factor = Factor::setting("k");
pub const TWIN: Factor = Factor::label("twin at λ");

/// The six seeds' deviations; their mean of the middle four is 0.
pub const NOISE: [f64; LEAST_SEEDS] = [0.0005, -0.0004, 0.0002, -0.0003, 0.0001, 0.0000];

/// One arm with its accuracy without noise, and its size after every epoch.
pub struct Toy {
    pub arm: Arm,
    pub test: f64,
    pub parameters: f64,
    pub sizes: Vec<f64>,
    pub diverged: bool,
    pub edits: Option<u64>,
}

pub fn toy(name: &str, test: f64) -> Toy {
    Toy {
        arm: Arm::new(name),
        test,
        parameters: 1000.0,
        sizes: vec![50.0; 10],
        diverged: false,
        edits: None,
    }
}

impl Toy {
    pub fn with(mut self, factor: &Factor, level: impl Into<Level>) -> Self {
        self.arm = self.arm.with(factor, level);
        self
    }
}

/// The rows of some seeds on a data set.
pub fn rows_of(toys: &[Toy], seeds: usize, dataset: &str) -> Rows {
    let mut records = Vec::new();
    for (place, toy) in toys.iter().enumerate() {
        for seed in 0..seeds {
            // Arms are shifted against each other, so that their differences vary over seeds.
            let noise = NOISE[(seed * (place % 5 + 1) + place) % NOISE.len()];
            let name = &toy.arm.name;
            let mut record = Record::new(TrialKey::new(
                &format!("{name}-{seed}-{dataset}"),
                name,
                dataset,
                seed as u64,
            ));
            record
                .push(&Outcome {
                    test: toy.test + noise,
                    parameters: toy.parameters,
                    diverged: toy.diverged && seed == 0,
                    edits: toy.edits,
                })
                .unwrap();
            for size in &toy.sizes {
                record.push(&Epoch { size: *size + noise }).unwrap();
            }
            records.push(record);
        }
    }
    Rows::from_records(&records).unwrap()
}

/// A study of toys before any rows are read.
pub fn empty(toys: &[Toy]) -> Study<Net> {
    let arms = toys.iter().map(|toy| toy.arm.clone()).collect();
    Study::new("toy", arms).unwrap().outcome(PARAMETERS)
}

pub fn study_of(toys: &[Toy], seeds: usize) -> Study<Net> {
    let all: Vec<u64> = (0..seeds as u64).collect();
    empty(toys).read("toys", &rows_of(toys, seeds, "toys"), &all).unwrap()
}

/// The arm of a method.
pub fn named(name: &str) -> espalier_study::Where {
    METHOD.is(name)
}
