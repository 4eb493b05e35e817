//! What a paper would show of the rows.

use espalier_experiment::Settings;
use espalier_metrics::Distribution as _;
use espalier_report::figure::{Axis, BoxSummary, Colour, Colours, Dash, Estimates, Figure, Legend, Mark, Panel};
use espalier_report::page::Plate;

use crate::arm::{Arm, TRIAL_ARMS};
use crate::claims::{gains, names};
use crate::copies::{Means, STEPS};
use crate::rows::Point;
use crate::runs::{BEST, LAST, Number, Run, Runs, middle, paired};
use crate::scores::{Decision, LAYERS, Reading, by_seed};

/// Places along the compute at which curves are averaged.
const PLACES: usize = 40;
/// The arms whose curves have bands.
const BANDED: [Arm; 3] = [Arm::StaticSmall, Arm::StaticFinalShape, Arm::SplitDice];
/// Bins of a histogram of scores.
const BINS: usize = 24;

/// All figures.
pub fn plates(
    runs: &Runs,
    decisions: &[Decision<'_>],
    settings: &Settings,
    subtitle: &str,
) -> anyhow::Result<Vec<Plate>> {
    let drawing = Drawing {
        runs,
        decisions,
        subtitle,
    };
    let mut plates = vec![
        drawing.differences()?,
        drawing.curves()?,
        drawing.finals()?,
        drawing.rolls()?,
    ];
    plates.extend(drawing.histograms()?);
    plates.extend(drawing.layers(settings.number("cutoff_add")?)?);
    plates.extend(drawing.jumps());
    plates.extend(drawing.parting()?);
    Ok(plates)
}

struct Drawing<'a> {
    runs: &'a Runs,
    decisions: &'a [Decision<'a>],
    subtitle: &'a str,
}

