//! A strategy in a crate outside the workspace needs nothing private.

use std::path::Path;
use std::process::Command;

/// The manifest of a crate of its own, with paths to the three crates that the example names.
fn manifest(crates: &Path) -> String {
    let dependency = |name: &str| format!("espalier-{name} = {{ path = {:?} }}\n", crates.join(name));
    let head = "[package]\nname = \"toy-strategy\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n";
    head.to_owned() + &["net", "seed", "strategy"].map(dependency).concat()
}

/// Without a warm target folder this checks every dependency anew, which takes minutes; the example itself is compiled and
/// tested with the others.
#[test]
#[ignore = "checks all dependencies anew in a target folder of its own: about three minutes"]
fn the_example_compiles_as_a_crate_outside_the_workspace() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("src")).unwrap();
    std::fs::copy(
        here.join("examples/toy_strategy.rs"),
        outside.path().join("src/main.rs"),
    )
    .unwrap();
    // The same versions as the workspace's, so that nothing has to be fetched.
    std::fs::copy(here.join("../../Cargo.lock"), outside.path().join("Cargo.lock")).unwrap();
    std::fs::write(outside.path().join("Cargo.toml"), manifest(here.parent().unwrap())).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--all-targets", "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside"))
        .current_dir(outside.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
