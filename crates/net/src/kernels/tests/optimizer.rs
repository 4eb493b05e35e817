//! Expected values: torch 2.15.0 (`torch.optim`, float64), 100 steps from p = 1, −2, 0.5, 3 with
//! gradients (0.5 + i)·pᵢ + sin(0.7·t + i) at steps t = 1…100.

use super::{assert_close, normal};
use crate::kernels::Element;
use crate::kernels::optimizer::{AdaMax, Adagrad, Adam, Rates, RmsProp, Schedule, Sgd, Steps};

const START: [f64; 4] = [1.0, -2.0, 0.5, 3.0];

/// Runs 100 steps and returns the parameters.
fn train<E: Element>(mut step: impl FnMut(&mut [E], &[E], u64)) -> Vec<f64> {
    let mut p = START.map(E::from_f64);
    for t in 1..=100u64 {
        let gradient: Vec<E> = (0..4)
            .map(|i| E::from_f64((0.5 + i as f64) * p[i].to_f64() + (0.7 * t as f64 + i as f64).sin()))
            .collect();
        step(&mut p, &gradient, t);
    }
    p.map(E::to_f64).to_vec()
}

/// Asserts that both precisions end where PyTorch ends.
macro_rules! assert_trains_to {
    ($expected:expr, |$p:ident, $g:ident, $t:ident, $state:ident: $states:literal| $call:expr) => {
        let expected: [f64; 4] = $expected;
        let mut $state = [[0f64; 4]; $states];
        assert_close(&train::<f64>(|$p, $g, $t| $call), &expected, 1e-12);
        let mut $state = [[0f32; 4]; $states];
        assert_close(&train::<f32>(|$p, $g, $t| $call), &expected, 1e-5);
    };
}

const SGD: Sgd = Sgd {
    learning_rate: 0.01,
    momentum: 0.0,
    dampening: 0.0,
    weight_decay: 0.1,
    nesterov: false,
};
const ADAM: Adam = Adam {
    learning_rate: 0.02,
    beta1: 0.8,
    beta2: 0.95,
    epsilon: 1e-3,
    weight_decay: 0.1,
    decoupled: false,
};

#[test]
fn sgd_ends_where_pytorch_ends() {
    let expected = [
        0.545_023_260_268_319,
        -0.408_492_283_543_445,
        0.022_011_768_084_320_9,
        0.070_926_507_018_175_3,
    ];
    assert_trains_to!(expected, |p, g, t, _s: 1| SGD.step_plain(p, g, Schedule::uniform(t)));
    assert_trains_to!(expected, |p, g, t, s: 1| SGD.step(p, g, &mut s[0], Schedule::uniform(t)));
}

#[test]
fn sgd_with_dampened_momentum_ends_where_pytorch_ends() {
    let rule = Sgd {
        momentum: 0.9,
        dampening: 0.3,
        ..SGD
    };
    let expected = [
        0.008_636_677_703_300_85,
        0.017_074_811_930_397_6,
        -0.006_303_403_866_352_63,
        -0.030_505_911_301_115_1,
    ];
    assert_trains_to!(expected, |p, g, t, s: 1| rule.step(p, g, &mut s[0], Schedule::uniform(t)));
}

#[test]
fn nesterov_momentum_ends_where_pytorch_ends() {
    let rule = Sgd {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0,
        ..SGD
    };
    let expected = [
        0.021_769_811_580_074_9,
        -0.000_621_057_219_427_727,
        -0.028_286_620_770_496_8,
        -0.026_472_139_988_993_8,
    ];
    assert_trains_to!(expected, |p, g, t, s: 1| rule.step(p, g, &mut s[0], Schedule::uniform(t)));
}

#[test]
fn adam_ends_where_pytorch_ends() {
    let expected = [
        0.219_950_949_595_905,
        -0.401_590_546_955_915,
        -0.008_561_978_928_961_63,
        1.180_556_999_465_3,
    ];
    assert_trains_to!(expected, |p, g, t, s: 2| ADAM.step(p, g, s.each_mut().map(|s| &mut s[..]), Schedule::uniform(t)));
}

#[test]
fn adamw_ends_where_pytorch_ends() {
    let rule = Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        decoupled: true,
        ..ADAM
    };
    let expected = [
        0.194_906_207_093_203,
        -0.358_589_904_798_897,
        -0.002_067_663_572_244_33,
        0.976_254_857_924_843,
    ];
    assert_trains_to!(expected, |p, g, t, s: 2| rule.step(p, g, s.each_mut().map(|s| &mut s[..]), Schedule::uniform(t)));
}

