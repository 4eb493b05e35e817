//! The report page of one data set.

use espalier_experiment::{About, Columns as _, Preset, ReportContext};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::Rows;
use espalier_study::{Recorded, Set, Study};

use crate::arms::NOTHING;
use crate::figures::{OF_UNITS, OF_WEIGHTS};
use crate::pruning::{KEPT, SIGNED, UNITS, WEIGHTS};
use crate::runs::{
    self, ALIKE, ALWAYS_ON, CURVE, DEAD, GONE, LARGEST_TENTH, MACS, Net, PARAMETERS, PART, RATE, SCHEME, SECONDS,
};
use crate::runs::{SHAPE_MACS, TEST, TIMED, TRAIN_LOSS, TRAINING, WHOLE, trained};
use crate::{PERCENTS, Setup, claims, figures};

/// Reads rows into the page.
pub fn of(about: &About, sets: &[(String, &Rows)], context: &ReportContext, setup: &Setup) -> anyhow::Result<Report> {
    let study = runs::study(sets, context, setup)?.subtitle(subtitle(context, setup));
    let set = &study.sets[0];
    let claims = claims::of(&study, &set.name, setup.long_rate);
    let judged = claims.judged()?;
    Ok(Report {
        shortened: shortened(context, setup)?,
        figures: figures::all(&study, &claims)?.plates()?,
        claims: judged.claims,
        tables: tables(&study, set)?,
        notes: [judged.notes, notes(&study, set)].concat(),
        ..context.page(about).prose(include_str!("method.md"))
    })
}

