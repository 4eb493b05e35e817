//! What the rows say: nets that were grown, nets from scratch, and the page.

use std::rc::Rc;

use espalier_block_growth::{Kept, Stage};
use espalier_experiment::Columns as _;
use espalier_report::standard::{Epoch, Outcome};
use espalier_study::prelude::*;
use espalier_trial::EditRow;
use espalier_trial::Run;

use crate::{Arm, Beginning, Setup};

const HOW: Factor = Factor::method("how it came about");
const SIZE: Factor = Factor::setting("units of a block").unit("units");
const COUNT: Factor = Factor::setting("blocks");
/// How long a net from scratch trains; a grown net has no such setting.
const LENGTH: Factor = Factor::label("length");
const UNITS_OF: Factor = Factor::label("units in all").unit("units").log2();
const EPOCHS: Factor = Factor::setting("epochs");
const SEARCH: &str = "search";
const BLOCKS: &str = "blocks";
const SCRATCH: &str = "from scratch";
const GROWN: &str = "grown, block by block";
const ADD10: &str = "add10";

/// A net, grown or from scratch.
#[derive(Clone)]
pub struct Net {
    outcome: Outcome,
    units: f64,
    epochs: f64,
    /// Spent in training so far.
    macs: f64,
    error: f64,
    /// The share that the newest block explains, and that of the first one.
    shares: (f64, f64),
    /// All nets that the growth came by, with λ and the validation loss of the time.
    path: Rc<Vec<(Self, Kept)>>,
    /// Epochs and λ of the trials.
    trials: Rc<Vec<(f64, f64)>>,
    ended: bool,
}

impl Net {
    /// Whether every sum of kept blocks has at the end the validation loss that it had when its last block was kept.
    fn is_frozen(&self) -> bool {
        let holds = |(net, kept): &(Self, Kept)| {
            let (now, then) = (net.outcome.validation_loss, kept.validation_loss);
            (now - then).abs() <= 1e-5 * then.abs()
        };
        self.path.iter().all(holds)
    }
}

/// The wrong answers' share, or the squared error.
fn error(outcome: &Outcome, set: &str) -> f64 {
    if set == ADD10 || outcome.test_score.is_nan() {
        outcome.test_loss
    } else {
        1.0 - outcome.test_score
    }
}

/// The axis of errors: a mean square where values are predicted, else a fraction of wrong answers.
fn error_axis(set: &str) -> Axis {
    Axis::linear("Test error").unit(if set == ADD10 { "mean square" } else { "fraction" })
}

/// The rows of one trial.
struct Told<'t> {
    own: &'t str,
    set: &'t str,
    outcomes: Vec<Outcome>,
    epochs: Vec<Epoch>,
    /// The steps of the search, with their epochs.
    stages: Vec<(u64, Stage)>,
}

impl<'t> Told<'t> {
    fn of(trial: &'t Trial<'_>) -> espalier_study::Result<Self> {
        let edits: Vec<EditRow> = trial.rows()?;
        let applied = edits.iter().filter(|edit| edit.outcome == "applied");
        let stages = applied.filter_map(|edit| Some((edit.epoch, Stage::read(&edit.reason)?)));
        Ok(Self {
            own: &trial.key.variant,
            set: &trial.key.dataset,
            outcomes: trial.rows()?,
            epochs: trial.rows()?,
            stages: stages.collect(),
        })
    }

    fn net(&self, name: &str, units: f64) -> Option<Net> {
        let outcome = self.outcomes.iter().find(|outcome| outcome.net == name)?;
        let trials = self
            .stages
            .iter()
            .filter_map(|(epoch, stage)| Some((*epoch as f64, stage.trains?)));
        Some(Net {
            units,
            epochs: outcome.epochs as f64,
            macs: outcome.train_macs as f64,
            error: error(outcome, self.set),
            outcome: outcome.clone(),
            shares: (f64::NAN, f64::NAN),
            path: Rc::default(),
            trials: Rc::new(trials.collect()),
            ended: self.stages.last().is_some_and(|(_, stage)| stage.trains.is_none()),
        })
    }

