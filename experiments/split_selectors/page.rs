//! The report page.

use espalier_experiment::{Columns as _, ReportContext};
use espalier_report::statistics::mean;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::arm::{ARMS, NO_SPLIT, RANDOM};
use crate::claims::variance;
use crate::runs::{
    self, DECISIONS, DEVIATION, HALVED, HIGHEST, LOWEST, MACS, Net, SCORE, TEST, TEST_LOSS, all, at, splitting,
};
use crate::{Choices, SENSIBLE_RATE, claims, figures};

/// Reads rows into the page.
pub fn page(run: &Run<'_, crate::SplitSelectors>) -> anyhow::Result<Report> {
    let (sets, context, settings) = (run.sets, run.context, &run.settings);
    let study = runs::study(sets, context, settings)?.subtitle(subtitle(context, settings));
    let rates = &settings.learning_rates;
    let other = rates.get(1).copied().unwrap_or(SENSIBLE_RATE);
    // 784 weights, a bias and 10 weights of each unit, and the logits' biases.
    let parameters = 795.0 * (settings.start + settings.split_epochs) as f64 + 10.0;
    let claims = [claims::of(&study, &context.dataset, rates[0], other, parameters)];
    let base = Report {
        shortened: Choices::shortened(context, |shortened| {
            shortened.fewer_seeds("runs");
            shortened.training_images(50_000, 0)
        })?,
        headline: ["C5-whom", "C5-control-best"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let tables = |set: &Set<Net>| -> espalier_study::Result<Vec<TableBlock>> {
        let of_rate = rates.iter().map(|rate| tables(&study, set, *rate));
        Ok(of_rate.collect::<espalier_study::Result<Vec<_>>>()?.concat())
    };
    let (figures, remarks) = (figures::all_of(&study, &claims, rates)?, |set: &_| {
        vec![study.diverged_note(set)]
    });
    Ok(study.page(base, &claims, &figures, tables, remarks)?)
}

fn subtitle(context: &ReportContext, settings: &Choices) -> String {
    let (split, still) = (settings.split_epochs, settings.still_epochs);
    let part = context.training_part();
    let part = part.map_or_else(String::new, |part| format!(", {part}"));
    let given = context.subtitle();
    format!("{given}{part}, {split} epochs with splits + {still} still")
}

/// The tables of one learning rate.
fn tables(study: &Study<Net>, set: &Set<Net>, rate: f64) -> espalier_study::Result<Vec<TableBlock>> {
    let (control, random) = (at(NO_SPLIT, rate), at(RANDOM, rate));
    let title = |what: &str| format!("{what}, learning rate {rate}");
    let against = |what: &str, arms: &Where, quantity: &Quantity<Net>, reference: &Where| {
        study.against(set, &title(what), arms, quantity, reference)
    };
    let columns = [SCORE, LOWEST, HIGHEST, DEVIATION, MACS, DECISIONS];
    let chosen = study.table(set, &title("Which units were split"), &splitting(rate, &[]), &columns)?;
    Ok(vec![
        against("Test accuracy against no split", &all(rate), &TEST, &control)?,
        against("Test loss against no split", &all(rate), &TEST_LOSS, &control)?,
        against("Test accuracy against random", &splitting(rate, &[]), &TEST, &random)?,
        spreads(set, rate),
        chosen.noted(
            "Scores are losses without a unit (nats) or firing rates (shares of images), means over all splits, and – where nothing \
             is scored. The output change is the largest of any split, on 512 training images. Interquartile means over seeds with \
             95 % bootstrap intervals; MACs are multiply–accumulates.",
        ),
    ])
}

/// Mean, range and spread of each arm, with the study's numbers.
fn spreads(set: &Set<Net>, rate: f64) -> TableBlock {
    let row = |arm: &crate::arm::Arm| {
        let name = at(arm.name, rate).to_string();
        let accuracy = set.values(&name, &TEST);
        let end = |pick: fn(f64, f64) -> f64| accuracy.iter().copied().fold(f64::NAN, pick);
        let (least, largest) = (end(f64::min), end(f64::max));
        let published = |[mean, low, high]: [f64; 3]| format!("{mean} ({low} to {high})");
        let study = arm.study.map_or_else(|| "skipped".to_owned(), published);
        vec![
            name.clone(),
            format!("{:.4}", mean(&accuracy).unwrap_or(f64::NAN)),
            format!("{least:.4} to {largest:.4}"),
            format!("{:.4}", variance(&accuracy).sqrt()),
            format!("{:.4}", mean(&set.values(&name, &HALVED)).unwrap_or(f64::NAN)),
            study + if arm.fires() { " *" } else { "" },
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
    TableBlock {
        title: format!("Mean, range and spread, learning rate {rate}"),
        header: header.map(str::to_owned).to_vec(),
        rows: ARMS.iter().map(row).collect(),
        note: format!(
            "{} seeds. The study's numbers are those of halved test images at a rate of 0.001 after 100 epochs; * marks names under which \
             it ran the rule of softmax losses.",
            set.seeds.len()
        ),
    }
}
