use espalier_seed::Seed;

use super::*;
use crate::edit::units::Units;
use crate::graph::models::{self, CnnOptions};
use crate::ledger::edit::{Plan, Scales};
use crate::{Activation, ApplyOptions, Error, Layer, NetworkBuilder, Window};

/// Stands for the module
/// conv 3×3 → norm → ReLU → max pool 2 → depthwise 3×1 → grouped 1×2 → flatten → BatchNorm1d → linear → PReLU →
/// LayerNorm → linear, on 2 channels of 6×4.
fn network() -> Network<f64> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [6, 4], 2).unwrap();
    let top = layers.conv("conv", x, 3, Window::same(3)).unwrap();
    let top = layers.batch_norm("norm", top).unwrap();
    let top = layers.activation("relu", top, Activation::Relu).unwrap();
    let top = layers.max_pool("pool", top, 2).unwrap();
    let window = Window {
        kernel: [3, 1],
        stride: [1, 1],
        padding: [1, 0],
    };
    let top = layers
        .layer(
            "deep",
            Layer::Conv {
                window,
                groups: 3,
                bias: true,
            },
            &[top],
            3,
        )
        .unwrap();
    let window = Window {
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 0],
    };
    let top = layers
        .layer(
            "grouped",
            Layer::Conv {
                window,
                groups: 3,
                bias: false,
            },
            &[top],
            6,
        )
        .unwrap();
    let top = layers.flatten("flatten", top).unwrap();
    let top = layers.batch_norm("flatnorm", top).unwrap();
    let top = layers.dense("fc", top, 4).unwrap();
    let top = layers.layer("prelu", Layer::PRelu, &[top], 0).unwrap();
    let top = layers
        .layer("ln", Layer::LayerNorm { epsilon: 1e-5 }, &[top], 0)
        .unwrap();
    let top = layers.dense("logits", top, 2).unwrap();
    layers.build(&[top], &Seed::new(1)).unwrap()
}

/// The state_dict of that module as torch 1.13.1 lists it, filled in the order of names with
/// ((7k mod 23) − 11)/16 for k = 0, 1, …; running variances take the magnitude plus 0.5.
fn state_dict() -> BTreeMap<String, Tensor> {
    let shapes: [(&str, &[usize]); 20] = [
        ("conv.bias", &[3]),
        ("conv.weight", &[3, 2, 3, 3]),
        ("deep.bias", &[3]),
        ("deep.weight", &[3, 1, 3, 1]),
        ("fc.bias", &[4]),
        ("fc.weight", &[4, 18]),
        ("flatnorm.bias", &[18]),
        ("flatnorm.running_mean", &[18]),
        ("flatnorm.running_var", &[18]),
        ("flatnorm.weight", &[18]),
        ("grouped.weight", &[6, 1, 1, 2]),
        ("ln.bias", &[4]),
        ("ln.weight", &[4]),
        ("logits.bias", &[2]),
        ("logits.weight", &[2, 4]),
        ("norm.bias", &[3]),
        ("norm.running_mean", &[3]),
        ("norm.running_var", &[3]),
        ("norm.weight", &[3]),
        ("prelu.weight", &[4]),
    ];
    let mut k = 0;
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes {
        let mut next = || {
            let value = (((k * 7) % 23) as f64 - 11.0) / 16.0;
            k += 1;
            if name.ends_with("running_var") {
                value.abs() + 0.5
            } else {
                value
            }
        };
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| next()).collect();
        tensors.insert(name.to_owned(), Tensor::of(shape, &values));
    }
    for name in ["norm.num_batches_tracked", "flatnorm.num_batches_tracked"] {
        tensors.insert(
            name.to_owned(),
            Tensor {
                dtype: Dtype::I64,
                shape: Vec::new(),
                bytes: vec![0; 8],
            },
        );
    }
    tensors
}

fn file(tensors: &BTreeMap<String, Tensor>) -> Vec<u8> {
    lay_out(tensors, None, Path::new("in memory")).unwrap()
}

