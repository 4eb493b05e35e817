//! The report pages: one data set, and what a harder one moves.

use espalier_experiment::{About, Columns as _, ReportContext};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::Rows;
use espalier_study::Study;
use espalier_trial::VALIDATION_IMAGES;

use crate::grid::Grid;
use crate::runs::{
    self, DEAD, EXP, GAMMA, KURTOSIS, Net, RANK, SKEWNESS, STABLE, TEST, TOTAL, TRAIN, VALIDATION, W, WIDTH, on,
};
use crate::{Choices, choices, claims, figures};

const METHOD: &str = "\
One-hidden-layer ReLU nets 784-H-10, PyTorch's default initialisation, Adam, batches of 128, images standardised with 0.1307 and \
0.3081. The width H is the only independent variable; the seeds of initialisation and shuffling are paired across widths. 10 000 \
training images are set aside as the validation split, by which the knee and all choices are made; the test split is read once, \
after the last epoch.

The spread of a unit is the standard deviation of its value after the ReLU over all training images. Of the spreads of one net: \
Shapiro–Wilk W (all units), skewness and kurtosis, their sum, the dead units, and the share π of the low component in two mixtures \
fitted by expectation–maximisation to the units that are not dead. Pooled fits are the study's: the units of all seeds of a width \
together, of each net 24 evenly spaced in order, from the study's starts, for at most a hundred steps. Principal components are \
those of the pre-activations over all training images; ranks are those of the hidden weight matrix.

Spreads, and with them W, π and dead units, go on moving with training and are measured after the last epoch alone. The study \
blames five epochs for its outliers and judged after 30; a claim about fewer has no verdict here.";

const SOURCES: [&str; 6] = [
    "Study 003: the fastdeepnets journal, 2017-10-06 to 2017-10-20 (variance, relation with accuracy, mixtures, Fashion-MNIST, PCA)",
    "Royston (1995), Remark AS R94, Applied Statistics 44(4): Shapiro–Wilk W for 3 to 5 000 values",
    "Roy & Vetterli, \"The effective rank\", EUSIPCO 2007",
    "Chan, Golub & LeVeque (1979): variances from batches",
    "LeCun, Cortes & Burges: MNIST",
    "Xiao, Rasul & Vollgraf (2017): Fashion-MNIST",
];

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
        shortened: Choices::shortened(context, |shortened| {
            shortened.fewer_seeds("");
            shortened.training_images(60_000, VALIDATION_IMAGES)
        })?,
        method: METHOD.to_owned(),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
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
