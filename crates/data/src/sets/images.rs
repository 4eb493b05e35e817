//! MNIST and Fashion-MNIST: four idx files each.

use std::path::Path;

use crate::encoding::{Inputs, Outputs};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::idx;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

/// Official names with the sizes of the unpacked files, in the order of use.
const FILES: [(&str, usize); 4] = [
    ("train-images-idx3-ubyte", 47_040_016),
    ("train-labels-idx1-ubyte", 60_008),
    ("t10k-images-idx3-ubyte", 7_840_016),
    ("t10k-labels-idx1-ubyte", 10_008),
];

/// Sums of the unpacked official files, in the order of [`FILES`].
const MNIST_SHA256: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];
const FASHION_SHA256: [&str; 4] = [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
];

const MNIST_MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
];
const FASHION_MIRRORS: [&str; 1] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"];

/// The classes of Fashion-MNIST in the order of their labels.
const ARTICLES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// What tells one set in this format from another.
pub(super) struct IdxSet {
    pub name: &'static str,
    pub title: &'static str,
    pub source: &'static str,
    pub outputs: Outputs,
    pub files: FileSet,
    /// Training images, training labels, test images, test labels.
    pub specs: [FileSpec; 4],
    pub holdout: usize,
}

pub(crate) fn mnist(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    read(shelf, &mnist_set())
}

pub(crate) fn fashion_mnist(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    read(shelf, &fashion_set())
}

pub(super) fn mnist_set() -> IdxSet {
    IdxSet {
        name: "mnist",
        title: "MNIST",
        source: "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits; usually given as CC BY-SA 3.0",
        outputs: Outputs::digits(),
        files: FileSet {
            set: "mnist".to_owned(),
            folders: ["mnist", "MNIST/raw", ""].map(str::to_owned).to_vec(),
            foreign: FASHION_SHA256.map(str::to_owned).to_vec(),
            command: |folder| command(folder, "mnist", MNIST_MIRRORS[0]),
        },
        specs: specs(MNIST_SHA256, &MNIST_MIRRORS),
        holdout: 10_000,
    }
}

fn fashion_set() -> IdxSet {
    IdxSet {
        name: "fashion-mnist",
        title: "Fashion-MNIST",
        source: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747; MIT, copyright 2017 Zalando SE",
        outputs: Outputs::classes(ARTICLES),
        files: FileSet {
            set: "fashion-mnist".to_owned(),
            folders: ["fashion-mnist", "FashionMNIST/raw", ""].map(str::to_owned).to_vec(),
            foreign: MNIST_SHA256.map(str::to_owned).to_vec(),
            command: |folder| command(folder, "fashion-mnist", FASHION_MIRRORS[0]),
        },
        specs: specs(FASHION_SHA256, &FASHION_MIRRORS),
        holdout: 10_000,
    }
}

fn specs(sums: [&str; 4], mirrors: &[&str]) -> [FileSpec; 4] {
    std::array::from_fn(|file| FileSpec {
        name: FILES[file].0.to_owned(),
        sha256: Some(sums[file].to_owned()),
        bytes: FILES[file].1,
        addresses: mirrors
            .iter()
            .map(|mirror| format!("{mirror}{}.gz", FILES[file].0))
            .collect(),
    })
}

fn command(folder: &Path, set: &str, mirror: &str) -> String {
    format!(
        "curl --fail --create-dirs --output-dir '{}' --remote-name-all '{mirror}{{{}}}.gz'",
        folder.join(set).display(),
        FILES.map(|(name, _)| name).join(",")
    )
}

/// Reads the four files at the same time, as unpacking is what takes the time.
pub(super) fn read(shelf: &Shelf<'_>, set: &IdxSet) -> Result<Whole> {
    let contents = std::thread::scope(|scope| {
        let readers = set.specs.each_ref().map(|spec| scope.spawn(|| open(shelf, set, spec)));
        readers.map(|reader| {
            reader
                .join()
                .expect("reading a file returns its errors and does not panic")
        })
    });
    whole(set, with_second_source(shelf, set, contents)?)
}

