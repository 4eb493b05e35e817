//! Edits of networks: what each does to every array, and what it does to the function.

pub(crate) mod apply;
pub(crate) mod remap;
mod surgery;
mod unit_edit;
mod unit_norms;
pub(crate) mod units;
