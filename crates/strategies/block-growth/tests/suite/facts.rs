//! The facts that the method rests on, with expected values worked out by hand.

use espalier_block_growth::{
    BlockGrowth, BlockGrowthSettings, End, Phase, block_net, find_blocks, first_blocks, living_units,
};
use espalier_net::{
    DeviceChoice, LossKind, Network, NetworkBuilder, Optimizer, OptimizerKind, Session, Target, execute, models,
};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions, Reference};
use espalier_strategy::{Budgeted, Clock, Error, Gradients, Limits, Observations, Occasion, Proposal, Strategy, View};

const EPOCHS: u64 = 100;

fn settings() -> BlockGrowthSettings {
    BlockGrowthSettings {
        block_units: 4,
        lambda_floor: 5e-3,
        patience_epochs: 1,
        ..BlockGrowthSettings::default()
    }
}

fn set(network: &mut Network<f32>, name: &str, values: &[f32]) {
    let id = network.find_parameter(name).unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(values);
}

fn values(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

/// A strategy on a network that nobody trains: gates and validation losses follow a script.
struct Script {
    driver: Driver,
    strategy: BlockGrowth,
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    epoch: u64,
}

impl Script {
    fn new(blocks: usize, settings: BlockGrowthSettings) -> Self {
        let network = block_net(2, blocks, 3, &Seed::new(1)).unwrap();
        let mut strategy = BlockGrowth::new(settings);
        let driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(2)).unwrap();
        let optimizer = Optimizer::new(OptimizerKind::sgd(0.9), &network).unwrap();
        let mut script = Self {
            driver,
            strategy,
            network,
            optimizer,
            epoch: 0,
        };
        script.ask(Occasion::Start, None);
        script
    }

    fn ask(&mut self, occasion: Occasion, loss: Option<f64>) -> Option<Proposal> {
        let mut observed = Observations::default();
        observed.set_validation_loss(loss);
        let view = View {
            network: &self.network,
            clock: Clock {
                epoch: self.epoch,
                epochs: EPOCHS,
                ..Clock::default()
            },
            occasion,
            observed: &observed,
            seed: &Seed::new(3).index(self.epoch),
        };
        let proposal = self.strategy.propose(&view, &mut self.driver.oracle()).unwrap()?;
        let outcome = proposal
            .carry_out(&mut self.network, &mut self.optimizer, &[], 0)
            .unwrap();
        assert!(outcome.applied().is_some(), "{outcome:?}");
        self.strategy.settled(&outcome, &self.network).unwrap();
        Some(proposal)
    }

    /// One epoch of the block that trains: closes its last units until `living` are left, and says what the loss is.
    fn epoch(&mut self, living: usize, loss: f64) {
        let place = self.strategy.trial().unwrap().0;
        let gate = find_blocks(&self.network).unwrap()[place].gate.parameter;
        let gates = self.network.parameter_mut(gate).values_mut();
        assert!(living <= gates.len(), "{living} of {}", gates.len());
        gates[living..].fill(-0.5);
        self.epoch += 1;
        self.ask(Occasion::Epoch, Some(loss));
    }

    /// Width of the block, way of λ, and λ.
    fn trial(&self) -> (usize, Phase, f64) {
        let (place, phase, lambda) = self.strategy.trial().unwrap();
        let block = &find_blocks(&self.network).unwrap()[place];
        (block.gate.units(&self.network).len(), phase, lambda)
    }
}

#[test]
fn closed_blocks_emit_zero_and_cost_what_the_readme_says() {
    let network = block_net(7, 3, 4, &Seed::new(1)).unwrap();
    let outputs = execute::evaluate(&network, &[&[0.3; 14]], 2).unwrap().concat();
    assert_eq!(outputs, [0.0; 8]);
    // i + 2 + 2o parameters and i + o MACs per block.
    assert_eq!(network.parameter_count(), 3 * (7 + 2 + 2 * 4));
    assert_eq!(network.cost().macs, 3 * (7 + 4));
    assert!(living_units(&network).unwrap().iter().all(|(_, n)| *n == 0));
}

