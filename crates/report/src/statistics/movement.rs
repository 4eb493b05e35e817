//! Whether a number still moves when training ends.

/// The window over which a number must stand still: a fifth of the epochs, and at least five.
#[must_use]
pub fn window(epochs: usize) -> usize {
    epochs.div_ceil(5).max(5)
}

/// How far a number moved over the last window of its epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Movement {
    /// The change over the window, and the last value.
    Change {
        /// The last value less the one before the window.
        by: f64,
        /// The value of the last epoch.
        last: f64,
    },
    /// The number varies, and there are fewer epochs than one and the window.
    TooFew(usize),
}

impl Movement {
    /// The change relative to the last value, without sign; infinite where there are too few epochs.
    #[must_use]
    pub fn share(&self) -> f64 {
        match *self {
            Self::Change { by: 0.0, .. } => 0.0,
            Self::Change { by, last } => (by / last).abs(),
            Self::TooFew(_) => f64::INFINITY,
        }
    }
}

/// The movement of the mean over seeds, whose values by epoch are given; `None` where one has none.
#[must_use]
pub fn movement(paths: &[Vec<f64>]) -> Option<Movement> {
    let epochs = paths.iter().map(Vec::len).min().filter(|epochs| *epochs > 0)?;
    let mean = |epoch: usize| paths.iter().map(|path| path[epoch]).sum::<f64>() / paths.len() as f64;
    let last = mean(epochs - 1);
    if (0..epochs).all(|epoch| mean(epoch) == last) {
        return Some(Movement::Change { by: 0.0, last });
    }
    let Some(before) = (epochs - 1).checked_sub(window(epochs)) else {
        return Some(Movement::TooFew(epochs));
    };
    let by = last - mean(before);
    Some(Movement::Change { by, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_of_six_epochs_that_still_move_are_seen_and_a_level_line_is_not() {
        // (134 − 97) / 134 by hand.
        let moved = movement(&[vec![97.0, 112.0, 122.0, 127.0, 131.0, 134.0]]).unwrap();
        assert_eq!(moved, Movement::Change { by: 37.0, last: 134.0 });
        assert!((moved.share() - 0.276_119_4).abs() < 1e-6);
        assert_eq!(movement(&[vec![50.0; 3]]).map(|still| still.share()), Some(0.0));
        assert_eq!(movement(&[vec![50.0, 51.0, 51.0]]), Some(Movement::TooFew(3)));
        assert_eq!(movement(&[]), None);
    }

    #[test]
    fn the_window_is_a_fifth_of_long_trainings() {
        let mut path = vec![100.0; 60];
        path[48..].fill(110.0);
        // 60 epochs: the window of 12 looks back at the place 47.
        assert_eq!(
            movement(&[path.clone()]),
            Some(Movement::Change { by: 10.0, last: 110.0 })
        );
        path[47] = 110.0;
        assert_eq!(movement(&[path]).map(|still| still.share()), Some(0.0));
    }
}
