//! What the rows say: claims, figures and tables.

use espalier_metrics::{Distribution as _, Normal};
use espalier_study::prelude::*;
use espalier_trial::prelude::*;

use crate::Sizes;
use crate::arm::Arm;
use crate::copies::{Means, STEPS as FOLLOWED};
use crate::nets::{
    APART, BEST, CELL, COMPUTE, COURSE, DECISIONS, EPOCHS, FITS, GAP, GROWTH, LARGEST, LAYER, LAYERS, LEAST, LEFT,
    LOSS, MEANS, METHOD, NAME, Net, P, PARAMETERS, PEAK, PLACES, REMOVED, ROLL, ROLLS, SCALE, SECONDS, SEEN, SHAPE,
    SHOWN, SIGNED, SIZE_COURSE, SPLIT, SPREAD, STATISTIC, STEPS, TEST, TIME_COURSE, TO_BEST, at_equal_time, named, net,
    study,
};

/// Reads rows into the page.
pub fn page(run: &Run<'_, crate::SplitAndDice>) -> anyhow::Result<Report> {
    let (context, sizes) = (run.context, &run.settings);
    let study = study(run, subtitle(context, sizes))?;
    let claims = [claims(&study, &context.dataset)];
    let base = Report {
        title: format!("{} ({}, {})", run.about.title, context.dataset, part(context)),
        shortened: shortened(context, sizes)?,
        headline: ["B11", "B10-jitter"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let remarks = |set: &Set<Net>| vec![study.diverged_note(set)];
    Ok(study.page(
        base,
        &claims,
        &figures(&study, &claims)?,
        |set| tables(&study, set),
        remarks,
    )?)
}

/// The part of the training split in use, in words.
fn part(context: &ReportContext) -> String {
    context
        .training_part()
        .unwrap_or_else(|| "all training images that are there".to_owned())
}

pub fn start(sizes: &Sizes) -> String {
    let widths: Vec<String> = sizes.start.iter().map(ToString::to_string).collect();
    widths.join("/")
}

fn subtitle(context: &ReportContext, sizes: &Sizes) -> String {
    let (given, part) = (context.subtitle(), part(context));
    let (start, epochs) = (start(sizes), sizes.budget_epochs);
    format!("{given}, {part}, start {start}, compute of {epochs} epochs of it")
}

/// What is smaller than in the study, computed from the settings.
fn shortened(context: &ReportContext, sizes: &Sizes) -> anyhow::Result<Vec<String>> {
    let full = Sizes::read(&Sizes::declare(&Preset::Full))?;
    let lines = Sizes::shortened(context, |shortened| {
        let (ours, study) = (start(sizes), start(&full));
        if ours != study {
            shortened.lines.push(format!(
                "nets start with {ours} units, as in the study's working example, where its trials start with {study}"
            ));
        }
        shortened.training_images(50_000, 0)?;
        let of = context
            .provenance
            .data
            .iter()
            .map(|data| format!("of {}: {}", data.name, data.part));
        shortened.lines.extend(of);
        shortened.fewer_seeds("runs");
        Ok(())
    })?;
    Ok([lines, budget(sizes, &full)].concat())
}

/// What the budget and the dice have less of.
fn budget(sizes: &Sizes, full: &Sizes) -> Vec<String> {
    let mut lines = Vec::new();
    let (ours, study) = (sizes.budget_epochs, full.budget_epochs);
    if ours < study {
        lines.push(format!(
            "the compute of {ours} epochs of the starting net for every arm, where the preset `full` has {study} and the study 7 \
             minutes on a GPU"
        ));
    }
    if ours < 50.0 {
        lines.push(
            "the best-epoch trial is read from the same runs, where the study ran on for twice the time or to 50 epochs, as the preset \
             `unlimited` does"
                .to_owned(),
        );
    }
    let (ours, study) = (sizes.dice_rolls, full.dice_rolls);
    if ours < study {
        lines.push(format!(
            "{ours} rolls in the arms with dice, the default of the study's library, where its example and most of its trials have {study}: \
             on so small a budget these would take a larger share of it than they did there"
        ));
    }
    if sizes.dice_steps == 0 {
        lines.push(
            "rolls are scored untrained, as in the study's last version, where its trials trained each for ten steps"
                .to_owned(),
        );
    }
    lines
}

fn claims<'s>(study: &'s Study<Net>, set: &str) -> Claims<'s, Net> {
    let mut claims = Claims::of(study, set).said(include_str!("study.md"), set);
    equal_compute(&mut claims);
    best_epoch(&mut claims);
    splitting(&mut claims, study);
    scores(&mut claims);
    rolls(&mut claims);
    claims
}

