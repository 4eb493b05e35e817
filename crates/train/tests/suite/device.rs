//! Training on a device against training on the CPU kernels, and what it copies.

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::{Clipping, DeviceChoice, Network, OptimizerKind, RateSchedule, Traffic, models};
use espalier_seed::Seed;
use espalier_strategy::{EveryEpochs, EverySteps, Fixed, Groups, Strategy, random_growth};
use espalier_train::{Regime, Split, StackedEpoch, StopReason, Trainer, train_together};

fn glyphs() -> Arc<Dataset> {
    espalier_data::load("glyphs", &Source::default(), &LoadOptions::default()).unwrap()
}

fn device() -> DeviceChoice {
    let name = std::env::var("ESPALIER_TEST_DEVICE").unwrap_or_else(|_| "candle-cpu".to_owned());
    name.parse().unwrap()
}

fn network(data: &Dataset) -> Network<f32> {
    models::mlp(data.info.features, &[24, 16], 10, &Seed::new(3).named("network")).unwrap()
}

fn regime(epochs: u64) -> Regime {
    Regime {
        epochs,
        rate: RateSchedule::constant(1e-3),
        ..Regime::classification(OptimizerKind::adam())
    }
}

fn trainer(regime: Regime, strategies: Vec<Box<dyn Strategy>>, device: Option<&DeviceChoice>) -> Trainer {
    let data = glyphs();
    let mut trainer = Trainer::new(network(&data), data, regime, &Seed::new(3)).unwrap();
    if let Some(device) = device {
        trainer = trainer.on(device).unwrap();
    }
    trainer.with_strategies(strategies).unwrap()
}

/// Trains on both sides and compares epochs, widths, events and scores.
fn agree(regime: &Regime, strategies: impl Fn() -> Vec<Box<dyn Strategy>>) {
    let mut host = trainer(regime.clone(), strategies(), None);
    let mut there = trainer(regime.clone(), strategies(), Some(&device()));
    loop {
        let (left, right) = (host.train_epoch().unwrap(), there.train_epoch().unwrap());
        let (Some(left), Some(right)) = (left, right) else {
            break;
        };
        assert_eq!(
            (left.steps, left.train_macs, left.parameters),
            (right.steps, right.train_macs, right.parameters)
        );
        assert!(
            (left.train_loss - right.train_loss).abs() < 1e-3 * left.train_loss,
            "{left:?} {right:?}"
        );
    }
    assert_eq!(host.network().widths(), there.network().widths());
    let count = |trainer: &Trainer| trainer.events().map(|events| events.edits.len());
    assert_eq!(count(&host), count(&there));
    let (left, right) = (
        host.evaluate(Split::Validation).unwrap(),
        there.evaluate(Split::Validation).unwrap(),
    );
    assert!(
        (left.loss - right.loss).abs() < 1e-2 * left.loss.max(0.1),
        "{left:?} {right:?}"
    );
    for (ours, theirs) in host.network().parameters().iter().zip(there.network().parameters()) {
        let apart = ours
            .values()
            .iter()
            .zip(theirs.values())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(apart < 2e-2, "{} is {apart} apart", ours.name());
    }
    // The optimizers' states came home as well.
    for state in host.optimizer().state_names() {
        let (ours, theirs) = (host.optimizer(), there.optimizer());
        let of = |o: &espalier_net::Optimizer| {
            o.state("hidden1.weight", state)
                .unwrap()
                .iter()
                .map(|v| v.abs())
                .sum::<f32>()
        };
        assert!((of(ours) - of(theirs)).abs() < 0.05 * of(ours), "{state}");
        assert_eq!(ours.steps("hidden1.weight"), theirs.steps("hidden1.weight"));
    }
}

fn growth(every: u64) -> Box<dyn Strategy> {
    Box::new(random_growth(EveryEpochs(every), Groups::Editable, 3))
}

#[test]
fn a_device_trains_as_the_kernels_do() {
    agree(&regime(2), Vec::new);
    let clipped = Regime {
        clipping: Some(Clipping::Norm { largest: 0.5 }),
        ..regime(1)
    };
    agree(&clipped, Vec::new);
}

