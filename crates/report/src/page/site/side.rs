//! Two reports side by side.

use maud::html;

use super::document;
use crate::page::Entry;

/// The page that shows two reports beside each other; which ones stands in its address.
pub(in crate::page) fn page(entries: &[Entry]) -> String {
    let body = html! {
        main .side {
            nav { a href="index.html" { "All reports" } }
            div .columns {
                @for side in ["left", "right"] {
                    section {
                        select id=(side) aria-label={ "the report on the " (side) } {
                            @for entry in entries { option { (super::clean(&entry.folder)) } }
                        }
                        iframe id={ (side) "-page" } title={ "the report on the " (side) } {}
                    }
                }
            }
        }
    };
    document("Two reports side by side", include_str!("side.js"), &body)
}
