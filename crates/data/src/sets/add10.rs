//! Add10: a known function of ten features, five of which do nothing, plus noise.

use espalier_seed::{Seed, Stream};

use crate::encoding::{Input, Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Shelf, content_sha256, sha256};
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const FEATURES: usize = 10;
/// The size of the add10 file of the DELVE collection.
const ROWS: usize = 9_792;

pub(crate) fn add10(_: &Shelf<'_>, options: &LoadOptions) -> Result<Whole> {
    let seed = Seed::new(options.seed).named("add10");
    let (train, train_sum) = draw(ROWS, &mut seed.named("train").stream());
    let (test, test_sum) = draw(ROWS, &mut seed.named("test").stream());
    Ok(Whole {
        about: About {
            name: "add10".into(),
            title: "Add10".into(),
            source:
                "function of J. H. Friedman, Multivariate adaptive regression splines, 1991; rows drawn by this program"
                    .into(),
            content_sha256: content_sha256([("train", train_sum.as_str()), ("test", test_sum.as_str())]),
            outputs: outputs(),
            part: None,
            synthetic: Some(format!(
                "rows drawn from the set's defining function, seed {}; noise variance 1",
                options.seed
            )),
            test_rule: "drawn apart".to_owned(),
        },
        train,
        test,
        validation: None,
        holdout: Holdout::Last(ROWS / 10),
        inputs: inputs(),
        transform: TransformChoice::AsIs,
    })
}

/// The features by the names of the function's variables.
pub(crate) fn inputs() -> Inputs {
    Inputs::whole_table((1..=FEATURES).map(|place| Input::number(&format!("x{place}"))))
}

pub(crate) fn outputs() -> Outputs {
    Outputs::value("y")
}

/// So many rows of a split, drawn from the same function.
pub(crate) fn some(rows: usize, stream: &mut Stream) -> Part {
    draw(rows, stream).0
}

/// The function without noise: the best that a model can predict.
fn mean(x: &[f64]) -> f64 {
    10.0 * (std::f64::consts::PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4]
}

fn draw(rows: usize, stream: &mut Stream) -> (Part, String) {
    let (mut numbers, mut values) = (Vec::with_capacity(rows * FEATURES), Vec::with_capacity(rows));
    for _ in 0..rows {
        let row: [f64; FEATURES] = std::array::from_fn(|_| stream.uniform());
        values.push((mean(&row) + stream.normal()) as f32);
        numbers.extend(row);
    }
    let bytes: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .chain(values.iter().flat_map(|value| value.to_le_bytes()))
        .collect();
    let part = Part {
        raw: Raw::Numbers(numbers),
        targets: Targets::Values { values, width: 1 },
    };
    (part, sha256(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_gives_the_values_worked_out_by_hand() {
        // sin(π·½·1) = 1: 10 + 20·0.25 + 10·1 + 5·1 = 30; the last five features do nothing.
        assert!((mean(&[0.5, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0]) - 30.0).abs() < 1e-12);
        // sin 0 = 0: 20·0.25 = 5.
        assert!((mean(&[0.0; 10]) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn the_noise_floor_is_one() {
        let (part, _) = draw(ROWS, &mut Seed::new(1).stream());
        let (Raw::Numbers(numbers), Targets::Values { values, .. }) = (part.raw, part.targets) else {
            panic!("a table of values")
        };
        let errors = numbers.chunks_exact(FEATURES).zip(&values);
        let mse = errors
            .map(|(row, &value)| (f64::from(value) - mean(row)).powi(2))
            .sum::<f64>()
            / ROWS as f64;
        // The mean of n squared normals has standard deviation √(2/n) = 0.0143; five of them.
        assert!((mse - 1.0).abs() < 5.0 * (2.0 / ROWS as f64).sqrt(), "{mse}");
    }
}
