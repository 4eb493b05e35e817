//! Decisions worked out by hand.

use espalier_net::{Edit, Network, NewUnit, models};
use espalier_neuroplastic_expansion::{
    NeuroplasticExpansion, NeuroplasticExpansionSettings, quota, review_probability,
};
use espalier_seed::Seed;
use espalier_strategy::{Occasion, Proposal, Sample, Strategy};

use crate::decisions::Samples;

const INPUTS: [f32; 8] = [1.0, 2.0, -1.0, 0.5, 0.0, -2.0, 0.5, 1.5];
const SAMPLES: Samples<'static> = Samples {
    inputs: &INPUTS,
    labels: &[0, 1, 1, 0],
};

/// Four hidden units of which none is silent on the samples: with a bias of 5 all fire.
fn network() -> Network<f32> {
    let mut network = models::mlp::<f32>(2, &[4], 2, &Seed::new(1)).unwrap();
    bias(&mut network, &[5.0; 4]);
    network
}

fn bias(network: &mut Network<f32>, values: &[f32]) {
    let id = network.find_parameter("hidden1.bias").unwrap();
    network.parameter_mut(id).values_mut()[..values.len()].copy_from_slice(values);
}

fn width(network: &Network<f32>) -> usize {
    network.group(network.find_group("hidden1").unwrap()).width()
}

/// Half of the room at the start, twelve units when full.
fn settings() -> NeuroplasticExpansionSettings {
    NeuroplasticExpansionSettings {
        expansion: 3.0,
        growth: 0.5,
        review_steps: 0,
        ..NeuroplasticExpansionSettings::default()
    }
}

fn left(proposal: &Proposal) -> Vec<usize> {
    let Edit::Units(edit) = &proposal.plan.edits[0] else {
        panic!("units")
    };
    let kept: Vec<usize> = edit.units.iter().filter_map(NewUnit::origin).collect();
    (0..4).filter(|unit| !kept.contains(unit)).collect()
}

#[test]
fn a_group_grows_by_half_a_cosine_of_its_room_without_moving_the_outputs() {
    // ½/2·(1 + cos(π t/4))·8 = 3.41, 2 and 0.59 at t = 1, 2 and 3.
    let (mut network, mut strategy) = (network(), NeuroplasticExpansion::new(settings()));
    let mut widths = Vec::new();
    for epoch in 1..=4 {
        if let Some(proposal) = SAMPLES.proposed(&mut strategy, &network, Occasion::Epoch, epoch) {
            assert!(SAMPLES.carry_out(&proposal, &mut network) < 1e-6);
        }
        widths.push(width(&network));
    }
    assert_eq!(widths, [7, 9, 9, 9]);
}

#[test]
fn silent_units_leave_within_their_share_and_outputs_stay() {
    // Three units come, of which ⌊0.4·3⌋ = 1 may leave: of two silent ones the first.
    let mut network = network();
    bias(&mut network, &[5.0, -50.0, 5.0, -50.0]);
    let proposal = SAMPLES
        .proposed(
            &mut NeuroplasticExpansion::new(settings()),
            &network,
            Occasion::Epoch,
            1,
        )
        .unwrap();
    assert_eq!(left(&proposal), [1]);
    assert!(SAMPLES.carry_out(&proposal, &mut network) < 1e-6);
    assert_eq!(width(&network), 4 + 3 - 1);
    let scores: Vec<Option<f64>> = proposal.chosen.iter().map(|chosen| chosen.score).collect();
    assert_eq!(
        (scores.len(), scores[0]),
        (4, Some(0.0)),
        "one that leaves, three that come"
    );
    assert!(scores[1..].windows(2).all(|pair| pair[0] >= pair[1]), "{scores:?}");
}

#[test]
fn a_full_group_renews_as_many_units_as_leave_and_no_more() {
    let doubling = NeuroplasticExpansionSettings {
        expansion: 2.0,
        growth: 1.0,
        ..settings()
    };
    let (mut network, mut strategy) = (network(), NeuroplasticExpansion::new(doubling.clone()));
    let mut decide = |network: &mut Network<f32>, epoch| {
        let proposal = SAMPLES.proposed(&mut strategy, network, Occasion::Epoch, epoch);
        proposal.map(|proposal| SAMPLES.carry_out(&proposal, network));
        width(network)
    };
    // All four come at once. At t = 1, ½·(1 + cos(π/4))·4 = 3.41 would come and ⌊0.4·3⌋ = 1 may leave.
    assert_eq!(decide(&mut network, 0), 8);
    assert_eq!(
        (quota(&doubling, 4, 1, 4).join, quota(&doubling, 4, 1, 4).leave),
        (3, 1)
    );
    let before = network.clone();
    assert_eq!(decide(&mut network, 1), 8);
    assert_eq!(network, before, "none is silent, none leaves, and there is no room");
    bias(&mut network, &[5.0, 5.0, -50.0, -50.0]);
    let silent = network.group(network.find_group("hidden1").unwrap()).units()[2];
    assert_eq!(decide(&mut network, 1), 8);
    let units = network.group(network.find_group("hidden1").unwrap()).units().to_vec();
    assert!(!units.contains(&silent) && units.len() == 8);
}

