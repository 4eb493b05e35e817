//! Verdicts follow from estimates, pages are the same bytes each time, and the index shows them all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use espalier_report::Error;
use espalier_report::figure::{Axis, Figure, Mark, Panel};
use espalier_report::page::{
    Claim, DataUse, Margin, OwnReport, Part, Plate, Provenance, Report, Side, TableBlock, Tally, Verdict, compare,
    read_summaries, titled, write_gallery,
};
use espalier_report::rows::{Record, Row, Rows, TrialKey};
use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;
use serde::{Deserialize, Serialize};

fn estimate(low: f64, high: f64) -> Estimate {
    let value = f64::midpoint(low, high);
    Estimate {
        value,
        low,
        high,
        n: 6,
        level: 0.95,
    }
}

#[test]
fn a_verdict_needs_the_whole_interval_on_one_side_of_the_margin() {
    let above = |low, high| Verdict::greater_than(&estimate(low, high), 0.01, 6).word();
    assert_eq!(above(0.02, 0.03), "confirmed");
    assert_eq!(above(-0.02, 0.01), "refuted");
    assert_eq!(above(0.0, 0.03), "undecided");
    assert_eq!(above(0.01, 0.03), "undecided");
    let below = |low, high| Verdict::less_than(&estimate(low, high), 0.01, 6).word();
    assert_eq!(
        (below(-1.0, 0.0), below(0.01, 0.02), below(0.0, 0.02)),
        ("confirmed", "refuted", "undecided")
    );
    let within = |low, high| Verdict::within(&estimate(low, high), -0.1, 0.1, 6).word();
    assert_eq!(
        (within(-0.1, 0.1), within(0.2, 0.3), within(0.0, 0.3)),
        ("confirmed", "refuted", "undecided")
    );
    let outside = |low, high| Margin::Outside(-0.1, 0.1).judge(&estimate(low, high), 6);
    assert_eq!(outside(0.2, 0.3).word(), "confirmed");
    assert_eq!(outside(-0.1, 0.1).word(), "refuted");
    assert_eq!(outside(0.0, 0.2).word(), "undecided");
}

#[test]
fn fewer_than_six_seeds_and_nan_leave_a_claim_open() {
    let five = Verdict::greater_than(&estimate(0.5, 0.6), 0.0, 5);
    assert_eq!(five.word(), "undecided");
    assert!(five.reason().unwrap().contains('5'));
    let nan = Estimate {
        value: f64::NAN,
        ..estimate(0.5, 0.6)
    };
    assert_eq!(Verdict::greater_than(&nan, 0.0, 6).word(), "undecided");
}

#[test]
fn an_artefact_holds_only_with_the_flaw() {
    let judge =
        |flawed, sound| Verdict::artefact("test inputs scaled twice", Margin::GreaterThan(0.0), &flawed, &sound, 6);
    let (yes, no, open) = (estimate(0.1, 0.2), estimate(-0.2, -0.1), estimate(-0.1, 0.1));
    let artefact = judge(yes, no);
    assert_eq!(
        (artefact.word(), artefact.reason()),
        ("artefact", Some("test inputs scaled twice"))
    );
    assert_eq!(judge(yes, yes).word(), "confirmed");
    assert_eq!(judge(no, no).word(), "refuted");
    assert_eq!(judge(yes, open).word(), "undecided");
    assert_eq!(
        Verdict::artefact("flaw", Margin::GreaterThan(0.0), &yes, &no, 5).word(),
        "undecided"
    );
}

fn figure(name: &str) -> Figure {
    let panel = Panel::new("", Axis::log2("Width").unit("units"), Axis::linear("Test accuracy"))
        .mark(Mark::line([(16.0, 0.91), (64.0, 0.955)]).label("MNIST"));
    Figure::new(name, "Accuracy against width").panel(panel)
}

