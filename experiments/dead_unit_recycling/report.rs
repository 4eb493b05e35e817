//! What the rows say: claims, figures and tables.

use espalier_experiment::ReportContext;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::Sizes;
use crate::arms::{Arm, Model, Place};
use crate::nets::{
    DEAD, DEAD_COURSE, DECISIONS, DYING, HIGHEST, MACS, METHOD, Net, ONLINE, ONLINE_COURSE, OWN, PARAMETERS, PLACE,
    RANK, RANK_COURSE, RATE, REFERENCE, RENEWED, TEST, TRIED, VALIDATION, net, study,
};
use crate::streams::{Size, Stream};

/// The largest change of the outputs, relative to the largest output, that rounding explains.
const ROUNDING: f64 = 1e-5;
/// Tasks and images of a task of the permuted images in Dohare et al. 2024, seen one by one.
const PAPER_IMAGES: (usize, usize) = (800, 60_000);
/// Flips and rows between two of their slowly-changing regression, seen one by one.
const PAPER_FLIPS: (usize, usize) = (300, 10_000);

/// The page of one data set.
pub fn page(run: &Run<'_, crate::DeadUnitRecycling>) -> anyhow::Result<Report> {
    let (context, sizes) = (run.context, &run.settings);
    let study = study(run, subtitle(context, sizes))?;
    let claims = [claims(&study)];
    let known = run.report(include_str!("method.md"));
    let members = Place::all().map(|place| (id("accuracy", place), place.to_string()));
    let tally = Tally::new("streams", "end with a better score by recycling with noise", members);
    let base = Report {
        dataset: format!("{}; the regression stream is drawn", known.dataset),
        shortened: shortened(sizes),
        tally: Some(tally),
        headline: vec![id("fewer-dead", Place::all()[0])],
        ..known
    };
    let remarks = |set: &Set<Net>| {
        let edge = study.edge_note(&set.name).into_iter();
        edge.chain([study.diverged_note(set), edits(&study, set)]).collect()
    };
    Ok(study.page(
        base,
        &claims,
        &figures(&study, &claims)?,
        |set| tables(&study, set),
        remarks,
    )?)
}

fn subtitle(context: &ReportContext, sizes: &Sizes) -> String {
    let (tasks, images, flips, rows) = (sizes.tasks, sizes.task_images, sizes.flips, sizes.flip_rows);
    let given = context.subtitle();
    format!("{given}; {tasks} tasks of {images} images, {flips} flips of {rows} rows")
}

/// What is smaller than in the papers.
fn shortened(sizes: &Sizes) -> Vec<String> {
    let mut lines =
        vec!["the thread has no experiment: sizes are set against the papers whose streams these are".to_owned()];
    for (stream, paper, [task, row]) in [
        (Stream::Pixels, PAPER_IMAGES, ["tasks", "images"]),
        (Stream::Bits, PAPER_FLIPS, ["flips", "rows"]),
    ] {
        let Size { tasks, rows, batch, .. } = stream.size(sizes);
        if tasks < paper.0 || rows < paper.1 {
            lines.push(format!(
                "{tasks} {task} of {rows} {row} in batches of {batch}, where the paper has {} of {} seen one by one",
                paper.0, paper.1
            ));
        }
    }
    let width = sizes.width;
    lines.push(format!(
        "hidden layers of {width} units, where the paper's nets for images have up to 2 000"
    ));
    lines
}

/// What was hoped for in each place, then what is asked of single arms.
fn claims(study: &Study<Net>) -> Claims<'_, Net> {
    let mut claims = Claims::of(study, &study.sets[0].name);
    Place::all().iter().for_each(|place| recycling(&mut claims, *place));
    let perceptrons = || Place::all().into_iter().filter(|place| place.model == Model::Mlp);
    perceptrons().for_each(|place| no_strategy(&mut claims, place));
    perceptrons().for_each(|place| rivals(&mut claims, place));
    noise(&mut claims, Place::all()[0]);
    claims
}

