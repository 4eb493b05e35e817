//! Words inside panels: labels of reference lines and annotations, set where they cover nothing.

use super::colour::{Colour, Colours};
use super::draw::Frame;
use super::font::{CAPITAL_EM, Weight, text_width, wrap};
use super::geometry::{Point, Rect};
use super::legend::look_of;
use super::mark::{Mark, Shape};
use super::scene::{Item, Label};
use super::words::typeset;

const NOTE_EM: f64 = 10.5;
const ROW: f64 = NOTE_EM * 1.4;
/// Distance between words and what they name.
const AWAY: f64 = 5.0;

/// Sets the words of a mark, if it has any, away from data, reference lines and earlier words; words wider than the plot
/// take several lines.
pub(crate) fn words(
    mark: &Mark,
    frame: &Frame,
    data: &[Item],
    rules: &[Item],
    earlier: &mut Vec<Rect>,
    colours: &mut Colours,
) -> Result<Vec<Item>, String> {
    let text = match &mark.shape {
        Shape::Text(_, _, text) => text,
        Shape::VerticalLine(_) | Shape::HorizontalLine(_) => &mark.label,
        _ => return Ok(Vec::new()),
    };
    let note = Note::new(text, ink(mark, colours), room(mark, frame))?;
    let mut best: Option<(f64, Vec<Label>, Rect)> = None;
    for at in candidates(mark, frame, &note) {
        let (labels, bounds) = note.at(at)?;
        let cost = cost(&bounds.grown(1.5), frame, data, earlier)? + crossed(&bounds, rules)?;
        if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, labels, bounds.grown(1.5)));
        }
    }
    let Some((cost, labels, bounds)) = best else {
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
    items.extend(labels.into_iter().map(Item::Text));
    Ok(items)
}

/// How wide a line of words may be: as the plot is, or, beside an upright line, as its wider side.
fn room(mark: &Mark, frame: &Frame) -> f64 {
    let plot = frame.plot;
    let upright = match &mark.shape {
        Shape::VerticalLine(x) => frame.x_at(*x),
        _ => None,
    };
    let widest = upright.map_or(plot.width(), |x| (x - plot.left).max(plot.right - x));
    widest - 2.0 * AWAY
}

/// Words on one line or several.
struct Note {
    lines: Vec<String>,
    width: f64,
    colour: Colour,
}

impl Note {
    fn new(text: &str, colour: Colour, room: f64) -> Result<Self, String> {
        let lines = wrap(&typeset(text), NOTE_EM, Weight::Normal, room)?;
        let mut width = 0.0_f64;
        for line in &lines {
            width = width.max(text_width(line, NOTE_EM, Weight::Normal)?);
        }
        Ok(Self { lines, width, colour })
    }

    /// How far the last line is below the first.
    fn depth(&self) -> f64 {
        ROW * self.lines.len().saturating_sub(1) as f64
    }

    /// The lines from the start of the first one's baseline on, and what they cover.
    fn at(&self, start: Point) -> Result<(Vec<Label>, Rect), String> {
        let line = |(place, text): (usize, &String)| {
            Label::new(
                text,
                Point::new(start.x, start.y + ROW * place as f64),
                NOTE_EM,
                self.colour,
            )
        };
        let labels: Vec<Label> = self.lines.iter().enumerate().map(line).collect();
        let mut all = Rect::new(start.x, start.y, start.x, start.y);
        for label in &labels {
            let own = label.bounds()?;
            all = Rect::new(
                all.left,
                all.top.min(own.top),
                all.right.max(own.right),
                all.bottom.max(own.bottom),
            );
        }
        Ok((labels, all))
    }
}

/// How many reference lines run through a place, each less than a curve.
fn crossed(bounds: &Rect, rules: &[Item]) -> Result<f64, String> {
    let mut cost = 0.0;
    for rule in rules {
        cost += if rule.meets(&bounds.grown(-1.0))? { 0.5 } else { 0.0 };
    }
    Ok(cost)
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

/// Starts of the first line's baseline to try, the preferred first.
fn candidates(mark: &Mark, frame: &Frame, note: &Note) -> Vec<Point> {
    if note.lines.is_empty() {
        return Vec::new();
    }
    let (plot, width) = (frame.plot, note.width);
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
                .flat_map(|x| [Point::new(x, y - 4.0 - note.depth()), Point::new(x, y + 4.0 + rise)])
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
