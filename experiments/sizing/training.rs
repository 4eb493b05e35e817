//! One trial: a static net, or a sizer's search, and its score on the test split, which is read once.

use std::sync::Arc;

use espalier_data::{Dataset, Examples, TargetKind, Targets};
use espalier_experiment::{Diverged, Settings, TrialContext};
use espalier_net::LossKind;
use espalier_sizing::{Bench, Budget, Found, Kind, Result, Sizer, Task, Trained, Training, run};
use espalier_train::Evaluation;

use crate::rows::{Constant, Losses, Sized, Time};
use crate::{Arm, handed, sizers};

/// A static net of one width, as a sizer that does not seek.
struct Static(usize);

impl Sizer for Static {
    fn name(&self) -> &'static str {
        "static"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        bench.train(self.0)
    }
}

pub fn trial(context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
    let (arm, settings) = (context.variant().clone(), context.settings());
    let task = task(context.dataset()?, settings)?;
    let (sizer, kind): (Box<dyn Sizer>, &str) = match &arm {
        Arm::Static(width) => (Box::new(Static(*width)), "static"),
        Arm::Sizer(name) => {
            let sizer = sizers::named(name, settings)?;
            let kind = sizer.kind().name();
            (sizer, kind)
        }
    };
    let found = run(&*sizer, &task, &context.seed(), Budget::default())?;
    context.trained_for(found.bill.training);
    Diverged::check_scores(&[found.validation])?;
    let [validation, test] = [&task.data().validation, &task.data().test].map(|split| scored(&found, &task, split));
    let (validation, test) = (validation?, test?);
    let row = Sized {
        arm: arm.to_string(),
        kind: kind.to_owned(),
        diverged: false,
        width: found.width,
        parameters: found.network.parameter_count(),
        validation: found.validation,
        test: score(&test, task.data().test.targets()),
        train_macs: found.bill.train_macs,
        decision_macs: found.bill.decision_macs,
        trainings: found.bill.trainings,
        remark: found.remark.clone().unwrap_or_default(),
    };
    context.record(&row)?;
    context.record(&Losses {
        validation_loss: validation.loss,
        test_loss: test.loss,
    })?;
    context.record(&Constant {
        validation: task.data().validation.targets().constant_score(),
    })?;
    context.record(&Time {
        wall_seconds: found.bill.wall.as_secs_f64(),
    })?;
    match arm {
        Arm::Static(_) => handed::keep(context, &found, &task),
        Arm::Sizer(_) => Ok(()),
    }
}

/// The task of these settings: the first rows of each split.
fn task(data: &Arc<Dataset>, settings: &Settings) -> anyhow::Result<Task> {
    let part = |split: &Examples, name: &str| -> anyhow::Result<Examples> {
        let most = settings.count(name)?;
        let rows = if most == 0 { split.len() } else { most.min(split.len()) };
        Ok(split.select(&(0..rows).collect::<Vec<_>>()))
    };
    let data = Dataset {
        info: data.info.clone(),
        train: part(&data.train, "train_images")?,
        validation: part(&data.validation, "validation_rows")?,
        test: part(&data.test, "test_rows")?,
        transform: data.transform.clone(),
        encoding: data.encoding.clone(),
    };
    let training = Training {
        most_epochs: settings.count("most_epochs")? as u64,
        patience: settings.count("patience")? as u64,
        batch: settings.count("batch")?,
        rate: settings.number("learning_rate")?,
    };
    let (layers, widest) = (settings.count("hidden_layers")?, settings.count("widest")?);
    Ok(Task::new(Arc::new(data), layers, widest, training)?)
}

/// What the net of a sizer gives on a split.
fn scored(found: &Found, task: &Task, split: &Examples) -> anyhow::Result<Evaluation> {
    let loss = match task.data().info.targets {
        TargetKind::Classes(_) => LossKind::CrossEntropy,
        TargetKind::Regression(_) => LossKind::MeanSquaredError,
    };
    Ok(Evaluation::of(&found.network, split, loss)?)
}

/// Accuracy, or R² for values.
fn score(scored: &Evaluation, targets: &Targets) -> f64 {
    match (scored.accuracy, targets) {
        (None, Targets::Values { values, .. }) => explained(scored.loss, values),
        (accuracy, _) => accuracy.unwrap_or(f64::NAN),
    }
}

/// The share of the values' variance that a mean squared error leaves explained.
fn explained(loss: f64, values: &[f32]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let variance = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
    1.0 - loss / variance
}
