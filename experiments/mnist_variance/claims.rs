//! What study 003 claimed, what is compared to test it, and where each claim holds.

use espalier_report::page::Margin;
use espalier_study::{Claims, Measure, Quantity, Statistic, Study, Where};

use crate::grid::{Grid, IDLE_SHARE, Sample};
use crate::pooled::Pooled;
use crate::runs::{
    CLIFF, DATA, DEAD, DEAD_SHARE, EPOCHS, EXP, GAMMA, IDLE, LEFT, LEFT_WRONG, LOG_MEDIAN, MEAN, MEDIAN, Net, SLOPE,
    TEST, TOTAL, TRAIN, W, WIDTH, on, some,
};

/// The widths at which the study compared densities, too narrow and too wide.
const NARROW: f64 = 362.0;
const OVERSIZED: f64 = 2896.0;
/// From this width on dead units are common enough to grow by a law, and the inputs have fewer directions than the layer.
const WIDE: f64 = 1024.0;

/// What the study reported of one data set.
struct Published {
    /// W's argmax, and the widths that count as it: its neighbours.
    most_normal: (&'static str, Margin),
    total_spread: &'static str,
    dead: &'static str,
    /// Where the explained variance breaks off.
    cliff: (&'static str, Margin),
    idle: &'static str,
    /// The slopes of the reconstruction error's lines: in words, and how they follow widths from one on.
    slopes: (&'static str, f64, Measure, Margin),
}

const MNIST: Published = Published {
    most_normal: ("256 units", Margin::Within(181.0, 362.0)),
    total_spread: "a clean log curve, ≈2 475 per net at 11 585 units",
    dead: "≈4 090 of 11 585 per net",
    cliff: ("≈710", Margin::Within(700.0, 720.0)),
    idle: "π < .05 up to 128 units",
    slopes: (
        "parallel beyond ≈350 units",
        350.0,
        Measure::Exponent,
        Margin::Within(-0.1, 0.1),
    ),
};

const FASHION: Published = Published {
    most_normal: ("22 units", Margin::Within(16.0, 32.0)),
    total_spread: "≈1 750 per net at 11 585 units",
    dead: "≈144 of 11 585 per net",
    cliff: ("≈784", Margin::Within(775.0, 784.0)),
    idle: "π not monotone, up to .80 near 724 units",
    slopes: ("just noise", 0.0, Measure::Rank, Margin::Within(-0.5, 0.5)),
};

/// A mixture with its share of idle units, in all nets of a width and in one.
struct Mixture {
    id: &'static str,
    name: &'static str,
    pooled: fn(Pooled) -> f64,
    per_net: Quantity<Net>,
}

const MIXTURES: [Mixture; 2] = [
    Mixture {
        id: "exp",
        name: "exponential + normal",
        pooled: |fit| fit.exp_share,
        per_net: EXP,
    },
    Mixture {
        id: "gamma",
        name: "two gammas",
        pooled: |fit| fit.gamma_share,
        per_net: GAMMA,
    },
];

/// Declares the claims about one data set; for a set that the study did not use, those without its numbers.
pub fn of<'s>(study: &'s Study<Net>, grid: &Grid) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, &study.sets[0].name);
    let published = match grid.set.as_str() {
        "mnist" => Some(&MNIST),
        "fashion-mnist" => Some(&FASHION),
        _ => None,
    };
    if let Some(published) = published {
        spreads(&mut claims, study, grid, published);
    }
    normality(&mut claims, grid);
    for mixture in &MIXTURES {
        idle(&mut claims, grid, mixture, published.map_or("", |p| p.idle));
    }
    two_gammas(&mut claims, grid);
    if let Some(published) = published {
        lines(&mut claims, study, grid, published);
    }
    components(&mut claims, study, grid);
    claims
}

