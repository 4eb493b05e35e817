//! What study 003 claimed, what is compared to test it, and where each claim holds.

use espalier_report::page::Margin;
use espalier_sparsifier::Penalty;
use espalier_study::{Claims, Level, Measure, Study};

use crate::runs::{
    AT, CLEAR_DOUBLINGS, DIP, DIP_EPOCH, DOUBLINGS, EPOCHS, LAMBDA, METHOD, Net, PENALTY, SIZE, START, TEST, gated,
    twins,
};
use crate::{named, written};

/// The study's λ of choice.
pub const REFERENCE: f64 = 1e-3;
/// A difference in accuracy below which nets count as equally good.
const TENTH_OF_A_POINT: f64 = 1e-3;

/// What the study reported of one data set, from 500 units: λ, units, test accuracy.
pub struct Published(pub &'static [(f64, f64, f64)]);

impl Published {
    /// The study's numbers for a data set that it used.
    pub fn of(dataset: &str) -> Option<&'static Self> {
        match dataset {
            "mnist" => Some(&MNIST),
            "fashion-mnist" => Some(&FASHION),
            _ => None,
        }
    }

    /// Units and accuracy at one λ.
    pub fn at(&self, lambda: f64) -> Option<(f64, f64)> {
        self.0.iter().find(|row| row.0 == lambda).map(|row| (row.1, row.2))
    }
}

const MNIST: Published = Published(&[
    (0.0, 500.0, 0.983),
    (1e-4, 197.0, 0.984),
    (1e-3, 105.0, 0.982),
    (1e-2, 49.0, 0.978),
    (0.1, 18.0, 0.962),
    (1.0, 6.0, 0.87),
]);

const FASHION: Published = Published(&[
    (0.0, 500.0, 0.890),
    (1e-4, 363.0, 0.892),
    (1e-3, 157.0, 0.891),
    (1e-2, 44.0, 0.886),
    (0.1, 15.0, 0.863),
    (1.0, 7.0, 0.835),
]);

/// Declares the claims about one data set; for a set that the study did not use, those without its numbers.
pub fn of<'s>(study: &'s Study<Net>, set: &str, start: usize, start_lambda: f64) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, set);
    let published = Published::of(set).and_then(|p| p.at(REFERENCE));
    sizes(&mut claims, start, published.map(|p| p.0));
    accuracies(&mut claims, start, published.map(|p| p.1));
    dips(&mut claims, start);
    starts(&mut claims, start_lambda);
    claims
}

fn sizes(c: &mut Claims<'_, Net>, start: usize, published: Option<f64>) {
    for penalty in [Penalty::Strict, Penalty::NonStrict] {
        let name = named(penalty);
        let swept = gated(penalty, start);
        c.trend(
            format!("J19-monotone-{name}"),
            &SIZE,
            &LAMBDA,
            &swept,
            Measure::Rank,
            Margin::LessThan(-0.9),
        )
        .study(
            format!("the size falls as λ rises ({name} penalty)"),
            "from 500 to 6 units on MNIST, from 500 to 7 on Fashion-MNIST",
        )
        .figure("lambda");
    }
    let reference = gated(Penalty::Strict, start).and(AT.is(REFERENCE));
    if let Some(units) = published {
        // For MNIST the range that was asked for; for Fashion-MNIST as wide a one, in proportion.
        let range = if units < 130.0 {
            Margin::Within(60.0, 180.0)
        } else {
            Margin::Within(90.0, 269.0)
        };
        c.reproduces("J19-size", SIZE.at(&reference), range).study(
            "at λ = 0.001 about as many units are left as in the study",
            format!("{units} units"),
        );
    }
    let free = gated(Penalty::NonStrict, start).and(AT.is(REFERENCE));
    c.larger(
        "J19-return",
        CLEAR_DOUBLINGS.at(&free),
        CLEAR_DOUBLINGS.at(&reference),
        &PENALTY,
    )
    .zone(Margin::GreaterThan(0.25))
    .about(&SIZE)
    .flaw(
        "θ > 0 also counts closed gates that Adam moves to and fro around 0",
        DOUBLINGS.at(&free).less(DOUBLINGS.at(&reference)),
    )
    .figure("lambda");
}