    /// The nets that the growth came by.
    fn path(&self, constant_loss: f64) -> Vec<(Net, Kept)> {
        let floor = if self.set == ADD10 { 1.0 } else { 0.0 };
        let (mut before, mut first, mut units) = (constant_loss, f64::NAN, 0.0);
        let mut path = Vec::new();
        let kept = self
            .stages
            .iter()
            .filter_map(|(epoch, stage)| Some((*epoch, stage.kept.clone()?)));
        for ((epoch, kept), k) in kept.zip(1..) {
            units += kept.units as f64;
            let share = 1.0 - (kept.validation_loss - floor) / (before - floor);
            (before, first) = (kept.validation_loss, if k == 1 { share } else { first });
            let spent = self.epochs.iter().find(|row| row.net == "grown" && row.epoch == epoch);
            let grown = self.net(&format!("grown {k}"), units).map(|net| Net {
                epochs: epoch as f64,
                macs: spent.map_or(f64::NAN, |row| row.train_macs as f64),
                shares: (share, first),
                ..net
            });
            path.extend(grown.map(|net| (net, kept)));
        }
        path
    }

    /// Blocks that all stay: growth that ended before its last block stays with what it has.
    fn blocks(&self, path: &[(Net, Kept)], blocks: u64) -> Vec<(String, Net)> {
        let of = |k: usize| {
            let (grown, _) = &path[k.min(path.len()) - 1];
            let twin = self.net(&format!("as much {}", k.min(path.len())), grown.units);
            let name = format!("{k} {}", self.own);
            let twin = twin.map(|net| (format!("as much as {name}"), net));
            [Some((name, grown.clone())), twin].into_iter().flatten()
        };
        let blocks = if path.is_empty() { 0 } else { blocks as usize };
        (1..=blocks).flat_map(of).collect()
    }

