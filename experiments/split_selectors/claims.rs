//! What study 001 remarked, the statistic that tests it, and where each remark holds.

use espalier_experiment::Absent;
use espalier_metrics::spearman;
use espalier_report::page::{Claim, Margin};
use espalier_report::statistics::{Bootstrap, Estimate, Pairing, mean};
use espalier_seed::Seed;

use crate::arm::{ARMS, HALF, MAX_RATE, NO_SPLIT, RANDOM, SOFTMAX, Variant};
use crate::runs::{HALVED_ACCURACY, HALVED_LOSS, Number, Runs, TEST_ACCURACY, TEST_LOSS};

/// The study's least and largest final test accuracy of the net without splits.
const STUDY_ACCURACY: Margin = Margin::Within(0.647, 0.729);
/// The same of the final test loss.
const STUDY_LOSS: Margin = Margin::Within(0.98, 1.14);
/// What the study's code did to test images.
const HALVING: &str = "the study's code scaled test images as u × 0.5, training images as u − 0.5";

/// The stream that a claim's intervals draw from.
pub fn seed(name: &str) -> Seed {
    Seed::new(0).named("split-selectors").named(name)
}

/// States and judges all claims; the study's own at the first learning rate.
pub fn all(rates: &[Runs]) -> anyhow::Result<Vec<Claim>> {
    let Some(first) = rates.first() else {
        return Ok(Vec::new());
    };
    let mut claims = vec![sizes(first)];
    claims.extend(control(first)?);
    claims.extend(rules(first)?);
    claims.extend(spreads(first)?);
    claims.extend(scaling(first)?);
    claims.extend(survival(rates)?);
    Ok(claims)
}

/// Whether a claim's number rests on a variant.
pub fn rests_on(claim: &str, absent: &Absent<'_, Variant>) -> bool {
    let rates = absent.settings.numbers("learning_rates").unwrap_or_default();
    let Variant { arm, rate } = absent.variant;
    let place = rates.iter().position(|known| known == rate);
    let (first, second) = (place == Some(0), place == Some(1));
    match claim {
        "rate-order" => first || second,
        "rate-control" | "rate-spread" => second,
        "C7-accuracy" | "C7-loss" => first && arm.name == NO_SPLIT,
        "C5-firing" | "C5-min-loss" | "C5-whom" => first && arm.name != NO_SPLIT,
        _ => first,
    }
}

/// The paired difference a − b.
fn difference(claim: Claim, a: &[f64], b: &[f64], margin: Margin) -> anyhow::Result<Claim> {
    let ours = paired(&claim.id, a, b)?;
    Ok(claim.unit("fraction").judged(ours, margin, a.len()))
}

fn paired(name: &str, a: &[f64], b: &[f64]) -> anyhow::Result<Estimate> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    Ok(Bootstrap::new(&seed(name)).interquartile_mean_or_point(&differences)?)
}

fn average(name: &str, values: &[f64]) -> anyhow::Result<Estimate> {
    let of = |picked: &[&f64]| mean(&picked.iter().map(|v| **v).collect::<Vec<_>>()).unwrap_or(f64::NAN);
    Ok(Bootstrap::new(&seed(name)).over_seeds_or_point(values, of)?)
}

/// Every split adds 795 parameters to a 784-H-10 net; the widths meet at the end.
fn sizes(runs: &Runs) -> Claim {
    let control = runs.of(NO_SPLIT, |o| o.parameters as f64);
    let splitting = runs.splitting();
    let apart = splitting.iter().flat_map(|arm| {
        let sizes = runs.of(arm, |o| o.parameters as f64);
        sizes
            .into_iter()
            .zip(&control)
            .map(|(own, control)| (own - control).abs())
            .collect::<Vec<_>>()
    });
    let value = apart.fold(0.0, f64::max);
    let exact = Estimate {
        value,
        low: value,
        high: value,
        n: runs.seeds(),
        level: 0.95,
    };
    Claim::new(
        "C5-size",
        "every arm ends with the parameters of the net that never splits",
    )
    .study("7 960 → 47 710, +795 per split; control 47 710")
    .statistic("largest |final parameters − the control's| over all trials of the splitting arms")
    .unit("parameters")
    .judged(exact, Margin::Within(0.0, 0.0), runs.seeds())
}

fn control(runs: &Runs) -> anyhow::Result<[Claim; 2]> {
    let control = runs.of(NO_SPLIT, TEST_ACCURACY);
    let all = runs.mean_of(&runs.splitting(), TEST_ACCURACY);
    let best = best_rule(runs, &runs.splitting());
    let claim = Claim::new(
        "C5-control",
        "the net that has all units from the start ends more accurate than those that split",
    )
    .study(".687 against .614 to .677")
    .statistic("no split − mean of the seven splitting arms, paired difference of test accuracy, interquartile mean");
    let text = "it also ends above the best rule";
    let against_best = Claim::new("C5-control-best", text)
        .study(".687 against .677")
        .statistic(&format!(
            "no split − {best} (the splitting arm with the best mean validation accuracy), paired difference of test \
             accuracy, interquartile mean"
        ));
    Ok([
        difference(claim, &control, &all, Margin::GreaterThan(0.0))?,
        difference(
            against_best,
            &control,
            &runs.of(best, TEST_ACCURACY),
            Margin::GreaterThan(0.0),
        )?,
    ])
}

