//! Every command of an experiment with a standard output or standard error that takes nothing, as on a full disk.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::experiments;

/// A device on which every write fails; not every system has one.
const FULL: &str = "/dev/full";
const REFUSED: &str = "writing to standard output: No space left on device";

fn full() -> Stdio {
    OpenOptions::new().write(true).open(FULL).unwrap().into()
}

/// Runs the quickest experiment in a folder.
fn command(arguments: &[&str], folder: &Path) -> Command {
    let (_, binary) = experiments().into_iter().find(|(name, _)| name == "sizing").unwrap();
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(folder).env("ESPALIER_DATA", "data");
    command
}

fn said(output: &Output) -> String {
    let streams = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(streams).unwrap()
}

/// What prints without a run.
const ALONE: &[&[&str]] = &[
    &["--help"],
    &["help", "worker"],
    &["--version"],
    &["about"],
    &["figures"],
    &["gallery"],
    &["describe-data", "own.csv", "--set", "target=y"],
];

/// What prints about a run, in an order in which each finds what it works on.
const OF_A_RUN: &[&[&str]] = &[
    &["plan"],
    &["status"],
    &["worker"],
    &["retry"],
    &["collect"],
    &[],
    &["slurm", "--dry-run"],
    &["hyperqueue", "--dry-run"],
    &["kubernetes"],
];

/// One small trial.
const RUN: &[&str] = &[
    "--preset",
    "smoke",
    "--dataset",
    "own",
    "--seeds",
    "1",
    "--only",
    "static/1",
];

/// A folder with a table that is a data set, and all commands.
fn field() -> (tempfile::TempDir, Vec<Vec<&'static str>>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.csv"), own_table()).unwrap();
    std::fs::create_dir(folder.path().join("reports")).unwrap();
    let described = command(&["describe-data", "own.csv", "--set", "target=y"], folder.path())
        .output()
        .unwrap();
    assert!(described.status.success(), "{}", said(&described));
    let of_a_run = OF_A_RUN.iter().map(|command| [command, RUN].concat());
    (
        folder,
        of_a_run.chain(ALONE.iter().map(|command| command.to_vec())).collect(),
    )
}

fn own_table() -> String {
    let rows: String = (0..40).map(|row| format!("{row},{}\n", 3 * row)).collect();
    format!("x,y\n{rows}")
}

#[test]
fn answers_that_cannot_be_written_are_errors_and_nothing_panics() {
    if !Path::new(FULL).exists() {
        return;
    }
    let (folder, commands) = field();
    for arguments in &commands {
        let heard = command(arguments, folder.path()).output().unwrap();
        let unheard = command(arguments, folder.path()).stdout(full()).output().unwrap();
        let (told, silent) = (said(&unheard), heard.stdout.is_empty());
        let whole = arguments[0] != "collect";
        assert_eq!(heard.status.success(), whole, "{arguments:?}: {}", said(&heard));
        // What fails anyway, as collecting a sweep that is not whole, keeps its code.
        let code = match heard.status.code() {
            Some(0) if !silent => Some(1),
            code => code,
        };
        assert_eq!(unheard.status.code(), code, "{arguments:?}: {told}");
        assert_eq!(
            told.matches(REFUSED).count(),
            usize::from(!silent),
            "{arguments:?}: {told}"
        );
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
    }
}

#[test]
fn notices_that_cannot_be_written_change_neither_answer_nor_exit_code() {
    if !Path::new(FULL).exists() {
        return;
    }
    let (folder, commands) = field();
    let mistakes = [
        vec!["nonsense"],
        vec!["--set", "widest=-1"],
        vec!["describe-data", "absent.csv"],
    ];
    for arguments in commands.iter().chain(&mistakes) {
        let heard = command(arguments, folder.path()).output().unwrap();
        let unheard = command(arguments, folder.path()).stderr(full()).output().unwrap();
        assert_eq!(
            unheard.status.code(),
            heard.status.code(),
            "{arguments:?}: {}",
            said(&heard)
        );
        assert_eq!(
            unheard.stdout.is_empty(),
            heard.stdout.is_empty(),
            "{arguments:?}: {}",
            said(&heard)
        );
    }
    // Both streams at once: only the exit code is left.
    let deaf = command(&["about"], folder.path())
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(deaf.code(), Some(1));
}
