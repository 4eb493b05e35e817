//! The report page.

use espalier_experiment::{About, ReportContext, Shortened};
use espalier_report::page::Report;
use espalier_report::rows::Rows;

use crate::runs::{Runs, read};
use crate::{claims, figures, tables};

const METHOD: &str = "\
One-hidden-layer ReLU nets, Xavier-uniform weights, zero biases, pixels as u − 0.5, plain SGD, cross-entropy. The arms that split \
start with 10 units; at the end of each of the first epochs one unit becomes two. Its fan-in is scaled by α and β, its fan-out by γ \
and δ, four draws from [0.5, 1) divided by √(αγ + βδ): a ReLU net's outputs stay as they were, and the copies differ. Who is split is \
the only thing in which these arms differ; they share initial weights, scales and batches under a seed. The arm without splits has the \
final width from the start and shares the batches.

Rules: a unit drawn at random; the unit without which the loss is largest or smallest (its activation at 0, the others times \
H/(H − 1)); a unit drawn with probability softmax(10 · that loss); the unit that fires on most or fewest images, or on a share \
nearest to one half. Losses and firing rates are taken on the 10 000 validation images.

Every arm has one configuration, the same for all: the learning rate is a factor of the experiment, not tuned per arm. The test \
split is read once, after the last epoch, by each trained net twice: scaled rightly, and as u × 0.5 as in the study's code. Intervals \
are 95 % bootstrap intervals over seeds.";

const SOURCES: [&str; 3] = [
    "Study 001: notebook \"random function-preserving split of one neuron\" (2021), experiment E001, 10 runs of 7 arms",
    "Glorot & Bengio (2010), eq. 16: Xavier-uniform weights",
    "Xiao, Rasul & Vollgraf (2017): Fashion-MNIST",
];

/// Reads rows into the page.
pub fn page(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let rates = read(rows, &context.settings, &context.seeds)?;
    let mut blocks = Vec::new();
    for runs in &rates {
        blocks.extend(tables::of(runs)?);
    }
    Ok(Report {
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        claims: claims::all(&rates)?,
        figures: figures::plates(&rates, &subtitle(context)?)?,
        tables: blocks,
        notes: notes(&rates),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
    })
}

fn subtitle(context: &ReportContext) -> anyhow::Result<String> {
    let settings = &context.settings;
    let (split, still) = (settings.count("split_epochs")?, settings.count("still_epochs")?);
    let part = context
        .training_part()
        .map_or_else(String::new, |part| format!(", {part}"));
    Ok(format!(
        "{}{part}, {split} epochs with splits + {still} still",
        context.subtitle()
    ))
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let (settings, study) = (&context.settings, crate::study_size());
    let mut shortened = Shortened::new(context, &study);
    let epochs = |settings: &espalier_experiment::Settings| -> anyhow::Result<(usize, usize)> {
        Ok((settings.count("split_epochs")?, settings.count("still_epochs")?))
    };
    let (ours, theirs) = (epochs(settings)?, epochs(&study)?);
    if ours != theirs {
        let start = settings.count("start")?;
        shortened.lines.push(format!(
            "{} epochs with a split and {} still ones, where the study has {} and {}: nets end with {} units, where the study's \
             have {}",
            ours.0,
            ours.1,
            theirs.0,
            theirs.1,
            start + ours.0,
            study.count("start")? + theirs.0
        ));
    }
    shortened.fewer_seeds("runs");
    shortened.training_images(50_000, 0)?;
    Ok(shortened.lines)
}

fn notes(rates: &[Runs]) -> Vec<String> {
    let mut notes = vec![
        "No configuration was tuned for any arm: each has one per learning rate, the same for all, so that there was nothing to \
         choose."
            .to_owned(),
        "The study plots test curves of every epoch; here curves are those of the validation split, as the test split is read once."
            .to_owned(),
    ];
    for runs in rates {
        let (rate, diverged) = (runs.rate, runs.diverged());
        if diverged > 0 {
            notes.push(format!(
                "Learning rate {rate}: {diverged} trials diverged and count as the worst outcome."
            ));
        } else {
            notes.push(format!("Learning rate {rate}: no trial diverged."));
        }
    }
    notes
}
