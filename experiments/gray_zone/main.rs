//! Why does a learned size never settle: is it the gray zone's width, its randomness, or the optimizer?
//!
//! # Question
//! A layer's size x₀ that starts at 0 grows for as long as it is trained, ever more slowly. The study suspected a local minimum:
//! the fixed width of the gray zone, in which gates are neither open nor closed. Does a gray zone of random width free the
//! size? Do hard gates? And is the noise of late epochs that of Adam at a very low loss?
//!
//! # Method
//! A net 784-N-10 with one ReLU layer, whose unit i is multiplied by σ(−k(i − x₀)), is trained without penalty and without L2
//! from x₀ = 0; k = 9.19 / z makes a gray zone of z units. Each step draws z from U(1, 20), or z stays at 10.5, the mean of
//! that; at 6.3, where k is the mean slope of the random gates; or at 23, which is the study's k = 0.4. A random zone of the
//! same mean that varies little, U(8, 13), tells the spread of the widths from there being any.
//! Beside these: hard gates (a step, and Bernoulli draws) with and without the sigmoid's gradient in place of their own; x₀
//! itself and the integral of the gates as the penalty, and the naive sum at large x₀; AdaMax in the place of Adam, at
//! both optimizers' usual rates; and L2, scored on training and on test images.
//!
//! # Baselines
//! The deterministic gate of equal mean gray zone is what the random one is held against; static nets of all units, trained
//! by Adam and by AdaMax, are what gated nets are held against at low loss.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-01 to 2017-11-20: benchmarks without L2 scored on training and test data, random
//! slope, random activation, Adam at very low loss; 2017-10-24: x₀ as its own penalty).
//!
//! # Differences from the study
//! Its deterministic gate had k = 0.4, a gray zone of 23 units, against a random one of 10.5 on average; both are
//! here, and the one of equal mean besides. It planned the comparison with AdaMax and threw the hard gates away; both are run.
//! 10 000 training images are set aside; seeds are paired.

mod report;

use espalier_net::{AdaMaxSettings, AdamSettings, GateForm};
use espalier_size_gate::{Compaction, Opening, Penalty, SizeGate, SizeGateSettings, Slope, sigmoid};
use espalier_train::Split;
use espalier_trial::prelude::*;

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 30];
        units: usize = [smoke 40, quick 250, full 500] "hidden units that the gates multiply", Range::WIDTH, fewer "unit of the hidden layer";
        epochs: u64 = [smoke 3, quick 24, full 60] "passes over the training split", Range::EPOCHS, fewer "epoch";
        brief_epochs: u64 = [smoke 2, quick 4, full 10] "the same for hard gates and penalties, which show what they do at once",
            Range::EPOCHS;
        hard_start: f64 = [smoke 20.0, quick 100.0, full 100.0] "x₀ of hard gates at the beginning", Range::at_least(0.0);
        lambda: f64 = 1.0 "weight of the penalties", Range::WEIGHT;
        decay: f64 = 1e-3 "L2 of the arm that has any", Range::above(0.0);
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "the optimizers' rate for the weights; AdaMax is tried at twice that too", Range::RATE;
        train_images: usize = [smoke 1_000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// The rule that trains the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Adam,
    AdaMax,
}

/// What differs between nets.
#[derive(Clone, Debug, PartialEq)]
struct Arm {
    pub name: &'static str,
    /// No gate at all: a static net of all units.
    pub plain: bool,
    pub zone: Zone,
    pub opening: Opening,
    pub through: bool,
    pub penalty: Option<Penalty>,
    pub start: f64,
    pub rule: Rule,
    pub rate: f64,
    pub decay: f64,
    pub epochs: u64,
}

/// The width of the gray zone, in units.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Zone {
    Fixed(f64),
    Random(f64, f64),
}

/// The study's random gray zone.
const RANDOM: Zone = Zone::Random(1.0, 20.0);
/// Its mean.
const MEAN: f64 = 10.5;

impl Zone {
    /// The width whose slope is the mean slope of U(1, 20): E[1/z] is ln 20 / 19.
    fn of_mean_slope() -> Self {
        Self::Fixed(19.0 / 20_f64.ln())
    }

    /// The width at the slope of the study's deterministic gate, k = 0.4.
    fn legacy() -> Self {
        Self::Fixed(sigmoid::slope_of_gray_zone(0.4))
    }

