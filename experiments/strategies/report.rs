//! The page: what every strategy does to one net, in curves, edits and numbers. Nothing is judged.

use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::Showcase;
use crate::arms::{Family, Try, tries};
use crate::rows::{DecisionTime, Edit, Epoch, Summary};

const STRATEGY: Factor = Factor::label("strategy");
const CONFIGURATION: Factor = Factor::label("configuration");
const FAMILY: Factor = Factor::label("family");
/// What changes a net.
const CHANGING: [Family; 3] = [Family::Growing, Family::Shrinking, Family::Renewing];
/// The most edits of one net that are drawn.
const MOST_EDITS: usize = 150;

/// Changes of outputs below this count as it: they are the rounding of single precision, or none.
const LEAST_DEVIATION: f64 = 1e-9;

/// A trained net with what its strategy did.
struct Net {
    summary: Summary,
    epochs: Vec<Epoch>,
    edits: Vec<Edit>,
    times: Vec<DecisionTime>,
}
recorded!(Net { summary: row, epochs: rows, edits: rows, times: rows } diverged summary);

impl Net {
    fn applied(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.outcome == "applied")
    }

    fn seconds(&self, of: fn(&DecisionTime) -> f64) -> f64 {
        self.times.iter().map(of).sum()
    }

    fn deviation(&self) -> f64 {
        let largest = self
            .applied()
            .filter_map(|edit| edit.deviation)
            .fold(f64::NAN, f64::max);
        largest.clamp(LEAST_DEVIATION, f64::MAX)
    }

    fn macs(&self) -> f64 {
        (self.summary.train_macs + self.summary.decision_macs) as f64
    }
}

quantities! { Net;
    TEST = "accuracy", "test accuracy", "fraction" 4, |n| n.summary.test_accuracy;
    VALIDATION = "validation", "validation accuracy", "fraction" 4, |n| n.summary.validation_accuracy,
        over_epochs(|n| n.epochs.iter().map(|epoch| epoch.validation_accuracy).collect());
    UNITS = "units", "hidden units", "" 1,
        |n| n.summary.units as f64, over_epochs(|n| n.epochs.iter().map(|epoch| epoch.units as f64).collect());
    PARAMETERS = "parameters", "parameters", "values not masked" 0, |n| n.summary.parameters as f64;
    MACS = "macs", "training and decisions", "10⁹ MACs" 2, |n| n.macs() / 1e9;
    DECISIONS = "decisions", "decisions", "% of MACs" 2, |n| 100.0 * n.summary.decision_macs as f64 / n.macs().max(1.0);
    TIME = "time", "decisions and edits", "% of the time" 1,
        |n| 100.0 * n.seconds(|time| time.decision_seconds) / n.seconds(|time| time.training_seconds).max(1e-9);
    APPLIED = "applied", "applied", "" 1, |n| n.summary.applied as f64;
    REFUSED = "refused", "refused, rolled back or declined", "" 1, |n| n.summary.refused as f64;
    NEWBORNS = "newborns", "units born", "" 1, |n| n.applied().map(|edit| edit.newborns as f64).sum();
    DEVIATION = "deviation", "largest change of an output", "log₁₀ relative to the largest" 1, |n| n.deviation().log10();
}

/// The page of one data set; arms that were not run are left out.
pub fn page(run: &Run<'_, crate::Strategies>) -> anyhow::Result<Report> {
    let (sets, context) = (run.sets, run.context);
    let study = study(sets, context)?;
    let base = Report {
        shortened: shortened(context)?,
        ..run.report(include_str!("method.md"))
    };
    let all = [TEST, VALIDATION, UNITS, PARAMETERS, MACS, DECISIONS, TIME];
    let changing = FAMILY.any(CHANGING.map(Family::name));
    let tables = |set: &Set<Net>| {
        let numbers = study.table(set, "All strategies", &Where::all(), &all)?;
        let columns = [APPLIED, REFUSED, NEWBORNS, DEVIATION];
        Ok(vec![numbers, study.table(set, "Edits of a run", &changing, &columns)?])
    };
    let claims = study.claims("", |_| ());
    let remarks = |set: &Set<Net>| vec![study.diverged_note(set)];
    Ok(study.page(
        base,
        &claims,
        &study.figures(&claims, |f| figures(f, &study))?,
        tables,
        remarks,
    )?)
}

