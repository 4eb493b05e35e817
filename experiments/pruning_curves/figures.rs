//! Figures of accuracy against what was pruned, of speed, and of what is inside the nets.

use crate::PERCENTS;
use crate::arms::{
    DROPPED_UNITS, DROPPED_WEIGHTS, HALF, HARD_CONCRETE, L1, MOST, NOTHING, PLAIN, RAMP, SMALLIFY, TARGETED_UNITS,
    VARIATIONAL,
};
use crate::pruning::{KEPT as BIASES_KEPT, RANDOM, SIGNED, UNITS, WEIGHTS};
use crate::runs::{
    ALIKE, ALWAYS_ON, DEAD, GONE, KEPT, LAYER, LEFT_OF_UNITS, LEFT_OF_WEIGHTS, Net, PART, RATE, SCHEME, SECONDS,
};
use crate::runs::{SHAPE_MACS, TEST, TIMED, looks, pruned, trained};
use espalier_study::prelude::*;

/// Methods that prepare for the loss of weights.
pub const OF_WEIGHTS: [&str; 9] = [
    NOTHING,
    HALF,
    MOST,
    RAMP,
    DROPPED_WEIGHTS,
    L1,
    SMALLIFY,
    HARD_CONCRETE,
    VARIATIONAL,
];
/// Methods whose curves over units are shown.
pub const OF_UNITS: [&str; 4] = [NOTHING, TARGETED_UNITS, DROPPED_UNITS, MOST];
/// Arms beside which random removal of units is shown.
const RANDOMLY: [&str; 3] = [NOTHING, DROPPED_UNITS, TARGETED_UNITS];
/// Methods whose weights are looked at.
const LOOKED_AT: [&str; 3] = ["long", L1, RAMP];

const INTERVALS: &str =
    "Points and lines are interquartile means, whiskers and bands 95 % bootstrap intervals over seeds.";
const LOGARITHM: &str =
    "The axis is the logarithm of what is kept, from the whole net on the right to one part in a hundred.";

/// All figures in the order of the page, with the zones of the claims that name them.
pub fn all<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>]) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    let rates = study.levels(&RATE, &trained(NOTHING));
    methods(&mut figures, study, &rates);
    lengths(&mut figures);
    differences(&mut figures, study, &rates);
    dead(&mut figures);
    prunability(&mut figures);
    importance(&mut figures, &rates);
    dependence(&mut figures, &rates);
    latency(&mut figures);
    Ok(figures)
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
    if rates.len() > 1 {
        format!("{title}, learning rate {rate}")
    } else {
        title.to_owned()
    }
}

