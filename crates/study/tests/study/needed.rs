//! Numbers that stand at the end of training alone.

use espalier_report::page::Margin;
use espalier_study::{Claims, Statistic, Where};

use crate::toy::{EPOCHS, Net, PARAMETERS, SIZE, TEST, Toy, empty, rows_of, study_of, toy};

/// The verdict of one claim about a net that was trained for some epochs, where 30 are needed.
fn verdict(epochs: f64, declare: impl Fn(&mut Claims<'_, Net>)) -> String {
    let toys = [toy("net", 0.9).with(&EPOCHS, epochs)];
    let study = empty(&toys).needs(EPOCHS, 30.0);
    let seeds: Vec<u64> = (0..6).collect();
    let study = study.read("toys", &rows_of(&toys, 6, "toys"), &seeds).unwrap();
    let mut claims = Claims::of(&study, "toys");
    declare(&mut claims);
    claims.judged().unwrap().claims.remove(0).verdict.to_string()
}

fn accurate(claims: &mut Claims<'_, Net>) {
    claims.lies("accurate", TEST.at(&Where::all()), Margin::GreaterThan(0.5));
}

#[test]
fn a_number_of_the_end_alone_needs_the_epochs() {
    let short = verdict(3.0, accurate);
    assert!(
        short.contains("not converged") && short.contains("epochs 3, at least 30"),
        "{short}"
    );
    assert!(verdict(30.0, accurate).contains("confirmed"));
}

#[test]
fn so_does_a_statistic_in_words() {
    let in_words = |claims: &mut Claims<'_, Net>| {
        let statistic = Statistic::custom("a width", &Where::all(), |_| 256.0).in_unit("units");
        claims.shape("width", statistic, Margin::GreaterThan(0.0));
    };
    assert!(verdict(3.0, in_words).contains("not converged"));
    assert!(verdict(30.0, in_words).contains("confirmed"));
}

#[test]
fn values_by_epoch_and_what_epochs_cannot_touch_need_none() {
    let followed = |claims: &mut Claims<'_, Net>| {
        claims.lies("size", SIZE.at(&Where::all()), Margin::GreaterThan(0.0));
    };
    let untouched = |claims: &mut Claims<'_, Net>| {
        claims
            .lies("accurate", TEST.at(&Where::all()), Margin::GreaterThan(0.5))
            .regardless_of(&EPOCHS);
    };
    assert!(verdict(3.0, followed).contains("confirmed"));
    assert!(verdict(3.0, untouched).contains("confirmed"));
}

#[test]
fn a_number_that_hangs_on_another_waits_until_that_one_stands_still() {
    let mut growing = toy("net", 0.9);
    growing.sizes = (1..=10).map(|epoch| 10.0 * f64::from(epoch)).collect();
    let said = |toys: &[Toy], declare: &dyn Fn(&mut Claims<'_, Net>)| {
        let study = study_of(toys, 6);
        let mut claims = Claims::of(&study, "toys");
        declare(&mut claims);
        claims.judged().unwrap().claims.remove(0).verdict.to_string()
    };
    let toys = [growing];
    // From 50 to 100 units over the last five epochs.
    let waiting = said(&toys, &|claims| {
        claims
            .lies("accurate", TEST.at(&Where::all()), Margin::GreaterThan(0.5))
            .settled(&SIZE);
    });
    assert!(
        waiting.contains("not converged") && waiting.contains("+50 units in size"),
        "{waiting}"
    );
    assert!(said(&toys, &accurate).contains("confirmed"));
    let in_words = |claims: &mut Claims<'_, Net>| {
        let statistic = Statistic::custom("a factor", &Where::all(), |_| 2.0);
        claims
            .lies("factor", statistic, Margin::GreaterThan(1.0))
            .settled(&SIZE);
    };
    assert!(said(&toys, &in_words).contains("not converged"));
    assert!(said(&[toy("net", 0.9)], &in_words).contains("confirmed"));
}

#[test]
fn a_claim_about_nets_that_have_come_far_is_not_judged_by_those_that_have_not() {
    // All toys have 1 000 parameters.
    let said = |zone: Margin| {
        let study = study_of(&[toy("net", 0.9)], 6);
        let mut claims = Claims::of(&study, "toys");
        claims
            .lies("accurate", TEST.at(&Where::all()), Margin::LessThan(0.5))
            .reaching(&PARAMETERS, zone);
        claims.judged().unwrap().claims.remove(0).verdict.to_string()
    };
    let short = said(Margin::LessThan(100.0));
    assert!(
        short.contains("not converged") && short.contains("parameters of net: 1000, < 100 needed"),
        "{short}"
    );
    assert!(said(Margin::LessThan(2000.0)).contains("refuted"));
}
