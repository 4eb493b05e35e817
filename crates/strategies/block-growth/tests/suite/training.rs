//! What the method reaches when it trains: frozen blocks, and a validation loss that falls from block to block.

use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, Stage, block_net, find_blocks, first_blocks};
use espalier_net::{AdamSettings, DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Target};
use espalier_seed::{Seed, Stream};
use espalier_strategy::conformance::{Driver, DriverOptions};
use espalier_strategy::{
    Batch, Clock, Gradients, Observations, Occasion, Oracle, Sample, SampleOracle, Spent, Strategy, View,
};

/// The bits of all that a block holds.
fn bits(network: &Network<f32>, place: usize) -> Vec<u32> {
    let block = &find_blocks(network).unwrap()[place];
    let values = block
        .parameters
        .iter()
        .flat_map(|id| network.parameter(*id).values().to_vec());
    values.map(f32::to_bits).collect()
}

/// Each kept block beats the one before, and its loss is found again in the trained network without the later blocks.
fn kept_losses_hold(strategy: &BlockGrowth, network: &Network<f32>, mut loss: impl FnMut(&Network<f32>) -> f64) {
    let kept = strategy.kept();
    let mut best = loss(&first_blocks(network, 0).unwrap());
    for (count, kept) in kept.iter().enumerate() {
        assert!(kept.validation_loss < best, "{kept:?} against {best}");
        best = kept.validation_loss;
        let found = loss(&first_blocks(network, count + 1).unwrap());
        assert!(
            (found - best).abs() < 1e-5 * best.abs().max(1.0),
            "{found} for {kept:?}"
        );
    }
    assert!((loss(network) - best).abs() < 1e-5 * best.abs().max(1.0));
}

#[test]
fn classification_grows_block_by_block_and_frozen_blocks_keep_every_bit() {
    let network = block_net(6, 3, 3, &Seed::new(1)).unwrap();
    let mut strategy = BlockGrowth::new(BlockGrowthSettings {
        block_units: 6,
        lambda_start: 0.1,
        lambda_floor: 1e-5,
        patience_epochs: 2,
        ..BlockGrowthSettings::default()
    });
    let options = DriverOptions {
        epochs: 150,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network, &mut strategy, options, &Seed::new(2)).unwrap();
    driver.run(&mut strategy).unwrap();
    assert!(!strategy.kept().is_empty(), "{:?}", strategy.end());
    let told = driver
        .settled
        .iter()
        .filter_map(|s| Stage::read(&s.proposal.plan.reason)?.kept);
    assert_eq!(told.collect::<Vec<_>>(), strategy.kept());
    let keeps = driver
        .settled
        .iter()
        .filter(|s| s.proposal.plan.reason.contains("keeps"));
    let mut compared = 0;
    for (place, settled) in keeps.enumerate() {
        let later = driver
            .settled
            .iter()
            .filter(|s| s.step >= settled.step)
            .map(|s| &s.after);
        for network in later.chain([&driver.network]) {
            assert_eq!(bits(&settled.after, place), bits(network, place));
            compared += 1;
        }
    }
    assert!(compared > strategy.kept().len());
    let network = driver.network.clone();
    kept_losses_hold(&strategy, &network, |n| {
        driver.oracle().loss(n, Sample::Validation).unwrap()
    });
}

/// y = 10 sin(πx₁x₂) + 20(x₃ − ½)² + 10x₄ + 5x₅ + N(0, 1) of ten uniform inputs.
fn add10(count: usize, stream: &mut Stream) -> (Vec<f32>, Vec<f32>) {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let x: Vec<f64> = (0..10).map(|_| stream.uniform()).collect();
        let wave = 10.0 * (std::f64::consts::PI * x[0] * x[1]).sin();
        let y = wave + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4] + stream.normal();
        inputs.extend(x.into_iter().map(|v| v as f32));
        targets.push(y as f32);
    }
    (inputs, targets)
}

fn batch<'a>((inputs, targets): &'a (Vec<f32>, Vec<f32>), from: usize, to: usize) -> Batch<'a> {
    Batch {
        inputs: &inputs[10 * from..10 * to],
        target: Target::Values(&targets[from..to]),
        samples: to - from,
    }
}

/// A training loop for regression, with Adam and a weight decay that would move frozen weights.
struct Regression {
    network: Network<f32>,
    strategy: BlockGrowth,
    optimizer: Optimizer<f32>,
    session: Session<f32>,
    asked: Session<f32>,
    train: (Vec<f32>, Vec<f32>),
    validation: (Vec<f32>, Vec<f32>),
    observed: Observations,
    clock: Clock,
    /// What each block held when it was kept.
    frozen: Vec<Vec<u32>>,
}

const ROWS: usize = 500;
const STEP_ROWS: usize = 50;

