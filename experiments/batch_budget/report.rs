//! What the rows say: claims, figures, one table.

use anyhow::Context as _;
use espalier_experiment::{About, ReportContext, Shortened};
use espalier_report::figure::{Axis, Estimates, Figure, Panel};
use espalier_report::page::{Claim, Margin, Plate, Report, TableBlock};
use espalier_report::rows::Rows;
use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;

use crate::{Arm, BatchBudget, Epoch, Pace, Summary, VALIDATION_IMAGES};

const METHOD: &str = "\
CNNs with two 3×3 convolutions and a dense layer, each with ReLU and a gate relu(θ) on every channel or unit, are trained with Adam and \
cross-entropy + λ·Σ θ, λ nine times as large on channels. Channels and units whose gates have closed are taken out after each epoch. The \
budget is the bytes of activations, gradients among them, that the first batch needs at the beginning. One arm keeps that batch; the \
other takes as many images per step as fit the budget, counted anew after each edit. The learning rate is the same throughout, so that the \
growing arm takes fewer steps: that is part of what is compared. Both arms of a seed begin with the same weights.

10 000 training images are set aside for the curves; the test split is read once per net. Pace is images per second of the training steps \
of an epoch, edits included and evaluation not, with as many trials side by side as the page says at its end. Estimates are \
interquartile means over seeds with 95 % bootstrap intervals.";

/// One seed's nets, the fixed arm first.
struct Run([Net; 2]);

struct Net {
    epochs: Vec<Epoch>,
    paces: Vec<Pace>,
    summary: Summary,
}

impl Net {
    fn pace(&self, epoch: usize) -> f64 {
        self.paces.get(epoch).map_or(f64::NAN, |p| p.images as f64 / p.seconds)
    }

    /// Forward multiply–accumulates of the images per second, in units of 10⁹.
    fn work(&self, epoch: usize) -> f64 {
        self.pace(epoch) * self.at(epoch, |e| e.image_macs as f64) / 1e9
    }

    fn at(&self, epoch: usize, number: fn(&Epoch) -> f64) -> f64 {
        self.epochs.get(epoch).map_or(f64::NAN, number)
    }

    fn seconds(&self) -> f64 {
        self.paces.iter().map(|p| p.seconds).sum()
    }

    fn last(&self, number: fn(&Epoch) -> f64) -> f64 {
        self.epochs.last().map_or(f64::NAN, number)
    }
}

/// The share of the budget that activations take.
fn share(epoch: &Epoch) -> f64 {
    epoch.activation_bytes as f64 / epoch.budget_bytes as f64
}

fn batch(epoch: &Epoch) -> f64 {
    epoch.batch as f64
}

struct Seen {
    runs: Vec<Run>,
    most: usize,
}

impl Seen {
    fn read(rows: &Rows, context: &ReportContext) -> anyhow::Result<Self> {
        let net = |seed: u64, arm: Arm| -> anyhow::Result<Net> {
            let of_arm = rows.filtered(|key| key.seed == seed && key.variant == arm.to_string());
            let summary = of_arm.get::<Summary>()?.into_iter().next();
            Ok(Net {
                epochs: of_arm.get::<Epoch>()?.into_iter().map(|row| row.row).collect(),
                paces: of_arm.get::<Pace>()?.into_iter().map(|row| row.row).collect(),
                summary: summary.with_context(|| format!("seed {seed}: no row for {arm}"))?.row,
            })
        };
        let run = |&seed: &u64| Ok(Run([net(seed, Arm::Fixed)?, net(seed, Arm::Growing)?]));
        let runs: Vec<Run> = context.seeds.iter().map(run).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(!runs.is_empty(), "no seed has both arms yet");
        let most = context.settings.count("most")?;
        Ok(Self { runs, most })
    }

    fn estimate(&self, name: &str, number: impl Fn(&Run) -> f64) -> anyhow::Result<Option<Estimate>> {
        let values: Vec<f64> = self.runs.iter().map(number).collect();
        let bootstrap = Bootstrap::new(&Seed::new(0).named("batch-budget").named(name)).resamples(4000);
        Ok(bootstrap.interquartile_mean_if_finite(&values)?)
    }

    fn epochs(&self) -> usize {
        self.runs
            .iter()
            .flat_map(|run| &run.0)
            .map(|net| net.epochs.len())
            .max()
            .unwrap_or(0)
    }

