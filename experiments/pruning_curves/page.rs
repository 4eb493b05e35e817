//! The report page of one data set.

use espalier_experiment::{About, ReportContext, Settings, Shortened};
use espalier_report::page::{Report, TableBlock, arms_table, tried_table};
use espalier_report::rows::Rows;
use espalier_seed::Seed;

use crate::PERCENTS;
use crate::arms::{Preparation, Variant};
use crate::figures::{OF_UNITS, of_weights};
use crate::pruning::{KEPT, SIGNED, UNITS, WEIGHTS};
use crate::recorded::{PLAIN, Recorded};
use crate::{claims, figures, figures_inside};

const METHOD: &str = "\
Nets 784-1000-1000-500-200-10 (the setting `widths`) of ReLUs, Glorot-uniform weights and zero biases, pixels from 0 to 1, Adam, no \
dropout and no penalty but the method's. *Short* and *long* are the study's two trainings, each with and without biases; the methods \
share a third training, set against *none*. All nets of a seed start from the same weights and see the same batches.

After training, of each unit's fan-in weights the smallest k % become 0, or of each layer's units the k % with the smallest fan-in \
L2 norm go with their biases; the logits stay. Nothing is trained afterwards. Flawed variants rank weights with their signs, or \
leave the biases of pruned units. Methods that drop have their masks lifted before pruning, so that every curve starts from the whole net; smallify's switches, gates and noise stay as they are in evaluations.

A configuration is a learning rate; every method tries the same. Configurations are chosen by the mean validation accuracy over all k \
of the method's own kind of pruning. Test images are read once for each k of a trained net.

Intervals are 95 % bootstrap intervals of interquartile means over paired seeds.";

const SOURCES: [&str; 5] = [
    "Study 002: the targeted-dropout inquiry (text and notebook)",
    "Gomez, Zhang, Kamalakara, Madaan, Swersky, Gal & Hinton (2019), \"Learning sparse networks using targeted dropout\"",
    "Leclerc, Vartak, Fernandez, Kraska & Madden (2018), \"Smallify: learning network size while training\"",
    "Glorot & Bengio (2010), equation 16: initial weights",
    "Xiao, Rasul & Vollgraf (2017): Fashion-MNIST",
];

/// Reads rows into the page.
pub fn of(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let recorded = Recorded::read(rows, &context.seeds)?;
    let settings = &context.settings;
    let missing = missing(&recorded, settings)?;
    if !missing.is_empty() {
        return unfinished(about, context, &missing);
    }
    let epochs = [
        settings.count("short_epochs")?,
        settings.count("long_epochs")?,
        settings.count("method_epochs")?,
    ];
    let subtitle = subtitle(context, epochs)?;
    let mut figures = figures::plates(&recorded, &subtitle, epochs)?;
    figures.extend(figures_inside::plates(&recorded, &subtitle)?);
    Ok(Report {
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        claims: claims::of(&recorded, epochs)?,
        figures,
        tables: tables(&recorded)?,
        notes: notes(&recorded),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
    })
}

/// The arms of which no seed is recorded yet: claims and figures compare all of them.
fn missing(recorded: &Recorded, settings: &Settings) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for variant in Variant::all(settings)? {
        let (name, there) = match &variant {
            Variant::Trained(arm) => (arm.name(), recorded.arm(&arm.name()).is_ok()),
            Variant::Timed { percent } => (variant.to_string(), recorded.timed.contains_key(percent)),
        };
        if !there && !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The page while arms are missing, for instance after `--only`.
fn unfinished(about: &About, context: &ReportContext, missing: &[String]) -> anyhow::Result<Report> {
    Ok(Report {
        title: format!("{} ({}, unfinished)", about.title, context.dataset),
        shortened: shortened(context)?,
        method: METHOD.to_owned(),
        notes: vec![format!(
            "Claims and figures compare all arms and are drawn once these are recorded too: {}.",
            missing.join("; ")
        )],
        ..context.page(about)
    })
}

/// Data set, preset, seeds, the part of the training images, and the epochs.
fn subtitle(context: &ReportContext, [short, long, methods]: [usize; 3]) -> anyhow::Result<String> {
    let images = match context.settings.count("train_images")? {
        0 => "all training images".to_owned(),
        images => format!("{images} training images"),
    };
    let given = context.subtitle();
    Ok(format!(
        "{given}, {images}, epochs: short {short}, long {long}, methods {methods}"
    ))
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let (settings, full) = (&context.settings, crate::study_size());
    let mut shortened = Shortened::new(context, &full);
    if settings.counts("widths")? != full.counts("widths")? {
        let (ours, study) = (settings.counts("widths")?, full.counts("widths")?);
        shortened.lines.push(format!(
            "hidden layers of {ours:?} units, where the study has {study:?}"
        ));
    }
    shortened.fewer("short_epochs", "epoch of short training")?;
    shortened.fewer("long_epochs", "epoch of long training")?;
    let (ours, most) = (settings.count("method_epochs")?, full.count("method_epochs")?);
    if ours < most {
        shortened.lines.push(format!(
            "{ours} epochs with each method, where the full size has {most}"
        ));
    }
    let (ours, study) = (settings.count("batch")?, full.count("batch")?);
    if ours != study {
        shortened.lines.push(format!(
            "batches of {ours}, where the study has {study}: fewer steps in an epoch"
        ));
    }
    shortened.training_images(60_000, settings.count("validation_images")?)?;
    if settings.count("curve_images")? > 0 {
        shortened.lines.push(format!(
            "curves on the first {} test images, where the study has 10 000",
            settings.count("curve_images")?
        ));
    }
    if settings.numbers("method_rates")?.len() < full.numbers("method_rates")?.len() {
        shortened
            .lines
            .push("one learning rate for each method, where the full size tries two".to_owned());
    }
    if !settings.is("all_methods")? {
        shortened
            .lines
            .push("without hard concrete gates and variational noise, which the full size has".to_owned());
    }
    Ok(shortened.lines)
}

fn tables(recorded: &Recorded) -> anyhow::Result<Vec<TableBlock>> {
    let seed = Seed::new(0).named("pruning-curves");
    let mut tables = vec![curves(recorded)?];
    for (title, methods, scheme, percent) in [
        (
            "Methods: test accuracy without 90 % of the weights",
            of_weights(recorded),
            WEIGHTS,
            90,
        ),
        (
            "Methods: test accuracy without 99 % of the weights",
            of_weights(recorded),
            WEIGHTS,
            99,
        ),
        (
            "Methods: test accuracy without half of the units",
            OF_UNITS.map(Preparation::name).to_vec(),
            UNITS,
            50,
        ),
        (
            "Methods: test accuracy without 80 % of the units",
            OF_UNITS.map(Preparation::name).to_vec(),
            UNITS,
            80,
        ),
    ] {
        let scores = recorded.scores(&methods, &|net| net.test(scheme, percent))?;
        tables.push(arms_table(title, &scores, Preparation::Nothing.name(), &seed)?);
    }
    tables.push(nets(recorded)?);
    tables.push(speed(recorded)?);
    tables.push(tried_table(&recorded.tried, &recorded.choices));
    Ok(tables)
}

/// Every curve in numbers.
fn curves(recorded: &Recorded) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for arm in PLAIN.into_iter().chain(recorded.methods()) {
        for scheme in [WEIGHTS, UNITS, SIGNED, KEPT] {
            if recorded.arm(arm)?.iter().all(|net| net.at(scheme, 0).is_none()) {
                continue;
            }
            let mut row = vec![arm.to_owned(), scheme.to_owned()];
            for percent in PERCENTS {
                row.push(format!(
                    "{:.3}",
                    recorded.estimate(arm, &|net| net.test(scheme, percent))?.value
                ));
            }
            rows.push(row);
        }
    }
    let shares = PERCENTS.map(|percent| format!("{percent} %"));
    Ok(TableBlock {
        title: "Test accuracy after pruning".to_owned(),
        header: ["training", "what goes"]
            .map(str::to_owned)
            .into_iter()
            .chain(shares)
            .collect(),
        rows,
        note: format!(
            "Interquartile means over {} seeds. \"weights, signed\" and \"units, biases kept\" repeat the study's faults. Nothing goes \
             at 0 %: that column is the net's own accuracy.",
            recorded.seeds.len()
        ),
    })
}