fn spreads(c: &mut Claims<'_, Net>, study: &Study<Net>, grid: &Grid, p: &Published) {
    let normal = grid.statistic("width with the largest mean W", |g, s| g.argmax(s, &W));
    c.reproduces("J1-normal", normal.in_unit("units"), p.most_normal.1)
        .study("per-unit spreads are most normal at this width", p.most_normal.0)
        .figure("normality");
    let words = "exponent with which the increase of the mean total spread per added ln(width) follows the width";
    c.shape("J1-log", grid.statistic(words, increase), Margin::Within(-0.2, 0.2))
        .study("the total spread grows like a logarithm of the width", p.total_spread)
        .figure("total-spread");
    c.trend(
        "J1-mass",
        &MEDIAN,
        &WIDTH,
        &on(&grid.set),
        Measure::Rank,
        Margin::LessThan(-0.9),
    )
    .study(
        "the mass of the spreads moves towards 0 as the width grows",
        "seen in the densities",
    )
    .figure("densities");
    let wide = some(study, &grid.set, "widths from 1 024 on", |width| width >= WIDE);
    c.trend(
        "J1-dead",
        &DEAD,
        &WIDTH,
        &wide,
        Measure::Exponent,
        Margin::Within(0.8, 1.2),
    )
    .study("dead units grow about linearly beyond a knee", p.dead)
    .figure("dead-units");
    c.lies(
        "J1-sign",
        DEAD_SHARE.last(&WIDTH, &on(&grid.set)),
        Margin::GreaterThan(0.5),
    )
    .study("an oversized layer has more dead units than active ones", p.dead)
    .figure("dead-units");
}

/// With which exponent the increase for each added ln(width) follows the width; a logarithm has 0.
fn increase(grid: &Grid, sample: Sample<'_>) -> f64 {
    let (widths, total) = (&grid.widths, grid.means(sample, &TOTAL));
    let at = |i: usize| {
        let step = (widths[i + 1] / widths[i]).ln();
        ((widths[i] * widths[i + 1]).sqrt(), (total[i + 1] - total[i]) / step)
    };
    let points: Vec<(f64, f64)> = (0..widths.len().saturating_sub(1)).map(at).collect();
    crate::grid::exponent(&points)
}

fn normality(c: &mut Claims<'_, Net>, grid: &Grid) {
    let above = |accuracy: &'static Quantity<Net>, words| {
        let distance = move |g: &Grid, s: Sample<'_>| (g.argmax(s, &W) / g.argmax(s, accuracy)).log2();
        grid.statistic(
            format!("doublings from the width of the best mean {words} accuracy to W's largest mean"),
            distance,
        )
        .in_unit("doublings")
    };
    c.lies("J2", above(&TEST, "test"), Margin::Within(-0.5, 2.0))
        .study(
            "W is largest where accuracy is best, or a bit above",
            "both peak around the same size",
        )
        .flaw("accuracy was measured on the training images", above(&TRAIN, "train"))
        .figure("accuracy-test");
    let lead = grid.statistic(
        "largest mean W less the larger of those at both ends of the grid",
        |g, s| {
            let means = g.means(s, &W);
            let most = means.iter().copied().fold(f64::NAN, f64::max);
            (most - means[0]).min(most - means[means.len() - 1])
        },
    );
    c.lies("J3-direction", lead, Margin::GreaterThan(0.0))
        .study(
            "W does not tell whether to grow or to shrink: it falls on both sides",
            "stated",
        )
        .figure("normality");
    let over = grid.statistic(
        "doublings from the knee of the validation accuracy to W's largest mean",
        |g, s| (g.argmax(s, &W) / g.knee(s)).log2(),
    );
    c.lies("J3-size", over.in_unit("doublings"), Margin::GreaterThan(0.0))
        .study("W over-estimates the size that is needed", "on average")
        .figure("chosen-widths");
}

