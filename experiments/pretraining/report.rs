//! What the rows say: quantities, claims, figures, one table.

use espalier_report::statistics::mean;
use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Arm, Epoch, Kept, Setup, Summary, Weights};

/// How long, and what of it is kept.
const PRETRAINING: Factor = Factor::setting("pretraining");
const WEIGHTS: Factor = Factor::setting("weights");
const START: Factor = Factor::setting("start of x₀").unit("units");
const SLOPE: Factor = Factor::setting("k of the gates");
const EPOCHS: Factor = Factor::setting("epochs with gates");
const RATE: Factor = Factor::setting("learning rate");
/// The arm's name, by which figures choose.
const NAME: Factor = Factor::label("arm");

/// A trained net; epochs are those with gates.
struct Net {
    summary: Summary,
    epochs: Vec<Epoch>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let mut epochs: Vec<Epoch> = trial.rows()?;
        epochs.retain(|epoch| epoch.net == "gated");
        let net = Self {
            summary: trial.row()?,
            epochs,
        };
        Ok(vec![(trial.key.variant.clone(), net)])
    }

    fn diverged(&self) -> bool {
        self.summary.diverged
    }
}

impl Net {
    fn each(&self, number: fn(&Epoch) -> f64) -> Vec<f64> {
        self.epochs.iter().map(number).collect()
    }

    fn mean(&self, number: fn(&Epoch) -> f64) -> f64 {
        mean(&self.each(number)).unwrap_or(f64::NAN)
    }
}

quantities! { Net;
    SIZE = "size", "size after the last epoch", "units" 1, |n| n.summary.size;
    SIZES = "sizes", "size ∫gate", "units" 1, |n| n.summary.size, over_epochs(|n| n.each(|e| e.size));
    GROWING = "growing", "share of steps that push x₀ up", "" 3, |n| n.mean(|e| e.growing),
        over_epochs(|n| n.each(|e| e.growing));
    PULL = "pull", "−∂loss/∂x₀", "" 3, |n| -n.mean(|e| e.gradient), over_epochs(|n| n.each(|e| -e.gradient));
    LOSS = "loss", "training loss after the last epoch", "" 4, |n| n.summary.train_loss;
    LOSSES = "losses", "training loss", "" 3, |n| n.summary.train_loss, over_epochs(|n| n.each(|e| e.train_loss));
    TRAIN = "train-accuracy", "accuracy on training images", "fraction" 4, |n| n.summary.train_accuracy;
    TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.summary.test_accuracy;
    CHANGED = "changed", "weights whose bits have changed", "" 0, |n| n.summary.changed as f64;
    MACS = "macs", "training with gates", "10⁹ MACs" 0, |n| n.summary.train_macs as f64 / 1e9;
}

/// All that is set for an arm.
fn arm(one: &Arm, s: &Setup) -> espalier_study::Arm {
    let pretraining = Arm {
        weights: Weights::Trained,
        ..*one
    };
    let weights = match one.weights {
        Weights::Trained => "trained".to_owned(),
        Weights::TwoPhases => format!("gray zone at {} times the rate from half on", s.gray_factor),
        Weights::Frozen => "frozen".to_owned(),
    };
    espalier_study::Arm::new(one.to_string())
        .with(&NAME, one.to_string())
        .with(&PRETRAINING, pretraining.to_string())
        .with(&WEIGHTS, weights)
        .with(&START, one.start)
}

/// The arm that is pretrained for so long, all of it kept, its weights trained on.
fn pretrained(epochs: usize) -> Arm {
    Arm {
        pretraining: epochs,
        kept: Kept::All,
        weights: Weights::Trained,
        start: 0.0,
    }
}

fn the(arm: Arm) -> Where {
    NAME.is(arm.to_string()).named(arm.to_string())
}

