//! What an experiment's trials compute, held by digests of small trials: the part of a trial's identity that is code.

mod file;
#[cfg(test)]
mod tests;
mod train;

use espalier_data::SplitSizes;

use crate::plan::NO_DATA;
use crate::{Preset, Result};

pub(crate) use file::{Difference, Digests, GoldenFile};
pub(crate) use train::train;

/// The golden runs of an experiment: short trials whose rows' digests are committed in a file.
///
/// # Method
/// A golden run is the experiment's own `trial`, with the settings of a preset that is recorded (widths, batch, rates)
/// but for those that make it short, on a few hundred drawn images in the shape of the real set. Its rows, wall-clock
/// tables aside, are digested table by table. The file's `identity` enters every trial's id; it changes when a run that
/// the file knows gives other digests and the file is renewed (`golden --renew`), and only then. So comments, names,
/// figures and quantities that are derived from recorded rows leave recorded rows valid, and a changed result does not.
///
/// Bytes repeat on one instruction set, so that the file keeps a list for each; renewing on a further set adds its
/// list and leaves the identity alone.
#[derive(Clone, Debug)]
pub struct Golden {
    source: Source,
    sizes: SplitSizes,
    pub(crate) runs: Vec<GoldenRun>,
}

#[derive(Clone, Debug)]
enum Source {
    /// A committed file: its place and its text when the program was built.
    File { path: String, text: &'static str },
    /// A word that is changed by hand.
    Word(&'static str),
}

/// Short trials under one preset.
#[derive(Clone, Debug)]
pub(crate) struct GoldenRun {
    pub(crate) preset: Preset,
    pub(crate) dataset: &'static str,
    pub(crate) changes: Vec<String>,
    pub(crate) variants: Vec<String>,
}

impl Golden {
    /// Declares that a file holds the digests; [`crate::golden!`] gives its path and its text.
    #[must_use]
    pub fn file(path: &str, text: &'static str) -> Self {
        Self::of(Source::File {
            path: path.to_owned(),
            text,
        })
    }

    /// Holds no digests: the word stands for the code and is changed by hand, for experiments whose rows are not kept.
    #[must_use]
    pub fn word(word: &'static str) -> Self {
        Self::of(Source::Word(word))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            // Four whole batches of 128 and the part of one that 50 000 images leave.
            sizes: SplitSizes {
                train: 4 * 128 + 80,
                validation: 200,
                test: 200,
            },
            runs: Vec::new(),
        }
    }

    /// Draws so many images instead of 592, 200 and 200.
    #[must_use]
    pub fn images(mut self, train: usize, validation: usize, test: usize) -> Self {
        self.sizes = SplitSizes {
            train,
            validation,
            test,
        };
        self
    }

    /// Adds short trials: a preset, the set whose shape the images have, the settings that make trials short (as
    /// `KEY=VALUE`), and the variants, by name; all of them when none is named.
    #[must_use]
    pub fn run(mut self, preset: Preset, dataset: &'static str, changes: &[&str], variants: &[&str]) -> Self {
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        self.runs.push(GoldenRun {
            preset,
            dataset,
            changes: texts(changes),
            variants: texts(variants),
        });
        self
    }

    /// Adds short trials of an experiment that makes its own data, as [`Golden::run`] does for others.
    #[must_use]
    pub fn own_data(self, preset: Preset, changes: &[&str], variants: &[&str]) -> Self {
        self.run(preset, NO_DATA, changes, variants)
    }

    pub(crate) fn sizes(&self) -> SplitSizes {
        self.sizes
    }

    /// Returns where the digests are kept, if they are.
    pub(crate) fn path(&self) -> Option<&str> {
        match &self.source {
            Source::File { path, .. } => Some(path),
            Source::Word(_) => None,
        }
    }

    /// Reads the digests that the program was built with.
    pub(crate) fn recorded(&self) -> Result<GoldenFile> {
        match &self.source {
            Source::File { path, text } => GoldenFile::parse(path, text),
            Source::Word(word) => Ok(GoldenFile {
                identity: (*word).to_owned(),
                ..GoldenFile::default()
            }),
        }
    }

    /// Returns what stands for the code in a trial's identity.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        Ok(self.recorded()?.identity)
    }
}

/// Makes a [`Golden`] of a file, named relative to the package's folder.
///
/// # Example
/// ```ignore
/// fn golden(&self) -> Golden {
///     espalier_experiment::golden!("golden/size-gate.json").run(Preset::Quick, "mnist", &["epochs=2"], &["static 1000 L2=0"])
/// }
/// ```
#[macro_export]
macro_rules! golden {
    ($file:literal) => {
        $crate::Golden::file(
            concat!(env!("CARGO_MANIFEST_DIR"), "/", $file),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)),
        )
    };
}
