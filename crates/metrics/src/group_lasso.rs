//! Linear and logistic regression with a group penalty on the weights of each feature.

use crate::observation::expect_sample;
use crate::{Error, Result};

/// What a model is fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Response<'a> {
    /// Real values, so many a row, row-major; the loss is half the squared error, summed over a row's values.
    Values {
        /// The values.
        values: &'a [f64],
        /// Values a row.
        width: usize,
    },
    /// One class a row; the loss is the cross-entropy of the softmax, in nats.
    Classes {
        /// The classes.
        labels: &'a [usize],
        /// How many classes there are.
        count: usize,
    },
}

/// When the descent ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupLassoOptions {
    /// The most steps; 20 000.
    pub steps: usize,
    /// The violation of the optimality conditions below which it ends, as a share of the largest gradient at weights of 0; 1e-6.
    pub tolerance: f64,
}

impl Default for GroupLassoOptions {
    fn default() -> Self {
        Self {
            steps: 20_000,
            tolerance: 1e-6,
        }
    }
}

/// A fitted model: outputs are x·W + b.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupLassoFit {
    /// W, one row for each feature and one column for each output, row-major.
    pub weights: Vec<f64>,
    /// b, one for each output; never penalised.
    pub intercepts: Vec<f64>,
    /// The loss, the mean over rows, without the penalty.
    pub loss: f64,
    /// By how much the optimality conditions are violated at most, as a share like [`GroupLassoOptions::tolerance`].
    pub violation: f64,
    /// Steps taken.
    pub steps: usize,
}

impl GroupLassoFit {
    /// The Euclidean norm of each feature's weights.
    #[must_use]
    pub fn norms(&self) -> Vec<f64> {
        let outputs = self.intercepts.len().max(1);
        self.weights.chunks_exact(outputs).map(norm).collect()
    }
}

/// Rows of features with what they are to explain.
#[derive(Clone, Debug)]
pub struct GroupLasso<'a> {
    features: &'a [f64],
    width: usize,
    rows: usize,
    response: Response<'a>,
    outputs: usize,
    /// The reciprocal of the largest curvature of the loss.
    step: f64,
    /// The largest norm of a feature's gradient at weights of 0: no λ from there on leaves a weight.
    most: f64,
}

impl<'a> GroupLasso<'a> {
    /// Takes rows of `width` features, row-major, and their response.
    ///
    /// # Method
    /// Minimises the mean loss + λ Σⱼ ‖Wⱼ‖₂ with Wⱼ all weights of feature j (Yuan & Lin 2006, eq. 2.2, with equal groups).
    /// The optimum is where the gradient Gⱼ of the loss is −λ Wⱼ/‖Wⱼ‖ for each feature in use, and ‖Gⱼ‖ ≤ λ for each other one.
    ///
    /// # Errors
    /// [`Error::Shape`] for lengths that do not fit and classes that are not there, [`Error::TooFew`] without rows,
    /// [`Error::NotFinite`].
    ///
    /// # Example
    /// ```
    /// use espalier_metrics::{GroupLasso, GroupLassoOptions, Response};
    ///
    /// // y is the first feature; the second one is noise.
    /// let x = [1.0, 0.3, -1.0, 0.1, 2.0, -0.2, -2.0, -0.2];
    /// let y = [1.0, -1.0, 2.0, -2.0];
    /// let model = GroupLasso::new(&x, 2, Response::Values { values: &y, width: 1 })?;
    /// let fit = model.fit(0.1, None, &GroupLassoOptions::default())?;
    /// let norms = fit.norms();
    /// assert!(norms[0] > 0.9 && norms[1] == 0.0);
    /// # Ok::<(), espalier_metrics::Error>(())
    /// ```
    pub fn new(features: &'a [f64], width: usize, response: Response<'a>) -> Result<Self> {
        let shape = |expected: String, found| Error::Shape {
            what: "group lasso",
            expected,
            found,
        };
        if width == 0 || !features.len().is_multiple_of(width) {
            return Err(shape(format!("whole rows of {width} features"), features.len()));
        }
        let rows = features.len() / width;
        if rows == 0 {
            return Err(Error::TooFew {
                what: "group lasso",
                needed: 1,
                found: 0,
            });
        }
        expect_sample("group lasso", features, 0)?;
        let outputs = check_response(response, rows)?;
        let mut model = Self {
            features,
            width,
            rows,
            response,
            outputs,
            step: 1.0,
            most: 0.0,
        };
        model.step = 1.0 / model.curvature();
        model.most = model.largest_gradient();
        Ok(model)
    }

