//! What nets must have been given before a number that stands at the end of training alone can be judged.

use std::collections::BTreeSet;

use crate::bound::Bound;
use crate::claim::Declared;
use crate::factor::Factor;
use crate::study::Study;

impl<T: 'static> Study<T> {
    /// Says of how much of a setting, such as the number of epochs, a claim's nets need at least.
    ///
    /// It stands in for values over the epochs where there are none: a claim about nets with less of it is *not converged*,
    /// unless every quantity in it has values by epoch, which tell, or the setting cannot matter to the number
    /// ([`Declared::regardless_of`](crate::Declared::regardless_of)).
    pub fn needs(mut self, factor: Factor, least: f64) -> Self {
        self.needed.push((factor, least));
        self
    }

    /// The setting that falls short of what a claim needs, in words.
    pub(crate) fn too_short(&self, claim: &Declared<T>, bound: &Bound<T>) -> Option<String> {
        let quantities = &bound.quantities;
        if !quantities.is_empty() && quantities.iter().all(|quantity| quantity.path.is_some()) {
            return None;
        }
        let mut needed = self
            .needed
            .iter()
            .filter(|(factor, _)| !claim.regardless.contains(factor));
        needed.find_map(|(factor, least)| {
            let short = bound.arms().into_iter().map(|arm| arm.number(factor));
            let short: BTreeSet<String> = short.filter(|own| own < least).map(|own| own.to_string()).collect();
            let found = short.into_iter().collect::<Vec<_>>().join(", ");
            let unit = factor.name;
            let words = || format!("{unit} {found}, at least {least} needed: it is measured at the end alone");
            (!found.is_empty()).then(words)
        })
    }
}
