//! The strategies, one line of [`ARMS`] each, and the networks on which they start.

use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, block_net};
use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings};
use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, Shares};
use espalier_dice_roll::{DiceRoll, DiceRollSettings};
use espalier_firefly::{Firefly, FireflySettings};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings};
use espalier_gradmax::{GradMax, GradMaxSettings};
use espalier_magnitude_prune::{Form, MagnitudePrune, MagnitudePruneSettings, Scope, UnitScore, WeightScore};
use espalier_net::{GateForm, OverBudget};
use espalier_net2wider::{Net2Wider, Net2WiderSettings};
use espalier_neuroplastic_expansion::{NeuroplasticExpansion, NeuroplasticExpansionSettings};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_redo::{Redo, RedoSettings};
use espalier_size_gate::{Compaction, SizeGate, SizeGateSettings};
use espalier_sparsifier::{Sparsifier, SparsifierSettings};
use espalier_strategy::{
    Budgeted, EveryEpochs, Fixed, Groups, Limits, Sample, Schedule, Strategy, UnitRule, random_growth,
};
use espalier_targeted_dropout::{Method, TargetedDropout, TargetedDropoutSettings};
use espalier_tiny::{Tiny, TinySettings};
use espalier_trial::prelude::*;

use crate::Showcase;

named! {
    /// What a strategy does to the size, and so where it starts.
    pub enum Family {
        /// Fixed networks: the bounds.
        Bound = "fixed",
        /// From the small network towards the large one's parameters.
        Growing = "growing",
        /// From the large network downwards.
        Shrinking = "shrinking",
        /// The large network keeps its size.
        Renewing = "renewing",
    }
}
use Family::{Bound, Growing, Renewing, Shrinking};

/// What a network needs built in for a strategy to work on it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    Layers(Perceptron),
    /// A sum of blocks of one hidden layer each, all but empty.
    Blocks,
}

const PLAIN: Body = Body::Layers(Perceptron::PLAIN);

const fn gated(form: GateForm) -> Body {
    Body::Layers(Perceptron {
        gates: Some(form),
        ..Perceptron::PLAIN
    })
}

/// What all arms have in common.
pub struct Common<'a> {
    settings: &'a Showcase,
    /// The most parameters that a network may ever have: those of the large plain one.
    most_parameters: u64,
}

impl<'a> Common<'a> {
    /// What follows from the settings for a data set.
    pub fn new(settings: &'a Showcase, data: &Dataset) -> Self {
        let widths = [
            &[data.info.features][..],
            &settings.large,
            &[data.info.targets.outputs()],
        ]
        .concat();
        Self {
            settings,
            most_parameters: widths.windows(2).map(|pair| ((pair[0] + 1) * pair[1]) as u64).sum(),
        }
    }

    /// The epoch that lies this share of the way through training.
    fn at(&self, share: f64) -> u64 {
        ((self.settings.epochs as f64 * share).round() as u64).max(1)
    }
}

