//! Claims judged: obstacles first, then intervals, one by one or as families.

use std::collections::BTreeMap;

use espalier_report::page::{
    Claim, Contrast, Declaration, Display, Evidence, FamilyPlace, LEAST_SEEDS, Margin, Verdict, Withheld, items,
};
#[cfg(doc)]
use espalier_report::statistics::Looks;
use espalier_report::statistics::{
    Estimate, Permutation, figures_beside, holm, least_p, seeds_needed, smallest_effect,
};

use crate::bound::{Bound, Evaluate};
use crate::claim::{Check, Claims, Declared, Kind};
use crate::contrast::{Difference, differing, stratum_words};
use crate::recorded::Recorded;
use crate::study::Set;
use crate::{Error, Result};

/// The level of a claim that stands alone.
const LEVEL: f64 = 0.95;

/// Judged claims and what the page must say of them as a whole.
pub struct Judged {
    /// The claims in the order of declaration.
    pub claims: Vec<Claim>,
    /// One remark for each family.
    pub notes: Vec<String>,
}

/// A claim whose arms are looked up.
struct Prepared<'c, T> {
    claim: &'c Declared<T>,
    parts: Vec<Bound<T>>,
    flaw: Option<Bound<T>>,
    obstacle: Option<Verdict>,
    /// The parts without an obstacle of their own.
    free: Vec<bool>,
}

/// What the numbers say at one level.
struct Decision {
    verdict: Verdict,
    ours: Option<Estimate>,
    remark: String,
}

/// The part of a claim on which its verdict hangs.
struct Weighed {
    place: usize,
    ours: Estimate,
    verdict: Verdict,
}

impl<T: 'static> Prepared<'_, T> {
    /// The paired seeds that its statistic takes, where those are more than there are.
    fn needs_more_than(&self, seeds: usize) -> Option<usize> {
        let needed = self.parts.iter().map(Bound::least_seeds).max();
        needed.filter(|needed| *needed > seeds)
    }
}

impl Decision {
    fn open(&self) -> bool {
        self.verdict.word() == Withheld::Inconclusive.word()
    }
}

impl<T: Recorded + 'static> Claims<'_, T> {
    /// Judges all claims.
    ///
    /// # Method
    /// A claim with an obstacle (see [`Withheld`]) gets its word and no verdict; its number is shown all the same.
    /// Claims of one family are judged by simultaneous intervals: at the level 1 − 0.05/m for the m that can be
    /// judged, and while some are decided, the others again at 1 − 0.05 over how many are left, as Holm steps down.
    /// Where seeds were added while claims were open, each interval is that of the look ([`Looks`]): together with those of
    /// the other looks it has the level that is meant.
    ///
    /// # Errors
    /// [`Error::Claim`] for a claim that contradicts itself; as [`Study::estimate`](crate::Study::estimate).
    pub fn judged(&self) -> Result<Judged> {
        let set = self.study.set(&self.set)?;
        let prepared = self.declared.iter().map(|claim| self.prepare(set, claim));
        let prepared: Vec<Prepared<'_, T>> = prepared.collect::<Result<_>>()?;
        let families = families(&prepared);
        let mut places: BTreeMap<usize, (f64, FamilyPlace)> = BTreeMap::new();
        let mut notes = Vec::new();
        for (question, members) in &families {
            let levels = self.step_down(set, &prepared, members)?;
            let found = self.places(set, question, &prepared, members, &levels)?;
            notes.extend(family_note(question, members.len(), set.seeds.len()));
            places.extend(members.iter().copied().zip(levels.into_iter().zip(found)));
        }
        let mut claims = Vec::new();
        for (place, one) in prepared.iter().enumerate() {
            let (level, family) = places.remove(&place).unzip();
            claims.push(self.claim(set, one, level.unwrap_or(LEVEL), family)?);
        }
        Ok(Judged { claims, notes })
    }

