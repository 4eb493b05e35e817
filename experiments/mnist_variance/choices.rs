//! The width that each metric would choose, by a rule fixed before the rows were seen.

use espalier_report::page::TableBlock;
use espalier_report::statistics::Estimate;

use crate::curves::{Curves, Run, argmax, knee_width, means, widths};

/// How far below its best an accuracy may lie at the knee, as a fraction.
pub const KNEE_MARGIN: f64 = 0.0025;
/// The share of idle units from which a layer counts as too wide: the study's line, as it was labelled.
pub const IDLE_SHARE: f64 = 0.05;
/// The share of dead units from which a layer counts as too wide.
const DEAD_SHARE: f64 = 0.01;
/// The part of its width that a layer's effective rank should reach.
const RANK_SHARE: f64 = 0.75;
/// The part of the largest total spread that a layer should reach.
const SPREAD_SHARE: f64 = 0.9;

/// Gives a width for a sample of seeds.
pub type Choose = fn(&[&Run]) -> f64;

/// A metric with its rule.
pub struct Rule {
    pub name: &'static str,
    pub rule: String,
    pub choose: Choose,
}

/// The knee that the metrics should find, by validation accuracy.
pub fn knee(runs: &[&Run]) -> f64 {
    knee_width(runs, |net| net.summary.validation_accuracy, KNEE_MARGIN)
}

