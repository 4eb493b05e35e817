//! Whether what a claim is about still moves when training ends.

use espalier_report::statistics::figures;

use crate::arm::Arm;
use crate::bound::Bound;
use crate::claim::Declared;
use crate::judge::inside;
use crate::quantity::Quantity;
use crate::study::{Set, Study};

/// The window over which a number must stand still: a fifth of the epochs, and at least five.
fn window(epochs: usize) -> usize {
    epochs.div_ceil(5).max(5)
}

/// The share by which a number moved over the last window of its epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Movement {
    /// The change over the window relative to the last value.
    Share(f64),
    /// The number varies, and there are fewer epochs than one and the window.
    TooFew(usize),
}

/// The movement of the mean over seeds; `None` where no net has values by epoch.
#[must_use]
pub fn movement(paths: &[Vec<f64>]) -> Option<Movement> {
    let epochs = paths.iter().map(Vec::len).min().filter(|epochs| *epochs > 0)?;
    let mean = |epoch: usize| paths.iter().map(|path| path[epoch]).sum::<f64>() / paths.len() as f64;
    let last = mean(epochs - 1);
    if (0..epochs).all(|epoch| mean(epoch) == last) {
        return Some(Movement::Share(0.0));
    }
    let Some(before) = (epochs - 1).checked_sub(window(epochs)) else {
        return Some(Movement::TooFew(epochs));
    };
    let change = last - mean(before);
    Some(Movement::Share(if change == 0.0 { 0.0 } else { change / last.abs() }))
}

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
        match movement(&paths)? {
            Movement::TooFew(epochs) => Some((
                f64::INFINITY,
                format!(
                    "{epochs} epochs do not show whether {} stands still in {}",
                    arm.name, quantity.name
                ),
            )),
            // A share that is no number does not stand still either.
            Movement::Share(share) if share.abs() <= self.tolerances.moving => None,
            Movement::Share(share) => Some((
                share.abs(),
                format!(
                    "{} still moves by {:+.decimals$} % in {} over the last {} of {epochs} epochs",
                    arm.name,
                    share * 100.0,
                    quantity.name,
                    window(epochs),
                    decimals = usize::from(share.abs() < 0.1)
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn six_of_six_epochs_that_still_move_are_seen_and_a_level_line_is_not() {
        // (134 − 97) / 134 by hand.
        let Some(Movement::Share(share)) = movement(&[vec![97.0, 112.0, 122.0, 127.0, 131.0, 134.0]]) else {
            panic!("no share")
        };
        assert!((share - 0.276_119_4).abs() < 1e-6);
        assert_eq!(movement(&[vec![50.0; 3]]), Some(Movement::Share(0.0)));
        assert_eq!(movement(&[vec![50.0, 51.0, 51.0]]), Some(Movement::TooFew(3)));
        assert_eq!(movement(&[]), None);
    }

    #[test]
    fn the_window_is_a_fifth_of_long_trainings() {
        let mut path = vec![100.0; 60];
        path[48..].fill(110.0);
        // 60 epochs: the window of 12 looks back at the place 47.
        assert_eq!(movement(&[path.clone()]), Some(Movement::Share(10.0 / 110.0)));
        path[47] = 110.0;
        assert_eq!(movement(&[path]), Some(Movement::Share(0.0)));
    }
}
