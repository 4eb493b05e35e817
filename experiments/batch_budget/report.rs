//! What the rows say: claims, figures, one table.

use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::{Epoch, Pace, Shape, Summary};

/// What becomes of the images per step: the only thing that is set otherwise.
const BATCH: Factor = Factor::setting("images per step");

/// A trained net with its epochs.
struct Net {
    epochs: Vec<Epoch>,
    paces: Vec<Pace>,
    summary: Summary,
}
recorded!(Net { epochs: rows, paces: rows, summary: row } diverged summary);

impl Net {
    fn each(&self, number: fn(&Epoch) -> f64) -> Vec<f64> {
        self.epochs.iter().map(number).collect()
    }

    fn last(&self, number: fn(&Epoch) -> f64) -> f64 {
        self.epochs.last().map_or(f64::NAN, number)
    }

    fn pace(&self) -> Vec<f64> {
        let pace = |pace: &Pace| pace.images as f64 / pace.seconds;
        self.paces.iter().map(pace).collect()
    }

    /// Forward multiply–accumulates of the images per second, in units of 10⁹.
    fn work(&self) -> Vec<f64> {
        let work = |(pace, epoch): (f64, &Epoch)| pace * epoch.image_macs as f64 / 1e9;
        self.pace().into_iter().zip(&self.epochs).map(work).collect()
    }

    /// The least share of the budget in use while more images might have been taken.
    fn filled(&self, most: u64) -> f64 {
        let open = self.epochs.iter().filter(|epoch| epoch.batch < most);
        open.map(share).fold(f64::INFINITY, f64::min)
    }
}

/// The share of the budget that activations take.
fn share(epoch: &Epoch) -> f64 {
    epoch.activation_bytes as f64 / epoch.budget_bytes as f64
}

type Q = Quantity<Net>;
quantities! { Net;
    IMAGES = "batch", "last batch", "images" 0, |n| n.last(|e| e.batch as f64), over_epochs(|n| n.each(|e| e.batch as f64));
    SHARE = "share", "share of the budget in use", "" 3, |n| n.last(share), over_epochs(|n| n.each(share));
    STEPS = "steps", "steps", "" 0, |n| n.last(|e| e.steps as f64);
    CHANNELS = "channels", "channels", "" 1, |n| n.last(channels), over_epochs(|n| n.each(channels));
    UNITS = "units", "units", "" 1, |n| n.last(|e| e.units as f64);
    PARAMETERS = "parameters", "parameters", "" 0, |n| n.summary.parameters as f64;
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.summary.train_macs as f64 / 1e9;
    COST = "cost", "forward pass of an image", "10⁶ MACs" 1, |n| n.last(|e| e.image_macs as f64 / 1e6);
    PACE = "pace", "images per second of the last epoch", "" 0 higher_is_better, |n| n.pace().last().copied().unwrap_or(f64::NAN);
}
const PACES: Q = PACE.over_epochs(Net::pace);
quantities! { Net;
    WORK = "work", "forward work", "10⁹ MAC/s" 1, |n| n.work().last().copied().unwrap_or(f64::NAN), over_epochs(Net::work);
    SECONDS = "seconds", "training time", "s" 1 lower_is_better, |n| n.paces.iter().map(|pace| pace.seconds).sum();
    COURSE = "validation", "accuracy", "fraction" 4,
        |n| n.last(|e| e.validation_accuracy), over_epochs(|n| n.each(|e| e.validation_accuracy));
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
}

fn channels(epoch: &Epoch) -> f64 {
    (epoch.first_channels + epoch.second_channels) as f64
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::BatchBudget>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let arm = |arm: &crate::Arm| Arm::new(arm.name()).with(&BATCH, arm.name());
    let study = Study::new("batch-budget", variants.iter().map(arm).collect())?
        .outcome(PARAMETERS)
        .outcome(MACS)
        .subtitle(context.subtitle_with_epochs()?)
        .words(include_str!("figures.md"))
        .read_all(sets, &context.seeds)?;
    let most = s.most as u64;
    let claims = study.claims(include_str!("words.md"), |c| claims(c, most));
    let base = Report {
        shortened: shortened(context)?,
        headline: ["E37-time", "E37-pace"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let columns = [IMAGES, STEPS, CHANNELS, UNITS, PARAMETERS, COST, MACS, SECONDS, TEST];
    let table = |set: &_| study.table(set, "Both arms at the end", &Where::all(), &columns);
    let remarks = |set: &_| vec![study.diverged_note(set)];
    Ok(study.page(base, &claims, &study.figures(&claims, figures)?, table, remarks)?)
}

/// What is smaller than in the preset `full`; no study has run it.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    let (seeds, full) = (context.seeds.len() as u64, Shape::declare(&Preset::Full).seeds());
    Ok(Shape::shortened(context, |shortened| {
        shortened.said("\n- epochs < full: epochs: {ours}, where the preset `full` has {full}; no study has run it")?;
        let fewer = (seeds < full).then(|| format!("seeds: {seeds}, where the preset `full` has {full}"));
        let part = context.training_part();
        let part = part.map(|part| format!("the {part}, where the preset `full` has all"));
        shortened.lines.extend(fewer.into_iter().chain(part));
        Ok(())
    })?)
}

fn claims(c: &mut Claims<'_, Net>, most: u64) {
    let (growing, fixed) = (BATCH.is("growing batch"), BATCH.is("fixed batch"));
    let bounded = |epoch: &Epoch| epoch.activation_bytes <= epoch.budget_bytes;
    let words = "activations never take more than the budget";
    c.identity("E37-bound", words, &growing, move |net| net.epochs.iter().all(bounded));
    let words = "least share of the budget in epochs whose batch is below the most allowed";
    let filled = Statistic::of_seed(words, &growing, move |nets| {
        nets.get("growing batch").map_or(f64::NAN, |net: &Net| net.filled(most))
    });
    c.lies("E37-filled", filled, Margin::GreaterThan(0.8));
    for (id, quantity, zone) in [
        ("E37-pace", PACE, Margin::GreaterThan(1.0)),
        ("E37-time", SECONDS, Margin::LessThan(1.0)),
    ] {
        c.times(id, quantity.at(&growing), quantity.at(&fixed), zone, &BATCH)
            .about(&PARAMETERS)
            .about(&MACS);
    }
    c.larger("E37-accuracy", TEST.at(&growing), TEST.at(&fixed), &BATCH)
        .zone(Margin::GreaterThan(-0.005))
        .about(&PARAMETERS)
        .about(&MACS);
}

fn figures(figures: &mut Figures<'_, Net>) {
    let of_arms = |quantity, axis: Axis| curves(&quantity, &BATCH, &Where::all(), |arm| arm.name.clone()).y(axis);
    let share = Axis::linear("Activations").unit("share of the budget");
    let channels = Axis::linear("Channels").at_least(0.0, 1.0);
    figures
        .shown("memory")
        .panel("Images per step", of_arms(IMAGES, Axis::log2("Batch").unit("images")))
        .panel("Memory in use", of_arms(SHARE, share.at_least(0.0, 1.05)))
        .panel("Channels of both convolutions", of_arms(CHANNELS, channels))
        .size(300, 280);
    let pace = Axis::linear("Images per second").at_least(0.0, 1.0);
    let work = Axis::linear("Forward work").unit("10⁹ MAC/s").at_least(0.0, 1.0);
    figures
        .shown("pace")
        .panel("Pace", of_arms(PACES, pace))
        .panel("Pace by the work of an image", of_arms(WORK, work))
        .panel("Validation accuracy", of_arms(COURSE, COURSE.axis()))
        .size(300, 280);
}