fn study(sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Study<Net>> {
    let trials = sets.iter().flat_map(|(_, rows)| rows.trials());
    let run: Vec<String> = trials.map(|key| key.variant).collect();
    let arm = |one: Try| {
        let arm = Arm::new(one.to_string()).with(&STRATEGY, one.arm().name);
        let arm = arm.with(&FAMILY, one.arm().family.name());
        arm.with(&CONFIGURATION, one.configuration())
    };
    let mut all = tries();
    all.retain(|one| run.contains(&one.to_string()));
    let study = Study::new("strategies", all.into_iter().map(arm).collect())?
        .subtitle(context.subtitle_with_epochs()?)
        .words(include_str!("figures.md"));
    Ok(study.read_all(sets, &context.seeds)?)
}

/// What is smaller than under the preset `full`.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    Ok(Showcase::shortened(context, |shortened| {
        shortened.said("\n- epochs < full: {ours} epochs instead of the {full} of the preset full")
    })?)
}

fn figures(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let all = having(study, |_| true);
    let edited = having(study, |net| net.applied().next().is_some());
    for (name, quantity) in [("accuracy", VALIDATION), ("units", UNITS)] {
        // One axis for all panels.
        let y = study.axis_over(&quantity, &Where::all(), |net| quantity.path(net));
        let lines = curves(&quantity, &FAMILY, &Where::all(), configuration).y(y);
        multiples(figures.shown(name), &all).panel("", lines);
    }
    if !edited.is_empty() {
        multiples(figures.shown("edits"), &edited).panel("", custom(changes));
    }
    let fixed = FAMILY.is(Family::Bound.name()).and(CONFIGURATION.is("rate 1e-3"));
    let mut panel = frontier(&PARAMETERS, &TEST, "fixed nets", &fixed, &FAMILY);
    for family in CHANGING {
        panel = panel.series(family.name(), &FAMILY.is(family.name()));
    }
    let plot = figures.shown("accuracy-parameters").panel("", panel);
    plot.size(760, 380);
}

fn configuration(arm: &Arm) -> String {
    arm.text(&CONFIGURATION)
}

/// A panel for each strategy; first and second configurations look alike everywhere.
fn multiples<'p>(plot: &'p mut Plot<Net>, strategies: &[Level]) -> &'p mut Plot<Net> {
    for strategy in strategies {
        plot.facet(strategy.to_string(), STRATEGY.is(strategy.clone()));
    }
    let mut palette = Colours::named(["0", "1"]);
    let colours = tries().into_iter().fold(Colours::new(), |colours, one| {
        colours.fix(one.configuration(), palette.look(&one.configuration.to_string()))
    });
    plot.columns(4).size(330, 220).colours(colours)
}

/// The strategies with a net as wanted.
fn having(study: &Study<Net>, wanted: fn(&Net) -> bool) -> Vec<Level> {
    let mut strategies = study.levels(&STRATEGY, &Where::all());
    strategies.retain(|one| {
        let arms = study.chosen(&STRATEGY.is(one.clone()));
        study.sets.iter().any(|set| set.nets(&arms).any(wanted))
    });
    strategies
}

/// By how much each edit changes the loss, in percent of the loss before, by its sign.
fn changes(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let y = Axis::log10("Change of the loss").unit("%").at_least(1e-6, 1e3);
    let panel = Panel::new("", Axis::linear("Step"), y);
    let arms = place.arms(&Where::all(), &FAMILY);
    let Some(net) = arms.first().and_then(|arm| place.set.of(&arm.name).next()) else {
        return Ok(panel);
    };
    let every = net.applied().count() / MOST_EDITS + 1;
    let change = |edit: &Edit| Some((edit.step as f64, 100.0 * (edit.loss_after? / edit.loss_before - 1.0)));
    let drawn = net.applied().step_by(every).filter_map(change);
    let (more, less): (Vec<_>, Vec<_>) = drawn.partition(|(_, change)| *change > 0.0);
    let size = |points: Vec<(f64, f64)>| points.into_iter().map(|(step, change)| (step, change.abs()));
    Ok(panel
        .mark(Mark::scatter(size(more)).label("more loss"))
        .mark(Mark::scatter(size(less)).label("less or as much")))
}
