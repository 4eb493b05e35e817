//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{Network, execute, models};
use espalier_redo::{Redo, RedoSettings};
use espalier_seed::Seed;
use espalier_strategy::Strategy;
use espalier_strategy::conformance::{self, Driver, DriverOptions};

#[test]
fn keeps_the_contract() {
    // In 24 steps on random networks few units become dormant at 0.1: half the layer's mean finds some.
    for threshold in [0.0, 0.5] {
        let settings = RedoSettings {
            every_steps: 4,
            threshold,
            ..Default::default()
        };
        let report = conformance::run(|| Box::new(Redo::new(settings.clone()))).unwrap();
        assert_eq!(report.supported(), report.networks(), "{report:?}");
        assert!(report.applied() > 0 || threshold == 0.0, "{report:?}");
        assert_eq!(
            report.scored,
            report.applied(),
            "each edit says by which dormancy: {report:?}"
        );
    }
}

/// A perceptron with five hidden units: 0 silent, 1 and 2 with a thousandth of their weights, 3 and 4 as drawn.
fn network() -> Network<f32> {
    let mut network = models::mlp::<f32>(6, &[5], 3, &Seed::new(2)).unwrap();
    for (name, rows) in [("hidden1.weight", 6), ("hidden1.bias", 1)] {
        let id = network.find_parameter(name).unwrap();
        let values = network.parameter_mut(id).values_mut();
        for row in 0..rows {
            values[row * 5] = 0.0;
            values[row * 5 + 1] *= 1e-3;
            values[row * 5 + 2] *= 1e-3;
        }
    }
    network
}

fn drive(settings: RedoSettings) -> Driver {
    let mut strategy = Redo::new(settings);
    let options = DriverOptions {
        rate: 0.0,
        epochs: 1,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network(), &mut strategy, options, &Seed::new(3)).unwrap();
    driver.run(&mut strategy).unwrap();
    driver
}

/// E|h| of a unit over the mean of the layer, from the definition.
fn by_definition(driver: &Driver) -> Vec<f64> {
    let network = network();
    let values = |name: &str| {
        network
            .parameter(network.find_parameter(name).unwrap())
            .values()
            .to_vec()
    };
    let (w, b) = (values("hidden1.weight"), values("hidden1.bias"));
    let rows = driver.growth().batch(0, 96).inputs;
    let hidden = |u: usize, row: &[f32]| {
        (row.iter()
            .enumerate()
            .map(|(i, x)| f64::from(*x) * f64::from(w[i * 5 + u]))
            .sum::<f64>()
            + f64::from(b[u]))
        .max(0.0)
    };
    let activity: Vec<f64> = (0..5)
        .map(|u| rows.chunks_exact(6).map(|row| hidden(u, row)).sum::<f64>() / 96.0)
        .collect();
    let mean = activity.iter().sum::<f64>() / 5.0;
    activity.iter().map(|a| a / mean).collect()
}

#[test]
fn the_score_is_mean_activation_over_the_layers_mean() {
    let mut driver = drive(RedoSettings::default());
    let expected = by_definition(&driver);
    let network = network();
    let group = network.find_group("hidden1").unwrap();
    let found = Redo::scores(&network, group, &mut driver.oracle()).unwrap();
    assert!(
        found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5),
        "{found:?} against {expected:?}"
    );
    // The scores of a layer have mean 1.
    assert!((found.iter().sum::<f64>() - 5.0).abs() < 1e-9);
}

/// The columns of the hidden weights and the rows of the output weights.
fn unit(network: &Network<f32>, unit: usize) -> (Vec<f32>, Vec<f32>) {
    let values = |name: &str| network.parameter(network.find_parameter(name).unwrap()).values();
    let incoming = values("hidden1.weight").iter().skip(unit).step_by(5).copied().collect();
    (incoming, values("logits.weight")[unit * 3..unit * 3 + 3].to_vec())
}

#[test]
fn dormant_units_get_new_fan_in_and_zero_fan_out_and_the_others_stay() {
    let driver = drive(RedoSettings {
        every_steps: 6,
        ..Default::default()
    });
    assert_eq!(driver.settled.len(), 1);
    let (before, after) = (&driver.settled[0].before, &driver.settled[0].after);
    for u in 0..5 {
        let dormant = u < 3;
        assert_eq!(unit(before, u).0 != unit(after, u).0, dormant, "{u}");
        assert_eq!(unit(after, u).1 == [0.0; 3], dormant, "{u}");
        // U(±1/√6): six inputs.
        assert!(unit(after, u).0.iter().all(|w| w.abs() <= 0.408_25 && *w != 0.0));
    }
}

#[test]
fn only_silent_units_are_recycled_at_threshold_zero_and_outputs_stay() {
    let driver = drive(RedoSettings {
        every_steps: 6,
        threshold: 0.0,
        ..Default::default()
    });
    let (before, after) = (&driver.settled[0].before, &driver.settled[0].after);
    assert!((1..5).all(|u| unit(before, u) == unit(after, u)));
    assert_ne!(unit(before, 0), unit(after, 0));
    let rows = driver.growth().batch(0, 96);
    let outputs = |n: &Network<f32>| execute::evaluate(n, &[rows.inputs], 96).unwrap().remove(0);
    let gap = outputs(before)
        .iter()
        .zip(outputs(after))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(gap <= 1e-6, "{gap}");
}

#[test]
fn nothing_happens_between_the_looks() {
    assert!(
        drive(RedoSettings {
            every_steps: 7,
            ..Default::default()
        })
        .settled
        .is_empty()
    );
    let looks = drive(RedoSettings {
        every_steps: 2,
        threshold: 1e9,
        ..Default::default()
    });
    assert_eq!(looks.settled.iter().map(|s| s.step).collect::<Vec<_>>(), [2, 4, 6]);
}

#[test]
fn settings_outside_their_range_are_named_with_value_and_range() {
    let refusal = |settings| Redo::new(settings).prepare(&network()).unwrap_err().to_string();
    let text = refusal(RedoSettings {
        every_steps: 0,
        ..Default::default()
    });
    assert!(text.contains("`every_steps`: expected at least 1, found 0"), "{text}");
    let text = refusal(RedoSettings {
        threshold: -0.5,
        ..Default::default()
    });
    assert!(text.contains("`threshold`: expected at least 0, found -0.5"), "{text}");
}
