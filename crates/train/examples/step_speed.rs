//! Training steps per second of one MLP on one thread: `cargo run --release -p espalier-train --example step_speed`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use espalier_data::{LoadOptions, Source};
use espalier_net::{OptimizerKind, models};
use espalier_seed::Seed;
use espalier_train::{Regime, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = espalier_data::load("mnist", &Source::from_environment(None), &LoadOptions::default())?;
    println!("{}", data.info.title);
    for width in [32, 128, 512, 2048] {
        let network = models::mlp(784, &[width], 10, &Seed::new(1))?;
        let regime = Regime {
            epochs: 1,
            ..Regime::classification(OptimizerKind::adam())
        };
        let mut trainer = Trainer::new(network, data.clone(), regime, &Seed::new(1))?;
        let start = Instant::now();
        let mut steps = 0;
        trainer.run(&mut |epoch| steps = epoch.steps)?;
        println!("H{width}: {:.0} steps/s", steps as f64 / start.elapsed().as_secs_f64());
    }
    Ok(())
}
