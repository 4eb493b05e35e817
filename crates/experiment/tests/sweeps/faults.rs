//! Disks that are full, read-only or taken apart under a run: a clear error, and the sweep goes on once mended.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::toy::{Field, HOLD, files_below, same_rows, text, wait_for};

const QUICK: &str = "reports/walk/alpha/quick";

/// A file system of its own over a field's `runs`, taken away with this value.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts an empty file system; only root can, and not everywhere.
    fn mount(field: &Field, options: &str) -> Option<Self> {
        let folder = field.path("runs");
        std::fs::create_dir_all(&folder).unwrap();
        let output = mount(&["-t", "tmpfs", "-o", options, "tmpfs", folder.to_str().unwrap()]);
        match output {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => skipped(&text(&output)),
            Err(error) => skipped(&error.to_string()),
        }
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let output = mount(&["-o", &options, self.folder.to_str().unwrap()]).unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The folder below is temporary as well.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

fn mount(words: &[&str]) -> std::io::Result<Output> {
    Command::new("mount").args(words).output()
}

/// Says past libtest's capture that a test did not take place.
fn skipped(reason: &str) -> Option<Disk> {
    let _ = writeln!(
        std::io::stderr(),
        "skipped: no file system can be mounted here: {}",
        reason.trim()
    );
    None
}

fn complaint(field: &Field, arguments: &[&str]) -> String {
    let output = field.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    text(&output)
}

#[test]
fn a_full_disk_is_a_clear_error_and_the_sweep_goes_on_once_there_is_room() {
    let (field, local) = (Field::new(), Field::new());
    let Some(disk) = Disk::mount(&field, "size=96k") else {
        return;
    };
    // Three times: what is full stays full, and no attempt leaves half a record behind.
    for attempt in 0..3 {
        let said = complaint(&field, &["--jobs", "2"]);
        assert!(
            said.contains("error: ")
                && said.contains("No space left on device")
                && said.contains("runs/walk/alpha/quick"),
            "attempt {attempt}: {said}"
        );
    }
    let records = files_below(&field.path("runs/walk/alpha/quick/records"), ".json");
    assert!(records.len() < 24, "the disk was not full");
    disk.remount("size=16m");
    let before: Vec<_> = records.iter().map(|path| std::fs::read(path).unwrap()).collect();
    field.succeed(&["--jobs", "2"]);
    local.succeed(&[]);
    same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
    for (path, bytes) in records.iter().zip(before) {
        assert!(
            std::fs::read(path).unwrap() == bytes,
            "{} was written again",
            path.display()
        );
    }
    assert!(files_below(&field.path("runs/walk/alpha/quick/damaged"), "").is_empty());
}

#[test]
fn a_disk_that_fills_under_a_checkpoint_fails_no_trial() {
    let (field, local) = (Field::new(), Field::new());
    let Some(disk) = Disk::mount(&field, "size=64k") else {
        return;
    };
    let long = [
        "--only",
        "saved",
        "--seeds",
        "1",
        "--set",
        "steps=2000",
        "--checkpoint-seconds",
        "0.05",
        "--set",
        "sleep=1",
    ];
    let said = complaint(&field, &long);
    assert!(
        said.contains("No space left on device") && said.contains("checkpoints"),
        "{said}"
    );
    let status = field.succeed(&["status", "--set", "steps=2000", "--set", "sleep=1"]);
    assert!(status.contains("0 failed"), "{status}");
    disk.remount("size=64m");
    field.succeed(&long);
    local.succeed(&long);
    same_rows(&field.changed_rows(), &local.changed_rows(), "at the end");
}

#[test]
fn a_read_only_disk_is_named_and_can_still_be_asked_for_the_status() {
    let (field, local) = (Field::new(), Field::new());
    let Some(disk) = Disk::mount(&field, "size=16m") else {
        return;
    };
    field.succeed(&["--shard", "1/2"]);
    disk.remount("ro");
    for verb in [vec![], vec!["worker"], vec!["collect"], vec!["plan", "--seeds", "7"]] {
        let said = complaint(&field, &verb);
        assert!(
            said.contains("Read-only file system") && said.contains("runs/walk/alpha/quick"),
            "{verb:?}: {said}"
        );
    }
    let status = field.succeed(&["status"]);
    assert!(status.contains("12 done, 0 running, 0 failed, 12 left"), "{status}");
    disk.remount("rw");
    field.succeed(&[]);
    local.succeed(&[]);
    same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
}

#[test]
fn a_disk_that_turns_read_only_under_a_run_ends_it_with_the_reason() {
    let (field, local) = (Field::new(), Field::new());
    let Some(disk) = Disk::mount(&field, "size=16m") else {
        return;
    };
    let held = [&HOLD[..], &["--jobs", "2"]].concat();
    let mut child = field
        .command(&held)
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    field.at_work(&mut child);
    // Busy with files open for writing, the system may refuse for a moment.
    let folder = disk.folder.to_str().unwrap();
    wait_for("a moment without open files", || {
        mount(&["-o", "remount,ro", folder]).unwrap().status.success()
    });
    field.go();
    local.go();
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: ") && said.contains("Read-only file system"),
        "{said}"
    );
    disk.remount("rw");
    field.succeed(&held);
    local.succeed(&held);
    same_rows(&field.changed_rows(), &local.changed_rows(), "at the end");
}

#[test]
fn a_file_in_the_place_of_the_leases_is_named_and_the_sweep_goes_on_once_it_is_gone() {
    let (field, local) = (Field::new(), Field::new());
    field.succeed(&["--shard", "1/2"]);
    let leases = field.path("runs/walk/alpha/quick/leases");
    std::fs::remove_dir_all(&leases).unwrap();
    std::fs::write(&leases, b"").unwrap();
    let said = complaint(&field, &[]);
    assert!(
        said.contains("creating the folder runs/walk/alpha/quick/leases"),
        "{said}"
    );
    std::fs::remove_file(&leases).unwrap();
    field.succeed(&[]);
    local.succeed(&[]);
    same_rows(&field.row_files(QUICK), &local.row_files(QUICK), "at the end");
}