fn report() -> Report {
    Report {
        name: "mnist-variance".to_owned(),
        title: "Does spread | tell?".to_owned(),
        study: "003".to_owned(),
        dataset: "MNIST".to_owned(),
        question: "Does the <spread> tell whether a layer is too wide?".to_owned(),
        shortened: vec!["3 epochs rather than 30".to_owned()],
        method: "One hidden layer.".to_owned(),
        settings: vec![("epochs".to_owned(), "3".to_owned())],
        claims: vec![
            Claim::new("E1", "W peaks at the best | width")
                .study("64")
                .statistic("argmax of W, bootstrap over seeds")
                .unit("units")
                .judged(estimate(0.2, 0.4), Margin::GreaterThan(0.0), 6),
            Claim::new("E2", "the knee is at 128").open("not run"),
        ],
        figures: vec![Plate::new(
            figure("accuracy"),
            "Accuracy rises with width.",
            "6 seeds; band: 95 %.",
        )],
        tables: vec![TableBlock {
            title: "Choices".to_owned(),
            header: vec!["metric".to_owned(), "width".to_owned()],
            rows: vec![vec!["W".to_owned(), "64".to_owned()]],
            note: String::new(),
        }],
        notes: vec!["A note.".to_owned()],
        sources: vec!["Study 003.".to_owned()],
        rows_hash: "abc".to_owned(),
        ..Report::default()
    }
}

fn provenance() -> Provenance {
    Provenance {
        experiment: "mnist-variance".to_owned(),
        preset: "quick".to_owned(),
        revision: "0123456789abcdef".to_owned(),
        command: "just run-experiment mnist-variance".to_owned(),
        seeds: (0..6).collect(),
        data: vec![DataUse {
            name: "MNIST".to_owned(),
            part: "60 000 + 10 000".to_owned(),
            checksums: BTreeMap::from([("train".to_owned(), "ff".repeat(32))]),
        }],
        wall_seconds: 12.3,
        finished: "2025-06-01T10:00:00Z".to_owned(),
        ..Provenance::default()
    }
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_page_is_the_same_bytes_each_time_and_leads_with_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let paths = report().write(folder.path(), &provenance()).unwrap();
    assert_eq!(paths.len(), 6);
    let first = contents(folder.path());
    fs::write(folder.path().join("figures/old.svg"), "left over").unwrap();
    report().write(folder.path(), &provenance()).unwrap();
    assert_eq!(contents(folder.path()), first);

    let page = fs::read_to_string(folder.path().join("README.md")).unwrap();
    let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part} in\n{page}"));
    assert!(place("Confirmed: W peaks at the best") < place("figures/accuracy.svg"));
    assert!(place("figures/accuracy.svg") < place("## Claims"));
    assert!(place("## Claims") < place("3 epochs rather than 30"));
    assert!(place("3 epochs rather than 30") < place("<details>"));
    place("*Valid for 3 epochs, 6 seeds, MNIST.*");
    place("![Accuracy rises with width.](figures/accuracy.svg)");
    place("| E1 | W peaks at the best \\| width | 64 | 0.30 [0.20, 0.40] units | > 0 units | 6 | **confirmed** |");
    place("| E2 | the knee is at 128 | – | – | – | 0 | **undecided**: not run |");
    place("Checksums of the data, versions and time are in [manifest.json](manifest.json)");
    assert!(
        page.lines()
            .take(5)
            .any(|line| line.contains("Does the &lt;spread> tell whether a layer is too wide?"))
    );
}

