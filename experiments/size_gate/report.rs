//! What the rows say: quantities, claims, figures, the table.

use espalier_report::statistics::{mean, median, quantile};
use espalier_size_gate::sigmoid;
use espalier_study::prelude::*;
use espalier_study::standard::{EPOCHS, schedule};
use espalier_trial::Run;

use crate::{Arm, EPSILON, Epoch, Role, SizeGates, Summary, Sweeps, Unit, written};

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
    summary: Summary,
    sizes: Vec<f64>,
    units: Vec<Unit>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (name, summary, rows) = (&trial.key.variant, trial.row::<Summary>()?, trial.rows::<Epoch>()?);
        let (twins, own): (Vec<Epoch>, _) = rows.into_iter().partition(|epoch| epoch.net == TWIN);
        let net = |summary: Summary, epochs: Vec<Epoch>, units| {
            let sizes = epochs.iter().map(|epoch| epoch.size).collect();
            Self { summary, sizes, units }
        };
        let twin = summary.twin();
        let mut nets = vec![(name.clone(), net(summary, own, trial.rows()?))];
        nets.extend(twin.map(|twin| (twin_of(name), net(twin, twins, Vec::new()))));
        Ok(nets)
    }

    fn diverged(&self) -> bool {
        self.summary.diverged
    }
}

impl Net {
    /// The median over closed units of the mean |outgoing weight|; NaN where no unit is closed.
    fn closed_weight(&self) -> f64 {
        let closed = self.units.iter().filter(|unit| f64::from(unit.gate) < EPSILON);
        let means: Vec<f64> = closed.map(|u| f64::from(u.outgoing) / f64::from(u.consumers)).collect();
        median(&means).unwrap_or(f64::NAN)
    }

    fn over_twin(&self) -> f64 {
        self.summary.test_accuracy - self.summary.twin_test_accuracy
    }
}

quantities! { Net;
    SIZE = "size", "size ∫gate", "units" 1, |n| n.summary.size, over_epochs(|n| n.sizes.clone());
    OPEN = "open", "units with gates of 0.01 at least", "" 0, |n| n.summary.open_units as f64;
    VALIDATION = "validation", "validation accuracy", "" 4, |n| n.summary.validation_accuracy;
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
    OVER_TWIN = "over-twin", "test accuracy less the static twin's", "" 4, Net::over_twin;
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.summary.train_macs as f64 / 1e9;
    CLOSED = "cause", "median over units with gates below 0.01 of the mean |outgoing weight|", "" 3, Net::closed_weight;
}

