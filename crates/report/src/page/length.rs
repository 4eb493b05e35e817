//! How long the nets of a report trained, beside the full size.

use super::{Entry, LEAST_SEEDS};

/// Settings that count training, the first that is there.
const COUNTS: [&str; 3] = ["epochs", "tasks", "steps"];
/// The end of a setting's name that counts one part of training.
const PART: &str = "_epochs";
/// What stands before that end where a setting counts from one decision to the next.
const PERIOD: &str = "every";

/// A setting with its value.
type Setting = (String, String);
/// A part of training, which may be empty, what is counted, and how many.
type Count<'s> = (&'s str, &'s str, &'s str);

/// The settings that say how long nets train.
fn counts(settings: &[Setting]) -> Vec<Count<'_>> {
    let whole = COUNTS
        .iter()
        .find_map(|count| settings.iter().find(|(name, _)| name == count));
    if let Some((name, value)) = whole {
        return vec![("", name, value)];
    }
    let parts = settings
        .iter()
        .filter_map(|(name, value)| Some((name.strip_suffix(PART)?, "epochs", value.as_str())));
    parts.filter(|(part, ..)| *part != PERIOD).collect()
}

/// How long nets trained: `30 epochs`; `10 short, 100 long epochs` where training has parts; empty where nothing says so.
pub(super) fn length(settings: &[Setting]) -> String {
    let counts = counts(settings);
    match counts.as_slice() {
        [] => String::new(),
        [(_, what, "1")] => format!("1 {}", what.trim_end_matches('s')),
        [(_, what, value)] => format!("{value} {what}"),
        parts => {
            let parts: Vec<String> = parts.iter().map(|(part, _, value)| format!("{value} {part}")).collect();
            format!("{} epochs", parts.join(" + "))
        }
    }
}

/// Which share of the full length of training that is, of the part that is cut most; `None` where either does not say.
pub(super) fn share(settings: &[Setting], full: &[Setting]) -> Option<f64> {
    let (ours, full) = (counts(settings), counts(full));
    let one = |(part, what, value): &Count<'_>| {
        let (_, _, whole) = full.iter().find(|(p, w, _)| p == part && w == what)?;
        let (value, whole) = (value.parse::<f64>().ok()?, whole.parse::<f64>().ok()?);
        (whole > 0.0).then(|| (value / whole).min(1.0))
    };
    ours.iter().filter_map(one).reduce(f64::min)
}

/// The classes of length, the longest first, each with the least share in it.
pub(super) const CLASSES: [(&str, f64); 4] = [
    ("full length", 1.0),
    ("half or more", 0.5),
    ("a tenth or more", 0.1),
    ("under a tenth", 0.0),
];
/// The class of reports that do not say how long nets train.
pub(super) const UNSTATED: &str = "no length stated";

/// The class that a share belongs to.
pub(super) fn class(share: Option<f64>) -> &'static str {
    let of = |share: f64| CLASSES.iter().find(|(_, least)| share >= *least);
    share.and_then(of).map_or(UNSTATED, |(name, _)| name)
}

/// A share in words beside a length: ` (10 % of the full length)`; empty where it is whole or not known.
pub(super) fn beside(share: Option<f64>) -> String {
    match share {
        Some(share) if share < 1.0 => format!(
            " ({} % of the full length)",
            crate::statistics::figures(share * 100.0, 2)
        ),
        _ => String::new(),
    }
}

/// How much training a report rests on: by its share of the full length, then by its length and its seeds. A report that grows
/// seed by seed comes after all that have enough for a verdict, however long its training is.
pub(super) fn weight(entry: &Entry) -> (bool, u64, u64, usize) {
    let summary = &entry.summary;
    let length = summary.length.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    let share = (summary.share.unwrap_or(0.0) * 1e6) as u64;
    let judged = summary.seeds >= LEAST_SEEDS;
    (judged, share, length.unwrap_or(0.0) as u64, summary.seeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Vec<Setting> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_length_is_said_with_its_share_of_the_full_one() {
        let (ours, full) = (
            settings(&[("epochs", "3"), ("seeds", "6")]),
            settings(&[("epochs", "30")]),
        );
        assert_eq!(length(&ours), "3 epochs");
        assert_eq!(beside(share(&ours, &full)), " (10 % of the full length)");
        assert_eq!(class(share(&ours, &full)), "a tenth or more");
        assert_eq!(
            (class(share(&full, &full)), beside(share(&full, &full)).as_str()),
            ("full length", "")
        );
        assert_eq!(length(&settings(&[("tasks", "1")])), "1 task");
    }

    #[test]
    fn the_part_that_is_cut_most_decides() {
        let ours = settings(&[("short_epochs", "5"), ("long_epochs", "8"), ("batch", "32")]);
        let full = settings(&[("short_epochs", "10"), ("long_epochs", "100")]);
        assert_eq!(length(&ours), "5 short + 8 long epochs");
        assert_eq!(share(&ours, &full), Some(0.08));
        assert_eq!(class(Some(0.08)), "under a tenth");
        let budget = settings(&[("budget_epochs", "8"), ("every_epochs", "1")]);
        assert_eq!(length(&budget), "8 epochs");
    }

    #[test]
    fn what_says_no_length_has_no_share() {
        let without = settings(&[("batch", "32")]);
        assert_eq!((length(&without), share(&without, &without)), (String::new(), None));
        assert_eq!(class(None), UNSTATED);
    }
}
