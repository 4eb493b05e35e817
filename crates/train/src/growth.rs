//! The growth batch, and an oracle that gathers it when it is first asked.

use espalier_data::{Dataset, Split};
use espalier_metrics::UnitMoments;
use espalier_net::{Ablation, Network, NodeId, OptimizerKind, Session};
use espalier_seed::Stream;
use espalier_strategy::{Batch, Oracle, Probe, Sample, SampleOracle, Spent};

use crate::batch::{BatchSource, stretch};
use crate::regime::Regime;

/// Samples of the growth batch.
pub(crate) const GROWTH_SAMPLES: usize = 512;

/// Draws different rows.
pub(crate) fn draw_rows(rows: usize, count: usize, stream: &mut Stream) -> Vec<u32> {
    if count * 2 >= rows {
        let mut all = stream.permutation(rows);
        all.truncate(count);
        return all.into_iter().map(|r| r as u32).collect();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let row = stream.below(rows) as u32;
        if seen.insert(row) {
            drawn.push(row);
        }
    }
    drawn
}

/// Answers from the data set; a decision that asks nothing costs nothing.
pub(crate) struct DataOracle<'a> {
    pub session: &'a mut Session<f32>,
    pub buffer: &'a mut BatchSource,
    pub data: &'a Dataset,
    pub regime: &'a Regime,
    pub rows: Vec<u32>,
    pub gathered: bool,
    pub spent: Spent,
    pub stream: Stream,
}

impl DataOracle<'_> {
    /// Draws and gathers the growth batch, if that is still to be done.
    pub fn gather(&mut self) -> espalier_strategy::Result<()> {
        if self.gathered {
            return Ok(());
        }
        let train = &self.data.train;
        if self.rows.is_empty() {
            self.rows = draw_rows(train.len(), GROWTH_SAMPLES.min(train.len()), &mut self.stream);
        }
        let gathered = self.buffer.gather(train, &self.rows).map(|_| ());
        gathered.map_err(|e| {
            espalier_strategy::Error::observation("growth batch", "rows of the training split", e.to_string())
        })?;
        self.gathered = true;
        Ok(())
    }

    pub fn with<T>(
        &mut self,
        ask: impl FnOnce(&mut SampleOracle<'_>) -> espalier_strategy::Result<T>,
    ) -> espalier_strategy::Result<T> {
        self.gather()?;
        let (inputs, target) = self.buffer.held(self.rows.len());
        let validation = self.data.split(Split::Validation);
        let (features, labels) = stretch(validation, 0, validation.len());
        let mut oracle = SampleOracle {
            session: self.session,
            growth: Batch {
                inputs,
                target,
                samples: self.rows.len(),
            },
            validation: Batch {
                inputs: features,
                target: labels,
                samples: validation.len(),
            },
            loss: self.regime.loss,
            batch: self.regime.batch,
            max_macs: None,
            spent: self.spent,
        };
        let answer = ask(&mut oracle);
        self.spent = oracle.spent;
        answer
    }
}

impl Oracle for DataOracle<'_> {
    fn loss(&mut self, network: &Network<f32>, on: Sample) -> espalier_strategy::Result<f64> {
        self.with(|o| o.loss(network, on))
    }

    fn ablated_loss(
        &mut self,
        network: &Network<f32>,
        ablation: Ablation,
        on: Sample,
    ) -> espalier_strategy::Result<f64> {
        self.with(|o| o.ablated_loss(network, ablation, on))
    }

    fn probe(&mut self, network: &Network<f32>, nodes: &[NodeId]) -> espalier_strategy::Result<Probe> {
        self.with(|o| o.probe(network, nodes))
    }

    fn activations(
        &mut self,
        network: &Network<f32>,
        nodes: &[NodeId],
        on: Sample,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> espalier_strategy::Result<()> {
        self.with(|o| o.activations(network, nodes, on, see))
    }

    fn train(
        &mut self,
        network: &mut Network<f32>,
        optimizer: &OptimizerKind,
        rate: f64,
        steps: u64,
    ) -> espalier_strategy::Result<f64> {
        self.with(|o| o.train(network, optimizer, rate, steps))
    }

    fn spent(&self) -> Spent {
        self.spent
    }

    fn moments(&mut self, network: &Network<f32>, node: NodeId, on: Sample) -> espalier_strategy::Result<UnitMoments> {
        self.with(|o| o.moments(network, node, on))
    }
}
