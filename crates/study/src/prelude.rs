//! What every page names: `use espalier_study::prelude::*;`.

pub use espalier_report::figure::{
    Axis, BoxSummary, Colour, Colours, Dash, Estimates, Legend, Mark, Panel, Rule, Spread,
};
pub use espalier_report::page::{Margin, Report, TableBlock, Tally};
pub use espalier_report::rows::Rows;

pub use crate::plot::{
    Curves, Draw, Figures, Place, Plot, Sweep, bars, boxes, curves, custom, forest, frontier, grouped, scatter, sweep,
};
pub use crate::{
    Arm, Claims, Declared, Factor, Level, Measure, Nets, Quantity, Recorded, Set, Statistic, Study, Trial, Where,
    quantities, recorded,
};
