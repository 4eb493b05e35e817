//! Edits against brute force on random graphs that mix every kind of layer.

use crate::reference;

use crate::random_graphs::{EVERYTHING, HOMOGENEOUS, Kinds, NO_UNIT_NORMS, Sample, sample};
use espalier_net::{
    ApplyOptions, Edit, Element, Error, FreshUnit, GroupId, Layer, Network, NodeId, OverBudget, Plan, Preservation,
    ScalePolicy, Scales, Side, Units, models,
};
use espalier_seed::{Seed, Stream};

/// Random graphs per test: 300 by default, more through `ESPALIER_TEST_GRAPHS`.
fn graphs() -> u64 {
    std::env::var("ESPALIER_TEST_GRAPHS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(300)
}

fn deviation<E: Element>(before: &[Vec<f64>], network: &Network<E>, sample: &Sample<E>) -> f64 {
    let after = reference::outputs(network, &sample.inputs, sample.samples);
    let largest = before.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
    let moved = before
        .iter()
        .flatten()
        .zip(after.iter().flatten())
        .fold(0.0_f64, |m, (x, y)| m.max((x - y).abs()));
    assert_eq!(
        before.iter().map(Vec::len).collect::<Vec<_>>(),
        after.iter().map(Vec::len).collect::<Vec<_>>()
    );
    moved / largest.max(1e-300)
}

fn pick_group<E: Element>(network: &Network<E>, stream: &mut Stream) -> Option<GroupId> {
    let groups = network.editable_groups();
    (!groups.is_empty()).then(|| groups[stream.below(groups.len())])
}

/// Copies with scales a, g ~ U[.5, 1) normalised to Σ a·g = 1.
fn random_scales(n: usize, stream: &mut Stream) -> Vec<Scales> {
    let draws: Vec<(f64, f64)> = (0..n)
        .map(|_| (stream.uniform_in(0.5, 1.0), stream.uniform_in(0.5, 1.0)))
        .collect();
    let norm = draws.iter().map(|(a, g)| a * g).sum::<f64>().sqrt();
    draws
        .iter()
        .map(|(a, g)| Scales {
            incoming: a / norm,
            outgoing: g / norm,
        })
        .collect()
}

fn apply<E: Element>(network: &mut Network<E>, edit: Edit) -> espalier_net::Applied {
    let options = ApplyOptions {
        scales: ScalePolicy::Fallback,
        ..ApplyOptions::default()
    };
    network.apply(&Plan::new("test").with(edit), &options).unwrap()
}

fn splitting_preserves<E: Element>(kinds: Kinds, tolerance: f64, offset: u64) {
    let mut edited = 0;
    for seed in 0..graphs() {
        let mut s: Sample<E> = sample(seed + offset, kinds);
        let mut stream = Seed::new(seed).named("edit").stream();
        let before = reference::outputs(&s.network, &s.inputs, s.samples);
        for _ in 0..3 {
            let Some(group) = pick_group(&s.network, &mut stream) else {
                continue;
            };
            let width = s.network.group(group).width();
            // First, last or any unit; 2 to 5 copies.
            let unit = [0, width - 1, stream.below(width)][stream.below(3)];
            let copies = 2 + stream.below(4);
            let edit = Units::of(&s.network, group)
                .split(unit, &random_scales(copies, &mut stream))
                .unwrap()
                .across_norms()
                .edit("split");
            let applied = apply(&mut s.network, edit);
            assert_eq!(s.network.group(group).width(), width + copies - 1);
            if applied.preservation == Preservation::Exact {
                edited += 1;
                let moved = deviation(&before, &s.network, &s);
                assert!(moved <= tolerance, "seed {seed}: moved {moved:e}");
            } else {
                assert!(kinds.unit_norms, "seed {seed}: {:?}", applied.preservation);
                break;
            }
        }
    }
    assert!(edited > graphs() / 2, "only {edited} edits were claimed to preserve");
}

#[test]
fn splitting_preserves_outputs_in_f64() {
    splitting_preserves::<f64>(NO_UNIT_NORMS, 1e-12, 0);
}

#[test]
fn splitting_preserves_outputs_in_f32() {
    splitting_preserves::<f32>(NO_UNIT_NORMS, 1e-5, 10_000);
}

#[test]
fn splitting_with_free_scales_preserves_homogeneous_networks() {
    splitting_preserves::<f64>(HOMOGENEOUS, 1e-12, 20_000);
}

#[test]
fn what_is_claimed_exact_is_exact_with_norms_over_the_units_too() {
    splitting_preserves::<f64>(EVERYTHING, 1e-12, 30_000);
}

/// Zeroes a unit wherever its group stands: what its removal must equal.
fn masked_outputs<E: Element>(s: &Sample<E>, group: GroupId, units: &[usize]) -> Vec<Vec<f64>> {
    let network = &s.network;
    let zero = |id: NodeId, out: &mut Vec<f64>| {
        let width = network.width(id);
        let mut at = 0;
        for entry in network.node(id).space() {
            if *entry == group {
                for row in out.chunks_mut(width) {
                    units.iter().for_each(|u| row[at + u] = 0.0);
                }
            }
            at += network.group(*entry).width();
        }
    };
    let values = reference::forward_with(network, &s.inputs, s.samples, &zero);
    network.outputs().iter().map(|id| values[id.index()].clone()).collect()
}

#[test]
fn pruning_equals_masking_the_units() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 40_000, NO_UNIT_NORMS);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let width = s.network.group(group).width();
        let gone: Vec<usize> = stream.permutation(width)[..1 + stream.below(width - 1)].to_vec();
        let masked = masked_outputs(&s, group, &gone);
        let edit = Units::of(&s.network, group).prune(&gone).unwrap().edit("pruned");
        apply(&mut s.network, edit);
        assert_eq!(s.network.group(group).width(), width - gone.len());
        assert!(deviation(&masked, &s.network, &s) <= 1e-12, "seed {seed}");
    }
}

