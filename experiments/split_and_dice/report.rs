//! What the rows say: claims, figures and tables.

use espalier_metrics::{Distribution as _, Normal};
use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::Sizes;
use crate::arm::{BALANCED, BOTH, BOTH_BALANCED, BOTH_SHAPE, DICE, FEW_STEPS, SHAPE, SMALL, SPLIT, TRIALS};
use crate::copies::{Means, STEPS as FOLLOWED};
use crate::nets::*;

/// Reads rows into the page.
pub fn page(run: &Run<'_, crate::SplitAndDice>) -> anyhow::Result<Report> {
    let (context, sizes) = (run.context, &run.settings);
    let part = context.training_part();
    let part = part.unwrap_or_else(|| "all training images that are there".to_owned());
    let (given, start, epochs) = (context.subtitle(), start(sizes), sizes.budget_epochs);
    let subtitle = format!("{given}, {part}, start {start}, compute of {epochs} epochs of it");
    let study = study(run, subtitle)?;
    let claims = study.claims(include_str!("study.md"), |c| claims(c, &study));
    let figures = study.figures(&claims, |f| figures(f, &study))?;
    let base = Report {
        title: format!("{} ({}, {part})", run.about.title, context.dataset),
        shortened: shortened(context, sizes)?,
        headline: ["B11", "B10-jitter"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let (tables, remarks) = (|set: &_| tables(&study, set), |set: &_| vec![study.diverged_note(set)]);
    Ok(study.page(base, &claims, &figures, tables, remarks)?)
}

pub fn start(sizes: &Sizes) -> String {
    let widths: Vec<String> = sizes.start.iter().map(ToString::to_string).collect();
    widths.join("/")
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext, sizes: &Sizes) -> anyhow::Result<Vec<String>> {
    let full = Sizes::read(&Sizes::declare(&Preset::Full))?;
    Ok(Sizes::shortened(context, |shortened| {
        let (ours, study) = (start(sizes), start(&full));
        let words = "units, as in the study's working example, where its trials start with";
        let line = (ours != study).then(|| format!("nets start with {ours} {words} {study}"));
        shortened.lines.extend(line);
        shortened.training_images(50_000, 0)?;
        let data = context.provenance.data.iter();
        shortened
            .lines
            .extend(data.map(|data| format!("of {}: {}", data.name, data.part)));
        shortened.fewer_seeds("runs");
        shortened.said(include_str!("shortened.md"))
    })?)
}

fn claims(c: &mut Claims<'_, Net>, study: &Study<Net>) {
    growing(c);
    splitting(c, study);
    rolls(c);
}

/// Nets beside others at equal compute, or at equal time; wall times differ and are stated.
fn growing(c: &mut Claims<'_, Net>) {
    let above = |c: &mut Claims<'_, Net>, id: &str, quantity: Quantity<Net>, arms: [crate::Arm; 2], cause: &Factor| {
        let [ours, theirs] = arms.map(|arm| quantity.at(&net(arm)));
        c.larger(id, ours, theirs, cause).about(&SECONDS);
    };
    let twins = [BOTH, BOTH_SHAPE];
    above(c, "B11", TEST, twins, &METHOD);
    let [ours, theirs] = twins.map(|arm| TEST.at(&net(arm)));
    c.times("B11-relative", ours, theirs, Margin::GreaterThan(1.0), &METHOD)
        .about(&SECONDS);
    let [ours, theirs] = [BOTH, SMALL].map(|arm| SECONDS.at(&net(arm)));
    c.times("B11-seconds", ours, theirs, Margin::GreaterThan(1.0), &METHOD)
        .about(&PARAMETERS);
    above(c, "B11-split", TEST, [SPLIT, SHAPE], &METHOD);
    above(c, "B11-split-balanced", TEST, [SPLIT, BALANCED], &METHOD);
    above(c, "B11-balanced", TEST, [BOTH, BOTH_BALANCED], &METHOD);
    above(c, "B11-small", TEST, [BOTH, SMALL], &METHOD);
    above(c, "B11-dice", TEST, [DICE, SMALL], &ROLLS);
    above(c, "B11-shape", TEST, [BALANCED, SHAPE], &WIDTHS);
    for (id, [arm, rival]) in [("B11-time", twins), ("B11-split-time", [SPLIT, SHAPE])] {
        c.larger(id, at_equal_time(arm, rival), at_equal_time(rival, arm), &METHOD)
            .about(&SECONDS);
    }
    above(c, "B12", BEST, twins, &METHOD);
    above(c, "B12-split", BEST, [SPLIT, SHAPE], &METHOD);
    let [ours, theirs] = twins.map(|arm| TO_BEST.at(&net(arm)));
    c.times("B12-time", ours, theirs, Margin::LessThan(1.0), &METHOD)
        .about(&SECONDS);
}

/// Decisions to split, what parts copies, and the scores of units.
fn splitting(c: &mut Claims<'_, Net>, study: &Study<Net>) {
    let split = net(SPLIT);
    c.reproduces("B10-growth", GROWTH.at(&split), Margin::Within(0.3, 0.5));
    for (id, means) in [("B10-jitter", Means::Jitter), ("B10-shares", Means::Shares)] {
        let claim = c.lies(id, APART.at(&named(means.name())), Margin::GreaterThan(0.01));
        if followed(study) {
            claim.figure("parting");
        }
    }
    c.lies("B9", FITS.at(&split), Margin::GreaterThan(0.9));
    c.lies("B9-peak", PEAK.at(&split), Margin::Within(0.0, 0.05));
    let first = named(LAYERS[0]);
    c.best("B13-signed", &SIGNED, &first, &layers(), &LAYER);
    c.best("B13-absolute", &SPLIT_SHARE, &first, &layers(), &LAYER);
}

/// Whether the rows follow copies.
fn followed(study: &Study<Net>) -> bool {
    let followed = |means: &Means| study.sets[0].of(means.name()).next().is_some();
    Means::ALL.iter().any(followed)
}

/// All layers of the splitting arm.
fn layers() -> Where {
    LAYER.any(LAYERS)
}

/// Static nets of one starting size in the sweep over rolls.
fn cells(scale: f64) -> Where {
    let cells = CELL.is(true).and(SCALE.is(scale));
    cells.named(format!("{scale} times the starting size"))
}

/// The arms of the trials that roll dice alone.
fn dice() -> Where {
    NAME.any([DICE, FEW_STEPS].map(|arm| arm.to_string()))
}

/// What the most rolls bring over the fewest at one starting size.
fn gain(scale: f64) -> Statistic<Net> {
    TEST.last(&ROLLS, &cells(scale)).less(TEST.first(&ROLLS, &cells(scale)))
}

fn numbers(levels: Vec<Level>) -> Vec<f64> {
    levels.iter().map(Level::number).collect()
}

fn rolls(c: &mut Claims<'_, Net>) {
    let scales = numbers(c.levels(&SCALE, &CELL.is(true)));
    let (Some(&small), Some(&large)) = (scales.first(), scales.last()) else {
        return;
    };
    let several = c.levels(&ROLLS, &cells(small)).len() > 1;
    let ends = [("B14-small", small), ("B14-large", large)].into_iter();
    for (id, scale) in ends.filter(|_| several) {
        let (most, fewest) = (TEST.last(&ROLLS, &cells(scale)), TEST.first(&ROLLS, &cells(scale)));
        let words = format!("more rolls help a net of {scale} times the starting size");
        let claim = c.larger(id, most, fewest, &ROLLS);
        claim.study(words, "10 to 100 rolls advised");
        claim.about(&COMPUTE).about(&SECONDS);
    }
    if several && small < large {
        let claim = c.larger("B14-size", gain(small), gain(large), &SCALE);
        claim.about(&COMPUTE).about(&SECONDS).about(&PARAMETERS);
    }
    if c.levels(&STEPS, &dice()).len() > 1 {
        let [trained, untrained] = [FEW_STEPS, DICE].map(|arm| SPREAD.at(&net(arm)));
        c.larger("B2-spread", trained, untrained, &STEPS)
            .about(&COMPUTE)
            .about(&SECONDS);
    }
}

fn figures(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    differences(figures);
    courses(figures, study);
    let boxes = |quantity| boxes(&quantity, &SHOWN.is(true)).y(accuracy());
    figures
        .shown("finals")
        .panel("Final weights", boxes(TEST))
        .panel("Best epoch by validation", boxes(BEST))
        .size(460, 320);
    over_rolls(figures, study);
    laws(figures);
    let shares = Axis::linear("Units above the cut").unit("share");
    let shares = bars(&LAYER, &layers(), shares, 1.0)
        .series("absolute sums (the rule)", |layer| SPLIT_SHARE.at(layer))
        .series("signed sums (the older rule's scores)", |layer| SIGNED.at(layer));
    figures.shown("layers").panel("", shares).size(560, 340);
    let jumps = figures.shown("jumps").panel("", custom(jumps));
    jumps.size(560, 320).colours(colours(study));
    let seconds = |panel: espalier_study::plot::Forest<Net>, arm| panel.row(format!("{arm}"), SECONDS.at(&net(arm)));
    let seconds = TRIALS.into_iter().fold(forest(SECONDS.axis(), 1.0), seconds);
    figures.shown("seconds").panel("", seconds);
    if followed(study) {
        parting(figures);
    }
}

fn accuracy() -> Axis {
    Axis::linear("Test accuracy").unit("fraction")
}

fn points_apart() -> espalier_study::plot::Forest<Net> {
    forest(Axis::linear("Paired difference of test accuracy").unit("points"), 100.0)
}

/// The contrasts of the claims.
fn differences(figures: &mut Figures<'_, Net>) {
    let contrasts = [
        (BOTH, BOTH_SHAPE),
        (BOTH, BOTH_BALANCED),
        (BOTH, SMALL),
        (SPLIT, SHAPE),
        (SPLIT, BALANCED),
        (DICE, SMALL),
        (BALANCED, SHAPE),
    ];
    let plot = figures.shown("differences").size(620, 290).columns(1);
    for (title, quantity) in [("Final weights", TEST), ("Best epoch by validation", BEST)] {
        let rows = contrasts.into_iter().fold(points_apart(), |panel, (arm, control)| {
            let less = quantity.at(&net(arm)).less(quantity.at(&net(control)));
            panel.row(format!("{arm} − {control}"), less)
        });
        plot.panel(title, rows);
    }
}

/// Validation accuracy over compute and over time, and parameters over compute.
fn courses(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let along = |quantity: &Quantity<Net>, axis: Axis, y: Axis, end: f64| {
        let place = move |place: usize| end * place as f64 / PLACES as f64;
        let lines = curves(quantity, &NAME, &SHOWN.is(true), |arm| arm.name.clone());
        lines.y(y).along(axis, place)
    };
    let compute = || Axis::linear("Compute spent").unit("share of the budget");
    let time = Axis::linear("Wall time").unit("times that of the starting net");
    figures
        .shown("curves")
        .panel("", along(&COURSE, compute(), COURSE.axis(), 1.0))
        .panel("", along(&TIME_COURSE, time, COURSE.axis(), 2.0))
        .panel("", along(&SIZE_COURSE, compute(), Axis::log10("Parameters"), 1.0))
        .columns(3)
        .size(420, 360)
        .highlight(COMPARED.map(|arm| arm.to_string()))
        .colours(colours(study));
}

/// The arms that curves are about.
const COMPARED: [crate::Arm; 4] = [SMALL, SHAPE, SPLIT, BOTH];

/// Those arms first: there are more arms than colours.
fn colours(study: &Study<Net>) -> Colours {
    let shown = study.chosen(&SHOWN.is(true)).into_iter().map(|arm| arm.name);
    Colours::named(COMPARED.map(|arm| arm.to_string()).into_iter().chain(shown))
}

fn over_rolls(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let label = |scale: &f64| format!("{scale} × the start");
    let scales = numbers(study.levels(&SCALE, &CELL.is(true)));
    let over = scales.iter().fold(sweep(&TEST, &ROLLS).categories(), |panel, scale| {
        panel.series(label(scale), &cells(*scale))
    });
    let row = |panel: espalier_study::plot::Forest<Net>, scale: &f64| panel.row(label(scale), gain(*scale));
    figures
        .shown("rolls")
        .panel("Accuracy of static nets", over.y(accuracy()))
        .panel(
            "The most rolls against the fewest",
            scales.iter().fold(points_apart(), row),
        )
        .colours(Colours::ordered(scales.iter().map(label)));
}

/// Scores of all decisions beside the law that was fitted to each.
fn laws(figures: &mut Figures<'_, Net>) {
    let edges: Vec<f64> = (0..=24).map(|bin| -4.0 + f64::from(bin) / 3.0).collect();
    let normal = Normal { mean: 0.0, std: 1.0 };
    let panel = custom(move |place: &Place<'_, Net>| {
        let arms = place.arms(&layers(), &LAYER);
        let scores: Vec<f64> = place.set.nets(&arms).flat_map(Net::standardised).collect();
        let places = (0..=160).map(|i| -4.0 + f64::from(i) / 20.0);
        let law = Mark::line(places.map(|x| (x, normal.ln_pdf(x).exp())));
        let axis = Axis::linear("ln score").unit("standard deviations");
        let panel = Panel::new("", axis, Axis::linear("Density"));
        let panel = panel.mark(Mark::histogram_of(edges.clone(), &scores).label("scores"));
        let law = law.colour(Colour::INK).label("standard normal law");
        Ok(panel.mark(law).legend(Legend::None))
    });
    let plot = figures.shown("scores").columns(3).size(330, 280).panel("", panel);
    for name in LAYERS {
        plot.facet(name, LAYER.is(name));
    }
}

