//! The kit, and what the method refuses.

use espalier_strategy::{Groups, conformance};
use espalier_tiny::{Tiny, TinySettings};

#[test]
fn keeps_the_contract() {
    let settings = TinySettings {
        every_epochs: 1,
        new_units: 2,
        ..TinySettings::default()
    };
    let report = conformance::run(|| Box::new(Tiny::new(settings.clone()))).unwrap();
    assert!(report.applied() > 0, "{report:?}");
    // Every edit promises what the measurement of small steps then shows.
    assert_eq!(report.predictions, report.applied(), "{report:?}");
}

#[test]
fn a_group_that_is_not_dense_is_refused_with_the_reason() {
    let networks = conformance::gated_unit_references(&espalier_seed::Seed::new(7)).unwrap();
    let settings = TinySettings {
        groups: Groups::one("gated"),
        ..TinySettings::default()
    };
    let report = conformance::run_on(networks, || Box::new(Tiny::new(settings.clone()))).unwrap();
    let reasons: Vec<&String> = report
        .entries
        .iter()
        .filter_map(|entry| entry.1.as_ref().err())
        .collect();
    assert!(!reasons.is_empty(), "{report:?}");
    assert!(
        reasons.iter().all(|reason| reason.contains("one dense layer")),
        "{report:?}"
    );
}
