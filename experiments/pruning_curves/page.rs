//! The report page of one data set.

use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::arms::NOTHING;
use crate::figures::{OF_UNITS, of_weights};
use crate::pruning::{KEPT as BIASES_KEPT, SIGNED, UNITS, WEIGHTS};
use crate::runs::*;
use crate::{PERCENTS, Setup, claims, figures};

/// Reads rows into the page.
pub fn of(run: &Run<'_, crate::PruningCurves>) -> anyhow::Result<Report> {
    let (sets, context, setup) = (run.sets, run.context, &run.settings);
    let study = study(sets, context, setup)?.subtitle(subtitle(context, setup));
    let claims = study.claims(include_str!("study.md"), |c| claims::of(c, setup.long_rate));
    let base = Report {
        shortened: shortened(context, setup)?,
        headline: ["D3-weights", "D9-ramp"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let figures = study.figures(&claims, |f| figures::all(f, &study))?;
    let (tables, notes) = (|set: &_| tables(&study, set), |set: &_| notes(&study, set));
    Ok(study.page(base, &claims, &figures, tables, notes)?)
}

/// Data set, preset, seeds, the part of the training images, and the epochs.
fn subtitle(context: &ReportContext, setup: &Setup) -> String {
    let part = context.training_part();
    let part = part.unwrap_or_else(|| "all training images".to_owned());
    let (short, long, methods) = (setup.short_epochs, setup.long_epochs, setup.method_epochs);
    let given = context.subtitle();
    format!("{given}, {part}, epochs: short {short}, long {long}, methods {methods}")
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext, setup: &Setup) -> anyhow::Result<Vec<String>> {
    Ok(Setup::shortened(context, |shortened| {
        shortened.training_images(60_000, setup.validation_images)?;
        shortened.said(include_str!("shortened.md"))
    })?)
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<Vec<TableBlock>> {
    let mut tables = vec![curves(study, set)?];
    let of_weights = of_weights();
    for rate in study.levels(&RATE, &trained(NOTHING)) {
        for (methods, things, percent) in [
            (&of_weights[..], WEIGHTS, 90.0),
            (&of_weights[..], WEIGHTS, 99.0),
            (&OF_UNITS[..], UNITS, 50.0),
            (&OF_UNITS[..], UNITS, 80.0),
        ] {
            let names = TRAINING.any(methods.iter().copied()).and(RATE.is(rate.clone()));
            let arms = names.and(SCHEME.is(things)).and(GONE.is(percent));
            let title = format!("Methods: test accuracy without {percent} % of the {things}, learning rate {rate}");
            tables.push(study.against(set, &title, &arms, &TEST, &trained(NOTHING))?);
        }
    }
    let columns = [MACS, TRAIN_LOSS, TEST, DEAD, ALWAYS_ON, LARGEST_TENTH, ALIKE, CURVE];
    tables.push(study.table(set, "The nets before pruning", &PART.is(WHOLE), &columns)?);
    let speed = "Speed of nets without their pruned units";
    let columns = [PARAMETERS, SHAPE_MACS, SECONDS];
    tables.push(study.table(set, speed, &PART.is(TIMED), &columns)?);
    Ok(tables)
}

/// Every curve in numbers.
fn curves(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<TableBlock> {
    let mut rows = Vec::new();
    for whole in study.chosen(&PART.is(WHOLE)) {
        for scheme in [WEIGHTS, UNITS, SIGNED, BIASES_KEPT] {
            let own = trained(&whole.text(&TRAINING)).and(RATE.is(whole.number(&RATE)));
            let mut cells = vec![whole.name.clone(), scheme.to_owned()];
            for left in study.chosen(&own.and(SCHEME.is(scheme))) {
                let estimate = study.of_arm(set, &TEST, &left)?;
                cells.push(estimate.map_or_else(|| "–".to_owned(), |e| format!("{:.3}", e.value)));
            }
            if cells.len() > 2 {
                rows.push(cells);
            }
        }
    }
    let title = "Test accuracy after pruning";
    let head = ["training", "what goes"].map(str::to_owned);
    Ok(TableBlock {
        title: title.to_owned(),
        header: [&head[..], &PERCENTS.map(|percent| format!("{percent} %"))].concat(),
        rows,
        note: study.note(title),
    })
}

fn notes(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let nets = set.nets(&study.arms);
    let apart = nets.filter_map(|net| net.compact_deviation).fold(0.0, f64::max);
    let whole = study.chosen(&PART.is(WHOLE));
    let diverged: Vec<bool> = set.nets(&whole).map(Recorded::diverged).collect();
    let count = diverged.iter().filter(|diverged| **diverged).count();
    vec![
        format!("Cutting silent units out moved no output by more than {apart:.1e} of the largest."),
        format!("{count} of {} trainings diverged.", diverged.len()),
        study.settled_note(set, &TEST, &PART.is(WHOLE)),
    ]
}
