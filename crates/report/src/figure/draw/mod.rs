//! From marks to shapes: each mark of a panel becomes items inside the panel's frame.

mod bars;
mod cells;
mod curves;
mod points;

use super::axis::{Axis, Range, Scale};
use super::colour::Look;
use super::geometry::{Point, Rect};
use super::mark::{Mark, Shape, Side};
use super::panel::Panel;
use super::projection::{Fit, Projection};
use super::scene::Item;

pub(crate) use cells::value_range;
pub(crate) use points::marker;

/// The plot area of a panel and the two projections of a mark.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub plot: Rect,
    pub x: Projection,
    pub y: Projection,
}

impl Frame {
    pub(crate) fn x_at(&self, value: f64) -> Option<f64> {
        let place = self.x.place(value)?;
        Some(self.plot.left + place * self.plot.width())
    }

    pub(crate) fn y_at(&self, value: f64) -> Option<f64> {
        let place = self.y.place(value)?;
        Some(self.plot.bottom - place * self.plot.height())
    }

    pub(crate) fn at(&self, x: f64, y: f64) -> Option<Point> {
        Some(Point::new(self.x_at(x)?, self.y_at(y)?))
    }

    /// Where fills stand: zero, or the nearest end of the axis.
    fn ground(&self) -> f64 {
        self.y_at(0.0)
            .unwrap_or(self.plot.bottom)
            .clamp(self.plot.top, self.plot.bottom)
    }
}

/// What one mark came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Drawn {
    /// Areas, at the back.
    pub fills: Vec<Item>,
    /// Reference lines.
    pub rules: Vec<Item>,
    /// Lines.
    pub lines: Vec<Item>,
    /// Points and intervals, at the front.
    pub points: Vec<Item>,
    /// Points that have no place: not finite, or not positive on a log axis.
    pub dropped: usize,
    /// Points outside a fixed range.
    pub outside: usize,
}

impl Drawn {
    pub(crate) fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.lines.is_empty() && self.points.is_empty()
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.fills.extend(other.fills);
        self.rules.extend(other.rules);
        self.lines.extend(other.lines);
        self.points.extend(other.points);
        self.dropped += other.dropped;
        self.outside += other.outside;
    }

    /// All items, back to front.
    pub(crate) fn into_items(self) -> Vec<Item> {
        let mut items = self.fills;
        items.extend(self.rules);
        items.extend(self.lines);
        items.extend(self.points);
        items
    }

    /// The place of a value pair, counting those that have none or lie outside.
    fn locate(&mut self, frame: &Frame, x: f64, y: f64) -> Option<Point> {
        let Some(point) = frame.at(x, y) else {
            self.dropped += 1;
            return None;
        };
        if !frame.plot.grown(0.5).contains(point) {
            self.outside += 1;
        }
        Some(point)
    }
}

