//! What the rows say: quantities, claims, figures, one table.

use espalier_experiment::Columns as _;
use espalier_study::prelude::*;
use espalier_study::standard::{Trained, test_accuracy, train_macs};
use espalier_trial::Run;

use crate::{Arm, Setup, WIDER, gate_name};

const METHOD_OF: Factor = Factor::method("method");
const DEPTH: Factor = Factor::setting("hidden layers");
const LAMBDA: Factor = Factor::setting("λ");
/// The exponent of λ, of a twin that of its gated net.
const EXPONENT: Factor = Factor::label("log₁₀ λ");
const START: Factor = Factor::setting("start of x₀").unit("units");
const EPOCHS: Factor = Factor::setting("epochs");
/// The start of x₀ of gated nets, of a twin that of its gated net.
const BEGUN: Factor = Factor::label("begun at");

/// A trained net, gated or static.
struct Net {
    trained: Trained,
}

impl AsRef<Trained> for Net {
    fn as_ref(&self) -> &Trained {
        &self.trained
    }
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let nets = Trained::of(trial)?.into_iter();
        Ok(nets.map(|(name, trained)| (name, Self { trained })).collect())
    }

    fn diverged(&self) -> bool {
        self.trained.outcome.diverged
    }
}

impl Net {
    /// The size of a layer after every epoch; none of nets without that gate.
    fn sizes(&self, layer: usize) -> Vec<f64> {
        let gate = gate_name(layer);
        let own = self
            .trained
            .readings
            .iter()
            .filter(|row| row.of == gate && row.name == "size");
        own.map(|row| row.value).collect()
    }

    fn totals(&self) -> Vec<f64> {
        let sizes = self.trained.path("size");
        if sizes.is_empty() {
            self.trained.path("width")
        } else {
            sizes
        }
    }

    fn size(&self, layer: usize) -> f64 {
        self.sizes(layer).last().copied().unwrap_or(f64::NAN)
    }
}

quantities! { Net;
    FIRST = "first", "size of the first layer", "units" 1, |n| n.size(1), over_epochs(|n| n.sizes(1));
    SECOND = "second", "size of the second layer", "units" 1, |n| n.size(2), over_epochs(|n| n.sizes(2));
    THIRD = "third", "size of the third layer", "units" 1, |n| n.size(3), over_epochs(|n| n.sizes(3));
    /// Of static nets the widths.
    TOTAL = "total", "units of all layers", "" 1, |n| n.totals().last().copied().unwrap_or(f64::NAN),
        over_epochs(Net::totals), whose_epochs_are("size of all layers", "units");
    /// How much wider the first layer ends than the second one.
    TAPER = "taper", "size of the first layer less that of the second", "units" 1, |n| n.size(1) - n.size(2),
        over_epochs(|n| n.sizes(1).into_iter().zip(n.sizes(2)).map(|(first, second)| first - second).collect());
    SMALLEST = "smallest", "size of the smallest layer", "units" 1,
        |n| (1..=3).map(|layer| n.size(layer)).fold(f64::NAN, f64::min);
}
const TEST: Quantity<Net> = test_accuracy();
const MACS: Quantity<Net> = train_macs();

fn twin_of(name: &str) -> String {
    format!("twin of {name}")
}

/// All that is set for an arm and for its twin.
fn arms(one: &Arm) -> [espalier_study::Arm; 2] {
    let arm = |name: String, method: &str| {
        espalier_study::Arm::new(name)
            .with(&METHOD_OF, method)
            .with(&DEPTH, one.depth as f64)
            .with(&EXPONENT, one.exponent)
            .with(&BEGUN, one.start)
    };
    let gated = arm(one.to_string(), "gate")
        .with(&LAMBDA, one.lambda())
        .with(&START, one.start);
    [gated, arm(twin_of(&one.to_string()), "static")]
}

/// Gated nets of a depth from the start that all depths have.
fn gated(depth: usize, s: &Setup) -> Where {
    at(depth, s.start)
        .and(METHOD_OF.is("gate"))
        .named(format!("{depth} gated layers"))
}

fn at(depth: usize, start: f64) -> Where {
    DEPTH.is(depth as f64).and(BEGUN.is(start))
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Setup) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set);
    for &depth in &s.depths {
        of_depth(&mut c, depth, s);
    }
    let ends = |f: fn(f64, f64) -> f64, from: f64| s.exponents.iter().copied().fold(from, f);
    let sides = [
        ("strong", ends(f64::max, f64::NEG_INFINITY)),
        ("weak", ends(f64::min, f64::INFINITY)),
    ];
    for &depth in &s.depths {
        for (id, exponent) in sides {
            of_starts(&mut c, &format!("{id}-{depth}"), depth, exponent, s);
        }
    }
    c
}

fn of_starts(c: &mut Claims<'_, Net>, id: &str, depth: usize, exponent: f64, s: &Setup) {
    let from = |start: f64| {
        let arms = at(depth, start).and(METHOD_OF.is("gate")).and(EXPONENT.is(exponent));
        arms.named(format!("{depth} layers, λ = 10^{exponent}, from {start}"))
    };
    let (wide, narrow) = (from(WIDER * s.start), from(s.start));
    let alike = Margin::Within(0.9, 1.1);
    c.times(
        format!("ours-start-{id}"),
        TOTAL.at(&wide),
        TOTAL.at(&narrow),
        alike,
        &START,
    )
    .words(format!(
        "{depth} layers end at one size whatever the start, λ = 10^{exponent}"
    ))
    .figure("starts");
}

