//! The recorded nets as a study: the trained ones, their layers with the scores of units, and the copies that were followed.

use std::collections::BTreeMap;

use espalier_experiment::store::Timing;
use espalier_metrics::{KolmogorovSmirnov, LogNormal, ks_test_fitted};
use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::arm::{Arm, BOTH, SMALL, SPLIT, TRIALS};
use crate::copies::Means;
use crate::rows::{Change, Dice, Gap, Outcome, Pace, Point, UnitScore};
use crate::{Sizes, SplitAndDice};

pub const METHOD: Factor = Factor::method("method");
/// The number of initialisations to choose from; splitting with dice is one method and has its own.
pub const ROLLS: Factor = Factor::method("rolls").log();
pub const STEPS: Factor = Factor::setting("steps of a roll before it is scored");
pub const WIDTHS: Factor = Factor::setting("widths of a static net");
pub const SCALE: Factor = Factor::setting("times the starting size");
pub const LAYER: Factor = Factor::setting("layer");
pub const MEANS: Factor = Factor::setting("what sets copies apart");
const CHARGED: Factor = Factor::setting("rolls are paid from the budget");
const START: Factor = Factor::setting("widths at the start");
const IMAGES: Factor = Factor::setting("training images");
/// The variant, of what is not one its own name.
pub const NAME: Factor = Factor::label("net");
/// A cell of the sweep over rolls and starting sizes.
pub const CELL: Factor = Factor::label("cell of the sweep over rolls");
/// An arm of the trials of which rows are recorded.
pub const SHOWN: Factor = Factor::label("arm of the trials");

/// The layers, the first with the number 1 in the rows.
pub const LAYERS: [&str; 3] = ["conv 1", "conv 2", "dense"];
/// The least number of units of a layer at one decision for which a law is tested.
const LEAST_UNITS: usize = 8;
/// Samples of the parametric bootstrap of one test.
const REPLICATES: usize = 200;
/// The level below which a test rejects a law.
const LEVEL: f64 = 0.05;
/// Places along the compute and the time at which curves are drawn.
pub const PLACES: usize = 40;

/// A log-normal law fitted to scores, with its test.
type Law = (LogNormal, KolmogorovSmirnov);

/// The units of one layer at one decision, with the law that was fitted to their scores.
#[derive(Clone)]
struct Decision {
    layer: u32,
    units: Vec<UnitScore>,
    law: Option<Law>,
}

/// A trained net, one of its layers, or copies of its units.
#[derive(Clone)]
pub struct Net {
    pub outcome: Outcome,
    pub changes: Vec<Change>,
    points: Vec<Point>,
    paces: Vec<Pace>,
    decisions: Vec<Decision>,
    dice: Vec<Dice>,
    gaps: Vec<Gap>,
    /// Seconds of its training; NaN where other work was timed with it.
    seconds: f64,
    /// Seconds of the starting net of its seed.
    unit_seconds: f64,
    cutoff_add: f64,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let name = trial.key.variant.clone();
        let (gaps, paces): (Vec<Gap>, Vec<Pace>) = (trial.rows_if_any()?, trial.rows_if_any()?);
        // The trial of the splitting arm follows copies as well.
        let timed = match gaps.is_empty() {
            true => trial.row::<Timing>()?.wall_seconds,
            false => f64::NAN,
        };
        let mut net = Self {
            outcome: trial.row()?,
            points: trial.rows()?,
            changes: trial.rows()?,
            seconds: paces.last().map_or(timed, |pace| pace.seconds),
            paces,
            decisions: Vec::new(),
            dice: trial.rows()?,
            gaps: Vec::new(),
            unit_seconds: f64::NAN,
            cutoff_add: f64::NAN,
        };
        let mut nets = Vec::new();
        if name == SPLIT.to_string() {
            for means in Means::ALL.map(Means::name) {
                let gaps: Vec<Gap> = gaps.iter().filter(|gap| gap.means == means).cloned().collect();
                let followed = !gaps.is_empty();
                nets.extend(followed.then(|| (means.to_owned(), Self { gaps, ..net.clone() })));
            }
            net.decisions = decisions(&trial.rows()?, trial.key.seed)?;
            for (layer, words) in (1..).zip(LAYERS) {
                let mut own = net.clone();
                own.decisions.retain(|decision| decision.layer == layer);
                nets.push((words.to_owned(), own));
            }
        }
        nets.push((name, net));
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
}

