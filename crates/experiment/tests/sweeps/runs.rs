//! Runs from start to report.

use std::fs;

use super::toy::{End, Field, HOLD, Step, Walk, files_below, same_rows, signal, text};
use espalier_experiment::store::TrainingTiming;
use espalier_experiment::{Erased, Experiment as _, Manifest, Plan, PlanOptions, Preset};
use espalier_report::rows::Rows;

const QUICK: &str = "reports/walk/alpha/quick";

#[test]
fn a_run_writes_rows_manifest_and_page_and_names_its_verdicts() {
    let field = Field::new();
    let said = field.succeed(&["--jobs", "2"]);
    assert!(said.contains("far: walks end above −1000 ("), "{said}");
    assert!(said.contains("): confirmed"), "{said}");
    assert!(said.contains(&format!("{QUICK}/README.md")), "{said}");
    let page = fs::read_to_string(field.path(QUICK).join("README.md")).unwrap();
    assert!(page.contains("How far does a walk lead?"));
    let manifest = Manifest::read(&field.path(QUICK)).unwrap().unwrap();
    assert_eq!((manifest.trials, manifest.planned), (24, 24));
    let provenance = &manifest.provenance;
    assert_eq!(provenance.seeds, [0, 1, 2, 3, 4, 5]);
    assert_eq!(provenance.settings["steps"], "20");
    assert_eq!(provenance.data[0].checksums["content"], "content of alpha");
    assert_eq!(provenance.command, "just run-experiment walk --preset quick");
    assert!(provenance.versions["rustc"].starts_with("1.") && provenance.wall_seconds >= 0.0);
    assert!(provenance.instruction_set.starts_with(std::env::consts::ARCH));
}

#[test]
fn the_manifest_and_the_page_say_how_much_of_the_time_went_into_training_where_trials_do() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let training = Manifest::read(&field.path(QUICK)).unwrap().unwrap().provenance.training;
    assert_eq!(training.trials, 2, "the walks that write checkpoints say so");
    assert!((training.training_seconds - 2.0 * 20e-9).abs() < 1e-15, "{training:?}");
    assert!(training.wall_seconds > training.training_seconds, "{training:?}");
    let rows = Rows::read(&field.path(QUICK).join("rows")).unwrap();
    let told = rows.get::<TrainingTiming>().unwrap();
    let told: Vec<(&str, u64)> = told
        .iter()
        .map(|one| (one.key.variant.as_str(), one.key.seed))
        .collect();
    assert_eq!(told, [("saved", 0), ("saved", 1)]);
    let page = fs::read_to_string(field.path(QUICK).join("README.md")).unwrap();
    // The share is the machine's; its words have a test of their own beside them.
    let line = format!("; outside training {training}");
    assert!(page.contains(&line), "no {line:?} in {page}");
    field.succeed(&["--seeds", "2", "--only", "plain", "--preset", "smoke"]);
    let silent = field.path("runs/walk/alpha/smoke/report");
    let text = fs::read_to_string(silent.join("manifest.json")).unwrap();
    assert!(!text.contains("training"), "{text}");
    assert!(
        !fs::read_to_string(silent.join("README.md"))
            .unwrap()
            .contains("outside")
    );
}

#[test]
fn a_smaller_smoke_run_is_kept_apart_from_the_larger_one() {
    let field = Field::new();
    field.succeed(&["--preset", "smoke", "--seeds", "3"]);
    let page = field.path("runs/walk/alpha/smoke/report/README.md");
    let before = fs::read(&page).unwrap();
    let said = field.succeed(&["--preset", "smoke", "--seeds", "2"]);
    assert!(said.contains("it is kept apart and the larger one stays"), "{said}");
    assert!(said.contains("smoke/report-apart/README.md"), "{said}");
    assert_eq!(fs::read(&page).unwrap(), before);
    let apart = Manifest::read(&field.path("runs/walk/alpha/smoke/report-apart"))
        .unwrap()
        .unwrap();
    let whole = Manifest::read(page.parent().unwrap()).unwrap().unwrap();
    assert!(apart.trials < whole.trials, "{} {}", apart.trials, whole.trials);
}

