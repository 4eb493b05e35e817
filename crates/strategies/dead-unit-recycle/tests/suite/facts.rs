//! The facts that the method rests on, with expected values worked out by hand.

use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, DonorRule, RecycledState, Shares};
use espalier_net::models::CnnOptions;
use espalier_net::{
    Activation, Edit, GroupId, Layer, Network, NetworkBuilder, NewUnit, Optimizer, OptimizerKind, Role, Side, Window,
    execute, models,
};
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions, Settled, references};
use espalier_strategy::{Groups, Strategy, places};

/// A look every 6 steps after a window of 6 batches (one epoch of the driver), exact unless a test says otherwise.
fn settings() -> DeadUnitRecycleSettings {
    DeadUnitRecycleSettings {
        every_steps: 6,
        window_batches: 6,
        shares: Shares::Equal,
        noise: 0.0,
        ..Default::default()
    }
}

/// Zero fan-in, bias −1: the unit is silent behind ReLU, with or without a batch norm before it.
fn plant(network: &mut Network<f32>, group: GroupId, unit: usize) {
    for owner in network.owners(group) {
        let value = match (network.parameter(owner.parameter).role(), owner.side) {
            (Role::Weight, Side::Incoming) => 0.0,
            (Role::Bias, _) => -1.0,
            _ => continue,
        };
        for i in places(network, &owner, unit) {
            network.parameter_mut(owner.parameter).values_mut()[i] = value;
        }
    }
}

/// Drives the strategy over a network that learns nothing, so that its weights stay as planted.
fn drive(network: Network<f32>, settings: DeadUnitRecycleSettings) -> (Driver, DeadUnitRecycle) {
    let mut strategy = DeadUnitRecycle::new(settings);
    let options = DriverOptions {
        rate: 0.0,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network, &mut strategy, options, &Seed::new(3)).unwrap();
    driver.run(&mut strategy).unwrap();
    assert!(driver.refusals.is_empty(), "{:?}", driver.refusals);
    (driver, strategy)
}

/// The recycled units of each edit of a proposal.
fn recycled(settled: &Settled) -> Vec<(String, Vec<usize>)> {
    let of = |edit: &Edit| {
        let Edit::Units(edit) = edit else { panic!("{edit:?}") };
        let dead = |u: &usize| matches!(&edit.units[*u], NewUnit::Fresh(_)) || edit.units[*u].origin() != Some(*u);
        (edit.group.clone(), (0..edit.units.len()).filter(dead).collect())
    };
    settled.proposal.plan.edits.iter().map(of).collect()
}

fn moved(before: &Network<f32>, after: &Network<f32>, driver: &Driver) -> f64 {
    let rows = driver.growth().batch(0, driver.growth().len());
    let outputs = |n: &Network<f32>| execute::evaluate(n, &[rows.inputs], rows.samples).unwrap().remove(0);
    let (x, y) = (outputs(before), outputs(after));
    let largest = x.iter().map(|v| f64::from(v.abs())).fold(0.0, f64::max);
    x.iter()
        .zip(&y)
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max)
        / largest
}

fn growth_inputs(network: &Network<f32>) -> Vec<f32> {
    let driver = drive(network.clone(), settings()).0;
    driver.growth().batch(0, driver.growth().len()).inputs.to_vec()
}

/// The middle between the two largest of some values: only the largest passes it.
fn just_below_the_largest(values: impl Iterator<Item = f32>) -> f32 {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    (sorted[sorted.len() - 1] + sorted[sorted.len() - 2]) / 2.0
}

/// Twelve hidden units: 0, 3 and 7 planted dead, 5 fires on one sample of 96.
fn planted_mlp() -> Network<f32> {
    let mut network = models::mlp::<f32>(6, &[12], 3, &Seed::new(4)).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let inputs = growth_inputs(&network);
    [0, 3, 5, 7]
        .into_iter()
        .for_each(|unit| plant(&mut network, group, unit));
    let weight = network.find_parameter("hidden1.weight").unwrap();
    network.parameter_mut(weight).values_mut()[5] = 1.0;
    let bias = network.find_parameter("hidden1.bias").unwrap();
    network.parameter_mut(bias).values_mut()[5] = -just_below_the_largest(inputs.chunks_exact(6).map(|row| row[0]));
    network
}

