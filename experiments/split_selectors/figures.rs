//! What a paper would show of the rows.

use espalier_report::statistics::mean;
use espalier_study::prelude::*;

use crate::STUDY_RATE;
use crate::arm::{ARMS, NO_SPLIT, RANDOM};
use crate::rows::Split;
use crate::runs::{
    HALVED, Net, PARAMETERS, RATE, RULE, TEST, TEST_LOSS, TRAIN_LOSS, VALIDATION, VALIDATION_LOSS, all, at, splitting,
};

const INTERVALS: &str = "Interquartile means over seeds with 95 % bootstrap intervals";

/// All figures in the order of the page; curves are drawn for each learning rate, the study's first.
pub fn all_of<'s>(
    study: &'s Study<Net>,
    claims: &[Claims<'_, Net>],
    rates: &[f64],
) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    ends(&mut figures, study, rates);
    for (place, &rate) in rates.iter().enumerate() {
        // The study's rate gives the plain names.
        let suffix = match place {
            0 => String::new(),
            place => format!("-rate-{}", place + 1),
        };
        training(&mut figures, study, rate, &suffix);
    }
    parameters(&mut figures, rates[0]);
    choices(&mut figures, rates[0]);
    Ok(figures)
}

fn names() -> [&'static str; ARMS.len()] {
    ARMS.map(|arm| arm.name)
}

fn rule(arm: &Arm) -> String {
    arm.text(&RULE)
}

/// Numbers of trained nets.
fn ends(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[f64]) {
    for (name, title, reference) in [
        (
            "differences",
            "What does splitting cost? Each rule against the net that never splits",
            NO_SPLIT,
        ),
        (
            "against-random",
            "Does it matter which unit is split? Each rule against units drawn at random",
            RANDOM,
        ),
    ] {
        let rivals = names().into_iter().filter(|rule| ![reference, NO_SPLIT].contains(rule));
        let x = Axis::linear("Paired difference of test accuracy").unit("points");
        let mut rows = grouped(x, 100.0, rivals).from_zero();
        for &rate in rates {
            let less = move |rule: &str| Some(TEST.at(&at(rule, rate)).less(TEST.at(&at(reference, rate))));
            rows = rows.series(format!("learning rate {rate}"), less);
        }
        figures
            .plot(name, title)
            .panel("", rows)
            .size_alone(620, 380)
            .alt(format!(
                "Paired difference of final test accuracy between each splitting arm and {reference}"
            ))
            .caption(format!(
                "{INTERVALS}; left of the line the arm is less accurate than {reference}."
            ));
    }
    let plot = figures.plot("finals", "How far do nets of one arm lie apart?");
    for &rate in rates {
        plot.facet(format!("Learning rate {rate}"), RATE.is(rate));
    }
    for quantity in [TEST_LOSS, TEST] {
        let y = study.axis_over(&quantity, &Where::all(), |net| [quantity.value(net)]);
        plot.panel("", boxes(&quantity, &Where::all()).named(rule).y(y));
    }
    plot.alt("Box plots of final test loss and test accuracy by arm with one point per seed")
        .caption("Boxes are quartiles, whiskers the least and the largest value, points single seeds.");
    let plot = figures.plot("scaling", "What did wrongly scaled test images do?");
    for &rate in rates {
        plot.panel(format!("Learning rate {rate}"), readings(rate));
    }
    plot.alt("Test accuracy of each arm on rightly and wrongly scaled test images, beside the study's published numbers")
        .caption(format!(
            "{INTERVALS}. The study's whiskers are its least and largest run; it ran the rule of softmax losses under the three \
             firing-rate names."
        ));
}

/// The same nets on test images scaled rightly and wrongly.
fn readings(rate: f64) -> impl Draw<Net> {
    let published = move |rule: &str| ARMS.iter().find(|arm| arm.name == rule && rate == STUDY_RATE)?.study;
    grouped(TEST.axis().at_least(0.5, 0.9), 1.0, names())
        .series("right: u − 0.5", move |rule| Some(TEST.at(&at(rule, rate))))
        .series("the study's mistake: u × 0.5", move |rule| {
            Some(HALVED.at(&at(rule, rate)))
        })
        .published("published by the study", published)
}

