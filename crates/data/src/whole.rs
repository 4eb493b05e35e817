//! A set as read, and how it is split and normalised.

use std::borrow::Cow;

use espalier_seed::Seed;
use serde::{Deserialize, Serialize};

use crate::encoding::{Encoding, Inputs, Outputs};
use crate::error::{Error, Result};
use crate::examples::{Examples, Targets};
use crate::info::{DatasetInfo, Split};
use crate::own::OwnData;
use crate::transform::{Raw, Transform, TransformChoice};

/// How a set is to be loaded; the default leaves every choice to the set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadOptions {
    /// The normalisation; `None` takes the set's own.
    pub transform: Option<TransformChoice>,
    /// Rows of the validation split; `None` takes the set's own number.
    pub validation: Option<usize>,
    /// The seed of synthetic sets; real sets do not read it.
    pub seed: u64,
    /// What is said about a file of one's own; sets that are known by name do not read it.
    #[serde(skip_serializing_if = "is_default")]
    pub own: OwnData,
}

fn is_default(own: &OwnData) -> bool {
    *own == OwnData::default()
}

/// A loaded and normalised set with its three splits.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What the set is.
    pub info: DatasetInfo,
    /// What models learn from.
    pub train: Examples,
    /// What choices are made by.
    pub validation: Examples,
    /// What is read once, at the end.
    pub test: Examples,
    /// The one transform that all splits went through.
    pub transform: Transform,
    /// How rows of the source become features, and what is predicted.
    pub encoding: Encoding,
}

impl Dataset {
    /// Gives one of the splits by name.
    #[must_use]
    pub fn split(&self, split: Split) -> &Examples {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }
}

/// A set as read, before it is split and normalised.
pub(crate) struct Whole {
    pub about: About,
    pub train: Part,
    pub test: Part,
    /// Validation rows that are given apart from the training rows.
    pub validation: Option<Given>,
    pub holdout: Holdout,
    /// What a row holds, not normalised yet.
    pub inputs: Inputs,
    pub transform: TransformChoice,
}

/// What a set says about itself before it is split.
pub(crate) struct About {
    pub name: Cow<'static, str>,
    pub title: Cow<'static, str>,
    pub source: Cow<'static, str>,
    pub content_sha256: String,
    pub outputs: Outputs,
    pub part: Option<String>,
    pub synthetic: Option<String>,
    pub test_rule: String,
}

/// Raw rows with their targets.
pub(crate) struct Part {
    pub raw: Raw,
    pub targets: Targets,
}

/// Rows that are given apart, and by what rule.
pub(crate) struct Given {
    pub part: Part,
    pub rule: String,
}

/// Which training rows become the validation split unless the caller says how many.
pub(crate) enum Holdout {
    /// So many rows at the end, in the official order.
    Last(usize),
    /// So many rows drawn by a fixed permutation; the rest keep their order.
    Drawn(usize),
}

impl Whole {
    pub fn finish(mut self, options: &LoadOptions) -> Result<Dataset> {
        let width = self.inputs.shape().iter().product();
        let (train, validation) = self.divide(options.validation)?;
        let choice = options.transform.unwrap_or(self.transform);
        let scale = self.inputs.scale();
        let transform = Transform::new(&self.about.name, choice, &scale, &self.train.raw, width, &train)?;
        let set = &*self.about.name;
        let examples = |split, part: &Part, rows: &[usize]| {
            let features = transform.rows(split, &part.raw, width, rows);
            if matches!(part.raw, Raw::Numbers(_)) {
                check_finite(set, split, &features, width)?;
            }
            Examples::new(features, width, part.targets.select(rows))
        };
        let every = |part: &Part| (0..part.targets.len()).collect::<Vec<_>>();
        let test = examples(Split::Test, &self.test, &every(&self.test))?;
        let validation_part = self.validation.take();
        let (validation, rule) = match &validation_part {
            Some(Given { part, rule }) => (examples(Split::Validation, part, &every(part))?, rule.clone()),
            None => (
                examples(Split::Validation, &self.train, &validation)?,
                self.holdout_rule(),
            ),
        };
        let train = examples(Split::Train, &self.train, &train)?;
        let splits = format!(
            "{} train, {} validation ({rule}), {} test ({})",
            train.len(),
            validation.len(),
            test.len(),
            self.about.test_rule
        );
        Ok(Dataset {
            encoding: Encoding {
                inputs: self.inputs.clone().normalised(&transform),
                outputs: self.about.outputs.clone(),
            },
            info: self.about.into_info(self.inputs.shape(), splits),
            train,
            validation,
            test,
            transform,
        })
    }

    fn holdout_rule(&self) -> String {
        match self.holdout {
            Holdout::Last(_) => "the last of the official training rows".to_owned(),
            Holdout::Drawn(_) => "drawn from the training rows by a fixed permutation".to_owned(),
        }
    }

    /// Gives the numbers of the training and of the validation rows, each ascending.
    fn divide(&self, asked: Option<usize>) -> Result<(Vec<usize>, Vec<usize>)> {
        let len = self.train.targets.len();
        let own = match self.holdout {
            Holdout::Last(rows) | Holdout::Drawn(rows) => rows,
        };
        if self.validation.is_some() {
            return match asked {
                None => Ok(((0..len).collect(), Vec::new())),
                Some(rows) => Err(self.validation_error("none, as the validation rows are fixed", rows)),
            };
        }
        let rows = asked.unwrap_or(own);
        if rows >= len {
            return Err(self.validation_error(&format!("fewer than the {len} training rows"), rows));
        }
        let mut order: Vec<usize> = match self.holdout {
            Holdout::Last(_) => (0..len).collect(),
            Holdout::Drawn(_) => Seed::new(0)
                .named("holdout")
                .named(&self.about.name)
                .stream()
                .permutation(len),
        };
        let mut validation = order.split_off(len - rows);
        order.sort_unstable();
        validation.sort_unstable();
        Ok((order, validation))
    }

    fn validation_error(&self, expected: &str, found: usize) -> Error {
        Error::Option {
            set: self.about.name.to_string(),
            option: "validation",
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }
}

/// A deviation that is next to nothing in training makes other rows' numbers too large for single precision.
fn check_finite(set: &str, split: Split, features: &[f32], width: usize) -> Result<()> {
    match features.iter().position(|feature| !feature.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Normalised {
            set: set.to_owned(),
            split,
            row: at / width,
            column: at % width,
            found: features[at],
        }),
    }
}

impl About {
    fn into_info(self, shape: Vec<usize>, splits: String) -> DatasetInfo {
        DatasetInfo {
            name: self.name.into_owned(),
            title: self.title.into_owned(),
            content_sha256: self.content_sha256,
            features: shape.iter().product(),
            shape,
            targets: self.outputs.kind(),
            splits,
            part: self.part,
            synthetic: self.synthetic,
            instead_of: None,
            source: self.source.into_owned(),
        }
    }
}
