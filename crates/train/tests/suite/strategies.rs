//! Strategies in the loop, what is recorded of them, and checkpoints that go on bit for bit.
#![allow(clippy::unwrap_used, clippy::result_large_err)]

use std::sync::Arc;

use espalier_data::{Dataset, LoadOptions, Source};
use espalier_net::{Network, OptimizerKind, Plan, Units, models};
use espalier_seed::Seed;
use espalier_strategy::{
    Budgeted, Composed, Effect, EveryEpochs, EverySteps, Fixed, Groups, Limits, Occasion, OneUnit, Oracle, Proposal,
    RandomSplit, Strategy, UnitRule, View, random_growth,
};
use espalier_train::{Error, Regime, Trainer};

fn add10() -> Arc<Dataset> {
    espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default()).unwrap()
}

fn regime() -> Regime {
    Regime {
        epochs: 3,
        batch: 50,
        ..Regime::regression(OptimizerKind::adam())
    }
}

fn network(data: &Dataset) -> Network<f32> {
    models::mlp(data.info.features, &[8], 1, &Seed::new(3).named("network")).unwrap()
}

fn plain() -> Trainer {
    let data = add10();
    Trainer::new(network(&data), data, regime(), &Seed::new(3)).unwrap()
}

/// A split at the end of every epoch, and a unit more every 37 steps in turns with it.
fn crew() -> Vec<Box<dyn Strategy>> {
    let selector = OneUnit::new(UnitRule::HalfFiringRate, Groups::Editable);
    let split = Composed::new("split", EveryEpochs(1), selector, RandomSplit);
    let grow = random_growth(EverySteps(37), Groups::Editable, 1);
    vec![Box::new(espalier_strategy::Alternating::new(
        "turns",
        vec![Box::new(grow), Box::new(split)],
    ))]
}

#[test]
fn a_checkpoint_within_an_epoch_goes_on_bit_for_bit() {
    let mut whole = plain();
    whole.run(&mut |_| {}).unwrap();
    let mut first = plain();
    let per_epoch = add10().train.len().div_ceil(50) as u64;
    assert_eq!(first.train_steps(per_epoch + 7).unwrap(), per_epoch + 7);
    let bytes = first.checkpoint().unwrap();
    let mut second = Trainer::resume(&bytes, add10(), regime(), &Seed::new(3)).unwrap();
    assert_eq!(second.checkpoint().unwrap().len(), bytes.len());
    second.run(&mut |_| {}).unwrap();
    assert_eq!(second.network(), whole.network());
    assert_eq!(second.optimizer(), whole.optimizer());
}

#[test]
fn a_checkpoint_after_edits_goes_on_with_the_same_edits() {
    let mut whole = plain().with_strategies(crew()).unwrap();
    whole.run(&mut |_| {}).unwrap();
    let events = whole.events().unwrap();
    assert!(events.edits.len() > 3, "{events:?}");
    for steps in [40, 111] {
        let mut first = plain().with_strategies(crew()).unwrap();
        first.train_steps(steps).unwrap();
        let bytes = first.checkpoint().unwrap();
        let resumed = Trainer::resume(&bytes, add10(), regime(), &Seed::new(3)).unwrap();
        let mut second = resumed.with_strategies(crew()).unwrap();
        second.run(&mut |_| {}).unwrap();
        assert_eq!(second.network(), whole.network());
        assert_eq!(second.optimizer(), whole.optimizer());
        assert_eq!(second.events().unwrap().edits, events.edits);
        assert_eq!(second.events().unwrap().follow_ups, events.follow_ups);
    }
}

#[test]
fn a_checkpoint_refuses_other_seeds_regimes_and_strategies() {
    let bytes = plain().with_strategies(crew()).unwrap().checkpoint().unwrap();
    let resume = |regime: Regime, seed: u64| Trainer::resume(&bytes, add10(), regime, &Seed::new(seed));
    assert!(matches!(resume(regime(), 4), Err(Error::Checkpoint { .. })));
    assert!(matches!(
        resume(Regime { batch: 49, ..regime() }, 3),
        Err(Error::Checkpoint { .. })
    ));
    assert!(matches!(
        resume(regime(), 3).unwrap().with_strategies(vec![Box::new(Fixed)]),
        Err(Error::Checkpoint { .. })
    ));
    assert!(matches!(
        resume(regime(), 3).unwrap().train_epoch(),
        Err(Error::Checkpoint { .. })
    ));
    assert!(matches!(
        Trainer::resume(b"nothing", add10(), regime(), &Seed::new(3)),
        Err(Error::Net(_))
    ));
}

#[test]
fn a_strategy_that_does_nothing_changes_no_byte() {
    let mut without = plain();
    without.run(&mut |_| {}).unwrap();
    let mut with = plain().with_strategies(vec![Box::new(Fixed)]).unwrap();
    with.run(&mut |_| {}).unwrap();
    assert_eq!(with.network(), without.network());
    assert!(with.events().unwrap().edits.is_empty());
    assert_eq!(with.events().unwrap().decision_macs, 0);
    assert!(without.events().is_none());
}

