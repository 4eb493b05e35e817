//! Where a network changes, and by how many units.

use espalier_net::{Ablation, GroupId, Network};
use serde::{Deserialize, Serialize};

use crate::chosen::Chosen;
use crate::error::{Result, check_scores, check_setting};
use crate::needs::Needs;
use crate::oracle::{Oracle, Sample};
use crate::reading::Reading;
use crate::sites::{Groups, last_site};
use crate::state::State;
use crate::strategy::expect_stateless;
use crate::view::{Clock, View};

/// Units of one group that shall change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The group.
    pub group: GroupId,
    /// The units concerned; empty where new units come from nowhere.
    pub units: Vec<usize>,
    /// Additional units: for each of `units`, or in all where none is named.
    pub extra: usize,
    /// The score of each of `units`; empty where they were not scored.
    pub scores: Vec<f64>,
}

impl Selection {
    /// Asks for new units without naming any that exist.
    #[must_use]
    pub fn new_units(group: GroupId, count: usize) -> Self {
        Self {
            group,
            units: Vec::new(),
            extra: count,
            scores: Vec::new(),
        }
    }

    /// The units by their lasting numbers, for the record.
    #[must_use]
    pub fn chosen(&self, network: &Network<f32>) -> Vec<Chosen> {
        let units = self.units.iter().enumerate();
        let named = units.map(|(k, unit)| Chosen::new(network, self.group, *unit, self.scores.get(k).copied()));
        named.collect()
    }
}

/// Chooses units.
pub trait Selector: Send {
    /// The groups it chooses from.
    fn groups(&self) -> &Groups;

    /// Checks the settings and the network.
    ///
    /// # Errors
    /// Names the setting that is outside its range.
    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        self.groups().resolve(strategy, network).map(|_| ())
    }

    /// What must be observed in the next step.
    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        Needs::none()
    }

    /// Chooses; nothing chosen means no proposal.
    ///
    /// # Errors
    /// Refuses observations that cannot be decided on.
    fn select(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Vec<Selection>>;

    /// What it chose last, and by which scores; see [`crate::Strategy::readings`].
    fn readings(&self) -> Vec<Reading> {
        Vec::new()
    }

    /// Saves what the selector keeps.
    ///
    /// # Errors
    /// Fails where that cannot be serialised.
    fn state(&self) -> Result<State> {
        Ok(State::none())
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// Fails where the state is not one of this selector.
    fn restore(&mut self, state: &State) -> Result<()> {
        expect_stateless("selector", state)
    }
}

/// The rule by which one unit of a group is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitRule {
    /// No unit: the control.
    None,
    /// Any unit, each with the same probability.
    Random,
    /// The unit without which the loss is largest.
    MaxAblationLoss,
    /// The unit without which the loss is smallest.
    MinAblationLoss,
    /// Any unit, with probability softmax(10 · the loss without it).
    SoftmaxAblationLoss,
    /// The unit that is active on most samples.
    MaxFiringRate,
    /// The unit that is active on fewest samples.
    MinFiringRate,
    /// The unit whose share of active samples is nearest to one half.
    HalfFiringRate,
}

impl UnitRule {
    /// All eight rules.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Random,
        Self::MaxAblationLoss,
        Self::MinAblationLoss,
        Self::SoftmaxAblationLoss,
        Self::MaxFiringRate,
        Self::MinFiringRate,
        Self::HalfFiringRate,
    ];

    fn ablates(self) -> bool {
        matches!(
            self,
            Self::MaxAblationLoss | Self::MinAblationLoss | Self::SoftmaxAblationLoss
        )
    }
}

/// Chooses one unit of each group by a rule.
///
/// # Method
/// The ablation loss of a unit is the loss with its activation at 0 and the others times H/(H−1), as dropout would rescale
/// them; its firing rate is the share of samples (and positions) on which its activation is above 0. Of equals the first
/// is taken.
///
/// Of the last choice its readings tell, for each group, the `chosen` place among so many `candidates` and, where units were
/// scored, the chosen one's `score`, the `least score` and the `largest score`.
///
/// | field | default | range |
/// |---|---|---|
/// | `groups` | – | editable groups |
/// | `sample` | validation | growth or validation |
/// | `extra` | 1 | ≥ 1 additional units |
/// | `inverse_temperature` | 10 | > 0, of the softmax |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneUnit {
    /// The rule.
    pub rule: UnitRule,
    /// The groups, each of which gives one unit.
    pub groups: Groups,
    /// On which samples losses and firing rates are measured.
    pub sample: Sample,
    /// Additional units for the chosen one.
    pub extra: usize,
    /// The factor on losses in the softmax.
    pub inverse_temperature: f64,
    #[serde(skip)]
    told: Vec<Reading>,
}

