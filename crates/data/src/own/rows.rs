//! Rows as read from any format, and how they become a set.

use super::cells::{Cells, Column, Places, Table, counted};
use super::descriptor::Descriptor;
use super::division::{Division, given_splits};
use super::encode::{self, Targeted};
use super::options::{MissingRule, Task};
use crate::encoding::Inputs;
use crate::error::{Error, Result};
use crate::info::Split;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Given, Holdout, Part, Whole};

/// Rows with their target, before they are split.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub features: Features,
    pub target: Column,
    /// Each row's split, where the files give it.
    pub splits: Option<Vec<Split>>,
    pub places: Places,
    /// What is to be said of how they were read.
    pub notes: Vec<String>,
}

/// What rows are made of.
#[derive(Clone, Debug)]
pub(super) enum Features {
    Columns(Vec<Column>),
    Pixels { bytes: Vec<u8>, shape: Vec<usize> },
}

impl Rows {
    /// Puts rows of the same shape behind these.
    pub fn with(mut self, other: Self) -> Result<Self> {
        match (&mut self.features, other.features) {
            (
                Features::Pixels { bytes, shape },
                Features::Pixels {
                    bytes: more,
                    shape: found,
                },
            ) if *shape == found => {
                bytes.extend(more);
            }
            (Features::Pixels { shape, .. }, Features::Pixels { shape: found, .. }) => {
                let expected = format!("images of shape {shape:?}, as in {}", self.places.path.display());
                return Err(Error::content(&other.places.path, expected, format!("{found:?}")));
            }
            _ => return Err(Error::content(&other.places.path, "images", "columns")),
        }
        if let (Cells::Numbers(numbers), Cells::Numbers(more)) = (&mut self.target.cells, other.target.cells) {
            numbers.extend(more);
        }
        if let (Some(splits), Some(more)) = (&mut self.splits, other.splits) {
            splits.extend(more);
        }
        self.places = Places::rows(&self.places.path, self.len());
        Ok(self)
    }

    /// Takes target and split out of a table's columns.
    pub fn of_table(table: Table, descriptor: &Descriptor) -> Result<Self> {
        let Table {
            names,
            mut columns,
            places,
            notes,
        } = table;
        let target = check_names(&names, descriptor, &places)?;
        let mut take = |name: &String| {
            let at = columns.iter().position(|column| column.name == *name);
            at.map(|at| columns.remove(at))
        };
        let splits = descriptor.split_column.as_ref().and_then(&mut take);
        let splits = splits.map(|column| given_splits(&column, &places)).transpose()?;
        let target =
            take(target).ok_or_else(|| Error::content(&places.path, "a target that is read", names.join(", ")))?;
        if columns.is_empty() {
            let expected = "a column besides those that the options target, split_column and ignore name";
            return Err(Error::content(&places.path, expected, names.join(", ")));
        }
        Ok(Self {
            features: Features::Columns(columns),
            target,
            splits,
            places,
            notes,
        })
    }

    pub fn len(&self) -> usize {
        self.target.cells.len()
    }

    /// The rows that take part, and what is to be said of the others.
    fn kept(&self, rule: MissingRule) -> Result<(Vec<usize>, Vec<String>)> {
        let mut notes = Vec::new();
        let with_target: Vec<usize> = (0..self.len())
            .filter(|&row| !self.target.cells.is_missing(row))
            .collect();
        if with_target.len() < self.len() {
            let without = counted(self.len() - with_target.len(), "row");
            notes.push(format!("{without} without a target left out"));
        }
        let Features::Columns(columns) = &self.features else {
            return Ok((with_target, notes));
        };
        let lacking = |row: usize| columns.iter().find(|column| column.cells.is_missing(row));
        if rule == MissingRule::Refuse
            && let Some((row, column)) = with_target.iter().find_map(|&row| Some((row, lacking(row)?)))
        {
            let expected = "a value, as the rule for missing values is `refuse`";
            return Err(self.places.wrong(row, &column.name, expected, ""));
        }
        if rule != MissingRule::Drop {
            return Ok((with_target, notes));
        }
        let whole: Vec<usize> = with_target
            .iter()
            .copied()
            .filter(|&row| lacking(row).is_none())
            .collect();
        if whole.len() < with_target.len() {
            let lacking = with_target.len() - whole.len();
            let verb = if lacking == 1 { "lacks" } else { "lack" };
            notes.push(format!("{} that {verb} a feature left out", counted(lacking, "row")));
        }
        Ok((whole, notes))
    }

    /// Some of the rows, as if the file held no others.
    fn select(self, kept: &[usize]) -> Self {
        if kept.len() == self.len() {
            return self;
        }
        let features = match self.features {
            Features::Columns(columns) => Features::Columns(columns.iter().map(|column| column.select(kept)).collect()),
            Features::Pixels { bytes, shape } => Features::Pixels {
                bytes: pick(&bytes, shape.iter().product(), kept),
                shape,
            },
        };
        Self {
            features,
            target: self.target.select(kept),
            splits: self.splits.map(|splits| pick(&splits, 1, kept)),
            places: self.places.select(kept),
            notes: self.notes,
        }
    }