/// The largest; NaN where none is defined.
fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NAN, f64::max)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn idle(c: &mut Claims<'_, Net>, grid: &Grid, mixture: &Mixture, published: &str) {
    let (id, name, pooled, per_net) = (mixture.id, mixture.name, mixture.pooled, mixture.per_net);
    let narrow = |width: f64| width <= 128.0;
    let early = grid.statistic(
        format!("largest π of {name} at widths up to 128, replicas pooled"),
        move |g, s| most(g.each_pooled(s, narrow, pooled)),
    );
    if !published.is_empty() {
        c.lies(format!("J4-{id}-idle"), early, Margin::LessThan(IDLE_SHARE))
            .study(
                format!("π of {name} stays below {IDLE_SHARE} up to 128 units"),
                published,
            )
            .figure("metrics");
    }
    let early = grid.statistic(
        format!("largest mean π of {name} at widths up to 128, fitted per net"),
        move |g, s| {
            let means = g.means(s, &per_net);
            most(
                g.widths
                    .iter()
                    .zip(means)
                    .filter(|(width, _)| narrow(**width))
                    .map(|(_, share)| share),
            )
        },
    );
    c.lies(format!("J4-{id}-idle-net"), early, Margin::LessThan(IDLE_SHARE))
        .figure("metrics");
    let words = format!(
        "doublings from the knee of the validation accuracy to the widest width with π of {name} below {IDLE_SHARE}, pooled"
    );
    let size = grid.statistic(words, move |g, s| (g.last_busy(s, pooled) / g.knee(s)).log2());
    c.lies(
        format!("J4-{id}-size"),
        size.in_unit("doublings"),
        Margin::LessThan(0.0),
    )
    .study(
        format!("{name} under-estimates the size that is needed"),
        "all variance metrics do, moderately",
    )
    .figure("chosen-widths");
    let words =
        format!("doublings from the knee to the last width before the mean π of {name} reaches {IDLE_SHARE}, per net");
    let size = grid.statistic(words, move |g, s| {
        (g.before(g.means(s, &per_net), IDLE_SHARE) / g.knee(s)).log2()
    });
    c.lies(
        format!("J4-{id}-size-net"),
        size.in_unit("doublings"),
        Margin::LessThan(0.0),
    )
    .figure("chosen-widths");
}

fn two_gammas(c: &mut Claims<'_, Net>, grid: &Grid) {
    let all = |_: f64| true;
    let gain = grid.statistic(
        "log-likelihood of two gammas less that of exponential + normal, nats per unit, mean over widths, pooled",
        move |g, s| mean(&g.each_pooled(s, all, |fit| fit.gain)),
    );
    c.lies("J4-fit", gain, Margin::GreaterThan(0.0))
        .study("two gammas fit better than exponential + normal", "stated")
        .figure("pooled");
    let over = grid.statistic(
        "π of exponential + normal less π of two gammas, mean over widths, pooled",
        move |g, s| mean(&g.each_pooled(s, all, |fit| fit.exp_share - fit.gamma_share)),
    );
    c.lies("J4-over", over, Margin::GreaterThan(0.0))
        .study(
            "exponential + normal over-estimates the dead units, against two gammas",
            "a tendency",
        )
        .figure("pooled");
    let bells = grid.statistic(
        "widths up to the knee at which the low gamma is a bell too, with a shape above 1, pooled",
        |g, s| {
            let knee = g.knee(s);
            let bells = g.each_pooled(s, |width| width <= knee, |fit| f64::from(u8::from(fit.low_shape > 1.0)));
            bells.iter().sum()
        },
    );
    c.lies("J4-bell", bells.in_unit("widths"), Margin::GreaterThan(0.5))
        .study(
            "two gammas may split the one bell of a layer that is not too wide",
            "stated",
        )
        .figure("pooled");
}

fn components(c: &mut Claims<'_, Net>, study: &Study<Net>, grid: &Grid) {
    let of_every_seed = some(study, &grid.set, "widths up to 1 024 with components", |width| {
        shown(width) && width <= WIDE
    });
    c.lies("J6-line", LEFT.mean_over(&of_every_seed), Margin::Within(0.4, 0.6))
        .study(
            "reconstruction error falls in a straight line with the components kept: all are equal",
            "a line leaves 0.5",
        )
        .flaw(
            "the study took columns of the component matrix for its rows",
            LEFT_WRONG.mean_over(&of_every_seed),
        )
        .regardless_of(&EPOCHS)
        .figure("pca-residual");
    let measured = on(&grid.set);
    c.identity(
        "J6-sum",
        "the eigenvalues add up to the units' variances, within 10⁻⁴",
        &measured,
        |net| {
            net.spectrum
                .as_ref()
                .is_none_or(|s| close(s.eigenvalue_sum, s.total_variance, 1e-4))
        },
    );
    c.identity("J6-residual", "a quarter of the components leaves the sum of the others' eigenvalues, image by image up to 128 units, within 10⁻³", &measured, |net| {
        let measured = net.spectrum.as_ref().filter(|s| s.checked_residual.is_finite());
        measured.is_none_or(|s| close(s.checked_residual, s.expected_residual, 1e-3))
    });
}

