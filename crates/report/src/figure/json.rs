//! What a figure shows as data, for a page that draws it again under a reader's hand.

use serde_json::{Value, json};

use super::axis::{Axis, Scale};
use super::colour::{Colour, Colours};
use super::legend::look_of;
use super::mark::{Mark, Shape};
use super::{Figure, Panel};
use crate::page::short;

/// Points of a curve: more cannot be told apart on a page.
const MOST_POINTS: usize = 48;

impl Figure {
    /// The panels with axes and series; `None` where a part has no interactive form (a second y axis, a tree).
    pub(crate) fn to_json(&self) -> Option<Value> {
        let mut colours = self.colours.clone();
        let panels: Option<Vec<Value>> = self.panels.iter().map(|panel| of_panel(panel, &mut colours)).collect();
        Some(json!({ "panels": panels?, "columns": self.columns }))
    }
}

fn of_panel(panel: &Panel, colours: &mut Colours) -> Option<Value> {
    if panel.y2.is_some() {
        return None;
    }
    let marks: Option<Vec<Value>> = panel.marks.iter().map(|mark| of_mark(mark, colours)).collect();
    Some(json!({ "title": panel.title, "x": of_axis(&panel.x), "y": of_axis(&panel.y), "marks": marks? }))
}

fn of_axis(axis: &Axis) -> Value {
    let (scale, names) = match &axis.scale {
        Scale::Linear => ("linear", None),
        Scale::Log2 => ("log2", None),
        Scale::Log10 => ("log10", None),
        Scale::Category(names) => ("names", Some(names)),
    };
    let mut told = json!({ "label": axis.caption(), "scale": scale });
    if let Some(names) = names {
        told["names"] = json!(names);
    }
    told
}

fn of_mark(mark: &Mark, colours: &mut Colours) -> Option<Value> {
    let (kind, points) = points(&mark.shape)?;
    let look = look_of(mark, colours);
    let Colour(red, green, blue) = look.colour;
    let mut told = json!({
        "kind": kind,
        "series": mark.series(),
        "colour": format!("#{red:02x}{green:02x}{blue:02x}"),
        "data": points,
    });
    // What is not there says the usual: a whole line without dots.
    if mark.points {
        told["dots"] = Value::Bool(true);
    }
    if !look.dash.pattern().is_empty() {
        told["dash"] = json!(look.dash.pattern());
    }
    Some(told)
}

fn points(shape: &Shape) -> Option<(&'static str, Value)> {
    let pairs = |kind, points: &[(f64, f64)]| Some((kind, rows(points.iter().map(|p| vec![p.0, p.1]))));
    let triples = |kind, points: &[(f64, f64, f64)]| Some((kind, rows(points.iter().map(|p| vec![p.0, p.1, p.2]))));
    match shape {
        Shape::Line(points) => pairs("line", points),
        Shape::Step(points) => pairs("step", points),
        Shape::Density(points) => pairs("density", points),
        Shape::Scatter(points) => pairs("points", points),
        Shape::StackedBars(points) => pairs("stacked", points),
        Shape::Band(points) => triples("band", points),
        Shape::ErrorBars(points) => triples("interval", points),
        Shape::Intervals(points) => Some(("forest", rows(points.iter().map(|p| vec![p.0, p.1, p.2, p.3])))),
        Shape::Bars(bars) => {
            let row = |bar: &super::Bar| {
                let (low, high) = bar.2.unwrap_or((f64::NAN, f64::NAN));
                vec![bar.0, bar.1, low, high]
            };
            Some(("bars", rows(bars.iter().map(row))))
        }
        Shape::Histogram { edges, counts } => {
            let bins = edges.windows(2).zip(counts);
            Some(("bins", rows(bins.map(|(edge, count)| vec![edge[0], edge[1], *count]))))
        }
        Shape::VerticalLine(x) => Some(("vertical", short(*x))),
        Shape::HorizontalLine(y) => Some(("horizontal", short(*y))),
        Shape::Text(x, y, text) => Some(("text", json!([short(*x), short(*y), text]))),
        Shape::StackedArea(_) | Shape::Heatmap(_) | Shape::Tree(_) | Shape::Boxes(_) => None,
    }
}

/// Rows of numbers, evenly thinned, with first and last.
fn rows(points: impl ExactSizeIterator<Item = Vec<f64>>) -> Value {
    let count = points.len();
    let step = count.div_ceil(MOST_POINTS).max(1);
    let kept = points
        .enumerate()
        .filter(|(place, _)| place % step == 0 || place + 1 == count);
    let row = |values: Vec<f64>| Value::from(values.into_iter().map(short).collect::<Vec<_>>());
    Value::from(kept.map(|(_, values)| row(values)).collect::<Vec<_>>())
}
