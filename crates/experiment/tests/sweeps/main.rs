//! Whole runs of a tiny experiment in processes of their own: flags, resume, kills, leases, reports; and what crates use.
#![allow(clippy::unwrap_used, missing_docs)]

mod arrows;
mod continuing;
mod evidence;
mod faults;
mod flags;
mod gain;
mod kills;
mod merged;
mod outputs;
mod runs;
mod sharing;
mod shim;
mod toy;
mod until;
mod walk;
