//! Does a layer whose weights are trained already learn a smaller size, and is it the features or the outputs that make it so?
//!
//! # Question
//! A size that starts at 0 grows while the weights are still being found. If the net is trained at full width first and the
//! size starts at 0 then, does it end smaller? Does the size find the same number from every start when the weights stand
//! still? And does a higher learning rate for the units in the gray zone help it along?
//!
//! # Method
//! A net 784-N-10 with one ReLU layer is trained without gates for 0, 5 or 10 epochs. Then gates σ(−k(i − x₀)) are set after
//! its units, x₀ starts at 0, and weights and x₀ are trained together, without penalty and without L2, for as many epochs in
//! every arm. Which part of the trained net does it? In two arms either the hidden layer or the output layer is drawn
//! anew before the gates come. Two phases: from half of the epochs on, the units in the gray zone and a margin around it learn
//! at a multiple of the rate. The size alone: after 10 epochs the weights' learning rate is 0, and x₀ is trained from several
//! starts.
//!
//! # Baselines
//! The net whose gates come first, before any training; for the frozen nets the net with the same pretraining whose weights
//! are trained on.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-08 to 2017-11-20: two-phase training and its pre-test, training only the size).
//!
//! # Differences from the study
//! Two-phase training and the size alone were planned there and never run. Adam begins anew when the gates come.
//! 10 000 training images are set aside; seeds are paired.

mod report;

use espalier_net::{GateForm, Role};
use espalier_size_gate::{Compaction, GrayPhase, SizeGate, SizeGateSettings, Slope};
use espalier_train::Split;
use espalier_trial::gated_mlp;
use espalier_trial::prelude::*;

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 30];
        units: usize = [smoke 40, quick 250, full 500] "hidden units", Range::WIDTH, fewer "unit of the hidden layer";
        pretraining: Vec<usize> = [smoke vec![0, 1, 2], quick vec![0, 5, 10], full vec![0, 5, 10]]
            "epochs without gates before the size starts at 0", Range::at_least(0.0).several(3..=3).ascending();
        epochs: u64 = [smoke 2, quick 24, full 60] "epochs with gates", Range::EPOCHS, fewer "epoch with gates";
        frozen_starts: Vec<f64> = [smoke vec![0.0, 20.0], quick vec![0.0, 60.0, 120.0, 180.0], full vec![0.0, 120.0, 240.0, 360.0]]
            "starts of x₀ where the weights stand still", Range::at_least(0.0).distinct();
        slope: f64 = 0.4 "k of the gates, per unit", Range::above(0.0);
        gray_factor: f64 = 10.0 "factor on the rate of units in the gray zone in the second phase", Range::WEIGHT;
        gray_margin: f64 = 5.0 "ranks around the gray zone that share it", Range::WEIGHT;
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate for the weights", Range::RATE;
        train_images: usize = [smoke 1_000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What of the pretrained net goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    All,
    Hidden,
    Outputs,
}

/// What happens to the weights once the gates are there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weights {
    Trained,
    TwoPhases,
    Frozen,
}

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub pretraining: usize,
    pub kept: Kept,
    pub weights: Weights,
    pub start: f64,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pretraining {
            0 => write!(f, "not pretrained")?,
            epochs => write!(f, "pretrained {epochs}")?,
        }
        f.write_str(match self.kept {
            Kept::All => "",
            Kept::Hidden => ", hidden layer kept",
            Kept::Outputs => ", outputs kept",
        })?;
        match self.weights {
            Weights::Trained => Ok(()),
            Weights::TwoPhases => f.write_str(", two phases"),
            Weights::Frozen => write!(f, ", frozen, from {}", self.start),
        }
    }
}

impl Arm {
    fn gate(&self, s: &Setup) -> SizeGate {
        let two = self.weights == Weights::TwoPhases;
        SizeGate::new(SizeGateSettings {
            start: self.start,
            lambda: 0.0,
            slope: Slope::Fixed { k: s.slope },
            gray_phase: two.then_some(GrayPhase {
                after_epochs: s.epochs / 2,
                factor: s.gray_factor,
                margin: s.gray_margin,
            }),
            compaction: Compaction::Never,
            fold_at_end: false,
            reads_gradient: true,
            ..SizeGateSettings::default()
        })
    }

    fn rate(&self, s: &Setup) -> f64 {
        if self.weights == Weights::Frozen {
            0.0
        } else {
            s.learning_rate
        }
    }

    /// The net with gates: what of the pretrained net is kept, and new weights for the rest.
    fn gated(
        &self,
        data: &Dataset,
        from: Option<&Network<f32>>,
        s: &Setup,
        seed: &Seed,
    ) -> anyhow::Result<Network<f32>> {
        let mut network = gated_mlp(data, &[s.units], GateForm::Linear, seed)?;
        let Some(from) = from else { return Ok(network) };
        let (hidden, outputs) = (self.kept != Kept::Outputs, self.kept != Kept::Hidden);
        for parameter in from.parameters() {
            let name = parameter.name();
            if (name.starts_with("hidden") && hidden) || (name.starts_with("logits") && outputs) {
                let id = network.find_parameter(name)?;
                network
                    .parameter_mut(id)
                    .values_mut()
                    .copy_from_slice(parameter.values());
            }
        }
        Ok(network)
    }
}

