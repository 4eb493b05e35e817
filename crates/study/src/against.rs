//! Arms in one table, each against a reference.

use espalier_report::page::{TableBlock, arms_table};
use espalier_report::statistics::Arms;

use crate::factor::Where;
use crate::quantity::Quantity;
use crate::recorded::Recorded;
use crate::study::{Set, Study};
use crate::{Error, Result};

impl<T: Recorded + 'static> Study<T> {
    /// Tabulates a quantity of chosen arms beside the paired difference from the only arm that `reference` chooses, with
    /// Holm's p over all of them.
    ///
    /// # Errors
    /// [`Error::Statistic`] where not one of the arms is the reference; as [`arms_table`].
    pub fn against(
        &self,
        set: &Set<T>,
        title: &str,
        arms: &Where,
        quantity: &Quantity<T>,
        reference: &Where,
    ) -> Result<TableBlock> {
        let chosen = self.chosen(arms);
        let references = chosen.iter().filter(|arm| reference.holds(arm));
        let references: Vec<&str> = references.map(|arm| arm.name.as_str()).collect();
        let [reference] = references[..] else {
            let (found, names) = (references.len(), references.join(", "));
            return Err(Error::Statistic {
                statistic: title.to_owned(),
                reason: format!("expected one reference among the arms, found {found} ({names})"),
            });
        };
        let scores = |arm: &crate::Arm| (arm.name.clone(), set.values(&arm.name, quantity));
        let arms = Arms::new(chosen.iter().map(scores).collect())?;
        Ok(arms_table(title, &arms, reference, &self.stream(&set.name, title))?)
    }
}