/// The decisions of one net by epoch and layer.
fn decisions(scores: &[UnitScore], seed: u64) -> espalier_study::Result<Vec<Decision>> {
    let mut groups: BTreeMap<(u32, u32), Vec<UnitScore>> = BTreeMap::new();
    for score in scores {
        let own = groups.entry((score.epoch, score.layer)).or_default();
        own.push(score.clone());
    }
    let decision = |((epoch, layer), units): ((u32, u32), Vec<UnitScore>)| {
        let law = law(&units, &format!("law/{seed}/{epoch}/{layer}"))?;
        Ok(Decision { layer, units, law })
    };
    groups.into_iter().map(decision).collect()
}

/// A log-normal law fitted to scores above 0, and its Kolmogorov–Smirnov test.
fn law(units: &[UnitScore], stream: &str) -> espalier_study::Result<Option<Law>> {
    let scores = positive(units);
    if scores.len() < LEAST_UNITS || scores.iter().all(|score| *score == scores[0]) {
        return Ok(None);
    }
    let seed = Seed::new(0).named("split-and-dice").named(stream);
    let tested = ks_test_fitted(&scores, REPLICATES, &mut seed.stream());
    tested.map(Some).map_err(|error| espalier_study::Error::Statistic {
        statistic: stream.to_owned(),
        reason: error.to_string(),
    })
}

