//! What study 003 claimed, what is compared to test it, and where each claim holds.

use espalier_study::prelude::*;
use espalier_study::standard::EPOCHS;

use crate::grid::{Grid, IDLE_SHARE, Sample, exponent};
use crate::pooled::Pooled;
use crate::runs::{
    CLIFF, DATA, DEAD, DEAD_SHARE, EXP, GAMMA, IDLE, LEFT, LEFT_WRONG, LOG_MEDIAN, MEAN, MEDIAN, Net, SLOPE, TEST,
    TOTAL, TRAIN, W, WIDTH, on, some,
};

/// The widths at which the study compared densities, too narrow and too wide.
const NARROW: f64 = 362.0;
const OVERSIZED: f64 = 2896.0;
/// From this width on dead units grow by a law, and the inputs have fewer directions than the layer; it is also the
/// widest of which every seed has components.
const WIDE: f64 = 1024.0;

/// A mixture's share of idle units, in all nets of a width together and in each.
struct Idle {
    id: &'static str,
    name: &'static str,
    pooled: fn(Pooled) -> f64,
    per_net: Quantity<Net>,
}

const MIXTURES: [Idle; 2] = [
    Idle {
        id: "exp",
        name: EXP.name,
        pooled: |fit| fit.exp_share,
        per_net: EXP,
    },
    Idle {
        id: "gamma",
        name: GAMMA.name,
        pooled: |fit| fit.gamma_share,
        per_net: GAMMA,
    },
];

type C<'s> = Claims<'s, Net>;

/// Declares the claims about one data set; for a set that the study did not use, those without its numbers.
pub fn of<'s>(study: &'s Study<Net>, grid: &Grid) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, &study.sets[0].name).said(include_str!("study.md"), &grid.set);
    let c = &mut claims;
    spreads(c, study, grid);
    normality(c, grid);
    for mixture in &MIXTURES {
        idle(c, grid, mixture);
    }
    two_gammas(c, grid);
    components(c, study, grid);
    match grid.set.as_str() {
        "mnist" => published(c, study, grid, [(181.0, 362.0), (700.0, 720.0)]),
        "fashion-mnist" => published(c, study, grid, [(16.0, 32.0), (775.0, 784.0)]),
        _ => {}
    }
    claims
}

fn spreads(c: &mut C<'_>, study: &Study<Net>, grid: &Grid) {
    let (set, all) = (&grid.set, on(&grid.set));
    let words = "exponent with which the increase of the mean total spread per added ln(width) follows the width";
    let (increase, flat) = (grid.statistic(words, increase), Margin::Within(-0.2, 0.2));
    c.shape("J1-log", increase, flat).figure("total-spread");
    let falls = Margin::LessThan(-0.9);
    let mass = c.trend("J1-mass", &MEDIAN, &WIDTH, &all, Measure::Rank, falls);
    mass.figure("densities");
    let (wide, linear) = (
        some(study, set, "from 1 024 units on", |width| width >= WIDE),
        Margin::Within(0.8, 1.2),
    );
    let dead = c.trend("J1-dead", &DEAD, &WIDTH, &wide, Measure::Exponent, linear);
    dead.figure("dead-units");
    let widest = DEAD_SHARE.last(&WIDTH, &all);
    c.lies("J1-sign", widest, Margin::GreaterThan(0.5)).figure("dead-units");
}

/// With which exponent the increase for each added ln(width) follows the width; a logarithm has 0.
fn increase(grid: &Grid, sample: Sample<'_>) -> f64 {
    let points: Vec<_> = grid.widths.iter().copied().zip(grid.means(sample, &TOTAL)).collect();
    let between = |pair: &[(f64, f64)]| {
        let rate = (pair[1].1 - pair[0].1) / (pair[1].0 / pair[0].0).ln();
        ((pair[0].0 * pair[1].0).sqrt(), rate)
    };
    exponent(&points.windows(2).map(between).collect::<Vec<_>>())
}

