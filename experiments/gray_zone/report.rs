//! What the rows say: quantities, claims, figures, one table.

use espalier_report::figure::Rule as Readable;
use espalier_report::statistics::{mean, quantile};
use espalier_size_gate::{Opening, Penalty};
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Arm, Epoch, Form, Rule, Setup, Summary};

const METHOD_OF: Factor = Factor::method("method");
const ZONE: Factor = Factor::setting("gray zone");
const OPENING: Factor = Factor::setting("opening");
const THROUGH: Factor = Factor::setting("straight through");
const PENALTY: Factor = Factor::setting("penalty");
const START: Factor = Factor::setting("start of x₀").unit("units");
const OPTIMIZER: Factor = Factor::setting("optimizer");
const RATE: Factor = Factor::setting("learning rate");
const L2: Factor = Factor::setting("L2");
const EPOCHS: Factor = Factor::setting("epochs");
/// The arm's name, by which figures choose.
const NAME: Factor = Factor::label("arm");
/// A spike's loss over the loss of the epoch before.
const SPIKE: f64 = 1.5;
/// A training loss that counts as very low, where the study has no number: there Adam's averages of squared gradients are so
/// small that one unusual batch makes a large step.
const VERY_LOW: f64 = 1e-4;
/// Training losses that nets of every optimizer pass through.
const EQUAL_LOSS: std::ops::RangeInclusive<f64> = 0.015..=0.2;

/// A trained net.
struct Net {
    summary: Summary,
    epochs: Vec<Epoch>,
    forms: Vec<Form>,
}
recorded!(Net { summary: row, epochs: rows, forms: rows } diverged summary);

impl Net {
    fn each(&self, number: fn(&Epoch) -> f64) -> Vec<f64> {
        self.epochs.iter().map(number).collect()
    }

    fn late(&self) -> &[Epoch] {
        &self.epochs[self.epochs.len() / 2..]
    }

    /// Scatter of the gradient over its mean, each the mean over the late epochs.
    fn noise(&self) -> f64 {
        let late = |number: fn(&Epoch) -> f64| {
            let values: Vec<f64> = self.late().iter().map(number).collect();
            mean(&values).unwrap_or(f64::NAN)
        };
        late(|e| e.deviation) / late(|e| e.gradient).abs()
    }

    /// log₁₀ of successive losses' ratio in the late epochs.
    fn jumps(&self) -> Vec<f64> {
        let pairs = self.late().windows(2);
        pairs
            .map(|pair| (pair[1].train_loss / pair[0].train_loss).log10())
            .collect()
    }

    /// The roughness over all epochs whose loss lies in a range that every optimizer passes through.
    fn roughness_at_equal_loss(&self) -> f64 {
        let pairs = self
            .epochs
            .windows(2)
            .filter(|pair| pair.iter().all(|e| EQUAL_LOSS.contains(&e.train_loss)));
        deviation(
            &pairs
                .map(|pair| (pair[1].train_loss / pair[0].train_loss).log10())
                .collect::<Vec<_>>(),
        )
    }

    fn spikes(&self) -> f64 {
        let spikes = self.jumps().into_iter().filter(|jump| *jump > SPIKE.log10());
        spikes.count() as f64
    }

    fn roughness(&self) -> f64 {
        deviation(&self.jumps())
    }

    /// Units per e-fold of the epochs, over the late epochs.
    fn growth(&self) -> f64 {
        let late = self.late();
        match (late.first(), late.last()) {
            (Some(first), Some(last)) if last.epoch > first.epoch => {
                (last.size - first.size) / (last.epoch as f64 / first.epoch as f64).ln()
            }
            _ => f64::NAN,
        }
    }

    /// How much more of the size's variance over the epochs a straight line explains in ln(epoch) than in the epoch.
    fn logarithmic(&self) -> f64 {
        let (sizes, epochs) = (self.each(|e| e.size), self.each(|e| e.epoch as f64));
        let logarithms: Vec<f64> = epochs.iter().map(|epoch| epoch.ln()).collect();
        let explained = |x: &[f64]| espalier_metrics::pearson(x, &sizes).map_or(f64::NAN, |r| r * r);
        explained(&logarithms) - explained(&epochs)
    }
}

