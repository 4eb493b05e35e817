//! What keeps readers from reading a figure, looked for when it is drawn.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::compose::{Composition, compose};
use super::font::Weight;
use super::geometry::Rect;
use super::highlight::series;
use super::layout::Plan;
use super::mark::{Mark, Shape};
use super::projection::Projection;
use super::scene::Item;
use super::{Colour, Figure};
use crate::Result;

/// Curves that are nearer than this share of the axis lie on each other.
const NEAR: f64 = 0.006;

/// The share of common points at which curves coincide.
const COINCIDING: f64 = 0.9;

/// The share of a panel's height that a band may take.
const BROAD: f64 = 0.5;

/// The most curves and clouds of points in one panel.
const MOST_CURVES: usize = 6;

/// How far the text of a panel may reach out of its cell, in page pixels.
const OVERHANG: f64 = 6.0;

/// A rule of readable figures. A figure that breaks one says why ([`Figure::because`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// No two curves lie on each other over 90 % of their points.
    Coincide,
    /// No band takes more than half of its panel's height.
    BroadBand,
    /// No panel is empty, no cell of a matrix has no value.
    Empty,
    /// Axes of one quantity have the same limits.
    UnequalLimits,
    /// Words of a panel stay in its cell.
    ForeignLabel,
    /// No panel has more than six curves or clouds of points.
    ManyCurves,
    /// No text leaves the page.
    OutsideText,
    /// No panel has two y axes.
    TwinAxes,
    /// A title asks a question, or says what was found.
    Topic,
}

impl Rule {
    /// The rule of a name such as `many-curves`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}

/// A rule that a figure breaks without saying why, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The figure's name.
    pub figure: String,
    /// The rule.
    pub rule: Rule,
    /// The panel and what was found there.
    pub found: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "figure `{}`: {:?}: {}", self.figure, self.rule, self.found)
    }
}

impl Figure {
    /// Says why the figure breaks a rule of readable figures.
    pub fn because(mut self, rule: Rule, reason: impl Into<String>) -> Self {
        self.reasons.push((rule, reason.into()));
        self
    }

    /// Looks for rules that the figure breaks without saying why.
    ///
    /// # Errors
    /// As [`Figure::render_svg`], and [`Error::Figure`](crate::Error::Figure) for a reason without words.
    pub fn lint(&self) -> Result<Vec<Finding>> {
        if let Some((rule, _)) = self.reasons.iter().find(|(_, reason)| reason.trim().is_empty()) {
            return Err(self.fault(format!("it breaks the rule {rule:?} and gives no reason")));
        }
        let scene = self.scene()?;
        let composition = compose(self).map_err(|reason| self.fault(reason))?;
        let mut found = Vec::new();
        for plan in &composition.plans {
            in_panel(plan, &mut found);
        }
        unequal_limits(&composition, &mut found);
        let page = Rect::new(0.0, 0.0, scene.width, scene.height);
        outside(&composition, &scene.items, &page, &mut found).map_err(|reason| self.fault(reason))?;
        found.retain(|(rule, _)| self.reasons.iter().all(|(known, _)| known != rule));
        found.dedup();
        let finding = |(rule, found)| Finding {
            figure: self.name.clone(),
            rule,
            found,
        };
        Ok(found.into_iter().map(finding).collect())
    }
}

type Found = Vec<(Rule, String)>;

fn in_panel(plan: &Plan<'_>, found: &mut Found) {
    let panel = plan.panel;
    let name = |words: String| match panel.title.is_empty() {
        true => words,
        false => format!("panel `{}`: {words}", panel.title),
    };
    if panel.y2.is_some() {
        found.push((Rule::TwinAxes, name("two y axes".to_owned())));
    }
    if !panel.marks.iter().any(holds_data) {
        found.push((Rule::Empty, name("nothing is drawn".to_owned())));
    }
    let many = series(panel).len();
    if many > MOST_CURVES && distinct_colours(plan) > MOST_CURVES {
        found.push((Rule::ManyCurves, name(format!("{many} series"))));
    }
    for mark in &panel.marks {
        if let Shape::Heatmap(grid) = &mark.shape {
            let missing = grid.values.iter().flatten().filter(|value| value.is_nan()).count();
            if missing > 0 {
                found.push((Rule::Empty, name(format!("{missing} cells have no value"))));
            }
        }
        if let Some(share) = broadness(mark, &plan.y).filter(|share| *share > BROAD) {
            let series = mark.series();
            found.push((
                Rule::BroadBand,
                name(format!(
                    "the band of `{series}` takes {:.0} % of the height",
                    100.0 * share
                )),
            ));
        }
    }
    for (a, b) in coinciding(plan) {
        found.push((Rule::Coincide, name(format!("`{a}` and `{b}` lie on each other"))));
    }
}

