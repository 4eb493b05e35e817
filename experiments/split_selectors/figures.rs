//! What a paper would show of the rows.

use espalier_report::statistics::mean;
use espalier_study::prelude::*;

use crate::STUDY_RATE;
use crate::arm::{ARMS, FIRING, NO_SPLIT, NOTHING, RANDOM};
use crate::rows::Split;
use crate::runs::*;

/// All figures in the order of the page; curves are drawn for each learning rate, the study's first.
pub fn all_of(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[f64]) {
    ends(figures, study, rates);
    for (place, &rate) in rates.iter().enumerate() {
        // The study's rate gives the plain names.
        let suffix = match place {
            0 => String::new(),
            place => format!("-rate-{}", place + 1),
        };
        training(figures, study, rate, &suffix);
    }
    let staircase = curves(&PARAMETERS, &RULE, &without_and_with(rates[0]), rule);
    let plot = figures.shown("parameters").panel("", staircase);
    plot.colours(Colours::named(names())).size_alone(560, 340);
    let plot = figures.shown("choices").panel("", custom(chosen)).columns(3);
    plot.size(300, 240).colours(Colours::named(names()));
    for arm in ARMS.iter().filter(|arm| arm.scored_by() != NOTHING) {
        plot.facet(arm.name, at(arm.name, rates[0]));
    }
}

fn names() -> Vec<&'static str> {
    rules_but(&[])
}

fn rule(arm: &Arm) -> String {
    arm.text(&RULE)
}

/// The net that never splits, and splits of random units.
fn without_and_with(rate: f64) -> Where {
    RULE.any([NO_SPLIT, RANDOM]).and(RATE.is(rate))
}

/// Numbers of trained nets.
fn ends(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[f64]) {
    for (name, reference) in [("differences", NO_SPLIT), ("against-random", RANDOM)] {
        let x = Axis::linear("Paired difference of test accuracy").unit("points");
        let rows = grouped(x, 100.0, rules_but(&[reference, NO_SPLIT])).from_zero();
        let rows = rates.iter().fold(rows, |rows, &rate| {
            let less = move |rule: &str| TEST.at(&at(rule, rate)).less(TEST.at(&at(reference, rate)));
            rows.series(format!("learning rate {rate}"), move |rule| Some(less(rule)))
        });
        figures.shown(name).panel("", rows).size_alone(620, 380);
    }
    let plot = figures.shown("finals");
    for &rate in rates {
        plot.facet(format!("Learning rate {rate}"), RATE.is(rate));
    }
    for quantity in [TEST_LOSS, TEST] {
        let y = study.axis_over(&quantity, &Where::all(), |net| [quantity.value(net)]);
        plot.panel("", boxes(&quantity, &Where::all()).named(rule).y(y));
    }
    let plot = figures.shown("scaling");
    for &rate in rates {
        plot.panel(format!("Learning rate {rate}"), readings(rate));
    }
}

/// The same nets on test images scaled rightly and wrongly.
fn readings(rate: f64) -> impl Draw<Net> {
    let published = move |rule: &str| ARMS.iter().find(|arm| arm.name == rule && rate == STUDY_RATE)?.study;
    let of = move |quantity: Quantity<Net>| move |rule: &str| Some(quantity.at(&at(rule, rate)));
    grouped(TEST.axis().at_least(0.5, 0.9), 1.0, names())
        .series("right: u − 0.5", of(TEST))
        .series("the study's mistake: u × 0.5", of(HALVED))
        .published("published by the study", published)
}

