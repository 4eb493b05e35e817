//! The batch script for Slurm.

use super::{Array, quote};

/// What Slurm is asked for beyond the array.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) partition: Option<String>,
    pub(crate) time: String,
    pub(crate) gpus: usize,
}

/// Writes the script.
///
/// # Method
/// `exec` puts the worker in the shell's place, so that the signal a minute before the time limit
/// reaches it: it checkpoints, leaves with code 75, and a requeued or resubmitted element goes on.
pub(crate) fn script(array: &Array, request: &Request) -> String {
    let mut lines = vec!["#!/bin/bash".to_owned()];
    let mut directive = |text: String| lines.push(format!("#SBATCH {text}"));
    directive(format!("--job-name={}", value(&array.name)));
    directive(format!("--array=0-{}", array.elements().saturating_sub(1)));
    if let Some(partition) = &request.partition {
        directive(format!("--partition={}", value(partition)));
    }
    directive(format!("--time={}", value(&request.time)));
    directive("--ntasks=1".to_owned());
    directive(format!("--cpus-per-task={}", array.cpus));
    if request.gpus > 0 {
        directive(format!("--gpus={}", request.gpus));
    }
    directive("--requeue".to_owned());
    directive("--open-mode=append".to_owned());
    directive("--signal=B:USR1@60".to_owned());
    // Slurm's own patterns start with a percent sign.
    let logs = array.logs.replace('%', "%%");
    directive(format!("--output={}", quoted(&format!("{logs}/%A_%a.log"))));
    lines.push(String::new());
    lines.push(format!(
        "# {} trials, {} to an element. Each element takes its trials from the plan, skips those",
        array.trials, array.chunk
    ));
    lines.push("# that are recorded, and goes on from checkpoints: submit this script again at any time.".to_owned());
    lines.push("set -eu".to_owned());
    lines.push(format!("mkdir -p {}", quote(&array.logs)));
    lines.push(format!("exec {}", array.shell_command()));
    lines.join("\n") + "\n"
}

/// Writes a directive's value, in quotes where it needs them.
fn value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    quoted(text)
}

/// Quotes a directive's value, whose words end at a space; a line break would end the directive and begin a command.
fn quoted(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::array;
    use super::*;

    #[test]
    fn the_script_is_valid_bash_and_asks_for_what_was_asked() {
        let request = Request {
            partition: Some("gpu".into()),
            time: "01:00:00".into(),
            gpus: 2,
        };
        let text = script(&array(60, 20), &request);
        for line in [
            "#SBATCH --array=0-19",
            "#SBATCH --partition=gpu",
            "#SBATCH --gpus=2",
            "#SBATCH --cpus-per-task=2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.sh");
        std::fs::write(&path, &text).unwrap();
        assert!(
            std::process::Command::new("bash")
                .arg("-n")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
    }

    #[test]
    fn a_value_cannot_become_a_command() {
        let request = Request {
            partition: Some("main\ntouch x".into()),
            time: "1 \"h\"".into(),
            gpus: 0,
        };
        let text = script(&array(1, 20), &request);
        assert!(text.contains("#SBATCH --partition=\"main touch x\"\n"), "{text}");
        assert!(text.contains("#SBATCH --time=\"1 \\\"h\\\"\"\n"), "{text}");
    }

    #[test]
    fn what_was_not_asked_is_left_to_the_site() {
        let request = Request {
            partition: None,
            time: "10".into(),
            gpus: 0,
        };
        let text = script(&array(1, 20), &request);
        assert!(!text.contains("--partition") && !text.contains("--gpus") && text.contains("--array=0-0"));
    }
}
