//! How many units does a penalty on their gates leave, and do data, penalty and start decide it?
//!
//! # Question
//! Every hidden unit is multiplied by a learned gate, and an L1 penalty on the gates closes those
//! that earn less than λ. Does the size that is left fall with λ, is it larger for the harder data
//! set, does the net keep its accuracy, and does the size at which training starts matter?
//!
//! # Method
//! A net 784-N-10 with one ReLU layer and a rectified gate after it, W₂·(ReLU(W₁x + b₁) ∘ relu(θ)) + b₂,
//! θ = 1 at first, is trained with Adam on cross-entropy + λ·Σ max(θ, 0) (*strict*: a closed unit has no
//! gradient and is taken out after the epoch) or + λ·Σ|θ| (*non-strict*: a closed unit is pushed back
//! towards 0 and may open again, so that units leave only after the last epoch). The size is the number of
//! units with θ > 0, as the study counts; units with θ > 0.01 are counted beside it, as Adam moves a closed gate
//! of a non-strict net to and fro around 0. λ is swept at one N, strict and non-strict; N is swept at one λ. Every variant shares
//! the learning rate: λ and N are the axes, not configurations to choose from.
//!
//! # Baselines
//! λ = 0: the same gated net without a penalty. Static twins: plain nets 784-h-10 with the size h that the
//! strict net of the same seed has reached, trained as long, for λ of 10⁻⁴ and more.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-10 and March 2018, "sparsifier"; SysML 2018 poster).
//!
//! # Differences from the study
//! Closed units really leave the net, so that steps get cheaper; 50 000 training images, as 10 000 are set
//! aside; paired seeds; the twins are trained for the sizes found.

mod both;
mod report;

use espalier_data::Split;
use espalier_net::GateForm;
use espalier_sparsifier::{Gates, Initial, Penalty, Removal as Rule, Sparsifier, SparsifierSettings};
use espalier_trial::beside;
use espalier_trial::prelude::*;

/// Factor above which a unit counts as clearly open.
const CLEARLY_OPEN: f32 = 0.01;
/// Below this λ nearly all units stay, and a static twin would be the net without a penalty once more.
const LEAST_TWIN_LAMBDA: f64 = 1e-4;

settings! {
    /// What a run sets.
    struct Sweeps {
        seeds = [smoke 1, quick 6, full 30];
        start: usize = [smoke 32, quick 500, full 500] "hidden units at first, where λ is swept", Range::WIDTH;
        strict_lambdas: Vec<f64> = [
            smoke vec![0.0, 1e-3, 0.1],
            quick vec![0.0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0],
            full vec![0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0],
        ] "weights of the strict penalty", Range::WEIGHT.distinct(), fewer "weight λ of the strict penalty";
        non_strict_lambdas: Vec<f64> = [
            smoke vec![1e-3],
            quick vec![1e-3, 1e-2, 0.1],
            full vec![1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0],
        ] "weights of the non-strict penalty", Range::WEIGHT.distinct(), fewer "weight λ of the non-strict penalty";
        starts: Vec<usize> = [smoke vec![16, 32], quick vec![250, 500, 1000, 2000], full vec![250, 500, 1000, 2000]]
            "hidden units at first, where the start is swept (strict)", Range::WIDTH.distinct();
        start_lambda: f64 = 1e-3 "weight of the penalty where the start is swept", Range::WEIGHT;
        epochs: u64 = [smoke 2, quick 16, full 60] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate, of gates too", Range::RATE;
        train_images: usize = [smoke 1_000, quick 0, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What differs between nets: the penalty, its weight, and the units at first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub penalty: Penalty,
    pub lambda: f64,
    pub start: usize,
    /// Whether a static twin of the size found is trained after it.
    pub twin: bool,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (penalty, lambda) = (named(self.penalty), written(self.lambda));
        write!(f, "{penalty} λ={lambda} from {}", self.start)
    }
}

/// The penalty's name in rows and figures.
fn named(penalty: Penalty) -> &'static str {
    match penalty {
        Penalty::Strict => "strict",
        Penalty::NonStrict => "non-strict",
    }
}

