//! What the rows say of each data set: quantities, claims, figures, the table.

use espalier_sparsifier::Penalty;
use espalier_study::prelude::*;
use espalier_study::standard::{EPOCHS, schedule};
use espalier_trial::Run;

use crate::{Arm, Epoch, Removal, Sparsified, Summary, Sweeps, named, written};

const METHOD_OF: Factor = Factor::method("method");
/// Strict or not, which decides as well when closed units are taken out.
const PENALTY: Factor = Factor::method("penalty");
const LAMBDA: Factor = Factor::setting("weight λ of the penalty");
const START: Factor = Factor::setting("units at first").unit("units").log2();
/// The λ of a net, of a twin that of its gated net.
pub const AT: Factor = Factor::label("λ");

/// The method of gated nets, and that of their twins.
const GATED: &str = "gates";
const STATIC: &str = "static";

/// A trained net, gated or static.
pub struct Net {
    summary: Summary,
    epochs: Vec<Epoch>,
    removals: Vec<Removal>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (name, summary, rows) = (&trial.key.variant, trial.row::<Summary>()?, trial.rows::<Epoch>()?);
        let (twins, own): (Vec<Epoch>, _) = rows.into_iter().partition(|epoch| epoch.net == "twin");
        let net = |summary, epochs, removals| Self {
            summary,
            epochs,
            removals,
        };
        let trained = !twins.is_empty();
        let twin = trained.then(|| (twin_of(name), net(summary.twin(), twins, Vec::new())));
        let own = (name.clone(), net(summary, own, trial.rows()?));
        Ok([Some(own), twin].into_iter().flatten().collect())
    }

    fn diverged(&self) -> bool {
        self.summary.diverged
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

    fn dip_epoch(&self) -> f64 {
        self.mass_removal().map_or(f64::NAN, |(epoch, _)| epoch as f64)
    }

    fn dip(&self) -> f64 {
        self.mass_removal().map_or(f64::NAN, |(_, change)| change)
    }

    fn sizes(&self) -> Vec<f64> {
        // Logarithms have no place for 0 units.
        self.epochs.iter().map(|epoch| epoch.open_units.max(1) as f64).collect()
    }

    fn course(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.validation_accuracy).collect()
    }

    fn over_twin(&self) -> f64 {
        self.summary.test_accuracy - self.summary.twin_test_accuracy
    }
}

type Q = Quantity<Net>;
quantities! { Net;
    /// Units with θ > 0 after the last epoch, of a twin all; 1 where none was left.
    pub SIZE = "size", "units with θ > 0", "" 0, |n| n.summary.units.max(1) as f64, over_epochs(Net::sizes);
    CLEAR = "clear", "units with θ > 0.01", "" 0, |n| n.summary.clearly_open_units.max(1) as f64;
    pub DOUBLINGS = "doublings", "log₂ of the units with θ > 0", "doublings" 2, |n| SIZE.value(n).log2(), over_epochs_of(&SIZE);
    CLEAR_DOUBLINGS = "clear-doublings", "log₂ of the units with θ > 0.01", "doublings" 2, |n| CLEAR.value(n).log2();
    TRAIN = "train", "train accuracy", "" 4, |n| n.summary.train_accuracy;
    VALIDATION = "validation", "validation accuracy", "fraction" 4 higher_is_better, |n| n.summary.validation_accuracy;
}
/// The same after every epoch, which is looked at and not judged.
const COURSE: Q = VALIDATION.over_epochs(Net::course);
quantities! { Net;
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
    OVER_TWIN = "over-twin", "test accuracy less the static twin's", "" 4, Net::over_twin;
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.summary.train_macs as f64 / 1e9;
    DIP_EPOCH = "dip-epoch", "number of the epoch over which most units close", "epochs" 1, Net::dip_epoch;
    DIP = "dip", "change of the validation accuracy over the epoch in which most units close", "fraction" 4, Net::dip;
}

/// The gated nets of a penalty from one starting size.
pub fn gated(penalty: Penalty, start: usize) -> Where {
    let words = format!("{} penalty, from {start} units", named(penalty));
    let nets = METHOD_OF.is(GATED).and(PENALTY.is(named(penalty)));
    nets.and(START.is(start)).named(words)
}

