//! Writes the crate of a new strategy.
//!
//! The crate does nothing yet, but compiles and keeps the contract. Three lines outside its own folder
//! make it part of the experiments `strategies` and `sizing`: a dependency, and its places in their lists.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::writing::{File, check_absent, check_name, inserted, snake, type_name, write};

/// The crate of a strategy called `placeholder`, which compiles as it stands: the tests here run its tests.
const FILES: [File; 4] = [
    ("Cargo.toml", include_str!("../template/strategy/Cargo.toml.txt")),
    ("README.md", include_str!("../template/strategy/README.md")),
    ("src/lib.rs", include_str!("../template/strategy/src/lib.rs")),
    (
        "tests/conformance.rs",
        include_str!("../template/strategy/tests/conformance.rs"),
    ),
];

const MANIFEST: &str = "experiments/Cargo.toml";
const ARMS: &str = "experiments/strategies/arms.rs";
const SIZERS: &str = "experiments/sizing/sizers.rs";

/// Checks everything first, then writes the crate and the three lines.
pub fn create(root: &Path, name: &str) -> Result<String> {
    check_name(name)?;
    let folder = root.join("crates/strategies").join(name);
    check_absent(&folder)?;
    let (manifest, arms, sizers) = (root.join(MANIFEST), root.join(ARMS), root.join(SIZERS));
    let dependency = format!("espalier-{name} = {{ path = \"../crates/strategies/{name}\" }}\n");
    let new_manifest = inserted(&manifest, "espalier-train.workspace = true\n", &dependency)?;
    let new_arms = inserted(&arms, "];\n", &arm(name))?;
    let new_sizers = inserted(&sizers, "];\n", &sizer(name))?;
    write(&folder, &FILES, name)?;
    fs::write(&manifest, new_manifest)?;
    fs::write(&arms, new_arms)?;
    fs::write(&sizers, new_sizers)?;
    Ok(format!(
        "{} is written: it does nothing yet and keeps the contract.\n\
         One line each was added to {MANIFEST}, {ARMS} and {SIZERS}; nothing else outside its folder changed.\n\
         Now: cargo test --release -p espalier-{name}\n\
         Then: just run-experiment strategies --only {name}\n",
        folder.display()
    ))
}

/// The arm's line: two tried configurations, as every arm has them.
fn arm(name: &str) -> String {
    let path = format!("espalier_{}::{}", snake(name), type_name(name));
    format!(
        "    arm(\"{name}\", Growing, PLAIN, [(\"rate 1e-3\", |c| grown(c, {path}::default())), \
         (\"rate 2e-3\", |_| attempt({path}::default(), 2e-3))]),\n"
    )
}

/// The sizer's line: it grows from a small net until the validation loss stops falling.
fn sizer(name: &str) -> String {
    let path = format!("espalier_{}::{}", snake(name), type_name(name));
    format!(
        "    Reshaping {{ name: \"{name}\", keeps: Keeps::BestEpoch, least_share: 0.0, dials: &[], \
          start: |b, _| grows(b, SMALL, {path}::default()) }},\n"
    )
}

