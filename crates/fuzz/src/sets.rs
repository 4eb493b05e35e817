//! Data sets.

use std::path::Path;

use espalier_data::{Examples, TargetKind, Targets, from_bytes, idx as format};

pub(crate) fn idx(bytes: &[u8]) -> bool {
    let path = Path::new("fuzz");
    let accepted = (1..=3).filter_map(|dimensions| format::parse(bytes, dimensions, path).ok());
    accepted.fold(false, |_, file| {
        assert_eq!(format::encode(&file.dimensions, file.elements), bytes);
        if format::check_labels(file.elements, 10, path).is_ok() {
            assert!(file.elements.iter().all(|&label| label < 10));
        }
        true
    })
}

pub(crate) fn mnist(bytes: &[u8]) -> bool {
    set("mnist", bytes)
}

pub(crate) fn cifar(bytes: &[u8]) -> bool {
    set("cifar10", bytes)
}

pub(crate) fn optdigits(bytes: &[u8]) -> bool {
    set("optdigits", bytes)
}

pub(crate) fn airfoil(bytes: &[u8]) -> bool {
    set("airfoil", bytes)
}

pub(crate) fn poker(bytes: &[u8]) -> bool {
    set("poker-hand", bytes)
}

pub(crate) fn adult(bytes: &[u8]) -> bool {
    set("adult", bytes)
}

pub(crate) fn covtype(bytes: &[u8]) -> bool {
    set("covtype", bytes)
}

/// Every split of an accepted set has whole rows of finite numbers and targets of the stated kind.
fn set(name: &str, bytes: &[u8]) -> bool {
    let Ok(set) = from_bytes(name, bytes) else {
        return false;
    };
    assert_eq!(set.info.features, set.info.shape.iter().product::<usize>());
    assert!(!set.train.is_empty(), "a set without training rows was accepted");
    for split in [&set.train, &set.validation, &set.test] {
        check(split, set.info.features, set.info.targets);
    }
    true
}

fn check(split: &Examples, features: usize, kind: TargetKind) {
    assert_eq!(split.width(), features);
    assert_eq!(split.features().len(), features * split.len());
    assert!(
        split.features().iter().all(|x| x.is_finite()),
        "features are not finite"
    );
    match (split.targets(), kind) {
        (Targets::Classes(classes), TargetKind::Classes(count)) => {
            assert!(classes.iter().all(|&class| (class as usize) < count));
        }
        (Targets::Values { values, width }, TargetKind::Regression(columns)) => {
            assert_eq!((*width, values.len()), (columns, columns * split.len()));
            assert!(values.iter().all(|value| value.is_finite()), "targets are not finite");
        }
        (found, kind) => panic!("expected targets {kind:?}, found {found:?}"),
    }
}
