//! Cells to numbers: flags for words, rules for what is missing, targets.

use std::collections::BTreeMap;

use super::cells::{Cells, Column, Places, counted, is_number};
use super::descriptor::Descriptor;
use super::options::Task;
use super::rows::{Encoded, Features, Values};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::info::TargetKind;
use crate::transform::Scale;

/// The most words of a column that become flags.
const MOST_WORDS: usize = 256;
/// Whole numbers of a target with at most so many distinct values count as classes.
const MOST_CLASSES_OF_NUMBERS: usize = 20;

/// Targets of all rows, kept ones or not, and what is to be said of them.
pub(super) struct Targeted {
    pub targets: Targets,
    pub kind: TargetKind,
    pub note: Option<String>,
}

/// Tells classes from values: words are classes, and so are whole numbers with few distinct values.
pub(super) fn task_of(cells: &Cells) -> Task {
    let Cells::Numbers(numbers) = cells else {
        return Task::Classes;
    };
    let whole = numbers.iter().filter(|x| !x.is_nan()).all(|x| x.fract() == 0.0);
    if whole && cells.distinct().len() <= MOST_CLASSES_OF_NUMBERS {
        Task::Classes
    } else {
        Task::Regression
    }
}

/// Numbers the classes; the descriptor's list decides where there is one, else it gets the one found.
pub(super) fn classes(target: &Column, descriptor: &mut Descriptor, places: &Places) -> Result<Targeted> {
    if descriptor.classes.is_empty() {
        descriptor.classes = target.cells.distinct();
    }
    let known = &descriptor.classes;
    if known.len() < 2 {
        let found = format!("{known:?} in column {:?}", target.name);
        return Err(Error::content(&places.path, "at least two classes", found));
    }
    let numbers: BTreeMap<&str, u32> = known.iter().map(String::as_str).zip(0..).collect();
    let label = |row: usize| match target.cells.word(row) {
        None => Ok(0),
        Some(word) => numbers.get(word.as_str()).copied().ok_or_else(|| {
            let expected = format!("one of the classes {}", known.join(", "));
            places.wrong(row, &target.name, expected, word)
        }),
    };
    Ok(Targeted {
        targets: Targets::Classes((0..target.cells.len()).map(label).collect::<Result<_>>()?),
        kind: TargetKind::Classes(known.len()),
        note: None,
    })
}

/// Standardises the values by the training rows, since a net's rates know nothing of the unit.
pub(super) fn values(target: &Column, train: &[usize], places: &Places) -> Result<Targeted> {
    let Cells::Numbers(numbers) = &target.cells else {
        let word = |row: usize| Some((row, target.cells.word(row)?));
        let mut words = (0..target.cells.len()).filter_map(word);
        let first = words.clone().find(|(_, word)| !is_number(word));
        let (row, found) = first.or_else(|| words.next()).unwrap_or_default();
        return Err(places.wrong(row, &target.name, "a number, as the task is regression", found));
    };
    let mean = mean(numbers, train);
    let spread = (train.iter().map(|&row| (numbers[row] - mean).powi(2)).sum::<f64>() / train.len() as f64).sqrt();
    if spread == 0.0 {
        let found = format!("{mean} in every training row of column {:?}", target.name);
        return Err(Error::content(&places.path, "a target that varies", found));
    }
    let standardised = |(row, x): (usize, &f64)| {
        let value = if x.is_nan() { 0.0 } else { ((x - mean) / spread) as f32 };
        value.is_finite().then_some(value).ok_or_else(|| {
            let expected = format!("a number that stays finite as (y − {mean}) / {spread}, by the training rows");
            places.wrong(row, &target.name, expected, x.to_string())
        })
    };
    Ok(Targeted {
        targets: Targets::Values {
            values: numbers.iter().enumerate().map(standardised).collect::<Result<_>>()?,
            width: 1,
        },
        kind: TargetKind::Regression(1),
        note: Some(format!(
            "target ({} − {}) / {}, by the training rows",
            target.name,
            brief(mean),
            brief(spread)
        )),
    })
}