/// What the nets are like before pruning.
fn nets(recorded: &Recorded) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for arm in PLAIN.into_iter().chain(recorded.methods()) {
        let mean = |number: &dyn Fn(&crate::rows::Summary) -> f64| recorded.estimate(arm, &|net| number(&net.summary));
        rows.push(vec![
            arm.to_owned(),
            format!("{:.1}", mean(&|s| s.train_macs as f64 / 1e12)?.value),
            format!("{:.3}", mean(&|s| s.train_loss)?.value),
            format!("{:.4}", mean(&|s| s.test_accuracy)?.value),
            format!("{:.3}", mean(&|s| s.dead_share)?),
            format!("{:.3}", mean(&|s| s.always_on_share)?.value),
            format!("{:.3}", mean(&|s| s.largest_tenth)?.value),
            format!("{:.3}", mean(&|s| s.mean_correlation)?.value),
        ]);
    }
    Ok(TableBlock {
        title: "The nets before pruning".to_owned(),
        header: [
            "training",
            "training cost (10¹² MACs)",
            "last train loss",
            "test accuracy",
            "dead units (share)",
            "always-on units (share)",
            "Σ abs(w) in the largest tenth",
            "mean abs(correlation)",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: "Interquartile means over seeds. The cost of drawing masks is no multiply–accumulate and is not counted."
            .to_owned(),
    })
}

/// Sizes and times of compacted nets.
fn speed(recorded: &Recorded) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for (percent, timed) in &recorded.timed {
        let Some((_, first)) = timed.first() else { continue };
        let seconds: Vec<f64> = timed.iter().map(|(seconds, _)| seconds * 1e3).collect();
        rows.push(vec![
            percent.to_string(),
            first.parameters.to_string(),
            first.macs.to_string(),
            crate::recorded::middle(&seconds)?.to_string(),
            format!("{:.1}", crate::recorded::middle(&claims::speed_up(recorded, *percent))?),
        ]);
    }
    Ok(TableBlock {
        title: "Speed of nets without their pruned units".to_owned(),
        header: [
            "units gone (%)",
            "parameters",
            "MACs per image",
            "milliseconds per pass",
            "times as fast",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: "Wall clock on the machine of the run, one thread a trial, other trials beside it.".to_owned(),
    })
}

fn notes(recorded: &Recorded) -> Vec<String> {
    let mut notes = vec![
        "The study's weight pruning also removed one weight of each unit at 0 %, and drew its two curves from two nets; here 0 % \
         removes nothing and every net has both curves."
            .to_owned(),
        "Share of accuracy kept: accuracy after pruning over that of the same net before.".to_owned(),
        "Each method runs at the strength of its paper but for L1 and smallify: theirs were set after pilot runs of one seed at \
         two strengths, as the papers' (for other losses and lengths) did next to nothing here."
            .to_owned(),
    ];
    let diverged = recorded.nets().filter(|net| net.summary.diverged).count();
    if diverged > 0 {
        notes.push(format!("{diverged} trainings diverged and count as the worst outcome."));
    }
    notes
}
