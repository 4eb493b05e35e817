//! `status`: how far a sweep is, from names of files and a sample of records.

use std::collections::BTreeMap;
use std::process::ExitCode;

use espalier_report::files;
use serde::Deserialize;

use crate::cli::Options;
use crate::environment::rfc3339;
use crate::identity::preset_folder;
use crate::progress::{duration, say};
use crate::store::Store;
use crate::{AnyExperiment, Error, Result, counted, parts};

/// So many records are read to know how long a trial takes.
const SAMPLE: usize = 100;

/// So many running or failed trials are listed.
const LISTED: usize = 20;

#[derive(Deserialize)]
struct Line {
    id: String,
    variant: String,
    seed: u64,
}

pub(super) fn status(experiment: &dyn AnyExperiment, options: &Options) -> anyhow::Result<ExitCode> {
    let preset = options.preset(experiment)?;
    let changes: Vec<&String> = options.set.iter().collect();
    let (defaults, settings) = parts::changed(experiment.settings(&preset), &changes, experiment.cuts_batches())?;
    let folder = preset_folder(preset.name(), &defaults, &settings);
    let name = experiment.about().name;
    let base = options.runs.join(name);
    let mut found = false;
    for dataset in datasets(&base)? {
        let store = Store::at(base.join(&dataset).join(&folder));
        let wanted = options.dataset.is_empty() || options.dataset.contains(&dataset);
        let plan = store.plan_path();
        if wanted && files::exists(&plan).map_err(|e| Error::io("looking for the plan", &plan, e))? {
            found = true;
            report(&dataset, &store)?;
        }
    }
    if !found {
        return Err(Error::NothingRecorded {
            path: base,
            needed: format!("no plan {folder} here; `plan` or `run` writes one"),
        }
        .into());
    }
    Ok(ExitCode::SUCCESS)
}

fn datasets(base: &std::path::Path) -> Result<Vec<String>> {
    let entries = files::entries_if_present(base).map_err(|e| Error::io("listing the folder", base, e))?;
    let name = |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.iter().map(name).collect();
    names.sort();
    Ok(names)
}

pub(crate) fn report(dataset: &str, store: &Store) -> Result<()> {
    let plan = read_plan(store)?;
    let recorded = store.recorded()?;
    let failed = store.failed()?;
    let leases = store.leases()?;
    let names: BTreeMap<&str, String> = plan
        .iter()
        .map(|line| (line.id.as_str(), format!("{} · seed {}", line.variant, line.seed)))
        .collect();
    let done: Vec<&Line> = plan.iter().filter(|line| recorded.contains(&line.id)).collect();
    let broken: Vec<&Line> = plan
        .iter()
        .filter(|line| failed.contains(&line.id) && !recorded.contains(&line.id))
        .collect();
    let running: Vec<_> = leases
        .iter()
        .filter(|(id, note)| {
            let gone = note.as_ref().is_some_and(|note| note.owner.is_gone());
            let open = !recorded.contains(id) && !failed.contains(id);
            open && !gone && names.contains_key(id.as_str())
        })
        .collect();
    let left = plan.len() - done.len() - broken.len() - running.len();
    say(&format!(
        "{dataset}: {}: {} done, {} running, {} failed, {left} left{}",
        counted(plan.len() as u64, "trial"),
        done.len(),
        running.len(),
        broken.len(),
        time_to_go(store, &done, left + running.len(), running.len())
    ));
    for (id, note) in running.iter().take(LISTED) {
        let place = note.as_ref().map_or_else(
            || "an unreadable lease".to_owned(),
            |note| {
                format!(
                    "{} (process {}) since {} by its clock",
                    note.owner.host,
                    note.owner.pid,
                    rfc3339(note.since_unix_seconds)
                )
            },
        );
        say(&format!("  running: {} on {place}", names[id.as_str()]));
    }
    for line in broken.iter().take(LISTED) {
        let failure = store.failure(&line.id)?;
        let message = failure.map_or_else(|| "no message".to_owned(), |failure| failure.message);
        let last = message
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("no message");
        say(&format!("  failed: {}: {last}", names[line.id.as_str()]));
    }
    for (what, count) in [("running", running.len()), ("failed", broken.len())] {
        if count > LISTED {
            say(&format!("  and {} more {what}", count - LISTED));
        }
    }
    Ok(())
}

fn read_plan(store: &Store) -> Result<Vec<Line>> {
    let path = store.plan_path();
    let text = files::read(&path).map_err(|e| Error::io("reading the plan", &path, e))?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().skip(1);
    lines
        .map(|line| serde_json::from_str(line).map_err(|e| Error::json(format!("reading {}", path.display()), e)))
        .collect()
}

/// Estimates from an even sample of records how long the rest takes with as many workers as there are.
fn time_to_go(store: &Store, done: &[&Line], left: usize, workers: usize) -> String {
    if left == 0 {
        return String::new();
    }
    let step = done.len().div_ceil(SAMPLE).max(1);
    let walls: Vec<f64> = done
        .iter()
        .step_by(step)
        // A record that cannot be read has no time to tell; `collect` names it.
        .filter_map(|line| store.read(&line.id).ok().flatten())
        .map(|finished| finished.timing.wall_seconds)
        .collect();
    if walls.is_empty() {
        return ", time to go unknown".to_owned();
    }
    let each = walls.iter().sum::<f64>() / walls.len() as f64;
    match workers {
        0 => format!(", {} of work to go, nobody at work", duration(each * left as f64)),
        _ => format!(", about {} to go", duration(each * left as f64 / workers as f64)),
    }
}
