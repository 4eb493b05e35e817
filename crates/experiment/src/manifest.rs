//! `manifest.json`: where a report's rows come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use espalier_report::page::{DataUse, Provenance};
use espalier_report::rows::{Rows, TrialKey};
use serde::{Deserialize, Serialize};

use crate::environment::{revision, rfc3339, versions};
use crate::plan::Plan;
use crate::store::{Finished, replace};
use crate::{Error, Experiment, Preset, ReportContext, Result};

const FILE: &str = "manifest.json";

/// What a page says of rows that today's code does not repeat.
pub(crate) const EARLIER_CODE: &str = "rows of earlier code, which today's does not repeat";

/// What stands in `manifest.json`: with the rows, all that a page is drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version.
    pub schema: u64,
    /// How many trials the rows are from.
    pub trials: usize,
    /// How many trials the plan has.
    pub planned: usize,
    /// For a combined page: the data sets whose rows it is drawn from, each in its own folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Manifest {
    /// Describes the records of one data set of a plan.
    #[must_use]
    pub fn new<E: Experiment>(
        experiment: &E,
        plan: &Plan<E::Variant>,
        set: usize,
        records: &[Finished],
        command: &str,
    ) -> Self {
        let loaded = &plan.sets[set].loaded;
        let (revision, dirty) = revision();
        let mut versions = versions();
        versions.extend(experiment.versions());
        let keys: Vec<&TrialKey> = records.iter().map(|finished| &finished.record.key).collect();
        let checksums = BTreeMap::from([
            ("content".to_owned(), loaded.content.clone()),
            ("examples".to_owned(), plan.sets[set].examples.clone()),
        ]);
        let mut provenance = Provenance {
            experiment: plan.experiment.clone(),
            preset: plan.preset.name().to_owned(),
            revision,
            dirty,
            command: command.to_owned(),
            settings: settings_of(plan),
            changed: plan.changed.clone(),
            seeds: shared_seeds(&keys),
            data: vec![DataUse {
                name: loaded.name.clone(),
                part: loaded.part.clone(),
                checksums,
            }],
            fingerprint: plan.fingerprint.clone(),
            device: plan.device.clone(),
            versions,
            notices: loaded.notice.iter().cloned().collect(),
            ..Provenance::default()
        };
        clock(&mut provenance, records);
        Self {
            schema: 1,
            trials: records.len(),
            planned: plan.of_set(set).count(),
            parts: Vec::new(),
            provenance,
        }
    }

    /// Describes a page drawn from the rows of several data sets.
    #[must_use]
    pub fn combined(parts: &[(String, Self)]) -> Option<Self> {
        let (_, first) = parts.first()?;
        let mut whole = first.clone();
        whole.parts = parts.iter().map(|(name, _)| name.clone()).collect();
        for (_, part) in &parts[1..] {
            whole.trials += part.trials;
            whole.planned += part.planned;
            let (mine, theirs) = (&mut whole.provenance, &part.provenance);
            mine.seeds.retain(|seed| theirs.seeds.contains(seed));
            mine.data.extend(theirs.data.iter().cloned());
            mine.notices.extend(theirs.notices.iter().cloned());
            mine.wall_seconds += theirs.wall_seconds;
            mine.dirty |= theirs.dirty;
            mine.started = mine.started.clone().min(theirs.started.clone());
            mine.finished = mine.finished.clone().max(theirs.finished.clone());
            for (one, other) in [
                (&mut mine.revision, &theirs.revision),
                (&mut mine.instruction_set, &theirs.instruction_set),
            ] {
                if !one.split(", ").any(|known| known == other) {
                    *one = format!("{one}, {other}");
                }
            }
        }
        Some(whole)
    }

    /// Says in what the report's identity differs from that of a plan's data set.
    pub(crate) fn other_identity<V: Clone + std::fmt::Display>(&self, plan: &Plan<V>, set: usize) -> Option<String> {
        let (recorded, planned) = (&self.provenance, &plan.sets[set]);
        let sums = recorded.data.first().map(|data| &data.checksums);
        let sum = |name: &str| sums.and_then(|sums| sums.get(name)).map_or("none", String::as_str);
        let kind = |device: &str| device.split(':').next().unwrap_or_default().to_owned();
        let pairs = [
            ("experiment", recorded.experiment.clone(), plan.experiment.clone()),
            ("preset", recorded.preset.clone(), plan.preset.name().to_owned()),
            ("device", kind(&recorded.device), kind(&plan.device)),
            (
                "data's content",
                sum("content").to_owned(),
                planned.loaded.content.clone(),
            ),
            ("settings", listed(&recorded.settings), listed(&settings_of(plan))),
            ("golden digests", recorded.fingerprint.clone(), plan.fingerprint.clone()),
            (
                "data as trials see it",
                sum("examples").to_owned(),
                planned.examples.clone(),
            ),
        ];
        let differs = pairs.into_iter().find(|(_, recorded, now)| recorded != now);
        differs.map(|(what, recorded, now)| format!("{what}: {now} now, recorded under {recorded}"))
    }

    /// Whether the rows were found to be others than today's code gives.
    pub(crate) fn is_of_earlier_code(&self) -> bool {
        self.provenance.notices.iter().any(|notice| notice == EARLIER_CODE)
    }

    /// Gives the report the identity of a plan's data set; its rows have been found to be what the plan's trials give.
    ///
    /// # Errors
    /// [`Error::OtherReport`] when a setting or the data's content differ: no sample of trials can vouch for that.
    pub(crate) fn adopt_identity<V: Clone + std::fmt::Display>(&mut self, plan: &Plan<V>, set: usize) -> Result<()> {
        let (planned, settings) = (&plan.sets[set], settings_of(plan));
        let differing = (self.provenance.settings.iter()).find(|(name, value)| settings.get(*name) != Some(*value));
        if let Some((name, value)) = differing {
            return Err(Error::OtherReport {
                path: planned.store.root().to_owned(),
                difference: format!("setting {name}: recorded under {value}"),
            });
        }
        let provenance = &mut self.provenance;
        provenance.settings = settings;
        provenance.fingerprint.clone_from(&plan.fingerprint);
        for data in &mut provenance.data {
            let sums = &mut data.checksums;
            sums.insert("examples".to_owned(), planned.examples.clone());
        }
        Ok(())
    }

    /// Writes the manifest into a report's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| Error::json("encoding the manifest", e))?;
        text.push('\n');
        replace(&folder.join(FILE), text.as_bytes())
    }

    /// Reads the manifest of a report's folder; `None` when there is none.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|e| Error::json(format!("reading {}", path.display()), e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("reading the manifest", path, error)),
        }
    }

    /// Turns the manifest back into what a report is drawn from.
    ///
    /// # Errors
    /// When the experiment no longer has a recorded setting.
    pub fn context<E: Experiment>(&self, experiment: &E) -> Result<ReportContext> {
        let preset = preset_of(experiment, &self.provenance.preset)?;
        let mut settings = experiment.settings(&preset);
        let recorded = self.provenance.settings.iter();
        settings.restore(
            &recorded
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect(),
        )?;
        settings.set_seeds(self.provenance.seeds.len() as u64);
        let names: Vec<&str> = self.provenance.data.iter().map(|data| data.name.as_str()).collect();
        Ok(ReportContext {
            preset,
            settings,
            dataset: names.join("+"),
            seeds: self.provenance.seeds.clone(),
            provenance: self.provenance.clone(),
        })
    }
}

