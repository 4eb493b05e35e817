//! Curves of a score against width: the logarithmic fit and the knee.

use serde::{Deserialize, Serialize};

use crate::observation::{expect_len, expect_sample, expect_spread, in_own_unit, mean_of};
use crate::{Error, Result};

/// The least-squares line y = a + b x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineFit {
    /// The intercept a, the value at x = 0.
    pub intercept: f64,
    /// The slope b, the gain per unit of x.
    pub slope: f64,
    /// The share of y's variance that the line explains; 1 when y is constant and so met exactly.
    pub r_squared: f64,
}

impl LineFit {
    /// Fits the line: b = Σ(x − x̄)(y − ȳ) / Σ(x − x̄)², a = ȳ − b x̄.
    ///
    /// # Errors
    /// [`Error::Shape`] when the lengths differ, [`Error::TooFew`] below 2 points, [`Error::NotFinite`],
    /// [`Error::Constant`] when all x are equal.
    ///
    /// # Example
    /// ```
    /// use espalier_metrics::LineFit;
    ///
    /// let fit = LineFit::of(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0])?;
    /// assert_eq!((fit.intercept, fit.slope, fit.r_squared), (1.0, 2.0, 1.0));
    /// # Ok::<(), espalier_metrics::Error>(())
    /// ```
    pub fn of(x: &[f64], y: &[f64]) -> Result<Self> {
        const WHAT: &str = "line fit";
        expect_len(WHAT, x.len(), y.len())?;
        expect_sample(WHAT, x, 2)?;
        expect_sample(WHAT, y, 2)?;
        expect_spread(WHAT, x)?;
        let (y, unit) = in_own_unit(y);
        let (x_mean, y_mean) = (mean_of(x), mean_of(&y));
        let (mut x_scatter, mut y_scatter, mut product) = (0.0, 0.0, 0.0);
        for (x, y) in x.iter().zip(&y) {
            x_scatter += (x - x_mean).powi(2);
            y_scatter += (y - y_mean).powi(2);
            product += (x - x_mean) * (y - y_mean);
        }
        let slope = product / x_scatter;
        let explained = slope * product / y_scatter;
        Ok(Self {
            intercept: (y_mean - slope * x_mean) * unit,
            slope: slope * unit,
            r_squared: if y_scatter > 0.0 { explained } else { 1.0 },
        })
    }
}

/// The least-squares line y = a + b·ln x.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogFit {
    /// The intercept a, the value at x = 1.
    pub intercept: f64,
    /// The slope b, the gain per e-fold of x.
    pub slope: f64,
    /// The share of y's variance that the line explains; 1 when y is constant and so met exactly.
    pub r_squared: f64,
}

impl LogFit {
    /// Fits the line.
    ///
    /// # Errors
    /// [`Error::Shape`] when the lengths differ, [`Error::TooFew`] below 2 points,
    /// [`Error::NotFinite`], [`Error::OutOfRange`] for an x that is not positive,
    /// [`Error::Constant`] when all x are equal.
    ///
    /// # Example
    /// ```
    /// use espalier_metrics::LogFit;
    ///
    /// let fit = LogFit::of(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0])?; // one more per doubling
    /// assert!((fit.at(8.0) - 4.0).abs() < 1e-12 && fit.r_squared > 0.999_999);
    /// # Ok::<(), espalier_metrics::Error>(())
    /// ```
    pub fn of(x: &[f64], y: &[f64]) -> Result<Self> {
        const WHAT: &str = "logarithmic fit";
        expect_len(WHAT, x.len(), y.len())?;
        expect_sample(WHAT, x, 2)?;
        expect_sample(WHAT, y, 2)?;
        expect_spread(WHAT, x)?;
        expect_positive(WHAT, x)?;
        let logs: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        let line = LineFit::of(&logs, y)?;
        Ok(Self {
            intercept: line.intercept,
            slope: line.slope,
            r_squared: line.r_squared,
        })
    }

    /// Gives the line's value at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x.ln()
    }
}

