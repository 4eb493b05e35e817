//! Figures of spreads, normality, dead units, mixtures and choices over the width.

use espalier_metrics::{Bandwidth, LogFit, even_grid, kernel_density};
use espalier_report::page::set_in_print;
use espalier_study::prelude::*;

use crate::choices;
use crate::grid::{Grid, IDLE_SHARE, Sample, moments};
use crate::pooled::Pooled;
use crate::runs::*;

/// Widths whose densities the study drew.
const STUDY_DENSITIES: [f64; 7] = [22.0, 45.0, 90.0, 362.0, 724.0, 1448.0, 2896.0];
/// Points of a density.
const DENSITY_POINTS: usize = 160;

type Plots<'s> = Figures<'s, Net>;
type Drawn = espalier_study::Result<Panel>;

/// The figures of one data set, or those of two that are compared, in the order of the page.
pub fn all(f: &mut Plots<'_>, grids: &[Grid]) {
    if grids.len() > 1 {
        chosen_widths(f, grids);
        accuracy(f, grids, "accuracy-test", &TEST);
        densities(f, grids);
        metrics(f, grids);
        pooled(f, grids);
        return dead_units(f, grids);
    }
    accuracy(f, grids, "accuracy-test", &TEST);
    metrics(f, grids);
    chosen_widths(f, grids);
    pooled(f, grids);
    densities(f, grids);
    begun(f, grids, "most-normal").panel("", custom(most_normal));
    normality(f, grids);
    shape(f, grids);
    total_spread(f, grids);
    dead_units(f, grids);
    accuracy(f, grids, "accuracy-train", &TRAIN);
    ranks(f, grids);
    crate::components::all(f, grids);
}

/// Begins a figure with one facet for each data set.
pub fn begun<'f>(f: &'f mut Plots<'_>, grids: &[Grid], name: &str) -> &'f mut Plot<Net> {
    let plot = f.shown(name);
    for grid in grids {
        let words = (grids.len() > 1).then(|| set_in_print(&grid.set));
        plot.facet(words.unwrap_or_default(), on(&grid.set));
    }
    plot.size(470, 360).size_alone(640, 400)
}

/// The widths of a panel with the nets of all its seeds.
pub fn shown<'p>(place: &Place<'p, Net>) -> (Grid, Vec<&'p Nets<Net>>) {
    (Grid::of(place.study, place.facet), place.set.seeds.iter().collect())
}

/// A band of one standard deviation about means, cut at a floor, and the line of the means.
pub fn banded(points: &[(f64, (f64, f64))], floor: f64) -> [Mark; 2] {
    let defined = points.iter().filter(|(_, (mean, sd))| (mean + sd).is_finite());
    let band = defined.map(|(x, (mean, sd))| (*x, (mean - sd).max(floor), (mean + sd).max(floor)));
    let line = points.iter().map(|(x, (mean, _))| (*x, *mean));
    [Mark::band(band), Mark::line(line)]
}

