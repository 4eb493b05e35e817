//! A network of one's own, not one of the builders: initialised by a dice roll, split by gradients, saved and loaded.
//! `cargo run --release -p espalier-net --example own_network`
#![allow(clippy::print_stdout)]

mod shared;

use espalier_net::{
    Activation, ApplyOptions, DeviceChoice, Initializer, LossKind, NetworkBuilder, Optimizer, OptimizerKind, Plan,
    Role, Scales, Session, Target, Transplant, Units, save,
};
use espalier_seed::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new(7);
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], shared::FEATURES)?;
    let left = layers.dense("left", x, 6)?;
    let left = layers.activation("left.relu", left, Activation::Relu)?;
    let right = layers.dense("right", x, 6)?;
    let right = layers.activation("right.tanh", right, Activation::Tanh)?;
    let both = layers.concat("both", &[left, right])?;
    let top = layers.dense("top", both, 8)?;
    let top = layers.activation("top.relu", top, Activation::Relu)?;
    let logits = layers.dense("logits", top, shared::CLASSES)?;
    let mut network = layers.build::<f32>(&[logits], &seed)?;
    let mut session = Session::new(&network, 64, &DeviceChoice::Cpu, &seed.named("dropout"))?;

    // Dice roll: the best of 30 initialisations by the loss on the same batch.
    let batch = shared::draw(512, &mut seed.named("roll").stream());
    let score = |network: &espalier_net::Network, session: &mut Session<f32>| {
        let target = Target::Classes {
            labels: &batch.labels,
            weights: None,
        };
        session
            .score(network, &[&batch.features], target, LossKind::CrossEntropy)
            .map(|s| s.loss)
    };
    let mut best = (score(&network, &mut session)?, network.clone());
    for roll in 0..30 {
        network.initialize(&Initializer::TorchDefault, &seed.named("roll").index(roll));
        let loss = score(&network, &mut session)?;
        if loss < best.0 {
            best = (loss, network.clone());
        }
    }
    network = best.1;
    println!("best of 30 rolls: loss {:.4}", best.0);

    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let mut stream = seed.named("batches").stream();
    for round in 0..4 {
        shared::train(&mut network, &mut session, &mut optimizer, 150, &mut stream)?;
        // Split the unit of `top` whose bias has the largest gradient.
        let group = network.find_group("top")?;
        let bias = network
            .node(network.find("top")?)
            .parameter(Role::Bias)
            .ok_or("no bias")?;
        let gradients = session.gradient(bias);
        let unit = (0..gradients.len())
            .max_by(|a, b| gradients[*a].abs().total_cmp(&gradients[*b].abs()))
            .ok_or("no unit")?;
        let edit = Units::of(&network, group).split(unit, &Scales::equal(2))?.edit("split");
        let applied = network.apply(&Plan::new("largest bias gradient").with(edit), &ApplyOptions::default())?;
        optimizer.follow(&applied, &network, Transplant::Exact)?;
        println!(
            "round {round}: {:?}, accuracy {:.3}",
            network.widths(),
            shared::accuracy(&network, &mut session)?
        );
    }

    let path = std::env::temp_dir().join(format!("espalier-own-network-{}.safetensors", std::process::id()));
    save::save(&path, &save::Checkpoint::of(&network).with_optimizer(&optimizer))?;
    let loaded = save::load::<f32>(&path)?;
    println!("saved and loaded: equal = {}", *loaded.network == network);
    std::fs::remove_file(&path)?;
    Ok(())
}
