//! A 28 × 28 sheet that strokes are drawn on.

use espalier_seed::Stream;

use super::SIDE;

const PIXELS: usize = SIDE * SIDE;
/// A stroke fades out within this many pixels beyond its half width at the softest.
const REACH: f64 = 1.6;

/// Pixels, and the squared distance of each to the nearest line drawn so far.
pub(super) struct Canvas {
    distances: [f64; PIXELS],
    ink: [f64; PIXELS],
    pixels: [u8; PIXELS],
}

impl Canvas {
    pub fn new() -> Self {
        Self {
            distances: [f64::INFINITY; PIXELS],
            ink: [0.0; PIXELS],
            pixels: [0; PIXELS],
        }
    }

    /// Makes a blank sheet of it.
    pub fn clear(&mut self) {
        self.clear_distances();
        self.ink = [0.0; PIXELS];
    }

    /// Forgets the lines drawn so far, but not the ink.
    pub fn clear_distances(&mut self) {
        self.distances = [f64::INFINITY; PIXELS];
    }

    /// Draws the lines of a stroke, which do not show before they are inked.
    pub fn stroke(&mut self, points: &[[f64; 2]], half_width: f64) {
        for ends in points.windows(2) {
            self.line(ends[0], ends[1], half_width + REACH);
        }
    }

    /// Lowers the distances of the pixels within `reach` of a line; pixel centres lie at
    /// halves.
    fn line(&mut self, from: [f64; 2], to: [f64; 2], reach: f64) {
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0] * along[0] + along[1] * along[1];
        let inverse = if length > 0.0 { 1.0 / length } else { 0.0 };
        let range = |axis: usize| {
            let (low, high) = (from[axis].min(to[axis]) - reach, from[axis].max(to[axis]) + reach);
            // `as` saturates, so lines beyond the sheet give an empty or clipped range.
            (low.floor() as usize).min(SIDE)..(high.ceil() as usize).min(SIDE)
        };
        for row in range(1) {
            let y = row as f64 + 0.5 - from[1];
            for column in range(0) {
                let x = column as f64 + 0.5 - from[0];
                let at = ((x * along[0] + y * along[1]) * inverse).clamp(0.0, 1.0);
                let (dx, dy) = (x - at * along[0], y - at * along[1]);
                let nearest = &mut self.distances[row * SIDE + column];
                *nearest = nearest.min(dx * dx + dy * dy);
            }
        }
    }

    /// Inks the lines: full brightness within the half width, fading over `softness` pixels
    /// around its edge, which is what a blurred stroke looks like.
    pub fn ink(&mut self, half_width: f64, softness: f64, brightness: f64) {
        for (ink, &distance) in self.ink.iter_mut().zip(&self.distances) {
            if distance < f64::INFINITY {
                let edge = ((half_width - distance.sqrt()) / softness + 0.5).clamp(0.0, 1.0);
                let smooth = edge * edge * (3.0 - 2.0 * edge);
                *ink = ink.max(brightness * smooth);
            }
        }
    }

    /// Turns ink into bytes with a grain of noise, each at most `noise` and triangular
    /// (the sum of two uniform bytes).
    pub fn grain(&mut self, noise: f64, stream: &mut Stream) {
        for (four, inks) in self.pixels.chunks_exact_mut(4).zip(self.ink.chunks_exact(4)) {
            let mut random = stream.next_u64();
            for (pixel, &ink) in four.iter_mut().zip(inks) {
                let sum = (random & 0xff) + (random >> 8 & 0xff);
                random >>= 16;
                let grain = noise * (sum as f64 / 255.0 - 1.0);
                *pixel = (255.0 * (ink + grain)).round().clamp(0.0, 255.0) as u8;
            }
        }
    }

    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}