/// The arms of a role with one L2.
fn swept(role: Role, decay: f64) -> Where {
    let words = match role {
        Role::Start => TOLD,
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
    match decay {
        0.0 => "without L2".to_owned(),
        _ => format!("with L2 {}", written(decay)),
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
    [net, twin].map(|arm| arm.with(&EXPONENT, one.exponent)).to_vec()
}

/// The study's name of a claim where its slope is set, else one of ours.
fn id(s: &Sweeps, name: &str, decay: f64) -> String {
    let arm = if decay == 0.0 { "plain" } else { "L2" };
    match name.split_once('-') {
        Some((_, own)) if s.slope != STUDIED_SLOPE => format!("k{}-{own}-{arm}", s.slope),
        _ => format!("{name}-{arm}"),
    }
}

/// The claims about one data set: the study's where its slope is set, else the same comparisons as expectations of ours.
fn claims(c: &mut Claims<'_, Net>, s: &Sweeps) {
    let set = c.set.clone();
    for decay in [s.decay, 0.0] {
        starts(c, s, decay, level(&set, s, decay));
    }
    let [without, with] = [0.0, s.decay].map(|decay| SIZE.first(&START, &swept(Role::Start, decay)));
    c.larger(id(s, "J11-larger", 0.0), without, with, &L2);
    for &decay in &s.frontier_decays {
        on_the_frontier(c, s, decay, twin_zone(&set, s));
    }
    causes(c, s);
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
    match set {
        "fashion-mnist" if s.slope == STUDIED_SLOPE => Margin::LessThan(0.0),
        _ => Margin::Within(-0.003, 0.003),
    }
}

fn starts(c: &mut Claims<'_, Net>, s: &Sweeps, decay: f64, level: Option<Margin>) {
    let (stated, ignored) = (swept(Role::Start, decay), swept(Role::Ignored, decay));
    let (flat, even) = (Margin::LessThan(0.2), Margin::Within(0.75, 1.25));
    let mistake = "x₀ always started at 1 and the stated start was ignored";
    c.trend(id(s, "J9-plateau", decay), &SIZE, &START, &stated, Measure::Slope, flat)
        .flaw(mistake, SIZE.slope_over(&STATED, &ignored));
    if let Some(level) = level {
        c.reproduces(id(s, "J9-level", decay), SIZE.mean_over(&ignored), level);
    }
    c.trend(id(s, "J12-slope", decay), &SIZE, &START, &stated, Measure::Slope, even);
    let (last, first) = (TEST.last(&START, &stated), TEST.first(&START, &stated));
    let alike = c.alike(id(s, "J12-accuracy", decay), last, first, ALIKE, &START);
    alike.about(&SIZE).settled(&SIZE);
}

fn on_the_frontier(c: &mut Claims<'_, Net>, s: &Sweeps, decay: f64, zone: Margin) {
    let gated = swept(Role::Frontier, decay);
    let levels = c.levels(&EXPONENT, &gated);
    let (last, first) = (SIZE.last(&LAMBDA, &gated), SIZE.first(&LAMBDA, &gated));
    c.smaller(id(s, "J9-frontier", decay), last, first, &LAMBDA);
    let (twin, wide, below) = (id(s, "J9-twin", decay), id(s, "J9-wide", decay), Margin::LessThan(0.0));
    c.each(twin, &EXPONENT, &levels, zone, Some(&METHOD_OF), over_twin(decay));
    let over = c.each(wide, &EXPONENT, &levels, below, Some(&METHOD_OF), over_wide(decay));
    over.about(&SIZE).settled(&SIZE);
}

/// The lead of a gated net over the static one of its size, at a choice of λ.
fn over_twin(decay: f64) -> impl Fn(&Where) -> Statistic<Net> {
    TEST.lead(&swept(Role::Frontier, decay), &twins(decay))
}

/// The lead of a gated net over the wide static one, at a choice of λ.
fn over_wide(decay: f64) -> impl Fn(&Where) -> Statistic<Net> {
    let (gated, wide) = (swept(Role::Frontier, decay), swept(Role::Wide, decay));
    move |level| TEST.at(&gated.also(level)).less(TEST.at(&wide))
}

fn causes(c: &mut Claims<'_, Net>, s: &Sweeps) {
    let (with, without) = (swept(Role::Cause, s.decay), swept(Role::Cause, 0.0));
    let least = SIZE.first(&LAMBDA, &swept(Role::Frontier, s.decay));
    // Units are taken out of one side alone, after the sizes of both have been read.
    let ratio = SIZE.at(&with).over(least);
    c.reproduces(id(s, "J10-zero", s.decay), ratio, Margin::Within(0.9, 1.1));
    c.lies(id(s, "J10-gone", s.decay), CLOSED.at(&with), Margin::LessThan(1e-3));
    c.lies(id(s, "J10-kept", 0.0), CLOSED.at(&without), Margin::GreaterThan(0.01));
    c.larger(id(s, "J10-cause", 0.0), SIZE.at(&without), SIZE.at(&with), &L2);
}

const TOLD: &str = "x₀ starts where it is told";
const IGNORED: &str = "start ignored, as in the study at first";
const WEIGHT: &str = "Σ|outgoing weight|";

/// All figures in the order of the page.
fn figures(f: &mut Figures<'_, Net>, s: &Sweeps, study: &Study<Net>) {
    let both = [s.decay, 0.0];
    of_starts(f, s, study);
    let accuracies = both.into_iter().fold(sweep(&TEST, &START), |panel, decay| {
        panel.series(named(decay), &swept(Role::Start, decay))
    });
    let ends = |level: &Where| {
        let nets = ROLE.is("start").and(level.clone());
        TEST.last(&START, &nets).less(TEST.first(&START, &nets))
    };
    let axis = Axis::linear("Difference of test accuracy").unit("points");
    let less = bars(&L2, &ROLE.is("start"), axis, 100.0).series("largest start less smallest", ends);
    f.shown("starts-accuracy")
        .panel(format!("{} units at most", s.units), accuracies)
        .panel("largest start less smallest", less)
        .size(470, 330);
    s.frontier_decays.iter().for_each(|decay| of_frontier(f, s, *decay));
    let causes = f.shown("cause").panel("", custom(cause)).size(480, 340);
    causes.colours(Colours::named(["gate", WEIGHT]));
    for decay in both {
        causes.facet(format!("{}, λ = 0", named(decay)), swept(Role::Cause, decay));
    }
}

fn of_starts(f: &mut Figures<'_, Net>, s: &Sweeps, study: &Study<Net>) {
    let (stated, ignored) = (ROLE.is("start"), ROLE.is("start ignored"));
    let sizes = sweep(&SIZE, &START)
        .series(TOLD, &stated)
        .series_along(IGNORED, &ignored, &STATED)
        .diagonal("the start itself");
    let told = f.shown("starts").panel("", sizes);
    told.colours(Colours::named([TOLD, IGNORED, "the start itself"]));
    for decay in [s.decay, 0.0] {
        told.facet(named(decay), L2.is(decay));
    }
    let (units, slope) = (s.units as f64, s.slope);
    let lines = curves(&SIZE, &START, &Where::all(), |arm| format!("from {}", arm.text(&START)));
    let lines = lines.start_at(move |arm| sigmoid::size(arm.number(&START), units, slope));
    let levels = study.levels(&START, &stated).into_iter();
    let names = levels.map(|start| format!("from {start}"));
    let settling = f.shown("convergence").panel("", lines).colours(Colours::ordered(names));
    for decay in [s.decay, 0.0] {
        settling.facet(named(decay), swept(Role::Start, decay));
    }
}

fn of_frontier(f: &mut Figures<'_, Net>, s: &Sweeps, decay: f64) {
    let (gated, start) = (swept(Role::Frontier, decay), s.frontier_start);
    let axis = Axis::linear("Difference of test accuracy").unit("points");
    let differences = bars(&EXPONENT, &gated, axis, 100.0)
        .series("gated less static twin of its size", over_twin(decay))
        .series(format!("gated less static {} units", s.wide), over_wide(decay));
    let sizes = sweep(&SIZE, &EXPONENT).series("size", &gated).categories();
    let sizes = sizes
        .reference(start, "start")
        .y(SIZE.axis().at_least(0.0, start * 1.1));
    f.shown("frontier")
        .called(if decay == 0.0 { "frontier-plain" } else { "frontier" })
        .with("decay", named(decay))
        .panel("test accuracy against static nets", differences)
        .panel(format!("size, from {start} units"), sizes)
        .size(470, 360);
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
pub fn page(run: &Run<'_, SizeGates>) -> anyhow::Result<Report> {
    let (context, s) = (run.context, &run.settings);
    let study = Study::new(
        "size-gate",
        run.variants.iter().flat_map(|one| arms(one, s.slope)).collect(),
    )?
    .common(schedule(s.epochs, s.batch, s.learning_rate))
    .outcome(SIZE)
    .original(SLOPE, STUDIED_SLOPE)
    .original(EPOCHS, 15.0)
    .words(include_str!("figures.md"))
    .subtitle(context.subtitle_with_epochs()?)
    .read_all(run.sets, &context.seeds)?;
    // What is said at one slope is said at any other than the study's.
    let said = include_str!("study.md").replace("| k0.4-", &format!("| k{}-", s.slope));
    let claims = study.claims(&said, |c| claims(c, s));
    let shown = study.figures(&claims, |f| figures(f, s, &study))?;
    let base = Report {
        shortened: espalier_trial::shortened_images::<Sweeps>(context, "on its frontier")?,
        headline: vec![id(s, "J12-slope", s.decay)],
        ..run.report(include_str!("method.md"))
    };
    let columns = [SIZE, OPEN, VALIDATION, TEST, OVER_TWIN, MACS];
    let table = |set: &Set<Net>| study.table(set, "All nets", &Where::all(), &columns);
    let gated = METHOD_OF.is("gate");
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &SIZE, &gated), study.diverged_note(set)];
    Ok(study.page(base, &claims, &shown, table, remarks)?)
}
