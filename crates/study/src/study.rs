//! Recorded trials of one experiment, on one or several data sets.

use std::collections::BTreeMap;

use espalier_report::rows::{Rows, VARIANTS};
use espalier_report::statistics::{Bootstrap, Estimate, Looks, PairedSeeds};
use espalier_seed::Seed;

use crate::arm::Arm;
use crate::bound::{Bound, Evaluate};
use crate::factor::{Factor, Level, Where};
use crate::quantity::Quantity;
use crate::recorded::{Recorded, Tables, Trial};
use crate::tuned::Tuned;
use crate::words::Section;
use crate::{Error, Result};

/// The nets of every seed, by arm.
type BySeed<T> = BTreeMap<u64, BTreeMap<String, T>>;

/// The nets of one seed, by arm.
pub struct Nets<T> {
    /// The seed.
    pub seed: u64,
    nets: BTreeMap<String, T>,
}

impl<T> Nets<T> {
    /// The net of an arm.
    #[must_use]
    pub fn get(&self, arm: &str) -> Option<&T> {
        self.nets.get(arm)
    }

    /// Lets the net of an arm stand for another arm, too.
    pub(crate) fn stand_for(&mut self, arm: &str, known: &str)
    where
        T: Clone,
    {
        if let Some(net) = self.nets.get(known).cloned() {
            self.nets.insert(arm.to_owned(), net);
        }
    }

    /// A quantity of an arm's net; NaN without one.
    #[must_use]
    pub fn value(&self, arm: &str, quantity: &Quantity<T>) -> f64 {
        self.get(arm).map_or(f64::NAN, |net| quantity.value(net))
    }
}

/// One data set with its paired seeds.
pub struct Set<T> {
    /// The data set.
    pub name: String,
    /// The nets of each seed.
    pub seeds: Vec<Nets<T>>,
}

impl<T> Set<T> {
    /// The nets of some arms, seed by seed; arms that a seed lacks are left out.
    pub fn nets<'s>(&'s self, arms: &'s [Arm]) -> impl Iterator<Item = &'s T> {
        let of_seed = |nets: &'s Nets<T>| arms.iter().filter_map(|arm| nets.get(&arm.name));
        self.seeds.iter().flat_map(of_seed)
    }

    /// The nets of one arm, seed by seed.
    pub fn of(&self, arm: &str) -> impl Iterator<Item = &T> {
        self.seeds.iter().filter_map(move |nets| nets.get(arm))
    }

    /// One number of each seed; empty for a statistic of all seeds.
    pub(crate) fn of_seeds(&self, bound: &Bound<T>) -> Vec<f64> {
        match &bound.of {
            Evaluate::Seed(of) => self.seeds.iter().map(|nets| of(nets)).collect(),
            Evaluate::Seeds(..) => Vec::new(),
        }
    }

    pub(crate) fn estimate(&self, bound: &Bound<T>, bootstrap: &Bootstrap) -> Result<Option<Estimate>> {
        match &bound.of {
            Evaluate::Seed(_) => Ok(bootstrap.interquartile_mean_if_finite(&self.of_seeds(bound))?),
            Evaluate::Seeds(..) if self.seeds.is_empty() => Ok(None),
            Evaluate::Seeds(of, _) => match bootstrap.over_seeds_if_defined(&self.seeds, |nets| of(nets)) {
                // Defined for these seeds, but not for every draw of them.
                Err(espalier_report::Error::Undefined { .. }) => Ok(None),
                estimate => Ok(estimate?),
            },
        }
    }

    /// A quantity of an arm's net in each seed; NaN where a seed has none.
    #[must_use]
    pub fn values(&self, arm: &str, quantity: &Quantity<T>) -> Vec<f64> {
        self.seeds.iter().map(|nets| nets.value(arm, quantity)).collect()
    }
}

/// Recorded trials with the factors of their arms, on one or several data sets.
#[must_use]
pub struct Study<T> {
    /// The experiment's name, which names random streams.
    pub experiment: String,
    /// All arms in the order of presentation.
    pub arms: Vec<Arm>,
    /// The data sets.
    pub sets: Vec<Set<T>>,
    /// The line under every figure's title.
    pub subtitle: String,
    pub(crate) outcomes: Vec<Quantity<T>>,
    pub(crate) original: Vec<(Factor, Level)>,
    pub(crate) needed: Vec<(Factor, f64)>,
    pub(crate) tuned: Vec<Tuned>,
    pub(crate) looks: Option<Looks>,
    pub(crate) words: Vec<Section>,
    resamples: usize,
}

