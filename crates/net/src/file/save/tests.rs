use std::process::Command;

use espalier_seed::{Seed, Stream};

use super::document::{replace_body, with_body};
use super::tensors::{Contents, Tensor, lay_out};
use super::*;
use crate::edit::units::Units;
use crate::graph::models::{self, CnnOptions};
use crate::ledger::edit::{FreshUnit, Plan, Scales};
use crate::{ApplyOptions, DeviceChoice, Edit, LossKind, OptimizerKind, Session, Target, Transplant, Window};

fn cnn() -> Network<f32> {
    let options = CnnOptions {
        map: [6, 6],
        inputs: 2,
        channels: vec![3, 4],
        window: Window::same(3),
        hidden: vec![5],
        outputs: 2,
        batch_norm: true,
    };
    models::cnn(&options, &Seed::new(8)).unwrap()
}

/// Steps along made-up gradients from the stream, with an edit after every third step.
fn train(network: &mut Network<f32>, optimizer: &mut Optimizer<f32>, stream: &mut Stream, steps: u64) {
    for _ in 0..steps {
        let gradients: Vec<Vec<f32>> = network
            .parameters()
            .iter()
            .map(|p| (0..p.values().len()).map(|_| stream.normal() as f32).collect())
            .collect();
        optimizer
            .step(network, |id| gradients[id.index()].as_slice(), 0.01)
            .unwrap();
        network.set_step(network.step() + 1);
        if network.step().is_multiple_of(3) {
            edit(network, optimizer, stream);
        }
    }
}

fn edit(network: &mut Network<f32>, optimizer: &mut Optimizer<f32>, stream: &mut Stream) {
    let editable = network.editable_groups();
    let group = editable[stream.below(editable.len())];
    let width = network.group(group).width();
    let mut fresh = FreshUnit::default();
    if network.group(group).name() == "hidden1" {
        let rows = network.parameters()[network.find_parameter("hidden1.weight").unwrap().index()].shape()[0];
        fresh.values.insert(
            "hidden1.weight@1".to_owned(),
            (0..rows).map(|_| stream.normal()).collect(),
        );
    }
    let units = Units::of(network, group)
        .split(stream.below(width), &Scales::equal(2))
        .unwrap()
        .widen([fresh]);
    let plan = Plan::new("a \"test\"").with(units.edit("test"));
    let applied = network.apply(&plan, &ApplyOptions::default()).unwrap();
    optimizer.follow(&applied, network, Transplant::Exact).unwrap();
}

/// A network, optimizer and stream after some steps and edits.
fn trained() -> (Network<f32>, Optimizer<f32>, Stream) {
    let mut network = cnn();
    let mut optimizer = Optimizer::new(OptimizerKind::adamw(0.01), &network).unwrap();
    let units = network.groups()[1].units().to_vec();
    optimizer.set_unit_rates(units, 0.3).unwrap();
    let mut stream = Seed::new(21).stream();
    train(&mut network, &mut optimizer, &mut stream, 10);
    (network, optimizer, stream)
}

fn checkpoint<'a>(parts: &'a (Network<f32>, Optimizer<f32>, Stream)) -> Checkpoint<'a> {
    Checkpoint::of(&parts.0)
        .with_optimizer(&parts.1)
        .with_stream("gradients", parts.2.state())
        .with_extra("note", "λ, \"quoted\"\n")
}

#[test]
fn a_checkpoint_reads_back_equal_and_equal_checkpoints_give_equal_bytes() {
    let parts = trained();
    let bytes = to_bytes(&checkpoint(&parts)).unwrap();
    let loaded = from_bytes::<f32>(&bytes).unwrap();
    assert_eq!(loaded, checkpoint(&parts));
    assert!(loaded.network.ledger().entries().len() >= 3);
    assert_eq!(to_bytes(&loaded).unwrap(), bytes);
    // The fresh weights come back bit for bit.
    let fresh = |network: &Network<f32>| -> Vec<u64> {
        let edits = network.ledger().entries().iter().flat_map(|e| e.edits.clone());
        let units = edits.flat_map(|e| match e {
            Edit::Units(units) => units.units,
            _ => Vec::new(),
        });
        let values = units.filter_map(|u| match u {
            crate::NewUnit::Fresh(fresh) => Some(fresh.values.into_values().flatten()),
            crate::NewUnit::Combined(_) => None,
        });
        values.flatten().map(f64::to_bits).collect()
    };
    assert!(!fresh(&parts.0).is_empty());
    assert_eq!(fresh(&loaded.network), fresh(&parts.0));
}

