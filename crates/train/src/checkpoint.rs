//! Checkpoints from which training goes on bit for bit, at the end of an epoch or within it.

use std::sync::Arc;
use std::time::Instant;

use espalier_data::Dataset;
use espalier_net::save::{self, Checkpoint};
use espalier_net::{DeviceChoice, Session};
use espalier_seed::{Seed, StreamState};
use espalier_strategy::{Observations, Reading, State, Strategy, prepare_all};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::evaluation::EVALUATION_ROWS;
use crate::events::Events;
use crate::growth::GROWTH_SAMPLES;
use crate::hooks::{Hooks, Member};
use crate::laboratory::{Laboratory, Pending};
use crate::regime::Regime;
use crate::trainer::{EpochPart, StopReason, Trainer};

#[derive(Serialize, Deserialize)]
struct Saved {
    regime: Regime,
    /// A number that only the same seed gives.
    seed: u64,
    dataset: String,
    epoch: u64,
    step: u64,
    train_macs: u64,
    part: EpochPart,
    stopped: Option<StopReason>,
    wall_seconds: f64,
    /// Under the name that files have had from the beginning.
    #[serde(rename = "crew")]
    hooks: Option<SavedHooks>,
}

/// The strategies' part of a checkpoint.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedHooks {
    names: Vec<String>,
    states: Vec<Vec<u8>>,
    observed: Vec<Observations>,
    stream: StreamState,
    events: Events,
    pending: Vec<Pending>,
    started: bool,
}

impl SavedHooks {
    pub fn count(&self) -> usize {
        self.names.len()
    }
}

impl Trainer {
    /// Lets strategies change the network while it trains.
    ///
    /// A trainer that was resumed from a checkpoint with strategies needs the same ones again, with the same settings;
    /// they take up their states.
    ///
    /// # Errors
    /// What a strategy refuses: settings outside their range, a network that it cannot work on, a budget below the
    /// present size, two strategies that would change the same group; strategies other than those of the checkpoint.
    pub fn with_strategies(mut self, mut strategies: Vec<Box<dyn Strategy>>) -> Result<Self> {
        let saved = self.waiting.take();
        if let Some(saved) = &saved {
            let names: Vec<&str> = strategies.iter().map(|s| s.name()).collect();
            if names != saved.names {
                let reason = format!("expected the strategies {:?}, found {names:?}", saved.names);
                return Err(Error::Checkpoint { reason });
            }
        }
        if strategies.is_empty() {
            return Ok(self);
        }
        // A training that has ended may have folded the layers that a strategy needs; nothing is left to be decided there.
        if saved.is_none() || self.epoch < self.regime.epochs {
            prepare_all(&mut strategies, &self.network)?;
        }
        let batch = GROWTH_SAMPLES.min(self.data.train.len()).max(1);
        let fresh = |strategy| Member {
            strategy,
            observed: Observations::default(),
            needs: espalier_strategy::Needs::none(),
        };
        let rows = batch.max(EVALUATION_ROWS);
        let mut session = Session::new(&self.network, rows, &DeviceChoice::Cpu, &self.seed.named("oracle"))?;
        session.set_background(0, self.background());
        let mut hooks = Hooks {
            members: strategies.into_iter().map(fresh).collect(),
            laboratory: Laboratory {
                session,
                buffer: self.regime.buffer(&self.data, batch),
                pending: Vec::new(),
            },
            events: Events::default(),
            readings: Vec::new(),
            started: self.step > 0,
        };
        if let Some(saved) = saved {
            for (member, (state, observed)) in hooks
                .members
                .iter_mut()
                .zip(saved.states.into_iter().zip(saved.observed))
            {
                member.strategy.restore(&State::from_bytes(state))?;
                member.observed = observed;
            }
            hooks.laboratory.session.restore_stream(&saved.stream);
            hooks.events = saved.events;
            hooks.laboratory.pending = saved.pending;
            hooks.started = saved.started;
        }
        self.hooks = Some(Box::new(hooks));
        Ok(self)
    }

    /// What was recorded of the strategies' edits; none without strategies.
    #[must_use]
    pub fn events(&self) -> Option<&Events> {
        self.hooks.as_ref().map(|c| &c.events)
    }