#[test]
fn adamax_ends_where_pytorch_ends() {
    let rule = AdaMax {
        learning_rate: 0.02,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-3,
        weight_decay: 0.1,
    };
    let expected = [
        0.343_839_373_070_504,
        -0.469_301_389_606_898,
        -0.004_579_078_388_549_82,
        1.001_422_347_901_26,
    ];
    assert_trains_to!(expected, |p, g, t, s: 2| rule.step(p, g, s.each_mut().map(|s| &mut s[..]), Schedule::uniform(t)));
}

#[test]
fn adagrad_ends_where_pytorch_ends() {
    let rule = Adagrad {
        learning_rate: 0.1,
        rate_decay: 0.01,
        epsilon: 1e-10,
        weight_decay: 0.1,
    };
    let expected = [
        0.368_605_930_827_413,
        -0.786_343_970_580_075,
        0.000_670_126_953_701_291,
        1.689_031_386_892_9,
    ];
    assert_trains_to!(expected, |p, g, t, s: 1| {
        if t == 1 {
            s[0].fill(0.2);
        }
        rule.step(p, g, &mut s[0], Schedule::uniform(t));
    });
}

#[test]
fn rmsprop_ends_where_pytorch_ends() {
    let plain = RmsProp {
        learning_rate: 0.01,
        alpha: 0.9,
        epsilon: 1e-4,
        momentum: 0.0,
        weight_decay: 0.1,
        centered: false,
    };
    let expected = [
        0.475_059_773_073_335,
        -0.999_880_147_240_992,
        0.004_124_938_301_739_35,
        1.941_081_881_843_55,
    ];
    assert_trains_to!(expected, |p, g, t, s: 3| plain.step(p, g, s.each_mut().map(|s| &mut s[..]), Schedule::uniform(t)));
    let centered = RmsProp {
        momentum: 0.7,
        centered: true,
        weight_decay: 0.0,
        ..plain
    };
    let expected = [
        0.091_384_011_531_735_1,
        0.002_447_378_071_151_81,
        -0.025_676_721_593_709_3,
        -0.029_404_370_026_012_4,
    ];
    assert_trains_to!(expected, |p, g, t, s: 3| centered.step(p, g, s.each_mut().map(|s| &mut s[..]), Schedule::uniform(t)));
}

/// Rates as given to the kernel and as a function of the parameter's place.
type RateCase<'a> = (Rates<'a, f64>, &'a dyn Fn(usize) -> f64);

/// One Adam step of a single parameter by itself.
fn alone(p: f64, g: f64, [m, v]: [f64; 2], step: u64, rate: f64) -> f64 {
    let rule = Adam {
        learning_rate: ADAM.learning_rate * rate,
        decoupled: true,
        ..ADAM
    };
    let (mut p, mut m, mut v) = ([p], [m], [v]);
    rule.step(&mut p, &[g], [&mut m, &mut v], Schedule::uniform(step));
    p[0]
}

#[test]
fn young_columns_take_their_own_step_and_rates_scale_it() {
    let rule = Adam {
        decoupled: true,
        ..ADAM
    };
    for columns in [3, 300] {
        let rows = 4;
        let count = rows * columns;
        let (p, g, m) = (normal(1, count), normal(2, count), normal(3, count));
        let v: Vec<f64> = normal(4, count).iter().map(|v| v * v).collect();
        let steps: Vec<u64> = (0..columns as u64).map(|c| 1 + c % 7).collect();
        let by_column: Vec<f64> = (0..columns).map(|c| 0.5 + c as f64 / columns as f64).collect();
        let by_element: Vec<f64> = (0..count).map(|i| (i % 5) as f64 * 0.3).collect();
        let rates: [RateCase<'_>; 3] = [
            (Rates::Uniform, &|_| 1.0),
            (Rates::Columns(&by_column), &|i| by_column[i % columns]),
            (Rates::Elements(&by_element), &|i| by_element[i]),
        ];
        for (rates, rate) in rates {
            for (steps, step) in [(Steps::Columns(&steps), true), (Steps::Uniform(3), false)] {
                let (mut found, mut m2, mut v2) = (p.clone(), m.clone(), v.clone());
                let schedule = Schedule { columns, steps, rates };
                rule.step(&mut found, &g, [&mut m2, &mut v2], schedule);
                let expected: Vec<f64> = (0..count)
                    .map(|i| {
                        let step = if step { 1 + (i % columns) as u64 % 7 } else { 3 };
                        alone(p[i], g[i], [m[i], v[i]], step, rate(i))
                    })
                    .collect();
                assert_close(&found, &expected, 1e-14);
            }
        }
    }
}

#[test]
#[should_panic(expected = "one state for each parameter")]
fn a_short_state_is_refused() {
    ADAM.step(
        &mut [0.0f32; 4],
        &[0.0; 4],
        [&mut [0.0; 4], &mut [0.0; 3]],
        Schedule::uniform(1),
    );
}
