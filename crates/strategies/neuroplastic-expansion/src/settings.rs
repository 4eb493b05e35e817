//! The method's settings and their ranges.

use espalier_net::Initializer;
use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | all layers |
/// | `every_epochs` | 1 | ≥ 1 | every 100 to 10 000 steps |
/// | `horizon_epochs` | 0, all of training | ≥ 0 | T, all of training |
/// | `expansion` | 5 | > 1 | a fifth of the weights at first |
/// | `growth` | 0.1 | 0 < ζ ≤ 1 | 0.0008 to 0.5 |
/// | `candidates` | 4 | ≥ 1, for each unit that joins | all inactive weights |
/// | `threshold` | 0 | ≥ 0 | τ = 0 |
/// | `prune_share` | 0.4 | 0 ≤ ω < 1 | 0.4 |
/// | `review_steps` | 10 | ≥ 0, 0 for no review | – |
/// | `review_floor` | 0.2 | 0 ≤ ε ≤ 1 | – |
/// | `distribution` | PyTorch's | – | the layer's original one |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeuroplasticExpansionSettings {
    /// Where.
    pub groups: Groups,
    /// When, unless another trigger is given.
    pub every_epochs: u64,
    /// The epochs T over which growth falls to nothing; 0 for those of the whole training.
    pub horizon_epochs: u64,
    /// A group's full width as a multiple of its first.
    pub expansion: f64,
    /// The share ζ of the units between first and full width that a decision at the start adds.
    pub growth: f64,
    /// Candidates for each unit that joins.
    pub candidates: usize,
    /// The largest dormancy score τ of a unit that may leave.
    pub threshold: f64,
    /// How many units leave at most, as a share ω of those that join.
    pub prune_share: f64,
    /// Steps of a review.
    pub review_steps: u64,
    /// The probability ε that nothing is reviewed although activity stands still.
    pub review_floor: f64,
    /// How fan-in weights and biases of candidates are drawn.
    pub distribution: Initializer,
}

impl Default for NeuroplasticExpansionSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            every_epochs: 1,
            horizon_epochs: 0,
            expansion: 5.0,
            growth: 0.1,
            candidates: 4,
            threshold: 0.0,
            prune_share: 0.4,
            review_steps: 10,
            review_floor: 0.2,
            distribution: Initializer::default(),
        }
    }
}

impl NeuroplasticExpansionSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let ranges = [
            ("expansion", self.expansion > 1.0, "above 1", self.expansion),
            (
                "growth",
                self.growth > 0.0 && self.growth <= 1.0,
                "above 0, at most 1",
                self.growth,
            ),
            ("threshold", self.threshold >= 0.0, "at least 0", self.threshold),
            (
                "prune_share",
                (0.0..1.0).contains(&self.prune_share),
                "at least 0 and below 1",
                self.prune_share,
            ),
            (
                "review_floor",
                (0.0..=1.0).contains(&self.review_floor),
                "0 to 1",
                self.review_floor,
            ),
        ];
        for (setting, within, expected, found) in ranges {
            check_setting(name, setting, within && found.is_finite(), expected, found)?;
        }
        check_setting(name, "candidates", self.candidates > 0, "at least 1", self.candidates)
    }

    /// The full width of a group that was `first` units wide.
    pub(crate) fn full_width(&self, first: usize) -> usize {
        (self.expansion * first as f64).round() as usize
    }
}