/// Random fan-in weights, zero fan-out: keys from the network's own list of owners.
fn fresh_unit<E: Element>(network: &Network<E>, group: GroupId, stream: &mut Stream) -> FreshUnit {
    let mut fresh = FreshUnit::default();
    for owner in network.owners(group) {
        let parameter = network.parameter(owner.parameter);
        let doubled = network
            .owners(group)
            .iter()
            .filter(|o| o.parameter == owner.parameter)
            .count()
            > 1;
        if owner.side == Side::Incoming && !doubled {
            let length = parameter.values().len() / parameter.shape()[owner.axis] * owner.offsets.len();
            let values = (0..length).map(|_| stream.normal()).collect();
            fresh
                .values
                .insert(format!("{}@{}", parameter.name(), owner.axis), values);
        }
    }
    fresh
}

#[test]
fn widening_with_zero_fan_out_preserves_and_pruning_it_again_is_the_identity() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 50_000, NO_UNIT_NORMS);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let original = s.network.clone();
        let before = reference::outputs(&s.network, &s.inputs, s.samples);
        let width = s.network.group(group).width();
        let fresh: Vec<_> = (0..2).map(|_| fresh_unit(&s.network, group, &mut stream)).collect();
        let widen = Units::of(&s.network, group).widen(fresh).edit("widened");
        let applied = apply(&mut s.network, widen);
        assert_eq!(applied.preservation, Preservation::Exact, "seed {seed}");
        assert!(deviation(&before, &s.network, &s) <= 1e-12, "seed {seed}");
        let prune = Units::of(&s.network, group)
            .prune(&[width, width + 1])
            .unwrap()
            .edit("pruned");
        apply(&mut s.network, prune);
        assert_eq!(s.network.parameters(), original.parameters(), "seed {seed}");
        assert_eq!(s.network.group(group).units(), original.group(group).units());
    }
}

#[test]
fn splitting_then_merging_is_the_identity() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 60_000, NO_UNIT_NORMS);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let original = s.network.clone();
        let unit = stream.below(s.network.group(group).width());
        let split = Units::of(&s.network, group)
            .split(unit, &Scales::equal(2))
            .unwrap()
            .edit("split");
        apply(&mut s.network, split);
        let merge = Units::of(&s.network, group)
            .merge(&[(unit, 1.0), (unit + 1, 1.0)])
            .unwrap()
            .edit("merged");
        apply(&mut s.network, merge);
        // ½w + ½w = w exactly in binary floating point.
        assert_eq!(s.network.parameters(), original.parameters(), "seed {seed}");
        assert_eq!(s.network.group(group).units(), original.group(group).units());
    }
}

