//! Words inside panels: labels of reference lines and annotations, set where they cover nothing.

use super::colour::{Colour, Colours};
use super::draw::Frame;
use super::font::{CAPITAL_EM, Weight, text_width};
use super::geometry::{Point, Rect};
use super::legend::look_of;
use super::mark::{Mark, Shape};
use super::scene::{Item, Label};

const NOTE_EM: f64 = 10.5;
const ROW: f64 = NOTE_EM * 1.4;
/// Distance between words and what they name.
const AWAY: f64 = 5.0;

/// Sets the words of a mark, if it has any, away from `obstacles` and earlier words.
pub(crate) fn words(
    mark: &Mark,
    frame: &Frame,
    obstacles: &[Item],
    earlier: &mut Vec<Rect>,
    colours: &mut Colours,
) -> Result<Vec<Item>, String> {
    let text = match &mark.shape {
        Shape::Text(_, _, text) => text,
        Shape::VerticalLine(_) | Shape::HorizontalLine(_) => &mark.label,
        _ => return Ok(Vec::new()),
    };
    let width = text_width(text, NOTE_EM, Weight::Normal)?;
    let mut best: Option<(f64, Label, Rect)> = None;
    for at in candidates(mark, frame, width) {
        let label = Label::new(text, at, NOTE_EM, ink(mark, colours));
        let bounds = label.bounds()?.grown(1.5);
        let cost = cost(&bounds, frame, obstacles, earlier)?;
        if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, label, bounds));
        }
    }
    let Some((cost, label, bounds)) = best.filter(|_| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    earlier.push(bounds);
    let mut items = Vec::new();
    if cost > 0.0 {
        items.push(Item::Polygon {
            points: bounds.polygon(),
            colour: Colour::WHITE,
            opacity: 0.8,
        });
    }
    items.push(Item::Text(label));
    Ok(items)
}

/// The colour of the series if it is dark enough to read, else that of text.
fn ink(mark: &Mark, colours: &mut Colours) -> Colour {
    let colour = look_of(mark, colours).colour;
    let named = mark.of.is_some() || mark.colour.is_some();
    if named && colour.luminance() < 0.3 {
        colour
    } else {
        Colour::INK
    }
}

/// How much a place covers: other words weigh more than data, leaving the plot weighs most.
fn cost(bounds: &Rect, frame: &Frame, obstacles: &[Item], earlier: &[Rect]) -> Result<f64, String> {
    let mut cost = 0.0;
    if !frame.plot.holds(bounds) {
        cost += 1e6;
    }
    cost += 1e3 * earlier.iter().filter(|r| r.meets(bounds)).count() as f64;
    for item in obstacles {
        if item.meets(bounds)? {
            cost += 1.0;
        }
    }
    Ok(cost)
}

/// Starts of baselines to try, the preferred first.
fn candidates(mark: &Mark, frame: &Frame, width: f64) -> Vec<Point> {
    let plot = frame.plot;
    let rise = CAPITAL_EM * NOTE_EM;
    match &mark.shape {
        Shape::VerticalLine(x) => {
            let Some(x) = frame.x_at(*x) else {
                return Vec::new();
            };
            let rows = ((plot.height() - AWAY) / ROW).floor().max(1.0) as usize;
            (0..rows)
                .map(|i| plot.top + 3.0 + rise + ROW * i as f64)
                .flat_map(|y| [Point::new(x + AWAY, y), Point::new(x - AWAY - width, y)])
                .collect()
        }
        Shape::HorizontalLine(y) => {
            let Some(y) = frame.y_at(*y) else {
                return Vec::new();
            };
            let room = plot.width() - width - 6.0;
            (0..=8)
                .map(|i| plot.right - 3.0 - width - room * f64::from(i) / 8.0)
                .flat_map(|x| [Point::new(x, y - 4.0), Point::new(x, y + 4.0 + rise)])
                .collect()
        }
        Shape::Text(x, y, _) => {
            let Some(p) = frame.at(*x, *y) else {
                return Vec::new();
            };
            around(p, width, rise)
        }
        _ => Vec::new(),
    }
}

/// Places around a point, nearest first.
fn around(p: Point, width: f64, rise: f64) -> Vec<Point> {
    [1.0, 2.0, 3.5, 5.5]
        .into_iter()
        .flat_map(|far| {
            let away = AWAY * far;
            let (right, middle, left) = (p.x + away, p.x - width / 2.0, p.x - away - width);
            let (above, level, below) = (p.y - away, p.y + rise / 2.0, p.y + away + rise);
            [
                Point::new(right, above),
                Point::new(left, above),
                Point::new(right, below),
                Point::new(left, below),
                Point::new(middle, above),
                Point::new(middle, below),
                Point::new(right, level),
                Point::new(left, level),
            ]
        })
        .collect()
}
