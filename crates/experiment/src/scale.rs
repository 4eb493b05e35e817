//! How the directory protocol behaves with many trials and workers; slow, hence ignored by default.
#![allow(clippy::print_stderr, reason = "the measured times are the point of this test")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use espalier_report::page::Report;
use espalier_report::rows::{Record, Row, Rows, TrialKey};
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, PlanOptions};
use crate::queue::{Entry, Next, Queue};
use crate::store::{Finished, Owner, Publication, Store, Timing};
use crate::{About, Erased, Experiment, Golden, Preset, ReportContext, Settings, TrialContext};

#[derive(Serialize, Deserialize)]
struct Nothing {
    value: u64,
}

impl Row for Nothing {
    const TABLE: &'static str = "nothing";
}

/// An experiment of 1000 variants whose trials do nothing.
struct Idle;

impl Experiment for Idle {
    type Variant = usize;

    fn about(&self) -> About {
        About {
            name: "idle",
            title: "What does the protocol cost?",
            study: "",
            summary: "",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("idle")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(1)
            .float("rate", 0.1, "")
            .integers("widths", &[1, 2, 3], "")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<usize>> {
        Ok((0..1000).collect())
    }

    fn datasets(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn trial(&self, _: &mut TrialContext<'_, usize>) -> anyhow::Result<()> {
        Ok(())
    }

    fn report(&self, _: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        Ok(Report::default())
    }
}

fn plan(seeds: u64, runs: &std::path::Path) -> Plan {
    outline(seeds, runs).with_trials()
}

fn outline(seeds: u64, runs: &std::path::Path) -> Plan {
    let source = espalier_data::Source::default();
    let preset = Preset::Quick;
    let options = PlanOptions {
        preset,
        changes: &[],
        seeds: Some(seeds),
        datasets: &[],
        device: "cpu",
        source: &source,
        runs,
    };
    Plan::outline(&Erased(&Idle), &options).unwrap()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Takes trials and records nothing in particular until none is left; returns how many it recorded.
fn idle_worker(plan: &Plan, entries: Vec<Entry>) -> usize {
    let store = plan.sets[0].store.clone();
    let mut queue = Queue::new(vec![store.clone()], entries, Duration::from_secs(600));
    let (owner, mut done) = (Owner::new(), 0);
    loop {
        match queue.next(&owner).unwrap() {
            Next::Over => return done,
            Next::Wait(pause) => std::thread::sleep(pause),
            Next::Settled => {}
            Next::Run { number, lease } => {
                let trial = &plan.trials[number];
                let mut record = Record::new(TrialKey::new(
                    &trial.id,
                    &plan.names[trial.variant],
                    "no-data",
                    trial.seed,
                ));
                record.push(&Nothing { value: trial.seed }).unwrap();
                let timing = Timing {
                    wall_seconds: 0.0,
                    threads: 1,
                    jobs: 1,
                    resumptions: 0,
                    instruction_set: "any".into(),
                };
                let finished = Finished::new(&trial.id, "{}", record, timing, owner.clone()).unwrap();
                assert_eq!(store.finish(&finished).unwrap(), Publication::First);
                lease.release().unwrap();
                done += 1;
            }
        }
    }
}

#[test]
fn the_plan_file_lists_every_trial_in_order_and_a_changed_one_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    // Enough for several blocks of lines.
    let plan = plan(40, folder.path());
    Store::open(plan.sets[0].store.root()).unwrap();
    outline(40, folder.path()).write(0).unwrap();
    let path = plan.sets[0].store.plan_path();
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, body) = text.split_once('\n').unwrap();
    let digest = crate::identity::hex(&<sha2::Sha256 as sha2::Digest>::digest(body.as_bytes()));
    assert_eq!(head, format!("{{\"plan\":\"{digest}\"}}"));
    assert_eq!(body.lines().count(), plan.trials.len());
    for (line, trial) in body.lines().zip(&plan.trials) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (line["id"].as_str(), line["seed"].as_u64()),
            (Some(trial.id.as_str()), Some(trial.seed))
        );
        assert_eq!(line["variant"].as_str(), Some(plan.names[trial.variant].as_str()));
        assert_eq!(trial.id, plan.identity_of(trial).id());
    }
    plan.check(0).unwrap();
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    plan.write(0).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(
        path.parent()
            .unwrap()
            .read_dir()
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().to_string_lossy().ends_with("draft"))
            .count(),
        0
    );
    std::fs::write(&path, text.replace("\"seed\":39", "\"seed\":38")).unwrap();
    let error = plan.check(0).unwrap_err();
    assert!(matches!(error, crate::Error::Damaged { .. }), "{error}");
}

#[test]
#[ignore = "minutes of disk work; `just test-slow` runs it"]
fn a_thousand_workers_share_a_plan_without_doing_a_trial_twice() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let large = outline(setting("ESPALIER_PLAN", 1_000_000) / 1000, folder.path());
    Store::open(large.sets[0].store.root()).unwrap();
    large.write(0).unwrap();
    eprintln!("plan of {} trials: {:?}", large.trials_of_a_set(), begun.elapsed());

    let (trials, workers) = (
        setting("ESPALIER_TRIALS", 100_000),
        setting("ESPALIER_WORKERS", 1000) as usize,
    );
    let runs = folder.path().join("small");
    let small = plan(trials / 1000, &runs);
    let store = Store::open(small.sets[0].store.root()).unwrap();
    small.write(0).unwrap();
    let entries: Vec<Entry> = (0..small.trials.len())
        .map(|number| Entry {
            number,
            id: small.trials[number].id.clone(),
            store: 0,
        })
        .collect();
    let (begun, done) = (Instant::now(), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for worker in 0..workers {
            // Each worker has its own part, as in an array, and two workers have each part.
            let size = entries.len().div_ceil(workers.div_ceil(2));
            let part: Vec<Entry> = entries.chunks(size).nth(worker / 2).unwrap_or_default().to_vec();
            let (small, done) = (&small, &done);
            scope.spawn(move || {
                let count = idle_worker(small, part);
                done.lock().unwrap().push(count);
            });
        }
    });
    let total: usize = done.into_inner().unwrap().iter().sum();
    eprintln!(
        "{workers} workers lease and record {total} trials: {:?}",
        begun.elapsed()
    );
    assert_eq!(total, small.trials.len());

    let mut fullest: BTreeMap<String, usize> = BTreeMap::new();
    for id in store.recorded().unwrap() {
        *fullest.entry(id[..2].to_owned()).or_default() += 1;
    }
    eprintln!("files in the fullest folder: {}", fullest.values().max().unwrap());
    let begun = Instant::now();
    crate::verbs::status_of("no-data", &store).unwrap();
    let counted = begun.elapsed();
    eprintln!("status: {counted:?}");
    let begun = Instant::now();
    let records = crate::page::gather(&small, 0, &mut |text| panic!("{text}")).unwrap();
    let records: Vec<Record> = records
        .into_iter()
        .map(|finished| finished.into_record().unwrap())
        .collect();
    Rows::from_records(&records)
        .unwrap()
        .write(&folder.path().join("rows"))
        .unwrap();
    let collected = begun.elapsed();
    eprintln!("collect {} records: {collected:?}", records.len());
    // Names of files are counted: on any machine a fraction of what it takes to read them all.
    assert!(2 * counted < collected, "{counted:?} of {collected:?}");
}
