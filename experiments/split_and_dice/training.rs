//! One trial: training an arm until its compute is spent, and its rows.

use std::sync::Arc as Shared;

use anyhow::Context as _;
use espalier_dice_roll::{DiceRoll, DiceRollSettings, Mode, StepScore};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings, Parting};
use espalier_net::{DeviceChoice, Window, models};
use espalier_trial::prelude::*;

use crate::arm::{Arm, SPLIT, Size, scaled};
use crate::rows::{Change, Dice, Outcome, Pace, Point};
use crate::scores::{Notes, Scored};
use crate::{Sizes, copies};

/// More epochs than any budget pays for.
const ENDLESS: u64 = 1_000_000;
/// The choice of the best epoch by validation accuracy.
const BEST: &str = "best";
/// The side of both kernels, as in the study.
pub const KERNEL: usize = 5;

/// All that a run needs besides the arm.
pub struct Stage<'a> {
    pub data: &'a Shared<Dataset>,
    pub sizes: &'a Sizes,
    pub seed: Seed,
    pub device: DeviceChoice,
}

/// Trains one arm and records it.
pub fn trial(context: &mut TrialContext<'_, Arm>, sizes: &Sizes) -> anyhow::Result<()> {
    let data = context.shortened_dataset("train_images")?;
    let stage = Stage {
        data: &data,
        sizes,
        seed: context.seed(),
        device: context.device().parse()?,
    };
    let before = context.rows().clone();
    let trained = stage.record(context);
    if matches!(&trained, Err(error) if error.is::<Diverged>()) {
        // A net without an outcome has no points either.
        *context.rows_mut() = before;
    }
    trained
}

/// The widths of the three layers.
fn widths(network: &Network<f32>) -> anyhow::Result<[usize; 3]> {
    let of = |name| anyhow::Ok(network.width(network.find(name)?));
    Ok([of("conv1")?, of("conv2")?, of("hidden1")?])
}

