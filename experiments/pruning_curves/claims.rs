//! What study 002 claimed, guessed and left open, what is compared to test it, and where each claim holds.

use espalier_study::prelude::*;

use crate::arms::{DROPPED_UNITS, HALF, MOST, NOTHING, PLAIN, RAMP, TARGETED_UNITS};
use crate::pruning::{KEPT as BIASES_KEPT, RANDOM, SIGNED, UNITS, WEIGHTS};
use crate::runs::*;

/// Accuracy below this is that of guessing one of ten classes, with room for chance.
const NEAR_CHANCE: f64 = 0.2;
/// What the ramp may lose at 99 % to count as a survivor, as a fraction of images.
const SURVIVES: f64 = 0.1;
/// What weights that do no work may take with them, as a fraction of images.
const LITTLE: f64 = 0.04;
/// Shares beyond three quarters, at which targeted dropout should be ahead.
const SPARSE: [f64; 5] = [80.0, 90.0, 95.0, 97.0, 99.0];

/// Declares all claims; the arm `none` at the rate of long training is the control of longer training.
pub fn of(c: &mut Claims<'_, Net>, long_rate: f64) {
    curves(c);
    longer(c, &trained(NOTHING).and(RATE.is(long_rate)).named(NOTHING));
    few(c);
    let rates = c.levels(&RATE, &trained(NOTHING));
    targeted(c, &rates);
    ramp(c, &rates);
    dependence(c, &rates);
    compact(c);
}

/// The study's two curves, of its two trainings at their lengths.
fn curves(c: &mut Claims<'_, Net>) {
    let then = |training: &str, scheme, percent| TEST_THEN.at(&pruned(&trained(training), scheme, percent));
    let signed = "weights were ranked with their signs, so that the most negative went";
    c.reproduces("D3-weights", then("long", WEIGHTS, 25), Margin::LessThan(NEAR_CHANCE))
        .flaw(signed, then("long", SIGNED, 25));
    let [units, weights] = [UNITS, WEIGHTS].map(|scheme| TEST.at(&pruned(&trained("long"), scheme, 80)));
    c.larger("D3-both", units, weights, &SCHEME);
    let speaking = "pruned units kept their biases and went on speaking";
    c.reproduces("D3-units", then("short", UNITS, 50), Margin::LessThan(0.6))
        .flaw(speaking, then("short", BIASES_KEPT, 50));
}

/// Against training that is short at the same rate: the study's short training has a lower rate, too; and without biases.
fn longer(c: &mut Claims<'_, Net>, short: &Where) {
    let both = [&trained("long"), short];
    for (id, scheme, percent) in [("D4-long-units", UNITS, 50), ("D4-long-weights", WEIGHTS, 90)] {
        let [long, short] = both.map(|training| LEFT_THEN.at(&pruned(training, scheme, percent)));
        c.larger(id, long, short, &EPOCHS);
    }
    let [long, short] = both.map(|training| DEAD.at(&whole(training)));
    c.larger("D13-dead", long, short, &EPOCHS);
    // Two looks, which short training has, correlate by 1 or −1 whatever happens.
    let looks = looks(&["long", "long, no biases"]);
    for (id, left) in [("D13-units", &LEFT_OF_UNITS), ("D13-weights", &LEFT_OF_WEIGHTS)] {
        c.follows(id, left, &DEAD, &SO_FAR, &looks, Margin::GreaterThan(0.0));
    }
    for (id, scheme, percent) in [("D4-bias-units", UNITS, 50), ("D4-bias-weights", WEIGHTS, 90)] {
        let left = |training| LEFT.at(&pruned(&trained(training), scheme, percent));
        let [without, with] = ["long, no biases", "long"].map(left);
        c.larger(id, without, with, &BIASES);
    }
}

