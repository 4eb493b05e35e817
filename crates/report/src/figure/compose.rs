//! From figure to scene: header, panels, legends and the footnote put together.

use super::Figure;
use super::axes;
use super::colour::{Colour, Colours, Look};
use super::draw::{self, Drawn};
use super::ends;
use super::font::{LEADING_EM, Weight, wrap};
use super::geometry::{Point, Rect};
use super::highlight;
use super::layout::PANEL_TITLE_EM;
use super::layout::{self, LEGEND_GAP, Laid, Place, Plan};
use super::legend::{self, Entry, look_of};
use super::mark::{Mark, Shape, Side, Spread};
use super::notes;
use super::panel::{Legend, Panel};
use super::scene::{Align, Item, Label, Scene, any_meets};

const PAD: f64 = 12.0;
const TITLE_EM: f64 = 15.0;
const SUBTITLE_EM: f64 = 11.5;
const FOOTNOTE_EM: f64 = 9.5;

/// A panel with everything drawn in it.
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    pub laid: Laid,
    /// Items of the marks alone, inside the plot.
    pub marks: Vec<Item>,
    /// Words inside the plot and at the ends of its lines.
    pub words: Vec<Item>,
    /// The legend's box, where it stands inside the plot.
    pub legend: Option<Rect>,
    /// Counts of points without a place, by series, and of those outside the axes.
    dropped: Vec<(String, usize)>,
    outside: usize,
    place: Place,
}

/// A figure's panels in their places, and the height of header and page.
pub(crate) struct Composition<'a> {
    pub plans: Vec<Plan<'a>>,
    pub panels: Vec<Composed>,
    colours: Colours,
    shared: Vec<Entry>,
    header: f64,
    width: f64,
}

/// Composes all panels of a figure.
///
/// # Method
/// Few curves have their names at their ends. Else a legend goes where it covers nothing; if a panel has no such place, its
/// legend moves below and everything is laid out again. So it is with larger panels where the names of a category axis do
/// not stand apart.
pub(crate) fn compose(figure: &Figure) -> Result<Composition<'_>, String> {
    let mut colours = highlight::colours(figure);
    let entries = |panel| highlight::entries(figure, legend::entries(panel, &mut colours));
    let all: Vec<Vec<Entry>> = figure.panels.iter().map(entries).collect();
    let common = shared_legend(figure, &all);
    // A panel that names no series needs no legend either.
    let mut named = figure.panels.iter().zip(&all);
    let mut shared = match named.all(|(panel, entries)| entries.is_empty() || ends::possible(panel, entries)) {
        true => Vec::new(),
        false => common.clone(),
    };
    let mut plans = plans(figure, &all, !shared.is_empty());
    let columns = figure.columns.clamp(1, figure.panels.len().max(1));
    let mut size = (f64::from(figure.panel_size.0), f64::from(figure.panel_size.1));
    loop {
        let width = columns as f64 * size.0 + 2.0 * PAD;
        let header = header_height(figure, &shared, width)?;
        let cells = cells(figure.panels.len(), size.0, size.1, columns, header);
        let laid = layout::lay_out(&plans, &cells, columns)?;
        if let Some(larger) = size_for_names(&laid, size)? {
            size = larger;
            continue;
        }
        let mut panels = Vec::with_capacity(plans.len());
        for (plan, laid) in plans.iter().zip(laid) {
            panels.push(panel(plan, laid, &mut colours)?);
        }
        if settled(&mut plans, &panels, &common, &mut shared) {
            return Ok(Composition {
                plans,
                panels,
                colours,
                shared,
                header,
                width,
            });
        }
    }
}

/// The panels as they are wished: each with its names or its legend in the first place that may do.
fn plans<'a>(figure: &'a Figure, all: &[Vec<Entry>], shared: bool) -> Vec<Plan<'a>> {
    let place = |panel: &Panel, entries: &[Entry]| match panel.legend {
        Legend::Auto | Legend::Below if shared => Place::Hidden,
        Legend::Auto if ends::possible(panel, entries) => Place::Ends,
        Legend::Auto => Place::Inside,
        Legend::Right => Place::Right,
        Legend::Below => Place::Below,
        Legend::None => Place::Hidden,
    };
    let panels = figure.panels.iter().zip(all).zip(draw::projections(&figure.panels));
    panels
        .map(|((panel, entries), projections)| {
            let place = place(panel, entries);
            Plan::new(panel, &figure.panels, projections, entries.clone(), place)
        })
        .collect()
}