#[test]
fn imported_weights_give_the_outputs_of_the_torch_module() {
    let mut network = network();
    from_bytes(&file(&state_dict()), &mut network).unwrap();
    // x[n, c, h, w] = ((5i mod 17) − 8)/8 with i counting in torch's order.
    let at = |n: usize, c: usize, p: usize| ((((n * 2 + c) * 24 + p) * 5 % 17) as f64 - 8.0) / 8.0;
    let input: Vec<f64> = (0..2)
        .flat_map(|n| (0..24).flat_map(move |p| (0..2).map(move |c| at(n, c, p))))
        .collect();
    let outputs = crate::execute::evaluate(&network, &[&input], 2).unwrap();
    // torch 1.13.1, float64.
    let expected = [
        -0.0783705532134179,
        0.06421182828017513,
        -0.06028150283433557,
        0.07720772018189914,
    ];
    for (found, wanted) in outputs[0].iter().zip(expected) {
        assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
    }
}

#[test]
fn export_undoes_import() {
    let mut network = network();
    let given = state_dict();
    from_bytes(&file(&given), &mut network).unwrap();
    let bytes = to_bytes(&network).unwrap();
    let contents = Contents::read(&bytes, Path::new("in memory")).unwrap();
    assert_eq!(contents.metadata("format"), Some("pt"));
    assert_eq!(contents.tensors.len(), given.len());
    for (name, tensor) in &given {
        let found = contents.tensors.tensor(name).unwrap();
        assert_eq!(
            (found.shape(), found.data()),
            (tensor.shape.as_slice(), tensor.bytes.as_slice()),
            "{name}"
        );
    }
}

#[test]
fn dense_weights_are_transposed() {
    let mut network = models::mlp::<f32>(2, &[3], 1, &Seed::new(1)).unwrap();
    let id = network.find_parameter("hidden1.weight").unwrap();
    // Rows are inputs here and units there.
    network
        .parameter_mut(id)
        .values_mut()
        .copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let bytes = to_bytes(&network).unwrap();
    let contents = Contents::read(&bytes, Path::new("in memory")).unwrap();
    let values: Vec<f32> = contents.values("hidden1.weight", Some(&[3, 2])).unwrap();
    assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
}

/// Stands for linear(2, 4).chunk(2) → silu(first)·second → RMSNorm(2), with weights that a file gives.
#[test]
fn gated_layers_and_rms_norms_read_the_tensors_of_their_torch_modules() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let top = layers.gated_dense("gated", x, 2, Activation::Silu).unwrap();
    let top = layers
        .layer("norm", Layer::RmsNorm { epsilon: 0.5 }, &[top], 0)
        .unwrap();
    let mut network = layers.build::<f64>(&[top], &Seed::new(1)).unwrap();
    let (weight, bias): ([f64; 8], [f64; 4]) = ([1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 2.0, -3.0], [0.25, -0.5, 1.0, 2.0]);
    let given = BTreeMap::from([
        ("gated.weight".to_owned(), Tensor::of(&[4, 2], &weight)),
        ("gated.bias".to_owned(), Tensor::of(&[4], &bias)),
        ("norm.weight".to_owned(), Tensor::of(&[2], &[0.5, -2.0])),
    ]);
    from_bytes(&file(&given), &mut network).unwrap();
    let found = crate::execute::evaluate(&network, &[&[0.5, -0.25]], 1).unwrap();
    let z: Vec<f64> = (0..4)
        .map(|o| 0.5 * weight[2 * o] - 0.25 * weight[2 * o + 1] + bias[o])
        .collect();
    let y = [0, 1].map(|u| z[u] / (1.0 + (-z[u]).exp()) * z[2 + u]);
    let rms = ((y[0] * y[0] + y[1] * y[1]) / 2.0 + 0.5).sqrt();
    for (found, wanted) in found[0].iter().zip([y[0] / rms * 0.5, y[1] / rms * -2.0]) {
        assert!((found - wanted).abs() < 1e-14, "{found} {wanted}");
    }
    let bytes = to_bytes(&network).unwrap();
    let contents = Contents::read(&bytes, Path::new("in memory")).unwrap();
    for (name, tensor) in &given {
        assert_eq!(contents.tensors.tensor(name).unwrap().data(), tensor.bytes, "{name}");
    }
}

