//! Files of a sweep.

use std::time::Duration;

use espalier_experiment::store::{Store, Taken};
use espalier_experiment::{Erased, Manifest};
use sha2::{Digest, Sha256};

use crate::folder::{put, scratch};
use crate::sum::read_summed;
use crate::toy;

pub(crate) const TRIAL: &str = "abcd";

/// What is read of a record can be written, and is then read as the same rows.
pub(crate) fn record(bytes: &[u8]) -> bool {
    let folder = scratch();
    let store = Store::at(folder.path());
    let Some(Some(finished)) = read_summed(bytes, |bytes| {
        put(&folder.path().join("records/ab/abcd.json"), bytes);
        store.read(TRIAL).map_err(|error| error.to_string())
    }) else {
        return false;
    };
    assert_eq!(
        (finished.id.as_str(), finished.record.key.trial.as_str()),
        (TRIAL, TRIAL)
    );
    let copy = Store::at(folder.path().join("copy"));
    copy.finish(&finished).expect("what was read can be written");
    let again = copy.read(TRIAL).expect("what was written can be read");
    let text = |record| serde_json::to_string(record).expect("rows are JSON");
    assert_eq!(text(&again.expect("it is there").record), text(&finished.record));
    // A row of timings may be refused beside what the record holds; it must not panic.
    let _ = finished.into_record();
    true
}

/// Whatever stands in a lease, one observer takes it over and releases it.
pub(crate) fn lease(bytes: &[u8]) -> bool {
    let folder = scratch();
    let store = Store::at(folder.path());
    put(&folder.path().join("leases/ab/abcd.lease"), bytes);
    let listed = store.leases().expect("leases can be listed");
    assert_eq!((listed.len(), listed[0].0.as_str()), (1, TRIAL));
    let watch = store
        .watch(TRIAL, None)
        .expect("a lease can be read")
        .expect("it is there");
    assert!(Store::is_stale(&watch, Duration::ZERO));
    let owner = espalier_experiment::store::Owner::new();
    let taken = store
        .take_over(TRIAL, &watch, &owner)
        .expect("a stale lease can be taken over");
    let Taken::Ours(mut lease) = taken else {
        panic!("nobody else wants the lease")
    };
    assert!(lease.renew().expect("a lease can be renewed"));
    lease.release().expect("a lease can be released");
    assert!(store.leases().expect("leases can be listed").is_empty());
    listed[0].1.is_some()
}

pub(crate) fn checkpoint(bytes: &[u8]) -> bool {
    // As it stands, and as the body of a checkpoint with the right sum.
    checkpoint_as_it_stands(bytes) | checkpoint_as_it_stands(&[Sha256::digest(bytes).as_slice(), bytes].concat())
}

/// A checkpoint is read whole and written as it was, or set aside with a word.
fn checkpoint_as_it_stands(bytes: &[u8]) -> bool {
    let folder = scratch();
    let store = Store::at(folder.path());
    let path = store.checkpoint_dir(TRIAL).join("state");
    put(&path, bytes);
    let mut notes = 0;
    let read = store.load_checkpoint(TRIAL, &mut |_| notes += 1);
    let Some(read) = read.expect("a damaged checkpoint is no error") else {
        assert!(
            notes == 1 && !path.exists(),
            "a damaged checkpoint is set aside with a word"
        );
        return false;
    };
    store
        .save_checkpoint(TRIAL, &read)
        .expect("what was read can be written");
    let again = store
        .load_checkpoint(TRIAL, &mut |_| ())
        .expect("what was written can be read");
    let again = again.expect("it is there");
    assert_eq!(again.state, read.state);
    assert_eq!(again.resumptions, read.resumptions);
    true
}

/// A plan on disk is that of the experiment or refused.
pub(crate) fn plan(bytes: &[u8]) -> bool {
    let folder = scratch();
    let plan = toy::plan(folder.path());
    put(&plan.sets[0].store.plan_path(), bytes);
    if plan.check(0).is_err() {
        return false;
    }
    plan.write(0).expect("a plan can be written");
    let written = std::fs::read(plan.sets[0].store.plan_path()).expect("it is there");
    assert!(written == bytes, "another plan was taken for this one");
    true
}

/// A manifest is written as it was read; what it says of an experiment's settings is taken or refused.
pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let folder = scratch();
    let Some(Some(manifest)) = read_summed(bytes, |bytes| {
        put(&folder.path().join("manifest.json"), bytes);
        Manifest::read(folder.path()).map_err(|error| error.to_string())
    }) else {
        return false;
    };
    let written = |manifest: &Manifest| {
        manifest.write(folder.path()).expect("what was read can be written");
        std::fs::read(folder.path().join("manifest.json")).expect("it is there")
    };
    let once = written(&manifest);
    let again = Manifest::read(folder.path()).expect("what was written can be read");
    assert!(
        written(&again.expect("it is there")) == once,
        "writing changed a manifest"
    );
    manifest.context(&Erased(&toy::Walk)).is_ok()
}
