//! The recorded nets as a study: arms with all that was set for them, and what is measured.

use espalier_experiment::ReportContext;
use espalier_report::statistics::mean;
use espalier_study::prelude::*;

use crate::arm::{ARMS, NO_SPLIT};
use crate::rows::{Epoch, Outcome, Split};
use crate::{Choices, STUDY_RATE};

/// Who is split; the net that never splits has its units from the start.
pub const RULE: Factor = Factor::method("rule");
pub const RATE: Factor = Factor::setting("learning rate");
const START: Factor = Factor::setting("units at the start").unit("units");
const SPLIT_EPOCHS: Factor = Factor::setting("epochs with a split");
const STILL_EPOCHS: Factor = Factor::setting("still epochs");
const BATCH: Factor = Factor::setting("batch");

/// A trained net with the splits that made it.
pub struct Net {
    outcome: Outcome,
    epochs: Vec<Epoch>,
    pub splits: Vec<Split>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let outcome: Outcome = trial.row()?;
        if outcome.test_accuracy.is_nan() {
            return Ok(Vec::new());
        }
        let (name, epochs) = (name(&outcome.arm, outcome.learning_rate), trial.rows()?);
        let splits = trial.rows()?;
        Ok(vec![(
            name,
            Self {
                outcome,
                epochs,
                splits,
            },
        )])
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }

    fn edits(&self) -> Option<u64> {
        (self.outcome.arm != NO_SPLIT).then_some(self.splits.len() as u64)
    }
}

impl Net {
    /// A number after every epoch of training.
    fn path(&self, of: fn(&Epoch) -> f64) -> Vec<f64> {
        self.epochs.iter().filter(|epoch| epoch.epoch > 0).map(of).collect()
    }

    /// The mean over splits; NaN without any.
    fn per_split(&self, of: fn(&Split) -> f64) -> f64 {
        mean(&self.splits.iter().map(of).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    }
}

quantities! { Net;
    pub TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.outcome.test_accuracy, over_epochs_of(&VALIDATION);
    pub TEST_LOSS = "loss", "test loss", "nats" 4 lower_is_better, |n| n.outcome.test_loss, over_epochs_of(&VALIDATION_LOSS);
    pub HALVED = "halved", "accuracy on halved test images", "fraction" 4, |n| n.outcome.halved_test_accuracy;
    pub HALVED_LOSS = "halved-loss", "loss on halved test images", "nats" 4, |n| n.outcome.halved_test_loss;
    pub COST_OF_HALVING = "cost", "test accuracy less that on halved test images", "fraction" 4,
        |n| n.outcome.test_accuracy - n.outcome.halved_test_accuracy;
    pub VALIDATION = "validation", "validation accuracy", "fraction" 4,
        |n| n.outcome.validation_accuracy, over_epochs(|n| n.path(|e| e.validation_accuracy));
    pub VALIDATION_LOSS = "validation-loss", "validation loss", "nats" 4,
        |n| n.outcome.validation_loss, over_epochs(|n| n.path(|e| e.validation_loss));
    pub TRAIN_LOSS = "train-loss", "training loss", "nats" 4,
        |n| n.epochs.last().map_or(f64::NAN, |e| e.train_loss), over_epochs(|n| n.path(|e| e.train_loss));
    pub PARAMETERS = "parameters", "parameters", "" 0,
        |n| n.outcome.parameters as f64, over_epochs(|n| n.path(|e| e.parameters as f64));
    pub MACS = "macs", "training", "10⁹ MACs" 0, |n| n.outcome.train_macs as f64 / 1e9;
    pub DECISIONS = "decisions", "choices", "10⁹ MACs" 1, |n| n.outcome.decision_macs as f64 / 1e9;
    pub SCORE = "score", "chosen unit's score", "" 3, |n| n.per_split(|s| s.score);
    pub LOWEST = "lowest", "least score of all units", "" 3, |n| n.per_split(|s| s.lowest);
    pub HIGHEST = "highest", "largest score of all units", "" 3, |n| n.per_split(|s| s.highest);
    pub DEVIATION = "deviation", "largest output change", "10⁻⁶ of the largest output" 2,
        |n| n.splits.iter().map(|s| s.deviation).fold(0.0, f64::max) * 1e6;
}

/// A rule at a learning rate; rates other than the study's are named.
fn name(rule: &str, rate: f64) -> String {
    if rate == STUDY_RATE {
        rule.to_owned()
    } else {
        format!("{rule} at rate {rate}")
    }
}

/// The arm of a rule at a rate.
pub fn at(rule: &str, rate: f64) -> Where {
    RULE.is(rule).and(RATE.is(rate)).named(name(rule, rate))
}

/// The rules but for some.
pub fn rules_but(without: &[&str]) -> Vec<&'static str> {
    let rules = ARMS.iter().map(|arm| arm.name);
    rules.filter(|rule| !without.contains(rule)).collect()
}

/// All arms at a rate that split, but for some.
pub fn splitting(rate: f64, without: &[&str]) -> Where {
    let rules = RULE.any(rules_but(&[&[NO_SPLIT], without].concat()));
    rules.and(RATE.is(rate)).named(name("arms that split", rate))
}

/// All arms at a rate.
pub fn all(rate: f64) -> Where {
    RATE.is(rate).named(name("all arms", rate))
}

/// The rows of one or several data sets.
pub fn study(sets: &[(String, &Rows)], context: &ReportContext, settings: &Choices) -> anyhow::Result<Study<Net>> {
    let arm = |rate: f64, rule: &str| {
        let arm = Arm::new(name(rule, rate)).with(&RULE, rule).with(&RATE, rate);
        let splits = rule != NO_SPLIT;
        if splits { arm.with(&START, settings.start) } else { arm }
    };
    let rates = settings.learning_rates.iter();
    let arms = rates.flat_map(|rate| ARMS.map(|one| arm(*rate, one.name)));
    let (split, still, batch) = (settings.split_epochs, settings.still_epochs, settings.batch);
    let study = Study::new("split-selectors", arms.collect())?
        .common([(SPLIT_EPOCHS, split), (STILL_EPOCHS, still), (BATCH, batch)])
        .outcome(PARAMETERS)
        .outcome(MACS)
        .original(SPLIT_EPOCHS, 50.0)
        .original(STILL_EPOCHS, 50.0)
        .original(BATCH, 32.0)
        .original(RATE, STUDY_RATE)
        .words(include_str!("figures.md"));
    Ok(study.read_all(sets, &context.seeds)?)
}
