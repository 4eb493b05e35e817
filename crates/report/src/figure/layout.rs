//! Where everything stands on the page: pure geometry, no drawing.

use super::axis::{Axis, Scale};
use super::draw::{Frame, Projections, value_range};
use super::ends;
use super::font::{LEADING_EM, Weight, text_width, wrap};
use super::geometry::Rect;
use super::legend::{self, Entry};
use super::mark::{Grid, Shape, Side};
use super::panel::Panel;
use super::projection::Projection;
use super::ticks::{self, Direction, Ticks};

pub(crate) const PANEL_TITLE_EM: f64 = 12.5;
pub(crate) const CAPTION_EM: f64 = 11.5;
pub(crate) const TICK_EM: f64 = 10.5;
/// Length of a tick, and its distance from the label.
pub(crate) const TICK: f64 = 4.0;
pub(crate) const TICK_GAP: f64 = 3.0;
pub(crate) const CAPTION_GAP: f64 = 6.0;
/// Distance and width of a colour bar.
pub(crate) const BAR_GAP: f64 = 12.0;
pub(crate) const BAR_WIDTH: f64 = 13.0;
pub(crate) const LEGEND_GAP: f64 = 10.0;

/// Where the legend of a panel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// No legend: each line has its name at its end.
    Ends,
    Inside,
    Right,
    Below,
    Hidden,
}

/// A panel with its projections and legend, before it has a place on the page.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub panel: &'a Panel,
    pub x: Projection,
    pub y: Projection,
    pub y2: Option<Projection>,
    /// The x axis, with ticks at the data where they are few.
    x_axis: Axis,
    pub entries: Vec<Entry>,
    pub place: Place,
}

/// The most values of an axis that all get a tick.
const FEW: usize = 8;

impl<'a> Plan<'a> {
    /// Plans one of a figure's panels.
    pub(crate) fn new(
        panel: &'a Panel,
        all: &[Panel],
        projections: Projections,
        entries: Vec<Entry>,
        place: Place,
    ) -> Self {
        let Projections { x, y, y2 } = projections;
        let place = if entries.is_empty() { Place::Hidden } else { place };
        Self {
            panel,
            x_axis: with_ticks_at_data(panel, all),
            x,
            y,
            y2,
            entries,
            place,
        }
    }

    /// The matrix whose colour bar stands beside the panel.
    pub(crate) fn grid(&self) -> Option<&'a Grid> {
        self.panel.marks.iter().find_map(|m| match &m.shape {
            Shape::Heatmap(grid) => Some(grid),
            _ => None,
        })
    }
}

/// The x axis of a panel; where the points and bars of all panels that share it stand at few places with brief numbers, such
/// as settings have and means have not, these are its ticks.
fn with_ticks_at_data(panel: &Panel, all: &[Panel]) -> Axis {
    let mut axis = panel.x.clone();
    let key = axis.shared_by();
    let shares = |other: &&Panel| std::ptr::eq(*other, panel) || (key.is_some() && other.x.shared_by() == key);
    let marks = all.iter().filter(shares).flat_map(|panel| &panel.marks);
    let mut places: Vec<f64> = marks.flat_map(|mark| mark.shape.places()).collect();
    places.retain(|place| place.is_finite());
    places.sort_by(f64::total_cmp);
    places.dedup();
    let few = (2..=FEW).contains(&places.len()) && places.iter().copied().all(is_brief);
    if axis.ticks.is_none() && few && !matches!(axis.scale, Scale::Category(_)) {
        axis.at_data = true;
        axis.ticks = Some(places);
    }
    axis
}

/// Whether a number is whole or has at most three digits.
fn is_brief(number: f64) -> bool {
    let written = format!("{:e}", number.abs());
    let digits = written.chars().take_while(|c| *c != 'e').filter(char::is_ascii_digit);
    number.fract() == 0.0 || digits.count() <= 3
}

/// An axis with its ticks and caption, ready to draw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ruler {
    pub projection: Projection,
    pub ticks: Ticks,
    pub caption: Vec<String>,
    /// Room for tick labels, across the axis.
    pub label_room: f64,
}

impl Ruler {
    fn new(axis: &Axis, projection: &Projection, direction: Direction, length: f64) -> Result<Self, String> {
        let ticks = ticks::choose(axis, projection, direction, length, TICK_EM)?;
        let mut label_room = 0.0_f64;
        for line in ticks.labelled.iter().flat_map(|t| &t.lines) {
            label_room = label_room.max(text_width(line, TICK_EM, Weight::Normal)?);
        }
        if direction == Direction::Across && !ticks.upright {
            let lines = ticks.labelled.iter().map(|t| t.lines.len()).max();
            label_room = TICK_EM * (1.0 + LEADING_EM * (lines.unwrap_or(1).max(1) - 1) as f64);
        }
        Ok(Self {
            projection: projection.clone(),
            ticks,
            caption: wrap(&axis.caption(), CAPTION_EM, Weight::Normal, length)?,
            label_room,
        })
    }

    /// Room for ticks, labels and caption, across the axis.
    pub(crate) fn depth(&self) -> f64 {
        TICK + TICK_GAP + self.label_room + self.caption_depth()
    }

    fn caption_depth(&self) -> f64 {
        match self.caption.len() {
            0 => 0.0,
            n => CAPTION_GAP + CAPTION_EM * (1.0 + LEADING_EM * (n - 1) as f64),
        }
    }
}

/// A panel in its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Laid {
    pub cell: Rect,
    pub plot: Rect,
    pub title: Vec<String>,
    pub x: Ruler,
    pub y: Ruler,
    pub y2: Option<Ruler>,
    pub bar: Option<Ruler>,
}

