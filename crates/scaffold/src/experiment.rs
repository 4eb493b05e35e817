//! Writes a new experiment: a sweep of one factor with two kinds of arms, which runs as it stands.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::writing::{File, check_absent, check_name, inserted, snake, write};

const FILES: [File; 3] = [
    ("main.rs", include_str!("../template/experiment/main.rs")),
    ("report.rs", include_str!("../template/experiment/report.rs")),
    ("method.md", include_str!("../template/experiment/method.md")),
];

const MANIFEST: &str = "experiments/Cargo.toml";

/// Checks everything first, then writes the folder, the empty file of golden digests and the entry in the manifest.
pub fn create(root: &Path, name: &str) -> Result<String> {
    check_name(name)?;
    let snake = snake(name);
    let (folder, golden) = (
        root.join("experiments").join(&snake),
        root.join(format!("experiments/golden/{name}.json")),
    );
    check_absent(&folder)?;
    check_absent(&golden)?;
    let manifest = root.join(MANIFEST);
    let entry = format!("[[bin]]\nname = \"{name}\"\npath = \"{snake}/main.rs\"\ntest = false\n\n");
    let new_manifest = inserted(&manifest, "[features]\n", &entry)?;
    write(&folder, &FILES, name)?;
    fs::write(golden, "{}\n")?;
    fs::write(&manifest, new_manifest)?;
    Ok(format!(
        "{} is written: an example that sweeps a width; {MANIFEST} has its entry.\n\
         Now: just run-experiment {name} --preset smoke\n\
         Before anything is recorded: just golden {name} --renew\n",
        folder.display()
    ))
}

/// The template itself, run as the experiment that it will be.
#[cfg(test)]
#[allow(dead_code, reason = "its `main` is for the binary that it becomes")]
#[path = "../template/experiment/main.rs"]
mod template;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("experiments/golden")).unwrap();
        let manifest = "[[bin]]\nname = \"conjecture\"\npath = \"conjecture/main.rs\"\n\n[features]\ncuda = []\n";
        fs::write(root.path().join(MANIFEST), manifest).unwrap();
        root
    }

    #[test]
    fn a_folder_a_file_of_digests_and_an_entry_are_written() {
        let root = workspace();
        create(root.path(), "how-wide").unwrap();
        let manifest = fs::read_to_string(root.path().join(MANIFEST)).unwrap();
        assert!(manifest.contains("name = \"how-wide\"\npath = \"how_wide/main.rs\"\ntest = false\n\n[features]"));
        assert_eq!(manifest.matches("[[bin]]").count(), 2);
        let folder = root.path().join("experiments/how_wide");
        let written = FILES.map(|(file, _)| fs::read_to_string(folder.join(file)).unwrap());
        assert!(written[0].contains("impl Design for HowWide") && written[0].contains("golden/how-wide.json"));
        assert!(written[1].contains("Study::new(\"how-wide\""));
        assert!(written.iter().all(|text| !text.to_lowercase().contains("placeholder")));
        let golden = fs::read_to_string(root.path().join("experiments/golden/how-wide.json")).unwrap();
        assert_eq!(golden, "{}\n");
    }

    #[test]
    fn what_is_there_already_and_a_manifest_without_a_place_are_refused_and_stay() {
        let root = workspace();
        create(root.path(), "twice").unwrap();
        let before = fs::read_to_string(root.path().join(MANIFEST)).unwrap();
        assert!(
            create(root.path(), "twice")
                .unwrap_err()
                .to_string()
                .contains("expected nothing there yet")
        );
        assert!(create(root.path(), "../escape").is_err());
        assert_eq!(fs::read_to_string(root.path().join(MANIFEST)).unwrap(), before);
        fs::write(root.path().join(MANIFEST), "[[bin]]\n").unwrap();
        assert!(
            create(root.path(), "other")
                .unwrap_err()
                .to_string()
                .contains("[features]")
        );
        assert!(!root.path().join("experiments/other").exists());
    }

    #[test]
    fn the_real_manifest_has_the_place_for_an_entry() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        inserted(&root.join(MANIFEST), "[features]\n", "x\n").unwrap();
    }

    #[test]
    fn the_template_is_a_small_sweep_that_runs_and_draws_its_page() {
        let lines = [FILES[0], FILES[1]].map(|(_, text)| {
            let code = text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with("//"));
            code.count()
        });
        assert!(lines.iter().sum::<usize>() <= 200, "{lines:?}");
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let words = [
            "placeholder",
            "--preset",
            "smoke",
            "--dataset",
            "glyphs",
            "--runs",
            runs.to_str().unwrap(),
        ];
        let design = espalier_trial::Designed(template::Placeholder);
        assert_eq!(espalier_experiment::run(&design, words), ExitCode::SUCCESS);
        let report = runs.join("placeholder/glyphs/smoke/report");
        let page = fs::read_to_string(report.join("README.md")).unwrap();
        for part in [
            "| width 8 L2=0.001 |",
            "figures/widths.svg",
            "figures/epochs.svg",
            "inconclusive",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
}
