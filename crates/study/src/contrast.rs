//! What compared arms differ in, by what was set and by what came out.

use std::collections::BTreeSet;

use espalier_report::page::{items, sides};

use crate::arm::Arm;
use crate::bound::Bound;
use crate::factor::{Factor, FactorKind, Level};
use crate::quantity::Quantity;
use crate::study::{Nets, Set, Study};

/// The share by which outcomes of compared arms may differ.
const TOLERANCE: f64 = 0.05;

/// A setting in which two sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) factor: String,
    /// The levels of each side, in words; empty where a side does not have it.
    pub(crate) left: String,
    pub(crate) right: String,
}

impl Difference {
    /// Only one side has it.
    fn one_sided(&self) -> bool {
        self.left.is_empty() || self.right.is_empty()
    }

    pub(crate) fn words(&self) -> String {
        let side = |levels: &String| Some(levels.clone()).filter(|levels| !levels.is_empty());
        let side = |levels| side(levels).unwrap_or_else(|| "none".to_owned());
        format!("{} ({} against {})", self.factor, side(&self.left), side(&self.right))
    }
}

fn factors<'a>(arms: impl IntoIterator<Item = &'a Arm>) -> BTreeSet<&'a str> {
    arms.into_iter()
        .flat_map(|arm| arm.settings().map(|(name, _)| name))
        .collect()
}

fn show(level: Option<&Level>) -> String {
    level.map_or_else(String::new, Level::to_string)
}

/// All settings in which two sides differ.
///
/// Sides that have each setting at the same levels, but not in the same combinations, differ in the combination.
pub(crate) fn differing(left: &[Arm], right: &[Arm]) -> Vec<Difference> {
    let names = factors(left.iter().chain(right));
    let levels = |arms: &[Arm], name: &str| arms.iter().map(|arm| show(arm.setting(name))).collect::<BTreeSet<_>>();
    let mut found = Vec::new();
    let mut alike = Vec::new();
    for name in names {
        let (ours, theirs) = (levels(left, name), levels(right, name));
        if ours == theirs {
            alike.push(name);
            continue;
        }
        let words = |side: BTreeSet<String>| {
            let levels = side.into_iter().filter(|level| !level.is_empty());
            items(&levels.collect::<Vec<_>>())
        };
        found.push(Difference {
            factor: name.to_owned(),
            left: words(ours),
            right: words(theirs),
        });
    }
    let profiles = |arms: &[Arm]| {
        let profile = |arm: &Arm| alike.iter().map(|name| show(arm.setting(name))).collect::<Vec<_>>();
        arms.iter().map(profile).collect::<BTreeSet<_>>()
    };
    if profiles(left) != profiles(right) {
        let varied = alike.into_iter().filter(|name| levels(left, name).len() > 1);
        let varied = varied.collect::<Vec<_>>().join(" and ");
        found.push(Difference {
            factor: format!("the combination of {varied}"),
            left: "some".to_owned(),
            right: "others".to_owned(),
        });
    }
    found
}

/// The settings that differ beside the declared cause; what only one side has belongs to a method.
pub(crate) fn beside(cause: &Factor, differences: &[Difference]) -> Vec<Difference> {
    let excused = |d: &Difference| d.factor == cause.name || (cause.kind == FactorKind::Method && d.one_sided());
    differences.iter().filter(|d| !excused(d)).cloned().collect()
}