#[test]
fn a_browsers_page_holds_question_answer_claims_and_data_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut hostile = report();
    hostile.claims[1].text = "</script><script>alert(1)</script>".to_owned();
    hostile.figures[0].figure.panels[0].title = "</script><b>".to_owned();
    hostile.notes = vec!["<script>alert(2)</script> [x](javascript:alert(3))".to_owned()];
    hostile.write(folder.path(), &provenance()).unwrap();
    let html = fs::read_to_string(folder.path().join("index.html")).unwrap();
    let place = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part} in\n{html}"));
    assert!(place("<h1>Does the &lt;spread&gt; tell whether a layer is too wide?</h1>") < place("Valid for"));
    assert!(place("peaks at the best | width (0.30 [0.20, 0.40] units)") < place("figures/accuracy.svg"));
    place("just run-experiment mnist-variance");
    place("Shortened against the study in 1 point<");
    place("id=\"E1\"");
    assert!(!html.contains("alert(1)</script>") && !html.contains("<script>alert(2)"));
    // The note's line begins with a tag, so that all of it is shown as text.
    for ended in ["href=\"javascript:", "<b>\""] {
        let at = html
            .find(ended)
            .map(|at| &html[at.saturating_sub(60)..(at + 60).min(html.len())]);
        assert_eq!(at, None, "data ends no element");
    }
    assert!(!html.contains("src=\"http"), "the page needs no network");
    assert!(html.len() < 200_000);
}

#[test]
fn a_page_that_judges_nothing_says_so_and_where_its_data_sets_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let place = |set: &str| folder.path().join(format!("toy/{set}/quick"));
    report().write(&place("mnist"), &provenance()).unwrap();
    let answers = |answer: &str, parts: Vec<Part>| {
        let page = Report {
            claims: Vec::new(),
            headline: Vec::new(),
            answer: answer.to_owned(),
            parts,
            ..report()
        };
        page.write(&place("mnist+fashion-mnist"), &provenance()).unwrap();
        write_gallery(folder.path()).unwrap();
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        let own = |file: &str| read(&format!("toy/mnist+fashion-mnist/quick/{file}"));
        (own("README.md"), own("index.html"), read("README.md"))
    };
    let own = OwnReport {
        set: "MNIST".to_owned(),
        folder: "../../mnist/quick".to_owned(),
    };
    let part = Part::read(&own, &place("mnist")).unwrap();
    assert_eq!(
        (part.set.as_str(), part.verdict.as_str(), part.said.as_str()),
        ("MNIST", "confirmed", "W peaks at the best | width")
    );
    let (markdown, html, index) = answers("", vec![part.clone()]);
    assert!(
        markdown.contains("Each data set is judged on its own page: MNIST: confirmed: W peaks at the best | width."),
        "{markdown}"
    );
    assert!(
        html.contains("<a href=\"../../mnist/quick/index.html\">MNIST</a>"),
        "{html}"
    );
    assert!(
        index.contains("| Confirmed: W peaks at the best \\| width |"),
        "{index}"
    );
    let other = Part {
        set: "adult".to_owned(),
        verdict: "refuted".to_owned(),
        ..part.clone()
    };
    let index = answers("", vec![part.clone(), other]).2;
    assert!(
        index.contains("MNIST: confirmed: W peaks at the best \\| width; adult: refuted: W"),
        "{index}"
    );
    let (markdown, _, index) = answers("Shown, not judged. `other` judges it.", vec![part]);
    assert!(
        markdown.contains("Shown, not judged. `other` judges it. MNIST: confirmed"),
        "{markdown}"
    );
    assert!(index.contains("| Shown, not judged |"), "{index}");
    assert!(
        answers("", Vec::new())
            .0
            .contains("This page shows figures and judges no claim.")
    );
}

#[test]
fn a_page_for_code_hosts_lists_other_figures_and_cuts_long_tables() {
    let folder = tempfile::tempdir().unwrap();
    let mut long = report();
    let mut second = long.figures[0].clone();
    second.figure.name = "second".to_owned();
    second.figure.title = "Does it hold [again]?".to_owned();
    long.figures.push(second);
    long.tables = vec![TableBlock {
        title: "All nets".to_owned(),
        header: vec!["net".to_owned()],
        rows: (0..30).map(|net| vec![format!("net {net}")]).collect(),
        note: String::new(),
    }];
    long.write(folder.path(), &provenance()).unwrap();
    let page = fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(
        page.contains("- [Does it hold (again)?](figures/second.svg): Accuracy rises with width.\n"),
        "{page}"
    );
    assert!(page.contains("| net 9 |") && !page.contains("| net 10 |"), "{page}");
    assert!(
        page.contains("20 more on [the page for a browser](index.html)."),
        "{page}"
    );
    let html = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(html.contains("net 29"), "the page for a browser has all");
}

