//! What study 001 remarked, what is compared to test it, and where each remark holds.

use espalier_metrics::spearman;
use espalier_report::statistics::mean;
use espalier_study::prelude::*;

use crate::arm::{ARMS, HALF, MAX_RATE, MIN_LOSS, NO_SPLIT, RANDOM, SOFTMAX};
use crate::runs::{COST_OF_HALVING, HALVED, HALVED_LOSS, MACS, Net, PARAMETERS, RATE, RULE, TEST, TEST_LOSS};
use crate::runs::{all, at, splitting};

/// What the study's code did to test images.
const HALVING: &str = "the study's code scaled test images as u × 0.5, training images as u − 0.5";
/// Half a point of accuracy.
const HALF_A_POINT: f64 = 0.005;
const GROWING: &str = "whether splitting costs accuracy";
const BEST: &str = "which rule is best";
const SPREAD: &str = "whether runs that split vary more";

/// Declares all claims: the study's at its learning rate, and whether they survive at another.
pub fn of<'s>(study: &'s Study<Net>, set: &str, rate: f64, other: f64, parameters: f64) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, set).said(include_str!("study.md"), set);
    let c = &mut claims;
    let right = move |net: &Net| PARAMETERS.value(net) == parameters;
    c.identity("C5-size", "every arm ends at one size", &RATE.is(rate), right)
        .figure("parameters");
    control(c, rate);
    rules(c, rate);
    spreads(c, rate);
    scaling(c, rate);
    survival(c, rate, other);
    claims
}

/// The accuracy of the net that never splits, and the mean of those that do.
fn control_and_splitting(rate: f64) -> [Statistic<Net>; 2] {
    [TEST.at(&at(NO_SPLIT, rate)), TEST.mean_over(&splitting(rate, &[]))]
}

fn control(c: &mut Claims<'_, Net>, rate: f64) {
    let [whole, split] = control_and_splitting(rate);
    c.larger("C5-control", whole, split, &RULE)
        .about(&MACS)
        .family(GROWING)
        .figure("differences");
    c.best("C5-control-best", &TEST, &at(NO_SPLIT, rate), &all(rate), &RULE)
        .about(&MACS)
        .family(GROWING)
        .figure("differences");
}

fn rules(c: &mut Claims<'_, Net>, rate: f64) {
    for (id, rule, beside) in [("C5-half", HALF, MAX_RATE), ("C5-max-rate", MAX_RATE, HALF)] {
        c.best(id, &TEST, &at(rule, rate), &splitting(rate, &[beside]), &RULE)
            .family(BEST)
            .figure("differences");
    }
    // The firing rates' names hid this rule in the study.
    let rivals = splitting(rate, &[HALF, MAX_RATE, "min firing rate"]);
    c.best("C5-softmax", &TEST, &at(SOFTMAX, rate), &rivals, &RULE)
        .family(BEST)
        .figure("differences");
    c.worst("C5-min-loss", &TEST, &at(MIN_LOSS, rate), &splitting(rate, &[]), &RULE)
        .figure("differences");
    whom(c, "C5-whom", rate);
}

/// Whether any rule ends as far as half a point from units drawn at random.
fn whom(c: &mut Claims<'_, Net>, id: &str, rate: f64) {
    let rules = ARMS.map(|arm| arm.name).into_iter();
    let rules: Vec<Level> = rules
        .filter(|rule| ![NO_SPLIT, RANDOM].contains(rule))
        .map(Level::from)
        .collect();
    let margin = Margin::Within(-HALF_A_POINT, HALF_A_POINT);
    let over_random = |rule: &Where| {
        TEST.at(&rule.clone().and(RATE.is(rate)))
            .less(TEST.at(&at(RANDOM, rate)))
    };
    c.each(id, &RULE, &rules, margin, Some(&RULE), over_random)
        .figure("against-random");
}

