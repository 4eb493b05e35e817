//! `figures`: recorded reports drawn again, byte for byte, without training.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use espalier_report::files;
use espalier_report::page::Report;

use crate::cli::Options;
use crate::manifest::{check_place, preset_of};
use crate::page::{draw, publish_combined, read_published};
use crate::progress::{chain, notice, say};
use crate::{Error, Experiment, Manifest, Result};

pub(super) fn figures<E: Experiment>(experiment: &E, options: &Options) -> anyhow::Result<ExitCode> {
    let name = experiment.about().name;
    let base = options.out.join(name);
    let mut combined: Vec<(String, String)> = Vec::new();
    let (mut drawn, mut failed) = (0, 0);
    for folder in report_folders(&base)? {
        match redraw(experiment, &folder) {
            Ok(Drawn::Page(faults)) => {
                drawn += 1;
                failed += faults;
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
            failed += faults(&written.report)?;
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
    /// A page, with how many faults its figures have.
    Page(usize),
    /// A page over several data sets, by preset and folder; it is drawn after those that it is made from.
    Combined((String, String)),
}

/// Redraws one report from rows that its manifest vouches for.
fn redraw<E: Experiment>(experiment: &E, folder: &Path) -> anyhow::Result<Drawn> {
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
    say(&super::line(folder, &manifest));
    Ok(Drawn::Page(faults(&report)?))
}

/// Tells what keeps readers from reading a report's figures, and counts it.
fn faults(report: &Report) -> anyhow::Result<usize> {
    let found = report.lint()?;
    for fault in &found {
        notice(&format!("fault: {fault}"));
    }
    Ok(found.len())
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
