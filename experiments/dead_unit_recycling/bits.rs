//! The slowly-changing regression: bits that seldom flip, and a target that a small net cannot hold.

use std::sync::Arc;

use espalier_data::{Dataset, DatasetInfo, Examples, TargetKind, Targets};
use espalier_seed::{Seed, Stream};

/// Bits that a task holds fixed, of which one flips from task to task.
const SLOW: usize = 15;
/// Bits that are drawn for every row.
const FAST: usize = 5;
/// All inputs: both kinds, and one that is always 1.
const INPUTS: usize = SLOW + FAST + 1;
/// Linear threshold units of the target.
const TARGET_UNITS: usize = 100;
/// β of their thresholds.
const BETA: f64 = 0.7;

/// The target: a net of linear threshold units with weights of ±1.
///
/// # Paper
/// Dohare et al. 2024, slowly-changing regression: unit i fires where its weighted sum exceeds
/// θᵢ = β·(number of inputs) − (number of its weights that are −1).
pub struct Bits {
    incoming: Vec<f64>,
    outgoing: Vec<f64>,
}

/// A unit of the target in one task. Its sums are whole numbers: what the slow bits give to them is added up once.
struct Unit<'a> {
    fixed: f64,
    threshold: f64,
    /// The weights of the inputs behind the slow bits.
    weights: &'a [f64],
    outgoing: f64,
}

fn weighted(weights: &[f64], inputs: &[f32]) -> f64 {
    weights.iter().zip(inputs).map(|(w, x)| w * f64::from(*x)).sum()
}

impl Bits {
    pub fn draw(seed: &Seed) -> Self {
        let mut stream = seed.stream();
        let mut signs = |count: usize| (0..count).map(|_| f64::from(2.0 * draw(&mut stream) - 1.0)).collect();
        Self {
            incoming: signs(TARGET_UNITS * INPUTS),
            outgoing: signs(TARGET_UNITS),
        }
    }

    /// The target's units in a task.
    fn units(&self, slow: &[f32; SLOW]) -> Vec<Unit<'_>> {
        let weights = self.incoming.chunks_exact(INPUTS).zip(&self.outgoing);
        weights
            .map(|(weights, outgoing)| Unit {
                fixed: weighted(&weights[..SLOW], slow),
                threshold: BETA * INPUTS as f64 - weights.iter().filter(|w| **w < 0.0).count() as f64,
                weights: &weights[SLOW..],
                outgoing: *outgoing,
            })
            .collect()
    }

    /// The slow bits of a task: those of the first with one flip for each task since.
    fn slow(task: usize, seed: &Seed) -> [f32; SLOW] {
        let mut stream = seed.named("flips").stream();
        let mut bits = [0.0; SLOW];
        bits.iter_mut().for_each(|bit| *bit = draw(&mut stream));
        for _ in 0..task {
            let flipped = stream.below(SLOW);
            bits[flipped] = 1.0 - bits[flipped];
        }
        bits
    }

    /// A task with so many rows of the three splits; `like` lends what else a data set says.
    pub fn task(&self, like: &Dataset, task: usize, rows: [usize; 3], seed: &Seed) -> anyhow::Result<Arc<Dataset>> {
        let slow = Self::slow(task, seed);
        let mut stream = seed.named("rows").index(task as u64).stream();
        let [train, validation, test] = rows.map(|rows| self.examples(rows, &slow, &mut stream));
        Ok(Arc::new(Dataset {
            info: DatasetInfo {
                name: "flipping-bits".to_owned(),
                content_sha256: String::new(),
                features: INPUTS,
                shape: vec![INPUTS],
                targets: TargetKind::Regression(1),
                ..like.info.clone()
            },
            train: train?,
            validation: validation?,
            test: test?,
            transform: like.transform.clone(),
            encoding: like.encoding.clone(),
        }))
    }

    fn examples(&self, rows: usize, slow: &[f32; SLOW], stream: &mut Stream) -> anyhow::Result<Examples> {
        let mut features = Vec::with_capacity(rows * INPUTS);
        for _ in 0..rows {
            features.extend_from_slice(slow);
            features.extend((0..FAST).map(|_| draw(stream)));
            features.push(1.0);
        }
        let units = self.units(slow);
        let target = |row: &[f32]| {
            let fires = |unit: &&Unit<'_>| unit.fixed + weighted(unit.weights, &row[SLOW..]) > unit.threshold;
            units.iter().filter(fires).map(|unit| unit.outgoing).sum::<f64>() as f32
        };
        let values = features.chunks_exact(INPUTS).map(target).collect();
        Ok(Examples::new(features, INPUTS, Targets::Values { values, width: 1 })?)
    }
}

fn draw(stream: &mut Stream) -> f32 {
    f32::from(u8::from(stream.bernoulli(0.5)))
}
