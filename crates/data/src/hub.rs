//! A second source of MNIST and Fashion-MNIST: the hub that candle-datasets reads.

use candle_datasets::vision;

use crate::files::{Content, FileSpec, sha256};
use crate::idx;

/// Fetches the four files of a set through candle-datasets, which keeps its own cache.
///
/// # Method
/// The hub holds the images as pictures, which candle-datasets gives back as pixel ÷ 255 in
/// 32 bits. Times 255 and rounded these are the pixels again, and written in idx format they
/// must have the pinned sums of the official files.
pub(crate) fn fetch(set: &str, specs: &[FileSpec; 4]) -> Result<[Content; 4], String> {
    let loaded = match set {
        "mnist" => vision::mnist::load(),
        "fashion-mnist" => vision::fashion_mnist::load(),
        _ => return Err(format!("has no set called {set}")),
    };
    let loaded = loaded.map_err(|error| error.to_string())?;
    let images = [&loaded.train_images, &loaded.test_images].map(|images| {
        let rows = images.to_vec2::<f32>().map_err(|error| error.to_string())?;
        let pixels = rows.iter().flatten().map(|unit| (unit * 255.0).round() as u8);
        Ok::<_, String>(idx::encode(&[rows.len(), 28, 28], &pixels.collect::<Vec<u8>>()))
    });
    let labels = [&loaded.train_labels, &loaded.test_labels].map(|labels| {
        let labels = labels.to_vec1::<u8>().map_err(|error| error.to_string())?;
        Ok::<_, String>(idx::encode(&[labels.len()], &labels))
    });
    let ([train_images, test_images], [train_labels, test_labels]) = (images, labels);
    let content = |file: usize, bytes: Result<Vec<u8>, String>| checked(set, &specs[file], bytes?);
    Ok([
        content(0, train_images)?,
        content(1, train_labels)?,
        content(2, test_images)?,
        content(3, test_labels)?,
    ])
}

fn checked(set: &str, spec: &FileSpec, bytes: Vec<u8>) -> Result<Content, String> {
    let content = Content {
        name: spec.name.clone(),
        path: format!("hub:{set}/{}", spec.name).into(),
        sha256: sha256(&bytes),
        bytes,
    };
    content.check(spec).map_err(|error| error.to_string())?;
    Ok(content)
}
