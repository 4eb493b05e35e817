//! From fan-outs to an edit that leaves the function as it is.

use espalier_net::{ApplyOptions, FreshUnit, GroupId, Network, Plan, Role, Side, Units};
use espalier_seed::Stream;
use espalier_strategy::{
    Effect, Error, Initializer, Oracle, Proposal, ROUNDING, Result, Selection, View, places, produced_by, slice_key,
};
use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use crate::auxiliary::AuxiliaryGradient;
use crate::directions::directions;
use crate::path::Path;
use crate::settings::{FanOutNorm, Search};

/// Adds units without fan-in weights, with the fan-outs that give these weights the largest gradients.
///
/// # Method
/// For rectifiers, whose derivative at 0 is that of the left side, a new unit starts with a bias b that is
/// large enough for `reach_steps` plain gradient steps to leave every sample of the growth batch on the linear side. The
/// constant that it emits is taken off the consumers' biases; where padding or a missing bias prevents that, each fan-out comes
/// a second time with the opposite sign, and the two constants cancel.
/// One step of rate r lowers the loss by r·Σ‖∇‖² to first order, over the fan-in weights (cₖ²·σₖ² for each unit), biases
/// and fan-out weights of all new units; this is predicted, unless dropout makes the loss random.
///
/// # Paper
/// Evci et al. 2022, section 3.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaximalGradient {
    /// How fan-outs are found.
    pub search: Search,
    /// How long they are.
    pub norm: FanOutNorm,
    /// The rate of the predicted step; none for that of the next step.
    pub rate: Option<f64>,
    /// How many such steps a unit stays on the linear side of a kink.
    pub reach_steps: f64,
}

/// How the constant of new units is kept from the consumers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Balance {
    Absorbed,
    Mirrored,
}

/// The new units of one group.
struct Growth {
    fan_outs: Mat<f64>,
    bias: f64,
    balance: Balance,
    squared_norm: f64,
}

impl MaximalGradient {
    fn rate(&self, view: &View<'_>) -> Result<f64> {
        let rate = self.rate.unwrap_or(view.clock.learning_rate);
        if rate > 0.0 && rate.is_finite() {
            Ok(rate)
        } else {
            Err(Error::observation("learning rate", "above 0", rate.to_string()))
        }
    }

    fn grow(
        &self,
        (network, group): (&Network<f32>, GroupId),
        count: usize,
        rate: f64,
        (oracle, stream): (&mut dyn Oracle, &mut Stream),
    ) -> Result<(AuxiliaryGradient, Growth)> {
        let auxiliary = AuxiliaryGradient::of(network, group, oracle)?;
        let balance = balance(network, &auxiliary);
        let wanted = match balance {
            Balance::Absorbed => count,
            Balance::Mirrored => count.div_ceil(2),
        };
        let norm = match self.norm {
            FanOutNorm::Fixed(c) => c,
            FanOutNorm::Living(factor) => factor * living_norm(network, group)?,
        };
        let found = directions(auxiliary.weights.as_ref(), wanted, self.search, stream)?;
        let mut fan_outs = Mat::from_fn(found.nrows(), found.ncols(), |i, j| norm * found[(i, j)]);
        if balance == Balance::Mirrored {
            fan_outs = Mat::from_fn(found.nrows(), 2 * found.ncols(), |i, j| {
                let sign = if j % 2 == 0 { norm } else { -norm };
                sign * found[(i, j / 2)]
            });
        }
        let bias = if auxiliary.path.kinked {
            self.reach_steps * rate * auxiliary.largest_move(network, fan_outs.as_ref())?
        } else {
            0.0
        };
        let squared_norm = auxiliary.squared_norm(fan_outs.as_ref(), bias);
        let growth = Growth {
            fan_outs,
            bias,
            balance,
            squared_norm,
        };
        Ok((auxiliary, growth))
    }
}

impl Initializer for MaximalGradient {
    fn propose(
        &mut self,
        view: &View<'_>,
        oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let rate = self.rate(view)?;
        let mut plan = Plan::new(reason);
        let mut draft = view.network.clone();
        let mut touched = Vec::new();
        let mut squared_norm = 0.0;
        for selection in selections {
            let group = selection.group;
            let name = draft.group(group).name().to_owned();
            let mut stream = view.seed.named("fan-out").named(&name).stream();
            let (auxiliary, growth) = self.grow((&draft, group), selection.extra, rate, (&mut *oracle, &mut stream))?;
            if growth.fan_outs.ncols() == 0 {
                continue;
            }
            squared_norm += growth.squared_norm;
            let fresh = fresh_units(&draft, group, &auxiliary.path, &growth);
            let edit = Units::of(&draft, group).widen(fresh).edit("gradmax");
            draft.apply(&Plan::new(reason).with(edit.clone()), &ApplyOptions::default())?;
            plan = plan.with(edit);
            if growth.balance == Balance::Absorbed {
                touched.extend(absorb(&mut draft, &auxiliary, &growth));
            }
        }
        touched.sort_unstable();
        touched.dedup();
        let mut proposal = Proposal::new(plan).preserving(ROUNDING);
        proposal.values = touched
            .into_iter()
            .map(|id| {
                (
                    draft.parameter(id).name().to_owned(),
                    draft.parameter(id).values().to_vec(),
                )
            })
            .collect();
        let random = view.network.nodes().iter().any(|n| n.layer().is_random());
        Ok(if random {
            proposal
        } else {
            proposal.predicting(rate * squared_norm, Effect::GradientStep { rate })
        })
    }
}

