//! Takes steps of one kind, for callgrind to count: `count_step KIND STEPS`.
//!
//! Counting two numbers of steps and taking the difference leaves starting and allocating out.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use espalier_bench::cell::{BATCH, Net};
use espalier_bench::model::{Model, network};
use espalier_data::{Examples, Targets};
use espalier_seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Batches of synthetic images: a few are enough, since every step does the same work.
const BATCHES: usize = 4;
/// Images per step of the convolutional nets: few, because valgrind emulates fused multiply–adds in software. What does
/// not grow with the batch, such as the fold of a gate into weights, weighs more here than in a batch of 128.
const CNN_BATCH: usize = 8;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let steps = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let told = run(&kind, steps).and_then(|loss| {
        writeln!(io::stdout(), "{kind}: loss {loss} after {steps} steps").context("writing to standard output")
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell a refusal of standard error to.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Takes steps; a kind is `mlp-WIDTH` or `cnn`, and `-gated` or `-observed` behind it.
fn run(kind: &str, steps: usize) -> Result<f64> {
    let mut parts = kind.split('-');
    let net = match (parts.next(), parts.clone().next()) {
        (Some("mlp"), Some(width)) => {
            parts.next();
            Net::Mlp {
                hidden: vec![width.parse().with_context(|| format!("width {width:?}"))?],
            }
        }
        (Some("cnn"), _) => Net::small_cnn(),
        _ => bail!("expected `mlp-WIDTH` or `cnn`, with `-gated` or `-observed` behind it or not, found {kind:?}"),
    };
    let variation = parts.next();
    if !matches!(variation, None | Some("gated" | "observed")) {
        bail!("expected `gated` or `observed`, found {variation:?}");
    }
    let seed = Seed::new(1);
    let batch = if matches!(net, Net::Cnn { .. }) {
        CNN_BATCH
    } else {
        BATCH
    };
    let examples = images(BATCHES * batch, &seed)?;
    let mut model = Model::new(
        network(&net, variation == Some("gated"), &seed)?,
        &examples,
        batch,
        &seed,
    )?;
    if variation == Some("observed") {
        model.observe_every_layer()?;
    }
    for _ in 0..steps {
        model.train(&examples)?;
    }
    Ok(model.loss())
}

/// Images of noise, four fifths of it background as in MNIST.
fn images(rows: usize, seed: &Seed) -> Result<Examples> {
    let mut stream = seed.named("images").stream();
    let pixel = |_| {
        if stream.bernoulli(0.8) {
            -0.42
        } else {
            stream.uniform() as f32
        }
    };
    let features = (0..rows * 784).map(pixel).collect();
    let labels = (0..rows as u32).map(|row| row * 7 % 10).collect();
    Ok(Examples::new(features, 784, Targets::Classes(labels))?)
}
