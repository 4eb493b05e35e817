//! The engine's rules on networks small enough to work out by hand.

use crate::reference;

use espalier_net::{
    Activation, Applied, ApplyOptions, Certificate, Edit, Error, FreshUnit, GateForm, GroupId, Layer, Network,
    NetworkBuilder, NewUnit, NodeId, Part, Plan, Preservation, Result, Role, ScalePolicy, Scales, Side, UnitEdit,
    Units, Window, models,
};
use espalier_seed::Seed;

fn two_layers(between: impl FnOnce(&mut NetworkBuilder, NodeId) -> NodeId) -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    let hidden = layers.dense("hidden", x, 4).unwrap();
    let top = between(&mut layers, hidden);
    let logits = layers.dense("logits", top, 2).unwrap();
    layers.build(&[logits], &Seed::new(8)).unwrap()
}

fn with_activation(function: Activation) -> Network<f64> {
    two_layers(|layers, hidden| layers.activation("act", hidden, function).unwrap())
}

fn try_apply(network: &mut Network<f64>, edit: Edit, options: &ApplyOptions<'_, f64>) -> Result<Applied> {
    network.apply(&Plan::new("test").with(edit), options)
}

fn hidden(network: &Network<f64>) -> GroupId {
    network.find_group("hidden").unwrap()
}

fn batch(width: usize, samples: usize) -> Vec<f64> {
    let mut draw = Seed::new(4).named("batch").stream();
    (0..width * samples).map(|_| draw.normal()).collect()
}

const UNEVEN: [Scales; 2] = [
    Scales {
        incoming: 0.5,
        outgoing: 1.0,
    },
    Scales {
        incoming: 0.5,
        outgoing: 1.0,
    },
];

#[test]
fn incoming_scales_are_refused_behind_bounded_activations_and_fall_back_when_asked() {
    for function in [Activation::Sigmoid, Activation::Tanh, Activation::Gelu] {
        let mut network = with_activation(function);
        let input = batch(3, 6);
        let before = reference::outputs(&network, std::slice::from_ref(&input), 6);
        let edit = || {
            Units::of(&network, hidden(&network))
                .split(1, &UNEVEN)
                .unwrap()
                .edit("split")
        };
        let edit = edit();
        let refused = try_apply(&mut network, edit.clone(), &ApplyOptions::default());
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("`hidden`") && message.contains("`act`"), "{message}");
        let fallback = ApplyOptions {
            scales: ScalePolicy::Fallback,
            ..ApplyOptions::default()
        };
        let applied = try_apply(&mut network, edit, &fallback).unwrap();
        assert_eq!(applied.preservation, Preservation::Exact);
        // a = ½, g = 1 became a = 1, g = ½.
        assert_eq!(applied.units[0].units[1], NewUnit::copy(1, 1.0, 0.5));
        let after = reference::outputs(&network, &[input], 6);
        let moved = before[0]
            .iter()
            .zip(&after[0])
            .map(|(x, y)| (x - y).abs())
            .fold(0.0, f64::max);
        assert!(moved < 1e-14, "{moved}");
    }
}

/// Four inputs, four gated units, two outputs.
fn gated() -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    let hidden = layers.gated_dense("hidden", x, 4, Activation::Silu).unwrap();
    let logits = layers.dense("logits", hidden, 2).unwrap();
    layers.build(&[logits], &Seed::new(1)).unwrap()
}