/// The static twins.
fn twins() -> Where {
    METHOD_OF.is(STATIC).named("static twins")
}

/// The strict nets of every start, at one λ.
fn of_starts(lambda: f64) -> Where {
    let strict = PENALTY.is(named(Penalty::Strict)).and(AT.is(lambda));
    strict.named(format!("strict, λ = {}", written(lambda)))
}

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

fn arms(one: &Arm) -> Vec<espalier_study::Arm> {
    let net = espalier_study::Arm::new(one.to_string())
        .with(&METHOD_OF, GATED)
        .with(&PENALTY, named(one.penalty))
        .with(&LAMBDA, one.lambda)
        .with(&START, one.start);
    let twin = espalier_study::Arm::new(twin_of(&net.name)).with(&METHOD_OF, STATIC);
    let all = [Some(net), one.twin.then_some(twin)].into_iter().flatten();
    all.map(|arm| arm.with(&AT, one.lambda)).collect()
}

/// The study's λ of choice.
const REFERENCE: f64 = 1e-3;
/// A difference in accuracy below which nets count as equally good.
const TENTH_OF_A_POINT: f64 = 1e-3;

/// What the study reported of a data set that it used, from 500 units: λ, units, test accuracy.
fn published(set: &str) -> &'static [(f64, f64, f64)] {
    match set {
        "mnist" => &[
            (0.0, 500.0, 0.983),
            (1e-4, 197.0, 0.984),
            (1e-3, 105.0, 0.982),
            (1e-2, 49.0, 0.978),
            (0.1, 18.0, 0.962),
            (1.0, 6.0, 0.87),
        ],
        "fashion-mnist" => &[
            (0.0, 500.0, 0.890),
            (1e-4, 363.0, 0.892),
            (1e-3, 157.0, 0.891),
            (1e-2, 44.0, 0.886),
            (0.1, 15.0, 0.863),
            (1.0, 7.0, 0.835),
        ],
        _ => &[],
    }
}

/// The claims about one data set; for a set that the study did not use, those without its numbers.
fn claims(c: &mut Claims<'_, Net>, s: &Sweeps) {
    let [strict, free] = [Penalty::Strict, Penalty::NonStrict].map(|penalty| gated(penalty, s.start));
    let at_reference = strict.also(&AT.is(REFERENCE));
    c.falls("J19-monotone-strict", &SIZE, &LAMBDA, &strict, 0.9);
    c.falls("J19-monotone-non-strict", &SIZE, &LAMBDA, &free, 0.9);
    // For MNIST the range of sizes that was asked for; for Fashion-MNIST as wide a one, in proportion.
    let studied = match &*c.set {
        "mnist" => Some((Margin::Within(60.0, 180.0), Margin::GreaterThan(0.98))),
        "fashion-mnist" => Some((Margin::Within(90.0, 269.0), Margin::GreaterThan(0.88))),
        _ => None,
    };
    if let Some((size, _)) = studied {
        c.reproduces("J19-size", SIZE.at(&at_reference), size);
    }
    returning(c, &free.also(&AT.is(REFERENCE)), &at_reference);
    if let Some((_, accuracy)) = studied {
        c.reproduces("J19-accuracy", TEST.at(&at_reference), accuracy);
    }
    let near = Margin::Within(0.5e-4, 2e-4);
    c.reproduces("J19-fits", TRAIN.argmax_over(&LAMBDA, &strict), near);
    c.reproduces("J19-best", TEST.argmax_over(&LAMBDA, &strict), near);
    beside_others(c, &strict);
    dips(c, &strict);
    starts(c, &of_starts(s.start_lambda));
}

/// Whether units that may open again do so.
fn returning(c: &mut Claims<'_, Net>, free: &Where, strict: &Where) {
    let flaw = "θ > 0 also counts closed gates that Adam moves to and fro around 0";
    let flawed = DOUBLINGS.at(free).less(DOUBLINGS.at(strict));
    let [free, strict] = [free, strict].map(|nets| CLEAR_DOUBLINGS.at(nets));
    let more = c.larger("J19-return", free, strict, &PENALTY).about(&SIZE);
    more.zone(Margin::GreaterThan(0.25)).flaw(flaw, flawed);
}

