//! When triggers fire and wrappers let a strategy speak, on observations planted by hand.

use espalier_net::{Activation, Network, NetworkBuilder, OverBudget, Plan, Scales, Units, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions};
use espalier_strategy::{
    Budgeted, Clock, Composed, EffectiveRank, EqualCopies, Error, EveryEpochs, EveryKEpochs, EverySteps, Fixed,
    GradientForm, GradientSum, Groups, Limits, Need, NewbornShare, Observations, Occasion, OneUnit, Oracle, Plateau,
    Proposal, Result, Schedule, Since, Strategy, Trigger, UnitRule, View, random_growth, snapshot,
};

fn asked(trigger: &mut dyn Trigger, network: &Network<f32>, observed: &Observations, step: u64) -> Result<bool> {
    let seed = Seed::new(1);
    trigger.fires(&View {
        network,
        clock: Clock {
            step,
            ..Clock::default()
        },
        occasion: Occasion::Epoch,
        observed,
        seed: &seed,
    })
}

/// The sum of two dense layers `left` (3 units) and `right` (2 units) side by side, behind one ReLU.
fn side_by_side() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let left = layers.dense("left", x, 3).unwrap();
    let right = layers.dense("right", x, 2).unwrap();
    let both = layers.concat("both", &[left, right]).unwrap();
    let relu = layers.activation("relu", both, Activation::Relu).unwrap();
    let logits = layers.dense("logits", relu, 3).unwrap();
    layers.build(&[logits], &Seed::new(1)).unwrap()
}

#[test]
fn effective_rank_fires_where_activations_are_spread_over_enough_directions() {
    let network = side_by_side();
    let mut observed = Observations::default();
    // Left: three equal rows, of rank 1. Right: the rows (3, 0), (0, 1), (0, 0) have the singular values 3 and 1, the shares
    // 3/4 and 1/4, and so the effective rank e^H = 4/3^(3/4) = 1.7548, which is 0.8774 of two units.
    let rows = [
        1.0, 2.0, 3.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 1.0, 2.0, 3.0, 0.0, 0.0,
    ];
    observed.plant_activation("relu", rows.to_vec());
    let fires = |group: &str, share| {
        let mut trigger = EffectiveRank {
            groups: Groups::one(group),
            share,
        };
        asked(&mut trigger, &network, &observed, 6).unwrap()
    };
    assert!(fires("right", 0.877) && !fires("right", 0.878));
    assert!(fires("left", 0.333) && !fires("left", 0.334));
    // Every group must reach its share.
    let mut both = EffectiveRank {
        groups: Groups::Editable,
        share: 0.5,
    };
    assert!(!asked(&mut both, &network, &observed, 6).unwrap());
}

#[test]
fn effective_rank_looks_at_the_last_step_of_an_epoch_alone() {
    let network = side_by_side();
    let mut trigger = EffectiveRank {
        groups: Groups::Editable,
        share: 0.5,
    };
    let needs = |step| {
        let clock = Clock {
            step,
            steps_per_epoch: 6,
            ..Clock::default()
        };
        trigger.needs(&network, &clock)
    };
    // Steps are counted from 0: step 5 is the sixth.
    assert!(needs(4).is_empty() && needs(6).is_empty());
    let relu = network.find("relu").unwrap();
    assert_eq!(needs(5).items(), [Need::Activation { node: relu }]);
    let blind = asked(&mut trigger, &network, &Observations::default(), 6);
    assert!(matches!(blind, Err(Error::Observation { .. })), "{blind:?}");
}

/// Two founders and a unit born at step 10, with the squared gradients of their fan-in weights.
fn with_newborn() -> (Network<f32>, Observations) {
    let mut network = models::mlp::<f32>(2, &[2], 3, &Seed::new(1)).unwrap();
    network.set_step(10);
    let group = network.find_group("hidden1").unwrap();
    let edit = Units::of(&network, group)
        .widen([snapshot(&network, group, 0)])
        .edit("born");
    network
        .apply(&Plan::new("born").with(edit), &Default::default())
        .unwrap();
    // Two rows of three units: 1 + 1 and 2 + 2 for the founders, 4 + 5 for the newborn.
    let sum = vec![1.0, 2.0, 4.0, 1.0, 2.0, 5.0];
    let mut observed = Observations::default();
    observed.plant_gradient(
        "hidden1.weight",
        GradientForm::Squared,
        Since::Epoch,
        GradientSum { batches: 6, sum },
    );
    (network, observed)
}

