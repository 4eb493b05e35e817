//! Drawn rows, and the paths of all methods on them.

use espalier_metrics::{GroupLasso, GroupLassoFit, GroupLassoOptions, Response};
use espalier_net::{
    DeviceChoice, GateForm, LossKind, Network, NetworkBuilder, Optimizer, OptimizerKind, Role, Session, Target,
};
use espalier_seed::{Seed, Stream};

use crate::{Fit, Known, Sizes, Task};

/// Values of a row, or classes.
const OUTPUTS: usize = 8;
/// The correlation of neighbouring features.
const NEIGHBOURS: f64 = 0.7;
/// The norm of a feature's weights above which it is in use.
const USED: f64 = 1e-3;
/// The least λ of a path as a share of the largest.
const LEAST: f64 = 1e-3;
const OPTIONS: GroupLassoOptions = GroupLassoOptions {
    steps: 4_000,
    tolerance: 1e-4,
};

/// Rows of features with their values and classes.
struct Part {
    x: Vec<f64>,
    values: Vec<f64>,
    labels: Vec<usize>,
}

/// Rows to fit to and fresh ones.
pub struct Data {
    task: Task,
    features: usize,
    /// Whether each feature drives the outputs.
    drives: Vec<bool>,
    fitted: Part,
    fresh: Part,
}

impl Data {
    pub fn drawn(task: Task, s: &Sizes, seed: &Seed) -> Self {
        let mut stream = seed.named("weights").stream();
        let mut drives = vec![false; s.features];
        stream.permutation(s.features)[..s.driving]
            .iter()
            .for_each(|place| drives[*place] = true);
        let weight = |drives: &bool| {
            (0..OUTPUTS)
                .map(|_| if *drives { stream.normal() } else { 0.0 })
                .collect::<Vec<_>>()
        };
        let weights: Vec<f64> = drives.iter().flat_map(weight).collect();
        let part = |rows, name| Part::drawn(rows, &weights, s.noise, &mut seed.named(name).stream());
        Self {
            task,
            features: s.features,
            fitted: part(s.rows, "fitted"),
            fresh: part(s.fresh, "fresh"),
            drives,
        }
    }

    pub fn known(&self) -> anyhow::Result<Known> {
        let (driving, none) = (
            self.refitted(&self.drives)?,
            self.refitted(&vec![false; self.features])?,
        );
        Ok(Known {
            diverged: false,
            driving_loss: self.fresh_loss(&driving)?,
            constant_loss: self.fresh_loss(&none)?,
        })
    }

    /// The path of the group lasso from the λ that leaves no feature down.
    pub fn lasso(&self, s: &Sizes, refit: bool) -> anyhow::Result<Vec<Fit>> {
        let model = GroupLasso::new(&self.fitted.x, self.features, self.fitted.response(self.task))?;
        let (mut path, mut start) = (Vec::new(), None);
        for lambda in lambdas(model.least_empty(), s.penalties) {
            let fit = model.fit(lambda, start.as_ref(), &OPTIONS)?;
            let row = if refit {
                let used: Vec<bool> = fit.norms().iter().map(|norm| *norm > USED).collect();
                self.row(lambda, &self.refitted(&used)?)?
            } else {
                self.row(lambda, &fit)?
            };
            path.push(row);
            start = Some(fit);
        }
        Ok(path)
    }

    /// The path of switches, each λ from the same first weights.
    pub fn switches(&self, s: &Sizes, seed: &Seed) -> anyhow::Result<Vec<Fit>> {
        let model = GroupLasso::new(&self.fitted.x, self.features, self.fitted.response(self.task))?;
        let path = lambdas(model.least_empty(), s.penalties).into_iter();
        path.map(|lambda| self.row(lambda, &self.switched(lambda, s, seed)?))
            .collect()
    }

    /// The loss alone, minimised on some features.
    fn refitted(&self, used: &[bool]) -> anyhow::Result<GroupLassoFit> {
        let kept = |x: &f64, used: &bool| if *used { *x } else { 0.0 };
        let rows = self.fitted.x.chunks_exact(self.features);
        let x: Vec<f64> = rows
            .flat_map(|row| row.iter().zip(used).map(|(x, used)| kept(x, used)))
            .collect();
        let model = GroupLasso::new(&x, self.features, self.fitted.response(self.task))?;
        Ok(model.fit(0.0, None, &OPTIONS)?)
    }

