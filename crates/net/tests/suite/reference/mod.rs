//! A plain, slow forward pass in f64, written from the definitions and sharing nothing with the kernels:
//! what edits and kernels are held against.
#![allow(dead_code, clippy::unwrap_used, clippy::too_many_lines, clippy::too_many_arguments)]

use espalier_net::{Activation, Element, GateForm, Layer, Network, Node, NodeId, Role, Window};

/// The outputs of every node in evaluation, `[samples·height·width, channels]` row-major.
pub fn forward<E: Element>(network: &Network<E>, inputs: &[Vec<f64>], samples: usize) -> Vec<Vec<f64>> {
    forward_with(network, inputs, samples, &|_, _| {})
}

/// As [`forward`], with a hook that may change each node's output before others read it.
pub fn forward_with<E: Element>(
    network: &Network<E>,
    inputs: &[Vec<f64>],
    samples: usize,
    hook: &dyn Fn(NodeId, &mut Vec<f64>),
) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); network.nodes().len()];
    let mut next = inputs.iter();
    for &id in network.order() {
        let node = network.node(id);
        let mut out = if *node.layer() == Layer::Input {
            next.next().expect("one batch per input").clone()
        } else {
            compute(network, id, &values, samples)
        };
        hook(id, &mut out);
        values[id.index()] = out;
    }
    values
}

/// The outputs of the network's heads.
pub fn outputs<E: Element>(network: &Network<E>, inputs: &[Vec<f64>], samples: usize) -> Vec<Vec<f64>> {
    let values = forward(network, inputs, samples);
    network.outputs().iter().map(|id| values[id.index()].clone()).collect()
}

fn parameter<E: Element>(network: &Network<E>, node: &Node, role: Role) -> Option<Vec<f64>> {
    let id = node.parameter(role)?;
    Some(network.parameter(id).values().iter().map(|v| v.to_f64()).collect())
}

