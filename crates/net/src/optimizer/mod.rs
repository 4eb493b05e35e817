//! Optimizers whose state follows the edits of the network.

mod follow;
mod kind;
mod parameter_group;
pub(crate) mod schedule;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::groups::GroupId;
use crate::groups::genealogy::UnitId;
use crate::kernels::{Element, Threads};
use crate::layer::parameter::{Parameter, ParameterId};

pub use follow::{Transplant, UnitReset};
pub use kind::{AdaMaxSettings, AdagradSettings, AdamSettings, OptimizerKind, RmsPropSettings, SgdSettings};
pub use parameter_group::{ParameterGroup, ParameterSelector};

pub(crate) use kind::{Power, StateSpec};
pub(crate) use parameter_group::PlaceRates;
pub(crate) use state::{Rule, Slot};

use kind::at_least_zero;

/// Updates a network's trained parameters from their gradients, and carries its state through edits.
///
/// # Method
/// State is held by parameter name. Before each step the optimizer compares what it holds with the network's trained
/// parameters: one that it does not hold, state whose parameter is gone, and a shape that disagrees are errors that
/// name the parameter. After an edit, [`Optimizer::follow`] rebuilds the state as the engine rebuilt the weights.
/// Units that came later count their own steps, from which Adam's and AdaMax's bias corrections are taken.
///
/// # Example
/// ```
/// use espalier_net::{Optimizer, OptimizerKind, models};
/// use espalier_seed::Seed;
///
/// let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1))?;
/// let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
/// let before = network.parameters()[0].values()[0];
/// // All gradients are 1 here; a session supplies real ones.
/// let ones = vec![1.0_f32; 12];
/// let sizes: Vec<usize> = network.parameters().iter().map(|p| p.values().len()).collect();
/// optimizer.step(&mut network, |id| &ones[..sizes[id.index()]], 1e-3)?;
/// // Adam's first step has the length of the learning rate.
/// assert!((before - network.parameters()[0].values()[0] - 1e-3).abs() < 1e-6);
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<E: Element = f32> {
    pub(crate) kind: OptimizerKind,
    pub(crate) groups: Vec<ParameterGroup>,
    pub(crate) unit_rates: BTreeMap<UnitId, f64>,
    pub(crate) slots: BTreeMap<String, Slot<E>>,
    pub(crate) threads: Threads,
}

impl<E: Element> Optimizer<E> {
    /// Makes an optimizer with fresh state for every trained parameter.
    ///
    /// # Errors
    /// Names a setting outside its range.
    pub fn new(kind: OptimizerKind, network: &Network<E>) -> Result<Self> {
        kind.validate()?;
        let mut optimizer = Self {
            kind,
            groups: Vec::new(),
            unit_rates: BTreeMap::new(),
            slots: BTreeMap::new(),
            threads: Threads::default(),
        };
        optimizer.restart(network);
        Ok(optimizer)
    }

    /// Forgets all state and counts and begins anew with the network's parameters; settings stay.
    pub fn restart(&mut self, network: &Network<E>) {
        let specs = self.kind.states();
        let trained = network.parameters.iter().filter(|p| p.role.is_trained());
        self.slots = trained.map(|p| (p.name.clone(), Slot::new(&p.shape, &specs))).collect();
    }

    /// Sets how many threads a step may use; results do not depend on it.
    pub fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// The rule and its settings.
    #[must_use]
    pub fn kind(&self) -> &OptimizerKind {
        &self.kind
    }

    /// Gives groups of parameters their own weight decay and learning-rate factor; replaces earlier groups.
    ///
    /// # Errors
    /// Names a setting outside its range; nothing is changed then.
    pub fn set_groups(&mut self, groups: Vec<ParameterGroup>) -> Result<()> {
        groups.iter().try_for_each(ParameterGroup::validate)?;
        self.groups = groups;
        Ok(())
    }

    /// The parameter groups.
    #[must_use]
    pub fn groups(&self) -> &[ParameterGroup] {
        &self.groups
    }

    /// Multiplies the learning rate of units: of their fan-in weights, biases, norms and gates, and of their fan-out weights.
    ///
    /// A weight between two such units takes the factor of the one whose fan-in it belongs to. The factors stay with
    /// the units wherever edits move them; units that are born later have none. A factor of 1 ends it.
    ///
    /// # Errors
    /// Refuses a factor that is negative or not finite.
    pub fn set_unit_rates(&mut self, units: impl IntoIterator<Item = UnitId>, factor: f64) -> Result<()> {
        at_least_zero("unit rate", factor)?;
        for unit in units {
            if factor == 1.0 {
                self.unit_rates.remove(&unit);
            } else {
                self.unit_rates.insert(unit, factor);
            }
        }
        Ok(())
    }