fn few(c: &mut Claims<'_, Net>) {
    let long = trained("long");
    c.lies("D11-sum", LARGEST_TENTH.at(&whole(&long)), Margin::GreaterThan(0.5));
    let [all, few] = [0, 90].map(|percent| TEST.at(&pruned(&long, WEIGHTS, percent)));
    c.larger("D11-work", all, few, &GONE).zone(Margin::LessThan(LITTLE));
}

fn targeted(c: &mut Claims<'_, Net>, rates: &[Level]) {
    for (id, method, things) in [
        ("D9-half", HALF, WEIGHTS),
        ("D9-most", MOST, WEIGHTS),
        ("D9-ramp", RAMP, WEIGHTS),
        ("D9-units", TARGETED_UNITS, UNITS),
    ] {
        let shares = SCHEME.is(things).and(GONE.any(SPARSE));
        let sparse = |name: &str, rate: &Where| {
            let nets = trained(name).and(rate.clone()).and(shares.clone());
            TEST.mean_over(&nets.named(format!("{name}, 80 to 99 % of the {things} gone")))
        };
        let gain = |rate: &Where| sparse(method, rate).less(sparse(NOTHING, rate));
        c.each(id, &RATE, rates, Margin::GreaterThan(0.0), Some(&METHOD), gain);
    }
}

/// The nets of a method at a rate, which the claim names apart.
fn at(method: &str, rate: &Where) -> Where {
    trained(method).and(rate.clone()).named(method)
}

fn ramp(c: &mut Claims<'_, Net>, rates: &[Level]) {
    let left = |name: &str, rate: &Where, percent| TEST.at(&pruned(&at(name, rate), WEIGHTS, percent));
    let plain = |rate: &Where| left(NOTHING, rate, 99);
    c.each("D10-plain", &RATE, rates, Margin::LessThan(NEAR_CHANCE), None, plain);
    for rate in rates {
        let id = match rates.len() {
            1 => "D10-ramp".to_owned(),
            _ => format!("D10-ramp-{rate}"),
        };
        let rate = RATE.is(rate.clone());
        let lost = left(NOTHING, &rate, 0).less(left(RAMP, &rate, 99));
        let words = "with the ramp to .99/.99 the net survives the loss of 99 % of its weights";
        c.reproduces(id, lost, Margin::LessThan(SURVIVES))
            .study(words, "≈4 points below the whole net at 99.1 % (paper, another net)")
            .figure("methods");
    }
}

fn dependence(c: &mut Claims<'_, Net>, rates: &[Level]) {
    let (more, method) = (Margin::GreaterThan(0.0), Some(&METHOD));
    let any = |name: &str, rate: &Where| LEFT.at(&pruned(&at(name, rate), RANDOM, 50));
    let lean = |rate: &Where| any(DROPPED_UNITS, rate).less(any(NOTHING, rate));
    c.each("units-lean", &RATE, rates, more, method, lean);
    let alike = |name: &str, rate: &Where| ALIKE.at(&whole(&at(name, rate)));
    let less_alike = |rate: &Where| alike(NOTHING, rate).less(alike(DROPPED_UNITS, rate));
    c.each("units-alike", &RATE, rates, more, method, less_alike)
        .settled(&TEST);
}

fn compact(c: &mut Claims<'_, Net>) {
    let compacted = SCHEME.is(UNITS).and(TRAINING.any(PLAIN));
    let words = "a net without its pruned units computes the same to 10⁻⁵ of its largest output";
    let same = |net: &Net| net.compact_deviation.is_some_and(|deviation| deviation < 1e-5);
    c.identity("D12-same", words, &compacted, same);
    let gone = |percent: f64| PART.is(TIMED).and(GONE.is(percent));
    let at = |percent: f64| gone(percent).named(format!("{percent} % of the units gone"));
    let [whole, rest] = [0.0, 90.0].map(|percent| SECONDS.at(&at(percent)));
    c.times("D12-faster", whole, rest, Margin::GreaterThan(5.0), &GONE);
}