#[test]
fn the_output_is_the_sum_of_the_blocks() {
    let mut network = block_net(1, 2, 1, &Seed::new(1)).unwrap();
    for (block, [weight, bias, gate, out, shift]) in [
        ("block1", [3.0, 1.0, 0.5, 2.0, 1.0]),
        ("block2", [-1.0, 5.0, 2.0, 0.25, -2.0]),
    ] {
        set(&mut network, &format!("{block}.hidden.weight"), &[weight]);
        set(&mut network, &format!("{block}.hidden.bias"), &[bias]);
        set(&mut network, &format!("{block}.gate.gate"), &[gate]);
        set(&mut network, &format!("{block}.out.weight"), &[out]);
        set(&mut network, &format!("{block}.out.bias"), &[shift]);
    }
    let at_two = |network: &Network<f32>| execute::evaluate(network, &[&[2.0]], 1).unwrap().concat();
    // relu(3·2 + 1)·0.5·2 + 1 = 8; relu(−2 + 5)·2·0.25 − 2 = −0.5.
    assert_eq!(at_two(&network), [7.5]);
    assert_eq!(at_two(&first_blocks(&network, 1).unwrap()), [8.0]);
    assert_eq!(at_two(&first_blocks(&network, 0).unwrap()), [0.0]);
}

#[test]
fn lambda_goes_down_until_a_block_beats_the_best_and_up_while_the_loss_does_not_rise() {
    let mut script = Script::new(2, settings());
    // Three classes and logits of 0: the loss to beat is ln 3 = 1.0986.
    assert!((script.strategy.best_loss().unwrap() - 3.0_f64.ln()).abs() < 1e-6);
    assert_eq!(script.trial(), (4, Phase::Descent, 1.0));
    // A block that dies is drawn anew at λ/10, whatever its loss.
    script.epoch(0, 0.1);
    assert_eq!(script.trial(), (4, Phase::Descent, 0.1));
    // One that lives but does not beat the best, too; its trial ends after an epoch without gain.
    script.epoch(4, 1.2);
    assert_eq!(script.trial(), (4, Phase::Descent, 0.1));
    script.epoch(4, 1.3);
    assert_eq!(script.trial(), (4, Phase::Descent, 0.01));
    // Smaller is better even where the loss rises; dead units leave at once.
    script.epoch(4, 0.8);
    script.epoch(2, 1.0);
    assert_eq!(script.trial(), (2, Phase::Descent, 0.01));
    script.epoch(2, 1.05);
    assert_eq!(script.trial(), (2, Phase::Ascent, 0.1));
    script.epoch(1, 0.9);
    let smallest = values(&script.network, "block1.out.weight");
    script.epoch(1, 0.95);
    assert_eq!(script.trial(), (1, Phase::Ascent, 1.0));
    // At λ = 1 the loss rises: the version of λ = 0.1 is put back and the second block opened.
    set(&mut script.network, "block1.out.weight", &[7.0; 3]);
    script.epoch(1, 0.91);
    script.epoch(1, 0.92);
    assert_eq!(values(&script.network, "block1.out.weight"), smallest);
    let kept = script.strategy.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].units, kept[0].validation_loss), (1, 0.9));
    assert_eq!(kept[0].lambda, 0.1);
    assert_eq!(script.strategy.trial().unwrap().0, 1);
    assert_eq!(script.trial(), (4, Phase::Descent, 1.0));
}

#[test]
fn growth_ends_at_the_floor_of_lambda_with_the_last_block_closed() {
    let mut script = Script::new(2, settings());
    script.epoch(3, 0.9);
    script.epoch(3, 0.95);
    assert_eq!(script.trial(), (3, Phase::Ascent, 10.0));
    script.epoch(0, 0.9);
    let kept = first_blocks(&script.network, 1).unwrap();
    // 0.9 is to be beaten: λ = 1, 0.1, 0.01 fail, and 0.001 lies below the floor of 0.005.
    for lambda in [1.0, 0.1, 0.01] {
        assert_eq!(script.trial(), (4, Phase::Descent, lambda));
        script.epoch(4, 0.9);
        script.epoch(4, 0.9);
    }
    assert_eq!(script.strategy.end(), Some(&End::NoImprovement));
    assert_eq!(script.strategy.kept().len(), 1);
    let x: Vec<f32> = (0..20).map(|k| (k as f32).sin()).collect();
    let outputs = |n: &Network<f32>| execute::evaluate(n, &[&x], 10).unwrap().concat();
    assert_eq!(outputs(&script.network), outputs(&kept));
    let living: Vec<usize> = living_units(&script.network)
        .unwrap()
        .into_iter()
        .map(|b| b.1)
        .collect();
    assert_eq!(living, [3, 0]);
    assert_eq!(script.ask(Occasion::Epoch, Some(0.1)), None);
}

