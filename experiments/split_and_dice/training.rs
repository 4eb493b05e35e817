//! Training one arm until its compute is spent.

use std::sync::Arc;

use espalier_dice_roll::{DiceRoll, DiceRollSettings, Mode, Rolls};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings, Parting};
use espalier_net::{DeviceChoice, Window, models};
use espalier_trial::prelude::*;

use crate::Sizes;
use crate::arm::{Arm, scaled};
use crate::rows::{Pace, Point};
use crate::watching::{Notes, Scored, WatchedDice, WatchedSplit};

/// More epochs than any budget pays for.
const ENDLESS: u64 = 1_000_000;
/// The choice of the best epoch by validation accuracy.
pub const BEST: &str = "best";
/// The side of both kernels, as in the study.
const KERNEL: usize = 5;

/// What a run left behind.
pub struct Finished {
    pub net: Trained,
    pub scored: Notes<Scored>,
    pub rolled: Notes<Rolls>,
}

/// All that a run needs besides the arm.
pub struct Stage<'a> {
    pub data: &'a Arc<Dataset>,
    pub sizes: &'a Sizes,
    pub seed: Seed,
    pub device: DeviceChoice,
}

/// The net of the working example: two 5×5 convolutions with pools and one dense layer.
pub fn network(data: &Dataset, widths: &[usize], seed: &Seed) -> anyhow::Result<Network<f32>> {
    let [height, width, inputs] = data.info.shape[..] else {
        anyhow::bail!(
            "{}: expected images, found rows of shape {:?}",
            data.info.name,
            data.info.shape
        );
    };
    let [first, second, hidden] = widths[..] else {
        anyhow::bail!("expected three widths, found {widths:?}");
    };
    let options = models::CnnOptions {
        map: [height, width],
        inputs,
        channels: vec![first, second],
        window: Window::square(KERNEL),
        hidden: vec![hidden],
        outputs: data.info.targets.outputs(),
        batch_norm: false,
    };
    Ok(models::cnn(&options, &seed.named("network"))?)
}

/// The compute of a run: so many epochs of the net that starts it, forward and backward counted as three forwards.
pub fn budget(stage: &Stage<'_>, start: &[usize]) -> anyhow::Result<u64> {
    let macs = network(stage.data, start, &stage.seed)?.cost().macs;
    let images = stage.data.train.len() as f64;
    Ok((stage.sizes.budget_epochs * images * 3.0 * macs as f64) as u64)
}

/// The widths of the three layers.
pub fn widths(network: &Network<f32>) -> anyhow::Result<[u64; 3]> {
    let of = |name| -> anyhow::Result<u64> { Ok(network.width(network.find(name)?) as u64) };
    Ok([of("conv1")?, of("conv2")?, of("hidden1")?])
}

/// The widths with which an arm starts; arms with a borrowed size train the growing arm first to learn them.
pub fn start(arm: Arm, stage: &Stage<'_>, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<Vec<usize>> {
    let start = arm.start(stage.sizes);
    let Some(lender) = arm.borrows_shape() else {
        return Ok(start);
    };
    let (training, ..) = training(lender, &start, budget(stage, &start)?, stage, context);
    let grown = training.untested().run("lender")?;
    if arm.keeps_shape() {
        return Ok(widths(grown.network())?.iter().map(|w| *w as usize).collect());
    }
    balanced(stage, &start, grown.network().parameter_count())
}

/// The starting proportions, scaled to the number of parameters.
fn balanced(stage: &Stage<'_>, start: &[usize], parameters: u64) -> anyhow::Result<Vec<usize>> {
    let count = |factor: f64| -> anyhow::Result<u64> {
        Ok(network(stage.data, &scaled(start, factor), &stage.seed)?.parameter_count())
    };
    let (mut low, mut high) = (0.0, 1.0);
    while count(high)? < parameters {
        high *= 2.0;
    }
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if count(middle)? < parameters {
            low = middle
        } else {
            high = middle
        }
    }
    // The sizes jump where a width is rounded: of the two sides the nearer.
    let nearer = count(high)?.abs_diff(parameters) <= count(low)?.abs_diff(parameters);
    Ok(scaled(start, if nearer { high } else { low }))
}

