//! The committed digests: read, compared, renewed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::hex;
use crate::store::replace;
use crate::{Error, Result};

/// The digest of each table of each golden run.
pub(crate) type Digests = BTreeMap<String, BTreeMap<String, String>>;

/// What a golden file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenFile {
    /// What stands for the code in a trial's identity; empty before the first renewal.
    #[serde(default)]
    pub(crate) identity: String,
    /// The digests by instruction set, run and table.
    #[serde(default)]
    pub(crate) sets: BTreeMap<String, Digests>,
}

/// A golden run that does not give what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Its rows are others, in these tables.
    Changed(String, Vec<String>),
    /// The file knows it, and the experiment no longer has it.
    Gone(String),
    /// The experiment has it, or a table of it, and the file does not know it.
    New(String),
    /// The experiment has it, or a table of it, and the file knows it on another instruction set alone.
    Elsewhere(String),
}

impl Difference {
    /// Tells whether rows that were recorded before may be others than the code gives now.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Changed(..) | Self::Gone(_))
    }

    /// Tells whether the digests are to be renewed here: a run that they hold on another instruction set need not be.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Self::Elsewhere(_))
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed(run, tables) => write!(f, "{run}: other rows than recorded in {}", tables.join(", ")),
            Self::Gone(run) => write!(f, "{run}: recorded, and not run any more"),
            Self::New(run) => write!(f, "{run}: not recorded yet"),
            Self::Elsewhere(run) => write!(f, "{run}: recorded on another instruction set alone"),
        }
    }
}

impl GoldenFile {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Error::json(format!("reading {path}"), e))
    }

    /// Lists in what the runs differ from the digests of an instruction set; `None` when there are none.
    pub(crate) fn differences(&self, set: &str, found: &Digests) -> Option<Vec<Difference>> {
        let recorded = self.sets.get(set)?;
        let changed = recorded.iter().filter_map(|(run, tables)| match found.get(run) {
            None => Some(Difference::Gone(run.clone())),
            Some(now) => {
                let differing = differing(tables, now);
                (!differing.is_empty()).then(|| Difference::Changed(run.clone(), differing))
            }
        });
        let new = found.iter().filter_map(|(run, tables)| match recorded.get(run) {
            None => Some(self.unknown(run, tables.keys(), run.clone())),
            Some(known) => {
                let new: Vec<&String> = tables.keys().filter(|name| !known.contains_key(*name)).collect();
                let names: Vec<&str> = new.iter().map(|name| name.as_str()).collect();
                (!new.is_empty())
                    .then(|| self.unknown(run, new.iter().copied(), format!("{run}, {}", names.join(", "))))
            }
        });
        Some(changed.chain(new).collect())
    }

    /// Says whether another instruction set's list holds these tables of a run.
    fn unknown<'a>(&self, run: &str, mut tables: impl Iterator<Item = &'a String>, words: String) -> Difference {
        let is_held = |table: &String| {
            let mut lists = self.sets.values().filter_map(|runs| runs.get(run));
            lists.any(|known| known.contains_key(table))
        };
        if tables.all(is_held) {
            Difference::Elsewhere(words)
        } else {
            Difference::New(words)
        }
    }

    /// Takes the runs' digests in.
    ///
    /// A changed or vanished run or table makes a new identity and drops the digests of other instruction sets, which were
    /// those of the code before; a new run, a new table, or a further instruction set, leaves the identity alone.
    pub(crate) fn renewed(mut self, set: &str, found: Digests) -> Self {
        let changed = self
            .differences(set, &found)
            .is_some_and(|differences| differences.iter().any(Difference::is_change));
        if changed {
            self.sets.clear();
        }
        if changed || self.identity.is_empty() {
            self.identity = identity_of(set, &found);
        }
        self.sets.insert(set.to_owned(), found);
        self
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| Error::json("encoding golden digests", e))?;
        text.push('\n');
        replace(path, text.as_bytes())
    }
}

/// The recorded tables that are others now, or gone.
fn differing(recorded: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |name: &&String| recorded.get(*name) != found.get(*name);
    recorded.keys().filter(differs).cloned().collect()
}