fn largest_move(before: &[Vec<f64>], after: &[Vec<f64>]) -> f64 {
    let pairs = before.iter().flatten().zip(after.iter().flatten());
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

#[test]
fn the_two_halves_of_a_gated_unit_are_edited_together() {
    let network = gated();
    let group = hidden(&network);
    let weight = network.find_parameter("hidden.weight").unwrap();
    let owner = network
        .owners(group)
        .into_iter()
        .find(|o| o.parameter == weight)
        .unwrap();
    assert_eq!((owner.axis, owner.side, owner.offsets), (1, Side::Incoming, vec![0, 4]));
    // 3 inputs × 2 halves, 2 biases and 2 fan-out weights a unit, and 2 biases of the logits.
    assert_eq!(network.cost().parameters, 4 * (6 + 2 + 2) + 2);
    assert_eq!(network.cost().macs, 4 * (6 + 2));
    let units = || Units::of(&network, group);
    let input = batch(3, 6);
    let outputs = |network: &Network<f64>| reference::outputs(network, std::slice::from_ref(&input), 6);
    let preserving = [
        units().split(1, &Scales::equal(3)).unwrap().edit("split"),
        units().widen([FreshUnit::default()]).edit("widened"),
        units().permute(&[3, 1, 0, 2]).unwrap().edit("permuted"),
    ];
    for edit in preserving {
        let mut edited = network.clone();
        let applied = try_apply(&mut edited, edit, &ApplyOptions::default()).unwrap();
        assert_eq!(applied.preservation, Preservation::Exact);
        let moved = largest_move(&outputs(&network), &outputs(&edited));
        assert!(moved < 1e-14, "{moved}");
    }
    // Without its value half a unit is silent, and pruning it changes nothing.
    let mut silent = network.clone();
    for name in ["hidden.weight", "hidden.bias"] {
        let id = silent.find_parameter(name).unwrap();
        silent
            .parameter_mut(id)
            .values_mut()
            .chunks_mut(8)
            .for_each(|row| row[4 + 2] = 0.0);
    }
    let before = outputs(&silent);
    try_apply(
        &mut silent,
        units().prune(&[2]).unwrap().edit("pruned"),
        &ApplyOptions::default(),
    )
    .unwrap();
    assert_eq!(silent.cost().parameters, 3 * (6 + 2 + 2) + 2);
    assert!(largest_move(&before, &outputs(&silent)) < 1e-14);
}

#[test]
fn a_gated_layer_takes_no_incoming_scales_but_the_factors_of_a_gate_behind_it() {
    let mut network = gated();
    let edit = || {
        let units = Units::of(&gated(), hidden(&gated()));
        units.split(1, &UNEVEN).unwrap().edit("split")
    };
    let refused = try_apply(&mut network, edit(), &ApplyOptions::default()).unwrap_err();
    assert!(
        refused.to_string().contains("`hidden` multiplies two halves"),
        "{refused}"
    );
    let fallback = ApplyOptions {
        scales: ScalePolicy::Fallback,
        ..ApplyOptions::default()
    };
    let applied = try_apply(&mut network, edit(), &fallback).unwrap();
    assert_eq!(applied.preservation, Preservation::Exact);
    // The gate is an output itself, so that only the layer before it can take its factors: into its values, not its gates.
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    let top = layers.gated_dense("hidden", x, 4, Activation::Silu).unwrap();
    let top = layers.gate("gate", top, GateForm::Linear).unwrap();
    let mut network = layers.build::<f64>(&[top], &Seed::new(1)).unwrap();
    let gate = network.find_parameter("gate.gate").unwrap();
    let factors = [2.0, -0.5, 0.0, 1.5];
    network.parameter_mut(gate).values_mut().copy_from_slice(&factors);
    let input = batch(3, 6);
    let before = reference::outputs(&network, std::slice::from_ref(&input), 6);
    let unfolded = network.clone();
    let fold = Edit::FoldGate { gate: "gate".into() };
    let applied = try_apply(&mut network, fold, &ApplyOptions::default()).unwrap();
    assert_eq!(applied.preservation, Preservation::Exact);
    let after = reference::outputs(&network, std::slice::from_ref(&input), 6);
    assert!(largest_move(&before, &after) < 1e-14);
    let bias = |network: &Network<f64>| {
        network
            .parameter(network.find_parameter("hidden.bias").unwrap())
            .values()
            .to_vec()
    };
    let (old, new) = (bias(&unfolded), bias(&network));
    assert_eq!(old[..4], new[..4]);
    assert!((0..4).all(|u| new[4 + u] == factors[u] * old[4 + u]));
}

#[test]
fn batch_norm_takes_no_incoming_scales() {
    let mut network = two_layers(|layers, hidden| layers.batch_norm("norm", hidden).unwrap());
    let edit = Units::of(&network, hidden(&network))
        .split(0, &UNEVEN)
        .unwrap()
        .edit("split");
    let message = try_apply(&mut network, edit, &ApplyOptions::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("`norm` normalises scales away"), "{message}");
}

#[test]
fn a_group_norm_that_cannot_divide_the_new_width_refuses_it() {
    let norm = Layer::GroupNorm {
        groups: 2,
        epsilon: 1e-5,
    };
    let mut network = two_layers(|layers, hidden| layers.layer("norm", norm, &[hidden], 0).unwrap());
    let edit = Units::of(&network, hidden(&network))
        .prune(&[0])
        .unwrap()
        .edit("pruned");
    let message = try_apply(&mut network, edit, &ApplyOptions::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("divisible by 2, found 3"), "{message}");
}

#[test]
fn groups_that_touch_an_input_an_output_or_a_raw_residual_are_frozen_with_the_reason() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let hidden = layers.dense("hidden", x, 4).unwrap();
    let sum = layers.sum("sum", &[x, hidden]).unwrap();
    let logits = layers.dense("logits", sum, 2).unwrap();
    let mut network = layers.build::<f64>(&[logits], &Seed::new(1)).unwrap();
    // The sum ties `hidden` to the input: they are one group, named after the node that lists it first.
    assert!(network.find_group("hidden").is_err());
    for (name, reason) in [("x", "network input `x`"), ("logits", "output head `logits`")] {
        let group = network.find_group(name).unwrap();
        let edit = Units::of(&network, group)
            .split(0, &Scales::equal(2))
            .unwrap()
            .edit("split");
        let message = try_apply(&mut network, edit, &ApplyOptions::default())
            .unwrap_err()
            .to_string();
        assert!(message.contains("frozen") && message.contains(reason), "{message}");
    }
}