impl Regression {
    fn new(mut strategy: BlockGrowth, epochs: u64) -> Self {
        let network = block_net(10, 3, 1, &Seed::new(1)).unwrap();
        strategy.prepare(&network).unwrap();
        let mut stream = Seed::new(2).stream();
        let kind = OptimizerKind::Adam(AdamSettings {
            weight_decay: 1e-3,
            ..AdamSettings::default()
        });
        let session = |name: &str| Session::new(&network, ROWS, &DeviceChoice::Cpu, &Seed::new(3).named(name)).unwrap();
        Self {
            optimizer: Optimizer::new(kind, &network).unwrap(),
            session: session("train"),
            asked: session("oracle"),
            train: add10(ROWS, &mut stream),
            validation: add10(ROWS, &mut stream),
            observed: Observations::default(),
            clock: Clock {
                epochs,
                ..Clock::default()
            },
            frozen: Vec::new(),
            network,
            strategy,
        }
    }

    fn loss(&mut self, network: &Network<f32>) -> f64 {
        let mut oracle = SampleOracle {
            session: &mut self.asked,
            growth: batch(&self.train, 0, ROWS),
            validation: batch(&self.validation, 0, ROWS),
            loss: LossKind::MeanSquaredError,
            batch: STEP_ROWS,
            max_macs: None,
            spent: Spent::default(),
        };
        oracle.loss(network, Sample::Validation).unwrap()
    }

    fn step(&mut self, from: usize) {
        let rows = batch(&self.train, from, from + STEP_ROWS);
        self.session
            .loss_and_gradients(
                &mut self.network,
                &[rows.inputs],
                rows.target,
                LossKind::MeanSquaredError,
            )
            .unwrap();
        let view = View {
            network: &self.network,
            clock: self.clock,
            occasion: Occasion::Step,
            observed: &self.observed,
            seed: &Seed::new(4),
        };
        let mut gradients = Gradients::of(&mut self.session);
        self.strategy.penalty(&view, &mut gradients).unwrap();
        self.strategy.gradients(&view, &mut gradients).unwrap();
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), 0.02)
            .unwrap();
    }

    fn decide(&mut self, occasion: Occasion) {
        let view = View {
            network: &self.network,
            clock: self.clock,
            occasion,
            observed: &self.observed,
            seed: &Seed::new(5).index(self.clock.epoch),
        };
        let mut oracle = SampleOracle {
            session: &mut self.asked,
            growth: batch(&self.train, 0, ROWS),
            validation: batch(&self.validation, 0, ROWS),
            loss: LossKind::MeanSquaredError,
            batch: STEP_ROWS,
            max_macs: None,
            spent: Spent::default(),
        };
        let Some(proposal) = self.strategy.propose(&view, &mut oracle).unwrap() else {
            return;
        };
        let outcome = proposal
            .carry_out(&mut self.network, &mut self.optimizer, &[&self.validation.0], ROWS)
            .unwrap();
        assert!(outcome.applied().is_some(), "{outcome:?}");
        self.strategy.settled(&outcome, &self.network).unwrap();
        if self.strategy.kept().len() > self.frozen.len() {
            self.frozen.push(bits(&self.network, self.frozen.len()));
        }
    }

    fn run(&mut self) {
        self.decide(Occasion::Start);
        for _ in 0..self.clock.epochs {
            (0..ROWS).step_by(STEP_ROWS).for_each(|from| self.step(from));
            self.clock.epoch += 1;
            let network = self.network.clone();
            let loss = self.loss(&network);
            self.observed.set_validation_loss(Some(loss));
            self.decide(Occasion::Epoch);
        }
    }
}

#[test]
fn regression_blocks_fit_what_the_frozen_sum_leaves_over() {
    let strategy = BlockGrowth::new(BlockGrowthSettings {
        block_units: 12,
        lambda_start: 1.0,
        lambda_floor: 1e-4,
        ..BlockGrowthSettings::default()
    });
    let mut run = Regression::new(strategy, 400);
    run.run();
    let kept = run.strategy.kept().to_vec();
    assert!(kept.len() > 1, "{kept:?}, {:?}", run.strategy.end());
    for (place, frozen) in run.frozen.iter().enumerate() {
        assert_eq!(*frozen, bits(&run.network, place), "block {}", place + 1);
    }
    let (network, strategy) = (run.network.clone(), run.strategy.clone());
    kept_losses_hold(&strategy, &network, |n| run.loss(n));
    // A constant's loss is the variance of y, about 24; that of the noise alone is 1.
    let targets = &run.validation.1;
    let mean = targets.iter().sum::<f32>() / ROWS as f32;
    let variance = targets.iter().map(|y| f64::from(y - mean).powi(2)).sum::<f64>() / ROWS as f64;
    let last = kept.last().unwrap().validation_loss;
    assert!(last > 0.9 && last < variance / 3.0, "{variance} against {kept:?}");
}
