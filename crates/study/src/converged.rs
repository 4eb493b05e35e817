//! Whether what a claim is about still moves when training ends.

use espalier_report::statistics::figures;

use crate::arm::Arm;
use crate::bound::Bound;
use crate::claim::Declared;
use crate::judge::inside;
use crate::quantity::Quantity;
use crate::study::{Set, Study};

/// The share by which what a claim is about may still move at the end of training.
pub(crate) const TOLERANCE: f64 = 0.05;

impl<T: 'static> Study<T> {
    /// The arm that moves most beyond the tolerance in what a claim is about, in words.
    pub(crate) fn moving(&self, set: &Set<T>, claim: &Declared<T>, bound: &Bound<T>) -> Option<String> {
        let mut worst: Option<(f64, String)> = None;
        for quantity in bound.quantities.iter().chain(&claim.settled) {
            for arm in bound.arms() {
                let Some((share, words)) = self.moves(set, quantity, arm) else {
                    continue;
                };
                if worst.as_ref().is_none_or(|(most, _)| share > *most) {
                    worst = Some((share, words));
                }
            }
        }
        worst.map(|(_, words)| words)
    }

    /// An arm that has not come as far as the nets that a claim is about, in words.
    pub(crate) fn short_of(&self, set: &Set<T>, claim: &Declared<T>, bound: &Bound<T>) -> Option<String> {
        let (quantity, zone) = claim.reaching.as_ref()?;
        bound.arms().into_iter().find_map(|arm| {
            let values = set.values(&arm.name, quantity);
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let words = || format!("{} of {}: {}, {zone} needed", quantity.name, arm.name, figures(mean, 2));
            let far_enough = inside(*zone, mean) > 0.0;
            (!far_enough).then(words)
        })
    }

    /// How far an arm moves in a quantity beyond the tolerance, and that in words.
    pub(crate) fn moves(&self, set: &Set<T>, quantity: &Quantity<T>, arm: &Arm) -> Option<(f64, String)> {
        let path = quantity.path?;
        let paths: Vec<Vec<f64>> = set.of(&arm.name).map(path).collect();
        let epochs = paths.iter().map(Vec::len).min().unwrap_or(0);
        let course = quantity.followed();
        let (movement, most) = (course.movement(&paths)?, TOLERANCE);
        let share = movement.share();
        // A share that is no number does not stand still either.
        if share <= most {
            return None;
        }
        Some((share, course.told(&arm.name, &movement, epochs, most)))
    }
}
