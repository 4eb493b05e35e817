#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod compact;
mod dial;
mod importance;
mod settings;
pub mod sigmoid;

use std::collections::{BTreeMap, BTreeSet};

use espalier_net::{Applied, GateForm, Network, Plan};
use espalier_strategy::{
    Clock, Controls, Error, Gradients, Need, Needs, Occasion, Oracle, Outcome, Proposal, Reading, Result, Setting,
    Since, State, Strategy, Territory, View, check_scores, living_numbers,
};
use serde::{Deserialize, Serialize};

pub use dial::{Dial, Gradients as SizeGradients, ranks};
pub use espalier_strategy::{Gate, Gates};
pub use importance::importances;
pub use settings::{Compaction, GrayPhase, Opening, Order, Penalty, SizeGateSettings, SizeOptimizer, Slope};

use dial::Scale;
use sigmoid::{gate as opening, gate_slopes, naive_size, size, size_slopes};

const NAME: &str = "size-gate";

/// What is kept between steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// By the gate layer's name.
    dials: BTreeMap<String, Dial>,
    /// By the unit's number.
    scores: BTreeMap<u64, f64>,
    scales: BTreeMap<u64, Scale>,
    /// Units whose learning rate the second phase has changed.
    gray: BTreeSet<u64>,
}

/// Learns the number of open units of each gate layer by gradient descent.
///
/// # Paper
/// G. Leclerc, *fastdeepnets* journal, entries of October and November 2017: gateᵢ = σ(−k(i − x₀)).
///
/// # Example
/// ```
/// use espalier_size_gate::{SizeGate, SizeGateSettings, Slope};
///
/// let slope = Slope::RandomGrayZone { low: 1.0, high: 20.0 };
/// let strategy = SizeGate::new(SizeGateSettings { start: 0.0, slope, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SizeGate {
    settings: SizeGateSettings,
    memory: Memory,
}

