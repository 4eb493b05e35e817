//! Can gradient descent learn how many units a layer needs, or does it only keep what it was given?
//!
//! # Question
//! Unit i of a hidden layer is multiplied by σ(−k(i − x₀)), so that x₀ is the layer's size and can be
//! trained. Does the size converge to the same number from every start, is the net as good as a static one
//! of that size, does a penalty set the size, and what stops the size where it stops?
//!
//! # Method
//! A net 784-500-10 with one ReLU layer and the gates after it is trained with Adam on cross-entropy +
//! λ·∫gate; x₀ has an Adam of its own with rate 1 and no decay. k is 1 in the presets `full` and `steep`, as in the study's
//! runs until 2017-11-07, and 0.4 in `quick`, as in its later ones. The size is ∫₀ᴺ gate after training.
//! Four sweeps: the start of x₀ with weight decay (L2) 10⁻³ and without; the same with the study's mistake, in
//! which x₀ always starts at 1 and the stated start only names the run; λ from one start (the frontier); and
//! λ = 0 with and without L2, for the gates beside the units' outgoing weights. Starts, λ and L2 are the axes;
//! one configuration, the study's, serves all of them.
//!
//! # Baselines
//! Static twins: plain nets of the width that the gated net of the same seed and λ has found. A wide net of
//! 1 000 units. Both with the same L2, trained as long.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-10-23 to 2017-11-04: metric-less sizes, integral, plateau
//! hypothesis, benchmarks without L2, erratum).
//!
//! # Differences from the study
//! x₀ starts where it is told; the mistake is kept as a variant of its own. At k = 0.4 nothing is compared with the study's
//! numbers, which belong to k = 1; its frontier on Fashion-MNIST came from the ignored start (`frontier_start=1`). Closed gates are taken out and
//! the others multiplied into the weights after training, so that sizes are those of real nets. 10 000
//! training images are set aside; no net is trained on test images; seeds are paired.

mod report;

use espalier_net::{AdamSettings, GateForm};
use espalier_report::standard::Outcome;
use espalier_size_gate::{Compaction, SizeGate, SizeGateSettings, Slope, sigmoid};
use espalier_trial::beside;
use espalier_trial::prelude::*;

/// Where the study's x₀ always started.
const IGNORED_START: f64 = 1.0;
/// Gates below it are closed when training ends.
const EPSILON: f64 = 0.01;

