//! What a text in Markdown tells of figures: titles, what they show, what to take from them.

use std::collections::BTreeMap;

use crate::figure::Rule;
use crate::{Error, Result};

/// What is told of one figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The title; empty where the figure gives its own.
    pub title: String,
    /// What the figure shows, for readers who cannot see it.
    pub alt: String,
    /// What the reader should take from it.
    pub caption: String,
    /// The rules of readable figures that it breaks, and why.
    pub reasons: Vec<(Rule, String)>,
}

impl Told {
    /// Reads what is told of each figure, by its name: a heading `## name: title`, a paragraph that says what it shows, one
    /// that says what to take from it, and a list of the rules that it breaks, each with its reason. Lines that belong
    /// together are joined.
    ///
    /// # Errors
    /// [`Error::Figure`] for a rule that there is not.
    ///
    /// # Example
    /// ```
    /// use espalier_report::page::Told;
    ///
    /// let told = Told::read("# Figures\n\n## size: Does it grow?\n\nSize\nby epoch\n\nIt does.\n\n- many-curves: all count\n")?;
    /// assert_eq!((told["size"].title.as_str(), told["size"].alt.as_str()), ("Does it grow?", "Size by epoch"));
    /// assert_eq!((told["size"].caption.as_str(), told["size"].reasons.len()), ("It does.", 1));
    /// # Ok::<(), espalier_report::Error>(())
    /// ```
    pub fn read(text: &str) -> Result<BTreeMap<String, Self>> {
        text.split("\n## ").skip(1).map(section).collect()
    }
}

fn section(text: &str) -> Result<(String, Told)> {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let (name, title) = head.split_once(": ").unwrap_or((head, ""));
    let mut told = Told {
        title: title.trim().to_owned(),
        ..Told::default()
    };
    for part in body.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        if let Some(list) = part.strip_prefix("- ") {
            let reasons = list.split("\n- ").map(|item| reason(name, item));
            told.reasons = reasons.collect::<Result<_>>()?;
        } else if told.alt.is_empty() {
            told.alt = joined(part);
        } else {
            told.caption = joined(part);
        }
    }
    Ok((name.trim().to_owned(), told))
}

/// A rule in the words of its type, and why it is broken.
fn reason(figure: &str, item: &str) -> Result<(Rule, String)> {
    let (rule, why) = item.split_once(": ").unwrap_or((item, ""));
    let known = serde_json::from_value(serde_json::Value::from(rule.trim()));
    let refuse = |error: serde_json::Error| Error::Figure {
        figure: figure.to_owned(),
        reason: error.to_string(),
    };
    Ok((known.map_err(refuse)?, joined(why)))
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
