//! Draws frames, grid lines, ticks, captions and colour bars.

use super::axis::Scale;
use super::colour::{Colour, Colours, Dash};
use super::font::{CAPITAL_EM, LEADING_EM};
use super::geometry::{Point, Rect};
use super::layout::{
    BAR_GAP, BAR_WIDTH, CAPTION_EM, CAPTION_GAP, Laid, PANEL_TITLE_EM, Plan, Ruler, TICK, TICK_EM, TICK_GAP,
};
use super::legend::look_of;
use super::mark::Side;
use super::scene::{Align, Item, Label};

const FRAME_WIDTH: f64 = 1.0;

/// Grid lines at the labelled ticks.
pub(crate) fn grid(plan: &Plan<'_>, laid: &Laid) -> Vec<Item> {
    if plan.grid().is_some() {
        return Vec::new();
    }
    let plot = laid.plot;
    let mut items = Vec::new();
    let category = |scale: &Scale| matches!(scale, Scale::Category(_));
    if !category(&plan.panel.x.scale) {
        for x in places(&laid.x, plot.left, plot.width()) {
            let (top, bottom) = (Point::new(x, plot.top), Point::new(x, plot.bottom));
            items.push(Item::line(top, bottom, Colour::GRID, 0.75));
        }
    }
    for y in places(&laid.y, plot.bottom, -plot.height()) {
        let (left, right) = (Point::new(plot.left, y), Point::new(plot.right, y));
        items.push(Item::line(left, right, Colour::GRID, 0.75));
    }
    items.extend(strips(laid));
    items
}

/// The lines that part the zeros of a logarithmic axis from its other values.
fn strips(laid: &Laid) -> Vec<Item> {
    let plot = laid.plot;
    let parted = |from: Point, to: Point| Item::Polyline {
        points: vec![from, to],
        colour: Colour::GREY,
        width: 0.75,
        dash: Dash::Dotted.pattern(),
    };
    let across = laid.x.projection.strip_end().map(|end| plot.left + end * plot.width());
    let up = laid
        .y
        .projection
        .strip_end()
        .map(|end| plot.bottom - end * plot.height());
    let upright = across.map(|x| parted(Point::new(x, plot.top), Point::new(x, plot.bottom)));
    let level = up.map(|y| parted(Point::new(plot.left, y), Point::new(plot.right, y)));
    upright.into_iter().chain(level).collect()
}

/// Page positions of the labelled ticks.
fn places(ruler: &Ruler, start: f64, length: f64) -> Vec<f64> {
    let labelled = ruler.ticks.labelled.iter();
    labelled
        .filter_map(|t| ruler.projection.place(t.value))
        .map(|p| start + p * length)
        .collect()
}

/// Frame, ticks, labels, captions and the panel's title.
pub(crate) fn axes(plan: &Plan<'_>, laid: &Laid, colours: &mut Colours) -> Vec<Item> {
    let plot = laid.plot;
    let mut items = Vec::new();
    let frame =
        |a: (f64, f64), b: (f64, f64)| Item::line(Point::new(a.0, a.1), Point::new(b.0, b.1), Colour::INK, FRAME_WIDTH);
    items.push(frame((plot.left, plot.bottom), (plot.right, plot.bottom)));
    items.push(frame((plot.left, plot.top), (plot.left, plot.bottom)));
    if laid.y2.is_some() || laid.bar.is_some() {
        items.push(frame((plot.right, plot.top), (plot.right, plot.bottom)));
    }
    across(&mut items, &laid.x, &plot);
    let left = side_colour(plan, Side::Left, colours);
    upward(&mut items, &laid.y, (plot.left, -1.0), &plot, left);
    if let Some(ruler) = &laid.y2 {
        let right = side_colour(plan, Side::Right, colours);
        upward(&mut items, ruler, (plot.right, 1.0), &plot, right);
    }
    if let Some(ruler) = &laid.bar {
        colour_bar(&mut items, ruler, &plot);
    }
    title(&mut items, laid);
    items
}

/// On twin axes the colour of the only series of a side, so that readers find its axis.
fn side_colour(plan: &Plan<'_>, side: Side, colours: &mut Colours) -> Colour {
    if plan.panel.y2.is_none() {
        return Colour::INK;
    }
    let on_side = plan.panel.marks.iter().filter(|m| m.side == side);
    let mut found: Vec<Colour> = on_side
        .filter(|m| !m.labels_itself())
        .map(|m| look_of(m, colours).colour)
        .collect();
    found.dedup();
    match found[..] {
        [only] if only.luminance() < 0.3 => only,
        _ => Colour::INK,
    }
}