    fn prepare<'c>(&self, set: &Set<T>, claim: &'c Declared<T>) -> Result<Prepared<'c, T>> {
        let mut prepared = Prepared {
            claim,
            parts: Vec::new(),
            flaw: None,
            obstacle: None,
            free: Vec::new(),
        };
        let refuse = |reason: &str| Error::Claim {
            claim: claim.id.clone(),
            reason: reason.to_owned(),
        };
        if claim.flaw.is_some() && claim.parts.len() != 1 {
            return Err(refuse("expected one statistic beside a flaw, found several"));
        }
        for part in &claim.parts {
            let Some(bound) = part.statistic.bind(self.study)? else {
                let reason = format!("no net was trained for {}", part.statistic);
                prepared.obstacle = Some(Verdict::withheld(Withheld::NotRun, &reason));
                continue;
            };
            let own = self.study.obstacle(set, claim, &bound)?;
            prepared.free.push(own.is_none());
            prepared.obstacle = prepared.obstacle.or(own);
            prepared.parts.push(bound);
        }
        if claim.parts.is_empty() && claim.check.is_none() {
            let reason = "there is no rival or level to look at";
            prepared.obstacle = Some(Verdict::withheld(Withheld::NotRun, reason));
        }
        if let Some(flaw) = &claim.flaw {
            prepared.flaw = flaw.statistic.bind(self.study)?;
        }
        Ok(prepared)
    }

    /// The level at which each claim of a family is judged in the end.
    fn step_down(&self, set: &Set<T>, all: &[Prepared<'_, T>], members: &[usize]) -> Result<Vec<f64>> {
        let mut levels = vec![LEVEL; members.len()];
        let mut open: Vec<usize> = (0..members.len()).collect();
        loop {
            let level = 1.0 - (1.0 - LEVEL) / open.len().max(1) as f64;
            open.iter().for_each(|place| levels[*place] = level);
            let mut left = Vec::new();
            for &place in &open {
                if self.decide(set, &all[members[place]], level)?.open() {
                    left.push(place);
                }
            }
            if left.len() == open.len() || left.is_empty() {
                return Ok(levels);
            }
            open = left;
        }
    }

    fn places(
        &self,
        set: &Set<T>,
        question: &str,
        all: &[Prepared<'_, T>],
        members: &[usize],
        levels: &[f64],
    ) -> Result<Vec<FamilyPlace>> {
        let raw = members.iter().map(|m| self.p_value(set, &all[*m]));
        let raw: Vec<Option<f64>> = raw.collect::<Result<_>>()?;
        let levels = levels.iter().map(|level| self.study.at_look(*level));
        let levels: Vec<f64> = levels.collect::<Result<_>>()?;
        let mut corrected = holm(&raw.iter().map(|p| p.unwrap_or(1.0)).collect::<Vec<_>>())?.into_iter();
        let place = |(p, level): (Option<f64>, f64)| FamilyPlace {
            name: question.to_owned(),
            size: members.len(),
            level,
            p_holm: corrected.next().filter(|_| p.is_some()),
            p_floor: (members.len() as f64 * least_p(set.seeds.len())).min(1.0),
        };
        Ok(raw.into_iter().zip(levels).map(place).collect())
    }

    /// The sign-flip test's p-value against the edge of a one-sided zone; none of several looks has one.
    fn p_value(&self, set: &Set<T>, one: &Prepared<'_, T>) -> Result<Option<f64>> {
        let edge = match one.claim.zone {
            Margin::GreaterThan(edge) | Margin::LessThan(edge) => edge,
            Margin::Within(..) | Margin::Outside(..) => return Ok(None),
        };
        let ([bound], None) = (one.parts.as_slice(), &self.study.looks) else {
            return Ok(None);
        };
        let values = set.of_seeds(bound);
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return Ok(None);
        }
        let seed = self.study.stream(&set.name, &one.claim.id);
        let test = Permutation::new(&seed).paired(&values, &vec![edge; values.len()])?;
        Ok(Some(test.p_value))
    }

    fn estimates(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64) -> Result<Vec<Option<Estimate>>> {
        let stream = &one.claim.id;
        let several = one.claim.parts.len() > 1;
        let each = one.parts.iter().zip(&one.claim.parts).map(|(bound, part)| {
            let name = match several {
                true => format!("{stream}/{}", part.label),
                false => stream.clone(),
            };
            let bootstrap = self.study.bootstrap_of_claim(&set.name, &name, level)?;
            set.estimate(bound, &bootstrap)
        });
        each.collect()
    }

    /// Judges one claim at a level, its obstacles apart.
    fn decide(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64) -> Result<Decision> {
        let open = |ours, reason: &str| Decision {
            verdict: Verdict::withheld(Withheld::Inconclusive, reason),
            ours,
            remark: String::new(),
        };
        if let Some(check) = &one.claim.check {
            return self.checked(set, one, check);
        }
        let seeds = set.seeds.len();
        if let Some(needed) = one.needs_more_than(seeds) {
            let reason = format!("{seeds} of the {needed} paired seeds that this number takes");
            return Ok(open(None, &reason));
        }
        let estimates: Option<Vec<Estimate>> = self.estimates(set, one, level)?.into_iter().collect();
        let Some(estimates) = estimates.filter(|all| !all.is_empty()) else {
            return Ok(open(None, &undefined(set, one)));
        };
        let weighed = self.weigh(set, one, level, &estimates)?;
        let (place, ours, mut verdict) = (weighed.place, weighed.ours, weighed.verdict);
        if seeds < LEAST_SEEDS {
            let reason = format!("{seeds} of the {LEAST_SEEDS} paired seeds that a verdict needs");
            return Ok(open(Some(ours), &reason));
        }
        if let (Some(flaw), Some(declared)) = (&one.flaw, &one.claim.flaw) {
            let stream = format!("{}/flaw", one.claim.id);
            let bootstrap = self.study.bootstrap_of_claim(&set.name, &stream, level)?;
            if let Some(flawed) = set.estimate(flaw, &bootstrap)? {
                let shown = displayed(one).estimate(&flawed, Some(one.claim.zone));
                let words = format!("{}: {shown}", declared.words);
                verdict = Verdict::artefact(&words, one.claim.zone, &flawed, &ours, seeds);
            }
        }
        if matches!(verdict, Verdict::Undecided { .. }) {
            verdict = Verdict::withheld(Withheld::Inconclusive, &undecided(set, one, place, &ours));
        }
        let mut said = vec![remark(one, place, &ours, &verdict)];
        let part = &one.parts[place];
        said.extend(self.study.declared_outcomes(set, part, &one.claim.subjects));
        said.extend(self.study.edges(set, part));
        said.retain(|part| !part.is_empty());
        Ok(Decision {
            remark: said.join("; "),
            verdict,
            ours: Some(ours),
        })
    }

    /// Finds the part on which a claim hangs: one that is refuted, else the first that is not confirmed, else the
    /// one that is closest to the edge of the zone.
    fn weigh(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64, estimates: &[Estimate]) -> Result<Weighed> {
        let (zone, seeds) = (one.claim.zone, set.seeds.len());
        let holds = |place: &usize| confirmed(&zone.judge(&estimates[*place], seeds));
        let mut order: Vec<usize> = (0..estimates.len()).collect();
        order.sort_by(|a, b| inside(zone, estimates[*a].value).total_cmp(&inside(zone, estimates[*b].value)));
        if !order.iter().all(holds)
            && let Some((place, ours)) = self.refuted_somewhere(set, one, level)?
        {
            let verdict = zone.judge(&ours, seeds);
            return Ok(Weighed { place, ours, verdict });
        }
        let place = order.iter().copied().find(|place| !holds(place)).unwrap_or(order[0]);
        let ours = estimates[place];
        let verdict = match zone.judge(&ours, seeds) {
            // Outside at the level of one part alone, but not at the level that all parts share.
            Verdict::Refuted { .. } => Verdict::undecided(""),
            verdict => verdict,
        };
        Ok(Weighed { place, ours, verdict })
    }

    /// The part that is refuted at the level that is shared among all parts, by its place.
    fn refuted_somewhere(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64) -> Result<Option<(usize, Estimate)>> {
        let shared = 1.0 - (1.0 - level) / one.parts.len() as f64;
        let refuted = |estimate: &Estimate| {
            let verdict = one.claim.zone.judge(estimate, set.seeds.len());
            matches!(verdict, Verdict::Refuted { .. })
        };
        let estimates = self.estimates(set, one, shared)?.into_iter().enumerate();
        let found = estimates.filter_map(|(place, estimate)| Some((place, estimate.filter(|_| one.free[place])?)));
        Ok(found.filter(|(_, estimate)| refuted(estimate)).min_by(|a, b| {
            let depth = |e: &Estimate| inside(one.claim.zone, e.value);
            depth(&a.1).total_cmp(&depth(&b.1))
        }))
    }

    /// An identity: one exception refutes it, whatever the number of seeds.
    fn checked(&self, set: &Set<T>, one: &Prepared<'_, T>, check: &Check<T>) -> Result<Decision> {
        let arms = self.study.chosen(&check.arms);
        let held: Vec<bool> = set.nets(&arms).filter_map(|net| (check.holds)(net)).collect();
        let count = held.iter().filter(|held| **held).count();
        let share = count as f64 / held.len() as f64;
        let ours = Estimate {
            n: held.len(),
            ..Estimate::point(share, LEVEL)
        };
        let verdict = if held.is_empty() {
            Verdict::withheld(Withheld::NotRun, "there is no such net")
        } else if count == held.len() {
            Verdict::withheld(Withheld::ByConstruction, &format!("so in {count} of {count} nets"))
        } else {
            one.claim.zone.judge(&ours, LEAST_SEEDS)
        };
        let broken = held.len() - count;
        let remark = format!("not so in {broken} of {} nets", held.len());
        Ok(Decision {
            verdict,
            ours: None,
            remark: if broken > 0 { remark } else { String::new() },
        })
    }

    fn claim(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64, family: Option<FamilyPlace>) -> Result<Claim> {
        let declared = one.claim;
        let arms: Vec<_> = one.parts.iter().flat_map(Bound::arms).collect();
        let unlike = match declared.study {
            Some(_) => self.study.unlike_the_original(&arms, &declared.regardless),
            None => Vec::new(),
        };
        let decision = self.with_obstacles(set, one, level, &unlike)?;
        // An equivalence says what it tests: a study's "no relation" is not that.
        let said = declared.says.as_ref().filter(|_| declared.kind != Kind::Equivalence);
        let text = said.unwrap_or(&declared.sentence);
        let unit = declared.parts.first().map_or("", |part| part.statistic.unit());
        let claim = Claim::new(&declared.id, text)
            .words(&declared.words)
            .study(declared.study.as_deref().unwrap_or_default())
            .statistic(&words(one))
            .unit(unit);
        let zone = declared.check.is_none().then_some(declared.zone);
        Ok(Claim {
            margin: zone,
            ours: decision.ours,
            seeds: set.seeds.len(),
            verdict: decision.verdict,
            declared: Some(Declaration {
                kind: declared.kind.name().to_owned(),
                contrast: contrast(one),
                strata: strata(one),
                family,
                reproduction: declared.study.is_some(),
                unlike_the_study: unlike,
                figure: declared.figure.clone(),
                remark: decision.remark,
                zone,
                evidence: self.evidence(set, declared)?,
                seeds_needed: one.needs_more_than(set.seeds.len()),
                built_in: declared.built_in,
            }),
            ..claim
        })
    }

    fn evidence(&self, set: &Set<T>, claim: &Declared<T>) -> Result<Vec<Evidence>> {
        let parts = claim.parts.iter();
        let found = parts.map(|part| self.study.evidence(set, &part.label, &part.statistic));
        found.filter_map(Result::transpose).collect()
    }

    /// The number with its verdict, or with the word that stands in a verdict's place.
    fn with_obstacles(&self, set: &Set<T>, one: &Prepared<'_, T>, level: f64, unlike: &[String]) -> Result<Decision> {
        let Some(obstacle) = &one.obstacle else {
            let mut decision = self.decide(set, one, level)?;
            if one.claim.built_in && confirmed(&decision.verdict) {
                decision.verdict = Verdict::withheld(Withheld::ByConstruction, "the arms are built so");
            }
            let refuted = matches!(decision.verdict, Verdict::Refuted { .. });
            if one.claim.kind == Kind::Reproduction && refuted && !unlike.is_empty() {
                let reason = format!("outside the study's range, but {}", items(unlike));
                decision.verdict = Verdict::withheld(Withheld::Confounded, &reason);
            }
            return Ok(decision);
        };
        // Where arms are missing there may be no number at all, and no error either.
        let run = obstacle.word() != Withheld::NotRun.word();
        let judged = one.claim.kind == Kind::Each && set.seeds.len() >= LEAST_SEEDS;
        if run
            && judged
            && let Some((place, ours)) = self.refuted_somewhere(set, one, level)?
        {
            // One level that can be judged and fails is enough.
            return Ok(Decision {
                verdict: one.claim.zone.judge(&ours, set.seeds.len()),
                remark: format!("fails at {}", one.claim.parts[place].label),
                ours: Some(ours),
            });
        }
        let found = run.then(|| self.decide(set, one, level)).transpose()?;
        let undefined = found
            .as_ref()
            .filter(|found| found.ours.is_none() && one.claim.check.is_none());
        Ok(Decision {
            remark: undefined
                .and_then(|found| found.verdict.reason())
                .unwrap_or_default()
                .to_owned(),
            verdict: obstacle.clone(),
            ours: found.and_then(|found| found.ours),
        })
    }
}

