//! What study 003 claimed, the statistic that tests it, and where each claim holds.

use espalier_metrics::spearman;
use espalier_report::page::{Claim, Margin};
use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;

use crate::choices::{Choose, IDLE_SHARE, exp_normal, knee, two_gamma};
use crate::curves::{Curves, Metric, Run, argmax, line_r_squared, log_r_squared, means, widths};
use crate::rows::Spectrum;

const W: Metric = |net| net.summary.shapiro_w;
const TEST: Metric = |net| net.summary.test_accuracy;
const TRAIN: Metric = |net| net.summary.train_accuracy;
const TOTAL_SPREAD: Metric = |net| net.summary.total_spread;
/// The least share of a curve's variance that "grows like" should explain.
const GOOD_FIT: f64 = 0.95;

/// What the study reported of one data set.
struct Published {
    /// W's argmax, and the widths that count as it: its neighbours.
    most_normal: &'static str,
    most_normal_within: Margin,
    total_spread: &'static str,
    dead: &'static str,
    /// Where the explained variance breaks off.
    cliff: &'static str,
    cliff_within: Margin,
    idle_to_128: &'static str,
}

const MNIST: Published = Published {
    most_normal: "256 units",
    most_normal_within: Margin::Within(181.0, 362.0),
    total_spread: "a clean log curve, ≈2 475 per net at 11 585 units",
    dead: "≈4 090 of 11 585 per net",
    cliff: "≈710",
    cliff_within: Margin::Within(700.0, 720.0),
    idle_to_128: "π < .05 up to 128 units",
};

const FASHION: Published = Published {
    most_normal: "22 units",
    most_normal_within: Margin::Within(16.0, 32.0),
    total_spread: "≈1 750 per net at 11 585 units",
    dead: "≈144 of 11 585 per net",
    cliff: "≈784",
    cliff_within: Margin::Within(775.0, 784.0),
    idle_to_128: "π not monotone, up to .80 near 724 units",
};

/// States and judges the study's claims about one data set; for a set that it did not use, only those without its numbers.
pub fn of(curves: &Curves, dataset: &str) -> anyhow::Result<Vec<Claim>> {
    let published = match dataset {
        "mnist" => Some(&MNIST),
        "fashion-mnist" => Some(&FASHION),
        _ => None,
    };
    let mut claims = normality(curves, published)?;
    claims.extend(spread(curves, published)?);
    claims.push(dead(curves, published)?);
    claims.push(accuracy(curves)?);
    claims.extend(mixtures(curves, published)?);
    claims.extend(components(curves, published)?);
    Ok(claims)
}

fn judged(curves: &Curves, claim: Claim, margin: Margin, statistic: impl Fn(&[&Run]) -> f64) -> anyhow::Result<Claim> {
    if statistic(&curves.all()).is_nan() {
        return Ok(claim.open("the statistic is not defined on these widths"));
    }
    let ours = curves.estimate(&claim.id, statistic)?;
    Ok(claim.judged(ours, margin, curves.runs.len()))
}

fn normality(curves: &Curves, published: Option<&Published>) -> anyhow::Result<Vec<Claim>> {
    let Some(published) = published else {
        return Ok(Vec::new());
    };
    let claim = Claim::new("J1-normal", "per-unit spreads are most normal at this width")
        .study(published.most_normal)
        .statistic("width with the largest mean Shapiro–Wilk W")
        .unit("units");
    Ok(vec![judged(curves, claim, published.most_normal_within, |runs| {
        argmax(runs, W)
    })?])
}

fn spread(curves: &Curves, published: Option<&Published>) -> anyhow::Result<[Claim; 2]> {
    let log = Claim::new("J1-log", "the total spread grows like a logarithm of the width")
        .study(published.map_or("", |p| p.total_spread))
        .statistic("R² of the least-squares line of the mean total spread over ln(width)");
    let mass = Claim::new("J1-mass", "the mass of the spreads moves towards 0 as the width grows")
        .study("seen in the densities")
        .statistic("Spearman correlation of the mean median spread with the width");
    let falling =
        |runs: &[&Run]| spearman(&widths(runs), &means(runs, |net| net.summary.median_spread)).unwrap_or(f64::NAN);
    Ok([
        judged(curves, log, Margin::GreaterThan(GOOD_FIT), |runs| {
            log_r_squared(runs, TOTAL_SPREAD)
        })?,
        judged(curves, mass, Margin::LessThan(-0.9), falling)?,
    ])
}

