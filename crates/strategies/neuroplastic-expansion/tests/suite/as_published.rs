//! NumPy, from the paper's formulas, decides as ours does: `vectors/numpy.json` says where it comes from.

use espalier_net::{FreshUnit, Network, models};
use espalier_neuroplastic_expansion::{
    NeuroplasticExpansionSettings, dormant, potentials, promising, quota, review_probability,
};
use espalier_seed::Seed;
use espalier_strategy::dormancy_scores;
use serde::Deserialize;

use crate::decisions::Samples;

#[derive(Deserialize)]
struct Published {
    full: usize,
    first: usize,
    growth: f64,
    prune_share: f64,
    horizon: u64,
    threshold: f64,
    review_floor: f64,
}

#[derive(Deserialize)]
struct Vectors {
    settings: Published,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    weights: Vec<Vec<f32>>,
    biases: Vec<Vec<f32>>,
    scores: Vec<Vec<f64>>,
    dormant: Vec<Vec<usize>>,
    fan_in: Vec<Vec<f64>>,
    bias: Vec<f64>,
    potentials: Vec<f64>,
    kept: Vec<usize>,
    join: Vec<usize>,
    leave: Vec<usize>,
    fluctuations: Vec<(f64, f64)>,
    reviewed: Vec<f64>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/numpy.json")).unwrap()
}

fn network(vectors: &Vectors) -> Network<f32> {
    let mut network = models::mlp::<f32>(4, &[6, 5], 3, &Seed::new(1)).unwrap();
    for (k, name) in ["hidden1", "hidden2", "logits"].into_iter().enumerate() {
        for (role, values) in [("weight", &vectors.weights[k]), ("bias", &vectors.biases[k])] {
            let id = network.find_parameter(&format!("{name}.{role}")).unwrap();
            network.parameter_mut(id).values_mut().copy_from_slice(values);
        }
    }
    network
}

fn near(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-5 * b.abs().max(1e-3);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{found:?} {expected:?}"
    );
}

#[test]
fn as_published() {
    let vectors = vectors();
    let network = network(&vectors);
    let samples = Samples {
        inputs: &vectors.inputs,
        labels: &vectors.labels,
    };
    let group = |name: &str| network.find_group(name).unwrap();
    for (k, name) in ["hidden1", "hidden2"].into_iter().enumerate() {
        let found = samples
            .asked(&network, |oracle| dormancy_scores(&network, group(name), oracle))
            .unwrap();
        near(&found, &vectors.scores[k]);
        assert_eq!(
            dormant(&found, vectors.settings.threshold, found.len()),
            vectors.dormant[k],
            "{name}"
        );
    }
    let candidate = |(fan_in, bias): (&Vec<f64>, &f64)| FreshUnit {
        values: [
            ("hidden1.weight@1".to_owned(), fan_in.clone()),
            ("hidden1.bias@0".to_owned(), vec![*bias]),
        ]
        .into(),
    };
    let candidates: Vec<FreshUnit> = vectors.fan_in.iter().zip(&vectors.bias).map(candidate).collect();
    let found = samples
        .asked(&network, |oracle| {
            potentials(&network, group("hidden1"), &candidates, oracle)
        })
        .unwrap();
    near(&found, &vectors.potentials);
    assert_eq!(promising(&found, vectors.kept.len()), vectors.kept);
}

#[test]
fn schedules_as_published() {
    let vectors = vectors();
    let published = &vectors.settings;
    let settings = NeuroplasticExpansionSettings {
        expansion: published.full as f64 / published.first as f64,
        growth: published.growth,
        prune_share: published.prune_share,
        ..NeuroplasticExpansionSettings::default()
    };
    for (epoch, (join, leave)) in vectors.join.iter().zip(&vectors.leave).enumerate() {
        let found = quota(&settings, published.first, epoch as u64, published.horizon);
        assert_eq!((found.join, found.leave), (*join, *leave), "epoch {epoch}");
    }
    for ((before, now), expected) in vectors.fluctuations.iter().zip(&vectors.reviewed) {
        let found = review_probability(published.review_floor, *before, *now);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}
