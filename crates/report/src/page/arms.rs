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
