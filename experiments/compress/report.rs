//! What the rows say of a data set: nets, quantities, claims, the table.

use espalier_experiment::{Columns as _, ReportContext};
use espalier_metrics::cheapest_reaching;
use espalier_report::standard::Outcome;
use espalier_study::prelude::*;
use espalier_trial::ChoiceRow;
use espalier_trial::Run;

use crate::rows::{Collected, Epoch, Latency, Pace};
use crate::task::Task;
use crate::{Arm, Grid, figures};

pub const METHOD_OF: Factor = Factor::method("method");
pub const LAMBDA: Factor = Factor::setting("weight λ of the penalty");
pub const DECAY: Factor = Factor::setting("λ decays");
pub const LAYERS: Factor = Factor::setting("layers");
/// Training rows in use; the study has all.
const ROWS: Factor = Factor::setting("training rows");
pub const START: Factor = Factor::setting("units a layer at first").unit("units").log2();
/// The λ of a net, of a twin that of its gated net.
pub const AT: Factor = Factor::label("λ");
pub const FROM: Factor = Factor::label("net of");

pub const GATED: &str = "gates";
pub const STATIC: &str = "static twin";

/// A trained net, gated or static.
pub struct Net {
    early: ChoiceRow,
    settled: ChoiceRow,
    epochs: Vec<Epoch>,
    paces: Vec<Pace>,
    latency: f64,
    outcome: Outcome,
    deviation: f64,
    gated: bool,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let collected: Collected = trial.row()?;
        let choices = trial.rows::<ChoiceRow>()?;
        let (epochs, paces, latencies): (Vec<Epoch>, Vec<Pace>, Vec<Latency>) =
            (trial.rows()?, trial.rows()?, trial.rows()?);
        let net = |outcome: Outcome| {
            let of = outcome.net.clone();
            let pick = |name: &str| choices.iter().find(|row| row.net == of && row.choice == name).cloned();
            let gated = of == "gated";
            let name = if gated {
                trial.key.variant.clone()
            } else {
                twin_of(&trial.key.variant)
            };
            let net = Self {
                early: pick("early")?,
                settled: pick("settled")?,
                epochs: epochs.iter().filter(|row| row.net == of).cloned().collect(),
                paces: paces.iter().filter(|row| row.net == of).cloned().collect(),
                latency: latencies
                    .iter()
                    .find(|row| row.net == of)
                    .map_or(f64::NAN, |row| row.microseconds),
                deviation: if gated { collected.deviation } else { f64::NAN },
                outcome,
                gated,
            };
            Some((name, net))
        };
        Ok(trial.rows::<Outcome>()?.into_iter().filter_map(net).collect())
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
}

impl Net {
    fn each(&self, number: fn(&Epoch) -> f64) -> Vec<f64> {
        self.epochs.iter().map(number).collect()
    }

    /// Trained values without the gates, of which each unit has one.
    fn weights(&self) -> f64 {
        let gates = if self.gated { self.settled.units } else { 0 };
        self.settled.parameters.saturating_sub(gates) as f64
    }

    fn seconds(&self) -> Vec<f64> {
        self.paces.iter().map(|pace| pace.seconds).collect()
    }

    fn late_seconds(&self) -> f64 {
        let seconds = self.seconds();
        let late = &seconds[seconds.len() * 3 / 4..];
        late.iter().sum::<f64>() / late.len() as f64
    }

    /// The share of training that goes into collecting units.
    fn collecting(&self) -> f64 {
        let all: f64 = self.seconds().iter().sum();
        self.paces.last().map_or(f64::NAN, |pace| pace.collecting / all)
    }
}

