//! A report that lies in the reports' folder already: gone on with, or compared with what was trained now.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use espalier_report::rows::{Record, Rows, TIMINGS, TrialKey};

use crate::agreement::compare;
use crate::environment::unix_seconds_of;
use crate::page::{Places, gather, read};
use crate::plan::{Plan, Planned};
use crate::store::{Finished, Owner, Timing, TrainingTiming};
use crate::{Error, Manifest, Result, counted};

/// A recorded report of one data set of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) rows: Rows,
}

/// Which trials of the plan a report had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenUp {
    /// Trials that were recorded from the report.
    taken: usize,
    /// Trials of the report that were recorded already.
    there: usize,
}

impl fmt::Display for TakenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize| counted(count as u64, "trial");
        let Self { taken, there } = *self;
        match (taken, there) {
            (0, 0) => f.write_str("the recorded report has no trial of this plan to go on from"),
            (0, _) => write!(
                f,
                "all {} of the recorded report are among the runs already",
                counted(there)
            ),
            (_, 0) => write!(f, "goes on from {} of the recorded report", counted(taken)),
            _ => write!(
                f,
                "goes on from {} of the recorded report, beside {there} that are among the runs already",
                counted(taken)
            ),
        }
    }
}

impl Committed {
    /// Reads the report of a data set of a plan; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of(plan: &Plan, places: &Places, set: usize) -> Result<Option<Self>> {
        let name = &plan.sets[set].loaded.name;
        let folder = places.report(&plan.experiment, name, &plan.preset, &plan.folder);
        if Manifest::read(&folder)?.is_none() {
            return Ok(None);
        }
        let (manifest, rows) = read(&folder)?;
        Ok(Some(Self { folder, manifest, rows }))
    }

    /// Writes a record for each trial of the plan that the report holds and the store does not, and counts them.
    ///
    /// The manifest's identity is the plan's, variant and seed come from the rows: these are trials of the plan.
    ///
    /// # Errors
    /// [`Error::OtherReport`] when it was recorded under another identity; otherwise when a record cannot be written.
    pub(crate) fn take_up(&self, plan: &Plan, set: usize) -> Result<TakenUp> {
        if let Some(difference) = self.manifest.other_identity(plan, set) {
            return Err(Error::OtherReport {
                path: self.folder.clone(),
                difference,
            });
        }
        let mut records: BTreeMap<(String, u64), Record> = (self.rows.records().into_iter())
            .map(|record| ((record.key.variant.clone(), record.key.seed), record))
            .collect();
        let timings = self.rows.get::<Timing>()?;
        let mut timings: BTreeMap<(String, u64), Timing> = (timings.into_iter())
            .map(|timing| ((timing.key.variant, timing.key.seed), timing.row))
            .collect();
        let (store, mut up) = (&plan.sets[set].store, TakenUp::default());
        for trial in plan.of_set(set) {
            let place = (plan.names[trial.variant].clone(), trial.seed);
            if store.has_record(&trial.id)? {
                up.there += usize::from(records.contains_key(&place));
                continue;
            }
            let (Some(record), Some(timing)) = (records.remove(&place), timings.remove(&place)) else {
                continue;
            };
            store.finish(&self.finished(plan, trial, record, timing, up.taken == 0)?)?;
            up.taken += 1;
        }
        Ok(up)
    }

    /// The record as its worker would have written it. The report knows when its first trial began and its last ended:
    /// the first one taken up carries the one, all others the other.
    fn finished(
        &self,
        plan: &Plan,
        trial: &Planned,
        mut record: Record,
        timing: Timing,
        first: bool,
    ) -> Result<Finished> {
        let provenance = &self.manifest.provenance;
        record.key = TrialKey::new(&trial.id, &record.key.variant, &record.key.dataset, trial.seed);
        record.tables.remove(TIMINGS);
        let training_seconds = TrainingTiming::take(&mut record)?;
        let ended = if first {
            unix_seconds_of(&provenance.started).map(|start| start + timing.wall_seconds.ceil() as u64)
        } else {
            unix_seconds_of(&provenance.finished)
        };
        let identity = plan.identity_of(trial).canonical();
        let mut finished = Finished::new(&trial.id, &identity, record, timing, Owner::new())?;
        finished.training_seconds = training_seconds;
        finished.finished_unix_seconds = ended.unwrap_or(finished.finished_unix_seconds);
        Ok(finished)
    }

    /// Compares the report with what the store holds now, over the trials that both have, and says the outcome.
    ///
    /// # Errors
    /// When records cannot be read.
    pub(crate) fn compared(&self, plan: &Plan, set: usize) -> Result<Vec<String>> {
        let now: Vec<Record> = gather(plan, set, &mut |_| ())?
            .into_iter()
            .map(|finished| finished.record)
            .collect();
        let now = Rows::from_records(&now)?;
        let places = |rows: &Rows| -> BTreeSet<(String, u64)> {
            rows.trials().into_iter().map(|key| (key.variant, key.seed)).collect()
        };
        let shared: BTreeSet<(String, u64)> = places(&self.rows).intersection(&places(&now)).cloned().collect();
        let both = |key: &TrialKey| shared.contains(&(key.variant.clone(), key.seed));
        let comparison = compare(&self.rows.filtered(both), &now.filtered(both), 0.0)?;
        let (folder, trials) = (self.folder.display(), counted(shared.len() as u64, "trial"));
        let provenance = &self.manifest.provenance;
        let recorded_on = format!("{} at revision {:.8}", provenance.instruction_set, provenance.revision);
        if comparison.differences.is_empty() {
            let cells = comparison.cells;
            return Ok(vec![format!(
                "the rows of {trials} ({cells} values) equal, byte for byte, those that lay in {folder} (recorded on \
                 {recorded_on})"
            )]);
        }
        let places = counted(comparison.differences.len() as u64, "place");
        let mut lines = vec![format!(
            "the rows of {trials} differ in {places} from those that lay in {folder} (recorded on {recorded_on}):"
        )];
        lines.extend(
            comparison
                .differences
                .into_iter()
                .take(5)
                .map(|line| format!("  {line}")),
        );
        Ok(lines)
    }
}
