//! The blocks of a network: where they are, what they hold, and networks made of them.

use espalier_net::{
    Activation, ApplyOptions, Edit, FreshUnit, GateForm, Initializer, Layer, Network, NetworkBuilder, NewUnit, NodeId,
    ParameterId, Plan, Role, UnitEdit,
};
use espalier_seed::{Seed, Stream};
use espalier_strategy::{Error, Gate, Gates, Result, slice_key, snapshot};
use serde::{Deserialize, Serialize};

use crate::NAME;

/// One summand of a network's output: dense → pointwise functions → rectified gate → dense.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The name of the group of its hidden units.
    pub name: String,
    /// The gate behind its hidden units.
    pub gate: Gate,
    /// The layer that adds to the output.
    pub out: NodeId,
    /// All that it trains.
    pub parameters: Vec<ParameterId>,
}

/// What a block holds: its units with their fan-in, gate and fan-out, and the bias of its last layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contents {
    units: Vec<FreshUnit>,
    bias: Vec<f32>,
}

/// Builds a sum of `blocks` closed blocks: `blockK.hidden` with one unit, `blockK.relu`, `blockK.gate`, `blockK.out`; the
/// sum is called `logits`.
///
/// All that a closed block holds is 0, and so is its output; the strategy widens and draws a block when its turn comes.
///
/// # Errors
/// Refuses widths of 0 and no blocks.
///
/// # Example
/// ```
/// use espalier_block_growth::block_net;
/// use espalier_seed::Seed;
///
/// let network = block_net(10, 3, 1, &Seed::new(1))?;
/// // Of one unit: 10 weights, bias, gate, fan-out weight; and the output's bias.
/// assert_eq!(network.parameter_count(), 3 * (10 + 1 + 1 + 1 + 1));
/// assert_eq!(network.cost().macs, 3 * (10 + 1));
/// # Ok::<(), espalier_strategy::Error>(())
/// ```
pub fn block_net(inputs: usize, blocks: usize, outputs: usize, seed: &Seed) -> Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], inputs)?;
    let mut summands = Vec::with_capacity(blocks);
    for k in 1..=blocks {
        let top = layers.dense(&format!("block{k}.hidden"), x, 1)?;
        let top = layers.activation(&format!("block{k}.relu"), top, Activation::Relu)?;
        let top = layers.gate(&format!("block{k}.gate"), top, GateForm::Rectified)?;
        summands.push(layers.dense(&format!("block{k}.out"), top, outputs)?);
    }
    let sum = layers.sum("logits", &summands)?;
    let mut network = layers.build(&[sum], seed)?;
    for block in find_blocks(&network)? {
        for id in block.parameters {
            network.parameter_mut(id).values_mut().fill(0.0);
        }
    }
    Ok(network)
}

/// Copies a network with all blocks but the first `count` closed: the accumulated network at an earlier time, because
/// blocks that are kept never change.
///
/// # Errors
/// Refuses a network that is no sum of blocks.
pub fn first_blocks(network: &Network<f32>, count: usize) -> Result<Network<f32>> {
    let mut copy = network.clone();
    let later = find_blocks(network)?.into_iter().skip(count);
    let plan = later.fold(Plan::new("first blocks"), |plan, block| {
        plan.with(Contents::closed(network, &block).edit(&block, "left out"))
    });
    copy.apply(&plan, &ApplyOptions::default())?;
    for block in find_blocks(&copy)?.into_iter().skip(count) {
        for id in block.parameters {
            copy.parameter_mut(id).values_mut().fill(0.0);
        }
    }
    Ok(copy)
}

/// Counts the units of each block that its gate lets through.
///
/// # Errors
/// Refuses a network that is no sum of blocks.
pub fn living_units(network: &Network<f32>) -> Result<Vec<(String, usize)>> {
    let blocks = find_blocks(network)?.into_iter();
    Ok(blocks.map(|b| (b.name.clone(), b.living(network).len())).collect())
}

