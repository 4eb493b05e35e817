//! The kit passes honest strategies and finds out dishonest ones; wrappers do what they say.

use std::sync::atomic::{AtomicU64, Ordering};

use espalier_net::{FreshUnit, Network, Plan, Units, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{
    Alternating, Composed, Delayed, Effect, EqualCopies, Error, EveryEpochs, Fixed, Groups, Net2WiderCopies, NewUnits,
    Occasion, OncePerUnit, OneUnit, Oracle, Plateau, Proposal, Removal, Result, Schedule, Spread, Strategy, UnitRule,
    View, random_growth,
};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Widens the first group at the end of each epoch, and lies as it is told.
#[derive(Clone, Copy, PartialEq)]
enum Liar {
    Random,
    Preservation,
    Prediction,
    Panic,
    Forgetful(u64),
}

impl Strategy for Liar {
    fn name(&self) -> &str {
        "liar"
    }

    fn needs(&self, network: &Network<f32>, _clock: &espalier_strategy::Clock) -> espalier_strategy::Needs {
        let node = espalier_strategy::last_site(network, network.editable_groups()[0])
            .unwrap()
            .node;
        espalier_strategy::Needs::none().with(espalier_strategy::Need::Activation { node })
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Epoch {
            return Ok(None);
        }
        let group = view.network.editable_groups()[0];
        let mut fresh = espalier_strategy::snapshot(view.network, group, 0);
        let honest = fresh.values.clone();
        let proposal = |fresh: FreshUnit| {
            Proposal::new(Plan::new("lie").with(Units::of(view.network, group).widen([fresh]).edit("lie")))
        };
        Ok(Some(match self {
            Self::Random => {
                let call = CALLS.fetch_add(1, Ordering::Relaxed) as f64;
                fresh.values.values_mut().flatten().for_each(|v| *v += call);
                proposal(fresh)
            }
            Self::Preservation => proposal(FreshUnit { values: honest }).preserving(1e-4),
            Self::Prediction => proposal(FreshUnit { values: honest }).predicting(123.0, Effect::Edit),
            Self::Panic => {
                let node = espalier_strategy::last_site(view.network, group)?.node;
                assert!(view.activation(node).unwrap()[0].is_finite());
                return Ok(None);
            }
            Self::Forgetful(calls) => {
                *calls += 1;
                let reason = format!("call {calls}");
                Proposal::new(
                    Plan::new(reason).with(
                        Units::of(view.network, group)
                            .split(0, &espalier_net::Scales::equal(2))?
                            .edit("split"),
                    ),
                )
            }
        }))
    }
}

fn broken(liar: Liar) -> &'static str {
    match conformance::run(|| Box::new(liar)).unwrap_err() {
        Error::Conformance { check, .. } => check,
        other => panic!("{other}"),
    }
}

#[test]
fn dishonest_strategies_are_found_out() {
    assert_eq!(broken(Liar::Random), "same seed, same plans");
    assert_eq!(broken(Liar::Preservation), "the claimed preservation holds");
    assert_eq!(broken(Liar::Prediction), "predictions agree with measurements");
    assert_eq!(broken(Liar::Panic), "bad observations are refused");
    assert_eq!(broken(Liar::Forgetful(0)), "its state is all that it keeps");
}

#[test]
fn the_reusable_parts_keep_the_contract() {
    let one = |rule| OneUnit::new(rule, Groups::Editable);
    let applied = |make: &(dyn Fn() -> Box<dyn Strategy> + Sync)| conformance::run(make).unwrap().applied();
    assert!(applied(&|| Box::new(random_growth(EveryEpochs(1), Groups::Editable, 2))) > 0);
    let new = || NewUnits {
        groups: Groups::Editable,
        count: 3,
    };
    assert!(applied(&|| Box::new(Composed::new("net2wider", EveryEpochs(2), new(), Net2WiderCopies))) > 0);
    let removal = || Removal {
        cause: "least active".to_owned(),
        absorb_constants: false,
    };
    assert!(
        applied(&|| Box::new(Composed::new(
            "prune",
            EveryEpochs(1),
            one(UnitRule::MinFiringRate),
            removal()
        ))) > 0
    );
    assert!(
        applied(&|| Box::new(Composed::new(
            "plateau",
            Plateau::new(1, 1e3),
            one(UnitRule::Random),
            EqualCopies
        ))) > 0
    );
    let spread = || Spread {
        groups: Groups::Editable,
        low: 1e-6,
        share: 1.0,
    };
    assert!(applied(&|| Box::new(Composed::new("spread", spread(), one(UnitRule::Random), EqualCopies))) > 0);
    let rested = || {
        OncePerUnit::new(
            Composed::new("rested", EveryEpochs(1), one(UnitRule::MaxFiringRate), EqualCopies),
            2,
        )
    };
    assert!(applied(&|| Box::new(rested())) > 0);
    assert_eq!(applied(&|| Box::new(Fixed)), 0);
}

fn edit_steps(mut strategy: Box<dyn Strategy>) -> Vec<u64> {
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    driver.settled.iter().map(|s| s.step).collect()
}

#[test]
fn wrappers_and_schedules_decide_when() {
    // The driver takes 96 / 16 = 6 steps in each of 4 epochs.
    let growth = || random_growth(EveryEpochs(1), Groups::Editable, 1);
    assert_eq!(edit_steps(Box::new(growth())), [6, 12, 18, 24]);
    assert_eq!(edit_steps(Box::new(Delayed::new(growth(), 3))), [18, 24]);
    assert_eq!(
        edit_steps(Box::new(random_growth(
            Schedule::Steps(vec![1, 9]),
            Groups::Editable,
            1
        ))),
        [1, 9]
    );
    assert_eq!(
        edit_steps(Box::new(random_growth(Schedule::Start, Groups::Editable, 1))),
        [0]
    );
    let split = Composed::new(
        "split",
        EveryEpochs(1),
        OneUnit::new(UnitRule::Random, Groups::Editable),
        EqualCopies,
    );
    let turns = Alternating::new("turns", vec![Box::new(growth()), Box::new(split)]);
    assert_eq!(edit_steps(Box::new(turns)), [6, 12, 18, 24]);
}

/// Always splits unit 0.
struct First;

impl Strategy for First {
    fn name(&self) -> &str {
        "first"
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let group = view.network.find_group("hidden1")?;
        let edit = Units::of(view.network, group)
            .split(0, &espalier_net::Scales::equal(2))?
            .edit("split");
        Ok((view.occasion == Occasion::Epoch).then(|| Proposal::new(Plan::new("first").with(edit))))
    }
}

#[test]
fn a_split_unit_rests_for_the_given_epochs() {
    assert_eq!(edit_steps(Box::new(First)), [6, 12, 18, 24]);
    // Split at the end of epoch 1, the unit (and its copy) may change again at the end of epoch 3.
    assert_eq!(edit_steps(Box::new(OncePerUnit::new(First, 2))), [6, 18]);
}
