//! Training on a device: does it agree with the CPU kernels, what does a step copy, and how many steps are there per second.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use espalier_data::{Batches, Examples, Targets};
use espalier_net::{
    ApplyOptions, DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Plan, Scales, Session, Stack,
    StepSettings, Target, Transplant, Units,
};
use espalier_seed::Seed;
use serde::Serialize;

use crate::cell::Net;
use crate::model::network;

const BATCH: usize = 128;

/// How a net on the device compares with the same net on the CPU kernels.
#[derive(Clone, Debug, Serialize)]
pub struct Parity {
    /// The net.
    pub net: String,
    /// The optimizer.
    pub rule: String,
    /// Steps taken, with an edit in the middle.
    pub steps: usize,
    /// The largest difference of a step's losses, relative to the loss.
    pub loss: f64,
    /// The largest difference of a weight at the end, relative to the largest weight of its array.
    pub weights: f64,
}

/// What steps cost.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// The net.
    pub net: String,
    /// Networks that train side by side.
    pub networks: usize,
    /// Network-steps per second.
    pub rate: f64,
    /// Bytes that a step copied to the device.
    pub to_device: f64,
    /// Bytes that a step copied to the host.
    pub to_host: f64,
}

fn settings() -> StepSettings {
    StepSettings {
        loss: LossKind::CrossEntropy,
        rate: 1e-3,
        clipping: None,
    }
}

fn target(examples: &Examples) -> Result<Target<'_, f32>> {
    match examples.targets() {
        Targets::Classes(labels) => Ok(Target::Classes { labels, weights: None }),
        Targets::Values { .. } => anyhow::bail!("expected classes as targets, found values"),
    }
}

/// Batches in a shuffled order of their own.
fn batches(examples: &Examples, seed: &Seed, count: usize) -> Vec<Vec<u32>> {
    let mut stream = seed.named("order").stream();
    let mut order = Batches::shuffled(examples.len(), BATCH, &mut stream).dropping_last(true);
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        for at in 0.. {
            let Some(rows) = order.get(at).filter(|rows| rows.len() == BATCH) else {
                break;
            };
            taken.push(rows.to_vec());
        }
        order.reshuffle(&mut stream);
    }
    taken.truncate(count);
    taken
}

/// A net on both sides.
struct Pair {
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    session: Session<f32>,
    stack: Stack<f32>,
}

impl Pair {
    fn new(network: Network<f32>, kind: OptimizerKind, examples: &Examples, device: &DeviceChoice) -> Result<Self> {
        let (optimizer, seed) = (Optimizer::new(kind, &network)?, Seed::new(1));
        let mut stack = Stack::new(&[(&network, &optimizer)], std::slice::from_ref(&seed), device)?;
        stack.load(examples.features(), target(examples)?, usize::MAX)?;
        Ok(Self {
            session: Session::new(&network, BATCH, &DeviceChoice::Cpu, &seed)?,
            network,
            optimizer,
            stack,
        })
    }

    /// Steps both and returns the loss of the CPU's.
    fn step(&mut self, examples: &Examples, rows: &[u32]) -> Result<f64> {
        let mut features = vec![0.0; rows.len() * examples.width()];
        let mut labels = vec![0; rows.len()];
        examples.gather(rows, &mut features, espalier_data::TargetsMut::Classes(&mut labels))?;
        let labels = Target::Classes {
            labels: &labels,
            weights: None,
        };
        let kind = LossKind::CrossEntropy;
        let outcome = self
            .session
            .loss_and_gradients(&mut self.network, &[&features], labels, kind)?;
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), settings().rate)?;
        self.stack.step(&[rows], settings())?;
        Ok(outcome.loss)
    }

    /// Splits a unit of the first group and prunes another one, on both sides.
    fn edit(&mut self) -> Result<()> {
        let mut there = self.network.clone();
        self.stack.read_network(0, &mut there)?;
        let group = self.network.editable_groups()[0];
        let units = Units::of(&self.network, group)
            .split(0, &Scales::equal(2))?
            .prune(&[2])?;
        let plan = Plan::new("parity").with(units.edit("parity"));
        let applied = there.apply(&plan, &ApplyOptions::default())?;
        let mut optimizer = self.optimizer.clone();
        optimizer.follow(&applied, &there, Transplant::Exact)?;
        self.stack.follow(&there, &optimizer, &applied, Transplant::Exact)?;
        let applied = self.network.apply(&plan, &ApplyOptions::default())?;
        Ok(self.optimizer.follow(&applied, &self.network, Transplant::Exact)?)
    }
}

