//! `figures`: recorded reports drawn again, byte for byte, without training.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::Options;
use crate::manifest::preset_of;
use crate::page::{draw, publish_combined};
use crate::progress::{notice, say};
use crate::{Error, Experiment, Manifest, Result};

pub(super) fn figures<E: Experiment>(experiment: &E, options: &Options) -> anyhow::Result<ExitCode> {
    let name = experiment.about().name;
    let base = options.out.join(name);
    let mut combined: Vec<(String, String)> = Vec::new();
    let mut drawn = 0;
    for folder in report_folders(&base)? {
        let Some(manifest) = Manifest::read(&folder)? else {
            continue;
        };
        let place = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let preset = (manifest.provenance.preset.clone(), place);
        if !manifest.parts.is_empty() {
            if !combined.contains(&preset) {
                combined.push(preset);
            }
            continue;
        }
        draw(experiment, &folder)?;
        say(&super::line(&folder, &manifest));
        drawn += 1;
    }
    for (preset, folder) in combined {
        let preset = preset_of(experiment, &preset)?;
        let written = publish_combined(experiment, &preset, &folder, &options.places(), &mut |text| {
            notice(&text)
        })?;
        if let Some(written) = written {
            say(&format!("{}", written.folder.display()));
        }
    }
    if drawn == 0 {
        say(&format!("{name}: no report is recorded below {}", base.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists `<data set>/<preset>` below an experiment's folder, in the order of names.
fn report_folders(base: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for dataset in subfolders(base)? {
        folders.extend(subfolders(&dataset)?);
    }
    Ok(folders)
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("listing the folder", folder, error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|e| Error::io("listing the folder", folder, e))?;
    paths.retain(|path| path.is_dir());
    paths.sort();
    Ok(paths)
}
