//! How many bytes trials need, and how many they may.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use espalier_data::{Dataset, Split};

/// The bytes that a trial needs at its largest, part by part.
///
/// Bytes are counted in double precision: products of sizes that no machine has do not overflow, and the first digits are
/// all that a bound needs.
///
/// # Example
/// ```
/// use espalier_experiment::Footprint;
///
/// // 784 · 10⁹ weights alone are 3.1 TB in single precision.
/// let wide = Footprint::default().dense(&[784, 1_000_000_000, 10], 128);
/// assert!(wide.total() > 3.1e12);
/// assert!(Footprint::default().dense(&[784, 100, 10], 128).total() < 1e7);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprint {
    parts: Vec<(&'static str, f64)>,
}

/// Copies of every parameter: weight, gradient, two moments of the optimizer, and the draft of an edit.
const COPIES: f64 = 5.0;
/// Bytes of a number in single precision.
const SINGLE: f64 = 4.0;
/// Rows per pass in evaluation, which activations are held for whatever the batch.
const EVALUATED_ROWS: usize = 500;

impl Footprint {
    /// Adds a part.
    #[must_use]
    pub fn part(mut self, what: &'static str, bytes: f64) -> Self {
        self.parts.push((what, bytes));
        self
    }

    /// Adds a network of so many parameters, with its gradients, its optimizer's state and room for an edit.
    #[must_use]
    pub fn parameters(self, count: f64) -> Self {
        self.part("network and optimizer", count * SINGLE * COPIES)
    }

    /// Adds the activations and their gradients of so many rows of so many values.
    #[must_use]
    pub fn activations(self, rows: usize, values: f64) -> Self {
        self.part("activations", rows as f64 * values * SINGLE * 2.0)
    }

    /// Adds a net of dense layers of these widths, inputs first and outputs last, trained in steps of `batch` rows.
    #[must_use]
    pub fn dense(self, widths: &[usize], batch: usize) -> Self {
        let pairs = widths.windows(2);
        let parameters: f64 = pairs.map(|pair| (pair[0] as f64 + 1.0) * pair[1] as f64).sum();
        // A pre-activation and an activation of each unit.
        let values: f64 = widths.iter().map(|width| 2.0 * *width as f64).sum();
        self.parameters(parameters)
            .activations(batch.max(EVALUATED_ROWS), values)
    }

    /// Adds a matrix in double precision.
    #[must_use]
    pub fn matrix(self, what: &'static str, rows: usize, columns: usize) -> Self {
        self.part(what, rows as f64 * columns as f64 * 8.0)
    }

    /// Adds the data set, which all trials share, once.
    #[must_use]
    pub fn data(self, data: &Dataset) -> Self {
        let splits = [Split::Train, Split::Validation, Split::Test].map(|split| data.split(split));
        let values: f64 = splits
            .iter()
            .map(|part| part.len() as f64 * (part.width() as f64 + 1.0))
            .sum();
        self.part("data", values * SINGLE)
    }

    /// Returns the sum of all parts.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// Shows the sum and the parts: `3.1 TiB (network and optimizer 3.1 TiB, data 188 MiB)`.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<&(&str, f64)> = self.parts.iter().filter(|(_, bytes)| *bytes > 0.0).collect();
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let parts: Vec<String> = parts
            .iter()
            .map(|(what, bytes)| format!("{what} {}", written(*bytes)))
            .collect();
        write!(f, "{} ({})", written(self.total()), parts.join(", "))
    }
}

/// Writes a number of bytes for people, in powers of 1024.
pub(crate) fn written(bytes: f64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = (bytes.max(1.0).log2() / 10.0).floor().clamp(0.0, 6.0);
    let value = bytes / 1024_f64.powf(power);
    let decimals = usize::from(power > 0.0 && value < 100.0);
    format!("{value:.decimals$} {}", UNITS[power as usize])
}

/// Reads a number of bytes: `8000000000`, `8GB`, `7.5 GiB`.
pub(crate) fn parse(text: &str) -> std::result::Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..split].trim(), text[split..].trim());
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024_f64.powi(2),
        "gib" | "g" => 1024_f64.powi(3),
        "tib" | "t" => 1024_f64.powi(4),
        _ => f64::NAN,
    };
    let bytes = number.parse::<f64>().unwrap_or(f64::NAN) * factor;
    // Beyond 2⁵³ bytes a double does not count single ones, and no machine has them.
    if (1.0..=9e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err("expected a number of bytes, for instance 8000000000, 8GB or 7.5GiB".to_owned())
    }
}