fn edited() -> Network<f32> {
    let options = CnnOptions {
        map: [4, 8],
        inputs: 2,
        channels: vec![3],
        window: Window::same(3),
        hidden: vec![5],
        outputs: 2,
        batch_norm: true,
    };
    let mut network = models::cnn::<f32>(&options, &Seed::new(2)).unwrap();
    for name in ["conv1", "hidden1"] {
        let group = network.find_group(name).unwrap();
        let units = Units::of(&network, group)
            .split(1, &Scales::equal(2))
            .unwrap()
            .prune(&[0])
            .unwrap();
        network
            .apply(&Plan::new("test").with(units.edit("test")), &ApplyOptions::default())
            .unwrap();
    }
    network
}

#[test]
fn an_edited_network_reads_its_own_export() {
    let network = edited();
    let bytes = to_bytes(&network).unwrap();
    let mut other = network.clone();
    for id in 0..other.parameters().len() {
        other.parameter_mut(ParameterId(id as u32)).values_mut().fill(9.0);
    }
    from_bytes(&bytes, &mut other).unwrap();
    assert_eq!(other, network);
}

#[test]
fn masked_weights_are_exported_as_they_act() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let dense = layers.dense("dense", x, 1).unwrap();
    layers.mask(dense).unwrap();
    let mut network = layers.build::<f32>(&[dense], &Seed::new(1)).unwrap();
    let mask = network.find_parameter("dense.mask").unwrap();
    network.parameter_mut(mask).values_mut()[0] = 0.0;
    let kept = network.parameters()[0].values()[1];
    let bytes = to_bytes(&network).unwrap();
    let contents = Contents::read(&bytes, Path::new("in memory")).unwrap();
    assert_eq!(
        contents.values::<f32>("dense.weight", Some(&[1, 2])).unwrap(),
        [0.0, kept]
    );
    assert_eq!(contents.tensors.len(), 2);
}

#[test]
fn convolutions_along_a_line_are_one_dimensional_there() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 9], 2).unwrap();
    let conv = layers.conv("conv", x, 3, Window::line(4)).unwrap();
    let mut network = layers.build::<f32>(&[conv], &Seed::new(1)).unwrap();
    let bytes = to_bytes(&network).unwrap();
    let contents = Contents::read(&bytes, Path::new("in memory")).unwrap();
    let values: Vec<f32> = contents.values("conv.weight", Some(&[3, 2, 4])).unwrap();
    let unchanged = network.clone();
    let bias = Tensor::of::<f32>(&[3], unchanged.parameters()[1].values());
    let square = BTreeMap::from([
        ("conv.weight".to_owned(), Tensor::of(&[3, 2, 1, 4], &values)),
        ("conv.bias".to_owned(), bias),
    ]);
    from_bytes(&file(&square), &mut network).unwrap();
    assert_eq!(network, unchanged);
}

#[test]
fn weights_that_do_not_fit_are_refused_and_leave_the_network_alone() {
    let mut network = network();
    let unchanged = network.clone();
    type Change = fn(&mut BTreeMap<String, Tensor>);
    let cases: [(Change, &str); 4] = [
        (
            |t| drop(t.remove("fc.weight")),
            "expected a tensor `fc.weight`, found none",
        ),
        (
            |t| drop(t.insert("other.weight".to_owned(), Tensor::of(&[1], &[0.0_f32]))),
            "found `other.weight`",
        ),
        (
            |t| drop(t.insert("fc.bias".to_owned(), Tensor::of(&[5], &[0.0_f32; 5]))),
            "tensor `fc.bias`: expected shape [4], found [5]",
        ),
        (
            |t| drop(t.insert("fc.bias".to_owned(), Tensor::text("1234".to_owned()))),
            "tensor `fc.bias`: expected type F32, found U8",
        ),
    ];
    for (change, expected) in cases {
        let mut tensors = state_dict();
        change(&mut tensors);
        let error = from_bytes(&file(&tensors), &mut network).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(network, unchanged);
    }
}

