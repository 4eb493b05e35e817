//! What the rows say: nets, claims, figures, the table.

use espalier_report::standard::Outcome;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Arm, Epoch, Harm, Policy, Sweep};

const POLICY: Factor = Factor::method("rule of removal");
const GAMMA: Factor = Factor::label("γ");
/// γ as an axis shows it.
const MEMORY: Factor = Factor::setting("memory of the sign, 1/(1−γ)").unit("steps").log();
const LAMBDA: Factor = Factor::setting("λ");
const EPOCHS: Factor = Factor::setting("epochs");
/// Rule and γ together, to colour lines.
const RULE: Factor = Factor::label("rule");

const VARIANCE: &str = "sign variance";

struct Net {
    epochs: Vec<Epoch>,
    harm: Harm,
    outcome: Outcome,
}
recorded!(Net { epochs: rows, harm: row, outcome: row } diverged outcome);

impl Net {
    fn units(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.units_left as f64).collect()
    }

    /// Units summed over steps.
    fn unit_steps(&self) -> f64 {
        let before = std::iter::once(0).chain(self.epochs.iter().map(|epoch| epoch.steps));
        let of = |(epoch, before): (&Epoch, u64)| epoch.units as f64 * (epoch.steps - before) as f64;
        self.epochs.iter().zip(before).map(of).sum::<f64>() / 1e3
    }
}

quantities! { Net;
    UNITS = "units", "units left", "" 0, |n| n.units().last().copied().unwrap_or(f64::NAN), over_epochs(Net::units);
    COST = "cost", "cost", "10³ unit-steps" 0 lower_is_better, Net::unit_steps;
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.outcome.train_macs as f64 / 1e9;
    LOSS = "loss", "validation loss", "nats" 3 lower_is_better, |n| n.outcome.validation_loss;
    COURSE = "course", "validation accuracy", "fraction" 4,
        |n| n.outcome.validation_score, over_epochs(|n| n.epochs.iter().map(|epoch| epoch.validation_accuracy).collect());
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.outcome.test_score;
    HARM = "harm", "change of the loss by all collections", "nats" 3, |n| n.harm.loss;
}

fn policy(name: &str) -> Where {
    POLICY.is(name).named(name)
}

fn variance(gamma: f64) -> Where {
    POLICY
        .is(VARIANCE)
        .and(GAMMA.is(gamma))
        .named(format!("sign variance, γ = {gamma}"))
}

fn arm(one: &Arm) -> espalier_study::Arm {
    let arm = espalier_study::Arm::new(one.to_string())
        .with(&LAMBDA, one.lambda)
        .with(&RULE, one.policy.to_string());
    match one.policy {
        Policy::SignVariance { gamma } => arm
            .with(&POLICY, VARIANCE)
            .with(&GAMMA, gamma)
            .with(&MEMORY, (1.0 / (1.0 - gamma)).round()),
        other => arm.with(&POLICY, other.to_string()),
    }
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Sweep) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    let levels: Vec<Level> = s.lambdas.iter().map(|lambda| (*lambda).into()).collect();
    rules(&mut c, &levels, longest(s));
    let gammas = POLICY.is(VARIANCE).named(VARIANCE);
    for (id, quantity) in [("E39-gamma-units", UNITS), ("E39-gamma-cost", COST)] {
        c.trend(id, &quantity, &MEMORY, &gammas, Measure::Rank, Margin::GreaterThan(0.9))
            .figure("gamma");
    }
    c.falls("E39-gamma-loss", &LOSS, &MEMORY, &gammas, 0.5).figure("gamma");
    // Units summed over all steps: equal only where both take out the same units at the same steps.
    let first = |level: &Where| COST.at(&policy("first sign change").and(level.clone()));
    let same = move |level: &Where| first(level).less(COST.at(&variance(0.0).and(level.clone())));
    c.each(
        "E39-no-memory",
        &LAMBDA,
        &levels,
        Margin::Within(0.0, 0.0),
        Some(&POLICY),
        same,
    )
    .by_construction()
    .figure("gamma");
    c
}

/// Rules against each other and against nets that lose nothing.
fn rules(c: &mut Claims<'_, Net>, levels: &[Level], longest: f64) {
    let against = move |quantity: Quantity<Net>, ours: Where, theirs: Where| {
        move |level: &Where| {
            quantity
                .at(&ours.clone().and(level.clone()))
                .less(quantity.at(&theirs.clone().and(level.clone())))
        }
    };
    let best = "sign variance is the best rule: it keeps units that would have come back";
    for (name, other) in [("first", "first sign change"), ("threshold", "threshold")] {
        let lead = against(TEST, variance(longest), policy(other));
        c.each(
            format!("E39-best-{name}"),
            &LAMBDA,
            levels,
            Margin::GreaterThan(0.0),
            Some(&POLICY),
            lead,
        )
        .study(
            format!("{best} (against {other})"),
            "named the best rule, without a number",
        )
        .family("which rule keeps the most accuracy?")
        .figure("frontier");
    }
    for name in ["threshold", "first sign change"] {
        let key = name.split(' ').next().unwrap_or(name);
        let loss = against(TEST, policy(name), policy("never"));
        c.each(
            format!("E39-whole-{key}"),
            &LAMBDA,
            levels,
            Margin::GreaterThan(-0.005),
            Some(&POLICY),
            loss,
        )
        .family("is a net that loses units as good as one that loses none?")
        .figure("frontier");
    }
    let whole = against(TEST, variance(longest), policy("never"));
    c.each(
        "E39-whole-variance",
        &LAMBDA,
        levels,
        Margin::GreaterThan(-0.005),
        Some(&POLICY),
        whole,
    )
    .family("is a net that loses units as good as one that loses none?")
    .figure("frontier");
    let harm = move |level: &Where| HARM.at(&policy("threshold").and(level.clone()));
    c.each(
        "E39-harm-threshold",
        &LAMBDA,
        levels,
        Margin::Within(-0.01, 0.01),
        None,
        harm,
    )
    .figure("frontier");
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Sweep) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    gamma(&mut figures, s);
    course(&mut figures, s);
    frontier(&mut figures, study, s);
    Ok(figures)
}