/// The frozen arms.
fn frozen() -> Where {
    WEIGHTS.is("frozen").named("with frozen weights")
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Setup) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("study.md"), set);
    let [none, some, most] = s.pretraining[..] else {
        return c;
    };
    of_pretraining(&mut c, [none, some, most]);
    let fresh = the(pretrained(none));
    for (id, kept) in [("ours-features", Kept::Hidden), ("ours-outputs", Kept::Outputs)] {
        let part = the(Arm {
            kept,
            ..pretrained(most)
        });
        c.smaller(id, SIZE.at(&part), SIZE.at(&fresh), &PRETRAINING)
            .figure("pretraining");
        let whole = the(pretrained(most));
        c.times(
            format!("{id}-whole"),
            SIZE.at(&part),
            SIZE.at(&whole),
            Margin::Within(0.9, 1.1),
            &PRETRAINING,
        )
        .figure("pretraining");
    }
    for (id, epochs) in [("fresh", none), ("pretrained", most)] {
        let weights = Weights::TwoPhases;
        let (two, one) = (
            the(Arm {
                weights,
                ..pretrained(epochs)
            }),
            the(pretrained(epochs)),
        );
        c.larger(format!("J15-phases-{id}"), SIZE.at(&two), SIZE.at(&one), &WEIGHTS)
            .figure("phases");
        c.smaller(
            format!("J15-phases-loss-{id}"),
            LOSSES.at(&two),
            LOSSES.at(&one),
            &WEIGHTS,
        )
        .figure("phases");
    }
    of_frozen(&mut c, most, s.units as f64);
    c
}

fn of_pretraining(c: &mut Claims<'_, Net>, [none, some, most]: [usize; 3]) {
    for (id, longer, shorter) in [("J15-some", some, none), ("J15-more", most, some)] {
        let (longer, shorter) = (the(pretrained(longer)), the(pretrained(shorter)));
        c.smaller(id, SIZE.at(&longer), SIZE.at(&shorter), &PRETRAINING)
            .figure("pretraining");
    }
    let (longest, fresh) = (the(pretrained(most)), the(pretrained(none)));
    let same = Margin::Within(0.8, 1.25);
    c.times("J15-loss", LOSSES.at(&longest), LOSSES.at(&fresh), same, &PRETRAINING)
        .figure("pretraining");
}

fn of_frozen(c: &mut Claims<'_, Net>, most: usize, units: f64) {
    c.identity(
        "J17-frozen",
        "a learning rate of 0 leaves every bit of the weights while the size is trained",
        &frozen(),
        |net| net.summary.changed == 0,
    )
    .figure("frozen");
    let slope = Margin::LessThan(0.2);
    c.trend("J17-converges", &SIZES, &START, &frozen(), Measure::Slope, slope)
        .figure("frozen");
    let weights = Weights::Frozen;
    let (alone, together) = (
        the(Arm {
            weights,
            ..pretrained(most)
        }),
        the(pretrained(most)),
    );
    c.lies("J17-sign", GROWING.at(&alone), Margin::GreaterThan(0.5))
        .figure("signs");
    let nearly_all = Margin::GreaterThan(0.95 * units);
    c.lies("ours-opens", SIZES.mean_over(&frozen()), nearly_all)
        .figure("frozen");
    c.larger("J17-size", SIZE.at(&alone), SIZE.at(&together), &WEIGHTS)
        .figure("frozen");
}