/// Two ReLU units, the second twice the first; `offset` moves the second one's bias.
fn twice(offset: f64) -> Network<f64> {
    let mut network = models::mlp::<f64>(2, &[2], 1, &Seed::new(4)).unwrap();
    let values = [
        ("hidden1.weight", vec![0.5, 1.0, 0.25, 0.5]),
        ("hidden1.bias", vec![0.125, 0.25 + offset]),
        ("logits.weight", vec![3.0, -1.0]),
    ];
    for (name, values) in values {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(&values);
    }
    network
}

#[test]
fn merging_is_exact_for_a_multiple_and_not_for_one_with_an_offset() {
    let inputs = [vec![1.0, 2.0, -3.0, 0.5, 0.25, -4.0]];
    for (offset, exact) in [(0.0, true), (0.5, false)] {
        let mut network = twice(offset);
        let group = network.find_group("hidden1").unwrap();
        let before = reference::outputs(&network, &inputs, 3);
        let merge = Units::of(&network, group)
            .merge(&[(0, 1.0), (1, 2.0)])
            .unwrap()
            .edit("merged");
        let applied = apply(&mut network, merge);
        assert!(
            matches!(applied.preservation, Preservation::Conditional(_)),
            "{applied:?}"
        );
        assert_eq!(network.group(group).width(), 1);
        // Powers of two throughout: where it is exact, it is so in every bit.
        assert_eq!(
            reference::outputs(&network, &inputs, 3) == before,
            exact,
            "offset {offset}"
        );
    }
}

#[test]
fn permuting_preserves_and_its_inverse_restores_every_byte() {
    for seed in 0..graphs() {
        let mut s: Sample<f32> = sample(seed + 70_000, EVERYTHING);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let original = s.network.clone();
        let before = reference::outputs(&s.network, &s.inputs, s.samples);
        let order = stream.permutation(s.network.group(group).width());
        let edit = Units::of(&s.network, group).permute(&order).unwrap().edit("permuted");
        let applied = apply(&mut s.network, edit);
        if applied.preservation == Preservation::Exact {
            assert!(deviation(&before, &s.network, &s) <= 1e-12, "seed {seed}");
        }
        let mut inverse = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| inverse[*old] = new);
        let edit = Units::of(&s.network, group).permute(&inverse).unwrap().edit("permuted");
        apply(&mut s.network, edit);
        assert_eq!(s.network.parameters(), original.parameters(), "seed {seed}");
        assert_eq!(s.network.group(group).units(), original.group(group).units());
    }
}

#[test]
fn recycling_a_silent_unit_preserves_outputs() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 80_000, NO_UNIT_NORMS);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let width = s.network.group(group).width();
        if width < 3 {
            continue;
        }
        let order = stream.permutation(width);
        let (donor, dead) = (order[0], [order[1], order[2]]);
        // With the dead units silent, outputs must equal those after the recycling, which discards their fan-out.
        let silent = masked_outputs(&s, group, &dead);
        let edit = Units::of(&s.network, group)
            .recycle(&dead, donor, &[0.5, 0.2])
            .unwrap()
            .edit("recycled");
        apply(&mut s.network, edit);
        assert_eq!(s.network.group(group).width(), width);
        assert!(deviation(&silent, &s.network, &s) <= 1e-12, "seed {seed}");
    }
}

#[test]
fn deepening_and_folding_gates_preserve_outputs() {
    let (mut deepened, mut folded) = (0, 0);
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 90_000, EVERYTHING);
        let before = reference::outputs(&s.network, &s.inputs, s.samples);
        let names: Vec<(String, bool)> = s
            .network
            .nodes()
            .iter()
            .map(|n| (n.name().to_owned(), matches!(n.layer(), Layer::Gate { .. })))
            .collect();
        for (name, is_gate) in names {
            let edit = if is_gate {
                Edit::FoldGate { gate: name.clone() }
            } else {
                Edit::Deepen {
                    after: name.clone(),
                    name: format!("{name}.deeper"),
                }
            };
            let untouched = s.network.clone();
            match s.network.apply(&Plan::new("test").with(edit), &ApplyOptions::default()) {
                Ok(applied) => {
                    if is_gate {
                        folded += 1
                    } else {
                        deepened += 1
                    }
                    assert_eq!(applied.preservation, Preservation::Exact);
                    assert!(deviation(&before, &s.network, &s) <= 1e-12, "seed {seed} {name}");
                }
                Err(Error::Layer { .. }) => assert_eq!(s.network, untouched),
                Err(other) => panic!("seed {seed} {name}: {other}"),
            }
        }
    }
    assert!(
        deepened > graphs() / 4 && folded > graphs() / 8,
        "{deepened} deepened, {folded} folded"
    );
}

