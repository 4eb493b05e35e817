//! The recorded nets as a study. A trained net is one net, and so is what is left of it at each share that was pruned, each
//! of its layers, and each look at it while it trained: what sets them apart are factors.

use std::rc::Rc;

use espalier_experiment::ReportContext;
use espalier_experiment::store::Timing;
use espalier_study::prelude::*;

use crate::arms::{PLAIN, Variant};
use crate::pruning::{RANDOM_PERCENTS, schemes};
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

/// What a training recorded beside its pruned nets.
pub struct Training {
    pub summary: Summary,
    epochs: Vec<Epoch>,
    activity: Vec<Activity>,
    likeness: Vec<Likeness>,
    importance: Vec<Importance>,
    magnitudes: Vec<Magnitude>,
}

/// A net, or what is left of it.
pub enum Net {
    Whole(Rc<Training>),
    Pruned(Rc<Training>, Pruned),
    Layer(Rc<Training>, u64),
    Look(Probe),
    /// Seconds per pass.
    Timed(f64, Timed),
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let name = &trial.key.variant;
        if let Some(timed) = trial.rows::<Timed>()?.pop() {
            let seconds = trial.row::<Timing>()?.wall_seconds / timed.passes as f64;
            return Ok(vec![(name.clone(), Self::Timed(seconds, timed))]);
        }
        let Some(summary) = trial.rows::<Summary>()?.pop().filter(|s| !s.test_accuracy.is_nan()) else {
            return Ok(Vec::new());
        };
        let training = Rc::new(Training {
            epochs: trial.rows()?,
            activity: trial.rows()?,
            likeness: trial.rows()?,
            importance: trial.rows()?,
            magnitudes: trial.rows()?,
            summary,
        });
        let mut nets = vec![(name.clone(), Self::Whole(Rc::clone(&training)))];
        let looks = trial.rows::<Probe>()?.into_iter();
        nets.extend(looks.map(|look| (look_name(name, look.epoch), Self::Look(look))));
        let layers = training.likeness.iter().map(|row| row.layer);
        nets.extend(layers.map(|layer| (layer_name(name, layer), Self::Layer(Rc::clone(&training), layer))));
        let pruned = if training.summary.diverged {
            training.nothing_left()
        } else {
            trial.rows()?
        };
        let left = |row: Pruned| {
            let name = pruned_name(name, &row.scheme, row.percent);
            (name, Self::Pruned(Rc::clone(&training), row))
        };
        nets.extend(pruned.into_iter().map(left));
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        self.training().is_some_and(|training| training.summary.diverged)
    }
}

impl Training {
    /// The pruned nets of a training that diverged.
    fn nothing_left(&self) -> Vec<Pruned> {
        let summary = &self.summary;
        let row = |(scheme, percent): (&str, u64)| Pruned {
            scheme: scheme.to_owned(),
            percent,
            validation_accuracy: summary.validation_accuracy,
            test_accuracy: summary.test_accuracy,
            weights_left: 0,
            compact_macs: 0,
            compact_deviation: None,
        };
        shares(PLAIN.contains(&summary.arm.as_str()), summary.biases)
            .map(row)
            .collect()
    }

    fn accuracies(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.validation_accuracy).collect()
    }

    /// A number of units of a layer after every epoch, as a share.
    fn of_layer(&self, layer: u64, count: fn(&Activity) -> u64) -> Vec<f64> {
        let rows = self.activity.iter().filter(|row| row.layer == layer);
        rows.map(|row| count(row) as f64 / row.units as f64).collect()
    }
}

impl Net {
    fn training(&self) -> Option<&Training> {
        match self {
            Self::Whole(training) | Self::Pruned(training, _) | Self::Layer(training, _) => Some(training),
            Self::Look(_) | Self::Timed(..) => None,
        }
    }

    /// A number of the training that the whole net comes from.
    fn whole(&self, number: fn(&Summary) -> f64) -> f64 {
        match self {
            Self::Whole(training) => number(&training.summary),
            _ => f64::NAN,
        }
    }

    fn test(&self) -> f64 {
        match self {
            Self::Pruned(_, row) => row.test_accuracy,
            _ => self.whole(|s| s.test_accuracy),
        }
    }

    fn look(&self, number: fn(&Probe) -> f64) -> f64 {
        match self {
            Self::Look(probe) => number(probe) / probe.accuracy,
            _ => f64::NAN,
        }
    }

    fn layer_path(&self, count: fn(&Activity) -> u64) -> Vec<f64> {
        match self {
            Self::Layer(training, layer) => training.of_layer(*layer, count),
            _ => Vec::new(),
        }
    }

    fn timed(&self, number: fn(&Timed) -> f64) -> f64 {
        match self {
            Self::Timed(_, row) => number(row),
            _ => f64::NAN,
        }
    }

    /// The largest output difference between the net and the one without its silent units, over the largest output.
    pub fn compact_deviation(&self) -> Option<f64> {
        match self {
            Self::Pruned(_, row) => row.compact_deviation,
            _ => None,
        }
    }

    /// (share of the weights, share of Σ|w| that the largest of them hold).
    pub fn importance(&self) -> Vec<(f64, f64)> {
        let Self::Layer(training, layer) = self else {
            return Vec::new();
        };
        let rows = training.importance.iter().filter(|row| row.layer == *layer);
        rows.map(|row| (row.share_of_weights, row.share_of_sum)).collect()
    }

