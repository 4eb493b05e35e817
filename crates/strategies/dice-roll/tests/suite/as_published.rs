//! The published rule, computed apart, decides as ours does: `vectors/equations.json` says from what.

use espalier_dice_roll::{DiceRoll, DiceRollSettings};
use espalier_net::{Ablation, Network, NodeId, OptimizerKind, models};
use espalier_seed::Seed;
use espalier_strategy::{Clock, Error, Observations, Occasion, Oracle, Probe, Result, Sample, Spent, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    losses: Vec<f64>,
    best: usize,
    #[serde(rename = "kept by the study's code")]
    last: usize,
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

/// Gives the recorded losses in turn, and keeps the networks that it was asked about.
struct Recorded<'a> {
    losses: &'a [f64],
    asked: Vec<Network<f32>>,
}

impl Oracle for Recorded<'_> {
    fn loss(&mut self, network: &Network<f32>, _on: Sample) -> Result<f64> {
        self.asked.push(network.clone());
        Ok(self.losses[self.asked.len() - 1])
    }

    fn ablated_loss(&mut self, _network: &Network<f32>, _ablation: Ablation, _on: Sample) -> Result<f64> {
        Err(Error::observation(
            "ablated loss",
            "recorded losses alone",
            "a question",
        ))
    }

    fn probe(&mut self, _network: &Network<f32>, _nodes: &[NodeId]) -> Result<Probe> {
        Err(Error::observation("probe", "recorded losses alone", "a question"))
    }

    fn activations(
        &mut self,
        _network: &Network<f32>,
        _nodes: &[NodeId],
        _on: Sample,
        _see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        Err(Error::observation("activations", "recorded losses alone", "a question"))
    }

    fn train(
        &mut self,
        _network: &mut Network<f32>,
        _optimizer: &OptimizerKind,
        _rate: f64,
        _steps: u64,
    ) -> Result<f64> {
        Err(Error::observation("training", "recorded losses alone", "a question"))
    }

    fn spent(&self) -> Spent {
        Spent::default()
    }
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/equations.json")).unwrap();
    for case in &vectors.cases {
        let network = models::mlp::<f32>(4, &[5], 3, &Seed::new(1)).unwrap();
        let mut strategy = DiceRoll::new(DiceRollSettings {
            rolls: case.losses.len() as u64,
            ..DiceRollSettings::default()
        });
        let mut oracle = Recorded {
            losses: &case.losses,
            asked: Vec::new(),
        };
        let view = View {
            network: &network,
            clock: Clock::default(),
            occasion: Occasion::Start,
            observed: &Observations::default(),
            seed: &Seed::new(3),
        };
        let proposal = strategy.propose(&view, &mut oracle).unwrap().unwrap();
        assert_eq!(oracle.asked.len(), case.losses.len());
        let kept = |network: &Network<f32>| {
            let same = |(name, values): &(String, Vec<f32>)| {
                network.parameter(network.find_parameter(name).unwrap()).values() == values.as_slice()
            };
            !proposal.values.is_empty() && proposal.values.iter().all(same)
        };
        assert!(kept(&oracle.asked[case.best]), "the best of {}", case.losses.len());
        // What the study's code trained on was the last roll.
        assert_eq!(kept(&oracle.asked[case.last]), case.best == case.last);
    }
}
