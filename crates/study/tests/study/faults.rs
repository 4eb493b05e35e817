//! Comparisons that cannot carry a verdict, rebuilt on toy rows: none gets one.

use espalier_report::page::{Claim, Margin};
use espalier_report::statistics::Estimate;
use espalier_study::{Claims, Measure, Statistic, Study, Where};
use proptest::prelude::*;

use crate::toy::{
    EPOCHS, K, KEPT, LAMBDA, METHOD, Net, PARAMETERS, RATE, SIZE, TEST, TWIN, Toy, WIDTH, named, study_of, toy,
};

fn judge(study: &Study<Net>, declare: impl FnOnce(&mut Claims<'_, Net>)) -> Claim {
    let mut claims = Claims::of(study, "toys");
    declare(&mut claims);
    claims.judged().unwrap().claims.remove(0)
}

fn word(claim: &Claim) -> &str {
    claim.verdict.word()
}

fn reason(claim: &Claim) -> &str {
    claim.verdict.reason().unwrap_or_default()
}

fn remark(claim: &Claim) -> &str {
    &claim.declared.as_ref().unwrap().remark
}

#[test]
fn a_rate_that_changes_with_the_length_confounds_and_the_control_decides() {
    let toys = [
        toy("short", 0.30).with(&EPOCHS, 5.0).with(&RATE, 1e-3),
        toy("long", 0.38).with(&EPOCHS, 30.0).with(&RATE, 3e-4),
        toy("control", 0.38).with(&EPOCHS, 5.0).with(&RATE, 3e-4),
    ];
    let study = study_of(&toys, 6);
    let (short, long) = (EPOCHS.is(5.0).and(RATE.is(1e-3)), EPOCHS.is(30.0));
    let claim = judge(&study, |c| {
        c.larger("long", TEST.at(&long), TEST.at(&short), &EPOCHS);
    });
    assert_eq!(word(&claim), "confounded");
    assert!(
        reason(&claim).contains("learning rate (3e-4 against 0.001)"),
        "{}",
        reason(&claim)
    );
    // The number stands all the same: 0.38 − 0.30.
    assert!((claim.ours.unwrap().value - 0.08).abs() < 1e-3);
    let control = EPOCHS.is(5.0).and(RATE.is(3e-4));
    let claim = judge(&study, |c| {
        c.alike("long", TEST.at(&long), TEST.at(&control), 0.005, &EPOCHS);
    });
    assert_eq!(word(&claim), "confirmed", "{}", reason(&claim));
    let trend = judge(&study, |c| {
        let arms = RATE.any([1e-3, 3e-4]).and(short_or_long());
        c.trend(
            "longer",
            &TEST,
            &EPOCHS,
            &arms,
            Measure::Slope,
            Margin::GreaterThan(0.0),
        );
    });
    // Only the control and the long net share a rate; between them the accuracy does not rise.
    assert_ne!(word(&trend), "confirmed");
    assert!(trend.ours.unwrap().value.abs() < 1e-4);
}

fn short_or_long() -> Where {
    EPOCHS.any([5.0, 30.0])
}

#[test]
fn a_trend_whose_factor_never_changes_alone_is_confounded() {
    let toys = [
        toy("short", 0.30).with(&EPOCHS, 5.0).with(&RATE, 1e-3),
        toy("long", 0.38).with(&EPOCHS, 30.0).with(&RATE, 3e-4),
    ];
    let claim = judge(&study_of(&toys, 6), |c| {
        c.trend(
            "t",
            &TEST,
            &EPOCHS,
            &Where::all(),
            Measure::Slope,
            Margin::GreaterThan(0.0),
        );
    });
    assert_eq!(
        (word(&claim), reason(&claim)),
        ("confounded", "learning rate changes with epochs")
    );
}

#[test]
fn clusters_are_never_pooled() {
    // Two lengths: pooled, accuracy rises with what is kept; within each length it falls.
    let mut toys = Vec::new();
    for (length, base, level) in [(5.0, 0.10, 0.80), (30.0, 0.60, 0.90)] {
        for step in 0..4 {
            let (kept, test) = (base + 0.05 * f64::from(step), level - 0.01 * f64::from(step));
            toys.push(
                toy(&format!("{length} {step}"), test)
                    .with(&EPOCHS, length)
                    .with(&KEPT, kept),
            );
        }
    }
    // scipy 1.17.1: spearmanr over all eight (kept, accuracy) is 0.524; within each length −1.
    let claim = judge(&study_of(&toys, 6), |c| {
        c.trend(
            "D13",
            &TEST,
            &KEPT,
            &Where::all(),
            Measure::Rank,
            Margin::GreaterThan(0.0),
        );
    });
    assert_eq!((word(&claim), claim.ours.unwrap().value), ("refuted", -1.0));
    assert_eq!(
        claim.declared.unwrap().strata,
        ["epochs 30", "epochs 5"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
    // The same between two outcomes.
    for (place, toy) in toys.iter_mut().enumerate() {
        toy.parameters = 100.0 * (place as f64 + 1.0);
    }
    let claim = judge(&study_of(&toys, 6), |c| {
        c.follows(
            "D13",
            &TEST,
            &PARAMETERS,
            &KEPT,
            &Where::all(),
            Margin::GreaterThan(0.0),
        );
    });
    assert_eq!((word(&claim), claim.ours.unwrap().value), ("refuted", -1.0));
}

#[test]
fn sizes_that_differ_confound_until_they_are_matched() {
    let mut toys = vec![
        toy("split", 0.90).with(&METHOD, "split"),
        toy("random", 0.92).with(&METHOD, "random"),
    ];
    toys[0].parameters = 36_970.0;
    toys[1].parameters = 55_050.0;
    for (parameters, test) in [(20_000.0, 0.87), (80_000.0, 0.93)] {
        let mut net = toy(&format!("static {parameters}"), test)
            .with(&METHOD, "static")
            .with(&WIDTH, parameters);
        net.parameters = parameters;
        toys.push(net);
    }
    let study = study_of(&toys, 6);
    let claim = judge(&study, |c| {
        c.larger("split", TEST.at(&named("split")), TEST.at(&named("random")), &METHOD);
    });
    assert_eq!(
        (word(&claim), reason(&claim)),
        ("confounded", "by parameters: 36970 against 55050")
    );
    let claim = judge(&study, |c| {
        let fixed = TEST.at_equal(&PARAMETERS, &named("static"), &named("split"));
        c.larger("split", TEST.at(&named("split")), fixed, &METHOD);
    });
    // 0.90 − (0.87 + 0.06 · ln(36970/20000) / ln 4) = 0.00341.
    assert!((claim.ours.unwrap().value - 0.003_41).abs() < 6e-4, "{claim:?}");
    assert_eq!(word(&claim), "confirmed");
}

#[test]
fn the_worst_is_worse_than_every_rival_not_than_their_mean() {
    let toys = [
        toy("min loss", 0.8365).with(&METHOD, "min loss"),
        toy("min rate", 0.8341).with(&METHOD, "min rate"),
        toy("random", 0.8600).with(&METHOD, "random"),
        toy("max loss", 0.8700).with(&METHOD, "max loss"),
    ];
    let study = study_of(&toys, 6);
    let claim = judge(&study, |c| {
        c.worst("C5", &TEST, &named("min loss"), &Where::all(), &METHOD);
    });
    assert_eq!(word(&claim), "refuted");
    assert_eq!(remark(&claim), "the closest of 3 rivals is min rate");
    // Against the mean of the others, 0.8547, it would have passed.
    let others = TEST.mean_over(&METHOD.any(["min rate", "random", "max loss"]));
    let pooled = study.estimate("toys", "pooled", &TEST.at(&named("min loss")).less(others));
    assert!(pooled.unwrap().unwrap().high < 0.0);
    let claim = judge(&study, |c| {
        c.worst("C5", &TEST, &named("min rate"), &Where::all(), &METHOD);
    });
    assert_eq!(
        (word(&claim), remark(&claim)),
        ("confirmed", "the closest of 3 rivals is min loss")
    );
    let claim = judge(&study, |c| {
        c.best("C5", &TEST, &named("max loss"), &Where::all(), &METHOD);
    });
    assert_eq!(
        (word(&claim), remark(&claim)),
        ("confirmed", "the closest of 3 rivals is random")
    );
}

#[test]
fn six_of_six_epochs_that_still_move_give_no_verdict() {
    let mut toys = [toy("gate", 0.9).with(&METHOD, "gate")];
    toys[0].sizes = vec![97.0, 112.0, 122.0, 127.0, 131.0, 134.0];
    let claim = judge(&study_of(&toys, 6), |c| {
        c.reproduces("level", SIZE.at(&named("gate")), Margin::Within(62.0, 84.0))
            .study("the level", "62–84");
    });
    assert_eq!(word(&claim), "not converged");
    assert!(
        reason(&claim).contains("+37 units in size over the last 5 of 6 epochs, where 6.7 units"),
        "{}",
        reason(&claim)
    );
    toys[0].sizes = vec![90.0, 80.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0];
    let claim = judge(&study_of(&toys, 6), |c| {
        c.reproduces("level", SIZE.at(&named("gate")), Margin::Within(62.0, 84.0))
            .study("the level", "62–84");
    });
    assert_eq!(word(&claim), "confirmed", "{}", reason(&claim));
}

#[test]
fn an_equivalence_that_excludes_zero_says_so() {
    let toys = [
        toy("from 0", 0.9700).with(&K, 0.0),
        toy("from 475", 0.9734).with(&K, 475.0),
    ];
    let claim = judge(&study_of(&toys, 6), |c| {
        c.alike(
            "J12",
            TEST.last(&K, &Where::all()),
            TEST.first(&K, &Where::all()),
            0.005,
            &K,
        );
    });
    assert_eq!(word(&claim), "confirmed");
    assert!(remark(&claim).starts_with("differs by +0.3") && remark(&claim).ends_with(", within the margin"));
    assert!(!claim.text.contains("no relation") && claim.text.contains("differ by less than 0.5 points"));
}

#[test]
fn one_bad_level_is_not_averaged_away() {
    let mut toys = Vec::new();
    for (place, lambda) in [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0].into_iter().enumerate() {
        // One λ loses a point, five gain two tenths: the mean is 0.
        let test = if place == 5 { 0.96 } else { 0.972 };
        toys.push(
            toy(&format!("gate {lambda}"), test)
                .with(&METHOD, "gate")
                .with(&LAMBDA, lambda)
                .with(&TWIN, lambda),
        );
        toys.push(
            toy(&format!("twin {lambda}"), 0.97)
                .with(&METHOD, "static")
                .with(&TWIN, lambda),
        );
    }
    let study = study_of(&toys, 6);
    let levels = study.levels(&TWIN, &Where::all());
    let claim = judge(&study, |c| {
        c.each(
            "J9",
            &TWIN,
            &levels,
            Margin::Within(-0.003, 0.003),
            Some(&METHOD),
            |level| {
                let of = |method: &str| TEST.at(&named(method).and(level.clone()));
                of("gate").less(of("static"))
            },
        );
    });
    assert_eq!((word(&claim), remark(&claim)), ("refuted", "fails at twin at λ 1"));
    assert!(
        claim.text.starts_with("at each level of twin at λ: ") && !claim.text.contains("λ 1"),
        "{}",
        claim.text
    );
    let pooled = judge(&study, |c| {
        let difference = TEST.mean_over(&named("gate")).less(TEST.mean_over(&named("static")));
        c.reproduces("pooled", difference, Margin::Within(-0.003, 0.003));
    });
    assert_eq!(word(&pooled), "confirmed", "that is what the mean would have said");
}

#[test]
fn one_level_that_fails_refutes_though_others_cannot_be_judged_yet() {
    let mut toys = Vec::new();
    for (lambda, test) in [(1.0, 0.95), (10.0, 0.80)] {
        toys.push(
            toy(&format!("gate {lambda}"), test)
                .with(&METHOD, "gate")
                .with(&TWIN, lambda),
        );
        toys.push(
            toy(&format!("twin {lambda}"), 0.9)
                .with(&METHOD, "static")
                .with(&TWIN, lambda),
        );
    }
    // At λ = 1 the sides differ in size.
    toys[0].parameters = 5000.0;
    let better = |study: &Study<Net>| {
        judge(study, |c| {
            let levels = c.levels(&TWIN, &Where::all());
            c.each(
                "J19",
                &TWIN,
                &levels,
                Margin::GreaterThan(0.0),
                Some(&METHOD),
                |level| {
                    let of = |method: &str| TEST.at(&named(method).and(level.clone()));
                    of("gate").less(of("static"))
                },
            );
        })
    };
    let claim = better(&study_of(&toys, 6));
    assert_eq!((word(&claim), remark(&claim)), ("refuted", "fails at twin at λ 10"));
    toys[2].test = 0.95;
    let claim = better(&study_of(&toys, 6));
    assert_eq!(
        (word(&claim), reason(&claim)),
        ("confounded", "by parameters: 5000 against 1000")
    );
}

#[test]
fn a_straight_line_in_logarithms_is_not_a_linear_law() {
    let mut toys = Vec::new();
    for width in [128.0_f64, 256.0, 512.0, 1024.0] {
        toys.push(toy(&format!("{width}"), width.powf(1.5)).with(&WIDTH, width));
    }
    let claim = judge(&study_of(&toys, 6), |c| {
        c.trend(
            "J1",
            &TEST,
            &WIDTH,
            &Where::all(),
            Measure::Exponent,
            Margin::Within(0.9, 1.1),
        );
    });
    // numpy 2.4.6: corrcoef(width, width ** 1.5)² is 0.988, which passes for a straight line.
    assert_eq!(word(&claim), "refuted");
    assert!((claim.ours.unwrap().value - 1.5).abs() < 1e-5);
    assert!(claim.text.ends_with("fitted from 128 to 1024"), "{}", claim.text);
}

#[test]
fn what_was_not_run_diverged_or_changed_nothing_has_its_own_word() {
    let mut toys = vec![
        toy("a", 0.9).with(&METHOD, "a"),
        toy("b", 0.8).with(&METHOD, "b"),
        toy("c", 0.7).with(&METHOD, "c"),
    ];
    toys[1].diverged = true;
    toys[2].edits = Some(0);
    let study = study_of(&toys, 6);
    for (rival, expected) in [("b", "diverged"), ("c", "made no edit"), ("d", "not run")] {
        let claim = judge(&study, |c| {
            c.larger("x", TEST.at(&named("a")), TEST.at(&named(rival)), &METHOD);
        });
        assert_eq!(word(&claim), expected);
    }
    assert_eq!(
        word(&judge(&study_of(&toys[..1], 0), |c| {
            c.reproduces("x", TEST.at(&named("a")), Margin::GreaterThan(0.5));
        })),
        "not run"
    );
}

#[test]
fn an_open_claim_names_the_smallest_effect_that_its_seeds_could_have_shown() {
    let toys = [toy("a", 0.9).with(&METHOD, "a"), toy("b", 0.9).with(&METHOD, "b")];
    let study = study_of(&toys, 6);
    let claim = judge(&study, |c| {
        c.larger("x", TEST.at(&named("a")), TEST.at(&named("b")), &METHOD);
    });
    assert_eq!(word(&claim), "inconclusive");
    // Differences of NOISE at places s and (2 s + 1) mod 6; scipy 1.17.1:
    // (t.ppf(.975, 5) + t.ppf(.8, 5)) · std(ddof=1) / √6 = 0.00051570.
    assert!(
        reason(&claim).contains("6 seeds of this spread could have shown 0.0516 points from the edge"),
        "{}",
        reason(&claim)
    );
}

#[test]
fn families_share_their_level_and_say_when_they_are_too_large() {
    let mut toys = vec![toy("base", 0.90).with(&METHOD, "base")];
    for place in 0..15 {
        toys.push(toy(&format!("m{place}"), 0.95).with(&METHOD, format!("m{place}")));
    }
    let study = study_of(&toys, 6);
    let mut claims = Claims::of(&study, "toys");
    for place in 0..15 {
        let method = named(&format!("m{place}"));
        claims
            .larger(format!("m{place}"), TEST.at(&method), TEST.at(&named("base")), &METHOD)
            .family("growing");
    }
    let judged = claims.judged().unwrap();
    let place = judged.claims[0].declared.as_ref().unwrap().family.clone().unwrap();
    assert_eq!((place.size, place.name.as_str()), (15, "growing"));
    assert!((place.level - (1.0 - 0.05 / 15.0)).abs() < 1e-12);
    // Six pairs of one sign: 2/64, and 15 times that.
    assert_eq!((place.p_holm, place.p_floor), (Some(0.468_75), 0.468_75));
    assert!(
        judged.notes[0].contains("15 claims on “growing” are too many for 6 seeds"),
        "{:?}",
        judged.notes
    );
    assert!(judged.notes[0].contains("0.469, 10 seeds could"), "{:?}", judged.notes);
}

#[test]
fn a_number_outside_the_range_of_another_setting_is_no_refutation() {
    let toys = [toy("gate", 0.9).with(&K, 0.4)];
    let study = study_of(&toys, 6);
    let reproduce = |study: &Study<Net>, low, high| {
        judge(study, |c| {
            c.reproduces("J9", TEST.at(&Where::all()), Margin::Within(low, high))
                .study("the level", "in the range");
        })
    };
    assert_eq!(word(&reproduce(&study, 0.5, 0.6)), "refuted");
    let study = study.original(K, 1.0);
    let claim = reproduce(&study, 0.5, 0.6);
    assert_eq!(word(&claim), "confounded");
    assert!(
        reason(&claim).ends_with("but k 0.4 where the study has 1"),
        "{}",
        reason(&claim)
    );
    let claim = reproduce(&study, 0.8, 1.0);
    assert_eq!(word(&claim), "confirmed");
    assert_eq!(
        claim.declared.unwrap().unlike_the_study,
        ["k 0.4 where the study has 1"]
    );
}

#[test]
fn an_identity_is_checked_and_counted_apart() {
    let study = study_of(&[toy("a", 0.9), toy("b", 0.8)], 1);
    let check = |holds: fn(&Net) -> bool| {
        judge(&study, move |c| {
            c.identity("I", "every net has 1000 parameters", &Where::all(), holds);
        })
    };
    let claim = check(|n| n.outcome.parameters == 1000.0);
    assert_eq!((word(&claim), reason(&claim)), ("by construction", "so in 2 of 2 nets"));
    let measured = judge(&study, |c| {
        c.identity("I", "what was measured agrees", &Where::all(), |net: &Net| {
            (net.outcome.test > 0.85).then_some(true)
        });
    });
    assert_eq!(
        reason(&measured),
        "so in 1 of 1 nets",
        "the other net has nothing to check"
    );
    let claim = check(|n| n.outcome.test > 0.85);
    assert_eq!((word(&claim), remark(&claim)), ("refuted", "not so in 1 of 2 nets"));
}

#[test]
fn what_is_built_in_is_not_confirmed_and_can_be_refuted() {
    let toys = [toy("a", 0.9).with(&METHOD, "a"), toy("b", 0.8).with(&METHOD, "b")];
    let study = study_of(&toys, 6);
    let claim = |margin: f64| {
        judge(&study, move |c| {
            c.alike("B", TEST.at(&named("a")), TEST.at(&named("b")), margin, &METHOD)
                .by_construction();
        })
    };
    assert_eq!(word(&claim(0.5)), "by construction");
    assert_eq!(word(&claim(0.01)), "refuted");
}

#[test]
fn a_claim_needs_a_cause_that_its_sides_differ_in() {
    let toys = [
        toy("a", 0.9).with(&METHOD, "a").with(&K, 1.0),
        toy("b", 0.8).with(&METHOD, "b").with(&K, 1.0),
    ];
    let study = study_of(&toys, 6);
    let mut claims = Claims::of(&study, "toys");
    claims.larger("x", TEST.at(&named("a")), TEST.at(&named("b")), &K);
    let error = claims.judged().err().unwrap().to_string();
    assert_eq!(error, "claim `x`: expected sides that differ in k, found it alike");
    let mut claims = Claims::of(&study, "toys");
    claims.reproduces("y", TEST.at(&Where::all()), Margin::GreaterThan(0.0));
    let error = claims.judged().err().unwrap().to_string();
    assert!(error.ends_with("expected one arm, found 2 (a, b)"), "{error}");
}

#[test]
fn a_custom_statistic_sees_all_seeds() {
    let study = study_of(&[toy("a", 0.9).with(&METHOD, "a")], 6);
    let largest = Statistic::custom("largest accuracy", &named("a"), |seeds| {
        seeds.iter().map(|nets| nets.value("a", &TEST)).fold(f64::MIN, f64::max)
    });
    let estimate = study.estimate("toys", "largest", &largest).unwrap().unwrap();
    assert_eq!(estimate.value, 0.9 + 0.0005);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever else is set otherwise, and however large the difference: no verdict comes out.
    #[test]
    fn no_second_cause_passes(which in 0_usize..3, gap in 0.001_f64..0.5, share in 0.06_f64..0.9) {
        let mut toys = [
            toy("a", 0.4 + gap).with(&METHOD, "a").with(&RATE, 1e-3).with(&EPOCHS, 5.0),
            toy("b", 0.4).with(&METHOD, "b").with(&RATE, 1e-3).with(&EPOCHS, 5.0),
        ];
        match which {
            0 => toys[1].arm = toys[1].arm.clone().with(&RATE, 1e-3 * share),
            1 => toys[1].arm = toys[1].arm.clone().with(&EPOCHS, 5.0 * share),
            _ => toys[1].parameters = 1000.0 * (1.0 - share),
        }
        let claim = judge(&study_of(&toys, 6), |c| {
            c.larger("x", TEST.at(&named("a")), TEST.at(&named("b")), &METHOD);
        });
        prop_assert_eq!(word(&claim), "confounded");
    }
}

#[test]
fn a_layer_that_is_closed_stands_still_and_has_no_ratio() {
    let mut toys = [toy("wide", 0.9).with(&K, 3.0), toy("narrow", 0.9).with(&K, 1.0)];
    toys[0].sizes = vec![30.0; 8];
    // What is left of a closed layer falls by a half at each epoch.
    toys[1].sizes = (0..8).map(|epoch| 1e-3 * 0.5_f64.powi(epoch)).collect();
    let one_size = |toys: &[Toy]| {
        judge(&study_of(toys, 6), |c| {
            let (wide, narrow) = (SIZE.at(&K.is(3.0)), SIZE.at(&K.is(1.0)));
            c.times("one-size", wide, narrow, Margin::Within(0.9, 1.1), &K);
        })
    };
    let closed = "closed in 6 of 6 seeds (0, 1, 2, 3, 4, 5): size below 0.01 units has no ratio";
    let claim = one_size(&toys);
    assert_eq!(
        (word(&claim), reason(&claim), claim.ours),
        ("inconclusive", closed, None)
    );
    toys[0].sizes = (1..9).map(|epoch| 10.0 * f64::from(epoch)).collect();
    let claim = one_size(&toys);
    assert_eq!(
        (word(&claim), remark(&claim), claim.ours),
        ("not converged", closed, None)
    );
}

#[test]
fn an_interval_that_ends_on_an_edge_says_so() {
    let zone = Margin::GreaterThan(0.9);
    let verdict = zone.judge(&estimate(0.95, 0.9 + 1e-9, 1.0), 6);
    assert_eq!(verdict.to_string(), "undecided: the interval [0.9, 1] ends on 0.9");
}

fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    let (n, level) = (6, 0.95);
    Estimate {
        value,
        low,
        high,
        n,
        level,
    }
}
