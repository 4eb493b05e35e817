//! Hard concrete gates and variational dropout. Values named "numpy" were computed with numpy 2.4.6 and scipy 1.17.1 from
//! the papers' definitions.

use espalier_net::Network;
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions, masked_mlp};
use espalier_strategy::{Clock, Controls, Error, Setting, Strategy};
use espalier_targeted_dropout::{
    Evaluation, Method, Noise, TargetedDropout, TargetedDropoutSettings, evaluation_gate, hard_concrete,
    hard_concrete_slope, log_alpha, open_probability, variational_divergence, variational_slope,
};

const NOISY: [Method; 4] = [
    Method::HardConcreteWeight,
    Method::HardConcreteUnit,
    Method::VariationalWeight,
    Method::VariationalUnit,
];

fn of(method: Method) -> TargetedDropoutSettings {
    TargetedDropoutSettings {
        method,
        ..TargetedDropoutSettings::default()
    }
}

fn network() -> Network<f32> {
    masked_mlp(6, &[8, 7], 3, &Seed::new(3)).unwrap()
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
}

#[test]
fn the_probability_of_an_open_gate_is_that_of_the_paper() {
    // By hand for ln α = 0: ζ/−γ = 11, so σ(β·ln 11) = 1/(1 + 11^(−2/3)).
    near(open_probability(0.0), 1.0 / (1.0 + 11.0_f64.powf(-2.0 / 3.0)), 1e-12);
    // numpy.
    near(open_probability(-3.0), 0.197_593_546_900_642_13, 1e-12);
    near(open_probability(2.0), 0.973_366_655_261_484, 1e-12);
    // And it is the share of draws that open the gate: 20 000 of them, four deviations.
    for alpha in [-3.0, 0.0, 2.0] {
        let mut stream = Seed::new(1).stream();
        let open = (0..20_000)
            .filter(|_| hard_concrete(alpha, stream.uniform()) > 0.0)
            .count();
        let p = open_probability(alpha);
        near(open as f64 / 20_000.0, p, 4.0 * (p * (1.0 - p) / 20_000.0).sqrt());
    }
}

#[test]
fn gates_are_exactly_shut_and_exactly_open_at_their_ends() {
    // numpy, for (ln α, u).
    near(hard_concrete(0.0, 0.3), 0.162_914_264_281_288_5, 1e-12);
    near(hard_concrete(-1.0, 0.6), 0.248_885_634_024_022_9, 1e-6);
    assert_eq!([0.0, 0.01, 0.99].map(|u| hard_concrete(0.0, u)), [0.0, 0.0, 1.0]);
    assert_eq!(hard_concrete(1.0, 0.7), 1.0);
    // σ(−3)·1.2 − 0.1 = −0.043 and σ(3)·1.2 − 0.1 = 1.043; in the middle one half.
    assert_eq!([-3.0, 3.0].map(evaluation_gate), [0.0, 1.0]);
    near(evaluation_gate(0.0), 0.5, 1e-12);
    near(evaluation_gate(-1.0), 0.222_729_705_643_994_16, 1e-12);
}

#[test]
fn the_divergence_is_that_of_the_integral_and_of_the_fit() {
    // ln α, the fit in numpy, and −½ln α + E ln|1 + √α·ε| + (γ_Euler + ln 2)/2 by scipy's quadrature.
    let rows = [
        (-4.0, 2.634_208_314_062_275_4, 2.625_754_9),
        (-2.0, 1.540_532_741_238_367, 1.544_154_6),
        (0.0, 0.431_238_950_990_308_8, 0.426_685_6),
        (1.0, 0.177_969_719_538_587_34, 0.173_193_9),
        (3.0, 0.025_420_043_312_364_807, 0.024_688_3),
    ];
    for (alpha, fit, integral) in rows {
        near(variational_divergence(alpha), fit, 1e-12);
        // The paper gives 0.009 as the largest error of the fit.
        near(variational_divergence(alpha), integral, 0.009);
    }
    assert!(variational_divergence(40.0) < 1e-9);
}

