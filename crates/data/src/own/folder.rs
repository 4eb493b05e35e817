//! Folders: idx files, and images by class.

use std::fs;
use std::path::{Path, PathBuf};

use super::cells::{Cells, Column, Places, counted};
use super::division::named;
use super::rows::{Features, Rows};
use crate::error::{Error, Result};
use crate::files::unpack;
use crate::idx;
use crate::info::Split;

/// More than a folder's files together may unpack to.
const LARGEST: usize = 8 << 30;

/// Lists the files below a folder in the order of names, hidden ones left out.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io("list", folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        entries.push(entry.map_err(fail)?.path());
    }
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        if name(&path).starts_with('.') {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

pub(super) fn is_idx(path: &Path) -> bool {
    let name = name(path);
    let name = name.trim_end_matches(".gz");
    name.ends_with("-ubyte") || name.ends_with(".idx") || name.ends_with("ubyte.idx3")
}

/// The endings of images that can be read.
const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];

pub(super) fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| IMAGES.contains(&ending.as_str()))
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The split that an idx file's name says; what says nothing is for training.
fn split_of(name: &str) -> Split {
    let is_validation = |part: &str| named(part) == Some(Split::Validation);
    if name.contains("t10k") || name.contains("test") {
        Split::Test
    } else if name.split(['-', '_', '.']).any(is_validation) {
        Split::Validation
    } else {
        Split::Train
    }
}

/// Reads idx files: pairs of images and labels whose names say `train`, `val` or `validation`, and `test` or `t10k`.
pub(super) fn idx(folder: &Path, transpose: bool) -> Result<Rows> {
    let all: Vec<PathBuf> = files(folder)?.into_iter().filter(|path| is_idx(path)).collect();
    let find = |what: &str, split: Split| -> Result<Option<&PathBuf>> {
        let mut fits = all.iter().filter(|path| {
            let name = name(path);
            name.contains(what) && split_of(&name) == split
        });
        match (fits.next(), fits.next()) {
            (Some(first), Some(second)) => {
                let found = format!("{} and {}", name(first), name(second));
                Err(Error::content(
                    folder,
                    format!("one file of {what} for each split"),
                    found,
                ))
            }
            (first, _) => Ok(first),
        }
    };
    let lacking = |what: &str| Error::content(folder, format!("an idx file whose name says {what}"), "none");
    let mut read: Option<Rows> = None;
    for split in [Split::Train, Split::Validation, Split::Test] {
        let (images, labels) = match (find("images", split)?, find("labels", split)?) {
            (None, None) if split != Split::Train => continue,
            (Some(images), Some(labels)) => (images, labels),
            (None, _) => return Err(lacking("images")),
            (_, None) => return Err(lacking("labels")),
        };
        let part = idx_pair(images, labels, split, transpose)?;
        read = Some(match read {
            None => part,
            Some(first) => first.with(part)?,
        });
    }
    read.ok_or_else(|| lacking("images"))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    unpack(
        fs::read(path).map_err(|error| Error::io("read", path, error))?,
        LARGEST,
        path,
    )
}

fn idx_pair(images: &Path, labels: &Path, split: Split, transpose: bool) -> Result<Rows> {
    let (content, classes) = (bytes_of(images)?, bytes_of(labels)?);
    let (seen, classes) = (idx::parse(&content, 3, images)?, idx::parse(&classes, 1, labels)?);
    let count = seen.dimensions[0];
    if classes.elements.len() != count {
        return Err(Error::Count {
            path: labels.to_owned(),
            what: format!("labels for the images of {}", images.display()),
            expected: count,
            found: classes.elements.len(),
        });
    }
    let (height, width) = (seen.dimensions[1], seen.dimensions[2]);
    let bytes = if transpose {
        transposed(seen.elements, height, width)
    } else {
        seen.elements.to_vec()
    };
    let (height, width) = if transpose { (width, height) } else { (height, width) };
    Ok(Rows {
        features: Features::Pixels {
            bytes,
            shape: vec![height, width, 1],
        },
        target: Column {
            name: "label".to_owned(),
            cells: Cells::Numbers(classes.elements.iter().map(|&label| f64::from(label)).collect()),
        },
        splits: Some(vec![split; count]),
        places: Places::rows(images, count),
        notes: Vec::new(),
    })
}