#[test]
fn networks_are_edited_between_epochs_and_between_steps() {
    agree(&regime(3), || vec![growth(1)]);
    agree(&regime(1), || {
        vec![Box::new(random_growth(EverySteps(40), Groups::Editable, 2))]
    });
}

#[test]
fn a_step_copies_indices_and_a_resting_strategy_changes_nothing_about_that() {
    let resting = || -> Vec<Vec<Box<dyn Strategy>>> { vec![Vec::new(), vec![Box::new(Fixed)], vec![growth(5)]] };
    for strategies in resting() {
        let mut trainer = trainer(regime(1), strategies, Some(&device()));
        let mut copied = |steps| {
            let before = trainer.traffic();
            assert_eq!(trainer.train_steps(steps).unwrap(), steps);
            trainer.traffic().since(before)
        };
        // Loads the device; then a call that brings the network home, and another one of ten steps more.
        copied(1);
        let (short, long) = (copied(2), copied(12));
        let ten = long.since(short);
        let batch = regime(1).batch as u64;
        assert_eq!(
            ten,
            Traffic {
                to_device: 10 * batch * 4,
                to_host: 10 * 2 * 4
            }
        );
    }
}

#[test]
fn a_resumed_training_on_a_device_goes_on_where_it_was() {
    let device = device();
    let mut whole = trainer(regime(2), vec![growth(1)], Some(&device));
    let mut first = trainer(regime(2), vec![growth(1)], Some(&device));
    first.train_steps(5).unwrap();
    let saved = first.checkpoint().unwrap();
    let resumed = Trainer::resume(&saved, glyphs(), regime(2), &Seed::new(3)).unwrap();
    let mut resumed = resumed.on(&device).unwrap().with_strategies(vec![growth(1)]).unwrap();
    whole.run(&mut |_| {}).unwrap();
    resumed.run(&mut |_| {}).unwrap();
    assert_eq!(whole.steps(), resumed.steps());
    for (left, right) in whole.network().parameters().iter().zip(resumed.network().parameters()) {
        let apart = left
            .values()
            .iter()
            .zip(right.values())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(apart < 1e-4, "{} is {apart} apart", left.name());
    }
}

#[test]
fn divergence_ends_training_at_its_step_with_the_weights_of_before() {
    let wild = Regime {
        rate: RateSchedule::constant(1e12),
        ..Regime::classification(OptimizerKind::sgd(0.0))
    };
    let mut host = trainer(wild.clone(), Vec::new(), None);
    let mut there = trainer(wild, Vec::new(), Some(&device()));
    let (left, right) = (host.run(&mut |_| {}).unwrap(), there.run(&mut |_| {}).unwrap());
    assert!(matches!(left, StopReason::Diverged { step: 1.. }), "{left:?}");
    assert_eq!(left, right);
    assert_eq!((host.steps(), host.train_macs()), (there.steps(), there.train_macs()));
    for (ours, theirs) in host.network().parameters().iter().zip(there.network().parameters()) {
        for (a, b) in ours.values().iter().zip(theirs.values()) {
            // Steps of this size make much of rounding; one step more would be orders of magnitude apart.
            assert!((a - b).abs() <= 0.05 * a.abs().max(1.0), "{}: {a} and {b}", ours.name());
        }
    }
}

/// A training of its own weights and batches.
fn replica(seed: u64, regime: Regime) -> Trainer {
    let (data, seed) = (glyphs(), Seed::new(seed));
    let network = models::mlp(data.info.features, &[24, 16], 10, &seed.named("network")).unwrap();
    let trainer = Trainer::new(network, data, regime, &seed).unwrap();
    trainer.on(&device()).unwrap()
}

/// Takes the next epoch of all in one go and says what each came to.
fn take_epoch(trainers: &mut [Trainer]) -> Vec<(usize, Traffic, Option<f64>)> {
    let epochs: Vec<StackedEpoch> = trainers
        .iter_mut()
        .map(|t| t.hand_out_epoch().unwrap().unwrap())
        .collect();
    let taken = train_together(epochs);
    let back = trainers.iter_mut().zip(taken);
    back.map(|(trainer, epoch)| {
        let (beside, copied) = (epoch.side_by_side(), epoch.copied_in_steps());
        let summary = trainer.take_back_epoch(epoch).unwrap();
        (beside, copied, summary.map(|summary| summary.train_loss))
    })
    .collect()
}

