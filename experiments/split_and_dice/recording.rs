//! One trial and its rows.

use anyhow::Context as _;
use espalier_dice_roll::Rolls;
use espalier_experiment::{Diverged, TrialContext};
use espalier_train::Events;
use espalier_trial::Trained;

use crate::Sizes;
use crate::arm::Arm;
use crate::copies;
use crate::rows::{Change, Dice, Outcome, Point, UnitScore};
use crate::training::{self, Stage};
use crate::watching::{Scored, taken};

/// Trains one arm and records it.
pub fn trial(context: &mut TrialContext<'_, Arm>, sizes: &Sizes) -> anyhow::Result<()> {
    let data = context.shortened_dataset("train_images")?;
    let stage = Stage {
        data: &data,
        sizes,
        seed: context.seed(),
        device: context.device().parse()?,
    };
    let before = context.rows().clone();
    let trained = train(context, &stage);
    if matches!(&trained, Err(error) if error.is::<Diverged>()) {
        // A net without an outcome has no points either.
        *context.rows_mut() = before;
    }
    trained
}

fn train(context: &mut TrialContext<'_, Arm>, stage: &Stage<'_>) -> anyhow::Result<()> {
    let arm = *context.variant();
    let budget = training::budget(stage, &arm.start(stage.sizes))?;
    let start = training::start(arm, stage, context)?;
    let finished = training::run(arm, &start, budget, stage, context)?;
    let outcome = outcome(arm, budget, &finished.net, &context.rows().get::<Point>()?, stage.sizes)?;
    if arm == Arm::Split {
        context.record_all(&copies::gaps(stage, &start)?)?;
    }
    context.record_all(&finished.net.events().map_or_else(|_| Vec::new(), changes))?;
    context.record_all(&scores(&taken(&finished.scored)))?;
    context.record_all(&taken(&finished.rolled).iter().filter_map(dice).collect::<Vec<Dice>>())?;
    Ok(context.record(&outcome)?)
}

fn outcome(arm: Arm, budget_macs: u64, net: &Trained, points: &[Point], sizes: &Sizes) -> anyhow::Result<Outcome> {
    let [conv1, conv2, hidden1] = training::widths(net.network())?;
    let (end, chosen) = (net.outcome(), &net.chosen(training::BEST)?.row);
    Diverged::check_scores(&[end.test_loss])?;
    let last = points.last().context("a run without a single point")?;
    let best = points
        .iter()
        .find(|point| point.validation_accuracy == chosen.validation_score);
    let best = best.context("the best point was not recorded")?;
    Ok(Outcome {
        arm: arm.to_string(),
        scale: if let Arm::Rolls { scale, .. } = arm { scale } else { 1.0 },
        rolls: arm.rolls(sizes),
        diverged: false,
        epochs: end.epochs,
        budget_macs,
        spent_macs: last.spent_macs,
        decision_macs: end.decision_macs,
        parameters: end.parameters,
        conv1,
        conv2,
        hidden1,
        validation_accuracy: last.validation_accuracy,
        test_loss: end.test_loss,
        test_accuracy: end.test_score,
        best_epoch: best.epoch,
        best_spent_macs: best.spent_macs,
        best_parameters: best.parameters,
        best_validation_accuracy: best.validation_accuracy,
        best_test_loss: chosen.test_loss,
        best_test_accuracy: chosen.test_score,
    })
}

/// The edits that changed units.
fn changes(events: &Events) -> Vec<Change> {
    let splits = events
        .edits
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