/// Which seeds have no number, where the number is one of each seed.
fn undefined<T: 'static>(set: &Set<T>, one: &Prepared<'_, T>) -> String {
    let values: Vec<Vec<f64>> = one.parts.iter().map(|bound| set.of_seeds(bound)).collect();
    let lacks = |place: usize| values.iter().any(|all| all.get(place).is_some_and(|x| !x.is_finite()));
    let lacking = set.seeds.iter().enumerate().filter(|(place, _)| lacks(*place));
    let lacking: Vec<String> = lacking.map(|(_, nets)| nets.seed.to_string()).collect();
    let (count, all) = (lacking.len(), set.seeds.len());
    let ratio = one.claim.parts.iter().any(|part| part.statistic.is_ratio());
    let closed = one.parts.iter().find_map(Bound::closed).filter(|_| ratio);
    match (count, closed) {
        (0, _) => "not defined on these seeds, or not on every draw of them".to_owned(),
        (_, Some(course)) => course.closed(all, &lacking),
        _ => format!("{count} of {all} seeds have no such number: {}", lacking.join(", ")),
    }
}

/// Why the numbers do not settle a claim, with the smallest effect that they could have shown.
fn undecided<T: 'static>(set: &Set<T>, one: &Prepared<'_, T>, worst: usize, ours: &Estimate) -> String {
    let zone = one.claim.zone;
    let shown = displayed(one);
    let level = (ours.level * 1000.0).round() / 10.0;
    let ours = &ours.on_edges(&zone.edges());
    let crossed = zone.crossed(ours.low, ours.high).into_iter();
    let crossed: Vec<f64> = crossed.map(|edge| shown.scaled(edge)).collect();
    let (ends, edges) = figures_beside(&[shown.scaled(ours.low), shown.scaled(ours.high)], &crossed);
    let interval = shown.with_unit(&format!("[{}]", ends.join(", ")));
    let found = match edges.as_slice() {
        [] => "lies outside, but not at the level that all parts share".to_owned(),
        edges => format!("{} {}", zone.meets(ours.low, ours.high), edges.join(" and ")),
    };
    let mut reason = format!("the {level} % interval {interval} {found}");
    let values = set.of_seeds(&one.parts[worst]);
    if let Some(effect) = smallest_effect(&values, ours.level) {
        let (seeds, distance) = (values.len(), shown.size(effect));
        let said = format!("; {seeds} seeds of this spread could have shown {distance} from the edge");
        reason.push_str(&said);
    }
    reason
}

