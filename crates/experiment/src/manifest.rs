//! `manifest.json`: where a report's rows come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use espalier_report::files;
use espalier_report::page::{DataUse, Provenance, TrainingTime};
use espalier_report::rows::{KeyedTable, Rows, TrialKey};
use espalier_report::statistics::{Looks, PairedSeeds};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::environment::{revision, rfc3339, versions};
use crate::identity::{canonical, hex};
use crate::plan::Plan;
use crate::store::{Finished, replace};
use crate::{AnyExperiment, Error, Preset, ReportContext, Result, counted};

const FILE: &str = "manifest.json";
const SUMMARY: &str = "summary.json";

/// The layout's version: since 2 it holds the rows' hash and counts, and its own checksum.
const SCHEMA: u64 = 2;
const SCHEMA_WITHOUT_HASH: u64 = 1;
const CHECKSUM: &str = "checksum";

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
    /// The hash of all rows ([`Rows::content_hash`]); empty for a combined page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rows_hash: String,
    /// The number of rows by table; empty for a combined page.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, usize>,
    /// The columns by table ([`KeyedTable::layout`](espalier_report::rows::KeyedTable::layout)), to which rows
    /// that went through other tools are brought back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// The hash of everything else that stands here, written by [`Manifest::write`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    checksum: String,
    /// Everything else.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Manifest {
    /// Describes the records of one data set of a plan, whose rows [`Manifest::hold`] then adds.
    #[must_use]
    pub fn new(experiment: &dyn AnyExperiment, plan: &Plan, set: usize, records: &[Finished], command: &str) -> Self {
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
            looks: plan.looks.clone(),
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
            schema: SCHEMA,
            trials: records.len(),
            planned: plan.of_set(set).count(),
            parts: Vec::new(),
            rows_hash: String::new(),
            tables: BTreeMap::new(),
            columns: BTreeMap::new(),
            checksum: String::new(),
            provenance,
        }
    }

    /// Describes a page drawn from the rows of several data sets.
    #[must_use]
    pub fn combined(parts: &[(String, Self)]) -> Option<Self> {
        let (_, first) = parts.first()?;
        let mut whole = first.clone();
        whole.schema = SCHEMA;
        (whole.rows_hash, whole.tables, whole.columns) = Default::default();
        whole.parts = parts.iter().map(|(name, _)| name.clone()).collect();
        for (_, part) in &parts[1..] {
            whole.trials += part.trials;
            whole.planned += part.planned;
            let (mine, theirs) = (&mut whole.provenance, &part.provenance);
            mine.seeds.retain(|seed| theirs.seeds.contains(seed));
            mine.looks = earlier(mine.looks.take(), theirs.looks.clone());
            mine.data.extend(theirs.data.iter().cloned());
            mine.notices.extend(theirs.notices.iter().cloned());
            mine.wall_seconds += theirs.wall_seconds;
            mine.training += theirs.training;
            mine.dirty |= theirs.dirty;
            if !mine.command.split("; ").any(|known| known == theirs.command) {
                mine.command = format!("{}; {}", mine.command, theirs.command);
            }
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

    /// Writes down which rows the manifest is of, so that others are noticed.
    pub fn hold(&mut self, rows: &Rows) {
        self.schema = SCHEMA;
        self.rows_hash = rows.content_hash();
        self.tables = counts(rows);
        self.columns = of_tables(rows, KeyedTable::layout);
    }

    /// Returns rows as they were recorded, where another tool wrote the same values in other types.
    pub(crate) fn recorded(&self, rows: Rows) -> Rows {
        if self.columns.is_empty() || rows.content_hash() == self.rows_hash {
            return rows;
        }
        let recorded = rows.in_layouts(&self.columns);
        if recorded.content_hash() == self.rows_hash {
            recorded
        } else {
            rows
        }
    }

    /// Says in what the report's identity differs from that of a plan's data set.
    pub(crate) fn other_identity(&self, plan: &Plan, set: usize) -> Option<String> {
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
    pub(crate) fn adopt_identity(&mut self, plan: &Plan, set: usize) -> Result<()> {
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

    /// Writes the manifest into a report's folder, with its own checksum where its layout has one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let encoding = |e| Error::json("encoding the manifest", e);
        let mut whole = self.clone();
        whole.checksum = match self.schema {
            SCHEMA_WITHOUT_HASH => String::new(),
            _ => checksum(&serde_json::to_value(self).map_err(encoding)?),
        };
        let mut text = serde_json::to_string_pretty(&whole).map_err(encoding)?;
        text.push('\n');
        replace(&folder.join(FILE), text.as_bytes())
    }

    /// Reads the manifest of a report's folder; `None` when there is none.
    ///
    /// # Errors
    /// When it exists and cannot be read; [`Error::Damaged`] when its layout is another or it was altered.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the manifest", &path, e))?;
        let Some(text) = found else {
            return Ok(None);
        };
        let decoding = |e| Error::json(format!("reading {}", path.display()), e);
        let json = parsed(&path, &text)?;
        check_layout(&path, &json)?;
        serde_json::from_value(json).map(Some).map_err(decoding)
    }

    /// Seals the manifest of a folder that a merge of two branches has put together: its checksum is of neither, and
    /// its rows vouch for it. Says whether there was anything to mend.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is not the manifest of the rows beside it, or still holds the marks of a conflict;
    /// it then stays as it is.
    pub fn mend(folder: &Path) -> Result<bool> {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).map_err(|e| Error::io("reading the manifest", &path, e))?;
        let json = parsed(&path, &text)?;
        if check_layout(&path, &json).is_ok() {
            return Ok(false);
        }
        let merged: Self =
            serde_json::from_value(json).map_err(|e| Error::json(format!("reading {}", path.display()), e))?;
        if merged.parts.is_empty() {
            let rows = merged.recorded(Rows::read(&folder.join("rows"))?);
            check_rows(folder, &merged, &rows)?;
        }
        merged.write(folder)?;
        Ok(true)
    }

    /// Reads a published report's manifest and rows, and holds rows, manifest and page against each other.
    ///
    /// # Errors
    /// When one of them is missing, damaged or of other rows.
    pub fn read_with_rows(folder: &Path) -> Result<(Self, Rows)> {
        crate::page::read_published(folder)
    }

    /// Turns the manifest back into what a report is drawn from.
    ///
    /// # Errors
    /// When the experiment no longer has a recorded setting.
    pub fn context(&self, experiment: &dyn AnyExperiment) -> Result<ReportContext> {
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
            seeds: PairedSeeds::from(&self.provenance.seeds).looked_at(self.provenance.looks.clone()),
            provenance: self.provenance.clone(),
            files: crate::KeptFiles::default(),
        })
    }
}

