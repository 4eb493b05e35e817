//! The recorded nets as a study. A trained net is one net, and so is what is left of it at each share that was pruned, each
//! of its layers, and each look at it while it trained: what sets them apart are factors.

use espalier_experiment::ReportContext;
use espalier_experiment::store::Timing;
use espalier_study::prelude::*;

use crate::arms::{PLAIN, Variant};
use crate::pruning::{RANDOM, RANDOM_PERCENTS, schemes};
use crate::rows::{Activity, Epoch, Importance, Likeness, Magnitude, Probe, Pruned, Summary, Timed};
use crate::{PERCENTS, Setup};

/// The training that a net comes from.
pub const TRAINING: Factor = Factor::label("training");
/// What the net is: whole, pruned, a layer, a look or a shape to time.
pub const PART: Factor = Factor::label("part");
pub const METHOD: Factor = Factor::method("method");
pub const RATE: Factor = Factor::setting("learning rate");
pub const EPOCHS: Factor = Factor::setting("epochs");
pub const BIASES: Factor = Factor::setting("biases");
pub const SCHEME: Factor = Factor::setting("what goes");
pub const GONE: Factor = Factor::setting("gone").unit("%");
/// The same from the other end, on whose logarithm the last units and weights do not crowd.
pub const KEPT: Factor = Factor::label("weights or units kept").unit("%").log();
pub const LAYER: Factor = Factor::label("layer");
pub const SO_FAR: Factor = Factor::setting("epochs so far");
const BATCH: Factor = Factor::setting("batch");
const IMAGES: Factor = Factor::setting("training images");

/// A part that is the whole net.
pub const WHOLE: &str = "whole";
pub const TIMED: &str = "timed";
const LOOKED_AT: &str = "looked at";

/// A net, or what is left of it, with the numbers that it has.
#[derive(Default)]
pub struct Net {
    diverged: bool,
    accuracy: Option<f64>,
    /// The accuracy of the whole net that it comes from.
    of: Option<f64>,
    dead: Option<f64>,
    always_on: Option<f64>,
    alike: Option<f64>,
    half_of_units: Option<f64>,
    tenth_of_weights: Option<f64>,
    seconds_per_pass: Option<f64>,
    shape_macs: Option<f64>,
    parameters: Option<f64>,
    /// The largest output difference between the net and the one without its silent units, over the largest output.
    pub compact_deviation: Option<f64>,
    /// Of the whole net alone.
    summary: Option<Summary>,
    accuracies: Vec<f64>,
    dead_after: Vec<f64>,
    always_on_after: Vec<f64>,
    held: Vec<f64>,
    magnitudes: Vec<f64>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let name = &trial.key.variant;
        if let Some(timed) = trial.rows::<Timed>()?.pop() {
            let net = Self {
                seconds_per_pass: Some(trial.row::<Timing>()?.wall_seconds / timed.passes as f64),
                shape_macs: Some(timed.macs as f64),
                parameters: Some(timed.parameters as f64),
                ..Self::default()
            };
            return Ok(vec![(name.clone(), net)]);
        }
        let Some(summary) = trial.rows::<Summary>()?.pop().filter(|s| !s.test_accuracy.is_nan()) else {
            return Ok(Vec::new());
        };
        let epochs: Vec<Epoch> = trial.rows()?;
        let trained = |accuracy: Option<f64>| Self {
            diverged: summary.diverged,
            accuracy,
            of: Some(summary.test_accuracy),
            accuracies: epochs.iter().map(|epoch| epoch.validation_accuracy).collect(),
            ..Self::default()
        };
        let mut nets = layers(trial, &trained(None))?;
        let looks = trial.rows::<Probe>()?.into_iter();
        nets.extend(looks.map(|look| (look_name(name, look.epoch), Self::look(&look))));
        let left = match summary.diverged {
            true => nothing_left(&summary),
            false => trial.rows()?,
        };
        nets.extend(left.iter().map(|row| {
            let net = Self {
                compact_deviation: row.compact_deviation,
                ..trained(Some(row.test_accuracy))
            };
            (pruned_name(name, &row.scheme, row.percent), net)
        }));
        let whole = Self {
            dead: Some(summary.dead_share),
            always_on: Some(summary.always_on_share),
            alike: Some(summary.mean_correlation),
            summary: Some(summary.clone()),
            ..trained(Some(summary.test_accuracy))
        };
        nets.push((name.clone(), whole));
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        self.diverged
    }
}

