//! Figures of accuracy against what was pruned, of speed, and of what is inside the nets.

use espalier_study::prelude::*;

use crate::PERCENTS;
use crate::arms::{DROPPED_UNITS, DROPPED_WEIGHTS, HALF, L1, METHODS, MOST, NOTHING, PLAIN, RAMP, TARGETED_UNITS};
use crate::pruning::{BINS_OF_A_DECADE, KEPT as BIASES_KEPT, LOWEST_BIN, RANDOM, SIGNED, UNITS, WEIGHTS};
use crate::runs::*;

/// Methods whose curves over units are shown.
pub const OF_UNITS: [&str; 4] = [NOTHING, TARGETED_UNITS, DROPPED_UNITS, MOST];
/// Arms beside which random removal of units is shown.
const RANDOMLY: [&str; 3] = [NOTHING, DROPPED_UNITS, TARGETED_UNITS];
/// Methods whose weights are looked at.
const LOOKED_AT: [&str; 3] = ["long", L1, RAMP];

/// Methods that prepare for the loss of weights.
pub fn of_weights() -> Vec<&'static str> {
    let methods = METHODS.iter().filter(|method| !method.is_of_units());
    methods.map(|method| method.name).collect()
}

/// All figures in the order of the page, with the zones of the claims that name them.
pub fn all(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let rates = study.levels(&RATE, &trained(NOTHING));
    methods(figures, study, &rates);
    lengths(figures);
    differences(figures, study, &rates);
    dead(figures);
    prunability(figures);
    importance(figures, &rates);
    dependence(figures, &rates);
    let speed = figures.shown("latency").panel("", custom(speed)).size_alone(620, 380);
    speed.colours(Colours::named(["by the clock", "by multiply–accumulates"]));
}

fn accuracy() -> Axis {
    TEST.axis().at_least(0.0, 0.9)
}

/// The logarithm of what is kept, which all curves share.
fn share() -> Axis {
    let ticks = PERCENTS.iter().map(|gone| 100.0 - *gone as f64);
    KEPT.axis()
        .at_least(1.0, 100.0)
        .ticks(ticks.filter(|kept| *kept != 40.0 && *kept != 75.0))
}

/// Test accuracy against what is kept.
fn kept() -> Sweep<Net> {
    sweep(&TEST, &KEPT).x(share()).y(accuracy()).reference(0.1, "chance")
}

/// A title that names the rate where there are several.
fn at_rate(title: &str, rate: &Level, rates: &[Level]) -> String {
    match rates.len() {
        0 | 1 => title.to_owned(),
        _ => format!("{title}, learning rate {rate}"),
    }
}

