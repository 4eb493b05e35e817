//! Legends: what stands in them and how their entries are set.

use super::colour::{Colour, Colours, Dash, Look, Marker, OKABE_ITO};
use super::draw::marker;
use super::font::{CAPITAL_EM, Weight, text_width};
use super::geometry::{Point, Rect};
use super::mark::{Mark, Shape};
use super::panel::Panel;
use super::scene::{Item, Label};

pub(crate) const LEGEND_EM: f64 = 11.0;
const SWATCH: f64 = 24.0;
const GAP: f64 = 6.0;
const ROW: f64 = LEGEND_EM * 1.5;
const BETWEEN: f64 = 18.0;

/// One series in a legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub label: String,
    pub colour: Colour,
    pub line: Option<Dash>,
    pub marker: Option<Marker>,
    pub fill: Option<f64>,
}

/// The look of a mark: its own settings first, then those of its series.
pub(crate) fn look_of(mark: &Mark, colours: &mut Colours) -> Look {
    let series = mark.series();
    let reference = mark.labels_itself();
    let base = if reference && mark.of.is_none() {
        Look {
            colour: Colour::GREY,
            dash: Dash::Dashed,
            marker: Marker::Circle,
        }
    } else if series.is_empty() {
        Look {
            colour: OKABE_ITO[0],
            dash: Dash::Solid,
            marker: Marker::Circle,
        }
    } else {
        colours.look(series)
    };
    let default_dash = match mark.shape {
        // A reference line is always broken, so that it cannot be taken for data.
        Shape::VerticalLine(_) | Shape::HorizontalLine(_) => Dash::Dashed,
        Shape::Histogram { .. } => Dash::Solid,
        _ => base.dash,
    };
    Look {
        colour: mark.colour.unwrap_or(base.colour),
        dash: mark.dash.unwrap_or(default_dash),
        marker: mark.marker.unwrap_or(base.marker),
    }
}

/// The legend entries of a panel, one per label, in drawing order.
pub(crate) fn entries(panel: &Panel, colours: &mut Colours) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for mark in &panel.marks {
        if let Shape::Tree(segments) = &mark.shape {
            for segment in segments {
                let colour = colours.look(&segment.cause).colour;
                merge(&mut entries, line_entry(&segment.cause, colour));
            }
        } else if !mark.label.is_empty() && !mark.labels_itself() {
            let look = look_of(mark, colours);
            merge(&mut entries, entry(mark, look));
        }
    }
    entries
}

fn line_entry(label: &str, colour: Colour) -> Entry {
    Entry {
        label: label.to_owned(),
        colour,
        line: Some(Dash::Solid),
        marker: None,
        fill: None,
    }
}

fn entry(mark: &Mark, look: Look) -> Entry {
    let mut entry = Entry {
        line: None,
        ..line_entry(&mark.label, look.colour)
    };
    match &mark.shape {
        Shape::Line(_) | Shape::Step(_) => {
            entry.line = Some(look.dash);
            entry.marker = mark.points.then_some(look.marker);
        }
        Shape::Density(_) => {
            entry.line = Some(look.dash);
            entry.fill = Some(0.18);
        }
        Shape::Band(_) => entry.fill = Some(0.2),
        Shape::Scatter(_) => entry.marker = Some(look.marker),
        Shape::ErrorBars(_) => entry.line = Some(Dash::Solid),
        Shape::Intervals(_) => {
            entry.line = Some(Dash::Solid);
            entry.marker = Some(look.marker);
        }
        Shape::Histogram { .. } => entry.fill = Some(0.4),
        Shape::Boxes(_) => entry.fill = Some(0.5),
        _ => entry.fill = Some(0.9),
    }
    entry
}

/// Joins an entry with that of the same label.
pub(crate) fn merge(entries: &mut Vec<Entry>, new: Entry) {
    match entries.iter_mut().find(|e| e.label == new.label) {
        Some(known) => {
            known.line = known.line.or(new.line);
            known.marker = known.marker.or(new.marker);
            known.fill = known.fill.or(new.fill);
        }
        None => entries.push(new),
    }
}

fn entry_width(entry: &Entry) -> Result<f64, String> {
    Ok(SWATCH + GAP + text_width(&entry.label, LEGEND_EM, Weight::Normal)?)
}

/// Width and height of a legend with one entry per row.
pub(crate) fn column_size(entries: &[Entry]) -> Result<(f64, f64), String> {
    let mut width = 0.0_f64;
    for entry in entries {
        width = width.max(entry_width(entry)?);
    }
    Ok((width, ROW * entries.len() as f64))
}

/// Sets entries below each other from the top left corner.
pub(crate) fn column(entries: &[Entry], corner: Point) -> Vec<Item> {
    entries
        .iter()
        .enumerate()
        .flat_map(|(i, e)| set(e, Point::new(corner.x, corner.y + ROW * i as f64)))
        .collect()
}

/// Breaks entries into centred rows no wider than `room`.
fn flow(entries: &[Entry], room: f64) -> Result<Vec<(f64, Vec<usize>)>, String> {
    let mut rows: Vec<(f64, Vec<usize>)> = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let width = entry_width(entry)?;
        match rows.last_mut() {
            Some((used, row)) if *used + BETWEEN + width <= room => {
                *used += BETWEEN + width;
                row.push(i);
            }
            _ => rows.push((width, vec![i])),
        }
    }
    Ok(rows)
}

/// Height of a legend set in rows.
pub(crate) fn rows_height(entries: &[Entry], room: f64) -> Result<f64, String> {
    Ok(ROW * flow(entries, room)?.len() as f64)
}

/// Sets entries in rows inside `area`, from its left edge or centred.
pub(crate) fn rows(entries: &[Entry], area: Rect, centred: bool) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for (number, (used, row)) in flow(entries, area.width())?.into_iter().enumerate() {
        let mut x = area.left;
        if centred {
            x += (area.width() - used) / 2.0;
        }
        for index in row {
            let top = area.top + ROW * number as f64;
            items.extend(set(&entries[index], Point::new(x, top)));
            x += entry_width(&entries[index])? + BETWEEN;
        }
    }
    Ok(items)
}

/// One entry: sample and name.
fn set(entry: &Entry, corner: Point) -> Vec<Item> {
    let middle = corner.y + ROW / 2.0;
    let (left, right) = (corner.x, corner.x + SWATCH);
    let mut items = Vec::new();
    if let Some(opacity) = entry.fill {
        items.push(Item::Polygon {
            points: Rect::new(left, middle - 5.0, right, middle + 5.0).polygon(),
            colour: entry.colour,
            opacity,
        });
    }
    if let Some(dash) = entry.line {
        items.push(Item::Polyline {
            points: vec![Point::new(left, middle), Point::new(right, middle)],
            colour: entry.colour,
            width: 1.75,
            dash: dash.pattern(),
        });
    }
    if let Some(shape) = entry.marker {
        let centre = Point::new((left + right) / 2.0, middle);
        items.extend(marker(shape, centre, entry.colour));
    }
    let baseline = middle + CAPITAL_EM * LEGEND_EM / 2.0;
    let at = Point::new(right + GAP, baseline);
    items.push(Item::Text(Label::new(&entry.label, at, LEGEND_EM, Colour::INK)));
    items
}
