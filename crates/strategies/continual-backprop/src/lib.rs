#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod observed;
mod settings;

use std::borrow::Cow;
use std::collections::BTreeMap;

use espalier_net::{ApplyOptions, Edit, GroupId, Network, NewUnit, Plan, UnitId, Units};
use espalier_strategy::{
    Chosen, Clock, Need, Needs, Occasion, Oracle, Outcome, Proposal, Result, State, Strategy, Territory, View,
    emission_sites, living_numbers, named_values, random_fan_in,
};

use account::judged;
pub use account::{UnitRecord, due};
use observed::{Observed, move_activity};
pub use settings::{ContinualBackpropSettings, Form};

const NAME: &str = "continual-backprop";

/// Replaces mature units of low utility, a few per many steps.
///
/// # Paper
/// Dohare et al. 2024, algorithm 1.
///
/// # Example
/// ```
/// use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings};
///
/// let strategy = ContinualBackprop::new(ContinualBackpropSettings { replacement: 1e-3, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContinualBackprop {
    settings: ContinualBackpropSettings,
    /// By the unit's number.
    records: BTreeMap<u64, UnitRecord>,
    /// By the group's name.
    accounts: BTreeMap<String, f64>,
}

impl ContinualBackprop {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: ContinualBackpropSettings) -> Self {
        Self {
            settings,
            records: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// The utility and age of a unit; zero for one that has not been seen in a step yet.
    #[must_use]
    pub fn record(&self, unit: UnitId) -> UnitRecord {
        self.records.get(&unit.number()).cloned().unwrap_or_default()
    }

    /// The edit that puts new units in the chosen ones' places.
    fn replacement(&self, view: &View<'_>, group: GroupId, chosen: &[usize]) -> Result<Edit> {
        let network = view.network;
        let mut stream = view.seed.named("fan-in").named(network.group(group).name()).stream();
        let mut units = Units::of(network, group);
        for unit in chosen {
            let fresh = random_fan_in(network, group, 0, self.settings.distribution, &mut stream);
            units = units.reinitialize(*unit, fresh)?;
        }
        Ok(units.edit("least useful"))
    }

    fn remember(&mut self, units: &[UnitId], records: Vec<UnitRecord>) {
        self.records.extend(units.iter().map(|id| id.number()).zip(records));
    }

    /// The records of a group's units after one more step.
    fn updated(&self, units: &[UnitId], observed: &Observed) -> Vec<UnitRecord> {
        let of = |(k, id): (usize, &UnitId)| {
            let (contribution, activity) = (observed.contributions[k], &observed.activity[k]);
            self.record(*id).after(self.settings.decay, contribution, activity)
        };
        units.iter().enumerate().map(of).collect()
    }
}

impl Strategy for ContinualBackprop {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.settings.groups.resolve(NAME, network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.groups.territory(NAME, network)
    }

    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        let groups = self.settings.groups.resolve(NAME, network).unwrap_or_default();
        let sites = groups.into_iter().flat_map(|g| emission_sites(network, g));
        sites.map(|s| Need::Activation { node: s.node }).collect()
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Step {
            return Ok(None);
        }
        let network = view.network;
        let groups = self.settings.groups.resolve(NAME, network)?;
        // All groups are observed before any record changes, so that a bad observation changes none.
        let observed = groups
            .iter()
            .map(|g| Observed::of(view, *g))
            .collect::<Result<Vec<_>>>()?;
        let (mut plan, mut draft) = (Plan::new(NAME), Cow::Borrowed(network));
        let (mut moved, mut named) = (Vec::new(), Vec::new());
        for (&group, observed) in groups.iter().zip(&observed) {
            let place = network.group(group);
            let updated = self.updated(place.units(), observed);
            let account = self.accounts.get(place.name()).copied().unwrap_or_default();
            let (chosen, account) = due(&self.settings, &updated, account);
            self.accounts.insert(place.name().to_owned(), account);
            if chosen.is_empty() {
                self.remember(place.units(), updated);
                continue;
            }
            if self.settings.form == Form::AuthorsCode {
                moved.extend(move_activity(
                    draft.to_mut(),
                    group,
                    &chosen,
                    &updated,
                    self.settings.decay,
                ));
            }
            let utilities: Vec<f64> = updated.iter().map(|unit| judged(&self.settings, unit)).collect();
            named.extend(Chosen::scored(network, group, &chosen, &utilities));
            self.remember(place.units(), updated);
            let edit = self.replacement(view, group, &chosen)?;
            plan.reason = format!("{}; {}: {chosen:?}", plan.reason, place.name());
            // A consumer that is replaced in the same step starts over, bias and all.
            draft
                .to_mut()
                .apply(&Plan::new(NAME).with(edit.clone()), &ApplyOptions::default())?;
            plan = plan.with(edit);
        }
        Ok((!plan.edits.is_empty()).then(|| Proposal {
            values: named_values(&draft, &moved),
            chosen: named,
            ..Proposal::new(plan)
        }))
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        for map in outcome.applied().map_or(&[][..], |a| &a.units) {
            let replaced = map.units.iter().filter(|u| matches!(u, NewUnit::Fresh(_))).count();
            if let Some(account) = self.accounts.get_mut(&map.name) {
                *account -= replaced as f64;
            }
        }
        let living = living_numbers(network);
        self.records.retain(|unit, _| living.contains(unit));
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &(&self.records, &self.accounts))
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (self.records, self.accounts) = state.read(NAME)?;
        Ok(())
    }
}
