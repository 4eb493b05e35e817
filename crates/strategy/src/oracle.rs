//! Answers about networks that were not applied: the loss of a candidate, its gradients, an ablated unit.

use std::time::Instant;

use espalier_metrics::UnitMoments;
use espalier_net::{Ablation, Head, LossKind, Network, NodeId, Optimizer, OptimizerKind, ParameterId, Session, Target};
use serde::{Deserialize, Serialize};

use crate::cut::BatchCut;
use crate::error::{Error, Result};
use crate::sites::parameter_ids;

/// On which samples a question is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// The growth batch: 512 training samples, all where there are fewer, drawn once for the decision. A correlation
    /// over them has a standard error of about 0.04.
    #[default]
    Growth,
    /// The whole validation split.
    Validation,
}

/// What answers have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Multiply–accumulates, a backward pass counted as two forward passes.
    pub macs: u64,
    /// Seconds by the wall; different in every run.
    pub seconds: f64,
}

/// Loss, gradients and observed nodes of a network on the growth batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The mean loss.
    pub loss: f64,
    /// The samples of the batch.
    pub samples: usize,
    gradients: Vec<Vec<f32>>,
    nodes: Vec<(NodeId, Vec<f32>, Vec<f32>)>,
}

impl Probe {
    /// Puts one value in every place, for the conformance kit.
    pub(crate) fn overwrite(&mut self, value: f64) {
        let nodes = self.nodes.iter_mut().flat_map(|n| [&mut n.1, &mut n.2]);
        nodes
            .chain(&mut self.gradients)
            .for_each(|values| values.fill(value as f32));
        self.loss = value;
    }

    /// The gradient of a parameter; empty for one that no gradient trains.
    #[must_use]
    pub fn gradient(&self, parameter: ParameterId) -> &[f32] {
        self.gradients.get(parameter.index()).map_or(&[], Vec::as_slice)
    }

    /// The values of a node that was asked for, (samples · positions, channels).
    #[must_use]
    pub fn activation(&self, node: NodeId) -> Option<&[f32]> {
        self.nodes.iter().find(|n| n.0 == node).map(|n| n.1.as_slice())
    }

    /// The loss gradients of the values of a node that was asked for.
    #[must_use]
    pub fn activation_gradient(&self, node: NodeId) -> Option<&[f32]> {
        self.nodes
            .iter()
            .find(|n| n.0 == node && !n.2.is_empty())
            .map(|n| n.2.as_slice())
    }
}

/// Answers a strategy's questions and charges them; the strategy never sees the data set itself.
///
/// Every answer comes from the same growth batch during one decision, so that candidates compete on equal samples.
pub trait Oracle {
    /// The mean loss of a network in evaluation mode.
    ///
    /// # Errors
    /// Fails where the network does not fit the data, or when the budget is spent.
    fn loss(&mut self, network: &Network<f32>, on: Sample) -> Result<f64>;

    /// The mean loss with one unit silenced.
    ///
    /// # Errors
    /// As [`Oracle::loss`]; refuses a unit that does not exist.
    fn ablated_loss(&mut self, network: &Network<f32>, ablation: Ablation, on: Sample) -> Result<f64>;

    /// Loss and gradients on the growth batch in training mode, with the values and gradients of `nodes`.
    ///
    /// # Errors
    /// As [`Oracle::loss`].
    fn probe(&mut self, network: &Network<f32>, nodes: &[NodeId]) -> Result<Probe>;

    /// Shows the values of `nodes` in evaluation mode, block by block.
    ///
    /// # Shapes
    /// The callback gets the position in `nodes` and a row-major (samples · positions, channels) block.
    ///
    /// # Errors
    /// As [`Oracle::loss`].
    fn activations(
        &mut self,
        network: &Network<f32>,
        nodes: &[NodeId],
        on: Sample,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()>;

    /// Trains a candidate on mini-batches of the growth batch, in order, over and over, and returns the mean loss of the
    /// steps, each measured just before it.
    ///
    /// # Errors
    /// As [`Oracle::loss`]; names an optimizer setting outside its range.
    fn train(&mut self, network: &mut Network<f32>, optimizer: &OptimizerKind, rate: f64, steps: u64) -> Result<f64>;

    /// What the answers of this decision have cost so far.
    fn spent(&self) -> Spent;

    /// Mean, spread and firing counts of the channels of a node.
    ///
    /// # Errors
    /// As [`Oracle::loss`].
    fn moments(&mut self, network: &Network<f32>, node: NodeId, on: Sample) -> Result<UnitMoments> {
        let units = network.width(node);
        let mut moments = UnitMoments::new(units)?;
        let mut failed = None;
        self.activations(network, &[node], on, &mut |_, values| {
            if let Err(error) = moments.observe(values, units) {
                failed.get_or_insert(error);
            }
        })?;
        failed.map_or(Ok(moments), |error| Err(error.into()))
    }
}

/// Samples with their targets.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Features, (samples, height · width · channels).
    pub inputs: &'a [f32],
    /// Targets.
    pub target: Target<'a, f32>,
    /// The number of samples.
    pub samples: usize,
}

