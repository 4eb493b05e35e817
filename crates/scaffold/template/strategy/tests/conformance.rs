//! The contract that every strategy keeps.
#![allow(clippy::unwrap_used)]

use espalier_placeholder::Placeholder;
use espalier_strategy::conformance;

#[test]
fn keeps_the_contract() {
    let report = conformance::run(|| Box::new(Placeholder::default())).unwrap();
    // A strategy that decides anything replaces this by `report.applied() > 0`.
    assert_eq!(report.applied(), 0, "{report:?}");
}
