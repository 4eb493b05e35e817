use super::*;
use crate::encoding::{Inputs, Outputs};
use crate::examples::{Examples, Targets};
use crate::info::Split;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, Part, Whole};

/// The folder of real data, or `None` with a word on the test's output.
fn real_data(set: &str, file: &str) -> Option<Source> {
    let source = Source {
        fallback: false,
        download: false,
        ..Source::from_environment(None)
    };
    if source.folder().join(file).exists() {
        return Some(source);
    }
    println!(
        "skipped: {set} is not below {} (set {})",
        source.folder().display(),
        Source::VARIABLE
    );
    None
}

fn nowhere() -> Source {
    Source {
        directory: Some("/nonexistent/data".into()),
        fallback: true,
        download: false,
        ..Source::default()
    }
}

fn shares(examples: &Examples, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    examples
        .classes()
        .unwrap()
        .iter()
        .for_each(|&class| counts[class as usize] += 1);
    counts
}

#[test]
fn mnist_has_its_official_rows_and_constants() {
    let Some(source) = real_data("mnist", "mnist/train-images-idx3-ubyte.gz") else {
        return;
    };
    let start = std::time::Instant::now();
    let mnist = load_uncached("mnist", &source, &LoadOptions::default()).unwrap();
    println!("mnist loaded in {:.3} s", start.elapsed().as_secs_f64());
    assert_eq!(
        (mnist.train.len(), mnist.validation.len(), mnist.test.len()),
        (50_000, 10_000, 10_000)
    );
    assert_eq!(mnist.info.shape, [28, 28, 1]);
    // The first training labels and the class counts of the official test set are well known.
    assert_eq!(mnist.train.classes().unwrap()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(
        shares(&mnist.test, 10),
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    );
    // The constants of MNIST make mean 0 and variance 1 of the training images.
    let n = mnist.train.features().len() as f64;
    let mean = mnist.train.features().iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = mnist
        .train
        .features()
        .iter()
        .map(|&x| f64::from(x).powi(2))
        .sum::<f64>()
        / n;
    assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.01, "{mean} {square}");
}

#[test]
fn fashion_mnist_is_even_in_every_split_that_is_official() {
    let Some(source) = real_data("fashion-mnist", "fashion-mnist/train-images-idx3-ubyte.gz") else {
        return;
    };
    let fashion = load_uncached(
        "fashion",
        &source,
        &LoadOptions {
            validation: Some(0),
            ..LoadOptions::default()
        },
    )
    .unwrap();
    assert_eq!(shares(&fashion.train, 10), [6000; 10]);
    assert_eq!(shares(&fashion.test, 10), [1000; 10]);
    assert!(fashion.validation.is_empty());
}

#[test]
fn cifar10_has_its_documented_class_counts() {
    let Some(source) = real_data("cifar10", "cifar10/cifar-10-binary.tar.gz") else {
        return;
    };
    let cifar = load_uncached(
        "cifar10",
        &source,
        &LoadOptions {
            validation: Some(0),
            ..LoadOptions::default()
        },
    )
    .unwrap();
    assert_eq!(cifar.info.shape, [32, 32, 3]);
    assert!(cifar.train.features().iter().all(|x| (-1.0..=1.0).contains(x)));
    if cifar.info.part.is_none() {
        assert_eq!(shares(&cifar.train, 10), [5000; 10]);
        assert_eq!(shares(&cifar.test, 10), [1000; 10]);
    }
}

#[test]
fn tables_have_their_documented_rows() {
    for (name, file, rows, features, outputs) in [
        ("airfoil", "airfoil/airfoil_self_noise.dat", 1_503, 5, 1),
        ("optdigits", "optdigits/optdigits.tra.gz", 3_823 + 1_797, 64, 10),
        ("adult", "adult/adult.data.gz", 32_561 + 16_281, 108, 2),
        (
            "poker-hand",
            "poker-hand/poker-hand-testing-first99999.data.gz",
            25_010 + 99_999,
            85,
            10,
        ),
        ("covtype", "covtype/covtype-first15120.data.gz", 15_120, 54, 7),
    ] {
        let Some(source) = real_data(name, file) else {
            continue;
        };
        let set = load_uncached(name, &source, &LoadOptions::default()).unwrap();
        assert_eq!(set.train.len() + set.validation.len() + set.test.len(), rows, "{name}");
        assert_eq!(
            (set.info.features, set.info.targets.outputs()),
            (features, outputs),
            "{name}"
        );
        assert!(set.transform.is_same_for_all_splits());
        println!("{name}: {}", set.info.splits);
    }
}

