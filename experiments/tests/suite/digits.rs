//! A few drawn digits in a file, for runs whose outcome rests on no data set: most of a smoke run's time goes into drawing,
//! normalising and evaluating the 70 000 of `glyphs`.

use std::io::Write as _;
use std::path::Path;

use espalier_data::{Split, draw_glyphs};
use rawzip::ZipArchiveWriter;

/// The file's name; the set is called `digits`.
pub const FILE: &str = "digits.npz";

/// Enough for the training rows that smoke runs ask for: three fifths are trained on.
const IMAGES: usize = 2_000;

/// Writes the digits into a folder, as arrays `x` of pixels and `y` of classes.
pub fn write(folder: &Path) {
    let digits = draw_glyphs(0, Split::Train, IMAGES);
    let arrays = [
        ("x.npy", array(&format!("({IMAGES}, 28, 28)"), &digits.pixels)),
        ("y.npy", array(&format!("({IMAGES},)"), &digits.labels)),
    ];
    std::fs::write(folder.join(FILE), archive(&arrays).unwrap()).unwrap();
}

/// An array of bytes: magic, version 1.0, the header's length, and the header, which end at a multiple of 64 bytes.
fn array(shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), bytes].concat()
}

fn archive(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, rawzip::Error> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let (mut entry, config) = archive.new_file(name).start()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content)?;
        let (_, descriptor) = writer.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?;
    Ok(bytes)
}
