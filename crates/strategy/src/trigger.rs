//! When a network changes.

use espalier_metrics::{effective_rank, singular_values};
use espalier_net::{Network, Role};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check_setting};
use crate::needs::{GradientForm, Need, Needs, Since};
use crate::sites::{Groups, last_site, places, produced_by};
use crate::state::State;
use crate::strategy::expect_stateless;
use crate::view::{Clock, Occasion, View};

/// Says when a strategy acts.
pub trait Trigger: Send {
    /// Checks the settings and the network.
    ///
    /// # Errors
    /// Names the setting that is outside its range.
    fn prepare(&self, _strategy: &str, _network: &Network<f32>) -> Result<()> {
        Ok(())
    }

    /// What must be observed in the next step.
    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        Needs::none()
    }

    /// Says whether the trigger has nothing to look at behind the step that comes next, and would not fire there; `clock` is that
    /// before the step. Never, by default.
    fn rests(&self, _clock: &Clock) -> bool {
        false
    }

    /// Says whether the time has come; asked on every occasion.
    ///
    /// # Errors
    /// Refuses observations that cannot be decided on.
    fn fires(&mut self, view: &View<'_>) -> Result<bool>;

    /// Saves what the trigger keeps.
    ///
    /// # Errors
    /// Fails where that cannot be serialised.
    fn state(&self) -> Result<State> {
        Ok(State::none())
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// Fails where the state is not one of this trigger.
    fn restore(&mut self, state: &State) -> Result<()> {
        expect_stateless("trigger", state)
    }
}

/// Fires after every k-th step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EverySteps(pub u64);

impl Trigger for EverySteps {
    fn prepare(&self, strategy: &str, _network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "every_steps", self.0 > 0, "at least 1", self.0)
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        Ok(view.occasion == Occasion::Step && view.clock.step.is_multiple_of(self.0))
    }

    fn rests(&self, clock: &Clock) -> bool {
        !(clock.step + 1).is_multiple_of(self.0)
    }
}

/// Fires at the end of every k-th epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EveryEpochs(pub u64);

impl Trigger for EveryEpochs {
    fn prepare(&self, strategy: &str, _network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "every_epochs", self.0 > 0, "at least 1", self.0)
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        Ok(view.occasion == Occasion::Epoch && view.clock.epoch.is_multiple_of(self.0))
    }

    fn rests(&self, _clock: &Clock) -> bool {
        true
    }
}

/// Fires at listed moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Before the first step.
    Start,
    /// At the end of these epochs, counted from 1.
    Epochs(Vec<u64>),
    /// After these steps, counted from 1.
    Steps(Vec<u64>),
}

impl Trigger for Schedule {
    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        Ok(match self {
            Self::Start => view.occasion == Occasion::Start,
            Self::Epochs(at) => view.occasion == Occasion::Epoch && at.contains(&view.clock.epoch),
            Self::Steps(at) => view.occasion == Occasion::Step && at.contains(&view.clock.step),
        })
    }

    fn rests(&self, clock: &Clock) -> bool {
        match self {
            Self::Start | Self::Epochs(_) => true,
            Self::Steps(at) => !at.contains(&(clock.step + 1)),
        }
    }
}

/// Fires when the validation loss has not fallen by `improvement` below its best for `patience` epochs; then waits anew.
///
/// | field | default | range |
/// |---|---|---|
/// | `patience` | 3 | ≥ 1 epochs |
/// | `improvement` | 0 | ≥ 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Epochs without an improvement.
    pub patience: u64,
    /// The decrease of the loss that counts as one.
    pub improvement: f64,
    best: f64,
    waited: u64,
}

impl Plateau {
    /// Makes a trigger for plateaus of `patience` epochs.
    #[must_use]
    pub fn new(patience: u64, improvement: f64) -> Self {
        Self {
            patience,
            improvement,
            best: f64::INFINITY,
            waited: 0,
        }
    }
}

