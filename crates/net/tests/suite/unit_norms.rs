//! Edits under norms whose statistics run over the units.

use crate::reference;

use espalier_net::{
    ApplyOptions, Edit, Error, FreshUnit, GroupId, Layer, Network, NetworkBuilder, NodeId, Plan, Preservation, Scales,
    Units, Window,
};
use espalier_seed::{Seed, Stream};

const LAYER: Layer = Layer::LayerNorm { epsilon: 1e-5 };
const RMS: Layer = Layer::RmsNorm { epsilon: 1e-5 };

fn group_norm(groups: usize) -> Layer {
    Layer::GroupNorm { groups, epsilon: 1e-5 }
}

/// x (3) → dense `width` → the norms → logits (2), with random norm parameters.
fn dense_under(norms: &[Layer], width: usize) -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    let mut top = layers.dense("hidden", x, width).unwrap();
    for (k, norm) in norms.iter().enumerate() {
        top = layers.layer(&format!("norm{k}"), norm.clone(), &[top], 0).unwrap();
    }
    let logits = layers.dense("logits", top, 2).unwrap();
    let mut network = layers.build(&[logits], &Seed::new(1)).unwrap();
    drawn(&mut network, &mut Seed::new(2).stream());
    network
}

fn drawn(network: &mut Network<f64>, draw: &mut Stream) {
    let ids: Vec<_> = network.nodes().iter().flat_map(|n| n.parameters().to_vec()).collect();
    for (_, id) in ids {
        let values = network.parameter_mut(id).values_mut().iter_mut();
        values.for_each(|v| *v = draw.uniform_in(-1.0, 1.0));
    }
}

fn batch(length: usize, seed: u64) -> Vec<f64> {
    let mut draw = Seed::new(seed).stream();
    (0..length).map(|_| draw.normal()).collect()
}

fn apply(network: &mut Network<f64>, edit: Edit) -> espalier_net::Result<espalier_net::Applied> {
    network.apply(&Plan::new("test").with(edit), &ApplyOptions::default())
}

