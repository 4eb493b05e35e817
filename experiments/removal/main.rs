//! When is a closing gate closed for good: below a threshold, at its first change of sign, or when its sign will not settle?
//!
//! # Question
//! A penalty pulls gates towards 0, where they change their sign to and fro. Which rule takes units out early enough to save
//! computation and late enough to keep those that would have come back? What does the memory γ of the sign's variance decide?
//!
//! # Method
//! A net 784-N-10 with one ReLU layer and a linear gate θ on each unit, θ uniform in [−1, 1) at first, is trained with Adam on
//! cross-entropy + λ·Σ|θ|. Rules look at θ after every step; what they condemn is held at 0 and taken out when the epoch ends.
//! *Threshold*: |θ| ≤ 0.01 at the end of an epoch. *First sign change*: θ has crossed 0 once. *Sign variance*: the running variance
//! v ← γv + (1−γ)(s−m)² of the sign s about its running mean m ← γm + (1−γ)s has passed 0.5 once. λ and γ are swept.
//!
//! # Baselines
//! *Never*: the same gates and penalty, and nothing is taken out.
//!
//! # Sources
//! Study 003 (dynnet's filters and its study of neuron removal, 2018; Leclerc et al. 2018: sign variance is called the best rule).
//!
//! # Differences from the study
//! Adam instead of Adagrad, and a part of MNIST. The cost is the number of units summed over steps, as in the study, and
//! multiply–accumulates beside it. A rule of masking that the study drew at random is left out.

mod report;

use std::process::ExitCode;

use espalier_net::{Activation, GateForm, NetworkBuilder};
use espalier_report::standard::Outcome;
use espalier_sparsifier::{Initial, Penalty, Removal as Rule, Sparsifier, SparsifierSettings};
use espalier_train::EditEvent;
use espalier_trial::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// |θ| of a unit that the threshold takes out.
const THRESHOLD: f64 = 0.01;
/// The variance of a sign above which a unit is taken out.
const VARIANCE: f64 = 0.5;

settings! {
    /// What a run sets.
    struct Sweep {
        seeds = [smoke 1, quick 6, full 30];
        start: usize = [smoke 24, quick 250, full 500] "hidden units at first", Range::WIDTH;
        lambdas: Vec<f64> = [smoke vec![0.1], quick vec![1e-3, 1e-2], full vec![1e-4, 1e-3, 1e-2, 0.1]]
            "weights λ of the penalty", Range::WEIGHT.distinct();
        gammas: Vec<f64> = [smoke vec![0.0, 0.9], quick vec![0.0, 0.9, 0.99, 0.999], full vec![0.0, 0.9, 0.99, 0.999, 0.9999]]
            "weights γ of the past in the variance of the sign", Range::between(0.0, 0.99999).distinct();
        epochs: u64 = [smoke 2, quick 24, full 60] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate, of gates too", Range::RATE;
        train_images: usize = [smoke 1000, quick 10_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// When a unit is taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Never,
    Threshold,
    FirstSignChange,
    SignVariance { gamma: f64 },
}

impl Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Threshold => f.write_str("threshold"),
            Self::FirstSignChange => f.write_str("first sign change"),
            Self::SignVariance { gamma } => write!(f, "sign variance, γ={gamma}"),
        }
    }
}

impl Policy {
    fn rule(self) -> Rule {
        match self {
            // A gate without a bound to close at is not exactly 0.
            Self::Never => Rule::Threshold { at: 0.0 },
            Self::Threshold => Rule::Threshold { at: THRESHOLD },
            Self::FirstSignChange => Rule::FirstSignChange,
            Self::SignVariance { gamma } => Rule::SignVariance {
                gamma,
                threshold: VARIANCE,
            },
        }
    }
}

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub policy: Policy,
    pub lambda: f64,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, λ={}", self.policy, self.lambda)
    }
}

