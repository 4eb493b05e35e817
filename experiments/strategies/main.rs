//! What does each strategy do to one net?
//!
//! # Question
//! Every strategy of the project trains the same kind of net for the same number of epochs within the
//! same bound on parameters. What curve does each draw, which edits does it make, and what do they cost?
//! It is a showcase and judges nothing: the nets that come out differ in size and computation.
//!
//! # Method
//! Nets 784-a-b-10 (ReLU, Adam, cross-entropy, batches of 128). Growing strategies start from the
//! small net and may reach the large net's parameters; shrinking ones start from the large net; renewing
//! ones keep its size. Initial weights and batches are paired by seed wherever arms share a shape. Every
//! strategy runs in two configurations.
//!
//! # Baselines
//! The small and the large net without any change, and random growth on the growing strategies' schedule.
//!
//! # Sources
//! Studies 000–004 and the papers named in each strategy's README.
//!
//! # Differences from the study
//! None of the studies shows strategies of different kinds; each used its own nets, sets and budgets.

mod arms;
mod report;
mod rows;
mod training;

use espalier_trial::prelude::*;

use crate::arms::Try;

settings! {
    /// What a run sets.
    struct Showcase {
        seeds = [smoke 1, quick 6, full 10];
        small: Vec<usize> = [smoke vec![4, 4], quick vec![32, 32], full vec![32, 32]] "hidden widths of the small net",
            Range::WIDTH.several(1..=16);
        large: Vec<usize> = [smoke vec![8, 8], quick vec![64, 64], full vec![64, 64]] "hidden widths of the large net",
            Range::WIDTH.several(1..=16);
        epochs: u64 = [smoke 2, quick 12, full 40] "passes over the training split", Range::EPOCHS;
        learning_rate: f64 = 1e-3 "Adam's learning rate, but for the fixed nets' second try", Range::RATE;
    }
}

struct Strategies;

impl Design for Strategies {
    type Settings = Showcase;
    type Variant = Try;

    const ABOUT: About = About {
        name: "strategies",
        title: "What does each strategy do to one net, with which edits and at what cost?",
        study: "",
        summary: "Trains one kind of net with every strategy, within one bound on parameters and for equally many \
                  epochs, beside fixed nets and random growth, and judges none. `--only NAME` runs one strategy.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/strategies.json").run(Preset::Quick, "mnist", &[], &[])
    }

    fn variants(&self, _: &Showcase) -> anyhow::Result<Vec<Try>> {
        Ok(arms::tries())
    }

    fn footprint(&self, _: &Try, s: &Showcase, data: &Dataset, _: usize) -> Footprint {
        let bytes = |hidden: &[usize]| {
            let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
            let widths = [&[inputs], hidden, &[outputs]].concat();
            Footprint::default().dense(&widths, training::BATCH).total()
        };
        Footprint::default().part("network and optimizer", bytes(&s.small).max(bytes(&s.large)))
    }

    fn trial(&self, context: &mut TrialContext<'_, Try>, s: &Showcase) -> anyhow::Result<()> {
        training::trial(context, s)
    }

    fn stand_in(&self, _: &Try, missing: Missing, record: &mut Record) -> anyhow::Result<()> {
        // Arms that were not run are not shown.
        if missing == Missing::NotRun {
            return Ok(());
        }
        record.declare_all::<(rows::Epoch, rows::Edit, rows::Unit)>()?;
        record.push(&blank::<rows::DecisionTime>()?)?;
        Ok(record.push(&absent::<rows::Summary>(missing)?)?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(Strategies);
