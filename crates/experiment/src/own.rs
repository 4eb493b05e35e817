//! Data sets of one's own: `--dataset FILE` with what `--set` says about it.

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, OwnData, Source};

use crate::plan::{ALL, PlanOptions};
use crate::{AnyExperiment, Loaded, Settings};

/// Parts changes about data of one's own from those of the experiment's settings, whose names win.
///
/// Without a data set of one's own all changes are the experiment's, so that a word that it does not know is refused.
pub(crate) fn divided<'a>(
    experiment: &dyn AnyExperiment,
    options: &PlanOptions<'a>,
    settings: &Settings,
) -> anyhow::Result<(OwnData, Vec<&'a String>)> {
    let mut own = OwnData::default();
    let takes_data = !experiment.datasets().is_empty();
    if takes_data {
        // Before its settings: a misspelt file would make those about it unknown.
        let offered = experiment.datasets();
        let other = |name: &&String| *name != ALL && !offered.contains(&name.as_str());
        let mut asked = options.datasets.iter().filter(other);
        asked.try_for_each(|name| espalier_data::check_name(name, options.source))?;
    }
    // A set of that name is asked for by its path.
    let is_own = |name: &String| name != ALL && espalier_data::is_own(name, options.source);
    if !takes_data || !options.datasets.iter().any(is_own) {
        return Ok((own, options.changes.iter().collect()));
    }
    let mut changes = Vec::new();
    for change in options.changes {
        match change.split_once('=') {
            Some((key, value)) if is_about_data(key.trim(), settings) => own.set(key.trim(), value.trim())?,
            _ => changes.push(change),
        }
    }
    Ok((own, changes))
}

fn is_about_data(key: &str, settings: &Settings) -> bool {
    OwnData::KEYS.contains(&key) && settings.iter().all(|(name, _)| name != key)
}

/// Loads a set by its own rules: an experiment's normalisation and validation rows are those of the sets it was made for.
pub(crate) fn load(name: &str, source: &Source, own: &OwnData) -> anyhow::Result<Loaded> {
    let options = LoadOptions {
        own: own.clone(),
        ..LoadOptions::default()
    };
    let dataset: Arc<Dataset> = espalier_data::load(name, source, &options)?;
    Ok(Loaded::from(dataset))
}
