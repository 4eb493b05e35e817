//! Trials without a result of their own: those that diverged, and those that were not run.

use std::collections::BTreeMap;

use espalier_report::page::{Report, TableBlock, Verdict, Withheld};
use espalier_report::rows::{Record, Row, Rows, TrialKey};
use serde::{Deserialize, Serialize};

use crate::{AnyExperiment, AnyVariant, ReportContext, Result, Settings, counted};

/// Says that training diverged: the trial ends and is recorded with the worst outcome.
///
/// # Example
/// ```
/// use espalier_experiment::Diverged;
///
/// assert!(Diverged::check(None).is_ok());
/// assert_eq!(Diverged::check(Some(12)).unwrap_err().to_string(), "training diverged at step 12");
/// assert!(Diverged::check_scores(&[0.3, f64::NAN]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Diverged {
    reason: String,
}

impl Diverged {
    /// Says what is not finite.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// Ends the trial where training diverged at a step.
    ///
    /// # Errors
    /// [`Diverged`], to be passed on with `?`.
    pub fn check(step: Option<u64>) -> std::result::Result<(), Self> {
        step.map_or(Ok(()), |step| {
            Err(Self::new(format!("training diverged at step {step}")))
        })
    }

    /// Ends the trial where a score of the trained network is not finite.
    ///
    /// # Errors
    /// [`Diverged`], to be passed on with `?`.
    pub fn check_scores(scores: &[f64]) -> std::result::Result<(), Self> {
        let bad = scores.iter().find(|score| !score.is_finite());
        bad.map_or(Ok(()), |bad| {
            let found = if bad.is_nan() { "not a number" } else { "infinite" };
            Err(Self::new(format!("a score of the trained network is {found}")))
        })
    }
}

/// What a diverged trial records besides its experiment's own rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// What was not finite, and when.
    pub reason: String,
}

impl Row for Divergence {
    const TABLE: &'static str = "divergences";
}

/// Why a trial has no result of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// It diverged, which is an outcome: the worst.
    Diverged,
    /// No trial is recorded: it was left out, failed, or is still to be run.
    NotRun,
}

impl Missing {
    /// Returns the score that stands in: the worst for a trial that diverged, NaN for one that was not run.
    #[must_use]
    pub fn score(self, worst: f64) -> f64 {
        match self {
            Self::Diverged => worst,
            Self::NotRun => f64::NAN,
        }
    }

    /// Returns the accuracy that stands in: 0 or NaN.
    #[must_use]
    pub fn accuracy(self) -> f64 {
        self.score(0.0)
    }

    /// Returns the loss that stands in: infinite or NaN.
    #[must_use]
    pub fn loss(self) -> f64 {
        self.score(f64::INFINITY)
    }

    /// Says whether it diverged.
    #[must_use]
    pub fn diverged(self) -> bool {
        self == Self::Diverged
    }
}

/// A variant that lacks a result for some seeds, as [`Experiment::rests_on`](crate::Experiment::rests_on) is asked about it.
#[derive(Clone, Copy)]
pub struct Absent<'a, V> {
    /// The variant.
    pub variant: &'a V,
    /// Why it lacks a result.
    pub missing: Missing,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// Tells whether another variant lacks a result for the same reason, for instance the other configuration of an arm.
    pub lacks: &'a dyn Fn(&V) -> bool,
}

/// The rows that stand in for a trial: what the experiment says, in tables that the trial has not filled itself.
pub(crate) fn stand_in(
    experiment: &dyn AnyExperiment,
    variant: &AnyVariant,
    settings: &Settings,
    missing: Missing,
    record: &mut Record,
) -> anyhow::Result<()> {
    let mut rows = Record::new(record.key.clone());
    experiment.stand_in(variant, settings, missing, &mut rows)?;
    for (name, table) in rows.tables {
        let own = record.tables.entry(name).or_insert_with(|| table.clone());
        if own.rows().is_empty() {
            *own = table;
        }
    }
    Ok(())
}

