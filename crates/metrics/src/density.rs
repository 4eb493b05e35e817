//! Smooth densities of one variable for figures.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::observation::{expect_sample, expect_spread, in_own_unit, mean_of};
use crate::{Error, Result};

/// How wide the kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bandwidth {
    /// Scott's rule: s · n^(−1/5), with s the sample's standard deviation (dividing by n − 1).
    Scott,
    /// Silverman's rule: s · (3n/4)^(−1/5).
    Silverman,
    /// This standard deviation of the kernel, in the unit of the values.
    Fixed(f64),
}

/// A density estimated on a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Density {
    /// Where the density was evaluated.
    pub grid: Vec<f64>,
    /// The density there; it integrates to 1 over the whole line.
    pub density: Vec<f64>,
    /// The standard deviation of the kernel that was used.
    pub bandwidth: f64,
}

/// Estimates a density with a normal kernel.
///
/// # Method
/// f(x) = Σᵢ φ((x − xᵢ)/h) / (n h). Nothing holds mass on one side of a bound: for values that
/// cannot be negative some of it lies below zero.
///
/// # Errors
/// [`Error::TooFew`] below 2 values, [`Error::NotFinite`] in values or grid, [`Error::Constant`]
/// for a rule on a constant sample, [`Error::OutOfRange`] for a fixed bandwidth that is not
/// positive.
///
/// # Example
/// ```
/// use espalier_metrics::{Bandwidth, even_grid, kernel_density};
///
/// let density = kernel_density(&[0.0, 1.0], &even_grid(-5.0, 6.0, 111)?, Bandwidth::Scott)?;
/// let mass: f64 = density.density.iter().map(|d| d * 0.1).sum();
/// assert!((mass - 1.0).abs() < 1e-6);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn kernel_density(values: &[f64], grid: &[f64], rule: Bandwidth) -> Result<Density> {
    const WHAT: &str = "kernel density";
    expect_sample(WHAT, values, 2)?;
    expect_sample("kernel density: grid", grid, 0)?;
    let bandwidth = bandwidth(values, rule)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Beyond 39 widths the kernel underflows to zero in f64.
    let reach = 39.0 * bandwidth;
    let scale = 1.0 / (values.len() as f64 * bandwidth * (2.0 * PI).sqrt());
    let at = |x: f64| -> f64 {
        let first = sorted.partition_point(|&v| v < x - reach);
        let last = sorted.partition_point(|&v| v <= x + reach);
        let kernel = |v: &f64| (-0.5 * ((x - v) / bandwidth).powi(2)).exp();
        scale * sorted[first..last].iter().map(kernel).sum::<f64>()
    };
    Ok(Density {
        grid: grid.to_vec(),
        density: grid.iter().map(|&x| at(x)).collect(),
        bandwidth,
    })
}

/// Makes `points` evenly spaced values from `low` to `high`, both included.
///
/// # Errors
/// [`Error::OutOfRange`] for fewer than 2 points or bounds that are not finite and ascending.
pub fn even_grid(low: f64, high: f64, points: usize) -> Result<Vec<f64>> {
    if points < 2 {
        return Err(Error::OutOfRange {
            what: "grid: number of points",
            expected: "at least 2",
            found: points as f64,
        });
    }
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(Error::OutOfRange {
            what: "grid: width",
            expected: "finite bounds, the lower one first",
            found: high - low,
        });
    }
    let last = (points - 1) as f64;
    let (width, half) = (high - low, 0.5 * high - 0.5 * low);
    let at = |i: f64| match width.is_finite() {
        true => low + width / last * i,
        // Twice as wide as the largest double.
        false => low + half / last * i + half / last * i,
    };
    let mut grid: Vec<f64> = (0..points).map(|i| at(i as f64)).collect();
    grid[points - 1] = high;
    Ok(grid)
}

fn bandwidth(values: &[f64], rule: Bandwidth) -> Result<f64> {
    const WHAT: &str = "kernel density: bandwidth";
    let n = values.len() as f64;
    let factor = match rule {
        Bandwidth::Fixed(width) if width.is_finite() && width > 0.0 => return Ok(width),
        Bandwidth::Fixed(found) => {
            return Err(Error::OutOfRange {
                what: WHAT,
                expected: "finite and above 0",
                found,
            });
        }
        Bandwidth::Scott => n.powf(-0.2),
        Bandwidth::Silverman => (0.75 * n).powf(-0.2),
    };
    expect_spread(WHAT, values)?;
    let (relative, unit) = in_own_unit(values);
    let mean = mean_of(&relative);
    let scatter: f64 = relative.iter().map(|x| (x - mean).powi(2)).sum();
    let width = unit * factor * (scatter / (n - 1.0)).sqrt();
    if width > 0.0 {
        return Ok(width);
    }
    Err(Error::Constant {
        what: WHAT,
        value: mean * unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, triangle};

    #[test]
    fn densities_equal_scipy() {
        let grid = [-0.5, 0.2, 1.0, 1.7, 2.5];
        // tests/reference_values.py, scipy 1.17.1 gaussian_kde: bandwidth, then the density
        let expected = [
            (
                Bandwidth::Scott,
                0.192582964089515,
                [
                    0.000100122396438637,
                    0.222888622025365,
                    0.773990286038532,
                    0.262404384669799,
                    3.85407438261868e-05,
                ],
            ),
            (
                Bandwidth::Silverman,
                0.203988466943462,
                [
                    0.000197337782091095,
                    0.227553632987434,
                    0.774833540418805,
                    0.267014748352609,
                    8.42805116478579e-05,
                ],
            ),
            (
                Bandwidth::Fixed(0.1),
                0.1,
                [
                    4.9442994597419e-12,
                    0.200643267158138,
                    0.681581298118959,
                    0.22653304777987,
                    1.20496310067082e-13,
                ],
            ),
        ];
        for (rule, width, density) in expected {
            let found = kernel_density(&triangle(37), &grid, rule).unwrap();
            assert_close(&[found.bandwidth], &[width], 1e-12);
            assert_close(&found.density, &density, 1e-11);
        }
    }

    #[test]
    fn grids_include_both_ends() {
        assert_close(&even_grid(1.0, 2.0, 5).unwrap(), &[1.0, 1.25, 1.5, 1.75, 2.0], 1e-15);
        assert!(even_grid(1.0, 1.0, 5).is_err());
        assert!(even_grid(0.0, f64::NAN, 5).is_err());
        assert!(even_grid(0.0, 1.0, 1).is_err());
    }

    #[test]
    fn unusable_samples_are_refused() {
        let estimate = |values: &[f64], rule| kernel_density(values, &[0.0], rule);
        assert!(matches!(estimate(&[1.0], Bandwidth::Scott), Err(Error::TooFew { .. })));
        assert!(matches!(
            estimate(&[1.0; 3], Bandwidth::Scott),
            Err(Error::Constant { .. })
        ));
        assert!(estimate(&[1.0; 3], Bandwidth::Fixed(0.5)).is_ok());
        assert!(matches!(
            estimate(&[1.0; 3], Bandwidth::Fixed(0.0)),
            Err(Error::OutOfRange { .. })
        ));
        assert!(matches!(
            estimate(&[1.0, f64::NAN], Bandwidth::Scott),
            Err(Error::NotFinite { .. })
        ));
    }
}
