//! The only handle through which a strategy writes to a network: gates and masks.

use std::collections::BTreeMap;

use espalier_net::{Network, NodeId, ParameterId, Role};
use espalier_seed::{Seed, Stream};

use crate::error::{Error, Result};
use crate::view::Clock;

/// For what a strategy sets its gates and masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// For the training step that follows.
    Training,
    /// For an evaluation; what was set before comes back afterwards.
    Evaluation,
}

/// Sets gates and weight masks, and remembers what they were.
#[derive(Debug)]
pub struct Controls<'a> {
    network: &'a mut Network<f32>,
    clock: Clock,
    seed: &'a Seed,
    before: BTreeMap<usize, (ParameterId, Vec<f32>)>,
}

impl<'a> Controls<'a> {
    /// Takes hold of a network's gates and masks.
    pub fn of(network: &'a mut Network<f32>, clock: Clock, seed: &'a Seed) -> Self {
        Self {
            network,
            clock,
            seed,
            before: BTreeMap::new(),
        }
    }

    /// Where training stands.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Opens a random stream of this step.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        self.seed.named(name).stream()
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network<f32> {
        self.network
    }

    /// Sets the stored values θ of a gate layer, one per channel.
    ///
    /// # Errors
    /// Refuses a node without a gate, another number of values, and values that are not finite.
    pub fn set_gate(&mut self, node: NodeId, values: &[f32]) -> Result<()> {
        self.set(node, Role::Gate, values)
    }

    /// Sets the mask of a dense layer or convolution, in the layout of its weight.
    ///
    /// # Errors
    /// Refuses a node without a mask, another number of values, and values that are not finite.
    pub fn set_mask(&mut self, node: NodeId, values: &[f32]) -> Result<()> {
        self.set(node, Role::Mask, values)
    }

    fn set(&mut self, node: NodeId, role: Role, values: &[f32]) -> Result<()> {
        let name = format!("{}.{}", self.network.node(node).name(), role.name());
        let Some(id) = self.network.node(node).parameter(role) else {
            return Err(Error::observation(name, "a layer with this parameter", "none"));
        };
        let expected = self.network.parameter(id).values().len();
        if values.len() != expected || values.iter().any(|v| !v.is_finite()) {
            let found = format!(
                "{} values, {} of them finite",
                values.len(),
                values.iter().filter(|v| v.is_finite()).count()
            );
            return Err(Error::observation(name, format!("{expected} finite values"), found));
        }
        let old = self.network.parameter(id).values().to_vec();
        self.before.entry(id.index()).or_insert((id, old));
        self.network.parameter_mut(id).values_mut().copy_from_slice(values);
        Ok(())
    }

    /// Ends the hold; [`Restore::undo`] puts back what was there before.
    pub fn finish(self) -> Restore {
        Restore {
            before: self.before.into_values().collect(),
        }
    }
}

/// What gates and masks were before they were set.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Restore {
    before: Vec<(ParameterId, Vec<f32>)>,
}

impl Restore {
    /// Puts the former values back.
    pub fn undo(self, network: &mut Network<f32>) {
        for (id, values) in self.before.into_iter().rev() {
            network.parameter_mut(id).values_mut().copy_from_slice(&values);
        }
    }

    /// Takes in what was set after it; undoing goes backwards.
    pub fn extend(&mut self, later: Self) {
        self.before.extend(later.before);
    }

    /// The parameters that were set.
    pub fn parameters(&self) -> impl Iterator<Item = ParameterId> + '_ {
        self.before.iter().map(|(id, _)| *id)
    }
}
