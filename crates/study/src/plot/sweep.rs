//! A quantity against a factor.

use espalier_report::figure::{Axis, Estimates, Mark, Panel};

use super::{Draw, Place};
use crate::Result;
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;

/// A quantity against a factor: points with intervals, one line for each series.
pub struct Sweep<T> {
    quantity: Quantity<T>,
    factor: Factor,
    series: Vec<(String, Where)>,
    categories: bool,
    diagonal: Option<String>,
    y: Option<Axis>,
    reference: Option<(f64, String)>,
}

/// Draws a quantity against a factor.
#[must_use]
pub fn sweep<T>(quantity: &Quantity<T>, factor: &Factor) -> Sweep<T> {
    Sweep {
        quantity: *quantity,
        factor: *factor,
        series: Vec::new(),
        categories: false,
        diagonal: None,
        y: None,
        reference: None,
    }
}

impl<T> Sweep<T> {
    /// Adds a line of some arms.
    #[must_use]
    pub fn series(mut self, label: impl Into<String>, arms: &Where) -> Self {
        self.series.push((label.into(), arms.clone()));
        self
    }

    /// Gives each level one slot.
    #[must_use]
    pub fn categories(mut self) -> Self {
        self.categories = true;
        self
    }

    /// Adds the line on which the quantity equals the factor.
    #[must_use]
    pub fn diagonal(mut self, label: impl Into<String>) -> Self {
        self.diagonal = Some(label.into());
        self
    }

    /// Takes another y axis than the quantity's.
    #[must_use]
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = Some(axis);
        self
    }

    /// Adds a level line.
    #[must_use]
    pub fn reference(mut self, value: f64, label: impl Into<String>) -> Self {
        self.reference = Some((value, label.into()));
        self
    }
}

impl<T: 'static> Draw<T> for Sweep<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let shown = Where::all();
        let levels = place.study.levels(&self.factor, &shown);
        let mut lines = Vec::new();
        let mut names = Vec::new();
        let mut used = Vec::new();
        for (label, arms) in &self.series {
            let arms = place.arms(arms, &self.factor);
            used.extend(arms.iter().map(|arm| arm.number(&self.factor)));
            names.extend(arms.iter().map(|arm| arm.name.clone()));
            lines.push((label, arms));
        }
        used.sort_by(f64::total_cmp);
        used.dedup();
        let position = |level: f64| {
            let slot = used.iter().position(|known| *known == level);
            if self.categories {
                slot.map_or(f64::NAN, |slot| slot as f64)
            } else {
                level
            }
        };
        let mut y = self.y.clone().unwrap_or_else(|| self.quantity.axis());
        let end = used.iter().copied().fold(0.0, f64::max);
        if self.diagonal.is_some() {
            y = y.at_least(0.0, end);
        }
        let x = if self.categories {
            let slots: Vec<_> = levels
                .into_iter()
                .filter(|level| used.contains(&level.number()))
                .collect();
            self.factor.categories(&slots)
        } else {
            self.factor.axis()
        };
        let mut panel = Panel::new("", x, y);
        if let Some(label) = &self.diagonal {
            panel = panel.mark(Mark::line([(0.0, 0.0), (end, end)]).label(label));
        }
        if let Some((value, label)) = &self.reference {
            panel = panel.mark(Mark::horizontal(*value).label(label));
        }
        let span = used
            .first()
            .zip(used.last())
            .map(|(low, high)| (position(*low), position(*high)));
        let mut anchor = None;
        for (label, arms) in lines {
            let mut points = Estimates::default();
            for arm in &arms {
                let estimate = place.study.of_arm(place.set, &self.quantity, arm)?;
                points.push(position(arm.number(&self.factor)), estimate);
            }
            anchor = anchor.or_else(|| points.0.first().map(|(x, estimate)| (*x, estimate.value)));
            panel = panel.marks(points.marks(label));
        }
        let here = place.zones.iter().filter(|zone| zone.touches(&names));
        for zone in here {
            panel = panel.marks(zone.marks(self.quantity.key, span, anchor));
        }
        Ok(panel)
    }
}
