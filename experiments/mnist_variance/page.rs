//! The report pages: one data set, and MNIST beside Fashion-MNIST.

use espalier_experiment::{About, ReportContext, Sets, Shortened};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::Rows;

use crate::curves::{Curves, mean_and_deviation};
use crate::{choices, claims, figures, figures_components};

const METHOD: &str = "\
One-hidden-layer ReLU nets 784-H-10, PyTorch's default initialisation, Adam, batches of 128, images standardised with 0.1307 and \
0.3081. The width H is the only independent variable; the seeds of initialisation and shuffling are paired across widths. 10 000 \
training images are set aside as the validation split, by which the knee and all choices are made; the test split is read once, \
after the last epoch.

The spread of a unit is the standard deviation of its value after the ReLU over all training images. Of the spreads of one net: \
Shapiro–Wilk W (all units), skewness and kurtosis, their sum, the dead units, and the share π of the low component in two mixtures \
fitted by expectation–maximisation to the units that are not dead. Principal components are those of the pre-activations over all \
training images; ranks are those of the hidden weight matrix.

Every estimate is per net; intervals are 95 % bootstrap intervals over seeds, bands in figures ± one standard deviation over seeds.";

const SOURCES: [&str; 6] = [
    "Study 003: the fastdeepnets journal, 2017-10-06 to 2017-10-20 (variance, relation with accuracy, mixtures, Fashion-MNIST, PCA)",
    "Royston (1995), Remark AS R94, Applied Statistics 44(4): Shapiro–Wilk W for 3 to 5 000 values",
    "Roy & Vetterli, \"The effective rank\", EUSIPCO 2007",
    "Chan, Golub & LeVeque (1979): variances from batches",
    "LeCun, Cortes & Burges: MNIST",
    "Xiao, Rasul & Vollgraf (2017): Fashion-MNIST",
];

/// The page of one data set.
pub fn single(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let curves = Curves::read(rows, &context.seeds)?;
    let sets = Sets::one(&curves, context.subtitle_with_epochs()?);
    let mut report = base(about, context)?;
    report.claims = claims::of(&curves, &context.dataset)?;
    report.figures = figures::plates(&sets)?;
    report.figures.extend(figures_components::plates(&sets)?);
    report.tables = vec![choices::table(&curves)?, numbers(&curves)?];
    report.tables.extend(checks(&curves));
    report.notes = notes(&curves, context)?;
    Ok(report)
}

