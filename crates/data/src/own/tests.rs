//! Tables and folders of one's own, made here and never seen by the project.

use std::fs;
use std::path::{Path, PathBuf};

use espalier_seed::Seed;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Outputs, TargetKind, Targets, load_uncached};

mod faults;
mod formats;
mod places;
mod said;

fn source(folder: &TempDir) -> Source {
    Source {
        directory: Some(folder.path().join("beside")),
        descriptors: Some(folder.path().join("data")),
        fallback: false,
        download: false,
    }
}

fn own(settings: &[(&str, &str)]) -> LoadOptions {
    let mut own = OwnData::default();
    settings.iter().for_each(|(key, value)| own.set(key, value).unwrap());
    LoadOptions {
        own,
        ..LoadOptions::default()
    }
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn read(path: &Path, folder: &TempDir, settings: &[(&str, &str)]) -> Result<Dataset> {
    load_uncached(path.to_str().unwrap(), &source(folder), &own(settings))
}

/// Ten rows of a number, a word and a target.
fn small() -> String {
    let row = |n: usize| format!("{n},{},{}\n", ["red", "green"][n % 2], ["yes", "no"][n % 2]);
    format!("size,colour,bought\n{}", (0..10).map(row).collect::<String>())
}

#[test]
fn a_wide_short_table_is_read_with_every_column() {
    let folder = TempDir::new().unwrap();
    let mut stream = Seed::new(1).named("wide").stream();
    let mut text = (0..200).map(|k| format!("f{k},")).collect::<String>() + "y\n";
    for _ in 0..25 {
        (0..200).for_each(|_| text += &format!("{:.3},", stream.normal()));
        text += &format!("{:.3}\n", 100.0 + 7.0 * stream.normal());
    }
    let set = read(&write(&folder, "wide.csv", &text), &folder, &[("target", "y")]).unwrap();
    assert_eq!((set.info.features, set.info.targets), (200, TargetKind::Regression(1)));
    assert_eq!(
        [&set.train, &set.validation, &set.test].map(crate::Examples::len),
        [15, 5, 5]
    );
    let Targets::Values { values, .. } = set.train.targets() else {
        panic!("values")
    };
    let mean = values.iter().sum::<f32>() / 15.0;
    assert!(
        mean.abs() < 1e-5,
        "the target is standardised by the training rows: {mean}"
    );
}

#[test]
fn a_tall_narrow_table_is_split_without_overlap_and_the_same_each_time() {
    let folder = TempDir::new().unwrap();
    let mut text = "x\ty\n".to_owned();
    (0..5000).for_each(|n| text += &format!("{n}\t{}\n", n % 3));
    let path = write(&folder, "tall.tsv", &text);
    let set = read(&path, &folder, &[("target", "y")]).unwrap();
    assert_eq!(set.info.targets, TargetKind::Classes(3));
    let rows = |split: crate::Split| -> Vec<i64> {
        let restored = |x: &f32| set.transform.restore(split, 0, *x).round() as i64;
        set.split(split).features().iter().map(restored).collect()
    };
    let mut all = [crate::Split::Train, crate::Split::Validation, crate::Split::Test]
        .map(rows)
        .concat();
    all.sort_unstable();
    assert_eq!(all, (0..5000).collect::<Vec<_>>());
    let again = read(&path, &folder, &[]).unwrap();
    assert_eq!(again.test, set.test);
}

#[test]
fn missing_values_and_words_become_flags_and_the_page_is_told() {
    let folder = TempDir::new().unwrap();
    let mut text = "age,town,income\n".to_owned();
    for n in 0..40 {
        let age = if n % 8 == 3 {
            "NA".to_owned()
        } else {
            (20 + n).to_string()
        };
        let town = ["Ulm", "Bonn", "?"][n % 3];
        text += &format!(
            "{age},{town},{}\n",
            if n == 7 { String::new() } else { format!("{}.5", n * 3) }
        );
    }
    let set = read(&write(&folder, "people.csv", &text), &folder, &[("target", "income")]).unwrap();
    // age, age missing, Bonn, Ulm, town missing
    assert_eq!(set.info.features, 5);
    let part = set.info.part.clone().unwrap();
    assert!(
        part.contains("1 row without a target left out") && part.contains("5 missing numbers"),
        "{part}"
    );
    for row in (0..set.train.len()).map(|row| set.train.row(row)) {
        assert_eq!(row[2] + row[3] + row[4], 1.0, "one town each");
        assert!(
            row[1] == 0.0 || row[0].abs() < 1e-5,
            "a missing age is the training mean, which is 0: {row:?}"
        );
    }
    let refused = read(&folder.path().join("people.csv"), &folder, &[("missing", "refuse")]).unwrap_err();
    assert!(
        refused.to_string().contains("option missing: expected flag"),
        "{refused}"
    );
}

#[test]
fn rows_that_lack_a_feature_are_dropped_or_refused_where_that_is_the_rule() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "gaps.csv", small().replace("\n3,", "\n,"));
    let set = read(&path, &folder, &[("target", "bought"), ("missing", "drop")]).unwrap();
    assert_eq!(set.train.len() + set.validation.len() + set.test.len(), 9);
    fs::remove_file(folder.path().join("data/gaps.toml")).unwrap();
    let error = read(&path, &folder, &[("target", "bought"), ("missing", "refuse")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("gaps.csv, line 5, column \"size\""), "{error}");
    assert!(
        !folder.path().join("data/gaps.toml").exists(),
        "a set that cannot be read is not described"
    );
}

