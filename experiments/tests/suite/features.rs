//! However the workspace is asked for, dependencies get the same features, and so compile once.

use std::collections::BTreeSet;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(ROOT)
        // Whoever builds with unified features must not hide that others do not.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .env_remove("CARGO_UNSTABLE_FEATURE_UNIFICATION")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every dependency with the features that it is compiled with, for what one command selects.
fn resolved(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let form = ["tree", "--prefix", "none", "--format", "{p} [{f}]", "--edges", edges];
    cargo(&[&form[..], selection].concat())
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn members() -> Vec<String> {
    let tree = cargo(&[
        "tree",
        "--workspace",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_part_of_the_workspace_compiles_no_dependency_otherwise_than_the_whole() {
    let whole = resolved(&["--workspace"], "normal,build,dev");
    assert!(whole.len() > 300, "{} packages in all", whole.len());
    // Tests select every member with what its tests need; what people run selects the experiments without.
    let tested = members().into_iter().map(|member| (member, "normal,build,dev"));
    for (member, edges) in tested.chain([("espalier-experiments".to_owned(), "normal,build")]) {
        let part = resolved(&["--package", &member], edges);
        let extra: Vec<_> = part.difference(&whole).collect();
        assert!(
            extra.is_empty(),
            "--package {member}: crates/features/Cargo.toml lacks features that make these equal to the whole's: {extra:#?}"
        );
    }
}

#[test]
fn what_writes_a_strategy_needs_nothing_else() {
    let scaffold = resolved(&["--package", "espalier-scaffold"], "normal,build");
    assert_eq!(scaffold.len(), 1, "{scaffold:#?}");
}

#[test]
fn statistics_figures_and_pages_do_without_polars() {
    let lean = resolved(
        &["--package", "espalier-report", "--no-default-features"],
        "normal,build",
    );
    assert!(lean.iter().any(|package| package.starts_with("plotters ")), "{lean:#?}");
    let heavy: Vec<_> = lean.iter().filter(|package| package.starts_with("polars")).collect();
    assert!(heavy.is_empty(), "{heavy:#?}");
}
