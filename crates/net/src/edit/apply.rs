//! Applies plans: everything is checked and built beside the network, then put in its place at once.

use serde::{Deserialize, Serialize};

use crate::edit::remap::ParameterMap;
use crate::error::{Error, Result};
use crate::execute::evaluate;
use crate::graph::Network;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::ledger::Cost;
use crate::ledger::edit::{Edit, NewUnit, Plan};
use crate::ledger::{Entry, Ledger, named_widths};

/// What happens to scales other than 1 where the path does not let them pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalePolicy {
    /// The plan is refused.
    #[default]
    Refuse,
    /// The incoming scale becomes 1 and the outgoing scale a·g.
    Fallback,
}

/// What happens to a plan that would pass a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverBudget {
    /// The plan is refused.
    #[default]
    Refuse,
    /// Added units are left out, the last first, until it fits; what they took over from
    /// their originals goes back to these.
    Cut,
}

/// What a plan does to the function that the network computes, from the edits' scales and paths alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preservation {
    /// The outputs stay the same, up to rounding.
    Exact,
    /// The outputs stay the same if what is named holds.
    Conditional(String),
    /// The outputs may change.
    Changed(String),
}

impl Preservation {
    /// The weaker of two statements, for edits that follow each other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |p: &Self| match p {
            Self::Exact => 0,
            Self::Conditional(_) => 1,
            Self::Changed(_) => 2,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// How the units of one group followed an edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitMap {
    /// The group.
    pub group: GroupId,
    /// The group's name.
    pub name: String,
    /// The width before.
    pub old_width: usize,
    /// Where every unit of the new width comes from, as applied.
    pub units: Vec<NewUnit>,
}

/// What became of an applied plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// For each unit edit, how the group's units followed.
    pub units: Vec<UnitMap>,
    /// For each changed axis of each parameter, in the order of application, how it followed.
    pub parameters: Vec<ParameterMap>,
    /// Parameters that the plan added (by deepening), in order.
    pub added: Vec<String>,
    /// Parameters that the plan removed (by folding), in order.
    pub removed: Vec<String>,
    /// What the plan does to the function.
    pub preservation: Preservation,
    /// The cost before.
    pub before: Cost,
    /// The cost that was predicted from widths alone; equal to `after`.
    pub predicted: Cost,
    /// The cost after, as counted.
    pub after: Cost,
    /// The largest output change relative to the largest output, where a certificate was asked for.
    pub deviation: Option<f64>,
}

/// A request to measure how far an edit moves the outputs.
#[derive(Clone, Debug)]
pub struct Certificate<'a, E: Element> {
    /// One row-major batch per network input.
    pub inputs: Vec<&'a [E]>,
    /// The number of samples in each batch.
    pub samples: usize,
    /// Beyond this deviation the plan is rolled back; `None` only measures.
    pub tolerance: Option<f64>,
}

/// How a plan is applied.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `scales` | `Refuse` | scales ≠ 1 on paths that do not let them pass |
/// | `max_parameters` | none | budget on trained values, at every edit |
/// | `max_macs` | none | budget on multiply–accumulates per sample |
/// | `over_budget` | `Refuse` | what happens to a plan that passes a budget |
/// | `require_preserving` | false | refuse plans that may change the function |
/// | `certificate` | none | measure, and roll back beyond a tolerance |
#[derive(Clone, Debug)]
pub struct ApplyOptions<'a, E: Element = f32> {
    /// What happens to scales other than 1 where the path does not let them pass.
    pub scales: ScalePolicy,
    /// The largest number of trained values at any moment of the plan.
    pub max_parameters: Option<u64>,
    /// The largest number of multiply–accumulates per sample at any moment of the plan.
    pub max_macs: Option<u64>,
    /// What happens to a plan that would pass a budget.
    pub over_budget: OverBudget,
    /// Whether plans that may change the function are refused.
    pub require_preserving: bool,
    /// Whether and on what to measure the change of the outputs.
    pub certificate: Option<Certificate<'a, E>>,
}

impl<E: Element> Default for ApplyOptions<'_, E> {
    fn default() -> Self {
        Self {
            scales: ScalePolicy::default(),
            max_parameters: None,
            max_macs: None,
            over_budget: OverBudget::default(),
            require_preserving: false,
            certificate: None,
        }
    }
}

