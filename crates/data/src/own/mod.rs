//! Sets of one's own: a table, an archive of arrays, a folder, or the descriptor of one of them.

mod archive;
mod arrays;
mod cells;
mod columns;
mod descriptor;
mod division;
mod encode;
mod folder;
mod npy;
mod options;
mod roles;
mod rows;
mod stored;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

pub use descriptor::{Descriptor, Format};
pub use options::{MissingRule, OwnData, Task};

use crate::error::{Error, Result};
use crate::files::{content_sha256, sha256};
use crate::source::Source;
use crate::whole::{Dataset, LoadOptions, Whole};
use rows::Rows;

/// Endings by which a name is told to be a file of one's own.
const ENDINGS: [&str; 5] = [".csv", ".tsv", ".parquet", ".npz", ".toml"];

/// Where a set of one's own stands: its descriptor, and the file where the descriptor is still to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    name: String,
    descriptor: PathBuf,
    file: Option<PathBuf>,
}

/// Says whether a name given for a data set means a file, a folder or a descriptor of one's own.
#[must_use]
pub fn is_own(name: &str, source: &Source) -> bool {
    crate::sets::entry(name).is_err() && find(name, source).is_some()
}

/// Finds the set that a name means: a path, or the name of a descriptor.
pub(crate) fn find(name: &str, source: &Source) -> Option<Own> {
    let path = Path::new(name);
    let lower = name.to_lowercase();
    if lower.ends_with(".toml") {
        return Some(Own {
            name: slug(path),
            descriptor: path.to_owned(),
            file: None,
        });
    }
    let is_path = ENDINGS.iter().any(|ending| lower.ends_with(ending)) || name.contains(std::path::is_separator);
    let places = [source.descriptors(), source.folder()].map(|folder| folder.join(format!("{name}.toml")));
    if let Some(descriptor) = places.into_iter().find(|place| !is_path && place.is_file()) {
        return Some(Own {
            name: name.to_owned(),
            descriptor,
            file: None,
        });
    }
    (is_path || path.is_dir()).then(|| of_file(path, source))
}

/// A file with its descriptor. One that lies among the sets counts where it describes this very file; else the project has
/// it, or gets it.
fn of_file(path: &Path, source: &Source) -> Own {
    let name = slug(path);
    let [ours, theirs] = [source.descriptors(), source.folder()].map(|folder| folder.join(format!("{name}.toml")));
    let descriptor = if !ours.is_file() && describes(&theirs, path) {
        theirs
    } else {
        ours
    };
    Own {
        name,
        descriptor,
        file: Some(path.to_owned()),
    }
}

fn describes(descriptor: &Path, file: &Path) -> bool {
    let Ok(Some(known)) = Descriptor::read(descriptor) else {
        return false;
    };
    let place = same(&known.place(parent(descriptor)));
    place.is_some() && place == same(file)
}

