//! Experiments of whatever variant type behind one interface, so that the harness is compiled once and not with every program.

use std::any::Any;
use std::fmt::{self, Display};
use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows};

use crate::{
    About, Absent, Experiment, Footprint, Golden, Kept, Loaded, Missing, Preset, ReportContext, Settings, TrialContext,
};

/// Any experiment, as the harness sees it; [`Erased`] makes one of an [`Experiment`].
pub trait AnyExperiment: Experiment<Variant = AnyVariant> {}

impl<E: Experiment<Variant = AnyVariant>> AnyExperiment for E {}

/// A variant of any experiment: the harness needs its name alone, and the experiment gets its own type back.
#[derive(Clone)]
pub struct AnyVariant {
    name: Arc<str>,
    variant: Arc<dyn Any + Send + Sync>,
}

impl AnyVariant {
    fn new<V: Display + Send + Sync + 'static>(variant: V) -> Self {
        Self {
            name: variant.to_string().into(),
            variant: Arc::new(variant),
        }
    }

    /// Returns the variant as what its experiment made it.
    pub(crate) fn own<V: 'static>(&self) -> &V {
        match self.variant.downcast_ref() {
            Some(own) => own,
            None => unreachable!("{self} goes back to the experiment that listed it"),
        }
    }
}

impl Display for AnyVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for AnyVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyVariant({self})")
    }
}

/// An experiment whose variants' type is hidden behind [`AnyVariant`].
#[derive(Clone, Copy, Debug)]
pub struct Erased<'e, E>(pub &'e E);

impl<E: Experiment> Experiment for Erased<'_, E> {
    type Variant = AnyVariant;

    fn about(&self) -> About {
        self.0.about()
    }

    fn golden(&self) -> Golden {
        self.0.golden()
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        self.0.presets()
    }

    fn record_variant(&self, variant: &AnyVariant, rows: &mut Record) -> anyhow::Result<()> {
        self.0.record_variant(variant.own(), rows)
    }

    fn settings(&self, preset: &Preset) -> Settings {
        self.0.settings(preset)
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<AnyVariant>> {
        Ok(self.0.variants(settings)?.into_iter().map(AnyVariant::new).collect())
    }

    fn datasets(&self) -> Vec<&'static str> {
        self.0.datasets()
    }

    fn load_options(&self, settings: &Settings) -> anyhow::Result<LoadOptions> {
        self.0.load_options(settings)
    }

    fn load(&self, name: &str, source: &Source, settings: &Settings) -> anyhow::Result<Loaded> {
        self.0.load(name, source, settings)
    }

    fn cost(&self, variant: &AnyVariant, settings: &Settings) -> f64 {
        self.0.cost(variant.own(), settings)
    }

    fn trial(&self, context: &mut TrialContext<'_, AnyVariant>) -> anyhow::Result<()> {
        self.0.trial(TrialContext::of(context))
    }

    fn stand_in(
        &self,
        variant: &AnyVariant,
        settings: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        self.0.stand_in(variant.own(), settings, missing, rows)
    }

    fn rests_on(&self, claim: &str, absent: &Absent<'_, AnyVariant>) -> bool {
        let own = Absent {
            variant: absent.variant.own(),
            missing: absent.missing,
            settings: absent.settings,
            lacks: &|other: &E::Variant| (absent.lacks)(&AnyVariant::new(other.clone())),
        };
        self.0.rests_on(claim, &own)
    }

    fn footprint(
        &self,
        variant: &AnyVariant,
        settings: &Settings,
        data: Option<&Dataset>,
    ) -> anyhow::Result<Footprint> {
        self.0.footprint(variant.own(), settings, data)
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        self.0.report(rows, context)
    }

    fn kept(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Vec<Kept>> {
        self.0.kept(rows, context)
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        self.0.combined(rows, context)
    }

    fn tolerance(&self) -> f64 {
        self.0.tolerance()
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        self.0.check_device(device)
    }

    fn check_data(&self, settings: &Settings, data: &Dataset) -> anyhow::Result<()> {
        self.0.check_data(settings, data)
    }

    fn cuts_batches(&self) -> bool {
        self.0.cuts_batches()
    }

    fn versions(&self) -> Vec<(String, String)> {
        self.0.versions()
    }
}