settings! {
    /// What a run sets.
    struct Sweeps {
        seeds = [smoke 1, quick 6, full 7];
        units: usize = [smoke 40, quick 500, full 500] "hidden units that the gates multiply", Range::WIDTH;
        starts: Vec<f64> = [smoke vec![0.0, 30.0], quick vec![0.0, 125.0, 250.0, 375.0, 475.0], full every(25)]
            "starts of x₀ in units", Range::at_least(0.0).distinct(), fewer "start of x₀";
        ignored_starts: Vec<f64> = [smoke vec![0.0, 30.0], quick vec![0.0, 250.0, 475.0], full every(25)]
            "starts that are stated but ignored, as in the study before its erratum", Range::at_least(0.0).distinct(),
            fewer "start of x₀ stated but ignored";
        start_lambda: f64 = 1e-5 "weight of the penalty where starts are swept", Range::WEIGHT;
        frontier_exponents: Vec<f64> = [smoke exponents(2.0, 2), quick exponents(1.0, 6), full exponents(0.5, 11)]
            "log₁₀ of the weights λ of the frontier", Range::between(-300.0, 300.0).distinct(),
            fewer "weight λ on the frontier";
        frontier_decays: Vec<f64> = [smoke vec![1e-3], quick vec![1e-3], full vec![1e-3, 0.0]]
            "L2 of the frontier", Range::WEIGHT.distinct(), fewer "value of L2 on the frontier";
        frontier_start: f64 = [smoke 20.0, quick 250.0, full 250.0]
            "start of x₀ on the frontier and for the plateau's cause", Range::at_least(0.0);
        wide: usize = [smoke 80, quick 1000, full 1000] "units of the wide static net", Range::WIDTH;
        decay: f64 = 1e-3 "L2 of the arms that have any", Range::above(0.0);
        slope: f64 = [smoke 0.4, quick 0.4, full 1.0, steep 1.0] "k of the gates, per unit", Range::above(0.0);
        size_rate: f64 = 1.0 "rate of the Adam that trains x₀, in units", Range::RATE;
        epochs: u64 = [smoke 2, quick 6, full 15, steep 15] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate for the weights", Range::RATE;
        train_images: usize = [smoke 1_000, quick 0, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

fn every(step: usize) -> Vec<f64> {
    (0..500).step_by(step).map(|start| start as f64).collect()
}

fn exponents(step: f64, count: i32) -> Vec<f64> {
    (0..count).map(|i| -2.5 - step * f64::from(i)).collect()
}

named! {
    /// Why a net is trained.
    enum Role {
        /// The start of x₀ is swept.
        Start = "start",
        /// A start is stated and ignored: x₀ starts at 1, and only the weights differ from one stated start to the next.
        Ignored = "start ignored",
        /// λ is swept; a static twin of the size found is trained after it.
        Frontier = "frontier",
        /// The wide static net.
        Wide = "wide",
        /// Gates and outgoing weights are recorded unit by unit, at λ = 0.
        Cause = "cause",
    }
}

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub role: Role,
    /// The stated start of x₀, in units; of the wide net its width.
    pub start: f64,
    /// log₁₀ λ; minus infinity for none.
    pub exponent: f64,
    /// L2.
    pub decay: f64,
}

impl Arm {
    /// λ.
    pub fn lambda(&self) -> f64 {
        10_f64.powf(self.exponent)
    }

    /// Where x₀ starts.
    pub fn x0(&self) -> f64 {
        match self.role {
            Role::Ignored => IGNORED_START,
            _ => self.start,
        }
    }
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, exponent, .. } = self;
        match self.role {
            Role::Start => write!(f, "start {start}")?,
            Role::Ignored => write!(f, "start {start} ignored")?,
            Role::Frontier => write!(f, "λ=1e{exponent}")?,
            Role::Wide => write!(f, "static {start}")?,
            Role::Cause => write!(f, "cause")?,
        }
        write!(f, " L2={}", written(self.decay))
    }
}

/// A weight decay as figures and tables show it.
fn written(decay: f64) -> String {
    if decay == 0.0 {
        "0".to_owned()
    } else {
        format!("{decay:e}")
    }
}

rows! {
    /// Losses, accuracy and size after an epoch.
    struct Epoch = "epochs" {
        /// `gated`, `twin` or `wide`.
        pub net: String,
        pub epoch: u64,
        pub train_macs: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        /// x₀; of static nets the width.
        pub x0: f64,
        /// ∫ gate; of static nets the width.
        pub size: f64,
    }

    /// A trained net and its static twin; numbers of the twin are NaN where none was trained.
    struct Summary = "summary" {
        pub role: String,
        pub start: f64,
        pub exponent: f64,
        pub decay: f64,
        pub epochs: u64,
        pub diverged: bool,
        pub x0: f64,
        /// ∫ gate after training.
        pub size: f64,
        /// Units whose gates are 0.01 at least, which are those that stay in the net.
        pub open_units: u64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub train_macs: u64,
        pub twin_units: u64,
        pub twin_diverged: bool,
        pub twin_validation_accuracy: f64,
        pub twin_test_accuracy: f64,
        pub twin_train_macs: u64,
    }

    /// One hidden unit after training.
    struct Unit = "units" {
        /// L2.
        pub decay: f64,
        pub unit: u32,
        pub gate: f32,
        /// Σ|outgoing weight|.
        pub outgoing: f32,
        /// Outgoing weights.
        pub consumers: u32,
    }
}

impl Summary {
    /// The same with what is set for an arm.
    fn of(self, arm: Arm) -> Self {
        Self {
            role: arm.role.name().to_owned(),
            start: arm.start,
            exponent: arm.exponent,
            decay: arm.decay,
            ..self
        }
    }