/// The standard deviation, n − 1 in the denominator; NaN of fewer than two values.
fn deviation(values: &[f64]) -> f64 {
    let Ok(middle) = mean(values) else { return f64::NAN };
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

fn noise(epoch: &Epoch) -> f64 {
    epoch.deviation / epoch.gradient.abs()
}

quantities! { Net;
    SIZE = "size", "size after the last epoch", "units" 1, |n| n.summary.size, over_epochs_of(&SIZES);
    SIZES = "sizes", "size ∫gate", "units" 1, |n| n.summary.size, over_epochs(|n| n.each(|e| e.size));
    X0 = "x0", "x₀ after the last epoch", "units" 1, |n| n.summary.x0;
    PLACES = "places", "x₀", "units" 1, |n| n.summary.x0, over_epochs(|n| n.each(|e| e.x0));
    GROWTH = "growth", "late growth", "units per e-fold of epochs" 1, Net::growth;
    LOGARITHMIC = "logarithmic", "R² of the size in ln(epoch) less R² in the epoch", "" 3, Net::logarithmic;
    NOISE = "noise", "noise of the size's gradient", "" 1, Net::noise;
    NOISES = "noises", "noise of the gradient", "" 3, Net::noise, over_epochs(|n| n.each(noise));
    PULL = "pull", "−∂loss/∂x₀", "" 3,
        |n| n.epochs.last().map_or(f64::NAN, |e| -e.gradient), over_epochs(|n| n.each(|e| -e.gradient));
    LOSS = "loss", "training loss after the last epoch", "" 4, |n| n.summary.train_loss;
    LOSSES = "losses", "training loss", "" 3, |n| n.summary.train_loss, over_epochs(|n| n.each(|e| e.train_loss));
    TRAIN = "train-accuracy", "accuracy on training images", "fraction" 4, |n| n.summary.train_accuracy;
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
    SPIKES = "spikes", "late spikes of the loss", "" 1, Net::spikes;
    ROUGHNESS = "roughness", "late roughness of the loss", "" 3, Net::roughness;
    EQUAL = "equal-roughness", "roughness of losses between 0.015 and 0.2", "" 3, Net::roughness_at_equal_loss;
    MACS = "macs", "training", "10⁹ MACs" 0, |n| n.summary.train_macs as f64 / 1e9;
}

fn named(name: &str) -> Where {
    NAME.is(name).named(name)
}

fn any<const N: usize>(names: [&str; N]) -> Where {
    NAME.any(names)
}

/// All that is set for an arm.
fn arm(one: &Arm) -> espalier_study::Arm {
    let rule = match one.rule {
        Rule::Adam => "Adam",
        Rule::AdaMax => "AdaMax",
    };
    let arm = espalier_study::Arm::new(one.name)
        .with(&NAME, one.name)
        .with(&OPTIMIZER, rule)
        .with(&RATE, one.rate)
        .with(&L2, one.decay)
        .with(&EPOCHS, one.epochs as f64);
    if one.plain {
        return arm.with(&METHOD_OF, "static");
    }
    let opening = match one.opening {
        Opening::Smooth => "sigmoid",
        Opening::Step => "step",
        Opening::Bernoulli => "Bernoulli",
    };
    let penalty = match one.penalty {
        None => "none",
        Some(Penalty::Position) => "x₀",
        Some(Penalty::Integral | Penalty::NaiveSum) => "∫gate",
    };
    arm.with(&METHOD_OF, "gate")
        .with(&ZONE, one.zone.to_string())
        .with(&OPENING, opening)
        .with(&THROUGH, if one.through { "yes" } else { "no" })
        .with(&PENALTY, penalty)
        .with(&START, one.start)
}

fn claims<'s>(study: &'s Study<Net>, set: &str) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("study.md"), set);
    of_zones(&mut c);
    of_hard_gates(&mut c);
    of_penalties(&mut c);
    of_optimizers(&mut c);
    of_decay(&mut c);
    c
}

