//! What changes a trial's identity, and what does not.

use std::collections::BTreeMap;

use espalier_data::LoadOptions;
use espalier_report::page::Report;
use espalier_report::rows::{Row, Rows};
use serde::{Deserialize, Serialize};

use super::{Difference, Digests, Golden, GoldenFile, train};
use crate::signals::Leave;
use crate::{About, Erased, Experiment, Preset, ReportContext, Settings, TrialContext};

#[derive(Serialize, Deserialize)]
struct Share {
    ink: f64,
}

impl Row for Share {
    const TABLE: &'static str = "shares";
}

#[derive(Serialize, Deserialize)]
struct Clock {
    seconds: f64,
}

impl Row for Clock {
    const TABLE: &'static str = "timings-clock";
}

/// One experiment in several wordings: how the sum is written, which constant it has, what the page says.
struct Ink {
    ink: fn(&[f32]) -> f64,
    title: &'static str,
}

/// Sums up pixels above the background.
fn plain(pixels: &[f32]) -> f64 {
    pixels
        .iter()
        .filter(|pixel| **pixel > 0.0)
        .map(|pixel| f64::from(*pixel))
        .sum()
}

// The same with other names and in another form.
fn reworded(row: &[f32]) -> f64 {
    let threshold = 0.0;
    let mut total = 0.0;
    for &value in row {
        if value > threshold {
            total += f64::from(value);
        }
    }
    total
}

/// The same with another constant.
fn changed(pixels: &[f32]) -> f64 {
    pixels
        .iter()
        .filter(|pixel| **pixel > 0.5)
        .map(|pixel| f64::from(*pixel))
        .sum()
}

impl Experiment for Ink {
    type Variant = &'static str;

    fn about(&self) -> About {
        About {
            name: "ink",
            title: self.title,
            study: "",
            summary: "",
        }
    }

    fn golden(&self) -> Golden {
        Golden::file("ink.json", "{}").run(Preset::Quick, "mnist", &["rows=20"], &["sum"])
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(2).integer("rows", 100, "")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
        Ok(vec!["sum", "other"])
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["mnist"]
    }

    fn load_options(&self, _: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(LoadOptions::default())
    }

    fn trial(&self, context: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
        let rows = context.settings().count("rows")?;
        let data = context.dataset()?.clone();
        let ink = (0..rows).map(|row| (self.ink)(data.train.row(row))).sum();
        context.record(&Share { ink })?;
        let seconds = std::time::SystemTime::now()
            .elapsed()
            .map_or(0.0, |time| time.as_secs_f64());
        Ok(context.record(&Clock { seconds })?)
    }

    fn report(&self, rows: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        let question = format!("{} of {} trials", self.title, rows.trials().len());
        Ok(Report {
            question,
            ..Report::default()
        })
    }
}

fn ink(ink: fn(&[f32]) -> f64, title: &'static str) -> Ink {
    Ink { ink, title }
}

fn digests(experiment: &Ink, factor: f32) -> Digests {
    train(&Erased(experiment), &experiment.golden(), factor, &Leave::default()).unwrap()
}

/// The identity after a renewal by one code and then by another.
fn renewed(before: &Ink, after: &Ink) -> (GoldenFile, GoldenFile) {
    let old = GoldenFile::default().renewed("here", digests(before, 1.0));
    let new = old.clone().renewed("here", digests(after, 1.0));
    (old, new)
}

#[test]
fn names_comments_form_and_page_leave_the_identity_alone() {
    let (old, new) = renewed(
        &ink(plain, "How much ink?"),
        &ink(reworded, "How much ink is there, and where?"),
    );
    assert_eq!(old, new);
}

#[test]
fn another_constant_is_noticed_with_run_and_table_and_changes_the_identity() {
    let (old, new) = renewed(&ink(plain, ""), &ink(changed, ""));
    assert_ne!(old.identity, new.identity);
    let differences = old.differences("here", &digests(&ink(changed, ""), 1.0)).unwrap();
    let expected = Difference::Changed("quick, mnist: sum".into(), vec!["shares".into()]);
    assert_eq!(differences, [expected]);
}

#[test]
fn images_that_move_in_their_last_bit_are_noticed() {
    let experiment = ink(plain, "");
    assert_ne!(digests(&experiment, 1.0), digests(&experiment, 1.0_f32.next_up()));
}

#[test]
fn only_results_are_digested_of_the_runs_that_are_named() {
    let found = digests(&ink(plain, ""), 1.0);
    let tables: BTreeMap<_, _> = found
        .into_iter()
        .map(|(run, tables)| (run, tables.into_keys().collect()))
        .collect();
    assert_eq!(
        tables,
        BTreeMap::from([("quick, mnist: sum".to_owned(), vec!["shares".to_owned()])])
    );
}

#[test]
fn a_run_of_a_variant_that_there_is_not_names_those_that_there_are() {
    let experiment = ink(plain, "");
    let golden = Golden::file("ink.json", "{}").run(Preset::Quick, "mnist", &["rows=2"], &["som"]);
    let error = train(&Erased(&experiment), &golden, 1.0, &Leave::default()).unwrap_err();
    assert!(
        error.to_string().contains("sum, other") && error.to_string().contains("som"),
        "{error}"
    );
}
