use super::{assert_close, assert_gradient, inner, normal};
use crate::kernels::gate::{apply, apply_backward, fold_columns, fold_rows, unfold_columns, unfold_rows};
use crate::kernels::product::{ProductShape, Threads, forward, weight_gradient};

const ROWS: usize = 5;
const UNITS: usize = 4;
const OUT: usize = 3;

#[test]
fn gates_folded_into_consumers_equal_gated_activations() {
    let (x, theta, w, dy) = (
        normal(1, ROWS * UNITS),
        normal(2, UNITS),
        normal(3, UNITS * OUT),
        normal(4, ROWS * OUT),
    );
    let shape = ProductShape {
        rows: ROWS,
        fan_in: UNITS,
        fan_out: OUT,
    };
    let (mut gated, mut y, mut folded, mut y_folded) = (
        vec![0.0; x.len()],
        vec![0.0; dy.len()],
        vec![0.0; w.len()],
        vec![0.0; dy.len()],
    );
    apply(&x, &theta, &mut gated);
    forward(shape, &gated, &w, &mut y, false, Threads::One);
    fold_rows(&w, OUT, &theta, &mut folded);
    forward(shape, &x, &folded, &mut y_folded, false, Threads::One);
    assert_close(&y_folded, &y, 1e-14);
    let (mut dw, mut dtheta) = (vec![0.0; w.len()], vec![9.0; UNITS]);
    weight_gradient(shape, &x, &dy, &mut dw, false, Threads::One);
    unfold_rows(&w, OUT, &theta, &mut dw, &mut dtheta);
    let loss = |theta: &[f64], w: &[f64]| {
        let (mut gated, mut y) = (vec![0.0; x.len()], vec![0.0; dy.len()]);
        apply(&x, theta, &mut gated);
        forward(shape, &gated, w, &mut y, false, Threads::One);
        inner(&y, &dy)
    };
    assert_gradient(|theta| loss(theta, &w), &theta, &dtheta);
    assert_gradient(|w| loss(&theta, w), &w, &dw);
}

#[test]
fn gates_repeat_over_kernel_positions() {
    // Four rows, two units: rows 0 and 2 belong to unit 0.
    let mut folded = [0.0f64; 4];
    fold_rows(&[1.0, 2.0, 3.0, 4.0], 1, &[10.0, 100.0], &mut folded);
    assert_eq!(folded, [10.0, 200.0, 30.0, 400.0]);
    let (mut gradient, mut dtheta) = ([1.0, 1.0, 2.0, 3.0], [0.0; 2]);
    unfold_rows(&[1.0, 2.0, 3.0, 4.0], 1, &[10.0, 100.0], &mut gradient, &mut dtheta);
    assert_eq!(dtheta, [1.0 + 6.0, 2.0 + 12.0]);
    assert_eq!(gradient, [10.0, 100.0, 20.0, 300.0]);
}

#[test]
fn gates_folded_into_producers_equal_gated_outputs() {
    let (x, theta, w, bias, dy) = (
        normal(1, ROWS * OUT),
        normal(2, UNITS),
        normal(3, OUT * UNITS),
        normal(5, UNITS),
        normal(4, ROWS * UNITS),
    );
    let shape = ProductShape {
        rows: ROWS,
        fan_in: OUT,
        fan_out: UNITS,
    };
    let loss = |theta: &[f64], w: &[f64], bias: &[f64]| {
        let mut y: Vec<f64> = bias.iter().copied().cycle().take(dy.len()).collect();
        forward(shape, &x, w, &mut y, true, Threads::One);
        let mut gated = vec![0.0; y.len()];
        apply(&y, theta, &mut gated);
        inner(&gated, &dy)
    };
    let (mut folded, mut folded_bias) = (vec![0.0; w.len()], vec![0.0; UNITS]);
    fold_columns(&w, &theta, &mut folded);
    fold_columns(&bias, &theta, &mut folded_bias);
    let ones = [1.0; UNITS];
    assert_close(&[loss(&ones, &folded, &folded_bias)], &[loss(&theta, &w, &bias)], 1e-13);
    let (mut dw, mut dtheta) = (vec![0.0; w.len()], vec![0.0; UNITS]);
    weight_gradient(shape, &x, &dy, &mut dw, false, Threads::One);
    let mut db: Vec<f64> = (0..UNITS).map(|c| dy.iter().skip(c).step_by(UNITS).sum()).collect();
    unfold_columns(&w, &theta, &mut dw, &mut dtheta);
    unfold_columns(&bias, &theta, &mut db, &mut dtheta);
    assert_gradient(|theta| loss(theta, &w, &bias), &theta, &dtheta);
    assert_gradient(|w| loss(&theta, w, &bias), &w, &dw);
    assert_gradient(|bias| loss(&theta, &w, bias), &bias, &db);
}

#[test]
fn the_gradient_of_gated_activations_is_that_of_the_product() {
    let (x, theta, dy) = (normal(1, ROWS * UNITS), normal(2, UNITS), normal(3, ROWS * UNITS));
    let (mut gradient, mut dtheta) = (dy.clone(), vec![9.0; UNITS]);
    apply_backward(&x, &theta, &mut gradient, &mut dtheta);
    let loss = |x: &[f64], theta: &[f64]| {
        let mut y = vec![0.0; x.len()];
        apply(x, theta, &mut y);
        inner(&y, &dy)
    };
    assert_gradient(|x| loss(x, &theta), &x, &gradient);
    assert_gradient(|theta| loss(&x, theta), &theta, &dtheta);
}
