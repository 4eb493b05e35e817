//! Rows read as nets of arms.

use std::fmt::{self, Display};

use espalier_report::page::Margin;
use espalier_report::rows::{Record, Row, Rows, TrialKey};
use espalier_study::{Arm, Claims, Factor, Level, Quantity, Study, VARIANTS, Where};
use serde::{Deserialize, Serialize};

use crate::toy::{METHOD, Net, Outcome, RATE, TEST, empty, named, rows_of, study_of, toy};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Variant {
    batch: u64,
    optimizer: String,
}
impl Row for Variant {
    const TABLE: &'static str = VARIANTS;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Epoch {
    size: f64,
}
impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

const BATCH: Factor = Factor::setting("batch");
const OPTIMIZER: Factor = Factor::setting("optimizer");

fn recorded(batches: [u64; 2]) -> Rows {
    let record = |seed: u64, batch: u64| {
        let mut record = Record::new(TrialKey::new(&format!("t{seed}"), "a", "toys", seed));
        let outcome = Outcome {
            test: 0.5,
            parameters: 1.0,
            diverged: false,
            edits: None,
        };
        record.push(&outcome).unwrap();
        record.push(&Epoch { size: 1.0 }).unwrap();
        record
            .push(&Variant {
                batch,
                optimizer: "adam".to_owned(),
            })
            .unwrap();
        record
    };
    Rows::from_records(&[record(0, batches[0]), record(1, batches[1])]).unwrap()
}

#[test]
fn settings_that_trials_record_become_factors_of_their_arm() {
    let study = Study::<Net>::new("toy", vec![Arm::new("a").with(&BATCH, 32.0)]).unwrap();
    let study = study.read("toys", &recorded([64, 64]), vec![0, 1]).unwrap();
    let arm = study.chosen(&OPTIMIZER.is("adam")).remove(0);
    assert_eq!(
        (arm.number(&BATCH), arm.setting("optimizer")),
        (64.0, Some(&Level::Text("adam".to_owned())))
    );
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in batches of {}", self.optimizer, self.batch)
    }
}

#[test]
fn the_arm_of_a_flat_variant_is_set_as_the_harness_records_it() {
    let (batch, optimizer) = (64, "adam".to_owned());
    let arm = Arm::of(&Variant { batch, optimizer }).unwrap();
    let same = Arm::new("adam in batches of 64")
        .with(&BATCH, 64.0)
        .with(&OPTIMIZER, "adam");
    assert_eq!(arm, same);
}

#[test]
fn trials_of_one_arm_that_were_set_otherwise_are_refused() {
    let study = Study::<Net>::new("toy", vec![Arm::new("a")]).unwrap();
    let error = study
        .read("toys", &recorded([64, 128]), vec![0, 1])
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        error,
        "arm `a`, factor `batch`: one trial was set to 64, another to 128"
    );
}

#[test]
fn arms_are_known_and_named_once() {
    let toys = [toy("a", 0.9), toy("b", 0.8)];
    let study = empty(&toys[..1]);
    let error = study
        .read("toys", &rows_of(&toys, 2, "toys"), vec![0, 1])
        .err()
        .unwrap()
        .to_string();
    assert_eq!(error, "data set toys: rows of arm `b`, expected one of a");
    let error = Study::<Net>::new("toy", vec![Arm::new("a"), Arm::new("a")])
        .err()
        .unwrap()
        .to_string();
    assert_eq!(error, "two arms are called `a`");
}

#[test]
fn estimates_are_interquartile_means_of_the_seeds_that_were_asked_for() {
    let toys = [toy("a", 0.9).with(&METHOD, "a"), toy("b", 0.8).with(&METHOD, "b")];
    let study = empty(&toys)
        .read("toys", &rows_of(&toys, 8, "toys"), vec![0, 1, 2, 3, 4, 5])
        .unwrap();
    assert_eq!(study.sets[0].seeds.len(), 6);
    let difference = TEST.at(&named("a")).less(TEST.at(&named("b")));
    assert_eq!(
        difference.to_string(),
        "test accuracy (method a) less test accuracy (method b)"
    );
    let estimate = study.estimate("toys", "x", &difference).unwrap().unwrap();
    // scipy 1.17.1: trim_mean([9, −1, 2, 1, 4, 0] · 1e-4, 0.25) = 1.75e-4, and 0.9 − 0.8.
    assert!((estimate.value - 0.100_175).abs() < 1e-12, "{estimate:?}");
    let error = study.estimate("fashion", "x", &difference).err().unwrap().to_string();
    assert_eq!(error, "data set fashion: expected one of toys");
}

#[test]
fn what_all_arms_share_does_not_replace_what_one_sets() {
    let toys = [toy("a", 0.9).with(&RATE, 0.1), toy("b", 0.8)];
    let study = study_of(&toys, 1).common([(RATE, 0.5)]);
    let rates: Vec<f64> = study
        .chosen(&Where::all())
        .iter()
        .map(|arm| arm.number(&RATE))
        .collect();
    assert_eq!(rates, [0.1, 0.5]);
    assert_eq!(
        study.levels(&RATE, &Where::all()),
        [Level::Number(0.1), Level::Number(0.5)]
    );
}

