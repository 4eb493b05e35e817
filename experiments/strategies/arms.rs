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
const MASKED: Body = Body::Layers(Perceptron {
    masks: true,
    ..Perceptron::PLAIN
});

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

/// One tried configuration of an arm.
pub struct Attempt {
    pub strategy: Box<dyn Strategy>,
    pub rate: f64,
}

type Make = fn(&Common<'_>) -> Attempt;

/// A strategy with the configurations that are tried, equally many for each.
pub struct Arm {
    pub name: &'static str,
    pub family: Family,
    body: Body,
    pub tries: [(&'static str, Make); TRIES],
}

/// The most blocks that may be grown.
const BLOCKS: usize = 4;
/// Configurations per arm.
const TRIES: usize = 2;

const fn arm(name: &'static str, family: Family, body: Body, tries: [(&'static str, Make); TRIES]) -> Arm {
    Arm {
        name,
        family,
        body,
        tries,
    }
}

/// The list: a new strategy is one line here.
#[rustfmt::skip]
pub const ARMS: &[Arm] = &[
    arm("fixed-small", Bound, PLAIN, RATES),
    arm("fixed-large", Bound, PLAIN, RATES),
    arm("random-growth", Growing, PLAIN, [("2 units per epoch", |c| random(c, 2)), ("8 units per epoch", |c| random(c, 8))]),
    arm("random-split", Growing, PLAIN, [("random unit", |c| random_split(c, UnitRule::Random)), ("half firing rate", |c| random_split(c, UnitRule::HalfFiringRate))]),
    arm("gradient-split", Growing, PLAIN, [("cutoff 0.3", |c| gradient_split(c, 0.3)), ("cutoff 0.1", |c| gradient_split(c, 0.1))]),
    arm("net2wider", Growing, PLAIN, [("factor 2 once", |c| net2wider(c, 2.0, &[0.25])), ("factor 1.42 twice", |c| net2wider(c, 1.42, &[0.2, 0.4]))]),
    arm("gradmax", Growing, PLAIN, [("8 units every 2nd epoch", |c| gradmax(c, 8)), ("16 units every 4th epoch", |c| gradmax(c, 16))]),
    arm("firefly", Growing, PLAIN, [("4 of 16 candidates", |c| firefly(c, 4, 16)), ("8 of 32 candidates", |c| firefly(c, 8, 32))]),
    arm("tiny", Growing, PLAIN, [("4 units per epoch", |c| tiny(c, 4)), ("8 units per epoch", |c| tiny(c, 8))]),
    arm("neuroplastic-expansion", Growing, PLAIN, [("ζ 0.1", |c| neuroplastic(c, 0.1)), ("ζ 0.3", |c| neuroplastic(c, 0.3))]),
    arm("block-growth", Growing, Body::Blocks, [("blocks of 16", |c| block_growth(c, 16)), ("blocks of 32", |c| block_growth(c, 32))]),
    arm("magnitude-prune", Shrinking, MASKED, [("half of the units", |c| prune(c, Scope::Units(UnitScore::L2), Form::Remove, 0.5)), ("80 % of the weights", |c| prune(c, Scope::Weights(WeightScore::Magnitude), Form::Mask, 0.8))]),
    arm("targeted-dropout", Shrinking, MASKED, [("half of the units", |c| dropout(c, Method::TargetedUnit, 0.5)), ("75 % of the weights", |c| dropout(c, Method::TargetedWeight, 0.75))]),
    arm("sparsifier", Shrinking, gated(GateForm::Rectified), [("λ 1e-2", |c| sparsifier(c, 1e-2)), ("λ 3e-3", |c| sparsifier(c, 3e-3))]),
    arm("size-gate", Shrinking, gated(GateForm::Linear), [("λ 1e-2", |c| size_gate(c, 1e-2)), ("λ 1e-3", |c| size_gate(c, 1e-3))]),
    arm("dice-roll", Renewing, PLAIN, [("10 rolls", |c| dice_roll(c, 10)), ("30 rolls", |c| dice_roll(c, 30))]),
    arm("dead-unit-recycle", Renewing, PLAIN, [("noise 0.01", |c| recycle(c, 0.01)), ("no noise, shares 0.7 : 0.3", |c| recycle(c, 0.0))]),
    arm("redo", Renewing, PLAIN, [("τ 0.1", |c| redo(c, 0.1)), ("τ 0.025", |c| redo(c, 0.025))]),
    arm("continual-backprop", Renewing, PLAIN, [("ρ 1e-4", |c| continual(c, 1e-4)), ("ρ 1e-5", |c| continual(c, 1e-5))]),
];

const RATES: [(&str, Make); TRIES] = [
    ("rate 1e-3", |_| attempt(Fixed, 1e-3)),
    ("rate 2e-3", |_| attempt(Fixed, 2e-3)),
];

fn attempt(strategy: impl Strategy + 'static, rate: f64) -> Attempt {
    Attempt {
        strategy: Box::new(strategy),
        rate,
    }
}

fn plain(common: &Common<'_>, strategy: impl Strategy + 'static) -> Attempt {
    attempt(strategy, common.settings.learning_rate)
}

/// A growing strategy within the large network's parameters; what would pass them is cut.
fn grown(common: &Common<'_>, strategy: impl Strategy + 'static) -> Attempt {
    let limits = Limits {
        parameters: Some(common.most_parameters),
        over_budget: OverBudget::Cut,
        ..Limits::default()
    };
    plain(common, Budgeted::new(strategy, limits))
}

/// The default settings of a strategy but for what is changed.
fn changed<S: Default>(change: impl FnOnce(&mut S)) -> S {
    let mut settings = S::default();
    change(&mut settings);
    settings
}

fn random(common: &Common<'_>, units: usize) -> Attempt {
    grown(common, random_growth(EveryEpochs(1), Groups::Editable, units))
}

fn random_split(common: &Common<'_>, rule: UnitRule) -> Attempt {
    let settings = changed(|s: &mut RandomSplitSettings| {
        (s.rule, s.epochs) = (rule, common.settings.epochs);
        // The source asks the whole validation split, which costs a tenth of the training.
        s.sample = Sample::Growth;
    });
    grown(common, RandomSplit::new(settings))
}

fn gradient_split(common: &Common<'_>, cutoff_add: f64) -> Attempt {
    let settings = changed(|s: &mut GradientSplitSettings| {
        (s.cutoff_add, s.every_epochs) = (cutoff_add, 1);
        s.max_parameters = Some(common.most_parameters);
    });
    grown(common, GradientSplit::new(settings))
}

fn net2wider(common: &Common<'_>, factor: f64, shares: &[f64]) -> Attempt {
    let when = Schedule::Epochs(shares.iter().map(|share| common.at(*share)).collect());
    let settings = changed(|s: &mut Net2WiderSettings| (s.when, s.factor) = (when, factor));
    grown(common, Net2Wider::new(settings))
}

fn gradmax(common: &Common<'_>, new_units: usize) -> Attempt {
    let every = new_units as u64 / 4;
    let settings = changed(|s: &mut GradMaxSettings| (s.every_epochs, s.new_units) = (every, new_units));
    grown(common, GradMax::new(settings))
}

fn firefly(common: &Common<'_>, new_units: usize, candidates: usize) -> Attempt {
    let settings = changed(|s: &mut FireflySettings| {
        (s.every_epochs, s.new_units, s.candidates) = (1, new_units, candidates);
    });
    grown(common, Firefly::new(settings))
}

fn tiny(common: &Common<'_>, new_units: usize) -> Attempt {
    let settings = changed(|s: &mut TinySettings| (s.every_epochs, s.new_units) = (1, new_units));
    grown(common, Tiny::new(settings))
}

fn neuroplastic(common: &Common<'_>, growth: f64) -> Attempt {
    let settings = changed(|s: &mut NeuroplasticExpansionSettings| s.growth = growth);
    grown(common, NeuroplasticExpansion::new(settings))
}

fn block_growth(common: &Common<'_>, block_units: usize) -> Attempt {
    let settings = changed(|s: &mut BlockGrowthSettings| {
        (s.block_units, s.patience_epochs, s.lambda_floor) = (block_units, 1, 1e-5);
        s.trial_epochs = common.at(0.25);
    });
    grown(common, BlockGrowth::new(settings))
}

fn prune(common: &Common<'_>, scope: Scope, form: Form, fraction: f64) -> Attempt {
    let settings = changed(|s: &mut MagnitudePruneSettings| {
        (s.scope, s.form, s.fraction) = (scope, form, fraction);
        (s.first_epoch, s.every_epochs, s.rounds) = (common.at(0.3), common.at(0.15), 3);
    });
    plain(common, MagnitudePrune::new(settings))
}

fn dropout(common: &Common<'_>, method: Method, gamma: f64) -> Attempt {
    let settings = changed(|s: &mut TargetedDropoutSettings| (s.method, s.gamma) = (method, gamma));
    plain(common, TargetedDropout::new(settings))
}

fn sparsifier(common: &Common<'_>, lambda: f64) -> Attempt {
    let settings = changed(|s: &mut SparsifierSettings| s.lambda = lambda);
    plain(common, Sparsifier::new(settings))
}

fn size_gate(common: &Common<'_>, lambda: f64) -> Attempt {
    let starts = (1..).zip(&common.settings.large);
    let starts = starts.map(|(gate, width)| (format!("gate{gate}"), *width as f64));
    let settings = changed(|s: &mut SizeGateSettings| {
        (s.starts, s.lambda) = (starts.collect(), lambda);
        s.compaction = Compaction::EveryEpochs(1);
    });
    plain(common, SizeGate::new(settings))
}

fn dice_roll(common: &Common<'_>, rolls: u64) -> Attempt {
    let settings = changed(|s: &mut DiceRollSettings| s.rolls = rolls);
    plain(common, DiceRoll::new(settings))
}

fn recycle(common: &Common<'_>, noise: f64) -> Attempt {
    let shares = if noise > 0.0 { Shares::Equal } else { Shares::Donor(0.7) };
    let settings = changed(|s: &mut DeadUnitRecycleSettings| (s.noise, s.shares) = (noise, shares));
    plain(common, DeadUnitRecycle::new(settings))
}

fn redo(common: &Common<'_>, threshold: f64) -> Attempt {
    let settings = changed(|s: &mut RedoSettings| s.threshold = threshold);
    plain(common, Redo::new(settings))
}

fn continual(common: &Common<'_>, replacement: f64) -> Attempt {
    let settings = changed(|s: &mut ContinualBackpropSettings| s.replacement = replacement);
    plain(common, ContinualBackprop::new(settings))
}

impl Arm {
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
        self.arm().tries[self.configuration].0
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
