//! What pandas and NumPy write: see `tests/pandas/make.py`.

use super::*;

/// A file that pandas or NumPy wrote, under a name that says nothing of its kind, as splits are drawn by the name.
fn fixture(folder: &TempDir, name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pandas").join(name);
    let ending = from.extension().unwrap().to_str().unwrap().to_owned();
    let _ = fs::remove_file(folder.path().join("data/same.toml"));
    write(folder, &format!("{name}/same.{ending}"), fs::read(from).unwrap())
}

fn of_fixture(folder: &TempDir, name: &str, settings: &[(&str, &str)]) -> Result<Dataset> {
    read(&fixture(folder, name), folder, settings)
}

#[test]
fn parquet_of_every_width_of_number_reads_as_the_same_table_in_text() {
    let folder = TempDir::new().unwrap();
    let text = of_fixture(&folder, "types.csv", &[("target", "y"), ("task", "regression")]).unwrap();
    // Each of nine columns with a gap and its flag, three towns and a gap, truth values.
    assert_eq!(text.info.features, 7 * 2 + 4 + 1 + 1);
    for name in ["types.parquet", "integers.parquet"] {
        let set = of_fixture(&folder, name, &[("target", "y"), ("task", "regression")]).unwrap();
        assert_eq!((&set.train, &set.test), (&text.train, &text.test), "{name}");
        assert_eq!(set.validation, text.validation, "{name}");
    }
    // Categories of whole numbers are those numbers: classes by size.
    let set = of_fixture(&folder, "types.parquet", &[("target", "code")]).unwrap();
    assert_eq!(set.info.targets, TargetKind::Classes(3));
    let described = fs::read_to_string(folder.path().join("data/same.toml")).unwrap();
    assert!(described.contains("classes = [\"10\", \"20\", \"30\"]"), "{described}");
}

#[test]
fn parquet_of_other_types_is_refused_by_column_and_type_unless_ignored() {
    let folder = TempDir::new().unwrap();
    let all = ["date", "moment", "clock", "bytes", "list", "record", "huge"];
    for (name, found) in all.into_iter().zip([
        "dates",
        "dates with times",
        "times of day",
        "bytes",
        "lists, maps or structures",
        "lists, maps or structures",
        "decimals of more than 16 bytes",
    ]) {
        let others: Vec<&str> = all.into_iter().filter(|other| *other != name).collect();
        let settings = [("target", "y"), ("ignore", &*others.join(","))];
        let error = of_fixture(&folder, "others.parquet", &settings)
            .unwrap_err()
            .to_string();
        let told =
            error.contains("same.parquet: expected") && error.contains(&format!("column {name:?} (ignore={name}"));
        assert!(told && error.ends_with(&format!("found {found}")), "{error}");
    }
    let settings = [("target", "y"), ("ignore", &*all.join(","))];
    let set = of_fixture(&folder, "others.parquet", &settings).unwrap();
    assert_eq!(set.info.features, 2);
}

#[test]
fn arrays_of_either_order_and_of_16_bits_read_alike() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..12).fold("a,b,c,d,e,y\n".to_owned(), |text, row| {
        let cells: String = (0..5)
            .map(|column| format!("{},", f64::from(5 * row + column) / 4.0))
            .collect();
        text + &cells + &format!("{}\n", row % 3)
    });
    let expected = read(&write(&folder, "same.csv", rows), &folder, &[("target", "y")]).unwrap();
    for name in ["plain.npz", "fortran.npz", "half.npz", "half_big_fortran.npz"] {
        let set = of_fixture(&folder, name, &[]).unwrap();
        assert_eq!(
            (set.train, set.test),
            (expected.train.clone(), expected.test.clone()),
            "{name}"
        );
    }
    let images = ["images.npz", "images_fortran.npz"].map(|name| of_fixture(&folder, name, &[]).unwrap());
    assert_eq!(images[0].info.shape, [4, 3, 3]);
    assert_eq!(images[0].train, images[1].train);
    let first = images[1]
        .transform
        .restore(crate::Split::Train, 0, images[1].train.row(0)[0]);
    let second = images[1]
        .transform
        .restore(crate::Split::Train, 1, images[1].train.row(0)[1]);
    assert!(
        (second - first - 1.0).abs() < 1e-3,
        "channels lie side by side: {first} {second}"
    );
}

#[test]
fn numbers_beyond_single_precision_in_arrays_are_named_by_row_and_column() {
    let folder = TempDir::new().unwrap();
    let x: Vec<u8> = (0..40)
        .flat_map(|n| if n == 7 { f64::INFINITY } else { f64::from(n) }.to_le_bytes())
        .collect();
    let y: Vec<u8> = (0..20_i64).flat_map(|n| (n % 2).to_le_bytes()).collect();
    let arrays = [("x.npy", npy("<f8", "(20, 2)", &x)), ("y.npy", npy("<i8", "(20,)", &y))];
    let error = read(&write(&folder, "wide.npz", npz(&arrays)), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("wide.npz, row 4, column \"x[1]\"") && error.contains("\"inf\""),
        "{error}"
    );
    let text = npz(&[("x.npy", npy("<U1", "(10, 2)", &[0; 80])), arrays[1].clone()]);
    let error = read(&write(&folder, "text.npz", text), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("an array x of numbers, found the type <U1"), "{error}");
    let cut = npz(&[("x.npy", npy("<f2", "(20, 2)", &[0; 78])), arrays[1].clone()]);
    let error = read(&write(&folder, "cut.npz", cut), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("39 of 40 numbers of 16 bits"), "{error}");
}

#[test]
fn classes_that_are_too_large_to_be_told_apart_are_refused() {
    let folder = TempDir::new().unwrap();
    let x: Vec<u8> = (0..20).flat_map(|n| f64::from(n).to_le_bytes()).collect();
    let of = |large: i64| {
        let y: Vec<u8> = (0..20_i64).flat_map(|n| (large - n % 2).to_le_bytes()).collect();
        npz(&[("x.npy", npy("<f8", "(20, 1)", &x)), ("y.npy", npy("<i8", "(20,)", &y))])
    };
    let last = (1 << 53) - 1;
    let told = read(&write(&folder, "told.npz", of(last)), &folder, &[]).unwrap();
    assert_eq!(told.info.targets.outputs(), 2);
    let merged = read(&write(&folder, "merged.npz", of(last + 2)), &folder, &[]);
    let error = merged.unwrap_err().to_string();
    assert!(
        error.contains("merged.npz, row 1") && error.contains("below 2⁵³"),
        "{error}"
    );
}
