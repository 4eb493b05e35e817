//! Strategies as sizers: a net whose size a method changes while it trains.

use espalier_net::{GateForm, Network, NetworkBuilder, NodeId};
use espalier_strategy::Strategy;

use crate::bench::{Bench, Keeps, Trained};
use crate::error::Result;
use crate::sizer::{Kind, Sizer};
use crate::tuning::Dial;

/// What stands behind the ReLU of each hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Nothing.
    Plain,
    /// A gate, named `gate` and the layer's number.
    Gated(GateForm),
    /// Nothing; the layer's weight has a mask.
    Masked,
}

impl Ends {
    pub(crate) fn add(
        self,
        layers: &mut NetworkBuilder,
        hidden: NodeId,
        top: NodeId,
        layer: usize,
    ) -> espalier_net::Result<NodeId> {
        match self {
            Self::Plain => Ok(top),
            Self::Gated(form) => layers.gate(&format!("gate{layer}"), top, form),
            Self::Masked => layers.mask(hidden).map(|()| top),
        }
    }
}

/// What a strategy starts from and is, given the values of its dials.
pub type Start = fn(&Bench<'_>, &[f64]) -> Result<(Network<f32>, Box<dyn Strategy>)>;

/// A strategy that changes the net until size and validation loss stand still.
#[derive(Clone, Copy, Debug)]
pub struct Reshaping {
    /// Its name.
    pub name: &'static str,
    /// The net that it starts from and the strategy.
    pub start: Start,
    /// What may be tuned, with the defaults of its source.
    pub dials: &'static [Dial],
    /// Which epoch counts: the best for what grows, the last for what shrinks.
    pub keeps: Keeps,
    /// The share of the most epochs that it trains in any case, so that what it has planned takes place.
    pub least_share: f64,
}

impl Reshaping {
    fn seek(&self, bench: &mut Bench<'_>, values: &[f64]) -> Result<Trained> {
        let (network, strategy) = (self.start)(bench, values)?;
        let mut candidate = bench.begin_with(network, vec![strategy], self.keeps)?;
        let least = (self.least_share * bench.most_epochs() as f64).ceil() as u64;
        bench.advance(&mut candidate, least)?;
        bench.finish(candidate)
    }
}

/// A strategy with chosen values of its dials.
struct Turned {
    reshaping: Reshaping,
    values: Vec<f64>,
}

impl Sizer for Turned {
    fn name(&self) -> &'static str {
        self.reshaping.name
    }

    fn kind(&self) -> Kind {
        Kind::Strategy
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        self.reshaping.seek(bench, &self.values)
    }
}

impl Sizer for Reshaping {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::Strategy
    }

    fn dials(&self) -> &'static [Dial] {
        self.dials
    }

    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        Some(Box::new(Turned {
            reshaping: *self,
            values: values.to_vec(),
        }))
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let defaults: Vec<f64> = self.dials.iter().map(|dial| dial.default).collect();
        self.seek(bench, &defaults)
    }
}
