#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod block;
mod change;
mod search;
mod settings;

use espalier_net::{GateForm, Network, ParameterGroup, ParameterSelector};
use espalier_strategy::{
    Clock, Error, Gates, Gradients, Need, Needs, Occasion, Oracle, Outcome, Proposal, Result, Sample, State, Strategy,
    Territory, View, parameter_ids, remove_closed,
};
use serde::{Deserialize, Serialize};

pub use block::{Block, block_net, find_blocks, first_blocks, living_units};
pub use change::Stage;
pub use search::{End, Kept, Phase};
pub use settings::BlockGrowthSettings;

use block::{Contents, block_of};
use change::{Change, KEEPS, described, said};
use search::{EpochResult, Search, Verdict, Version};

pub(crate) const NAME: &str = "block-growth";

/// Trains one gated block after the other on what the frozen sum of those before it leaves over.
///
/// # Example
/// ```
/// use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, block_net};
/// use espalier_seed::Seed;
/// use espalier_strategy::Strategy;
///
/// let network = block_net(784, 5, 10, &Seed::new(1))?;
/// let mut strategy = BlockGrowth::new(BlockGrowthSettings { block_units: 25, ..Default::default() });
/// strategy.prepare(&network)?;
/// # Ok::<(), espalier_strategy::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockGrowth {
    settings: BlockGrowthSettings,
    progress: Option<Progress>,
}

/// All that is kept between steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    search: Search,
    end: Option<End>,
    /// What the newest block falls back to where the proposal under way is refused.
    fallback: Option<Fallback>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fallback {
    block: usize,
    contents: Contents,
    /// Whether it is itself what was proposed.
    proposed: bool,
}

