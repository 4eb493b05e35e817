//! What is compared with what: the arms, the models, and where they meet.

use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings};
use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, Shares};
use espalier_net::models;
use espalier_redo::{Redo, RedoSettings};
use espalier_strategy::{Groups, Schedule, Strategy, random_growth};
use espalier_trial::prelude::*;

use crate::Sizes;
use crate::streams::{Size, Stream};

/// Growth happens in at most so many equal parts, spread evenly over the stream.
const GROWTH_PARTS: usize = 8;

named! {
    /// What is done about dead units.
    pub enum Arm {
        None = "none",
        /// A new network at each task: what nothing learned before can spoil.
        StartOver = "start the net over",
        /// Dead units get random fan-in and zero fan-out weights.
        Reinitialise = "re-initialise",
        /// Dead units become exact copies of living ones, which share their fan-out weights with them.
        Recycle = "recycle",
        /// The same with noise on the copies.
        RecycleNoise = "recycle + noise",
        Redo = "ReDo",
        ContinualBackprop = "continual backprop",
        /// Half the width at first, the same in the end.
        Growth = "growth",
    }
}

impl Arm {
    /// The arms on the nets with sums and concats.
    const AT_DEAD_UNITS: [Self; 5] = [
        Self::None,
        Self::Reinitialise,
        Self::Recycle,
        Self::RecycleNoise,
        Self::Redo,
    ];

    /// The strategy that makes the arm on a stream.
    pub fn strategies(self, sizes: &Sizes, stream: &Size) -> Vec<Box<dyn Strategy>> {
        let steps = stream.rows.div_ceil(stream.batch);
        // Not a whole number per task: a check at its very end would hide what dies between checks.
        let every_steps = ((steps as f64 / sizes.checks_per_task) as u64).max(1);
        let recycle = |noise: f64| {
            DeadUnitRecycle::new(DeadUnitRecycleSettings {
                every_steps,
                window_batches: every_steps,
                noise,
                // The study's halves: without noise the two are twins.
                shares: Shares::Equal,
                ..DeadUnitRecycleSettings::default()
            })
        };
        let redo = |threshold: f64| {
            Redo::new(RedoSettings {
                every_steps,
                threshold,
                ..RedoSettings::default()
            })
        };
        match self {
            Self::None | Self::StartOver => Vec::new(),
            Self::Reinitialise => vec![Box::new(redo(0.0))],
            Self::Recycle => vec![Box::new(recycle(0.0))],
            Self::RecycleNoise => vec![Box::new(recycle(sizes.noise))],
            Self::Redo => vec![Box::new(redo(sizes.dormancy))],
            Self::ContinualBackprop => vec![Box::new(ContinualBackprop::new(ContinualBackpropSettings {
                replacement: sizes.replacement,
                ..ContinualBackpropSettings::default()
            }))],
            Self::Growth => {
                let Growth { epochs, units, .. } = Growth::on(stream);
                vec![Box::new(random_growth(
                    Schedule::Epochs(epochs),
                    Groups::Editable,
                    units,
                ))]
            }
        }
    }

    /// The width at which the arm begins.
    pub fn first_width(self, stream: &Size) -> usize {
        match self {
            Self::Growth => Growth::on(stream).start,
            _ => stream.width,
        }
    }
}

/// A way from half a width to the whole.
struct Growth {
    start: usize,
    /// The tasks after which units are added.
    epochs: Vec<u64>,
    /// Units added each time.
    units: usize,
}

impl Growth {
    fn on(stream: &Size) -> Self {
        let (width, tasks) = (stream.width, stream.tasks);
        let missing = width - width.div_ceil(2).min(width);
        let mut parts = (1..=GROWTH_PARTS.min(tasks.saturating_sub(1))).rev();
        let parts = parts.find(|parts| missing.is_multiple_of(*parts)).unwrap_or(1);
        let ends = (1..=parts).map(|part| part * tasks / (parts + 1));
        Self {
            start: width - missing,
            epochs: ends.map(|task| task as u64).collect(),
            units: (missing / parts).max(1),
        }
    }
}

named! {
    /// The shape of the network.
    pub enum Model {
        Mlp = "MLP",
        Residual = "residual net",
        Concat = "concat net",
    }
}

/// A stream with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub stream: Stream,
    pub model: Model,
}

impl Place {
    pub fn all() -> [Self; 5] {
        let at = |stream, model| Self { stream, model };
        [
            at(Stream::Pixels, Model::Mlp),
            at(Stream::Labels, Model::Mlp),
            at(Stream::Bits, Model::Mlp),
            at(Stream::Pixels, Model::Residual),
            at(Stream::Pixels, Model::Concat),
        ]
    }

    /// What is compared here: all arms on perceptrons, those that act on dead units elsewhere.
    pub fn arms(&self) -> &'static [Arm] {
        match self.model {
            Model::Mlp => &Arm::ALL,
            Model::Residual | Model::Concat => &Arm::AT_DEAD_UNITS,
        }
    }

    /// Builds the network; hidden layers have `width` units.
    pub fn network(&self, inputs: usize, outputs: usize, width: usize, seed: &Seed) -> anyhow::Result<Network<f32>> {
        Ok(match (self.model, self.stream) {
            // The paper's learner has a single hidden layer.
            (Model::Mlp, Stream::Bits) => models::mlp(inputs, &[width], outputs, seed)?,
            (Model::Mlp, _) => models::mlp(inputs, &[width, width], outputs, seed)?,
            (Model::Residual, _) => models::residual_mlp(inputs, width, width, 2, outputs, seed)?,
            (Model::Concat, _) => models::concat_net(inputs, [width / 2, width / 2], width, outputs, seed)?,
        })
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.stream, self.model)
    }
}
