//! Training data on the device, or the share of it that fits.

use candle_core::Tensor;

use super::setting;
use crate::error::{Error, Result};
use crate::execute::device::transfer::Link;
use crate::kernels::Element;
use crate::session::loss::Target;

/// Features and targets by row.
#[derive(Debug)]
pub(super) struct Data<E> {
    rows: usize,
    width: usize,
    /// The first rows.
    features: Tensor,
    /// The rows behind them, which stay on the host.
    rest: Vec<E>,
    /// Classes (rows) or values (rows, outputs).
    targets: Tensor,
    /// By class.
    weights: Option<Tensor>,
}

/// Targets of a batch: (networks, samples) classes or (networks, samples, outputs) values.
pub(super) enum BatchTargets {
    Classes {
        labels: Tensor,
        /// The weight of each sample's class: (networks, samples, 1).
        weights: Option<Tensor>,
    },
    Values(Tensor),
}

impl<E: Element> Data<E> {
    pub fn new(
        link: &Link,
        (features, width): (&[E], usize),
        (target, outputs): (Target<'_, E>, usize),
        most_bytes: usize,
    ) -> Result<Self> {
        let rows = features.len() / width.max(1);
        if rows * width != features.len() || rows == 0 {
            return Err(Error::length("features", rows.max(1) * width, features.len()));
        }
        let fitting = (most_bytes / (width * size_of::<E>())).min(rows);
        let (near, far) = features.split_at(fitting * width);
        Ok(Self {
            rows,
            width,
            features: link.upload(near, &[fitting, width])?,
            rest: far.to_vec(),
            targets: targets(link, target, rows, outputs)?,
            weights: class_weights(link, target, outputs)?,
        })
    }

    /// The features (networks · samples, width) and targets of batches.
    pub fn gather(&self, link: &Link, batches: &[Vec<u32>]) -> Result<(Tensor, BatchTargets)> {
        let rows = batches.concat();
        if let Some(row) = rows.iter().find(|row| **row as usize >= self.rows) {
            return Err(setting(
                "batches",
                &format!("rows below {}", self.rows),
                &row.to_string(),
            ));
        }
        let (networks, samples) = (batches.len(), batches[0].len());
        let indices = link.upload_indices(&rows, &[rows.len()])?;
        let features = if self.rest.is_empty() {
            self.features.index_select(&indices, 0)?
        } else {
            self.gather_both(link, &rows)?
        };
        let targets = self.targets.index_select(&indices, 0)?;
        let targets = match targets.rank() {
            1 => BatchTargets::Classes {
                weights: match &self.weights {
                    Some(weights) => Some(weights.index_select(&targets, 0)?.reshape((networks, samples, 1))?),
                    None => None,
                },
                labels: targets.reshape((networks, samples))?,
            },
            _ => BatchTargets::Values(targets.reshape((networks, samples, ()))?),
        };
        Ok((features, targets))
    }

    /// Rows from the device and from the host, in the order of the batch.
    fn gather_both(&self, link: &Link, rows: &[u32]) -> Result<Tensor> {
        let fitting = self.features.dim(0)? as u32;
        let near: Vec<u32> = rows.iter().copied().filter(|row| *row < fitting).collect();
        let (mut far, mut places) = (Vec::new(), Vec::with_capacity(rows.len()));
        let mut before = 0;
        for row in rows {
            if *row < fitting {
                places.push(before);
                before += 1;
            } else {
                places.push((near.len() + far.len() / self.width) as u32);
                let from = (row - fitting) as usize * self.width;
                far.extend_from_slice(&self.rest[from..from + self.width]);
            }
        }
        let mut parts = Vec::new();
        if !near.is_empty() {
            let near = link.upload_indices(&near, &[near.len()])?;
            parts.push(self.features.index_select(&near, 0)?);
        }
        if !far.is_empty() {
            parts.push(link.upload(&far, &[far.len() / self.width, self.width])?);
        }
        let places = link.upload_indices(&places, &[places.len()])?;
        Ok(Tensor::cat(&parts, 0)?.index_select(&places, 0)?)
    }
}

fn targets<E: Element>(link: &Link, target: Target<'_, E>, rows: usize, outputs: usize) -> Result<Tensor> {
    match target {
        Target::Classes { labels, .. } if labels.len() != rows => {
            Err(Error::length("target classes", rows, labels.len()))
        }
        Target::Classes { labels, .. } => match labels.iter().find(|label| **label as usize >= outputs) {
            Some(label) => Err(setting(
                "labels",
                &format!("classes below {outputs}"),
                &label.to_string(),
            )),
            None => link.upload_indices(labels, &[rows]),
        },
        Target::Values(values) if values.len() != rows * outputs => {
            Err(Error::length("target values", rows * outputs, values.len()))
        }
        Target::Values(values) => link.upload(values, &[rows, outputs]),
    }
}

fn class_weights<E: Element>(link: &Link, target: Target<'_, E>, outputs: usize) -> Result<Option<Tensor>> {
    match target {
        Target::Classes {
            weights: Some(weights), ..
        } if weights.len() != outputs => Err(Error::length("class weights", outputs, weights.len())),
        Target::Classes {
            weights: Some(weights), ..
        } => Ok(Some(link.upload(weights, &[outputs])?)),
        _ => Ok(None),
    }
}