#[test]
fn tables_and_remarks_come_from_the_same_quantities() {
    let mut toys = [toy("a", 0.9), toy("b", 0.8)];
    toys[1].diverged = true;
    toys[1].sizes = vec![10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
    let study = study_of(&toys, 6);
    let table = study
        .table(&study.sets[0], "All", &Where::all(), &[TEST, crate::toy::SIZE])
        .unwrap();
    assert_eq!(table.header, ["net", "test accuracy, fraction", "size, units"]);
    assert!(
        table.rows[0][1].starts_with("0.9000 [") && table.rows[1][2].starts_with("60 ["),
        "{:?}",
        table.rows
    );
    assert_eq!(study.diverged_note(&study.sets[0]), "1 of 12 nets diverged.");
    let note = study.settled_note(&study.sets[0], &crate::toy::SIZE, &Where::all());
    // 50 of 60 units came in the last five epochs.
    assert!(
        note.contains(
            "b still moves by +50 units in size over the last 5 of 6 epochs, where 3 units would count as still"
        ),
        "{note}"
    );
}

const SAID: &str = "\
# What a study said

| claim | words | toys | any set |
|---|---|---|---|
| first | Σ\\|w\\| falls | by half | by a third |
| second | it grows | | slowly |
| third | it is small | | |
| third | it is large | 3 units | |

Ours:

| claim | figure | family |
|---|---|---|
| fifth | course | growth |
";

#[test]
fn what_a_study_said_comes_from_its_table_where_it_gave_a_number() {
    let study = study_of(&[toy("a", 0.9)], 6);
    let claim = |set: &str, id: &str| {
        let mut claims = Claims::of(&study, "toys").said(SAID, set);
        claims.lies(id, TEST.mean_over(&Where::all()), Margin::GreaterThan(0.0));
        claims.judged().unwrap().claims.remove(0)
    };
    let said = |set: &str, id: &str| {
        let claim = claim(set, id);
        (claim.text, claim.study_value)
    };
    let number = str::to_owned;
    assert_eq!(said("toys", "first"), ("Σ|w| falls".to_owned(), number("by half")));
    assert_eq!(said("dolls", "first"), ("Σ|w| falls".to_owned(), number("by a third")));
    // Of several lines the one with a number; without a number the claim is one of ours.
    assert_eq!(said("toys", "third"), ("it is large".to_owned(), number("3 units")));
    for (set, id) in [("toys", "second"), ("toys", "fourth"), ("dolls", "third")] {
        let (text, study) = said(set, id);
        assert!(text.contains("test accuracy") && study.is_empty(), "{text}: {study:?}");
    }
    let declared = claim("toys", "fifth").declared.unwrap();
    assert_eq!(
        (&*declared.figure, &*declared.family.unwrap().name),
        ("course", "growth")
    );
    // The words then stand beside what is compared.
    for (set, id, words) in [
        ("toys", "second", "it grows"),
        ("dolls", "third", "it is small"),
        ("toys", "first", ""),
        ("toys", "fourth", ""),
    ] {
        assert_eq!(claim(set, id).words, words, "{id} on {set}");
    }
}

#[test]
fn several_data_sets_are_read_as_one_with_the_set_as_a_factor() {
    const DATA: Factor = Factor::setting("data set");
    let of = |name: &str, test| toy(name, test).with(&METHOD, name);
    let (easy, hard) = ([of("a", 0.9), of("b", 0.8)], [of("a", 0.7), of("b", 0.5)]);
    let rows = [("easy", &easy), ("hard", &hard)].map(|(set, toys)| (set.to_owned(), rows_of(toys, 6, set)));
    let sets: Vec<(String, &Rows)> = rows.iter().map(|(set, rows)| (set.clone(), rows)).collect();
    let seeds: Vec<u64> = (0..6).collect();
    let study = empty(&easy).read_joined("both", &sets, &seeds, &DATA).unwrap();
    let names: Vec<&str> = study.arms.iter().map(|arm| arm.name.as_str()).collect();
    assert_eq!(names, ["a on easy", "b on easy", "a on hard", "b on hard"]);
    assert_eq!((study.sets.len(), study.sets[0].seeds.len()), (1, 6));
    let lead = TEST.lead(&DATA.is("easy"), &DATA.is("hard"));
    let words = "test accuracy (data set easy, method a) less test accuracy (data set hard, method a)";
    assert_eq!(lead(&named("a")).to_string(), words);
    for (method, expected) in [("a", 0.2), ("b", 0.3)] {
        let found = study.estimate("both", "lead", &lead(&named(method))).unwrap().unwrap();
        assert!((found.value - expected).abs() < 1e-9, "{method}: {found:?}");
    }
    let unknown = empty(&easy[..1])
        .read_joined("both", &sets, &seeds, &DATA)
        .err()
        .unwrap();
    assert!(unknown.to_string().contains("b on easy"), "{unknown}");
}

#[test]
fn one_seed_has_no_interval_in_a_table() {
    let study = study_of(&[toy("a", 0.9)], 1);
    let table = study.table(&study.sets[0], "All", &Where::all(), &[TEST]).unwrap();
    assert!(!table.rows[0][1].contains('['), "{:?}", table.rows);
}

#[test]
fn flags_and_means_read_as_words() {
    const USED: Factor = Factor::label("rate of the others");
    assert_eq!(
        (USED.is(true).to_string().as_str(), USED.is(false).to_string().as_str()),
        ("rate of the others", "not rate of the others")
    );
    const ERROR: Quantity<crate::toy::Net> = Quantity::new("error", "mean squared error", |_| 0.0);
    let mean = ERROR.mean_over(&Where::all()).to_string();
    assert_eq!(mean, "average mean squared error over the arms (all arms)");
}
