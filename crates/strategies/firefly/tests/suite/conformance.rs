//! The kit.

use espalier_firefly::{Firefly, FireflySettings};
use espalier_strategy::conformance;

#[test]
fn keeps_the_contract() {
    let settings = FireflySettings {
        every_epochs: 1,
        new_units: 2,
        candidates: 4,
        steps: 3,
        ..FireflySettings::default()
    };
    let report = conformance::run(|| Box::new(Firefly::new(settings.clone()))).unwrap();
    assert!(report.entries.iter().all(|entry| entry.1.is_ok()), "{report:?}");
    assert!(report.applied() > 0, "{report:?}");
    // Every edit promises what the measurement of small steps then shows.
    assert_eq!(report.predictions, report.applied(), "{report:?}");
    assert_eq!(
        report.scored,
        report.applied(),
        "each edit says by which scores: {report:?}"
    );
}