impl OneUnit {
    /// Makes a selector with the defaults of the table.
    #[must_use]
    pub fn new(rule: UnitRule, groups: Groups) -> Self {
        Self {
            rule,
            groups,
            sample: Sample::Validation,
            extra: 1,
            inverse_temperature: 10.0,
            told: Vec::new(),
        }
    }

    fn choose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle, group: GroupId) -> Result<Option<Selection>> {
        let network = view.network;
        let width = network.group(group).width();
        let name = network.group(group).name();
        let mut stream = view.seed.named("unit").named(name).stream();
        let scores = if self.rule.ablates() {
            ablation_losses(oracle, network, group, self.sample)?
        } else if matches!(self.rule, UnitRule::None | UnitRule::Random) {
            vec![0.0; width]
        } else {
            firing_rates(oracle, network, group, self.sample)?
        };
        check_scores(name, &scores)?;
        let half: Vec<f64> = scores.iter().map(|r| -(r - 0.5) * (r - 0.5)).collect();
        let chosen = match self.rule {
            UnitRule::None => None,
            UnitRule::Random => Some(stream.below(width)),
            UnitRule::MaxAblationLoss | UnitRule::MaxFiringRate => largest(&scores),
            UnitRule::MinAblationLoss | UnitRule::MinFiringRate => smallest(&scores),
            UnitRule::SoftmaxAblationLoss => stream.choose_weighted(&softmax(&scores, self.inverse_temperature)),
            UnitRule::HalfFiringRate => largest(&half),
        };
        Ok(chosen.map(|unit| {
            self.tell(name, unit, &scores);
            Selection {
                group,
                units: vec![unit],
                extra: self.extra,
                scores: if self.rule == UnitRule::Random {
                    Vec::new()
                } else {
                    vec![scores[unit]]
                },
            }
        }))
    }

    fn tell(&mut self, group: &str, unit: usize, scores: &[f64]) {
        let mut tell = |name, value| self.told.push(Reading::new(group, name, value));
        tell("chosen", unit as f64);
        tell("candidates", scores.len() as f64);
        if self.rule != UnitRule::Random {
            tell("score", scores[unit]);
            tell("least score", scores.iter().copied().fold(f64::INFINITY, f64::min));
            tell(
                "largest score",
                scores.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            );
        }
    }
}

impl Selector for OneUnit {
    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "extra", self.extra > 0, "at least 1", self.extra)?;
        let usable = self.inverse_temperature > 0.0 && self.inverse_temperature.is_finite();
        check_setting(
            strategy,
            "inverse_temperature",
            usable,
            "above 0",
            self.inverse_temperature,
        )?;
        self.groups.resolve(strategy, network).map(|_| ())
    }

    fn select(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Vec<Selection>> {
        let mut selections = Vec::new();
        self.told.clear();
        for group in self.groups.resolve("one unit", view.network)? {
            selections.extend(self.choose(view, oracle, group)?);
        }
        Ok(selections)
    }

    fn readings(&self) -> Vec<Reading> {
        self.told.clone()
    }

    fn state(&self) -> Result<State> {
        State::of("one unit", &self.told)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.told = state.read("one unit")?;
        Ok(())
    }
}

/// The loss without each unit of a group, the others rescaled by H/(H−1).
///
/// # Errors
/// As [`Oracle::ablated_loss`].
pub fn ablation_losses(
    oracle: &mut dyn Oracle,
    network: &Network<f32>,
    group: GroupId,
    on: Sample,
) -> Result<Vec<f64>> {
    let units = 0..network.group(group).width();
    units
        .map(|unit| {
            oracle.ablated_loss(
                network,
                Ablation {
                    group,
                    unit,
                    rescale: true,
                },
                on,
            )
        })
        .collect()
}

/// The share of samples and positions at which each unit of a group is above 0 where weights last read it.
///
/// # Errors
/// As [`Oracle::moments`]; refuses a group that nothing reads.
pub fn firing_rates(oracle: &mut dyn Oracle, network: &Network<f32>, group: GroupId, on: Sample) -> Result<Vec<f64>> {
    let site = last_site(network, group)?;
    let rates = oracle.moments(network, site.node, on)?.firing_rate();
    Ok(rates[site.offset..site.offset + network.group(group).width()].to_vec())
}

/// The first index of the largest score.
#[must_use]
pub fn largest(scores: &[f64]) -> Option<usize> {
    (0..scores.len()).reduce(|best, k| if scores[k] > scores[best] { k } else { best })
}

