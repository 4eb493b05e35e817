//! Bytes of networks that several experiments train.

use espalier_data::Dataset;
use espalier_experiment::Footprint;

/// The bytes of a CNN at its largest: two convolutions of `kernel` × `kernel` with ReLUs and 2 × 2 pools and a dense layer, of
/// `widths` channels and units, before ten logits; `batch` images per step. Nothing for rows that are no images, and for other
/// than three widths.
#[must_use]
pub fn cnn_footprint(data: &Dataset, widths: &[usize], kernel: usize, batch: usize) -> Footprint {
    let ([height, width, inputs], [first, second, units]) = (&data.info.shape[..], widths) else {
        return Footprint::default();
    };
    let (positions, window, inputs) = ((height * width) as f64, (kernel * kernel) as f64, *inputs as f64);
    let (first, second, units) = (*first as f64, *second as f64, *units as f64);
    let flat = second * ((height / 4) * (width / 4)) as f64;
    // Gathered rows of a window, values before and after ReLU, gate and pool.
    let values = positions * (window * inputs + 3.0 * first) + positions / 4.0 * (window * first + 3.0 * second);
    Footprint::default()
        .parameters(window * (inputs * first + first * second) + (flat + 10.0) * units)
        .activations(batch, values + flat + 3.0 * units)
}