#[test]
fn first_use_pins_the_content_and_a_change_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "shop.csv", small());
    let first = read(&path, &folder, &[("target", "bought")]).unwrap();
    let described = fs::read_to_string(folder.path().join("data/shop.toml")).unwrap();
    assert!(
        described.contains("sha256 = ") && described.contains("classes = [\"no\", \"yes\"]"),
        "{described}"
    );
    assert!(
        described.contains("path = \"../shop.csv\""),
        "folder and file can move together: {described}"
    );
    let by_name = load_uncached("shop", &source(&folder), &LoadOptions::default()).unwrap();
    assert_eq!(
        (by_name.train, &by_name.info.content_sha256),
        (first.train, &first.info.content_sha256)
    );
    let other = read(&path, &folder, &[("target", "size")]).unwrap_err().to_string();
    assert!(
        other.contains("expected bought") && other.contains("shop.toml"),
        "{other}"
    );
    write(&folder, "shop.csv", small().replace("\n9,", "\n8,"));
    let changed = read(&path, &folder, &[]).unwrap_err().to_string();
    assert!(
        changed.contains("has changed") && changed.contains("shop.toml"),
        "{changed}"
    );
    write(&folder, "elsewhere/shop.csv", small());
    let elsewhere = read(&folder.path().join("elsewhere/shop.csv"), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(elsewhere.contains("another file of the same name"), "{elsewhere}");
}

#[test]
fn a_handwritten_descriptor_is_pinned_without_losing_a_line() {
    let folder = TempDir::new().unwrap();
    write(&folder, "data/shop.csv", small());
    let hand =
        "# ours\npath = \"shop.csv\"\nformat = \"csv\"\ntarget = \"bought\"\ntask = \"classes\"\ntest_share = 0.3\n";
    let descriptor = write(&folder, "data/shop.toml", hand);
    let set = load_uncached("shop", &source(&folder), &LoadOptions::default()).unwrap();
    assert_eq!(set.test.len(), 3);
    let pinned = fs::read_to_string(&descriptor).unwrap();
    assert!(pinned.starts_with("sha256 = \"") && pinned.ends_with(hand), "{pinned}");
    fs::write(
        &descriptor,
        "path = \"shop.csv\"\nformat = \"csv\"\ntask = \"classes\"\ntraget = \"x\"\n",
    )
    .unwrap();
    let error = load_uncached("shop", &source(&folder), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("shop.toml") && error.contains("traget"), "{error}");
}

#[test]
fn a_column_can_give_the_split_and_others_can_be_left_out() {
    let folder = TempDir::new().unwrap();
    let mut text = "id,x,part,y\n".to_owned();
    let parts = ["train", "train", "train", "val", "test"];
    (0..20).for_each(|n| text += &format!("row{n},{n},{},{}\n", parts[n % 5], n as f64 / 7.0));
    let path = write(&folder, "given.csv", &text);
    let settings = [("target", "y"), ("split_column", "part"), ("ignore", "id")];
    let set = read(&path, &folder, &settings).unwrap();
    assert_eq!(
        [&set.train, &set.validation, &set.test].map(crate::Examples::len),
        [12, 4, 4]
    );
    assert_eq!(set.info.features, 1);
    write(&folder, "bad.csv", text.replace(",test,", ",tst,"));
    let error = read(&folder.path().join("bad.csv"), &folder, &settings)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("bad.csv, line 6, column \"part\"") && error.contains("\"tst\""),
        "{error}"
    );
}