#[test]
fn each_edit_is_followed_up_after_0_1_10_and_100_steps() {
    let growth = random_growth(espalier_strategy::Schedule::Steps(vec![5]), Groups::Editable, 2);
    let mut trainer = plain().with_strategies(vec![Box::new(growth)]).unwrap();
    trainer.run(&mut |_| {}).unwrap();
    let events = trainer.events().unwrap();
    let edit = &events.edits[0];
    assert_eq!((edit.step, edit.newborns, edit.outcome.as_str()), (5, 2, "applied"));
    // 10·8 + 8 + 8·1 + 1 = 97 values, and 10 + 1 + 1 more for each new unit.
    assert_eq!((edit.parameters_before, edit.parameters_after), (97, 121));
    assert_eq!(edit.loss_after, Some(edit.loss_before));
    assert_eq!(
        (edit.preservation.as_deref(), edit.deviation),
        (Some("exact"), Some(0.0))
    );
    let marks: Vec<u64> = events.follow_ups.iter().map(|f| f.steps_after).collect();
    assert_eq!(marks, [0, 1, 10, 100]);
    let share = |k: usize| events.follow_ups[k].newborn_gradient_share.unwrap();
    assert!((0..4).all(|k| share(k) > 0.0 && share(k) < 1.0));
    assert_eq!(events.timings.len(), 1);
}

#[test]
fn a_strategy_learns_on_real_data_within_its_budget() {
    let mut small = plain();
    small.run(&mut |_| {}).unwrap();
    let growth = random_growth(EveryEpochs(1), Groups::Editable, 16);
    let limits = Limits {
        parameters: Some(97 + 12 * 20),
        ..Limits::default()
    };
    let mut grown = plain()
        .with_strategies(vec![Box::new(Budgeted::new(growth, limits))])
        .unwrap();
    grown.run(&mut |e| assert!(e.parameters <= 97 + 12 * 20)).unwrap();
    let outcomes: Vec<&str> = grown
        .events()
        .unwrap()
        .edits
        .iter()
        .map(|e| e.outcome.as_str())
        .collect();
    assert_eq!(outcomes, ["applied", "refused", "refused"]);
}

#[test]
fn strategies_that_fight_and_budgets_below_the_size_are_refused_at_the_start() {
    let growth = || Box::new(random_growth(EveryEpochs(1), Groups::Editable, 1)) as Box<dyn Strategy>;
    let error = plain().with_strategies(vec![growth(), growth()]).err().unwrap();
    assert!(error.to_string().contains("both edit the group `hidden1`"), "{error}");
    let limits = Limits {
        parameters: Some(96),
        ..Limits::default()
    };
    let error = plain()
        .with_strategies(vec![Box::new(Budgeted::new(growth(), limits))])
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "strategy `random-growth`, budget on parameters: expected at most 96, found 97"
    );
    let error = plain()
        .with_strategies(vec![Box::new(random_growth(EveryEpochs(0), Groups::Editable, 1))])
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "strategy `random-growth`, setting `every_epochs`: expected at least 1, found 0"
    );
}

/// Adds a silent unit after step 5 and promises what a gradient step of rate 0.5 on its weights gains.
struct Promise;

impl Strategy for Promise {
    fn name(&self) -> &str {
        "promise"
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> espalier_strategy::Result<Option<Proposal>> {
        if view.occasion != Occasion::Step || view.clock.step != 5 {
            return Ok(None);
        }
        let group = view.network.find_group("hidden1")?;
        let mut fresh = espalier_strategy::snapshot(view.network, group, 0);
        fresh.values.insert("logits.weight@0".to_owned(), vec![0.0]);
        let edit = Units::of(view.network, group).widen([fresh]).edit("promise");
        // The new unit is unit 0 without its fan-out: only the fan-out has a gradient, and it is that of unit 0.
        let probe = oracle.probe(view.network, &[])?;
        let weight = view.network.find_parameter("logits.weight")?;
        let gradient = f64::from(probe.gradient(weight)[0]);
        let ids = espalier_strategy::parameter_ids(view.network).into_iter();
        let all: f64 = ids
            .flat_map(|id| probe.gradient(id))
            .map(|g| f64::from(*g).powi(2))
            .sum();
        let rate = 0.5;
        let plan = Plan::new(all.to_string()).with(edit);
        let proposal = Proposal::new(plan).preserving(espalier_strategy::ROUNDING);
        Ok(Some(
            proposal.predicting(rate * gradient * gradient, Effect::GradientStep { rate }),
        ))
    }
}

#[test]
fn a_promised_gradient_step_agrees_with_the_recorded_newborn_gradient() {
    let mut trainer = plain().with_strategies(vec![Box::new(Promise)]).unwrap();
    trainer.train_steps(6).unwrap();
    let events = trainer.events().unwrap();
    let edit = &events.edits[0];
    assert_eq!((edit.step, edit.outcome.as_str()), (5, "applied"));
    assert_eq!(edit.predicted_effect.as_deref(), Some("gradient_step"));
    // The edit itself moves no output; the promise is of the step behind it.
    assert_eq!(edit.loss_after, Some(edit.loss_before));
    // The step is taken on a copy: to first order it keeps the promise.
    let kept = edit.measured_decrease.unwrap() / edit.predicted_decrease.unwrap();
    assert!((kept - 1.0).abs() < 0.2, "{kept}");
    // A promise of rate·|g|² says that the newborn holds |g|² of the squared gradient, beside what there was (the reason).
    let before: f64 = edit.reason.parse().unwrap();
    let newborn = edit.predicted_decrease.unwrap() / 0.5;
    let share = events.follow_ups[0].newborn_gradient_share.unwrap();
    assert!(newborn > 0.0);
    assert!(
        (share / (newborn / (before + newborn)) - 1.0).abs() < 1e-4,
        "{share} {newborn} {before}"
    );
}
