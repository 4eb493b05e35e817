//! What the rows say: claims, one figure, one table.

use espalier_experiment::{About, ReportContext};
use espalier_report::figure::Axis;
use espalier_report::page::{Margin, Report};
use espalier_report::rows::{Rows, blank};
use espalier_study::plot::{Figures, bars, forest};
use espalier_study::{Arm, Claims, Factor, Level, Quantity, Recorded, Statistic, Study, Trial, Where};

use crate::{Choices, Meeting, Meets};

const MEETS: Factor = Factor::setting("what the net meets");
const WIDTH: Factor = Factor::setting("hidden units");
const NET: Factor = Factor::label("net");
const WIDE: &str = "wide net, images";

/// A net with what it met.
struct Net(Meeting);

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let meeting: Meeting = trial.row()?;
        let mut nets = Vec::new();
        if meeting.meets == Meets::Images.to_string() {
            let accuracy = meeting.wide_accuracy;
            let wide = Meeting { accuracy, ..blank()? };
            nets.push((WIDE.to_owned(), Self(wide)));
        }
        nets.push((meeting.meets.clone(), Self(meeting)));
        Ok(nets)
    }
}

type Q = Quantity<Net>;
const ACCURACY: Q = Q::new("accuracy", "accuracy", |n| n.0.accuracy).unit("fraction", 4);
const WRONG: Q = Q::new("wrong", "wrong answers", |n| 1.0 - n.0.accuracy);
const DEAD: Q = Q::new("dead", "dead units", |n| n.0.dead_units as f64).unit("", 1);

/// A metric of the layer with its logarithm.
struct Metric {
    plain: Q,
    log: Q,
}

const fn metric(plain: Q, log: fn(&Net) -> f64) -> Metric {
    let log = Q::new(plain.key, plain.name, log).unit("doublings", 3);
    Metric { plain, log }
}

/// Metrics that read the weights alone, and those that read activations.
const OF_WEIGHTS: [Metric; 3] = [
    metric(Q::new("rank", "effective rank", |n| n.0.effective_rank), |n| {
        n.0.effective_rank.log2()
    }),
    metric(Q::new("stable", "stable rank", |n| n.0.stable_rank), |n| {
        n.0.stable_rank.log2()
    }),
    metric(Q::new("norm", "weight norm", |n| n.0.weight_norm), |n| {
        n.0.weight_norm.log2()
    }),
];
const OF_ACTIVATIONS: [Metric; 3] = [
    metric(Q::new("spread", "total spread", |n| n.0.total_spread), |n| {
        n.0.total_spread.log2()
    }),
    metric(Q::new("w", "Shapiro–Wilk W", |n| n.0.shapiro_w), |n| {
        n.0.shapiro_w.log2()
    }),
    metric(
        Q::new("components", "components for 95 %", |n| n.0.components_95 as f64),
        |n| (n.0.components_95 as f64).log2(),
    ),
];

/// M on what it meets.
fn m(meets: &str) -> Where {
    NET.is(meets).named(format!("M on {meets}"))
}

/// By how many doublings a metric changes from the images to noise.
fn change(metric: &Metric, noise: &Where) -> Statistic<Net> {
    metric.log.at(noise).less(metric.log.at(&m("images")))
}

/// Reads rows into the page.
pub fn page(
    about: &About,
    sets: &[(String, &Rows)],
    context: &ReportContext,
    settings: &Choices,
) -> anyhow::Result<Report> {
    let arm = |name: &str, meets: &str, width| {
        let arm = Arm::new(name).with(&NET, name).with(&MEETS, meets);
        arm.with(&WIDTH, width)
    };
    let mut arms = vec![arm(WIDE, "images", settings.wide)];
    for meets in [Meets::Images, Meets::NormalNoise, Meets::UniformNoise] {
        arms.push(arm(&meets.to_string(), &meets.to_string(), settings.width));
    }
    let mut study = Study::new("conjecture", arms)?.subtitle(context.subtitle_with_epochs()?);
    for (set, rows) in sets {
        study = study.read(set, rows, &context.seeds)?;
    }
    let claims = claims(&study);
    let judged = claims.judged()?;
    let metrics = OF_WEIGHTS.iter().chain(&OF_ACTIVATIONS).map(|metric| metric.plain);
    let met = NET.any([Meets::Images, Meets::NormalNoise, Meets::UniformNoise].map(|meets| meets.to_string()));
    let columns: Vec<Q> = std::iter::once(ACCURACY).chain(metrics).chain([DEAD]).collect();
    Ok(Report {
        question: "A net that is too narrow for images is wide enough for noise that it labelled itself. Which metrics of its \
                   layer can tell the two apart?"
            .to_owned(),
        claims: judged.claims,
        notes: judged.notes,
        figures: figures(&study, &claims)?.plates()?,
        tables: vec![study.table(&study.sets[0], "M on what it meets", &met, &columns)?],
        ..context.page(about).prose(include_str!("method.md"))
    })
}

fn claims(study: &Study<Net>) -> Claims<'_, Net> {
    let mut c = Claims::of(study, &study.sets[0].name).said(include_str!("study.md"), &study.sets[0].name);
    c.larger("narrow", ACCURACY.at(&NET.is(WIDE)), ACCURACY.at(&m("images")), &WIDTH)
        .zone(Margin::GreaterThan(0.005))
        .figure("conjecture");
    let noise = [Meets::NormalNoise, Meets::UniformNoise].map(|meets| Level::from(meets.to_string()));
    c.identity(
        "noise",
        "M classifies all noise as it labelled it itself",
        &NET.any(noise.clone()),
        |net| net.0.accuracy == 1.0,
    )
    .figure("conjecture");
    for metric in &OF_WEIGHTS {
        c.each(
            format!("weights-{}", metric.plain.key),
            &NET,
            &noise,
            Margin::Within(-1e-9, 1e-9),
            Some(&MEETS),
            |on| change(metric, on),
        )
        .by_construction()
        .figure("conjecture");
    }
    for metric in &OF_ACTIVATIONS {
        c.each(
            format!("activations-{}", metric.plain.key),
            &NET,
            &noise,
            Margin::Within(-0.1, 0.1),
            Some(&MEETS),
            |on| change(metric, on),
        )
        .family("does the argument reach metrics of the activations?")
        .figure("conjecture");
    }
    c
}

fn figures<'s>(study: &'s Study<Net>, claims: &Claims<'_, Net>) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::of(study);
    figures.show(claims)?;
    let wrong = bars(&NET, &Where::all(), Axis::linear("Wrong answers").unit("%"), 100.0);
    let mut changes = forest(Axis::linear("Change from images to noise").unit("doublings"), 1.0);
    for metric in OF_WEIGHTS.iter().chain(&OF_ACTIVATIONS) {
        for (kind, short) in [(Meets::NormalNoise, "normal"), (Meets::UniformNoise, "uniform")] {
            changes = changes.row(
                format!("{}, {short}", metric.plain.name),
                change(metric, &m(&kind.to_string())),
            );
        }
    }
    figures
        .plot("conjecture", "Which metrics tell the two data sets apart?")
        .panel("wrong answers", wrong.series("", |on| WRONG.at(on)))
        .panel("metrics of M's layer", changes)
        .size(500, 380)
        .alt("Left: wrong answers of a wide net and of M on images and on noise. Right: change of each metric from images to noise")
        .caption(
            "M is too narrow for the images and classifies every noise image correctly. Ranks and norm of its weights are the same numbers in both; \
             the spread of its activations and their components are not; of W six seeds do not tell.",
        );
    Ok(figures)
}
