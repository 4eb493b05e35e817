//! The facts that the method rests on, with expected values worked out by hand.

use espalier_gradient_split::{Centre, Decision, GradientSplit, GradientSplitSettings, Parting, decide};
use espalier_net::{Activation, Edit, Layer, LossKind, Network, NetworkBuilder, Session, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions, Samples};
use espalier_strategy::{Clock, Error, GradientForm, Need, Needs, Observations, Occasion, Since, Strategy, View};

fn settings() -> GradientSplitSettings {
    GradientSplitSettings {
        cutoff_add: 0.2,
        every_epochs: 1,
        rest_epochs: 1,
        ..GradientSplitSettings::default()
    }
}

#[test]
fn keeps_the_contract() {
    let report = conformance::run(|| Box::new(GradientSplit::new(settings()))).unwrap();
    assert_eq!(report.supported(), report.networks(), "{report:?}");
    assert!(report.applied() > 5 && report.parted > 5, "{report:?}");
    assert_eq!(
        report.scored,
        report.applied(),
        "each edit says by which gradients: {report:?}"
    );
    let three = GradientSplitSettings { extra: 2, ..settings() };
    let report = conformance::run(|| Box::new(GradientSplit::new(three.clone()))).unwrap();
    assert!(report.parted > 5, "{report:?}");
    let both = GradientSplitSettings {
        cutoff_remove: 0.6,
        parting: Parting::Legacy { jitter: 1e-3 },
        ..settings()
    };
    let report = conformance::run(|| Box::new(GradientSplit::new(both.clone()))).unwrap();
    assert_eq!(report.parted, 0, "legacy copies are declared twins");
    // Gated units have two biases each, and both of a copy are moved.
    let gated = conformance::gated_unit_references(&Seed::new(7)).unwrap();
    let report = conformance::run_on(gated, || Box::new(GradientSplit::new(both.clone()))).unwrap();
    assert!(report.applied() > 1, "{report:?}");
}

#[test]
fn the_accumulator_is_the_brute_force_sum_of_absolute_gradients() {
    let mut network = models::mlp::<f32>(5, &[4], 3, &Seed::new(1)).unwrap();
    let samples = Samples::for_network(&network, 24, &Seed::new(2));
    let mut session = Session::new(&network, 8, &Default::default(), &Seed::new(3)).unwrap();
    let bias = network.find_parameter("hidden1.bias").unwrap();
    let needs = Needs::none().with(Need::Gradient {
        parameter: bias,
        form: GradientForm::Absolute,
        since: Since::Epoch,
    });
    let mut observed = Observations::default();
    let mut sum = vec![0.0_f64; 4];
    for k in 0..3 {
        let batch = samples.batch(8 * k, 8 * k + 8);
        session
            .loss_and_gradients(&mut network, &[batch.inputs], batch.target, LossKind::CrossEntropy)
            .unwrap();
        observed.collect(&needs, &network, &session).unwrap();
        sum.iter_mut()
            .zip(session.gradient(bias))
            .for_each(|(s, g)| *s += f64::from(g.abs()));
    }
    let found = observed
        .gradient("hidden1.bias", GradientForm::Absolute, Since::Epoch)
        .unwrap();
    assert_eq!((found.batches, &found.sum), (3, &sum));
    assert!(found.mean().iter().zip(&sum).all(|(m, s)| (m - s / 3.0).abs() < 1e-12));
}

#[test]
fn centres_of_known_scores() {
    let scores = [1.0, 1.0, 2.0, 8.0];
    assert_eq!(Centre::Mean.of(&scores), 3.0);
    assert_eq!(Centre::Median.of(&scores), 1.5);
    // Logs in units of ln 2: 0, 0, 1, 3: μ = 1, σ² = (1 + 1 + 0 + 4)/4 = 1.5 (ln 2)²; e^{ln 2 − 1.5·0.480453} = 0.972889.
    assert!((Centre::LogNormalMode.of(&scores) - 2.0 * (-1.5 * 0.480_453_013_918_2_f64).exp()).abs() < 1e-9);
}

