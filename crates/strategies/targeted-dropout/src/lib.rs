#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod candidates;
mod layers;
mod masks;
mod settings;
mod switches;

use std::collections::BTreeMap;

use espalier_net::{Network, NodeId, Plan};
use espalier_strategy::{
    Clock, Controls, Error, Gradients, Occasion, Oracle, Proposal, Result, Setting, State, Strategy, Territory, View,
};

use layers::{droppable_layers, mask_of, weight_of};
use masks::Weights;

pub use candidates::{column_norms, unit_candidates, weight_candidates};
pub use settings::{Evaluation, Method, Ramp, TargetedDropoutSettings};
pub use switches::Switches;

const NAME: &str = "targeted-dropout";

/// Drops what later pruning would take, or does what one of the baselines does.
///
/// # Example
/// ```
/// use espalier_targeted_dropout::{Ramp, TargetedDropout, TargetedDropoutSettings};
///
/// let settings = TargetedDropoutSettings { gamma: 0.99, alpha: 0.99, ramp: Ramp::Training, ..Default::default() };
/// let strategy = TargetedDropout::new(settings);
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TargetedDropout {
    settings: TargetedDropoutSettings,
    /// Smallify's switches by layer name.
    switches: BTreeMap<String, Switches>,
}

impl TargetedDropout {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: TargetedDropoutSettings) -> Self {
        Self {
            settings,
            switches: BTreeMap::new(),
        }
    }

    /// Smallify's switches by layer name; empty before the first step and for other methods.
    #[must_use]
    pub fn switches(&self) -> &BTreeMap<String, Switches> {
        &self.switches
    }

    fn layers(&self, network: &Network<f32>) -> Result<Vec<NodeId>> {
        droppable_layers(NAME, network, &self.settings.skip)
    }

    /// The mask of a layer in an evaluation.
    fn evaluation_mask(&self, weights: &Weights<'_>, clock: &Clock) -> Result<Vec<f32>> {
        if self.settings.method.is_smallify() {
            let ones = || vec![1.0; weights.values.len()];
            return self.switch_mask(weights).map(|mask| mask.unwrap_or_else(ones));
        }
        Ok(match self.settings.evaluation {
            Evaluation::Pruned => weights.pruned(&self.settings, self.settings.gamma_at(clock)),
            Evaluation::Unpruned => vec![1.0; weights.values.len()],
        })
    }

    /// The mask that a layer's switches make, once there are any.
    fn switch_mask(&self, weights: &Weights<'_>) -> Result<Option<Vec<f32>>> {
        let Some(switches) = self.switches.get(weights.layer) else {
            return Ok(None);
        };
        self.fits(weights, switches)?;
        Ok(Some(switches.mask(weights.values.len())))
    }

    fn switch_count(&self, weights: &Weights<'_>) -> usize {
        if self.settings.method.is_by_unit() {
            weights.columns
        } else {
            weights.values.len()
        }
    }

    fn fits(&self, weights: &Weights<'_>, switches: &Switches) -> Result<()> {
        let (expected, found) = (self.switch_count(weights), switches.values.len());
        if expected == found {
            return Ok(());
        }
        let name = format!("switches of `{}`", weights.layer);
        Err(Error::observation(
            name,
            format!("{expected}, as many as when training began"),
            found.to_string(),
        ))
    }

    /// The mask of a layer in a training step.
    fn training_mask(&mut self, weights: &Weights<'_>, controls: &Controls<'_>) -> Result<Vec<f32>> {
        let mut stream = controls.stream(weights.layer);
        if !self.settings.method.is_smallify() {
            let clock = controls.clock();
            let (gamma, alpha) = (self.settings.gamma_at(&clock), self.settings.alpha_at(&clock));
            return Ok(weights.training(&self.settings, gamma, alpha, &mut stream));
        }
        let count = self.switch_count(weights);
        let switches = self
            .switches
            .entry(weights.layer.to_owned())
            .or_insert_with(|| Switches::draw(count, &mut stream));
        let mask = switches.mask(weights.values.len());
        self.switches
            .get(weights.layer)
            .map_or(Ok(()), |s| self.fits(weights, s))?;
        Ok(mask)
    }

    /// Adds the L1 penalty: λ·mean|w| of each layer.
    fn l1(&self, network: &Network<f32>, gradients: &mut Gradients<'_>) -> Result<f64> {
        let mut penalty = 0.0;
        for layer in self.layers(network)? {
            let id = weight_of(network, layer)?;
            let values = network.parameter(id).values();
            let share = self.settings.lambda / values.len().max(1) as f64;
            penalty += share * values.iter().map(|w| f64::from(w.abs())).sum::<f64>();
            for (gradient, w) in gradients.get_mut(id).iter_mut().zip(values) {
                if *w != 0.0 {
                    *gradient += (share * f64::from(w.signum())) as f32;
                }
            }
        }
        Ok(penalty)
    }
}

/// A layer's weights in a network.
fn weights_of(network: &Network<f32>, layer: NodeId) -> Result<Weights<'_>> {
    let parameter = network.parameter(weight_of(network, layer)?);
    Ok(Weights {
        layer: network.node(layer).name(),
        values: parameter.values(),
        columns: parameter.shape()[1],
    })
}

impl Strategy for TargetedDropout {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        for layer in self.layers(network)? {
            if self.settings.method.masks() {
                mask_of(NAME, network, layer)?;
            }
        }
        Ok(())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let masked = self.layers(network).ok().filter(|_| self.settings.method.masks());
        Territory {
            edits: Vec::new(),
            controls: masked.unwrap_or_default(),
        }
    }

    fn control(&mut self, setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        if !self.settings.method.masks() {
            return Ok(());
        }
        for layer in self.layers(controls.network())? {
            let weights = weights_of(controls.network(), layer)?;
            let mask = match setting {
                Setting::Training => self.training_mask(&weights, controls)?,
                Setting::Evaluation => self.evaluation_mask(&weights, &controls.clock())?,
            };
            controls.set_mask(layer, &mask)?;
        }
        Ok(())
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        match self.settings.method {
            Method::L1 => self.l1(view.network, gradients),
            // The switches' part of the gradient is added where they step.
            method if method.is_smallify() => {
                Ok(self.settings.lambda * self.switches.values().map(Switches::magnitude).sum::<f64>())
            }
            _ => Ok(0.0),
        }
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        if !self.settings.method.is_smallify() {
            return Ok(());
        }
        for layer in self.layers(view.network)? {
            let id = weight_of(view.network, layer)?;
            if let Some(switches) = self.switches.get_mut(view.network.node(layer).name()) {
                let gradient = switches.gradient(view.network.parameter(id).values(), gradients.get(id));
                switches.step(&gradient, view.clock.learning_rate, &self.settings);
            }
        }
        Ok(())
    }

    /// Proposes nothing but the masks that the last epoch leaves behind: those of evaluation.
    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let last = view.occasion == Occasion::Epoch && view.clock.epoch == view.clock.epochs;
        if !last || !self.settings.method.masks() {
            return Ok(None);
        }
        let mut values = Vec::new();
        for layer in self.layers(view.network)? {
            let mask = self.evaluation_mask(&weights_of(view.network, layer)?, &view.clock)?;
            let id = mask_of(NAME, view.network, layer)?;
            values.push((view.network.parameter(id).name().to_owned(), mask));
        }
        Ok(Some(Proposal {
            values,
            ..Proposal::new(Plan::new("masks of evaluation, for good"))
        }))
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.switches)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.switches = state.read(NAME)?;
        Ok(())
    }
}
