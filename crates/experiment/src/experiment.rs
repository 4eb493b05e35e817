//! What an experiment says about itself, and what the harness asks of it.

use std::fmt::{self, Display};
use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_report::page::{DataUse, Provenance, Report, set_in_print};
use espalier_report::rows::{Record, Rows};
use espalier_report::statistics::PairedSeeds;

use crate::plan::NO_DATA;
use crate::{Absent, Footprint, Golden, Kept, KeptFiles, Missing, Settings, TrialContext, counted};

/// An experiment's name and question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The name, as in `just run-experiment NAME` and in the folders.
    pub name: &'static str,
    /// The title, a question.
    pub title: &'static str,
    /// The study that it replicates, for instance `003`; may be empty.
    pub study: &'static str,
    /// What is done to answer the question, in a sentence or two; `--help` shows it.
    pub summary: &'static str,
}

/// How much work a run is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Under 20 seconds: does it run at all? Never writes into the reports' folder.
    Smoke,
    /// Minutes: the shape of the answer.
    Quick,
    /// The study's own size.
    Full,
    /// A preset that the experiment adds.
    Named(String),
}

impl Preset {
    /// Returns the preset's name, as on the command line and in the folders.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Full => "full",
            Self::Named(name) => name,
        }
    }
}

impl Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A data set as an experiment's trials see it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The examples; `None` for experiments that make their own.
    pub dataset: Option<Arc<Dataset>>,
    /// The name under which rows and reports are filed: the set that was really used.
    pub name: String,
    /// The checksum of the content.
    pub content: String,
    /// What part was used, in words.
    pub part: String,
    /// What titles must say about it, for instance that it stands in for another set.
    pub notice: Option<String>,
}

impl From<Arc<Dataset>> for Loaded {
    fn from(dataset: Arc<Dataset>) -> Self {
        let info = &dataset.info;
        let part = info
            .part
            .as_ref()
            .map_or_else(|| info.splits.clone(), |part| format!("{part}; {}", info.splits));
        Self {
            name: info.name.clone(),
            content: info.content_sha256.clone(),
            part,
            notice: info.synthetic.clone().filter(|_| info.instead_of.is_some()),
            dataset: Some(dataset),
        }
    }
}

/// What a report is drawn from besides its rows: only what the manifest holds.
#[derive(Clone, Debug)]
pub struct ReportContext {
    /// The preset under which the rows were recorded.
    pub preset: Preset,
    /// The settings under which the rows were recorded.
    pub settings: Settings,
    /// The data set, or the data sets joined by `+` on a combined page.
    pub dataset: String,
    /// The seeds that every variant has, with the looks at them where they were added while claims were open.
    pub seeds: PairedSeeds,
    /// Everything else that the manifest says.
    pub provenance: Provenance,
    /// The files below `files/` that the report has taken along ([`Experiment::kept`]).
    pub files: KeptFiles,
}

impl ReportContext {
    /// Says what a title must carry: data set, preset, changed settings, seeds, and stand-ins.
    #[must_use]
    pub fn subtitle(&self) -> String {
        let mut parts = Vec::from_iter(self.set_in_print());
        parts.push(format!("preset {}", self.preset));
        let provenance = &self.provenance;
        for name in &provenance.changed {
            let value = provenance.settings.get(name).map_or("?", String::as_str);
            parts.push(format!("{name}={value}"));
        }
        parts.push(counted(self.seeds.len() as u64, "seed"));
        parts.extend(self.notices());
        parts.join(", ")
    }

    /// The data sets by their names in print; `None` for an experiment that makes its own data.
    fn set_in_print(&self) -> Option<String> {
        let set = Some(self.dataset.as_str()).filter(|set| !set.is_empty() && *set != NO_DATA);
        set.map(set_in_print)
    }

    /// What the manifest must be read with, each notice once where several data sets bring the same.
    fn notices(&self) -> Vec<String> {
        let mut known: Vec<String> = Vec::new();
        for notice in &self.provenance.notices {
            if !known.contains(notice) {
                known.push(notice.clone());
            }
        }
        known
    }

    /// Says besides what [`ReportContext::subtitle`] says for how many epochs nets trained, and on which part of the images.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`](crate::Error::UnknownSetting) without the setting `epochs`.
    pub fn subtitle_with_epochs(&self) -> crate::Result<String> {
        let epochs = counted(self.settings.count("epochs")? as u64, "epoch");
        let parts = [self.subtitle(), epochs].into_iter().chain(self.training_part());
        Ok(parts.collect::<Vec<_>>().join(", "))
    }

