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
        tar.append_data(&mut header, format!("cifar-10-batches-bin/{name}"), bytes.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A data folder with these files below `cifar10/`.
fn data(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = data.path().join("cifar10").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    data
}

fn load_from(files: &[(&str, Vec<u8>)]) -> Result<Whole> {
    let data = data(files);
    let source = Source {
        directory: Some(data.path().to_path_buf()),
        ..Source::default()
    };
    let shelf = Shelf {
        source: &source,
        progress: &Silent,
    };
    cifar10(&shelf, &LoadOptions::default())
}

fn load(files: &[u8]) -> Result<Whole> {
    load_from(&[(ARCHIVE, files.to_vec())])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
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
    let batch = |name: &str| Batch {
        path: PathBuf::from("cifar").join(name),
        bytes: record(1),
    };
    let batches: Batches = ["data_batch_1.bin", TEST_FILE]
        .map(|name| (name.to_owned(), batch(name)))
        .into();
    let folder = Path::new("cifar");
    let error = whole(&batches, folder, &[pin(TEST_FILE, 1, "00ff")])
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("cifar/test_batch.bin") && error.contains("expected SHA-256 00ff"),
        "{error}"
    );
    assert!(whole(&batches, folder, &[pin(TEST_FILE, 2, "00ff")]).is_ok());
}

#[test]
fn loose_files_and_an_archive_are_taken_together_and_the_longer_file_of_a_batch_counts() {
    let packed = archive(&[
        ("data_batch_1.bin", record(1)),
        ("data_batch_2.bin", record(2)),
        (TEST_FILE, record(3)),
    ]);
    let whole = load_from(&[
        (ARCHIVE, packed),
        ("cifar-10-batches-bin/data_batch_1.bin", record(4)),
        ("cifar-10-batches-bin/data_batch_3.bin.gz", gzip(&record(5))),
        (
            "cifar-10-batches-bin/test_batch.bin.gz",
            gzip(&[record(6), record(7)].concat()),
        ),
    ])
    .unwrap();
    assert_eq!(whole.train.targets, Targets::Classes(vec![4, 2, 5]));
    assert_eq!(whole.test.targets, Targets::Classes(vec![6, 7]));
}

/// A batch as Python 2 pickled it with protocol 2, opcode by opcode: a dictionary of labels and of a numpy array.
fn pickled(labels: &[u8], pixels: &[u8]) -> Vec<u8> {
    let mut stream = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(".to_vec();
    stream.extend(labels.iter().flat_map(|label| [b'K', *label]));
    stream.extend(b"eU\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06");
    stream.extend(b"K\x00\x85q\x07U\x01bq\x08\x87q\x09Rq\x0a(K\x01");
    stream.extend([b'K', labels.len() as u8, b'M', 0x00, 0x0c, 0x86]);
    stream.extend(b"q\x0bcnumpy\ndtype\nq\x0cU\x02u1q\x0dK\x00K\x01\x87q\x0eRq\x0f");
    stream.extend(b"(K\x03U\x01|q\x10NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x11b\x89T");
    stream.extend((pixels.len() as u32).to_le_bytes());
    stream.extend(pixels);
    stream.extend(b"q\x12tq\x13bu.");
    stream
}

#[test]
fn the_python_version_gives_the_rows_of_the_binary_one() {
    let planes = |label: u8| record(label)[1..].to_vec();
    let files = |train: Vec<u8>, test: Vec<u8>| {
        [
            ("cifar-10-batches-py/data_batch_1", train),
            ("cifar-10-batches-py/test_batch", test),
        ]
    };
    let python = load_from(&files(
        pickled(&[3, 7], &[planes(3), planes(7)].concat()),
        pickled(&[9], &planes(9)),
    ));
    let binary = load(&archive(&[
        ("data_batch_1.bin", [record(3), record(7)].concat()),
        (TEST_FILE, record(9)),
    ]));
    let (python, binary) = (python.unwrap(), binary.unwrap());
    assert_eq!(python.train.targets, Targets::Classes(vec![3, 7]));
    assert_eq!(python.about.content_sha256, binary.about.content_sha256);
    let short = load_from(&files(pickled(&[3, 7], &planes(3)), pickled(&[9], &planes(9))));
    let error = short.err().unwrap().to_string();
    assert!(
        error.contains("data_batch_1: expected 6144 bytes") && error.contains("found 3072"),
        "{error}"
    );
}

#[test]
fn the_python_version_is_known_in_the_place_of_the_binary_one() {
    let planes = record(4)[1..].to_vec();
    let batch = pickled(&[4], &planes);
    let whole = load(&archive(&[("data_batch_1", batch.clone()), ("test_batch", batch)])).unwrap();
    assert_eq!(whole.train.targets, Targets::Classes(vec![4]));
    let torn = load_from(&[("cifar-10-batches-bin/data_batch_1.bin", vec![0x80, 2, b'}'])]);
    let error = torn.err().unwrap().to_string();
    assert!(
        error.contains("data_batch_1.bin: expected a pickled dictionary"),
        "{error}"
    );
}
