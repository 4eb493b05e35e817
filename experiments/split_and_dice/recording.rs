//! One trial and its rows.

use anyhow::Context as _;
use espalier_data::{Examples, Split as Part};
use espalier_dice_roll::Rolls;
use espalier_experiment::{Diverged, TrialContext};
use espalier_net::{LossKind, Network};
use espalier_train::{Evaluation, Trainer};

use crate::Sizes;
use crate::arm::Arm;
use crate::copies;
use crate::rows::{Change, Dice, Outcome, UnitScore};
use crate::training::{self, Finished, Stage};
use crate::watching::{Scored, taken};

/// Trains one arm and records it.
pub fn trial(context: &mut TrialContext<'_, Arm>, sizes: &Sizes) -> anyhow::Result<()> {
    let arm = *context.variant();
    let data = context.shortened_dataset("train_images")?;
    let stage = Stage {
        data: &data,
        sizes,
        seed: context.seed(),
        device: context.device().parse()?,
    };
    let budget = training::budget(&stage, &arm.start(stage.sizes))?;
    let start = training::start(arm, &stage, context)?;
    let finished = training::run(arm, &start, budget, &stage, context)?;
    let outcome = outcome(arm, budget, &finished, &stage)?;
    if arm == Arm::Split {
        context.record_all(&copies::gaps(&stage, &start)?)?;
    }
    context.record_all(&finished.points)?;
    context.record_all(&finished.paces)?;
    context.record_all(&changes(&finished.trainer))?;
    context.record_all(&scores(&taken(&finished.scored)))?;
    context.record_all(&taken(&finished.rolled).iter().filter_map(dice).collect::<Vec<Dice>>())?;
    Ok(context.record(&outcome)?)
}

fn outcome(arm: Arm, budget_macs: u64, finished: &Finished, stage: &Stage<'_>) -> anyhow::Result<Outcome> {
    let network = finished.trainer.network();
    let [conv1, conv2, hidden1] = training::widths(network)?;
    let test = stage.data.split(Part::Test);
    let (test_loss, test_accuracy) = score(network, test)?;
    if !test_loss.is_finite() {
        return Err(Diverged::new("the loss of the trained network is not finite").into());
    }
    let (best, place) = &finished.best;
    let (best_test_loss, best_test_accuracy) = score(best, test)?;
    let last = finished.points.last().context("a run without a single point")?;
    let best = finished.points.get(*place).context("the best point was not recorded")?;
    Ok(Outcome {
        arm: arm.to_string(),
        scale: if let Arm::Rolls { scale, .. } = arm { scale } else { 1.0 },
        rolls: arm.rolls(stage.sizes),
        diverged: false,
        epochs: finished.trainer.epoch(),
        budget_macs,
        spent_macs: last.spent_macs,
        decision_macs: finished.trainer.events().map_or(0, |events| events.decision_macs),
        parameters: network.parameter_count(),
        conv1,
        conv2,
        hidden1,
        validation_accuracy: last.validation_accuracy,
        test_loss,
        test_accuracy,
        best_epoch: best.epoch,
        best_spent_macs: best.spent_macs,
        best_parameters: best.parameters,
        best_validation_accuracy: best.validation_accuracy,
        best_test_loss,
        best_test_accuracy,
    })
}

/// The edits that changed units.
fn changes(trainer: &Trainer) -> Vec<Change> {
    let events = trainer.events().map_or(&[][..], |events| events.edits.as_slice());
    let splits = events
        .iter()
        .filter(|event| event.outcome == "applied" && event.strategy == "gradient-split");
    splits
        .map(|event| Change {
            epoch: event.epoch,
            parameters_before: event.parameters_before,
            parameters_after: event.parameters_after,
            loss_before: event.loss_before,
            loss_after: event.loss_after.unwrap_or(f64::NAN),
            deviation: event.deviation.unwrap_or(f64::NAN),
        })
        .collect()
}

fn scores(scored: &[Scored]) -> Vec<UnitScore> {
    let mut rows = Vec::new();
    for one in scored {
        let layer = match one.group.as_str() {
            "conv1" => 1,
            "conv2" => 2,
            _ => 3,
        };
        for (unit, (absolute, signed)) in one.scores.iter().enumerate() {
            rows.push(UnitScore {
                epoch: one.epoch as u32,
                layer,
                absolute: *absolute as f32,
                signed: *signed as f32,
                split: one.split[unit],
                removed: one.removed[unit],
            });
        }
    }
    rows
}

fn dice(rolls: &Rolls) -> Option<Dice> {
    let spread = rolls.spread()?;
    Some(Dice {
        rolls: rolls.scores.len() as u64,
        winner: rolls.winner as u64,
        mean: spread.mean,
        standard_deviation: spread.standard_deviation,
        least: spread.minimum,
        largest: spread.maximum,
        diverged: spread.diverged as u64,
    })
}

/// Loss and accuracy of a net on examples.
fn score(network: &Network<f32>, examples: &Examples) -> anyhow::Result<(f64, f64)> {
    let scored = Evaluation::of(network, examples, LossKind::CrossEntropy)?;
    Ok((scored.loss, scored.accuracy.context("a set of classes is needed")?))
}
