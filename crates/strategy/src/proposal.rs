//! What a strategy proposes, and what becomes of it.

use espalier_net::{
    Applied, ApplyOptions, Certificate, Network, Optimizer, OverBudget, ParameterGroup, Plan, ScalePolicy, Transplant,
    UnitId, execute,
};
use serde::{Deserialize, Serialize};

use crate::chosen::{Chosen, touched};
use crate::error::{Error, Result};

/// What a predicted decrease of the loss is the effect of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Of the edit itself: loss just before less loss just after, on the growth batch, to first order in the fresh
    /// units' fan-out weights.
    Edit,
    /// Of one plain gradient step on the fresh units' weights after the edit, to first order in the rate.
    GradientStep {
        /// The learning rate of that step.
        rate: f64,
    },
}

/// How far the loss is said to fall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The decrease of the loss on the growth batch; positive is better.
    pub decrease: f64,
    /// Of what.
    pub of: Effect,
}

/// Bounds on a network's size.
///
/// | field | default | range |
/// |---|---|---|
/// | `parameters` | none | at least the present size |
/// | `macs` | none | at least the present size |
/// | `over_budget` | refuse | refuse, or cut the last additions until the plan fits |
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest number of trained values.
    pub parameters: Option<u64>,
    /// The largest number of multiply–accumulates per sample.
    pub macs: Option<u64>,
    /// What happens to a plan that would pass a bound.
    pub over_budget: OverBudget,
}

