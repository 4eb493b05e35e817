//! Rows of features with their targets, and their gathering into batches.

use std::sync::Arc;

use crate::error::{Error, Result};

/// What is to be predicted, one entry a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The number of each row's class.
    Classes(Vec<u32>),
    /// Real values, `width` a row, row-major.
    Values {
        /// All rows' values, one row after the other.
        values: Vec<f32>,
        /// Values a row.
        width: usize,
    },
}

/// Where [`Examples::gather`] puts targets.
#[derive(Debug)]
pub enum TargetsMut<'a> {
    /// Room for one class a row.
    Classes(&'a mut [u32]),
    /// Room for the values of each row, row-major.
    Values(&'a mut [f32]),
}

impl Targets {
    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values { values, width } => values.len() / (*width).max(1),
        }
    }

    /// Says whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The loss of the best answer that ignores the features: the entropy of the classes in nats, or the variance of the
    /// values, the mean over their columns; NaN without rows.
    ///
    /// # Example
    /// ```
    /// use espalier_data::Targets;
    ///
    /// // −(¼·ln ¼ + ¾·ln ¾)
    /// let classes = Targets::Classes(vec![1, 1, 0, 1]);
    /// assert!((classes.constant_loss() - 0.562_335_144_618_808_3).abs() < 1e-12);
    /// // Variances 1 and 4.
    /// let values = Targets::Values { values: vec![0.0, 1.0, 2.0, 5.0], width: 2 };
    /// assert!((values.constant_loss() - 2.5).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn constant_loss(&self) -> f64 {
        let rows = self.len() as f64;
        match self {
            Self::Classes(classes) => {
                let mut counts = std::collections::BTreeMap::new();
                classes
                    .iter()
                    .for_each(|class| *counts.entry(class).or_insert(0.0) += 1.0);
                let shares = counts.values().map(|count| count / rows);
                if rows > 0.0 {
                    -shares.map(|share: f64| share * share.ln()).sum::<f64>()
                } else {
                    f64::NAN
                }
            }
            Self::Values { values, width } => {
                let column = |column: usize| {
                    values
                        .iter()
                        .skip(column)
                        .step_by(*width)
                        .map(|value| f64::from(*value))
                };
                let variance = |place: usize| {
                    let mean = column(place).sum::<f64>() / rows;
                    column(place).map(|value| (value - mean).powi(2)).sum::<f64>() / rows
                };
                (0..*width).map(variance).sum::<f64>() / *width as f64
            }
        }
    }

    /// The score of the best answer that ignores the features: the accuracy of naming the most frequent class, or for values
    /// the share of their variance that their mean explains, which is 0; NaN without rows.
    ///
    /// # Example
    /// ```
    /// use espalier_data::Targets;
    ///
    /// assert_eq!(Targets::Classes(vec![1, 1, 0, 1]).constant_score(), 0.75);
    /// assert_eq!(Targets::Values { values: vec![1.0, 4.0], width: 1 }.constant_score(), 0.0);
    /// ```
    #[must_use]
    pub fn constant_score(&self) -> f64 {
        match self {
            _ if self.is_empty() => f64::NAN,
            Self::Values { .. } => 0.0,
            Self::Classes(classes) => {
                let mut counts = std::collections::BTreeMap::new();
                classes
                    .iter()
                    .for_each(|class| *counts.entry(class).or_insert(0_usize) += 1);
                counts.into_values().max().unwrap_or_default() as f64 / classes.len() as f64
            }
        }
    }

    /// Copies the rows with the given numbers.
    ///
    /// # Panics
    /// Panics when a number is not below [`Targets::len`].
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(rows.iter().map(|&row| classes[row]).collect()),
            Self::Values { values, width } => Self::Values {
                values: rows
                    .iter()
                    .flat_map(|&row| &values[row * width..(row + 1) * width])
                    .copied()
                    .collect(),
                width: *width,
            },
        }
    }
}

/// Rows of normalised features and their targets; a clone shares the features.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    features: Arc<Vec<f32>>,
    width: usize,
    targets: Targets,
}

