//! Workers killed at random moments, asked to leave, and taken up again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::toy::{Field, RowFiles, files_below, same_rows, signal, wait_for};
use espalier_experiment::store::Timing;
use espalier_report::rows::Rows;
use espalier_seed::Seed;

const QUICK: &str = "reports/walk/alpha/quick+";

/// A sweep of 24 trials of about 200 ms, a quarter of which write checkpoints every 50 ms.
const SWEEP: [&str; 8] = [
    "--set",
    "sleep=10",
    "--jobs",
    "6",
    "--checkpoint-seconds",
    "0.05",
    "--lease-seconds",
    "1",
];

fn report(field: &Field) -> String {
    let folder = field.only_report();
    assert!(folder.starts_with(QUICK));
    folder
}

fn undisturbed() -> RowFiles {
    let field = Field::new();
    field.succeed(&SWEEP);
    field.row_files(&report(&field))
}

/// Waits until a worker is at a trial, or through with all of them.
fn at_work(field: &Field, child: &mut Child) {
    wait_for("a lease", || {
        child.try_wait().unwrap().is_some() || !files_below(&field.path("runs"), ".lease").is_empty()
    });
}

/// Twenty kills by default; `ESPALIER_KILLS=100` for the long test.
fn kills() -> usize {
    std::env::var("ESPALIER_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20)
}

/// What a sweep's folder held when its worker was killed.
#[derive(Default)]
struct Tally {
    /// Records, which may never change again.
    records: BTreeMap<PathBuf, Vec<u8>>,
    /// How many trials of each variant were under way.
    interrupted: BTreeMap<String, usize>,
}

impl Tally {
    /// Looks at the folder after a kill, and finds every earlier record as it was.
    fn look(&mut self, field: &Field) {
        for (path, bytes) in &self.records {
            assert!(std::fs::read(path).unwrap() == *bytes, "{} changed", path.display());
        }
        let runs = field.path("runs");
        for path in files_below(&runs, ".json") {
            self.records.insert(path.clone(), std::fs::read(path).unwrap());
        }
        let plan = files_below(&runs, "plan.jsonl");
        for lease in files_below(&runs, ".lease") {
            let id = lease.file_stem().unwrap().to_string_lossy().into_owned();
            let plan = std::fs::read_to_string(&plan[0]).unwrap();
            let line = plan.lines().find(|line| line.contains(&id)).unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let variant = line["variant"].as_str().unwrap().to_owned();
            *self.interrupted.entry(variant).or_default() += 1;
        }
    }
}

/// Reads how many trials of a report went on from a checkpoint.
fn resumed(field: &Field) -> usize {
    let rows = Rows::read(&field.path(&report(field)).join("rows")).unwrap();
    let timings = rows.get::<Timing>().unwrap();
    let resumed = timings.iter().filter(|timing| timing.row.resumptions > 0);
    resumed
        .inspect(|timing| assert_eq!(timing.key.variant, "saved"))
        .count()
}

#[test]
fn kills_at_random_moments_lose_no_record_and_change_none() {
    let mut moments = Seed::new(7).named("kills").stream();
    let expected = undisturbed();
    let (mut killed, mut continued) = (0, 0);
    let mut interrupted: BTreeMap<String, usize> = BTreeMap::new();
    while killed < kills() {
        let (field, mut tally) = (Field::new(), Tally::default());
        loop {
            let mut child = field.start(&SWEEP);
            // From the first kill on leases are left over, so that only time tells how far the worker is.
            at_work(&field, &mut child);
            std::thread::sleep(Duration::from_secs_f64(moments.uniform_in(0.0, 0.4)));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            tally.look(&field);
            if killed >= kills() {
                break;
            }
        }
        field.succeed(&SWEEP);
        for (variant, count) in std::mem::take(&mut tally.interrupted) {
            *interrupted.entry(variant).or_default() += count;
        }
        tally.look(&field);
        same_rows(
            &field.row_files(&report(&field)),
            &expected,
            &format!("after {killed} kills"),
        );
        continued += resumed(&field);
        nothing_is_left_behind(&field);
    }
    // Otherwise the kills proved nothing about one kind of trial or the other.
    assert!(continued > 0, "no trial needed its checkpoint");
    for variant in ["plain", "saved"] {
        assert!(interrupted.contains_key(variant), "{interrupted:?}");
    }
}

/// After a whole run only the plan and the records are left.
fn nothing_is_left_behind(field: &Field) {
    let mut find = std::process::Command::new("find");
    find.arg(field.path("runs")).args(["-type", "f"]);
    find.args(["-not", "-name", "plan.jsonl"]);
    find.args(["-not", "-path", "*/records/??/[0-9a-f]*.json"]);
    let output = find.output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn a_worker_leaves_within_seconds_of_sigterm_and_its_checkpoint_goes_on_bit_exactly() {
    for (name, code) in [("TERM", 75), ("USR1", 75), ("HUP", 75), ("INT", 130)] {
        let (field, whole) = (Field::new(), Field::new());
        let long = [
            "--only",
            "saved",
            "--seeds",
            "1",
            "--set",
            "sleep=5",
            "--set",
            "steps=400",
        ];
        let mut child = field.start(&long);
        at_work(&field, &mut child);
        signal(&child, name);
        let asked = Instant::now();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{name}");
        assert!(
            asked.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            asked.elapsed()
        );
        assert_eq!(
            files_below(&field.path("runs"), "state").len(),
            1,
            "{name}: no checkpoint"
        );
        assert!(files_below(&field.path("runs"), ".json").is_empty(), "{name}: a record");
        field.succeed(&long);
        whole.succeed(&long);
        same_rows(
            &field.row_files(&report(&field)),
            &whole.row_files(&report(&whole)),
            name,
        );
        assert!(
            files_below(&field.path("runs"), "state").is_empty(),
            "{name}: the checkpoint stayed"
        );
        let timings = espalier_report::rows::Rows::read(&field.path(&report(&field)).join("rows")).unwrap();
        let resumed = timings.get::<espalier_experiment::store::Timing>().unwrap();
        assert_eq!(resumed[0].row.resumptions, 1, "{name}");
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let field = Field::new();
    let mut child = field.start(&["--set", "sleep=60000", "--set", "steps=1", "--seeds", "1"]);
    at_work(&field, &mut child);
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the first one waits for a pause");
    signal(&child, "INT");
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Long before the trial's minute is over.
    assert!(asked.elapsed() < Duration::from_secs(12));
    assert!(files_below(&field.path("runs"), ".lease").is_empty());
}

#[test]
fn a_hangup_that_nohup_ignores_ends_nothing() {
    let field = Field::new();
    let slow = ["--seeds", "1", "--set", "sleep=20"];
    let direct = field.command(&slow);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(direct.get_program())
        .args(direct.get_args())
        .env(super::toy::ASKED, slow.join("\n"))
        .current_dir(field.folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = shell.spawn().unwrap();
    at_work(&field, &mut child);
    signal(&child, "HUP");
    assert!(child.wait().unwrap().success());
    assert_eq!(files_below(&field.path("runs"), ".json").len(), 4);
}

#[test]
fn a_fresh_run_that_is_left_early_loses_no_record() {
    let field = Field::new();
    let slow = ["--seeds", "2", "--set", "sleep=20", "--jobs", "2"];
    field.succeed(&slow);
    let rows = field.row_files(&report(&field));
    let records = files_below(&field.path("runs"), ".json");
    let read = || -> Vec<Vec<u8>> { records.iter().map(|path| std::fs::read(path).unwrap()).collect() };
    let before = read();
    let mut child = field.start(&[&slow[..], &["--fresh"]].concat());
    at_work(&field, &mut child);
    assert_eq!(read().len(), before.len());
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files_below(&field.path("runs"), ".json"), records);
    let kept = before.iter().zip(read()).filter(|(old, new)| *old == new).count();
    assert!(kept >= before.len() / 2, "{kept} of {} were kept", before.len());
    let said = field.succeed(&slow);
    assert!(said.contains("README.md"), "{said}");
    same_rows(&field.row_files(&report(&field)), &rows, "after all");
}
