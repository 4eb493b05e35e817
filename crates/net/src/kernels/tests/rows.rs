//! Column sums, statistics, gathering and dropout.

use espalier_seed::Seed;
use proptest::prelude::*;

use super::{assert_close, double, normal, single};
use crate::kernels::dropout::{DropRate, apply};
use crate::kernels::gather::{byte_rows, rows};
use crate::kernels::statistics::{ColumnStatistics, column_sums};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn column_sums_are_sums_of_columns(rows in 0usize..700, columns in 1usize..90) {
        let x = normal(1, rows * columns);
        let expected: Vec<f64> = (0..columns).map(|c| x.iter().skip(c).step_by(columns).sum()).collect();
        let mut sums = vec![9.0; columns];
        column_sums(&x, &mut sums);
        assert_close(&sums, &expected, 1e-12);
        let mut sums = vec![9.0f32; columns];
        column_sums(&single(&x), &mut sums);
        assert_close(&double(&sums), &expected, 1e-4);
    }

    #[test]
    fn statistics_over_blocks_are_those_of_all_rows(blocks in prop::collection::vec(1usize..40, 1..5), columns in 1usize..40, offset in -50f64..50.0) {
        let total: usize = blocks.iter().sum();
        let x: Vec<f32> = normal(1, total * columns).iter().map(|v| (v + offset) as f32).collect();
        let mut found = ColumnStatistics::<f32>::new(columns);
        let mut rest = &x[..];
        for rows in blocks {
            let (block, others) = rest.split_at(rows * columns);
            found.observe(block);
            rest = others;
        }
        prop_assert_eq!(found.rows, total as u64);
        for c in 0..columns {
            let column: Vec<f64> = x.iter().skip(c).step_by(columns).map(|&v| f64::from(v)).collect();
            let mean = column.iter().sum::<f64>() / total as f64;
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / total as f64;
            assert_close(&[found.mean[c], found.variance(c)], &[mean, variance], 1e-5);
            prop_assert_eq!(found.positive[c] as usize, column.iter().filter(|v| **v > 0.0).count());
            prop_assert_eq!(found.largest[c], column.iter().fold(0.0, |a: f64, v| a.max(v.abs())));
        }
    }
}

#[test]
fn dead_units_never_fire() {
    let mut statistics = ColumnStatistics::<f32>::new(2);
    statistics.observe(&[0.0, 1.0, 0.0, -1.0, 0.0, 3.0, 0.0, 0.0]);
    assert_eq!((statistics.firing_rate(0), statistics.firing_rate(1)), (0.0, 0.5));
    assert_eq!(statistics.variance(0), 0.0);
    statistics.clear();
    assert_eq!((statistics.rows, statistics.variance(1)), (0, 0.0));
}

#[test]
fn column_sums_of_many_rows_keep_their_digits() {
    let x = vec![0.1f32; 300_000];
    for columns in [1, 3, 60] {
        let mut sums = vec![0.0f32; columns];
        column_sums(&x, &mut sums);
        let expected = vec![f64::from(0.1f32) * 300_000.0 / columns as f64; columns];
        assert_close(&double(&sums), &expected, 1e-5);
    }
}

#[test]
fn rows_are_gathered_in_the_order_asked_for() {
    let source = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut out = [0.0; 6];
    rows(&source, 2, &[2, 0, 2], &mut out);
    assert_eq!(out, [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
    let mut out = [0.0f32; 4];
    byte_rows(&[0u8, 255, 100, 200], 2, &[1, 0], 2.0, -1.0, &mut out);
    assert_eq!(out, [199.0, 399.0, -1.0, 509.0]);
}

#[test]
fn dropout_keeps_its_share_and_its_expectation() {
    let rate = DropRate::new(0.25).unwrap();
    let mut mask = vec![9u8; 40_001];
    rate.draw(&mut Seed::new(1).stream(), &mut mask);
    let kept = mask.iter().filter(|&&keep| keep == 1).count() as f64 / mask.len() as f64;
    assert!(mask.iter().all(|&keep| keep <= 1));
    // Four standard deviations of a binomial share: 4·√(0.25·0.75 / 40001) = 0.0087.
    assert!((kept - 0.75).abs() < 0.0087, "kept {kept}");
    let mut values = vec![3.0f32; mask.len()];
    apply(&mut values, &mask, rate);
    assert!(
        values
            .iter()
            .zip(&mask)
            .all(|(&v, &keep)| v == if keep == 1 { 4.0 } else { 0.0 })
    );
}

#[test]
fn dropout_masks_are_the_bits_of_the_stream() {
    let rate = DropRate::new(0.5).unwrap();
    let mut mask = [9u8; 6];
    rate.draw(&mut Seed::new(3).stream(), &mut mask);
    let mut stream = Seed::new(3).stream();
    let (a, b) = (stream.next_u64(), stream.next_u64());
    // At one half the top bit of each 16 decides.
    let expected = [a >> 15, a >> 31, a >> 47, a >> 63, b >> 15, b >> 31].map(|bits| (bits & 1) as u8);
    assert_eq!(mask, expected);
    assert!(DropRate::new(1.5).is_none() && DropRate::new(f64::NAN).is_none());
    let mut none = [1u8; 5];
    DropRate::new(1.0).unwrap().draw(&mut stream, &mut none);
    assert_eq!(none, [0; 5]);
}
