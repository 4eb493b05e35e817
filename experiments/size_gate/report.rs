//! What the rows say: quantities, claims, figures, the table.

use espalier_report::statistics::{mean, median, quantile};
use espalier_size_gate::sigmoid;
use espalier_study::prelude::*;
use espalier_study::standard::{EPOCHS, schedule};
use espalier_trial::Run;

use crate::{Arm, EPSILON, Epoch, Role, Summary, Sweeps, Unit, written};

const ROLE: Factor = Factor::label("role");
/// The start of x₀ that a run is named after, which one of the sweeps ignores.
const STATED: Factor = Factor::label("stated start").unit("units");
/// The exponent of λ, of a twin that of its gated net.
const EXPONENT: Factor = Factor::label("log₁₀ λ");
const METHOD_OF: Factor = Factor::method("method");
const START: Factor = Factor::setting("start of x₀").unit("units");
const LAMBDA: Factor = Factor::setting("λ");
const L2: Factor = Factor::setting("L2");
const WIDTH: Factor = Factor::setting("width").unit("units");
const SLOPE: Factor = Factor::setting("k of the gates");
const COMPACTION: Factor = Factor::setting("closed units taken out");
/// The role of static nets as wide as a gated net has become.
const TWIN: &str = "twin";
/// The slope to which the study's numbers belong.
const STUDIED_SLOPE: f64 = 1.0;
/// Accuracies that differ by less are alike: ten test images.
const ALIKE: f64 = 0.001;

/// A trained net, gated or static.
struct Net {
    size: f64,
    sizes: Vec<f64>,
    open: f64,
    validation: f64,
    test: f64,
    over_twin: f64,
    train_macs: f64,
    diverged: bool,
    units: Vec<Unit>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (s, epochs): (Summary, Vec<Epoch>) = (trial.row()?, trial.rows()?);
        let sizes = |twin: bool| {
            let own = epochs.iter().filter(|epoch| (epoch.net == TWIN) == twin);
            own.map(|epoch| epoch.size).collect()
        };
        let net = Self {
            size: s.size,
            sizes: sizes(false),
            open: s.open_units as f64,
            validation: s.validation_accuracy,
            test: s.test_accuracy,
            over_twin: s.test_accuracy - s.twin_test_accuracy,
            train_macs: s.train_macs as f64,
            diverged: s.diverged,
            units: trial.rows()?,
        };
        let twin = Self {
            size: s.twin_units as f64,
            sizes: sizes(true),
            open: s.twin_units as f64,
            validation: s.twin_validation_accuracy,
            test: s.twin_test_accuracy,
            over_twin: f64::NAN,
            train_macs: s.twin_train_macs as f64,
            diverged: s.twin_diverged,
            units: Vec::new(),
        };
        let name = &trial.key.variant;
        let mut nets = vec![(name.clone(), net), (twin_of(name), twin)];
        nets.truncate(if s.twin_units > 0 { 2 } else { 1 });
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        self.diverged
    }
}

impl Net {
    /// The median over closed units of the mean |outgoing weight|; NaN where no unit is closed.
    fn closed_weight(&self) -> f64 {
        let closed = self.units.iter().filter(|unit| f64::from(unit.gate) < EPSILON);
        let means: Vec<f64> = closed.map(|u| f64::from(u.outgoing) / f64::from(u.consumers)).collect();
        median(&means).unwrap_or(f64::NAN)
    }
}

type Q = Quantity<Net>;
const SIZE: Q = Q::new("size", "size ∫gate", |n| n.size)
    .unit("units", 1)
    .over_epochs(|n| n.sizes.clone());
