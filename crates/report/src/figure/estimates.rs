//! Estimates along an axis, as lines, whiskers, bands and bars.

use super::mark::{Mark, Spread};
use crate::statistics::Estimate;

/// Estimates at places of the x axis, to be drawn as lines with their intervals.
///
/// # Example
/// ```
/// use espalier_report::figure::{Axis, Estimates, Panel};
/// use espalier_report::statistics::Estimate;
///
/// let mut sizes = Estimates::default();
/// sizes.push(1.0, Estimate { value: 30.0, low: 28.0, high: 33.0, n: 6, level: 0.95 });
/// sizes.push(2.0, None); // a seed had no number
/// let panel = Panel::new("", Axis::linear("Epoch"), Axis::linear("Size")).marks(sizes.banded("split"));
/// assert_eq!(panel.marks.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimates(pub Vec<(f64, Estimate)>);

impl Estimates {
    /// Adds an estimate at a place, if there is one.
    pub fn push(&mut self, x: f64, estimate: impl Into<Option<Estimate>>) {
        self.0.extend(estimate.into().map(|e| (x, e)));
    }

    /// Returns a line through the values, which names the series.
    #[must_use]
    pub fn line(&self, label: &str) -> Mark {
        Mark::line(self.0.iter().map(|(x, e)| (*x, e.value))).label(label)
    }

    /// Returns the intervals as a band in the colour of the series.
    #[must_use]
    pub fn band(&self, label: &str) -> Mark {
        Mark::band(self.ends()).of(label).spread(Spread::Interval)
    }

    /// Returns a line with its points and the intervals as whiskers beneath it.
    #[must_use]
    pub fn marks(&self, label: &str) -> [Mark; 2] {
        [
            Mark::error_bars(self.ends()).of(label).spread(Spread::Interval),
            self.line(label).with_points(),
        ]
    }

    /// Returns a line with the intervals as a band beneath it.
    #[must_use]
    pub fn banded(&self, label: &str) -> [Mark; 2] {
        [self.band(label), self.line(label)]
    }

    /// Returns bars with the intervals as whiskers.
    #[must_use]
    pub fn bars(&self, label: &str) -> Mark {
        Mark::bars(self.0.iter().map(|(x, e)| (*x, e.value, Some((e.low, e.high)))))
            .label(label)
            .spread(Spread::Interval)
    }

    /// Multiplies all values and intervals, for instance to turn fractions into points.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.0.iter_mut().for_each(|(_, e)| *e = e.scaled(factor));
        self
    }

    fn ends(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.0.iter().map(|(x, e)| (*x, e.low, e.high))
    }
}