/// The largest difference of two outputs.
fn distance(before: &[Vec<f64>], after: &[Vec<f64>]) -> f64 {
    let pairs = before.iter().flatten().zip(after.iter().flatten());
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

#[test]
fn a_split_under_a_norm_over_the_units_is_refused_unless_asked_for() {
    for norm in [LAYER, RMS, group_norm(1)] {
        let mut network = dense_under(&[norm], 4);
        let group = network.find_group("hidden").unwrap();
        let untouched = network.clone();
        let split = || Units::of(&untouched, group).split(1, &Scales::equal(2)).unwrap();
        let recycle = || Units::of(&untouched, group).recycle(&[2], 0, &[0.5]).unwrap();
        for units in [split(), recycle()] {
            let error = apply(&mut network, units.clone().edit("copies")).unwrap_err();
            let message = error.to_string();
            assert!(matches!(error, Error::Refused { .. }), "{message}");
            assert!(message.contains("`norm0`") && message.contains("`hidden`"), "{message}");
            assert_eq!(network, untouched);
            let applied = apply(&mut network, units.across_norms().edit("copies")).unwrap();
            assert!(matches!(applied.preservation, Preservation::Changed(_)));
            // The ledger replays what was asked for.
            let mut replayed = untouched.clone();
            replayed.replay(network.ledger()).unwrap();
            assert_eq!(replayed.groups(), network.groups());
            network = untouched.clone();
        }
    }
}

#[test]
fn equally_many_copies_of_all_units_leave_the_statistics_and_the_outputs() {
    let input = batch(3 * 5, 3);
    for norms in [vec![LAYER], vec![RMS], vec![group_norm(3)], vec![group_norm(2), LAYER]] {
        let mut network = dense_under(&norms, 6);
        let group = network.find_group("hidden").unwrap();
        let before = reference::outputs(&network, std::slice::from_ref(&input), 5);
        let mut units = Units::of(&network, group);
        for unit in 0..6 {
            units = units.split(unit, &Scales::equal(2)).unwrap();
        }
        let applied = apply(&mut network, units.edit("doubled")).unwrap();
        assert_eq!(applied.preservation, Preservation::Exact);
        let after = reference::outputs(&network, std::slice::from_ref(&input), 5);
        assert!(distance(&before, &after) < 1e-12);
    }
}

/// The outputs with some channels of a group held at 0 wherever they stand.
fn masked(network: &Network<f64>, input: &[f64], samples: usize, group: GroupId, gone: &[usize]) -> Vec<Vec<f64>> {
    let zero = |id: NodeId, out: &mut Vec<f64>| {
        if network.node(id).space().contains(&group) {
            let rows = out.chunks_mut(network.width(id));
            rows.for_each(|row| gone.iter().for_each(|u| row[*u] = 0.0));
        }
    };
    let values = reference::forward_with(network, &[input.to_vec()], samples, &zero);
    network.outputs().iter().map(|id| values[id.index()].clone()).collect()
}

#[test]
fn whole_norm_groups_take_their_statistics_with_them_and_leave_the_others_alone() {
    let input = batch(3 * 5, 4);
    let mut network = dense_under(&[group_norm(4)], 16);
    let group = network.find_group("hidden").unwrap();
    let gone = [0, 1, 2, 3, 8, 9, 10, 11];
    let expected = masked(&network, &input, 5, group, &gone);
    let edit = Units::of(&network, group).prune(&gone).unwrap().edit("pruned");
    let applied = apply(&mut network, edit).unwrap();
    assert!(matches!(applied.preservation, Preservation::Conditional(_)));
    let norm = network.node(network.find("norm0").unwrap());
    assert_eq!(norm.layer(), &group_norm(2));
    let after = reference::outputs(&network, std::slice::from_ref(&input), 5);
    assert!(distance(&expected, &after) < 1e-12);
}

#[test]
fn units_that_would_change_their_norm_group_are_refused_unless_asked_for() {
    let mut network = dense_under(&[group_norm(4)], 16);
    let group = network.find_group("hidden").unwrap();
    let untouched = network.clone();
    let units = || Units::of(&untouched, group);
    let mixing = [
        units().prune(&[0, 1, 2, 4]).unwrap(),
        units().widen((0..4).map(|_| FreshUnit::default())),
        units()
            .permute(&[4, 1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
            .unwrap(),
    ];
    for units in mixing {
        let message = apply(&mut network, units.clone().edit("mixing"))
            .unwrap_err()
            .to_string();
        assert!(message.contains("between the 4 norm groups of `norm0`"), "{message}");
        assert_eq!(network, untouched);
        let applied = apply(&mut network, units.across_norms().edit("mixing")).unwrap();
        assert!(matches!(applied.preservation, Preservation::Changed(_)));
        network = untouched.clone();
    }
    // One unit of each norm group: the norm keeps its four.
    let even = units().prune(&[0, 5, 10, 15]).unwrap().edit("even");
    apply(&mut network, even).unwrap();
    assert_eq!(network.node(network.find("norm0").unwrap()).layer(), &group_norm(4));
}

#[test]
fn what_may_go_is_an_equal_share_of_each_norm_group_or_whole_ones_nearest_to_the_count() {
    for (width, groups) in [(8, 2), (8, 4), (8, 8), (6, 3), (6, 2), (9, 3), (5, 1)] {
        let network = dense_under(&[group_norm(groups)], width);
        let group = network.find_group("hidden").unwrap();
        let size = width / groups;
        for count in 0..=width {
            let order = Seed::new((width * 100 + count) as u64).stream().permutation(width);
            let found = network.removable(group, &order, count);
            let lost = |gone: &[usize]| -> Vec<usize> {
                (0..groups)
                    .map(|g| gone.iter().filter(|u| **u / size == g).count())
                    .collect()
            };
            let permitted = |gone: &[usize]| {
                let lost = lost(gone);
                lost.iter().all(|n| *n == lost[0]) || lost.iter().all(|n| *n == 0 || *n == size)
            };
            assert!(permitted(&found), "{width} in {groups}, {count}: {found:?}");
            let wanted = count.min(width - 1);
            let subsets = (0..1_usize << width).map(|bits| (0..width).filter(|u| bits >> u & 1 == 1).collect());
            let nearest = subsets
                .filter(|s: &Vec<usize>| s.len() < width && permitted(s))
                .map(|s| s.len().abs_diff(wanted))
                .min();
            assert_eq!(
                Some(found.len().abs_diff(wanted)),
                nearest,
                "{width} in {groups}, {count}"
            );
        }
    }
}

/// A random network with one to three group norms over one or two groups of channels.
fn under_group_norms(stream: &mut Stream) -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let image = stream.bernoulli(0.5);
    let x = layers.input("x", if image { [3, 3] } else { [1, 1] }, 2).unwrap();
    let widths = [1 + stream.below(12), 1 + stream.below(12)];
    let make = |layers: &mut NetworkBuilder, name: &str, width: usize| {
        if image {
            layers.conv(name, x, width, Window::same(3)).unwrap()
        } else {
            layers.dense(name, x, width).unwrap()
        }
    };
    let first = make(&mut layers, "first", widths[0]);
    let mut top = match stream.below(3) {
        0 => first,
        1 => {
            let second = make(&mut layers, "second", widths[0]);
            layers.sum("sum", &[first, second]).unwrap()
        }
        _ => {
            let second = make(&mut layers, "second", widths[1]);
            layers.concat("both", &[first, second, first]).unwrap()
        }
    };
    for k in 0..1 + stream.below(3) {
        let (_, channels) = layers.shape(top);
        let divisors: Vec<usize> = (1..=channels).filter(|d| channels.is_multiple_of(*d)).collect();
        let norm = group_norm(divisors[stream.below(divisors.len())]);
        top = layers.layer(&format!("norm{k}"), norm, &[top], 0).unwrap();
    }
    let flat = layers.flatten("flat", top).unwrap();
    let logits = layers.dense("logits", flat, 2).unwrap();
    layers.build(&[logits], &Seed::new(1)).unwrap()
}

#[test]
fn removing_what_may_go_is_never_refused_and_takes_only_what_was_named() {
    let mut removed = 0;
    for seed in 0..400 {
        let mut stream = Seed::new(seed).stream();
        let mut network = under_group_norms(&mut stream);
        for _ in 0..2 {
            let editable = network.editable_groups();
            let group = editable[stream.below(editable.len())];
            let width = network.group(group).width();
            let mut order = stream.permutation(width);
            order.truncate(1 + stream.below(width));
            let gone = network.removable(group, &order, stream.below(width + 1));
            assert!(
                gone.iter().all(|u| order.contains(u)) && gone.len() < width,
                "seed {seed}"
            );
            assert!(gone.is_sorted_by(|a, b| a < b), "seed {seed}: {gone:?}");
            if gone.is_empty() {
                continue;
            }
            removed += 1;
            let edit = Units::of(&network, group).prune(&gone).unwrap().edit("pruned");
            apply(&mut network, edit).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            let input = batch(
                network
                    .inputs()
                    .iter()
                    .map(|id| network.node(*id).positions() * 2)
                    .sum(),
                seed,
            );
            assert_eq!(reference::outputs(&network, &[input], 1)[0].len(), 2);
        }
    }
    assert!(removed > 200, "{removed}");
}