    /// The same of its static twin, where one was trained.
    fn twin(&self) -> Option<Self> {
        (self.twin_units > 0).then(|| Self {
            size: self.twin_units as f64,
            open_units: self.twin_units,
            validation_accuracy: self.twin_validation_accuracy,
            test_accuracy: self.twin_test_accuracy,
            twin_test_accuracy: f64::NAN,
            train_macs: self.twin_train_macs,
            diverged: self.twin_diverged,
            ..self.clone()
        })
    }

    fn score_twin(&mut self, width: f64, net: &Outcome) {
        (self.twin_validation_accuracy, self.twin_test_accuracy) = (net.validation_score, net.test_score);
        (self.twin_units, self.twin_train_macs) = (width as u64, net.train_macs);
    }
}

fn epoch(moment: &Moment<'_>, x0: f64, size: f64) -> anyhow::Result<Epoch> {
    let known = moment.row()?;
    Ok(Epoch { x0, size, ..known })
}

/// Gates and outgoing weights of the hidden units.
fn units(network: &Network<f32>, x0: f64, k: f64, decay: f64) -> anyhow::Result<Vec<Unit>> {
    let weight = network.parameter(network.find_parameter("logits.weight")?);
    let consumers = weight.shape()[1];
    let unit = |(unit, weights): (usize, &[f32])| Unit {
        decay,
        unit: unit as u32,
        gate: sigmoid::gate(unit as f64, x0, k) as f32,
        outgoing: weights.iter().map(|w| w.abs()).sum(),
        consumers: consumers as u32,
    };
    Ok(weight.values().chunks_exact(consumers).enumerate().map(unit).collect())
}

struct SizeGates;

impl SizeGates {
    /// How all nets are trained; L2 reaches weights and biases, not x₀.
    fn regime(s: &Sweeps, decay: f64) -> Regime {
        let adam = AdamSettings {
            weight_decay: decay,
            ..AdamSettings::default()
        };
        Regime {
            optimizer: OptimizerKind::Adam(adam),
            // As the recorded rows were trained: exploiting a dominant input value would change their rounding.
            skips_background: false,
            ..Regime::adam(s.epochs, s.batch, s.learning_rate)
        }
    }

    fn gate(arm: Arm, s: &Sweeps) -> SizeGate {
        let cause = arm.role == Role::Cause;
        SizeGate::new(SizeGateSettings {
            start: arm.x0(),
            lambda: arm.lambda(),
            slope: Slope::Fixed { k: s.slope },
            size_rate: s.size_rate,
            epsilon: EPSILON,
            // The cause is looked for in units that would be taken out.
            compaction: if cause { Compaction::Never } else { Compaction::AtEnd },
            fold_at_end: !cause,
            ..SizeGateSettings::default()
        })
    }

    /// Trains a static net.
    fn plain(ctx: &mut Ctx<'_>, s: &Sweeps, seed: &Seed, net: &str, width: f64) -> anyhow::Result<Outcome> {
        let regime = Self::regime(s, ctx.variant().decay);
        let training = Training::new(ctx, regime, seed).mlp(&[width as usize]);
        let net = training.epochs_as(|moment| epoch(moment, width, width)).run(net)?;
        Ok(net.outcome().clone())
    }
}

type Ctx<'a> = TrialContext<'a, Arm>;

impl Design for SizeGates {
    type Settings = Sweeps;
    type Variant = Arm;

