//! Writes a set of drawn digits in idx format, so that any other program can read it:
//! `cargo run --release -p espalier-data --example export -- FOLDER [SEED]`.

use std::path::PathBuf;

use espalier_data::{Split, draw_glyphs, idx};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "glyphs".to_owned()));
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    std::fs::create_dir_all(&folder)?;
    for (split, name, count) in [(Split::Train, "train", 60_000), (Split::Test, "t10k", 10_000)] {
        let glyphs = draw_glyphs(seed, split, count);
        let images = idx::encode(&[count, 28, 28], &glyphs.pixels);
        std::fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images)?;
        let labels = idx::encode(&[count], &glyphs.labels);
        std::fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels)?;
    }
    Ok(())
}
