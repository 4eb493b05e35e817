//! Several workers at one plan, and schedulers' arrays.

use std::time::{Duration, Instant};

use super::toy::{ELEMENTS, Field, HOLD, files_below, same_rows, signal, wait_for};

const QUICK: &str = "reports/walk/alpha/quick";

#[test]
fn workers_side_by_side_share_a_plan_and_collect_gives_the_local_rows() {
    let (field, local) = (Field::new(), Field::new());
    field.succeed(&["plan"]);
    let workers: Vec<_> = (0..3).map(|_| field.start(&["worker", "--jobs", "2"])).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    field.succeed(&["collect"]);
    local.succeed(&[]);
    same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
}

#[test]
fn array_elements_of_every_scheduler_together_are_the_whole() {
    let local = Field::new();
    local.succeed(&[]);
    for variable in ELEMENTS {
        let field = Field::new();
        field.succeed(&["plan"]);
        for element in 0..3 {
            let status = field
                .command(&["worker", "--chunk", "8"])
                .env(variable, element.to_string())
                .output()
                .unwrap()
                .status;
            assert!(status.success());
            assert_eq!(field.records("alpha/quick"), 8 * (element + 1));
        }
        field.succeed(&["collect"]);
        same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
    }
}

/// Takes every lease as a machine would that nobody here can look into and whose clock is wrong.
fn foreign_leases(field: &Field) {
    let plan = std::fs::read_to_string(field.path("runs/walk/alpha/quick/plan.jsonl")).unwrap();
    let ten_minutes_ahead = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 600;
    let clocks = [0, ten_minutes_ahead - 1200, ten_minutes_ahead, u64::MAX];
    for (line, since) in plan.lines().skip(1).zip(clocks.into_iter().cycle()) {
        let id = line.split('"').nth(3).unwrap();
        let folder = field.path("runs/walk/alpha/quick/leases").join(&id[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{id}.lease"));
        let note = format!(
            "{{\"owner\":{{\"host\":\"elsewhere\",\"machine\":\"elsewhere\",\"pid\":1,\"started\":\"1\",\
             \"number\":0}},\"renewals\":0,\"since_unix_seconds\":{since}}}"
        );
        std::fs::write(&path, note).unwrap();
        // The server's clock, which stamps files, disagrees as well.
        let stamp = std::time::UNIX_EPOCH + Duration::from_secs(since.min(1 << 33));
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(stamp)
            .unwrap();
    }
}

#[test]
fn silent_leases_of_another_machine_are_taken_over_after_the_stated_time() {
    let (field, local) = (Field::new(), Field::new());
    field.succeed(&["plan", "--seeds", "1"]);
    foreign_leases(&field);
    let status = field.succeed(&["status"]);
    assert!(
        status.contains("0 done, 4 running") && status.contains("elsewhere (process 1)"),
        "{status}"
    );
    let begun = Instant::now();
    field.succeed(&["--seeds", "1", "--lease-seconds", "0.5"]);
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    local.succeed(&["--seeds", "1"]);
    same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
    assert!(files_below(&field.path("runs"), ".lease").is_empty());
}

#[test]
fn leases_of_a_process_that_died_here_are_taken_over_at_once() {
    let field = Field::new();
    // One job, so that no second lease is being made when the worker is killed: one without the worker's name in it
    // would be waited for like one elsewhere, ten minutes without a sign of life.
    let held = [&HOLD[..], &["--seeds", "1", "--jobs", "1", "--lease-seconds", "600"]].concat();
    let mut child = field.start(&held);
    field.at_work(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(files_below(&field.path("runs"), ".lease").len(), 1);
    field.go();
    let status = field.succeed(&[&["status"][..], &HOLD].concat());
    assert!(status.contains("0 running"), "{status}");
    let begun = Instant::now();
    field.succeed(&held);
    assert!(begun.elapsed() < Duration::from_secs(500), "{:?}", begun.elapsed());
}

#[test]
fn folders_deleted_under_a_worker_do_not_end_it() {
    let (field, local) = (Field::new(), Field::new());
    let held = [&HOLD[..], &["--jobs", "2", "--lease-seconds", "0.5"]].concat();
    let mut child = field.start(&held);
    field.at_work(&mut child);
    let folder = files_below(&field.path("runs"), "plan.jsonl")[0].with_file_name("leases");
    // The worker goes on making leases meanwhile, so that the folder may fill again while it is emptied.
    wait_for("the folder to be gone", || std::fs::remove_dir_all(&folder).is_ok());
    field.go();
    local.go();
    assert!(child.wait().unwrap().success());
    local.succeed(&held);
    same_rows(&field.changed_rows(), &local.changed_rows(), "at the end");
}

#[test]
fn a_worker_that_slept_through_its_lease_drops_its_record() {
    let (field, local) = (Field::new(), Field::new());
    let held = [&HOLD[..], &["--seeds", "1", "--lease-seconds", "0.5"]].concat();
    let mut sleeper = field.start(&held);
    field.at_work(&mut sleeper);
    signal(&sleeper, "STOP");
    field.go();
    local.go();
    // Its process lives, so that only the silence of its leases tells.
    field.succeed(&held);
    let records = files_below(&field.path("runs"), ".json");
    let before: Vec<_> = records.iter().map(|path| std::fs::read(path).unwrap()).collect();
    signal(&sleeper, "CONT");
    assert!(sleeper.wait().unwrap().success());
    let after: Vec<_> = records.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(before == after, "the second record replaced the first");
    let damaged = files_below(&field.path("runs"), "differs");
    assert!(damaged.is_empty(), "{damaged:?}");
    local.succeed(&held);
    same_rows(&field.changed_rows(), &local.changed_rows(), "at the end");
    assert!(files_below(&field.path("runs"), ".lease").is_empty());
}
