//! Capacity against score, improvement over twins, picks, a time line, starts.

use crate::Grid;
use crate::report::{
    AT, DECAY, EARLY_UNITS, GATED, LAMBDA, LAYERS, METHOD_OF, Net, SECONDS, START, STATIC, Scores, UNITS, steady, twins,
};
use espalier_study::prelude::*;

const COMPRESSED: &str = "gated nets";
const TWINS: &str = "static twins";

fn units_axis() -> Axis {
    Axis::log10("Hidden units")
}

/// A number of layers in words.
fn layered(layers: usize) -> String {
    format!("{layers} layer{}", if layers == 1 { "" } else { "s" })
}

pub fn figures<'s>(
    study: &'s Study<Net>,
    claims: &[Claims<'_, Net>],
    scores: Scores,
    s: &Grid,
) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    capacity(&mut figures, scores);
    over_lambda(&mut figures, scores, s);
    picks(&mut figures, scores, s);
    improvement(&mut figures, scores, s);
    time(&mut figures, scores, s);
    if !s.wide_lambdas.is_empty() {
        starts(&mut figures, scores);
    }
    Ok(figures)
}

fn capacity(figures: &mut Figures<'_, Net>, scores: Scores) {
    let (gates, twins) = (METHOD_OF.is(GATED), METHOD_OF.is(STATIC));
    let both = |panel: espalier_study::plot::Scatter<Net>| panel.series(COMPRESSED, &gates).series(TWINS, &twins);
    figures
        .plot("capacity", "Are gated nets better than static nets of their shapes?")
        .panel("test score against size", both(scatter(&UNITS, &scores.test).x(units_axis())))
        .panel("test against validation", both(scatter(&scores.validation, &scores.test)))
        .size(470, 360)
        .alt("Test score against hidden units, and against validation score, one point for each net")
        .caption("One point for each net at its settled pick: every λ, number of layers and seed. Static nets have the shapes that gated nets have reached.");
}

fn over_lambda(figures: &mut Figures<'_, Net>, scores: Scores, s: &Grid) {
    let sizes = sweep(&UNITS, &AT).categories().y(units_axis());
    let per_layer = |layers: usize| (layered(layers), steady(s).and(LAYERS.is(layers)));
    let rows = (1..=s.starts.len()).map(per_layer);
    let mut panel = sizes;
    let mut scored = sweep(&scores.test, &AT).categories();
    for (label, arms) in rows {
        panel = panel.series(label.clone(), &arms);
        scored = scored.series(label, &arms);
    }
    figures
        .plot("lambda", "How do size and score follow λ?")
        .panel("units at the settled pick", panel)
        .panel("test score", scored)
        .size(470, 360)
        .alt("Hidden units and test score against the weight of the penalty, one line for each number of layers")
        .caption("Points are interquartile means over seeds, whiskers 95 % bootstrap intervals. λ is that of the grid, before the data set's shift.");
}

/// What an early pick takes instead of a settled one.
fn picks(figures: &mut Figures<'_, Net>, scores: Scores, s: &Grid) {
    let gates = steady(s);
    let sizes = scatter(&UNITS, &EARLY_UNITS).x(units_axis());
    figures
        .plot(
            "picks",
            "Does it matter whether the best epoch is picked from all of training or from its second half?",
        )
        .panel("size", sizes.series(COMPRESSED, &gates))
        .panel(
            "test score",
            scatter(&scores.test, &scores.early).series(COMPRESSED, &gates),
        )
        .size(470, 360)
        .alt("Units and test score of the early pick against those of the settled pick, one point for each gated net")
        .caption(
            "Where both picks are the same epoch, points lie on the diagonal. One point for each net with a steady λ.",
        );
}