fn dead(curves: &Curves, published: Option<&Published>) -> anyhow::Result<Claim> {
    let claim = Claim::new("J1-dead", "dead units grow about linearly beyond a knee")
        .study(published.map_or("", |p| p.dead))
        .statistic("R² of a straight line through the mean number of dead units, from the first width that has any");
    let count: Metric = |net| net.summary.dead_units as f64;
    let beyond = |runs: &[&Run]| -> Vec<(f64, f64)> {
        widths(runs)
            .into_iter()
            .zip(means(runs, count))
            .skip_while(|point| point.1 == 0.0)
            .collect()
    };
    let enough = beyond(&curves.all()).len();
    if enough < 4 {
        let reason = format!(
            "only {enough} of {} widths have a dead unit, a line needs 4",
            curves.widths.len()
        );
        return Ok(claim.open(&reason));
    }
    judged(curves, claim, Margin::GreaterThan(GOOD_FIT), |runs| {
        line_r_squared(&beyond(runs))
    })
}

fn accuracy(curves: &Curves) -> anyhow::Result<Claim> {
    let claim = Claim::new("J2", "W is largest where accuracy is best, or a bit above")
        .study("both peak around the same size")
        .statistic("doublings from the width of the best mean test accuracy to W's largest mean")
        .unit("doublings");
    let above = |accuracy: Metric| move |runs: &[&Run]| (argmax(runs, W) / argmax(runs, accuracy)).log2();
    if above(TEST)(&curves.all()).is_nan() {
        return Ok(claim.open("W is not defined on these widths"));
    }
    let flawed = curves.estimate("J2/train", above(TRAIN))?;
    let sound = curves.estimate("J2/test", above(TEST))?;
    let flaw = format!("accuracy was measured on the training images, with which the distance is {flawed}");
    Ok(claim.judged_with_flaw(&flaw, [flawed, sound], Margin::Within(-0.5, 2.0), curves.runs.len()))
}

fn mixtures(curves: &Curves, published: Option<&Published>) -> anyhow::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    let both: [(&str, &str, Metric, Choose); 2] = [
        (
            "exponential + normal",
            "exp",
            |net| net.summary.exp_normal_share,
            exp_normal,
        ),
        ("two gammas", "gamma", |net| net.summary.two_gamma_share, two_gamma),
    ];
    for (name, id, share, choose) in both {
        if let Some(published) = published {
            let claim = Claim::new(
                &format!("J4-{id}-idle"),
                &format!("π of {name} stays below {IDLE_SHARE} up to 128 units"),
            )
            .study(published.idle_to_128)
            .statistic("largest mean π at widths up to 128");
            claims.push(judged(curves, claim, Margin::LessThan(IDLE_SHARE), move |runs| {
                let early = widths(runs)
                    .into_iter()
                    .zip(means(runs, share))
                    .filter(|point| point.0 <= 128.0);
                early.map(|point| point.1).fold(f64::NAN, f64::max)
            })?);
        }
        let claim = Claim::new(
            &format!("J4-{id}-size"),
            &format!("{name} under-estimates the size that is needed"),
        )
        .study("all variance metrics under-estimate moderately")
        .statistic(&format!(
            "doublings from the knee of the validation accuracy to the last width with π < {IDLE_SHARE}"
        ))
        .unit("doublings");
        claims.push(judged(curves, claim, Margin::LessThan(0.0), move |runs| {
            (choose(runs) / knee(runs)).log2()
        })?);
    }
    Ok(claims)
}

