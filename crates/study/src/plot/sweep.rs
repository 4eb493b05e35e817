//! A quantity against a factor.

use espalier_report::figure::{Axis, Estimates, Legend, Mark, Panel};

use super::{Draw, Place};
use crate::Result;
use crate::factor::{Factor, Level, Where};
use crate::quantity::Quantity;

/// A quantity against a factor: points with intervals, one line for each series.
#[must_use]
pub struct Sweep<T> {
    quantity: Quantity<T>,
    factor: Factor,
    series: Vec<Series<T>>,
    categories: bool,
    diagonal: Option<String>,
    x: Option<Axis>,
    y: Option<Axis>,
    reference: Option<(f64, String)>,
    published: Option<(String, Points)>,
}

/// A line of some arms along a factor.
struct Series<T> {
    label: String,
    quantity: Quantity<T>,
    arms: Where,
    along: Factor,
    aside: f64,
}

/// A study's numbers for a data set, as (level, value).
type Points = Box<dyn Fn(&str) -> Vec<(f64, f64)>>;

/// Draws a quantity against a factor.
pub fn sweep<T>(quantity: &Quantity<T>, factor: &Factor) -> Sweep<T> {
    Sweep {
        quantity: *quantity,
        factor: *factor,
        series: Vec::new(),
        categories: false,
        diagonal: None,
        x: None,
        y: None,
        reference: None,
        published: None,
    }
}

impl<T> Sweep<T> {
    /// Adds a line of some arms.
    pub fn series(self, label: impl Into<String>, arms: &Where) -> Self {
        let along = self.factor;
        self.series_along(label, arms, &along)
    }

    /// Adds a line of some arms by the levels of another factor on the same axis, such as one that is only stated.
    pub fn series_along(mut self, label: impl Into<String>, arms: &Where, along: &Factor) -> Self {
        self.series.push(Series {
            label: label.into(),
            quantity: self.quantity,
            arms: arms.clone(),
            along: *along,
            aside: 0.0,
        });
        self
    }

    /// Adds a line of another quantity on the same axis.
    pub fn series_of(self, label: impl Into<String>, quantity: &Quantity<T>, arms: &Where) -> Self {
        let mut with = self.series(label, arms);
        if let Some(last) = with.series.last_mut() {
            last.quantity = *quantity;
        }
        with
    }

    /// Moves the last line aside by a share of a slot, where intervals of categories would lie upon each other; on an
    /// axis of numbers every point stays where its number is.
    pub fn aside(mut self, share: f64) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.aside = share;
        }
        self
    }

    /// Adds a study's numbers, as (level, value) for each data set.
    pub fn published(mut self, label: impl Into<String>, points: impl Fn(&str) -> Vec<(f64, f64)> + 'static) -> Self {
        self.published = Some((label.into(), Box::new(points)));
        self
    }

    /// Gives each level one slot.
    pub fn categories(mut self) -> Self {
        self.categories = true;
        self
    }

    /// Adds the line on which the quantity equals the factor.
    pub fn diagonal(mut self, label: impl Into<String>) -> Self {
        self.diagonal = Some(label.into());
        self
    }

    /// Takes another x axis than the factor's.
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = Some(axis);
        self
    }

    /// Takes another y axis than the quantity's.
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = Some(axis);
        self
    }

    /// Adds a level line.
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.reference = Some((value, label.into()));
        self
    }
}

impl<T: 'static> Sweep<T> {
    fn shift(&self, series: &Series<T>) -> f64 {
        if self.categories { series.aside } else { 0.0 }
    }

    fn empty_panel(&self, levels: &[f64]) -> Panel {
        let mut y = self.y.clone().unwrap_or_else(|| self.quantity.axis());
        let end = levels.iter().copied().fold(0.0, f64::max);
        if self.diagonal.is_some() {
            y = y.at_least(0.0, end);
        }
        let slots: Vec<Level> = levels.iter().map(|level| Level::Number(*level)).collect();
        let x = if self.categories {
            self.factor.categories(&slots)
        } else {
            self.x.clone().unwrap_or_else(|| self.factor.axis())
        };
        let mut panel = Panel::new("", x, y);
        if let Some(label) = &self.diagonal {
            panel = panel.mark(Mark::line([(0.0, 0.0), (end, end)]).label(label));
        }
        if let Some((value, label)) = &self.reference {
            panel = panel.mark(Mark::horizontal(*value).label(label));
        }
        panel
    }
}

impl<T: 'static> Draw<T> for Sweep<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let arms = |series: &Series<T>| place.arms(&series.arms, &series.along);
        let all = self.series.iter().flat_map(|series| {
            let arms = arms(series).into_iter();
            arms.map(|arm| arm.number(&series.along))
        });
        let mut levels: Vec<f64> = all.collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let position = |level: f64| match levels.iter().position(|known| *known == level) {
            Some(slot) if self.categories => slot as f64,
            _ => level,
        };
        let mut panel = self.empty_panel(&levels);
        let ends = levels.first().zip(levels.last());
        let span = ends.map(|(low, high)| (position(*low), position(*high)));
        for series in &self.series {
            let (mut points, mut names) = (Estimates::default(), Vec::new());
            for arm in arms(series) {
                let x = position(arm.number(&series.along)) + self.shift(series);
                points.push(x, place.study.of_arm(place.set, &series.quantity, &arm)?);
                names.push(arm.name);
            }
            let anchor = points.0.first().map(|(x, estimate)| (*x, estimate.value));
            for zone in place.zones.iter().filter(|zone| zone.touches(&names)) {
                panel = panel.marks(zone.marks(series.quantity.key, span, anchor));
            }
            panel = panel.marks(points.marks(&series.label));
        }
        if let Some((label, points)) = &self.published {
            let aside = self.series.iter().map(|series| self.shift(series)).fold(0.0, f64::max);
            let shown = points(&place.set.name)
                .into_iter()
                .filter(|(level, _)| levels.contains(level));
            let moved = shown.map(|(level, value)| (position(level) - aside, value));
            panel = panel.mark(Mark::scatter(moved).label(label));
        }
        // A single line is named by the axis.
        let alone = panel.marks.iter().filter(|mark| !mark.label.is_empty()).count()
            == 1 + usize::from(self.reference.is_some());
        Ok(if alone { panel.legend(Legend::None) } else { panel })
    }
}
