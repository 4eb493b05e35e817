//! Networks that are chosen among the epochs of a training by what they score on the validation split.

use espalier_net::Network;
use espalier_net::save::{self, Checkpoint};
use espalier_report::rows::Row;
use espalier_train::{Evaluation, Trainer};
use serde::{Deserialize, Serialize};

/// The best epoch of a training under a rule; losses and scores as in [`espalier_report::standard::Epoch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRow {
    /// Which of the trial's networks.
    pub net: String,
    /// The rule's name.
    pub choice: String,
    /// The epoch that was chosen.
    pub epoch: u64,
    /// Multiply–accumulates spent in training until then.
    pub train_macs: u64,
    /// Trained values.
    pub parameters: u64,
    /// Multiply–accumulates of one sample's forward pass.
    pub macs: u64,
    /// Units and channels of all groups that can be edited.
    pub units: u64,
    /// On the validation split.
    pub validation_loss: f64,
    /// On the validation split.
    pub validation_score: f64,
    /// On the test split, which is read when training has ended.
    pub test_loss: f64,
    /// On the test split.
    pub test_score: f64,
}
impl Row for ChoiceRow {
    const TABLE: &'static str = "choices";
}

/// A network that was chosen, with its row.
#[derive(Clone, Debug)]
pub struct ChosenEpoch {
    /// What it scores and cost.
    pub row: ChoiceRow,
    /// The network as it stood at the end of that epoch.
    pub network: Network<f32>,
}

/// The first best epoch among those behind a share of all epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    pub name: &'static str,
    pub behind: f64,
}

/// The best epoch so far.
#[derive(Clone)]
struct Best {
    epoch: u64,
    train_macs: u64,
    validation: Evaluation,
    network: Network<f32>,
}

/// The rules of a training, each with its best epoch so far.
#[derive(Clone, Default)]
pub(crate) struct Choices(Vec<(Rule, Option<Best>)>);

/// A best epoch as checkpoints hold it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SavedBest {
    choice: String,
    epoch: u64,
    train_macs: u64,
    validation: Evaluation,
    network: Vec<u8>,
}

impl Choices {
    pub fn add(&mut self, rule: Rule) {
        self.0.push((rule, None));
    }

    /// Looks at the end of an epoch.
    pub fn look(&mut self, trainer: &Trainer, epochs: u64, validation: Evaluation) {
        let epoch = trainer.epoch();
        for (rule, best) in &mut self.0 {
            let counts = rule.behind == 0.0 || epoch as f64 > rule.behind * epochs as f64;
            if counts && best.as_ref().is_none_or(|best| is_better(validation, best.validation)) {
                *best = Some(Best {
                    epoch,
                    train_macs: trainer.train_macs(),
                    validation,
                    network: trainer.network().clone(),
                });
            }
        }
    }

    pub fn save(&self) -> anyhow::Result<Vec<SavedBest>> {
        let found = self.0.iter().filter_map(|(rule, best)| Some((rule, best.as_ref()?)));
        let save = |(rule, best): (&Rule, &Best)| {
            Ok(SavedBest {
                choice: rule.name.to_owned(),
                epoch: best.epoch,
                train_macs: best.train_macs,
                validation: best.validation,
                network: save::to_bytes(&Checkpoint::of(&best.network))?,
            })
        };
        found.map(save).collect()
    }

    /// Takes the best epochs of a checkpoint up.
    pub fn restore(&mut self, saved: &[SavedBest]) -> anyhow::Result<()> {
        for (rule, best) in &mut self.0 {
            let Some(saved) = saved.iter().find(|saved| saved.choice == rule.name) else {
                continue;
            };
            *best = Some(Best {
                epoch: saved.epoch,
                train_macs: saved.train_macs,
                validation: saved.validation,
                network: save::from_bytes::<f32>(&saved.network)?.network.into_owned(),
            });
        }
        Ok(())
    }

    /// Scores the chosen networks on the test split, once training has ended; where it is left alone, NaN stands.
    pub fn test(&self, net: &str, trainer: &Trainer, tested: bool) -> anyhow::Result<Vec<ChosenEpoch>> {
        let found = self.0.iter().filter_map(|(rule, best)| Some((rule, best.as_ref()?)));
        let chosen = |(rule, best): (&Rule, &Best)| {
            let test = if tested {
                let (examples, loss) = (&trainer.data().test, trainer.regime().loss);
                Some(Evaluation::of(&best.network, examples, loss)?)
            } else {
                None
            };
            Ok(ChosenEpoch {
                row: row(net, rule, best, test),
                network: best.network.clone(),
            })
        };
        found.map(chosen).collect()
    }
}

fn is_better(new: Evaluation, old: Evaluation) -> bool {
    match (new.accuracy, old.accuracy) {
        (Some(new), Some(old)) => new > old,
        _ => new.loss < old.loss,
    }
}

fn row(net: &str, rule: &Rule, best: &Best, test: Option<Evaluation>) -> ChoiceRow {
    let (network, cost) = (&best.network, best.network.cost());
    let widths = network
        .editable_groups()
        .into_iter()
        .map(|group| network.group(group).width());
    let score = |evaluation: Evaluation| evaluation.accuracy.unwrap_or(f64::NAN);
    ChoiceRow {
        net: net.to_owned(),
        choice: rule.name.to_owned(),
        epoch: best.epoch,
        train_macs: best.train_macs,
        parameters: cost.parameters,
        macs: cost.macs,
        units: widths.sum::<usize>() as u64,
        validation_loss: best.validation.loss,
        validation_score: score(best.validation),
        test_loss: test.map_or(f64::NAN, |test| test.loss),
        test_score: test.map_or(f64::NAN, score),
    }
}
