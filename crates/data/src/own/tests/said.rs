//! Nothing is dropped in silence, and what is refused comes with what to do.

use super::*;

fn anew(folder: &TempDir, name: &str, content: impl AsRef<[u8]>, settings: &[(&str, &str)]) -> Result<Dataset> {
    let described = folder
        .path()
        .join("data")
        .join(Path::new(name).with_extension("toml").file_name().unwrap());
    let _ = fs::remove_file(described);
    read(&write(folder, name, content), folder, settings)
}

fn refused(folder: &TempDir, name: &str, content: impl AsRef<[u8]>, settings: &[(&str, &str)]) -> String {
    anew(folder, name, content, settings).unwrap_err().to_string()
}

fn part(set: &Dataset) -> String {
    set.info.part.clone().unwrap_or_default()
}

fn numbers(values: impl Iterator<Item = u32>, shape: &str) -> Vec<u8> {
    let body: Vec<u8> = values.flat_map(|n| f64::from(n).to_le_bytes()).collect();
    npy("<f8", shape, &body)
}

#[test]
fn arrays_of_every_split_are_read_and_others_are_named() {
    let folder = TempDir::new().unwrap();
    let x = |rows: u32| numbers(0..rows, &format!("({rows}, 1)"));
    let y = |rows: u32| numbers((0..rows).map(|n| n % 2), &format!("({rows},)"));
    let archive = npz(&[
        ("x_train.npy", x(12)),
        ("y_train.npy", y(12)),
        ("x_val.npy", x(4)),
        ("y_val.npy", y(4)),
        ("x_test.npy", x(2)),
        ("y_test.npy", y(2)),
        ("ids.npy", y(12)),
    ]);
    let set = anew(&folder, "splits.npz", archive, &[]).unwrap();
    assert_eq!(
        [&set.train, &set.validation, &set.test].map(crate::Examples::len),
        [12, 4, 2]
    );
    assert!(
        set.info.splits.contains("4 validation (given by the file)"),
        "{}",
        set.info.splits
    );
    assert_eq!(part(&set), "1 array not read: ids");
    let archive = npz(&[
        ("x.npy", x(12)),
        ("y.npy", y(12)),
        ("x_test.npy", x(2)),
        ("y_test.npy", y(2)),
    ]);
    let set = anew(&folder, "splits.npz", archive, &[]).unwrap();
    assert_eq!((set.train.len() + set.validation.len(), set.test.len()), (12, 2));
    for (files, expected) in [
        (
            &["x", "y", "x_train", "y_train"][..],
            "one of the arrays x, x_train, found x and x_train",
        ),
        (&["x", "y", "x_val"], "an array y_val"),
        (&["x", "y", "y_test"], "an array x_test beside y_test"),
        (&["x_test", "y_test"], "an array x or x_train"),
    ] {
        let files: Vec<(String, Vec<u8>)> = files.iter().map(|name| (format!("{name}.npy"), y(12))).collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        let error = refused(&folder, "splits.npz", npz(&files), &[]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn folders_give_a_validation_split_too() {
    let folder = TempDir::new().unwrap();
    let images: Vec<u8> = (0..10 * 6).collect();
    let labels: Vec<u8> = (0..10).map(|n| n % 2).collect();
    for (split, rows) in [("train", 10), ("val", 4), ("t10k", 2)] {
        let name = |what: &str, kind: &str| format!("digits/{split}-{what}-{kind}-ubyte");
        write(
            &folder,
            &name("images", "idx3"),
            crate::idx::encode(&[rows, 2, 3], &images[..6 * rows]),
        );
        write(
            &folder,
            &name("labels", "idx1"),
            crate::idx::encode(&[rows], &labels[..rows]),
        );
    }
    let set = read(&folder.path().join("digits"), &folder, &[]).unwrap();
    assert_eq!(
        [&set.train, &set.validation, &set.test].map(crate::Examples::len),
        [10, 4, 2]
    );
    for (split, count) in [("train", 6), ("val", 3), ("test", 2)] {
        for (class, number) in ["cat", "dog"]
            .into_iter()
            .flat_map(|class| (0..count).map(move |n| (class, n)))
        {
            let path = folder.path().join(format!("pets/{split}/{class}/{number}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            image::GrayImage::from_pixel(4, 3, image::Luma([number]))
                .save(path)
                .unwrap();
        }
    }
    let set = read(&folder.path().join("pets"), &folder, &[]).unwrap();
    assert_eq!(
        [&set.train, &set.validation, &set.test].map(crate::Examples::len),
        [12, 6, 4]
    );
}

/// Twelve pictures of two classes, all alike but for the last, and the set that they give.
fn pictures(plain: &image::DynamicImage, last: &image::DynamicImage) -> Result<Dataset> {
    let folder = TempDir::new().unwrap();
    for (class, number) in ["cat", "dog"]
        .into_iter()
        .flat_map(|class| (0..6).map(move |n| (class, n)))
    {
        let path = folder.path().join(format!("pets/{class}/{number}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = if (class, number) == ("dog", 5) { last } else { plain };
        picture.save(path).unwrap();
    }
    read(&folder.path().join("pets"), &folder, &[])
}

#[test]
fn an_alpha_channel_that_hides_something_is_refused_and_deep_images_are_said_to_be_rounded() {
    use image::DynamicImage;
    let rgba = |alpha| DynamicImage::from(image::RgbaImage::from_pixel(4, 3, image::Rgba([9, 8, 7, alpha])));
    let set = pictures(&rgba(255), &rgba(255)).unwrap();
    assert_eq!((set.info.shape.as_slice(), part(&set).as_str()), (&[3, 4, 3][..], ""));
    let error = pictures(&rgba(255), &rgba(128)).unwrap_err().to_string();
    assert!(
        error.contains("dog/5.png: expected opaque pixels (lay the image onto a background") && error.contains("row 0"),
        "{error}"
    );
    let grey = |shade: u16| DynamicImage::from(image::ImageBuffer::from_pixel(4, 3, image::Luma([shade])));
    let eight = DynamicImage::from(image::GrayImage::from_pixel(4, 3, image::Luma([1])));
    let set = pictures(&eight, &grey(300)).unwrap();
    assert_eq!(part(&set), "1 image of more than 8 bits a channel rounded to 8");
}

#[test]
fn a_class_called_none_is_named_and_can_be_kept() {
    let folder = TempDir::new().unwrap();
    let table = small().replace(",yes", ",none");
    let error = refused(&folder, "plans.csv", &table, &[("target", "bought")]);
    assert!(
        error.contains(
            "at least two classes, found [\"no\"] in column \"bought\"; `none` in 5 rows of the target stands for"
        ) && error.contains("(words=bought makes it a class)"),
        "{error}"
    );
    let set = anew(
        &folder,
        "plans.csv",
        &table,
        &[("target", "bought"), ("words", "bought")],
    )
    .unwrap();
    let rows = set.train.len() + set.validation.len() + set.test.len();
    assert_eq!((set.info.targets, rows), (TargetKind::Classes(2), 10));
    // Where other classes are left, the page is told.
    let table = small().replace("\n3,green,no", "\n3,green,NA");
    let set = anew(&folder, "plans.csv", &table, &[("target", "bought")]).unwrap();
    assert!(
        part(&set).starts_with("`NA` in 1 row of the target stands for a missing value"),
        "{}",
        part(&set)
    );
}

fn parquet(columns: Vec<polars::prelude::Column>) -> Vec<u8> {
    use polars::prelude::*;
    let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

#[test]
fn a_column_without_any_value_is_left_out_whatever_the_format() {
    use polars::prelude::{Column, NamedFrom as _, Series};
    let folder = TempDir::new().unwrap();
    let said = "1 column without any value left out (colour)";
    let y: Vec<f64> = (0..12).map(|n| f64::from(n) + 0.5).collect();
    let x: Vec<i64> = (0..12).collect();
    let text = (0..12).fold("x,colour,y\n".to_owned(), |text, n| text + &format!("{n},NA,{n}.5\n"));
    let numbers = Column::from(Series::new("colour".into(), vec![None::<f64>; 12]));
    let words = Column::from(Series::new("colour".into(), vec![None::<&str>; 12]));
    let table = |colour| parquet(vec![Column::new("x".into(), &x), colour, Column::new("y".into(), &y)]);
    for rule in ["flag", "drop"] {
        let settings = [("target", "y"), ("missing", rule)];
        let of_text = anew(&folder, "void.csv", &text, &settings).unwrap();
        assert_eq!(
            (of_text.info.features, part(&of_text).starts_with(said)),
            (1, true),
            "{}",
            part(&of_text)
        );
        for colour in [&numbers, &words] {
            let set = anew(&folder, "void.parquet", table(colour.clone()), &settings).unwrap();
            assert_eq!((&set.train, part(&set)), (&of_text.train, part(&of_text)), "{rule}");
        }
    }
    let error = refused(&folder, "void.csv", &text, &[("target", "y"), ("missing", "refuse")]);
    assert!(error.contains("column \"colour\": expected a value"), "{error}");
}

#[test]
fn large_whole_numbers_of_a_parquet_column_of_words_stay_apart() {
    use polars::prelude::Column;
    let folder = TempDir::new().unwrap();
    // Two neighbours beyond 2⁵³, which are one number of double precision.
    let keys: Vec<i64> = (0..12).map(|n| 9_007_199_254_740_992 + n % 2).collect();
    let y: Vec<f64> = (0..12).map(|n| f64::from(n) + 0.5).collect();
    let table = parquet(vec![Column::new("key".into(), &keys), Column::new("y".into(), &y)]);
    let set = anew(&folder, "keys.parquet", &table, &[("target", "y"), ("words", "key")]).unwrap();
    assert_eq!(set.info.features, 2);
    let set = anew(&folder, "keys.parquet", &table, &[("target", "key"), ("words", "key")]).unwrap();
    assert_eq!(set.info.targets, TargetKind::Classes(2));
    let described = fs::read_to_string(folder.path().join("data/keys.toml")).unwrap();
    assert!(
        described.contains("\"9007199254740992\", \"9007199254740993\""),
        "{described}"
    );
    // Texts of Parquet lose the white space around them, as those of other formats do.
    let padded: Vec<&str> = (0..12).map(|n| ["a", " a ", "b"][n % 3]).collect();
    let table = parquet(vec![Column::new("word".into(), &padded), Column::new("y".into(), &y)]);
    assert_eq!(
        anew(&folder, "keys.parquet", &table, &[("target", "y")])
            .unwrap()
            .info
            .features,
        2
    );
}

#[test]
fn a_quote_that_nothing_closes_is_named_by_its_line() {
    let folder = TempDir::new().unwrap();
    let open = small().replace("\n4,red", "\n4,\"red");
    let error = refused(&folder, "quotes.csv", &open, &[("target", "bought")]);
    assert!(
        error.contains("a quote that closes the field that one opens in line 6")
            && error.contains("found the end of the file"),
        "{error}"
    );
    // What closes, what stands within a field, and what a quoted field holds are no faults.
    for cell in ["\"red\"", "\"r\"\"ed\"", "\"r,\ned\"", "r\"ed", "\"\"", "\"\"\"\""] {
        let table = small().replace("\n4,red", &format!("\n4,{cell}"));
        anew(&folder, "quotes.csv", &table, &[("target", "bought")]).unwrap();
    }
}

proptest! {
    /// A quote is said to be open exactly where the reader would have taken a field for ended if the text went on.
    #[test]
    fn an_open_quote_is_what_swallows_a_line_at_the_end(
        cells in prop::collection::vec(prop::sample::select(vec!["a", "\"", "\"\"", ",", "\n", "b\"", "1"]), 0..40),
    ) {
        let text = format!("x{}\n", cells.concat());
        let records = |text: &str| {
            let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
            reader.records().count()
        };
        let swallowed = records(&format!("{text}last\n")) == records(&text);
        prop_assert_eq!(super::super::text::open_quote(text.as_bytes(), b',').is_some(), swallowed, "{:?}", text);
    }
}

#[test]
fn a_mean_is_said_with_the_digits_that_the_spread_gives_a_meaning() {
    let folder = TempDir::new().unwrap();
    let table = (0..20).fold("x,y\n".to_owned(), |text, n| {
        text + &format!("{n},{}\n", 1_000_000.0 + 5.1 * f64::from(n))
    });
    let set = anew(&folder, "far.csv", &table, &[("target", "y")]).unwrap();
    let told = part(&set);
    let mean: f64 = told
        .split("− ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let Outputs::Values(values) = &set.encoding.outputs else {
        panic!("{told}")
    };
    assert!((mean - values[0].channel.mean).abs() < 1e-3, "{told}");
}

#[test]
fn what_disagrees_with_a_descriptor_comes_with_a_remedy() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "shop.csv", small());
    read(&path, &folder, &[("target", "bought")]).unwrap();
    let error = read(&path, &folder, &[("ignore", "size")]).unwrap_err().to_string();
    assert!(
        error.contains("option ignore: expected nothing, as ") && error.contains("change it there"),
        "{error}"
    );
    write(&folder, "elsewhere/shop.csv", small());
    let error = read(&folder.path().join("elsewhere/shop.csv"), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("describe-data FILE --descriptor NAME.toml"), "{error}");
    let share = "path = \"../shop.csv\"\nformat = \"csv\"\ntarget = \"bought\"\ntask = \"classes\"\ntest_share = 0.5\n";
    write(&folder, "data/half.toml", share);
    let error = load_uncached("half", &source(&folder), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("test_share above 0 and below 0.5") && error.ends_with("found 0.5"),
        "{error}"
    );
    let two = "x,y\n1,a\n2,b\n";
    let error = refused(&folder, "two.csv", two, &[("target", "y")]);
    assert!(error.contains("at least 2 rows for training and 1 each"), "{error}");
}