    /// Takes columns out in which no row has a value: whatever the format, they say nothing.
    fn without_empty_columns(&mut self) {
        let Features::Columns(columns) = &mut self.features else {
            return;
        };
        let is_empty = |column: &Column| (0..column.cells.len()).all(|row| column.cells.is_missing(row));
        let (empty, full): (Vec<Column>, Vec<Column>) = columns.drain(..).partition(is_empty);
        *columns = full;
        let names: Vec<&str> = empty.iter().map(|column| column.name.as_str()).collect();
        if !names.is_empty() {
            let what = counted(names.len(), "column");
            self.notes
                .push(format!("{what} without any value left out ({})", names.join(", ")));
        }
    }

    /// Splits, encodes and labels the rows.
    pub fn whole(mut self, name: &str, descriptor: &mut Descriptor, sum: &str, decided: bool) -> Result<Whole> {
        if descriptor.missing != MissingRule::Refuse {
            self.without_empty_columns();
        }
        let (kept, left_out) = self.kept(descriptor.missing)?;
        let mut rows = self.select(&kept);
        rows.without_empty_columns();
        let mut notes = [std::mem::take(&mut rows.notes), left_out].concat();
        let division = Division::of(&rows, name, descriptor)?;
        if !decided {
            descriptor.task = encode::task_of(&rows.target.cells);
        }
        let Targeted { targets, outputs, note } = match descriptor.task {
            Task::Classes => encode::classes(&rows.target, descriptor, &rows.places, &notes)?,
            Task::Regression => encode::values(&rows.target, &division.train, &rows.places)?,
        };
        notes.extend(note);
        let encoded = encode::features(&rows.features, descriptor, &division.train, &rows.places, &mut notes)?;
        let shape = encoded.inputs.shape();
        if shape.contains(&0) {
            let found = format!("rows of shape {shape:?}");
            return Err(Error::content(&rows.places.path, "at least one feature a row", found));
        }
        let part = |rows: &[usize]| Part {
            raw: encoded.raw(rows),
            targets: targets.select(rows),
        };
        Ok(Whole {
            about: About {
                name: name.to_owned().into(),
                title: name.to_owned().into(),
                source: format!("{} (one's own)", rows.places.path.display()).into(),
                content_sha256: descriptor.content_sha256(sum),
                outputs,
                part: (!notes.is_empty()).then(|| notes.join("; ")),
                synthetic: None,
                test_rule: division.test_rule,
            },
            train: part(&division.train),
            validation: Some(Given {
                part: part(&division.validation),
                rule: division.validation_rule,
            }),
            test: part(&division.test),
            holdout: Holdout::Last(0),
            transform: if descriptor.normalise || encoded.inputs.is_image() {
                TransformChoice::Fitted
            } else {
                TransformChoice::AsIs
            },
            inputs: encoded.inputs,
        })
    }
}

/// Refuses options that name a column that is not there; gives the target.
fn check_names<'d>(names: &[String], descriptor: &'d Descriptor, places: &Places) -> Result<&'d String> {
    let wrong = |expected: String, found: String| Err(Error::content(&places.path, expected, found));
    let all = names.join(", ");
    let Some(target) = &descriptor.target else {
        let expected = "the option target, the column to be predicted, for instance --set target=COLUMN";
        return wrong(expected.to_owned(), format!("none; columns: {all}"));
    };
    for (option, said) in [
        ("target", descriptor.target.as_slice()),
        ("split_column", descriptor.split_column.as_slice()),
        ("ignore", &descriptor.ignore),
        ("words", &descriptor.words),
    ] {
        if let Some(absent) = said.iter().find(|name| !names.contains(name)) {
            return wrong(format!("a column {absent:?}, as the option {option} says"), all);
        }
    }
    Ok(target)
}

/// Rows in a form that the transform takes.
pub(super) struct Encoded {
    /// All rows, row-major.
    pub values: Values,
    /// What the values of a row are, not normalised yet.
    pub inputs: Inputs,
}

/// The numbers or pixels of all rows.
pub(super) enum Values {
    Numbers(Vec<f64>),
    Pixels(Vec<u8>),
}

impl Encoded {
    fn raw(&self, rows: &[usize]) -> Raw {
        let width: usize = self.inputs.shape().iter().product();
        match &self.values {
            Values::Numbers(all) => Raw::Numbers(pick(all, width, rows)),
            Values::Pixels(all) => Raw::Bytes {
                file: pick(all, width, rows),
                start: 0,
            },
        }
    }
}

fn pick<T: Copy>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter()
        .flat_map(|&row| &all[row * width..(row + 1) * width])
        .copied()
        .collect()
}
