//! What a training pass needs besides arrays: geometry of windows, and what the backward pass reads.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::execute::device::transfer::Link;
use crate::execute::device::windows;
use crate::graph::{Network, Node, NodeId};
use crate::kernels::Element;
use crate::layer::{Layer, Window};

/// Index lists and matrices of a layer with windows.
#[derive(Debug)]
pub(super) enum Geometry {
    Windows(Windows),
    /// (input positions, output positions).
    Averages(Tensor),
}

/// Which input position lies under which output and kernel position, and the reverse.
#[derive(Debug)]
pub(super) struct Windows {
    /// For each output and kernel position the input position; one past the last in the padding.
    pub taps: Tensor,
    pub positions: usize,
    pub kernel: usize,
    /// For each input position the places of `taps` that read it, filled up with one past the last.
    pub readers: Tensor,
    /// Readers of an input position, at most.
    pub most_readers: usize,
    /// (1, kernel, 1): the numbers of the kernel positions.
    pub numbers: Tensor,
    /// (1, kernel, 1): falling from kernel to 1, in f32.
    pub ranks: Tensor,
}

impl Geometry {
    /// The geometry of a node, if it has windows.
    pub fn of<E: Element>(network: &Network<E>, id: NodeId, link: &Link) -> Result<Option<Self>> {
        let node = network.node(id);
        let Some(input) = node.inputs().first() else {
            return Ok(None);
        };
        let map = network.node(*input).map();
        Ok(Some(match node.layer() {
            Layer::Conv { window, .. } | Layer::MaxPool { window } => Self::Windows(Windows::new(window, map, link)?),
            Layer::AvgPool { window } => Self::averages::<E>(windows::averages(window, map), map, link)?,
            Layer::AdaptiveAvgPool { output } => {
                Self::averages::<E>(windows::adaptive_averages(map, *output), map, link)?
            }
            _ => return Ok(None),
        }))
    }

    fn averages<E: Element>(matrix: Vec<f64>, map: [usize; 2], link: &Link) -> Result<Self> {
        let positions = map[0] * map[1];
        let values: Vec<E> = matrix.into_iter().map(E::from_f64).collect();
        let outputs = values.len() / positions;
        Ok(Self::Averages(link.upload(&values, &[positions, outputs])?))
    }
}

impl Windows {
    fn new(window: &Window, map: [usize; 2], link: &Link) -> Result<Self> {
        let positions = map[0] * map[1];
        let kernel = window.kernel[0] * window.kernel[1];
        let taps = windows::taps(window, map, positions as u32);
        let readers = readers(&taps, positions);
        let most_readers = readers.len() / positions;
        let ranks: Vec<f32> = (0..kernel).map(|k| (kernel - k) as f32).collect();
        let numbers: Vec<u32> = (0..kernel as u32).collect();
        Ok(Self {
            positions,
            kernel,
            readers: link.upload_indices(&readers, &[readers.len()])?,
            most_readers,
            numbers: link.upload_indices(&numbers, &[1, kernel, 1])?,
            ranks: link.upload(&ranks, &[1, kernel, 1])?,
            taps: link.upload_indices(&taps, &[taps.len()])?,
        })
    }

    /// Gathers windows: (networks, rows, channels) → (networks · samples · outputs, kernel, channels).
    pub fn columns(&self, x: &Tensor, padding: f64) -> Result<Tensor> {
        let (networks, rows, channels) = x.dims3()?;
        let samples = networks * rows / self.positions;
        let border = (Tensor::zeros((samples, 1, channels), x.dtype(), x.device())? + padding)?;
        let framed = Tensor::cat(&[&x.reshape((samples, self.positions, channels))?, &border], 1)?;
        Ok(framed
            .index_select(&self.taps, 1)?
            .reshape(((), self.kernel, channels))?)
    }

    /// Adds up what windows say of their input positions, in a fixed order: the transpose of [`Windows::columns`].
    pub fn scatter(&self, columns: &Tensor, networks: usize) -> Result<Tensor> {
        let channels = columns.dim(2)?;
        let places = self.taps.elem_count();
        let by_sample = columns.reshape(((), places, channels))?;
        let samples = by_sample.dim(0)?;
        let border = Tensor::zeros((samples, 1, channels), columns.dtype(), columns.device())?;
        let framed = Tensor::cat(&[&by_sample, &border], 1)?;
        let read = framed.index_select(&self.readers, 1)?;
        let sums = read
            .reshape((samples, self.positions, self.most_readers, channels))?
            .sum(2)?;
        Ok(sums.reshape((networks, samples * self.positions / networks, channels))?)
    }
}

/// For each input position the places of `taps` that name it, equally many for all.
fn readers(taps: &[u32], positions: usize) -> Vec<u32> {
    let mut lists = vec![Vec::new(); positions];
    for (place, tap) in taps.iter().enumerate() {
        if let Some(list) = lists.get_mut(*tap as usize) {
            list.push(place as u32);
        }
    }
    let most = lists.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for list in &mut lists {
        list.resize(most, taps.len() as u32);
    }
    lists.concat()
}

/// What a layer keeps for its backward pass besides inputs and output.
pub(super) enum Saved {
    /// The gathered windows of a convolution.
    Columns(Tensor),
    /// (rows, kernel, channels): 1 at the place of each maximum.
    Places(Tensor),
    /// The normalised values and 1 / √(variance + ε).
    Normal(Tensor, Tensor),
    /// What survivors of dropout are multiplied by, and 0 elsewhere.
    Factors(Tensor),
}

/// A forward pass that was run.
pub(super) struct Tape {
    /// By node: (networks, rows, channels).
    pub values: Vec<Option<Tensor>>,
    pub saved: BTreeMap<NodeId, Saved>,
    /// New running statistics by parameter index: (networks, channels).
    pub running: Vec<(usize, Tensor)>,
}

impl Tape {
    pub fn new(nodes: usize) -> Self {
        Self {
            values: vec![None; nodes],
            saved: BTreeMap::new(),
            running: Vec::new(),
        }
    }

    pub fn value(&self, id: NodeId, reader: &Node) -> Result<&Tensor> {
        let value = self.values[id.index()].as_ref();
        value.ok_or_else(|| Error::layer(reader.name(), "inputs computed before it", "none"))
    }
}

/// The nodes that the outputs depend on, as sessions have it, so that both draw the same masks.
pub(super) fn live<E: Element>(network: &Network<E>) -> Vec<bool> {
    let mut live = vec![false; network.nodes().len()];
    network.outputs().iter().for_each(|id| live[id.index()] = true);
    for &id in network.order().iter().rev() {
        if live[id.index()] {
            network
                .node(id)
                .inputs()
                .iter()
                .for_each(|input| live[input.index()] = true);
        }
    }
    live
}
