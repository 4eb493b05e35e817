//! What the thread and the papers say, and what the rows say.

use espalier_experiment::{Absent, Missing};
use espalier_report::page::{Claim, Margin};

use crate::Variant;
use crate::arms::{Arm, Model, Place};
use crate::scores::{LATE_DEAD, LATE_ONLINE, LATE_RANK, LATE_VALIDATION, Metric, Runs, Seen, dead_share, middle};
use crate::streams::Stream;

/// The largest change of the outputs, relative to the largest output, that rounding explains.
const ROUNDING: f64 = 1e-5;

/// All claims: what was hoped for in each place, then what is asked of single arms.
pub fn all(seen: &[Seen]) -> anyhow::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for one in seen {
        claims.push(fewer_dead(one)?);
    }
    for one in seen {
        claims.push(better(
            one,
            Arm::RecycleNoise,
            "accuracy",
            "recycling with noise raises the accuracy",
            "hoped for",
        )?);
    }
    for one in seen {
        claims.push(better_at_the_highest_rate(one)?);
    }
    for one in seen.iter().filter(|one| one.place.model == Model::Mlp) {
        claims.push(dying(one)?);
    }
    for one in seen {
        claims.push(outputs_stay(one)?);
    }
    for one in seen
        .iter()
        .filter(|one| one.place.stream != Stream::Bits && one.place.model == Model::Mlp)
    {
        claims.push(plasticity(one)?);
    }
    for one in seen.iter().filter(|one| one.place.model == Model::Mlp) {
        claims.push(against(
            one,
            Arm::Reinitialise,
            "reinitialise",
            "re-initialising dead units",
        )?);
        claims.push(against(one, Arm::Redo, "redo", "ReDo")?);
        claims.push(better(
            one,
            Arm::ContinualBackprop,
            "continual-backprop",
            "continual backprop raises the accuracy",
            "keeps learning (Dohare et al.)",
        )?);
        claims.push(better(
            one,
            Arm::Growth,
            "growth",
            "growth to the same size raises the accuracy",
            "not asked",
        )?);
    }
    if let Some(one) = seen
        .iter()
        .find(|one| one.place.stream == Stream::Pixels && one.place.model == Model::Mlp)
    {
        claims.extend(noise(one)?);
    }
    Ok(claims)
}

/// Whether a claim's number rests on a variant. A rate that diverged counts as the worst in the choice of an arm's rate; only
/// an arm without any other leaves a claim open, and so does the highest where that is asked for.
pub fn rests_on(claim: &str, absent: &Absent<'_, Variant>) -> bool {
    let Variant { place, arm, rate } = *absent.variant;
    let Some(id) = claim.strip_suffix(&slug(place)).and_then(|id| id.strip_suffix('-')) else {
        return false;
    };
    let read: &[Arm] = match id {
        "fewer-dead" => &[Arm::None, Arm::Recycle, Arm::RecycleNoise],
        "accuracy" | "accuracy-high" => &[Arm::None, Arm::RecycleNoise],
        "dying" => &[Arm::None],
        "outputs" => &[Arm::Recycle],
        "plasticity" => &[Arm::None, Arm::StartOver],
        "reinitialise" => &[Arm::RecycleNoise, Arm::Reinitialise],
        "redo" => &[Arm::RecycleNoise, Arm::Redo],
        "continual-backprop" => &[Arm::None, Arm::ContinualBackprop],
        "growth" => &[Arm::None, Arm::Growth],
        _ => &[Arm::None, Arm::Recycle, Arm::RecycleNoise],
    };
    let rates = absent
        .settings
        .numbers(place.stream.rates_setting())
        .unwrap_or_default();
    let highest = rates.iter().copied().fold(f64::NAN, f64::max);
    let chosen = || rates.iter().all(|&rate| (absent.lacks)(&Variant { place, arm, rate }));
    let counts = match id {
        "accuracy-high" => rate == highest,
        "outputs" => true,
        _ => absent.missing == Missing::NotRun || chosen(),
    };
    read.contains(&arm) && counts
}