rows! {
    /// Losses, size and the gradients by the size in an epoch; before the gates come there are none of the latter.
    struct Epoch = "epochs" {
        /// `pretrained` or `gated`.
        pub net: String,
        pub epoch: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub x0: f64,
        pub size: f64,
        /// The mean over the epoch's steps of the derivative of the loss by x₀.
        pub gradient: f64,
        /// Its standard deviation.
        pub deviation: f64,
        /// The share of steps in which it pushes x₀ up.
        pub growing: f64,
    }

    /// The trained net with its gates.
    struct Summary = "summary" {
        pub diverged: bool,
        pub x0: f64,
        /// ∫ gate.
        pub size: f64,
        /// On the training images.
        pub train_loss: f64,
        pub train_accuracy: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        /// Weights and biases, and how many of them have other bits than when the gates came.
        pub weights: u64,
        pub changed: u64,
        pub train_macs: u64,
    }
}

fn epoch(moment: &Moment<'_>, gated: bool) -> anyhow::Result<Epoch> {
    let reading = |name: &str| if gated { moment.reading(name) } else { Ok(f64::NAN) };
    Ok(Epoch {
        net: moment.net.to_owned(),
        epoch: moment.done.epoch,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
        x0: reading("x0")?,
        size: reading("size")?,
        gradient: reading("gradient")?,
        deviation: reading("gradient deviation")?,
        growing: reading("growing share")?,
    })
}

/// The bits of all weights and biases.
fn bits(network: &Network<f32>) -> Vec<u32> {
    let own = network.parameters().iter().filter(|p| p.role() != Role::Gate);
    own.flat_map(|p| p.values().iter().map(|value| value.to_bits()))
        .collect()
}

struct Pretraining;

type Ctx<'a> = TrialContext<'a, Arm>;

impl Pretraining {
    fn regime(s: &Setup, epochs: u64, rate: f64) -> Regime {
        Regime::adam(epochs, s.batch, rate)
    }

    fn pretrained(ctx: &mut Ctx<'_>, s: &Setup, seed: &Seed) -> anyhow::Result<Option<Network<f32>>> {
        let epochs = ctx.variant().pretraining;
        if epochs == 0 {
            return Ok(None);
        }
        let net = Training::new(ctx, Self::regime(s, epochs as u64, s.learning_rate), seed)
            .mlp(&[s.units])
            .epochs_as(|moment| epoch(moment, false))
            .untested()
            .run("pretrained")?;
        Ok(Some(net.into_network()))
    }
}

impl Design for Pretraining {
    type Settings = Setup;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "pretraining",
        title: "Does a layer whose weights are trained already learn a smaller size?",
        study: "003",
        summary: "Trains a net at full width, starts its size at 0 then, and looks which part of the trained net keeps the size \
                  down; trains the size alone while the weights stand still; and lets the gray zone learn faster.",
    };

    fn golden(&self) -> Golden {
        let short = ["train_images=0", "epochs=2", "pretraining=0,1,2"];
        espalier_experiment::golden!("golden/pretraining.json")
            .run(Preset::Quick, "mnist", &short, &[])
            .run(
                Preset::Quick,
                "fashion-mnist",
                &short,
                &["pretrained 2", "pretrained 2, frozen, from 60"],
            )
    }

    fn variants(&self, s: &Setup) -> anyhow::Result<Vec<Arm>> {
        let arm = |pretraining| Arm {
            pretraining,
            kept: Kept::All,
            weights: Weights::Trained,
            start: 0.0,
        };
        let longest = s.pretraining.iter().copied().max().unwrap_or(0);
        let mut arms: Vec<Arm> = s.pretraining.iter().copied().map(arm).collect();
        arms.extend([Kept::Hidden, Kept::Outputs].map(|kept| Arm { kept, ..arm(longest) }));
        let weights = Weights::TwoPhases;
        arms.extend([0, longest].map(|epochs| Arm { weights, ..arm(epochs) }));
        let weights = Weights::Frozen;
        let frozen = s.frozen_starts.iter();
        arms.extend(frozen.map(|&start| Arm {
            weights,
            start,
            ..arm(longest)
        }));
        Ok(arms)
    }

    fn widths(&self, _: &Arm, s: &Setup) -> Vec<usize> {
        vec![s.units]
    }

    fn cost(&self, arm: &Arm, s: &Setup) -> f64 {
        arm.pretraining as f64 + s.epochs as f64
    }

    fn trial(&self, ctx: &mut Ctx<'_>, s: &Setup) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let pretrained = Self::pretrained(ctx, s, &seed)?;
        // Of another stream than the pretrained net's, so that what is drawn anew is new.
        let seed = seed.named("gated");
        let data = ctx.shortened_dataset("train_images")?;
        let first = arm.gated(&data, pretrained.as_ref(), s, &seed.named("network"))?;
        let before = bits(&first);
        let mut net = Training::new(ctx, Self::regime(s, s.epochs, arm.rate(s)), &seed)
            .network(|_, _| Ok(first))
            .strategy(arm.gate(s))
            .epochs_as(|moment| epoch(moment, true))
            .run("gated")?;
        let after = bits(net.network());
        let fitted = net.evaluate(Split::Train)?;
        let outcome = net.outcome();
        Ok(ctx.record(&Summary {
            diverged: false,
            x0: net.reading("x0")?,
            size: net.reading("size")?,
            train_loss: fitted.loss,
            train_accuracy: fitted.accuracy.unwrap_or(f64::NAN),
            validation_accuracy: outcome.validation_score,
            test_accuracy: outcome.test_score,
            weights: before.len() as u64,
            changed: before.iter().zip(&after).filter(|(a, b)| a != b).count() as u64,
            train_macs: outcome.train_macs,
        })?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        Ok(rows.push(&Summary {
            diverged: missing.diverged(),
            train_loss: missing.loss(),
            train_accuracy: missing.accuracy(),
            validation_accuracy: missing.accuracy(),
            test_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(Pretraining);
