//! What the programs under `fuzz_targets` share: each hands libFuzzer's bytes to the target of its own name.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

pub use libfuzzer_sys;

/// What the last panic said and where it was.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Is the program of the target after which it is named.
#[macro_export]
macro_rules! reader {
    () => {
        $crate::libfuzzer_sys::fuzz_target!(init: $crate::let_readers_catch_panics(), |bytes: &[u8]| {
            $crate::try_bytes(env!("CARGO_BIN_NAME"), bytes);
        });
    };
}

/// Takes back libFuzzer's hook, which ends the process at every panic: readers turn panics of the formats below them
/// into errors, and only one that leaves the target is a finding.
pub fn let_readers_catch_panics() {
    set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

/// Hands bytes to a target and ends the process where a rule is broken, so that libFuzzer keeps the bytes.
pub fn try_bytes(target: &str, bytes: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| espalier_fuzz::accepts(target, bytes))).is_err() {
        eprintln!("{}", LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
}