#[test]
fn split_and_removal_sets_are_the_hand_computed_ones() {
    let scores = [1.0, 1.0, 2.0, 8.0, 3.0];
    // Mean 3: split above 3·1.3 = 3.9, remove below 3·0.2 = 0.6 or 3·0.5 = 1.5.
    let base = GradientSplitSettings {
        cutoff_add: 0.3,
        cutoff_remove: 0.8,
        ..settings()
    };
    let of = |s: &GradientSplitSettings| decide(s, &scores, &[None; 5], &[false; 5], 1);
    assert_eq!(
        of(&base),
        Decision {
            split: vec![3],
            remove: vec![]
        }
    );
    assert_eq!(
        of(&GradientSplitSettings {
            cutoff_remove: 0.5,
            ..base.clone()
        })
        .remove,
        [0, 1]
    );
    // Median 2: split above 2.6.
    assert_eq!(
        of(&GradientSplitSettings {
            centre: Centre::Median,
            ..base.clone()
        })
        .split,
        [3, 4]
    );
    for off in [0.0, 1.0] {
        assert!(
            of(&GradientSplitSettings {
                cutoff_remove: off,
                ..base.clone()
            })
            .remove
            .is_empty()
        );
    }
    let biases = [Some(-0.5), Some(0.1), None, Some(-0.9), Some(-0.05)];
    let bias_rule = GradientSplitSettings {
        cutoff_remove: 1.0,
        bias_cutoff: Some(-0.1),
        ..base.clone()
    };
    // Unit 3 is below the bias cut too, but it is split.
    assert_eq!(
        decide(&bias_rule, &scores, &biases, &[false; 5], 1),
        Decision {
            split: vec![3],
            remove: vec![0]
        }
    );
    let resting = [true, false, false, true, false];
    let harsh = GradientSplitSettings {
        cutoff_remove: 0.5,
        ..base
    };
    assert_eq!(
        decide(&harsh, &scores, &biases, &resting, 1),
        Decision {
            split: vec![],
            remove: vec![1]
        }
    );
    // A floor of 4 of 5 units lets one go, the one with the lowest score.
    assert_eq!(decide(&harsh, &scores, &biases, &[false; 5], 4).remove, [0]);
}

fn driven(settings: GradientSplitSettings, network: Network<f32>) -> Driver {
    let mut strategy = GradientSplit::new(settings);
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(4)).unwrap();
    driver.run(&mut strategy).unwrap();
    driver
}

#[test]
fn the_budget_is_never_passed_and_the_highest_scores_go_first() {
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    // 6·8 + 8 + 8·3 + 3 = 83 values, 6 + 1 + 3 = 10 per split: room for three.
    let bounded = GradientSplitSettings {
        max_parameters: Some(83 + 39),
        cutoff_add: 0.05,
        ..settings()
    };
    let driver = driven(bounded, network);
    assert!(driver.costs.iter().all(|c| c.parameters <= 122));
    assert_eq!(driver.network.parameter_count(), 113);
}

#[test]
fn a_jitter_moves_outputs_within_its_bound_and_none_is_exact() {
    let network = || models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    assert!(
        driven(settings(), network())
            .settled
            .iter()
            .all(|s| s.proposal.preserves.is_some())
    );
    let jitter = 1e-3;
    let legacy = Parting::Legacy { jitter };
    let driver = driven(
        GradientSplitSettings {
            parting: legacy,
            ..settings()
        },
        network(),
    );
    let first = driver.settled.iter().find(|s| s.outcome.applied().is_some()).unwrap();
    let (moved, bound) = (moved(&driver, &first.before, &first.after), bound(&first.after, jitter));
    assert!(moved > 0.0 && moved <= bound + 1e-6, "{moved} against {bound}");
}

/// A dense layer without biases before a ReLU.
fn without_biases() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let input = layers.input("input", [1, 1], 5).unwrap();
    let hidden = layers
        .layer("hidden1", Layer::Dense { bias: false }, &[input], 6)
        .unwrap();
    let active = layers.activation("hidden1.relu", hidden, Activation::Relu).unwrap();
    let logits = layers.dense("logits", active, 3).unwrap();
    layers.build(&[logits], &Seed::new(1)).unwrap()
}

#[test]
fn units_without_biases_are_scored_by_the_norm_of_their_weights_mean_gradients() {
    let mut network = without_biases();
    let samples = Samples::for_network(&network, 24, &Seed::new(2));
    let mut session = Session::new(&network, 8, &Default::default(), &Seed::new(3)).unwrap();
    let (weight, mut strategy) = (
        network.find_parameter("hidden1.weight").unwrap(),
        GradientSplit::new(settings()),
    );
    strategy.prepare(&network).unwrap();
    let needs = strategy.needs(&network, &Clock::default());
    let (mut observed, mut sum) = (Observations::default(), vec![0.0_f64; 30]);
    for k in 0..3 {
        let batch = samples.batch(8 * k, 8 * k + 8);
        session
            .loss_and_gradients(&mut network, &[batch.inputs], batch.target, LossKind::CrossEntropy)
            .unwrap();
        observed.collect(&needs, &network, &session).unwrap();
        let gradients = session.gradient(weight).iter();
        sum.iter_mut()
            .zip(gradients)
            .for_each(|(s, g)| *s += f64::from(g.abs()) / 3.0);
    }
    // A weight matrix has a row for each of 5 inputs and a column for each of 6 units.
    let norm = |unit: usize| (0..5).map(|input| sum[6 * input + unit].powi(2)).sum::<f64>().sqrt();
    let scores: Vec<f64> = (0..6).map(norm).collect();
    let cut = 1.2 * scores.iter().sum::<f64>() / 6.0;
    let expected: Vec<usize> = (0..6).filter(|unit| scores[*unit] > cut).collect();
    assert!(
        !expected.is_empty() && expected.len() < 6,
        "the cut tells nothing apart: {scores:?}"
    );

    let clock = Clock {
        epoch: 1,
        ..Clock::default()
    };
    let view = View {
        network: &network,
        clock,
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &Seed::new(5),
    };
    let mut driver = Driver::new(
        network.clone(),
        &mut espalier_strategy::Fixed,
        DriverOptions::default(),
        &Seed::new(4),
    )
    .unwrap();
    let proposal = strategy.propose(&view, &mut driver.oracle()).unwrap().unwrap();
    let [Edit::Units(edit)] = proposal.plan.edits.as_slice() else {
        panic!("{:?}", proposal.plan)
    };
    let origins: Vec<usize> = edit.units.iter().filter_map(espalier_net::NewUnit::origin).collect();
    let split: Vec<usize> = (0..6)
        .filter(|unit| origins.iter().filter(|o| *o == unit).count() == 2)
        .collect();
    assert_eq!(split, expected);
}

