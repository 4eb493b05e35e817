//! The kit passes honest strategies and finds out dishonest ones; wrappers do what they say.

use std::sync::atomic::{AtomicU64, Ordering};

use espalier_net::{
    ApplyOptions, FreshUnit, GroupId, Initializer, Network, ParameterId, Plan, Role, Scales, Units, models,
};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{
    Alternating, Chosen, Composed, Delayed, Effect, EqualCopies, Error, EveryEpochs, Fixed, Groups, Net2WiderCopies,
    NewUnits, Occasion, OncePerUnit, OneUnit, Oracle, Pick, Plateau, Proposal, RandomSplit, Removal, Result, Sample,
    Schedule, ScoreSelector, Spread, Strategy, UnevenCopies, UnitRule, UnitScore, View, disturb_fan_in, named_values,
    places, produced_by, random_fan_in, random_growth,
};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Widens the first group at the end of each epoch, and lies as it is told.
#[derive(Clone, Copy, PartialEq)]
enum Liar {
    Random,
    Preservation,
    Prediction,
    Panic,
    /// Takes what the oracle says for finite.
    Trusting,
    /// Names one unit of those that it splits.
    Silent,
    /// Names a unit that is not there under the number of one that is.
    Impostor,
    /// Moves the outputs, but asks to be rolled back where it moves them far.
    Guarded,
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

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
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
            Self::Trusting => {
                let node = espalier_strategy::last_site(view.network, group)?.node;
                oracle.activations(view.network, &[node], Sample::Growth, &mut |_, values| {
                    assert!(values[0].is_finite());
                })?;
                return Ok(None);
            }
            Self::Silent => {
                let units = Units::of(view.network, group)
                    .split(0, &Scales::equal(2))?
                    .split(1, &Scales::equal(2))?;
                let one = Chosen::new(view.network, group, 0, Some(1.0));
                Proposal::new(Plan::new("two").with(units.edit("two"))).choosing([one])
            }
            Self::Impostor => {
                let chosen = Chosen {
                    unit: 1,
                    ..Chosen::new(view.network, group, 0, None)
                };
                proposal(FreshUnit { values: honest }).choosing([chosen])
            }
            Self::Guarded => proposal(FreshUnit { values: honest }).guarded(1e-4),
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
    assert_eq!(broken(Liar::Trusting), "bad observations are refused");
    assert_eq!(broken(Liar::Silent), "chosen units are named");
    assert_eq!(broken(Liar::Impostor), "chosen units are named");
    assert_eq!(broken(Liar::Forgetful(0)), "its state is all that it keeps");
}

#[test]
fn a_guard_that_rolls_back_breaks_no_promise() {
    let report = conformance::run(|| Box::new(Liar::Guarded)).unwrap();
    // Where outputs moved far, nothing was applied.
    assert_eq!(
        (report.supported(), report.applied()),
        (report.networks(), 0),
        "{report:?}"
    );
}

/// Scores the units of a group by their places.
struct Places;

impl UnitScore for Places {
    fn scores(&mut self, view: &View<'_>, _: &mut dyn Oracle, group: GroupId) -> Result<Vec<f64>> {
        Ok((0..view.network.group(group).width()).map(|unit| unit as f64).collect())
    }
}