/// Whether the study looked at the components of a width, or ours stands next to one at which it did.
fn shown(width: f64) -> bool {
    crate::STUDY_COMPONENT_WIDTHS
        .iter()
        .any(|theirs| (width / *theirs as f64).log2().abs() < 0.25)
}

fn close(a: f64, b: f64, within: f64) -> bool {
    (a / b - 1.0).abs() <= within
}

fn lines(c: &mut Claims<'_, Net>, study: &Study<Net>, grid: &Grid, p: &Published) {
    let cliff = some(study, &grid.set, "1 024 units", |width| width == WIDE);
    c.reproduces("J6-cliff", CLIFF.at(&cliff), p.cliff.1)
        .study(
            "from 1 024 units on the explained variance breaks off at this component",
            p.cliff.0,
        )
        .regardless_of(&EPOCHS)
        .figure("pca-spectra");
    let (words, from, measure, zone) = p.slopes;
    let chosen = move |width: f64| shown(width) && width <= WIDE && width > from;
    let widths = some(study, &grid.set, "with components", chosen);
    c.trend("J6-slope", &SLOPE, &WIDTH, &widths, measure, zone)
        .study(format!("the slopes of the reconstruction error are {words}"), words)
        .figure("pca-residual");
}

/// Declares the study's expectations of a harder set, MNIST beside Fashion-MNIST.
pub fn of_both<'s>(study: &'s Study<Net>, easy: &Grid, hard: &Grid) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, &study.sets[0].name);
    later(&mut claims, easy, hard);
    let c = &mut claims;
    let (theirs, ours) = (on(&hard.set), on(&easy.set));
    let at = |width: f64| (theirs.clone().and(WIDTH.is(width)), ours.clone().and(WIDTH.is(width)));
    let (narrow, oversized) = (at(NARROW), at(OVERSIZED));
    c.larger(
        "J5-right",
        LOG_MEDIAN.mean_over(&theirs),
        LOG_MEDIAN.mean_over(&ours),
        &DATA,
    )
    .study(
        "on Fashion-MNIST the spreads are larger: their distributions lie further right",
        "expected; failed: they lie further left",
    )
    .figure("densities");
    c.smaller("J5-active", MEAN.at(&narrow.0), MEAN.at(&narrow.1), &DATA)
        .study(
            "at 362 units, too few, the average activation is higher on the simpler set",
            "seen in the densities",
        )
        .figure("densities");
    c.larger("J5-idle", IDLE.at(&oversized.0), IDLE.at(&oversized.1), &DATA)
        .study(
            "at 2 896 units, too many, more units are idle on the harder set",
            "seen in the densities",
        )
        .figure("densities");
    c.smaller("J5-dead", DEAD.last(&WIDTH, &theirs), DEAD.last(&WIDTH, &ours), &DATA)
        .study(
            "dead units are the exception: they come later on the harder set",
            "≈144 against ≈4 090 of 11 585",
        )
        .figure("dead-units");
    claims
}

/// What should come at larger widths on the harder set.
fn later(c: &mut Claims<'_, Net>, easy: &Grid, hard: &Grid) {
    let mut claim = |id: &str, what: &str, study: &str, choose: fn(&Grid, Sample<'_>) -> f64| {
        let (first, second) = (easy.clone(), hard.clone());
        let both = Where::all();
        let words = format!("doublings from {what} on {} to that on {}", easy.set, hard.set);
        let ratio = Statistic::custom(words, &both, move |s| (choose(&second, s) / choose(&first, s)).log2());
        c.lies(id, ratio.in_unit("doublings"), Margin::GreaterThan(0.0))
            .study(format!("on Fashion-MNIST {what} comes at larger widths"), study)
            .figure("chosen-widths");
    };
    claim(
        "J5-plateau",
        "the plateau of the accuracy",
        "held: ≈1 024 against 256 units",
        Grid::knee,
    );
    claim(
        "J5-normal",
        "W's largest value",
        "failed: 22 against 256 units",
        |g, s| g.argmax(s, &W),
    );
    claim(
        "J5-exp",
        "the choice by π of exponential + normal",
        "failed: π not monotone",
        |g, s| g.last_busy(s, |fit| fit.exp_share),
    );
    claim(
        "J5-gamma",
        "the choice by π of two gammas",
        "failed: π not monotone",
        |g, s| g.last_busy(s, |fit| fit.gamma_share),
    );
}
