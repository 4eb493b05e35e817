//! Tables of quantities, and remarks on what all nets did.

use espalier_report::page::TableBlock;

use crate::Result;
use crate::converged::TOLERANCE;
use crate::factor::Where;
use crate::quantity::Quantity;
use crate::recorded::Recorded;
use crate::study::{Set, Study};

impl<T: Recorded + 'static> Study<T> {
    /// Tabulates quantities of chosen arms, one line for each arm: interquartile means with 95 % intervals.
    ///
    /// # Errors
    /// As the bootstrap.
    pub fn table(&self, set: &Set<T>, title: &str, arms: &Where, columns: &[Quantity<T>]) -> Result<TableBlock> {
        let head = |q: &Quantity<T>| match q.unit {
            "" => q.name.to_owned(),
            unit => format!("{}, {unit}", q.name),
        };
        let mut rows = Vec::new();
        for arm in self.chosen(arms) {
            let mut cells = vec![arm.name.clone()];
            for quantity in columns {
                let estimate = self.of_arm(set, quantity, &arm)?;
                let decimals = quantity.decimals;
                cells.push(estimate.map_or_else(|| "–".to_owned(), |e| format!("{e:.decimals$}")));
            }
            rows.push(cells);
        }
        Ok(TableBlock {
            title: title.to_owned(),
            header: [vec!["net".to_owned()], columns.iter().map(head).collect()].concat(),
            rows,
            note: self.note(title),
        })
    }

    /// The note that [`Study::words`] has for a table; empty where it has none.
    #[must_use]
    pub fn note(&self, title: &str) -> String {
        let mut notes = self.words.iter().filter(|section| section.title.is_empty());
        let found = notes.find(|section| title.starts_with(&section.name));
        found.map_or_else(String::new, |section| section.paragraph(0).to_owned())
    }

    /// Says how many nets of a data set diverged.
    #[must_use]
    pub fn diverged_note(&self, set: &Set<T>) -> String {
        let diverged: Vec<bool> = set.nets(&self.arms).map(T::diverged).collect();
        let count = diverged.iter().filter(|diverged| **diverged).count();
        format!("{count} of {} nets diverged.", diverged.len())
    }

    /// Says how many chosen arms still move in a quantity when training ends, and which most.
    #[must_use]
    pub fn settled_note(&self, set: &Set<T>, quantity: &Quantity<T>, arms: &Where) -> String {
        let chosen = self.chosen(arms);
        let moving: Vec<_> = chosen.iter().filter_map(|arm| self.moves(set, quantity, arm)).collect();
        let share = 100.0 * TOLERANCE;
        let Some((_, worst)) = moving.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else {
            return format!("No {} moves by more than {share} % when training ends.", quantity.name);
        };
        let (moving, all) = (moving.len(), chosen.len());
        format!(
            "{moving} of {all} arms move by more than {share} % in {} when training ends: {worst}. Claims about them are not converged.",
            quantity.name
        )
    }
}