#[test]
fn airfoil_is_standardised_on_its_training_rows_and_tested_on_one_chord() {
    let Some(source) = real_data("airfoil", "airfoil/airfoil_self_noise.dat") else {
        return;
    };
    let airfoil = load_uncached("airfoil", &source, &LoadOptions::default()).unwrap();
    // 263 rows have chord 0.1016 m (counted with awk); a tenth of the other 1,240 is held out.
    assert_eq!(
        (airfoil.train.len(), airfoil.validation.len(), airfoil.test.len()),
        (1_116, 124, 263)
    );
    for column in 0..5 {
        let numbers: Vec<f64> = (0..1_116)
            .map(|row| f64::from(airfoil.train.row(row)[column]))
            .collect();
        let mean = numbers.iter().sum::<f64>() / 1_116.0;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1_116.0;
        assert!(
            mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4,
            "{column}: {mean} {variance}"
        );
    }
    let chord = |row: usize| airfoil.transform.restore(Split::Test, 2, airfoil.test.row(row)[2]);
    assert!((0..263).all(|row| (chord(row) - 0.1016).abs() < 1e-6));
}

#[test]
fn a_set_that_is_not_there_is_stood_in_for_with_a_notice_or_refused() {
    let dataset = load("mnist", &nowhere(), &LoadOptions::default()).unwrap();
    assert_eq!(dataset.info.name, "glyphs");
    assert_eq!(dataset.info.instead_of.as_deref(), Some("mnist"));
    let notice = dataset.info.synthetic.as_deref().unwrap();
    assert!(
        notice.contains("stand in for mnist") && notice.contains("curl --fail"),
        "{notice}"
    );
    assert_eq!(
        (dataset.train.len(), dataset.validation.len(), dataset.test.len()),
        (50_000, 10_000, 10_000)
    );

    let strict = Source {
        fallback: false,
        ..nowhere()
    };
    let error = load("mnist", &strict, &LoadOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("/nonexistent/data/mnist/train-images-idx3-ubyte"),
        "{error}"
    );
    // A table has no stand-in: its features and targets are of another kind.
    assert!(
        load("airfoil", &nowhere(), &LoadOptions::default())
            .unwrap_err()
            .is_missing()
    );
}

