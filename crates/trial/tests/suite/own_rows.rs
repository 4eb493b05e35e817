//! Rows of an experiment's own take what standard rows say.

use espalier_experiment::Missing;
use espalier_report::rows::{Row, blank};
use espalier_report::standard::Outcome;
use espalier_report::tables;
use espalier_trial::{EditRow, absent, own_row};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Own {
    net: String,
    diverged: bool,
    epochs: u64,
    size: f64,
    train_accuracy: f64,
    test_accuracy: f64,
    test_loss: Option<f64>,
    twin_test_accuracy: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Loss {
    loss_after: f64,
    deviation: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Wrong {
    net: f64,
}
tables! { Own: "own", Loss: "losses", Wrong: "wrong" }

#[test]
fn columns_of_standard_names_are_filled_and_no_others() {
    let outcome = Outcome {
        net: "gated".to_owned(),
        epochs: 3,
        test_score: 0.9,
        test_loss: 0.25,
        ..blank().unwrap()
    };
    let own: Own = own_row(&outcome).unwrap();
    assert_eq!((&*own.net, own.epochs, own.test_loss), ("gated", 3, Some(0.25)));
    assert_eq!(own.test_accuracy, 0.9);
    assert!(own.size.is_nan() && own.twin_test_accuracy.is_nan() && own.train_accuracy.is_nan());
    let error = own_row::<Wrong>(&outcome).unwrap_err().to_string();
    assert!(error.contains(Wrong::TABLE) && error.contains("net"), "{error}");
}

#[test]
fn what_an_edit_lacks_is_no_number_or_none() {
    let edit: EditRow = blank().unwrap();
    let lacking = EditRow {
        loss_after: None,
        deviation: None,
        ..edit
    };
    let loss: Loss = own_row(&lacking).unwrap();
    assert!(loss.loss_after.is_nan() && loss.deviation.is_none());
}

#[test]
fn absent_networks_have_the_worst_scores_or_none() {
    let diverged: Own = absent(Missing::Diverged).unwrap();
    assert!(diverged.diverged && diverged.test_loss == Some(f64::INFINITY));
    assert_eq!((diverged.train_accuracy, diverged.test_accuracy), (0.0, 0.0));
    assert!(diverged.twin_test_accuracy.is_nan());
    let left_out: Own = absent(Missing::NotRun).unwrap();
    assert!(!left_out.diverged && left_out.test_accuracy.is_nan());
    assert!(left_out.test_loss.is_some_and(f64::is_nan));
}