/// A variant of which trials have no result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lacking {
    /// Its place in the list of variants.
    variant: usize,
    name: String,
    dataset: String,
    missing: Missing,
    seeds: Vec<u64>,
    /// Out of how many seeds.
    of: usize,
    /// The first reason.
    reason: String,
}

/// Rows in which every variant has every seed, and which of them have no result.
pub(crate) struct Completed {
    pub(crate) rows: Rows,
    pub(crate) seeds: Vec<u64>,
    pub(crate) lacking: Vec<Lacking>,
}

/// Looks which planned trials of a data set have no result, and puts rows in the place of those that were not run.
pub(crate) fn complete(
    experiment: &dyn AnyExperiment,
    rows: &Rows,
    context: &ReportContext,
    dataset: &str,
) -> anyhow::Result<Completed> {
    let variants = experiment.variants(&context.settings)?;
    let mut recorded: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for key in rows.trials() {
        recorded.entry(key.variant).or_default().push(key.seed);
    }
    let seeds = shared_or_all(&context.seeds, &recorded);
    let mut lacking = diverged(rows, &seeds)?;
    let mut records = Vec::new();
    for (place, variant) in variants.iter().enumerate() {
        let name = variant.to_string();
        let has = |seed: &&u64| !recorded.get(&name).is_some_and(|seeds| seeds.contains(seed));
        let absent: Vec<u64> = seeds.iter().filter(has).copied().collect();
        for &seed in &absent {
            // No record has such an id: those are hashes.
            let id = format!("not run: {name}, {dataset}, {seed}");
            let mut record = Record::new(TrialKey::new(&id, &name, dataset, seed));
            stand_in(experiment, variant, &context.settings, Missing::NotRun, &mut record)?;
            if record.tables.values().any(|table| !table.rows().is_empty()) {
                experiment.record_variant(variant, &mut record)?;
                records.push(record);
            }
        }
        if !absent.is_empty() {
            lacking.push(Lacking {
                variant: place,
                name,
                dataset: dataset.to_owned(),
                missing: Missing::NotRun,
                seeds: absent,
                of: seeds.len(),
                reason: "no trial is recorded".to_owned(),
            });
        }
    }
    for lack in &mut lacking {
        lack.variant = variants
            .iter()
            .position(|v| v.to_string() == lack.name)
            .unwrap_or(usize::MAX);
        dataset.clone_into(&mut lack.dataset);
    }
    let rows = if records.is_empty() {
        rows.clone()
    } else {
        rows.joined(&Rows::from_records(&records)?)?
    };
    Ok(Completed { rows, seeds, lacking })
}

