//! What the rows say: accuracy and size of configurations as they come, and of the best of a few.

use espalier_metrics::{expected_of_chosen, pareto_front};
use espalier_study::prelude::*;
use espalier_study::standard::{Trained, parameters, test_accuracy, train_macs};
use espalier_trial::Run;

use crate::Space;

const METHOD_OF: Factor = Factor::method("what is done to the net");
const EPOCHS: Factor = Factor::setting("epochs");
const NAMES: [&str; 3] = ["fixed", "fixed + L2", "shrink"];
/// The number of configurations whose best is judged.
const FEW: usize = 10;

const TEST: Quantity<Trained> = test_accuracy();
const PARAMETERS: Quantity<Trained> = parameters();
const MACS: Quantity<Trained> = train_macs();
quantities! { Trained;
    VALIDATION = "validation", "validation accuracy", "fraction" 4, |n| n.outcome.validation_score;
    UNITS = "units", "hidden units", "" 0, |n| n.reading("width");
}

/// Medians that a study reported of a data set, for fixed, fixed + L2 and shrinking nets.
struct Published {
    /// In per cent.
    test_accuracy: [f64; 3],
    units: [f64; 3],
}

fn published(set: &str) -> Option<Published> {
    match set {
        "mnist" => Some(Published {
            test_accuracy: [98.19, 98.0, 98.3],
            units: [1628.0, 1838.0, 341.0],
        }),
        "fashion-mnist" => Some(Published {
            test_accuracy: [88.85, 88.4, 89.38],
            units: [2100.0, 1940.0, 831.0],
        }),
        _ => None,
    }
}

fn at(arm: usize) -> Where {
    METHOD_OF.is(NAMES[arm]).named(NAMES[arm])
}

/// The page.
pub fn page(run: &Run<'_, crate::RandomSearch>) -> anyhow::Result<Report> {
    let (sets, context, s) = (run.sets, run.context, &run.settings);
    let arms = NAMES.map(|name| Arm::new(name).with(&METHOD_OF, name));
    let study = Study::new("random-search", arms.to_vec())?
        .common([(EPOCHS, s.epochs as f64)])
        .outcome(PARAMETERS)
        .original(EPOCHS, 100.0)
        // In the tenth part of them that `quick` trains no gate closes yet.
        .needs(EPOCHS, 100.0)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Trained>> = study.sets.iter().map(|set| claims(&study, &set.name)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Space>(context, "")?,
        headline: ["E42-shrink", "E42-size", "E42-best"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let columns = [TEST, VALIDATION, UNITS, PARAMETERS, MACS];
    let table = |set: &Set<Trained>| study.table(set, "Configurations as they come", &Where::all(), &columns);
    let remarks = |set: &Set<Trained>| vec![study.diverged_note(set)];
    Ok(study.page(base, &claims, &figures(&study, &claims)?, table, remarks)?)
}

fn claims<'s>(study: &'s Study<Trained>, set: &str) -> Claims<'s, Trained> {
    let mut c = Claims::of(study, set);
    let told = published(set);
    let number = |arm: usize, of: fn(&Published) -> [f64; 3]| {
        told.as_ref().map_or_else(
            || "not run".to_owned(),
            |told| format!("{} against {}", of(told)[arm], of(told)[0]),
        )
    };
    let as_it_comes = "which net of a drawn configuration is more accurate?";
    c.larger("E42-shrink", TEST.at(&at(2)), TEST.at(&at(0)), &METHOD_OF)
        .about(&PARAMETERS)
        .study(
            "a configuration that shrinks is more accurate",
            format!("{} %, medians", number(2, |told| told.test_accuracy)),
        )
        .family(as_it_comes)
        .figure("boxes");
    c.smaller("E42-L2", TEST.at(&at(1)), TEST.at(&at(0)), &METHOD_OF)
        .study(
            "weight decay makes it less accurate",
            format!("{} %, medians", number(1, |told| told.test_accuracy)),
        )
        .family(as_it_comes)
        .figure("boxes");
    let less = if set == "mnist" { 0.3 } else { 0.5 };
    let own = told.as_ref().map_or_else(String::new, |told| {
        let ratio = told.units[2] / told.units[0];
        format!(" (the study has {ratio:.2} on this data set, and each set a zone of its own)")
    });
    c.times(
        "E42-size",
        UNITS.at(&at(2)),
        UNITS.at(&at(0)),
        Margin::LessThan(less),
        &METHOD_OF,
    )
    .about(&PARAMETERS)
    .study(
        format!("it ends with less than {less} of the units{own}"),
        format!("{} units, medians", number(2, |told| told.units)),
    )
    .figure("boxes");
    let words = format!("test accuracy of the best of {FEW} configurations, shrink less fixed");
    let gain = Statistic::custom(words, &at(2).and(Where::all()), |seeds| {
        best_of(seeds, 2, FEW) - best_of(seeds, 0, FEW)
    });
    let gain = gain.in_unit("fraction").of_at_least(FEW);
    c.lies("E42-best", gain, Margin::GreaterThan(0.0))
        .words(format!(
            "the best of {FEW} configurations is more accurate where they shrink"
        ))
        .figure("best");
    c
}

