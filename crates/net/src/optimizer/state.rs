//! The state that an optimizer keeps for one parameter, and its update in place.

use super::kind::{OptimizerKind, StateSpec};
use super::parameter_group::PlaceRates;
use crate::kernels::optimizer::{AdaMax, Adagrad, Adam, Rates, RmsProp, Schedule, Sgd, Steps, Update};
use crate::kernels::{Element, Threads};

/// A thread takes at least this many values, for fewer are not worth the hand-over.
const GRAIN: usize = 1 << 15;

/// The state of one parameter.
///
/// A place (row or column) that was born at count b has taken `steps − b` steps; a weight between two places is as old
/// as the younger of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot<E> {
    pub(crate) shape: Vec<usize>,
    pub(crate) states: Vec<Vec<E>>,
    pub(crate) steps: u64,
    /// The count at the birth of each row; empty where all are as old as the parameter.
    pub(crate) row_births: Vec<u64>,
    /// The count at the birth of each column (of a vector: of each value), likewise.
    pub(crate) column_births: Vec<u64>,
}

/// The rule of one parameter at one step: learning rate and weight decay with the group's settings in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'a> {
    pub kind: &'a OptimizerKind,
    pub rate: f64,
    pub weight_decay: f64,
    pub threads: Threads,
}

/// Up to three state arrays, as many as the rule has; the rest is empty.
type States<'a, E> = [&'a mut [E]; 3];

impl<E: Element> Slot<E> {
    pub(super) fn new(shape: &[usize], specs: &[StateSpec]) -> Self {
        let length = shape.iter().product();
        Self {
            shape: shape.to_vec(),
            states: specs.iter().map(|s| vec![E::from_f64(s.initial); length]).collect(),
            steps: 0,
            row_births: Vec::new(),
            column_births: Vec::new(),
        }
    }

    pub(crate) fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    pub(super) fn births_mut(&mut self, axis: usize) -> &mut Vec<u64> {
        if axis + 1 == self.shape.len() {
            &mut self.column_births
        } else {
            &mut self.row_births
        }
    }

    /// Takes one step; the lengths agree, as the caller has checked.
    pub(super) fn step(&mut self, rule: Rule<'_>, values: &mut [E], gradients: &[E], rates: &PlaceRates) {
        self.steps += 1;
        let columns = self.columns();
        let steps = self.steps;
        let (row_births, column_births) = (&self.row_births, &self.column_births);
        let mut states = self.states.iter_mut();
        let mut state = || states.next().map_or(&mut [] as &mut [E], Vec::as_mut_slice);
        let mut piece = Piece {
            values,
            gradients,
            states: [state(), state(), state()],
        };
        let rows = piece.values.len().checked_div(columns).unwrap_or(0);
        let of_row = |r: usize| (place(row_births, r, 0), place(&rates.rows, r, 1.0));
        let mut row = 0;
        while row < rows {
            let (birth, rate) = of_row(row);
            let alike = if row_births.is_empty() && rates.rows.is_empty() {
                rows - row
            } else {
                (row..rows).take_while(|r| of_row(*r) == (birth, rate)).count()
            };
            let (block, rest) = piece.split(alike * columns);
            piece = rest;
            row += alike;
            if column_births.is_empty() && rates.columns.is_empty() {
                let rule = Rule {
                    rate: rule.rate * rate,
                    ..rule
                };
                let ages = Ages {
                    steps: Steps::Uniform(steps - birth),
                    rates: Rates::Uniform,
                };
                block.update(rule, columns, ages, rule.threads.count());
                continue;
            }
            let ages: Vec<u64> = (0..columns)
                .map(|c| steps - birth.max(place(column_births, c, 0)))
                .collect();
            let factors: Vec<E> = (0..columns)
                .map(|c| place(&rates.columns, c, 1.0))
                .map(|own| E::from_f64(if own == 1.0 { rate } else { own }))
                .collect();
            let ages = Ages {
                steps: Steps::Columns(&ages),
                rates: Rates::Columns(&factors),
            };
            block.update(rule, columns, ages, rule.threads.count());
        }
    }
}