/// Judges a difference of two arms, or leaves the claim open where one was not run.
fn judged(
    claim: Claim,
    margin: Margin,
    pair: Option<(&Runs, &Runs)>,
    number: impl Fn(&Runs, &Runs) -> Vec<f64>,
) -> anyhow::Result<Claim> {
    let Some((arm, reference)) = pair else {
        return Ok(claim.open("one of the two arms was not run"));
    };
    let values = number(arm, reference);
    let seeds = values.len();
    if values.iter().any(|value| !value.is_finite()) {
        return Ok(claim.open("there was nothing to measure in some trial"));
    }
    let ours = middle(&claim.id, &values)?;
    Ok(claim.judged(ours, margin, seeds))
}

/// A place as a word for the identifiers of claims.
pub fn slug(place: Place) -> String {
    place.to_string().to_lowercase().replace(", ", "-").replace(' ', "-")
}

fn titled(one: &Seen, id: &str, text: &str) -> Claim {
    Claim::new(&format!("{id}-{}", one.slug()), &format!("{}: {text}", one.place))
}

/// The more dead of both ways to recycle must still have fewer dead units than no strategy.
fn fewer_dead(one: &Seen) -> anyhow::Result<Claim> {
    let claim = titled(
        one,
        "fewer-dead",
        "recycling, with and without noise, ends with fewer dead units",
    )
    .study("wished for")
    .statistic(
        "dead share in the last quarter of the tasks, the greater of recycle and recycle + noise less none, \
             at the rate chosen for none",
    )
    .unit("fraction");
    let noisy = one.at_reference_rate(Arm::RecycleNoise);
    judged(
        claim,
        Margin::LessThan(0.0),
        one.at_reference_rate(Arm::Recycle)
            .zip(one.at_reference_rate(Arm::None)),
        |exact, none| {
            let (exact, none) = (exact.values(LATE_DEAD), none.values(LATE_DEAD));
            let noisy = noisy.map_or_else(|| vec![f64::NAN; none.len()], |runs| runs.values(LATE_DEAD));
            let worse = exact
                .iter()
                .zip(&noisy)
                .map(|(a, b)| if b.is_nan() { *b } else { a.max(*b) });
            worse.zip(&none).map(|(worse, none)| worse - none).collect()
        },
    )
}

fn dying(one: &Seen) -> anyhow::Result<Claim> {
    let claim = titled(one, "dying", "without a strategy, ever more units are dead")
        .study("keeps growing")
        .statistic("dead share with no strategy, last quarter of the tasks less first, at the rate chosen for it")
        .unit("fraction");
    let none = one.chosen(Arm::None);
    judged(claim, Margin::GreaterThan(0.0), none.zip(none), |none, _| {
        none.values(|trial| trial.late(dead_share) - trial.early(dead_share))
    })
}

fn outputs_stay(one: &Seen) -> anyhow::Result<Claim> {
    let claim = titled(one, "outputs", "recycling without noise leaves the outputs as they are")
        .study("exact in theory")
        .statistic("largest change of an output by an edit, relative to the largest output, over both rates")
        .unit("fraction");
    let recycle: Vec<&Runs> = one.runs.iter().filter(|runs| runs.arm == Arm::Recycle).collect();
    let Some(first) = recycle.first() else {
        return Ok(claim.open("the arm was not run"));
    };
    let largest = |seed: usize| {
        let of = recycle.iter().map(|runs| runs.trials[seed].summary.largest_deviation);
        of.fold(f64::NAN, f64::max)
    };
    judged(claim, Margin::LessThan(ROUNDING), Some((*first, *first)), |runs, _| {
        (0..runs.trials.len()).map(largest).collect()
    })
}

