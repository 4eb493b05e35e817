//! The sizers: every read-off of `espalier-sizing`, the strategies below, the searches.

use espalier_block_growth::{BlockGrowth, BlockGrowthSettings, block_net};
use espalier_experiment::Settings;
use espalier_firefly::{Firefly, FireflySettings};
use espalier_gradient_split::{GradientSplit, GradientSplitSettings};
use espalier_gradmax::{GradMax, GradMaxSettings};
use espalier_magnitude_prune::{Form, MagnitudePrune, MagnitudePruneSettings, Scope, UnitScore};
use espalier_net::{GateForm, Network, OverBudget};
use espalier_net2wider::{Net2Wider, Net2WiderSettings};
use espalier_neuroplastic_expansion::{NeuroplasticExpansion, NeuroplasticExpansionSettings};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_size_gate::{Compaction, SizeGate, SizeGateSettings};
use espalier_sizing::searches::{Bisection, RandomWidths, SuccessiveHalving, Widest};
use espalier_sizing::{Bench, Dial, Ends, Keeps, READ_OFFS, Reshaping, Result, Sizer, Tuned};
use espalier_sparsifier::{Sparsifier, SparsifierSettings};
use espalier_strategy::{Budgeted, EveryEpochs, Groups, Limits, Sample, Schedule, Strategy, random_growth};
use espalier_tiny::{Tiny, TinySettings};

type Started = Result<(Network<f32>, Box<dyn Strategy>)>;

/// The list: a new strategy is one line here, with its start under the defaults of its source.
#[rustfmt::skip]
pub const STRATEGIES: &[Reshaping] = &[
    Reshaping { name: "random-growth", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("units per epoch", 1.0, 16.0, 2.0)], start: |b, at| grows(b, SMALL, random_growth(EveryEpochs(1), Groups::Editable, at[0].round() as usize)) },
    Reshaping { name: "random-split", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("share of the widest at first", 0.02, 0.5, SMALL)], start: |b, at| grows(b, at[0], RandomSplit::new(RandomSplitSettings { epochs: b.most_epochs(), sample: Sample::Growth, ..RandomSplitSettings::default() })) },
    Reshaping { name: "gradient-split", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("cutoff", 0.1, 3.0, 1.5)], start: |b, at| grows(b, SMALL, GradientSplit::new(GradientSplitSettings { cutoff_add: at[0], ..GradientSplitSettings::default() })) },
    Reshaping { name: "net2wider", keeps: Keeps::BestEpoch, least_share: 0.5, dials: &[Dial::logarithmic("factor", 1.1, 3.0, 2.0)], start: |b, at| grows(b, SMALL, Net2Wider::new(Net2WiderSettings { when: Schedule::Epochs(every_fourth(b)), factor: at[0], ..Net2WiderSettings::default() })) },
    Reshaping { name: "gradmax", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("new units", 1.0, 16.0, 4.0)], start: |b, at| grows(b, SMALL, GradMax::new(GradMaxSettings { new_units: at[0].round() as usize, ..GradMaxSettings::default() })) },
    Reshaping { name: "firefly", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("new units", 1.0, 16.0, 4.0)], start: |b, at| grows(b, SMALL, Firefly::new(FireflySettings { new_units: at[0].round() as usize, ..FireflySettings::default() })) },
    Reshaping { name: "tiny", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("new units", 1.0, 16.0, 4.0)], start: |b, at| grows(b, SMALL, Tiny::new(TinySettings { new_units: at[0].round() as usize, ..TinySettings::default() })) },
    Reshaping { name: "neuroplastic-expansion", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[Dial::logarithmic("growth", 0.01, 0.5, 0.1)], start: |b, at| grows(b, SMALL, NeuroplasticExpansion::new(NeuroplasticExpansionSettings { expansion: 1.0 / SMALL, growth: at[0], ..NeuroplasticExpansionSettings::default() })) },
    Reshaping { name: "block-growth", keeps: Keeps::LastEpoch, least_share: 0.5, dials: &[Dial::logarithmic("first penalty", 1e-3, 1e1, 1.0)], start: blocks },
    Reshaping { name: "magnitude-prune", keeps: Keeps::LastEpoch, least_share: 0.5, dials: &[Dial::even("share of units", 0.1, 0.95, 0.5)], start: prune },
    Reshaping { name: "sparsifier", keeps: Keeps::LastEpoch, least_share: 0.0, dials: &[Dial::logarithmic("penalty", 1e-5, 1e-1, 1e-3)], start: sparsifier },
    Reshaping { name: "size-gate", keeps: Keeps::LastEpoch, least_share: 0.0, dials: &[Dial::logarithmic("penalty", 1e-6, 1e-2, 1e-5)], start: size_gate },
];

/// Widths that random search tries.
const RANDOM_TRIES: usize = 6;
/// The width from which growth starts, as a share of the widest.
const SMALL: f64 = 1.0 / 16.0;

/// All sizers by name, in the order of presentation: untuned, and where there are tries once more, tuned.
pub fn names(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let untuned: Vec<String> = all(settings)?.iter().map(|sizer| sizer.name().to_owned()).collect();
    let tries = settings.count("tries")?;
    let tunable = all(settings)?
        .into_iter()
        .filter(|sizer| tries > 0 && !sizer.dials().is_empty());
    let tuned: Vec<String> = tunable.map(|sizer| format!("{}{TUNED}", sizer.name())).collect();
    Ok([untuned, tuned].concat())
}