const OPEN: Q = Q::count("open", "units with gates of 0.01 at least", |n| n.open);
const VALIDATION: Q = Q::new("validation", "validation accuracy", |n| n.validation).unit("", 4);
const TEST: Q = Q::accuracy("accuracy", "test accuracy", |n| n.test);
const OVER_TWIN: Q = Q::new("over-twin", "test accuracy less the static twin's", |n| n.over_twin).unit("", 4);
const MACS: Q = Q::new("macs", "training", |n| n.train_macs / 1e9).unit("10⁹ MACs", 0);
const CLOSED: Q = Q::new(
    "cause",
    "median over units with gates below 0.01 of the mean |outgoing weight|",
    Net::closed_weight,
);

/// The arms of a role with one L2.
fn swept(role: Role, decay: f64) -> Where {
    let words = match role {
        Role::Start => "x₀ starts where it is told",
        Role::Ignored => "the start ignored",
        Role::Frontier => "on the frontier",
        Role::Wide => "a wide static net",
        Role::Cause => "λ = 0",
    };
    ROLE.is(role.name()).named(words).and(L2.is(decay))
}

/// The static twins of the frontier with one L2.
fn twins(decay: f64) -> Where {
    ROLE.is(TWIN).named("static twins").and(L2.is(decay))
}

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

fn named(decay: f64) -> String {
    if decay == 0.0 {
        "without L2".to_owned()
    } else {
        format!("with L2 {}", written(decay))
    }
}

/// All that is set for an arm, and for its twin where it has one.
fn arms(one: &Arm, slope: f64) -> Vec<espalier_study::Arm> {
    let arm = |name: String, role: &str| espalier_study::Arm::new(name).with(&ROLE, role).with(&L2, one.decay);
    let net = arm(one.to_string(), one.role.name());
    if one.role == Role::Wide {
        return vec![net.with(&METHOD_OF, "static").with(&WIDTH, one.start)];
    }
    let compacted = if one.role == Role::Cause { "never" } else { "at the end" };
    let net = net
        .with(&METHOD_OF, "gate")
        .with(&STATED, one.start)
        .with(&START, one.x0())
        .with(&LAMBDA, one.lambda())
        .with(&SLOPE, slope)
        .with(&COMPACTION, compacted);
    if one.role != Role::Frontier {
        return vec![net];
    }
    let twin = arm(twin_of(&net.name), TWIN).with(&METHOD_OF, "static");
    vec![net.with(&EXPONENT, one.exponent), twin.with(&EXPONENT, one.exponent)]
}

/// The study's name of a claim where its slope is set, else one of ours.
fn claim_id(s: &Sweeps, name: &str, decay: f64) -> String {
    let arm = if decay == 0.0 { "plain" } else { "L2" };
    match name.split_once('-') {
        Some((_, own)) if s.slope != STUDIED_SLOPE => format!("k{}-{own}-{arm}", s.slope),
        _ => format!("{name}-{arm}"),
    }
}

/// The claims about one data set: the study's where its slope is set, else the same comparisons as expectations of ours.
fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Sweeps) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, set).said(include_str!("study.md"), set);
    let c = &mut claims;
    let id = |name: &str, decay: f64| claim_id(s, name, decay);
    for decay in [s.decay, 0.0] {
        starts(c, decay, level(set, s, decay), &id);
    }
    let smallest = |decay: f64| SIZE.first(&START, &swept(Role::Start, decay));
    c.larger(id("J11-larger", 0.0), smallest(0.0), smallest(s.decay), &L2)
        .figure("starts");
    for &decay in &s.frontier_decays {
        on_the_frontier(c, decay, twin_zone(set, s), &id);
    }
    causes(c, s, &id);
    claims
}

/// The level on which the study's sizes ended when the start was ignored; none where it gave none.
fn level(set: &str, s: &Sweeps, decay: f64) -> Option<Margin> {
    let (low, high) = match (set, decay == 0.0) {
        _ if s.slope != STUDIED_SLOPE => return None,
        ("mnist", false) => (62.0, 84.0),
        ("mnist", true) => (106.0, 128.0),
        ("fashion-mnist", false) => (46.0, 68.0),
        ("fashion-mnist", true) => (82.0, 104.0),
        _ => return None,
    };
    Some(Margin::Within(low, high))
}

