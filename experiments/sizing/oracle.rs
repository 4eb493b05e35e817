//! What the recorded static nets say: the needed width, the frontier, and every sizer's scores against them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use espalier_experiment::{ReportContext, Settings};
use espalier_report::rows::{Row as _, Rows};
use espalier_seed::Seed;
use espalier_sizing::{Best, Frontier, Needed, Net, Score, Sweep};

use crate::rows::{Constant, Sized};
use crate::{Arm, sizers, widths};

/// A task with its rows read.
pub struct Judged {
    pub dataset: String,
    pub sweep: Sweep,
    pub needed: Needed,
    /// The best width, and the validation score of an answer that ignores the inputs; rows of earlier code do not say it.
    pub best: Best,
    pub constant: Option<f64>,
    pub frontier: Frontier,
    /// MACs of one seed's sweep over those of training the needed width once.
    pub sweep_cost: f64,
    /// The static nets of the needed width, with their seeds.
    pub of_needed_width: Vec<(u64, Sized)>,
    pub sizers: Vec<Sizer>,
    /// A width at which most nets were still learning at the bound of epochs, where that bears on the needed width.
    pub cut_short: Option<f64>,
}

/// A sizer's nets, one a seed, and their scores.
pub struct Sizer {
    pub name: String,
    pub kind: String,
    pub nets: Vec<Sized>,
    pub scores: Vec<Score>,
}

/// Rows by arm, the seeds in order.
fn by_arm(rows: &Rows, context: &ReportContext) -> anyhow::Result<BTreeMap<String, Vec<Sized>>> {
    let mut found: BTreeMap<String, BTreeMap<u64, Sized>> = BTreeMap::new();
    for entry in rows.get::<Sized>()? {
        if context.seeds.contains(&entry.key.seed) {
            let arm = found.entry(entry.row.arm.clone()).or_default();
            arm.insert(entry.key.seed, entry.row);
        }
    }
    Ok(found
        .into_iter()
        .map(|(arm, seeds)| (arm, seeds.into_values().collect()))
        .collect())
}

/// Judges a task; `None` where the sweep is not whole, has one seed only, or a net of it diverged.
pub fn judge(dataset: &str, rows: &Rows, context: &ReportContext) -> anyhow::Result<Option<Judged>> {
    let arms = by_arm(rows, context)?;
    let Some(sweep) = sweep(&arms, &context.settings)? else {
        return Ok(None);
    };
    let seed = Seed::new(0).named("sizing").named(dataset);
    let needed = sweep.needed(sweep.delta(), &seed);
    let frontier = Frontier::of(&sweep, &seed);
    let best = sweep.best(&seed)?;
    let place = sweep.widths.iter().position(|width| *width == needed.width);
    let once = sweep.macs[place.context("the needed width is one of the sweep's")?];
    let mut found = Vec::new();
    for name in sizers::names(&context.settings)? {
        let Some(nets) = arms.get(&name) else { continue };
        let score = |net: &Sized| Score::of(&judged_net(net, &needed, &sweep), &needed, &frontier, &sweep);
        found.push(Sizer {
            kind: sizers::named(&name, &context.settings)?.kind().name().to_owned(),
            name,
            scores: nets.iter().map(score).collect(),
            nets: nets.clone(),
        });
    }
    let arm = Arm::Static(needed.width as usize).to_string();
    let entries = rows.get::<Sized>()?.into_iter();
    let of_needed_width = entries.filter(|entry| entry.row.arm == arm && context.seeds.contains(&entry.key.seed));
    let layers = context.settings.count("hidden_layers")?;
    Ok(Some(Judged {
        cut_short: cut_short(&arms, &sweep, needed.width, layers),
        of_needed_width: of_needed_width.map(|entry| (entry.key.seed, entry.row)).collect(),
        dataset: dataset.to_owned(),
        sweep_cost: sweep.macs.iter().sum::<f64>() / once,
        sweep,
        needed,
        best,
        constant: constant(rows)?,
        frontier,
        sizers: found,
    }))
}

