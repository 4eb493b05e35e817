//! The error of verdicts over all looks at seeds that are added while a claim is open, by simulation.

use espalier_report::statistics::{Bootstrap, IntervalMethod, Looks};
use espalier_seed::{Seed, Stream};

/// Simulated courses; the standard error of a share of 0.05 is 0.0077.
const COURSES: usize = 800;

/// How the interval of a look is made.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// For all looks together, as claims are judged.
    AllLooks,
    /// As if the look were the only one.
    Naive,
    /// At the level for all looks, but by the percentiles of the resamples alone.
    PercentilesAlone,
}

/// The differences of one more seed; their interquartile mean is 0.
type Draw = fn(&mut Stream) -> f64;

const NORMAL: Draw = Stream::normal;

/// Twice exponential: now and then a seed that is far off.
fn laplace(stream: &mut Stream) -> f64 {
    let side = if stream.bernoulli(0.5) { 1.0 } else { -1.0 };
    -side * (1.0 - stream.uniform()).ln()
}

fn uniform(stream: &mut Stream) -> f64 {
    stream.uniform_in(-1.0, 1.0)
}

/// Of how many courses some look's interval excludes 0, though it is the truth, up to the bound.
fn wrong(draw: Draw, rule: Rule) -> f64 {
    let looks = Looks::planned(6, 24);
    let mut stream = Seed::new(11).named("looks").stream();
    let wrong = (0..COURSES).filter(|&course| {
        let seeds: Vec<f64> = (0..looks.bound()).map(|_| draw(&mut stream)).collect();
        (1..=looks.seeds.len()).any(|made| {
            let look = Looks { made, ..looks.clone() };
            let bootstrap = Bootstrap::new(&Seed::new(12).index(course as u64)).resamples(500);
            let bootstrap = match rule {
                Rule::Naive => bootstrap,
                _ => bootstrap.at_look(Some(&look)).unwrap(),
            };
            let bootstrap = match rule {
                Rule::PercentilesAlone => bootstrap.method(IntervalMethod::Expanded),
                _ => bootstrap,
            };
            let estimate = bootstrap.interquartile_mean(&seeds[..look.reached() as usize]).unwrap();
            estimate.excludes(0.0)
        })
    });
    wrong.count() as f64 / COURSES as f64
}

#[test]
fn intervals_of_all_looks_miss_the_truth_together_no_more_often_than_their_level_says() {
    for (name, draw) in [("normal", NORMAL), ("Laplace", laplace as Draw), ("uniform", uniform)] {
        let share = wrong(draw, Rule::AllLooks);
        // 0.05 and three standard errors.
        assert!(share <= 0.073, "{name}: {share}");
    }
}

#[test]
fn looking_again_and_again_without_widening_errs_far_more_often() {
    let share = wrong(NORMAL, Rule::Naive);
    // 0.138 of 1 600 courses.
    assert!(share > 0.1, "{share}");
}

#[test]
fn percentiles_of_six_seeds_are_too_narrow_for_the_first_looks() {
    let share = wrong(NORMAL, Rule::PercentilesAlone);
    assert!(share > 0.073, "{share}");
}

#[test]
fn without_looks_an_interval_stays_as_it_is() {
    let values = [0.3, 0.1, 0.4, 0.1, 0.5, 0.9];
    let plain = Bootstrap::new(&Seed::new(1));
    let estimate = plain.clone().at_look(None).unwrap().mean(&values).unwrap();
    assert_eq!(estimate, plain.mean(&values).unwrap());
    let look = Looks {
        made: 1,
        ..Looks::planned(6, 24)
    };
    let wide = plain.at_look(Some(&look)).unwrap().mean(&values).unwrap();
    assert!(wide.low < estimate.low && wide.high > estimate.high && wide.value == estimate.value);
    // scipy: t.ppf(1 − 0.05/32, 5) = 5.3259 standard errors of 0.1222.
    let reach = (wide.high - wide.low) / 2.0;
    assert!((reach - 5.3259 * 0.1222).abs() < 0.02, "{reach}");
}
