//! Measures which share of a training's processor time strategies' decisions take, on nets of 256 units a layer and more.
//!
//! Processor time of the training thread (`/proc/thread-self/schedstat`), so that other work on the machine does not count; everything
//! runs on one thread. Applying edits is measured by the wall.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use clap::Parser;
use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, block_net};
use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings};
use espalier_data::{Dataset, LoadOptions, SplitSizes, stand_in};
use espalier_firefly::{Firefly, FireflySettings};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings};
use espalier_gradmax::{GradMax, GradMaxSettings};
use espalier_net::{Network, OptimizerKind, models};
use espalier_neuroplastic_expansion::{NeuroplasticExpansion, NeuroplasticExpansionSettings};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_redo::{Redo, RedoSettings};
use espalier_seed::Seed;
use espalier_strategy::{EveryEpochs, Fixed, Groups, Oracle, Proposal, Strategy, View, random_growth};
use espalier_tiny::{Tiny, TinySettings};
use espalier_train::{Regime, Trainer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures which share of a training's processor time strategies' decisions take.
#[derive(Debug, Parser)]
struct Arguments {
    /// Units of each of the two hidden layers at first
    #[arg(long, default_value_t = 256)]
    width: usize,
    /// Training images, in the shape of MNIST's
    #[arg(long, default_value_t = 20_000)]
    images: usize,
    /// Epochs
    #[arg(long, default_value_t = 4)]
    epochs: u64,
    /// Measure this strategy alone
    #[arg(long)]
    only: Option<String>,
}

type Make = fn(&Arguments) -> Box<dyn Strategy>;

/// Each with the settings of its source, where they act within a few epochs.
#[rustfmt::skip]
const STRATEGIES: [(&str, Make); 11] = [
    ("fixed", |_| Box::new(Fixed)),
    ("random-growth", |_| Box::new(random_growth(EveryEpochs(1), Groups::Editable, 2))),
    ("random-split", |a| Box::new(RandomSplit::new(RandomSplitSettings { epochs: a.epochs, ..RandomSplitSettings::default() }))),
    ("gradient-split", |_| Box::new(GradientSplit::new(GradientSplitSettings { cutoff_add: 0.3, ..GradientSplitSettings::default() }))),
    ("gradmax", |_| Box::new(GradMax::new(GradMaxSettings { every_epochs: 2, new_units: 8, ..GradMaxSettings::default() }))),
    ("firefly", |_| Box::new(Firefly::new(FireflySettings { every_epochs: 2, ..FireflySettings::default() }))),
    ("tiny", |_| Box::new(Tiny::new(TinySettings { every_epochs: 2, ..TinySettings::default() }))),
    ("neuroplastic-expansion", |_| Box::new(NeuroplasticExpansion::new(NeuroplasticExpansionSettings { expansion: 2.0, ..NeuroplasticExpansionSettings::default() }))),
    ("block-growth", |a| Box::new(BlockGrowth::new(BlockGrowthSettings { block_units: a.width, patience_epochs: 1, trial_epochs: 1, ..BlockGrowthSettings::default() }))),
    ("redo", |_| Box::new(Redo::new(RedoSettings { every_steps: 100, ..RedoSettings::default() }))),
    ("continual-backprop", |_| Box::new(ContinualBackprop::new(ContinualBackpropSettings::default()))),
];

/// Seconds of the processor that this thread has used.
fn processor_seconds() -> Result<f64> {
    let path = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(path).with_context(|| format!("{path}: this measurement needs Linux"))?;
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    Ok(nanoseconds.with_context(|| format!("{path}: expected a number first, found {text:?}"))? / 1e9)
}

/// A strategy whose decisions are timed.
struct Timed {
    inner: Box<dyn Strategy>,
    spent: Arc<Mutex<f64>>,
}

impl Strategy for Timed {
    espalier_strategy::forward!(inner: name, prepare, territory, needs, rests, control, penalty, gradients, settled, followed);

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> espalier_strategy::Result<Option<Proposal>> {
        let before = processor_seconds().unwrap_or(f64::NAN);
        let answer = self.inner.propose(view, oracle);
        let after = processor_seconds().unwrap_or(f64::NAN);
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) += after - before;
        answer
    }
}

/// What one strategy's training took.
struct Measured {
    training: f64,
    decisions: f64,
    edits: f64,
    proposals: usize,
    width: usize,
}

fn network(name: &str, arguments: &Arguments, data: &Dataset) -> Result<Network<f32>> {
    let (inputs, outputs, seed) = (data.info.features, data.info.targets.outputs(), Seed::new(1));
    Ok(match name {
        "block-growth" => block_net(inputs, 4, outputs, &seed)?,
        _ => models::mlp(inputs, &[arguments.width; 2], outputs, &seed)?,
    })
}

fn measured(name: &str, make: Make, arguments: &Arguments, data: &Arc<Dataset>) -> Result<Measured> {
    let spent = Arc::new(Mutex::new(0.0));
    let timed = Timed {
        inner: make(arguments),
        spent: Arc::clone(&spent),
    };
    let regime = Regime {
        epochs: arguments.epochs,
        batch: 128,
        ..Regime::classification(OptimizerKind::adam())
    };
    let trainer = Trainer::new(network(name, arguments, data)?, Arc::clone(data), regime, &Seed::new(1))?;
    let mut trainer = trainer.with_strategies(vec![Box::new(timed)])?;
    let mut training = 0.0;
    loop {
        let before = processor_seconds()?;
        let done = trainer.train_epoch()?;
        training += processor_seconds()? - before;
        if done.is_none() {
            break;
        }
    }
    let timings = trainer
        .events()
        .map(|events| events.timings.clone())
        .unwrap_or_default();
    let network = trainer.network();
    let groups = network.editable_groups();
    Ok(Measured {
        training,
        decisions: *spent.lock().unwrap_or_else(PoisonError::into_inner),
        edits: timings.iter().map(|timing| timing.apply_seconds).sum(),
        proposals: timings.len(),
        width: groups.iter().map(|group| network.group(*group).width()).sum(),
    })
}

fn run(arguments: &Arguments) -> Result<()> {
    let sizes = SplitSizes {
        train: arguments.images,
        validation: 1000,
        test: 10,
    };
    let data = Arc::new(stand_in("mnist", sizes, &LoadOptions::default())?);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| strategy | decisions, % of all | edits by the wall, % | proposals | hidden units at the end | all, s |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    for (name, make) in STRATEGIES.into_iter().filter(|(name, _)| wanted(name)) {
        let found = measured(name, make, arguments, &data)?;
        let share = |seconds: f64| 100.0 * seconds / found.training;
        let (decisions, edits) = (share(found.decisions), share(found.edits));
        let (proposals, width, all) = (found.proposals, found.width, found.training);
        writeln!(
            out,
            "| {name} | {decisions:.2} | {edits:.2} | {proposals} | {width} | {all:.2} |"
        )?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let outcome = pool
        .map_err(anyhow::Error::from)
        .and_then(|pool| pool.install(|| run(&arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell a refusal of standard error to.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