/// The layers of a trained net.
fn layers(trial: &Trial<'_>, trained: &Net) -> espalier_study::Result<Vec<(String, Net)>> {
    let activity: Vec<Activity> = trial.rows()?;
    let (held, magnitudes): (Vec<Importance>, Vec<Magnitude>) = (trial.rows()?, trial.rows()?);
    let layer = |row: &Likeness| {
        let rows = activity.iter().filter(|other| other.layer == row.layer);
        let share = |count: fn(&Activity) -> u64| rows.clone().map(move |row| count(row) as f64 / row.units as f64);
        let held = held.iter().filter(|other| other.layer == row.layer);
        let magnitudes = magnitudes.iter().filter(|other| other.layer == row.layer);
        let net = Net {
            diverged: trained.diverged,
            accuracies: trained.accuracies.clone(),
            dead: share(|a| a.dead).next_back(),
            always_on: share(|a| a.always_on).next_back(),
            alike: Some(row.mean_correlation),
            dead_after: share(|a| a.dead).collect(),
            always_on_after: share(|a| a.always_on).collect(),
            held: held.map(|point| point.share_of_sum).collect(),
            magnitudes: magnitudes.map(|bin| bin.share).collect(),
            ..Net::default()
        };
        (layer_name(&trial.key.variant, row.layer), net)
    };
    Ok(trial.rows()?.iter().map(layer).collect())
}

/// The pruned nets of a training that diverged.
fn nothing_left(summary: &Summary) -> Vec<Pruned> {
    let row = |(scheme, percent): (&str, u64)| Pruned {
        scheme: scheme.to_owned(),
        percent,
        validation_accuracy: summary.validation_accuracy,
        test_accuracy: summary.test_accuracy,
        weights_left: 0,
        compact_macs: 0,
        compact_deviation: None,
    };
    let plain = PLAIN.contains(&summary.arm.as_str());
    shares(plain, summary.biases).map(row).collect()
}

impl Net {
    fn look(probe: &Probe) -> Self {
        Self {
            dead: Some(probe.dead_share),
            half_of_units: Some(probe.half_of_units / probe.accuracy),
            tenth_of_weights: Some(probe.tenth_of_weights / probe.accuracy),
            ..Self::default()
        }
    }

    /// A number of the training that the whole net comes from.
    fn whole(&self, number: fn(&Summary) -> f64) -> f64 {
        self.summary.as_ref().map_or(f64::NAN, number)
    }
}

/// A number; NaN where a net does not have it.
fn known(number: Option<f64>) -> f64 {
    number.unwrap_or(f64::NAN)
}

type Q = Quantity<Net>;
/// Of a net that is to have been trained until it stands still.
pub const TEST: Q = TEST_THEN.over_epochs(|n| n.accuracies.clone());
quantities! { Net;
    /// Of a net after so many epochs, whether it stands still or not.
    pub TEST_THEN = "accuracy", "test accuracy", "fraction" 3 higher_is_better, |n| known(n.accuracy);
}
/// As [`TEST`].
pub const LEFT: Q = LEFT_THEN.over_epochs(|n| n.accuracies.clone());
quantities! { Net;
    /// As [`TEST_THEN`].
    pub LEFT_THEN = "left", "share of its accuracy that a net keeps", "share" 3, |n| known(n.accuracy) / known(n.of);
    pub LEFT_OF_UNITS = "half-of-units", "accuracy kept without half of the units", "share" 3, |n| known(n.half_of_units);
    pub LEFT_OF_WEIGHTS = "tenth-of-weights", "accuracy kept without 90 % of the weights", "share" 3, |n| known(n.tenth_of_weights);
    pub DEAD = "dead", "dead units", "share" 3, |n| known(n.dead), over_epochs(|n| n.dead_after.clone());
    pub ALWAYS_ON = "always-on", "always-on units", "share" 3, |n| known(n.always_on), over_epochs(|n| n.always_on_after.clone());
    pub ALIKE = "alike", "mean abs(correlation) of two units", "" 3, |n| known(n.alike);
    pub LARGEST_TENTH = "tenth", "share of Σ abs(w) in the largest tenth of the weights", "" 3, |n| n.whole(|s| s.largest_tenth);
}
/// Courses, which are looked at and not judged.
pub const HELD: Q = LARGEST_TENTH.over_epochs(|n| n.held.clone());
pub const MAGNITUDES: Q = LARGEST_TENTH.over_epochs(|n| n.magnitudes.clone());
quantities! { Net;
    pub TRAIN_LOSS = "train-loss", "last training loss", "nats" 3, |n| n.whole(|s| s.train_loss);
    pub MACS = "macs", "training", "10¹² MACs" 1, |n| n.whole(|s| s.train_macs as f64 / 1e12);
    pub CURVE = "curve", "mean validation accuracy over all shares of its own kind", "" 3, |n| n.whole(|s| s.curve_validation);
    pub SECONDS = "seconds", "time per pass", "ms" 3, |n| 1e3 * known(n.seconds_per_pass);
    pub SHAPE_MACS = "shape-macs", "multiply–accumulates per image", "" 0, |n| known(n.shape_macs);
    pub PARAMETERS = "parameters", "parameters", "" 0, |n| known(n.parameters);
}