impl<T: Recorded + 'static> Study<T> {
    /// Reads the rows of a data set, of the seeds that every arm has. Where these were added while claims were open, the claims'
    /// intervals are widened for the looks.
    ///
    /// A table [`VARIANTS`] sets factors of the arms by its columns.
    ///
    /// # Errors
    /// [`Error::UnknownArm`] names an arm that the study does not have; [`Error::TwoLevels`] a setting in which two
    /// trials of one arm differ; as the rows.
    pub fn read(mut self, dataset: &str, rows: &Rows, seeds: impl Into<PairedSeeds>) -> Result<Self> {
        let (seeds, mut nets) = (seeds.into(), BySeed::new());
        self.record_variants(rows)?;
        self.gather(dataset, rows, &seeds, str::to_owned, &mut nets)?;
        Ok(self.with_set(dataset, nets, &seeds))
    }

    /// Reads the rows of several data sets as one of the name `all`, in which the data set is a factor: every arm stands there
    /// once for each set, as `arm on set`.
    ///
    /// # Errors
    /// As [`Study::read`].
    pub fn read_joined(
        mut self,
        all: &str,
        sets: &[(String, &Rows)],
        seeds: impl Into<PairedSeeds>,
        data: &Factor,
    ) -> Result<Self> {
        let (seeds, mut nets) = (seeds.into(), BySeed::new());
        let arms = std::mem::take(&mut self.arms);
        for (set, rows) in sets {
            let on = |arm: &str| format!("{arm} on {set}");
            for arm in &arms {
                let mut here = arm.clone().with(data, set.as_str());
                here.name = on(&arm.name);
                self.arms.push(here);
            }
            self.gather(set, rows, &seeds, on, &mut nets)?;
        }
        Ok(self.with_set(all, nets, &seeds))
    }

    /// Reads the nets of trials, each under the name that its arm is given.
    fn gather(
        &self,
        dataset: &str,
        rows: &Rows,
        seeds: &PairedSeeds,
        named: impl Fn(&str) -> String,
        nets: &mut BySeed<T>,
    ) -> Result<()> {
        let tables = Tables::new(rows);
        for key in rows.trials().iter().filter(|key| seeds.contains(&key.seed)) {
            let trial = Trial { key, tables: &tables };
            for (arm, net) in T::nets(&trial)? {
                let (arm, names) = (named(&arm), self.arms.iter().map(|known| known.name.as_str()));
                if names.clone().all(|known| known != arm) {
                    let (dataset, expected) = (dataset.to_owned(), names.collect::<Vec<_>>().join(", "));
                    return Err(Error::UnknownArm { dataset, arm, expected });
                }
                nets.entry(key.seed).or_default().insert(arm, net);
            }
        }
        Ok(())
    }

    fn with_set(mut self, name: &str, nets: BySeed<T>, seeds: &PairedSeeds) -> Self {
        self.looks = seeds.looks().cloned();
        self.sets.push(Set {
            name: name.to_owned(),
            seeds: nets.into_iter().map(|(seed, nets)| Nets { seed, nets }).collect(),
        });
        self
    }

    fn record_variants(&mut self, rows: &Rows) -> Result<()> {
        let Ok(table) = rows.table(VARIANTS) else {
            return Ok(());
        };
        for arm in &mut self.arms {
            let mut known = BTreeMap::new();
            let name = arm.name.clone();
            for (_, cells) in table.iter().filter(|(key, _)| key.variant == name) {
                for (column, cell) in table.columns().iter().zip(cells) {
                    if let Some(level) = Level::of(cell) {
                        arm.record(&mut known, &column.name, level)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<T: 'static> Study<T> {
    /// Begins a study without rows.
    ///
    /// # Errors
    /// [`Error::RepeatedArm`].
    pub fn new(experiment: &str, arms: Vec<Arm>) -> Result<Self> {
        let repeated = |(place, arm): &(usize, &Arm)| arms[..*place].iter().any(|other| other.name == arm.name);
        if let Some((_, arm)) = arms.iter().enumerate().find(repeated) {
            return Err(Error::RepeatedArm { arm: arm.name.clone() });
        }
        Ok(Self {
            experiment: experiment.to_owned(),
            arms,
            sets: Vec::new(),
            subtitle: String::new(),
            outcomes: Vec::new(),
            original: Vec::new(),
            needed: Vec::new(),
            tuned: Vec::new(),
            looks: None,
            words: Vec::new(),
            resamples: 4000,
        })
    }

    /// Adds the line under every figure's title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds what figures and tables say, a text in markdown: a section `## name: title` for each figure of
    /// [`Figures::shown`](crate::plot::Figures::shown), whose first paragraph says what it shows and whose second what a reader
    /// should take from it, with a list `- rule: reason` of the rules of readable figures that it breaks; and a section
    /// `## words` for each table whose title begins so, with the note below it.
    pub fn words(mut self, text: &str) -> Self {
        self.words = Section::all(text);
        self
    }

    /// Adds what is set alike for all arms that do not set it themselves.
    pub fn common<L: Into<Level>>(mut self, settings: impl IntoIterator<Item = (Factor, L)>) -> Self {
        for (factor, level) in settings {
            let level = level.into();
            self.arms.iter_mut().for_each(|arm| arm.or_set(factor.name, &level));
        }
        self
    }

    /// Adds an outcome, such as a size or MACs, in which compared arms must agree unless a claim is about it.
    pub fn outcome(mut self, quantity: Quantity<T>) -> Self {
        self.outcomes.push(quantity);
        self
    }

    /// Adds what the study that is repeated had set.
    pub fn original(mut self, factor: Factor, level: impl Into<Level>) -> Self {
        self.original.push((factor, level.into()));
        self
    }

    /// Tells the nets of a seed of each other: of the training whose size a static twin has borrowed, for instance.
    pub fn related(mut self, relate: impl Fn(&mut BTreeMap<String, T>)) -> Self {
        let seeds = self.sets.iter_mut().flat_map(|set| &mut set.seeds);
        seeds.for_each(|nets| relate(&mut nets.nets));
        self
    }

    /// The chosen arms in the order of presentation.
    #[must_use]
    pub fn chosen(&self, arms: &Where) -> Vec<Arm> {
        self.arms.iter().filter(|arm| arms.holds(arm)).cloned().collect()
    }

    /// The levels of a factor among chosen arms, ascending where they are numbers, else in the order of presentation.
    #[must_use]
    pub fn levels(&self, factor: &Factor, arms: &Where) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        for arm in self.chosen(arms) {
            let level = arm.level(factor.name).cloned();
            levels.extend(level.filter(|level| !levels.contains(level)));
        }
        levels.sort_by(|a, b| match (a, b) {
            (Level::Number(a), Level::Number(b)) => a.total_cmp(b),
            _ => std::cmp::Ordering::Equal,
        });
        levels
    }

    /// A data set by name.
    ///
    /// # Errors
    /// [`Error::Statistic`] names the sets there are.
    pub fn set(&self, name: &str) -> Result<&Set<T>> {
        let names = || {
            self.sets
                .iter()
                .map(|set| set.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = self.sets.iter().find(|set| set.name == name);
        found.ok_or_else(|| Error::Statistic {
            statistic: format!("data set {name}"),
            reason: format!("expected one of {}", names()),
        })
    }

    /// The random stream of one name: experiment, data set, claim or number.
    pub(crate) fn stream(&self, set: &str, name: &str) -> Seed {
        Seed::new(0).named(&self.experiment).named(set).named(name)
    }

    /// A quantity of one arm: its interquartile mean over seeds; `None` where a seed has no number. Resamples are drawn alike for
    /// all arms, so that equal numbers have equal intervals.
    ///
    /// # Errors
    /// As the bootstrap.
    pub fn of_arm(&self, set: &Set<T>, quantity: &Quantity<T>, arm: &Arm) -> Result<Option<Estimate>> {
        let values = set.values(&arm.name, quantity);
        self.of_values(&set.name, quantity.key, &values)
    }

    /// The interquartile mean of one number of each seed.
    pub(crate) fn of_values(&self, set: &str, stream: &str, values: &[f64]) -> Result<Option<Estimate>> {
        Ok(self.bootstrap(set, stream).interquartile_mean_if_finite(values)?)
    }

    pub(crate) fn bootstrap(&self, set: &str, stream: &str) -> Bootstrap {
        Bootstrap::new(&self.stream(set, stream)).resamples(self.resamples)
    }

    /// The bootstrap of a claim at a level, widened for the looks at its seeds.
    pub(crate) fn bootstrap_of_claim(&self, set: &str, stream: &str, level: f64) -> Result<Bootstrap> {
        let bootstrap = self.bootstrap(set, stream).level(level);
        Ok(bootstrap.at_look(self.looks.as_ref())?)
    }

    /// The level of a single look's interval, for those of all looks to hold together at a level.
    pub(crate) fn at_look(&self, level: f64) -> Result<f64> {
        Ok(self.looks.as_ref().map_or(Ok(level), |looks| looks.level(level))?)
    }
}
