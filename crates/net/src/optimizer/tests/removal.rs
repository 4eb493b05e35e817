//! After a removal the kept units train as in the unedited network with the others masked.

use super::*;
use crate::{Activation, DeviceChoice, LossKind, NetworkBuilder, Session, Target};

/// Keeps the values of the units in `kept` of the hidden group of an mlp with one hidden layer.
fn keep<T: Copy>(parameter: usize, values: &[T], width: usize, kept: &[usize]) -> Vec<T> {
    match parameter {
        // The fan-in weights (rows × width) and the bias (1 × width): columns.
        0 | 1 => values
            .chunks(width)
            .flat_map(|row| kept.iter().map(|k| row[*k]).collect::<Vec<_>>())
            .collect(),
        // The fan-out weights: rows.
        2 => {
            let outputs = values.len() / width;
            kept.iter()
                .flat_map(|k| values[k * outputs..(k + 1) * outputs].to_vec())
                .collect()
        }
        _ => values.to_vec(),
    }
}

#[test]
fn after_a_removal_the_kept_units_step_as_in_the_unedited_net_with_the_others_masked() {
    for kind in kinds() {
        let mut network = models::mlp::<f32>(7, &[6], 2, &Seed::new(3)).unwrap();
        let mut optimizer = Optimizer::new(kind, &network).unwrap();
        let mut stream = Seed::new(4).stream();
        for _ in 0..9 {
            let gradients = random_gradients(&network, &mut stream);
            take(&mut optimizer, &mut network, &gradients, 0.01);
        }
        let (mut masked, mut masked_optimizer) = (network.clone(), optimizer.clone());
        let group = network.find_group("hidden1").unwrap();
        let edit = Units::of(&network, group).prune(&[1, 4]).unwrap().edit("test");
        let applied = network
            .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
            .unwrap();
        optimizer.follow(&applied, &network, Transplant::Exact).unwrap();
        let kept = [0, 2, 3, 5];
        for _ in 0..5 {
            let full = random_gradients(&masked, &mut stream);
            let part: Gradients<f32> = full.iter().enumerate().map(|(p, g)| keep(p, g, 6, &kept)).collect();
            take(&mut masked_optimizer, &mut masked, &full, 0.01);
            take(&mut optimizer, &mut network, &part, 0.01);
            for (p, (small, large)) in network.parameters().iter().zip(masked.parameters()).enumerate() {
                let expected = keep(p, large.values(), 6, &kept);
                let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(small.values()), bits(&expected), "{kind:?} {}", small.name());
            }
        }
    }
}

/// An mlp with one hidden layer whose weights have masks.
fn masked_mlp(width: usize) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 20).unwrap();
    let hidden = layers.dense("hidden1", x, width).unwrap();
    layers.mask(hidden).unwrap();
    let top = layers.activation("relu1", hidden, Activation::Relu).unwrap();
    let logits = layers.dense("logits", top, 10).unwrap();
    layers.mask(logits).unwrap();
    layers.build(&[logits], &Seed::new(3)).unwrap()
}

/// One step of a session on 32 made-up samples.
fn real_step(network: &mut Network<f32>, optimizer: &mut Optimizer<f32>, stream: &mut Stream) {
    let inputs: Vec<f32> = (0..32 * 20).map(|_| stream.normal() as f32).collect();
    let classes: Vec<u32> = (0..32).map(|_| stream.below(10) as u32).collect();
    let mut session = Session::new(network, 32, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    session
        .loss_and_gradients(
            network,
            &[&inputs],
            Target::Classes {
                labels: &classes,
                weights: None,
            },
            LossKind::CrossEntropy,
        )
        .unwrap();
    optimizer.step(network, |id| session.gradient(id), 0.01).unwrap();
}

#[test]
fn after_a_removal_a_session_trains_the_kept_units_as_with_the_others_masked() {
    let width = 37;
    let removed = [0, 5, 17, 36];
    for kind in kinds() {
        let mut network = masked_mlp(width);
        let mut optimizer = Optimizer::new(kind, &network).unwrap();
        let mut stream = Seed::new(4).stream();
        (0..3).for_each(|_| real_step(&mut network, &mut optimizer, &mut stream));
        let (mut masked, mut masked_optimizer) = (network.clone(), optimizer.clone());
        for unit in removed {
            for row in 0..20 {
                let mask = masked.find_parameter("hidden1.mask").unwrap();
                masked.parameter_mut(mask).values_mut()[row * width + unit] = 0.0;
            }
            let mask = masked.find_parameter("logits.mask").unwrap();
            masked.parameter_mut(mask).values_mut()[unit * 10..unit * 10 + 10].fill(0.0);
        }
        let group = network.find_group("hidden1").unwrap();
        let edit = Units::of(&network, group).prune(&removed).unwrap().edit("test");
        let applied = network
            .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
            .unwrap();
        optimizer.follow(&applied, &network, Transplant::Exact).unwrap();
        let mut twin = stream.clone();
        real_step(&mut network, &mut optimizer, &mut stream);
        real_step(&mut masked, &mut masked_optimizer, &mut twin);
        let kept: Vec<usize> = (0..width).filter(|u| !removed.contains(u)).collect();
        for (index, name) in ["hidden1.weight", "hidden1.bias", "logits.weight", "logits.bias"]
            .iter()
            .enumerate()
        {
            let of = |n: &Network<f32>| n.parameter(n.find_parameter(name).unwrap()).values().to_vec();
            let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(
                bits(of(&network)),
                bits(keep(index, &of(&masked), width, &kept)),
                "{kind:?} {name}"
            );
        }
    }
}