#[test]
fn errors_name_file_line_and_column() {
    let folder = TempDir::new().unwrap();
    let message = |text: &str, settings: &[(&str, &str)]| {
        let path = write(&folder, "bad.csv", text);
        read(&path, &folder, settings).unwrap_err().to_string()
    };
    let y: &[(&str, &str)] = &[("target", "bought")];
    let word = message(&small().replace("\n7,", "\nseven,"), y);
    assert!(
        word.contains("bad.csv, line 9, column \"size\"") && word.contains("found \"seven\""),
        "{word}"
    );
    let short = message(&small().replace("\n4,red,yes", "\n4,red"), y);
    assert!(short.contains("columns of line 6: expected 3, found 2"), "{short}");
    let twice = message(&small().replace("size,colour", "size,size"), y);
    assert!(twice.contains("\"size\" twice"), "{twice}");
    let headless = message("1,2\n3,4\n", y);
    assert!(headless.contains("distinct names of columns"), "{headless}");
    let unnamed = message(&small(), &[]);
    assert!(
        unnamed.contains("--set target=COLUMN") && unnamed.contains("size, colour, bought"),
        "{unnamed}"
    );
    let unknown = message(&small(), &[("target", "weight")]);
    assert!(unknown.contains("\"weight\""), "{unknown}");
    let huge = message(&small().replace("\n7,", "\n1e300,"), y);
    assert!(huge.contains("line 9"), "{huge}");
    let absent = read(&folder.path().join("absent.csv"), &folder, y)
        .unwrap_err()
        .to_string();
    assert!(absent.contains("absent.csv"), "{absent}");
}

#[test]
fn a_file_may_not_take_the_name_of_a_known_set() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "adult.csv", small());
    let error = read(&path, &folder, &[("target", "bought")]).unwrap_err().to_string();
    assert!(error.contains("no known data set"), "{error}");
}

#[test]
fn parquet_gives_the_rows_that_the_text_gives() {
    use polars::prelude::*;
    let folder = TempDir::new().unwrap();
    let sizes: Vec<i64> = (0..10).collect();
    let colours: Vec<&str> = (0..10).map(|n| ["red", "green"][n % 2]).collect();
    let bought: Vec<&str> = (0..10).map(|n| ["yes", "no"][n % 2]).collect();
    let columns = vec![
        Column::new("size".into(), sizes),
        Column::new("colour".into(), colours),
        Column::new("bought".into(), bought),
    ];
    let mut frame = DataFrame::new(10, columns).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    let parquet = read(
        &write(&folder, "a/shop.parquet", &bytes),
        &folder,
        &[("target", "bought")],
    )
    .unwrap();
    fs::remove_file(folder.path().join("data/shop.toml")).unwrap();
    let text = read(&write(&folder, "b/shop.csv", small()), &folder, &[("target", "bought")]).unwrap();
    assert_eq!((parquet.train, parquet.test), (text.train, text.test));
    bytes.truncate(bytes.len() / 2);
    fs::remove_file(folder.path().join("data/shop.toml")).unwrap();
    let cut = read(
        &write(&folder, "a/shop.parquet", &bytes),
        &folder,
        &[("target", "bought")],
    );
    assert!(cut.unwrap_err().to_string().contains("a Parquet file"));
}

/// A version 1.0 `.npy` file, as NumPy's format page describes it.
fn npy(kind: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(10 + head.len() + 1).is_multiple_of(64) {
        head.push(' ');
    }
    head.push('\n');
    let length = u16::try_from(head.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], head.as_bytes(), body].concat()
}

