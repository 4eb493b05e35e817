//! Figures of sizes and accuracies over λ, epochs and starts.

use espalier_report::figure::{Axis, Colours};
use espalier_sparsifier::Penalty;
use espalier_study::plot::{Figures, Sweep, curves, scatter, sweep};
use espalier_study::{Arm, Claims, Study};

use crate::claims::Published;
use crate::runs::{AT, CLEAR, COURSE, Net, PENALTY, SIZE, START, TEST, gated, twins};
use crate::{named, written};

const STUDY: &str = "study 003";
const CLEARLY: &str = "non-strict, θ > 0.01";
const TWIN: &str = "static twin of that size";

pub fn size_axis() -> Axis {
    Axis::log2("Size: units with θ > 0").unit("units")
}

fn colours() -> Colours {
    Colours::named(["strict", "non-strict", TWIN, STUDY, CLEARLY])
}

/// All figures in the order of the page, with the zones of the claims that name them.
pub fn all<'s>(
    study: &'s Study<Net>,
    claims: &[Claims<'_, Net>],
    start: usize,
    start_lambda: f64,
) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::of(study);
    for claims in claims {
        figures.show(claims)?;
    }
    over_lambda(&mut figures, start);
    over_epochs(&mut figures, study, start);
    over_starts(&mut figures, study, start_lambda);
    frontier(&mut figures, start);
    Ok(figures)
}

/// The study's numbers, which are of nets from 500 units.
fn published(sweep: Sweep<Net>, start: usize, number: fn(&(f64, f64, f64)) -> f64) -> Sweep<Net> {
    if start != 500 {
        return sweep;
    }
    sweep.published(STUDY, move |set| {
        let rows = Published::of(set).map_or(&[][..], |published| published.0);
        rows.iter().map(|row| (row.0, number(row))).collect()
    })
}

fn over_lambda(figures: &mut Figures<'_, Net>, start: usize) {
    let (strict, free) = (gated(Penalty::Strict, start), gated(Penalty::NonStrict, start));
    let both = |panel: Sweep<Net>| {
        panel
            .categories()
            .series("strict", &strict)
            .series("non-strict", &free)
            .aside(0.12)
    };
    let sizes = both(sweep(&SIZE, &AT)).series_of(CLEARLY, &CLEAR, &free).aside(0.12);
    let scores = both(sweep(&TEST, &AT)).series(TWIN, &twins());
    figures
        .plot("lambda", "Size and test accuracy against the weight of the penalty")
        .panel(format!("size, from {start} units"), published(sizes, start, |row| row.1).y(size_axis()))
        .panel("accuracy", published(scores, start, |row| row.2))
        .colours(colours())
        .size(470, 360)
        .alt("Size and test accuracy against λ for both penalties, the static twins and the study")
        .caption(
            "Left: units left after training. Right: accuracy on test images, read once after training, beside static nets of the \
             strict nets' sizes. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals; the study's points \
             are means read from its figures.",
        );
}

fn over_epochs(figures: &mut Figures<'_, Net>, study: &Study<Net>, start: usize) {
    let strict = gated(Penalty::Strict, start);
    let name = |arm: &Arm| format!("λ = {}", written(arm.number(&AT)));
    let names: Vec<String> = study
        .levels(&AT, &strict)
        .iter()
        .map(|l| format!("λ = {}", written(l.number())))
        .collect();
    figures
        .plot("epochs", "Size and accuracy while units close")
        .panel("size, strict penalty", curves(&SIZE, &AT, &strict, name).y(size_axis()))
        .panel("accuracy, strict penalty", curves(&COURSE, &AT, &strict, name))
        .colours(Colours::ordered(names))
        .alt("Units and validation accuracy after every epoch, one line for each λ of the strict penalty")
        .caption(
            "Gates start at 1 and Adam moves them by about the learning rate in each step, so that many reach 0 together after some \
             thousand steps; accuracy dips there. Lines are interquartile means over seeds, bands 95 % bootstrap intervals.",
        );
}

fn over_starts(figures: &mut Figures<'_, Net>, study: &Study<Net>, lambda: f64) {
    let swept = PENALTY.is(named(Penalty::Strict)).and(AT.is(lambda));
    let name = |arm: &Arm| format!("from {}", arm.number(&START));
    let names: Vec<String> = study
        .levels(&START, &swept)
        .iter()
        .map(|start| format!("from {start}"))
        .collect();
    let course = curves(&SIZE, &START, &swept, name).y(size_axis());
    figures
        .plot("starts", "Final size and accuracy against the starting size")
        .panel(format!("strict, λ = {}", written(lambda)), course)
        .panel("final size", sweep(&SIZE, &START).series("strict", &swept).y(size_axis()))
        .panel("accuracy", sweep(&TEST, &START).series("strict", &swept))
        .colours(Colours::ordered(names))
        .columns(3)
        .size(370, 320)
        .alt("Size by epoch from several starts, and final size and test accuracy against the units at first")
        .caption(
            "If lines on the left meet and the line in the middle is level, the start does not matter, the question that the study left \
             open. Points and lines are interquartile means over seeds, whiskers and bands 95 % bootstrap intervals.",
        );
}

fn frontier(figures: &mut Figures<'_, Net>, start: usize) {
    let swept = gated(Penalty::Strict, start).and(AT.any([1e-4, 1e-3, 1e-2, 0.1, 1.0]));
    let points = scatter(&SIZE, &TEST).x(Axis::log2("Size").unit("units"));
    figures
        .plot("frontier", "Accuracy against size: gated nets and static nets of the same size")
        .panel(
            format!("strict penalty, from {start} units, one point per net"),
            points.series("strict", &swept).series(TWIN, &twins()),
        )
        .colours(colours())
        .size_alone(620, 380)
        .alt("Test accuracy against size for gated nets and their static twins")
        .caption(
            "Every point is one net of one seed and λ; a twin has the size that the gated net of its seed and λ has reached.",
        );
}