#[test]
fn grouped_convolutions_freeze_their_groups_and_say_so() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [4, 4], 2).unwrap();
    let first = layers.conv("first", x, 4, Window::same(3)).unwrap();
    let grouped = Layer::Conv {
        window: Window::same(3),
        groups: 2,
        bias: true,
    };
    let second = layers.layer("second", grouped, &[first], 6).unwrap();
    let flat = layers.flatten("flat", second).unwrap();
    let logits = layers.dense("logits", flat, 2).unwrap();
    let network = layers.build::<f64>(&[logits], &Seed::new(1)).unwrap();
    for name in ["first", "second"] {
        let group = network.group(network.find_group(name).unwrap());
        assert_eq!(group.frozen(), Some("layer `second` convolves in 2 groups"));
    }
}

#[test]
fn a_certificate_measures_and_rolls_back_beyond_its_tolerance() {
    let mut network = with_activation(Activation::Relu);
    let input = batch(3, 16);
    let untouched = network.clone();
    let certificate = |tolerance| ApplyOptions {
        certificate: Some(Certificate {
            inputs: vec![&input],
            samples: 16,
            tolerance: Some(tolerance),
        }),
        ..ApplyOptions::default()
    };
    let prune = Units::of(&network, hidden(&network))
        .prune(&[2])
        .unwrap()
        .edit("pruned");
    let error = try_apply(&mut network, prune.clone(), &certificate(1e-9)).unwrap_err();
    let Error::Deviation { deviation, tolerance } = error else {
        panic!("{error}")
    };
    assert_eq!((network == untouched, tolerance), (true, 1e-9));
    // What it measured is what the reference finds.
    let applied = try_apply(&mut network, prune, &certificate(10.0)).unwrap();
    let before = reference::outputs(&untouched, std::slice::from_ref(&input), 16);
    let after = reference::outputs(&network, &[input], 16);
    let largest = before[0].iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let moved = before[0]
        .iter()
        .zip(&after[0])
        .fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()))
        / largest;
    assert!((applied.deviation.unwrap() - moved).abs() < 1e-12 && (deviation - moved).abs() < 1e-12);
    assert_eq!(network.ledger().entries()[0].deviation, applied.deviation);
}

