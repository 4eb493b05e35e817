//! What the layers on a group's way let pass: scales, widths, constants.

use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::{Activation, GateForm, Layer};
use crate::network::Network;
use crate::parameter::Role;

impl<E: Element> Network<E> {
    /// The first layer on the group's way that does not let an incoming scale pass, and why.
    pub(crate) fn scale_obstacle(&self, group: GroupId) -> Option<String> {
        self.order.iter().map(|id| self.node(*id)).find_map(|node| {
            let on_the_way = node.space.contains(&group);
            match &node.layer {
                Layer::Activation { function } if on_the_way && !function.is_positively_homogeneous() => {
                    Some(format!("`{}` ({function:?}) is not positively homogeneous", node.name))
                }
                Layer::BatchNorm { .. } | Layer::LayerNorm { .. } | Layer::GroupNorm { .. } if on_the_way => {
                    Some(format!("`{}` normalises scales away", node.name))
                }
                _ => None,
            }
        })
    }

    /// For each node and channel, the value that the channel always has in evaluation because a closed gate precedes it.
    pub(crate) fn constants(&self) -> Vec<Vec<Option<f64>>> {
        let mut known: Vec<Vec<Option<f64>>> = vec![Vec::new(); self.nodes.len()];
        for &id in &self.order {
            let values = self.constants_of(id.index(), &known);
            known[id.index()] = values;
        }
        known
    }

    fn constants_of(&self, index: usize, known: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
        let node = &self.nodes[index];
        let input = |k: usize| &known[node.inputs[k].index()];
        let value = |role: Role, c: usize| {
            node.parameter(role)
                .map_or(0.0, |p| self.parameter(p).values[c].to_f64())
        };
        let each =
            |f: &dyn Fn(usize, f64) -> f64| input(0).iter().enumerate().map(|(c, x)| x.map(|x| f(c, x))).collect();
        match &node.layer {
            Layer::Gate { form } => (0..input(0).len())
                .map(|c| match gate_factor(*form, value(Role::Gate, c)) {
                    0.0 => Some(0.0),
                    factor => input(0)[c].map(|x| factor * x),
                })
                .collect(),
            Layer::BatchNorm { epsilon, .. } => each(&|c, x| {
                let deviation = (value(Role::RunningVariance, c) + epsilon).sqrt();
                value(Role::Scale, c) * (x - value(Role::RunningMean, c)) / deviation + value(Role::Bias, c)
            }),
            Layer::Activation { function } => each(&|_, x| apply(*function, x)),
            Layer::PRelu => each(&|c, x| if x > 0.0 { x } else { value(Role::Slope, c) * x }),
            Layer::MaxPool { .. } | Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. } | Layer::Dropout { .. } => {
                input(0).clone()
            }
            Layer::Flatten => input(0).repeat(self.node(node.inputs[0]).positions()),
            Layer::Concat => (0..node.inputs.len()).flat_map(|k| input(k).clone()).collect(),
            Layer::Slice { start, end } => input(0)[*start..*end].to_vec(),
            Layer::Sum => (0..input(0).len())
                .map(|c| (0..node.inputs.len()).map(|k| input(k)[c]).sum())
                .collect(),
            _ => vec![None; self.space_width(&node.space)],
        }
    }

    /// Says whether a node's outputs can never be negative.
    pub(crate) fn is_non_negative(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let inputs = || node.inputs.iter().all(|i| self.is_non_negative(i.index()));
        match &node.layer {
            Layer::Activation {
                function: Activation::Relu | Activation::Sigmoid,
            } => true,
            Layer::MaxPool { .. }
            | Layer::AvgPool { .. }
            | Layer::AdaptiveAvgPool { .. }
            | Layer::Dropout { .. }
            | Layer::Flatten
            | Layer::Concat
            | Layer::Slice { .. }
            | Layer::Sum
            | Layer::Activation {
                function: Activation::Identity,
            }
            | Layer::Gate {
                form: GateForm::Rectified,
            } => inputs(),
            _ => false,
        }
    }
}

/// The factor that a gate's stored value stands for.
pub(crate) fn gate_factor(form: GateForm, stored: f64) -> f64 {
    match form {
        GateForm::Linear => stored,
        GateForm::Rectified => stored.max(0.0),
    }
}

fn apply(function: Activation, x: f64) -> f64 {
    match function {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => 0.5 * x * (1.0 + Element::erf(x / std::f64::consts::SQRT_2)),
    }
}
