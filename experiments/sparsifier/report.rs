//! What the rows say of each data set: quantities, claims, figures, the table.

use espalier_experiment::ReportContext;
use espalier_sparsifier::Penalty;
use espalier_study::prelude::*;
use espalier_study::standard::{BATCH, EPOCHS, RATE};
use espalier_trial::Run;

use crate::{Arm, Epoch, Removal, Summary, Sweeps, named, written};

pub const METHOD_OF: Factor = Factor::method("method");
/// Strict or not, which decides as well when closed units are taken out.
pub const PENALTY: Factor = Factor::method("penalty");
pub const LAMBDA: Factor = Factor::setting("weight λ of the penalty");
pub const START: Factor = Factor::setting("units at first").unit("units").log2();
/// The λ of a net, of a twin that of its gated net.
pub const AT: Factor = Factor::label("λ");

/// The method of gated nets, and that of their twins.
pub const GATED: &str = "gates";
pub const STATIC: &str = "static";

/// A trained net, gated or static.
pub struct Net {
    units: u64,
    clear: u64,
    train: f64,
    validation: f64,
    test: f64,
    over_twin: f64,
    train_macs: f64,
    diverged: bool,
    epochs: Vec<Epoch>,
    /// The largest change of any output by an edit, and the edits.
    removals: (f64, usize),
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let s: Summary = trial.row()?;
        let (removals, epochs): (Vec<Removal>, Vec<Epoch>) = (trial.rows()?, trial.rows()?);
        let worst = removals
            .iter()
            .filter_map(|removal| removal.deviation)
            .fold(0.0, f64::max);
        let (twins, gated): (Vec<Epoch>, _) = epochs.into_iter().partition(|epoch| epoch.net == "twin");
        let net = Self {
            units: s.units,
            clear: s.clearly_open_units,
            train: s.train_accuracy,
            validation: s.validation_accuracy,
            test: s.test_accuracy,
            over_twin: s.test_accuracy - s.twin_test_accuracy,
            train_macs: s.train_macs as f64,
            diverged: s.diverged,
            epochs: gated,
            removals: (worst, removals.len()),
        };
        let name = &trial.key.variant;
        if twins.is_empty() {
            return Ok(vec![(name.clone(), net)]);
        }
        let twin = Self {
            clear: s.units.max(1),
            train: f64::NAN,
            over_twin: f64::NAN,
            validation: s.twin_validation_accuracy,
            test: s.twin_test_accuracy,
            diverged: s.twin_diverged,
            epochs: twins,
            removals: (0.0, 0),
            train_macs: s.twin_train_macs as f64,
            ..net
        };
        Ok(vec![(name.clone(), net), (twin_of(name), twin)])
    }

    fn diverged(&self) -> bool {
        self.diverged
    }
}

impl Net {
    /// The epoch over which most units closed and what it did to the validation accuracy; of equal losses the earliest.
    fn mass_removal(&self) -> Option<(u64, f64)> {
        let pairs = self.epochs.iter().zip(self.epochs.iter().skip(1));
        let most = pairs.max_by_key(|(before, after)| {
            let lost = before.open_units.saturating_sub(after.open_units);
            (lost, std::cmp::Reverse(after.epoch))
        });
        most.filter(|(before, after)| before.open_units > after.open_units)
            .map(|(before, after)| (after.epoch, after.validation_accuracy - before.validation_accuracy))
    }

    fn sizes(&self) -> Vec<f64> {
        // Logarithms have no place for 0 units.
        self.epochs.iter().map(|epoch| epoch.open_units.max(1) as f64).collect()
    }
}

