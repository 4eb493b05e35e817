//! What a file says besides its tensors, and how both become a checkpoint again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use espalier_seed::StreamState;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tensors::{Contents, Tensor, content_hash, element_dtype, lay_out};
use super::{Checkpoint, VERSION, Values, check, file_error, history, values};
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::groups::Group;
use crate::groups::genealogy::UnitId;
use crate::kernels::{Element, Threads};
use crate::layer::Layer;
use crate::layer::parameter::{Axis, Parameter, Role};
use crate::optimizer::{Optimizer, OptimizerKind, ParameterGroup, Slot};

const KEY: &str = "espalier";
const FORMAT: &str = "espalier-network";

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: String,
    version: u64,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    body: Value,
}

#[derive(Serialize, Deserialize)]
struct Body {
    dtype: String,
    nodes: Vec<Node>,
    order: Vec<NodeId>,
    outputs: Vec<NodeId>,
    groups: Vec<Group>,
    parameters: Vec<SavedParameter>,
    step: u64,
    revision: u64,
    optimizer: Option<SavedOptimizer>,
    streams: BTreeMap<String, StreamState>,
    extra: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct SavedParameter {
    name: String,
    role: Role,
    axes: Vec<Axis>,
    shape: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct SavedOptimizer {
    kind: OptimizerKind,
    groups: Vec<ParameterGroup>,
    unit_rates: Vec<(UnitId, f64)>,
    slots: Vec<SavedSlot>,
}

#[derive(Serialize, Deserialize)]
struct SavedSlot {
    parameter: String,
    shape: Vec<usize>,
    steps: u64,
    row_births: Vec<u64>,
    column_births: Vec<u64>,
}

/// The tensors of a file that is being written.
pub(super) struct Writer<'a> {
    pub(super) path: &'a Path,
    tensors: BTreeMap<String, Tensor>,
}

impl Writer<'_> {
    pub(super) fn add(&mut self, name: String, tensor: Tensor) -> Result<()> {
        if self.tensors.contains_key(&name) {
            let reason = format!("expected every tensor to have a name of its own, found two called `{name}`");
            return Err(file_error(self.path, reason));
        }
        self.tensors.insert(name, tensor);
        Ok(())
    }

    pub(super) fn json(&self, what: &str, value: &impl Serialize) -> Result<String> {
        serde_json::to_string(value)
            .map_err(|e| file_error(self.path, format!("{what} cannot be written as JSON: {e}")))
    }
}

pub(super) fn write<E: Element>(checkpoint: &Checkpoint<'_, E>, path: &Path) -> Result<Vec<u8>> {
    let network = checkpoint.network.as_ref();
    let mut writer = Writer {
        path,
        tensors: BTreeMap::new(),
    };
    for parameter in &network.parameters {
        writer.add(parameter.name.clone(), Tensor::of(&parameter.shape, &parameter.values))?;
    }
    history::write(network, &mut writer)?;
    let optimizer = match &checkpoint.optimizer {
        Some(optimizer) => Some(write_optimizer(optimizer, network, &mut writer)?),
        None => None,
    };
    let body = Body {
        dtype: format!("{:?}", element_dtype::<E>()),
        nodes: network.nodes.clone(),
        order: network.order.clone(),
        outputs: network.outputs.clone(),
        groups: network.groups.clone(),
        parameters: network.parameters.iter().map(saved_parameter).collect(),
        step: network.step,
        revision: network.revision,
        optimizer,
        streams: checkpoint.streams.clone(),
        extra: checkpoint.extra.clone(),
    };
    // By way of the text, so that the hash is over what a reader will parse.
    let text = writer.json("the network", &body)?;
    let body: Value = serde_json::from_str(&text).map_err(|e| file_error(path, format!("the network: {e}")))?;
    let listed = writer
        .tensors
        .iter()
        .map(|(name, t)| (name.as_str(), t.dtype, t.shape.as_slice(), t.bytes.as_slice()));
    let sha256 = content_hash(&body, listed);
    let envelope = Envelope {
        format: FORMAT.to_owned(),
        version: VERSION,
        sha256,
        body,
    };
    let text = writer.json("the network", &envelope)?;
    lay_out(&writer.tensors, Some((KEY, text)), path)
}

