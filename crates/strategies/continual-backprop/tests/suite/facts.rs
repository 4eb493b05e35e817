//! The facts that the method rests on, with expected values worked out by hand.

use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings, Form, UnitRecord, due};
use espalier_net::{DeviceChoice, Edit, Network, NewUnit, Optimizer, OptimizerKind, Session, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{self, Driver, DriverOptions, Settled};
use espalier_strategy::{Clock, Observations, Occasion, Proposal, Strategy, View};

#[test]
fn keeps_the_contract() {
    // Twelve mature steps at 0.1 per unit: about one replacement per unit of each group.
    let settings = ContinualBackpropSettings {
        maturity: 8,
        replacement: 0.1,
        ..Default::default()
    };
    let report = conformance::run(|| Box::new(ContinualBackprop::new(settings.clone()))).unwrap();
    assert_eq!(report.supported(), report.networks(), "{report:?}");
    assert!(report.applied() > 0, "{report:?}");
    assert_eq!(
        report.scored,
        report.applied(),
        "each edit says by which utilities: {report:?}"
    );
}

/// One input, three hidden units with fan-in 1, 2 and 3 and no bias, two outputs; Σ|fan-out| is 4, 1 and 0.5.
fn network() -> Network<f32> {
    let mut network = models::mlp::<f32>(1, &[3], 2, &Seed::new(1)).unwrap();
    let mut set = |name: &str, values: &[f32]| {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    };
    set("hidden1.weight", &[1.0, 2.0, 3.0]);
    set("hidden1.bias", &[0.0; 3]);
    set("logits.weight", &[1.0, -3.0, -0.5, 0.5, 0.25, 0.25]);
    set("logits.bias", &[0.0; 2]);
    network
}

/// What the strategy proposes after a step with the inputs 2 and −1: hidden activations (2, 4, 6) and (0, 0, 0).
fn step(strategy: &mut ContinualBackprop, network: &Network<f32>, step: u64) -> Option<Proposal> {
    let mut session = Session::new(network, 2, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let clock = Clock {
        step,
        ..Clock::default()
    };
    let needs = strategy.needs(network, &clock);
    session.observe(&needs.nodes());
    session.evaluate(network, &[&[2.0, -1.0]]).unwrap();
    let mut observed = Observations::default();
    observed.collect(&needs, network, &session).unwrap();
    let seed = Seed::new(3).index(step);
    let view = View {
        network,
        clock,
        occasion: Occasion::Step,
        observed: &observed,
        seed: &seed,
    };
    let mut strategies = Driver::new(
        network.clone(),
        &mut espalier_strategy::Fixed,
        DriverOptions::default(),
        &Seed::new(1),
    )
    .unwrap();
    strategy.propose(&view, &mut strategies.oracle()).unwrap()
}

fn fresh(proposal: &Proposal) -> Vec<usize> {
    let Edit::Units(edit) = &proposal.plan.edits[0] else {
        panic!("{proposal:?}")
    };
    (0..edit.units.len())
        .filter(|u| matches!(edit.units[*u], NewUnit::Fresh(_)))
        .collect()
}

#[test]
fn utility_is_the_running_average_of_activation_times_fan_out() {
    let network = network();
    let mut strategy = ContinualBackprop::new(ContinualBackpropSettings {
        decay: 0.75,
        ..Default::default()
    });
    assert!(step(&mut strategy, &network, 1).is_none());
    let units = network.group(network.find_group("hidden1").unwrap()).units().to_vec();
    // E|h| = (1, 2, 3); times Σ|w| = (4, 1, 0.5): contributions (4, 2, 1.5), a quarter of which counts.
    let utilities = |s: &ContinualBackprop| units.iter().map(|u| s.record(*u).utility).collect::<Vec<_>>();
    assert_eq!(utilities(&strategy), [1.0, 0.5, 0.375]);
    assert!(step(&mut strategy, &network, 2).is_none());
    // 0.75·(1, 0.5, 0.375) + (1, 0.5, 0.375)
    assert_eq!(utilities(&strategy), [1.75, 0.875, 0.656_25]);
    assert!(units.iter().all(|u| strategy.record(*u).age == 2));
}

#[test]
fn a_unit_is_replaced_when_the_account_passes_one_and_never_before_it_is_mature() {
    let network = network();
    let settings = ContinualBackpropSettings {
        maturity: 2,
        replacement: 0.125,
        ..Default::default()
    };
    let mut strategy = ContinualBackprop::new(settings);
    // Three units become mature at age 3: 3/8 at each of the steps 3, 4 and 5 make 9/8 > 1 in step 5.
    for k in 1..5 {
        assert!(step(&mut strategy, &network, k).is_none(), "step {k}");
    }
    let proposal = step(&mut strategy, &network, 5).unwrap();
    // Unit 2 contributes least: 3 · 0.5.
    assert_eq!(fresh(&proposal), [2]);
}

#[test]
fn a_replaced_unit_starts_over_with_zero_fan_out_utility_age_and_moments() {
    let mut network = network();
    let settings = ContinualBackpropSettings {
        maturity: 1,
        replacement: 0.5,
        ..Default::default()
    };
    let mut strategy = ContinualBackprop::new(settings);
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let gradients: Vec<Vec<f32>> = network
        .parameters()
        .iter()
        .map(|p| vec![1.0; p.values().len()])
        .collect();
    optimizer.step(&mut network, |id| &gradients[id.index()], 0.0).unwrap();
    assert!(step(&mut strategy, &network, 1).is_none());
    let proposal = step(&mut strategy, &network, 2).unwrap();
    let outcome = proposal
        .carry_out(&mut network, &mut optimizer, &[&[2.0, -1.0]], 2)
        .unwrap();
    strategy.settled(&outcome, &network).unwrap();
    let units = network.group(network.find_group("hidden1").unwrap()).units().to_vec();
    assert_eq!(
        (strategy.record(units[2]).age, strategy.record(units[2]).utility),
        (0, 0.0)
    );
    assert_eq!(strategy.record(units[0]).age, 2);
    let out = network
        .parameter(network.find_parameter("logits.weight").unwrap())
        .values();
    assert_eq!(out, [1.0, -3.0, -0.5, 0.5, 0.0, 0.0]);
    // Adam's first moment after one gradient of 1 is 1 − β₁ = 0.1 where the unit is old, 0 where it is new.
    let near = |found: &[f32], expected: &[f32]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(
        optimizer.state("hidden1.weight", "first_moment").unwrap(),
        &[0.1, 0.1, 0.0]
    ));
    assert!(near(
        optimizer.state("logits.weight", "first_moment").unwrap(),
        &[0.1, 0.1, 0.1, 0.1, 0.0, 0.0]
    ));
    // The account was 3/2, one unit is paid for: the 1/2 left and two mature units at 1/2 each make 3/2 again, and the
    // least useful of the two is next: 2·1 against 1·4.
    assert_eq!(fresh(&step(&mut strategy, &network, 3).unwrap()), [1]);
}

/// The bias of the logits after unit 2 was replaced; it emits 3 on average, and its fan-out weights are ¼ and ¼.
fn logits_bias(form: Form) -> Vec<f32> {
    let mut network = network();
    let settings = ContinualBackpropSettings {
        maturity: 1,
        replacement: 0.5,
        form,
        ..Default::default()
    };
    let mut strategy = ContinualBackprop::new(settings);
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    assert!(step(&mut strategy, &network, 1).is_none());
    let proposal = step(&mut strategy, &network, 2).unwrap();
    assert_eq!(fresh(&proposal), [2]);
    let inputs: &[f32] = &[2.0, -1.0];
    proposal.carry_out(&mut network, &mut optimizer, &[inputs], 2).unwrap();
    network
        .parameter(network.find_parameter("logits.bias").unwrap())
        .values()
        .to_vec()
}

#[test]
fn what_a_replaced_unit_emitted_on_average_moves_into_the_biases_of_its_readers() {
    assert!(logits_bias(Form::AuthorsCode).iter().all(|b| (b - 0.75).abs() < 1e-6));
    assert_eq!(logits_bias(Form::AuthorsRun), [0.0, 0.0]);
    assert_eq!(logits_bias(Form::Equations), [0.0, 0.0]);
}

#[test]
fn a_young_unit_is_judged_by_what_it_contributes_and_not_by_its_age() {
    // A contribution of 1 in each of 101 steps makes 1 − 0.99¹⁰¹ = 0.638, below the 0.7 of a unit that has always been here.
    let young = (0..101).fold(UnitRecord::default(), |r, _| r.after(0.99, 1.0, &[]));
    assert!((young.utility - 0.637_63).abs() < 1e-5, "{}", young.utility);
    let old = UnitRecord {
        utility: 0.7,
        age: 100_000,
        ..UnitRecord::default()
    };
    let chosen = |form| {
        let settings = ContinualBackpropSettings {
            form,
            ..Default::default()
        };
        due(&settings, &[young.clone(), old.clone()], 1.0).0
    };
    assert_eq!((chosen(Form::AuthorsCode), chosen(Form::Equations)), (vec![1], vec![0]));
}

#[test]
fn a_new_unit_takes_adams_first_step_at_full_size() {
    // Adam's first step has size `rate` whatever the gradient; with the old units' step count it would be smaller by
    // (1 − β₁)/(1 − β₁ᵗ) · √((1 − β₂ᵗ)/(1 − β₂)).
    let mut network = network();
    let settings = ContinualBackpropSettings {
        maturity: 1,
        replacement: 0.5,
        ..Default::default()
    };
    let mut strategy = ContinualBackprop::new(settings);
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let gradients: Vec<Vec<f32>> = network
        .parameters()
        .iter()
        .map(|p| vec![0.5; p.values().len()])
        .collect();
    for _ in 0..20 {
        optimizer.step(&mut network, |id| &gradients[id.index()], 0.0).unwrap();
    }
    assert!(step(&mut strategy, &network, 1).is_none());
    let proposal = step(&mut strategy, &network, 2).unwrap();
    proposal
        .carry_out(&mut network, &mut optimizer, &[&[2.0, -1.0]], 2)
        .unwrap();
    let id = network.find_parameter("hidden1.weight").unwrap();
    let before = network.parameter(id).values()[2];
    optimizer.step(&mut network, |id| &gradients[id.index()], 0.01).unwrap();
    let moved = before - network.parameter(id).values()[2];
    assert!((moved - 0.01).abs() < 1e-5, "{moved}");
}

#[test]
fn the_width_never_changes() {
    let network = models::mlp::<f32>(6, &[8, 7], 3, &Seed::new(4)).unwrap();
    let mut strategy = ContinualBackprop::new(ContinualBackpropSettings {
        maturity: 2,
        replacement: 0.2,
        ..Default::default()
    });
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(5)).unwrap();
    driver.run(&mut strategy).unwrap();
    assert_eq!(driver.network.widths(), network.widths());
    let replaced: usize = driver
        .settled
        .iter()
        .flat_map(|s: &Settled| &s.outcome.applied().unwrap().units)
        .map(|m| m.units.iter().filter(|u| matches!(u, NewUnit::Fresh(_))).count())
        .sum();
    assert!(replaced > 0);
    // Fifteen founders and one birth per replacement.
    let born = driver.network.genealogy().len() - network.genealogy().len();
    assert_eq!(born, replaced);
}

#[test]
fn settings_outside_their_range_are_named_with_value_and_range() {
    let refusal = |settings| {
        ContinualBackprop::new(settings)
            .prepare(&network())
            .unwrap_err()
            .to_string()
    };
    let text = refusal(ContinualBackpropSettings {
        decay: 1.0,
        ..Default::default()
    });
    assert!(
        text.contains("`decay`: expected at least 0 and below 1, found 1"),
        "{text}"
    );
    let text = refusal(ContinualBackpropSettings {
        replacement: 0.0,
        ..Default::default()
    });
    assert!(
        text.contains("`replacement`: expected above 0, at most 1, found 0"),
        "{text}"
    );
}
