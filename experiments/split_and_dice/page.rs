//! The report page.

use espalier_experiment::{About, ReportContext, Settings, Shortened};
use espalier_report::page::Report;
use espalier_report::rows::Rows;
use espalier_report::statistics::mean;

use crate::copies::{Means, STEPS};
use crate::runs::Runs;
use crate::{claims, figures, scores, tables};

const METHOD: &str = "\
conv 5×5 – ReLU – pool 2 – conv 5×5 – ReLU – pool 2 – dense – ReLU – dense, PyTorch's default initialisation, Adam, cross-entropy, \
batches of 128, pixels scaled to [−1, 1]. Every arm trains until the same compute is spent: multiply–accumulates of training, forward and \
backward counted as three forwards, and of all decisions. Larger nets therefore see fewer images.

Arms: the starting net; a static net with the widths that the arm `split` of the same seed ended with; a static net with as many \
parameters in the starting proportions; splitting; dice; both. At the end of each epoch a unit splits when the mean over batches of \
|∂L/∂b| of its bias is above (1 + cutoff_add) times its layer's mean and it has not changed for two epochs, and is removed when below \
(1 − cutoff_remove) times it. A copy gets half of the fan-out, and a bias moved by a thousandth, as in the study. What that is worth is \
measured beside it: every unit of the starting net is split in two after an epoch, and the copies' distance is followed for 200 steps. \
The dice draw all weights anew for each roll, score them on the same training images and keep the best, the first initialisation being one \
of them. In the sweep over rolls and starting sizes the rolls come on top of the budget, so that what they are worth shows apart from what \
they cost.

Arms with the same widths start from the same weights and see the same batches under a seed. One configuration per arm, the study's, so \
that nothing was tuned. After every epoch the validation split is scored; the test split is read at the end, by the final weights and by \
those of the best epoch by validation. Intervals are 95 % bootstrap intervals over seeds.";

const SOURCES: [&str; 3] = [
    "Study 000: neuron splitting with dice roll (2021): working example, limited-time trial, best-epoch trial, observations",
    "Krizhevsky (2009): CIFAR-10",
    "Lilliefors (1967), and its parametric bootstrap: Kolmogorov–Smirnov tests of fitted laws",
];

/// Reads rows into the page.
pub fn page(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let runs = Runs::read(rows, &context.settings, &context.seeds)?;
    let decisions = scores::decisions(&runs);
    Ok(Report {
        title: format!("{} ({}, {})", about.title, context.dataset, part(context)),
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        claims: claims::all(&runs, &decisions, &context.settings)?,
        figures: figures::plates(&runs, &decisions, &context.settings, &subtitle(context)?)?,
        tables: tables::all(&runs, &decisions)?,
        notes: notes(&runs),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
    })
}

/// The part of the training split in use, in words.
fn part(context: &ReportContext) -> String {
    context
        .training_part()
        .unwrap_or_else(|| "all training images that are there".to_owned())
}

fn start(settings: &Settings) -> anyhow::Result<String> {
    let widths: Vec<String> = settings.counts("start")?.iter().map(ToString::to_string).collect();
    Ok(widths.join("/"))
}

fn subtitle(context: &ReportContext) -> anyhow::Result<String> {
    let settings = &context.settings;
    Ok(format!(
        "{}, {}, start {}, compute of {} epochs of it",
        context.subtitle(),
        part(context),
        start(settings)?,
        settings.number("budget_epochs")?
    ))
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let (settings, full) = (&context.settings, crate::study_size());
    let mut shortened = Shortened::new(context, &full);
    let (ours, study) = (start(settings)?, start(&full)?);
    if ours != study {
        shortened.lines.push(format!(
            "nets start with {ours} units, as in the study's working example, where its trials start with {study}"
        ));
    }
    shortened.training_images(50_000, 0)?;
    for data in &context.provenance.data {
        shortened.lines.push(format!("of {}: {}", data.name, data.part));
    }
    let (ours, study) = (settings.number("budget_epochs")?, full.number("budget_epochs")?);
    if ours < study {
        shortened.lines.push(format!(
            "the compute of {ours} epochs of the starting net for every arm, where the preset `full` has {study} and the study 7 \
             minutes on a GPU"
        ));
    }
    shortened.lines.push(
        "the best-epoch trial is read from the same runs, where the study ran on for twice the time or to 50 epochs"
            .to_owned(),
    );
    shortened.fewer_seeds("runs");
    let (ours, study) = (settings.count("dice_rolls")?, full.count("dice_rolls")?);
    if ours < study {
        shortened.lines.push(format!(
            "{ours} rolls in the arms with dice, the default of the study's library, where its example and most of its trials have {study}: on \
             so small a budget these would take a larger share of it than they did there"
        ));
    }
    if settings.count("dice_steps")? == 0 {
        shortened.lines.push(
            "rolls are scored untrained, as in the study's last version, where its trials trained each for ten steps"
                .to_owned(),
        );
    }
    Ok(shortened.lines)
}

fn notes(runs: &Runs) -> Vec<String> {
    let mut notes = vec![
        "The study's +11.93 % is relative: 0.67121 over 0.59967; in points it is 7.15, and one of its ten control runs (.4635) is an \
         outlier. What it calls the best of its rolls was the last one: its code kept references to the live weights and restored \
         nothing."
            .to_owned(),
        "Wall time stands in the table beside the compute: machines differ, multiply–accumulates do not.".to_owned(),
    ];
    notes.extend(copies(runs));
    let diverged = runs.diverged();
    if diverged > 0 {
        notes.push(format!("{diverged} trials diverged and count as the worst outcome."));
    } else {
        notes.push("No trial diverged.".to_owned());
    }
    notes
}

/// What became of copies with the study's jitter, in numbers.
fn copies(runs: &Runs) -> Option<String> {
    let last = STEPS[STEPS.len() - 1];
    let at = |means, steps| mean(&runs.gaps(means, steps)).ok();
    let (birth, jitter) = (at(Means::Jitter, 0)?, at(Means::Jitter, last)?);
    let shares = at(Means::Shares, last)?;
    Some(format!(
        "With the study's jitter two copies of a unit are {birth:.1e} of their weights apart after the split and {jitter:.1e} after {last} \
         steps of Adam; with uneven shares of the fan-out {shares:.1e} (means over seeds of the median over units). The arms with \
         splitting use the study's jitter."
    ))
}