fn holds_data(mark: &Mark) -> bool {
    match &mark.shape {
        Shape::VerticalLine(_) | Shape::HorizontalLine(_) | Shape::Text(..) => false,
        Shape::Heatmap(grid) => grid.values.iter().flatten().any(|value| value.is_finite()),
        shape => shape.places().iter().any(|place| place.is_finite()),
    }
}

/// How many colours tell the series of a panel apart: greys and the steps of a ramp do not count.
fn distinct_colours(plan: &Plan<'_>) -> usize {
    let mut colours: Vec<Colour> = plan
        .entries
        .iter()
        .filter(|entry| entry.line.is_some() || entry.marker.is_some())
        .map(|e| e.colour)
        .collect();
    if colours.iter().all(Colour::is_of_ramp) {
        return 0;
    }
    colours.retain(|Colour(red, green, blue)| red != green || green != blue || *red < 100);
    colours.len()
}

/// The mean share of the panel's height that a band takes; `None` for other marks and for zones.
fn broadness(mark: &Mark, y: &Projection) -> Option<f64> {
    let Shape::Band(points) = &mark.shape else { return None };
    if mark.spread == Some(super::Spread::Zone) || mark.of.is_none() {
        return None;
    }
    let height = |(_, low, high): &(f64, f64, f64)| {
        let (low, high) = (y.place(*low)?.clamp(0.0, 1.0), y.place(*high)?.clamp(0.0, 1.0));
        Some((high - low).abs())
    };
    let heights: Vec<f64> = points.iter().filter_map(height).collect();
    (heights.len() > 1).then(|| heights.iter().sum::<f64>() / heights.len() as f64)
}

/// Pairs of curves that lie on each other.
fn coinciding<'a>(plan: &Plan<'a>) -> Vec<(&'a str, &'a str)> {
    let lines: Vec<(&str, &Vec<(f64, f64)>)> = plan
        .panel
        .marks
        .iter()
        .filter_map(|mark| match &mark.shape {
            Shape::Line(points) | Shape::Step(points) if points.len() > 2 => Some((mark.series(), points)),
            _ => None,
        })
        .collect();
    let mut pairs = Vec::new();
    for (place, (a, first)) in lines.iter().enumerate() {
        for (b, second) in &lines[place + 1..] {
            if a != b && together(first, second, &plan.y) {
                pairs.push((*a, *b));
            }
        }
    }
    pairs
}

fn together(a: &[(f64, f64)], b: &[(f64, f64)], y: &Projection) -> bool {
    let common = a.iter().filter_map(|(x, first)| {
        let (_, second) = b.iter().find(|(other, _)| other == x)?;
        Some((y.place(*first)? - y.place(*second)?).abs() < NEAR)
    });
    let near: Vec<bool> = common.collect();
    near.len() > 2 && near.iter().filter(|near| **near).count() as f64 >= COINCIDING * near.len() as f64
}

fn unequal_limits(composition: &Composition<'_>, found: &mut Found) {
    let mut seen: Vec<(String, &Projection)> = Vec::new();
    let axes = composition.plans.iter().flat_map(|plan| {
        let right = plan.panel.y2.as_ref().zip(plan.y2.as_ref());
        [Some((&plan.panel.y, &plan.y)), right].into_iter().flatten()
    });
    for (axis, projection) in axes.filter(|(axis, _)| comparable(axis)) {
        let name = axis.caption();
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, first)) if (first.low, first.high) != (projection.low, projection.high) => {
                found.push((Rule::UnequalLimits, format!("`{name}` has several limits")));
            }
            Some(_) => {}
            None => seen.push((name, projection)),
        }
    }
}

fn comparable(axis: &Axis) -> bool {
    axis.alone.is_none() && !axis.label.is_empty() && !matches!(axis.scale, super::Scale::Category(_))
}