#[test]
fn rows_do_not_depend_on_the_number_of_jobs() {
    let (one, four) = (Field::new(), Field::new());
    one.succeed(&["--jobs", "1"]);
    four.succeed(&["--jobs", "4"]);
    same_rows(&one.row_files(QUICK), &four.row_files(QUICK), "at the end");
}

#[test]
fn variants_of_one_seed_share_their_streams_and_seeds_do_not() {
    let field = Field::new();
    field.succeed(&[]);
    let rows = Rows::read(&field.path(QUICK).join("rows")).unwrap();
    let ends = rows.get::<End>().unwrap();
    let draw = |variant: &str, seed: u64| {
        let end = ends
            .iter()
            .find(|end| end.key.variant == variant && end.key.seed == seed)
            .unwrap();
        end.row.first_draw.to_bits()
    };
    assert_eq!(draw("plain", 3), draw("saved", 3));
    assert_ne!(draw("plain", 3), draw("plain", 4));
}

#[test]
fn diverged_trials_are_recorded_as_they_are() {
    let field = Field::new();
    field.succeed(&["--only", "diverging", "--seeds", "2"]);
    let rows = Rows::read(&field.path(QUICK).join("rows")).unwrap();
    let steps = rows.get::<Step>().unwrap();
    assert_eq!(steps.len(), 40);
    assert_eq!(steps.iter().filter(|step| step.row.place.is_nan()).count(), 34);
}

#[test]
fn a_second_run_trains_nothing_and_fresh_trains_all() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let stamps = |field: &Field| -> Vec<_> {
        let files = files_below(&field.path("runs/walk/alpha/quick/records"), ".json");
        files.iter().map(|path| fs::read(path).unwrap()).collect()
    };
    let before = stamps(&field);
    field.succeed(&["--seeds", "2"]);
    assert!(before == stamps(&field), "a record was written again");
    field.succeed(&["--seeds", "2", "--fresh"]);
    // Wall-clock parts differ, so every record was written anew.
    assert!(before.iter().zip(stamps(&field)).all(|(old, new)| *old != new));
}

#[test]
fn a_failed_trial_is_named_and_the_next_run_completes_the_same_rows() {
    let (field, smooth) = (Field::new(), Field::new());
    let flaky = format!("fail_until={}", field.path("ground").display());
    let output = field.run(&["--set", &flaky]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("flaky · alpha · seed 1: the ground is missing"),
        "{}",
        text(&output)
    );
    let status = field.succeed(&["status", "--set", &flaky]);
    assert!(status.contains("23 done, 0 running, 1 failed, 0 left"), "{status}");
    assert!(
        status.contains("failed: flaky · seed 1: the ground is missing"),
        "{status}"
    );
    fs::write(field.path("ground"), b"").unwrap();
    let retried = field.succeed(&["retry", "--set", &flaky]);
    assert!(retried.contains("1 of 1 failed trials are recorded now"), "{retried}");
    let collected = field.succeed(&["collect", "--set", &flaky]);
    assert!(collected.contains("24 of 24 records are whole"), "{collected}");
    smooth.succeed(&["--set", &flaky]);
    let place = files_below(&field.path("reports"), "manifest.json")[0]
        .parent()
        .unwrap()
        .to_owned();
    let place = place
        .strip_prefix(field.folder.path())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(place.starts_with("reports/walk/alpha/quick+"), "{place}");
    // The ground's path is another setting's value, hence another id, but the rows' values agree.
    let ends = |field: &Field| -> Vec<u64> {
        let rows = Rows::read(&field.path(&place).join("rows")).unwrap();
        rows.get::<End>()
            .unwrap()
            .iter()
            .map(|end| end.row.place.to_bits())
            .collect()
    };
    assert_eq!(ends(&field), ends(&smooth));
}

