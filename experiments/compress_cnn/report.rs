//! What the rows say: nets, claims, figures, the table.

use espalier_report::standard::Outcome;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Arm, Epoch, Gating, Memory, Shape};

const LAMBDA: Factor = Factor::setting("λ");
const AREA: Factor = Factor::setting("penalty by kernel area");
const GATING: Factor = Factor::setting("gates");
const EPOCHS: Factor = Factor::setting("epochs");

/// A trained net, or the memory of a step.
struct Net {
    epochs: Vec<Epoch>,
    outcome: Option<Outcome>,
    memory: Option<Memory>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let net = Self {
            epochs: trial.rows()?,
            outcome: trial.rows()?.pop(),
            memory: trial.rows()?.pop(),
        };
        Ok(vec![(trial.key.variant.clone(), net)])
    }

    fn diverged(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.diverged)
    }
}

impl Net {
    fn each(&self, number: fn(&Epoch) -> u64) -> Vec<f64> {
        self.epochs.iter().map(|epoch| number(epoch) as f64).collect()
    }

    fn last(&self, number: fn(&Epoch) -> u64) -> f64 {
        self.each(number).last().copied().unwrap_or(f64::NAN)
    }

    fn of(&self, number: fn(&Outcome) -> f64) -> f64 {
        self.outcome.as_ref().map_or(f64::NAN, number)
    }

    fn megabytes(&self, number: fn(&Memory) -> u64) -> f64 {
        self.memory
            .as_ref()
            .map_or(f64::NAN, |memory| number(memory) as f64 / 1e6)
    }
}

fn all(memory: &Memory) -> u64 {
    memory.activations + memory.weights + memory.scratch
}

quantities! { Net;
    FIRST = "first", "channels of the first convolution", "" 1,
        |n| n.last(|e| e.first_channels), over_epochs(|n| n.each(|e| e.first_channels));
    SECOND = "second", "channels of the second convolution", "" 1,
        |n| n.last(|e| e.second_channels), over_epochs(|n| n.each(|e| e.second_channels));
    CHANNELS = "channels", "channels", "" 1,
        |n| n.last(|e| e.first_channels + e.second_channels), over_epochs(|n| n.each(|e| e.first_channels + e.second_channels));
    UNITS = "units", "units of the dense layer", "" 1, |n| n.last(|e| e.units), over_epochs(|n| n.each(|e| e.units));
    PARAMETERS = "parameters", "parameters", "" 0, |n| n.of(|o| o.parameters as f64);
    IMAGE = "image", "forward pass", "10³ MACs an image" 0, |n| n.of(|o| o.macs as f64 / 1e3);
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.of(|o| o.train_macs as f64 / 1e9);
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.of(|o| o.test_score);
    COURSE = "course", "validation accuracy", "fraction" 4,
        |n| n.of(|o| o.validation_score), over_epochs(|n| n.epochs.iter().map(|epoch| epoch.validation_accuracy).collect());
    STORED = "activations", "activations", "MB" 1, |n| n.megabytes(|m| m.activations);
    WEIGHTS = "weights", "weights, gradients and moments", "MB" 1, |n| n.megabytes(|m| m.weights);
    SCRATCH = "scratch", "scratch of the kernels", "MB" 1, |n| n.megabytes(|m| m.scratch);
    SHARE = "share", "activations' share of all bytes", "" 3, |n| n.megabytes(|m| m.activations) / n.megabytes(all);
}

const WITHOUT: &str = "none";
const FOLDED: &str = "behind ReLU, folded";
const COPIED: &str = "before ReLU, a copy";

fn gating(gating: Gating) -> &'static str {
    match gating {
        Gating::None => WITHOUT,
        Gating::BehindRelu => FOLDED,
        Gating::BeforeRelu => COPIED,
    }
}

fn arm(one: &Arm) -> espalier_study::Arm {
    let arm = espalier_study::Arm::new(one.to_string());
    match one {
        Arm::Swept { lambda, by_area } => arm.with(&LAMBDA, *lambda).with(&AREA, *by_area),
        Arm::Memory(at) => arm.with(&GATING, gating(*at)),
    }
}

fn by_area() -> Where {
    AREA.is(true).named("penalty by area")
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Shape) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    let positive = by_area().and(LAMBDA.any(s.lambdas.iter().copied().filter(|lambda| *lambda > 0.0)));
    let swept = positive.named("penalty by area, λ above 0");
    c.falls("J22-channels", &CHANNELS, &LAMBDA, &swept, 0.9)
        .figure("lambda");
    accuracies(&mut c, set, s, &swept);
    let plain = |of: bool| LAMBDA.is(s.plain_lambda).and(AREA.is(of));
    c.smaller("J22-area", CHANNELS.at(&plain(true)), CHANNELS.at(&plain(false)), &AREA)
        .about(&CHANNELS)
        .about(&MACS)
        .figure("lambda");
    memory(&mut c);
    c
}

