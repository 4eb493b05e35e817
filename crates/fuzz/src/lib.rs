//! What fuzzers call: one [`Target`] a reader.
//!
//! A target hands bytes to a reader and holds it to two rules: it never panics, and what it accepts means what it says
//! (sizes fit, numbers are finite, writing it again and reading that gives the same). A broken rule is a panic, which
//! is what fuzzers look for. The targets in `fuzz/fuzz_targets` call these functions under libFuzzer; the test
//! `campaign` calls them on seeded mutations of `fuzz/seeds`, so that no build goes without.
//!
//! Most files carry a sum over their content, which a mutation breaks: then only the sum would ever be tried. The
//! targets of such files therefore put the right sum in and read the bytes once more.

mod folder;
mod mutation;
mod network;
mod rows;
mod seeds;
mod sets;
mod store;
mod sum;
mod toy;

pub use mutation::mutate;
pub use seeds::{own_seeds, seeds};

/// A reader under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and the name of its folder of seeds.
    pub name: &'static str,
    /// Reads bytes and says whether they were accepted; panics where the reader breaks a rule.
    pub run: fn(&[u8]) -> bool,
}

const fn target(name: &'static str, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run }
}

/// Every reader of bytes that come from outside the program.
pub const TARGETS: [Target; 18] = [
    target("idx", sets::idx),
    target("mnist", sets::mnist),
    target("cifar", sets::cifar),
    target("optdigits", sets::optdigits),
    target("airfoil", sets::airfoil),
    target("poker", sets::poker),
    target("adult", sets::adult),
    target("covtype", sets::covtype),
    target("table", sets::table),
    target("arrays", sets::arrays),
    target("record", store::record),
    target("lease", store::lease),
    target("checkpoint", store::checkpoint),
    target("plan", store::plan),
    target("manifest", store::manifest),
    target("rows", rows::rows),
    target("network", network::network),
    target("state_dict", network::state_dict),
];

/// Finds a target by its name.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Hands bytes to the target with the given name and says whether they were accepted.
///
/// # Panics
/// When the reader breaks a rule, and when no target has that name.
pub fn accepts(name: &str, bytes: &[u8]) -> bool {
    let target = find(name).expect("a target has this name");
    (target.run)(bytes)
}
