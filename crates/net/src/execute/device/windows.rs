//! Windows over maps as index lists and averaging matrices.

use crate::layer::Window;

/// For each output position and kernel position, the input position that lies there; `outside` in the padding.
pub(crate) fn taps(window: &Window, map: [usize; 2], outside: u32) -> Vec<u32> {
    let Some(output) = window.output(map) else {
        return Vec::new();
    };
    let mut taps = Vec::with_capacity(output[0] * output[1] * window.kernel[0] * window.kernel[1]);
    for oy in 0..output[0] {
        for ox in 0..output[1] {
            for ky in 0..window.kernel[0] {
                for kx in 0..window.kernel[1] {
                    let y = inside(oy * window.stride[0] + ky, window.padding[0], map[0]);
                    let x = inside(ox * window.stride[1] + kx, window.padding[1], map[1]);
                    taps.push(match (y, x) {
                        (Some(y), Some(x)) => (y * map[1] + x) as u32,
                        _ => outside,
                    });
                }
            }
        }
    }
    taps
}

fn inside(padded: usize, padding: usize, extent: usize) -> Option<usize> {
    padded.checked_sub(padding).filter(|&at| at < extent)
}

/// The matrix (input positions, output positions) whose columns average a window, padding not counted.
pub(crate) fn averages(window: &Window, map: [usize; 2]) -> Vec<f64> {
    let positions = map[0] * map[1];
    let taps = taps(window, map, positions as u32);
    let kernel = window.kernel[0] * window.kernel[1];
    let outputs = taps.len() / kernel;
    let mut matrix = vec![0.0; positions * outputs];
    for (output, taps) in taps.chunks_exact(kernel).enumerate() {
        let covered = taps.iter().filter(|&&t| (t as usize) < positions);
        let share = 1.0 / covered.clone().count().max(1) as f64;
        for &tap in covered {
            matrix[tap as usize * outputs + output] = share;
        }
    }
    matrix
}

/// The matrix (input positions, output positions) of an adaptive average: cell i of n covers ⌊i·h/n⌋ to ⌈(i+1)·h/n⌉.
pub(crate) fn adaptive_averages(map: [usize; 2], output: [usize; 2]) -> Vec<f64> {
    let range = |i: usize, extent: usize, count: usize| i * extent / count..((i + 1) * extent).div_ceil(count);
    let outputs = output[0] * output[1];
    let mut matrix = vec![0.0; map[0] * map[1] * outputs];
    for oy in 0..output[0] {
        for ox in 0..output[1] {
            let (rows, columns) = (range(oy, map[0], output[0]), range(ox, map[1], output[1]));
            let share = 1.0 / (rows.len() * columns.len()) as f64;
            for y in rows {
                for x in columns.clone() {
                    matrix[(y * map[1] + x) * outputs + oy * output[1] + ox] = share;
                }
            }
        }
    }
    matrix
}