fn settled_at(at_most: f64, step: u64) -> bool {
    let (network, observed) = with_newborn();
    let mut trigger = NewbornShare {
        groups: Groups::one("hidden1"),
        window_steps: 5,
        at_most,
    };
    asked(&mut trigger, &network, &observed, step).unwrap()
}

#[test]
fn newborn_share_compares_newborns_with_the_others() {
    // The founders' mean is (2 + 4)/2 = 3, the newborn's 9: three times as much.
    assert!(settled_at(3.0, 12) && !settled_at(2.9, 12));
    // Born at step 10, it counts as a newborn until step 14.
    assert!(!settled_at(2.9, 14) && settled_at(2.9, 15));
}

#[test]
fn newborn_share_asks_for_squared_gradients_and_refuses_to_guess() {
    let (network, _) = with_newborn();
    let mut trigger = NewbornShare {
        groups: Groups::one("hidden1"),
        window_steps: 5,
        at_most: 1.0,
    };
    let parameter = network.find_parameter("hidden1.weight").unwrap();
    assert_eq!(
        trigger.needs(&network, &Clock::default()).items(),
        [Need::Gradient {
            parameter,
            form: GradientForm::Squared,
            since: Since::Epoch
        }]
    );
    let blind = asked(&mut trigger, &network, &Observations::default(), 12);
    assert!(matches!(blind, Err(Error::Observation { .. })), "{blind:?}");
}

