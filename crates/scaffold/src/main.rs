//! Writes the beginning of something new: `just new-strategy NAME`, `just new-experiment NAME`.

mod experiment;
mod strategy;
mod writing;

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = Path::new(".");
    let outcome = match words[..] {
        ["strategy", name] => strategy::create(root, name),
        ["experiment", name] => experiment::create(root, name),
        _ => Err("expected `strategy` or `experiment` and one name, for instance: just new-strategy my-method".into()),
    };
    let (text, code) = match outcome {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(error) => (format!("error: {error}\n"), ExitCode::FAILURE),
    };
    // Nothing is left to be done when standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
    code
}

/// The template of a strategy calls itself by its crate's name.
#[cfg(test)]
extern crate self as espalier_placeholder;
#[cfg(test)]
use strategy::Placeholder;
