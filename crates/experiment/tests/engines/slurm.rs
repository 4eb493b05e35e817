//! A sweep on a real Slurm of three nodes: one dies and comes back, elements are requeued, the array is
//! cancelled and submitted again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Skipped;
use super::sweep::{Sweep, TRIALS, assert_equal, expect, files_below, text, undisturbed, wait_for};

/// The site's largest array; indices stay below it.
const MAX_ARRAY_SIZE: &str = "17";

/// How the sweep is handed to this Slurm: 16 elements of six trials.
const ARRAY: [&str; 10] = [
    "--partition",
    "main",
    "--time",
    "5",
    "--array-limit",
    "16",
    "--lease-seconds",
    "5",
    "--checkpoint-seconds",
    "0.2",
];

const PATIENCE: Duration = Duration::from_secs(90);

/// A Slurm whose daemons end with this value.
struct Slurm {
    folder: tempfile::TempDir,
    port: u16,
}

/// Finds so many ports in a row that nobody uses, below those that the system hands out by itself.
fn free_ports(count: u16) -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = (std::process::id() % 3_000) as u16;
    let places = (0..3_000).map(|k| 16_000 + (begin + k) % 3_000 * count);
    let mut found = places.filter(|first| (*first..first + count).all(free));
    found.next().unwrap()
}

impl Slurm {
    fn start() -> Result<Self, Skipped> {
        let folder = tempfile::tempdir().unwrap();
        let slurm = Self {
            folder,
            port: free_ports(4),
        };
        let output = slurm.script(&["start"]).output().unwrap();
        match output.status.code() {
            Some(0) => Ok(slurm),
            Some(77) => {
                let said = text(&output);
                Err(Skipped(said.trim().lines().last().unwrap_or_default().to_owned()))
            }
            _ => panic!("starting Slurm: {}", text(&output)),
        }
    }

    fn script(&self, words: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/slurm-local.sh");
        let mut command = Command::new(script);
        command
            .arg(words[0])
            .arg(self.folder.path())
            .args(&words[1..])
            .envs([("NODES", "3"), ("CPUS", "2"), ("ARRAY", MAX_ARRAY_SIZE)])
            .env("PORT", self.port.to_string());
        command
    }

    /// Makes a command that talks to this Slurm.
    fn client(&self, mut command: Command) -> Command {
        command.env("SLURM_CONF", self.configuration());
        command
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    fn ask(&self, program: &str, words: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(words);
        expect(self.client(command)).trim().to_owned()
    }

    /// Lists running elements as `JOB_INDEX`, on one node or on all.
    fn running(&self, node: Option<&str>) -> Vec<String> {
        let mut words = vec!["--noheader", "--array", "--states=R", "--format=%i"];
        words.extend(node.iter().flat_map(|name| ["--nodelist", name]));
        self.ask("squeue", &words).lines().map(str::to_owned).collect()
    }

    fn is_idle(&self) -> bool {
        self.ask("squeue", &["--noheader"]).is_empty()
    }

    /// Counts how often an element was started again.
    fn restarts(&self, element: &str) -> usize {
        let job = self.ask("scontrol", &["show", "job", "--oneliner", element]);
        let count = job.split("Restarts=").nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Hands the sweep over with the experiment's own verb and returns the job's number.
    fn submit(&self, sweep: &Sweep) -> String {
        let said = expect(self.client(sweep.command("slurm", &ARRAY)));
        println!("{}", said.trim());
        assert!(said.contains("96 trials in 16 elements of 6"), "{said}");
        let line = said.lines().find_map(|line| line.strip_prefix("Submitted batch job "));
        line.unwrap().trim().to_owned()
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // A daemon that stays would only be found by hand: say so, but let the test's own end stand.
        if !self.script(&["stop"]).status().is_ok_and(|status| status.success()) {
            println!("the daemons of {} could not be stopped", self.folder.path().display());
        }
    }
}

pub fn test() -> Result<(), Skipped> {
    let slurm = Slurm::start()?;
    let local = std::thread::spawn(undisturbed);
    let sweep = Sweep::new();
    arrays_beyond_the_sites_limit_are_refused(&slurm, &sweep);
    let job = slurm.submit(&sweep);
    wait_for("the first records", PATIENCE, || sweep.records() >= 6);
    lose_a_node(&slurm, &sweep);
    requeue_an_element(&slurm);
    cancel(&slurm, &sweep, &job);
    let again = slurm.submit(&sweep);
    assert_ne!(job, again);
    println!("{}", sweep.succeed("status", &[]).trim());
    wait_for("the resubmitted array's end", PATIENCE, || slurm.is_idle());
    println!("{}", sweep.succeed("status", &[]).trim());
    let collected = sweep.collect();
    assert_equal(&collected, &local.join().unwrap());
    let resumed = sweep.resumed();
    println!("{resumed} trials went on from a checkpoint");
    assert!(resumed > 0, "no checkpoint was needed");
    Ok(())
}

/// Without chunks the array would be larger than the site allows: the verb says what Slurm said.
fn arrays_beyond_the_sites_limit_are_refused(slurm: &Slurm, sweep: &Sweep) {
    let output = slurm
        .client(sweep.command("slurm", &["--array-limit", "96"]))
        .output()
        .unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("Invalid job array specification") && said.contains("running `sbatch"),
        "{said}"
    );
}

/// Kills a daemon with all that runs under it; Slurm starts the elements again elsewhere.
fn lose_a_node(slurm: &Slurm, sweep: &Sweep) {
    let lost = slurm.running(Some("node2"));
    assert!(!lost.is_empty(), "nothing runs on node2");
    println!("{}", expect(slurm.script(&["lose", "2"])).trim());
    wait_for(
        &format!("{} started again by Slurm", lost.join(" and ")),
        PATIENCE,
        || lost.iter().all(|element| slurm.restarts(element) > 0),
    );
    assert!(sweep.records() < TRIALS, "the node was lost too late to matter");
    expect(slurm.script(&["back", "2"]));
}

/// Requeues a running element, which checkpoints and leaves.
fn requeue_an_element(slurm: &Slurm) {
    wait_for("a running element", PATIENCE, || !slurm.running(None).is_empty());
    let element = slurm.running(None)[0].clone();
    slurm.ask("scontrol", &["requeue", &element]);
    wait_for(&format!("{element} requeued"), PATIENCE, || {
        slurm.restarts(&element) > 0
    });
}

/// Cancels the array while elements run; each says that it left early.
fn cancel(slurm: &Slurm, sweep: &Sweep, job: &str) {
    sweep.wait_for_checkpoint(PATIENCE);
    slurm.ask("scancel", &[job]);
    wait_for("the cancelled array's end", PATIENCE, || slurm.is_idle());
    let records = sweep.records();
    assert!(records < TRIALS, "the array was cancelled too late to matter");
    let logs = files_below(&sweep.path("runs/walk/logs"), ".log");
    let left = logs
        .iter()
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("left early"))
        .count();
    println!("cancelled with {records} of {TRIALS} trials recorded; {left} elements said that they left early");
    assert!(left > 0, "no element noticed");
}
