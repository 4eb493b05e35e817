//! The page: what is measured, what is claimed, what is drawn.

use espalier_experiment::{About, Columns as _, ReportContext};
use espalier_report::page::{Margin, Report};
use espalier_report::rows::Rows;
use espalier_report::standard::{Epoch, Outcome};
use espalier_study::plot::{Figures, curves, sweep};
use espalier_study::{Arm, Claims, Factor, Measure, Quantity, Recorded, Study, Trial, Where};

use super::Sweep;

const METHOD: &str = "\
One-hidden-layer nets 784-N-10 with ReLU, PyTorch's default initialisation, Adam, images standardised with 0.1307 and 0.3081. 10 000 \
training images are set aside as the validation split; the test split is read once per net, after training. Estimates are \
interquartile means over paired seeds with 95 % bootstrap intervals.";

const WIDTH: Factor = Factor::setting("width").unit("units").log2();
const L2: Factor = Factor::setting("L2");
const EPOCHS: Factor = Factor::setting("epochs");
const BATCH: Factor = Factor::setting("batch");
const RATE: Factor = Factor::setting("learning rate");

/// A trained net as recorded.
struct Net {
    outcome: Outcome,
    epochs: Vec<Epoch>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let net = Self {
            outcome: trial.row()?,
            epochs: trial.rows()?,
        };
        Ok(vec![(trial.key.variant.clone(), net)])
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
}

const TEST: Quantity<Net> = Quantity::new("test", "test accuracy", |n: &Net| n.outcome.test_score)
    .unit("fraction", 4)
    .higher_is_better();
const VALIDATION: Quantity<Net> = Quantity::new("validation", "validation accuracy", |n: &Net| {
    n.outcome.validation_score
})
.unit("fraction", 4)
.over_epochs(|n| n.epochs.iter().map(|epoch| epoch.validation_score).collect());
const MACS: Quantity<Net> =
    Quantity::new("macs", "training", |n: &Net| n.outcome.train_macs as f64 / 1e9).unit("10⁹ MACs", 1);

/// The page of one data set, or of several beside each other.
pub fn page(about: &About, sets: &[(String, &Rows)], context: &ReportContext, s: &Sweep) -> anyhow::Result<Report> {
    let study = study(sets, context, s)?;
    let mut report = Report {
        shortened: Sweep::shortened(context, |_| Ok(()))?,
        method: METHOD.to_owned(),
        ..context.page(about)
    };
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    report.figures = figures(&study, &claims, s)?.plates()?;
    for (set, claims) in study.sets.iter().zip(&claims) {
        let judged = claims.judged()?;
        report.claims.extend(judged.claims);
        report.notes.extend(judged.notes);
        report.notes.push(study.diverged_note(set));
        let columns = [VALIDATION, TEST, MACS];
        report
            .tables
            .push(study.table(set, "All nets", &Where::all(), &columns)?);
    }
    Ok(report)
}

/// The arms with everything that is set for them, and their recorded nets.
fn study(sets: &[(String, &Rows)], context: &ReportContext, s: &Sweep) -> anyhow::Result<Study<Net>> {
    let decays = [0.0, s.decay];
    let arms = s
        .widths
        .iter()
        .flat_map(|&width| decays.map(|decay| super::Arm { width, decay }));
    let arms = arms.map(|arm| Arm::new(arm.to_string()).with(&WIDTH, arm.width).with(&L2, arm.decay));
    let common = [
        (EPOCHS, s.epochs as f64),
        (BATCH, s.batch as f64),
        (RATE, s.learning_rate),
    ];
    let mut study = Study::new("placeholder", arms.collect())?
        .common(common)
        .subtitle(context.subtitle_with_epochs()?);
    for (name, rows) in sets {
        study = study.read(name, rows, &context.seeds)?;
    }
    Ok(study)
}

/// Each claim names its one cause; whatever else differs between its sides makes it confounded.
fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Sweep) -> Claims<'s, Net> {
    let (plain, decayed) = (L2.is(0.0), L2.is(s.decay));
    let mut claims = Claims::of(study, set);
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
    claims
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Sweep) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::of(study);
    for claims in claims {
        figures.show(claims)?;
    }
    let (plain, decayed) = (L2.is(0.0), L2.is(s.decay));
    figures
        .plot("widths", "Test accuracy against the width of the hidden layer")
        .panel(
            "",
            sweep(&TEST, &WIDTH)
                .series("without L2", &plain)
                .series("with L2", &decayed),
        )
        .alt("Test accuracy against width, with and without L2")
        .caption("Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
    figures
        .plot("epochs", "Validation accuracy after each epoch")
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
    Ok(figures)
}