/// The name of a set after its file: small letters, digits and hyphens.
fn slug(path: &Path) -> String {
    let named = path.file_stem().map(ToOwned::to_owned);
    // The name of `.` is that of the folder.
    let stem = named.or_else(|| Some(same(path)?.file_name()?.to_owned()));
    let stem = stem
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let plain: String = stem
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    plain.trim_matches('-').to_owned()
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Reads a set of one's own, describing it on first use.
pub(crate) fn read(own: &Own, options: &LoadOptions) -> Result<Whole> {
    let file = own.file.as_ref().unwrap_or(&own.descriptor);
    if own.name.is_empty() {
        return Err(Error::content(file, "a name with a letter or a digit", "none"));
    }
    if crate::sets::entry(&own.name).is_ok() {
        return Err(Error::Option {
            set: own.name.clone(),
            option: "dataset",
            expected: "a file name that no known data set has".to_owned(),
            found: file.display().to_string(),
        });
    }
    let folder = parent(&own.descriptor);
    match Descriptor::read(&own.descriptor)? {
        Some(known) => again(own, known, folder, options),
        None => first(own, folder, options),
    }
}

fn again(own: &Own, mut known: Descriptor, folder: &Path, options: &LoadOptions) -> Result<Whole> {
    let place = known.place(folder);
    known.agree(&options.own, &own.descriptor, &own.name)?;
    roles::check(&known, &own.name)?;
    if let Some(file) = &own.file
        && same(file) != same(&place)
    {
        let expected = format!(
            "{}, as {} says (give this file another name, or describe it apart: describe-data FILE --descriptor NAME.toml)",
            place.display(),
            own.descriptor.display()
        );
        return Err(Error::content(file, expected, "another file of the same name"));
    }
    let (rows, sum) = contents(&known, &place)?;
    match &known.sha256 {
        Some(expected) if *expected != sum => {
            return Err(Error::Pinned {
                path: place,
                descriptor: own.descriptor.clone(),
                expected: expected.clone(),
                found: sum,
            });
        }
        Some(_) => {}
        None => Descriptor::pin(&own.descriptor, &sum)?,
    }
    rows.whole(&own.name, &mut known, &sum, true)
}

fn first(own: &Own, folder: &Path, options: &LoadOptions) -> Result<Whole> {
    let Some(file) = &own.file else {
        return Err(Error::content(
            &own.descriptor,
            "a descriptor of a data set",
            "no such file",
        ));
    };
    let mut begun = Descriptor::begun(file, &options.own)?;
    roles::check(&begun, &own.name)?;
    let (rows, sum) = contents(&begun, file)?;
    let whole = rows.whole(&own.name, &mut begun, &sum, options.own.task.is_some())?;
    begun.sha256 = Some(sum);
    begun.path = relative(file, folder)?;
    begun.write(&own.descriptor)?;
    Ok(whole)
}

fn same(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// The file as the descriptor names it: the way there from the descriptor's folder, so that both can move together, or the
/// whole path where they share no folder but the root.
fn relative(file: &Path, folder: &Path) -> Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    let whole = fs::canonicalize(file).map_err(|error| Error::io("read", file, error))?;
    let base = fs::canonicalize(folder).map_err(|error| Error::io("read", folder, error))?;
    let shared = base
        .components()
        .zip(whole.components())
        .take_while(|(a, b)| a == b)
        .count();
    if shared < 2 {
        return Ok(whole);
    }
    let up = base.components().skip(shared).map(|_| std::path::Component::ParentDir);
    Ok(up.chain(whole.components().skip(shared)).collect())
}

/// Reads the rows and sums up the content.
fn contents(descriptor: &Descriptor, path: &Path) -> Result<(Rows, String)> {
    if matches!(descriptor.format, Format::Idx | Format::Images) {
        let rows = match descriptor.format {
            Format::Idx => folder::idx(path, descriptor.transpose)?,
            _ => folder::images(path)?,
        };
        return Ok((rows, folder_sum(path)?));
    }
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let sum = sha256(&bytes);
    Ok((of_bytes(descriptor, bytes, path)?, sum))
}

fn of_bytes(descriptor: &Descriptor, bytes: Vec<u8>, path: &Path) -> Result<Rows> {
    let table = match descriptor.format {
        Format::Csv => text::read(&bytes, b',', descriptor, path)?,
        Format::Tsv => text::read(&bytes, b'\t', descriptor, path)?,
        Format::Parquet => columns::read(bytes, descriptor, path)?,
        _ => return arrays::read(&bytes, path),
    };
    Rows::of_table(table, descriptor)
}

fn folder_sum(folder: &Path) -> Result<String> {
    let mut sums = Vec::new();
    for path in folder::files(folder)? {
        let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        sums.push((name, sha256(&bytes)));
    }
    Ok(content_sha256(
        sums.iter().map(|(name, sum)| (name.as_str(), sum.as_str())),
    ))
}

/// What a set of one's own was found to be.
#[derive(Clone, Debug)]
pub struct Described {
    /// Where the descriptor lies.
    pub path: PathBuf,
    /// By what the set is asked for from now on: its name, or the descriptor's path where the name does not lead there.
    pub handle: String,
    /// The descriptor.
    pub descriptor: Descriptor,
    /// The set, read by it.
    pub dataset: Dataset,
}

/// Describes a file or folder: writes its descriptor where there is none, and reads the set by it.
///
/// The descriptor goes to `into`, a path that ends in `.toml`, else into [`Source::descriptors`].
///
/// # Errors
/// Fails when the file cannot be read, holds something else, or no longer has the content that was pinned, and when the
/// descriptor cannot be written.
pub fn describe(name: &str, source: &Source, own: &OwnData, into: Option<&Path>) -> Result<Described> {
    let options = LoadOptions {
        own: own.clone(),
        ..LoadOptions::default()
    };
    let mut found = find(name, source).ok_or_else(|| {
        let expected = "a file .csv, .tsv, .parquet or .npz, a folder, or a descriptor";
        Error::content(name, expected, "none of them")
    })?;
    if let Some(into) = into {
        found = found.described_in(into)?;
    }
    let dataset = read(&found, &options)?.finish(&options)?;
    let descriptor = Descriptor::read(&found.descriptor)?
        .ok_or_else(|| Error::content(&found.descriptor, "the descriptor that was just written", "no file"))?;
    let leads = find(&found.name, source).is_some_and(|named| named.descriptor == found.descriptor);
    let path = found.descriptor;
    Ok(Described {
        handle: if leads { found.name } else { path.display().to_string() },
        path,
        descriptor,
        dataset,
    })
}

impl Own {
    /// The same file with its descriptor elsewhere.
    fn described_in(self, descriptor: &Path) -> Result<Self> {
        let toml = descriptor
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        match self.file {
            Some(file) if toml => Ok(Self {
                name: slug(descriptor),
                descriptor: descriptor.to_owned(),
                file: Some(file),
            }),
            Some(_) => Err(Error::content(
                descriptor,
                "a descriptor whose name ends in .toml",
                "another name",
            )),
            None => Err(Error::content(
                &self.descriptor,
                "a file or folder to describe",
                "a descriptor",
            )),
        }
    }
}

/// Reads a table of one's own from bytes that never were a file, for fuzzing; the last column is the target.
///
/// # Errors
/// As [`crate::load`].
#[doc(hidden)]
pub fn table_from_bytes(bytes: &[u8], ending: &str) -> Result<Dataset> {
    let path = Path::new("fuzz").with_extension(ending);
    let own = OwnData {
        target: Some("y".to_owned()),
        ..OwnData::default()
    };
    let format = match ending {
        "tsv" => Format::Tsv,
        "parquet" => Format::Parquet,
        "npz" => Format::Npz,
        _ => Format::Csv,
    };
    let mut descriptor = Descriptor::of_format(&path, format, &own);
    let rows = of_bytes(&descriptor, bytes.to_vec(), &path)?;
    rows.whole("fuzz", &mut descriptor, "", false)?
        .finish(&LoadOptions::default())
}