#[test]
fn training_that_ends_inside_a_trial_leaves_the_best_version() {
    // On the way down: the smallest version counts if it beats the best, else the block is closed.
    for (loss, living) in [(0.7, 2), (1.2, 0)] {
        let mut script = Script::new(2, settings());
        script.epoch(2, loss);
        script.epoch = EPOCHS - 1;
        script.epoch(2, loss + 0.1);
        assert_eq!(script.strategy.end(), Some(&End::TrainingOver));
        assert_eq!(living_units(&script.network).unwrap()[0].1, living);
        assert_eq!(script.strategy.kept().len(), usize::from(living > 0));
    }
    // On the way up: a version whose loss has risen gives way to the accepted one.
    let mut script = Script::new(2, settings());
    script.epoch(3, 0.9);
    script.epoch(3, 0.95);
    script.epoch = EPOCHS - 1;
    script.epoch(1, 0.96);
    assert_eq!(script.strategy.kept()[0].units, 3);
    assert_eq!(living_units(&script.network).unwrap()[0].1, 3);
}

#[test]
fn the_last_block_of_the_network_ends_growth_and_the_ceiling_ends_the_way_up() {
    let settings = BlockGrowthSettings {
        lambda_ceiling: 1.0,
        ..settings()
    };
    let mut script = Script::new(1, settings);
    script.epoch(3, 0.9);
    script.epoch(3, 0.95);
    assert_eq!(script.strategy.end(), Some(&End::AllKept));
    assert_eq!(script.strategy.kept()[0].lambda, 1.0);
}

#[test]
fn a_loss_that_is_not_finite_fails_its_trial() {
    let mut script = Script::new(1, settings());
    script.epoch(4, f64::NAN);
    assert_eq!(script.trial(), (4, Phase::Descent, 0.1));
    script.epoch(4, 0.5);
    script.epoch(4, f64::INFINITY);
    assert_eq!(script.trial(), (4, Phase::Descent, 0.01));
}

#[test]
fn a_missing_validation_loss_is_refused() {
    let mut script = Script::new(1, settings());
    let observed = Observations::default();
    let view = View {
        network: &script.network,
        clock: Clock {
            epoch: 1,
            epochs: EPOCHS,
            ..Clock::default()
        },
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &Seed::new(1),
    };
    let refused = script.strategy.propose(&view, &mut script.driver.oracle());
    assert!(matches!(refused, Err(Error::Observation { name, .. }) if name == "validation loss"));
}

#[test]
fn the_penalty_reaches_open_gates_of_the_newest_block_only() {
    let mut script = Script::new(2, settings());
    script.epoch(3, 0.9);
    script.epoch(3, 0.95);
    script.epoch(0, 0.9);
    set(&mut script.network, "block2.gate.gate", &[0.5, -1.0, 2.0, 0.25]);
    let mut session = Session::new(&script.network, 4, &DeviceChoice::Cpu, &Seed::new(4)).unwrap();
    let x: Vec<f32> = (0..8).map(|k| (k as f32).cos()).collect();
    let target = Target::Classes {
        labels: &[0, 1, 2, 0],
        weights: None,
    };
    session
        .loss_and_gradients(&mut script.network, &[&x], target, LossKind::CrossEntropy)
        .unwrap();
    let gate = script.network.find_parameter("block2.gate.gate").unwrap();
    let before = session.gradient(gate).to_vec();
    let observed = Observations::default();
    let view = View {
        network: &script.network,
        clock: Clock::default(),
        occasion: Occasion::Step,
        observed: &observed,
        seed: &Seed::new(1),
    };
    let mut gradients = Gradients::of(&mut session);
    // λ = 1 at the start of the second block: 1·(0.5 + 2 + 0.25).
    let penalty = script.strategy.penalty(&view, &mut gradients).unwrap();
    assert!((penalty - 2.75).abs() < 1e-12);
    let added: Vec<f32> = gradients.get(gate).iter().zip(&before).map(|(a, b)| a - b).collect();
    for (added, expected) in added.iter().zip([1.0, 0.0, 1.0, 1.0]) {
        assert!((added - expected).abs() < 1e-6, "{added} for {expected}");
    }
    let own = gradients.get(gate).to_vec();
    script.strategy.gradients(&view, &mut gradients).unwrap();
    for name in ["hidden.weight", "hidden.bias", "gate.gate", "out.weight", "out.bias"] {
        let frozen = script.network.find_parameter(&format!("block1.{name}")).unwrap();
        assert!(gradients.get(frozen).iter().all(|g| *g == 0.0), "{name}");
    }
    assert_eq!(gradients.get(gate), own);
}

