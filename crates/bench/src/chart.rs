//! The chart of the summary.

use espalier_report::figure::{Axis, Figure, Mark, Panel};

use crate::cell::Work;
use crate::interval::estimate;
use crate::results::Row;
use crate::summary::{Group, groups};
use crate::way::Family;

/// The rates by round of one line's way in a cell.
type Line = fn(&Group<'_>) -> Option<Vec<f64>>;

fn best(group: &Group<'_>, of: Family) -> Option<Vec<f64>> {
    group.best(|family| family == of).map(|(_, rates)| rates)
}

const LINES: [(&str, Line); 5] = [
    ("Espalier", |group| best(group, Family::Ours)),
    ("Espalier, every pixel multiplied", |group| {
        group.dense().map(|(_, rates)| rates)
    }),
    ("PyTorch, best way", |group| best(group, Family::Torch)),
    ("JAX, best way", |group| best(group, Family::Jax)),
    ("Burn", |group| best(group, Family::Burn)),
];

/// Draws model-steps per second against the width, of a sweep and of one model; `None` where neither was measured.
#[must_use]
pub fn figure(date: &str, rows: &[Row]) -> Option<Figure> {
    let groups = groups(rows);
    let panels = [
        (Work::MlpSweep, "Many models, all cores"),
        (Work::MlpOne, "One model, one core"),
    ];
    let mut figure = Figure::new("steps", "Training steps per second of an MLP 784-H-10").subtitle(format!(
        "{date} · batch 128, Adam, MNIST · median of rounds with the interval of order statistics"
    ));
    for (work, title) in panels {
        let cells: Vec<&Group<'_>> = groups.iter().filter(|g| g.work == work).collect();
        if !cells.is_empty() {
            figure = figure.panel(panel(title, &cells));
        }
    }
    (!figure.panels.is_empty()).then_some(figure)
}

fn panel(title: &str, cells: &[&Group<'_>]) -> Panel {
    let mut panel = Panel::new(
        title,
        Axis::log2("Hidden width H").unit("units"),
        Axis::log10("Model-steps per second"),
    );
    for (label, rates) in LINES {
        let points: Vec<(f64, f64, f64, f64)> = cells
            .iter()
            .filter_map(|group| {
                let width: f64 = group.net.split('-').nth(1)?.parse().ok()?;
                let found = estimate(&rates(group)?);
                Some((width, found.low, found.median, found.high))
            })
            .collect();
        if !points.is_empty() {
            panel = panel
                .mark(Mark::band(points.iter().map(|p| (p.0, p.1, p.3))).of(label))
                .mark(Mark::line(points.iter().map(|p| (p.0, p.2))).label(label).with_points());
        }
    }
    panel
}
