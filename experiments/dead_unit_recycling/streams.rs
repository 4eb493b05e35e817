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

impl Size {
    /// A stream whose rows are seen one by one.
    pub const fn seen_singly(tasks: usize, rows: usize, width: usize) -> Self {
        let batch = 1;
        Self {
            tasks,
            rows,
            batch,
            width,
        }
    }
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
        let (mut size, seed) = (stream.size(sizes), seed.named(stream.name()));
        if stream != Stream::Bits {
            size.rows = size.rows.min(images.train.len());
        }
        Self {
            stream,
            size,
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
        let (rows, shown, last) = (self.size.rows, self.validation_rows, task + 1 == self.size.tasks);
        if self.stream == Stream::Bits {
            let rows = [rows, shown, if last { shown } else { 0 }];
            return self.bits.task(self.images, task, rows, &self.seed);
        }
        let mut stream = self.seed.named("rows").index(task as u64).stream();
        let mut picked = stream.permutation(self.images.train.len());
        picked.truncate(rows);
        let Dataset {
            train,
            validation,
            test,
            ..
        } = self.images;
        let first = |rows: usize| (0..rows).collect::<Vec<usize>>();
        let test_rows = if last { test.len() } else { 0 };
        Ok(Arc::new(Dataset {
            train: self.moved(&train.select(&picked), task)?,
            validation: self.moved(&validation.select(&first(shown.min(validation.len()))), task)?,
            test: self.moved(&test.select(&first(test_rows)), task)?,
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
            let turned = classes.iter().map(|class| (class + task as u32) % outputs);
            let turned = Targets::Classes(turned.collect());
            return Ok(Examples::new(examples.features().to_vec(), examples.width(), turned)?);
        }
        let order = self.seed.named("order").index(task as u64);
        let order = order.stream().permutation(examples.width());
        Ok(examples.select_columns(&order)?)
    }
}
