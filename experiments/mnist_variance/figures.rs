//! Figures of spreads, normality, dead units, mixtures and choices over the width.

use espalier_metrics::{Bandwidth, LogFit, even_grid, kernel_density};
use espalier_report::page::set_in_print;
use espalier_study::prelude::*;

use crate::choices;
use crate::grid::{Grid, IDLE_SHARE, Sample, moments};
use crate::runs::{
    DEAD, DEAD_SHARE, EXP, GAMMA, KURTOSIS, Net, RANK, RANK_SHARE, SKEWNESS, STABLE, TEST, TOTAL, TRAIN, W, W_ALIVE,
    WIDTH, on,
};

/// Widths whose densities the study drew.
const STUDY_DENSITIES: [f64; 7] = [22.0, 45.0, 90.0, 362.0, 724.0, 1448.0, 2896.0];
/// Points of a density.
const DENSITY_POINTS: usize = 160;
/// Why a figure has a second y axis.
const TWIN: &str = "the question is whether both turn at the same width, so they stand over one axis of widths";
const ON_TEST: &str = "Accuracy on test images, read once after training.";
const BANDS: &str = "Lines are means over seeds, bands ± one standard deviation.";

type Plots<'s> = Figures<'s, Net>;

/// The figures of one data set, in the order of the page.
pub fn of_one<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], grids: &[Grid]) -> anyhow::Result<Plots<'s>> {
    let mut figures = Figures::showing(study, claims)?;
    let f = &mut figures;
    accuracy(f, grids, "test", TEST, ON_TEST);
    metrics(f, grids);
    chosen_widths(f, grids);
    pooled(f, grids);
    densities(f, grids);
    most_normal(f, grids);
    normality(f, grids);
    shape(f, grids);
    total_spread(f, grids);
    dead_units(f, grids);
    let trained = "The accuracy that the study used, on the images that were trained on: it says how well a net fits.";
    accuracy(f, grids, "train", TRAIN, trained);
    ranks(f, grids);
    crate::components::all(f, grids);
    Ok(figures)
}

/// The figures of both data sets: what is compared between them.
pub fn of_both<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], grids: &[Grid]) -> anyhow::Result<Plots<'s>> {
    let mut figures = Figures::showing(study, claims)?;
    let f = &mut figures;
    chosen_widths(f, grids);
    accuracy(f, grids, "test", TEST, ON_TEST);
    densities(f, grids);
    metrics(f, grids);
    pooled(f, grids);
    dead_units(f, grids);
    Ok(figures)
}

/// Means over seeds with bands of one standard deviation, against the width.
pub struct Lines {
    left: Axis,
    right: Option<Axis>,
    series: Vec<(&'static str, Quantity<Net>, bool)>,
    besides: fn(&Grid, Sample<'_>) -> Vec<Mark>,
}

fn lines(left: Axis) -> Lines {
    Lines {
        left,
        right: None,
        series: Vec::new(),
        besides: |_, _| Vec::new(),
    }
}

impl Lines {
    fn series(mut self, label: &'static str, quantity: Quantity<Net>) -> Self {
        self.series.push((label, quantity, self.right.is_some()));
        self
    }

    /// Draws the series that follow on an axis of their own.
    fn right(mut self, axis: Axis) -> Self {
        self.right = Some(axis);
        self
    }

    fn besides(self, besides: fn(&Grid, Sample<'_>) -> Vec<Mark>) -> Self {
        Self { besides, ..self }
    }
}

impl Draw<Net> for Lines {
    fn draw(&self, place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
        let (grid, sample) = shown(place);
        let mut panel = Panel::new("", WIDTH.axis(), self.left.clone());
        panel = self.right.iter().fold(panel, |panel, axis| panel.twin(axis.clone()));
        for (label, quantity, right) in &self.series {
            let moments = grid.moments(&sample, quantity);
            let points: Vec<_> = grid.widths.iter().copied().zip(moments).collect();
            let never_below = points.iter().all(|(_, (mean, _))| *mean >= 0.0 || mean.is_nan());
            let floor = if never_below { 0.0 } else { f64::NEG_INFINITY };
            let line = Mark::line(points.iter().map(|(x, (mean, _))| (*x, *mean)));
            let band = points
                .iter()
                .map(|(x, (mean, sd))| (*x, (mean - sd).max(floor), mean + sd));
            let band = Mark::band(band.filter(|band| band.2.is_finite())).of(*label);
            let marks = [band.spread(Spread::Deviation), line.label(*label).with_points()];
            panel = panel.marks(marks.map(|mark| if *right { mark.right() } else { mark }));
        }
        let many = self.series.len() > 4;
        let legend = if many { Legend::Below } else { panel.legend };
        Ok(panel.marks((self.besides)(&grid, &sample)).legend(legend))
    }
}

/// The widths of a panel with the nets of all its seeds.
pub fn shown<'p>(place: &Place<'p, Net>) -> (Grid, Vec<&'p Nets<Net>>) {
    (Grid::of(place.study, place.facet), place.set.seeds.iter().collect())
}

/// One facet for each data set.
pub fn facets<'p>(plot: &'p mut Plot<Net>, grids: &[Grid]) -> &'p mut Plot<Net> {
    for grid in grids {
        let words = (grids.len() > 1).then(|| set_in_print(&grid.set));
        plot.facet(words.unwrap_or_default(), on(&grid.set));
    }
    plot.size(470, 360).size_alone(640, 400)
}

