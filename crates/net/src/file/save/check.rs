//! Whether what a file says is a network at all: everything that later code takes for granted.
//!
//! The hash tells accidents; these checks are for files that someone made on purpose.

use std::collections::BTreeSet;

use crate::graph::Network;
use crate::graph::Node;
use crate::groups::genealogy::UnitId;
use crate::kernels::Element;
use crate::layer::extent;
use crate::layer::parameter::Role;
use crate::layer::{ChannelFlow, Shape};
use crate::optimizer::Optimizer;

type Check = Result<(), String>;

fn expect(holds: bool, reason: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(reason()) }
}

pub(super) fn network<E: Element>(network: &Network<E>) -> Check {
    units(network)?;
    order(network)?;
    for node in &network.nodes {
        references(network, node)?;
    }
    for node in &network.nodes {
        sizes(network, node)?;
        shape(network, node)?;
    }
    parameters(network)?;
    network
        .cost_at(&network.widths())
        .map(|_| ())
        .map_err(|e| e.to_string())
}

/// Every unit stands in one group and has a record of its life.
fn units<E: Element>(network: &Network<E>) -> Check {
    let mut seen: BTreeSet<UnitId> = BTreeSet::new();
    let mut names = BTreeSet::new();
    for group in &network.groups {
        expect(names.insert(&group.name), || {
            format!("group `{}`: expected one of that name, found two", group.name)
        })?;
        expect(!group.units.is_empty(), || {
            format!("group `{}`: expected at least one unit, found none", group.name)
        })?;
        for unit in &group.units {
            let known = network.genealogy.unit(*unit).is_some();
            expect(known, || {
                format!(
                    "unit {} of group `{}`: expected a record of its life, found none",
                    unit.number(),
                    group.name
                )
            })?;
            expect(seen.insert(*unit), || {
                format!("unit {}: expected in one place, found in two", unit.number())
            })?;
        }
    }
    Ok(())
}

/// The order lists every node once, after its inputs.
fn order<E: Element>(network: &Network<E>) -> Check {
    let count = network.nodes.len();
    let mut placed = vec![false; count];
    for id in &network.order {
        let node = network
            .nodes
            .get(id.index())
            .ok_or_else(|| format!("order: expected nodes below {count}, found {}", id.index()))?;
        for input in &node.inputs {
            let before = placed.get(input.index()).copied().unwrap_or(false);
            expect(before, || {
                format!(
                    "layer `{}`: expected its inputs before it, found node {}",
                    node.name,
                    input.index()
                )
            })?;
        }
        let twice = std::mem::replace(&mut placed[id.index()], true);
        expect(!twice, || {
            format!("order: expected layer `{}` once, found it twice", node.name)
        })?;
    }
    expect(placed.iter().all(|p| *p), || {
        format!("order: expected {count} nodes, found {}", network.order.len())
    })?;
    let outputs = &network.outputs;
    let real = !outputs.is_empty() && outputs.iter().all(|id| id.index() < count);
    expect(real, || {
        format!("outputs: expected nodes below {count}, found {outputs:?}")
    })
}

/// The node's groups, inputs and parameters exist.
fn references<E: Element>(network: &Network<E>, node: &Node) -> Check {
    let name = &node.name;
    let same = network.nodes.iter().filter(|n| n.name == *name).count();
    expect(same == 1, || {
        format!("layer `{name}`: expected one of that name, found {same}")
    })?;
    let groups = network.groups.len();
    let grouped = !node.space.is_empty() && node.space.iter().all(|g| g.index() < groups);
    expect(grouped, || {
        format!(
            "layer `{name}`: expected channel groups below {groups}, found {:?}",
            node.space
        )
    })?;
    let (few, many) = node.rules().inputs().into_inner();
    let inputs = node.inputs.len();
    expect((few..=many).contains(&inputs), || {
        format!("layer `{name}`: expected {few} inputs, found {inputs}")
    })?;
    for (role, id) in &node.parameters {
        let named = network.parameters.get(id.index()).is_some_and(|p| p.role == *role);
        expect(named, || {
            format!(
                "layer `{name}`: expected a parameter in the role `{}`, found number {}",
                role.name(),
                id.index()
            )
        })?;
    }
    Ok(())
}

