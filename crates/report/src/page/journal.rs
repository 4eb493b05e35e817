//! What the studies believed, entry by entry, and what holds today by the claims of recorded reports.

use std::path::Path;

use serde::Deserialize;

use super::answer::{counted, number};
use super::length::weight;
use super::markdown::{line, link, table, without_tags};
use super::{ClaimSummary, Entry, set_in_print};
use crate::figure::typeset;
use crate::{Error, Result, files};

/// The file below all reports that holds what the studies believed.
pub const JOURNAL: &str = "journal.toml";

/// What the studies believed, in the order of their numbers and dates.
///
/// # Example
/// ```
/// use espalier_report::page::Journal;
///
/// let journal = Journal::parse(
///     r#"
///     [[study]]
///     number = "003"
///     title = "a journal"
///     source = "an archive"
///     [[study.entry]]
///     id = "J1"
///     title = "Spread"
///     believed = "the spread tells the size"
///     tests = [{ experiment = "mnist-variance", claims = ["J1-*"] }]
///     "#,
/// )?;
/// assert_eq!(journal.study[0].entry[0].tests[0].claims, ["J1-*"]);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The studies.
    pub study: Vec<Believer>,
}

/// A study with what it believed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Believer {
    /// Its number, for instance `003`.
    pub number: String,
    /// Its name.
    pub title: String,
    /// Where it stands.
    pub source: String,
    /// Its entries in order.
    #[serde(default)]
    pub entry: Vec<Belief>,
}

/// One entry of a study.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Belief {
    /// A short name, unique in the journal.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// When it was written; may be empty.
    #[serde(default)]
    pub date: String,
    /// What was believed.
    pub believed: String,
    /// The claims that test it.
    #[serde(default)]
    pub tests: Vec<Test>,
}

/// Claims of an experiment that test a belief; all of them where none is named. A name with `*` at its end stands for all
/// that begin so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The experiment.
    pub experiment: String,
    /// Claims that recorded reports have.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Claims that the experiment declares and no recorded report has yet, with what they wait for.
    #[serde(default)]
    pub later: Vec<String>,
}

impl Test {
    fn patterns(&self) -> Vec<&str> {
        let named: Vec<&str> = self.claims.iter().chain(&self.later).map(String::as_str).collect();
        if named.is_empty() { vec!["*"] } else { named }
    }
}

impl Journal {
    /// Reads a journal from TOML.
    ///
    /// # Errors
    /// The parser's words, with the line.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Reads the journal below all reports; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::File`], and [`Error::Journal`] with what is wrong in it.
    pub fn read(reports: &Path) -> Result<Option<Self>> {
        let path = reports.join(JOURNAL);
        if !files::exists(&path).map_err(Error::file("look for", &path))? {
            return Ok(None);
        }
        let bytes = files::read(&path).map_err(Error::file("read", &path))?;
        let fail = |reason| Error::Journal {
            path: path.clone(),
            reason,
        };
        let journal = Self::parse(&String::from_utf8_lossy(&bytes)).map_err(fail)?;
        let ids: Vec<&str> = journal.entries().map(|entry| entry.id.as_str()).collect();
        match ids.iter().enumerate().find(|(place, id)| ids[..*place].contains(id)) {
            Some((_, id)) => Err(fail(format!("two entries are called `{id}`"))),
            None => Ok(Some(journal)),
        }
    }

    /// All entries of all studies.
    pub fn entries(&self) -> impl Iterator<Item = &Belief> {
        self.study.iter().flat_map(|study| &study.entry)
    }
}

/// Whether a claim's name fits a pattern, in which `*` at the end stands for anything.
#[must_use]
pub fn fits(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => id.starts_with(start),
        None => id == pattern,
    }
}

/// A claim on one data set, from the longest report that ran it.
pub(super) struct Held<'e> {
    pub(super) entry: &'e Entry,
    pub(super) claim: &'e ClaimSummary,
    pub(super) set: &'e str,
}

/// What is known today of one claim of an entry.
pub(super) enum Today<'e> {
    /// The claim on each data set.
    Tested(Vec<Held<'e>>),
    /// Nothing is recorded: the experiment, and what of it.
    NotRun(&'e str, &'e str),
}

fn set_of(entry: &Entry) -> &str {
    entry.folder.rsplit('/').nth(1).unwrap_or_default()
}

/// All that the reports say of a belief, in the order in which its tests name claims.
pub(super) fn today<'e>(belief: &'e Belief, entries: &'e [Entry]) -> Vec<Today<'e>> {
    let mut found = Vec::new();
    for test in &belief.tests {
        let own: Vec<&Entry> = entries.iter().filter(|e| e.summary.name == test.experiment).collect();
        for pattern in test.patterns() {
            let ids = ids_of(&own, pattern);
            if ids.is_empty() {
                found.push(Today::NotRun(&test.experiment, pattern));
            }
            found.extend(ids.into_iter().map(|id| Today::Tested(of_sets(&own, id))));
        }
    }
    found
}

