//! Rows survive every way through disk, and what does not fit is refused by name.

use std::fs;

use espalier_report::Error;
use espalier_report::rows::{Cell, ColumnKind, Record, Row, Rows, TIMINGS, TrialKey};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Split {
    Train,
    Test,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Epoch {
    epoch: u32,
    split: Split,
    loss: f64,
    accuracy: f32,
    diverged: bool,
    note: Option<String>,
    penalty: Option<f64>,
    parent: Option<i64>,
}

impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Edit {
    units: usize,
    rule: String,
}

impl Row for Edit {
    const TABLE: &'static str = "edits";
}

#[derive(Serialize, Deserialize)]
struct Timing {
    wall_seconds: f64,
}

impl Row for Timing {
    const TABLE: &'static str = TIMINGS;
}

fn epoch(epoch: u32, loss: f64) -> Epoch {
    Epoch {
        epoch,
        split: if epoch.is_multiple_of(2) {
            Split::Train
        } else {
            Split::Test
        },
        loss,
        accuracy: 0.1,
        diverged: !loss.is_finite(),
        note: None,
        penalty: None,
        parent: Some(-3),
    }
}

fn record(variant: &str, seed: u64, losses: &[f64]) -> Record {
    let key = TrialKey::new(&format!("{variant}-{seed}"), variant, "mnist", seed);
    let mut record = Record::new(key);
    for (index, loss) in losses.iter().enumerate() {
        record.push(&epoch(index as u32, *loss)).unwrap();
    }
    record.push_all::<Edit>(&[]).unwrap();
    record
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn non_finite_floats_and_empty_columns_survive_json_and_parquet() {
    let losses = [0.1 + 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trial.json");
    record("a", 1, &losses).write(&path).unwrap();
    let back = Record::read(&path).unwrap();
    assert_eq!(back, record("a", 1, &losses));

    let rows = Rows::from_records(&[back]).unwrap();
    rows.write(&folder.path().join("rows")).unwrap();
    let read = Rows::read(&folder.path().join("rows")).unwrap();
    let epochs = read.get::<Epoch>().unwrap();
    assert_eq!(epochs.len(), losses.len());
    for (keyed, loss) in epochs.iter().zip(losses) {
        assert!(same_bits(keyed.row.loss, loss), "{} {loss}", keyed.row.loss);
        assert_eq!(keyed.key, TrialKey::new("a-1", "a", "mnist", 1));
        assert_eq!((keyed.row.note.clone(), keyed.row.penalty), (None, None));
        assert_eq!((keyed.row.parent, keyed.row.accuracy), (Some(-3), 0.1_f32));
    }
    assert_eq!(epochs[1].row.split, Split::Test);
    // The column of nothing but nulls and the table without rows keep their types.
    let table = read.table("epochs").unwrap();
    assert_eq!(table.columns()[5].kind, ColumnKind::Text);
    assert_eq!(table.columns()[6].kind, ColumnKind::Float);
    assert_eq!(read.get::<Edit>().unwrap(), vec![]);
    assert_eq!(read.table("edits").unwrap().columns().len(), 2);
    assert_eq!(read.content_hash(), rows.content_hash());
}

#[test]
fn the_order_of_records_changes_no_byte() {
    let mut records = Vec::new();
    for variant in ["wide", "narrow"] {
        for seed in [10, 2, 7] {
            records.push(record(variant, seed, &[1.0, 0.5, 0.25]));
        }
    }
    let bytes = |records: &[Record]| {
        let folder = tempfile::tempdir().unwrap();
        Rows::from_records(records).unwrap().write(folder.path()).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        (read("epochs.parquet"), read("edits.parquet"))
    };
    let first = bytes(&records);
    records.reverse();
    assert_eq!(first, bytes(&records));
    let rows = Rows::from_records(&records).unwrap();
    let order: Vec<(String, u64)> = rows.trials().into_iter().map(|k| (k.variant, k.seed)).collect();
    let expected = [
        ("narrow", 2),
        ("narrow", 7),
        ("narrow", 10),
        ("wide", 2),
        ("wide", 7),
        ("wide", 10),
    ];
    assert_eq!(order, expected.map(|(v, s)| (v.to_owned(), s)));
    let epochs: Vec<u32> = rows.get::<Epoch>().unwrap().iter().map(|k| k.row.epoch).collect();
    assert_eq!(epochs, [0, 1, 2].repeat(6));
}

#[test]
fn two_records_of_one_trial_are_refused() {
    let same = [record("a", 1, &[1.0]), record("a", 1, &[1.0])];
    assert!(matches!(Rows::from_records(&same), Err(Error::DuplicateTrial { .. })));
    // Another identity of the same variant, data set and seed is not pooled either.
    let mut other = record("a", 1, &[2.0]);
    other.key.trial = "other".to_owned();
    let message = Rows::from_records(&[record("a", 1, &[1.0]), other])
        .unwrap_err()
        .to_string();
    assert!(message.contains("a-1") && message.contains("other"), "{message}");
    let one = Rows::from_records(&[record("a", 1, &[1.0])]).unwrap();
    assert!(matches!(one.joined(&one), Err(Error::DuplicateTrial { .. })));
}

#[test]
fn a_record_without_rows_is_refused() {
    let empty = record("a", 4, &[]);
    let message = Rows::from_records(&[empty]).unwrap_err().to_string();
    assert!(message.contains("seed 4"), "{message}");
}

#[test]
fn joined_rows_equal_rows_of_all_records() {
    let (a, b) = (record("a", 2, &[1.0, 2.0]), record("a", 1, &[3.0]));
    let one = |r: &Record| Rows::from_records(std::slice::from_ref(r)).unwrap();
    let both = Rows::from_records(&[a.clone(), b.clone()]).unwrap();
    assert_eq!(one(&a).joined(&one(&b)).unwrap(), both);
    assert_eq!(both.filtered(|key| key.seed == 1), {
        let rows = one(&b);
        rows.joined(&Rows::default()).unwrap()
    });
}

#[test]
fn timings_change_the_content_hash_but_not_the_result_hash() {
    let timed = |seconds: f64| {
        let mut record = record("a", 1, &[1.0]);
        record.push(&Timing { wall_seconds: seconds }).unwrap();
        Rows::from_records(&[record]).unwrap()
    };
    let (fast, slow) = (timed(1.0), timed(2.0));
    assert_eq!(fast.result_hash(), slow.result_hash());
    assert_ne!(fast.content_hash(), slow.content_hash());
    let other = Rows::from_records(&[record("a", 1, &[1.5])]).unwrap();
    assert_ne!(fast.result_hash(), other.result_hash());
}

#[derive(Debug, Serialize, Deserialize)]
struct EpochOfText {
    loss: String,
}
impl Row for EpochOfText {
    const TABLE: &'static str = "epochs";
}

#[derive(Debug, Serialize, Deserialize)]
struct EpochWithRank {
    rank: f64,
}
impl Row for EpochWithRank {
    const TABLE: &'static str = "epochs";
}

#[derive(Debug, Serialize, Deserialize)]
struct EpochWithSmallParent {
    parent: u8,
}
impl Row for EpochWithSmallParent {
    const TABLE: &'static str = "epochs";
}

#[derive(Debug, Serialize, Deserialize)]
struct Absent {
    rank: f64,
}
impl Row for Absent {
    const TABLE: &'static str = "absent";
}

#[test]
fn a_wrong_type_is_named_with_file_column_expectation_and_finding() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Rows::from_records(&[record("a", 1, &[1.0])]).unwrap();
    rows.write(folder.path()).unwrap();
    let rows = Rows::read(folder.path()).unwrap();
    let message = rows.get::<EpochOfText>().unwrap_err().to_string();
    for part in ["epochs.parquet", "`loss`", "expected text", "found float"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let message = rows.get::<EpochWithRank>().unwrap_err().to_string();
    assert!(
        message.contains("epochs.parquet") && message.contains("`rank`"),
        "{message}"
    );
    let message = rows.get::<EpochWithSmallParent>().unwrap_err().to_string();
    assert!(message.contains("`parent`") && message.contains("-3"), "{message}");
    let message = rows.get::<Absent>().unwrap_err().to_string();
    assert!(
        message.contains("`absent`") && message.contains("edits, epochs"),
        "{message}"
    );
}

#[derive(Serialize, Deserialize)]
struct Nested {
    values: Vec<f64>,
}
impl Row for Nested {
    const TABLE: &'static str = "nested";
}

#[derive(Serialize, Deserialize)]
struct Clashing {
    seed: u64,
}
impl Row for Clashing {
    const TABLE: &'static str = "clashing";
}

#[derive(Serialize, Deserialize)]
struct Big {
    hash: u64,
}
impl Row for Big {
    const TABLE: &'static str = "big";
}

#[test]
fn rows_that_are_no_flat_table_are_refused() {
    let mut record = record("a", 1, &[1.0]);
    let nested = record.push(&Nested { values: vec![] }).unwrap_err().to_string();
    assert!(nested.contains("`values`"), "{nested}");
    let clashing = record.push(&Clashing { seed: 1 }).unwrap_err().to_string();
    assert!(clashing.contains("`seed`"), "{clashing}");
    let big = record.push(&Big { hash: u64::MAX }).unwrap_err().to_string();
    assert!(big.contains("18446744073709551615") && big.contains("`hash`"), "{big}");
    assert!(record.push(&EpochWithRank { rank: 1.0 }).is_err());
}

#[test]
fn a_truncated_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    Rows::from_records(&[record("a", 1, &[1.0])])
        .unwrap()
        .write(folder.path())
        .unwrap();
    let path = folder.path().join("epochs.parquet");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let message = Rows::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("epochs.parquet"), "{message}");
}

#[test]
fn writing_again_removes_tables_that_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut timed = record("a", 1, &[1.0]);
    timed.push(&Timing { wall_seconds: 1.0 }).unwrap();
    Rows::from_records(&[timed]).unwrap().write(folder.path()).unwrap();
    assert!(folder.path().join("timings.parquet").exists());
    Rows::from_records(&[record("a", 1, &[1.0])])
        .unwrap()
        .write(folder.path())
        .unwrap();
    assert!(!folder.path().join("timings.parquet").exists());
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn tables_export_as_csv_and_json() {
    let mut record = Record::new(TrialKey::new("ab12", "cut, \"x\"", "mnist", 3));
    record
        .push(&Edit {
            units: 4,
            rule: "line\nbreak".to_owned(),
        })
        .unwrap();
    let mut noted = epoch(0, f64::NAN);
    noted.note = Some("é".to_owned());
    record.push(&noted).unwrap();
    let rows = Rows::from_records(&[record]).unwrap();
    assert_eq!(
        rows.table("edits").unwrap().to_csv().unwrap(),
        "trial,variant,dataset,seed,units,rule\nab12,\"cut, \"\"x\"\"\",mnist,3,4,\"line\nbreak\"\n"
    );
    let json: serde_json::Value = serde_json::from_str(&rows.table("epochs").unwrap().to_json()).unwrap();
    assert_eq!(json[0]["loss"], "NaN");
    assert_eq!(json[0]["note"], "é");
    assert_eq!(json[0]["penalty"], serde_json::Value::Null);
    assert_eq!(json[0]["seed"], 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_rows_survive_parquet(
        values in prop::collection::vec((any::<f64>(), any::<f32>(), any::<Option<i64>>(), any::<Option<String>>()), 1..40)
    ) {
        let mut record = Record::new(TrialKey::new("t", "v", "d", 0));
        for (index, (loss, accuracy, parent, note)) in values.iter().enumerate() {
            let mut row = epoch(index as u32, *loss);
            row.accuracy = *accuracy;
            row.parent = *parent;
            row.note = note.clone();
            record.push(&row).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let rows = Rows::from_records(&[record]).unwrap();
        rows.write(folder.path()).unwrap();
        let read = Rows::read(folder.path()).unwrap();
        prop_assert_eq!(read.content_hash(), rows.content_hash());
        for (keyed, (loss, accuracy, parent, note)) in read.get::<Epoch>().unwrap().iter().zip(&values) {
            prop_assert!(same_bits(keyed.row.loss, *loss));
            prop_assert!(keyed.row.accuracy.to_bits() == accuracy.to_bits() || accuracy.is_nan());
            prop_assert_eq!(&keyed.row.parent, parent);
            prop_assert_eq!(&keyed.row.note, note);
        }
    }
}

mod other_tools {
    //! What other tools must be able to read, and what they wrote.

    use super::*;
    use polars::prelude::{ParquetReader, SerReader};

    fn pandas(file: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epochs.parquet");
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pandas");
        fs::copy(source.join(file), &path).unwrap();
        (folder, path)
    }

    #[test]
    fn files_hold_no_statistics_and_no_types_that_only_polars_filters() {
        let folder = tempfile::tempdir().unwrap();
        let rows = Rows::from_records(&[record("a", 1, &[1.0, f64::NAN, 2.0])]).unwrap();
        rows.write(folder.path()).unwrap();
        for name in ["epochs.parquet", "edits.parquet"] {
            let bytes = fs::read(folder.path().join(name)).unwrap();
            let mut reader = ParquetReader::new(std::io::Cursor::new(bytes));
            let metadata = reader.get_metadata().unwrap();
            for column in metadata.row_groups.iter().flat_map(|group| group.parquet_columns()) {
                assert!(column.statistics(&[]).is_none(), "{name}");
            }
            let keys: Vec<&str> = metadata
                .key_value_metadata
                .iter()
                .flatten()
                .map(|pair| pair.key.as_str())
                .collect();
            assert_eq!(keys, ["espalier:sha256"], "{name}");
        }
    }

    #[test]
    fn rows_that_went_through_pandas_come_back_without_loss() {
        let (folder, _path) = pandas("epochs.parquet");
        let read = Rows::read(folder.path()).unwrap();
        let epochs: Vec<Epoch> = read.get().unwrap().into_iter().map(|keyed| keyed.row).collect();
        // As `make.py` lists them, sorted by variant and seed.
        let expected = |epoch, split, loss: f64, accuracy, note: Option<&str>, parent| Epoch {
            epoch,
            split,
            loss,
            accuracy,
            diverged: !loss.is_finite(),
            note: note.map(str::to_owned),
            penalty: None,
            parent,
        };
        assert!(epochs[0].loss.is_nan());
        let finite = Epoch {
            loss: 0.0,
            diverged: false,
            ..epochs[0].clone()
        };
        assert_eq!(finite, expected(4, Split::Test, 0.0, 0.25, None, None));
        assert_eq!(epochs[1], expected(3, Split::Train, 0.5, 0.1, Some("a"), Some(-3)));
        let last = expected(5, Split::Train, f64::INFINITY, 0.5, None, Some(9_007_199_254_740_991));
        assert_eq!(epochs[2], last);
        let names: Vec<&str> = read
            .table("epochs")
            .unwrap()
            .columns()
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        assert!(!names.iter().any(|name| name.contains("index")), "{names:?}");
    }

    /// The rows of `make.py`, as a trial would record them.
    fn recorded() -> Rows {
        let trial = |id: &str, variant: &str, seed, row: Epoch| {
            let mut record = Record::new(TrialKey::new(id, variant, "mnist", seed));
            record.push(&row).unwrap();
            record
        };
        let row = |epoch, split, loss: f64, accuracy, note: Option<&str>, parent| Epoch {
            epoch,
            split,
            loss,
            accuracy,
            diverged: !loss.is_finite(),
            note: note.map(str::to_owned),
            penalty: None,
            parent,
        };
        let last = row(5, Split::Train, f64::INFINITY, 0.5, None, Some(9_007_199_254_740_991));
        Rows::from_records(&[
            trial("t0", "wide", 0, row(3, Split::Train, 0.5, 0.1, Some("a"), Some(-3))),
            trial("t1", "narrow", 1, row(4, Split::Test, f64::NAN, 0.25, None, None)),
            trial("t2", "wide", 1, last),
        ])
        .unwrap()
    }

    #[test]
    fn rows_from_pandas_are_brought_back_to_the_very_rows_that_were_recorded() {
        let recorded = recorded();
        let layout = recorded.table("epochs").unwrap().layout();
        assert_eq!(
            layout,
            "epoch int, split text, loss float, accuracy float, diverged bool, note text?, penalty float?, parent int?"
        );
        let layouts = [("epochs".to_owned(), layout)].into();
        for file in ["epochs.parquet", "nullable.parquet"] {
            let (folder, _path) = pandas(file);
            let read = Rows::read(folder.path()).unwrap();
            assert_ne!(read.content_hash(), recorded.content_hash(), "{file}");
            assert_eq!(
                read.in_layouts(&layouts).content_hash(),
                recorded.content_hash(),
                "{file}"
            );
        }
        // What lost something stays as it is.
        let (folder, _path) = pandas("halves.parquet");
        let read = Rows::read(folder.path()).unwrap();
        assert_eq!(read.in_layouts(&layouts), read);
    }

    #[test]
    fn nullable_and_unsigned_integers_come_back() {
        let (folder, _path) = pandas("nullable.parquet");
        let epochs = Rows::read(folder.path()).unwrap().get::<Epoch>().unwrap();
        let found: Vec<_> = epochs.iter().map(|keyed| (keyed.key.seed, keyed.row.parent)).collect();
        assert_eq!(found, [(1, None), (0, Some(-3)), (1, Some(9_007_199_254_740_991))]);
    }

    #[test]
    fn what_cannot_be_cast_without_loss_names_the_cell() {
        let (folder, _path) = pandas("halves.parquet");
        let message = Rows::read(folder.path())
            .unwrap()
            .get::<Epoch>()
            .unwrap_err()
            .to_string();
        for part in [
            "epochs.parquet",
            "`parent`",
            "expected int",
            "found float (0.5 in row 1)",
            "astype(\"Int64\")",
        ] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }

    /// The cells of a column, in the order of the file.
    fn column(rows: &Rows, name: &str) -> Vec<Cell> {
        let table = rows.table("epochs").unwrap();
        let place = table.column(name).unwrap();
        table.iter().map(|(_, cells)| cells[place].clone()).collect()
    }

    #[test]
    fn numbers_of_every_width_are_read_as_they_are() {
        for file in ["numbers.parquet", "numbers_by_polars.parquet"] {
            let (folder, _path) = pandas(file);
            let rows = Rows::read(folder.path()).unwrap();
            let seeds: Vec<u64> = rows.table("epochs").unwrap().iter().map(|(key, _)| key.seed).collect();
            assert_eq!(seeds, [0, 1, 255], "{file}");
            let ends = [
                ("int8", i64::from(i8::MIN), i64::from(i8::MAX)),
                ("int16", i64::from(i16::MIN), i64::from(i16::MAX)),
                ("int32", i64::from(i32::MIN), i64::from(i32::MAX)),
                ("int64", i64::MIN, i64::MAX),
                ("uint8", 0, i64::from(u8::MAX)),
                ("uint16", 0, i64::from(u16::MAX)),
                ("uint32", 0, i64::from(u32::MAX)),
                ("uint64", 0, i64::MAX),
            ];
            for (name, least, most) in ends {
                let expected = [Cell::Int(least), Cell::Int(most), Cell::Null];
                assert_eq!(column(&rows, name), expected, "{file} {name}");
            }
            let floats = column(&rows, "float32");
            assert_eq!(
                floats[..2],
                [Cell::Float(f64::from(0.1_f32)), Cell::Float(f64::INFINITY)],
                "{file}"
            );
            // pandas writes a gap where NaN stood.
            assert!([Cell::Null, Cell::Float(f64::NAN)].contains(&floats[2]), "{file}");
        }
    }

    #[test]
    fn integers_of_few_bits_come_back() {
        let (folder, _path) = pandas("small.parquet");
        let epochs = Rows::read(folder.path()).unwrap().get::<Epoch>().unwrap();
        let found: Vec<_> = epochs
            .iter()
            .map(|keyed| (keyed.key.seed, keyed.row.epoch, keyed.row.parent))
            .collect();
        // Sorted by variant and seed.
        assert_eq!(found, [(1, 4, None), (0, 3, Some(-3)), (1, 5, Some(32_767))]);
    }

    #[test]
    fn a_number_beyond_64_signed_bits_is_refused_by_name() {
        let (folder, _path) = pandas("beyond.parquet");
        let message = Rows::read(folder.path()).unwrap_err().to_string();
        for part in ["epochs.parquet", "`uint64`", "9223372036854775808"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }

    #[test]
    fn a_type_that_is_not_read_comes_with_the_call_that_repairs_it() {
        let (folder, _path) = pandas("dates.parquet");
        let message = Rows::read(folder.path()).unwrap_err().to_string();
        for part in [
            "epochs.parquet",
            "`when`",
            "Timestamp",
            "table[\"when\"] = table[\"when\"].astype(\"string\")",
        ] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}

mod damage {
    //! A damaged file is an error, and never other content.

    use super::*;

    /// Writes a table, and returns its bytes and the hash of its rows.
    fn written(folder: &std::path::Path) -> (Vec<u8>, String) {
        let rows = Rows::from_records(&[record("a", 1, &[1.0, f64::NAN, 0.5]), record("b", 2, &[2.0])]).unwrap();
        rows.write(folder).unwrap();
        (fs::read(folder.join("epochs.parquet")).unwrap(), rows.content_hash())
    }

    /// Reads a damaged file: an error that names it, or, where only the checksum's name was hit, the same rows.
    fn errs_or_agrees(folder: &std::path::Path, bytes: &[u8], hash: &str) {
        let path = folder.join("epochs.parquet");
        fs::write(&path, bytes).unwrap();
        match Rows::read(folder) {
            Ok(rows) => assert_eq!(rows.content_hash(), hash),
            Err(error) => assert!(error.to_string().contains("epochs.parquet"), "{error}"),
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed_or_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, hash) = written(folder.path());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            errs_or_agrees(folder.path(), &bytes, &hash);
        }
    }

    #[test]
    fn altered_bytes_name_both_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let (mut bytes, _) = written(folder.path());
        bytes[10] ^= 1;
        fs::write(folder.path().join("epochs.parquet"), &bytes).unwrap();
        match Rows::read(folder.path()).unwrap_err() {
            Error::Altered { expected, found, .. } => assert_ne!(expected, found),
            other => panic!("{other}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_damage_is_noticed_or_changes_nothing(
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
            way in 0..4,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (mut bytes, hash) = written(folder.path());
            let at = cut.index(bytes.len());
            match way {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, places[0].1),
                2 => drop(bytes.remove(at)),
                _ => {}
            }
            if way == 3 {
                for (place, byte) in &places {
                    let place = place.index(bytes.len());
                    bytes[place] = *byte;
                }
            }
            errs_or_agrees(folder.path(), &bytes, &hash);
        }
    }
}