fn of_arms(quantity: &Quantity<Net>, arms: &Where, y: Axis) -> Curves<Net> {
    curves(quantity, &NAME, arms, |arm| arm.name.clone()).y(y)
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Setup) -> anyhow::Result<Figures<'s, Net>> {
    const INTERVALS: &str =
        "Lines are interquartile means over seeds, bands 95 % bootstrap intervals; epochs are those with gates.";
    let mut figures = Figures::showing(study, claims)?;
    let trained = WEIGHTS.is("trained");
    let from_zero = || SIZES.axis().at_least(0.0, 1.0);
    figures
        .plot("pretraining", "What does a size that starts at 0 do on a net that is trained already?")
        .panel("Size", of_arms(&SIZES, &trained, from_zero()))
        .panel("Pull on the size", of_arms(&PULL, &trained, Axis::log10("−∂loss/∂x₀, mean")))
        .panel("Loss", of_arms(&LOSSES, &trained, Axis::log10("Training loss")))
        .size(330, 300)
        .alt("Size, mean gradient by the size and training loss against epochs, by pretraining and by which layer of it is kept")
        .caption(INTERVALS);
    let alone = frozen();
    figures
        .plot("frozen", "What does the size alone do, with frozen weights?")
        .panel(
            "Size",
            curves(&SIZES, &START, &alone, |arm| format!("from {}", arm.number(&START)))
                .start_at(|arm| arm.number(&START))
                .y(from_zero()),
        )
        .panel(
            "Loss",
            curves(&LOSSES, &START, &alone, |arm| format!("from {}", arm.number(&START)))
                .y(Axis::log10("Training loss")),
        )
        .because(
            Rule::BroadBand,
            "a seed that stays in a local minimum far below the others is the finding",
        )
        .size(420, 320)
        .alt("Size and training loss against epochs from several starts, the weights frozen after pretraining")
        .caption(format!(
            "The weights are those after {} epochs without gates. {INTERVALS}",
            s.pretraining.iter().max().unwrap_or(&0)
        ));
    figures
        .plot("signs", "Which way do gradients push a size with frozen weights?")
        .panel("Sign", curves(&GROWING, &START, &alone, |arm| format!("from {}", arm.number(&START))).y(Axis::linear("Share of steps that push x₀ up").at_least(0.0, 1.0)))
        .panel("Strength", curves(&PULL, &START, &alone, |arm| format!("from {}", arm.number(&START))).y(Axis::linear("−∂loss/∂x₀, mean")))
        .size(420, 320)
        .alt("Share of steps in which the gradient pushes the size up, and its mean, against epochs, from several starts")
        .caption(INTERVALS);
    let [none, .., most] = s.pretraining[..] else {
        return Ok(figures);
    };
    let phases = |epochs| {
        let weights = Weights::TwoPhases;
        NAME.any(
            [
                pretrained(epochs),
                Arm {
                    weights,
                    ..pretrained(epochs)
                },
            ]
            .map(|arm| arm.to_string()),
        )
    };
    figures
        .plot("phases", "Does a gray zone that learns faster help the size along?")
        .facet("Not pretrained", phases(none))
        .facet(format!("Pretrained {most}"), phases(most))
        .panel("size", of_arms(&SIZES, &Where::all(), from_zero()))
        .panel("loss", of_arms(&LOSSES, &Where::all(), Axis::log10("Training loss")))
        .size(400, 300)
        .columns(2)
        .alt("Size and training loss against epochs with one rate and with a higher rate in the gray zone in the second half")
        .caption(INTERVALS);
    Ok(figures)
}

/// The page of one data set.
pub fn page(run: &Run<'_, crate::Pretraining>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("pretraining", variants.iter().map(|one| arm(one, s)).collect())?
        .common([(EPOCHS, s.epochs as f64), (SLOPE, s.slope), (RATE, s.learning_rate)])
        .outcome(SIZE)
        .original(SLOPE, 0.4)
        .original(EPOCHS, 60.0)
        .subtitle(context.subtitle_with_epochs()?)
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: espalier_trial::shortened_images::<Setup>(context, "")?,
        headline: ["J15-some", "ours-features", "ours-outputs", "ours-opens"]
            .map(str::to_owned)
            .to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let columns = [SIZE, GROWING, LOSS, TRAIN, TEST, CHANGED, MACS];
    let remarks = |set: &Set<Net>| vec![study.settled_note(set, &SIZES, &Where::all()), study.diverged_note(set)];
    let table = |set: &Set<Net>| study.table(set, "All nets", &Where::all(), &columns);
    Ok(study.page(base, &claims, &figures(&study, &claims, s)?, table, remarks)?)
}
