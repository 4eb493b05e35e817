//! Training in a stack on a device against the CPU kernels with the host's optimizer.

use crate::random_networks::{self, Choice, batch};
use espalier_net::{
    Activation, ApplyOptions, Clipping, DeviceChoice, Edit, GateForm, LossKind, Network, NetworkBuilder, Optimizer,
    OptimizerKind, Plan, Precision, Scales, Session, Stack, StepOutcome, StepSettings, Target, Traffic, Transplant,
    Units, Window, models,
};
use espalier_seed::{Seed, Stream};

const ROWS: usize = 24;
const BATCH: usize = 6;

/// Training data of one network shape.
struct Examples<E> {
    width: usize,
    features: Vec<E>,
    labels: Vec<u32>,
    weights: Option<Vec<E>>,
}

impl<E: Precision> Examples<E> {
    fn of(network: &Network<E>, stream: &mut Stream) -> Self {
        let features = batch(network, ROWS, stream).remove(0);
        let classes = network.width(network.outputs()[0]);
        Self {
            width: features.len() / ROWS,
            features,
            labels: (0..ROWS).map(|_| stream.below(classes) as u32).collect(),
            weights: None,
        }
    }

    fn target(&self) -> Target<'_, E> {
        Target::Classes {
            labels: &self.labels,
            weights: self.weights.as_deref(),
        }
    }

    fn gather(&self, rows: &[u32]) -> (Vec<E>, Vec<u32>) {
        let of = |row: &u32| self.features[*row as usize * self.width..][..self.width].to_vec();
        let features = rows.iter().flat_map(of).collect();
        (features, rows.iter().map(|row| self.labels[*row as usize]).collect())
    }
}

/// One network trained on the CPU kernels.
struct Host<E: Precision> {
    network: Network<E>,
    optimizer: Optimizer<E>,
    session: Session<E>,
}

impl<E: Precision> Host<E> {
    fn new(network: Network<E>, kind: OptimizerKind, seed: &Seed) -> Self {
        Self {
            optimizer: Optimizer::new(kind, &network).unwrap(),
            session: Session::new(&network, BATCH, &DeviceChoice::Cpu, seed).unwrap(),
            network,
        }
    }

    fn step(&mut self, examples: &Examples<E>, rows: &[u32], settings: StepSettings) -> StepOutcome {
        let (features, labels) = examples.gather(rows);
        let target = Target::Classes {
            labels: &labels,
            weights: examples.weights.as_deref(),
        };
        let outcome = self
            .session
            .loss_and_gradients(&mut self.network, &[&features], target, settings.loss);
        let outcome = outcome.unwrap();
        if !outcome.loss.is_finite() {
            return outcome;
        }
        if let Some(clipping) = settings.clipping {
            self.session.clip_gradients(clipping).unwrap();
        }
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), settings.rate)
            .unwrap();
        outcome
    }
}

fn device() -> DeviceChoice {
    match std::env::var("ESPALIER_TEST_DEVICE") {
        Ok(name) => name.parse().unwrap(),
        Err(_) => "candle-cpu".parse().unwrap(),
    }
}

fn settings(rate: f64) -> StepSettings {
    StepSettings {
        loss: LossKind::CrossEntropy,
        rate,
        clipping: None,
    }
}

fn stack_of<E: Precision>(hosts: &[Host<E>], seeds: &[Seed], examples: &Examples<E>) -> Stack<E> {
    let members: Vec<_> = hosts.iter().map(|host| (&host.network, &host.optimizer)).collect();
    let mut stack = Stack::new(&members, seeds, &device()).unwrap();
    stack.load(&examples.features, examples.target(), usize::MAX).unwrap();
    stack
}

fn rows(stream: &mut Stream) -> Vec<u32> {
    (0..BATCH).map(|_| stream.below(ROWS) as u32).collect()
}

/// The largest difference, relative to the largest magnitude or 1.
fn difference<E: Precision>(left: &[E], right: &[E]) -> f64 {
    assert_eq!(left.len(), right.len());
    let largest = left.iter().map(|v| v.to_f64().abs()).fold(1.0, f64::max);
    let pairs = left.iter().zip(right);
    pairs.map(|(l, r)| (l.to_f64() - r.to_f64()).abs()).fold(0.0, f64::max) / largest
}