/// Where the accuracy of gated nets lay in the study, beside that of their twins.
fn twin_zone(set: &str, s: &Sweeps) -> Margin {
    if set == "fashion-mnist" && s.slope == STUDIED_SLOPE {
        Margin::LessThan(0.0)
    } else {
        Margin::Within(-0.003, 0.003)
    }
}

fn starts(c: &mut Claims<'_, Net>, decay: f64, level: Option<Margin>, id: &dyn Fn(&str, f64) -> String) {
    let (stated, ignored) = (swept(Role::Start, decay), swept(Role::Ignored, decay));
    let (flat, even) = (Margin::LessThan(0.2), Margin::Within(0.75, 1.25));
    c.trend(id("J9-plateau", decay), &SIZE, &START, &stated, Measure::Slope, flat)
        .flaw(
            "x₀ always started at 1 and the stated start was ignored",
            SIZE.slope_over(&STATED, &ignored),
        )
        .figure("starts");
    if let Some(level) = level {
        c.reproduces(id("J9-level", decay), SIZE.mean_over(&ignored), level)
            .figure("starts");
    }
    c.trend(id("J12-slope", decay), &SIZE, &START, &stated, Measure::Slope, even)
        .figure("starts");
    let (last, first) = (TEST.last(&START, &stated), TEST.first(&START, &stated));
    c.alike(id("J12-accuracy", decay), last, first, ALIKE, &START)
        .about(&SIZE)
        .settled(&SIZE)
        .figure("starts-accuracy");
}

fn on_the_frontier(c: &mut Claims<'_, Net>, decay: f64, zone: Margin, id: &dyn Fn(&str, f64) -> String) {
    let (gated, twins, wide) = (swept(Role::Frontier, decay), twins(decay), swept(Role::Wide, decay));
    let (levels, figure) = (c.levels(&EXPONENT, &gated), frontier_name(decay));
    let (last, first) = (SIZE.last(&LAMBDA, &gated), SIZE.first(&LAMBDA, &gated));
    c.smaller(id("J9-frontier", decay), last, first, &LAMBDA).figure(figure);
    let at = |arms: &Where, level: &Where| TEST.at(&arms.clone().and(level.clone()));
    let (twin, below, method) = (id("J9-twin", decay), Margin::LessThan(0.0), Some(&METHOD_OF));
    let over_twin = |level: &Where| at(&gated, level).less(at(&twins, level));
    c.each(twin, &EXPONENT, &levels, zone, method, over_twin).figure(figure);
    let over_wide = |level: &Where| at(&gated, level).less(TEST.at(&wide));
    c.each(id("J9-wide", decay), &EXPONENT, &levels, below, method, over_wide)
        .about(&SIZE)
        .settled(&SIZE)
        .figure(figure);
}

fn causes(c: &mut Claims<'_, Net>, s: &Sweeps, id: &dyn Fn(&str, f64) -> String) {
    let (with, without) = (swept(Role::Cause, s.decay), swept(Role::Cause, 0.0));
    let least = SIZE.first(&LAMBDA, &swept(Role::Frontier, s.decay));
    let (ratio, alike) = (SIZE.at(&with).over(least), Margin::Within(0.9, 1.1));
    // Units are taken out of one side alone, after the sizes of both have been read.
    c.reproduces(id("J10-zero", s.decay), ratio, alike).figure("frontier");
    let (none, some) = (Margin::LessThan(1e-3), Margin::GreaterThan(0.01));
    c.lies(id("J10-gone", s.decay), CLOSED.at(&with), none).figure("cause");
    c.lies(id("J10-kept", 0.0), CLOSED.at(&without), some).figure("cause");
    c.larger(id("J10-cause", 0.0), SIZE.at(&without), SIZE.at(&with), &L2)
        .figure("cause");
}

const TOLD: &str = "x₀ starts where it is told";
const IGNORED: &str = "start ignored, as in the study at first";
const WEIGHT: &str = "Σ|outgoing weight|";