fn across(items: &mut Vec<Item>, ruler: &Ruler, plot: &Rect) {
    let stroke = |x: f64, length: f64| {
        let from = Point::new(x, plot.bottom);
        Item::line(from, Point::new(x, plot.bottom + length), Colour::INK, FRAME_WIDTH)
    };
    for value in &ruler.ticks.minor {
        if let Some(place) = ruler.projection.place(*value) {
            items.push(stroke(plot.left + place * plot.width(), TICK * 0.6));
        }
    }
    for tick in &ruler.ticks.labelled {
        let Some(place) = ruler.projection.place(tick.value) else {
            continue;
        };
        let x = plot.left + place * plot.width();
        items.push(stroke(x, TICK));
        let top = plot.bottom + TICK + TICK_GAP;
        for (i, line) in tick.lines.iter().enumerate() {
            items.push(Item::Text(if ruler.ticks.upright {
                let middle = (tick.lines.len() - 1) as f64 / 2.0;
                let shift = CAPITAL_EM / 2.0 + LEADING_EM * (i as f64 - middle);
                let at = Point::new(x + TICK_EM * shift, top);
                Label::new(line, at, TICK_EM, Colour::INK).align(Align::End).upright()
            } else {
                let baseline = top + TICK_EM * (0.8 + LEADING_EM * i as f64);
                Label::new(line, Point::new(x, baseline), TICK_EM, Colour::INK).align(Align::Middle)
            }));
        }
    }
    let top = plot.bottom + TICK + TICK_GAP + ruler.label_room + CAPTION_GAP;
    for (i, line) in ruler.caption.iter().enumerate() {
        let baseline = top + CAPTION_EM * (0.8 + LEADING_EM * i as f64);
        let at = Point::new(plot.centre().x, baseline);
        let label = Label::new(line, at, CAPTION_EM, Colour::INK).align(Align::Middle);
        items.push(Item::Text(label));
    }
}

/// Draws an upright axis at `x`; `sign` is −1 where labels stand left of it and 1 where right.
fn upward(items: &mut Vec<Item>, ruler: &Ruler, (x, sign): (f64, f64), plot: &Rect, colour: Colour) {
    let at = |place: f64| plot.bottom - place * plot.height();
    let stroke = |y: f64, length: f64| {
        let (from, to) = (Point::new(x, y), Point::new(x + sign * length, y));
        Item::line(from, to, Colour::INK, FRAME_WIDTH)
    };
    for value in &ruler.ticks.minor {
        if let Some(place) = ruler.projection.place(*value) {
            items.push(stroke(at(place), TICK * 0.6));
        }
    }
    let align = if sign < 0.0 { Align::End } else { Align::Start };
    for tick in &ruler.ticks.labelled {
        let Some(place) = ruler.projection.place(tick.value) else {
            continue;
        };
        items.push(stroke(at(place), TICK));
        let baseline = at(place) + CAPITAL_EM * TICK_EM / 2.0;
        for line in &tick.lines {
            let anchor = Point::new(x + sign * (TICK + TICK_GAP), baseline);
            let label = Label::new(line, anchor, TICK_EM, colour).align(align);
            items.push(Item::Text(label));
        }
    }
    let depth = TICK + TICK_GAP + ruler.label_room + CAPTION_GAP;
    let count = ruler.caption.len();
    for (i, line) in ruler.caption.iter().enumerate() {
        // Lines of upright text follow each other from left to right on both sides.
        let order = if sign < 0.0 { count - 1 - i } else { i };
        let leading = CAPTION_EM * LEADING_EM * order as f64;
        let near = if sign < 0.0 { 0.22 } else { 0.8 } * CAPTION_EM;
        let anchor = Point::new(x + sign * (depth + near + leading), plot.centre().y);
        let label = Label::new(line, anchor, CAPTION_EM, colour)
            .align(Align::Middle)
            .upright();
        items.push(Item::Text(label));
    }
}

fn colour_bar(items: &mut Vec<Item>, ruler: &Ruler, plot: &Rect) {
    let left = plot.right + BAR_GAP;
    let steps = 64;
    for i in 0..steps {
        let (low, high) = (f64::from(i) / f64::from(steps), f64::from(i + 1) / f64::from(steps));
        let bottom = plot.bottom - low * plot.height();
        // Each step reaches under the next, so that no hairline shows between them.
        let top = (plot.bottom - high * plot.height() - 0.5).max(plot.top);
        let step = Rect::new(left, top, left + BAR_WIDTH, bottom);
        let share = f64::from(i) / f64::from(steps - 1);
        items.push(Item::fill(step.polygon(), Colour::ramp(share)));
    }
    upward(items, ruler, (left + BAR_WIDTH, 1.0), plot, Colour::INK);
}

fn title(items: &mut Vec<Item>, laid: &Laid) {
    for (i, line) in laid.title.iter().enumerate() {
        let lines_after = (laid.title.len() - 1 - i) as f64;
        let baseline = laid.plot.top - 9.0 - PANEL_TITLE_EM * LEADING_EM * lines_after;
        let at = Point::new(laid.cell.left + 4.0, baseline);
        let label = Label::new(line, at, PANEL_TITLE_EM, Colour::INK).bold();
        items.push(Item::Text(label));
    }
}
