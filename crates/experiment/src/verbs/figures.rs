//! `figures`: recorded reports drawn again, byte for byte, without training.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use espalier_report::files;
use espalier_report::page::Report;
use rayon::prelude::*;

use crate::cli::Options;
use crate::manifest::{check_place, preset_of};
use crate::page::{draw, publish_combined, read_published};
use crate::progress::{chain, notice, say};
use crate::{AnyExperiment, Error, Manifest, Result};

pub(super) fn figures(experiment: &dyn AnyExperiment, options: &Options) -> anyhow::Result<ExitCode> {
    let name = experiment.about().name;
    let base = options.out.join(name);
    let mut combined: Vec<(String, String)> = Vec::new();
    let (mut drawn, mut failed) = (0, 0);
    let folders = report_folders(&base)?;
    let redrawn: Vec<_> = folders.par_iter().map(|folder| redraw(experiment, folder)).collect();
    for outcome in redrawn {
        match outcome {
            Ok(Drawn::Page { line, faults }) => {
                say(&line);
                drawn += 1;
                failed += tell(&faults);
            }
            Ok(Drawn::Combined(page)) if !combined.contains(&page) => combined.push(page),
            Ok(_) => {}
            // One report whose evidence is broken says nothing about the others.
            Err(error) => {
                failed += 1;
                notice(&format!("error: {}", chain(&error)));
            }
        }
    }
    for (preset, folder) in combined {
        let preset = preset_of(experiment, &preset)?;
        let written = publish_combined(experiment, &preset, &folder, &options.places(), &mut |text| {
            notice(&text)
        })?;
        if let Some(written) = written {
            say(&format!("{}", written.folder.display()));
            failed += tell(&faults(&written.report)?);
        }
    }
    if drawn + failed == 0 {
        say(&format!("{name}: no report is recorded below {}", base.display()));
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a report's folder holds.
enum Drawn {
    Nothing,
    /// A page: what is said of it, and the faults of its figures.
    Page {
        line: String,
        faults: Vec<String>,
    },
    /// A page over several data sets, by preset and folder; it is drawn after those that it is made from.
    Combined((String, String)),
}

/// Redraws one report from rows that its manifest vouches for.
fn redraw(experiment: &dyn AnyExperiment, folder: &Path) -> anyhow::Result<Drawn> {
    let Some(manifest) = Manifest::read(folder)? else {
        return Ok(Drawn::Nothing);
    };
    check_place(folder, experiment.about().name, &manifest)?;
    if !manifest.parts.is_empty() {
        let place = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(Drawn::Combined((manifest.provenance.preset, place)));
    }
    read_published(folder)?;
    let report = draw(experiment, folder)?;
    Ok(Drawn::Page {
        line: super::line(folder, &manifest),
        faults: faults(&report)?,
    })
}

/// Returns what keeps readers from reading a report's figures.
fn faults(report: &Report) -> anyhow::Result<Vec<String>> {
    Ok(report.lint()?.iter().map(ToString::to_string).collect())
}

/// Tells faults and counts them.
fn tell(faults: &[String]) -> usize {
    for fault in faults {
        notice(&format!("fault: {fault}"));
    }
    faults.len()
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
    let refused = |e| Error::io("listing the folder", folder, e);
    let mut paths = Vec::new();
    for path in files::entries_if_present(folder).map_err(refused)? {
        if files::is_folder(&path).map_err(refused)? {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
