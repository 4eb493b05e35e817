//! The largest output change of each kind of edit, by kind of layer and number type, as a Markdown page; `just deviations`
//! writes it to reports/DEVIATIONS.md.
#![allow(clippy::print_stdout)]

use espalier_net::{
    Activation, ApplyOptions, Certificate, Edit, Element, Error, FreshUnit, GateForm, GroupId, Layer, Network,
    NetworkBuilder, Plan, Result, ScalePolicy, Scales, Side, Units, Window,
};
use espalier_seed::{Seed, Stream};

const SEEDS: u64 = 20;
const SAMPLES: usize = 16;
const EDITS: [&str; 7] = [
    "split, equal",
    "split, α β γ δ",
    "widen",
    "permute",
    "recycle twins",
    "deepen",
    "fold gate",
];

/// The layer that stands behind the edited units.
const KINDS: [&str; 9] = [
    "relu",
    "leaky relu",
    "sigmoid",
    "gelu",
    "batch norm",
    "max pool",
    "depthwise conv",
    "flatten",
    "residual + concat",
];

fn main() -> Result<()> {
    println!("# How far edits that preserve the function move the outputs\n");
    println!(
        "Written by `just deviations`. The largest change of an output over {SEEDS} seeds, relative to the largest output,"
    );
    println!("by the layer behind the edited units and the number type; – where the edit does not apply.\n");
    println!("| behind the units | type | {} |", EDITS.join(" | "));
    println!("|---|---|{}", "---|".repeat(EDITS.len()));
    for kind in KINDS {
        row::<f32>(kind, "f32")?;
        row::<f64>(kind, "f64")?;
    }
    Ok(())
}

fn row<E: Element>(kind: &str, dtype: &str) -> Result<()> {
    let mut cells = Vec::new();
    for edit in EDITS {
        let mut worst: Option<f64> = None;
        for seed in 0..SEEDS {
            if let Some(deviation) = measure::<E>(kind, edit, &Seed::new(seed))? {
                worst = Some(worst.map_or(deviation, |w| w.max(deviation)));
            }
        }
        cells.push(match worst {
            None => "–".to_owned(),
            Some(0.0) => "exact".to_owned(),
            Some(worst) => format!("{worst:.1e}"),
        });
    }
    println!("| {kind} | {dtype} | {} |", cells.join(" | "));
    Ok(())
}

