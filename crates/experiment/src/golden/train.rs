//! Training the golden runs and digesting what they record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use espalier_data::{Dataset, Examples, stand_in};
use espalier_report::rows::{Cell, Record, Table, TrialKey, is_timing};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Digests, Golden, GoldenRun};
use crate::identity::hex;
use crate::plan::{NO_DATA, root_seed};
use crate::signals::Leave;
use crate::trial::{RunningTrial, World};
use crate::{AnyExperiment, AnyVariant, Error, Settings, TrialContext};

/// How many hexadecimal digits of a digest are kept: 128 bits.
const DIGITS: usize = 32;

/// Trains all golden runs of an experiment, with all training images times `factor`, and digests their rows.
pub(crate) fn train(
    experiment: &dyn AnyExperiment,
    golden: &Golden,
    factor: f32,
    leave: &Leave,
) -> anyhow::Result<Digests> {
    let groups = golden
        .runs
        .iter()
        .map(|run| Group::new(experiment, golden, run, factor))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let trials: Vec<(&Group<'_>, &AnyVariant)> = groups
        .iter()
        .flat_map(|group| group.variants.iter().map(move |variant| (group, variant)))
        .collect();
    let digested: Vec<(String, BTreeMap<String, String>)> = trials
        .into_par_iter()
        .map(|(group, variant)| group.train(experiment, variant, leave))
        .collect::<anyhow::Result<_>>()?;
    let (count, digests) = (digested.len(), digested.into_iter().collect::<Digests>());
    anyhow::ensure!(
        digests.len() == count,
        "golden runs: two have the same preset, data set and variant"
    );
    Ok(digests)
}

/// Golden runs that share settings and data.
struct Group<'a> {
    run: &'a GoldenRun,
    settings: Settings,
    /// None where the experiment makes its own data.
    dataset: Option<Arc<Dataset>>,
    variants: Vec<AnyVariant>,
}

impl<'a> Group<'a> {
    fn new(experiment: &dyn AnyExperiment, golden: &Golden, run: &'a GoldenRun, factor: f32) -> anyhow::Result<Self> {
        let mut settings = experiment.settings(&run.preset);
        for change in &run.changes {
            settings.set(change)?;
        }
        let mut variants = experiment.variants(&settings)?;
        let names: Vec<String> = variants.iter().map(ToString::to_string).collect();
        if let Some(unknown) = run.variants.iter().find(|wanted| !names.contains(wanted)) {
            let valid = names.join(", ");
            return Err(Error::flag("golden run", format!("one of {valid}"), unknown.as_str()).into());
        }
        variants.retain(|variant| run.variants.is_empty() || run.variants.contains(&variant.to_string()));
        Ok(Self {
            run,
            dataset: Self::drawn(experiment, golden, run, &settings, factor)?,
            settings,
            variants,
        })
    }

    fn drawn(
        experiment: &dyn AnyExperiment,
        golden: &Golden,
        run: &GoldenRun,
        settings: &Settings,
        factor: f32,
    ) -> anyhow::Result<Option<Arc<Dataset>>> {
        if run.dataset == NO_DATA {
            return Ok(None);
        }
        let mut dataset = stand_in(run.dataset, golden.sizes(), &experiment.load_options(settings)?)?;
        dataset.train = scaled(&dataset.train, factor)?;
        Ok(Some(Arc::new(dataset)))
    }

    fn train(
        &self,
        experiment: &dyn AnyExperiment,
        variant: &AnyVariant,
        leave: &Leave,
    ) -> anyhow::Result<(String, BTreeMap<String, String>)> {
        let (run, name) = (self.run, variant.to_string());
        // Nobody listens: a golden run takes a moment.
        let (events, _) = channel();
        let world = World {
            id: "golden",
            number: 0,
            settings: &self.settings,
            preset: &run.preset,
            dataset: self.dataset.clone(),
            seed: root_seed(experiment.about().name, run.dataset, 0),
            device: "cpu",
            threads: 1,
            checkpoint_every: Duration::MAX,
            store: None,
            events,
            leave: leave.clone(),
            meeting: None,
        };
        let record = Record::new(TrialKey::new("golden", &name, run.dataset, 0));
        let mut trial = RunningTrial::new(variant, world, record);
        let label = format!("{}, {}: {name}", run.preset, run.dataset);
        experiment
            .trial(TrialContext::of(&mut trial))
            .map_err(|error| error.context(format!("golden run {label}")))?;
        let (record, _, _) = trial.finish();
        let tables = record.tables.iter().filter(|(name, _)| !is_timing(name));
        Ok((
            label,
            tables.map(|(name, table)| (name.clone(), digest(table))).collect(),
        ))
    }
}

fn scaled(examples: &Examples, factor: f32) -> anyhow::Result<Examples> {
    let features = examples.features().iter().map(|feature| feature * factor).collect();
    Ok(Examples::new(features, examples.width(), examples.targets().clone())?)
}

/// Digests names, kinds and every bit of a table's cells.
fn digest(table: &Table) -> String {
    let mut hasher = Sha256::new();
    for column in table.columns() {
        hasher.update(format!("{} {}\n", column.name, column.kind));
    }
    for cell in table.rows().iter().flatten() {
        match cell {
            Cell::Null => hasher.update([0]),
            Cell::Bool(value) => hasher.update([1, u8::from(*value)]),
            Cell::Int(value) => feed(&mut hasher, 2, &value.to_le_bytes()),
            Cell::Float(value) => feed(&mut hasher, 3, &value.to_bits().to_le_bytes()),
            Cell::Text(value) => feed(&mut hasher, 4, value.as_bytes()),
        }
    }
    let mut digits = hex(&hasher.finalize());
    digits.truncate(DIGITS);
    digits
}

fn feed(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    hasher.update([kind]);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
