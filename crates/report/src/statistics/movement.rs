//! Whether a number still moves when training ends.

use super::figures;

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

/// What is followed over the epochs, with its unit, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// Its name in words.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

impl Course {
    /// The least change that counts as one, in its unit: a hundredth of a hidden unit, whatever is left of a layer that closes.
    #[must_use]
    pub fn least(&self) -> f64 {
        if self.unit == "units" { 0.01 } else { 0.0 }
    }

    /// The movement of the mean over seeds, whose values by epoch are given; `None` where one has none.
    #[must_use]
    pub fn movement(&self, paths: &[Vec<f64>]) -> Option<Movement> {
        let epochs = paths.iter().map(Vec::len).min().filter(|epochs| *epochs > 0)?;
        let mean = |epoch: usize| paths.iter().map(|path| path[epoch]).sum::<f64>() / paths.len() as f64;
        let last = mean(epochs - 1);
        let still = |by: f64| by == 0.0 || by.abs() < self.least();
        if (0..epochs).all(|epoch| still(last - mean(epoch))) {
            return Some(Movement::Change { by: 0.0, last });
        }
        let Some(before) = (epochs - 1).checked_sub(window(epochs)) else {
            return Some(Movement::TooFew(epochs));
        };
        let by = last - mean(before);
        let by = if still(by) { 0.0 } else { by };
        Some(Movement::Change { by, last })
    }

    /// Says that a net moves, and by how much it might: by a share of its last value, or by what counts as no change at all.
    #[must_use]
    pub fn told(&self, net: &str, movement: &Movement, epochs: usize, share: f64) -> String {
        let name = self.name;
        match *movement {
            Movement::TooFew(epochs) => format!("{epochs} epochs do not show whether {net} stands still in {name}"),
            Movement::Change { by, last } => {
                let still = (share * last).abs().max(self.least());
                let (by, still, window) = (self.signed(by), self.amount(still), window(epochs));
                format!(
                    "{net} still moves by {by} in {name} over the last {window} of {epochs} epochs, where {still} would count as still"
                )
            }
        }
    }

    /// Says how many nets move by more than a share when training ends, and which most; of none that all stand still.
    #[must_use]
    pub fn settled(&self, moving: usize, all: usize, share: f64, worst: Option<&str>) -> String {
        let (name, least, percent) = (self.name, self.least(), 100.0 * share);
        let floor = if least > 0.0 {
            format!(" and {}", self.amount(least))
        } else {
            String::new()
        };
        match worst {
            None => format!("No {name} moves by more than {percent} %{floor} when training ends."),
            Some(worst) => format!(
                "{moving} of {all} arms move by more than {percent} %{floor} in {name} when training ends: {worst}. Claims about \
                 them are not converged."
            ),
        }
    }

    /// Says in which seeds it is closed, so that there is no ratio to it.
    #[must_use]
    pub fn closed(&self, all: usize, seeds: &[String]) -> String {
        let (name, least, count) = (self.name, self.amount(self.least()), seeds.len());
        format!(
            "closed in {count} of {all} seeds ({}): {name} below {least} has no ratio",
            seeds.join(", ")
        )
    }

    fn signed(&self, by: f64) -> String {
        let sign = if by > 0.0 { "+" } else { "" };
        format!("{sign}{}", self.amount(by))
    }

    /// A number with its unit; fractions are shown as points.
    fn amount(&self, number: f64) -> String {
        let (factor, unit) = match self.unit {
            "fraction" => (100.0, "points"),
            unit => (1.0, unit),
        };
        format!("{} {unit}", figures(number * factor, 3)).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Course = Course {
        name: "size",
        unit: "units",
    };

    fn movement(paths: &[Vec<f64>]) -> Option<Movement> {
        UNITS.movement(paths)
    }

    #[test]
    fn what_is_left_of_a_closed_layer_stands_still_and_the_floor_is_said() {
        let closing = [1e-5, 9e-6, 8e-6, 6e-6, 5e-6, 3e-6, 1e-6].to_vec();
        assert_eq!(
            movement(std::slice::from_ref(&closing)).map(|still| still.share()),
            Some(0.0)
        );
        let other = Course { unit: "", ..UNITS };
        assert!(other.movement(&[closing]).is_some_and(|moving| moving.share() > 1.0));
        let just_closed = [[9.0; 3].to_vec(), [1e-6; 4].to_vec()].concat();
        let moving = movement(&[just_closed]).unwrap();
        let said =
            "a still moves by -9 units in size over the last 5 of 7 epochs, where 0.01 units would count as still";
        assert_eq!(UNITS.told("a", &moving, 7, 0.05), said);
    }

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
