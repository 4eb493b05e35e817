//! The kit.

use espalier_neuroplastic_expansion::{NeuroplasticExpansion, NeuroplasticExpansionSettings};
use espalier_strategy::conformance;

#[test]
fn keeps_the_contract_with_and_without_pruning_of_quiet_units() {
    for threshold in [0.0, 0.5] {
        let settings = NeuroplasticExpansionSettings {
            expansion: 3.0,
            growth: 0.5,
            threshold,
            ..NeuroplasticExpansionSettings::default()
        };
        let report = conformance::run(|| Box::new(NeuroplasticExpansion::new(settings.clone()))).unwrap();
        assert!(report.entries.iter().all(|entry| entry.1.is_ok()), "{report:?}");
        assert!(report.applied() > 0 && report.scored > 0, "{report:?}");
    }
}