#[test]
fn networks_of_all_kinds_read_back_equal() {
    let seed = Seed::new(5);
    let mlp = models::mlp::<f64>(4, &[3, 6], 2, &seed).unwrap();
    let residual = models::residual_mlp::<f64>(4, 5, 6, 2, 3, &seed).unwrap();
    for network in [mlp, residual] {
        let bytes = to_bytes(&Checkpoint::of(&network)).unwrap();
        assert_eq!(*from_bytes::<f64>(&bytes).unwrap().network, network);
    }
    let layers = everything();
    let bytes = to_bytes(&Checkpoint::of(&layers)).unwrap();
    assert_eq!(*from_bytes::<f32>(&bytes).unwrap().network, layers);
}

/// A network with every kind of layer.
fn everything() -> Network<f32> {
    use crate::{Activation, GateForm, Layer, NetworkBuilder};
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [6, 6], 4).unwrap();
    let a = layers.conv("a", x, 4, Window::same(3)).unwrap();
    layers.mask(a).unwrap();
    let grouped = Layer::Conv {
        window: Window::same(3),
        groups: 2,
        bias: false,
    };
    let b = layers.layer("b", grouped, &[a], 4).unwrap();
    let deep = Layer::Conv {
        window: Window::same(3).strided(1),
        groups: 4,
        bias: true,
    };
    let c = layers.layer("c", deep, &[b], 4).unwrap();
    let sum = layers.sum("sum", &[a, c]).unwrap();
    let norm = layers
        .layer(
            "norm",
            Layer::GroupNorm {
                groups: 2,
                epsilon: 1e-5,
            },
            &[sum],
            0,
        )
        .unwrap();
    let slopes = layers.layer("slopes", Layer::PRelu, &[norm], 0).unwrap();
    let gate = layers.gate("gate", slopes, GateForm::Rectified).unwrap();
    let left = layers
        .layer("left", Layer::Slice { start: 0, end: 1 }, &[gate], 0)
        .unwrap();
    let right = layers
        .layer("right", Layer::Slice { start: 1, end: 4 }, &[gate], 0)
        .unwrap();
    let join = layers.concat("join", &[right, left, x]).unwrap();
    let pool = layers.max_pool("pool", join, 2).unwrap();
    let small = layers
        .layer("small", Layer::AdaptiveAvgPool { output: [2, 1] }, &[pool], 0)
        .unwrap();
    let flat = layers.flatten("flat", small).unwrap();
    let dense = layers.layer("dense", Layer::Dense { bias: false }, &[flat], 5).unwrap();
    let dense = layers
        .layer("norm2", Layer::LayerNorm { epsilon: 1e-5 }, &[dense], 0)
        .unwrap();
    let dense = layers
        .activation("tanh", dense, Activation::LeakyRelu { slope: 0.1 })
        .unwrap();
    let dense = layers
        .layer("drop", Layer::Dropout { probability: 0.5 }, &[dense], 0)
        .unwrap();
    let logits = layers.dense("logits", dense, 2).unwrap();
    layers.build(&[logits, dense], &Seed::new(1)).unwrap()
}

/// Tells the test below that it is the other process, and where the file is.
const OTHER_PROCESS: &str = "ESPALIER_TEST_CHECKPOINT";