fn place<T: Copy>(list: &[T], index: usize, default: T) -> T {
    list.get(index).copied().unwrap_or(default)
}

/// Steps and rates of whole rows.
#[derive(Clone, Copy)]
struct Ages<'a, E> {
    steps: Steps<'a>,
    rates: Rates<'a, E>,
}

/// Neighbouring values of one parameter with their gradients and states.
struct Piece<'a, E> {
    values: &'a mut [E],
    gradients: &'a [E],
    states: States<'a, E>,
}

impl<'a, E: Element> Piece<'a, E> {
    fn split(self, at: usize) -> (Self, Self) {
        let (values, values_rest) = self.values.split_at_mut(at);
        let (gradients, gradients_rest) = self.gradients.split_at(at);
        let [a, b, c] = self.states.map(|s| {
            let at = at.min(s.len());
            s.split_at_mut(at)
        });
        (
            Self {
                values,
                gradients,
                states: [a.0, b.0, c.0],
            },
            Self {
                values: values_rest,
                gradients: gradients_rest,
                states: [a.1, b.1, c.1],
            },
        )
    }

    /// Updates whole rows, large pieces by several threads, which changes no result.
    fn update(self, rule: Rule<'_>, columns: usize, ages: Ages<'_, E>, threads: usize) {
        let rows = self.values.len() / columns.max(1);
        // Where all values are alike, a vector may be cut as well.
        let by_value = matches!((ages.steps, ages.rates), (Steps::Uniform(_), Rates::Uniform));
        let first = threads / 2;
        let share = |length: usize| length * first / threads;
        let middle = if by_value {
            share(self.values.len())
        } else {
            share(rows) * columns
        };
        if threads > 1 && middle >= GRAIN {
            let (left, right) = self.split(middle);
            let left = || left.update(rule, columns, ages, first);
            let right = || right.update(rule, columns, ages, threads - first);
            rayon::join(left, right);
            return;
        }
        let schedule = Schedule {
            columns,
            steps: ages.steps,
            rates: ages.rates,
        };
        let Self {
            values,
            gradients,
            states,
        } = self;
        E::update(&rule.update(), values, gradients, states, schedule);
    }
}

impl Rule<'_> {
    /// The rule as its kernel takes it.
    pub(crate) fn update(&self) -> Update {
        let (learning_rate, weight_decay) = (self.rate, self.weight_decay);
        let adam = |s: &super::AdamSettings, decoupled| {
            Update::Adam(Adam {
                learning_rate,
                beta1: s.beta1,
                beta2: s.beta2,
                epsilon: s.epsilon,
                weight_decay,
                decoupled,
            })
        };
        match self.kind {
            OptimizerKind::Sgd(s) => Update::Sgd(Sgd {
                learning_rate,
                momentum: s.momentum,
                dampening: s.dampening,
                weight_decay,
                nesterov: s.nesterov,
            }),
            OptimizerKind::Adam(s) => adam(s, false),
            OptimizerKind::AdamW(s) => adam(s, true),
            OptimizerKind::AdaMax(s) => Update::AdaMax(AdaMax {
                learning_rate,
                beta1: s.beta1,
                beta2: s.beta2,
                epsilon: s.epsilon,
                weight_decay,
            }),
            OptimizerKind::Adagrad(s) => Update::Adagrad(Adagrad {
                learning_rate,
                rate_decay: s.rate_decay,
                epsilon: s.epsilon,
                weight_decay,
            }),
            OptimizerKind::RmsProp(s) => Update::RmsProp(RmsProp {
                learning_rate,
                alpha: s.alpha,
                epsilon: s.epsilon,
                momentum: s.momentum,
                weight_decay,
                centered: s.centered,
            }),
        }
    }
}
