//! What study 003 claimed, what is compared to test it, and where each claim holds.

use espalier_study::prelude::*;
use espalier_study::standard::EPOCHS;

use crate::grid::{Grid, IDLE_SHARE, Sample, exponent};
use crate::pooled::Pooled;
use crate::runs::*;

/// The widths at which the study compared densities, too narrow and too wide.
const NARROW: f64 = 362.0;
const OVERSIZED: f64 = 2896.0;
/// From this width on dead units grow by a law, and the inputs have fewer directions than the layer; it is also the
/// widest of which every seed has components.
const WIDE: f64 = 1024.0;

const ABOVE: Margin = Margin::GreaterThan(0.0);
const BELOW: Margin = Margin::LessThan(0.0);
/// Statistics that pool the nets of all seeds say so.
const POOLED: &str = "replicas pooled";

type C<'s> = Claims<'s, Net>;

/// Declares the claims about one data set; for a set that the study did not use, those without its numbers.
pub fn of<'s>(study: &'s Study<Net>, grid: &Grid) -> C<'s> {
    let mut claims = Claims::of(study, &study.sets[0].name).said(include_str!("study.md"), &grid.set);
    let c = &mut claims;
    spreads(c, study, grid);
    normality(c, grid);
    idle(c, grid, "exp", EXP, Pooled::exp_share);
    idle(c, grid, "gamma", GAMMA, Pooled::gamma_share);
    two_gammas(c, grid);
    components(c, study, grid);
    let within = Margin::Within;
    match grid.set.as_str() {
        "mnist" => {
            published(c, grid, within(181.0, 362.0), within(700.0, 720.0));
            slopes(c, study, grid, 350.0, Measure::Exponent, within(-0.1, 0.1));
        }
        "fashion-mnist" => {
            published(c, grid, within(16.0, 32.0), within(775.0, 784.0));
            slopes(c, study, grid, 0.0, Measure::Rank, within(-0.5, 0.5));
        }
        _ => {}
    }
    claims
}

fn spreads(c: &mut C<'_>, study: &Study<Net>, grid: &Grid) {
    let words = "exponent with which the increase of the mean total spread per added ln(width) follows the width";
    c.shape("J1-log", grid.statistic(words, increase), Margin::Within(-0.2, 0.2));
    let all = on(&grid.set);
    c.falls("J1-mass", &MEDIAN, &WIDTH, &all, 0.9);
    let wide = some(study, &grid.set, "from 1 024 units on", |width| width >= WIDE);
    let linear = Margin::Within(0.8, 1.2);
    c.trend("J1-dead", &DEAD, &WIDTH, &wide, Measure::Exponent, linear);
    c.lies("J1-sign", DEAD_SHARE.last(&WIDTH, &all), Margin::GreaterThan(0.5));
}

/// With which exponent the increase for each added ln(width) follows the width; a logarithm has 0.
fn increase(grid: &Grid, sample: Sample<'_>) -> f64 {
    let points = grid.at(&grid.means(sample, &TOTAL));
    let between = |pair: &[(f64, f64)]| {
        let rate = (pair[1].1 - pair[0].1) / (pair[1].0 / pair[0].0).ln();
        ((pair[0].0 * pair[1].0).sqrt(), rate)
    };
    exponent(&points.windows(2).map(between).collect::<Vec<_>>())
}

fn most_normal(grid: &Grid, sample: Sample<'_>) -> f64 {
    grid.argmax(sample, &W)
}

fn normality(c: &mut C<'_>, grid: &Grid) {
    let above = |accuracy: &'static Quantity<Net>| {
        let name = accuracy.name;
        let words = format!("doublings from the width of the best mean {name} to W's largest mean");
        grid.doublings(&words, most_normal, |g, s| g.argmax(s, accuracy))
    };
    c.lies("J2", above(&TEST), Margin::Within(-0.5, 2.0))
        .flaw("accuracy was measured on the training images", above(&TRAIN));
    let words = "largest mean W less the larger of those at the narrowest and the widest width";
    let lead = grid.statistic(words, |g, s| {
        let means = g.means(s, &W);
        let ends = means[0].max(means[means.len() - 1]);
        most(means) - ends
    });
    c.lies("J3-direction", lead, ABOVE);
    let words = "doublings from the knee of the validation accuracy to W's largest mean";
    c.lies("J3-size", grid.doublings(words, most_normal, Grid::knee), ABOVE);
}

