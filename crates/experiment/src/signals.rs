//! Requests to leave: from the keyboard, from a scheduler, from a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use crate::{Error, Result};

/// A flag that every part of a run watches: once it is up, nothing new starts.
#[derive(Clone, Debug, Default)]
pub struct Leave {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    signal: AtomicI32,
    count: AtomicU32,
    halted: AtomicBool,
}

impl Leave {
    /// Asks everybody to leave, as the signal of that number would.
    pub fn ask(&self, signal: i32) {
        self.state.signal.store(signal, Ordering::SeqCst);
        self.state.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Stops the run from within, because it cannot go on.
    pub(crate) fn halt(&self) {
        self.state.halted.store(true, Ordering::SeqCst);
    }

    /// Tells whether the run ends early, by request or because it cannot go on.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.count() > 0 || self.state.halted.load(Ordering::SeqCst)
    }

    /// Returns how often anybody asked; the second time means: at once.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.state.count.load(Ordering::SeqCst)
    }

    /// Tells whether a scheduler or a terminal that closes asked, which leaves little time, rather than the keyboard.
    #[must_use]
    pub fn by_scheduler(&self) -> bool {
        matches!(self.state.signal.load(Ordering::SeqCst), SIGTERM | SIGUSR1 | SIGHUP)
    }

    /// Returns the exit code of a run that left early: 130 after Ctrl-C, as shells expect, 75 ("try
    /// again") after a scheduler's signal, so that it does not take the task for done, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.by_scheduler(), self.count()) {
            (true, _) => 75,
            (false, 0) => 1,
            (false, _) => 130,
        }
    }

    /// Turns SIGINT, SIGTERM, SIGUSR1 and SIGHUP of this process into requests; a SIGHUP that `nohup` has
    /// told the process to ignore stays ignored.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub fn listen(&self) -> Result<()> {
        let failed = |source| Error::io("listening for signals of", "this process", source);
        let mut wanted = vec![SIGINT, SIGTERM, SIGUSR1];
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let mut signals = signal_hook::iterator::Signals::new(wanted).map_err(failed)?;
        let leave = self.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    leave.ask(signal);
                }
            })
            .map(|_| ())
            .map_err(failed)
    }
}

/// Tells whether this process was started with a signal ignored, where the system says so.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    // The lowest bit stands for signal 1.
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}