fn npz(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    use std::io::Write as _;
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let builder = archive
            .new_file(name)
            .compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = builder.start().unwrap();
        let packer = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(packer);
        writer.write_all(content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

#[test]
fn arrays_of_numpy_are_columns_or_images() {
    let folder = TempDir::new().unwrap();
    let x: Vec<u8> = (0..40).flat_map(|n| f64::from(n).to_le_bytes()).collect();
    let y: Vec<u8> = (0..20_i64).flat_map(|n| (n % 2).to_le_bytes()).collect();
    let archive = npz(&[("x.npy", npy("<f8", "(20, 2)", &x)), ("y.npy", npy("<i8", "(20,)", &y))]);
    let set = read(&write(&folder, "plain.npz", archive), &folder, &[]).unwrap();
    assert_eq!(
        (set.info.shape.as_slice(), set.info.targets),
        (&[2][..], TargetKind::Classes(2))
    );
    let pixels: Vec<u8> = (0..8 * 6).collect();
    let labels: Vec<u8> = (0..8).map(|n| n % 2).collect();
    let images = npz(&[
        ("x_train.npy", npy("|u1", "(8, 2, 3)", &pixels)),
        ("y_train.npy", npy("|u1", "(8,)", &labels)),
        ("x_test.npy", npy("|u1", "(2, 2, 3)", &pixels[..12])),
        ("y_test.npy", npy("|u1", "(2,)", &labels[..2])),
    ]);
    let set = read(&write(&folder, "images.npz", images), &folder, &[]).unwrap();
    assert_eq!((set.info.shape.as_slice(), set.test.len()), (&[2, 3, 1][..], 2));
    assert!((set.transform.restore(crate::Split::Test, 0, set.test.row(1)[0]) - 6.0).abs() < 1e-3);
    let lacking = npz(&[("x.npy", npy("<f8", "(20, 2)", &x))]);
    let error = read(&write(&folder, "lacking.npz", lacking), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("an array y"), "{error}");
}

#[test]
fn a_folder_of_idx_files_is_read_and_can_be_transposed() {
    let folder = TempDir::new().unwrap();
    let images: Vec<u8> = (0..10 * 6).collect();
    let labels: Vec<u8> = (0..10).map(|n| 1 + n % 2).collect();
    write(
        &folder,
        "letters/emnist-train-images-idx3-ubyte",
        crate::idx::encode(&[10, 2, 3], &images),
    );
    write(
        &folder,
        "letters/emnist-train-labels-idx1-ubyte",
        crate::idx::encode(&[10], &labels),
    );
    write(
        &folder,
        "letters/emnist-test-images-idx3-ubyte",
        crate::idx::encode(&[1, 2, 3], &images[..6]),
    );
    write(
        &folder,
        "letters/emnist-test-labels-idx1-ubyte",
        crate::idx::encode(&[1], &labels[..1]),
    );
    let set = read(&folder.path().join("letters"), &folder, &[("transpose", "true")]).unwrap();
    assert_eq!(
        (set.info.shape.as_slice(), set.info.targets),
        (&[3, 2, 1][..], TargetKind::Classes(2))
    );
    let restored: Vec<f64> = (0..6)
        .map(|column| {
            set.transform
                .restore(crate::Split::Test, column, set.test.row(0)[column])
                .round()
        })
        .collect();
    assert_eq!(restored, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
}

#[test]
fn a_folder_of_images_by_class_is_read_and_odd_ones_are_named() {
    let folder = TempDir::new().unwrap();
    for (class, shade) in [("cat", 10_u8), ("dog", 200)] {
        for number in 0..6 {
            let path = folder.path().join(format!("pets/{class}/{number}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            image::GrayImage::from_pixel(4, 3, image::Luma([shade + number]))
                .save(path)
                .unwrap();
        }
    }
    let set = read(&folder.path().join("pets"), &folder, &[]).unwrap();
    assert_eq!(
        (set.info.shape.as_slice(), set.info.targets),
        (&[3, 4, 1][..], TargetKind::Classes(2))
    );
    for (row, class) in (0..).zip(set.train.classes().unwrap()) {
        let shade = set.transform.restore(crate::Split::Train, 0, set.train.row(row)[0]);
        assert_eq!(*class == 1, shade > 100.0, "cats are dark");
    }
    image::GrayImage::new(5, 3)
        .save(folder.path().join("pets/dog/odd.png"))
        .unwrap();
    fs::remove_file(folder.path().join("data/pets.toml")).unwrap();
    let error = read(&folder.path().join("pets"), &folder, &[]).unwrap_err().to_string();
    assert!(error.contains("odd.png") && error.contains("[3, 5, 1]"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes a file holds: an error that names it, or splits of finite numbers.
    #[test]
    fn any_bytes_are_refused_by_name_or_read_whole(
        cells in prop::collection::vec(prop::sample::select(vec!["1", "2.5", "x", "", "NA", "1e39", "\"", "\n", ",", "y"]), 0..120),
        ending in prop::sample::select(vec!["csv", "tsv", "parquet", "npz"]),
    ) {
        let text = format!("a,y\n{}", cells.join(","));
        match table_from_bytes(text.as_bytes(), ending) {
            Ok(set) => {
                prop_assert!(!set.train.is_empty() && !set.test.is_empty() && !set.validation.is_empty());
                prop_assert!(set.train.features().iter().all(|x| x.is_finite()));
            }
            Err(error) => prop_assert!(error.to_string().contains("fuzz"), "{error}"),
        }
    }

    /// Numbers come back as they were written, whatever the split.
    #[test]
    fn numbers_survive_reading(numbers in prop::collection::vec(-1e6_f64..1e6, 10..40)) {
        let mut text = "x,y\n".to_owned();
        for (n, number) in numbers.iter().enumerate() {
            text += &format!("{number},{}\n", n as f64 + 0.5);
        }
        let set = table_from_bytes(text.as_bytes(), "csv").unwrap();
        let mut found: Vec<f64> = [crate::Split::Train, crate::Split::Validation, crate::Split::Test]
            .into_iter()
            .flat_map(|split| set.split(split).features().iter().map(move |x| (split, *x)))
            .map(|(split, x)| set.transform.restore(split, 0, x))
            .collect();
        found.sort_by(f64::total_cmp);
        let mut expected = numbers;
        expected.sort_by(f64::total_cmp);
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() <= 2.0, "{found} {expected}");
        }
    }
}