/// The mean norm of the fan-outs of the group's living units.
fn living_norm(network: &Network<f32>, group: GroupId) -> Result<f64> {
    let owners = network.owners(group);
    let width = network.group(group).width();
    let norm = |unit: usize| {
        let outgoing = owners
            .iter()
            .filter(|o| o.side == Side::Outgoing && is_weight(network, o));
        let square = |o: &espalier_net::Owner| {
            let values = network.parameter(o.parameter).values();
            let all = places(network, o, unit).into_iter();
            all.map(|i| f64::from(values[i]).powi(2)).sum::<f64>()
        };
        outgoing.map(square).sum::<f64>().sqrt()
    };
    let mean = (0..width).map(norm).sum::<f64>() / width.max(1) as f64;
    if mean > 0.0 && mean.is_finite() {
        Ok(mean)
    } else {
        let name = format!("fan-out norm of group `{}`", network.group(group).name());
        Err(Error::observation(name, "above 0", mean.to_string()))
    }
}

fn is_weight(network: &Network<f32>, owner: &espalier_net::Owner) -> bool {
    network.parameter(owner.parameter).role() == Role::Weight
}

/// Constants can be absorbed where each consumer has a bias and reads the same at all its positions.
fn balance(network: &Network<f32>, auxiliary: &AuxiliaryGradient) -> Balance {
    let absorbs = auxiliary.path.consumers.iter().all(|consumer| {
        let constants = &auxiliary.constants[&consumer.input];
        if constants.iter().all(|c| *c == 0.0) {
            return true;
        }
        let mut read = vec![Vec::new(); network.node(consumer.node).positions()];
        for tap in &consumer.taps {
            read[tap.position].push((tap.slot, constants[tap.value]));
        }
        consumer.bias.is_some() && read.windows(2).all(|pair| pair[0] == pair[1])
    });
    if absorbs { Balance::Absorbed } else { Balance::Mirrored }
}

fn fresh_units(network: &Network<f32>, group: GroupId, path: &Path, growth: &Growth) -> Vec<FreshUnit> {
    let owners = network.owners(group);
    let biases = produced_by(network, group, Role::Bias);
    let unit = |column: usize| {
        let mut fresh = FreshUnit::default();
        for consumer in &path.consumers {
            let slice = consumer.first..consumer.first + consumer.weights;
            let values = slice.map(|i| growth.fan_outs[(i, column)]).collect();
            if let Some(owner) = owners.iter().find(|o| o.parameter == consumer.weight && o.axis == 0) {
                fresh.values.insert(slice_key(network, owner), values);
            }
        }
        for owner in &biases {
            fresh
                .values
                .insert(slice_key(network, owner), vec![growth.bias; owner.offsets.len()]);
        }
        fresh
    };
    (0..growth.fan_outs.ncols()).map(unit).collect()
}

/// Takes what the new units emit off their consumers' biases, and returns the biases that changed.
fn absorb(
    network: &mut Network<f32>,
    auxiliary: &AuxiliaryGradient,
    growth: &Growth,
) -> Vec<espalier_net::ParameterId> {
    let sums = row_sums(growth.fan_outs.as_ref());
    let factor = if auxiliary.path.kinked { growth.bias } else { 1.0 };
    let mut touched = Vec::new();
    for consumer in &auxiliary.path.consumers {
        let constants = &auxiliary.constants[&consumer.input];
        let mut shift = vec![0.0; consumer.outputs];
        // All positions read the same: the first stands for all.
        for tap in consumer.taps.iter().filter(|t| t.position == 0) {
            for (j, s) in shift.iter_mut().enumerate() {
                *s += factor * constants[tap.value] * sums[tap.slot + j];
            }
        }
        let Some(bias) = consumer.bias.filter(|_| shift.iter().any(|s| *s != 0.0)) else {
            continue;
        };
        for (value, shift) in network.parameter_mut(bias).values_mut().iter_mut().zip(shift) {
            *value = (f64::from(*value) - shift) as f32;
        }
        touched.push(bias);
    }
    touched
}

fn row_sums(matrix: MatRef<'_, f64>) -> Vec<f64> {
    matrix.row_iter().map(|row| row.iter().sum()).collect()
}
