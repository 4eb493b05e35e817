//! What the rows say: claims, one figure, one table.

use espalier_report::rows::blank;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Meeting, Meets};

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
quantities! { Net;
    ACCURACY = "accuracy", "accuracy", "fraction" 4, |n| n.0.accuracy;
    WRONG = "wrong", "wrong answers", "" 3, |n| 1.0 - n.0.accuracy;
    DEAD = "dead", "dead units", "" 1, |n| n.0.dead_units as f64;
}

/// Metrics that read the weights alone, and those that read activations.
const OF_WEIGHTS: [Q; 3] = [
    Q::new("rank", "effective rank", |n| n.0.effective_rank),
    Q::new("stable", "stable rank", |n| n.0.stable_rank),
    Q::new("norm", "weight norm", |n| n.0.weight_norm),
];
const OF_ACTIVATIONS: [Q; 3] = [
    Q::new("spread", "total spread", |n| n.0.total_spread),
    Q::new("w", "Shapiro–Wilk W", |n| n.0.shapiro_w),
    Q::new("components", "components for 95 %", |n| n.0.components_95 as f64),
];

/// M on what it meets.
fn m(meets: &str) -> Where {
    NET.is(meets).named(format!("M on {meets}"))
}

/// By how many doublings a metric changes from the images to noise.
fn change(metric: &Q, noise: &Where) -> Statistic<Net> {
    let doublings = metric.in_doublings();
    doublings.at(noise).less(doublings.at(&m("images")))
}

/// Reads rows into the page.
pub fn page(run: &Run<'_, crate::Conjecture>) -> anyhow::Result<Report> {
    let s = &run.settings;
    let arm = |name: &str, meets: &str, width| {
        let arm = Arm::new(name).with(&NET, name).with(&MEETS, meets);
        arm.with(&WIDTH, width)
    };
    let mut arms = vec![arm(WIDE, "images", s.wide)];
    arms.extend(Meets::ALL.map(|meets| arm(meets.name(), meets.name(), s.width)));
    let study = Study::new("conjecture", arms)?
        .words(include_str!("figures.md"))
        .subtitle(run.context.subtitle_with_epochs()?)
        .read_all(run.sets, &run.context.seeds)?;
    let claims = study.claims(include_str!("study.md"), claims);
    let shown = study.figures(&claims, figure)?;
    let met = NET.any(Meets::ALL.map(Meets::name));
    let columns = [&[ACCURACY][..], &OF_WEIGHTS, &OF_ACTIVATIONS, &[DEAD]].concat();
    let of = |layer: &'static str| move |metric: &Q| (format!("{layer}-{}", metric.key), metric.name.to_owned());
    let weights = OF_WEIGHTS.iter().map(of("weights"));
    let members = weights.chain(OF_ACTIVATIONS.iter().map(of("activations")));
    let base = Report {
        question: "A net that is too narrow for images is wide enough for noise that it labelled itself. Which metrics of its \
                   layer can tell the two apart?"
            .to_owned(),
        tally: Some(Tally::new("metrics", "tell the two apart", members).by_refutation()),
        ..run.report(include_str!("method.md"))
    };
    let table = |set: &Set<Net>| study.table(set, "M on what it meets", &met, &columns);
    Ok(study.page(base, &claims, &shown, table, |_| Vec::new())?)
}

fn claims(c: &mut Claims<'_, Net>) {
    c.larger("narrow", ACCURACY.at(&NET.is(WIDE)), ACCURACY.at(&m("images")), &WIDTH)
        .zone(Margin::GreaterThan(0.005));
    let noise = [Meets::NormalNoise, Meets::UniformNoise].map(|meets| Level::from(meets.name()));
    let words = "M classifies all noise as it labelled it itself";
    c.identity("noise", words, &NET.any(noise.clone()), |net| net.0.accuracy == 1.0);
    let (same, alike) = (Margin::Within(-1e-9, 1e-9), Margin::Within(-0.1, 0.1));
    for metric in &OF_WEIGHTS {
        let id = format!("weights-{}", metric.key);
        c.each(id, &NET, &noise, same, Some(&MEETS), |on| change(metric, on))
            .by_construction();
    }
    for metric in &OF_ACTIVATIONS {
        let id = format!("activations-{}", metric.key);
        c.each(id, &NET, &noise, alike, Some(&MEETS), |on| change(metric, on));
    }
}

fn figure(f: &mut Figures<'_, Net>) {
    let wrong = bars(&NET, &Where::all(), Axis::linear("Wrong answers").unit("%"), 100.0);
    let mut changes = forest(Axis::linear("Change from images to noise").unit("doublings"), 1.0);
    for metric in OF_WEIGHTS.iter().chain(&OF_ACTIVATIONS) {
        for (kind, short) in [(Meets::NormalNoise, "normal"), (Meets::UniformNoise, "uniform")] {
            changes = changes.row(format!("{}, {short}", metric.name), change(metric, &m(kind.name())));
        }
    }
    f.shown("conjecture")
        .panel("wrong answers", wrong.series("", |on| WRONG.at(on)))
        .panel("metrics of M's layer", changes)
        .size(500, 380);
}