type Q = Quantity<Net>;
/// Units with θ > 0 after the last epoch, of a twin all; 1 where none was left.
pub const SIZE: Q = Q::count("size", "units with θ > 0", |n| n.units.max(1) as f64).over_epochs(Net::sizes);
pub const CLEAR: Q = Q::count("clear", "units with θ > 0.01", |n| n.clear.max(1) as f64);
pub const DOUBLINGS: Q = Q::new("doublings", "log₂ of the units with θ > 0", |n| {
    (SIZE.value(n)).log2()
})
.unit("doublings", 2)
.over_epochs(|n| n.sizes());
pub const CLEAR_DOUBLINGS: Q = Q::new("clear-doublings", "log₂ of the units with θ > 0.01", |n| {
    CLEAR.value(n).log2()
})
.unit("doublings", 2);
pub const TRAIN: Q = Q::new("train", "train accuracy", |n| n.train).unit("", 4);
pub const VALIDATION: Q = Q::accuracy("validation", "validation accuracy", |n| n.validation);
/// The same after every epoch, which is looked at and not judged.
pub const COURSE: Q = VALIDATION.over_epochs(|n| n.epochs.iter().map(|e| e.validation_accuracy).collect());
pub const TEST: Q = Q::accuracy("accuracy", "test accuracy", |n| n.test);
pub const OVER_TWIN: Q = Q::new("over-twin", "test accuracy less the static twin's", |n| n.over_twin).unit("", 4);
pub const MACS: Q = Q::new("macs", "training", |n| n.train_macs / 1e9).unit("10⁹ MACs", 0);
pub const DIP_EPOCH: Q = Q::new("dip-epoch", "number of the epoch over which most units close", |n| {
    n.mass_removal().map_or(f64::NAN, |(epoch, _)| epoch as f64)
})
.unit("epochs", 1);
pub const DIP: Q = Q::new(
    "dip",
    "change of the validation accuracy over the epoch in which most units close",
    |n| n.mass_removal().map_or(f64::NAN, |(_, change)| change),
)
.unit("fraction", 4);

/// The gated nets of a penalty from one starting size.
pub fn gated(penalty: Penalty, start: usize) -> Where {
    let name = named(penalty);
    METHOD_OF
        .is(GATED)
        .named(format!("{name} penalty"))
        .and(PENALTY.is(name))
        .and(START.is(start))
        .named(format!("{name} penalty, from {start} units"))
}

/// The static twins.
pub fn twins() -> Where {
    METHOD_OF.is(STATIC).named("static twins")
}

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

pub fn arms(one: &Arm) -> Vec<espalier_study::Arm> {
    let net = espalier_study::Arm::new(one.to_string())
        .with(&METHOD_OF, GATED)
        .with(&PENALTY, named(one.penalty))
        .with(&LAMBDA, one.lambda)
        .with(&AT, one.lambda)
        .with(&START, one.start);
    let twin = espalier_study::Arm::new(twin_of(&net.name))
        .with(&METHOD_OF, STATIC)
        .with(&AT, one.lambda);
    if one.twin { vec![net, twin] } else { vec![net] }
}

/// The study's λ of choice.
pub const REFERENCE: f64 = 1e-3;
/// A difference in accuracy below which nets count as equally good.
const TENTH_OF_A_POINT: f64 = 1e-3;

/// What the study reported of one data set, from 500 units: λ, units, test accuracy.
pub struct Published(pub &'static [(f64, f64, f64)]);

impl Published {
    /// The study's numbers for a data set that it used.
    pub fn of(dataset: &str) -> Option<&'static Self> {
        match dataset {
            "mnist" => Some(&MNIST),
            "fashion-mnist" => Some(&FASHION),
            _ => None,
        }
    }

    /// Units and accuracy at one λ.
    pub fn at(&self, lambda: f64) -> Option<(f64, f64)> {
        self.0.iter().find(|row| row.0 == lambda).map(|row| (row.1, row.2))
    }
}

const MNIST: Published = Published(&[
    (0.0, 500.0, 0.983),
    (1e-4, 197.0, 0.984),
    (1e-3, 105.0, 0.982),
    (1e-2, 49.0, 0.978),
    (0.1, 18.0, 0.962),
    (1.0, 6.0, 0.87),
]);

const FASHION: Published = Published(&[
    (0.0, 500.0, 0.890),
    (1e-4, 363.0, 0.892),
    (1e-3, 157.0, 0.891),
    (1e-2, 44.0, 0.886),
    (0.1, 15.0, 0.863),
    (1.0, 7.0, 0.835),
]);

/// The claims about one data set; for a set that the study did not use, those without its numbers.
fn claims<'s>(study: &'s Study<Net>, set: &str, start: usize, start_lambda: f64) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, set).said(include_str!("study.md"), set);
    let (size, accuracy) = match set {
        // For MNIST the range of sizes that was asked for; for Fashion-MNIST as wide a one, in proportion.
        "mnist" => (Some(Margin::Within(60.0, 180.0)), Some(Margin::GreaterThan(0.98))),
        "fashion-mnist" => (Some(Margin::Within(90.0, 269.0)), Some(Margin::GreaterThan(0.88))),
        _ => (None, None),
    };
    sizes(&mut claims, start, size);
    accuracies(&mut claims, start, accuracy);
    dips(&mut claims, start);
    starts(&mut claims, start_lambda);
    claims
}

