//! What a table in Markdown says of claims.

/// One line of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) claim: String,
    pub(crate) words: String,
    /// The study's number; empty for a claim of ours.
    pub(crate) number: String,
    /// The figure that shows the claim, and the question that its family answers; empty where the table says nothing.
    pub(crate) figure: String,
    pub(crate) family: String,
}

impl Said {
    /// Reads the lines of tables, each with a head of its own.
    pub(crate) fn read(text: &str, set: &str) -> Vec<Self> {
        let (mut head, mut said) = (Vec::new(), Vec::new());
        for cells in text.lines().filter(|line| line.starts_with('|')).map(cells) {
            if cells[0] == "claim" {
                head = cells;
                continue;
            }
            let at = |name: &str| Some(cells.get(head.iter().position(|own| own == name)?)?.clone());
            said.push(Self {
                claim: cells[0].clone(),
                words: at("words").unwrap_or_default(),
                number: at(set).or_else(|| at("any set")).unwrap_or_default(),
                figure: at("figure").unwrap_or_default(),
                family: at("family").unwrap_or_default(),
            });
        }
        said
    }
}

/// The cells of a line; a bar within a cell is `\|`.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().replace("\\|", "\u{0}");
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}