#[test]
fn triggers_and_wrappers_name_settings_outside_their_range() {
    let network = side_by_side();
    let rank = |share| EffectiveRank {
        groups: Groups::Editable,
        share,
    };
    let newborn = |window_steps, at_most| NewbornShare {
        groups: Groups::Editable,
        window_steps,
        at_most,
    };
    let timed = |seconds| Budgeted::new(Fixed, Limits::default()).within_seconds(seconds);
    let found = [
        rank(0.0).prepare("s", &network),
        rank(1.1).prepare("s", &network),
        newborn(0, 1.0).prepare("s", &network),
        newborn(5, f64::NAN).prepare("s", &network),
        timed(0.0).prepare(&network),
        timed(f64::INFINITY).prepare(&network),
        EveryKEpochs::new(Fixed, 0).prepare(&network),
    ];
    let fields: Vec<&str> = found
        .into_iter()
        .map(|result| match result {
            Err(Error::Setting { field, .. }) => field,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        fields,
        [
            "share",
            "share",
            "window_steps",
            "at_most",
            "wall_seconds",
            "wall_seconds",
            "every_epochs"
        ]
    );
    assert!(rank(1.0).prepare("s", &network).is_ok() && timed(0.5).prepare(&network).is_ok());
}

/// Splits unit 0 whenever it is asked.
struct Always;

impl Strategy for Always {
    fn name(&self) -> &str {
        "always"
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let group = view.network.editable_groups()[0];
        let edit = Units::of(view.network, group)
            .split(0, &Scales::equal(2))?
            .edit("split");
        Ok(Some(Proposal::new(Plan::new("always").with(edit))))
    }
}

/// Asks a strategy on an occasion after so many epochs and seconds.
fn asks(strategy: &mut dyn Strategy, occasion: Occasion, epoch: u64, wall_seconds: f64) -> Option<Proposal> {
    let network = models::mlp::<f32>(6, &[8], 3, &Seed::new(1)).unwrap();
    let options = DriverOptions::default();
    let mut driver = Driver::new(network.clone(), &mut Fixed, options, &Seed::new(1)).unwrap();
    let (seed, observed) = (Seed::new(1), Observations::default());
    let view = View {
        network: &network,
        clock: Clock {
            epoch,
            wall_seconds,
            ..Clock::default()
        },
        occasion,
        observed: &observed,
        seed: &seed,
    };
    strategy.propose(&view, &mut driver.oracle()).unwrap()
}

#[test]
fn a_strategy_within_seconds_falls_silent_when_they_are_over() {
    let limits = Limits {
        parameters: Some(1000),
        over_budget: OverBudget::Cut,
        ..Limits::default()
    };
    let mut timed = Budgeted::new(Always, limits).within_seconds(2.0);
    let early = asks(&mut timed, Occasion::Step, 0, 1.999);
    assert_eq!(early.unwrap().limits, limits);
    assert!(asks(&mut timed, Occasion::Step, 0, 2.0).is_none());
    assert!(asks(&mut Budgeted::new(Always, limits), Occasion::Step, 0, 1e9).is_some());
}

#[test]
fn every_k_epochs_asks_at_the_end_of_each_kth_epoch_and_at_no_step() {
    let mut every = EveryKEpochs::new(Always, 3);
    let asked: Vec<bool> = (1..=7)
        .map(|epoch| asks(&mut every, Occasion::Epoch, epoch, 0.0).is_some())
        .collect();
    assert_eq!(asked, [false, false, true, false, false, true, false]);
    assert!(asks(&mut every, Occasion::Step, 3, 0.0).is_none());
    assert!(asks(&mut every, Occasion::Start, 0, 0.0).is_none());
}

#[test]
fn triggers_and_wrappers_keep_the_contract() {
    let applied = |make: &(dyn Fn() -> Box<dyn Strategy> + Sync)| conformance::run(make).unwrap().applied();
    let split = |trigger: EffectiveRank| {
        let one = OneUnit::new(UnitRule::Random, Groups::Editable);
        Composed::new("rank", trigger, one, EqualCopies)
    };
    let rank = || EffectiveRank {
        groups: Groups::Editable,
        share: 0.05,
    };
    assert!(applied(&|| Box::new(split(rank()))) > 0);
    let newborn = || NewbornShare {
        groups: Groups::Editable,
        window_steps: 3,
        at_most: 1e6,
    };
    assert!(applied(&|| Box::new(random_growth(newborn(), Groups::Editable, 1))) > 0);
    let growth = || random_growth(EveryEpochs(1), Groups::Editable, 1);
    let timed = || Budgeted::new(growth(), Limits::default()).within_seconds(1e9);
    // Four groups or so on five networks: each epoch one proposal, each second epoch half as many.
    let (all, half) = (
        applied(&|| Box::new(timed())),
        applied(&|| Box::new(EveryKEpochs::new(growth(), 2))),
    );
    assert!(half > 0 && all == 2 * half, "{all} and {half}");
    // The memory of what is inside goes through the wrapper's state.
    let stalled = || random_growth(Plateau::new(2, 1e3), Groups::Editable, 1);
    assert!(applied(&|| Box::new(EveryKEpochs::new(stalled(), 1))) > 0);
}

#[test]
fn a_trigger_that_rests_would_not_fire_behind_the_step() {
    let network = models::mlp::<f32>(3, &[2], 2, &Seed::new(1)).unwrap();
    let (observed, seed) = (Observations::default(), Seed::new(1));
    let mut triggers: Vec<Box<dyn Trigger>> = vec![
        Box::new(EverySteps(3)),
        Box::new(Schedule::Steps(vec![1, 5, 6])),
        Box::new(Schedule::Start),
        Box::new(Schedule::Epochs(vec![0, 1])),
        Box::new(EveryEpochs(1)),
        Box::new(Plateau::default()),
    ];
    for (index, trigger) in triggers.iter_mut().enumerate() {
        for step in 0..12 {
            let before = Clock {
                step,
                ..Clock::default()
            };
            let view = View {
                network: &network,
                clock: Clock {
                    step: step + 1,
                    ..before
                },
                occasion: Occasion::Step,
                observed: &observed,
                seed: &seed,
            };
            let (rests, fires) = (trigger.rests(&before), trigger.fires(&view).unwrap());
            // Of the first two each step is one or the other; the others never look at a step.
            assert_eq!(rests, !fires, "trigger {index} behind step {step}");
            assert!(index < 2 || rests);
        }
    }
}
