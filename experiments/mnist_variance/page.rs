//! The report pages: one data set, and what a harder one moves.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::grid::Grid;
use crate::runs::{
    self, DEAD, EXP, GAMMA, KURTOSIS, Net, RANK, SKEWNESS, STABLE, TEST, TOTAL, TRAIN, VALIDATION, W, WIDTH, on,
};
use crate::{Choices, choices, claims, figures};

/// The page of one data set, or of both, which asks what the harder set moves.
pub fn page(run: &Run<'_, crate::MnistVariance>) -> anyhow::Result<Report> {
    let (sets, context, settings) = (run.sets, run.context, &run.settings);
    let study = runs::study(sets, context, settings)?;
    let grids: Vec<Grid> = sets.iter().map(|(set, _)| Grid::of(&study, &on(set))).collect();
    let mut report = Report {
        shortened: espalier_trial::shortened_images::<Choices>(context, "")?,
        headline: ["J3-direction", "J2"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let (claims, figures) = match grids.as_slice() {
        [one] => {
            let claims = [claims::of(&study, one)];
            let figures = figures::of_one(&study, &claims, &grids)?;
            report.tables = vec![choices::table(&study, one)?, numbers(&study)?];
            (claims, figures)
        }
        [easy, hard, ..] => {
            report.title = "Do metrics of a layer ask for more units on a harder data set?".to_owned();
            let must = "One that tells which width is enough must, on Fashion-MNIST beside MNIST.";
            report.question = format!("{} {must}", report.title);
            report.headline = ["J5-normal", "J5-exp", "J5-gamma"].map(str::to_owned).to_vec();
            let claims = [claims::of_both(&study, easy, hard)];
            let figures = figures::of_both(&study, &claims, &grids)?;
            (claims, figures)
        }
        [] => anyhow::bail!("expected the rows of a data set, found none"),
    };
    let remarks = |set: &Set<Net>| vec![study.diverged_note(set)];
    Ok(study.page(report, &claims, &figures, |_| Ok(Vec::new()), remarks)?)
}

/// All numbers by width.
fn numbers(study: &Study<Net>) -> anyhow::Result<TableBlock> {
    let columns = [
        TRAIN, VALIDATION, TEST, W, SKEWNESS, KURTOSIS, TOTAL, DEAD, EXP, GAMMA, RANK, STABLE,
    ];
    let all = WIDTH.any(study.levels(&WIDTH, &espalier_study::Where::all()));
    let table = study.table(&study.sets[0], "All numbers by width", &all, &columns)?;
    let note =
        "Interquartile means over seeds with 95 % bootstrap intervals, per net; – where a seed has no such number.";
    Ok(table.noted(note))
}