fn accuracy(f: &mut Plots<'_>, grids: &[Grid], split: &'static str, quantity: Quantity<Net>, caption: &str) {
    let plot = f.plot(
        format!("accuracy-{split}"),
        format!("Do W and {split} accuracy peak at the same width?"),
    );
    let panel = lines(W.axis())
        .series("W", W)
        .right(quantity.axis())
        .series("accuracy", quantity);
    let best = match split {
        "test" => |g: &Grid, s: Sample<'_>| vertical_ends(g.argmax(s, &W), g.argmax(s, &TEST)),
        _ => |g: &Grid, s: Sample<'_>| vertical_ends(g.argmax(s, &W), g.argmax(s, &TRAIN)),
    };
    facets(plot, grids)
        .panel("", panel.besides(best))
        .because(Rule::TwinAxes, TWIN)
        .alt(format!(
            "W and {split} accuracy against hidden width on twin axes, with the width where each is largest"
        ))
        .caption(format!("{caption} Vertical lines: where each mean is largest. {BANDS}"));
}

fn vertical_ends(w: f64, accuracy: f64) -> Vec<Mark> {
    let named = |x, series: &str| Mark::vertical(x).of(series).label(format!("largest {series}"));
    vec![named(w, "W"), named(accuracy, "accuracy")]
}

fn metrics(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(Axis::linear("Share, or W").at_least(0.0, 1.0))
        .series("π, exponential + normal", EXP)
        .series("π, two gammas", GAMMA)
        .series("W", W)
        .series("effective rank ÷ width", RANK_SHARE)
        .right(Axis::linear("Dead units per net").at_least(0.0, 1.0))
        .series("dead units (right axis)", DEAD)
        .besides(|g, s| {
            let knee = Mark::vertical(g.knee(s)).label("knee of the validation accuracy");
            vec![knee, Mark::horizontal(IDLE_SHARE).label(format!("π = {IDLE_SHARE}"))]
        });
    facets(f.plot("metrics", "Which metrics turn where the accuracy has its knee?"), grids)
        .panel("", panel)
        .because(Rule::TwinAxes, TWIN)
        .alt("Both mixture shares, W, effective rank and dead units against hidden width")
        .caption(format!("π is the share of units that a mixture takes for idle, here fitted per net to the spreads that are not dead. {BANDS}"));
}

fn chosen_widths(f: &mut Plots<'_>, grids: &[Grid]) {
    let plot = f.plot(
        "chosen-widths",
        "How far from the knee of the accuracy would each metric choose the width?",
    );
    for grid in grids {
        let axis = Axis::linear("Width chosen less the knee").unit("doublings");
        let rows = choices::rules().into_iter();
        let panel = rows.fold(forest(axis, 1.0), |panel, rule| {
            panel.row(rule.name, rule.doublings(grid))
        });
        let set = Some(set_in_print(&grid.set)).filter(|_| grids.len() > 1);
        plot.panel(set.unwrap_or_default(), panel);
    }
    plot.size(560, 400)
        .size_alone(700, 400)
        .alt("For each metric the doublings from the knee of the accuracy curve to the width that it would choose")
        .caption("0 is the smallest width with the best validation accuracy, less 0.0025. Bars are 95 % bootstrap intervals over seeds.");
}

