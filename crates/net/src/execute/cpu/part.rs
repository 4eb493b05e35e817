//! What a workspace tells and takes where it has one part of a batch that was cut.

use std::collections::BTreeSet;

use super::operation::Operation;
use super::plan::Step;
use super::workspace::{Outputs, Workspace};
use crate::error::Result;
use crate::execute::Mode;
use crate::graph::{Network, NodeId};
use crate::kernels::Element;
use crate::kernels::dropout::DropRate;
use crate::layer::parameter::ParameterId;

/// A dropout layer of a training pass.
pub(super) struct Dropout {
    pub rate: DropRate,
    /// The index of its node.
    pub node: usize,
    /// Values per sample.
    pub size: usize,
}

impl<E: Element> Workspace<E> {
    /// Runs a training pass forwards on masks that [`Workspace::set_mask`] was given.
    pub(super) fn forward_drawn(&mut self, network: &Network<E>, inputs: &[&[E]]) -> Result<Outputs<'_, E>> {
        self.pass(network, inputs, (Mode::Train, None), None)
    }

    /// The steps of a training pass; none before [`Workspace::prepare`].
    pub(super) fn training_steps(&self) -> impl Iterator<Item = &Step> {
        self.training.iter().flat_map(|plan| &plan.steps)
    }

    /// The dropout layers of a training pass, in the order in which it draws their masks.
    pub(super) fn dropouts(&self) -> Vec<Dropout> {
        let Some(plan) = &self.training else {
            return Vec::new();
        };
        let computed = plan.steps.iter().filter(|step| plan.value_slot[step.output].is_some());
        let dropout = |step: &Step| match step.operation {
            Operation::Dropout { rate } => Some(Dropout {
                rate,
                node: step.node.index(),
                size: plan.values[step.output].size,
            }),
            _ => None,
        };
        computed.filter_map(dropout).collect()
    }

    /// Hands in the mask of a dropout layer for the next training pass.
    pub(super) fn set_mask(&mut self, node: usize, mask: &[u8]) {
        self.buffers.drops[node][..mask.len()].copy_from_slice(mask);
    }

    /// The nodes of the network's outputs, in order.
    pub(super) fn output_nodes(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The nodes whose values are kept.
    pub(super) fn observed(&self) -> &BTreeSet<NodeId> {
        &self.requests.values
    }

    /// The nodes whose gradients are kept.
    pub(super) fn observed_gradients(&self) -> &BTreeSet<NodeId> {
        &self.requests.gradients
    }

    /// Says whether the loss on an output leads back to anything that is trained or asked for.
    pub(super) fn propagates(&self, output: NodeId) -> bool {
        let slot = |plan: &super::plan::Plan| plan.gradient_slot[plan.value_of[output.index()]?];
        self.training.as_ref().and_then(slot).is_some()
    }

    /// The parameters whose gradients a backward pass writes.
    pub(super) fn trained_now(&self) -> Vec<ParameterId> {
        let Some(plan) = &self.training else {
            return Vec::new();
        };
        let writes = |step: &&Step| step.backward.is_some() && plan.gradient_slot[step.output].is_some();
        let trained = plan
            .steps
            .iter()
            .filter(writes)
            .flat_map(|step| step.operation.trained());
        trained.collect()
    }
}