/// Takes over the places that the panels found for their names; true where these are the ones that were planned.
///
/// Panels of the same series have their names all at the ends of lines, or one legend in common.
fn settled(plans: &mut [Plan<'_>], panels: &[Composed], common: &[Entry], shared: &mut Vec<Entry>) -> bool {
    let mut settled = true;
    let mut homeless = false;
    for (plan, composed) in plans.iter_mut().zip(panels) {
        homeless |= plan.place == Place::Ends && composed.place != Place::Ends;
        settled &= plan.place == composed.place;
        plan.place = composed.place;
    }
    if homeless && !common.is_empty() {
        *shared = common.to_vec();
        plans.iter_mut().for_each(|plan| plan.place = Place::Hidden);
    }
    settled
}

/// The most series that one legend names for panels of which none has another's.
const FEW: usize = 6;

/// The legend under the title with the series of all panels, where each panel with a legend shows at least half of them, or
/// they are few.
fn shared_legend(figure: &Figure, all: &[Vec<Entry>]) -> Vec<Entry> {
    let panels = figure.panels.iter().zip(all);
    let named: Vec<_> = panels.filter(|(_, entries)| !entries.is_empty()).collect();
    let mut union = Vec::new();
    for entry in named.iter().flat_map(|(_, entries)| *entries) {
        legend::merge(&mut union, entry.clone());
    }
    let alike = |(panel, entries): &(&Panel, &Vec<Entry>)| {
        matches!(panel.legend, Legend::Auto | Legend::Below) && (2 * entries.len() >= union.len() || union.len() <= FEW)
    };
    let overlap = named.windows(2).all(|two| {
        two[0]
            .1
            .iter()
            .any(|entry| two[1].1.iter().any(|other| other.label == entry.label))
    });
    match named.len() > 1 && (overlap || union.len() <= FEW) && named.iter().all(alike) {
        true => union,
        false => Vec::new(),
    }
}

fn header_lines(figure: &Figure, width: f64) -> Result<[Vec<String>; 2], String> {
    let room = width - 2.0 * PAD;
    Ok([
        wrap(&figure.title, TITLE_EM, Weight::Bold, room)?,
        wrap(&spread_words(figure), SUBTITLE_EM, Weight::Normal, room)?,
    ])
}

/// The subtitle with the names of what bands and whiskers span, where it does not name them itself.
fn spread_words(figure: &Figure) -> String {
    let marks = || {
        figure
            .panels
            .iter()
            .flat_map(|panel| &panel.marks)
            .filter(|mark| spans(mark))
    };
    let mut spreads: Vec<Spread> = marks().filter_map(|mark| mark.spread).collect();
    spreads.sort_unstable();
    spreads.dedup();
    let boxes = marks().any(|mark| matches!(mark.shape, Shape::Boxes(_)));
    let mut named: Vec<&str> = spreads.into_iter().filter_map(Spread::words).collect();
    named.extend(boxes.then_some("boxes: quartiles, whiskers: least to largest"));
    named.retain(|words| !figure.subtitle.contains(words));
    let parts = [figure.subtitle.clone(), named.join(", ")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// Whether a mark spans anything: with one seed no band is wider than its line.
fn spans(mark: &Mark) -> bool {
    match &mark.shape {
        Shape::Band(points) | Shape::ErrorBars(points) => points.iter().any(|(_, low, high)| low < high),
        Shape::Intervals(points) => points.iter().any(|(low, _, high, _)| low < high),
        Shape::Bars(bars) => bars.iter().any(|bar| bar.2.is_some_and(|(low, high)| low < high)),
        _ => true,
    }
}

fn header_height(figure: &Figure, shared: &[Entry], width: f64) -> Result<f64, String> {
    let [title, subtitle] = header_lines(figure, width)?;
    let mut height = PAD + LEADING_EM * TITLE_EM * title.len() as f64;
    height += LEADING_EM * SUBTITLE_EM * subtitle.len() as f64 + 6.0;
    if !shared.is_empty() {
        height += legend::rows_height(shared, width - 2.0 * PAD)? + 4.0;
    }
    Ok(height)
}

/// The panel size at which all names of category axes stand apart, where this one is too small for them.
fn size_for_names(laid: &[Laid], size: (f64, f64)) -> Result<Option<(f64, f64)>, String> {
    let most = |lacks: &dyn Fn(&Laid) -> f64| laid.iter().map(lacks).fold(0.0, f64::max);
    let across = most(&|l| l.x.ticks.short_of).ceil();
    let up = most(&|l| {
        l.y.ticks
            .short_of
            .max(l.y2.as_ref().map_or(0.0, |y2| y2.ticks.short_of))
    })
    .ceil();
    if across == 0.0 && up == 0.0 {
        return Ok(None);
    }
    let (width, height) = (size.0 + across, size.1 + up);
    let limit = f64::from(super::LARGEST_PANEL);
    if width > limit || height > limit {
        return Err(format!(
            "its categories need a panel of {width} × {height} pixels, which is more than {limit}; show fewer of them"
        ));
    }
    Ok(Some((width, height)))
}

fn cells(panels: usize, width: f64, height: f64, columns: usize, header: f64) -> Vec<Rect> {
    (0..panels)
        .map(|i| {
            let left = PAD + (i % columns) as f64 * width;
            let top = header + (i / columns) as f64 * height;
            Rect::new(left + 4.0, top, left + width - 4.0, top + height)
        })
        .collect()
}

/// Draws one panel and looks for the places of names, words and legend.
fn panel(plan: &Plan<'_>, laid: Laid, colours: &mut Colours) -> Result<Composed, String> {
    let (drawn, dropped) = drawn(plan, &laid, colours);
    let outside = drawn.outside;
    let names = match plan.place {
        Place::Ends => ends::names(plan, &laid, &drawn)?,
        _ => None,
    };
    let mut place = match plan.place {
        Place::Ends if names.is_none() => Place::Inside,
        place => place,
    };
    let words = words(plan, &laid, &drawn, names.unwrap_or_default(), colours)?;
    let marks = drawn.into_items();
    let mut legend = None;
    if place == Place::Inside {
        legend = free_corner(&plan.entries, &laid.plot, [&marks, &words])?;
        if legend.is_none() {
            place = Place::Below;
        }
    }
    Ok(Composed {
        laid,
        marks,
        words,
        legend,
        dropped,
        outside,
        place,
    })
}

/// All marks of a panel, and the counts of their points without a place, by series.
fn drawn(plan: &Plan<'_>, laid: &Laid, colours: &mut Colours) -> (Drawn, Vec<(String, usize)>) {
    let mut all = Drawn::default();
    let mut dropped: Vec<(String, usize)> = Vec::new();
    let looks: Vec<Look> = plan.panel.marks.iter().map(|mark| look_of(mark, colours)).collect();
    for index in highlight::back_first(&looks) {
        let (mark, look) = (&plan.panel.marks[index], looks[index]);
        let frame = laid.frame(plan, mark.side);
        let drawn = draw::mark(plan.panel, index, &frame, look, &mut |cause| colours.look(cause));
        if drawn.dropped > 0 {
            let name = mark.series();
            match dropped.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += drawn.dropped,
                None => dropped.push((name.to_owned(), drawn.dropped)),
            }
        }
        all.absorb(drawn);
    }
    (all, dropped)
}

/// The names at the ends of lines, and the words of marks where they cover neither these nor data.
fn words(
    plan: &Plan<'_>,
    laid: &Laid,
    drawn: &Drawn,
    names: Vec<Item>,
    colours: &mut Colours,
) -> Result<Vec<Item>, String> {
    let data = Drawn {
        rules: Vec::new(),
        ..drawn.clone()
    }
    .into_items();
    let mut taken = Vec::new();
    for name in &names {
        if let Item::Text(label) = name {
            taken.push(label.bounds()?);
        }
    }
    let mut words = names;
    for mark in &plan.panel.marks {
        let frame = laid.frame(plan, mark.side);
        words.extend(notes::words(mark, &frame, &data, &drawn.rules, &mut taken, colours)?);
    }
    if drawn.is_empty() && words.is_empty() {
        let at = laid.plot.centre();
        let label = Label::new("no data", at, PANEL_TITLE_EM, Colour::GREY).align(Align::Middle);
        words.push(Item::Text(label));
    }
    Ok(words)
}

/// The first place inside the plot where a legend covers no ink.
fn free_corner(entries: &[Entry], plot: &Rect, layers: [&[Item]; 2]) -> Result<Option<Rect>, String> {
    let (width, height) = legend::column_size(entries)?;
    let room = plot.grown(-LEGEND_GAP * 0.7);
    let (free_x, free_y) = (room.width() - width, room.height() - height);
    if free_x < 0.0 || free_y < 0.0 || height > 0.6 * plot.height() {
        return Ok(None);
    }
    // Corners first, then the middles of the sides; shares of the free room from left and top.
    let places = [
        (1.0, 0.0),
        (0.0, 0.0),
        (1.0, 1.0),
        (0.0, 1.0),
        (0.5, 0.0),
        (0.5, 1.0),
        (1.0, 0.5),
        (0.0, 0.5),
        (0.25, 0.0),
        (0.75, 0.0),
        (0.25, 1.0),
        (0.75, 1.0),
    ];
    for (across, down) in places {
        let (left, top) = (room.left + across * free_x, room.top + down * free_y);
        let rect = Rect::new(left, top, left + width, top + height);
        let near = rect.grown(4.0);
        if !any_meets(layers[0], &near)? && !any_meets(layers[1], &near)? {
            return Ok(Some(rect));
        }
    }
    Ok(None)
}

impl Composition<'_> {
    /// Puts everything into one list, back to front.
    pub(crate) fn scene(mut self, figure: &Figure) -> Result<Scene, String> {
        let mut items = self.header_items(figure)?;
        let mut bottom = self.header;
        for (plan, composed) in self.plans.iter().zip(&self.panels) {
            let laid = &composed.laid;
            bottom = bottom.max(laid.cell.bottom);
            items.extend(axes::grid(plan, laid));
            items.extend(composed.marks.iter().cloned());
            items.extend(axes::axes(plan, laid, &mut self.colours));
            items.extend(panel_legend(plan, composed)?);
            items.extend(composed.words.iter().cloned());
        }
        let notes = wrap(&self.footnote(), FOOTNOTE_EM, Weight::Normal, self.width - 2.0 * PAD)?;
        for line in &notes {
            bottom += FOOTNOTE_EM * LEADING_EM;
            let at = Point::new(PAD, bottom);
            items.push(Item::Text(Label::new(line, at, FOOTNOTE_EM, Colour::GREY)));
        }
        Ok(Scene {
            width: self.width.ceil(),
            height: (bottom + PAD / 2.0).ceil(),
            items,
        })
    }

    fn header_items(&self, figure: &Figure) -> Result<Vec<Item>, String> {
        let [title, subtitle] = header_lines(figure, self.width)?;
        let mut items = Vec::new();
        let mut top = PAD;
        for line in &title {
            let at = Point::new(PAD, top + TITLE_EM * 0.85);
            items.push(Item::Text(Label::new(line, at, TITLE_EM, Colour::INK).bold()));
            top += TITLE_EM * LEADING_EM;
        }
        top += 2.0;
        for line in &subtitle {
            let at = Point::new(PAD, top + SUBTITLE_EM * 0.85);
            items.push(Item::Text(Label::new(line, at, SUBTITLE_EM, Colour::GREY)));
            top += SUBTITLE_EM * LEADING_EM;
        }
        if !self.shared.is_empty() {
            let area = Rect::new(PAD, top + 4.0, self.width - PAD, self.header);
            items.extend(legend::rows(&self.shared, area, false)?);
        }
        Ok(items)
    }

    /// Says what the figure leaves out; empty where it shows everything.
    pub(crate) fn footnote(&self) -> String {
        let mut by_series: Vec<(&str, usize)> = Vec::new();
        for (name, count) in self.panels.iter().flat_map(|p| &p.dropped) {
            match by_series.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += count,
                None => by_series.push((name, *count)),
            }
        }
        let mut parts = Vec::new();
        let total: usize = by_series.iter().map(|(_, count)| count).sum();
        if total > 0 {
            let named: Vec<String> = by_series
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, count)| format!("{name}: {count}"))
                .collect();
            let of = match named.len() {
                0 => String::new(),
                _ => format!(" ({})", named.join(", ")),
            };
            parts.push(format!(
                "{} could not be drawn{of}: not finite, or not positive on a log axis.",
                counted(total)
            ));
        }
        let outside: usize = self.panels.iter().map(|p| p.outside).sum();
        if outside > 0 {
            let verb = if outside == 1 { "lies" } else { "lie" };
            parts.push(format!("{} {verb} outside the axes.", counted(outside)));
        }
        parts.join(" ")
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 point".to_owned(),
        n => format!("{n} points"),
    }
}

