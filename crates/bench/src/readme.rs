//! The numbers of the README's table of speed stand in a folder of results.

use std::fs;
use std::path::Path;

/// The summaries of all folders of results.
fn summaries(root: &Path) -> String {
    let folders = fs::read_dir(root.join("crates/bench/results")).unwrap();
    let texts = folders.map(|folder| fs::read_to_string(folder.unwrap().path().join("summary.md")).unwrap());
    texts.collect()
}

/// The cells of the first table below the heading "Speed", row by row, without its head.
fn table(readme: &str) -> Vec<Vec<String>> {
    let section = readme.split("\n## Speed\n").nth(1).unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        line.trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

/// All numbers of a text; a thousands separator is none of its.
fn numbers(text: &str) -> Vec<f64> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.filter_map(|word| word.trim_matches('.').parse().ok()).collect()
}

#[test]
fn every_number_of_the_table_was_recorded_and_no_cell_is_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let (readme, recorded) = (fs::read_to_string(root.join("README.md")).unwrap(), summaries(root));
    let rates = numbers(&recorded);
    let rows = table(&readme);
    assert!(rows.len() > 10, "a row for each work, found {}", rows.len());
    for row in rows {
        assert_eq!(row.len(), 6, "{row:?}");
        for cell in &row {
            assert!(cell.chars().any(char::is_alphanumeric), "an empty cell in {row:?}");
        }
        for rate in numbers(&row[1]) {
            assert!(rates.iter().any(|r| r.round() == rate), "{rate} steps/s of {row:?}");
        }
        for ratio in row[3..].iter().filter(|cell| cell.contains('[')) {
            let end = ratio.find(']').unwrap() + 1;
            assert!(recorded.contains(&ratio[..end]), "{ratio} of {row:?}");
        }
    }
}
