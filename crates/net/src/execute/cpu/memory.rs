//! How many bytes of activations a batch keeps alive, counted before anything is allocated.

use super::operation::Operation;
use super::plan::{Plan, Step};
use crate::error::{Error, Result};
use crate::execute::requests::Requests;
use crate::graph::Network;
use crate::kernels::Element;

impl<E: Element> Network<E> {
    /// Counts the bytes of activations that a session keeps on the CPU to train on batches of `batch` samples, with a
    /// loss on the first output and nothing observed, and to evaluate batches of at most that size.
    ///
    /// They are what [`crate::Bytes::activations`] counts after such passes: values and gradients, which share memory
    /// where their lifetimes do not overlap, with the masks, places and statistics that the backward pass reads. The
    /// inputs are the caller's and not among them.
    ///
    /// # Errors
    /// Refuses a network whose nodes lack parameters, and a batch whose bytes cannot be counted.
    ///
    /// # Example
    /// ```
    /// use espalier_net::models;
    /// use espalier_seed::Seed;
    ///
    /// let network = models::mlp::<f32>(4, &[8], 3, &Seed::new(1))?;
    /// // The hidden layer and the logits with their gradients, in single precision.
    /// assert_eq!(network.activation_bytes(10)?, 10 * 2 * (8 + 3) * 4);
    /// # Ok::<(), espalier_net::Error>(())
    /// ```
    pub fn activation_bytes(&self, batch: usize) -> Result<usize> {
        let requests = Requests {
            losses: self.outputs()[..1].to_vec(),
            ..Requests::default()
        };
        let training = Plan::compile(self, &requests, true)?;
        let evaluation = Plan::compile(self, &requests, false)?;
        check_batch::<E>(&training, batch)?;
        let slots = training.slots.len().max(evaluation.slots.len());
        let size = |plan: &Plan, slot: usize| plan.slots.get(slot).copied().unwrap_or(0);
        let values: usize = (0..slots).map(|s| size(&training, s).max(size(&evaluation, s))).sum();
        let kept: usize = training
            .steps
            .iter()
            .map(|step| kept::<E>(step, &training, batch))
            .sum();
        Ok(values * batch * size_of::<E>() + kept)
    }
}

/// Refuses a batch where twice the bytes of all values, gradients and what steps keep beside them cannot be counted.
fn check_batch<E: Element>(plan: &Plan, batch: usize) -> Result<()> {
    let once = plan.slots.iter().chain(plan.values.iter().map(|v| &v.size));
    let bytes = once.fold(0_usize, |all, size| all.saturating_add(*size));
    let all = bytes.checked_mul(4 * size_of::<E>()).and_then(|b| b.checked_mul(batch));
    all.map(|_| ()).ok_or_else(|| Error::Setting {
        field: "batch",
        expected: format!("samples of {bytes} values whose bytes can be counted"),
        found: batch.to_string(),
    })
}

/// The bytes that a step keeps besides its output.
fn kept<E: Element>(step: &Step, plan: &Plan, batch: usize) -> usize {
    let size = plan.values[step.output].size * batch;
    match &step.operation {
        Operation::MaxPool { .. } => size * size_of::<u16>(),
        Operation::Dropout { .. } => size,
        // Mean and inverse deviation.
        Operation::BatchNorm { norm, .. } => 2 * norm.channels * size_of::<E>(),
        Operation::GroupNorm { groups, .. } => 2 * groups * batch * size_of::<E>(),
        Operation::RmsNorm { channels, .. } => size / channels.max(&1) * size_of::<E>(),
        // The pre-activations of both halves.
        Operation::GatedDense { .. } => 2 * size * size_of::<E>(),
        Operation::LayerNorm { norm } => 2 * (size / norm.channels.max(1)) * size_of::<E>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use espalier_seed::Seed;

    use crate::graph::models::{self, CnnOptions};
    use crate::{Activation, DeviceChoice, Layer, LossKind, Network, NetworkBuilder, Session, Target, Window};

    /// What a session has allocated after a training batch.
    fn allocated(mut network: Network<f32>, batch: usize, features: usize) -> usize {
        let mut session = Session::new(&network, batch, &DeviceChoice::Cpu, &Seed::new(1)).unwrap();
        let (inputs, labels) = (vec![0.1; batch * features], vec![0; batch]);
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        session
            .loss_and_gradients(&mut network, &[&inputs], target, LossKind::CrossEntropy)
            .unwrap();
        session.bytes().activations
    }

    #[test]
    fn counted_bytes_are_those_that_a_session_allocates() {
        let options = CnnOptions {
            map: [8, 8],
            inputs: 2,
            channels: vec![6, 4],
            window: Window::same(3),
            hidden: vec![9],
            outputs: 4,
            batch_norm: true,
        };
        let seed = Seed::new(1);
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [4, 4], 3).unwrap();
        let top = layers.conv("conv", x, 8, Window::same(3)).unwrap();
        let top = layers
            .layer(
                "groups",
                Layer::GroupNorm {
                    groups: 4,
                    epsilon: 1e-5,
                },
                &[top],
                0,
            )
            .unwrap();
        let top = layers.activation("relu", top, Activation::Relu).unwrap();
        let top = layers
            .layer("rows", Layer::LayerNorm { epsilon: 1e-5 }, &[top], 0)
            .unwrap();
        let top = layers
            .layer("dropout", Layer::Dropout { probability: 0.5 }, &[top], 0)
            .unwrap();
        let top = layers.flatten("flatten", top).unwrap();
        let logits = layers.dense("logits", top, 3).unwrap();
        let normed = layers.build::<f32>(&[logits], &seed).unwrap();
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 20).unwrap();
        let top = layers.gated_dense("gated", x, 7, Activation::Silu).unwrap();
        let top = layers.rms_norm("norm", top).unwrap();
        let logits = layers.dense("logits", top, 3).unwrap();
        let gated = layers.build::<f32>(&[logits], &seed).unwrap();
        let cases = [
            (models::mlp(20, &[16, 12], 4, &seed).unwrap(), 20),
            (models::cnn(&options, &seed).unwrap(), 128),
            (normed, 48),
            (gated, 20),
        ];
        for (network, features) in cases {
            for batch in [1, 7, 64] {
                let counted = network.activation_bytes(batch).unwrap();
                assert_eq!(counted, allocated(network.clone(), batch, features));
            }
        }
    }

    #[test]
    fn released_buffers_come_back_no_larger_than_needed() {
        let mut network = models::mlp::<f32>(20, &[16], 4, &Seed::new(1)).unwrap();
        let mut session = Session::new(&network, 64, &DeviceChoice::Cpu, &Seed::new(1)).unwrap();
        session.release();
        assert_eq!(session.bytes().activations, 0);
        let target = Target::Classes {
            labels: &[0; 8],
            weights: None,
        };
        session
            .loss_and_gradients(&mut network, &[&[0.1; 160]], target, LossKind::CrossEntropy)
            .unwrap();
        assert_eq!(session.bytes().activations, network.activation_bytes(8).unwrap());
    }
}