fn compute<E: Element>(network: &Network<E>, id: NodeId, values: &[Vec<f64>], samples: usize) -> Vec<f64> {
    let node = network.node(id);
    let source = network.node(node.inputs()[0]);
    let x = &values[node.inputs()[0].index()];
    let cin = network.width(node.inputs()[0]);
    let cout = network.width(id);
    let get = |role| parameter(network, node, role);
    let each =
        |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> { x.iter().enumerate().map(|(i, v)| f(i % cin, *v)).collect() };
    match node.layer() {
        Layer::Dense { .. } => {
            let mut w = get(Role::Weight).unwrap();
            if let Some(mask) = get(Role::Mask) {
                w.iter_mut().zip(mask).for_each(|(w, m)| *w *= m);
            }
            let b = get(Role::Bias).unwrap_or_else(|| vec![0.0; cout]);
            let mut y = Vec::with_capacity(samples * cout);
            for row in x.chunks(cin) {
                for j in 0..cout {
                    y.push(b[j] + (0..cin).map(|i| row[i] * w[i * cout + j]).sum::<f64>());
                }
            }
            y
        }
        Layer::Conv { window, groups, .. } => {
            let mut w = get(Role::Weight).unwrap();
            if let Some(mask) = get(Role::Mask) {
                w.iter_mut().zip(mask).for_each(|(w, m)| *w *= m);
            }
            let b = get(Role::Bias).unwrap_or_else(|| vec![0.0; cout]);
            let groups = if node.is_depthwise() { cout } else { *groups };
            conv(x, source.map(), cin, &w, &b, window, groups, cout, node.map(), samples)
        }
        Layer::BatchNorm { epsilon, .. } => {
            let (g, b) = (get(Role::Scale).unwrap(), get(Role::Bias).unwrap());
            let (m, v) = (get(Role::RunningMean).unwrap(), get(Role::RunningVariance).unwrap());
            each(&|c, x| g[c] * (x - m[c]) / (v[c] + epsilon).sqrt() + b[c])
        }
        Layer::LayerNorm { epsilon } => normalise(
            x,
            cin,
            cin,
            1,
            *epsilon,
            &get(Role::Scale).unwrap(),
            &get(Role::Bias).unwrap(),
        ),
        Layer::GroupNorm { groups, epsilon } => normalise(
            x,
            cin,
            cin / groups,
            source.positions(),
            *epsilon,
            &get(Role::Scale).unwrap(),
            &get(Role::Bias).unwrap(),
        ),
        Layer::RmsNorm { epsilon } => {
            let g = get(Role::Scale).unwrap();
            let mut y = Vec::with_capacity(x.len());
            for row in x.chunks(cin) {
                let square = row.iter().map(|v| v * v).sum::<f64>() / cin as f64;
                y.extend((0..cin).map(|c| g[c] * row[c] / (square + epsilon).sqrt()));
            }
            y
        }
        Layer::GatedDense { function, .. } => {
            let mut w = get(Role::Weight).unwrap();
            if let Some(mask) = get(Role::Mask) {
                w.iter_mut().zip(mask).for_each(|(w, m)| *w *= m);
            }
            let b = get(Role::Bias).unwrap_or_else(|| vec![0.0; 2 * cout]);
            let mut y = Vec::with_capacity(samples * cout);
            for row in x.chunks(cin) {
                let z = |j: usize| b[j] + (0..cin).map(|i| row[i] * w[i * 2 * cout + j]).sum::<f64>();
                y.extend((0..cout).map(|j| activate(*function, z(j)) * z(cout + j)));
            }
            y
        }
        Layer::Activation { function } => each(&|_, x| activate(*function, x)),
        Layer::PRelu => {
            let s = get(Role::Slope).unwrap();
            each(&|c, x| if x > 0.0 { x } else { s[c] * x })
        }
        Layer::MaxPool { window } => pool(x, source.map(), cin, window, node.map(), samples, &|v| {
            v.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        Layer::AvgPool { window } => pool(x, source.map(), cin, window, node.map(), samples, &|v| {
            v.iter().sum::<f64>() / v.len() as f64
        }),
        Layer::AdaptiveAvgPool { output } => adaptive(x, source.map(), cin, *output, samples),
        Layer::Dropout { .. } | Layer::Flatten => x.clone(),
        Layer::Concat => {
            let rows = samples * node.positions();
            let mut y = Vec::new();
            for r in 0..rows {
                for input in node.inputs() {
                    let c = network.width(*input);
                    y.extend_from_slice(&values[input.index()][r * c..(r + 1) * c]);
                }
            }
            y
        }
        Layer::Slice { start, end } => x.chunks(cin).flat_map(|row| row[*start..*end].to_vec()).collect(),
        Layer::Sum => {
            let mut y = x.clone();
            for input in &node.inputs()[1..] {
                y.iter_mut().zip(&values[input.index()]).for_each(|(y, v)| *y += v);
            }
            y
        }
        Layer::Gate { form } => {
            let g = get(Role::Gate).unwrap();
            each(&|c, x| {
                x * if *form == GateForm::Rectified {
                    g[c].max(0.0)
                } else {
                    g[c]
                }
            })
        }
        other => panic!("no reference for {other:?}"),
    }
}

pub fn activate(function: Activation, x: f64) -> f64 {
    match function {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
        Activation::Silu => x / (1.0 + (-x).exp()),
        other => panic!("no reference for {other:?}"),
    }
}

#[allow(clippy::too_many_arguments)]
fn conv(
    x: &[f64],
    map: [usize; 2],
    cin: usize,
    w: &[f64],
    b: &[f64],
    window: &Window,
    groups: usize,
    cout: usize,
    out: [usize; 2],
    samples: usize,
) -> Vec<f64> {
    let (cg, og) = (cin / groups, cout / groups);
    let mut y = Vec::new();
    for n in 0..samples {
        for oy in 0..out[0] {
            for ox in 0..out[1] {
                for o in 0..cout {
                    let mut sum = b[o];
                    for ky in 0..window.kernel[0] {
                        for kx in 0..window.kernel[1] {
                            let iy = (oy * window.stride[0] + ky) as isize - window.padding[0] as isize;
                            let ix = (ox * window.stride[1] + kx) as isize - window.padding[1] as isize;
                            if iy < 0 || ix < 0 || iy >= map[0] as isize || ix >= map[1] as isize {
                                continue;
                            }
                            for c in 0..cg {
                                let xi = ((n * map[0] + iy as usize) * map[1] + ix as usize) * cin + (o / og) * cg + c;
                                sum += x[xi] * w[((ky * window.kernel[1] + kx) * cg + c) * cout + o];
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

fn pool(
    x: &[f64],
    map: [usize; 2],
    c: usize,
    window: &Window,
    out: [usize; 2],
    samples: usize,
    f: &dyn Fn(&[f64]) -> f64,
) -> Vec<f64> {
    let mut y = Vec::new();
    for n in 0..samples {
        for oy in 0..out[0] {
            for ox in 0..out[1] {
                for ch in 0..c {
                    let mut seen = Vec::new();
                    for ky in 0..window.kernel[0] {
                        for kx in 0..window.kernel[1] {
                            let iy = (oy * window.stride[0] + ky) as isize - window.padding[0] as isize;
                            let ix = (ox * window.stride[1] + kx) as isize - window.padding[1] as isize;
                            if iy >= 0 && ix >= 0 && iy < map[0] as isize && ix < map[1] as isize {
                                seen.push(x[((n * map[0] + iy as usize) * map[1] + ix as usize) * c + ch]);
                            }
                        }
                    }
                    y.push(f(&seen));
                }
            }
        }
    }
    y
}

fn adaptive(x: &[f64], map: [usize; 2], c: usize, out: [usize; 2], samples: usize) -> Vec<f64> {
    let range = |o: usize, size: usize, cells: usize| (o * size / cells, ((o + 1) * size).div_ceil(cells));
    let mut y = Vec::new();
    for n in 0..samples {
        for oy in 0..out[0] {
            for ox in 0..out[1] {
                let (y0, y1) = range(oy, map[0], out[0]);
                let (x0, x1) = range(ox, map[1], out[1]);
                for ch in 0..c {
                    let mut sum = 0.0;
                    for iy in y0..y1 {
                        for ix in x0..x1 {
                            sum += x[((n * map[0] + iy) * map[1] + ix) * c + ch];
                        }
                    }
                    y.push(sum / ((y1 - y0) * (x1 - x0)) as f64);
                }
            }
        }
    }
    y
}

/// Normalises each block of `positions` rows and `channels` columns.
fn normalise(
    x: &[f64],
    width: usize,
    channels: usize,
    positions: usize,
    epsilon: f64,
    g: &[f64],
    b: &[f64],
) -> Vec<f64> {
    let mut y = x.to_vec();
    let rows = x.len() / width;
    for block in 0..rows / positions {
        for first in (0..width).step_by(channels) {
            let places: Vec<usize> = (0..positions)
                .flat_map(|p| (0..channels).map(move |c| (p, c)))
                .map(|(p, c)| (block * positions + p) * width + first + c)
                .collect();
            let mean = places.iter().map(|i| x[*i]).sum::<f64>() / places.len() as f64;
            let variance = places.iter().map(|i| (x[*i] - mean).powi(2)).sum::<f64>() / places.len() as f64;
            for i in places {
                let c = i % width;
                y[i] = g[c] * (x[i] - mean) / (variance + epsilon).sqrt() + b[c];
            }
        }
    }
    y
}
