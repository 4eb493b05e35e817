use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::progress::Silent;
use crate::source::Source;

/// A record whose red, green and blue planes hold 10 + p, 60 + p and 110 + p at pixel p mod 50.
fn record(label: u8) -> Vec<u8> {
    let plane = |base: u8| (0..PIXELS).map(move |pixel| base + (pixel % 50) as u8);
    [label]
        .into_iter()
        .chain(plane(10))
        .chain(plane(60))
        .chain(plane(110))
        .collect()
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{FOLDER}/{name}"), bytes.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn load(files: &[u8]) -> Result<Whole> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cifar10")).unwrap();
    std::fs::File::create(folder.path().join("cifar10").join(ARCHIVE))
        .unwrap()
        .write_all(files)
        .unwrap();
    let source = Source {
        directory: Some(folder.path().to_path_buf()),
        ..Source::default()
    };
    cifar10(
        &Shelf {
            source: &source,
            progress: &Silent,
        },
        &LoadOptions::default(),
    )
}

#[test]
fn records_become_rows_with_the_colours_of_a_pixel_side_by_side() {
    let train = [record(3), record(7)].concat();
    let whole = load(&archive(&[("data_batch_2.bin", train), (TEST_FILE, record(9))])).unwrap();
    assert_eq!(whole.train.targets, Targets::Classes(vec![3, 7]));
    assert_eq!(whole.test.targets, Targets::Classes(vec![9]));
    let Raw::Bytes { file, start } = whole.train.raw else {
        panic!("bytes")
    };
    assert_eq!(file[start..start + 6], [10, 60, 110, 11, 61, 111]);
    assert_eq!(file.len(), 2 * 3072);
    let part = whole.about.part.unwrap();
    assert!(
        part.contains("2 of 50,000") && part.contains("data_batch_2.bin") && part.contains("1 of 10,000"),
        "{part}"
    );
}

#[test]
fn damaged_archives_and_records_are_refused_by_name() {
    let error = |files: &[(&str, Vec<u8>)]| load(&archive(files)).err().unwrap().to_string();
    let torn = error(&[("data_batch_1.bin", record(1)[..3000].to_vec()), (TEST_FILE, record(0))]);
    assert!(
        torn.contains("data_batch_1.bin") && torn.contains("3073") && torn.contains("found 3000"),
        "{torn}"
    );
    let label = error(&[("data_batch_1.bin", record(10)), (TEST_FILE, record(0))]);
    assert!(label.contains("label of row 0 is 10"), "{label}");
    let lacking = error(&[("data_batch_1.bin", record(1))]);
    assert!(lacking.contains("test_batch.bin: expected 1, found 0"), "{lacking}");
    assert!(error(&[(TEST_FILE, record(1))]).contains("data_batch_1.bin"));
    let whole = archive(&[("data_batch_1.bin", record(1)), (TEST_FILE, record(0))]);
    let cut = load(&whole[..whole.len() / 2]).err().unwrap().to_string();
    assert!(cut.contains("does not unpack"), "{cut}");
}

#[test]
fn a_pinned_file_with_other_bytes_is_refused() {
    let files = Files {
        origin: "cifar".into(),
        contents: [
            (TEST_FILE.to_owned(), record(1)),
            ("data_batch_1.bin".to_owned(), record(1)),
        ]
        .into(),
    };
    let error = whole(&files, &[(TEST_FILE, 1, "00ff")]).err().unwrap().to_string();
    assert!(
        error.contains("cifar/test_batch.bin") && error.contains("expected SHA-256 00ff"),
        "{error}"
    );
    assert!(whole(&files, &[(TEST_FILE, 2, "00ff")]).is_ok());
}

#[test]
fn unpacked_files_in_a_folder_are_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let loose = folder.path().join(FOLDER);
    std::fs::create_dir(&loose).unwrap();
    std::fs::write(loose.join("data_batch_1.bin"), record(4)).unwrap();
    std::fs::write(loose.join(TEST_FILE), record(5)).unwrap();
    let source = Source {
        directory: Some(folder.path().to_path_buf()),
        ..Source::default()
    };
    let shelf = Shelf {
        source: &source,
        progress: &Silent,
    };
    assert_eq!(
        cifar10(&shelf, &LoadOptions::default()).unwrap().test.targets,
        Targets::Classes(vec![5])
    );
}
