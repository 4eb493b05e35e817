//! Answers strategies' questions, and measures what becomes of an edit in the steps after it.

use espalier_data::Dataset;
use espalier_net::{Network, Optimizer, ParameterId, Session, Stack, UnitId};
use espalier_seed::Seed;
use espalier_strategy::{Clock, Oracle, Sample, Spent, last_site, places};
use serde::{Deserialize, Serialize};

use crate::batch::BatchSource;
use crate::error::Result;
use crate::events::{Events, FollowUp};
use crate::growth::DataOracle;
use crate::regime::Regime;

/// How many steps behind an edit its effects are measured again.
const MARKS: [u64; 3] = [1, 10, 100];

/// The training under way, as hooks find it.
pub(crate) struct Training<'a> {
    /// The device's arrays, where an edit is to be followed.
    pub stack: Option<&'a mut Stack<f32>>,
    pub network: &'a mut Network<f32>,
    pub optimizer: &'a mut Optimizer<f32>,
    pub session: &'a mut Session<f32>,
    pub data: &'a Dataset,
    pub regime: &'a Regime,
    pub seed: &'a Seed,
    pub clock: Clock,
}

impl Training<'_> {
    /// The stream seed of one strategy for one purpose at this step.
    pub fn seed_of(&self, member: usize, what: &str) -> Seed {
        self.seed
            .named("strategy")
            .index(member as u64)
            .index(self.clock.step)
            .named(what)
    }
}

/// An applied edit whose effects are still to be measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub edit: u64,
    pub step: u64,
    pub rows: Vec<u32>,
    pub born: Vec<UnitId>,
}

/// Where questions are answered and edits measured, apart from training.
pub(crate) struct Laboratory {
    /// A session of its own, so that the training session draws nothing differently.
    pub session: Session<f32>,
    pub buffer: BatchSource,
    /// Edits whose effects are still to be measured.
    pub pending: Vec<Pending>,
}

impl Laboratory {
    /// An oracle on these rows as growth batch, or on rows that it draws when it is first asked.
    pub fn oracle<'a>(&'a mut self, training: &Training<'a>, rows: Vec<u32>) -> DataOracle<'a> {
        DataOracle {
            session: &mut self.session,
            buffer: &mut self.buffer,
            data: training.data,
            regime: training.regime,
            rows,
            gathered: false,
            spent: Spent::default(),
            stream: training.seed.named("growth").index(training.clock.step).stream(),
        }
    }

    /// Says whether the effects of some edit are to be measured behind this step.
    pub fn is_due(&self, step: u64) -> bool {
        let due = |one: &Pending| MARKS.contains(&step.saturating_sub(one.step));
        self.pending.iter().any(due)
    }

    /// Measures those edits again whose time has come, and lets the others wait.
    pub fn follow_up(&mut self, training: &Training<'_>, events: &mut Events) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        for one in pending {
            let after = training.clock.step - one.step;
            if MARKS.contains(&after) {
                let row = self.measure(training, &one, after, events)?;
                events.follow_ups.push(row);
            }
            if after < MARKS[MARKS.len() - 1] {
                self.pending.push(one);
            }
        }
        Ok(())
    }

    /// By how much one plain gradient step on the newborns' own weights lowers the loss; taken on a copy.
    pub fn decrease_of_a_step(
        &mut self,
        training: &Training<'_>,
        pending: &Pending,
        rate: f64,
        events: &mut Events,
    ) -> Result<f64> {
        let mut oracle = self.oracle(training, pending.rows.clone());
        let probe = oracle.probe(training.network, &[])?;
        let mut stepped = training.network.clone();
        for (parameter, index) in living_places(training.network, &pending.born) {
            let gradient = probe.gradient(parameter).get(index).copied().unwrap_or(0.0);
            let value = &mut stepped.parameter_mut(parameter).values_mut()[index];
            *value = (f64::from(*value) - rate * f64::from(gradient)) as f32;
        }
        let after = oracle.probe(&stepped, &[])?.loss;
        events.recording_macs += oracle.spent.macs;
        Ok(probe.loss - after)
    }

    /// Measures the loss on the growth batch of an edit, and what its newborns do, so many steps after it.
    pub fn measure(
        &mut self,
        training: &Training<'_>,
        pending: &Pending,
        steps_after: u64,
        events: &mut Events,
    ) -> Result<FollowUp> {
        let mut oracle = self.oracle(training, pending.rows.clone());
        let loss = oracle.loss(training.network, Sample::Growth)?;
        let living = living_places(training.network, &pending.born);
        let (mut share, mut firing) = (None, None);
        if !living.is_empty() {
            let probe = oracle.probe(training.network, &[])?;
            let all: f64 = espalier_strategy::parameter_ids(training.network)
                .iter()
                .map(|id| squares(probe.gradient(*id).iter()))
                .sum();
            let own: f64 = living
                .iter()
                .map(|(id, i)| squares(probe.gradient(*id).get(*i).into_iter()))
                .sum();
            share = (all > 0.0).then(|| own / all);
            firing = firing_rate(&mut oracle, training.network, &pending.born)?;
        }
        events.recording_macs += oracle.spent.macs;
        Ok(FollowUp {
            edit: pending.edit,
            steps_after,
            loss,
            newborn_gradient_share: share,
            newborn_firing_rate: firing,
        })
    }
}

fn squares<'g>(values: impl Iterator<Item = &'g f32>) -> f64 {
    values.map(|g| f64::from(*g) * f64::from(*g)).sum()
}

/// The trained values of those of the units that still live.
fn living_places(network: &Network<f32>, units: &[UnitId]) -> Vec<(ParameterId, usize)> {
    let mut found = Vec::new();
    for group in network.group_ids() {
        for (unit, _) in network
            .group(group)
            .units()
            .iter()
            .enumerate()
            .filter(|(_, id)| units.contains(id))
        {
            for owner in network
                .owners(group)
                .iter()
                .filter(|o| network.parameter(o.parameter).role().is_trained())
            {
                found.extend(places(network, owner, unit).into_iter().map(|i| (owner.parameter, i)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn firing_rate(oracle: &mut DataOracle<'_>, network: &Network<f32>, units: &[UnitId]) -> Result<Option<f64>> {
    let mut rates = Vec::new();
    for group in network.group_ids() {
        let young: Vec<usize> = (0..network.group(group).width())
            .filter(|u| units.contains(&network.group(group).units()[*u]))
            .collect();
        let Some(site) = (!young.is_empty()).then(|| last_site(network, group).ok()).flatten() else {
            continue;
        };
        let firing = oracle.moments(network, site.node, Sample::Growth)?.firing_rate();
        rates.extend(young.iter().map(|u| firing[site.offset + u]));
    }
    Ok((!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64))
}
