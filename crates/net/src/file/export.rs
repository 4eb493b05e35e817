//! Plain weights under the names and in the layouts of PyTorch's `state_dict`.
//!
//! # Method
//! A layer called `a` gives the tensors of a `torch.nn` module called `a`:
//!
//! | Layer | Tensors |
//! |---|---|
//! | dense | `a.weight` (out, in), `a.bias` |
//! | convolution | `a.weight` (out, in/groups, kh, kw), `a.bias`; over maps of height 1 with kernels of height 1 (out, in/groups, k) |
//! | batch norm | `a.weight`, `a.bias`, `a.running_mean`, `a.running_var`, `a.num_batches_tracked` |
//! | layer norm, group norm | `a.weight`, `a.bias` |
//! | RMS norm | `a.weight` |
//! | gated dense | `a.weight` (2·out, in), `a.bias` (2·out), of the linear layer that gives both halves, gates first |
//! | PReLU | `a.weight` |
//! | gate | `a.gate` |
//!
//! Channels come first there and last here, so that a flatten lists the same values in another order; whatever reads a
//! flattened map has its columns put into the other order. A masked weight is exported with zeros where its mask has
//! them; masks are neither exported nor imported.

mod foreign;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use safetensors::tensor::Dtype;

use crate::error::{Error, Result};
use crate::file::save::tensors::{Contents, Tensor, lay_out};
use crate::file::save::values::{Named, Range};
use crate::file::save::{file_error, replace_file};
use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::kernels::Element;
use crate::layer::ChannelFlow;
use crate::layer::parameter::{Axis, Parameter, ParameterId, Role};

/// Writes a network's weights as a safetensors file that `torch.nn` modules of the same shape load.
///
/// # Errors
/// Names the file where it cannot be written, and a layer that has no counterpart in the other order of channels.
pub fn save<E: Element>(path: &Path, network: &Network<E>) -> Result<()> {
    replace_file(path, &to_bytes(network)?)
}

/// Lays a network's weights out as the bytes of a file.
///
/// # Errors
/// Names a layer that has no counterpart in the other order of channels.
pub fn to_bytes<E: Element>(network: &Network<E>) -> Result<Vec<u8>> {
    let mut tensors = BTreeMap::new();
    for entry in entries(network)? {
        let values = &network.parameter(entry.parameter).values;
        let mask = entry.mask.map(|id| &network.parameter(id).values);
        let value = |at: &usize| match mask {
            Some(mask) => values[*at] * mask[*at],
            None => values[*at],
        };
        let values: Vec<E> = entry.places.iter().map(value).collect();
        tensors.insert(entry.name, Tensor::of(&entry.shape, &values));
    }
    for name in counters(network) {
        let step = i64::try_from(network.step()).unwrap_or(i64::MAX);
        let counter = Tensor {
            dtype: Dtype::I64,
            shape: Vec::new(),
            bytes: step.to_le_bytes().to_vec(),
        };
        tensors.insert(name, counter);
    }
    lay_out(&tensors, Some(("format", "pt".to_owned())), Path::new("in memory"))
}

/// Reads weights that PyTorch modules of the same shape saved as a safetensors file, in single or double precision.
///
/// # Errors
/// Names the file, the tensor, what was expected and what was found: a tensor that is missing, unknown, of another
/// shape or of another type; a value, with its place, that is not finite or a negative variance. [`Error::Unsupported`] names
/// a recurrent or an attention module. The network is unchanged then.
pub fn import<E: Element>(path: &Path, network: &mut Network<E>) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| file_error(path, format!("cannot be read: {e}")))?;
    read(&bytes, path, network)
}

/// Reads weights from the bytes of a file.
///
/// # Errors
/// As [`import`].
pub fn from_bytes<E: Element>(bytes: &[u8], network: &mut Network<E>) -> Result<()> {
    read(bytes, Path::new("in memory"), network)
}

