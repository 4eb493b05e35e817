//! A trial that is taken up again, wherever it was interrupted, records what an unbroken one does.

use std::process::ExitCode;

use espalier_report::rows::Rows;
use espalier_report::standard::{Epoch, Outcome};

use super::gated::Gated;

/// Ends the twin's training after so many epochs, and fails at the given one, counted over both nets.
fn ending(until: u64, fails_at: u64) -> Gated {
    Gated {
        until,
        ..Gated::new(fails_at)
    }
}

fn unbroken(until: u64) -> Rows {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ending(until, 0).run(folder.path(), &["run"]), ExitCode::SUCCESS);
    Gated::rows(folder.path())
}

#[test]
fn training_that_is_done_before_its_last_epoch_ends_there_wherever_it_is_taken_up_again() {
    let expected = unbroken(2);
    let outcomes = expected.get::<Outcome>().unwrap();
    assert_eq!(outcomes.iter().map(|o| o.row.epochs).collect::<Vec<_>>(), [3, 2]);
    let rows = expected.get::<Epoch>().unwrap();
    let twin = rows.iter().filter(|keyed| keyed.row.net == "twin");
    assert_eq!(twin.map(|keyed| keyed.row.epoch).collect::<Vec<_>>(), [1, 2]);
    for fails_at in 3..=5 {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ending(2, fails_at).run(folder.path(), &["run"]), ExitCode::FAILURE);
        let again = ending(2, 0);
        assert_eq!(again.run(folder.path(), &["retry"]), ExitCode::SUCCESS);
        assert_eq!(again.run(folder.path(), &["collect"]), ExitCode::SUCCESS);
        assert_eq!(
            Gated::rows(folder.path()).result_hash(),
            expected.result_hash(),
            "interrupted at epoch {fails_at}"
        );
    }
}

#[test]
fn wherever_a_trial_of_two_nets_is_interrupted_it_ends_as_an_unbroken_one_without_training_anything_twice() {
    let expected = unbroken(u64::MAX).result_hash();
    // Epochs 1 to 3 are the gated net's, 4 to 6 the twin's.
    for fails_at in 1..=6 {
        let folder = tempfile::tempdir().unwrap();
        let broken = Gated::new(fails_at);
        assert_eq!(broken.run(folder.path(), &["run"]), ExitCode::FAILURE);
        let again = Gated::new(0);
        assert_eq!(again.run(folder.path(), &["retry"]), ExitCode::SUCCESS);
        // The epoch whose end failed is trained again, and none before it.
        let trained = again.epochs.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(trained, 7 - fails_at, "interrupted at epoch {fails_at}");
        assert_eq!(again.run(folder.path(), &["collect"]), ExitCode::SUCCESS);
        assert_eq!(
            Gated::rows(folder.path()).result_hash(),
            expected,
            "interrupted at epoch {fails_at}"
        );
    }
}