fn accuracies(c: &mut Claims<'_, Net>, start: usize, published: Option<f64>) {
    let strict = gated(Penalty::Strict, start);
    if let Some(accuracy) = published {
        let least = if accuracy > 0.95 { 0.98 } else { 0.88 };
        let words = format!("at λ = 0.001 the net is right on at least {:.0} %", 100.0 * least);
        c.reproduces(
            "J19-accuracy",
            TEST.at(&strict.clone().and(AT.is(REFERENCE))),
            Margin::GreaterThan(least),
        )
        .study(words, format!("{accuracy:.3}"));
    }
    let small = [Level::Number(1e-4), Level::Number(REFERENCE)];
    let (gates, least) = (strict.clone(), Margin::GreaterThan(-TENTH_OF_A_POINT));
    c.each("J19-whole", &AT, &small, least, Some(&LAMBDA), move |level| {
        TEST.at(&gates.clone().and(level.clone()))
            .less(TEST.at(&gates.clone().and(AT.is(0.0))))
    })
    .about(&SIZE)
    .study(
        "nets at λ = 0.0001 and 0.001 generalise at least as well as the net without a penalty",
        "98.4 and 98.2 against 98.3 % on MNIST, 89.2 and 89.1 against 89.0 % on Fashion-MNIST",
    );
    c.each("J19-twin", &AT, &small, least, Some(&METHOD), move |level| {
        TEST.at(&strict.clone().and(level.clone()))
            .less(TEST.at(&twins().and(level.clone())))
    })
    .figure("frontier");
}

fn dips(c: &mut Claims<'_, Net>, start: usize) {
    let strict = gated(Penalty::Strict, start);
    let mut large = c.levels(&AT, &strict);
    large.retain(|level| level.number() >= 0.01);
    let (when, dip) = (strict.clone(), strict.clone());
    c.each(
        "J19-dip-epoch",
        &AT,
        &large,
        Margin::Within(2.0, 3.0),
        None,
        move |level| DIP_EPOCH.at(&when.clone().and(level.clone())),
    )
    .study(
        "most units close together in the second epoch or the third",
        "epoch 2, of 469 steps each",
    )
    .regardless_of(&EPOCHS)
    .figure("epochs");
    c.each("J19-dip", &AT, &large, Margin::LessThan(0.0), None, move |level| {
        DIP.at(&dip.clone().and(level.clone()))
    })
    .study("accuracy dips when most units close", "a dip at epoch 2")
    .regardless_of(&EPOCHS)
    .figure("epochs");
    c.reproduces(
        "J19-dip-small",
        DIP.at(&strict.and(AT.is(REFERENCE))),
        Margin::LessThan(0.0),
    )
    .study("so it does at λ = 0.001", "a dip at epoch 2")
    .regardless_of(&EPOCHS)
    .figure("epochs");
}

fn starts(c: &mut Claims<'_, Net>, lambda: f64) {
    let swept = PENALTY
        .is(named(Penalty::Strict))
        .and(AT.is(lambda))
        .named(format!("strict, λ = {}", written(lambda)));
    if c.levels(&START, &swept).len() < 2 {
        return;
    }
    c.trend(
        "J19-start",
        &SIZE,
        &START,
        &swept,
        Measure::Exponent,
        Margin::Within(-0.1, 0.1),
    )
    .study(
        "the starting size does not decide the final size",
        "asked, not answered; near 109 units from 10 000 (SysML poster) as from 500 and 1 000",
    )
    .figure("starts");
    let (last, first) = (TEST.last(&START, &swept), TEST.first(&START, &swept));
    c.alike("J19-start-accuracy", last, first, 5.0 * TENTH_OF_A_POINT, &START)
        .about(&SIZE)
        .figure("starts");
}
