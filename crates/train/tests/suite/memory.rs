//! Batches that grow as the network shrinks, under a budget of bytes.
#![allow(clippy::unwrap_used, clippy::result_large_err)]

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::{Network, OptimizerKind, Plan, Units, models};
use espalier_seed::Seed;
use espalier_strategy::{Occasion, Oracle, Proposal, Strategy, View};
use espalier_train::{Error, MemoryBudget, Regime, Split, Trainer};

fn add10() -> Arc<Dataset> {
    espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default()).unwrap()
}

fn network(data: &Dataset) -> Network<f32> {
    models::mlp(data.info.features, &[49], 1, &Seed::new(3).named("network")).unwrap()
}

fn regime(bytes: usize, most: usize) -> Regime {
    Regime {
        epochs: 3,
        memory: Some(MemoryBudget { bytes, most }),
        ..Regime::regression(OptimizerKind::adam())
    }
}

/// Hidden layer, output and their gradients in single precision: what one sample of an h-unit network takes.
const fn sample_bytes(h: usize) -> usize {
    2 * (h + 1) * 4
}

/// Prunes the last 25 units after step 4, splits the first unit in ten after step 9.
struct Resizer;

impl Strategy for Resizer {
    fn name(&self) -> &str {
        "resizer"
    }

    fn propose(&mut self, view: &View<'_>, _: &mut dyn Oracle) -> espalier_strategy::Result<Option<Proposal>> {
        if view.occasion != Occasion::Step {
            return Ok(None);
        }
        let group = view.network.find_group("hidden1")?;
        let units = Units::of(view.network, group);
        let units = match view.clock.step {
            4 => units.prune(&(24..49).collect::<Vec<_>>())?,
            9 => units.split(0, &espalier_net::Scales::equal(10))?,
            _ => return Ok(None),
        };
        Ok(Some(Proposal::new(Plan::new("resize").with(units.edit("resize")))))
    }
}

fn trainer(regime: Regime) -> Trainer {
    let data = add10();
    Trainer::new(network(&data), data, regime, &Seed::new(3))
        .unwrap()
        .with_strategies(vec![Box::new(Resizer)])
        .unwrap()
}

#[test]
fn the_batch_fills_the_budget_and_never_passes_it() {
    let bytes = 20_100;
    let mut trainer = trainer(regime(bytes, 1000));
    // 49 units: 400 bytes a sample, 50 samples. 24 units: 200 bytes, 100 samples. 33 units: 272 bytes, 73 samples.
    let expected = |step: u64| match step {
        1..=4 => (49, 50),
        5..=9 => (24, 100),
        _ => (33, 73),
    };
    let rows = trainer.data().train.len() as u64;
    let mut seen = 0;
    for step in 1..=14 {
        assert_eq!(trainer.train_steps(1).unwrap(), 1);
        let (width, batch) = expected(step);
        assert_eq!(trainer.batch(), batch, "step {step}");
        let used = batch * sample_bytes(width);
        assert!(used <= bytes && used * 5 >= bytes * 4);
        assert!(
            trainer.bytes().activations <= bytes,
            "step {step}: {:?}",
            trainer.bytes()
        );
        seen += batch as u64;
        trainer.evaluate(Split::Validation).unwrap();
        assert!(
            trainer.bytes().activations <= bytes,
            "evaluation: {:?}",
            trainer.bytes()
        );
    }
    assert!(seen < rows, "all these steps belong to one epoch");
    // Each sample of the epoch counts once, at the cost of the network that saw it: 10·h + h multiply-accumulates
    // forwards, three times that for a step.
    let summary = trainer.train_epoch().unwrap().unwrap();
    let macs = |samples: u64, h: u64| 3 * 11 * h * samples;
    let late = rows - 200 - 500;
    assert_eq!(summary.train_macs, macs(200, 49) + macs(500, 24) + macs(late, 33));
    assert_eq!(summary.steps, 4 + 5 + late.div_ceil(73));
}

#[test]
fn checkpoints_around_edits_go_on_bit_for_bit() {
    let regime = regime(20_100, 1000);
    let mut whole = trainer(regime.clone());
    whole.run(&mut |_| {}).unwrap();
    for steps in [3, 4, 7, 9, 12] {
        let mut first = trainer(regime.clone());
        first.train_steps(steps).unwrap();
        let bytes = first.checkpoint().unwrap();
        let mut second = Trainer::resume(&bytes, add10(), regime.clone(), &Seed::new(3))
            .unwrap()
            .with_strategies(vec![Box::new(Resizer)])
            .unwrap();
        second.run(&mut |_| {}).unwrap();
        assert_eq!(second.network(), whole.network(), "{steps}");
        assert_eq!(second.optimizer(), whole.optimizer(), "{steps}");
    }
}

#[test]
fn the_most_and_the_set_bound_the_batch_and_too_small_a_budget_is_refused() {
    let data = add10();
    let batch = |bytes, most| {
        Trainer::new(network(&data), Arc::clone(&data), regime(bytes, most), &Seed::new(3)).map(|t| t.batch())
    };
    assert_eq!(batch(20_100, 32).unwrap(), 32);
    assert_eq!(batch(1 << 30, usize::MAX).unwrap(), data.train.len());
    assert_eq!(batch(400, 32).unwrap(), 1);
    assert!(matches!(
        batch(20_100, 0),
        Err(Error::Setting {
            field: "memory.most",
            ..
        })
    ));
    let error = batch(399, 32).unwrap_err();
    assert_eq!(
        error.to_string(),
        "training setting `memory.bytes`: expected at least the 400 that the activations of one sample take, found 399"
    );
}

#[test]
fn a_budget_that_always_gives_the_same_batch_trains_as_that_batch_does() {
    let data = add10();
    let trained = |regime: Regime| {
        let mut trainer = Trainer::new(network(&data), Arc::clone(&data), regime, &Seed::new(3)).unwrap();
        trainer.run(&mut |_| {}).unwrap();
        trainer.into_network()
    };
    let fixed = Regime {
        memory: None,
        batch: 50,
        ..regime(0, 1)
    };
    assert_eq!(trained(regime(20_100, 1000)), trained(fixed));
}