/// The training at one learning rate.
fn training(figures: &mut Figures<'_, Net>, study: &Study<Net>, rate: f64, suffix: &str) {
    let both = RULE.any([NO_SPLIT, RANDOM]).and(RATE.is(rate));
    figures
        .plot(format!("overlay{suffix}"), format!("How far do nets that split stay behind? Learning rate {rate}"))
        .panel("Splits of random units", curves(&VALIDATION_LOSS, &RULE, &both, rule))
        .panel("Splits of random units", curves(&VALIDATION, &RULE, &both, rule))
        .panel("Each rule against random", custom(move |place| distance(place, rate)))
        .columns(3)
        .size(420, 340)
        .colours(Colours::named(names()))
        .alt("Validation loss and accuracy with and without splits, and each rule's difference in accuracy from random, over epochs")
        .caption(format!("{INTERVALS}; right, paired by seed, without the intervals: those of the last epoch are in the tables."));
    for (name, quantity) in [
        ("validation-loss", VALIDATION_LOSS),
        ("train-loss", TRAIN_LOSS),
        ("validation-accuracy", VALIDATION),
    ] {
        let title = format!(
            "How far apart do the seeds of one arm run? {}, learning rate {rate}",
            quantity.axis().label
        );
        let plot = figures.plot(format!("runs-{name}{suffix}"), title);
        for arm in ARMS {
            plot.facet(arm.name, at(arm.name, rate));
        }
        let y = study.axis_over(&quantity, &all(rate), |net| quantity.path(net));
        plot.panel("", custom(move |place| runs(place, &quantity, &y)))
            .columns(4)
            .size(250, 200)
            .colours(Colours::named(names()))
            .alt(format!(
                "{} over epochs, one panel per arm, one line per seed",
                quantity.name
            ))
            .caption("One line per seed; all panels have the same axes.");
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
        let points = quantity.path(net).into_iter().enumerate();
        let points = points.map(|(epoch, y)| (epoch as f64 + 1.0, y));
        Mark::line(points.filter(|(_, y)| y.is_finite()))
            .of(rule(&arm))
            .dash(Dash::Solid)
    };
    let panel = Panel::new("", Axis::linear("Epoch"), y.clone());
    Ok(panel.marks(place.set.of(&arm.name).map(line)).legend(Legend::None))
}

/// The staircase that all arms that split climb.
fn parameters(figures: &mut Figures<'_, Net>, rate: f64) {
    let both = RULE.any([NO_SPLIT, RANDOM]).and(RATE.is(rate));
    figures
        .plot("parameters", "Do all arms end with the same parameters?")
        .panel("", curves(&PARAMETERS, &RULE, &both, rule))
        .colours(Colours::named(names()))
        .size_alone(560, 340)
        .alt("Parameters over epochs: a ramp for the arms that split, a constant for the arm that does not")
        .caption("All arms that split grow as random does, by one unit an epoch.");
}

/// The scores by which units were chosen.
fn choices(figures: &mut Figures<'_, Net>, rate: f64) {
    let plot = figures.plot("choices", "Which units did the rules choose?");
    for arm in ARMS.into_iter().filter(|arm| arm.scored_by() != "nothing") {
        plot.facet(arm.name, at(arm.name, rate));
    }
    plot.panel("", custom(chosen))
        .columns(3)
        .size(300, 240)
        .colours(Colours::named(names()))
        .alt("Score of the chosen unit over the splits beside the range of all units' scores, one panel per rule")
        .caption("Line: score of the unit that was split; grey: from the least to the largest score of all hidden units. Means over seeds.");
}

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
    let y = if ARMS.iter().any(|one| one.name == rule && one.fires()) {
        Axis::linear("Firing rate").unit("share of images").at_least(0.0, 1.0)
    } else {
        Axis::linear("Loss without a unit").unit("nats").at_least(0.4, 2.0)
    };
    let panel =
        Panel::new("", Axis::linear("Epoch"), y).mark(Mark::band(range).colour(Colour::GREY).spread(Spread::Extremes));
    Ok(panel.mark(Mark::line(line).of(&rule)).legend(Legend::None))
}
