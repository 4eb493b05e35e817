//! What a read-off gets to see of a trained layer.

use espalier_metrics::{CovarianceAccumulator, Pca, UnitMoments, singular_values};

/// The most training rows on which a layer is read.
pub(crate) const READ_ROWS: usize = 2000;

/// A trained hidden layer: what its units emit on training rows, and their weights.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Units.
    pub units: usize,
    /// Activations behind the ReLU, `[rows, units]`, row-major.
    pub activations: Vec<f32>,
    /// The layer's weight, `[inputs, units]`, row-major.
    pub weight: Vec<f32>,
}

impl Reading {
    /// Moments of each unit's activations.
    ///
    /// # Errors
    /// Fails where the activations do not fit the units.
    pub fn moments(&self) -> espalier_metrics::Result<UnitMoments> {
        let mut moments = UnitMoments::new(self.units)?;
        moments.observe(&self.activations, self.units)?;
        Ok(moments)
    }

    /// Standard deviations of the units that vary at all.
    ///
    /// # Errors
    /// As [`Reading::moments`].
    pub fn spreads(&self) -> espalier_metrics::Result<Vec<f64>> {
        Ok(self
            .moments()?
            .std()
            .into_iter()
            .filter(|spread| *spread > 0.0)
            .collect())
    }

    /// The principal components of the activations.
    ///
    /// # Errors
    /// As [`Reading::moments`], and for constant activations.
    pub fn components(&self) -> espalier_metrics::Result<Pca> {
        let mut covariance = CovarianceAccumulator::new(self.units)?;
        covariance.observe(&self.activations, self.units)?;
        Pca::of(&covariance.finish()?)
    }

    /// The singular values of the weight.
    ///
    /// # Errors
    /// For a weight that is not finite.
    pub fn singular_values(&self) -> espalier_metrics::Result<Vec<f64>> {
        singular_values(&self.weight, self.units)
    }
}
