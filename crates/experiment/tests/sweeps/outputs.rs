//! What reaches terminals, pages and shells: whole, once, and never as commands to them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use super::toy::{Field, WAITS, files_below, text};

const QUICK: &str = "reports/walk/alpha/quick";

/// Runs with a standard output that nobody reads any more.
fn unheard(field: &Field, arguments: &[&str]) -> Output {
    let mut child = field
        .command(arguments)
        .env(WAITS, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The test's frame prints its own words before the experiment says anything.
    let mut frame = Vec::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    while !frame.ends_with(b"... ") {
        assert!(reader.read_until(b' ', &mut frame).unwrap() > 0);
    }
    drop(reader);
    // The experiment begins when its standard input is closed.
    child.wait_with_output().unwrap()
}

#[test]
fn every_answer_that_nobody_reads_shows_in_the_exit_code() {
    let field = Field::new();
    field.succeed(&["--seeds", "1"]);
    let answers: [&[&str]; 12] = [
        &["--help"],
        &["help", "worker"],
        &["--version"],
        &["about"],
        &["plan", "--seeds", "2"],
        &["status", "--seeds", "2"],
        &["collect", "--seeds", "1"],
        &["figures"],
        &["gallery"],
        &["compare", QUICK, QUICK],
        &["slurm", "--dry-run"],
        &["kubernetes"],
    ];
    for arguments in answers {
        let output = unheard(&field, arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert_eq!(
            said.matches("writing to standard output: Broken pipe").count(),
            1,
            "{arguments:?}: {said}"
        );
    }
    // A mistake is told on standard error and stays one.
    assert_eq!(unheard(&field, &["nonsense"]).status.code(), Some(2));
}

#[test]
fn a_reader_that_has_gone_lets_the_run_finish_and_shows_in_the_exit_code() {
    let field = Field::new();
    let output = unheard(&field, &["--seeds", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("writing to standard output: Broken pipe"),
        "{}",
        text(&output)
    );
    assert_eq!(files_below(&field.path("runs"), ".json").len(), 4);
    assert_eq!(files_below(&field.path("reports"), "README.md").len(), 1);
}

#[test]
fn html_in_a_setting_is_text_on_the_page_and_in_the_index() {
    let field = Field::new();
    let harmful = "fail_until=<img src=x onerror=alert(1)>";
    field.run(&["--seeds", "1", "--only", "plain", "--set", harmful]);
    field.succeed(&["gallery"]);
    let page = files_below(&field.path("reports/walk"), "README.md").remove(0);
    for path in [page, field.path("reports/README.md"), field.path("reports/index.html")] {
        let content = fs::read_to_string(&path).unwrap();
        for line in content.lines() {
            // The command is code, where nothing is markup; every second part between backticks is outside of it.
            let mut outside = line.split('`').step_by(2);
            assert!(
                !outside.any(|part| part.contains("<img src=x")),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn the_recorded_command_survives_a_shell() {
    let field = Field::new();
    field.run(&["--seeds", "1", "--only", "plain", "--set", "fail_until=a b'c"]);
    let manifest = files_below(&field.path("reports"), "manifest.json").remove(0);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let command = manifest["command"]
        .as_str()
        .unwrap()
        .replace("just run-experiment", "printf '%s|'");
    let said = std::process::Command::new("sh")
        .args(["-c", &command])
        .output()
        .unwrap();
    assert!(text(&said).contains("|--set|fail_until=a b'c|"), "{}", text(&said));
}

#[test]
fn hints_are_quoted_for_the_shell() {
    let field = Field::new();
    let said = field.succeed(&["slurm", "--dry-run", "--runs", "my runs; rm x"]);
    assert!(
        said.contains("submit it with: sbatch 'my runs; rm x/walk/quick.slurm.sh'"),
        "{said}"
    );
    let said = field.succeed(&["hyperqueue", "--dry-run", "--runs", "my runs"]);
    assert!(
        said.contains("submit it with: bash 'my runs/walk/quick.hyperqueue.sh'"),
        "{said}"
    );
    let said = field.succeed(&["kubernetes", "--runs", "my runs"]);
    assert!(
        said.contains("kubectl apply -f 'my runs/walk/quick.kubernetes.yaml'"),
        "{said}"
    );
}

#[test]
fn a_host_cannot_command_the_terminal() {
    let field = Field::new();
    field.succeed(&["plan", "--seeds", "1"]);
    let plan = fs::read_to_string(field.path("runs/walk/alpha/quick/plan.jsonl")).unwrap();
    let id = plan.lines().nth(1).unwrap().split('"').nth(3).unwrap();
    let folder = field.path("runs/walk/alpha/quick/leases").join(&id[..2]);
    fs::create_dir_all(&folder).unwrap();
    let note = "{\"owner\":{\"host\":\"node\\u001b]0;x\\u0007\\u001b[2J\",\"machine\":\"elsewhere\",\"pid\":1,\
                \"started\":\"1\",\"number\":0},\"renewals\":0,\"since_unix_seconds\":0}";
    fs::write(folder.join(format!("{id}.lease")), note).unwrap();
    let status = field.succeed(&["status"]);
    assert!(
        status.contains("node\\u{1b}]0;x\\u{7}\\u{1b}[2J (process 1)"),
        "{status}"
    );
    assert!(!status.contains('\u{1b}') && !status.contains('\u{7}'));
}

#[test]
fn a_plan_whose_lines_were_edited_shows_two_digests() {
    let field = Field::new();
    field.succeed(&["plan"]);
    let path = field.path("runs/walk/alpha/quick/plan.jsonl");
    let plan = fs::read_to_string(&path).unwrap();
    fs::write(&path, plan.replacen("\"seed\":3", "\"seed\":4", 1)).unwrap();
    let output = field.run(&["worker"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let digests: Vec<&str> = said
        .split(|c: char| !c.is_ascii_hexdigit())
        .filter(|word| word.len() == 64)
        .collect();
    assert_eq!(digests.len(), 2, "{said}");
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn the_reason_of_the_system_is_said_once() {
    let field = Field::new();
    fs::write(field.path("runs"), b"").unwrap();
    let said = text(&field.run(&["--seeds", "1"]));
    assert_eq!(said.matches("os error").count(), 1, "{said}");
}

#[test]
fn drafts_of_killed_writers_are_swept() {
    let field = Field::new();
    field.succeed(&["--seeds", "1"]);
    let drafts = [
        field.path(QUICK).join("rows/.timings.parquet.4711.draft"),
        field.path(QUICK).join(".README.md.4711.draft"),
        field.path(QUICK).join(".manifest.json.1-2-3.draft"),
        field.path("runs/walk/alpha/quick/.plan.jsonl.1-2-3.draft"),
        field.path("runs/walk/alpha/quick/.probe.1-2-3.draft"),
    ];
    for draft in &drafts {
        fs::write(draft, b"half").unwrap();
    }
    field.succeed(&["--seeds", "1"]);
    for draft in &drafts {
        assert!(!draft.exists(), "{}", draft.display());
    }
    // Drawing a page again sweeps its folder as well.
    for draft in &drafts[..3] {
        fs::write(draft, b"half").unwrap();
    }
    field.succeed(&["figures"]);
    assert!(drafts.iter().all(|draft| !draft.exists()));
}
