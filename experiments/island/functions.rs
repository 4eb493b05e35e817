//! Functions with 2ⁿ parts, and the descent on them.

use espalier_seed::{Seed, Stream};

use crate::Sizes;

/// How much a well on the good side is lower.
const TILT: f64 = 0.3;
/// The first step of the descent, and its share from one step to the next: 1.5 in all, which reaches from a well's edge to its floor.
const FIRST: f64 = 0.03;
const SHRINKS: f64 = 0.98;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Island,
    Wells,
}

/// Descends from all starts and tells how good each end is.
pub fn qualities(shape: Shape, n: usize, s: &Sizes, seed: &Seed) -> Vec<f64> {
    let mut signs = seed.named("signs").stream();
    let signs: Vec<f64> = (0..n).map(|_| if signs.bernoulli(0.5) { 1.0 } else { -1.0 }).collect();
    let mut starts = seed.named("starts").stream();
    (0..s.starts)
        .map(|_| shape.quality(&signs, &mut starts, s.descent))
        .collect()
}

impl Shape {
    /// The reach of the cube in which starts are drawn.
    fn reach(self) -> f64 {
        match self {
            Self::Island => 1.0,
            Self::Wells => 1.5,
        }
    }

    fn quality(self, signs: &[f64], starts: &mut Stream, steps: usize) -> f64 {
        let reach = self.reach();
        // Mirrored, so that the best part is that of positive numbers.
        let mut x: Vec<f64> = signs
            .iter()
            .map(|sign| sign * starts.uniform_in(-reach, reach))
            .collect();
        let mut step = FIRST;
        for _ in 0..steps {
            // In the fog nothing has a slope: one parameter on the wrong side keeps all others in the dark.
            if self == Self::Island && x.iter().any(|x| *x <= 0.0) {
                break;
            }
            x.iter_mut().for_each(|x| *x -= step * self.slope(*x).signum());
            step *= SHRINKS;
        }
        self.value(&x)
    }

    /// The slope along one parameter, but for a positive factor.
    fn slope(self, x: f64) -> f64 {
        match self {
            Self::Island => x - 0.5,
            Self::Wells => 4.0 * x * (x * x - 1.0) - TILT,
        }
    }

    /// 1 at the best, 0 in the fog or in the worst of all wells.
    fn value(self, x: &[f64]) -> f64 {
        let tent = |x: f64| (1.0 - (2.0 * x - 1.0).abs()).max(0.0);
        let well = |x: f64| (x * x - 1.0).powi(2) - TILT * x;
        match self {
            Self::Island => x.iter().copied().map(tent).product(),
            Self::Wells => {
                let (low, high) = (well(floor(1.0)), well(floor(-1.0)));
                x.iter().map(|x| (high - well(*x)) / (high - low)).sum::<f64>() / x.len() as f64
            }
        }
    }
}

/// The stationary point of a well that Newton's method reaches from a place near it.
fn floor(near: f64) -> f64 {
    (0..30).fold(near, |x, _| x - Shape::Wells.slope(x) / (12.0 * x * x - 4.0))
}

/// The chance of a start to end in the best part.
pub fn chance(shape: Shape, n: usize) -> f64 {
    let reach = shape.reach();
    let edge = match shape {
        Shape::Island => 0.0,
        Shape::Wells => floor(0.0),
    };
    ((reach - edge) / (2.0 * reach)).powi(i32::try_from(n).unwrap_or(i32::MAX))
}
