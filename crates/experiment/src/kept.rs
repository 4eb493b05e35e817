//! Files that trials keep beside their rows, and those of them that a report takes along.

use std::fmt::Display;
use std::path::Path;

use espalier_report::files;

use crate::plan::Plan;
use crate::store::replace;
use crate::{Error, Result};

/// The folder of a report in which the files lie.
const FOLDER: &str = "files";

/// A file of one trial that the report of its data set takes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The trial's variant, as its text names it.
    pub variant: String,
    /// The trial's seed.
    pub seed: u64,
    /// The name that the trial gave to [`TrialContext::keep`](crate::TrialContext::keep).
    pub file: String,
    /// The name in the report, which says what it is of: a file of that name that lies there already stays where the trial
    /// has none, as when its rows were taken up from the report.
    pub name: String,
}

/// Copies the files of a set's trials into its report, and removes those that it no longer takes along.
///
/// # Errors
/// When a file cannot be read, written or removed.
pub(crate) fn take_along<V: Clone + Display>(plan: &Plan<V>, set: usize, wanted: &[Kept], report: &Path) -> Result<()> {
    let folder = report.join(FOLDER);
    for kept in wanted {
        let is_its = |seed: u64, variant: usize| seed == kept.seed && plan.names[variant] == kept.variant;
        let trial = plan.of_set(set).find(|trial| is_its(trial.seed, trial.variant));
        let Some(trial) = trial else { continue };
        if let Some(bytes) = plan.sets[set].store.kept(&trial.id, &kept.file)? {
            replace(&folder.join(&kept.name), &bytes)?;
        }
    }
    for path in files::entries_if_present(&folder).map_err(|e| Error::io("listing the folder", &folder, e))? {
        let named = |kept: &Kept| path.file_name().is_some_and(|name| name == kept.name.as_str());
        if !wanted.iter().any(named) {
            files::remove(&path).map_err(|e| Error::io("removing", &path, e))?;
        }
    }
    Ok(())
}

/// The names of the files that a report has taken along, in their order.
pub(crate) fn names(report: &Path) -> Result<Vec<String>> {
    let folder = report.join(FOLDER);
    let found = files::entries_if_present(&folder).map_err(|e| Error::io("listing the folder", &folder, e))?;
    let name = |path: &std::path::PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
    let mut names: Vec<String> = found
        .iter()
        .filter(|path| !files::is_draft(path))
        .filter_map(name)
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_trial_keeps_its_own_files_and_a_report_names_those_that_lie_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.keep("abcd", "net", b"first").unwrap();
        store.keep("abcd", "net", b"second").unwrap();
        store.tidy().unwrap();
        assert_eq!(store.kept("abcd", "net").unwrap().unwrap(), b"second");
        assert_eq!(store.kept("abce", "net").unwrap(), None);
        assert!(names(folder.path()).unwrap().is_empty());
        for name in ["b", "a"] {
            replace(&folder.path().join(FOLDER).join(name), b"1").unwrap();
        }
        assert_eq!(names(folder.path()).unwrap(), ["a", "b"]);
    }
}
