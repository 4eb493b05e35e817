//! What a trial records.

use espalier_trial::rows;

rows! {
    /// Losses and accuracies after an epoch.
    pub struct Epoch = "epochs" {
        pub epoch: u64,
        /// Multiply–accumulates spent in training so far.
        pub train_macs: u64,
        pub train_loss: f64,
        /// Measured batch by batch while the weights move.
        pub running_train_accuracy: Option<f64>,
        pub validation_loss: f64,
        pub validation_accuracy: Option<f64>,
    }

    /// The trained net's scores and every metric of its hidden layer.
    ///
    /// A metric is NaN where it is not defined, for instance W of spreads that are all equal.
    pub struct Summary = "summary" {
        pub width: u64,
        pub parameters: u64,
        pub diverged: bool,
        /// Accuracy on the training split after training, in evaluation mode.
        pub train_accuracy: f64,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
        pub test_loss: f64,
        /// Σ of the per-unit spreads.
        pub total_spread: f64,
        pub median_spread: f64,
        /// Units whose spread is at most `dead_spread`.
        pub dead_units: u64,
        pub shapiro_w: f64,
        pub shapiro_p: f64,
        /// Spreads that entered W; at most 5000.
        pub shapiro_units: u64,
        /// W of the spreads of units that are not dead.
        pub shapiro_w_alive: f64,
        pub skewness: f64,
        pub excess_kurtosis: f64,
        /// π, the low component's share, of the exponential + normal mixture.
        pub exp_normal_share: f64,
        pub exp_normal_outcome: String,
        /// π of the mixture of two gammas.
        pub two_gamma_share: f64,
        pub two_gamma_outcome: String,
        /// Effective rank of the hidden weight matrix.
        pub effective_rank: f64,
        pub stable_rank: f64,
    }

    /// The spread of one hidden unit after the ReLU over the training split.
    pub struct Unit = "units" {
        pub width: u32,
        pub spread: f32,
    }

    /// What the principal components of the pre-activations say in short.
    pub struct Spectrum = "spectra" {
        pub width: u64,
        /// Σ of the units' variances, without an eigen-decomposition.
        pub total_variance: f64,
        /// Σ of the eigenvalues.
        pub eigenvalue_sum: f64,
        /// Directions in which the inputs vary at all.
        pub input_rank: u64,
        /// Directions in which the pre-activations vary at all.
        pub layer_rank: u64,
        /// Components that hold 95 % of the variance.
        pub components_95: u64,
        /// Share of the variance that half of the components leave.
        pub left_at_half: f64,
        /// The same when columns are taken for components.
        pub left_at_half_wrong_basis: f64,
        /// Components kept for the check of the residual.
        pub checked_at: u64,
        /// Mean squared distance of the training rows from their rebuilding; NaN where it was not measured.
        pub checked_residual: f64,
        /// Σ of the eigenvalues beyond `checked_at`.
        pub expected_residual: f64,
    }

    /// One component of the pre-activations.
    pub struct Component = "components" {
        pub width: u32,
        /// From 1.
        pub component: u32,
        /// Its variance as a share of the total.
        pub share: f32,
        /// Share of the variance that this many components leave.
        pub residual: f32,
        pub residual_wrong_basis: f32,
    }

    /// The net with its hidden layer replaced by a rebuilding of fewer dimensions.
    pub struct Rebuilt = "rebuilt" {
        pub width: u64,
        /// `components`, `wrong basis` or `low rank`.
        pub way: String,
        /// Dimensions that the rebuilding kept.
        pub kept: u64,
        /// Share that is lost: of the variance for components, of the squared weights for low rank.
        pub lost: f64,
        /// Accuracy on the first validation images.
        pub validation_accuracy: f64,
    }
}
