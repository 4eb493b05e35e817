//! System calls that fail at random moments under two workers: no record is lost or changed, and nobody ends.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::toy::{Field, RowFiles, files_below, same_rows, text};

const QUICK: &str = "reports/walk/alpha/quick";
const SWEEP: [&str; 4] = ["--seeds", "12", "--jobs", "2"];

/// Faults in a thousand calls: rare enough that nine attempts in a row never all meet one.
const RATE: &str = "60";

/// Builds the library; `None` where there is no compiler.
fn library(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweeps/shim.c");
    let library = folder.join("shim.so");
    let mut cc = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()));
    cc.args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl");
    let reason = match cc.output() {
        Ok(output) if output.status.success() => return Some(library),
        Ok(output) => text(&output),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(
        std::io::stderr(),
        "skipped: no C compiler built the library: {}",
        reason.trim()
    );
    None
}

/// Sixty faults by default; `ESPALIER_FAULTS=1000` for the long test.
fn wanted() -> usize {
    let text = std::env::var("ESPALIER_FAULTS").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(60)
}

struct Storm<'a> {
    field: &'a Field,
    library: &'a Path,
}

impl Storm<'_> {
    fn log(&self) -> PathBuf {
        self.field.path("faults.log")
    }

    fn start(&self, arguments: &[&str], seed: usize) -> Child {
        let mut command = self.field.command(arguments);
        command
            .env("LD_PRELOAD", self.library)
            .env("SHIM_LOG", self.log())
            .env("SHIM_SEED", seed.to_string())
            .env("SHIM_RATE", RATE);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Counts the faults so far by call and reason.
    fn faults(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in std::fs::read_to_string(self.log()).unwrap_or_default().lines() {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
        counts
    }
}

/// Looks at the records while workers run: none may change or vanish once it is there.
#[derive(Default)]
struct Records(BTreeMap<PathBuf, Vec<u8>>);

impl Records {
    fn look(&mut self, field: &Field) {
        for (path, bytes) in &self.0 {
            let now = std::fs::read(path).unwrap_or_default();
            assert!(
                now == *bytes,
                "{}: {} bytes were {}",
                path.display(),
                now.len(),
                bytes.len()
            );
        }
        for path in files_below(&field.path("runs/walk/alpha/quick/records"), ".json") {
            self.0
                .entry(path.clone())
                .or_insert_with(|| std::fs::read(&path).unwrap());
        }
    }
}

fn watched(mut workers: Vec<Child>, field: &Field) -> Vec<Output> {
    let mut records = Records::default();
    while workers.iter_mut().any(|worker| worker.try_wait().unwrap().is_none()) {
        records.look(field);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    records.look(field);
    workers
        .into_iter()
        .map(|worker| worker.wait_with_output().unwrap())
        .collect()
}

/// Runs a sweep under faults and returns how many there were, by call and reason.
fn storm(library: &Path, expected: &RowFiles, number: usize) -> BTreeMap<String, usize> {
    let field = Field::new();
    let storm = Storm { field: &field, library };
    field.succeed(&[&["plan"][..], &SWEEP[..2]].concat());
    let first = storm.start(&SWEEP, 2 * number);
    let second = storm.start(&[&["worker"][..], &SWEEP].concat(), 2 * number + 1);
    for output in watched(vec![first, second], &field) {
        let said = text(&output);
        assert!(
            output.status.success(),
            "{:?}: {said}\n{:?}",
            output.status,
            storm.faults()
        );
        assert!(!said.contains("damaged") && !said.contains("different rows"), "{said}");
    }
    let when = format!("sweep {number}");
    same_rows(&field.row_files(QUICK), expected, &when);
    field.succeed(&[&["collect"][..], &SWEEP[..2]].concat());
    same_rows(&field.row_files(QUICK), expected, &when);
    let damaged = files_below(&field.path("runs/walk/alpha/quick/damaged"), "");
    assert!(damaged.is_empty(), "{when}: {damaged:?}");
    storm.faults()
}

#[test]
#[cfg(target_os = "linux")]
fn failing_system_calls_end_no_worker_and_change_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = library(folder.path()) else {
        return;
    };
    let calm = Field::new();
    calm.succeed(&SWEEP);
    let expected = calm.row_files(QUICK);
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0.. {
        for (fault, count) in storm(&library, &expected, number) {
            *faults.entry(fault).or_default() += count;
        }
        if faults.values().sum::<usize>() >= wanted() {
            break;
        }
    }
    // Otherwise some calls or reasons were not tried; a short test makes few of the rarer calls.
    let often = ["open ", "read ", "ESTALE", "EIO", "ENOSPC", "EINTR"];
    let rarer = ["write ", "fsync ", "link ", "rename "];
    let rarer = if wanted() >= 1000 { &rarer[..] } else { &[] };
    for part in often.iter().chain(rarer) {
        assert!(faults.keys().any(|fault| fault.contains(part)), "no {part}: {faults:?}");
    }
    let _ = writeln!(
        std::io::stderr(),
        "{} faults: {faults:?}",
        faults.values().sum::<usize>()
    );
}
