//! Training on batches that are cut into parts.

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::models::{self, CnnOptions};
use espalier_net::{DeviceChoice, Network, OptimizerKind, RateSchedule, Threads, Window};
use espalier_seed::Seed;
use espalier_strategy::{EverySteps, Groups, Strategy, random_growth};
use espalier_train::{MemoryBudget, Regime, Split, Trainer};

fn glyphs() -> Arc<Dataset> {
    espalier_data::load("glyphs", &Source::default(), &LoadOptions::default()).unwrap()
}

fn network(data: &Dataset) -> Network<f32> {
    models::mlp(data.info.features, &[70, 16], 10, &Seed::new(3).named("network")).unwrap()
}

fn regime(parts: usize) -> Regime {
    Regime {
        epochs: 1,
        rate: RateSchedule::constant(1e-3),
        parts,
        ..Regime::classification(OptimizerKind::adam())
    }
}

fn growth() -> Vec<Box<dyn Strategy>> {
    vec![Box::new(random_growth(EverySteps(10), Groups::Editable, 5))]
}

fn trainer(parts: usize, threads: usize) -> Trainer {
    let data = glyphs();
    let trainer = Trainer::new(network(&data), data, regime(parts), &Seed::new(3)).unwrap();
    let trainer = trainer.on_threads(Threads::Pool(threads));
    trainer.with_strategies(growth()).unwrap()
}

#[test]
fn a_run_with_edits_gives_the_same_bytes_on_any_number_of_threads_and_wherever_it_is_resumed() {
    // Few steps, since threads that wait for one another are slow where other work runs on the cores.
    let ended = |mut trainer: Trainer| {
        trainer.train_steps(25 - trainer.steps()).unwrap();
        trainer
    };
    let one = ended(trainer(2, 1));
    assert!(one.events().unwrap().edits.len() > 1);
    for threads in [2, 3] {
        assert_eq!(
            one.network().parameters(),
            ended(trainer(2, threads)).network().parameters()
        );
    }
    let mut broken = trainer(2, 2);
    broken.train_steps(13).unwrap();
    let saved = broken.checkpoint().unwrap();
    let resumed = Trainer::resume(&saved, glyphs(), regime(2), &Seed::new(3)).unwrap();
    let resumed = ended(resumed.on_threads(Threads::Pool(2)).with_strategies(growth()).unwrap());
    assert_eq!(one.network().parameters(), resumed.network().parameters());
    let other = Trainer::resume(&saved, glyphs(), regime(3), &Seed::new(3))
        .err()
        .unwrap();
    assert!(other.to_string().contains("parts: 3"), "{other}");
}

#[test]
fn cut_batches_train_as_whole_ones_do_within_rounding() {
    let (mut whole, mut cut) = (trainer(1, 1), trainer(3, 1));
    let (left, right) = (
        whole.train_epoch().unwrap().unwrap(),
        cut.train_epoch().unwrap().unwrap(),
    );
    assert_eq!(
        (left.steps, left.train_macs, left.parameters),
        (right.steps, right.train_macs, right.parameters)
    );
    assert!(
        (left.train_loss - right.train_loss).abs() < 1e-3 * left.train_loss,
        "{left:?} {right:?}"
    );
    assert_ne!(whole.network().parameters(), cut.network().parameters());
    let loss = |trainer: &mut Trainer| trainer.evaluate(Split::Validation).unwrap().loss;
    let (left, right) = (loss(&mut whole), loss(&mut cut));
    assert!((left - right).abs() < 1e-2 * left, "{left} {right}");
}

#[test]
fn what_cannot_be_cut_is_refused_before_anything_is_trained() {
    let data = glyphs();
    let refused = |network: Network<f32>, regime: Regime| {
        let error = Trainer::new(network, Arc::clone(&data), regime, &Seed::new(1))
            .err()
            .unwrap();
        error.to_string()
    };
    let norms = CnnOptions {
        map: [28, 28],
        inputs: 1,
        channels: vec![4],
        window: Window::same(3),
        hidden: vec![],
        outputs: 10,
        batch_norm: true,
    };
    let error = refused(models::cnn(&norms, &Seed::new(1)).unwrap(), regime(2));
    assert!(
        error.contains("parts") && error.contains("`norm1`") && error.contains("found 2"),
        "{error}"
    );
    let error = refused(network(&data), regime(0));
    assert!(error.contains("parts") && error.contains("at least 1"), "{error}");
    let memory = Some(MemoryBudget {
        bytes: 100_000,
        most: 64,
    });
    let error = refused(network(&data), Regime { memory, ..regime(2) });
    assert!(error.contains("parts") && error.contains("budget of memory"), "{error}");
    let device: DeviceChoice = "candle-cpu".parse().unwrap();
    let error = trainer(2, 1).on(&device).err().unwrap().to_string();
    assert!(error.contains("parts") && error.contains("Candle"), "{error}");
}