impl Default for Plateau {
    fn default() -> Self {
        Self::new(3, 0.0)
    }
}

impl Trigger for Plateau {
    fn prepare(&self, strategy: &str, _network: &Network<f32>) -> Result<()> {
        check_setting(
            strategy,
            "patience",
            self.patience > 0,
            "at least 1 epoch",
            self.patience,
        )?;
        let usable = self.improvement >= 0.0 && self.improvement.is_finite();
        check_setting(strategy, "improvement", usable, "at least 0", self.improvement)
    }

    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        Needs::none().with(Need::ValidationLoss)
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        if view.occasion != Occasion::Epoch {
            return Ok(false);
        }
        let loss = view.observed.validation_loss();
        let Some(loss) = loss.filter(|l| l.is_finite()) else {
            return Err(Error::observation(
                "validation loss",
                "a finite value",
                format!("{loss:?}"),
            ));
        };
        if loss < self.best - self.improvement {
            self.best = loss;
            self.waited = 0;
            return Ok(false);
        }
        self.waited += 1;
        let fires = self.waited >= self.patience;
        if fires {
            self.waited = 0;
        }
        Ok(fires)
    }

    fn rests(&self, _clock: &Clock) -> bool {
        true
    }

    fn state(&self) -> Result<State> {
        State::of("plateau", &(self.best, self.waited))
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (self.best, self.waited) = state.read("plateau")?;
        Ok(())
    }
}

/// Fires at the end of an epoch in which few units are idle: the share of units whose activation's standard deviation is
/// below `low` is at most `share`.
///
/// | field | default | range |
/// |---|---|---|
/// | `groups` | all | editable groups |
/// | `low` | – | ≥ 0 |
/// | `share` | – | 0..=1 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The groups, taken together.
    pub groups: Groups,
    /// The standard deviation below which a unit is idle.
    pub low: f64,
    /// The largest share of idle units.
    pub share: f64,
}

impl Trigger for Spread {
    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "low", self.low >= 0.0, "at least 0", self.low)?;
        check_setting(
            strategy,
            "share",
            (0.0..=1.0).contains(&self.share),
            "0..=1",
            self.share,
        )?;
        self.groups.resolve(strategy, network).map(|_| ())
    }

    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        let groups = self.groups.resolve("spread", network).unwrap_or_default();
        let sites = groups.into_iter().filter_map(|g| last_site(network, g).ok());
        sites
            .map(|s| Need::Moments {
                node: s.node,
                since: Since::Epoch,
            })
            .collect()
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        if view.occasion != Occasion::Epoch {
            return Ok(false);
        }
        let (mut idle, mut units) = (0, 0);
        for group in self.groups.resolve("spread", view.network)? {
            let site = last_site(view.network, group)?;
            let name = view.network.node(site.node).name();
            let Some(moments) = view.moments(site.node, Since::Epoch) else {
                return Err(Error::observation(name, "moments of this epoch", "none"));
            };
            let width = view.network.group(group).width();
            let deviations = moments.std();
            let own = deviations.get(site.offset..site.offset + width).unwrap_or_default();
            crate::check_scores(name, own)?;
            idle += own.iter().filter(|s| **s < self.low).count();
            units += width;
        }
        Ok(idle as f64 <= self.share * units as f64)
    }
}

/// Fires at the end of an epoch in which a group's activations are spread over most directions: their effective rank in
/// the last batch is at least `share` of the width, in every group.
///
/// # Paper
/// Roy and Vetterli 2007, the effective rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveRank {
    /// The groups.
    pub groups: Groups,
    /// The effective rank over the width, in (0, 1].
    pub share: f64,
}

