//! The source of the CUDA kernel, compiled by the C compiler of this machine, against the CPU kernels.

// A test that cannot run here says so instead of passing in silence.
#![allow(clippy::print_stderr)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use espalier_seed::{Seed, Stream};

use super::arguments::{Arguments, SOURCE};
use super::{AgedUpdate, DeviceUpdate};
use crate::kernels::optimizer::{AdaMax, Adagrad, Adam, RmsProp, Sgd, Update};

const COUNT: usize = 13;

/// Rules with every branch of the kernel.
fn rules() -> Vec<Update> {
    let sgd = |momentum, dampening, nesterov| {
        Update::Sgd(Sgd {
            learning_rate: 0.1,
            momentum,
            dampening,
            weight_decay: 0.02,
            nesterov,
        })
    };
    let adam = |decoupled| {
        Update::Adam(Adam {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-3,
            weight_decay: 0.02,
            decoupled,
        })
    };
    let rms = |centered| {
        Update::RmsProp(RmsProp {
            learning_rate: 0.1,
            alpha: 0.9,
            epsilon: 1e-3,
            momentum: 0.5,
            weight_decay: 0.02,
            centered,
        })
    };
    vec![
        sgd(0.0, 0.0, false),
        sgd(0.9, 0.3, false),
        sgd(0.9, 0.0, true),
        adam(false),
        adam(true),
        Update::AdaMax(AdaMax {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-3,
            weight_decay: 0.02,
        }),
        Update::Adagrad(Adagrad {
            learning_rate: 0.1,
            rate_decay: 0.2,
            epsilon: 1e-3,
            weight_decay: 0.02,
        }),
        rms(false),
        rms(true),
    ]
}

/// Arrays of one call: parameters with three states, gradient, births and rates.
struct Case {
    update: DeviceUpdate,
    packed: Vec<f64>,
    gradient: Vec<f64>,
    ages: Option<Vec<f64>>,
}

fn cases(stream: &mut Stream) -> Vec<Case> {
    let mut cases = Vec::new();
    for update in rules() {
        for (step, aged) in [(1, false), (7, false), (7, true)] {
            let mut draw =
                |count: usize, from, to| (0..count).map(|_| stream.uniform_in(from, to)).collect::<Vec<f64>>();
            let mut packed = draw(COUNT, -1.0, 1.0);
            // Second moments above the squares of first ones, so that variances are positive.
            packed.extend(draw(COUNT, 0.5, 1.0));
            packed.extend(draw(COUNT, 0.1, 0.5));
            packed.extend(draw(COUNT, -1.0, 1.0));
            let births: Vec<f64> = (0..COUNT).map(|i| (i % 7) as f64).collect();
            let rates = draw(COUNT, 0.5, 2.0);
            cases.push(Case {
                update: DeviceUpdate { update, step },
                gradient: draw(COUNT, -1.0, 1.0),
                ages: aged.then(|| [births, rates].concat()),
                packed,
            });
        }
    }
    cases
}

fn list(values: &[f64]) -> String {
    values
        .iter()
        .map(|value| format!("{value:e}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// A C program that runs all cases and prints every array, a line each.
fn program(cases: &[Case]) -> String {
    let mut code = "#include <math.h>\n#include <stdio.h>\n#define VALUE double\n#define __global__ static\n\
        typedef struct { unsigned x; } place;\nstatic place blockIdx = {0}, threadIdx = {0}, blockDim = {1}, gridDim = {1};\n"
        .to_owned();
    code.push_str(SOURCE);
    code.push_str("int main(void) {\n");
    for case in cases {
        let Arguments {
            rule,
            flag,
            step,
            rate,
            constants: [a, b, c],
            decay,
        } = Arguments::of(&case.update);
        let (packed, gradient) = (list(&case.packed), list(&case.gradient));
        let (ages, aged) = case.ages.as_ref().map_or(("0".to_owned(), 0), |ages| (list(ages), 1));
        write!(
            code,
            "{{ double p[] = {{{packed}}}, g[] = {{{gradient}}}, ages[] = {{{ages}}};\n\
             update({COUNT}, p, g, ages, {aged}, {rule}, {flag}, {step:e}, {rate:e}, {a:e}, {b:e}, {c:e}, {decay:e});\n\
             for (int i = 0; i < {}; i++) printf(\"%.17g \", p[i]);\n printf(\"\\n\"); }}\n",
            case.packed.len()
        )
        .unwrap();
    }
    code.push_str("return 0; }\n");
    code
}

fn run(folder: &Path, code: &str) -> Option<String> {
    let (source, binary) = (folder.join("update.c"), folder.join("update"));
    std::fs::write(&source, code).unwrap();
    let compile = Command::new("cc")
        .arg("-O1")
        .arg("-ffp-contract=off")
        .arg(&source)
        .arg("-o")
        .arg(&binary)
        .arg("-lm")
        .output();
    let Ok(compiled) = compile else {
        eprintln!("skipped the check of the CUDA kernel's source: no C compiler `cc`");
        return None;
    };
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    Some(String::from_utf8(Command::new(&binary).output().unwrap().stdout).unwrap())
}

/// The same call through Candle's CPU device.
fn expected(case: &Case) -> Vec<f64> {
    use candle_core::{Device, Tensor};
    let used = (1 + case.update.update.states()) * COUNT;
    let packed = Tensor::from_slice(&case.packed[..used], used, &Device::Cpu).unwrap();
    let gradient = Tensor::from_slice(&case.gradient, COUNT, &Device::Cpu).unwrap();
    match &case.ages {
        Some(ages) => {
            let ages = Tensor::from_slice(ages, 2 * COUNT, &Device::Cpu).unwrap();
            packed.inplace_op3(&gradient, &ages, &AgedUpdate(case.update)).unwrap();
        }
        None => packed.inplace_op2(&gradient, &case.update).unwrap(),
    }
    packed.to_vec1().unwrap()
}

#[test]
fn the_cuda_kernels_source_computes_what_the_cpu_kernels_do() {
    let cases = cases(&mut Seed::new(31).stream());
    let folder = tempfile::tempdir().unwrap();
    let Some(output) = run(folder.path(), &program(&cases)) else {
        return;
    };
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), cases.len());
    for (case, line) in cases.iter().zip(lines) {
        let found: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let expected = expected(case);
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let apart = (found - expected).abs() / expected.abs().max(1.0);
            assert!(
                apart < 1e-14,
                "{:?}: value {i} is {found}, expected {expected}",
                case.update
            );
        }
        // States that the rule has not stay as they were.
        assert_eq!(
            found[expected.len()..],
            case.packed[expected.len()..],
            "{:?}",
            case.update
        );
        assert_ne!(found[..COUNT], case.packed[..COUNT]);
    }
}