/// The training at one learning rate.
fn training(figures: &mut Figures<'_, Net>, study: &Study<Net>, rate: f64, suffix: &str) {
    let both = without_and_with(rate);
    figures
        .shown("overlay")
        .called(format!("overlay{suffix}"))
        .with("rate", rate)
        .panel("Splits of random units", curves(&VALIDATION_LOSS, &RULE, &both, rule))
        .panel("Splits of random units", curves(&VALIDATION, &RULE, &both, rule))
        .panel("Each rule against random", custom(move |place| distance(place, rate)))
        .columns(3)
        .size(420, 340)
        .colours(Colours::named(names()));
    for (name, quantity) in [
        ("validation-loss", VALIDATION_LOSS),
        ("train-loss", TRAIN_LOSS),
        ("validation-accuracy", VALIDATION),
    ] {
        let plot = figures
            .shown("runs")
            .called(format!("runs-{name}{suffix}"))
            .with("rate", rate);
        plot.with("curve", quantity.axis().label)
            .with("quantity", quantity.name);
        for arm in ARMS {
            plot.facet(arm.name, at(arm.name, rate));
        }
        let y = study.axis_over(&quantity, &all(rate), |net| quantity.path(net));
        plot.panel("", custom(move |place| runs(place, &quantity, &y)))
            .columns(4)
            .size(250, 200)
            .colours(Colours::named(names()));
    }
}

/// Paired differences of validation accuracy from splits of random units, over the epochs.
fn distance(place: &Place<'_, Net>, rate: f64) -> espalier_study::Result<Panel> {
    let y = Axis::linear("Paired difference of validation accuracy").unit("points");
    let mut panel = Panel::new("", Axis::linear("Epoch"), y).mark(Mark::horizontal(0.0));
    for arm in place.study.chosen(&splitting(rate, &[RANDOM])) {
        let (own, random) = (arm.name.clone(), at(RANDOM, rate).to_string());
        let both = place.set.of(&own).chain(place.set.of(&random));
        let mut points = Estimates::default();
        for epoch in 0..both.map(|net| VALIDATION.path(net).len()).min().unwrap_or(0) {
            let (own, random) = (own.clone(), random.clone());
            let less = Statistic::of_seed("", &at(RANDOM, rate), move |nets| {
                let value = |arm: &str| nets.get(arm).map_or(f64::NAN, |net| VALIDATION.path(net)[epoch]);
                100.0 * (value(&own) - value(&random))
            });
            let stream = format!("distance {epoch}/{}", arm.name);
            let estimate = place.study.estimate(&place.set.name, &stream, &less)?;
            points.push(epoch as f64 + 1.0, estimate);
        }
        panel = panel.mark(points.line(&rule(&arm)));
    }
    Ok(panel)
}

/// A panel's net of every seed.
fn runs(place: &Place<'_, Net>, quantity: &Quantity<Net>, y: &Axis) -> espalier_study::Result<Panel> {
    let arm = place.study.chosen(place.facet).remove(0);
    let line = |net: &Net| {
        let points = (1..).map(f64::from).zip(quantity.path(net));
        let line = Mark::line(points.filter(|(_, y)| y.is_finite()));
        line.of(rule(&arm)).dash(Dash::Solid)
    };
    let panel = Panel::new("", Axis::linear("Epoch"), y.clone());
    Ok(panel.marks(place.set.of(&arm.name).map(line)).legend(Legend::None))
}

/// The scores by which units were chosen.
fn chosen(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let arm = place.study.chosen(place.facet).remove(0);
    let rule = rule(&arm);
    let nets: Vec<&Net> = place.set.of(&arm.name).collect();
    let (mut range, mut line) = (Vec::new(), Vec::new());
    for k in 0..nets.iter().map(|net| net.splits.len()).min().unwrap_or(0) {
        let of = |number: fn(&Split) -> f64| mean(&nets.iter().map(|net| number(&net.splits[k])).collect::<Vec<_>>());
        let epoch = nets[0].splits[k].epoch as f64;
        range.push((epoch, of(|s| s.lowest)?, of(|s| s.highest)?));
        line.push((epoch, of(|s| s.score)?));
    }
    let y = match ARMS.iter().any(|one| one.name == rule && one.scored_by() == FIRING) {
        true => Axis::linear("Firing rate").unit("share of images").at_least(0.0, 1.0),
        false => Axis::linear("Loss without a unit").unit("nats").at_least(0.4, 2.0),
    };
    let range = Mark::band(range).colour(Colour::GREY).spread(Spread::Extremes);
    let panel = Panel::new("", Axis::linear("Epoch"), y).mark(range);
    Ok(panel.mark(Mark::line(line).of(&rule)).legend(Legend::None))
}
