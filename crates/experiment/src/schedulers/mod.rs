//! Scripts that hand a plan to the user's scheduler; the worker is the same under all of them.

pub(crate) mod hyperqueue;
pub(crate) mod kubernetes;
pub(crate) mod slurm;

/// A plan cut into the elements of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    /// The job's name.
    pub(crate) name: String,
    /// Trials in all.
    pub(crate) trials: usize,
    /// Trials for each element, the last one perhaps fewer.
    pub(crate) chunk: usize,
    /// Cores for each element.
    pub(crate) cpus: usize,
    /// The worker's program and flags.
    pub(crate) command: Vec<String>,
    /// Where logs go.
    pub(crate) logs: String,
}

impl Array {
    /// Returns the number of elements.
    pub(crate) fn elements(&self) -> usize {
        self.trials.div_ceil(self.chunk.max(1))
    }

    /// Writes the worker's command line for a shell, one flag a line.
    pub(crate) fn shell_command(&self) -> String {
        let mut text = String::new();
        for (at, word) in self.command.iter().enumerate() {
            let separator = match (at, word.starts_with("--")) {
                (0, _) => "",
                (_, true) => " \\\n  ",
                (_, false) => " ",
            };
            text.push_str(separator);
            text.push_str(&quote(word));
        }
        text
    }
}

/// Returns the smallest chunk with which `trials` fit into `limit` elements.
pub(crate) fn chunk(trials: usize, limit: usize) -> usize {
    trials.div_ceil(limit.max(1)).max(1)
}

/// Quotes a word for a POSIX shell where it needs it.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn array(trials: usize, limit: usize) -> Array {
        Array {
            name: "walk-quick".into(),
            trials,
            chunk: chunk(trials, limit),
            cpus: 2,
            command: ["/opt/walk", "worker", "--set", "label=it's", "--preset", "quick"]
                .map(str::to_owned)
                .to_vec(),
            logs: "/shared/runs/walk/logs".into(),
        }
    }

    #[test]
    fn every_trial_has_an_element_and_the_limit_holds() {
        for (trials, limit, elements) in [
            (1, 1000, 1),
            (1000, 1000, 1000),
            (1001, 1000, 501),
            (60, 7, 7),
            (5, 1, 1),
        ] {
            let array = array(trials, limit);
            assert_eq!(array.elements(), elements);
            assert!(array.elements() <= limit && array.elements() * array.chunk >= trials);
        }
    }

    #[test]
    fn words_survive_the_shell() {
        let array = array(3, 3);
        let script = format!("printf '%s|' {}", array.shell_command());
        let answer = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(
            String::from_utf8(answer.stdout).unwrap(),
            "/opt/walk|worker|--set|label=it's|--preset|quick|"
        );
    }
}