fn sizes(c: &mut Claims<'_, Net>, start: usize, studied: Option<Margin>) {
    for penalty in [Penalty::Strict, Penalty::NonStrict] {
        let name = named(penalty);
        let swept = gated(penalty, start);
        c.falls(format!("J19-monotone-{name}"), &SIZE, &LAMBDA, &swept, 0.9)
            .figure("lambda");
    }
    let reference = gated(Penalty::Strict, start).and(AT.is(REFERENCE));
    if let Some(range) = studied {
        c.reproduces("J19-size", SIZE.at(&reference), range);
    }
    let free = gated(Penalty::NonStrict, start).and(AT.is(REFERENCE));
    let flawed = DOUBLINGS.at(&free).less(DOUBLINGS.at(&reference));
    let [free, strict] = [free, reference].map(|nets| CLEAR_DOUBLINGS.at(&nets));
    c.larger("J19-return", free, strict, &PENALTY)
        .zone(Margin::GreaterThan(0.25))
        .about(&SIZE)
        .flaw(
            "θ > 0 also counts closed gates that Adam moves to and fro around 0",
            flawed,
        )
        .figure("lambda");
}

fn accuracies(c: &mut Claims<'_, Net>, start: usize, studied: Option<Margin>) {
    let strict = gated(Penalty::Strict, start);
    if let Some(range) = studied {
        c.reproduces("J19-accuracy", TEST.at(&strict.clone().and(AT.is(REFERENCE))), range);
    }
    best(c, &strict);
    let small = [Level::Number(1e-4), Level::Number(REFERENCE)];
    let least = Margin::GreaterThan(-TENTH_OF_A_POINT);
    let at = |nets: &Where, level: &Where| TEST.at(&nets.clone().and(level.clone()));
    let over_whole = |level: &Where| at(&strict, level).less(at(&strict, &AT.is(0.0)));
    c.each("J19-whole", &AT, &small, least, Some(&LAMBDA), over_whole)
        .about(&SIZE)
        .settled(&SIZE);
    let over_twin = |level: &Where| at(&strict, level).less(at(&twins(), level));
    c.each("J19-twin", &AT, &small, least, Some(&METHOD_OF), over_twin)
        .figure("frontier");
}

/// The λ at which nets fit and generalise best.
fn best(c: &mut Claims<'_, Net>, strict: &Where) {
    let tested = "98.4 % on MNIST, 89.2 % on Fashion-MNIST";
    for (id, words, number, quantity) in [
        ("J19-fits", "nets fit best at λ = 0.0001", "stated", &TRAIN),
        ("J19-best", "nets generalise best at λ = 0.0001", tested, &TEST),
    ] {
        let at = quantity.argmax_over(&LAMBDA, strict);
        c.reproduces(id, at, Margin::Within(0.5e-4, 2e-4))
            .study(words, number)
            .figure("lambda");
    }
}

fn dips(c: &mut Claims<'_, Net>, start: usize) {
    let strict = gated(Penalty::Strict, start);
    let mut large = c.levels(&AT, &strict);
    large.retain(|level| level.number() >= 0.01);
    let at = |quantity: Q, level: &Where| quantity.at(&strict.clone().and(level.clone()));
    for (id, quantity, zone) in [
        ("J19-dip-epoch", DIP_EPOCH, Margin::Within(2.0, 3.0)),
        ("J19-dip", DIP, Margin::LessThan(0.0)),
    ] {
        c.each(id, &AT, &large, zone, None, |level| at(quantity, level))
            .regardless_of(&EPOCHS)
            .figure("epochs");
    }
    let small = at(DIP, &AT.is(REFERENCE));
    c.reproduces("J19-dip-small", small, Margin::LessThan(0.0))
        .regardless_of(&EPOCHS)
        .figure("epochs");
}