/// The first index of the smallest score.
#[must_use]
pub fn smallest(scores: &[f64]) -> Option<usize> {
    (0..scores.len()).reduce(|best, k| if scores[k] < scores[best] { k } else { best })
}

/// The probabilities e^{k·sᵢ} / Σ e^{k·sⱼ}.
#[must_use]
pub fn softmax(scores: &[f64], inverse_temperature: f64) -> Vec<f64> {
    let top = scores.iter().fold(f64::NEG_INFINITY, |m, s| m.max(*s));
    let powers: Vec<f64> = scores.iter().map(|s| (inverse_temperature * (s - top)).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / total).collect()
}

/// Scores the units of a group.
pub trait UnitScore: Send {
    /// What must be observed in the next step.
    fn needs(&self, _network: &Network<f32>, _group: GroupId, _clock: &Clock) -> Needs {
        Needs::none()
    }

    /// One score per unit.
    ///
    /// # Errors
    /// Refuses observations that are missing.
    fn scores(&mut self, view: &View<'_>, oracle: &mut dyn Oracle, group: GroupId) -> Result<Vec<f64>>;
}

/// Which units a list of scores picks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The k highest, of equals the first.
    Highest(usize),
    /// The k lowest, of equals the first.
    Lowest(usize),
    /// About the k lowest, as a group norm over them lets go together ([`Network::removable`]); without one the k lowest.
    LowestRemovable(usize),
    /// Those above a cut.
    Above(f64),
    /// Those below a cut.
    Below(f64),
}

impl Pick {
    /// The units picked, in ascending order.
    ///
    /// # Example
    /// ```
    /// use espalier_strategy::Pick;
    ///
    /// let scores = [0.3, 0.9, 0.1, 0.9];
    /// assert_eq!(Pick::Highest(2).of(&scores), [1, 3]);
    /// assert_eq!(Pick::Lowest(2).of(&scores), [0, 2]);
    /// assert_eq!(Pick::Above(0.3).of(&scores), [1, 3]);
    /// assert_eq!(Pick::Below(0.3).of(&scores), [2]);
    /// ```
    #[must_use]
    pub fn of(self, scores: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let count = match self {
            Self::Highest(k) => {
                order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
                k
            }
            Self::Lowest(k) | Self::LowestRemovable(k) => {
                order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
                k
            }
            Self::Above(cut) => {
                order.retain(|u| scores[*u] > cut);
                order.len()
            }
            Self::Below(cut) => {
                order.retain(|u| scores[*u] < cut);
                order.len()
            }
        };
        order.truncate(count);
        order.sort_unstable();
        order
    }
}

impl Pick {
    /// The units of a group picked, in ascending order.
    fn of_group(self, network: &Network<f32>, group: GroupId, scores: &[f64]) -> Vec<usize> {
        let Self::LowestRemovable(count) = self else {
            return self.of(scores);
        };
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        network.removable(group, &order, count)
    }
}

/// Chooses the units of each group whose scores a rule picks.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSelector<S> {
    /// What is scored.
    pub score: S,
    /// The groups, each judged on its own.
    pub groups: Groups,
    /// Which units are picked.
    pub pick: Pick,
    /// Additional units for each picked one.
    pub extra: usize,
}

impl<S: UnitScore> Selector for ScoreSelector<S> {
    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        let groups = self.groups.resolve("score", network).unwrap_or_default();
        groups
            .into_iter()
            .fold(Needs::none(), |needs, g| needs.and(self.score.needs(network, g, clock)))
    }

    fn select(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Vec<Selection>> {
        let mut selections = Vec::new();
        for group in self.groups.resolve("score", view.network)? {
            let scores = self.score.scores(view, oracle, group)?;
            check_scores(view.network.group(group).name(), &scores)?;
            let units = self.pick.of_group(view.network, group, &scores);
            if !units.is_empty() {
                selections.push(Selection {
                    group,
                    scores: units.iter().map(|unit| scores[*unit]).collect(),
                    units,
                    extra: self.extra,
                });
            }
        }
        Ok(selections)
    }
}

/// Asks for a number of new units in each group, without naming any that exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUnits {
    /// The groups.
    pub groups: Groups,
    /// New units in each.
    pub count: usize,
}

impl Selector for NewUnits {
    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn prepare(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "count", self.count > 0, "at least 1", self.count)?;
        self.groups.resolve(strategy, network).map(|_| ())
    }

    fn select(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Vec<Selection>> {
        let groups = self.groups.resolve("new units", view.network)?;
        Ok(groups
            .into_iter()
            .map(|group| Selection::new_units(group, self.count))
            .collect())
    }
}