/// Data set, preset, seeds, the part of the training images, and the epochs.
fn subtitle(context: &ReportContext, setup: &Setup) -> String {
    let part = context
        .training_part()
        .unwrap_or_else(|| "all training images".to_owned());
    let (short, long, methods) = (setup.short_epochs, setup.long_epochs, setup.method_epochs);
    let given = context.subtitle();
    format!("{given}, {part}, epochs: short {short}, long {long}, methods {methods}")
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext, setup: &Setup) -> anyhow::Result<Vec<String>> {
    let full = Setup::read(&Setup::declare(&Preset::Full))?;
    let mut lines = Setup::shortened(context, |s| s.training_images(60_000, setup.validation_images))?;
    let mut say = |smaller: bool, line: String| lines.extend(smaller.then_some(line));
    let (widths, study) = (&setup.widths, &full.widths);
    say(
        widths != study,
        format!("hidden layers of {widths:?} units, where the study has {study:?}"),
    );
    let (batch, study) = (setup.batch, full.batch);
    say(
        batch != study,
        format!("batches of {batch}, where the study has {study}: fewer steps in an epoch"),
    );
    let (epochs, most) = (setup.method_epochs, full.method_epochs);
    say(
        epochs < most,
        format!("{epochs} epochs with each method, where the full size has {most}"),
    );
    let images = setup.curve_images;
    say(
        images > 0,
        format!("curves on the first {images} test images, where the study has 10 000"),
    );
    let (rates, most) = (setup.method_rates.len(), full.method_rates.len());
    say(
        rates < most,
        format!("{rates} of the {most} learning rates that the full size has for each method"),
    );
    let further = "without hard concrete gates and variational noise, which the full size has";
    say(!setup.all_methods, further.to_owned());
    Ok(lines)
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> anyhow::Result<Vec<TableBlock>> {
    let mut tables = vec![curves(study, set)?];
    for rate in study.levels(&RATE, &trained("none")) {
        for (methods, things, percent) in [
            (&OF_WEIGHTS[..], WEIGHTS, 90.0),
            (&OF_WEIGHTS[..], WEIGHTS, 99.0),
            (&OF_UNITS[..], UNITS, 50.0),
            (&OF_UNITS[..], UNITS, 80.0),
        ] {
            let names = TRAINING.any(methods.iter().copied());
            let arms = names
                .and(SCHEME.is(things))
                .and(GONE.is(percent))
                .and(RATE.is(rate.clone()));
            let title = format!("Methods: test accuracy without {percent} % of the {things}, learning rate {rate}");
            tables.push(study.against(set, &title, &arms, &TEST, &trained(NOTHING))?);
        }
    }
    let columns = [MACS, TRAIN_LOSS, TEST, DEAD, ALWAYS_ON, LARGEST_TENTH, ALIKE, CURVE];
    let mut nets = study.table(set, "The nets before pruning", &PART.is(WHOLE), &columns)?;
    nets.note = "Interquartile means over seeds with 95 % bootstrap intervals. The cost of drawing masks is no multiply–accumulate and is not \
                 counted. A method's own kind is weights or units."
        .to_owned();
    let mut speed = study.table(
        set,
        "Speed of nets without their pruned units",
        &PART.is(TIMED),
        &[PARAMETERS, SHAPE_MACS, SECONDS],
    )?;
    speed.note = "Wall clock on the machine of the run, one thread a trial, other trials beside it.".to_owned();
    tables.extend([nets, speed]);
    Ok(tables)
}

/// Every curve in numbers.
fn curves(study: &Study<Net>, set: &Set<Net>) -> anyhow::Result<TableBlock> {
    let mut rows = Vec::new();
    for whole in study.chosen(&PART.is(WHOLE)) {
        for scheme in [WEIGHTS, UNITS, SIGNED, KEPT] {
            let mut cells = vec![whole.name.clone(), scheme.to_owned()];
            for percent in PERCENTS {
                let own = trained(&whole.level(TRAINING.name).map_or_else(String::new, ToString::to_string))
                    .and(RATE.is(whole.number(&RATE)));
                let left = study.chosen(&own.and(SCHEME.is(scheme)).and(GONE.is(percent as f64)));
                let Some(left) = left.first() else { continue };
                let estimate = study.of_arm(set, &TEST, left)?;
                cells.push(estimate.map_or_else(|| "–".to_owned(), |e| format!("{:.3}", e.value)));
            }
            if cells.len() > 2 {
                rows.push(cells);
            }
        }
    }
    let head = ["training", "what goes"].map(str::to_owned).into_iter();
    Ok(TableBlock {
        title: "Test accuracy after pruning".to_owned(),
        header: head.chain(PERCENTS.map(|percent| format!("{percent} %"))).collect(),
        rows,
        note: "Interquartile means over seeds. \"weights, signed\" and \"units, biases kept\" repeat the study's faults. Nothing goes at 0 %: \
               that column is the net's own accuracy."
            .to_owned(),
    })
}

fn notes(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let fixed = [
        "The study's weight pruning also removed one weight of each unit at 0 %, and drew its two curves from two nets; here 0 % removes \
         nothing and every net has both curves.",
        "Share of accuracy kept: accuracy after pruning over that of the same net before.",
        "Every method runs at the same learning rates. Its strength is that of its paper and was not tuned here, but for L1 and smallify: \
         theirs were set after pilot runs of one seed at two strengths, as the papers' (for other losses and lengths) did next to nothing; \
         these two had one try more than the others.",
        "A claim that names its length (D3-weights, D3-units, D4-long, D13) is about nets after so many epochs, whether they stand still or \
         not; every other claim about accuracy needs nets that do.",
    ];
    let mut notes = fixed.map(str::to_owned).to_vec();
    let nets = set
        .seeds
        .iter()
        .flat_map(|nets| study.arms.iter().filter_map(|arm| nets.get(&arm.name)));
    let apart = nets.filter_map(Net::compact_deviation).fold(0.0, f64::max);
    notes.push(format!(
        "Cutting silent units out moved no output by more than {apart:.1e} of the largest."
    ));
    let whole = study.chosen(&PART.is(WHOLE));
    let trained = set
        .seeds
        .iter()
        .flat_map(|nets| whole.iter().filter_map(|arm| nets.get(&arm.name)));
    let diverged: Vec<bool> = trained.map(Recorded::diverged).collect();
    let count = diverged.iter().filter(|diverged| **diverged).count();
    notes.push(format!("{count} of {} trainings diverged.", diverged.len()));
    notes.push(study.settled_note(set, &TEST, &PART.is(WHOLE)));
    notes
}
