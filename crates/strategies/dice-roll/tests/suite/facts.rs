//! The facts that the method rests on.

use espalier_dice_roll::{DiceRoll, DiceRollSettings, Mode, Rolls, StepScore};
use espalier_net::{Network, OptimizerKind, execute, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{Error, Observations, Occasion, Oracle, Proposal, Sample, Strategy, View};

fn modes() -> [Mode; 3] {
    let few = |score| Mode::FewSteps {
        optimizer: OptimizerKind::adam(),
        rate: 0.01,
        steps: 5,
        score,
    };
    [Mode::ForwardOnly, few(StepScore::After), few(StepScore::During)]
}

fn settings(rolls: u64, mode: Mode) -> DiceRollSettings {
    DiceRollSettings {
        rolls,
        mode,
        ..DiceRollSettings::default()
    }
}

#[test]
fn keeps_the_contract_in_every_mode() {
    for mode in modes() {
        let report = conformance::run(|| Box::new(DiceRoll::new(settings(4, mode.clone())))).unwrap();
        assert_eq!(report.supported(), report.networks(), "{report:?}");
        assert_eq!(report.applied(), report.networks(), "one decision on each: {report:?}");
    }
}

/// A driver that has not trained, and what the strategy proposes at the start.
fn start(strategy: &mut DiceRoll) -> (Driver, Option<Proposal>) {
    let network = models::mlp::<f32>(6, &[8, 7], 3, &Seed::new(4)).unwrap();
    let options = DriverOptions::default();
    let mut driver = Driver::new(network.clone(), strategy, options, &Seed::new(5)).unwrap();
    let (observed, seed) = (Observations::default(), Seed::new(6));
    let view = View {
        network: &network,
        clock: Default::default(),
        occasion: Occasion::Start,
        observed: &observed,
        seed: &seed,
    };
    let proposal = strategy.propose(&view, &mut driver.oracle()).unwrap();
    (driver, proposal)
}

fn with_values(network: &Network<f32>, proposal: &Proposal) -> Network<f32> {
    let mut after = network.clone();
    for (name, values) in &proposal.values {
        let id = after.find_parameter(name).unwrap();
        after.parameter_mut(id).values_mut().copy_from_slice(values);
    }
    after
}

/// The mean cross-entropy from the definition, in double precision, by the free-standing evaluation.
fn cross_entropy(driver: &Driver, network: &Network<f32>) -> f64 {
    let rows = driver.growth().batch(0, driver.growth().len());
    let espalier_net::Target::Classes { labels, .. } = rows.target else {
        unreachable!()
    };
    let outputs = execute::evaluate(network, &[rows.inputs], rows.samples).unwrap();
    let losses = outputs[0].chunks_exact(3).zip(labels).map(|(z, label)| {
        let z: Vec<f64> = z.iter().map(|z| f64::from(*z)).collect();
        z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[*label as usize]
    });
    losses.sum::<f64>() / rows.samples as f64
}

#[test]
fn the_returned_parameters_have_the_lowest_score_of_all_rolls() {
    for mode in [modes()[0].clone(), modes()[1].clone()] {
        let mut strategy = DiceRoll::new(settings(12, mode));
        let (driver, proposal) = start(&mut strategy);
        let rolls = strategy.rolls().unwrap();
        let lowest = rolls.scores.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!((rolls.scores.len(), rolls.scores[rolls.winner]), (12, lowest));
        assert!(
            ![0, 11].contains(&rolls.winner),
            "roll {} wins: the first would hide a missing, the last a wrong restore; take another seed",
            rolls.winner
        );
        let returned = cross_entropy(&driver, &with_values(&driver.network, &proposal.unwrap()));
        assert!((returned - lowest).abs() <= 1e-6, "{returned} against {lowest}");
    }
}

#[test]
fn the_score_during_training_is_that_of_the_same_steps_from_the_same_start() {
    let [_, _, mode] = modes();
    let mut strategy = DiceRoll::new(settings(6, mode));
    let (mut driver, proposal) = start(&mut strategy);
    let rolls = strategy.rolls().unwrap().clone();
    let told = strategy.readings(&driver.network);
    let told = |name: &str| told.iter().find(|reading| reading.name == name).unwrap().value;
    assert_eq!((told("rolls"), told("winner")), (6.0, rolls.winner as f64));
    assert_eq!(told("least score"), rolls.scores[rolls.winner]);
    // The first roll is the network as it stands.
    let mut first = driver.network.clone();
    let again = driver
        .oracle()
        .train(&mut first, &OptimizerKind::adam(), 0.01, 5)
        .unwrap();
    assert!((again - rolls.scores[0]).abs() <= 1e-6);
    // Any other roll starts from the stream of its number, and the winner comes back as trained.
    let mut winner = driver.network.clone();
    if rolls.winner > 0 {
        winner.initialize(
            &Default::default(),
            &Seed::new(6).named("roll").index(rolls.winner as u64),
        );
    }
    let again = driver
        .oracle()
        .train(&mut winner, &OptimizerKind::adam(), 0.01, 5)
        .unwrap();
    assert!((again - rolls.scores[rolls.winner]).abs() <= 1e-6);
    let returned = with_values(&driver.network, &proposal.unwrap());
    assert_eq!(returned.parameters(), winner.parameters());
}

#[test]
fn one_roll_changes_nothing_and_costs_nothing() {
    for mode in modes() {
        let mut strategy = DiceRoll::new(settings(1, mode));
        let (_, proposal) = start(&mut strategy);
        assert!(proposal.is_none() && strategy.rolls().is_none());
    }
}

#[test]
fn all_candidates_see_the_same_samples() {
    // Scored twice on other samples, the first roll would not give the loss of the network as it stands.
    let mut strategy = DiceRoll::new(settings(5, Mode::ForwardOnly));
    let (mut driver, _) = start(&mut strategy);
    let rolls = strategy.rolls().unwrap().clone();
    for (index, score) in rolls.scores.iter().enumerate() {
        let mut candidate = driver.network.clone();
        if index > 0 {
            candidate.initialize(&Default::default(), &Seed::new(6).named("roll").index(index as u64));
        }
        assert!(
            (cross_entropy(&driver, &candidate) - score).abs() <= 1e-6,
            "roll {index}"
        );
    }
    let network = driver.network.clone();
    assert!((driver.oracle().loss(&network, Sample::Growth).unwrap() - rolls.scores[0]).abs() <= 1e-6);
}

#[test]
fn the_spread_is_that_of_the_finite_scores() {
    // Mean (1 + 2 + 6)/3 = 3, deviations −2, −1, 3: Σ² = 14, √(14/2) = 2.6457513.
    let spread = Rolls {
        scores: vec![1.0, f64::NAN, 2.0, 6.0],
        winner: 0,
    }
    .spread()
    .unwrap();
    assert_eq!(
        (spread.mean, spread.minimum, spread.maximum, spread.diverged),
        (3.0, 1.0, 6.0, 1)
    );
    assert!((spread.standard_deviation - 2.645_751_311).abs() < 1e-9);
    let single = Rolls {
        scores: vec![2.0],
        winner: 0,
    }
    .spread()
    .unwrap();
    assert_eq!(single.standard_deviation, 0.0);
    assert!(
        Rolls {
            scores: vec![f64::NAN],
            winner: 0
        }
        .spread()
        .is_none()
    );
}

#[test]
fn a_diverged_roll_never_wins() {
    // A step size of 1e30 throws every roll out of the range of single precision.
    let mode = Mode::FewSteps {
        optimizer: OptimizerKind::sgd(0.0),
        rate: 1e30,
        steps: 4,
        score: StepScore::After,
    };
    let mut strategy = DiceRoll::new(settings(3, mode));
    let network = models::mlp::<f32>(6, &[8, 7], 3, &Seed::new(4)).unwrap();
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(5)).unwrap();
    driver.run(&mut strategy).unwrap();
    assert!(driver.settled.is_empty());
    assert!(driver.refusals[0].contains("finite"), "{:?}", driver.refusals);
}

#[test]
fn settings_outside_their_range_are_named() {
    let few = |rate, steps| Mode::FewSteps {
        optimizer: OptimizerKind::adam(),
        rate,
        steps,
        score: StepScore::After,
    };
    let cases = [
        (settings(0, Mode::ForwardOnly), "rolls"),
        (settings(2, few(0.0, 1)), "mode.rate"),
        (settings(2, few(f64::NAN, 1)), "mode.rate"),
        (settings(2, few(0.1, 0)), "mode.steps"),
    ];
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(4)).unwrap();
    for (settings, expected) in cases {
        let error = DiceRoll::new(settings).prepare(&network).unwrap_err();
        assert!(
            matches!(error, Error::Setting { field, .. } if field == expected),
            "{error}"
        );
    }
}
