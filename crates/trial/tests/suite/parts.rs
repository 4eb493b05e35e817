//! The setting `batch_parts` reaches the training of a trial and its identity.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use espalier_experiment::Manifest;
use espalier_report::standard::Outcome;

use super::gated::Gated;

#[test]
fn trials_on_cut_batches_are_reports_of_their_own_and_train_alike_within_rounding() {
    let folder = tempfile::tempdir().unwrap();
    let run = |set: &[&str]| Gated::new(0).run(folder.path(), &[&["run"], set].concat());
    assert_eq!(run(&[]), ExitCode::SUCCESS);
    assert_eq!(run(&["--set", "batch_parts=2"]), ExitCode::SUCCESS);
    assert_eq!(run(&["--set", "batch_parts=0"]), ExitCode::from(2));
    let entries = fs::read_dir(folder.path().join("reports/gated/digits")).unwrap();
    let mut reports: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    reports.sort();
    assert_eq!(reports.len(), 2);
    let read = |report: &PathBuf| Manifest::read_with_rows(report).unwrap();
    let [(whole, plain), (cut, parts)] = [read(&reports[0]), read(&reports[1])];
    assert!(!whole.provenance.settings.contains_key("batch_parts"));
    assert_eq!(cut.provenance.settings["batch_parts"], "2");
    assert_eq!(cut.provenance.changed, ["batch_parts"]);
    assert_ne!(plain.result_hash(), parts.result_hash());
    let outcomes = plain.get::<Outcome>().unwrap();
    for (one, other) in outcomes.iter().zip(parts.get::<Outcome>().unwrap()) {
        assert_eq!((one.row.steps, one.row.epochs), (other.row.steps, other.row.epochs));
        assert_ne!(one.row.validation_loss, other.row.validation_loss);
        let apart = (one.row.validation_loss - other.row.validation_loss).abs();
        assert!(
            apart < 0.05 * one.row.validation_loss,
            "{} is {apart} apart",
            one.row.net
        );
    }
}