fn saved_parameter<E: Element>(parameter: &Parameter<E>) -> SavedParameter {
    SavedParameter {
        name: parameter.name.clone(),
        role: parameter.role,
        axes: parameter.axes.clone(),
        shape: parameter.shape.clone(),
    }
}

fn write_optimizer<E: Element>(
    optimizer: &Optimizer<E>,
    network: &Network<E>,
    writer: &mut Writer<'_>,
) -> Result<SavedOptimizer> {
    optimizer.check(network)?;
    let names = optimizer.state_names();
    let mut slots = Vec::with_capacity(optimizer.slots.len());
    for (parameter, slot) in &optimizer.slots {
        for (state, values) in names.iter().zip(&slot.states) {
            writer.add(state_name(state, parameter), Tensor::of(&slot.shape, values))?;
        }
        slots.push(SavedSlot {
            parameter: parameter.clone(),
            shape: slot.shape.clone(),
            steps: slot.steps,
            row_births: slot.row_births.clone(),
            column_births: slot.column_births.clone(),
        });
    }
    Ok(SavedOptimizer {
        kind: optimizer.kind,
        groups: optimizer.groups.clone(),
        unit_rates: optimizer.unit_rates.iter().map(|(unit, rate)| (*unit, *rate)).collect(),
        slots,
    })
}

fn state_name(state: &str, parameter: &str) -> String {
    format!("optimizer/{state}/{parameter}")
}

pub(super) fn read<E: Element>(bytes: &[u8], path: &Path, allowed: Values) -> Result<Checkpoint<'static, E>> {
    let contents = Contents::read(bytes, path)?;
    let envelope = read_envelope(&contents)?;
    refuse_unknown_layers(&envelope.body)?;
    let body: Body = Body::deserialize(&envelope.body)
        .map_err(|e| file_error(path, format!("metadata `{KEY}`: cannot be understood: {e}")))?;
    let expected = format!("{:?}", element_dtype::<E>());
    if body.dtype != expected {
        return Err(file_error(
            path,
            format!("expected a network of {expected} values, found {}", body.dtype),
        ));
    }
    let mut read: Vec<Vec<E>> = Vec::with_capacity(body.parameters.len());
    for parameter in &body.parameters {
        read.push(contents.values(&parameter.name, Some(&parameter.shape))?);
    }
    let optimizer = match &body.optimizer {
        Some(saved) => Some(read_optimizer(saved, &contents)?),
        None => None,
    };
    check_hash(&envelope, &contents)?;
    let (ledger, genealogy) = history::read(&contents)?;
    let network = assemble(
        body.parameters,
        read,
        Network {
            nodes: body.nodes,
            order: body.order,
            outputs: body.outputs,
            parameters: Vec::new(),
            groups: body.groups,
            genealogy,
            ledger,
            step: body.step,
            revision: body.revision,
        },
    );
    check::network(&network).map_err(|reason| file_error(path, reason))?;
    if let Some(optimizer) = &optimizer {
        check::optimizer(optimizer, &network).map_err(|reason| file_error(path, reason))?;
    }
    if allowed == Values::Finite {
        values::network(&network, path)?;
        optimizer
            .iter()
            .try_for_each(|o| values::optimizer(o, path, state_name))?;
    }
    Ok(Checkpoint {
        network: Cow::Owned(network),
        optimizer: optimizer.map(Cow::Owned),
        streams: body.streams,
        extra: body.extra,
    })
}

/// Refuses the first layer of a kind that this version does not have; whatever else is wrong is told by the reader.
fn refuse_unknown_layers(body: &Value) -> Result<()> {
    let nodes = body["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    for node in nodes {
        let (name, kind) = (node["name"].as_str(), node["layer"]["layer"].as_str());
        let (Some(name), Some(kind), Err(error)) = (name, kind, Layer::deserialize(&node["layer"])) else {
            continue;
        };
        if error.to_string().starts_with("unknown variant") {
            return Err(Error::unsupported(name, kind, "this version has no such layer"));
        }
    }
    Ok(())
}

