//! How one digit is placed and inked.

use espalier_seed::Stream;

use super::SIDE;
use super::canvas::Canvas;
use super::shapes::Stroke;

/// Height of an upright digit of scale 1, in pixels.
const HEIGHT: f64 = 19.0;

/// The hand, the pen and the paper of one image. Lengths are in pixels.
pub(super) struct Style {
    /// The linear map from the digit's box to pixels, by rows.
    map: [[f64; 2]; 2],
    shift: [f64; 2],
    /// Amplitude (in box heights), frequency and phase of the wave along y that moves x,
    /// then of the wave along x that moves y.
    waves: [[f64; 3]; 2],
    pub half_width: f64,
    pub softness: f64,
    pub brightness: f64,
    /// Largest change of a pixel, as a part of full brightness.
    pub noise: f64,
    clutter: usize,
}

impl Style {
    pub fn draw(stream: &mut Stream) -> Self {
        let angle = (13.0 * stream.normal()).clamp(-30.0, 30.0).to_radians();
        let shear = stream.uniform_in(-0.42, 0.42);
        let [wide, high] = [stream.uniform_in(0.7, 1.2), stream.uniform_in(0.75, 1.12)].map(|scale| HEIGHT * scale);
        let (sin, cos) = angle.sin_cos();
        Self {
            // Turn after shear after scale.
            map: [
                [cos * wide, -cos * shear * high - sin * high],
                [sin * wide, -sin * shear * high + cos * high],
            ],
            shift: [stream.uniform_in(-2.75, 2.75), stream.uniform_in(-2.75, 2.75)],
            waves: [wave(0.075, stream), wave(0.06, stream)],
            half_width: stream.uniform_in(0.7, 1.9),
            softness: stream.uniform_in(0.6, 1.5),
            brightness: stream.uniform_in(0.65, 1.0),
            noise: stream.uniform_in(0.0, 0.4),
            clutter: stream.choose_weighted(&[0.5, 0.3, 0.2]).unwrap_or(0),
        }
    }

    /// Moves strokes from the digit's box to the image.
    pub fn place(&self, strokes: &mut [Stroke]) {
        let middle = SIDE as f64 / 2.0;
        for point in strokes.iter_mut().flatten() {
            let [x, y] = *point;
            let bend = |[size, frequency, phase]: [f64; 3], along: f64| size * (frequency * along + phase).sin();
            let (x, y) = (x + bend(self.waves[0], y), y + bend(self.waves[1], x));
            *point = [0, 1].map(|row| middle + self.shift[row] + self.map[row][0] * x + self.map[row][1] * y);
        }
    }

    /// Adds short stray strokes, weaker and thinner than the digit.
    pub fn clutter(&self, canvas: &mut Canvas, stream: &mut Stream) {
        for _ in 0..self.clutter {
            let side = SIDE as f64;
            let start = [stream.uniform_in(0.0, side), stream.uniform_in(0.0, side)];
            let end = start.map(|at| at + stream.uniform_in(-8.0, 8.0));
            canvas.clear_distances();
            canvas.stroke(&[start, end], 0.7);
            canvas.ink(0.7, self.softness, 0.7 * self.brightness);
        }
    }
}

fn wave(size: f64, stream: &mut Stream) -> [f64; 3] {
    [
        stream.uniform_in(-size, size),
        stream.uniform_in(3.0, 8.0),
        stream.uniform_in(0.0, std::f64::consts::TAU),
    ]
}
