//! A sweep of 96 trials of a second and a half, a quarter of them with checkpoints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use espalier_experiment::store::Timing;
use espalier_report::rows::Rows;

/// What this test's program is called where it is the experiment.
pub const PROGRAM: &str = "walk";

/// Trials of the sweep: four variants, 24 seeds.
pub const TRIALS: usize = 96;

const SWEEP: [&str; 8] = [
    "--preset", "full", "--seeds", "24", "--set", "steps=24", "--set", "sleep=60",
];

/// The tables of a report, but for the wall clock's, as bytes.
pub type RowFiles = Vec<(String, Vec<u8>)>;

pub struct Sweep {
    folder: tempfile::TempDir,
}

impl Sweep {
    /// Makes a folder with the experiment's program in it.
    ///
    /// Another process copies the program: what this one held open for writing, a command that another thread starts at that
    /// moment would inherit, and the system runs no program that somebody may still write ("Text file busy").
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut copy = Command::new("cp");
        copy.arg(std::env::current_exe().unwrap())
            .arg(folder.path().join(PROGRAM));
        expect(copy);
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the command line of a verb on this sweep.
    pub fn command(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = Command::new(self.path(PROGRAM));
        command.arg(verb).args(SWEEP).args(more).current_dir(self.folder.path());
        command
    }

    /// Runs the experiment and expects success.
    pub fn succeed(&self, verb: &str, more: &[&str]) -> String {
        expect(self.command(verb, more))
    }

    /// Counts the trials that have a record.
    pub fn records(&self) -> usize {
        files_below(&self.path("runs"), ".json")
            .iter()
            .filter(|path| path.ancestors().any(|above| above.ends_with("records")))
            .count()
    }

    /// Waits until a trial has just written its first checkpoint, and has a second left to run.
    pub fn wait_for_checkpoint(&self, patience: Duration) {
        let checkpoints = || files_below(&self.path("runs"), "state");
        let mut known = checkpoints();
        wait_for("a first checkpoint", patience, || {
            let found = checkpoints();
            let fresh = found.iter().any(|path| !known.contains(path));
            known = found;
            fresh
        });
    }

    /// Collects the sweep, which must be whole.
    pub fn collect(&self) -> RowFiles {
        let said = self.succeed("collect", &[]);
        println!("{said}");
        assert!(
            said.contains("96 of 96 records are whole, 0 damaged, 0 missing"),
            "{said}"
        );
        assert!(
            files_below(&self.path("runs"), ".lease").is_empty(),
            "a lease outlived the sweep"
        );
        self.rows()
    }

    fn report(&self) -> PathBuf {
        let manifests = files_below(&self.path("reports"), "manifest.json");
        manifests[0].parent().unwrap().join("rows")
    }

    fn rows(&self) -> RowFiles {
        let files = files_below(&self.report(), ".parquet");
        let files: RowFiles = files
            .iter()
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
            .filter(|(name, _)| !name.starts_with("timings"))
            .map(|(name, path)| (name, std::fs::read(path).unwrap()))
            .collect();
        assert_eq!(files.len(), 2, "steps and ends");
        files
    }

    /// Counts the trials that went on from a checkpoint at least once.
    pub fn resumed(&self) -> usize {
        let rows = Rows::read(&self.report()).unwrap();
        let timings = rows.get::<Timing>().unwrap();
        timings.iter().filter(|timing| timing.row.resumptions > 0).count()
    }
}

/// Runs the same sweep in one process, with nobody disturbing it.
pub fn undisturbed() -> RowFiles {
    let sweep = Sweep::new();
    sweep.succeed("run", &["--jobs", "16"]);
    assert_eq!(sweep.resumed(), 0);
    sweep.rows()
}

/// Compares two reports byte for byte.
pub fn assert_equal(collected: &RowFiles, expected: &RowFiles) {
    for ((name, bytes), (other, wanted)) in collected.iter().zip(expected) {
        assert!(
            name == other && bytes == wanted,
            "{name} differs from the local run's {other}"
        );
        println!("{name}: {} bytes, equal to the local run's", bytes.len());
    }
    assert_eq!(collected.len(), expected.len());
}

/// Runs a command to its end and expects success.
pub fn expect(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    text(&output)
}

pub fn text(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr];
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).concat()
}

/// Waits for a condition, and gives up loudly.
pub fn wait_for(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("after {:.1} s: {what}", begun.elapsed().as_secs_f64());
}

/// Lists files below a folder whose names end so, hidden ones left aside.
pub fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            found.extend(files_below(&path, ending));
        } else if name.ends_with(ending) && !name.starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    found
}
