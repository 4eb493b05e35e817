//! What is wrong with a table is said with the line in which an editor finds it.

use super::*;

fn message(folder: &TempDir, text: &str, settings: &[(&str, &str)]) -> String {
    let _ = fs::remove_file(folder.path().join("data/bad.toml"));
    read(&write(folder, "bad.csv", text), folder, settings)
        .unwrap_err()
        .to_string()
}

#[test]
fn every_message_counts_lines_as_an_editor_does() {
    let folder = TempDir::new().unwrap();
    let y = ("target", "bought");
    for ends in ["\n", "\r\n", "\r"] {
        // A title of two lines, a cell of two lines, a blank line; then what is wrong, in line 10 of the file.
        let text = "size,\"colour\nof it\",bought\n1,red,yes\n2,\"a\nb\",no\n\n3,red,yes\n4,red,no\n5,red,yes\n";
        let wrong = |last: &str, settings: &[(&str, &str)]| {
            let text = format!("{text}{last}\n6,red,no\n").replace('\n', ends);
            message(&folder, &text, settings)
        };
        let place = "bad.csv, line 10, column";
        for (last, settings, rest) in [
            ("seven,red,no", &[y][..], "\"size\""),
            ("inf,red,no", &[y], "\"size\""),
            (",red,no", &[y, ("missing", "refuse")], "\"size\""),
        ] {
            let error = wrong(last, settings);
            assert!(error.contains(&format!("{place} {rest}")), "{ends:?} {last}: {error}");
        }
        let short = wrong("7,red", &[y]);
        assert!(
            short.contains("columns of line 10: expected 3, found 2"),
            "{ends:?}: {short}"
        );
        let colour = "colour\nof it".replace('\n', ends);
        let split = wrong("7,tst,no", &[("target", "size"), ("split_column", &colour)]);
        // Colours are no splits: the first one is named.
        assert!(split.contains("bad.csv, line 3"), "{ends:?}: {split}");
    }
    let bytes = [small().as_bytes(), b"10,r\xffd,yes\n"].concat();
    let error = read(&write(&folder, "latin.csv", bytes), &folder, &[y])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("latin.csv, line 12, column 2: expected UTF-8 text"),
        "{error}"
    );
}

#[test]
fn a_word_under_regression_is_the_cell_that_is_named() {
    let folder = TempDir::new().unwrap();
    let text = "x,y\n1,\n2,0.5\n3,low\n4,high\n5,low\n6,high\n";
    let error = message(&folder, text, &[("target", "y"), ("task", "regression")]);
    assert!(
        error.contains("line 4, column \"y\"") && error.contains("found \"low\""),
        "{error}"
    );
}

#[test]
fn numbers_that_no_network_takes_are_errors_and_never_classes_or_flags() {
    let folder = TempDir::new().unwrap();
    let rows = |cell: &str| (1..=10).fold("x,y\n".to_owned(), |text, row| text + &format!("{row},{cell}\n"));
    for (cell, told) in [
        ("1e39", "1e39"),
        ("-1e300", "-1e300"),
        ("inf", "inf"),
        ("-Infinity", "-Infinity"),
    ] {
        let target = message(&folder, &rows(cell), &[("target", "y")]);
        let place = "bad.csv, line 2, column \"y\": expected a finite number of single precision";
        assert!(
            target.contains(place) && target.contains(&format!("found {told:?}")),
            "{target}"
        );
        let feature = message(&folder, &rows(cell), &[("target", "x")]);
        assert!(feature.contains(place), "{feature}");
    }
    // What is no number at all is missing, whatever its sign.
    let text = (1..=10).fold("x,y\n".to_owned(), |text, row| {
        let x = ["nan", "-NaN", "+nan"]
            .get(row % 5)
            .map_or_else(|| row.to_string(), |&word| word.to_owned());
        text + &format!("{x},{}.5\n", row)
    });
    let set = read(&write(&folder, "nan.csv", text), &folder, &[("target", "y")]).unwrap();
    assert_eq!(set.info.features, 2);
    assert!(set.info.part.unwrap().contains("6 missing numbers"));
}

#[test]
fn rows_that_are_dropped_leave_neither_flags_nor_classes_behind() {
    let folder = TempDir::new().unwrap();
    let text = small()
        .replace("\n3,green,no", "\n,green,maybe")
        .replace("\n5,green", "\n5,blue")
        .replace("\n5,blue,no", "\n,blue,no");
    let settings = [("target", "bought"), ("missing", "drop")];
    let set = read(&write(&folder, "dropped.csv", &text), &folder, &settings).unwrap();
    // The size, green and red: no flag of a missing size, none of a blue thing, and no class of a row that is not there.
    assert_eq!((set.info.features, set.info.targets), (3, TargetKind::Classes(2)));
    let part = set.info.part.unwrap();
    assert_eq!(part, "2 rows that lack a feature left out; 1 column of words as flags");
}