/// The methods of a kind that were run.
fn run(study: &Study<Net>, methods: &[&'static str]) -> Vec<&'static str> {
    let there = |method: &&str| !study.chosen(&trained(method)).is_empty();
    methods.iter().copied().filter(there).collect()
}

/// Looks that agree between figures; the two methods of units never stand beside those whose looks they take.
fn looks_of_methods() -> Colours {
    let mut colours = Colours::named(OF_WEIGHTS);
    for (units, weights) in [(TARGETED_UNITS, HALF), (DROPPED_UNITS, DROPPED_WEIGHTS)] {
        let look = colours.look(weights);
        colours = colours.fix(units, look);
    }
    colours
}

fn methods(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[Level]) {
    let plot = figures.plot(
        "methods",
        "Does training for it help? Accuracy after pruning, by method of training",
    );
    let others = [&OF_WEIGHTS[..1], &OF_WEIGHTS[4..]].concat();
    for rate in rates {
        for (title, things, methods) in [
            ("Weights pruned: targeted dropout", WEIGHTS, &OF_WEIGHTS[..4]),
            ("Weights pruned: other methods", WEIGHTS, &others[..]),
            ("Units pruned", UNITS, &OF_UNITS[..]),
        ] {
            let of = |name: &str| trained(name).and(RATE.is(rate.clone())).and(SCHEME.is(things));
            let panel = run(study, methods)
                .into_iter()
                .fold(kept(), |panel, name| panel.series(name, &of(name)));
            plot.panel(at_rate(title, rate, rates), panel);
        }
    }
    plot.colours(looks_of_methods())
        .columns(3)
        .size(440, 400)
        .alt("Test accuracy against the share of weights or units kept, one line for each method of training")
        .caption(format!(
            "{INTERVALS} {LOGARITHM} All nets of a seed start from the same weights and see the same batches."
        ));
}

fn lengths(figures: &mut Figures<'_, Net>) {
    let schemes = [
        ("weights", WEIGHTS),
        ("units", UNITS),
        ("weights with signs (flawed)", SIGNED),
        ("units, biases kept (flawed)", BIASES_KEPT),
    ];
    let plot = figures.plot("lengths", "Do long training or missing biases make pruning cheaper?");
    for name in PLAIN {
        plot.facet(name, trained(name));
    }
    let panel = schemes.iter().fold(kept(), |panel, (label, scheme)| {
        panel.series(*label, &SCHEME.is(*scheme))
    });
    plot.panel("", panel)
        .size(540, 400)
        .colours(Colours::named(schemes.map(|(label, _)| label)))
        .alt("Test accuracy against the share of weights or units kept, for short and long training with and without biases")
        .caption(format!(
            "{INTERVALS} {LOGARITHM} The smallest weights of each unit go, or the units with the smallest fan-in norms with their biases; \
             flawed: as the study did it. The logits are never pruned."
        ));
}

fn differences(figures: &mut Figures<'_, Net>, study: &Study<Net>, rates: &[Level]) {
    let plot = figures.plot("differences", "What does each method gain over training with nothing?");
    for rate in rates {
        for (title, things, methods) in [
            ("Weights pruned", WEIGHTS, &OF_WEIGHTS[1..]),
            ("Units pruned", UNITS, &OF_UNITS[1..]),
        ] {
            let axis = Axis::linear("Paired difference of test accuracy")
                .unit("points")
                .at_least(-20.0, 60.0);
            let mut panel = grouped(axis, 100.0, run(study, methods)).from_zero();
            for percent in [80, 90, 97] {
                let rate = RATE.is(rate.clone());
                let at = move |name: &str| TEST.at(&pruned(&trained(name).and(rate.clone()), things, percent));
                panel = panel.series(format!("{percent} % gone"), move |name| {
                    Some(at(name).less(at(NOTHING)))
                });
            }
            plot.panel(at_rate(title, rate, rates), panel);
        }
    }
    plot.colours(Colours::ordered([80, 90, 97].map(|percent| format!("{percent} % gone"))))
        .size(540, 380)
        .alt("Paired differences of test accuracy between each method and training with nothing, with intervals")
        .caption("Interquartile means of the paired differences with 95 % bootstrap intervals over seeds; right of the line the method is ahead.");
}

fn layer(arm: &Arm) -> String {
    format!("layer {}", arm.number(&LAYER))
}

fn dead(figures: &mut Figures<'_, Net>) {
    let plot = figures.plot("dead-units", "Do ReLUs die in long training?");
    for name in ["long", "long, no biases"] {
        plot.facet(name, trained(name));
    }
    let layers = PART.is("layer");
    plot.panel("dead", curves(&DEAD, &LAYER, &layers, layer).y(Axis::linear("Dead units").unit("share of the layer").at_least(0.0, 0.3)))
        .panel("always on", curves(&ALWAYS_ON, &LAYER, &layers, layer).y(Axis::linear("Always-on units").unit("share of the layer").at_least(0.0, 0.05)))
        .alt("Share of dead units and of always-on units in each layer over the epochs of long training, with and without biases")
        .caption(format!("Dead: above 0 on no validation image; always on: above 0 on every one. {INTERVALS}"));
}

fn prunability(figures: &mut Figures<'_, Net>) {
    let long = ["long", "long, no biases"];
    let plot = figures.plot(
        "prunability",
        "Do dead units and prunability rise together within a training? One point for each look at each net",
    );
    for (title, left) in [
        ("Half of the units gone", LEFT_OF_UNITS),
        ("90 % of the weights gone", LEFT_OF_WEIGHTS),
    ] {
        let panel = long.iter().fold(scatter(&DEAD, &left), |panel, name| {
            panel.series(*name, &looks(&[name]))
        });
        plot.panel(title, panel);
    }
    plot.colours(Colours::named(long))
        .size(520, 400)
        .alt("Share of accuracy kept after pruning against the share of dead units, one point for each look at each net")
        .caption(
            "On validation images, after 1, 2, 4, … and all epochs of long training. The claims take the correlation within each training; \
             its epochs move both numbers, so that it shows company, not cause.",
        );
}

fn importance(figures: &mut Figures<'_, Net>, rates: &[Level]) {
    let plot = figures.plot(
        "importance",
        "Do few weights do the work? Sizes of weights, and how much of Σ|w| the largest hold",
    );
    let first = rates.first().cloned().unwrap_or(Level::Number(f64::NAN));
    for name in LOOKED_AT {
        let of_rate = if name == "long" {
            Where::all()
        } else {
            RATE.is(first.clone())
        };
        plot.facet(name, trained(name).and(of_rate));
    }
    plot.panel("sizes", custom(sizes))
        .panel("sums", custom(sums))
        .colours(Colours::ordered((1..=4).map(|layer| format!("layer {layer}"))))
        .because(Rule::Coincide, "that the layers' weights are spread alike is what the figure is to show")
        .alt("Left: distribution of the weights' magnitudes by layer. Right: share of the sum of magnitudes in the largest weights")
        .caption(format!("{INTERVALS} Left: bins of a tenth of a decade. Right: the dashed line is what equal weights would hold."));
}

/// Points of each layer, averaged over seeds.
fn distribution(
    place: &Place<'_, Net>,
    x: Axis,
    y: Axis,
    points: fn(&Net) -> Vec<(f64, f64)>,
) -> espalier_study::Result<Panel> {
    let mut panel = Panel::new("", x, y).legend(Legend::Below);
    for arm in place.arms(&PART.is("layer"), &LAYER) {
        let places = place.set.of(&arm.name).next().map(points).unwrap_or_default();
        let mut estimates = Estimates::default();
        for (k, (at, _)) in places.into_iter().enumerate() {
            let name = arm.name.clone();
            let value = Statistic::of_seed("", &PART.is("layer"), move |nets| {
                let points = nets.get(&name).map(points).unwrap_or_default();
                points.get(k).map_or(f64::NAN, |(_, value)| *value)
            });
            let stream = format!("{} {k}/{}", panel.y.label, arm.name);
            estimates.push(at, place.study.estimate(&place.set.name, &stream, &value)?);
        }
        panel = panel.marks(estimates.banded(&layer(&arm)));
    }
    Ok(panel)
}

/// What the largest weights hold of Σ|w|, beside what they would hold if all were equal.
fn sums(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let x = Axis::log10("Share of the weights, the largest first");
    let y = Axis::linear("Share of Σ|w| that they hold").at_least(0.0, 1.0);
    let shares = (0..=30).map(|i| 10f64.powf(f64::from(i) / 10.0 - 3.0));
    let equal = Mark::line(shares.map(|share| (share, share))).label("equal weights");
    let panel = distribution(place, x, y, Net::importance)?;
    Ok(panel.mark(equal.dash(Dash::Dashed).colour(Colour::GREY)))
}

/// How the sizes of weights are spread.
fn sizes(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let x = Axis::linear("log₁₀ of |w| over the layer's mean");
    let y = Axis::linear("Share of the weights").at_least(0.0, 0.17);
    distribution(place, x, y, Net::magnitudes)
}

fn dependence(figures: &mut Figures<'_, Net>, rates: &[Level]) {
    let plot = figures.plot(
        "dependence",
        "Do units depend on each other? Losing the weakest, losing any, and units that are alike",
    );
    for rate in rates {
        let of = |name: &str| trained(name).and(RATE.is(rate.clone()));
        for (title, scheme) in [("The weakest units lost", UNITS), ("Any units lost", RANDOM)] {
            let panel = RANDOMLY.iter().fold(kept(), |panel, name| {
                panel.series(*name, &of(name).and(SCHEME.is(scheme)))
            });
            plot.panel(at_rate(title, rate, rates), panel);
        }
        let (layers, y) = (
            of(NOTHING).and(PART.is("layer")),
            Axis::linear("Mean |correlation| of two units"),
        );
        let alike = bars(&LAYER, &layers, y, 1.0);
        let alike = RANDOMLY.into_iter().fold(alike, |panel, name| {
            let own = of(name);
            panel.series(name, move |layer| ALIKE.at(&own.clone().and(layer.clone())))
        });
        plot.panel(at_rate("Units alike", rate, rates), alike);
    }
    plot.columns(3)
        .size(440, 400)
        .colours(Colours::named(RANDOMLY))
        .alt("Accuracy against units kept, where the weakest or any are lost, and mean absolute correlation of pairs of units by layer")
        .caption(format!(
            "Any: the mean over three random draws. {INTERVALS} {LOGARITHM} Correlations are those of up to 128 units of a layer over the \
             validation images."
        ));
}

fn latency(figures: &mut Figures<'_, Net>) {
    figures
        .plot("latency", "Is a net without its pruned units faster?")
        .panel("", custom(speed))
        .size_alone(620, 380)
        .colours(Colours::named(["by the clock", "by multiply–accumulates"]))
        .alt("Speed of the compacted net relative to the whole net against the share of units kept, beside the ratio of operations")
        .caption(format!(
            "Forward passes of nets of the shape that pruning leaves, one thread each, other trials beside them. {INTERVALS} These numbers, \
             and no others on this page, depend on the machine."
        ));
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
