//! What the rows say: quantities, claims, figures, tables.

use espalier_experiment::Columns as _;
use espalier_metrics::spearman;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::measure::{ORDERS, Removal, SHARES, Score, Unit};
use crate::{Arm, Epoch, Setup, Summary, order_name};

const TRAINING: Factor = Factor::setting("epochs");
const ORDER: Factor = Factor::setting("order");
const METHOD_OF: Factor = Factor::method("method");
/// The place of one half among the shares.
const HALF: usize = 2;

/// A trained net as one order sees it, or one that learned its size.
struct Net {
    summary: Summary,
    epochs: Vec<Epoch>,
    /// Spearman's correlation of the order's score with the exact importance.
    correlation: f64,
    removals: Vec<Removal>,
}

/// The name of a net as an order sees it.
fn ranked(variant: &str, order: &str) -> String {
    format!("{variant}, by {order}")
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (summary, epochs): (Summary, Vec<Epoch>) = (trial.row()?, trial.rows()?);
        let (units, removals): (Vec<Unit>, Vec<Removal>) = (trial.rows()?, trial.rows()?);
        let variant = &trial.key.variant;
        let net = |correlation, removals| Self {
            summary: summary.clone(),
            epochs: epochs.clone(),
            correlation,
            removals,
        };
        if !variant.starts_with("trained") {
            return Ok(vec![(variant.clone(), net(f64::NAN, Vec::new()))]);
        }
        let exact: Vec<f64> = units.iter().map(|unit| unit.exact).collect();
        let of = |(order, score): (&str, Score)| {
            let own = removals.iter().filter(|row| row.order == order).cloned().collect();
            let correlation = spearman(&score(&units), &exact).unwrap_or(f64::NAN);
            (ranked(variant, order), net(correlation, own))
        };
        Ok(ORDERS.into_iter().map(of).collect())
    }

    fn diverged(&self) -> bool {
        self.summary.diverged
    }
}

impl Net {
    fn half(&self, number: fn(&Removal) -> f64) -> f64 {
        self.removals.get(HALF).map_or(f64::NAN, number)
    }

    fn sizes(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.size).collect()
    }
}

quantities! { Net;
    CORRELATION = "correlation", "rank correlation with the exact importance", "" 3 higher_is_better, |n| n.correlation;
    LOST = "lost", "validation loss without the lower half", "" 4 lower_is_better, |n| n.half(|r| r.loss);
    KEPT = "kept", "validation accuracy without the lower half", "fraction" 4 higher_is_better, |n| n.half(|r| r.accuracy);
    LOSSES = "losses", "validation loss", "" 3,
        |n| n.half(|r| r.loss), over_epochs(|n| n.removals.iter().map(|row| row.loss).collect());
    SIZE = "size", "size after the last epoch", "units" 1, |n| n.summary.size;
    SIZES = "sizes", "size ∫gate", "units" 1, |n| n.summary.size, over_epochs(Net::sizes);
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
    TRAINING_LOSSES = "train-losses", "training loss", "" 3, |n| n.epochs.last().map_or(f64::NAN, |e| e.train_loss),
        over_epochs(|n| n.epochs.iter().map(|epoch| epoch.train_loss).collect());
    DECISIONS = "decisions", "measuring importances", "10⁹ MACs" 1, |n| n.summary.decision_macs as f64 / 1e9;
}

/// All that is set for the arms that a variant's rows tell of.
fn arms(one: &Arm, s: &Setup) -> Vec<espalier_study::Arm> {
    match *one {
        Arm::Ranked(epochs) => {
            let arm = |(order, _): (&str, _)| {
                espalier_study::Arm::new(ranked(&one.to_string(), order))
                    .with(&METHOD_OF, "ranked")
                    .with(&ORDER, order)
                    .with(&TRAINING, epochs as f64)
            };
            ORDERS.into_iter().map(arm).collect()
        }
        Arm::Gated(order) => vec![
            espalier_study::Arm::new(one.to_string())
                .with(&METHOD_OF, "size")
                .with(&ORDER, order_name(order))
                .with(&TRAINING, s.epochs as f64),
        ],
    }
}

/// Nets that were trained for so long, ranked.
fn trained(epochs: usize) -> Where {
    METHOD_OF
        .is("ranked")
        .and(TRAINING.is(epochs as f64))
        .named(format!("after {epochs} epochs"))
}

fn by(order: &str, epochs: usize) -> Where {
    ORDER.is(order).named(format!("by {order}")).and(trained(epochs))
}

