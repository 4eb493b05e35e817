//! The submit script for HyperQueue.

use super::{Array, quote};

/// Writes the script; HyperQueue numbers tasks through `HQ_TASK_ID`.
pub(crate) fn script(array: &Array, gpus: usize) -> String {
    let last = array.elements().saturating_sub(1);
    let gpus = match gpus {
        0 => String::new(),
        count => format!(" --resource gpus/nvidia={count}"),
    };
    format!(
        "#!/bin/bash\n\
         # {trials} trials, {chunk} to a task. Tasks skip what is recorded: submit this script again at any time.\n\
         set -eu\n\
         mkdir -p {logs}\n\
         exec hq submit --name {name} --array 0-{last} --cpus {cpus}{gpus} \\\n  \
         --stdout {logs_pattern}.out --stderr {logs_pattern}.err -- \\\n  \
         {command}\n",
        trials = array.trials,
        chunk = array.chunk,
        logs = quote(&array.logs),
        name = quote(&array.name),
        cpus = array.cpus,
        logs_pattern = quote(&format!("{}/%{{JOB_ID}}_%{{TASK_ID}}", array.logs)),
        command = array.shell_command(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::array;
    use super::*;

    #[test]
    fn the_script_hands_hq_the_array_and_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let hq = folder.path().join("hq");
        // A stand-in that prints its arguments shows what the real program would be given. Another process writes it: a file
        // that this one has open while another test starts a program is open in that program as well for a moment, and what
        // is open for writing cannot be executed.
        let write = "printf '%s\\n' '#!/bin/sh' 'printf \"%s|\" \"$@\"' > \"$0\" && chmod +x \"$0\"";
        let written = std::process::Command::new("sh").args(["-c", write]).arg(&hq).status();
        assert!(written.unwrap().success());
        let mut job = array(60, 20);
        job.logs = folder.path().join("logs").display().to_string();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let answer = std::process::Command::new("bash")
            .env("PATH", path)
            .args(["-c", &script(&job, 1)])
            .output()
            .unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        assert!(
            text.starts_with("submit|--name|walk-quick|--array|0-19|--cpus|2|--resource|gpus/nvidia=1|--stdout|"),
            "{text}"
        );
        assert!(text.contains("/logs/%{JOB_ID}_%{TASK_ID}.out|"), "{text}");
        assert!(
            text.ends_with("|--|/opt/walk|worker|--set|label=it's|--preset|quick|"),
            "{text}"
        );
    }
}