fn read<E: Element>(bytes: &[u8], path: &Path, network: &mut Network<E>) -> Result<()> {
    let contents = Contents::read(bytes, path)?;
    foreign::refuse(&contents)?;
    let entries = entries(network)?;
    let mut known: BTreeSet<String> = counters(network).into_iter().collect();
    known.extend(entries.iter().map(|e| e.name.clone()));
    if let Some(unknown) = contents
        .tensors
        .names()
        .into_iter()
        .filter(|n| !known.contains(*n))
        .min()
    {
        return Err(file_error(
            path,
            format!("expected the tensors of the network's layers, found `{unknown}`"),
        ));
    }
    let mut read: Vec<(ParameterId, Vec<E>)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let range = Range::of_role(network.parameter(entry.parameter).role);
        let given = values_of::<E>(&contents, &entry, range)?;
        let mut values = vec![E::ZERO; given.len()];
        for (place, value) in entry.places.iter().zip(given) {
            values[*place] = value;
        }
        read.push((entry.parameter, values));
    }
    for (id, values) in read {
        network.parameter_mut(id).values_mut().copy_from_slice(&values);
    }
    Ok(())
}

fn values_of<E: Element>(contents: &Contents<'_>, entry: &Entry, range: Range) -> Result<Vec<E>> {
    let found = contents.tensors.tensor(&entry.name);
    // A convolution along a line may have been a two-dimensional one with kernels of height 1.
    let mut shape = entry.shape.clone();
    if shape.len() == 3 && found.as_ref().is_ok_and(|t| t.shape().len() == 4) {
        shape.insert(2, 1);
    }
    let values: Vec<f64> = if found.is_ok_and(|t| t.dtype() == Dtype::F64) {
        contents.values(&entry.name, Some(&shape))?
    } else {
        let single: Vec<f32> = contents.values(&entry.name, Some(&shape))?;
        single.into_iter().map(f64::from).collect()
    };
    let tensor = Named {
        path: contents.path,
        name: &entry.name,
        shape: &shape,
    };
    tensor.check::<E>(range, &values)?;
    Ok(values.into_iter().map(E::from_f64).collect())
}

/// One tensor of a file, and where each of its values stands in a parameter.
struct Entry {
    name: String,
    shape: Vec<usize>,
    parameter: ParameterId,
    mask: Option<ParameterId>,
    /// For each value in the file's row-major order, its index in the parameter.
    places: Vec<usize>,
}

/// PyTorch counts the batches of a batch norm, which changes nothing while its momentum is given.
fn counters<E: Element>(network: &Network<E>) -> Vec<String> {
    let counted = |n: &Node| Some(format!("{}.{}", n.name, n.rules().torch_counter()?));
    network.nodes.iter().filter_map(counted).collect()
}

