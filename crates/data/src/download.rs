//! Fetching a file over HTTP and putting it in its place at once or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::{Content, FileSpec};
use crate::progress::Progress;

/// A place that does not answer is given up after this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A place that answers but sends nothing is given up after this long.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// Room for the headers of a packed file beyond its unpacked size, which bounds a download.
const SLACK_BYTES: u64 = 1 << 16;

/// Fetches `address` into `folder`, checks the unpacked content and gives it.
///
/// The bytes go to a temporary file in the same folder, which is synced and renamed only
/// after the content has passed its checks; a failure leaves nothing behind.
pub(crate) fn fetch(address: &str, folder: &Path, spec: &FileSpec, progress: &dyn Progress) -> Result<Content> {
    let packed_name = if address.ends_with(".gz") { ".gz" } else { "" };
    let target = folder.join(format!("{}{packed_name}", spec.name));
    let packed = receive(address, &spec.name, spec.bytes as u64 + SLACK_BYTES, progress)?;
    let content = Content::unpack(spec, target.clone(), packed.clone())?;
    content.check(spec)?;
    place(&packed, &target)?;
    Ok(content)
}

fn receive(address: &str, name: &str, limit: u64, progress: &dyn Progress) -> Result<Vec<u8>> {
    let failed = |reason: String| Error::io("fetch", address, std::io::Error::other(reason));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT_LIMIT))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(SILENCE_LIMIT))
        .timeout_per_read(Some(SILENCE_LIMIT))
        .proxy(proxy_for(address))
        .build()
        .into();
    let mut response = agent.get(address).call().map_err(|error| failed(error.to_string()))?;
    let stated = response.body().content_length();
    progress.begin(name, stated);
    let mut reader = response.body_mut().with_config().limit(limit).reader();
    let received = drain(&mut reader, progress);
    progress.end();
    let bytes = received.map_err(|(got, error)| match stated {
        Some(stated) => failed(format!("{error}: expected {stated} bytes, found {got}")),
        None => failed(format!("{error} after {got} bytes")),
    })?;
    match stated {
        Some(stated) if stated != bytes.len() as u64 => Err(failed(format!(
            "cut short: expected {stated} bytes, found {}",
            bytes.len()
        ))),
        _ => Ok(bytes),
    }
}

/// The proxy that the environment names, but for this machine itself, which none leads to.
fn proxy_for(address: &str) -> Option<ureq::Proxy> {
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    let host = place.split(['/', ':']).next().unwrap_or_default();
    match host {
        "localhost" | "127.0.0.1" => None,
        _ => ureq::Proxy::try_from_env(),
    }
}

fn drain(reader: &mut dyn Read, progress: &dyn Progress) -> std::result::Result<Vec<u8>, (usize, std::io::Error)> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                progress.advance(count as u64);
            }
            Err(error) => return Err((bytes.len(), error)),
        }
    }
}

/// Writes a file so that it is there whole or not at all, whatever happens meanwhile.
pub(crate) fn place(bytes: &[u8], target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, error))?;
    let temporary = temporary_beside(target);
    let written = write_and_rename(bytes, &temporary, target);
    if written.is_err() {
        // The write has failed already; a temporary file that cannot be removed changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_and_rename(bytes: &[u8], temporary: &Path, target: &Path) -> Result<()> {
    let failed = |error| Error::io("write", target, error);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(temporary, target).map_err(failed)?;
    // The rename itself must reach the disk too, which syncing the folder does on Unix;
    // elsewhere folders cannot be opened and the file system sees to it.
    if let Ok(folder) = File::open(target.parent().unwrap_or(Path::new("."))) {
        folder.sync_all().map_err(failed)?;
    }
    Ok(())
}

/// A name that no other download uses, in this process or another one.
fn temporary_beside(target: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}-{number}.partial", std::process::id()))
}

#[cfg(test)]
mod tests;
