//! How one axis of an array follows an edit: the same map for weights, optimizer state, gradients and masks.

use serde::{Deserialize, Serialize};

use crate::layer::parameter::Side;

/// One old place's share in a new place of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacePart {
    /// The old index along the axis.
    pub from: usize,
    /// The factor a of the unit's fan-in weights; 0 where the unit does not descend from this one.
    pub incoming: f64,
    /// The factor g of the unit's fan-out weights.
    pub outgoing: f64,
}

impl PlacePart {
    /// The factor of stored values.
    #[must_use]
    pub fn value_factor(&self, side: Side) -> f64 {
        match side {
            Side::Incoming => self.incoming,
            Side::Outgoing => self.outgoing,
            Side::Through => f64::from(self.incoming != 0.0),
        }
    }

    /// The factor that the loss gradient takes; 0 for parts from which the unit does not descend.
    #[must_use]
    pub fn gradient_factor(&self, side: Side) -> f64 {
        if self.incoming == 0.0 {
            return 0.0;
        }
        match side {
            Side::Incoming => self.outgoing,
            Side::Outgoing => self.incoming,
            Side::Through => self.incoming * self.outgoing,
        }
    }
}

/// A run of places along the new axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AxisRun {
    /// Old places `from..from + length`, unchanged.
    Kept {
        /// The first old place.
        from: usize,
        /// How many.
        length: usize,
    },
    /// One place, made from old ones.
    Combined(Vec<PlacePart>),
    /// One old place whose values took a factor in, so that their gradients are divided by it; the unit is the same.
    Scaled {
        /// The old place.
        from: usize,
        /// The factor.
        factor: f64,
    },
    /// One place without a past; the numbers say which fresh unit and which of its occurrences.
    Fresh {
        /// Counts the fresh units of the edit.
        unit: usize,
        /// Which occurrence of the group on this axis.
        occurrence: usize,
    },
}

/// How one axis of one parameter follows an edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterMap {
    /// The parameter's name.
    pub parameter: String,
    /// The axis that changes, 0 or 1.
    pub axis: usize,
    /// What the axis is to the units.
    pub side: Side,
    /// The shape before this map.
    pub old_shape: Vec<usize>,
    /// The shape after it.
    pub new_shape: Vec<usize>,
    /// The new axis, run by run.
    pub runs: Vec<AxisRun>,
}

impl ParameterMap {
    /// Rebuilds an array that has the parameter's old shape; a scaled place counts as made from the one that it was.
    ///
    /// `combine(parts, at)` gives the value of a place that is made from `parts`, where `at(k)` reads the old value
    /// of part k; `fresh(unit, place)` gives the value of a place without a past, `place` counting the values of
    /// that unit's slice in row-major order.
    pub fn rebuild<T: Copy>(
        &self,
        old: &[T],
        combine: impl Fn(&[PlacePart], &dyn Fn(usize) -> T) -> T,
        fresh: impl Fn(usize, usize) -> T,
    ) -> Vec<T> {
        let part = |from: usize, factor: f64| {
            let inverse = if factor == 0.0 { 0.0 } else { 1.0 / factor };
            let (incoming, outgoing) = match self.side {
                Side::Outgoing => (inverse, factor),
                Side::Incoming | Side::Through => (factor, inverse),
            };
            PlacePart {
                from,
                incoming,
                outgoing,
            }
        };
        self.rebuild_scaled(old, &combine, fresh, |(from, factor), at| {
            combine(&[part(from, factor)], &|_| at)
        })
    }

    /// As [`ParameterMap::rebuild`], where `scaled((from, factor), value)` says what becomes of a scaled place's value.
    pub(crate) fn rebuild_scaled<T: Copy>(
        &self,
        old: &[T],
        combine: impl Fn(&[PlacePart], &dyn Fn(usize) -> T) -> T,
        fresh: impl Fn(usize, usize) -> T,
        scaled: impl Fn((usize, f64), T) -> T,
    ) -> Vec<T> {
        let (outer, inner) = self.strides();
        let old_length = self.old_shape[self.axis];
        let occurrences = self.occurrences();
        let mut new = Vec::with_capacity(self.new_shape.iter().product());
        for o in 0..outer {
            let base = o * old_length * inner;
            for run in &self.runs {
                match run {
                    AxisRun::Kept { from, length } => {
                        new.extend_from_slice(&old[base + from * inner..base + (from + length) * inner]);
                    }
                    AxisRun::Combined(parts) => {
                        new.extend(
                            (0..inner).map(|i| combine(parts, &|k: usize| old[base + parts[k].from * inner + i])),
                        );
                    }
                    AxisRun::Scaled { from, factor } => {
                        let values = &old[base + from * inner..base + (from + 1) * inner];
                        new.extend(values.iter().map(|v| scaled((*from, *factor), *v)));
                    }
                    AxisRun::Fresh { unit, occurrence } => {
                        let place = (o * occurrences + occurrence) * inner;
                        new.extend((0..inner).map(|i| fresh(*unit, place + i)));
                    }
                }
            }
        }
        new
    }

    /// How many values a fresh unit's slice holds.
    #[must_use]
    pub fn fresh_length(&self) -> usize {
        let (outer, inner) = self.strides();
        outer * self.occurrences() * inner
    }

    fn strides(&self) -> (usize, usize) {
        let outer = self.old_shape[..self.axis].iter().product();
        let inner = self.old_shape[self.axis + 1..].iter().product();
        (outer, inner)
    }

    /// How often the group stands on the axis; 1 where no unit is fresh.
    fn occurrences(&self) -> usize {
        let last = self.runs.iter().map(|run| match run {
            AxisRun::Fresh { occurrence, .. } => occurrence + 1,
            _ => 1,
        });
        last.max().unwrap_or(1)
    }
}