fn panel_legend(plan: &Plan<'_>, composed: &Composed) -> Result<Vec<Item>, String> {
    let laid = &composed.laid;
    match (composed.place, composed.legend) {
        (Place::Inside, Some(rect)) => {
            let mut items = vec![Item::Polygon {
                points: rect.grown(3.0).polygon(),
                colour: Colour::WHITE,
                opacity: 0.85,
            }];
            let corner = Point::new(rect.left, rect.top);
            items.extend(legend::column(&plan.entries, corner));
            Ok(items)
        }
        (Place::Right, _) => {
            let (width, _) = legend::column_size(&plan.entries)?;
            let corner = Point::new(laid.cell.right - width, laid.plot.top);
            Ok(legend::column(&plan.entries, corner))
        }
        (Place::Below, _) => {
            let top = laid.plot.bottom + laid.x.depth() + LEGEND_GAP / 2.0 + 2.0;
            let area = Rect::new(laid.cell.left + 4.0, top, laid.cell.right - 4.0, laid.cell.bottom);
            legend::rows(&plan.entries, area, true)
        }
        (Place::Ends | Place::Inside | Place::Hidden, _) => Ok(Vec::new()),
    }
}

/// The contradictions in a panel's description, each as a sentence.
pub(crate) fn faults(panel: &Panel) -> Vec<String> {
    let mut faults = Vec::new();
    if panel.y2.is_none() && panel.marks.iter().any(|m| m.side == Side::Right) {
        faults.push("a mark is read on the right axis, which the panel does not have".to_owned());
    }
    let axes = [Some(&panel.x), Some(&panel.y), panel.y2.as_ref()];
    for axis in axes.into_iter().flatten() {
        if let super::Range::Fixed(low, high) = axis.range {
            let usable = low < high && low.is_finite() && high.is_finite();
            if !usable || (axis.scale.is_log() && low <= 0.0) {
                faults.push(format!(
                    "the axis `{}` has the fixed range {low} to {high}; expected a finite, rising \
                     range, positive on a log scale",
                    axis.label
                ));
            }
        }
    }
    for mark in &panel.marks {
        faults.extend(mismatch(&mark.shape));
    }
    faults
}

fn mismatch(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Histogram { edges, counts } if edges.len() != counts.len() + 1 => Some(format!(
            "a histogram has {} edges for {} counts; expected one edge more than counts",
            edges.len(),
            counts.len()
        )),
        Shape::Heatmap(grid)
            if grid.y_edges.len() != grid.values.len() + 1
                || grid.values.iter().any(|row| grid.x_edges.len() != row.len() + 1) =>
        {
            Some(format!(
                "a heat map of {} rows has {} y edges and {} x edges; expected one edge more than \
                 rows and columns",
                grid.values.len(),
                grid.y_edges.len(),
                grid.x_edges.len()
            ))
        }
        _ => None,
    }
}
