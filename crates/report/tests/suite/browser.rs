//! The gallery in a real browser, where one can be had: it sorts, filters and says nothing on the console.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::Path;
use std::process::Command;

use espalier_report::page::{read_summaries, write_gallery};

/// Chooses study 003, sorts by the first sortable head, and writes down what is left.
const PROBE: &str = r#"<script>
document.getElementById("study").value = "003";
document.getElementById("filters").dispatchEvent(new Event("input"));
document.querySelector("th button").click();
const visible = Array.from(document.querySelectorAll("tbody tr")).filter(row => !row.hidden);
const names = visible.map(row => Array.from(row.querySelectorAll("a"), a => a.textContent).find(Boolean));
document.body.setAttribute("data-seen", document.getElementById("shown").textContent + "|" + names.join(","));
</script></body>"#;

fn browser() -> Option<&'static str> {
    let known = [
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
    ];
    known.into_iter().find(|name| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|out| out.status.success())
    })
}

/// The recorded reports' summaries alone, below a folder of their own.
fn copied(from: &Path, to: &Path) {
    for entry in read_summaries(from).unwrap() {
        let folder = to.join(&entry.folder);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(
            from.join(&entry.folder).join("summary.json"),
            folder.join("summary.json"),
        )
        .unwrap();
    }
}

#[test]
fn the_gallery_sorts_and_filters_in_a_browser_without_a_word_on_the_console() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no Chromium on this machine");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    copied(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports"),
        folder.path(),
    );
    let all = write_gallery(folder.path()).unwrap();
    let page = folder.path().join("index.html");
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&page, text.replace("</body>", PROBE)).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let (dom, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!log.contains("CONSOLE"), "{log}");
    let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
    let mut expected: Vec<String> = read_summaries(folder.path())
        .unwrap()
        .into_iter()
        .filter(|entry| entry.summary.study == "003")
        .map(|entry| entry.summary.name)
        .collect();
    assert!(!expected.is_empty() && expected.len() < all);
    expected.sort();
    let wanted = format!("{} of {all}|{}", expected.len(), expected.join(","));
    assert_eq!(seen, Some(wanted.as_str()));
}