#[test]
fn training_goes_on_in_another_process_as_if_it_had_never_stopped() {
    if let Ok(path) = std::env::var(OTHER_PROCESS) {
        return go_on_from_a_file(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half way.safetensors");
    let mut parts = trained();
    save(&path, &checkpoint(&parts)).unwrap();
    let module = module_path!().split_once("::").unwrap().1;
    let this_test = format!("{module}::training_goes_on_in_another_process_as_if_it_had_never_stopped");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &this_test])
        .env(OTHER_PROCESS, &path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    train(&mut parts.0, &mut parts.1, &mut parts.2, 8);
    let end = load::<f32>(&path.with_extension("end")).unwrap();
    assert_eq!(to_bytes(&end).unwrap(), to_bytes(&checkpoint(&parts)).unwrap());
    // Nothing but the two files is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// What the other process of the test above does.
fn go_on_from_a_file(path: &Path) {
    let loaded = load::<f32>(path).unwrap();
    let stream = Stream::restore(&loaded.streams["gradients"]);
    let mut parts = (
        loaded.network.into_owned(),
        loaded.optimizer.unwrap().into_owned(),
        stream,
    );
    train(&mut parts.0, &mut parts.1, &mut parts.2, 8);
    save(&path.with_extension("end"), &checkpoint(&parts)).unwrap();
}

/// Steps of a session with dropout on made-up images; batch and targets follow from the step.
fn train_for_real(network: &mut Network<f32>, optimizer: &mut Optimizer<f32>, session: &mut Session<f32>, steps: u64) {
    for _ in 0..steps {
        let mut stream = Seed::new(40).index(network.step()).stream();
        let inputs: Vec<f32> = (0..4 * 36 * 2).map(|_| stream.normal() as f32).collect();
        let classes: Vec<u32> = (0..4).map(|_| stream.below(2) as u32).collect();
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
        network.set_step(network.step() + 1);
        if network.step().is_multiple_of(4) {
            edit(network, optimizer, &mut stream);
        }
    }
}

/// Two convolutions with batch norms, dropout and two dense layers.
fn dropout_cnn() -> Network<f32> {
    use crate::{Activation, Layer, NetworkBuilder};
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [6, 6], 2).unwrap();
    for k in 1..=2 {
        top = layers.conv(&format!("conv{k}"), top, 3, Window::same(3)).unwrap();
        top = layers.batch_norm(&format!("norm{k}"), top).unwrap();
        top = layers.activation(&format!("relu{k}"), top, Activation::Relu).unwrap();
    }
    top = layers.max_pool("pool", top, 2).unwrap();
    top = layers.flatten("flatten", top).unwrap();
    top = layers
        .layer("dropout", Layer::Dropout { probability: 0.3 }, &[top], 0)
        .unwrap();
    top = layers.dense("hidden1", top, 5).unwrap();
    top = layers.activation("relu3", top, Activation::Relu).unwrap();
    let logits = layers.dense("logits", top, 2).unwrap();
    layers.build(&[logits], &Seed::new(8)).unwrap()
}

#[test]
fn a_session_trains_on_from_a_file_bit_for_bit_also_after_edits() {
    let mut network = dropout_cnn();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let mut session = Session::new(&network, 4, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    train_for_real(&mut network, &mut optimizer, &mut session, 10);
    let half_way = Checkpoint::of(&network)
        .with_optimizer(&optimizer)
        .with_stream("dropout", session.stream_state());
    let loaded = from_bytes::<f32>(&to_bytes(&half_way).unwrap()).unwrap();
    let (mut other, mut other_optimizer) = (loaded.network.into_owned(), loaded.optimizer.unwrap().into_owned());
    let mut other_session = Session::new(&other, 4, &DeviceChoice::Cpu, &Seed::new(999)).unwrap();
    other_session.restore_stream(&loaded.streams["dropout"]);
    train_for_real(&mut network, &mut optimizer, &mut session, 10);
    train_for_real(&mut other, &mut other_optimizer, &mut other_session, 10);
    assert_eq!(network, other);
    assert_eq!(optimizer, other_optimizer);
    assert_eq!(session.stream_state(), other_session.stream_state());
}

fn message(bytes: &[u8]) -> String {
    from_bytes::<f32>(bytes).unwrap_err().to_string()
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

/// The same file with its tensors changed.
fn retold(bytes: &[u8], change: impl FnOnce(&mut BTreeMap<String, Tensor>)) -> Vec<u8> {
    let path = Path::new("in memory");
    let contents = Contents::read(bytes, path).unwrap();
    let owned = |t: &safetensors::tensor::TensorView<'_>| Tensor {
        dtype: t.dtype(),
        shape: t.shape().to_vec(),
        bytes: t.data().to_vec(),
    };
    let mut tensors = contents
        .tensors
        .iter()
        .map(|(name, t)| (name.to_owned(), owned(&t)))
        .collect();
    change(&mut tensors);
    let text = contents.metadata("espalier").unwrap().to_owned();
    lay_out(&tensors, Some(("espalier", text)), path).unwrap()
}

#[test]
fn files_that_cannot_be_understood_are_refused_with_what_was_expected_and_found() {
    let parts = trained();
    let bytes = to_bytes(&checkpoint(&parts)).unwrap();
    let cases = [
        (
            replaced(&bytes, "\\\"version\\\":1", "\\\"version\\\":7"),
            "expected a version of at most 1, found 7",
        ),
        (
            replaced(&bytes, "espalier-network", "somebody-elses-1"),
            "expected format `espalier-network`, found `somebody-elses-1`",
        ),
        (bytes[..bytes.len() - 1].to_vec(), "expected a whole safetensors file"),
        (bytes[..5].to_vec(), "expected a whole safetensors file, found 5 bytes"),
        (Vec::new(), "expected a whole safetensors file, found 0 bytes"),
        (
            replaced(&bytes, "\\\"step\\\":10", "\\\"step\\\":11"),
            "its contents were changed",
        ),
        (
            retold(&bytes, |t| drop(t.remove("hidden1.bias"))),
            "expected a tensor `hidden1.bias`, found none",
        ),
        (
            retold(&bytes, |t| drop(t.remove("optimizer/second_moment/logits.bias"))),
            "expected a tensor `optimizer/second_moment/logits.bias`, found none",
        ),
        (
            retold(&bytes, |t| {
                drop(t.insert("logits.bias".to_owned(), Tensor::of::<f32>(&[3], &[0.0; 3])))
            }),
            "tensor `logits.bias`: expected shape [2], found [3]",
        ),
        (
            retold(&bytes, |t| {
                drop(t.insert("logits.bias".to_owned(), Tensor::of::<f64>(&[2], &[0.0; 2])))
            }),
            "tensor `logits.bias`: expected type F32, found F64",
        ),
        (
            retold(&bytes, |t| {
                drop(t.insert("logits.bias".to_owned(), Tensor::of::<f32>(&[2], &[0.0; 2])))
            }),
            "its contents were changed",
        ),
    ];
    for (bytes, expected) in cases {
        let found = message(&bytes);
        assert!(found.contains(expected), "expected {expected}, found {found}");
    }
    let other = from_bytes::<f64>(&bytes).unwrap_err().to_string();
    assert!(other.contains("expected a network of F64 values, found F32"), "{other}");
    let error = load::<f32>(Path::new("no/such/file")).unwrap_err().to_string();
    assert!(error.contains("`no/such/file`"), "{error}");
    let plain = lay_out(&BTreeMap::new(), None, Path::new("x")).unwrap();
    assert!(message(&plain).contains("expected the metadata `espalier`"));
}

#[test]
fn state_that_does_not_fit_the_network_is_not_saved() {
    let parts = trained();
    let other = models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap();
    let optimizer = Optimizer::new(OptimizerKind::adam(), &other).unwrap();
    assert!(to_bytes(&Checkpoint::of(&parts.0).with_optimizer(&optimizer)).is_err());
}

#[test]
fn values_that_training_cannot_have_left_are_named_with_their_place_and_read_only_on_request() {
    type Spoil = fn(&mut Network<f32>, &mut Optimizer<f32>);
    let cases: [(Spoil, &str); 4] = [
        (
            |n, _| {
                let id = n.find_parameter("logits.weight").unwrap();
                n.parameter_mut(id).values_mut()[3] = f32::NAN;
            },
            "tensor `logits.weight`: expected finite values, found NaN at [1, 1]",
        ),
        (
            |n, _| {
                let id = n.find_parameter("norm1.running_variance").unwrap();
                n.parameter_mut(id).values_mut()[2] = -1.0;
            },
            "tensor `norm1.running_variance`: expected finite values of at least 0, found -1 at [2]",
        ),
        (
            |_, o| o.slots.get_mut("logits.bias").unwrap().states[0][1] = f32::INFINITY,
            "tensor `optimizer/first_moment/logits.bias`: expected finite values, found inf at [1]",
        ),
        (
            |_, o| o.slots.get_mut("logits.bias").unwrap().states[1][0] = -0.25,
            "tensor `optimizer/second_moment/logits.bias`: expected finite values of at least 0, found -0.25 at [0]",
        ),
    ];
    for (spoil, expected) in cases {
        let mut parts = trained();
        spoil(&mut parts.0, &mut parts.1);
        let bytes = to_bytes(&checkpoint(&parts)).unwrap();
        let error = message(&bytes);
        assert!(error.contains(expected), "{error}");
        let read = from_bytes_with::<f32>(&bytes, Values::Any).unwrap();
        assert_eq!(to_bytes(&read).unwrap(), bytes);
    }
}

#[test]
fn flipped_and_missing_bytes_never_pass_unnoticed() {
    let parts = trained();
    let bytes = to_bytes(&checkpoint(&parts)).unwrap();
    let whole = checkpoint(&parts);
    let mut stream = Seed::new(31).stream();
    // Half of the flips fall into the header, which is the smaller part but the more delicate.
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for case in 0..600 {
        let mut broken = bytes.clone();
        for _ in 0..=stream.below(3) {
            let at = stream.below(if case % 2 == 0 { header } else { bytes.len() });
            broken[at] ^= 1 << stream.below(8);
        }
        if case % 5 == 0 {
            broken.truncate(stream.below(bytes.len()));
        }
        if let Ok(loaded) = from_bytes::<f32>(&broken) {
            assert_eq!(loaded, whole);
        }
    }
}

/// Changes one number somewhere in a JSON value.
fn disturb(value: &mut serde_json::Value, stream: &mut Stream) {
    use serde_json::{Value, json};
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = stream.below(items.len());
            match stream.below(12) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => disturb(&mut items[at], stream),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = stream.below(fields.len());
            if let Some(field) = fields.values_mut().nth(at) {
                disturb(field, stream);
            }
        }
        Value::Number(number) => {
            let choices = [
                json!(0),
                json!(1),
                json!(number.as_u64().unwrap_or(3) + 1),
                json!(4_000_000_000_u64),
                json!(u64::MAX),
                json!(-1),
            ];
            *value = choices[stream.below(choices.len())].clone();
        }
        Value::Bool(flag) => *value = json!(!*flag),
        Value::Null => *value = json!(1),
        _ => {}
    }
}