fn transposed(pixels: &[u8], height: usize, width: usize) -> Vec<u8> {
    let mut turned = Vec::with_capacity(pixels.len());
    for image in pixels.chunks_exact((height * width).max(1)) {
        turned.extend((0..width).flat_map(|x| (0..height).map(move |y| image[y * width + x])));
    }
    turned
}

/// Reads PNG and JPEG images: `class/image`, or `train/class/image` and `test/class/image`.
pub(super) fn images(folder: &Path) -> Result<Rows> {
    let (mut bytes, mut shape, mut deep) = (Vec::new(), None, 0);
    let (mut words, mut splits) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        let (class, split) = class_of(&path, folder)?;
        let picture = Picture::read(&path)?;
        let expected = shape.get_or_insert_with(|| picture.shape.clone());
        if *expected != picture.shape {
            let expected = format!("height, width and channels {expected:?}, as of the first image");
            return Err(Error::content(&path, expected, format!("{:?}", picture.shape)));
        }
        bytes.extend(picture.pixels);
        deep += usize::from(picture.was_deep);
        words.push(Some(class));
        splits.push(split);
    }
    let Some(shape) = shape else {
        return Err(Error::content(folder, "images in a folder for each class", "no file"));
    };
    let given = splits.iter().any(Option::is_some);
    if given && splits.contains(&None) {
        let expected = "all classes below train, validation and test, or none";
        return Err(Error::content(folder, expected, "both"));
    }
    let count = words.len();
    Ok(Rows {
        features: Features::Pixels { bytes, shape },
        target: Column {
            name: "class".to_owned(),
            cells: Cells::Words(words),
        },
        splits: given.then(|| splits.into_iter().flatten().collect()),
        places: Places::rows(folder, count),
        notes: Vec::from_iter(
            (deep > 0).then(|| format!("{} of more than 8 bits a channel rounded to 8", counted(deep, "image"))),
        ),
    })
}

fn class_of(path: &Path, folder: &Path) -> Result<(String, Option<Split>)> {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    match parts.as_slice() {
        [class, _] => Ok((class.clone(), None)),
        [part, class, _] if named(part).is_some() => Ok((class.clone(), named(part))),
        _ => Err(Error::content(
            path,
            "class/image or train|validation|test/class/image",
            below.display(),
        )),
    }
}

/// An image as networks see it.
struct Picture {
    /// Channels last: one for grey, three for colour.
    pixels: Vec<u8>,
    shape: Vec<usize>,
    /// Whether its channels had more than 8 bits.
    was_deep: bool,
}

impl Picture {
    /// Reads a file. One that lets its background show through is refused: what is seen there would be anybody's guess.
    fn read(path: &Path) -> Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| Error::content(path, "a PNG or JPEG image", error);
        let image = image::io::Reader::open(path)
            .and_then(image::io::Reader::with_guessed_format)
            .map_err(|error| Error::io("read", path, error))?
            .decode()
            .map_err(|error| wrong(&error))?;
        let kind = image.color();
        let (height, width) = (image.height() as usize, image.width() as usize);
        if kind.has_alpha()
            && let Some((x, y, pixel)) = image
                .to_rgba16()
                .enumerate_pixels()
                .find(|(_, _, pixel)| pixel.0[3] < u16::MAX)
        {
            let expected = "opaque pixels (lay the image onto a background first; an alpha channel that hides nothing is left out)";
            let found = format!("alpha {} of {} in column {x}, row {y}", pixel.0[3], u16::MAX);
            return Err(Error::content(path, expected, found));
        }
        let was_deep = usize::from(kind.bytes_per_pixel()) > usize::from(kind.channel_count());
        let (pixels, channels) = if kind.has_color() {
            (image.into_rgb8().into_raw(), 3)
        } else {
            (image.into_luma8().into_raw(), 1)
        };
        Ok(Self {
            pixels,
            shape: vec![height, width, channels],
            was_deep,
        })
    }
}
