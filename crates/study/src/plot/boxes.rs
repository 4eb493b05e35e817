//! How far the nets of an arm lie apart.

use espalier_report::figure::{Axis, BoxSummary, Mark, Panel};

use super::{Draw, Place};
use crate::Result;
use crate::arm::Arm;
use crate::factor::Where;
use crate::quantity::Quantity;

/// A quantity's distribution over seeds, one box for each arm.
#[must_use]
pub struct Boxes<T> {
    quantity: Quantity<T>,
    arms: Where,
    name: fn(&Arm) -> String,
    y: Option<Axis>,
}

/// Draws a box for each chosen arm with a number in every seed, under the arm's name.
pub fn boxes<T>(quantity: &Quantity<T>, arms: &Where) -> Boxes<T> {
    Boxes {
        quantity: *quantity,
        arms: arms.clone(),
        name: |arm| arm.name.clone(),
        y: None,
    }
}

impl<T> Boxes<T> {
    /// Names arms otherwise.
    pub fn named(self, name: fn(&Arm) -> String) -> Self {
        Self { name, ..self }
    }

    /// Takes another y axis than the quantity's.
    pub fn y(self, axis: Axis) -> Self {
        Self { y: Some(axis), ..self }
    }
}

impl<T: 'static> Draw<T> for Boxes<T> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        let arms = place.study.chosen(&self.arms.clone().and(place.facet.clone()));
        let mut boxes = Vec::new();
        for (slot, arm) in arms.iter().enumerate() {
            let values = place.set.values(&arm.name, &self.quantity);
            if !values.is_empty() && values.iter().all(|value| value.is_finite()) {
                boxes.push(BoxSummary::of(slot as f64, values)?);
            }
        }
        let y = self.y.clone().unwrap_or_else(|| self.quantity.axis());
        Ok(Panel::new("", Axis::category("", arms.iter().map(self.name)), y).mark(Mark::boxes(boxes)))
    }
}