/// The page of several data sets.
pub fn combined(about: &About, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Report> {
    let mut curves = Vec::new();
    for (name, rows) in rows {
        curves.push((name.as_str(), Curves::read(rows, &context.seeds)?));
    }
    let sets = Sets::several(
        curves.iter().map(|(name, curves)| (*name, curves)),
        context.subtitle_with_epochs()?,
    );
    let mut report = base(about, context)?;
    report.title = format!("{} MNIST beside Fashion-MNIST", about.title);
    if let [("mnist", mnist), ("fashion-mnist", fashion)] = curves.as_slice() {
        report.claims = claims::of_both(mnist, fashion)?;
    }
    report.figures = figures::plates(&sets)?;
    report.figures.extend(figures_components::plates(&sets)?);
    for (name, curves) in &curves {
        report.tables.push(choices::table(curves)?.of_set(name));
    }
    Ok(report)
}

fn base(about: &About, context: &ReportContext) -> anyhow::Result<Report> {
    Ok(Report {
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
    })
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let study = crate::study_size();
    let mut shortened = Shortened::new(context, &study);
    let (ours, theirs) = (context.settings.counts("widths")?, study.counts("widths")?);
    if let (Some(most), Some(study_most)) = (ours.last(), theirs.last())
        && ours != theirs
    {
        shortened.lines.push(format!(
            "{} widths to {most}, where the study has {} to {study_most}",
            ours.len(),
            theirs.len()
        ));
    }
    shortened.fewer("epochs", "epoch")?;
    shortened.fewer_seeds("");
    shortened.training_images(60_000, crate::VALIDATION_IMAGES)?;
    Ok(shortened.lines)
}

/// Means over seeds by width.
fn numbers(curves: &Curves) -> anyhow::Result<TableBlock> {
    let columns: [(&str, usize, crate::curves::Metric); 14] = [
        ("train accuracy", 4, |net| net.summary.train_accuracy),
        ("validation accuracy", 4, |net| net.summary.validation_accuracy),
        ("test accuracy", 4, |net| net.summary.test_accuracy),
        ("W", 3, |net| net.summary.shapiro_w),
        ("skewness", 2, |net| net.summary.skewness),
        ("excess kurtosis", 2, |net| net.summary.excess_kurtosis),
        ("total spread", 1, |net| net.summary.total_spread),
        ("dead units", 1, |net| net.summary.dead_units as f64),
        ("π exp + normal", 3, |net| net.summary.exp_normal_share),
        ("exp + normal converged", 2, |net| {
            converged(&net.summary.exp_normal_outcome)
        }),
        ("π two gammas", 3, |net| net.summary.two_gamma_share),
        ("two gammas converged", 2, |net| {
            converged(&net.summary.two_gamma_outcome)
        }),
        ("effective rank", 1, |net| net.summary.effective_rank),
        ("stable rank", 1, |net| net.summary.stable_rank),
    ];
    let row = |place: usize| -> Vec<String> {
        let cell = |&(_, decimals, metric): &(&str, usize, crate::curves::Metric)| {
            let values: Vec<f64> = curves
                .runs
                .iter()
                .map(|run| metric(&run[place]))
                .filter(|v| v.is_finite())
                .collect();
            let (mean, sd) = mean_and_deviation(&values);
            format!("{mean:.decimals$} ± {sd:.decimals$}")
        };
        std::iter::once(curves.widths[place].to_string())
            .chain(columns.iter().map(cell))
            .collect()
    };
    Ok(TableBlock {
        title: "All numbers by width".to_owned(),
        header: std::iter::once("width")
            .chain(columns.iter().map(|column| column.0))
            .map(str::to_owned)
            .collect(),
        rows: (0..curves.widths.len()).map(row).collect(),
        note: format!("Mean ± standard deviation over {} seeds, per net.", curves.runs.len()),
    })
}

/// 1 for a mixture fit that stood still, 0 for one that ended otherwise.
fn converged(outcome: &str) -> f64 {
    f64::from(u8::from(outcome == "Converged"))
}

/// Whether the components hold what they must; none where no trial has components.
fn checks(curves: &Curves) -> Option<TableBlock> {
    let spectra: Vec<_> = curves
        .runs
        .iter()
        .flatten()
        .filter_map(|net| net.spectrum.as_ref())
        .collect();
    if spectra.is_empty() {
        return None;
    }
    let worst = |errors: &mut dyn Iterator<Item = f64>| errors.fold(0.0, f64::max);
    let sums = worst(
        &mut spectra
            .iter()
            .map(|s| (s.eigenvalue_sum / s.total_variance - 1.0).abs()),
    );
    let measured = || spectra.iter().filter(|s| s.checked_residual.is_finite());
    let residuals = worst(&mut measured().map(|s| (s.checked_residual / s.expected_residual - 1.0).abs()));
    let row = |what: &str, nets: usize, worst: f64, allowed: &str| {
        vec![
            what.to_owned(),
            nets.to_string(),
            format!("{worst:.1e}"),
            allowed.to_owned(),
        ]
    };
    Some(TableBlock {
        title: "Checks of the principal components".to_owned(),
        header: ["identity", "nets", "largest relative error", "allowed"]
            .map(str::to_owned)
            .to_vec(),
        rows: vec![
            row("Σ of the eigenvalues = total variance", spectra.len(), sums, "1e-4"),
            row(
                "measured residual after a quarter of the components = Σ of the other eigenvalues",
                measured().count(),
                residuals,
                "1e-3",
            ),
        ],
        note: "The residual is measured image by image over the training split, up to 128 units.".to_owned(),
    })
}

fn notes(curves: &Curves, context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let mut notes = vec![
        "Every metric but the knee reads single nets; the knee needs all of them. A metric whose choice lies far from the knee, or at \
         an end of the grid, does not say which width was enough."
            .to_owned(),
    ];
    let diverged = curves.runs.iter().flatten().filter(|net| net.summary.diverged).count();
    if diverged > 0 {
        notes.push(format!(
            "{diverged} nets diverged and count as the worst outcome; their metrics are left out."
        ));
    }
    let (ours, theirs) = (context.settings.count("epochs")?, crate::study_size().count("epochs")?);
    if ours < theirs {
        notes.push(format!(
            "The verdicts hold for nets trained for {ours} epochs. Spreads, and with them W, π and dead units, go on moving with \
             training: whether a claim held after the study's {theirs} epochs is what the preset `full` says."
        ));
    }
    Ok(notes)
}
