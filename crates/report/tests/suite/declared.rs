//! Claims that declare themselves: groups on the page, the whole declaration in the summary, words of their own.

use espalier_report::page::{
    Claim, Contrast, Declaration, FamilyPlace, Margin, Provenance, Report, Verdict, Withheld, read_summaries,
    write_gallery,
};
use espalier_report::statistics::Estimate;

fn declared(kind: &str, reproduction: bool) -> Declaration {
    Declaration {
        kind: kind.to_owned(),
        reproduction,
        zone: Some(Margin::GreaterThan(0.0)),
        ..Declaration::default()
    }
}

fn claims() -> Vec<Claim> {
    let ours = Estimate {
        value: 0.2,
        low: 0.1,
        high: 0.3,
        n: 6,
        level: 0.95,
    };
    let judged = |id: &str| {
        Claim::new(id, id)
            .statistic("a difference")
            .judged(ours, Margin::GreaterThan(0.0), 6)
    };
    let mut study = judged("J1").study("+20 points");
    study.declared = Some(Declaration {
        unlike_the_study: vec!["epochs 6 where the study has 15".to_owned()],
        ..declared("superiority", true)
    });
    let mut expected = judged("E1");
    expected.declared = Some(Declaration {
        contrast: Some(Contrast {
            left: vec!["split".to_owned()],
            right: vec!["random".to_owned()],
            cause: "method".to_owned(),
            differs: vec!["method (split against random)".to_owned()],
        }),
        family: Some(FamilyPlace {
            name: "growing".to_owned(),
            size: 2,
            level: 0.975,
            p_holm: Some(0.0625),
            p_floor: 0.0625,
        }),
        remark: "the closest of 2 rivals is random".to_owned(),
        figure: "gain".to_owned(),
        ..declared("best", false)
    });
    let mut count = Claim::new("I1", "every edit is exact");
    count.verdict = Verdict::withheld(Withheld::ByConstruction, "so in all 12 nets");
    count.declared = Some(declared("identity", false));
    let mut open = judged("E2");
    open.verdict = Verdict::withheld(Withheld::NotConverged, "a still moves by +14 %");
    open.declared = Some(declared("trend", false));
    vec![study, expected, count, open]
}

fn written(folder: &std::path::Path) -> (String, String) {
    let report = Report {
        name: "toy".to_owned(),
        title: "Toy".to_owned(),
        question: "Is it so?".to_owned(),
        claims: claims(),
        ..Report::default()
    };
    report.write(&folder.join("toy/quick"), &Provenance::default()).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join("toy/quick").join(name)).unwrap();
    (read("README.md"), read("summary.json"))
}

#[test]
fn a_studys_claims_stand_apart_from_ours_and_from_what_holds_by_construction() {
    let folder = tempfile::tempdir().unwrap();
    let (page, _) = written(folder.path());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text:?} in {page}"));
    let heads = [
        "### What the study claims",
        "### What we expect",
        "### What holds by construction",
    ];
    let places = heads.map(place);
    assert!(places.is_sorted());
    assert!(place("| J1 | J1 | +20 points |") < places[1]);
    let (ours, built) = (place("| E1 | E1 | 0.20"), place("| I1 | every edit is exact |"));
    assert!(places[1] < ours && ours < places[2] && places[2] < built);
    // The study's column stands only where there is a study.
    assert_eq!(page.matches("the study's claim").count(), 1);
    assert!(page.contains("**confirmed**: unlike the study: epochs 6 where the study has 15"));
    assert!(page.contains("**confirmed**: the closest of 2 rivals is random"));
    assert!(page.contains("**not converged**: a still moves by +14 %"));
    // What is compared stands in the table already; a study's words do not say it.
    assert!(
        page.contains("- **E1**: cause: method; one of 2 on “growing”\n"),
        "{page}"
    );
    assert!(page.contains("- **J1**: a difference\n"), "{page}");
}

#[test]
fn what_several_claims_say_stands_once_below_them_and_a_statistic_that_they_share_on_one_line() {
    let reason = "the net still moves by +14 % over the last five epochs of training";
    let claim = |id: &str| {
        let mut claim = Claim::new(id, "accuracy (split) less accuracy (static) is > 0")
            .words(&format!("splitting helps {id}"))
            .statistic("accuracy (split) less accuracy (static), interquartile mean over seeds");
        claim.verdict = Verdict::withheld(Withheld::NotConverged, reason);
        claim.declared = Some(declared("superiority", false));
        claim
    };
    let with = |mut claim: Claim| {
        claim.declared.as_mut().unwrap().remark = "the closest of two rivals is chosen at random".to_owned();
        claim
    };
    let report = Report {
        name: "toy".to_owned(),
        title: "Is it so? (toy)".to_owned(),
        question: "Is it so?".to_owned(),
        claims: vec![claim("A"), claim("B"), with(claim("C")), with(claim("D"))],
        ..Report::default()
    };
    let folder = tempfile::tempdir().unwrap();
    report.write(folder.path(), &Provenance::default()).unwrap();
    let page = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(
        page.contains("| A | splitting helps A | – | – | 0 | **not converged** ¹ |"),
        "{page}"
    );
    assert!(
        page.contains("| B | splitting helps B | – | – | 0 | **not converged** ¹ |"),
        "{page}"
    );
    assert_eq!(page.matches(reason).count(), 1);
    let notes = format!("\n\n¹ {reason}\n\n² the closest of two rivals is chosen at random\n\n");
    assert!(
        page.contains("**not converged** ¹ ² |") && page.contains(&notes),
        "{page}"
    );
    let shared = "- **A**, **B**, **C**, **D**: accuracy (split) less accuracy (static)\n";
    assert!(page.contains(shared), "{page}");
    assert!(!page.contains("**Is it so?**"), "the title asks already");
}

#[test]
fn the_summary_keeps_the_whole_declaration_and_the_index_every_word() {
    let folder = tempfile::tempdir().unwrap();
    let (_, summary) = written(folder.path());
    for text in [
        "\"cause\": \"method\"",
        "\"p_floor\": 0.0625",
        "\"figure\": \"gain\"",
        "\"greater_than\": 0.0",
    ] {
        assert!(summary.contains(text), "no {text} in {summary}");
    }
    let entries = read_summaries(folder.path()).unwrap();
    let declared: Vec<_> = entries[0]
        .summary
        .claims
        .iter()
        .map(|claim| claim.declared.clone())
        .collect();
    assert_eq!(
        declared,
        claims().into_iter().map(|claim| claim.declared).collect::<Vec<_>>()
    );
    write_gallery(folder.path()).unwrap();
    let index = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    for word in ["confirmed", "not converged", "by construction"] {
        assert!(
            index.contains(&format!("data-verdict=\"{word}\"")),
            "no {word} in {index}"
        );
    }
}
