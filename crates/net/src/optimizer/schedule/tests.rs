use super::*;

fn assert_rates(schedule: &RateSchedule, expected: &[f64]) {
    schedule.validate().unwrap();
    for (step, rate) in expected.iter().enumerate() {
        assert!(
            (schedule.rate(step as u64) - rate).abs() < 1e-11,
            "{schedule:?} at {step}"
        );
    }
}

// The expected rates are those of `torch.optim.lr_scheduler` (torch 1.13.1): StepLR(4, 0.3),
// MultiStepLR([3, 7], 0.5), CosineAnnealingLR(10, 0.01), SequentialLR of LinearLR(0.2, 1, 4) and StepLR(3, 0.5).

#[test]
fn steps_agree_with_torch() {
    let step = RateSchedule::Step {
        rate: 0.1,
        every: 4,
        factor: 0.3,
    };
    assert_rates(
        &step,
        &[0.1, 0.1, 0.1, 0.1, 0.03, 0.03, 0.03, 0.03, 0.009, 0.009, 0.009, 0.009],
    );
    let several = RateSchedule::MultiStep {
        rate: 0.1,
        milestones: vec![3, 7],
        factor: 0.5,
    };
    assert_rates(
        &several,
        &[0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.025],
    );
}

#[test]
fn the_cosine_agrees_with_torch_and_stays_on_its_floor() {
    let cosine = RateSchedule::Cosine {
        rate: 0.1,
        floor: 0.01,
        steps: 10,
    };
    let expected = [
        0.1,
        0.097797543233,
        0.091405764747,
        0.081450336353,
        0.068905764747,
        0.055,
        0.041094235253,
        0.028549663647,
        0.018594235253,
        0.012202456767,
        0.01,
        0.01,
        0.01,
    ];
    assert_rates(&cosine, &expected);
}

#[test]
fn a_warm_up_agrees_with_torch() {
    let then = Box::new(RateSchedule::Step {
        rate: 0.1,
        every: 3,
        factor: 0.5,
    });
    let warm = RateSchedule::WarmUp {
        steps: 4,
        start: 0.2,
        then,
    };
    assert_rates(
        &warm,
        &[0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025],
    );
}

#[test]
fn stages_follow_each_other_and_the_last_holds_for_ever() {
    let stage = |steps, schedule| RateStage { steps, schedule };
    let stages = RateSchedule::Stages {
        stages: vec![
            stage(2, RateSchedule::constant(0.3)),
            stage(
                3,
                RateSchedule::Step {
                    rate: 0.2,
                    every: 1,
                    factor: 0.5,
                },
            ),
            stage(1, RateSchedule::constant(0.01)),
        ],
    };
    assert_rates(&stages, &[0.3, 0.3, 0.2, 0.1, 0.05, 0.01, 0.01, 0.01]);
}

#[test]
fn schedules_read_and_write_themselves() {
    let schedule = RateSchedule::Cosine {
        rate: 0.1,
        floor: 0.0,
        steps: 9,
    }
    .warmed_up(3);
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<RateSchedule>(&text).unwrap(), schedule);
    assert!(serde_json::from_str::<RateSchedule>(r#"{"form": "constant", "rates": 1}"#).is_err());
}

#[test]
fn settings_outside_their_ranges_are_refused_by_name() {
    let cases = [
        (RateSchedule::constant(f64::INFINITY), "rate"),
        (
            RateSchedule::Step {
                rate: 0.1,
                every: 0,
                factor: 0.5,
            },
            "every",
        ),
        (
            RateSchedule::MultiStep {
                rate: 0.1,
                milestones: vec![5, 5],
                factor: 0.5,
            },
            "milestones",
        ),
        (
            RateSchedule::Cosine {
                rate: 0.1,
                floor: 0.0,
                steps: 0,
            }
            .warmed_up(3),
            "steps",
        ),
        (RateSchedule::Stages { stages: Vec::new() }, "stages"),
    ];
    for (schedule, field) in cases {
        let error = schedule.validate().unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    assert!(Clipping::Norm { largest: 0.0 }.clip::<f32>(&mut []).is_err());
}

#[test]
fn clipping_by_norm_scales_all_gradients_alike() {
    // ‖(3, −4, 12, 0.5, −0.25)‖² = 9 + 16 + 144 + 0.25 + 0.0625; torch 1.13.1 gives 0.46111230 … as below.
    let (mut first, mut second) = ([3.0_f64, -4.0], [12.0, 0.5, -0.25]);
    let norm = Clipping::Norm { largest: 2.0 }
        .clip(&mut [&mut first, &mut second])
        .unwrap();
    assert!((norm - 169.3125_f64.sqrt()).abs() < 1e-12);
    let expected = [0.4611122987, -0.6148163983, 1.8444491949, 0.0768520498, -0.0384260249];
    for (found, wanted) in first.iter().chain(&second).zip(expected) {
        // torch divides by norm + 1e-6.
        assert!((found - wanted).abs() < 2e-7);
    }
    let mut small = [0.3_f32, 0.4];
    Clipping::Norm { largest: 2.0 }.clip(&mut [&mut small]).unwrap();
    assert_eq!(small, [0.3, 0.4]);
}

#[test]
fn clipping_by_value_bounds_each_gradient_and_not_a_number_stays_visible() {
    let mut values = [3.0_f32, -4.0, 0.5, f32::NAN];
    let norm = Clipping::Value { largest: 1.0 }.clip(&mut [&mut values]).unwrap();
    assert_eq!(values[..3], [1.0, -1.0, 0.5]);
    assert!(values[3].is_nan() && norm.is_nan());
    let mut values = [f32::INFINITY, 1.0];
    assert!(
        Clipping::Norm { largest: 1.0 }
            .clip(&mut [&mut values])
            .unwrap()
            .is_infinite()
    );
    assert_eq!(values, [f32::INFINITY, 1.0]);
}

#[test]
fn the_norm_of_long_gradients_is_that_of_all_their_values() {
    // Σ k² for k = 1..=1003 is 1003·1004·2007/6.
    let values: Vec<f32> = (1..=1003).map(|k| k as f32).collect();
    let norm = gradient_norm([&values[..100], &values[100..]]);
    assert!((norm * norm - 1003.0 * 1004.0 * 2007.0 / 6.0).abs() < 1e-3);
}