/// Runs of places; a value without a place ends a run.
fn runs(drawn: &mut Drawn, frame: &Frame, points: impl Iterator<Item = (f64, f64)>) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = vec![Vec::new()];
    for (x, y) in points {
        match (drawn.locate(frame, x, y), runs.last_mut()) {
            (Some(point), Some(run)) => run.push(point),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Draws the mark with the given index in its panel.
pub(crate) fn mark(
    panel: &Panel,
    index: usize,
    frame: &Frame,
    look: Look,
    cause_look: &mut dyn FnMut(&str) -> Look,
) -> Drawn {
    let mark = &panel.marks[index];
    match &mark.shape {
        Shape::Line(points) => curves::line(frame, look, mark, points),
        Shape::Step(points) => curves::step(frame, look, mark, points),
        Shape::Band(points) => curves::band(frame, look, mark.spread, points),
        Shape::Density(points) => curves::density(frame, look, mark, points),
        Shape::StackedArea(points) => curves::stacked_area(frame, look, points, &bases(panel, index)),
        Shape::Scatter(points) => points::scatter(frame, look, points),
        Shape::ErrorBars(points) => points::error_bars(frame, look, mark.spread, points),
        Shape::Intervals(points) => points::intervals(frame, look, points),
        Shape::Bars(bars) => bars::bars(panel, index, frame, look, bars),
        Shape::StackedBars(points) => bars::stacked(panel, frame, look, points, &bases(panel, index)),
        Shape::Histogram { edges, counts } => bars::histogram(frame, look, edges, counts),
        Shape::Boxes(boxes) => bars::boxes(panel, index, frame, look, boxes),
        Shape::VerticalLine(x) => curves::rule(frame, look, (*x, None)),
        Shape::HorizontalLine(y) => curves::rule(frame, look, (0.0, Some(*y))),
        Shape::Text(x, y, _) => {
            let mut drawn = Drawn::default();
            drawn.locate(frame, *x, *y);
            drawn
        }
        Shape::Heatmap(grid) => cells::heatmap(frame, grid),
        Shape::Tree(segments) => points::tree(frame, segments, cause_look),
    }
}

/// Sums of the earlier stacked marks of the same kind at the points of mark `index`.
fn bases(panel: &Panel, index: usize) -> Vec<f64> {
    let points = |mark: &Mark, bars: bool| match (&mark.shape, bars) {
        (Shape::StackedBars(points), true) | (Shape::StackedArea(points), false) => Some(points.clone()),
        _ => None,
    };
    let own = &panel.marks[index];
    let bars = matches!(own.shape, Shape::StackedBars(_));
    let earlier: Vec<_> = panel.marks[..index].iter().filter_map(|m| points(m, bars)).collect();
    let sum_at = |x: f64| {
        let layers = earlier.iter().flatten();
        layers
            .filter(|(at, height)| *at == x && height.is_finite())
            .map(|(_, height)| height)
            .sum()
    };
    points(own, bars)
        .unwrap_or_default()
        .iter()
        .map(|(x, _)| sum_at(*x))
        .collect()
}

/// The values that an axis must span for a mark: along x, and along y.
fn needed(panel: &Panel, index: usize) -> (Vec<f64>, Vec<f64>) {
    let pairs = |p: &[(f64, f64)]| -> (Vec<f64>, Vec<f64>) { p.iter().copied().unzip() };
    let triples = |p: &[(f64, f64, f64)]| -> (Vec<f64>, Vec<f64>) {
        (
            p.iter().map(|t| t.0).collect(),
            p.iter().flat_map(|t| [t.1, t.2]).collect(),
        )
    };
    match &panel.marks[index].shape {
        Shape::Line(p) | Shape::Step(p) | Shape::Scatter(p) => pairs(p),
        Shape::Density(p) => {
            let (x, mut y) = pairs(p);
            y.push(0.0);
            (x, y)
        }
        Shape::Band(p) | Shape::ErrorBars(p) => triples(p),
        Shape::Intervals(p) => (
            p.iter().flat_map(|i| [i.0, i.1, i.2]).collect(),
            p.iter().map(|i| i.3).collect(),
        ),
        Shape::Bars(_) | Shape::Boxes(_) | Shape::Histogram { .. } => bars::needed(panel, index),
        Shape::StackedBars(p) | Shape::StackedArea(p) => {
            let tops = p.iter().zip(bases(panel, index)).map(|((_, h), b)| h + b);
            let mut y: Vec<f64> = tops.collect();
            y.push(0.0);
            let mut x: Vec<f64> = p.iter().map(|q| q.0).collect();
            if matches!(panel.marks[index].shape, Shape::StackedBars(_)) {
                x.extend(bars::margins(&panel.x, &x));
            }
            (x, y)
        }
        Shape::VerticalLine(x) => (vec![*x], vec![]),
        Shape::HorizontalLine(y) => (vec![], vec![*y]),
        Shape::Text(x, y, _) => (vec![*x], vec![*y]),
        Shape::Heatmap(grid) => (grid.x_edges.clone(), grid.y_edges.clone()),
        Shape::Tree(segments) => segments.iter().flat_map(|s| [s.from, s.to]).unzip(),
    }
}

/// The projections of a panel: x, left y and right y.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projections {
    pub x: Projection,
    pub y: Projection,
    pub y2: Option<Projection>,
}

/// What one axis of a panel must span.
struct Wanted<'a> {
    axis: &'a Axis,
    values: Vec<f64>,
    fit: Fit,
}

