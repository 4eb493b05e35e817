//! What both generators do with names and files.

use std::fs;
use std::path::Path;

use crate::Result;

/// A file of a template: its place in the new folder, and its text.
pub type File = (&'static str, &'static str);

pub fn check_name(name: &str) -> Result<()> {
    let letters = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if letters && starts && !name.ends_with('-') && !name.contains("--") {
        return Ok(());
    }
    Err(format!("name: expected lower-case words joined by `-`, beginning with a letter, found `{name}`").into())
}

/// Refuses a folder or file that is there already.
pub fn check_absent(path: &Path) -> Result<()> {
    if path.exists() {
        return Err(format!("{}: expected nothing there yet, found something", path.display()).into());
    }
    Ok(())
}

/// The file's text with a line put before the first place where `before` stands on lines of its own.
pub fn inserted(file: &Path, before: &str, line: &str) -> Result<String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let place = text.find(&format!("\n{before}")).ok_or_else(|| {
        format!(
            "{}: expected a line `{}` to insert before, found none",
            file.display(),
            before.trim_end()
        )
    })?;
    let (head, tail) = text.split_at(place + 1);
    Ok(format!("{head}{line}{tail}"))
}

/// Writes the files of a template into a folder, with the name in the place of the placeholder's.
pub fn write(folder: &Path, files: &[File], name: &str) -> Result<()> {
    for (file, template) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, filled(template, name))?;
    }
    Ok(())
}

fn filled(template: &str, name: &str) -> String {
    template
        .replace("espalier_placeholder", &format!("espalier_{}", snake(name)))
        .replace("Placeholder", &type_name(name))
        .replace("placeholder", name)
}

/// The name as a module's.
pub fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// The name as a type's.
pub fn type_name(name: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').map(word).collect()
}