#[test]
fn no_recorded_figure_breaks_a_rule_without_saying_why() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports");
    let entries = read_summaries(&reports).unwrap();
    let faults = entries.iter().flat_map(|entry| {
        entry
            .summary
            .faults
            .iter()
            .map(|fault| format!("{}: {fault}", entry.folder))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn candidates_that_are_asked_the_same_are_counted_and_named() {
    let claim =
        |id: &str, low: f64| Claim::new(id, "it tells").judged(estimate(low, low + 2.0), Margin::GreaterThan(0.0), 6);
    let member = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    let mut page = report();
    page.claims = vec![claim("A", 1.0), claim("B", -5.0), claim("C", -1.0)];
    page.headline = Vec::new();
    let mut tally = Tally {
        of: "metrics".to_owned(),
        done: "tell the width".to_owned(),
        by_refutation: false,
        members: vec![member("A", "rank"), member("B", "norm"), member("C", "spread")],
    };
    let told = |page: &Report| {
        let folder = tempfile::tempdir().unwrap();
        page.write(folder.path(), &provenance()).unwrap();
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
        (read("README.md"), read("index.html"))
    };
    page.tally = Some(tally.clone());
    let wanted = "1 of 3 metrics is shown to tell the width: rank; 1 does not (norm); 1 has no verdict (spread).";
    let (markdown, html) = told(&page);
    assert!(markdown.contains(wanted) && html.contains(wanted), "{markdown}");
    tally.by_refutation = true;
    page.tally = Some(tally.clone());
    assert!(
        told(&page)
            .0
            .contains("1 of 3 metrics is shown to tell the width: norm; 1 does not (rank)")
    );
    let (all, mut none) = (page.claims.clone(), tally.clone());
    page.claims.retain(|claim| claim.id == "C");
    none.members = vec![member("C", "spread, of all")];
    page.tally = Some(none.clone());
    let wanted = "None of 1 metrics is shown to tell the width; 1 has no verdict (spread, of all).";
    assert!(told(&page).0.contains(wanted), "{}", told(&page).0);
    page.claims = all;
    none.members = vec![
        member("A", "rank, flat"),
        member("B", "norm, flat"),
        member("C", "spread"),
    ];
    none.by_refutation = false;
    page.claims[1] = claim("B", 2.0);
    page.tally = Some(none);
    let wanted = "2 of 3 metrics are shown to tell the width (rank, flat; norm, flat); 1 has no verdict (spread).";
    assert!(told(&page).0.contains(wanted), "{}", told(&page).0);
    page.claims[1] = claim("B", -5.0);
    tally.members.push(member("D", "none"));
    page.tally = Some(tally);
    let refused = page
        .write(tempfile::tempdir().unwrap().path(), &provenance())
        .unwrap_err();
    assert!(refused.to_string().contains("`D`"), "{refused}");
}

#[test]
fn an_answer_that_rests_on_an_unknown_claim_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = report();
    wrong.headline = vec!["E9".to_owned()];
    let message = wrong.write(folder.path(), &provenance()).unwrap_err().to_string();
    assert!(message.contains("`E9`"), "{message}");
}

#[test]
fn a_page_with_a_missing_part_is_refused_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut Report), part: &str| {
        let mut report = report();
        change(&mut report);
        let message = report.write(folder.path(), &provenance()).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    refused(&|r| r.question.clear(), "question");
    refused(&|r| r.claims[1].id = "E1".to_owned(), "`E1`");
    refused(&|r| r.figures[0].alt.clear(), "alternative text");
    refused(&|r| r.figures.push(r.figures[0].clone()), "`accuracy`");
    refused(&|r| r.tables[0].rows[0].push(String::new()), "expected 2 cells");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_figure_beyond_the_size_limit_is_named() {
    let mut stream = Seed::new(1).stream();
    let mut report = report();
    // Scattered points cannot be thinned or packed.
    let points: Vec<(f64, f64)> = (0..30_000)
        .map(|_| (1.0 + stream.uniform(), stream.uniform()))
        .collect();
    let panel = Panel::new("", Axis::linear("x"), Axis::linear("y")).mark(Mark::scatter(points));
    report.figures[0].figure = Figure::new("crowded", "Too many points").panel(panel);
    let folder = tempfile::tempdir().unwrap();
    let error = report.write(folder.path(), &provenance()).unwrap_err();
    assert!(matches!(error, Error::FigureSize { limit: 300_000, .. }), "{error}");
    assert!(error.to_string().contains("crowded"));
}

#[test]
fn the_gallery_lists_every_report_and_escapes_its_text() {
    let reports = tempfile::tempdir().unwrap();
    for (name, preset) in [("mnist-variance", "quick"), ("a<b>", "full")] {
        let mut one = report();
        one.name = name.to_owned();
        one.study = if preset == "full" {
            String::new()
        } else {
            "003".to_owned()
        };
        let folder = reports.path().join("set").join(preset);
        one.write(
            &folder,
            &Provenance {
                preset: preset.to_owned(),
                ..provenance()
            },
        )
        .unwrap();
    }
    assert_eq!(write_gallery(reports.path()).unwrap(), 2);
    let before = contents(reports.path());
    assert_eq!(write_gallery(reports.path()).unwrap(), 2);
    assert_eq!(contents(reports.path()), before);

    let entries = read_summaries(reports.path()).unwrap();
    let folders: Vec<&str> = entries.iter().map(|entry| entry.folder.as_str()).collect();
    assert_eq!(folders, ["set/full", "set/quick"]);
    assert_eq!(entries[1].summary.date, "2025-06-01");
    assert_eq!(entries[1].summary.claims[0].verdict, "confirmed");

    let html = fs::read_to_string(reports.path().join("index.html")).unwrap();
    assert!(html.contains("a&lt;b&gt;") && !html.contains("a<b>"));
    assert!(html.contains("the &lt;spread&gt; tell"));
    assert!(html.contains("data-verdict=\"undecided\"") && html.contains("href=\"set/quick/index.html\""));
    assert!(html.contains("id=\"E1\"") && html.contains("id=\"E1@set/quick\""));
    assert!(html.contains("<option value=\"003\">003</option>"));
    assert!(!html.contains("http"), "the page needs no network");
    let markdown = fs::read_to_string(reports.path().join("README.md")).unwrap();
    assert!(markdown.contains("[mnist-variance](set/quick/README.md)"));
    assert!(markdown.contains("Confirmed: W peaks at the best") && markdown.contains("1 confirmed, 1 open"));
}

#[derive(Serialize, Deserialize)]
struct Epoch {
    epoch: u32,
    test_accuracy: f64,
    params: u64,
}
impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

#[derive(Serialize, Deserialize)]
struct Unit {
    spread: f64,
}
impl Row for Unit {
    const TABLE: &'static str = "per_unit";
}

fn run(variant: &str, gain: f64, seeds: std::ops::Range<u64>, params: u64) -> Rows {
    let records: Vec<Record> = seeds
        .map(|seed| {
            let key = TrialKey::new(&format!("{variant}{seed}"), variant, "mnist", seed);
            let mut record = Record::new(key);
            for epoch in 0..2 {
                let test_accuracy = 0.9 + 0.01 * seed as f64 + gain * f64::from(epoch);
                record
                    .push(&Epoch {
                        epoch,
                        test_accuracy,
                        params,
                    })
                    .unwrap();
                record.push(&Unit { spread: 1.0 }).unwrap();
            }
            record
        })
        .collect();
    Rows::from_records(&records).unwrap()
}

#[test]
fn a_comparison_pairs_seeds_and_tells_costs_apart() {
    let (a, b) = (run("split", 0.02, 0..6, 200), run("static", 0.005, 1..7, 100));
    let side = |label, rows, variant| Side {
        label,
        rows,
        variant: Some(variant),
    };
    let bootstrap = Bootstrap::new(&Seed::new(1)).resamples(500);
    let compared = compare(side("A", &a, "split"), side("B", &b, "static"), &bootstrap).unwrap();
    // The table with two rows per trial and no column of progress stays out.
    let columns: Vec<(&str, bool)> = compared
        .differences
        .iter()
        .map(|d| (d.column.as_str(), d.cost))
        .collect();
    assert_eq!(columns, [("test_accuracy", false), ("params", true)]);
    let gain = &compared.differences[0];
    // By hand: each seed adds the same to both sides, so every paired difference of the last
    // epoch is 0.02 − 0.005 although accuracies differ by 0.05 between seeds.
    let difference = gain.difference.unwrap();
    assert!((difference.value - 0.015).abs() < 1e-12 && (difference.high - difference.low) < 1e-12);
    assert_eq!((gain.pairs, gain.not_finite, difference.n), (5, 0, 5));
    assert_eq!(compared.differences[1].left - compared.differences[1].right, 100.0);
    assert_eq!(compared.unpaired, ["only A: mnist  seed 0", "only B: mnist  seed 6"]);
    let text = compared.to_string();
    assert!(
        text.contains("epochs.params (cost)") && text.contains("+100.00 %"),
        "{text}"
    );
}

#[test]
fn a_comparison_counts_diverged_pairs_and_refuses_strangers() {
    let mut a = run("split", 0.02, 0..6, 200);
    let diverged = run("split", f64::NAN, 6..7, 200);
    a = a.joined(&diverged).unwrap();
    let b = run("split", 0.0, 0..7, 200);
    let side = |label, rows| Side {
        label,
        rows,
        variant: None,
    };
    let bootstrap = Bootstrap::new(&Seed::new(1)).resamples(500);
    let compared = compare(side("A", &a), side("B", &b), &bootstrap).unwrap();
    assert_eq!(
        (compared.differences[0].pairs, compared.differences[0].not_finite),
        (7, 1)
    );
    assert!(compared.to_string().contains("1 not finite"));
    let other = run("other", 0.0, 0..6, 1);
    assert!(matches!(
        compare(side("A", &a), side("B", &other), &bootstrap),
        Err(Error::Comparison { .. })
    ));
}

#[test]
fn a_claim_without_a_number_stays_open_and_says_so() {
    let claim = || Claim::new("gain", "it gains").statistic("gain");
    let margin = Margin::GreaterThan(0.0);
    assert_eq!(
        claim().judged_if_defined(Some(estimate(0.1, 0.2)), margin, 6),
        claim().judged(estimate(0.1, 0.2), margin, 6)
    );
    let open = claim().judged_if_defined(None, margin, 6);
    assert_eq!((open.verdict.word(), open.ours), ("undecided", None));
    assert!(open.verdict.reason().unwrap().contains("not defined"));
}

#[test]
fn titles_name_the_data_set_only_beside_others() {
    assert_eq!(titled("", "size"), "size");
    assert_eq!(titled("mnist", 3), "mnist: 3");
    let table = TableBlock {
        title: "All nets".to_owned(),
        note: "Means.".to_owned(),
        ..TableBlock::default()
    };
    assert_eq!(table.clone().of_set(""), table);
    let named = table.clone().of_set("mnist");
    assert_eq!((named.title.as_str(), named.note), ("mnist: All nets", table.note));
}

#[test]
fn a_strategy_that_made_no_edit_is_not_refuted() {
    let nothing = estimate(0.0, 0.0);
    let claim = Claim::new("s", "it beats the fixed net").judged(nothing, Margin::GreaterThan(0.0), 6);
    assert_eq!(claim.verdict.word(), "refuted");
    let open = claim.made_no_edit(6);
    assert_eq!(open.verdict.to_string(), "made no edit: in none of 6 trials");
    assert_eq!(open.ours, Some(nothing));
    let undefined = Claim::new("u", "undefined").judged(Estimate::undefined(6, 0.95), Margin::GreaterThan(0.0), 6);
    assert_eq!((undefined.verdict.word(), undefined.ours), ("undecided", None));
}

#[test]
fn prose_is_method_sources_and_remarks() {
    let text = "Nets are\ntrained.\n\n## Sources\n\n- A paper,\n  2017\n\n## Remarks\n\n- One run\n  is an outlier.\n- Another\n";
    let page = Report::default().prose(text);
    assert_eq!(page.method, "Nets are trained.");
    assert_eq!(page.sources, ["A paper, 2017"]);
    assert_eq!(page.notes, ["One run is an outlier.", "Another"]);
    // Either list may be missing.
    let page = Report::default().prose("Nets.\n\n## Remarks\n\n- One\n");
    assert_eq!(
        (page.method.as_str(), page.sources.len(), page.notes.len()),
        ("Nets.", 0, 1)
    );
}

/// The page and its index, in Markdown and for a browser.
fn of_several_sets(report: &Report, provenance: &Provenance) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("toy/a+b/quick");
    report.write(&place, provenance).unwrap();
    write_gallery(folder.path()).unwrap();
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    ["toy/a+b/quick/README.md", "toy/a+b/quick/index.html", "README.md"].map(read)
}

