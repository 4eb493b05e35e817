//! Asks a strategy on given samples, and carries out what it proposes.

use espalier_net::{DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Target};
use espalier_neuroplastic_expansion::NeuroplasticExpansion;
use espalier_seed::Seed;
use espalier_strategy::{Batch, Clock, Observations, Occasion, Oracle, Proposal, SampleOracle, Spent, Strategy, View};

/// Samples with their classes.
pub struct Samples<'a> {
    pub inputs: &'a [f32],
    pub labels: &'a [u32],
}

impl Samples<'_> {
    /// Hands an oracle on these samples over.
    pub fn asked<R>(&self, network: &Network<f32>, ask: impl FnOnce(&mut dyn Oracle) -> R) -> R {
        let samples = self.labels.len();
        let mut session = Session::new(network, samples, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
        let batch = Batch {
            inputs: self.inputs,
            target: Target::Classes {
                labels: self.labels,
                weights: None,
            },
            samples,
        };
        ask(&mut SampleOracle {
            session: &mut session,
            growth: batch,
            validation: batch,
            loss: LossKind::CrossEntropy,
            batch: samples,
            max_macs: None,
            spent: Spent::default(),
        })
    }

    /// What the strategy proposes at an occasion of an epoch.
    pub fn proposed(
        &self,
        strategy: &mut NeuroplasticExpansion,
        network: &Network<f32>,
        occasion: Occasion,
        epoch: u64,
    ) -> Option<Proposal> {
        let view = View {
            network,
            clock: Clock {
                epoch,
                epochs: 4,
                learning_rate: 0.01,
                ..Clock::default()
            },
            occasion,
            observed: &Observations::default(),
            seed: &Seed::new(5).index(epoch),
        };
        self.asked(network, |oracle| strategy.propose(&view, oracle)).unwrap()
    }

    /// Carries a proposal out and gives the largest change of the outputs, relative to the largest output.
    pub fn carry_out(&self, proposal: &Proposal, network: &mut Network<f32>) -> f64 {
        let mut optimizer = Optimizer::new(OptimizerKind::adam(), network).unwrap();
        let outcome = proposal
            .carry_out(network, &mut optimizer, &[self.inputs], self.labels.len())
            .unwrap();
        outcome.applied().unwrap().deviation.unwrap()
    }
}
