//! Isotonic regression: the nondecreasing sequence that is nearest.

/// Fits a nondecreasing sequence with the least weighted squared error.
///
/// # Method
/// Pool adjacent violators: neighbours that fall become one block with their weighted mean.
///
/// # Paper
/// Barlow, Bartholomew, Bremner & Brunk (1972), Statistical Inference under Order Restrictions, section 1.2.
///
/// # Example
/// ```
/// use espalier_sizing::isotonic;
/// assert_eq!(isotonic(&[1.0, 3.0, 2.0, 4.0], &[1.0; 4]), [1.0, 2.5, 2.5, 4.0]);
/// ```
///
/// # Panics
/// Panics when the slices differ in length.
#[must_use]
pub fn isotonic(values: &[f64], weights: &[f64]) -> Vec<f64> {
    assert_eq!(values.len(), weights.len(), "one weight a value");
    let mut blocks: Vec<Block> = Vec::new();
    for (&value, &weight) in values.iter().zip(weights) {
        blocks.push(Block {
            sum: value * weight,
            weight,
            count: 1,
        });
        while let [.., before, last] = blocks.as_slice()
            && before.mean() >= last.mean()
        {
            let joined = Block {
                sum: before.sum + last.sum,
                weight: before.weight + last.weight,
                count: before.count + last.count,
            };
            blocks.truncate(blocks.len() - 2);
            blocks.push(joined);
        }
    }
    blocks
        .iter()
        .flat_map(|block| vec![block.mean(); block.count])
        .collect()
}

struct Block {
    sum: f64,
    weight: f64,
    count: usize,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The fit rises, keeps the weighted mean, and no rising sequence near it has a smaller error.
        #[test]
        fn the_fit_is_the_nearest_rising_sequence(
            pairs in prop::collection::vec((-10.0_f64..10.0, 0.1_f64..5.0), 1..20),
            other in prop::collection::vec(-10.0_f64..10.0, 20),
        ) {
            let (values, weights): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let fit = isotonic(&values, &weights);
            prop_assert!(fit.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            let weighted = |x: &[f64]| x.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>();
            prop_assert!((weighted(&fit) - weighted(&values)).abs() < 1e-6);
            let error = |x: &[f64]| -> f64 {
                x.iter().zip(&values).zip(&weights).map(|((x, y), w)| w * (x - y).powi(2)).sum()
            };
            let mut rival: Vec<f64> = other[..values.len()].to_vec();
            rival.sort_by(f64::total_cmp);
            prop_assert!(error(&fit) <= error(&rival) + 1e-9);
        }
    }
}
