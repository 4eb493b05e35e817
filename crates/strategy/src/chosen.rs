//! Which units a proposal is about, and by which scores they were chosen.

use espalier_net::{Edit, GroupId, Network, NewUnit, Plan};
use serde::{Deserialize, Serialize};

/// A unit that a proposal splits, replaces, removes, copies from or, as a scored candidate, adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The group's name.
    pub group: String,
    /// Its place in the group before the edit; a candidate's is behind all living units.
    pub unit: usize,
    /// Its lasting number; none for a candidate.
    pub id: Option<u64>,
    /// The score by which it was chosen, in the strategy's own unit; none where nothing was scored.
    pub score: Option<f64>,
}

impl Chosen {
    /// Names a unit of the network before the edit; a score that is not finite, such as that of a unit that is gone
    /// already, is none.
    #[must_use]
    pub fn new(network: &Network<f32>, group: GroupId, unit: usize, score: Option<f64>) -> Self {
        let group = network.group(group);
        Self {
            group: group.name().to_owned(),
            unit,
            id: group.units().get(unit).map(|id| id.number()),
            score: score.filter(|score| score.is_finite()),
        }
    }

    /// Names units that were all scored; `scores` has one for each unit of the group.
    #[must_use]
    pub fn scored(network: &Network<f32>, group: GroupId, units: &[usize], scores: &[f64]) -> Vec<Self> {
        let score = |unit: usize| scores.get(unit).copied();
        units
            .iter()
            .map(|unit| Self::new(network, group, *unit, score(*unit)))
            .collect()
    }

    /// Says whether two name the same unit.
    #[must_use]
    pub fn is_unit_of(&self, other: &Self) -> bool {
        (&self.group, self.unit) == (&other.group, other.unit)
    }
}

/// The living units that a plan does not leave as they are, without scores.
#[must_use]
pub fn touched(plan: &Plan, network: &Network<f32>) -> Vec<Chosen> {
    let mut found: Vec<Chosen> = Vec::new();
    for edit in &plan.edits {
        let Edit::Units(edit) = edit else { continue };
        let Ok(group) = network.find_group(&edit.group) else {
            continue;
        };
        let changed = (0..network.group(group).width()).filter(|unit| !is_kept(&edit.units, *unit));
        let changed = changed.map(|unit| Chosen::new(network, group, unit, None));
        let new: Vec<Chosen> = changed
            .filter(|unit| !found.iter().any(|known| known.is_unit_of(unit)))
            .collect();
        found.extend(new);
    }
    found
}

/// Whether a unit lives on unchanged, and no other one is made of it.
fn is_kept(units: &[NewUnit], unit: usize) -> bool {
    let mut descendants = units.iter().filter(|new| new.origin() == Some(unit));
    descendants.next() == Some(&NewUnit::kept(unit)) && descendants.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use espalier_net::{Scales, Units, models};
    use espalier_seed::Seed;

    #[test]
    fn a_plan_touches_what_it_splits_or_takes_out_and_nothing_else() {
        let network = models::mlp(3, &[5], 2, &Seed::new(1)).unwrap();
        let group = network.find_group("hidden1").unwrap();
        let units = Units::of(&network, group)
            .split(1, &Scales::equal(2))
            .unwrap()
            .prune(&[3])
            .unwrap();
        let found = touched(&Plan::new("both").with(units.edit("both")), &network);
        assert_eq!(found.iter().map(|chosen| chosen.unit).collect::<Vec<_>>(), [1, 3]);
        let ids: Vec<u64> = network.group(group).units().iter().map(|id| id.number()).collect();
        assert_eq!(
            found.iter().map(|chosen| chosen.id).collect::<Vec<_>>(),
            [Some(ids[1]), Some(ids[3])]
        );
        assert!(
            found
                .iter()
                .all(|chosen| chosen.group == "hidden1" && chosen.score.is_none())
        );
        assert_eq!(touched(&Plan::new("nothing"), &network), []);
    }

    #[test]
    fn scores_belong_to_places_and_candidates_have_no_number() {
        let network = models::mlp(3, &[2], 2, &Seed::new(1)).unwrap();
        let group = network.find_group("hidden1").unwrap();
        let found = Chosen::scored(&network, group, &[1, 2], &[0.5, 0.25, 0.75]);
        assert_eq!((found[0].score, found[1].score), (Some(0.25), Some(0.75)));
        assert!(found[0].id.is_some() && found[1].id.is_none());
        assert_eq!(Chosen::new(&network, group, 0, Some(f64::NEG_INFINITY)).score, None);
    }
}