/// What stands after the name of a tuned sizer.
const TUNED: &str = ", tuned";

/// All sizers with their defaults.
fn all(settings: &Settings) -> anyhow::Result<Vec<Box<dyn Sizer>>> {
    let read_offs = READ_OFFS.iter().map(|read_off| Box::new(*read_off) as Box<dyn Sizer>);
    let strategies = STRATEGIES.iter().map(|strategy| Box::new(*strategy) as Box<dyn Sizer>);
    let searches = searches(settings.number("tolerance")?).into_iter();
    Ok(searches.chain(read_offs).chain(strategies).collect())
}

fn searches(tolerance: f64) -> Vec<Box<dyn Sizer>> {
    let tries = RANDOM_TRIES;
    vec![
        Box::new(Widest),
        Box::new(RandomWidths { tries, tolerance }),
        Box::new(Bisection { tolerance }),
        Box::new(SuccessiveHalving {
            first_epochs: 1,
            tolerance,
        }),
    ]
}

/// Finds a sizer.
pub fn named(name: &str, settings: &Settings) -> anyhow::Result<Box<dyn Sizer>> {
    let plain = name.strip_suffix(TUNED).unwrap_or(name);
    let found = all(settings)?.into_iter().find(|sizer| sizer.name() == plain);
    let Some(sizer) = found else {
        anyhow::bail!("expected one of {}, found {name}", names(settings)?.join(", "));
    };
    if plain == name {
        return Ok(sizer);
    }
    Ok(Box::new(Tuned {
        name: sizer.name(),
        sizer,
        tries: settings.count("tries")?,
        tolerance: settings.number("tolerance")?,
    }))
}

/// A growing strategy, from a share of the widest net and within its parameters.
fn grows(bench: &Bench<'_>, share: f64, strategy: impl Strategy + 'static) -> Started {
    let limits = Limits {
        parameters: Some(bench.network(bench.widest())?.parameter_count()),
        over_budget: OverBudget::Cut,
        ..Limits::default()
    };
    let width = (share * bench.widest() as f64).round().max(1.0);
    let small = bench.network(width as usize)?;
    Ok((small, Box::new(Budgeted::new(strategy, limits))))
}

fn every_fourth(bench: &Bench<'_>) -> Vec<u64> {
    (4..=bench.most_epochs()).step_by(4).collect()
}

/// Blocks stand side by side, as many as fill the widest net. Each is one hidden layer, whatever the task has.
fn blocks(bench: &Bench<'_>, at: &[f64]) -> Started {
    let settings = BlockGrowthSettings {
        lambda_start: at[0],
        block_units: (bench.widest() / 4).max(1),
        trial_epochs: (bench.most_epochs() / 4).max(1),
        ..BlockGrowthSettings::default()
    };
    let network = block_net(bench.inputs(), 4, bench.outputs(), &bench.network_seed())?;
    Ok((network, Box::new(BlockGrowth::new(settings))))
}

fn prune(bench: &Bench<'_>, at: &[f64]) -> Started {
    let settings = MagnitudePruneSettings {
        scope: Scope::Units(UnitScore::L2),
        form: Form::Remove,
        fraction: at[0],
        first_epoch: (bench.most_epochs() / 4).max(1),
        ..MagnitudePruneSettings::default()
    };
    let network = bench.network(bench.widest())?;
    Ok((network, Box::new(MagnitudePrune::new(settings))))
}

fn sparsifier(bench: &Bench<'_>, at: &[f64]) -> Started {
    let network = bench.network_ending(bench.widest(), Ends::Gated(GateForm::Rectified))?;
    let settings = SparsifierSettings {
        lambda: at[0],
        ..SparsifierSettings::default()
    };
    Ok((network, Box::new(Sparsifier::new(settings))))
}

fn size_gate(bench: &Bench<'_>, at: &[f64]) -> Started {
    let network = bench.network_ending(bench.widest(), Ends::Gated(GateForm::Linear))?;
    let starts = (1..=bench.hidden_layers()).map(|layer| (format!("gate{layer}"), bench.widest() as f64));
    let settings = SizeGateSettings {
        starts: starts.collect(),
        lambda: at[0],
        compaction: Compaction::EveryEpochs(1),
        ..SizeGateSettings::default()
    };
    Ok((network, Box::new(SizeGate::new(settings))))
}

#[cfg(test)]
mod tests {
    use espalier_sizing::MOST_DIALS;

    use super::*;

    #[test]
    fn every_sizer_is_found_by_its_name_and_its_defaults_lie_within_its_dials() {
        let settings = Settings::new(1).float("tolerance", 0.01, "").integer("tries", 2, "");
        let all = names(&settings).unwrap();
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        for name in &all {
            let sizer = named(name, &settings).unwrap();
            assert_eq!(sizer.name(), name.trim_end_matches(TUNED));
            assert!(sizer.dials().len() <= MOST_DIALS, "{name}");
            for dial in sizer.dials() {
                let within = dial.low < dial.high && (dial.low..=dial.high).contains(&dial.default);
                assert!(within, "{name}: {dial:?}");
            }
        }
        assert!(
            named("guess", &settings)
                .err()
                .unwrap()
                .to_string()
                .contains("bisection")
        );
    }
}