fn of_zones(c: &mut Claims<'_, Net>) {
    const FLAW: &str = "the fixed zone was 23 units wide, twice the mean of the random one";
    let (fixed, random, legacy) = (named("fixed zone"), named("random zone"), named("fixed, k = 0.4"));
    let flawed = |quantity: &Quantity<Net>| quantity.at(&random).less(quantity.at(&legacy));
    c.smaller("J13-size", SIZE.at(&random), SIZE.at(&fixed), &ZONE)
        .flaw(FLAW, flawed(&SIZE))
        .figure("growth");
    for (id, quantity) in [("J13-noise", NOISE), ("J13-loss", LOSSES)] {
        c.larger(id, quantity.at(&random), quantity.at(&fixed), &ZONE)
            .flaw(FLAW, flawed(&quantity))
            .about(&SIZE)
            .figure("growth");
    }
    let (above, one) = (Margin::GreaterThan(0.0), Margin::GreaterThan(1.0));
    c.shape("J13-logarithm", LOGARITHMIC.at(&fixed), above).figure("growth");
    c.lies("J13-grows", GROWTH.at(&fixed), one).figure("growth");
    c.larger("ours-width", SIZE.at(&legacy), SIZE.at(&fixed), &ZONE)
        .figure("growth");
    let (slope, narrow) = (named("fixed, equal slope"), named("random, less varied"));
    for (id, a, b) in [("ours-slope", &random, &slope), ("ours-spread", &narrow, &fixed)] {
        c.times(id, SIZE.at(a), SIZE.at(b), Margin::Within(0.9, 1.1), &ZONE)
            .figure("growth");
    }
}

fn of_hard_gates(c: &mut Claims<'_, Net>) {
    let hard = any(["step", "Bernoulli"]).named("hard gates");
    c.identity(
        "J14-zero",
        "with a hard gate every gradient of the size is exactly 0 and x₀ stays where it was",
        &hard,
        |net| {
            let first = net.epochs.first().map(|epoch| epoch.x0);
            net.epochs
                .iter()
                .all(|e| e.gradient == 0.0 && e.deviation == 0.0 && Some(e.x0) == first)
        },
    )
    .figure("hard");
    for (id, name) in [
        ("J14-step", "step, straight through"),
        ("J14-bernoulli", "Bernoulli, straight through"),
    ] {
        let moved = Statistic::of_seed(
            format!("mean |∂loss/∂x₀| of {name}"),
            &named(name),
            move |nets: &Nets<Net>| {
                let net = nets.get(name);
                net.map_or(f64::NAN, |net| {
                    mean(&net.each(|e| e.gradient.abs())).unwrap_or(f64::NAN)
                })
            },
        );
        // A mean of sizes is above 0 as soon as anything passes.
        c.lies(id, moved, Margin::GreaterThan(0.0))
            .by_construction()
            .figure("hard");
    }
}

fn of_penalties(c: &mut Claims<'_, Net>) {
    let (position, integral) = (named("penalty x₀"), named("penalty ∫gate"));
    c.lies("J9-unbounded", X0.at(&position), Margin::LessThan(-100.0))
        .figure("penalties");
    c.larger("J9-bounded", X0.at(&integral), X0.at(&position), &PENALTY)
        .about(&SIZE)
        .figure("penalties");
    c.identity(
        "J8-naive",
        "at k = 1 the naive sum and its slope are NaN from x₀ = 128 on, where the integral and its slope are finite",
        &integral,
        |net| {
            let mut large = net.forms.iter().filter(|form| form.x0 >= 128.0);
            let finite = |form: &Form| form.integral.is_finite() && form.integral_slope.is_finite();
            large.all(|form| form.naive.is_nan() && form.naive_slope.is_nan() && finite(form))
        },
    );
}

