//! `describe-data`: a file or folder of one's own becomes a data set with a name.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use espalier_data::{Described, OwnData, Source, describe as described};

use crate::cli::{DescribeArguments, Options};
use crate::plan::ALL;
use crate::progress::say;
use crate::schedulers::quote;
use crate::{Error, counted};

pub(super) fn describe(options: &Options, arguments: &DescribeArguments) -> anyhow::Result<ExitCode> {
    let mut own = OwnData::default();
    for change in &options.set {
        let wrong = || Error::flag("--set", "KEY=VALUE", change.as_str());
        let (key, value) = change.split_once('=').ok_or_else(wrong)?;
        own.set(key.trim(), value.trim())?;
    }
    let source = Source::from_environment(options.data.clone());
    let Described {
        path,
        handle,
        descriptor,
        dataset,
    } = described(&arguments.file, &source, &own, arguments.descriptor.as_deref())?;
    let info = &dataset.info;
    let features = counted(info.features as u64, "feature");
    say(&format!("{}: {features}, shape {:?}", info.name, info.shape));
    say(&format!("targets: {:?}", info.targets));
    if !descriptor.classes.is_empty() {
        say(&format!("classes: {}", descriptor.classes.join(", ")));
    }
    say(&format!("splits: {}", info.splits));
    if let Some(part) = &info.part {
        say(&format!("rules: {part}"));
    }
    // The bare word stands for every set of the experiment.
    let handle = if handle == ALL {
        path.display().to_string()
    } else {
        handle
    };
    say(&format!(
        "described in {}; from now on: --dataset {}",
        path.display(),
        quote(&handle)
    ));
    if let Some(place) = among_the_sets(&path, &source) {
        say(&format!(
            "it lies in {}, the folder of data sets: rules and checksum are kept with the project where it lies in {}",
            place.display(),
            source.descriptors().display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of data sets where a descriptor lies in it, and that is not the one for descriptors.
fn among_the_sets(descriptor: &Path, source: &Source) -> Option<PathBuf> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let folder = whole(source.folder())?;
    let (within, ours) = (whole(descriptor)?.starts_with(&folder), whole(source.descriptors()));
    (within && ours.as_ref() != Some(&folder)).then(|| source.folder().to_owned())
}