    fn switched(&self, lambda: f64, s: &Sizes, seed: &Seed) -> anyhow::Result<GroupLassoFit> {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], self.features)?;
        let gate = layers.gate("switch", x, GateForm::Rectified)?;
        let out = layers.dense("out", gate, OUTPUTS)?;
        let mut network: Network<f32> = layers.build(&[out], &seed.named("network"))?;
        let theta = network.find_parameter("switch.gate")?;
        network.parameter_mut(theta).values_mut().fill(1.0);
        let mut session = Session::new(&network, s.rows, &DeviceChoice::Cpu, seed)?;
        let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
        let (x, values, labels) = self.fitted.single();
        let (target, loss, scale) = match self.task {
            // The mean over all values, where the group lasso takes half the sum over a row's.
            Task::Linear => (
                Target::Values(&values),
                LossKind::MeanSquaredError,
                OUTPUTS as f64 / 2.0,
            ),
            Task::Logistic => (
                Target::Classes {
                    labels: &labels,
                    weights: None,
                },
                LossKind::CrossEntropy,
                1.0,
            ),
        };
        for step in 0..s.steps {
            session.loss_and_gradients(&mut network, &[&x], target, loss)?;
            for id in network.trained_ids().collect::<Vec<_>>() {
                let (role, weights) = (network.parameter(id).role(), network.parameter(id).values());
                for (gradient, weight) in session.gradient_mut(id).iter_mut().zip(weights) {
                    let penalty = match role {
                        Role::Gate if *weight > 0.0 => lambda as f32,
                        Role::Weight => 2.0 * s.weight_penalty as f32 * weight,
                        _ => 0.0,
                    };
                    *gradient = scale as f32 * *gradient + penalty;
                }
            }
            // Down to nothing, so that switches come to rest.
            let rate = s.learning_rate * (1.0 - step as f64 / s.steps as f64);
            optimizer.step(&mut network, |id| session.gradient(id), rate)?;
        }
        let (weight, bias) = (
            network.find_parameter("out.weight")?,
            network.find_parameter("out.bias")?,
        );
        let open = network
            .parameter(theta)
            .values()
            .iter()
            .map(|theta| f64::from(theta.max(0.0)));
        let weights = network.parameter(weight).values().chunks_exact(OUTPUTS);
        let folded = open
            .zip(weights)
            .flat_map(|(open, weights)| weights.iter().map(move |weight| open * f64::from(*weight)));
        let intercepts = network
            .parameter(bias)
            .values()
            .iter()
            .map(|bias| f64::from(*bias))
            .collect();
        Ok(GroupLassoFit {
            weights: folded.collect(),
            intercepts,
            loss: f64::NAN,
            violation: f64::NAN,
            steps: s.steps as usize,
        })
    }

    fn row(&self, lambda: f64, fit: &GroupLassoFit) -> anyhow::Result<Fit> {
        let used: Vec<bool> = fit.norms().iter().map(|norm| *norm > USED).collect();
        let driving = used
            .iter()
            .zip(&self.drives)
            .filter(|(used, drives)| **used && **drives);
        Ok(Fit {
            lambda,
            used: used.iter().filter(|used| **used).count() as u64,
            driving: driving.count() as u64,
            loss: self.loss(fit, &self.fitted)?,
            fresh_loss: self.fresh_loss(fit)?,
            violation: fit.violation,
        })
    }

    fn fresh_loss(&self, fit: &GroupLassoFit) -> anyhow::Result<f64> {
        self.loss(fit, &self.fresh)
    }

    fn loss(&self, fit: &GroupLassoFit, part: &Part) -> anyhow::Result<f64> {
        Ok(GroupLasso::loss_of(
            fit,
            &part.x,
            self.features,
            part.response(self.task),
        )?)
    }
}

/// λ from the largest down, evenly in its logarithm.
fn lambdas(most: f64, count: usize) -> Vec<f64> {
    let step = |k: usize| most * LEAST.powf(k as f64 / (count - 1) as f64);
    (0..count).map(step).collect()
}

impl Part {
    fn drawn(rows: usize, weights: &[f64], noise: f64, stream: &mut Stream) -> Self {
        let features = weights.len() / OUTPUTS;
        let mut part = Self {
            x: Vec::with_capacity(rows * features),
            values: Vec::new(),
            labels: Vec::new(),
        };
        let fresh = (1.0 - NEIGHBOURS * NEIGHBOURS).sqrt();
        for row in 0..rows {
            let mut last = stream.normal();
            for _ in 0..features {
                part.x.push(last);
                last = NEIGHBOURS * last + fresh * stream.normal();
            }
            let x = &part.x[row * features..];
            let out = |k: usize| {
                x.iter()
                    .zip(weights.chunks_exact(OUTPUTS))
                    .map(|(x, w)| x * w[k])
                    .sum::<f64>()
            };
            let outs: Vec<f64> = (0..OUTPUTS).map(out).collect();
            let most = outs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let chances: Vec<f64> = outs.iter().map(|out| (out - most).exp()).collect();
            part.labels.push(stream.choose_weighted(&chances).unwrap_or(0));
            part.values.extend(outs.iter().map(|out| out + noise * stream.normal()));
        }
        part
    }

    fn response(&self, task: Task) -> Response<'_> {
        match task {
            Task::Linear => Response::Values {
                values: &self.values,
                width: OUTPUTS,
            },
            Task::Logistic => Response::Classes {
                labels: &self.labels,
                count: OUTPUTS,
            },
        }
    }

    fn single(&self) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
        let labels = self.labels.iter().map(|label| *label as u32).collect();
        (narrow(&self.x), narrow(&self.values), labels)
    }
}