/// Which hidden units of that network have no positive pre-activation on any sample.
fn never_positive(network: &Network<f32>) -> Vec<usize> {
    let inputs = growth_inputs(network);
    let w = network
        .parameter(network.find_parameter("hidden1.weight").unwrap())
        .values()
        .to_vec();
    let b = network
        .parameter(network.find_parameter("hidden1.bias").unwrap())
        .values()
        .to_vec();
    let fires = |u: usize, row: &[f32]| {
        row.iter()
            .enumerate()
            .map(|(i, x)| f64::from(*x) * f64::from(w[i * 12 + u]))
            .sum::<f64>()
            + f64::from(b[u])
            > 0.0
    };
    (0..12)
        .filter(|u| !inputs.chunks_exact(6).any(|row| fires(*u, row)))
        .collect()
}

#[test]
fn planted_dead_units_are_found_and_a_unit_that_fires_once_in_the_window_is_alive() {
    let network = planted_mlp();
    let expected = never_positive(&network);
    assert_eq!(expected, [0, 3, 7]);
    let (driver, strategy) = drive(network, settings());
    assert_eq!(driver.settled.len(), 1);
    assert_eq!(driver.settled[0].step, 6);
    assert_eq!(recycled(&driver.settled[0]), [("hidden1".to_owned(), expected)]);
    assert_eq!(strategy.recycled(), 3);
}

#[test]
fn nothing_is_dead_before_the_window_is_full() {
    let (driver, _) = drive(
        planted_mlp(),
        DeadUnitRecycleSettings {
            window_batches: 7,
            ..settings()
        },
    );
    // Seven batches are seen after step 7; the next look is after step 12.
    assert_eq!(driver.settled[0].step, 12);
}

#[test]
fn values_within_epsilon_count_as_silent() {
    // Unit 5 emits, on its one sample, less than the gap between the two largest values of x0.
    let (driver, _) = drive(
        planted_mlp(),
        DeadUnitRecycleSettings {
            epsilon: 10.0,
            ..settings()
        },
    );
    // Every unit of this network stays below 10, so that no donor is left.
    assert!(driver.settled.is_empty());
    let (driver, _) = drive(
        planted_mlp(),
        DeadUnitRecycleSettings {
            epsilon: 1e-6,
            ..settings()
        },
    );
    assert_eq!(recycled(&driver.settled[0])[0].1, [0, 3, 7]);
}

#[test]
fn one_active_position_keeps_a_channel_alive() {
    let options = CnnOptions {
        map: [8, 8],
        inputs: 1,
        channels: vec![4, 5],
        window: Window::same(3),
        hidden: Vec::new(),
        outputs: 3,
        batch_norm: false,
    };
    let mut network = models::cnn::<f32>(&options, &Seed::new(5)).unwrap();
    let group = network.find_group("conv1").unwrap();
    let pixels = growth_inputs(&network);
    [1, 2].into_iter().for_each(|unit| plant(&mut network, group, unit));
    // Channel 1 sees the pixel under its centre tap (row 4 of the 3 × 3 window) and passes only the largest of all.
    let weight = network.find_parameter("conv1.weight").unwrap();
    network.parameter_mut(weight).values_mut()[4 * 4 + 1] = 1.0;
    let bias = network.find_parameter("conv1.bias").unwrap();
    network.parameter_mut(bias).values_mut()[1] = -just_below_the_largest(pixels.into_iter());
    let (driver, _) = drive(
        network,
        DeadUnitRecycleSettings {
            groups: Groups::one("conv1"),
            ..settings()
        },
    );
    assert_eq!(driver.settled.len(), 1);
    assert_eq!(recycled(&driver.settled[0]), [("conv1".to_owned(), vec![2])]);
}

