//! Which cheap importance ranks the units of a layer as disabling them one by one does, and does a learned size need such a rank?
//!
//! # Question
//! A size that opens units one after another takes them in some order. The study wanted the important ones first: importance is
//! the loss without a unit less the loss with it, which costs one pass per unit. Which importance that costs next to nothing
//! ranks units alike, which one tells best which units can go together, and does the order of units change what a learned size
//! arrives at?
//!
//! # Method
//! A net 784-W-10 with one ReLU layer is trained for a few and for many epochs. Each unit's exact importance is measured on the
//! validation split; cheap ones come from the weights, from activations on training images, and from the gradients of one
//! batch. For each order the least important quarter, half, three quarters and nine tenths of the units are taken out at once,
//! and the loss is measured. Beside these, nets with gates σ(−k(rank − x₀)) learn their size from 0, units ranked by their place
//! in the layer, by mean activation, by exact importance on a growth batch, or by a learned scale.
//!
//! # Baselines
//! The exact importance as an order, and a random order; for gated nets the units' place in the layer, which is random too.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-13 to 2017-11-20: ordering of neurons; prototypes `sorted` and `scaled`).
//!
//! # Differences from the study
//! Its prototypes were never run to an end. Its importance had the sign reversed, and its sorted gate took the sorting permutation for
//! the ranks; that order is here too, as `sorting permutation`. 10 000 training images are set aside; seeds are paired.

mod measure;
mod report;

use espalier_net::GateForm;
use espalier_size_gate::{Compaction, Order, SizeGate, SizeGateSettings, Slope};
use espalier_strategy::Sample;
use espalier_trial::prelude::*;

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 11];
        width: usize = [smoke 16, quick 100, full 100] "hidden units of the nets whose units are ranked", Range::WIDTH;
        training: Vec<usize> = [smoke vec![1, 2], quick vec![2, 20], full vec![2, 60]] "epochs of these nets",
            Range::at_least(1.0).distinct().ascending();
        units: usize = [smoke 40, quick 250, full 500] "hidden units of the nets that learn their size", Range::WIDTH,
            fewer "unit with a gate";
        epochs: u64 = [smoke 2, quick 16, full 60] "epochs of these nets", Range::EPOCHS, fewer "epoch with gates";
        slope: f64 = 0.875 "k of the gates, per unit", Range::above(0.0);
        probed: usize = [smoke 200, quick 2_000, full 2_000] "training images from which cheap importances are read", Range::at_least(1.0);
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate for the weights", Range::RATE;
        train_images: usize = [smoke 1_000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arm {
    /// Trained for so many epochs, then ranked.
    Ranked(usize),
    /// Learns its size in this order.
    Gated(Order),
}

/// The orders in which a size opens units.
const ORDERS: [Order; 4] = [
    Order::Position,
    Order::Activity,
    Order::Importance { sample: Sample::Growth },
    Order::Scale,
];

/// An order's name.
fn order_name(order: Order) -> &'static str {
    match order {
        Order::Position => "place in the layer",
        Order::Activity => "mean activation",
        Order::Importance { .. } => "exact importance",
        Order::Scale => "learned scale",
    }
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ranked(epochs) => write!(f, "trained {epochs}"),
            Self::Gated(order) => write!(f, "size by {}", order_name(*order)),
        }
    }
}

rows! {
    /// Losses and size after an epoch; the size of nets without gates is their width.
    struct Epoch = "epochs" {
        pub epoch: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub size: f64,
    }

    /// The trained net.
    struct Summary = "summary" {
        pub diverged: bool,
        pub size: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub train_macs: u64,
        /// Multiply–accumulates of decisions, such as the measuring of importances.
        pub decision_macs: u64,
    }
}

fn epoch(moment: &Moment<'_>, width: Option<usize>) -> anyhow::Result<Epoch> {
    Ok(Epoch {
        epoch: moment.done.epoch,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
        size: width.map_or_else(|| moment.reading("size"), |width| Ok(width as f64))?,
    })
}

fn gate(order: Order, s: &Setup) -> SizeGate {
    SizeGate::new(SizeGateSettings {
        start: 0.0,
        lambda: 0.0,
        slope: Slope::Fixed { k: s.slope },
        order,
        compaction: Compaction::Never,
        fold_at_end: false,
        ..SizeGateSettings::default()
    })
}

struct UnitOrder;

impl Design for UnitOrder {
    type Settings = Setup;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "unit-order",
        title: "Which cheap importance ranks the units of a layer as disabling them one by one does?",
        study: "003",
        summary: "Ranks the units of trained nets by ten cheap importances and by the loss without each, takes the least \
                  important ones out, and lets a size be learned over units in four orders.",
    };

    fn golden(&self) -> Golden {
        let short = ["train_images=0", "training=2,4", "epochs=2", "probed=200"];
        espalier_experiment::golden!("golden/unit-order.json")
            .run(Preset::Quick, "mnist", &short, &[])
            .run(
                Preset::Quick,
                "fashion-mnist",
                &short,
                &["trained 2", "size by learned scale"],
            )
    }

    fn variants(&self, s: &Setup) -> anyhow::Result<Vec<Arm>> {
        let ranked = s.training.iter().copied().map(Arm::Ranked);
        Ok(ranked.chain(ORDERS.map(Arm::Gated)).collect())
    }

    fn widths(&self, arm: &Arm, s: &Setup) -> Vec<usize> {
        vec![match arm {
            Arm::Ranked(_) => s.width,
            Arm::Gated(_) => s.units,
        }]
    }

    fn cost(&self, arm: &Arm, s: &Setup) -> f64 {
        match arm {
            Arm::Ranked(epochs) => *epochs as f64 * s.width as f64,
            Arm::Gated(_) => s.epochs as f64 * s.units as f64,
        }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Setup) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let (epochs, width) = match arm {
            Arm::Ranked(epochs) => (epochs as u64, Some(s.width)),
            Arm::Gated(_) => (s.epochs, None),
        };
        let regime = Regime::adam(epochs, s.batch, s.learning_rate);
        let training = Training::new(ctx, regime, &seed).epochs_as(|moment| epoch(moment, width));
        let mut net = match arm {
            Arm::Ranked(_) => training.mlp(&[s.width]).run("net")?,
            Arm::Gated(order) => training
                .gated_mlp(&[s.units], GateForm::Linear)
                .strategy(gate(order, s))
                .run("net")?,
        };
        let size = width.map_or_else(|| net.reading("size"), |width| Ok(width as f64))?;
        let outcome = net.outcome().clone();
        if let Arm::Ranked(_) = arm {
            let trainer = net.trainer();
            let units = measure::units(trainer, s.probed, &seed)?;
            let removals = measure::removals(trainer, &units)?;
            ctx.record_all(&units)?;
            ctx.record_all(&removals)?;
        }
        Ok(ctx.record(&Summary {
            diverged: false,
            size,
            validation_loss: outcome.validation_loss,
            validation_accuracy: outcome.validation_score,
            test_accuracy: outcome.test_score,
            train_macs: outcome.train_macs,
            decision_macs: outcome.decision_macs,
        })?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.declare::<measure::Unit>()?;
        rows.declare::<measure::Removal>()?;
        Ok(rows.push(&Summary {
            diverged: missing.diverged(),
            validation_loss: missing.loss(),
            validation_accuracy: missing.accuracy(),
            test_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(UnitOrder);