/// The seeds that all recorded variants share; where they share none, all that any has.
fn shared_or_all(shared: &[u64], recorded: &BTreeMap<String, Vec<u64>>) -> Vec<u64> {
    if !shared.is_empty() {
        return shared.to_vec();
    }
    let mut all: Vec<u64> = recorded.values().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn diverged(rows: &Rows, seeds: &[u64]) -> Result<Vec<Lacking>> {
    if !rows.table_names().contains(&Divergence::TABLE) {
        return Ok(Vec::new());
    }
    let mut lacking: Vec<Lacking> = Vec::new();
    for keyed in rows
        .get::<Divergence>()?
        .into_iter()
        .filter(|keyed| seeds.contains(&keyed.key.seed))
    {
        if let Some(known) = lacking.iter_mut().find(|known| known.name == keyed.key.variant) {
            known.seeds.push(keyed.key.seed);
            continue;
        }
        lacking.push(Lacking {
            variant: usize::MAX,
            name: keyed.key.variant,
            dataset: String::new(),
            missing: Missing::Diverged,
            seeds: vec![keyed.key.seed],
            of: seeds.len(),
            reason: keyed.row.reason,
        });
    }
    Ok(lacking)
}

/// Says on the page which trials have no result, and leaves claims open that rest on them.
pub(crate) fn tell(
    experiment: &dyn AnyExperiment,
    context: &ReportContext,
    lacking: &[Lacking],
    report: &mut Report,
) -> anyhow::Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let variants = experiment.variants(&context.settings)?;
    for claim in &mut report.claims {
        let own: Vec<&Lacking> = lacking
            .iter()
            .filter(|lack| {
                let lacks = |other: &AnyVariant| {
                    let name = other.to_string();
                    lacking.iter().any(|l| l.name == name && l.missing == lack.missing)
                };
                let absent = |variant| Absent {
                    variant,
                    missing: lack.missing,
                    settings: &context.settings,
                    lacks: &lacks,
                };
                let variant = variants.get(lack.variant);
                variant.is_none_or(|variant| experiment.rests_on(&claim.id, &absent(variant)))
            })
            .collect();
        if let Some(verdict) = verdict(&own) {
            *claim = claim.clone().without_verdict(verdict);
        }
    }
    let summary = summary(lacking);
    for plate in &mut report.figures {
        plate.figure.subtitle = joined(&plate.figure.subtitle, ", ", &summary);
    }
    for claim in &mut report.claims {
        claim.text = dashes(&claim.text);
    }
    for table in &mut report.tables {
        for cell in table.rows.iter_mut().flatten() {
            *cell = dashes(cell);
        }
        table.note = joined(&table.note, " ", &format!("{summary}."));
    }
    report.tables.push(table(lacking));
    if lacking.iter().any(|lack| lack.missing.diverged()) {
        report.notes.push(RULE.to_owned());
        if report.claims.is_empty() {
            let said = summary.replace("diverged", "**diverged**");
            report.notes.push(format!(
                "No claim here rests on trials without a result; of all trials {said}."
            ));
        }
    }
    Ok(())
}

/// What a diverged trial counts as.
const RULE: &str = "A trial diverges when its loss, its weights or a score of the trained network are not finite. It is recorded, and \
    counts as the worst outcome: accuracy 0, loss ∞. Other numbers of such a network are left out, and a claim that rests on one is \
    not judged.";

fn verdict(own: &[&Lacking]) -> Option<Verdict> {
    let of = |missing: Missing| -> Vec<&Lacking> { own.iter().copied().filter(|l| l.missing == missing).collect() };
    let (not_run, diverged) = (of(Missing::NotRun), of(Missing::Diverged));
    if !not_run.is_empty() {
        return Some(Verdict::withheld(Withheld::NotRun, &listed(&not_run)));
    }
    (!diverged.is_empty()).then(|| Verdict::withheld(Withheld::Diverged, &listed(&diverged)))
}

/// Names up to three variants with the number of their trials.
fn listed(lacking: &[&Lacking]) -> String {
    let name = |lack: &&Lacking| format!("`{}` ({} of {})", lack.name, lack.seeds.len(), lack.of);
    let mut parts: Vec<String> = lacking.iter().take(3).map(name).collect();
    if lacking.len() > 3 {
        parts.push(format!("{} more", counted(lacking.len() as u64 - 3, "variant")));
    }
    parts.join(", ")
}

/// How many trials diverged or were not run.
fn summary(lacking: &[Lacking]) -> String {
    let count = |missing: Missing| -> usize {
        lacking
            .iter()
            .filter(|l| l.missing == missing)
            .map(|l| l.seeds.len())
            .sum()
    };
    let parts = [
        (count(Missing::Diverged), "diverged"),
        (count(Missing::NotRun), "not run"),
    ];
    let said = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", counted(*count as u64, "trial")));
    said.collect::<Vec<_>>().join(", ")
}

/// A number that is not there is shown as a dash.
fn dashes(text: &str) -> String {
    text.replace("NaN", "–")
}