/// The template itself, built and tested as the crate that it will be.
#[cfg(test)]
#[path = "../template/strategy/tests/conformance.rs"]
mod conformance;
#[cfg(test)]
#[path = "../template/strategy/src/lib.rs"]
mod template;
#[cfg(test)]
pub use template::Placeholder;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::Command;

    use super::*;

    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("experiments/strategies")).unwrap();
        fs::create_dir_all(root.path().join("experiments/sizing")).unwrap();
        fs::create_dir_all(root.path().join("crates/strategies")).unwrap();
        let manifest = "[dependencies]\nespalier-redo.workspace = true\nespalier-train.workspace = true\n";
        fs::write(root.path().join(MANIFEST), manifest).unwrap();
        fs::write(
            root.path().join(ARMS),
            "pub const ARMS: &[Arm] = &[\n    one,\n];\nrest\n",
        )
        .unwrap();
        let sizers = "pub const STRATEGIES: &[Reshaping] = &[\n    one,\n];\nrest\n";
        fs::write(root.path().join(SIZERS), sizers).unwrap();
        root
    }

    #[test]
    fn one_line_each_enters_the_manifest_and_the_lists() {
        let root = workspace();
        create(root.path(), "grow-fast").unwrap();
        let manifest = fs::read_to_string(root.path().join(MANIFEST)).unwrap();
        assert_eq!(manifest.lines().count(), 4);
        assert_eq!(
            manifest.lines().nth(2),
            Some("espalier-grow-fast = { path = \"../crates/strategies/grow-fast\" }")
        );
        let arms = fs::read_to_string(root.path().join(ARMS)).unwrap();
        assert_eq!(arms.lines().count(), 5);
        assert!(
            arms.lines()
                .nth(2)
                .unwrap()
                .contains("espalier_grow_fast::GrowFast::default()")
        );
        let sizers = fs::read_to_string(root.path().join(SIZERS)).unwrap();
        assert!(
            sizers
                .lines()
                .nth(2)
                .unwrap()
                .contains("espalier_grow_fast::GrowFast::default()")
        );
        let folder = root.path().join("crates/strategies/grow-fast");
        let written = FILES.map(|(file, _)| fs::read_to_string(folder.join(file)).unwrap());
        assert!(written[0].contains("name = \"espalier-grow-fast\""));
        assert!(written[2].contains("pub struct GrowFast {}") && written[2].contains("\"grow-fast\""));
        assert!(written[3].contains("use espalier_grow_fast::GrowFast;"));
        assert!(written.iter().all(|text| !text.to_lowercase().contains("placeholder")));
    }

    #[test]
    fn a_refused_name_leaves_everything_as_it_was() {
        let root = workspace();
        for name in ["", "Grow", "9lives", "a--b", "a-", "../escape"] {
            let message = create(root.path(), name).unwrap_err().to_string();
            assert!(message.contains("expected lower-case words"), "{message}");
        }
        create(root.path(), "twice").unwrap();
        let before = fs::read_to_string(root.path().join(ARMS)).unwrap();
        let message = create(root.path(), "twice").unwrap_err().to_string();
        assert!(message.contains("expected nothing there yet"), "{message}");
        assert_eq!(fs::read_to_string(root.path().join(ARMS)).unwrap(), before);
    }

    #[test]
    fn a_list_that_cannot_be_found_is_named_and_nothing_is_written() {
        let root = workspace();
        fs::write(root.path().join(ARMS), "no list here\n").unwrap();
        let message = create(root.path(), "grow").unwrap_err().to_string();
        assert!(message.contains("arms.rs") && message.contains("`];`"), "{message}");
        assert!(!root.path().join("crates/strategies/grow").exists());
    }

    #[test]
    fn the_real_manifest_and_list_have_the_lines_to_insert_before() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        inserted(&root.join(MANIFEST), "espalier-train.workspace = true\n", "x\n").unwrap();
        let arms = inserted(&root.join(ARMS), "];\n", "x\n").unwrap();
        // The first such line must be the end of the list of arms.
        let end = arms.find("\nx\n").unwrap();
        let list = arms.find("pub const ARMS").unwrap();
        assert!(list < end && !arms[list..end].contains("const RATES"));
        let sizers = inserted(&root.join(SIZERS), "];\n", "x\n").unwrap();
        let (end, list) = (
            sizers.find("\nx\n").unwrap(),
            sizers.find("pub const STRATEGIES").unwrap(),
        );
        assert!(list < end && !sizers[list..end].contains("\nconst "));
    }

    /// Copies what git keeps, so that the real workspace stays as it is.
    fn copied_workspace() -> tempfile::TempDir {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let copy = tempfile::tempdir().unwrap();
        let kept = ["Cargo.toml", "Cargo.lock", "clippy.toml", "crates", "experiments"];
        let copied = Command::new("cp")
            .arg("-r")
            .args(kept)
            .arg(copy.path())
            .current_dir(real)
            .status()
            .unwrap();
        assert!(copied.success());
        copy
    }

    #[test]
    #[ignore = "compiles the network anew: minutes"]
    fn the_written_crate_passes_its_tests_and_runs_beside_the_others() {
        let copy = copied_workspace();
        create(copy.path(), "grow-fast").unwrap();
        // Only the workspace's own crates compile anew there, as their paths are others.
        let program = std::env::current_exe().unwrap();
        for arguments in [
            "test --release -p espalier-grow-fast",
            "run --release -p espalier-experiments --bin strategies -- --preset smoke --dataset glyphs --only grow-fast",
        ] {
            let cargo = Command::new(env!("CARGO"))
                .args(arguments.split(' '))
                .current_dir(copy.path())
                .env("CARGO_TARGET_DIR", program.ancestors().nth(3).unwrap())
                .output()
                .unwrap();
            assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        }
    }
}