/// A net beside another at equal compute; wall times differ and are stated.
fn at_equal_compute<'c>(
    c: &'c mut Claims<'_, Net>,
    id: &str,
    quantity: &Quantity<Net>,
    arm: Arm,
    rival: Arm,
    cause: &Factor,
) -> &'c mut espalier_study::Declared<Net> {
    c.larger(id, quantity.at(&net(arm)), quantity.at(&net(rival)), cause)
        .about(&SECONDS)
}

fn equal_compute(c: &mut Claims<'_, Net>) {
    let (both, twin) = (Arm::SplitDice, Arm::StaticDiceShape);
    at_equal_compute(c, "B11", &TEST, both, twin, &METHOD).figure("differences");
    let [ours, theirs] = [both, twin].map(|arm| TEST.at(&net(arm)));
    c.times("B11-relative", ours, theirs, Margin::GreaterThan(1.0), &METHOD)
        .about(&SECONDS);
    let [ours, theirs] = [both, Arm::StaticSmall].map(|arm| SECONDS.at(&net(arm)));
    c.times("B11-seconds", ours, theirs, Margin::GreaterThan(1.0), &METHOD)
        .about(&PARAMETERS)
        .figure("curves");
    let question = "whether growing nets beat static ones at equal compute";
    for (id, arm, rival) in [
        ("B11-split", Arm::Split, Arm::StaticFinalShape),
        ("B11-split-balanced", Arm::Split, Arm::StaticBalanced),
        ("B11-balanced", both, Arm::StaticDiceBalanced),
        ("B11-small", both, Arm::StaticSmall),
    ] {
        at_equal_compute(c, id, &TEST, arm, rival, &METHOD)
            .family(question)
            .figure("differences");
    }
    at_equal_compute(c, "B11-dice", &TEST, Arm::Dice, Arm::StaticSmall, &ROLLS).figure("differences");
    let [balanced, shape] = [Arm::StaticBalanced, Arm::StaticFinalShape];
    at_equal_compute(c, "B11-shape", &TEST, balanced, shape, &SHAPE).figure("differences");
    let equal_time = "whether growing nets beat static ones at equal time";
    for (id, arm, rival) in [
        ("B11-time", both, twin),
        ("B11-split-time", Arm::Split, Arm::StaticFinalShape),
    ] {
        c.larger(id, at_equal_time(arm, rival), at_equal_time(rival, arm), &METHOD)
            .about(&SECONDS)
            .family(equal_time)
            .figure("curves");
    }
}

fn best_epoch(c: &mut Claims<'_, Net>) {
    for (id, arm, twin) in [
        ("B12", Arm::SplitDice, Arm::StaticDiceShape),
        ("B12-split", Arm::Split, Arm::StaticFinalShape),
    ] {
        at_equal_compute(c, id, &BEST, arm, twin, &METHOD).figure("differences");
    }
    let [ours, theirs] = [Arm::SplitDice, Arm::StaticDiceShape].map(|arm| TO_BEST.at(&net(arm)));
    c.times("B12-time", ours, theirs, Margin::LessThan(1.0), &METHOD)
        .about(&SECONDS);
}

