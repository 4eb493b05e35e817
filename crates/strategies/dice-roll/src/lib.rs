#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod rolls;
mod settings;

use espalier_net::{Network, Plan};
use espalier_strategy::{
    Error, Occasion, Oracle, Proposal, Reading, Result, Sample, State, Strategy, Territory, View, changed_values,
};

pub use rolls::{Rolls, ScoreSpread};
pub use settings::{DiceRollSettings, Mode, StepScore};

const NAME: &str = "dice-roll";

/// Keeps the best of several initialisations.
///
/// # Example
/// ```
/// use espalier_dice_roll::{DiceRoll, DiceRollSettings, Mode};
///
/// let strategy = DiceRoll::new(DiceRollSettings { rolls: 30, mode: Mode::source_trials(), ..Default::default() });
/// assert!(strategy.rolls().is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DiceRoll {
    settings: DiceRollSettings,
    rolls: Option<Rolls>,
}

impl DiceRoll {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: DiceRollSettings) -> Self {
        Self { settings, rolls: None }
    }

    /// The scores, once the dice have rolled.
    #[must_use]
    pub fn rolls(&self) -> Option<&Rolls> {
        self.rolls.as_ref()
    }

    /// One candidate, trained where the mode says so, and its score.
    fn roll(&self, view: &View<'_>, oracle: &mut dyn Oracle, index: u64) -> Result<(Network<f32>, f64)> {
        let mut candidate = view.network.clone();
        if index > 0 {
            candidate.initialize(&self.settings.initializer, &view.seed.named("roll").index(index));
        }
        let Mode::FewSteps {
            optimizer,
            rate,
            steps,
            score,
        } = &self.settings.mode
        else {
            let loss = oracle.loss(&candidate, Sample::Growth)?;
            return Ok((candidate, loss));
        };
        let during = oracle.train(&mut candidate, optimizer, *rate, *steps)?;
        let loss = match score {
            StepScore::During => during,
            StepScore::After => oracle.loss(&candidate, Sample::Growth)?,
        };
        Ok((candidate, loss))
    }

    /// Rolls all candidates and keeps the one with the lowest finite score.
    fn best(&self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<(Network<f32>, Rolls)> {
        let mut best: Option<(Network<f32>, usize)> = None;
        let mut scores: Vec<f64> = Vec::new();
        for index in 0..self.settings.rolls {
            let (candidate, score) = self.roll(view, oracle, index)?;
            scores.push(score);
            let lowest = best.as_ref().map_or(f64::INFINITY, |b| scores[b.1]);
            if score < lowest && is_finite(&candidate) {
                best = Some((candidate, scores.len() - 1));
            }
        }
        match best {
            Some((network, winner)) => Ok((network, Rolls { scores, winner })),
            None => Err(Error::observation(
                "scores of all rolls",
                "a finite one",
                format!("{scores:?}"),
            )),
        }
    }
}

fn is_finite(network: &Network<f32>) -> bool {
    network
        .parameters()
        .iter()
        .all(|p| p.values().iter().all(|v| v.is_finite()))
}

impl Strategy for DiceRoll {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, _network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)
    }

    /// It edits no units, so that it goes with any other strategy.
    fn territory(&self, _network: &Network<f32>) -> Territory {
        Territory::default()
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Start || self.settings.rolls == 1 {
            return Ok(None);
        }
        let (winner, rolls) = self.best(view, oracle)?;
        let values = changed_values(view.network, &winner);
        // Also where the first roll wins: the plan's reason then records the scores.
        let proposal = Proposal {
            values,
            ..Proposal::new(Plan::new(rolls.describe()))
        };
        self.rolls = Some(rolls);
        Ok(Some(proposal))
    }

    /// How the scores of the rolls spread, and which of them was kept, counted from 0.
    fn readings(&self, _: &Network<f32>) -> Vec<Reading> {
        let spread = self.rolls.as_ref().and_then(|rolls| Some((rolls, rolls.spread()?)));
        let Some((rolls, spread)) = spread else {
            return Vec::new();
        };
        let numbers = [
            ("rolls", rolls.scores.len() as f64),
            ("winner", rolls.winner as f64),
            ("mean score", spread.mean),
            ("standard deviation", spread.standard_deviation),
            ("least score", spread.minimum),
            ("largest score", spread.maximum),
            ("diverged", spread.diverged as f64),
        ];
        numbers
            .map(|(name, value)| Reading::new("network", name, value))
            .to_vec()
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.rolls)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.rolls = state.read(NAME)?;
        Ok(())
    }
}
