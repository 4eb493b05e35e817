//! The recorded table of deviations holds what edits that preserve the function promise in either precision.

use std::path::Path;

/// The most that rounding may move an output, relative to the largest.
const MOST: [(&str, f64); 2] = [("f32", 1e-5), ("f64", 1e-13)];

fn value(cell: &str) -> Option<f64> {
    match cell {
        "–" => None,
        "exact" => Some(0.0),
        number => Some(number.parse().unwrap()),
    }
}

#[test]
fn edits_that_preserve_the_function_move_outputs_by_rounding_alone() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/DEVIATIONS.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut counts = [0, 0];
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let place = MOST.iter().position(|(name, _)| *name == cells[1]).unwrap();
        let moved: Vec<f64> = cells[2..].iter().filter_map(|cell| value(cell)).collect();
        assert!(moved.len() >= 5, "{row}");
        assert!(moved.iter().all(|moved| *moved <= MOST[place].1), "{row}");
        counts[place] += 1;
    }
    assert!(counts[0] == counts[1] && counts[0] >= 9, "{counts:?}");
}
