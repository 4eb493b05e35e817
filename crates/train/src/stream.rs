//! Training that goes on when the data moves.

use std::sync::Arc;

use espalier_data::{Dataset, Examples, Split, Targets};

use crate::error::{Error, Result};
use crate::trainer::{StopReason, Trainer};

impl Trainer {
    /// Goes on with another data set of the same shape, for `epochs` more epochs.
    ///
    /// # Method
    /// Everything that training has gathered stays: network, optimizer, the strategies with what they observed, and all
    /// counters, so that epochs, steps and the learning-rate schedule count on. Batches come from the stream of the epoch's
    /// number, as if one data set had gone on. Edits whose effects are still to be measured are measured on rows of the
    /// same numbers in the new set. A training that diverged stays ended.
    ///
    /// A checkpoint belongs to the data set of its moment: resume it with that set, and with the sum of all epochs so far.
    ///
    /// # Shapes
    /// The new set has the features, the targets and the number of training rows of the old one; the other splits may
    /// have any number of rows.
    ///
    /// # Errors
    /// Refuses a set of another shape, and to leave an epoch unfinished: call it between epochs.
    ///
    /// # Example
    /// ```
    /// use espalier_data::{LoadOptions, Source};
    /// use espalier_net::{OptimizerKind, models};
    /// use espalier_seed::Seed;
    /// use espalier_train::{Regime, Trainer};
    ///
    /// let data = espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default())?;
    /// let seed = Seed::new(1);
    /// let network = models::mlp(data.info.features, &[16], 1, &seed.named("network"))?;
    /// let regime = Regime { epochs: 1, ..Regime::regression(OptimizerKind::adam()) };
    /// let mut trainer = Trainer::new(network, data.clone(), regime, &seed)?;
    /// trainer.run(&mut |_| {})?;
    /// trainer.continue_on(data, 2)?;
    /// trainer.run(&mut |_| {})?;
    /// assert_eq!(trainer.epoch(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn continue_on(&mut self, data: Arc<Dataset>, epochs: u64) -> Result<()> {
        if self.part.steps > 0 {
            return Err(Error::Setting {
                field: "data set",
                expected: "a change between epochs".to_owned(),
                found: format!("one after {} steps of epoch {}", self.part.steps, self.epoch + 1),
            });
        }
        check_shape(&self.data, &data)?;
        self.regime.epochs = self.epoch + epochs;
        if self.stopped == Some(StopReason::Finished) {
            self.stopped = None;
        }
        self.data = data;
        self.resident = None;
        // As a resumed training would find it, which knows this set alone.
        self.look_for_background();
        Ok(())
    }
}

fn check_shape(old: &Dataset, new: &Dataset) -> Result<()> {
    let rows = (old.train.len(), new.train.len());
    if rows.0 != rows.1 {
        return mismatch(
            new,
            format!("{} training rows", rows.0),
            format!("{} training rows", rows.1),
        );
    }
    if old.info.targets != new.info.targets {
        let (expected, found) = (old.info.targets, new.info.targets);
        return mismatch(new, format!("{expected:?}"), format!("{found:?}"));
    }
    let expected = shape(&old.train);
    for split in [Split::Train, Split::Validation, Split::Test] {
        let examples = new.split(split);
        let found = shape(examples);
        if !examples.is_empty() && found != expected {
            return mismatch(new, expected, format!("{found} in the {split:?} split"));
        }
    }
    Ok(())
}

/// Features and targets of a row, in words.
fn shape(examples: &Examples) -> String {
    let targets = match examples.targets() {
        Targets::Classes(_) => "a class".to_owned(),
        Targets::Values { width, .. } => format!("{width} values"),
    };
    format!("rows of {} features and {targets}", examples.width())
}

fn mismatch(new: &Dataset, expected: String, found: String) -> Result<()> {
    Err(Error::Mismatch {
        dataset: new.info.name.clone(),
        expected,
        found,
    })
}
