//! Removals before a group norm.

use espalier_net::{ApplyOptions, GroupId, Layer, Network, NetworkBuilder};
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions};
use espalier_strategy::{
    Composed, EveryEpochs, Groups, Oracle, Outcome, Pick, Removal, Result, ScoreSelector, UnitScore, View,
    remove_closed,
};

/// The units of `hidden` in the order 0, 1, 2, ….
#[derive(Clone)]
struct Rising;

impl UnitScore for Rising {
    fn scores(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle, group: GroupId) -> Result<Vec<f64>> {
        Ok((0..view.network.group(group).width()).map(|u| u as f64).collect())
    }
}

fn under_group_norm(groups: usize) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let hidden = layers.dense("hidden", x, 16).unwrap();
    let norm = Layer::GroupNorm { groups, epsilon: 1e-5 };
    let norm = layers.layer("norm", norm, &[hidden], 0).unwrap();
    let logits = layers.dense("logits", norm, 3).unwrap();
    layers.build(&[logits], &Seed::new(1)).unwrap()
}

/// The widths that removals by one rule leave, epoch by epoch.
fn widths(groups: usize, pick: Pick) -> Vec<usize> {
    let selector = ScoreSelector {
        score: Rising,
        groups: Groups::one("hidden"),
        pick,
        extra: 1,
    };
    let removal = Removal {
        cause: "lowest".to_owned(),
        absorb_constants: false,
    };
    let mut strategy = Composed::new("prune", EveryEpochs(1), selector, removal);
    let network = under_group_norm(groups);
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    let refused = |o: &Outcome| matches!(o, Outcome::Refused { .. });
    assert!(!driver.settled.iter().any(|s| refused(&s.outcome)), "{groups} {pick:?}");
    let hidden = |n: &Network<f32>| n.group(n.find_group("hidden").unwrap()).width();
    driver.settled.iter().map(|s| hidden(&s.after)).collect()
}

#[test]
fn the_lowest_removable_are_about_as_many_as_asked_for() {
    // Four norm groups of 4 give 4 for 3, the whole first one, whose units are the lowest; the three that are left give one
    // each. Sixteen of 1 give single units; one norm group gives any number.
    assert_eq!(widths(4, Pick::LowestRemovable(3))[..2], [12, 9]);
    assert_eq!(widths(16, Pick::LowestRemovable(3))[..2], [13, 10]);
    assert_eq!(widths(1, Pick::LowestRemovable(3))[..2], [13, 10]);
}

#[test]
fn of_named_units_only_those_go_that_can_go_together() {
    // Units 0 to 5 hold the whole first norm group and half of the second.
    assert_eq!(widths(4, Pick::Below(5.5))[0], 12);
    // Units 0 to 2 hold no whole norm group and none of the others.
    assert!(widths(4, Pick::Below(2.5)).is_empty());
}

/// Closed units go as named removals do, and the reason says how many stay.
#[test]
fn of_closed_units_only_those_go_that_can_go_together() {
    let removed = |units: &[usize]| {
        let network = under_group_norm(4);
        let hidden = network.find_group("hidden").unwrap();
        let proposal = remove_closed(&network, "close", "closed", &[(hidden, units.to_vec())], &[]).unwrap()?;
        let mut draft = network.clone();
        draft.apply(&proposal.plan, &ApplyOptions::default()).unwrap();
        Some((
            draft.group(hidden).units().to_vec(),
            network.group(hidden).units().to_vec(),
            proposal.plan.reason,
        ))
    };
    // The first norm group is closed whole, the second by half.
    let (left, all, reason) = removed(&[0, 1, 2, 3, 4, 5]).unwrap();
    assert_eq!(left, all[4..]);
    assert!(
        reason.contains("6 of 16 units of `hidden` are closed, of which 4 can go together"),
        "{reason}"
    );
    // One of each norm group.
    let (left, ..) = removed(&[1, 6, 8, 15]).unwrap();
    assert_eq!(left.len(), 12);
    assert!(removed(&[0, 1, 2]).is_none());
}

/// Two groups under one norm: what the first removal leaves decides about the second.
#[test]
fn closed_units_of_two_groups_under_one_norm_go_one_group_after_the_other() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 4).unwrap();
    let left = layers.dense("left", x, 4).unwrap();
    let right = layers.dense("right", x, 4).unwrap();
    let both = layers.concat("both", &[left, right]).unwrap();
    let norm = Layer::GroupNorm {
        groups: 2,
        epsilon: 1e-5,
    };
    let norm = layers.layer("norm", norm, &[both], 0).unwrap();
    let logits = layers.dense("logits", norm, 3).unwrap();
    let network: Network<f32> = layers.build(&[logits], &Seed::new(1)).unwrap();
    let group = |name| network.find_group(name).unwrap();
    let closed = [(group("left"), vec![0]), (group("right"), vec![1])];
    // A norm group of three and one of four cannot be, so neither goes before the other.
    let proposal = remove_closed(&network, "close", "closed", &closed, &[]).unwrap();
    assert!(proposal.is_none());
}

#[test]
fn closed_units_that_do_not_exist_are_refused() {
    let network = under_group_norm(4);
    let hidden = network.find_group("hidden").unwrap();
    remove_closed(&network, "close", "closed", &[(hidden, vec![16])], &[]).unwrap_err();
}
