//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{Network, models};
use espalier_net2wider::{Net2Wider, Net2WiderSettings};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{Schedule, Strategy};

fn settings() -> Net2WiderSettings {
    Net2WiderSettings {
        when: Schedule::Epochs(vec![1]),
        ..Default::default()
    }
}

#[test]
fn keeps_the_contract_with_and_without_noise() {
    for noise in [0.0, 0.01] {
        let report = conformance::run(|| Box::new(Net2Wider::new(Net2WiderSettings { noise, ..settings() }))).unwrap();
        assert_eq!(report.applied(), report.networks(), "{report:?}");
        assert_eq!(report.parted, 0, "its copies are declared twins");
    }
}

fn widened(settings: Net2WiderSettings, network: &Network<f32>) -> Driver {
    let mut strategy = Net2Wider::new(settings);
    let options = DriverOptions {
        rate: 0.0,
        epochs: 2,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network.clone(), &mut strategy, options, &Seed::new(3)).unwrap();
    driver.run(&mut strategy).unwrap();
    driver
}

#[test]
fn every_layer_grows_by_the_factor_once_and_parameters_follow() {
    let network = models::mlp::<f32>(6, &[8, 7], 3, &Seed::new(1)).unwrap();
    let driver = widened(settings(), &network);
    assert_eq!(driver.settled.len(), 1);
    let width = |name: &str| driver.network.group(driver.network.find_group(name).unwrap()).width();
    // 1.5 · 8 = 12; 1.5 · 7 = 10.5, rounded to 11.
    assert_eq!((width("hidden1"), width("hidden2")), (12, 11));
    assert_eq!(driver.network.parameter_count(), 7 * 12 + 13 * 11 + 12 * 3);
}

/// Columns of the hidden weights, and rows of the output weights, of a one-layer perceptron with six inputs.
fn units(network: &Network<f32>) -> Vec<(Vec<f32>, Vec<f32>)> {
    let values = |name: &str| {
        network
            .parameter(network.find_parameter(name).unwrap())
            .values()
            .to_vec()
    };
    let (w, v) = (values("hidden1.weight"), values("logits.weight"));
    let width = w.len() / 6;
    (0..width)
        .map(|u| {
            (
                w.iter().skip(u).step_by(width).copied().collect(),
                v[u * 3..u * 3 + 3].to_vec(),
            )
        })
        .collect()
}

#[test]
fn copies_share_their_originals_fan_out_equally() {
    let network = models::mlp::<f32>(6, &[4], 3, &Seed::new(1)).unwrap();
    let driver = widened(
        Net2WiderSettings {
            factor: 3.0,
            noise: 0.0,
            ..settings()
        },
        &network,
    );
    let (old, new) = (units(&network), units(&driver.network));
    assert_eq!(new.len(), 12);
    for (incoming, outgoing) in &old {
        let copies: Vec<_> = new.iter().filter(|(i, _)| i == incoming).collect();
        let expected: Vec<f32> = outgoing.iter().map(|w| w / copies.len() as f32).collect();
        assert!(!copies.is_empty());
        for (_, found) in copies {
            assert!(
                found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6),
                "{found:?} against {expected:?}"
            );
        }
    }
    assert!(driver.settled[0].outcome.applied().unwrap().deviation.unwrap() < 1e-5);
}

#[test]
fn noise_moves_the_copies_but_not_their_originals() {
    let network = models::mlp::<f32>(6, &[4], 3, &Seed::new(1)).unwrap();
    let driver = widened(
        Net2WiderSettings {
            factor: 2.0,
            noise: 0.01,
            ..settings()
        },
        &network,
    );
    let (old, new) = (units(&network), units(&driver.network));
    // Four of the eight units are the originals, bit for bit; the others are near one of them, but not equal.
    let is_old = |i: &Vec<f32>| old.iter().any(|(o, _)| o == i);
    assert_eq!(new.iter().filter(|(i, _)| is_old(i)).count(), 4);
    for (incoming, _) in new.iter().filter(|(i, _)| !is_old(i)) {
        let distance = |o: &[f32]| o.iter().zip(incoming).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        let rms = |o: &[f32]| (o.iter().map(|w| w * w).sum::<f32>() / 6.0).sqrt();
        let (nearest, size) = old
            .iter()
            .map(|(o, _)| (distance(o), rms(o)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap();
        // Six draws of N(0, 1): their norm is below 6 but for one case in a million.
        assert!(nearest > 0.0 && nearest < 6.0 * 0.01 * size, "{nearest}");
    }
}

#[test]
fn settings_outside_their_range_are_named_with_value_and_range() {
    let network = models::mlp::<f32>(6, &[4], 3, &Seed::new(1)).unwrap();
    let refusal = |settings| Net2Wider::new(settings).prepare(&network).unwrap_err().to_string();
    let text = refusal(Net2WiderSettings {
        factor: 1.0,
        ..settings()
    });
    assert!(text.contains("`factor`: expected above 1, found 1"), "{text}");
    let text = refusal(Net2WiderSettings {
        noise: -1.0,
        ..settings()
    });
    assert!(text.contains("`noise`: expected at least 0, found -1"), "{text}");
}