quantities! { Net;
    pub UNITS = "units", "hidden units", "" 0,
        |n| n.settled.units as f64, over_epochs(|n| n.each(|epoch| epoch.units.max(1) as f64));
    pub EARLY_UNITS = "early-units", "hidden units at the early pick", "" 0, |n| n.early.units as f64;
    LARGER = "larger", "size of the early pick over that of the settled pick", "" 3,
        |n| n.early.units as f64 / n.settled.units as f64, over_epochs_of(&UNITS);
    pub WEIGHTS = "parameters", "parameters", "" 0, Net::weights;
    MACS = "macs", "training", "10⁹ MACs" 1, |n| n.outcome.train_macs as f64 / 1e9;
    LATENCY = "latency", "forward pass", "µs a sample" 2, |n| n.latency;
    DEVIATION = "deviation", "largest relative change of an output by a collection", "" 3, |n| n.deviation;
    COLLECTING = "collecting", "share of training time that collections take, with the measurement of what each does to outputs", "" 3,
        Net::collecting;
    pub SECONDS = "seconds", "time of an epoch in the last quarter", "s" 3,
        Net::late_seconds, over_epochs(Net::seconds), whose_epochs_are("time of an epoch", "s");
}

/// Scores of one kind of task, accuracies or mean squared errors.
#[derive(Clone, Copy)]
pub struct Scores {
    pub classifies: bool,
    pub test: Quantity<Net>,
    pub early: Quantity<Net>,
    /// By how much the settled pick is better than the early one.
    gain: Quantity<Net>,
    pub validation: Quantity<Net>,
    pub course: Quantity<Net>,
}

impl Scores {
    pub fn of(classifies: bool) -> Self {
        if classifies { ACCURACY } else { ERROR }
    }

    /// By how much a statistic of one side is better than that of the other.
    fn better(self, ours: Statistic<Net>, theirs: Statistic<Net>) -> Statistic<Net> {
        if self.classifies {
            ours.less(theirs)
        } else {
            theirs.less(ours)
        }
    }

    /// A score of which more is better.
    fn rising(self, net: &Net) -> f64 {
        let value = self.validation.value(net);
        if self.classifies { value } else { -value }
    }
}

const ACCURACY: Scores = Scores {
    classifies: true,
    test: Quantity::new("accuracy", "test accuracy", |n: &Net| n.settled.test_score)
        .unit("fraction", 4)
        .higher_is_better(),
    early: Quantity::new("early-accuracy", "test accuracy of the early pick", |n: &Net| {
        n.early.test_score
    })
    .unit("fraction", 4)
    .higher_is_better(),
    gain: Quantity::new(
        "gain",
        "test accuracy of the settled pick less that of the early pick",
        |n: &Net| n.settled.test_score - n.early.test_score,
    )
    .unit("fraction", 4),
    validation: Quantity::new("validation", "validation accuracy", |n: &Net| {
        n.settled.validation_score
    })
    .unit("fraction", 4)
    .higher_is_better(),
    course: Quantity::new("course", "validation accuracy", |n: &Net| n.settled.validation_score)
        .unit("fraction", 4)
        .over_epochs(|n| n.each(|epoch| epoch.validation_score)),
};

const ERROR: Scores = Scores {
    classifies: false,
    test: Quantity::new("mse", "mean squared error on test", |n: &Net| n.settled.test_loss)
        .unit("", 3)
        .lower_is_better(),
    early: Quantity::new(
        "early-mse",
        "mean squared error on test of the early pick",
        |n: &Net| n.early.test_loss,
    )
    .unit("", 3)
    .lower_is_better(),
    gain: Quantity::new(
        "gain",
        "mean squared error on test of the early pick less that of the settled pick",
        |n: &Net| n.early.test_loss - n.settled.test_loss,
    )
    .unit("", 3),
    validation: Quantity::new("validation", "mean squared error on validation", |n: &Net| {
        n.settled.validation_loss
    })
    .unit("", 3)
    .lower_is_better(),
    course: Quantity::new("course", "mean squared error on validation", |n: &Net| {
        n.settled.validation_loss
    })
    .unit("", 3)
    .over_epochs(|n| n.each(|epoch| epoch.validation_loss)),
};

fn twin_of(name: &str) -> String {
    format!("static twin of {name}")
}

/// The gated nets whose λ stays as it is, from the grid's starts.
pub fn steady(s: &Grid) -> Where {
    let starts: Vec<f64> = s.starts.iter().map(|start| *start as f64).collect();
    METHOD_OF
        .is(GATED)
        .and(DECAY.is(false))
        .and(START.any(starts))
        .named("gates, λ steady")
}