#[test]
fn a_page_of_several_sets_links_to_the_rows_of_each_and_the_index_says_why_it_has_no_verdict() {
    let own = |set: &str| OwnReport {
        set: set.to_owned(),
        folder: format!("../../{set}/quick"),
    };
    let part = Part {
        set: "a".to_owned(),
        folder: "../../a/quick".to_owned(),
        verdict: "confirmed".to_owned(),
        said: "it falls".to_owned(),
    };
    let page = Report {
        claims: Vec::new(),
        headline: Vec::new(),
        parts: vec![part],
        own_reports: vec![own("a"), own("b")],
        ..report()
    };
    let notices = vec!["rows of earlier code".to_owned()];
    let [markdown, html, index] = of_several_sets(
        &page,
        &Provenance {
            notices,
            ..provenance()
        },
    );
    assert!(
        markdown.contains("the rows in [a](../../a/quick/rows/), [b](../../b/quick/rows/)."),
        "{markdown}"
    );
    assert!(!markdown.contains("(rows/)") && !html.contains("href=\"rows/\""));
    let line = index.lines().find(|line| line.contains("toy/a+b/quick")).unwrap();
    assert!(
        line.contains("rows of earlier code") && line.contains("each data set is judged on its own page"),
        "{line}"
    );
}

#[test]
fn a_page_of_no_study_is_shorter_than_full_size_and_an_unknown_revision_has_no_changes() {
    let page = Report {
        study: String::new(),
        ..report()
    };
    let unknown = Provenance {
        revision: "unknown".to_owned(),
        dirty: true,
        ..provenance()
    };
    let [markdown, html, _] = of_several_sets(&page, &unknown);
    assert!(markdown.contains("> **Shortened against full size:**"), "{markdown}");
    assert!(html.contains("Shortened against full size in "), "{html}");
    for page in [markdown, html] {
        assert!(
            !page.contains("uncommitted changes") && !page.contains("the study in 1 point"),
            "{page}"
        );
    }
}
