//! What a strategy asks to be observed.

use espalier_net::{NodeId, ParameterId};
use serde::{Deserialize, Serialize};

/// From when on an observation accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// Only the last batch.
    Step,
    /// All batches of the epoch so far.
    Epoch,
    /// All batches since the strategy last proposed something.
    Decision,
}

/// How the gradients of batches add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradientForm {
    /// Σ |g|
    Absolute,
    /// Σ g
    Signed,
    /// Σ g²
    Squared,
}

/// One quantity to be observed in the training batches.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Need {
    /// Mean, variance, extremes and firing counts of each channel of a node.
    Moments {
        /// The node.
        node: NodeId,
        /// From when on.
        since: Since,
    },
    /// For how many batches each channel of a node has stayed within ±ε, through the whole run.
    Quiet {
        /// The node.
        node: NodeId,
        /// Batches after which a unit counts as dead.
        window_batches: u64,
        /// The bound ε.
        epsilon: f32,
    },
    /// The mini-batch gradients of a parameter, added up value by value.
    Gradient {
        /// The parameter.
        parameter: ParameterId,
        /// How they add up.
        form: GradientForm,
        /// From when on.
        since: Since,
    },
    /// A node's values in the last batch.
    Activation {
        /// The node.
        node: NodeId,
    },
    /// The loss gradients of a node's values in the last batch.
    ActivationGradient {
        /// The node.
        node: NodeId,
    },
    /// The loss on the validation split at the end of each epoch.
    ValidationLoss,
}

/// All that a strategy asks to be observed in the next step; nothing else is computed for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    items: Vec<Need>,
}

impl Needs {
    /// Asks for nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Asks for one thing more.
    #[must_use]
    pub fn with(mut self, need: Need) -> Self {
        if !self.items.contains(&need) {
            self.items.push(need);
        }
        self
    }

    /// Asks for all that either asks for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        other.items.into_iter().fold(self, Self::with)
    }

    /// What is asked for.
    #[must_use]
    pub fn items(&self) -> &[Need] {
        &self.items
    }

    /// Says whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Says whether the validation loss is asked for.
    #[must_use]
    pub fn validation_loss(&self) -> bool {
        self.items.contains(&Need::ValidationLoss)
    }

    /// The nodes whose values must be kept in a pass.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        let of = |need: &Need| match need {
            Need::Moments { node, .. } | Need::Quiet { node, .. } | Need::Activation { node } => Some(*node),
            _ => None,
        };
        sorted(self.items.iter().filter_map(of))
    }

    /// The nodes whose gradients must be kept in a pass.
    #[must_use]
    pub fn gradient_nodes(&self) -> Vec<NodeId> {
        let of = |need: &Need| match need {
            Need::ActivationGradient { node } => Some(*node),
            _ => None,
        };
        sorted(self.items.iter().filter_map(of))
    }
}

fn sorted(nodes: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = nodes.collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

impl FromIterator<Need> for Needs {
    fn from_iter<I: IntoIterator<Item = Need>>(needs: I) -> Self {
        needs.into_iter().fold(Self::none(), Self::with)
    }
}