fn starts(c: &mut Claims<'_, Net>, lambda: f64) {
    let swept = PENALTY
        .is(named(Penalty::Strict))
        .and(AT.is(lambda))
        .named(format!("strict, λ = {}", written(lambda)));
    if c.levels(&START, &swept).len() < 2 {
        return;
    }
    let level = Margin::Within(-0.1, 0.1);
    c.trend("J19-start", &SIZE, &START, &swept, Measure::Exponent, level)
        .figure("starts");
    let (last, first) = (TEST.last(&START, &swept), TEST.first(&START, &swept));
    c.alike("J19-start-accuracy", last, first, TENTH_OF_A_POINT, &START)
        .about(&SIZE)
        .settled(&SIZE)
        .figure("starts");
}
const STUDY: &str = "study 003";
const CLEARLY: &str = "non-strict, θ > 0.01";
const TWIN: &str = "static twin of that size";

pub fn size_axis() -> Axis {
    Axis::log2("Size: units with θ > 0").unit("units")
}

fn colours() -> Colours {
    Colours::named(["strict", "non-strict", TWIN, STUDY, CLEARLY])
}

/// All figures in the order of the page, with the zones of the claims that name them.
fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Sweeps) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    over_lambda(&mut figures, s.start);
    over_epochs(&mut figures, study, s.start);
    over_starts(&mut figures, study, s.start_lambda);
    frontier(&mut figures, s.start);
    Ok(figures)
}

/// The study's numbers, which are of nets from 500 units.
fn published(sweep: Sweep<Net>, start: usize, number: fn(&(f64, f64, f64)) -> f64) -> Sweep<Net> {
    if start != 500 {
        return sweep;
    }
    sweep.published(STUDY, move |set| {
        let rows = Published::of(set).map_or(&[][..], |published| published.0);
        rows.iter().map(|row| (row.0, number(row))).collect()
    })
}

fn over_lambda(figures: &mut Figures<'_, Net>, start: usize) {
    let (strict, free) = (gated(Penalty::Strict, start), gated(Penalty::NonStrict, start));
    let both = |panel: Sweep<Net>| {
        let panel = panel.categories().series("strict", &strict);
        panel.series("non-strict", &free).aside(0.12)
    };
    let sizes = both(sweep(&SIZE, &AT)).series_of(CLEARLY, &CLEAR, &free).aside(0.12);
    let scores = both(sweep(&TEST, &AT)).series(TWIN, &twins());
    figures
        .plot("lambda", "How do size and accuracy follow the penalty?")
        .panel(format!("size, from {start} units"), published(sizes, start, |row| row.1).y(size_axis()))
        .panel("accuracy", published(scores, start, |row| row.2))
        .colours(colours())
        .size(470, 360)
        .alt("Size and test accuracy against λ for both penalties, the static twins and the study")
        .caption(
            "Left: units left after training. Right: accuracy on test images, read once after training, beside static nets of the \
             strict nets' sizes. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals; the study's points \
             are means read from its figures.",
        );
}

fn over_epochs(figures: &mut Figures<'_, Net>, study: &Study<Net>, start: usize) {
    let strict = gated(Penalty::Strict, start);
    let name = |arm: &espalier_study::Arm| format!("λ = {}", written(arm.number(&AT)));
    let lambdas = study.levels(&AT, &strict).into_iter();
    let names = lambdas.map(|lambda| format!("λ = {}", written(lambda.number())));
    figures
        .plot("epochs", "When do units close, and does accuracy dip?")
        .panel("size, strict penalty", curves(&SIZE, &AT, &strict, name).y(size_axis()))
        .panel("accuracy, strict penalty", curves(&COURSE, &AT, &strict, name))
        .colours(Colours::ordered(names))
        .because(Rule::Coincide, "the smallest weights close no unit, which the figure shows")
        .alt("Units and validation accuracy after every epoch, one line for each λ of the strict penalty")
        .caption(
            "Gates start at 1 and Adam moves them by about the learning rate in each step, so that many reach 0 together after some \
             thousand steps; accuracy dips there. Lines are interquartile means over seeds, bands 95 % bootstrap intervals.",
        );
}

