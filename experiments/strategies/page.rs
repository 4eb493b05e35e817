//! The report page.

use espalier_experiment::{About, Experiment as _, Preset, ReportContext};
use espalier_report::page::{Report, TableBlock, arms_table, tried_table};
use espalier_report::rows::Rows;
use espalier_seed::Seed;

use crate::arms::Family;
use crate::results::{DECISION_MACS_SHARE, DECISION_TIME_SHARE, MACS, PARAMETERS, Results, TEST};
use crate::{Strategies, claims, figures, figures_edits};

const METHOD: &str = "\
Nets 784-a-b-10 with ReLU, PyTorch's default initialisation, Adam, batches of 128, images standardised with 0.1307 and 0.3081. \
10 000 training images are set aside as the validation split. All arms train for equally many epochs; no net may ever have more \
parameters than the large one. Growing strategies start from the small net, shrinking and renewing ones from the large net. \
Computation is counted in multiply–accumulates, a training step as three forward passes; what strategies ask of the trainer is \
charged to them.

Each arm tried two configurations and is judged by the one with the better mean validation accuracy over seeds; the test split \
was read once per trial, after training. Intervals are 95 % bootstrap intervals of interquartile means over seeds.";

/// The page of one data set.
pub fn page(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let results = Results::read(rows, &context.seeds)?;
    let subtitle = context.subtitle_with_epochs()?;
    let mut figures = figures::plates(&results, &subtitle)?;
    figures.extend(figures_edits::plates(&results, &subtitle)?);
    let mut tables = vec![numbers(&results)?];
    if results.find("fixed-large").is_some() {
        let title = "Test accuracy, and against the large net";
        tables.push(arms_table(
            title,
            &results.arms(TEST)?,
            "fixed-large",
            &Seed::new(0).named("strategies"),
        )?);
    }
    tables.push(tried_table(&results.tried, &results.choices));
    tables.push(edits(&results));
    Ok(Report {
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        claims: claims::of(&results)?,
        figures,
        tables,
        notes: vec![format!(
            "{} of {} trials diverged; a diverged trial counts as the worst outcome.",
            results.diverged, results.trials
        )],
        sources: vec!["The papers named in the README of each strategy's crate".to_owned()],
        ..context.page(about)
    })
}

/// What is smaller than under the preset `full`.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let full = Strategies.settings(&Preset::Full);
    let (epochs, most) = (context.settings.count("epochs")?, full.count("epochs")?);
    let mut lines = Vec::new();
    if epochs < most {
        lines.push(format!("{epochs} epochs instead of the {most} of the preset full"));
    }
    Ok(lines)
}

fn numbers(results: &Results) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for (outcome, choice) in results.outcomes.iter().zip(&results.choices) {
        let kind = match outcome.arm.family {
            Family::Bound => "fixed",
            Family::Growing => "growing",
            Family::Shrinking => "shrinking",
            Family::Renewing => "renewing",
        };
        rows.push(vec![
            outcome.arm.name.to_owned(),
            kind.to_owned(),
            choice.configuration.clone(),
            outcome.estimate(TEST)?.to_string(),
            format!("{:.0}", outcome.estimate(PARAMETERS)?),
            format!("{:.2}", outcome.estimate(MACS)?.scaled(1e-12)),
            format!("{:.2}", outcome.estimate(DECISION_MACS_SHARE)?.scaled(100.0)),
            format!("{:.1}", outcome.estimate(DECISION_TIME_SHARE)?.scaled(100.0)),
        ]);
    }
    let header = [
        "strategy",
        "kind",
        "chosen configuration",
        "test accuracy",
        "parameters",
        "computation (10¹² MACs)",
        "decisions (% of MACs)",
        "decisions and edits (% of time)",
    ];
    Ok(TableBlock {
        title: "All strategies".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows,
        note: "Interquartile means with 95 % intervals; the last column is by the wall and differs between machines."
            .to_owned(),
    })
}

fn edits(results: &Results) -> TableBlock {
    let mut rows = Vec::new();
    for outcome in results
        .outcomes
        .iter()
        .filter(|outcome| outcome.arm.family != Family::Bound)
    {
        let seeds = outcome.trials.len().max(1) as f64;
        let applied: u64 = outcome.trials.iter().map(|trial| trial.summary.applied).sum();
        let refused: u64 = outcome.trials.iter().map(|trial| trial.summary.refused).sum();
        let promised = figures_edits::promised(outcome);
        let kept = promised.iter().filter(|(_, measured)| *measured > 0.0).count();
        rows.push(vec![
            outcome.arm.name.to_owned(),
            format!("{:.1}", applied as f64 / seeds),
            format!("{:.1}", refused as f64 / seeds),
            if promised.is_empty() {
                "none".to_owned()
            } else {
                format!("{kept} of {} lowered the loss", promised.len())
            },
        ]);
    }
    TableBlock {
        title: "Edits per run".to_owned(),
        header: [
            "strategy",
            "applied",
            "refused, rolled back or declined",
            "edits with a predicted decrease",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: String::new(),
    }
}
