//! The parts of a strategy keep the contract on networks of gated units and RMS norms.

use espalier_seed::Seed;
use espalier_strategy::conformance::{self, gated_unit_references};
use espalier_strategy::{
    Composed, EqualCopies, EveryEpochs, Groups, Net2WiderCopies, NewUnits, OneUnit, RandomSplit, Removal, Strategy,
    UnitRule, WidenRandom,
};

fn keeps_the_contract(make: impl Fn() -> Box<dyn Strategy> + Sync) {
    let networks = gated_unit_references(&Seed::new(7)).unwrap();
    let count = networks.len();
    let report = conformance::run_on(networks, make).unwrap();
    assert_eq!(report.supported(), count, "{report:?}");
    assert!(report.applied() >= count, "{report:?}");
}

fn one() -> OneUnit {
    OneUnit::new(UnitRule::Random, Groups::Editable)
}

fn new() -> NewUnits {
    NewUnits {
        groups: Groups::Editable,
        count: 3,
    }
}

#[test]
fn splits_growth_and_removal_keep_the_contract_on_gated_units() {
    let removal = || Removal {
        cause: "least active".to_owned(),
        absorb_constants: false,
    };
    keeps_the_contract(|| Box::new(Composed::new("equal", EveryEpochs(1), one(), EqualCopies)));
    keeps_the_contract(|| Box::new(Composed::new("random", EveryEpochs(1), one(), RandomSplit)));
    keeps_the_contract(|| Box::new(Composed::new("net2wider", EveryEpochs(1), new(), Net2WiderCopies)));
    keeps_the_contract(|| Box::new(Composed::new("widen", EveryEpochs(1), new(), WidenRandom::default())));
    keeps_the_contract(|| Box::new(Composed::new("prune", EveryEpochs(1), one(), removal())));
}