#[test]
fn an_opened_block_is_drawn_in_the_ranges_of_the_initializer() {
    let script = Script::new(1, settings());
    // PyTorch's default: U(±1/√2) for two inputs, U(±1/√4) for four hidden units.
    let within = |name: &str, bound: f32| {
        let drawn = values(&script.network, name);
        assert!(drawn.iter().all(|v| v.abs() <= bound && *v != 0.0), "{name}: {drawn:?}");
    };
    within("block1.hidden.weight", 0.5_f32.sqrt());
    within("block1.hidden.bias", 0.5_f32.sqrt());
    within("block1.out.weight", 0.5);
    within("block1.out.bias", 0.5);
    assert_eq!(values(&script.network, "block1.gate.gate"), [1.0; 4]);
    assert_eq!(values(&script.network, "block1.hidden.weight").len(), 8);
}

#[test]
fn a_budget_without_room_for_a_block_ends_growth() {
    let network = block_net(6, 2, 3, &Seed::new(1)).unwrap();
    let limits = Limits {
        parameters: Some(network.parameter_count() + 3),
        ..Limits::default()
    };
    let mut strategy = Budgeted::new(BlockGrowth::new(settings()), limits);
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let refused = driver.settled.iter().filter(|s| s.outcome.applied().is_none()).count();
    assert_eq!(refused, 1);
    let living = living_units(&driver.network).unwrap();
    assert!(living.iter().all(|(_, n)| *n == 0), "{living:?}");
    let found: Vec<Vec<f32>> = driver
        .network
        .parameters()
        .iter()
        .map(|p| p.values().to_vec())
        .collect();
    assert!(found.iter().flatten().all(|v| *v == 0.0));
}

#[test]
fn other_networks_are_refused_with_the_reason() {
    let refusal = |network: &Network<f32>| {
        let refused = BlockGrowth::new(settings()).prepare(network);
        let Err(Error::Unsupported { reason, .. }) = refused else {
            panic!("{refused:?}");
        };
        reason
    };
    let mlp = models::mlp(4, &[3], 2, &Seed::new(1)).unwrap();
    assert_eq!(
        refusal(&mlp),
        "expected a sum of blocks as output, found `logits` (dense)"
    );
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let hidden = layers.dense("hidden", x, 3).unwrap();
    let left = layers.dense("left", hidden, 2).unwrap();
    let sum = layers.sum("sum", &[left]).unwrap();
    let ungated = layers.build(&[sum], &Seed::new(1)).unwrap();
    assert_eq!(
        refusal(&ungated),
        "`hidden`: expected the rectified gate of one group, found dense"
    );
}

#[test]
fn settings_outside_their_ranges_are_refused() {
    let network = block_net(2, 1, 3, &Seed::new(1)).unwrap();
    let cases: [(&str, BlockGrowthSettings); 7] = [
        (
            "block_units",
            BlockGrowthSettings {
                block_units: 0,
                ..settings()
            },
        ),
        (
            "lambda_start",
            BlockGrowthSettings {
                lambda_start: f64::NAN,
                ..settings()
            },
        ),
        (
            "lambda_factor",
            BlockGrowthSettings {
                lambda_factor: 1.0,
                ..settings()
            },
        ),
        (
            "lambda_floor",
            BlockGrowthSettings {
                lambda_floor: 1.0,
                ..settings()
            },
        ),
        (
            "lambda_ceiling",
            BlockGrowthSettings {
                lambda_ceiling: 0.5,
                ..settings()
            },
        ),
        (
            "patience_epochs",
            BlockGrowthSettings {
                patience_epochs: 0,
                ..settings()
            },
        ),
        (
            "trial_epochs",
            BlockGrowthSettings {
                trial_epochs: 0,
                ..settings()
            },
        ),
    ];
    for (name, case) in cases {
        let refused = BlockGrowth::new(case).prepare(&network);
        assert!(
            matches!(refused, Err(Error::Setting { field, .. }) if field == name),
            "{name}"
        );
    }
}

#[test]
fn keeps_the_contract() {
    let network = block_net(6, 3, 3, &Seed::new(5)).unwrap();
    for trial_epochs in [1, 2] {
        let make = || {
            let settings = BlockGrowthSettings {
                lambda_start: 0.1,
                trial_epochs,
                ..settings()
            };
            Box::new(BlockGrowth::new(settings)) as Box<dyn Strategy>
        };
        let reference = Reference {
            name: "blocks",
            network: network.clone(),
        };
        let report = conformance::run_on(vec![reference], make).unwrap();
        assert!(report.applied() > 2, "{report:?}");
    }
    let elsewhere = conformance::run(|| Box::new(BlockGrowth::new(settings()))).unwrap();
    assert_eq!(elsewhere.supported(), 0, "{elsewhere:?}");
}
