//! Times the kernels on one thread against the arithmetic peak of the same run.
//!
//! `cargo run --release -p espalier-net --example kernel_timing`
#![allow(clippy::print_stdout)]

use std::time::Instant;

use espalier_net::kernels::activation::Activation;
use espalier_net::kernels::conv::{self, ConvGradients, ConvShape, ConvWorkspace};
use espalier_net::kernels::dense::{self, DenseGradients};
use espalier_net::kernels::gather;
use espalier_net::kernels::loss::softmax_cross_entropy;
use espalier_net::kernels::optimizer::{Adam, Schedule};
use espalier_net::kernels::pool::{self, PoolShape, Windows};
use espalier_net::kernels::product::{self, ProductShape};
use espalier_net::kernels::sparse::{self, Foreground};
use espalier_net::kernels::statistics::ColumnStatistics;
use espalier_net::kernels::{Threads, instruction_set};

const ADAM: Adam = Adam {
    learning_rate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
    decoupled: false,
};
const BATCH: usize = 128;

/// Shortest of several repeats, in seconds.
fn best(seconds: f64, mut call: impl FnMut()) -> f64 {
    call();
    let begin = Instant::now();
    let mut shortest = f64::INFINITY;
    let mut repeats = 0;
    while repeats < 5 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        call();
        shortest = shortest.min(start.elapsed().as_secs_f64());
        repeats += 1;
    }
    shortest
}