#[test]
fn the_owner_table_equals_the_one_found_by_perturbing_each_unit() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(
            seed + 100_000,
            Kinds {
                unit_norms: false,
                bounded: false,
                batch_norm: true,
            },
        );
        let_units_through(&mut s.network);
        let s = s;
        let network = &s.network;
        let base = reference::forward(network, &s.inputs, s.samples);
        for group in network.editable_groups() {
            for unit in 0..network.group(group).width() {
                let moved = perturb(&s, &base, group, unit);
                for (index, node) in network.nodes().iter().enumerate() {
                    let Some(weight) = node.parameter(espalier_net::Role::Weight) else {
                        continue;
                    };
                    if node.is_depthwise() {
                        continue;
                    }
                    let source = node.inputs()[0];
                    let width = network.width(source);
                    let found: std::collections::BTreeSet<usize> = moved[source.index()]
                        .iter()
                        .zip(&base[source.index()])
                        .enumerate()
                        .filter(|(_, (x, y))| (*x - *y).abs() > 1e-9)
                        .map(|(i, _)| i % width)
                        .collect();
                    let declared: std::collections::BTreeSet<usize> = network
                        .owners(group)
                        .iter()
                        .filter(|o| o.parameter == weight && o.axis == 0)
                        .flat_map(|o| o.offsets.iter().map(|offset| (offset + unit) % width))
                        .collect();
                    assert_eq!(
                        declared,
                        found,
                        "seed {seed}, node {index} {}, group {}, unit {unit}",
                        node.name(),
                        network.group(group).name()
                    );
                }
            }
        }
    }
}

/// Makes depthwise kernels positive, so that a raised unit stays raised behind them.
fn let_units_through(network: &mut Network<f64>) {
    let depthwise: Vec<_> = network
        .nodes()
        .iter()
        .filter(|n| n.is_depthwise())
        .filter_map(|n| n.parameter(espalier_net::Role::Weight))
        .collect();
    for id in depthwise {
        network
            .parameter_mut(id)
            .values_mut()
            .iter_mut()
            .for_each(|v| *v = v.abs());
    }
}

/// All node values when one unit's producers emit much more, every other producer held still.
fn perturb(s: &Sample<f64>, base: &[Vec<f64>], group: GroupId, unit: usize) -> Vec<Vec<f64>> {
    let network = &s.network;
    let hook = |id: NodeId, out: &mut Vec<f64>| {
        let node = network.node(id);
        let produces = matches!(node.layer(), Layer::Dense { .. } | Layer::Input)
            || matches!(node.layer(), Layer::Conv { .. } if !node.is_depthwise());
        if !produces {
            return;
        }
        out.clone_from(&base[id.index()]);
        let width = network.width(id);
        let mut at = 0;
        for entry in node.space() {
            if *entry == group {
                out.chunks_mut(width).for_each(|row| row[at + unit] += 100.0);
            }
            at += network.group(*entry).width();
        }
    };
    reference::forward_with(network, &s.inputs, s.samples, &hook)
}

/// Counts parameters and MACs from the physical arrays and maps, without the engine's own count.
fn counted(network: &Network<f64>) -> (u64, u64) {
    let trained = network.parameters().iter().filter(|p| p.role().is_trained());
    let parameters = trained.map(|p| p.values().len() as u64).sum();
    let weights = network
        .nodes()
        .iter()
        .filter_map(|n| Some((n, n.parameter(espalier_net::Role::Weight)?)));
    let macs = weights
        .map(|(n, w)| (network.parameter(w).values().len() * n.positions()) as u64)
        .sum();
    (parameters, macs)
}

