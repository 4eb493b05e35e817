//! Numbers that stand at the end of training alone.

use espalier_report::page::Margin;
use espalier_study::{Claims, Statistic, Where};

use crate::toy::{EPOCHS, Net, SIZE, TEST, empty, rows_of, toy};

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
