//! Training goes on when the data moves: nothing is forgotten, and what does not fit is refused.

use std::sync::Arc;

use espalier_data::{Dataset, Examples, LoadOptions, Source, Targets};
use espalier_net::{OptimizerKind, RateSchedule, models};
use espalier_seed::Seed;
use espalier_strategy::{EverySteps, Groups, Strategy, random_growth};
use espalier_train::{Error, Regime, Split, StopReason, Trainer};

fn add10() -> Arc<Dataset> {
    espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default()).unwrap()
}

/// The same rows with their features in the reverse order.
fn reversed(data: &Dataset) -> Arc<Dataset> {
    let turn = |examples: &Examples| {
        let width = examples.width();
        let features = examples.features().chunks_exact(width).flat_map(|row| row.iter().rev());
        Examples::new(features.copied().collect(), width, examples.targets().clone()).unwrap()
    };
    Arc::new(Dataset {
        train: turn(&data.train),
        validation: turn(&data.validation),
        test: turn(&data.test),
        ..data.clone()
    })
}

fn regime(epochs: u64) -> Regime {
    Regime {
        epochs,
        batch: 50,
        // A rate that falls with the steps, so that a counter that starts over would show.
        rate: RateSchedule::Cosine {
            rate: 5e-3,
            floor: 1e-4,
            steps: 400,
        },
        ..Regime::regression(OptimizerKind::adam())
    }
}

fn strategies() -> Vec<Box<dyn Strategy>> {
    // A unit more after every 25 steps, across the ends of epochs.
    vec![Box::new(random_growth(EverySteps(25), Groups::Editable, 1))]
}

fn trainer(data: &Arc<Dataset>, epochs: u64) -> Trainer {
    let seed = Seed::new(5);
    let network = models::mlp(data.info.features, &[24], 1, &seed.named("network")).unwrap();
    Trainer::new(network, Arc::clone(data), regime(epochs), &seed)
        .unwrap()
        .with_strategies(strategies())
        .unwrap()
}

#[test]
fn going_on_with_the_same_data_is_the_same_as_never_stopping() {
    let data = add10();
    let mut whole = trainer(&data, 4);
    whole.run(&mut |_| {}).unwrap();
    let mut parts = trainer(&data, 1);
    parts.run(&mut |_| {}).unwrap();
    parts.continue_on(Arc::clone(&data), 3).unwrap();
    parts.run(&mut |_| {}).unwrap();
    assert_eq!(parts.epoch(), 4);
    assert_eq!(whole.network().parameters(), parts.network().parameters());
    assert_eq!(whole.events().unwrap().edits.len(), parts.events().unwrap().edits.len());
    assert!(!whole.events().unwrap().edits.is_empty());
}

#[test]
fn a_change_of_the_data_is_felt_and_then_learned() {
    let data = add10();
    let mut trainer = trainer(&data, 8);
    trainer.run(&mut |_| {}).unwrap();
    let learned = trainer.evaluate(Split::Validation).unwrap().loss;
    trainer.continue_on(reversed(&data), 8).unwrap();
    let moved = trainer.evaluate(Split::Validation).unwrap().loss;
    trainer.run(&mut |_| {}).unwrap();
    let again = trainer.evaluate(Split::Validation).unwrap().loss;
    // Only 5 of the 10 features matter in add10: reversing them puts noise in their place.
    assert!(moved > 2.0 * learned, "{learned} {moved}");
    assert!(again < 0.5 * moved, "{moved} {again}");
}

#[test]
fn the_first_loss_on_new_data_is_measured_before_its_first_step() {
    let data = add10();
    let mut trainer = trainer(&data, 3);
    trainer.run(&mut |_| {}).unwrap();
    let other = reversed(&data);
    trainer.continue_on(Arc::clone(&other), 1).unwrap();
    let before = trainer.evaluate(Split::Train).unwrap().loss;
    let summary = trainer.train_epoch().unwrap().unwrap();
    let after = trainer.evaluate(Split::Train).unwrap().loss;
    assert!(after < summary.train_loss && summary.train_loss < before);
    assert_eq!(summary.epoch, 4);
}

