use super::*;

fn pixels(channels: usize) -> Scale {
    Scale {
        divisor: 255.0,
        channels,
        untouched: vec![],
    }
}

fn bytes() -> Raw {
    // Two header bytes, then two rows of three.
    Raw::Bytes {
        file: vec![9, 9, 0, 51, 255, 102, 0, 255],
        start: 2,
    }
}

fn rows(choice: TransformChoice, split: Split) -> Vec<f32> {
    let transform = Transform::new("set", choice, &pixels(1), &bytes(), 3, &[0, 1]).unwrap();
    transform.rows(split, &bytes(), 3, &[1, 0])
}

#[test]
fn every_choice_gives_the_numbers_worked_out_by_hand() {
    // Row 1 then row 0: units 0.4, 0, 1 and 0, 0.2, 1.
    let close = |found: Vec<f32>, expected: [f32; 6]| {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{found:?} against {expected:?}");
        }
    };
    for split in [Split::Train, Split::Validation, Split::Test] {
        close(rows(TransformChoice::Unit, split), [0.4, 0.0, 1.0, 0.0, 0.2, 1.0]);
        close(rows(TransformChoice::Centre, split), [-0.1, -0.5, 0.5, -0.5, -0.3, 0.5]);
        close(rows(TransformChoice::HALF, split), [-0.2, -1.0, 1.0, -1.0, -0.6, 1.0]);
        // (0 − 0.1307) ÷ 0.3081 and (1 − 0.1307) ÷ 0.3081.
        let mnist = rows(TransformChoice::MNIST, split);
        close(
            vec![mnist[1], mnist[2]],
            [-0.424_212_9, 2.821_486_7, 0.0, 0.0, 0.0, 0.0],
        );
    }
}

#[test]
fn only_the_named_fault_treats_the_test_split_otherwise() {
    let fault = TransformChoice::LegacyTestHalved;
    assert_eq!(rows(fault, Split::Train), rows(TransformChoice::Centre, Split::Train));
    assert_eq!(
        rows(fault, Split::Validation),
        rows(TransformChoice::Centre, Split::Train)
    );
    let expected: Vec<f32> = rows(TransformChoice::Unit, Split::Test)
        .iter()
        .map(|x| x * 0.5)
        .collect();
    assert_eq!(rows(fault, Split::Test), expected);
    let transform = Transform::new("set", fault, &pixels(1), &bytes(), 3, &[0]).unwrap();
    assert!(!transform.is_same_for_all_splits());
}

#[test]
fn a_fitted_transform_takes_its_constants_from_the_training_rows_alone() {
    // Training rows (1, 5) and (3, 5); row 2 would move the mean if it were read.
    // Column 0: mean 2, std 1; column 1 is constant; both worked out by hand.
    let raw = Raw::Numbers(vec![1.0, 5.0, 3.0, 5.0, 100.0, 7.0]);
    let scale = Scale {
        divisor: 1.0,
        channels: 2,
        untouched: vec![false, false],
    };
    let transform = Transform::new("set", TransformChoice::Fitted, &scale, &raw, 2, &[0, 1]).unwrap();
    assert_eq!(transform.channels()[0], Channel { mean: 2.0, std: 1.0 });
    assert_eq!(transform.channels()[1], Channel { mean: 5.0, std: 1.0 });
    assert_eq!(transform.rows(Split::Test, &raw, 2, &[2]), [98.0, 2.0]);
}

#[test]
fn untouched_columns_stay_as_they_are() {
    let raw = Raw::Numbers(vec![1.0, 1.0, 3.0, 0.0]);
    let scale = Scale {
        divisor: 1.0,
        channels: 2,
        untouched: vec![false, true],
    };
    let transform = Transform::new("set", TransformChoice::Fitted, &scale, &raw, 2, &[0, 1]).unwrap();
    assert_eq!(transform.rows(Split::Train, &raw, 2, &[0, 1]), [-1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn colour_channels_repeat_along_the_row() {
    let raw = Raw::Bytes {
        file: vec![0, 255, 255, 0],
        start: 0,
    };
    let scale = Scale {
        divisor: 255.0,
        channels: 2,
        untouched: vec![],
    };
    let transform = Transform::new("set", TransformChoice::Fitted, &scale, &raw, 4, &[0]).unwrap();
    // Channel 0 holds units 0 and 1, channel 1 holds 1 and 0: mean ½, std ½ each.
    assert_eq!(transform.channels(), [Channel { mean: 0.5, std: 0.5 }; 2]);
    assert_eq!(transform.rows(Split::Train, &raw, 4, &[0]), [-1.0, 1.0, 1.0, -1.0]);
}

#[test]
fn a_choice_that_does_not_fit_the_set_is_refused() {
    let raw = Raw::Numbers(vec![1.0]);
    let scale = Scale {
        divisor: 1.0,
        channels: 1,
        untouched: vec![],
    };
    for choice in [TransformChoice::Centre, TransformChoice::Unit, TransformChoice::MNIST] {
        let error = Transform::new("airfoil", choice, &scale, &raw, 1, &[0])
            .unwrap_err()
            .to_string();
        assert!(error.contains("airfoil") && error.contains("Fitted or AsIs"), "{error}");
    }
    assert!(Transform::new("set", TransformChoice::AsIs, &pixels(1), &bytes(), 3, &[0]).is_err());
    let flat = TransformChoice::Standardise { mean: 0.0, std: 0.0 };
    assert!(Transform::new("set", flat, &pixels(1), &bytes(), 3, &[0]).is_err());
}

#[test]
fn restoring_gives_the_pixel_back() {
    let transform = Transform::new("set", TransformChoice::MNIST, &pixels(1), &bytes(), 3, &[0]).unwrap();
    for pixel in 0..=255_u8 {
        let there = transform.apply(Split::Test, 0, f64::from(pixel));
        let back = transform.restore(Split::Test, 0, there);
        assert!((back - f64::from(pixel)).abs() < 1e-4);
    }
}
