//! What the rows say: claims, figures and tables.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::arms::{Arm, Model, Place};
use crate::nets::*;
use crate::rows::Summary;
use crate::streams::{Size, Stream};
use crate::{DeadUnitRecycling, Sizes};

/// The largest change of the outputs, relative to the largest output, that rounding explains.
const ROUNDING: f64 = 1e-5;
/// The page of one data set.
pub fn page(run: &Run<'_, DeadUnitRecycling>) -> anyhow::Result<Report> {
    let s = &run.settings;
    let (tasks, images, flips, rows) = (s.tasks, s.task_images, s.flips, s.flip_rows);
    let given = run.context.subtitle();
    let subtitle = format!("{given}; {tasks} tasks of {images} images, {flips} flips of {rows} rows");
    let study = study(run, subtitle)?;
    let claims = [claims(&study)];
    let shown = study.figures(&claims, |f| figures(f, &study))?;
    let known = run.report(include_str!("method.md"));
    let members = Place::all().map(|place| (id("accuracy", place), place.to_string()));
    let base = Report {
        dataset: format!("{}; the regression stream is drawn", known.dataset),
        shortened: shortened(s),
        tally: Some(Tally::new(
            "streams",
            "end with a better score by recycling with noise",
            members,
        )),
        headline: vec![id("fewer-dead", Place::all()[0])],
        ..known
    };
    let remarks = |set: &Set<Net>| {
        let edge = study.edge_note(&set.name).into_iter();
        edge.chain([study.diverged_note(set), edits(&study, set)]).collect()
    };
    Ok(study.page(base, &claims, &shown, |set| tables(&study, set), remarks)?)
}

/// What is smaller than in the papers.
fn shortened(sizes: &Sizes) -> Vec<String> {
    let paper = |stream: Stream, of: &str, all: usize, rows_of: &str, each: usize| {
        let Size { tasks, rows, batch, .. } = stream.size(sizes);
        let ours = format!("{tasks} {of} of {rows} {rows_of} in batches of {batch}");
        let line = format!("{ours}, where the paper has {all} of {each} seen one by one");
        (tasks < all || rows < each).then_some(line)
    };
    let (thread, width) = ("the thread has no experiment", sizes.width);
    let lines = [
        Some(format!(
            "{thread}: sizes are set against the papers whose streams these are"
        )),
        // Dohare et al. 2024: permuted images, and the slowly-changing regression.
        paper(Stream::Pixels, "tasks", 800, "images", 60_000),
        paper(Stream::Bits, "flips", 300, "rows", 10_000),
        Some(format!(
            "hidden layers of {width} units, where the paper's nets for images have up to 2 000"
        )),
    ];
    lines.into_iter().flatten().collect()
}

/// What was hoped for in each place, then what is asked of single arms.
fn claims(study: &Study<Net>) -> Claims<'_, Net> {
    let of_place = |place: Place| {
        let text = include_str!("study.md").replace("{place}", &place.to_string());
        text.replace("{here}", &here(place))
    };
    let said: String = Place::all().map(of_place).concat();
    let mut claims = Claims::of(study, &study.sets[0].name).said(&said, "any set");
    let c = &mut claims;
    Place::all().iter().for_each(|place| recycling(c, *place));
    let perceptrons = || Place::all().into_iter().filter(|place| place.model == Model::Mlp);
    perceptrons().for_each(|place| no_strategy(c, place));
    perceptrons().for_each(|place| rivals(c, place));
    // Is the noise needed, as the thread has it?
    let first = Place::all()[0];
    for (name, quantity) in [("noise-rank", RANK), ("noise-accuracy", VALIDATION)] {
        let at = |arm| quantity.at(&net(first, arm, &REFERENCE));
        larger(c, id(name, first), [Arm::RecycleNoise, Arm::Recycle].map(at));
    }
    claims
}

/// A place in the names of claims.
fn here(place: Place) -> String {
    let place = place.to_string().to_lowercase().replace(", ", "-");
    place.replace(' ', "-")
}

/// The name of a claim about one place.
fn id(what: &str, place: Place) -> String {
    format!("{what}-{}", here(place))
}

/// The first of two arms has more of something.
fn larger<'c>(c: &'c mut Claims<'_, Net>, id: String, [arm, rival]: [Statistic<Net>; 2]) -> &'c mut Declared<Net> {
    c.larger(id, arm, rival, &METHOD)
}

fn recycling(c: &mut Claims<'_, Net>, place: Place) {
    let both = [Arm::Recycle, Arm::RecycleNoise].map(|arm| arm.name().into());
    let (here, below) = (PLACE.is(place.to_string()), Margin::LessThan(0.0));
    let (of, none) = (here.also(&REFERENCE.is(true)), net(place, Arm::None, &REFERENCE));
    let fewer = |arm: &Where| DEAD.at(&of.also(arm)).less(DEAD.at(&none));
    c.each(id("fewer-dead", place), &METHOD, &both, below, Some(&METHOD), fewer);
    for (name, at) in [("accuracy", OWN), ("accuracy-high", HIGHEST)] {
        let score = |arm| VALIDATION.at(&net(place, arm, &at));
        larger(c, id(name, place), [Arm::RecycleNoise, Arm::None].map(score));
    }
    let recycled = METHOD.is(Arm::Recycle.name()).and(here).and(TRIED.is(true));
    let words =
        format!("{place}: recycling without noise leaves the outputs as they are, to {ROUNDING:e} of the largest");
    c.identity(id("outputs", place), &words, &recycled, |net| {
        net.summary.edits_applied == 0 || net.summary.largest_deviation < ROUNDING
    })
    .study(words.clone(), "exact in theory");
}