fn outside(
    composition: &Composition<'_>,
    items: &[Item],
    page: &Rect,
    found: &mut Found,
) -> std::result::Result<(), String> {
    for item in items {
        if let Item::Text(label) = item
            && !page.holds(&label.bounds()?)
        {
            // A heading of one long word is as wide as it is.
            let heading = label.weight == Weight::Bold;
            let what = if heading { "the heading" } else { "the text" };
            found.push((Rule::OutsideText, format!("{what} `{}` leaves the page", label.text)));
        }
    }
    for (plan, panel) in composition.plans.iter().zip(&composition.panels) {
        let cell = panel.laid.cell.grown(OVERHANG);
        for item in &panel.words {
            if let Item::Text(label) = item
                && !cell.holds(&label.bounds()?)
            {
                let words = format!("`{}` leaves its panel `{}`", label.text, plan.panel.title);
                found.push((Rule::ForeignLabel, words));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Grid, Panel, Spread};
    use super::*;

    fn accuracy() -> Panel {
        Panel::new("a", Axis::linear("Epoch"), Axis::linear("Accuracy").unit("fraction"))
    }

    fn curve(slope: f64) -> Mark {
        Mark::line((0..10).map(|x| (f64::from(x), 0.5 + slope * f64::from(x))))
    }

    fn rules(figure: &Figure) -> Vec<Rule> {
        figure.lint().unwrap().into_iter().map(|finding| finding.rule).collect()
    }

    fn figure(panel: Panel) -> Figure {
        Figure::new("f", "A figure").panel(panel)
    }

    #[test]
    fn a_readable_figure_breaks_no_rule() {
        let two = accuracy().mark(curve(0.01).label("x")).mark(curve(0.03).label("y"));
        assert!(rules(&figure(two.clone()).panel(two)).is_empty());
    }

    #[test]
    fn each_fault_is_found_and_accepted_with_a_reason() {
        let many = (0..8).fold(accuracy(), |panel, k| {
            panel.mark(curve(0.01 * f64::from(k)).label(format!("s{k}")))
        });
        let broad = Mark::band((0..10).map(|x| (f64::from(x), 0.0, 1.0)))
            .of("x")
            .spread(Spread::Interval);
        let matrix = Grid {
            x_edges: vec![0.0, 1.0, 2.0],
            y_edges: vec![0.0, 1.0],
            values: vec![vec![1.0, f64::NAN]],
            caption: String::new(),
            range: None,
        };
        let twin = accuracy().twin(Axis::linear("Loss")).mark(curve(0.01).label("x"));
        let fixed = Panel::new(
            "b",
            Axis::linear("Epoch"),
            Axis::linear("Accuracy").unit("fraction").range(0.0, 2.0),
        );
        let limits = figure(accuracy().mark(curve(0.01))).panel(fixed.mark(curve(0.01)));
        for (faulty, rule) in [
            (
                figure(accuracy().mark(curve(0.01).label("x")).mark(curve(0.010_01).label("y"))),
                Rule::Coincide,
            ),
            (
                figure(accuracy().mark(broad).mark(curve(0.01).label("x"))),
                Rule::BroadBand,
            ),
            (figure(accuracy()), Rule::Empty),
            (
                figure(Panel::new("", Axis::default(), Axis::default()).mark(Mark::heatmap(matrix))),
                Rule::Empty,
            ),
            (limits, Rule::UnequalLimits),
            (figure(many), Rule::ManyCurves),
            (figure(twin), Rule::TwinAxes),
        ] {
            assert!(rules(&faulty).contains(&rule), "{rule:?}");
            let reason = faulty.clone().because(rule, "it is meant so");
            assert!(!rules(&reason).contains(&rule), "{rule:?}");
            assert!(faulty.because(rule, " ").lint().is_err());
        }
    }

    #[test]
    fn highlighted_series_make_room_for_many() {
        let many = (0..8).fold(accuracy(), |panel, k| {
            panel.mark(curve(0.01 * f64::from(k)).label(format!("s{k}")))
        });
        let mut figure = figure(many);
        figure.highlight = vec!["s3".to_owned()];
        assert!(rules(&figure).is_empty());
    }

    #[test]
    fn panels_of_one_quantity_share_their_limits_unless_one_stands_alone() {
        let pair = |other: Axis| {
            let far = Mark::line([(0.0, 5.0), (9.0, 9.0)]);
            figure(accuracy().mark(curve(0.01))).panel(Panel::new("b", Axis::linear("Epoch"), other).mark(far))
        };
        let limits = |figure: &Figure| {
            let composed = compose(figure).unwrap();
            composed
                .plans
                .iter()
                .map(|plan| (plan.y.low, plan.y.high))
                .collect::<Vec<_>>()
        };
        let shared = limits(&pair(Axis::linear("Accuracy").unit("fraction")));
        assert!(shared[0] == shared[1] && shared[0].0 < 0.5 && shared[0].1 > 9.0);
        let other = limits(&pair(
            Axis::linear("Accuracy").unit("fraction").alone("another data set"),
        ));
        assert!(other[0].1 < 1.0 && other[1].0 > 1.0);
    }

    #[test]
    fn an_early_transient_does_not_flatten_the_rest() {
        let spike = (0..40).map(|x| (f64::from(x), if x == 0 { 100.0 } else { f64::from(x % 5) }));
        let figure = figure(Panel::new("", Axis::linear("Epoch"), Axis::linear("Loss")).mark(Mark::line(spike)));
        let composed = compose(&figure).unwrap();
        assert!(composed.plans[0].y.high < 10.0);
        assert!(
            composed.footnote().contains("1 point lies outside the axes"),
            "{}",
            composed.footnote()
        );
    }
}
