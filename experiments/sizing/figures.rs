//! Figures: the sweep with what is needed, cost against doublings off, and performance profiles.

use espalier_report::figure::{Axis, Figure, Legend, Mark, Panel, Rule, Spread};
use espalier_report::page::Plate;
use espalier_report::statistics::Estimate;
use espalier_sizing::{Kind, Line, Score, profile};

use crate::board;
use crate::oracle::Judged;

/// Validation and test scores of static nets over widths, and the needed width.
pub fn sweep(judged: &Judged, subtitle: &str) -> Plate {
    let panel = scores_over_widths(judged).mark(Mark::vertical(judged.needed.width).label("needed width"));
    let figure = Figure::new("sweep", "Which width do static nets need?");
    Plate::new(
        figure.subtitle(subtitle).panel_size(640, 380).panel(panel),
        "Mean validation and test score of static nets against their width, with the needed width",
        &format!(
            "Means over seeds; the band is the 95 % bootstrap interval of the smoothed test score. Needed: {}, the smallest \
             width whose smoothed validation score is at most δ = {:.4} below the best.",
            judged.recommendation(),
            judged.needed.delta
        ),
    )
}

/// The same where nets were stopped too early to say which width is needed.
pub fn stopped_sweep(judged: &Judged, subtitle: &str) -> Plate {
    let figure = Figure::new("sweep", "How far did static nets come before they were stopped?");
    Plate::new(
        figure
            .subtitle(subtitle)
            .panel_size(640, 380)
            .panel(scores_over_widths(judged)),
        "Mean validation and test score of static nets against their width",
        "Means over seeds; the band is the 95 % bootstrap interval of the smoothed test score.",
    )
}

/// The same where no width is needed, beside the score of an answer that ignores the inputs.
pub fn unlearned_sweep(judged: &Judged, constant: f64, subtitle: &str) -> Plate {
    let panel = scores_over_widths(judged).mark(Mark::horizontal(constant).label("without inputs"));
    let figure = Figure::new(
        "sweep",
        "Do static nets learn more than an answer that ignores the inputs?",
    );
    Plate::new(
        figure.subtitle(subtitle).panel_size(640, 380).panel(panel),
        "Mean validation and test score of static nets against their width, with the validation score of the best constant answer",
        "Means over seeds; the band is the 95 % bootstrap interval of the smoothed test score.",
    )
}

fn scores_over_widths(judged: &Judged) -> Panel {
    let widths = &judged.sweep.widths;
    let units = Axis::log2("Units of a hidden layer").unit("units");
    let panel = Panel::new("", units, score_axis(judged)).legend(Legend::Right);
    let means = |scores: &[Vec<f64>]| -> Vec<(f64, f64)> {
        let mean = |scores: &Vec<f64>| scores.iter().sum::<f64>() / scores.len() as f64;
        widths.iter().copied().zip(scores.iter().map(mean)).collect()
    };
    let points = widths.iter().zip(&judged.frontier.points);
    let band: Vec<(f64, f64, f64)> = points.map(|(width, point)| (*width, point.low, point.high)).collect();
    let validation = Mark::line(means(&judged.sweep.validation));
    panel
        .mark(Mark::band(band).of("test").spread(Spread::Interval))
        .mark(Mark::line(means(&judged.sweep.test)).label("test").with_points())
        .mark(validation.label("validation").with_points())
}

/// The least R² that an axis spans: below it one net that learned nothing would flatten all others.
const LEAST_R2: f64 = -1.0;

fn score_axis(judged: &Judged) -> Axis {
    let axis = Axis::linear("Score: accuracy, or R² of values");
    let all = judged.sweep.test.iter().chain(&judged.sweep.validation).flatten();
    match all.copied().fold(f64::INFINITY, f64::min) < LEAST_R2 {
        true => axis.range(LEAST_R2, 1.05),
        false => axis,
    }
}

/// The kinds of sizers, each with a panel of its own, so that no panel has too many lines.
const KINDS: [(Kind, &str); 3] = [
    (Kind::Search, "Searches"),
    (Kind::ReadOff, "Read-offs"),
    (Kind::Strategy, "Strategies"),
];

fn is_of(tasks: &[Judged], name: &str, kind: Kind) -> bool {
    let mut sizers = tasks.iter().flat_map(|task| &task.sizers);
    sizers.any(|sizer| sizer.name == name && sizer.kind == kind.name())
}

