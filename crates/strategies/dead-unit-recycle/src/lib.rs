#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod glance;
mod rescue;
mod settings;

use espalier_net::{GroupId, Network, NodeId, ParameterId, Plan, Role, Side, Transplant};
use espalier_strategy::{
    Chosen, Clock, Error, Need, Needs, Occasion, Oracle, Outcome, Probe, Proposal, ROUNDING, Result, State, Strategy,
    Territory, View, check_scores, emission_sites, last_site, named_values, places, produced_by,
};

use glance::Glance;
pub use rescue::{Rescue, assign};
pub use settings::{DeadUnitRecycleSettings, DonorRule, RecycledState, Shares};

const NAME: &str = "dead-unit-recycle";

/// Turns dead units into copies of living ones.
///
/// # Example
/// ```
/// use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, Shares};
///
/// // Without noise, but with uneven shares: exact, and the copies part all the same.
/// let settings = DeadUnitRecycleSettings { shares: Shares::Uneven, noise: 0.0, ..Default::default() };
/// let strategy = DeadUnitRecycle::new(settings);
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DeadUnitRecycle {
    settings: DeadUnitRecycleSettings,
    proposed: Proposed,
    recycled: u64,
    drift: Option<f64>,
}

/// What the proposal that has not settled yet would do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Proposed {
    units: u64,
    drift: Option<f64>,
}

/// The dead units of one group.
struct Found {
    group: GroupId,
    dead: Vec<usize>,
}

