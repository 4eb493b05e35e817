//! Data sets: found, fetched, checked, split and normalised once a process.
//!
//! [`load`] gives a [`Dataset`] by name: three fixed splits that went through one
//! [`Transform`], and a [`DatasetInfo`] that says what they are. Files are read in their
//! official formats, plain or packed with gzip, and checked against pinned sums of their
//! unpacked content. Sets of images that are not to be had may be stood in for by `glyphs`,
//! digits drawn by this crate, and say so in [`DatasetInfo::synthetic`].
//!
//! A file of one's own (`.csv`, `.tsv`, `.parquet`, `.npz`) or a folder (idx files, images by class) is loaded by its
//! path. On first use it gets a [`Descriptor`] in [`Source::descriptors`], with its checksum and the rules by which it is
//! read; from then on it also answers to its name.
//!
//! # Example
//! ```
//! use espalier_data::{Batches, LoadOptions, Source, TargetsMut, load};
//! use espalier_seed::Seed;
//!
//! let add10 = load("add10", &Source::default(), &LoadOptions::default())?;
//! let mut epoch = Batches::shuffled(add10.train.len(), 100, &mut Seed::new(1).stream());
//! let mut features = vec![0.0; 100 * add10.info.features];
//! let mut values = vec![0.0; 100];
//! let batch = epoch.next_batch().expect("the set is not empty");
//! add10.train.gather(batch, &mut features, TargetsMut::Values(&mut values))?;
//! # Ok::<(), espalier_data::Error>(())
//! ```
// Tests say on their output when real data is not there.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stdout))]

pub mod idx;

mod batches;
mod download;
mod encoding;
mod error;
mod examples;
mod files;
mod glyphs;
#[cfg(feature = "hub")]
mod hub;
mod info;
mod load;
mod own;
mod progress;
mod sets;
mod source;
mod stand_in;
mod transform;
mod whole;

pub use batches::Batches;
pub use encoding::{Encoding, Input, Inputs, Output, Outputs, Take};
pub use error::{Error, Result};
pub use examples::{Examples, Targets, TargetsMut};
pub use glyphs::{Glyphs, draw_glyphs};
pub use info::{DatasetInfo, Split, TargetKind};
pub use load::{check_name, is_images, load, load_reporting, load_uncached, names};
#[doc(hidden)]
pub use own::table_from_bytes;
pub use own::{Described, Descriptor, Format, MissingRule, OwnData, Task, describe, is_own};
pub use progress::{Progress, Silent};
#[doc(hidden)]
pub use sets::from_bytes;
pub use source::Source;
pub use stand_in::{SplitSizes, stand_in};
pub use transform::{Channel, Transform, TransformChoice};
pub use whole::{Dataset, LoadOptions};
