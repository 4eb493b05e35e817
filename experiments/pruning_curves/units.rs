//! What hidden units do: dead, always on, alike; and how a net in training would stand pruning.

use espalier_data::Split;
use espalier_experiment::TrialContext;
use espalier_metrics::{CovarianceAccumulator, UnitMoments};
use espalier_net::NodeId;
use espalier_seed::Seed;
use espalier_train::Trainer;
use espalier_trial::{Moment, accuracy, observe};

use crate::arms::{Arm, Variant};
use crate::pruning::{self, UNITS, WEIGHTS};
use crate::rows::{Activity, Likeness, Probe, Summary};

/// Units of a layer whose correlations are taken, from the front.
const CORRELATED: usize = 128;

/// What the hidden layers do on the validation images.
struct Seen {
    moments: Vec<UnitMoments>,
    covariances: Vec<CovarianceAccumulator>,
}

fn look(trainer: &mut Trainer) -> anyhow::Result<Seen> {
    let network = trainer.network();
    let hidden = network.nodes().iter().filter(|node| node.name().starts_with("relu"));
    let nodes = (1..=hidden.count()).map(|k| network.find(&format!("relu{k}")));
    let nodes: Vec<NodeId> = nodes.collect::<Result<_, _>>()?;
    let widths: Vec<usize> = nodes.iter().map(|id| network.width(*id)).collect();
    let few = |width: &usize| CovarianceAccumulator::new((*width).min(CORRELATED));
    let mut seen = Seen {
        moments: widths.iter().map(|w| UnitMoments::new(*w)).collect::<Result<_, _>>()?,
        covariances: widths.iter().map(few).collect::<Result<_, _>>()?,
    };
    observe(trainer, Split::Validation, &nodes, |k, values| {
        let few = widths[k].min(CORRELATED);
        let front = values.chunks_exact(widths[k]).flat_map(|row| &row[..few]);
        let front: Vec<f32> = front.copied().collect();
        seen.moments[k].observe(values, widths[k])?;
        seen.covariances[k].observe(&front, few)
    })?;
    Ok(seen)
}

impl Seen {
    fn activity(&self, epoch: u64) -> Vec<Activity> {
        let of = |(k, moments): (usize, &UnitMoments)| {
            let rates = moments.firing_rate();
            let count = |rate: f64| rates.iter().filter(|r| **r == rate).count() as u64;
            Activity {
                epoch,
                layer: k as u64 + 1,
                units: rates.len() as u64,
                dead: count(0.0),
                always_on: count(1.0),
                mean_firing_rate: rates.iter().sum::<f64>() / rates.len() as f64,
            }
        };
        self.moments.iter().enumerate().map(of).collect()
    }

    fn likeness(self) -> anyhow::Result<Vec<Likeness>> {
        let mut rows = Vec::new();
        for (k, sums) in self.covariances.into_iter().enumerate() {
            let units = sums.units();
            let covariance = sums.finish()?;
            let matrix: Vec<Vec<f64>> = (0..units).map(|i| covariance.row(i)).collect::<Result<_, _>>()?;
            let moving: Vec<usize> = (0..units).filter(|&i| matrix[i][i] > 0.0).collect();
            let (mut sum, mut pairs) = (0.0, 0_u64);
            for (n, &i) in moving.iter().enumerate() {
                for &j in &moving[..n] {
                    sum += (matrix[i][j] / (matrix[i][i] * matrix[j][j]).sqrt()).abs();
                    pairs += 1;
                }
            }
            rows.push(Likeness {
                layer: k as u64 + 1,
                units: moving.len() as u64,
                mean_correlation: if pairs == 0 { 0.0 } else { sum / pairs as f64 },
            });
        }
        Ok(rows)
    }
}

/// Dead units and always-on units as shares of all hidden units.
fn shares(activity: &[Activity]) -> (f64, f64) {
    let sum = |count: fn(&Activity) -> u64| activity.iter().map(count).sum::<u64>() as f64;
    let all = sum(|layer| layer.units);
    (sum(|layer| layer.dead) / all, sum(|layer| layer.always_on) / all)
}

/// Records the units of a net in training, and after 1, 2, 4, … and all epochs how it would stand pruning.
pub fn follow(moment: &mut Moment<'_>, epochs: u64) -> anyhow::Result<()> {
    let epoch = moment.done.epoch;
    let activity = look(moment.trainer())?.activity(epoch);
    activity.iter().try_for_each(|row| moment.record(row))?;
    if !epoch.is_power_of_two() && epoch != epochs {
        return Ok(());
    }
    let (dead_share, always_on_share) = shares(&activity);
    let whole = moment.accuracy()?;
    let trainer = moment.trainer();
    let with = |scheme, fraction| {
        let network = pruning::pruned(trainer.network(), scheme, fraction, &Seed::new(0))?;
        accuracy(&pruning::compacted(&network)?, &trainer.data().validation)
    };
    let probe = Probe {
        epoch,
        dead_share,
        always_on_share,
        accuracy: whole,
        half_of_units: with(UNITS, 0.5)?,
        tenth_of_weights: with(WEIGHTS, 0.9)?,
    };
    moment.record(&probe)
}

/// Measures the units of a trained net.
pub fn measure(
    trainer: &mut Trainer,
    arm: Arm,
    summary: &mut Summary,
    context: &mut TrialContext<'_, Variant>,
) -> anyhow::Result<()> {
    let seen = look(trainer)?;
    let activity = seen.activity(summary.epochs);
    (summary.dead_share, summary.always_on_share) = shares(&activity);
    // A net that was followed has recorded these already.
    if !arm.is_plain() {
        context.record_all(&activity)?;
    }
    let likeness = seen.likeness()?;
    summary.mean_correlation = likeness.iter().map(|row| row.mean_correlation).sum::<f64>() / likeness.len() as f64;
    Ok(context.record_all(&likeness)?)
}