/// Compares parameters, states and counts of a stack's network with those of its host.
fn agree<E: Precision>(stack: &mut Stack<E>, index: usize, host: &Host<E>, tolerance: f64, what: &str) {
    let (mut network, mut optimizer) = (host.network.clone(), host.optimizer.clone());
    stack.read_network(index, &mut network).unwrap();
    stack.read_optimizer(index, &mut optimizer).unwrap();
    for (ours, theirs) in host.network.parameters().iter().zip(network.parameters()) {
        let apart = difference(ours.values(), theirs.values());
        assert!(apart <= tolerance, "{what}: {} is {apart:e} apart", ours.name());
        for state in host.optimizer.state_names() {
            let (ours_is, theirs_is) = (
                host.optimizer.state(ours.name(), state),
                optimizer.state(ours.name(), state),
            );
            if let (Some(left), Some(right)) = (ours_is, theirs_is) {
                let apart = difference(left, right);
                assert!(
                    apart <= tolerance,
                    "{what}: {state} of {} is {apart:e} apart",
                    ours.name()
                );
            }
        }
        assert_eq!(
            host.optimizer.steps(ours.name()),
            optimizer.steps(ours.name()),
            "{what}: {}",
            ours.name()
        );
    }
}

/// Trains networks of one shape on the CPU and in a stack, and compares them.
fn train_both<E: Precision>(
    networks: Vec<Network<E>>,
    kind: OptimizerKind,
    plan: (usize, StepSettings, f64),
    stream: &mut Stream,
    what: &str,
) {
    let (steps, settings, tolerance) = plan;
    let seeds: Vec<Seed> = (0..networks.len()).map(|k| Seed::new(k as u64 + 40)).collect();
    let mut examples = Examples::of(&networks[0], stream);
    if stream.bernoulli(0.3) {
        let classes = networks[0].width(networks[0].outputs()[0]);
        examples.weights = Some((0..classes).map(|_| E::from_f64(stream.uniform_in(0.5, 2.0))).collect());
    }
    let mut hosts: Vec<Host<E>> = networks
        .into_iter()
        .zip(&seeds)
        .map(|(n, seed)| Host::new(n, kind, seed))
        .collect();
    let mut stack = stack_of(&hosts, &seeds, &examples);
    let mut expected = vec![Vec::new(); hosts.len()];
    for _ in 0..steps {
        let batches: Vec<Vec<u32>> = hosts.iter().map(|_| rows(stream)).collect();
        for ((host, rows), expected) in hosts.iter_mut().zip(&batches).zip(&mut expected) {
            expected.push(host.step(&examples, rows, settings));
        }
        let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
        stack.step(&batches, settings).unwrap();
    }
    let found = stack.settle().unwrap();
    for (index, host) in hosts.iter().enumerate() {
        for (left, right) in expected[index].iter().zip(&found[index]) {
            let apart = (left.loss - right.loss).abs() / left.loss.abs().max(1.0);
            assert!(apart <= tolerance, "{what}: losses {} and {}", left.loss, right.loss);
            assert_eq!((left.correct, left.samples), (right.correct, right.samples), "{what}");
        }
        agree(&mut stack, index, host, tolerance, what);
    }
}

fn kinds() -> [OptimizerKind; 4] {
    [
        OptimizerKind::sgd(0.0),
        OptimizerKind::sgd(0.9),
        OptimizerKind::adam(),
        OptimizerKind::adamw(0.01),
    ]
}

#[test]
fn stacks_of_random_graphs_train_as_the_kernels_do() {
    let mut stream = Seed::new(21).stream();
    let mut seen = 0;
    for index in 0..120 {
        let choice = Choice {
            dropout: true,
            kinks: true,
        };
        let network = random_networks::network::<f64>(&mut stream, 2 + index % 9, choice);
        if network.inputs().len() > 1 {
            continue;
        }
        let mut others = vec![network.clone(), network.clone()];
        others
            .iter_mut()
            .for_each(|other| random_networks::perturb(other, &mut stream));
        others.truncate(index % 3);
        let networks = [vec![network], others].concat();
        let kind = kinds()[index % 4];
        // Small rates, so that rounding does not grow from step to step.
        train_both(
            networks,
            kind,
            (3, settings(1e-4), 1e-7),
            &mut stream,
            &format!("graph {index}"),
        );
        seen += 1;
    }
    assert!(seen > 60, "{seen} graphs");
}

