//! The recorded nets as a study: arms with all that was set for them, and what is measured.

use espalier_experiment::ReportContext;
use espalier_report::rows::Rows;
use espalier_study::{Arm, Factor, Quantity, Recorded, Study, Trial, Where};

use crate::rows::{Epoch, Summary, Unit};
use crate::training::EPSILON;
use crate::variants::{self, Role};

/// The sweep that an arm belongs to.
pub const ROLE: Factor = Factor::label("role");
/// The start of x₀ that a run is named after, which one of the sweeps ignores.
pub const STATED: Factor = Factor::label("stated start").unit("units");
/// The exponent of λ, of a twin that of its gated net.
pub const EXPONENT: Factor = Factor::label("log₁₀ λ");
pub const METHOD: Factor = Factor::method("method");
pub const START: Factor = Factor::setting("start of x₀").unit("units");
pub const LAMBDA: Factor = Factor::setting("λ");
pub const L2: Factor = Factor::setting("L2");
pub const WIDTH: Factor = Factor::setting("width").unit("units");
const SLOPE: Factor = Factor::setting("k of the gates");
const COMPACTION: Factor = Factor::setting("closed units taken out");
const EPOCHS: Factor = Factor::setting("epochs");
const BATCH: Factor = Factor::setting("batch");
const RATE: Factor = Factor::setting("learning rate");

/// Where x₀ starts when the stated start is ignored, as `training` sets it.
const IGNORED_START: f64 = 1.0;
/// The role of static nets as wide as a gated net has become.
const TWIN: &str = "twin";

/// A trained net, gated or static.
pub struct Net {
    summary: Summary,
    /// Whether it is the static twin, whose numbers stand in the same row.
    twin: bool,
    sizes: Vec<f64>,
    pub units: Vec<Unit>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let summary: Summary = trial.row()?;
        let epochs = trial.rows::<Epoch>()?;
        let net = |twin: bool, units| {
            let own = epochs.iter().filter(|epoch| (epoch.net == TWIN) == twin);
            Self {
                sizes: own.map(|epoch| epoch.size).collect(),
                summary: summary.clone(),
                twin,
                units,
            }
        };
        let name = &trial.key.variant;
        let mut nets = vec![(name.clone(), net(false, trial.rows()?))];
        if summary.twin_units > 0 {
            nets.push((twin_of(name), net(true, Vec::new())));
        }
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        if self.twin {
            self.summary.twin_diverged
        } else {
            self.summary.diverged
        }
    }
}

impl Net {
    /// The median over closed units of the mean |outgoing weight|; NaN where no unit is closed.
    fn closed_weight(&self) -> f64 {
        let closed = self.units.iter().filter(|unit| f64::from(unit.gate) < EPSILON);
        let means: Vec<f64> = closed.map(|u| f64::from(u.outgoing) / f64::from(u.consumers)).collect();
        espalier_report::statistics::median(&means).unwrap_or(f64::NAN)
    }
}

pub const SIZE: Quantity<Net> = Quantity::new("size", "size ∫gate", |n: &Net| {
    if n.twin {
        n.summary.twin_units as f64
    } else {
        n.summary.size
    }
})
.unit("units", 1)
.over_epochs(|n| n.sizes.clone());
pub const OPEN: Quantity<Net> = Quantity::new("open", "units with gates of 0.01 at least", |n: &Net| {
    n.summary.open_units as f64
})
.unit("", 0);
pub const VALIDATION: Quantity<Net> = Quantity::new("validation", "validation accuracy", |n: &Net| {
    if n.twin {
        n.summary.twin_validation_accuracy
    } else {
        n.summary.validation_accuracy
    }
})
.unit("", 4);
pub const TEST: Quantity<Net> = Quantity::new("accuracy", "test accuracy", |n: &Net| {
    if n.twin {
        n.summary.twin_test_accuracy
    } else {
        n.summary.test_accuracy
    }
})
.unit("fraction", 4)
.higher_is_better();
pub const OVER_TWIN: Quantity<Net> = Quantity::new("over-twin", "test accuracy less the static twin's", |n: &Net| {
    n.summary.test_accuracy - n.summary.twin_test_accuracy
})
.unit("", 4);
pub const MACS: Quantity<Net> =
    Quantity::new("macs", "training", |n: &Net| n.summary.train_macs as f64 / 1e9).unit("10⁹ MACs", 0);
/// Of the nets in which the plateau's cause is looked for.
pub const CLOSED: Quantity<Net> = Quantity::new(
    "cause",
    "median over units with gates below 0.01 of the mean |outgoing weight|",
    Net::closed_weight,
);

/// The arms of a role with one L2.
pub fn swept(role: Role, decay: f64) -> Where {
    let words = match role {
        Role::Start => "x₀ starts where it is told",
        Role::Ignored => "the start ignored",
        Role::Frontier => "on the frontier",
        Role::Wide => "a wide static net",
        Role::Cause => "λ = 0",
    };
    ROLE.is(role.name()).named(words).and(L2.is(decay))
}

/// The static twins of the frontier with one L2.
pub fn twins(decay: f64) -> Where {
    ROLE.is(TWIN).named("static twins").and(L2.is(decay))
}

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

/// All that is set for an arm, and for its twin where it has one.
fn arms(one: variants::Arm, slope: f64) -> Vec<Arm> {
    let arm = |name: String, role: &str| Arm::new(name).with(&ROLE, role).with(&L2, one.decay);
    let net = arm(one.to_string(), one.role.name());
    if one.role == Role::Wide {
        return vec![net.with(&METHOD, "static").with(&WIDTH, one.start)];
    }
    let start = if one.role == Role::Ignored {
        IGNORED_START
    } else {
        one.start
    };
    let compacted = if one.role == Role::Cause { "never" } else { "at the end" };
    let net = net
        .with(&METHOD, "gate")
        .with(&STATED, one.start)
        .with(&START, start)
        .with(&LAMBDA, one.lambda())
        .with(&SLOPE, slope)
        .with(&COMPACTION, compacted);
    if one.role != Role::Frontier {
        return vec![net];
    }
    let twin = arm(twin_of(&net.name), TWIN).with(&METHOD, "static");
    vec![net.with(&EXPONENT, one.exponent), twin.with(&EXPONENT, one.exponent)]
}

/// The rows of one or several data sets, of the seeds that every arm has.
pub fn study(sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Study<Net>> {
    let settings = &context.settings;
    let slope = settings.number("slope")?;
    let all = variants::all(settings)?
        .into_iter()
        .flat_map(|one| arms(one, slope))
        .collect();
    let mut study = Study::new("size-gate", all)?
        .common([
            (EPOCHS, settings.count("epochs")? as f64),
            (BATCH, settings.count("batch")? as f64),
            (RATE, settings.number("learning_rate")?),
        ])
        .outcome(SIZE)
        .original(SLOPE, 1.0)
        .original(EPOCHS, 15.0)
        .subtitle(context.subtitle_with_epochs()?);
    for (name, rows) in sets {
        study = study.read(name, rows, &context.seeds)?;
    }
    Ok(study)
}
