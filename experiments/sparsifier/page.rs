//! The report pages: one data set, and MNIST beside Fashion-MNIST.

use espalier_experiment::{About, ReportContext, Shortened};
use espalier_report::page::{Report, TableBlock, titled};
use espalier_report::rows::Rows;
use espalier_sparsifier::Penalty;
use espalier_study::{Claims, Set, Study, Where};

use crate::claims::Published;
use crate::rows::Removal;
use crate::runs::{self, AT, CLEAR, MACS, Net, OVER_TWIN, PENALTY, SIZE, START, TEST, TRAIN, VALIDATION};
use crate::{both, claims, figures, named, written};

const METHOD: &str = "\
One-hidden-layer nets 784-N-10, W₂·(ReLU(W₁x + b₁) ∘ relu(θ)) + b₂, PyTorch's default initialisation, θ = 1 at first; Adam, batches of \
128, no weight decay, images standardised with 0.1307 and 0.3081. The loss is cross-entropy + λ·Σ max(θ, 0) (*strict*) or + λ·Σ|θ| \
(*non-strict*). Strict nets lose their closed units after every epoch, which leaves the function as it was and makes steps cheaper; \
non-strict ones after the last epoch, as a closed unit may open again. Penalty, λ and N are the independent variables; one \
configuration, the study's, serves all of them. Seeds of initialisation and shuffling are paired.

The size is the number of units with θ > 0, as in the study. Adam moves the closed gates of a non-strict net to and fro around 0 by \
about its rate, so that this count takes many of them for open; units with θ > 0.01 are counted beside it.

A static twin is a plain net 784-h-10 of the size h that the strict net of the same seed and λ has reached, trained for as many \
epochs, for λ of 1e-4 and more. 10 000 training images are set aside as the validation split, on which curves are drawn; the test split is read once per net, \
after its last epoch. Estimates are interquartile means over seeds with 95 % bootstrap intervals.";

const SOURCES: [&str; 3] = [
    "Study 003: the fastdeepnets journal, 2017-11-10 and March 2018 (sparsifier); the SysML 2018 poster",
    "Leclerc et al. (2018), ShrinkNets, later Smallify",
    "LeCun, Cortes & Burges: MNIST; Xiao, Rasul & Vollgraf (2017): Fashion-MNIST",
];

/// The page of one data set.
pub fn single(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    page(about, &[(context.dataset.clone(), rows)], context)
}

/// The page of several data sets.
pub fn combined(about: &About, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Report> {
    let sets: Vec<(String, &Rows)> = rows.iter().map(|(name, rows)| (name.clone(), rows)).collect();
    let mut report = page(about, &sets, context)?;
    report.title = format!("{} MNIST beside Fashion-MNIST", about.title);
    // Each data set's own page judges what is about one.
    report.claims = Vec::new();
    if sets
        .iter()
        .map(|(name, _)| name.as_str())
        .eq(["mnist", "fashion-mnist"])
    {
        let study = runs::across(&sets, context)?;
        let start = context.settings.count("start")?;
        let claims = both::claims(&study, start);
        let judged = claims.judged()?;
        report.claims = judged.claims;
        report.notes.extend(judged.notes);
        let first = both::figures(&study, &claims, start)?.plates()?;
        report.figures.splice(0..0, first);
    }
    Ok(report)
}

fn page(about: &About, sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Report> {
    let (start, lambda) = (
        context.settings.count("start")?,
        context.settings.number("start_lambda")?,
    );
    let study = runs::study(sets, context)?;
    let claims: Vec<Claims<'_, Net>> = study
        .sets
        .iter()
        .map(|set| claims::of(&study, &set.name, start, lambda))
        .collect();
    let mut report = base(about, context)?;
    report.figures = figures::all(&study, &claims, start, lambda)?.plates()?;
    for ((set, claims), (_, rows)) in study.sets.iter().zip(&claims).zip(sets) {
        let name = if study.sets.len() > 1 { set.name.as_str() } else { "" };
        let judged = claims.judged()?;
        report.claims.extend(judged.claims);
        report.tables.push(table(&study, set)?.of_set(name));
        let notes = judged.notes.into_iter().chain(notes(&study, set, rows)?);
        report.notes.extend(notes.map(|note| titled(name, note)));
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
    let (settings, study) = (&context.settings, crate::study_size());
    let mut shortened = Shortened::new(context, &study);
    shortened.fewer("epochs", "epoch")?;
    shortened.fewer_seeds("");
    for name in ["strict_lambdas", "non_strict_lambdas"] {
        let (ours, theirs) = (settings.numbers(name)?, study.numbers(name)?);
        if ours.len() < theirs.len() {
            let what = name.trim_end_matches("_lambdas").replace('_', "-");
            let shown: Vec<String> = ours.iter().map(|l| written(*l)).collect();
            let number = format!("{} of {} weights λ of the {what} penalty", ours.len(), theirs.len());
            shortened.lines.push(format!("{number}: {}", shown.join(", ")));
        }
    }
    shortened.training_images(60_000, crate::VALIDATION_IMAGES)?;
    Ok(shortened.lines)
}

/// All nets beside the study's numbers.
fn table(study: &Study<Net>, set: &Set<Net>) -> anyhow::Result<TableBlock> {
    let columns = [SIZE, CLEAR, TRAIN, VALIDATION, TEST, OVER_TWIN, MACS];
    let mut table = study.table(set, "All nets", &Where::all(), &columns)?;
    table.header.insert(3, "study: units, test accuracy".to_owned());
    for (cells, arm) in table.rows.iter_mut().zip(&study.arms) {
        let as_published = arm
            .setting(PENALTY.name)
            .is_some_and(|penalty| penalty.to_string() == named(Penalty::Strict))
            && arm.number(&START) == 500.0;
        let numbers = Published::of(&set.name)
            .filter(|_| as_published)
            .and_then(|p| p.at(arm.number(&AT)));
        cells.insert(
            3,
            numbers.map_or_else(|| "–".to_owned(), |(units, accuracy)| format!("{units}, {accuracy:.3}")),
        );
    }
    table.note = "Interquartile means over seeds with 95 % bootstrap intervals; MACs are multiply–accumulates of the gated net's \
                  training."
        .to_owned();
    Ok(table)
}

fn notes(study: &Study<Net>, set: &Set<Net>, rows: &Rows) -> anyhow::Result<Vec<String>> {
    let removals = rows.get::<Removal>()?;
    let worst = removals.iter().filter_map(|r| r.row.deviation).fold(0.0, f64::max);
    let edits = format!(
        "Units left the nets in {} edits; the largest change of any output was {worst:.1e} of the largest output.",
        removals.len()
    );
    let strict = PENALTY.is(named(Penalty::Strict));
    Ok(vec![
        study.settled_note(set, &SIZE, &strict),
        edits,
        study.diverged_note(set),
    ])
}