#[test]
fn single_precision_stays_near_the_kernels() {
    let mut stream = Seed::new(22).stream();
    let network = models::mlp::<f32>(20, &[16, 12], 4, &Seed::new(5)).unwrap();
    for kind in kinds() {
        train_both(
            vec![network.clone()],
            kind,
            (20, settings(1e-3), 1e-4),
            &mut stream,
            kind.name(),
        );
    }
}

#[test]
fn every_rule_and_clipping_agree() {
    let mut stream = Seed::new(23).stream();
    let network = models::mlp::<f64>(5, &[7], 3, &Seed::new(5)).unwrap();
    let texts = [
        r#"{"rule":"sgd","momentum":0.8,"nesterov":true,"weight_decay":0.1}"#,
        r#"{"rule":"sgd","momentum":0.8,"dampening":0.3}"#,
        r#"{"rule":"adamax","weight_decay":0.01}"#,
        r#"{"rule":"adagrad","rate_decay":0.1,"initial_sum":0.2}"#,
        r#"{"rule":"rmsprop","momentum":0.5,"centered":true}"#,
        r#"{"rule":"rmsprop"}"#,
    ];
    for text in texts {
        let kind: OptimizerKind = serde_json::from_str(text).unwrap();
        train_both(
            vec![network.clone(); 2],
            kind,
            (6, settings(1e-2), 1e-9),
            &mut stream,
            text,
        );
    }
    for clipping in [
        Clipping::Norm { largest: 0.05 },
        Clipping::Norm { largest: 50.0 },
        Clipping::Value { largest: 0.01 },
    ] {
        let settings = StepSettings {
            clipping: Some(clipping),
            ..settings(1e-2)
        };
        let what = format!("{clipping:?}");
        train_both(
            vec![network.clone(); 2],
            OptimizerKind::sgd(0.9),
            (6, settings, 1e-9),
            &mut stream,
            &what,
        );
    }
}

/// A gated convolution with batch norm and pooling, and a gated dense layer.
fn gated_cnn() -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let input = layers.input("x", [6, 6], 2).unwrap();
    let conv = layers.conv("conv", input, 5, Window::same(3)).unwrap();
    let norm = layers.batch_norm("norm", conv).unwrap();
    let relu = layers.activation("relu", norm, Activation::Relu).unwrap();
    let gate = layers.gate("gate", relu, GateForm::Linear).unwrap();
    let pool = layers.max_pool("pool", gate, 2).unwrap();
    let flat = layers.flatten("flat", pool).unwrap();
    let hidden = layers.dense("hidden", flat, 6).unwrap();
    let relu = layers.activation("relu2", hidden, Activation::Relu).unwrap();
    let gate = layers.gate("gate2", relu, GateForm::Rectified).unwrap();
    let head = layers.dense("head", gate, 3).unwrap();
    layers.build(&[head], &Seed::new(9)).unwrap()
}

/// Edits the host's network and lets its optimizer and a stack follow.
fn edit(host: &mut Host<f64>, stack: &mut Stack<f64>, plan: &Plan, transplant: Transplant) {
    let mut known = host.network.clone();
    stack.settle().unwrap();
    stack.read_network(0, &mut known).unwrap();
    host.network = known;
    stack.read_counts(0, &mut host.optimizer);
    let applied = host.network.apply(plan, &ApplyOptions::default()).unwrap();
    host.optimizer.follow(&applied, &host.network, transplant).unwrap();
    stack
        .follow(&host.network, &host.optimizer, &applied, transplant)
        .unwrap();
}

/// Splits one unit of a group, and prunes another one.
fn split_and_prune(network: &Network<f64>, group: &str) -> Plan {
    let group = network.find_group(group).unwrap();
    let units = Units::of(network, group).split(1, &Scales::equal(2)).unwrap();
    Plan::new("test").with(units.prune(&[3]).unwrap().edit("test"))
}