/// Six significant digits.
fn brief(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

fn mean(numbers: &[f64], train: &[usize]) -> f64 {
    let there = train.iter().map(|&row| numbers[row]).filter(|x| !x.is_nan());
    let (count, sum) = there.fold((0_u64, 0.0), |(count, sum), x| (count + 1, sum + x));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// Makes numbers of all features; flags come behind the column that they stand for.
pub(super) fn features(
    features: &Features,
    descriptor: &Descriptor,
    train: &[usize],
    places: &Places,
    notes: &mut Vec<String>,
) -> Result<Encoded> {
    let columns = match features {
        Features::Pixels { bytes, shape } => return Ok(pixels(bytes, shape)),
        Features::Columns(columns) => columns,
    };
    let mut out: Vec<Vec<f64>> = Vec::new();
    let mut flags = Vec::new();
    let (mut words, mut filled) = (0, 0_usize);
    for column in columns {
        match &column.cells {
            Cells::Numbers(numbers) => {
                filled += numbers.iter().filter(|x| x.is_nan()).count();
                out.extend(number_columns(numbers, train));
                flags.push(false);
            }
            Cells::Words(_) => {
                words += 1;
                out.extend(word_columns(column, places)?);
            }
        }
        flags.resize(out.len(), true);
    }
    if words > 0 {
        notes.push(format!("{} of words as flags", counted(words, "column")));
    }
    if filled > 0 {
        notes.push(format!(
            "{} set to the training mean and flagged",
            counted(filled, "missing number")
        ));
    }
    let rows = out.first().map_or(0, Vec::len);
    let numbers = (0..rows)
        .flat_map(|row| out.iter().map(move |column| column[row]))
        .collect();
    let untouched = if descriptor.normalise { flags } else { Vec::new() };
    Ok(Encoded {
        values: Values::Numbers(numbers),
        shape: vec![out.len()],
        scale: Scale {
            divisor: 1.0,
            channels: out.len(),
            untouched,
        },
        pixels: false,
    })
}

fn pixels(bytes: &[u8], shape: &[usize]) -> Encoded {
    Encoded {
        values: Values::Pixels(bytes.to_vec()),
        shape: shape.to_vec(),
        scale: Scale {
            divisor: 255.0,
            channels: shape.last().copied().unwrap_or(1),
            untouched: Vec::new(),
        },
        pixels: true,
    }
}

/// The numbers, and where some are missing a flag behind them.
fn number_columns(numbers: &[f64], train: &[usize]) -> Vec<Vec<f64>> {
    let fill = mean(numbers, train);
    let whole = numbers.iter().map(|x| if x.is_nan() { fill } else { *x }).collect();
    if !numbers.iter().any(|x| x.is_nan()) {
        return vec![whole];
    }
    vec![whole, numbers.iter().map(|x| f64::from(u8::from(x.is_nan()))).collect()]
}

/// One flag for each word, and one for a missing word where there is any.
fn word_columns(column: &Column, places: &Places) -> Result<Vec<Vec<f64>>> {
    let words = column.cells.distinct();
    if words.len() > MOST_WORDS {
        let name = &column.name;
        let expected = format!("at most {MOST_WORDS} distinct words in column {name:?} (ignore={name} leaves it out)");
        return Err(Error::content(&places.path, expected, words.len()));
    }
    let rows = 0..column.cells.len();
    let lacking = rows.clone().any(|row| column.cells.is_missing(row));
    let kinds = words.into_iter().map(Some).chain(lacking.then_some(None));
    let flag = |kind: Option<String>| {
        let is = |row| f64::from(u8::from(column.cells.word(row) == kind));
        rows.clone().map(is).collect()
    };
    Ok(kinds.map(flag).collect())
}