/// The arm with the best mean validation accuracy.
pub fn best_rule<'a>(runs: &Runs, among: &[&'a str]) -> &'a str {
    let score = |arm: &str| runs.of(arm, |o| o.validation_accuracy).iter().sum::<f64>();
    let better = |best: &'a str, arm: &'a str| if score(arm) > score(best) { arm } else { best };
    among.iter().copied().reduce(better).unwrap_or(NO_SPLIT)
}

fn rules(runs: &Runs) -> anyhow::Result<Vec<Claim>> {
    let others = ["random", "max loss", "min loss"];
    let others = runs.mean_of(&others, TEST_ACCURACY);
    let named = runs.mean_of(&[HALF, MAX_RATE], TEST_ACCURACY);
    let claim = Claim::new("C5-firing", "half and max firing rate are the best rules")
        .study(".677 and .675 against .661 (random), .639 (max loss), .614 (min loss)")
        .statistic(
            "mean of half and max firing rate − mean of random, max loss and min loss, paired difference of test accuracy, \
             interquartile mean",
        )
        .unit("fraction");
    let flaw = "what the study ran under these names was the rule of softmax ablation losses";
    let ran = paired("C5-firing/softmax", &runs.of(SOFTMAX, TEST_ACCURACY), &others)?;
    let sound = paired("C5-firing", &named, &others)?;
    let mut claims = vec![claim.judged_with_flaw(flaw, [ran, sound], Margin::GreaterThan(0.0), runs.seeds())];
    let rest: Vec<&str> = runs.splitting().into_iter().filter(|arm| *arm != "min loss").collect();
    let least = Claim::new(
        "C5-min-loss",
        "splitting the unit without which the loss is smallest is the worst rule",
    )
    .study(".614 against .639 to .677")
    .statistic(
        "min loss − mean of the other six splitting arms, paired difference of test accuracy, interquartile mean",
    );
    let rest = runs.mean_of(&rest, TEST_ACCURACY);
    claims.push(difference(
        least,
        &runs.of("min loss", TEST_ACCURACY),
        &rest,
        Margin::LessThan(0.0),
    )?);
    let rules: Vec<&str> = runs.splitting().into_iter().filter(|arm| *arm != RANDOM).collect();
    let best = best_rule(runs, &rules);
    let whom = Claim::new(
        "C5-whom",
        "whom to split matters: the best rule beats a unit drawn at random",
    )
    .study("left open")
    .statistic(&format!(
        "{best} (best mean validation accuracy) − random, paired difference of test accuracy, interquartile mean"
    ));
    let (best, random) = (runs.of(best, TEST_ACCURACY), runs.of(RANDOM, TEST_ACCURACY));
    claims.push(difference(whom, &best, &random, Margin::GreaterThan(0.0))?);
    Ok(claims)
}

fn spreads(runs: &Runs) -> anyhow::Result<[Claim; 2]> {
    let claim = |id: &str, what: &str, study: &str| {
        Claim::new(id, &format!("runs that split vary more: final test {what}"))
            .study(study)
            .statistic(&format!(
                "√(mean variance over seeds of the seven splitting arms) / standard deviation of no split, test {what}"
            ))
            .unit("ratio")
    };
    let accuracy = claim("C6-spread", "accuracy", "ranges of .101 to .185 against .082");
    let loss = claim(
        "C6-spread-loss",
        "loss",
        "from .86 to 1.33 over the arms against .98 to 1.14",
    );
    Ok([spread(runs, accuracy, TEST_ACCURACY)?, spread(runs, loss, TEST_LOSS)?])
}