/// The accuracies of an arm on the validation and the test split.
fn scores(seeds: &[&Nets<Trained>], arm: usize) -> (Vec<f64>, Vec<f64>) {
    let of = |quantity: Quantity<Trained>| seeds.iter().map(|nets| nets.value(NAMES[arm], &quantity)).collect();
    (of(VALIDATION), of(TEST))
}

/// The expected test accuracy of the best of t; NaN where some net has no score.
fn best_of(seeds: &[&Nets<Trained>], arm: usize, t: usize) -> f64 {
    let (by, scores) = scores(seeds, arm);
    let expected = expected_of_chosen(&by, &scores).unwrap_or_default();
    expected.get(t - 1).copied().unwrap_or(f64::NAN)
}

fn figures<'s>(study: &'s Study<Trained>, claims: &[Claims<'_, Trained>]) -> anyhow::Result<Figures<'s, Trained>> {
    let mut figures = Figures::showing(study, claims)?;
    figures
        .plot("boxes", "How accurate and how large is a configuration that was drawn?")
        .panel("Accuracy", custom(|place: &Place<'_, Trained>| boxes(place, &TEST, TEST.axis())))
        .panel("Size", custom(|place: &Place<'_, Trained>| boxes(place, &UNITS, Axis::log2("Hidden units"))))
        .alt("Box plots of test accuracy and of hidden units over configurations, for fixed nets, with weight decay, and shrinking")
        .caption("Boxes are quartiles, whiskers reach the least and the largest, points are configurations.");
    figures
        .plot("best", "How accurate is the best of t configurations, chosen on the validation split?")
        .panel("", custom(searched))
        .size(560, 360)
        .alt("Expected test accuracy of the best of t configurations against t, for the three arms")
        .caption("Lines are expectations over all draws of t from the configurations, bands 95 % bootstrap intervals over configurations.");
    figures
        .plot("frontier", "Which configurations are most accurate for their size?")
        .panel("", custom(frontier))
        .size(560, 360)
        .alt("Test accuracy against parameters of every configuration, with the Pareto front of each arm")
        .caption("Steps are Pareto fronts on the test split, which show what is there, not what a search would find.");
    Ok(figures)
}

fn boxes(place: &Place<'_, Trained>, quantity: &Quantity<Trained>, y: Axis) -> espalier_study::Result<Panel> {
    let mut boxes = Vec::new();
    for (slot, name) in NAMES.iter().enumerate() {
        let values: Vec<f64> = place.set.seeds.iter().map(|nets| nets.value(name, quantity)).collect();
        if values.iter().all(|value| value.is_finite()) && !values.is_empty() {
            boxes.push(BoxSummary::of(slot as f64, values)?);
        }
    }
    Ok(Panel::new("", Axis::category("", NAMES), y).mark(Mark::boxes(boxes)))
}

fn searched(place: &Place<'_, Trained>) -> espalier_study::Result<Panel> {
    let mut panel = Panel::new("", Axis::log2("Configurations tried"), TEST.axis());
    let tries = std::iter::successors(Some(1_usize), |t| Some(2 * t));
    let tries: Vec<usize> = tries.take_while(|t| *t <= place.set.seeds.len()).collect();
    for (arm, name) in NAMES.iter().enumerate() {
        let mut points = Estimates::default();
        for t in tries.iter().copied() {
            let statistic = Statistic::custom(format!("best of {t}"), &at(arm), move |seeds| best_of(seeds, arm, t));
            points.push(
                t as f64,
                place
                    .study
                    .estimate(&place.set.name, &format!("best of {t}/{name}"), &statistic)?,
            );
        }
        panel = panel.marks(points.banded(name));
    }
    Ok(panel)
}

fn frontier(place: &Place<'_, Trained>) -> espalier_study::Result<Panel> {
    let mut panel = Panel::new("", Axis::log10("Parameters"), TEST.axis());
    for name in NAMES {
        let nets = place.set.seeds.iter().filter_map(|nets| nets.get(name));
        let points: Vec<(f64, f64)> = nets.map(|net| (PARAMETERS.value(net), TEST.value(net))).collect();
        let (sizes, scores): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let front = pareto_front(&sizes, &scores).unwrap_or_default();
        let steps = front.into_iter().map(|place| points[place]);
        panel = panel.marks([Mark::step(steps).of(name), Mark::scatter(points.clone()).label(name)]);
    }
    Ok(panel)
}
