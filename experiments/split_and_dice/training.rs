//! Training one arm until its compute is spent.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use espalier_data::{Dataset, Split as Part};
use espalier_dice_roll::{DiceRoll, DiceRollSettings, Mode, Rolls};
use espalier_experiment::{Diverged, Footprint, TrialContext};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings, Parting};
use espalier_net::{DeviceChoice, Network, OptimizerKind, RateSchedule, Window, models};
use espalier_seed::Seed;
use espalier_strategy::Strategy;
use espalier_train::{Regime, Trainer};

use crate::Sizes;
use crate::arm::{Arm, scaled};
use crate::rows::{Pace, Point};
use crate::watching::{Notes, Scored, WatchedDice, WatchedSplit};

/// More epochs than any budget pays for.
const ENDLESS: u64 = 1_000_000;
/// The side of both kernels, as in the study.
const KERNEL: usize = 5;

/// What a run left behind.
pub struct Finished {
    pub trainer: Trainer,
    pub points: Vec<Point>,
    pub paces: Vec<Pace>,
    /// The network at the best epoch by validation accuracy, and that point's place.
    pub best: (Network<f32>, usize),
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
pub fn start(arm: Arm, stage: &Stage<'_>, context: &TrialContext<'_, Arm>) -> anyhow::Result<Vec<usize>> {
    let start = arm.start(stage.sizes);
    let Some(lender) = arm.borrows_shape() else {
        return Ok(start);
    };
    let grown = run(lender, &start, budget(stage, &start)?, stage, context)?;
    if arm.keeps_shape() {
        return Ok(widths(grown.trainer.network())?.iter().map(|w| *w as usize).collect());
    }
    balanced(stage, &start, grown.trainer.network().parameter_count())
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
    // Gathered rows of a 5×5 window, values before and behind ReLU and pool.
    let values = positions * (25.0 * inputs as f64 + 3.0 * first) + positions / 4.0 * (25.0 * first + 3.0 * second);
    Footprint::default()
        .parameters(parameters)
        .activations(batch, values + flat + 2.0 * hidden)
}

/// Trains until the budget does not pay for another step.
pub fn run(
    arm: Arm,
    start: &[usize],
    budget: u64,
    stage: &Stage<'_>,
    context: &TrialContext<'_, Arm>,
) -> anyhow::Result<Finished> {
    let (mut trainer, scored, rolled) = trainer(arm, start, stage)?;
    let mut run = Run {
        started: Instant::now(),
        paces: Vec::new(),
        points: Vec::new(),
        best: None,
        whole_macs: 0,
        charged: arm.pays_for_decisions(),
    };
    // The first step rolls the dice, whose cost must be known before the rest is planned.
    let mut ahead = trainer.train_steps(1)?;
    while trainer.stopped().is_none() {
        context.stop_point()?;
        let (images, batch) = (stage.data.train.len() as u64, stage.sizes.batch as u64);
        let per_image = 3 * trainer.network().cost().macs;
        let decided = run.decided(&trainer);
        let left = budget.saturating_sub(run.whole_macs + decided);
        if left >= per_image * images {
            let Some(done) = trainer.train_epoch()? else { break };
            run.whole_macs = done.train_macs;
            run.see(&mut trainer, (done.epoch, done.train_loss), 0)?;
            let reached = run.points.last().map_or(0, |point| point.spent_macs);
            context.progress(reached / 1_000_000_000, budget / 1_000_000_000, done.train_loss);
            ahead = 0;
        } else {
            let steps = (left / (per_image * batch)).saturating_sub(ahead);
            let epoch = trainer.epoch();
            let more = trainer.train_steps(steps)?;
            if ahead + more > 0 || run.points.is_empty() {
                run.see(&mut trainer, (epoch, f64::NAN), (ahead + more) * batch * per_image)?;
            }
            break;
        }
    }
    Diverged::check(trainer.diverged())?;
    if run.points.is_empty() {
        // The budget did not pay for a step.
        let epoch = trainer.epoch();
        run.see(&mut trainer, (epoch, f64::NAN), 0)?;
    }
    let best = run.best.context("a run ends with at least one scored point")?;
    Ok(Finished {
        trainer,
        points: run.points,
        paces: run.paces,
        best,
        scored,
        rolled,
    })
}

/// Where a run stands.
struct Run {
    started: Instant,
    paces: Vec<Pace>,
    points: Vec<Point>,
    best: Option<(Network<f32>, usize)>,
    /// Multiply–accumulates of whole epochs.
    whole_macs: u64,
    /// Whether decisions are paid from the budget.
    charged: bool,
}

impl Run {
    /// What decisions have cost, as far as it is charged.
    fn decided(&self, trainer: &Trainer) -> u64 {
        let spent = trainer.events().map_or(0, |events| events.decision_macs);
        if self.charged { spent } else { 0 }
    }

    /// Scores the network on the validation split and keeps it if it is the best so far.
    fn see(&mut self, trainer: &mut Trainer, (epoch, train_loss): (u64, f64), part_macs: u64) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        self.paces.push(Pace { epoch, seconds });
        let validation = trainer.evaluate(Part::Validation)?;
        let accuracy = validation.accuracy.context("a set of classes is needed")?;
        let decided = self.decided(trainer);
        let [conv1, conv2, hidden1] = widths(trainer.network())?;
        let point = Point {
            epoch,
            spent_macs: self.whole_macs + part_macs + decided,
            train_loss,
            validation_loss: validation.loss,
            validation_accuracy: accuracy,
            parameters: trainer.network().parameter_count(),
            conv1,
            conv2,
            hidden1,
        };
        let before = self
            .best
            .as_ref()
            .map(|(_, place)| self.points[*place].validation_accuracy);
        if before.is_none_or(|before| accuracy > before) {
            self.best = Some((trainer.network().clone(), self.points.len()));
        }
        self.points.push(point);
        Ok(())
    }
}

/// A net, its strategies, and what they will tell.
type Prepared = (Trainer, Notes<Scored>, Notes<Rolls>);

fn trainer(arm: Arm, start: &[usize], stage: &Stage<'_>) -> anyhow::Result<Prepared> {
    let (sizes, rate) = (stage.sizes, stage.sizes.learning_rate);
    let regime = Regime {
        epochs: ENDLESS,
        batch: sizes.batch,
        rate: RateSchedule::constant(rate),
        ..Regime::classification(OptimizerKind::adam())
    };
    let (split, scored) = WatchedSplit::new(GradientSplit::new(splitting(sizes)));
    let rolls = arm.rolls(sizes);
    let mode = match arm.dice_steps(sizes) {
        0 => Mode::ForwardOnly,
        steps => Mode::FewSteps {
            optimizer: OptimizerKind::adam(),
            rate,
            steps,
            score: espalier_dice_roll::StepScore::During,
        },
    };
    let (dice, rolled) = WatchedDice::new(DiceRoll::new(DiceRollSettings {
        rolls,
        mode,
        ..DiceRollSettings::default()
    }));
    let mut strategies: Vec<Box<dyn Strategy>> = Vec::new();
    if rolls > 1 {
        strategies.push(Box::new(dice));
    }
    if arm.splits() {
        strategies.push(Box::new(split));
    }
    let network = network(stage.data, start, &stage.seed)?;
    let trainer = Trainer::new(network, Arc::clone(stage.data), regime, &stage.seed)?.on(&stage.device)?;
    Ok((trainer.with_strategies(strategies)?, scored, rolled))
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
