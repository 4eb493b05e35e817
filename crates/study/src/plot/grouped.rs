//! Several statistics of each row, one above the other.

use espalier_report::figure::{Axis, Mark, Panel, Spread};

use super::{Draw, Place};
use crate::Result;
use crate::statistic::Statistic;

/// What a series says of a row; nothing where the row is not its own.
type OfRow<T> = Box<dyn Fn(&str) -> Option<Statistic<T>>>;
/// A number of others with its least and its largest.
type Published = Box<dyn Fn(&str) -> Option<[f64; 3]>>;

enum Source<T> {
    Ours(OfRow<T>),
    Theirs(Published),
}

/// Horizontal intervals, one slot for each row and one colour for each series.
#[must_use]
pub struct Grouped<T> {
    x: Axis,
    scale: f64,
    rows: Vec<String>,
    zero: bool,
    series: Vec<(String, Source<T>)>,
}

/// Draws statistics of rows, multiplied by a scale; the first row stands on top.
pub fn grouped<T, S: Into<String>>(x: Axis, scale: f64, rows: impl IntoIterator<Item = S>) -> Grouped<T> {
    Grouped {
        x,
        scale,
        rows: rows.into_iter().map(Into::into).collect(),
        zero: false,
        series: Vec::new(),
    }
}

impl<T> Grouped<T> {
    /// Marks 0, from which differences are read.
    pub fn from_zero(mut self) -> Self {
        self.zero = true;
        self
    }

    /// Adds a statistic of each row, which is handed the row's name.
    pub fn series(
        mut self,
        label: impl Into<String>,
        statistic: impl Fn(&str) -> Option<Statistic<T>> + 'static,
    ) -> Self {
        self.series.push((label.into(), Source::Ours(Box::new(statistic))));
        self
    }

    /// Adds numbers of a study, each with the least and the largest: `[value, low, high]`.
    pub fn published(mut self, label: impl Into<String>, numbers: impl Fn(&str) -> Option<[f64; 3]> + 'static) -> Self {
        self.series.push((label.into(), Source::Theirs(Box::new(numbers))));
        self
    }
}

impl<T: 'static> Source<T> {
    fn number(&self, place: &Place<'_, T>, stream: &str, row: &str) -> Result<Option<[f64; 3]>> {
        Ok(match self {
            Self::Theirs(numbers) => numbers(row),
            Self::Ours(statistic) => match statistic(row) {
                Some(statistic) => place.study.estimate(&place.set.name, stream, &statistic)?,
                None => None,
            }
            .map(|e| [e.value, e.low, e.high]),
        })
    }
}

impl<T: 'static> Draw<T> for Grouped<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let upward = self.rows.iter().rev();
        let mut panel = Panel::new("", self.x.clone(), Axis::category("", upward.clone().cloned()));
        if self.zero {
            panel = panel.mark(Mark::vertical(0.0));
        }
        for (turn, (label, source)) in self.series.iter().enumerate() {
            let mut points = Vec::new();
            for (slot, row) in upward.clone().enumerate() {
                let number = source.number(place, &format!("{label}/{row}"), row)?;
                let y = slot as f64 + aside(turn, self.series.len());
                points.extend(number.map(|[value, low, high]| {
                    let scaled = |x: f64| x * self.scale;
                    (scaled(low), scaled(value), scaled(high), y)
                }));
            }
            let spread = match source {
                Source::Ours(_) => Spread::Interval,
                Source::Theirs(_) => Spread::Extremes,
            };
            panel = panel.mark(Mark::intervals(points).label(label).spread(spread));
        }
        Ok(panel)
    }
}

/// How far a series stands above the middle of its slot; the first on top, all within three quarters of the slot.
fn aside(turn: usize, series: usize) -> f64 {
    let step = (0.75 / series.max(1) as f64).min(0.22);
    step * ((series as f64 - 1.0) / 2.0 - turn as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_share_their_slot_from_top_to_bottom() {
        assert_eq!(aside(0, 1), 0.0);
        assert_eq!([aside(0, 3), aside(1, 3), aside(2, 3)], [0.22, 0.0, -0.22]);
        let five: Vec<f64> = (0..5).map(|turn| aside(turn, 5)).collect();
        assert!(five.windows(2).all(|pair| pair[0] > pair[1]), "{five:?}");
        assert!(five.iter().all(|y| y.abs() <= 0.375), "{five:?}");
    }
}