    /// What the strategies had learned when the last epoch ended, before they decided, or before an epoch has ended by their
    /// decision at the start; not part of a checkpoint.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        self.hooks.as_ref().map_or(&[], |hooks| &hooks.readings)
    }

    /// Saves all that training needs to go on: network, optimizer, streams, the place in the epoch, strategies.
    ///
    /// # Errors
    /// Fails where a strategy's state cannot be saved.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let hooks = self.hooks.as_ref().map(|c| save_hooks(c)).transpose()?;
        let saved = Saved {
            regime: self.regime.clone(),
            seed: fingerprint(&self.seed),
            dataset: self.data.info.name.clone(),
            epoch: self.epoch,
            step: self.step,
            train_macs: self.train_macs,
            part: self.part,
            stopped: self.stopped.clone(),
            wall_seconds: self.clock().wall_seconds,
            hooks,
        };
        let state = State::of("trainer", &saved)?;
        let checkpoint = Checkpoint::of(&self.network)
            .with_optimizer(&self.optimizer)
            .with_stream("dropout", self.session.stream_state())
            .with_extra("trainer", to_hex(state.bytes()));
        Ok(save::to_bytes(&checkpoint)?)
    }

    /// Goes on from a checkpoint as if training had never stopped; `regime` may only differ in the number of epochs.
    ///
    /// # Errors
    /// Refuses bytes that are no checkpoint of a trainer, and another data set, regime or seed.
    pub fn resume(bytes: &[u8], data: Arc<Dataset>, regime: Regime, seed: &Seed) -> Result<Self> {
        // A training that diverges has values that are not finite before its loss says so.
        let checkpoint = save::from_bytes_with::<f32>(bytes, save::Values::Any)?;
        let wrong = |what: &str| Error::Checkpoint {
            reason: format!("expected {what}, found none"),
        };
        let text = checkpoint
            .extra
            .get("trainer")
            .ok_or_else(|| wrong("the state of a trainer"))?;
        let state =
            State::from_bytes(from_hex(text).ok_or_else(|| wrong("the state of a trainer in hexadecimal digits"))?);
        let saved: Saved = state.read("trainer")?;
        check_same("data set", &saved.dataset, &data.info.name)?;
        check_same(
            "regime",
            &Regime {
                epochs: regime.epochs,
                ..saved.regime
            },
            &regime,
        )?;
        check_same("seed's fingerprint", &saved.seed, &fingerprint(seed))?;
        let mut trainer = Self::new(checkpoint.network.into_owned(), data, regime, seed)?;
        trainer.optimizer = checkpoint.optimizer.ok_or_else(|| wrong("an optimizer"))?.into_owned();
        trainer.session.restore_stream(
            checkpoint
                .streams
                .get("dropout")
                .ok_or_else(|| wrong("the stream `dropout`"))?,
        );
        trainer.epoch = saved.epoch;
        trainer.step = saved.step;
        trainer.train_macs = saved.train_macs;
        trainer.part = saved.part;
        trainer.stopped = saved.stopped.filter(|s| *s != StopReason::Finished);
        trainer.began = (saved.wall_seconds, Instant::now());
        trainer.waiting = saved.hooks;
        if trainer.part.steps > 0 {
            trainer.draw_order();
        }
        Ok(trainer)
    }
}

fn save_hooks(hooks: &Hooks) -> Result<SavedHooks> {
    let states = hooks
        .members
        .iter()
        .map(|m| Ok(m.strategy.state()?.bytes().to_vec()))
        .collect::<Result<_>>()?;
    Ok(SavedHooks {
        names: hooks.members.iter().map(|m| m.strategy.name().to_owned()).collect(),
        states,
        observed: hooks.members.iter().map(|m| m.observed.clone()).collect(),
        stream: hooks.laboratory.session.stream_state(),
        events: hooks.events.clone(),
        pending: hooks.laboratory.pending.clone(),
        started: hooks.started,
    })
}

fn fingerprint(seed: &Seed) -> u64 {
    seed.named("checkpoint").stream().next_u64()
}

fn check_same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Checkpoint {
        reason: format!("{what}: expected {expected:?}, found {found:?}"),
    })
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect())
}