    /// The least λ at which all weights are 0.
    #[must_use]
    pub fn least_empty(&self) -> f64 {
        self.most
    }

    /// Fits the model at a λ of 0 or more, from the weights of another fit where one is given.
    ///
    /// # Method
    /// Proximal gradient steps with momentum that starts over where it points uphill (Beck & Teboulle 2009; O'Donoghue & Candès
    /// 2015): W ← shrink(V − t·G, t·λ), which scales each feature's weights by max(0, 1 − t·λ/‖·‖).
    ///
    /// # Errors
    /// [`Error::NotFinite`] for λ, [`Error::Shape`] for a start of another shape.
    pub fn fit(
        &self,
        lambda: f64,
        start: Option<&GroupLassoFit>,
        options: &GroupLassoOptions,
    ) -> Result<GroupLassoFit> {
        expect_sample("group lasso: λ", &[lambda], 0)?;
        let size = (self.width + 1) * self.outputs;
        let mut now = match start {
            Some(fit) => [fit.weights.as_slice(), &fit.intercepts].concat(),
            None => vec![0.0; size],
        };
        if now.len() != size {
            return Err(Error::Shape {
                what: "group lasso: start",
                expected: format!("{size} weights and intercepts"),
                found: now.len(),
            });
        }
        let (mut ahead, mut momentum) = (now.clone(), 1.0_f64);
        for step in 0..options.steps {
            // Every few steps, as it costs as much as one.
            if step % 10 == 0 && self.violation(&now, lambda) <= options.tolerance {
                return Ok(self.finished(now, lambda, step));
            }
            let (_, gradient) = self.loss(&ahead);
            let next = self.shrunk(&ahead, &gradient, lambda);
            let uphill: f64 = (0..size).map(|i| (ahead[i] - next[i]) * (next[i] - now[i])).sum();
            let following = if uphill > 0.0 {
                1.0
            } else {
                0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt())
            };
            let share = if uphill > 0.0 {
                0.0
            } else {
                (momentum - 1.0) / following
            };
            ahead = (0..size).map(|i| next[i] + share * (next[i] - now[i])).collect();
            (now, momentum) = (next, following);
        }
        Ok(self.finished(now, lambda, options.steps))
    }

    /// The mean loss of a fit on other rows of the same features.
    ///
    /// # Errors
    /// As [`GroupLasso::new`].
    pub fn loss_of(fit: &GroupLassoFit, features: &[f64], width: usize, response: Response<'_>) -> Result<f64> {
        let model = GroupLasso::new(features, width, response)?;
        Ok(model.loss(&[fit.weights.as_slice(), &fit.intercepts].concat()).0)
    }

    fn finished(&self, all: Vec<f64>, lambda: f64, steps: usize) -> GroupLassoFit {
        let (loss, violation) = (self.loss(&all).0, self.violation(&all, lambda));
        let mut weights = all;
        let intercepts = weights.split_off(self.width * self.outputs);
        GroupLassoFit {
            weights,
            intercepts,
            loss,
            violation,
            steps,
        }
    }

    /// Mean loss and its gradient; intercepts stand behind the weights.
    fn loss(&self, all: &[f64]) -> (f64, Vec<f64>) {
        let (outputs, mean) = (self.outputs, 1.0 / self.rows as f64);
        let mut gradient = vec![0.0; all.len()];
        let (mut total, mut out) = (0.0, vec![0.0; outputs]);
        for (row, x) in self.features.chunks_exact(self.width).enumerate() {
            out.copy_from_slice(&all[self.width * outputs..]);
            for (x, weights) in x.iter().zip(all.chunks_exact(outputs)) {
                out.iter_mut().zip(weights).for_each(|(out, weight)| *out += x * weight);
            }
            total += self.response.loss(row, &mut out);
            for (x, slot) in x.iter().chain([&1.0]).zip(gradient.chunks_exact_mut(outputs)) {
                slot.iter_mut()
                    .zip(&out)
                    .for_each(|(slot, out)| *slot += mean * x * out);
            }
        }
        (total * mean, gradient)
    }

    fn shrunk(&self, from: &[f64], gradient: &[f64], lambda: f64) -> Vec<f64> {
        let mut next: Vec<f64> = from.iter().zip(gradient).map(|(w, g)| w - self.step * g).collect();
        for weights in next[..self.width * self.outputs].chunks_exact_mut(self.outputs) {
            let size = norm(weights);
            let keep = if size > 0.0 {
                (1.0 - self.step * lambda / size).max(0.0)
            } else {
                0.0
            };
            weights.iter_mut().for_each(|weight| *weight *= keep);
        }
        next
    }

    fn violation(&self, all: &[f64], lambda: f64) -> f64 {
        let (_, gradient) = self.loss(all);
        let (weights, intercepts) = gradient.split_at(self.width * self.outputs);
        let of = |(gradient, weights): (&[f64], &[f64])| {
            let size = norm(weights);
            if size == 0.0 {
                return (norm(gradient) - lambda).max(0.0);
            }
            let pairs = gradient.iter().zip(weights);
            pairs.map(|(g, w)| (g + lambda * w / size).powi(2)).sum::<f64>().sqrt()
        };
        let groups = weights.chunks_exact(self.outputs).zip(all.chunks_exact(self.outputs));
        let worst = groups.map(of).fold(norm(intercepts), f64::max);
        worst / self.most.max(f64::MIN_POSITIVE)
    }

    /// A bound of the loss's curvature: the largest eigenvalue of [x, 1]ᵀ[x, 1]/n by power iteration, halved for classes.
    fn curvature(&self) -> f64 {
        let mut direction = vec![1.0; self.width + 1];
        let mut value = 1.0;
        for _ in 0..100 {
            let mut image = vec![0.0; self.width + 1];
            for x in self.features.chunks_exact(self.width) {
                let both = || x.iter().chain([&1.0]);
                let along: f64 = both().zip(&direction).map(|(x, d)| x * d).sum();
                image.iter_mut().zip(both()).for_each(|(image, x)| *image += along * x);
            }
            value = norm(&image) / norm(&direction) / self.rows as f64;
            let size = norm(&image);
            direction = image.into_iter().map(|image| image / size).collect();
        }
        // Power iteration comes from below.
        let bound = 1.05 * value;
        match self.response {
            Response::Values { .. } => bound,
            Response::Classes { .. } => 0.5 * bound,
        }
    }

    /// With the intercepts that are best alone: the means, or the logarithms of the classes' shares.
    fn largest_gradient(&self) -> f64 {
        let mut all = vec![0.0; self.width * self.outputs];
        all.extend(self.response.constants(self.rows, self.outputs));
        let (_, gradient) = self.loss(&all);
        let groups = gradient[..self.width * self.outputs].chunks_exact(self.outputs);
        groups.map(norm).fold(0.0, f64::max)
    }
}

