//! The page: what is measured, what is claimed, what is drawn.

use espalier_experiment::Columns as _;
use espalier_study::prelude::*;
use espalier_study::standard::{self, Trained as Net};
use espalier_trial::Run;

use super::{Placeholder, Sweep};

// Factors of arms have the names of the variant's fields.
const WIDTH: Factor = Factor::setting("width").unit("units").log2();
const L2: Factor = Factor::setting("L2");

const TEST: Quantity<Net> = standard::test_accuracy();
const VALIDATION: Quantity<Net> = standard::validation_accuracy();
const MACS: Quantity<Net> = standard::train_macs();

/// The page of one data set, or of several beside each other.
pub fn page(run: &Run<'_, Placeholder>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let arms = variants.iter().map(Arm::of).collect::<espalier_study::Result<_>>()?;
    let study = Study::new("placeholder", arms)?
        .common(standard::schedule(s.epochs, s.batch, s.learning_rate))
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let report = Report {
        shortened: Sweep::shortened(context, |_| Ok(()))?,
        ..run.report(include_str!("method.md"))
    };
    let claims = study.claims("", |c| claims(c, s));
    Ok(study.page(
        report,
        &claims,
        &study.figures(&claims, |f| figures(f, s))?,
        |set| study.table(set, "All nets", &Where::all(), &[VALIDATION, TEST, MACS]),
        |set| vec![study.diverged_note(set)],
    )?)
}

/// Each claim names its one cause; whatever else differs between its sides makes it confounded.
fn claims(claims: &mut Claims<'_, Net>, s: &Sweep) {
    let (plain, decayed) = (L2.is(0.0), L2.is(s.decay));
    claims
        .trend("width", &TEST, &WIDTH, &plain, Measure::Rank, Margin::GreaterThan(0.9))
        .figure("widths");
    let levels = claims.levels(&WIDTH, &plain);
    claims
        .each(
            "decay",
            &WIDTH,
            &levels,
            Margin::Within(-0.005, 0.005),
            Some(&L2),
            |level| {
                TEST.at(&decayed.clone().and(level.clone()))
                    .less(TEST.at(&plain.clone().and(level.clone())))
            },
        )
        .figure("widths");
}

fn figures(figures: &mut Figures<'_, Net>, s: &Sweep) {
    let (plain, decayed) = (L2.is(0.0), L2.is(s.decay));
    figures
        .plot("widths", "How does test accuracy follow the width of the hidden layer?")
        .panel(
            "",
            sweep(&TEST, &WIDTH)
                .series("without L2", &plain)
                .series("with L2", &decayed),
        )
        .alt("Test accuracy against width, with and without L2")
        .caption("Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
    figures
        .plot(
            "epochs",
            "Has training come to its end? Validation accuracy after each epoch",
        )
        .facet("without L2", plain)
        .facet("with L2", decayed)
        .panel(
            "",
            curves(&VALIDATION, &WIDTH, &Where::all(), |arm| {
                format!("width {}", arm.number(&WIDTH))
            }),
        )
        .alt("Validation accuracy over epochs, one line for each width")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals.");
}
