//! Utilities, ages and the account of replacements: the arithmetic of the method alone.

use serde::{Deserialize, Serialize};

/// How useful a unit has been, and for how long it has lived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// The running average u of its contributions.
    pub utility: f64,
    /// Its age in steps.
    pub age: u64,
}

impl UnitRecord {
    /// Takes in one step's contribution: the age grows by one, u becomes η·u + (1 − η)·contribution.
    ///
    /// # Paper
    /// Dohare et al. 2024, equation 1.
    ///
    /// # Example
    /// ```
    /// use espalier_continual_backprop::UnitRecord;
    ///
    /// let record = UnitRecord::default().after(0.75, 8.0).after(0.75, 4.0);
    /// // 0.25·8 = 2, then 0.75·2 + 0.25·4 = 2.5.
    /// assert_eq!((record.utility, record.age), (2.5, 2));
    /// ```
    #[must_use]
    pub fn after(self, decay: f64, contribution: f64) -> Self {
        Self {
            utility: decay * self.utility + (1.0 - decay) * contribution,
            age: self.age + 1,
        }
    }
}

/// The units to replace, the least useful mature ones first, and the account before they are paid for.
///
/// Each mature unit (older than `maturity`) adds `replacement` to the account; while it is above 1, one unit is due.
///
/// # Example
/// ```
/// use espalier_continual_backprop::{UnitRecord, due};
///
/// let unit = |utility, age| UnitRecord { utility, age };
/// let units = [unit(3.0, 9), unit(0.5, 9), unit(0.1, 2), unit(1.0, 9)];
/// // Three of them are older than 5: 0.5 + 3·0.25 = 1.25; unit 2 is the least useful, but too young.
/// assert_eq!(due(&units, 5, 0.25, 0.5), (vec![1], 1.25));
/// ```
#[must_use]
pub fn due(units: &[UnitRecord], maturity: u64, replacement: f64, account: f64) -> (Vec<usize>, f64) {
    let mut mature: Vec<usize> = (0..units.len()).filter(|u| units[*u].age > maturity).collect();
    let account = account + replacement * mature.len() as f64;
    mature.sort_by(|a, b| units[*a].utility.total_cmp(&units[*b].utility));
    let mut left = account;
    let mut chosen = Vec::new();
    for unit in mature {
        if left <= 1.0 {
            break;
        }
        left -= 1.0;
        chosen.push(unit);
    }
    (chosen, account)
}
