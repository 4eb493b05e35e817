//! The auxiliary gradient: how the gradient of a new unit's fan-in depends on its fan-out.

use std::collections::BTreeMap;

use espalier_net::{GroupId, Network, NodeId};
use espalier_strategy::{Error, Oracle, Probe, Result};
use faer::{Mat, MatRef};

use crate::layers::readings;
use crate::path::{Consumer, Link, Path, Producer};

/// All first-order terms of a group's new units that have no fan-in, on the growth batch.
///
/// # Method
/// A unit with fan-out v and no fan-in feels, at each value h of its producers, ∂L/∂h = Σ f′·vᵀδ over the readings of that
/// value, δ being the gradients of the consumers' pre-activations and f′ the slopes on the way. The gradient of its
/// fan-in weights is therefore Aᵀv with A = Σ f′·δ·xᵀ over samples, positions and readings, x being the
/// producer's inputs. For a dense layer behind another, A = Σ f′(0)·δ·xᵀ, as in the paper; a convolution adds positions
/// and kernel places, a group with several producers or consumers more columns or rows.
#[derive(Clone, Debug)]
pub struct AuxiliaryGradient {
    /// A, (fan-out weights, fan-in weights): rows in the order of the consumers' weights, columns of the producers'.
    pub weights: Mat<f64>,
    /// The same for each producer's bias: (fan-out weights, producers with a bias).
    pub biases: Mat<f64>,
    /// The gradient of a fan-out itself, for biases of 1 (at a kink) or 0.
    pub fan_out: Vec<f64>,
    pub(crate) path: Path,
    pub(crate) constants: BTreeMap<NodeId, Vec<f64>>,
    probe: Probe,
}

impl AuxiliaryGradient {
    /// Computes it for a group from one pass over the growth batch, forwards and back.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where a layer on the way has no derivative for a unit without fan-in;
    /// [`Error::Observation`] where a node's values or gradients are missing.
    pub fn of(network: &Network<f32>, group: GroupId, oracle: &mut dyn Oracle) -> Result<Self> {
        let path = Path::of(network, group)?;
        let constants = path.constants(network)?;
        let links = path.links(network, &constants)?;
        let mut nodes: Vec<NodeId> = path.producers.iter().map(|p| p.input).collect();
        nodes.extend(path.consumers.iter().map(|c| c.node));
        nodes.sort_unstable();
        nodes.dedup();
        let probe = oracle.probe(network, &nodes)?;
        let columns = path.producers.iter().map(|p| p.inputs).sum();
        let mut found = Self {
            weights: Mat::zeros(path.fan_out, columns),
            biases: Mat::zeros(path.fan_out, path.producers.iter().filter(|p| p.bias.is_some()).count()),
            fan_out: vec![0.0; path.fan_out],
            constants,
            path,
            probe,
        };
        found.accumulate(network, &links)?;
        found.pull_at_fan_out(network)?;
        Ok(found)
    }

    fn accumulate(&mut self, network: &Network<f32>, links: &BTreeMap<NodeId, Vec<Vec<Link>>>) -> Result<()> {
        let (mut first, mut bias) = (0, 0);
        for producer in &self.path.producers {
            let patches = Patches::of(network, producer, &self.probe)?;
            for (position, links) in links[&producer.node].iter().enumerate() {
                // The last column of a patch is the constant 1 that the bias reads.
                let patch = patches.at(position);
                for link in links {
                    let consumer = &self.path.consumers[link.consumer];
                    let felt = self.felt(network, consumer, link.position)?;
                    let product = felt.transpose() * &patch;
                    for j in 0..consumer.outputs {
                        for i in 0..producer.inputs {
                            self.weights[(link.slot + j, first + i)] += link.factor * product[(j, i)];
                        }
                        if producer.bias.is_some() {
                            self.biases[(link.slot + j, bias)] += link.factor * product[(j, producer.inputs)];
                        }
                    }
                }
            }
            first += producer.inputs;
            bias += usize::from(producer.bias.is_some());
        }
        Ok(())
    }

    /// Adds up what each reading of the constant emission contributes to the fan-out's own gradient.
    fn pull_at_fan_out(&mut self, network: &Network<f32>) -> Result<()> {
        for consumer in &self.path.consumers {
            let constants = &self.constants[&consumer.input];
            let positions = network.node(consumer.node).positions();
            let mut sums = Vec::with_capacity(positions);
            for position in 0..positions {
                let felt = self.felt(network, consumer, position)?;
                sums.push(felt.col_iter().map(|c| c.iter().sum::<f64>()).collect::<Vec<_>>());
            }
            for tap in &consumer.taps {
                for (j, sum) in sums[tap.position].iter().enumerate() {
                    self.fan_out[tap.slot + j] += constants[tap.value] * sum;
                }
            }
        }
        Ok(())
    }