/// The widest width before the mean first reaches a limit; the narrowest where it starts above.
fn before(runs: &[&Run], mean: impl IntoIterator<Item = f64>, limit: f64) -> f64 {
    let widths = widths(runs);
    let crossing = mean
        .into_iter()
        .position(|value| value >= limit)
        .unwrap_or(widths.len());
    widths.get(crossing.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

pub fn exp_normal(runs: &[&Run]) -> f64 {
    before(runs, means(runs, |net| net.summary.exp_normal_share), IDLE_SHARE)
}

pub fn two_gamma(runs: &[&Run]) -> f64 {
    before(runs, means(runs, |net| net.summary.two_gamma_share), IDLE_SHARE)
}

fn dead(runs: &[&Run]) -> f64 {
    before(
        runs,
        means(runs, |net| net.summary.dead_units as f64 / net.summary.width as f64),
        DEAD_SHARE,
    )
}

fn effective_rank(runs: &[&Run]) -> f64 {
    let unused = means(runs, |net| 1.0 - net.summary.effective_rank / net.summary.width as f64);
    before(runs, unused, 1.0 - RANK_SHARE)
}

fn total_spread(runs: &[&Run]) -> f64 {
    let mean = means(runs, |net| net.summary.total_spread);
    let most = mean.iter().copied().fold(f64::NAN, f64::max);
    let reached = mean.iter().position(|&value| value >= SPREAD_SHARE * most);
    reached
        .and_then(|place| widths(runs).get(place).copied())
        .unwrap_or(f64::NAN)
}

/// The place of the widest net whose components every seed has.
fn widest_with_components(runs: &[&Run]) -> Option<usize> {
    let places = 0..runs.first().map_or(0, |run| run.len());
    places
        .rev()
        .find(|&place| runs.iter().all(|run| run[place].spectrum.is_some()))
}

fn components(runs: &[&Run]) -> f64 {
    let Some(place) = widest_with_components(runs) else {
        return f64::NAN;
    };
    let held = runs
        .iter()
        .filter_map(|run| run[place].spectrum.as_ref())
        .map(|s| s.components_95 as f64);
    held.sum::<f64>() / runs.len() as f64
}

fn low_rank(runs: &[&Run]) -> f64 {
    let Some(place) = widest_with_components(runs) else {
        return f64::NAN;
    };
    let ranks = |run: &Run| {
        run[place]
            .rebuilt
            .iter()
            .filter(|row| row.way == "low rank")
            .cloned()
            .collect::<Vec<_>>()
    };
    let rows: Vec<_> = runs.iter().map(|run| ranks(run)).collect();
    let count = rows.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |i: usize| rows.iter().map(|row| row[i].validation_accuracy).sum::<f64>() / rows.len() as f64;
    let best = (0..count).map(mean).fold(f64::NAN, f64::max);
    (0..count)
        .find(|&i| mean(i) >= best - KNEE_MARGIN)
        .map_or(f64::NAN, |i| rows[0][i].kept as f64)
}

/// All metrics with their rules.
pub fn rules() -> Vec<Rule> {
    let rule = |name, rule: &str, choose| Rule {
        name,
        rule: rule.to_owned(),
        choose,
    };
    let percent = |share: f64| format!("{} %", share * 100.0);
    vec![
        rule("Shapiro–Wilk W", "where W is largest", |runs| {
            argmax(runs, |net| net.summary.shapiro_w)
        }),
        rule("skewness", "where its size is smallest", |runs| {
            argmax(runs, |net| -net.summary.skewness.abs())
        }),
        rule("excess kurtosis", "where its size is smallest", |runs| {
            argmax(runs, |net| -net.summary.excess_kurtosis.abs())
        }),
        rule(
            "total spread",
            &format!("first width with {} of the largest", percent(SPREAD_SHARE)),
            total_spread,
        ),
        rule(
            "dead units",
            &format!("last width before they reach {}", percent(DEAD_SHARE)),
            dead,
        ),
        rule(
            "π, exponential + normal",
            &format!("last width before π reaches {IDLE_SHARE}"),
            exp_normal,
        ),
        rule(
            "π, two gammas",
            &format!("last width before π reaches {IDLE_SHARE}"),
            two_gamma,
        ),
        rule(
            "effective rank",
            &format!("last width before it falls to {} of the width", percent(RANK_SHARE)),
            effective_rank,
        ),
        rule(
            "principal components",
            "components that hold 95 % of the variance in the widest net",
            components,
        ),
        rule(
            "low rank",
            &format!("rank that keeps validation accuracy within {KNEE_MARGIN} in the widest net"),
            low_rank,
        ),
        rule("stable rank", "stable rank of the widest net's weights", |runs| {
            means(runs, |net| net.summary.stable_rank)
                .last()
                .copied()
                .unwrap_or(f64::NAN)
        }),
    ]
}

/// A metric's choice beside the knee.
pub struct Choice {
    pub name: &'static str,
    pub rule: String,
    pub width: Estimate,
    /// Doublings from the knee, negative below it.
    pub doublings: Estimate,
}

/// Applies every rule.
pub fn choices(curves: &Curves) -> anyhow::Result<Vec<Choice>> {
    let mut choices = Vec::new();
    for Rule { name, rule, choose } in rules() {
        if choose(&curves.all()).is_nan() {
            continue;
        }
        let width = curves.estimate(&format!("choice/{name}"), choose)?;
        let doublings = curves.estimate(&format!("doublings/{name}"), |runs| (choose(runs) / knee(runs)).log2())?;
        choices.push(Choice {
            name,
            rule,
            width,
            doublings,
        });
    }
    Ok(choices)
}

/// The table of choices, the knee first.
pub fn table(curves: &Curves) -> anyhow::Result<TableBlock> {
    let knee = curves.estimate("knee", knee)?;
    let edges = (curves.widths[0], curves.widths[curves.widths.len() - 1]);
    let rule = format!("smallest width within {KNEE_MARGIN} of the best validation accuracy");
    let mut rows = vec![vec![
        "**knee of the accuracy**".to_owned(),
        rule,
        width(&knee, edges),
        "0".to_owned(),
    ]];
    for choice in choices(curves)? {
        let distance = format!(
            "{:+.1} [{:+.1}, {:+.1}]",
            choice.doublings.value, choice.doublings.low, choice.doublings.high
        );
        rows.push(vec![
            choice.name.to_owned(),
            choice.rule,
            width(&choice.width, edges),
            distance,
        ]);
    }
    let header = [
        "metric",
        "rule",
        "width it would choose (units)",
        "doublings from the knee",
    ];
    Ok(TableBlock {
        title: "The width that each metric would choose".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows,
        note: format!(
            "Interval: bootstrap over {} seeds, 95 %. A choice at an end of the grid ({} or {}) means that the rule found \
             no change within it. The rules were fixed before the rows were seen.",
            curves.runs.len(),
            edges.0,
            edges.1
        ),
    })
}

fn width(estimate: &Estimate, (least, most): (f64, f64)) -> String {
    if !estimate.is_defined() {
        return "–".to_owned();
    }
    let sign = if estimate.value == least {
        "≤ "
    } else if estimate.value == most {
        "≥ "
    } else {
        ""
    };
    format!(
        "{sign}{:.0} [{:.0}, {:.0}]",
        estimate.value, estimate.low, estimate.high
    )
}
