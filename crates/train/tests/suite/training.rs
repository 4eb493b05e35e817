//! The loop learns, repeats itself byte for byte, and stops for a reason.

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::{LossKind, Network, OptimizerKind, RateSchedule, models};
use espalier_seed::Seed;
use espalier_train::{ClassWeights, Error, Evaluation, Regime, Split, StopReason, Trainer};

fn add10() -> Arc<Dataset> {
    espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default()).unwrap()
}

fn network(data: &Dataset, hidden: usize) -> Network<f32> {
    models::mlp(
        data.info.features,
        &[hidden],
        data.info.targets.outputs(),
        &Seed::new(3).named("network"),
    )
    .unwrap()
}

fn regime(epochs: u64) -> Regime {
    Regime {
        epochs,
        rate: RateSchedule::constant(5e-3),
        batch: 50,
        ..Regime::regression(OptimizerKind::adam())
    }
}

fn trained(epochs: u64) -> Trainer {
    let data = add10();
    let mut trainer = Trainer::new(network(&data, 48), data, regime(epochs), &Seed::new(3)).unwrap();
    trainer.run(&mut |_| {}).unwrap();
    trainer
}

#[test]
fn training_comes_near_the_noise_floor_of_add10() {
    let mut trainer = trained(40);
    let test = trainer.evaluate(Split::Test).unwrap();
    // The targets carry N(0, 1) noise: no model can do better than 1 in expectation, a constant gets their variance, about 24.
    assert!(test.loss > 0.9 && test.loss < 2.0, "{test:?}");
}

