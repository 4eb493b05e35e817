//! Can a network grow by small blocks, each of which learns what the frozen sum of those before it leaves over?
//!
//! # Question
//! Study 003 adds one small gated block after the other, finds each one's penalty λ by a search, and freezes what it keeps. It
//! gave the idea up: tiny blocks learn slowly, and what is left over is harder to learn than the target. Is it so, and is it
//! the target or the freezing that makes the difference?
//!
//! # Method
//! *Search*: the strategy `block-growth` adds blocks of 50 units. For each, λ falls from 1 by factors of 10 until a fresh block
//! survives and beats the validation loss so far, then rises while the loss does not; a trial of one λ ends after 3 epochs without a
//! smaller block or, at equal size, a lower loss. Growth ends by itself where no λ helps. The validation split decides, never
//! the test split. *Blocks of m*: each block has m units that all stay, and trains a fixed number of epochs.
//!
//! # Baselines
//! Plain nets with one hidden layer, from scratch, of the size that was grown: trained as a usual net of that size is, and trained
//! with as many multiply–accumulates as the growth spent. Beside blocks of m, a net of k·m units for every k, trained
//! with as many multiply–accumulates as the k blocks.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-11 to 13: `simple_sparsifier`, `ModelSum`, `block_sparse_training`).
//!
//! # Differences from the study
//! The validation loss decides where the study read the test accuracy. The best loss begins at that of an output of 0. Each block
//! begins at λ = 1. The study compares with nothing; both twins and the blocks of m are ours. A share of the loss that a block
//! explains is taken of what can be explained: Add10's noise of variance 1 is left out.

mod report;

use std::process::ExitCode;

use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, Kept, Stage, block_net, first_blocks};
use espalier_data::TargetKind;
use espalier_net::models;
use espalier_report::standard::Epoch;
use espalier_train::Events;
use espalier_trial::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 12];
        block_units: usize = [smoke 12, quick 50, full 50] "hidden units of a fresh block, where λ is searched", Range::WIDTH;
        blocks: usize = [smoke 3, quick 8, full 20] "the most blocks, where λ is searched", Range::WIDTH;
        epochs: u64 = [smoke 12, quick 500, full 3000] "the most passes over the training split, where λ is searched", Range::EPOCHS,
            fewer "epoch at most";
        patience: u64 = 3 "epochs without a smaller or better block that end a trial of λ", Range::EPOCHS;
        trial_epochs: u64 = [smoke 4, quick 15, full 60] "epochs that end a trial of λ in any case", Range::EPOCHS,
            fewer "epoch for each trial of λ";
        lambda_floor: f64 = [smoke 1e-2, quick 1e-6, full 1e-9] "at this λ or below, growth ends", Range::above(0.0);
        sizes: Vec<usize> = [smoke vec![2], quick vec![4, 16], full vec![4, 16, 64]] "units m of blocks that all stay",
            Range::WIDTH.distinct(), fewer "size of blocks that all stay";
        counted: usize = [smoke 2, quick 4, full 6] "blocks of m units", Range::at_least(2.0);
        block_epochs: u64 = [smoke 2, quick 20, full 60] "passes for each block of m units", Range::EPOCHS, fewer "epoch for each block of m units";
        twin_epochs: u64 = [smoke 2, quick 20, full 60] "passes of a usual net of the grown size", Range::EPOCHS;
        batch: usize = 100 "rows per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate for classes", Range::RATE;
        regression_rate: f64 = 1e-2 "Adam's rate for values", Range::RATE;
        train_images: usize = [smoke 1_000, quick 8_000, full 0] "training rows in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// How a network grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Search,
    /// Blocks of so many units, which all stay.
    Blocks(usize),
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Search => f.write_str("search"),
            Self::Blocks(units) => write!(f, "blocks of {units}"),
        }
    }
}

rows! {
    /// What is known before anything grows.
    struct Beginning = "beginning" {
        /// The validation loss of the best answer that ignores the features.
        pub constant_loss: f64,
        /// The most blocks.
        pub blocks: u64,
    }
}

struct BlockByBlock;

impl BlockByBlock {
    fn regime(s: &Setup, data: &Dataset, epochs: u64) -> Regime {
        let (regime, rate) = match data.info.targets {
            TargetKind::Classes(_) => (Regime::classification(OptimizerKind::adam()), s.learning_rate),
            TargetKind::Regression(_) => (Regime::regression(OptimizerKind::adam()), s.regression_rate),
        };
        Regime {
            epochs,
            batch: s.batch,
            rate: RateSchedule::constant(rate),
            ..regime
        }
    }

    fn strategy(arm: Arm, s: &Setup) -> BlockGrowth {
        BlockGrowth::new(match arm {
            Arm::Search => BlockGrowthSettings {
                block_units: s.block_units,
                lambda_floor: s.lambda_floor,
                patience_epochs: s.patience,
                trial_epochs: s.trial_epochs,
                ..BlockGrowthSettings::default()
            },
            Arm::Blocks(units) => BlockGrowthSettings::unpenalised(units, s.block_epochs),
        })
    }

    /// The most blocks and epochs of an arm.
    fn extent(arm: Arm, s: &Setup) -> (usize, u64) {
        match arm {
            Arm::Search => (s.blocks, s.epochs),
            Arm::Blocks(_) => (s.counted, s.counted as u64 * s.block_epochs),
        }
    }
}

impl Design for BlockByBlock {
    type Settings = Setup;
    type Variant = Arm;
    const TAKES_VALUES: bool = true;

