//! Arms at the configuration that a score chooses, and grids whose best configuration lies at an end.

use espalier_report::page::Verdict;
use espalier_study::{Claims, Edge, Study, Where};

use crate::toy::{METHOD, Net, RATE, TEST, Toy, rows_of, toy};

fn tried(method: &str, rate: f64, test: f64) -> Toy {
    toy(&format!("{method} at {rate}"), test)
        .with(&METHOD, method)
        .with(&RATE, rate)
}

/// Three rates of an arm that is best at the middle one, and those of one that is best at the least.
fn grid() -> Vec<Toy> {
    vec![
        tried("inner", 1e-3, 0.90),
        tried("inner", 1e-2, 0.95),
        tried("inner", 1e-1, 0.80),
        tried("outer", 1e-3, 0.93),
        tried("outer", 1e-2, 0.91),
        tried("outer", 1e-1, 0.70),
    ]
}

fn tuned(toys: &[Toy]) -> Study<Net> {
    let arms = toys.iter().map(|toy| toy.arm.clone()).collect();
    let study = Study::new("toys", arms).unwrap();
    let study = study
        .read("mnist", &rows_of(toys, 6, "mnist"), vec![0, 1, 2, 3, 4, 5])
        .unwrap();
    let name = |arm: &espalier_study::Arm| format!("{} tuned", arm.level(METHOD.name).unwrap());
    study.tuned(&RATE, &TEST, &Where::all(), name).unwrap()
}

#[test]
fn each_arm_is_taken_at_its_best_level_and_an_end_of_the_grid_is_named() {
    let study = tuned(&grid());
    let inner = study.choice("mnist", "inner tuned").unwrap();
    assert_eq!((inner.chosen.number(), inner.edge()), (1e-2, None));
    let outer = study.choice("mnist", "outer tuned").unwrap();
    assert_eq!((outer.chosen.number(), outer.edge()), (1e-3, Some(Edge::Lower)));
    let best = study.estimate(
        "mnist",
        "best",
        &TEST.at(&RATE.is("the best of 0.001, 0.01, 0.1").and(METHOD.is("outer"))),
    );
    assert!((best.unwrap().unwrap().value - 0.93).abs() < 1e-3);
    let note = study.edge_note("mnist").unwrap();
    assert!(
        note.contains("1 of 2 arms (1 at the lower end, 0 at the upper)"),
        "{note}"
    );
    let table = study.tried_table("mnist");
    let marked: Vec<&str> = table.rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(marked, ["", "chosen", "", "chosen, the lower edge of the grid", "", ""]);
}

#[test]
fn a_claim_about_an_arm_at_the_edge_says_so_and_equal_grids_are_no_other_cause() {
    let study = tuned(&grid());
    let best = RATE.is("the best of 0.001, 0.01, 0.1");
    let mut claims = Claims::of(&study, "mnist");
    let of = |method: &str| TEST.at(&best.clone().and(METHOD.is(method)));
    claims.larger("tuned", of("inner"), of("outer"), &METHOD);
    let judged = claims.judged().unwrap();
    let claim = &judged.claims[0];
    assert!(matches!(claim.verdict, Verdict::Confirmed { .. }), "{}", claim.verdict);
    let remark = &claim.declared.as_ref().unwrap().remark;
    assert_eq!(
        remark,
        "best at the edge of the grid: outer tuned (learning rate at the lower end of 0.001, 0.01, 0.1)"
    );
}

#[test]
fn arms_that_tried_other_levels_are_confounded_by_their_tuning() {
    let mut toys = grid();
    toys.pop();
    let study = tuned(&toys);
    let mut claims = Claims::of(&study, "mnist");
    let of = |method: &str, best: &str| TEST.at(&RATE.is(best).and(METHOD.is(method)));
    let inner = of("inner", "the best of 0.001, 0.01, 0.1");
    claims.larger("tuned", inner, of("outer", "the best of 0.001, 0.01"), &METHOD);
    let verdict = &claims.judged().unwrap().claims[0].verdict;
    assert_eq!(verdict.word(), "confounded");
    assert!(verdict.reason().unwrap().contains("learning rate"), "{verdict}");
}

#[test]
fn equal_numbers_have_equal_intervals_whatever_the_arm() {
    let study = tuned(&grid());
    let table = study.table(&study.sets[0], "All", &Where::all(), &[TEST]).unwrap();
    let cell = |name: &str| table.rows.iter().find(|row| row[0] == name).map(|row| row[1].as_str());
    let chosen = cell("inner at 0.01");
    assert!(chosen.is_some_and(|cell| cell.contains('[')), "{:?}", table.rows);
    assert_eq!(chosen, cell("inner tuned"));
    let statistic = TEST.at(&RATE.is("the best of 0.001, 0.01, 0.1").and(METHOD.is("inner")));
    let level = study
        .estimate("mnist", "whatever it is called", &statistic)
        .unwrap()
        .unwrap();
    assert_eq!(chosen.unwrap(), format!("{level:.4}"));
}

#[test]
fn a_grid_of_two_levels_has_no_edge_and_says_that_it_brackets_nothing() {
    let toys = [tried("inner", 1e-3, 0.90), tried("inner", 1e-2, 0.95)];
    let study = tuned(&toys);
    assert_eq!(study.choice("mnist", "inner tuned").unwrap().edge(), None);
    let note = study.edge_note("mnist").unwrap();
    assert!(
        note.starts_with("1 of 1 grids have two levels, which bracket nothing: a better one may lie beyond"),
        "{note}"
    );
    let table = study.tried_table("mnist");
    assert_eq!(table.rows[1][3], "chosen");
}
