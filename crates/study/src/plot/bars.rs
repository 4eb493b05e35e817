//! Statistics side by side: bars and forests.

use espalier_report::figure::{Axis, Estimates, Legend, Mark, Panel, Shape, Spread};

use super::{Draw, Place, Zone};
use crate::Result;
use crate::factor::{Factor, Where};
use crate::statistic::{Reading, Statistic};

type OfLevel<T> = Box<dyn Fn(&Where) -> Statistic<T>>;

/// A statistic at each level of a factor, as bars with whiskers.
#[must_use]
pub struct Bars<T> {
    factor: Factor,
    levels: Where,
    y: Axis,
    scale: f64,
    series: Vec<(String, OfLevel<T>)>,
}

/// Draws statistics at each level that some arms set a factor to, multiplied by a scale.
pub fn bars<T>(factor: &Factor, levels: &Where, y: Axis, scale: f64) -> Bars<T> {
    Bars {
        factor: *factor,
        levels: levels.clone(),
        y,
        scale,
        series: Vec::new(),
    }
}

impl<T> Bars<T> {
    /// Adds bars of a statistic, which is handed the choice of one level within the facet.
    pub fn series(mut self, label: impl Into<String>, statistic: impl Fn(&Where) -> Statistic<T> + 'static) -> Self {
        self.series.push((label.into(), Box::new(statistic)));
        self
    }
}

impl<T: 'static> Draw<T> for Bars<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let levels = self.levels.clone().and(place.facet.clone());
        let levels = place.study.levels(&self.factor, &levels);
        let mut panel = Panel::new("", self.factor.categories(&levels), self.y.clone());
        let mut quantities: Vec<String> = Vec::new();
        for (label, statistic) in &self.series {
            let mut points = Estimates::default();
            for (slot, level) in levels.iter().enumerate() {
                let statistic = statistic(&self.factor.is(level.clone()).and(place.facet.clone()));
                if let Reading::Difference(key) = statistic.reading() {
                    quantities.push(key);
                }
                let stream = format!("{label}/{} {level}", self.factor.name);
                points.push(slot as f64, place.study.estimate(&place.set.name, &stream, &statistic)?);
            }
            panel = panel.mark(points.scaled(self.scale).bars(label));
        }
        quantities.dedup();
        let ends = (-0.5, levels.len() as f64 - 0.5);
        let marks = |zone: &&Zone| {
            let of = |key: &String| zone.difference_marks(key, self.scale, ends);
            quantities.iter().flat_map(of).collect::<Vec<_>>()
        };
        let zones: Vec<Mark> = place.zones.iter().flat_map(marks).collect();
        // One series is what the panel's title says; a shaded zone is named in a legend alone.
        let shaded = zones.iter().any(|mark| matches!(mark.shape, Shape::Band(_)));
        let legend = if self.series.len() > 1 || shaded {
            Legend::Below
        } else {
            Legend::None
        };
        Ok(panel.marks(zones).legend(legend))
    }
}

/// Statistics as points with horizontal intervals, one on each line.
#[must_use]
pub struct Forest<T> {
    x: Axis,
    scale: f64,
    rows: Vec<(String, Statistic<T>)>,
}

/// Draws differences of paired seeds one below the other, multiplied by a scale.
pub fn forest<T>(x: Axis, scale: f64) -> Forest<T> {
    Forest {
        x,
        scale,
        rows: Vec::new(),
    }
}

impl<T> Forest<T> {
    /// Adds a line; the first stands on top.
    pub fn row(mut self, label: impl Into<String>, statistic: Statistic<T>) -> Self {
        self.rows.push((label.into(), statistic));
        self
    }
}

impl<T: 'static> Draw<T> for Forest<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let mut points = Vec::new();
        for (place_of_row, (label, statistic)) in self.rows.iter().rev().enumerate() {
            if let Some(e) = place.study.estimate(&place.set.name, label, statistic)? {
                let e = e.scaled(self.scale);
                points.push((e.low, e.value, e.high, place_of_row as f64));
            }
        }
        let names = self.rows.iter().rev().map(|(label, _)| label.as_str());
        Ok(Panel::new("", self.x.clone(), Axis::category("", names))
            .mark(Mark::vertical(0.0))
            .mark(Mark::intervals(points).spread(Spread::Interval)))
    }
}
