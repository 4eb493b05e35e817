//! How does the test accuracy of a net follow its width, and does weight decay change it?
//!
//! # Question
//! A hidden layer is made wider: how far does that help, and does weight decay (L2) change the accuracy at any width?
//!
//! # Method
//! Nets 784-N-10 with one ReLU layer, Adam, cross-entropy, batches of 128. N and L2 are the axes; everything else is equal.
//!
//! # Baselines
//! The same net without L2.
//!
//! # Sources
//! None; it is an example.
//!
//! # Differences from the study
//! There is no study.

mod report;

use espalier_net::AdamSettings;
use espalier_report::rows::VARIANTS;
use espalier_trial::prelude::*;

settings! {
    /// What a run sets: the columns are presets.
    pub(crate) struct Sweep {
        seeds = [smoke 1, quick 6, full 10];
        widths: Vec<usize> = [smoke vec![4, 8], quick vec![16, 64, 256], full vec![16, 32, 64, 128, 256, 512]]
            "hidden units", Range::WIDTH.distinct(), fewer "width";
        decay: f64 = 1e-3 "L2 of the arms that have any", Range::above(0.0);
        epochs: u64 = [smoke 2, quick 5, full 20] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate", Range::RATE;
        train_images: usize = [smoke 1_000, quick 10_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What differs between nets, and nothing else does. The harness records it for each trial, under these names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arm {
    pub width: usize,
    #[serde(rename = "L2")]
    pub decay: f64,
}
tables! { Arm: VARIANTS }

/// The name in rows and for `--only`.
impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "width {} L2={}", self.width, self.decay)
    }
}

pub(crate) struct Placeholder;

impl Design for Placeholder {
    type Settings = Sweep;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "placeholder",
        title: "How does accuracy follow width, and does weight decay change it?",
        study: "",
        summary: "Trains nets of several widths, with weight decay and without.",
    };

    /// Short trials of every kind of arm at recorded shapes: they notice when trials compute something else.
    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/placeholder.json").run(
            Preset::Quick,
            "mnist",
            &["epochs=2", "train_images=0"],
            &["width 16 L2=0", "width 256 L2=0.001"],
        )
    }

    fn variants(&self, s: &Sweep) -> anyhow::Result<Vec<Arm>> {
        let arms = |width: &usize| [0.0, s.decay].map(|decay| Arm { width: *width, decay });
        Ok(s.widths.iter().flat_map(arms).collect())
    }

    fn record_variant(&self, arm: &Arm, rows: &mut Record) -> anyhow::Result<()> {
        Ok(rows.push(arm)?)
    }

    fn widths(&self, arm: &Arm, _: &Sweep) -> Vec<usize> {
        vec![arm.width]
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>, s: &Sweep) -> anyhow::Result<()> {
        let (arm, seed) = (*context.variant(), context.seed());
        let adam = AdamSettings {
            weight_decay: arm.decay,
            ..AdamSettings::default()
        };
        let regime = Regime {
            optimizer: OptimizerKind::Adam(adam),
            ..Regime::adam(s.epochs, s.batch, s.learning_rate)
        };
        // A strategy comes in by `.strategy(…)`, a network of another form by `.network(…)`.
        let net = Training::new(context, regime, &seed).mlp(&[arm.width]).run("net")?;
        net.record(context)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(Placeholder);
