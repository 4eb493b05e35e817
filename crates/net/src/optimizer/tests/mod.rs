//! Gradients are made up here, but where a session is named: rules and transplants depend on them alone.

mod follow;
mod rates;
mod removal;
mod torch;

use espalier_seed::{Seed, Stream};

use super::*;
use crate::edit::units::Units;
use crate::ledger::edit::{FreshUnit, Plan, Scales};
use crate::{ApplyOptions, models};

fn kinds() -> Vec<OptimizerKind> {
    vec![
        OptimizerKind::sgd(0.0),
        OptimizerKind::sgd(0.9),
        OptimizerKind::Sgd(SgdSettings {
            momentum: 0.9,
            dampening: 0.1,
            ..SgdSettings::default()
        }),
        OptimizerKind::Sgd(SgdSettings {
            momentum: 0.9,
            nesterov: true,
            ..SgdSettings::default()
        }),
        OptimizerKind::adam(),
        OptimizerKind::adamw(0.1),
        OptimizerKind::AdaMax(AdaMaxSettings::default()),
        OptimizerKind::Adagrad(AdagradSettings {
            rate_decay: 0.01,
            ..AdagradSettings::default()
        }),
        OptimizerKind::RmsProp(RmsPropSettings::default()),
        OptimizerKind::RmsProp(RmsPropSettings {
            momentum: 0.8,
            centered: true,
            ..RmsPropSettings::default()
        }),
    ]
}

/// One made-up gradient per parameter.
type Gradients<E> = Vec<Vec<E>>;

fn random_gradients<E: Element>(network: &Network<E>, stream: &mut Stream) -> Gradients<E> {
    let normal = |n: usize, stream: &mut Stream| (0..n).map(|_| E::from_f64(stream.normal())).collect();
    network
        .parameters()
        .iter()
        .map(|p| normal(p.values().len(), stream))
        .collect()
}

fn take<E: Element>(optimizer: &mut Optimizer<E>, network: &mut Network<E>, gradients: &Gradients<E>, rate: f64) {
    optimizer
        .step(network, |id| gradients[id.index()].as_slice(), rate)
        .unwrap();
}

const SPLIT: [Scales; 2] = [
    Scales {
        incoming: 2.0,
        outgoing: 0.375,
    },
    Scales {
        incoming: 0.5,
        outgoing: 0.5,
    },
];

fn split_plan(network: &Network<f64>) -> Plan {
    let group = network.find_group("hidden1").unwrap();
    Plan::new("test").with(Units::of(network, group).split(1, &SPLIT).unwrap().edit("test"))
}

/// An optimizer after 6 steps, its network, and both after a split of unit 1 followed as asked.
fn followed(kind: OptimizerKind, transplant: Transplant) -> (Optimizer<f64>, Network<f64>, Optimizer<f64>) {
    let mut network = models::mlp::<f64>(5, &[3], 2, &Seed::new(5)).unwrap();
    let mut optimizer = Optimizer::new(kind, &network).unwrap();
    let mut stream = Seed::new(6).stream();
    for _ in 0..6 {
        let gradients = random_gradients(&network, &mut stream);
        take(&mut optimizer, &mut network, &gradients, 0.01);
    }
    let before = optimizer.clone();
    let applied = network.apply(&split_plan(&network), &ApplyOptions::default()).unwrap();
    optimizer.follow(&applied, &network, transplant).unwrap();
    optimizer.check(&network).unwrap();
    (before, network, optimizer)
}

#[test]
fn missing_orphaned_and_misshapen_state_is_named_at_the_next_step() {
    let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let edit = Units::of(&network, group).prune(&[0]).unwrap().edit("test");
    network
        .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
        .unwrap();
    let unchanged = network.clone();
    let gradients = random_gradients(&network, &mut Seed::new(2).stream());
    let mut message = |optimizer: &mut Optimizer<f32>| {
        let error = optimizer
            .step(&mut network, |id| gradients[id.index()].as_slice(), 0.1)
            .unwrap_err();
        assert_eq!(network, unchanged);
        error.to_string()
    };
    let text = message(&mut optimizer);
    assert!(
        text.contains("`hidden1.weight`") && text.contains("[4, 2]") && text.contains("[4, 3]"),
        "{text}"
    );
    let mut lacking = Optimizer::new(OptimizerKind::adam(), &unchanged).unwrap();
    lacking.slots.remove("logits.bias");
    assert!(message(&mut lacking).contains("`logits.bias` is trained, but the optimizer holds no state"));
    let mut orphaned = Optimizer::new(OptimizerKind::adam(), &unchanged).unwrap();
    orphaned.slots.insert("gone.weight".to_owned(), Slot::new(&[2, 2], &[]));
    assert!(message(&mut orphaned).contains("`gone.weight`"));
    let applied_elsewhere = {
        let mut other = models::mlp::<f32>(4, &[5], 2, &Seed::new(1)).unwrap();
        let group = other.find_group("hidden1").unwrap();
        let edit = Units::of(&other, group).prune(&[0]).unwrap().edit("test");
        other
            .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
            .unwrap()
    };
    let error = lacking
        .clone()
        .follow(&applied_elsewhere, &unchanged, Transplant::Exact)
        .unwrap_err();
    assert!(error.to_string().contains("the edit starts from"), "{error}");
}

#[test]
fn a_gradient_of_the_wrong_length_is_refused_by_name() {
    let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let error = optimizer.step(&mut network, |_| &[0.0_f32; 12], 0.1).unwrap_err();
    assert!(error.to_string().contains("gradient of `hidden1.bias`"), "{error}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let threads = if threads == 1 {
                Threads::One
            } else {
                Threads::Pool(threads)
            };
            let mut network = models::mlp::<f32>(310, &[700], 2, &Seed::new(1)).unwrap();
            let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
            optimizer.set_threads(threads);
            let group = network.find_group("hidden1").unwrap();
            let young = network.group(group).units()[5];
            let mut stream = Seed::new(2).stream();
            for step in 0..3 {
                let gradients = random_gradients(&network, &mut stream);
                take(&mut optimizer, &mut network, &gradients, 0.01);
                if step == 1 {
                    optimizer.reset_units(&network, &[young], UnitReset::Zero).unwrap();
                }
            }
            network
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn settings_outside_their_ranges_are_refused_by_name() {
    let network = models::mlp::<f32>(2, &[], 1, &Seed::new(1)).unwrap();
    let cases = [
        (OptimizerKind::sgd(1.0), "momentum"),
        (OptimizerKind::adamw(-1.0), "weight_decay"),
        (
            OptimizerKind::Adam(AdamSettings {
                beta2: f64::NAN,
                ..AdamSettings::default()
            }),
            "beta2",
        ),
        (
            OptimizerKind::AdaMax(AdaMaxSettings {
                epsilon: 0.0,
                ..AdaMaxSettings::default()
            }),
            "epsilon",
        ),
        (
            OptimizerKind::Sgd(SgdSettings {
                nesterov: true,
                ..SgdSettings::default()
            }),
            "nesterov",
        ),
    ];
    for (kind, field) in cases {
        let error = Optimizer::new(kind, &network).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}

#[test]
fn kinds_read_and_write_themselves_and_refuse_unknown_fields() {
    for kind in kinds() {
        let text = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<OptimizerKind>(&text).unwrap(), kind);
    }
    assert!(serde_json::from_str::<OptimizerKind>(r#"{"rule": "adam", "beta": 0.9}"#).is_err());
}