/// λ as figures and tables show it.
fn written(lambda: f64) -> String {
    if lambda == 0.0 || lambda >= 0.01 {
        lambda.to_string()
    } else {
        format!("{lambda:e}")
    }
}

rows! {
    /// Losses, accuracy and size after an epoch.
    struct Epoch = "epochs" {
        /// `gated`, or `twin` for the static net after it.
        pub net: String,
        pub epoch: u64,
        pub train_macs: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        /// Units with θ > 0; all of a twin's.
        pub open_units: u64,
    }

    /// The trained net and its static twin; numbers of the twin are NaN where none was trained.
    struct Summary = "summary" {
        pub penalty: String,
        pub lambda: f64,
        pub start: u64,
        pub epochs: u64,
        pub diverged: bool,
        /// Units with θ > 0 after the last epoch.
        pub units: u64,
        /// Units with θ > 0.01.
        pub clearly_open_units: u64,
        pub train_accuracy: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub train_macs: u64,
        /// Multiply–accumulates of what only the record of edits needs.
        pub recording_macs: u64,
        pub twin_diverged: bool,
        pub twin_validation_accuracy: f64,
        pub twin_test_accuracy: f64,
        pub twin_train_macs: u64,
    }

    /// Units leaving the net.
    struct Removal = "removals" {
        pub epoch: u64,
        pub step: u64,
        pub outcome: String,
        pub parameters_before: u64,
        pub parameters_after: u64,
        /// On the growth batch, in evaluation mode.
        pub loss_before: f64,
        pub loss_after: Option<f64>,
        /// Largest relative change of the outputs on the growth batch.
        pub deviation: Option<f64>,
    }
}

impl Summary {
    /// The same with what is set for an arm.
    fn of(self, arm: Arm) -> Self {
        Self {
            penalty: named(arm.penalty).to_owned(),
            lambda: arm.lambda,
            start: arm.start as u64,
            ..self
        }
    }

    /// The same of the static twin.
    fn twin(&self) -> Self {
        Self {
            clearly_open_units: self.units.max(1),
            train_accuracy: f64::NAN,
            validation_accuracy: self.twin_validation_accuracy,
            test_accuracy: self.twin_test_accuracy,
            twin_test_accuracy: f64::NAN,
            train_macs: self.twin_train_macs,
            diverged: self.twin_diverged,
            ..self.clone()
        }
    }
}

fn epoch(moment: &Moment<'_>, open_units: u64) -> anyhow::Result<Epoch> {
    let known = moment.row()?;
    Ok(Epoch { open_units, ..known })
}

/// Units whose factor is above a limit.
fn open_units(network: &Network<f32>, above: f32) -> u64 {
    let gates = Gates::All.of(network).into_iter();
    let factors = gates.flat_map(|gate| gate.factors(network));
    factors.filter(|factor| *factor > above).count() as u64
}

struct Sparsified;

impl Sparsified {
    fn regime(s: &Sweeps) -> Regime {
        Regime {
            // As the recorded rows were trained: exploiting a dominant input value would change their rounding.
            skips_background: false,
            ..Regime::adam(s.epochs, s.batch, s.learning_rate)
        }
    }

    fn strategy(arm: Arm, s: &Sweeps) -> Sparsifier {
        Sparsifier::new(SparsifierSettings {
            gates: Gates::All,
            lambda: arm.lambda,
            penalty: arm.penalty,
            initial: Initial::One,
            removal: Rule::Threshold { at: 0.0 },
            // What may open again must not be taken out before the end.
            collect_every_epochs: match arm.penalty {
                Penalty::Strict => 1,
                Penalty::NonStrict => s.epochs.max(1),
            },
            // The gates stay, so that their values can be counted.
            fold_at_end: false,
            ..SparsifierSettings::default()
        })
    }

