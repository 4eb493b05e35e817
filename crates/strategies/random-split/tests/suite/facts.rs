//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{
    ApplyOptions, DeviceChoice, LossKind, Network, Plan, Scales, Session, Target, Units, execute, models,
};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{
    Batch, Groups, Observations, Occasion, OneUnit, RandomSplit as RandomScales, Sample, SampleOracle, Selector, Spent,
    UnitRule, View, ablation_losses, firing_rates, softmax,
};

#[test]
fn keeps_the_contract_with_every_rule() {
    for rule in UnitRule::ALL {
        let make = || {
            RandomSplit::new(RandomSplitSettings {
                rule,
                ..RandomSplitSettings::default()
            })
        };
        let report = conformance::run(|| Box::new(make())).unwrap();
        assert_eq!(report.supported(), report.networks(), "{report:?}");
        assert_eq!(report.applied() > 0, rule != UnitRule::None, "{rule:?}: {report:?}");
        assert_eq!(report.parted > 0, rule != UnitRule::None, "{rule:?}: {report:?}");
        let scores = !matches!(rule, UnitRule::None | UnitRule::Random);
        assert_eq!(report.scored > 0, scores, "{rule:?}: {report:?}");
    }
}

#[test]
fn scales_lie_in_range_and_their_products_sum_to_one() {
    let mut stream = Seed::new(5).stream();
    for _ in 0..1000 {
        let scales = RandomScales::scales(2, &mut stream);
        let sum: f64 = scales.iter().map(|s| s.incoming * s.outgoing).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        // αγ + βδ of draws in [0.5, 1) lies in [0.5, 2), so its root in [0.707, 1.415): scales in (0.353, 1.415).
        assert!(
            scales
                .iter()
                .all(|s| s.incoming > 0.353 && s.incoming < 1.415 && s.outgoing > 0.353 && s.outgoing < 1.415)
        );
    }
}

fn split_deviation<E: espalier_net::Element>(seed: u64) -> f64 {
    let mut network = models::mlp::<E>(9, &[10], 4, &Seed::new(seed)).unwrap();
    let mut stream = Seed::new(seed).named("inputs").stream();
    let inputs: Vec<E> = (0..32 * 9).map(|_| E::from_f64(stream.normal())).collect();
    let before = execute::evaluate(&network, &[&inputs], 32).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let scales = RandomScales::scales(2, &mut stream);
    let edit = Units::of(&network, group)
        .split((seed % 10) as usize, &scales)
        .unwrap()
        .edit("split");
    network
        .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
        .unwrap();
    let after = execute::evaluate(&network, &[&inputs], 32).unwrap();
    let largest = before[0].iter().map(|x| x.to_f64().abs()).fold(0.0, f64::max);
    let moved = before[0]
        .iter()
        .zip(&after[0])
        .map(|(x, y)| (x.to_f64() - y.to_f64()).abs())
        .fold(0.0, f64::max);
    moved / largest
}

#[test]
fn a_split_preserves_outputs_in_single_and_double_precision() {
    for seed in 0..20 {
        assert!(split_deviation::<f32>(seed) <= 1e-5);
        assert!(split_deviation::<f64>(seed) <= 1e-12);
    }
}

