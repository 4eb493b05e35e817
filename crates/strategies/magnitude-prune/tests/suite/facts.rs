//! The facts that the method rests on, with expected values worked out by hand.

use espalier_magnitude_prune::{
    Evidence, Form, MagnitudePrune, MagnitudePruneSettings, Scope, UnitScore, WeightScore, compaction, output_layers,
    prune_units, prune_weights, share, silent_units,
};
use espalier_net::models::CnnOptions;
use espalier_net::{Activation, ApplyOptions, Layer, Network, NetworkBuilder, Window, execute, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{Error, Groups, Oracle, Outcome, Sample, Strategy};

fn masked_mlp(inputs: usize, hidden: &[usize], outputs: usize) -> Network<f32> {
    conformance::masked_mlp(inputs, hidden, outputs, &Seed::new(3)).unwrap()
}

fn masked_cnn() -> Network<f32> {
    conformance::masked_cnn(&Seed::new(3)).unwrap()
}

fn set(network: &mut Network<f32>, name: &str, values: &[f32]) {
    let id = network.find_parameter(name).unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(values);
}

fn get(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

fn no_evidence(seed: &Seed) -> Evidence<'_> {
    Evidence { probe: None, seed }
}

fn settings(scope: Scope, form: Form) -> MagnitudePruneSettings {
    MagnitudePruneSettings {
        scope,
        form,
        ..MagnitudePruneSettings::default()
    }
}

const WEIGHT_SCORES: [WeightScore; 4] = [
    WeightScore::Magnitude,
    WeightScore::Random,
    WeightScore::Taylor,
    WeightScore::LegacySigned,
];
const UNIT_SCORES: [UnitScore; 4] = [UnitScore::L1, UnitScore::L2, UnitScore::Random, UnitScore::Taylor];

#[test]
fn keeps_the_contract_on_any_network_where_weights_or_units_are_zeroed_or_units_cut_out() {
    let mut scopes: Vec<(Scope, Form)> = WEIGHT_SCORES.iter().map(|s| (Scope::Weights(*s), Form::Zero)).collect();
    scopes.extend(
        UNIT_SCORES
            .iter()
            .flat_map(|s| [(Scope::Units(*s), Form::Zero), (Scope::Units(*s), Form::Remove)]),
    );
    for (scope, form) in scopes {
        let make = || {
            MagnitudePrune::new(MagnitudePruneSettings {
                rounds: 2,
                ..settings(scope, form)
            })
        };
        let report = conformance::run(|| Box::new(make())).unwrap();
        assert_eq!(report.supported(), report.networks(), "{report:?}");
        assert!(report.applied() > 0, "{scope:?} {form:?}: {report:?}");
        assert_eq!(
            report.scored > 0,
            matches!(scope, Scope::Units(_)),
            "{scope:?}: {report:?}"
        );
    }
}

#[test]
fn keeps_the_contract_with_masks() {
    let scopes = WEIGHT_SCORES
        .map(Scope::Weights)
        .into_iter()
        .chain(UNIT_SCORES.map(Scope::Units));
    for scope in scopes {
        let networks = conformance::masked_references(&Seed::new(3)).unwrap();
        let make = || {
            MagnitudePrune::new(MagnitudePruneSettings {
                rounds: 2,
                ..settings(scope, Form::Mask)
            })
        };
        let report = conformance::run_on(networks, || Box::new(make())).unwrap();
        assert_eq!(
            (report.supported(), report.applied() > 0),
            (2, true),
            "{scope:?}: {report:?}"
        );
    }
}

#[test]
fn a_network_without_masks_is_unsupported_with_the_layer_named() {
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    let error = MagnitudePrune::new(MagnitudePruneSettings::default())
        .prepare(&network)
        .unwrap_err();
    assert!(
        matches!(error, Error::Unsupported { .. }) && error.to_string().contains("`hidden1`"),
        "{error}"
    );
}

#[test]
fn the_magnitude_decides_and_not_the_sign() {
    let mut network = masked_mlp(4, &[1], 2);
    set(&mut network, "hidden1.weight", &[-0.5, 0.1, 0.4, -0.2]);
    let seed = Seed::new(1);
    let mask = |score| {
        let layer = network.find("hidden1").unwrap();
        let pruning = prune_weights(&network, &[layer], (score, Form::Mask), 0.5, &no_evidence(&seed)).unwrap();
        assert_eq!(pruning.values[0].0, "hidden1.mask");
        pruning.values[0].1.clone()
    };
    // Of |w| = 0.5, 0.1, 0.4, 0.2 the two lowest are 0.1 and 0.2; of w they are −0.5 and −0.2.
    assert_eq!(mask(WeightScore::Magnitude), [1.0, 0.0, 1.0, 0.0]);
    assert_eq!(mask(WeightScore::LegacySigned), [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn every_column_loses_exactly_its_share() {
    let network = masked_mlp(20, &[7], 3);
    let layer = network.find("hidden1").unwrap();
    let seed = Seed::new(1);
    // Of 20 weights: 0, 25, 50, 60, 70, 80, 90, 95, 97 (19.4 → 19) and 99 % (19.8 → 20).
    let cases = [
        (0.0, 0),
        (0.25, 5),
        (0.5, 10),
        (0.6, 12),
        (0.7, 14),
        (0.8, 16),
        (0.9, 18),
        (0.95, 19),
        (0.97, 19),
        (0.99, 20),
    ];
    for (fraction, expected) in cases {
        assert_eq!(share(fraction, 20), expected);
        for score in [WeightScore::Magnitude, WeightScore::Random, WeightScore::LegacySigned] {
            let pruning =
                prune_weights(&network, &[layer], (score, Form::Mask), fraction, &no_evidence(&seed)).unwrap();
            let mask = pruning.values.first().map_or(vec![1.0; 140], |v| v.1.clone());
            for column in 0..7 {
                let zeros = mask.iter().skip(column).step_by(7).filter(|m| **m == 0.0).count();
                assert_eq!(zeros, expected, "{score:?}, {fraction}, column {column}");
            }
        }
    }
}

#[test]
fn a_share_of_zero_proposes_nothing() {
    for scope in [Scope::Weights(WeightScore::Magnitude), Scope::Units(UnitScore::L2)] {
        let mut strategy = MagnitudePrune::new(MagnitudePruneSettings {
            fraction: 0.0,
            ..settings(scope, Form::Mask)
        });
        let options = DriverOptions::default();
        let mut driver = Driver::new(masked_mlp(6, &[8], 3), &mut strategy, options, &Seed::new(1)).unwrap();
        driver.run(&mut strategy).unwrap();
        assert!(driver.settled.is_empty() && driver.refusals.is_empty());
        assert_eq!(get(&driver.network, "hidden1.mask"), [1.0; 48]);
    }
}

fn gone(network: &Network<f32>, score: UnitScore, fraction: f64) -> Vec<usize> {
    let group = network.find_group("hidden1").unwrap();
    let seed = Seed::new(1);
    let count = |g| share(fraction, network.group(g).width());
    let pruning = prune_units(network, &[group], (score, Form::Mask, true), count, &no_evidence(&seed)).unwrap();
    pruning.units.first().map_or(Vec::new(), |u| u.1.clone())
}

#[test]
fn units_are_ranked_by_the_norm_that_is_asked_for() {
    let mut network = masked_mlp(2, &[3], 2);
    // Columns (2, 0), (1.2, −1.2) and (10, 10): L1 norms 2, 2.4, 20; L2 norms 2, 1.697, 14.1.
    set(&mut network, "hidden1.weight", &[2.0, 1.2, 10.0, 0.0, -1.2, 10.0]);
    assert_eq!(gone(&network, UnitScore::L1, 1.0 / 3.0), [0]);
    assert_eq!(gone(&network, UnitScore::L2, 1.0 / 3.0), [1]);
    assert_eq!(gone(&network, UnitScore::L2, 0.0), [0; 0]);
    // One unit stays: the floor of the group.
    assert_eq!(gone(&network, UnitScore::L2, 0.99), [0, 1]);
}

/// The values of a node on random inputs, row-major.
fn hidden_values(network: &Network<f32>, node: &str) -> Vec<f32> {
    let mut strategy = espalier_strategy::Fixed;
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(2)).unwrap();
    let id = network.find(node).unwrap();
    let mut values = Vec::new();
    driver
        .oracle()
        .activations(network, &[id], Sample::Growth, &mut |_, v| values.extend_from_slice(v))
        .unwrap();
    values
}

fn pruned(network: &Network<f32>, group: &str, bias: bool, fraction: f64) -> (Network<f32>, Vec<usize>) {
    let id = network.find_group(group).unwrap();
    let seed = Seed::new(1);
    let count = |g| share(fraction, network.group(g).width());
    let pruning = prune_units(
        network,
        &[id],
        (UnitScore::L2, Form::Mask, bias),
        count,
        &no_evidence(&seed),
    )
    .unwrap();
    let mut after = network.clone();
    pruning.set_values(&mut after).unwrap();
    (after, pruning.units[0].1.clone())
}

#[test]
fn a_unit_pruned_with_its_bias_emits_exactly_zero_and_without_it_leaks_the_bias() {
    let mut network = masked_mlp(6, &[8], 3);
    set(
        &mut network,
        "hidden1.bias",
        &[0.25, -0.25, 0.25, -0.25, 0.25, -0.25, 0.25, -0.25],
    );
    for (bias, leak) in [(true, 0.0), (false, 0.25)] {
        let (after, units) = pruned(&network, "hidden1", bias, 0.5);
        assert_eq!(units.len(), 4);
        for row in hidden_values(&after, "relu1").chunks_exact(8) {
            for unit in &units {
                // relu(b) is b for the even units and 0 for the odd ones.
                let expected = if unit % 2 == 0 { leak } else { 0.0 };
                assert_eq!(row[*unit], expected);
            }
        }
    }
}

#[test]
fn a_pruned_channel_emits_exactly_zero_behind_a_batch_norm() {
    let mut network = masked_cnn();
    set(&mut network, "norm.bias", &[0.5; 6]);
    set(&mut network, "norm.running_mean", &[0.3, -0.3, 0.3, -0.3, 0.3, -0.3]);
    let (after, units) = pruned(&network, "conv", true, 0.5);
    for row in hidden_values(&after, "relu").chunks_exact(6) {
        assert!(units.iter().all(|u| row[*u] == 0.0), "{row:?}");
    }
}

#[test]
fn output_layers_are_never_pruned() {
    let network = masked_mlp(6, &[8, 7], 3);
    assert_eq!(output_layers(&network), [network.find("logits").unwrap()]);
    for scope in [Scope::Weights(WeightScore::Magnitude), Scope::Units(UnitScore::L1)] {
        for form in [Form::Mask, Form::Zero] {
            let mut strategy = MagnitudePrune::new(MagnitudePruneSettings {
                fraction: 0.9,
                ..settings(scope, form)
            });
            let options = DriverOptions::default();
            let mut driver = Driver::new(network.clone(), &mut strategy, options, &Seed::new(1)).unwrap();
            driver.run(&mut strategy).unwrap();
            let settled = &driver.settled[0];
            assert!(
                settled
                    .proposal
                    .values
                    .iter()
                    .all(|(name, _)| !name.starts_with("logits"))
            );
            assert!(
                settled
                    .proposal
                    .values
                    .iter()
                    .any(|(name, _)| name.starts_with("hidden2"))
            );
        }
    }
}

#[test]
fn layers_to_be_skipped_keep_their_weights_and_units() {
    for scope in [Scope::Weights(WeightScore::Magnitude), Scope::Units(UnitScore::L1)] {
        let skip = vec!["hidden1".to_owned()];
        let mut strategy = MagnitudePrune::new(MagnitudePruneSettings {
            skip,
            ..settings(scope, Form::Zero)
        });
        let network = masked_mlp(6, &[8, 7], 3);
        let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
        driver.run(&mut strategy).unwrap();
        assert!(
            driver.settled[0]
                .proposal
                .values
                .iter()
                .all(|(name, _)| name.starts_with("hidden2"))
        );
    }
}

/// Which weights the gradient score takes, with the gradients from central differences of the loss.
#[test]
fn taylor_scores_are_the_weights_times_the_slopes_of_the_loss() {
    let network = masked_mlp(3, &[4], 3);
    let mut strategy = espalier_strategy::Fixed;
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(2)).unwrap();
    let mut slope = |name: &str, index: usize| {
        let mut loss = |shift: f32| {
            let mut moved = network.clone();
            let mut values = get(&network, name);
            values[index] += shift;
            set(&mut moved, name, &values);
            driver.oracle().loss(&moved, Sample::Growth).unwrap()
        };
        (loss(1e-3) - loss(-1e-3)) / 2e-3
    };
    let (weights, biases) = (get(&network, "hidden1.weight"), get(&network, "hidden1.bias"));
    let products: Vec<f64> = (0..12)
        .map(|i| f64::from(weights[i]) * slope("hidden1.weight", i))
        .collect();
    let units: Vec<f64> = (0..4)
        .map(|u| (0..3).map(|r| products[r * 4 + u]).sum::<f64>() + f64::from(biases[u]) * slope("hidden1.bias", u))
        .map(f64::abs)
        .collect();
    let probe = driver.oracle().probe(&network, &[]).unwrap();
    let seed = Seed::new(1);
    let evidence = Evidence {
        probe: Some(&probe),
        seed: &seed,
    };
    let layer = network.find("hidden1").unwrap();
    let pruning = prune_weights(
        &network,
        &[layer],
        (WeightScore::Taylor, Form::Mask),
        1.0 / 3.0,
        &evidence,
    )
    .unwrap();
    for column in 0..4 {
        let smallest = (0..3)
            .min_by(|a, b| {
                products[a * 4 + column]
                    .abs()
                    .total_cmp(&products[b * 4 + column].abs())
            })
            .unwrap();
        let zeros: Vec<usize> = (0..3).filter(|r| pruning.values[0].1[r * 4 + column] == 0.0).collect();
        assert_eq!(zeros, [smallest], "column {column}: {products:?}");
    }
    let group = network.find_group("hidden1").unwrap();
    let pruning = prune_units(
        &network,
        &[group],
        (UnitScore::Taylor, Form::Mask, true),
        |_| 1,
        &evidence,
    )
    .unwrap();
    let smallest = (0..4).min_by(|a, b| units[*a].total_cmp(&units[*b])).unwrap();
    assert_eq!(pruning.units[0].1, [smallest], "{units:?}");
}

#[test]
fn taylor_scores_without_gradients_are_an_error() {
    let network = masked_mlp(3, &[4], 3);
    let seed = Seed::new(1);
    let layer = network.find("hidden1").unwrap();
    let error = prune_weights(
        &network,
        &[layer],
        (WeightScore::Taylor, Form::Mask),
        0.5,
        &no_evidence(&seed),
    )
    .unwrap_err();
    assert!(matches!(error, Error::Observation { .. }), "{error}");
}

#[test]
fn random_pruning_depends_on_the_seed_alone() {
    let network = masked_mlp(20, &[10], 3);
    let layer = network.find("hidden1").unwrap();
    let mask = |network: &Network<f32>, seed: u64| {
        let seed = Seed::new(seed);
        prune_weights(
            network,
            &[layer],
            (WeightScore::Random, Form::Mask),
            0.5,
            &no_evidence(&seed),
        )
        .unwrap()
        .values[0]
            .1
            .clone()
    };
    let mut other = network.clone();
    let reversed: Vec<f32> = get(&network, "hidden1.weight").into_iter().rev().collect();
    set(&mut other, "hidden1.weight", &reversed);
    assert_eq!(mask(&network, 1), mask(&other, 1));
    assert_ne!(mask(&network, 1), mask(&network, 2));
}

#[test]
fn rounds_take_equal_shares_of_what_is_left_and_nothing_comes_back() {
    let scope = Scope::Weights(WeightScore::Magnitude);
    let settings = MagnitudePruneSettings {
        fraction: 0.75,
        rounds: 2,
        ..settings(scope, Form::Mask)
    };
    // 1 − 0.25^{1/2} = 0.5, 1 − 0.25 = 0.75.
    assert!((settings.fraction_after(1) - 0.5).abs() < 1e-12);
    assert_eq!(settings.fraction_after(2), 0.75);
    let mut strategy = MagnitudePrune::new(settings);
    let network = masked_mlp(8, &[8], 3);
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let masks: Vec<Vec<f32>> = driver.settled.iter().map(|s| get(&s.after, "hidden1.mask")).collect();
    let zeros = |mask: &[f32]| mask.iter().filter(|m| **m == 0.0).count();
    assert_eq!(masks.iter().map(|m| zeros(m)).collect::<Vec<_>>(), [32, 48]);
    assert!(
        masks[0]
            .iter()
            .zip(&masks[1])
            .all(|(first, second)| *first != 0.0 || *second == 0.0)
    );
    assert_eq!(get(&driver.network, "hidden1.mask"), masks[1]);
}

#[test]
fn training_moves_no_pruned_unit() {
    let mut strategy = MagnitudePrune::new(settings(Scope::Units(UnitScore::L2), Form::Mask));
    let options = DriverOptions::default();
    let mut driver = Driver::new(masked_mlp(6, &[8], 3), &mut strategy, options, &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let group = driver.network.find_group("hidden1").unwrap();
    // Three epochs with momentum 0.9 have passed since.
    assert_eq!(driver.settled.len(), 1);
    assert_eq!(silent_units(&driver.network, group).len(), 4);
}

fn inputs(network: &Network<f32>) -> Vec<f32> {
    let id = network.inputs()[0];
    let width = network.node(id).positions() * network.width(id);
    let mut stream = Seed::new(9).stream();
    (0..32 * width).map(|_| stream.normal() as f32).collect()
}

fn deviation(a: &Network<f32>, b: &Network<f32>) -> f64 {
    let x = inputs(a);
    let (ya, yb) = (
        execute::evaluate(a, &[&x], 32).unwrap(),
        execute::evaluate(b, &[&x], 32).unwrap(),
    );
    let largest = ya[0].iter().fold(0.0_f64, |m, y| m.max(f64::from(y.abs())));
    ya[0]
        .iter()
        .zip(&yb[0])
        .map(|(p, q)| f64::from((p - q).abs()))
        .fold(0.0, f64::max)
        / largest
}

#[test]
fn compaction_gives_the_outputs_of_the_masked_network_with_fewer_parameters() {
    for (network, group) in [(masked_mlp(6, &[8, 7], 3), "hidden1"), (masked_cnn(), "conv")] {
        for fraction in [0.25, 0.5, 0.75, 0.99] {
            let (masked, units) = pruned(&network, group, true, fraction);
            let id = network.find_group(group).unwrap();
            assert_eq!(silent_units(&masked, id), units);
            let mut small = masked.clone();
            small
                .apply(&compaction(&masked).unwrap(), &ApplyOptions::default())
                .unwrap();
            assert!(
                deviation(&masked, &small) <= 1e-5,
                "{group}, {fraction}: {}",
                deviation(&masked, &small)
            );
            assert_eq!(small.group(id).width(), network.group(id).width() - units.len());
            assert!(small.parameter_count() < masked.parameter_count());
        }
    }
}

#[test]
fn removing_units_gives_the_outputs_of_masking_them() {
    let network = masked_mlp(6, &[8, 7], 3);
    let run = |form| {
        let settings = MagnitudePruneSettings {
            first_epoch: 0,
            ..settings(Scope::Units(UnitScore::L1), form)
        };
        let mut strategy = MagnitudePrune::new(settings);
        let options = DriverOptions {
            epochs: 0,
            ..DriverOptions::default()
        };
        let mut driver = Driver::new(network.clone(), &mut strategy, options, &Seed::new(1)).unwrap();
        driver.run(&mut strategy).unwrap();
        driver.network
    };
    let (masked, removed) = (run(Form::Mask), run(Form::Remove));
    assert!(deviation(&masked, &removed) <= 1e-5);
    // round(8/2) = 4 and round(7/2) = 4 units go: 6·4 + 4 + 4·3 + 3 + 3·3 + 3 = 55 parameters.
    assert_eq!(removed.parameter_count(), 55);
}

#[test]
fn removal_in_rounds_counts_from_the_first_width() {
    let settings = MagnitudePruneSettings {
        fraction: 0.75,
        rounds: 2,
        groups: Groups::one("hidden1"),
        ..settings(Scope::Units(UnitScore::L2), Form::Remove)
    };
    let mut strategy = MagnitudePrune::new(settings);
    let network = models::mlp::<f32>(6, &[16, 5], 3, &Seed::new(1)).unwrap();
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let widths = |n: &Network<f32>| ["hidden1", "hidden2"].map(|g| n.group(n.find_group(g).unwrap()).width());
    let after: Vec<_> = driver.settled.iter().map(|s| widths(&s.after)).collect();
    assert_eq!(after, [[8, 5], [4, 5]]);
}

/// x (2) → dense `hidden1` of `width` with a mask → norm → ReLU → logits.
fn under_norm(width: usize, norm: Layer) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let hidden = layers.dense("hidden1", x, width).unwrap();
    layers.mask(hidden).unwrap();
    let top = layers.layer("norm", norm, &[hidden], 0).unwrap();
    let top = layers.activation("relu", top, Activation::Relu).unwrap();
    let logits = layers.dense("logits", top, 3).unwrap();
    layers.build::<f32>(&[logits], &Seed::new(3)).unwrap()
}

fn group_norm(groups: usize) -> Layer {
    Layer::GroupNorm { groups, epsilon: 1e-5 }
}

#[test]
fn removal_before_a_group_norm_takes_equally_many_units_from_each_norm_group() {
    let mut network = under_norm(16, group_norm(4));
    // The L1 norm of unit u is 1 + (7u mod 16): 1 8 15 6 | 13 4 11 2 | 9 16 7 14 | 5 12 3 10.
    let norms: Vec<f32> = (0..16).map(|u| 1.0 + ((7 * u) % 16) as f32).collect();
    set(&mut network, "hidden1.weight", &[norms, vec![0.0; 16]].concat());
    let group = network.find_group("hidden1").unwrap();
    let form = (UnitScore::L1, Form::Remove, true);
    let seed = Seed::new(1);
    // A fifth of 16 are 3, which four norm groups do not give; the least of each are units 0, 7, 10 and 14.
    let pruning = prune_units(&network, &[group], form, |_| share(0.2, 16), &no_evidence(&seed)).unwrap();
    assert_eq!(pruning.units, [(group, vec![0, 7, 10, 14])]);
    network.apply(&pruning.plan, &ApplyOptions::default()).unwrap();
    assert_eq!(network.group(group).width(), 12);
}

#[test]
fn no_removal_before_a_group_norm_is_refused() {
    let mut removed = 0;
    for width in 1..=16_usize {
        for groups in (1..=width).filter(|g| width.is_multiple_of(*g)) {
            let network = under_norm(width, group_norm(groups));
            for fraction in [0.1, 0.2, 0.5, 0.9] {
                let mut strategy = MagnitudePrune::new(MagnitudePruneSettings {
                    fraction,
                    rounds: 2,
                    ..settings(Scope::Units(UnitScore::L2), Form::Remove)
                });
                let options = DriverOptions::default();
                let mut driver = Driver::new(network.clone(), &mut strategy, options, &Seed::new(1)).unwrap();
                driver.run(&mut strategy).unwrap();
                for settled in &driver.settled {
                    let refused = matches!(settled.outcome, Outcome::Refused { .. });
                    assert!(!refused, "{width} in {groups}, {fraction}: {:?}", settled.outcome);
                    removed += 1;
                }
            }
        }
    }
    assert!(removed > 100, "{removed}");
}

#[test]
fn units_before_a_norm_over_them_are_not_silent() {
    for norm in [group_norm(1), group_norm(5), Layer::LayerNorm { epsilon: 1e-5 }] {
        let network = under_norm(5, norm);
        let (masked, _) = pruned(&network, "hidden1", true, 0.5);
        assert!(compaction(&masked).unwrap().edits.is_empty());
    }
}

#[test]
fn units_behind_a_sigmoid_are_not_silent() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let hidden = layers.dense("hidden1", x, 5).unwrap();
    layers.mask(hidden).unwrap();
    let top = layers.activation("sigmoid", hidden, Activation::Sigmoid).unwrap();
    let logits = layers.dense("logits", top, 3).unwrap();
    let network = layers.build::<f32>(&[logits], &Seed::new(3)).unwrap();
    let (masked, units) = pruned(&network, "hidden1", true, 0.5);
    // σ(0) = 0.5 reaches the logits.
    assert!(
        hidden_values(&masked, "sigmoid")
            .chunks_exact(5)
            .all(|row| units.iter().all(|u| row[*u] == 0.5))
    );
    assert!(compaction(&masked).unwrap().edits.is_empty());
}

#[test]
fn settings_outside_their_range_are_named() {
    let base = MagnitudePruneSettings::default;
    let cases = [
        (
            MagnitudePruneSettings {
                fraction: 1.0,
                ..base()
            },
            "fraction",
        ),
        (
            MagnitudePruneSettings {
                fraction: f64::NAN,
                ..base()
            },
            "fraction",
        ),
        (
            MagnitudePruneSettings {
                every_epochs: 0,
                ..base()
            },
            "every_epochs",
        ),
        (MagnitudePruneSettings { rounds: 0, ..base() }, "rounds"),
        (
            MagnitudePruneSettings {
                form: Form::Remove,
                ..base()
            },
            "form",
        ),
        (
            MagnitudePruneSettings {
                skip: vec!["relu1".to_owned()],
                ..base()
            },
            "skip",
        ),
    ];
    let network = masked_mlp(6, &[8], 3);
    for (settings, expected) in cases {
        let error = MagnitudePrune::new(settings).prepare(&network).unwrap_err();
        assert!(
            matches!(error, Error::Setting { field, .. } if field == expected),
            "{error}"
        );
    }
}

#[test]
fn convolutions_lose_their_share_of_each_kernel_column() {
    let options = CnnOptions {
        map: [8, 8],
        inputs: 2,
        channels: vec![4],
        window: Window::same(3),
        hidden: Vec::new(),
        outputs: 3,
        batch_norm: true,
    };
    let network = models::cnn::<f32>(&options, &Seed::new(1)).unwrap();
    let layer = network
        .order()
        .iter()
        .copied()
        .find(|id| matches!(network.node(*id).layer(), espalier_net::Layer::Conv { .. }))
        .unwrap();
    let seed = Seed::new(1);
    let pruning = prune_weights(
        &network,
        &[layer],
        (WeightScore::Magnitude, Form::Zero),
        0.5,
        &no_evidence(&seed),
    )
    .unwrap();
    // A column holds 3·3·2 = 18 weights.
    for column in 0..4 {
        let zeros = pruning.values[0]
            .1
            .iter()
            .skip(column)
            .step_by(4)
            .filter(|w| **w == 0.0)
            .count();
        assert_eq!(zeros, 9);
    }
}
