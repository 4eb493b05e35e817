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

quantities! { Net;
    pub TRAIN = "train", "train accuracy", "fraction" 4, |n| n.summary.train_accuracy;
    pub VALIDATION = "validation", "validation accuracy", "fraction" 4,
        |n| n.summary.validation_accuracy, over_epochs(Net::validation);
    pub TEST = "test", "test accuracy", "fraction" 4, |n| n.summary.test_accuracy;
    pub W = "w", "Shapiro–Wilk W", "" 3, |n| n.summary.shapiro_w;
    pub W_ALIVE = "w-alive", "W without dead units", "" 3, |n| n.summary.shapiro_w_alive;
    pub SKEWNESS = "skewness", "skewness", "" 2, |n| n.summary.skewness;
    pub KURTOSIS = "kurtosis", "excess kurtosis", "" 2, |n| n.summary.excess_kurtosis;
    pub TOTAL = "total", "total spread", "" 1, |n| n.summary.total_spread;
    pub MEDIAN = "median", "median spread", "" 2, |n| n.summary.median_spread;
    pub LOG_MEDIAN = "log-median", "log₂ of the median spread", "doublings" 2, |n| MEDIAN.value(n).log2();
    pub MEAN = "mean", "mean spread", "" 2, |n| n.per_unit(TOTAL.value(n));
    pub DEAD = "dead", "dead units", "" 1, |n| n.summary.dead_units as f64;
    pub DEAD_SHARE = "dead-share", "share of dead units", "" 3, |n| n.per_unit(DEAD.value(n));
    pub IDLE = "idle", "share of units with a spread below 0.3", "" 3, Net::idle;
    pub EXP = "exp", "π of exponential + normal", "" 3, |n| n.summary.exp_normal_share;
    pub GAMMA = "gamma", "π of two gammas", "" 3, |n| n.summary.two_gamma_share;
    pub RANK = "rank", "effective rank", "" 1, |n| n.summary.effective_rank;
    pub RANK_SHARE = "rank-share", "effective rank ÷ width", "" 3, |n| n.per_unit(RANK.value(n));
    pub STABLE = "stable", "stable rank", "" 1, |n| n.summary.stable_rank;
    /// What of the variance half of the components leave; with the study's wrong basis a straight line leaves half.
    pub LEFT = "left", "share of the variance that half of the components leave", "" 3, |n| n.pca(|s| s.left_at_half);
    pub LEFT_WRONG = "left-wrong", "the same with the study's basis", "" 3, |n| n.pca(|s| s.left_at_half_wrong_basis);
    pub CLIFF = "cliff", "components with any variance", "" 3, |n| n.pca(|s| s.layer_rank as f64);
    pub HELD = "held", "components that hold 95 % of the variance", "" 3, |n| n.pca(|s| s.components_95 as f64);
    /// The slope of the study's lines: all of the variance, over as many components as units.
    pub SLOPE = "slope", "variance per component", "" 3, |n| n.per_unit(n.pca(|s| s.total_variance));
}

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
    let arm = |width: &usize| Arm::new(width.to_string()).with(&WIDTH, *width);
    let study = Study::new("mnist-variance", s.widths.iter().map(arm).collect())?
        .common(schedule(s.epochs, s.batch, s.learning_rate))
        .needs(EPOCHS, ENOUGH_EPOCHS)
        .words(include_str!("figures.md"))
        .subtitle(context.subtitle_with_epochs()?);
    Ok(study.read_joined(&context.dataset, run.sets, &context.seeds, &DATA)?)
}
