use proptest::prelude::*;

use super::{assert_close, assert_gradient, double, normal, single};
use crate::kernels::loss::{Reduction, count_correct, softmax_cross_entropy, squared_error};

fn naive(logits: &[f64], classes: usize, targets: &[u32], weights: &[f64]) -> f64 {
    let (mut loss, mut total) = (0.0, 0.0);
    for (z, &target) in logits.chunks(classes).zip(targets) {
        let partition: f64 = z.iter().map(|z| z.exp()).sum();
        loss += weights[target as usize] * (partition.ln() - z[target as usize]);
        total += weights[target as usize];
    }
    loss / total
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn cross_entropy_is_its_definition(rows in 1usize..9, classes in 2usize..12, weighted in any::<bool>(), shift in 0u32..5) {
        let logits = normal(1, rows * classes);
        let targets: Vec<u32> = (0..rows as u32).map(|i| (i * 7 + shift) % classes as u32).collect();
        let weights: Vec<f64> = if weighted { normal(2, classes).iter().map(|w| w.abs() + 0.1).collect() } else { vec![1.0; classes] };
        let mut gradient = vec![9.0; logits.len()];
        let found = softmax_cross_entropy(&logits, classes, &targets, weighted.then_some(&weights[..]), &mut gradient);
        assert_close(&[found.loss], &[naive(&logits, classes, &targets, &weights)], 1e-12);
        assert_gradient(|z| naive(z, classes, &targets, &weights), &logits, &gradient);
        prop_assert_eq!(found.correct, count_correct(&logits, classes, &targets));
        let mut narrow = vec![0.0f32; logits.len()];
        let single_weights = single(&weights);
        let found32 = softmax_cross_entropy(&single(&logits), classes, &targets, weighted.then_some(&single_weights[..]), &mut narrow);
        assert_close(&[found32.loss], &[found.loss], 1e-6);
        assert_close(&double(&narrow), &gradient, 1e-6);
    }

    #[test]
    fn squared_error_is_its_definition(count in 1usize..200, mean in any::<bool>()) {
        let (p, t) = (normal(1, count), normal(2, count));
        let reduction = if mean { Reduction::Mean } else { Reduction::Sum };
        let scale = if mean { 1.0 / count as f64 } else { 1.0 };
        let definition = |p: &[f64]| p.iter().zip(&t).map(|(p, t)| (p - t).powi(2)).sum::<f64>() * scale;
        let mut gradient = vec![9.0; count];
        let found = squared_error(&p, &t, reduction, &mut gradient);
        assert_close(&[found], &[definition(&p)], 1e-12);
        assert_gradient(definition, &p, &gradient);
    }
}

#[test]
fn the_first_of_equal_logits_is_the_answer() {
    assert_eq!(count_correct(&[1.0f32, 1.0, 0.0, 2.0, 2.0, 2.0], 3, &[0, 1]), 1);
}

#[test]
fn large_logits_do_not_overflow() {
    // By hand: two classes 1000 apart; the loss of the wrong one is 1000, of the right one 0.
    let mut gradient = [0.0f32; 4];
    let found = softmax_cross_entropy(&[1000.0, 0.0, 1000.0, 0.0], 2, &[1, 0], None, &mut gradient);
    assert_close(&[found.loss], &[500.0], 1e-7);
    assert_eq!(found.correct, 1);
    assert_eq!(gradient, [0.5, -0.5, 0.0, 0.0]);
}

#[test]
fn nan_logits_give_a_nan_loss() {
    let mut gradient = [0.0f32; 2];
    let found = softmax_cross_entropy(&[f32::NAN, 0.0], 2, &[1], None, &mut gradient);
    assert!(found.loss.is_nan());
    assert!(gradient[0].is_nan());
}
