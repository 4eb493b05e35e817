//! Lines through points and between them.

/// The slope of the least-squares line through points (x, y).
#[must_use]
pub fn line_slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let cross: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    cross / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

/// The value at a place between points (place, value), linear over the logarithm of the place; NaN outside.
#[must_use]
pub fn interpolated(mut points: Vec<(f64, f64)>, place: f64) -> f64 {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let between = points.windows(2).find(|pair| pair[0].0 <= place && place <= pair[1].0);
    match (between, points.as_slice()) {
        (Some([low, high]), _) if low.0 < high.0 => {
            let share = (place / low.0).ln() / (high.0 / low.0).ln();
            low.1 + share * (high.1 - low.1)
        }
        (Some([low, high]), _) => (low.1 + high.1) / 2.0,
        (None, [only]) if only.0 == place => only.1,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_sizes_are_linear_in_the_logarithm_and_never_extrapolated() {
        let points = vec![(400.0, 0.9), (100.0, 0.8)];
        // Half way between 100 and 400 in logarithms is 200.
        assert!((interpolated(points.clone(), 200.0) - 0.85).abs() < 1e-12);
        assert_eq!(interpolated(points.clone(), 100.0), 0.8);
        assert!(interpolated(points.clone(), 99.0).is_nan() && interpolated(points, 401.0).is_nan());
    }
}
