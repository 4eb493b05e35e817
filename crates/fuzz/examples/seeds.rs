//! Writes the seeds of the project's own formats into `fuzz/seeds`, for when a format has changed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (target, bytes) in espalier_fuzz::own_seeds()? {
        std::fs::create_dir_all(folder.join(target))?;
        std::fs::write(folder.join(target).join("valid"), bytes)?;
    }
    Ok(())
}