impl Stage<'_> {
    /// The net of the working example: two 5×5 convolutions with pools and one dense layer.
    pub fn network(&self, widths: &[usize]) -> anyhow::Result<Network<f32>> {
        let info = &self.data.info;
        let ([height, width, inputs], [channels @ .., hidden]) = (&info.shape[..], widths) else {
            anyhow::bail!(
                "{}: expected images and widths, found {:?} and {widths:?}",
                info.name,
                info.shape
            );
        };
        let options = models::CnnOptions {
            map: [*height, *width],
            inputs: *inputs,
            channels: channels.to_vec(),
            window: Window::square(KERNEL),
            hidden: vec![*hidden],
            outputs: info.targets.outputs(),
            batch_norm: false,
        };
        Ok(models::cnn(&options, &self.seed.named("network"))?)
    }

    fn record(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        let (arm, notes) = (*context.variant(), Notes::default());
        let budget = self.budget(&arm.start(self.sizes))?;
        let start = self.start(arm, budget, context)?;
        let net = self
            .training(arm, &start, budget, context, &notes)
            .choose(BEST, 0.0)
            .each_epoch(move |moment| see(moment, arm.pays_for_decisions()))
            .run("net")?;
        let outcome = self.outcome(arm, budget, &net, &context.rows().get()?)?;
        if arm == SPLIT {
            context.record_all(&copies::gaps(self, &start)?)?;
        }
        context.record_all(&changes(&net)?)?;
        context.record_all(&notes.with(std::mem::take))?;
        let rolled = (arm.rolls(self.sizes) > 1).then(|| dice(&net)).transpose()?;
        context.record_all(rolled.as_slice())?;
        Ok(context.record(&outcome)?)
    }

    /// The compute of a run: so many epochs of the net that starts it, forward and backward counted as three forwards.
    fn budget(&self, start: &[usize]) -> anyhow::Result<u64> {
        let (macs, images) = (self.network(start)?.cost().macs, self.data.train.len() as f64);
        Ok((self.sizes.budget_epochs * images * 3.0 * macs as f64) as u64)
    }

    /// The widths with which an arm starts; arms with a borrowed size train the growing arm first to learn them.
    fn start(&self, arm: Arm, budget: u64, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<Vec<usize>> {
        let start = arm.start(self.sizes);
        let Some(lender) = arm.lender() else { return Ok(start) };
        let training = self.training(lender, &start, budget, context, &Notes::default());
        let grown = training.untested().run("lender")?;
        match arm.size {
            Size::WidthsOf(_) => Ok(widths(grown.network())?.to_vec()),
            _ => self.balanced(&start, grown.network().parameter_count()),
        }
    }

    /// The starting proportions, scaled to the number of parameters.
    fn balanced(&self, start: &[usize], parameters: u64) -> anyhow::Result<Vec<usize>> {
        let count = |factor: f64| anyhow::Ok(self.network(&scaled(start, factor))?.parameter_count());
        let (mut low, mut high) = (0.0, 1.0);
        while count(high)? < parameters {
            high *= 2.0;
        }
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            let end = if count(middle)? < parameters {
                &mut low
            } else {
                &mut high
            };
            *end = middle;
        }
        // The sizes jump where a width is rounded: of the two sides the nearer.
        let nearer = count(high)?.abs_diff(parameters) <= count(low)?.abs_diff(parameters);
        Ok(scaled(start, if nearer { high } else { low }))
    }

    /// A net with its strategies, until the budget does not pay for another step.
    fn training<'c, 'a>(
        &self,
        arm: Arm,
        start: &[usize],
        budget: u64,
        context: &'c mut TrialContext<'a, Arm>,
        notes: &Notes,
    ) -> Training<'c, 'a> {
        let (sizes, network) = (self.sizes, self.network(start));
        let regime = Regime::adam(ENDLESS, sizes.batch, sizes.learning_rate);
        let mut training = Training::new(context, regime, &self.seed)
            .network(move |_, _| network)
            .within(budget, arm.pays_for_decisions())
            .unrecorded();
        if arm.rolls(sizes) > 1 {
            training = training.strategy(DiceRoll::new(rolling(arm, sizes)));
        }
        if arm.splits {
            let (inner, notes) = (GradientSplit::new(splitting(sizes)), notes.clone());
            training = training.strategy(Scored { inner, notes });
        }
        training
    }

    fn outcome(&self, arm: Arm, budget_macs: u64, net: &Trained, points: &[Point]) -> anyhow::Result<Outcome> {
        let [conv1, conv2, hidden1] = widths(net.network())?.map(|width| width as u64);
        let chosen = &net.chosen(BEST)?.row;
        Diverged::check_scores(&[net.outcome().test_loss])?;
        let last = points.last().context("a run without a single point")?;
        let mut points = points.iter();
        let best = points.find(|point| point.validation_accuracy == chosen.validation_score);
        let best = best.context("the best point was not recorded")?;
        Ok(Outcome {
            arm: arm.to_string(),
            scale: arm.scale(),
            rolls: arm.rolls(self.sizes),
            budget_macs,
            spent_macs: last.spent_macs,
            conv1,
            conv2,
            hidden1,
            validation_accuracy: last.validation_accuracy,
            best_epoch: best.epoch,
            best_spent_macs: best.spent_macs,
            best_parameters: best.parameters,
            best_validation_accuracy: best.validation_accuracy,
            best_test_loss: chosen.test_loss,
            best_test_accuracy: chosen.test_score,
            ..net.row()?
        })
    }
}

/// Records the state after an epoch.
fn see(moment: &mut Moment<'_>, charged: bool) -> anyhow::Result<()> {
    let before = moment.recorded::<Pace>()?.last().map_or(0.0, |pace| pace.seconds);
    let seconds = before + moment.during.seconds;
    let decided = moment.events().map_or(0, |events| events.decision_macs);
    let (done, network) = (moment.done, moment.network());
    let [conv1, conv2, hidden1] = widths(network)?.map(|width| width as u64);
    let point = Point {
        spent_macs: done.train_macs + if charged { decided } else { 0 },
        parameters: network.parameter_count(),
        conv1,
        conv2,
        hidden1,
        ..moment.row()?
    };
    moment.record(&point)?;
    let epoch = done.epoch;
    moment.record(&Pace { epoch, seconds })
}

fn rolling(arm: Arm, sizes: &Sizes) -> DiceRollSettings {
    let mode = match arm.dice_steps(sizes) {
        0 => Mode::ForwardOnly,
        steps => Mode::FewSteps {
            optimizer: OptimizerKind::adam(),
            rate: sizes.learning_rate,
            steps,
            score: StepScore::During,
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

/// The edits that changed units.
fn changes(net: &Trained) -> anyhow::Result<Vec<Change>> {
    let mut edits = net.edits().unwrap_or_default();
    edits.retain(|edit| edit.outcome == "applied" && edit.strategy == "gradient-split");
    own_rows(&edits)
}

/// What the dice told.
fn dice(net: &Trained) -> anyhow::Result<Dice> {
    Ok(Dice {
        rolls: net.reading("rolls")? as u64,
        winner: net.reading("winner")? as u64,
        mean: net.reading("mean score")?,
        standard_deviation: net.reading("standard deviation")?,
        least: net.reading("least score")?,
        largest: net.reading("largest score")?,
        diverged: net.reading("diverged")? as u64,
    })
}
