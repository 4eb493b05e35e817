//! Statistics side by side: bars, forests and heat maps.

use espalier_report::figure::{Axis, Estimates, Grid, Legend, Mark, Panel};

use super::{Draw, Place};
use crate::factor::{Factor, Level, Where};
use crate::quantity::Quantity;
use crate::statistic::{Reading, Statistic};
use crate::{Result, arm::Arm};

type OfLevel<T> = Box<dyn Fn(&Where) -> Statistic<T>>;

/// A statistic at each level of a factor, as bars with whiskers.
pub struct Bars<T> {
    factor: Factor,
    levels: Where,
    y: Axis,
    scale: f64,
    series: Vec<(String, OfLevel<T>)>,
}

/// Draws statistics at each level that some arms set a factor to, multiplied by a scale.
#[must_use]
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
    #[must_use]
    pub fn series(mut self, label: impl Into<String>, statistic: impl Fn(&Where) -> Statistic<T> + 'static) -> Self {
        self.series.push((label.into(), Box::new(statistic)));
        self
    }
}

impl<T: 'static> Draw<T> for Bars<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let levels = place
            .study
            .levels(&self.factor, &self.levels.clone().and(place.facet.clone()));
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
        let legend = if self.series.len() > 1 {
            Legend::Below
        } else {
            Legend::None
        };
        panel = panel.legend(legend);
        quantities.dedup();
        let ends = (-0.5, levels.len() as f64 - 0.5);
        for zone in &place.zones {
            let marks = quantities
                .iter()
                .flat_map(|key| zone.difference_marks(key, self.scale, ends));
            panel = panel.marks(marks.collect::<Vec<_>>());
        }
        Ok(panel)
    }
}

/// Statistics as points with horizontal intervals, one on each line.
pub struct Forest<T> {
    x: Axis,
    scale: f64,
    rows: Vec<(String, Statistic<T>)>,
}

/// Draws differences of paired seeds one below the other, multiplied by a scale.
#[must_use]
pub fn forest<T>(x: Axis, scale: f64) -> Forest<T> {
    Forest {
        x,
        scale,
        rows: Vec::new(),
    }
}

impl<T> Forest<T> {
    /// Adds a line; the first stands on top.
    #[must_use]
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
            .mark(Mark::intervals(points)))
    }
}

/// A quantity over two factors, as a matrix.
pub struct Heat<T> {
    quantity: Quantity<T>,
    columns: Factor,
    rows: Factor,
    arms: Where,
}

/// Draws a quantity over two factors: one cell for each arm.
#[must_use]
pub fn heat<T>(quantity: &Quantity<T>, columns: &Factor, rows: &Factor, arms: &Where) -> Heat<T> {
    Heat {
        quantity: *quantity,
        columns: *columns,
        rows: *rows,
        arms: arms.clone(),
    }
}

impl<T: 'static> Draw<T> for Heat<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let chosen = self.arms.clone().and(place.facet.clone());
        let levels = |factor: &Factor| place.study.levels(factor, &chosen);
        let (columns, rows) = (levels(&self.columns), levels(&self.rows));
        let arms = place.study.chosen(&chosen);
        let at = |arm: &&Arm, row: &Level, column: &Level| {
            arm.level(self.rows.name) == Some(row) && arm.level(self.columns.name) == Some(column)
        };
        let mut values = Vec::new();
        for row in &rows {
            let mut line = Vec::new();
            for column in &columns {
                let arm = arms.iter().find(|arm| at(arm, row, column));
                let estimate = arm.map_or(Ok(None), |arm| place.study.of_arm(place.set, &self.quantity, arm))?;
                line.push(estimate.map_or(f64::NAN, |e| e.value));
            }
            values.push(line);
        }
        let edges = |count: usize| (0..=count).map(|edge| edge as f64 - 0.5).collect();
        let grid = Grid {
            x_edges: edges(columns.len()),
            y_edges: edges(rows.len()),
            values,
            caption: format!("{} {}", self.quantity.name, self.quantity.unit)
                .trim_end()
                .to_owned(),
            range: None,
        };
        Ok(Panel::new("", self.columns.categories(&columns), self.rows.categories(&rows)).mark(Mark::heatmap(grid)))
    }
}
