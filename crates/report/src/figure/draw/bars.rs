//! Bars, stacked bars, histograms and box plots.

use super::points::whisker;
use super::{Drawn, Frame};
use crate::figure::axis::{Axis, Scale};
use crate::figure::colour::{Colour, Look};
use crate::figure::geometry::{Point, Rect, clip_polygon, clip_polyline};
use crate::figure::mark::{Bar, BoxSummary, Shape};
use crate::figure::panel::Panel;
use crate::figure::scene::{Align, Item, Label};

/// Share of a slot that bars fill.
const FILLED: f64 = 0.8;
/// Size of the digit in place of a bar of no height.
const ZERO_EM: f64 = 10.5;

/// Positions of the upright marks of a panel, one list per mark.
fn positions(shape: &Shape) -> Vec<f64> {
    match shape {
        Shape::Bars(bars) => bars.iter().map(|b| b.0).collect(),
        Shape::Boxes(boxes) => boxes.iter().map(|b| b.x).collect(),
        Shape::StackedBars(points) => points.iter().map(|p| p.0).collect(),
        _ => Vec::new(),
    }
}

/// Values half a slot beyond the outermost positions, so that bars stay inside the frame.
pub(super) fn margins(axis: &Axis, positions: &[f64]) -> Vec<f64> {
    if matches!(axis.scale, Scale::Category(_)) {
        return Vec::new();
    }
    let log = axis.scale.is_log();
    let mut at: Vec<f64> = positions
        .iter()
        .filter(|x| x.is_finite() && (!log || **x > 0.0))
        .map(|x| if log { x.log2() } else { *x })
        .collect();
    at.sort_by(f64::total_cmp);
    at.dedup();
    let gap = at.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    let half = if gap.is_finite() { gap / 2.0 } else { 0.5 };
    let back = |x: f64| if log { x.exp2() } else { x };
    match (at.first(), at.last()) {
        (Some(first), Some(last)) => vec![back(first - half), back(last + half)],
        _ => Vec::new(),
    }
}

pub(super) fn needed(panel: &Panel, index: usize) -> (Vec<f64>, Vec<f64>) {
    let shape = &panel.marks[index].shape;
    let mut x = positions(shape);
    x.extend(margins(&panel.x, &x));
    let y = match shape {
        Shape::Bars(bars) => bars
            .iter()
            .flat_map(|(_, height, interval)| {
                let (low, high) = interval.unwrap_or((*height, *height));
                [0.0, *height, low, high]
            })
            .collect(),
        Shape::Boxes(boxes) => boxes
            .iter()
            .flat_map(|b| [b.low, b.high].into_iter().chain(b.points.iter().copied()))
            .collect(),
        Shape::Histogram { edges, counts } => {
            x.clone_from(edges);
            counts.iter().copied().chain([0.0]).collect()
        }
        _ => Vec::new(),
    };
    (x, y)
}

/// Width of one slot on the page: the least distance of two positions.
fn slot(panel: &Panel, frame: &Frame) -> f64 {
    if let Scale::Category(names) = &panel.x.scale {
        return frame.plot.width() / names.len().max(1) as f64;
    }
    let all = panel.marks.iter().flat_map(|m| positions(&m.shape));
    let mut at: Vec<f64> = all.filter_map(|x| frame.x_at(x)).collect();
    at.sort_by(f64::total_cmp);
    at.windows(2)
        .map(|w| w[1] - w[0])
        .filter(|gap| *gap > 1e-6)
        .fold(frame.plot.width() * 0.4, f64::min)
}

/// Places bars of several marks side by side where they share a position.
struct Dodge {
    width: f64,
    others: Vec<(usize, Vec<f64>)>,
    index: usize,
}

impl Dodge {
    fn new(panel: &Panel, index: usize, frame: &Frame) -> Self {
        let others: Vec<(usize, Vec<f64>)> = panel
            .marks
            .iter()
            .enumerate()
            .filter(|(_, m)| matches!(m.shape, Shape::Bars(_) | Shape::Boxes(_)))
            .map(|(i, m)| (i, positions(&m.shape)))
            .collect();
        let crowd = |x: &f64| others.iter().filter(|(_, list)| list.contains(x)).count();
        let most = others
            .iter()
            .flat_map(|(_, list)| list.iter().map(crowd))
            .max()
            .unwrap_or(1);
        Self {
            width: slot(panel, frame) * FILLED / most.max(1) as f64,
            others,
            index,
        }
    }