fn pooled(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = |place: &Place<'_, Net>| {
        let (grid, sample) = shown(place);
        let line = |label: &str, of| {
            let shares = grid.each_pooled(&sample, |_| true, of);
            Mark::line(grid.widths.iter().copied().zip(shares)).label(label)
        };
        let share = Axis::linear("Share π of the low component").at_least(0.0, 1.0);
        let gain = line("gain of two gammas (right axis)", |fit| fit.gain);
        Ok(Panel::new("", WIDTH.axis(), share)
            .twin(Axis::linear("Gain in log-likelihood").unit("nats per unit"))
            .mark(line("exponential + normal", |fit| fit.exp_share).with_points())
            .mark(line("two gammas", |fit| fit.gamma_share).with_points())
            .mark(gain.dash(Dash::Dashed).right())
            .mark(Mark::vertical(grid.knee(&sample)).label("knee of the validation accuracy"))
            .mark(Mark::horizontal(IDLE_SHARE).label(format!("π = {IDLE_SHARE}")))
            .legend(Legend::Below))
    };
    facets(f.plot("pooled", "What share of units do mixtures call idle, all seeds' units together?"), grids)
        .panel("", custom(panel))
        .because(Rule::TwinAxes, TWIN)
        .alt("Shares of the low component of both mixtures against hidden width, all seeds pooled, and the gain in likelihood")
        .caption(
            "Fitted to the spreads that are not dead, from the study's starts, for at most a hundred steps. Where the two gammas change \
             places in a wide net, π is the share of the larger one.",
        );
}

/// Mean density of the spreads of nets of one width, and the band of one standard deviation over seeds.
fn density(grid: &Grid, sample: Sample<'_>, place: usize, x: &[f64]) -> Vec<(f64, f64, f64)> {
    // Spreads that are all equal, as of a layer that died whole, have no density.
    let kernels = grid
        .nets(sample, place)
        .filter_map(|net| kernel_density(&net.spreads, x, Bandwidth::Scott).ok());
    let curves: Vec<Vec<f64>> = kernels.map(|kernel| kernel.density).collect();
    let at = |i: usize| moments(&curves.iter().map(|curve| curve[i]).collect::<Vec<_>>());
    (0..x.len()).map(|i| (x[i], at(i).0, at(i).1)).collect()
}

/// Densities of some widths with their bands, each with its label.
fn density_panel(
    place: &Place<'_, Net>,
    chosen: fn(&Grid, Sample<'_>) -> Vec<(usize, String)>,
) -> espalier_study::Result<Panel> {
    let (grid, sample) = shown(place);
    let chosen = chosen(&grid, &sample);
    let shown = chosen
        .iter()
        .flat_map(|(at, _)| grid.nets(&sample, *at).flat_map(|net| &net.spreads));
    let most = shown.copied().fold(0.1, f64::max);
    let x = even_grid(0.0, most * 1.05, DENSITY_POINTS).unwrap_or_default();
    let axis = Axis::linear("Spread of a unit (standard deviation after the ReLU)");
    let mut panel = Panel::new("", axis, Axis::linear("Density"));
    for (at, label) in chosen {
        let points = density(&grid, &sample, at, &x);
        let band = points.iter().map(|(x, mean, sd)| (*x, (mean - sd).max(0.0), mean + sd));
        panel = panel.mark(Mark::band(band).of(&*label).spread(Spread::Deviation));
        panel = panel.mark(Mark::line(points.iter().map(|(x, mean, _)| (*x, *mean))).label(label));
    }
    Ok(panel)
}

fn densities(f: &mut Plots<'_>, grids: &[Grid]) {
    let studied = grids[0].widths.iter().filter(|width| STUDY_DENSITIES.contains(width));
    let names = studied.map(|width| format!("{width} units"));
    let panel = |place: &Place<'_, Net>| {
        density_panel(place, |grid, _| {
            let places = grid.widths.iter().enumerate();
            let studied = places.filter(|(_, width)| STUDY_DENSITIES.contains(width));
            studied.map(|(at, width)| (at, format!("{width} units"))).collect()
        })
    };
    facets(f.plot("densities", "Do spreads move to 0 as the layer widens?"), grids)
        .panel("", custom(panel))
        .colours(Colours::ordered(names))
        .alt("Density of the per-unit spread, one curve for each width")
        .caption("Gaussian kernel, Scott's bandwidth, cut at 0, per net; means over seeds ± one standard deviation. The study's widths, as far as they were trained.");
}

fn most_normal(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = |place: &Place<'_, Net>| {
        density_panel(place, |grid, sample| {
            let best = grid.argmax(sample, &W);
            let best = grid.widths.iter().position(|width| *width == best).unwrap_or(0);
            let last = grid.widths.len() - 1;
            let near = best.saturating_sub(1)..=(best + 1).min(last);
            let name = |at| if at == best { "largest W" } else { "next to it" };
            near.map(|at| (at, format!("{} units, {}", grid.widths[at], name(at))))
                .collect()
        })
    };
    facets(
        f.plot(
            "most-normal",
            "How normal are spreads at the most normal width and beside it?",
        ),
        grids,
    )
    .panel("", custom(panel))
    .alt("Density of the per-unit spread at the width with the largest W and the widths beside it")
    .caption(BANDS);
}

