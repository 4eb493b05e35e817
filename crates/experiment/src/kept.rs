//! Files that trials keep beside their rows, and those of them that a report takes along.

use std::path::{Path, PathBuf};

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
    /// The name that the trial gave to [`RunningTrial::keep`](crate::RunningTrial::keep).
    pub file: String,
    /// The name in the report, which says what it is of: a file of that name that lies there already stays where the trial
    /// has none, as when its rows were taken up from the report.
    pub name: String,
}

/// Copies the files of a set's trials into its report, and removes those that it no longer takes along.
///
/// # Errors
/// When a file cannot be read, written or removed.
pub(crate) fn take_along(plan: &Plan, set: usize, wanted: &[Kept], report: &Path) -> Result<()> {
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

/// The files that a report has taken along from its trials ([`Experiment::kept`](crate::Experiment::kept)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptFiles {
    folder: PathBuf,
    names: Vec<String>,
}

impl KeptFiles {
    /// Lists the files of a report.
    pub(crate) fn of(report: &Path) -> Result<Self> {
        let folder = report.join(FOLDER);
        let found = files::entries_if_present(&folder).map_err(|e| Error::io("listing the folder", &folder, e))?;
        let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        let found = found.iter().filter(|path| !files::is_draft(path));
        let mut names: Vec<String> = found.filter_map(name).collect();
        names.sort();
        Ok(Self { folder, names })
    }

    /// Says whether there is a file of a name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Reads the file of a name; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if !self.contains(name) {
            return Ok(None);
        }
        let path = self.folder.join(name);
        files::read_if_present(&path).map_err(|e| Error::io("reading", &path, e))
    }
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
        assert_eq!(KeptFiles::of(folder.path()).unwrap().read("a").unwrap(), None);
        for name in ["b", "a"] {
            replace(&folder.path().join(FOLDER).join(name), b"1").unwrap();
        }
        let files = KeptFiles::of(folder.path()).unwrap();
        assert_eq!(files.names, ["a", "b"]);
        assert_eq!((files.contains("a"), files.contains("c")), (true, false));
        assert_eq!(files.read("b").unwrap().unwrap(), b"1");
    }
}
