use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::files::sha256;
use crate::progress::Silent;
use crate::source::Source;

/// A set of 12 training and 3 test images of 2 × 2, whose files are pinned to their own sums.
struct Small {
    folder: tempfile::TempDir,
    set: IdxSet,
    files: [Vec<u8>; 4],
}

fn small() -> Small {
    let pixels = |n: usize| (0..n * 4).map(|at| at as u8).collect::<Vec<_>>();
    let labels = |n: usize| (0..n).map(|at| (at % 10) as u8).collect::<Vec<_>>();
    let files = [
        idx::encode(&[12, 2, 2], &pixels(12)),
        idx::encode(&[12], &labels(12)),
        idx::encode(&[3, 2, 2], &pixels(3)),
        idx::encode(&[3], &labels(3)),
    ];
    let set = IdxSet {
        specs: pinned_to(&files),
        holdout: 5,
        ..mnist_set()
    };
    Small {
        folder: tempfile::tempdir().unwrap(),
        set,
        files,
    }
}

fn pinned_to(files: &[Vec<u8>; 4]) -> [FileSpec; 4] {
    std::array::from_fn(|file| FileSpec {
        name: FILES[file].0.to_owned(),
        sha256: Some(sha256(&files[file])),
        bytes: files[file].len(),
        addresses: Vec::new(),
    })
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Small {
    fn write(&self, below: &str, file: usize, ending: &str, bytes: &[u8]) {
        let folder = self.folder.path().join(below);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}{ending}", FILES[file].0)), bytes).unwrap();
    }

    fn write_all(&self) {
        (0..4).for_each(|file| self.write("mnist", file, "", &self.files[file]));
    }

    fn read(&self) -> Result<Whole> {
        let directory: Option<PathBuf> = Some(self.folder.path().to_path_buf());
        let source = Source {
            directory,
            fallback: false,
            download: false,
            ..Source::default()
        };
        read(
            &Shelf {
                source: &source,
                progress: &Silent,
            },
            &self.set,
        )
    }

    fn error(&self) -> String {
        self.read().err().unwrap().to_string()
    }
}

fn train_pixels(whole: &Whole) -> Vec<u8> {
    match &whole.train.raw {
        Raw::Bytes { file, start } => file[*start..].to_vec(),
        Raw::Numbers(_) => panic!("bytes"),
    }
}

#[test]
fn plain_and_packed_files_in_either_layout_give_the_same_rows() {
    let sums: Vec<String> = [
        ("mnist", ""),
        ("mnist", ".gz"),
        ("", ""),
        ("", ".gz"),
        ("MNIST/raw", ""),
    ]
    .into_iter()
    .map(|(below, ending)| {
        let small = small();
        for (file, bytes) in small.files.iter().enumerate() {
            let bytes = if ending.is_empty() {
                bytes.clone()
            } else {
                packed(bytes)
            };
            small.write(below, file, ending, &bytes);
        }
        let whole = small.read().unwrap();
        assert_eq!(train_pixels(&whole), (0..48).collect::<Vec<u8>>());
        assert_eq!(whole.inputs.shape(), [2, 2, 1]);
        assert_eq!(whole.test.targets, Targets::Classes(vec![0, 1, 2]));
        whole.about.content_sha256
    })
    .collect();
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
}

#[test]
fn a_missing_file_lists_every_place_looked_at_and_the_command() {
    let small = small();
    small.write("mnist", 0, "", &small.files[0]);
    let error = small.error();
    for part in [
        "train-labels-idx1-ubyte",
        "mnist/train-labels-idx1-ubyte.gz",
        "MNIST/raw",
        "curl",
        "ossci-datasets",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert!(error.contains("no download was tried"), "{error}");
}

#[test]
fn a_damaged_file_is_refused_by_name_with_what_was_expected_and_found() {
    let small = small();
    let images = &small.files[0];
    let mut magic = images.clone();
    magic[3] = 1;
    let mut other = images.clone();
    other[20] ^= 1;
    let mut count = images.clone();
    count[7] = 13;
    let cases: [(&[u8], &str); 5] = [
        (&images[..40], "cut short: expected 64 bytes"),
        (&magic, "wrong magic number: expected 0x00000803"),
        (&other, "wrong checksum"),
        (&count, "expected 68 bytes"),
        (&[&images[..], &[0]].concat(), "too long"),
    ];
    for (bytes, expected) in cases {
        small.write_all();
        small.write("mnist", 0, "", bytes);
        let error = small.error();
        assert!(
            error.contains("mnist/train-images-idx3-ubyte") && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn a_torn_gzip_file_is_refused_by_name() {
    let small = small();
    small.write_all();
    std::fs::remove_file(small.folder.path().join("mnist").join(FILES[2].0)).unwrap();
    let whole = packed(&small.files[2]);
    small.write("mnist", 2, ".gz", &whole[..whole.len() - 6]);
    let error = small.error();
    assert!(error.contains("t10k-images-idx3-ubyte.gz does not unpack"), "{error}");
}

#[test]
fn a_label_beyond_nine_is_refused_with_its_row() {
    let small = small();
    small.write_all();
    let mut labels = small.files[3].clone();
    labels[10] = 10;
    small.write("mnist", 3, "", &labels);
    assert!(small.error().contains("t10k-labels-idx1-ubyte: label of row 2 is 10"));
}

#[test]
fn counts_of_images_and_labels_must_agree() {
    let mut small = small();
    small.files[1] = idx::encode(&[11], &[0; 11]);
    small.set.specs = pinned_to(&small.files);
    small.write_all();
    let error = small.error();
    assert!(
        error.contains("train-labels") && error.contains("expected 12, found 11"),
        "{error}"
    );
}

#[test]
fn a_file_of_the_other_set_in_the_bare_folder_counts_as_absent() {
    let mut small = small();
    small.set.files.foreign = vec![sha256(&small.files[0])];
    (0..4).for_each(|file| small.write("", file, "", &small.files[file]));
    assert!(small.read().err().unwrap().is_missing());
}

#[test]
fn the_command_names_all_four_files_and_the_folder() {
    let source = Source {
        directory: Some("d".into()),
        ..Source::default()
    };
    let command = fashion_set().files.command(&source);
    assert!(
        command.contains("'d/fashion-mnist'")
            && command.contains("eu-central-1.amazonaws.com/{train-images-idx3-ubyte,")
    );
    assert!(command.ends_with("t10k-labels-idx1-ubyte}.gz'"), "{command}");
}
