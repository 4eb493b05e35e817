//! Asks the compiler for its version, for the manifests.

use std::process::Command;

fn main() {
    let program = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let answer = Command::new(program).arg("--version").output();
    let version = answer.map_or_else(
        |_| "unknown".into(),
        |answer| {
            String::from_utf8_lossy(&answer.stdout)
                .trim()
                .trim_start_matches("rustc ")
                .to_owned()
        },
    );
    println!("cargo:rustc-env=ESPALIER_RUSTC={version}");
    println!("cargo:rerun-if-changed=build.rs");
}