/// One dense layer whose units go two ways, joined again by a sum.
fn split_net() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let wide = layers.dense("wide", x, 9).unwrap();
    let wide = layers.activation("wide.relu", wide, Activation::Relu).unwrap();
    let first = layers
        .layer("first", Layer::Slice { start: 0, end: 4 }, &[wide], 0)
        .unwrap();
    let second = layers
        .layer("second", Layer::Slice { start: 4, end: 9 }, &[wide], 0)
        .unwrap();
    let first = layers.dense("on_first", first, 5).unwrap();
    let second = layers.dense("on_second", second, 5).unwrap();
    let sum = layers.sum("sum", &[first, second]).unwrap();
    let sum = layers.activation("sum.relu", sum, Activation::Relu).unwrap();
    let logits = layers.dense("logits", sum, 3).unwrap();
    layers.build(&[logits], &Seed::new(6)).unwrap()
}

fn graphs() -> Vec<(&'static str, Network<f32>)> {
    let mut all: Vec<_> = references(&Seed::new(7))
        .unwrap()
        .into_iter()
        .map(|r| (r.name, r.network))
        .collect();
    all.push(("split", split_net()));
    all
}

#[test]
fn recycling_preserves_outputs_on_every_graph_with_every_donor_and_share() {
    for (name, mut network) in graphs() {
        for group in network.editable_groups() {
            [0, 2].into_iter().for_each(|unit| plant(&mut network, group, unit));
        }
        for donor in [
            DonorRule::HighestScore,
            DonorRule::HighestFiring,
            DonorRule::LargestFanOut,
        ] {
            for shares in [Shares::Equal, Shares::Donor(0.7)] {
                for state in [RecycledState::Zero, RecycledState::Copy] {
                    let (driver, strategy) = drive(
                        network.clone(),
                        DeadUnitRecycleSettings {
                            donor,
                            shares,
                            state,
                            per_donor: 2,
                            ..settings()
                        },
                    );
                    let first = &driver.settled[0];
                    assert_eq!(recycled(first).len(), network.editable_groups().len(), "{name}");
                    assert!(
                        recycled(first)
                            .iter()
                            .all(|(_, dead)| dead.contains(&0) && dead.contains(&2)),
                        "{name}: {:?}",
                        recycled(first)
                    );
                    let deviation = moved(&first.before, &first.after, &driver);
                    assert!(deviation <= 1e-5, "{name}, {donor:?}, {shares:?}: {deviation:e}");
                    assert!(strategy.drift().unwrap() <= 1e-5);
                }
            }
        }
    }
}

/// The values of one unit of a parameter on one axis.
fn slice(network: &Network<f32>, parameter: &str, axis: usize, unit: usize) -> Vec<f32> {
    let parameter = network.parameter(network.find_parameter(parameter).unwrap());
    let columns = parameter.shape()[1];
    let values = parameter.values();
    if axis == 0 {
        values[unit * columns..(unit + 1) * columns].to_vec()
    } else {
        values.iter().skip(unit).step_by(columns).copied().collect()
    }
}

#[test]
fn across_a_sum_every_producer_is_copied_and_every_consumer_shared() {
    let mut network = models::residual_mlp::<f32>(6, 6, 8, 1, 3, &Seed::new(8)).unwrap();
    let stem = network.find("stem").unwrap();
    let group = network.node(stem).space()[0];
    let name = network.group(group).name().to_owned();
    plant(&mut network, group, 4);
    let (driver, _) = drive(
        network,
        DeadUnitRecycleSettings {
            groups: Groups::one(&name),
            donor: DonorRule::LargestFanOut,
            shares: Shares::Donor(0.75),
            ..settings()
        },
    );
    let (before, after) = (&driver.settled[0].before, &driver.settled[0].after);
    let consumers = ["block1.up.weight", "logits.weight"];
    // Unit 4 is silent and no donor, however large its fan-out.
    let norm = |u: &usize| {
        consumers
            .iter()
            .flat_map(|c| slice(before, c, 0, *u))
            .map(|w| f64::from(w).powi(2))
            .sum::<f64>()
    };
    let donor = (0..6)
        .filter(|u| *u != 4)
        .max_by(|a, b| norm(a).total_cmp(&norm(b)))
        .unwrap();
    for producer in ["stem.weight", "block1.down.weight"] {
        assert_eq!(slice(after, producer, 1, 4), slice(before, producer, 1, donor));
        assert_eq!(slice(after, producer, 1, donor), slice(before, producer, 1, donor));
    }
    for consumer in consumers {
        // 3/4 and 1/4 are powers of two times small integers: exact in single precision up to one rounding.
        for (unit, share) in [(donor, 0.75), (4, 0.25)] {
            let expected = slice(before, consumer, 0, donor).into_iter().map(|w| share * w);
            assert!(
                slice(after, consumer, 0, unit)
                    .into_iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() <= 1e-7),
                "{consumer} {unit}"
            );
        }
    }
}