/// Their static twins.
pub fn twins(s: &Grid) -> Where {
    let starts: Vec<f64> = s.starts.iter().map(|start| *start as f64).collect();
    METHOD_OF
        .is(STATIC)
        .and(FROM.any(starts))
        .and(STEADY.is(true))
        .named("static twins")
}

/// Whether a twin's gated net has a steady λ.
const STEADY: Factor = Factor::label("twin of a steady λ");

fn arms(arm: &Arm) -> Vec<espalier_study::Arm> {
    let net = espalier_study::Arm::new(arm.to_string())
        .with(&METHOD_OF, GATED)
        .with(&LAMBDA, arm.lambda)
        .with(&AT, arm.lambda)
        .with(&DECAY, arm.decays)
        .with(&START, arm.start)
        .with(&LAYERS, arm.layers);
    let twin = espalier_study::Arm::new(twin_of(&net.name))
        .with(&METHOD_OF, STATIC)
        .with(&AT, arm.lambda)
        .with(&FROM, arm.start)
        .with(&STEADY, !arm.decays)
        .with(&LAYERS, arm.layers);
    if arm.lambda > 0.0 { vec![net, twin] } else { vec![net] }
}

/// The pick of the best validation score among the chosen nets of a seed.
fn best_of(study: &Study<Net>, scores: Scores, what: &'static str, arms: &Where) -> Statistic<Net> {
    let names: Vec<String> = study.chosen(arms).into_iter().map(|arm| arm.name).collect();
    let of = move |nets: &Nets<Net>| {
        let all = names.iter().filter_map(|name| nets.get(name));
        let finite = all.filter(|net| scores.validation.value(net).is_finite());
        let best = finite.max_by(|a, b| scores.rising(a).total_cmp(&scores.rising(b)));
        best.map_or(f64::NAN, |net| scores.test.value(net))
    };
    Statistic::of_seed(
        format!("{} of the {what} with the best validation score", scores.test.name),
        arms,
        of,
    )
}

/// The smallest net that is as good on validation as the wide net without a penalty, and that wide net.
fn smallest<'n>(nets: &'n Nets<Net>, wide: &[String], small: &[String], scores: Scores) -> Option<(&'n Net, &'n Net)> {
    let wide = wide.iter().filter_map(|name| nets.get(name));
    let wide = wide.max_by(|a, b| scores.rising(a).total_cmp(&scores.rising(b)))?;
    let small: Vec<&Net> = small.iter().filter_map(|name| nets.get(name)).collect();
    let sizes: Vec<f64> = small.iter().map(|net| net.weights()).collect();
    let rising: Vec<f64> = small.iter().map(|net| scores.rising(net)).collect();
    let found = cheapest_reaching(&sizes, &rising, scores.rising(wide)).ok().flatten();
    Some((wide, found.map_or(wide, |place| small[place])))
}

/// What the smallest nets among some arms are compared with in each seed.
struct Smallest<'s> {
    study: &'s Study<Net>,
    scores: Scores,
}

impl Smallest<'_> {
    fn names(&self, arms: &Where) -> Vec<String> {
        self.study.chosen(arms).into_iter().map(|arm| arm.name).collect()
    }

    fn wide(&self) -> Vec<String> {
        self.names(&METHOD_OF.is(GATED).and(LAMBDA.is(0.0)))
    }

    /// A number of the wide net over that of the smallest net as good; 1 where none is smaller.
    fn factor(&self, of: Quantity<Net>, small: &Where) -> Statistic<Net> {
        let words = format!(
            "{} of the best net without a penalty over that of the smallest of the {small} as good",
            of.name
        );
        let (wide, small, scores) = (self.wide(), self.names(small), self.scores);
        Statistic::of_seed(words, &Where::all(), move |nets| {
            smallest(nets, &wide, &small, scores).map_or(f64::NAN, |(wide, small)| of.value(wide) / of.value(small))
        })
    }

    /// The size of the smallest of some nets that is as good as the wide net.
    fn size(&self, small: &Where) -> Statistic<Net> {
        let words = format!("parameters of the smallest of the {small} as good as the best net without a penalty");
        let (wide, names, scores) = (self.wide(), self.names(small), self.scores);
        Statistic::of_seed(words, small, move |nets| {
            smallest(nets, &wide, &names, scores).map_or(f64::NAN, |(_, small)| small.weights())
        })
    }
}

