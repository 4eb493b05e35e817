//! Which rows and columns of which parameters belong to a unit.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::Node;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::parameter::Side;
use crate::layer::parameter::{Axis, ParameterId, Role};

/// The places that a group's units take on one axis of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The parameter.
    pub parameter: ParameterId,
    /// The axis, 0 or 1.
    pub axis: usize,
    /// What the axis is to the units.
    pub side: Side,
    /// Unit `u` stands at `offset + u` for each of these offsets.
    pub offsets: Vec<usize>,
}

impl<E: Element> Network<E> {
    /// Lists all places of a group's units: producers' columns and biases, norms, running statistics, gates, slopes,
    /// masks, and consumers' rows, through concats, slices, sums and flattens.
    #[must_use]
    pub fn owners(&self, group: GroupId) -> Vec<Owner> {
        let mut owners = Vec::new();
        for id in &self.order {
            let node = self.node(*id);
            for &(role, parameter) in &node.parameters {
                for (axis, meaning) in self.parameter(parameter).axes.iter().enumerate() {
                    let Axis::Units(space) = meaning else { continue };
                    let offsets = self.offsets(space, group);
                    if !offsets.is_empty() {
                        let side = side_of(node, role, axis);
                        owners.push(Owner {
                            parameter,
                            axis,
                            side,
                            offsets,
                        });
                    }
                }
            }
        }
        owners
    }

    fn offsets(&self, space: &[GroupId], group: GroupId) -> Vec<usize> {
        let mut at = 0;
        let mut offsets = Vec::new();
        for &entry in space {
            if entry == group {
                offsets.push(at);
            }
            at += self.group(entry).width();
        }
        offsets
    }

    /// The places of one unit as text, one line per parameter axis.
    ///
    /// # Errors
    /// Refuses a unit outside the group.
    pub fn explain(&self, group: GroupId, unit: usize) -> Result<String> {
        let place = self.group(group);
        if unit >= place.width() {
            return Err(Error::refused(
                &place.name,
                format!("expected a unit below {}, found {unit}", place.width()),
            ));
        }
        let mut text = format!(
            "unit {unit} of `{}` (id {}, width {})\n",
            place.name,
            place.units[unit].number(),
            place.width()
        );
        if let Some(reason) = &place.frozen {
            let _ = writeln!(text, "  frozen: {reason}");
        }
        for owner in self.owners(group) {
            let parameter = self.parameter(owner.parameter);
            let places: Vec<usize> = owner.offsets.iter().map(|o| o + unit).collect();
            let what = match (owner.side, owner.axis, parameter.shape.len()) {
                (_, _, 1) => "entries",
                (Side::Outgoing, _, _) | (_, 0, _) => "rows",
                _ => "columns",
            };
            let side = match owner.side {
                Side::Incoming => "fan-in",
                Side::Outgoing => "fan-out",
                Side::Through => "on the way",
            };
            let _ = writeln!(
                text,
                "  {side}: `{}` {:?}, {what} {}",
                parameter.name,
                parameter.shape,
                ranges(&places)
            );
        }
        Ok(text)
    }
}

/// What an axis of a node's parameter is to the units that stand on it.
pub(crate) fn side_of(node: &Node, role: Role, axis: usize) -> Side {
    let makes_units = node.layer.has_weights();
    match role {
        Role::Weight if node.is_depthwise() => Side::Through,
        Role::Weight if axis == 0 => Side::Outgoing,
        Role::Weight => Side::Incoming,
        Role::Bias if makes_units => Side::Incoming,
        _ => Side::Through,
    }
}

/// Writes places as a short list, a stride where they are evenly spaced.
fn ranges(places: &[usize]) -> String {
    match places {
        [] => String::new(),
        [one] => one.to_string(),
        [first, second, .., last] if places.len() > 3 && places.windows(2).all(|w| w[1] - w[0] == second - first) => {
            format!("{first}, {second}, … {last} ({} places)", places.len())
        }
        _ => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
