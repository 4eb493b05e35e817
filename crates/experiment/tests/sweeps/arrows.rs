//! The crates' dependencies follow the table of rooms in DESIGN.md.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each room may use. Strategies and experiments have rules of their own below.
const ROOMS: &[(&str, &[&str])] = &[
    ("seed", &[]),
    ("metrics", &["seed"]),
    ("net", &["seed"]),
    ("data", &["seed"]),
    ("strategy", &["net", "metrics", "seed"]),
    ("train", &["data", "net", "metrics", "strategy", "seed"]),
    ("report", &["metrics", "seed"]),
    ("study", &["report", "metrics", "seed"]),
    ("experiment", &["report", "data", "seed"]),
    (
        "trial",
        &["experiment", "train", "report", "strategy", "net", "data", "seed"],
    ),
    (
        "sizing",
        &["train", "report", "data", "net", "metrics", "strategy", "seed"],
    ),
];

fn short(name: &str) -> Option<String> {
    name.strip_prefix("espalier-").map(str::to_owned)
}

/// For each of our packages, its folder and what it depends on outside of tests.
fn packages() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = package["manifest_path"].as_str().unwrap().to_owned();
        let normal = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["kind"].is_null());
        let uses = normal.map(|d| d["name"].as_str().unwrap().to_owned()).collect();
        found.insert(package["name"].as_str().unwrap().to_owned(), (manifest, uses));
    }
    found
}

fn own(uses: &BTreeSet<String>) -> BTreeSet<String> {
    uses.iter().filter_map(|name| short(name)).collect()
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let packages = packages();
    for (room, allowed) in ROOMS {
        let Some((_, uses)) = packages.get(&format!("espalier-{room}")) else {
            panic!("no crate espalier-{room}");
        };
        let allowed: BTreeSet<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        let extra: Vec<_> = own(uses).difference(&allowed).cloned().collect();
        assert!(extra.is_empty(), "espalier-{room} uses {extra:?}");
    }
}

#[test]
fn strategies_know_neither_each_other_nor_the_trainer() {
    let allowed: BTreeSet<String> = ["strategy", "net", "metrics", "seed"].map(str::to_owned).into();
    for (name, (manifest, uses)) in packages() {
        if manifest.contains("/crates/strategies/") {
            let extra: Vec<_> = own(&uses).difference(&allowed).cloned().collect();
            assert!(extra.is_empty(), "{name} uses {extra:?}");
        }
    }
}

#[test]
fn report_and_metrics_are_free_of_candle_and_only_the_net_has_it() {
    for (name, (_, uses)) in packages() {
        let candle: Vec<_> = uses.iter().filter(|u| u.starts_with("candle-")).collect();
        let may = match name.as_str() {
            "espalier-net" => true,
            "espalier-data" => candle.iter().all(|c| *c == "candle-datasets"),
            _ => candle.is_empty(),
        };
        assert!(may, "{name} uses {candle:?}");
    }
}

#[test]
fn no_library_uses_the_experiments() {
    for (name, (_, uses)) in packages() {
        assert!(
            name == "espalier-experiments" || !uses.contains("espalier-experiments"),
            "{name}"
        );
    }
}