fn normality(c: &mut C<'_>, grid: &Grid) {
    let above = |accuracy: &'static Quantity<Net>| {
        let words = format!(
            "doublings from the width of the best mean {} to W's largest mean",
            accuracy.name
        );
        let apart = grid.statistic(words, move |g, s| (g.argmax(s, &W) / g.argmax(s, accuracy)).log2());
        apart.in_unit("doublings")
    };
    c.lies("J2", above(&TEST), Margin::Within(-0.5, 2.0))
        .figure("accuracy-test")
        .flaw("accuracy was measured on the training images", above(&TRAIN));
    let words = "largest mean W less the larger of those at the narrowest and the widest width";
    let lead = grid.statistic(words, |g, s| {
        let means = g.means(s, &W);
        let ends = means[0].max(means[means.len() - 1]);
        most(means) - ends
    });
    c.lies("J3-direction", lead, Margin::GreaterThan(0.0))
        .figure("normality");
    let words = "doublings from the knee of the validation accuracy to W's largest mean";
    let over = grid
        .statistic(words, |g, s| (g.argmax(s, &W) / g.knee(s)).log2())
        .in_unit("doublings");
    c.lies("J3-size", over, Margin::GreaterThan(0.0))
        .figure("chosen-widths");
}

/// The largest; NaN where none is defined.
fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NAN, f64::max)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn idle(c: &mut C<'_>, grid: &Grid, mixture: &Idle) {
    let (id, name, pooled, per_net) = (mixture.id, mixture.name, mixture.pooled, mixture.per_net);
    let (narrow, busy) = (|width: f64| width <= 128.0, Margin::LessThan(IDLE_SHARE));
    let words = format!("largest {name} at widths up to 128, replicas pooled");
    let early = grid.statistic(words, move |g, s| most(g.each_pooled(s, narrow, pooled)));
    c.lies(format!("J4-{id}-idle"), early, busy).figure("pooled");
    let words = format!("largest mean {name} at widths up to 128, fitted per net");
    let early = grid.statistic(words, move |g, s| {
        let points = g.widths.iter().zip(g.means(s, &per_net));
        most(points.filter(|(width, _)| narrow(**width)).map(|(_, share)| share))
    });
    c.lies(format!("J4-{id}-idle-net"), early, busy).figure("metrics");
    let words = format!("doublings from the knee to the widest width with {name} below {IDLE_SHARE}, replicas pooled");
    let size = grid.statistic(words, move |g, s| (g.last_busy(s, pooled) / g.knee(s)).log2());
    let (size, below) = (size.in_unit("doublings"), Margin::LessThan(0.0));
    c.lies(format!("J4-{id}-size"), size, below).figure("chosen-widths");
    let words = format!("doublings from the knee to the last width before mean {name} reaches {IDLE_SHARE}, per net");
    let choice = move |g: &Grid, s: Sample<'_>| g.before(g.means(s, &per_net), IDLE_SHARE);
    let size = grid.statistic(words, move |g, s| (choice(g, s) / g.knee(s)).log2());
    c.lies(format!("J4-{id}-size-net"), size.in_unit("doublings"), below)
        .figure("chosen-widths");
}

fn two_gammas(c: &mut C<'_>, grid: &Grid) {
    let over_widths = |words, of: fn(Pooled) -> f64| {
        let words = format!("{words}, mean over widths, replicas pooled");
        grid.statistic(words, move |g, s| mean(&g.each_pooled(s, |_| true, of)))
    };
    let words = "log-likelihood per unit of two gammas less that of exponential + normal";
    let gain = over_widths(words, |fit| fit.gain).in_unit("nats");
    c.lies("J4-fit", gain, Margin::GreaterThan(0.0)).figure("pooled");
    let words = "π of exponential + normal less π of two gammas";
    let over = over_widths(words, |fit| fit.exp_share - fit.gamma_share);
    c.lies("J4-over", over, Margin::GreaterThan(0.0)).figure("pooled");
    let words = "widths up to the knee at which the low gamma is a bell too, with a shape above 1, replicas pooled";
    let bell = |fit: Pooled| f64::from(u8::from(fit.low_shape > 1.0));
    let bells = grid.statistic(words, move |g, s| {
        let knee = g.knee(s);
        g.each_pooled(s, |width| width <= knee, bell).iter().sum()
    });
    c.lies("J4-bell", bells.in_unit("widths"), Margin::GreaterThan(0.5))
        .figure("pooled");
}