impl BlockGrowth {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: BlockGrowthSettings) -> Self {
        Self {
            settings,
            progress: None,
        }
    }

    /// The blocks that were kept, oldest first.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        self.progress.as_ref().map_or(&[], |p| &p.search.kept)
    }

    /// Why growth is over, if it is.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.progress.as_ref().and_then(|p| p.end.as_ref())
    }

    /// The validation loss that the next block has to beat: of the kept blocks, or of the network without any.
    #[must_use]
    pub fn best_loss(&self) -> Option<f64> {
        self.progress.as_ref().map(|p| p.search.best_loss)
    }

    /// The place of the block that trains, the way λ goes, and λ.
    #[must_use]
    pub fn trial(&self) -> Option<(usize, Phase, f64)> {
        let progress = self.progress.as_ref().filter(|p| p.end.is_none())?;
        let search = &progress.search;
        Some((search.block, search.phase, self.settings.lambda_at(search.steps)))
    }

    /// The block that trains.
    fn newest(&self, network: &Network<f32>) -> Result<Option<Block>> {
        match self.trial() {
            Some((place, ..)) => Ok(Some(block_of(&find_blocks(network)?, place)?.clone())),
            None => Ok(None),
        }
    }

    /// Closes all blocks but the first, which it opens.
    fn begin(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let network = view.network;
        let blocks = find_blocks(network)?;
        let empty = first_blocks(network, 0)?;
        let loss = oracle.loss(&empty, Sample::Validation)?;
        if !loss.is_finite() {
            return Err(Error::observation(
                "validation loss without blocks",
                "a finite loss",
                loss.to_string(),
            ));
        }
        self.progress = Some(Progress {
            search: Search::new(loss),
            end: None,
            fallback: None,
        });
        let mut change = Change::new(network, &blocks);
        for block in blocks.iter().skip(1).filter(|b| !b.is_closed(network)) {
            change.put(block, &Contents::closed(network, block));
        }
        let first = block_of(&blocks, 0)?;
        let closed = Contents::closed(network, first);
        change.put(first, &self.drawn(view, first));
        self.finish(change, format!("opens `{}`", first.name), 0, closed)
    }

    fn drawn(&self, view: &View<'_>, block: &Block) -> Contents {
        let (count, initializer) = (self.settings.block_units, self.settings.initializer);
        let mut stream = view.seed.named("block").named(&block.name).stream();
        Contents::drawn(view.network, block, count, initializer, &mut stream)
    }

    /// Judges the trial by the epoch that is over.
    fn judge(&mut self, view: &View<'_>) -> Result<Option<Proposal>> {
        let loss = view
            .observed
            .validation_loss()
            .ok_or_else(|| Error::observation("validation loss", "the loss on the validation split", "none"))?;
        let (network, blocks) = (view.network, find_blocks(view.network)?);
        let Some((place, ..)) = self.trial() else {
            return Ok(None);
        };
        let block = block_of(&blocks, place)?;
        let result = EpochResult {
            units: block.living(network).len(),
            loss,
            last: view.clock.epoch >= view.clock.epochs,
        };
        let Some(progress) = &mut self.progress else {
            return Ok(None);
        };
        let verdict = progress
            .search
            .after_epoch(&self.settings, result, || Contents::of(network, block));
        match verdict {
            Verdict::GoOn => {
                let dead = block.dead(network);
                let dead = if dead.is_empty() {
                    Vec::new()
                } else {
                    vec![(block.gate.groups[0].0, dead)]
                };
                remove_closed(network, NAME, "dead", &dead, &[])
            }
            Verdict::Keep(version) => self.keep(view, &blocks, place, &version, result.last),
            Verdict::Redraw => {
                let mut change = Change::new(network, &blocks);
                change.put(block, &self.drawn(view, block));
                let reason = format!("draws `{}` anew", block.name);
                self.finish(change, reason, place, Contents::closed(network, block))
            }
            Verdict::Raise(version) => {
                let mut change = Change::new(network, &blocks);
                change.put(block, &version.contents);
                let reason = format!("accepts {}", described(block, &version));
                self.finish(change, reason, place, version.contents)
            }
            Verdict::Close(end) => {
                progress.end = Some(end);
                let closed = Contents::closed(network, block);
                let mut change = Change::new(network, &blocks);
                change.put(block, &closed);
                self.finish(change, format!("closes `{}`", block.name), place, closed)
            }
        }
    }

    /// Freezes a version of the newest block and opens the next one, if there is time for it.
    fn keep(
        &mut self,
        view: &View<'_>,
        blocks: &[Block],
        place: usize,
        version: &Version,
        last: bool,
    ) -> Result<Option<Proposal>> {
        let block = block_of(blocks, place)?;
        let next = blocks.get(place + 1).filter(|_| !last);
        if let Some(progress) = &mut self.progress {
            progress.search.keep(block.name.clone(), version);
            progress.end = match (next, last) {
                (Some(_), _) => None,
                (None, true) => Some(End::TrainingOver),
                (None, false) => Some(End::AllKept),
            };
        }
        let mut change = Change::new(view.network, blocks);
        change.put(block, &version.contents);
        let mut reason = format!("{KEEPS}{}", described(block, version));
        if let Some(next) = next {
            change.put(next, &self.drawn(view, next));
            reason = format!("{reason}; opens `{}`", next.name);
        }
        self.finish(change, reason, place, version.contents.clone())
    }

    /// Makes the proposal: everything but the newest block is frozen, and the optimizer starts anew.
    fn finish(
        &mut self,
        change: Change<'_>,
        what: String,
        place: usize,
        fallback: Contents,
    ) -> Result<Option<Proposal>> {
        let lambda = self.trial().map(|(.., lambda)| lambda);
        let reason = said(&what, lambda);
        let trains = self.trial().map(|t| t.0);
        let proposed = self.end().is_some();
        if let Some(progress) = &mut self.progress {
            progress.fallback = Some(Fallback {
                block: place,
                contents: fallback,
                proposed,
            });
        }
        let groups = self.groups(change.network, change.blocks, trains)?;
        Ok(Some(change.proposal(reason, groups)))
    }

    /// The optimizer's parameter groups: the settings' and one that holds all but the newest block still.
    fn groups(&self, network: &Network<f32>, blocks: &[Block], trains: Option<usize>) -> Result<Vec<ParameterGroup>> {
        let trained = match trains {
            Some(place) => block_of(blocks, place)?.parameters.as_slice(),
            None => &[],
        };
        let still: Vec<_> = parameter_ids(network)
            .into_iter()
            .filter(|id| !trained.contains(id))
            .collect();
        let mut groups = self.settings.parameter_groups.clone();
        let select = ParameterSelector::parameters(network, &still);
        groups.push(ParameterGroup::new(select).weight_decay(0.0).rate_factor(0.0));
        Ok(groups)
    }

    /// Puts the newest block back after a proposal was refused.
    fn fall_back(&mut self, network: &Network<f32>) -> Result<Option<Proposal>> {
        let refused = |p: &Progress| matches!(p.end, Some(End::Refused(_)));
        let fallback = self
            .progress
            .as_ref()
            .filter(|p| refused(p))
            .and_then(|p| p.fallback.clone());
        let Some(Fallback {
            block: place, contents, ..
        }) = fallback
        else {
            return Ok(None);
        };
        let blocks = find_blocks(network)?;
        let block = block_of(&blocks, place)?;
        let mut change = Change::new(network, &blocks);
        change.put(block, &contents);
        self.finish(change, format!("puts `{}` back", block.name), place, contents)
    }
}

