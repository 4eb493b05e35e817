//! Does a penalty on gates find small nets in very large ones, and are they better than nets that had that size from the start?
//!
//! # Question
//! A net of one to four very wide layers loses units while it trains. How far does it shrink on images and on tables, is what is
//! left as good as the wide net, and is it better than a static net of its shape? Does the epoch that is picked decide it?
//!
//! # Method
//! Behind every ReLU layer stands a gate relu(θ) on each unit, θ = 1 at first; the loss is that of the task + λ·shift·Σ max(θ, 0),
//! with Adam and without weight decay. Units of closed gates are taken out after every epoch. λ is swept for one to four layers;
//! in further arms it is divided by 2^(1/10) after every epoch. Cross-entropy for classes (on `poker-hand` with weights 1/count), for
//! values the mean squared error. Training is counted in steps, so that small tables get as many as large ones.
//!
//! # Baselines
//! λ = 0: the same wide net. Static twins: plain nets of the widths that a gated net has at its pick, trained until they have spent
//! its multiply–accumulates, but no longer than `twin_steps`, as small nets would otherwise train for hours.
//!
//! # The pick
//! *Settled*: the best validation epoch of the second half, as in the ICML submission. *Early*: that of all epochs, as in the
//! journal. Test scores are read once for each, when training has ended.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, from 2017-11-13: compression from very large starts; ICML 2018 submission for the pick and
//! the compression factor).
//!
//! # Differences from the study
//! Starts are scaled to two cores: its 10 000, 6 000, 4 000 and 2 500 units a layer are those of `full`. Adam sees λ against the
//! mean over a batch, which for its sums of squared errors makes a shift of 10⁴ over the batch. Poker in batches of 250, not
//! 1 000. PyTorch's default biases instead of
//! N(0, 1); splits are this workspace's. Airfoil is standardised once, and no row of Poker is lost.

mod figures;
mod report;
mod rows;
mod task;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use espalier_net::{Activation, DeviceChoice, GateForm, NetworkBuilder, Session};
use espalier_report::standard::Outcome;
use espalier_sparsifier::{Sparsifier, SparsifierSettings};
use espalier_trial::ChoiceRow;
use espalier_trial::prelude::*;

use rows::{Collected, Epoch, Latency, Pace};
use task::Task;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The epochs that may be picked, and after which share of training.
const PICKS: [(&str, f64); 2] = [("early", 0.0), ("settled", 0.5)];
/// Samples of a timed forward pass, and how often it is timed; the fastest counts.
const TIMED_ROWS: usize = 64;
const TIMED_PASSES: usize = 30;

settings! {
    /// What a run sets.
    struct Grid {
        seeds = [smoke 1, quick 6, full 6, part 6];
        starts: Vec<usize> = [smoke vec![24, 16], quick vec![2000, 300, 200, 150], full vec![10_000, 6000, 4000, 2500],
            part vec![1000, 300]]
            "units of each layer at first, for nets of one, two, … layers", Range::WIDTH.several(1..=4);
        lambdas: Vec<f64> = [
            smoke vec![0.0, 0.1],
            quick vec![0.0, 1e-4, 1e-3, 1e-2],
            full vec![0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1],
            part vec![0.0, 1e-4, 1e-3, 1e-2],
        ] "weights λ of the penalty, before the data set's shift", Range::WEIGHT.distinct(), fewer "weight λ of the penalty";
        decay_layers: Vec<usize> = [smoke vec![1], quick vec![1], full vec![1, 2, 3, 4], part vec![1]]
            "numbers of layers for which λ decays in further arms", Range::between(1.0, 4.0).distinct();
        decay: f64 = (2_f64.powf(0.1)) "what a decaying λ is divided by after each epoch", Range::above(1.0);
        wide_starts: Vec<usize> = [smoke vec![32], quick vec![10_000], full vec![2000, 5000], part vec![2000]]
            "units at first of further nets of one layer", Range::WIDTH.distinct();
        wide_lambdas: Vec<f64> = [smoke vec![0.1], quick vec![1e-3, 1e-2], full vec![1e-5, 1e-4, 1e-3, 1e-2, 0.1],
            part vec![1e-3, 1e-2]] "weights λ for these", Range::WEIGHT.distinct();
        steps: u64 = [smoke 20, quick 3000, full 40_000, part 2500] "training steps, rounded up to whole epochs",
            Range::at_least(1.0), fewer "step";
        twin_steps: u64 = [smoke 20, quick 20_000, full 400_000, part 10_000] "the most training steps of a static twin",
            Range::at_least(1.0);
        learning_rate: f64 = 1e-3 "Adam's rate, of gates too", Range::RATE;
        train_images: usize = [smoke 1000, quick 0, full 0, part 10_000] "training rows in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub layers: usize,
    /// Units of each layer at first.
    pub start: usize,
    pub lambda: f64,
    pub decays: bool,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layers, start) = (self.layers, self.start);
        let decays = if self.decays { ", decaying" } else { "" };
        write!(f, "λ={}{decays}, {layers}×{start}", written(self.lambda))
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

/// `layers` times dense, ReLU and gate, then the outputs.
fn gated(arm: Arm, data: &Dataset, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [1, 1], data.info.features)?;
    for layer in 1..=arm.layers {
        top = layers.dense(&format!("hidden{layer}"), top, arm.start)?;
        top = layers.activation(&format!("relu{layer}"), top, Activation::Relu)?;
        top = layers.gate(&format!("gate{layer}"), top, GateForm::Rectified)?;
    }
    let outputs = layers.dense("outputs", top, data.info.targets.outputs())?;
    Ok(layers.build(&[outputs], seed)?)
}

