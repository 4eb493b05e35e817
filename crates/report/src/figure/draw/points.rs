//! Scatter, intervals and genealogies.

use std::collections::BTreeSet;

use super::{Drawn, Frame};
use crate::figure::colour::{Colour, Look, Marker};
use crate::figure::geometry::{Point, clip_segment};
use crate::figure::mark::{Segment, Spread};
use crate::figure::scene::Item;

/// Half the size of a marker, in page pixels.
const RADIUS: f64 = 3.0;
const STROKE: f64 = 1.4;
const CAP: f64 = 3.0;

/// The items of one marker with a thin white rim, so that overlapping points stay apart.
pub(crate) fn marker(shape: Marker, at: Point, colour: Colour) -> Vec<Item> {
    let corners = |list: &[(f64, f64)], size: f64| -> Vec<Point> {
        list.iter()
            .map(|(x, y)| Point::new(at.x + x * size, at.y + y * size))
            .collect()
    };
    let outline: &[(f64, f64)] = match shape {
        Marker::Circle => {
            let disc = |radius, colour| Item::Disc {
                centre: at,
                radius,
                colour,
            };
            return vec![disc(RADIUS + 0.75, Colour::WHITE), disc(RADIUS, colour)];
        }
        Marker::Cross => {
            let arm = RADIUS * 0.9;
            let stroke = |dx: f64| {
                let from = Point::new(at.x - dx, at.y - arm);
                Item::line(from, Point::new(at.x + dx, at.y + arm), colour, 1.6)
            };
            return vec![stroke(arm), stroke(-arm)];
        }
        Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        Marker::Triangle => &[(0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)],
        Marker::Wedge => &[(0.0, 1.2), (1.15, -0.85), (-1.15, -0.85)],
        Marker::Diamond => &[(0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)],
    };
    vec![
        Item::fill(corners(outline, RADIUS + 1.0), Colour::WHITE),
        Item::fill(corners(outline, RADIUS), colour),
    ]
}

/// Draws markers, one per pixel: a second point on the same pixel would not be seen.
pub(super) fn markers(drawn: &mut Drawn, frame: &Frame, look: Look, places: &[Point]) {
    let mut seen = BTreeSet::new();
    for p in places {
        if frame.plot.grown(0.5).contains(*p) && seen.insert((p.x.round() as i64, p.y.round() as i64)) {
            drawn.points.extend(marker(look.marker, *p, look.colour));
        }
    }
}

pub(super) fn scatter(frame: &Frame, look: Look, points: &[(f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    let places: Vec<Point> = points.iter().filter_map(|(x, y)| drawn.locate(frame, *x, *y)).collect();
    markers(&mut drawn, frame, look, &places);
    drawn
}

/// A stroke with caps across its ends where they lie inside the plot.
pub(super) fn whisker(drawn: &mut Drawn, frame: &Frame, (a, b): (Point, Point), colour: Colour) {
    let Some((from, to)) = clip_segment(a, b, &frame.plot) else {
        return;
    };
    drawn.points.push(Item::line(from, to, colour, STROKE));
    let (dx, dy) = if a.x == b.x { (CAP, 0.0) } else { (0.0, CAP) };
    for (end, clipped) in [(a, from), (b, to)] {
        if end == clipped {
            let (start, stop) = (Point::new(end.x - dx, end.y - dy), Point::new(end.x + dx, end.y + dy));
            drawn.points.push(Item::line(start, stop, colour, STROKE));
        }
    }
}

pub(super) fn error_bars(frame: &Frame, look: Look, spread: Option<Spread>, points: &[(f64, f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    for (x, low, high) in points {
        match (frame.at(*x, *low).zip(frame.at(*x, *high)), bare(spread)) {
            (Some(ends), None) => whisker(&mut drawn, frame, ends, look.colour),
            (Some((a, b)), Some(width)) => {
                let inside = clip_segment(a, b, &frame.plot).into_iter();
                drawn
                    .points
                    .extend(inside.map(|(from, to)| Item::line(from, to, look.colour, width)));
            }
            (None, _) => drawn.dropped += 1,
        }
    }
    drawn
}

/// The width of a whisker without caps; `None` for one with caps.
fn bare(spread: Option<Spread>) -> Option<f64> {
    match spread? {
        Spread::Deviation => Some(STROKE),
        Spread::Quartiles => Some(2.5 * STROKE),
        Spread::Extremes => Some(0.5 * STROKE),
        Spread::Interval | Spread::Zone => None,
    }
}

pub(super) fn intervals(frame: &Frame, look: Look, points: &[(f64, f64, f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    for (low, middle, high, y) in points {
        if let Some(ends) = frame.at(*low, *y).zip(frame.at(*high, *y)) {
            whisker(&mut drawn, frame, ends, look.colour);
        } else {
            drawn.dropped += 1;
        }
        if let Some(place) = frame.at(*middle, *y) {
            markers(&mut drawn, frame, look, &[place]);
        }
    }
    drawn
}

pub(super) fn tree(frame: &Frame, segments: &[Segment], look: &mut dyn FnMut(&str) -> Look) -> Drawn {
    let mut drawn = Drawn::default();
    for segment in segments {
        let ends = frame
            .at(segment.from.0, segment.from.1)
            .zip(frame.at(segment.to.0, segment.to.1));
        let Some((a, b)) = ends else {
            drawn.dropped += 1;
            continue;
        };
        let Some((from, to)) = clip_segment(a, b, &frame.plot) else {
            drawn.outside += 1;
            continue;
        };
        let colour = look(&segment.cause).colour;
        if from == to {
            drawn.points.extend(marker(Marker::Circle, from, colour));
        } else {
            drawn.lines.push(Item::line(from, to, colour, 1.5));
        }
    }
    drawn
}