#[test]
fn edits_between_steps_move_arrays_on_the_device() {
    let transplants = [
        Transplant::Exact,
        Transplant::Zero,
        Transplant::Copy,
        Transplant::Halve,
        Transplant::Rebuild,
    ];
    let mlp = models::mlp::<f64>(20, &[7, 5], 3, &Seed::new(5)).unwrap();
    let mut stream = Seed::new(24).stream();
    for (network, groups) in [(mlp, ["hidden1", "hidden2"]), (gated_cnn(), ["conv", "hidden"])] {
        for (index, transplant) in transplants.into_iter().enumerate() {
            let what = format!("{groups:?} {transplant:?}");
            let examples = Examples::of(&network, &mut stream);
            let mut host = Host::new(network.clone(), kinds()[(index + 1) % 4], &Seed::new(1));
            let mut stack = stack_of(std::slice::from_ref(&host), &[Seed::new(1)], &examples);
            for group in groups {
                for _ in 0..4 {
                    let rows = rows(&mut stream);
                    host.step(&examples, &rows, settings(1e-2));
                    stack.step(&[&rows], settings(1e-2)).unwrap();
                }
                let plan = split_and_prune(&host.network, group);
                edit(&mut host, &mut stack, &plan, transplant);
            }
            for _ in 0..4 {
                let rows = rows(&mut stream);
                host.step(&examples, &rows, settings(1e-2));
                stack.step(&[&rows], settings(1e-2)).unwrap();
            }
            stack.settle().unwrap();
            agree(&mut stack, 0, &host, 1e-8, &what);
        }
    }
}

#[test]
fn deepening_and_folding_gates_are_followed() {
    let mut stream = Seed::new(25).stream();
    let network = gated_cnn();
    let examples = Examples::of(&network, &mut stream);
    let mut host = Host::new(network, OptimizerKind::adam(), &Seed::new(1));
    let mut stack = stack_of(std::slice::from_ref(&host), &[Seed::new(1)], &examples);
    let edits = [
        Edit::FoldGate { gate: "gate".into() },
        Edit::Deepen {
            after: "relu2".into(),
            name: "second".into(),
        },
    ];
    for one in edits {
        for _ in 0..3 {
            let rows = rows(&mut stream);
            host.step(&examples, &rows, settings(1e-3));
            stack.step(&[&rows], settings(1e-3)).unwrap();
        }
        edit(&mut host, &mut stack, &Plan::new("test").with(one), Transplant::Exact);
    }
    let rows = rows(&mut stream);
    host.step(&examples, &rows, settings(1e-3));
    stack.step(&[&rows], settings(1e-3)).unwrap();
    stack.settle().unwrap();
    agree(&mut stack, 0, &host, 1e-8, "folded and deepened");
}