/// The share of the machine's memory that trials may take where nothing else is said.
const SHARE: f64 = 0.8;

/// The memory of this machine, or of the control group that this process runs in, less what others need.
pub(crate) fn of_machine() -> u64 {
    use sysinfo::{MemoryRefreshKind, RefreshKind, System};
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(what);
    let group = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let total = system.total_memory().min(group);
    if total == 0 {
        u64::MAX
    } else {
        (total as f64 * SHARE) as u64
    }
}

/// A bound on the bytes of the trials that run side by side.
#[derive(Debug)]
pub(crate) struct Memory {
    bound: f64,
    taken: Mutex<f64>,
    freed: Condvar,
}

/// A trial's part of the memory; given back when dropped.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    memory: &'a Memory,
    bytes: f64,
}

impl Memory {
    pub(crate) fn new(bound: u64) -> Self {
        Self {
            bound: bound as f64,
            taken: Mutex::new(0.0),
            freed: Condvar::new(),
        }
    }

    /// Refuses what will never fit, in words.
    pub(crate) fn check(&self, footprint: &Footprint) -> anyhow::Result<()> {
        anyhow::ensure!(
            footprint.total() <= self.bound,
            "not started: it needs about {footprint}, and may take {}; choose smaller settings, or raise --memory",
            written(self.bound)
        );
        Ok(())
    }

    /// Waits until the bytes are free; `None` when the worker is asked to leave before.
    pub(crate) fn take(&self, bytes: f64, leaves: impl Fn() -> bool) -> Option<Part<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0.0 && *taken + bytes > self.bound {
            if leaves() {
                return None;
            }
            let waited = self.freed.wait_timeout(taken, Duration::from_millis(200));
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += bytes;
        Some(Part { memory: self, bytes })
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut taken = self.memory.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // What was added comes off again; rounding must not leave a rest that nobody holds.
        *taken = (*taken - self.bytes).max(0.0);
        if *taken < 1.0 {
            *taken = 0.0;
        }
        self.memory.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_bytes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("1", 1),
            ("8GB", 8_000_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("2k", 2048),
            ("3 mb", 3_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "0", "-1", "GB", "1 apple", "NaN", "inf", "1e400", "1e300TB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_width_makes_a_footprint_that_is_small_by_overflow(width in 1_usize..=usize::MAX, batch in 1_usize..=usize::MAX) {
            let narrow = Footprint::default().dense(&[784, 4, 10], 1).total();
            let wide = Footprint::default().dense(&[784, width, width, 10], batch).total();
            prop_assert!(wide.is_finite() && wide >= narrow * (width as f64 / 4.0).min(1.0));
            prop_assert!(wide >= (width as f64).powi(2) * SINGLE);
        }

        #[test]
        fn bytes_are_written_as_numbers_that_read_back_within_five_percent(bytes in 1_u64..9_000_000_000_000_000) {
            let shown = written(bytes as f64).replace("bytes", "").replace("PiB", "e0");
            if !shown.ends_with("e0") {
                let back = parse(&shown).unwrap() as f64;
                prop_assert!((back / bytes as f64 - 1.0).abs() < 0.06, "{bytes} → {shown} → {back}");
            }
        }
    }

    #[test]
    fn trials_side_by_side_wait_for_memory_and_leave_when_asked() {
        let memory = Memory::new(100);
        let first = memory.take(80.0, || false).unwrap();
        assert!(memory.take(30.0, || true).is_none());
        let (waits, hears) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let memory = &memory;
            // Whoever waits asks again and again whether to leave; whoever does not, never.
            let second = scope.spawn(move || memory.take(30.0, || waits.send(()).is_err()).is_some());
            hears.recv().unwrap();
            drop(first);
            assert!(second.join().unwrap());
        });
        // What is larger than all there is was refused before; a trial alone is never kept waiting.
        assert!(memory.take(1e9, || false).is_some());
    }

    #[test]
    fn this_machine_has_memory_and_the_refusal_shows_both_numbers() {
        assert!(of_machine() > 1 << 20);
        let wide = Footprint::default().dense(&[784, 1_000_000_000, 10], 128);
        let refusal = Memory::new(1 << 34).check(&wide).unwrap_err().to_string();
        assert!(
            refusal.contains("TiB") && refusal.contains("16.0 GiB") && refusal.contains("--memory"),
            "{refusal}"
        );
    }
}