#[test]
fn a_unit_that_is_silent_at_one_place_of_a_sum_and_active_at_another_is_alive() {
    let mut network = models::residual_mlp::<f32>(6, 6, 8, 1, 3, &Seed::new(8)).unwrap();
    let group = network.node(network.find("stem").unwrap()).space()[0];
    let name = network.group(group).name().to_owned();
    plant(&mut network, group, 4);
    // Silent behind the stem, where block1.up reads it, but 9 and more behind the sum, where the output layer does.
    let bias = network.find_parameter("block1.down.bias").unwrap();
    network.parameter_mut(bias).values_mut()[4] = 10.0;
    let (driver, _) = drive(
        network,
        DeadUnitRecycleSettings {
            groups: Groups::one(&name),
            ..settings()
        },
    );
    assert!(
        driver.settled.iter().all(|s| !recycled(s)[0].1.contains(&4)),
        "{:?}",
        driver.settled.len()
    );
}

#[test]
fn a_group_summed_with_the_raw_input_is_refused_with_the_reason() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let inner = layers.dense("inner", x, 6).unwrap();
    let sum = layers.sum("sum", &[x, inner]).unwrap();
    let logits = layers.dense("logits", sum, 3).unwrap();
    let network = layers.build::<f32>(&[logits], &Seed::new(9)).unwrap();
    let name = network
        .group(network.node(network.find("inner").unwrap()).space()[0])
        .name()
        .to_owned();
    let refusal = |groups| {
        DeadUnitRecycle::new(DeadUnitRecycleSettings { groups, ..settings() })
            .prepare(&network)
            .unwrap_err()
            .to_string()
    };
    assert!(
        refusal(Groups::one(&name)).contains("input `x`"),
        "{}",
        refusal(Groups::one(&name))
    );
    assert!(
        refusal(Groups::Editable).contains("does not support"),
        "{}",
        refusal(Groups::Editable)
    );
}

#[test]
fn a_layer_norm_over_the_units_is_refused() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let hidden = layers.dense("hidden", x, 5).unwrap();
    let norm = layers
        .layer("norm", Layer::LayerNorm { epsilon: 1e-5 }, &[hidden], 0)
        .unwrap();
    let relu = layers.activation("relu", norm, Activation::Relu).unwrap();
    let logits = layers.dense("logits", relu, 3).unwrap();
    let network = layers.build::<f32>(&[logits], &Seed::new(9)).unwrap();
    let refusal = DeadUnitRecycle::new(DeadUnitRecycleSettings {
        groups: Groups::one("hidden"),
        ..settings()
    })
    .prepare(&network)
    .unwrap_err();
    assert!(refusal.to_string().contains("`norm`"), "{refusal}");
}

/// The distance of the fan-in weights of two hidden units.
fn distance(network: &Network<f32>, a: usize, b: usize) -> f64 {
    let pairs = slice(network, "hidden1.weight", 1, a)
        .into_iter()
        .zip(slice(network, "hidden1.weight", 1, b));
    pairs.map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>().sqrt()
}

