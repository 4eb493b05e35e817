//! Networks whose layers change their width while they train.
//!
//! A [`Network`] is a graph of layers. Every axis of every parameter declares which units stand
//! on it, so that one engine can split, widen, prune, permute, recycle and merge units of any
//! layer, through norms, convolutions, flattens, concats, slices and residual sums. Edits are
//! data ([`Plan`]); [`Network::apply`] does all of a plan or nothing, says what it does to the
//! function, keeps a ledger, and returns how every array followed, so that the [`Optimizer`]
//! can follow too.
//!
//! # One example per kind of edit
//! ```
//! use espalier_net::{ApplyOptions, Edit, FreshUnit, GateForm, Network, NetworkBuilder, Plan, Preservation, Scales, Units};
//! use espalier_net::{Activation, Result};
//! use espalier_seed::Seed;
//!
//! fn network() -> Result<Network> {
//!     let mut layers = NetworkBuilder::new();
//!     let x = layers.input("x", [1, 1], 4)?;
//!     let top = layers.dense("hidden", x, 6)?;
//!     let top = layers.activation("relu", top, Activation::Relu)?;
//!     let top = layers.gate("gate", top, GateForm::Rectified)?;
//!     let logits = layers.dense("logits", top, 3)?;
//!     layers.build(&[logits], &Seed::new(1))
//! }
//!
//! let apply = |edit: Edit| -> Result<(Network, Preservation)> {
//!     let mut network = network()?;
//!     let applied = network.apply(&Plan::new("an example").with(edit), &ApplyOptions::default())?;
//!     Ok((network, applied.preservation))
//! };
//! let base = network()?;
//! let hidden = base.find_group("hidden")?;
//! let units = || Units::of(&base, hidden);
//!
//! // Split: two copies that share what the original sent out, a = (1, 1), g = (½, ½).
//! let (split, claim) = apply(units().split(0, &Scales::equal(2))?.edit("split"))?;
//! assert_eq!((split.group(hidden).width(), claim), (7, Preservation::Exact));
//!
//! // Widen: a unit with given fan-in weights and no fan-out yet.
//! let mut fresh = FreshUnit::default();
//! fresh.values.insert("hidden.weight@1".into(), vec![0.1, -0.2, 0.3, 0.0]);
//! let (wider, claim) = apply(units().widen([fresh]).edit("grown"))?;
//! assert_eq!((wider.parameter_count(), claim), (base.parameter_count() + 4 + 1 + 1 + 3, Preservation::Exact));
//!
//! // Prune: preserving only if the units were silent.
//! let (pruned, claim) = apply(units().prune(&[1, 4])?.edit("too small"))?;
//! assert_eq!(pruned.group(hidden).width(), 4);
//! assert!(matches!(claim, Preservation::Conditional(_)));
//!
//! // Permute.
//! let (_, claim) = apply(units().permute(&[5, 4, 3, 2, 1, 0])?.edit("permuted"))?;
//! assert_eq!(claim, Preservation::Exact);
//!
//! // Recycle: the dead unit 3 becomes a copy of unit 0 and takes 0.3 of its fan-out.
//! let (recycled, _) = apply(units().recycle(&[3], 0, &[0.3])?.edit("dead"))?;
//! assert_eq!(recycled.genealogy().unit(base.group(hidden).units()[3]).unwrap().death, Some((0, "dead".to_owned())));
//!
//! // Merge: unit 2 joins unit 1, whose activation is taken to be the same.
//! let (merged, _) = apply(units().merge(&[(1, 1.0), (2, 1.0)])?.edit("twins"))?;
//! assert_eq!(merged.group(hidden).width(), 5);
//!
//! // Reinitialise in place.
//! let (_, claim) = apply(units().reinitialize(2, FreshUnit::default())?.edit("redrawn"))?;
//! assert!(matches!(claim, Preservation::Conditional(_)));
//!
//! // Deepen by a layer that starts as the identity.
//! let (deeper, claim) = apply(Edit::Deepen { after: "gate".into(), name: "second".into() })?;
//! assert_eq!((deeper.parameter_count(), claim), (base.parameter_count() + 6 * 6 + 6, Preservation::Exact));
//!
//! // Fold the gate into the weights that read it.
//! let (folded, claim) = apply(Edit::FoldGate { gate: "gate".into() })?;
//! assert_eq!((folded.parameter_count(), claim), (base.parameter_count() - 6, Preservation::Exact));
//! # Ok::<(), espalier_net::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod edit;
mod error;
pub mod execute;
mod file;
mod graph;
mod groups;
#[doc(hidden)]
pub mod kernels;
mod layer;
mod ledger;
mod optimizer;
mod session;
mod stack;

pub use edit::apply::{Applied, ApplyOptions, Certificate, OverBudget, Preservation, ScalePolicy, UnitMap};
pub use edit::remap::{AxisRun, ParameterMap, PlacePart};
pub use edit::units::Units;
pub use error::{Error, Result};
pub use execute::{Ablation, Bytes, Mode, Outputs, Traffic};
pub use file::{export, save};
pub use graph::builder::NetworkBuilder;
pub use graph::initializer::Initializer;
pub use graph::models;
pub use graph::owners::Owner;
pub use graph::{Network, Node, NodeId};
pub use groups::genealogy::{Genealogy, UnitId, UnitRecord};
pub use groups::{Group, GroupId};
pub use kernels::sparse::LEAST_BACKGROUND;
pub use kernels::{Element, Threads};
pub use layer::parameter::{Axis, Parameter, ParameterId, Role, Side, Space};
pub use layer::{Activation, ChannelFlow, GateForm, Layer, Recurrent, Statistics, Window};
pub use ledger::edit::{Edit, FreshUnit, NewUnit, Part, Plan, Scales, UnitEdit};
pub use ledger::{Cost, Entry, Ledger};
pub use optimizer::schedule::{Clipping, RateSchedule, RateStage, gradient_norm};
pub use optimizer::{
    AdaMaxSettings, AdagradSettings, AdamSettings, Optimizer, OptimizerKind, ParameterGroup, ParameterSelector,
    RmsPropSettings, SgdSettings, Transplant, UnitReset,
};
pub use session::loss::{Head, LossKind, StepOutcome, Target};
pub use session::{DeviceChoice, Precision, Session};
pub use stack::{Stack, StepSettings};