    /// Gives each unit of a group its own learning-rate factor, as [`Optimizer::set_unit_rates`] does.
    ///
    /// # Errors
    /// Refuses factors that are negative or not finite, and a list that is not as long as the group.
    pub fn set_group_rates(&mut self, network: &Network<E>, group: GroupId, factors: &[f64]) -> Result<()> {
        let group = network.group(group);
        if factors.len() != group.width() {
            let what = format!("unit rates of group `{}`", group.name());
            return Err(Error::length(what, group.width(), factors.len()));
        }
        factors.iter().try_for_each(|f| at_least_zero("unit rate", *f))?;
        for (unit, factor) in group.units().iter().zip(factors) {
            self.set_unit_rates([*unit], *factor)?;
        }
        Ok(())
    }

    /// The learning-rate factor of a unit.
    #[must_use]
    pub fn unit_rate(&self, unit: UnitId) -> f64 {
        self.unit_rates.get(&unit).copied().unwrap_or(1.0)
    }

    /// The names of the rule's state arrays, such as `first_moment`.
    #[must_use]
    pub fn state_names(&self) -> Vec<&'static str> {
        self.kind.states().iter().map(|s| s.name).collect()
    }

    /// A state array of a parameter, row-major in the parameter's shape.
    #[must_use]
    pub fn state(&self, parameter: &str, state: &str) -> Option<&[E]> {
        let index = self.state_names().iter().position(|n| *n == state)?;
        self.slots.get(parameter)?.states.get(index).map(Vec::as_slice)
    }

    /// The number of steps that the oldest values of a parameter have taken.
    #[must_use]
    pub fn steps(&self, parameter: &str) -> Option<u64> {
        self.slots.get(parameter).map(|s| s.steps)
    }

    /// The number of values in all state arrays.
    #[must_use]
    pub fn state_count(&self) -> usize {
        self.slots.values().flat_map(|s| &s.states).map(Vec::len).sum()
    }

    /// Takes one step along the gradients that `gradient` gives.
    ///
    /// # Errors
    /// Names a trained parameter that the optimizer does not hold, state whose parameter is gone, and shapes that
    /// disagree; the network is unchanged then.
    pub fn step<'g>(
        &mut self,
        network: &mut Network<E>,
        gradient: impl Fn(ParameterId) -> &'g [E],
        learning_rate: f64,
    ) -> Result<()> {
        self.check(network)?;
        let trained: Vec<ParameterId> = network.trained_ids().collect();
        for &id in &trained {
            let parameter = network.parameter(id);
            let found = gradient(id).len();
            if found != parameter.values.len() {
                let what = format!("gradient of `{}`", parameter.name);
                return Err(Error::length(what, parameter.values.len(), found));
            }
        }
        for id in trained {
            let parameter = network.parameter(id);
            let rates = PlaceRates::of(network, parameter, &self.unit_rates);
            let (factor, weight_decay) = self.settings_of(parameter);
            let rule = Rule {
                kind: &self.kind,
                rate: learning_rate * factor,
                weight_decay,
                threads: self.threads,
            };
            let parameter = network.parameter_mut(id);
            if let Some(slot) = self.slots.get_mut(parameter.name.as_str()) {
                slot.step(rule, parameter.values_mut(), gradient(id), &rates);
            }
        }
        Ok(())
    }

    /// The learning-rate factor and weight decay of a parameter.
    pub(crate) fn settings_of(&self, parameter: &Parameter<E>) -> (f64, f64) {
        let selecting = |g: &&ParameterGroup| g.select.selects(&parameter.name, parameter.role);
        let default = self.kind.weight_decay();
        match self.groups.iter().rev().find(selecting) {
            Some(group) => (group.rate_factor, group.weight_decay.unwrap_or(default)),
            None => (1.0, default),
        }
    }

    /// Compares the state with the network's trained parameters.
    ///
    /// # Errors
    /// As [`Optimizer::step`].
    pub fn check(&self, network: &Network<E>) -> Result<()> {
        let mut held = 0;
        for id in network.trained_ids() {
            let parameter = network.parameter(id);
            let Some(slot) = self.slots.get(&parameter.name) else {
                return Err(orphan(format!(
                    "parameter `{}` is trained, but the optimizer holds no state for it; expected `follow` after each edit",
                    parameter.name
                )));
            };
            if slot.shape != parameter.shape {
                return Err(orphan(format!(
                    "parameter `{}` has shape {:?}, but its state has shape {:?}; expected `follow` after each edit",
                    parameter.name, parameter.shape, slot.shape
                )));
            }
            held += 1;
        }
        if held < self.slots.len() {
            let known = |name: &String| network.trained_ids().any(|id| network.parameter(id).name == *name);
            let lost: Vec<&str> = self.slots.keys().filter(|n| !known(n)).map(String::as_str).collect();
            return Err(orphan(format!(
                "there is state for `{}`, but the network has no such trained parameter",
                lost.join("`, `")
            )));
        }
        Ok(())
    }
}

fn orphan(reason: String) -> Error {
    Error::Optimizer { reason }
}

impl<E: Element> Network<E> {
    /// The ids of the parameters that gradients train.
    pub fn trained_ids(&self) -> impl Iterator<Item = ParameterId> + use<'_, E> {
        let all = self.parameters.iter().enumerate();
        all.filter(|(_, p)| p.role.is_trained())
            .map(|(i, _)| ParameterId(i as u32))
    }
}