    /// Left and right end of the bar at a position whose centre is `middle` on the page.
    fn span(&self, x: f64, middle: f64) -> (f64, f64) {
        let here: Vec<usize> = self
            .others
            .iter()
            .filter(|(_, list)| list.contains(&x))
            .map(|(i, _)| *i)
            .collect();
        let rank = here.iter().position(|i| *i == self.index).unwrap_or(0) as f64;
        let shift = rank - here.len() as f64 / 2.0;
        let left = middle + shift * self.width;
        let air = if here.len() > 1 { self.width * 0.04 } else { 0.0 };
        (left + air, left + self.width - air)
    }
}

fn block(drawn: &mut Drawn, frame: &Frame, rect: Rect, colour: Colour, opacity: f64) {
    let points = clip_polygon(&rect.polygon(), &frame.plot);
    if points.len() > 2 {
        drawn.fills.push(Item::Polygon {
            points,
            colour,
            opacity,
        });
    }
}

pub(super) fn bars(panel: &Panel, index: usize, frame: &Frame, look: Look, bars: &[Bar]) -> Drawn {
    let mut drawn = Drawn::default();
    let dodge = Dodge::new(panel, index, frame);
    for (x, height, interval) in bars {
        let Some(top) = drawn.locate(frame, *x, *height) else {
            continue;
        };
        let (left, right) = dodge.span(*x, top.x);
        let corner = Point::new(right, frame.ground());
        let rect = Rect::spanning(Point::new(left, top.y), corner);
        block(&mut drawn, frame, rect, look.colour, 0.85);
        if *height == 0.0 && interval.is_none_or(|(low, high)| low == high) {
            // A bar of no height would look like a bar that is missing.
            let at = Point::new(f64::midpoint(left, right), top.y - 3.0);
            drawn.lines.push(Item::Text(
                Label::new("0", at, ZERO_EM, Colour::INK).align(Align::Middle),
            ));
            continue;
        }
        let Some((low, high)) = interval else {
            continue;
        };
        let middle = (left + right) / 2.0;
        // An interval that reaches zero on a log axis is drawn down to the frame.
        let bottom = frame.y_at(*low).or(frame.y.log.then_some(frame.plot.bottom + 9.0));
        match bottom.zip(frame.y_at(*high)) {
            Some((a, b)) => {
                let ends = (Point::new(middle, a), Point::new(middle, b));
                whisker(&mut drawn, frame, ends, Colour::INK);
            }
            None => drawn.dropped += 1,
        }
    }
    drawn
}

pub(super) fn stacked(panel: &Panel, frame: &Frame, look: Look, points: &[(f64, f64)], bases: &[f64]) -> Drawn {
    let mut drawn = Drawn::default();
    let half = slot(panel, frame) * FILLED / 2.0;
    for ((x, height), base) in points.iter().zip(bases) {
        let Some(top) = drawn.locate(frame, *x, base + height) else {
            continue;
        };
        let ground = frame.y_at(*base).unwrap_or(frame.plot.bottom);
        let corner = Point::new(top.x + half, ground);
        let rect = Rect::spanning(Point::new(top.x - half, top.y), corner);
        block(&mut drawn, frame, rect, look.colour, 0.9);
    }
    drawn
}

