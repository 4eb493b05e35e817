//! Fingerprints every crate of the workspace, so that a trial's identity can name the code that ran it.
//!
//! A crate's digest covers its sources (without comments and unit tests), the declarations of its
//! dependencies, the digests of the workspace crates it uses, and the locked versions of all other
//! crates below it. Development dependencies do not count.

#[path = "src/normalise.rs"]
#[allow(missing_docs)]
mod normalise;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

/// A package of the lock file: `(name, version)` and what it depends on.
type Lock = BTreeMap<(String, String), Vec<(String, String)>>;

struct Member {
    sources: String,
    /// Names under `[dependencies]` with the text that declares each, here and in the root manifest.
    declared: BTreeMap<String, String>,
}

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../..");
    let lock_text = read(&root.join("Cargo.lock"));
    let lock = parse_lock(&lock_text);
    let shared = sections(&read(&root.join("Cargo.toml")), "workspace.dependencies");
    let mut members = BTreeMap::new();
    for folder in member_folders(&root) {
        let (name, member) = read_member(&folder, &shared);
        members.insert(name, member);
    }
    let mut code = String::from("pub(crate) static CRATES: &[(&str, &str)] = &[\n");
    for name in members.keys() {
        let digest = hex(&Sha256::digest(describe(name, &members, &lock).as_bytes()));
        writeln!(code, "    (\"{name}\", \"{digest}\"),").expect("writing to a String");
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("crates.rs");
    fs::write(&out, code).expect("writing into OUT_DIR");
    println!("cargo:rustc-env=ESPALIER_RUSTC={}", compiler());
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/normalise.rs");
}

/// Asks the compiler for its version, for the manifests.
fn compiler() -> String {
    let program = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let answer = std::process::Command::new(program).arg("--version").output();
    answer.map_or_else(
        |_| "unknown".into(),
        |answer| {
            String::from_utf8_lossy(&answer.stdout)
                .trim()
                .trim_start_matches("rustc ")
                .to_owned()
        },
    )
}

fn read(path: &Path) -> String {
    println!("cargo:rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn member_folders(root: &Path) -> Vec<PathBuf> {
    println!("cargo:rerun-if-changed={}", root.join("crates").display());
    let mut folders = Vec::new();
    for parent in ["crates", "crates/strategies"] {
        let Ok(entries) = fs::read_dir(root.join(parent)) else {
            continue;
        };
        folders.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.join("Cargo.toml").is_file()),
        );
    }
    folders.sort();
    folders
}

fn read_member(folder: &Path, shared: &BTreeMap<String, String>) -> (String, Member) {
    let manifest = read(&folder.join("Cargo.toml"));
    let name = sections(&manifest, "package")["name"]
        .split('"')
        .nth(1)
        .expect("a quoted package name")
        .to_owned();
    let mut files = Vec::new();
    collect(&folder.join("src"), &mut files);
    files.sort();
    let mut sources = String::new();
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        let relative = file
            .strip_prefix(folder)
            .expect("inside the folder")
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let bytes = match (relative.ends_with(".rs"), String::from_utf8(bytes)) {
            (true, Ok(text)) => normalise::normalise(&text).into_bytes(),
            (false, Ok(text)) => text.into_bytes(),
            (_, Err(error)) => error.into_bytes(),
        };
        writeln!(sources, "{relative} {}", hex(&Sha256::digest(&bytes))).expect("writing to a String");
    }
    let mut declared = sections(&manifest, "dependencies");
    for (dependency, text) in &mut declared {
        if let Some(root_line) = shared.get(dependency) {
            text.push_str(root_line);
        }
    }
    (name, Member { sources, declared })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    println!("cargo:rerun-if-changed={}", folder.display());
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files)
        } else {
            files.push(path)
        }
    }
}

/// Reads the entries of one section: key (up to `.`, space or `=`) and text with its continuation lines.
fn sections(manifest: &str, wanted: &str) -> BTreeMap<String, String> {
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    let (mut inside, mut key) = (false, String::new());
    for line in manifest.lines() {
        let line = line.trim_end();
        if line.starts_with('[') {
            let title = line.trim_matches(['[', ']']);
            inside = title == wanted || (wanted == "dependencies" && title.ends_with(".dependencies"));
            key.clear();
            if let Some(name) = title.strip_prefix(&format!("{wanted}.")) {
                inside = true;
                key = name.to_owned();
            }
        } else if inside && !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            let continues = line.starts_with([' ', '\t', ']', '}']) || (!key.is_empty() && entries.is_empty());
            if !continues {
                key = line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
            }
            let entry = entries.entry(key.clone()).or_default();
            entry.push_str(line);
            entry.push('\n');
        }
    }
    entries
}

fn parse_lock(text: &str) -> Lock {
    let mut raw: Vec<(String, String, Vec<String>)> = Vec::new();
    for block in text.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = block.lines().find(|line| line.starts_with(&format!("{name} = ")));
            line.and_then(|line| line.split('"').nth(1))
                .unwrap_or_default()
                .to_owned()
        };
        let list = block
            .split("dependencies = [")
            .nth(1)
            .and_then(|rest| rest.split(']').next())
            .unwrap_or_default();
        let dependencies = list
            .lines()
            .filter_map(|line| line.split('"').nth(1))
            .map(str::to_owned)
            .collect();
        raw.push((field("name"), field("version"), dependencies));
    }
    let version_of = |name: &str| {
        raw.iter()
            .find(|package| package.0 == name)
            .map(|package| package.1.clone())
    };
    raw.iter()
        .map(|(name, version, dependencies)| {
            let resolved = dependencies.iter().map(|text| {
                let mut words = text.split(' ');
                let name = words.next().unwrap_or_default().to_owned();
                // A version stands in the list only where the lock file holds several.
                let version = words
                    .next()
                    .map(str::to_owned)
                    .or_else(|| version_of(&name))
                    .unwrap_or_default();
                (name, version)
            });
            ((name.clone(), version.clone()), resolved.collect())
        })
        .collect()
}

/// Writes all that decides what the crate computes, one line each, in a fixed order.
fn describe(name: &str, members: &BTreeMap<String, Member>, lock: &Lock) -> String {
    let mut text = String::new();
    let (mut seen, mut external) = (BTreeSet::new(), BTreeSet::new());
    let mut queue = vec![name.to_owned()];
    while let Some(next) = queue.pop() {
        let Some(member) = members.get(&next).filter(|_| seen.insert(next.clone())) else {
            continue;
        };
        let locked = lock
            .iter()
            .find(|((package, _), _)| *package == next)
            .map(|(_, list)| list.as_slice());
        for (dependency, version) in locked.unwrap_or_default() {
            if members.contains_key(dependency) {
                if member.declared.contains_key(dependency) {
                    queue.push(dependency.clone());
                }
            } else if member.declared.contains_key(dependency) {
                close(&(dependency.clone(), version.clone()), lock, &mut external);
            }
        }
    }
    for name in seen {
        let member = &members[&name];
        writeln!(text, "crate {name}\n{}{}", member.sources, flat(&member.declared)).expect("writing to a String");
    }
    for (package, version) in external {
        writeln!(text, "{package} {version}").expect("writing to a String");
    }
    text
}

fn flat(declared: &BTreeMap<String, String>) -> String {
    declared.values().map(String::as_str).collect()
}

fn close(package: &(String, String), lock: &Lock, seen: &mut BTreeSet<(String, String)>) {
    if seen.insert(package.clone()) {
        for dependency in lock.get(package).into_iter().flatten() {
            close(dependency, lock, seen);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