/// Puts training images, training labels, test images and test labels together.
pub(super) fn whole(set: &IdxSet, files: [Content; 4]) -> Result<Whole> {
    let [train_images, train_labels, test_images, test_labels] = files;
    let sums = [&train_images, &train_labels, &test_images, &test_labels]
        .map(|content| (content.name.as_str(), content.sha256.as_str()));
    let content_sha256 = content_sha256(sums);
    let (train, shape) = part(train_images, train_labels)?;
    let test_path = test_images.path.clone();
    let (test, test_shape) = part(test_images, test_labels)?;
    if test_shape != shape {
        return Err(Error::Count {
            path: test_path,
            what: "pixels of an image, which the training images set".to_owned(),
            expected: shape.iter().product(),
            found: test_shape.iter().product(),
        });
    }
    Ok(Whole {
        about: About {
            name: set.name.into(),
            title: set.title.into(),
            source: set.source.into(),
            content_sha256,
            outputs: set.outputs.clone(),
            part: None,
            synthetic: None,
            test_rule: "the official test rows".to_owned(),
        },
        train,
        test,
        validation: None,
        holdout: Holdout::Last(set.holdout),
        inputs: Inputs::image(&shape, 255.0),
        transform: TransformChoice::MNIST,
    })
}

/// Opens a file and checks it: first its format, whose errors say more, then its sum.
fn open(shelf: &Shelf<'_>, set: &IdxSet, spec: &FileSpec) -> Result<Content> {
    let content = shelf.open(&set.files, spec)?;
    if spec.name.contains("idx1") {
        let labels = idx::parse(&content.bytes, 1, &content.path)?;
        idx::check_labels(labels.elements, 10, &content.path)?;
    } else {
        idx::parse(&content.bytes, 3, &content.path)?;
    }
    content.check(spec)?;
    Ok(content)
}

/// Turns to the hub for all four files when one of them was found nowhere else.
#[cfg(feature = "hub")]
fn with_second_source(shelf: &Shelf<'_>, set: &IdxSet, contents: [Result<Content>; 4]) -> Result<[Content; 4]> {
    match all(contents) {
        Err(Error::Missing {
            set: name,
            file,
            places,
            mut attempts,
            command,
        }) if shelf.source.download => match crate::hub::fetch(set.name, &set.specs) {
            Ok(contents) => Ok(contents),
            Err(reason) => {
                attempts.push(format!("hub: {reason}"));
                Err(Error::Missing {
                    set: name,
                    file,
                    places,
                    attempts,
                    command,
                })
            }
        },
        other => other,
    }
}

#[cfg(not(feature = "hub"))]
fn with_second_source(_: &Shelf<'_>, _: &IdxSet, contents: [Result<Content>; 4]) -> Result<[Content; 4]> {
    all(contents)
}

fn all([a, b, c, d]: [Result<Content>; 4]) -> Result<[Content; 4]> {
    Ok([a?, b?, c?, d?])
}

/// Puts images and labels together; the pixels stay where the file has them.
fn part(images: Content, labels: Content) -> Result<(Part, Vec<usize>)> {
    let seen = idx::parse(&images.bytes, 3, &images.path)?;
    let classes = idx::parse(&labels.bytes, 1, &labels.path)?.elements;
    let (count, shape) = (seen.dimensions[0], [&seen.dimensions[1..], &[1]].concat());
    if shape.contains(&0) {
        let found = format!("images of shape {shape:?}");
        return Err(Error::content(&images.path, "at least one pixel an image", found));
    }
    if classes.len() != count {
        return Err(Error::Count {
            path: labels.path,
            what: format!("labels for the images of {}", images.path.display()),
            expected: count,
            found: classes.len(),
        });
    }
    let start = images.bytes.len() - seen.elements.len();
    let targets = Targets::Classes(classes.iter().map(|&label| u32::from(label)).collect());
    let raw = Raw::Bytes {
        file: images.bytes,
        start,
    };
    Ok((Part { raw, targets }, shape))
}

#[cfg(test)]
mod tests;