    /// The net of a search, which has also spent what it tried in vain after its last block, and its twins.
    fn search(&self, path: Vec<(Net, Kept)>) -> Vec<(String, Net)> {
        let units = path.last().map_or(f64::NAN, |(last, _)| last.units);
        let spent = self.net("grown", units);
        let last = path.last().map(|(last, _)| last.clone()).zip(spent);
        let grown = last.map(|(last, spent)| Net {
            epochs: spent.epochs,
            macs: spent.macs,
            path: Rc::new(path),
            ..last
        });
        let twins = ["usual", "as much"].map(|name| Some((format!("{name} as {}", self.own), self.net(name, units)?)));
        let grown = grown.map(|net| (self.own.to_owned(), net));
        [grown].into_iter().chain(twins).flatten().collect()
    }
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (told, beginning): (Told<'_>, Beginning) = (Told::of(trial)?, trial.row()?);
        let searched = told.own == SEARCH;
        if let Some(net) = told.net("grown", f64::NAN).filter(Self::diverged) {
            let name = if searched {
                SEARCH.to_owned()
            } else {
                format!("1 {}", told.own)
            };
            return Ok(vec![(name, net)]);
        }
        let path = told.path(beginning.constant_loss);
        Ok(if searched {
            told.search(path)
        } else {
            told.blocks(&path, beginning.blocks)
        })
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
}

quantities! { Net;
    ERROR = "error", "test error", "" 4 lower_is_better, |n| n.error;
    UNITS = "units", "units", "" 0, |n| n.units;
    MACS = "macs", "training", "10⁹ MACs" 1, |n| n.macs / 1e9;
    LONG = "epochs", "epochs", "" 0, |n| n.epochs;
    SHARE = "share", "share of what is left that the newest block explains", "" 3, |n| n.shares.0;
    HARDER = "harder", "share that the second block explains less that of the first", "" 3, |n| n.shares.0 - n.shares.1;
}

fn arms(s: &Setup, variants: &[Arm]) -> Vec<espalier_study::Arm> {
    let arm = |name: String, how| espalier_study::Arm::new(name).with(&HOW, how);
    let of = |variant: &Arm| match variant {
        Arm::Search => vec![
            arm(SEARCH.to_owned(), SEARCH),
            arm(format!("usual as {SEARCH}"), SCRATCH).with(&LENGTH, "usual length"),
            arm(format!("as much as {SEARCH}"), SCRATCH).with(&LENGTH, "as much computation"),
        ],
        Arm::Blocks(units) => {
            let pair = |k: usize| {
                let grown = format!("{k} {variant}");
                let scratch = format!("as much as {grown}");
                [(grown, BLOCKS), (scratch, SCRATCH)].map(|(name, how)| {
                    arm(name, how)
                        .with(&SIZE, *units)
                        .with(&COUNT, k)
                        .with(&UNITS_OF, k * units)
                })
            };
            (1..=s.counted).flat_map(pair).collect()
        }
    };
    variants.iter().flat_map(of).collect()
}

/// The page.
pub fn page(run: &Run<'_, crate::BlockByBlock>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("block-growth", arms(s, variants))?
        .outcome(UNITS)
        .outcome(MACS)
        .original(EPOCHS, 60.0)
        .subtitle(context.subtitle())
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Net>> = study.sets.iter().map(|set| claims(&study, &set.name, s)).collect();
    let base = Report {
        shortened: Setup::shortened(context, |_| Ok(()))?,
        headline: ["E30-as-much", "E30-residual", "E30-frozen-loses"]
            .map(str::to_owned)
            .to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let figures = figures(&study, &claims, s)?;
    Ok(study.page(
        base,
        &claims,
        &figures,
        |set| {
            study.table(
                set,
                "Grown nets and nets from scratch",
                &Where::all(),
                &[UNITS, LONG, MACS, ERROR],
            )
        },
        |set| vec![ending(set, s), study.diverged_note(set)],
    )?)
}

/// How the searches ended.
fn ending(set: &Set<Net>, s: &Setup) -> String {
    let nets: Vec<&Net> = set.seeds.iter().filter_map(|nets| nets.get(SEARCH)).collect();
    let ended = nets
        .iter()
        .filter(|net| net.ended && net.epochs < s.epochs as f64)
        .count();
    let mean = |of: fn(&Net) -> f64| nets.iter().map(|net| of(net)).sum::<f64>() / nets.len() as f64;
    format!(
        "{ended} of {} searches came to their end, the others were cut off after {} epochs; on average they kept {:.1} blocks in {:.1} \
         trials of λ and {:.0} epochs.",
        nets.len(),
        s.epochs,
        mean(|net| net.path.len() as f64),
        mean(|net| net.trials.len() as f64),
        mean(|net| net.epochs),
    )
}

fn claims<'s>(study: &'s Study<Net>, set: &str, s: &Setup) -> Claims<'s, Net> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    let grown = HOW.is(SEARCH).named("grown by search");
    c.identity(
        "E30-frozen",
        "a block that was kept stays as it is",
        &HOW.is(SEARCH),
        Net::is_frozen,
    );
    let scratch = |length: &'static str| {
        HOW.is(SCRATCH)
            .and(LENGTH.is(length))
            .named(format!("from scratch, {length}"))
    };
    c.larger(
        "E30-as-much",
        ERROR.at(&grown),
        ERROR.at(&scratch("as much computation")),
        &HOW,
    )
    .study(
        "growing by blocks is worse than a net from scratch",
        "given up on Add10",
    )
    .figure("front");
    c.larger("E30-usual", ERROR.at(&grown), ERROR.at(&scratch("usual length")), &HOW)
        .figure("front");
    let sizes: Vec<Level> = s.sizes.iter().map(|units| Level::from(*units)).collect();
    let blocks = |count: usize, size: &Where| HOW.is(BLOCKS).and(COUNT.is(count)).and(size.clone());
    c.each("E30-residual", &SIZE, &sizes, Margin::LessThan(0.0), None, |size| {
        HARDER.at(&blocks(2, size))
    })
    .study("what is left over is harder to learn than the target", "said of Add10")
    .figure("share");
    let most = s.counted;
    c.each(
        "E30-frozen-loses",
        &SIZE,
        &sizes,
        Margin::GreaterThan(0.0),
        Some(&HOW),
        |size| {
            let scratch = HOW.is(SCRATCH).and(COUNT.is(most)).and(size.clone());
            ERROR.at(&blocks(most, size)).less(ERROR.at(&scratch))
        },
    )
    .figure("blocks");
    c
}

/// The study's accumulated blocks: units and test accuracy, read off its figures.
fn published(set: &str) -> Vec<(f64, f64)> {
    let accuracies: &[(f64, f64)] = match set {
        "mnist" => &[
            (8.0, 0.897),
            (46.0, 0.971),
            (110.0, 0.978),
            (158.0, 0.98),
            (167.0, 0.981),
        ],
        "fashion-mnist" => &[(9.0, 0.813), (30.0, 0.862), (68.0, 0.8785), (74.0, 0.879), (86.0, 0.88)],
        _ => &[],
    };
    accuracies
        .iter()
        .map(|(units, accuracy)| (*units, 1.0 - accuracy))
        .collect()
}