fn joined(text: &str, between: &str, more: &str) -> String {
    if text.is_empty() {
        more.to_owned()
    } else {
        format!("{text}{between}{more}")
    }
}

fn table(lacking: &[Lacking]) -> TableBlock {
    let row = |lack: &Lacking| {
        let seeds: Vec<String> = lack.seeds.iter().map(u64::to_string).collect();
        let what = if lack.missing.diverged() { "diverged" } else { "not run" };
        vec![
            lack.name.clone(),
            lack.dataset.clone(),
            what.to_owned(),
            seeds.join(", "),
            lack.reason.clone(),
        ]
    };
    TableBlock {
        title: "Trials without a result".to_owned(),
        header: ["variant", "data", "what", "seeds", "first reason"]
            .map(str::to_owned)
            .to_vec(),
        rows: lacking.iter().map(row).collect(),
        note: String::new(),
    }
}

/// The page where the experiment's own statistics have no answer with these trials missing.
pub(crate) fn bare(experiment: &dyn AnyExperiment, context: &ReportContext, error: &anyhow::Error) -> Report {
    Report {
        notes: vec![format!(
            "Without the trials that have no result, statistics and figures are not defined: {error:#}."
        )],
        ..context.page(&experiment.about())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{About, Erased, Experiment, Golden, Preset, TrialContext};
    use espalier_report::figure::Figure;
    use espalier_report::page::{Claim, Margin, Plate, Provenance};
    use espalier_report::rows::blank;
    use espalier_report::statistics::{Estimate, mean};

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Score {
        arm: String,
        accuracy: f64,
        norm: f64,
    }
    impl Row for Score {
        const TABLE: &'static str = "scores";
    }

    /// Two arms; the claim `left` reads one of them.
    struct Toy;

    impl Experiment for Toy {
        type Variant = String;

        fn about(&self) -> About {
            About {
                name: "toy",
                title: "Is left above right?",
                study: "",
                summary: "",
            }
        }
        fn golden(&self) -> Golden {
            Golden::word("toy")
        }
        fn settings(&self, _: &Preset) -> Settings {
            Settings::new(2)
        }
        fn variants(&self, _: &Settings) -> anyhow::Result<Vec<String>> {
            Ok(vec!["left".to_owned(), "right".to_owned()])
        }
        fn datasets(&self) -> Vec<&'static str> {
            Vec::new()
        }
        fn trial(&self, _: &mut TrialContext<'_, String>) -> anyhow::Result<()> {
            Ok(())
        }
        fn stand_in(&self, arm: &String, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
            Ok(rows.push(&Score {
                arm: arm.clone(),
                accuracy: missing.accuracy(),
                ..blank()?
            })?)
        }
        fn rests_on(&self, claim: &str, absent: &Absent<'_, String>) -> bool {
            claim == "both" || claim == absent.variant
        }
        fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
            let all = rows.get::<Score>()?;
            let of = |arm: &str| -> anyhow::Result<f64> {
                let scores: Vec<f64> = all
                    .iter()
                    .filter(|s| s.row.arm == arm)
                    .map(|s| s.row.accuracy)
                    .collect();
                anyhow::ensure!(scores.len() == context.seeds.len(), "{arm}: {} scores", scores.len());
                Ok(mean(&scores)?)
            };
            let claim = |id: &str, value: f64| {
                Claim::new(id, id).judged(Estimate::point(value, 0.95), Margin::GreaterThan(0.5), 6)
            };
            Ok(Report {
                claims: vec![claim("left", of("left")?), claim("both", of("left")? - of("right")?)],
                figures: vec![Plate::new(
                    Figure::new("scores", "Scores").subtitle("2 seeds"),
                    "scores",
                    "scores",
                )],
                ..context.page(&self.about())
            })
        }
    }

    fn record(arm: &str, seed: u64) -> Record {
        let mut record = Record::new(TrialKey::new(&format!("{arm}{seed}"), arm, "no-data", seed));
        let score = Score {
            arm: arm.to_owned(),
            accuracy: 0.9,
            norm: 1.0,
        };
        record.push(&score).unwrap();
        record
    }

    fn diverged(arm: &str, seed: u64) -> Record {
        let mut record = Record::new(TrialKey::new(&format!("{arm}{seed}"), arm, "no-data", seed));
        let settings = Settings::new(2);
        let variants = Erased(&Toy).variants(&settings).unwrap();
        let variant = variants.iter().find(|variant| variant.to_string() == arm).unwrap();
        stand_in(&Erased(&Toy), variant, &settings, Missing::Diverged, &mut record).unwrap();
        let reason = "training diverged at step 3".to_owned();
        record.push(&Divergence { reason }).unwrap();
        record
    }

    fn page(records: &[Record], shared: &[u64]) -> Report {
        let context = ReportContext {
            preset: Preset::Quick,
            settings: Settings::new(2),
            dataset: "no-data".to_owned(),
            seeds: shared.into(),
            provenance: Provenance::default(),
            files: crate::KeptFiles::default(),
        };
        let rows = Rows::from_records(records).unwrap();
        let whole = complete(&Erased(&Toy), &rows, &context, "no-data").unwrap();
        let context = ReportContext {
            seeds: whole.seeds.into(),
            ..context
        };
        let mut report = Toy.report(&whole.rows, &context).unwrap();
        tell(&Erased(&Toy), &context, &whole.lacking, &mut report).unwrap();
        report
    }

    fn words(report: &Report) -> Vec<&'static str> {
        report.claims.iter().map(|claim| claim.verdict.word()).collect()
    }

    #[test]
    fn a_page_of_whole_rows_says_nothing_more() {
        let all = [
            record("left", 0),
            record("left", 1),
            record("right", 0),
            record("right", 1),
        ];
        let report = page(&all, &[0, 1]);
        assert_eq!(words(&report), ["confirmed", "refuted"]);
        assert!(report.tables.is_empty() && report.notes.is_empty());
        assert_eq!(report.figures[0].figure.subtitle, "2 seeds");
    }

    #[test]
    fn a_diverged_trial_counts_as_the_worst_and_leaves_only_claims_about_it_open() {
        let all = [
            record("left", 0),
            record("left", 1),
            record("right", 0),
            diverged("right", 1),
        ];
        let report = page(&all, &[0, 1]);
        assert_eq!(words(&report), ["confirmed", "diverged"]);
        // 0.9 − (0.9 + 0) / 2
        assert!((report.claims[1].ours.unwrap().value - 0.45).abs() < 1e-12);
        assert_eq!(report.claims[1].verdict.reason(), Some("`right` (1 of 2)"));
        assert_eq!(
            report.tables[0].rows[0][2..],
            ["diverged", "1", "training diverged at step 3"]
        );
        assert_eq!(report.figures[0].figure.subtitle, "2 seeds, 1 trial diverged");
        assert!(report.notes[0].contains("worst outcome"));
    }

    #[test]
    fn a_variant_without_a_trial_is_named_and_has_no_number() {
        let report = page(&[record("left", 0), record("left", 1)], &[0, 1]);
        assert_eq!(words(&report), ["confirmed", "not run"]);
        assert_eq!(report.claims[1].ours, None);
        assert_eq!(report.claims[1].verdict.reason(), Some("`right` (2 of 2)"));
        assert_eq!(report.figures[0].figure.subtitle, "2 seeds, 2 trials not run");
    }

    #[test]
    fn variants_that_share_no_seed_are_shown_on_all_seeds_that_there_are() {
        let report = page(&[record("left", 0), record("right", 1)], &[]);
        assert_eq!(words(&report), ["not run", "not run"]);
        assert_eq!(report.tables[0].rows.len(), 2);
    }
}
