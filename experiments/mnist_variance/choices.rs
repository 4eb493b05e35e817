//! The width that each metric would choose, by a rule.

use espalier_report::statistics::Estimate;
use espalier_study::prelude::*;

use crate::grid::{Grid, IDLE_SHARE, KNEE_MARGIN, Sample};
use crate::pooled::Pooled;
use crate::runs::*;

/// The share of dead units from which a layer counts as too wide.
const DEAD_LIMIT: f64 = 0.01;
/// The part of its width that a layer's effective rank should reach.
const RANK_LIMIT: f64 = 0.75;
/// The part of the largest total spread that a layer should reach.
const SPREAD_LIMIT: f64 = 0.9;

type Choose = fn(&Grid, Sample<'_>) -> f64;

/// A metric with its rule.
pub struct Rule {
    pub name: &'static str,
    words: String,
    choose: Choose,
}

impl Rule {
    /// How many doublings the width that it chooses is above the knee, negative below it.
    pub fn doublings(&self, grid: &Grid) -> Statistic<Net> {
        grid.doublings(&format!("doublings by {}", self.name), self.choose, Grid::knee)
    }
}

fn least_size(grid: &Grid, sample: Sample<'_>, quantity: &Quantity<Net>) -> f64 {
    let sizes = grid.means(sample, quantity).into_iter().map(|mean| -mean.abs());
    grid.largest(&sizes.collect::<Vec<_>>())
}

fn total_spread(grid: &Grid, sample: Sample<'_>) -> f64 {
    let means = grid.means(sample, &TOTAL);
    let most = means.iter().copied().fold(f64::NAN, f64::max);
    let reached = means.iter().position(|mean| *mean >= SPREAD_LIMIT * most);
    reached.map_or(f64::NAN, |place| grid.widths[place])
}

fn effective_rank(grid: &Grid, sample: Sample<'_>) -> f64 {
    let unused = grid.means(sample, &RANK_SHARE).into_iter().map(|share| 1.0 - share);
    grid.before(&unused.collect::<Vec<_>>(), 1.0 - RANK_LIMIT)
}

/// The place of the widest net whose components every seed has.
fn widest_with_components(grid: &Grid, sample: Sample<'_>) -> Option<usize> {
    let all = |place: &usize| grid.nets(sample, *place).all(|net| net.spectrum().is_some());
    (0..grid.widths.len()).rev().find(all)
}

fn components(grid: &Grid, sample: Sample<'_>) -> f64 {
    let place = widest_with_components(grid, sample);
    place.map_or(f64::NAN, |place| grid.means(sample, &HELD)[place])
}

fn low_rank(grid: &Grid, sample: Sample<'_>) -> f64 {
    let Some(place) = widest_with_components(grid, sample) else {
        return f64::NAN;
    };
    let rows = grid.nets(sample, place).map(|net| net.rebuilt("low rank").collect());
    let rows: Vec<Vec<_>> = rows.collect();
    let count = rows.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |i: usize| rows.iter().map(|row| row[i].validation_accuracy).sum::<f64>() / rows.len() as f64;
    let best = (0..count).map(mean).fold(f64::NAN, f64::max);
    let enough = (0..count).find(|&i| mean(i) >= best - KNEE_MARGIN);
    enough.map_or(f64::NAN, |i| rows[0][i].kept as f64)
}

fn stable_rank(grid: &Grid, sample: Sample<'_>) -> f64 {
    grid.means(sample, &STABLE).last().copied().unwrap_or(f64::NAN)
}

/// All metrics with their rules.
pub fn rules() -> Vec<Rule> {
    let rule = |name, words: &str, choose: Choose| {
        let words = words.to_owned();
        Rule { name, words, choose }
    };
    let first = format!("last width before π reaches {IDLE_SHARE}");
    let last = format!("widest width with π below {IDLE_SHARE}");
    let percent = |share: f64| format!("{} %", share * 100.0);
    let spread = format!("first width with {} of the largest", percent(SPREAD_LIMIT));
    let dead = format!("last width before they reach {}", percent(DEAD_LIMIT));
    let rank = format!("last width before it falls to {} of the width", percent(RANK_LIMIT));
    let low = format!("rank that keeps validation accuracy within {KNEE_MARGIN} in the widest net");
    let held = "components that hold 95 % of the variance in the widest net";
    let (small, stable) = ("where its size is smallest", "stable rank of the widest net's weights");
    vec![
        rule("Shapiro–Wilk W", "where W is largest", |g, s| g.argmax(s, &W)),
        rule("skewness", small, |g, s| least_size(g, s, &SKEWNESS)),
        rule("excess kurtosis", small, |g, s| least_size(g, s, &KURTOSIS)),
        rule("total spread", &spread, total_spread),
        rule("dead units", &dead, |g, s| {
            g.before(&g.means(s, &DEAD_SHARE), DEAD_LIMIT)
        }),
        rule("π, exponential + normal, pooled", &last, |g, s| {
            g.last_busy(s, Pooled::exp_share)
        }),
        rule("π, two gammas, pooled", &last, |g, s| {
            g.last_busy(s, Pooled::gamma_share)
        }),
        rule("π, exponential + normal, per net", &first, |g, s| {
            g.first_idle(s, &EXP)
        }),
        rule("π, two gammas, per net", &first, |g, s| g.first_idle(s, &GAMMA)),
        rule("effective rank", &rank, effective_rank),
        rule("principal components", held, components),
        rule("low rank", &low, low_rank),
        rule("stable rank", stable, stable_rank),
    ]
}

/// What every metric would choose on a data set, beside the knee.
pub fn table(study: &Study<Net>, grid: &Grid) -> anyhow::Result<TableBlock> {
    let page = &study.sets[0].name;
    let estimate = |name: &str, statistic: &Statistic<Net>| study.estimate(page, &format!("choice/{name}"), statistic);
    let knee = estimate("knee", &grid.statistic("knee", Grid::knee))?;
    let best = format!("smallest width within {KNEE_MARGIN} of the best validation accuracy");
    let knee = shown(knee, &grid.widths);
    let mut rows = vec![["**knee of the accuracy**".to_owned(), best, knee, "0".to_owned()].to_vec()];
    for rule in rules() {
        let width = estimate(rule.name, &grid.statistic(rule.name, rule.choose))?;
        let apart = estimate(&format!("{} above the knee", rule.name), &rule.doublings(grid))?;
        let apart = apart.map(|e| format!("{:+.1} [{:+.1}, {:+.1}]", e.value, e.low, e.high));
        let apart = apart.unwrap_or_else(|| "–".to_owned());
        let (name, width) = (rule.name.to_owned(), shown(width, &grid.widths));
        rows.push(vec![name, rule.words, width, apart]);
    }
    let header = [
        "metric",
        "rule",
        "width it would choose (units)",
        "doublings from the knee",
    ];
    let title = "The width that each metric would choose";
    Ok(TableBlock {
        title: title.to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows,
        note: study.note(title),
    })
}

fn shown(width: Option<Estimate>, widths: &[f64]) -> String {
    let Some(e) = width else { return "–".to_owned() };
    let sign = match Some(&e.value) {
        end if end == widths.first() => "≤ ",
        end if end == widths.last() => "≥ ",
        _ => "",
    };
    format!("{sign}{:.0} [{:.0}, {:.0}]", e.value, e.low, e.high)
}
