//! The importances of a trained net's units, and what is lost when the least important ones are taken out.

use anyhow::Context as _;
use espalier_data::Examples;
use espalier_net::{ApplyOptions, DeviceChoice, LossKind, Plan, Session, Target, Units};
use espalier_size_gate::importances;
use espalier_strategy::{Batch, Oracle, Sample, SampleOracle, Spent};
use espalier_train::{Evaluation, Trainer};
use espalier_trial::prelude::*;

/// The shares of the units that are taken out.
pub const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 0.9];

rows! {
    /// A hidden unit: the exact importance and the cheap ones.
    #[derive(Copy)]
    pub struct Unit = "units" {
        pub unit: u64,
        /// The validation loss without it less the one with it.
        pub exact: f64,
        /// The same on the training images that are probed.
        pub exact_train: f64,
        /// Mean activation.
        pub activation: f64,
        /// Standard deviation of the activation.
        pub spread: f64,
        /// Share of images on which it fires.
        pub firing: f64,
        /// Σ|fan-out weight|.
        pub outgoing: f64,
        /// Euclidean norm of the fan-in weights.
        pub incoming: f64,
        /// −Σ activation · ∂loss/∂activation: how much the loss rises without it, to first order.
        pub first_order: f64,
        /// Σ (activation · ∂loss/∂activation)².
        pub fisher: f64,
        /// Drawn at random.
        pub random: f64,
    }

    /// The net without the least important units of an order, on the validation split.
    pub struct Removal = "removals" {
        pub order: String,
        pub share: f64,
        pub units_left: u64,
        pub loss: f64,
        pub accuracy: f64,
    }
}

/// An order of units by a score, the largest first.
pub type Score = fn(&[Unit]) -> Vec<f64>;

/// All orders; the exact one first.
pub const ORDERS: [(&str, Score); 11] = [
    ("exact", |units| each(units, |u| u.exact)),
    ("exact, training images", |units| each(units, |u| u.exact_train)),
    ("Fisher", |units| each(units, |u| u.fisher)),
    ("first order", |units| each(units, |u| u.first_order)),
    ("spread × fan-out", |units| each(units, |u| u.spread * u.outgoing)),
    ("fan-out", |units| each(units, |u| u.outgoing)),
    ("fan-in", |units| each(units, |u| u.incoming)),
    ("spread", |units| each(units, |u| u.spread)),
    ("mean activation", |units| each(units, |u| u.activation)),
    ("sorting permutation", permutation),
    ("random", |units| each(units, |u| u.random)),
];

fn each(units: &[Unit], score: fn(&Unit) -> f64) -> Vec<f64> {
    units.iter().map(score).collect()
}

/// The study's slip: the place k of the permutation that sorts activations is taken for the rank of unit k.
fn permutation(units: &[Unit]) -> Vec<f64> {
    sorted(&each(units, |u| u.activation))
        .into_iter()
        .map(|unit| -(unit as f64))
        .collect()
}

/// Units by falling score; equal ones in their order.
fn sorted(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order
}

fn batch(examples: &Examples, images: usize) -> anyhow::Result<Batch<'_>> {
    let samples = images.min(examples.len());
    let labels = examples.classes().context("a set of classes is needed")?;
    Ok(Batch {
        inputs: &examples.features()[..samples * examples.width()],
        target: Target::Classes {
            labels: &labels[..samples],
            weights: None,
        },
        samples,
    })
}

/// Measures every hidden unit.
pub fn units(trainer: &Trainer, probed: usize, seed: &Seed) -> anyhow::Result<Vec<Unit>> {
    let (network, data) = (trainer.network(), trainer.data());
    let (growth, validation) = (
        batch(&data.train, probed)?,
        batch(&data.validation, data.validation.len())?,
    );
    let mut session = Session::new(
        network,
        growth.samples.max(500),
        &DeviceChoice::Cpu,
        &seed.named("probe"),
    )?;
    let mut oracle = SampleOracle {
        session: &mut session,
        growth,
        validation,
        loss: LossKind::CrossEntropy,
        batch: growth.samples,
        max_macs: None,
        spent: Spent::default(),
    };
    let (group, node) = (network.find_group("hidden1")?, network.find("relu1")?);
    let exact = importances(&mut oracle, network, group, Sample::Validation)?;
    let exact_train = importances(&mut oracle, network, group, Sample::Growth)?;
    let moments = oracle.moments(network, node, Sample::Growth)?;
    let probe = oracle.probe(network, &[node])?;
    let width = exact.len();
    let (mut first_order, mut fisher) = (vec![0.0; width], vec![0.0; width]);
    let lacking = "the probe did not show the hidden layer";
    let (values, gradients) = (
        probe.activation(node).context(lacking)?,
        probe.activation_gradient(node).context(lacking)?,
    );
    for (place, (value, gradient)) in values.iter().zip(gradients).enumerate() {
        let change = f64::from(*value) * f64::from(*gradient);
        first_order[place % width] -= change;
        fisher[place % width] += change * change;
    }
    let (outgoing, incoming) = weights(network)?;
    let (activation, spread, firing) = (moments.mean(), moments.std(), moments.firing_rate());
    let mut stream = seed.named("random order").stream();
    let unit = |k: usize| Unit {
        unit: k as u64,
        exact: exact[k],
        exact_train: exact_train[k],
        activation: activation[k],
        spread: spread[k],
        firing: firing[k],
        outgoing: outgoing[k],
        incoming: incoming[k],
        first_order: first_order[k],
        fisher: fisher[k],
        random: stream.uniform(),
    };
    Ok((0..width).map(unit).collect())
}

/// Σ|fan-out| and ‖fan-in‖ of each hidden unit.
fn weights(network: &Network<f32>) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let outgoing = network.parameter(network.find_parameter("logits.weight")?);
    let incoming = network.parameter(network.find_parameter("hidden1.weight")?);
    let (outputs, units) = (outgoing.shape()[1], incoming.shape()[1]);
    let rows = outgoing.values().chunks_exact(outputs);
    let sums = rows.map(|row| row.iter().map(|w| f64::from(w.abs())).sum()).collect();
    let mut squares = vec![0.0; units];
    for (place, weight) in incoming.values().iter().enumerate() {
        squares[place % units] += f64::from(*weight).powi(2);
    }
    Ok((sums, squares.into_iter().map(f64::sqrt).collect()))
}

/// Takes shares of the units out by every order.
pub fn removals(trainer: &Trainer, units: &[Unit]) -> anyhow::Result<Vec<Removal>> {
    let (network, examples) = (trainer.network(), &trainer.data().validation);
    let group = network.find_group("hidden1")?;
    let mut rows = Vec::new();
    for (order, score) in ORDERS {
        let ranked = sorted(&score(units));
        for share in SHARES {
            let left = (((1.0 - share) * units.len() as f64).round() as usize).max(1);
            let mut smaller = network.clone();
            let mut gone = ranked[left..].to_vec();
            gone.sort_unstable();
            if !gone.is_empty() {
                let edit = Units::of(network, group)
                    .prune(&gone)?
                    .edit("the least important units");
                smaller.apply(&Plan::new("removal").with(edit), &ApplyOptions::default())?;
            }
            let scored = Evaluation::of(&smaller, examples, LossKind::CrossEntropy)?;
            rows.push(Removal {
                order: order.to_owned(),
                share,
                units_left: left as u64,
                loss: scored.loss,
                accuracy: scored.accuracy.unwrap_or(f64::NAN),
            });
        }
    }
    Ok(rows)
}