#[test]
fn slopes_are_those_of_their_functions() {
    let h = 1e-5;
    for alpha in [-4.0, -1.0, 0.0, 2.0] {
        let measured = (variational_divergence(alpha + h) - variational_divergence(alpha - h)) / (2.0 * h);
        near(variational_slope(alpha), measured, 1e-8);
        for u in [0.3, 0.5, 0.6] {
            let gate = hard_concrete(alpha, u);
            let measured = (hard_concrete(alpha + h, u) - hard_concrete(alpha - h, u)) / (2.0 * h);
            near(hard_concrete_slope(gate), measured, 1e-7);
        }
    }
    assert_eq!([0.0, 1.0].map(hard_concrete_slope), [0.0, 0.0]);
}

/// The loss Σ cᵢ·wᵢ·mᵢ and λ times the cost, for draws that do not change.
fn objective(settings: &TargetedDropoutSettings, values: &[f64], weights: &[f32], draws: &[f64]) -> f64 {
    let noise = Noise::of(values.to_vec());
    let alphas = noise.log_alphas(settings.method, weights);
    let masked = weights.iter().enumerate().map(|(i, w)| {
        let j = i % values.len();
        LOSS[i] * f64::from(*w) * factor(settings.method, alphas[j], draws[j])
    });
    masked.sum::<f64>() + settings.lambda * noise.cost(settings.method, weights)
}

fn factor(method: Method, alpha: f64, draw: f64) -> f64 {
    match method {
        Method::VariationalWeight | Method::VariationalUnit => 1.0 + (alpha / 2.0).exp() * draw,
        _ => hard_concrete(alpha, draw),
    }
}

const LOSS: [f64; 6] = [0.7, -0.4, 0.2, 1.1, -0.9, 0.3];

#[test]
fn gradients_are_the_slopes_of_loss_and_penalty() {
    // Three rows, two columns. Variances near the squares of the weights keep ln α inside its range.
    let weights = [0.5_f32, -0.25, 0.75, 1.0, -0.5, 0.125];
    for method in NOISY {
        let settings = TargetedDropoutSettings {
            lambda: 0.1,
            ..of(method)
        };
        let by_unit = method.is_by_unit();
        let count = if by_unit { 2 } else { 6 };
        let values: Vec<f64> = (0..count).map(|j| 0.3 * j as f64 - 1.2).collect();
        let gaussian = matches!(method, Method::VariationalWeight | Method::VariationalUnit);
        let draws: Vec<f64> = (0..count)
            .map(|j| {
                if gaussian {
                    0.4 * j as f64 - 0.9
                } else {
                    0.35 + 0.07 * j as f64
                }
            })
            .collect();
        let noise = Noise::of(values.clone());
        let alphas = noise.log_alphas(method, &weights);
        let mask: Vec<f32> = (0..6)
            .map(|i| factor(method, alphas[i % count], draws[i % count]) as f32)
            .collect();
        // What the engine hands over: the gradient of the masked weight times the mask.
        let mut gradient: Vec<f32> = (0..6).map(|i| LOSS[i] as f32 * mask[i]).collect();
        let rows = if by_unit { 3 } else { 1 };
        let by_value = noise.gradient((&settings, rows), &weights, &mask, &mut gradient);
        let h = 1e-4;
        for j in 0..count {
            let at = |step: f64| {
                let mut moved = values.clone();
                moved[j] += step;
                objective(&settings, &moved, &weights, &draws)
            };
            near(by_value[j], (at(h) - at(-h)) / (2.0 * h), 1e-4);
        }
        // The weights' own gradients, of which hard concrete gates and columns leave the penalty's part at 0.
        for i in 0..6 {
            let at = |step: f32| {
                let mut moved = weights;
                moved[i] += step;
                objective(&settings, &values, &moved, &draws)
            };
            let step = 1.0 / 1024.0;
            near(
                f64::from(gradient[i]),
                (at(step) - at(-step)) / (2.0 * f64::from(step)),
                2e-3,
            );
        }
    }
}

#[test]
fn the_penalty_is_lambda_times_the_expected_number_of_weights() {
    for method in [Method::HardConcreteWeight, Method::HardConcreteUnit] {
        let settings = TargetedDropoutSettings {
            alpha: 0.2,
            lambda: 0.01,
            ..of(method)
        };
        let mut network = network();
        let mut strategy = TargetedDropout::new(settings);
        let seed = Seed::new(4);
        let mut controls = Controls::of(&mut network, Clock::default(), &seed);
        strategy.control(Setting::Training, &mut controls).unwrap();
        drop(controls.finish());
        // Gates start at ln α = ln 4 give or take 0.01; 6·8 + 8·7 weights before the output layer.
        let cost: f64 = ["hidden1", "hidden2"]
            .map(|l| {
                let id = network.find_parameter(&format!("{l}.weight")).unwrap();
                strategy.noise()[l].cost(method, network.parameter(id).values())
            })
            .iter()
            .sum();
        near(cost, 104.0 * open_probability(4.0_f64.ln()), 0.2);
    }
}

