//! The recorded nets as a study: arms with all that was set for them, and what is measured.

use std::collections::BTreeMap;

use espalier_study::prelude::*;
use espalier_study::standard::{EPOCHS, schedule};
use espalier_trial::Run;

use crate::MnistVariance;
use crate::rows::{Component, Epoch, Rebuilt, Spectrum, Summary, Unit};

pub const DATA: Factor = Factor::setting("data set");
pub const WIDTH: Factor = Factor::setting("hidden width").unit("units").log2();

/// The epochs after which the study judged; it blames five for its outliers.
const ENOUGH_EPOCHS: f64 = 30.0;
/// The spread below which a unit counts as idle where densities are compared.
const IDLE_SPREAD: f64 = 0.3;

/// A trained net.
pub struct Net {
    pub summary: Summary,
    units: Vec<Unit>,
    spectra: Vec<Spectrum>,
    pub components: Vec<Component>,
    pub rebuilt: Vec<Rebuilt>,
    epochs: Vec<Epoch>,
}
recorded!(Net { summary: row, units: rows, spectra: rows, components: rows, rebuilt: rows, epochs: rows } diverged summary);

impl Net {
    pub fn spreads(&self) -> Vec<f64> {
        self.units.iter().map(|unit| f64::from(unit.spread)).collect()
    }

    /// The spreads of units that are not dead, ascending.
    pub fn alive(&self) -> Vec<f64> {
        let mut alive: Vec<f64> = self.spreads().into_iter().filter(|spread| *spread > 0.0).collect();
        alive.sort_by(f64::total_cmp);
        alive
    }

    /// What its principal components say, where they were computed.
    pub fn spectrum(&self) -> Option<&Spectrum> {
        self.spectra.last()
    }

    /// Its rows of a way to rebuild the layer.
    pub fn rebuilt<'a>(&'a self, way: &'a str) -> impl Iterator<Item = &'a Rebuilt> {
        self.rebuilt.iter().filter(move |row| row.way == way)
    }

    fn per_unit(&self, value: f64) -> f64 {
        value / self.summary.width as f64
    }

    fn pca(&self, value: fn(&Spectrum) -> f64) -> f64 {
        self.spectrum().map_or(f64::NAN, value)
    }

    fn validation(&self) -> Vec<f64> {
        let score = |epoch: &Epoch| epoch.validation_accuracy.unwrap_or(f64::NAN);
        self.epochs.iter().map(score).collect()
    }

    fn idle(&self) -> f64 {
        let idle = self.spreads().into_iter().filter(|spread| *spread < IDLE_SPREAD);
        self.per_unit(idle.count() as f64)
    }
}

type Q = Quantity<Net>;
pub const TRAIN: Q = Q::new("train", "train accuracy", |n| n.summary.train_accuracy).unit("fraction", 4);
pub const VALIDATION: Q = Q::new("validation", "validation accuracy", |n| n.summary.validation_accuracy)
    .unit("fraction", 4)
    .over_epochs(Net::validation);
pub const TEST: Q = Q::new("test", "test accuracy", |n| n.summary.test_accuracy).unit("fraction", 4);
pub const W: Q = Q::new("w", "Shapiro–Wilk W", |n| n.summary.shapiro_w);
pub const W_ALIVE: Q = Q::new("w-alive", "W without dead units", |n| n.summary.shapiro_w_alive);
pub const SKEWNESS: Q = Q::new("skewness", "skewness", |n| n.summary.skewness).unit("", 2);
pub const KURTOSIS: Q = Q::new("kurtosis", "excess kurtosis", |n| n.summary.excess_kurtosis).unit("", 2);
pub const TOTAL: Q = Q::new("total", "total spread", |n| n.summary.total_spread).unit("", 1);
pub const MEDIAN: Q = Q::new("median", "median spread", |n| n.summary.median_spread).unit("", 2);
pub const LOG_MEDIAN: Q =
    Q::new("log-median", "log₂ of the median spread", |n| MEDIAN.value(n).log2()).unit("doublings", 2);