/// Makes a strategy in the first or second of its configurations.
type Make = fn(&Common<'_>, usize) -> Box<dyn Strategy>;

/// A strategy with the configurations that are tried, equally many for each.
pub struct Arm {
    pub name: &'static str,
    pub family: Family,
    body: Body,
    make: Make,
    tries: [&'static str; TRIES],
}

/// The most blocks that may be grown.
const BLOCKS: usize = 4;
/// Configurations per arm.
const TRIES: usize = 2;

const fn arm(family: Family, name: &'static str, make: Make, tries: [&'static str; TRIES]) -> Arm {
    Arm {
        name,
        family,
        body: PLAIN,
        make,
        tries,
    }
}

const MASKED: Body = Body::Layers(Perceptron {
    masks: true,
    ..Perceptron::PLAIN
});
const RATES: [&str; TRIES] = ["rate 1e-3", "rate 2e-3"];
const UNITS: &str = "half of the units";

/// The list: a new strategy is one line here and a function below, which has the numbers of both configurations.
pub const ARMS: &[Arm] = &[
    arm(Bound, "fixed-small", fixed, RATES),
    arm(Bound, "fixed-large", fixed, RATES),
    arm(
        Growing,
        "random-growth",
        random,
        ["2 units per epoch", "8 units per epoch"],
    ),
    arm(
        Growing,
        "random-split",
        random_split,
        ["random unit", "half firing rate"],
    ),
    arm(Growing, "gradient-split", gradient_split, ["cutoff 0.3", "cutoff 0.1"]),
    arm(Growing, "net2wider", net2wider, ["factor 2 once", "factor 1.42 twice"]),
    arm(
        Growing,
        "gradmax",
        gradmax,
        ["8 units every 2nd epoch", "16 units every 4th epoch"],
    ),
    arm(
        Growing,
        "firefly",
        firefly,
        ["4 of 16 candidates", "8 of 32 candidates"],
    ),
    arm(Growing, "tiny", tiny, ["4 units per epoch", "8 units per epoch"]),
    arm(Growing, "neuroplastic-expansion", neuroplastic, ["ζ 0.1", "ζ 0.3"]),
    arm(Growing, "block-growth", block_growth, ["blocks of 16", "blocks of 32"]).on(Body::Blocks),
    arm(Shrinking, "magnitude-prune", prune, [UNITS, "80 % of the weights"]).on(MASKED),
    arm(Shrinking, "targeted-dropout", dropout, [UNITS, "75 % of the weights"]).on(MASKED),
    arm(Shrinking, "sparsifier", sparsifier, ["λ 1e-2", "λ 3e-3"]).on(gated(GateForm::Rectified)),
    arm(Shrinking, "size-gate", size_gate, ["λ 1e-2", "λ 1e-3"]).on(gated(GateForm::Linear)),
    arm(Renewing, "dice-roll", dice_roll, ["10 rolls", "30 rolls"]),
    arm(
        Renewing,
        "dead-unit-recycle",
        recycle,
        ["noise 0.01", "no noise, shares 0.7 : 0.3"],
    ),
    arm(Renewing, "redo", redo, ["τ 0.1", "τ 0.025"]),
    arm(Renewing, "continual-backprop", continual, ["ρ 1e-4", "ρ 1e-5"]),
];

fn fixed(_: &Common<'_>, _: usize) -> Box<dyn Strategy> {
    Box::new(Fixed)
}

/// A growing strategy within the large network's parameters; what would pass them is cut.
fn grown(common: &Common<'_>, strategy: impl Strategy + 'static) -> Box<dyn Strategy> {
    let limits = Limits {
        parameters: Some(common.most_parameters),
        over_budget: OverBudget::Cut,
        ..Limits::default()
    };
    Box::new(Budgeted::new(strategy, limits))
}

/// The default settings of a strategy but for what is changed.
fn changed<S: Default>(change: impl FnOnce(&mut S)) -> S {
    let mut settings = S::default();
    change(&mut settings);
    settings
}

fn random(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    grown(common, random_growth(EveryEpochs(1), Groups::Editable, [2, 8][one]))
}

fn random_split(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut RandomSplitSettings| {
        s.rule = [UnitRule::Random, UnitRule::HalfFiringRate][one];
        s.epochs = common.settings.epochs;
        // The source asks the whole validation split, which costs a tenth of the training.
        s.sample = Sample::Growth;
    });
    grown(common, RandomSplit::new(settings))
}

fn gradient_split(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut GradientSplitSettings| {
        (s.cutoff_add, s.every_epochs) = ([0.3, 0.1][one], 1);
        s.max_parameters = Some(common.most_parameters);
    });
    grown(common, GradientSplit::new(settings))
}

fn net2wider(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let shares = [&[0.25][..], &[0.2, 0.4]][one];
    let when = Schedule::Epochs(shares.iter().map(|share| common.at(*share)).collect());
    let settings = changed(|s: &mut Net2WiderSettings| (s.when, s.factor) = (when, [2.0, 1.42][one]));
    grown(common, Net2Wider::new(settings))
}

fn gradmax(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let (every, new_units) = [(2, 8), (4, 16)][one];
    let settings = changed(|s: &mut GradMaxSettings| (s.every_epochs, s.new_units) = (every, new_units));
    grown(common, GradMax::new(settings))
}

fn firefly(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut FireflySettings| {
        (s.every_epochs, s.new_units, s.candidates) = (1, [4, 8][one], [16, 32][one]);
    });
    grown(common, Firefly::new(settings))
}

fn tiny(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut TinySettings| (s.every_epochs, s.new_units) = (1, [4, 8][one]));
    grown(common, Tiny::new(settings))
}

