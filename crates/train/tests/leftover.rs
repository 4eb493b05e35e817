//! A leftover of one sample behind a batch norm is seen before training.
#![allow(clippy::unwrap_used, clippy::result_large_err)]

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::{Activation, Network, NetworkBuilder, OptimizerKind};
use espalier_seed::Seed;
use espalier_strategy::{Batch, Oracle as _, SampleOracle, Spent};
use espalier_train::{MemoryBudget, Regime, Trainer};

/// The first rows of ADD10's training split.
fn add10(rows: usize) -> Arc<Dataset> {
    let data = espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default()).unwrap();
    let mut part = Dataset::clone(&data);
    part.train = data.train.select(&(0..rows).collect::<Vec<_>>());
    Arc::new(part)
}

fn network(normed: bool) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 10).unwrap();
    let mut hidden = layers.dense("hidden1", x, 6).unwrap();
    if normed {
        hidden = layers.batch_norm("norm1", hidden).unwrap();
    }
    let active = layers.activation("relu1", hidden, Activation::Relu).unwrap();
    let head = layers.dense("head", active, 1).unwrap();
    layers.build(&[head], &Seed::new(3)).unwrap()
}

fn regime(batch: usize) -> Regime {
    Regime {
        epochs: 2,
        batch,
        ..Regime::regression(OptimizerKind::adam())
    }
}

/// Steps of each of two epochs.
fn steps(rows: usize, batch: usize, normed: bool) -> Vec<u64> {
    let mut trainer = Trainer::new(network(normed), add10(rows), regime(batch), &Seed::new(1)).unwrap();
    let (mut ends, mut macs) = (vec![0], 0);
    trainer
        .run(&mut |epoch| {
            ends.push(epoch.steps);
            macs = epoch.train_macs;
        })
        .unwrap();
    // Every sample is seen once an epoch, however it is cut.
    assert_eq!(macs, 2 * rows as u64 * 3 * trainer.network().cost().macs);
    ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn no_step_has_one_sample_where_a_batch_norm_needs_two() {
    assert_eq!(steps(129, 128, true), [2, 2]);
    assert_eq!(steps(129, 128, false), [2, 2]);
    assert_eq!(steps(257, 128, true), [3, 3]);
    assert_eq!(steps(9, 2, true), [4, 4]);
    assert_eq!(steps(9, 2, false), [5, 5]);
    assert_eq!(steps(4, 3, true), [2, 2]);
}

#[test]
fn steps_of_one_sample_are_refused_before_training_with_the_numbers() {
    for (rows, batch) in [(129, 1), (1, 128)] {
        let error = Trainer::new(network(true), add10(rows), regime(batch), &Seed::new(1))
            .err()
            .unwrap();
        let text = error.to_string();
        assert!(
            text.contains("batch norm") && text.contains(&format!("steps of 1 of {rows}")),
            "{text}"
        );
        assert!(Trainer::new(network(false), add10(rows), regime(batch), &Seed::new(1)).is_ok());
    }
}

#[test]
fn a_budget_of_memory_never_leaves_one_sample_either() {
    // Hidden layer, norm, activation, output; one sample more than fits would be left over.
    for most in 2..40 {
        let budget = MemoryBudget { bytes: 1 << 20, most };
        let regime = Regime {
            memory: Some(budget),
            ..regime(1)
        };
        let mut trainer = Trainer::new(network(true), add10(41), regime, &Seed::new(1)).unwrap();
        trainer.run(&mut |_| {}).unwrap();
        assert_eq!(trainer.epoch(), 2);
    }
}

#[test]
fn candidates_that_strategies_train_are_cut_likewise() {
    let data = add10(65);
    let mut network = network(true);
    let mut session =
        espalier_net::Session::new(&network, 65, &espalier_net::DeviceChoice::Cpu, &Seed::new(1)).unwrap();
    let espalier_data::Targets::Values { values, .. } = data.train.targets() else {
        panic!("ADD10 has values");
    };
    let batch = Batch {
        inputs: data.train.features(),
        target: espalier_net::Target::Values(values),
        samples: 65,
    };
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: espalier_net::LossKind::MeanSquaredError,
        batch: 16,
        max_macs: None,
        spent: Spent::default(),
    };
    let loss = oracle.train(&mut network, &OptimizerKind::adam(), 1e-3, 12).unwrap();
    assert!(loss.is_finite());
}

#[test]
fn weights_that_the_last_step_broke_are_divergence() {
    let wild = Regime {
        epochs: 1,
        rate: espalier_net::RateSchedule::constant(1e300),
        optimizer: OptimizerKind::sgd(0.0),
        ..regime(64)
    };
    // One step: its loss is measured before it and is finite.
    let mut trainer = Trainer::new(network(false), add10(64), wild, &Seed::new(1)).unwrap();
    trainer.run(&mut |_| {}).unwrap();
    assert_eq!(trainer.diverged(), Some(1));
}