    /// Begins a page with all that the harness knows: name, title, study, data, question and settings.
    ///
    /// An experiment adds what it alone knows: `Report { method, claims, ..context.page(about) }`.
    #[must_use]
    pub fn page(&self, about: &About) -> Report {
        let titled: Vec<String> = self.set_in_print().into_iter().chain(self.notices()).collect();
        let title = if titled.is_empty() {
            about.title.to_owned()
        } else {
            format!("{} ({})", about.title, titled.join(", "))
        };
        Report {
            name: about.name.to_owned(),
            title,
            study: about.study.to_owned(),
            dataset: self.data_in_use(),
            question: format!("{} {}", about.title, about.summary).trim_end().to_owned(),
            settings: self.settings.texts(),
            ..Report::default()
        }
    }

    /// Says of each data set what the manifest recorded, and which part of it the settings left in use.
    #[must_use]
    pub fn data_in_use(&self) -> String {
        let of_set = |data: &DataUse| match data.part.as_str() {
            "" => data.name.clone(),
            part => format!("{} ({part})", data.name),
        };
        let sets = self.provenance.data.iter().map(of_set);
        let part = self.training_part().map(|part| format!("{part} in use"));
        let parts: Vec<String> = sets.chain(part).collect();
        parts.join("; ")
    }

    /// Whether a split of some data set (0 for training, 1 for validation, 2 for test) has more rows than so many, or may have:
    /// older manifests do not say.
    #[must_use]
    pub fn has_more_rows(&self, split: usize, rows: usize) -> bool {
        let longer = |data: &DataUse| data.split_rows().is_none_or(|splits| splits[split] > rows);
        self.provenance.data.iter().any(longer)
    }

    /// Says which training rows are in use where the setting `train_images`, in which 0 means all, leaves some out.
    #[must_use]
    pub fn training_part(&self) -> Option<String> {
        let rows = self.settings.count("train_images").ok().filter(|rows| *rows > 0)?;
        if !self.provenance.data.is_empty() && !self.has_more_rows(0, rows) {
            return None;
        }
        let what = if self.is_of_images() { "image" } else { "row" };
        Some(match rows {
            1 => format!("first training {what}"),
            _ => format!("first {rows} training {what}s"),
        })
    }

    /// Says whether all data sets are of images.
    pub(crate) fn is_of_images(&self) -> bool {
        self.provenance
            .data
            .iter()
            .all(|data| espalier_data::is_images(&data.name))
    }
}

/// A question, the variants that differ in one thing, what one trial does, and how its rows are read.
///
/// A trial is arm (`Variant`) × data set × seed. The harness gives it a [`TrialContext`], keeps what it
/// records and decides when it runs; `report` sees recorded rows only.
pub trait Experiment: Sync {
    /// The only independent variable. Its text names it in rows, figures and `--only`.
    type Variant: Display + Clone + Send + Sync + 'static;

    /// Says what the experiment is called and asks.
    fn about(&self) -> About;

    /// Declares short trials whose digests stand for the code in a trial's identity: one of every kind of arm, at the
    /// shapes that are recorded.
    fn golden(&self) -> Golden;

    /// Lists presets beyond smoke, quick and full, each with a line of description.
    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Records what is set for a variant in the table [`VARIANTS`](espalier_report::rows::VARIANTS), one row behind each
    /// trial's own rows; by default nothing.
    ///
    /// A variant that is a flat struct is its own row: with `impl Row for Arm { const TABLE: &'static str = VARIANTS; }` this
    /// is `Ok(rows.push(variant)?)`, and no other row needs to repeat its fields.
    ///
    /// # Errors
    /// When the row cannot be encoded.
    fn record_variant(&self, variant: &Self::Variant, rows: &mut Record) -> anyhow::Result<()> {
        let _ = (variant, rows);
        Ok(())
    }

    /// Returns the settings under a preset, with the number of seeds.
    fn settings(&self, preset: &Preset) -> Settings;

    /// Lists the variants under these settings, in the order of presentation.
    ///
    /// # Errors
    /// When the settings do not fit together.
    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Self::Variant>>;

    /// Lists the data sets that the experiment is made for; the first is the default. An empty list
    /// means that it makes its own data, and its rows are filed under `no-data`.
    fn datasets(&self) -> Vec<&'static str>;