fn components(c: &mut C<'_>, study: &Study<Net>, grid: &Grid) {
    let all = some(study, &grid.set, "with components of every seed", of_every_seed);
    c.lies("J6-line", LEFT.mean_over(&all), Margin::Within(0.4, 0.6))
        .figure("pca-residual")
        .flaw(
            "the study took columns of the component matrix for its rows",
            LEFT_WRONG.mean_over(&all),
        )
        .regardless_of(&EPOCHS);
    let words = "the eigenvalues add up to the units' variances, within 10⁻⁴";
    c.identity("J6-sum", words, &on(&grid.set), |net| {
        let measured = net.spectrum.as_ref();
        measured.map(|s| close(s.eigenvalue_sum, s.total_variance, 1e-4))
    });
    let words = "measured image by image up to 128 units, a quarter of the components leaves the other eigenvalues, within 10⁻³";
    c.identity("J6-residual", words, &on(&grid.set), |net| {
        let measured = net.spectrum.as_ref().filter(|s| s.checked_residual.is_finite());
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

/// Declares what only the study's numbers can test: the widths that count as W's largest, the place of the cliff, and how the
/// slopes follow the width.
fn published(c: &mut C<'_>, study: &Study<Net>, grid: &Grid, [normal, cliff]: [(f64, f64); 2]) {
    let (set, within) = (&grid.set, |(low, high)| Margin::Within(low, high));
    let widest = grid
        .statistic("width with the largest mean W", |g, s| g.argmax(s, &W))
        .in_unit("units");
    c.reproduces("J1-normal", widest, within(normal)).figure("normality");
    let at = CLIFF.at(&on(set).and(WIDTH.is(WIDE)));
    c.reproduces("J6-cliff", at, within(cliff))
        .regardless_of(&EPOCHS)
        .figure("pca-spectra");
    let (from, measure, zone) = match set.as_str() {
        "mnist" => (350.0, Measure::Exponent, Margin::Within(-0.1, 0.1)),
        _ => (0.0, Measure::Rank, Margin::Within(-0.5, 0.5)),
    };
    let lines = some(study, set, "with components of every seed", |width| {
        width > from && of_every_seed(width)
    });
    c.trend("J6-slope", &SLOPE, &WIDTH, &lines, measure, zone)
        .figure("pca-residual");
}

/// A width that a data set's rows choose.
type Choice = fn(&Grid, Sample<'_>) -> f64;

/// Declares the study's expectations of a harder set.
pub fn of_both<'s>(study: &'s Study<Net>, easy: &Grid, hard: &Grid) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, &study.sets[0].name).said(include_str!("study.md"), &hard.set);
    let c = &mut claims;
    let choices: [(&str, &str, Choice); 4] = [
        ("J5-plateau", "the knee of the validation accuracy", Grid::knee),
        ("J5-normal", "W's largest mean", |g, s| g.argmax(s, &W)),
        (
            "J5-exp",
            "the widest width with π of exponential + normal below 0.05, pooled,",
            |g, s| g.last_busy(s, |fit| fit.exp_share),
        ),
        (
            "J5-gamma",
            "the widest width with π of two gammas below 0.05, pooled,",
            |g, s| g.last_busy(s, |fit| fit.gamma_share),
        ),
    ];
    for (id, what, choose) in choices {
        let words = format!("doublings from {what} on {} to that on {}", easy.set, hard.set);
        let (first, second) = (easy.clone(), hard.clone());
        let ratio = Statistic::custom(words, &Where::all(), move |s| {
            (choose(&second, s) / choose(&first, s)).log2()
        });
        c.lies(id, ratio.in_unit("doublings"), Margin::GreaterThan(0.0))
            .figure("chosen-widths");
    }
    let (theirs, ours) = (on(&hard.set), on(&easy.set));
    let at = |set: &Where, width: f64| set.clone().and(WIDTH.is(width));
    let right = c.larger(
        "J5-right",
        LOG_MEDIAN.mean_over(&theirs),
        LOG_MEDIAN.mean_over(&ours),
        &DATA,
    );
    right.figure("densities");
    let [hard_side, easy_side] = [&theirs, &ours].map(|set| MEAN.at(&at(set, NARROW)));
    c.smaller("J5-active", hard_side, easy_side, &DATA).figure("densities");
    let [hard_side, easy_side] = [&theirs, &ours].map(|set| IDLE.at(&at(set, OVERSIZED)));
    c.larger("J5-idle", hard_side, easy_side, &DATA).figure("densities");
    let [hard_side, easy_side] = [&theirs, &ours].map(|set| DEAD.last(&WIDTH, set));
    c.smaller("J5-dead", hard_side, easy_side, &DATA).figure("dead-units");
    claims
}