fn splitting(c: &mut Claims<'_, Net>, study: &Study<Net>) {
    c.reproduces("B10-growth", GROWTH.at(&net(Arm::Split)), Margin::Within(0.3, 0.5));
    for (id, means) in [("B10-jitter", Means::Jitter), ("B10-shares", Means::Shares)] {
        let claim = c.lies(id, APART.at(&named(means.name())), Margin::GreaterThan(0.01));
        if followed(study) {
            claim.figure("parting");
        }
    }
}

/// Whether the rows follow copies.
fn followed(study: &Study<Net>) -> bool {
    Means::ALL
        .iter()
        .any(|means| study.sets[0].of(means.name()).next().is_some())
}

fn scores(c: &mut Claims<'_, Net>) {
    let split = net(Arm::Split);
    c.lies("B9", FITS.at(&split), Margin::GreaterThan(0.9)).figure("scores");
    c.lies("B9-peak", PEAK.at(&split), Margin::Within(0.0, 0.05));
    for (id, share) in [("B13-signed", SIGNED), ("B13-absolute", SPLIT)] {
        c.best(id, &share, &named("conv 1"), &layers(), &LAYER).figure("layers");
    }
}

/// All layers of the splitting arm.
fn layers() -> Where {
    LAYER.any(LAYERS.map(|(_, name)| name))
}

/// Static nets of one starting size in the sweep over rolls.
fn cells(scale: f64) -> Where {
    CELL.is(true)
        .and(SCALE.is(scale))
        .named(format!("{scale} times the starting size"))
}

/// The arms of the trials that roll dice alone.
fn dice() -> Where {
    NAME.any([Arm::Dice, Arm::FewSteps].map(|arm| arm.to_string()))
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
    for (id, scale) in [("B14-small", small), ("B14-large", large)]
        .into_iter()
        .filter(|_| several)
    {
        let [most, fewest] = [TEST.last(&ROLLS, &cells(scale)), TEST.first(&ROLLS, &cells(scale))];
        c.larger(id, most, fewest, &ROLLS)
            .study(
                format!("more rolls help a net of {scale} times the starting size"),
                "10 to 100 rolls advised",
            )
            .about(&COMPUTE)
            .about(&SECONDS)
            .family("whether more rolls help")
            .figure("rolls");
    }
    if several && small < large {
        c.larger("B14-size", gain(small), gain(large), &SCALE)
            .about(&COMPUTE)
            .about(&SECONDS)
            .about(&PARAMETERS)
            .figure("rolls");
    }
    let [trained, untrained] = [Arm::FewSteps, Arm::Dice].map(net);
    if c.levels(&STEPS, &dice()).len() > 1 {
        c.larger("B2-spread", SPREAD.at(&trained), SPREAD.at(&untrained), &STEPS)
            .about(&COMPUTE)
            .about(&SECONDS);
    }
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>]) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    differences(&mut figures);
    courses(&mut figures, study);
    finals(&mut figures);
    over_rolls(&mut figures, study);
    laws(&mut figures);
    over_layers(&mut figures);
    jumps(&mut figures, study);
    by_the_clock(&mut figures);
    if followed(study) {
        parting(&mut figures);
    }
    Ok(figures)
}

/// The contrasts of the claims.
fn differences(figures: &mut Figures<'_, Net>) {
    let contrasts = [
        (Arm::SplitDice, Arm::StaticDiceShape),
        (Arm::SplitDice, Arm::StaticDiceBalanced),
        (Arm::SplitDice, Arm::StaticSmall),
        (Arm::Split, Arm::StaticFinalShape),
        (Arm::Split, Arm::StaticBalanced),
        (Arm::Dice, Arm::StaticSmall),
        (Arm::StaticBalanced, Arm::StaticFinalShape),
    ];
    let plot = figures.plot("differences", "Does each arm beat its own control at equal compute?");
    for (title, quantity) in [("Final weights", TEST), ("Best epoch by validation", BEST)] {
        let axis = Axis::linear("Paired difference of test accuracy").unit("points");
        let panel = contrasts
            .into_iter()
            .fold(forest(axis, 100.0), |panel, (arm, control)| {
                panel.row(
                    format!("{arm} − {control}"),
                    quantity.at(&net(arm)).less(quantity.at(&net(control))),
                )
            });
        plot.panel(title, panel);
    }
    plot.size(620, 290)
        .columns(1)
        .alt("Paired difference of test accuracy between arms and their controls, for final weights and for the best epoch")
        .caption(
            "Interquartile means over seeds with 95 % bootstrap intervals; a line without a point was not run. The study reports +7.15 \
             points for split + dice against a static net of its shape with final weights at equal time, and +3.25 at the best epoch.",
        );
}