    const ABOUT: About = About {
        name: "block-growth",
        title: "Can a network grow by small blocks, each of which learns what those before it leave over?",
        study: "003",
        summary: "Adds small gated blocks one after the other, each with its own search for the penalty, freezes what it keeps, and \
                  compares with nets from scratch of the same size and of the same computation.",
    };

    fn datasets(&self) -> Vec<&'static str> {
        vec!["mnist", "fashion-mnist", "add10"]
    }

    fn load_options(&self, _: &Setup) -> LoadOptions {
        LoadOptions::default()
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/block-growth.json").run(
            Preset::Quick,
            "mnist",
            &["train_images=0", "epochs=12", "block_epochs=2", "twin_epochs=2"],
            &[],
        )
    }

    fn variants(&self, s: &Setup) -> anyhow::Result<Vec<Arm>> {
        let fixed = s.sizes.iter().map(|units| Arm::Blocks(*units));
        Ok([Arm::Search].into_iter().chain(fixed).collect())
    }

    fn footprint(&self, arm: &Arm, s: &Setup, data: &Dataset, batch: usize) -> Footprint {
        let units = match arm {
            Arm::Search => s.block_units,
            Arm::Blocks(units) => *units,
        };
        let hidden = Self::extent(*arm, s).0 * units;
        Footprint::default().dense(&[data.info.features, hidden, data.info.targets.outputs()], batch)
    }

    fn cost(&self, arm: &Arm, s: &Setup) -> f64 {
        match arm {
            Arm::Search => (s.block_units as u64 * s.epochs) as f64,
            Arm::Blocks(units) => (units + 8) as f64 * (s.counted * s.counted) as f64 * s.block_epochs as f64,
        }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Setup) -> anyhow::Result<()> {
        let (arm, data) = (*ctx.variant(), ctx.shortened_dataset("train_images")?);
        let grown = grow(ctx, arm, s)?;
        grown.record(ctx)?;
        let (network, spent) = (grown.network().clone(), ctx.rows().get::<Epoch>()?);
        let mut units = 0;
        for (k, (epoch, kept)) in kept(grown.events()?).into_iter().enumerate() {
            units += kept.units;
            let first = first_blocks(&network, k + 1)?;
            let seed = ctx.seed();
            // No epoch: what was grown is only scored.
            let scored = Training::new(ctx, Self::regime(s, &data, 0), &seed).network(|_, _| Ok(first));
            scored.run(&format!("grown {}", k + 1))?.record(ctx)?;
            let of_epoch = spent.iter().find(|row| row.epoch == epoch);
            let so_far = of_epoch.map_or(0, |row| row.train_macs);
            if matches!(arm, Arm::Blocks(_)) {
                let name = format!("as much {}", k + 1);
                twin(ctx, s, &name, units, |regime, net, rows| {
                    regime.spending(so_far, net, rows)
                })?;
            }
        }
        if arm == Arm::Search && units > 0 {
            let macs = grown.outcome().train_macs;
            twin(ctx, s, "usual", units, |regime, _, _| regime)?;
            twin(ctx, s, "as much", units, |regime, net, rows| {
                regime.spending(macs, net, rows)
            })?;
        }
        // Last, so that a trial that diverges has the row of its stand-in alone.
        Ok(ctx.record(&Beginning {
            constant_loss: data.validation.targets().constant_loss(),
            blocks: Self::extent(arm, s).0 as u64,
        })?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.push(&Beginning {
            constant_loss: missing.loss(),
            blocks: 0,
        })?;
        espalier_trial::stand_in(&["grown"], missing, rows)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

/// Grows a network until its search is over.
fn grow(ctx: &mut TrialContext<'_, Arm>, arm: Arm, s: &Setup) -> anyhow::Result<Trained> {
    let (blocks, epochs) = BlockByBlock::extent(arm, s);
    let (seed, data) = (ctx.seed(), ctx.shortened_dataset("train_images")?);
    Training::new(ctx, BlockByBlock::regime(s, &data, epochs), &seed)
        .network(|data, seed| {
            let info = &data.info;
            Ok(block_net(info.features, blocks, info.targets.outputs(), seed)?)
        })
        .strategy(BlockByBlock::strategy(arm, s))
        .until(|trainer| trainer.events().is_some_and(over))
        .untested()
        .run("grown")
}

/// The steps of the search with their epochs, as applied edits tell them.
fn stages(events: &Events) -> impl Iterator<Item = (u64, Stage)> {
    let applied = events.edits.iter().filter(|edit| edit.outcome == "applied");
    applied.filter_map(|edit| Some((edit.epoch, Stage::read(&edit.reason)?)))
}

fn over(events: &Events) -> bool {
    stages(events).last().is_some_and(|(_, stage)| stage.trains.is_none())
}

fn kept(events: &Events) -> Vec<(u64, Kept)> {
    stages(events)
        .filter_map(|(epoch, stage)| Some((epoch, stage.kept?)))
        .collect()
}

/// Trains a net of the grown size from scratch, for the usual epochs or for those that `length` says.
fn twin(
    ctx: &mut TrialContext<'_, Arm>,
    s: &Setup,
    name: &str,
    units: usize,
    length: impl Fn(Regime, &Network<f32>, usize) -> Regime,
) -> anyhow::Result<()> {
    let (seed, data) = (ctx.seed(), ctx.shortened_dataset("train_images")?);
    let net = models::mlp(data.info.features, &[units], data.info.targets.outputs(), &seed)?;
    let regime = length(BlockByBlock::regime(s, &data, s.twin_epochs), &net, data.train.len());
    Training::new(ctx, regime, &seed).mlp(&[units]).run(name)?.record(ctx)
}

fn main() -> ExitCode {
    espalier_trial::main(BlockByBlock)
}