/// Draws bins as one outline over a translucent fill.
pub(super) fn histogram(frame: &Frame, look: Look, edges: &[f64], counts: &[f64]) -> Drawn {
    let mut drawn = Drawn::default();
    let ground = frame.ground();
    let mut outline: Vec<Point> = Vec::new();
    for (bin, count) in edges.windows(2).zip(counts) {
        let sides = frame.x_at(bin[0]).zip(frame.x_at(bin[1]));
        // An empty bin on a log axis stands on the frame: nothing is missing.
        let height = if *count == 0.0 {
            Some(ground)
        } else {
            frame.y_at(*count)
        };
        let Some(((left, right), top)) = sides.zip(height) else {
            drawn.dropped += 1;
            continue;
        };
        if outline.last().is_none_or(|p| p.x != left) {
            outline.push(Point::new(left, ground));
        }
        outline.extend([Point::new(left, top), Point::new(right, top)]);
    }
    let (Some(first), Some(last)) = (outline.first().copied(), outline.last().copied()) else {
        return drawn;
    };
    outline.push(Point::new(last.x, ground));
    for points in clip_polyline(&outline, &frame.plot) {
        drawn.lines.push(Item::Polyline {
            points,
            colour: look.colour,
            width: 1.25,
            dash: look.dash.pattern(),
        });
    }
    outline.push(Point::new(first.x, ground));
    drawn.fills.push(Item::Polygon {
        points: clip_polygon(&outline, &frame.plot),
        colour: look.colour,
        opacity: 0.3,
    });
    drawn
}

pub(super) fn boxes(panel: &Panel, index: usize, frame: &Frame, look: Look, boxes: &[BoxSummary]) -> Drawn {
    let mut drawn = Drawn::default();
    let dodge = Dodge::new(panel, index, frame);
    for summary in boxes {
        one_box(&mut drawn, frame, look, (&dodge, summary));
    }
    drawn
}

fn one_box(drawn: &mut Drawn, frame: &Frame, look: Look, (dodge, summary): (&Dodge, &BoxSummary)) {
    let at = |y: f64| frame.at(summary.x, y);
    let five = [
        summary.low,
        summary.lower_quartile,
        summary.median,
        summary.upper_quartile,
        summary.high,
    ]
    .map(at);
    let [Some(low), Some(q1), Some(median), Some(q3), Some(high)] = five else {
        drawn.dropped += 1;
        return;
    };
    let (left, right) = dodge.span(summary.x, median.x);
    // The left part of the slot is the box, the right part the single values.
    let (left, right) = {
        let share = if summary.points.is_empty() { 0.8 } else { 0.55 };
        let width = right - left;
        let start = left + width * if summary.points.is_empty() { 0.1 } else { 0.0 };
        (start, start + (width * share).min(60.0))
    };
    let middle = (left + right) / 2.0;
    let rect = Rect::spanning(Point::new(left, q1.y), Point::new(right, q3.y));
    block(drawn, frame, rect, look.colour, 0.35);
    for (a, b) in [(q1, low), (q3, high)] {
        let ends = (Point::new(middle, a.y), Point::new(middle, b.y));
        if let Some((from, to)) = crate::figure::geometry::clip_segment(ends.0, ends.1, &frame.plot) {
            drawn.lines.push(Item::line(from, to, look.colour, 1.4));
        }
    }
    let edge = [rect.polygon(), vec![Point::new(rect.left, rect.top)]].concat();
    let bar = [Point::new(left, median.y), Point::new(right, median.y)];
    for (path, width) in [(&edge[..], 1.2), (&bar[..], 2.5)] {
        for points in clip_polyline(path, &frame.plot) {
            drawn.lines.push(Item::Polyline {
                points,
                colour: look.colour,
                width,
                dash: &[],
            });
        }
    }
    strip(drawn, frame, look, (summary, right, dodge.width));
}

/// Draws the single values beside the box, spread a little so that equal values stay apart.
fn strip(drawn: &mut Drawn, frame: &Frame, look: Look, (summary, start, width): (&BoxSummary, f64, f64)) {
    let room = (width * 0.25).min(18.0);
    for (i, value) in summary.points.iter().enumerate() {
        let Some(place) = drawn.locate(frame, summary.x, *value) else {
            continue;
        };
        // Multiples of the golden ratio spread evenly for any number of values.
        let share = (i as f64 * 0.618_033_988_749_895).fract();
        let centre = Point::new(start + 6.0 + share * room, place.y);
        if frame.plot.contains(centre) {
            drawn.points.push(Item::Disc {
                centre,
                radius: 2.0,
                colour: look.colour,
            });
        }
    }
}
