//! The trained net of the recommended width, for PyTorch: each static trial keeps its net, the page hands one of them over.

use std::fmt::Display;

use espalier_data::{Encoding, Inputs, Outputs};
use espalier_experiment::{Kept, ReportContext, TrialContext, counted};
use espalier_net::export;
use espalier_report::rows::Rows;
use espalier_sizing::{Found, Task};
use serde::{Deserialize, Serialize};

use crate::Arm;
use crate::oracle::{Judged, judge};
use crate::rows::Sized;

/// What a trial calls its weights, and what it says of the net.
const WEIGHTS: &str = "net.safetensors";
const ABOUT: &str = "net.json";

/// The lines of PyTorch that load a net, encode rows and read its outputs.
const LOAD: &str = include_str!("python/load.py");
const TABLE: &str = include_str!("python/table.py");
const IMAGE: &str = include_str!("python/image.py");
const CLASSES: &str = include_str!("python/classes.py");
const VALUES: &str = include_str!("python/values.py");

/// What a net is and what goes into it.
#[derive(Serialize, Deserialize)]
struct About {
    /// Name, inputs and outputs of each dense layer.
    layers: Vec<(String, usize, usize)>,
    #[serde(flatten)]
    encoding: Encoding,
    data: Data,
}

/// The data set on which it was trained.
#[derive(Serialize, Deserialize)]
struct Data {
    title: String,
    splits: String,
    part: Option<String>,
    content_sha256: String,
}

/// Keeps a trained net: its weights under PyTorch's names, its layers, and what its inputs and outputs mean.
pub fn keep<V: Display>(context: &TrialContext<'_, V>, found: &Found, task: &Task) -> anyhow::Result<()> {
    let layers = (1..=task.hidden_layers()).map(|layer| format!("hidden{layer}"));
    let described = layers.chain(["logits".to_owned()]).map(|name| {
        let weight = found.network.find_parameter(&format!("{name}.weight"))?;
        let shape = found.network.parameter(weight).shape();
        anyhow::Ok((name, shape[0], shape[1]))
    });
    let info = &task.data().info;
    let about = About {
        layers: described.collect::<anyhow::Result<_>>()?,
        encoding: task.data().encoding.clone(),
        data: Data {
            title: info.title.clone(),
            splits: info.splits.clone(),
            part: info.part.clone(),
            content_sha256: info.content_sha256.clone(),
        },
    };
    context.keep(WEIGHTS, &export::to_bytes(&found.network)?)?;
    Ok(context.keep(ABOUT, format!("{}\n", serde_json::to_string_pretty(&about)?).as_bytes())?)
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
    let judged = judged.filter(|judged| judged.nothing_learned().is_none());
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

/// What hands the net over.
#[derive(Default)]
pub struct Handed {
    /// Which net it is, and its scores.
    pub words: Option<String>,
    /// The lines that load and feed it, too many for a page's beginning.
    pub lines: Option<String>,
}

/// Hands the best net of the needed width over, where it lies beside the page.
pub fn over(judged: &Judged, context: &ReportContext) -> anyhow::Result<Handed> {
    let Some((seed, net)) = best(judged) else {
        return Ok(Handed::default());
    };
    let [(_, about), (_, weights)] = names(net, *seed);
    let described = context.files.read(&about)?.filter(|_| context.files.contains(&weights));
    let described = described.map(|bytes| serde_json::from_slice::<About>(&bytes));
    let Some(Ok(described)) = described else {
        let lack = "The trained net is not beside this page, or says too little of what goes into it: its rows were recorded \
                    elsewhere or by earlier code, or the file was left out for its size. `--fresh` trains it again.";
        let (words, lines) = (Some(lack.to_owned()), None);
        return Ok(Handed { words, lines });
    };
    let which = format!(
        "**The trained net** for PyTorch is [{weights}](files/{weights}), the one with the best validation score over seeds \
         ({:.4}; test score {:.4}). {} [{about}](files/{about}) names each; the lines that load and feed it are \
         among the notes.",
        net.validation,
        net.test,
        fed(&described.encoding)
    );
    let stem = about.trim_end_matches(".json");
    let code = lines(&described.encoding, stem);
    Ok(Handed {
        words: Some(which),
        lines: Some(format!(
            "In Python, {weights} is loaded and fed so:\n\n```python\n{code}```"
        )),
    })
}

/// What goes in and what comes out, in words.
fn fed(encoding: &Encoding) -> String {
    let into = match &encoding.inputs {
        Inputs::Table { inputs, .. } => {
            let mut columns: Vec<&str> = inputs.iter().map(|input| input.column.as_str()).collect();
            columns.dedup();
            let (inputs, columns) = (
                counted(inputs.len() as u64, "input"),
                counted(columns.len() as u64, "column"),
            );
            format!(
                "It takes {inputs}, made from {columns}: numbers, filled where they are missing, and flags of words"
            )
        }
        Inputs::Image { shape, .. } => format!("Its inputs are pixels of shape {shape:?}"),
    };
    let out = match &encoding.outputs {
        Outputs::Classes(names) => format!("its outputs are {}, one a class", counted(names.len() as u64, "score")),
        Outputs::Values(values) => {
            let columns: Vec<&str> = values.iter().map(|value| value.column.as_str()).collect();
            let scaled = values.iter().any(|v| (v.channel.mean, v.channel.std) != (0.0, 1.0));
            let scale = if scaled { ", standardised" } else { "" };
            format!("its output is {}{scale}", columns.join(", "))
        }
    };
    format!("{into}; {out}.")
}

/// The lines of PyTorch for a net by the stem of its files.
fn lines(encoding: &Encoding, stem: &str) -> String {
    let feed = match encoding.inputs {
        Inputs::Table { .. } => TABLE,
        Inputs::Image { .. } => IMAGE,
    };
    let read = match encoding.outputs {
        Outputs::Classes(_) => CLASSES,
        Outputs::Values(_) => VALUES,
    };
    [LOAD, feed, read].concat().replace("NET", stem)
}
