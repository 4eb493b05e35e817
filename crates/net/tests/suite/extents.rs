//! Sizes whose products overflow are refused by name, before anything is allocated.

use espalier_net::{
    Activation, ApplyOptions, Edit, Error, Layer, Network, NetworkBuilder, NodeId, Plan, Result, Window, models,
};
use espalier_seed::Seed;
use proptest::prelude::*;

/// Sizes around every power of two, the ends of `usize` among them, small ones as often as all others.
fn size() -> impl Strategy<Value = usize> {
    let near = (0..64_u32, -1_i64..=1).prop_map(|(power, off)| (1_usize << power).wrapping_add_signed(off as isize));
    prop_oneof![2 => 1_usize..9, 1 => near, 1 => Just(usize::MAX)]
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Dense,
    Gated,
    Conv { groups: usize },
    MaxPool,
    Grid { height: usize, width: usize },
    Flatten,
    Twice,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Dense),
        Just(Kind::Gated),
        size().prop_map(|groups| Kind::Conv { groups }),
        Just(Kind::MaxPool),
        (size(), size()).prop_map(|(height, width)| Kind::Grid { height, width }),
        Just(Kind::Flatten),
        Just(Kind::Twice),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Step {
    kind: Kind,
    units: usize,
    window: Window,
}

fn step() -> impl Strategy<Value = Step> {
    let pair = || (size(), size()).prop_map(|(a, b)| [a, b]);
    let padding = prop_oneof![2 => Just([0, 0]), 1 => pair()];
    (kind(), size(), pair(), pair(), padding).prop_map(|(kind, units, kernel, stride, padding)| Step {
        kind,
        units,
        window: Window {
            kernel,
            stride,
            padding,
        },
    })
}

fn add(layers: &mut NetworkBuilder, name: &str, top: NodeId, step: Step) -> Result<NodeId> {
    let Step { kind, units, window } = step;
    match kind {
        Kind::Dense => layers.dense(name, top, units),
        Kind::Gated => layers.gated_dense(name, top, units, Activation::Silu),
        Kind::Conv { groups } => {
            let conv = Layer::Conv {
                window,
                groups,
                bias: true,
            };
            layers.layer(name, conv, &[top], units)
        }
        Kind::MaxPool => layers.layer(name, Layer::MaxPool { window }, &[top], 0),
        Kind::Grid { height, width } => {
            let output = [height, width];
            layers.layer(name, Layer::AdaptiveAvgPool { output }, &[top], 0)
        }
        Kind::Flatten => layers.flatten(name, top),
        Kind::Twice => layers.concat(name, &[top, top]),
    }
}

