//! Tests of whole commands, with programs of the shell in place of the real ones.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::summary::{groups, page};

fn programs(folder: &Path) -> Programs {
    Programs {
        ours: PathBuf::new(),
        python: PathBuf::from("sh"),
        peers: folder.to_owned(),
        burn: None,
        experiment: PathBuf::from("mnist-variance"),
        data: PathBuf::from("data"),
    }
}

fn words(command: &Command) -> Vec<String> {
    command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Writes what stands in for the peers' script, a program of the shell.
fn script(folder: &Path, text: &str) {
    let path = folder.join("mnist_variance_peer.py");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn only_a_shortened_command_changes_settings() {
    let (programs, ways) = (programs(Path::new("peers")), ways(2));
    let of =
        |is_short, way: usize| words(&Study::new(is_short).command(&ways[way], &programs, &[0, 1], Path::new("out")));
    assert!(of(false, 0).contains(&"--fresh".to_owned()));
    assert!(!of(false, 0).contains(&"--set".to_owned()) && !of(false, 0).contains(&"--seeds".to_owned()));
    assert!(of(true, 0).contains(&"widths=16,128,1024".to_owned()));
    let torch = of(true, 1);
    for pair in [
        ["--widths", "16,128,1024"],
        ["--seeds", "1"],
        ["--cpus", "0,1"],
        ["--way", "torch"],
    ] {
        assert!(torch.windows(2).any(|words| words == pair), "{pair:?} in {torch:?}");
    }
}

#[test]
fn the_scripts_defaults_are_the_preset() {
    let script =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/mnist_variance_peer.py")).unwrap();
    let study = Study::new(false);
    assert_eq!(study.trials(), 90);
    assert!(script.contains(&format!("widths = \"{}\"", study.list())));
    assert!(script.contains("type=int, default=6"));
}

#[test]
fn a_command_with_too_few_trials_fails() {
    let folder = tempfile::tempdir().unwrap();
    // The last word of the command line is the folder.
    script(
        folder.path(),
        r#"for out; do :; done; echo '{"trials": 3, "test_accuracy": 0.9, "versions": {"torch": "1"}}' > "$out/done.json""#,
    );
    let (programs, way) = (programs(folder.path()), &ways(1)[1]);
    let (seconds, done) = Study::new(true).run(way, &programs, &[0]).unwrap();
    assert!(seconds > 0.0 && done.trials == 3);
    let error = Study::new(false).run(way, &programs, &[0]).unwrap_err();
    assert_eq!(error.to_string(), "expected 90 trials, found 3");
}

#[test]
fn a_command_that_fails_says_why_and_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "echo no such library >&2; exit 3");
    let settings = Settings {
        rounds: 2,
        seconds: 0.0,
        warm_seconds: 0.0,
        pause_seconds: 0.0,
        keep: 1,
        cpus: vec![rustix::thread::sched_getcpu()],
    };
    let programs = programs(folder.path());
    let found = measure(&Study::new(true), &ways(1)[1..2], (&programs, &settings), &mut |_| {}).unwrap();
    assert!(found.rows.is_empty());
    assert_eq!(found.failures.len(), 1);
    assert!(
        found.failures[0].contains("exit status: 3: no such library"),
        "{:?}",
        found.failures
    );
}

#[test]
fn a_shortened_run_is_marked_and_has_no_goal() {
    let done = Done {
        trials: 3,
        test_accuracy: 0.95,
        train_seconds: None,
        measure_seconds: None,
        versions: BTreeMap::new(),
    };
    for (is_short, goal) in [(true, None), (false, Some(2.0))] {
        let study = Study::new(is_short);
        // Ours in 10 s, theirs in 25 s: 2.5 times as fast.
        let timed = [(0, 10.0), (1, 25.0)];
        let rows: Vec<Row> = timed
            .into_iter()
            .map(|(way, seconds)| row(&study, &ways(2)[way], 2, (seconds, &done)).unwrap())
            .collect();
        assert_eq!(rows[0].goal().any, goal);
        let found = groups(&rows)[0].compare(|_| true).unwrap();
        assert!((found.ratio.median - 2.5).abs() < 1e-12);
        let text = page("2026-01-01", &rows, &[]);
        assert_eq!(text.contains("SHORTENED"), is_short);
        assert!(
            text.contains("| 10.0 | PyTorch fused Adam, 2 processes | 2.50 [2.50–2.50]"),
            "{text}"
        );
    }
}
