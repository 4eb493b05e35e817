//! Recycles dead units of a network with a residual sum and a concat, whose group spans several producers and consumers.
//! `cargo run --release -p espalier-net --example recycle_dead_units`
#![allow(clippy::print_stdout)]

mod shared;

use espalier_net::{
    Activation, ApplyOptions, Certificate, DeviceChoice, NetworkBuilder, Optimizer, OptimizerKind, Plan, Session,
    Transplant, Units,
};
use espalier_seed::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new(5);
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], shared::FEATURES)?;
    let stem = layers.dense("stem", x, 12)?;
    let stem = layers.activation("stem.relu", stem, Activation::Relu)?;
    let up = layers.dense("up", stem, 10)?;
    let up = layers.activation("up.relu", up, Activation::Relu)?;
    let down = layers.dense("down", up, 12)?;
    let down = layers.activation("down.relu", down, Activation::Relu)?;
    let sum = layers.sum("sum", &[stem, down])?;
    let side = layers.dense("side", x, 5)?;
    let both = layers.concat("both", &[sum, side])?;
    let logits = layers.dense("logits", both, shared::CLASSES)?;
    let mut network = layers.build::<f32>(&[logits], &seed)?;

    // Kill two units of the group that the sum ties together: every producer gets a hopeless bias.
    let group = network.find_group("stem")?;
    for name in ["stem.bias", "down.bias"] {
        let bias = network.find_parameter(name)?;
        network.parameter_mut(bias).values_mut()[3] = -1e3;
        network.parameter_mut(bias).values_mut()[8] = -1e3;
    }
    print!("{}", network.explain(group, 3)?);

    let mut session = Session::new(&network, 256, &DeviceChoice::Cpu, &seed)?;
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let mut stream = seed.named("batches").stream();
    shared::train(&mut network, &mut session, &mut optimizer, 200, &mut stream)?;

    // A unit is dead when the sum it feeds never moves from zero.
    let node = network.find("sum")?;
    session.observe(&[node]);
    let probe = shared::draw(256, &mut stream);
    session.evaluate(&network, &[&probe.features])?;
    let width = network.width(node);
    let values = session.activation(node).ok_or("the sum was observed")?;
    let peak = |u: usize| {
        values
            .iter()
            .skip(u)
            .step_by(width)
            .fold(0.0_f32, |m, v| m.max(v.abs()))
    };
    let peaks: Vec<f32> = (0..width).map(peak).collect();
    let dead: Vec<usize> = (0..width).filter(|u| peaks[*u] == 0.0).collect();
    let donor = (0..width)
        .max_by(|a, b| peaks[*a].total_cmp(&peaks[*b]))
        .ok_or("no unit")?;
    println!("dead {dead:?}, donor {donor}");

    let shares = vec![0.25; dead.len()];
    let edit = Units::of(&network, group).recycle(&dead, donor, &shares)?.edit("dead");
    let certificate = Certificate {
        inputs: vec![&probe.features],
        samples: 256,
        tolerance: Some(1e-5),
    };
    let options = ApplyOptions {
        certificate: Some(certificate),
        ..ApplyOptions::default()
    };
    let applied = network.apply(&Plan::new("dead for 256 samples").with(edit), &options)?;
    optimizer.follow(&applied, &network, Transplant::Exact)?;
    println!(
        "recycled, outputs moved by {:.1e}",
        applied.deviation.unwrap_or(f64::NAN)
    );
    shared::train(&mut network, &mut session, &mut optimizer, 400, &mut stream)?;
    println!("accuracy {:.3}", shared::accuracy(&network, &mut session)?);
    let path = std::env::temp_dir().join(format!("espalier-residual-{}.svg", std::process::id()));
    std::fs::write(&path, network.draw())?;
    println!("drawn in {}", path.display());
    Ok(())
}
