//! The report page.

use espalier_experiment::{Columns as _, ReportContext};
use espalier_report::statistics::mean;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::arm::{ARMS, FIRING, NO_SPLIT, RANDOM};
use crate::claims::variance;
use crate::runs::*;
use crate::{Choices, SENSIBLE_RATE, claims, figures};

/// Reads rows into the page.
pub fn page(run: &Run<'_, crate::SplitSelectors>) -> anyhow::Result<Report> {
    let (sets, context, settings) = (run.sets, run.context, &run.settings);
    let study = study(sets, context, settings)?.subtitle(subtitle(context, settings));
    let rates = &settings.learning_rates;
    let other = rates.get(1).copied().unwrap_or(SENSIBLE_RATE);
    // 784 weights, a bias and 10 weights of each unit, and the logits' biases.
    let parameters = 795.0 * (settings.start + settings.split_epochs) as f64 + 10.0;
    let said = include_str!("study.md");
    let claims = study.claims(said, |c| claims::of(c, rates[0], other, parameters));
    let shown = study.figures(&claims, |f| figures::all_of(f, &study, rates))?;
    let base = Report {
        shortened: Choices::shortened(context, |shortened| {
            shortened.fewer_seeds("runs");
            shortened.training_images(50_000, 0)
        })?,
        headline: ["C5-whom", "C5-control-best"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let tables = |set: &Set<Net>| {
        let of_rate = rates.iter().map(|rate| tables(&study, set, *rate));
        Ok(of_rate.collect::<espalier_study::Result<Vec<_>>>()?.concat())
    };
    let remarks = |set: &_| vec![study.diverged_note(set)];
    Ok(study.page(base, &claims, &shown, tables, remarks)?)
}

fn subtitle(context: &ReportContext, settings: &Choices) -> String {
    let (split, still) = (settings.split_epochs, settings.still_epochs);
    let part = context.training_part().map(|part| format!(", {part}"));
    let (given, part) = (context.subtitle(), part.unwrap_or_default());
    format!("{given}{part}, {split} epochs with splits + {still} still")
}

/// The tables of one learning rate.
fn tables(study: &Study<Net>, set: &Set<Net>, rate: f64) -> espalier_study::Result<Vec<TableBlock>> {
    let (control, random, splitting) = (at(NO_SPLIT, rate), at(RANDOM, rate), splitting(rate, &[]));
    let title = |what: &str| format!("{what}, learning rate {rate}");
    let against = |what: &str, arms: &Where, quantity: &Quantity<Net>, reference: &Where| {
        study.against(set, &title(what), arms, quantity, reference)
    };
    let columns = [SCORE, LOWEST, HIGHEST, DEVIATION, MACS, DECISIONS];
    Ok(vec![
        against("Test accuracy against no split", &all(rate), &TEST, &control)?,
        against("Test loss against no split", &all(rate), &TEST_LOSS, &control)?,
        against("Test accuracy against random", &splitting, &TEST, &random)?,
        spreads(study, set, rate),
        study.table(set, &title("Which units were split"), &splitting, &columns)?,
    ])
}

/// Mean, range and spread of each arm, with the study's numbers.
fn spreads(study: &Study<Net>, set: &Set<Net>, rate: f64) -> TableBlock {
    let row = |arm: &crate::arm::Arm| {
        let name = at(arm.name, rate).to_string();
        let accuracy = set.values(&name, &TEST);
        let end = |pick: fn(f64, f64) -> f64| accuracy.iter().copied().fold(f64::NAN, pick);
        let (least, largest) = (end(f64::min), end(f64::max));
        let published = |[mean, low, high]: [f64; 3]| format!("{mean} ({low} to {high})");
        let published = arm.study.map_or_else(|| "skipped".to_owned(), published);
        vec![
            name.clone(),
            format!("{:.4}", mean(&accuracy).unwrap_or(f64::NAN)),
            format!("{least:.4} to {largest:.4}"),
            format!("{:.4}", variance(&accuracy).sqrt()),
            format!("{:.4}", mean(&set.values(&name, &HALVED)).unwrap_or(f64::NAN)),
            published + if arm.scored_by() == FIRING { " *" } else { "" },
        ]
    };
    let header = [
        "arm",
        "mean test accuracy",
        "least to largest",
        "standard deviation",
        "mean on halved test images",
        "study: mean (least to largest)",
    ];
    let title = format!("Mean, range and spread, learning rate {rate}");
    TableBlock {
        note: format!("{} seeds. {}", set.seeds.len(), study.note(&title)),
        title,
        header: header.map(str::to_owned).to_vec(),
        rows: ARMS.iter().map(row).collect(),
    }
}
