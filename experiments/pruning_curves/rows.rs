//! What trials record.

use espalier_trial::prelude::*;

use crate::arms::Arm;

rows! {
    /// One epoch of training.
    pub struct Epoch = "epochs" {
        pub epoch: u64,
        pub train_macs: u64,
        pub train_loss: f64,
        pub running_train_accuracy: Option<f64>,
        pub validation_accuracy: f64,
    }

    /// One hidden layer's ReLUs on the validation images.
    pub struct Activity = "activity" {
        pub epoch: u64,
        /// From 1.
        pub layer: u64,
        pub units: u64,
        /// Units that are above 0 on no image.
        pub dead: u64,
        /// Units that are above 0 on every image.
        pub always_on: u64,
        pub mean_firing_rate: f64,
    }

    /// How a net that is still in training would stand pruning; on validation images.
    pub struct Probe = "probes" {
        pub epoch: u64,
        /// Share of the hidden units that are dead, over all layers.
        pub dead_share: f64,
        pub always_on_share: f64,
        pub accuracy: f64,
        /// With half of each layer's units gone.
        pub half_of_units: f64,
        /// With nine tenths of each unit's weights gone.
        pub tenth_of_weights: f64,
    }

    /// A trained net with a share of it gone.
    pub struct Pruned = "pruned" {
        /// What was pruned and how; see the constants of `pruning`.
        pub scheme: String,
        pub percent: u64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        /// Weights before the logits that are not 0.
        pub weights_left: u64,
        /// Multiply–accumulates per image once zero units are cut out.
        pub compact_macs: u64,
        /// Largest output difference between net and compacted net over the largest output.
        pub compact_deviation: Option<f64>,
    }

    /// How much of a layer's Σ|w| its largest weights hold.
    pub struct Importance = "importance" {
        /// From 1.
        pub layer: u64,
        pub share_of_weights: f64,
        pub share_of_sum: f64,
    }

    /// A bin of the histogram of |w|.
    pub struct Magnitude = "magnitudes" {
        /// From 1.
        pub layer: u64,
        /// log₁₀ of |w| over the layer's mean |w|, at the bin's middle.
        pub log_magnitude: f64,
        /// Share of the layer's weights.
        pub share: f64,
    }

    /// How alike the units of a hidden layer are.
    pub struct Likeness = "likeness" {
        /// From 1.
        pub layer: u64,
        /// Units looked at that vary at all.
        pub units: u64,
        /// Mean |correlation| over pairs of them.
        pub mean_correlation: f64,
    }

    /// What is known of a trained net.
    #[derive(Default)]
    pub struct Summary = "summaries" {
        pub arm: String,
        pub configuration: String,
        pub biases: bool,
        pub epochs: u64,
        pub parameters: u64,
        pub train_macs: u64,
        pub diverged: bool,
        pub train_loss: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub dead_share: f64,
        pub always_on_share: f64,
        /// Share of Σ|w| that the largest tenth of the weights holds, mean over layers.
        pub largest_tenth: f64,
        /// Mean |correlation| of pairs of units, mean over layers.
        pub mean_correlation: f64,
        /// Mean validation accuracy over the sparsities of the arm's own kind: what configurations are chosen by.
        pub curve_validation: f64,
    }

    /// A timed trial: its wall seconds are in the table `timings`, as those of every trial.
    pub struct Timed = "timed" {
        pub percent: u64,
        pub batch: u64,
        pub passes: u64,
        pub parameters: u64,
        /// Per image.
        pub macs: u64,
    }
}

impl Summary {
    /// The same with what is set for an arm.
    pub fn of(self, arm: &Arm) -> Self {
        Self {
            arm: arm.training.to_owned(),
            configuration: format!("rate {}", arm.rate),
            biases: arm.biases,
            epochs: arm.epochs,
            ..self
        }
    }
}
