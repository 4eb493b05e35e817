//! The looks of `--until-decided`: declared before the first trial, and not moved afterwards.

use std::path::{Path, PathBuf};

use espalier_report::files;
use espalier_report::page::LEAST_SEEDS;
use espalier_report::statistics::Looks;
use serde::{Deserialize, Serialize};

use crate::cli::Options;
use crate::committed::Committed;
use crate::page::Places;
use crate::plan::Plan;
use crate::progress::say;
use crate::store::replace;
use crate::{Error, Manifest, Result};

/// Bound of the seeds over those of the first look, where no other is asked for.
const MOST_OVER_FIRST: u64 = 4;
/// The file of a store that holds the looks from their declaration on.
const FILE: &str = "looks.json";

/// Looks as they were declared for the trials of one identity.
#[derive(Serialize, Deserialize)]
struct Declared {
    /// The first trial's id, which other code, data or settings change.
    of: String,
    seeds: Vec<u64>,
}

/// Says at how many seeds claims will be judged, and writes it down before there is anything to judge.
pub(super) fn declare(looks: &Looks, most: &Plan) -> Result<()> {
    for (set, planned) in most.sets.iter().enumerate() {
        let path = planned.store.root().join(FILE);
        let of = most
            .of_set(set)
            .next()
            .map(|trial| trial.id.clone())
            .unwrap_or_default();
        let before = before(&path)?.filter(|before| before.of == of);
        if let Some(before) = before {
            unmoved(looks, path, &before.seeds)?;
            continue;
        }
        let declared = Declared {
            of,
            seeds: looks.seeds.clone(),
        };
        let text = serde_json::to_string(&declared).map_err(|error| Error::json("encoding looks", error))?;
        replace(&path, format!("{text}\n").as_bytes())?;
    }
    let seeds: Vec<String> = looks.seeds.iter().map(u64::to_string).collect();
    say(&format!(
        "declared before any look: claims are judged at {} paired seeds, no more than {}; neither moves from now on, and a larger \
         --max-seeds takes a report of its own (--out and --runs)",
        seeds.join(", "),
        looks.bound()
    ));
    Ok(())
}

fn before(path: &Path) -> Result<Option<Declared>> {
    let bytes = files::read_if_present(path).map_err(|error| Error::io("reading the looks", path, error))?;
    let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    let read = bytes.map(read).transpose();
    read.map_err(|error| Error::json(format!("reading {}", path.display()), error))
}

fn unmoved(looks: &Looks, path: PathBuf, declared: &[u64]) -> Result<()> {
    if *declared == looks.seeds {
        return Ok(());
    }
    Err(Error::OtherLooks {
        path,
        recorded: declared.to_vec(),
        declared: looks.seeds.clone(),
    })
}

/// The looks that the flags declare.
pub(super) fn declared(options: &Options, seeds: u64, trials_of_a_seed: usize) -> Result<Looks> {
    let least = LEAST_SEEDS as u64;
    if let Some(few) = options.seeds.filter(|seeds| *seeds < least) {
        let expected = format!("at least {least} beside --until-decided: no verdict rests on fewer");
        return Err(Error::flag("--seeds", expected, few.to_string()));
    }
    let first = seeds.max(least);
    let most = options.max_seeds.unwrap_or(first.saturating_mul(MOST_OVER_FIRST));
    if most < first {
        let expected = format!("at least the {first} seeds of the first look");
        return Err(Error::flag("--max-seeds", expected, most.to_string()));
    }
    Ok(Looks {
        trials_of_a_seed,
        ..Looks::planned(first, most)
    })
}

/// Refuses to go on from a report whose looks were declared otherwise, be it one that was kept apart: the error is spent as
/// they were.
pub(super) fn same_looks(looks: &Looks, committed: &[Option<Committed>], most: &Plan, places: &Places) -> Result<()> {
    for report in committed.iter().flatten() {
        declared_alike(looks, &report.folder, &report.manifest)?;
    }
    for (set, planned) in most.sets.iter().enumerate() {
        let (name, preset) = (&planned.loaded.name, &most.preset);
        for folder in [
            places.report(&most.experiment, name, preset, &most.folder),
            places.apart(&most.experiment, name, preset, &most.folder),
        ] {
            // One of other code or data is no report of this plan's trials.
            let manifest = Manifest::read(&folder)?.filter(|manifest| manifest.other_identity(most, set).is_none());
            if let Some(manifest) = manifest {
                declared_alike(looks, &folder, &manifest)?;
            }
        }
    }
    Ok(())
}

fn declared_alike(looks: &Looks, folder: &Path, manifest: &Manifest) -> Result<()> {
    match &manifest.provenance.looks {
        Some(recorded) => unmoved(looks, folder.to_owned(), &recorded.seeds),
        None => Ok(()),
    }
}

/// For each data set the look that comes next: the first with no fewer seeds than are recorded whole.
pub(super) fn next_looks(most: &Plan, looks: &Looks, options: &Options) -> Result<Vec<usize>> {
    let next = |set: usize| {
        let recorded = most.sets[set].store.recorded()?;
        let lacking = most
            .of_set(set)
            .find(|trial| options.fresh || !recorded.contains(&trial.id));
        let whole = lacking.map_or(looks.bound(), |trial| trial.seed);
        Ok(looks.seeds.iter().position(|seeds| *seeds >= whole).unwrap_or_default())
    };
    (0..most.sets.len()).map(next).collect()
}
