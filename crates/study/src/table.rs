//! Tables of quantities, and remarks on what all nets did.

use espalier_report::page::{TableBlock, column};

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
        let arms = self.chosen(arms);
        let mut table = TableBlock {
            title: title.to_owned(),
            header: vec!["net".to_owned()],
            rows: arms.iter().map(|arm| vec![arm.name.clone()]).collect(),
            note: self.note(title),
        };
        for quantity in columns {
            let numbers = arms.iter().map(|arm| self.of_arm(set, quantity, arm));
            let numbers: Vec<_> = numbers.collect::<Result<_>>()?;
            let (head, cells) = column(quantity.name, quantity.unit, quantity.decimals, &numbers);
            table.header.push(head);
            table.rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
        }
        Ok(table)
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
        let worst = moving
            .iter()
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, worst)| worst.as_str());
        quantity
            .followed()
            .settled(moving.len(), chosen.len(), TOLERANCE, worst)
    }
}