impl<'a> Batch<'a> {
    /// The samples `from..to`.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        let width = self.inputs.len() / self.samples.max(1);
        let target = match self.target {
            Target::Classes { labels, weights } => Target::Classes {
                labels: &labels[from..to],
                weights,
            },
            Target::Values(values) => {
                let width = values.len() / self.samples.max(1);
                Target::Values(&values[from * width..to * width])
            }
        };
        Self {
            inputs: &self.inputs[from * width..to * width],
            target,
            samples: to - from,
        }
    }

    fn parts(self, rows: usize) -> impl Iterator<Item = Self> + use<'a> {
        self.cut(BatchCut::new(rows, false))
    }

    fn cut(self, cut: BatchCut) -> impl Iterator<Item = Self> + use<'a> {
        let mut from = 0;
        cut.all(self.samples).map(move |samples| {
            from += samples;
            self.part(from - samples, from)
        })
    }
}

/// Samples per pass where only values are needed.
const ROWS: usize = 500;

/// An [`Oracle`] over samples in memory, with a session of its own so that training draws nothing differently.
#[derive(Debug)]
pub struct SampleOracle<'a> {
    /// The session that answers.
    pub session: &'a mut Session<f32>,
    /// The growth batch.
    pub growth: Batch<'a>,
    /// The validation split.
    pub validation: Batch<'a>,
    /// The loss on the first output.
    pub loss: LossKind,
    /// Samples per step of [`Oracle::train`].
    pub batch: usize,
    /// The largest number of multiply–accumulates that one decision may cost.
    pub max_macs: Option<u64>,
    /// What was spent so far.
    pub spent: Spent,
}

impl<'a> SampleOracle<'a> {
    fn batch(&self, on: Sample) -> Result<Batch<'a>> {
        let batch = match on {
            Sample::Growth => self.growth,
            Sample::Validation => self.validation,
        };
        if batch.samples == 0 {
            return Err(Error::observation(format!("{on:?} samples"), "at least one", "none"));
        }
        Ok(batch)
    }

    /// Charges passes before they run.
    fn charge(&mut self, network: &Network<f32>, samples: usize, forwards: u64) -> Result<()> {
        let macs = network.cost().macs * samples as u64 * forwards;
        if let Some(budget) = self.max_macs.filter(|b| self.spent.macs + macs > *b) {
            return Err(Error::Budget {
                strategy: "oracle".to_owned(),
                quantity: "MACs per decision",
                budget: budget.to_string(),
                found: (self.spent.macs + macs).to_string(),
            });
        }
        self.spent.macs += macs;
        Ok(())
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let result = work(self);
        self.spent.seconds += start.elapsed().as_secs_f64();
        result
    }

    fn mean(
        &mut self,
        batch: Batch<'a>,
        mut one: impl FnMut(&mut Session<f32>, Batch<'a>) -> Result<f64>,
    ) -> Result<f64> {
        let mut total = 0.0;
        for part in batch.parts(ROWS) {
            total += one(self.session, part)? * part.samples as f64;
        }
        Ok(total / batch.samples as f64)
    }
}

/// The mean loss of outputs, in double precision.
fn loss_of(outputs: &[f32], classes: usize, target: Target<'_, f32>, kind: LossKind) -> f64 {
    match target {
        Target::Classes { labels, weights } => {
            let weight = |label: u32| weights.map_or(1.0, |w| f64::from(w[label as usize]));
            let rows = outputs.chunks_exact(classes.max(1)).zip(labels);
            let loss: f64 = rows
                .map(|(row, &label)| weight(label) * cross_entropy(row, label as usize))
                .sum();
            loss / labels.iter().map(|l| weight(*l)).sum::<f64>()
        }
        Target::Values(values) => {
            let squares: f64 = outputs
                .iter()
                .zip(values)
                .map(|(y, t)| (f64::from(*y) - f64::from(*t)).powi(2))
                .sum();
            if kind == LossKind::SumSquaredError {
                squares
            } else {
                squares / values.len() as f64
            }
        }
    }
}

fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |m, x| m.max(f64::from(*x)));
    let sum: f64 = logits.iter().map(|x| (f64::from(*x) - largest).exp()).sum();
    largest + sum.ln() - f64::from(logits[label])
}

impl Oracle for SampleOracle<'_> {
    fn loss(&mut self, network: &Network<f32>, on: Sample) -> Result<f64> {
        self.timed(|o| {
            let (batch, kind) = (o.batch(on)?, o.loss);
            o.charge(network, batch.samples, 1)?;
            o.mean(batch, |session, part| {
                Ok(session.score(network, &[part.inputs], part.target, kind)?.loss)
            })
        })
    }

    fn ablated_loss(&mut self, network: &Network<f32>, ablation: Ablation, on: Sample) -> Result<f64> {
        self.timed(|o| {
            let (batch, kind) = (o.batch(on)?, o.loss);
            o.charge(network, batch.samples, 1)?;
            let classes = network.outputs().first().map_or(1, |id| network.width(*id));
            o.mean(batch, |session, part| {
                let outputs = session.evaluate_ablated(network, &[part.inputs], ablation)?;
                Ok(loss_of(outputs.first(), classes, part.target, kind))
            })
        })
    }

    fn probe(&mut self, network: &Network<f32>, nodes: &[NodeId]) -> Result<Probe> {
        self.timed(|o| {
            let batch = o.batch(Sample::Growth)?;
            o.charge(network, batch.samples, 3)?;
            o.session.observe(nodes);
            o.session.observe_gradients(nodes);
            let head = Head {
                output: 0,
                target: batch.target,
                loss: o.loss,
                weight: 1.0,
            };
            let outcome = o.session.probe(network, &[batch.inputs], &[head]);
            let session = &*o.session;
            let ids = parameter_ids(network).into_iter();
            let values = |v: Option<&[f32]>| v.unwrap_or_default().to_vec();
            let probe = outcome.map(|outcome| Probe {
                loss: outcome.loss,
                samples: batch.samples,
                gradients: ids.map(|id| session.gradient(id).to_vec()).collect(),
                nodes: nodes
                    .iter()
                    .map(|n| {
                        (
                            *n,
                            values(session.activation(*n)),
                            values(session.activation_gradient(*n)),
                        )
                    })
                    .collect(),
            });
            o.session.observe(&[]);
            o.session.observe_gradients(&[]);
            Ok(probe?)
        })
    }

    fn activations(
        &mut self,
        network: &Network<f32>,
        nodes: &[NodeId],
        on: Sample,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        self.timed(|o| {
            let batch = o.batch(on)?;
            o.charge(network, batch.samples, 1)?;
            o.session.observe(nodes);
            for part in batch.parts(ROWS) {
                o.session.evaluate(network, &[part.inputs])?;
                for (k, node) in nodes.iter().enumerate() {
                    see(k, o.session.activation(*node).unwrap_or_default());
                }
            }
            o.session.observe(&[]);
            Ok(())
        })
    }

    fn train(&mut self, network: &mut Network<f32>, kind: &OptimizerKind, rate: f64, steps: u64) -> Result<f64> {
        self.timed(|o| {
            let (growth, loss) = (o.batch(Sample::Growth)?, o.loss);
            let mut optimizer = Optimizer::new(*kind, network)?;
            let cut = BatchCut::for_network(network, o.batch.min(growth.samples));
            let parts: Vec<Batch<'_>> = growth.cut(cut).collect();
            let mut total = 0.0;
            for step in 0..steps {
                let part = parts[(step % parts.len() as u64) as usize];
                o.charge(network, part.samples, 3)?;
                total += o
                    .session
                    .loss_and_gradients(network, &[part.inputs], part.target, loss)?
                    .loss;
                let session = &*o.session;
                optimizer.step(network, |id| session.gradient(id), rate)?;
            }
            Ok(total / steps.max(1) as f64)
        })
    }

    fn spent(&self) -> Spent {
        self.spent
    }
}
