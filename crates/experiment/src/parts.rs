//! The setting `batch_parts`: training batches that are cut, so that several cores train one network.

use serde_json::{Map, Value as Json};

use crate::range::Range;
use crate::settings::{Settings, Value};
use crate::{Error, Result};

/// The setting's name.
const BATCH_PARTS: &str = "batch_parts";
const MEANING: &str = "parts into which each training batch is cut, so that as many threads train one network";
/// The most parts of a batch.
const MOST: f64 = 1024.0;

impl Settings {
    /// The number of parts into which each training batch is cut, as `--set batch_parts=N` says; 1 where it says nothing.
    #[must_use]
    pub fn batch_parts(&self) -> usize {
        let parts = self.iter().find(|(name, _)| *name == BATCH_PARTS);
        match parts {
            Some((_, Value::Integer(parts))) => usize::try_from(*parts).unwrap_or(1),
            _ => 1,
        }
    }

    fn with_batch_parts(self) -> Self {
        let range = Range::at_least(1.0).and_at_most(MOST);
        self.integer(BATCH_PARTS, 1, MEANING).range(range)
    }

    /// Declares the setting where a manifest holds it.
    pub(crate) fn declare_recorded(&mut self, recorded: &Map<String, Json>) {
        if recorded.contains_key(BATCH_PARTS) {
            *self = self.clone().with_batch_parts();
        }
    }
}

/// Applies changes to a preset's settings and returns both; `cuts` says that the experiment can cut batches.
///
/// While batches stay whole neither has the setting, so that trials keep the identity that they had without it.
///
/// # Errors
/// As [`Settings::set`]; [`Error::WrongSetting`] where batches are to be cut that the experiment cannot cut.
pub(crate) fn changed(defaults: Settings, changes: &[&String], cuts: bool) -> Result<(Settings, Settings)> {
    let is_own = |change: &&String| change.split_once('=').is_some_and(|(key, _)| key.trim() == BATCH_PARTS);
    let (own, others): (Vec<&String>, Vec<&String>) = changes.iter().copied().partition(is_own);
    let mut parts = Settings::new(0).with_batch_parts();
    own.iter().try_for_each(|change| parts.set(change))?;
    let is_cut = parts.batch_parts() > 1;
    if is_cut && !cuts {
        return Err(Error::WrongSetting {
            key: BATCH_PARTS.to_owned(),
            expected: "1, as this experiment trains on whole batches alone".to_owned(),
            found: parts.batch_parts().to_string(),
        });
    }
    let defaults = if is_cut { defaults.with_batch_parts() } else { defaults };
    let mut settings = defaults.clone();
    let applied = if is_cut { changes } else { &others };
    applied.iter().try_for_each(|change| settings.set(change))?;
    Ok((defaults, settings))
}

/// Refuses cut batches on a device that divides its work by itself.
///
/// # Errors
/// [`Error::WrongSetting`].
pub(crate) fn check_device(settings: &Settings, device: &str) -> Result<()> {
    let parts = settings.batch_parts();
    if parts == 1 || device == "cpu" {
        return Ok(());
    }
    Err(Error::WrongSetting {
        key: BATCH_PARTS.to_owned(),
        expected: format!("1 with --device {device}, which divides the work of a batch by itself"),
        found: parts.to_string(),
    })
}

/// The line of `--help` about the setting.
pub(crate) fn help() -> String {
    Settings::new(0).with_batch_parts().describe()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(changes: &[&str], cuts: bool) -> Result<(Settings, Settings)> {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let defaults = Settings::new(2).integer("epochs", 3, "").range(Range::EPOCHS);
        changed(defaults, &changes.iter().collect::<Vec<_>>(), cuts)
    }

    #[test]
    fn whole_batches_leave_the_settings_as_they_are_without_the_setting() {
        let (plain, changed) = with(&["epochs=4"], true).unwrap();
        assert_eq!((plain.batch_parts(), changed.batch_parts()), (1, 1));
        let (defaults, whole) = with(&["batch_parts=2", "epochs=4", "batch_parts=1"], true).unwrap();
        assert_eq!((defaults, whole.to_json()), (plain, changed.to_json()));
    }

    #[test]
    fn a_cut_is_a_changed_setting_that_the_manifest_brings_back() {
        let (defaults, cut) = with(&["batch_parts=2", "epochs=4"], true).unwrap();
        assert_eq!(cut.batch_parts(), 2);
        let names: Vec<String> = cut.changes_from(&defaults).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["epochs", "batch_parts"]);
        let mut restored = Settings::new(2).integer("epochs", 3, "").range(Range::EPOCHS);
        restored.restore(&cut.to_json()).unwrap();
        assert_eq!(
            (restored.batch_parts(), restored.get_integer("epochs").unwrap()),
            (2, 4)
        );
    }

    #[test]
    fn a_device_other_than_the_cpu_refuses_a_cut() {
        let (_, cut) = with(&["batch_parts=2"], true).unwrap();
        let error = check_device(&cut, "candle-cpu").unwrap_err().to_string();
        assert!(
            error.starts_with("setting batch_parts: expected 1 with --device candle-cpu")
                && error.ends_with("found `2`"),
            "{error}"
        );
        assert!(check_device(&cut, "cpu").is_ok());
        assert!(check_device(&with(&[], true).unwrap().1, "cuda").is_ok());
    }

    #[test]
    fn what_cannot_cut_refuses_the_setting_and_no_batch_has_no_part() {
        let refused = with(&["batch_parts=2"], false).unwrap_err().to_string();
        let expected = "setting batch_parts: expected 1, as this experiment trains on whole batches alone, found `2`";
        assert_eq!(refused, expected);
        let (_, whole) = with(&["batch_parts=1"], false).unwrap();
        assert_eq!(whole.batch_parts(), 1);
        let none = with(&["batch_parts=0"], true).unwrap_err().to_string();
        assert!(none.contains("batch_parts") && none.contains("at least 1"), "{none}");
    }
}
