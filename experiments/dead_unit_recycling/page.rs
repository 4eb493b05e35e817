//! The report page.

use espalier_experiment::{About, ReportContext};
use espalier_report::page::{Report, TableBlock, arms_table, tried_table};
use espalier_report::rows::Rows;
use espalier_report::statistics::Tried;

use crate::arms::Arm;
use crate::scores::{LATE_DEAD, LATE_ONLINE, LATE_RANK, LATE_VALIDATION, Runs, Seen, Trial, middle, read, report_seed};
use crate::{claims, figures};

/// Tasks and images of a task of the permuted images in Dohare et al. 2024, seen one by one.
const PAPER_IMAGES: (usize, usize) = (800, 60_000);
/// Flips, rows between two and runs of their slowly-changing regression, seen one by one.
const PAPER_FLIPS: (usize, usize) = (300, 10_000);

const METHOD: &str = "\
A network goes through a stream of tasks with Adam and is not told where one ends; each training row is seen once. *Permuted pixels*: \
every task shows images with their pixels in a new random order. *Rotated labels*: every task moves the classes on by one. *Flipping \
bits*: the slowly-changing regression, in which one of 15 fixed input bits flips between tasks, 5 bits are random, and the target is a \
fixed net of 100 linear threshold units; its score is the share of the targets' variance that is explained.

Arms: *none*; *start the net over*, a new network at each task, which is told where tasks end; *re-initialise*, dead units get random \
fan-in and zero fan-out weights; *recycle*, a unit that was silent for a window of batches and on the growth batch becomes an exact copy \
of a living unit, each keeping half of the fan-out weights; *recycle + noise*, the same with noise on the copy's fan-in weights; *ReDo*, \
dormant units (score ≤ τ) are started over; *continual backprop*, the least useful mature units are started over, a few per step; \
*growth*, a net of half the width that gets new units until it is as wide as the others. The residual net's units are coupled over its \
sums: they are dead only if they are silent wherever they are read, and edits change all their producers and consumers.

Units are counted, and the last hidden layer's effective rank is taken, at the end of each task on the task's own rows; checks are so \
spaced that they do not fall on the ends of tasks. Every arm tries the same learning rates; the one with the best mean validation score \
over the tasks of the last quarter is chosen. Dead units and ranks are compared at the rate chosen for *none*, so that differences are \
the strategy's alone, scores at each arm's own rate. Test rows of the last task are read once.";

const SOURCES: [&str; 4] = [
    "Study 004: a forum thread on recycling dead ReLU units by splitting living ones (no experiment of its own)",
    "Sokar, Agarwal, Castro & Evci (2023), \"The dormant neuron phenomenon in deep reinforcement learning\": ReDo",
    "Dohare et al. (2024), \"Loss of plasticity in deep continual learning\", Nature 632: continual backprop and the streams",
    "Roy & Vetterli (2007), \"The effective rank\"",
];

/// The page of one data set.
pub fn single(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let seen = read(rows, context)?;
    let settings = &context.settings;
    let subtitle = format!(
        "{}; {} tasks of {} images, {} flips of {} rows",
        context.subtitle(),
        settings.count("tasks")?,
        settings.count("task_images")?,
        settings.count("flips")?,
        settings.count("flip_rows")?
    );
    let known = context.page(about);
    Ok(Report {
        dataset: format!("{}; the regression stream is drawn", known.dataset),
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        claims: claims::all(&seen)?,
        figures: figures::plates(&seen, &subtitle)?,
        tables: tables(&seen)?,
        notes: notes(&seen),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..known
    })
}

/// What is smaller than in the papers, computed from the settings.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let settings = &context.settings;
    let mut lines =
        vec!["the thread has no experiment: sizes are set against the papers whose streams these are".to_owned()];
    let (tasks, images) = (settings.count("tasks")?, settings.count("task_images")?);
    if tasks < PAPER_IMAGES.0 || images < PAPER_IMAGES.1 {
        lines.push(format!(
            "{tasks} tasks of {images} images in batches of {}, where the paper has {} of {} seen one by one",
            settings.count("batch")?,
            PAPER_IMAGES.0,
            PAPER_IMAGES.1
        ));
    }
    let (flips, rows) = (settings.count("flips")?, settings.count("flip_rows")?);
    if flips < PAPER_FLIPS.0 || rows < PAPER_FLIPS.1 {
        lines.push(format!(
            "{flips} flips with {rows} rows each in batches of {}, where the paper has {} with {} seen one by one",
            settings.count("flip_batch")?,
            PAPER_FLIPS.0,
            PAPER_FLIPS.1
        ));
    }
    lines.push(format!(
        "hidden layers of {} units, where the paper's nets for images have up to 2 000",
        settings.count("width")?
    ));
    Ok(lines)
}

