//! The rules against values that PyTorch computed.

use super::*;

/// What `torch.optim` (torch 1.13.1, CPU, float64) gives after the hundred steps of [`hundred_steps`]: SGD, with
/// momentum, with Nesterov momentum, Adam, AdamW, Adamax, Adagrad, RMSprop, centred with momentum.
#[rustfmt::skip]
const TORCH: [[f64; 8]; 9] = [
    [-0.014718613483, 0.058645368679, -0.021293191953, -0.03675162535, 0.016072160304, -0.006907208992, 0.019889087291, -0.014382295094],
    [-0.00036508524, 0.053158841947, 0.017667036613, -0.010888008032, -0.029395790069, -0.04759858761, 0.022669074737, 0.041911298036],
    [0.044457417203, 0.097956927155, -0.007015629766, -0.047607311897, -0.018003350859, -0.047209672285, 0.054188173198, 0.03012095729],
    [-0.137332482067, 0.053168247737, 0.001266471611, -0.015670405283, 0.021793738432, -0.003925097849, 0.003044560984, 0.00322198942],
    [-0.128145105491, 0.061544242919, 0.001240282475, -0.02606811777, 0.031926712023, -0.001847938271, 0.001314353922, -0.007039806182],
    [-0.317241654591, 0.16992231023, -0.000817406261, -0.123129736406, 0.199365964181, 0.024563649253, -0.022801741318, -0.127217301344],
    [-0.275892368037, 0.149154167636, 0.00028539022, -0.09899610527, 0.142591346992, 0.029159151779, -0.01886862341, -0.076042199728],
    [-0.312583283569, 0.199604785419, -0.007298789732, -0.128863893826, 0.195002616581, 0.032161124668, -0.026673892754, -0.100996746797],
    [-0.055227045348, 0.036731803567, 0.004686338753, -0.002973215327, 0.002105338599, -0.004159287268, 0.00642220525, 0.008375121249],
];

/// Rules and learning rates in the order of [`TORCH`].
fn torch_cases() -> [(OptimizerKind, f64); 9] {
    let sgd = SgdSettings {
        weight_decay: 0.01,
        ..SgdSettings::default()
    };
    let heavy = SgdSettings {
        momentum: 0.9,
        dampening: 0.1,
        ..sgd
    };
    let nesterov = SgdSettings {
        momentum: 0.9,
        nesterov: true,
        ..SgdSettings::default()
    };
    let adam = AdamSettings {
        weight_decay: 0.01,
        ..AdamSettings::default()
    };
    let adamw = AdamSettings {
        beta1: 0.8,
        beta2: 0.99,
        weight_decay: 0.1,
        ..AdamSettings::default()
    };
    let adamax = AdaMaxSettings {
        weight_decay: 0.01,
        ..AdaMaxSettings::default()
    };
    let adagrad = AdagradSettings {
        rate_decay: 0.01,
        initial_sum: 0.1,
        weight_decay: 0.01,
        ..AdagradSettings::default()
    };
    let rmsprop = RmsPropSettings {
        alpha: 0.95,
        ..RmsPropSettings::default()
    };
    let centered = RmsPropSettings {
        momentum: 0.8,
        centered: true,
        weight_decay: 0.01,
        ..rmsprop
    };
    [
        (OptimizerKind::Sgd(sgd), 0.05),
        (OptimizerKind::Sgd(heavy), 0.05),
        (OptimizerKind::Sgd(nesterov), 0.05),
        (OptimizerKind::Adam(adam), 0.02),
        (OptimizerKind::AdamW(adamw), 0.02),
        (OptimizerKind::AdaMax(adamax), 0.02),
        (OptimizerKind::Adagrad(adagrad), 0.1),
        (OptimizerKind::RmsProp(rmsprop), 0.01),
        (OptimizerKind::RmsProp(centered), 0.005),
    ]
}

/// 100 steps on 8 values with the gradient a·p + g of rational a and g.
fn hundred_steps<E: Element>(kind: OptimizerKind, rate: f64) -> Vec<f64> {
    let mut network = models::mlp::<E>(3, &[], 2, &Seed::new(0)).unwrap();
    for k in 0..8 {
        let (id, at) = if k < 6 { (0, k) } else { (1, k - 6) };
        network.parameter_mut(ParameterId(id)).values_mut()[at] = E::from_f64((((k * 5) % 7) as f64 - 3.0) / 4.0);
    }
    let mut optimizer = Optimizer::new(kind, &network).unwrap();
    let values = |network: &Network<E>| -> Vec<f64> {
        network
            .parameters()
            .iter()
            .flat_map(|p| p.values())
            .map(|v| v.to_f64())
            .collect()
    };
    for t in 0..100 {
        let of = |k: usize, p: f64| (0.5 + k as f64 / 8.0) * p + (((t * 7 + k * 3) % 11) as f64 - 5.0) / 5.0;
        let all: Vec<E> = values(&network)
            .iter()
            .enumerate()
            .map(|(k, p)| E::from_f64(of(k, *p)))
            .collect();
        take(
            &mut optimizer,
            &mut network,
            &vec![all[..6].to_vec(), all[6..].to_vec()],
            rate,
        );
    }
    values(&network)
}

#[test]
fn a_hundred_steps_agree_with_torch() {
    for ((kind, rate), expected) in torch_cases().into_iter().zip(TORCH) {
        let wide = hundred_steps::<f64>(kind, rate);
        let single = hundred_steps::<f32>(kind, rate);
        for k in 0..8 {
            assert!(
                (wide[k] - expected[k]).abs() < 1e-11,
                "{kind:?} f64 value {k}: {} {}",
                wide[k],
                expected[k]
            );
            assert!(
                (single[k] - expected[k]).abs() < 1e-6,
                "{kind:?} f32 value {k}: {} {}",
                single[k],
                expected[k]
            );
        }
    }
}