impl Drawing<'_> {
    fn figure(&self, name: &str, title: &str) -> Figure {
        Figure::new(name, title)
            .subtitle(self.subtitle)
            .colours(Colours::named(names()))
    }

    /// Paired differences from the static net of the final shape.
    fn differences(&self) -> anyhow::Result<Plate> {
        let reference = Arm::StaticFinalShape;
        let arms: Vec<Arm> = TRIAL_ARMS.into_iter().rev().filter(|arm| *arm != reference).collect();
        let mut figure = self
            .figure(
                "differences",
                "Six arms at equal compute, against the static net of the final shape",
            )
            .panel_size(460, 290);
        let readings: [(&str, Number); 2] = [("Final weights", LAST), ("Best epoch by validation", BEST)];
        for (title, number) in readings {
            let mut points = Vec::new();
            for (y, arm) in arms.iter().enumerate() {
                let name = format!("figure/{title}/{arm}");
                let ours = self.runs.numbers(*arm, number);
                let e = paired(&name, &ours, &self.runs.numbers(reference, number))?.scaled(100.0);
                points.push((e.low, e.value, e.high, y as f64));
            }
            let panel = Panel::new(
                title,
                Axis::linear("Paired difference of test accuracy").unit("points"),
                Axis::category("", arms.iter().map(ToString::to_string)),
            )
            .mark(Mark::vertical(0.0).label("static final shape"))
            .mark(Mark::intervals(points));
            figure = figure.panel(panel);
        }
        Ok(Plate::new(
            figure,
            "Paired difference of test accuracy between each arm and the static net of the final shape",
            "Interquartile means over seeds with 95 % bootstrap intervals. The study reports +7.15 points for split + dice with final \
             weights at equal time, and +3.25 at the best epoch.",
        ))
    }

    /// Validation accuracy and parameters over compute.
    fn curves(&self) -> anyhow::Result<Plate> {
        let mut accuracy = Panel::new(
            "",
            Axis::linear("Compute spent").unit("share of the budget"),
            Axis::linear("Validation accuracy").unit("fraction"),
        );
        let mut size = Panel::new(
            "",
            Axis::linear("Compute spent").unit("share of the budget"),
            Axis::log10("Parameters"),
        );
        for arm in TRIAL_ARMS {
            let (name, banded) = (arm.to_string(), BANDED.contains(&arm));
            let accuracies = self.over_compute(arm, |p| p.validation_accuracy)?;
            accuracy = accuracy.mark(accuracies.line(&name));
            let sizes = self.over_compute(arm, |p| p.parameters as f64)?;
            size = size.mark(sizes.line(&name));
            if banded {
                accuracy = accuracy.mark(accuracies.band(&name));
                size = size.mark(sizes.band(&name));
            }
        }
        let figure = self
            .figure("curves", "Accuracy and size over compute")
            .panel(accuracy)
            .panel(size)
            .panel_size(500, 360);
        Ok(Plate::new(
            figure,
            "Validation accuracy and number of parameters over the compute spent, one curve per arm",
            "Interquartile means over seeds; bands, drawn for three arms so that curves stay visible, are 95 % bootstrap intervals. Between two \
             epochs' ends the values of the earlier one hold. \
             Curves begin where every seed has finished an epoch: large nets afford fewer epochs.",
        ))
    }

    /// Interquartile means over seeds at evenly spaced shares of the budget.
    fn over_compute(&self, arm: Arm, number: fn(&Point) -> f64) -> anyhow::Result<Estimates> {
        let mut estimates = Estimates::default();
        for place in 0..=PLACES {
            let share = place as f64 / PLACES as f64;
            let reached = |run: &Run| {
                let spent = share * run.outcome.budget_macs as f64;
                let last = run.outcome.spent_macs as f64;
                // The rest of a budget that pays for no further step counts as spent.
                let before = run.points.iter().rfind(|point| {
                    point.spent_macs as f64 <= spent || (place == PLACES && point.spent_macs as f64 <= last)
                });
                before.map(number)
            };
            let values: Vec<f64> = self.runs.of(arm).iter().filter_map(reached).collect();
            if values.len() < self.runs.seeds {
                continue;
            }
            estimates.push(share, middle(&format!("figure/curves/{arm}/{place}"), &values)?);
        }
        Ok(estimates)
    }

    /// Every trial at the end and at its best epoch.
    fn finals(&self) -> anyhow::Result<Plate> {
        let mut figure = self.figure("finals", "Test accuracy of every run").panel_size(460, 320);
        let readings: [(&str, Number); 2] = [("Final weights", LAST), ("Best epoch by validation", BEST)];
        for (title, number) in readings {
            let mut boxes = Vec::new();
            for (x, arm) in TRIAL_ARMS.into_iter().enumerate() {
                boxes.push(BoxSummary::of(x as f64, self.runs.numbers(arm, number))?);
            }
            figure = figure.panel(
                Panel::new(
                    title,
                    Axis::category("", names()),
                    Axis::linear("Test accuracy").unit("fraction"),
                )
                .mark(Mark::boxes(boxes)),
            );
        }
        Ok(Plate::new(
            figure,
            "Box plots of test accuracy by arm with one point per seed, for final weights and for the best epoch",
            "Boxes are quartiles, whiskers the least and the largest value, points single seeds.",
        ))
    }

    /// Accuracy over rolls, by starting size, and what the most rolls bring.
    fn rolls(&self) -> anyhow::Result<Plate> {
        let runs = self.runs;
        let label = |scale: f64| format!("{scale} × the start");
        let mut left = Panel::new(
            "Accuracy",
            Axis::log10("Rolls").ticks(runs.rolls.iter().map(|rolls| *rolls as f64)),
            Axis::linear("Test accuracy").unit("fraction"),
        );
        for &scale in &runs.scales {
            let mut estimates = Estimates::default();
            for &rolls in &runs.rolls {
                let values = runs.numbers(runs.cell(scale, rolls)?, LAST);
                let e = middle(&format!("figure/rolls/{scale}/{rolls}"), &values)?;
                estimates.push(rolls as f64, e);
            }
            left = left
                .mark(estimates.band(&label(scale)))
                .mark(estimates.line(&label(scale)).with_points());
        }
        let mut points = Vec::new();
        for (y, &scale) in runs.scales.iter().enumerate() {
            if let Some(gains) = gains(runs, scale, LAST)? {
                let e = middle(&format!("figure/gain/{scale}"), &gains.by_seed)?.scaled(100.0);
                points.push((e.low, e.value, e.high, y as f64));
            }
        }
        let (least, most) = (runs.rolls.iter().min(), runs.rolls.iter().max());
        let right = Panel::new(
            format!("{} rolls against {}", most.unwrap_or(&1), least.unwrap_or(&1)),
            Axis::linear("Paired difference of test accuracy").unit("points"),
            Axis::category("", runs.scales.iter().map(|&scale| label(scale))),
        )
        .mark(Mark::vertical(0.0).label("no gain"))
        .mark(Mark::intervals(points));
        let figure = self
            .figure("rolls", "Do more rolls help, and more so when the net is small?")
            .panel(left)
            .panel(right)
            .colours(Colours::ordered(runs.scales.iter().map(|&scale| label(scale))));
        Ok(Plate::new(
            figure,
            "Left: test accuracy over the number of rolls for each starting size. Right: gain of the most rolls over the fewest",
            "Static nets; within a size every number of rolls is followed by the same training, the rolls' own cost on top. Interquartile means with 95 % bootstrap \
             intervals over seeds.",
        ))
    }

    /// Scores of all layers at the last decision, with the fitted laws.
    fn histograms(&self) -> anyhow::Result<Option<Plate>> {
        let mut figure = self
            .figure("scores", "Are the scores of units log-normal?")
            .columns(3)
            .panel_size(330, 280);
        for (layer, name) in LAYERS {
            let Some(panel) = self.histogram(layer, name)? else {
                continue;
            };
            figure = figure.panel(panel);
        }
        if figure.panels.is_empty() {
            return Ok(None);
        }
        Ok(Some(Plate::new(
            figure,
            "Histograms of the units' scores by layer on a log axis with a standard normal curve",
            "Arm split, all decisions of all seeds: ln score less the mean of its layer and decision, over its standard deviation. A \
             log-normal law would follow the curve. The tests of single decisions stand in the table.",
        )))
    }

    /// Standardised log scores of a layer, pooled over decisions, beside the standard normal density.
    fn histogram(&self, layer: u32, name: &str) -> anyhow::Result<Option<Panel>> {
        let mut pooled = Vec::new();
        let (mut rejected, mut tested) = (0, 0);
        for decision in self.decisions.iter().filter(|d| d.layer == layer) {
            if let Some((law, test)) = decision.law()? {
                pooled.extend(
                    decision
                        .positive()
                        .iter()
                        .map(|score| (score.ln() - law.mu) / law.sigma),
                );
                tested += 1;
                rejected += usize::from(test.p_value < 0.05);
            }
        }
        if pooled.is_empty() {
            return Ok(None);
        }
        let histogram = espalier_metrics::Histogram::even(&pooled, -4.0, 4.0, BINS)?;
        let edges: Vec<f64> = (0..=BINS).map(|bin| -4.0 + 8.0 * bin as f64 / BINS as f64).collect();
        let normal = espalier_metrics::Normal { mean: 0.0, std: 1.0 };
        let curve = (0..=160).map(|i| {
            let x = -4.0 + f64::from(i) / 20.0;
            (x, normal.ln_pdf(x).exp())
        });
        let panel = Panel::new(
            format!("{name}: {rejected} of {tested} laws rejected"),
            Axis::linear("ln score").unit("standard deviations"),
            Axis::linear("Density"),
        )
        .mark(Mark::histogram(edges, histogram.density()).of(Arm::Split.to_string()))
        .mark(Mark::line(curve).colour(Colour::INK).dash(Dash::Solid))
        .legend(Legend::None);
        Ok(Some(panel))
    }

    /// Which layer splits most.
    fn layers(&self, cutoff_add: f64) -> anyhow::Result<Option<Plate>> {
        let rules: [(&str, Reading<'_>); 2] = [
            ("absolute sums (the rule)", &|d| d.split_share()),
            ("signed sums (the older rule's scores)", &move |d| {
                d.signed_share(cutoff_add)
            }),
        ];
        let mut panel = Panel::new(
            "",
            Axis::category("", LAYERS.map(|(_, name)| name)),
            Axis::linear("Units above the cut").unit("share"),
        );
        for (label, number) in rules {
            let mut bars = Vec::new();
            for (x, (layer, name)) in LAYERS.into_iter().enumerate() {
                let values = by_seed(self.decisions, self.runs.seeds, layer, number);
                if values.iter().any(|value| value.is_nan()) {
                    continue;
                }
                let e = middle(&format!("figure/layers/{label}/{name}"), &values)?;
                bars.push((x as f64, e.value, Some((e.low, e.high))));
            }
            if bars.is_empty() {
                return Ok(None);
            }
            panel = panel.mark(Mark::bars(bars).label(label));
        }
        let figure = self
            .figure("layers", "Which layer splits most?")
            .panel(panel)
            .panel_size(560, 340)
            .colours(Colours::new());
        Ok(Some(Plate::new(
            figure,
            "Share of units above the cut by layer, for absolute and for signed gradient sums",
            "Arm split, means over decisions, interquartile means over seeds with 95 % bootstrap intervals. Units that rest after a \
             split do not split again, which the signed sums do not know of.",
        )))
    }

    /// How far the loss jumps at an edit.
    fn jumps(&self) -> Option<Plate> {
        let points = self
            .runs
            .of(Arm::Split)
            .iter()
            .flat_map(|run| &run.changes)
            .map(|change| {
                let growth = 100.0 * (change.parameters_after as f64 / change.parameters_before as f64 - 1.0);
                (growth, change.loss_after - change.loss_before)
            });
        let points: Vec<(f64, f64)> = points.collect();
        if points.is_empty() {
            return None;
        }
        let panel = Panel::new(
            "",
            Axis::linear("Growth of parameters by the edit").unit("%"),
            Axis::linear("Change of the loss").unit("nats"),
        )
        .mark(Mark::horizontal(0.0).label("function kept"))
        .mark(Mark::scatter(points).of(Arm::Split.to_string()));
        let figure = self
            .figure("jumps", "What an edit does to the loss at once")
            .panel(panel)
            .panel_size(560, 320);
        Some(Plate::new(
            figure,
            "Change of the loss by each edit against the growth of parameters",
            "Every edit of the arm split, all seeds; loss on 512 training images just before and just after. Splits move copies' biases by \
             a thousandth; removals are not function-preserving.",
        ))
    }

    /// How far copies are apart behind a split, by what sets them apart.
    fn parting(&self) -> anyhow::Result<Option<Plate>> {
        let mut panel = Panel::new(
            "",
            Axis::log10("Steps of Adam behind the split"),
            Axis::log10("Distance of two copies").unit("fraction"),
        );
        let mut drawn = false;
        for means in Means::ALL {
            let mut estimates = Estimates::default();
            for steps in STEPS {
                let gaps = self.runs.gaps(means, steps);
                // Neither axis can show 0: the split itself, and copies that rounding holds together.
                if steps > 0 && gaps.len() == self.runs.seeds && gaps.iter().all(|gap| *gap > 0.0) {
                    estimates.push(
                        steps as f64,
                        middle(&format!("figure/parting/{}/{steps}", means.name()), &gaps)?,
                    );
                    drawn = true;
                }
            }
            panel = panel
                .mark(estimates.line(means.name()))
                .mark(estimates.band(means.name()));
        }
        if !drawn {
            return Ok(None);
        }
        let figure = Figure::new("parting", "What sets the copies of a unit apart")
            .subtitle(self.subtitle)
            .colours(Colours::named(Means::ALL.map(|means| means.name().to_owned())))
            .panel(panel)
            .panel_size(560, 340);
        Ok(Some(Plate::new(
            figure,
            "Distance of two copies of a unit over the steps behind the split, for the study's jitter and for uneven shares of the fan-out",
            "The starting net, trained for an epoch; every unit is split in two and a new Adam trains on. Distance of fan-in weights and \
             biases relative to one copy's, median over all units; interquartile means over seeds with 95 % bootstrap intervals. With \
             equal halves both copies get the same gradients but for what a thousandth of the bias changes. A third and two \
             thirds of the fan-out make gradients differ as 1 to 2.",
        )))
    }
}