#[test]
fn a_stream_goes_on_from_a_checkpoint_bit_for_bit() {
    let data = add10();
    let other = reversed(&data);
    let mut whole = trainer(&data, 2);
    whole.run(&mut |_| {}).unwrap();
    whole.continue_on(Arc::clone(&other), 2).unwrap();
    whole.train_epoch().unwrap();
    whole.train_steps(7).unwrap();
    let bytes = whole.checkpoint().unwrap();
    whole.run(&mut |_| {}).unwrap();
    let mut resumed = Trainer::resume(&bytes, other, regime(4), &Seed::new(5))
        .unwrap()
        .with_strategies(strategies())
        .unwrap();
    assert_eq!(resumed.run(&mut |_| {}).unwrap(), StopReason::Finished);
    assert_eq!(whole.network().parameters(), resumed.network().parameters());
}

#[test]
fn data_is_not_changed_within_an_epoch() {
    let data = add10();
    let mut trainer = trainer(&data, 2);
    trainer.train_steps(3).unwrap();
    let error = trainer.continue_on(data, 1).unwrap_err();
    assert!(error.to_string().contains("after 3 steps of epoch 1"), "{error}");
}

#[test]
fn data_of_another_shape_is_refused_and_training_goes_on_as_before() {
    let data = add10();
    let mut trainer = trainer(&data, 2);
    trainer.train_epoch().unwrap();
    let fewer = Dataset {
        train: data.train.select(&[0, 1, 2]),
        ..(*data).clone()
    };
    let rows = data.train.len();
    let classes = Dataset {
        train: Examples::new(
            data.train.features().to_vec(),
            data.train.width(),
            Targets::Classes(vec![0; rows]),
        )
        .unwrap(),
        ..(*data).clone()
    };
    let narrow = Dataset {
        validation: Examples::new(
            vec![0.0; 4],
            2,
            Targets::Values {
                values: vec![0.0; 2],
                width: 1,
            },
        )
        .unwrap(),
        ..(*data).clone()
    };
    for (other, said) in [
        (fewer, "found 3 training rows"),
        (classes, "a class"),
        (narrow, "rows of 2 features"),
    ] {
        let error = trainer.continue_on(Arc::new(other), 5).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(trainer.run(&mut |_| {}).unwrap(), StopReason::Finished);
    assert_eq!(trainer.epoch(), 2);
}

/// The same rows with four of five features the same number.
fn plain(data: &Dataset, number: f32) -> Arc<Dataset> {
    let turn = |examples: &Examples| {
        let features = examples.features().iter().enumerate();
        let features = features.map(|(k, &x)| if k % 5 == 0 { x } else { number });
        Examples::new(features.collect(), examples.width(), examples.targets().clone()).unwrap()
    };
    Arc::new(Dataset {
        train: turn(&data.train),
        validation: turn(&data.validation),
        test: turn(&data.test),
        ..data.clone()
    })
}

#[test]
fn a_background_is_that_of_the_data_of_the_moment_also_behind_a_checkpoint() {
    let data = add10();
    let (first, second) = (plain(&data, 0.25), plain(&data, -3.0));
    let seed = Seed::new(5);
    // Wide enough for the kernels that skip.
    let network = models::mlp(data.info.features, &[80], 1, &seed.named("network")).unwrap();
    let mut whole = Trainer::new(network, first, regime(1), &seed)
        .unwrap()
        .with_strategies(strategies())
        .unwrap();
    assert_eq!(whole.background(), Some(0.25));
    whole.run(&mut |_| {}).unwrap();
    for (next, expected) in [(second, Some(-3.0)), (data, None)] {
        whole.continue_on(Arc::clone(&next), 1).unwrap();
        assert_eq!(whole.background(), expected);
        let bytes = whole.checkpoint().unwrap();
        let mut resumed = Trainer::resume(&bytes, next, regime(whole.epoch() + 1), &seed)
            .unwrap()
            .with_strategies(strategies())
            .unwrap();
        whole.run(&mut |_| {}).unwrap();
        resumed.run(&mut |_| {}).unwrap();
        assert_eq!(whole.network().parameters(), resumed.network().parameters());
    }
}