    /// The gradients of a consumer's pre-activations at one position, (samples, outputs).
    fn felt(&self, network: &Network<f32>, consumer: &Consumer, position: usize) -> Result<Mat<f64>> {
        let node = network.node(consumer.node);
        let positions = node.positions();
        let values = self.probe.activation_gradient(consumer.node).unwrap_or_default();
        let expected = self.probe.samples * positions * consumer.outputs;
        if values.len() != expected {
            return Err(missing(node.name(), "gradients", expected, values.len()));
        }
        Ok(Mat::from_fn(self.probe.samples, consumer.outputs, |n, j| {
            f64::from(values[(n * positions + position) * consumer.outputs + j])
        }))
    }

    /// How far a gradient step of rate 1 moves the pre-activations of units with these fan-outs, at most, on the growth batch.
    pub(crate) fn largest_move(&self, network: &Network<f32>, fan_outs: MatRef<'_, f64>) -> Result<f64> {
        let gradients = self.weights.transpose() * fan_outs;
        let bias_gradients = self.biases.transpose() * fan_outs;
        let (mut first, mut bias, mut largest) = (0, 0, 0.0_f64);
        for producer in &self.path.producers {
            let patches = Patches::of(network, producer, &self.probe)?;
            let rows = producer.inputs;
            let step = Mat::from_fn(rows + 1, fan_outs.ncols(), |i, k| match i {
                i if i < rows => gradients[(first + i, k)],
                _ if producer.bias.is_some() => bias_gradients[(bias, k)],
                _ => 0.0,
            });
            for position in 0..network.node(producer.node).positions() {
                let moved = patches.at(position) * &step;
                largest = moved.norm_max().max(largest);
            }
            first += rows;
            bias += usize::from(producer.bias.is_some());
        }
        Ok(largest)
    }

    /// The sum of the squared gradients of all weights of one unit with this fan-out and these biases.
    pub(crate) fn squared_norm(&self, fan_outs: MatRef<'_, f64>, bias: f64) -> f64 {
        let squares = |m: Mat<f64>| m.col_iter().map(|c| c.squared_norm_l2()).sum::<f64>();
        let factor = if self.path.kinked { bias } else { 1.0 };
        let own: f64 = self.fan_out.iter().map(|g| (factor * g).powi(2)).sum();
        squares(self.weights.transpose() * fan_outs)
            + squares(self.biases.transpose() * fan_outs)
            + fan_outs.ncols() as f64 * own
    }
}

fn missing(node: &str, what: &str, expected: usize, found: usize) -> Error {
    Error::observation(
        node,
        format!("{expected} {what} on the growth batch"),
        found.to_string(),
    )
}

/// What a producer reads at each of its positions.
struct Patches<'a> {
    values: &'a [f32],
    samples: usize,
    channels: usize,
    from: usize,
    /// For each position: input position and kernel place.
    readings: Vec<Vec<(usize, usize)>>,
    inputs: usize,
}

impl<'a> Patches<'a> {
    fn of(network: &Network<f32>, producer: &Producer, probe: &'a Probe) -> Result<Self> {
        let (node, input) = (network.node(producer.node), network.node(producer.input));
        let channels = network.width(producer.input);
        let values = probe.activation(producer.input).unwrap_or_default();
        let expected = probe.samples * input.positions() * channels;
        if values.len() != expected {
            return Err(missing(input.name(), "values", expected, values.len()));
        }
        let mut places = vec![Vec::new(); node.positions()];
        for (from, to, kernel) in readings(producer.window, input.map(), node.map()) {
            places[to].push((from, kernel));
        }
        Ok(Self {
            values,
            samples: probe.samples,
            channels,
            from: input.positions(),
            readings: places,
            inputs: producer.inputs,
        })
    }

    /// The inputs at one position and a last column of ones, (samples, fan-in weights + 1).
    fn at(&self, position: usize) -> Mat<f64> {
        let mut patch = Mat::zeros(self.samples, self.inputs + 1);
        for n in 0..self.samples {
            for (from, kernel) in &self.readings[position] {
                let start = (n * self.from + from) * self.channels;
                for (c, x) in self.values[start..start + self.channels].iter().enumerate() {
                    patch[(n, kernel * self.channels + c)] = f64::from(*x);
                }
            }
            patch[(n, self.inputs)] = 1.0;
        }
        patch
    }
}