#[test]
fn files_made_to_mislead_are_refused_or_are_networks() {
    let parts = trained();
    let everything = everything();
    let files = [
        to_bytes(&checkpoint(&parts)).unwrap(),
        to_bytes(&Checkpoint::of(&everything)).unwrap(),
    ];
    let mut stream = Seed::new(32).stream();
    let mut accepted = 0;
    for case in 0..1500 {
        let mut body = with_body(&files[case % 2]);
        disturb(&mut body, &mut stream);
        // With a hash that is right for the new contents.
        let bytes = replace_body(&files[case % 2], body);
        if let Ok(loaded) = from_bytes::<f32>(&bytes) {
            accepted += 1;
            let network = &loaded.network;
            let sizes: Vec<usize> = network
                .inputs()
                .iter()
                .map(|id| network.node(*id).positions() * network.width(*id))
                .collect();
            let inputs: Vec<Vec<f32>> = sizes.iter().map(|n| vec![0.5; 2 * n]).collect();
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            // An error is as good as an output; a panic is not.
            let _ = crate::execute::evaluate(network, &inputs, 2);
            assert_eq!(network.cost().parameters, network.parameter_count());
        }
    }
    // Steps, revisions and the like may be anything.
    assert!(accepted > 50 && accepted < 1000, "{accepted}");
}