/// Finds the blocks in the order of the sum.
///
/// # Errors
/// [`Error::Unsupported`] says where the network is no sum of blocks.
pub fn find_blocks(network: &Network<f32>) -> Result<Vec<Block>> {
    let refuse = |reason: String| Error::unsupported(NAME, reason);
    let [output] = network.outputs() else {
        return Err(refuse(format!(
            "expected one output, found {}",
            network.outputs().len()
        )));
    };
    let output = network.node(*output);
    if *output.layer() != Layer::Sum {
        let (name, kind) = (output.name(), output.layer().kind());
        return Err(refuse(format!(
            "expected a sum of blocks as output, found `{name}` ({kind})"
        )));
    }
    let blocks = output.inputs().iter();
    blocks.map(|id| block_at(network, *id).map_err(refuse)).collect()
}

/// The block at a place of the sum.
pub(crate) fn block_of(blocks: &[Block], place: usize) -> Result<&Block> {
    blocks.get(place).ok_or_else(|| {
        let reason = format!("expected more than {place} blocks, found {}", blocks.len());
        Error::unsupported(NAME, reason)
    })
}

fn block_at(network: &Network<f32>, out: NodeId) -> std::result::Result<Block, String> {
    let wrong = |id: NodeId, expected: &str| {
        let node = network.node(id);
        format!("`{}`: expected {expected}, found {}", node.name(), node.layer().kind())
    };
    let mut parameters = Vec::new();
    let mut visit = |id: NodeId| {
        parameters.extend(network.node(id).parameters().iter().map(|p| p.1));
        let readers = network.nodes().iter().flat_map(|n| n.inputs()).filter(|i| **i == id);
        match readers.count() {
            1 => Ok(network.node(id).inputs().first().copied()),
            n => Err(format!(
                "`{}`: expected one reader inside its block, found {n}",
                network.node(id).name()
            )),
        }
    };
    if !matches!(network.node(out).layer(), Layer::Dense { .. }) {
        return Err(wrong(out, "the dense layer at the end of a block"));
    }
    let gated = visit(out)?.ok_or("a dense layer reads nothing")?;
    let found = Gates::Named(vec![network.node(gated).name().to_owned()])
        .of(network)
        .pop();
    let gate = found
        .filter(|g| g.form == GateForm::Rectified && g.groups.len() == 1)
        .ok_or_else(|| wrong(gated, "the rectified gate of one group"))?;
    let mut id = gated;
    loop {
        let input = visit(id)?.ok_or("a gate reads nothing")?;
        match network.node(id).layer() {
            Layer::Gate { .. } | Layer::Activation { .. } => id = input,
            Layer::Dense { .. } if reads_data(network, input) => break,
            Layer::Dense { .. } => return Err(wrong(input, "the network's input before a block")),
            _ => return Err(wrong(id, "a dense layer and pointwise functions before the gate")),
        }
    }
    parameters.retain(|p| network.parameter(*p).role().is_trained());
    Ok(Block {
        name: network.group(gate.groups[0].0).name().to_owned(),
        gate,
        out,
        parameters,
    })
}

fn reads_data(network: &Network<f32>, id: NodeId) -> bool {
    let node = network.node(id);
    match node.layer() {
        Layer::Input => true,
        Layer::Flatten => reads_data(network, node.inputs()[0]),
        _ => false,
    }
}

impl Block {
    /// The hidden units that the gate lets through.
    #[must_use]
    pub fn living(&self, network: &Network<f32>) -> Vec<usize> {
        let factors = self.gate.factors(network);
        (0..factors.len()).filter(|u| factors[*u] > 0.0).collect()
    }

    /// The hidden units behind closed gates; the last unit of all stays.
    pub(crate) fn dead(&self, network: &Network<f32>) -> Vec<usize> {
        let factors = self.gate.factors(network);
        let floor = network.group(self.gate.groups[0].0).floor();
        let mut dead: Vec<usize> = (0..factors.len()).filter(|u| factors[*u] <= 0.0).collect();
        dead.truncate(factors.len().saturating_sub(floor));
        dead
    }