/// All figures in the order of the page, with the zones of the claims that name them.
fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Sweeps) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    of_starts(&mut figures, s, study);
    for &decay in &s.frontier_decays {
        of_frontier(&mut figures, s, decay);
    }
    of_causes(&mut figures, s);
    Ok(figures)
}

fn of_starts(figures: &mut Figures<'_, Net>, s: &Sweeps, study: &Study<Net>) {
    let (stated, ignored) = (ROLE.is("start"), ROLE.is("start ignored"));
    let sizes = sweep(&SIZE, &START)
        .series(TOLD, &stated)
        .series_along(IGNORED, &ignored, &STATED);
    figures
        .plot("starts", "Does the final size follow the start of x₀?")
        .facet(named(s.decay), L2.is(s.decay))
        .facet(named(0.0), L2.is(0.0))
        .panel("", sizes.diagonal("the start itself"))
        .colours(Colours::named([TOLD, IGNORED, "the start itself"]))
        .alt("Final size against the start of x₀, with and without L2, with the start as stated and ignored")
        .caption(
            "If the size converged, the line would be level. It is so only with the study's mistake, in which x₀ starts at 1 whatever \
             the stated start. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals; bands and dotted lines \
             show where the claims hold.",
        );
    let (units, slope) = (s.units as f64, s.slope);
    let lines = curves(&SIZE, &START, &Where::all(), |arm| format!("from {}", arm.text(&START)));
    let starts = study.levels(&START, &stated).into_iter();
    let names = starts.map(|start| format!("from {start}"));
    figures
        .plot("convergence", "Does the size settle? One line for each start")
        .facet(named(s.decay), swept(Role::Start, s.decay))
        .facet(named(0.0), swept(Role::Start, 0.0))
        .panel("", lines.start_at(move |arm| sigmoid::size(arm.number(&START), units, slope)))
        .colours(Colours::ordered(names))
        .alt("Size after every epoch from several starts, with and without L2")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals; epoch 0 is the size before the first step.");
    let accuracies = [s.decay, 0.0].into_iter().fold(sweep(&TEST, &START), |panel, decay| {
        panel.series(named(decay), &swept(Role::Start, decay))
    });
    figures
        .plot("starts-accuracy", "Does accuracy depend on the start of x₀?")
        .panel(format!("{} units at most", s.units), accuracies)
        .size(470, 330)
        .size_alone(620, 360)
        .alt("Test accuracy against the start of x₀, with and without L2")
        .caption(
            "Accuracy on test images of the net without its closed units. Points are interquartile means over seeds, whiskers 95 % \
             bootstrap intervals.",
        );
}

fn frontier_name(decay: f64) -> &'static str {
    if decay == 0.0 { "frontier-plain" } else { "frontier" }
}

fn of_frontier(figures: &mut Figures<'_, Net>, s: &Sweeps, decay: f64) {
    let (gated, twins, wide) = (swept(Role::Frontier, decay), twins(decay), swept(Role::Wide, decay));
    let (ours, start) = (gated.clone(), s.frontier_start);
    let at = |arms: &Where, level: &Where| TEST.at(&arms.clone().and(level.clone()));
    let axis = Axis::linear("Difference of test accuracy").unit("points");
    let differences = bars(&EXPONENT, &gated, axis, 100.0).series("gated less static twin of its size", move |level| {
        at(&ours, level).less(at(&twins, level))
    });
    let ours = gated.clone();
    let differences = differences.series(format!("gated less static {} units", s.wide), move |level| {
        at(&ours, level).less(TEST.at(&wide))
    });
    let sizes = sweep(&SIZE, &EXPONENT)
        .series("size", &gated)
        .categories()
        .reference(start, "start");
    figures
        .plot(
            frontier_name(decay),
            format!("How do size and accuracy follow the penalty, {}?", named(decay)),
        )
        .panel("test accuracy against static nets", differences)
        .panel(format!("size, from {start} units"), sizes.y(SIZE.axis().at_least(0.0, start * 1.1)))
        .size(470, 360)
        .alt("Differences in test accuracy to the static twin and to the wide net, and the size, against λ")
        .caption(
            "Left: accuracy of the gated net less that of a static net of the same size, and less that of the wide net, both of the same \
             seed. Right: the size. Interquartile means over seeds with 95 % bootstrap intervals.",
        );
}