pub const MEAN: Q = Q::new("mean", "mean spread", |n| n.per_unit(TOTAL.value(n))).unit("", 2);
pub const DEAD: Q = Q::new("dead", "dead units", |n| n.summary.dead_units as f64).unit("", 1);
pub const DEAD_SHARE: Q = Q::new("dead-share", "share of dead units", |n| n.per_unit(DEAD.value(n)));
pub const IDLE: Q = Q::new("idle", "share of units with a spread below 0.3", Net::idle);
pub const EXP: Q = Q::new("exp", "π of exponential + normal", |n| n.summary.exp_normal_share);
pub const GAMMA: Q = Q::new("gamma", "π of two gammas", |n| n.summary.two_gamma_share);
pub const RANK: Q = Q::new("rank", "effective rank", |n| n.summary.effective_rank).unit("", 1);
pub const RANK_SHARE: Q = Q::new("rank-share", "effective rank ÷ width", |n| n.per_unit(RANK.value(n)));
pub const STABLE: Q = Q::new("stable", "stable rank", |n| n.summary.stable_rank).unit("", 1);
/// What of the variance half of the components leave; with the study's wrong basis a straight line leaves half.
pub const LEFT: Q = Q::new("left", "share of the variance that half of the components leave", |n| {
    n.pca(|s| s.left_at_half)
});
pub const LEFT_WRONG: Q = Q::new("left-wrong", "the same with the study's basis", |n| {
    n.pca(|s| s.left_at_half_wrong_basis)
});
pub const CLIFF: Q = Q::new("cliff", "components with any variance", |n| {
    n.pca(|s| s.layer_rank as f64)
});
pub const HELD: Q = Q::new("held", "components that hold 95 % of the variance", |n| {
    n.pca(|s| s.components_95 as f64)
});
/// The slope of the study's lines: all of the variance, over as many components as units.
pub const SLOPE: Q = Q::new("slope", "variance per component", |n| {
    n.per_unit(n.pca(|s| s.total_variance))
});

/// How the fits behind π ended, which the shares alone do not say.
pub fn endings<'n>(nets: impl Iterator<Item = &'n Net>) -> String {
    let (mut exp, mut gamma) = (BTreeMap::new(), BTreeMap::new());
    for net in nets {
        *exp.entry(&net.summary.exp_normal_outcome).or_insert(0) += 1;
        *gamma.entry(&net.summary.two_gamma_outcome).or_insert(0) += 1;
    }
    let said = |counts: BTreeMap<&String, usize>| {
        let each = counts.into_iter().map(|(ending, count)| format!("{count} {ending}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let (exp, gamma) = (said(exp), said(gamma));
    format!("How fits of π ended: exponential + normal {exp}; two gammas {gamma}. At its limit a fit may still move.")
}

/// The nets of a data set.
pub fn on(set: &str) -> Where {
    DATA.is(set).named(set)
}

/// The nets of a data set with widths that are chosen.
pub fn some(study: &Study<Net>, set: &str, words: &str, chosen: impl Fn(f64) -> bool) -> Where {
    let widths = study.levels(&WIDTH, &on(set));
    let chosen: Vec<_> = widths.into_iter().filter(|width| chosen(width.number())).collect();
    on(set).and(WIDTH.any(chosen).named(words))
}

/// The rows of one or several data sets as one study with the data set as a factor, of the seeds that every arm has.
pub fn study(run: &Run<'_, MnistVariance>) -> anyhow::Result<Study<Net>> {
    let (s, context) = (&run.settings, run.context);
    let arms = s
        .widths
        .iter()
        .map(|width| Arm::new(width.to_string()).with(&WIDTH, *width));
    let study = Study::new("mnist-variance", arms.collect())?
        .common(schedule(s.epochs, s.batch, s.learning_rate))
        .needs(EPOCHS, ENOUGH_EPOCHS)
        .words(include_str!("figures.md"))
        .subtitle(context.subtitle_with_epochs()?);
    Ok(study.read_joined(&context.dataset, run.sets, &context.seeds, &DATA)?)
}