/// The weights of a step by the layer's definition, in numbers wide enough for those that a builder accepts.
fn weights(step: Step, fan_in: usize, width: usize) -> u128 {
    let [high, wide] = step.window.kernel.map(|k| k as u128);
    let (fan_in, width) = (fan_in as u128, width as u128);
    match step.kind {
        Kind::Dense => fan_in * width,
        Kind::Gated => 2 * fan_in * width,
        Kind::Conv { groups } => high * wide * fan_in / groups as u128 * width,
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_the_sizes_a_layer_is_refused_by_name_or_can_be_counted(
        map in (size(), size()), channels in size(), steps in prop::collection::vec(step(), 1..5),
    ) {
        let mut layers = NetworkBuilder::new();
        let Ok(mut top) = layers.input("x", [map.0, map.1], channels) else {
            return Ok(());
        };
        let mut macs = 0_u128;
        for (k, step) in steps.into_iter().enumerate() {
            let name = format!("layer{k}");
            let (_, fan_in) = layers.shape(top);
            match add(&mut layers, &name, top, step) {
                Ok(id) => top = id,
                Err(Error::Layer { layer, .. }) => { prop_assert_eq!(layer, name); break; }
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
            let ([height, width], units) = layers.shape(top);
            let values = height as u128 * width as u128 * units as u128;
            prop_assert!(values * 8 <= isize::MAX as u128, "{height}×{width}×{units}");
            let weights = weights(step, fan_in, units);
            prop_assert!(weights * 8 <= isize::MAX as u128, "{weights} weights");
            macs += weights * height as u128 * width as u128;
            prop_assert!(macs <= u128::from(u64::MAX), "{macs} MACs");
        }
    }

    #[test]
    fn whatever_the_widths_a_cost_is_right_or_refused_by_name(hidden in size(), joint in size()) {
        let network = models::mlp::<f32>(3, &[4, 5], 2, &Seed::new(1)).unwrap();
        let mut widths = network.widths();
        for (name, width) in [("hidden1", hidden), ("hidden2", joint)] {
            widths[network.find_group(name).unwrap().index()] = width;
        }
        let (h, j) = (hidden as u128, joint as u128);
        let macs = 3_u128.checked_mul(h).zip(h.checked_mul(j)).and_then(|(a, b)| a.checked_add(b)?.checked_add(2 * j));
        match network.cost_at(&widths) {
            Ok(cost) => {
                prop_assert_eq!(Some(u128::from(cost.macs)), macs);
                prop_assert_eq!(Some(u128::from(cost.parameters)), macs.map(|m| m + h + j + 2));
            }
            Err(Error::Layer { layer, .. }) => {
                prop_assert!(["hidden1", "hidden2", "logits"].contains(&layer.as_str()), "{layer}");
                prop_assert!(h.max(j) > 1 << 28 || macs.is_none_or(|m| m > 1 << 59), "refused {h} and {j}");
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn products_that_wrap_are_named_with_their_numbers() {
    let mut layers = NetworkBuilder::new();
    // 2³² · 2³² · 1 is 0 in 64 bits.
    let error = refusal(layers.input("x", [1 << 32, 1 << 32], 1));
    assert!(
        error.contains("`x`") && error.contains("4294967296×4294967296"),
        "{error}"
    );
    let x = layers.input("x", [1 << 20, 1 << 20], 1 << 20);
    assert!(refusal(x).contains("`x`"));

    let x = layers.input("x", [1, 1], 3).unwrap();
    let error = refusal(layers.dense("wide", x, usize::MAX));
    assert!(
        error.contains("`wide`") && error.contains(&usize::MAX.to_string()),
        "{error}"
    );
    let error = refusal(layers.layer(
        "sum",
        Layer::Slice {
            start: 1,
            end: usize::MAX,
        },
        &[x],
        0,
    ));
    assert!(error.contains("`sum`"), "{error}");
    let error = refusal(layers.conv("padded", x, 1, Window::square(1).padded(usize::MAX)));
    assert!(error.contains("`padded`"), "{error}");
}

#[test]
fn a_layer_that_was_refused_leaves_room_for_others() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    layers.dense("wide", x, 1 << 60).unwrap_err();
    let logits = layers.dense("wide", x, 2).unwrap();
    let network: Network = layers.build(&[logits], &Seed::new(1)).unwrap();
    assert_eq!(network.cost().macs, 6);
}

#[test]
fn weights_beyond_memory_are_refused_before_they_are_drawn() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [256, 256], 1 << 15).unwrap();
    // 2⁴⁶ weights take 256 TiB, more than a process can address on x86-64.
    let wide = layers.conv("wide", x, 1 << 15, Window::square(256)).unwrap();
    let error = refusal(layers.build::<f32>(&[wide], &Seed::new(1)));
    assert!(error.contains("`wide`") && error.contains("memory"), "{error}");
}

#[test]
fn a_deeper_layer_beyond_memory_is_refused_and_the_network_stays() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [2, 2], 1).unwrap();
    let conv = layers.conv("conv", x, 1 << 21, Window::square(1)).unwrap();
    let relu = layers.activation("relu", conv, Activation::Relu).unwrap();
    let head = layers.conv("head", relu, 1, Window::square(2)).unwrap();
    let mut network: Network = layers.build(&[head], &Seed::new(1)).unwrap();
    let before = network.cost();
    // A 3×3 convolution from 2²¹ channels to as many: 144 TiB.
    let deepen = Edit::Deepen {
        after: "relu".to_owned(),
        name: "deeper".to_owned(),
    };
    let error = refusal(network.apply(&Plan::new("deeper").with(deepen), &ApplyOptions::default()));
    assert!(error.contains("`deeper`") && error.contains("memory"), "{error}");
    assert_eq!((network.cost(), network.nodes().len()), (before, 4));
}

#[test]
fn bytes_of_a_batch_that_cannot_be_counted_are_refused() {
    let network = models::mlp::<f32>(3, &[4], 2, &Seed::new(1)).unwrap();
    for batch in [usize::MAX, usize::MAX / 4, 1 << 60] {
        let error = refusal(network.activation_bytes(batch));
        assert!(
            error.contains("`batch`") && error.contains(&batch.to_string()),
            "{error}"
        );
    }
    assert_eq!(network.activation_bytes(1 << 40).unwrap(), (1 << 40) * 2 * (4 + 2) * 4);
}

#[test]
fn other_than_one_width_a_group_is_refused() {
    let network = models::mlp::<f32>(3, &[4], 2, &Seed::new(1)).unwrap();
    let error = refusal(network.cost_at(&[1]));
    assert!(
        error.contains("widths of groups: expected 3 values, found 1"),
        "{error}"
    );
}