/// The methods of a kind that were run.
fn run(study: &Study<Net>, methods: &[&'static str]) -> Vec<&'static str> {
    let there = |method: &&str| !study.chosen(&trained(method)).is_empty();
    methods.iter().copied().filter(there).collect()
}

/// Looks that agree between figures; the two methods of units never stand beside those whose looks they take.
fn looks_of_methods() -> Colours {
    let mut colours = Colours::named(of_weights());
    for (units, weights) in [(TARGETED_UNITS, HALF), (DROPPED_UNITS, DROPPED_WEIGHTS)] {
        let look = colours.look(weights);
        colours = colours.fix(units, look);
    }
    colours
}

fn methods(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[Level]) {
    let plot = figures
        .shown("methods")
        .columns(3)
        .size(440, 400)
        .colours(looks_of_methods());
    let all = of_weights();
    let others = [&all[..1], &all[4..]].concat();
    for rate in rates {
        for (title, things, methods) in [
            ("Weights pruned: targeted dropout", WEIGHTS, &all[..4]),
            ("Weights pruned: other methods", WEIGHTS, &others[..]),
            ("Units pruned", UNITS, &OF_UNITS[..]),
        ] {
            let of = |name: &str| trained(name).and(RATE.is(rate.clone())).and(SCHEME.is(things));
            let lines = run(study, methods).into_iter();
            let panel = lines.fold(kept(), |panel, name| panel.series(name, &of(name)));
            plot.panel(at_rate(title, rate, rates), panel);
        }
    }
}

fn lengths(figures: &mut Figures<'_, Net>) {
    let schemes = [
        ("weights", WEIGHTS),
        ("units", UNITS),
        ("weights with signs (flawed)", SIGNED),
        ("units, biases kept (flawed)", BIASES_KEPT),
    ];
    let series = |panel: Sweep<Net>, (label, scheme)| panel.series(label, &SCHEME.is(scheme));
    let panel = schemes.into_iter().fold(kept(), series);
    let plot = figures.shown("lengths").panel("", panel).size(540, 400);
    plot.colours(Colours::named(schemes.map(|(label, _)| label)));
    for name in PLAIN {
        plot.facet(name, trained(name));
    }
}

fn differences(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[Level]) {
    let label = |percent: u64| format!("{percent} % gone");
    let percents = [80, 90, 97];
    let plot = figures.shown("differences").size(540, 380);
    plot.colours(Colours::ordered(percents.map(label)));
    for rate in rates {
        for (title, things, methods) in [
            ("Weights pruned", WEIGHTS, &of_weights()[1..]),
            ("Units pruned", UNITS, &OF_UNITS[1..]),
        ] {
            let axis = Axis::linear("Paired difference of test accuracy").unit("points");
            let rows = grouped(axis.at_least(-20.0, 60.0), 100.0, run(study, methods)).from_zero();
            let panel = percents.into_iter().fold(rows, |panel, percent| {
                let rate = RATE.is(rate.clone());
                let at = move |name: &str| TEST.at(&pruned(&trained(name).and(rate.clone()), things, percent));
                panel.series(label(percent), move |name| Some(at(name).less(at(NOTHING))))
            });
            plot.panel(at_rate(title, rate, rates), panel);
        }
    }
}

/// A quantity of each layer over the epochs.
fn of_layers(quantity: &Quantity<Net>, y: Axis) -> Curves<Net> {
    let name = |arm: &Arm| format!("layer {}", arm.number(&LAYER));
    curves(quantity, &LAYER, &PART.is("layer"), name).y(y)
}

fn dead(figures: &mut Figures<'_, Net>) {
    let share = |what: &str, most| Axis::linear(what).unit("share of the layer").at_least(0.0, most);
    let plot = figures
        .shown("dead-units")
        .panel("dead", of_layers(&DEAD, share("Dead units", 0.3)))
        .panel("always on", of_layers(&ALWAYS_ON, share("Always-on units", 0.05)));
    for name in ["long", "long, no biases"] {
        plot.facet(name, trained(name));
    }
}

fn prunability(figures: &mut Figures<'_, Net>) {
    let long = ["long", "long, no biases"];
    let plot = figures
        .shown("prunability")
        .size(520, 400)
        .colours(Colours::named(long));
    for (title, left) in [
        ("Half of the units gone", LEFT_OF_UNITS),
        ("90 % of the weights gone", LEFT_OF_WEIGHTS),
    ] {
        let points = |panel: espalier_study::plot::Scatter<Net>, name| panel.series(name, &looks(&[name]));
        plot.panel(title, long.into_iter().fold(scatter(&DEAD, &left), points));
    }
}

/// How the sizes of weights are spread, and what the largest hold of Σ|w|, beside what they would if all were equal.
fn importance(figures: &mut Figures<'_, Net>, rates: &[Level]) {
    let sizes = of_layers(&MAGNITUDES, Axis::linear("Share of the weights").at_least(0.0, 0.17))
        .along(Axis::linear("log₁₀ of |w| over the layer's mean"), |bin| {
            LOWEST_BIN + (bin as f64 + 0.5) / BINS_OF_A_DECADE
        })
        .streams("Share of the weights");
    let words = "Share of Σ|w| that they hold";
    let share = |place: usize| 10f64.powf(place as f64 / 10.0 - 3.0);
    let sums = of_layers(&HELD, Axis::linear(words).at_least(0.0, 1.0))
        .along(Axis::log10("Share of the weights, the largest first"), share)
        .streams(words);
    let equal = Mark::line((0..=30).map(|place| (share(place), share(place)))).label("equal weights");
    let equal = equal.dash(Dash::Dashed).colour(Colour::GREY);
    let below = |panel: Panel| panel.legend(Legend::Below);
    let layers = (1..=4).map(|layer| format!("layer {layer}"));
    let plot = figures
        .shown("importance")
        .panel("sizes", custom(move |place: &_| Ok(below(sizes.draw(place)?))))
        .panel(
            "sums",
            custom(move |place: &_| Ok(below(sums.draw(place)?).mark(equal.clone()))),
        )
        .colours(Colours::ordered(layers));
    for name in LOOKED_AT {
        let rate = rates.first().filter(|_| name != "long");
        let of_rate = rate.map_or_else(Where::all, |rate| RATE.is(rate.clone()));
        plot.facet(name, trained(name).and(of_rate));
    }
}

fn dependence(figures: &mut Figures<'_, Net>, rates: &[Level]) {
    let plot = figures
        .shown("dependence")
        .columns(3)
        .size(440, 400)
        .colours(Colours::named(RANDOMLY));
    for rate in rates {
        let of = |name: &str| trained(name).and(RATE.is(rate.clone()));
        for (title, scheme) in [("The weakest units lost", UNITS), ("Any units lost", RANDOM)] {
            let series = |panel: Sweep<Net>, name| panel.series(name, &of(name).and(SCHEME.is(scheme)));
            plot.panel(at_rate(title, rate, rates), RANDOMLY.into_iter().fold(kept(), series));
        }
        let (layers, y) = (
            of(NOTHING).and(PART.is("layer")),
            Axis::linear("Mean |correlation| of two units"),
        );
        let alike = RANDOMLY.into_iter().fold(bars(&LAYER, &layers, y, 1.0), |panel, name| {
            let own = of(name);
            panel.series(name, move |layer| ALIKE.at(&own.clone().and(layer.clone())))
        });
        plot.panel(at_rate("Units alike", rate, rates), alike);
    }
}

fn speed(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let at = |percent: f64| PART.is(TIMED).and(GONE.is(percent));
    let mut panel = Panel::new("", share(), Axis::log10("Times as fast as the whole net"));
    for (label, quantity) in [("by multiply–accumulates", SHAPE_MACS), ("by the clock", SECONDS)] {
        let mut points = Estimates::default();
        for arm in place.arms(&PART.is(TIMED), &KEPT) {
            let ratio = quantity.at(&at(0.0)).over(quantity.at(&at(arm.number(&GONE))));
            let stream = format!("{label}/{}", arm.name);
            let estimate = place.study.estimate(&place.set.name, &stream, &ratio)?;
            points.push(arm.number(&KEPT), estimate);
        }
        panel = panel.marks(points.marks(label));
    }
    Ok(panel)
}