impl Strategy for BlockGrowth {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        let blocks = find_blocks(network)?;
        let gates = blocks
            .iter()
            .map(|b| network.node(b.gate.node).name().to_owned())
            .collect();
        Gates::Named(gates).check(NAME, network, Some(GateForm::Rectified))?;
        Ok(())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let blocks = find_blocks(network).unwrap_or_default();
        Territory {
            edits: blocks.iter().map(|b| b.gate.groups[0].0).collect(),
            controls: blocks.iter().map(|b| b.gate.node).collect(),
        }
    }

    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        match self.end() {
            Some(_) => Needs::none(),
            None => Needs::none().with(Need::ValidationLoss),
        }
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        let (Some(block), Some((.., lambda))) = (self.newest(view.network)?, self.trial()) else {
            return Ok(0.0);
        };
        let gate = block.gate.parameter;
        let mut total = 0.0;
        for (gradient, theta) in gradients
            .get_mut(gate)
            .iter_mut()
            .zip(view.network.parameter(gate).values())
        {
            if *theta > 0.0 {
                total += lambda * f64::from(*theta);
                *gradient += lambda as f32;
            }
        }
        Ok(total)
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        if self.progress.is_none() {
            return Ok(());
        }
        // Frozen gradients would take a share in clipping by their norm.
        let trained = self.newest(view.network)?.map_or_else(Vec::new, |b| b.parameters);
        for id in parameter_ids(view.network)
            .into_iter()
            .filter(|id| !trained.contains(id))
        {
            gradients.get_mut(id).fill(0.0);
        }
        Ok(())
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        match (view.occasion, &self.progress) {
            (Occasion::Start, _) | (Occasion::Epoch, None) => self.begin(view, oracle),
            (_, Some(progress)) if progress.end.is_some() => self.fall_back(view.network),
            (Occasion::Epoch, Some(_)) => self.judge(view),
            (Occasion::Step, _) => Ok(None),
        }
    }

    fn settled(&mut self, outcome: &Outcome, _network: &Network<f32>) -> Result<()> {
        let Some(progress) = &mut self.progress else {
            return Ok(());
        };
        let Some(fallback) = progress.fallback.take() else {
            return Ok(());
        };
        let reason = match outcome {
            Outcome::Applied(_) => return Ok(()),
            Outcome::Refused { reason } => reason.clone(),
            Outcome::RolledBack { deviation, .. } => format!("outputs moved by {deviation:e}"),
        };
        if fallback.proposed {
            let expected = "what the kept blocks need to be put back";
            return Err(Error::observation(
                format!("block {}", fallback.block + 1),
                expected,
                reason,
            ));
        }
        progress.end = Some(End::Refused(reason));
        progress.fallback = Some(fallback);
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.progress)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.progress = state.read(NAME)?;
        Ok(())
    }
}
