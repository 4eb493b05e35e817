//! Cells to numbers: flags for words, rules for what is missing, targets.

use std::collections::BTreeMap;

use super::cells::{Cells, Column, Places, counted, is_number, missing_texts};
use super::descriptor::Descriptor;
use super::options::Task;
use super::rows::{Encoded, Features, Values};
use crate::encoding::{Input, Inputs, Output, Outputs, Take};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::transform::Channel;

/// The most words of a column that become flags.
const MOST_WORDS: usize = 256;
/// 2⁵³: from here on neighbouring whole numbers are one when read.
const FIRST_AMBIGUOUS: f64 = 9_007_199_254_740_992.0;
/// Whole numbers of a target with at most so many distinct values count as classes.
const MOST_CLASSES_OF_NUMBERS: usize = 20;

/// Targets of all rows, kept ones or not, and what is to be said of them.
pub(super) struct Targeted {
    pub targets: Targets,
    pub outputs: Outputs,
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
pub(super) fn classes(
    target: &Column,
    descriptor: &mut Descriptor,
    places: &Places,
    notes: &[String],
) -> Result<Targeted> {
    told_apart(target, places)?;
    if descriptor.classes.is_empty() {
        descriptor.classes = target.cells.distinct();
    }
    let known = &descriptor.classes;
    if known.len() < 2 {
        let found = format!("{known:?} in column {:?}", target.name);
        let found = [&[found], notes].concat().join("; ");
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
        outputs: Outputs::Classes(known.clone()),
        note: None,
    })
}

/// Refuses whole numbers of which two may have been read as one.
fn told_apart(column: &Column, places: &Places) -> Result<()> {
    let Cells::Numbers(numbers) = &column.cells else {
        return Ok(());
    };
    match numbers.iter().position(|x| x.abs() >= FIRST_AMBIGUOUS) {
        None => Ok(()),
        Some(row) => {
            let expected = format!(
                "a number below 2⁵³ in a column of classes, since larger ones are not told apart when read (words={} takes those of \
                 a table as they stand)",
                column.name
            );
            Err(places.wrong(row, &column.name, expected, numbers[row].to_string()))
        }
    }
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
    let channel = Channel { mean, std: spread };
    let standardised = |(row, x): (usize, &f64)| {
        let value = if x.is_nan() { 0.0 } else { channel.apply(*x) };
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
        outputs: Outputs::Values(vec![Output {
            column: target.name.clone(),
            channel,
        }]),
        note: Some(format!(
            "target ({} − {}) / {}, by the training rows",
            target.name,
            brief(mean, spread),
            brief(spread, spread)
        )),
    })
}

/// A number to six significant digits of the spread, which decides what a digit of the mean is worth.
fn brief(number: f64, spread: f64) -> f64 {
    let decimals = 5.0 - spread.log10().floor();
    let places = format!("{number:.0$}", decimals.clamp(0.0, 300.0) as usize);
    places.parse().unwrap_or(number)
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
        Features::Pixels { bytes, shape } => {
            return Ok(Encoded {
                values: Values::Pixels(bytes.clone()),
                inputs: Inputs::image(shape, 255.0),
            });
        }
        Features::Columns(columns) => columns,
    };
    notes.extend(made_of(columns));
    let taken = taken(columns, train, places)?;
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let of_row = |row: usize| {
        let taken = taken.iter();
        taken.map(move |(column, input)| input.take.number(column.cells.cell(row)))
    };
    Ok(Encoded {
        values: Values::Numbers((0..rows).flat_map(of_row).collect()),
        inputs: Inputs::Table {
            missing: missing_texts(descriptor.format),
            inputs: taken.iter().map(|(_, input)| input.clone()).collect(),
        },
    })
}

/// What is to be said of columns that are not taken as they stand.
fn made_of(columns: &[Column]) -> Vec<String> {
    let words = columns.iter().filter(|column| matches!(column.cells, Cells::Words(_)));
    let filled = columns.iter().map(|column| match &column.cells {
        Cells::Numbers(numbers) => numbers.iter().filter(|x| x.is_nan()).count(),
        Cells::Words(_) => 0,
    });
    let (words, filled) = (words.count(), filled.sum::<usize>());
    let said = [
        (words > 0).then(|| format!("{} of words as flags", counted(words, "column"))),
        (filled > 0).then(|| {
            let missing = counted(filled, "missing number");
            format!("{missing} set to the training mean and flagged")
        }),
    ];
    said.into_iter().flatten().collect()
}

/// The inputs with the columns that they are made from.
fn taken<'c>(columns: &'c [Column], train: &[usize], places: &Places) -> Result<Vec<(&'c Column, Input)>> {
    let mut taken = Vec::new();
    for column in columns {
        let inputs = match &column.cells {
            Cells::Numbers(numbers) => of_numbers(&column.name, numbers, train),
            Cells::Words(_) => of_words(column, places)?,
        };
        taken.extend(inputs.into_iter().map(|input| (column, input)));
    }
    Ok(taken)
}

/// The number, and a flag where some are missing.
fn of_numbers(name: &str, numbers: &[f64], train: &[usize]) -> Vec<Input> {
    let fill = Some(mean(numbers, train));
    let gaps = numbers.iter().any(|x| x.is_nan());
    let takes = [Take::Number { fill }].into_iter().chain(gaps.then_some(Take::Missing));
    takes.map(|take| Input::new(name, take)).collect()
}

/// One flag for each word, and one for a missing word where there is any.
fn of_words(column: &Column, places: &Places) -> Result<Vec<Input>> {
    let (name, words) = (&column.name, column.cells.distinct());
    if words.len() > MOST_WORDS {
        let expected = format!("at most {MOST_WORDS} distinct words in column {name:?} (ignore={name} leaves it out)");
        return Err(Error::content(&places.path, expected, words.len()));
    }
    let lacking = (0..column.cells.len()).any(|row| column.cells.is_missing(row));
    let gap = lacking.then(|| Input::new(name, Take::Missing));
    Ok(Input::flags(name, words).chain(gap).collect())
}
