//! One program for all tests over the experiments, as linking it takes longer than running it.
#![allow(clippy::unwrap_used)]

mod deviations;
mod digits;
mod features;
mod flaws;
mod golden;
mod journal;
mod layout;
mod outcomes;
mod own_data;
mod refused;
mod smoke;
mod snippet;
mod words;

/// The experiments with their binaries, as cargo hands them to a test that runs: nothing to add here for a new one.
fn experiments() -> Vec<(String, String)> {
    let handed = std::env::vars().filter_map(|(key, binary)| {
        let name = key.strip_prefix("CARGO_BIN_EXE_")?;
        Some((name.to_owned(), binary))
    });
    handed.collect()
}

/// Tells whether an experiment makes its own data, so that no set can be asked for.
fn makes_its_data(binary: &str) -> bool {
    let help = std::process::Command::new(binary).arg("--help").output().unwrap();
    String::from_utf8_lossy(&help.stdout).contains("Data: made by the experiment")
}
