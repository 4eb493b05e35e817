//! What study 001 remarked, what is compared to test it, and where each remark holds.

use espalier_metrics::spearman;
use espalier_report::statistics::mean;
use espalier_study::prelude::*;

use crate::arm::{HALF, MAX_RATE, MIN_LOSS, NO_SPLIT, RANDOM, SOFTMAX};
use crate::runs::*;

/// What the study's code did to test images.
const HALVING: &str = "the study's code scaled test images as u × 0.5, training images as u − 0.5";
/// Half a point of accuracy.
const HALF_A_POINT: f64 = 0.005;

/// Declares all claims: the study's at its learning rate, and whether they survive at another.
pub fn of(c: &mut Claims<'_, Net>, rate: f64, other: f64, parameters: f64) {
    let right = move |net: &Net| PARAMETERS.value(net) == parameters;
    c.identity("C5-size", "every arm ends at one size", &RATE.is(rate), right);
    control(c, "C5-control", rate);
    c.best("C5-control-best", &TEST, &at(NO_SPLIT, rate), &all(rate), &RULE)
        .about(&MACS);
    rules(c, rate);
    spread(c, "C6-spread", &TEST, rate);
    spread(c, "C6-spread-loss", &TEST_LOSS, rate);
    scaling(c, rate);
    survival(c, rate, other);
}

/// The accuracy of the net that never splits against the mean of those that do.
fn control(c: &mut Claims<'_, Net>, id: &str, rate: f64) {
    let (whole, split) = (TEST.at(&at(NO_SPLIT, rate)), TEST.mean_over(&splitting(rate, &[])));
    c.larger(id, whole, split, &RULE).about(&MACS);
}

fn rules(c: &mut Claims<'_, Net>, rate: f64) {
    for (id, rule, beside) in [
        ("C5-half", HALF, &[MAX_RATE][..]),
        ("C5-max-rate", MAX_RATE, &[HALF]),
        // The firing rates' names hid this rule in the study.
        ("C5-softmax", SOFTMAX, &[HALF, MAX_RATE, "min firing rate"]),
    ] {
        c.best(id, &TEST, &at(rule, rate), &splitting(rate, beside), &RULE);
    }
    let (worst, rivals) = (at(MIN_LOSS, rate), splitting(rate, &[]));
    c.worst("C5-min-loss", &TEST, &worst, &rivals, &RULE);
    whom(c, "C5-whom", rate);
}

/// Whether any rule ends as far as half a point from units drawn at random.
fn whom(c: &mut Claims<'_, Net>, id: &str, rate: f64) {
    let rules: Vec<Level> = rules_but(&[NO_SPLIT, RANDOM]).into_iter().map(Level::from).collect();
    let margin = Margin::Within(-HALF_A_POINT, HALF_A_POINT);
    let over_random = |rule: &Where| {
        let ours = TEST.at(&rule.clone().and(RATE.is(rate)));
        ours.less(TEST.at(&at(RANDOM, rate)))
    };
    c.each(id, &RULE, &rules, margin, Some(&RULE), over_random);
}

/// What the study's scaling of test images did.
fn scaling(c: &mut Claims<'_, Net>, rate: f64) {
    c.reproduces("C7-accuracy", average(&TEST, rate), Margin::Within(0.647, 0.729))
        .flaw(HALVING, average(&HALVED, rate));
    c.reproduces("C7-loss", average(&TEST_LOSS, rate), Margin::Within(0.98, 1.14))
        .flaw(HALVING, average(&HALVED_LOSS, rate));
    let cost = COST_OF_HALVING.mean_over(&all(rate));
    c.lies("C7-cost", cost, Margin::GreaterThan(0.0));
}

/// Whether what holds at the study's rate holds at a sensible one.
fn survival(c: &mut Claims<'_, Net>, rate: f64, other: f64) {
    let there = !c.levels(&RATE, &RATE.is(other)).is_empty();
    let rates = if there { RATE.any([rate, other]) } else { RATE.is(other) };
    c.lies("rate-order", agreement(rate, other, rates), Margin::GreaterThan(0.0));
    whom(c, "rate-whom", other);
    control(c, "rate-control", other);
    spread(c, "rate-spread", &TEST, other);
}

/// The mean of the net that never splits, as the study took it.
fn average(quantity: &Quantity<Net>, rate: f64) -> Statistic<Net> {
    let (quantity, arm) = (*quantity, at(NO_SPLIT, rate));
    let (words, name) = (format!("mean {} over seeds ({arm})", quantity.name), arm.to_string());
    let average = move |seeds: &[&Nets<Net>]| mean(&values(seeds, &name, &quantity)).unwrap_or(f64::NAN);
    Statistic::custom(words, &arm, average).in_unit(quantity.unit)
}

fn values(seeds: &[&Nets<Net>], arm: &str, quantity: &Quantity<Net>) -> Vec<f64> {
    seeds.iter().map(|nets| nets.value(arm, quantity)).collect()
}

/// The names of arms that split.
fn names(rate: f64) -> Vec<String> {
    let rules = rules_but(&[NO_SPLIT]).into_iter();
    rules.map(|rule| at(rule, rate).to_string()).collect()
}

/// How much more the arms that split vary than the one that does not.
fn spread(c: &mut Claims<'_, Net>, id: &str, quantity: &Quantity<Net>, rate: f64) {
    let (quantity, control) = (*quantity, at(NO_SPLIT, rate).to_string());
    let words = "√(mean variance over seeds of the arms that split) over the standard deviation of";
    let words = format!("{words} {control}, {}", quantity.name);
    let ratio = Statistic::custom(words, &all(rate), move |seeds| {
        let of = |arm: &String| variance(&values(seeds, arm, &quantity));
        let variances: Vec<f64> = names(rate).iter().map(of).collect();
        let above = variances.iter().sum::<f64>() / variances.len() as f64;
        let below = of(&control);
        if above == below { 1.0 } else { (above / below).sqrt() }
    });
    c.lies(id, ratio, Margin::GreaterThan(1.0));
}

pub fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// How alike the rules are ordered at two rates.
fn agreement(rate: f64, other: f64, rates: Where) -> Statistic<Net> {
    let words = format!("rank correlation of the rules' mean test accuracies at the rates {rate} and {other}");
    let arms = RULE.any(rules_but(&[NO_SPLIT])).and(rates);
    Statistic::custom(words, &arms, move |seeds| {
        let sum = |arm: &String| values(seeds, arm, &TEST).iter().sum();
        let means = |rate| names(rate).iter().map(sum).collect::<Vec<f64>>();
        spearman(&means(rate), &means(other)).unwrap_or(0.0)
    })
}