    fn summary(arm: Arm, net: &mut Trained) -> anyhow::Result<Summary> {
        let train = net.evaluate(Split::Train)?.accuracy;
        Ok(Summary {
            units: open_units(net.network(), 0.0),
            clearly_open_units: open_units(net.network(), CLEARLY_OPEN),
            train_accuracy: train.unwrap_or(f64::NAN),
            ..net.row::<Summary>()?.of(arm)
        })
    }
}

impl Design for Sparsified {
    type Settings = Sweeps;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "sparsifier",
        title: "How many units does a penalty on their gates leave, and do data, penalty and start decide it?",
        study: "003",
        summary: "Multiplies every hidden unit by a learned gate with an L1 penalty, takes closed units out, and sets the \
                  size that is left and its accuracy beside λ, the starting size and static nets of the same size.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/sparsifier.json")
            .run(Preset::Quick, "mnist", &["epochs=6"], &[])
            .run(Preset::Quick, "fashion-mnist", &["epochs=2"], &[])
    }

    fn variants(&self, s: &Sweeps) -> anyhow::Result<Vec<Arm>> {
        let arm = |penalty, lambda, start, twin| Arm {
            penalty,
            lambda,
            start,
            twin,
        };
        let strict = |l: &f64| arm(Penalty::Strict, *l, s.start, *l >= LEAST_TWIN_LAMBDA);
        let free = |l: &f64| arm(Penalty::NonStrict, *l, s.start, false);
        let mut arms: Vec<Arm> = s.strict_lambdas.iter().map(strict).collect();
        arms.extend(s.non_strict_lambdas.iter().map(free));
        for &from in &s.starts {
            let swept = arm(Penalty::Strict, s.start_lambda, from, false);
            if !arms.iter().any(|known| Arm { twin: false, ..*known } == swept) {
                arms.push(swept);
            }
        }
        Ok(arms)
    }

    fn widths(&self, arm: &Arm, _: &Sweeps) -> Vec<usize> {
        vec![arm.start]
    }

    fn cost(&self, arm: &Arm, _: &Sweeps) -> f64 {
        // Strict nets soon are small.
        let shrinks = arm.penalty == Penalty::Strict && arm.lambda > 1e-4;
        arm.start as f64 * if shrinks { 0.4 } else { 1.0 } * if arm.twin { 1.5 } else { 1.0 }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Sweeps) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let mut net = Training::new(ctx, Self::regime(s), &seed)
            // W₂·(ReLU(W₁x + b₁) ∘ relu(θ)) + b₂ with one θ for each unit.
            .gated_mlp(&[arm.start], GateForm::Rectified)
            .strategy(Self::strategy(arm, s))
            .epochs_as(|moment| epoch(moment, moment.reading("open")? as u64))
            .run("gated")?;
        // The gates' first values are no removal.
        let mut edits = net.edits()?;
        edits.retain(|edit| edit.epoch > 0);
        ctx.record_all(&own_rows::<Removal>(&edits)?)?;
        let mut summary = Self::summary(arm, &mut net)?;
        if arm.twin {
            let units = summary.units.max(1);
            let training = Training::new(ctx, Self::regime(s), &seed).mlp(&[units as usize]);
            let twin = training.epochs_as(|moment| epoch(moment, units)).run("twin")?;
            let twin = twin.outcome();
            (summary.twin_validation_accuracy, summary.twin_test_accuracy) = (twin.validation_score, twin.test_score);
            summary.twin_train_macs = twin.train_macs;
        }
        Ok(ctx.record(&summary)?)
    }

    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Removal)>()?;
        Ok(rows.push(&absent::<Summary>(missing)?.of(*arm))?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }

    fn combined(&self, run: &Run<'_, Self>) -> anyhow::Result<Option<Report>> {
        let page = beside(&run.about, self.page(run)?);
        both::add(page, run).map(Some)
    }
}

espalier_trial::main!(Sparsified);
