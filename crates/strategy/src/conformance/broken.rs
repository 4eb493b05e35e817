//! An oracle whose answers are broken as observations are.

use espalier_net::{Ablation, Network, NodeId, OptimizerKind};

use crate::error::{Error, Result};
use crate::oracle::{Oracle, Probe, Sample, SampleOracle, Spent};

/// Answers with one value in every place, or with a refusal.
pub(super) struct BrokenOracle<'a> {
    pub inner: SampleOracle<'a>,
    /// The value; none refuses.
    pub value: Option<f64>,
}

impl BrokenOracle<'_> {
    fn value(&self) -> Result<f64> {
        self.value
            .ok_or_else(|| Error::observation("the oracle", "an answer", "none"))
    }
}

impl Oracle for BrokenOracle<'_> {
    fn loss(&mut self, network: &Network<f32>, on: Sample) -> Result<f64> {
        self.inner.loss(network, on)?;
        self.value()
    }

    fn ablated_loss(&mut self, network: &Network<f32>, ablation: Ablation, on: Sample) -> Result<f64> {
        self.inner.ablated_loss(network, ablation, on)?;
        self.value()
    }

    fn probe(&mut self, network: &Network<f32>, nodes: &[NodeId]) -> Result<Probe> {
        let mut probe = self.inner.probe(network, nodes)?;
        probe.overwrite(self.value()?);
        Ok(probe)
    }

    fn activations(
        &mut self,
        network: &Network<f32>,
        nodes: &[NodeId],
        on: Sample,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        let value = self.value()? as f32;
        self.inner
            .activations(network, nodes, on, &mut |k, values| see(k, &vec![value; values.len()]))
    }

    fn train(&mut self, network: &mut Network<f32>, optimizer: &OptimizerKind, rate: f64, steps: u64) -> Result<f64> {
        self.inner.train(network, optimizer, rate, steps)?;
        self.value()
    }

    fn spent(&self) -> Spent {
        self.inner.spent()
    }
}