    const PRESETS: &'static [(&'static str, &'static str)] = &[(
        "steep",
        "the arms of `quick` with the slope and the epochs of the study's runs until 2017-11-07",
    )];
    const ABOUT: About = About {
        name: "size-gate",
        title: "Can gradient descent learn how many units a layer needs, or does it only keep what it was given?",
        study: "003",
        summary: "Trains the size of a hidden layer through a sigmoid over its units, from many starts, with and without \
                  weight decay, over the weight of a penalty, and beside static nets of the sizes found.",
    };

    fn golden(&self) -> Golden {
        let one_of_each = [
            "start 125 L2=1e-3",
            "start 475 L2=0",
            "start 250 ignored L2=1e-3",
            "λ=1e-2.5 L2=1e-3",
            "λ=1e-7.5 L2=1e-3",
            "static 1000 L2=1e-3",
            "cause L2=1e-3",
            "cause L2=0",
        ];
        espalier_experiment::golden!("golden/size-gate.json")
            .run(Preset::Quick, "mnist", &["epochs=4"], &one_of_each)
            .run(Preset::Quick, "fashion-mnist", &["epochs=2"], &one_of_each[..5])
    }

    fn variants(&self, s: &Sweeps) -> anyhow::Result<Vec<Arm>> {
        let arm = |role, start, exponent, decay| Arm {
            role,
            start,
            exponent,
            decay,
        };
        let (set, none, both) = (s.start_lambda.log10(), f64::NEG_INFINITY, [s.decay, 0.0]);
        let mut arms = Vec::new();
        for decay in both {
            arms.extend(s.starts.iter().map(|x0| arm(Role::Start, *x0, set, decay)));
            arms.extend(s.ignored_starts.iter().map(|x0| arm(Role::Ignored, *x0, set, decay)));
        }
        for &decay in &s.frontier_decays {
            let exponents = s.frontier_exponents.iter();
            arms.extend(exponents.map(|exponent| arm(Role::Frontier, s.frontier_start, *exponent, decay)));
            arms.push(arm(Role::Wide, s.wide as f64, none, decay));
        }
        arms.extend(both.map(|decay| arm(Role::Cause, s.frontier_start, none, decay)));
        Ok(arms)
    }

    fn widths(&self, arm: &Arm, s: &Sweeps) -> Vec<usize> {
        vec![if arm.role == Role::Wide { s.wide } else { s.units }]
    }

    fn cost(&self, arm: &Arm, _: &Sweeps) -> f64 {
        match arm.role {
            Role::Wide => 2.0,
            Role::Frontier => 1.5,
            Role::Start | Role::Ignored | Role::Cause => 1.0,
        }
    }

    fn trial(&self, ctx: &mut Ctx<'_>, s: &Sweeps) -> anyhow::Result<()> {
        let (arm, mut seed) = (*ctx.variant(), ctx.seed());
        if arm.role == Role::Ignored {
            // Nothing else would tell those nets apart.
            seed = seed.named("ignored").index(arm.start as u64);
        }
        if arm.role == Role::Wide {
            let mut summary: Summary = own_row(&Self::plain(ctx, s, &seed, "wide", arm.start)?)?;
            (summary.x0, summary.size, summary.open_units) = (arm.start, arm.start, arm.start as u64);
            return Ok(ctx.record(&summary.of(arm))?);
        }
        let net = Training::new(ctx, Self::regime(s, arm.decay), &seed)
            .gated_mlp(&[s.units], GateForm::Linear)
            .strategy(Self::gate(arm, s))
            .epochs_as(|moment| epoch(moment, moment.reading("x0")?, moment.reading("size")?))
            .run("gated")?;
        let mut summary = net.row::<Summary>()?.of(arm);
        (summary.x0, summary.size) = (net.reading("x0")?, net.reading("size")?);
        Diverged::check_scores(&[summary.x0, summary.size])?;
        let mut units = units(net.network(), summary.x0, s.slope, arm.decay)?;
        // Where the cause is looked for, closed units are still there.
        let open = |unit: &&Unit| arm.role != Role::Cause || f64::from(unit.gate) >= EPSILON;
        summary.open_units = units.iter().filter(open).count() as u64;
        units.retain(|_| arm.role == Role::Cause);
        ctx.record_all(&units)?;
        if arm.role == Role::Frontier {
            let width = summary.size.round().max(1.0);
            summary.score_twin(width, &Self::plain(ctx, s, &seed, "twin", width)?);
        }
        Ok(ctx.record(&summary)?)
    }

    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Unit)>()?;
        Ok(rows.push(&absent::<Summary>(missing)?.of(*arm))?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }

    fn combined(&self, run: &Run<'_, Self>) -> anyhow::Result<Option<Report>> {
        Ok(Some(beside(&run.about, self.page(run)?)))
    }
}

espalier_trial::main!(SizeGates);