/// Unit 1 planted dead among six; one training step at a rate of 0.1 after the recycling. Returns the twins' distance before and after.
fn twins(settings: DeadUnitRecycleSettings) -> (f64, f64) {
    let mut network = models::mlp::<f32>(6, &[6], 3, &Seed::new(10)).unwrap();
    let group = network.find_group("hidden1").unwrap();
    plant(&mut network, group, 1);
    let (driver, _) = drive(network, settings);
    let first = &driver.settled[0];
    let donor = (0..6)
        .filter(|u| *u != 1)
        .min_by(|a, b| distance(&first.after, 1, *a).total_cmp(&distance(&first.after, 1, *b)))
        .unwrap();
    let mut stepped = first.after.clone();
    let mut session =
        espalier_net::Session::new(&stepped, 96, &espalier_net::DeviceChoice::Cpu, &Seed::new(1)).unwrap();
    let rows = driver.growth().batch(0, 96);
    session
        .loss_and_gradients(
            &mut stepped,
            &[rows.inputs],
            rows.target,
            espalier_net::LossKind::CrossEntropy,
        )
        .unwrap();
    let id = stepped.find_parameter("hidden1.weight").unwrap();
    let gradient = session.gradient(id).to_vec();
    stepped
        .parameter_mut(id)
        .values_mut()
        .iter_mut()
        .zip(&gradient)
        .for_each(|(w, g)| *w -= 0.1 * g);
    (distance(&first.after, 1, donor), distance(&stepped, 1, donor))
}

#[test]
fn noise_or_unequal_shares_separate_twins_and_neither_keeps_them_together() {
    // Equal twins get equal gradients: their fan-out rows are the same.
    assert_eq!(twins(settings()), (0.0, 0.0));
    let (before, after) = twins(DeadUnitRecycleSettings {
        shares: Shares::Donor(0.7),
        ..settings()
    });
    assert_eq!(before, 0.0);
    assert!(after > 1e-6, "{after}");
    let (before, after) = twins(DeadUnitRecycleSettings {
        noise: 0.05,
        ..settings()
    });
    assert!(before > 0.0 && after > 0.0);
}

#[test]
fn the_drift_is_reported_and_grows_with_the_noise() {
    let drift = |noise: f64, state: RecycledState| {
        let (driver, strategy) = drive(
            planted_mlp(),
            DeadUnitRecycleSettings {
                noise,
                state,
                ..settings()
            },
        );
        let first = &driver.settled[0];
        let reported = strategy.drift().unwrap();
        let measured = moved(&first.before, &first.after, &driver);
        assert!((reported - measured).abs() <= 1e-6, "{reported} against {measured}");
        assert!(
            first.proposal.plan.reason.contains("drift"),
            "{}",
            first.proposal.plan.reason
        );
        reported
    };
    for state in [RecycledState::Zero, RecycledState::Copy] {
        let drifts = [0.001, 0.01, 0.1].map(|sigma| drift(sigma, state));
        // To first order the drift is proportional to σ; the same draws are scaled.
        assert!(
            drifts[0] > 0.0 && drifts[1] / drifts[0] > 5.0 && drifts[1] / drifts[0] < 20.0,
            "{drifts:?}"
        );
        assert!(
            drifts[2] / drifts[1] > 5.0 && drifts[2] / drifts[1] < 20.0,
            "{drifts:?}"
        );
    }
}

/// Adam's first moments after two steps on made-up gradients, before and after a recycling of unit 1: of the fan-in
/// weights of the recycled unit and its donor.
fn moments(state: RecycledState) -> [Vec<f32>; 4] {
    let mut network = models::mlp::<f32>(6, &[6], 3, &Seed::new(10)).unwrap();
    let group = network.find_group("hidden1").unwrap();
    plant(&mut network, group, 1);
    let donor_rule = DeadUnitRecycleSettings {
        donor: DonorRule::LargestFanOut,
        shares: Shares::Donor(0.75),
        state,
        ..settings()
    };
    let (driver, _) = drive(network, donor_rule);
    let first = &driver.settled[0];
    let mut network = first.before.clone();
    let norm = |u: &usize| {
        slice(&network, "logits.weight", 0, *u)
            .iter()
            .map(|w| w * w)
            .sum::<f32>()
    };
    let donor = (0..6)
        .filter(|u| *u != 1)
        .max_by(|a, b| norm(a).total_cmp(&norm(b)))
        .unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let gradients: Vec<Vec<f32>> = network
        .parameters()
        .iter()
        .map(|p| (0..p.values().len()).map(|k| 0.5 + (k as f32).sin()).collect())
        .collect();
    optimizer.step(&mut network, |id| &gradients[id.index()], 0.0).unwrap();
    let read = |optimizer: &Optimizer<f32>, unit: usize| {
        let all = optimizer.state("hidden1.weight", "first_moment").unwrap();
        all.iter().skip(unit).step_by(6).copied().collect::<Vec<f32>>()
    };
    let before = [read(&optimizer, 1), read(&optimizer, donor)];
    let rows = driver.growth().batch(0, 96);
    first
        .proposal
        .carry_out(&mut network, &mut optimizer, &[rows.inputs], 96)
        .unwrap()
        .applied()
        .unwrap();
    let [dead, given] = before;
    [dead, given, read(&optimizer, 1), read(&optimizer, donor)]
}