fn accuracies(c: &mut Claims<'_, Net>, set: &str, s: &Shape, swept: &Where) {
    let levels: Vec<Level> = c.levels(&LAMBDA, swept);
    if set == "mnist"
        && let Some(least) = levels.first()
    {
        let small = by_area().and(LAMBDA.is(least.clone()));
        c.reproduces("J22-accuracy", TEST.at(&small), Margin::GreaterThan(0.985))
            .study(
                "a compressed CNN reaches at least 98.5 % on MNIST",
                "99.48 %, 340 units and channels",
            )
            .figure("lambda");
    }
    if s.lambdas.contains(&0.0) {
        c.each(
            "J22-whole",
            &LAMBDA,
            &levels,
            Margin::GreaterThan(-0.002),
            Some(&LAMBDA),
            move |level| {
                TEST.at(&by_area().and(level.clone()))
                    .less(TEST.at(&by_area().and(LAMBDA.is(0.0))))
            },
        )
        .about(&CHANNELS)
        .about(&MACS)
        .figure("lambda");
    }
}

/// The bytes of a step, which are counted and do not depend on seeds.
fn memory(c: &mut Claims<'_, Net>) {
    let at = |where_: &str| GATING.is(where_).named(format!("gates: {where_}"));
    c.lies("J23-share", SHARE.at(&at(WITHOUT)), Margin::GreaterThan(0.9))
        .study("activations are over 90 % of a CNN's memory in training", "> 90 %")
        .regardless_of(&EPOCHS)
        .figure("memory");
    let without = || STORED.at(&at(WITHOUT));
    c.times(
        "J23-folded",
        STORED.at(&at(FOLDED)),
        without(),
        Margin::Within(0.99, 1.01),
        &GATING,
    )
    .by_construction()
    .regardless_of(&EPOCHS)
    .figure("memory");
    c.times(
        "J23-double",
        STORED.at(&at(COPIED)),
        without(),
        Margin::Within(1.8, 2.2),
        &GATING,
    )
    .study(
        "a gate's product stores another copy of the activations, which doubles them",
        "doubles",
    )
    .regardless_of(&EPOCHS)
    .figure("memory");
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>]) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    let (area, plain) = (by_area(), AREA.is(false));
    let both = |quantity: &Quantity<Net>| {
        let panel = sweep(quantity, &LAMBDA).categories().series("by kernel area", &area);
        panel.series("all alike", &plain).aside(0.15)
    };
    figures
        .plot("lambda", "How do channels, units and accuracy follow the penalty?")
        .panel("channels of both convolutions", both(&CHANNELS))
        .panel("units of the dense layer", both(&UNITS))
        .panel("test accuracy", both(&TEST))
        .columns(3)
        .size(370, 330)
        .alt("Channels, units and test accuracy against λ, with and without the weight by kernel area")
        .caption("Points are interquartile means over seeds, whiskers 95 % bootstrap intervals. By area the penalty of a channel is nine times that of a unit.");
    let name = |arm: &espalier_study::Arm| format!("λ = {}", arm.number(&LAMBDA));
    figures
        .plot("channels", "When do channels close, and what does it do to accuracy?")
        .panel("first convolution", curves(&FIRST, &LAMBDA, &area, name))
        .panel("second convolution", curves(&SECOND, &LAMBDA, &area, name))
        .panel("validation accuracy", curves(&COURSE, &LAMBDA, &area, name))
        .columns(3)
        .because(
            Rule::Coincide,
            "penalties that close no channel leave equal lines, which the figure shows",
        )
        .size(370, 330)
        .alt("Channels of both convolutions and validation accuracy after every epoch, one line for each λ")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals.");
    let places = GATING.any([WITHOUT, FOLDED, COPIED]);
    let axis = Axis::linear("Bytes in a training step").unit("MB");
    let panel = bars(&GATING, &places, axis, 1.0)
        .series("activations", |level| STORED.at(level))
        .series("weights, gradients, moments", |level| WEIGHTS.at(level))
        .series("scratch", |level| SCRATCH.at(level));
    figures
        .plot("memory", "What does a training step keep in memory?")
        .panel("by where gates stand", panel)
        .size_alone(620, 380)
        .alt("Megabytes of activations, weights and scratch without gates, with folded gates and with gates that store a copy")
        .caption("Counted on one step of the larger net. Folded gates cost no activation; a gate before the ReLU stores its product.");
    Ok(figures)
}

/// The page of one or several data sets.
pub fn page(run: &Run<'_, crate::CompressCnn>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("compress-cnn", variants.iter().map(arm).collect())?
        .common([(EPOCHS, s.epochs as f64)])
        .needs(EPOCHS, 60.0)
        .outcome(CHANNELS)
        .outcome(MACS)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Shape>(context, "")?,
        headline: ["J22-area", "J23-double"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let table = |set: &Set<Net>| table(&study, set);
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &CHANNELS, &by_area()), study.diverged_note(set)];
    Ok(study.page(base, &claims, &figures(&study, &claims)?, table, remarks)?)
}

fn table(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<TableBlock> {
    let columns = [FIRST, SECOND, UNITS, PARAMETERS, IMAGE, MACS, TEST, STORED, SHARE];
    let mut table = study.table(set, "All nets, and the memory of a step", &Where::all(), &columns)?;
    table.note =
        "Interquartile means over seeds with 95 % bootstrap intervals; parameters with gates folded in.".to_owned();
    Ok(table)
}