#[test]
fn who_selects_by_a_score_says_units_and_scores() {
    let selector = || ScoreSelector {
        score: Places,
        groups: Groups::Editable,
        pick: Pick::Highest(2),
        extra: 1,
    };
    let make = || Box::new(Composed::new("last", EveryEpochs(1), selector(), EqualCopies)) as Box<dyn Strategy>;
    let report = conformance::run(make).unwrap();
    assert!(report.applied() > 0);
    assert_eq!(report.scored, report.applied(), "{report:?}");
    let network = models::mlp::<f32>(3, &[4], 2, &Seed::new(5)).unwrap();
    let mut driver = Driver::new(network, &mut *make(), DriverOptions::default(), &Seed::new(6)).unwrap();
    driver.run(&mut *make()).unwrap();
    let first = &driver.settled[0];
    let said: Vec<_> = first
        .proposal
        .chosen
        .iter()
        .map(|c| (c.group.as_str(), c.unit, c.score))
        .collect();
    assert_eq!(said, [("hidden1", 2, Some(2.0)), ("hidden1", 3, Some(3.0))]);
    assert_eq!(first.proposal.concerned(&first.before), first.proposal.chosen);
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

/// Splits the first unit of the first group at the end of each epoch into copies that do not part, without a word.
#[derive(Clone, Copy, Debug)]
enum Twins {
    /// Two equal copies.
    Equal,
    /// Three copies, the second of which has a share of its own.
    OneOfThree,
    /// Two equal copies, the second's bias moved by this part of itself.
    Bias(f32),
    /// Two equal copies, the second's fan-in moved by noise of this relative size.
    Noise(f64),
    /// Two fresh units with the same fan-in.
    Fresh,
}

impl Twins {
    fn shares(self) -> Vec<Scales> {
        match self {
            Self::OneOfThree => [0.4, 0.2, 0.4]
                .map(|outgoing| Scales {
                    incoming: 1.0,
                    outgoing,
                })
                .to_vec(),
            _ => Scales::equal(2),
        }
    }

    fn disturb(self, draft: &mut Network<f32>, group: GroupId, view: &View<'_>) {
        match self {
            Self::Bias(jitter) => {
                for owner in produced_by(draft, group, Role::Bias) {
                    let place = places(draft, &owner, 1)[0];
                    draft.parameter_mut(owner.parameter).values_mut()[place] *= 1.0 + jitter;
                }
            }
            Self::Noise(sigma) => {
                disturb_fan_in(draft, group, 1, sigma, &mut view.stream("noise"));
            }
            _ => {}
        }
    }
}

impl Strategy for Twins {
    fn name(&self) -> &str {
        "twins"
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Epoch {
            return Ok(None);
        }
        let group = view.network.editable_groups()[0];
        let units = Units::of(view.network, group);
        let edit = match self {
            Self::Fresh => {
                let draw = Initializer::TorchDefault;
                let fresh = random_fan_in(view.network, group, 2, draw, &mut view.stream("fan-in"));
                units.widen([fresh.clone(), fresh]).edit("widen")
            }
            _ => units.split(0, &self.shares())?.edit("split"),
        };
        let plan = Plan::new("twins").with(edit);
        let mut draft = view.network.clone();
        draft.apply(&plan, &ApplyOptions::default())?;
        self.disturb(&mut draft, group, view);
        let written = [Role::Weight, Role::Bias]
            .into_iter()
            .flat_map(|role| produced_by(&draft, group, role));
        let written: Vec<ParameterId> = written.map(|o| o.parameter).collect();
        Ok(Some(Proposal {
            values: named_values(&draft, &written),
            ..Proposal::new(plan)
        }))
    }
}

#[test]
fn copies_that_stay_twins_are_found_out_unless_they_are_declared() {
    let mistakes = [
        Twins::Equal,
        Twins::OneOfThree,
        Twins::Bias(1e-3),
        Twins::Noise(1e-3),
        Twins::Noise(1e-2),
        Twins::Fresh,
    ];
    for twins in mistakes {
        match conformance::run(|| Box::new(twins)) {
            Err(Error::Conformance { check, .. }) => assert_eq!(check, "newborns part", "{twins:?}"),
            other => panic!("{twins:?}: {other:?}"),
        }
    }
    let one = || OneUnit::new(UnitRule::MaxFiringRate, Groups::Editable);
    let run = |make: &(dyn Fn() -> Box<dyn Strategy> + Sync)| conformance::run(make).unwrap();
    let declared = run(&|| Box::new(Composed::new("equal", EveryEpochs(1), one(), EqualCopies)));
    assert!(declared.applied() > 0 && declared.parted == 0, "{declared:?}");
    let uneven = run(&|| Box::new(Composed::new("uneven", EveryEpochs(1), one(), UnevenCopies)));
    assert!(uneven.parted >= 5, "{uneven:?}");
    let scales = run(&|| Box::new(Composed::new("scales", EveryEpochs(1), one(), RandomSplit)));
    assert!(scales.parted >= 5, "{scales:?}");
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
