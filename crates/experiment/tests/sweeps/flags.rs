//! What the command line says when it is right, and when it is wrong.

use super::toy::{Field, text};

fn complaint(arguments: &[&str]) -> String {
    let field = Field::new();
    let output = field.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
    assert!(!field.path("runs").exists(), "{arguments:?} left something behind");
    text(&output)
}

#[test]
fn wrong_values_get_a_list_of_the_right_ones() {
    for (arguments, parts) in [
        (vec!["--preset", "huge"], vec!["smoke, quick, full, long", "`huge`"]),
        (vec!["--only", "plane"], vec!["one of `plain`, `", "`flaky`", "`plane`"]),
        (
            vec!["--set", "step=1"],
            vec!["steps=20", "law=normal", "one of normal, uniform"],
        ),
        (vec!["--set", "law=cauchy"], vec!["one of normal, uniform", "`cauchy`"]),
        (vec!["--set", "steps"], vec!["KEY=VALUE"]),
        (vec!["--device", "gpu"], vec!["cpu, candle-cpu, cuda or cuda:N"]),
        (vec!["--shard", "3/2"], vec!["I/N"]),
        (vec!["--seeds", "0"], vec!["1.."]),
        (vec!["--seed", "1"], vec!["--seeds"]),
        (vec!["runn"], vec!["run"]),
        (vec!["worker", "--fresh"], vec!["--fresh", "the verb run"]),
        (vec!["slurm", "--shard", "1/2"], vec!["--shard", "cuts the plan itself"]),
    ] {
        let message = complaint(&arguments);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {part} in {message}");
        }
    }
}

#[test]
fn help_tells_every_flag_with_its_default_and_every_setting() {
    let help = Field::new().succeed(&["--help"]);
    for part in [
        "How far does a walk lead?",
        "--preset",
        "--set <KEY=VALUE>",
        "--dataset",
        "--seeds",
        "--only",
        "--device",
        "--jobs",
        "--data",
        "--out",
        "--fresh",
        "--shard",
        "--no-fallback",
        "[default: quick]",
        "[default: reports]",
        "steps=20",
        "1, 6, 8",
        "Preset long: walks of a thousand steps",
        "Data sets: alpha, beta",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn about_is_one_line() {
    let said = Field::new().succeed(&["about"]);
    assert!(
        said.lines()
            .any(|line| line.ends_with("walk — How far does a walk lead?")),
        "{said}"
    );
}

#[test]
fn schedulers_get_a_script_and_the_plan() {
    let field = Field::new();
    field.succeed(&[
        "slurm",
        "--preset",
        "full",
        "--partition",
        "main",
        "--array-limit",
        "10",
        "--dry-run",
    ]);
    let script = std::fs::read_to_string(field.path("runs/walk/full.slurm.sh")).unwrap();
    assert!(
        script.contains("#SBATCH --array=0-7") && script.contains("--chunk 4"),
        "{script}"
    );
    assert!(script.contains("--preset full"), "{script}");
    assert!(field.path("runs/walk/alpha/full/plan.jsonl").is_file());
    field.succeed(&["hyperqueue", "--dry-run"]);
    assert!(field.path("runs/walk/quick.hyperqueue.sh").is_file());
    field.succeed(&["kubernetes", "--image", "site/espalier:2"]);
    let manifest = std::fs::read_to_string(field.path("runs/walk/quick.kubernetes.yaml")).unwrap();
    assert!(
        manifest.contains("completions: 24") && manifest.contains("/espalier/runs"),
        "{manifest}"
    );
}
