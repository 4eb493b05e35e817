//! What one would hope of each strategy, stated beforehand, and whether it holds.

use espalier_experiment::Absent;
use espalier_report::page::{Claim, Margin, Verdict, Withheld};
use espalier_report::statistics::{Arms, Estimate};
use espalier_seed::Seed;

use crate::arms::{ARMS, Family, TRIES, Try};
use crate::results::{DECISION_MACS_SHARE, Outcome, PARAMETERS, Results, TEST};

/// The accuracy that a smaller net may lose and still be called as good: half a point.
const TOLERATED_LOSS: f64 = 0.005;
/// The share of the computation that decisions may take.
const TOLERATED_COST: f64 = 0.02;

/// One claim per strategy against its family's rival, and one on the cost of decisions.
pub fn of(results: &Results) -> anyhow::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for outcome in &results.outcomes {
        claims.extend(against_rival(results, outcome)?);
    }
    claims.extend(cost(results)?);
    Ok(claims)
}

fn difference(arm: &Outcome, rival: &Outcome) -> anyhow::Result<Estimate> {
    let arms = Arms::new(vec![
        (arm.arm.name.to_owned(), arm.values(TEST)),
        ("rival".to_owned(), rival.values(TEST)),
    ])?;
    let contrasts = arms.contrasts("rival", &Seed::new(0).named("strategies").named(arm.arm.name))?;
    anyhow::ensure!(contrasts.len() == 1, "expected one contrast, found {}", contrasts.len());
    Ok(contrasts[0].difference)
}

/// The arm that a strategy must beat, or keep up with.
fn rival(name: &str, family: Family) -> Option<&'static str> {
    match family {
        Family::Bound => None,
        Family::Growing if name == "random-growth" => Some("fixed-small"),
        Family::Growing => Some("random-growth"),
        Family::Shrinking | Family::Renewing => Some("fixed-large"),
    }
}

/// Whether a claim's number rests on an arm of which every configuration lacks a result: one that diverged beside another
/// that did not loses the choice between them.
pub fn rests_on(claim: &str, absent: &Absent<'_, Try>) -> bool {
    let name = absent.variant.arm().name;
    let judged = ARMS.iter().find(|arm| arm.name == claim);
    let against = judged.and_then(|arm| rival(arm.name, arm.family));
    let read = claim == name || against == Some(name) || claim == "cost";
    let of_arm = |configuration| Try {
        configuration,
        ..*absent.variant
    };
    read && (0..TRIES).all(|configuration| (absent.lacks)(&of_arm(configuration)))
}

/// The claim of one strategy against its family's rival; open where that was not run or where nothing was ever edited.
fn against_rival(results: &Results, outcome: &Outcome) -> anyhow::Result<Option<Claim>> {
    let (arm, trials) = (outcome.arm, outcome.trials.len());
    let Some(name) = rival(arm.name, arm.family) else {
        return Ok(None);
    };
    let found = results.find(name);
    let (claim, margin) = stated(outcome, found)?;
    let claim = claim
        .statistic(&format!(
            "test accuracy less that of {name}, interquartile mean of paired differences"
        ))
        .unit("fraction");
    let Some(found) = found else {
        let reason = format!("the arm `{name}`, against which it is judged, has no recorded trial");
        return Ok(Some(
            claim.without_verdict(Verdict::withheld(Withheld::NotRun, &reason)),
        ));
    };
    let claim = claim.judged(difference(outcome, found)?, margin, trials);
    let edits: u64 = outcome.trials.iter().map(|trial| trial.summary.applied).sum();
    Ok(Some(if edits == 0 { claim.made_no_edit(trials) } else { claim }))
}

/// What is claimed of a strategy, and where it holds.
fn stated(outcome: &Outcome, rival: Option<&Outcome>) -> anyhow::Result<(Claim, Margin)> {
    let name = outcome.arm.name;
    let above = Margin::GreaterThan(0.0);
    Ok(match outcome.arm.family {
        _ if name == "random-growth" => (Claim::new(name, "random growth beats the net that stays small"), above),
        Family::Bound | Family::Growing => {
            let text = format!("{name} beats random growth within the same bound on parameters");
            (Claim::new(name, &text), above)
        }
        Family::Shrinking => {
            let kept = match rival {
                Some(large) => {
                    let left = outcome.estimate(PARAMETERS)?.value / large.estimate(PARAMETERS)?.value;
                    format!("; it kept {:.0} % of the parameters", 100.0 * left)
                }
                None => String::new(),
            };
            let text = format!("{name} keeps the large net's accuracy within half a point{kept}");
            (Claim::new(name, &text), Margin::GreaterThan(-TOLERATED_LOSS))
        }
        Family::Renewing => {
            let text = format!("{name} beats the net of the same size that is left alone");
            (Claim::new(name, &text), above)
        }
    })
}

fn cost(results: &Results) -> anyhow::Result<Option<Claim>> {
    let mut dearest: Option<(&Outcome, Estimate)> = None;
    for outcome in &results.outcomes {
        let share = outcome.estimate(DECISION_MACS_SHARE)?;
        if dearest.as_ref().is_none_or(|(_, most)| share.value > most.value) {
            dearest = Some((outcome, share));
        }
    }
    let claim = |outcome: &Outcome| {
        let text = format!(
            "no strategy's decisions take over 2 % of the computation; the dearest is {}",
            outcome.arm.name
        );
        Claim::new("cost", &text).statistic("multiply–accumulates of decisions over those of training and decisions")
    };
    Ok(dearest
        .map(|(outcome, share)| claim(outcome).judged(share, Margin::LessThan(TOLERATED_COST), outcome.trials.len())))
}