fn of_optimizers(c: &mut Claims<'_, Net>) {
    for (id, adam, adamax) in [
        ("gated", "fixed zone", "AdaMax"),
        ("static", "static", "static, AdaMax"),
    ] {
        let (adam, adamax) = (named(adam), named(adamax));
        c.lies(format!("J16-spikes-{id}"), SPIKES.at(&adam), Margin::GreaterThan(0.0))
            .reaching(&LOSS, Margin::LessThan(VERY_LOW))
            .figure("optimizers");
        // The late epochs of one are at a far lower loss than those of the other: only equal losses compare.
        for (name, quantity) in [("equal-loss", EQUAL), ("loss", LOSSES)] {
            let (ours, theirs) = (quantity.at(&adamax), quantity.at(&adam));
            c.smaller(format!("J16-{name}-{id}"), ours, theirs, &OPTIMIZER)
                .figure("optimizers");
        }
    }
    let (slow, fast) = (named("AdaMax"), named("AdaMax, twice the rate"));
    c.larger("J16-size", SIZE.at(&slow), SIZE.at(&named("fixed zone")), &OPTIMIZER)
        .figure("speed");
    c.larger("ours-rate", SIZE.at(&slow), SIZE.at(&fast), &RATE)
        .figure("speed");
}

fn of_decay(c: &mut Claims<'_, Net>) {
    let (without, with) = (named("fixed zone"), named("fixed zone, L2"));
    c.larger("J11-size", SIZE.at(&without), SIZE.at(&with), &L2)
        .figure("decay");
    for (id, accuracy) in [("J11-train", TRAIN), ("J11-test", TEST)] {
        c.larger(id, accuracy.at(&without), accuracy.at(&with), &L2)
            .figure("decay");
    }
}

fn of_arms(quantity: &Quantity<Net>, arms: &Where, y: Axis) -> Curves<Net> {
    curves(quantity, &NAME, arms, |arm| arm.name.clone()).y(y)
}

const INTERVALS: &str = "Lines are interquartile means over seeds, bands 95 % bootstrap intervals.";

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>]) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    of_growth(&mut figures);
    of_loss(&mut figures);
    of_places(&mut figures);
    for (name, title, alt, arms) in [
        (
            "speed",
            "Does a size stop where the loss is low? Weights that learn more slowly let it grow further",
            "Size and training loss against epochs with Adam and with AdaMax at two rates; a size cannot grow beyond all units",
            any(["fixed zone", "AdaMax", "AdaMax, twice the rate"]),
        ),
        (
            "decay",
            "What does L2 do to a size that grows from 0?",
            "Size and training loss against epochs, with and without L2",
            any(["fixed zone", "fixed zone, L2"]),
        ),
    ] {
        figures
            .plot(name, title)
            .panel("Size", of_arms(&SIZES, &arms, SIZES.axis().at_least(0.0, 1.0)))
            .panel("Loss", of_arms(&LOSSES, &arms, Axis::log10("Training loss")))
            .size(400, 320)
            .alt(alt)
            .caption(format!("x₀ has the same Adam of its own in all arms. {INTERVALS}"));
    }
    Ok(figures)
}

fn of_growth(figures: &mut Figures<'_, Net>) {
    let zones = any([
        "fixed zone",
        "random zone",
        "random, less varied",
        "fixed, equal slope",
        "fixed, k = 0.4",
    ]);
    let lines = |quantity: &Quantity<Net>, y: Axis| {
        of_arms(quantity, &zones, y).along(Axis::log10("Epoch"), |k| k as f64 + 1.0)
    };
    figures
        .plot(
            "growth",
            "Does a random gray zone free the size? Growth, gradient and loss from x₀ = 0",
        )
        .panel("Size", lines(&SIZES, SIZES.axis().at_least(0.0, 1.0)))
        .panel("Pull on the size", lines(&PULL, Axis::log10("−∂loss/∂x₀, mean")))
        .panel("Noise of it", lines(&NOISES, Axis::log10("Scatter over mean")))
        .panel("Loss", lines(&LOSSES, Axis::log10("Training loss")))
        .size(360, 300)
        .columns(2)
        .because(Readable::Coincide, "whether the losses differ is the question")
        .alt("Size, mean gradient of the size, its noise, and training loss against epochs, for five gray zones")
        .caption(format!(
            "A straight line in the first panel is growth like the logarithm of time. {INTERVALS}"
        ));
}

