//! Recorded rows thinned so far that a page can carry them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rows::{Cell, ColumnKind, KeyedTable, Rows, TIMINGS, TrialKey, is_timing};
use crate::statistics::figures;

/// The bytes of rows that a page carries at most.
const BUDGET: usize = 48_000;

/// Columns that say how far a training has come, the most telling first.
const PROGRESS: [&str; 4] = ["epoch", "task", "step", "batch"];

/// Digits of a number: as many as a screen can show.
const DIGITS: usize = 5;

/// Rows of a report's trials by series and seed, for a reader who wants to look for himself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explore {
    tables: Vec<Thinned>,
}

/// One table: series, seeds, numeric columns and rows, each with its series' and its seed's place first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Thinned {
    name: String,
    progress: Option<usize>,
    columns: Vec<String>,
    series: Vec<String>,
    seeds: Vec<u64>,
    rows: Vec<Vec<f64>>,
}

impl Explore {
    /// Takes the table of progress and that of outcomes out of recorded rows, with wall-clock seconds beside the outcomes.
    ///
    /// Progress is what counts epochs, tasks or steps; of several such tables the one that bears their name or counts
    /// computation. Outcomes are in the table without progress that counts computation or has most columns. Series are
    /// variants, told apart by data set where there are several and by columns of words that change within a trial.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        let tables = rows.table_names().into_iter().filter(|name| !is_timing(name));
        let tables = tables.filter_map(|name| rows.table(name).ok());
        let tables: Vec<&KeyedTable> = tables.filter(|table| !table.is_empty() && numbers(table) > 0).collect();
        let (courses, outcomes): (Vec<&KeyedTable>, Vec<&KeyedTable>) =
            tables.into_iter().partition(|table| progress(table).is_some());
        let course = courses
            .into_iter()
            .rev()
            .max_by_key(|table| named_after_progress(table));
        let outcome = outcomes
            .into_iter()
            .rev()
            .max_by_key(|table| (counts_macs(table), numbers(table)));
        let chosen = [course, outcome].into_iter().flatten();
        let mut found: Vec<Thinned> = chosen
            .map(|table| Thinned::of(table, rows.table(TIMINGS).ok()))
            .collect();
        let share = BUDGET / found.len().max(1);
        found.iter_mut().for_each(|table| table.shrink(share));
        Self { tables: found }
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    pub(super) fn to_json(&self) -> Value {
        Value::from(self.tables.iter().map(Thinned::to_json).collect::<Vec<_>>())
    }
}

fn progress(table: &KeyedTable) -> Option<usize> {
    PROGRESS.iter().find_map(|name| table.column(name).ok())
}

/// Whether a table is called after what it counts, and else whether it counts computation.
fn named_after_progress(table: &KeyedTable) -> (bool, bool) {
    let named = PROGRESS.iter().any(|name| table.name() == format!("{name}s"));
    (named, counts_macs(table))
}

fn counts_macs(table: &KeyedTable) -> bool {
    table.columns().iter().any(|column| column.name.ends_with("_macs"))
}

/// How many columns hold numbers.
fn numbers(table: &KeyedTable) -> usize {
    let columns = table.columns().iter();
    columns.filter(|column| column.kind != ColumnKind::Text).count()
}

/// What the name of a column contains that a reader asks for first, and second.
const TELLING: [&[&str]; 2] = [
    &["accuracy", "score", "validation", "test"],
    &["loss", "macs", "units", "size", "parameters", "seconds"],
];

/// The place of a column among those to leave out, the least telling last.
fn telling(name: &str) -> usize {
    let holds = |words: &&[&str]| words.iter().any(|word| name.contains(word));
    TELLING.iter().position(holds).unwrap_or(TELLING.len())
}