/// conv → gate → batch norm → ReLU → flatten → dense: a closed gate leaves relu(β − γμ/σ) behind.
fn gated_before_norm() -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [2, 3], 2).unwrap();
    let conv = layers.conv("hidden", x, 4, Window::same(3)).unwrap();
    let gate = layers.gate("gate", conv, GateForm::Rectified).unwrap();
    let norm = layers.batch_norm("norm", gate).unwrap();
    let relu = layers.activation("relu", norm, Activation::Relu).unwrap();
    let flat = layers.flatten("flat", relu).unwrap();
    let logits = layers.dense("logits", flat, 2).unwrap();
    let mut network = layers.build::<f64>(&[logits], &Seed::new(2)).unwrap();
    let mut draw = Seed::new(3).stream();
    for name in ["norm.scale", "norm.bias", "norm.running_mean", "norm.running_variance"] {
        let id = network.find_parameter(name).unwrap();
        network
            .parameter_mut(id)
            .values_mut()
            .iter_mut()
            .for_each(|v| *v = draw.uniform_in(0.2, 1.5));
    }
    let gate = network.find_parameter("gate.gate").unwrap();
    network
        .parameter_mut(gate)
        .values_mut()
        .copy_from_slice(&[1.0, -0.1, 0.7, 0.0]);
    let bias = network.find_parameter("norm.bias").unwrap();
    network
        .parameter_mut(bias)
        .values_mut()
        .copy_from_slice(&[0.3, 2.0, 0.1, 1.7]);
    network
}

#[test]
fn removing_a_closed_gate_before_a_batch_norm_accounts_for_the_constant_it_leaves() {
    let input = batch(2 * 6, 5);
    let outputs = |network: &Network<f64>| reference::outputs(network, std::slice::from_ref(&input), 5)[0].clone();
    let moved = |x: &[f64], y: &[f64]| x.iter().zip(y).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
    let network = gated_before_norm();
    let before = outputs(&network);
    let prune = || Units::of(&network, hidden(&network)).prune(&[1, 3]).unwrap();

    let mut plain = network.clone();
    let applied = try_apply(&mut plain, prune().edit("closed"), &ApplyOptions::default()).unwrap();
    assert!(matches!(applied.preservation, Preservation::Conditional(_)));
    assert!(
        moved(&before, &outputs(&plain)) > 1e-2,
        "the constant matters in this network"
    );

    let mut absorbed = network.clone();
    let applied = try_apply(
        &mut absorbed,
        prune().absorbing_constants().edit("closed"),
        &ApplyOptions::default(),
    )
    .unwrap();
    assert_eq!(applied.preservation, Preservation::Exact);
    assert!(moved(&before, &outputs(&absorbed)) < 1e-13);
}

#[test]
fn a_constant_that_meets_padding_is_refused() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [3, 3], 1).unwrap();
    let conv = layers.conv("hidden", x, 3, Window::same(3)).unwrap();
    let gate = layers.gate("gate", conv, GateForm::Rectified).unwrap();
    let norm = layers.batch_norm("norm", gate).unwrap();
    let next = layers.conv("next", norm, 2, Window::same(3)).unwrap();
    let flat = layers.flatten("flat", next).unwrap();
    let logits = layers.dense("logits", flat, 2).unwrap();
    let mut network = layers.build::<f64>(&[logits], &Seed::new(2)).unwrap();
    let gate = network.find_parameter("gate.gate").unwrap();
    network.parameter_mut(gate).values_mut()[0] = 0.0;
    let bias = network.find_parameter("norm.bias").unwrap();
    network.parameter_mut(bias).values_mut()[0] = 1.0;
    let edit = Units::of(&network, hidden(&network))
        .prune(&[0])
        .unwrap()
        .absorbing_constants()
        .edit("closed");
    let message = try_apply(&mut network, edit, &ApplyOptions::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("`next`") && message.contains("padding"), "{message}");
}