/// The name of a claim about one place.
fn id(what: &str, place: Place) -> String {
    let place = place.to_string().to_lowercase().replace(", ", "-");
    format!("{what}-{}", place.replace(' ', "-"))
}

fn recycling(c: &mut Claims<'_, Net>, place: Place) {
    let both = [Arm::Recycle, Arm::RecycleNoise].map(|arm| arm.name().into());
    let of = PLACE.is(place.to_string()).and(REFERENCE.is(true));
    let none = net(place, Arm::None, &REFERENCE);
    let fewer = move |arm: &Where| DEAD.at(&of.clone().and(arm.clone())).less(DEAD.at(&none));
    let (id_fewer, below) = (id("fewer-dead", place), Margin::LessThan(0.0));
    let words = format!("{place}: recycling, with and without noise, ends with fewer dead units");
    c.each(id_fewer, &METHOD, &both, below, Some(&METHOD), fewer)
        .study(words, "wished for")
        .family("whether recycling leaves fewer dead units")
        .figure("dead-share");
    for (name, at, words) in [
        ("accuracy", OWN, "recycling with noise raises the score"),
        (
            "accuracy-high",
            HIGHEST,
            "where units die fastest, recycling with noise raises the score",
        ),
    ] {
        let score = |arm| VALIDATION.at(&net(place, arm, &at));
        c.larger(id(name, place), score(Arm::RecycleNoise), score(Arm::None), &METHOD)
            .study(format!("{place}: {words}"), "hoped for")
            .family(format!("whether recycling raises the score, {}", at.name))
            .figure(if name == "accuracy" { "differences" } else { "rates" });
    }
    let recycled = METHOD
        .is(Arm::Recycle.name())
        .and(PLACE.is(place.to_string()))
        .and(TRIED.is(true));
    let words =
        format!("{place}: recycling without noise leaves the outputs as they are, to {ROUNDING:e} of the largest");
    c.identity(id("outputs", place), &words, &recycled, |net| {
        net.summary.edits_applied == 0 || net.summary.largest_deviation < ROUNDING
    })
    .study(words.clone(), "exact in theory");
}

fn no_strategy(c: &mut Claims<'_, Net>, place: Place) {
    c.lies(
        id("dying", place),
        DYING.at(&net(place, Arm::None, &REFERENCE)),
        Margin::GreaterThan(0.0),
    )
    .study(
        format!("{place}: without a strategy, ever more units are dead"),
        "keeps growing",
    )
    .family("whether ever more units die");
    if place.stream == Stream::Bits {
        return;
    }
    let [worn, fresh] = [Arm::None, Arm::StartOver].map(|arm| ONLINE.at(&net(place, arm, &OWN)));
    c.smaller(id("plasticity", place), worn, fresh, &METHOD)
        .words(format!("{place}: after many tasks a net learns worse than a new one"))
        .family("whether nets that went through many tasks learn the next worse")
        .figure("online");
}

fn rivals(c: &mut Claims<'_, Net>, place: Place) {
    let score = |arm| VALIDATION.at(&net(place, arm, &OWN));
    for (name, rival) in [("reinitialise", Arm::Reinitialise), ("redo", Arm::Redo)] {
        c.larger(id(name, place), score(Arm::RecycleNoise), score(rival), &METHOD)
            .words(format!("{place}: recycling with noise does better than {rival}"))
            .family(format!("whether copies do better than {rival}"))
            .figure("differences");
    }
    for (name, arm) in [("continual-backprop", Arm::ContinualBackprop), ("growth", Arm::Growth)] {
        c.larger(id(name, place), score(arm), score(Arm::None), &METHOD)
            .words(format!("{place}: {arm} raises the score"))
            .family(format!("whether {arm} raises the score"))
            .about(&MACS)
            .figure("differences");
    }
}