/// Doublings off and cost of each sizer, one line for each, the nearest on top.
pub fn cost(tasks: &[Judged], lines: &[Line], sweep_cost: f64, subtitle: &str) -> Plate {
    let mut sorted: Vec<&Line> = lines.iter().collect();
    sorted.sort_by(|a, b| b.off.value.total_cmp(&a.off.value));
    let names = || Axis::category("", sorted.iter().map(|line| line.sizer.as_str()));
    let off = Axis::linear("Off the needed width, either way").unit("doublings");
    let times = Axis::log2("Cost: computation over training the needed width once").unit("times");
    let mut near = Panel::new("how near", off, names()).legend(Legend::Below);
    let mut cheap = Panel::new("at what cost", times, names())
        .legend(Legend::Below)
        .mark(Mark::vertical(1.0).label("needed width known"))
        .mark(Mark::vertical(sweep_cost).label("a sweep"));
    for (kind, title) in KINDS {
        let places = (0..).zip(&sorted).filter(|(_, line)| is_of(tasks, &line.sizer, kind));
        let ends = |estimate: &Estimate, place: i32| (estimate.low, estimate.value, estimate.high, f64::from(place));
        let offs: Vec<_> = places.clone().map(|(place, line)| ends(&line.off, place)).collect();
        let costs: Vec<_> = places.map(|(place, line)| ends(&exp2(&line.cost), place)).collect();
        let intervals = |points| Mark::intervals(points).label(title).spread(Spread::Interval);
        near = near.mark(intervals(offs));
        cheap = cheap.mark(intervals(costs));
    }
    let height = u32::try_from(120 + 18 * sorted.len()).unwrap_or(u32::MAX);
    let figure = Figure::new("cost", "What does finding the size cost, and how near does it come?")
        .subtitle(subtitle)
        .columns(2)
        .panel_size(520, height)
        .panel(near)
        .panel(cheap);
    Plate::new(
        figure,
        "Left: doublings off the needed width, one line for each sizer, the nearest on top. Right: what each costs",
        "Interquartile means with 95 % bootstrap intervals. Left in both panels is better. A known width would \
         be trained once, off by nothing; a sweep of one seed trains every width once.",
    )
}

/// An estimate of a logarithm to the base 2 as one of the number.
fn exp2(estimate: &Estimate) -> Estimate {
    Estimate {
        value: estimate.value.exp2(),
        low: estimate.low.exp2(),
        high: estimate.high.exp2(),
        ..*estimate
    }
}

/// The share of task-seeds within so many doublings, and within so many times the cost.
pub fn profiles(tasks: &[Judged], subtitle: &str) -> anyhow::Result<Plate> {
    let doublings: Vec<f64> = (0..=24).map(|step| f64::from(step) / 4.0).collect();
    let times: Vec<f64> = (0..=28).map(|step| (f64::from(step) / 4.0 - 1.0).exp2()).collect();
    let share = || Axis::linear("Share of task-seeds").unit("fraction");
    let nearest: Vec<&str> = KINDS.into_iter().flat_map(|(kind, _)| nearest(tasks, kind)).collect();
    let mut figure = Figure::new("profiles", "How often does each sizer come near, and at what cost?")
        .subtitle(subtitle)
        .columns(2)
        .panel_size(520, 320)
        .because(
            Rule::Coincide,
            "read-offs that choose the same widths have the same profile",
        );
    figure.highlight = nearest.into_iter().map(str::to_owned).collect();
    for (kind, title) in KINDS {
        let off = Axis::linear("Off the needed width, at most").unit("doublings");
        let cost = Axis::log2("Cost, at most").unit("times");
        let mut near = Panel::new(format!("{title}: size"), off, share()).legend(Legend::Below);
        let mut cheap = Panel::new(format!("{title}: cost"), cost, share()).legend(Legend::None);
        for name in board::common(tasks).into_iter().filter(|name| is_of(tasks, name, kind)) {
            let off = profile(&scores(tasks, name, |score| score.regret.abs()), &doublings)?;
            let cost = profile(&scores(tasks, name, |score| score.cost), &times)?;
            near = near.mark(Mark::step(doublings.iter().copied().zip(off)).label(name));
            cheap = cheap.mark(Mark::step(times.iter().copied().zip(cost)).label(name));
        }
        figure = figure.panel(near).panel(cheap);
    }
    Ok(Plate::new(
        figure,
        "Share of task-seeds within a number of doublings of the needed width, and within a cost, one line for each sizer",
        "Means over tasks of the share of seeds. Higher and further left is better. Of each kind the four sizers that come \
         nearest in the mean are coloured, the others grey; the table has them all.",
    ))
}

/// The four sizers of a kind that are the fewest doublings off, in the mean over tasks and seeds.
fn nearest(tasks: &[Judged], kind: Kind) -> Vec<&str> {
    let off = |name: &str| {
        let of_tasks = scores(tasks, name, |score| score.regret.abs());
        let mean = |seeds: &Vec<f64>| seeds.iter().sum::<f64>() / seeds.len() as f64;
        of_tasks.iter().map(mean).sum::<f64>()
    };
    let mut names: Vec<&str> = board::common(tasks);
    names.retain(|name| is_of(tasks, name, kind));
    names.sort_by(|a, b| off(a).total_cmp(&off(b)));
    names.truncate(4);
    names
}

/// A number of a sizer's scores, one list of seeds for each task.
fn scores(tasks: &[Judged], name: &str, number: fn(&Score) -> f64) -> Vec<Vec<f64>> {
    let found = tasks
        .iter()
        .flat_map(|task| task.sizers.iter().filter(|sizer| sizer.name == name));
    found.map(|sizer| sizer.scores.iter().map(number).collect()).collect()
}