#[test]
fn halving_fan_in_instead_of_fan_out_changes_the_outputs() {
    // The first answer in study 004's thread: both twins get ½ of the fan-in, fan-outs stay as they were.
    let mut network = with_activation(Activation::Relu);
    let input = batch(3, 64);
    let dead = 3;
    let bias = network.find_parameter("hidden.bias").unwrap();
    network.parameter_mut(bias).values_mut()[dead] = -1e6;
    let before = reference::outputs(&network, std::slice::from_ref(&input), 64);
    let donor = 1;
    let mut units: Vec<NewUnit> = (0..4).map(NewUnit::kept).collect();
    units[donor] = NewUnit::copy(donor, 0.5, 1.0);
    units[dead] = NewUnit::Combined(vec![
        Part {
            unit: donor,
            incoming: 0.5,
            outgoing: 0.0,
        },
        Part {
            unit: dead,
            incoming: 0.0,
            outgoing: 1.0,
        },
    ]);
    let naive = UnitEdit {
        group: "hidden".to_owned(),
        units,
        cause: "dead".to_owned(),
        absorb_constants: false,
        across_norms: false,
    };
    try_apply(&mut network, Edit::Units(naive), &ApplyOptions::default()).unwrap();
    let after = reference::outputs(&network, &[input], 64);
    let largest = before[0].iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let moved = before[0]
        .iter()
        .zip(&after[0])
        .fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
    assert!(moved / largest > 1e-2, "{moved}");
}

#[test]
fn a_split_writes_the_weights_that_the_formula_says() {
    let mut network = with_activation(Activation::Relu);
    let weight = |network: &Network<f64>, name: &str| {
        network
            .parameter(network.find_parameter(name).unwrap())
            .values()
            .to_vec()
    };
    let (w, b, v) = (
        weight(&network, "hidden.weight"),
        weight(&network, "hidden.bias"),
        weight(&network, "logits.weight"),
    );
    let scales = [
        Scales {
            incoming: 0.5,
            outgoing: 0.4,
        },
        Scales {
            incoming: 2.0,
            outgoing: 0.4,
        },
    ];
    let edit = Units::of(&network, hidden(&network))
        .split(1, &scales)
        .unwrap()
        .edit("split");
    try_apply(&mut network, edit, &ApplyOptions::default()).unwrap();
    // (in, out) = (3, 5): columns 0, 1·½, 1·2, 2, 3; fan-out rows 0, 1·0.4, 1·0.4, 2, 3.
    let row = |r: usize| {
        [
            w[r * 4],
            0.5 * w[r * 4 + 1],
            2.0 * w[r * 4 + 1],
            w[r * 4 + 2],
            w[r * 4 + 3],
        ]
    };
    assert_eq!(weight(&network, "hidden.weight"), [row(0), row(1), row(2)].concat());
    assert_eq!(
        weight(&network, "hidden.bias"),
        [b[0], 0.5 * b[1], 2.0 * b[1], b[2], b[3]]
    );
    let out = [
        v[0],
        v[1],
        0.4 * v[2],
        0.4 * v[3],
        0.4 * v[2],
        0.4 * v[3],
        v[4],
        v[5],
        v[6],
        v[7],
    ];
    assert_eq!(weight(&network, "logits.weight"), out);
}

