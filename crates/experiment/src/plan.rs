//! The list of trials: the same for whoever makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use espalier_data::Source;
use espalier_report::files;
use espalier_seed::Seed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::examples;
use crate::identity::{hex, preset_folder};
use crate::store::{Store, replace};
use crate::{Error, Experiment, Identity, Loaded, Preset, Result, Settings};

/// One trial of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The id: a hash of all that decides the result.
    pub id: String,
    /// The variant, as an index into [`Plan::variants`].
    pub variant: usize,
    /// The data set, as an index into [`Plan::sets`].
    pub set: usize,
    /// The number of the paired seed.
    pub seed: u64,
}

/// One data set of a plan, with the folder that its trials meet in.
#[derive(Clone, Debug)]
pub struct PlannedSet {
    /// The data.
    pub loaded: Loaded,
    /// The digest of the data as trials see them.
    pub examples: String,
    /// The folder, below `runs`.
    pub store: Store,
}

/// All trials of an experiment under one preset and its settings.
#[derive(Clone, Debug)]
pub struct Plan<V> {
    /// The experiment's name.
    pub experiment: String,
    /// What stands for the code: the golden digests' identity.
    pub fingerprint: String,
    /// The preset.
    pub preset: Preset,
    /// The folder's name: the preset, and a hash where settings were changed.
    pub folder: String,
    /// The settings.
    pub settings: Settings,
    /// The names of changed settings.
    pub changed: Vec<String>,
    /// The device.
    pub device: String,
    /// The variants in the order of presentation.
    pub variants: Vec<V>,
    /// Their names.
    pub names: Vec<String>,
    /// The data sets.
    pub sets: Vec<PlannedSet>,
    /// The trials: data set by data set, seed by seed, costly variants first.
    pub trials: Vec<Planned>,
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanOptions<'a> {
    /// The preset.
    pub preset: Preset,
    /// Changes of settings, as `KEY=VALUE`.
    pub changes: &'a [String],
    /// The number of seeds, if not the preset's.
    pub seeds: Option<u64>,
    /// The data sets, if not the experiment's first.
    pub datasets: &'a [String],
    /// The device.
    pub device: &'a str,
    /// Where data comes from.
    pub source: &'a Source,
    /// The folder of trials under way.
    pub runs: &'a Path,
}

/// The name under which experiments without a data set file their rows.
pub(crate) const NO_DATA: &str = "no-data";

/// A line of the plan's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    id: String,
    variant: String,
    seed: u64,
}

impl<V: Clone + std::fmt::Display> Plan<V> {
    /// Makes the plan of an experiment.
    ///
    /// # Errors
    /// When a flag or setting is wrong, the data set cannot be loaded, or no trial is left.
    pub fn new<E: Experiment<Variant = V>>(experiment: &E, options: &PlanOptions<'_>) -> anyhow::Result<Self> {
        let name = experiment.about().name;
        let defaults = experiment.settings(&options.preset);
        let mut settings = defaults.clone();
        for change in options.changes {
            settings.set(change)?;
        }
        if let Some(seeds) = options.seeds {
            settings.set_seeds(seeds);
        }
        let variants = experiment.variants(&settings)?;
        let names = distinct_names(name, &variants)?;
        let folder = preset_folder(options.preset.name(), &defaults, &settings);
        let mut plan = Self {
            experiment: name.to_owned(),
            fingerprint: experiment.golden().fingerprint()?,
            preset: options.preset.clone(),
            folder,
            changed: settings
                .changes_from(&defaults)
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
            settings,
            device: options.device.to_owned(),
            variants,
            names,
            sets: Vec::new(),
            trials: Vec::new(),
        };
        plan.load_sets(experiment, options)?;
        plan.list_trials(experiment);
        if plan.trials.is_empty() {
            let reason = format!("{} variants, {} seeds", plan.variants.len(), plan.settings.seeds());
            return Err(Error::EmptyPlan {
                experiment: plan.experiment,
                reason,
            }
            .into());
        }
        Ok(plan)
    }

    fn load_sets<E: Experiment<Variant = V>>(
        &mut self,
        experiment: &E,
        options: &PlanOptions<'_>,
    ) -> anyhow::Result<()> {
        for loaded in load_sets(experiment, options, &self.settings)? {
            // Two names may fall back to one stand-in.
            if self.sets.iter().all(|set| set.loaded.name != loaded.name) {
                let store = Store::at(
                    options
                        .runs
                        .join(&self.experiment)
                        .join(&loaded.name)
                        .join(&self.folder),
                );
                let examples = examples::digest(&loaded);
                self.sets.push(PlannedSet {
                    loaded,
                    examples,
                    store,
                });
            }
        }
        Ok(())
    }

