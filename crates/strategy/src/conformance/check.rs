//! The promises of the contract, checked one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use espalier_net::{Network, execute};
use espalier_seed::Seed;

use super::driver::{Driver, DriverOptions, Settled};
use super::parting::{self, Pair};
use super::prediction;
use super::reborn::{Make, Reborn};
use super::reference::{Reference, references};
use crate::chosen::{Chosen, touched};
use crate::error::{Error, Result};
use crate::proposal::{Limits, Outcome};
use crate::strategy::Strategy;
use crate::wrappers::Budgeted;

/// Edits with copies behind which training goes on, for each network.
const FOLLOWED: usize = 4;

/// What a strategy did on each reference network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Name of the network, and the number of applied proposals or the reason why it is not supported.
    pub entries: Vec<(String, std::result::Result<usize, String>)>,
    /// Predictions that were compared with measurements.
    pub predictions: usize,
    /// Pairs of a newborn copy and a unit like it that were seen to part.
    pub parted: usize,
    /// Proposals that say by which scores their units were chosen.
    pub scored: usize,
}

impl Report {
    /// The number of networks tried.
    #[must_use]
    pub fn networks(&self) -> usize {
        self.entries.len()
    }

    /// The number of networks that the strategy supports.
    #[must_use]
    pub fn supported(&self) -> usize {
        self.entries.iter().filter(|e| e.1.is_ok()).count()
    }

    /// The number of proposals that were applied on all networks.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.entries.iter().filter_map(|e| e.1.as_ref().ok()).sum()
    }
}

/// Runs all checks on the reference networks.
///
/// # Errors
/// [`Error::Conformance`] names the promise that is broken, the network and what was found; other errors come from a
/// strategy that fails where it should refuse.
pub fn run(make: impl Fn() -> Box<dyn Strategy> + Sync) -> Result<Report> {
    run_on(references(&Seed::new(7))?, make)
}

/// Runs all checks on given networks, for strategies that need gates, masks or names.
///
/// # Errors
/// As [`run`].
pub fn run_on(networks: Vec<Reference>, make: impl Fn() -> Box<dyn Strategy> + Sync) -> Result<Report> {
    let mut report = Report::default();
    for reference in networks {
        let check = Check {
            reference: &reference,
            make: &make,
        };
        let entry = match check.all() {
            Ok(found) => {
                report.predictions += found.predictions;
                report.parted += found.parted;
                report.scored += found.scored;
                Ok(found.applied)
            }
            Err(Error::Unsupported { reason, .. }) if !reason.is_empty() => Err(reason),
            Err(error) => return Err(error),
        };
        report.entries.push((reference.name.to_owned(), entry));
    }
    Ok(report)
}

/// What was counted on one network.
struct Found {
    applied: usize,
    predictions: usize,
    parted: usize,
    scored: usize,
}

struct Check<'a> {
    reference: &'a Reference,
    make: Make<'a>,
}