fn settings_of<V: Clone + std::fmt::Display>(plan: &Plan<V>) -> BTreeMap<String, String> {
    let settings = plan.settings.iter();
    settings
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
}

fn listed(settings: &BTreeMap<String, String>) -> String {
    let each: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    each.join(" ")
}

/// Finds a preset by name.
///
/// # Errors
/// When the experiment has no such preset; the message lists those that it has.
pub(crate) fn preset_of<E: Experiment>(experiment: &E, name: &str) -> Result<Preset> {
    let own = experiment.presets();
    Ok(match name {
        "smoke" => Preset::Smoke,
        "quick" => Preset::Quick,
        "full" => Preset::Full,
        _ if own.iter().any(|(known, _)| *known == name) => Preset::Named(name.to_owned()),
        _ => {
            let mut valid = vec!["smoke", "quick", "full"];
            valid.extend(own.iter().map(|(known, _)| *known));
            return Err(Error::flag("--preset", valid.join(", "), name));
        }
    })
}

/// Returns the seeds that every variant has, ascending.
fn shared_seeds(keys: &[&TrialKey]) -> Vec<u64> {
    let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for key in keys {
        seeds.entry(&key.variant).or_default().insert(key.seed);
    }
    let mut sets = seeds.into_values();
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |shared, next| shared.intersection(&next).copied().collect())
        .into_iter()
        .collect()
}

/// Sums up what the clocks said.
fn clock(provenance: &mut Provenance, records: &[Finished]) {
    let ends = records.iter().map(|finished| finished.finished_unix_seconds);
    let starts = records.iter().map(|finished| {
        finished
            .finished_unix_seconds
            .saturating_sub(finished.timing.wall_seconds.ceil() as u64)
    });
    provenance.started = starts.min().map(rfc3339).unwrap_or_default();
    provenance.finished = ends.max().map(rfc3339).unwrap_or_default();
    // Trials side by side share the time; pauses between resumed runs do not count.
    let seconds: f64 = records
        .iter()
        .map(|f| f.timing.wall_seconds / f.timing.jobs.max(1) as f64)
        .sum();
    provenance.wall_seconds = (seconds * 10.0).round() / 10.0;
    let sets: BTreeSet<&str> = records.iter().map(|f| f.timing.instruction_set.as_str()).collect();
    provenance.instruction_set = sets.into_iter().collect::<Vec<_>>().join(", ");
    let ways: BTreeSet<String> = records
        .iter()
        .map(|f| {
            format!(
                "{} trials side by side, {} threads each",
                f.timing.jobs, f.timing.threads
            )
        })
        .collect();
    provenance.parallelism = ways.into_iter().collect::<Vec<_>>().join("; ");
}

/// Checks that rows and manifest of a folder belong together, as far as counts tell.
///
/// # Errors
/// When the number of trials differs.
pub(crate) fn check_rows(folder: &Path, manifest: &Manifest, rows: &Rows) -> Result<()> {
    let found = rows.trials().len();
    if found == manifest.trials {
        return Ok(());
    }
    Err(Error::Damaged {
        path: folder.join("rows"),
        expected: format!("rows of {} trials, as the manifest says", manifest.trials),
        found: format!("rows of {found}"),
    })
}