fn masks(settings: &TargetedDropoutSettings, setting: Setting, seed: u64) -> Vec<f32> {
    let mut network = network();
    let mut strategy = TargetedDropout::new(settings.clone());
    let (first, seed) = (Seed::new(1), Seed::new(seed));
    for (setting, seed) in [(Setting::Training, &first), (setting, &seed)] {
        let mut controls = Controls::of(&mut network, Clock::default(), seed);
        strategy.control(setting, &mut controls).unwrap();
        drop(controls.finish());
    }
    let id = network.find_parameter("hidden1.mask").unwrap();
    network.parameter(id).values().to_vec()
}

#[test]
fn training_draws_and_evaluation_does_not() {
    for method in NOISY {
        let settings = of(method);
        assert_ne!(
            masks(&settings, Setting::Training, 2),
            masks(&settings, Setting::Training, 3)
        );
        let evaluated = masks(&settings, Setting::Evaluation, 2);
        assert_eq!(evaluated, masks(&settings, Setting::Evaluation, 3));
        if method.is_by_unit() {
            let drawn = masks(&settings, Setting::Training, 2);
            assert!(drawn.chunks_exact(8).all(|row| row == &drawn[..8]), "whole columns");
        }
    }
    // ln α is never below −8, so that a bound of −9 prunes every weight.
    let all = TargetedDropoutSettings {
        log_alpha: -9.0,
        ..of(Method::VariationalWeight)
    };
    assert!(masks(&all, Setting::Evaluation, 2).iter().all(|m| *m == 0.0));
    let unpruned = TargetedDropoutSettings {
        evaluation: Evaluation::Unpruned,
        ..all
    };
    assert!(masks(&unpruned, Setting::Evaluation, 2).iter().all(|m| *m == 1.0));
    near(log_alpha(-10.0, 0.1), -10.0 + 2.0 * 10.0_f64.ln(), 1e-6);
    assert_eq!([log_alpha(-10.0, 0.0), log_alpha(-10.0, 9.0)], [8.0, -8.0]);
}

/// The share of weights that are 0 in the last masks. The noise takes steps of 1, the weights hardly any.
fn closed(method: Method, lambda: f64) -> f64 {
    let options = DriverOptions {
        rate: 1e-4,
        ..DriverOptions::default()
    };
    let settings = TargetedDropoutSettings {
        lambda,
        noise_rate: 1.0 / options.rate,
        ..of(method)
    };
    let mut strategy = TargetedDropout::new(settings);
    let mut driver = Driver::new(network(), &mut strategy, options, &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let mask = |l: &str| {
        let id = driver.network.find_parameter(&format!("{l}.mask")).unwrap();
        driver.network.parameter(id).values().to_vec()
    };
    let all: Vec<f32> = [mask("hidden1"), mask("hidden2")].concat();
    all.iter().filter(|m| **m == 0.0).count() as f64 / all.len() as f64
}

#[test]
fn a_large_penalty_closes_nearly_all_and_none_leaves_most_open() {
    for method in NOISY {
        let (strict, free) = (closed(method, 10.0), closed(method, 0.0));
        assert!(strict > 0.75 && free < 0.5, "{method:?}: {strict} and {free}");
    }
}

#[test]
fn settings_of_the_noise_are_named_outside_their_range() {
    let closed_gates = TargetedDropoutSettings {
        alpha: 0.0,
        ..of(Method::HardConcreteUnit)
    };
    let endless = TargetedDropoutSettings {
        log_alpha: f64::NAN,
        ..of(Method::VariationalWeight)
    };
    let still = TargetedDropoutSettings {
        noise_rate: 0.0,
        ..of(Method::VariationalWeight)
    };
    for (settings, name) in [(closed_gates, "alpha"), (endless, "log_alpha"), (still, "noise_rate")] {
        match TargetedDropout::new(settings).prepare(&network()) {
            Err(Error::Setting { field, .. }) => assert_eq!(field, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}