#[test]
fn a_step_copies_the_indices_of_its_batch_and_an_edit_what_it_makes_anew() {
    let network = models::mlp::<f32>(784, &[64, 32], 10, &Seed::new(5)).unwrap();
    let mut stream = Seed::new(26).stream();
    let examples = Examples::of(&network, &mut stream);
    let mut hosts: Vec<Host<f32>> = Vec::new();
    for k in 0..3 {
        hosts.push(Host::new(network.clone(), OptimizerKind::adam(), &Seed::new(k)));
    }
    for k in [3, 1] {
        let seeds: Vec<Seed> = (0..k as u64).map(Seed::new).collect();
        let mut stack = stack_of(&hosts[..k], &seeds, &examples);
        let loaded = stack.traffic();
        for _ in 0..10 {
            let batches: Vec<Vec<u32>> = (0..k).map(|_| rows(&mut stream)).collect();
            let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
            stack.step(&batches, settings(1e-3)).unwrap();
        }
        let indices = (10 * k * BATCH * size_of::<u32>()) as u64;
        let stepped = stack.traffic();
        assert_eq!(
            stepped.since(loaded),
            Traffic {
                to_device: indices,
                to_host: 0
            }
        );
        stack.settle().unwrap();
        let settled = stack.traffic();
        let losses = (10 * k * 2 * size_of::<f32>()) as u64;
        assert_eq!(
            settled.since(stepped),
            Traffic {
                to_device: 0,
                to_host: losses
            }
        );
        if k > 1 {
            continue;
        }
        stack.read_network(0, &mut hosts[0].network).unwrap();
        let read = stack.traffic();
        let parameters: usize = network.parameters().iter().map(|p| p.values().len()).sum();
        let bytes = (parameters * size_of::<f32>()) as u64;
        assert_eq!(
            read.since(settled),
            Traffic {
                to_device: 0,
                to_host: bytes
            }
        );
        stack.read_counts(0, &mut hosts[0].optimizer);
        let host = &mut hosts[0];
        let group = host.network.find_group("hidden2").unwrap();
        let units = Units::of(&host.network, group).split(1, &Scales::equal(2)).unwrap();
        let plan = Plan::new("test").with(units.edit("test"));
        let applied = host.network.apply(&plan, &ApplyOptions::default()).unwrap();
        host.optimizer
            .follow(&applied, &host.network, Transplant::Exact)
            .unwrap();
        stack
            .follow(&host.network, &host.optimizer, &applied, Transplant::Exact)
            .unwrap();
        let followed = stack.traffic().since(read);
        assert_eq!(followed.to_host, 0);
        // Two new columns of 64, two new rows of 10, two biases; beside them indices and factors along axes of 33.
        let values = (2 * 64 + 2 * 10 + 2) * size_of::<f32>();
        let lists = 3 * 33 * (size_of::<u32>() + 2 * (size_of::<u32>() + size_of::<f32>()) * 2);
        assert!(
            followed.to_device as usize <= values + lists,
            "{followed:?} against {values} + {lists}"
        );
        assert!(followed.to_device > 0);
    }
}

#[test]
fn arrays_pass_between_host_and_device_where_they_are_counted() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stack");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for way in [
            "::from_vec(",
            "::from_slice(",
            "to_vec0",
            "to_vec1",
            "to_vec2",
            "to_scalar",
            "Tensor::new(",
            "arange",
        ] {
            assert!(
                !text.contains(way),
                "{} copies by `{way}`, past the count",
                path.display()
            );
        }
        files += 1;
    }
    assert!(files > 5, "{files} files");
}

#[test]
fn rows_that_find_no_room_on_the_device_come_with_their_batches() {
    let network = models::mlp::<f64>(9, &[6], 3, &Seed::new(5)).unwrap();
    let mut stream = Seed::new(27).stream();
    let examples = Examples::of(&network, &mut stream);
    let mut host = Host::new(network.clone(), OptimizerKind::sgd(0.9), &Seed::new(1));
    let mut stack = stack_of(std::slice::from_ref(&host), &[Seed::new(1)], &examples);
    let row = 9 * size_of::<f64>();
    stack.load(&examples.features, examples.target(), 10 * row).unwrap();
    let loaded = stack.traffic();
    // Rows 0 to 9 are on the device; none, some and all of a batch are.
    for rows in [[9, 0, 3, 3, 5, 1], [10, 2, 23, 9, 10, 4], [11, 12, 23, 10, 20, 20]] {
        host.step(&examples, &rows, settings(1e-1));
        stack.step(&[&rows], settings(1e-1)).unwrap();
    }
    let copied = stack.traffic().since(loaded).to_device as usize;
    let (far, near) = (3 + 6, 6 + 3);
    // Each batch names its rows, those on the device again, and the order of both.
    assert_eq!(copied, far * row + (2 * 18 + near) * size_of::<u32>());
    stack.settle().unwrap();
    agree(&mut stack, 0, &host, 1e-12, "a share of the rows");
}

