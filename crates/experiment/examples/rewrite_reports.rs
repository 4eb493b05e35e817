//! Writes the rows and manifests of recorded reports anew, as today's writers do, without changing a row:
//! `cargo run --release -p espalier-experiment --example rewrite_reports -- reports`.
//!
//! Rows are held against the manifest, and against the hash in the page's summary, before they are written. With
//! `--merged` it only seals manifests that a merge of two branches has put together, where they agree with their rows.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use espalier_experiment::Manifest;
use espalier_report::files;
use espalier_report::rows::Rows;

const MERGED: &str = "--merged";

fn main() -> anyhow::Result<()> {
    let merged = std::env::args().any(|argument| argument == MERGED);
    for argument in std::env::args().skip(1).filter(|argument| argument != MERGED) {
        for folder in report_folders(Path::new(&argument))? {
            if merged {
                if Manifest::mend(&folder)? {
                    println!("sealed  {}", folder.display());
                }
                continue;
            }
            let hash = rewrite(&folder)?;
            println!("{hash:64}  {}", folder.display());
        }
    }
    Ok(())
}

/// Finds the folders with a manifest below another.
fn report_folders(below: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files::entries(below)? {
        if path.ends_with("manifest.json") {
            found.push(below.to_path_buf());
        } else if path.is_dir() {
            found.extend(report_folders(&path)?);
        }
    }
    found.sort();
    Ok(found)
}

/// Rewrites one report and returns the hash of its rows; a page over several data sets has none of its own.
fn rewrite(folder: &Path) -> anyhow::Result<String> {
    let rows = folder.join("rows");
    if !files::exists(&rows)? {
        let mut manifest = Manifest::read(folder)?.ok_or_else(|| anyhow::anyhow!("no manifest"))?;
        manifest.schema = 2;
        manifest.write(folder)?;
        return Ok(String::new());
    }
    let (mut manifest, found) = Manifest::read_with_rows(folder)?;
    let hash = found.content_hash();
    found.write(&rows)?;
    let written = Rows::read(&rows)?.content_hash();
    anyhow::ensure!(
        written == hash,
        "{}: expected rows with hash {hash}, found {written}",
        rows.display()
    );
    manifest.hold(&found);
    manifest.write(folder)?;
    Ok(hash)
}
