//! The report page.

use espalier_experiment::{About, Columns as _, ReportContext};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::Rows;
use espalier_report::statistics::mean;
use espalier_study::{Set, Study};

use crate::arm::{ARMS, NO_SPLIT, RANDOM};
use crate::claims::variance;
use crate::runs::{
    self, DECISIONS, DEVIATION, HALVED, HIGHEST, LOWEST, MACS, Net, SCORE, TEST, TEST_LOSS, all, at, splitting,
};
use crate::{Choices, SENSIBLE_RATE, claims, figures};

/// Reads rows into the page.
pub fn page(
    about: &About,
    sets: &[(String, &Rows)],
    context: &ReportContext,
    settings: &Choices,
) -> anyhow::Result<Report> {
    let study = runs::study(sets, context, settings)?.subtitle(subtitle(context, settings));
    let rates = &settings.learning_rates;
    let other = rates.get(1).copied().unwrap_or(SENSIBLE_RATE);
    // 784 weights, a bias and 10 weights of each unit, and the logits' biases.
    let parameters = 795.0 * (settings.start + settings.split_epochs) as f64 + 10.0;
    let set = &study.sets[0];
    let claims = claims::of(&study, &set.name, rates[0], other, parameters);
    let judged = claims.judged()?;
    let shortened = Choices::shortened(context, |shortened| {
        shortened.fewer_seeds("runs");
        shortened.training_images(50_000, 0)
    })?;
    let mut report = Report {
        shortened,
        figures: figures::all_of(&study, &claims, rates)?.plates()?,
        claims: judged.claims,
        notes: [judged.notes, notes(&study, set)].concat(),
        ..context.page(about).prose(include_str!("method.md"))
    };
    for &rate in rates {
        report.tables.extend(tables(&study, set, rate)?);
    }
    Ok(report)
}

fn subtitle(context: &ReportContext, settings: &Choices) -> String {
    let (split, still) = (settings.split_epochs, settings.still_epochs);
    let part = context
        .training_part()
        .map_or_else(String::new, |part| format!(", {part}"));
    format!(
        "{}{part}, {split} epochs with splits + {still} still",
        context.subtitle()
    )
}

/// The tables of one learning rate.
fn tables(study: &Study<Net>, set: &Set<Net>, rate: f64) -> anyhow::Result<Vec<TableBlock>> {
    let (control, random) = (at(NO_SPLIT, rate), at(RANDOM, rate));
    let title = |what: &str| format!("{what}, learning rate {rate}");
    let columns = [SCORE, LOWEST, HIGHEST, DEVIATION, MACS, DECISIONS];
    let mut chosen = study.table(set, &title("Which units were split"), &splitting(rate, &[]), &columns)?;
    chosen.note = "Scores are losses without a unit (nats) or firing rates (shares of images), means over all splits, and – where nothing \
                   is scored. The output change is the largest of any split, on 512 training images. Interquartile means over seeds with \
                   95 % bootstrap intervals; MACs are multiply–accumulates."
        .to_owned();
    Ok(vec![
        study.against(
            set,
            &title("Test accuracy against no split"),
            &all(rate),
            &TEST,
            &control,
        )?,
        study.against(
            set,
            &title("Test loss against no split"),
            &all(rate),
            &TEST_LOSS,
            &control,
        )?,
        study.against(
            set,
            &title("Test accuracy against random"),
            &splitting(rate, &[]),
            &TEST,
            &random,
        )?,
        spreads(set, rate),
        chosen,
    ])
}

/// Mean, range and spread of each arm, with the study's numbers.
fn spreads(set: &Set<Net>, rate: f64) -> TableBlock {
    let row = |arm: &crate::arm::Arm| {
        let name = at(arm.name, rate).to_string();
        let of = |quantity| {
            set.seeds
                .iter()
                .map(|nets| nets.value(&name, quantity))
                .collect::<Vec<f64>>()
        };
        let accuracy = of(&TEST);
        let (least, largest) = (
            accuracy.iter().copied().fold(f64::NAN, f64::min),
            accuracy.iter().copied().fold(f64::NAN, f64::max),
        );
        let study = arm.study.map_or_else(
            || "skipped".to_owned(),
            |[m, low, high]| format!("{m} ({low} to {high})"),
        );
        vec![
            name.clone(),
            format!("{:.4}", mean(&accuracy).unwrap_or(f64::NAN)),
            format!("{least:.4} to {largest:.4}"),
            format!("{:.4}", variance(&accuracy).sqrt()),
            format!("{:.4}", mean(&of(&HALVED)).unwrap_or(f64::NAN)),
            study + if arm.mislabelled() { " *" } else { "" },
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

fn notes(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let fixed = [
        "No configuration was tuned for any arm: each has one per learning rate, the same for all, so that there was nothing to choose.",
        "The study plots test curves of every epoch; here curves are those of the validation split, as the test split is read once.",
        "What the study ran under its three firing-rate names was the rule of softmax ablation losses: C5-half and C5-max-rate judge the \
         rules of these names, C5-softmax the rule that it ran, against the rules that it ran under their own names.",
        "A net that grows has fewer units in its first epochs than the net that has all from the start: at equal epochs and equal final \
         size it costs fewer multiply–accumulates, which is part of what C5-control compares.",
    ];
    let mut notes = fixed.map(str::to_owned).to_vec();
    notes.push(study.diverged_note(set));
    notes
}