#[test]
fn a_network_that_diverges_keeps_the_arrays_of_before_and_the_others_go_on() {
    let network = models::mlp::<f32>(9, &[6], 3, &Seed::new(5)).unwrap();
    let mut wild = network.clone();
    let weight = wild.find_parameter("hidden1.weight").unwrap();
    // So large that the first step's logits are finite and the second's are not.
    wild.parameter_mut(weight)
        .values_mut()
        .iter_mut()
        .for_each(|value| *value *= 1e30);
    let mut stream = Seed::new(28).stream();
    let examples = Examples::of(&network, &mut stream);
    let seeds = [Seed::new(1), Seed::new(2), Seed::new(3)];
    let networks = [network.clone(), wild, network];
    let mut hosts: Vec<Host<f32>> = networks
        .into_iter()
        .zip(&seeds)
        .map(|(n, seed)| Host::new(n, OptimizerKind::sgd(0.0), seed))
        .collect();
    let mut stack = stack_of(&hosts, &seeds, &examples);
    let mut ended = None;
    for round in 0..2 {
        for step in 0..5 {
            let batches: Vec<Vec<u32>> = hosts.iter().map(|_| rows(&mut stream)).collect();
            for (index, (host, rows)) in hosts.iter_mut().zip(&batches).enumerate() {
                if index == 1 && ended.is_some() {
                    continue;
                }
                let outcome = host.step(&examples, rows, settings(0.5));
                if !outcome.loss.is_finite() {
                    ended = Some(round * 5 + step);
                }
            }
            let batches: Vec<&[u32]> = batches.iter().map(Vec::as_slice).collect();
            stack.step(&batches, settings(0.5)).unwrap();
        }
        let settled = stack.settle().unwrap();
        let ended = ended.expect("a network that diverges in the first round");
        assert!((1..5).contains(&ended), "{ended}");
        let expected = if round == 0 { ended + 1 } else { 0 };
        assert_eq!(settled.iter().map(Vec::len).collect::<Vec<_>>(), [5, expected, 5]);
        assert!(round > 0 || !settled[1][ended].loss.is_finite());
        for (index, host) in hosts.iter().enumerate() {
            agree(&mut stack, index, host, 1e-4, &format!("network {index}"));
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap();
    let wider = models::mlp::<f32>(4, &[5], 2, &Seed::new(1)).unwrap();
    let host = |n: &Network<f32>, kind| Host::new(n.clone(), kind, &Seed::new(1));
    let seeds = [Seed::new(1), Seed::new(2)];
    let refused = |hosts: [Host<f32>; 2]| {
        let members: Vec<_> = hosts.iter().map(|host| (&host.network, &host.optimizer)).collect();
        Stack::new(&members, &seeds, &device()).unwrap_err().to_string()
    };
    let adam = OptimizerKind::adam();
    let text = refused([host(&network, adam), host(&wider, adam)]);
    assert!(text.contains("hidden1.weight") && text.contains("[4, 5]"), "{text}");
    let text = refused([host(&network, adam), host(&network, OptimizerKind::sgd(0.1))]);
    assert!(text.contains("Adam") && text.contains("Sgd"), "{text}");
    let one = host(&network, adam);
    let text = Stack::new(&[(&one.network, &one.optimizer)], &seeds[..1], &DeviceChoice::Cpu).unwrap_err();
    assert!(text.to_string().contains("Candle"), "{text}");
    let mut stack = Stack::new(&[(&one.network, &one.optimizer)], &seeds[..1], &device()).unwrap();
    assert!(
        stack
            .step(&[&[0]], settings(0.1))
            .unwrap_err()
            .to_string()
            .contains("loaded")
    );
    let labels = Target::Classes {
        labels: &[0, 2],
        weights: None,
    };
    assert!(
        stack
            .load(&[0.0; 8], labels, 1 << 20)
            .unwrap_err()
            .to_string()
            .contains("below 2")
    );
    assert!(stack.load(&[0.0; 7], labels, 1 << 20).is_err());
    let labels = Target::Classes {
        labels: &[0, 1],
        weights: None,
    };
    stack.load(&[0.0; 8], labels, 1 << 20).unwrap();
    assert!(
        stack
            .step(&[&[2]], settings(0.1))
            .unwrap_err()
            .to_string()
            .contains("rows below 2")
    );
    stack.step(&[&[1]], settings(0.1)).unwrap();
    let mut network = network;
    assert!(
        stack
            .read_network(0, &mut network)
            .unwrap_err()
            .to_string()
            .contains("settle")
    );
}
