//! Settings as a typed struct whose presets stand beside each other as columns.

use crate::{Preset, Range, ReportContext, Result, Settings, Shortened};

/// Settings that [`settings!`](crate::settings!) declared.
pub trait Columns: Sized {
    /// Lists the settings under a preset; a preset of the experiment's own that a column lacks has `quick`'s value.
    fn declare(preset: &Preset) -> Settings;

    /// Reads the settings of a run.
    ///
    /// # Errors
    /// As [`Settings::count`] and its like: a setting that is missing or of another kind.
    fn read(settings: &Settings) -> Result<Self>;

    /// Says what a run has less of than the preset `full`, in the order of declaration; `more` adds what only the
    /// experiment knows.
    ///
    /// # Errors
    /// As [`Shortened::fewer`].
    fn shortened(context: &ReportContext, more: impl FnOnce(&mut Shortened<'_>) -> Result<()>) -> Result<Vec<String>>;
}

/// A type that a setting may have.
pub trait SettingType: Sized {
    /// Adds the setting to a list.
    #[must_use]
    fn declare(self, settings: Settings, name: &str, meaning: &str) -> Settings;

    /// Reads the setting.
    ///
    /// # Errors
    /// A setting that is missing or of another kind.
    fn read(settings: &Settings, name: &str) -> Result<Self>;
}

/// A number as settings hold it; what is larger than they can hold is as large as they can.
fn whole(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

macro_rules! setting_types {
    ($($type:ty: |$settings:ident, $name:ident, $value:ident, $meaning:ident| $declare:expr, $read:expr;)+) => { $(
        impl SettingType for $type {
            fn declare(self, $settings: Settings, $name: &str, $meaning: &str) -> Settings {
                let $value = self;
                $declare
            }

            fn read($settings: &Settings, $name: &str) -> Result<Self> {
                $read
            }
        }
    )+ };
}

setting_types! {
    u64: |settings, name, value, meaning| settings.integer(name, whole(value), meaning), Ok(settings.count(name)? as Self);
    usize: |settings, name, value, meaning| settings.integer(name, whole(value), meaning), settings.count(name);
    f64: |settings, name, value, meaning| settings.float(name, value, meaning), settings.number(name);
    bool: |settings, name, value, meaning| settings.flag(name, value, meaning), settings.is(name);
    String: |settings, name, value, meaning| settings.text(name, &value, meaning), Ok(settings.word(name)?.to_owned());
    Vec<usize>: |settings, name, value, meaning|
        settings.integers(name, &value.into_iter().map(whole).collect::<Vec<i64>>(), meaning), settings.counts(name);
    Vec<f64>: |settings, name, value, meaning| settings.floats(name, &value, meaning), settings.numbers(name);
}

/// What a setting may be: a range, or one of several words.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// Numbers of a range.
    Range(Range),
    /// One of these words.
    Words(Vec<&'static str>),
}

impl From<Range> for Limit {
    fn from(range: Range) -> Self {
        Self::Range(range)
    }
}

impl<const N: usize> From<[&'static str; N]> for Limit {
    fn from(words: [&'static str; N]) -> Self {
        Self::Words(words.to_vec())
    }
}

/// Declares the settings of an experiment, their presets as columns.
///
/// Each line is `name: type = value "meaning", limit, fewer "noun";`. The value is one for all presets, or
/// `[smoke a, quick b, full c]`, where further presets of the experiment may follow; a single value of more than one token
/// stands in parentheses. The limit is a [`Range`] or, for a `String`, an array of words; a flag has none. With `fewer`, pages
/// say where a run has less of it than the preset `full`.
///
/// # Example
/// ```
/// use espalier_experiment::{Columns as _, Preset, Range, settings};
///
/// settings! {
///     /// What a run sets.
///     pub struct Walks {
///         seeds = [smoke 1, quick 6, full 30];
///         steps: u64 = [smoke 10, quick 100, full 1000] "steps of a walk", Range::at_least(1.0), fewer "step";
///         damping: f64 = 0.9 "share of the way that is kept", Range::between(0.0, 1.0);
///         law: String = ("normal".to_owned()) "distribution of a step", ["normal", "uniform"];
///         starts: Vec<f64> = [smoke vec![0.0], quick vec![0.0, 1.0], full vec![0.0, 1.0, 2.0]] "where walks begin",
///             Range::at_least(0.0).distinct();
///     }
/// }
///
/// let mut settings = Walks::declare(&Preset::Quick);
/// settings.set("steps=50")?;
/// let walks = Walks::read(&settings)?;
/// assert_eq!((settings.seeds(), walks.steps, walks.starts.len()), (6, 50, 2));
/// assert!(settings.set("law=cauchy").is_err() && settings.set("damping=2").is_err());
/// # Ok::<(), espalier_experiment::Error>(())
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            seeds = $seeds:tt;
            $($field:ident: $type:ty = $column:tt $meaning:literal $(, $limit:expr $(, fewer $noun:literal)?)?;)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $(#[doc = $meaning] pub $field: $type,)*
        }

        impl $crate::Columns for $name {
            fn declare(preset: &$crate::Preset) -> $crate::Settings {
                let settings = $crate::Settings::new($crate::settings!(@value preset $seeds));
                $(
                    let value: $type = $crate::settings!(@value preset $column);
                    let settings = $crate::SettingType::declare(value, settings, stringify!($field), $meaning);
                    $(let settings = settings.limit($limit);)?
                )*
                settings
            }

            fn read(settings: &$crate::Settings) -> $crate::Result<Self> {
                Ok(Self { $($field: $crate::SettingType::read(settings, stringify!($field))?,)* })
            }

            fn shortened(
                context: &$crate::ReportContext,
                more: impl FnOnce(&mut $crate::Shortened<'_>) -> $crate::Result<()>,
            ) -> $crate::Result<Vec<String>> {
                let full = Self::declare(&$crate::Preset::Full);
                let mut shortened = $crate::Shortened::new(context, &full);
                $($($(shortened.fewer(stringify!($field), $noun)?;)?)?)*
                more(&mut shortened)?;
                Ok(shortened.lines)
            }
        }
    };
    (@value $preset:ident [smoke $smoke:expr, quick $quick:expr, full $full:expr $(, $named:ident $value:expr)* $(,)?]) => {
        match $preset.name() {
            "smoke" => $smoke,
            "full" => $full,
            $(stringify!($named) => $value,)*
            _ => $quick,
        }
    };
    (@value $preset:ident ($value:expr)) => { $value };
    (@value $preset:ident $value:expr) => { $value };
}
