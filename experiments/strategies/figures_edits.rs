//! Figures of single edits: predictions, deviations, genealogy.

use std::collections::BTreeSet;

use espalier_report::figure::{Axis, Figure, Legend, Mark, Panel};
use espalier_report::page::Plate;

use crate::arms::Family;
use crate::figures::colours;
use crate::genealogy;
use crate::results::{Outcome, Results};
use crate::rows::{Edit, Unit};

/// The most units of a layer that a tree can show with lines apart.
const MOST_LINES: usize = 140;

pub fn plates(results: &Results, subtitle: &str) -> anyhow::Result<Vec<Plate>> {
    let plates = [
        predictions(results, subtitle),
        deviations(results, subtitle),
        genealogy_of_one(results, subtitle),
    ];
    Ok(plates.into_iter().flatten().collect())
}

fn edits(outcome: &Outcome) -> impl Iterator<Item = &Edit> {
    let all = outcome.trials.iter().flat_map(|trial| &trial.edits);
    all.filter(|edit| edit.outcome == "applied")
}

/// Predicted and measured decrease of the loss, both above 0.
pub fn promised(outcome: &Outcome) -> Vec<(f64, f64)> {
    let pair = |edit: &Edit| edit.predicted_decrease.zip(edit.measured_decrease);
    edits(outcome).filter_map(pair).collect()
}

fn predictions(results: &Results, subtitle: &str) -> Option<Plate> {
    let mut panel = Panel::new(
        "",
        Axis::log10("Predicted decrease of the loss"),
        Axis::log10("Measured decrease of the loss"),
    );
    let (mut below, mut all) = (0, 0);
    let mut reach = (f64::INFINITY, 0.0_f64);
    for outcome in &results.outcomes {
        let points = promised(outcome);
        all += points.len();
        let shown: Vec<(f64, f64)> = points.into_iter().filter(|(p, m)| *p > 0.0 && *m > 0.0).collect();
        below += shown.len();
        for (predicted, _) in &shown {
            reach = (reach.0.min(*predicted), reach.1.max(*predicted));
        }
        if !shown.is_empty() {
            panel = panel.mark(Mark::scatter(shown).label(outcome.arm.name));
        }
    }
    if below == 0 {
        return None;
    }
    let panel = panel.mark(Mark::line([(reach.0, reach.0), (reach.1, reach.1)]).label("as predicted"));
    let figure = Figure::new("predictions", "Predicted against measured decrease of the loss")
        .subtitle(subtitle)
        .colours(colours(results))
        .panel_size(620, 420)
        .panel(panel);
    let caption = format!(
        "One point for each applied edit whose method predicts a decrease, measured on the growth batch. {} of {all} \
         edits have no place on the axes, as their measured decrease is not above 0.",
        all - below
    );
    Some(Plate::new(
        figure,
        "Predicted against measured decrease, one point per edit",
        &caption,
    ))
}

fn deviations(results: &Results, subtitle: &str) -> Option<Plate> {
    let changing: Vec<&Outcome> = results
        .outcomes
        .iter()
        .filter(|o| edits(o).any(|e| e.deviation.is_some()))
        .collect();
    if changing.is_empty() {
        return None;
    }
    let names = changing.iter().map(|outcome| outcome.arm.name);
    let mut panel = Panel::new(
        "",
        Axis::category("", names),
        Axis::log10("Largest change of an output, relative to the largest output"),
    )
    .mark(Mark::horizontal(1e-5).label("rounding in single precision"))
    .legend(Legend::None);
    for (place, outcome) in changing.iter().enumerate() {
        let points: Vec<f64> = edits(outcome).filter_map(|edit| edit.deviation).collect();
        let count = points.len().max(1) as f64;
        let spread = points.iter().enumerate().map(|(i, deviation)| {
            // Side by side in order of time, so that equal deviations do not hide each other.
            (place as f64 - 0.3 + 0.6 * i as f64 / count, *deviation)
        });
        panel = panel.mark(Mark::scatter(spread).label(outcome.arm.name));
    }
    let figure = Figure::new("deviation", "How far each edit moves the outputs")
        .subtitle(subtitle)
        .colours(colours(results))
        .panel_size(820, 400)
        .panel(panel);
    Some(Plate::new(
        figure,
        "Relative output change at every applied edit, one column per strategy",
        "Measured on the growth batch of each edit, all seeds, in order of time within a column. The line marks 1e-5, the bound for function-preserving edits.",
    ))
}

fn genealogy_of_one(results: &Results, subtitle: &str) -> Option<Plate> {
    let born = |outcome: &&Outcome| {
        let copies = lives(outcome).iter().filter(|unit| unit.parent.is_some());
        copies.map(|unit| unit.born).collect::<BTreeSet<u32>>().len()
    };
    let growing = results
        .outcomes
        .iter()
        .filter(|outcome| outcome.arm.family == Family::Growing);
    let outcome = growing.filter(|outcome| born(outcome) > 0).max_by_key(born)?;
    let mut figure = Figure::new("genealogy", format!("The units of one run of {}", outcome.arm.name))
        .subtitle(format!("{subtitle}, seed 0"))
        .columns(2)
        .panel_size(480, 560);
    let mut layers: Vec<&str> = lives(outcome).iter().map(|unit| unit.layer.as_str()).collect();
    layers.sort_unstable();
    layers.dedup();
    for layer in layers {
        let units: Vec<Unit> = lives(outcome)
            .iter()
            .filter(|unit| unit.layer == layer)
            .cloned()
            .collect();
        if units.len() > MOST_LINES {
            continue;
        }
        let panel = Panel::new(
            layer,
            Axis::linear("Training step"),
            Axis::linear("Units, families together"),
        );
        figure = figure.panel(panel.mark(Mark::tree(genealogy::tree(&units))));
    }
    (!figure.panels.is_empty()).then(|| {
        Plate::new(
            figure,
            "A tree of units over training steps, one panel per hidden layer",
            "Each horizontal line is a unit's life; vertical lines join copies to the unit from whose weights they were \
             made. The growing strategy that copied at the most points in time is shown, in its chosen configuration.",
        )
    })
}

fn lives(outcome: &Outcome) -> &[Unit] {
    let first = outcome.trials.iter().find(|trial| !trial.units.is_empty());
    first.map_or(&[], |trial| &trial.units)
}
