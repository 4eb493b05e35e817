//! `describe-data`: a file or folder of one's own becomes a data set with a name.

use std::process::ExitCode;

use espalier_data::{Described, OwnData, Source, describe as described};

use crate::Error;
use crate::cli::{DescribeArguments, Options};
use crate::progress::say;

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
        descriptor,
        dataset,
    } = described(&arguments.file, &source, &own)?;
    let info = &dataset.info;
    say(&format!(
        "{}: {} features, shape {:?}",
        info.name, info.features, info.shape
    ));
    say(&format!("targets: {:?}", info.targets));
    if !descriptor.classes.is_empty() {
        say(&format!("classes: {}", descriptor.classes.join(", ")));
    }
    say(&format!("splits: {}", info.splits));
    if let Some(part) = &info.part {
        say(&format!("rules: {part}"));
    }
    say(&format!(
        "described in {}; from now on: --dataset {}",
        path.display(),
        info.name
    ));
    Ok(ExitCode::SUCCESS)
}