impl DeadUnitRecycle {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: DeadUnitRecycleSettings) -> Self {
        Self {
            settings,
            proposed: Proposed::default(),
            recycled: 0,
            drift: None,
        }
    }

    /// The number of units recycled so far.
    #[must_use]
    pub fn recycled(&self) -> u64 {
        self.recycled
    }

    /// How far the last recycling moved the outputs on the growth batch, relative to the largest output.
    #[must_use]
    pub fn drift(&self) -> Option<f64> {
        self.drift
    }

    /// The groups that may be recycled: those asked for, without norms over their units.
    fn groups(&self, network: &Network<f32>) -> Result<Vec<GroupId>> {
        let asked = self.settings.groups.resolve(NAME, network)?;
        let named = matches!(self.settings.groups, espalier_strategy::Groups::Named(_));
        let mut usable = Vec::with_capacity(asked.len());
        for group in asked {
            match norm_over(network, group) {
                None => usable.push(group),
                Some(norm) if named => {
                    let found = format!(
                        "`{}`, whose units `{norm}` normalises together",
                        network.group(group).name()
                    );
                    return Err(Error::setting(
                        NAME,
                        "groups",
                        "groups without a layer or group norm",
                        found,
                    ));
                }
                Some(_) => {}
            }
        }
        if usable.is_empty() {
            return Err(Error::unsupported(
                NAME,
                "a layer or group norm runs over the units of every group",
            ));
        }
        Ok(usable)
    }

    /// The units that have been silent for the whole window wherever they are read.
    fn suspects(&self, view: &View<'_>, group: GroupId) -> Result<Vec<usize>> {
        let network = view.network;
        let sites = emission_sites(network, group);
        let mut dead = vec![!sites.is_empty(); network.group(group).width()];
        for site in sites {
            let Some(detector) = view.quiet(site.node, self.settings.window_batches, self.settings.epsilon) else {
                return Err(Error::observation(
                    network.node(site.node).name(),
                    "silent batches of each unit",
                    "none",
                ));
            };
            keep_marked(&mut dead, &detector.dead().dead, site.offset);
        }
        Ok(marked(&dead))
    }

    /// Which of the suspects are silent on the growth batch too, in evaluation mode and with the weights of now.
    fn confirmed(&self, view: &View<'_>, suspects: &Found, glance: &Glance) -> Result<Found> {
        let network = view.network;
        let mut dead = vec![false; network.group(suspects.group).width()];
        suspects.dead.iter().for_each(|u| dead[*u] = true);
        for site in emission_sites(network, suspects.group) {
            let silent = glance.moments(network, site.node)?.silent(self.settings.epsilon);
            keep_marked(&mut dead, &silent, site.offset);
        }
        Ok(Found {
            group: suspects.group,
            dead: marked(&dead),
        })
    }

    /// The living units of a group, the best donor first; of equals the one that stands first.
    fn donors(&self, view: &View<'_>, found: &Found, glance: &Glance, probe: Option<&Probe>) -> Result<Donors> {
        let network = view.network;
        let (group, width) = (found.group, network.group(found.group).width());
        let site = last_site(network, group)?;
        let moments = glance.moments(network, site.node)?;
        let scores: Vec<f64> = match self.settings.donor {
            DonorRule::HighestFiring => moments.firing_rate()[site.offset..site.offset + width].to_vec(),
            DonorRule::LargestFanOut => (0..width).map(|u| fan_out_norm(network, group, u)).collect(),
            DonorRule::HighestScore => match probe {
                Some(probe) => (0..width).map(|u| fan_in_gradient(network, group, u, probe)).collect(),
                None => {
                    return Err(Error::observation(
                        network.group(group).name(),
                        "gradients on the growth batch",
                        "none",
                    ));
                }
            },
        };
        check_scores(network.group(group).name(), &scores)?;
        let silent = moments.silent(self.settings.epsilon);
        let mut donors: Vec<usize> = (0..width).filter(|u| !silent[site.offset + u]).collect();
        donors.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        Ok(Donors { units: donors, scores })
    }

    fn sites(&self, view: &View<'_>, found: &[Found]) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = found
            .iter()
            .flat_map(|f| emission_sites(view.network, f.group))
            .map(|s| s.node)
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn proposal(
        &mut self,
        view: &View<'_>,
        oracle: &mut dyn Oracle,
        rescued: &[(GroupId, Vec<Rescue>)],
        before: &Glance,
    ) -> Result<Proposal> {
        let settings = &self.settings;
        let mut draft = view.network.clone();
        let mut stream = view.stream("noise");
        let mut plan = Plan::new(NAME);
        let mut touched: Vec<ParameterId> = Vec::new();
        for (group, rescues) in rescued {
            let name = view.network.group(*group).name();
            for rescue in rescues {
                plan.reason = format!("{}; {name}: {:?} from {}", plan.reason, rescue.dead, rescue.donor);
            }
            touched.extend(
                produced_by(view.network, *group, Role::Weight)
                    .iter()
                    .map(|o| o.parameter),
            );
            plan = plan.with(rescue::carry_out(&mut draft, *group, rescues, settings, &mut stream)?);
        }
        let units = rescued.iter().flat_map(|(_, r)| r).map(|r| r.dead.len() as u64).sum();
        self.proposed = Proposed { units, drift: None };
        if !settings.is_exact() {
            let drift = before.drift(&Glance::of(&draft, &[], oracle)?);
            plan.reason = format!("{}; drift {drift:.2e} at noise {}", plan.reason, settings.noise);
            self.proposed.drift = Some(drift);
        }
        let written = settings.noise > 0.0 && settings.state != RecycledState::Zero;
        let touched = if written { touched } else { Vec::new() };
        let transplant = if settings.state == RecycledState::Copy {
            Transplant::Copy
        } else {
            Transplant::Exact
        };
        Ok(Proposal {
            values: named_values(&draft, &touched),
            preserves: settings.is_exact().then_some(ROUNDING),
            twins: rescued
                .iter()
                .flat_map(|(_, r)| r)
                .any(|r| settings.makes_twins(r.dead.len())),
            ..Proposal::new(plan).transplanting(transplant)
        })
    }
}

/// The living units of a group, the best donor first, and the score of each unit.
struct Donors {
    units: Vec<usize>,
    scores: Vec<f64>,
}

fn keep_marked(marks: &mut [bool], channels: &[bool], offset: usize) {
    for (unit, mark) in marks.iter_mut().enumerate() {
        *mark &= channels.get(offset + unit).copied().unwrap_or(false);
    }
}

fn marked(marks: &[bool]) -> Vec<usize> {
    (0..marks.len()).filter(|u| marks[*u]).collect()
}