#[test]
fn predicted_cost_equals_the_physical_count_for_every_edit() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 110_000, EVERYTHING);
        let mut stream = Seed::new(seed).named("edit").stream();
        for _ in 0..4 {
            let Some(group) = pick_group(&s.network, &mut stream) else {
                continue;
            };
            let width = s.network.group(group).width();
            let units = Units::of(&s.network, group);
            let edit = match stream.below(3) {
                0 => units.split(stream.below(width), &Scales::equal(3)).unwrap(),
                1 => units.widen([FreshUnit::default()]),
                _ => units.prune(&[stream.below(width)]).unwrap(),
            };
            let options = ApplyOptions::default();
            let Ok(applied) = s.network.apply(&Plan::new("cost").with(edit.edit("cost")), &options) else {
                continue;
            };
            assert_eq!(
                (applied.predicted.parameters, applied.predicted.macs),
                counted(&s.network),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_refused_plan_leaves_every_byte() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 120_000, EVERYTHING);
        let mut stream = Seed::new(seed).named("edit").stream();
        let untouched = s.network.clone();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let width = s.network.group(group).width();
        let all: Vec<usize> = (0..width).collect();
        let good = || {
            Units::of(&untouched, group)
                .split(0, &Scales::equal(2))
                .unwrap()
                .across_norms()
                .edit("split")
        };
        let empty = Units::of(&s.network, group).prune(&all).unwrap().edit("all");
        let frozen = s
            .network
            .group_ids()
            .find(|g| s.network.group(*g).frozen().is_some())
            .unwrap();
        let refused = Units::of(&s.network, frozen)
            .split(0, &Scales::equal(2))
            .unwrap()
            .edit("frozen");
        for bad in [empty, refused] {
            // The first edit of the plan is fine; the second sinks the whole plan.
            let plan = Plan::new("bad").with(good()).with(bad);
            assert!(matches!(
                s.network.apply(&plan, &ApplyOptions::default()),
                Err(Error::Refused { .. })
            ));
            assert_eq!(s.network, untouched, "seed {seed}");
        }
        let budget = ApplyOptions {
            max_parameters: Some(untouched.parameter_count()),
            ..ApplyOptions::default()
        };
        let result = s.network.apply(&Plan::new("dear").with(good()), &budget);
        assert!(matches!(result, Err(Error::Budget { .. })));
        assert_eq!(s.network, untouched, "seed {seed}");
    }
}

#[test]
fn a_plan_beyond_its_budget_is_cut_to_fit_and_still_preserves() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 130_000, NO_UNIT_NORMS);
        let mut stream = Seed::new(seed).named("edit").stream();
        let Some(group) = pick_group(&s.network, &mut stream) else {
            continue;
        };
        let before = reference::outputs(&s.network, &s.inputs, s.samples);
        let mut widths = s.network.widths();
        let width = widths[group.index()];
        widths[group.index()] += 2;
        let budget = s.network.cost_at(&widths).unwrap().parameters;
        let edit = Units::of(&s.network, group)
            .split(0, &Scales::equal(5))
            .unwrap()
            .widen([FreshUnit::default()])
            .edit("much");
        let options = ApplyOptions {
            max_parameters: Some(budget),
            over_budget: OverBudget::Cut,
            ..ApplyOptions::default()
        };
        s.network.apply(&Plan::new("cut").with(edit), &options).unwrap();
        assert_eq!(s.network.group(group).width(), width + 2, "seed {seed}");
        assert!(s.network.parameter_count() <= budget);
        assert!(deviation(&before, &s.network, &s) <= 1e-12, "seed {seed}");
    }
}

#[test]
fn replaying_the_ledger_on_the_initial_network_gives_topology_widths_and_genealogy() {
    for seed in 0..graphs() {
        let mut s: Sample<f64> = sample(seed + 140_000, EVERYTHING);
        let mut replayed = s.network.clone();
        let mut stream = Seed::new(seed).named("edit").stream();
        let mut history = vec![(0, s.network.widths())];
        for step in 1..5 {
            let Some(group) = pick_group(&s.network, &mut stream) else {
                continue;
            };
            s.network.set_step(step * 10);
            let width = s.network.group(group).width();
            let edit = Units::of(&s.network, group)
                .split(stream.below(width), &random_scales(2, &mut stream))
                .unwrap()
                .across_norms()
                .edit("split");
            apply(&mut s.network, edit);
            let unit = stream.below(width);
            let edit = Units::of(&s.network, group).prune(&[unit]).unwrap().edit("pruned");
            apply(&mut s.network, edit);
            history.push((step * 10, s.network.widths()));
        }
        replayed.replay(s.network.ledger()).unwrap();
        assert_eq!(replayed.genealogy(), s.network.genealogy(), "seed {seed}");
        assert_eq!(replayed.groups(), s.network.groups());
        assert_eq!(replayed.nodes(), s.network.nodes());
        for (step, widths) in history {
            let at: Vec<usize> = s.network.ledger().widths_at(step + 5).iter().map(|(_, w)| *w).collect();
            assert_eq!(at, widths, "seed {seed}, step {step}");
        }
    }
}