fn of_causes(figures: &mut Figures<'_, Net>, s: &Sweeps) {
    figures
        .plot("cause", "What holds the size down? Gates beside the units' outgoing weights")
        .facet(format!("{}, λ = 0", named(s.decay)), swept(Role::Cause, s.decay))
        .facet(format!("{}, λ = 0", named(0.0)), swept(Role::Cause, 0.0))
        .panel("", custom(cause))
        .colours(Colours::named(["gate", WEIGHT]))
        .because(Rule::TwinAxes, "gate and weight of one unit are read off together")
        .size(480, 340)
        .alt("Gate and sum of absolute outgoing weights of every hidden unit, with and without L2")
        .caption(
            "With L2 the outgoing weights of closed units are gone, so that opening them gains nothing and the size has no reason to grow; \
             without it they stay where they were initialised. Gates are means over seeds; weights are medians over ten neighbouring \
             units of all seeds, in a band of their middle half.",
        );
}

/// Neighbouring units of which one point is drawn.
const NEIGHBOURS: usize = 10;

fn cause(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let arms = place.study.chosen(place.facet);
    let nets: Vec<&Net> = place.set.nets(&arms).collect();
    let units = nets.iter().map(|net| net.units.len()).min().unwrap_or(0);
    let (mut gates, mut weights, mut band) = (Vec::new(), Vec::new(), Vec::new());
    for unit in 0..units {
        let of_seeds: Vec<f64> = nets.iter().map(|net| f64::from(net.units[unit].gate)).collect();
        gates.push((unit as f64, mean(&of_seeds)?));
    }
    for from in (0..units).step_by(NEIGHBOURS) {
        let to = (from + NEIGHBOURS).min(units);
        let near = nets.iter().flat_map(|net| &net.units[from..to]);
        let near: Vec<f64> = near.map(|unit| f64::from(unit.outgoing)).collect();
        let middle = (from + to - 1) as f64 / 2.0;
        weights.push((middle, quantile(&near, 0.5)?));
        band.push((middle, quantile(&near, 0.25)?, quantile(&near, 0.75)?));
    }
    let panel = Panel::new("", Axis::linear("Unit"), Axis::linear("Gate").at_least(0.0, 1.0));
    Ok(panel
        .twin(Axis::linear(WEIGHT).at_least(0.0, 0.1))
        .mark(Mark::band(band).spread(Spread::Quartiles).of(WEIGHT).right())
        .mark(Mark::line(weights).label(WEIGHT).dash(Dash::Solid).right())
        .mark(Mark::line(gates).label("gate")))
}

/// The page of one or several data sets.
pub fn page(run: &Run<'_, crate::SizeGates>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let arms = variants.iter().flat_map(|one| arms(one, s.slope)).collect();
    let study = Study::new("size-gate", arms)?
        .common(schedule(s.epochs, s.batch, s.learning_rate))
        .outcome(SIZE)
        .original(SLOPE, STUDIED_SLOPE)
        .original(EPOCHS, 15.0)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Sweeps>(context, "on its frontier")?,
        headline: vec![claim_id(s, "J12-slope", s.decay)],
        ..run.report(include_str!("method.md"))
    };
    let columns = [SIZE, OPEN, VALIDATION, TEST, OVER_TWIN, MACS];
    let gated = ROLE.any([Role::Start, Role::Ignored, Role::Frontier, Role::Cause].map(Role::name));
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &SIZE, &gated), study.diverged_note(set)];
    let table = |set: &Set<Net>| study.table(set, "All nets", &Where::all(), &columns);
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}