fn confirmed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Confirmed { .. })
}

/// How far inside the zone a value lies; negative outside.
pub(crate) fn inside(zone: Margin, value: f64) -> f64 {
    match zone {
        Margin::GreaterThan(edge) => value - edge,
        Margin::LessThan(edge) => edge - value,
        Margin::Within(low, high) => (value - low).min(high - value),
        Margin::Outside(low, high) => (low - value).max(value - high),
    }
}

/// The claims of each family that can be judged, in the order of declaration.
fn families<T>(prepared: &[Prepared<'_, T>]) -> Vec<(String, Vec<usize>)> {
    let mut families: Vec<(String, Vec<usize>)> = Vec::new();
    for (place, one) in prepared.iter().enumerate().filter(|(_, one)| one.obstacle.is_none()) {
        let Some(question) = &one.claim.family else { continue };
        match families.iter_mut().find(|(known, _)| known == question) {
            Some((_, members)) => members.push(place),
            None => families.push((question.clone(), vec![place])),
        }
    }
    families
}

fn family_note(question: &str, claims: usize, seeds: usize) -> Option<String> {
    let needed = seeds_needed(claims, 1.0 - LEVEL);
    (needed > seeds && seeds >= LEAST_SEEDS).then(|| {
        let floor = (claims as f64 * least_p(seeds)).min(1.0);
        format!(
            "The {claims} claims on “{question}” are too many for {seeds} seeds: no sign-flip test of theirs can give a corrected p below \
             {floor:.3}, {needed} seeds could. Their verdicts rest on simultaneous intervals alone."
        )
    })
}

/// What a reader must know beside the verdict.
fn remark<T: 'static>(one: &Prepared<'_, T>, worst: usize, ours: &Estimate, verdict: &Verdict) -> String {
    let claim = one.claim;
    let label = &claim.parts[worst].label;
    match claim.kind {
        Kind::Each if claim.parts.len() == 1 => String::new(),
        Kind::Best | Kind::Worst => format!("the closest of {} rivals is {label}", claim.parts.len()),
        Kind::Each if confirmed(verdict) => format!("of {} levels {label} is closest to the edge", claim.parts.len()),
        Kind::Each if matches!(verdict, Verdict::Refuted { .. }) => format!("fails at {label}"),
        Kind::Each => format!("open at {label}"),
        Kind::Equivalence if ours.excludes(0.0) && confirmed(verdict) => {
            let sign = if ours.value > 0.0 { "+" } else { "" };
            let shown = displayed(one).estimate(ours, Some(claim.zone));
            format!("differs by {sign}{shown}, within the margin")
        }
        Kind::Equivalence if ours.excludes(0.0) => "the difference is other than 0".to_owned(),
        Kind::Equivalence => "the interval holds 0".to_owned(),
        _ => String::new(),
    }
}