    fn bias(&self, network: &Network<f32>) -> Option<ParameterId> {
        network.node(self.out).parameter(Role::Bias)
    }

    /// Says whether all that the block holds is 0.
    pub(crate) fn is_closed(&self, network: &Network<f32>) -> bool {
        let zero = |id: &ParameterId| network.parameter(*id).values().iter().all(|v| *v == 0.0);
        self.gate.units(network).len() == 1 && self.parameters.iter().all(zero)
    }
}

impl Contents {
    /// Takes down what a block holds, without its dead units.
    pub(crate) fn of(network: &Network<f32>, block: &Block) -> Self {
        let living = block.living(network).into_iter();
        let bias = block.bias(network);
        Self {
            units: living.map(|u| snapshot(network, block.gate.groups[0].0, u)).collect(),
            bias: bias.map_or_else(Vec::new, |id| network.parameter(id).values().to_vec()),
        }
    }

    /// One unit, all 0.
    pub(crate) fn closed(network: &Network<f32>, block: &Block) -> Self {
        Self::with(network, block, 1, |_, length| vec![0.0; length])
    }

    /// `count` units with open gates (θ = 1) and drawn weights.
    pub(crate) fn drawn(
        network: &Network<f32>,
        block: &Block,
        count: usize,
        initializer: Initializer,
        stream: &mut Stream,
    ) -> Self {
        let inputs = block
            .parameters
            .iter()
            .map(|id| network.parameter(*id))
            .filter(|p| p.role() == Role::Weight)
            .map(|p| p.shape()[0])
            // The last layer's weight comes first and reads the hidden units.
            .next_back()
            .unwrap_or(1);
        let outputs = network.width(block.out);
        Self::with(network, block, count, |what, length| {
            let mut draw = |place: Place| match place {
                Place::FanIn => initializer.weight(inputs, count, stream),
                Place::Bias => initializer.bias(inputs, stream),
                Place::FanOut => initializer.weight(count, outputs, stream),
                Place::Output => initializer.bias(count, stream),
                Place::Gate => 1.0,
            };
            (0..length).map(|_| draw(what)).collect()
        })
    }

    fn with(
        network: &Network<f32>,
        block: &Block,
        count: usize,
        mut values: impl FnMut(Place, usize) -> Vec<f64>,
    ) -> Self {
        let owners = network.owners(block.gate.groups[0].0);
        let outputs = network.width(block.out);
        let mut unit = || {
            let mut fresh = FreshUnit::default();
            for owner in &owners {
                let parameter = network.parameter(owner.parameter);
                let (place, length) = match (parameter.role(), owner.axis) {
                    (Role::Weight, 0) => (Place::FanOut, outputs),
                    (Role::Weight, _) => (Place::FanIn, parameter.shape()[0]),
                    (Role::Gate, _) => (Place::Gate, 1),
                    _ => (Place::Bias, 1),
                };
                fresh.values.insert(slice_key(network, owner), values(place, length));
            }
            fresh
        };
        let units = (0..count).map(|_| unit()).collect();
        let bias = block.bias(network).map_or_else(Vec::new, |_| {
            values(Place::Output, outputs).into_iter().map(|v| v as f32).collect()
        });
        Self { units, bias }
    }

    /// The edit that puts these units in the place of the block's.
    pub(crate) fn edit(&self, block: &Block, cause: &str) -> Edit {
        let units = self.units.iter().cloned().map(NewUnit::Fresh);
        Edit::Units(UnitEdit {
            group: block.name.clone(),
            units: units.collect(),
            cause: cause.to_owned(),
            absorb_constants: false,
            across_norms: false,
        })
    }

    /// The bias that belongs to them, by the parameter's name.
    pub(crate) fn values(&self, network: &Network<f32>, block: &Block) -> Option<(String, Vec<f32>)> {
        let id = block.bias(network)?;
        Some((network.parameter(id).name().to_owned(), self.bias.clone()))
    }
}

/// What a value of a block is.
#[derive(Clone, Copy, Debug)]
enum Place {
    FanIn,
    Bias,
    Gate,
    FanOut,
    Output,
}
