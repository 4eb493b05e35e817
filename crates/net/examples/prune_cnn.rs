//! Trains a gated convolutional network, removes the channels whose gates closed, and folds the gates into the weights.
//! `cargo run --release -p espalier-net --example prune_cnn`
#![allow(clippy::print_stdout)]

use espalier_net::{
    Activation, ApplyOptions, DeviceChoice, Edit, GateForm, LossKind, NetworkBuilder, Optimizer, OptimizerKind, Plan,
    Role, Session, Target, Transplant, Units, Window,
};
use espalier_seed::{Seed, Stream};

const SIDE: usize = 8;

/// Bars on an 8×8 map: class 0 lies, class 1 stands.
fn draw(samples: usize, stream: &mut Stream) -> (Vec<f32>, Vec<u32>) {
    let mut features = Vec::with_capacity(samples * SIDE * SIDE);
    let mut labels = Vec::with_capacity(samples);
    for _ in 0..samples {
        let (label, at) = (stream.below(2), stream.below(SIDE));
        for y in 0..SIDE {
            for x in 0..SIDE {
                let on = if label == 0 { y == at } else { x == at };
                features.push((f64::from(u8::from(on)) + 0.4 * stream.normal()) as f32);
            }
        }
        labels.push(label as u32);
    }
    (features, labels)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new(11);
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [SIDE, SIDE], 1)?;
    let mut top = layers.conv("conv", x, 16, Window::same(3))?;
    top = layers.activation("relu", top, Activation::Relu)?;
    top = layers.gate("gate", top, GateForm::Rectified)?;
    top = layers.max_pool("pool", top, 2)?;
    top = layers.flatten("flatten", top)?;
    let logits = layers.dense("logits", top, 2)?;
    let mut network = layers.build::<f32>(&[logits], &seed)?;
    let mut session = Session::new(&network, 64, &DeviceChoice::Cpu, &seed)?;
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let mut stream = seed.named("batches").stream();
    let gate = network
        .node(network.find("gate")?)
        .parameter(Role::Gate)
        .ok_or("no gate")?;

    for _ in 0..600 {
        let (features, labels) = draw(64, &mut stream);
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        session.loss_and_gradients(&mut network, &[&features], target, LossKind::CrossEntropy)?;
        // The L1 penalty of the liveness gates: λ·Σ max(θ, 0).
        let open: Vec<bool> = network.parameter(gate).values().iter().map(|v| *v > 0.0).collect();
        for (gradient, open) in session.gradient_mut(gate).iter_mut().zip(open) {
            *gradient += if open { 0.02 } else { 0.0 };
        }
        optimizer.step(&mut network, |id| session.gradient(id), 5e-3)?;
    }
    let (features, labels) = draw(1000, &mut seed.named("test").stream());
    let accuracy = |network: &espalier_net::Network, session: &mut Session<f32>| {
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        session
            .score(network, &[&features], target, LossKind::CrossEntropy)
            .map(|s| s.correct as f64 / s.samples as f64)
    };
    println!(
        "gated: {:?}, accuracy {:.3}",
        network.cost(),
        accuracy(&network, &mut session)?
    );

    let group = network.find_group("conv")?;
    let closed: Vec<usize> = network
        .parameter(gate)
        .values()
        .iter()
        .enumerate()
        .filter(|(_, v)| **v <= 0.0)
        .map(|(u, _)| u)
        .collect();
    let closed = &closed[..closed.len().min(network.group(group).width() - 1)];
    let prune = Units::of(&network, group).prune(closed)?.edit("closed gate");
    let plan = Plan::new("compact").with(prune).with(Edit::FoldGate {
        gate: "gate".to_owned(),
    });
    let applied = network.apply(&plan, &ApplyOptions::default())?;
    optimizer.follow(&applied, &network, Transplant::Exact)?;
    println!(
        "{} channels removed, gate folded: {:?}, accuracy {:.3}",
        closed.len(),
        network.cost(),
        accuracy(&network, &mut session)?
    );
    Ok(())
}
