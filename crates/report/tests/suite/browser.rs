//! The pages in a real browser, where one can be had: matrix, filters, links, both widths, charts, not a word on the console.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::Path;
use std::process::Command;

use espalier_report::page::{Entry, Journal, read_summaries, write_gallery};

/// Every recorded report.
const REPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports");

fn browser() -> Option<&'static str> {
    let known = [
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
    ];
    let found = known.into_iter().find(|name| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|out| out.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: no Chromium on this machine");
    }
    found
}

/// Copies what pages need of the recorded reports: summaries, pages and drawings.
fn copied(to: &Path) -> Vec<Entry> {
    let entries = read_summaries(Path::new(REPORTS)).unwrap();
    for entry in &entries {
        let (from, to) = (Path::new(REPORTS).join(&entry.folder), to.join(&entry.folder));
        fs::create_dir_all(to.join("figures")).unwrap();
        for file in ["summary.json", "index.html"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
        for file in fs::read_dir(from.join("figures")).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|form| form == "svg") {
                fs::copy(&path, to.join("figures").join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    fs::copy(Path::new(REPORTS).join("journal.toml"), to.join("journal.toml")).unwrap();
    write_gallery(to).unwrap();
    entries
}

/// Says what a probe saw to the page around it.
const SAY: &str = r#"parent.postMessage(seen.join("|"), "*");"#;

/// Writes down what the page within says, however narrow it is: windows have a least width, frames have none.
const AROUND: &str = r#"<!DOCTYPE html><link rel="icon" href="data:,"><body><script>
addEventListener("message", event => document.body.setAttribute("data-seen", event.data));
</script>"#;

/// Opens a page with a probe at its end and gives what the probe wrote down; whatever stands on the console fails.
fn seen(browser: &str, page: &Path, hash: &str, width: u32, probe: &str) -> String {
    seen_with(browser, &[], page, hash, width, probe)
}

/// The same in a browser that is started in some way.
fn seen_with(browser: &str, how: &[&str], page: &Path, hash: &str, width: u32, probe: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let probe = format!("<script>{{ const seen = [];{probe}\n{SAY} }}</script></body>");
    let beside = |name: &str| page.with_file_name(format!("{name}-{width}.html"));
    let (probed, around) = (beside("probed"), beside("around"));
    fs::write(&probed, text.replace("</body>", &probe)).unwrap();
    let frame =
        format!("<iframe src=\"probed-{width}.html{hash}\" width={width} height=900 style=\"border:0\"></iframe>");
    fs::write(&around, format!("{AROUND}{frame}</body>")).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .args(["--window-size=1500,1000", "--virtual-time-budget=4000"])
        .args(how)
        .arg(format!("file://{}", around.display()))
        .output()
        .unwrap();
    let (dom, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!log.contains("CONSOLE"), "{}: {log}", page.display());
    let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
    seen.unwrap_or_else(|| panic!("{}: the probe did not run: {log}", page.display()))
        .to_owned()
}

/// Counts what a reader can see, and whether the page is as wide as the window and the matrix as high as a screen at most.
const FRONT: &str = r##"
const visible = list => Array.from(document.querySelectorAll(list)).filter(node => node.getClientRects().length > 0);
seen.push(visible("#claims tr").length, visible("#matrix .cell").length);
document.getElementById("experiment").value = "size-gate";
document.getElementById("verdict").value = "confirmed";
document.getElementById("filters").dispatchEvent(new Event("input"));
seen.push(visible("#claims tr").length, location.hash.includes("verdict=confirmed"));
document.querySelector("#presets [data-preset=quick]").click();
seen.push(visible("#matrix .cell").every(cell => cell.dataset.preset === "quick" || !cell.parentNode.querySelector("[data-preset=quick]")));
seen.push(document.documentElement.scrollWidth <= innerWidth);
const cut = node => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX !== "visible";
seen.push(!visible("#matrix .phrase, #matrix .asked, #matrix small, #matrix .label").some(cut));
seen.push(innerWidth < 1000 || document.getElementById("matrix").getBoundingClientRect().bottom + scrollY <= 900);
"##;

#[test]
fn the_front_page_lists_and_filters_every_claim_at_both_widths() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let entries = copied(folder.path());
    let claims: usize = entries.iter().map(|entry| entry.summary.claims.len()).sum();
    let fits = |entry: &Entry| match entry.summary.name.as_str() {
        "size-gate" => entry
            .summary
            .claims
            .iter()
            .filter(|claim| claim.verdict == "confirmed")
            .count(),
        _ => 0,
    };
    let confirmed: usize = entries.iter().map(fits).sum();
    let mut cells: Vec<&str> = entries
        .iter()
        .filter_map(|e| e.folder.rsplit_once('/'))
        .map(|(set, _)| set)
        .collect();
    cells.dedup();
    for width in [1400, 420] {
        let seen = seen(browser, &folder.path().join("index.html"), "", width, FRONT);
        let wanted = format!("{claims}|{}|{confirmed}|true|true|true|true|true", cells.len());
        assert_eq!(seen, wanted, "at {width} pixels");
    }
}

#[test]
fn filters_come_back_from_the_address_and_every_link_leads_somewhere() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let entries = copied(folder.path());
    let probe = r#"
seen.push(document.getElementById("verdict").value, document.getElementById("words").value);
for (const link of document.querySelectorAll("a[href]")) seen.push(link.getAttribute("href"));"#;
    let seen = seen(
        browser,
        &folder.path().join("index.html"),
        "#verdict=refuted&words=width",
        1400,
        probe,
    );
    let mut parts = seen.split('|');
    assert_eq!((parts.next(), parts.next()), (Some("refuted"), Some("width")));
    let front = fs::read_to_string(folder.path().join("index.html")).unwrap();
    for address in parts {
        let (file, anchor) = address.split_once('#').unwrap_or((address, ""));
        let text = match file {
            "" => front.clone(),
            file => fs::read_to_string(folder.path().join(file.replace("%2B", "+"))).unwrap(),
        };
        assert!(
            anchor.is_empty() || text.contains(&format!("id=\"{anchor}\"")),
            "{address}"
        );
    }
    assert!(!entries.is_empty());
}

/// Counts entries, and whether every one has a verdict or a word instead, and gives all links.
const JOURNAL: &str = r#"
const beliefs = Array.from(document.querySelectorAll(".belief"));
seen.push(beliefs.length, beliefs.every(node => node.querySelector(".counts").textContent.trim() !== "Today:"));
seen.push(document.documentElement.scrollWidth <= innerWidth);
for (const link of document.querySelectorAll(".held a[href]")) seen.push(link.getAttribute("href"));"#;

#[test]
fn the_journal_shows_every_entry_and_links_to_claims_that_exist() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    copied(folder.path());
    let entries = Journal::read(folder.path()).unwrap().unwrap().entries().count();
    for width in [1400, 420] {
        let seen = seen(browser, &folder.path().join("journal/index.html"), "", width, JOURNAL);
        let mut parts = seen.split('|');
        let counted = (parts.next(), parts.next(), parts.next());
        assert_eq!(
            counted,
            (Some(entries.to_string().as_str()), Some("true"), Some("true")),
            "at {width} pixels"
        );
        for address in parts {
            let (file, anchor) = address.split_once('#').unwrap();
            let text = fs::read_to_string(folder.path().join("journal").join(file.replace("%2B", "+"))).unwrap();
            assert!(text.contains(&format!("id=\"{anchor}\"")), "{address}");
        }
    }
}

