//! A trial that is taken up again, wherever it was interrupted, records what an unbroken one does.

use std::process::ExitCode;

use espalier_report::rows::Rows;

use super::gated::Gated;

fn unbroken() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Gated::new(0).run(folder.path(), &["run"]), ExitCode::SUCCESS);
    Gated::rows(folder.path())
}

#[test]
fn wherever_a_trial_of_two_nets_is_interrupted_it_ends_as_an_unbroken_one_without_training_anything_twice() {
    let expected = unbroken().result_hash();
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