/// What is pruned, in all shares at which it is.
fn shares(plain: bool, biases: bool) -> impl Iterator<Item = (&'static str, u64)> {
    let of = |scheme| PERCENTS.map(|percent| (scheme, percent));
    let random = RANDOM_PERCENTS.map(|percent| (RANDOM, percent));
    schemes(plain, biases).into_iter().flat_map(of).chain(random)
}

fn pruned_name(net: &str, scheme: &str, percent: u64) -> String {
    format!("{net}, without {percent} % of {scheme}")
}

fn layer_name(net: &str, layer: u64) -> String {
    format!("{net}, layer {layer}")
}

fn look_name(net: &str, epochs: u64) -> String {
    format!("{net}, after {epochs} epochs")
}

/// The whole net of a training.
pub fn whole(training: &Where) -> Where {
    training.clone().and(PART.is(WHOLE)).named(training.to_string())
}

/// What pruning leaves of the nets of a training.
pub fn pruned(training: &Where, scheme: &str, percent: u64) -> Where {
    let gone = SCHEME.is(scheme).and(GONE.is(percent as f64));
    let left = training.clone().and(gone);
    left.named(format!("{training} without {percent} % of the {scheme}"))
}

pub fn trained(name: &str) -> Where {
    TRAINING.is(name).named(name)
}

/// The looks at a training while it went on.
pub fn looks(trainings: &[&str]) -> Where {
    let looks = PART.is(LOOKED_AT).and(TRAINING.any(trainings.iter().copied()));
    looks.named(trainings.join(" and "))
}

/// A training's nets with all that was set for them.
fn arms(variant: &Variant, setup: &Setup) -> Vec<Arm> {
    let name = variant.to_string();
    let without = |arm: Arm, percent: u64| arm.with(&GONE, percent as f64).with(&KEPT, 100.0 - percent as f64);
    let arm = match variant {
        Variant::Timed { percent } => return vec![without(Arm::new(name).with(&PART, TIMED), *percent)],
        Variant::Trained(arm) => arm,
    };
    let with = |name: String, part: &str| {
        let net = Arm::new(name).with(&PART, part).with(&TRAINING, arm.training);
        let net = net.with(&METHOD, arm.method.name).with(&RATE, arm.rate);
        net.with(&EPOCHS, arm.epochs as f64).with(&BIASES, arm.biases)
    };
    let mut arms = vec![with(name.clone(), WHOLE)];
    let layers = 1..=setup.widths.len() as u64;
    arms.extend(layers.map(|layer| with(layer_name(&name, layer), "layer").with(&LAYER, layer as f64)));
    let looks = (1..=arm.epochs).filter(|epoch| epoch.is_power_of_two() || *epoch == arm.epochs);
    let looks = looks.filter(|_| arm.is_plain());
    arms.extend(looks.map(|epoch| with(look_name(&name, epoch), LOOKED_AT).with(&SO_FAR, epoch as f64)));
    let pruned = |(scheme, percent)| with(pruned_name(&name, scheme, percent), "pruned").with(&SCHEME, scheme);
    arms.extend(shares(arm.is_plain(), arm.biases).map(|share| without(pruned(share), share.1)));
    arms
}

/// The rows of a data set.
pub fn study(sets: &[(String, &Rows)], context: &ReportContext, setup: &Setup) -> anyhow::Result<Study<Net>> {
    let all = Variant::all(setup).into_iter();
    let all = all.flat_map(|variant| arms(&variant, setup)).collect();
    let images = match setup.train_images {
        0 => "all".to_owned(),
        images => images.to_string(),
    };
    let study = Study::new("pruning-curves", all)?
        .common([(BATCH, Level::from(setup.batch)), (IMAGES, images.into())])
        .original(BATCH, 32.0)
        .original(IMAGES, "all")
        .words(include_str!("figures.md"));
    Ok(study.read_all(sets, &context.seeds)?)
}
