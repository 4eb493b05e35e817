//! Experiments that train networks on images, with all that they share filled in.

use std::fmt::Display;
use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TargetKind, TransformChoice};
use espalier_experiment::{
    About, Absent, Columns, Error, Experiment, Footprint, Golden, Missing, Preset, ReportContext, Settings,
    TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows};

/// Images that are set aside from the training split where nothing else is said.
pub const VALIDATION_IMAGES: usize = 10_000;

/// What a page is made of: the rows of one or several data sets, with what was set when they were recorded.
pub struct Run<'a, D: Design> {
    /// The experiment's name and question.
    pub about: About,
    /// The data sets with their rows.
    pub sets: &'a [(String, &'a Rows)],
    /// What the harness knows of the rows.
    pub context: &'a ReportContext,
    /// What was set.
    pub settings: D::Settings,
    /// The variants under these settings.
    pub variants: Vec<D::Variant>,
}

impl<'a, D: Design> Run<'a, D> {
    fn of(design: &D, sets: &'a [(String, &'a Rows)], context: &'a ReportContext) -> anyhow::Result<Self> {
        let settings = D::Settings::read(&context.settings)?;
        Ok(Self {
            about: D::ABOUT,
            sets,
            context,
            variants: design.variants(&settings)?,
            settings,
        })
    }

    /// Begins the page: title, question, data, settings, and the method and sources of a text ([`Report::prose`]).
    #[must_use]
    pub fn report(&self, prose: &str) -> Report {
        self.context.page(&self.about).prose(prose)
    }
}

/// An experiment that trains networks on images: what differs from one to the next.
///
/// [`main`] runs it. Data sets are MNIST and Fashion-MNIST, normalised alike, with 10 000 training images set aside; what an
/// experiment does otherwise it says by writing the method. The setting `batch` enters the footprint.
pub trait Design: Sync + Sized {
    /// What a run sets, as [`espalier_experiment::settings!`] declares it.
    type Settings: Columns;
    /// As [`Experiment::Variant`].
    type Variant: Display + Clone + Send + Sync + 'static;
    /// As [`Experiment::about`].
    const ABOUT: About;
    /// Whether claims see for themselves which of their arms were not run or diverged; else all rest on every variant that
    /// lacks a result, as [`Experiment::rests_on`] says.
    const CLAIMS_SEE_GAPS: bool = false;
    /// As [`Experiment::cuts_batches`]; what trains otherwise than by [`crate::Training`] says no.
    const CUTS_BATCHES: bool = true;
    /// Whether values may be predicted; else a data set of classes is needed.
    const TAKES_VALUES: bool = false;
    /// Whether rows must be images.
    const NEEDS_IMAGES: bool = false;
    /// The data sets in use where none is named, the first one first.
    const DATASETS: &'static [&'static str] = &["mnist", "fashion-mnist"];
    /// How pixels are scaled.
    const TRANSFORM: TransformChoice = TransformChoice::MNIST;
    /// Images set aside from the training split; none where the data set has its own or a part of it is taken.
    const VALIDATION: Option<usize> = Some(VALIDATION_IMAGES);
    /// Presets beside `smoke`, `quick` and `full`, each with what it is.
    const PRESETS: &'static [(&'static str, &'static str)] = &[];

    /// As [`Experiment::golden`].
    fn golden(&self) -> Golden;

    /// As [`Experiment::datasets`].
    fn datasets(&self) -> Vec<&'static str> {
        Self::DATASETS.to_vec()
    }

    /// As [`Experiment::record_variant`].
    ///
    /// # Errors
    /// When the row cannot be encoded.
    fn record_variant(&self, variant: &Self::Variant, rows: &mut Record) -> anyhow::Result<()> {
        let _ = (variant, rows);
        Ok(())
    }

    /// How data sets are loaded.
    fn load_options(&self, settings: &Self::Settings) -> LoadOptions {
        let _ = settings;
        LoadOptions {
            transform: Some(Self::TRANSFORM),
            validation: Self::VALIDATION,
            ..LoadOptions::default()
        }
    }

    /// As [`Experiment::variants`].
    ///
    /// # Errors
    /// When the settings do not fit together.
    fn variants(&self, settings: &Self::Settings) -> anyhow::Result<Vec<Self::Variant>>;

    /// The hidden widths of the variant's largest network, all of dense layers; none where [`Design::footprint`] is written.
    fn widths(&self, variant: &Self::Variant, settings: &Self::Settings) -> Vec<usize> {
        let _ = (variant, settings);
        Vec::new()
    }

    /// The bytes of a trial's network at its largest, `batch` images per step; by default those of dense layers of
    /// [`Design::widths`].
    fn footprint(&self, variant: &Self::Variant, settings: &Self::Settings, data: &Dataset, batch: usize) -> Footprint {
        let hidden = self.widths(variant, settings);
        if hidden.is_empty() {
            return Footprint::default();
        }
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        Footprint::default().dense(&[vec![inputs], hidden, vec![outputs]].concat(), batch)
    }

    /// As [`Experiment::cost`].
    fn cost(&self, variant: &Self::Variant, settings: &Self::Settings) -> f64 {
        let _ = (variant, settings);
        1.0
    }

    /// As [`Experiment::trial`].
    ///
    /// # Errors
    /// Whatever keeps the trial from a result.
    fn trial(&self, context: &mut TrialContext<'_, Self::Variant>, settings: &Self::Settings) -> anyhow::Result<()>;

    /// As [`Experiment::stand_in`]; by default a network `net` in the standard tables ([`crate::stand_in`]).
    ///
    /// # Errors
    /// When a row cannot be encoded.
    fn stand_in(&self, variant: &Self::Variant, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        let _ = variant;
        crate::stand_in(&["net"], missing, rows)
    }

    /// Reads the rows of one or several data sets into a page.
    ///
    /// # Errors
    /// When rows are missing or statistics undefined.
    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report>;

    /// Reads the rows of several data sets into one page; by default there is none. [`beside`] makes one of [`Design::page`].
    ///
    /// # Errors
    /// As [`Design::page`].
    fn combined(&self, run: &Run<'_, Self>) -> anyhow::Result<Option<Report>> {
        let _ = run;
        Ok(None)
    }

    /// As [`Experiment::tolerance`].
    fn tolerance(&self) -> f64 {
        0.02
    }
}

