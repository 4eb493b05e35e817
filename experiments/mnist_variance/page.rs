//! The report pages: one data set, and what a harder one moves.

use espalier_experiment::{About, ReportContext};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::Rows;
use espalier_study::Study;

use crate::grid::Grid;
use crate::runs::{
    self, DEAD, EXP, GAMMA, KURTOSIS, Net, RANK, SKEWNESS, STABLE, TEST, TOTAL, TRAIN, VALIDATION, W, WIDTH, on,
};
use crate::{Choices, choices, claims, figures};

/// The page of one data set, or of both, which asks what the harder set moves.
pub fn page(
    about: &About,
    sets: &[(String, &Rows)],
    context: &ReportContext,
    settings: &Choices,
) -> anyhow::Result<Report> {
    let study = runs::study(sets, context, settings)?;
    let grids: Vec<Grid> = sets.iter().map(|(set, _)| Grid::of(&study, &on(set))).collect();
    let mut report = Report {
        shortened: espalier_trial::shortened_images::<Choices>(context, "")?,
        ..context.page(about).prose(include_str!("method.md"))
    };
    let (claims, figures) = match grids.as_slice() {
        [one] => {
            report.tables = vec![choices::table(&study, one)?, numbers(&study)?];
            let claims = claims::of(&study, one);
            let figures = figures::of_one(&study, &claims, &grids)?;
            (claims, figures)
        }
        [easy, hard, ..] => {
            report.title = "Does a harder data set move what the spreads of a layer say?".to_owned();
            report.question = "If a metric of the layer tells which width is enough, it must ask for more units on the harder of two \
                               data sets. Does it, on Fashion-MNIST beside MNIST?"
                .to_owned();
            let claims = claims::of_both(&study, easy, hard);
            let figures = figures::of_both(&study, &claims, &grids)?;
            (claims, figures)
        }
        [] => anyhow::bail!("expected the rows of a data set, found none"),
    };
    let judged = claims.judged()?;
    (report.claims, report.notes) = (judged.claims, judged.notes);
    report.figures = figures.plates()?;
    report.notes.push(study.diverged_note(&study.sets[0]));
    Ok(report)
}

/// All numbers by width.
fn numbers(study: &Study<Net>) -> anyhow::Result<TableBlock> {
    let columns = [
        TRAIN, VALIDATION, TEST, W, SKEWNESS, KURTOSIS, TOTAL, DEAD, EXP, GAMMA, RANK, STABLE,
    ];
    let all = WIDTH.any(study.levels(&WIDTH, &espalier_study::Where::all()));
    let mut table = study.table(&study.sets[0], "All numbers by width", &all, &columns)?;
    table.note =
        "Interquartile means over seeds with 95 % bootstrap intervals, per net; – where a seed has no such number."
            .to_owned();
    Ok(table)
}