#[test]
fn a_damaged_file_is_never_stood_in_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mnist")).unwrap();
    std::fs::write(folder.path().join("mnist/train-images-idx3-ubyte"), [0, 0, 8, 3]).unwrap();
    let source = Source {
        directory: Some(folder.path().to_path_buf()),
        fallback: true,
        download: false,
        ..Source::default()
    };
    let error = load("mnist", &source, &LoadOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

#[test]
fn threads_that_ask_for_the_same_set_share_one() {
    let options = LoadOptions {
        seed: 77,
        ..LoadOptions::default()
    };
    let sets = std::thread::scope(|scope| {
        let load = || load("add10", &nowhere(), &options).unwrap();
        [0; 4].map(|_| scope.spawn(load)).map(|thread| thread.join().unwrap())
    });
    assert!(sets.iter().all(|set| Arc::ptr_eq(set, &sets[0])));
    let other = load("add10", &nowhere(), &LoadOptions { seed: 78, ..options }).unwrap();
    assert_ne!(other.info.content_sha256, sets[0].info.content_sha256);
}

#[test]
fn add10_has_three_splits_and_says_that_it_is_synthetic() {
    let add10 = load("add10", &nowhere(), &LoadOptions::default()).unwrap();
    assert_eq!(
        (add10.train.len(), add10.validation.len(), add10.test.len()),
        (8_813, 979, 9_792)
    );
    assert!(add10.info.synthetic.is_some() && add10.info.instead_of.is_none());
    assert!(add10.train.features().iter().all(|x| (0.0..=1.0).contains(x)));
}

/// A set of ten rows whose two features are 2n and 2n + 1 and whose class is n.
fn whole(holdout: Holdout) -> Whole {
    let part = || Part {
        raw: Raw::Bytes {
            file: (0..20).collect(),
            start: 0,
        },
        targets: Targets::Classes((0..10).collect()),
    };
    Whole {
        about: About {
            name: "ten".into(),
            title: "Ten".into(),
            source: "written here".into(),
            content_sha256: String::new(),
            outputs: Outputs::digits(),
            part: None,
            synthetic: None,
            test_rule: "the same rows again".to_owned(),
        },
        train: part(),
        test: part(),
        validation: None,
        holdout,
        inputs: Inputs::image(&[1, 2, 1], 255.0),
        transform: TransformChoice::Unit,
    }
}

#[test]
fn one_transform_object_serves_every_split() {
    let choices = [
        TransformChoice::Unit,
        TransformChoice::Centre,
        TransformChoice::MNIST,
        TransformChoice::Fitted,
    ];
    for choice in choices {
        let options = LoadOptions {
            transform: Some(choice),
            ..LoadOptions::default()
        };
        let set = whole(Holdout::Last(3)).finish(&options).unwrap();
        assert!(set.transform.is_same_for_all_splits());
        // The same pixel gives the same number in every split: row n of the test split is
        // row n of the file, training rows are 0 to 6 and validation rows 7 to 9.
        assert_eq!(set.train.features(), &set.test.features()[..14], "{choice:?}");
        assert_eq!(set.validation.features(), &set.test.features()[14..], "{choice:?}");
        for (pixel, &feature) in set.test.features().iter().enumerate() {
            assert_eq!(
                feature,
                set.transform.apply(Split::Train, 0, pixel as f64),
                "{choice:?}"
            );
        }
    }
}

#[test]
fn the_legacy_fault_halves_the_test_split_alone() {
    let options = LoadOptions {
        transform: Some(TransformChoice::LegacyTestHalved),
        ..LoadOptions::default()
    };
    let set = whole(Holdout::Last(3)).finish(&options).unwrap();
    assert!(!set.transform.is_same_for_all_splits());
    assert!((set.train.row(1)[0] - (2.0 / 255.0 - 0.5)).abs() < 1e-7);
    assert!((set.test.row(1)[0] - 2.0 / 255.0 * 0.5).abs() < 1e-7);
}

#[test]
fn the_holdout_is_the_last_rows_or_a_fixed_draw() {
    let set = whole(Holdout::Last(3)).finish(&LoadOptions::default()).unwrap();
    assert_eq!(set.validation.classes().unwrap(), [7, 8, 9]);
    assert_eq!(set.train.row(6), [12.0 / 255.0, 13.0 / 255.0]);
    let drawn = || {
        whole(Holdout::Drawn(4))
            .finish(&LoadOptions {
                seed: 5,
                ..LoadOptions::default()
            })
            .unwrap()
    };
    let set = drawn();
    assert_eq!(set.validation, drawn().validation);
    let mut rows = [set.train.classes().unwrap(), set.validation.classes().unwrap()].concat();
    assert!(set.train.classes().unwrap().is_sorted());
    rows.sort_unstable();
    assert_eq!(rows, (0..10).collect::<Vec<_>>());
    // A draw does not depend on the seed of the trial.
    let other = whole(Holdout::Drawn(4)).finish(&LoadOptions::default()).unwrap();
    assert_eq!(other.validation, set.validation);
}

#[test]
fn a_validation_split_that_leaves_no_training_row_is_refused() {
    let options = LoadOptions {
        validation: Some(10),
        ..LoadOptions::default()
    };
    let error = whole(Holdout::Last(3)).finish(&options).unwrap_err().to_string();
    assert!(
        error.contains("ten") && error.contains("validation") && error.contains("found 10"),
        "{error}"
    );
}