/// Loss, cost and size over the memory of the sign.
fn gamma(figures: &mut Figures<'_, Net>, s: &Sweep) {
    let over = |quantity: &Quantity<Net>| {
        let each = |panel: espalier_study::plot::Sweep<Net>, lambda: &f64| {
            panel.series(format!("λ = {lambda}"), &POLICY.is(VARIANCE).and(LAMBDA.is(*lambda)))
        };
        s.lambdas.iter().fold(sweep(quantity, &MEMORY), each)
    };
    figures
        .plot("gamma", "How do size, cost and loss follow the memory of the sign's variance?")
        .panel("units left", over(&UNITS))
        .panel("cost", over(&COST))
        .panel("validation loss", over(&LOSS))
        .columns(3)
        .size(360, 320)
        .alt("Units left, unit-steps and validation loss against 1/(1−γ), one line for each λ")
        .caption("At 1 step (γ = 0) a unit goes at its first change of sign. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
}

fn course(figures: &mut Figures<'_, Net>, s: &Sweep) {
    let arms = LAMBDA.is(s.lambdas[s.lambdas.len() - 1]);
    let name = |arm: &espalier_study::Arm| arm.level(RULE.name).map_or_else(String::new, Level::to_string);
    figures
        .plot("course", "How fast do units leave, and what does it do to accuracy?")
        .panel(
            format!("units, {arms}"),
            curves(&UNITS, &RULE, &arms, name).y(Axis::log2("Units").unit("units")),
        )
        .panel(format!("accuracy, {arms}"), curves(&COURSE, &RULE, &arms, name))
        .highlight(told(s))
        .because(
            Rule::Coincide,
            "γ = 0 and the first sign change are one rule, which the figure shows",
        )
        .size(470, 360)
        .alt("Units and validation accuracy after every epoch, one line for each rule")
        .caption("Lines are interquartile means over seeds, bands 95 % bootstrap intervals; grey: the shorter memories of the sign.");
}

/// The rules that claims compare: of the memories of the sign the longest.
fn told(s: &Sweep) -> Vec<String> {
    let longest = Policy::SignVariance { gamma: longest(s) };
    [Policy::Never, Policy::Threshold, Policy::FirstSignChange, longest]
        .map(|policy| policy.to_string())
        .to_vec()
}

fn longest(s: &Sweep) -> f64 {
    s.gammas.iter().copied().fold(0.0, f64::max)
}

fn frontier(figures: &mut Figures<'_, Net>, study: &Study<Net>, s: &Sweep) {
    let mut points = scatter(&COST, &TEST).x(Axis::log10("Cost").unit("10³ unit-steps"));
    let mut sizes = scatter(&UNITS, &TEST).x(Axis::log2("Units left").unit("units"));
    for rule in study.levels(&RULE, &Where::all()) {
        points = points.series(rule.to_string(), &RULE.is(rule.clone()));
        sizes = sizes.series(rule.to_string(), &RULE.is(rule));
    }
    figures
        .plot("frontier", "Which rule leaves accurate nets that are small and cheap?")
        .panel("against cost", points)
        .panel("against size", sizes)
        .highlight(told(s))
        .size(470, 380)
        .alt("Test accuracy against unit-steps and against units left, one point for each net, coloured by rule")
        .caption("One point for each net of every λ and seed; grey: the shorter memories of the sign. Up and left is better.");
}

/// The page of one or several data sets.
pub fn page(run: &Run<'_, crate::Removal>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("removal", variants.iter().map(arm).collect())?
        .common([(EPOCHS, s.epochs as f64)])
        .outcome(UNITS)
        .outcome(MACS)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Sweep>(context, "")?,
        headline: vec!["E39-best-first".to_owned(), "E39-best-threshold".to_owned()],
        ..run.report(include_str!("method.md"))
    };
    let table = |set: &Set<Net>| table(&study, set);
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &UNITS, &Where::all()), study.diverged_note(set)];
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}

fn table(study: &Study<Net>, set: &Set<Net>) -> espalier_study::Result<TableBlock> {
    let columns = [UNITS, COST, MACS, LOSS, TEST, HARM];
    let mut table = study.table(set, "All nets", &Where::all(), &columns)?;
    table.note = "Interquartile means over seeds with 95 % bootstrap intervals.".to_owned();
    Ok(table)
}