impl SizeGate {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: SizeGateSettings) -> Self {
        Self {
            settings,
            memory: Memory::default(),
        }
    }

    /// Size and slope of a gate layer, by its name; there from `prepare` on.
    #[must_use]
    pub fn dial(&self, gate: &str) -> Option<&Dial> {
        self.memory.dials.get(gate)
    }

    /// The size ∫ gate of each gate layer, by its name, with the slope of evaluation.
    #[must_use]
    pub fn sizes(&self, network: &Network<f32>) -> Vec<(String, f64)> {
        let of = |gate: &Gate| {
            let name = network.node(gate.node).name();
            let dial = self.memory.dials.get(name)?;
            Some((name.to_owned(), size(dial.x0, network.width(gate.node) as f64, dial.k)))
        };
        self.gates(network).iter().filter_map(of).collect()
    }

    fn gates(&self, network: &Network<f32>) -> Vec<Gate> {
        self.settings.gates.of(network)
    }

    fn dial_of(&self, network: &Network<f32>, gate: &Gate) -> Result<Dial> {
        let name = network.node(gate.node).name();
        let missing = || Error::observation(format!("size of gate `{name}`"), "a value since `prepare`", "none");
        self.memory.dials.get(name).copied().ok_or_else(missing)
    }

    /// The rank of each channel.
    fn ranks(&self, network: &Network<f32>, gate: &Gate) -> Vec<usize> {
        let units = gate.units(network);
        let score = |unit: u64| match self.settings.order {
            Order::Position => None,
            Order::Scale => Some(self.scale(unit)),
            Order::Activity | Order::Importance { .. } => self.memory.scores.get(&unit).copied(),
        };
        ranks(&units.iter().map(|u| score(u.number())).collect::<Vec<_>>())
    }

    fn scale(&self, unit: u64) -> f64 {
        self.memory.scales.get(&unit).map_or(1.0, |s| s.value)
    }

    /// The factor of each channel without its scale.
    fn openings(&self, ranks: &[usize], dial: &Dial, setting: Setting, mut draw: impl FnMut() -> f64) -> Vec<f64> {
        let k = dial.k_for(setting);
        let smooth = |rank: &usize| opening(*rank as f64, dial.x0, k);
        let step = |rank: &usize| f64::from(u8::from((*rank as f64) < dial.x0));
        match (self.settings.opening, setting) {
            (Opening::Smooth, _) => ranks.iter().map(smooth).collect(),
            (Opening::Bernoulli, Setting::Training) => {
                ranks.iter().map(|r| f64::from(u8::from(draw() < smooth(r)))).collect()
            }
            (Opening::Step | Opening::Bernoulli, _) => ranks.iter().map(step).collect(),
        }
    }

    /// The stored values of a gate for evaluation; what is below ε is closed entirely if `close`.
    fn evaluation_values(&self, network: &Network<f32>, gate: &Gate, close: bool) -> Result<Vec<f32>> {
        let dial = self.dial_of(network, gate)?;
        let openings = self.openings(&self.ranks(network, gate), &dial, Setting::Evaluation, || 1.0);
        let value = |(unit, open): (espalier_net::UnitId, f64)| match close && open < self.settings.epsilon {
            true => 0.0,
            false => (open * self.scale_of(unit.number())) as f32,
        };
        Ok(gate.units(network).into_iter().zip(openings).map(value).collect())
    }

    /// The scale where scales are learned, else 1.
    fn scale_of(&self, unit: u64) -> f64 {
        if self.settings.order == Order::Scale {
            self.scale(unit)
        } else {
            1.0
        }
    }

    /// The penalty of one gate layer and its derivatives by x₀ and k.
    fn penalty_of(&self, dial: &Dial, width: usize) -> (f64, f64, f64) {
        let (k, n, lambda) = (dial.step_k, width as f64, self.settings.lambda);
        match self.settings.penalty {
            Penalty::Integral => {
                let (by_x0, by_k) = size_slopes(dial.x0, n, k);
                (lambda * size(dial.x0, n, k), lambda * by_x0, lambda * by_k)
            }
            Penalty::NaiveSum => {
                let (sum, slope) = naive_size(dial.x0, width, k);
                let by_k = (0..width).map(|i| gate_slopes(i as f64, dial.x0, k).1).sum::<f64>();
                (lambda * f64::from(sum), lambda * f64::from(slope), lambda * by_k)
            }
            Penalty::Position => (lambda * dial.x0, lambda, 0.0),
        }
    }

    /// Moves x₀, k and the scales of a gate layer, given the loss gradients of its factors.
    fn learn(&mut self, view: &View<'_>, gate: &Gate, by_factor: &[f32]) -> Result<()> {
        let name = view.network.node(gate.node).name();
        let mut dial = self.dial_of(view.network, gate)?;
        let ranks = self.ranks(view.network, gate);
        let units = gate.units(view.network);
        let factors = view.network.parameter(gate.parameter).values();
        let passes = self.settings.opening == Opening::Smooth || self.settings.straight_through;
        let (_, mut by_x0, mut by_k) = self.penalty_of(&dial, units.len());
        for (channel, unit) in units.iter().enumerate() {
            let gradient = f64::from(by_factor[channel]);
            if passes {
                let (x0, k) = gate_slopes(ranks[channel] as f64, dial.x0, dial.step_k);
                by_x0 += gradient * self.scale_of(unit.number()) * x0;
                by_k += gradient * self.scale_of(unit.number()) * k;
            }
            if self.settings.order == Order::Scale {
                // The opening that this step used: its factor without the scale.
                let open = f64::from(factors[channel]) / self.scale(unit.number());
                self.memory
                    .scales
                    .entry(unit.number())
                    .or_default()
                    .descend(gradient * open, view.clock.learning_rate);
            }
        }
        if !by_x0.is_finite() || !by_k.is_finite() {
            let found = format!("{by_x0} at x0 = {}, {by_k} at k = {}", dial.x0, dial.step_k);
            return Err(Error::observation(
                format!("gradient of the size of gate `{name}`"),
                "finite values",
                found,
            ));
        }
        dial.move_size(
            by_x0,
            view.clock.epoch,
            self.settings.size_optimizer,
            self.settings.size_rate,
        );
        if let Slope::Learned { rate, .. } = self.settings.slope {
            dial.move_slope(by_k, rate);
        }
        self.memory.dials.insert(name.to_owned(), dial);
        Ok(())
    }

    /// Scores the units anew, where their order depends on what was observed.
    fn score(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<()> {
        for gate in self.gates(view.network) {
            let name = view.network.node(gate.node).name();
            let scores = match self.settings.order {
                Order::Position | Order::Scale => return Ok(()),
                Order::Activity => {
                    let before = view.network.node(gate.node).inputs()[0];
                    let missing =
                        || Error::observation(format!("input of gate `{name}`"), "moments of this epoch", "none");
                    view.moments(before, Since::Epoch).ok_or_else(missing)?.mean()
                }
                Order::Importance { sample } => {
                    let groups = gate
                        .groups
                        .iter()
                        .map(|(g, _)| importances(oracle, view.network, *g, sample));
                    groups.collect::<Result<Vec<_>>>()?.concat()
                }
            };
            check_scores(name, &scores)?;
            self.memory
                .scores
                .extend(gate.units(view.network).iter().map(|u| u.number()).zip(scores));
        }
        Ok(())
    }

    fn keep_living(&mut self, network: &Network<f32>) {
        let living = living_numbers(network);
        self.memory.scores.retain(|unit, _| living.contains(unit));
        self.memory.scales.retain(|unit, _| living.contains(unit));
        self.memory.gray.retain(|unit| living.contains(unit));
    }
}

