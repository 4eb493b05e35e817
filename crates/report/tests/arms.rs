//! Arms against a reference, and the choice of configurations.
#![allow(clippy::unwrap_used)]

use espalier_report::page::{arms_table, tried_table};
use espalier_report::statistics::{Arms, Bootstrap, Tried, choose};
use espalier_seed::Seed;

fn arms() -> Arms {
    // Differences from `none`: `better` +.1 on each of six seeds, `same` ±.01 in turn.
    let none = vec![0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
    let better = none.iter().map(|x| x + 0.1).collect();
    let same = none
        .iter()
        .enumerate()
        .map(|(i, x)| x + if i % 2 == 0 { 0.01 } else { -0.01 })
        .collect();
    Arms::new(vec![
        ("none".into(), none),
        ("better".into(), better),
        ("same".into(), same),
    ])
    .unwrap()
}

#[test]
fn contrasts_are_paired_by_seed_and_corrected_for_the_number_of_arms() {
    let contrasts = arms().contrasts("none", &Seed::new(1)).unwrap();
    assert_eq!(
        contrasts.iter().map(|c| c.arm.as_str()).collect::<Vec<_>>(),
        ["better", "same"]
    );
    let better = &contrasts[0];
    assert!((better.difference.value - 0.1).abs() < 1e-12 && better.difference.low > 0.099);
    assert_eq!(better.improvement.value, 1.0);
    // Six signs: 2 of 64 patterns are as extreme as the one seen; two arms double the smaller p.
    assert!((better.p - 2.0 / 64.0).abs() < 1e-12 && (better.p_holm - 4.0 / 64.0).abs() < 1e-12);
    let same = &contrasts[1];
    assert_eq!(same.improvement.value, 0.5);
    assert!(same.p_holm > 0.9 && !same.difference.excludes(0.0));
}

#[test]
fn the_middle_of_six_scores_leaves_out_the_lowest_and_the_highest() {
    let arms = Arms::new(vec![("a".into(), vec![0.0, 1.0, 2.0, 3.0, 4.0, 100.0])]).unwrap();
    // ⌊6/4⌋ = 1 goes at each end: (1 + 2 + 3 + 4) / 4.
    assert_eq!(arms.estimates(&Bootstrap::new(&Seed::new(1))).unwrap()[0].value, 2.5);
}

#[test]
fn one_seed_gives_a_point_without_a_width() {
    let arms = Arms::new(vec![("a".into(), vec![0.25]), ("b".into(), vec![0.75])]).unwrap();
    let contrast = &arms.contrasts("a", &Seed::new(1)).unwrap()[0];
    let difference = contrast.difference;
    assert_eq!(
        (difference.value, difference.low, difference.high, difference.n),
        (0.5, 0.5, 0.5, 1)
    );
}

#[test]
fn arms_with_unequal_seeds_are_refused() {
    let of = |a: Vec<f64>, b: Vec<f64>| Arms::new(vec![("a".into(), a), ("b".into(), b)]);
    assert!(of(vec![1.0, 2.0], vec![1.0]).is_err());
    assert!(of(vec![1.0], vec![f64::NAN]).is_ok());
    assert!(Arms::new(Vec::new()).is_err());
    let unknown = arms().contrasts("nobody", &Seed::new(1)).unwrap_err().to_string();
    assert!(unknown.contains("`nobody`") && unknown.contains("better"), "{unknown}");
}

#[test]
fn diverged_trials_count_as_the_worst_and_those_that_were_not_run_as_nothing() {
    let of = |name: &str, scores: [f64; 6]| (name.to_owned(), scores.to_vec());
    let worst = f64::NEG_INFINITY;
    let arms = Arms::new(vec![
        of("none", [0.5; 6]),
        of("half diverged", [0.6, 0.0, 0.6, 0.0, 0.0, 0.6]),
        of("diverged without a bound", [worst; 6]),
        of("not run", [f64::NAN; 6]),
    ])
    .unwrap();
    let contrasts = arms.contrasts("none", &Seed::new(1)).unwrap();
    assert!((contrasts[0].improvement.value - 0.5).abs() < 1e-12);
    assert_eq!(
        (contrasts[1].difference.value, contrasts[1].improvement.value),
        (worst, 0.0)
    );
    assert!(contrasts[1].p.is_nan() && !contrasts[2].difference.is_defined());
    // Two arms that diverged alike do not differ.
    let alike = Arms::new(vec![of("a", [worst; 6]), of("b", [worst; 6])]).unwrap();
    assert_eq!(alike.contrasts("a", &Seed::new(1)).unwrap()[0].difference.value, 0.0);
    let table = arms_table("Accuracy", &arms, "none", &Seed::new(1)).unwrap();
    assert_eq!(table.rows[3][1..], ["–", "–", "–", "–"].map(str::to_owned));
}

#[test]
fn a_configuration_that_was_not_run_loses_against_one_that_was() {
    let all = [tried("a", "missing", [f64::NAN, 0.9]), tried("a", "run", [0.1, 0.1])];
    assert_eq!(choose(&all).unwrap()[0].configuration, "run");
    let all = [tried("a", "diverged", [0.0, 0.0]), tried("a", "missing", [f64::NAN; 2])];
    assert_eq!(choose(&all).unwrap()[0].configuration, "diverged");
}

fn tried(arm: &str, configuration: &str, validation: [f64; 2]) -> Tried {
    Tried {
        arm: arm.into(),
        configuration: configuration.into(),
        validation: validation.to_vec(),
    }
}

#[test]
fn each_arm_keeps_the_configuration_with_the_best_mean_validation_score() {
    let all = [
        tried("a", "slow", [0.5, 0.7]),
        tried("a", "fast", [0.9, 0.1]),
        tried("b", "slow", [0.1, 0.2]),
        tried("b", "fast", [0.2, 0.3]),
    ];
    let choices = choose(&all).unwrap();
    let chosen: Vec<_> = choices
        .iter()
        .map(|c| (c.arm.as_str(), c.configuration.as_str()))
        .collect();
    assert_eq!(chosen, [("a", "slow"), ("b", "fast")]);
    assert!((choices[0].validation - 0.6).abs() < 1e-12);
    let table = tried_table(&all, &choices);
    let marks: Vec<&str> = table.rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(marks, ["chosen", "", "", "chosen"]);
}

#[test]
fn an_arm_with_more_tries_than_another_is_refused() {
    let all = [
        tried("a", "x", [0.5, 0.7]),
        tried("b", "x", [0.1, 0.2]),
        tried("b", "y", [0.2, 0.3]),
    ];
    let message = choose(&all).unwrap_err().to_string();
    assert!(message.contains("1 for `a` and 2 for `b`"), "{message}");
}

#[test]
fn the_table_has_a_line_per_arm_and_names_the_reference() {
    let table = arms_table("Accuracy", &arms(), "none", &Seed::new(1)).unwrap();
    assert_eq!(table.rows.len(), 3);
    assert_eq!(table.rows[0][2], "reference");
    assert!(table.rows.iter().all(|row| row.len() == table.header.len()));
}