impl Trigger for EffectiveRank {
    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        check_setting(
            strategy,
            "share",
            self.share > 0.0 && self.share <= 1.0,
            "above 0, at most 1",
            self.share,
        )?;
        self.groups.resolve(strategy, network).map(|_| ())
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        if !clock.is_last_step_of_epoch() {
            return Needs::none();
        }
        let groups = self.groups.resolve("effective rank", network).unwrap_or_default();
        let sites = groups.into_iter().filter_map(|g| last_site(network, g).ok());
        sites.map(|s| Need::Activation { node: s.node }).collect()
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        if view.occasion != Occasion::Epoch {
            return Ok(false);
        }
        for group in self.groups.resolve("effective rank", view.network)? {
            let site = last_site(view.network, group)?;
            let name = view.network.node(site.node).name();
            let channels = view.network.width(site.node);
            let width = view.network.group(group).width();
            let Some(values) = view.activation(site.node).filter(|v| !v.is_empty()) else {
                return Err(Error::observation(name, "the activations of the last batch", "none"));
            };
            let rows = values.chunks_exact(channels);
            let own: Vec<f32> = rows
                .flat_map(|r| &r[site.offset..site.offset + width])
                .copied()
                .collect();
            if effective_rank(&singular_values(&own, width)?)? < self.share * width as f64 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Fires at the end of an epoch in which the units born in the last `window_steps` have settled: a newborn's mean squared
/// fan-in gradient is at most `at_most` times that of the other units (or there is no newborn).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewbornShare {
    /// The groups, taken together.
    pub groups: Groups,
    /// For how many steps a unit counts as a newborn.
    pub window_steps: u64,
    /// The largest ratio of the gradients.
    pub at_most: f64,
}

impl NewbornShare {
    fn needed(&self, network: &Network<f32>) -> Vec<(espalier_net::GroupId, espalier_net::Owner)> {
        let groups = self.groups.resolve("newborn share", network).unwrap_or_default();
        groups
            .into_iter()
            .flat_map(|g| produced_by(network, g, Role::Weight).into_iter().map(move |o| (g, o)))
            .collect()
    }
}

impl Trigger for NewbornShare {
    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        check_setting(
            strategy,
            "window_steps",
            self.window_steps > 0,
            "at least 1",
            self.window_steps,
        )?;
        check_setting(strategy, "at_most", self.at_most > 0.0, "above 0", self.at_most)?;
        self.groups.resolve(strategy, network).map(|_| ())
    }

    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        let of = |(_, owner): (_, espalier_net::Owner)| Need::Gradient {
            parameter: owner.parameter,
            form: GradientForm::Squared,
            since: Since::Epoch,
        };
        self.needed(network).into_iter().map(of).collect()
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        if view.occasion != Occasion::Epoch {
            return Ok(false);
        }
        // Sum of squared gradients and number of units: newborns, others.
        let mut sums = [(0.0, 0_usize); 2];
        for (group, owner) in self.needed(view.network) {
            let name = view.network.parameter(owner.parameter).name();
            let Some(gradient) = view.gradient(owner.parameter, GradientForm::Squared, Since::Epoch) else {
                return Err(Error::observation(name, "squared gradients of this epoch", "none"));
            };
            for (unit, id) in view.network.group(group).units().iter().enumerate() {
                let birth = view.network.genealogy().unit(*id).map_or(0, |r| r.birth_step);
                let old = birth == 0 || birth + self.window_steps <= view.clock.step;
                let share: f64 = places(view.network, &owner, unit)
                    .iter()
                    .map(|i| gradient.sum[*i])
                    .sum();
                crate::check_scores(name, &[share])?;
                sums[usize::from(old)].0 += share;
                sums[usize::from(old)].1 += 1;
            }
        }
        let mean = |k: usize| sums[k].0 / sums[k].1.max(1) as f64;
        Ok(sums[0].1 == 0 || mean(0) <= self.at_most * mean(1))
    }
}

impl Clock {
    /// Says whether the next step is the last of its epoch.
    #[must_use]
    pub fn is_last_step_of_epoch(&self) -> bool {
        self.steps_per_epoch > 0 && (self.step + 1).is_multiple_of(self.steps_per_epoch)
    }
}
