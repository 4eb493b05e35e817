//! What a manifest says about machine, code and time.

use std::collections::BTreeMap;
use std::process::Command;

/// Names the instruction set that the processor offers to numeric kernels, as `x86_64+avx512f`.
#[must_use]
pub fn instruction_set() -> String {
    let best = best_extension();
    let base = std::env::consts::ARCH;
    if best.is_empty() {
        base.to_owned()
    } else {
        format!("{base}+{best}")
    }
}

#[cfg(target_arch = "x86_64")]
fn best_extension() -> &'static str {
    if std::is_x86_feature_detected!("avx512f") {
        "avx512f"
    } else if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        "avx2+fma"
    } else if std::is_x86_feature_detected!("avx") {
        "avx"
    } else {
        "sse2"
    }
}

#[cfg(target_arch = "aarch64")]
fn best_extension() -> &'static str {
    if std::arch::is_aarch64_feature_detected!("neon") {
        "neon"
    } else {
        ""
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn best_extension() -> &'static str {
    ""
}

/// Asks git for the revision and whether the tree differs from it, recorded rows left aside.
///
/// Outside a repository, or without a commit, the revision is `unknown` and the tree counts as changed.
#[must_use]
pub fn revision() -> (String, bool) {
    let Some(head) = git(&["rev-parse", "--verify", "HEAD"]) else {
        return ("unknown".into(), true);
    };
    // A run writes its own report: that alone does not make the code another.
    let status = git(&[
        "status",
        "--porcelain",
        "--",
        ":(top)",
        ":(top,exclude)reports",
        ":(top,exclude)runs",
    ]);
    (head, status.is_none_or(|text| !text.is_empty()))
}

fn git(arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| text.trim().to_owned())
}

/// Lists the versions that every manifest carries.
#[must_use]
pub fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("espalier".into(), env!("CARGO_PKG_VERSION").into()),
        ("rustc".into(), env!("ESPALIER_RUSTC").into()),
    ])
}

/// Writes seconds since 1970 as RFC 3339 in UTC.
///
/// # Method
/// Days are turned into a civil date over eras of 400 years that start on 1 March, so that the leap
/// day ends a year.
#[must_use]
pub fn rfc3339(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400 + 719_468, unix_seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = 400 * era + year + next;
    let (hour, minute, second) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads the seconds since 1970 from what [`rfc3339`] wrote; `None` for anything else.
#[must_use]
pub fn unix_seconds_of(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator: char| -> Option<[u64; 3]> {
        let parts: Option<Vec<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
        parts?.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    // Years begin on 1 March, as in `rfc3339`.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds = hour * 3600 + minute * 60 + second;
    Some(days.checked_sub(719_468)? * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        // From GNU date: date -u -d @SECONDS +%FT%TZ
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(unix_seconds_of(text), Some(seconds));
        }
    }

    proptest::proptest! {
        #[test]
        fn written_times_are_read_back(seconds in 0_u64..10_000_000_000) {
            proptest::prop_assert_eq!(unix_seconds_of(&rfc3339(seconds)), Some(seconds));
        }

        #[test]
        fn other_text_is_no_time(text in "[0-9TZ:-]{0,24}") {
            let read = unix_seconds_of(&text);
            proptest::prop_assert!(read.is_none_or(|seconds| seconds < u64::MAX));
        }
    }

    #[test]
    fn the_instruction_set_starts_with_the_architecture() {
        assert!(instruction_set().starts_with(std::env::consts::ARCH));
    }
}