/// The bytes of a net of these widths.
pub fn footprint([height, width, inputs]: [usize; 3], widths: &[usize], batch: usize) -> Footprint {
    let of = |place: usize| widths.get(place).copied().unwrap_or(0) as f64;
    let (first, second, hidden) = (of(0), of(1), of(2));
    let (positions, flat) = ((height * width) as f64, second * ((height / 4) * (width / 4)) as f64);
    let parameters = 25.0 * (inputs as f64 * first + first * second) + (flat + 10.0) * hidden;
    // Gathered rows of a 5×5 window, values before and after ReLU and pool.
    let values = positions * (25.0 * inputs as f64 + 3.0 * first) + positions / 4.0 * (25.0 * first + 3.0 * second);
    Footprint::default()
        .parameters(parameters)
        .activations(batch, values + flat + 2.0 * hidden)
}

/// Trains until the budget does not pay for another step, and records where it stands after each epoch.
pub fn run(
    arm: Arm,
    start: &[usize],
    budget: u64,
    stage: &Stage<'_>,
    context: &mut TrialContext<'_, Arm>,
) -> anyhow::Result<Finished> {
    let (training, scored, rolled) = training(arm, start, budget, stage, context);
    let net = training
        .choose(BEST, 0.0)
        .each_epoch(move |moment| see(moment, arm.pays_for_decisions()))
        .run("net")?;
    Ok(Finished { net, scored, rolled })
}

/// Records the state after an epoch.
fn see(moment: &mut Moment<'_>, charged: bool) -> anyhow::Result<()> {
    let before = moment.recorded::<Pace>()?.last().map_or(0.0, |pace| pace.seconds);
    let seconds = before + moment.during.seconds;
    let decided = moment.events().map_or(0, |events| events.decision_macs);
    let (done, network) = (moment.done, moment.network());
    let [conv1, conv2, hidden1] = widths(network)?;
    let point = Point {
        epoch: done.epoch,
        spent_macs: done.train_macs + if charged { decided } else { 0 },
        train_loss: done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
        parameters: network.parameter_count(),
        conv1,
        conv2,
        hidden1,
    };
    moment.record(&point)?;
    moment.record(&Pace {
        epoch: point.epoch,
        seconds,
    })
}

/// A net, its strategies, and what they will tell.
type Prepared<'c, 'a> = (Training<'c, 'a, Arm>, Notes<Scored>, Notes<Rolls>);

fn training<'c, 'a>(
    arm: Arm,
    start: &[usize],
    budget: u64,
    stage: &Stage<'_>,
    context: &'c mut TrialContext<'a, Arm>,
) -> Prepared<'c, 'a> {
    let (sizes, start, seed) = (stage.sizes, start.to_vec(), stage.seed.clone());
    let regime = Regime::adam(ENDLESS, sizes.batch, sizes.learning_rate);
    let (split, scored) = WatchedSplit::new(GradientSplit::new(splitting(sizes)));
    let (dice, rolled) = WatchedDice::new(DiceRoll::new(rolling(arm, sizes)));
    let mut training = Training::new(context, regime, &stage.seed)
        .network(move |data, _| network(data, &start, &seed))
        .within(budget, arm.pays_for_decisions())
        .unrecorded();
    if arm.rolls(sizes) > 1 {
        training = training.strategy(dice);
    }
    if arm.splits() {
        training = training.strategy(split);
    }
    (training, scored, rolled)
}

fn rolling(arm: Arm, sizes: &Sizes) -> DiceRollSettings {
    let mode = match arm.dice_steps(sizes) {
        0 => Mode::ForwardOnly,
        steps => Mode::FewSteps {
            optimizer: OptimizerKind::adam(),
            rate: sizes.learning_rate,
            steps,
            score: espalier_dice_roll::StepScore::During,
        },
    };
    DiceRollSettings {
        rolls: arm.rolls(sizes),
        mode,
        ..DiceRollSettings::default()
    }
}

fn splitting(sizes: &Sizes) -> GradientSplitSettings {
    GradientSplitSettings {
        cutoff_add: sizes.cutoff_add,
        cutoff_remove: sizes.cutoff_remove,
        parting: Parting::Legacy { jitter: sizes.jitter },
        every_epochs: sizes.every_epochs,
        max_parameters: Some(sizes.max_parameters),
        ..GradientSplitSettings::default()
    }
}