/// How a claim's numbers are shown, on its page and in its words.
fn displayed<T: 'static>(one: &Prepared<'_, T>) -> Display<'static> {
    let unit = one.claim.parts.first().map_or("", |part| part.statistic.unit());
    Display::of_claim(unit, &words(one), contrast(one).is_some())
}

/// The statistic in words, and how it comes from the seeds.
fn words<T>(one: &Prepared<'_, T>) -> String {
    let Some(part) = one.claim.parts.first() else {
        return "checked on every net".to_owned();
    };
    let each = if one.claim.parts.len() > 1 { " and so on" } else { "" };
    let middle = one.parts.iter().any(|bound| matches!(bound.of, Evaluate::Seed(_)));
    let middle = if middle { ", interquartile mean over seeds" } else { "" };
    format!("{}{each}{middle}", part.statistic)
}

fn contrast<T: 'static>(one: &Prepared<'_, T>) -> Option<Contrast> {
    let names = |side: fn(&Bound<T>) -> &Vec<crate::Arm>| {
        let mut names: Vec<String> = one.parts.iter().flat_map(side).map(|arm| arm.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    };
    let right = names(|bound| &bound.right);
    let first = one.parts.first()?;
    let differs = differing(&first.left, &first.right);
    (!right.is_empty()).then(|| Contrast {
        left: names(|bound| &bound.left),
        right,
        cause: one.claim.cause.map_or_else(String::new, |cause| cause.name.to_owned()),
        differs: differs.iter().map(Difference::words).collect(),
    })
}

fn strata<T: 'static>(one: &Prepared<'_, T>) -> Vec<String> {
    let words = |bound: &Bound<T>| Some(stratum_words(&bound.strata, bound.along.as_ref()?));
    let mut words: Vec<String> = one.parts.iter().filter_map(words).flatten().collect();
    words.dedup();
    words
}