/// By how much each gated net is better than its twin, against its size.
fn improvement(figures: &mut Figures<'_, Net>, scores: Scores, s: &Grid) {
    let points = move |place: &Place<'_, Net>| {
        let name = if scores.classifies {
            "Accuracy more than the twin's"
        } else {
            "Squared error less than the twin's"
        };
        let mut panel = Panel::new("", units_axis(), Axis::linear(name));
        for level in place.study.levels(&LAYERS, &METHOD_OF.is(GATED)) {
            let arms = place.study.chosen(&METHOD_OF.is(GATED).and(LAYERS.is(level.clone())));
            let mut points = Vec::new();
            for (nets, arm) in place
                .set
                .seeds
                .iter()
                .flat_map(|nets| arms.iter().map(move |arm| (nets, arm)))
            {
                let pair = (nets.get(&arm.name), nets.get(&format!("static twin of {}", arm.name)));
                if let (Some(net), Some(twin)) = pair {
                    let gain = scores.test.value(net) - scores.test.value(twin);
                    points.push((UNITS.value(net), if scores.classifies { gain } else { -gain }));
                }
            }
            panel = panel.mark(Mark::scatter(points).label(layered(level.number() as usize)));
        }
        Ok(panel.mark(Mark::horizontal(0.0)))
    };
    let (gates, static_nets) = (steady(s), twins(s));
    let axis = Axis::linear(if scores.classifies {
        "Accuracy more"
    } else {
        "Squared error less"
    });
    let by_lambda = bars(&AT, &static_nets.clone(), axis, 1.0).series("over the twins", move |level| {
        let ours = scores.test.mean_over(&gates.clone().and(level.clone()));
        let theirs = scores.test.mean_over(&static_nets.clone().and(level.clone()));
        if scores.classifies {
            ours.less(theirs)
        } else {
            theirs.less(ours)
        }
    });
    figures
        .plot("improvement", "By how much is a gated net better than a static net of its shape?")
        .panel("each net against its twin", custom(points))
        .panel("mean over layers, λ steady", by_lambda)
        .size(470, 360)
        .alt("Difference in test score between each gated net and its static twin against size, and its mean for each λ")
        .caption("Above 0 the gated net is better. Both are at their settled picks; the twin has trained for as many multiply–accumulates, up to a bound on steps.");
}

/// Size, score and time of an epoch while a net of one layer shrinks.
fn time(figures: &mut Figures<'_, Net>, scores: Scores, s: &Grid) {
    let swept = METHOD_OF.is(GATED).and(LAYERS.is(1.0)).and(START.is(s.starts[0]));
    let name = |arm: &espalier_study::Arm| {
        let decays = arm.level(DECAY.name) == Some(&true.into());
        format!(
            "λ = {}{}",
            crate::written(arm.number(&LAMBDA)),
            if decays { ", decaying" } else { "" }
        )
    };
    let mut course = curves(&scores.course, &LAMBDA, &swept, name);
    if !scores.classifies {
        course = course.y(Axis::log10("Mean squared error on validation"));
    }
    figures
        .plot("time", "How do size, score and time follow training? One layer")
        .panel("hidden units", curves(&UNITS, &LAMBDA, &swept, name).y(units_axis()))
        .panel("validation score", course)
        .panel("time of an epoch", curves(&SECONDS, &LAMBDA, &swept, name).y(Axis::log10("Time of an epoch").unit("s")))
        .columns(3)
        .size(370, 340)
        .because(Rule::ManyCurves, "the lines are steps of one ladder, λ, and are read in its order")
        .because(Rule::Coincide, "lines are equal until the first units leave, which the figure shows")
        .alt("Units, validation score and seconds of an epoch after every epoch, one line for each λ")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals. Gates start at 1 and move by about the rate a step, so that the first ones close after some thousand steps.");
}

fn starts(figures: &mut Figures<'_, Net>, scores: Scores) {
    let of = METHOD_OF.is(GATED).and(LAYERS.is(1.0)).and(DECAY.is(false));
    let mut sizes = sweep(&UNITS, &START).y(units_axis());
    let mut scored = sweep(&scores.test, &START);
    for lambda in [1e-3, 1e-2] {
        let label = format!("λ = {}", crate::written(lambda));
        sizes = sizes.series(label.clone(), &of.clone().and(LAMBDA.is(lambda)));
        scored = scored.series(label, &of.clone().and(LAMBDA.is(lambda)));
    }
    figures
        .plot("starts", "Does the size that is left depend on the units at first? One layer")
        .panel("units left", sizes)
        .panel("test score", scored)
        .size(470, 340)
        .alt("Units left and test score against the units at first, one line for each λ")
        .caption("A level line says that the start does not matter. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
}