fn no_strategy(c: &mut Claims<'_, Net>, place: Place) {
    let dying = DYING.at(&net(place, Arm::None, &REFERENCE));
    c.lies(id("dying", place), dying, Margin::GreaterThan(0.0));
    if place.stream != Stream::Bits {
        let [worn, fresh] = [Arm::None, Arm::StartOver].map(|arm| ONLINE.at(&net(place, arm, &OWN)));
        c.smaller(id("plasticity", place), worn, fresh, &METHOD);
    }
}

fn rivals(c: &mut Claims<'_, Net>, place: Place) {
    let score = |arm| VALIDATION.at(&net(place, arm, &OWN));
    for (name, rival) in [("reinitialise", Arm::Reinitialise), ("redo", Arm::Redo)] {
        larger(c, id(name, place), [Arm::RecycleNoise, rival].map(score));
    }
    for (name, arm) in [("continual-backprop", Arm::ContinualBackprop), ("growth", Arm::Growth)] {
        larger(c, id(name, place), [arm, Arm::None].map(score)).about(&MACS);
    }
}

/// The arms that figures are about; where a panel has many, the others step back.
const SHOWN: [Arm; 4] = [Arm::None, Arm::Recycle, Arm::RecycleNoise, Arm::Redo];

fn figures(f: &mut Figures<'_, Net>, study: &Study<Net>) {
    let dead = || Axis::linear("Dead units").unit("%").range(0.0, 100.0);
    let (score, rank) = (
        ONLINE_COURSE.axis().at_least(0.4, 0.8),
        RANK_COURSE.axis().at_least(0.0, 1.0),
    );
    each_place(f, "dead-share", course(&DEAD_COURSE, &REFERENCE, dead()));
    each_place(f, "dead-share-high", course(&DEAD_COURSE, &HIGHEST, dead()));
    differences(f);
    each_place(f, "online", course(&ONLINE_COURSE, &OWN, score));
    each_place(f, "effective-rank", course(&RANK_COURSE, &REFERENCE, rank));
    let mut panel = sweep(&VALIDATION, &RATE).categories();
    for (slot, arm) in Arm::ALL.into_iter().enumerate() {
        let tried = METHOD.is(arm.name()).and(TRIED.is(true));
        panel = panel.series(arm.name(), &tried).aside(0.05 * (slot as f64 - 3.5));
    }
    let choices = || study.choices(&study.sets[0].name);
    let at_edge = choices().filter(|tuned| tuned.edge().is_some());
    let (edge, all) = (at_edge.count(), choices().count());
    let panel = panel.y(Axis::linear("Validation score").unit("fraction"));
    each_place(f, "rates", panel).with("edge", edge).with("all", all);
}

/// A course over the tasks, one line for each method at the rates that a label names.
fn course(quantity: &Quantity<Net>, at: &Factor, axis: Axis) -> Curves<Net> {
    let tasks = Axis::linear("Task").alone("streams differ in length");
    curves(quantity, &METHOD, &at.is(true), |arm| arm.text(&METHOD))
        .y(axis)
        .along(tasks, |place| place as f64 + 1.0)
}

/// A figure with a panel for each place.
fn each_place<'f>(f: &'f mut Figures<'_, Net>, name: &str, panel: impl Draw<Net> + 'static) -> &'f mut Plot<Net> {
    let plot = f.shown(name).panel("", panel).highlight(SHOWN.map(Arm::name));
    for place in Place::all() {
        plot.facet(place.to_string(), PLACE.is(place.to_string()));
    }
    plot.columns(3)
        .size(380, 300)
        .colours(Colours::named(Arm::ALL.map(Arm::name)))
}

fn differences(f: &mut Figures<'_, Net>) {
    let plot = f.shown("differences").columns(3).size(380, 300);
    for place in Place::all() {
        let score = |arm| VALIDATION.at(&net(place, arm, &OWN));
        let axis = Axis::linear("Difference of the validation score").unit("points");
        let mut panel = forest(axis.alone("effects differ thirtyfold between the streams"), 100.0);
        for arm in place.arms().iter().filter(|arm| **arm != Arm::None) {
            panel = panel.row(arm.name(), score(*arm).less(score(Arm::None)));
        }
        plot.panel(place.to_string(), panel);
    }
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<Vec<TableBlock>> {
    let (own, reference, tried) = (OWN.is(true), REFERENCE.is(true), TRIED.is(true));
    let same = "Dead units and rank, all arms at the rate chosen for none";
    let scores = [VALIDATION, ONLINE, TEST, PARAMETERS, MACS, DECISIONS];
    let all = [DEAD, RANK, ONLINE, VALIDATION, TEST, RENEWED];
    Ok(vec![
        study.table(set, "Scores, each arm at its own chosen rate", &own, &scores)?,
        study.table(set, same, &reference, &[DEAD, RANK, RENEWED])?,
        study.tried_table(&set.name),
        study.table(set, "All nets", &tried, &all)?,
    ])
}

/// How many edits there were.
fn edits(study: &Study<Net>, set: &Set<Net>) -> String {
    let tried = study.chosen(&TRIED.is(true));
    let sum = |of: fn(&Summary) -> u64| set.nets(&tried).map(|net| of(&net.summary)).sum::<u64>();
    let (applied, refused) = (sum(|s| s.edits_applied), sum(|s| s.edits_refused));
    let taken_back = sum(|s| s.edits_rolled_back);
    format!(
        "{applied} edits were applied, {refused} refused, and {taken_back} taken back because they moved the outputs further than claimed."
    )
}