/// Is the noise needed, as the thread has it?
fn noise(c: &mut Claims<'_, Net>, place: Place) {
    for (name, quantity, words) in [
        ("noise-rank", RANK, "noise on the copies gives more directions"),
        ("noise-accuracy", VALIDATION, "noise on the copies raises the score"),
    ] {
        let [noisy, exact] = [Arm::RecycleNoise, Arm::Recycle].map(|arm| quantity.at(&net(place, arm, &REFERENCE)));
        c.larger(id(name, place), noisy, exact, &METHOD)
            .study(format!("{place}: {words}"), "needed, so that twins diverge")
            .family("whether copies need noise");
    }
}

/// A course over the tasks, one line for each method at the rates that a label names.
fn course(quantity: &Quantity<Net>, at: &Factor, axis: Axis) -> Curves<Net> {
    curves(quantity, &METHOD, &at.is(true), |arm| arm.text(&METHOD))
        .y(axis)
        .along(Axis::linear("Task").alone("streams differ in length"), |place| {
            place as f64 + 1.0
        })
}

/// The arms that figures are about; where a panel has many, the others step back.
const SHOWN: [Arm; 4] = [Arm::None, Arm::Recycle, Arm::RecycleNoise, Arm::Redo];

const AVERAGED: &str = "Running means over two tasks, on flipping bits over a tenth of the stream. Lines are interquartile means over \
                        seeds, bands 95 % bootstrap intervals.";

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>]) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    let dead = || Axis::linear("Dead units").unit("%").range(0.0, 100.0);
    over_tasks(
        &mut figures,
        ("dead-share", "How many units die at the rate chosen for none?"),
        || course(&DEAD_COURSE, &REFERENCE, dead()),
        "Dead: zero on every training row of the present task wherever the unit is read; in per cent of all hidden units. All arms of a \
         panel at one rate.",
    );
    over_tasks(
        &mut figures,
        ("dead-share-high", "How many units die at the highest rate tried?"),
        || course(&DEAD_COURSE, &HIGHEST, dead()),
        "The same where units die fastest.",
    );
    differences(&mut figures);
    over_tasks(
        &mut figures,
        ("online", "How well does a net score on what it has not seen?"),
        || course(&ONLINE_COURSE, &OWN, ONLINE_COURSE.axis().at_least(0.4, 0.8)),
        "The mean over a task of each batch's score before the step on it. Every arm at its own chosen rate.",
    );
    over_tasks(
        &mut figures,
        ("effective-rank", "Does the effective rank fall over the tasks?"),
        || course(&RANK_COURSE, &REFERENCE, RANK_COURSE.axis().at_least(0.0, 1.0)),
        "e to the entropy of the normalised singular values of the last hidden layer's activations on validation rows. All arms of a \
         panel at the rate that was chosen for none.",
    );
    rates(&mut figures, study);
    Ok(figures)
}

/// One panel for each place, over the tasks.
fn over_tasks(
    figures: &mut Figures<'_, Net>,
    (name, title): (&str, &str),
    panel: impl Fn() -> Curves<Net>,
    caption: &str,
) {
    let plot = figures.plot(name, title);
    for place in Place::all() {
        plot.facet(place.to_string(), PLACE.is(place.to_string()));
    }
    plot.panel("", panel())
        .highlight(SHOWN.map(Arm::name))
        .because(
            Rule::Coincide,
            "arms that leave hardly a dead unit lie on the axis together",
        )
        .because(
            Rule::BroadBand,
            "at a high rate some seeds lose all of their five units and others none",
        )
        .columns(3)
        .size(380, 300)
        .colours(Colours::named(Arm::ALL.map(Arm::name)))
        .alt(format!("{title} One panel a stream and model, one curve an arm"))
        .caption(format!("{caption} {AVERAGED}"));
}

