//! What a claim says of its inputs.

use espalier_report::page::{Evidence, Inputs, Margin};
use espalier_report::rows::Rows;
use espalier_report::statistics::Bootstrap;
use espalier_seed::Seed;
use espalier_study::{Claims, Measure, Statistic};

use crate::toy::{METHOD, NOISE, Net, PARAMETERS, TEST, WIDTH, empty, named, rows_of, study_of, toy};

fn evidence(declare: impl Fn(&mut Claims<'_, Net>)) -> Vec<Evidence> {
    let toys = [
        toy("a", 0.9).with(&METHOD, "a").with(&WIDTH, 16.0),
        toy("b", 0.8).with(&METHOD, "b").with(&WIDTH, 16.0),
        toy("c", 0.7).with(&METHOD, "b").with(&WIDTH, 64.0),
    ];
    let study = study_of(&toys, NOISE.len());
    let mut claims = Claims::of(&study, "toys");
    declare(&mut claims);
    let claim = claims.judged().unwrap().claims.remove(0);
    let declared = claim.declared.unwrap();
    // As it stands in `summary.json`.
    let text = serde_json::to_string(&declared.evidence).unwrap();
    let read: Vec<Evidence> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, declared.evidence);
    read
}

#[test]
fn a_difference_names_both_arms_with_the_values_of_every_seed() {
    let found = evidence(|claims| {
        let b = METHOD.is("b").and(WIDTH.is(16.0));
        let (a, b) = (TEST.at(&METHOD.is("a")), TEST.at(&b));
        claims.larger("A", a, b, &METHOD);
    });
    assert_eq!(found[0].seeds, [0, 1, 2, 3, 4, 5]);
    let Inputs::Less { left, right } = &found[0].inputs else {
        panic!("{found:?}")
    };
    let series = |inputs: &Inputs| match inputs {
        Inputs::Mean { quantity, nets } if quantity == "test" && nets.len() == 1 => nets[0].clone(),
        other => panic!("{other:?}"),
    };
    let (left, right) = (series(left), series(right));
    assert_eq!((left.arm.as_str(), right.arm.as_str()), ("a", "b"));
    assert_eq!(left.values[0], Some(0.9 + NOISE[0]));
    let differences = left
        .values
        .iter()
        .zip(&right.values)
        .map(|(a, b)| Some(a.unwrap() - b.unwrap()));
    assert_eq!(found[0].values, differences.collect::<Vec<_>>());
}

#[test]
fn a_trend_gives_levels_within_strata() {
    let found = evidence(|claims| {
        let zone = Margin::LessThan(0.0);
        claims.trend("A", &TEST, &WIDTH, &METHOD.is("b"), Measure::Slope, zone);
    });
    let Inputs::Trend { strata, measure, .. } = &found[0].inputs else {
        panic!("{found:?}")
    };
    let levels: Vec<Option<f64>> = strata[0].iter().map(|series| series.level).collect();
    assert_eq!(
        (measure.as_str(), strata.len(), levels),
        ("slope", 1, vec![Some(16.0), Some(64.0)])
    );
}

#[test]
fn what_is_read_off_at_equal_outcome_says_at_which() {
    let found = evidence(|claims| {
        let matched = TEST.at_equal(&PARAMETERS, &METHOD.is("b").and(WIDTH.is(16.0)), &named("a"));
        claims.lies("A", matched, Margin::GreaterThan(0.0));
    });
    let Inputs::Matched { nets, place, .. } = &found[0].inputs else {
        panic!("{found:?}")
    };
    assert_eq!(
        (nets[0].at[0], place[0], nets[0].arm.as_str()),
        (Some(1000.0), Some(1000.0), "b")
    );
}

#[test]
fn a_statistic_of_its_own_gives_its_numbers_by_seed_alone() {
    let found = evidence(|claims| {
        let twice = Statistic::of_seed("twice the test accuracy", &named("a"), |nets| {
            2.0 * nets.value("a", &TEST)
        });
        claims.lies("A", twice, Margin::GreaterThan(0.0));
    });
    assert!(matches!(&found[0].inputs, Inputs::Custom { words } if words == "twice the test accuracy"));
    assert_eq!(found[0].values[1], Some(2.0 * (0.9 + NOISE[1])));
}

/// The same claim on data sets that have the same values, and its interval by hand from a stream of that name.
#[test]
fn the_stream_of_an_interval_is_named_by_experiment_data_set_and_claim() {
    let toys = [toy("a", 0.9).with(&METHOD, "a"), toy("b", 0.8).with(&METHOD, "b")];
    let seeds: Vec<u64> = (0..NOISE.len() as u64).collect();
    let sets = ["toys", "dolls"].map(|set| (set.to_owned(), rows_of(&toys, NOISE.len(), set)));
    let sets: Vec<(String, &Rows)> = sets.iter().map(|(name, rows)| (name.clone(), rows)).collect();
    let study = empty(&toys).read_all(&sets, &seeds).unwrap();
    let interval = |set: &str, id: &str| {
        let mut claims = Claims::of(&study, set);
        claims.lies(id, TEST.at(&named("a")), Margin::GreaterThan(0.0));
        let ours = claims.judged().unwrap().claims.remove(0).ours.unwrap();
        (ours.low, ours.high)
    };
    let by_hand = |set: &str, id: &str| {
        let nets = &study.sets[0].seeds;
        let accuracies: Vec<f64> = nets.iter().map(|net| net.value("a", &TEST)).collect();
        let seed = Seed::new(0).named("toy").named(set).named(id);
        let ours = Bootstrap::new(&seed)
            .resamples(4000)
            .interquartile_mean(&accuracies)
            .unwrap();
        (ours.low, ours.high)
    };
    let names = [("toys", "first"), ("toys", "second"), ("dolls", "first")];
    let found = names.map(|(set, id)| interval(set, id));
    assert_eq!(found, names.map(|(set, id)| by_hand(set, id)));
    assert!(found[0] != found[1] && found[0] != found[2], "{found:?}");
}