/// Validation accuracy over compute and over time, and parameters over compute.
fn courses(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let along = |quantity: &Quantity<Net>, axis: Axis, y: Axis, end: f64| {
        let place = move |place: usize| end * place as f64 / PLACES as f64;
        curves(quantity, &NAME, &SHOWN.is(true), |arm| arm.name.clone())
            .y(y)
            .along(axis, place)
    };
    let compute = || Axis::linear("Compute spent").unit("share of the budget");
    let time = Axis::linear("Wall time").unit("times that of the starting net");
    figures
        .plot("curves", "Which arm is ahead at equal compute, and at equal time?")
        .panel("", along(&COURSE, compute(), COURSE.axis(), 1.0))
        .panel("", along(&TIME_COURSE, time, COURSE.axis(), 2.0))
        .panel("", along(&SIZE_COURSE, compute(), Axis::log10("Parameters"), 1.0))
        .columns(3)
        .size(420, 360)
        .highlight(COMPARED.map(|arm| arm.to_string()))
        .because(Rule::Coincide, "nets of one size share a line in the panel of sizes")
        .colours(colours(study))
        .alt("Validation accuracy over the compute spent and over the wall time, and parameters over the compute, one curve per arm")
        .caption(
            "Interquartile means over seeds with 95 % bootstrap intervals. Between two epochs' ends the values of the earlier one hold. \
             Curves begin where every seed has finished an epoch: large nets afford fewer epochs; over time they end where the first seed \
             is done, and nets whose seconds are not known apart from the run that gave their size are left out.",
        );
}

/// The arms that curves are about.
const COMPARED: [Arm; 4] = [Arm::StaticSmall, Arm::StaticFinalShape, Arm::Split, Arm::SplitDice];

/// Those arms first: there are more arms than colours.
fn colours(study: &Study<Net>) -> Colours {
    let first = COMPARED.map(|arm| arm.to_string()).into_iter();
    Colours::named(first.chain(study.chosen(&SHOWN.is(true)).into_iter().map(|arm| arm.name)))
}

fn finals(figures: &mut Figures<'_, Net>) {
    let boxes = |quantity| boxes(&quantity, &SHOWN.is(true)).y(Axis::linear("Test accuracy").unit("fraction"));
    figures
        .plot("finals", "How far do runs lie apart?")
        .panel("Final weights", boxes(TEST))
        .panel("Best epoch by validation", boxes(BEST))
        .size(460, 320)
        .alt("Box plots of test accuracy by arm with one point per seed, for final weights and for the best epoch")
        .caption("Boxes are quartiles, whiskers the least and the largest value, points single seeds.");
}

fn over_rolls(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let label = |scale: f64| format!("{scale} × the start");
    let scales = numbers(study.levels(&SCALE, &CELL.is(true)));
    let over = scales.iter().fold(sweep(&TEST, &ROLLS).categories(), |panel, scale| {
        panel.series(label(*scale), &cells(*scale))
    });
    let axis = Axis::linear("Paired difference of test accuracy").unit("points");
    let gains = scales.iter().fold(forest(axis, 100.0), |panel, scale| {
        panel.row(label(*scale), gain(*scale))
    });
    figures
        .plot("rolls", "Do more rolls help, and more so when the net is small?")
        .panel("Accuracy of static nets", over.y(Axis::linear("Test accuracy").unit("fraction")))
        .panel("The most rolls against the fewest", gains)
        .colours(Colours::ordered(scales.iter().map(|scale| label(*scale))))
        .alt("Left: test accuracy over the number of rolls for each starting size. Right: gain of the most rolls over the fewest")
        .caption(
            "Within a size every number of rolls is followed by the same training, the rolls' own cost on top. Interquartile means with \
             95 % bootstrap intervals over seeds.",
        );
}