fn positive(units: &[UnitScore]) -> Vec<f64> {
    let scores = units.iter().map(|unit| f64::from(unit.absolute));
    scores.filter(|score| *score > 0.0).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn fits((_, test): &Law) -> f64 {
    f64::from(u8::from(test.p_value >= LEVEL))
}

impl Decision {
    fn share(&self, holds: impl Fn(&UnitScore) -> bool) -> f64 {
        self.units.iter().filter(|unit| holds(unit)).count() as f64 / self.units.len() as f64
    }

    /// The share of units that the same rule would split if it summed signed gradients.
    fn signed(&self, cutoff_add: f64) -> f64 {
        let size = |unit: &UnitScore| f64::from(unit.signed).abs();
        let middle = mean(self.units.iter().map(size));
        self.share(|unit| size(unit) > middle * (1.0 + cutoff_add))
    }
}

impl Net {
    fn of_decisions(&self, number: impl Fn(&Decision) -> f64) -> f64 {
        mean(self.decisions.iter().map(number))
    }

    fn of_laws(&self, number: impl Fn(&Law) -> f64) -> f64 {
        let laws = self.decisions.iter().filter_map(|decision| decision.law.as_ref());
        mean(laws.map(number))
    }

    /// Logarithms of scores less the mean of their decision, over its standard deviation.
    pub fn standardised(&self) -> Vec<f64> {
        let fitted = self
            .decisions
            .iter()
            .filter_map(|own| Some((own.law.as_ref()?.0, &own.units)));
        let standardised = |score: f64, law: LogNormal| (score.ln() - law.mu) / law.sigma;
        let of = |(law, units): (LogNormal, &Vec<UnitScore>)| {
            positive(units).into_iter().map(move |score| standardised(score, law))
        };
        fitted.flat_map(of).collect()
    }

    fn of_dice(&self, number: fn(&Dice) -> f64) -> f64 {
        self.dice.first().map_or(f64::NAN, number)
    }

    fn growth(&self) -> f64 {
        let of = |change: &Change| change.parameters_after as f64 / change.parameters_before as f64 - 1.0;
        mean(self.changes.iter().map(of))
    }

    /// The best point so far by validation accuracy, after each point.
    fn best_so_far(&self, number: fn(&Point) -> f64) -> Vec<f64> {
        let mut best: Option<&Point> = None;
        let so_far = self.points.iter().map(|point| {
            if best.is_none_or(|best| point.validation_accuracy > best.validation_accuracy) {
                best = Some(point);
            }
            best.map_or(f64::NAN, number)
        });
        so_far.collect()
    }

    /// The seconds at each point: as they were timed, else the run's seconds shared out by compute.
    fn times(&self) -> Vec<f64> {
        if self.paces.len() == self.points.len() {
            return self.paces.iter().map(|pace| pace.seconds).collect();
        }
        let spent = self.outcome.spent_macs as f64;
        let at = |point: &Point| self.seconds * point.spent_macs as f64 / spent;
        self.points.iter().map(at).collect()
    }

    /// A number of the last point that was reached within so many seconds; NaN before the first.
    fn within(&self, seconds: f64, number: fn(&Point) -> f64) -> f64 {
        let reached = self.times().iter().rposition(|time| *time <= seconds * (1.0 + 1e-12));
        reached.map_or(f64::NAN, |place| number(&self.points[place]))
    }

    /// A number at evenly spaced times, up to twice those of the starting net of its seed and until its own end.
    fn over_time(&self, number: fn(&Point) -> f64) -> Vec<f64> {
        let times = (0..=PLACES).map(|place| 2.0 * self.unit_seconds * place as f64 / PLACES as f64);
        let shown = |time: f64| match time > self.seconds * 1.05 {
            true => f64::NAN,
            false => self.within(time, number),
        };
        times.map(shown).collect()
    }

    /// A number at evenly spaced shares of the budget; its rest, which pays for no further step, counts as spent.
    fn over_compute(&self, number: fn(&Point) -> f64) -> Vec<f64> {
        let at = |place: usize| {
            let spent = self.outcome.budget_macs as f64 * place as f64 / PLACES as f64;
            let mut points = self.points.iter();
            let reached = points.rfind(|p| place == PLACES || p.spent_macs as f64 <= spent);
            reached.map_or(f64::NAN, number)
        };
        (0..=PLACES).map(at).collect()
    }

    /// All compute in multiply–accumulates, with what rolls on top of the budget have cost.
    fn compute(&self) -> f64 {
        let (outcome, on_top) = (&self.outcome, self.outcome.arm.starts_with("rolls/"));
        (outcome.spent_macs + if on_top { outcome.decision_macs } else { 0 }) as f64
    }
}

type Q = Quantity<Net>;
quantities! { Net;
    pub TEST = "accuracy", "test accuracy of the final weights", "fraction" 4 higher_is_better, |n| n.outcome.test_accuracy;
    pub LOSS = "loss", "test loss", "nats" 3, |n| n.outcome.test_loss;
    /// It stands still only where the best point by validation is not among the last.
    pub BEST = "best", "test accuracy at the best epoch by validation", "fraction" 4 higher_is_better,
        |n| n.outcome.best_test_accuracy, over_epochs(|n| n.best_so_far(|p| p.validation_accuracy)),
        whose_epochs_are("best validation accuracy so far", "fraction");
    pub TO_BEST = "to-best", "compute until the best epoch", "10⁹ MACs" 1,
        |n| n.outcome.best_spent_macs as f64 / 1e9, over_epochs(|n| n.best_so_far(|p| p.spent_macs as f64)),
        whose_epochs_are("compute until the best epoch so far", "MACs");
    pub LEFT = "best-share", "share of the budget until the best epoch", "" 2,
        |n| n.outcome.best_spent_macs as f64 / n.outcome.budget_macs as f64;
    pub EPOCHS = "epochs", "whole epochs", "" 1, |n| n.outcome.epochs as f64;
    pub PARAMETERS = "parameters", "parameters at the end", "" 0, |n| n.outcome.parameters as f64;
    pub COMPUTE = "compute", "compute with all rolls", "10⁹ MACs" 0, |n| n.compute() / 1e9;
    pub SECONDS = "seconds", "wall time", "s" 1, |n| n.seconds;
    pub DECISIONS = "decisions", "compute for decisions, of the budget", "%" 1,
        |n| 100.0 * n.outcome.decision_macs as f64 / n.outcome.budget_macs as f64;
    pub GROWTH = "growth", "mean growth of parameters by a decision", "fraction" 3, Net::growth;
    // The split itself is at distance 0.
    pub GAP = "gap", "distance of two copies after the last step", "fraction" 3,
        |n| n.gaps.last().map_or(f64::NAN, |gap| gap.median),
        over_epochs(|n| n.gaps.iter().skip(1).map(|gap| gap.median).collect());
    /// The same, judged where it stands after the last of the steps and not as something that comes to rest.
    pub APART = "apart", "distance of two copies after 200 steps of Adam", "fraction" 3, |n| GAP.value(n);
    pub SEEN = "seen", "scores seen", "" 0, |n| n.decisions.iter().map(|d| d.units.len() as f64).sum();
    pub SPLIT_SHARE = "split", "share of units that split", "fraction" 3 higher_is_better,
        |n| n.of_decisions(|d| d.share(|unit| unit.split));
    pub SIGNED = "signed", "share of units that signed sums would split", "fraction" 3 higher_is_better,
        |n| n.of_decisions(|d| d.signed(n.cutoff_add));
    pub REMOVED = "removed", "share of units removed", "fraction" 3, |n| n.of_decisions(|d| d.share(|unit| unit.removed));
    pub FITS = "fits",
        "share of layers and decisions with at least 8 units at which a test of the fitted log-normal law has p ≥ .05",
        "fraction" 2, |n| n.of_laws(fits);
    pub PEAK = "peak", "ln(median / mode) = σ² of the fitted log-normal law, mean over layers and decisions", "nats" 2,
        |n| n.of_laws(|(law, _)| law.sigma * law.sigma);
    pub P = "p", "p of the fitted law's Kolmogorov–Smirnov test", "" 3, |n| n.of_laws(|(_, test)| test.p_value);
    pub STATISTIC = "ks", "Kolmogorov–Smirnov statistic", "" 3, |n| n.of_laws(|(_, test)| test.statistic);
    pub ROLL = "roll", "mean score of a roll", "nats" 4, |n| n.of_dice(|d| d.mean);
    pub SPREAD = "spread", "standard deviation of the rolls' scores", "nats" 4, |n| n.of_dice(|d| d.standard_deviation);
    pub LEAST = "least", "least score", "nats" 4, |n| n.of_dice(|d| d.least);
    pub LARGEST = "largest", "largest score", "nats" 4, |n| n.of_dice(|d| d.largest);
    /// Courses, which are looked at and not judged.
    pub COURSE = "course", "validation accuracy", "fraction" 4,
        |n| n.outcome.validation_accuracy, over_epochs(|n| n.over_compute(|p| p.validation_accuracy));
}
pub const TIME_COURSE: Q = COURSE.over_epochs(|n| n.over_time(|p| p.validation_accuracy));
pub const SIZE_COURSE: Q = PARAMETERS.over_epochs(|n| n.over_compute(|p| p.parameters as f64));

/// The validation accuracy of a net when the faster of the two is done.
pub fn at_equal_time(of: Arm, other: Arm) -> Statistic<Net> {
    let words = format!("validation accuracy ({of}) in the seconds of the faster of both");
    let [ours, theirs] = [of, other].map(|arm| arm.to_string());
    let accuracy = move |nets: &Nets<Net>| {
        let seconds = [&ours, &theirs].map(|name| nets.value(name, &SECONDS));
        let net = nets
            .get(&ours)
            .filter(|_| seconds.iter().all(|time| time.is_finite()))?;
        Some(net.within(seconds[0].min(seconds[1]), |p| p.validation_accuracy))
    };
    Statistic::of_seed(words, &net(of), move |nets| accuracy(nets).unwrap_or(f64::NAN)).in_unit("fraction")
}

/// The net of an arm.
pub fn net(arm: Arm) -> Where {
    named(&arm.to_string())
}

/// A net by its name.
pub fn named(name: &str) -> Where {
    NAME.is(name).named(name)
}

/// A net with all that is set for it alone.
fn made(arm: Arm, sizes: &Sizes) -> espalier_study::Arm {
    let (name, rolls) = (arm.to_string(), arm.rolls(sizes) as usize);
    let made = espalier_study::Arm::new(&*name).with(&NAME, &*name);
    if arm == BOTH {
        return made.with(&METHOD, "splitting with dice").with(&SCALE, 1.0);
    }
    let method = if arm.splits { "splitting" } else { "static" };
    let mut made = made.with(&METHOD, method).with(&ROLLS, rolls);
    if arm.lender().is_some() {
        return made.with(&WIDTHS, name);
    }
    made = made.with(&SCALE, arm.scale());
    if arm.is_cell() {
        made = made.with(&CELL, true);
    }
    if rolls > 1 {
        let steps = arm.dice_steps(sizes) as usize;
        made = made.with(&CHARGED, arm.pays_for_decisions()).with(&STEPS, steps);
    }
    made
}

/// The nets of one data set.
pub fn study(run: &Run<'_, SplitAndDice>, subtitle: String) -> anyhow::Result<Study<Net>> {
    let (sizes, context) = (&run.settings, run.context);
    let mut arms: Vec<espalier_study::Arm> = run.variants.iter().map(|arm| made(*arm, sizes)).collect();
    let split = |name, factor: &Factor| {
        let arm = espalier_study::Arm::new(name).with(&NAME, name);
        arm.with(&METHOD, "splitting").with(factor, name)
    };
    arms.extend(LAYERS.map(|name| split(name, &LAYER)));
    arms.extend(Means::ALL.map(|means| split(means.name(), &MEANS)));
    let part = context.training_part();
    let images = match sizes.train_images {
        0 => part.unwrap_or_else(|| "all that are there".to_owned()),
        images => images.to_string(),
    };
    let cutoff = sizes.cutoff_add;
    let mut study = Study::new("split-and-dice", arms)?
        .common([(START, crate::report::start(sizes)), (IMAGES, images)])
        .outcome(PARAMETERS)
        .outcome(COMPUTE)
        .outcome(SECONDS)
        .original(START, "300/25/15")
        .original(IMAGES, "50000")
        .subtitle(subtitle)
        .words(include_str!("figures.md"))
        .read_all(run.sets, &context.seeds)?
        .related(move |nets| relate(nets, cutoff));
    let trials = TRIALS.map(|arm| arm.to_string());
    for arm in study.arms.iter_mut().filter(|arm| trials.contains(&arm.name)) {
        if study.sets[0].of(&arm.name).next().is_some() {
            *arm = arm.clone().with(&SHOWN, true);
        }
    }
    Ok(study)
}

/// Tells every net the cut-off and the seconds of the starting net, and takes the training of a borrowed shape's lender off.
fn relate(nets: &mut BTreeMap<String, Net>, cutoff_add: f64) {
    let seconds =
        |nets: &BTreeMap<String, Net>, arm: Arm| nets.get(&arm.to_string()).map_or(f64::NAN, |net| net.seconds);
    for arm in TRIALS {
        let lender = arm.lender().map(|lender| seconds(nets, lender));
        if let (Some(net), Some(lender)) = (nets.get_mut(&arm.to_string()), lender)
            && net.paces.is_empty()
        {
            net.seconds -= lender;
        }
    }
    let unit_seconds = seconds(nets, SMALL);
    for net in nets.values_mut() {
        (net.cutoff_add, net.unit_seconds) = (cutoff_add, unit_seconds);
    }
}
