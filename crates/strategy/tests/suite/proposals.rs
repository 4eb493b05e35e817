//! What becomes of proposals with values of whole parameters.

use espalier_net::{Network, NetworkBuilder, Optimizer, OptimizerKind, Plan, Units, models};
use espalier_seed::Seed;
use espalier_strategy::{Outcome, Proposal, snapshot};

fn set(network: &mut Network<f32>, name: &str, values: &[f32]) {
    let id = network.find_parameter(name).unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(values);
}

fn carry_out(proposal: &Proposal, network: &mut Network<f32>, inputs: &[f32]) -> Outcome {
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.9), network).unwrap();
    proposal
        .carry_out(network, &mut optimizer, &[inputs], inputs.len())
        .unwrap()
}

/// y = 2x.
fn line() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 1).unwrap();
    let y = layers.dense("y", x, 1).unwrap();
    let mut network = layers.build(&[y], &Seed::new(1)).unwrap();
    set(&mut network, "y.weight", &[2.0]);
    set(&mut network, "y.bias", &[0.0]);
    network
}

/// Makes it y = 3x.
fn steeper() -> Proposal {
    Proposal {
        values: vec![("y.weight".to_owned(), vec![3.0])],
        ..Proposal::new(Plan::new("values alone"))
    }
}

#[test]
fn the_certificate_counts_values_that_are_written() {
    // On x = 1, 2 the outputs 2, 4 become 3, 6: 2 of the largest output, 4.
    let mut network = line();
    let outcome = carry_out(&steeper(), &mut network, &[1.0, 2.0]);
    assert_eq!(outcome.applied().unwrap().deviation, Some(0.5));
    assert_ne!(network, line());
}

#[test]
fn values_that_break_the_claim_are_rolled_back() {
    let mut network = line();
    let outcome = carry_out(&steeper().preserving(0.4), &mut network, &[1.0, 2.0]);
    assert_eq!(
        outcome,
        Outcome::RolledBack {
            deviation: 0.5,
            tolerance: 0.4
        }
    );
    assert_eq!(network, line());
    let outcome = carry_out(&steeper().preserving(0.5), &mut network, &[1.0, 2.0]);
    assert!(outcome.applied().is_some());
}

#[test]
fn a_plan_whose_values_put_the_function_back_keeps_its_claim() {
    // y = 2·relu(x); a second unit like the first one doubles y, fan-out weights of 1 each put it back.
    let mut network = models::mlp::<f32>(1, &[1], 1, &Seed::new(1)).unwrap();
    let parameters: Vec<String> = network.parameters().iter().map(|p| p.name().to_owned()).collect();
    for (name, value) in parameters.iter().zip([1.0, 0.0, 2.0, 0.0]) {
        set(&mut network, name, &[value]);
    }
    let group = network.editable_groups()[0];
    let edit = Units::of(&network, group)
        .widen([snapshot(&network, group, 0)])
        .edit("twin");
    let twin = Proposal::new(Plan::new("twin").with(edit)).preserving(1e-6);
    let doubled = carry_out(&twin, &mut network.clone(), &[1.0, 2.0]);
    assert!(
        matches!(doubled, Outcome::RolledBack { deviation, .. } if deviation == 1.0),
        "{doubled:?}"
    );
    let halved = Proposal {
        values: vec![(parameters[2].clone(), vec![1.0, 1.0])],
        ..twin
    };
    let outcome = carry_out(&halved, &mut network, &[1.0, 2.0]);
    assert_eq!(outcome.applied().unwrap().deviation, Some(0.0));
    assert_eq!(network.group(group).width(), 2);
}