fn over_starts(figures: &mut Figures<'_, Net>, study: &Study<Net>, lambda: f64) {
    let swept = PENALTY.is(named(Penalty::Strict)).and(AT.is(lambda));
    let name = |arm: &espalier_study::Arm| format!("from {}", arm.number(&START));
    let starts = study.levels(&START, &swept).into_iter();
    let names = starts.map(|start| format!("from {start}"));
    let course = curves(&SIZE, &START, &swept, name).y(size_axis());
    figures
        .plot("starts", "Does the starting size decide the final one?")
        .panel(format!("strict, λ = {}", written(lambda)), course)
        .panel("final size", sweep(&SIZE, &START).series("strict", &swept).y(size_axis()))
        .panel("accuracy", sweep(&TEST, &START).series("strict", &swept))
        .colours(Colours::ordered(names))
        .columns(3)
        .size(370, 320)
        .alt("Size by epoch from several starts, and final size and test accuracy against the units at first")
        .caption(
            "If lines on the left meet and the line in the middle is level, the start does not matter, the question that the study left \
             open. Points and lines are interquartile means over seeds, whiskers and bands 95 % bootstrap intervals.",
        );
}

fn frontier(figures: &mut Figures<'_, Net>, start: usize) {
    let swept = gated(Penalty::Strict, start).and(AT.any([1e-4, 1e-3, 1e-2, 0.1, 1.0]));
    let points = scatter(&SIZE, &TEST).x(Axis::log2("Size").unit("units"));
    figures
        .plot("frontier", "Are gated nets more accurate than static nets of their size?")
        .panel(
            format!("strict penalty, from {start} units, one point per net"),
            points.series("strict", &swept).series(TWIN, &twins()),
        )
        .colours(colours())
        .size_alone(620, 380)
        .alt("Test accuracy against size for gated nets and their static twins")
        .caption(
            "Every point is one net of one seed and λ; a twin has the size that the gated net of its seed and λ has reached.",
        );
}

/// The page of one or several data sets.
pub fn page(run: &Run<'_, crate::Sparsified>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = study(context, s, variants)?.read_all(sets, &context.seeds)?;
    let declare = |set: &Set<Net>| claims(&study, &set.name, s.start, s.start_lambda);
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(declare).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Sweeps>(context, "")?,
        headline: vec!["J19-monotone-strict".to_owned()],
        ..run.report(include_str!("method.md"))
    };
    let (table, remarks) = (
        |set: &Set<Net>| table(&study, set),
        |set: &Set<Net>| remarks(&study, set),
    );
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}

fn study(context: &ReportContext, s: &Sweeps, variants: &[Arm]) -> anyhow::Result<Study<Net>> {
    Ok(Study::new("sparsifier", all(s, variants))?
        .outcome(SIZE)
        .original(EPOCHS, 60.0)
        .subtitle(context.subtitle_with_epochs()?))
}

/// All arms with what they share.
pub fn all(s: &Sweeps, variants: &[Arm]) -> Vec<espalier_study::Arm> {
    let arms = variants.iter().flat_map(arms);
    arms.map(|arm| {
        arm.with(&EPOCHS, s.epochs as f64)
            .with(&BATCH, s.batch as f64)
            .with(&RATE, s.learning_rate)
    })
    .collect()
}

/// All nets beside the study's numbers.
fn table(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<TableBlock> {
    let columns = [SIZE, CLEAR, TRAIN, VALIDATION, TEST, OVER_TWIN, MACS];
    let mut table = study.table(set, "All nets", &Where::all(), &columns)?;
    table.header.insert(3, "study: units, test accuracy".to_owned());
    for (cells, arm) in table.rows.iter_mut().zip(&study.arms) {
        let as_published = arm.text(&PENALTY) == named(Penalty::Strict) && arm.number(&START) == 500.0;
        let published = Published::of(&set.name).filter(|_| as_published);
        let numbers = published.and_then(|published| published.at(arm.number(&AT)));
        let words = numbers.map(|(units, accuracy)| format!("{units}, {accuracy:.3}"));
        cells.insert(3, words.unwrap_or_else(|| "–".to_owned()));
    }
    let note =
        "Interquartile means over seeds with 95 % bootstrap intervals; MACs are multiply–accumulates of training.";
    Ok(table.noted(note))
}

fn remarks(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let removals: Vec<(f64, usize)> = set.nets(&study.arms).map(|net| net.removals).collect();
    let edits: usize = removals.iter().map(|(_, edits)| edits).sum();
    let worst = removals.iter().map(|(worst, _)| *worst).fold(0.0, f64::max);
    let edits = format!(
        "Units left the nets in {edits} edits; the largest change of any output was {worst:.1e} of the largest output."
    );
    let strict = PENALTY.is(named(Penalty::Strict));
    vec![study.settled_note(set, &SIZE, &strict), edits, study.diverged_note(set)]
}