fn ids_of<'e>(own: &[&'e Entry], pattern: &str) -> Vec<&'e str> {
    let mut ids: Vec<&str> = Vec::new();
    for claim in own.iter().flat_map(|entry| &entry.summary.claims) {
        if fits(pattern, &claim.id) && !ids.contains(&claim.id.as_str()) {
            ids.push(&claim.id);
        }
    }
    ids
}

/// A claim on each data set: of the reports that ran it the one with the longest training.
fn of_sets<'e>(own: &[&'e Entry], id: &str) -> Vec<Held<'e>> {
    let mut held: Vec<Held<'e>> = Vec::new();
    let ran = |claim: &ClaimSummary| claim.verdict != "not run";
    for entry in own {
        let Some(claim) = entry.summary.claims.iter().find(|claim| claim.id == id) else {
            continue;
        };
        let (set, here) = (
            set_of(entry),
            Held {
                entry,
                claim,
                set: set_of(entry),
            },
        );
        match held.iter_mut().find(|known| known.set == set) {
            None => held.push(here),
            Some(known) if (ran(claim), weight(entry)) > (ran(known.claim), weight(known.entry)) => *known = here,
            Some(_) => {}
        }
    }
    held
}

/// A pattern as a reader takes it; nothing for all claims.
pub(super) fn named(pattern: &str) -> String {
    match pattern {
        "*" => String::new(),
        pattern => pattern.replace('*', "…"),
    }
}

/// The claims of all that was tested.
pub(super) fn claims<'e>(today: &[Today<'e>]) -> Vec<ClaimSummary> {
    let held = today.iter().flat_map(|now| match now {
        Today::Tested(held) => held.as_slice(),
        Today::NotRun(..) => &[],
    });
    held.map(|held| held.claim.clone()).collect()
}

/// What came of an entry in one phrase.
pub(super) fn outcome(today: &[Today<'_>]) -> String {
    let claims = claims(today);
    match (today.is_empty(), claims.is_empty()) {
        (true, _) => "no claim tests it".to_owned(),
        (false, true) => "not run".to_owned(),
        (false, false) => counted(&claims),
    }
}

/// The same as markdown.
pub(super) fn markdown(journal: &Journal, entries: &[Entry]) -> String {
    let mut blocks = vec![
        "# The journal: what was believed, and what holds today".to_owned(),
        "Each entry of the five studies in order, with the verdicts of the claims that test it, each from the report with \
         the longest training. [The page for a browser](index.html) shows intervals and links to every claim."
            .to_owned(),
    ];
    for study in &journal.study {
        blocks.push(format!(
            "## Study {}: {}\n\nSource: {}",
            study.number,
            line(&study.title),
            line(&study.source)
        ));
        blocks.extend(study.entry.iter().map(|belief| of_belief(belief, entries)));
    }
    without_tags(&blocks.join("\n\n")) + "\n"
}

fn of_belief(belief: &Belief, entries: &[Entry]) -> String {
    let today = today(belief, entries);
    let date = match belief.date.as_str() {
        "" => String::new(),
        date => format!(" ({date})"),
    };
    let mut text = format!(
        "### {} · {}\n\n**Believed{date}:** {}\n\n**Today:** {}.",
        belief.id,
        line(&belief.title),
        line(&belief.believed),
        outcome(&today)
    );
    let rows: Vec<Vec<String>> = today.iter().flat_map(rows).collect();
    if !rows.is_empty() {
        let header = ["claim", "data", "verdict", "ours", "the study"];
        text = format!("{text}\n\n{}", table(&header, &rows));
    }
    text
}

fn rows(now: &Today<'_>) -> Vec<Vec<String>> {
    let held = match now {
        Today::NotRun(experiment, pattern) => {
            let what = format!("`{experiment}` {}", named(pattern)).trim_end().to_owned();
            return vec![vec![
                what,
                String::new(),
                "not run".to_owned(),
                String::new(),
                String::new(),
            ]];
        }
        Today::Tested(held) => held,
    };
    let row = |held: &Held<'_>| {
        vec![
            format!(
                "{}: {}",
                held.claim.id,
                typeset(&line(held.claim.said())).replace('*', "\\*")
            ),
            format!(
                "[{}](../{}/README.md)",
                set_in_print(held.set),
                link(&held.entry.folder)
            ),
            held.claim.verdict.clone(),
            number(held.claim).unwrap_or_default(),
            line(&held.claim.study_value).replace('*', "\\*"),
        ]
    };
    let mut rows: Vec<Vec<String>> = held.iter().map(row).collect();
    // A claim that several data sets test stands once.
    for place in (1..rows.len()).rev() {
        if rows[place][0] == rows[place - 1][0] {
            rows[place][0].clear();
        }
    }
    rows
}