/// Trains a net on both sides for so many steps, with an edit in the middle.
///
/// # Errors
/// Fails where networks or device do.
pub fn parity(
    net: &Net,
    (kind, gated): (OptimizerKind, bool),
    examples: &Examples,
    device: &DeviceChoice,
    steps: usize,
) -> Result<Parity> {
    let seed = Seed::new(7);
    let mut pair = Pair::new(network(net, gated, &seed)?, kind, examples, device)?;
    let mut apart = 0.0_f64;
    for (half, rows) in batches(examples, &seed, steps).chunks(steps.div_ceil(2)).enumerate() {
        if half > 0 {
            pair.edit()?;
        }
        let expected = rows
            .iter()
            .map(|rows| pair.step(examples, rows))
            .collect::<Result<Vec<f64>>>()?;
        let found = pair.stack.settle()?.pop().context("one network")?;
        ensure!(
            found.len() == expected.len(),
            "the device ended after {} steps",
            found.len()
        );
        let losses = expected.iter().zip(&found);
        apart = losses.map(|(e, f)| (e - f.loss).abs() / e.abs()).fold(apart, f64::max);
    }
    let mut there = pair.network.clone();
    pair.stack.read_network(0, &mut there)?;
    let arrays = pair.network.parameters().iter().zip(there.parameters());
    Ok(Parity {
        net: format!("{}{}", net.label(), if gated { ", gated" } else { "" }),
        rule: kind.name().to_owned(),
        steps,
        loss: apart,
        weights: arrays
            .map(|(a, b)| difference(a.values(), b.values()))
            .fold(0.0, f64::max),
    })
}

fn difference(left: &[f32], right: &[f32]) -> f64 {
    let largest = left.iter().map(|v| v.abs()).fold(f32::MIN_POSITIVE, f32::max);
    let apart = left.iter().zip(right).map(|(l, r)| (l - r).abs()).fold(0.0, f32::max);
    f64::from(apart / largest)
}

/// Measures steps of so many networks side by side, after as many that warm the device up.
///
/// # Errors
/// Fails where networks or device do.
pub fn speed(net: &Net, networks: usize, examples: &Examples, device: &DeviceChoice, steps: usize) -> Result<Speed> {
    let seeds: Vec<Seed> = (0..networks as u64).map(Seed::new).collect();
    let nets = seeds
        .iter()
        .map(|seed| network(net, false, seed))
        .collect::<Result<Vec<_>>>()?;
    let adam = |n| Ok(Optimizer::new(OptimizerKind::adam(), n)?);
    let optimizers = nets.iter().map(adam).collect::<Result<Vec<_>>>()?;
    let members: Vec<_> = nets.iter().zip(&optimizers).collect();
    let mut stack = Stack::new(&members, &seeds, device)?;
    stack.load(examples.features(), target(examples)?, usize::MAX)?;
    let orders: Vec<_> = seeds.iter().map(|seed| batches(examples, seed, 2 * steps)).collect();
    let mut take = |range: std::ops::Range<usize>| -> Result<f64> {
        let start = Instant::now();
        for step in range {
            let rows: Vec<&[u32]> = orders.iter().map(|order| order[step].as_slice()).collect();
            stack.step(&rows, settings())?;
        }
        // Reading the losses waits for all steps.
        stack.settle()?;
        Ok(start.elapsed().as_secs_f64())
    };
    take(0..steps)?;
    let seconds = take(steps..2 * steps)?;
    let before = stack.traffic();
    let rows: Vec<&[u32]> = orders.iter().map(|order| order[0].as_slice()).collect();
    stack.step(&rows, settings())?;
    let copied = stack.traffic().since(before);
    Ok(Speed {
        net: net.label(),
        networks,
        rate: (networks * steps) as f64 / seconds,
        to_device: copied.to_device as f64,
        to_host: copied.to_host as f64,
    })
}

/// The page: what was run, where, and what came out.
#[must_use]
pub fn page(title: &str, parities: &[Parity], speeds: &[Speed]) -> String {
    let mut text = format!("# {title}\n\n## Agreement with the CPU kernels\n\n");
    text.push_str("The same batches from the same weights; a unit is split and another one pruned in the middle.\n\n");
    text.push_str(
        "| net | optimizer | steps | losses apart, relative | weights apart, relative |\n|---|---|---|---|---|\n",
    );
    for one in parities {
        let Parity {
            net,
            rule,
            steps,
            loss,
            weights,
        } = one;
        let _ = writeln!(text, "| {net} | {rule} | {steps} | {loss:.1e} | {weights:.1e} |");
    }
    text.push_str("\n## Steps\n\nBatch 128, Adam, real MNIST on the device, gather included; after a warm-up of as many steps.\n\n");
    text.push_str(
        "| net | networks side by side | network-steps/s | bytes copied to the device in a step | bytes read back |\n",
    );
    text.push_str("|---|---|---|---|---|\n");
    for one in speeds {
        let Speed {
            net,
            networks,
            rate,
            to_device,
            to_host,
        } = one;
        let _ = writeln!(text, "| {net} | {networks} | {rate:.0} | {to_device} | {to_host} |");
    }
    text
}