fn plasticity(one: &Seen) -> anyhow::Result<Claim> {
    let claim = titled(
        one,
        "plasticity",
        "a net that went through many tasks learns the next worse than a new one",
    )
    .study("accuracy falls (Dohare et al.)")
    .statistic("online accuracy in the last quarter of the tasks, none less a net started over at each, chosen rates")
    .unit("fraction");
    let pair = one.chosen(Arm::None).zip(one.chosen(Arm::StartOver));
    judged(claim, Margin::LessThan(0.0), pair, |none, fresh| {
        none.less(fresh, LATE_ONLINE)
    })
}

/// What validation scores are called in a place.
fn score(one: &Seen) -> &'static str {
    match one.place.stream {
        Stream::Bits => "explained share of the validation targets' variance",
        _ => "validation accuracy",
    }
}

fn better(one: &Seen, arm: Arm, id: &str, text: &str, study: &str) -> anyhow::Result<Claim> {
    let statistic = format!(
        "{} at the end of the tasks of the last quarter, {arm} less none, each at its chosen rate",
        score(one)
    );
    let claim = titled(one, id, text)
        .study(study)
        .statistic(&statistic)
        .unit("fraction");
    let pair = one.chosen(arm).zip(one.chosen(Arm::None));
    judged(claim, Margin::GreaterThan(0.0), pair, |arm, none| {
        arm.less(none, LATE_VALIDATION)
    })
}

/// The same at one rate for both, the highest: the regime that the thread speaks of.
fn better_at_the_highest_rate(one: &Seen) -> anyhow::Result<Claim> {
    let statistic = format!(
        "{} at the end of the tasks of the last quarter, recycle + noise less none, both at the highest rate tried",
        score(one)
    );
    let text = "where units die fastest, recycling with noise raises the accuracy";
    let claim = titled(one, "accuracy-high", text)
        .study("hoped for")
        .statistic(&statistic)
        .unit("fraction");
    let pair = one
        .at_highest_rate(Arm::RecycleNoise)
        .zip(one.at_highest_rate(Arm::None));
    judged(claim, Margin::GreaterThan(0.0), pair, |arm, none| {
        arm.less(none, LATE_VALIDATION)
    })
}

fn against(one: &Seen, rival: Arm, id: &str, name: &str) -> anyhow::Result<Claim> {
    let statistic = format!(
        "{} at the end of the tasks of the last quarter, recycle + noise less {rival}, each at its chosen rate",
        score(one)
    );
    let claim = titled(one, id, &format!("copies of living units do better than {name}"))
        .study("not asked; expected, as copies begin with useful features")
        .statistic(&statistic)
        .unit("fraction");
    let pair = one.chosen(Arm::RecycleNoise).zip(one.chosen(rival));
    judged(claim, Margin::GreaterThan(0.0), pair, |ours, rival| {
        ours.less(rival, LATE_VALIDATION)
    })
}

/// Is the noise needed, as the thread has it?
fn noise(one: &Seen) -> anyhow::Result<[Claim; 2]> {
    let of = |id: &str, text: &str, statistic: &str, unit: &str, metric: Metric| {
        let claim = titled(one, id, text)
            .study("needed, so that twins diverge")
            .statistic(statistic)
            .unit(unit);
        let pair = one
            .at_reference_rate(Arm::RecycleNoise)
            .zip(one.at_reference_rate(Arm::Recycle));
        judged(claim, Margin::GreaterThan(0.0), pair, |noisy, exact| {
            noisy.less(exact, metric)
        })
    };
    Ok([
        of(
            "noise-rank",
            "noise on the copies gives more directions",
            "effective rank of the last hidden layer in the last quarter of the tasks, recycle + noise less recycle, at the \
             rate chosen for none",
            "dimensions",
            LATE_RANK,
        )?,
        of(
            "noise-accuracy",
            "noise on the copies raises the accuracy",
            "validation accuracy at the end of the tasks of the last quarter, recycle + noise less recycle, at the rate \
             chosen for none",
            "fraction",
            LATE_VALIDATION,
        )?,
    ])
}
