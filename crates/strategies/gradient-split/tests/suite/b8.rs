//! What becomes of the optimizer at an edit: its state follows, or a new one is made; both are settings of the method.

use espalier_gradient_split::{GradientSplit, GradientSplitSettings};
use espalier_net::{DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Transplant, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::Samples;
use espalier_strategy::{Clock, Observations, Occasion, Oracle, SampleOracle, Spent, Strategy, View, newborns};

const RATE: f64 = 0.01;
const STEPS: usize = 120;

/// A network in the middle of its training with Adam, and what was observed in its last steps.
struct Training {
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    session: Session<f32>,
    samples: Samples,
    observed: Observations,
    clock: Clock,
}

fn splitter(transplant: Transplant) -> GradientSplit {
    GradientSplit::new(GradientSplitSettings {
        cutoff_add: 0.1,
        every_epochs: 1,
        transplant,
        ..GradientSplitSettings::default()
    })
}

impl Training {
    fn new(seed: &Seed) -> Self {
        let network = models::mlp::<f32>(6, &[8, 7], 3, seed).unwrap();
        let mut training = Self {
            optimizer: Optimizer::new(OptimizerKind::adam(), &network).unwrap(),
            session: Session::new(&network, 16, &DeviceChoice::Cpu, seed).unwrap(),
            samples: Samples::for_network(&network, 96, seed),
            observed: Observations::default(),
            clock: Clock {
                steps_per_epoch: 6,
                epochs: 20,
                ..Clock::default()
            },
            network,
        };
        for step in 0..STEPS {
            training.step(step);
        }
        training.clock.epoch = 1;
        training
    }

    fn step(&mut self, step: usize) {
        let start = 16 * (step % 6);
        let batch = self.samples.batch(start, start + 16);
        self.session
            .loss_and_gradients(&mut self.network, &[batch.inputs], batch.target, LossKind::CrossEntropy)
            .unwrap();
        let needs = splitter(Transplant::Exact).needs(&self.network, &self.clock);
        self.observed.collect(&needs, &self.network, &self.session).unwrap();
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), RATE)
            .unwrap();
        self.network.set_step(step as u64 + 1);
    }

    /// Splits the units that the method chooses and returns how many were born.
    fn split(&mut self, transplant: Transplant) -> usize {
        let all = self.samples.batch(0, self.samples.len());
        let mut strategy = splitter(transplant);
        strategy.prepare(&self.network).unwrap();
        let view = View {
            network: &self.network,
            clock: self.clock,
            occasion: Occasion::Epoch,
            observed: &self.observed,
            seed: &Seed::new(3),
        };
        let mut oracle = SampleOracle {
            session: &mut self.session,
            growth: all,
            validation: all,
            loss: LossKind::CrossEntropy,
            batch: 16,
            max_macs: None,
            spent: Spent::default(),
        };
        let proposal = strategy.propose(&view, &mut oracle).unwrap().unwrap();
        assert_eq!(proposal.transplant, transplant);
        let outcome = proposal
            .carry_out(&mut self.network, &mut self.optimizer, &[all.inputs], all.samples)
            .unwrap();
        self.observed = Observations::default();
        newborns(outcome.applied().unwrap(), &self.network).len()
    }

    fn loss(&mut self) -> f64 {
        let all = self.samples.batch(0, self.samples.len());
        let mut oracle = SampleOracle {
            session: &mut self.session,
            growth: all,
            validation: all,
            loss: LossKind::CrossEntropy,
            batch: 16,
            max_macs: None,
            spent: Spent::default(),
        };
        oracle.loss(&self.network, espalier_strategy::Sample::Growth).unwrap()
    }

    fn values(&self, name: &str) -> Vec<f64> {
        let id = self.network.find_parameter(name).unwrap();
        self.network
            .parameter(id)
            .values()
            .iter()
            .map(|v| f64::from(*v))
            .collect()
    }
}

/// How far the biases of the logits move in the first step behind the edit, or without one.
fn first_move(seed: &Seed, transplant: Option<Transplant>) -> Vec<f64> {
    let mut training = Training::new(seed);
    if let Some(transplant) = transplant {
        assert!(training.split(transplant) > 0);
    }
    let before = training.values("logits.bias");
    training.step(STEPS);
    let after = training.values("logits.bias");
    after.iter().zip(before).map(|(a, b)| a - b).collect()
}

#[test]
fn state_that_follows_steps_as_without_the_edit_and_a_new_optimizer_steps_at_full_length() {
    let seed = Seed::new(1);
    let unedited = first_move(&seed, None);
    // An exact split leaves function and gradients as they are, so state that follows gives the same step.
    let followed = first_move(&seed, Some(Transplant::Exact));
    assert!(
        unedited.iter().zip(&followed).all(|(x, y)| (x - y).abs() < 1e-5),
        "{unedited:?} {followed:?}"
    );
    // Adam's very first step is RATE·g/(|g| + ε): as long as the rate wherever the gradient is far above ε = 1e-8.
    let rebuilt = first_move(&seed, Some(Transplant::Rebuild));
    assert!(rebuilt.iter().all(|m| (m.abs() - RATE).abs() < 1e-5), "{rebuilt:?}");
    assert!(unedited.iter().all(|m| m.abs() < 0.9 * RATE), "{unedited:?}");
}

#[test]
fn a_rebuilt_optimizer_holds_nothing_of_the_past() {
    let mut training = Training::new(&Seed::new(1));
    training.split(Transplant::Rebuild);
    assert_eq!(
        training.optimizer,
        Optimizer::new(OptimizerKind::adam(), &training.network).unwrap()
    );
    let mut training = Training::new(&Seed::new(1));
    training.split(Transplant::Exact);
    assert_ne!(
        training.optimizer,
        Optimizer::new(OptimizerKind::adam(), &training.network).unwrap()
    );
}

/// The jump is the distance of the loss, one step behind the edit, from that of the same training without the edit.
#[test]
fn the_loss_jumps_further_behind_a_rebuilt_optimizer() {
    let jumps = |transplant: Transplant| -> f64 {
        let seeds = (0..8).map(|k| Seed::new(10 + k));
        let jump = |seed: Seed| {
            let mut unedited = Training::new(&seed);
            let mut edited = Training::new(&seed);
            let before = edited.loss();
            edited.split(transplant);
            // The edit itself moves nothing; what follows does.
            assert!((edited.loss() / before - 1.0).abs() < 1e-4);
            unedited.step(STEPS);
            edited.step(STEPS);
            (edited.loss() - unedited.loss()).abs()
        };
        seeds.map(jump).sum::<f64>() / 8.0
    };
    let (followed, rebuilt) = (jumps(Transplant::Exact), jumps(Transplant::Rebuild));
    assert!(rebuilt > 2.0 * followed, "followed {followed:e}, rebuilt {rebuilt:e}");
}
