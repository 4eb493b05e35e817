//! Whole runs of a tiny experiment in processes of their own: flags, resume, kills, leases, reports.
#![allow(clippy::unwrap_used, missing_docs)]

mod continuing;
mod faults;
mod flags;
mod kills;
mod runs;
mod sharing;
mod toy;
mod walk;
