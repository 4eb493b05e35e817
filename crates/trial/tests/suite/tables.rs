//! What the loop records by itself.

use std::collections::BTreeSet;
use std::process::ExitCode;

use espalier_experiment::Missing;
use espalier_report::rows::{Record, Rows, TrialKey};
use espalier_report::standard::{Epoch, Outcome, Reading};
use espalier_trial::{ChoiceRow, ChosenRow, EditRow};

use super::gated::{Between, Gated, Set};

fn rows() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Gated::new(0).run(folder.path(), &["run"]), ExitCode::SUCCESS);
    Gated::rows(folder.path())
}

#[test]
fn each_net_has_an_outcome_and_a_row_for_every_epoch() {
    let rows = rows();
    let outcomes: Vec<Outcome> = rows
        .get::<Outcome>()
        .unwrap()
        .into_iter()
        .map(|keyed| keyed.row)
        .collect();
    assert_eq!(
        outcomes.iter().map(|o| o.net.as_str()).collect::<Vec<_>>(),
        ["gated", "twin"]
    );
    // 200 images in steps of 20, three times.
    assert!(outcomes.iter().all(|o| (o.epochs, o.steps) == (3, 30)));
    let epochs: Vec<Epoch> = rows
        .get::<Epoch>()
        .unwrap()
        .into_iter()
        .map(|keyed| keyed.row)
        .collect();
    assert_eq!(epochs.len(), 6);
    for outcome in &outcomes {
        let own: Vec<&Epoch> = epochs.iter().filter(|epoch| epoch.net == outcome.net).collect();
        assert_eq!(own.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(own[2].train_macs, outcome.train_macs);
        assert!((own[2].validation_loss - outcome.validation_loss).abs() < 1e-12);
        assert!(outcome.test_score >= 0.0 && outcome.test_score <= 1.0);
    }
    // A forward and a backward pass count as three forward passes: 784·n + n·10 multiply–accumulates each.
    let units = rows.get::<Between>().unwrap()[0].row.open.max(1.0) as u64;
    assert_eq!(outcomes[1].train_macs, 3 * 3 * 200 * (784 * units + units * 10));
    assert_eq!(outcomes[1].parameters, 784 * units + units + units * 10 + 10);
}

#[test]
fn a_choice_is_the_first_best_validation_epoch_that_counts_with_the_size_of_its_time() {
    let rows = rows();
    let of = |keyed: Vec<espalier_report::rows::Keyed<Epoch>>| keyed.into_iter().map(|keyed| keyed.row);
    let epochs: Vec<Epoch> = of(rows.get::<Epoch>().unwrap())
        .filter(|epoch| epoch.net == "gated")
        .collect();
    let choices: Vec<ChoiceRow> = rows.get::<ChoiceRow>().unwrap().into_iter().map(|k| k.row).collect();
    assert_eq!(
        choices.iter().map(|c| c.choice.as_str()).collect::<Vec<_>>(),
        ["any", "late"]
    );
    for (choice, from) in choices.iter().zip([1, 2]) {
        let counts = || epochs.iter().filter(|epoch| epoch.epoch >= from);
        let best = counts().map(|epoch| epoch.validation_score).fold(0.0, f64::max);
        let first = counts().find(|epoch| epoch.validation_score == best).unwrap();
        assert_eq!(choice.epoch, first.epoch);
        assert_eq!(choice.train_macs, first.train_macs);
        // Behind the edits of the epoch's end: 784 inputs, a bias and 10 weights for each unit, 10 biases, and a gate for
        // each unit until they are folded behind the last epoch.
        let gates = if choice.epoch < 3 { choice.units } else { 0 };
        assert_eq!(choice.parameters, choice.units * (784 + 1 + 10) + 10 + gates);
        assert!((0.0..=1.0).contains(&choice.test_score));
    }
}

#[test]
fn what_a_strategy_learned_is_recorded_before_it_edits_and_widths_behind_the_edit() {
    let rows = rows();
    let readings: Vec<Reading> = rows
        .get::<Reading>()
        .unwrap()
        .into_iter()
        .map(|keyed| keyed.row)
        .collect();
    let of = |name: &str| -> Vec<f64> {
        let own = readings.iter().filter(|r| r.net == "gated" && r.name == name);
        own.map(|reading| reading.value).collect()
    };
    let (open, widths) = (of("open"), of("width"));
    assert_eq!((open.len(), widths.len()), (3, 3));
    assert!(open[2] < 12.0, "a heavy penalty closes gates: {open:?}");
    // Closed units are taken out when an epoch ends; one unit stays in any case.
    let after: Vec<f64> = open.iter().map(|open| open.max(1.0)).collect();
    assert_eq!(widths, after);
    assert_eq!(rows.get::<Between>().unwrap()[0].row.open.to_bits(), open[2].to_bits());
    let edits = rows.get::<EditRow>().unwrap();
    let applied = edits
        .iter()
        .filter(|edit| edit.row.step > 0 && edit.row.outcome == "applied")
        .count() as u64;
    assert_eq!(rows.get::<Outcome>().unwrap()[0].row.edits, applied);
    // Of twelve units those are named that went, each once, with a gate that was as good as closed.
    let chosen: Vec<ChosenRow> = rows
        .get::<ChosenRow>()
        .unwrap()
        .into_iter()
        .map(|keyed| keyed.row)
        .collect();
    assert_eq!(chosen.len() as f64, 12.0 - after[2]);
    let ids: BTreeSet<Option<u64>> = chosen.iter().map(|unit| unit.id).collect();
    assert!(ids.len() == chosen.len() && !ids.contains(&None), "{chosen:?}");
    assert!(
        chosen
            .iter()
            .all(|unit| unit.group == "hidden1" && unit.score == Some(0.0)),
        "{chosen:?}"
    );
    let edit = |unit: &ChosenRow| {
        edits
            .iter()
            .any(|edit| edit.row.edit == unit.edit && edit.row.outcome == "applied")
    };
    assert!(chosen.iter().all(edit));
}

#[test]
fn a_rate_without_measure_diverges_and_leaves_the_epochs_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let wild = Gated {
        rate: 1e30,
        ..Gated::new(0)
    };
    assert_eq!(wild.run(folder.path(), &["run"]), ExitCode::SUCCESS);
    let rows = Gated::rows(folder.path());
    assert!(rows.table_names().contains(&"divergences"), "{:?}", rows.table_names());
    let ended = rows.get::<Outcome>().map_or(0, |outcomes| outcomes.len());
    assert!(ended < 2, "the net that diverged has no outcome of its own");
}

#[test]
fn the_harness_records_what_is_set_for_a_variant_once_for_each_trial() {
    let set = rows().get::<Set>().unwrap();
    assert_eq!(set.len(), 1);
    assert_eq!((set[0].row.units, set[0].key.variant.as_str()), (12, "only"));
}

#[test]
fn what_stands_in_for_a_net_without_a_result_is_the_worst_or_nothing() {
    for (missing, loss, score) in [
        (Missing::Diverged, f64::INFINITY, 0.0),
        (Missing::NotRun, f64::NAN, f64::NAN),
    ] {
        let mut record = Record::new(TrialKey::new("t", "v", "d", 0));
        espalier_trial::stand_in(&["gated", "twin"], missing, &mut record).unwrap();
        let outcomes = record.get::<Outcome>().unwrap();
        assert_eq!(outcomes.len(), 2);
        assert_eq!(outcomes[1].net, "twin");
        assert_eq!(outcomes[0].test_loss.to_bits(), loss.to_bits());
        assert_eq!(outcomes[0].test_score.to_bits(), score.to_bits());
        assert!(record.get::<Epoch>().unwrap().is_empty());
    }
}
