//! Lines, steps, bands, densities, stacked areas and reference lines.

use super::{Drawn, Frame, runs};
use crate::figure::colour::{Dash, Look};
use crate::figure::geometry::{Point, clip_polygon, clip_polyline, thin};
use crate::figure::mark::{Mark, Spread};
use crate::figure::scene::Item;

/// Stroke width of a data line, in page pixels.
const LINE_WIDTH: f64 = 1.75;
const BAND_OPACITY: f64 = 0.2;
const DENSITY_OPACITY: f64 = 0.18;

pub(super) fn line(frame: &Frame, look: Look, mark: &Mark, points: &[(f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    for run in runs(&mut drawn, frame, points.iter().copied()) {
        join(&mut drawn, frame, look, &run);
        if mark.points {
            super::points::markers(&mut drawn, frame, look, &run);
        }
    }
    drawn
}

/// Draws a run of places as a line, a single place as a dot.
fn join(drawn: &mut Drawn, frame: &Frame, look: Look, run: &[Point]) {
    if let [only] = run {
        if frame.plot.contains(*only) {
            drawn.points.push(Item::Disc {
                centre: *only,
                radius: 2.5,
                colour: look.colour,
            });
        }
        return;
    }
    for points in clip_polyline(&thin(run), &frame.plot) {
        drawn.lines.push(Item::Polyline {
            points,
            colour: look.colour,
            width: LINE_WIDTH,
            dash: look.dash.pattern(),
        });
    }
}

pub(super) fn step(frame: &Frame, look: Look, mark: &Mark, points: &[(f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    for run in runs(&mut drawn, frame, points.iter().copied()) {
        let mut corners = Vec::with_capacity(run.len() * 2);
        for (i, p) in run.iter().enumerate() {
            if i > 0 {
                corners.push(Point::new(p.x, run[i - 1].y));
            }
            corners.push(*p);
        }
        join(&mut drawn, frame, look, &corners);
        if mark.points {
            super::points::markers(&mut drawn, frame, look, &run);
        }
    }
    drawn
}

pub(super) fn band(frame: &Frame, look: Look, spread: Option<Spread>, points: &[(f64, f64, f64)]) -> Drawn {
    let mut drawn = Drawn::default();
    let mut lower: Vec<Vec<Point>> = vec![Vec::new()];
    let mut upper: Vec<Vec<Point>> = vec![Vec::new()];
    for (x, low, high) in points {
        let ends = frame.at(*x, *low).zip(frame.at(*x, *high));
        match (ends, lower.last_mut(), upper.last_mut()) {
            (Some((a, b)), Some(below), Some(above)) => {
                below.push(a);
                above.push(b);
            }
            _ => {
                drawn.dropped += 1;
                lower.push(Vec::new());
                upper.push(Vec::new());
            }
        }
    }
    let (opacity, rim): (f64, Option<&'static [f64]>) = match spread {
        Some(Spread::Deviation) => (BAND_OPACITY / 2.0, Some(Dash::Dashed.pattern())),
        Some(Spread::Quartiles) => (BAND_OPACITY * 1.7, None),
        Some(Spread::Extremes) => (0.0, Some(Dash::Solid.pattern())),
        Some(Spread::Interval | Spread::Zone) | None => (BAND_OPACITY, None),
    };
    for (below, above) in lower.iter().zip(&upper) {
        if opacity > 0.0 {
            area(&mut drawn, frame, look, (below, above), opacity);
        }
        for edge in [below, above] {
            drawn
                .fills
                .extend(rim.into_iter().flat_map(|dash| outline(frame, look, edge, dash)));
        }
    }
    drawn
}

/// The thin line along one edge of a band.
fn outline(frame: &Frame, look: Look, edge: &[Point], dash: &'static [f64]) -> Vec<Item> {
    let parts = clip_polyline(&thin(edge), &frame.plot).into_iter();
    let line = |points| Item::Polyline {
        points,
        colour: look.colour,
        width: 0.75,
        dash,
    };
    parts.map(line).collect()
}

/// Fills between two left-to-right edges; an area of one point is a short upright stroke.
fn area(drawn: &mut Drawn, frame: &Frame, look: Look, (below, above): (&[Point], &[Point]), opacity: f64) {
    let mut outline = thin(above);
    outline.extend(thin(below).into_iter().rev());
    if above.len() == 1 {
        let (top, bottom) = (outline[0], outline[1]);
        outline = vec![
            Point::new(top.x - 2.0, top.y),
            Point::new(top.x + 2.0, top.y),
            Point::new(bottom.x + 2.0, bottom.y),
            Point::new(bottom.x - 2.0, bottom.y),
        ];
    }
    let points = clip_polygon(&outline, &frame.plot);
    if points.len() > 2 {
        drawn.fills.push(Item::Polygon {
            points,
            colour: look.colour,
            opacity,
        });
    }
}

pub(super) fn density(frame: &Frame, look: Look, mark: &Mark, points: &[(f64, f64)]) -> Drawn {
    let mut drawn = line(frame, look, mark, points);
    let mut ignored = Drawn::default();
    let ground = frame.ground();
    for run in runs(&mut ignored, frame, points.iter().copied()) {
        let below: Vec<Point> = run.iter().map(|p| Point::new(p.x, ground)).collect();
        if run.len() > 1 {
            area(&mut drawn, frame, look, (&below, &run), DENSITY_OPACITY);
        }
    }
    drawn
}

pub(super) fn stacked_area(frame: &Frame, look: Look, points: &[(f64, f64)], bases: &[f64]) -> Drawn {
    let mut drawn = Drawn::default();
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for ((x, height), base) in points.iter().zip(bases) {
        let Some(top) = drawn.locate(frame, *x, base + height) else {
            continue;
        };
        let ground = frame.y_at(*base).unwrap_or(frame.plot.bottom);
        below.push(Point::new(top.x, ground));
        above.push(top);
    }
    if !above.is_empty() {
        area(&mut drawn, frame, look, (&below, &above), 0.75);
    }
    drawn
}

/// A reference line at (x, –) or (–, y).
pub(super) fn rule(frame: &Frame, look: Look, (x, y): (f64, Option<f64>)) -> Drawn {
    let mut drawn = Drawn::default();
    let plot = frame.plot;
    let ends = match y {
        Some(y) => frame
            .y_at(y)
            .map(|y| (Point::new(plot.left, y), Point::new(plot.right, y))),
        None => frame
            .x_at(x)
            .map(|x| (Point::new(x, plot.top), Point::new(x, plot.bottom))),
    };
    match ends {
        Some((a, b)) if plot.grown(0.5).contains(a) => drawn.rules.push(Item::Polyline {
            points: vec![a, b],
            colour: look.colour,
            width: 1.0,
            dash: look.dash.pattern(),
        }),
        Some(_) => drawn.outside += 1,
        None => drawn.dropped += 1,
    }
    drawn
}