/// Error against units of every net of every seed.
fn front(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let nets = |arm: &str| {
        place
            .set
            .seeds
            .iter()
            .filter_map(|nets| nets.get(arm))
            .cloned()
            .collect::<Vec<Net>>()
    };
    let path = |net: &Net| {
        net.path
            .iter()
            .map(|(net, _)| (net.units, net.error))
            .collect::<Vec<_>>()
    };
    let grown = nets(SEARCH);
    let lines = grown.iter().map(|net| Mark::line(path(net)).of(GROWN));
    let mut panel = Panel::new("", UNITS_OF.axis(), error_axis(&place.set.name)).marks(lines);
    panel = panel.mark(Mark::scatter(grown.iter().flat_map(path)).label(GROWN));
    for (label, arm) in [
        ("from scratch, usual length", "usual as search"),
        ("from scratch, as much computation", "as much as search"),
    ] {
        panel = panel.mark(Mark::scatter(nets(arm).into_iter().map(|net| (net.units, net.error))).label(label));
    }
    let published = published(&place.set.name);
    Ok(if published.is_empty() {
        panel
    } else {
        panel.mark(Mark::scatter(published).label("study 003, grown"))
    })
}

/// λ of the trials of the first seed, with the epochs in which blocks were kept.
fn course(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let panel = Panel::new("", Axis::linear("Epoch"), Axis::log10("λ of the trial"));
    let Some(net) = place.set.seeds.iter().find_map(|nets| nets.get(SEARCH)) else {
        return Ok(panel);
    };
    let kept = net.path.iter().enumerate().map(|(place, (net, _))| {
        // One of them says what all are.
        let label = if place == 0 { "a block is kept" } else { "" };
        Mark::vertical(net.epochs).of("kept").label(label)
    });
    Ok(panel
        .marks(kept)
        .mark(Mark::step(net.trials.iter().copied()))
        .legend(Legend::None))
}

fn figures<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], s: &Setup) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::showing(study, claims)?;
    let there = study.sets.iter().any(|set| !published(&set.name).is_empty());
    let theirs = if there { ", and the study's grown nets" } else { "" };
    figures
        .plot("front", "Is a net that grows by blocks as good as one of its size from scratch?")
        .panel("", custom(front))
        .size(640, 400)
        .alt(format!("Test error against units: grown nets after each block, nets from scratch of the same size{theirs}"))
        .caption("A line joins the nets that one seed's growth came by. Each net from scratch has the size of its seed's last grown net.");
    let mut plot = figures.plot(
        "blocks",
        "What does it cost that blocks stay as they were trained? Beside nets from scratch of equal computation",
    );
    for units in &s.sizes {
        let own = SIZE.is(*units);
        let panel = sweep(&ERROR, &UNITS_OF)
            .y(error_axis(&study.sets[0].name))
            .series("block after block", &HOW.is(BLOCKS).and(own.clone()))
            .series("from scratch", &HOW.is(SCRATCH).and(own));
        plot = plot.panel(format!("blocks of {units}"), panel);
    }
    plot.alt("Test error against units for blocks of a fixed size and nets from scratch").caption(
        "Both have spent equal multiply–accumulates at each size. Points are interquartile means over seeds, whiskers 95 % bootstrap \
         intervals.",
    );
    let mut shares = sweep(&SHARE, &COUNT);
    for units in &s.sizes {
        shares = shares.series(format!("blocks of {units}"), &HOW.is(BLOCKS).and(SIZE.is(*units)));
    }
    figures
        .plot("share", "How much does each block explain of what those before it leave?")
        .panel("", shares.x(Axis::linear("Block").ticks((1..=s.counted).map(|k| k as f64))))
        .alt("Share of the remaining loss that each block explains, against the block's number")
        .caption("The first block faces the target itself. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
    figures
        .plot("search", "Which λ does the search try? The first seed")
        .panel("", custom(course))
        .alt("λ of the trials against the epochs")
        .caption(
            "Each step is a trial of one λ; upright lines mark where a block was kept and the next one began at λ = 1.",
        );
    Ok(figures)
}
