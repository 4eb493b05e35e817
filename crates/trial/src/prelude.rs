//! What every experiment that trains networks names: `use espalier_trial::prelude::*;`.

pub use std::fmt::{self, Display};

pub use espalier_data::{Dataset, LoadOptions, TransformChoice};
pub use espalier_experiment::{
    About, Columns, Diverged, Footprint, Golden, Missing, Preset, Range, ReportContext, TrialContext, golden, settings,
};
pub use espalier_net::{Network, OptimizerKind, RateSchedule};
pub use espalier_report::page::Report;
pub use espalier_report::rows::{Record, Row, blank};
pub use espalier_report::{named, tables};
pub use espalier_seed::Seed;
pub use espalier_train::Regime;
pub use serde::{Deserialize, Serialize};

pub use crate::rows;
pub use crate::{Design, EditRow, Moment, Perceptron, Run, Trained, Training, absent, own_row, own_rows};