/// Names and shapes as torch 1.13.1 lists them for `RNN(5, 3)`, `GRU(5, 3, bidirectional=True)`, `LSTM(5, 3)`, `GRUCell(5, 3)`
/// and `MultiheadAttention(6, 2)`.
#[test]
fn recurrent_and_attention_modules_are_refused_by_kind_and_name_and_leave_the_network_alone() {
    /// Parameters of a module by name, with their shapes.
    type Shapes<'a> = &'a [(&'a str, &'a [usize])];
    let modules: [(&str, Shapes<'_>); 5] = [
        (
            "RNN",
            &[
                ("weight_ih_l0", &[3, 5]),
                ("weight_hh_l0", &[3, 3]),
                ("bias_ih_l0", &[3]),
                ("bias_hh_l0", &[3]),
            ],
        ),
        (
            "GRU",
            &[
                ("weight_ih_l0", &[9, 5]),
                ("weight_hh_l0", &[9, 3]),
                ("weight_ih_l0_reverse", &[9, 5]),
                ("weight_hh_l0_reverse", &[9, 3]),
            ],
        ),
        ("LSTM", &[("weight_ih_l0", &[12, 5]), ("weight_hh_l0", &[12, 3])]),
        (
            "GRU",
            &[("weight_ih", &[9, 5]), ("weight_hh", &[9, 3]), ("bias_ih", &[9])],
        ),
        (
            "MultiheadAttention",
            &[
                ("in_proj_weight", &[18, 6]),
                ("in_proj_bias", &[18]),
                ("out_proj.weight", &[6, 6]),
            ],
        ),
    ];
    let mut network = network();
    let unchanged = network.clone();
    for (expected, fields) in modules {
        let mut tensors = state_dict();
        for (field, shape) in fields {
            let values = vec![0.5_f32; shape.iter().product()];
            tensors.insert(format!("encoder.memory.{field}"), Tensor::of(shape, &values));
        }
        let error = from_bytes(&file(&tensors), &mut network).unwrap_err();
        let told = error.to_string();
        assert!(
            matches!(&error, Error::Unsupported { layer, kind, .. } if layer == "encoder.memory" && kind == expected),
            "{expected}: {told}"
        );
        assert!(
            told.contains("not supported") && told.contains("`encoder.memory`"),
            "{told}"
        );
        assert_eq!(network, unchanged);
    }
}

#[test]
fn values_that_no_weight_can_have_are_named_with_their_place() {
    let cases = [
        ("fc.weight", 2 * 18 + 5, f64::NAN, "finite values, found NaN at [2, 5]"),
        (
            "conv.weight",
            3,
            f64::INFINITY,
            "finite values, found inf at [0, 0, 1, 0]",
        ),
        ("prelu.weight", 3, f64::NEG_INFINITY, "finite values, found -inf at [3]"),
        (
            "norm.running_var",
            1,
            -0.5,
            "finite values of at least 0, found -0.5 at [1]",
        ),
        (
            "flatnorm.running_var",
            17,
            f64::NAN,
            "finite values of at least 0, found NaN at [17]",
        ),
    ];
    for (name, at, value, expected) in cases {
        let mut tensors = state_dict();
        tensors.get_mut(name).unwrap().bytes[8 * at..8 * (at + 1)].copy_from_slice(&value.to_le_bytes());
        let mut network = network();
        let unchanged = network.clone();
        let error = from_bytes(&file(&tensors), &mut network).unwrap_err().to_string();
        assert!(
            error.contains(&format!("file `in memory`: tensor `{name}`: expected {expected}")),
            "{error}"
        );
        assert_eq!(network, unchanged);
    }
}

#[test]
fn doubles_beyond_single_precision_are_named() {
    let mut network = models::mlp::<f32>(2, &[], 1, &Seed::new(1)).unwrap();
    let unchanged = network.clone();
    let tensors = BTreeMap::from([
        ("logits.weight".to_owned(), Tensor::of(&[1, 2], &[1.0_f64, 1e300])),
        ("logits.bias".to_owned(), Tensor::of(&[1], &[0.0_f64])),
    ]);
    let error = from_bytes(&file(&tensors), &mut network).unwrap_err().to_string();
    let expected = "tensor `logits.weight`: expected finite values in 32 bits, found 1";
    assert!(error.contains(expected) && error.ends_with("at [0, 1]"), "{error}");
    assert_eq!(network, unchanged);
}

#[test]
fn a_slice_of_a_flattened_map_has_no_counterpart() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [2, 2], 3).unwrap();
    let flat = layers.flatten("flat", x).unwrap();
    let part = layers
        .layer("part", Layer::Slice { start: 0, end: 6 }, &[flat], 0)
        .unwrap();
    let logits = layers.dense("logits", part, 2).unwrap();
    let network = layers.build::<f32>(&[logits], &Seed::new(1)).unwrap();
    let error = to_bytes(&network).unwrap_err().to_string();
    assert!(error.contains("`part`"), "{error}");
}