/// Opens every chart, isolates a series, and asks for paired differences.
const SHEET: &str = r##"
const buttons = Array.from(document.querySelectorAll("button.explore")).filter(button => !button.hidden);
for (const details of document.querySelectorAll("details")) details.open = true;
for (const button of buttons) button.click();
seen.push(buttons.every(button => button.closest("figure").querySelector("svg path, svg circle, svg rect")));
const key = document.querySelector("#explorer .keys button");
if (key) key.click();
const faint = () => document.querySelectorAll("#explorer svg .faint").length > 0;
seen.push(!key || faint());
const mode = document.querySelector("[data-choice=show]");
if (mode) { mode.value = "paired difference"; mode.dispatchEvent(new Event("change")); }
seen.push(!mode || document.querySelector("[data-choice=less]") !== null);
seen.push(document.querySelector("#explorer svg") === null || !document.querySelector("#explorer svg").outerHTML.includes("NaN"));
seen.push(document.documentElement.scrollWidth <= innerWidth);
seen.push(document.querySelector(".answer").getBoundingClientRect().bottom + scrollY < 600);
"##;

#[test]
fn the_pages_of_reports_open_with_their_answer_and_draw_their_charts() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    for entry in copied(folder.path()) {
        let page = folder.path().join(&entry.folder).join("index.html");
        let text = fs::read_to_string(&page).unwrap();
        let data = text
            .split("type=\"application/json\">")
            .skip(1)
            .filter_map(|part| part.split("</script>").next());
        assert!(data.map(str::len).sum::<usize>() < 200_000, "{}", page.display());
        for width in [1400, 420] {
            let seen = seen(browser, &page, "", width, SHEET);
            assert_eq!(
                seen, "true|true|true|true|true|true",
                "{} at {width} pixels",
                entry.folder
            );
        }
    }
}

/// Whether the browser asks for dark pages, how many surfaces are light, whether words are light and drawings inverted.
const DARK: &str = r##"
seen.push(matchMedia("(prefers-color-scheme: dark)").matches);
for (const details of document.querySelectorAll("details")) details.open = true;
const parts = colour => colour.match(/[\d.]+/g).map(Number);
const light = ([red, green, blue, alpha]) => (alpha === undefined || alpha > 0.5) && 0.3 * red + 0.6 * green + 0.1 * blue > 110;
const large = node => { const box = node.getBoundingClientRect(); return box.width * box.height > 4000; };
const all = Array.from(document.querySelectorAll("body, body *"));
seen.push(all.filter(node => large(node) && light(parts(getComputedStyle(node).backgroundColor))).length);
seen.push(light(parts(getComputedStyle(document.body).color)));
seen.push(Array.from(document.querySelectorAll(".drawn img")).every(image => getComputedStyle(image).filter.includes("invert(1)")));
"##;

#[test]
fn dark_pages_have_no_light_surface() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let entries = copied(folder.path());
    let longest = entries.iter().max_by_key(|entry| entry.summary.claims.len()).unwrap();
    let pages = ["index.html", "journal/index.html", "compare.html"].map(str::to_owned);
    for page in pages.into_iter().chain([format!("{}/index.html", longest.folder)]) {
        let dark = ["--blink-settings=preferredColorScheme=0"];
        let seen = seen_with(browser, &dark, &folder.path().join(&page), "", 1400, DARK);
        assert_eq!(seen, "true|0|true|true", "{page}");
    }
}

#[test]
fn two_reports_stand_side_by_side() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let entries = copied(folder.path());
    let (left, right) = (&entries[2].folder, &entries[0].folder);
    let probe = r#"for (const page of document.querySelectorAll("iframe")) seen.push(decodeURIComponent(page.getAttribute("src")));"#;
    let hash = format!("#left={left}&right={right}");
    let seen = seen(browser, &folder.path().join("compare.html"), &hash, 1400, probe);
    assert_eq!(seen, format!("{left}/index.html|{right}/index.html"));
}
