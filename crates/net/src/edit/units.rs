//! Makes unit edits, one operation on the units of a group at a time.

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::ledger::edit::{Edit, FreshUnit, NewUnit, Part, Scales, UnitEdit};

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
    /// # When it is exact
    /// Consumers read Σ wₖ·aₖ and, behind the edit, (Σ fₖ·wₖ)·a₀: the same, but for rounding, exactly where aₖ = fₖ·a₀ on
    /// every input and at every position where the group is read, behind its activations and norms. So ReLU units merge
    /// exactly whose fan-in weights and biases are positive multiples of the first one's, or copies of it; units that are
    /// always 0 merge with any factor. It is not exact where aₖ = fₖ·a₀ + c with c ≠ 0, since nothing moves c·wₖ into the
    /// consumers' biases; where correlated units are a multiple of each other only on average; behind a norm that mixes
    /// channels, whose statistics change; and where the group is read at several places with different ratios. The engine
    /// does not look at activations: it calls a merge conditional, and [`Certificate`](crate::Certificate) measures it.
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