fn of_loss(figures: &mut Figures<'_, Net>) {
    let gated = any(["fixed zone", "AdaMax", "AdaMax, twice the rate"]);
    let plain = any(["static", "static, AdaMax", "static, AdaMax, twice the rate"]);
    let plot = figures.plot(
        "optimizers",
        "Is the noise at low loss Adam's? Training loss with Adam and with AdaMax",
    );
    for (title, arms) in [("gated nets", gated), ("static nets", plain)] {
        plot.panel(title, custom(move |place: &Place<'_, Net>| band(place, &arms)));
    }
    plot.size(470, 340)
        .alt("Training loss against epochs with Adam and AdaMax, for gated and static nets, with the least and the largest of all seeds")
        .caption("Lines are medians over seeds, bands reach from the least to the largest.");
}

fn of_places(figures: &mut Figures<'_, Net>) {
    let places = |arms: Where| of_arms(&PLACES, &arms, PLACES.axis()).start_at(|arm| arm.number(&START));
    let hard = any([
        "step",
        "step, straight through",
        "Bernoulli",
        "Bernoulli, straight through",
    ]);
    let still = "without straight-through gradients both hard gates stay where they began";
    figures
        .plot("hard", "What moves a size through hard gates?")
        .panel("", places(hard))
        .because(Readable::Coincide, still)
        .size(520, 340)
        .alt("x₀ after every epoch with a step and with Bernoulli draws, with and without straight-through gradients")
        .caption(INTERVALS);
    figures
        .plot("penalties", "Does a penalty on x₀ itself have a lower bound?")
        .panel("", places(any(["penalty x₀", "penalty ∫gate"])))
        .size(520, 320)
        .alt("x₀ after every epoch with x₀ itself and with the integral of the gates as penalty")
        .caption(INTERVALS);
}

/// Training losses of some arms: the median of the seeds in a band from the least to the largest.
fn band(place: &Place<'_, Net>, arms: &Where) -> espalier_study::Result<Panel> {
    let mut panel = Panel::new("", Axis::linear("Epoch"), Axis::log10("Training loss"));
    for arm in place.arms(arms, &NAME) {
        let nets = place.set.seeds.iter().filter_map(|seed| seed.get(&arm.name));
        let losses: Vec<Vec<f64>> = nets.map(|net: &Net| net.each(|e| e.train_loss)).collect();
        let (mut line, mut around) = (Vec::new(), Vec::new());
        for k in 0..losses.iter().map(Vec::len).min().unwrap_or(0) {
            let (x, all) = (k as f64 + 1.0, losses.iter().map(|path| path[k]).collect::<Vec<_>>());
            line.push((x, quantile(&all, 0.5)?));
            around.push((x, quantile(&all, 0.0)?, quantile(&all, 1.0)?));
        }
        panel = panel
            .mark(Mark::band(around).spread(Spread::Extremes).of(&arm.name))
            .mark(Mark::line(line).label(&arm.name));
    }
    Ok(panel)
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::GrayZones>) -> anyhow::Result<Report> {
    let (sets, context, variants) = (run.sets, run.context, &run.variants);
    let study = Study::new("gray-zone", variants.iter().map(arm).collect())?
        .outcome(SIZE)
        .original(EPOCHS, 60.0)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Setup>(context, "for its slopes")?,
        headline: ["ours-width", "J13-size", "J16-size", "J13-grows"]
            .map(str::to_owned)
            .to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let columns = [
        SIZE, X0, GROWTH, NOISE, LOSS, SPIKES, ROUGHNESS, EQUAL, TRAIN, TEST, MACS,
    ];
    let gated = METHOD_OF.is("gate").and(PENALTY.is("none"));
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &SIZES, &gated), study.diverged_note(set)];
    let table = |set: &Set<Net>| study.table(set, "All nets", &Where::all(), &columns);
    Ok(study.page(base, &claims, &figures(&study, &claims)?, table, remarks)?)
}
