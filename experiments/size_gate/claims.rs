//! What study 003 claimed, what is compared to test it, and where each claim holds.

use espalier_report::page::Margin;
use espalier_study::{Claims, Measure, Study};

use crate::runs::{CLOSED, EXPONENT, L2, LAMBDA, METHOD, Net, SIZE, START, STATED, TEST, swept, twins};
use crate::variants::{Role, written};

/// What the study reported of one data set, with L2 and without.
struct Published {
    /// Sizes with the ignored start, and where they lie.
    plateau: [(&'static str, Margin); 2],
    /// Final sizes against starts after the erratum.
    after: [&'static str; 2],
    twin: (&'static str, &'static str, Margin),
    wide: [&'static str; 2],
    frontier: [&'static str; 2],
}

const MNIST: Published = Published {
    plateau: [
        ("62–84 units", Margin::Within(62.0, 84.0)),
        ("106–128 units", Margin::Within(106.0, 128.0)),
    ],
    after: [
        "x₀ from 0 to ≈70, from 475 to ≈515",
        "x₀ from 0 to ≈115, from 475 to ≈510",
    ],
    twin: (
        "is within 0.3 points of that of a static twin",
        "± 0.3 points",
        Margin::Within(-0.003, 0.003),
    ),
    wide: ["not given", "above"],
    frontier: [
        "33 (10^−2.5) → 85 → 180 → 265 (10^−4) → ≈280 units",
        "33 (10^−2.5) → 75 → 165 → 290 → ≈320 units",
    ],
};

const FASHION: Published = Published {
    plateau: [
        ("46–68 units", Margin::Within(46.0, 68.0)),
        ("82–104 units", Margin::Within(82.0, 104.0)),
    ],
    after: ["x₀ from 0 to ≈55, from 475 to ≈475", "not given"],
    twin: (
        "is below that of a static twin",
        "−0.2 to −0.7 points",
        Margin::LessThan(0.0),
    ),
    wide: ["−1.4 to −2.4 points", "−1.3 points"],
    frontier: ["25 to 57 units, the start being ignored", "not given"],
};

/// What is compared on a data set that the study did not use.
const ELSEWHERE: Published = Published {
    plateau: [("", Margin::GreaterThan(0.0)); 2],
    after: ["slope near 1"; 2],
    twin: (
        "is within 0.3 points of that of a static twin",
        "",
        Margin::Within(-0.003, 0.003),
    ),
    wide: [""; 2],
    frontier: [""; 2],
};

/// Declares the claims about one data set; for a set that the study did not use, those without its numbers.
pub fn of<'s>(study: &'s Study<Net>, set: &str, decay: f64, frontier: &[f64]) -> Claims<'s, Net> {
    let published = match set {
        "mnist" => &MNIST,
        "fashion-mnist" => &FASHION,
        _ => &ELSEWHERE,
    };
    let mut claims = Claims::of(study, set);
    for decay in [decay, 0.0] {
        starts(&mut claims, decay, published);
    }
    claims
        .larger("J11-larger", smallest(0.0), smallest(decay), &L2)
        .study(
            "without L2 the size ends larger than with it",
            "≈115 against ≈65 units from 0 on MNIST",
        )
        .stream("larger")
        .figure("starts");
    for &decay in frontier {
        on_the_frontier(&mut claims, decay, published);
    }
    cause(&mut claims, decay);
    claims
}

fn smallest(decay: f64) -> espalier_study::Statistic<Net> {
    SIZE.first(&START, &swept(Role::Start, decay))
}

/// "with L2 0.001" or "without L2", and a short form for names.
fn words(decay: f64) -> (String, &'static str) {
    if decay == 0.0 {
        ("without L2".to_owned(), "plain")
    } else {
        (format!("with L2 {}", written(decay)), "L2")
    }
}

fn starts(c: &mut Claims<'_, Net>, decay: f64, published: &Published) {
    let ((with, short), place) = (words(decay), usize::from(decay == 0.0));
    let (told, ignored) = (swept(Role::Start, decay), swept(Role::Ignored, decay));
    let (number, range) = published.plateau[place];
    c.trend(
        format!("J9-plateau-{short}"),
        &SIZE,
        &START,
        &told,
        Measure::Slope,
        Margin::LessThan(0.2),
    )
    .study(
        format!("{with}, the size converges to the same number whatever the start"),
        number,
    )
    .flaw(
        "x₀ always started at 1 and the stated start was ignored",
        SIZE.slope_over(&STATED, &ignored),
    )
    .stream(format!("slope/{short}"))
    .figure("starts");
    if !number.is_empty() {
        c.reproduces(format!("J9-level-{short}"), SIZE.mean_over(&ignored), range)
            .study(
                format!("{with} and the start ignored, the size ends on this level"),
                number,
            )
            .stream(format!("level/{short}"))
            .figure("starts");
    }
    c.trend(
        format!("J12-slope-{short}"),
        &SIZE,
        &START,
        &told,
        Measure::Slope,
        Margin::Within(0.75, 1.25),
    )
    .study(
        format!("{with}, the final size grows about linearly with the start"),
        published.after[place],
    )
    .stream(format!("slope/{short}"))
    .figure("starts");
    let (last, first) = (TEST.last(&START, &told), TEST.first(&START, &told));
    c.alike(format!("J12-accuracy-{short}"), last, first, 0.005, &START)
        .about(&SIZE)
        .study("", "no clear relation with the start")
        .stream(format!("accuracy-starts/{short}"))
        .figure("starts-accuracy");
}

fn on_the_frontier(c: &mut Claims<'_, Net>, decay: f64, published: &Published) {
    let ((with, short), place) = (words(decay), usize::from(decay == 0.0));
    let (gated, twins, wide) = (swept(Role::Frontier, decay), twins(decay), swept(Role::Wide, decay));
    let levels = c.levels(&EXPONENT, &gated);
    let figure = if decay == 0.0 { "frontier-plain" } else { "frontier" };
    c.trend(
        format!("J9-frontier-{short}"),
        &SIZE,
        &LAMBDA,
        &gated,
        Measure::Rank,
        Margin::LessThan(-0.9),
    )
    .study(format!("{with}, the size falls as λ rises"), published.frontier[place])
    .figure(figure);
    let (text, number, zone) = published.twin;
    let (ours, theirs) = (gated.clone(), twins.clone());
    c.each(
        format!("J9-twin-{short}"),
        &EXPONENT,
        &levels,
        zone,
        Some(&METHOD),
        move |level| {
            TEST.at(&ours.clone().and(level.clone()))
                .less(TEST.at(&theirs.clone().and(level.clone())))
        },
    )
    .study(format!("{with}, accuracy on the frontier {text}"), number)
    .figure(figure);
    c.each(
        format!("J9-wide-{short}"),
        &EXPONENT,
        &levels,
        Margin::LessThan(0.0),
        Some(&METHOD),
        move |level| TEST.at(&gated.clone().and(level.clone())).less(TEST.at(&wide)),
    )
    .about(&SIZE)
    .study(
        format!("{with}, accuracy on the frontier is below that of a wide static net"),
        published.wide[place],
    )
    .figure(figure);
}

fn cause(c: &mut Claims<'_, Net>, decay: f64) {
    let (with, without) = (swept(Role::Cause, decay), swept(Role::Cause, 0.0));
    c.reproduces("J10-L2", CLOSED.at(&with), Margin::LessThan(1e-3))
        .study("L2 takes the outgoing weights of closed units to 0", "exactly 0")
        .figure("cause");
    c.reproduces("J10-plain", CLOSED.at(&without), Margin::GreaterThan(0.01))
        .study(
            "without L2 closed units keep their outgoing weights",
            "Σ of 10 weights stays near the 0.2 of the initialisation",
        )
        .figure("cause");
    c.larger("J10-plateau", SIZE.at(&without), SIZE.at(&with), &L2)
        .study(
            "that is what holds the size down: without L2 it ends larger, at λ = 0 too",
            "≈120 against ≈65 units from 1, the start being ignored",
        )
        .stream("cause-size")
        .figure("cause");
}
