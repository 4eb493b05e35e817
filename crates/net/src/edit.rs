//! Edits as data: what a plan asks of a network, with the weights that it needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::network::Network;

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

/// The units of one group, to be changed one operation at a time; [`Units::edit`] makes the edit.
///
/// Every operation speaks of *old* indices, so that several can be combined in any order.
///
/// # Example
/// ```
/// use espalier_net::{ApplyOptions, Plan, Scales, Units, models};
/// use espalier_seed::Seed;
///
/// let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1))?;
/// let group = network.find_group("hidden1")?;
/// let edit = Units::of(&network, group).split(0, &Scales::equal(2))?.edit("example");
/// network.apply(&Plan::new("split the first unit").with(edit), &ApplyOptions::default())?;
/// assert_eq!(network.group(group).width(), 4);
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Units {
    group: String,
    /// For each old unit, what stands in its place.
    places: Vec<Vec<NewUnit>>,
    appended: Vec<NewUnit>,
    order: Option<Vec<usize>>,
    absorb_constants: bool,
    across_norms: bool,
}

impl Units {
    /// Starts from a group as it is.
    #[must_use]
    pub fn of<E: Element>(network: &Network<E>, group: GroupId) -> Self {
        let group = network.group(group);
        Self {
            group: group.name().to_owned(),
            places: (0..group.width()).map(|u| vec![NewUnit::kept(u)]).collect(),
            appended: Vec::new(),
            order: None,
            absorb_constants: false,
            across_norms: false,
        }
    }

    fn place(&mut self, unit: usize) -> Result<&mut Vec<NewUnit>> {
        let width = self.places.len();
        match self.places.get_mut(unit) {
            Some(place) => Ok(place),
            None => Err(Error::refused(
                &self.group,
                format!("expected a unit below {width}, found {unit}"),
            )),
        }
    }

    /// Replaces a unit by scaled copies of itself; the function is preserved where Σ aⱼ·gⱼ = 1 and every aⱼ > 0.
    ///
    /// Under a norm over several units (layer, RMS or group norm) the edit is refused, unless all units of a norm group get equally many
    /// copies or it is asked for with [`Units::across_norms`].
    ///
    /// # Errors
    /// Refuses a unit outside the group, an empty list and incoming scales that are not positive.
    pub fn split(mut self, unit: usize, scales: &[Scales]) -> Result<Self> {
        let usable = |s: &Scales| s.incoming.is_finite() && s.incoming > 0.0 && s.outgoing.is_finite();
        if scales.is_empty() || !scales.iter().all(usable) {
            let reason = format!("expected positive incoming scales, found {scales:?}");
            return Err(Error::refused(&self.group, reason));
        }
        *self.place(unit)? = scales
            .iter()
            .map(|s| NewUnit::copy(unit, s.incoming, s.outgoing))
            .collect();
        Ok(self)
    }

    /// Appends units with the given weights.
    #[must_use]
    pub fn widen(mut self, fresh: impl IntoIterator<Item = FreshUnit>) -> Self {
        self.appended.extend(fresh.into_iter().map(NewUnit::Fresh));
        self
    }

    /// Removes units.
    ///
    /// # Errors
    /// Refuses a unit outside the group.
    pub fn prune(mut self, units: &[usize]) -> Result<Self> {
        for &unit in units {
            self.place(unit)?.clear();
        }
        Ok(self)
    }

    /// Puts fresh weights in a unit's place.
    ///
    /// # Errors
    /// Refuses a unit outside the group.
    pub fn reinitialize(mut self, unit: usize, fresh: FreshUnit) -> Result<Self> {
        *self.place(unit)? = vec![NewUnit::Fresh(fresh)];
        Ok(self)
    }

    /// Puts a copy of `donor` in the place of each dead unit; `shares` says which part of the
    /// donor's fan-out each of them takes, the donor keeps the rest.
    ///
    /// # Errors
    /// Refuses units outside the group, a donor among the dead and shares outside (0, 1) or whose sum is not below 1.
    pub fn recycle(mut self, dead: &[usize], donor: usize, shares: &[f64]) -> Result<Self> {
        let sum: f64 = shares.iter().sum();
        let usable = shares.len() == dead.len() && shares.iter().all(|s| *s > 0.0) && sum < 1.0;
        if !usable || dead.contains(&donor) {
            let reason = format!(
                "expected a live donor and one positive share per dead unit with a sum below 1, found donor {donor} for {dead:?} with {shares:?}"
            );
            return Err(Error::refused(&self.group, reason));
        }
        *self.place(donor)? = vec![NewUnit::copy(donor, 1.0, 1.0 - sum)];
        for (&unit, &share) in dead.iter().zip(shares) {
            *self.place(unit)? = vec![NewUnit::copy(donor, 1.0, share)];
        }
        Ok(self)
    }

    /// Merges units into the first of them, which keeps its fan-in weights; fan-out weights add up,
    /// each times its factor (the ratio of the unit's activation to the first one's).
    ///
    /// # Errors
    /// Refuses units outside the group, fewer than two, and one listed twice.
    pub fn merge(mut self, units: &[(usize, f64)]) -> Result<Self> {
        let mut seen: Vec<usize> = units.iter().map(|(u, _)| *u).collect();
        seen.sort_unstable();
        seen.dedup();
        if units.len() < 2 || seen.len() != units.len() {
            return Err(Error::refused(
                &self.group,
                format!("expected two or more different units, found {units:?}"),
            ));
        }
        for (unit, _) in units {
            self.place(*unit)?.clear();
        }
        let parts = units.iter().enumerate().map(|(k, &(unit, factor))| Part {
            unit,
            incoming: if k == 0 { 1.0 } else { 0.0 },
            outgoing: factor,
        });
        *self.place(units[0].0)? = vec![NewUnit::Combined(parts.collect())];
        Ok(self)
    }

    /// Puts what stands in the old units' places into another order: place k of the new order is old place `order[k]`.
    ///
    /// # Errors
    /// Refuses anything but a permutation of the old units.
    pub fn permute(mut self, order: &[usize]) -> Result<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if sorted != (0..self.places.len()).collect::<Vec<_>>() {
            return Err(Error::refused(
                &self.group,
                format!("expected a permutation of 0..{}", self.places.len()),
            ));
        }
        self.order = Some(order.to_vec());
        Ok(self)
    }

    /// Asks that constants left behind by removed units be added to their consumers' biases.
    #[must_use]
    pub fn absorbing_constants(mut self) -> Self {
        self.absorb_constants = true;
        self
    }

    /// Asks that the edit be applied although it changes what a norm over several units takes its statistics over: copies of
    /// units there are refused otherwise, and so are units that change their norm group.
    #[must_use]
    pub fn across_norms(mut self) -> Self {
        self.across_norms = true;
        self
    }

    /// Makes the edit; `cause` is what the genealogy says of units that end.
    #[must_use]
    pub fn edit(self, cause: &str) -> Edit {
        let order = self.order.unwrap_or_else(|| (0..self.places.len()).collect());
        let mut units: Vec<NewUnit> = Vec::with_capacity(order.len() + self.appended.len());
        for place in order {
            units.extend_from_slice(&self.places[place]);
        }
        units.extend(self.appended);
        Edit::Units(UnitEdit {
            group: self.group,
            units,
            cause: cause.to_owned(),
            absorb_constants: self.absorb_constants,
            across_norms: self.across_norms,
        })
    }
}
