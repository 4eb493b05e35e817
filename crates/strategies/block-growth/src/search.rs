//! The search for each block's λ: which trial comes next, and which blocks are kept.

use serde::{Deserialize, Serialize};

use crate::block::Contents;
use crate::settings::BlockGrowthSettings;

/// Which way λ goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Down, each trial with a fresh block, until one survives and beats the best loss.
    Descent,
    /// Up, each trial from the last accepted version of the block, while the loss does not rise.
    Ascent,
}

/// A block that was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The block's name.
    pub block: String,
    /// The λ with which this version of it was trained.
    pub lambda: f64,
    /// Its living units.
    pub units: usize,
    /// The validation loss of all kept blocks up to this one.
    pub validation_loss: f64,
}

/// Why growth is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The newest block has beaten the best loss with no λ above the floor.
    NoImprovement,
    /// Every block of the network is kept.
    AllKept,
    /// The last epoch is over.
    TrainingOver,
    /// A block could not be opened, for the given reason.
    Refused(String),
}

/// A version of a block that was good enough to be remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub lambda: f64,
    pub units: usize,
    pub loss: f64,
    pub contents: Contents,
}

/// One trial: a block that trains at one λ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Trial {
    epochs: u64,
    stale_epochs: u64,
    best: Option<Version>,
}

/// What an epoch of a trial has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EpochResult {
    pub units: usize,
    pub loss: f64,
    pub last: bool,
}

/// What becomes of the newest block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The trial goes on.
    GoOn,
    /// It is drawn anew, at the next λ down.
    Redraw,
    /// This version of it goes on, at the next λ up.
    Raise(Version),
    /// This version of it is kept, and the next block's turn has come.
    Keep(Version),
    /// It is closed, and growth is over.
    Close(End),
}

/// Where the search stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Search {
    /// The newest block's place in the sum.
    pub block: usize,
    pub phase: Phase,
    /// Steps of λ from its start.
    pub steps: i32,
    /// The validation loss of the kept blocks.
    pub best_loss: f64,
    pub kept: Vec<Kept>,
    trial: Trial,
    accepted: Option<Version>,
}

impl Search {
    /// Starts with the first block; `loss` is that of the network without blocks.
    pub fn new(loss: f64) -> Self {
        Self {
            block: 0,
            phase: Phase::Descent,
            steps: 0,
            best_loss: loss,
            kept: Vec::new(),
            trial: Trial::default(),
            accepted: None,
        }
    }

    /// Takes an epoch's result and decides; `contents` takes down the block as it is.
    pub fn after_epoch(
        &mut self,
        settings: &BlockGrowthSettings,
        result: EpochResult,
        contents: impl FnOnce() -> Contents,
    ) -> Verdict {
        let lambda = settings.lambda_at(self.steps);
        self.trial.observe(lambda, result, contents);
        if !result.last && !self.trial.is_over(settings, result) {
            return Verdict::GoOn;
        }
        let trial = std::mem::take(&mut self.trial);
        // A trial that training's end cuts short counts with what it has reached.
        let survived = result.last || (result.units > 0 && result.loss.is_finite());
        let version = trial.best.filter(|_| survived);
        match self.phase {
            Phase::Descent => match version.filter(|v| v.loss < self.best_loss) {
                Some(version) => self.accept(settings, version, result.last),
                None => self.go_down(settings, result.last),
            },
            Phase::Ascent => {
                let before = self.accepted.take();
                let holds = |v: &Version| before.as_ref().is_none_or(|b| v.loss <= b.loss);
                match version.filter(holds) {
                    Some(version) => self.accept(settings, version, result.last),
                    None => before.map_or(Verdict::Close(End::NoImprovement), Verdict::Keep),
                }
            }
        }
    }

    fn accept(&mut self, settings: &BlockGrowthSettings, version: Version, last: bool) -> Verdict {
        if last || !settings.within_ceiling(self.steps + 1) {
            return Verdict::Keep(version);
        }
        self.phase = Phase::Ascent;
        self.steps += 1;
        self.accepted = Some(version.clone());
        Verdict::Raise(version)
    }

    fn go_down(&mut self, settings: &BlockGrowthSettings, last: bool) -> Verdict {
        if last {
            return Verdict::Close(End::TrainingOver);
        }
        if !settings.above_floor(self.steps - 1) {
            return Verdict::Close(End::NoImprovement);
        }
        self.steps -= 1;
        Verdict::Redraw
    }

    /// Enters a version of the newest block, and goes on to the next one.
    pub fn keep(&mut self, block: String, version: &Version) {
        self.best_loss = version.loss;
        self.kept.push(Kept {
            block,
            lambda: version.lambda,
            units: version.units,
            validation_loss: version.loss,
        });
        self.block += 1;
        self.steps = 0;
        self.phase = Phase::Descent;
        self.accepted = None;
    }
}

impl Trial {
    /// Compares by (size, loss), the smaller first.
    fn observe(&mut self, lambda: f64, result: EpochResult, contents: impl FnOnce() -> Contents) {
        let EpochResult { units, loss, .. } = result;
        let beats = |best: &Version| units < best.units || (units == best.units && loss < best.loss);
        self.epochs += 1;
        if units > 0 && loss.is_finite() && self.best.as_ref().is_none_or(beats) {
            self.stale_epochs = 0;
            self.best = Some(Version {
                lambda,
                units,
                loss,
                contents: contents(),
            });
        } else {
            self.stale_epochs += 1;
        }
    }

    fn is_over(&self, settings: &BlockGrowthSettings, result: EpochResult) -> bool {
        result.units == 0
            || !result.loss.is_finite()
            || self.stale_epochs >= settings.patience_epochs
            || self.epochs >= settings.trial_epochs
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Outcome {
        lambda: f64,
        fresh: bool,
        score: f64,
        units: usize,
    }

    #[derive(Deserialize)]
    struct Recorded {
        trials: Vec<Outcome>,
        kept: bool,
    }

    #[derive(Deserialize)]
    struct Vectors {
        searches: Vec<Recorded>,
    }

    /// The author's own search, run apart: `tests/vectors/authors_code.json` says where it comes from.
    #[test]
    fn as_published() {
        let vectors: Vectors = serde_json::from_str(include_str!("../tests/vectors/authors_code.json")).unwrap();
        // The author's trials end as told, ours after one epoch; a score is 1 less the loss, and 0 the best so far.
        let settings = BlockGrowthSettings {
            trial_epochs: 1,
            ..BlockGrowthSettings::default()
        };
        for recorded in &vectors.searches {
            let mut search = Search::new(1.0);
            let last = recorded.trials.len() - 1;
            for (k, trial) in recorded.trials.iter().enumerate() {
                let lambda = settings.lambda_at(search.steps);
                assert!(
                    (lambda / trial.lambda - 1.0).abs() < 1e-9,
                    "trial {k}: {lambda} {}",
                    trial.lambda
                );
                assert_eq!(search.phase == Phase::Descent, trial.fresh, "trial {k}");
                let result = EpochResult {
                    units: trial.units,
                    loss: 1.0 - trial.score,
                    last: false,
                };
                let verdict = search.after_epoch(&settings, result, Contents::default);
                match verdict {
                    Verdict::Redraw | Verdict::Raise(_) => assert!(k < last, "trial {k}: {verdict:?}"),
                    Verdict::Keep(version) => {
                        let best = recorded.trials[..last].iter().map(|t| t.score).fold(0.0, f64::max);
                        assert!(k == last && recorded.kept && (version.loss - (1.0 - best)).abs() < 1e-12);
                    }
                    other => panic!("trial {k}: {other:?}"),
                }
            }
        }
    }
}