impl Limits {
    /// The tighter of each bound.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let tighter = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let cut = self.over_budget == OverBudget::Cut || other.over_budget == OverBudget::Cut;
        Self {
            parameters: tighter(self.parameters, other.parameters),
            macs: tighter(self.macs, other.macs),
            over_budget: if cut { OverBudget::Cut } else { OverBudget::Refuse },
        }
    }

    /// Checks a network against the bounds.
    ///
    /// # Errors
    /// Names the bound that does not hold.
    pub fn check(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        let cost = network.cost();
        let bounds = [
            ("parameters", self.parameters, cost.parameters),
            ("MACs", self.macs, cost.macs),
        ];
        for (quantity, budget, found) in bounds {
            if let Some(budget) = budget.filter(|b| found > *b) {
                let (budget, found) = (budget.to_string(), found.to_string());
                return Err(Error::Budget {
                    strategy: strategy.to_owned(),
                    quantity,
                    budget,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// A change that a strategy proposes.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `plan` | – | the edits and the reason for them |
/// | `values` | none | new values for whole parameters after the plan, shapes as they are |
/// | `prediction` | none | what the method's formula promises |
/// | `transplant` | exact | what happens to the optimizer's state |
/// | `preserves` | none | the largest relative output change that is promised; beyond it the proposal is rolled back, which the conformance kit takes for a broken promise |
/// | `guard` | none | the largest relative output change that is wanted; beyond it the proposal is rolled back, and nothing was promised |
/// | `scales` | refuse | what happens to scales that a path does not let pass |
/// | `limits` | none | bounds on the size |
/// | `newborn_rate` | 1 | learning-rate factor of units that the plan adds |
/// | `unit_rates` | none | learning-rate factors of living units |
/// | `parameter_groups` | none | replaces the optimizer's parameter groups |
/// | `twins` | false | whether copies that the plan makes stay alike however long they are trained |
/// | `chosen` | none | the units that the strategy chose, and by which scores; for the record |
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The edits and the reason for them; may be empty where only values or rates change.
    pub plan: Plan,
    /// New values for whole parameters, by name.
    pub values: Vec<(String, Vec<f32>)>,
    /// The promised decrease of the loss.
    pub prediction: Option<Prediction>,
    /// What happens to the optimizer's state.
    pub transplant: Transplant,
    /// The largest output change, relative to the largest output, that the strategy promises.
    pub preserves: Option<f64>,
    /// The largest output change, relative to the largest output, with which the proposal shall stand.
    pub guard: Option<f64>,
    /// What happens to scales that a path does not let pass.
    pub scales: ScalePolicy,
    /// Bounds on the size.
    pub limits: Limits,
    /// The learning-rate factor of added units.
    pub newborn_rate: f64,
    /// Learning-rate factors of living units.
    pub unit_rates: Vec<(UnitId, f64)>,
    /// The optimizer's new parameter groups.
    pub parameter_groups: Option<Vec<ParameterGroup>>,
    /// Whether copies that the plan makes stay alike; the conformance kit expects all others to part.
    pub twins: bool,
    /// The units that were chosen, with their scores. Who names one names all that the plan splits, replaces or removes.
    pub chosen: Vec<Chosen>,
}

impl Proposal {
    /// Proposes a plan, with all else at its default.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            values: Vec::new(),
            prediction: None,
            transplant: Transplant::default(),
            preserves: None,
            guard: None,
            scales: ScalePolicy::default(),
            limits: Limits::default(),
            newborn_rate: 1.0,
            unit_rates: Vec::new(),
            parameter_groups: None,
            twins: false,
            chosen: Vec::new(),
        }
    }

    /// Promises that outputs move by at most `tolerance` of the largest output.
    #[must_use]
    pub fn preserving(mut self, tolerance: f64) -> Self {
        self.preserves = Some(tolerance);
        self
    }

    /// Asks for a roll-back where outputs move by more than `tolerance` of the largest output, without a promise that they
    /// do not: for edits that are worth a try.
    #[must_use]
    pub fn guarded(mut self, tolerance: f64) -> Self {
        self.guard = Some(tolerance);
        self
    }

    /// Says that copies which the plan makes do not part by training alone.
    #[must_use]
    pub fn of_twins(mut self) -> Self {
        self.twins = true;
        self
    }

    /// Names the units that were chosen.
    #[must_use]
    pub fn choosing(mut self, units: impl IntoIterator<Item = Chosen>) -> Self {
        self.chosen.extend(units);
        self
    }

    /// All units that it is about, for the record: those that the strategy names, and behind them those that the plan
    /// touches without a word.
    ///
    /// `network` is the network before the edit.
    #[must_use]
    pub fn concerned(&self, network: &Network<f32>) -> Vec<Chosen> {
        let unnamed = |unit: &Chosen| !self.chosen.iter().any(|named| named.is_unit_of(unit));
        let touched = touched(&self.plan, network).into_iter().filter(unnamed);
        self.chosen.iter().cloned().chain(touched).collect()
    }

    /// States the promised decrease of the loss.
    #[must_use]
    pub fn predicting(mut self, decrease: f64, of: Effect) -> Self {
        self.prediction = Some(Prediction { decrease, of });
        self
    }

    /// Chooses what happens to the optimizer's state.
    #[must_use]
    pub fn transplanting(mut self, transplant: Transplant) -> Self {
        self.transplant = transplant;
        self
    }

    /// Applies the proposal to network and optimizer: all of it, or none of it.
    ///
    /// `inputs` is the batch (one slice per network input) on which the change of the outputs is measured.
    ///
    /// # Errors
    /// Fails only where network and optimizer do not belong together and for parameter groups outside their ranges; a
    /// refused proposal is an outcome.
    pub fn carry_out(
        &self,
        network: &mut Network<f32>,
        optimizer: &mut Optimizer<f32>,
        inputs: &[&[f32]],
        samples: usize,
    ) -> Result<Outcome> {
        if let Some(reason) = self.unusable_rate() {
            return Ok(Outcome::Refused { reason });
        }
        let options = self.options(inputs, samples);
        let applied = if self.values.is_empty() {
            network.apply(&self.plan, &options)
        } else {
            self.apply_with_values(network, options)
        };
        let applied = match applied {
            Ok(applied) => applied,
            Err(espalier_net::Error::Deviation { deviation, tolerance }) => {
                return Ok(Outcome::RolledBack { deviation, tolerance });
            }
            Err(error) => {
                return Ok(Outcome::Refused {
                    reason: error.to_string(),
                });
            }
        };
        optimizer.follow(&applied, network, self.transplant)?;
        self.set_rates(&applied, network, optimizer)?;
        Ok(Outcome::Applied(Box::new(applied)))
    }

    fn options<'i>(&self, inputs: &[&'i [f32]], samples: usize) -> ApplyOptions<'i, f32> {
        ApplyOptions {
            scales: self.scales,
            max_parameters: self.limits.parameters,
            max_macs: self.limits.macs,
            over_budget: self.limits.over_budget,
            require_preserving: false,
            certificate: (samples > 0).then(|| Certificate {
                inputs: inputs.to_vec(),
                samples,
                tolerance: self.tolerance(),
            }),
        }
    }

    /// The tighter of promise and guard.
    fn tolerance(&self) -> Option<f64> {
        self.preserves.into_iter().chain(self.guard).reduce(f64::min)
    }

    fn unusable_rate(&self) -> Option<String> {
        let rates = self.unit_rates.iter().map(|(_, r)| *r).chain([self.newborn_rate]);
        rates
            .into_iter()
            .find(|r| !(r.is_finite() && *r >= 0.0))
            .map(|r| format!("learning-rate factor: expected at least 0, found {r}"))
    }

    /// Applies the plan and the values to a copy first, because either may be refused; the certificate is measured on the
    /// function that both together make, so that the ledger's entry of the plan holds none.
    fn apply_with_values(
        &self,
        network: &mut Network<f32>,
        mut options: ApplyOptions<'_, f32>,
    ) -> espalier_net::Result<Applied> {
        let certificate = options.certificate.take();
        let mut draft = network.clone();
        let mut applied = draft.apply(&self.plan, &options)?;
        for (name, values) in &self.values {
            let id = draft.find_parameter(name)?;
            let expected = draft.parameter(id).values().len();
            if values.len() != expected || values.iter().any(|v| !v.is_finite()) {
                let found = values.iter().filter(|v| v.is_finite()).count();
                return Err(espalier_net::Error::Length {
                    what: format!("finite values for `{name}`"),
                    expected,
                    found,
                });
            }
            draft.parameter_mut(id).values_mut().copy_from_slice(values);
        }
        if let Some(certificate) = certificate {
            applied.deviation = Some(certify(network, &draft, &certificate)?);
        }
        *network = draft;
        Ok(applied)
    }

    fn set_rates(&self, applied: &Applied, network: &Network<f32>, optimizer: &mut Optimizer<f32>) -> Result<()> {
        if self.newborn_rate != 1.0 {
            optimizer.set_unit_rates(newborns(applied, network), self.newborn_rate)?;
        }
        for (unit, rate) in &self.unit_rates {
            optimizer.set_unit_rates([*unit], *rate)?;
        }
        match &self.parameter_groups {
            Some(groups) => Ok(optimizer.set_groups(groups.clone())?),
            None => Ok(()),
        }
    }
}