fn claims<'s>(study: &'s Study<Net>, set: &str, scores: Scores, s: &Grid) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    let penalised: Vec<f64> = s.lambdas.iter().copied().filter(|lambda| *lambda > 0.0).collect();
    let gates = steady(s)
        .and(LAMBDA.any(penalised.clone()))
        .named("gates with a steady λ");
    best(&mut c, study, scores, &gates, Task::named(set));
    sizes(&mut c, &gates, s);
    against_twins(&mut c, scores, s);
    picks(&mut c, scores, &gates);
    compression(&mut c, study, scores, &gates, s);
    collections(&mut c, &gates, s);
    c
}

/// What the study's best nets reached.
fn best(c: &mut Claims<'_, Net>, study: &Study<Net>, scores: Scores, gates: &Where, task: Option<Task>) {
    let Some((task, published)) = task.and_then(|task| Some((task, task.published?))) else {
        return;
    };
    let (range, words) = match task.name {
        "add10" => (
            Margin::Within(0.95, 1.3),
            "the best net comes near the noise's variance of 1".to_owned(),
        ),
        "airfoil" => (
            Margin::LessThan(12.34),
            "the best net is below the reference of 12.34".to_owned(),
        ),
        _ => {
            let least = published - 0.01;
            (
                Margin::GreaterThan(least),
                format!("the best net has at least {least:.3}"),
            )
        }
    };
    c.reproduces("J21-best", best_of(study, scores, "gated net", gates), range)
        .study(words, format!("{published}"))
        .figure("capacity");
}

fn sizes(c: &mut Claims<'_, Net>, gates: &Where, s: &Grid) {
    c.falls("J21-size", &UNITS, &LAMBDA, gates, 0.9).figure("lambda");
    if s.decay_layers.contains(&1) {
        let of = |decays: bool| {
            let one = METHOD_OF.is(GATED).and(LAYERS.is(1.0)).and(START.is(s.starts[0]));
            let words = if decays {
                "λ decays, 1 layer"
            } else {
                "λ steady, 1 layer"
            };
            one.and(AT.any(s.lambdas.iter().copied().filter(|l| *l > 0.0)))
                .and(DECAY.is(decays))
                .named(words)
        };
        c.larger(
            "J21-decay",
            UNITS.mean_over(&of(true)),
            UNITS.mean_over(&of(false)),
            &DECAY,
        )
        .about(&UNITS)
        .about(&MACS)
        .figure("time");
    }
    for lambda in &s.wide_lambdas {
        let swept = METHOD_OF
            .is(GATED)
            .and(LAYERS.is(1.0))
            .and(DECAY.is(false))
            .and(LAMBDA.is(*lambda));
        let swept = swept.named(format!("1 layer, λ = {}", crate::written(*lambda)));
        c.trend(
            format!("E41-start-{}", crate::written(*lambda)),
            &UNITS,
            &START,
            &swept,
            Measure::Exponent,
            Margin::Within(-0.1, 0.1),
        )
        .family("does the start decide the size that is found?")
        .figure("starts");
    }
}

fn against_twins(c: &mut Claims<'_, Net>, scores: Scores, s: &Grid) {
    let (gates, twins) = (steady(s), twins(s));
    let mut levels = c.levels(&AT, &twins);
    levels.retain(|level: &Level| level.number() > 0.0);
    c.each("J21-twin", &AT, &levels, Margin::GreaterThan(0.0), Some(&METHOD_OF), move |level| {
        let ours = scores.test.mean_over(&gates.clone().and(level.clone()));
        scores.better(ours, scores.test.mean_over(&twins.clone().and(level.clone())))
    })
    .study(
        "a compressed net is better than a static net of its size, whatever λ is",
        "mostly 0 to +0.7 points on MNIST, −0.5 to +1.4 on Fashion-MNIST, 0 to 0.4 on Add10, 0 to 27 on Airfoil, about 0 on Poker",
    )
    .figure("improvement");
}

fn picks(c: &mut Claims<'_, Net>, scores: Scores, gates: &Where) {
    c.lies("J21-pick-size", LARGER.mean_over(gates), Margin::GreaterThan(1.1))
        .figure("picks");
    c.lies("J21-pick-score", scores.gain.mean_over(gates), Margin::GreaterThan(0.0))
        .settled(&scores.course)
        .figure("picks");
}