impl Examples {
    /// Puts features (row-major, `width` a row) and targets together.
    ///
    /// # Errors
    /// Fails when the number of features is not `width` times the number of targets.
    pub fn new(features: Vec<f32>, width: usize, targets: Targets) -> Result<Self> {
        if features.len() != width * targets.len() {
            return Err(Error::Gather {
                what: "features of all rows",
                expected: format!("{} rows of {width}", targets.len()),
                found: format!("{} numbers", features.len()),
            });
        }
        Ok(Self {
            features: Arc::new(features),
            width,
            targets,
        })
    }

    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Says whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the features of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Gives all features.
    ///
    /// # Shapes
    /// `len() × width()`, row-major.
    #[must_use]
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// Gives the features of one row.
    ///
    /// # Panics
    /// Panics when `row` is not below [`Examples::len`].
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.features[row * self.width..(row + 1) * self.width]
    }

    /// Finds the value that most features have, such as the background of images, and its share of them.
    ///
    /// `None` where no value has more than half. Up to 1000 rows, evenly spaced, are looked at.
    ///
    /// # Method
    /// The majority vote of Boyer and Moore (1981), then a count.
    #[must_use]
    pub fn background(&self) -> Option<(f32, f64)> {
        const ROWS: usize = 1000;
        let step = self.len().div_ceil(ROWS).max(1);
        let seen = || (0..self.len()).step_by(step).flat_map(|row| self.row(row));
        let (mut candidate, mut votes, mut total) = (0.0, 0u64, 0u64);
        for &value in seen() {
            total += 1;
            if votes == 0 {
                candidate = value;
            }
            votes = if value == candidate { votes + 1 } else { votes - 1 };
        }
        let count = seen().filter(|&&value| value == candidate).count() as u64;
        (2 * count > total).then(|| (candidate, count as f64 / total as f64))
    }

    /// Gives the targets of all rows.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Gives the class of every row, or `None` when the targets are values.
    #[must_use]
    pub fn classes(&self) -> Option<&[u32]> {
        match &self.targets {
            Targets::Classes(classes) => Some(classes),
            Targets::Values { .. } => None,
        }
    }

    /// Copies the rows with the given numbers, in that order.
    ///
    /// # Panics
    /// Panics when a number is not below [`Examples::len`].
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut features = Vec::with_capacity(rows.len() * self.width);
        rows.iter().for_each(|&row| features.extend_from_slice(self.row(row)));
        Self {
            features: Arc::new(features),
            width: self.width,
            targets: self.targets.select(rows),
        }
    }

    /// Copies all rows with the given columns, in that order.
    ///
    /// # Errors
    /// Fails where no column is asked for.
    ///
    /// # Panics
    /// Panics when a number is not below [`Examples::width`].
    ///
    /// # Example
    /// ```
    /// use espalier_data::{Examples, Targets};
    ///
    /// let examples = Examples::new(vec![1.0, 2.0, 3.0, 4.0], 2, Targets::Classes(vec![0, 1]))?;
    /// assert_eq!(examples.select_columns(&[1, 0])?.features(), [2.0, 1.0, 4.0, 3.0]);
    /// # Ok::<(), espalier_data::Error>(())
    /// ```
    pub fn select_columns(&self, columns: &[usize]) -> Result<Self> {
        let mut features = Vec::with_capacity(self.len() * columns.len());
        for row in self.features.chunks_exact(self.width) {
            features.extend(columns.iter().map(|&column| row[column]));
        }
        Self::new(features, columns.len(), self.targets.clone())
    }

    /// Copies the rows with the given numbers into the caller's buffers, without allocation.
    ///
    /// # Shapes
    /// `features` holds `indices.len() × width()` numbers; `targets` one class a row, or as
    /// many values a row as [`Targets::Values`] says.
    ///
    /// # Errors
    /// Fails when a buffer has another size, when the kind of targets differs, or when an
    /// index is not below [`Examples::len`]. Buffers may then have been written in part.
    pub fn gather(&self, indices: &[u32], features: &mut [f32], targets: TargetsMut<'_>) -> Result<()> {
        self.gather_features(indices, features)?;
        match (&self.targets, targets) {
            (Targets::Classes(all), TargetsMut::Classes(into)) => rows_into(indices, all, 1, into, "targets"),
            (Targets::Values { values, width }, TargetsMut::Values(into)) => {
                rows_into(indices, values, *width, into, "targets")
            }
            (Targets::Classes(_), TargetsMut::Values(_)) => Err(kind_of_targets("classes", "values")),
            (Targets::Values { .. }, TargetsMut::Classes(_)) => Err(kind_of_targets("values", "classes")),
        }
    }

    /// Copies the features of the rows with the given numbers, without allocation.
    ///
    /// # Errors
    /// As [`Examples::gather`].
    pub fn gather_features(&self, indices: &[u32], features: &mut [f32]) -> Result<()> {
        rows_into(indices, &self.features, self.width, features, "features")
    }
}