type Besides = fn(&Grid, Sample<'_>) -> Vec<Mark>;

/// Means over seeds with bands of one standard deviation, against the width.
struct Lines {
    left: Axis,
    /// The axis of the last series, where it has one of its own.
    right: Option<Axis>,
    series: Vec<(&'static str, Quantity<Net>)>,
    besides: Besides,
}

fn lines(left: Axis, series: &[(&'static str, Quantity<Net>)], besides: Besides) -> Lines {
    Lines {
        left,
        right: None,
        series: series.to_vec(),
        besides,
    }
}

impl Lines {
    fn right(mut self, axis: Axis) -> Self {
        self.right = Some(axis);
        self
    }
}

impl Draw<Net> for Lines {
    fn draw(&self, place: &Place<'_, Net>) -> Drawn {
        let ((grid, sample), count) = (shown(place), self.series.len());
        let mut panel = Panel::new("", WIDTH.axis(), self.left.clone());
        panel = self.right.iter().fold(panel, |panel, axis| panel.twin(axis.clone()));
        for (turn, (label, quantity)) in self.series.iter().enumerate() {
            let points = grid.at(&grid.moments(&sample, quantity));
            let never_below = points.iter().all(|(_, (mean, _))| *mean >= 0.0 || mean.is_nan());
            let [band, line] = banded(&points, if never_below { 0.0 } else { f64::NEG_INFINITY });
            let band = band.of(*label).spread(Spread::Deviation);
            let right = self.right.is_some() && turn + 1 == count;
            let marks = [band, line.label(*label).with_points()];
            panel = panel.marks(marks.map(|mark| if right { mark.right() } else { mark }));
        }
        let legend = if count > 4 { Legend::Below } else { panel.legend };
        Ok(panel.marks((self.besides)(&grid, &sample)).legend(legend))
    }
}

fn accuracy(f: &mut Plots<'_>, grids: &[Grid], name: &str, quantity: &'static Quantity<Net>) {
    let best: Besides = match name {
        "accuracy-test" => |g, s| largest(g.argmax(s, &W), g.argmax(s, &TEST)),
        _ => |g, s| largest(g.argmax(s, &W), g.argmax(s, &TRAIN)),
    };
    let panel = lines(W.axis(), &[("W", W), ("accuracy", *quantity)], best);
    begun(f, grids, name).panel("", panel.right(quantity.axis()));
}

fn largest(w: f64, accuracy: f64) -> Vec<Mark> {
    let named = |x, series: &str| Mark::vertical(x).of(series).label(format!("largest {series}"));
    vec![named(w, "W"), named(accuracy, "accuracy")]
}

/// The knee, and the share from which a layer counts as too wide.
fn limits(grid: &Grid, sample: Sample<'_>) -> Vec<Mark> {
    let knee = Mark::vertical(grid.knee(sample)).label("knee of the validation accuracy");
    vec![knee, Mark::horizontal(IDLE_SHARE).label(format!("π = {IDLE_SHARE}"))]
}

fn metrics(f: &mut Plots<'_>, grids: &[Grid]) {
    let series = [
        ("π, exponential + normal", EXP),
        ("π, two gammas", GAMMA),
        ("W", W),
        ("effective rank ÷ width", RANK_SHARE),
        ("dead units (right axis)", DEAD),
    ];
    let panel = lines(Axis::linear("Share, or W").at_least(0.0, 1.0), &series, limits);
    let dead = Axis::linear("Dead units per net").at_least(0.0, 1.0);
    begun(f, grids, "metrics").panel("", panel.right(dead));
}

fn chosen_widths(f: &mut Plots<'_>, grids: &[Grid]) {
    let plot = f.shown("chosen-widths").size(560, 400).size_alone(700, 400);
    for grid in grids {
        let mut panel = forest(Axis::linear("Width chosen less the knee").unit("doublings"), 1.0);
        for rule in choices::rules() {
            panel = panel.row(rule.name, rule.doublings(grid));
        }
        let set = Some(set_in_print(&grid.set)).filter(|_| grids.len() > 1);
        plot.panel(set.unwrap_or_default(), panel);
    }
}

fn pooled(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = |place: &Place<'_, Net>| {
        let (grid, sample) = shown(place);
        let line = |label: &str, of| {
            let numbers = grid.each_pooled(&sample, |_| true, of);
            Mark::line(grid.at(&numbers)).label(label)
        };
        let share = Axis::linear("Share π of the low component").at_least(0.0, 1.0);
        let gain = line("gain of two gammas (right axis)", Pooled::gain);
        Ok(Panel::new("", WIDTH.axis(), share)
            .twin(Axis::linear("Gain in log-likelihood").unit("nats per unit"))
            .mark(line("exponential + normal", Pooled::exp_share).with_points())
            .mark(line("two gammas", Pooled::gamma_share).with_points())
            .mark(gain.dash(Dash::Dashed).right())
            .marks(limits(&grid, &sample))
            .legend(Legend::Below))
    };
    begun(f, grids, "pooled").panel("", custom(panel));
}

/// Mean density of the spreads of nets of one width, and its standard deviation over seeds.
fn density_of(grid: &Grid, sample: Sample<'_>, place: usize, x: &[f64]) -> Vec<(f64, (f64, f64))> {
    // Spreads that are all equal, as of a layer that died whole, have no density.
    let kernel = |net: &Net| kernel_density(&net.spreads(), x, Bandwidth::Scott).ok();
    let kernels = grid.nets(sample, place).filter_map(kernel);
    let curves: Vec<Vec<f64>> = kernels.map(|kernel| kernel.density).collect();
    let at = |i: usize| moments(&curves.iter().map(|curve| curve[i]).collect::<Vec<_>>());
    (0..x.len()).map(|i| (x[i], at(i))).collect()
}

/// Densities of some widths with their bands, each with its label.
fn density_panel(place: &Place<'_, Net>, chosen: fn(&Grid, Sample<'_>) -> Vec<(usize, String)>) -> Drawn {
    let (grid, sample) = shown(place);
    let chosen = chosen(&grid, &sample);
    let nets = chosen.iter().flat_map(|(at, _)| grid.nets(&sample, *at));
    let most = nets.flat_map(Net::spreads).fold(0.1, f64::max);
    let x = even_grid(0.0, most * 1.05, DENSITY_POINTS).unwrap_or_default();
    let axis = Axis::linear("Spread of a unit (standard deviation after the ReLU)");
    let mut panel = Panel::new("", axis, Axis::linear("Density"));
    for (at, label) in chosen {
        let [band, line] = banded(&density_of(&grid, &sample, at, &x), 0.0);
        panel = panel.marks([band.of(&*label).spread(Spread::Deviation), line.label(label)]);
    }
    Ok(panel)
}

fn densities(f: &mut Plots<'_>, grids: &[Grid]) {
    let names = studied(&grids[0], &[]).into_iter().map(|(_, name)| name);
    let plot = begun(f, grids, "densities").colours(Colours::ordered(names));
    plot.panel("", custom(|place: &Place<'_, Net>| density_panel(place, studied)));
}

fn studied(grid: &Grid, _: Sample<'_>) -> Vec<(usize, String)> {
    let widths = grid.widths.iter().enumerate();
    let studied = widths.filter(|(_, width)| STUDY_DENSITIES.contains(width));
    studied.map(|(at, width)| (at, format!("{width} units"))).collect()
}

fn most_normal(place: &Place<'_, Net>) -> Drawn {
    density_panel(place, |grid, sample| {
        let best = grid.argmax(sample, &W);
        let best = grid.widths.iter().position(|width| *width == best).unwrap_or(0);
        let near = best.saturating_sub(1)..=(best + 1).min(grid.widths.len() - 1);
        let name = |at| if at == best { "largest W" } else { "next to it" };
        near.map(|at| (at, format!("{} units, {}", grid.widths[at], name(at))))
            .collect()
    })
}

fn normality(f: &mut Plots<'_>, grids: &[Grid]) {
    let series = [("all units", W), ("without dead units", W_ALIVE)];
    let panel = lines(W.axis(), &series, |g, s| {
        let (ours, theirs) = (g.argmax(s, &W), if g.set == "mnist" { 256.0 } else { 22.0 });
        let study = Mark::vertical(theirs).label(format!("the study's largest: {theirs}"));
        let ours = Mark::vertical(ours).label(format!("largest W: {ours}"));
        vec![ours, study.dash(Dash::Dotted)]
    });
    begun(f, grids, "normality").panel("", panel);
}

fn shape(f: &mut Plots<'_>, grids: &[Grid]) {
    let series = [("skewness", SKEWNESS), ("excess kurtosis", KURTOSIS)];
    let axis = Axis::linear("Standardised moment of the spreads");
    let panel = lines(axis, &series, |_, _| vec![Mark::horizontal(0.0).label("normal")]);
    begun(f, grids, "shape").panel("", panel);
}

fn total_spread(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(TOTAL.axis(), &[("per net", TOTAL)], |g, s| {
        let mean = g.means(s, &TOTAL);
        let logs: Vec<f64> = mean.iter().map(|y| y.ln()).collect();
        let fits = (LogFit::of(&g.widths, &mean), LogFit::of(&g.widths, &logs));
        let (Ok(log), Ok(power)) = fits else { return Vec::new() };
        let line = |at: &dyn Fn(f64) -> f64| Mark::line(g.widths.iter().map(|width| (*width, at(*width))));
        let words = format!("{:.1} · width^{:.2}", power.intercept.exp(), power.slope);
        let logarithm = line(&|width| log.at(width)).label("best logarithm");
        let law = line(&|width| power.at(width).exp()).label(words);
        vec![logarithm.dash(Dash::Dashed), law.dash(Dash::Dotted)]
    });
    begun(f, grids, "total-spread").panel("", panel);
}

fn dead_units(f: &mut Plots<'_>, grids: &[Grid]) {
    let axis = DEAD_SHARE.axis().at_least(0.0, 0.001);
    let share = lines(axis, &[("", DEAD_SHARE)], |_, _| Vec::new());
    let count = lines(DEAD.axis(), &[("", DEAD)], |g, s| {
        let mut points = g.at(&g.means(s, &DEAD));
        points.retain(|(x, _)| *x >= 1024.0);
        let from = points.first().copied().unwrap_or((f64::NAN, f64::NAN));
        let linear = Mark::line(points.iter().map(|(x, _)| (*x, from.1 * x / from.0)));
        vec![linear.label("growing linearly from 1024 on").dash(Dash::Dotted)]
    });
    begun(f, grids, "dead-units")
        .panel("number", count)
        .panel("share of the layer", share);
}

fn ranks(f: &mut Plots<'_>, grids: &[Grid]) {
    let series = [("effective rank", RANK), ("stable rank", STABLE)];
    let panel = lines(Axis::log2("Rank"), &series, |g, _| {
        let most = Mark::line(g.widths.iter().map(|width| (*width, width.min(784.0))));
        vec![most.label("largest possible").dash(Dash::Dotted)]
    });
    begun(f, grids, "ranks").panel("", panel);
}
