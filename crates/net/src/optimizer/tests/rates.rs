//! Parameter groups, rates of units and resets of units.

use super::*;

#[test]
fn groups_and_unit_rates_scale_the_learning_rate_and_the_decay() {
    let network = models::mlp::<f64>(3, &[3], 2, &Seed::new(1)).unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.0), &network).unwrap();
    let biases = ParameterGroup::new(ParameterSelector::Pattern("*.bias".to_owned()))
        .weight_decay(0.0)
        .rate_factor(3.0);
    let all = ParameterGroup::new(ParameterSelector::All).weight_decay(0.5);
    optimizer.set_groups(vec![all, biases]).unwrap();
    let group = network.find_group("hidden1").unwrap();
    optimizer.set_group_rates(&network, group, &[1.0, 0.0, 10.0]).unwrap();
    let mut moved = network.clone();
    let ones: Gradients<f64> = network
        .parameters()
        .iter()
        .map(|p| vec![1.0; p.values().len()])
        .collect();
    take(&mut optimizer, &mut moved, &ones, 0.01);
    for (p, (old, new)) in network.parameters().iter().zip(moved.parameters()).enumerate() {
        for (i, (x, y)) in old.values().iter().zip(new.values()).enumerate() {
            let unit = [i % 3, i, i / 2, 3][p];
            let rate = [1.0, 0.0, 10.0, 1.0][unit] * if p % 2 == 1 { 3.0 } else { 1.0 };
            let decay = if p % 2 == 1 { 0.0 } else { 0.5 };
            let expected = x - 0.01 * rate * (1.0 + decay * x);
            assert!((y - expected).abs() < 1e-14, "{} {i}", old.name());
        }
    }
    assert!(optimizer.set_group_rates(&network, group, &[1.0]).is_err());
    assert!(optimizer.set_unit_rates([UnitId(0)], f64::NAN).is_err());
}

#[test]
fn unit_rates_stay_with_their_units_and_end_with_them() {
    let mut network = models::mlp::<f64>(3, &[3], 2, &Seed::new(1)).unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let group = network.find_group("hidden1").unwrap();
    let units = network.group(group).units().to_vec();
    optimizer.set_group_rates(&network, group, &[2.0, 0.0, 1.0]).unwrap();
    let edit = Units::of(&network, group)
        .prune(&[0])
        .unwrap()
        .permute(&[2, 1, 0])
        .unwrap()
        .edit("test");
    let applied = network
        .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
        .unwrap();
    optimizer.follow(&applied, &network, Transplant::Exact).unwrap();
    assert_eq!(optimizer.unit_rates.len(), 1);
    assert_eq!(optimizer.unit_rate(units[1]), 0.0);
    let before = network.clone();
    let gradients = random_gradients(&network, &mut Seed::new(2).stream());
    take(&mut optimizer, &mut network, &gradients, 0.1);
    // The unit that was held still now stands second of two.
    let bias = |n: &Network<f64>| n.parameters()[1].values().to_vec();
    assert_eq!(bias(&before)[1], bias(&network)[1]);
    assert_ne!(bias(&before)[0], bias(&network)[0]);
}

#[test]
fn reset_units_zeroes_or_copies_their_state_alone() {
    let (_, network, optimizer) = followed(OptimizerKind::adam(), Transplant::Exact);
    let units = network.group(network.find_group("hidden1").unwrap()).units().to_vec();
    let mut zeroed = optimizer.clone();
    zeroed.reset_units(&network, &[units[2]], UnitReset::Zero).unwrap();
    let mut copied = optimizer.clone();
    copied
        .reset_units(&network, &[units[2]], UnitReset::CopyOf(units[0]))
        .unwrap();
    for state in ["first_moment", "second_moment"] {
        let of = |o: &Optimizer<f64>, p: &str| o.state(p, state).unwrap().to_vec();
        let (old, zero, copy) = (
            of(&optimizer, "hidden1.weight"),
            of(&zeroed, "hidden1.weight"),
            of(&copied, "hidden1.weight"),
        );
        for i in 0..old.len() {
            let own = i % 4 == 2;
            assert_eq!(zero[i], if own { 0.0 } else { old[i] });
            assert_eq!(copy[i], if own { old[i - 2] } else { old[i] });
        }
        let (old, zero, copy) = (
            of(&optimizer, "logits.weight"),
            of(&zeroed, "logits.weight"),
            of(&copied, "logits.weight"),
        );
        for i in 0..old.len() {
            let own = i / 2 == 2;
            assert_eq!(zero[i], if own { 0.0 } else { old[i] });
            assert_eq!(copy[i], if own { old[i - 4] } else { old[i] });
        }
        assert_eq!(of(&optimizer, "logits.bias"), of(&zeroed, "logits.bias"));
    }
    assert_eq!(zeroed.slots["hidden1.bias"].column_births, [0, 0, 6, 0]);
    assert_eq!(zeroed.slots["logits.weight"].row_births, [0, 0, 6, 0]);
    assert!(copied.slots["hidden1.bias"].column_births.is_empty());
    assert!(zeroed.reset_units(&network, &[UnitId(999)], UnitReset::Zero).is_err());
}

#[test]
fn a_rate_of_zero_leaves_every_weight_to_the_last_bit() {
    // Decoupled decay is scaled by the rate, so that all rules belong here. Of zeros the sign may change: −0 − (−0) is +0.
    for kind in kinds() {
        let mut network = models::mlp::<f32>(5, &[3], 2, &Seed::new(5)).unwrap();
        network
            .parameter_mut(network.find_parameter("hidden1.bias").unwrap())
            .values_mut()
            .copy_from_slice(&[0.0, -0.0, f32::MIN_POSITIVE / 2.0]);
        let bits = |network: &Network<f32>| -> Vec<u32> {
            let values = network.parameters().iter().flat_map(|p| p.values().iter());
            values.map(|value| (value + 0.0).to_bits()).collect()
        };
        let before = bits(&network);
        let (mut optimizer, mut stream) = (Optimizer::new(kind, &network).unwrap(), Seed::new(6).stream());
        for _ in 0..5 {
            let gradients = random_gradients(&network, &mut stream);
            take(&mut optimizer, &mut network, &gradients, 0.0);
        }
        assert_eq!(bits(&network), before, "{kind:?}");
    }
}
