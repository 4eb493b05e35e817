//! The reports as pages for a browser: a front page, a page for each report, and two side by side.
//!
//! Every page is one file: styles, script and thinned rows stand in it, and nothing comes from a network.

mod claim;
mod forest;
pub(super) mod front;
mod glossary;
pub(super) mod journal;
mod prose;
pub(super) mod sheet;
mod side;

pub(super) use side::page as side_by_side;

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// A whole document.
fn document(title: &str, script: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(lines_alone(STYLE))) }
            }
            body {
                (body)
                script { (PreEscaped(lines_alone(script))) }
            }
        }
    };
    page.into_string() + "\n"
}

/// A script or style without indentation and without lines that only comment, which every page would carry.
fn lines_alone(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    lines.join("\n")
}

/// Data for the page's script. No text in it can end the element.
fn data(name: &str, value: &serde_json::Value) -> Markup {
    let text = value.to_string().replace('<', "\\u003c");
    html! { script id=(name) type="application/json" { (PreEscaped(text)) } }
}

/// Text as a reader sees it: numbers with minus signs and raised exponents. Not for what is copied, such as a command.
fn typeset(text: &str) -> String {
    crate::figure::typeset(&clean(text)).into_owned()
}

/// Text in which nothing may stand that a document cannot hold.
fn clean(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}