    /// (log₁₀ of |w| over its mean, share of the weights).
    pub fn magnitudes(&self) -> Vec<(f64, f64)> {
        let Self::Layer(training, layer) = self else {
            return Vec::new();
        };
        let rows = training.magnitudes.iter().filter(|row| row.layer == *layer);
        rows.map(|row| (row.log_magnitude, row.share)).collect()
    }
}

type Q = Quantity<Net>;
/// Of a net that is to have been trained until it stands still.
pub const TEST: Q = Q::new("accuracy", "test accuracy", Net::test)
    .unit("fraction", 3)
    .higher_is_better()
    .over_epochs(|n| n.training().map_or_else(Vec::new, Training::accuracies));
/// Of a net after so many epochs, whether it stands still or not.
pub const TEST_THEN: Q = Q::new("accuracy", "test accuracy", Net::test)
    .unit("fraction", 3)
    .higher_is_better();
const LEFT_OF: fn(&Net) -> f64 = |n| {
    n.training()
        .map_or(f64::NAN, |training| n.test() / training.summary.test_accuracy)
};
/// As [`TEST`].
pub const LEFT: Q = Q::new("left", "share of its accuracy that a net keeps", LEFT_OF)
    .unit("share", 3)
    .over_epochs(|n| n.training().map_or_else(Vec::new, Training::accuracies));
/// As [`TEST_THEN`].
pub const LEFT_THEN: Q = Q::new("left", "share of its accuracy that a net keeps", LEFT_OF).unit("share", 3);
pub const LEFT_OF_UNITS: Q = Q::new("half-of-units", "accuracy kept without half of the units", |n| {
    n.look(|p| p.half_of_units)
})
.unit("share", 3);
pub const LEFT_OF_WEIGHTS: Q = Q::new("tenth-of-weights", "accuracy kept without 90 % of the weights", |n| {
    n.look(|p| p.tenth_of_weights)
})
.unit("share", 3);
pub const DEAD: Q = Q::new("dead", "dead units", |n| match n {
    Net::Look(probe) => probe.dead_share,
    Net::Layer(..) => n.layer_path(|a| a.dead).last().copied().unwrap_or(f64::NAN),
    _ => n.whole(|s| s.dead_share),
})
.unit("share", 3)
.over_epochs(|n| n.layer_path(|a| a.dead));
pub const ALWAYS_ON: Q = Q::new("always-on", "always-on units", |n| match n {
    Net::Layer(..) => n.layer_path(|a| a.always_on).last().copied().unwrap_or(f64::NAN),
    _ => n.whole(|s| s.always_on_share),
})
.unit("share", 3)
.over_epochs(|n| n.layer_path(|a| a.always_on));
pub const ALIKE: Q = Q::new("alike", "mean abs(correlation) of two units", |n| match n {
    Net::Layer(training, layer) => {
        let row = training.likeness.iter().find(|row| row.layer == *layer);
        row.map_or(f64::NAN, |row| row.mean_correlation)
    }
    _ => n.whole(|s| s.mean_correlation),
});
pub const LARGEST_TENTH: Q = Q::new("tenth", "share of Σ abs(w) in the largest tenth of the weights", |n| {
    n.whole(|s| s.largest_tenth)
});
pub const TRAIN_LOSS: Q = Q::new("train-loss", "last training loss", |n| n.whole(|s| s.train_loss)).unit("nats", 3);
pub const MACS: Q = Q::new("macs", "training", |n| n.whole(|s| s.train_macs as f64 / 1e12)).unit("10¹² MACs", 1);
pub const CURVE: Q = Q::new(
    "curve",
    "mean validation accuracy over all shares of its own kind",
    |n| n.whole(|s| s.curve_validation),
);
pub const SECONDS: Q = Q::new("seconds", "time per pass", |n| match n {
    Net::Timed(seconds, _) => 1e3 * seconds,
    _ => f64::NAN,
})
.unit("ms", 3);
pub const SHAPE_MACS: Q = Q::count("shape-macs", "multiply–accumulates per image", |n| {
    n.timed(|t| t.macs as f64)
});
pub const PARAMETERS: Q = Q::count("parameters", "parameters", |n| n.timed(|t| t.parameters as f64));

/// What is pruned, in all shares at which it is.
fn shares(plain: bool, biases: bool) -> impl Iterator<Item = (&'static str, u64)> {
    let of = |scheme| PERCENTS.map(|percent| (scheme, percent));
    let random = RANDOM_PERCENTS.map(|percent| (crate::pruning::RANDOM, percent));
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
    training
        .clone()
        .and(gone)
        .named(format!("{training} without {percent} % of the {scheme}"))
}

pub fn trained(name: &str) -> Where {
    TRAINING.is(name).named(name)
}

/// The looks at a training while it went on.
pub fn looks(trainings: &[&str]) -> Where {
    PART.is(LOOKED_AT)
        .and(TRAINING.any(trainings.iter().copied()))
        .named(trainings.join(" and "))
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
    let all = Variant::all(setup)
        .iter()
        .flat_map(|variant| arms(variant, setup))
        .collect();
    let images = match setup.train_images {
        0 => "all".to_owned(),
        images => images.to_string(),
    };
    let study = Study::new("pruning-curves", all)?
        .common([(BATCH, setup.batch as f64)])
        .common([(IMAGES, images)])
        .original(BATCH, 32.0)
        .original(IMAGES, "all");
    Ok(study.read_all(sets, &context.seeds)?)
}