#[test]
fn a_retry_that_is_left_early_keeps_the_failures_that_it_did_not_reach() {
    let field = Field::new();
    let flaky = format!("fail_until={}", field.path("ground").display());
    let words = [&HOLD[..], &["--set", &flaky, "--seeds", "2"]].concat();
    field.go();
    let failed = field.run(&words);
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed));
    fs::write(field.path("ground"), b"").unwrap();
    field.hold();
    let mut child = field.start(&[&["retry"][..], &words].concat());
    field.at_work(&mut child);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let status = field.succeed(&[&["status"][..], &words].concat());
    assert!(status.contains("7 done, 0 running, 1 failed, 0 left"), "{status}");
    assert!(status.contains("the ground is missing"), "{status}");
    field.go();
    let retried = field.succeed(&[&["retry"][..], &words].concat());
    assert!(retried.contains("1 of 1 failed trials are recorded now"), "{retried}");
    assert!(
        files_below(&field.path("runs"), ".json")
            .iter()
            .all(|path| !path.to_string_lossy().contains("failed"))
    );
}

#[test]
fn smoke_runs_stay_below_runs_and_smaller_reports_replace_no_larger_one() {
    let field = Field::new();
    field.succeed(&["--preset", "smoke"]);
    assert!(!field.path("reports").exists());
    assert!(field.path("runs/walk/alpha/smoke/report/README.md").is_file());
    field.succeed(&[]);
    let before = field.row_files(QUICK);
    let said = field.succeed(&["--seeds", "2"]);
    assert!(said.contains("the larger one stays"), "{said}");
    same_rows(&field.row_files(QUICK), &before, "after a smaller run");
    assert!(field.path("runs/walk/alpha/quick/report/README.md").is_file());
}

#[test]
fn figures_redraw_every_file_byte_for_byte() {
    let field = Field::new();
    field.succeed(&["--dataset", "alpha", "--dataset", "beta", "--seeds", "2"]);
    let all = |field: &Field| -> Vec<_> {
        let files = files_below(&field.path("reports"), "");
        files.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect()
    };
    let before = all(&field);
    assert!(
        before
            .iter()
            .any(|(_, path)| path.ends_with("walk/alpha+beta/quick/README.md"))
    );
    for (_, path) in before.iter().filter(|(_, path)| path.ends_with("README.md")) {
        fs::remove_file(path).unwrap();
    }
    fs::remove_dir_all(field.path("runs")).unwrap();
    field.succeed(&["figures"]);
    for ((old, path), (new, again)) in before.iter().zip(all(&field)) {
        assert!(*path == again && *old == new, "{} differs", path.display());
    }
    assert_eq!(before.len(), all(&field).len());
}

#[test]
fn verify_agrees_with_what_was_recorded_and_notices_what_was_not() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let said = field.succeed(&["verify", "--seeds", "2"]);
    assert!(said.contains("values of 2 tables agree exactly"), "{said}");
    let steps = field.path(QUICK).join("rows/steps.parquet");
    field.succeed(&["--set", "law=uniform", "--seeds", "2", "--out", "other"]);
    let other = files_below(&field.path("other"), "steps.parquet");
    fs::copy(&other[0], &steps).unwrap();
    let output = field.run(&["verify", "--seeds", "2"]);
    assert!(!output.status.success(), "{}", text(&output));
}

#[test]
fn records_of_another_identity_are_counted_and_left_alone() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let rows = field.row_files(QUICK);
    let output = field
        .command(&["--seeds", "2"])
        .env("WALK_CONTENT", "other")
        .output()
        .unwrap();
    assert!(
        text(&output).contains("8 of 8 records are of another identity"),
        "{}",
        text(&output)
    );
    assert_eq!(field.records("alpha/quick"), 16);
    let manifest = Manifest::read(&field.path(QUICK)).unwrap().unwrap();
    assert_eq!(
        (
            manifest.trials,
            manifest.provenance.data[0].checksums["content"].as_str()
        ),
        (8, "other")
    );
    // Ids stand in the rows, so the files differ although the walks are the same.
    assert!(rows != field.row_files(QUICK));
}

#[test]
fn a_damaged_record_is_set_aside_and_run_again() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let rows = field.row_files(QUICK);
    let victim = files_below(&field.path("runs/walk/alpha/quick/records"), ".json")[3].clone();
    let mut bytes = fs::read(&victim).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::write(&victim, bytes).unwrap();
    let collected = field.run(&["collect", "--seeds", "2"]);
    assert_eq!(collected.status.code(), Some(1));
    let name = victim.file_name().unwrap().to_str().unwrap();
    assert!(
        text(&collected).contains(name) && text(&collected).contains("1 damaged"),
        "{}",
        text(&collected)
    );
    field.succeed(&["--seeds", "2"]);
    same_rows(&field.row_files(QUICK), &rows, "after the run");
    assert_eq!(files_below(&field.path("runs/walk/alpha/quick/damaged"), "").len(), 1);
}