fn entries<E: Element>(network: &Network<E>) -> Result<Vec<Entry>> {
    let orders = channel_orders(network)?;
    let mut entries = Vec::new();
    for (index, node) in network.nodes.iter().enumerate() {
        let own = &orders[index];
        for &(role, parameter) in &node.parameters {
            let Some(name) = torch_name(node, role) else {
                continue;
            };
            let mut entry = Entry {
                name,
                shape: Vec::new(),
                parameter,
                mask: None,
                places: Vec::new(),
            };
            if role == Role::Weight {
                entry.mask = node.parameter(Role::Mask);
                let input = network.node(node.inputs[0]);
                let order = WeightOrder {
                    parameter: network.parameter(parameter),
                    fan_in: &orders[node.inputs[0].index()],
                    own,
                };
                (entry.shape, entry.places) = order.places(node.rules().torch_kernel(), input.map);
            } else {
                entry.places = repeated(own, network.parameter(parameter).shape[0]);
                entry.shape = vec![entry.places.len()];
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn torch_name(node: &Node, role: Role) -> Option<String> {
    let field = match role {
        Role::Weight | Role::Scale | Role::Slope => "weight",
        Role::Bias => "bias",
        Role::RunningMean => "running_mean",
        Role::RunningVariance => "running_var",
        Role::Gate => "gate",
        Role::Mask => return None,
    };
    Some(format!("{}.{field}", node.name))
}

/// A weight, and the channels before and behind it in the other order.
struct WeightOrder<'a, E: Element> {
    parameter: &'a Parameter<E>,
    fan_in: &'a [usize],
    own: &'a [usize],
}

impl<E: Element> WeightOrder<'_, E> {
    /// Shape and places of the weight in a file, where PyTorch keeps the axes of `kernel`, over a map of that size.
    fn places(&self, kernel: Option<[usize; 2]>, map: [usize; 2]) -> (Vec<usize>, Vec<usize>) {
        let (rows, out) = (self.parameter.shape[0], self.parameter.shape[1]);
        let [height, width] = kernel.unwrap_or([1, 1]);
        let channels = rows / (height * width);
        // Within the groups of a grouped convolution no channel moves: it reads a map, not a flattened one.
        let reads_all = matches!(self.parameter.axes[0], Axis::Units(_));
        let channel = |listed: usize| if reads_all { self.fan_in[listed] } else { listed };
        let mut places = Vec::with_capacity(rows * out);
        for o in repeated(self.own, out) {
            for c in (0..channels).map(channel) {
                places.extend((0..height * width).map(|k| (k * channels + c) * out + o));
            }
        }
        let shape = match kernel {
            None => vec![out, channels],
            Some([1, width]) if map[0] == 1 => vec![out, channels, width],
            Some([height, width]) => vec![out, channels, height, width],
        };
        (shape, places)
    }
}

/// The places of an axis on which all channels stand, one after the other, as often as `length` holds them.
fn repeated(channels: &[usize], length: usize) -> Vec<usize> {
    let starts = (0..length).step_by(channels.len().max(1));
    starts
        .flat_map(|start| channels.iter().map(move |c| start + c))
        .collect()
}

/// For each node, its channels as listed here in the order in which PyTorch lists them.
fn channel_orders<E: Element>(network: &Network<E>) -> Result<Vec<Vec<usize>>> {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new(); network.nodes.len()];
    for &id in &network.order {
        orders[id.index()] = channel_order(network, id, &orders)?;
    }
    Ok(orders)
}

fn channel_order<E: Element>(network: &Network<E>, id: NodeId, orders: &[Vec<usize>]) -> Result<Vec<usize>> {
    let node = network.node(id);
    let of = |input: &NodeId| &orders[input.index()];
    let same = || (0..network.width(id)).collect::<Vec<usize>>();
    Ok(match node.channels() {
        ChannelFlow::New => same(),
        ChannelFlow::Kept => of(&node.inputs[0]).clone(),
        ChannelFlow::Repeated => {
            let input = of(&node.inputs[0]);
            let positions = network.node(node.inputs[0]).positions();
            let channel = |c: &usize| {
                let c = *c;
                (0..positions).map(move |p| p * input.len() + c)
            };
            input.iter().flat_map(channel).collect()
        }
        ChannelFlow::Joined => {
            let mut all = Vec::new();
            for input in &node.inputs {
                let begin = all.len();
                all.extend(of(input).iter().map(|c| begin + c));
            }
            all
        }
        ChannelFlow::Part { .. } => {
            if !of(&node.inputs[0]).is_sorted() {
                return Err(no_counterpart(
                    node,
                    "a slice of channels",
                    "a slice of a flattened map, whose values PyTorch lists in another order",
                ));
            }
            same()
        }
        ChannelFlow::United => {
            let first = of(&node.inputs[0]);
            if node.inputs.iter().any(|input| of(input) != first) {
                return Err(no_counterpart(
                    node,
                    "inputs with one order of values",
                    "a flattened map and a vector, which PyTorch would add in another order",
                ));
            }
            first.clone()
        }
    })
}

fn no_counterpart(node: &Node, expected: &str, found: &str) -> Error {
    Error::layer(&node.name, expected, found)
}

#[cfg(test)]
mod tests;