    /// A number of each epoch, of one arm.
    fn curve(&self, name: &str, arm: usize, number: &dyn Fn(&Net, usize) -> f64) -> anyhow::Result<Estimates> {
        let mut curve = Estimates::default();
        for epoch in 0..self.epochs() {
            let estimate = self.estimate(&format!("{name}/{arm}/{epoch}"), |run| number(&run.0[arm], epoch))?;
            curve.push((epoch + 1) as f64, estimate);
        }
        Ok(curve)
    }
}

/// Reads rows into the page.
pub fn page(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let seen = Seen::read(rows, context)?;
    let subtitle = context.subtitle_with_epochs()?;
    Ok(Report {
        method: METHOD.to_owned(),
        shortened: shortened(context)?,
        claims: claims(&seen)?,
        figures: vec![memory(&seen, &subtitle)?, pace(&seen, &subtitle)?],
        tables: vec![table(&seen)?],
        sources: vec!["Study 004: the fastdeepnets journal, memory (2017-12-09)".to_owned()],
        ..context.page(about)
    })
}

/// What is smaller than in the preset `full`; the study has no run.
fn shortened(context: &ReportContext) -> anyhow::Result<Vec<String>> {
    use espalier_experiment::{Experiment as _, Preset};
    let full = BatchBudget.settings(&Preset::Full);
    let mut shortened = Shortened::new(context, &full);
    shortened.fewer("epochs", "epoch")?;
    shortened.fewer_seeds("");
    shortened.training_images(60_000, VALIDATION_IMAGES)?;
    Ok(shortened.lines)
}

fn claims(seen: &Seen) -> anyhow::Result<Vec<Claim>> {
    let seeds = seen.runs.len();
    let most = seen.most as u64;
    let shares = |run: &Run| run.0[1].epochs.iter().map(share).collect::<Vec<f64>>();
    let filled = |run: &Run| {
        let open = run.0[1].epochs.iter().filter(|epoch| epoch.batch < most);
        open.map(share).fold(f64::INFINITY, f64::min)
    };
    let claim = |id: &str, text: &str, study: &str, statistic: &str, margin: Margin, number: &dyn Fn(&Run) -> f64| {
        let claim = Claim::new(id, text).study(study).statistic(statistic);
        anyhow::Ok(claim.judged_if_defined(seen.estimate(id, number)?, margin, seeds))
    };
    Ok(vec![
        claim(
            "E37-bound",
            "activations never take more than the budget",
            "not run",
            "largest share of the budget that the growing arm had allocated in any epoch",
            Margin::LessThan(1.0 + 1e-9),
            &|run| shares(run).into_iter().fold(0.0, f64::max),
        )?,
        claim(
            "E37-filled",
            "while more images may be taken, at least four fifths of the budget are used",
            "not run",
            "smallest share of the budget in epochs whose batch is below the most allowed",
            Margin::GreaterThan(0.8),
            &filled,
        )?,
        claim(
            "E37-pace",
            "training becomes faster than with the batch that fitted at first",
            "expected",
            "images per second of the last epoch, growing to fixed batch",
            Margin::GreaterThan(1.0),
            &|run| {
                let [fixed, growing] = &run.0;
                let last = fixed.paces.len().min(growing.paces.len()).saturating_sub(1);
                growing.pace(last) / fixed.pace(last)
            },
        )?,
        claim(
            "E37-time",
            "the whole training is shorter",
            "expected",
            "seconds of all training steps, growing to fixed batch",
            Margin::LessThan(1.0),
            &|run| run.0[1].seconds() / run.0[0].seconds(),
        )?,
        claim(
            "E37-accuracy",
            "the net is not worse by half a point",
            "not run",
            "test accuracy, growing less fixed batch",
            Margin::GreaterThan(-0.005),
            &|run| run.0[1].summary.test_accuracy - run.0[0].summary.test_accuracy,
        )?,
    ])
}

const ARMS: [Arm; 2] = [Arm::Fixed, Arm::Growing];

/// A panel with a number of both arms against the epochs.
fn panel(
    seen: &Seen,
    (title, name, axis): (&str, &str, Axis),
    number: &dyn Fn(&Net, usize) -> f64,
) -> anyhow::Result<Panel> {
    let mut panel = Panel::new(title, Axis::linear("Epoch"), axis);
    for (k, arm) in ARMS.iter().enumerate() {
        panel = panel.marks(seen.curve(name, k, number)?.banded(&arm.to_string()));
    }
    Ok(panel)
}

