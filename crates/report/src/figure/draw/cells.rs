//! Heat maps.

use super::{Drawn, Frame};
use crate::figure::colour::Colour;
use crate::figure::geometry::{Point, Rect, clip_polygon};
use crate::figure::mark::Grid;
use crate::figure::scene::Item;

/// Colour of cells without a value.
const MISSING: Colour = Colour(235, 235, 235);

/// Number of colours on the ramp; neighbouring cells of one colour are drawn as one.
const LEVELS: f64 = 63.0;

/// Values at the two ends of the colour bar.
pub(crate) fn value_range(grid: &Grid) -> (f64, f64) {
    if let Some(range) = grid.range {
        return range;
    }
    let finite = grid.values.iter().flatten().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    match low.partial_cmp(&high) {
        Some(std::cmp::Ordering::Less) => (low, high),
        Some(std::cmp::Ordering::Equal) => (low - 0.5, high + 0.5),
        _ => (0.0, 1.0),
    }
}

fn level(value: f64, (low, high): (f64, f64)) -> Option<u8> {
    value
        .is_finite()
        .then(|| (((value - low) / (high - low)).clamp(0.0, 1.0) * LEVELS).round() as u8)
}

pub(super) fn heatmap(frame: &Frame, grid: &Grid) -> Drawn {
    let mut drawn = Drawn::default();
    let range = value_range(grid);
    for (row, edges) in grid.values.iter().zip(grid.y_edges.windows(2)) {
        let levels: Vec<Option<u8>> = row.iter().map(|v| level(*v, range)).collect();
        drawn.dropped += levels.iter().filter(|l| l.is_none()).count();
        let mut start = 0;
        for group in levels.chunk_by(|a, b| a == b) {
            let end = start + group.len();
            let corners = grid
                .x_edges
                .get(start)
                .zip(grid.x_edges.get(end))
                .and_then(|(l, r)| frame.at(*l, edges[0]).zip(frame.at(*r, edges[1])));
            match corners {
                Some((a, b)) => cell(&mut drawn, frame, Rect::spanning(a, b), group[0]),
                None => drawn.dropped += group.len(),
            }
            start = end;
        }
    }
    drawn
}

fn cell(drawn: &mut Drawn, frame: &Frame, rect: Rect, level: Option<u8>) {
    // A slight overlap hides the hairlines that viewers leave between touching polygons.
    let corner = Point::new(rect.right + 0.5, rect.bottom + 0.5);
    let wider = Rect::spanning(Point::new(rect.left, rect.top), corner);
    let points = clip_polygon(&wider.polygon(), &frame.plot);
    let colour = level.map_or(MISSING, |l| Colour::ramp(f64::from(l) / LEVELS));
    if points.len() > 2 {
        drawn.fills.push(Item::fill(points, colour));
    }
}
