//! What keeps a claim from having a verdict, before any number is looked at.

use espalier_report::page::{Verdict, Withheld};

use crate::bound::Bound;
use crate::claim::{Declared, Kind};
use crate::contrast::{Difference, beside, differing, varying};
use crate::recorded::Recorded;
use crate::study::{Set, Study};
use crate::{Error, Result};

impl<T: Recorded + 'static> Study<T> {
    /// The first reason why a statistic of a claim cannot be judged.
    pub(crate) fn obstacle(&self, set: &Set<T>, claim: &Declared<T>, bound: &Bound<T>) -> Result<Option<Verdict>> {
        let withheld = |why, reason: String| Ok(Some(Verdict::withheld(why, &reason)));
        if let Some(reason) = missing(set, bound) {
            return withheld(Withheld::NotRun, reason);
        }
        if let Some(reason) = diverged(set, bound) {
            return withheld(Withheld::Diverged, reason);
        }
        if let Some(reason) = idle(set, bound) {
            return withheld(Withheld::NoEdit, reason);
        }
        if let Some(reason) = confounded(claim, bound)? {
            return withheld(Withheld::Confounded, reason);
        }
        // A number that is set beside a study's is no comparison of causes.
        if claim.kind != Kind::Reproduction
            && let Some(reason) = self.unequal_outcome(set, bound, &claim.subjects)
        {
            return withheld(Withheld::Confounded, reason);
        }
        let unsettled = self.moving(set, claim, bound);
        let unsettled = unsettled.or_else(|| self.too_short(claim, bound));
        let unsettled = unsettled.or_else(|| self.short_of(set, claim, bound));
        match unsettled {
            Some(reason) => withheld(Withheld::NotConverged, reason),
            None => Ok(None),
        }
    }
}

fn missing<T: 'static>(set: &Set<T>, bound: &Bound<T>) -> Option<String> {
    if set.seeds.is_empty() {
        return Some("no seed has every arm yet".to_owned());
    }
    bound.arms().into_iter().find_map(|arm| {
        let (there, all) = (set.of(&arm.name).count(), set.seeds.len());
        (there < all).then(|| format!("{} has {there} of {all} seeds", arm.name))
    })
}

fn diverged<T: Recorded + 'static>(set: &Set<T>, bound: &Bound<T>) -> Option<String> {
    bound.arms().into_iter().find_map(|arm| {
        let count = set.of(&arm.name).filter(|net| net.diverged()).count();
        (count > 0).then(|| format!("{count} of {} trainings of {}", set.seeds.len(), arm.name))
    })
}

fn idle<T: Recorded + 'static>(set: &Set<T>, bound: &Bound<T>) -> Option<String> {
    bound.arms().into_iter().find_map(|arm| {
        set.of(&arm.name)
            .all(|net| net.edits() == Some(0))
            .then(|| format!("{} in none of its seeds", arm.name))
    })
}

/// The settings beside the declared cause in which the sides differ, or that change with a trend's factor.
fn confounded<T: 'static>(claim: &Declared<T>, bound: &Bound<T>) -> Result<Option<String>> {
    if let (Some(along), true) = (&bound.along, bound.strata.is_empty()) {
        let others = varying(&bound.left, along);
        if !others.is_empty() {
            return Ok(Some(format!("{} changes with {}", others.join(" and "), along.name)));
        }
    }
    if bound.right.is_empty() || claim.kind == Kind::Reproduction {
        return Ok(None);
    }
    let refuse = |reason: String| Error::Claim {
        claim: claim.id.clone(),
        reason,
    };
    let cause = claim
        .cause
        .ok_or_else(|| refuse("expected the one cause of the comparison, found none".to_owned()))?;
    let differences = differing(&bound.left, &bound.right);
    if !differences.iter().any(|d| d.factor == cause.name) {
        let name = cause.name;
        return Err(refuse(format!("expected sides that differ in {name}, found it alike")));
    }
    let others = beside(&cause, &differences);
    let words: Vec<String> = others.iter().map(Difference::words).collect();
    Ok((!words.is_empty()).then(|| format!("beside {}: {}", cause.name, words.join("; "))))
}
