//! The report pages: one data set, and what a harder one moves.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::grid::Grid;
use crate::runs::*;
use crate::{Choices, MnistVariance, choices, claims, figures};

/// The page of one data set, or of both, which asks what the harder set moves.
pub fn page(run: &Run<'_, MnistVariance>) -> anyhow::Result<Report> {
    let study = study(run)?;
    let grids: Vec<Grid> = run.sets.iter().map(|(set, _)| Grid::of(&study, &on(set))).collect();
    let mut report = run.report(include_str!("method.md"));
    report.shortened = espalier_trial::shortened_images::<Choices>(run.context, "")?;
    let (claims, headline) = match grids.as_slice() {
        [one] => {
            report.tables = vec![choices::table(&study, one)?, numbers(&study)?];
            (claims::of(&study, one), &["J3-direction", "J2"][..])
        }
        [easy, hard, ..] => {
            report.title = "Do metrics of a layer ask for more units on a harder data set?".to_owned();
            let must = "One that tells which width is enough must, on Fashion-MNIST beside MNIST.";
            report.question = format!("{} {must}", report.title);
            (
                claims::of_both(&study, easy, hard),
                &["J5-normal", "J5-exp", "J5-gamma"][..],
            )
        }
        [] => anyhow::bail!("expected the rows of a data set, found none"),
    };
    report.headline = headline.iter().copied().map(str::to_owned).collect();
    let claims = [claims];
    let shown = study.figures(&claims, |f| figures::all(f, &grids))?;
    let remarks = |set: &Set<Net>| vec![study.diverged_note(set), endings(set.nets(&study.arms))];
    Ok(study.page(report, &claims, &shown, |_| Ok(Vec::new()), remarks)?)
}

/// All numbers by width.
fn numbers(study: &Study<Net>) -> anyhow::Result<TableBlock> {
    let columns = [
        TRAIN, VALIDATION, TEST, W, SKEWNESS, KURTOSIS, TOTAL, DEAD, EXP, GAMMA, RANK, STABLE,
    ];
    Ok(study.table(&study.sets[0], "All numbers by width", &Where::all(), &columns)?)
}
