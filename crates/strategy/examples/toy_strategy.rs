//! A whole strategy from outside: when the validation loss stalls, the busiest unit of the network is split in two.
//!
//! Everything here is public, so that the same file works as a crate of its own that depends on `espalier-strategy` and
//! `espalier-net`. `Plateau`, `ScoreSelector` and `UnevenCopies` could be put together to the same method with `Composed`;
//! written out, it shows what a method with an idea of its own fills in.
//!
//! `cargo run --release -p espalier-strategy --example toy_strategy`
#![allow(clippy::print_stdout)]

use espalier_net::{GroupId, Network, Plan, Units, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{
    Clock, Error, Need, Needs, Occasion, Oracle, Proposal, ROUNDING, Result, Since, State, Strategy, UnevenCopies,
    View, check_scores, check_setting, last_site,
};

const NAME: &str = "split-busiest";

/// Splits the unit with the largest mean activation whenever the validation loss has stalled.
struct SplitBusiest {
    // Settings: given by the user, checked in `prepare`, the same during the whole training.
    patience: u64,
    improvement: f64,
    // Memory: changes from decision to decision, so it must go through `state` and `restore`.
    best: f64,
    waited: u64,
}

impl SplitBusiest {
    /// Waits for `patience` epochs in which the loss has not fallen by `improvement` below its best.
    fn new(patience: u64, improvement: f64) -> Self {
        Self {
            patience,
            improvement,
            best: f64::INFINITY,
            waited: 0,
        }
    }

    /// When: counts the epochs without an improvement.
    fn stalls(&mut self, view: &View<'_>) -> Result<bool> {
        // An observation may be missing or not finite: that is an error to report, never a decision to make.
        let observed = view.observed.validation_loss();
        let Some(loss) = observed.filter(|l| l.is_finite()) else {
            let found = format!("{observed:?}");
            return Err(Error::observation("validation loss", "a finite value", found));
        };
        if loss < self.best - self.improvement {
            self.best = loss;
            self.waited = 0;
            return Ok(false);
        }
        self.waited += 1;
        Ok(self.waited >= self.patience)
    }

    /// Where: the group and the unit whose mean activation in this epoch is the largest of all.
    fn busiest(view: &View<'_>) -> Result<Option<(GroupId, usize)>> {
        let mut best: Option<(f64, GroupId, usize)> = None;
        for group in view.network.editable_groups() {
            // A group's units can stand at an offset inside a wider layer, as after a concatenation.
            let (site, name) = (last_site(view.network, group)?, view.network.group(group).name());
            let Some(moments) = view.moments(site.node, Since::Epoch) else {
                return Err(Error::observation(name, "moments of this epoch", "none"));
            };
            let means = &moments.mean()[site.offset..][..view.network.group(group).width()];
            check_scores(name, means)?;
            for (unit, mean) in means.iter().enumerate() {
                // Strictly above, so that of equals the first one wins: decisions must not depend on chance.
                if best.is_none_or(|(most, ..)| *mean > most) {
                    best = Some((*mean, group, unit));
                }
            }
        }
        Ok(best.map(|(_, group, unit)| (group, unit)))
    }
}

impl Strategy for SplitBusiest {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, _network: &Network<f32>) -> Result<()> {
        check_setting(NAME, "patience", self.patience > 0, "at least 1 epoch", self.patience)?;
        let usable = self.improvement >= 0.0 && self.improvement.is_finite();
        check_setting(NAME, "improvement", usable, "at least 0", self.improvement)
    }

    /// Only what is asked for here is observed, and there for `propose` to read.
    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        let groups = network.editable_groups().into_iter();
        let sites = groups.filter_map(|group| last_site(network, group).ok());
        let moments = |node| Need::Moments {
            node,
            since: Since::Epoch,
        };
        sites.fold(Needs::none().with(Need::ValidationLoss), |needs, site| {
            needs.with(moments(site.node))
        })
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Epoch || !self.stalls(view)? {
            return Ok(None);
        }
        let Some((group, unit)) = Self::busiest(view)? else {
            return Ok(None);
        };
        self.waited = 0;
        // How: two copies with the fan-in weights of the unit, and a third and two thirds of its fan-out weights. Equal
        // halves would get equal gradients for ever; the kit would call them twins.
        let edit = Units::of(view.network, group)
            .split(unit, &UnevenCopies::scales(2))?
            .edit("split");
        let reason = format!(
            "stalled at {:.4}; unit {unit} of `{}`",
            self.best,
            view.network.group(group).name()
        );
        // The outputs stay as they are; the trainer measures that, and rolls the split back if it is not so.
        Ok(Some(Proposal::new(Plan::new(reason).with(edit)).preserving(ROUNDING)))
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &(self.best, self.waited))
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (self.best, self.waited) = state.read(NAME)?;
        Ok(())
    }
}

/// Runs the conformance kit, then trains a small network on generated samples and shows every decision.
fn main() -> Result<()> {
    // In a crate of its own this line is the test `tests/conformance.rs`. The loss falls in every epoch of the kit's short
    // training, by less than 0.5.
    let report = conformance::run(|| Box::new(SplitBusiest::new(1, 0.5)))?;
    println!(
        "{} edits on {} reference networks keep the contract",
        report.applied(),
        report.networks()
    );

    let seed = Seed::new(1);
    let network = models::mlp(6, &[8, 7], 3, &seed)?;
    let mut strategy = SplitBusiest::new(2, 0.1);
    let options = DriverOptions {
        epochs: 12,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network, &mut strategy, options, &seed)?;
    driver.run(&mut strategy)?;
    for settled in &driver.settled {
        let moved = settled.outcome.applied().and_then(|applied| applied.deviation);
        println!(
            "step {:3}: {}; outputs moved by {moved:?}",
            settled.step, settled.proposal.plan.reason
        );
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        let report = conformance::run(|| Box::new(SplitBusiest::new(1, 0.5))).unwrap();
        assert_eq!(report.supported(), report.networks());
        assert!(report.applied() > 0, "{report:?}");
    }
}