fn widths(network: &Network<f32>) -> Vec<usize> {
    let groups = network.editable_groups().into_iter();
    groups.map(|group| network.group(group).width()).collect()
}

fn epoch(moment: &Moment<'_>) -> Epoch {
    Epoch {
        net: moment.net.to_owned(),
        epoch: moment.done.epoch,
        train_macs: moment.done.train_macs,
        units: widths(moment.network()).iter().sum::<usize>() as u64,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_score: moment.validation.accuracy.unwrap_or(f64::NAN),
    }
}

fn pace(moment: &mut Moment<'_>) -> anyhow::Result<()> {
    let collecting = moment.events().map_or(0.0, |events| events.decision_seconds);
    moment.record(&Pace {
        net: moment.net.to_owned(),
        epoch: moment.done.epoch,
        seconds: moment.during.seconds,
        collecting,
    })
}

/// Times a forward pass of a few samples.
fn latency(net: &str, network: &Network<f32>, data: &Dataset) -> anyhow::Result<Latency> {
    let rows = TIMED_ROWS.min(data.validation.len());
    let block = &data.validation.features()[..rows * data.info.features];
    let mut session = Session::new(network, rows, &DeviceChoice::Cpu, &Seed::new(0))?;
    let mut fastest = f64::INFINITY;
    for _ in 0..TIMED_PASSES {
        let start = Instant::now();
        black_box(session.evaluate(network, &[block])?);
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(Latency {
        net: net.to_owned(),
        batch: rows as u64,
        microseconds: 1e6 * fastest / rows as f64,
    })
}

struct Compress;

impl Compress {
    fn strategy(arm: Arm, task: Task, s: &Grid) -> Sparsifier {
        Sparsifier::new(SparsifierSettings {
            lambda: arm.lambda * task.shift,
            lambda_divisor: if arm.decays { s.decay } else { 1.0 },
            // All picks hold their gates, so that they are compared alike.
            fold_at_end: false,
            ..SparsifierSettings::default()
        })
    }

    fn collected(net: &Trained) -> anyhow::Result<Collected> {
        // The gates' first values are no collection.
        let edits = net.events()?.edits.iter().filter(|edit| edit.epoch > 0);
        let deviations: Vec<f64> = edits.filter_map(|edit| edit.deviation).collect();
        Ok(Collected {
            diverged: false,
            edits: deviations.len() as u64,
            deviation: deviations.into_iter().fold(0.0, f64::max),
        })
    }

    /// A plain net of a pick's widths that may spend what the gated net has spent.
    fn twin(ctx: &mut TrialContext<'_, Arm>, gated: &Trained, task: Task, s: &Grid) -> anyhow::Result<Trained> {
        let pick = gated.chosen("settled")?;
        let (seed, widths) = (ctx.seed(), widths(&pick.network));
        let step = 3 * pick.row.macs * task.batch() as u64;
        let steps = (gated.outcome().train_macs / step.max(1)).clamp(1, s.twin_steps);
        let rows = ctx.shortened_dataset("train_images")?.train.len();
        Training::new(ctx, task.regime(steps, rows, s), &seed)
            .mlp(&widths)
            .choose(PICKS[0].0, PICKS[0].1)
            .choose(PICKS[1].0, PICKS[1].1)
            .epochs_as(|moment| Ok(epoch(moment)))
            .each_epoch(pace)
            .run("twin")
    }
}

impl Design for Compress {
    type Settings = Grid;
    type Variant = Arm;
    const TAKES_VALUES: bool = true;

    const PRESETS: &'static [(&'static str, &'static str)] = &[(
        "part",
        "for images and large tables: the first 10 000 rows, one and two layers from narrower starts",
    )];
    const ABOUT: About = About {
        name: "compress",
        title: "Does a penalty on gates find small nets in very large ones, and are they better than nets of that size from the \
                start?",
        study: "003",
        summary: "Trains very wide nets of one to four layers whose gates close under a penalty, on images and tables, beside \
                  static nets of every shape that they reach.",
    };

    fn golden(&self) -> Golden {
        let arms = ["λ=0.01, 2×300", "λ=1e-3, decaying, 1×2000"];
        espalier_experiment::golden!("golden/compress.json")
            .run(Preset::Quick, "add10", &["steps=24", "twin_steps=12"], &arms)
            .run(Preset::Quick, "poker-hand", &["steps=6", "twin_steps=6"], &arms)
            .run(
                Preset::Named("part".to_owned()),
                "mnist",
                &["steps=15", "twin_steps=10", "train_images=0"],
                &["λ=0.01, 2×300"],
            )
    }

    fn datasets(&self) -> Vec<&'static str> {
        Task::names()
    }

    fn load_options(&self, _: &Grid) -> LoadOptions {
        LoadOptions::default()
    }

    fn variants(&self, s: &Grid) -> anyhow::Result<Vec<Arm>> {
        let mut arms = Vec::new();
        for (place, &start) in s.starts.iter().enumerate() {
            let layers = place + 1;
            let arm = |lambda: &f64, decays| Arm {
                layers,
                start,
                lambda: *lambda,
                decays,
            };
            arms.extend(s.lambdas.iter().map(|lambda| arm(lambda, false)));
            if s.decay_layers.contains(&layers) {
                let positive = s.lambdas.iter().filter(|lambda| **lambda > 0.0);
                arms.extend(positive.map(|lambda| arm(lambda, true)));
            }
        }
        for &start in s.wide_starts.iter().filter(|start| **start != s.starts[0]) {
            arms.extend(s.wide_lambdas.iter().map(|lambda| Arm {
                layers: 1,
                start,
                lambda: *lambda,
                decays: false,
            }));
        }
        Ok(arms)
    }

    fn widths(&self, arm: &Arm, _: &Grid) -> Vec<usize> {
        vec![arm.start; arm.layers]
    }

    fn cost(&self, arm: &Arm, _: &Grid) -> f64 {
        let weights = arm.start * (200 + arm.start * (arm.layers - 1));
        weights as f64 * if arm.lambda == 0.0 { 3.0 } else { 1.0 }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Grid) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let data = ctx.shortened_dataset("train_images")?;
        let task = Task::of(&data.info);
        let net = Training::new(ctx, task.regime(s.steps, data.train.len(), s), &seed)
            .network(move |data, seed| gated(arm, data, seed))
            .strategy(Self::strategy(arm, task, s))
            .choose(PICKS[0].0, PICKS[0].1)
            .choose(PICKS[1].0, PICKS[1].1)
            .epochs_as(|moment| Ok(epoch(moment)))
            .each_epoch(pace)
            .run("gated")?;
        ctx.record(net.outcome())?;
        net.record_choices(ctx)?;
        ctx.record(&Self::collected(&net)?)?;
        ctx.record(&latency("gated", &net.chosen("settled")?.network, &data)?)?;
        if arm.lambda > 0.0 {
            let twin = Self::twin(ctx, &net, task, s)?;
            ctx.record(twin.outcome())?;
            twin.record_choices(ctx)?;
            ctx.record(&latency("twin", &twin.chosen("settled")?.network, &data)?)?;
        }
        Ok(())
    }

    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.declare::<Pace>()?;
        rows.declare::<Latency>()?;
        let nets: &[&str] = if arm.lambda > 0.0 {
            &["gated", "twin"]
        } else {
            &["gated"]
        };
        for net in nets {
            rows.push(&Outcome {
                net: (*net).to_owned(),
                diverged: missing.diverged(),
                ..blank()?
            })?;
        }
        for (net, (choice, _)) in nets.iter().flat_map(|net| PICKS.map(|pick| (net, pick))) {
            rows.push(&ChoiceRow {
                net: (*net).to_owned(),
                choice: choice.to_owned(),
                validation_loss: missing.loss(),
                validation_score: missing.accuracy(),
                test_loss: missing.loss(),
                test_score: missing.accuracy(),
                ..blank()?
            })?;
        }
        Ok(rows.push(&Collected {
            diverged: missing.diverged(),
            edits: 0,
            deviation: f64::NAN,
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn main() -> ExitCode {
    espalier_trial::main(Compress)
}
