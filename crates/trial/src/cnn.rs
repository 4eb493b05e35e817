//! Convolutional networks that several experiments train.

use espalier_data::Dataset;
use espalier_experiment::Footprint;
use espalier_net::{Network, NetworkBuilder, NodeId, Window};
use espalier_seed::Seed;

/// Builds 3 × 3 convolutions `convK` of so many channels, each with a 2 × 2 pool `convK.pool`, then a dense layer `hidden` and
/// the `logits`; `activated` puts an activation behind the layer of a name.
///
/// # Errors
/// Refuses rows that are no images, and as the layers.
pub fn cnn(
    data: &Dataset,
    channels: &[usize],
    units: usize,
    seed: &Seed,
    activated: impl Fn(&mut NetworkBuilder, &str, NodeId) -> espalier_net::Result<NodeId>,
) -> anyhow::Result<Network<f32>> {
    let info = &data.info;
    let [height, width, inputs] = info.shape[..] else {
        anyhow::bail!("{}: expected images, found rows of shape {:?}", info.name, info.shape);
    };
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [height, width], inputs)?;
    for (k, channels) in (1..).zip(channels) {
        let name = format!("conv{k}");
        top = layers.conv(&name, top, *channels, Window::same(3))?;
        top = activated(&mut layers, &name, top)?;
        top = layers.max_pool(&format!("{name}.pool"), top, 2)?;
    }
    top = layers.flatten("flatten", top)?;
    top = layers.dense("hidden", top, units)?;
    top = activated(&mut layers, "hidden", top)?;
    let logits = layers.dense("logits", top, info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

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
