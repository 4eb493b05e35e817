//! What a page says in words: texts in markdown, read by the names of claims, figures and tables.

use std::collections::BTreeMap;

/// A section `## name: title` of a text, or `## name`, with its paragraphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub name: String,
    pub title: String,
    paragraphs: Vec<String>,
}

impl Section {
    /// The sections of a text; lines that belong together are joined.
    pub fn all(text: &str) -> Vec<Self> {
        let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let section = |part: &str| {
            let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
            let (name, title) = heading.split_once(": ").unwrap_or((heading, ""));
            Self {
                name: joined(name),
                title: joined(title),
                paragraphs: body.trim().split("\n\n").map(joined).collect(),
            }
        };
        text.split("\n## ").skip(1).map(section).collect()
    }

    /// A paragraph; empty where there is none.
    pub fn paragraph(&self, place: usize) -> &str {
        self.paragraphs.get(place).map_or("", String::as_str)
    }
}

/// A line of a table, each cell by the head of its column.
pub(crate) struct Line(BTreeMap<String, String>);

impl Line {
    /// The lines of all tables of a text. A bar within a cell is `\|`.
    pub fn all(text: &str) -> Vec<Self> {
        let cells = |line: &str| -> Vec<String> {
            let line = line.trim().replace("\\|", "\u{0}");
            let inner = line.trim_start_matches('|').trim_end_matches('|');
            inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
        };
        let (mut head, mut found) = (Vec::new(), Vec::new());
        for line in text.lines() {
            match (line.starts_with('|'), head.is_empty()) {
                (false, _) => head.clear(),
                (true, true) => head = cells(line),
                (true, false) => found.push(Self(head.iter().cloned().zip(cells(line)).collect())),
            }
        }
        found
    }

    /// The cell of a column; empty where the table has no such column.
    pub fn cell(&self, column: &str) -> &str {
        self.first(&[column])
    }

    /// The cell of the first of some columns that the table has.
    pub fn first(&self, columns: &[&str]) -> &str {
        let cell = columns.iter().find_map(|column| self.0.get(*column));
        cell.map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_a_name_a_title_and_paragraphs() {
        let text = "# Page\n\n## course: How fast: or slow?\n\nLoss over\nepochs.\n\nLines are means.\n\n## Sizes\n\nA note.\n";
        let [course, sizes] = Section::all(text).try_into().unwrap();
        assert_eq!((&*course.name, &*course.title), ("course", "How fast: or slow?"));
        assert_eq!(
            [0, 1, 2].map(|place| course.paragraph(place)),
            ["Loss over epochs.", "Lines are means.", ""]
        );
        assert_eq!(
            (&*sizes.name, &*sizes.title, sizes.paragraph(0)),
            ("Sizes", "", "A note.")
        );
    }

    #[test]
    fn lines_of_several_tables_are_read_by_their_own_heads() {
        let text = "| claim | any set |\n|---|---|\n| A | Σ\\|w\\| |\n\nOurs:\n\n| claim | figure |\n|---|---|\n| B | course |\n";
        // The rule below the heads is a line as well.
        let [_, a, _, b] = <[Line; 4]>::try_from(Line::all(text)).map_err(|_| ()).unwrap();
        assert_eq!([a.cell("claim"), a.first(&["toys", "any set"])], ["A", "Σ|w|"]);
        assert_eq!(
            [b.cell("claim"), b.cell("any set"), b.cell("figure")],
            ["B", "", "course"]
        );
    }
}
