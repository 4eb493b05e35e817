//! Finding, unpacking and checking the files of a set.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::download;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::source::Source;

/// A file of a set, and the sum of its unpacked content when it is pinned.
#[derive(Clone, Debug)]
pub(crate) struct FileSpec {
    /// Official name without `.gz`.
    pub name: String,
    pub sha256: Option<String>,
    /// Unpacked size, also the bound of what a download may unpack to.
    pub bytes: usize,
    /// Addresses of the file, packed or not, in the order of trial.
    pub addresses: Vec<String>,
}

/// Where the files of a set lie.
#[derive(Clone, Debug)]
pub(crate) struct FileSet {
    pub set: String,
    /// Folders below the data folder, in the order of search; downloads go to the first.
    pub folders: Vec<String>,
    /// Sums that belong to other sets whose files have the same names.
    pub foreign: Vec<String>,
    /// The command that gets the set, given the data folder.
    pub command: fn(&Path) -> String,
}

/// A file's unpacked content.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub name: String,
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub sha256: String,
}

/// The data folder with what may be done about missing files.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub source: &'a Source,
    pub progress: &'a dyn Progress,
}

impl FileSet {
    pub fn command(&self, source: &Source) -> String {
        (self.command)(source.folder())
    }

    fn places(&self, source: &Source, name: &str) -> Vec<PathBuf> {
        let folders = self.folders.iter();
        folders
            .flat_map(|folder| {
                let plain = source.folder().join(folder).join(name);
                let packed = source.folder().join(folder).join(format!("{name}.gz"));
                [plain, packed]
            })
            .collect()
    }
}

impl Shelf<'_> {
    /// Gives the file's content if it lies on the disk.
    ///
    /// A file whose sum belongs to another set counts as absent, because MNIST and
    /// Fashion-MNIST use the same file names and one of them may lie in the bare folder.
    pub fn find(&self, set: &FileSet, spec: &FileSpec) -> Result<Option<Content>> {
        for path in set.places(self.source, &spec.name) {
            let packed = match fs::read(&path) {
                Ok(packed) => packed,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(Error::io("read", path, error)),
            };
            let content = Content::unpack(spec, path, packed)?;
            if !set.foreign.contains(&content.sha256) {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// Gives the file's content from the disk or, if allowed, from where it can be fetched.
    ///
    /// The content of a file on the disk is not yet checked against its sum, so that the
    /// reader of its format can say first what is wrong with it; see [`Content::check`].
    pub fn open(&self, set: &FileSet, spec: &FileSpec) -> Result<Content> {
        if let Some(content) = self.find(set, spec)? {
            return Ok(content);
        }
        let mut attempts = Vec::new();
        if self.source.download {
            let folder = self
                .source
                .folder()
                .join(set.folders.first().map_or("", String::as_str));
            for address in &spec.addresses {
                match download::fetch(address, &folder, spec, self.progress) {
                    Ok(content) => return Ok(content),
                    Err(reason) => attempts.push(format!("{address}: {reason}")),
                }
            }
        }
        Err(Error::Missing {
            set: set.set.clone(),
            file: spec.name.clone(),
            places: set
                .places(self.source, &spec.name)
                .iter()
                .map(|p| p.display().to_string())
                .collect(),
            attempts,
            command: set.command(self.source),
        })
    }
}

impl Content {
    /// Unpacks a file that was read, if it is packed, and sums it.
    pub fn unpack(spec: &FileSpec, path: PathBuf, packed: Vec<u8>) -> Result<Self> {
        let bytes = unpack(packed, spec.bytes, &path)?;
        Ok(Self {
            name: spec.name.clone(),
            path,
            sha256: sha256(&bytes),
            bytes,
        })
    }

    /// Checks the content against the pinned sum.
    pub fn check(&self, spec: &FileSpec) -> Result<()> {
        match &spec.sha256 {
            Some(expected) if *expected != self.sha256 => Err(Error::Checksum {
                path: self.path.clone(),
                expected: expected.clone(),
                found: self.sha256.clone(),
                bytes: self.bytes.len(),
            }),
            _ => Ok(()),
        }
    }
}

/// The sum of a set: the SHA-256 of the lines that `sha256sum` prints for its files.
pub(crate) fn content_sha256<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let lines: String = files
        .into_iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    sha256(lines.as_bytes())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Unpacks a gzip file, told by its first two bytes; anything else is taken as it stands.
///
/// What unpacks to more than `expected` bytes is cut one byte beyond it: enough for the
/// reader or the sum to refuse it, without filling the memory.
pub(crate) fn unpack(packed: Vec<u8>, expected: usize, path: &Path) -> Result<Vec<u8>> {
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Ok(packed);
    }
    let mut bytes = Vec::with_capacity(expected + 1);
    let mut decoder = MultiGzDecoder::new(packed.as_slice()).take(expected as u64 + 1);
    match decoder.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::Packed {
            path: path.to_path_buf(),
            unpacked: bytes.len(),
            reason: error.to_string(),
        }),
    }
}

/// Says whether a path leads nowhere, through a missing folder or through a file.
pub(crate) fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
