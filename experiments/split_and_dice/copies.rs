//! How far the two copies of a unit move apart while a net trains on, by what sets them apart.

use anyhow::Context as _;
use espalier_data::Examples;
use espalier_net::{
    ApplyOptions, GroupId, LossKind, Network, Optimizer, OptimizerKind, Plan, Role, Scales, Session, Target, Units,
};
use espalier_report::named;
use espalier_strategy::{UnevenCopies, places, produced_by};

use crate::rows::Gap;
use crate::training::Stage;

/// Steps of Adam after the split at which the copies are compared.
pub const STEPS: [u64; 6] = [0, 1, 10, 50, 100, 200];

named! {
    /// What sets the copies apart.
    pub enum Means {
        /// The study's: equal halves of the fan-out, and the second copy's bias moved by a part of itself.
        Jitter = "the study's jitter",
        /// A third and two thirds of the fan-out.
        Shares = "uneven shares",
    }
}

/// Trains the starting net for an epoch, splits every unit in two and trains on with a new Adam, as the study did.
pub fn gaps(stage: &Stage<'_>, start: &[usize]) -> anyhow::Result<Vec<Gap>> {
    let mut network = stage.network(start)?;
    let mut warm = Adam::new(&network, stage)?;
    warm.train(&mut network, warm.batches() as u64)?;
    let mut rows = Vec::new();
    for means in Means::ALL {
        let mut split = split_all(&network, means, stage.sizes.jitter)?;
        let mut behind = Adam::new(&split, stage)?;
        for steps in STEPS {
            behind.train(&mut split, steps)?;
            rows.push(gap(&split, means, steps));
        }
    }
    Ok(rows)
}

/// Steps of Adam on the training images in their order, over and over, without the scoring that a trainer does on the way.
struct Adam<'a> {
    images: &'a Examples,
    session: Session<f32>,
    optimizer: Optimizer<f32>,
    batch: usize,
    rate: f64,
    done: u64,
}

impl<'a> Adam<'a> {
    fn new(network: &Network<f32>, stage: &'a Stage<'_>) -> anyhow::Result<Self> {
        let images = &stage.data.train;
        let batch = stage.sizes.batch.clamp(1, images.len());
        Ok(Self {
            images,
            session: Session::new(network, batch, &stage.device, &stage.seed)?,
            optimizer: Optimizer::new(OptimizerKind::adam(), network)?,
            batch,
            rate: stage.sizes.learning_rate,
            done: 0,
        })
    }

    fn batches(&self) -> usize {
        self.images.len() / self.batch
    }

    /// Trains until so many steps are done in all.
    fn train(&mut self, network: &mut Network<f32>, steps: u64) -> anyhow::Result<()> {
        let labels = self.images.classes().context("a set of classes is needed")?;
        let width = self.images.width();
        while self.done < steps {
            let from = (self.done as usize % self.batches()) * self.batch;
            let inputs = &self.images.features()[from * width..(from + self.batch) * width];
            let target = Target::Classes {
                labels: &labels[from..from + self.batch],
                weights: None,
            };
            self.session
                .loss_and_gradients(network, &[inputs], target, LossKind::CrossEntropy)?;
            let session = &self.session;
            self.optimizer.step(network, |id| session.gradient(id), self.rate)?;
            self.done += 1;
        }
        Ok(())
    }
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
    let of_group = |group: GroupId| {
        let pairs = (0..network.group(group).width()).step_by(2);
        pairs.map(move |first| distance(network, group, first))
    };
    let mut distances: Vec<f64> = network.editable_groups().into_iter().flat_map(of_group).collect();
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
    let roles = [Role::Weight, Role::Bias].into_iter();
    for owner in roles.flat_map(|role| produced_by(network, group, role)) {
        let values = network.parameter(owner.parameter).values();
        let of = |unit| places(network, &owner, unit).into_iter().map(|i| f64::from(values[i]));
        let pairs = of(first).zip(of(first + 1));
        apart += pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        size += of(first).map(|a| a * a).sum::<f64>();
    }
    (apart / size).sqrt()
}
