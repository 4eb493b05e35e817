//! Claims whose seeds were added while they were open.

use espalier_report::page::{Claim, Margin};
use espalier_report::statistics::{Looks, PairedSeeds};
use espalier_study::{Claims, Judged, Statistic, Study};

use crate::toy::{METHOD, Net, TEST, Toy, empty, named, rows_of, toy};

fn looked_at(toys: &[Toy], seeds: usize, made: usize) -> Study<Net> {
    let all: Vec<u64> = (0..seeds as u64).collect();
    let looks = Looks {
        made,
        ..Looks::planned(6, 24)
    };
    let seeds_of = PairedSeeds::from(all).looked_at(Some(looks));
    empty(toys)
        .read("toys", &rows_of(toys, seeds, "toys"), seeds_of)
        .unwrap()
}

fn judged(study: &Study<Net>, methods: &[&str], family: bool) -> Judged {
    let mut claims = Claims::of(study, "toys");
    for method in methods {
        let claim = claims.larger(*method, TEST.at(&named(method)), TEST.at(&named("base")), &METHOD);
        if family {
            claim.family("growing");
        }
    }
    claims.judged().unwrap()
}

fn level(claim: &Claim) -> f64 {
    claim.ours.unwrap().level
}

fn toys() -> [Toy; 3] {
    let of = |name: &str, test| toy(name, test).with(&METHOD, name);
    [of("base", 0.9), of("far", 0.95), of("near", 0.9)]
}

#[test]
fn a_claim_is_judged_by_the_interval_of_its_look_and_one_that_is_open_awaits_seeds() {
    let study = looked_at(&toys(), 6, 1);
    let judged = judged(&study, &["far", "near"], false);
    let words: Vec<&str> = judged.claims.iter().map(|claim| claim.verdict.word()).collect();
    assert_eq!(words, ["confirmed", "inconclusive"]);
    // A quarter of the seeds spends a sixteenth of 0.05.
    assert!((level(&judged.claims[0]) - (1.0 - 0.05 / 16.0)).abs() < 1e-9);
    assert!(judged.claims[1].verdict.reason().unwrap().contains("99.7 % interval"));
    let awaits: Vec<bool> = judged.claims.iter().map(Claim::awaits_seeds).collect();
    assert_eq!(awaits, [false, true]);
}

#[test]
fn a_claim_that_holds_by_construction_adds_no_seeds() {
    let study = looked_at(&toys(), 6, 1);
    let mut claims = Claims::of(&study, "toys");
    claims.larger("near", TEST.at(&named("near")), TEST.at(&named("base")), &METHOD);
    let built = claims.larger("built", TEST.at(&named("near")), TEST.at(&named("base")), &METHOD);
    built.by_construction();
    let judged = claims.judged().unwrap();
    let of = |claim: &Claim| (claim.verdict.word(), claim.awaits_seeds(), claim.is_beyond_seeds());
    assert_eq!(of(&judged.claims[0]), ("inconclusive", true, false));
    assert_eq!(of(&judged.claims[1]), ("inconclusive", false, true));
}

#[test]
fn a_family_shares_the_error_that_its_look_may_spend_and_has_no_p_of_a_single_look() {
    let study = looked_at(&toys(), 6, 1);
    let place = |claim: &Claim| claim.declared.as_ref().unwrap().family.clone().unwrap();
    let judged = judged(&study, &["far", "near"], true);
    let places: Vec<_> = judged.claims.iter().map(place).collect();
    // Holm's step: the first at half of the error, the second, once the first is decided, at the whole.
    for (place, error) in places.iter().zip([0.025, 0.05]) {
        assert!((place.level - (1.0 - error / 16.0)).abs() < 1e-9, "{place:?}");
        assert_eq!(place.p_holm, None);
    }
}

#[test]
fn the_last_look_is_narrower_than_the_first_and_wider_than_an_only_one() {
    let last = level(&judged(&looked_at(&toys(), 24, 7), &["near"], false).claims[0]);
    assert!(0.95 < last && last < 1.0 - 0.05 / 16.0, "{last}");
}

#[test]
fn what_more_seeds_cannot_decide_does_not_await_them() {
    let mut toys = toys();
    toys[2].diverged = true;
    let study = looked_at(&toys, 6, 1);
    let judged = judged(&study, &["near"], false);
    assert_eq!(judged.claims[0].verdict.word(), "diverged");
    assert!(!judged.claims[0].awaits_seeds());
}

/// The largest of ten nets' test accuracies, of which none can be said with fewer.
fn largest_of_ten() -> Statistic<Net> {
    let most = |seeds: &[&espalier_study::Nets<Net>]| {
        let values = seeds.iter().map(|nets| nets.value("far", &TEST));
        values.fold(if seeds.len() < 10 { f64::NAN } else { 0.0 }, f64::max)
    };
    Statistic::custom("largest of ten", &named("far"), most).of_at_least(10)
}

#[test]
fn a_claim_whose_statistic_takes_more_seeds_than_there_are_says_so_and_awaits_them() {
    let claim = |seeds, made| {
        let study = looked_at(&toys(), seeds, made);
        let mut claims = Claims::of(&study, "toys");
        claims.lies("most", largest_of_ten(), Margin::GreaterThan(0.5));
        claims.judged().unwrap().claims.remove(0)
    };
    let few = claim(6, 1);
    assert_eq!(few.verdict.word(), "inconclusive");
    assert_eq!(
        few.verdict.reason(),
        Some("6 of the 10 paired seeds that this number takes")
    );
    assert!(few.awaits_seeds() && few.ours.is_none());
    let enough = claim(12, 3);
    assert_eq!(enough.verdict.word(), "confirmed");
    assert!(!enough.awaits_seeds());
}
