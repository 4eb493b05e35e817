//! Parameters with their optimizer state as they lie on the device.

use candle_core::{DType, Tensor};

use super::setting;
use crate::error::Result;
use crate::execute::device::transfer::Link;
use crate::graph::Network;
use crate::kernels::Element;
use crate::kernels::optimizer::Update;
use crate::layer::parameter::Parameter;
use crate::optimizer::{Optimizer, OptimizerKind, PlaceRates, Rule, Slot};

/// One parameter of all networks of a stack.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Values, then states: (1 + states, networks, values of one network).
    pub packed: Tensor,
    pub shape: Vec<usize>,
    /// How it is trained; none for one that gradients do not train.
    pub training: Option<Training>,
    /// Steps taken.
    pub steps: u64,
    /// Births and factors on the learning rate of each value, in f64: (2, networks · values); none where all are alike.
    pub ages: Option<Tensor>,
}

/// What stays the same from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Training {
    pub kind: OptimizerKind,
    pub rate_factor: f64,
    pub weight_decay: f64,
}

impl Held {
    /// The values as layers read them: (networks, shape).
    pub fn values(&self) -> Result<Tensor> {
        let networks = self.packed.dim(1)?;
        let shape: Vec<usize> = std::iter::once(networks).chain(self.shape.iter().copied()).collect();
        Ok(self.packed.narrow(0, 0, 1)?.reshape(shape)?)
    }

    /// Values and states of one network: (1 + states, values).
    pub fn of_network(&self, index: usize) -> Result<Tensor> {
        Ok(self.packed.narrow(1, index, 1)?.contiguous()?.squeeze(1)?)
    }

    /// Puts other values in the place of those of all networks: (networks, shape).
    pub fn replace_values(&mut self, values: &Tensor) -> Result<()> {
        let (rows, networks, length) = self.packed.dims3()?;
        let values = values.reshape((1, networks, length))?;
        self.packed = if rows == 1 {
            values.copy()?
        } else {
            Tensor::cat(&[&values, &self.packed.narrow(0, 1, rows - 1)?], 0)?
        };
        Ok(())
    }

    /// The rule at a learning rate, if the parameter is trained.
    pub fn rule(&self, rate: f64) -> Option<Update> {
        let training = self.training.as_ref()?;
        let rule = Rule {
            kind: &training.kind,
            rate: rate * training.rate_factor,
            weight_decay: training.weight_decay,
            threads: crate::kernels::Threads::default(),
        };
        Some(rule.update())
    }
}

/// Copies all parameters with their state to the device.
pub(super) fn hold<E: Element>(members: &[(&Network<E>, &Optimizer<E>)], link: &Link) -> Result<Vec<Held>> {
    let parameters = members[0].0.parameters().len();
    (0..parameters).map(|at| hold_one(members, at, link)).collect()
}

fn hold_one<E: Element>(members: &[(&Network<E>, &Optimizer<E>)], at: usize, link: &Link) -> Result<Held> {
    let (network, optimizer) = members[0];
    let parameter = &network.parameters()[at];
    let slots: Vec<Option<&Slot<E>>> = members.iter().map(|(n, o)| slot(n, o, at)).collect();
    let states = slots[0].map_or(0, |slot| slot.states.len());
    let mut packed: Vec<E> = members
        .iter()
        .flat_map(|(n, _)| n.parameters()[at].values().to_vec())
        .collect();
    for state in 0..states {
        slots
            .iter()
            .flatten()
            .for_each(|slot| packed.extend_from_slice(&slot.states[state]));
    }
    Ok(Held {
        packed: link.upload(&packed, &[1 + states, members.len(), parameter.values().len()])?,
        shape: parameter.shape().to_vec(),
        training: slots[0].map(|_| training(parameter, optimizer)),
        steps: slots[0].map_or(0, |slot| slot.steps),
        ages: ages(members, at, link)?,
    })
}