#[test]
fn saving_replaces_a_file_at_once_and_names_a_path_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let parts = trained();
    fs::write(&path, b"old").unwrap();
    save(&path, &checkpoint(&parts)).unwrap();
    assert_eq!(load::<f32>(&path).unwrap(), checkpoint(&parts));
    let error = save(&folder.path().join("missing/net"), &checkpoint(&parts))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("missing/net") && error.contains("cannot be written"),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_layer_of_an_unknown_kind_is_named_with_its_kind() {
    let network = crate::models::mlp::<f32>(3, &[2], 2, &espalier_seed::Seed::new(1)).unwrap();
    let bytes = to_bytes(&Checkpoint::of(&network)).unwrap();
    // The kind stands in JSON within JSON; the other one is as long, so that all lengths still fit.
    let (dense, other) = (br#"\"layer\":\"dense\""#, br#"\"layer\":\"slstm\""#);
    let place = bytes.windows(dense.len()).position(|window| window == dense).unwrap();
    let mut changed = bytes;
    changed[place..place + other.len()].copy_from_slice(other);
    let error = from_bytes::<f32>(&changed).unwrap_err();
    assert!(
        matches!(&error, crate::Error::Unsupported { layer, kind, .. } if layer == "hidden1" && kind == "slstm"),
        "{error}"
    );
}