rows! {
    /// The net after an epoch.
    struct Epoch = "epochs" {
        pub epoch: u64,
        pub steps: u64,
        /// Units during the epoch, and after its end.
        pub units: u64,
        pub units_left: u64,
        pub train_macs: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
    }

    /// What all collections did to the loss together, on the growth batches of their time.
    struct Harm = "harm" {
        pub edits: u64,
        /// The sum of the changes of the loss.
        pub loss: f64,
    }
}

/// W₂·(ReLU(W₁x + b₁) ∘ θ) + b₂.
fn gated(units: usize, data: &Dataset, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], data.info.features)?;
    let top = layers.dense("hidden", x, units)?;
    let top = layers.activation("relu", top, Activation::Relu)?;
    let top = layers.gate("gate", top, GateForm::Linear)?;
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn epoch(moment: &Moment<'_>) -> anyhow::Result<Epoch> {
    let groups = moment.network().editable_groups().into_iter();
    let left: usize = groups.map(|group| moment.network().group(group).width()).sum();
    Ok(Epoch {
        epoch: moment.done.epoch,
        steps: moment.done.steps,
        units: moment.during.width("hidden")? as u64,
        units_left: left as u64,
        train_macs: moment.done.train_macs,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
    })
}

fn harm<'e>(edits: impl Iterator<Item = &'e EditEvent>) -> Harm {
    // The gates' first values are no collection.
    let collections = edits.filter(|edit| edit.epoch > 0);
    let changes: Vec<f64> = collections
        .filter_map(|edit| Some(edit.loss_after? - edit.loss_before))
        .collect();
    Harm {
        edits: changes.len() as u64,
        loss: changes.iter().sum(),
    }
}

struct Removal;

impl Design for Removal {
    type Settings = Sweep;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "removal",
        title: "When is a closing gate closed for good: below a threshold, at its first change of sign, or when its sign will not \
                settle?",
        study: "003",
        summary: "Trains nets under a penalty on signed gates, takes units out by three rules, and sets size, loss and cost of each \
                  beside those of nets that lose none.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/removal.json").run(
            Preset::Quick,
            "mnist",
            &["train_images=0", "epochs=12"],
            &[
                "threshold, λ=0.01",
                "first sign change, λ=0.01",
                "sign variance, γ=0.9, λ=0.01",
                "never, λ=0.001",
            ],
        )
    }

    fn variants(&self, s: &Sweep) -> anyhow::Result<Vec<Arm>> {
        let variances = s.gammas.iter().map(|gamma| Policy::SignVariance { gamma: *gamma });
        let policies = [Policy::Never, Policy::Threshold, Policy::FirstSignChange];
        let policies: Vec<Policy> = policies.into_iter().chain(variances).collect();
        let of = |lambda: &f64| {
            let lambda = *lambda;
            policies.clone().into_iter().map(move |policy| Arm { policy, lambda })
        };
        Ok(s.lambdas.iter().flat_map(of).collect())
    }

    fn widths(&self, _: &Arm, s: &Sweep) -> Vec<usize> {
        vec![s.start]
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Sweep) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let regime = Regime::adam(s.epochs, s.batch, s.learning_rate);
        let strategy = Sparsifier::new(SparsifierSettings {
            lambda: arm.lambda,
            penalty: Penalty::NonStrict,
            initial: Initial::SignedUniform,
            removal: arm.policy.rule(),
            fold_at_end: false,
            ..SparsifierSettings::default()
        });
        let net = Training::new(ctx, regime, &seed)
            .network(|data, seed| gated(s.start, data, seed))
            .strategy(strategy)
            .epochs_as(|moment| epoch(moment))
            .run("net")?;
        ctx.record(net.outcome())?;
        Ok(ctx.record(&harm(net.events()?.edits.iter()))?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.push(&Outcome {
            net: "net".to_owned(),
            diverged: missing.diverged(),
            validation_loss: missing.loss(),
            validation_score: missing.accuracy(),
            test_loss: missing.loss(),
            test_score: missing.accuracy(),
            ..espalier_report::rows::blank()?
        })?;
        Ok(rows.push(&Harm {
            edits: 0,
            loss: missing.loss(),
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn main() -> ExitCode {
    espalier_trial::main(Removal)
}