impl Response<'_> {
    /// A row's loss; its outputs become the loss's gradient.
    fn loss(self, row: usize, out: &mut [f64]) -> f64 {
        match self {
            Self::Values { values, width } => {
                let wanted = &values[row * width..][..width];
                out.iter_mut().zip(wanted).for_each(|(out, wanted)| *out -= wanted);
                0.5 * out.iter().map(|out| out * out).sum::<f64>()
            }
            Self::Classes { labels, .. } => {
                let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let own = out[labels[row]] - most;
                out.iter_mut().for_each(|out| *out = (*out - most).exp());
                let total: f64 = out.iter().sum();
                out.iter_mut().for_each(|out| *out /= total);
                out[labels[row]] -= 1.0;
                total.ln() - own
            }
        }
    }

    /// The best outputs without features; a class that never occurs gets a share of 1e-9.
    fn constants(self, rows: usize, outputs: usize) -> Vec<f64> {
        let mean = 1.0 / rows as f64;
        match self {
            Self::Values { values, width } => {
                let column = |k| values.iter().skip(k).step_by(width).sum::<f64>() * mean;
                (0..outputs).map(column).collect()
            }
            Self::Classes { labels, .. } => {
                let share = |k| labels.iter().filter(|label| **label == k).count() as f64 * mean;
                (0..outputs).map(|k| share(k).max(1e-9).ln()).collect()
            }
        }
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The number of outputs.
fn check_response(response: Response<'_>, rows: usize) -> Result<usize> {
    let shape = |expected: String, found| {
        Err(Error::Shape {
            what: "group lasso: response",
            expected,
            found,
        })
    };
    match response {
        Response::Values { values, width } => {
            if width == 0 || values.len() != rows * width {
                return shape(format!("{rows} rows of {width} values, at least one"), values.len());
            }
            expect_sample("group lasso: response", values, 0)?;
            Ok(width)
        }
        Response::Classes { labels, count } => {
            if labels.len() != rows || count == 0 {
                return shape(format!("{rows} labels of at least one class"), labels.len());
            }
            match labels.iter().find(|label| **label >= count) {
                Some(label) => shape(format!("classes below {count}"), *label),
                None => Ok(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::halton;
    use proptest::prelude::*;

    /// The mean loss by its definition, for differences.
    fn objective(x: &[f64], width: usize, response: Response<'_>, weights: &[f64], intercepts: &[f64]) -> f64 {
        let outputs = intercepts.len();
        let rows = x.len() / width;
        let mut total = 0.0;
        for row in 0..rows {
            let out: Vec<f64> = (0..outputs)
                .map(|k| {
                    intercepts[k]
                        + (0..width)
                            .map(|j| x[row * width + j] * weights[j * outputs + k])
                            .sum::<f64>()
                })
                .collect();
            total += match response {
                Response::Values { values, .. } => (0..outputs)
                    .map(|k| (out[k] - values[row * outputs + k]).powi(2) / 2.0)
                    .sum::<f64>(),
                Response::Classes { labels, .. } => out.iter().map(|o| o.exp()).sum::<f64>().ln() - out[labels[row]],
            };
        }
        total / rows as f64
    }

    /// The optimality conditions with gradients by central differences.
    fn expect_optimal(x: &[f64], width: usize, response: Response<'_>, lambda: f64) {
        let model = GroupLasso::new(x, width, response).unwrap();
        let fit = model.fit(lambda, None, &GroupLassoOptions::default()).unwrap();
        let outputs = fit.intercepts.len();
        let step = 1e-5;
        let slope = |weight: Option<usize>, intercept: Option<usize>| {
            let at = |by: f64| {
                let (mut w, mut b) = (fit.weights.clone(), fit.intercepts.clone());
                weight.into_iter().for_each(|i| w[i] += by);
                intercept.into_iter().for_each(|i| b[i] += by);
                objective(x, width, response, &w, &b)
            };
            (at(step) - at(-step)) / (2.0 * step)
        };
        let most = model.least_empty().max(1e-9);
        for k in 0..outputs {
            assert!(slope(None, Some(k)).abs() < 1e-4 * most, "intercept {k}");
        }
        for (j, size) in fit.norms().into_iter().enumerate() {
            let gradient: Vec<f64> = (0..outputs).map(|k| slope(Some(j * outputs + k), None)).collect();
            if size == 0.0 {
                assert!(
                    norm(&gradient) <= lambda + 1e-4 * most,
                    "feature {j}: {gradient:?} at λ {lambda}"
                );
            } else {
                for (k, g) in gradient.iter().enumerate() {
                    let wanted = -lambda * fit.weights[j * outputs + k] / size;
                    assert!((g - wanted).abs() < 1e-4 * most, "feature {j}: {g} for {wanted}");
                }
            }
        }
    }

    fn drawn(rows: usize, width: usize, outputs: usize, offset: usize) -> (Vec<f64>, Vec<f64>, Vec<usize>) {
        let number = |i: usize, base| halton(i + offset + 1, base) - 0.5;
        let x: Vec<f64> = (0..rows * width)
            .map(|i| 2.0 * number(i, 2) + number(7 * i, 5))
            .collect();
        let y: Vec<f64> = (0..rows * outputs)
            .map(|i| x[(i / outputs) * width] * ((i % outputs) as f64 + 1.0) + number(i, 3))
            .collect();
        let labels = (0..rows)
            .map(|row| ((x[row * width] + 2.0) * 7.0) as usize % outputs)
            .collect();
        (x, y, labels)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn fits_meet_the_optimality_conditions(
            rows in 6_usize..20, width in 1_usize..6, outputs in 2_usize..4, offset in 0_usize..500, share in 0.02_f64..1.2,
        ) {
            let (x, y, labels) = drawn(rows, width, outputs, offset);
            // The intercept of a class without a row has no optimum: it falls for ever.
            prop_assume!((0..outputs).all(|class| labels.contains(&class)));
            let values = Response::Values { values: &y, width: outputs };
            let classes = Response::Classes { labels: &labels, count: outputs };
            for response in [values, classes] {
                let lambda = share * GroupLasso::new(&x, width, response).unwrap().least_empty();
                expect_optimal(&x, width, response, lambda);
            }
        }
    }

    #[test]
    fn orthogonal_features_are_shrunk_by_the_closed_form() {
        // Columns of length √n without a mean: W = (1 − λ/‖XᵀY/n‖)₊ · XᵀY/n.
        let x = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0];
        let y = [3.0, 0.5, 1.0, 0.5, -1.0, -0.5, -3.0, -0.5];
        let model = GroupLasso::new(&x, 2, Response::Values { values: &y, width: 2 }).unwrap();
        let fit = model
            .fit(
                0.4,
                None,
                &GroupLassoOptions {
                    tolerance: 1e-12,
                    ..GroupLassoOptions::default()
                },
            )
            .unwrap();
        // XᵀY/n: first feature (2, 0.5), second (1, 0).
        let keep = 1.0 - 0.4 / (4.25_f64).sqrt();
        let wanted = [2.0 * keep, 0.5 * keep, 0.6, 0.0];
        for (found, wanted) in fit.weights.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9, "{:?}", fit.weights);
        }
    }

    #[test]
    fn from_the_least_empty_lambda_on_no_weight_is_left_and_just_below_one_is() {
        let (x, y, labels) = drawn(30, 5, 3, 11);
        let values = Response::Values { values: &y, width: 3 };
        for response in [
            values,
            Response::Classes {
                labels: &labels,
                count: 3,
            },
        ] {
            let model = GroupLasso::new(&x, 5, response).unwrap();
            let used = |lambda: f64| {
                let fit = model.fit(lambda, None, &GroupLassoOptions::default()).unwrap();
                fit.norms().iter().filter(|norm| **norm > 0.0).count()
            };
            assert_eq!(used(1.001 * model.least_empty()), 0);
            assert_eq!(used(0.98 * model.least_empty()), 1);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let labels = [0, 2];
        let refused = |features: &[f64], width, response| GroupLasso::new(features, width, response).is_err();
        assert!(refused(
            &x,
            3,
            Response::Classes {
                labels: &labels,
                count: 3
            }
        ));
        assert!(refused(
            &x,
            2,
            Response::Classes {
                labels: &labels,
                count: 2
            }
        ));
        assert!(refused(&x, 2, Response::Values { values: &x, width: 1 }));
        assert!(refused(
            &[f64::NAN, 0.0],
            1,
            Response::Classes {
                labels: &labels,
                count: 3
            }
        ));
        assert!(refused(&[], 2, Response::Values { values: &[], width: 1 }));
    }
}
