//! Loading a set by name, once a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::files::Shelf;
use crate::own::{self, Own};
use crate::progress::{Progress, Silent};
use crate::sets::{self, Entry};
use crate::source::Source;
use crate::whole::{Dataset, LoadOptions};

/// Lists every known set with a line of description.
#[must_use]
pub fn names() -> &'static [(&'static str, &'static str)] {
    sets::NAMES
}

/// Says whether a name is that of a known set of images, whose rows are spoken of as images.
#[must_use]
pub fn is_images(name: &str) -> bool {
    sets::entry(name).is_ok_and(|entry| entry.images)
}

/// Checks that a name is that of a known set, or means a file, folder or descriptor of one's own, without reading anything.
///
/// # Errors
/// [`Error::UnknownSet`].
pub fn check_name(name: &str, source: &Source) -> Result<()> {
    Asked::of(name, source).map(|_| ())
}

/// Loads a set by its name, or a file, folder or descriptor of one's own by its path, or gives the one that this process loaded before with the same arguments.
///
/// Sets that are loaded at the same time by several threads are loaded once.
///
/// # Errors
/// Fails when the name is unknown and no path either, when the set is not to be had and no stand-in is allowed
/// (tables never have one), when a file is damaged, or when an option does not fit the set.
pub fn load(name: &str, source: &Source, options: &LoadOptions) -> Result<Arc<Dataset>> {
    load_reporting(name, source, options, &Silent)
}

/// Loads a set as [`load`] does, telling `progress` about downloads.
///
/// # Errors
/// As [`load`].
pub fn load_reporting(
    name: &str,
    source: &Source,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Arc<Dataset>> {
    type Slot = Arc<Mutex<Option<Arc<Dataset>>>>;
    static LOADED: Mutex<BTreeMap<String, Slot>> = Mutex::new(BTreeMap::new());
    let set = Asked::of(name, source)?;
    let key = format!("{set:?} {source:?} {options:?}");
    let slot = {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loaded.entry(key).or_default())
    };
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(dataset) = &*slot {
        return Ok(Arc::clone(dataset));
    }
    let dataset = Arc::new(load_anew(&set, source, options, progress)?);
    *slot = Some(Arc::clone(&dataset));
    Ok(dataset)
}

/// Loads a set without looking whether it has been loaded, for measuring.
///
/// # Errors
/// As [`load`].
pub fn load_uncached(name: &str, source: &Source, options: &LoadOptions) -> Result<Dataset> {
    load_anew(&Asked::of(name, source)?, source, options, &Silent)
}

/// What a name stands for.
enum Asked {
    Known(&'static Entry),
    Own(Own),
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(entry) => f.write_str(entry.name),
            Self::Own(own) => write!(f, "{own:?}"),
        }
    }
}

impl Asked {
    fn of(name: &str, source: &Source) -> Result<Self> {
        match (sets::entry(name), own::find(name, source)) {
            (Ok(entry), _) => Ok(Self::Known(entry)),
            (Err(_), Some(own)) => Ok(Self::Own(own)),
            (Err(unknown), None) => Err(unknown),
        }
    }
}

fn load_anew(set: &Asked, source: &Source, options: &LoadOptions, progress: &dyn Progress) -> Result<Dataset> {
    match set {
        Asked::Known(entry) => load_known(entry, source, options, progress),
        Asked::Own(own) => own::read(own, options)?.finish(options),
    }
}

fn load_known(entry: &Entry, source: &Source, options: &LoadOptions, progress: &dyn Progress) -> Result<Dataset> {
    let shelf = Shelf { source, progress };
    match (entry.build)(&shelf, options) {
        Ok(whole) => whole.finish(options),
        Err(missing) if missing.is_missing() && entry.images && source.fallback => {
            let stand_in = sets::entry("glyphs")?;
            // A choice that suits the set asked for, such as 500 validation rows, suits glyphs
            // as well: both are images of ten classes.
            let mut dataset = (stand_in.build)(&shelf, options)?.finish(options)?;
            dataset.info.synthetic = Some(notice(entry.name, &missing));
            dataset.info.instead_of = Some(entry.name.to_owned());
            Ok(dataset)
        }
        Err(error) => Err(error),
    }
}

fn notice(name: &str, missing: &Error) -> String {
    let command = match missing {
        Error::Missing { command, .. } => command.as_str(),
        _ => "",
    };
    format!("synthetic digits (glyphs) stand in for {name}, which was not to be had; get the real data with: {command}")
}

#[cfg(test)]
mod tests;
