//! An answer that counts: of several candidates of which the same is asked, how many hold.

use serde::{Deserialize, Serialize};

use super::answer::{capital, kind};
use super::items::items;
use super::summary::{ClaimSummary, Summary};

/// Names that a sentence lists before it only counts.
const LISTED: usize = 6;

/// Claims that ask the same of several candidates, so that the answer is how many of them do it, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// What the candidates are, for instance `metrics`.
    pub of: String,
    /// What those do that are looked for, after *are shown to*: `tell the two data sets apart`.
    pub done: String,
    /// Whether a candidate does it where its claim is refuted, since the claim says that it does not.
    #[serde(default)]
    pub by_refutation: bool,
    /// The claims by name, each with its candidate.
    pub members: Vec<(String, String)>,
}

/// The candidates by what came out of them.
#[derive(Default)]
struct Sorted {
    does: Vec<String>,
    does_not: Vec<String>,
    open: Vec<String>,
}

impl Tally {
    /// Counts candidates, each with the name of its claim, that do what is looked for where their claim holds.
    #[must_use]
    pub fn new(of: &str, done: &str, members: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            of: of.to_owned(),
            done: done.to_owned(),
            by_refutation: false,
            members: members.into_iter().collect(),
        }
    }

    /// Counts those whose claim is refuted, since it says that they do not.
    #[must_use]
    pub fn by_refutation(mut self) -> Self {
        self.by_refutation = true;
        self
    }

    fn sorted(&self, claims: &[ClaimSummary]) -> Sorted {
        let mut sorted = Sorted::default();
        for (id, name) in &self.members {
            let verdict = claims
                .iter()
                .find(|claim| claim.id == *id)
                .map(|claim| kind(&claim.verdict));
            let side = match (verdict, self.by_refutation) {
                (Some("confirmed" | "by construction"), false) | (Some("refuted"), true) => &mut sorted.does,
                (Some("confirmed" | "by construction"), true) | (Some("refuted" | "artefact"), _) => {
                    &mut sorted.does_not
                }
                _ => &mut sorted.open,
            };
            side.push(match verdict {
                Some(built @ "by construction") => format!("{name}, {built}"),
                _ => name.clone(),
            });
        }
        sorted
    }

    /// `2 of 6 metrics are shown to tell the two data sets apart: total spread, components`.
    pub(super) fn phrase(&self, summary: &Summary) -> String {
        let does = self.sorted(&summary.claims).does;
        let shown = match does.len() {
            0 => "none".to_owned(),
            count => count.to_string(),
        };
        let verb = if does.len() < 2 { "is" } else { "are" };
        let names = match items(&does) {
            none if none.is_empty() => none,
            several if several.contains(';') => format!(" ({several})"),
            names => format!(": {names}"),
        };
        format!(
            "{shown} of {} {} {verb} shown to {}{names}",
            self.members.len(),
            self.of,
            self.done
        )
    }

    /// The phrase and what became of the others, as a sentence.
    pub(super) fn sentence(&self, summary: &Summary) -> String {
        let Sorted { does_not, open, .. } = self.sorted(&summary.claims);
        let rest = [("not", does_not), ("open", open)];
        let rest = rest
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| {
                let listed = if names.len() <= LISTED {
                    format!(" ({})", items(&names))
                } else {
                    String::new()
                };
                match (what, names.len()) {
                    ("open", 1) => format!("1 has no verdict{listed}"),
                    ("open", n) => format!("{n} have no verdict{listed}"),
                    (_, 1) => format!("1 does not{listed}"),
                    (_, n) => format!("{n} do not{listed}"),
                }
            });
        let parts: Vec<String> = std::iter::once(self.phrase(summary)).chain(rest).collect();
        format!("{}.", capital(&parts.join("; ")))
    }
}