fn differences(figures: &mut Figures<'_, Net>) {
    let plot = figures.plot(
        "differences",
        "Which strategy ends the last tasks with a better score than none?",
    );
    for place in Place::all() {
        let score = |arm| VALIDATION.at(&net(place, arm, &OWN));
        let axis = Axis::linear("Difference of the validation score")
            .unit("points")
            .alone("effects differ thirtyfold between the streams");
        let rows = place.arms().iter().filter(|arm| **arm != Arm::None);
        let row = |panel: espalier_study::plot::Forest<Net>, arm: &Arm| {
            panel.row(arm.name(), score(*arm).less(score(Arm::None)))
        };
        plot.panel(place.to_string(), rows.fold(forest(axis, 100.0), row));
    }
    plot.columns(3)
        .size(380, 300)
        .alt("For each stream and model, the paired difference of each arm's validation score from none with its interval")
        .caption(
            "Paired by seed, every arm at its own chosen rate; right of the line is better than none. Points are interquartile means, \
             whiskers 95 % bootstrap intervals. Panels differ in scale: effects differ thirtyfold between the streams.",
        );
}

fn rates(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let mut panel = sweep(&VALIDATION, &RATE)
        .categories()
        .y(Axis::linear("Validation score").unit("fraction"));
    for (slot, arm) in Arm::ALL.into_iter().enumerate() {
        panel = panel
            .series(arm.name(), &METHOD.is(arm.name()).and(TRIED.is(true)))
            .aside(0.05 * (slot as f64 - 3.5));
    }
    let choices = || study.choices(&study.sets[0].name);
    let (all, edge) = (
        choices().count(),
        choices().filter(|tuned| tuned.edge().is_some()).count(),
    );
    let title = format!("Which rate is best? {edge} of {all} arms are best at the edge of the grid");
    let plot = figures.plot("rates", title);
    for place in Place::all() {
        plot.facet(place.to_string(), PLACE.is(place.to_string()));
    }
    plot.panel("", panel)
        .highlight(SHOWN.map(Arm::name))
        .columns(3)
        .size(380, 300)
        .colours(Colours::named(Arm::ALL.map(Arm::name)))
        .alt("For each stream and model, the validation score of each arm at each learning rate with its interval")
        .caption(
            "Validation score at the end of the tasks of the last quarter. At a higher rate units die faster and arms that renew them \
             have more to win; an arm that is best at an end of the grid may be better beyond. Points are interquartile means over \
             seeds, whiskers 95 % bootstrap intervals; arms are moved aside from each other.",
        );
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<Vec<TableBlock>> {
    let (own, same) = (
        "Scores, each arm at its own chosen rate",
        "Dead units and rank, all arms at the rate chosen for none",
    );
    let scores = [VALIDATION, ONLINE, TEST, PARAMETERS, MACS, DECISIONS];
    let all = [DEAD, RANK, ONLINE, VALIDATION, TEST, RENEWED];
    let note = "Interquartile means over seeds with 95 % bootstrap intervals. The test rows of the last task are read once; MACs of \
                decisions are those of the questions that a strategy asks of the growth batch.";
    Ok(vec![
        study.table(set, own, &OWN.is(true), &scores)?.noted(note),
        study
            .table(set, same, &REFERENCE.is(true), &[DEAD, RANK, RENEWED])?
            .noted(note),
        study.tried_table(&set.name),
        study.table(set, "All nets", &TRIED.is(true), &all)?.noted(note),
    ])
}

/// How many edits there were.
fn edits(study: &Study<Net>, set: &Set<Net>) -> String {
    let (mut applied, mut refused, mut taken_back) = (0, 0, 0);
    for net in set.nets(&study.chosen(&TRIED.is(true))) {
        applied += net.summary.edits_applied;
        refused += net.summary.edits_refused;
        taken_back += net.summary.edits_rolled_back;
    }
    format!(
        "{applied} edits were applied, {refused} refused, and {taken_back} taken back because they moved the outputs further than claimed."
    )
}