    fn slope(self) -> Slope {
        match self {
            Self::Fixed(width) => Slope::Fixed {
                k: sigmoid::slope_of_gray_zone(width),
            },
            Self::Random(low, high) => Slope::RandomGrayZone { low, high },
        }
    }
}

impl Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(width) => write!(f, "{width:.1} units"),
            Self::Random(low, high) => write!(f, "U({low}, {high})"),
        }
    }
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Arm {
    fn new(name: &'static str, s: &Setup) -> Self {
        Self {
            name,
            plain: false,
            zone: Zone::Fixed(MEAN),
            opening: Opening::Smooth,
            through: false,
            penalty: None,
            start: 0.0,
            rule: Rule::Adam,
            rate: s.learning_rate,
            decay: 0.0,
            epochs: s.epochs,
        }
    }

    fn zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    fn rule(self, rule: Rule, rate: f64) -> Self {
        Self { rule, rate, ..self }
    }

    fn plain(self) -> Self {
        Self { plain: true, ..self }
    }

    fn hard(self, opening: Opening, through: bool, s: &Setup) -> Self {
        Self {
            opening,
            through,
            start: s.hard_start,
            epochs: s.brief_epochs,
            ..self
        }
    }

    fn penalty(self, penalty: Penalty, s: &Setup) -> Self {
        Self {
            penalty: Some(penalty),
            epochs: s.brief_epochs,
            ..self
        }
    }

    fn gate(&self, s: &Setup) -> SizeGate {
        SizeGate::new(SizeGateSettings {
            start: self.start,
            lambda: self.penalty.map_or(0.0, |_| s.lambda),
            penalty: self.penalty.unwrap_or_default(),
            slope: self.zone.slope(),
            opening: self.opening,
            straight_through: self.through,
            compaction: Compaction::Never,
            fold_at_end: false,
            reads_gradient: true,
            ..SizeGateSettings::default()
        })
    }

    fn regime(&self, s: &Setup) -> Regime {
        let weight_decay = self.decay;
        let optimizer = match self.rule {
            Rule::Adam => OptimizerKind::Adam(AdamSettings {
                weight_decay,
                ..AdamSettings::default()
            }),
            Rule::AdaMax => OptimizerKind::AdaMax(AdaMaxSettings {
                weight_decay,
                ..AdaMaxSettings::default()
            }),
        };
        Regime {
            epochs: self.epochs,
            batch: s.batch,
            rate: RateSchedule::constant(self.rate),
            ..Regime::classification(optimizer)
        }
    }
}

rows! {
    /// Losses, size and the gradients by the size in an epoch; without gates the size is the width and there is no gradient.
    struct Epoch = "epochs" {
        pub epoch: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub x0: f64,
        pub size: f64,
        /// The mean over the epoch's steps of the derivative of loss and penalty by x₀.
        pub gradient: f64,
        /// Its standard deviation.
        pub deviation: f64,
        /// The share of steps in which it pushes x₀ up.
        pub growing: f64,
    }

    /// The trained net.
    struct Summary = "summary" {
        pub diverged: bool,
        pub x0: f64,
        /// ∫ gate.
        pub size: f64,
        /// On the training images, after training.
        pub train_accuracy: f64,
        pub train_loss: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub train_macs: u64,
    }

    /// The forms of the penalty at one x₀.
    #[derive(Copy)]
    struct Form = "forms" {
        pub x0: f64,
        /// Σ e/(1 + e) with e = exp(k(x₀ − i)) in single precision, as the study first wrote it, and its derivative.
        pub naive: f64,
        pub naive_slope: f64,
        /// ∫ gate and its derivative.
        pub integral: f64,
        pub integral_slope: f64,
    }
}

/// The forms of the penalty at k = 1, the study's slope of the time, from far below no unit to far above all.
fn forms(units: usize) -> Vec<Form> {
    let (n, k) = (units as f64, 1.0);
    let at = |x0: f64| {
        let (naive, naive_slope) = sigmoid::naive_size(x0, units, k);
        Form {
            x0,
            naive: f64::from(naive),
            naive_slope: f64::from(naive_slope),
            integral: sigmoid::size(x0, n, k),
            integral_slope: sigmoid::size_slopes(x0, n, k).0,
        }
    };
    (-4..=24).map(|step| at(n * f64::from(step) / 16.0)).collect()
}

