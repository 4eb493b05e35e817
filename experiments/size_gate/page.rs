//! The report pages: one data set, and MNIST beside Fashion-MNIST.

use espalier_experiment::{About, ReportContext, Shortened};
use espalier_report::page::{Report, TableBlock, titled};
use espalier_report::rows::Rows;
use espalier_study::{Claims, Set, Study, Where};

use crate::runs::{MACS, Net, OPEN, OVER_TWIN, ROLE, SIZE, TEST, VALIDATION};
use crate::variants::Role;
use crate::{claims, figures, runs};

const METHOD: &str = "\
One-hidden-layer nets 784-N-10, unit i multiplied by σ(−k(i − x₀)) behind its ReLU, PyTorch's default initialisation, Adam, batches of \
128, images standardised with 0.1307 and 0.3081. The loss is cross-entropy + λ·∫₀ᴺ σ(k(x₀ − t)) dt; x₀ is trained by an Adam of its \
own with rate 1 and no decay. L2 is Adam's weight decay on weights and biases. After the last epoch units with gates below 0.01 leave \
the net and the other gates are multiplied into the weights; accuracies are those of that net. One configuration, the study's, serves \
all arms: start, λ and L2 are the axes.

In the arms whose start is ignored x₀ starts at 1, as in the study until its erratum; the stated start only draws other weights and \
batches, so that such nets differ as much as the study's did. A static twin is a plain net whose width is the rounded size of the gated \
net of its seed and λ; the wide net is plain as well; both have the same L2 and are trained for as many epochs. For the plateau's cause \
λ = 0 and no unit is taken out.

10 000 training images are set aside as the validation split, on which curves are drawn; the test split is read once per net, after its \
last epoch. Estimates are interquartile means over paired seeds with 95 % bootstrap intervals.";

const SOURCES: [&str; 2] = [
    "Study 003: the fastdeepnets journal, 2017-10-23 to 2017-11-04 (metric-less sizes, integral, plateau hypothesis, erratum)",
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
    // Each data set's own page judges.
    report.claims = Vec::new();
    Ok(report)
}

fn page(about: &About, sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Report> {
    let study = runs::study(sets, context)?;
    let setup = setup(context)?;
    let claims = |set: &Set<Net>| claims::of(&study, &set.name, setup.decay, &setup.frontier_decays);
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(claims).collect();
    let mut report = base(about, context)?;
    report.figures = figures::all(&study, &claims, &setup)?.plates()?;
    for (set, claims) in study.sets.iter().zip(&claims) {
        let name = if study.sets.len() > 1 { set.name.as_str() } else { "" };
        let judged = claims.judged()?;
        report.claims.extend(judged.claims);
        report.tables.push(table(&study, set)?.of_set(name));
        report.notes.extend(
            judged
                .notes
                .into_iter()
                .chain(notes(&study, set))
                .map(|note| titled(name, note)),
        );
    }
    Ok(report)
}

fn setup(context: &ReportContext) -> anyhow::Result<figures::Setup> {
    let settings = &context.settings;
    Ok(figures::Setup {
        decay: settings.number("decay")?,
        frontier_decays: settings.numbers("frontier_decays")?,
        frontier_start: settings.number("frontier_start")?,
        units: settings.count("units")? as f64,
        wide: settings.count("wide")? as f64,
        slope: settings.number("slope")?,
    })
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
    shortened.fewer("epochs", "epoch")?;
    shortened.fewer_seeds("on its frontier");
    for (name, what) in [
        ("starts", "start of x₀"),
        ("ignored_starts", "start of x₀ stated but ignored"),
        ("frontier_exponents", "weight λ on the frontier"),
        ("frontier_decays", "value of L2 on the frontier"),
    ] {
        shortened.fewer(name, what)?;
    }
    shortened.training_images(60_000, crate::VALIDATION_IMAGES)?;
    Ok(shortened.lines)
}

/// Every arm on one line.
fn table(study: &Study<Net>, set: &Set<Net>) -> anyhow::Result<TableBlock> {
    let columns = [SIZE, OPEN, VALIDATION, TEST, OVER_TWIN, MACS];
    let mut table = study.table(set, "All nets", &Where::all(), &columns)?;
    table.note =
        "Interquartile means over seeds with 95 % bootstrap intervals; MACs are multiply–accumulates of training."
            .to_owned();
    Ok(table)
}

fn notes(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let swept = ROLE.any([
        Role::Start.name(),
        Role::Ignored.name(),
        Role::Frontier.name(),
        Role::Cause.name(),
    ]);
    vec![study.settled_note(set, &SIZE, &swept), study.diverged_note(set)]
}
