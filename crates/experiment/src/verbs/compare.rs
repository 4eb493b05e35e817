//! `compare`: two recorded reports, or two variants, side by side.

use std::path::PathBuf;
use std::process::ExitCode;

use espalier_report::page::{DataUse, Side};
use espalier_report::statistics::Bootstrap;
use espalier_seed::Seed;

use crate::cli::CompareArguments;
use crate::page::read_published;
use crate::progress::say;
use crate::{Error, Manifest};

pub(super) fn compare(arguments: &CompareArguments) -> anyhow::Result<ExitCode> {
    let (first, second) = (split(&arguments.first), split(&arguments.second));
    let (first_manifest, first_rows) = read_published(&first.0)?;
    let (second_manifest, second_rows) = read_published(&second.0)?;
    say(&super::line(&first.0, &first_manifest));
    say(&super::line(&second.0, &second_manifest));
    for line in differences(&first_manifest, &second_manifest) {
        say(&line);
    }
    if first_rows.result_hash() == second_rows.result_hash() {
        say("the recorded results are identical");
    }
    let bootstrap = Bootstrap::new(&Seed::new(0).named("compare"));
    let side = |label, rows, variant| Side { label, rows, variant };
    let comparison = espalier_report::page::compare(
        side(&arguments.first, &first_rows, first.1.as_deref()),
        side(&arguments.second, &second_rows, second.1.as_deref()),
        &bootstrap,
    )
    .map_err(Error::from)?;
    say(&format!("\n{comparison}"));
    Ok(ExitCode::SUCCESS)
}

/// Splits `FOLDER@VARIANT`; a folder whose own name holds an `@` exists as it stands.
fn split(text: &str) -> (PathBuf, Option<String>) {
    let whole = PathBuf::from(text);
    match text.rsplit_once('@') {
        Some((folder, variant)) if !whole.is_dir() => (folder.into(), Some(variant.to_owned())),
        _ => (whole, None),
    }
}

/// Says in what the two recordings differ besides their rows.
fn differences(first: &Manifest, second: &Manifest) -> Vec<String> {
    let (one, other) = (&first.provenance, &second.provenance);
    let mut lines = Vec::new();
    let mut note = |what: &str, a: &str, b: &str| {
        if a != b {
            lines.push(format!("{what} differs: {a} / {b}"));
        }
    };
    note("data", &data(&one.data), &data(&other.data));
    note("code", &one.fingerprint, &other.fingerprint);
    note("device", &one.device, &other.device);
    for (name, value) in &one.settings {
        note(
            &format!("setting {name}"),
            value,
            other.settings.get(name).map_or("none", String::as_str),
        );
    }
    for (name, value) in other
        .settings
        .iter()
        .filter(|(name, _)| !one.settings.contains_key(*name))
    {
        note(&format!("setting {name}"), "none", value);
    }
    lines
}

fn data(sets: &[DataUse]) -> String {
    let one = |set: &DataUse| {
        let sums: Vec<&str> = set.checksums.values().map(String::as_str).collect();
        format!("{} {}", set.name, sums.join(" "))
    };
    sets.iter().map(one).collect::<Vec<_>>().join(", ")
}