    fn list_trials<E: Experiment<Variant = V>>(&mut self, experiment: &E) {
        let mut order: Vec<usize> = (0..self.variants.len()).collect();
        let costs: Vec<f64> = self
            .variants
            .iter()
            .map(|variant| experiment.cost(variant, &self.settings))
            .collect();
        order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]).then(a.cmp(&b)));
        for set in 0..self.sets.len() {
            let template = self.identity(0, set, 0).template();
            for seed in 0..self.settings.seeds() {
                for &variant in &order {
                    self.trials.push(Planned {
                        id: template.id(&self.names[variant], seed),
                        variant,
                        set,
                        seed,
                    });
                }
            }
        }
    }

    fn identity(&self, variant: usize, set: usize, seed: u64) -> Identity {
        let planned = self.sets.get(set);
        let loaded = planned.map(|set| &set.loaded);
        Identity {
            experiment: self.experiment.clone(),
            fingerprint: self.fingerprint.clone(),
            preset: self.preset.name().to_owned(),
            settings: self.settings.to_json(),
            variant: self.names.get(variant).cloned().unwrap_or_default(),
            dataset: loaded.map(|loaded| loaded.name.clone()).unwrap_or_default(),
            content: loaded.map(|loaded| loaded.content.clone()).unwrap_or_default(),
            examples: planned.map(|set| set.examples.clone()).unwrap_or_default(),
            seed,
            device: self.device.split(':').next().unwrap_or_default().to_owned(),
        }
    }

    /// Returns everything that decides a trial's result.
    #[must_use]
    pub fn identity_of(&self, trial: &Planned) -> Identity {
        self.identity(trial.variant, trial.set, trial.seed)
    }

    /// Returns the root of a trial's random streams; variants of one seed share it.
    #[must_use]
    pub fn seed_of(&self, trial: &Planned) -> Seed {
        root_seed(&self.experiment, &self.sets[trial.set].loaded.name, trial.seed)
    }

    /// Names a trial for people: variant, data set, seed.
    #[must_use]
    pub fn label(&self, trial: &Planned) -> String {
        format!(
            "{} · {} · seed {}",
            self.names[trial.variant], self.sets[trial.set].loaded.name, trial.seed
        )
    }

    /// Returns the trials of one data set, in the plan's order.
    pub fn of_set(&self, set: usize) -> impl Iterator<Item = &Planned> {
        self.trials.iter().filter(move |trial| trial.set == set)
    }

    /// Writes the plan of a data set into its store: a digest line and a line for each trial.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, set: usize) -> Result<()> {
        let text = self.text(set)?;
        let path = self.sets[set].store.plan_path();
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        replace(&path, text.as_bytes())
    }

    fn text(&self, set: usize) -> Result<String> {
        let mut body = String::new();
        for trial in self.of_set(set) {
            let line = Line {
                id: trial.id.clone(),
                variant: self.names[trial.variant].clone(),
                seed: trial.seed,
            };
            body.push_str(&serde_json::to_string(&line).map_err(|e| Error::json("encoding the plan", e))?);
            body.push('\n');
        }
        let head = BTreeMap::from([("plan", hex(&Sha256::digest(body.as_bytes())))]);
        let head = serde_json::to_string(&head).map_err(|e| Error::json("encoding the plan", e))?;
        Ok(format!("{head}\n{body}"))
    }

    /// Checks that a plan on disk, if there is one, lists the trials of this plan.
    ///
    /// # Errors
    /// [`Error::OtherPlan`] when it lists others.
    pub fn check(&self, set: usize) -> Result<()> {
        let path = self.sets[set].store.plan_path();
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the plan", &path, e))?;
        let (Some(found), ours) = (found, self.text(set)?) else {
            return Ok(());
        };
        if found == ours.as_bytes() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&found);
        let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
        let computed = ours.lines().next().unwrap_or_default().to_owned();
        if head == computed {
            return Err(Error::Damaged {
                expected: format!("lines with digest {head}"),
                found: format!("lines with digest {}", hex(&Sha256::digest(body.as_bytes()))),
                path,
            });
        }
        Err(Error::OtherPlan {
            path,
            recorded: head.to_owned(),
            computed,
        })
    }
}

/// Returns the root of the random streams of all trials of one seed.
pub(crate) fn root_seed(experiment: &str, dataset: &str, number: u64) -> Seed {
    Seed::new(number).named(experiment).named(dataset)
}

fn distinct_names<V: std::fmt::Display>(experiment: &str, variants: &[V]) -> Result<Vec<String>> {
    let names: Vec<String> = variants.iter().map(ToString::to_string).collect();
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twin) => Err(Error::TwinVariants {
            experiment: experiment.into(),
            variant: twin.clone(),
        }),
        None => Ok(names),
    }
}

fn load_sets<E: Experiment>(
    experiment: &E,
    options: &PlanOptions<'_>,
    settings: &Settings,
) -> anyhow::Result<Vec<Loaded>> {
    let offered = experiment.datasets();
    if offered.is_empty() {
        if let Some(asked) = options.datasets.first() {
            return Err(Error::flag("--dataset", "nothing, as the experiment makes its own data", asked).into());
        }
        let content = NO_DATA.to_owned();
        let part = "made by the experiment".to_owned();
        return Ok(vec![Loaded {
            dataset: None,
            name: NO_DATA.into(),
            content,
            part,
            notice: None,
        }]);
    }
    let default = [offered[0].to_owned()];
    let asked = if options.datasets.is_empty() {
        &default
    } else {
        options.datasets
    };
    asked
        .iter()
        .map(|name| experiment.load(name, options.source, settings))
        .collect()
}
