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

    /// The stream's size, and that of its network.
    pub fn size(self, s: &Sizes) -> Size {
        match self {
            Self::Bits => Size {
                tasks: s.flips,
                rows: s.flip_rows,
                batch: s.flip_batch,
                width: s.flip_width,
            },
            _ => Size {
                tasks: s.tasks,
                rows: s.task_images,
                batch: s.batch,
                width: s.width,
            },
        }
    }
}

/// How large a stream and its network are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub tasks: usize,
    pub rows: usize,
    pub batch: usize,
    /// Units of a hidden layer.
    pub width: usize,
}

/// Makes the tasks of one stream; the same for all arms of a seed.
pub struct Tasks<'a> {
    stream: Stream,
    pub size: Size,
    pub sizes: &'a Sizes,
    images: &'a Dataset,
    seed: Seed,
    bits: Bits,
}

impl<'a> Tasks<'a> {
    pub fn new(stream: Stream, images: &'a Dataset, sizes: &'a Sizes, seed: &Seed) -> Self {
        let (mut size, seed) = (stream.size(sizes), seed.named(stream.name()));
        if stream != Stream::Bits {
            size.rows = size.rows.min(images.train.len());
        }
        Self {
            stream,
            size,
            sizes,
            images,
            bits: Bits::draw(&seed.named("target")),
            seed,
        }
    }

    /// The data of a task, counted from 0. Only the last task's test split has rows: it alone is read.
    pub fn task(&self, task: usize) -> anyhow::Result<Arc<Dataset>> {
        let (rows, shown, last) = (
            self.size.rows,
            self.sizes.validation_images,
            task + 1 == self.size.tasks,
        );
        let images = self.images;
        if self.stream == Stream::Bits {
            let rows = [rows, shown, if last { shown } else { 0 }];
            return self.bits.task(images, task, rows, &self.seed);
        }
        let mut stream = self.seed.named("rows").index(task as u64).stream();
        let mut picked = stream.permutation(images.train.len());
        picked.truncate(rows);
        let first = |split: &Examples, rows: usize| split.select(&(0..rows.min(split.len())).collect::<Vec<_>>());
        let tested = if last { images.test.len() } else { 0 };
        Ok(Arc::new(Dataset {
            train: self.moved(&images.train.select(&picked), task)?,
            validation: self.moved(&first(&images.validation, shown), task)?,
            test: self.moved(&first(&images.test, tested), task)?,
            info: images.info.clone(),
            transform: images.transform.clone(),
            encoding: images.encoding.clone(),
        }))
    }

    /// The rows as the task shows them.
    fn moved(&self, examples: &Examples, task: usize) -> anyhow::Result<Examples> {
        let classes = examples.classes().context("the streams need a set of classes")?;
        if self.stream == Stream::Labels {
            let outputs = self.images.info.targets.outputs() as u32;
            let turned = classes.iter().map(|class| (class + task as u32) % outputs);
            let turned = Targets::Classes(turned.collect());
            return Ok(Examples::new(examples.features().to_vec(), examples.width(), turned)?);
        }
        let order = self.seed.named("order").index(task as u64);
        let order = order.stream().permutation(examples.width());
        Ok(examples.select_columns(&order)?)
    }
}
