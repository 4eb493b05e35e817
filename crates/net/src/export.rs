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
//! | PReLU | `a.weight` |
//! | gate | `a.gate` |
//!
//! Channels come first there and last here, so that a flatten lists the same values in another order; whatever reads a
//! flattened map has its columns put into the other order. A masked weight is exported with zeros where its mask has
//! them; masks are neither exported nor imported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use safetensors::tensor::Dtype;

use crate::error::{Error, Result};
use crate::graph::{Node, NodeId};
use crate::kernels::Element;
use crate::layer::Layer;
use crate::network::Network;
use crate::parameter::{ParameterId, Role};
use crate::save::tensors::{Contents, Tensor, lay_out};
use crate::save::values::{Named, Range};
use crate::save::{file_error, replace_file};

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
/// shape or of another type; a value, with its place, that is not finite or a negative variance. The network is unchanged
/// then.
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
    let norms = network
        .nodes
        .iter()
        .filter(|n| matches!(n.layer, Layer::BatchNorm { .. }));
    norms.map(|n| format!("{}.num_batches_tracked", n.name)).collect()
}

fn entries<E: Element>(network: &Network<E>) -> Result<Vec<Entry>> {
    let orders = channel_orders(network)?;
    let mut entries = Vec::new();
    for node in &network.nodes {
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
                let fan_in = &orders[node.inputs[0].index()];
                (entry.shape, entry.places) = weight_places(node, input, network.parameter(parameter).shape(), fan_in);
            } else {
                entry.places.clone_from(&orders[network.find(&node.name)?.index()]);
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

/// Shape and places of a weight; `fan_in` lists the input's channels in the other order.
fn weight_places(node: &Node, input: &Node, shape: &[usize], fan_in: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let (rows, out) = (shape[0], shape[1]);
    let Layer::Conv { window, groups, .. } = &node.layer else {
        let places = (0..out)
            .flat_map(|o| fan_in.iter().map(move |row| row * out + o))
            .collect();
        return (vec![out, rows], places);
    };
    let [height, width] = window.kernel;
    let channels = rows / (height * width);
    // Within the groups of a grouped convolution no channel moves: it reads a map, not a flattened one.
    let channel = |listed: usize| if *groups == 1 { fan_in[listed] } else { listed };
    let mut places = Vec::with_capacity(rows * out);
    for o in 0..out {
        for c in (0..channels).map(channel) {
            places.extend((0..height * width).map(|k| (k * channels + c) * out + o));
        }
    }
    let is_line = input.map[0] == 1 && height == 1;
    let shape = if is_line {
        vec![out, channels, width]
    } else {
        vec![out, channels, height, width]
    };
    (shape, places)
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
    Ok(match &node.layer {
        Layer::Input | Layer::Dense { .. } | Layer::Conv { .. } => same(),
        Layer::Flatten => {
            let input = of(&node.inputs[0]);
            let positions = network.node(node.inputs[0]).positions();
            let channel = |c: &usize| {
                let c = *c;
                (0..positions).map(move |p| p * input.len() + c)
            };
            input.iter().flat_map(channel).collect()
        }
        Layer::Concat => {
            let mut all = Vec::new();
            for input in &node.inputs {
                let begin = all.len();
                all.extend(of(input).iter().map(|c| begin + c));
            }
            all
        }
        Layer::Slice { .. } => {
            if !of(&node.inputs[0]).is_sorted() {
                return Err(no_counterpart(
                    node,
                    "a slice of channels",
                    "a slice of a flattened map, whose values PyTorch lists in another order",
                ));
            }
            same()
        }
        Layer::Sum => {
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
        _ => of(&node.inputs[0]).clone(),
    })
}

fn no_counterpart(node: &Node, expected: &str, found: &str) -> Error {
    Error::layer(&node.name, expected, found)
}

#[cfg(test)]
mod tests;
