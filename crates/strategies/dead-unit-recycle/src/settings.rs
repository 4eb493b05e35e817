//! The method's settings and their ranges.

use espalier_strategy::{Groups, PARTING_NOISE, Result, UnevenCopies, check_setting};
use serde::{Deserialize, Serialize};

/// Which living units give themselves to dead ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DonorRule {
    /// Those with the largest score: the norm of the loss gradient of their fan-in weights and biases on the growth batch.
    HighestScore,
    /// Those active on most samples and positions of the growth batch; of equals the first.
    #[default]
    HighestFiring,
    /// Those with the largest norm of fan-out weights.
    LargestFanOut,
}

/// How a donor's fan-out weights are shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shares {
    /// In parts that grow evenly, the donor's twice that of its first copy (⅔ and ⅓ for one dead unit), so that all of them
    /// part: their gradients differ as their shares do.
    #[default]
    Uneven,
    /// In equal parts: ½ and ½ for one dead unit, 1/(k+1) each for k. Donor and copies are twins and stay so.
    Equal,
    /// The donor keeps this part ρ, its copies share 1 − ρ equally; several copies of one donor are twins.
    Donor(f64),
}

impl Shares {
    /// The share of each of `count` copies; what is left to 1 stays with the donor.
    ///
    /// # Example
    /// ```
    /// use espalier_dead_unit_recycle::Shares;
    ///
    /// assert_eq!(Shares::Equal.of_copies(3), [0.25; 3]);
    /// assert_eq!(Shares::Donor(0.5).of_copies(2), [0.25; 2]);
    /// assert_eq!(Shares::Uneven.of_copies(1), [1.0 / 3.0]);
    /// ```
    #[must_use]
    pub fn of_copies(self, count: usize) -> Vec<f64> {
        match self {
            Self::Uneven => UnevenCopies::scales(count + 1)[..count]
                .iter()
                .map(|s| s.outgoing)
                .collect(),
            Self::Equal => vec![1.0 / (count + 1) as f64; count],
            Self::Donor(rho) => vec![(1.0 - rho) / count.max(1) as f64; count],
        }
    }
}

/// What becomes of the optimizer's state of a recycled unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecycledState {
    /// It starts at zero with a step count of its own; the donor's follows its smaller share.
    #[default]
    Zero,
    /// It is the donor's, scaled by the factor that the copy's gradient takes.
    Exact,
    /// It is the donor's, as it is.
    Copy,
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | every hidden layer |
/// | `every_steps` | 100 | ≥ 1 | – |
/// | `window_batches` | 100 | ≥ 1 | "for ever zero" |
/// | `epsilon` | 0 | ≥ 0 | 0 |
/// | `donor` | highest firing | – | any living unit |
/// | `per_donor` | 1 | ≥ 1 | 1 |
/// | `shares` | uneven | ρ in (0, 1) | ½ and ½, or any parts with sum 1 |
/// | `noise` | 0 | ≥ 0, times the fan-in's root mean square | "some noise" |
/// | `state` | zero | – | – |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadUnitRecycleSettings {
    /// Where.
    pub groups: Groups,
    /// Every so many steps.
    pub every_steps: u64,
    /// Batches for which a unit must have been silent.
    pub window_batches: u64,
    /// The bound ε on a silent unit's values.
    pub epsilon: f32,
    /// Who gives.
    pub donor: DonorRule,
    /// The most dead units that one donor serves at a time.
    pub per_donor: usize,
    /// How fan-out weights are shared.
    pub shares: Shares,
    /// The noise σ on copied fan-in weights, relative to their root mean square.
    pub noise: f64,
    /// What becomes of the optimizer's state.
    pub state: RecycledState,
}

impl Default for DeadUnitRecycleSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            every_steps: 100,
            window_batches: 100,
            epsilon: 0.0,
            donor: DonorRule::default(),
            per_donor: 1,
            shares: Shares::default(),
            noise: 0.0,
            state: RecycledState::default(),
        }
    }
}

impl DeadUnitRecycleSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(
            name,
            "every_steps",
            self.every_steps > 0,
            "at least 1",
            self.every_steps,
        )?;
        check_setting(
            name,
            "window_batches",
            self.window_batches > 0,
            "at least 1",
            self.window_batches,
        )?;
        let epsilon = self.epsilon >= 0.0 && self.epsilon.is_finite();
        check_setting(name, "epsilon", epsilon, "at least 0", self.epsilon)?;
        check_setting(name, "per_donor", self.per_donor > 0, "at least 1", self.per_donor)?;
        if let Shares::Donor(rho) = self.shares {
            check_setting(name, "shares", rho > 0.0 && rho < 1.0, "above 0 and below 1", rho)?;
        }
        let noise = self.noise >= 0.0 && self.noise.is_finite();
        check_setting(name, "noise", noise, "at least 0", self.noise)
    }

    /// Says whether two of `copies` copies and their donor have the same share, and too little noise to make up for it.
    pub(crate) fn makes_twins(&self, copies: usize) -> bool {
        let shares = self.shares.of_copies(copies);
        let kept = 1.0 - shares.iter().sum::<f64>();
        let same = |x: f64, y: f64| (x - y).abs() < 1e-6;
        let shared = (0..copies).any(|k| same(shares[k], kept) || shares[..k].iter().any(|s| same(*s, shares[k])));
        shared && self.noise < PARTING_NOISE
    }

    /// Says whether outputs stay as they are where the recycled units are dead.
    pub(crate) fn is_exact(&self) -> bool {
        self.noise == 0.0 && self.epsilon == 0.0
    }
}