/// The largest; NaN where none is defined.
fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NAN, f64::max)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A mixture's share of idle units, in all nets of a width together and in each.
fn idle(c: &mut C<'_>, grid: &Grid, id: &str, per_net: Quantity<Net>, pooled: fn(&Pooled) -> f64) {
    let (name, busy) = (per_net.name, Margin::LessThan(IDLE_SHARE));
    let narrow = |width: f64| width <= 128.0;
    let words = format!("largest {name} at widths up to 128, {POOLED}");
    let early = grid.statistic(&words, move |g, s| most(g.each_pooled(s, narrow, pooled)));
    c.lies(format!("J4-{id}-idle"), early, busy);
    let words = format!("largest mean {name} at widths up to 128, fitted per net");
    let early = grid.statistic(&words, move |g, s| {
        let points = g.at(&g.means(s, &per_net)).into_iter();
        most(points.filter(|(width, _)| narrow(*width)).map(|(_, share)| share))
    });
    c.lies(format!("J4-{id}-idle-net"), early, busy);
    let words = format!("doublings from the knee to the widest width with {name} below {IDLE_SHARE}, {POOLED}");
    let size = grid.doublings(&words, move |g, s| g.last_busy(s, pooled), Grid::knee);
    c.lies(format!("J4-{id}-size"), size, BELOW);
    let words = format!("doublings from the knee to the last width before mean {name} reaches {IDLE_SHARE}, per net");
    let size = grid.doublings(&words, move |g, s| g.first_idle(s, &per_net), Grid::knee);
    c.lies(format!("J4-{id}-size-net"), size, BELOW);
}

fn two_gammas(c: &mut C<'_>, grid: &Grid) {
    let over_widths = |words, of: fn(&Pooled) -> f64| {
        let words = format!("{words}, mean over widths, {POOLED}");
        grid.statistic(&words, move |g, s| mean(&g.each_pooled(s, |_| true, of)))
    };
    let words = "log-likelihood per unit of two gammas less that of exponential + normal";
    c.lies("J4-fit", over_widths(words, Pooled::gain).in_unit("nats"), ABOVE);
    let words = "π of exponential + normal less π of two gammas";
    let over = over_widths(words, |fit| fit.exp_share() - fit.gamma_share());
    c.lies("J4-over", over, ABOVE);
    let words = "widths up to the knee at which the low gamma is a bell too, with a shape above 1, replicas pooled";
    let bells = grid.statistic(words, |g, s| {
        let knee = g.knee(s);
        let shapes = g.each_pooled(s, |width| width <= knee, Pooled::low_shape);
        shapes.into_iter().filter(|shape| *shape > 1.0).count() as f64
    });
    c.lies("J4-bell", bells.in_unit("widths"), Margin::GreaterThan(0.5));
}

const EVERY_SEED: &str = "with components of every seed";

fn components(c: &mut C<'_>, study: &Study<Net>, grid: &Grid) {
    let all = some(study, &grid.set, EVERY_SEED, of_every_seed);
    let mistake = "the study took columns of the component matrix for its rows";
    c.lies("J6-line", LEFT.mean_over(&all), Margin::Within(0.4, 0.6))
        .flaw(mistake, LEFT_WRONG.mean_over(&all))
        .regardless_of(&EPOCHS);
    let words = "the eigenvalues add up to the units' variances, within 10⁻⁴";
    c.identity("J6-sum", words, &on(&grid.set), |net| {
        net.spectrum().map(|s| close(s.eigenvalue_sum, s.total_variance, 1e-4))
    });
    let words = "measured image by image up to 128 units, a quarter of the components leaves the other eigenvalues, within 10⁻³";
    c.identity("J6-residual", words, &on(&grid.set), |net| {
        let measured = net.spectrum().filter(|s| s.checked_residual.is_finite());
        measured.map(|s| close(s.checked_residual, s.expected_residual, 1e-3))
    });
}

