//! The smallest experiment, for files that belong to one.

use std::path::Path;

use espalier_data::Source;
use espalier_experiment::{
    About, Erased, Experiment, Golden, Plan, PlanOptions, Preset, ReportContext, Settings, TrialContext,
};
use espalier_report::page::Report;
use espalier_report::rows::{Row, Rows};
use serde::{Deserialize, Serialize};

/// How far a walk led.
#[derive(Serialize, Deserialize)]
pub(crate) struct Distance {
    pub step: u64,
    pub distance: f64,
    pub name: Option<String>,
    pub free: bool,
}

impl Row for Distance {
    const TABLE: &'static str = "distances";
}

pub(crate) struct Walk;

impl Experiment for Walk {
    type Variant = &'static str;

    fn about(&self) -> About {
        About {
            name: "walk",
            title: "How far does a walk lead?",
            study: "",
            summary: "Random walks.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("walk")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(3)
            .integer("steps", 100, "steps of a walk")
            .floats("damping", &[0.5, 0.9], "what is left of the last step")
            .text("note", "none", "anything")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
        Ok(vec!["free", "damped"])
    }

    fn datasets(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn trial(&self, context: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
        let mut steps = context.seed().named("steps").stream();
        let count = context.settings().count("steps")?;
        let distance = (0..count).map(|_| steps.normal()).sum();
        Ok(context.record(&Distance {
            step: count as u64,
            distance,
            name: None,
            free: true,
        })?)
    }

    fn report(&self, _: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        Ok(Report::default())
    }
}

/// The plan of all walks, whose files lie below `runs`.
pub(crate) fn plan(runs: &Path) -> Plan {
    let options = PlanOptions {
        preset: Preset::Smoke,
        changes: &[],
        seeds: None,
        datasets: &[],
        device: "cpu",
        source: &Source::default(),
        runs,
    };
    Plan::new(&Erased(&Walk), &options).expect("the toy experiment has a plan")
}
