//! Two data sets against each other: claims and their figure.

use espalier_report::page::set_in_print;
use espalier_sparsifier::Penalty;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::report::{AT, DOUBLINGS, Net, SIZE, gated, size_axis, study};
use crate::{Sparsified, written};

const DATA: Factor = Factor::setting("data set");

const MNIST: &str = "mnist";
const FASHION: &str = "fashion-mnist";

/// By how much the size on Fashion-MNIST is larger, at a choice of λ.
fn gap(strict: &Where) -> impl Fn(&Where) -> Statistic<Net> + use<> {
    let on = |set: &str| strict.also(&DATA.is(set));
    DOUBLINGS.lead(&on(FASHION), &on(MNIST))
}

/// What the study said of the two sets.
fn claims<'s>(study: &'s Study<Net>, strict: &Where) -> Claims<'s, Net> {
    let (more, fewer) = (Margin::GreaterThan(0.0), Margin::LessThan(0.0));
    let mut c = Claims::of(study, "both").said(include_str!("study.md"), "both");
    let mut levels = c.levels(&AT, strict);
    levels.retain(|level| level.number() > 0.0);
    c.each("J19-order", &AT, &levels, more, Some(&DATA), gap(strict));
    for (lambda, zone) in [(1e-4, more), (1e-3, more), (1e-2, more), (0.1, fewer)] {
        let id = format!("J19-order-{}", written(lambda));
        c.each(id, &AT, &[lambda.into()], zone, Some(&DATA), gap(strict));
    }
    c
}

/// Adds what compares MNIST with Fashion-MNIST to a page of both.
pub fn add(mut page: Report, run: &Run<'_, Sparsified>) -> anyhow::Result<Report> {
    if !run.sets.iter().map(|(name, _)| name.as_str()).eq([MNIST, FASHION]) {
        return Ok(page);
    }
    let study = study(run)?.read_joined("both", run.sets, &run.context.seeds, &DATA)?;
    let strict = gated(Penalty::Strict, run.settings.start);
    let claims = claims(&study, &strict);
    let judged = claims.judged()?;
    page.claims = judged.claims;
    page.notes.extend(judged.notes);
    let sizes = [MNIST, FASHION].into_iter().fold(sweep(&SIZE, &AT), |sizes, set| {
        sizes.series(set_in_print(set), &strict.also(&DATA.is(set)))
    });
    let axis = Axis::linear("log₂ of the ratio of sizes").unit("doublings");
    let ratio = bars(&AT, &strict, axis, 1.0).series("ratio", gap(&strict));
    let mut figures = Figures::showing(&study, std::slice::from_ref(&claims))?;
    figures
        .shown("both-sets")
        .panel("size, strict penalty", sizes.categories().y(size_axis()))
        .panel("Fashion-MNIST over MNIST", ratio);
    page.figures.splice(0..0, figures.plates()?);
    Ok(page)
}
