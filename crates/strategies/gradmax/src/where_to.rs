//! Where units are added: the groups on whose way all layers have a derivative.

use espalier_net::{GroupId, Network};
use espalier_strategy::{Error, Groups, Oracle, Result, Selection, Selector, View};
use serde::{Deserialize, Serialize};

use crate::NAME;
use crate::path::Path;

/// Asks for new units in each group that the method can work on.
///
/// Of [`Groups::Editable`], groups that it cannot work on are passed over; a named one is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferentiableGroups {
    /// The groups.
    pub groups: Groups,
    /// New units in each.
    pub count: usize,
}

impl DifferentiableGroups {
    /// Looks the groups up.
    ///
    /// # Errors
    /// As [`Groups::resolve`]; [`Error::Unsupported`] names the layer that is in the way of a named group, or of all groups.
    pub fn supported(&self, network: &Network<f32>) -> Result<Vec<GroupId>> {
        let mut refusal = None;
        let mut found = Vec::new();
        for group in self.groups.resolve(NAME, network)? {
            match Path::of(network, group) {
                Ok(_) => found.push(group),
                Err(error @ Error::Unsupported { .. }) if self.groups == Groups::Editable => {
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }
}

impl Selector for DifferentiableGroups {
    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn prepare(&self, _strategy: &str, network: &Network<f32>) -> Result<()> {
        self.supported(network).map(|_| ())
    }

    fn select(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Vec<Selection>> {
        let groups = self.supported(view.network)?.into_iter();
        let of = |group| Selection::new_units(group, self.count);
        Ok(groups.map(of).collect())
    }
}
