//! Rows taken apart into records and gathered again are the rows they were.
#![allow(clippy::unwrap_used, missing_docs)]

use espalier_report::rows::{Record, Row, Rows, TrialKey};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Loss {
    loss: f64,
}

impl Row for Loss {
    const TABLE: &'static str = "losses";
}

#[derive(Serialize, Deserialize)]
struct Edit {
    unit: Option<i64>,
    reason: String,
}

impl Row for Edit {
    const TABLE: &'static str = "edits";
}

fn record(variant: usize, seed: u64, losses: &[f64], edits: usize) -> Record {
    let mut record = Record::new(TrialKey::new(
        &format!("t{variant}-{seed}"),
        &variant.to_string(),
        "toy",
        seed,
    ));
    let losses: Vec<Loss> = losses.iter().map(|&loss| Loss { loss }).collect();
    record.push_all(&losses).unwrap();
    let edit = |unit: usize| Edit {
        unit: (unit > 0).then_some(unit as i64),
        reason: format!("reason {unit}"),
    };
    record.push_all(&(0..edits).map(edit).collect::<Vec<_>>()).unwrap();
    record
}

proptest! {
    #[test]
    fn records_of_rows_give_the_rows_again(
        trials in prop::collection::vec((prop::collection::vec(any::<f64>(), 1..4), 0_usize..3), 1..8),
    ) {
        let number = |(place, (losses, edits)): (usize, &(Vec<f64>, usize))| {
            record(place % 3, place as u64 / 3, losses, *edits)
        };
        let mut records: Vec<Record> = trials.iter().enumerate().map(number).collect();
        let rows = Rows::from_records(&records).unwrap();
        let again = rows.records();
        prop_assert_eq!(&Rows::from_records(&again).unwrap(), &rows);
        records.sort_by(|a, b| a.key.cmp(&b.key));
        let mut sorted = again;
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        prop_assert_eq!(sorted, records);
    }
}