/// Accuracy beside that of nets without a penalty and of static twins.
fn beside_others(c: &mut Claims<'_, Net>, strict: &Where) {
    let small = [Level::Number(1e-4), Level::Number(REFERENCE)];
    let (least, whole) = (Margin::GreaterThan(-TENTH_OF_A_POINT), strict.also(&AT.is(0.0)));
    let over_whole = |level: &Where| TEST.at(&strict.also(level)).less(TEST.at(&whole));
    let over = c.each("J19-whole", &AT, &small, least, Some(&LAMBDA), over_whole);
    over.about(&SIZE).settled(&SIZE);
    let over_twin = TEST.lead(strict, &twins());
    c.each("J19-twin", &AT, &small, least, Some(&METHOD_OF), over_twin);
}

fn dips(c: &mut Claims<'_, Net>, strict: &Where) {
    let mut large = c.levels(&AT, strict);
    large.retain(|level| level.number() >= 0.01);
    let (second, falls) = (Margin::Within(2.0, 3.0), Margin::LessThan(0.0));
    let at = |quantity: Q| move |level: &Where| quantity.at(&strict.also(level));
    c.each("J19-dip-epoch", &AT, &large, second, None, at(DIP_EPOCH))
        .regardless_of(&EPOCHS);
    c.each("J19-dip", &AT, &large, falls, None, at(DIP))
        .regardless_of(&EPOCHS);
    c.reproduces("J19-dip-small", at(DIP)(&AT.is(REFERENCE)), falls)
        .regardless_of(&EPOCHS);
}