/// No product of sizes overflows.
fn sizes<E: Element>(network: &Network<E>, node: &Node) -> Check {
    let shape = Shape {
        map: node.map,
        channels: network.space_width(&node.space),
    };
    expect(!node.map.contains(&0), || {
        format!(
            "layer `{}`: expected a map with positions, found {:?}",
            node.name, node.map
        )
    })?;
    extent::check_settings(&node.name, node.rules().as_ref())
        .and_then(|()| extent::check_shape(&node.name, shape))
        .map_err(|e| e.to_string())
}

/// The node's map and width follow from its inputs and its layer.
fn shape<E: Element>(network: &Network<E>, node: &Node) -> Check {
    let name = &node.name;
    let width = network.space_width(&node.space);
    let inputs: Vec<Shape> = node
        .inputs
        .iter()
        .map(|id| network.node(*id))
        .map(|input| Shape {
            map: input.map,
            channels: network.space_width(&input.space),
        })
        .collect();
    let Some(first) = inputs.first() else { return Ok(()) };
    let rules = node.rules();
    let Shape {
        map,
        channels: expected,
    } = match rules.channels() {
        // A slice counts channels as built; its groups say what it takes now.
        ChannelFlow::Part { .. } => Shape {
            channels: width,
            ..*first
        },
        _ => rules.shape(name, &inputs, width).map_err(|e| e.to_string())?,
    };
    let fits = map == node.map && expected == width;
    expect(fits, || {
        format!(
            "layer `{name}`: expected a {map:?} map of {expected} channels, found {:?} of {width}",
            node.map
        )
    })
}

/// Every layer has the parameters that it needs, with the axes that its inputs and units ask for.
fn parameters<E: Element>(network: &Network<E>) -> Check {
    let mut owned = 0;
    for node in &network.nodes {
        let masked = node.parameter(Role::Mask).is_some();
        let expected = network.expected_parameters(node, masked);
        let count = expected.len();
        for (role, axes) in expected {
            let id = node.parameter(role).ok_or_else(|| {
                format!(
                    "layer `{}`: expected a parameter `{}`, found none",
                    node.name,
                    role.name()
                )
            })?;
            let parameter = network.parameter(id);
            let found = &parameter.axes;
            expect(*found == axes, || {
                format!(
                    "parameter `{}`: expected axes {axes:?}, found {found:?}",
                    parameter.name
                )
            })?;
            owned += 1;
        }
        let mask = usize::from(masked);
        let found = node.parameters.len();
        expect(found == count, || {
            format!(
                "layer `{}`: expected {count} parameters, {mask} of them masks, found {found}",
                node.name
            )
        })?;
    }
    let all = network.parameters.len();
    expect(owned == all, || {
        format!("expected every parameter in one layer, found {owned} uses of {all}")
    })?;
    for parameter in &network.parameters {
        let shape: Vec<usize> = parameter.axes.iter().map(|a| network.axis_length(a)).collect();
        expect(shape == parameter.shape, || {
            format!(
                "parameter `{}`: expected shape {shape:?}, found {:?}",
                parameter.name, parameter.shape
            )
        })?;
    }
    Ok(())
}

/// The settings are in range, and the state has the shape of the network's trained parameters.
pub(super) fn optimizer<E: Element>(optimizer: &Optimizer<E>, network: &Network<E>) -> Check {
    optimizer.kind.validate().map_err(|e| e.to_string())?;
    optimizer
        .groups
        .iter()
        .try_for_each(|g| g.validate())
        .map_err(|e| e.to_string())?;
    optimizer.check(network).map_err(|e| e.to_string())?;
    let rates = optimizer.unit_rates.values().all(|r| r.is_finite() && *r >= 0.0);
    expect(rates, || "optimizer: expected unit rates of at least 0".to_owned())?;
    for (name, slot) in &optimizer.slots {
        let rows: usize = slot.shape.iter().rev().skip(1).product();
        let columns = slot.shape.last().copied().unwrap_or(1);
        for (births, length) in [(&slot.row_births, rows), (&slot.column_births, columns)] {
            let fits = births.is_empty() || births.len() == length;
            let past = births.iter().all(|b| *b <= slot.steps);
            expect(fits && past, || {
                format!(
                    "optimizer state of `{name}`: expected {length} births within {} steps, found {births:?}",
                    slot.steps
                )
            })?;
        }
    }
    Ok(())
}