/// Turns the page of several data sets into one that shows them beside each other and judges nothing: each set's own page
/// does.
#[must_use]
pub fn beside(about: &About, page: Report) -> Report {
    Report {
        title: format!("{} MNIST beside Fashion-MNIST", about.title),
        claims: Vec::new(),
        headline: Vec::new(),
        ..page
    }
}

/// What is shortened against the preset `full`: all settings with a unit, seeds, of which `what` says what for, and images of a
/// set of 60 000.
///
/// # Errors
/// As [`Columns::shortened`].
pub fn shortened_images<S: Columns>(context: &ReportContext, what: &str) -> espalier_experiment::Result<Vec<String>> {
    S::shortened(context, |shortened| {
        shortened.fewer_seeds(what);
        shortened.training_images(60_000, VALIDATION_IMAGES)
    })
}

/// Runs an experiment as its command line asks.
pub fn main<D: Design>(design: D) -> ExitCode {
    espalier_experiment::main(Designed(design))
}

/// Makes the program of a design: its `main`, and the allocator of all experiments, which the package must depend on.
#[macro_export]
macro_rules! main {
    ($design:expr) => {
        #[global_allocator]
        static ALLOCATOR: ::mimalloc::MiMalloc = ::mimalloc::MiMalloc;

        fn main() -> ::std::process::ExitCode {
            $crate::main($design)
        }
    };
}

/// A design as the harness sees it.
pub struct Designed<D>(pub D);

impl<D: Design> Experiment for Designed<D> {
    type Variant = D::Variant;

    fn about(&self) -> About {
        D::ABOUT
    }

    fn golden(&self) -> Golden {
        self.0.golden()
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        D::PRESETS.to_vec()
    }

    fn settings(&self, preset: &Preset) -> Settings {
        D::Settings::declare(preset)
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<D::Variant>> {
        self.0.variants(&D::Settings::read(settings)?)
    }

    fn datasets(&self) -> Vec<&'static str> {
        self.0.datasets()
    }

    fn record_variant(&self, variant: &D::Variant, rows: &mut Record) -> anyhow::Result<()> {
        self.0.record_variant(variant, rows)
    }

    fn load_options(&self, settings: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(self.0.load_options(&D::Settings::read(settings)?))
    }

    fn cost(&self, variant: &D::Variant, settings: &Settings) -> f64 {
        // Settings that cannot be read keep trials from running at all; in which order does not matter then.
        D::Settings::read(settings).map_or(1.0, |settings| self.0.cost(variant, &settings))
    }

    fn trial(&self, context: &mut TrialContext<'_, D::Variant>) -> anyhow::Result<()> {
        let settings = D::Settings::read(context.settings())?;
        self.0.trial(context, &settings)
    }

    fn stand_in(&self, variant: &D::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        self.0.stand_in(variant, missing, rows)
    }

    fn rests_on(&self, _: &str, _: &Absent<'_, D::Variant>) -> bool {
        !D::CLAIMS_SEE_GAPS
    }

    fn footprint(
        &self,
        variant: &D::Variant,
        settings: &Settings,
        data: Option<&Dataset>,
    ) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let batch = if settings.iter().any(|(name, _)| name == "batch") {
            settings.count("batch")?
        } else {
            1
        };
        let own = D::Settings::read(settings)?;
        Ok(self.0.footprint(variant, &own, data, batch).data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        let sets = [(context.dataset.clone(), rows)];
        self.0.page(&Run::of(&self.0, &sets, context)?)
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        let sets: Vec<(String, &Rows)> = rows.iter().map(|(name, rows)| (name.clone(), rows)).collect();
        self.0.combined(&Run::of(&self.0, &sets, context)?)
    }

    fn tolerance(&self) -> f64 {
        self.0.tolerance()
    }

    fn cuts_batches(&self) -> bool {
        D::CUTS_BATCHES
    }

    fn check_data(&self, _: &Settings, data: &Dataset) -> anyhow::Result<()> {
        let info = &data.info;
        let refuse = |expected: &str, found: String| Error::Unsuitable {
            set: info.name.clone(),
            expected: expected.to_owned(),
            found,
        };
        if D::NEEDS_IMAGES && info.shape.len() != 3 {
            let expected =
                "images (a folder of idx files or of pictures by class, arrays of bytes, or a set known by name)";
            return Err(refuse(expected, format!("rows of shape {:?}", info.shape)).into());
        }
        match info.targets {
            TargetKind::Regression(_) if !D::TAKES_VALUES => {
                let expected = "classes to predict (--set task=classes where a file's own target stands for some)";
                Err(refuse(expected, "values".to_owned()).into())
            }
            _ => Ok(()),
        }
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}