fn starts(c: &mut Claims<'_, Net>, swept: &Where) {
    if c.levels(&START, swept).len() < 2 {
        return;
    }
    let level = Margin::Within(-0.1, 0.1);
    c.trend("J19-start", &SIZE, &START, swept, Measure::Exponent, level);
    let (last, first) = (TEST.last(&START, swept), TEST.first(&START, swept));
    let alike = c.alike("J19-start-accuracy", last, first, TENTH_OF_A_POINT, &START);
    alike.about(&SIZE).settled(&SIZE);
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

/// All figures in the order of the page.
fn figures(f: &mut Figures<'_, Net>, study: &Study<Net>, s: &Sweeps) {
    over_lambda(f, s.start);
    over_epochs(f, study, &gated(Penalty::Strict, s.start));
    over_starts(f, study, s.start_lambda);
    let swept = gated(Penalty::Strict, s.start).and(AT.any([1e-4, 1e-3, 1e-2, 0.1, 1.0]));
    let points = frontier(&SIZE, &TEST, TWIN, &twins(), &AT).series("strict", &swept);
    let points_of_accuracy = Axis::linear("Difference of test accuracy").unit("points");
    let less = bars(&AT, &swept, points_of_accuracy, 100.0).series("strict less its twin", TEST.lead(&swept, &twins()));
    f.shown("frontier")
        .panel(format!("strict penalty, from {} units", s.start), points)
        .panel("strict less its twin, by λ", less)
        .colours(colours());
}

/// The study's numbers, which are of nets from 500 units.
fn beside_study(sweep: Sweep<Net>, start: usize, number: fn(&(f64, f64, f64)) -> f64) -> Sweep<Net> {
    if start != 500 {
        return sweep;
    }
    let points = move |set: &str| published(set).iter().map(|row| (row.0, number(row))).collect();
    sweep.published(STUDY, points)
}

fn over_lambda(f: &mut Figures<'_, Net>, start: usize) {
    let (strict, free) = (gated(Penalty::Strict, start), gated(Penalty::NonStrict, start));
    let both = |panel: Sweep<Net>| {
        let panel = panel.categories().series("strict", &strict);
        panel.series("non-strict", &free).aside(0.12)
    };
    let sizes = both(sweep(&SIZE, &AT)).series_of(CLEARLY, &CLEAR, &free).aside(0.12);
    let scores = both(sweep(&TEST, &AT)).series(TWIN, &twins());
    let sizes = beside_study(sizes, start, |row| row.1).y(size_axis());
    f.shown("lambda")
        .panel(format!("size, from {start} units"), sizes)
        .panel("accuracy", beside_study(scores, start, |row| row.2))
        .colours(colours())
        .size(470, 360);
}

fn over_epochs(f: &mut Figures<'_, Net>, study: &Study<Net>, strict: &Where) {
    let name = |lambda: f64| format!("λ = {}", written(lambda));
    let of = |quantity| curves(quantity, &AT, strict, |arm| format!("λ = {}", written(arm.number(&AT))));
    let names = study.levels(&AT, strict).into_iter().map(|level| name(level.number()));
    f.shown("epochs")
        .panel("size, strict penalty", of(&SIZE).y(size_axis()))
        .panel("accuracy, strict penalty", of(&COURSE))
        .colours(Colours::ordered(names));
}

fn over_starts(f: &mut Figures<'_, Net>, study: &Study<Net>, lambda: f64) {
    let swept = of_starts(lambda);
    let course = curves(&SIZE, &START, &swept, |arm| format!("from {}", arm.text(&START)));
    let starts = study.levels(&START, &swept).into_iter();
    let names = starts.map(|start| format!("from {start}"));
    f.shown("starts")
        .panel(swept.to_string(), course.y(size_axis()))
        .panel(
            "final size",
            sweep(&SIZE, &START).series("strict", &swept).y(size_axis()),
        )
        .panel("accuracy", sweep(&TEST, &START).series("strict", &swept))
        .colours(Colours::ordered(names))
        .columns(3)
        .size(370, 320);
}

/// The page of one or several data sets.
pub fn page(run: &Run<'_, Sparsified>) -> anyhow::Result<Report> {
    let s = &run.settings;
    let study = study(run)?.outcome(SIZE).read_all(run.sets, &run.context.seeds)?;
    let claims = study.claims(include_str!("study.md"), |c| claims(c, s));
    let shown = study.figures(&claims, |f| figures(f, &study, s))?;
    let base = Report {
        shortened: espalier_trial::shortened_images::<Sweeps>(run.context, "")?,
        headline: vec!["J19-monotone-strict".to_owned()],
        ..run.report(include_str!("method.md"))
    };
    let (table, remarks) = (|set: &_| table(&study, set), |set: &_| remarks(&study, set));
    Ok(study.page(base, &claims, &shown, table, remarks)?)
}

/// All arms with what they share, without rows.
pub fn study(run: &Run<'_, Sparsified>) -> anyhow::Result<Study<Net>> {
    let s = &run.settings;
    Ok(Study::new("sparsifier", run.variants.iter().flat_map(arms).collect())?
        .common(schedule(s.epochs, s.batch, s.learning_rate))
        .original(EPOCHS, 60.0)
        .words(include_str!("figures.md"))
        .subtitle(run.context.subtitle_with_epochs()?))
}

/// All nets beside the study's numbers.
fn table(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<TableBlock> {
    let columns = [SIZE, CLEAR, TRAIN, VALIDATION, TEST, OVER_TWIN, MACS];
    let mut table = study.table(set, "All nets", &Where::all(), &columns)?;
    table.header.insert(3, "study: units, test accuracy".to_owned());
    let as_published = PENALTY.is(named(Penalty::Strict)).and(START.is(500.0));
    for (cells, arm) in table.rows.iter_mut().zip(&study.arms) {
        let mut theirs = published(&set.name).iter().filter(|_| as_published.holds(arm));
        let theirs = theirs.find(|row| row.0 == arm.number(&AT));
        let words = theirs.map(|(_, units, accuracy)| format!("{units}, {accuracy:.3}"));
        cells.insert(3, words.unwrap_or_else(|| "–".to_owned()));
    }
    Ok(table)
}

fn remarks(study: &Study<Net>, set: &Set<Net>) -> Vec<String> {
    let removals = || set.nets(&study.arms).flat_map(|net| &net.removals);
    let (edits, deviations) = (removals().count(), removals().filter_map(|removal| removal.deviation));
    let worst = deviations.fold(0.0, f64::max);
    let edits = format!(
        "Units left the nets in {edits} edits; the largest change of any output was {worst:.1e} of the largest output."
    );
    let strict = PENALTY.is(named(Penalty::Strict));
    vec![study.settled_note(set, &SIZE, &strict), edits, study.diverged_note(set)]
}