/// The largest difference of a weight.
fn apart(left: &Network<f32>, right: &Network<f32>) -> f32 {
    let pairs = left.parameters().iter().zip(right.parameters());
    let values = pairs.flat_map(|(left, right)| left.values().iter().zip(right.values()));
    values.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn epochs_taken_together_are_those_of_each_by_itself_and_their_steps_copy_indices() {
    let mut alone: Vec<Trainer> = (1..4).map(|seed| replica(seed, regime(2))).collect();
    let mut stacked: Vec<Trainer> = (1..4).map(|seed| replica(seed, regime(2))).collect();
    for _ in 0..2 {
        let taken = take_epoch(&mut stacked);
        for (trainer, (beside, copied, loss)) in alone.iter_mut().zip(taken) {
            let expected = trainer.train_epoch().unwrap().unwrap().train_loss;
            let rows = trainer.data().train.len() as u64;
            assert_eq!(
                (beside, copied),
                (
                    3,
                    Traffic {
                        to_device: 3 * 4 * rows,
                        to_host: 0
                    }
                )
            );
            let loss = loss.unwrap();
            assert!((loss - expected).abs() < 1e-4 * expected, "{loss} for {expected}");
        }
    }
    for (one, other) in alone.iter().zip(&stacked) {
        assert_eq!((one.steps(), one.train_macs()), (other.steps(), other.train_macs()));
        assert!(apart(one.network(), other.network()) < 1e-4);
    }
    assert!(
        apart(stacked[0].network(), stacked[1].network()) > 1e-2,
        "each has its own weights"
    );
    let copied = |trainer: &Trainer| trainer.traffic().to_device;
    assert!(stacked.iter().all(|trainer| copied(trainer) > 0));
    assert!(stacked[0].hand_out_epoch().unwrap().is_none(), "all epochs are done");
}

#[test]
fn a_training_that_is_elsewhere_or_of_another_rate_stacks_by_itself() {
    let faster = Regime {
        rate: RateSchedule::constant(2e-3),
        ..regime(3)
    };
    let mut ahead = replica(3, regime(3));
    ahead.train_epoch().unwrap().unwrap();
    let all = [replica(1, regime(3)), ahead, replica(2, faster), replica(4, regime(3))];
    let mut all: Vec<Trainer> = all.into_iter().collect();
    let beside: Vec<usize> = take_epoch(&mut all).iter().map(|taken| taken.0).collect();
    assert_eq!(beside, [2, 1, 1, 2]);
    assert_eq!(all.iter().map(Trainer::epoch).collect::<Vec<_>>(), [1, 2, 1, 1]);
    let mut growing = trainer(regime(1), vec![growth(1)], Some(&device()));
    assert!(
        growing.hand_out_epoch().unwrap().is_none(),
        "a strategy looks at every step"
    );
}

#[test]
fn a_training_that_diverges_takes_none_of_its_stack_along() {
    let wild = |seed| {
        let regime = Regime {
            rate: RateSchedule::constant(0.1),
            ..Regime::classification(OptimizerKind::sgd(0.0))
        };
        let mut trainer = replica(seed, regime);
        if seed == 2 {
            let mut network = trainer.network().clone();
            let id = espalier_strategy::parameter_ids(&network)[0];
            network
                .parameter_mut(id)
                .values_mut()
                .iter_mut()
                .for_each(|weight| *weight *= 1e38);
            trainer = Trainer::new(network, glyphs(), trainer.regime().clone(), &Seed::new(2)).unwrap();
            trainer = trainer.on(&device()).unwrap();
        }
        trainer
    };
    let mut alone = [wild(1), wild(3)];
    let mut stacked = [wild(1), wild(2), wild(3)];
    let taken = take_epoch(&mut stacked);
    assert_eq!((taken[1].0, taken[1].2), (3, None));
    assert!(matches!(stacked[1].stopped(), Some(StopReason::Diverged { .. })));
    for (trainer, loss) in alone.iter_mut().zip([taken[0].2, taken[2].2]) {
        let expected = trainer.train_epoch().unwrap().unwrap().train_loss;
        assert!((loss.unwrap() - expected).abs() < 1e-4 * expected);
    }
}
