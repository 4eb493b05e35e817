//! The kit that every strategy passes, on the reference networks with planted dead units.

use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, DonorRule, RecycledState, Shares};
use espalier_net::{Network, Role, Side};
use espalier_seed::Seed;
use espalier_strategy::{conformance, places};

/// Zero fan-in, bias −1: silent behind ReLU, with or without a norm before it.
fn with_dead_units(mut network: Network<f32>) -> Network<f32> {
    for group in network.editable_groups() {
        for owner in network.owners(group) {
            let value = match (network.parameter(owner.parameter).role(), owner.side) {
                (Role::Weight, Side::Incoming) => 0.0,
                (Role::Bias, _) => -1.0,
                _ => continue,
            };
            for i in places(&network, &owner, 1) {
                network.parameter_mut(owner.parameter).values_mut()[i] = value;
            }
        }
    }
    network
}

#[test]
fn keeps_the_contract_with_and_without_noise() {
    let exact = DeadUnitRecycleSettings {
        every_steps: 5,
        window_batches: 4,
        shares: Shares::Uneven,
        noise: 0.0,
        ..Default::default()
    };
    let noisy = DeadUnitRecycleSettings {
        every_steps: 5,
        window_batches: 4,
        donor: DonorRule::HighestScore,
        state: RecycledState::Copy,
        shares: Shares::Equal,
        noise: 0.01,
        ..Default::default()
    };
    for (settings, parts) in [(exact, true), (noisy, false)] {
        let mut networks = conformance::references(&Seed::new(7)).unwrap();
        networks
            .iter_mut()
            .for_each(|r| r.network = with_dead_units(r.network.clone()));
        let report = conformance::run_on(networks, || Box::new(DeadUnitRecycle::new(settings.clone()))).unwrap();
        assert_eq!(report.supported(), report.networks(), "{report:?}");
        assert!(
            report
                .entries
                .iter()
                .all(|(_, applied)| applied.as_ref().is_ok_and(|n| *n > 0)),
            "{report:?}"
        );
        assert_eq!(report.parted > 0, parts, "{report:?}");
        assert_eq!(
            report.scored,
            report.applied(),
            "each edit says by which scores donors were chosen: {report:?}"
        );
    }
}
