//! The list of trials: the same for whoever makes it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use espalier_data::{OwnData, Source};
use espalier_report::files;
use espalier_report::statistics::Looks;
use espalier_seed::Seed;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::examples;
use crate::identity::{hex, preset_folder};
use crate::store::Store;
use crate::{AnyExperiment, AnyVariant, Error, Identity, Loaded, Preset, Result, Settings};

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
pub struct Plan {
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
    /// The looks at the seeds where they are added while claims are open, up to that of this plan's seeds.
    pub looks: Option<Looks>,
    /// The device.
    pub device: String,
    /// The variants in the order of presentation.
    pub variants: Vec<AnyVariant>,
    /// Their names.
    pub names: Vec<String>,
    /// The data sets.
    pub sets: Vec<PlannedSet>,
    /// The trials: data set by data set, seed by seed, costly variants first; none in an outline.
    pub trials: Vec<Planned>,
    /// The variants' order within a seed.
    order: Vec<usize>,
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
/// The name that stands for every data set that an experiment is made for.
pub(crate) const ALL: &str = "all";

/// The most trials of a plan: more than this a folder of records is not made for.
const MOST_TRIALS: u64 = 10_000_000;
/// Trials whose lines are made at once.
const BLOCK: usize = 1 << 14;

impl Plan {
    /// Makes the plan of an experiment.
    ///
    /// # Errors
    /// When a flag or setting is wrong, the data set cannot be loaded, there are too many trials, or none is left.
    pub fn new(experiment: &dyn AnyExperiment, options: &PlanOptions<'_>) -> anyhow::Result<Self> {
        Ok(Self::outline(experiment, options)?.with_trials())
    }

    /// Makes the plan without listing its trials, which are many: enough to write it down.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn outline(experiment: &dyn AnyExperiment, options: &PlanOptions<'_>) -> anyhow::Result<Self> {
        let name = experiment.about().name;
        let defaults = experiment.settings(&options.preset);
        let (own, changes) = crate::own::divided(experiment, options, &defaults)?;
        let (defaults, mut settings) = crate::parts::changed(defaults, &changes, experiment.cuts_batches())?;
        crate::parts::check_device(&settings, options.device)?;
        if let Some(seeds) = options.seeds {
            settings.set_seeds(seeds);
        }
        let variants = experiment.variants(&settings).map_err(|error| Error::Settings {
            experiment: name.to_owned(),
            reason: format!("{error:#}"),
        })?;
        let names = distinct_names(name, &variants)?;
        let sets = asked_for(&experiment.datasets(), options.datasets).len();
        check_size(name, variants.len(), settings.seeds(), sets.max(1))?;
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
            looks: None,
            device: options.device.to_owned(),
            variants,
            names,
            sets: Vec::new(),
            trials: Vec::new(),
            order: Vec::new(),
        };
        plan.order = plan.costly_first(experiment);
        plan.load_sets(experiment, options, &own)?;
        for data in plan.sets.iter().filter_map(|set| set.loaded.dataset.as_ref()) {
            // Of another kind first: more rows of a table are no images.
            experiment.check_data(&plan.settings, data)?;
            plan.settings.check_rows(data, &plan.preset, &plan.changed)?;
        }
        Ok(plan)
    }

    /// The outline of the same plan with another number of seeds.
    ///
    /// # Errors
    /// [`Error::LargePlan`].
    pub(crate) fn with_seeds(&self, seeds: u64) -> Result<Self> {
        check_size(&self.experiment, self.variants.len(), seeds, self.sets.len())?;
        let mut plan = self.clone();
        plan.settings.set_seeds(seeds);
        plan.trials.clear();
        Ok(plan)
    }

    /// Lists all trials.
    #[must_use]
    pub fn with_trials(mut self) -> Self {
        let mut trials = Vec::with_capacity(self.sets.len() * self.trials_of_a_set());
        for set in 0..self.sets.len() {
            let template = self.identity(0, set, 0).template();
            let seeds = 0..self.settings.seeds();
            let of_seed = |seed: u64| self.order.iter().map(move |&variant| (variant, seed));
            trials.extend(seeds.flat_map(of_seed).map(|(variant, seed)| Planned {
                id: template.id(&self.names[variant], seed),
                variant,
                set,
                seed,
            }));
        }
        self.trials = trials;
        self
    }

    /// Returns the place of a variant in the order in which trials are run.
    pub(crate) fn rank(&self, variant: usize) -> Option<usize> {
        self.order.iter().position(|other| *other == variant)
    }

    /// Returns the number of trials on each data set.
    #[must_use]
    pub fn trials_of_a_set(&self) -> usize {
        self.variants.len() * self.settings.seeds() as usize
    }

    fn load_sets(
        &mut self,
        experiment: &dyn AnyExperiment,
        options: &PlanOptions<'_>,
        own: &OwnData,
    ) -> anyhow::Result<()> {
        for loaded in load_sets(experiment, options, &self.settings, own)? {
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

    /// The places of the variants, costly ones first.
    fn costly_first(&self, experiment: &dyn AnyExperiment) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.variants.len()).collect();
        let cost = |variant: &AnyVariant| experiment.cost(variant, &self.settings);
        let costs: Vec<f64> = self.variants.iter().map(cost).collect();
        order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]).then(a.cmp(&b)));
        order
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
    /// Lines are made in blocks, so that a plan of millions takes no more memory than one of thousands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, set: usize) -> Result<()> {
        let path = self.sets[set].store.plan_path();
        let written = files::replace_by(&path, &mut |draft| {
            let head = self.draft(set, draft)?;
            Ok(!(starts_with(&path, &head) && same_length(&path, draft)))
        });
        written.map_err(|error| Error::io("writing the plan", path, error))
    }

    /// Writes the lines of a data set and then, in their first line, their digest, which it returns.
    fn draft(&self, set: usize, path: &Path) -> io::Result<String> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut digest = Sha256::new();
        file.write_all(head_line(&[0; 32]).as_bytes())?;
        self.each_block(set, &mut |lines| {
            digest.update(lines);
            file.write_all(lines)
        })?;
        let head = head_line(&digest.finalize());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(head.as_bytes())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(head)
    }

    /// Hands the lines of a data set's trials on in blocks of some thousands, in the plan's order.
    fn each_block(&self, set: usize, hand_on: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let template = self.identity(0, set, 0).template();
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| Json::from(name.as_str()).to_string())
            .collect();
        let (order, plain) = (&self.order, &self.names);
        let line = |number: usize| {
            let (seed, variant) = (number / order.len(), order[number % order.len()]);
            let id = template.id(&plain[variant], seed as u64);
            format!("{{\"id\":\"{id}\",\"variant\":{},\"seed\":{seed}}}\n", names[variant])
        };
        let all = self.trials_of_a_set();
        for from in (0..all).step_by(BLOCK) {
            let lines: Vec<String> = (from..(from + BLOCK).min(all)).into_par_iter().map(line).collect();
            hand_on(lines.concat().as_bytes())?;
        }
        Ok(())
    }

    /// Checks that a plan on disk, if there is one, lists the trials of this plan.
    ///
    /// # Errors
    /// [`Error::OtherPlan`] when it lists others.
    pub fn check(&self, set: usize) -> Result<()> {
        let path = self.sets[set].store.plan_path();
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the plan", &path, e))?;
        let Some(found) = found else {
            return Ok(());
        };
        let mut ours = Sha256::new();
        // Hashing cannot fail, and nothing else happens in there.
        let _ = self.each_block(set, &mut |lines| {
            ours.update(lines);
            Ok(())
        });
        let computed = head_line(&ours.finalize());
        let body = found
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(found.len(), |end| end + 1);
        let (head, digest) = (&found[..body], head_line(&Sha256::digest(&found[body..])));
        if head == computed.as_bytes() && digest == computed {
            return Ok(());
        }
        if head == computed.as_bytes() {
            return Err(Error::Damaged {
                expected: format!("lines with digest {}", computed.trim_end()),
                found: format!("lines with digest {}", digest.trim_end()),
                path,
            });
        }
        Err(Error::OtherPlan {
            path,
            recorded: String::from_utf8_lossy(head).trim_end().to_owned(),
            computed: computed.trim_end().to_owned(),
        })
    }
}