/// Of the looks at two data sets those that went less far: a claim over both rests on the seeds that both have.
fn earlier(one: Option<Looks>, other: Option<Looks>) -> Option<Looks> {
    let looks = one.into_iter().chain(other).min_by_key(Looks::reached)?;
    Some(Looks {
        trials_of_a_seed: 0,
        ..looks
    })
}

fn settings_of(plan: &Plan) -> BTreeMap<String, String> {
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
pub(crate) fn preset_of(experiment: &dyn AnyExperiment, name: &str) -> Result<Preset> {
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
    let said = |f: &Finished| {
        let training = f.training_seconds?;
        Some(TrainingTime::of(f.timing.wall_seconds, training))
    };
    provenance.training = records.iter().filter_map(said).sum();
    let sets: BTreeSet<&str> = records.iter().map(|f| f.timing.instruction_set.as_str()).collect();
    provenance.instruction_set = sets.into_iter().collect::<Vec<_>>().join(", ");
    let ways: BTreeSet<String> = records
        .iter()
        .map(|f| {
            format!(
                "{} side by side, {} each",
                counted(f.timing.jobs, "trial"),
                counted(f.timing.threads, "thread")
            )
        })
        .collect();
    provenance.parallelism = ways.into_iter().collect::<Vec<_>>().join("; ");
}

/// Hashes all that a manifest says but its own checksum.
fn checksum(json: &Json) -> String {
    let mut json = json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields.remove(CHECKSUM);
    }
    hex(&Sha256::digest(canonical(&json).as_bytes()))
}

/// Parses a manifest; names a merge that nobody has finished.
fn parsed(path: &Path, text: &[u8]) -> Result<Json> {
    if text
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"<<<<<<< "))
    {
        return Err(Error::Damaged {
            path: path.to_owned(),
            expected: "JSON".into(),
            found: "the marks of a merge conflict; take the side whose rows lie beside it whole (`git checkout --ours` or `--theirs` \
                    on the report's folder)"
                .into(),
        });
    }
    serde_json::from_slice(text).map_err(|e| Error::json(format!("reading {}", path.display()), e))
}

/// Checks a manifest's version and checksum before its fields are believed.
fn check_layout(path: &Path, json: &Json) -> Result<()> {
    let damaged = |expected: String, found: String| {
        Err(Error::Damaged {
            path: path.to_owned(),
            expected,
            found,
        })
    };
    let recorded = json.get(CHECKSUM).map(|sum| sum.as_str().unwrap_or("no text"));
    match (json["schema"].as_u64(), recorded) {
        (Some(SCHEMA_WITHOUT_HASH), None) => Ok(()),
        (Some(SCHEMA), Some(recorded)) => match checksum(json) {
            found if found == recorded => Ok(()),
            found => damaged(
                format!("checksum {recorded}"),
                format!(
                    "checksum {found}; it was altered, or put together by a merge of two branches: `just mend-manifests` \
                     seals it where its rows agree"
                ),
            ),
        },
        (Some(SCHEMA), None) => damaged("a checksum".into(), "none".into()),
        (Some(SCHEMA_WITHOUT_HASH), Some(_)) => damaged("no checksum in schema 1".into(), "one".into()),
        _ => damaged(format!("schema {SCHEMA}"), format!("schema {}", json["schema"])),
    }
}