/// Measures how far outputs move from one network to the other, and refuses what is beyond the tolerance.
fn certify(before: &Network<f32>, after: &Network<f32>, on: &Certificate<'_, f32>) -> espalier_net::Result<f64> {
    let before = execute::evaluate(before, &on.inputs, on.samples)?;
    let after = execute::evaluate(after, &on.inputs, on.samples)?;
    let deviation = relative_deviation(before.iter().flatten().zip(after.iter().flatten()));
    match on.tolerance {
        Some(tolerance) if deviation.is_nan() || deviation > tolerance => {
            Err(espalier_net::Error::Deviation { deviation, tolerance })
        }
        _ => Ok(deviation),
    }
}

/// The largest difference over the largest first value (over 1 where that is 0); NaN where anything is not finite.
fn relative_deviation<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f64 {
    let (mut largest, mut moved) = (0.0_f64, 0.0_f64);
    for (x, y) in pairs.map(|(x, y)| (f64::from(*x), f64::from(*y))) {
        if !(x - y).is_finite() {
            return f64::NAN;
        }
        largest = largest.max(x.abs());
        moved = moved.max((x - y).abs());
    }
    if largest > 0.0 { moved / largest } else { moved }
}

/// The units that a plan brought into the world: copies beside their original, and fresh ones.
#[must_use]
pub fn newborns(applied: &Applied, network: &Network<f32>) -> Vec<UnitId> {
    let step = network.step();
    let mut found = Vec::new();
    for map in &applied.units {
        let mut seen = vec![false; map.old_width];
        let living = network
            .groups()
            .get(map.group.index())
            .map_or(&[][..], espalier_net::Group::units);
        for (unit, id) in map.units.iter().zip(living) {
            let first = unit.origin().is_some_and(|o| !std::mem::replace(&mut seen[o], true));
            let born_now = network.genealogy().unit(*id).is_some_and(|r| r.birth_step == step);
            if !first && born_now {
                found.push(*id);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was applied.
    Applied(Box<Applied>),
    /// It was refused; network and optimizer are as before.
    Refused {
        /// Why.
        reason: String,
    },
    /// It moved the outputs further than it promised or its guard allows; network and optimizer are as before.
    RolledBack {
        /// The largest output change relative to the largest output.
        deviation: f64,
        /// The promise or the guard, whichever is tighter.
        tolerance: f64,
    },
}

impl Outcome {
    /// What was applied, if it was.
    #[must_use]
    pub fn applied(&self) -> Option<&Applied> {
        match self {
            Self::Applied(applied) => Some(applied),
            _ => None,
        }
    }
}
