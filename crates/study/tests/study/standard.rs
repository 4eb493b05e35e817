//! Networks of the standard tables.

use espalier_report::rows::{Record, Rows, TrialKey, blank};
use espalier_report::standard::{Epoch, Outcome, Reading};
use espalier_study::standard::{Trained, parameters, test_accuracy, train_macs, validation_accuracy};
use espalier_study::{Arm, Quantity, Study};

/// A gated net with two gate layers over two epochs, and its twin without any.
fn study() -> Study<Trained> {
    let mut record = Record::new(TrialKey::new("t", "λ=1", "toys", 0));
    for (net, score) in [("gated", 0.9), ("twin", 0.8)] {
        for epoch in [1, 2] {
            record
                .push(&Epoch {
                    net: net.to_owned(),
                    epoch,
                    train_macs: 1_000_000_000 * epoch,
                    parameters: 10 - epoch,
                    validation_score: score / epoch as f64,
                    ..blank().unwrap()
                })
                .unwrap();
            for (of, value) in [("gate1", 8.0), ("gate2", 4.0)].into_iter().filter(|_| net == "gated") {
                let (net, of, name) = (net.to_owned(), of.to_owned(), "size".to_owned());
                let value = value / epoch as f64;
                record
                    .push(&Reading {
                        net,
                        epoch,
                        of,
                        name,
                        value,
                    })
                    .unwrap();
            }
        }
        record
            .push(&Outcome {
                net: net.to_owned(),
                diverged: net == "twin",
                train_macs: 2_000_000_000,
                parameters: 8,
                test_score: score,
                ..blank().unwrap()
            })
            .unwrap();
    }
    let arms = vec![Arm::new("λ=1"), Arm::new("twin of λ=1")];
    let rows = Rows::from_records(&[record]).unwrap();
    Study::new("toy", arms).unwrap().read("toys", &rows, vec![0]).unwrap()
}

#[test]
fn a_trial_of_two_networks_is_two_arms_with_the_numbers_of_each() {
    use espalier_study::Recorded as _;
    let study = study();
    let nets = &study.sets[0].seeds[0];
    let (gated, twin) = (nets.get("λ=1").unwrap(), nets.get("twin of λ=1").unwrap());
    assert_eq!((test_accuracy().value(gated), test_accuracy().value(twin)), (0.9, 0.8));
    assert_eq!((train_macs().value(gated), parameters().value(gated)), (2.0, 8.0));
    assert_eq!(parameters().path(twin), [9.0, 8.0]);
    assert_eq!(validation_accuracy().path(twin), [0.8, 0.4]);
    assert!(twin.diverged() && !gated.diverged());
}

#[test]
fn what_strategies_say_of_several_layers_is_added_up_and_missing_where_there_is_none() {
    let study = study();
    let nets = &study.sets[0].seeds[0];
    let size: Quantity<Trained> = Quantity::new("size", "size", |net: &Trained| net.reading("size"));
    assert_eq!(nets.get("λ=1").unwrap().path("size"), [12.0, 6.0]);
    assert_eq!(nets.value("λ=1", &size), 6.0);
    assert!(nets.value("twin of λ=1", &size).is_nan());
}
