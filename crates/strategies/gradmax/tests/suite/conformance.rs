//! The kit, and that its comparison of gradient steps finds out a wrong prediction.

use espalier_gradmax::{GradMax, GradMaxSettings, Search};
use espalier_net::Network;
use espalier_strategy::{Effect, Error, Groups, Oracle, Proposal, Result, Strategy, View, conformance};

fn settings(search: Search) -> GradMaxSettings {
    GradMaxSettings {
        every_epochs: 1,
        new_units: 2,
        search,
        ..GradMaxSettings::default()
    }
}

#[test]
fn keeps_the_contract() {
    for search in [Search::SingularVectors, Search::OPTIMISED] {
        let report = conformance::run(|| Box::new(GradMax::new(settings(search)))).unwrap();
        // Only where every group is followed by a batch norm or a max pool is there nothing to do.
        let refused: Vec<&str> = report
            .entries
            .iter()
            .filter(|e| e.1.is_err())
            .map(|e| e.0.as_str())
            .collect();
        assert_eq!(refused, ["conv + batch norm"], "{report:?}");
        assert_eq!(report.applied(), 16, "{report:?}");
        // Each was compared with a measured gradient step.
        assert_eq!(report.predictions, report.applied());
    }
}

#[test]
fn refuses_gated_units_with_the_reason() {
    let networks = conformance::gated_unit_references(&espalier_seed::Seed::new(7)).unwrap();
    let gated = GradMaxSettings {
        groups: Groups::one("gated"),
        ..settings(Search::SingularVectors)
    };
    let make = || GradMax::new(gated.clone());
    let report = conformance::run_on(networks, || Box::new(make())).unwrap();
    let reasons: Vec<&String> = report.entries.iter().filter_map(|e| e.1.as_ref().err()).collect();
    assert_eq!(reasons.len(), 2, "{report:?}");
    assert!(
        reasons.iter().all(|r| r.contains("`gated` multiplies two halves")),
        "{report:?}"
    );
}

/// Promises so many times what the method predicts.
struct Boaster(GradMax, f64);

impl Strategy for Boaster {
    fn name(&self) -> &str {
        "boaster"
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.0.prepare(network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let mut proposal = self.0.propose(view, oracle)?;
        if let Some(prediction) = proposal.as_mut().and_then(|p| p.prediction.as_mut()) {
            assert!(matches!(prediction.of, Effect::GradientStep { rate } if rate == 0.05));
            prediction.decrease *= self.1;
        }
        Ok(proposal)
    }
}

#[test]
fn a_prediction_off_by_a_quarter_is_found_out() {
    for factor in [0.75, 1.25] {
        let boaster =
            || Box::new(Boaster(GradMax::new(settings(Search::SingularVectors)), factor)) as Box<dyn Strategy>;
        match conformance::run(boaster).unwrap_err() {
            Error::Conformance { check, .. } => assert_eq!(check, "predictions agree with measurements"),
            other => panic!("{other}"),
        }
    }
}