fn epoch(moment: &Moment<'_>, plain: Option<usize>) -> anyhow::Result<Epoch> {
    let reading = |name: &str, otherwise: f64| plain.map_or_else(|| moment.reading(name), |_| Ok(otherwise));
    let width = plain.map_or(f64::NAN, |units| units as f64);
    Ok(Epoch {
        epoch: moment.done.epoch,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
        x0: reading("x0", width)?,
        size: reading("size", width)?,
        gradient: reading("gradient", f64::NAN)?,
        deviation: reading("gradient deviation", f64::NAN)?,
        growing: reading("growing share", f64::NAN)?,
    })
}

struct GrayZones;

impl Design for GrayZones {
    type Settings = Setup;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "gray-zone",
        title: "Why does a learned size never settle: is it the gray zone's width, its randomness, or the optimizer?",
        study: "003",
        summary: "Trains a size from 0 with gray zones of fixed and of random width, with hard gates, with penalties that \
                  diverge, and with AdaMax in the place of Adam, and compares growth, noise and loss.",
    };

    fn golden(&self) -> Golden {
        let all = ["train_images=0", "epochs=3", "brief_epochs=2"];
        espalier_experiment::golden!("golden/gray-zone.json")
            .run(Preset::Quick, "mnist", &all, &[])
            .run(
                Preset::Quick,
                "fashion-mnist",
                &all,
                &["random zone", "fixed zone", "AdaMax"],
            )
    }

    fn variants(&self, s: &Setup) -> anyhow::Result<Vec<Arm>> {
        let arm = |name| Arm::new(name, s);
        let twice = 2.0 * s.learning_rate;
        Ok(vec![
            arm("fixed zone"),
            arm("random zone").zone(RANDOM),
            arm("random, less varied").zone(Zone::Random(8.0, 13.0)),
            arm("fixed, equal slope").zone(Zone::of_mean_slope()),
            arm("fixed, k = 0.4").zone(Zone::legacy()),
            Arm {
                decay: s.decay,
                ..arm("fixed zone, L2")
            },
            arm("AdaMax").rule(Rule::AdaMax, s.learning_rate),
            arm("AdaMax, twice the rate").rule(Rule::AdaMax, twice),
            arm("static").plain(),
            arm("static, AdaMax").plain().rule(Rule::AdaMax, s.learning_rate),
            arm("static, AdaMax, twice the rate").plain().rule(Rule::AdaMax, twice),
            arm("step").hard(Opening::Step, false, s),
            arm("step, straight through").hard(Opening::Step, true, s),
            arm("Bernoulli").hard(Opening::Bernoulli, false, s),
            arm("Bernoulli, straight through").hard(Opening::Bernoulli, true, s),
            arm("penalty x₀").penalty(Penalty::Position, s),
            arm("penalty ∫gate").penalty(Penalty::Integral, s),
        ])
    }

    fn widths(&self, _: &Arm, s: &Setup) -> Vec<usize> {
        vec![s.units]
    }

    fn cost(&self, arm: &Arm, _: &Setup) -> f64 {
        arm.epochs as f64
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Setup) -> anyhow::Result<()> {
        let (arm, seed) = (ctx.variant().clone(), ctx.seed());
        let plain = arm.plain.then_some(s.units);
        let training = Training::new(ctx, arm.regime(s), &seed).epochs_as(|moment| epoch(moment, plain));
        let mut net = match plain {
            Some(units) => training.mlp(&[units]).run("net")?,
            None => training
                .gated_mlp(&[s.units], GateForm::Linear)
                .strategy(arm.gate(s))
                .run("net")?,
        };
        let fitted = net.evaluate(Split::Train)?;
        let width = |name: &str| plain.map_or_else(|| net.reading(name), |units| Ok(units as f64));
        let outcome = net.outcome();
        let summary = Summary {
            diverged: false,
            x0: width("x0")?,
            size: width("size")?,
            train_accuracy: fitted.accuracy.unwrap_or(f64::NAN),
            train_loss: fitted.loss,
            validation_accuracy: outcome.validation_score,
            test_accuracy: outcome.test_score,
            train_macs: outcome.train_macs,
        };
        if arm.penalty == Some(Penalty::Integral) {
            ctx.record_all(&forms(s.units))?;
        }
        Ok(ctx.record(&summary)?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.declare::<Form>()?;
        Ok(rows.push(&Summary {
            diverged: missing.diverged(),
            train_accuracy: missing.accuracy(),
            train_loss: missing.loss(),
            validation_accuracy: missing.accuracy(),
            test_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(GrayZones);