/// Two inputs, three hidden units, two classes. Hidden units: x0, x1 and −x0, all without bias.
fn hand_made() -> Network<f32> {
    let mut network = models::mlp::<f32>(2, &[3], 2, &Seed::new(1)).unwrap();
    let mut set = |name: &str, values: &[f32]| {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    };
    set("hidden1.weight", &[1.0, 0.0, -1.0, 0.0, 1.0, 0.0]);
    set("hidden1.bias", &[0.0; 3]);
    set("logits.weight", &[2.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    set("logits.bias", &[0.0; 2]);
    network
}

/// Four samples. Active: unit 0 on three (x0 > 0), unit 1 on two (x1 > 0), unit 2 on one (x0 < 0).
const FEATURES: [f32; 8] = [1.0, 1.0, 2.0, -1.0, 0.5, 1.0, -1.0, -2.0];
const LABELS: [u32; 4] = [0, 0, 0, 1];

fn with_oracle<T>(network: &Network<f32>, ask: impl FnOnce(&mut SampleOracle<'_>) -> T) -> T {
    let mut session = Session::new(network, 4, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let batch = Batch {
        inputs: &FEATURES,
        target: Target::Classes {
            labels: &LABELS,
            weights: None,
        },
        samples: 4,
    };
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::CrossEntropy,
        batch: 4,
        max_macs: None,
        spent: Spent::default(),
    };
    ask(&mut oracle)
}

#[test]
fn firing_rate_counts_samples_above_zero() {
    let network = hand_made();
    let group = network.find_group("hidden1").unwrap();
    let rates = with_oracle(&network, |o| {
        firing_rates(o, &network, group, Sample::Validation).unwrap()
    });
    assert_eq!(rates, [0.75, 0.5, 0.25]);
}

/// The loss with unit `off` at 0 and the others times 3/2, from the definition.
fn brute_force(off: usize) -> f64 {
    let mut total = 0.0;
    for (x, label) in FEATURES.chunks_exact(2).zip(LABELS) {
        let mut hidden = [x[0].max(0.0), x[1].max(0.0), (-x[0]).max(0.0)].map(|h| f64::from(h) * 1.5);
        hidden[off] = 0.0;
        let logits = [2.0 * hidden[0], hidden[1]];
        total += (logits[0].exp() + logits[1].exp()).ln() - logits[label as usize];
    }
    total / 4.0
}

#[test]
fn ablation_loss_is_the_loss_without_the_unit_and_the_others_rescaled() {
    let network = hand_made();
    let group = network.find_group("hidden1").unwrap();
    let losses = with_oracle(&network, |o| {
        ablation_losses(o, &network, group, Sample::Validation).unwrap()
    });
    for (unit, loss) in losses.iter().enumerate() {
        assert!(
            (loss - brute_force(unit)).abs() < 1e-6,
            "{unit}: {loss} against {}",
            brute_force(unit)
        );
    }
}

fn chosen(rule: UnitRule, seed: u64) -> Option<usize> {
    let network = hand_made();
    let seed = Seed::new(seed);
    let observed = Observations::default();
    let view = View {
        network: &network,
        clock: Default::default(),
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &seed,
    };
    let mut selector = OneUnit::new(rule, Groups::one("hidden1"));
    let selections = with_oracle(&network, |o| selector.select(&view, o).unwrap());
    selections.first().map(|s| s.units[0])
}

#[test]
fn each_rule_chooses_the_known_unit() {
    // Without unit 0 three samples of class 0 lose their evidence: the largest loss. Without unit 1 the evidence for
    // the wrong class is gone: the smallest. Unit 2 reaches no output.
    assert!(brute_force(0) > brute_force(2) && brute_force(2) > brute_force(1));
    assert_eq!(chosen(UnitRule::None, 1), None);
    assert_eq!(chosen(UnitRule::MaxAblationLoss, 1), Some(0));
    assert_eq!(chosen(UnitRule::MinAblationLoss, 1), Some(1));
    assert_eq!(chosen(UnitRule::MaxFiringRate, 1), Some(0));
    assert_eq!(chosen(UnitRule::HalfFiringRate, 1), Some(1));
    assert_eq!(chosen(UnitRule::MinFiringRate, 1), Some(2));
}

#[test]
fn random_rules_follow_their_probabilities() {
    let draws = 2000_u64;
    let count = |rule| {
        let mut counts = [0.0_f64; 3];
        (0..draws).for_each(|seed| counts[chosen(rule, seed).unwrap()] += 1.0 / draws as f64);
        counts
    };
    let weights = [0, 1, 2].map(|u| (10.0 * brute_force(u)).exp());
    let total: f64 = weights.iter().sum();
    // Five standard deviations of a share of 2000 draws are at most 5·√(0.25/2000) = 0.056.
    for (unit, share) in count(UnitRule::SoftmaxAblationLoss).iter().enumerate() {
        assert!((share - weights[unit] / total).abs() < 0.056, "{unit}: {share}");
    }
    assert!(
        count(UnitRule::Random)
            .iter()
            .all(|share| (share - 1.0 / 3.0).abs() < 0.056)
    );
    // e^{10·0.1}/(e^{10·0.1} + 1) = 0.731058…
    assert!((softmax(&[0.1, 0.0], 10.0)[0] - 0.731_058_578_6).abs() < 1e-9);
}

#[test]
fn a_split_adds_fan_in_plus_fan_out_plus_one_parameters_until_its_last_epoch() {
    let network = models::mlp::<f32>(784, &[10], 10, &Seed::new(1)).unwrap();
    let settings = RandomSplitSettings {
        epochs: 2,
        ..RandomSplitSettings::default()
    };
    let mut strategy = RandomSplit::new(settings);
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    // 7 960 parameters to begin with, 784 + 1 + 10 = 795 per split, two of the driver's four epochs split.
    assert_eq!(driver.network.parameter_count(), 7960 + 2 * 795);
}

#[test]
fn copies_diverge_after_one_step() {
    let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(3)).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let scales: Vec<Scales> = RandomScales::scales(2, &mut Seed::new(3).stream());
    let edit = Units::of(&network, group).split(0, &scales).unwrap().edit("split");
    network
        .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
        .unwrap();
    let id = network.find_parameter("hidden1.weight").unwrap();
    let angle = |network: &Network<f32>| {
        let w = network.parameter(id).values();
        let column = |u: usize| (0..4).map(|r| f64::from(w[r * 4 + u])).collect::<Vec<_>>();
        let (a, b) = (column(0), column(1));
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f64>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    // Fan-in weights start parallel: they are multiples of one column.
    assert!((angle(&network) - 1.0).abs() < 1e-6);
    let mut session = Session::new(&network, 4, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let inputs: Vec<f32> = (0..16).map(|k| (k as f32 * 0.7).sin()).collect();
    let target = Target::Classes {
        labels: &LABELS,
        weights: None,
    };
    session
        .loss_and_gradients(&mut network, &[&inputs], target, LossKind::CrossEntropy)
        .unwrap();
    let gradient = session.gradient(id).to_vec();
    network
        .parameter_mut(id)
        .values_mut()
        .iter_mut()
        .zip(&gradient)
        .for_each(|(w, g)| *w -= g);
    assert!(angle(&network) < 1.0 - 1e-6, "{}", angle(&network));
}
