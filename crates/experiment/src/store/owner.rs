//! Who works on a trial, and whether that process still lives.

use std::io::ErrorKind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::hex;

/// The system's number for "no such process".
const ESRCH: i32 = 3;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A worker: the machine and process it runs in, and a number that no other worker has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The host's name, for people.
    pub host: String,
    /// Host, boot and process namespace: only within one of these do process numbers compare.
    machine: String,
    /// The process number.
    pub pid: u32,
    /// When the process started, in the system's ticks, so that a reused number is told apart.
    started: String,
    /// Counts the workers of one process.
    number: u64,
}

impl Default for Owner {
    fn default() -> Self {
        Self::new()
    }
}

impl Owner {
    /// Makes a worker of this process.
    #[must_use]
    pub fn new() -> Self {
        static PROCESS: OnceLock<Owner> = OnceLock::new();
        let process = PROCESS.get_or_init(|| {
            let pid = std::process::id();
            Self {
                host: host_name(),
                machine: machine(),
                pid,
                started: start_of(pid).unwrap_or_default(),
                number: 0,
            }
        });
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            ..process.clone()
        }
    }

    /// Returns a short text that no other worker has, fit for a file name.
    #[must_use]
    pub fn token(&self) -> String {
        let text = format!("{}|{}|{}|{}", self.machine, self.pid, self.started, self.number);
        hex(&Sha256::digest(text.as_bytes())[..8])
    }

    /// Tells whether the worker's process has certainly ended: same machine, and no such process.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        // Without a known boot and namespace a process number says nothing.
        let comparable = !self.started.is_empty() && self.machine == machine() && self.machine.contains("pid:[");
        comparable && start_of(self.pid).is_some_and(|started| started != self.started)
    }
}

/// Returns this host's name.
#[must_use]
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {} {}", host_name(), boot.trim(), space.display())
}

/// Reads when a process started: the 22nd field of its stat line, counted after the name in parentheses.
///
/// The text is empty when no such process works any more, and `None` says that nothing is known.
fn start_of(pid: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        // Tell processes of one number apart by the time of their first question.
        return Some(first_question(pid));
    }
    let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        // The process may also end between the opening and the reading.
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => {
            return Some(String::new());
        }
        // Too many open files, for instance, tell nothing about another process.
        Err(_) => return None,
    };
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    // A zombie (state Z) works no more, whatever its number says.
    if fields.first() == Some(&"Z") {
        return Some(String::new());
    }
    fields.get(19).map(ToString::to_string)
}

fn first_question(pid: u32) -> String {
    static AT: OnceLock<u128> = OnceLock::new();
    let at = AT.get_or_init(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos())
    });
    format!("{pid}@{at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_one_process_differ() {
        assert_ne!(Owner::new().token(), Owner::new().token());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_ended_is_gone_and_one_elsewhere_is_not_judged() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let theirs = Owner {
            pid: child.id(),
            started: start_of(child.id()).unwrap(),
            ..Owner::new()
        };
        assert!(!theirs.is_gone() && !Owner::new().is_gone());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(theirs.is_gone());
        let elsewhere = Owner {
            machine: "other boot pid:[1]".into(),
            ..theirs.clone()
        };
        assert!(!elsewhere.is_gone());
        let reused = Owner {
            pid: std::process::id(),
            started: "1".into(),
            ..theirs
        };
        assert!(reused.is_gone());
    }
}
