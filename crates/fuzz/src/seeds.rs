//! The seeds that mutations start from.

use std::path::PathBuf;

use espalier_experiment::store::{Checkpoint, Finished, Owner, Store, Timing};
use espalier_experiment::{Erased, Manifest};
use espalier_net::save::{self, Checkpoint as Saved};
use espalier_net::{ApplyOptions, Optimizer, OptimizerKind, Plan, Scales, Transplant, Units, export};
use espalier_report::rows::{Record, Rows, TrialKey};
use espalier_seed::Seed;

use crate::store::TRIAL;
use crate::toy::{Distance, Walk, plan};
use crate::{folder, network};

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Reads the committed seeds of a target, with their names, in the order of names; a file of the project's own format
/// made by the present code, `valid-now`, is among them.
///
/// # Errors
/// Names the folder or file that cannot be read.
pub fn seeds(target: &str) -> Outcome<Vec<(String, Vec<u8>)>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let named = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(named)? {
        let entry = entry.map_err(named)?;
        let bytes = std::fs::read(entry.path()).map_err(named)?;
        seeds.push((entry.file_name().to_string_lossy().into_owned(), bytes));
    }
    let own = own_seeds()?.into_iter().filter(|(name, _)| *name == target);
    seeds.extend(own.map(|(_, bytes)| ("valid-now".to_owned(), bytes)));
    seeds.sort();
    Ok(seeds)
}

/// Writes a small valid file of each format that is the project's own, named `<target>/valid`.
///
/// # Errors
/// When one of the project's own writers fails.
pub fn own_seeds() -> Outcome<Vec<(&'static str, Vec<u8>)>> {
    let folder = folder::scratch();
    let store = Store::open(folder.path().join("runs"))?;
    store.finish(&finished()?)?;
    let record = std::fs::read(folder.path().join("runs/records/ab/abcd.json"))?;
    store.take(TRIAL, &Owner::new())?;
    let lease = std::fs::read(folder.path().join("runs/leases/ab/abcd.lease"))?;
    store.save_checkpoint(TRIAL, &checkpoint()?)?;
    let checkpoint = std::fs::read(store.checkpoint_dir(TRIAL).join("state"))?;
    let planned = plan(folder.path());
    Store::open(planned.sets[0].store.root())?;
    planned.write(0)?;
    let plan = std::fs::read(planned.sets[0].store.plan_path())?;
    Manifest::new(&Erased(&Walk), &planned, 0, &[finished()?], "walk").write(folder.path())?;
    let manifest = std::fs::read(folder.path().join("manifest.json"))?;
    Rows::from_records(&[walked()?])?.write(folder.path())?;
    let rows = std::fs::read(folder.path().join("distances.parquet"))?;
    Ok(vec![
        ("record", record),
        ("lease", lease),
        ("checkpoint", checkpoint),
        ("plan", plan),
        ("manifest", manifest),
        ("rows", rows),
        ("network", grown()?),
        ("state_dict", export::to_bytes(&network::small())?),
    ])
}

fn walked() -> Outcome<Record> {
    let mut record = Record::new(TrialKey::new(TRIAL, "free", "no-data", 0));
    for (step, distance, name) in [(0, 0.5, None), (1, f64::NAN, Some("far")), (2, -0.0, Some(""))] {
        record.push(&Distance {
            step,
            distance,
            name: name.map(str::to_owned),
            free: step == 1,
        })?;
    }
    Ok(record)
}

fn finished() -> Outcome<Finished> {
    let timing = Timing {
        wall_seconds: 1.5,
        threads: 1,
        jobs: 2,
        resumptions: 0,
        instruction_set: "any".to_owned(),
    };
    Ok(Finished::new(
        TRIAL,
        "{\"variant\":\"free\"}",
        walked()?,
        timing,
        Owner::new(),
    )?)
}

fn checkpoint() -> Outcome<Checkpoint> {
    Ok(Checkpoint {
        record: walked()?,
        wall_seconds: 0.5,
        training_seconds: Some(0.25),
        resumptions: 1,
        state: vec![1, 2, 3],
    })
}

/// A checkpoint with optimizer, stream, note and the history of a split.
fn grown() -> Outcome<Vec<u8>> {
    let mut network = network::small();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let group = *network.editable_groups().last().ok_or("no group can be edited")?;
    let units = Units::of(&network, group).split(0, &Scales::equal(2))?;
    let applied = network.apply(&Plan::new("seed").with(units.edit("seed")), &ApplyOptions::default())?;
    optimizer.follow(&applied, &network, Transplant::Exact)?;
    let saved = Saved::of(&network)
        .with_optimizer(&optimizer)
        .with_stream("draws", Seed::new(2).stream().state())
        .with_extra("note", "a seed");
    Ok(save::to_bytes(&saved)?)
}