fn compression(c: &mut Claims<'_, Net>, study: &Study<Net>, scores: Scores, gates: &Where, s: &Grid) {
    let smallest = Smallest { study, scores };
    for (id, of, least) in [("E40-factor", WEIGHTS, 2.0), ("E40-speed", LATENCY, 1.5)] {
        c.lies(id, smallest.factor(of, gates), Margin::GreaterThan(least))
            .settled(&UNITS)
            .figure("capacity");
    }
    let (ours, theirs) = (smallest.size(gates), smallest.size(&twins(s)));
    c.times("E40-twins", theirs, ours, Margin::GreaterThan(1.0), &METHOD_OF)
        .about(&UNITS)
        .settled(&UNITS)
        .figure("capacity");
}

fn collections(c: &mut Claims<'_, Net>, gates: &Where, s: &Grid) {
    c.lies("E34-exact", DEVIATION.mean_over(gates), Margin::LessThan(1e-5));
    c.lies("E34-time", COLLECTING.mean_over(gates), Margin::LessThan(0.01))
        .figure("time");
    let most = s.lambdas.iter().copied().fold(0.0, f64::max);
    let time = |lambda: f64| SECONDS.mean_over(&steady(s).and(LAMBDA.is(lambda)));
    c.times("E34-pace", time(most), time(0.0), Margin::LessThan(1.0), &LAMBDA)
        .about(&UNITS)
        .about(&MACS)
        .figure("time");
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::Compress>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let rows = if s.train_images == 0 {
        "all".to_owned()
    } else {
        s.train_images.to_string()
    };
    let study = Study::new("compress", variants.iter().flat_map(arms).collect())?
        .common([(ROWS, rows)])
        .original(ROWS, "all")
        .outcome(UNITS)
        .outcome(MACS)
        .subtitle(context.subtitle())
        .read_all(sets, &context.seeds)?;
    let classifies = |set: &Set<Net>| {
        let nets = |seed: &Nets<Net>| {
            study
                .arms
                .iter()
                .any(|arm| seed.value(&arm.name, &ACCURACY.validation).is_finite())
        };
        set.seeds.iter().any(nets)
    };
    let scores = Scores::of(study.sets.iter().any(classifies));
    let claims: Vec<Claims<'_, Net>> = study
        .sets
        .iter()
        .map(|set| claims(&study, &set.name, scores, s))
        .collect();
    let base = Report {
        shortened: shortened(context, s)?,
        headline: ["J21-twin", "E40-factor"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let figures = figures::figures(&study, &claims, scores, s)?;
    let table = |set: &Set<Net>| table(&study, set, scores);
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &UNITS, &steady(s)), study.diverged_note(set)];
    Ok(study.page(base, &claims, &figures, table, remarks)?)
}

fn shortened(context: &ReportContext, s: &Grid) -> anyhow::Result<Vec<String>> {
    let full = Grid::declare(&espalier_experiment::Preset::Full);
    let study = Grid::read(&full)?;
    let starts = |grid: &Grid| {
        grid.starts
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Ok(Grid::shortened(context, |shortened| {
        if s.starts != study.starts {
            let (ours, theirs) = (starts(s), starts(&study));
            let line = format!("{ours} units a layer for nets of one layer and more, where the study has {theirs}");
            shortened.lines.push(line);
        }
        if s.train_images > 0 {
            let line = format!("the first {} training rows, where the study has all", s.train_images);
            shortened.lines.push(line);
        }
        Ok(())
    })?)
}

fn table(study: &Study<Net>, set: &Set<Net>, scores: Scores) -> espalier_study::Result<TableBlock> {
    let columns = [
        UNITS,
        WEIGHTS,
        scores.validation,
        scores.test,
        EARLY_UNITS,
        scores.early,
        LATENCY,
        MACS,
    ];
    let mut table = study.table(set, "All nets at their picks", &Where::all(), &columns)?;
    table.note = "Interquartile means over seeds with 95 % bootstrap intervals; of the settled pick but where the early one is named."
        .to_owned();
    Ok(table)
}