#[test]
fn two_more_copies_keep_the_outputs_within_the_jitter_and_exactly_without_it() {
    for jitter in [0.0, 1e-4, 2e-3] {
        let asked = GradientSplitSettings {
            extra: 2,
            parting: Parting::Legacy { jitter },
            ..settings()
        };
        let driver = driven(asked, models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap());
        let first = driver.settled.iter().find(|s| s.outcome.applied().is_some()).unwrap();
        let width = |n: &Network<f32>| n.group(n.find_group("hidden1").unwrap()).width();
        assert_eq!(
            (width(&first.after) - width(&first.before)) % 2,
            0,
            "every split adds two units"
        );
        assert_eq!(first.proposal.preserves.is_some(), jitter == 0.0);
        let (moved, bound) = (moved(&driver, &first.before, &first.after), bound(&first.after, jitter));
        assert!(
            moved <= bound + 1e-6 && (jitter == 0.0 || moved > 0.0),
            "{moved} against {bound}"
        );
    }
}

/// Each unit's pre-activation moves by at most jitter·|b|, and a ReLU does not stretch.
fn bound(network: &Network<f32>, jitter: f64) -> f64 {
    let values = |name: &str| {
        network
            .parameter(network.find_parameter(name).unwrap())
            .values()
            .to_vec()
    };
    let (bias, out) = (values("hidden1.bias"), values("logits.weight"));
    let reach = |unit: usize| (0..3).map(|c| f64::from(out[unit * 3 + c].abs())).fold(0.0, f64::max);
    (0..bias.len())
        .map(|u| jitter * f64::from(bias[u].abs()) * reach(u))
        .sum()
}

/// The largest change of an output on the growth samples.
fn moved(driver: &Driver, before: &Network<f32>, after: &Network<f32>) -> f64 {
    let rows = driver.growth().batch(0, 96);
    let run = |n: &Network<f32>| {
        espalier_net::execute::evaluate(n, &[rows.inputs], 96)
            .unwrap()
            .remove(0)
    };
    let pairs = run(before).into_iter().zip(run(after));
    pairs.map(|(x, y)| f64::from((x - y).abs())).fold(0.0, f64::max)
}

#[test]
fn settings_outside_their_ranges_are_refused_by_name() {
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    let refuse = |s: GradientSplitSettings| GradientSplit::new(s).prepare(&network).unwrap_err();
    let error = refuse(GradientSplitSettings {
        cutoff_add: 0.0,
        ..settings()
    });
    assert_eq!(
        error.to_string(),
        "strategy `gradient-split`, setting `cutoff_add`: expected above 0, found 0"
    );
    assert!(matches!(
        refuse(GradientSplitSettings {
            bias_cutoff: Some(0.5),
            ..settings()
        }),
        Error::Setting {
            field: "bias_cutoff",
            ..
        }
    ));
    assert!(matches!(
        refuse(GradientSplitSettings {
            max_parameters: Some(82),
            ..settings()
        }),
        Error::Budget { .. }
    ));
}

#[test]
fn of_units_below_the_cut_those_go_that_a_group_norm_lets_go_together() {
    let mut removed = 0;
    for seed in 0..8 {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 4).unwrap();
        let hidden = layers.dense("hidden", x, 12).unwrap();
        let norm = Layer::GroupNorm {
            groups: 3,
            epsilon: 1e-5,
        };
        let norm = layers.layer("norm", norm, &[hidden], 0).unwrap();
        let relu = layers.activation("relu", norm, Activation::Relu).unwrap();
        let logits = layers.dense("logits", relu, 3).unwrap();
        let network: Network<f32> = layers.build(&[logits], &Seed::new(seed)).unwrap();
        let removals = GradientSplitSettings {
            cutoff_add: 1e6,
            cutoff_remove: 0.1,
            ..settings()
        };
        let mut strategy = GradientSplit::new(removals);
        let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(seed)).unwrap();
        driver.run(&mut strategy).unwrap();
        for one in &driver.settled {
            assert!(one.outcome.applied().is_some(), "seed {seed}: {:?}", one.outcome);
            removed += 1;
        }
    }
    assert!(removed > 0);
}