/// The first width, from half of the needed one to that, at which most nets trained as long as the longest of all: where nets of
/// several widths did, they ended at the bound of epochs and not by themselves. The rows hold no epochs; the MACs of training
/// over the weights, which each sample of an epoch multiplies equally often, tell how long a net trained beside others.
fn cut_short(arms: &BTreeMap<String, Vec<Sized>>, sweep: &Sweep, needed: f64, layers: usize) -> Option<f64> {
    let layers = layers as f64;
    let (first, second) = (sweep.widths.first()?, sweep.widths.get(1)?);
    // Parameters are (inputs + outputs) · w + (layers − 1) · w² + layers · w + outputs.
    let linear = |place: usize, w: f64| sweep.parameters[place] - (layers - 1.0) * w * w - layers * w;
    let outputs = (second * linear(0, *first) - first * linear(1, *second)) / (second - first);
    let length =
        |width: f64, net: &Sized| (net.train_macs as f64 / (net.parameters as f64 - layers * width - outputs)).round();
    let nets = |width: f64| {
        arms.get(&Arm::Static(width as usize).to_string())
            .map_or(&[][..], Vec::as_slice)
    };
    let all = sweep
        .widths
        .iter()
        .flat_map(|width| nets(*width).iter().map(|net| length(*width, net)));
    let longest = all.fold(0.0, f64::max);
    let ended_there = |width: f64| nets(width).iter().filter(|net| length(width, net) >= longest).count();
    let several = sweep.widths.iter().filter(|width| ended_there(**width) > 0).count() > 1;
    let bears =
        |width: &&f64| (needed / 2.0..=needed).contains(*width) && 2 * ended_there(**width) > nets(**width).len();
    sweep.widths.iter().filter(|_| several).find(bears).copied()
}

/// The score without inputs, which all trials on a data set share; none where no trial recorded it.
fn constant(rows: &Rows) -> anyhow::Result<Option<f64>> {
    if !rows.table_names().contains(&Constant::TABLE) {
        return Ok(None);
    }
    Ok(rows.get::<Constant>()?.first().map(|entry| entry.row.validation))
}

/// A net as it is scored; one that diverged counts as the worst: the end of the widths that is further off, right on
/// nothing, for the cost of a sweep.
fn judged_net(net: &Sized, needed: &Needed, sweep: &Sweep) -> Net {
    let (least, most) = (sweep.widths[0], sweep.widths[sweep.widths.len() - 1]);
    if net.diverged {
        let narrow = needed.width / least > most / needed.width;
        return Net {
            width: if narrow { least } else { most },
            parameters: sweep.parameters[sweep.parameters.len() - 1],
            test: 0.0,
            macs: sweep.macs.iter().sum(),
        };
    }
    Net {
        width: net.width,
        parameters: net.parameters.max(1) as f64,
        test: net.test,
        macs: macs(net).max(1.0),
    }
}

pub fn macs(net: &Sized) -> f64 {
    (net.train_macs + net.decision_macs) as f64
}

fn sweep(arms: &BTreeMap<String, Vec<Sized>>, settings: &Settings) -> anyhow::Result<Option<Sweep>> {
    let widths = widths(settings)?;
    let nets: Option<Vec<&Vec<Sized>>> = widths.iter().map(|w| arms.get(&Arm::Static(*w).to_string())).collect();
    // A net that diverged has no size and no cost to compare with.
    let whole = |nets: &Vec<Sized>| nets.len() > 1 && nets.iter().all(|net| !net.diverged);
    let Some(nets) = nets.filter(|nets| nets.iter().all(|nets| whole(nets))) else {
        return Ok(None);
    };
    let of = |number: fn(&Sized) -> f64| -> Vec<Vec<f64>> {
        nets.iter().map(|nets| nets.iter().map(number).collect()).collect()
    };
    let mean = |lists: Vec<Vec<f64>>| {
        lists
            .iter()
            .map(|list| list.iter().sum::<f64>() / list.len() as f64)
            .collect()
    };
    let sweep = Sweep {
        widths: widths.iter().map(|width| *width as f64).collect(),
        validation: of(|net| net.validation),
        test: of(|net| net.test),
        parameters: mean(of(|net| net.parameters as f64)),
        macs: mean(of(macs)),
    };
    Ok(Some(sweep.checked()?))
}

impl Judged {
    /// The score of an answer that ignores the inputs, where no width is better than it.
    pub fn nothing_learned(&self) -> Option<f64> {
        self.constant.filter(|constant| !self.best.is_better_than(*constant))
    }

    /// The needed width in words, with its interval.
    pub fn recommendation(&self) -> String {
        let Needed { width, low, high, .. } = self.needed;
        let bound = match (self.needed.at_least, self.needed.at_most) {
            (true, _) => "at most ",
            (_, true) => "at least ",
            _ => "",
        };
        let units = if width.max(high) == 1.0 { "unit" } else { "units" };
        format!("{bound}{width} [{low}, {high}] {units}")
    }
}
