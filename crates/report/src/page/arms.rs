//! Tables of arms: what was tried, how each did, and against the reference.

use espalier_seed::Seed;

use super::TableBlock;
use crate::Result;
use crate::statistics::{Arms, Bootstrap, Choice, Tried};

/// Tabulates each arm's interquartile mean and its paired difference from a reference.
///
/// # Errors
/// As [`Arms::contrasts`].
pub fn arms_table(title: &str, arms: &Arms, reference: &str, seed: &Seed) -> Result<TableBlock> {
    let estimates = arms.estimates(&Bootstrap::new(seed))?;
    let contrasts = arms.contrasts(reference, seed)?;
    let mut rows = Vec::new();
    for (arm, estimate) in arms.names().iter().zip(estimates) {
        let contrast = contrasts.iter().find(|contrast| contrast.arm == *arm);
        let cells = contrast.map_or_else(
            || ["reference".to_owned(), String::new(), String::new()],
            |contrast| {
                [
                    contrast.difference.to_string(),
                    format!("{:.2}", contrast.improvement),
                    number_or_dash(contrast.p_holm, 3),
                ]
            },
        );
        rows.push([vec![arm.clone(), estimate.to_string()], cells.to_vec()].concat());
    }
    Ok(TableBlock {
        title: title.to_owned(),
        header: [
            "arm",
            "interquartile mean",
            "paired difference",
            "P(better)",
            "p (Holm)",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        note: format!(
            "{}; 95 % intervals in brackets. Differences are arm − {reference}; P(better) is the share of \
             seeds on which the arm is ahead; p is the two-sided sign-flip test's, corrected for the number of arms. \
             With n seeds its least value is 2 / 2ⁿ before the correction.",
            seeds(arms.seeds())
        ),
    })
}

/// Says how many seeds pair the arms: `1 paired seed`.
fn seeds(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} paired seed{plural}")
}

/// A number with so many decimals; a dash where there is none.
fn number_or_dash(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "–".to_owned()
    } else {
        format!("{value:.decimals$}")
    }
}

/// Tabulates every tried configuration with its mean validation score, and which was chosen.
#[must_use]
pub fn tried_table(tried: &[Tried], choices: &[Choice]) -> TableBlock {
    let row = |one: &Tried| {
        let chosen = choices
            .iter()
            .any(|choice| choice.arm == one.arm && choice.configuration == one.configuration);
        let mean = one.validation.iter().sum::<f64>() / one.validation.len() as f64;
        vec![
            one.arm.clone(),
            one.configuration.clone(),
            number_or_dash(mean, 4),
            if chosen { "chosen" } else { "" }.to_owned(),
        ]
    };
    TableBlock {
        title: "Configurations that were tried".to_owned(),
        header: ["arm", "configuration", "mean validation score", ""]
            .map(str::to_owned)
            .to_vec(),
        rows: tried.iter().map(row).collect(),
        note: "Each arm got as many tries as the others; the choice looks at validation scores only.".to_owned(),
    }
}

/// Says of how many grids the best configuration lies at an end, the lower and the upper, and how many have two levels, which
/// bracket nothing; `None` where all held theirs between the ends.
#[must_use]
pub fn edges_told(grids: usize, of_two: usize, [lower, upper]: [usize; 2]) -> Option<String> {
    let ends = lower + upper;
    let ends = (ends > 0).then(|| {
        format!(
            "The best configuration lies at the edge of its grid for {ends} of {grids} arms ({lower} at the lower end, {upper} at \
             the upper)"
        )
    });
    let two = (of_two > 0).then(|| format!("{of_two} of {grids} grids have two levels, which bracket nothing"));
    let found: Vec<String> = ends.into_iter().chain(two).collect();
    let then = "a better one may lie beyond, and a comparison of such arms is one among what was tried.";
    (!found.is_empty()).then(|| format!("{}: {then}", found.join("; ")))
}
