//! A folder of results: raw rows of each work, the runs that made them, a summary and a chart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::cell::{Cell, Goal, Work};
use crate::hardware::{Hardware, slug};
use crate::way::{Family, Way};

/// The folder of results for today's date and this machine's processor: `<date>-<processor>`.
#[must_use]
pub fn folder_of_today(results: &Path) -> PathBuf {
    results.join(format!("{}-{}", calendar::today(), slug(&Hardware::read().processor)))
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The work.
    pub work: Work,
    /// The network's label.
    pub net: String,
    /// Models in all.
    pub models: usize,
    /// Cores in all.
    pub cores: usize,
    /// The way's name.
    pub way: String,
    /// Whose way it is.
    pub family: Family,
    /// Whether it does all of the work.
    pub is_whole_work: bool,
    /// The round, from 0.
    pub round: usize,
    /// The place in the round's order, from 0.
    pub position: usize,
    /// Model-steps of all processes.
    pub steps: f64,
    /// The longest process's time.
    pub seconds: f64,
    /// Model-steps per second: the sum of the processes' rates.
    pub rate: f64,
    /// The least ratio to the best of any peer that is aimed at.
    pub goal_any: Option<f64>,
    /// The least ratio to the best of PyTorch that is aimed at.
    pub goal_torch: Option<f64>,
    /// What else was measured, as a JSON object.
    pub extra: String,
}

impl Row {
    /// A row without measurements.
    #[must_use]
    pub fn new(cell: &Cell, way: &Way) -> Self {
        Self {
            work: cell.work,
            net: cell.net.label(),
            models: cell.models,
            cores: cell.cores,
            way: way.name.clone(),
            family: way.family,
            is_whole_work: way.is_whole_work,
            round: 0,
            position: 0,
            steps: 0.0,
            seconds: 0.0,
            rate: 0.0,
            goal_any: cell.goal.any,
            goal_torch: cell.goal.torch,
            extra: String::new(),
        }
    }

    /// The goals of the row's cell.
    #[must_use]
    pub fn goal(&self) -> Goal {
        Goal {
            any: self.goal_any,
            torch: self.goal_torch,
        }
    }

    /// Something else that was measured.
    #[must_use]
    pub fn extra(&self, name: &str) -> Option<f64> {
        let extra: BTreeMap<String, f64> = serde_json::from_str(&self.extra).ok()?;
        extra.get(name).copied()
    }
}

/// How rows came about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The works measured.
    pub works: Vec<Work>,
    /// The command line.
    pub command: String,
    /// Rounds.
    pub rounds: usize,
    /// The shortest duration of a measurement.
    pub seconds: f64,
    /// The machine.
    pub hardware: Hardware,
    /// Load of the machine before the run: of the last 1, 5 and 15 minutes.
    pub load_before: String,
    /// Versions of what was measured.
    pub versions: BTreeMap<String, serde_json::Value>,
    /// Ways that failed.
    pub failures: Vec<String>,
    /// Ways that took no part in the rounds, because others of their family were faster in one measurement.
    #[serde(default)]
    pub screened: Vec<String>,
    /// Ways that were not tried, with the reason.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// A folder of results.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, which is made if it is not there.
    ///
    /// # Errors
    /// Names the folder that cannot be made.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the rows of a work, replacing earlier ones.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn write_rows(&self, work: Work, rows: &[Row]) -> Result<()> {
        let path = self.0.join(format!("{}.csv", work.name()));
        let mut writer = csv::Writer::from_path(&path).with_context(|| format!("writing {}", path.display()))?;
        rows.iter().try_for_each(|row| writer.serialize(row))?;
        Ok(writer.flush()?)
    }

    /// Reads the rows of every work that is there.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn read_rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for work in Work::ALL {
            let path = self.0.join(format!("{}.csv", work.name()));
            if path.exists() {
                let mut reader =
                    csv::Reader::from_path(&path).with_context(|| format!("reading {}", path.display()))?;
                for row in reader.deserialize() {
                    rows.push(row.with_context(|| format!("reading {}", path.display()))?);
                }
            }
        }
        Ok(rows)
    }

    /// Notes a run; earlier runs whose works were all measured again are forgotten.
    ///
    /// # Errors
    /// Names the file that cannot be read or written.
    pub fn note(&self, run: Run) -> Result<Vec<Run>> {
        let path = self.0.join("runs.json");
        let mut runs: Vec<Run> = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?,
            Err(_) => Vec::new(),
        };
        runs.retain(|earlier| !earlier.works.iter().all(|work| run.works.contains(work)));
        runs.push(run);
        let text = serde_json::to_string_pretty(&runs)? + "\n";
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(runs)
    }

    /// Reads the runs noted so far.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let path = self.0.join("runs.json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
}
