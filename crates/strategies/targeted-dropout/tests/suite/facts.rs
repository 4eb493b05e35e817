//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{Network, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{Clock, Controls, Error, Fixed, Oracle, Sample, Setting, Strategy};
use espalier_targeted_dropout::{
    Evaluation, Method, Ramp, Switches, TargetedDropout, TargetedDropoutSettings, column_norms, unit_candidates,
    weight_candidates,
};

fn masked_mlp(inputs: usize, hidden: &[usize], outputs: usize) -> Network<f32> {
    conformance::masked_mlp(inputs, hidden, outputs, &Seed::new(3)).unwrap()
}

fn get(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

fn set(network: &mut Network<f32>, name: &str, values: &[f32]) {
    let id = network.find_parameter(name).unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(values);
}

fn of(method: Method) -> TargetedDropoutSettings {
    TargetedDropoutSettings {
        method,
        ..TargetedDropoutSettings::default()
    }
}

/// The network with the masks that a strategy sets.
fn controlled(settings: &TargetedDropoutSettings, network: &Network<f32>, setting: Setting, seed: u64) -> Network<f32> {
    let mut network = network.clone();
    let (mut strategy, seed) = (TargetedDropout::new(settings.clone()), Seed::new(seed));
    strategy.prepare(&network).unwrap();
    let mut controls = Controls::of(&mut network, Clock::default(), &seed);
    strategy.control(setting, &mut controls).unwrap();
    drop(controls.finish());
    network
}

#[test]
fn every_method_keeps_the_contract() {
    for method in Method::ALL {
        let networks = conformance::masked_references(&Seed::new(3)).unwrap();
        let settings = TargetedDropoutSettings {
            ramp: Ramp::Training,
            lambda: 0.01,
            ..of(method)
        };
        let report = conformance::run_on(networks, || Box::new(TargetedDropout::new(settings.clone()))).unwrap();
        assert_eq!(report.supported(), 2, "{report:?}");
        assert_eq!(
            report.applied(),
            if method.masks() { 2 } else { 0 },
            "{method:?}: {report:?}"
        );
    }
}

#[test]
fn networks_without_masks_are_unsupported_where_masks_are_needed() {
    for method in Method::ALL {
        let report = conformance::run(|| Box::new(TargetedDropout::new(of(method)))).unwrap();
        assert_eq!(
            report.supported(),
            if method.masks() { 0 } else { report.networks() },
            "{report:?}"
        );
    }
}

#[test]
fn candidates_are_the_weights_below_the_threshold_of_their_column() {
    // Columns (0.1, 0.4, 0.3, 0.2) and (8, 5, 6, 7). With γ = 0.5: sorted[2] = 0.3 and 7; below: 0.1, 0.2 and 5, 6.
    let scores = [0.1, 8.0, 0.4, 5.0, 0.3, 6.0, 0.2, 7.0];
    let expected = [true, false, false, true, false, true, true, false];
    assert_eq!(weight_candidates(&scores, 2, 0.5), expected);
    assert!(weight_candidates(&scores, 2, 0.0).iter().all(|c| !c));
    // ⌊0.7 · 10⌋ = 7, although 0.7 · 10 may round to less.
    let ten: Vec<f64> = (0..10).map(f64::from).collect();
    assert_eq!(unit_candidates(&ten, 0.7).iter().filter(|c| **c).count(), 7);
    assert_eq!(column_norms(&[3.0, 1.0, 4.0, 0.0], 2), [5.0, 1.0]);
}

/// A 10-unit layer of 10 inputs whose |w| are all different, with signs that alternate.
fn ladder() -> Network<f32> {
    let mut network = masked_mlp(10, &[4], 3);
    let weights: Vec<f32> = (0..40)
        .map(|i| (i + 1) as f32 * if i % 2 == 0 { 0.01 } else { -0.01 })
        .collect();
    set(&mut network, "hidden1.weight", &weights);
    network
}

#[test]
fn candidates_are_dropped_with_probability_alpha_independently_and_others_never() {
    let network = ladder();
    let settings = TargetedDropoutSettings {
        alpha: 0.3,
        ..of(Method::TargetedWeight)
    };
    let draws = 2000_usize;
    let mut counts = [0_usize; 40];
    let mut both = 0;
    for seed in 0..draws {
        let mask = get(
            &controlled(&settings, &network, Setting::Training, seed as u64),
            "hidden1.mask",
        );
        assert!(mask.iter().all(|m| *m == 0.0 || *m == 1.0), "no rescaling: {mask:?}");
        mask.iter()
            .zip(&mut counts)
            .for_each(|(m, c)| *c += usize::from(*m == 0.0));
        both += usize::from(mask[0] == 0.0 && mask[4] == 0.0);
    }
    // |w| grows with the row: the candidates of each column are its first ⌊0.5 · 10⌋ = 5 rows, 20 weights.
    assert!(counts[20..].iter().all(|c| *c == 0), "{counts:?}");
    let n = (20 * draws) as f64;
    let share = counts[..20].iter().sum::<usize>() as f64 / n;
    assert!((share - 0.3).abs() <= 3.0 * (0.21 / n).sqrt(), "{share}");
    // Each of the 20 by itself, within five deviations; two of one column together with probability 0.09.
    let n = draws as f64;
    assert!(
        counts[..20]
            .iter()
            .all(|c| (*c as f64 / n - 0.3).abs() <= 5.0 * (0.21 / n).sqrt()),
        "{counts:?}"
    );
    assert!(
        (both as f64 / n - 0.09).abs() <= 5.0 * (0.09 * 0.91 / n).sqrt(),
        "{both}"
    );
}

#[test]
fn dropped_weights_get_no_gradient_and_the_others_do() {
    let network = controlled(
        &TargetedDropoutSettings {
            alpha: 0.5,
            ..of(Method::TargetedWeight)
        },
        &masked_mlp(6, &[8, 7], 3),
        Setting::Training,
        1,
    );
    let mut driver = Driver::new(network.clone(), &mut Fixed, DriverOptions::default(), &Seed::new(2)).unwrap();
    let probe = driver.oracle().probe(&network, &[]).unwrap();
    for layer in ["hidden1", "hidden2"] {
        let gradient = probe.gradient(network.find_parameter(&format!("{layer}.weight")).unwrap());
        let mask = get(&network, &format!("{layer}.mask"));
        assert!(mask.contains(&0.0));
        assert!(gradient.iter().zip(&mask).all(|(g, m)| *m != 0.0 || *g == 0.0));
        assert!(gradient.iter().zip(&mask).any(|(g, m)| *m != 0.0 && *g != 0.0));
    }
}

#[test]
fn an_evaluation_prunes_all_candidates_or_none() {
    let network = ladder();
    let settings = of(Method::TargetedWeight);
    // The first five rows of each of the four columns.
    let expected: Vec<f32> = (0..40).map(|i| if i < 20 { 0.0 } else { 1.0 }).collect();
    for seed in 0..3 {
        assert_eq!(
            get(
                &controlled(&settings, &network, Setting::Evaluation, seed),
                "hidden1.mask"
            ),
            expected
        );
    }
    let mut dropped = controlled(&settings, &network, Setting::Training, 1);
    assert_ne!(get(&dropped, "hidden1.mask"), [1.0; 40]);
    let unpruned = TargetedDropoutSettings {
        evaluation: Evaluation::Unpruned,
        ..settings
    };
    dropped = controlled(&unpruned, &dropped, Setting::Evaluation, 1);
    assert_eq!(get(&dropped, "hidden1.mask"), [1.0; 40]);
}

#[test]
fn the_output_layer_and_skipped_layers_keep_all_weights() {
    let network = masked_mlp(6, &[8, 7], 3);
    for method in [
        Method::TargetedWeight,
        Method::TargetedUnit,
        Method::UntargetedWeight,
        Method::SmallifyWeight,
    ] {
        let settings = TargetedDropoutSettings {
            skip: vec!["hidden2".to_owned()],
            ..of(method)
        };
        let after = controlled(&settings, &network, Setting::Training, 1);
        assert_eq!(get(&after, "logits.mask"), [1.0; 21]);
        assert_eq!(get(&after, "hidden2.mask"), [1.0; 56]);
        assert_ne!(get(&after, "hidden1.mask"), [1.0; 48]);
    }
}

/// Four units with L2 norms that grow with the unit.
fn columns() -> Network<f32> {
    let mut network = masked_mlp(3, &[4], 3);
    set(
        &mut network,
        "hidden1.weight",
        &[1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0, 1.0, 2.0, 3.0, 4.0],
    );
    network
}

#[test]
fn targeted_units_are_dropped_whole_with_probability_alpha() {
    let (network, draws) = (columns(), 4000_usize);
    let settings = TargetedDropoutSettings {
        alpha: 0.3,
        ..of(Method::TargetedUnit)
    };
    let mut counts = [0_usize; 4];
    for seed in 0..draws {
        let mask = get(
            &controlled(&settings, &network, Setting::Training, seed as u64),
            "hidden1.mask",
        );
        assert!(
            mask[0..4] == mask[4..8] && mask[0..4] == mask[8..12],
            "whole columns: {mask:?}"
        );
        mask[..4]
            .iter()
            .zip(&mut counts)
            .for_each(|(m, c)| *c += usize::from(*m == 0.0));
    }
    // γ = 0.5 of four units: the two with the smallest norms.
    assert_eq!(counts[2..], [0, 0]);
    let n = (2 * draws) as f64;
    let share = (counts[0] + counts[1]) as f64 / n;
    assert!((share - 0.3).abs() <= 3.0 * (0.21 / n).sqrt(), "{share}");
}

#[test]
fn the_legacy_mode_draws_for_each_weight_of_a_candidate_column() {
    let network = columns();
    let settings = TargetedDropoutSettings {
        legacy_weight_draws: true,
        ..of(Method::TargetedUnit)
    };
    let masks: Vec<Vec<f32>> = (0..50)
        .map(|s| get(&controlled(&settings, &network, Setting::Training, s), "hidden1.mask"))
        .collect();
    assert!(masks.iter().any(|m| m[0] != m[4] || m[0] != m[8]));
    // Units 2 and 3 are no candidates.
    assert!(masks.iter().all(|m| [2, 3, 6, 7, 10, 11].iter().all(|i| m[*i] == 1.0)));
}

#[test]
fn the_ramp_follows_its_formulas() {
    let settings = TargetedDropoutSettings {
        gamma: 0.99,
        alpha: 0.99,
        ramp: Ramp::Steps(40_000),
        ..of(Method::TargetedWeight)
    };
    // 0.95 · 0.99 = 0.9405 at half time, the remaining 0.0495 over the second half; α in proportion to t.
    let cases = [
        (0, 0.0, 0.0),
        (10_000, 0.470_25, 0.2475),
        (20_000, 0.9405, 0.495),
        (30_000, 0.965_25, 0.7425),
        (40_000, 0.99, 0.99),
        (90_000, 0.99, 0.99),
    ];
    for (step, gamma, alpha) in cases {
        let clock = Clock {
            step,
            ..Clock::default()
        };
        assert!(
            (settings.gamma_at(&clock) - gamma).abs() < 1e-12,
            "{step}: {}",
            settings.gamma_at(&clock)
        );
        assert!(
            (settings.alpha_at(&clock) - alpha).abs() < 1e-12,
            "{step}: {}",
            settings.alpha_at(&clock)
        );
        // Scaled to a training of 4 epochs of 100 steps, the same shape a hundred times as fast.
        let whole = TargetedDropoutSettings {
            ramp: Ramp::Training,
            ..settings.clone()
        };
        let clock = Clock {
            step: step / 100,
            steps_per_epoch: 100,
            epochs: 4,
            ..Clock::default()
        };
        assert!((whole.gamma_at(&clock) - gamma).abs() < 1e-12 && (whole.alpha_at(&clock) - alpha).abs() < 1e-12);
    }
}

#[test]
fn untargeted_survivors_are_rescaled_and_evaluations_are_whole() {
    let network = columns();
    for method in [Method::UntargetedWeight, Method::UntargetedUnit] {
        let settings = TargetedDropoutSettings {
            alpha: 0.25,
            ..of(method)
        };
        let mut kept = 0_usize;
        for seed in 0..1000 {
            let mask = get(
                &controlled(&settings, &network, Setting::Training, seed),
                "hidden1.mask",
            );
            // 1 / (1 − 0.25)
            assert!(
                mask.iter().all(|m| *m == 0.0 || (*m - 4.0 / 3.0).abs() < 1e-6),
                "{mask:?}"
            );
            assert!(method == Method::UntargetedWeight || mask[0..4] == mask[8..12]);
            kept += mask[..4].iter().filter(|m| **m != 0.0).count();
        }
        assert!(
            (kept as f64 / 4000.0 - 0.75).abs() <= 4.0 * (0.1875_f64 / 4000.0).sqrt(),
            "{kept}"
        );
        assert_eq!(
            get(&controlled(&settings, &network, Setting::Evaluation, 1), "hidden1.mask"),
            [1.0; 12]
        );
    }
}

#[test]
fn random_candidates_stay_the_same_from_step_to_step_whatever_the_weights() {
    let settings = TargetedDropoutSettings {
        alpha: 1.0,
        ..of(Method::RandomWeight)
    };
    let network = ladder();
    let mut other = network.clone();
    let reversed: Vec<f32> = get(&network, "hidden1.weight").into_iter().rev().collect();
    set(&mut other, "hidden1.weight", &reversed);
    let first = get(&controlled(&settings, &network, Setting::Training, 1), "hidden1.mask");
    assert_eq!(
        first,
        get(&controlled(&settings, &other, Setting::Training, 2), "hidden1.mask")
    );
    assert_eq!(
        first,
        get(&controlled(&settings, &network, Setting::Evaluation, 3), "hidden1.mask")
    );
    assert!((0..4).all(|c| first.iter().skip(c).step_by(4).filter(|m| **m == 0.0).count() == 5));
    let reseeded = TargetedDropoutSettings {
        seed: 1,
        ..settings.clone()
    };
    assert_ne!(
        first,
        get(&controlled(&reseeded, &network, Setting::Training, 1), "hidden1.mask")
    );
    let units = TargetedDropoutSettings {
        method: Method::RandomUnit,
        ..settings
    };
    let mask = get(&controlled(&units, &network, Setting::Evaluation, 1), "hidden1.mask");
    assert_eq!(mask[..4].iter().filter(|m| **m == 0.0).count(), 2);
}

#[test]
fn the_last_epoch_leaves_the_masks_of_evaluation_behind() {
    let settings = TargetedDropoutSettings {
        gamma: 0.75,
        ..of(Method::TargetedWeight)
    };
    let mut strategy = TargetedDropout::new(settings.clone());
    let mut driver = Driver::new(
        masked_mlp(8, &[8], 3),
        &mut strategy,
        DriverOptions::default(),
        &Seed::new(1),
    )
    .unwrap();
    driver.run(&mut strategy).unwrap();
    let mask = get(&driver.network, "hidden1.mask");
    assert_eq!(mask.iter().filter(|m| **m == 0.0).count(), 48);
    assert_eq!(
        mask,
        get(
            &controlled(&settings, &driver.network, Setting::Evaluation, 1),
            "hidden1.mask"
        )
    );
}

#[test]
fn l1_adds_lambda_times_the_mean_magnitude_of_each_layer() {
    // Plain gradient descent without momentum differs by the penalty's gradient alone in the first step: the weights
    // of both runs then differ by rate · λ · sign(w) / 12.
    let network = columns();
    let options = DriverOptions {
        epochs: 1,
        samples: 16,
        ..DriverOptions::default()
    };
    let run = |method| {
        let mut strategy = TargetedDropout::new(TargetedDropoutSettings {
            lambda: 1.2,
            ..of(method)
        });
        let mut driver = Driver::new(network.clone(), &mut strategy, options, &Seed::new(1)).unwrap();
        driver.run(&mut strategy).unwrap();
        get(&driver.network, "hidden1.weight")
    };
    let (plain, penalised, start) = (run(Method::None), run(Method::L1), get(&network, "hidden1.weight"));
    for ((a, b), w) in plain.iter().zip(&penalised).zip(&start) {
        let expected = options.rate * 1.2 / 12.0 * f64::from(w.signum());
        assert!((f64::from(a - b) - expected).abs() < 1e-6, "{a} {b} {w}");
    }
}

#[test]
fn a_switch_turns_off_when_the_variance_of_its_sign_reaches_the_threshold() {
    let settings = TargetedDropoutSettings {
        lambda: 0.0,
        ..of(Method::SmallifyUnit)
    };
    let mut switches = Switches::of(vec![0.1, 0.5]);
    // 0.1 − 1 · 0.2 = −0.1: variance 0.1 · 2² = 0.4 < 0.5, mean 0.9 − 0.1 = 0.8.
    switches.step(&[0.2, 0.0], 1.0, &settings);
    assert_eq!(switches.alive, [true, true]);
    assert!((switches.values[0] + 0.1).abs() < 1e-6);
    // Still −0.1: variance 0.9 · 0.4 + 0.1 · 1.8² = 0.684 ≥ 0.5.
    switches.step(&[0.0, 0.0], 1.0, &settings);
    assert_eq!(switches.alive, [false, true]);
    assert_eq!(switches.mask(4), [0.0, 0.5, 0.0, 0.5]);
    // For good.
    switches.step(&[-9.0, 0.0], 1.0, &settings);
    assert_eq!(switches.mask(2), [0.0, 0.5]);
    assert!((switches.magnitude() - 0.5).abs() < 1e-9);
    // The penalty alone: 0.5 − 0.1 · 2 · sign(0.5) = 0.3.
    switches.step(
        &[0.0, 0.0],
        0.1,
        &TargetedDropoutSettings {
            lambda: 2.0,
            ..settings
        },
    );
    assert!((switches.values[1] - 0.3).abs() < 1e-6);
}

#[test]
fn switch_gradients_are_the_slopes_of_the_loss() {
    let mut network = masked_mlp(6, &[4], 3);
    let mut driver = Driver::new(network.clone(), &mut Fixed, DriverOptions::default(), &Seed::new(2)).unwrap();
    let weights = get(&network, "hidden1.weight");
    let id = network.find_parameter("hidden1.weight").unwrap();
    for values in [
        vec![0.9, 0.4, -0.3, 0.6],
        (0..24).map(|i| 0.05 + i as f32 * 0.04).collect(),
    ] {
        let switches = Switches::of(values);
        set(&mut network, "hidden1.mask", &switches.mask(24));
        let probe = driver.oracle().probe(&network, &[]).unwrap();
        let gradient = switches.gradient(&weights, probe.gradient(id));
        for (index, found) in gradient.iter().enumerate() {
            let mut loss = |shift: f32| {
                let mut moved = switches.clone();
                moved.values[index] += shift;
                set(&mut network, "hidden1.mask", &moved.mask(24));
                driver.oracle().loss(&network, Sample::Growth).unwrap()
            };
            let slope = (loss(2e-3) - loss(-2e-3)) / 4e-3;
            assert!(
                (found - slope).abs() < 1e-3 + 0.02 * slope.abs(),
                "{index}: {found} against {slope}"
            );
        }
    }
}

#[test]
fn smallify_switches_weights_off_under_a_large_penalty() {
    for method in [Method::SmallifyWeight, Method::SmallifyUnit] {
        let settings = TargetedDropoutSettings {
            lambda: 1.0,
            ..of(method)
        };
        let mut strategy = TargetedDropout::new(settings);
        let mut driver = Driver::new(
            masked_mlp(6, &[8, 7], 3),
            &mut strategy,
            DriverOptions::default(),
            &Seed::new(1),
        )
        .unwrap();
        driver.run(&mut strategy).unwrap();
        // 24 steps of 0.05 move a switch by up to 1.2: all that began below 1 have crossed 0, most of them for long.
        let dead = strategy
            .switches()
            .values()
            .flat_map(|s| &s.alive)
            .filter(|a| !**a)
            .count();
        assert!(dead > 0, "{method:?}");
        let zeros = get(&driver.network, "hidden1.mask")
            .iter()
            .filter(|m| **m == 0.0)
            .count();
        assert!(zeros > 0, "{method:?}");
    }
}

#[test]
fn settings_outside_their_range_are_named() {
    let base = TargetedDropoutSettings::default;
    let cases = [
        (TargetedDropoutSettings { gamma: 1.0, ..base() }, "gamma"),
        (TargetedDropoutSettings { alpha: 1.5, ..base() }, "alpha"),
        (
            TargetedDropoutSettings {
                alpha: 1.0,
                ..of(Method::UntargetedUnit)
            },
            "alpha",
        ),
        (
            TargetedDropoutSettings {
                ramp: Ramp::Steps(0),
                ..base()
            },
            "ramp",
        ),
        (TargetedDropoutSettings { lambda: -1.0, ..base() }, "lambda"),
        (
            TargetedDropoutSettings {
                momentum: 1.0,
                ..base()
            },
            "momentum",
        ),
        (
            TargetedDropoutSettings {
                threshold: f64::NAN,
                ..base()
            },
            "threshold",
        ),
        (
            TargetedDropoutSettings {
                skip: vec!["relu1".to_owned()],
                ..base()
            },
            "skip",
        ),
    ];
    let network = masked_mlp(6, &[8], 3);
    for (settings, expected) in cases {
        let error = TargetedDropout::new(settings).prepare(&network).unwrap_err();
        assert!(
            matches!(error, Error::Setting { field, .. } if field == expected),
            "{error}"
        );
    }
    let plain = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    let error = TargetedDropout::new(base()).prepare(&plain).unwrap_err();
    assert!(
        matches!(error, Error::Unsupported { .. }) && error.to_string().contains("`hidden1`"),
        "{error}"
    );
}