impl Check<'_> {
    fn all(&self) -> Result<Found> {
        let mut first = self.drive(&mut *(self.make)(), DriverOptions::default())?;
        self.same_seed_same_plans(&first)?;
        self.plans_are_valid(&first)?;
        self.claims_hold(&first)?;
        self.chosen_units_are_named(&first)?;
        self.resumes_from_its_state(&first)?;
        self.budget_holds()?;
        for (what, corrupt) in [("constant", 0.0), ("NaN", f64::NAN), ("infinite", f64::INFINITY)] {
            self.survives(
                what,
                DriverOptions {
                    corrupt: Some(corrupt),
                    ..DriverOptions::default()
                },
            )?;
        }
        self.survives(
            "empty",
            DriverOptions {
                blind: true,
                ..DriverOptions::default()
            },
        )?;
        let settled = std::mem::take(&mut first.settled);
        let mut predictions = 0;
        for one in &settled {
            if let Some(reason) = prediction::disagreement(&mut first, one)? {
                return Err(self.broken("predictions agree with measurements", reason));
            }
            predictions += usize::from(one.proposal.prediction.is_some());
        }
        Ok(Found {
            applied: settled.iter().filter(|s| s.outcome.applied().is_some()).count(),
            predictions,
            scored: settled
                .iter()
                .filter(|s| s.proposal.chosen.iter().any(|c| c.score.is_some()))
                .count(),
            parted: self.newborns_part(&mut first, &settled)?,
        })
    }

    /// Trains on behind the first edits that make copies, and counts those that part.
    fn newborns_part(&self, driver: &mut Driver, settled: &[Settled]) -> Result<usize> {
        let growing = settled.iter().filter(|s| !s.proposal.twins);
        let mut parted = 0;
        let with_pairs = growing
            .map(|s| (s, parting::pairs(s)))
            .filter(|(_, pairs)| !pairs.is_empty());
        for (one, pairs) in with_pairs.take(FOLLOWED) {
            let trained = driver.trained(&one.after, parting::STEPS)?;
            let followed: Vec<&Pair> = pairs.iter().filter(|p| p.is_trained(&one.after, &trained)).collect();
            if let Some(twins) = followed.iter().find(|p| !p.parts(&one.after, &trained)) {
                let reason = format!("step {}: {}", one.step, twins.describe(&one.after, &trained));
                return Err(self.broken("newborns part", reason));
            }
            parted += followed.len();
        }
        Ok(parted)
    }

    fn broken(&self, check: &'static str, reason: impl std::fmt::Display) -> Error {
        let strategy = (self.make)().name().to_owned();
        Error::Conformance {
            strategy,
            check,
            reason: format!("on `{}`: {reason}", self.reference.name),
        }
    }

    fn drive(&self, strategy: &mut dyn Strategy, options: DriverOptions) -> Result<Driver> {
        let mut driver = Driver::new(self.reference.network.clone(), strategy, options, &Seed::new(11))?;
        driver.run(strategy)?;
        Ok(driver)
    }

    fn same_seed_same_plans(&self, first: &Driver) -> Result<()> {
        let second = self.drive(&mut *(self.make)(), DriverOptions::default())?;
        self.compare("same seed, same plans", first, &second)
    }

    fn compare(&self, check: &'static str, first: &Driver, second: &Driver) -> Result<()> {
        let plans = |d: &Driver| -> Vec<_> { d.settled.iter().map(|s| (s.step, s.proposal.clone())).collect() };
        if plans(first) != plans(second) {
            return Err(self.broken(
                check,
                format!(
                    "{} proposals against {} other ones",
                    first.settled.len(),
                    second.settled.len()
                ),
            ));
        }
        if first.network != second.network {
            return Err(self.broken(check, "the trained networks differ"));
        }
        Ok(())
    }

    fn plans_are_valid(&self, driver: &Driver) -> Result<()> {
        for settled in &driver.settled {
            match &settled.outcome {
                Outcome::Refused { reason } if !reason.contains("budget") => {
                    return Err(self.broken("every plan is valid", format!("step {}: {reason}", settled.step)));
                }
                Outcome::RolledBack { deviation, .. } => {
                    // A guard that held is no broken promise.
                    let Some(tolerance) = settled
                        .proposal
                        .preserves
                        .filter(|p| deviation.is_nan() || deviation > p)
                    else {
                        continue;
                    };
                    let reason = format!(
                        "step {}: outputs moved by {deviation:e}, claimed {tolerance:e}",
                        settled.step
                    );
                    return Err(self.broken("the claimed preservation holds", reason));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Measures the change of the outputs anew, independently of the engine's certificate.
    fn claims_hold(&self, driver: &Driver) -> Result<()> {
        for settled in &driver.settled {
            let Some(tolerance) = settled
                .proposal
                .preserves
                .filter(|_| settled.outcome.applied().is_some())
            else {
                continue;
            };
            let deviation = deviation(driver, settled)?;
            if deviation.is_nan() || deviation > tolerance {
                let reason = format!(
                    "step {}: outputs moved by {deviation:e}, claimed {tolerance:e}",
                    settled.step
                );
                return Err(self.broken("the claimed preservation holds", reason));
            }
        }
        Ok(())
    }

    /// Holds the names of chosen units against the network, and against what the plan does.
    fn chosen_units_are_named(&self, driver: &Driver) -> Result<()> {
        for settled in driver.settled.iter().filter(|s| !s.proposal.chosen.is_empty()) {
            let (chosen, before) = (&settled.proposal.chosen, &settled.before);
            let known = |unit: &Chosen| {
                let group = before.find_group(&unit.group);
                group.is_ok_and(|group| *unit == Chosen::new(before, group, unit.unit, unit.score))
            };
            let unnamed = |unit: &Chosen| !chosen.iter().any(|named| named.is_unit_of(unit));
            let touched = touched(&settled.proposal.plan, before);
            let wrong = chosen
                .iter()
                .find(|unit| !known(unit))
                .map(|unit| (unit, "no such unit"));
            let missing = || {
                touched
                    .iter()
                    .find(|unit| unnamed(unit))
                    .map(|unit| (unit, "not named"))
            };
            if let Some((unit, what)) = wrong.or_else(missing) {
                let place = format!("unit {} of `{}`", unit.unit, unit.group);
                return Err(self.broken(
                    "chosen units are named",
                    format!("step {}: {place}: {what}", settled.step),
                ));
            }
        }
        Ok(())
    }

    fn resumes_from_its_state(&self, first: &Driver) -> Result<()> {
        let mut reborn = Reborn::new(self.make);
        let second = self.drive(&mut reborn, DriverOptions::default())?;
        self.compare("its state is all that it keeps", first, &second)
    }

    fn budget_holds(&self) -> Result<()> {
        let parameters = self.reference.network.parameter_count() * 5 / 4;
        let limits = Limits {
            parameters: Some(parameters),
            ..Limits::default()
        };
        for over_budget in [espalier_net::OverBudget::Refuse, espalier_net::OverBudget::Cut] {
            let mut strategy = Budgeted::new((self.make)(), Limits { over_budget, ..limits });
            let driver = self.drive(&mut strategy, DriverOptions::default())?;
            if let Some(cost) = driver.costs.iter().find(|c| c.parameters > parameters) {
                let reason = format!("{} parameters with a budget of {parameters}", cost.parameters);
                return Err(self.broken("budgets hold at every step", reason));
            }
        }
        Ok(())
    }

    fn survives(&self, what: &str, options: DriverOptions) -> Result<()> {
        let mut strategy = (self.make)();
        // A strategy that panics here is a finding; nothing that it touched is used again.
        let run = catch_unwind(AssertUnwindSafe(|| self.drive(&mut *strategy, options)));
        let check = "bad observations are refused";
        match run {
            Err(_) => Err(self.broken(check, format!("{what} observations cause a panic"))),
            Ok(Ok(driver)) if !is_finite(&driver.network) => {
                Err(self.broken(check, format!("{what} observations reach the weights")))
            }
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error @ Error::Unsupported { .. })) => Err(error),
            Ok(Err(error)) => Err(self.broken(check, format!("{what} observations end training: {error}"))),
        }
    }
}

fn is_finite(network: &Network<f32>) -> bool {
    network
        .parameters()
        .iter()
        .all(|p| p.values().iter().all(|v| v.is_finite()))
}

/// The largest output change over the largest output, from two evaluations.
fn deviation(driver: &Driver, settled: &Settled) -> Result<f64> {
    let rows = driver.growth().batch(0, driver.growth().len());
    let before = execute::evaluate(&settled.before, &[rows.inputs], rows.samples)?;
    let after = execute::evaluate(&settled.after, &[rows.inputs], rows.samples)?;
    let (mut largest, mut moved) = (f64::MIN_POSITIVE, 0.0_f64);
    for (x, y) in before.iter().flatten().zip(after.iter().flatten()) {
        largest = largest.max(f64::from(x.abs()));
        moved = moved.max(f64::from((x - y).abs()));
    }
    Ok(moved / largest)
}