impl Wanted<'_> {
    /// Takes in what another axis of the same quantity must span.
    fn absorb(&mut self, other: &Wanted<'_>) {
        self.values.extend(&other.values);
        if let Range::AtLeast(low, high) = other.axis.range {
            self.values.extend([low, high]);
        }
        self.fit = self.fit.max(other.fit);
    }
}

/// The projections of all panels. Panels that show the same quantity share its limits.
pub(crate) fn projections(panels: &[Panel]) -> Vec<Projections> {
    let x = shared(panels.iter().map(|panel| wanted(panel, None)).collect());
    let left = shared(panels.iter().map(|panel| wanted(panel, Some(Side::Left))).collect());
    let twins: Vec<usize> = (0..panels.len()).filter(|place| panels[*place].y2.is_some()).collect();
    let right = shared(
        twins
            .iter()
            .map(|place| wanted(&panels[*place], Some(Side::Right)))
            .collect(),
    );
    let mut all: Vec<Projections> = x
        .into_iter()
        .zip(left)
        .map(|(x, y)| Projections { x, y, y2: None })
        .collect();
    for (place, projection) in twins.into_iter().zip(right) {
        all[place].y2 = Some(projection);
    }
    all
}

fn shared(mut wanted: Vec<Wanted<'_>>) -> Vec<Projection> {
    let keys: Vec<_> = wanted.iter().map(|one| one.axis.shared_by()).collect();
    for place in 0..wanted.len() {
        let first = keys
            .iter()
            .position(|key| key.is_some() && *key == keys[place])
            .unwrap_or(place);
        if first < place {
            let (before, from) = wanted.split_at_mut(place);
            before[first].absorb(&from[0]);
        }
    }
    let first = |place: usize| {
        keys.iter()
            .position(|key| key.is_some() && *key == keys[place])
            .unwrap_or(place)
    };
    let of = |place: usize| {
        let all = &wanted[first(place)];
        Projection::of(wanted[place].axis, &all.values, all.fit)
    };
    (0..wanted.len()).map(of).collect()
}

/// What an axis must span: the x axis, or the y axis of a side.
fn wanted(panel: &Panel, side: Option<Side>) -> Wanted<'_> {
    let on = |mark: &Mark| side.is_none_or(|side| side == mark.side || panel.y2.is_none());
    let axis = match side {
        None => &panel.x,
        Some(Side::Right) => panel.y2.as_ref().unwrap_or(&panel.y),
        Some(Side::Left) => &panel.y,
    };
    let mut values = Vec::new();
    for (index, mark) in panel.marks.iter().enumerate().filter(|(_, mark)| on(mark)) {
        let (x, y) = needed(panel, index);
        match side {
            None => values.extend(x),
            Some(_) => values.extend(calm(panel, mark, y)),
        }
    }
    let anchored = side.is_some() && panel.marks.iter().any(|mark| on(mark) && mark.stands_on_zero());
    let fit = if panel.marks.iter().any(|m| matches!(m.shape, Shape::Heatmap(_))) {
        Fit::Tight
    } else if anchored {
        Fit::Anchored
    } else {
        Fit::Airy
    };
    Wanted { axis, values, fit }
}

/// How many points a curve has from which its beginning may be a transient.
const LONG: usize = 10;

/// The values of a curve without a beginning that would flatten all that follows.
///
/// # Method
/// The first tenth is left out where the whole curve spans more than four times what the rest spans; the points that
/// then lie outside are counted in the footnote.
fn calm(panel: &Panel, mark: &Mark, values: Vec<f64>) -> Vec<f64> {
    let curve = matches!(mark.shape, Shape::Line(_) | Shape::Step(_) | Shape::Band(_));
    let numeric = !matches!(panel.x.scale, Scale::Category(_)) && panel.y.scale == Scale::Linear;
    if !curve || !numeric || values.len() < LONG || panel.y.range != Range::Auto {
        return values;
    }
    let span = |values: &[f64]| {
        let finite = values.iter().filter(|v| v.is_finite());
        let ends = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        ends.1 - ends.0
    };
    let rest = &values[values.len().div_ceil(10)..];
    match span(&values) > 4.0 * span(rest) && span(rest) > 0.0 {
        true => rest.to_vec(),
        false => values,
    }
}