/// Returns the root of the random streams of all trials of one seed.
pub(crate) fn root_seed(experiment: &str, dataset: &str, number: u64) -> Seed {
    Seed::new(number).named(experiment).named(dataset)
}

/// The first line of a plan's file, as long for every digest.
fn head_line(digest: &[u8]) -> String {
    format!("{{\"plan\":\"{}\"}}\n", hex(digest))
}

fn starts_with(path: &Path, head: &str) -> bool {
    let mut found = vec![0; head.len()];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut found).is_ok() && found == head.as_bytes())
}

fn same_length(a: &Path, b: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|data| data.len()).ok();
    length(a).is_some() && length(a) == length(b)
}

/// Refuses plans that no folder of records is made for, before anything is loaded.
fn check_size(experiment: &str, variants: usize, seeds: u64, sets: usize) -> Result<()> {
    let found = variants as u128 * u128::from(seeds) * sets as u128;
    if found == 0 {
        return Err(Error::EmptyPlan {
            experiment: experiment.to_owned(),
            reason: format!("{variants} variants, {seeds} seeds"),
        });
    }
    if found > u128::from(MOST_TRIALS) {
        return Err(Error::LargePlan {
            experiment: experiment.to_owned(),
            most: MOST_TRIALS,
            found,
            variants,
            seeds,
            sets,
        });
    }
    Ok(())
}

fn distinct_names(experiment: &str, variants: &[AnyVariant]) -> Result<Vec<String>> {
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

fn load_sets(
    experiment: &dyn AnyExperiment,
    options: &PlanOptions<'_>,
    settings: &Settings,
    own: &OwnData,
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
    let load = |name: &String| {
        if espalier_data::is_own(name, options.source) {
            crate::own::load(name, options.source, own)
        } else {
            experiment.load(name, options.source, settings)
        }
    };
    asked_for(&offered, options.datasets).iter().map(load).collect()
}

/// The names of the data sets: those asked for, of which `all` means every one on offer, else the first on offer.
fn asked_for(offered: &[&str], asked: &[String]) -> Vec<String> {
    let named = |name: &String| match name.as_str() {
        ALL => offered.iter().map(|name| (*name).to_owned()).collect(),
        _ => vec![name.clone()],
    };
    let first = offered.iter().take(1).map(|name| (*name).to_owned());
    if asked.is_empty() {
        first.collect()
    } else {
        asked.iter().flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stands_for_every_set_on_offer_and_nothing_for_the_first() {
        let asked = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            asked_for(&["mnist", "adult"], &names)
        };
        assert_eq!(asked(&[]), ["mnist"]);
        assert_eq!(asked(&["all"]), ["mnist", "adult"]);
        assert_eq!(asked(&["prices.csv", "all"]), ["prices.csv", "mnist", "adult"]);
        assert_eq!(asked(&["adult"]), ["adult"]);
    }
}