#[test]
fn a_summed_loss_is_stated_per_sample() {
    let stated = |loss| {
        let regime = Regime {
            loss,
            rate: RateSchedule::constant(1e-12),
            ..regime(1)
        };
        let data = add10();
        let mut trainer = Trainer::new(network(&data, 8), data, regime, &Seed::new(3)).unwrap();
        let summary = trainer.train_epoch().unwrap().unwrap();
        [summary.train_loss, trainer.evaluate(Split::Test).unwrap().loss]
    };
    // There is one output: summed over outputs and averaged over them is the same.
    let pairs = stated(LossKind::SumSquaredError)
        .into_iter()
        .zip(stated(LossKind::MeanSquaredError));
    for (summed, mean) in pairs {
        assert!((summed - mean).abs() < 1e-5 * mean, "{summed} {mean}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, second) = (trained(3), trained(3));
    assert_eq!(first.network().parameters(), second.network().parameters());
}

#[test]
fn every_sample_is_seen_once_per_epoch() {
    let data = add10();
    let (rows, batch) = (data.train.len() as u64, regime(2).batch as u64);
    let mut trainer = Trainer::new(network(&data, 4), data, regime(2), &Seed::new(1)).unwrap();
    let mut steps = Vec::new();
    let reason = trainer
        .run(&mut |epoch| steps.push((epoch.epoch, epoch.steps, epoch.train_macs)))
        .unwrap();
    assert_eq!(reason, StopReason::Finished);
    let per_epoch = rows.div_ceil(batch);
    // 10·4 + 4·1 multiply-accumulates forward, three times that for a training step.
    let macs = 3 * 44 * rows;
    assert_eq!(steps, vec![(1, per_epoch, macs), (2, 2 * per_epoch, 2 * macs)]);
    assert!(trainer.train_epoch().unwrap().is_none());
}

#[test]
fn divergence_is_an_outcome_with_its_step() {
    let data = add10();
    let wild = Regime {
        rate: RateSchedule::constant(1e18),
        optimizer: OptimizerKind::sgd(0.0),
        ..regime(5)
    };
    let mut trainer = Trainer::new(network(&data, 24), data, wild, &Seed::new(1)).unwrap();
    assert!(matches!(trainer.run(&mut |_| {}).unwrap(), StopReason::Diverged { step } if step > 0));
}

#[test]
fn a_network_that_does_not_fit_is_refused_by_name() {
    let data = add10();
    let narrow = models::mlp(9, &[4], 1, &Seed::new(1)).unwrap();
    let error = Trainer::new(narrow, Arc::clone(&data), regime(1), &Seed::new(1))
        .err()
        .unwrap();
    assert!(matches!(&error, Error::Mismatch { .. }));
    assert_eq!(
        error.to_string(),
        "network for `add10`: expected 10 input values, found 9"
    );
    let classifier = Regime::classification(OptimizerKind::adam());
    let error = Trainer::new(network(&data, 4), data, classifier, &Seed::new(1))
        .err()
        .unwrap();
    assert!(matches!(error, Error::Mismatch { .. }));
}

#[test]
fn observing_a_split_shows_every_row_of_every_node_once() {
    let data = add10();
    let rows = data.test.len();
    let mut trainer = Trainer::new(network(&data, 6), data, regime(1), &Seed::new(1)).unwrap();
    let nodes = [
        trainer.network().find("hidden1").unwrap(),
        trainer.network().find("relu1").unwrap(),
    ];
    let mut seen = [Vec::new(), Vec::new()];
    trainer
        .observe(Split::Test, &nodes, &mut |k, values| seen[k].extend_from_slice(values))
        .unwrap();
    assert_eq!((seen[0].len(), seen[1].len()), (rows * 6, rows * 6));
    assert!(
        seen[0]
            .iter()
            .zip(&seen[1])
            .all(|(before, after)| before.max(0.0) == *after)
    );
}

#[test]
fn one_epoch_on_real_mnist_beats_a_linear_model() {
    let source = Source {
        download: false,
        ..Source::from_environment(None)
    };
    let Ok(data) = espalier_data::load(
        "mnist",
        &Source {
            fallback: false,
            ..source
        },
        &LoadOptions::default(),
    ) else {
        eprintln!("skipped: MNIST is not at hand (set ESPALIER_DATA)");
        return;
    };
    let network = models::mlp(784, &[64], 10, &Seed::new(1)).unwrap();
    let one = Regime {
        epochs: 1,
        ..Regime::classification(OptimizerKind::adam())
    };
    let mut trainer = Trainer::new(network, data, one, &Seed::new(1)).unwrap();
    trainer.run(&mut |_| {}).unwrap();
    // A linear model stays near 0.92; the bound only asks that the hidden layer learns.
    let accuracy = trainer.evaluate(Split::Validation).unwrap().accuracy.unwrap();
    assert!(accuracy > 0.93, "{accuracy}");
}

#[test]
fn training_on_candles_operations_agrees_with_the_kernels() {
    let device = "candle-cpu".parse().unwrap();
    let data = add10();
    let start = || Trainer::new(network(&data, 8), Arc::clone(&data), regime(1), &Seed::new(3)).unwrap();
    let mut losses = Vec::new();
    for mut trainer in [start(), start().on(&device).unwrap()] {
        trainer.run(&mut |_| {}).unwrap();
        losses.push(trainer.evaluate(Split::Test).unwrap().loss);
    }
    assert!((losses[0] - losses[1]).abs() < 1e-3 * losses[0], "{losses:?}");
}

#[test]
fn classes_weigh_in_training_by_the_inverse_of_their_share() {
    let data = espalier_data::stand_in(
        "poker-hand",
        espalier_data::SplitSizes {
            train: 300,
            validation: 50,
            test: 50,
        },
        &LoadOptions::default(),
    );
    let data = Arc::new(data.unwrap());
    let network = models::mlp(85, &[4], 10, &Seed::new(3)).unwrap();
    let loss = |class_weights| {
        let regime = Regime {
            epochs: 1,
            batch: 300,
            class_weights,
            ..Regime::classification(OptimizerKind::sgd(0.0))
        };
        let mut trainer = Trainer::new(network.clone(), Arc::clone(&data), regime, &Seed::new(3)).unwrap();
        trainer.train_epoch().unwrap().unwrap().train_loss
    };
    let labels = data.train.classes().unwrap();
    let of_class = |class: u32| {
        let rows: Vec<usize> = (0..300).filter(|row| labels[*row] == class).collect();
        let count = rows.len() as f64;
        let scored = Evaluation::of(
            &network,
            &data.train.select(&rows),
            espalier_net::LossKind::CrossEntropy,
        )
        .unwrap();
        (count, scored.loss)
    };
    let classes: Vec<(f64, f64)> = (0..10).filter(|c| labels.contains(c)).map(of_class).collect();
    let plain = classes.iter().map(|(count, loss)| count * loss).sum::<f64>() / 300.0;
    let weighted = classes.iter().map(|(_, loss)| loss).sum::<f64>() / classes.len() as f64;
    assert!((loss(ClassWeights::Equal) - plain).abs() < 1e-5);
    assert!((loss(ClassWeights::Inverse) - weighted).abs() < 1e-5);
    assert!((plain - weighted).abs() > 1e-3);
}