fn measure<E: Element>(kind: &str, edit: &str, seed: &Seed) -> Result<Option<f64>> {
    let mut network: Network<E> = build(kind, seed)?;
    let mut draw = seed.named("inputs").stream();
    let input = network.inputs()[0];
    let values = SAMPLES * network.node(input).positions() * network.width(input);
    let batch: Vec<E> = (0..values).map(|_| E::from_f64(draw.normal())).collect();
    let Some(edit) = make(&network, edit, seed)? else {
        return Ok(None);
    };
    let options = ApplyOptions {
        scales: ScalePolicy::Fallback,
        certificate: Some(Certificate {
            inputs: vec![&batch],
            samples: SAMPLES,
            tolerance: None,
        }),
        ..ApplyOptions::default()
    };
    match network.apply(&Plan::new("table").with(edit), &options) {
        Ok(applied) => Ok(applied.deviation),
        Err(Error::Layer { .. } | Error::Refused { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// A network whose group `units` has the layer in question behind it.
fn build<E: Element>(kind: &str, seed: &Seed) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let image = matches!(kind, "max pool" | "depthwise conv" | "flatten");
    let x = if image {
        layers.input("x", [6, 6], 3)?
    } else {
        layers.input("x", [1, 1], 12)?
    };
    let mut top = if image {
        layers.conv("units", x, 8, Window::same(3))?
    } else {
        layers.dense("units", x, 8)?
    };
    top = match kind {
        "leaky relu" => layers.activation("act", top, Activation::LeakyRelu { slope: 0.1 })?,
        "sigmoid" => layers.activation("act", top, Activation::Sigmoid)?,
        "gelu" => layers.activation("act", top, Activation::Gelu)?,
        "batch norm" => layers.batch_norm("norm", top)?,
        "max pool" => layers.max_pool("pool", top, 2)?,
        "depthwise conv" => layers.layer(
            "depthwise",
            Layer::Conv {
                window: Window::same(3),
                groups: 8,
                bias: true,
            },
            &[top],
            8,
        )?,
        "residual + concat" => {
            let inner = layers.activation("inner.relu", top, Activation::Relu)?;
            let inner = layers.dense("inner", inner, 8)?;
            let sum = layers.sum("sum", &[top, inner])?;
            let side = layers.dense("side", x, 5)?;
            layers.concat("both", &[sum, side])?
        }
        _ => top,
    };
    if !matches!(kind, "leaky relu" | "sigmoid" | "gelu") {
        top = layers.activation("relu", top, Activation::Relu)?;
    }
    top = layers.gate("gate", top, GateForm::Rectified)?;
    if image {
        top = layers.flatten("flat", top)?;
    }
    top = layers.dense("next", top, 10)?;
    top = layers.activation("next.relu", top, Activation::Relu)?;
    let logits = layers.dense("logits", top, 4)?;
    let mut network = layers.build::<E>(&[logits], seed)?;
    let mut draw = seed.named("gate").stream();
    let gate = network.find_parameter("gate.gate")?;
    for value in network.parameter_mut(gate).values_mut() {
        *value = E::from_f64(draw.uniform_in(0.2, 1.0));
    }
    Ok(network)
}

/// A unit with random fan-in weights and bias, and zero fan-out.
fn fresh_unit<E: Element>(network: &Network<E>, group: GroupId, draw: &mut Stream) -> FreshUnit {
    let mut fresh = FreshUnit::default();
    for owner in network.owners(group).iter().filter(|o| o.side == Side::Incoming) {
        let parameter = network.parameter(owner.parameter);
        let length = parameter.values().len() / parameter.shape()[owner.axis] * owner.offsets.len();
        let values = (0..length).map(|_| draw.normal()).collect();
        fresh
            .values
            .insert(format!("{}@{}", parameter.name(), owner.axis), values);
    }
    fresh
}

fn make<E: Element>(network: &Network<E>, edit: &str, seed: &Seed) -> Result<Option<Edit>> {
    let group = network.find_group("units")?;
    let width = network.group(group).width();
    let mut draw = seed.named("edit").stream();
    let unit = draw.below(width);
    let units = Units::of(network, group);
    Ok(Some(match edit {
        "split, equal" => units.split(unit, &Scales::equal(3))?.edit("split"),
        "split, α β γ δ" => {
            let mut four = [0.0; 4];
            four.iter_mut().for_each(|v| *v = draw.uniform_in(0.5, 1.0));
            let norm = (four[0] * four[2] + four[1] * four[3]).sqrt();
            let scales = [(0, 2), (1, 3)].map(|(a, g)| Scales {
                incoming: four[a] / norm,
                outgoing: four[g] / norm,
            });
            units.split(unit, &scales)?.edit("split")
        }
        "widen" => units.widen([fresh_unit(network, group, &mut draw)]).edit("widened"),
        "permute" => units.permute(&draw.permutation(width))?.edit("permuted"),
        // A unit split unevenly and merged again: donor shares ρ and 1−ρ without a dead unit to overwrite.
        "recycle twins" => units
            .split(
                unit,
                &[
                    Scales {
                        incoming: 1.0,
                        outgoing: 0.7,
                    },
                    Scales {
                        incoming: 1.0,
                        outgoing: 0.3,
                    },
                ],
            )?
            .edit("twins"),
        "deepen" => Edit::Deepen {
            after: "gate".to_owned(),
            name: "deeper".to_owned(),
        },
        "fold gate" => Edit::FoldGate {
            gate: "gate".to_owned(),
        },
        _ => return Ok(None),
    }))
}