impl Strategy for SizeGate {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        let gates = self.settings.gates.check(NAME, network, Some(GateForm::Linear))?;
        let names: Vec<&str> = gates.iter().map(|g| network.node(g.node).name()).collect();
        if let Some(unknown) = self.settings.starts.keys().find(|name| network.find(name).is_err()) {
            return Err(Error::setting(
                NAME,
                "starts",
                format!("gates among {names:?}"),
                format!("`{unknown}`"),
            ));
        }
        for name in names {
            let start = self.settings.starts.get(name).copied().unwrap_or(self.settings.start);
            self.memory
                .dials
                .entry(name.to_owned())
                .or_insert_with(|| Dial::new(start, self.settings.slope));
        }
        Ok(())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.gates.territory(network)
    }

    fn needs(&self, network: &Network<f32>, _clock: &Clock) -> Needs {
        if self.settings.order != Order::Activity {
            return Needs::none();
        }
        self.gates(network)
            .iter()
            .map(|g| Need::Moments {
                node: network.node(g.node).inputs()[0],
                since: Since::Epoch,
            })
            .collect()
    }

    fn control(&mut self, setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        for gate in self.gates(controls.network()) {
            let name = controls.network().node(gate.node).name().to_owned();
            let mut dial = self.dial_of(controls.network(), &gate)?;
            if setting == Setting::Evaluation {
                let values = self.evaluation_values(controls.network(), &gate, false)?;
                controls.set_gate(gate.node, &values)?;
                continue;
            }
            if let Slope::RandomGrayZone { low, high } = self.settings.slope {
                dial.step_k =
                    sigmoid::slope_of_gray_zone(controls.stream(&format!("{name}.gray zone")).uniform_in(low, high));
                self.memory.dials.insert(name.clone(), dial);
            }
            let mut stream = controls.stream(&format!("{name}.open"));
            let openings = self.openings(&self.ranks(controls.network(), &gate), &dial, setting, || {
                stream.uniform()
            });
            let units = gate.units(controls.network());
            let values: Vec<f32> = units
                .iter()
                .zip(openings)
                .map(|(u, open)| (open * self.scale_of(u.number())) as f32)
                .collect();
            controls.set_gate(gate.node, &values)?;
        }
        Ok(())
    }

    fn penalty(&mut self, view: &View<'_>, _gradients: &mut Gradients<'_>) -> Result<f64> {
        let mut total = 0.0;
        for gate in self.gates(view.network) {
            total += self
                .penalty_of(&self.dial_of(view.network, &gate)?, view.network.width(gate.node))
                .0;
        }
        Ok(total)
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        for gate in self.gates(view.network) {
            let by_factor = gradients.get(gate.parameter).to_vec();
            self.learn(view, &gate, &by_factor)?;
            // The optimizer must not move what x₀ alone decides.
            gradients.get_mut(gate.parameter).fill(0.0);
        }
        Ok(())
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        match view.occasion {
            Occasion::Start => Ok(None),
            Occasion::Step => {
                let ends = view.clock.steps_per_epoch > 0 && view.clock.step.is_multiple_of(view.clock.steps_per_epoch);
                if !ends || !self.settings.compacts(view.clock.epoch + 1, view.clock.epochs) {
                    return Ok(None);
                }
                let gates = self.gates(view.network);
                let value = |gate: &Gate| {
                    let name = view.network.parameter(gate.parameter).name().to_owned();
                    Ok((name, self.evaluation_values(view.network, gate, true)?))
                };
                let values = gates.iter().map(value).collect::<Result<Vec<_>>>()?;
                Ok((!values.is_empty()).then(|| Proposal {
                    values,
                    ..Proposal::new(Plan::new("closes gates below epsilon"))
                }))
            }
            Occasion::Epoch => {
                let compaction = self.compaction(view)?;
                self.score(view, oracle)?;
                self.with_gray_rates(view, compaction)
            }
        }
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        match outcome.applied() {
            Some(_) => self.keep_living(network),
            // The rates of the second phase were not set either: they are proposed again.
            None => self.memory.gray.clear(),
        }
        Ok(())
    }

    fn followed(&mut self, _applied: &Applied, network: &Network<f32>) -> Result<()> {
        self.keep_living(network);
        Ok(())
    }

    fn readings(&self, network: &Network<f32>) -> Vec<Reading> {
        let of = |(gate, size): (String, f64)| {
            let x0 = self.dial(&gate).map_or(f64::NAN, |dial| dial.x0);
            let mut readings = vec![Reading::new(&gate, "x0", x0), Reading::new(&gate, "size", size)];
            if let Some(dial) = self.dial(&gate).filter(|_| self.settings.reads_gradient) {
                let of_epoch = dial.epoch;
                readings.extend([
                    Reading::new(&gate, "gradient", of_epoch.mean()),
                    Reading::new(&gate, "gradient deviation", of_epoch.deviation()),
                    Reading::new(&gate, "growing share", of_epoch.growing()),
                ]);
            }
            readings
        };
        self.sizes(network).into_iter().flat_map(of).collect()
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.memory)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.memory = state.read(NAME)?;
        Ok(())
    }
}
