//! Typed rows: what trials record and reports read back.
//!
//! A trial fills a [`Record`]: tables of flat structs that implement [`Row`]. Records of
//! all trials become [`Rows`], sorted by data set, variant and seed, which are stored as
//! one Parquet file per table and read back as the same types. Column types come from
//! the row's type, not from its values, so that a column of nothing but `None` and a
//! table without rows survive; so do NaN and the infinities.

mod blank;
mod cell;
mod decode;
mod encode;
mod export;
mod file;
mod layout;
#[cfg(feature = "parquet")]
mod parquet;
mod record;
#[cfg(feature = "parquet")]
mod seal;
mod shape;
mod sheet;
#[cfg(feature = "parquet")]
mod stored;
mod table;

pub use blank::{blank, named};
pub use cell::{Cell, Column, ColumnKind};
pub use encode::fields;
pub use record::{Keyed, Record, Row, Tables, TrialKey};
pub use sheet::{Rows, TIMINGS, VARIANTS, is_timing};
pub use table::{KeyedTable, Table};

pub(crate) use file::{remove_others, write_atomically};