/// The orders that cost no pass per unit.
fn cheap() -> Vec<&'static str> {
    let names = ORDERS.map(|(name, _)| name);
    names[2..9].to_vec()
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Setup) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("study.md"), set);
    for epochs in &s.training {
        let at = |order: &str| by(order, *epochs);
        c.lies(
            format!("J18-activation-{epochs}"),
            CORRELATION.at(&at("mean activation")),
            Margin::GreaterThan(0.5),
        )
        .figure("orders");
        c.lies(
            format!("J18-permutation-{epochs}"),
            CORRELATION.at(&at("sorting permutation")),
            Margin::Within(-0.2, 0.2),
        )
        .figure("orders");
        let rivals = ORDER.any(cheap()).named("cheap orders").and(trained(*epochs));
        c.best(
            format!("ours-correlation-{epochs}"),
            &CORRELATION,
            &at("Fisher"),
            &rivals,
            &ORDER,
        )
        .figure("orders");
        c.best(
            format!("ours-lost-{epochs}"),
            &LOST,
            &at("spread × fan-out"),
            &rivals,
            &ORDER,
        )
        .figure("removals");
        c.smaller(
            format!("ours-exact-{epochs}"),
            LOST.at(&at("exact")),
            LOST.at(&at("spread × fan-out")),
            &ORDER,
        )
        .figure("removals");
        c.smaller(
            format!("ours-activation-{epochs}"),
            LOST.at(&at("mean activation")),
            LOST.at(&at("random")),
            &ORDER,
        )
        .figure("removals");
    }
    of_gates(&mut c);
    c
}

fn of_gates(c: &mut Claims<'_, Net>) {
    let gated = |order: &str| {
        METHOD_OF
            .is("size")
            .and(ORDER.is(order))
            .named(format!("size by {order}"))
    };
    for (id, order) in [
        ("activation", "mean activation"),
        ("importance", "exact importance"),
        ("scale", "learned scale"),
    ] {
        let (ordered, place) = (gated(order), gated("place in the layer"));
        c.smaller(format!("J18-size-{id}"), SIZE.at(&ordered), SIZE.at(&place), &ORDER)
            .figure("gates");
        c.larger(format!("J18-accuracy-{id}"), TEST.at(&ordered), TEST.at(&place), &ORDER)
            .figure("gates");
    }
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Setup) -> anyhow::Result<Figures<'s, Net>> {
    const INTERVALS: &str = "interquartile means over seeds with 95 % bootstrap intervals.";
    let mut figures = Figures::showing(study, claims)?;
    let mut correlations = grouped(
        Axis::linear("Rank correlation with the exact importance"),
        1.0,
        ORDERS.map(|(name, _)| name).into_iter().skip(1),
    );
    for &epochs in &s.training {
        correlations = correlations.series(format!("after {epochs} epochs"), move |order| {
            Some(CORRELATION.at(&by(order, epochs)))
        });
    }
    figures
        .plot("orders", "How alike do cheap importances rank units?")
        .panel("", correlations)
        .size(620, 400)
        .alt("Rank correlation of each cheap importance with the exact one, after a few and after many epochs")
        .caption(format!("Each bar is of all units of a net: {INTERVALS}"));
    let shown = [
        "exact",
        "Fisher",
        "first order",
        "spread × fan-out",
        "mean activation",
        "random",
    ];
    let plot = figures.plot("removals", "What is lost when the least important units go together?");
    for epochs in &s.training {
        plot.facet(format!("After {epochs} epochs"), trained(*epochs));
    }
    let name = |arm: &espalier_study::Arm| arm.level(ORDER.name).map(ToString::to_string).unwrap_or_default();
    plot.panel(
        "",
        curves(&LOSSES, &ORDER, &ORDER.any(shown), name)
            .along(Axis::linear("Share of the units taken out"), |k| SHARES[k])
            .y(Axis::log10("Validation loss")),
    )
    .size(430, 340)
    .alt("Validation loss against the share of the units that are taken out, by six orders, after a few and after many epochs")
    .caption(format!("Nothing is trained afterwards: {INTERVALS}"));
    let gated = METHOD_OF.is("size");
    figures
        .plot("gates", "Does the order of units change the learned size?")
        .panel(
            "Size",
            curves(&SIZES, &ORDER, &gated, name).y(SIZES.axis().at_least(0.0, 1.0)),
        )
        .panel(
            "Loss",
            curves(&TRAINING_LOSSES, &ORDER, &gated, name).y(Axis::log10("Training loss")),
        )
        .size(420, 320)
        .alt("Size and training loss against epochs, with units ranked in four ways")
        .caption(format!("From x₀ = 0, without penalty: {INTERVALS}"));
    Ok(figures)
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::UnitOrder>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let ranked: Vec<String> = s.training.iter().map(ToString::to_string).collect();
    let trained = format!("{} epochs with gates, {} without", s.epochs, ranked.join(" and "));
    let study = Study::new("unit-order", variants.iter().flat_map(|one| arms(one, s)).collect())?
        .outcome(SIZE)
        .subtitle(format!("{}, {trained}", context.subtitle()))
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let longest = s.training.iter().max().copied().unwrap_or(0);
    let base = Report {
        shortened: Setup::shortened(context, |shortened| {
            shortened.training_images(60_000, espalier_trial::VALIDATION_IMAGES)
        })?,
        headline: vec![
            format!("ours-correlation-{longest}"),
            format!("J18-activation-{longest}"),
            "J18-size-importance".to_owned(),
        ],
        trained,
        ..run.report(include_str!("method.md"))
    };
    let columns = [CORRELATION, LOST, KEPT, SIZE, TEST, DECISIONS];
    let remarks = |set: &Set<Net>| {
        vec![
            study.settled_note(set, &SIZES, &METHOD_OF.is("size")),
            study.diverged_note(set),
        ]
    };
    let table = |set: &Set<Net>| study.table(set, "All orders", &Where::all(), &columns);
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}