/// Scores of all decisions beside the law that was fitted to each.
fn laws(figures: &mut Figures<'_, Net>) {
    let edges: Vec<f64> = (0..=24).map(|bin| -4.0 + f64::from(bin) / 3.0).collect();
    let axis = Axis::linear("ln score").unit("standard deviations");
    let scores = density(axis, edges, Net::standardised).series("scores", &layers());
    let normal = Normal { mean: 0.0, std: 1.0 };
    let panel = custom(move |place: &Place<'_, Net>| {
        let curve = (0..=160)
            .map(|i| -4.0 + f64::from(i) / 20.0)
            .map(|x| (x, normal.ln_pdf(x).exp()));
        let law = Mark::line(curve).colour(Colour::INK).label("standard normal law");
        Ok(scores.draw(place)?.mark(law).legend(Legend::None))
    });
    let plot = figures.plot("scores", "Are the scores of units log-normal?");
    for (_, name) in LAYERS {
        plot.facet(name, LAYER.is(name));
    }
    plot.panel("", panel)
        .columns(3)
        .size(330, 280)
        .alt("Histograms of the units' scores by layer on a log axis with a standard normal curve")
        .caption(
            "Arm split, all decisions of all seeds: ln score less the mean of its layer and decision, over its standard deviation. A \
             log-normal law would follow the curve. The tests of single decisions stand in the table.",
        );
}

fn over_layers(figures: &mut Figures<'_, Net>) {
    let panel = bars(
        &LAYER,
        &layers(),
        Axis::linear("Units above the cut").unit("share"),
        1.0,
    )
    .series("absolute sums (the rule)", |layer| SPLIT.at(layer))
    .series("signed sums (the older rule's scores)", |layer| SIGNED.at(layer));
    figures
        .plot("layers", "Which layer splits most?")
        .panel("", panel)
        .size(560, 340)
        .alt("Share of units above the cut by layer, for absolute and for signed gradient sums")
        .caption(
            "Arm split, means over decisions, interquartile means over seeds with 95 % bootstrap intervals. Units that rest after a split \
             do not split again, which the signed sums do not know of.",
        );
}

fn by_the_clock(figures: &mut Figures<'_, Net>) {
    let panel = Arm::TRIALS.iter().fold(forest(SECONDS.axis(), 1.0), |panel, arm| {
        panel.row(arm.to_string(), SECONDS.at(&net(*arm)))
    });
    figures
        .plot("seconds", "How much wall time does equal compute take?")
        .panel("", panel)
        .alt("Wall time of each arm of the trials, with intervals")
        .caption("Interquartile means over seeds with 95 % bootstrap intervals; a line without a point was not run.");
}

/// How far the loss jumps at an edit.
fn jumps(figures: &mut Figures<'_, Net>, study: &Study<Net>) {
    let panel = custom(|place: &Place<'_, Net>| {
        let name = Arm::Split.to_string();
        let changes = place.set.of(&name).flat_map(|net| &net.changes);
        let points = changes.map(|change| {
            let growth = 100.0 * (change.parameters_after as f64 / change.parameters_before as f64 - 1.0);
            (growth, change.loss_after - change.loss_before)
        });
        let growth = Axis::linear("Growth of parameters by the edit").unit("%");
        let jump = Axis::linear("Change of the loss").unit("nats");
        Ok(Panel::new("", growth, jump)
            .mark(Mark::horizontal(0.0).label("function kept"))
            .mark(Mark::scatter(points).of(&name)))
    });
    figures
        .plot("jumps", "How far does an edit move the loss at once?")
        .panel("", panel)
        .size(560, 320)
        .colours(colours(study))
        .alt("Change of the loss by each edit against the growth of parameters")
        .caption(
            "Every edit of the arm split, all seeds; loss on 512 training images just before and just after. Splits move copies' biases by \
             a thousandth; removals are not function-preserving.",
        );
}