#[test]
fn with_a_threshold_quiet_units_leave_too_and_nothing_is_promised() {
    let mut network = network();
    // Activities near 5, 0.5, 5 and 5: scores of about 1.3, 0.1, 1.3 and 1.3.
    let weight = network.find_parameter("hidden1.weight").unwrap();
    network.parameter_mut(weight).values_mut().fill(0.0);
    bias(&mut network, &[5.0, 0.5, 5.0, 5.0]);
    let at = |threshold| {
        let quiet = NeuroplasticExpansionSettings {
            threshold,
            ..settings()
        };
        SAMPLES
            .proposed(&mut NeuroplasticExpansion::new(quiet), &network, Occasion::Epoch, 1)
            .unwrap()
    };
    // 0.5 / ((3·5 + 0.5) / 4) = 0.129.
    assert_eq!((left(&at(0.12)), left(&at(0.14))), (vec![], vec![1]));
    assert_eq!(at(0.14).preserves, None);
}

#[test]
fn a_review_follows_a_decision_behind_which_activity_stood_still_and_lowers_the_loss() {
    let reviewing = |review_floor| NeuroplasticExpansionSettings {
        review_steps: 20,
        review_floor,
        growth: 0.01,
        ..settings()
    };
    let review = |review_floor| {
        let (network, mut strategy) = (network(), NeuroplasticExpansion::new(reviewing(review_floor)));
        for epoch in 1..=2 {
            assert!(
                SAMPLES
                    .proposed(&mut strategy, &network, Occasion::Epoch, epoch)
                    .is_none()
            );
            let rested = strategy.rests(&network, &espalier_strategy::Clock::default());
            assert_eq!(
                rested,
                epoch == 1,
                "only a second decision can tell whether activity stood still"
            );
        }
        let proposal = SAMPLES.proposed(&mut strategy, &network, Occasion::Step, 2);
        assert!(
            SAMPLES.proposed(&mut strategy, &network, Occasion::Step, 2).is_none(),
            "one review"
        );
        (network, proposal)
    };
    let (mut network, proposal) = review(0.0);
    let loss = |network: &Network<f32>| {
        SAMPLES
            .asked(network, |oracle| oracle.loss(network, Sample::Growth))
            .unwrap()
    };
    let before = loss(&network);
    SAMPLES.carry_out(&proposal.unwrap(), &mut network);
    assert!(loss(&network) < before, "{} {before}", loss(&network));
    assert!(review(1.0).1.is_none(), "never with a floor of 1");
    assert_eq!(review_probability(0.2, 0.1, 0.9), 0.0, "activity moved");
}

#[test]
fn settings_outside_their_ranges_are_refused_by_name() {
    let network = network();
    for (wrong, name) in [
        (
            NeuroplasticExpansionSettings {
                expansion: 1.0,
                ..settings()
            },
            "expansion",
        ),
        (
            NeuroplasticExpansionSettings {
                growth: 0.0,
                ..settings()
            },
            "growth",
        ),
        (
            NeuroplasticExpansionSettings {
                threshold: f64::NAN,
                ..settings()
            },
            "threshold",
        ),
        (
            NeuroplasticExpansionSettings {
                prune_share: 1.0,
                ..settings()
            },
            "prune_share",
        ),
        (
            NeuroplasticExpansionSettings {
                review_floor: 1.5,
                ..settings()
            },
            "review_floor",
        ),
        (
            NeuroplasticExpansionSettings {
                candidates: 0,
                ..settings()
            },
            "candidates",
        ),
        (
            NeuroplasticExpansionSettings {
                every_epochs: 0,
                ..settings()
            },
            "every_epochs",
        ),
    ] {
        let error = NeuroplasticExpansion::new(wrong)
            .prepare(&network)
            .unwrap_err()
            .to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
}
