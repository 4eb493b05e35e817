//! Source text without what cannot change a result; shared with the build script.

/// Drops blank lines, whole-line comments and unit-test modules from Rust source.
///
/// # Method
/// A test module is the text from a `#[cfg(test)]` in the first column followed by `mod … {` to the
/// next `}` in the first column, which is exact for formatted source. Everything else stays,
/// including trailing comments: when in doubt, the fingerprint changes.
pub fn normalise(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut kept = String::with_capacity(source.len());
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        let opens_tests = line == "#[cfg(test)]"
            && lines
                .get(at + 1)
                .is_some_and(|next| next.starts_with("mod ") && next.trim_end().ends_with('{'));
        if opens_tests {
            while at < lines.len() && lines[at].trim_end() != "}" {
                at += 1;
            }
        } else if !line.is_empty() && !line.trim_start().starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
        at += 1;
    }
    kept
}