fn kind_of_targets(expected: &str, found: &str) -> Error {
    Error::Gather {
        what: "kind of targets",
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

fn rows_into<T: Copy>(indices: &[u32], rows: &[T], width: usize, into: &mut [T], what: &'static str) -> Result<()> {
    if into.len() != indices.len() * width {
        return Err(Error::Gather {
            what,
            expected: format!("a buffer of {} rows of {width}", indices.len()),
            found: format!("{} elements", into.len()),
        });
    }
    for (&index, target) in indices.iter().zip(into.chunks_exact_mut(width.max(1))) {
        let start = index as usize * width;
        let row = rows.get(start..start + width).ok_or_else(|| Error::Gather {
            what: "index of a row",
            expected: format!("below {}", rows.len() / width.max(1)),
            found: index.to_string(),
        })?;
        target.copy_from_slice(row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Examples {
        Examples::new(
            vec![0.0, 1.0, 10.0, 11.0, 20.0, 21.0],
            2,
            Targets::Classes(vec![5, 6, 7]),
        )
        .unwrap()
    }

    #[test]
    fn gathering_copies_the_rows_in_the_order_asked_for() {
        let (mut features, mut targets) = ([0.0; 4], [0; 2]);
        classes()
            .gather(&[2, 0], &mut features, TargetsMut::Classes(&mut targets))
            .unwrap();
        assert_eq!(features, [20.0, 21.0, 0.0, 1.0]);
        assert_eq!(targets, [7, 5]);
    }

    #[test]
    fn gathering_values_copies_whole_rows_of_targets() {
        let targets = Targets::Values {
            values: vec![1.0, 2.0, 3.0, 4.0],
            width: 2,
        };
        let examples = Examples::new(vec![0.5, 0.6], 1, targets).unwrap();
        let (mut features, mut values) = ([0.0; 1], [0.0; 2]);
        examples
            .gather(&[1], &mut features, TargetsMut::Values(&mut values))
            .unwrap();
        assert_eq!((features, values), ([0.6], [3.0, 4.0]));
    }

    #[test]
    fn a_background_is_what_most_features_are() {
        let targets = || Targets::Classes(vec![0, 0]);
        let examples = |features: [f32; 6]| Examples::new(features.to_vec(), 3, targets()).unwrap();
        let found = examples([1.0, -0.5, -0.5, 2.0, -0.5, -0.5]).background();
        assert_eq!(found, Some((-0.5, 4.0 / 6.0)));
        assert_eq!(examples([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]).background(), None, "half");
        assert_eq!(examples([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).background(), None);
        let none = Examples::new(Vec::new(), 3, Targets::Classes(Vec::new())).unwrap();
        assert_eq!(none.background(), None);
        // The rare value stands in rows that are stepped over.
        let rows = (0..4000).map(|k| if k % 4 == 0 { 7.0 } else { k as f32 }).collect();
        let many = Examples::new(rows, 1, Targets::Classes(vec![0; 4000])).unwrap();
        assert_eq!(many.background(), Some((7.0, 1.0)));
    }

    #[test]
    fn gathering_agrees_with_selecting() {
        let picked = classes().select(&[1, 1, 2]);
        let (mut features, mut targets) = ([0.0; 6], [0; 3]);
        classes()
            .gather(&[1, 1, 2], &mut features, TargetsMut::Classes(&mut targets))
            .unwrap();
        assert_eq!(picked.features(), features);
        assert_eq!(picked.classes().unwrap(), targets);
        assert_eq!(picked.row(2), [20.0, 21.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (mut features, mut targets, mut values) = ([0.0; 2], [0; 1], [0.0; 1]);
        let beyond = classes().gather(&[3], &mut features, TargetsMut::Classes(&mut targets));
        assert!(beyond.unwrap_err().to_string().contains("below 3, found 3"));
        assert!(
            classes()
                .gather(&[0, 1], &mut features, TargetsMut::Classes(&mut targets))
                .is_err()
        );
        assert!(
            classes()
                .gather(&[0], &mut features, TargetsMut::Values(&mut values))
                .is_err()
        );
        assert!(Examples::new(vec![0.0; 5], 2, Targets::Classes(vec![0, 1])).is_err());
    }
}
