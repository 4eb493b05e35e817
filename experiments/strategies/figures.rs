//! Figures of accuracy, size and cost.

use espalier_report::figure::{Axis, Colours, Estimates, Figure, Legend, Mark, Panel, Spread};
use espalier_report::page::Plate;
use espalier_report::statistics::Bootstrap;
use espalier_seed::Seed;

use crate::arms::Family;
use crate::results::{DECISION_MACS_SHARE, DECISION_TIME_SHARE, Outcome, PARAMETERS, Results, TEST, Trial};
use crate::rows::Epoch;

/// A number of one epoch.
type Column = fn(&Epoch) -> f64;

/// The families with panels of their own.
const FAMILIES: [(Family, &str); 3] = [
    (Family::Growing, "Growing"),
    (Family::Shrinking, "Shrinking"),
    (Family::Renewing, "Renewing"),
];

/// Colours that are the same in every figure: the fixed nets' two, and each family from the third on,
/// so that no panel shows one colour twice.
pub fn colours(results: &Results) -> Colours {
    let places: Vec<String> = (0..results.outcomes.len() + 2).map(|place| place.to_string()).collect();
    let mut palette = Colours::named(&places);
    let mut colours = Colours::new();
    let mut used = [0_usize, 2, 2, 2];
    for outcome in &results.outcomes {
        let place = &mut used[match outcome.arm.family {
            Family::Bound => 0,
            Family::Growing => 1,
            Family::Shrinking => 2,
            Family::Renewing => 3,
        }];
        colours = colours.fix(outcome.arm.name, palette.look(&places[*place]));
        *place += 1;
    }
    colours
}

pub fn plates(results: &Results, subtitle: &str) -> anyhow::Result<Vec<Plate>> {
    Ok(vec![
        accuracy_over_macs(results, subtitle)?,
        accuracy_over_parameters(results, subtitle)?,
        width_over_time(results, subtitle)?,
        decision_cost(results, subtitle)?,
    ])
}

/// A curve over epochs: the means of x and y over seeds, with the interval of y's interquartile mean.
fn curve(outcome: &Outcome, x: Column, y: Column) -> anyhow::Result<Estimates> {
    let bootstrap = Bootstrap::new(&Seed::new(0).named("curve")).resamples(1000);
    let epochs = outcome.trials.iter().map(|trial| trial.epochs.len()).min().unwrap_or(0);
    let mut points = Estimates::default();
    for epoch in 0..epochs {
        let at = |trial: &Trial, value: Column| value(&trial.epochs[epoch]);
        let xs: Vec<f64> = outcome.trials.iter().map(|trial| at(trial, x)).collect();
        let ys: Vec<f64> = outcome.trials.iter().map(|trial| at(trial, y)).collect();
        let mean = xs.iter().sum::<f64>() / xs.len() as f64;
        points.push(mean, bootstrap.interquartile_mean_or_point(&ys)?);
    }
    Ok(points)
}

fn marks(outcome: &Outcome, x: Column, y: Column) -> anyhow::Result<[Mark; 2]> {
    Ok(curve(outcome, x, y)?.banded(outcome.arm.name))
}

