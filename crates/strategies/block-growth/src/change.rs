//! What a proposal puts in the place of blocks.

use espalier_net::{Network, ParameterGroup, Plan, Transplant};
use espalier_strategy::Proposal;

use crate::NAME;
use crate::block::{Block, Contents};
use crate::search::{Kept, Version};

/// How a reason begins that keeps a block.
pub(crate) const KEEPS: &str = "keeps ";
const OF_LAMBDA: &str = " units of λ ";
const OF_LOSS: &str = ", validation loss ";
const TRAINS: &str = "trains with λ ";
const OVER: &str = "growth is over";

/// The new contents of some blocks.
pub(crate) struct Change<'a> {
    pub network: &'a Network<f32>,
    pub blocks: &'a [Block],
    plan: Plan,
    values: Vec<(String, Vec<f32>)>,
}

impl<'a> Change<'a> {
    pub fn new(network: &'a Network<f32>, blocks: &'a [Block]) -> Self {
        Self {
            network,
            blocks,
            plan: Plan::new(NAME),
            values: Vec::new(),
        }
    }

    pub fn put(&mut self, block: &Block, contents: &Contents) {
        self.plan.edits.push(contents.edit(block, "block replaced"));
        self.values.extend(contents.values(self.network, block));
    }

    pub fn proposal(self, reason: String, groups: Vec<ParameterGroup>) -> Proposal {
        let plan = Plan { reason, ..self.plan };
        Proposal {
            values: self.values,
            parameter_groups: Some(groups),
            ..Proposal::new(plan).transplanting(Transplant::Rebuild)
        }
    }
}

pub(crate) fn described(block: &Block, version: &Version) -> String {
    let Version {
        lambda, units, loss, ..
    } = version;
    let name = &block.name;
    format!("`{name}` with {units}{OF_LAMBDA}{lambda}{OF_LOSS}{loss}")
}

/// What the reason of an edit says of the search, for readers of recorded edits.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The block that it keeps, where it keeps one.
    pub kept: Option<Kept>,
    /// The λ with which training goes on; none where growth is over.
    pub trains: Option<f64>,
}

impl Stage {
    /// Reads the reason of an edit; none where it is no step of the search, as the removal of dead units is not.
    ///
    /// # Example
    /// ```
    /// use espalier_block_growth::Stage;
    ///
    /// let reason = "block-growth; keeps `block1.hidden` with 3 units of λ 0.1, validation loss 0.5; growth is over";
    /// let stage = Stage::read(reason).expect("a step of the search");
    /// let kept = stage.kept.expect("a block");
    /// assert_eq!((kept.units, kept.lambda, kept.validation_loss, stage.trains), (3, 0.1, 0.5, None));
    /// assert_eq!(Stage::read("block-growth: 2 dead units"), None);
    /// ```
    #[must_use]
    pub fn read(reason: &str) -> Option<Self> {
        let mut parts = reason.split("; ");
        if parts.next() != Some(NAME) {
            return None;
        }
        let kept = parts.next()?.strip_prefix(KEEPS).and_then(kept);
        let last = parts.last()?;
        let trains = last.strip_prefix(TRAINS).map(str::parse);
        match trains {
            Some(lambda) => Some(Self {
                kept,
                trains: Some(lambda.ok()?),
            }),
            None => (last == OVER).then_some(Self { kept, trains: None }),
        }
    }
}

pub(crate) fn said(what: &str, trains: Option<f64>) -> String {
    match trains {
        Some(lambda) => format!("{NAME}; {what}; {TRAINS}{lambda}"),
        None => format!("{NAME}; {what}; {OVER}"),
    }
}

/// Reads what [`described`] has written.
fn kept(text: &str) -> Option<Kept> {
    let (block, rest) = text.strip_prefix('`')?.split_once("` with ")?;
    let (units, rest) = rest.split_once(OF_LAMBDA)?;
    let (lambda, loss) = rest.split_once(OF_LOSS)?;
    Some(Kept {
        block: block.to_owned(),
        lambda: lambda.parse().ok()?,
        units: units.parse().ok()?,
        validation_loss: loss.parse().ok()?,
    })
}