fn tables(seen: &[Seen]) -> anyhow::Result<Vec<TableBlock>> {
    let (none, mut tables) = (Arm::None.name(), Vec::new());
    for one in seen {
        let title = format!(
            "{}: validation score, last quarter of the tasks, each arm at its chosen rate",
            one.place
        );
        let scores = one.scores(|arm| one.chosen(arm), LATE_VALIDATION)?;
        tables.push(arms_table(
            &title,
            &scores,
            none,
            &report_seed(&format!("scores/{}", one.slug())),
        )?);
    }
    for one in seen {
        let rate = one.chosen(Arm::None).map_or(f64::NAN, |runs| runs.rate);
        let title = format!(
            "{}: share of dead units, last quarter of the tasks, all arms at rate {rate}",
            one.place
        );
        let dead = one.scores(|arm| one.at_reference_rate(arm), LATE_DEAD)?;
        let mut table = arms_table(&title, &dead, none, &report_seed(&format!("dead/{}", one.slug())))?;
        table.header[3] = "P(more dead)".to_owned();
        table.note = table
            .note
            .replace("P(better)", "P(more dead)")
            .replace("is ahead", "has more dead units");
        tables.push(table);
    }
    tables.push(tried(seen));
    tables.push(numbers(seen)?);
    Ok(tables)
}

fn tried(seen: &[Seen]) -> TableBlock {
    let (mut tried, mut choices) = (Vec::new(), Vec::new());
    for one in seen {
        let named = |arm: &str| format!("{}: {arm}", one.place);
        tried.extend(one.tried.iter().map(|tried| Tried {
            arm: named(&tried.arm),
            ..tried.clone()
        }));
        choices.extend(one.choices.iter().cloned().map(|mut choice| {
            choice.arm = named(&choice.arm);
            choice
        }));
    }
    tried_table(&tried, &choices)
}

fn numbers(seen: &[Seen]) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for one in seen {
        for runs in &one.runs {
            rows.push(line(one, runs)?);
        }
    }
    Ok(TableBlock {
        title: "All numbers".to_owned(),
        header: [
            "stream, model",
            "arm",
            "rate",
            "dead share",
            "effective rank",
            "online score",
            "validation score",
            "test score",
            "training MACs",
            "decision MACs",
            "units renewed",
            "largest output change by an edit",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: "Interquartile means over seeds; the first four numbers over the last quarter of the tasks, the test score on the last \
               task's test rows, read once. MACs of decisions are those of the questions that a strategy asks of the growth batch."
            .to_owned(),
    })
}

fn line(one: &Seen, runs: &Runs) -> anyhow::Result<Vec<String>> {
    let name = format!("numbers/{}/{}/{}", one.slug(), runs.arm, runs.rate);
    let middle = |metric: fn(&Trial) -> f64| Ok::<f64, anyhow::Error>(middle(&name, &runs.values(metric))?.value);
    let last = |of: fn(&crate::rows::Task) -> u64| {
        let ends = runs.trials.iter().filter_map(|trial| trial.tasks.last().map(of));
        ends.sum::<u64>() as f64 / runs.trials.len() as f64
    };
    let deviations = runs.trials.iter().map(|trial| trial.summary.largest_deviation);
    let largest = deviations.fold(f64::NAN, f64::max);
    Ok(vec![
        one.place.to_string(),
        runs.arm.to_string(),
        runs.rate.to_string(),
        format!("{:.3}", middle(LATE_DEAD)?),
        format!("{:.1}", middle(LATE_RANK)?),
        format!("{:.3}", middle(LATE_ONLINE)?),
        format!("{:.3}", middle(LATE_VALIDATION)?),
        format!("{:.3}", middle(|trial| trial.summary.test_score)?),
        format!("{:.2e}", last(|task| task.train_macs)),
        format!("{:.2e}", last(|task| task.decision_macs)),
        format!("{:.0}", last(|task| task.newborns)),
        if largest.is_nan() {
            "no edit".to_owned()
        } else {
            format!("{largest:.1e}")
        },
    ])
}

fn notes(seen: &[Seen]) -> Vec<String> {
    let trials = || seen.iter().flat_map(|one| &one.runs).flat_map(|runs| &runs.trials);
    let all = trials().count();
    let diverged = trials().filter(|trial| trial.summary.diverged).count();
    let (refused, taken_back) = trials().fold((0, 0), |(a, b), trial| {
        (a + trial.summary.edits_refused, b + trial.summary.edits_rolled_back)
    });
    let applied: u64 = trials().map(|trial| trial.summary.edits_applied).sum();
    let mut notes = vec![format!(
        "{diverged} of {all} trials diverged; a trial that diverges counts as the worst outcome. \
         {applied} edits were applied, {refused} refused, and {taken_back} taken back because they moved the outputs further than claimed."
    )];
    for one in seen {
        let ends = |arm: Arm| {
            one.chosen(arm)?
                .trials
                .first()?
                .tasks
                .last()
                .map(|task| task.parameters)
        };
        if let Some((grown, fixed)) = ends(Arm::Growth).zip(ends(Arm::None)) {
            notes.push(format!(
                "{}: growth ends with {grown} parameters, the other arms have {fixed} all along.",
                one.place
            ));
        }
    }
    notes
}