/// How far the loss jumps at an edit.
fn jumps(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let name = SPLIT.to_string();
    let changes = place.set.of(&name).flat_map(|net| &net.changes);
    let points = changes.map(|change| {
        let growth = 100.0 * (change.parameters_after as f64 / change.parameters_before as f64 - 1.0);
        (growth, change.loss_after - change.loss_before)
    });
    let growth = Axis::linear("Growth of parameters by the edit").unit("%");
    let panel = Panel::new("", growth, Axis::linear("Change of the loss").unit("nats"));
    let panel = panel.mark(Mark::horizontal(0.0).label("function kept"));
    Ok(panel.mark(Mark::scatter(points).of(&name)))
}

/// How far copies are apart after a split, by what sets them apart.
fn parting(figures: &mut Figures<'_, Net>) {
    let copies = MEANS.any(Means::ALL.map(Means::name));
    let steps = Axis::log10("Steps of Adam after the split");
    let panel = curves(&GAP, &MEANS, &copies, |arm| arm.name.clone())
        .y(Axis::log10("Distance of two copies").unit("fraction"))
        .along(steps, |place| FOLLOWED[place + 1] as f64);
    let plot = figures.shown("parting").panel("", panel).size(560, 340);
    plot.colours(Colours::named(Means::ALL.map(Means::name)));
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<Vec<TableBlock>> {
    let columns = [TEST, LOSS, BEST, LEFT, EPOCHS, PARAMETERS, DECISIONS, SECONDS];
    let title = "The arms of the trials, at equal compute";
    let trials = study.table(set, title, &SHOWN.is(true), &columns)?;
    let columns = [TEST, DECISIONS, ROLL, SPREAD, LEAST, LARGEST];
    let mut cells = study.table(set, "Rolls by starting size", &CELL.is(true), &columns)?;
    cells.rows.extend(study.table(set, "", &dice(), &columns)?.rows);
    let columns = [SEEN, SPLIT_SHARE, SIGNED, REMOVED, STATISTIC, P, FITS, PEAK];
    let laws = study.table(set, "Scores, splits and removals by layer", &layers(), &columns)?;
    Ok(vec![trials, sizes(study, set), cells, laws])
}

fn sizes(study: &Study<Net>, set: &Set<Net>) -> TableBlock {
    let arms: Vec<String> = study.chosen(&SHOWN.is(true)).into_iter().map(|arm| arm.name).collect();
    let shape = |net: &Net| {
        let o = &net.outcome;
        format!("{}/{}/{} ({})", o.conv1, o.conv2, o.hidden1, o.parameters)
    };
    let row = |nets: &Nets<Net>| {
        let cells = arms.iter().map(|arm| nets.get(arm).map_or_else(String::new, shape));
        std::iter::once(nets.seed.to_string()).chain(cells).collect()
    };
    let title = "Sizes of every run";
    TableBlock {
        title: title.to_owned(),
        header: [&["seed".to_owned()], &arms[..]].concat(),
        rows: set.seeds.iter().map(row).collect(),
        note: study.note(title),
    }
}
