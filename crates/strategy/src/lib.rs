//! When, where and how a network changes its own size: the contract, its reusable parts, and the kit that tests it.
//!
//! A [`Strategy`] sees the network read-only, says what it [`Needs`] observed, may ask an [`Oracle`] about candidates, and
//! returns a [`Proposal`]; the trainer applies it in one place and says what became of it. Most published methods are a
//! [`Trigger`] (when), a [`Selector`] (where, how many) and an [`Initializer`] (how), put together by [`Composed`].
//!
//! ```
//! use espalier_strategy::{Composed, EveryEpochs, Groups, OneUnit, UnevenCopies, UnitRule};
//!
//! // Every second epoch, the unit that fires most in `hidden1` is split into two copies that part.
//! let selector = OneUnit::new(UnitRule::MaxFiringRate, Groups::one("hidden1"));
//! let strategy = Composed::new("busiest", EveryEpochs(2), selector, UnevenCopies);
//! # let _ = strategy;
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod chosen;
mod composed;
pub mod conformance;
mod controls;
mod cut;
mod dormancy;
mod error;
#[doc(hidden)]
pub mod forward;
mod gates;
mod gradients;
mod initializer;
mod needs;
mod noise;
mod null;
mod observations;
mod oracle;
mod proposal;
mod reading;
mod scalar_adam;
mod selector;
mod sites;
mod state;
mod strategy;
mod trigger;
mod view;
mod weight_layers;
mod wrappers;

pub use chosen::{Chosen, touched};
pub use composed::Composed;
pub use controls::{Controls, Restore, Setting};
pub use cut::BatchCut;
pub use dormancy::{dormancy, dormancy_scores};
pub use error::{Error, Result, check_scores, check_setting};
pub use gates::{Gate, Gates, remove_closed};
pub use gradients::Gradients;
pub use initializer::{
    EqualCopies, Initializer, Net2WiderCopies, ROUNDING, RandomSplit, Removal, UnevenCopies, WidenRandom,
    random_fan_in, split_plan,
};
pub use needs::{GradientForm, Need, Needs, Since};
pub use noise::{PARTING_NOISE, changed_values, disturb_fan_in, named_values};
pub use null::{Fixed, random_growth};
pub use observations::{GradientSum, Observations};
pub use oracle::{Batch, Oracle, Probe, Sample, SampleOracle, Spent};
pub use proposal::{Effect, Limits, Outcome, Prediction, Proposal, newborns};
pub use reading::Reading;
pub use scalar_adam::ScalarAdam;
pub use selector::{
    NewUnits, OneUnit, Pick, ScoreSelector, Selection, Selector, UnitRule, UnitScore, ablation_losses, firing_rates,
    largest, smallest, softmax,
};
pub use sites::{
    Groups, Site, emission_sites, last_site, living_numbers, parameter_ids, place_runs, places, produced_by,
    sites_read_by, slice_key, snapshot,
};
pub use state::State;
pub use strategy::{Strategy, Territory, prepare_all};
pub use trigger::{EffectiveRank, EveryEpochs, EverySteps, NewbornShare, Plateau, Schedule, Spread, Trigger};
pub use view::{Clock, Occasion, View};
pub use weight_layers::{mask_of, output_layers, prunable_layers};
pub use wrappers::{Alternating, Budgeted, Delayed, EveryKEpochs, OncePerUnit};