/// How far copies are apart after a split, by what sets them apart.
fn parting(figures: &mut Figures<'_, Net>) {
    let copies = MEANS.any(Means::ALL.map(Means::name));
    let panel = curves(&GAP, &MEANS, &copies, |arm| arm.name.clone())
        .y(Axis::log10("Distance of two copies").unit("fraction"))
        .along(Axis::log10("Steps of Adam after the split"), |place| {
            FOLLOWED[place + 1] as f64
        });
    figures
        .plot("parting", "What sets the copies of a unit apart?")
        .panel("", panel)
        .size(560, 340)
        .colours(Colours::named(Means::ALL.map(Means::name)))
        .alt("Distance of two copies of a unit over the steps after the split, for the study's jitter and for uneven shares of the fan-out")
        .caption(
            "The starting net, trained for an epoch; every unit is split in two and a new Adam trains on. Distance of fan-in weights and \
             biases relative to one copy's, median over all units; interquartile means over seeds with 95 % bootstrap intervals. With \
             equal halves both copies get the same gradients but for what a thousandth of the bias changes. A third and two thirds of the \
             fan-out make gradients differ as 1 to 2.",
        );
}

fn tables(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<Vec<TableBlock>> {
    let arms = [TEST, LOSS, BEST, LEFT, EPOCHS, PARAMETERS, DECISIONS, SECONDS];
    let trials = study.table(set, "The arms of the trials, at equal compute", &SHOWN.is(true), &arms)?;
    let rolls = [TEST, DECISIONS, ROLL, SPREAD, LEAST, LARGEST];
    let mut cells = study.table(set, "Rolls by starting size", &CELL.is(true), &rolls)?;
    cells.rows.extend(study.table(set, "", &dice(), &rolls)?.rows);
    let scores = [SEEN, SPLIT, SIGNED, REMOVED, STATISTIC, P, FITS, PEAK];
    let laws = study.table(set, "Scores, splits and removals by layer", &layers(), &scores)?;
    Ok(vec![
        trials.noted(
            "Interquartile means over seeds with 95 % bootstrap intervals. The study's limited-time trial: .671 ± .013 with splitting \
             and dice, .600 ± .052 for the static net of the final shape. Wall time depends on the machine and on what else ran; \
             nets with a borrowed size are shown without the run that gave it.",
        ),
        sizes(study, set),
        cells.noted(
            "Equal training within a size, the rolls on top, but for the arms of the trials, which pay for them. A roll's score is its \
             loss on training images that are the same for all rolls.",
        ),
        laws.noted(
            "Arm split, all decisions. A law is a log-normal one fitted to one layer at one decision; statistic and p are means over \
             decisions, p by a parametric bootstrap.",
        ),
    ])
}

fn sizes(study: &Study<Net>, set: &Set<Net>) -> TableBlock {
    let arms = study.chosen(&SHOWN.is(true));
    let shape = |net: &Net| {
        let o = &net.outcome;
        format!("{}/{}/{} ({})", o.conv1, o.conv2, o.hidden1, o.parameters)
    };
    let mut rows = Vec::new();
    for nets in &set.seeds {
        let cells = arms
            .iter()
            .map(|arm| nets.get(&arm.name).map_or_else(String::new, shape));
        rows.push(std::iter::once(nets.seed.to_string()).chain(cells).collect());
    }
    TableBlock {
        title: "Sizes of every run".to_owned(),
        header: std::iter::once("seed".to_owned())
            .chain(arms.iter().map(|arm| arm.name.clone()))
            .collect(),
        rows,
        note: "Channels of both convolutions / units of the dense layer (parameters) at the end.".to_owned(),
    }
}
