//! How far the two copies of a unit move apart while a net trains on, by what sets them apart.

use std::sync::Arc;

use espalier_net::{ApplyOptions, GroupId, Network, OptimizerKind, Plan, RateSchedule, Role, Scales, Units};
use espalier_strategy::{UnevenCopies, places, produced_by};
use espalier_train::{Regime, Trainer};

use crate::rows::Gap;
use crate::training::{self, Stage};

/// Steps of Adam behind the split at which the copies are compared.
pub const STEPS: [u64; 6] = [0, 1, 10, 50, 100, 200];

/// What sets the copies apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// The study's: equal halves of the fan-out, and the second copy's bias moved by a part of itself.
    Jitter,
    /// A third and two thirds of the fan-out.
    Shares,
}

impl Means {
    pub const ALL: [Self; 2] = [Self::Jitter, Self::Shares];

    pub fn name(self) -> &'static str {
        match self {
            Self::Jitter => "the study's jitter",
            Self::Shares => "uneven shares",
        }
    }
}

/// Trains the starting net for an epoch, splits every unit in two and trains on with a new Adam, as the study did.
pub fn gaps(stage: &Stage<'_>, start: &[usize]) -> anyhow::Result<Vec<Gap>> {
    let batch = stage.settings.count("batch")?.max(1);
    let network = training::network(stage.data, start, &stage.seed)?;
    let mut trainer = plain(network, stage)?;
    trainer.train_steps(stage.data.train.len().div_ceil(batch) as u64)?;
    let mut rows = Vec::new();
    for means in Means::ALL {
        let split = split_all(trainer.network(), means, stage.settings.number("jitter")?)?;
        let mut behind = plain(split, stage)?;
        let mut done = 0;
        for steps in STEPS {
            done += behind.train_steps(steps - done)?;
            rows.push(gap(behind.network(), means, done));
        }
    }
    Ok(rows)
}

fn plain(network: Network<f32>, stage: &Stage<'_>) -> anyhow::Result<Trainer> {
    let regime = Regime {
        epochs: training::ENDLESS,
        batch: stage.settings.count("batch")?,
        rate: RateSchedule::constant(stage.settings.number("learning_rate")?),
        ..Regime::classification(OptimizerKind::adam())
    };
    Ok(Trainer::new(network, Arc::clone(stage.data), regime, &stage.seed)?.on(&stage.device)?)
}

fn split_all(network: &Network<f32>, means: Means, jitter: f64) -> anyhow::Result<Network<f32>> {
    let scales = match means {
        Means::Jitter => Scales::equal(2),
        Means::Shares => UnevenCopies::scales(2),
    };
    let mut split = network.clone();
    for group in network.editable_groups() {
        let mut units = Units::of(&split, group);
        for unit in 0..network.group(group).width() {
            units = units.split(unit, &scales)?;
        }
        let plan = Plan::new("every unit in two").with(units.edit("split"));
        split.apply(&plan, &ApplyOptions::default())?;
        if means == Means::Jitter {
            move_biases(&mut split, group, jitter);
        }
    }
    Ok(split)
}

/// Moves the bias of each second copy.
fn move_biases(network: &mut Network<f32>, group: GroupId, jitter: f64) {
    for owner in produced_by(network, group, Role::Bias) {
        for copy in (1..network.group(group).width()).step_by(2) {
            for place in places(network, &owner, copy) {
                network.parameter_mut(owner.parameter).values_mut()[place] *= (1.0 + jitter) as f32;
            }
        }
    }
}

fn gap(network: &Network<f32>, means: Means, steps: u64) -> Gap {
    let mut distances: Vec<f64> = Vec::new();
    for group in network.editable_groups() {
        let pairs = (0..network.group(group).width()).step_by(2);
        distances.extend(pairs.map(|first| distance(network, group, first)));
    }
    distances.sort_by(f64::total_cmp);
    let n = distances.len();
    Gap {
        means: means.name().to_owned(),
        steps,
        median: (distances[(n - 1) / 2] + distances[n / 2]) / 2.0,
        least: distances[0],
        largest: distances[n - 1],
    }
}

/// The distance of the fan-in weights and biases of two copies, relative to the first one's.
fn distance(network: &Network<f32>, group: GroupId, first: usize) -> f64 {
    let (mut apart, mut size) = (0.0, 0.0);
    for owner in [Role::Weight, Role::Bias]
        .into_iter()
        .flat_map(|role| produced_by(network, group, role))
    {
        let values = network.parameter(owner.parameter).values();
        let of = |unit| places(network, &owner, unit).into_iter().map(|i| f64::from(values[i]));
        apart += of(first)
            .zip(of(first + 1))
            .map(|(a, b)| (a - b) * (a - b))
            .sum::<f64>();
        size += of(first).map(|a| a * a).sum::<f64>();
    }
    (apart / size).sqrt()
}
