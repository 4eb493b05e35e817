//! Edits as data: what a plan asks of a network, with the weights that it needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One old unit's share in a new unit.
///
/// The new unit's fan-in weights are Σ `incoming`·(the old units' fan-in weights), its
/// fan-out weights Σ `outgoing`·(the old units' fan-out weights).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The old unit's index in its group.
    pub unit: usize,
    /// The factor a of its fan-in weights and biases.
    pub incoming: f64,
    /// The factor g of its fan-out weights.
    pub outgoing: f64,
}

/// The weights of a unit that comes from no other.
///
/// # Shapes
/// Keys are `parameter@axis`, for instance `hidden.weight@1` for the fan-in weights of a unit of
/// `hidden` and `logits.weight@0` for its fan-out weights. The values are the slice that the
/// unit owns, row-major with the axis reduced to the places where the unit stands on it.
/// What is missing is neutral: weights and biases 0, scales, gates, masks and running variance 1,
/// slopes 0.25, running means 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FreshUnit {
    /// The slices by `parameter@axis`.
    pub values: BTreeMap<String, Vec<f64>>,
}

/// Where a unit of the new width comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewUnit {
    /// From one or several old units. The first part whose `incoming` is not 0 is the one it descends from.
    Combined(Vec<Part>),
    /// From given weights.
    Fresh(FreshUnit),
}

impl NewUnit {
    /// The old unit, unchanged.
    #[must_use]
    pub fn kept(unit: usize) -> Self {
        Self::copy(unit, 1.0, 1.0)
    }

    /// A scaled copy of an old unit.
    #[must_use]
    pub fn copy(unit: usize, incoming: f64, outgoing: f64) -> Self {
        Self::Combined(vec![Part {
            unit,
            incoming,
            outgoing,
        }])
    }

    /// The old unit that this one descends from.
    #[must_use]
    pub fn origin(&self) -> Option<usize> {
        match self {
            Self::Combined(parts) => parts.iter().find(|p| p.incoming != 0.0).map(|p| p.unit),
            Self::Fresh(_) => None,
        }
    }

    pub(crate) fn is_kept(&self, unit: usize) -> bool {
        matches!(self, Self::Combined(parts)
            if parts.as_slice() == [Part { unit, incoming: 1.0, outgoing: 1.0 }])
    }
}

/// A new list of units for one channel group: the primitive behind split, widen, prune, permute, recycle and merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitEdit {
    /// The group's name.
    pub group: String,
    /// Every unit of the new width, in order.
    pub units: Vec<NewUnit>,
    /// The cause that the genealogy records for units that end.
    pub cause: String,
    /// Whether the constant that a removed unit leaves behind (after a norm that follows its
    /// closed gate) is added to its consumers' biases.
    pub absorb_constants: bool,
    /// Whether copies may stand under a norm over several units (layer, RMS or group norm), and units may change their norm group: both
    /// change what all others are normalised by, and are refused unless asked for.
    #[serde(default)]
    pub across_norms: bool,
}

/// One change of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edit {
    /// A new list of units for a channel group.
    Units(UnitEdit),
    /// Inserts a dense layer or convolution that starts as the identity, with a ReLU behind it, after a node.
    Deepen {
        /// The node, whose outputs must be non-negative.
        after: String,
        /// The new layer's name; its activation is called `name.relu`.
        name: String,
    },
    /// Multiplies a gate into the weights of its consumers, or of its producer, and removes it.
    FoldGate {
        /// The gate's node.
        gate: String,
    },
}

/// How copies share what their original sends out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scales {
    /// The factor a of the fan-in weights.
    pub incoming: f64,
    /// The factor g of the fan-out weights.
    pub outgoing: f64,
}

impl Scales {
    /// `n` equal copies: a = 1, g = 1/n.
    #[must_use]
    pub fn equal(n: usize) -> Vec<Self> {
        vec![
            Self {
                incoming: 1.0,
                outgoing: 1.0 / n as f64
            };
            n
        ]
    }
}

/// Edits in order, each made for the network that the ones before leave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Why, in the author's words; kept in the ledger.
    pub reason: String,
    /// The edits.
    pub edits: Vec<Edit>,
}

impl Plan {
    /// A plan without edits.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            edits: Vec::new(),
        }
    }

    /// Adds an edit.
    #[must_use]
    pub fn with(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }
}
