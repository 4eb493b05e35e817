//! Workers killed at random moments, asked to leave, and taken up again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::toy::{Field, HOLD, RowFiles, files_below, same_rows, signal, wait_for};
use espalier_experiment::store::{Timing, TrainingTiming};
use espalier_report::rows::Rows;
use espalier_seed::{Seed, Stream};

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

/// Twenty kills by default; `ESPALIER_KILLS=100` for the long test.
fn kills() -> usize {
    std::env::var("ESPALIER_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20)
}

/// What kills did to sweeps.
#[derive(Default)]
struct Harm {
    killed: usize,
    /// Trials that went on from a checkpoint.
    continued: usize,
    /// How many trials of each variant were under way.
    interrupted: BTreeMap<String, usize>,
}

impl Harm {
    /// Tells whether the kills have met trials with and without checkpoints; else they prove nothing about one or the other.
    fn is_proof(&self) -> bool {
        let met = |variant| self.interrupted.contains_key(variant);
        self.continued > 0 && met("plain") && met("saved")
    }
}

/// What a sweep's folder held when its worker was killed.
#[derive(Default)]
struct Tally {
    /// Records, which may never change again.
    records: BTreeMap<PathBuf, Vec<u8>>,
}

impl Tally {
    /// Looks at the folder after a kill, and finds every earlier record as it was.
    fn look(&mut self, field: &Field, harm: &mut Harm) {
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
            *harm.interrupted.entry(variant).or_default() += 1;
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
    let mut harm = Harm::default();
    // On a busy machine workers come less far before they are killed: then it takes more of them.
    while harm.killed < kills() || !harm.is_proof() {
        assert!(
            harm.killed < 10 * kills(),
            "{:?}, {} went on",
            harm.interrupted,
            harm.continued
        );
        let (field, mut tally) = (Field::new(), Tally::default());
        while kill_one(&field, &mut moments) {
            harm.killed += 1;
            tally.look(&field, &mut harm);
            if harm.killed >= kills() {
                break;
            }
        }
        field.succeed(&SWEEP);
        tally.look(&field, &mut harm);
        let when = format!("after {} kills", harm.killed);
        same_rows(&field.row_files(&report(&field)), &expected, &when);
        harm.continued += resumed(&field);
        nothing_is_left_behind(&field);
    }
}

/// Starts a worker and kills it within its first trials; `false` when it was through with all before.
fn kill_one(field: &Field, moments: &mut Stream) -> bool {
    let mut child = field.start(&SWEEP);
    if !field.comes_to_work(&mut child) {
        return false;
    }
    std::thread::sleep(Duration::from_secs_f64(moments.uniform_in(0.0, 0.4)));
    if child.try_wait().unwrap().is_some() {
        return false;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
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
fn a_worker_leaves_at_its_next_pause_after_sigterm_and_its_checkpoint_goes_on_bit_exactly() {
    // What starts under nohup passes on that hangups are ignored.
    let signals = [("TERM", 75), ("USR1", 75), ("HUP", 75), ("INT", 130)];
    for (name, code) in signals
        .into_iter()
        .filter(|(name, _)| *name != "HUP" || !hangups_are_ignored())
    {
        let (field, whole) = (Field::new(), Field::new());
        let held = [&HOLD[..], &["--only", "saved", "--seeds", "1"]].concat();
        let mut child = field.start(&held);
        field.at_work(&mut child);
        signal(&child, name);
        let mut status = None;
        wait_for("a worker that leaves", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), Some(code), "{name}");
        // A worker that does not come to a pause within fifteen seconds leaves without one.
        assert_eq!(
            files_below(&field.path("runs"), "state").len(),
            1,
            "{name}: no checkpoint"
        );
        assert!(files_below(&field.path("runs"), ".json").is_empty(), "{name}: a record");
        field.go();
        whole.go();
        field.succeed(&held);
        whole.succeed(&held);
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
        let training = timings.get::<TrainingTiming>().unwrap()[0].row.training_seconds;
        assert!(
            (training - 20e-9).abs() < 1e-15,
            "{name}: {training} s of both stretches"
        );
    }
}

/// Tells whether this process, and so what it starts, ignores SIGHUP; nobody says so where there is no `/proc`.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let (field, log) = (Field::new(), tempfile::NamedTempFile::new().unwrap());
    let mut command = field.command(&["--set", "sleep=600000", "--set", "steps=1", "--seeds", "1"]);
    command
        .stdout(std::process::Stdio::null())
        .stderr(log.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    field.at_work(&mut child);
    signal(&child, "INT");
    let said = |words: &str| std::fs::read_to_string(log.path()).unwrap().contains(words);
    // The system makes one of two signals that nobody has heard yet.
    wait_for("a worker that has heard", || said("leaving:"));
    assert!(child.try_wait().unwrap().is_none(), "the first one waits for a pause");
    let asked = Instant::now();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(said("left with trials under way"));
    // Without the second one it waits for fifteen seconds.
    assert!(asked.elapsed() < Duration::from_secs(12));
    assert!(files_below(&field.path("runs"), ".lease").is_empty());
}

#[test]
fn a_hangup_that_nohup_ignores_ends_nothing() {
    let field = Field::new();
    let held = [&HOLD[..], &["--seeds", "1"]].concat();
    let direct = field.command(&held);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(direct.get_program())
        .args(direct.get_args())
        .env(super::toy::ASKED, held.join("\n"))
        .current_dir(field.folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut child = shell.spawn().unwrap();
    field.at_work(&mut child);
    signal(&child, "HUP");
    field.go();
    assert!(child.wait().unwrap().success());
    assert_eq!(files_below(&field.path("runs"), ".json").len(), 4);
}

#[test]
fn a_fresh_run_that_is_left_early_loses_no_record() {
    let field = Field::new();
    let held = [&HOLD[..], &["--seeds", "2", "--jobs", "2"]].concat();
    field.go();
    field.succeed(&held);
    let rows = field.row_files(&report(&field));
    let records = files_below(&field.path("runs"), ".json");
    let read = || -> Vec<Vec<u8>> { records.iter().map(|path| std::fs::read(path).unwrap()).collect() };
    let before = read();
    field.hold();
    let mut child = field.start(&[&held[..], &["--fresh"]].concat());
    field.at_work(&mut child);
    assert_eq!(read().len(), before.len());
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files_below(&field.path("runs"), ".json"), records);
    assert!(read() == before, "no trial came to its end, and yet a record changed");
    let said = field.succeed(&held);
    assert!(said.contains("README.md"), "{said}");
    same_rows(&field.row_files(&report(&field)), &rows, "after all");
}