fn neuroplastic(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut NeuroplasticExpansionSettings| s.growth = [0.1, 0.3][one]);
    grown(common, NeuroplasticExpansion::new(settings))
}

fn block_growth(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut BlockGrowthSettings| {
        (s.block_units, s.patience_epochs, s.lambda_floor) = ([16, 32][one], 1, 1e-5);
        s.trial_epochs = common.at(0.25);
    });
    grown(common, BlockGrowth::new(settings))
}

fn prune(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut MagnitudePruneSettings| {
        s.scope = [Scope::Units(UnitScore::L2), Scope::Weights(WeightScore::Magnitude)][one];
        (s.form, s.fraction) = [(Form::Remove, 0.5), (Form::Mask, 0.8)][one];
        (s.first_epoch, s.every_epochs, s.rounds) = (common.at(0.3), common.at(0.15), 3);
    });
    Box::new(MagnitudePrune::new(settings))
}

fn dropout(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let tried = [(Method::TargetedUnit, 0.5), (Method::TargetedWeight, 0.75)][one];
    let settings = changed(|s: &mut TargetedDropoutSettings| (s.method, s.gamma) = tried);
    Box::new(TargetedDropout::new(settings))
}

fn sparsifier(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut SparsifierSettings| s.lambda = [1e-2, 3e-3][one]);
    Box::new(Sparsifier::new(settings))
}

fn size_gate(common: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let starts = (1..).zip(&common.settings.large);
    let starts = starts.map(|(gate, width)| (format!("gate{gate}"), *width as f64));
    let settings = changed(|s: &mut SizeGateSettings| {
        (s.starts, s.lambda) = (starts.collect(), [1e-2, 1e-3][one]);
        s.compaction = Compaction::EveryEpochs(1);
    });
    Box::new(SizeGate::new(settings))
}

fn dice_roll(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut DiceRollSettings| s.rolls = [10, 30][one]);
    Box::new(DiceRoll::new(settings))
}

fn recycle(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let tried = [(0.01, Shares::Equal), (0.0, Shares::Donor(0.7))][one];
    let settings = changed(|s: &mut DeadUnitRecycleSettings| (s.noise, s.shares) = tried);
    Box::new(DeadUnitRecycle::new(settings))
}

fn redo(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut RedoSettings| s.threshold = [0.1, 0.025][one]);
    Box::new(Redo::new(settings))
}

fn continual(_: &Common<'_>, one: usize) -> Box<dyn Strategy> {
    let settings = changed(|s: &mut ContinualBackpropSettings| s.replacement = [1e-4, 1e-5][one]);
    Box::new(ContinualBackprop::new(settings))
}

impl Arm {
    /// The same on another kind of network.
    const fn on(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// The strategy in one of its configurations.
    pub fn strategy(&self, common: &Common<'_>, configuration: usize) -> Box<dyn Strategy> {
        (self.make)(common, configuration)
    }

    /// The learning rate, which fixed networks try twice.
    pub fn rate(&self, common: &Common<'_>, configuration: usize) -> f64 {
        match self.family {
            Bound => [1e-3, 2e-3][configuration],
            _ => common.settings.learning_rate,
        }
    }

    /// Builds the network on which the arm starts; arms of one size share their weights.
    pub fn network(&self, common: &Common<'_>, data: &Dataset, seed: &Seed) -> anyhow::Result<Network<f32>> {
        let starts_small = self.family == Family::Growing || self.name == "fixed-small";
        let widths = if starts_small {
            &common.settings.small
        } else {
            &common.settings.large
        };
        match self.body {
            Body::Layers(perceptron) => perceptron.build(data, widths, seed),
            Body::Blocks => Ok(block_net(
                data.info.features,
                BLOCKS,
                data.info.targets.outputs(),
                seed,
            )?),
        }
    }
}

/// An arm with one of its configurations: `name/configuration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    pub arm: usize,
    pub configuration: usize,
}

impl Try {
    pub fn arm(self) -> &'static Arm {
        &ARMS[self.arm]
    }

    pub fn configuration(self) -> &'static str {
        self.arm().tries[self.configuration]
    }
}

impl Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.arm().name, self.configuration())
    }
}

/// Every configuration of every arm.
pub fn tries() -> Vec<Try> {
    (0..ARMS.len())
        .flat_map(|arm| (0..TRIES).map(move |configuration| Try { arm, configuration }))
        .collect()
}
