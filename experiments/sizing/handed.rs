//! The trained net of the recommended width, for PyTorch: each static trial keeps its net, the page hands one of them over.

use std::fmt::Display;

use espalier_data::{Dataset, Split};
use espalier_experiment::{Kept, ReportContext, TrialContext};
use espalier_net::export;
use espalier_report::rows::Rows;
use espalier_sizing::{Found, Task};
use serde_json::json;

use crate::Arm;
use crate::oracle::{Judged, judge};
use crate::rows::Sized;

/// What a trial calls its weights, and what it says of the net.
const WEIGHTS: &str = "net.safetensors";
const ABOUT: &str = "net.json";

/// Keeps a trained net: its weights under PyTorch's names, its layers and what its inputs are normalised by.
pub fn keep<V: Display>(context: &TrialContext<'_, V>, found: &Found, task: &Task) -> anyhow::Result<()> {
    let data = task.data();
    let layers = (1..=task.hidden_layers()).map(|layer| format!("hidden{layer}"));
    let mut described = Vec::new();
    for name in layers.chain(["logits".to_owned()]) {
        let weight = found.network.find_parameter(&format!("{name}.weight"))?;
        let shape = found.network.parameter(weight).shape();
        described.push(json!([name, shape[0], shape[1]]));
    }
    let [mean, deviation] = normalisation(data);
    let about = json!({
        "layers": described,
        "mean": mean,
        "deviation": deviation,
        "data": [&data.info.title, &data.info.splits, data.info.part.as_deref().unwrap_or_default()],
    });
    context.keep(WEIGHTS, &export::to_bytes(&found.network)?)?;
    Ok(context.keep(ABOUT, format!("{about:#}\n").as_bytes())?)
}

/// Mean and deviation of each input as it stands in the file; one number where they are the same for all.
fn normalisation(data: &Dataset) -> [Vec<f64>; 2] {
    let raw = |column: usize, normalised: f32| data.transform.restore(Split::Train, column, normalised);
    let columns = 0..data.info.features;
    let means: Vec<f64> = columns.clone().map(|column| raw(column, 0.0)).collect();
    let deviations = columns.map(|column| raw(column, 1.0) - raw(column, 0.0)).collect();
    [means, deviations].map(|mut numbers: Vec<f64>| {
        let same = numbers.windows(2).all(|pair| pair[0] == pair[1]);
        numbers.truncate(if same { 1 } else { numbers.len() });
        numbers
    })
}

/// The static net of the needed width whose validation score is the best of all seeds; the first of equals.
fn best(judged: &Judged) -> Option<&(u64, Sized)> {
    let nets = judged.of_needed_width.iter();
    nets.reduce(|best, next| {
        if next.1.validation > best.1.validation {
            next
        } else {
            best
        }
    })
}

/// The names in the report.
fn names(net: &Sized, seed: u64) -> [(&'static str, String); 2] {
    let stem = format!("net-{}-units-seed-{seed}", net.width);
    [
        (ABOUT, format!("{stem}.json")),
        (WEIGHTS, format!("{stem}.safetensors")),
    ]
}

/// The files that the report takes along.
pub fn kept(rows: &Rows, context: &ReportContext) -> anyhow::Result<Vec<Kept>> {
    let judged = judge(&context.dataset, rows, context)?;
    let Some((seed, net)) = judged.as_ref().and_then(best) else {
        return Ok(Vec::new());
    };
    let kept = |(file, name): (&str, String)| Kept {
        variant: Arm::Static(net.width as usize).to_string(),
        seed: *seed,
        file: file.to_owned(),
        name,
    };
    Ok(Vec::from(names(net, *seed).map(kept)))
}

/// The paragraphs that hand the net over: which one it is, its scores, and the lines that load it.
pub fn paragraphs(judged: &Judged, context: &ReportContext) -> Vec<String> {
    let Some((seed, net)) = best(judged) else {
        return Vec::new();
    };
    let [(_, about), (_, weights)] = names(net, *seed);
    if !(context.files.contains(&about) && context.files.contains(&weights)) {
        let lack = "The trained net is not beside this page: its rows were recorded elsewhere or before nets were kept. \
                    `--fresh` trains it again.";
        return vec![lack.to_owned()];
    }
    let which = format!(
        "**The trained net** for PyTorch is [{weights}](files/{weights}), the one with the best validation score over seeds \
         ({:.4}; test score {:.4}). What goes in is normalised by [{about}](files/{about}), which also says what comes out:",
        net.validation, net.test
    );
    let lines = format!(
        "```python\n\
         import json, torch\n\
         from safetensors.torch import load_file\n\
         about = json.load(open(\"files/{about}\"))\n\
         net = torch.nn.Sequential()\n\
         for name, inputs, outputs in about[\"layers\"]:\n    \
             net.add_module(name, torch.nn.Linear(inputs, outputs))\n    \
             net.add_module(f\"after_{{name}}\", torch.nn.Identity() if name == \"logits\" else torch.nn.ReLU())\n\
         net.load_state_dict(load_file(\"files/{weights}\"))\n\
         mean, deviation = torch.tensor(about[\"mean\"]), torch.tensor(about[\"deviation\"])\n\
         # rows: float32, (samples, inputs), in the order of the data set's inputs: of a table of numbers, its columns\n\
         scores = net((rows - mean) / deviation)\n\
         ```"
    );
    vec![which, lines]
}