#[test]
fn zero_is_one_class_whatever_its_sign() {
    let folder = TempDir::new().unwrap();
    let text = (1..=10).fold("x,y\n".to_owned(), |text, row| {
        text + &format!("{row},{}\n", ["-0.0", "0", "1"][row % 3])
    });
    let set = read(&write(&folder, "signs.csv", text), &folder, &[("target", "y")]).unwrap();
    assert_eq!(set.info.targets, TargetKind::Classes(2));
}

#[test]
fn pages_are_told_which_split_was_given_and_which_drawn() {
    let folder = TempDir::new().unwrap();
    let table = |parts: [&str; 5]| {
        (0..20).fold("x,part,y\n".to_owned(), |text, n| {
            text + &format!("{n},{},{n}.5\n", parts[n % 5])
        })
    };
    let settings = [("target", "y"), ("split_column", "part"), ("split_seed", "7")];
    for (parts, validation, test) in [
        (
            ["train", "train", "train", "val", "test"],
            "given by the file",
            "given by the file",
        ),
        (
            ["train", "train", "train", "train", "test"],
            "drawn with seed 7",
            "given by the file",
        ),
        (
            ["train", "train", "train", "train", "val"],
            "given by the file",
            "drawn with seed 7",
        ),
        (["train"; 5], "drawn with seed 7", "drawn with seed 7"),
    ] {
        let _ = fs::remove_file(folder.path().join("data/parts.toml"));
        let set = read(&write(&folder, "parts.csv", table(parts)), &folder, &settings).unwrap();
        let expected = format!("4 validation ({validation}), 4 test ({test})");
        assert!(set.info.splits.ends_with(&expected), "{}", set.info.splits);
    }
}

#[test]
fn a_column_has_one_role_and_options_fit_the_format() {
    let folder = TempDir::new().unwrap();
    let named = ("target", "bought");
    for (settings, option, found) in [
        (vec![named, ("ignore", "bought")], "ignore", "bought"),
        (
            vec![named, ("ignore", "colour"), ("words", "size, colour")],
            "ignore",
            "colour",
        ),
        (
            vec![named, ("split_column", "colour"), ("ignore", "colour")],
            "ignore",
            "colour",
        ),
        (vec![named, ("split_column", "bought")], "split_column", "bought"),
        (
            vec![named, ("task", "regression"), ("words", "bought")],
            "words",
            "bought",
        ),
        (vec![named, ("transpose", "true")], "transpose", "true"),
    ] {
        let error = message(&folder, &small(), &settings);
        let told = error.contains(&format!("option {option}: expected ")) && error.ends_with(&format!("found {found}"));
        assert!(told, "{settings:?}: {error}");
    }
    for (option, name) in [("ignore", "weight"), ("words", "weight"), ("split_column", "weight")] {
        let error = message(&folder, &small(), &[named, (option, name)]);
        assert!(
            error.contains(&format!("\"weight\", as the option {option} says")),
            "{error}"
        );
    }
    // A column that is not read may hold what would be a fault.
    let text = small().replace("\n7,", "\nseven,");
    let set = read(
        &write(&folder, "ignored.csv", text),
        &folder,
        &[named, ("ignore", "size")],
    )
    .unwrap();
    assert_eq!(set.info.features, 2);
    let archive = npz(&[
        ("x.npy", npy("|u1", "(8, 1)", &[1; 8])),
        ("y.npy", npy("|u1", "(8,)", &[1; 8])),
    ]);
    let error = read(&write(&folder, "plain.npz", archive), &folder, &[("target", "y")])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("option target: expected nothing, as only tables"),
        "{error}"
    );
}

#[test]
fn a_folder_without_anything_readable_says_what_was_looked_for() {
    let folder = TempDir::new().unwrap();
    write(&folder, "notes/deep/a.txt", "x");
    write(&folder, "notes/b.pdf", "x");
    let error = read(&folder.path().join("notes"), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("notes: expected a folder of idx files") && error.contains("found 2 other files, first"),
        "{error}"
    );
    fs::create_dir(folder.path().join("empty")).unwrap();
    let error = read(&folder.path().join("empty"), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("found no file"), "{error}");
    // The name of `.` is that of the folder.
    let dotted = read(&folder.path().join("notes/deep/.."), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(dotted.contains("found 2 other files"), "{dotted}");
    let nameless = read(&write(&folder, "--.csv", small()), &folder, &[])
        .unwrap_err()
        .to_string();
    assert!(
        nameless.contains("--.csv: expected a name with a letter or a digit"),
        "{nameless}"
    );
}
