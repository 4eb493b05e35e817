//! A sweep on a real HyperQueue: tasks are killed, then the whole engine, and the array is submitted again.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Skipped;
use super::sweep::{PROGRAM, Sweep, TRIALS, assert_equal, expect, text, undisturbed, wait_for};

/// How the sweep is handed over: 16 tasks of six trials.
const ARRAY: [&str; 6] = [
    "--array-limit",
    "16",
    "--lease-seconds",
    "5",
    "--checkpoint-seconds",
    "0.2",
];

const PATIENCE: Duration = Duration::from_secs(90);

/// The engine's Python module in an environment of its own.
struct Module {
    folder: tempfile::TempDir,
}

impl Module {
    fn install() -> Result<Self, Skipped> {
        let folder = tempfile::tempdir().unwrap();
        let module = Self { folder };
        let place = module.folder.path().join("venv");
        let python = module.python();
        for (program, words) in [
            (Path::new("python3"), vec!["-m", "venv", place.to_str().unwrap()]),
            (&python, vec!["-m", "pip", "install", "--quiet", "hyperqueue"]),
            (&python, vec!["-c", "import hyperqueue.cluster"]),
        ] {
            let output = Command::new(program)
                .args(&words)
                .output()
                .map_err(|error| Skipped(format!("no {}: {error}", program.display())))?;
            if !output.status.success() {
                let said = text(&output);
                let last = said.trim().lines().last().unwrap_or_default();
                return Err(Skipped(format!("`python3 {}` failed: {last}", words.join(" "))));
            }
        }
        module.write_hq();
        Ok(module)
    }

    fn python(&self) -> PathBuf {
        self.folder.path().join("venv/bin/python")
    }

    fn driver(&self) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/hyperqueue-local.py");
        let mut command = Command::new(self.python());
        command.arg(script).env("HQ_SERVER_DIR", self.servers());
        command
    }

    fn servers(&self) -> PathBuf {
        self.folder.path().join("servers")
    }

    /// Puts an `hq` into a folder of programs that hands its flags to the module.
    fn write_hq(&self) {
        let programs = self.folder.path().join("programs");
        std::fs::create_dir_all(&programs).unwrap();
        let driver = self.driver();
        let words = driver.get_args().next().unwrap().to_str().unwrap().to_owned();
        let text = format!("#!/bin/sh\nexec '{}' '{words}' \"$@\"\n", self.python().display());
        std::fs::write(programs.join("hq"), text).unwrap();
        let mut executable = Command::new("chmod");
        executable.arg("+x").arg(programs.join("hq"));
        expect(executable);
    }

    /// Hands the sweep over with the experiment's own verb and returns the job's number.
    fn submit(&self, sweep: &Sweep) -> String {
        let path = std::env::var("PATH").unwrap();
        let mut command = sweep.command("hyperqueue", &ARRAY);
        command.env("HQ_SERVER_DIR", self.servers()).env(
            "PATH",
            format!("{}:{path}", self.folder.path().join("programs").display()),
        );
        let said = expect(command);
        println!("{}", said.trim());
        assert!(said.contains("96 trials in 16 elements of 6"), "{said}");
        said.rsplit(' ').next().unwrap().trim().to_owned()
    }
}

/// A server with three workers of two cores, all in one process, killed with this value.
struct Engine {
    process: Child,
}

impl Engine {
    fn start(module: &Module) -> Self {
        let mut command = module.driver();
        command
            .arg("serve")
            .arg(module.servers())
            .args(["3", "2"])
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "the engine did not come up");
        Self { process }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn test() -> Result<(), Skipped> {
    let module = Module::install()?;
    let local = std::thread::spawn(undisturbed);
    let sweep = Sweep::new();
    {
        let _engine = Engine::start(&module);
        module.submit(&sweep);
        wait_for("the first records", PATIENCE, || sweep.records() >= 6);
        let killed = kill_workers(&sweep, 2);
        println!("2 of {killed} tasks killed");
        wait_for("half of the records", PATIENCE, || sweep.records() >= TRIALS / 2);
        sweep.wait_for_checkpoint(PATIENCE);
    }
    println!("the engine killed");
    let left = kill_workers(&sweep, usize::MAX);
    println!("{left} of its tasks outlived it and were killed");
    let records = sweep.records();
    assert!(records < TRIALS, "the engine was killed too late to matter");
    println!("{}", sweep.succeed("status", &[]).trim());
    let engine = Engine::start(&module);
    let job = module.submit(&sweep);
    let mut wait = module.driver();
    wait.args(["wait", &job]).stderr(Stdio::null());
    let said = expect(wait);
    assert!(said.contains("all tasks finished"), "{said}");
    drop(engine);
    println!("{}", sweep.succeed("status", &[]).trim());
    let collected = sweep.collect();
    assert_equal(&collected, &local.join().unwrap());
    let resumed = sweep.resumed();
    println!("{resumed} trials went on from a checkpoint");
    assert!(resumed > 0, "no checkpoint was needed");
    Ok(())
}

/// Kills some of the sweep's worker processes at once; returns how many there were.
fn kill_workers(sweep: &Sweep, count: usize) -> usize {
    let program = sweep.path(PROGRAM).canonicalize().unwrap();
    let processes: Vec<String> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for process in processes.iter().take(count) {
        // It may have just ended.
        let _ = Command::new("kill").args(["-9", process]).status();
    }
    processes.len()
}