/// A norm whose statistics run over the group's units, so that waking one moves the others.
fn norm_over(network: &Network<f32>, group: GroupId) -> Option<&str> {
    network
        .nodes()
        .iter()
        .find(|n| n.layer().mixes_channels() && n.space().contains(&group))
        .map(|n| n.name())
}

fn fan_out_norm(network: &Network<f32>, group: GroupId, unit: usize) -> f64 {
    let owners = network
        .owners(group)
        .into_iter()
        .filter(|o| o.side == Side::Outgoing && network.parameter(o.parameter).role() == Role::Weight);
    let square = |o: &espalier_net::Owner| {
        places(network, o, unit)
            .iter()
            .map(|i| f64::from(network.parameter(o.parameter).values()[*i]).powi(2))
            .sum::<f64>()
    };
    owners.map(|o| square(&o)).sum::<f64>().sqrt()
}

fn fan_in_gradient(network: &Network<f32>, group: GroupId, unit: usize, probe: &Probe) -> f64 {
    let owners = [Role::Weight, Role::Bias]
        .into_iter()
        .flat_map(|role| produced_by(network, group, role));
    let square = |o: &espalier_net::Owner| {
        let gradient = probe.gradient(o.parameter);
        places(network, o, unit)
            .iter()
            .map(|i| gradient.get(*i).map_or(0.0, |g| f64::from(*g).powi(2)))
            .sum::<f64>()
    };
    owners.map(|o| square(&o)).sum::<f64>().sqrt()
}

impl Strategy for DeadUnitRecycle {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.groups(network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        Territory {
            edits: self.groups(network).unwrap_or_default(),
            controls: Vec::new(),
        }
    }

    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        let (window_batches, epsilon) = (self.settings.window_batches, self.settings.epsilon);
        let sites = self
            .groups(network)
            .unwrap_or_default()
            .into_iter()
            .flat_map(|g| emission_sites(network, g));
        sites
            .map(|s| Need::Quiet {
                node: s.node,
                window_batches,
                epsilon,
            })
            .collect()
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Step || !view.clock.step.is_multiple_of(self.settings.every_steps) {
            return Ok(None);
        }
        let mut suspects = Vec::new();
        for group in self.groups(view.network)? {
            suspects.push(Found {
                group,
                dead: self.suspects(view, group)?,
            });
        }
        suspects.retain(|f| !f.dead.is_empty());
        if suspects.is_empty() {
            return Ok(None);
        }
        let before = Glance::of(view.network, &self.sites(view, &suspects), oracle)?;
        let mut confirmed = suspects
            .iter()
            .map(|s| self.confirmed(view, s, &before))
            .collect::<Result<Vec<_>>>()?;
        confirmed.retain(|f| !f.dead.is_empty());
        if confirmed.is_empty() {
            return Ok(None);
        }
        let probe = match self.settings.donor {
            DonorRule::HighestScore => Some(oracle.probe(view.network, &[])?),
            _ => None,
        };
        let (mut rescued, mut chosen) = (Vec::new(), Vec::new());
        for found in &confirmed {
            let donors = self.donors(view, found, &before, probe.as_ref())?;
            let rescues = assign(
                &found.dead,
                &donors.units,
                self.settings.per_donor,
                self.settings.shares,
            );
            for rescue in &rescues {
                let silent = rescue.dead.iter();
                chosen.extend(silent.map(|unit| Chosen::new(view.network, found.group, *unit, None)));
                chosen.extend(Chosen::scored(
                    view.network,
                    found.group,
                    &[rescue.donor],
                    &donors.scores,
                ));
            }
            if !rescues.is_empty() {
                rescued.push((found.group, rescues));
            }
        }
        if rescued.is_empty() {
            return Ok(None);
        }
        let proposal = self.proposal(view, oracle, &rescued, &before)?;
        Ok(Some(proposal.choosing(chosen)))
    }

    fn settled(&mut self, outcome: &Outcome, _network: &Network<f32>) -> Result<()> {
        let proposed = std::mem::take(&mut self.proposed);
        if let Some(applied) = outcome.applied() {
            self.recycled += proposed.units;
            self.drift = proposed.drift.or(applied.deviation);
        }
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &(self.recycled, self.drift))
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (self.recycled, self.drift) = state.read(NAME)?;
        Ok(())
    }
}
