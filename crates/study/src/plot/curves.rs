//! A quantity over the epochs.

use espalier_report::figure::{Axis, Estimates, Panel};

use super::{Draw, Place};
use crate::arm::Arm;
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;
use crate::{Error, Result};

/// The value of an arm before its first step.
type Start = Box<dyn Fn(&Arm) -> f64>;

/// Where on the axis the values of a path lie, by their places in it.
type Places = Box<dyn Fn(usize) -> f64>;

/// A quantity after every epoch, one line with its band for each arm.
#[must_use]
pub struct Curves<T> {
    quantity: Quantity<T>,
    factor: Factor,
    arms: Where,
    name: fn(&Arm) -> String,
    start: Option<Start>,
    y: Option<Axis>,
    along: Option<(Axis, Places)>,
    stream: &'static str,
}

/// Draws a quantity over the epochs, with a line for each level of a factor among the arms.
pub fn curves<T>(quantity: &Quantity<T>, factor: &Factor, arms: &Where, name: fn(&Arm) -> String) -> Curves<T> {
    Curves {
        quantity: *quantity,
        factor: *factor,
        arms: arms.clone(),
        name,
        start: None,
        y: None,
        along: None,
        stream: "epoch",
    }
}

impl<T> Curves<T> {
    /// Draws the values of the path along another axis than the epochs, the first at `place(0)`; a value that is no
    /// number in some seed is left out.
    pub fn along(mut self, axis: Axis, place: impl Fn(usize) -> f64 + 'static) -> Self {
        self.along = Some((axis, Box::new(place)));
        self
    }

    /// Names the random streams of its intervals otherwise than by epochs.
    pub fn streams(self, stream: &'static str) -> Self {
        Self { stream, ..self }
    }

    /// Adds the value before the first step.
    pub fn start_at(mut self, start: impl Fn(&Arm) -> f64 + 'static) -> Self {
        self.start = Some(Box::new(start));
        self
    }

    /// Takes another y axis than the quantity's.
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = Some(axis);
        self
    }
}

impl<T: 'static> Draw<T> for Curves<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let path = self.quantity.path.ok_or_else(|| Error::Statistic {
            statistic: self.quantity.name.to_owned(),
            reason: "expected its values over the epochs, it declares none".to_owned(),
        })?;
        let y = self.y.clone().unwrap_or_else(|| self.quantity.axis());
        let along = self.along.as_ref();
        let x = along.map_or_else(|| Axis::linear("Epoch"), |(axis, _)| axis.clone());
        let mut panel = Panel::new("", x, y);
        for arm in place.arms(&self.arms, &self.factor) {
            let paths: Vec<Vec<f64>> = place.set.of(&arm.name).map(path).collect();
            let mut points = Estimates::default();
            if let Some(start) = &self.start {
                let values = vec![start(&arm); paths.len()];
                points.push(0.0, place.study.of_values(&place.set.name, "start", &values)?);
            }
            for epoch in 0..paths.iter().map(Vec::len).min().unwrap_or(0) {
                let values: Vec<f64> = paths.iter().map(|path| path[epoch]).collect();
                let stream = format!("{} {epoch}", self.stream);
                let estimate = place.study.of_values(&place.set.name, &stream, &values)?;
                let x = along.map_or(epoch as f64 + 1.0, |(_, place)| place(epoch));
                points.push(x, estimate);
            }
            panel = panel.marks(points.banded(&(self.name)(&arm)));
        }
        Ok(panel)
    }
}
