//! Markdown paragraphs of a report as HTML.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// Renders markdown. Tags in it become text, and a link leads to a page, a file or nowhere.
pub(super) fn prose(markdown: &str) -> Markup {
    let markdown = super::clean(markdown);
    let events = Parser::new_ext(&markdown, Options::ENABLE_TABLES).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Text(text) => Event::Text(crate::figure::typeset(&text).into_owned().into()),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: harmless(dest_url),
            title,
            id,
        }),
        other => other,
    });
    let mut text = String::new();
    html::push_html(&mut text, events);
    PreEscaped(text)
}

/// A link's address, unless it would run something.
fn harmless(address: CowStr<'_>) -> CowStr<'_> {
    let scheme = address.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme.split_once(':') {
        Some((name, _)) if !["http", "https", "mailto"].contains(&name.to_ascii_lowercase().as_str()) => {
            CowStr::Borrowed("#")
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_scripts_in_markdown_stay_text() {
        let html = prose("**bold** <script>x</script> [a](javascript:x) [b](rows/)").into_string();
        assert!(html.contains("<strong>bold</strong>"));
        assert!(!html.contains("<script") && !html.contains("javascript:"), "{html}");
        assert!(html.contains("href=\"rows/\""));
    }

    #[test]
    fn numbers_have_minus_signs_and_code_stays_as_it_is_typed() {
        assert_eq!(
            prose("at -0.5 and `--set x=-1`").into_string().trim(),
            "<p>at −0.5 and <code>--set x=-1</code></p>"
        );
    }
}
