//! The loop that runs a rule over a matrix of parameters.

use super::{Rates, Schedule, Steps};
use crate::kernels::element::Element;

/// What one parameter's update needs besides its values.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients<E> {
    /// Size of the step, learning rate and bias correction included.
    pub step: E,
    /// A second factor, by the rule: Adam's 1 / √(1 − β₂ᵗ), momentum's part of the new gradient.
    pub second: E,
    /// What weight decay leaves of the parameter.
    pub keep: E,
}

/// An update rule with `S` states for each parameter.
pub trait Rule<E, const S: usize>: Copy {
    fn coefficients(&self, step: u64, rate: f64) -> Coefficients<E>;
    fn update(&self, parameter: E, gradient: E, state: [E; S], c: Coefficients<E>) -> (E, [E; S]);
}

/// Columns whose coefficients are prepared together.
const BLOCK: usize = 256;

/// Coefficients of neighbouring columns.
pub struct Block<E> {
    width: usize,
    step: [E; BLOCK],
    second: [E; BLOCK],
    keep: [E; BLOCK],
}

impl<E: Element> Block<E> {
    fn filled(width: usize, c: Coefficients<E>) -> Self {
        Self {
            width,
            step: [c.step; BLOCK],
            second: [c.second; BLOCK],
            keep: [c.keep; BLOCK],
        }
    }

    fn set(&mut self, i: usize, c: Coefficients<E>) {
        (self.step[i], self.second[i], self.keep[i]) = (c.step, c.second, c.keep);
    }

    #[inline(always)]
    fn slices(&self) -> (&[E], &[E], &[E]) {
        (
            &self.step[..self.width],
            &self.second[..self.width],
            &self.keep[..self.width],
        )
    }
}

/// Runs a rule over a matrix, a block of columns at a time.
pub fn run<E: Element, R: Rule<E, S>, const S: usize>(
    rule: &R,
    parameters: &mut [E],
    gradients: &[E],
    mut state: [&mut [E]; S],
    schedule: Schedule<'_, E>,
) where
    for<'s> [&'s mut [E]; S]: Drive<E, S>,
{
    assert_eq!(parameters.len(), gradients.len(), "one gradient for each parameter");
    for slice in &state {
        assert_eq!(parameters.len(), slice.len(), "one state for each parameter");
    }
    if let (Steps::Uniform(step), Rates::Uniform) = (schedule.steps, schedule.rates) {
        let block = Block::filled(BLOCK, rule.coefficients(step, 1.0));
        return state.drive(rule, parameters, gradients, &block);
    }
    let columns = schedule.columns;
    let by_element = matches!(schedule.rates, Rates::Elements(_));
    for from in (0..columns).step_by(BLOCK) {
        let width = BLOCK.min(columns - from);
        let mut block = Block::filled(width, rule.coefficients(1, 1.0));
        fill(rule, &schedule, from, from, &mut block);
        if width == columns && !by_element {
            return state.drive(rule, parameters, gradients, &block);
        }
        for start in (from..parameters.len()).step_by(columns) {
            if by_element {
                fill(rule, &schedule, from, start, &mut block);
            }
            let range = start..start + width;
            let part = state.each_mut().map(|slice| &mut slice[range.clone()]);
            part.drive(rule, &mut parameters[range.clone()], &gradients[range], &block);
        }
    }
}

/// Prepares the coefficients of the columns from `column` on, whose first parameter is at `start`.
fn fill<E: Element, R: Rule<E, S>, const S: usize>(
    rule: &R,
    schedule: &Schedule<'_, E>,
    column: usize,
    start: usize,
    block: &mut Block<E>,
) {
    for i in 0..block.width {
        let step = match schedule.steps {
            Steps::Uniform(step) => step,
            Steps::Columns(steps) => steps[column + i],
        };
        let rate = match schedule.rates {
            Rates::Uniform => 1.0,
            Rates::Columns(rates) => rates[column + i].to_f64(),
            Rates::Elements(rates) => rates[start + i].to_f64(),
        };
        block.set(i, rule.coefficients(step, rate));
    }
}

/// The loop of a rule with `S` states, each state a slice of its own so that the loop vectorises.
pub trait Drive<E, const S: usize> {
    fn drive<R: Rule<E, S>>(self, rule: &R, parameters: &mut [E], gradients: &[E], block: &Block<E>);
}

macro_rules! drive {
    ($count:literal, $name:ident, [$($state:ident: $new:ident),*]) => {
        impl<E: Element> Drive<E, $count> for [&mut [E]; $count] {
            fn drive<R: Rule<E, $count>>(self, rule: &R, parameters: &mut [E], gradients: &[E], block: &Block<E>) {
                let [$($state),*] = self;
                $name(rule, parameters, gradients, $($state,)* block);
            }
        }

        multiversion! {
            fn $name<E: Element, R: Rule<E, $count>>(
                rule: &R,
                parameters: &mut [E],
                gradients: &[E],
                $($state: &mut [E],)*
                block: &Block<E>,
            ) {
                let rule = *rule;
                for start in (0..parameters.len()).step_by(block.width) {
                    let n = block.width.min(parameters.len() - start);
                    let (p, g) = (&mut parameters[start..start + n], &gradients[start..start + n]);
                    $(let $state = &mut $state[start..start + n];)*
                    let (step, second, keep) = block.slices();
                    let (step, second, keep) = (&step[..n], &second[..n], &keep[..n]);
                    for i in 0..n {
                        let c = Coefficients { step: step[i], second: second[i], keep: keep[i] };
                        let (new, [$($new),*]) = rule.update(p[i], g[i], [$($state[i]),*], c);
                        p[i] = new;
                        $($state[i] = $new;)*
                    }
                }
            }
        }
    };
}

drive!(0, drive_stateless, []);
drive!(1, drive_one, [first: a]);
drive!(2, drive_two, [first: a, second_state: b]);
drive!(3, drive_three, [first: a, second_state: b, third: c_state]);