/// What counts as the plateau of a saturating curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plateau {
    /// The best mean of any width.
    Best,
    /// The average of the means of this many widest widths (at least 1, at most all).
    Widest(usize),
}

/// The knee of a saturating curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The smallest width whose mean score reaches the plateau less the margin.
    pub width: f64,
    /// The mean score at that width.
    pub score: f64,
    /// The plateau.
    pub plateau: f64,
}

/// Finds the knee of a curve of scores (higher is better) against width.
///
/// # Method
/// Scores of equal width, one per seed, are averaged. The knee is the smallest width whose mean
/// is at least plateau − `margin`; with a margin of at least zero there always is one.
/// The function is pure, so that callers can bootstrap over seeds.
///
/// # Units
/// `margin` has the unit of the scores: for accuracies, a fraction.
///
/// # Errors
/// [`Error::Shape`] when the lengths differ, [`Error::TooFew`] for no points,
/// [`Error::NotFinite`], [`Error::OutOfRange`] for a negative margin or a plateau of no widths.
///
/// # Example
/// ```
/// use espalier_metrics::{Plateau, knee};
///
/// let (widths, accuracy) = ([16.0, 32.0, 64.0, 128.0], [0.90, 0.95, 0.979, 0.98]);
/// let knee = knee(&widths, &accuracy, 0.002, Plateau::Best)?;
/// assert_eq!((knee.width, knee.plateau), (64.0, 0.98));
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn knee(widths: &[f64], scores: &[f64], margin: f64, plateau: Plateau) -> Result<Knee> {
    if !(margin.is_finite() && margin >= 0.0) {
        return Err(Error::OutOfRange {
            what: "knee: margin",
            expected: "finite and at least 0",
            found: margin,
        });
    }
    let means = means_by_width(widths, scores)?;
    let plateau = plateau_of(&means, plateau)?;
    let reached = means.iter().find(|(_, score)| *score >= plateau - margin);
    // The average of the widest cannot exceed the best of them, so one width reaches it but for
    // rounding of that average.
    let (width, score) = reached.copied().unwrap_or_else(|| best(&means));
    Ok(Knee { width, score, plateau })
}

