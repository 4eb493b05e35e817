//! One file for all that training needs to go on: weights, topology, history, optimizer and random streams.
//!
//! # Format
//! A safetensors file. Every parameter is a tensor under its own name; optimizer state is under
//! `optimizer/<state>/<parameter>`; `history/ledger` and `history/genealogy` are JSON texts, and `history/fresh` the
//! weights of fresh units that the ledger refers to. The header's metadata has one entry, `espalier`: a JSON object with
//! `format`, `version`, the `sha256` of everything else in the file, and a `body` with the graph, groups, counters and
//! streams. Nothing in a file is ever executed.

mod check;
mod document;
mod history;
pub(crate) mod tensors;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use espalier_seed::StreamState;

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::kernels::Element;
use crate::optimizer::Optimizer;

pub use values::Values;

/// The version of the format that this library writes, and the newest that it reads.
pub const VERSION: u64 = 1;

/// All that training needs to go on where it stood.
///
/// # Example
/// ```
/// use espalier_net::{Optimizer, OptimizerKind, models, save};
/// use espalier_seed::Seed;
///
/// let network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1))?;
/// let optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
/// let bytes = save::to_bytes(&save::Checkpoint::of(&network).with_optimizer(&optimizer))?;
/// let loaded = save::from_bytes::<f32>(&bytes)?;
/// assert_eq!(*loaded.network, network);
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<'a, E: Element = f32> {
    /// The network with its ledger and genealogy.
    pub network: Cow<'a, Network<E>>,
    /// The optimizer with its state.
    pub optimizer: Option<Cow<'a, Optimizer<E>>>,
    /// Where the caller's random streams stand, by names of its choice.
    pub streams: BTreeMap<String, StreamState>,
    /// What else the caller wants to find again.
    pub extra: BTreeMap<String, String>,
}

impl<'a, E: Element> Checkpoint<'a, E> {
    /// Makes a checkpoint of a network alone.
    #[must_use]
    pub fn of(network: &'a Network<E>) -> Self {
        Self {
            network: Cow::Borrowed(network),
            optimizer: None,
            streams: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }

    /// Adds the optimizer.
    #[must_use]
    pub fn with_optimizer(mut self, optimizer: &'a Optimizer<E>) -> Self {
        self.optimizer = Some(Cow::Borrowed(optimizer));
        self
    }

    /// Adds the position of a random stream.
    #[must_use]
    pub fn with_stream(mut self, name: &str, state: StreamState) -> Self {
        self.streams.insert(name.to_owned(), state);
        self
    }

    /// Adds a note of the caller's.
    #[must_use]
    pub fn with_extra(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

/// Writes a checkpoint; a reader sees the old file or the whole new one, never a part.
///
/// # Errors
/// Names the file where it cannot be written, and says which parameter and state do not belong together.
pub fn save<E: Element>(path: &Path, checkpoint: &Checkpoint<'_, E>) -> Result<()> {
    let bytes = document::write(checkpoint, path)?;
    replace_file(path, &bytes)
}

/// Reads a checkpoint; no knowledge of how the network was built is needed.
///
/// # Errors
/// Names the file, the tensor or field, what was expected and what was found: a file that cannot be read, is
/// truncated, comes from a newer version, lacks a tensor, holds one of another type or shape, or whose contents do not
/// have the recorded hash; and a value that is not finite, or negative where that cannot be, with its place.
/// [`load_with`] reads such values too.
pub fn load<E: Element>(path: &Path) -> Result<Checkpoint<'static, E>> {
    load_with(path, Values::Finite)
}

/// Reads a checkpoint that may hold the given values.
///
/// # Errors
/// As [`load`].
pub fn load_with<E: Element>(path: &Path, values: Values) -> Result<Checkpoint<'static, E>> {
    let bytes = fs::read(path).map_err(|e| file_error(path, format!("cannot be read: {e}")))?;
    document::read(&bytes, path, values)
}

/// Lays a checkpoint out as the bytes of a file; equal checkpoints give equal bytes.
///
/// # Errors
/// Says which parameter and state do not belong together.
pub fn to_bytes<E: Element>(checkpoint: &Checkpoint<'_, E>) -> Result<Vec<u8>> {
    document::write(checkpoint, Path::new("in memory"))
}

/// Reads a checkpoint from the bytes of a file.
///
/// # Errors
/// As [`load`].
pub fn from_bytes<E: Element>(bytes: &[u8]) -> Result<Checkpoint<'static, E>> {
    from_bytes_with(bytes, Values::Finite)
}

/// Reads a checkpoint that may hold the given values from the bytes of a file.
///
/// # Errors
/// As [`load`].
pub fn from_bytes_with<E: Element>(bytes: &[u8], values: Values) -> Result<Checkpoint<'static, E>> {
    document::read(bytes, Path::new("in memory"), values)
}

pub(crate) fn file_error(path: &Path, reason: impl Into<String>) -> Error {
    Error::File {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Writes beside the file, forces the bytes to the disk and renames.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path
        .file_name()
        .ok_or_else(|| file_error(path, "expected the path of a file, found a folder"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(
        ".{}.{}.tmp",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    let beside = folder.join(beside);
    let written = write_synced(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // The first error is the one to report; what is left of the temporary file is best gone.
        let _ = fs::remove_file(&beside);
        return Err(file_error(path, format!("cannot be written: {error}")));
    }
    // The rename itself is on the disk once the folder is.
    #[cfg(unix)]
    File::open(&folder)
        .and_then(|f| f.sync_all())
        .map_err(|e| file_error(path, format!("its folder cannot be synchronised: {e}")))?;
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