fn read_envelope(contents: &Contents<'_>) -> Result<Envelope> {
    let path = contents.path;
    let text = contents.metadata(KEY).ok_or_else(|| {
        file_error(
            path,
            format!("expected the metadata `{KEY}` of a saved network, found none"),
        )
    })?;
    let broken = |e: serde_json::Error| file_error(path, format!("metadata `{KEY}`: expected JSON: {e}"));
    let envelope: Envelope = serde_json::from_str(text).map_err(broken)?;
    if envelope.format != FORMAT {
        return Err(file_error(
            path,
            format!("expected format `{FORMAT}`, found `{}`", envelope.format),
        ));
    }
    if envelope.version == 0 || envelope.version > VERSION {
        let reason = format!(
            "expected a version of at most {VERSION}, found {}: a newer program wrote it",
            envelope.version
        );
        return Err(file_error(path, reason));
    }
    Ok(envelope)
}

fn check_hash(envelope: &Envelope, contents: &Contents<'_>) -> Result<()> {
    let listed: Vec<_> = contents.tensors.tensors();
    let found = content_hash(
        &envelope.body,
        listed
            .iter()
            .map(|(name, t)| (name.as_str(), t.dtype(), t.shape(), t.data())),
    );
    if found == envelope.sha256 {
        return Ok(());
    }
    let reason = format!(
        "its contents were changed after it was written: expected the hash {}, found {found}",
        envelope.sha256
    );
    Err(file_error(contents.path, reason))
}

fn assemble<E: Element>(saved: Vec<SavedParameter>, values: Vec<Vec<E>>, mut network: Network<E>) -> Network<E> {
    let pairs = saved.into_iter().zip(values);
    network.parameters = pairs
        .map(|(p, values)| Parameter {
            name: p.name,
            role: p.role,
            axes: p.axes,
            shape: p.shape,
            values: Arc::new(values),
        })
        .collect();
    network
}

fn read_optimizer<E: Element>(saved: &SavedOptimizer, contents: &Contents<'_>) -> Result<Optimizer<E>> {
    let names: Vec<&str> = saved.kind.states().iter().map(|s| s.name).collect();
    let mut slots = BTreeMap::new();
    for slot in &saved.slots {
        let read = |state: &&str| contents.values(&state_name(state, &slot.parameter), Some(&slot.shape));
        let states: Vec<Vec<E>> = names.iter().map(read).collect::<Result<_>>()?;
        slots.insert(
            slot.parameter.clone(),
            Slot {
                shape: slot.shape.clone(),
                states,
                steps: slot.steps,
                row_births: slot.row_births.clone(),
                column_births: slot.column_births.clone(),
            },
        );
    }
    Ok(Optimizer {
        kind: saved.kind,
        groups: saved.groups.clone(),
        unit_rates: saved.unit_rates.iter().copied().collect(),
        slots,
        threads: Threads::default(),
    })
}

/// The body of a file, for tests that change it.
#[cfg(test)]
pub(super) fn with_body(bytes: &[u8]) -> Value {
    let path = Path::new("in memory");
    let contents = Contents::read(bytes, path).unwrap();
    read_envelope(&contents).unwrap().body
}

/// The same file with another body and the hash that belongs to it.
#[cfg(test)]
pub(super) fn replace_body(bytes: &[u8], body: Value) -> Vec<u8> {
    let path = Path::new("in memory");
    let contents = Contents::read(bytes, path).unwrap();
    let listed: Vec<_> = contents.tensors.tensors();
    let sha256 = content_hash(
        &body,
        listed.iter().map(|(n, t)| (n.as_str(), t.dtype(), t.shape(), t.data())),
    );
    let envelope = Envelope {
        format: FORMAT.to_owned(),
        version: VERSION,
        sha256,
        body,
    };
    let owned = |t: &safetensors::tensor::TensorView<'_>| Tensor {
        dtype: t.dtype(),
        shape: t.shape().to_vec(),
        bytes: t.data().to_vec(),
    };
    let tensors = listed.iter().map(|(name, t)| (name.clone(), owned(t))).collect();
    lay_out(&tensors, Some((KEY, serde_json::to_string(&envelope).unwrap())), path).unwrap()
}