impl Thinned {
    fn of(table: &KeyedTable, timings: Option<&KeyedTable>) -> Self {
        let numeric = |kind: ColumnKind| kind != ColumnKind::Text;
        let columns = table
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, column)| numeric(column.kind));
        let places: Vec<usize> = columns.map(|(place, _)| place).collect();
        let progress = progress(table);
        let seconds = match progress {
            None => timings.map(seconds_of).unwrap_or_default(),
            Some(_) => BTreeMap::new(),
        };
        let name = SeriesNames::of(table);
        let mut thinned = Self {
            name: table.name().to_owned(),
            progress: progress.and_then(|wanted| places.iter().position(|place| *place == wanted)),
            columns: places
                .iter()
                .map(|place| table.columns()[*place].name.clone())
                .collect(),
            ..Self::default()
        };
        if !seconds.is_empty() {
            thinned.columns.push("wall_seconds".to_owned());
        }
        for (key, cells) in table.iter() {
            let series = place_of(&mut thinned.series, name.of_row(key, cells));
            let seed = place_of(&mut thinned.seeds, key.seed);
            let mut row = vec![series as f64, seed as f64];
            row.extend(places.iter().map(|place| number(&cells[*place])));
            if !seconds.is_empty() {
                row.push(seconds.get(key).copied().unwrap_or(f64::NAN));
            }
            thinned.rows.push(row);
        }
        thinned
    }

    /// Takes every other row of each series and seed out, its last apart, then columns, then the last seeds, and then the last
    /// series, until the text is short enough.
    fn shrink(&mut self, bytes: usize) {
        let long = |table: &Self| table.to_json().to_string().len() > bytes;
        while long(self) && self.longest_run() > 8 {
            self.halve();
        }
        while long(self) && self.columns.len() > 3 {
            self.leave_out(self.least_telling());
        }
        while long(self) && self.longest_run() > 1 {
            self.halve();
        }
        while long(self) && self.seeds.len() > 1 {
            // A tenth of many seeds, one of a few.
            self.seeds.truncate((9 * self.seeds.len() / 10).max(1));
            self.keep_named();
        }
        while long(self) && !self.series.is_empty() {
            self.series.truncate(self.series.len() / 2);
            self.keep_named();
        }
    }

    /// Takes out the rows whose series or seed is not there any more.
    fn keep_named(&mut self) {
        let (series, seeds) = (self.series.len() as f64, self.seeds.len() as f64);
        self.rows.retain(|row| row[0] < series && row[1] < seeds);
    }

    /// The column that a reader misses least; never that of progress.
    fn least_telling(&self) -> usize {
        let others = (0..self.columns.len()).filter(|place| Some(*place) != self.progress);
        others
            .max_by_key(|place| (telling(&self.columns[*place]), *place))
            .unwrap_or(0)
    }

    fn leave_out(&mut self, column: usize) {
        self.columns.remove(column);
        self.progress = self.progress.map(|place| place - usize::from(place > column));
        // Series and seed stand before the columns.
        self.rows.iter_mut().for_each(|row| {
            row.remove(column + 2);
        });
    }

    fn runs(&self) -> BTreeMap<(u64, u64), usize> {
        let mut runs = BTreeMap::new();
        for row in &self.rows {
            *runs.entry((row[0] as u64, row[1] as u64)).or_insert(0) += 1;
        }
        runs
    }

    fn longest_run(&self) -> usize {
        self.runs().into_values().max().unwrap_or(0)
    }

    fn halve(&mut self) {
        let runs = self.runs();
        let mut seen: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        self.rows.retain(|row| {
            let run = (row[0] as u64, row[1] as u64);
            let place = seen.entry(run).or_insert(0);
            *place += 1;
            place.is_multiple_of(2) || Some(&*place) == runs.get(&run)
        });
    }

    fn to_json(&self) -> Value {
        let row = |row: &Vec<f64>| row.iter().map(|value| short(*value)).collect::<Vec<_>>();
        json!({
            "name": self.name,
            "progress": self.progress,
            "columns": self.columns,
            "series": self.series,
            "seeds": self.seeds,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// How rows are told apart within a variant and seed.
struct SeriesNames {
    sets: bool,
    words: Vec<usize>,
}

impl SeriesNames {
    fn of(table: &KeyedTable) -> Self {
        let mut sets: Vec<&str> = table.iter().map(|(key, _)| key.dataset.as_str()).collect();
        sets.dedup();
        let text = table
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, column)| column.kind == ColumnKind::Text);
        let words = text
            .map(|(place, _)| place)
            .filter(|place| changes_within_a_trial(table, *place));
        Self {
            sets: sets.len() > 1,
            words: words.collect(),
        }
    }

    fn of_row(&self, key: &TrialKey, cells: &[Cell]) -> String {
        let mut parts = vec![key.variant.clone()];
        if self.sets {
            parts.insert(0, key.dataset.clone());
        }
        for place in &self.words {
            if let Cell::Text(word) = &cells[*place] {
                parts.push(word.clone());
            }
        }
        parts.join(" · ")
    }
}

fn changes_within_a_trial(table: &KeyedTable, place: usize) -> bool {
    let rows: Vec<(&TrialKey, &[Cell])> = table.iter().collect();
    let word = |cells: &[Cell]| match &cells[place] {
        Cell::Text(word) => Some(word.clone()),
        _ => None,
    };
    rows.windows(2)
        .any(|two| two[0].0 == two[1].0 && word(two[0].1) != word(two[1].1))
}

fn seconds_of(timings: &KeyedTable) -> BTreeMap<TrialKey, f64> {
    let Ok(place) = timings.column("wall_seconds") else {
        return BTreeMap::new();
    };
    timings
        .iter()
        .map(|(key, cells)| (key.clone(), number(&cells[place])))
        .collect()
}

fn place_of<T: PartialEq>(known: &mut Vec<T>, value: T) -> usize {
    if let Some(place) = known.iter().position(|one| *one == value) {
        return place;
    }
    known.push(value);
    known.len() - 1
}

fn number(cell: &Cell) -> f64 {
    match cell {
        Cell::Bool(value) => f64::from(u8::from(*value)),
        cell => cell.number().unwrap_or(f64::NAN),
    }
}

/// A number as JSON with the digits that a screen can show; `null` where it is not finite.
pub(crate) fn short(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let read = figures(value, DIGITS).parse::<f64>().unwrap_or(value);
    match read.fract() == 0.0 && read.abs() < 1e15 {
        true => Value::from(read as i64),
        false => Value::from(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Record, Row};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Epoch {
        net: String,
        epoch: u32,
        accuracy: f64,
    }
    impl Row for Epoch {
        const TABLE: &'static str = "epochs";
    }

    fn rows(epochs: u32) -> Rows {
        let record = |variant: &str, seed: u64| {
            let trial = format!("{variant}-{seed}");
            let mut record = Record::new(TrialKey::new(&trial, variant, "mnist", seed));
            for epoch in 1..=epochs {
                for net in ["grown", "static"] {
                    let accuracy = 1.0 - 1.0 / f64::from(epoch + seed as u32);
                    let net = net.to_owned();
                    record.push(&Epoch { net, epoch, accuracy }).unwrap();
                }
            }
            record
        };
        let records: Vec<Record> = ["a", "b"]
            .iter()
            .flat_map(|v| (0..6).map(move |s| record(v, s)))
            .collect();
        Rows::from_records(&records).unwrap()
    }

    #[test]
    fn rows_of_two_nets_in_a_trial_are_two_series() {
        let json = Explore::of(&rows(3)).to_json();
        assert_eq!(
            json[0]["series"],
            json!(["a · grown", "a · static", "b · grown", "b · static"])
        );
        assert_eq!(json[0]["columns"], json!(["epoch", "accuracy"]));
        assert_eq!(json[0]["progress"], json!(0));
        assert_eq!(json[0]["rows"][0], json!([0, 0, 1, 0]));
        assert_eq!(json[0]["rows"].as_array().map(Vec::len), Some(2 * 6 * 3 * 2));
    }

    #[test]
    fn any_number_of_series_and_seeds_is_thinned_to_what_a_page_carries() {
        for (arms, seeds) in [(330, 10), (20_000, 1), (1, 5_000)] {
            let record = |arm: usize, seed: u64| {
                let variant = format!("arm {arm}");
                let mut record = Record::new(TrialKey::new(&format!("{variant}-{seed}"), &variant, "mnist", seed));
                let (train_macs, test_accuracy) = (1_000 * arm as u64, 1.0 / (1.0 + arm as f64));
                record
                    .push(&Outcome {
                        train_macs,
                        test_accuracy,
                    })
                    .unwrap();
                record
            };
            let records = (0..arms).flat_map(|arm| (0..seeds).map(move |seed| record(arm, seed)));
            let rows = Rows::from_records(&records.collect::<Vec<_>>()).unwrap();
            let shown = Explore::of(&rows).to_json();
            assert!(shown.to_string().len() <= BUDGET + 2, "{arms} arms of {seeds} seeds");
            let left = shown[0]["rows"].as_array().unwrap();
            let named = |row: &Value| {
                let within =
                    |place: usize, of: &str| row[place].as_u64() < Some(shown[0][of].as_array().unwrap().len() as u64);
                within(0, "series") && within(1, "seeds")
            };
            assert!(!left.is_empty() && left.iter().all(named));
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Edit {
        epoch: u32,
        units: u32,
    }
    impl Row for Edit {
        const TABLE: &'static str = "edits";
    }

    #[derive(Serialize, Deserialize)]
    struct Outcome {
        train_macs: u64,
        test_accuracy: f64,
    }
    impl Row for Outcome {
        const TABLE: &'static str = "outcomes";
    }

    #[derive(Serialize, Deserialize)]
    struct Choice {
        epoch: u32,
    }
    impl Row for Choice {
        const TABLE: &'static str = "choices";
    }

    #[test]
    fn epochs_and_outcomes_are_shown_and_neither_edits_nor_tables_without_rows() {
        let record = |seed: u64| {
            let mut record = Record::new(TrialKey::new(&format!("a-{seed}"), "a", "mnist", seed));
            record.declare::<Choice>().unwrap();
            record.push(&Edit { epoch: 1, units: 3 }).unwrap();
            let (net, train_macs) = ("grown".to_owned(), 7);
            let epoch = Epoch {
                net,
                epoch: 1,
                accuracy: 0.5,
            };
            record.push(&epoch).unwrap();
            let test_accuracy = 0.5;
            record
                .push(&Outcome {
                    train_macs,
                    test_accuracy,
                })
                .unwrap();
            record
        };
        let records: Vec<Record> = (0..2).map(record).collect();
        let json = Explore::of(&Rows::from_records(&records).unwrap()).to_json();
        let names: Vec<&Value> = json.as_array().unwrap().iter().map(|table| &table["name"]).collect();
        assert_eq!(names, ["epochs", "outcomes"]);
    }

    #[test]
    fn columns_that_say_least_are_left_out_first() {
        let names = ["epoch", "steps", "validation_accuracy", "loss"];
        let mut table = Thinned {
            progress: Some(0),
            columns: names.map(str::to_owned).to_vec(),
            rows: vec![vec![0.0, 0.0, 1.0, 9.0, 0.5, 2.0]],
            ..Thinned::default()
        };
        for left in [
            ["epoch", "validation_accuracy", "loss"].as_slice(),
            &["epoch", "validation_accuracy"],
        ] {
            table.leave_out(table.least_telling());
            assert_eq!(table.columns, left);
        }
        assert_eq!(
            (table.rows[0].clone(), table.progress),
            (vec![0.0, 0.0, 1.0, 0.5], Some(0))
        );
    }

    #[test]
    fn long_trainings_are_thinned_and_keep_their_last_epoch() {
        let explore = Explore::of(&rows(2_000));
        let text = explore.to_json().to_string();
        assert!(text.len() <= BUDGET, "{} bytes", text.len());
        let json = explore.to_json();
        let rows = json[0]["rows"].as_array().unwrap();
        for series in 0..4 {
            let own = rows.iter().filter(|row| row[0] == json!(series) && row[1] == json!(5));
            assert_eq!(own.map(|row| row[2].as_u64().unwrap()).max(), Some(2_000));
        }
    }
}
