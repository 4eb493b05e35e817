//! What study 000 claimed, the statistic that tests it, and where each claim holds.

use espalier_experiment::Settings;
use espalier_report::page::{Claim, Margin};

use crate::arm::{Arm, TRIAL_ARMS};
use crate::copies::{Means, STEPS};
use crate::runs::{BEST, LAST, Number, Runs, middle, paired};
use crate::scores::{Decision, Reading, by_seed};

/// The level below which a test rejects a law.
const LEVEL: f64 = 0.05;

/// States and judges all claims.
pub fn all(runs: &Runs, decisions: &[Decision<'_>], settings: &Settings) -> anyhow::Result<Vec<Claim>> {
    let mut claims = equal_compute(runs)?;
    claims.extend(best_epoch(runs)?);
    claims.extend(growth(runs)?);
    claims.extend(parting(runs)?);
    claims.extend(laws(runs, decisions)?);
    claims.extend(layers(runs, decisions, settings)?);
    claims.extend(rolls(runs)?);
    Ok(claims)
}

/// Judges one number per seed by its interquartile mean; open where a seed has none.
fn judged(claim: Claim, values: &[f64], margin: Margin) -> anyhow::Result<Claim> {
    let missing = values.iter().filter(|value| !value.is_finite()).count();
    if missing > 0 {
        return Ok(claim.open(&format!(
            "the statistic is not defined for {missing} of {} seeds",
            values.len()
        )));
    }
    let ours = middle(&claim.id, values)?;
    Ok(claim.judged(ours, margin, values.len()))
}

fn difference(runs: &Runs, claim: Claim, [a, b]: [Arm; 2], number: Number, margin: Margin) -> anyhow::Result<Claim> {
    let ours = paired(&claim.id, &runs.numbers(a, number), &runs.numbers(b, number))?;
    let statistic = format!("{a} − {b}, paired difference of test accuracy, interquartile mean");
    Ok(claim
        .statistic(&statistic)
        .unit("fraction")
        .judged(ours, margin, runs.seeds))
}

fn equal_compute(runs: &Runs) -> anyhow::Result<Vec<Claim>> {
    let above = Margin::GreaterThan(0.0);
    let of = |id: &str, text: &str, study: &str, arms: [Arm; 2]| {
        difference(runs, Claim::new(id, text).study(study), arms, LAST, above)
    };
    let relative = Claim::new(
        "B11-relative",
        "the gain over a net of the final shape, relative to its accuracy",
    )
    .study("+11.93 %")
    .statistic("split + dice over static final shape, less 1, paired by seed, interquartile mean")
    .unit("fraction");
    let grown = runs.numbers(Arm::SplitDice, LAST);
    let fixed = runs.numbers(Arm::StaticFinalShape, LAST);
    let ratios: Vec<f64> = grown
        .iter()
        .zip(fixed)
        .map(|(grown, fixed)| grown / fixed - 1.0)
        .collect();
    Ok(vec![
        of(
            "B11",
            "at equal cost, splitting with dice beats a static net of the final shape",
            ".671 against .600: +7.15 points",
            [Arm::SplitDice, Arm::StaticFinalShape],
        )?,
        judged(relative, &ratios, above)?,
        of(
            "B11-balanced",
            "it also beats a static net with as many parameters in the starting proportions",
            "not run",
            [Arm::SplitDice, Arm::StaticBalanced],
        )?,
        of(
            "B11-small",
            "it also beats the starting net, trained for the same compute",
            "not run",
            [Arm::SplitDice, Arm::StaticSmall],
        )?,
        of(
            "B11-split",
            "splitting alone beats the static net of its final shape",
            "not run",
            [Arm::Split, Arm::StaticFinalShape],
        )?,
        of(
            "B11-dice",
            "the dice alone help: the best of several initialisations beats the first one",
            "claimed; its code trained on from the last roll",
            [Arm::Dice, Arm::StaticSmall],
        )?,
        of(
            "B11-shape",
            "the shape that splitting leaves is a handicap for a static net",
            "not asked (1326/28/18 units)",
            [Arm::StaticBalanced, Arm::StaticFinalShape],
        )?,
    ])
}

fn best_epoch(runs: &Runs) -> anyhow::Result<[Claim; 2]> {
    let arms = [Arm::SplitDice, Arm::StaticFinalShape];
    let claim = Claim::new(
        "B12",
        "at its best epoch, splitting with dice beats a static net of the final shape",
    )
    .study(".710 against .678, best epoch chosen on the test set");
    let best = difference(runs, claim, arms, BEST, Margin::GreaterThan(0.0))?;
    let spent: Number = |o| o.best_spent_macs as f64;
    let [grown, fixed] = arms.map(|arm| runs.numbers(arm, spent));
    let ratios: Vec<f64> = grown
        .iter()
        .zip(fixed)
        .map(|(grown, fixed)| grown / fixed - 1.0)
        .collect();
    let sooner = Claim::new("B12-time", "it gets to its best epoch sooner")
        .study("−47.25 % of the time")
        .statistic(
            "multiply–accumulates until the best epoch by validation, split + dice over static final shape, less 1, \
             interquartile mean",
        )
        .unit("fraction");
    Ok([best, judged(sooner, &ratios, Margin::LessThan(0.0))?])
}

fn growth(runs: &Runs) -> anyhow::Result<[Claim; 1]> {
    let claim = Claim::new(
        "B10-growth",
        "a cut-off of 0.3 lets the net grow by 30 to 50 % of its parameters per decision",
    )
    .study("30 to 50 % per epoch is advised")
    .statistic("mean over decisions of parameters after over before, less 1, arm split, interquartile mean over seeds")
    .unit("fraction");
    let mean = |run: &crate::runs::Run| {
        let growth = run
            .changes
            .iter()
            .map(|change| change.parameters_after as f64 / change.parameters_before as f64 - 1.0);
        growth.sum::<f64>() / run.changes.len() as f64
    };
    let values: Vec<f64> = runs.of(Arm::Split).iter().map(mean).collect();
    Ok([judged(claim, &values, Margin::Within(0.3, 0.5))?])
}

/// What sets the copies of a unit apart.
fn parting(runs: &Runs) -> anyhow::Result<[Claim; 2]> {
    let steps = STEPS[STEPS.len() - 1];
    let claim = |id: &str, text: &str, study: &str, means| {
        let claim = Claim::new(id, text).study(study).unit("fraction").statistic(&format!(
            "distance of two copies' fan-in weights and biases relative to one's, {steps} steps of Adam behind a split of every unit \
             of the starting net, median over units, interquartile mean over seeds"
        ));
        match runs.gaps(means, steps) {
            gaps if gaps.len() < runs.seeds => Ok(claim.open("the distance of copies was not recorded")),
            gaps => judged(claim, &gaps, Margin::GreaterThan(0.01)),
        }
    };
    Ok([
        claim(
            "B10-jitter",
            "a bias moved by a thousandth sets the copies of a unit apart",
            "its code moves it so; what becomes of the copies was not looked at",
            Means::Jitter,
        )?,
        claim(
            "B10-shares",
            "uneven shares of the fan-out set them apart",
            "not tried",
            Means::Shares,
        )?,
    ])
}

fn laws(runs: &Runs, decisions: &[Decision<'_>]) -> anyhow::Result<[Claim; 2]> {
    let mut fits = vec![Vec::new(); runs.seeds];
    let mut peaks = vec![Vec::new(); runs.seeds];
    for decision in decisions {
        if let Some((law, test)) = decision.law()? {
            fits[decision.seed].push(f64::from(u8::from(test.p_value >= LEVEL)));
            peaks[decision.seed].push(law.sigma * law.sigma);
        }
    }
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let fits: Vec<f64> = fits.iter().map(mean).collect();
    let peaks: Vec<f64> = peaks.iter().map(mean).collect();
    let law = Claim::new("B9", "the scores of a layer's units follow a log-normal law")
        .study("seen in a histogram")
        .statistic(
            "share of layers and decisions with at least 8 units at which a Kolmogorov–Smirnov test of the fitted law \
             (parametric bootstrap) has p ≥ .05, arm split, interquartile mean over seeds; .95 is expected of a true law",
        )
        .unit("fraction");
    let peak = Claim::new("B9-peak", "the median of the scores lies at their peak")
        .study("claimed")
        .statistic("ln(median / mode) = σ² of the fitted log-normal law, mean over layers and decisions, interquartile mean over seeds")
        .unit("nats");
    Ok([
        judged(law, &fits, Margin::GreaterThan(0.9))?,
        judged(peak, &peaks, Margin::Within(0.0, 0.05))?,
    ])
}

fn layers(runs: &Runs, decisions: &[Decision<'_>], settings: &Settings) -> anyhow::Result<Vec<Claim>> {
    let cutoff = settings.number("cutoff_add")?;
    let mut claims = Vec::new();
    let rules: [(&str, &str, Reading<'_>); 2] = [
        ("B13-signed", "signed sums", &|d| d.signed_share(cutoff)),
        ("B13-absolute", "absolute sums, the rule that decides here", &|d| {
            d.split_share()
        }),
    ];
    for (id, rule, number) in rules {
        let of = |layer| by_seed(decisions, runs.seeds, layer, number);
        let (first, second, third) = (of(1), of(2), of(3));
        let ahead: Vec<f64> = (0..runs.seeds).map(|s| first[s] - second[s].max(third[s])).collect();
        let study = if id == "B13-signed" {
            "layer 1 splits most"
        } else {
            "not said"
        };
        let claim = Claim::new(id, &format!("the first layer splits most, by {rule}"))
            .study(study)
            .statistic(
                "share of the first layer's units above the cut − the larger share of the other two layers, mean over \
                 decisions, arm split, interquartile mean over seeds",
            )
            .unit("fraction");
        claims.push(judged(claim, &ahead, Margin::GreaterThan(0.0))?);
    }
    Ok(claims)
}

/// What more rolls bring at one starting size.
pub struct Gains {
    pub least: u64,
    pub most: u64,
    /// The most rolls − the fewest, by seed.
    pub by_seed: Vec<f64>,
}

/// The gain of the most over the fewest rolls; none where only one number was swept.
pub fn gains(runs: &Runs, scale: f64, number: Number) -> anyhow::Result<Option<Gains>> {
    let (Some(&least), Some(&most)) = (runs.rolls.iter().min(), runs.rolls.iter().max()) else {
        return Ok(None);
    };
    if least == most {
        return Ok(None);
    }
    let fewest = runs.numbers(runs.cell(scale, least)?, number);
    let rolled = runs.numbers(runs.cell(scale, most)?, number);
    let by_seed = rolled
        .into_iter()
        .zip(fewest)
        .map(|(most, least)| most - least)
        .collect();
    Ok(Some(Gains { least, most, by_seed }))
}

fn rolls(runs: &Runs) -> anyhow::Result<Vec<Claim>> {
    let size = |pick: fn(f64, f64) -> f64| runs.scales.iter().copied().reduce(pick);
    let (Some(small), Some(large)) = (size(f64::min), size(f64::max)) else {
        return Ok(Vec::new());
    };
    let mut claims = Vec::new();
    for (id, scale) in [("B14-small", small), ("B14-large", large)] {
        let Some(gains) = gains(runs, scale, LAST)? else {
            continue;
        };
        let (least, most) = (gains.least, gains.most);
        let claim = Claim::new(id, &format!("more rolls help a net of {scale} times the starting size"))
            .study("10 to 100 rolls advised")
            .statistic(&format!(
                "{most} rolls − {least}, equal training with the rolls on top, paired difference of test accuracy, interquartile \
                 mean"
            ))
            .unit("fraction");
        claims.push(judged(claim, &gains.by_seed, Margin::GreaterThan(0.0))?);
    }
    let smaller = Claim::new("B14-size", "the dice help more when the net is small")
        .study("claimed")
        .statistic(&format!(
            "the gain in test accuracy by the most rolls at {small} times the starting size − that at {large} times, paired by \
             seed, interquartile mean"
        ))
        .unit("fraction");
    if let (Some(at_small), Some(at_large), true) =
        (gains(runs, small, LAST)?, gains(runs, large, LAST)?, small < large)
    {
        let pairs = at_small.by_seed.iter().zip(&at_large.by_seed);
        let ahead: Vec<f64> = pairs.map(|(small, large)| small - large).collect();
        claims.push(judged(smaller, &ahead, Margin::GreaterThan(0.0))?);
    } else {
        claims.push(smaller.open("one starting size or one number of rolls was run"));
    }
    Ok(claims)
}

/// The arms' names, for tables and figures.
pub fn names() -> Vec<String> {
    TRIAL_ARMS.iter().map(ToString::to_string).collect()
}