/// Averages the scores of equal widths; gives (width, mean) by ascending width.
///
/// # Errors
/// [`Error::Shape`] when the lengths differ, [`Error::TooFew`] for no points, [`Error::NotFinite`].
pub fn means_by_width(widths: &[f64], scores: &[f64]) -> Result<Vec<(f64, f64)>> {
    const WHAT: &str = "curve over widths";
    expect_len(WHAT, widths.len(), scores.len())?;
    expect_sample(WHAT, widths, 1)?;
    expect_sample(WHAT, scores, 1)?;
    let mut points: Vec<(f64, f64)> = widths.iter().copied().zip(scores.iter().copied()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let groups = points.chunk_by(|a, b| a.0 == b.0);
    let mean = |group: &[(f64, f64)]| {
        let total: f64 = group.iter().map(|point| point.1).sum();
        (group[0].0, total / group.len() as f64)
    };
    Ok(groups.map(mean).collect())
}

fn plateau_of(means: &[(f64, f64)], plateau: Plateau) -> Result<f64> {
    match plateau {
        Plateau::Best => Ok(best(means).1),
        Plateau::Widest(count) if (1..=means.len()).contains(&count) => {
            let widest = &means[means.len() - count..];
            Ok(widest.iter().map(|point| point.1).sum::<f64>() / count as f64)
        }
        Plateau::Widest(count) => Err(Error::OutOfRange {
            what: "knee: widths that make the plateau",
            expected: "between 1 and the number of widths",
            found: count as f64,
        }),
    }
}

/// The point with the highest score, the narrowest on a tie.
fn best(means: &[(f64, f64)]) -> (f64, f64) {
    let better = |best: (f64, f64), next: &(f64, f64)| {
        if next.1 > best.1 { *next } else { best }
    };
    means[1..].iter().fold(means[0], better)
}

fn expect_positive(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().find(|&&v| v <= 0.0) {
        Some(&found) => Err(Error::OutOfRange {
            what,
            expected: "values above 0",
            found,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::assert_close;

    #[test]
    fn the_line_fit_equals_sums_by_hand() {
        // x̄ = 2, ȳ = 3; Σ(x − x̄)(y − ȳ) = 7, Σ(x − x̄)² = 10, Σ(y − ȳ)² = 6.
        let fit = LineFit::of(&[0.0, 1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 3.0, 4.0, 4.0]).unwrap();
        assert!((fit.slope - 0.7).abs() < 1e-15 && (fit.intercept - 1.6).abs() < 1e-15);
        assert!((fit.r_squared - 49.0 / 60.0).abs() < 1e-15);
        assert!(LineFit::of(&[2.0, 2.0], &[1.0, 3.0]).is_err());
    }

    #[test]
    fn the_log_fit_equals_scipy() {
        let widths = [16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
        let fit = LogFit::of(&widths, &[3.1, 4.6, 6.4, 7.2, 9.1, 10.0]).unwrap();
        // tests/reference_values.py, scipy 1.17.1 linregress on ln x: "log fit"
        let expected = [-2.32952380952381, 2.01152908558233, 0.990313548279782];
        assert_close(&[fit.intercept, fit.slope, fit.r_squared], &expected, 1e-12);
    }

    #[test]
    fn a_flat_curve_is_met_exactly() {
        let fit = LogFit::of(&[1.0, 2.0, 3.0], &[4.0; 3]).unwrap();
        assert_eq!((fit.intercept, fit.slope, fit.r_squared), (4.0, 0.0, 1.0));
    }

    #[test]
    fn fits_without_a_line_are_refused() {
        assert!(matches!(LogFit::of(&[1.0], &[1.0]), Err(Error::TooFew { .. })));
        assert!(matches!(LogFit::of(&[1.0, 2.0], &[1.0]), Err(Error::Shape { .. })));
        assert!(matches!(
            LogFit::of(&[2.0, 2.0], &[1.0, 3.0]),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            LogFit::of(&[0.0, 2.0], &[1.0, 3.0]),
            Err(Error::OutOfRange { .. })
        ));
    }

    #[test]
    fn the_knee_averages_seeds_and_ignores_order() {
        // Means by hand: 16 → .90, 32 → .96, 64 → .97, 128 → .95.
        let widths = [64.0, 16.0, 128.0, 32.0, 32.0, 16.0, 64.0, 128.0];
        let scores = [0.98, 0.91, 0.94, 0.97, 0.95, 0.89, 0.96, 0.96];
        let found = knee(&widths, &scores, 0.012, Plateau::Best).unwrap();
        assert_eq!(found.width, 32.0);
        assert_close(&[found.score, found.plateau], &[0.96, 0.97], 1e-12);
        assert_eq!(knee(&widths, &scores, 0.0, Plateau::Best).unwrap().width, 64.0);
        // The two widest average to .96, which 64 reaches and 32 (just) too.
        let widest = knee(&widths, &scores, 1e-9, Plateau::Widest(2)).unwrap();
        assert_eq!(widest.width, 32.0);
        assert_eq!(knee(&widths, &scores, 1.0, Plateau::Best).unwrap().width, 16.0);
    }

    #[test]
    fn knees_without_meaning_are_refused() {
        assert!(matches!(knee(&[], &[], 0.1, Plateau::Best), Err(Error::TooFew { .. })));
        assert!(matches!(
            knee(&[1.0], &[f64::NAN], 0.1, Plateau::Best),
            Err(Error::NotFinite { .. })
        ));
        assert!(matches!(
            knee(&[1.0], &[1.0], -0.1, Plateau::Best),
            Err(Error::OutOfRange { .. })
        ));
        assert!(knee(&[1.0], &[1.0], 0.1, Plateau::Widest(0)).is_err());
        assert!(knee(&[1.0], &[1.0], 0.1, Plateau::Widest(2)).is_err());
    }
}
