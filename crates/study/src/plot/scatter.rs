//! Two quantities against each other, and what is distributed within nets.

use espalier_report::figure::{Axis, Mark, Panel};

use super::{Draw, Place};
use crate::Result;
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;

/// Two quantities of every net, one point for each arm and seed.
#[must_use]
pub struct Scatter<T> {
    x: Quantity<T>,
    y: Quantity<T>,
    axis: Option<Axis>,
    series: Vec<(String, Where)>,
}

/// Draws two quantities against each other.
pub fn scatter<T>(x: &Quantity<T>, y: &Quantity<T>) -> Scatter<T> {
    Scatter {
        x: *x,
        y: *y,
        axis: None,
        series: Vec::new(),
    }
}

impl<T> Scatter<T> {
    /// Takes another x axis than the quantity's.
    pub fn x(mut self, axis: Axis) -> Self {
        self.axis = Some(axis);
        self
    }

    /// Adds the nets of some arms.
    pub fn series(mut self, label: impl Into<String>, arms: &Where) -> Self {
        self.series.push((label.into(), arms.clone()));
        self
    }
}

impl<T: 'static> Draw<T> for Scatter<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let x = self.axis.clone().unwrap_or_else(|| self.x.axis());
        let mut panel = Panel::new("", x, self.y.axis());
        for (label, arms) in &self.series {
            let arms = place.study.chosen(&arms.clone().and(place.facet.clone()));
            let points = place.set.nets(&arms).map(|net| (self.x.value(net), self.y.value(net)));
            panel = panel.mark(Mark::scatter(points).label(label));
        }
        Ok(panel)
    }
}

/// A quantity against a size, the fixed nets as a curve.
#[must_use]
pub struct Frontier<T> {
    size: Quantity<T>,
    score: Quantity<T>,
    fixed: (String, Where),
    along: Factor,
    series: Vec<(String, Where)>,
}

/// Draws a score against a size: fixed nets along a factor as a curve, other nets as points.
pub fn frontier<T>(
    size: &Quantity<T>,
    score: &Quantity<T>,
    label: impl Into<String>,
    fixed: &Where,
    along: &Factor,
) -> Frontier<T> {
    Frontier {
        size: *size,
        score: *score,
        fixed: (label.into(), fixed.clone()),
        along: *along,
        series: Vec::new(),
    }
}

impl<T> Frontier<T> {
    /// Adds a method's nets.
    pub fn series(mut self, label: impl Into<String>, arms: &Where) -> Self {
        self.series.push((label.into(), arms.clone()));
        self
    }
}

/// Scores against sizes, with the ends of the scores' intervals.
#[derive(Default)]
struct Scores {
    points: Vec<(f64, f64)>,
    ends: Vec<(f64, f64, f64)>,
}

impl<T: 'static> Frontier<T> {
    fn scores(&self, place: &Place<'_, T>, arms: &Where) -> Result<Scores> {
        let mut scores = Scores::default();
        for arm in place.arms(arms, &self.along) {
            let size = place.study.of_arm(place.set, &self.size, &arm)?;
            let score = place.study.of_arm(place.set, &self.score, &arm)?;
            if let (Some(size), Some(score)) = (size, score) {
                scores.points.push((size.value, score.value));
                scores.ends.push((size.value, score.low, score.high));
            }
        }
        scores.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(scores)
    }
}

impl<T: 'static> Draw<T> for Frontier<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let (label, fixed) = &self.fixed;
        let Scores { points, ends } = self.scores(place, fixed)?;
        let line = Mark::line(points).label(label).with_points();
        let mut panel = Panel::new("", Axis::log10(self.size.name).unit(self.size.unit), self.score.axis())
            .marks([Mark::error_bars(ends).of(label), line]);
        for (label, arms) in &self.series {
            let Scores { points, ends } = self.scores(place, arms)?;
            panel = panel.marks([Mark::error_bars(ends).of(label), Mark::scatter(points).label(label)]);
        }
        Ok(panel)
    }
}