#[test]
fn the_recycled_units_moments_are_zero_or_copied_as_asked() {
    let near = |a: &[f32], b: &[f32], factor: f32| a.iter().zip(b).all(|(x, y)| (x - factor * y).abs() < 1e-7);
    let [dead, given, recycled, donor] = moments(RecycledState::Zero);
    assert!(dead.iter().chain(&given).any(|m| m.abs() > 0.01));
    assert!(recycled.iter().all(|m| *m == 0.0));
    // The donor's fan-in gradient is 3/4 of what it was, for it keeps 3/4 of its fan-out weights.
    assert!(near(&donor, &given, 0.75));
    let [_, given, recycled, donor] = moments(RecycledState::Exact);
    assert!(near(&recycled, &given, 0.25) && near(&donor, &given, 0.75));
    let [_, given, recycled, donor] = moments(RecycledState::Copy);
    assert!(near(&recycled, &given, 1.0) && near(&donor, &given, 1.0));
}

#[test]
fn halving_fan_in_weights_and_keeping_fan_out_weights_changes_outputs() {
    // The thread's snippet: donor and copy get half the donor's fan-in weights, all fan-out weights stay.
    let network = planted_mlp();
    let mut naive = network.clone();
    for (name, rows) in [("hidden1.weight", 6), ("hidden1.bias", 1)] {
        let id = naive.find_parameter(name).unwrap();
        let values = naive.parameter_mut(id).values_mut();
        for row in 0..rows {
            values[row * 12 + 2] *= 0.5;
            values[row * 12] = values[row * 12 + 2];
        }
    }
    let (driver, _) = drive(network.clone(), settings());
    assert!(
        moved(&network, &naive, &driver) > 1e-2,
        "{}",
        moved(&network, &naive, &driver)
    );
}

#[test]
fn settings_outside_their_range_are_named_with_value_and_range() {
    let network = models::mlp::<f32>(6, &[6], 3, &Seed::new(10)).unwrap();
    let wrong = [
        (
            DeadUnitRecycleSettings {
                every_steps: 0,
                ..settings()
            },
            "`every_steps`: expected at least 1, found 0",
        ),
        (
            DeadUnitRecycleSettings {
                window_batches: 0,
                ..settings()
            },
            "`window_batches`: expected at least 1, found 0",
        ),
        (
            DeadUnitRecycleSettings {
                epsilon: -1.0,
                ..settings()
            },
            "`epsilon`: expected at least 0, found -1",
        ),
        (
            DeadUnitRecycleSettings {
                per_donor: 0,
                ..settings()
            },
            "`per_donor`: expected at least 1, found 0",
        ),
        (
            DeadUnitRecycleSettings {
                shares: Shares::Donor(1.0),
                ..settings()
            },
            "`shares`: expected above 0 and below 1, found 1",
        ),
        (
            DeadUnitRecycleSettings {
                noise: f64::NAN,
                ..settings()
            },
            "`noise`: expected at least 0, found NaN",
        ),
    ];
    for (settings, message) in wrong {
        let error = DeadUnitRecycle::new(settings)
            .prepare(&network)
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
}