fn data(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Prints GFLOP/s of the three products of a layer.
fn products(rows: usize, fan_in: usize, fan_out: usize) {
    let shape = ProductShape { rows, fan_in, fan_out };
    let (x, w, dy) = (data(rows * fan_in), data(fan_in * fan_out), data(rows * fan_out));
    let rate = |seconds: f64| 2.0 * (rows * fan_in * fan_out) as f64 / seconds / 1e9;
    let mut out = dy.clone();
    let forward = rate(best(0.2, || {
        product::forward(shape, &x, &w, &mut out, false, Threads::One)
    }));
    let mut out = w.clone();
    let weights = rate(best(0.2, || {
        product::weight_gradient(shape, &x, &dy, &mut out, false, Threads::One)
    }));
    let mut out = x.clone();
    let inputs = rate(best(0.2, || {
        product::input_gradient(shape, &dy, &w, &mut out, false, Threads::One)
    }));
    println!("{rows:>6} × {fan_in:>5} × {fan_out:>5}   y {forward:6.1}   dw {weights:6.1}   dx {inputs:6.1} GFLOP/s");
}

/// Images of 28 × 28 with slanting strokes in the middle of a background of −0.4, about a fifth of the pixels.
fn strokes(images: usize) -> Vec<f32> {
    let inked = |image: usize, row: usize, column: usize| {
        let (slant, period) = (image % 7, 11 + image % 5);
        let is_middle = (4..24).contains(&row) && (4..24).contains(&column);
        is_middle && (row * slant + column * 3 + image * 5) % (3 * period) < period + 2
    };
    let pixel = |at: usize| match inked(at / 784, at % 784 / 28, at % 28) {
        true => 1.0 + (at % 13) as f32 / 13.0,
        false => -0.4,
    };
    (0..images * 784).map(pixel).collect()
}

/// Times a first layer on images of which a fifth of the elements are no background.
fn sparse_products(fan_out: usize) {
    let (rows, fan_in) = (BATCH, 784);
    let (w, b, dy) = (data(fan_in * fan_out), data(fan_out), data(rows * fan_out));
    let x = strokes(rows);
    let (mut y, mut dw, mut foreground) = (dy.clone(), w.clone(), Foreground::default());
    let read = best(0.2, || foreground.read(&x, fan_in, -0.4));
    let forward = best(0.2, || {
        sparse::forward(&foreground, (&w, Some(&b)), true, &mut y, Threads::One)
    });
    let weights = best(0.2, || {
        sparse::weight_gradient(&mut foreground, &dy, &mut dw, Threads::One)
    });
    let rate = |seconds: f64| 2.0 * (rows * fan_in * fan_out) as f64 / seconds / 1e9;
    println!(
        "sparse {fan_in} × {fan_out:>5}, {:4.1} % ink: lists {:5.1} µs   y {:6.1} µs, as {:6.1} dense GFLOP/s   dw {:6.1} µs, as {:6.1}",
        100.0 * x.iter().filter(|x| **x > 0.0).count() as f64 / x.len() as f64,
        read * 1e6,
        forward * 1e6,
        rate(forward),
        weights * 1e6,
        rate(weights)
    );
}

/// A dense layer with its gradients and Adam's moments.
struct Layer {
    shape: ProductShape,
    w: Vec<f32>,
    b: Vec<f32>,
    dw: Vec<f32>,
    db: Vec<f32>,
    moments: [Vec<f32>; 4],
    y: Vec<f32>,
}

impl Layer {
    fn new(fan_in: usize, fan_out: usize) -> Self {
        let (w, b) = (data(fan_in * fan_out), data(fan_out));
        let zeros = |v: &Vec<f32>| vec![0.0; v.len()];
        Self {
            shape: ProductShape {
                rows: BATCH,
                fan_in,
                fan_out,
            },
            dw: zeros(&w),
            db: zeros(&b),
            moments: [zeros(&w), zeros(&w), zeros(&b), zeros(&b)],
            y: vec![0.0; BATCH * fan_out],
            w,
            b,
        }
    }

    fn forward(&mut self, x: &[f32], activation: Activation) {
        let operands = (x, &self.w[..], Some(&self.b[..]));
        dense::forward(self.shape, operands, activation, &mut self.y, None, Threads::One);
    }

    fn backward(&mut self, x: &[f32], activation: Activation, gradient: &mut [f32], input: Option<&mut [f32]>) {
        let gradients = DenseGradients {
            weights: &mut self.dw,
            bias: Some(&mut self.db),
            input,
        };
        dense::backward(
            self.shape,
            (x, &self.w),
            (activation, &self.y),
            gradient,
            gradients,
            Threads::One,
        );
    }

    fn update(&mut self, step: u64) {
        let [m, v, mb, vb] = &mut self.moments;
        ADAM.step(&mut self.w, &self.dw, [m, v], Schedule::uniform(step));
        ADAM.step(&mut self.b, &self.db, [mb, vb], Schedule::uniform(step));
    }
}

/// Times a training step of 784-H-10, with the batch's gathering, Adam and, on demand, statistics.
fn mlp(hidden: usize, peak: f64) {
    let source = data(4096 * 784);
    let indices: Vec<usize> = (0..BATCH).map(|i| i * 977 % 4096).collect();
    let targets: Vec<u32> = (0..BATCH as u32).map(|i| i % 10).collect();
    let (mut first, mut second) = (Layer::new(784, hidden), Layer::new(hidden, 10));
    let (mut x, mut dh, mut dz) = (vec![0.0; BATCH * 784], vec![0.0; BATCH * hidden], vec![0.0; BATCH * 10]);
    let mut statistics = ColumnStatistics::<f32>::new(hidden);
    let mut step = 0;
    let mut train = |observe: bool| {
        step += 1;
        gather::rows(&source, 784, &indices, &mut x);
        first.forward(&x, Activation::Relu);
        if observe {
            statistics.observe(&first.y);
        }
        second.forward(&first.y, Activation::Identity);
        softmax_cross_entropy(&second.y, 10, &targets, None, &mut dz);
        second.backward(&first.y, Activation::Identity, &mut dz, Some(&mut dh));
        first.backward(&x, Activation::Relu, &mut dh, None);
        second.update(step);
        first.update(step);
    };
    let plain = best(0.5, || train(false));
    let observed = best(0.5, || train(true));
    let flops = (2 * 2 * 784 * hidden + 3 * 2 * 10 * hidden) as f64 * BATCH as f64;
    println!(
        "MLP 784-{hidden}-10: {:8.1} steps/s, {:5.1} % of the peak; observing costs {:4.1} %",
        1.0 / plain,
        100.0 * flops / plain / peak,
        100.0 * (observed / plain - 1.0)
    );
    let count = 784 * hidden;
    let seconds = best(0.3, || first.update(1));
    println!(
        "  Adam on {count} weights: {:6.1} µs, {:5.1} GB/s",
        seconds * 1e6,
        28.0 * count as f64 / seconds / 1e9
    );
}

/// Times one convolution's passes.
fn convolution(name: &str, shape: ConvShape, peak: f64) -> f64 {
    let x = data(shape.samples * shape.sample_inputs());
    let (w, b) = (data(shape.weight_count()), data(shape.out_channels));
    let dy = data(shape.samples * shape.sample_outputs());
    let (mut y, mut dw, mut db, mut dx) = (dy.clone(), w.clone(), b.clone(), x.clone());
    let mut workspace = ConvWorkspace::new();
    let forward = best(0.5, || {
        conv::forward(
            &shape,
            (&x, &w, Some(&b)),
            Activation::Relu,
            &mut y,
            &mut workspace,
            Threads::One,
        );
    });
    let mut backward = |input: bool| {
        best(0.5, || {
            let gradients = ConvGradients {
                weights: &mut dw,
                bias: Some(&mut db),
                input: input.then_some(&mut dx[..]),
            };
            conv::backward(&shape, (&x, &w), &dy, gradients, &mut workspace, Threads::One);
        })
    };
    let (weights, both) = (backward(false), backward(true));
    let flops = 2.0 * (shape.samples * shape.positions() * shape.weight_count()) as f64;
    let share = |seconds: f64| 100.0 * flops / seconds / peak;
    println!(
        "{name}: y {:6.2} ms ({:4.1} %)   dw+db {:6.2} ms ({:4.1} %)   dx {:6.2} ms ({:4.1} %)   workspace {} KiB",
        forward * 1e3,
        share(forward),
        weights * 1e3,
        share(weights),
        (both - weights) * 1e3,
        share(both - weights),
        workspace.bytes() / 1024
    );
    forward + if shape.in_channels == 1 { weights } else { both }
}

/// Times one max-pooling layer with the ReLU backward that follows it.
fn pooling(name: &str, size: usize, channels: usize) -> f64 {
    let windows = Windows::Regular {
        kernel: (2, 2),
        stride: (2, 2),
        padding: (0, 0),
    };
    let shape = PoolShape {
        samples: BATCH,
        height: size,
        width: size,
        channels,
        windows,
    };
    let x = data(BATCH * shape.sample_inputs());
    let mut y = vec![0.0; BATCH * shape.sample_outputs()];
    let (mut places, mut dx) = (vec![0; y.len()], x.clone());
    let forward = best(0.3, || pool::max_forward(&shape, &x, &mut y, &mut places));
    let backward = best(0.3, || pool::max_backward(&shape, &y, &places, &mut dx));
    let relu = best(0.3, || Activation::Relu.backward(&x, &mut dx));
    println!(
        "{name}: forward {:5.2} ms   backward {:5.2} ms   ReLU backward {:5.2} ms",
        forward * 1e3,
        backward * 1e3,
        relu * 1e3
    );
    forward + backward + relu
}

/// Times the layers of the network 1→32→64 with 3×3 kernels, pooling by 2 and a dense layer of 128.
fn cnn(peak: f64) {
    let shape = |size, in_channels, out_channels| ConvShape {
        samples: BATCH,
        height: size,
        width: size,
        in_channels,
        out_channels,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        groups: 1,
    };
    let mut total = convolution("conv  1→32 28×28", shape(28, 1, 32), peak);
    total += convolution("conv 32→64 14×14", shape(14, 32, 64), peak);
    total += pooling("pool 32 28×28", 28, 32) + pooling("pool 64 14×14", 14, 64);
    let (mut layer, x) = (Layer::new(3136, 128), data(BATCH * 3136));
    let (mut dy, mut dx) = (data(BATCH * 128), x.clone());
    let dense = best(0.5, || {
        layer.forward(&x, Activation::Relu);
        layer.backward(&x, Activation::Relu, &mut dy, Some(&mut dx));
        layer.update(1);
    });
    println!("dense 3136→128 with Adam: {:5.2} ms", dense * 1e3);
    println!(
        "CNN: about {:5.1} ms, {:5.1} steps/s",
        (total + dense) * 1e3,
        1.0 / (total + dense)
    );
    let same = |groups, stride| ConvShape {
        in_channels: 64,
        groups,
        stride,
        ..shape(14, 64, 64)
    };
    convolution("depthwise 64 14×14", same(64, (1, 1)), peak);
    convolution("grouped 4×16→16 14×14", same(4, (1, 1)), peak);
    convolution("strided 64→64 14×14", same(1, (2, 2)), peak);
}

fn main() {
    let size = 1024;
    let (a, b) = (data(size * size), data(size * size));
    let mut c = a.clone();
    let shape = ProductShape {
        rows: size,
        fan_in: size,
        fan_out: size,
    };
    let seconds = best(1.0, || product::forward(shape, &a, &b, &mut c, false, Threads::One));
    let peak = 2.0 * (size as f64).powi(3) / seconds;
    println!(
        "{:?}: peak of a 1024³ product {:.1} GFLOP/s",
        instruction_set(),
        peak / 1e9
    );
    for hidden in [32, 128, 512, 2048] {
        products(BATCH, 784, hidden);
        products(BATCH, hidden, 10);
    }
    for hidden in [32, 128, 512, 2048] {
        sparse_products(hidden);
    }
    products(BATCH, 1000, 1000);
    for hidden in [32, 128, 512, 2048] {
        mlp(hidden, peak);
    }
    cnn(peak);
}
