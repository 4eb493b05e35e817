//! Grows a perceptron while it trains: two fresh units every 100 steps, with zero fan-out, so that nothing jumps.
//! `cargo run --release -p espalier-net --example grow_while_training`
#![allow(clippy::print_stdout)]

mod shared;

use espalier_net::{
    ApplyOptions, Certificate, DeviceChoice, FreshUnit, Initializer, Optimizer, OptimizerKind, Plan, Session,
    Transplant, Units, models,
};
use espalier_seed::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = Seed::new(3);
    let mut network = models::mlp::<f32>(shared::FEATURES, &[2], shared::CLASSES, &seed)?;
    let mut session = Session::new(&network, 64, &DeviceChoice::Cpu, &seed.named("dropout"))?;
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let mut stream = seed.named("batches").stream();
    let mut births = seed.named("births").stream();
    let probe = shared::draw(32, &mut seed.named("probe").stream());
    for round in 0..10 {
        let loss = shared::train(&mut network, &mut session, &mut optimizer, 100, &mut stream)?;
        let group = network.find_group("hidden1")?;
        let fresh = (0..2).map(|_| {
            let mut unit = FreshUnit::default();
            let weights =
                (0..shared::FEATURES).map(|_| Initializer::TorchDefault.weight(shared::FEATURES, 1, &mut births));
            unit.values.insert("hidden1.weight@1".to_owned(), weights.collect());
            unit
        });
        let edit = Units::of(&network, group).widen(fresh).edit("grown");
        // The certificate measures how far the outputs move, and would roll the plan back.
        let certificate = Certificate {
            inputs: vec![&probe.features],
            samples: 32,
            tolerance: Some(1e-5),
        };
        let options = ApplyOptions {
            max_parameters: Some(400),
            certificate: Some(certificate),
            ..ApplyOptions::default()
        };
        match network.apply(&Plan::new("every 100 steps").with(edit), &options) {
            Ok(applied) => {
                optimizer.follow(&applied, &network, Transplant::Exact)?;
                let moved = applied.deviation.unwrap_or(f64::NAN);
                println!(
                    "round {round}: loss {loss:.3}, {} units, outputs moved by {moved:.1e}",
                    network.group(group).width()
                );
            }
            Err(refusal) => println!("round {round}: loss {loss:.3}, {refusal}"),
        }
    }
    println!("accuracy {:.3}", shared::accuracy(&network, &mut session)?);
    for step in [0, 250, 1000] {
        println!("widths at step {step}: {:?}", network.ledger().widths_at(step));
    }
    Ok(())
}
