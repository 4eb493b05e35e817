//! Utilities, ages and the account of replacements: the arithmetic of the method alone.

use serde::{Deserialize, Serialize};

use crate::settings::{ContinualBackpropSettings, Form};

/// How useful a unit has been, what it emitted, and for how long it has lived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// The running average u of its contributions, which starts at 0.
    pub utility: f64,
    /// The running averages f of its activation, one for each place where weights read it, which start at 0.
    pub activity: Vec<f64>,
    /// Its age in steps.
    pub age: u64,
}

impl UnitRecord {
    /// Takes in one step: the age grows by one, u becomes η·u + (1 − η)·contribution, each f likewise.
    ///
    /// # Paper
    /// Dohare et al. 2024, equation 1.
    ///
    /// # Example
    /// ```
    /// use espalier_continual_backprop::UnitRecord;
    ///
    /// let record = UnitRecord::default().after(0.75, 8.0, &[2.0]).after(0.75, 4.0, &[2.0]);
    /// // 0.25·8 = 2, then 0.75·2 + 0.25·4 = 2.5; 0.25·2 = 0.5, then 0.75·0.5 + 0.5 = 0.875.
    /// assert_eq!((record.utility, record.age, &record.activity[..]), (2.5, 2, &[0.875][..]));
    /// // What is averaged is 4/7 of the weight 1: 1 − 0.75² = 0.4375 of it is there so far.
    /// assert_eq!(record.corrected_utility(0.75), 2.5 / 0.4375);
    /// assert_eq!(record.corrected_activity(0.75), [2.0]);
    /// ```
    #[must_use]
    pub fn after(mut self, decay: f64, contribution: f64, activity: &[f64]) -> Self {
        let mix = |old: f64, new: f64| decay * old + (1.0 - decay) * new;
        self.activity.resize(activity.len(), 0.0);
        let places = self.activity.iter_mut().zip(activity);
        places.for_each(|(mean, new)| *mean = mix(*mean, *new));
        Self {
            utility: mix(self.utility, contribution),
            age: self.age + 1,
            ..self
        }
    }

    /// u / (1 − η^age): the average of the contributions without the 0 that it started from; 0 at age 0.
    #[must_use]
    pub fn corrected_utility(&self, decay: f64) -> f64 {
        self.utility / self.weight(decay)
    }

    /// f / (1 − η^age), likewise.
    #[must_use]
    pub fn corrected_activity(&self, decay: f64) -> Vec<f64> {
        self.activity.iter().map(|f| f / self.weight(decay)).collect()
    }

    fn weight(&self, decay: f64) -> f64 {
        match self.age {
            0 => 1.0,
            age => 1.0 - decay.powf(age as f64),
        }
    }
}

/// The units to replace, the least useful mature ones first, and the account before they are paid for.
///
/// Each mature unit (older than `maturity`) adds `replacement` to the account; while it is at least 1 (above 1 by the paper's
/// equations), one unit is due.
///
/// # Example
/// ```
/// use espalier_continual_backprop::{ContinualBackpropSettings, Form, UnitRecord, due};
///
/// let unit = |utility, age| UnitRecord { utility, age, ..Default::default() };
/// let units = [unit(3.0, 9), unit(0.5, 9), unit(0.1, 2), unit(1.0, 9)];
/// let settings = ContinualBackpropSettings { maturity: 5, replacement: 0.25, ..Default::default() };
/// // Three of them are older than 5: 0.5 + 3·0.25 = 1.25; unit 2 is the least useful, but too young.
/// assert_eq!(due(&settings, &units, 0.5), (vec![1], 1.25));
/// assert_eq!(due(&settings, &units, 0.25), (vec![1], 1.0));
/// let paper = ContinualBackpropSettings { form: Form::Equations, ..settings };
/// assert_eq!(due(&paper, &units, 0.25), (vec![], 1.0));
/// ```
#[must_use]
pub fn due(settings: &ContinualBackpropSettings, units: &[UnitRecord], account: f64) -> (Vec<usize>, f64) {
    let mature: Vec<usize> = (0..units.len()).filter(|u| units[*u].age > settings.maturity).collect();
    let account = account + settings.replacement * mature.len() as f64;
    let is_due = |left: f64| match settings.form {
        Form::AuthorsCode | Form::AuthorsRun => left >= 1.0,
        Form::Equations => left > 1.0,
    };
    // In most steps none is due, and utilities, a power for each unit, need not be known.
    if !is_due(account) {
        return (Vec::new(), account);
    }
    let mut ranked: Vec<(f64, usize)> = mature
        .into_iter()
        .map(|unit| (judged(settings, &units[unit]), unit))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = account;
    let mut chosen = Vec::new();
    for (_, unit) in ranked {
        if !is_due(left) {
            break;
        }
        left -= 1.0;
        chosen.push(unit);
    }
    (chosen, account)
}

/// The utility by which units are compared.
pub(crate) fn judged(settings: &ContinualBackpropSettings, unit: &UnitRecord) -> f64 {
    match settings.form {
        Form::AuthorsCode | Form::AuthorsRun => unit.corrected_utility(settings.decay),
        Form::Equations => unit.utility,
    }
}