/// One panel for each family that was run, each with the fixed nets.
fn by_family(
    results: &Results,
    figure: Figure,
    panel: impl Fn(&str) -> Panel,
    (x, y): (Column, Column),
    families: &[(Family, &str)],
) -> anyhow::Result<Figure> {
    let mut figure = figure.colours(colours(results)).columns(1).panel_size(720, 300);
    for &(family, title) in families {
        if !results.outcomes.iter().any(|outcome| outcome.arm.family == family) {
            continue;
        }
        let mut panel = panel(title).legend(Legend::Right);
        for outcome in results.family(family) {
            panel = panel.marks(marks(outcome, x, y)?);
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

fn accuracy_over_macs(results: &Results, subtitle: &str) -> anyhow::Result<Plate> {
    let panel = |title: &str| {
        Panel::new(
            title,
            Axis::log10("Training and decisions so far").unit("multiply–accumulates"),
            Axis::linear("Validation accuracy").unit("fraction"),
        )
    };
    let x = |epoch: &Epoch| (epoch.train_macs + epoch.decision_macs) as f64;
    let figure = Figure::new("accuracy-macs", "Validation accuracy against computation").subtitle(subtitle);
    let figure = by_family(
        results,
        figure,
        panel,
        (x, |epoch| epoch.validation_accuracy),
        &FAMILIES,
    )?;
    Ok(Plate::new(
        figure,
        "Validation accuracy against training computation, one panel per family of strategies",
        "Interquartile means after each epoch with 95 % bootstrap intervals; computation is the mean over seeds and \
         holds what decisions cost. The fixed nets stand in every panel.",
    ))
}

fn width_over_time(results: &Results, subtitle: &str) -> anyhow::Result<Plate> {
    let panel = |title: &str| Panel::new(title, Axis::linear("Epoch"), Axis::linear("Hidden units"));
    let figure = Figure::new("width-time", "Hidden units over time").subtitle(subtitle);
    let (x, y) = (|epoch: &Epoch| epoch.epoch as f64, |epoch: &Epoch| epoch.units as f64);
    Ok(Plate::new(
        by_family(results, figure, panel, (x, y), &FAMILIES[..2])?,
        "Hidden units of both layers after each epoch, one panel per family",
        "Interquartile means with 95 % bootstrap intervals. Where weights rather than units are masked the number \
         of units stays; renewing strategies keep it by design and have no panel.",
    ))
}

fn accuracy_over_parameters(results: &Results, subtitle: &str) -> anyhow::Result<Plate> {
    let mut figure = Figure::new(
        "accuracy-parameters",
        "Test accuracy against the size that each strategy chose",
    )
    .subtitle(subtitle)
    .colours(colours(results))
    .columns(1)
    .panel_size(720, 300);
    for (family, title) in FAMILIES {
        if !results.outcomes.iter().any(|outcome| outcome.arm.family == family) {
            continue;
        }
        let mut panel = Panel::new(
            title,
            Axis::log10("Parameters at the end").unit("values that are not masked"),
            Axis::linear("Test accuracy").unit("fraction"),
        )
        .legend(Legend::Right);
        let mut fixed = Vec::new();
        for outcome in results.family(family) {
            let (x, y, name) = (
                outcome.estimate(PARAMETERS)?.value,
                outcome.estimate(TEST)?,
                outcome.arm.name,
            );
            if outcome.arm.family == Family::Bound {
                fixed.push((x, y.value));
            }
            let interval = Mark::error_bars([(x, y.low, y.high)]).of(name);
            panel = panel
                .mark(interval.spread(Spread::Interval))
                .mark(Mark::scatter([(x, y.value)]).label(name));
        }
        fixed.sort_by(|a, b| a.0.total_cmp(&b.0));
        panel = panel.mark(Mark::line(fixed).label("fixed nets"));
        figure = figure.panel(panel);
    }
    Ok(Plate::new(
        figure,
        "Final test accuracy with intervals against the final number of parameters, one point per strategy",
        "Interquartile means over seeds; bars are 95 % bootstrap intervals. Test images were read once, after training. \
         A point above the line of the fixed nets is more accurate than a fixed net of its size; the table has the numbers.",
    ))
}

fn decision_cost(results: &Results, subtitle: &str) -> anyhow::Result<Plate> {
    let changing: Vec<&Outcome> = results
        .outcomes
        .iter()
        .filter(|o| o.arm.family != Family::Bound)
        .collect();
    let axis = || Axis::category("", changing.iter().map(|outcome| outcome.arm.name));
    let bars = |metric: crate::results::Metric, name: &'static str| -> anyhow::Result<Mark> {
        let mut bars = Vec::new();
        for (place, outcome) in changing.iter().enumerate() {
            let share = outcome.estimate(metric)?.scaled(100.0);
            bars.push((place as f64, share.value, Some((share.low, share.high))));
        }
        Ok(Mark::bars(bars).label(name))
    };
    let panel = Panel::new("", axis(), Axis::linear("Share of training").unit("%"))
        .mark(bars(DECISION_MACS_SHARE, "of the multiply–accumulates")?)
        .mark(bars(DECISION_TIME_SHARE, "of the time by the wall, edits included")?)
        .mark(Mark::horizontal(2.0).label("goal: 2 %"));
    let figure = Figure::new("decision-cost", "What decisions and edits cost")
        .subtitle(subtitle)
        .panel_size(820, 400)
        .panel(panel);
    Ok(Plate::new(
        figure,
        "Share of the training computation and time that each strategy's decisions and edits take",
        "Interquartile means over seeds with 95 % bootstrap intervals. The time is that of the machine that recorded \
         the rows; what only the record needs (losses around edits) is part of neither.",
    ))
}
