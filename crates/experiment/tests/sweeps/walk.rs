//! A tiny experiment: seeded random walks, plain, checkpointed, diverging and flaky.

use std::path::Path;
use std::time::Duration;

use espalier_data::Source;
use espalier_experiment::{About, Experiment, Golden, Loaded, Preset, ReportContext, Settings, TrialContext};
use espalier_report::page::{Claim, Margin, Report};
use espalier_report::rows::{Row, Rows};
use espalier_report::statistics::Estimate;
use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Step {
    pub step: u64,
    pub place: f64,
}

impl Row for Step {
    const TABLE: &'static str = "steps";
}

#[derive(Serialize, Deserialize)]
pub struct End {
    pub place: f64,
    pub first_draw: f64,
}

impl Row for End {
    const TABLE: &'static str = "ends";
}

pub struct Walk;

impl Experiment for Walk {
    type Variant = String;

    fn about(&self) -> About {
        About {
            name: "walk",
            title: "How far does a walk lead?",
            study: "",
            summary: "Seeded random walks.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("walk")
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        vec![("long", "walks of a thousand steps")]
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let (seeds, steps) = match preset {
            Preset::Smoke => (1, 3),
            Preset::Quick => (6, 20),
            Preset::Full => (8, 100),
            Preset::Named(_) => (2, 1000),
        };
        Settings::new(seeds)
            .integer("steps", steps, "steps of a walk")
            .integer("sleep", 0, "milliseconds of rest after each step")
            .choice("law", "normal", &["normal", "uniform"], "distribution of a step")
            .text("fail_until", "", "a file without which seed 1 of `flaky` fails")
            .text("hold", "", "a file for which every walk waits at its third step")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<String>> {
        Ok(["plain", "saved", "diverging", "flaky"].map(str::to_owned).to_vec())
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["alpha", "beta"]
    }

    fn load(&self, name: &str, _: &Source, _: &Settings) -> anyhow::Result<Loaded> {
        anyhow::ensure!(self.datasets().contains(&name), "no data set {name}");
        let content = std::env::var("WALK_CONTENT").unwrap_or_else(|_| format!("content of {name}"));
        Ok(Loaded {
            dataset: None,
            name: name.to_owned(),
            content,
            part: "all".into(),
            notice: None,
        })
    }

    fn trial(&self, context: &mut TrialContext<'_, String>) -> anyhow::Result<()> {
        let settings = context.settings();
        let fail_until = settings.word("fail_until")?;
        if context.variant() == "flaky" && context.seed_number() == 1 && !fail_until.is_empty() {
            anyhow::ensure!(Path::new(fail_until).exists(), "the ground is missing");
        }
        walk(context)
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        let ends = rows.get::<End>()?;
        let value = ends
            .iter()
            .filter(|end| end.row.place.is_finite())
            .map(|end| end.row.place)
            .sum::<f64>();
        let estimate = Estimate {
            value,
            low: value - 1.0,
            high: value + 1.0,
            n: ends.len(),
            level: 0.95,
        };
        Ok(Report {
            name: "walk".into(),
            title: format!("How far does a walk lead? ({})", context.subtitle()),
            dataset: context.dataset.clone(),
            question: "How far does a walk lead?".into(),
            method: "Steps are added up.".into(),
            claims: vec![
                Claim::new("far", "walks end above −1000")
                    .statistic("sum of ends")
                    .judged(estimate, Margin::GreaterThan(-1000.0), context.seeds.len()),
            ],
            ..Report::default()
        })
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        let counts: Vec<String> = rows
            .iter()
            .map(|(name, rows)| format!("{name} {}", rows.trials().len()))
            .collect();
        Ok(Some(Report {
            name: "walk".into(),
            title: format!("Walks on {}: {}", context.dataset, counts.join(", ")),
            question: "Do walks differ between data sets?".into(),
            method: "They are set side by side.".into(),
            ..Report::default()
        }))
    }
}

/// The step at which walks wait.
const HELD: u64 = 3;

/// Tells whether walks still wait. A test thus finds trials under way however slow or fast the machine is.
fn holds(context: &TrialContext<'_, String>) -> anyhow::Result<bool> {
    let file = context.settings().word("hold")?;
    Ok(!file.is_empty() && !Path::new(file).exists())
}

/// Walks, and writes checkpoints where the variant says so.
fn walk(context: &mut TrialContext<'_, String>) -> anyhow::Result<()> {
    let settings = context.settings();
    let (steps, sleep) = (settings.count("steps")? as u64, settings.count("sleep")? as u64);
    let normal = settings.word("law")? == "normal";
    let saved = context.variant() == "saved";
    let restored = if saved { context.load_checkpoint()? } else { None };
    let (mut step, mut place, mut stream) = match restored {
        Some(bytes) => {
            let (step, bits, state): (u64, u64, _) = serde_json::from_slice(&bytes)?;
            (step, f64::from_bits(bits), Stream::restore(&state))
        }
        None => (0, 0.0, context.seed().named("steps").stream()),
    };
    while step < steps {
        place += if normal {
            stream.normal()
        } else {
            stream.uniform_in(-1.0, 1.0)
        };
        if context.variant() == "diverging" && step > 2 {
            place = f64::NAN;
        }
        step += 1;
        context.record(&Step { step, place })?;
        context.progress(step, steps, place);
        std::thread::sleep(Duration::from_millis(sleep));
        if saved {
            // Less than a step takes, and the same whenever it is measured.
            context.trained_for(Duration::from_nanos(1));
        }
        let state = (step, place.to_bits(), stream.state());
        let pause = |context: &mut TrialContext<'_, String>| {
            if saved {
                context.pause_point(|| Ok(serde_json::to_vec(&state)?))
            } else {
                context.stop_point()
            }
        };
        pause(context)?;
        while step == HELD && holds(context)? {
            std::thread::sleep(Duration::from_millis(2));
            pause(context)?;
        }
    }
    let first_draw = context.seed().named("first").stream().uniform();
    Ok(context.record(&End { place, first_draw })?)
}