fn spreads(c: &mut Claims<'_, Net>, rate: f64) {
    for (id, quantity) in [("C6-spread", TEST), ("C6-spread-loss", TEST_LOSS)] {
        c.lies(id, spread(&quantity, rate), Margin::GreaterThan(1.0))
            .family(SPREAD)
            .figure("finals");
    }
}

/// What the study's scaling of test images did.
fn scaling(c: &mut Claims<'_, Net>, rate: f64) {
    c.reproduces("C7-accuracy", average(&TEST, rate), Margin::Within(0.647, 0.729))
        .flaw(HALVING, average(&HALVED, rate))
        .figure("scaling");
    c.reproduces("C7-loss", average(&TEST_LOSS, rate), Margin::Within(0.98, 1.14))
        .flaw(HALVING, average(&HALVED_LOSS, rate));
    let cost = COST_OF_HALVING.mean_over(&all(rate));
    c.lies("C7-cost", cost, Margin::GreaterThan(0.0)).figure("scaling");
}

/// Whether what holds at the study's rate holds at a sensible one.
fn survival(c: &mut Claims<'_, Net>, rate: f64, other: f64) {
    let there = !c.levels(&RATE, &RATE.is(other)).is_empty();
    let rates = if there { RATE.any([rate, other]) } else { RATE.is(other) };
    c.lies("rate-order", agreement(rate, other, &rates), Margin::GreaterThan(0.0));
    whom(c, "rate-whom", other);
    let [whole, split] = control_and_splitting(other);
    c.larger("rate-control", whole, split, &RULE).about(&MACS);
    c.lies("rate-spread", spread(&TEST, other), Margin::GreaterThan(1.0));
}

/// The mean of the net that never splits, as the study took it.
fn average(quantity: &Quantity<Net>, rate: f64) -> Statistic<Net> {
    let (quantity, unit, arm) = (*quantity, quantity.unit, at(NO_SPLIT, rate));
    let words = format!("mean {} over seeds ({arm})", quantity.name);
    let name = arm.to_string();
    Statistic::custom(words, &arm, move |seeds| {
        mean(&values(seeds, &name, &quantity)).unwrap_or(f64::NAN)
    })
    .in_unit(unit)
}

fn values(seeds: &[&Nets<Net>], arm: &str, quantity: &Quantity<Net>) -> Vec<f64> {
    seeds.iter().map(|nets| nets.value(arm, quantity)).collect()
}

/// The names of arms that split.
fn names(rate: f64) -> Vec<String> {
    let rules = ARMS.iter().filter(|arm| arm.name != NO_SPLIT);
    rules.map(|arm| at(arm.name, rate).to_string()).collect()
}

/// How much more the arms that split vary than the one that does not.
fn spread(quantity: &Quantity<Net>, rate: f64) -> Statistic<Net> {
    let (quantity, control) = (*quantity, at(NO_SPLIT, rate).to_string());
    let words = format!(
        "√(mean variance over seeds of the arms that split) over the standard deviation of {control}, {}",
        quantity.name
    );
    Statistic::custom(words, &all(rate), move |seeds| {
        let of = |arm: &String| variance(&values(seeds, arm, &quantity));
        let variances: Vec<f64> = names(rate).iter().map(of).collect();
        let above = variances.iter().sum::<f64>() / variances.len() as f64;
        let below = of(&control);
        if above == below { 1.0 } else { (above / below).sqrt() }
    })
}

pub fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// How alike the rules are ordered at two rates.
fn agreement(rate: f64, other: f64, arms: &Where) -> Statistic<Net> {
    let words = format!("rank correlation of the rules' mean test accuracies at the rates {rate} and {other}");
    let rules = RULE.any(ARMS.iter().map(|arm| arm.name).filter(|name| *name != NO_SPLIT));
    Statistic::custom(words, &rules.and(arms.clone()), move |seeds| {
        let sum = |arm: &String| values(seeds, arm, &TEST).iter().sum();
        let means = |rate| names(rate).iter().map(sum).collect::<Vec<f64>>();
        spearman(&means(rate), &means(other)).unwrap_or(0.0)
    })
}
