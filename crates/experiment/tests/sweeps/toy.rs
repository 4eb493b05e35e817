//! The tiny experiment in a process of its own, and the folder that it runs in.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use espalier_experiment::Experiment;
use espalier_report::rows::{Rows, TIMINGS};

pub use super::walk::{End, Step, Walk};

/// The variable through which this test binary is asked to be the experiment's process.
pub const ASKED: &str = "WALK_ARGUMENTS";

/// The variable that lets the experiment's process wait until its standard input is closed.
pub const WAITS: &str = "WALK_WAITS";

/// The setting under which walks wait at their third step until [`Field::go`].
pub const HOLD: [&str; 2] = ["--set", "hold=go"];

/// What lets programs colour what they say although no terminal shows it.
const COLOURS: &str = "CLICOLOR_FORCE";

/// What schedulers tell the elements of their arrays; a test may itself run in such an array.
pub const ELEMENTS: [&str; 3] = ["SLURM_ARRAY_TASK_ID", "HQ_TASK_ID", "JOB_COMPLETION_INDEX"];

/// Is the experiment's process when asked, else does nothing.
#[test]
fn the_experiment_itself() {
    be_the_process(&Walk);
}

/// Runs an experiment as the variable says, where it is set.
pub fn be_the_process<E: Experiment>(experiment: &E) {
    let Ok(arguments) = std::env::var(ASKED) else {
        return;
    };
    if std::env::var_os(WAITS).is_some() {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    }
    let words = std::iter::once("toy").chain(arguments.split('\n').filter(|word| !word.is_empty()));
    let code = espalier_experiment::run(experiment, words);
    std::process::exit(if code == std::process::ExitCode::SUCCESS {
        0
    } else {
        code_number(code)
    });
}

/// `ExitCode` does not tell its number, but its debug form does.
fn code_number(code: std::process::ExitCode) -> i32 {
    let digits: String = format!("{code:?}").chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(1)
}

/// A folder in which the experiment runs.
pub struct Field {
    pub folder: tempfile::TempDir,
    /// The test that is the experiment's process when asked.
    process: &'static str,
}

impl Field {
    pub fn new() -> Self {
        Self::of("toy::the_experiment_itself")
    }

    pub fn of(process: &'static str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            process,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([self.process, "--exact", "--nocapture", "--test-threads=1"])
            .env(ASKED, arguments.join("\n"))
            .current_dir(self.folder.path());
        for variable in ELEMENTS.into_iter().chain([COLOURS]) {
            command.env_remove(variable);
        }
        command
    }

    /// Lets walks that wait go on.
    pub fn go(&self) {
        std::fs::write(self.path("go"), b"").unwrap();
    }

    /// Lets walks wait again.
    pub fn hold(&self) {
        std::fs::remove_file(self.path("go")).unwrap();
    }

    /// Waits until a worker is at a trial, where it has written its name into a lease, or has ended; tells which.
    pub fn comes_to_work(&self, child: &mut Child) -> bool {
        let name = format!("\"pid\":{},", child.id());
        let is_its = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|note| note.contains(&name));
        let mut ended = false;
        wait_for("a worker at a trial", || {
            ended = child.try_wait().unwrap().is_some();
            ended || files_below(&self.path("runs"), ".lease").iter().any(is_its)
        });
        !ended
    }

    /// Waits until a worker is at a trial.
    pub fn at_work(&self, child: &mut Child) {
        assert!(self.comes_to_work(child), "the worker ended without a trial");
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs to the end and expects success.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    /// Starts without waiting.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Reads the rows of a report, but for the wall-clock table, and the names and bytes of their files.
    pub fn row_files(&self, report: &str) -> RowFiles {
        let folder = self.path(report).join("rows");
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    std::fs::read(&path).unwrap(),
                )
            })
            .filter(|(name, _)| name != "timings.parquet")
            .collect();
        files.sort();
        assert!(
            files.iter().any(|(name, _)| name == "ends.parquet"),
            "{report}: no rows"
        );
        RowFiles {
            files,
            rows: Rows::read(&folder).unwrap(),
        }
    }

    /// Reads the rows of the only report, whatever hash its changed settings gave the folder.
    pub fn changed_rows(&self) -> RowFiles {
        self.row_files(&self.only_report())
    }

    /// Returns the folder of the only report.
    pub fn only_report(&self) -> String {
        let manifest = files_below(&self.path("reports"), "manifest.json")[0].clone();
        let folder = manifest.parent().unwrap();
        let folder = folder.strip_prefix(self.folder.path()).unwrap();
        folder.to_str().unwrap().to_owned()
    }

    /// Counts the records of a sweep.
    pub fn records(&self, sweep: &str) -> usize {
        files_below(&self.path("runs/walk").join(sweep).join("records"), ".json").len()
    }
}

/// A report's rows, equal when every file's bytes are; printed, it says what the rows are and not their bytes.
pub struct RowFiles {
    pub files: Vec<(String, Vec<u8>)>,
    rows: Rows,
}

impl PartialEq for RowFiles {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl std::fmt::Debug for RowFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.files.iter().map(|(name, _)| name).collect();
        writeln!(f, "files {names:?}, {} trials", self.rows.trials().len())?;
        for name in self.rows.table_names().into_iter().filter(|name| *name != TIMINGS) {
            let table = self.rows.table(name).unwrap();
            writeln!(f, "{name}: {} rows", table.len())?;
        }
        Ok(())
    }
}

/// Expects equal rows, and names the first that differ.
#[track_caller]
pub fn same_rows(found: &RowFiles, expected: &RowFiles, when: &str) {
    if found == expected {
        return;
    }
    for name in expected.rows.table_names().into_iter().filter(|name| *name != TIMINGS) {
        let lines = |rows: &RowFiles| rows.rows.table(name).map(|table| table.to_json()).unwrap_or_default();
        let (ours, theirs) = (lines(found), lines(expected));
        for (number, (a, b)) in ours.lines().zip(theirs.lines()).enumerate() {
            assert_eq!(a, b, "{when}: {name}, line {number}");
        }
        assert_eq!(ours.lines().count(), theirs.lines().count(), "{when}: lines of {name}");
    }
    panic!("{when}: expected {expected:?}, found {found:?}, with equal rows");
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Lists files below a folder whose names end so, temporary ones left aside.
pub fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files_below(&path, ending));
        } else if name.ends_with(ending) && !name.starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Waits for a condition, and gives up loudly.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal to a process.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