impl Laid {
    /// The plot with the projections of the marks of one side.
    pub(crate) fn frame(&self, plan: &Plan<'_>, side: Side) -> Frame {
        let y = match (side, &plan.y2) {
            (Side::Right, Some(y2)) => y2,
            _ => &plan.y,
        };
        Frame {
            plot: self.plot,
            x: plan.x.clone(),
            y: y.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Insets {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Insets {
    fn plot(&self, cell: &Rect) -> Rect {
        // However much surrounds it, something of the plot remains.
        let left = (cell.left + self.left).min(cell.right - 40.0);
        let top = (cell.top + self.top).min(cell.bottom - 40.0);
        Rect::new(
            left,
            top,
            (cell.right - self.right).max(left + 30.0),
            (cell.bottom - self.bottom).max(top + 30.0),
        )
    }
}

/// Places panels in their cells.
///
/// # Method
/// Ticks need the plot's size and the plot needs the room for tick labels; three rounds settle both.
/// Panels of a column share left and right edges, panels of a row top and bottom edges.
pub(crate) fn lay_out(plans: &[Plan<'_>], cells: &[Rect], columns: usize) -> Result<Vec<Laid>, String> {
    let guess = Insets {
        left: 55.0,
        right: 20.0,
        top: 28.0,
        bottom: 45.0,
    };
    let mut insets = vec![guess; plans.len()];
    for _ in 0..3 {
        let mut wanted = Vec::with_capacity(plans.len());
        for ((plan, cell), inset) in plans.iter().zip(cells).zip(&insets) {
            let laid = laid(plan, cell, inset)?;
            wanted.push(surroundings(plan, &laid)?);
        }
        insets = aligned(&wanted, columns);
    }
    plans
        .iter()
        .zip(cells)
        .zip(&insets)
        .map(|((plan, cell), inset)| laid(plan, cell, inset))
        .collect()
}

fn laid(plan: &Plan<'_>, cell: &Rect, insets: &Insets) -> Result<Laid, String> {
    let plot = insets.plot(cell);
    let up = |axis: &Axis, p: &Projection| Ruler::new(axis, p, Direction::Up, plot.height());
    let panel = plan.panel;
    let y2 = match (&panel.y2, &plan.y2) {
        (Some(axis), Some(projection)) => Some(up(axis, projection)?),
        _ => None,
    };
    let bar = match plan.grid() {
        Some(grid) => {
            let (low, high) = value_range(grid);
            let projection = Projection {
                low,
                high,
                ..Projection::default()
            };
            Some(up(&Axis::linear(&grid.caption), &projection)?)
        }
        None => None,
    };
    Ok(Laid {
        cell: *cell,
        plot,
        title: wrap(&panel.title, PANEL_TITLE_EM, Weight::Bold, cell.width() - 8.0)?,
        x: Ruler::new(&plan.x_axis, &plan.x, Direction::Across, plot.width())?,
        y: up(&panel.y, &plan.y)?,
        y2,
        bar,
    })
}

/// Room that a panel needs around its plot.
fn surroundings(plan: &Plan<'_>, laid: &Laid) -> Result<Insets, String> {
    let title = PANEL_TITLE_EM * LEADING_EM * laid.title.len() as f64;
    let mut right = overhang(laid)? + 4.0;
    if let Some(ruler) = &laid.y2 {
        right = right.max(ruler.depth() + 4.0);
    }
    if let Some(ruler) = &laid.bar {
        right = right.max(BAR_GAP + BAR_WIDTH + ruler.depth() + 4.0);
    }
    let mut bottom = laid.x.depth() + 10.0;
    match plan.place {
        Place::Right => right += LEGEND_GAP + legend::column_size(&plan.entries)?.0,
        Place::Below => {
            let room = laid.cell.width() - 8.0;
            bottom += LEGEND_GAP / 2.0 + legend::rows_height(&plan.entries, room)?;
        }
        Place::Ends => right = right.max(ends::reach(plan, laid)? + 4.0),
        Place::Inside | Place::Hidden => {}
    }
    Ok(Insets {
        left: laid.y.depth() + 4.0,
        right,
        top: title + 10.0,
        bottom,
    })
}

/// How far the last label of the x axis reaches beyond the plot.
fn overhang(laid: &Laid) -> Result<f64, String> {
    let mut most = 6.0_f64;
    if laid.x.ticks.upright {
        return Ok(most);
    }
    for tick in &laid.x.ticks.labelled {
        let place = laid.x.projection.place(tick.value).unwrap_or(0.0);
        for line in &tick.lines {
            let half = text_width(line, TICK_EM, Weight::Normal)? / 2.0;
            most = most.max(half - (1.0 - place) * laid.plot.width());
        }
    }
    Ok(most)
}

/// Insets shared along columns and rows, but for panels whose neighbours need much more room.
fn aligned(wanted: &[Insets], columns: usize) -> Vec<Insets> {
    const MOST_GIVEN_UP: f64 = 40.0;
    let share = |own: &Insets, pick: fn(&Insets) -> f64, same: &dyn Fn(usize) -> bool| {
        let limit = pick(own) + MOST_GIVEN_UP;
        let others = wanted.iter().enumerate().filter(|(j, _)| same(*j));
        others
            .map(|(_, w)| pick(w))
            .filter(|v| *v <= limit)
            .fold(pick(own), f64::max)
    };
    wanted
        .iter()
        .enumerate()
        .map(|(i, own)| {
            let column = |j: usize| j % columns == i % columns;
            let row = |j: usize| j / columns == i / columns;
            Insets {
                left: share(own, |w| w.left, &column),
                right: share(own, |w| w.right, &column),
                top: share(own, |w| w.top, &row),
                bottom: share(own, |w| w.bottom, &row),
            }
        })
        .collect()
}
