//! What a page says of seeds that were added while claims were open.

use super::claim::Claim;
use super::declaration::{Declaration, Withheld};
use super::summary::{ClaimSummary, Summary};
use crate::statistics::{Estimate, Looks};

/// The level at which the intervals of all looks hold a claim's truth together, where it stands alone.
const LEVEL: f64 = 0.95;

impl Claim {
    /// Whether more seeds could decide the claim: it is typed, not true by construction, and nothing but its interval, or that
    /// its statistic takes more seeds than there are, leaves it open.
    #[must_use]
    pub fn awaits_seeds(&self) -> bool {
        awaits(self.verdict.word(), self.declared.as_ref(), self.ours.as_ref())
    }

    /// Whether the claim is typed and has no verdict, and more seeds would not give it one.
    #[must_use]
    pub fn is_beyond_seeds(&self) -> bool {
        let settled = ["confirmed", "refuted", "artefact", Withheld::ByConstruction.word()];
        self.declared.is_some() && !self.awaits_seeds() && !settled.contains(&self.verdict.word())
    }
}

impl ClaimSummary {
    fn awaits_seeds(&self) -> bool {
        awaits(&self.verdict, self.declared.as_ref(), self.ours.as_ref())
    }
}

fn awaits(verdict: &str, declared: Option<&Declaration>, ours: Option<&Estimate>) -> bool {
    let finite = |ours: &Estimate| {
        [ours.value, ours.low, ours.high]
            .iter()
            .all(|number| number.is_finite())
    };
    declared.is_some_and(|declared| {
        let inconclusive = verdict == Withheld::Inconclusive.word();
        inconclusive && !declared.built_in && (declared.seeds_needed.is_some() || ours.is_some_and(finite))
    })
}

/// Says which looks were declared and made, what they cost the intervals, and what ending at this one saved.
pub(super) fn looks(summary: &Summary) -> Option<String> {
    let looks = summary.looks.as_ref()?;
    let open = summary.claims.iter().filter(|claim| claim.awaits_seeds()).count();
    let declared = format!(
        "Seeds were added while claims were open: this is look {} of those declared beforehand, at {} paired seeds \
         and no more.",
        looks.made,
        listed(&looks.seeds)
    );
    let wider = looks.level(LEVEL).map_or_else(
        |error| error.to_string(),
        |level| {
            let alone = percent(level);
            format!(
                "Intervals of claims are wider for it, so that those of all looks hold together at 95 %: at this one they are \
                 of {alone} % where a claim stands alone. Intervals in figures and tables are those of a number of seeds fixed \
                 beforehand."
            )
        },
    );
    Some([declared, ending(looks, open), wider].join(" "))
}

fn ending(looks: &Looks, open: usize) -> String {
    let (bound, saved) = (looks.bound(), looks.bound().saturating_sub(looks.reached()));
    let claims = if open == 1 { "claim is" } else { "claims are" };
    match (open, saved) {
        (0, 0) => "At the bound no claim is left that more seeds could decide.".to_owned(),
        // Over several data sets, each of which may have gone further for itself.
        (0, _) if looks.trials_of_a_seed == 0 => "No claim is left that more seeds could decide.".to_owned(),
        (0, _) => format!(
            "No claim is left that more seeds could decide, which saved {saved} of {bound} seeds, {} of {} trials.",
            saved as usize * looks.trials_of_a_seed,
            bound as usize * looks.trials_of_a_seed
        ),
        (_, 0) => format!("At the bound {open} {claims} still open."),
        _ => format!("{open} {claims} open, and more seeds may come."),
    }
}

fn listed(seeds: &[u64]) -> String {
    let words: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// A level with as many digits as tell it from 100 %.
fn percent(level: f64) -> String {
    let decimals = (-(1.0 - level).log10()).ceil().clamp(1.0, 12.0) as usize - 1;
    format!("{:.decimals$}", level * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_the_digits_that_tell_them_from_certainty() {
        for (level, text) in [(0.95, "95.0"), (0.9969, "99.69"), (0.999_985, "99.9985")] {
            assert_eq!(percent(level), text);
        }
    }

    #[test]
    fn an_ending_says_what_was_saved_and_what_is_open() {
        let looks = |made| Looks {
            made,
            trials_of_a_seed: 4,
            ..Looks::planned(6, 12)
        };
        assert!(ending(&looks(1), 0).ends_with("saved 6 of 12 seeds, 24 of 48 trials."));
        assert_eq!(ending(&looks(3), 2), "At the bound 2 claims are still open.");
        assert_eq!(ending(&looks(2), 1), "1 claim is open, and more seeds may come.");
        assert_eq!(listed(&looks(1).seeds), "6, 9 and 12");
    }
}