fn slot<'a, E: Element>(network: &Network<E>, optimizer: &'a Optimizer<E>, at: usize) -> Option<&'a Slot<E>> {
    optimizer.slots.get(network.parameters()[at].name())
}

/// How an optimizer trains a parameter.
pub(super) fn training<E: Element>(parameter: &Parameter<E>, optimizer: &Optimizer<E>) -> Training {
    let (rate_factor, weight_decay) = optimizer.settings_of(parameter);
    Training {
        kind: optimizer.kind,
        rate_factor,
        weight_decay,
    }
}

/// Births and rates of one parameter of all networks, if any value has its own.
pub(super) fn ages<E: Element>(
    members: &[(&Network<E>, &Optimizer<E>)],
    at: usize,
    link: &Link,
) -> Result<Option<Tensor>> {
    let (mut births, mut rates) = (Vec::new(), Vec::new());
    for (network, optimizer) in members {
        let parameter = &network.parameters()[at];
        let Some(slot) = slot(network, optimizer, at) else {
            return Ok(None);
        };
        let places = PlaceRates::of(network, parameter, &optimizer.unit_rates);
        let columns = slot.columns().max(1);
        for value in 0..parameter.values().len() {
            let (row, column) = (value / columns, value % columns);
            births.push(place(&slot.row_births, row, 0).max(place(&slot.column_births, column, 0)) as f64);
            let (own, of_row) = (place(&places.columns, column, 1.0), place(&places.rows, row, 1.0));
            rates.push(if own == 1.0 { of_row } else { own });
        }
    }
    if births.iter().all(|birth| *birth == 0.0) && rates.iter().all(|rate| *rate == 1.0) {
        return Ok(None);
    }
    let count = births.len();
    births.append(&mut rates);
    let ages = link.upload(&births, &[2, count])?;
    debug_assert_eq!(ages.dtype(), DType::F64);
    Ok(Some(ages))
}

fn place<T: Copy>(list: &[T], index: usize, default: T) -> T {
    list.get(index).copied().unwrap_or(default)
}

/// Checks that networks and optimizers can train side by side.
pub(super) fn check_alike<E: Element>(members: &[(&Network<E>, &Optimizer<E>)]) -> Result<()> {
    let (first, settings) = members[0];
    for (network, optimizer) in members {
        optimizer.check(network)?;
        check_shapes(first, network)?;
        let alike = optimizer.kind == settings.kind && optimizer.groups == settings.groups;
        if !alike {
            let found = format!("{:?}", optimizer.kind);
            return Err(setting(
                "optimizer",
                &format!("{:?} with the same groups", settings.kind),
                &found,
            ));
        }
        let steps = |o: &Optimizer<E>| o.slots.iter().map(|(n, s)| (n.clone(), s.steps)).collect::<Vec<_>>();
        if steps(optimizer) != steps(settings) {
            return Err(setting(
                "optimizer",
                "equal counts of steps in all networks of a stack",
                "different ones",
            ));
        }
    }
    Ok(())
}

/// Checks that two networks have the same layers, and parameters of the same names and shapes.
pub(super) fn check_shapes<E: Element>(expected: &Network<E>, found: &Network<E>) -> Result<()> {
    let nodes = |n: &Network<E>| {
        n.nodes()
            .iter()
            .map(|n| (n.layer().clone(), n.inputs().to_vec()))
            .collect::<Vec<_>>()
    };
    if nodes(expected) != nodes(found) {
        return Err(setting(
            "network",
            "the layers of the stack's first network",
            "other layers",
        ));
    }
    for (left, right) in expected.parameters().iter().zip(found.parameters()) {
        if left.name() != right.name() || left.shape() != right.shape() {
            let describe = |p: &Parameter<E>| format!("`{}` of shape {:?}", p.name(), p.shape());
            return Err(setting("network", &describe(left), &describe(right)));
        }
    }
    Ok(())
}