impl<E: Element> Network<E> {
    /// Applies a plan: all of it, or none of it.
    ///
    /// # Errors
    /// Refuses edits of frozen groups, units that do not exist, widths below a floor, scales that a path does not
    /// let pass, plans beyond a budget, and plans that move the outputs beyond the certificate's tolerance. The
    /// network is then exactly as before.
    pub fn apply(&mut self, plan: &Plan, options: &ApplyOptions<'_, E>) -> Result<Applied> {
        // Parameters are shared until written, so that the draft costs nothing but the arrays that the plan changes.
        let ledger = std::mem::take(&mut self.ledger);
        let mut draft = self.clone();
        self.ledger = ledger;
        let (mut applied, edits) = draft.carry_out(plan, options)?;
        applied.deviation = match &options.certificate {
            Some(certificate) => Some(self.certify(&draft, certificate)?),
            None => None,
        };
        draft.revision = self.revision + 1;
        draft.ledger = std::mem::take(&mut self.ledger);
        draft.ledger.push(Entry {
            step: draft.step,
            reason: plan.reason.clone(),
            edits,
            before: applied.before,
            after: applied.after,
            widths: named_widths(&draft.groups),
            deviation: applied.deviation,
        });
        *self = draft;
        Ok(applied)
    }

    /// Replays a ledger's plans, which gives a network with the same topology, widths and genealogy.
    ///
    /// # Errors
    /// Fails where an entry does not fit this network.
    pub fn replay(&mut self, ledger: &Ledger) -> Result<()> {
        for entry in ledger.entries() {
            self.step = entry.step;
            let plan = Plan {
                reason: entry.reason.clone(),
                edits: entry.edits.clone(),
            };
            self.apply(&plan, &ApplyOptions::default())?;
        }
        Ok(())
    }

    fn carry_out(&mut self, plan: &Plan, options: &ApplyOptions<'_, E>) -> Result<(Applied, Vec<Edit>)> {
        let before = self.cost();
        let mut applied = Applied {
            units: Vec::new(),
            parameters: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
            preservation: Preservation::Exact,
            before,
            predicted: before,
            after: before,
            deviation: None,
        };
        let mut edits = Vec::with_capacity(plan.edits.len());
        for edit in &plan.edits {
            let (done, preservation) = match edit {
                Edit::Units(units) => self.edit_units(units, options, &mut applied)?,
                Edit::Deepen { after, name } => self.deepen(after, name, &mut applied)?,
                Edit::FoldGate { gate } => self.fold_gate(gate, &mut applied)?,
            };
            edits.push(done);
            applied.preservation = applied.preservation.and(preservation);
            applied.predicted = self.cost_at(&self.widths())?;
            self.check_budget(applied.predicted, options)?;
        }
        if options.require_preserving && applied.preservation != Preservation::Exact {
            let reason = format!("a preserving plan was asked for: {:?}", applied.preservation);
            return Err(Error::refused("plan", reason));
        }
        applied.after = self.cost();
        if applied.after != applied.predicted {
            let reason = format!("predicted {:?}, counted {:?}", applied.predicted, applied.after);
            return Err(Error::refused("plan", reason));
        }
        Ok((applied, edits))
    }

    pub(crate) fn check_budget(&self, cost: Cost, options: &ApplyOptions<'_, E>) -> Result<()> {
        let limits = [
            ("parameters", cost.parameters, options.max_parameters),
            ("MACs", cost.macs, options.max_macs),
        ];
        for (quantity, would_be, budget) in limits {
            if let Some(budget) = budget
                && would_be > budget
            {
                return Err(Error::Budget {
                    quantity,
                    would_be,
                    budget,
                });
            }
        }
        Ok(())
    }

    fn certify(&self, draft: &Self, certificate: &Certificate<'_, E>) -> Result<f64> {
        let before = evaluate(self, &certificate.inputs, certificate.samples)?;
        let after = evaluate(draft, &certificate.inputs, certificate.samples)?;
        let deviation = relative_deviation(&before, &after);
        match certificate.tolerance {
            Some(tolerance) if deviation.is_nan() || deviation > tolerance => {
                Err(Error::Deviation { deviation, tolerance })
            }
            _ => Ok(deviation),
        }
    }
}

/// The largest absolute difference over the largest absolute value of `before`; over 1 where that is 0.
pub(crate) fn relative_deviation<E: Element>(before: &[Vec<E>], after: &[Vec<E>]) -> f64 {
    let mut largest = 0.0_f64;
    let mut difference = 0.0_f64;
    for (x, y) in before.iter().flatten().zip(after.iter().flatten()) {
        let (x, y) = (x.to_f64(), y.to_f64());
        if !(x - y).is_finite() {
            return f64::NAN;
        }
        largest = largest.max(x.abs());
        difference = difference.max((x - y).abs());
    }
    if largest > 0.0 {
        difference / largest
    } else {
        difference
    }
}