fn normality(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(W.axis())
        .series("all units", W)
        .series("without dead units", W_ALIVE)
        .besides(|g, s| {
            let (ours, theirs) = (g.argmax(s, &W), if g.set == "mnist" { 256.0 } else { 22.0 });
            let study = Mark::vertical(theirs)
                .label(format!("the study's largest: {theirs}"))
                .dash(Dash::Dotted);
            vec![Mark::vertical(ours).label(format!("largest W: {ours}")), study]
        });
    facets(f.plot("normality", "Does W say whether to grow or to shrink?"), grids)
        .panel("", panel)
        .because(Rule::Coincide, "where no unit is dead, W of all units is W without the dead ones")
        .alt("W against hidden width with its largest value and the study's marked")
        .caption(format!(
            "W of the per-unit spreads of a net; 1 is a straight normal plot. Of layers above 5 000 units a random 5 000 enter, the range \
             for which the test is calibrated. {BANDS}"
        ));
}

fn shape(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(Axis::linear("Standardised moment of the spreads"))
        .series("skewness", SKEWNESS)
        .series("excess kurtosis", KURTOSIS)
        .besides(|_, _| vec![Mark::horizontal(0.0).label("normal")]);
    facets(f.plot("shape", "How do skewness and kurtosis follow the width?"), grids)
        .panel("", panel)
        .alt("Skewness and excess kurtosis of the per-unit spreads against hidden width")
        .caption(format!("Both are 0 for a normal sample. {BANDS}"));
}

fn total_spread(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(TOTAL.axis()).series("per net", TOTAL).besides(|g, s| {
        let mean = g.means(s, &TOTAL);
        let logs: Vec<f64> = mean.iter().map(|y| y.ln()).collect();
        let fits = (LogFit::of(&g.widths, &mean), LogFit::of(&g.widths, &logs));
        let (Ok(log), Ok(power)) = fits else { return Vec::new() };
        let line = |at: &dyn Fn(f64) -> f64| Mark::line(g.widths.iter().map(|width| (*width, at(*width))));
        let words = format!("{:.1} · width^{:.2}", power.intercept.exp(), power.slope);
        let logarithm = line(&|width| log.at(width)).label("best logarithm").dash(Dash::Dashed);
        vec![
            logarithm,
            line(&|width| power.at(width).exp()).label(words).dash(Dash::Dotted),
        ]
    });
    facets(
        f.plot(
            "total-spread",
            "Does the total spread grow like a logarithm of the width, or like a power?",
        ),
        grids,
    )
    .panel("", panel)
    .alt("Sum of the per-unit spreads against hidden width with a logarithm and a power law")
    .caption(format!(
        "Per net, not summed over seeds; dashed and dotted are least-squares fits to the means. {BANDS}"
    ));
}

fn dead_units(f: &mut Plots<'_>, grids: &[Grid]) {
    let share = lines(DEAD_SHARE.axis().at_least(0.0, 0.001)).series("", DEAD_SHARE);
    let count = lines(DEAD.axis()).series("", DEAD).besides(|g, s| {
        let points = g.widths.iter().copied().zip(g.means(s, &DEAD));
        let points: Vec<_> = points.filter(|(x, _)| *x >= 1024.0).collect();
        let from = points.first().copied().unwrap_or((f64::NAN, f64::NAN));
        let linear = Mark::line(points.iter().map(|(x, _)| (*x, from.1 * x / from.0)));
        vec![linear.label("growing linearly from 1024 on").dash(Dash::Dotted)]
    });
    facets(
        f.plot("dead-units", "Do dead units grow linearly with the width?"),
        grids,
    )
    .panel("number", count)
    .panel("share of the layer", share)
    .because(
        Rule::Coincide,
        "numbers that grow linearly lie on the line of linear growth, which is the question",
    )
    .alt("Number and share of dead units against hidden width, beside linear growth")
    .caption(format!(
        "Dead: the spread over all training images is at most `dead_spread`. Per net. {BANDS}"
    ));
}

fn ranks(f: &mut Plots<'_>, grids: &[Grid]) {
    let panel = lines(Axis::log2("Rank"))
        .series("effective rank", RANK)
        .series("stable rank", STABLE)
        .besides(|g, _| {
            let most = Mark::line(g.widths.iter().map(|width| (*width, width.min(784.0))));
            vec![most.label("largest possible").dash(Dash::Dotted)]
        });
    facets(
        f.plot("ranks", "Does the rank of the weights keep up with the width?"),
        grids,
    )
    .panel("", panel)
    .alt("Effective and stable rank of the hidden weights against hidden width")
    .caption(format!(
        "Effective rank: e to the entropy of the normalised singular values. Stable rank: Σσ² ÷ max σ². {BANDS}"
    ));
}