/// The mean of a number of the components over all nets of the sample for which every seed has them.
fn over_spectra(runs: &[&Run], from: f64, number: fn(&Spectrum) -> f64) -> f64 {
    let places = (0..widths(runs).len()).filter(|&place| widths(runs)[place] >= from);
    let shared = places.filter(|&place| runs.iter().all(|run| run[place].spectrum.is_some()));
    let values: Vec<f64> = shared
        .flat_map(|place| runs.iter().filter_map(move |run| run[place].spectrum.as_ref()))
        .map(number)
        .collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn components(curves: &Curves, published: Option<&Published>) -> anyhow::Result<Vec<Claim>> {
    let line = Claim::new(
        "J6-line",
        "reconstruction error falls in a straight line with the components kept: all are equal",
    )
    .study("slopes parallel beyond ≈350 units")
    .statistic("share of the variance left by half of the components, mean over widths; a straight line leaves 0.5")
    .unit("of the variance");
    let mut claims = Vec::new();
    if over_spectra(&curves.all(), 0.0, |s| s.left_at_half).is_nan() {
        return Ok(vec![line.open("no width has components of every seed")]);
    }
    let flawed = curves.estimate("J6-line/wrong", |runs| {
        over_spectra(runs, 0.0, |s| s.left_at_half_wrong_basis)
    })?;
    let sound = curves.estimate("J6-line/right", |runs| over_spectra(runs, 0.0, |s| s.left_at_half))?;
    let flaw = format!(
        "the study projected on the columns of the component matrix, whose rows are the components, which leaves {flawed}"
    );
    claims.push(line.judged_with_flaw(&flaw, [flawed, sound], Margin::Within(0.4, 0.6), curves.runs.len()));
    let Some(published) = published else { return Ok(claims) };
    let cliff = Claim::new(
        "J6-cliff",
        "from 1 024 units on the explained variance breaks off at this component",
    )
    .study(published.cliff)
    .statistic("components with any variance, mean over widths from 1 024 on")
    .unit("components");
    claims.push(judged(curves, cliff, published.cliff_within, |runs| {
        over_spectra(runs, 1000.0, |s| s.layer_rank as f64)
    })?);
    let own = Claim::new("J6-cliff-layer", "that cliff is a property of the layer")
        .study("taken for one")
        .statistic(
            "directions in which the inputs vary, less components with any variance; 0 when the input sets the cliff",
        )
        .unit("components");
    claims.push(judged(curves, own, Margin::Outside(-5.0, 5.0), |runs| {
        over_spectra(runs, 1000.0, |s| s.input_rank as f64 - s.layer_rank as f64)
    })?);
    Ok(claims)
}

/// States and judges the study's three expectations of a harder set, MNIST beside Fashion-MNIST.
pub fn of_both(mnist: &Curves, fashion: &Curves) -> anyhow::Result<Vec<Claim>> {
    let seeds = mnist.runs.len().min(fashion.runs.len());
    let pairs: Vec<(&Run, &Run)> = mnist.runs.iter().zip(&fashion.runs).collect();
    let judged = |claim: Claim, margin: Margin, statistic: &dyn Fn(&[&Run], &[&Run]) -> f64| -> anyhow::Result<Claim> {
        let of = |pairs: &[&(&Run, &Run)]| {
            let (a, b): (Vec<&Run>, Vec<&Run>) = pairs.iter().map(|pair| (pair.0, pair.1)).unzip();
            statistic(&a, &b)
        };
        let value = of(&pairs.iter().collect::<Vec<_>>());
        if value.is_nan() {
            return Ok(claim.open("the statistic is not defined on these widths"));
        }
        let bootstrap = Bootstrap::new(&Seed::new(0).named("mnist-variance").named(&claim.id)).resamples(4000);
        let ours = if seeds < 2 {
            Estimate {
                value,
                low: value,
                high: value,
                n: seeds,
                level: 0.95,
            }
        } else {
            bootstrap.over_seeds(&pairs, of)?
        };
        Ok(claim.judged(ours, margin, seeds))
    };
    let later = |id: &str, what: &str, study: &str, statistic: &str| {
        Claim::new(id, &format!("on Fashion-MNIST {what} comes at larger widths"))
            .study(study)
            .statistic(statistic)
            .unit("doublings")
    };
    let plateau = later(
        "J5-plateau",
        "the plateau of the accuracy",
        "held: ≈1 024 against 256 units",
        "doublings from the knee of the validation accuracy on MNIST to that on Fashion-MNIST",
    );
    let normal = later(
        "J5-normal",
        "W's largest value",
        "failed: 22 against 256 units",
        "doublings from the width of W's largest mean on MNIST to that on Fashion-MNIST",
    );
    let exp = later(
        "J5-exp",
        "the exponential + normal mixture's choice",
        "failed: π not monotone",
        "doublings from the choice on MNIST to that on Fashion-MNIST",
    );
    let gamma = later(
        "J5-gamma",
        "the two-gamma mixture's choice",
        "failed: π not monotone",
        "doublings from the choice on MNIST to that on Fashion-MNIST",
    );
    let right = Claim::new(
        "J5-right",
        "on Fashion-MNIST the spreads are larger: their distributions lie further right",
    )
    .study("failed: they lie further left")
    .statistic("mean over widths of log₂ of Fashion-MNIST's median spread over MNIST's")
    .unit("doublings");
    let log_ratio = |choose: fn(&[&Run]) -> f64| move |a: &[&Run], b: &[&Run]| (choose(b) / choose(a)).log2();
    let shift = |a: &[&Run], b: &[&Run]| {
        let of = |runs: &[&Run]| means(runs, |net| net.summary.median_spread);
        let (a, b) = (of(a), of(b));
        b.iter().zip(&a).map(|(b, a)| (b / a).log2()).sum::<f64>() / a.len() as f64
    };
    Ok(vec![
        judged(plateau, Margin::GreaterThan(0.0), &log_ratio(knee))?,
        judged(right, Margin::GreaterThan(0.0), &shift)?,
        judged(normal, Margin::GreaterThan(0.0), &log_ratio(|runs| argmax(runs, W)))?,
        judged(exp, Margin::GreaterThan(0.0), &log_ratio(exp_normal))?,
        judged(gamma, Margin::GreaterThan(0.0), &log_ratio(two_gamma))?,
    ])
}