fn memory(seen: &Seen, subtitle: &str) -> anyhow::Result<Plate> {
    let batch = panel(
        seen,
        ("Images per step", "batch", Axis::log2("Batch").unit("images")),
        &|net, epoch| net.at(epoch, batch),
    )?;
    let share = panel(
        seen,
        (
            "Memory in use",
            "share",
            Axis::linear("Activations")
                .unit("share of the budget")
                .at_least(0.0, 1.05),
        ),
        &|net, epoch| net.at(epoch, share),
    )?;
    let channels = panel(
        seen,
        (
            "Channels of both convolutions",
            "channels",
            Axis::linear("Channels").at_least(0.0, 1.0),
        ),
        &|net, epoch| net.at(epoch, |e| (e.first_channels + e.second_channels) as f64),
    )?;
    let figure = Figure::new("memory", "Batch, memory and channels while the net shrinks")
        .subtitle(subtitle)
        .panel(batch)
        .panel(share)
        .panel(channels)
        .panel_size(300, 280);
    Ok(Plate::new(
        figure,
        "Images per step, share of the memory budget in use, and channels, against epochs, for the fixed and the growing batch",
        "The growing batch takes up the memory that channels set free. Lines are interquartile means, bands 95 % bootstrap intervals over seeds.",
    ))
}

fn pace(seen: &Seen, subtitle: &str) -> anyhow::Result<Plate> {
    let images = panel(
        seen,
        ("Pace", "pace", Axis::linear("Images per second").at_least(0.0, 1.0)),
        &|net, epoch| net.pace(epoch),
    )?;
    let work = panel(
        seen,
        (
            "Pace by the work of an image",
            "work",
            Axis::linear("Forward work").unit("10⁹ MAC/s").at_least(0.0, 1.0),
        ),
        &|net, epoch| net.work(epoch),
    )?;
    let accuracy = panel(
        seen,
        (
            "Validation accuracy",
            "accuracy",
            Axis::linear("Accuracy").unit("fraction"),
        ),
        &|net, epoch| net.at(epoch, |e| e.validation_accuracy),
    )?;
    let figure = Figure::new("pace", "Pace and accuracy with a fixed and with a growing batch")
        .subtitle(subtitle)
        .panel(images)
        .panel(work)
        .panel(accuracy)
        .panel_size(300, 280);
    Ok(Plate::new(
        figure,
        "Images per second, multiply-accumulates per second and validation accuracy against epochs, for the fixed and the growing batch",
        "Images per second rise in both arms as images become cheaper; the middle panel takes that out. Lines are interquartile means, bands \
         95 % bootstrap intervals over seeds.",
    ))
}

fn table(seen: &Seen) -> anyhow::Result<TableBlock> {
    let shown = |name: &str, arm: usize, digits: usize, number: &dyn Fn(&Net) -> f64| {
        let estimate = seen.estimate(&format!("table/{name}/{arm}"), |run| number(&run.0[arm]))?;
        anyhow::Ok(estimate.map_or_else(
            || "–".to_owned(),
            |e| format!("{:.digits$} [{:.digits$}, {:.digits$}]", e.value, e.low, e.high),
        ))
    };
    let mut rows = Vec::new();
    for (k, arm) in ARMS.iter().enumerate() {
        rows.push(vec![
            arm.to_string(),
            shown("batch", k, 0, &|net| net.last(batch))?,
            shown("steps", k, 0, &|net| net.last(|e| e.steps as f64))?,
            shown("channels", k, 1, &|net| {
                net.last(|e| (e.first_channels + e.second_channels) as f64)
            })?,
            shown("units", k, 1, &|net| net.last(|e| e.units as f64))?,
            shown("parameters", k, 0, &|net| net.summary.parameters as f64)?,
            shown("gmacs", k, 0, &|net| net.summary.train_macs as f64 / 1e9)?,
            shown("seconds", k, 1, &Net::seconds)?,
            shown("accuracy", k, 4, &|net| net.summary.test_accuracy)?,
        ]);
    }
    Ok(TableBlock {
        title: "Both arms at the end".to_owned(),
        header: [
            "",
            "last batch",
            "steps",
            "channels",
            "units",
            "parameters",
            "training, 10⁹ MAC",
            "training, s",
            "test accuracy",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: format!(
            "Interquartile means over {} seeds with 95 % bootstrap intervals; batch, channels and units are those of the last epoch.",
            seen.runs.len()
        ),
    })
}
