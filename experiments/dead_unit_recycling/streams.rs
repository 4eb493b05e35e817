//! Streams of tasks: the data of each task as a data set of its own.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Examples, Targets};
use espalier_net::LossKind;
use espalier_report::named;
use espalier_seed::Seed;

use crate::Sizes;
use crate::bits::Bits;

named! {
    /// What moves from task to task.
    pub enum Stream {
        /// The order of the pixels, drawn anew.
        Pixels = "permuted pixels",
        /// The labels, moved on by one class.
        Labels = "rotated labels",
        /// One of the bits that a task holds fixed.
        Bits = "flipping bits",
    }
}

impl Stream {
    /// The rates that every arm tries.
    pub fn rates(self, sizes: &Sizes) -> &[f64] {
        match self {
            Self::Bits => &sizes.flip_rates,
            _ => &sizes.rates,
        }
    }

    pub fn loss(self) -> LossKind {
        match self {
            Self::Bits => LossKind::MeanSquaredError,
            _ => LossKind::CrossEntropy,
        }
    }

    /// The stream's size: tasks, rows per task, rows per step, units of a hidden layer.
    pub fn size(self, sizes: &Sizes) -> Size {
        let [tasks, rows, batch, width] = match self {
            Self::Bits => [sizes.flips, sizes.flip_rows, sizes.flip_batch, sizes.flip_width],
            _ => [sizes.tasks, sizes.task_images, sizes.batch, sizes.width],
        };
        Size {
            tasks,
            rows,
            batch,
            width,
        }
    }
}

/// How large a stream and its network are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub tasks: usize,
    pub rows: usize,
    pub batch: usize,
    pub width: usize,
}

/// Makes the tasks of one stream; the same for all arms of a seed.
pub struct Tasks<'a> {
    stream: Stream,
    size: Size,
    images: &'a Dataset,
    validation_rows: usize,
    seed: Seed,
    bits: Bits,
}

impl<'a> Tasks<'a> {
    pub fn new(stream: Stream, images: &'a Dataset, sizes: &Sizes, seed: &Seed) -> Self {
        let (size, seed) = (stream.size(sizes), seed.named(stream.name()));
        Self {
            stream,
            size: Size {
                rows: if stream == Stream::Bits {
                    size.rows
                } else {
                    size.rows.min(images.train.len())
                },
                ..size
            },
            images,
            validation_rows: sizes.validation_images,
            bits: Bits::draw(&seed.named("target")),
            seed,
        }
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// The data of a task, counted from 0. Only the last task's test split has rows: it alone is read.
    pub fn task(&self, task: usize) -> anyhow::Result<Arc<Dataset>> {
        let last = task + 1 == self.size.tasks;
        if self.stream == Stream::Bits {
            let rows = [
                self.size.rows,
                self.validation_rows,
                if last { self.validation_rows } else { 0 },
            ];
            return self.bits.task(self.images, task, rows, &self.seed);
        }
        let mut stream = self.seed.named("rows").index(task as u64).stream();
        let mut picked = stream.permutation(self.images.train.len());
        picked.truncate(self.size.rows);
        let shown = self.validation_rows.min(self.images.validation.len());
        let test = if last { self.images.test.len() } else { 0 };
        Ok(Arc::new(Dataset {
            train: self.moved(&self.images.train.select(&picked), task)?,
            validation: self.moved(&self.images.validation.select(&range(shown)), task)?,
            test: self.moved(&self.images.test.select(&range(test)), task)?,
            info: self.images.info.clone(),
            transform: self.images.transform.clone(),
            encoding: self.images.encoding.clone(),
        }))
    }

    /// The rows as the task shows them.
    fn moved(&self, examples: &Examples, task: usize) -> anyhow::Result<Examples> {
        let classes = examples.classes().context("the streams need a set of classes")?;
        if self.stream == Stream::Labels {
            let outputs = self.images.info.targets.outputs() as u32;
            let turned = classes.iter().map(|class| (class + task as u32) % outputs).collect();
            return Ok(Examples::new(
                examples.features().to_vec(),
                examples.width(),
                Targets::Classes(turned),
            )?);
        }
        let order = self
            .seed
            .named("order")
            .index(task as u64)
            .stream()
            .permutation(examples.width());
        Ok(examples.select_columns(&order)?)
    }
}

fn range(rows: usize) -> Vec<usize> {
    (0..rows).collect()
}