fn of_depth(c: &mut Claims<'_, Net>, depth: usize, s: &Setup) {
    let arms = gated(depth, s);
    for (id, size) in [("first", FIRST), ("second", SECOND), ("third", THIRD)]
        .into_iter()
        .take(depth)
    {
        let (last, first) = (size.last(&LAMBDA, &arms), size.first(&LAMBDA, &arms));
        c.smaller(format!("E27-{id}-{depth}"), last, first, &LAMBDA)
            .words(format!("the {id} of {depth} layers becomes smaller as λ rises"))
            .about(&TOTAL)
            .family(format!("Does each of {depth} layers become smaller as λ rises?"))
            .figure("sizes");
    }
    let levels = c.levels(&EXPONENT, &arms);
    let widest = |level: &Where| TAPER.at(&arms.clone().and(level.clone()));
    c.each(
        format!("E27-taper-{depth}"),
        &EXPONENT,
        &levels,
        Margin::GreaterThan(0.0),
        None,
        widest,
    )
    .words(format!(
        "the first of {depth} layers ends wider than the second, whatever λ is"
    ))
    .figure("sizes");
    let smallest = |level: &Where| SMALLEST.at(&arms.clone().and(level.clone()));
    c.each(
        format!("ours-alive-{depth}"),
        &EXPONENT,
        &levels,
        Margin::GreaterThan(1.0),
        None,
        smallest,
    )
    .words(format!("none of {depth} layers closes altogether, whatever λ is"))
    .figure("sizes");
    let twins = at(depth, s.start).and(METHOD_OF.is("static")).named("static twins");
    let over = |level: &Where| {
        TEST.at(&arms.clone().and(level.clone()))
            .less(TEST.at(&twins.clone().and(level.clone())))
    };
    c.each(
        format!("E27-twin-{depth}"),
        &EXPONENT,
        &levels,
        Margin::Within(-0.005, 0.005),
        Some(&METHOD_OF),
        over,
    )
    .words(format!(
        "{depth} gated layers are as accurate as static ones of their sizes, within half a point"
    ))
    .figure("accuracy");
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Setup) -> anyhow::Result<Figures<'s, Net>> {
    const INTERVALS: &str = "Interquartile means over seeds with 95 % bootstrap intervals.";
    let mut figures = Figures::showing(study, claims)?;
    let quantities = [("first layer", FIRST), ("second layer", SECOND), ("third layer", THIRD)];
    let y = Axis::linear("Size").unit("units").at_least(0.0, s.start);
    let plot = figures.plot("sizes", "Which shape do several sizes find together?");
    for &depth in &s.depths {
        let panel = quantities
            .iter()
            .take(depth)
            .fold(sweep(&FIRST, &EXPONENT), |panel, (label, size)| {
                panel.series_of(*label, size, &gated(depth, s))
            });
        let panel = panel.categories().y(y.clone()).reference(s.start, "start");
        plot.panel(format!("{depth} hidden layers"), panel);
    }
    plot.size(430, 340)
        .alt("Size of each hidden layer against the weight of the penalty, for nets of two and of three hidden layers")
        .caption(INTERVALS);
    let plot = figures.plot("accuracy", "Is the shape found worth more than a static net of it?");
    for &depth in &s.depths {
        let (arms, twins) = (gated(depth, s), at(depth, s.start).and(METHOD_OF.is("static")));
        let axis = Axis::linear("Difference of test accuracy").unit("points");
        let difference = bars(&EXPONENT, &arms.clone(), axis, 100.0).series("gated less static twin", move |level| {
            TEST.at(&arms.clone().and(level.clone()))
                .less(TEST.at(&twins.clone().and(level.clone())))
        });
        plot.panel(format!("{depth} hidden layers"), difference);
    }
    plot.size(430, 320)
        .alt("Test accuracy of the gated net less that of its static twin, against the weight of the penalty")
        .caption(INTERVALS);
    let gated = METHOD_OF.is("gate");
    let ends = study.chosen(&gated.clone().and(BEGUN.is(WIDER * s.start)));
    let ends = gated.and(EXPONENT.any(ends.iter().filter_map(|arm| arm.level(EXPONENT.name).cloned())));
    let name = |arm: &espalier_study::Arm| format!("λ = 10^{}, from {}", arm.number(&EXPONENT), arm.number(&START));
    let plot = figures.plot("starts", "Does the start decide the sizes of several layers?");
    for &depth in &s.depths {
        plot.facet(format!("{depth} hidden layers"), DEPTH.is(depth as f64));
    }
    plot.panel("first layer", curves(&FIRST, &EXPONENT, &ends, name).start_at(|arm| arm.number(&START)))
        .panel("second layer", curves(&SECOND, &EXPONENT, &ends, name).start_at(|arm| arm.number(&START)))
        .size(400, 300)
        .columns(2)
        .alt("Size of the first and of the second layer after every epoch, from two starts, with a strong and with a weak penalty")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals.");
    Ok(figures)
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::GatedLayers>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("gated-layers", variants.iter().flat_map(arms).collect())?
        .common([(EPOCHS, s.epochs as f64)])
        .outcome(TOTAL)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: Setup::shortened(context, |shortened| {
            shortened.training_images(60_000, espalier_trial::VALIDATION_IMAGES)
        })?,
        headline: ["ours-start-weak-2", "E27-twin-2"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let columns = [FIRST, SECOND, THIRD, TOTAL, TEST, MACS];
    let remarks = |set: &Set<Net>| {
        vec![
            study.settled_note(set, &TOTAL, &METHOD_OF.is("gate")),
            study.diverged_note(set),
        ]
    };
    let table = |set: &Set<Net>| study.table(set, "All nets", &Where::all(), &columns);
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}