fn counts(rows: &Rows) -> BTreeMap<String, usize> {
    of_tables(rows, KeyedTable::len)
}

fn of_tables<T>(rows: &Rows, what: impl Fn(&KeyedTable) -> T) -> BTreeMap<String, T> {
    let names = rows.table_names().into_iter();
    names
        .filter_map(|name| Some((name.to_owned(), what(rows.table(name).ok()?))))
        .collect()
}

/// Checks that rows and manifest of a folder belong together: trials, seeds, data sets, tables and hash.
///
/// # Errors
/// [`Error::Damaged`] names the file, what is expected and what was found.
pub(crate) fn check_rows(folder: &Path, manifest: &Manifest, rows: &Rows) -> Result<()> {
    let trials = rows.trials();
    let keys: Vec<&TrialKey> = trials.iter().collect();
    let sets: BTreeSet<&str> = keys.iter().map(|key| key.dataset.as_str()).collect();
    let said: BTreeSet<&str> = manifest.provenance.data.iter().map(|data| data.name.as_str()).collect();
    let list = |seeds: &[u64]| format!("{seeds:?}");
    let names = |sets: BTreeSet<&str>| Vec::from_iter(sets).join(", ");
    agree(
        folder,
        "trials",
        &manifest.trials.to_string(),
        &trials.len().to_string(),
    )?;
    agree(
        folder,
        "seeds",
        &list(&manifest.provenance.seeds),
        &list(&shared_seeds(&keys)),
    )?;
    agree(folder, "data sets", &names(said), &names(sets))?;
    if manifest.schema == SCHEMA_WITHOUT_HASH {
        return Ok(());
    }
    let found = counts(rows);
    let tables: BTreeSet<&String> = manifest.tables.keys().chain(found.keys()).collect();
    for table in tables {
        let what = format!("rows of table `{table}`");
        let count = |tables: &BTreeMap<String, usize>| match tables.get(table) {
            Some(rows) => rows.to_string(),
            None => "no such table".to_owned(),
        };
        agree(folder, &what, &count(&manifest.tables), &count(&found))?;
    }
    agree(folder, "a hash of the rows", &manifest.rows_hash, &rows.content_hash())
}

fn agree(folder: &Path, what: &str, manifest: &str, rows: &str) -> Result<()> {
    if manifest == rows {
        return Ok(());
    }
    Err(Error::Damaged {
        path: folder.join("rows"),
        expected: format!("{what} as {FILE} says: {manifest}"),
        found: format!("{rows}; `run` writes both anew from the trials' records, where they are still there"),
    })
}

/// Checks that the page of a folder, if there is one, was drawn from these rows.
///
/// # Errors
/// [`Error::Damaged`] when it was drawn from others.
pub(crate) fn check_summary(folder: &Path, rows: &Rows) -> Result<()> {
    let path = folder.join(SUMMARY);
    let found = files::read_if_present(&path).map_err(|e| Error::io("reading the summary", &path, e))?;
    let Some(text) = found else {
        return Ok(());
    };
    let summary: Json =
        serde_json::from_slice(&text).map_err(|e| Error::json(format!("reading {}", path.display()), e))?;
    let (recorded, found) = (summary["rows_hash"].as_str().unwrap_or("none"), rows.content_hash());
    if recorded == found {
        return Ok(());
    }
    Err(Error::Damaged {
        path,
        expected: format!("a page of the rows with hash {found}"),
        found: format!("one of rows with hash {recorded}; `run` draws it anew without training"),
    })
}

/// Checks that a manifest stands in the folder that it is of: experiment, data sets and preset.
///
/// # Errors
/// [`Error::Damaged`] when it says something else than the folder's names.
pub(crate) fn check_place(folder: &Path, experiment: &str, manifest: &Manifest) -> Result<()> {
    let name = |path: Option<&Path>| {
        let name = path.and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let sets: Vec<&str> = manifest.provenance.data.iter().map(|data| data.name.as_str()).collect();
    let preset = name(Some(folder)).split('+').next().unwrap_or_default().to_owned();
    for (what, expected, found) in [
        (
            "experiment",
            experiment.to_owned(),
            manifest.provenance.experiment.clone(),
        ),
        ("data sets", name(folder.parent()), sets.join("+")),
        ("preset", preset, manifest.provenance.preset.clone()),
    ] {
        if expected != found {
            return Err(Error::Damaged {
                path: folder.join(FILE),
                expected: format!("{what} {expected}"),
                found: format!("{what} {found}"),
            });
        }
    }
    Ok(())
}