/// Whether every seed's components were computed: at the widths next to those at which the study looked.
fn of_every_seed(width: f64) -> bool {
    let near = |theirs: &usize| (width / *theirs as f64).log2().abs() < 0.25;
    width <= WIDE && crate::STUDY_COMPONENT_WIDTHS.iter().any(near)
}

fn close(a: f64, b: f64, within: f64) -> bool {
    (a / b - 1.0).abs() <= within
}

/// Declares what only the study's numbers can test: the widths that count as W's largest, and the place of the cliff.
fn published(c: &mut C<'_>, grid: &Grid, normal: Margin, cliff: Margin) {
    let widest = grid.statistic("width with the largest mean W", most_normal);
    c.reproduces("J1-normal", widest.in_unit("units"), normal);
    let at = CLIFF.at(&on(&grid.set).and(WIDTH.is(WIDE)));
    c.reproduces("J6-cliff", at, cliff).regardless_of(&EPOCHS);
}

/// How the slopes of the study's lines follow the width.
fn slopes(c: &mut C<'_>, study: &Study<Net>, grid: &Grid, above: f64, measure: Measure, zone: Margin) {
    let seen = |width: f64| width > above && of_every_seed(width);
    let lines = some(study, &grid.set, EVERY_SEED, seen);
    c.trend("J6-slope", &SLOPE, &WIDTH, &lines, measure, zone);
}

/// A width that a data set's rows choose.
type Choice = fn(&Grid, Sample<'_>) -> f64;

/// Declares the study's expectations of a harder set.
pub fn of_both<'s>(study: &'s Study<Net>, easy: &Grid, hard: &Grid) -> C<'s> {
    let mut claims = Claims::of(study, &study.sets[0].name).said(include_str!("study.md"), &hard.set);
    let c = &mut claims;
    let busiest = |mixture: Quantity<Net>| format!("the widest width with {} below 0.05, pooled,", mixture.name);
    let (knee, normal) = ("the knee of the validation accuracy", "W's largest mean");
    let (exp, gamma): (Choice, Choice) = (
        |g, s| g.last_busy(s, Pooled::exp_share),
        |g, s| g.last_busy(s, Pooled::gamma_share),
    );
    let choices: [(&str, String, Choice); 4] = [
        ("J5-plateau", knee.to_owned(), Grid::knee),
        ("J5-normal", normal.to_owned(), most_normal),
        ("J5-exp", busiest(EXP), exp),
        ("J5-gamma", busiest(GAMMA), gamma),
    ];
    for (id, what, choose) in choices {
        let words = format!("doublings from {what} on {} to that on {}", easy.set, hard.set);
        let (first, second) = (easy.clone(), hard.clone());
        let ratio = move |s: &[&Nets<Net>]| (choose(&second, s) / choose(&first, s)).log2();
        let apart = Statistic::custom(words, &Where::all(), ratio).in_unit("doublings");
        c.lies(id, apart, ABOVE);
    }
    let (theirs, ours) = (on(&hard.set), on(&easy.set));
    let [harder, easier] = [&theirs, &ours].map(|set| LOG_MEDIAN.mean_over(set));
    c.larger("J5-right", harder, easier, &DATA);
    let [harder, easier] = [&theirs, &ours].map(|set| MEAN.at(&set.also(&WIDTH.is(NARROW))));
    c.smaller("J5-active", harder, easier, &DATA);
    let [harder, easier] = [&theirs, &ours].map(|set| IDLE.at(&set.also(&WIDTH.is(OVERSIZED))));
    c.larger("J5-idle", harder, easier, &DATA);
    let [harder, easier] = [&theirs, &ours].map(|set| DEAD.last(&WIDTH, set));
    c.smaller("J5-dead", harder, easier, &DATA);
    claims
}
