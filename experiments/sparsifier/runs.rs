//! The recorded nets as studies: of one data set or several beside each other, and of two data sets against each other.

use espalier_experiment::{Experiment as _, ReportContext};
use espalier_report::rows::Rows;
use espalier_sparsifier::Penalty;
use espalier_study::{Arm, Factor, Quantity, Recorded, Study, Trial, Where};

use crate::named;
use crate::rows::{Epoch, Summary};

pub const METHOD: Factor = Factor::method("method");
/// Strict or not, which decides as well when closed units are taken out.
pub const PENALTY: Factor = Factor::method("penalty");
pub const LAMBDA: Factor = Factor::setting("weight λ of the penalty");
pub const START: Factor = Factor::setting("units at first").unit("units").log2();
pub const DATA: Factor = Factor::setting("data set");
/// The λ of a net, of a twin that of its gated net.
pub const AT: Factor = Factor::label("λ");
pub const EPOCHS: Factor = Factor::setting("epochs");
const BATCH: Factor = Factor::setting("batch");
const RATE: Factor = Factor::setting("learning rate");

/// The method of gated nets, and that of their twins.
pub const GATED: &str = "gates";
pub const STATIC: &str = "static";

/// A trained net, gated or static.
pub struct Net {
    pub summary: Summary,
    twin: bool,
    epochs: Vec<Epoch>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let summary: Summary = trial.row()?;
        let epochs = trial.rows::<Epoch>()?;
        let net = |twin: bool| Self {
            summary: summary.clone(),
            twin,
            epochs: epochs
                .iter()
                .filter(|epoch| (epoch.net == "twin") == twin)
                .cloned()
                .collect(),
        };
        let name = &trial.key.variant;
        let mut nets = vec![(name.clone(), net(false))];
        if epochs.iter().any(|epoch| epoch.net == "twin") {
            nets.push((twin_of(name), net(true)));
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
    /// The epoch over which most units closed and what it did to the validation accuracy; of equal losses the earliest.
    fn mass_removal(&self) -> Option<(u64, f64)> {
        let pairs = self.epochs.iter().zip(self.epochs.iter().skip(1));
        let most = pairs.max_by_key(|(before, after)| {
            let lost = before.open_units.saturating_sub(after.open_units);
            (lost, std::cmp::Reverse(after.epoch))
        });
        most.filter(|(before, after)| before.open_units > after.open_units)
            .map(|(before, after)| (after.epoch, after.validation_accuracy - before.validation_accuracy))
    }

    fn sizes(&self) -> Vec<f64> {
        // Logarithms have no place for 0 units.
        self.epochs.iter().map(|epoch| epoch.open_units.max(1) as f64).collect()
    }
}

/// Units with θ > 0 after the last epoch, of a twin all; 1 where none was left.
pub const SIZE: Quantity<Net> = Quantity::new("size", "units with θ > 0", |n: &Net| n.summary.units.max(1) as f64)
    .unit("", 0)
    .over_epochs(Net::sizes);
pub const CLEAR: Quantity<Net> = Quantity::new("clear", "units with θ > 0.01", |n: &Net| {
    n.summary.clearly_open_units.max(1) as f64
})
.unit("", 0);
pub const DOUBLINGS: Quantity<Net> = Quantity::new("doublings", "log₂ of the units with θ > 0", |n: &Net| {
    (SIZE.value(n)).log2()
})
.unit("doublings", 2)
.over_epochs(|n| n.sizes());
pub const CLEAR_DOUBLINGS: Quantity<Net> =
    Quantity::new("clear-doublings", "log₂ of the units with θ > 0.01", |n: &Net| {
        CLEAR.value(n).log2()
    })
    .unit("doublings", 2);
pub const TRAIN: Quantity<Net> =
    Quantity::new("train", "train accuracy", |n: &Net| n.summary.train_accuracy).unit("", 4);
pub const VALIDATION: Quantity<Net> = Quantity::new("validation", "validation accuracy", |n: &Net| {
    if n.twin {
        n.summary.twin_validation_accuracy
    } else {
        n.summary.validation_accuracy
    }
})
.unit("fraction", 4)
.higher_is_better();
/// The same after every epoch, which is looked at and not judged.
pub const COURSE: Quantity<Net> = VALIDATION.over_epochs(|n| n.epochs.iter().map(|e| e.validation_accuracy).collect());
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
pub const DIP_EPOCH: Quantity<Net> = Quantity::new(
    "dip-epoch",
    "number of the epoch over which most units close",
    |n: &Net| n.mass_removal().map_or(f64::NAN, |(epoch, _)| epoch as f64),
)
.unit("epochs", 1);
pub const DIP: Quantity<Net> = Quantity::new(
    "dip",
    "change of the validation accuracy over the epoch in which most units close",
    |n: &Net| n.mass_removal().map_or(f64::NAN, |(_, change)| change),
)
.unit("fraction", 4);

/// The gated nets of a penalty from one starting size.
pub fn gated(penalty: Penalty, start: usize) -> Where {
    let name = named(penalty);
    METHOD
        .is(GATED)
        .named(format!("{name} penalty"))
        .and(PENALTY.is(name))
        .and(START.is(start))
        .named(format!("{name} penalty, from {start} units"))
}

/// The static twins.
pub fn twins() -> Where {
    METHOD.is(STATIC).named("static twins")
}

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

fn arms(one: crate::Arm) -> Vec<Arm> {
    let net = Arm::new(one.to_string())
        .with(&METHOD, GATED)
        .with(&PENALTY, named(one.penalty))
        .with(&LAMBDA, one.lambda)
        .with(&AT, one.lambda)
        .with(&START, one.start);
    let twin = Arm::new(twin_of(&net.name)).with(&METHOD, STATIC).with(&AT, one.lambda);
    if one.twin { vec![net, twin] } else { vec![net] }
}

fn all(context: &ReportContext) -> anyhow::Result<Study<Net>> {
    let settings = &context.settings;
    let arms = crate::Sparsifier
        .variants(settings)?
        .into_iter()
        .flat_map(arms)
        .collect();
    Ok(Study::new("sparsifier", arms)?
        .common([
            (EPOCHS, settings.count("epochs")? as f64),
            (BATCH, settings.count("batch")? as f64),
            (RATE, settings.number("learning_rate")?),
        ])
        .outcome(SIZE)
        .original(EPOCHS, 60.0)
        .subtitle(context.subtitle_with_epochs()?))
}

/// The rows of one or several data sets, of the seeds that every arm has.
pub fn study(sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Study<Net>> {
    let mut study = all(context)?;
    for (name, rows) in sets {
        study = study.read(name, rows, &context.seeds)?;
    }
    Ok(study)
}

/// A net of two data sets, whose arms say on which they were trained.
pub struct Paired(pub Net);

impl Recorded for Paired {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let on = |(name, net)| (format!("{name} on {}", trial.key.dataset), Self(net));
        Ok(Net::nets(trial)?.into_iter().map(on).collect())
    }

    fn diverged(&self) -> bool {
        self.0.diverged()
    }
}

/// Several data sets as one, with the data set as a factor.
pub fn across(sets: &[(String, &Rows)], context: &ReportContext) -> anyhow::Result<Study<Paired>> {
    let mut arms = Vec::new();
    let mut rows = Rows::default();
    for (set, own) in sets {
        for mut arm in all(context)?.arms {
            arm.name = format!("{} on {set}", arm.name);
            arms.push(arm.with(&DATA, set.as_str()));
        }
        rows = rows.joined(own)?;
    }
    let study = Study::new("sparsifier", arms)?
        .subtitle(context.subtitle_with_epochs()?)
        .original(EPOCHS, 60.0);
    Ok(study.read("both", &rows, &context.seeds)?)
}