fn spread(runs: &Runs, claim: Claim, number: Number) -> anyhow::Result<Claim> {
    if runs.seeds() < 2 {
        return Ok(claim.open("a spread needs two seeds"));
    }
    let columns: Vec<Vec<f64>> = runs.splitting().iter().map(|arm| runs.of(arm, number)).collect();
    let control = runs.of(NO_SPLIT, number);
    let places: Vec<usize> = (0..runs.seeds()).collect();
    let pooled = |picked: &[&usize]| {
        let variance = |column: &[f64]| variance(&picked.iter().map(|place| column[**place]).collect::<Vec<_>>());
        let above = columns.iter().map(|column| variance(column)).sum::<f64>() / columns.len() as f64;
        let below = variance(&control);
        if above == below { 1.0 } else { (above / below).sqrt() }
    };
    let ours = Bootstrap::new(&seed(&claim.id)).over_seeds(&places, pooled)?;
    Ok(claim.judged(ours, Margin::GreaterThan(1.0), runs.seeds()))
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// The ratio of spreads of one arm to the control.
pub fn arm_spread(runs: &Runs, arm: &str, number: Number) -> anyhow::Result<Estimate> {
    let name = format!("spread/{}/{arm}", runs.rate);
    Ok(
        Bootstrap::new(&seed(&name)).spread_ratio(
            &runs.of(arm, number),
            &runs.of(NO_SPLIT, number),
            Pairing::Paired,
        )?,
    )
}

/// What the study's scaling of test images did.
fn scaling(runs: &Runs) -> anyhow::Result<Vec<Claim>> {
    let accuracy = Claim::new(
        "C7-accuracy",
        "the net that never splits ends at the study's test accuracy",
    )
    .study(".687 (.647 to .729)")
    .statistic("mean test accuracy of no split over seeds")
    .unit("fraction");
    let loss = Claim::new("C7-loss", "it ends at the study's test loss")
        .study("≈1.05 (.98 to 1.14)")
        .statistic("mean test loss of no split over seeds")
        .unit("nats");
    let both = |name: &str, wrong: Number, right: Number| -> anyhow::Result<[Estimate; 2]> {
        Ok([
            average(&format!("{name}/halved"), &runs.of(NO_SPLIT, wrong))?,
            average(name, &runs.of(NO_SPLIT, right))?,
        ])
    };
    let told = |[flawed, _]: &[Estimate; 2]| format!("{HALVING}; read that way, the same nets give {flawed}");
    let accuracies = both("C7-accuracy", HALVED_ACCURACY, TEST_ACCURACY)?;
    let losses = both("C7-loss", HALVED_LOSS, TEST_LOSS)?;
    let cost = Claim::new("C7-cost", "the wrong scaling alone costs accuracy")
        .study("not seen")
        .statistic("right − halved test images, same nets, mean of all arms, paired difference, interquartile mean");
    let names: Vec<&str> = ARMS.iter().map(|arm| arm.name).collect();
    let (right, wrong) = (
        runs.mean_of(&names, TEST_ACCURACY),
        runs.mean_of(&names, HALVED_ACCURACY),
    );
    Ok(vec![
        accuracy.judged_with_flaw(&told(&accuracies), accuracies, STUDY_ACCURACY, runs.seeds()),
        loss.judged_with_flaw(&told(&losses), losses, STUDY_LOSS, runs.seeds()),
        difference(cost, &right, &wrong, Margin::GreaterThan(0.0))?,
    ])
}

/// Whether what holds at the study's rate holds at a sensible one.
fn survival(rates: &[Runs]) -> anyhow::Result<Vec<Claim>> {
    let order = Claim::new(
        "rate-order",
        "the order of the seven rules survives a learning rate that trains to the end",
    )
    .study("not asked")
    .statistic("Spearman correlation of the splitting arms' mean test accuracies at the two rates");
    let [study, sensible, ..] = rates else {
        let reason = "this preset has one learning rate; `quick` and `sensible` have two";
        return Ok(vec![order.open(reason)]);
    };
    let places: Vec<usize> = (0..study.seeds()).collect();
    let means = |runs: &Runs, picked: &[&usize]| -> Vec<f64> {
        let of = |arm: &&str| {
            let values = runs.of(arm, TEST_ACCURACY);
            picked.iter().map(|place| values[**place]).sum::<f64>() / picked.len() as f64
        };
        runs.splitting().iter().map(of).collect()
    };
    let agreement = |picked: &[&usize]| spearman(&means(study, picked), &means(sensible, picked)).unwrap_or(0.0);
    let ours = Bootstrap::new(&seed("rate-order"))
        .resamples(2_000)
        .over_seeds_or_point(&places, agreement)?;
    let rate = sensible.rate;
    let control = Claim::new(
        "rate-control",
        &format!("the net without splits also ends more accurate at a rate of {rate}"),
    )
    .study("not asked")
    .statistic("no split − mean of the seven splitting arms, paired difference of test accuracy, interquartile mean");
    let splitting = sensible.mean_of(&sensible.splitting(), TEST_ACCURACY);
    let spread_claim = Claim::new(
        "rate-spread",
        &format!("runs that split also vary more at a rate of {rate}"),
    )
    .study("not asked")
    .statistic("√(mean variance of the seven splitting arms) / standard deviation of no split, test accuracy")
    .unit("ratio");
    Ok(vec![
        order.judged(ours, Margin::GreaterThan(0.0), study.seeds()),
        difference(
            control,
            &sensible.of(NO_SPLIT, TEST_ACCURACY),
            &splitting,
            Margin::GreaterThan(0.0),
        )?,
        spread(sensible, spread_claim, TEST_ACCURACY)?,
    ])
}