/// Groups arms by everything that is set but one factor.
pub(crate) fn strata(arms: &[Arm], along: &Factor) -> Vec<Vec<Arm>> {
    let names: Vec<&str> = factors(arms).into_iter().filter(|name| *name != along.name).collect();
    let profile = |arm: &Arm| names.iter().map(|name| show(arm.setting(name))).collect::<Vec<_>>();
    let mut groups: Vec<(Vec<String>, Vec<Arm>)> = Vec::new();
    for arm in arms {
        let own = profile(arm);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, group)) => group.push(arm.clone()),
            None => groups.push((own, vec![arm.clone()])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What sets strata apart, one line each; empty for one stratum.
pub(crate) fn stratum_words(strata: &[Vec<Arm>], along: &Factor) -> Vec<String> {
    if strata.len() < 2 {
        return Vec::new();
    }
    let all: Vec<Arm> = strata.concat();
    let varying: Vec<String> = varying(&all, along);
    let of = |group: &Vec<Arm>| {
        let level = |name: &String| format!("{name} {}", show(group.first().and_then(|arm| arm.setting(name))));
        varying.iter().map(level).collect::<Vec<_>>().join(", ")
    };
    strata.iter().map(of).collect()
}

/// The settings other than one factor that are not the same in all arms.
pub(crate) fn varying(arms: &[Arm], along: &Factor) -> Vec<String> {
    let levels = |name: &str| arms.iter().map(|arm| show(arm.setting(name))).collect::<BTreeSet<_>>();
    let several = |name: &&str| levels(name).len() > 1;
    let names = factors(arms).into_iter().filter(|name| *name != along.name);
    names.filter(several).map(str::to_owned).collect()
}

impl<T: 'static> Study<T> {
    /// An outcome in which the two sides of a comparison differ by more than the tolerance, in words, unless the claim is
    /// about it.
    pub(crate) fn unequal_outcome(&self, set: &Set<T>, bound: &Bound<T>, subjects: &[&'static str]) -> Option<String> {
        let mut others = self.outcomes.iter().filter(|outcome| !subjects.contains(&outcome.key));
        let words = others.find_map(|outcome| self.unequal(set, bound, outcome))?;
        Some(format!("by {words}"))
    }

    /// Outcomes that differ by more than the tolerance and that a claim is about, in words.
    pub(crate) fn declared_outcomes(&self, set: &Set<T>, bound: &Bound<T>, subjects: &[&'static str]) -> Vec<String> {
        let own = self.outcomes.iter().filter(|outcome| subjects.contains(&outcome.key));
        own.filter_map(|outcome| self.unequal(set, bound, outcome)).collect()
    }

    fn unequal(&self, set: &Set<T>, bound: &Bound<T>, outcome: &Quantity<T>) -> Option<String> {
        let judged = bound.quantities.iter().any(|q| q.key == outcome.key);
        if bound.right.is_empty() || judged || bound.matched.contains(&outcome.key) {
            return None;
        }
        let mean = |arms: &[Arm]| {
            let of = |nets: &Nets<T>| {
                arms.iter()
                    .map(|arm| nets.value(&arm.name, outcome))
                    .collect::<Vec<_>>()
            };
            let values = set.seeds.iter().flat_map(of);
            values.sum::<f64>() / (set.seeds.len() * arms.len()) as f64
        };
        let (left, right) = (mean(&bound.left), mean(&bound.right));
        let share = (left - right).abs() / left.abs().max(right.abs());
        let apart = share > TOLERANCE && (left - right).abs() >= outcome.followed().least();
        apart.then(|| {
            format!(
                "{}: {}",
                outcome.name,
                sides(left, right, outcome.decimals, outcome.unit)
            )
        })
    }

    /// In which of its settings an arm is unlike the study that is repeated.
    pub(crate) fn unlike_the_original(&self, arms: &[&Arm], regardless: &[Factor]) -> Vec<String> {
        let mut lines = Vec::new();
        for (factor, theirs) in self.original.iter().filter(|(factor, _)| !regardless.contains(factor)) {
            let ours = arms.iter().filter_map(|arm| arm.setting(factor.name));
            let ours: BTreeSet<String> = ours.map(Level::to_string).collect();
            if ours.iter().any(|level| *level != theirs.to_string()) {
                let ours = items(&ours.into_iter().collect::<Vec<_>>());
                lines.push(format!("{} {ours} where the study has {theirs}", factor.name));
            }
        }
        lines
    }
}