    /// Says how a data set is loaded: normalisation, validation rows.
    ///
    /// # Errors
    /// When the settings do not fit together.
    fn load_options(&self, settings: &Settings) -> anyhow::Result<LoadOptions> {
        let _ = settings;
        Ok(LoadOptions::default())
    }

    /// Loads a data set; to be replaced by experiments whose data is not in `espalier-data`.
    ///
    /// # Errors
    /// When it is not to be had or damaged.
    fn load(&self, name: &str, source: &Source, settings: &Settings) -> anyhow::Result<Loaded> {
        Ok(Loaded::from(espalier_data::load_reporting(
            name,
            source,
            &self.load_options(settings)?,
            &crate::progress::Download::default(),
        )?))
    }

    /// Estimates a trial's work in any unit, so that long trials start first.
    fn cost(&self, variant: &Self::Variant, settings: &Settings) -> f64 {
        let _ = (variant, settings);
        1.0
    }

    /// Runs one trial and records its rows through `context`.
    ///
    /// # Errors
    /// Whatever keeps it from a result. [`crate::Diverged`] is no failure but an outcome, which the harness records with
    /// the rows of [`Experiment::stand_in`]; spent budgets are results too.
    fn trial(&self, context: &mut TrialContext<'_, Self::Variant>) -> anyhow::Result<()>;

    /// Fills in the rows of a trial that has no result of its own, so that every page can be drawn: what names the trial as
    /// it would have recorded it, scores as [`Missing`] has them, and nothing else ([`espalier_report::rows::blank`]).
    ///
    /// The harness records them for a trial that ends with [`crate::Diverged`], behind what the trial recorded itself, and
    /// puts them among the rows of a page for planned trials of which none is recorded.
    ///
    /// # Errors
    /// When a row cannot be encoded.
    fn stand_in(
        &self,
        variant: &Self::Variant,
        settings: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        let _ = (variant, settings, missing, rows);
        Ok(())
    }

    /// Says whether a claim's number rests on trials of a variant that lacks a result: such a claim is not judged.
    fn rests_on(&self, claim: &str, absent: &Absent<'_, Self::Variant>) -> bool {
        let _ = (claim, absent);
        true
    }

    /// Predicts the bytes that a trial needs at its largest: network, optimizer, activations and what it measures.
    ///
    /// A trial above the bound of `--memory` is refused before it builds anything.
    ///
    /// # Errors
    /// When a setting is missing.
    fn footprint(
        &self,
        variant: &Self::Variant,
        settings: &Settings,
        data: Option<&Dataset>,
    ) -> anyhow::Result<Footprint> {
        let _ = (variant, settings, data);
        Ok(Footprint::default())
    }

    /// Reads rows of one data set into a page.
    ///
    /// Name, study, question, title, data set, settings and hash of the rows are filled in where the
    /// report leaves them empty, as [`ReportContext::page`] has them.
    ///
    /// # Errors
    /// When rows are missing or statistics undefined.
    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report>;

    /// Names the files of trials of one data set that its report takes along; by default none.
    ///
    /// # Errors
    /// As [`Experiment::report`].
    fn kept(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Vec<Kept>> {
        let _ = (rows, context);
        Ok(Vec::new())
    }

    /// Reads rows of several data sets, in the order of [`Experiment::datasets`], into one page.
    ///
    /// # Errors
    /// As [`Experiment::report`].
    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        let _ = (rows, context);
        Ok(None)
    }

    /// Returns the relative difference that `verify` allows between instruction sets.
    fn tolerance(&self) -> f64 {
        0.02
    }

    /// Refuses a device that this binary cannot use.
    ///
    /// # Errors
    /// For instance when `cuda` is asked for and the feature was left out.
    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _ = device;
        Ok(())
    }

    /// Refuses a data set on which no trial could be run, before any is.
    ///
    /// # Errors
    /// [`crate::Error::Unsuitable`], which names set, expectation and finding.
    fn check_data(&self, settings: &Settings, data: &Dataset) -> anyhow::Result<()> {
        let _ = (settings, data);
        Ok(())
    }

    /// Says whether trials train on batches that are cut where the setting `batch_parts` asks for it
    /// ([`Settings::batch_parts`]); elsewhere more than one part is refused, and
    /// on a device other than the CPU it is refused before any trial.
    fn cuts_batches(&self) -> bool {
        false
    }

    /// Names libraries whose versions the manifest should carry, as `(name, version)`.
    fn versions(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}