#[test]
fn the_cost_of_one_split_is_the_published_formula() {
    // Dense → dense: fan_in + 1 + fan_out.
    let mut network = models::mlp::<f64>(7, &[5, 4], 3, &Seed::new(1)).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let before = network.parameter_count();
    let edit = Units::of(&network, group)
        .split(0, &Scales::equal(2))
        .unwrap()
        .edit("split");
    try_apply(&mut network, edit, &ApplyOptions::default()).unwrap();
    assert_eq!(network.parameter_count() - before, 7 + 1 + 4);
    // Conv → norm → conv: c_in·kh·kw + 1 + 2 + out·kh·kw; conv → pool → flatten → dense: c_in·kh·kw + 1 + 2 + h·w·fan_out.
    let options = models::CnnOptions {
        map: [8, 8],
        inputs: 3,
        channels: vec![4, 6],
        window: Window::same(3),
        hidden: vec![5],
        outputs: 2,
        batch_norm: true,
    };
    let mut network = models::cnn::<f64>(&options, &Seed::new(1)).unwrap();
    for (name, expected) in [("conv1", 3 * 9 + 1 + 2 + 6 * 9), ("conv2", 5 * 9 + 1 + 2 + 2 * 2 * 5)] {
        let before = network.parameter_count();
        let group = network.find_group(name).unwrap();
        let edit = Units::of(&network, group)
            .split(0, &Scales::equal(2))
            .unwrap()
            .edit("split");
        try_apply(&mut network, edit, &ApplyOptions::default()).unwrap();
        assert_eq!(network.parameter_count() - before, expected, "{name}");
    }
}

#[test]
fn units_keep_their_ids_and_copies_know_their_parents() {
    let mut network = with_activation(Activation::Relu);
    let group = hidden(&network);
    let old = network.group(group).units().to_vec();
    network.set_step(42);
    let edit = Units::of(&network, group)
        .split(1, &Scales::equal(2))
        .unwrap()
        .prune(&[3])
        .unwrap()
        .edit("too small");
    try_apply(&mut network, edit, &ApplyOptions::default()).unwrap();
    let new = network.group(group).units();
    assert_eq!((new[0], new[1], new[3]), (old[0], old[1], old[2]));
    let child = network.genealogy().unit(new[2]).unwrap();
    assert_eq!((child.birth_step, child.parents.as_slice()), (42, &[old[1]][..]));
    assert_eq!(
        network.genealogy().unit(old[3]).unwrap().death,
        Some((42, "too small".to_owned()))
    );
}

#[test]
fn a_floor_holds_and_a_fresh_unit_of_the_wrong_size_is_named() {
    let mut network = with_activation(Activation::Relu);
    let group = hidden(&network);
    network.set_floor(group, 3).unwrap();
    let prune = Units::of(&network, group).prune(&[0, 1]).unwrap().edit("pruned");
    let message = try_apply(&mut network, prune, &ApplyOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("floor is 3") && message.contains("leaves 2"),
        "{message}"
    );
    let mut fresh = FreshUnit::default();
    fresh.values.insert("hidden.weight@1".to_owned(), vec![0.0; 4]);
    let widen = Units::of(&network, group).widen([fresh]).edit("grown");
    let message = try_apply(&mut network, widen, &ApplyOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("`hidden.weight@1`: expected 3 values, found 4"),
        "{message}"
    );
    assert_eq!(
        network
            .node(network.find("hidden").unwrap())
            .parameters()
            .iter()
            .filter(|(r, _)| *r == Role::Weight)
            .count(),
        1
    );
}

#[test]
fn a_recycled_unit_is_a_new_one_and_its_donor_stays_itself_on_either_side() {
    for (dead, donor) in [(0, 2), (3, 1)] {
        let mut network = with_activation(Activation::Relu);
        let group = hidden(&network);
        let old = network.group(group).units().to_vec();
        let edit = Units::of(&network, group)
            .recycle(&[dead], donor, &[0.5])
            .unwrap()
            .edit("dead");
        try_apply(&mut network, edit, &ApplyOptions::default()).unwrap();
        let new = network.group(group).units();
        assert_eq!(new[donor], old[donor]);
        assert!(!old.contains(&new[dead]));
        assert_eq!(network.genealogy().unit(new[dead]).unwrap().parents, vec![old[donor]]);
    }
}
