//! A tiny experiment with one typed claim: a method gains so much over another.

use std::time::Duration;

use espalier_data::Source;
use espalier_experiment::{About, Experiment, Golden, Loaded, Preset, ReportContext, Settings, TrialContext};
use espalier_report::page::{Report, TableBlock};
use espalier_report::rows::{Row, Rows};
use espalier_study::plot::Figures;
use espalier_study::{Arm, Claims, Factor, Quantity, Recorded, Study, Trial};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct End {
    pub score: f64,
}

impl Row for End {
    const TABLE: &'static str = "ends";
}

impl Recorded for End {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        Ok(vec![(trial.key.variant.clone(), trial.row()?)])
    }
}

const SCORE: Quantity<End> = Quantity::new("score", "score", |end: &End| end.score).higher_is_better();
const METHOD: Factor = Factor::method("method");

pub struct Gain;

impl Experiment for Gain {
    type Variant = String;

    fn about(&self) -> About {
        About {
            name: "gain",
            title: "Does the method gain?",
            study: "",
            summary: "Two arms with noise.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("gain")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(6)
            .float("alpha", 0.0, "gain on alpha over the noise of a trial")
            .float("beta", 0.0, "the same on beta")
            .integer("sleep", 0, "milliseconds of a trial")
            .integer("undefined", -1, "a seed at which the method has no score")
            .integer("fails", -1, "a seed at which the method's trial fails")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<String>> {
        Ok(["plain", "method"].map(str::to_owned).to_vec())
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["alpha", "beta"]
    }

    fn load(&self, name: &str, _: &Source, _: &Settings) -> anyhow::Result<Loaded> {
        Ok(Loaded {
            dataset: None,
            name: name.to_owned(),
            content: name.to_owned(),
            part: "all".into(),
            notice: None,
        })
    }

    fn trial(&self, context: &mut TrialContext<'_, String>) -> anyhow::Result<()> {
        let settings = context.settings();
        std::thread::sleep(Duration::from_millis(settings.count("sleep")? as u64));
        let gain = match context.variant().as_str() {
            "method" => settings.number(&context.rows().key.dataset)?,
            _ => 0.0,
        };
        let (method, seed) = (context.variant() == "method", context.rows().key.seed as i64);
        let is = |name: &str| anyhow::Ok(method && settings.get_integer(name)? == seed);
        anyhow::ensure!(!is("fails")?, "the trial fails as it is set to");
        if is("undefined")? {
            return Ok(context.record(&End { score: f64::NAN })?);
        }
        let score = gain + context.seed().named(context.variant()).stream().normal();
        Ok(context.record(&End { score })?)
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        let arms = ["plain", "method"].map(|name| Arm::new(name).with(&METHOD, name));
        let sets = [(context.dataset.clone(), rows)];
        let study = Study::new("gain", arms.to_vec())?.read_all(&sets, &context.seeds)?;
        let mut claims = Claims::of(&study, &context.dataset);
        claims.larger(
            "gains",
            SCORE.at(&METHOD.is("method")),
            SCORE.at(&METHOD.is("plain")),
            &METHOD,
        );
        claims.identity(
            "scored",
            "every trial has a score",
            &METHOD.any(["plain", "method"]),
            |end: &End| end.score.is_finite(),
        );
        let figures = Figures::of(&study);
        let page = context.page(&self.about());
        let table = |_: &_| Ok(TableBlock::default());
        Ok(study.page(page, &[claims], &figures, table, |_| Vec::new())?)
    }
}