#[test]
fn planning_twice_gives_the_same_bytes_and_another_plan_is_refused_by_workers() {
    let field = Field::new();
    field.succeed(&["plan"]);
    let path = field.path("runs/walk/alpha/quick/plan.jsonl");
    let first = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    field.succeed(&["plan"]);
    assert!(first == fs::read(&path).unwrap(), "another plan");
    let output = field
        .command(&["worker"])
        .env("WALK_CONTENT", "other")
        .output()
        .unwrap();
    assert!(
        !output.status.success() && text(&output).contains("plan again"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_error_and_mends() {
    let field = Field::new();
    fs::write(field.path("runs"), b"a file in the folder's place").unwrap();
    let output = field.run(&["--seeds", "1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("creating the folder runs/walk/alpha/quick/records"),
        "{}",
        text(&output)
    );
    fs::remove_file(field.path("runs")).unwrap();
    field.succeed(&["--seeds", "1"]);
}

#[test]
fn shards_together_are_the_whole() {
    let (whole, parts) = (Field::new(), Field::new());
    whole.succeed(&[]);
    for shard in ["1/3", "2/3", "3/3"] {
        parts.succeed(&["--shard", shard]);
    }
    same_rows(&whole.row_files(QUICK), &parts.row_files(QUICK), "at the end");
}

#[test]
fn compare_finds_equal_runs_equal_and_others_different() {
    let field = Field::new();
    field.succeed(&["--seeds", "3"]);
    field.succeed(&["--seeds", "3", "--out", "again", "--runs", "runs2"]);
    field.succeed(&["--seeds", "3", "--out", "other", "--set", "law=uniform"]);
    let same = field.succeed(&["compare", QUICK, "again/walk/alpha/quick"]);
    assert!(same.contains("the recorded results are identical"), "{same}");
    let other = files_below(&field.path("other"), "manifest.json")[0]
        .parent()
        .unwrap()
        .to_owned();
    let differs = field.succeed(&["compare", QUICK, other.to_str().unwrap()]);
    assert!(differs.contains("setting law differs: normal / uniform"), "{differs}");
    assert!(differs.contains("ends.place"), "{differs}");
    let arms = field.succeed(&["compare", &format!("{QUICK}@plain"), &format!("{QUICK}@saved")]);
    // Arms of one seed share their streams, and these two walk alike.
    let places = arms.lines().find(|line| line.contains("ends.place")).unwrap();
    assert!(places.contains("| 0 [0, 0] |"), "{arms}");
}

#[test]
fn plans_differ_by_every_flag_that_decides_a_result() {
    let source = espalier_data::Source::default();
    let runs = std::path::Path::new("runs");
    let first_id = |preset: Preset, changes: &[&str], dataset: &str, device: &str| {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let datasets = [dataset.to_owned()];
        let options = PlanOptions {
            preset,
            changes: &changes,
            seeds: None,
            datasets: &datasets,
            device,
            source: &source,
            runs,
        };
        Plan::new(&Erased(&Walk), &options).unwrap().trials[0].id.clone()
    };
    let base = || first_id(Preset::Quick, &[], "alpha", "cpu");
    assert_eq!(base(), base());
    assert_eq!(
        first_id(Preset::Quick, &[], "alpha", "cuda:0"),
        first_id(Preset::Quick, &[], "alpha", "cuda:1"),
        "the number of a device decides nothing"
    );
    for other in [
        first_id(Preset::Full, &[], "alpha", "cpu"),
        first_id(Preset::Quick, &["steps=21"], "alpha", "cpu"),
        first_id(Preset::Quick, &[], "beta", "cpu"),
        first_id(Preset::Quick, &[], "alpha", "cuda"),
    ] {
        assert_ne!(other, base());
    }
    assert_eq!(Walk.about().name, "walk");
}