fn identity_of(set: &str, found: &Digests) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{set}\n"));
    for (run, tables) in found {
        hasher.update(format!("{run}\n"));
        for (table, digest) in tables {
            hasher.update(format!("{table} {digest}\n"));
        }
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(runs: &[(&str, &str)]) -> Digests {
        let tables = |digest: &str| BTreeMap::from([("ends".to_owned(), digest.to_owned())]);
        runs.iter()
            .map(|(run, digest)| ((*run).to_owned(), tables(digest)))
            .collect()
    }

    fn recorded() -> GoldenFile {
        GoldenFile::default()
            .renewed("wide", digests(&[("a", "1"), ("b", "2")]))
            .renewed("narrow", digests(&[("a", "8"), ("b", "9")]))
    }

    #[test]
    fn a_further_instruction_set_or_a_new_run_leaves_the_identity_alone() {
        let first = GoldenFile::default().renewed("wide", digests(&[("a", "1"), ("b", "2")]));
        assert_eq!(first.identity.len(), 64);
        assert_eq!(recorded().identity, first.identity);
        let more = recorded().renewed("wide", digests(&[("a", "1"), ("b", "2"), ("c", "3")]));
        assert_eq!(more.identity, first.identity);
        assert_eq!(more.sets.len(), 2);
    }

    #[test]
    fn a_changed_or_vanished_run_makes_a_new_identity_and_drops_other_sets() {
        for found in [digests(&[("a", "1"), ("b", "3")]), digests(&[("a", "1")])] {
            let renewed = recorded().renewed("wide", found);
            assert_ne!(renewed.identity, recorded().identity);
            assert_eq!(renewed.sets.len(), 1);
        }
    }

    #[test]
    fn a_table_more_leaves_the_identity_alone_and_one_less_does_not() {
        let mut found = digests(&[("a", "1"), ("b", "2")]);
        found.get_mut("a").unwrap().insert("more".to_owned(), "5".to_owned());
        let differences = recorded().differences("wide", &found).unwrap();
        assert_eq!(differences, [Difference::New("a, more".to_owned())]);
        let more = recorded().renewed("wide", found.clone());
        assert_eq!(more.identity, recorded().identity);
        assert_eq!(more.differences("wide", &found), Some(Vec::new()));
        let whole = GoldenFile::default().renewed("wide", found);
        let less = whole.clone().renewed("wide", digests(&[("a", "1"), ("b", "2")]));
        assert_ne!(less.identity, whole.identity);
    }

    #[test]
    fn a_run_or_table_that_another_instruction_set_holds_is_no_fault() {
        let mut more = digests(&[("a", "1"), ("b", "2"), ("c", "3")]);
        more.get_mut("a").unwrap().insert("more".to_owned(), "5".to_owned());
        let file = recorded().renewed("wide", more);
        let mut found = digests(&[("a", "8"), ("b", "9"), ("c", "7")]);
        found.get_mut("a").unwrap().insert("more".to_owned(), "6".to_owned());
        let differences = file.differences("narrow", &found).unwrap();
        let expected = [
            Difference::Elsewhere("a, more".into()),
            Difference::Elsewhere("c".into()),
        ];
        assert_eq!(differences, expected);
        assert!(!differences.iter().any(|one| one.is_fault() || one.is_change()));
        found.get_mut("c").unwrap().insert("unheard".to_owned(), "7".to_owned());
        let differences = file.differences("narrow", &found).unwrap();
        assert_eq!(differences[1], Difference::New("c".into()));
        assert!(differences[1].is_fault());
    }

    #[test]
    fn differences_name_runs_and_tables() {
        let found = digests(&[("a", "5"), ("c", "3")]);
        let differences = recorded().differences("wide", &found).unwrap();
        let expected = [
            Difference::Changed("a".into(), vec!["ends".into()]),
            Difference::Gone("b".into()),
            Difference::New("c".into()),
        ];
        assert_eq!(differences, expected);
        assert_eq!(recorded().differences("other", &found), None);
    }

    #[test]
    fn the_file_comes_back_as_it_was_and_unknown_fields_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.json");
        recorded().write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(GoldenFile::parse("golden.json", &text).unwrap(), recorded());
        let error = GoldenFile::parse("golden.json", "{\"digests\": {}}").unwrap_err();
        assert!(error.to_string().contains("golden.json"), "{error}");
    }
}
