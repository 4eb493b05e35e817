//! What can go wrong between a command line and a report.

use std::path::PathBuf;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the harness itself; a trial's own failure travels as `anyhow::Error`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recorded report is of other trials than the plan's.
    #[error(
        "{}: its trials are not this plan's: {difference}; remove the folder to record it anew",
        path.display()
    )]
    OtherReport {
        /// The report's folder.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Another schedule of looks was declared for these trials.
    #[error(
        "{}: expected the looks that were declared, at {recorded:?} paired seeds, as their intervals share one error; found looks \
         at {declared:?}: give --seeds and --max-seeds as then, or start a report of its own (--out \
         and --runs)",
        path.display()
    )]
    OtherLooks {
        /// The report's folder, or the file of the declaration.
        path: PathBuf,
        /// The seeds at each look that was declared.
        recorded: Vec<u64>,
        /// The seeds at each look that the flags declare.
        declared: Vec<u64>,
    },
    /// A claim was judged as if the number of seeds had been fixed beforehand.
    #[error(
        "claim `{claim}`: expected an interval of at least {expected:.4} % at this look, found one of {found:.4} %: judge it with \
         the seeds of the report's context, which know of the looks"
    )]
    NarrowInterval {
        /// The claim's short name.
        claim: String,
        /// The level in percent that a claim needs that stands alone.
        expected: f64,
        /// The level in percent that it has.
        found: f64,
    },
    /// A `--set` names a setting that the experiment does not have.
    #[error(
        "--set {key}=…: no such setting{}; this experiment has:\n{valid}",
        suggestion(nearest)
    )]
    UnknownSetting {
        /// The name that was given.
        key: String,
        /// The name that was probably meant; empty where none is near.
        nearest: String,
        /// One line for each setting: name, kind, value, meaning.
        valid: String,
    },
    /// A setting was given a value of another kind.
    #[error("setting {key}: expected {expected}, found `{found}`")]
    WrongSetting {
        /// The setting's name.
        key: String,
        /// The kind that the setting has.
        expected: String,
        /// The text that was given.
        found: String,
    },
    /// A data set has fewer rows than a preset takes.
    #[error(
        "data set {set} is too small for the preset {preset}, which takes {lacks}: {remedy} takes all that there are"
    )]
    TooFewRows {
        /// The data set.
        set: String,
        /// The preset.
        preset: String,
        /// The rows that are taken and those that are there, by split.
        lacks: String,
        /// The flags that take all rows.
        remedy: String,
    },
    /// There is no report to go on from.
    #[error(
        "--continue: expected a recorded report in {}, found none: leave --continue out to train it{}",
        path.display(), .apart
    )]
    NothingToContinue {
        /// The folder that was looked in.
        path: PathBuf,
        /// What else was given by which the report lies elsewhere than usual; may be empty.
        apart: String,
    },
    /// A data set is not of the kind that an experiment trains on.
    #[error("data set {set}: expected {expected}, found {found}")]
    Unsuitable {
        /// The data set.
        set: String,
        /// What the experiment trains on, and what to do.
        expected: String,
        /// What the set holds.
        found: String,
    },
    /// A flag was given a value that it does not know.
    #[error("{flag}: expected {expected}, found `{found}`")]
    WrongFlag {
        /// The flag, with its dashes.
        flag: String,
        /// What it takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Two variants of one experiment carry one name.
    #[error("experiment {experiment}: two variants are called `{variant}`; names must differ")]
    TwinVariants {
        /// The experiment.
        experiment: String,
        /// The name that came twice.
        variant: String,
    },
    /// Settings that are each within their range do not fit together.
    #[error("experiment {experiment}: the settings do not fit together: {reason}")]
    Settings {
        /// The experiment.
        experiment: String,
        /// Setting, expectation and finding.
        reason: String,
    },
    /// The plan has more trials than a plan may have.
    #[error(
        "experiment {experiment}: expected at most {most} trials, found {found}: {variants} variants × {seeds} seeds × \
         {sets} data sets"
    )]
    LargePlan {
        /// The experiment.
        experiment: String,
        /// The most trials.
        most: u64,
        /// How many there would be.
        found: u128,
        /// The number of variants.
        variants: usize,
        /// The number of seeds.
        seeds: u64,
        /// The number of data sets.
        sets: usize,
    },
    /// The list of trials came out empty.
    #[error("experiment {experiment}: no trial is left to plan ({reason})")]
    EmptyPlan {
        /// The experiment.
        experiment: String,
        /// What made it empty.
        reason: String,
    },
    /// The file system refused something.
    #[error("{attempt} {}: {source}", path.display())]
    Io {
        /// What was tried, for instance `writing the record`.
        attempt: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file's contents are not what was written there.
    #[error("{}: damaged: expected {expected}, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What an intact file holds.
        expected: String,
        /// What this one holds.
        found: String,
    },
    /// A plan on disk lists other trials than the code would plan now.
    #[error(
        "{}: this plan has digest {recorded}, but the code, settings or data at hand give {computed}; \
         plan again, or go back to the revision that made it", path.display()
    )]
    OtherPlan {
        /// The plan's file.
        path: PathBuf,
        /// The digest in the file.
        recorded: String,
        /// The digest of the plan computed now.
        computed: String,
    },
    /// Nothing was recorded where recorded rows are needed.
    #[error("{}: {needed}", path.display())]
    NothingRecorded {
        /// Where it was looked for.
        path: PathBuf,
        /// What is needed, and the command that makes it.
        needed: String,
    },
    /// An external program could not be started or failed.
    #[error("running `{program}`: {message}")]
    Program {
        /// The command line.
        program: String,
        /// What it said.
        message: String,
    },
    /// Rows could not be encoded, decoded, merged or drawn.
    #[error(transparent)]
    Report(Box<espalier_report::Error>),
    /// A value could not be turned into or read from JSON.
    #[error("{what}: {source}")]
    Json {
        /// What was encoded or decoded.
        what: String,
        /// The encoder's answer.
        source: serde_json::Error,
    },
}

/// Says which name was probably meant.
pub(crate) fn suggestion(nearest: &str) -> String {
    if nearest.is_empty() {
        String::new()
    } else {
        format!(" (did you mean `{nearest}`?)")
    }
}

impl Error {
    /// Tells whether the command line was wrong, rather than the world.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::UnknownSetting { .. }
                | Self::WrongSetting { .. }
                | Self::WrongFlag { .. }
                | Self::Unsuitable { .. }
                | Self::TooFewRows { .. }
                | Self::NothingToContinue { .. }
                | Self::OtherLooks { .. }
                | Self::Settings { .. }
                | Self::TwinVariants { .. }
                | Self::EmptyPlan { .. }
                | Self::LargePlan { .. }
        )
    }

    pub(crate) fn io(attempt: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            attempt,
            path: path.into(),
            source,
        }
    }

    pub(crate) fn flag(flag: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::WrongFlag {
            flag: flag.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn json(what: impl Into<String>, source: serde_json::Error) -> Self {
        Self::Json {
            what: what.into(),
            source,
        }
    }
}

impl From<espalier_report::Error> for Error {
    fn from(error: espalier_report::Error) -> Self {
        Self::Report(Box::new(error))
    }
}
