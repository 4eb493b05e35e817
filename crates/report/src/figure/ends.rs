//! Names at the ends of lines: where curves are few, they stand in place of a legend.

use std::ops::Range;

use super::colour::Colour;
use super::draw::{Drawn, Frame};
use super::font::{CAPITAL_EM, Weight, text_width};
use super::geometry::{Point, Rect};
use super::layout::{Laid, Plan};
use super::legend::Entry;
use super::mark::{Mark, Shape, Side};
use super::panel::{Legend, Panel};
use super::scene::{Item, Label, any_meets};

/// The most curves of a panel that have their names at their ends.
const MOST: usize = 6;

const EM: f64 = 10.5;

/// The least distance between the middles of two names.
const APART: f64 = EM * 1.25;

/// The distance of a name from the end of its line, which clears a marker.
const AWAY: f64 = 8.0;

/// How far a name may move from the end of its line.
const FARTHEST: f64 = 3.0 * APART;

/// The share of a panel's width that names may take.
const WIDEST: f64 = 0.26;

/// The share of the plot's width within which all lines have to end.
const ABREAST: f64 = 0.12;

/// True where each entry is one curve of a single pair of axes, there are few of them, and no other place is wished.
pub(crate) fn possible(panel: &Panel, entries: &[Entry]) -> bool {
    let single = |entry: &Entry| {
        let mut named = panel.marks.iter().filter(|mark| mark.label == entry.label);
        named.clone().filter(|mark| curve(mark).is_some()).count() == 1
            && named.all(|mark| curve(mark).is_some() || matches!(mark.shape, Shape::Band(_) | Shape::ErrorBars(_)))
    };
    panel.legend == Legend::Auto
        && panel.y2.is_none()
        && (1..=MOST).contains(&entries.len())
        && entries.iter().all(single)
}

/// The points of a mark that joins them.
fn curve(mark: &Mark) -> Option<&[(f64, f64)]> {
    match &mark.shape {
        Shape::Line(points) | Shape::Step(points) => Some(points),
        _ => None,
    }
}

/// The ends of a panel's curves, entry by entry; `None` where one has no end inside the plot, or all are not abreast.
fn ends(plan: &Plan<'_>, frame: &Frame) -> Option<Vec<Point>> {
    let of = |entry: &Entry| {
        let mut named = plan.panel.marks.iter().filter(|mark| mark.label == entry.label);
        end(named.find_map(curve)?, frame)
    };
    let ends: Vec<Point> = plan.entries.iter().map(of).collect::<Option<_>>()?;
    let (first, last) = (leftmost(&ends), rightmost(&ends));
    (last - first <= ABREAST * frame.plot.width()).then_some(ends)
}

/// The right end of a curve: its first or its last point, with nothing of it farther right.
fn end(points: &[(f64, f64)], frame: &Frame) -> Option<Point> {
    let placed: Vec<Point> = points.iter().filter_map(|(x, y)| frame.at(*x, *y)).collect();
    let (first, last) = (*placed.first()?, *placed.last()?);
    let end = if first.x > last.x { first } else { last };
    let inside = frame.plot.grown(0.5).contains(end);
    (inside && placed.len() > 1 && rightmost(&placed) <= end.x).then_some(end)
}

fn leftmost(points: &[Point]) -> f64 {
    points.iter().map(|point| point.x).fold(f64::INFINITY, f64::min)
}

fn rightmost(points: &[Point]) -> f64 {
    points.iter().map(|point| point.x).fold(f64::NEG_INFINITY, f64::max)
}

fn widest(entries: &[Entry]) -> Result<f64, String> {
    let mut width = 0.0_f64;
    for entry in entries {
        width = width.max(text_width(&entry.label, EM, Weight::Normal)?);
    }
    Ok(width)
}

/// How far the names reach beyond the right edge of the plot.
pub(crate) fn reach(plan: &Plan<'_>, laid: &Laid) -> Result<f64, String> {
    let frame = laid.frame(plan, Side::Left);
    let from = ends(plan, &frame).map_or(laid.plot.right, |ends| rightmost(&ends));
    Ok((from + AWAY + widest(&plan.entries)? - laid.plot.right).max(0.0))
}

/// The names of a panel's curves, with leaders to those that had to move; `None` where they find no place.
///
/// # Method
/// All names stand in one column right of the last end. They keep the order of the ends and move as little as possible,
/// by least squares; none may cover a line or a point, move farther than three rows, or take a quarter of the panel.
pub(crate) fn names(plan: &Plan<'_>, laid: &Laid, drawn: &Drawn) -> Result<Option<Vec<Item>>, String> {
    let frame = laid.frame(plan, Side::Left);
    let width = widest(&plan.entries)?;
    let Some(ends) = ends(plan, &frame).filter(|_| width <= WIDEST * laid.cell.width()) else {
        return Ok(None);
    };
    let heights: Vec<f64> = ends.iter().map(|end| end.y).collect();
    let Some(rows) = spread(&heights, APART, &(laid.plot.top..laid.plot.bottom)) else {
        return Ok(None);
    };
    let left = rightmost(&ends) + AWAY;
    let mut items = Vec::new();
    for ((entry, end), row) in plan.entries.iter().zip(&ends).zip(rows) {
        let colour = entry.colour.legible();
        let at = Point::new(left, row + CAPITAL_EM * EM / 2.0);
        let label = Label::new(&entry.label, at, EM, colour);
        let bounds = label.bounds()?;
        let covers = any_meets(&drawn.lines, &bounds)? || any_meets(&drawn.points, &bounds)?;
        if covers || (row - end.y).abs() > FARTHEST || !laid.cell.holds(&bounds) {
            return Ok(None);
        }
        items.extend(backing(drawn, &bounds)?);
        items.extend(leader(*end, Point::new(left, row), entry.colour));
        items.push(Item::Text(label));
    }
    Ok(Some(items))
}

/// White paper under a name that would stand on an area or a reference line.
fn backing(drawn: &Drawn, bounds: &Rect) -> Result<Option<Item>, String> {
    let covers = any_meets(&drawn.fills, bounds)? || any_meets(&drawn.rules, bounds)?;
    Ok(covers.then(|| Item::Polygon {
        points: bounds.grown(1.0).polygon(),
        colour: Colour::WHITE,
        opacity: 0.85,
    }))
}

/// A thin line from the end of a curve to its name, where the name does not stand beside it.
fn leader(end: Point, name: Point, colour: Colour) -> Option<Item> {
    let beside = (name.y - end.y).abs() < 2.0 && name.x - end.x < AWAY + 2.0;
    let (from, to) = (Point::new(end.x + 3.0, end.y), Point::new(name.x - 1.5, name.y));
    (!beside).then(|| Item::line(from, to, colour, 0.75))
}

/// Moves places at least `apart` from each other, inside the limits, and as little as possible (least squares).
///
/// # Method
/// With the k-th place moved back by k times the distance, the order is all that has to hold: neighbours that break it
/// are pooled at their mean.
fn spread(places: &[f64], apart: f64, limits: &Range<f64>) -> Option<Vec<f64>> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let (first, last) = (
        limits.start + apart / 2.0,
        limits.end - apart / 2.0 - apart * (places.len() as f64 - 1.0),
    );
    if first > last {
        return None;
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, place) in order.iter().enumerate() {
        let mut pool = (places[*place] - apart * rank as f64, 1);
        while let Some((mean, count)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let all = count + pool.1;
            pool = ((mean * count as f64 + pool.0 * pool.1 as f64) / all as f64, all);
        }
        pools.push(pool);
    }
    let pooled = pools
        .iter()
        .flat_map(|(mean, count)| std::iter::repeat_n(*mean, *count));
    let mut moved = vec![0.0; places.len()];
    for ((rank, place), mean) in order.into_iter().enumerate().zip(pooled) {
        moved[place] = mean.clamp(first, last) + apart * rank as f64;
    }
    Some(moved)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compose::compose;
    use super::super::layout::Place;
    use super::super::{Axis, Figure};
    use super::*;

    fn figure(ends: &[f64], name: &str) -> Figure {
        let panel = Panel::new("", Axis::linear("Epoch"), Axis::linear("Loss").range(0.0, 1.0));
        let curves = ends.iter().enumerate().map(|(k, end)| {
            let points = (0..=10).map(|x| (f64::from(x), end + (0.5 - end) * (1.0 - f64::from(x) / 10.0)));
            Mark::line(points).label(format!("{name} {k}"))
        });
        Figure::new("ends", "Ends").panel(panel.marks(curves))
    }

    /// The boxes of the words in the first panel, and its cell.
    fn words(figure: &Figure) -> (Place, Vec<(String, Rect)>, Rect) {
        let composed = compose(figure).unwrap();
        let words = composed.panels[0].words.iter().filter_map(|item| match item {
            Item::Text(label) => Some((label.text.clone(), label.bounds().unwrap())),
            _ => None,
        });
        (composed.plans[0].place, words.collect(), composed.panels[0].laid.cell)
    }

    #[test]
    fn few_curves_are_named_at_their_ends_in_their_order() {
        let (place, words, _) = words(&figure(&[0.2, 0.9, 0.5], "arm"));
        assert_eq!(place, Place::Ends);
        let mut by_height = words.clone();
        by_height.sort_by(|a, b| a.1.top.total_cmp(&b.1.top));
        let order: Vec<&str> = by_height.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["arm 1", "arm 2", "arm 0"]);
    }

    #[test]
    fn curves_that_meet_are_told_apart_by_leaders() {
        let figure = figure(&[0.5, 0.5, 0.5], "arm");
        let composed = compose(&figure).unwrap();
        let leaders = composed.panels[0]
            .words
            .iter()
            .filter(|item| matches!(item, Item::Polyline { .. }));
        assert_eq!((composed.plans[0].place, leaders.count()), (Place::Ends, 2));
    }

    #[test]
    fn many_curves_and_wide_names_keep_the_legend() {
        for figure in [
            figure(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "arm"),
            figure(&[0.1, 0.9], "an arm whose name is as long as half of the panel"),
        ] {
            let (place, words, _) = words(&figure);
            assert!(place != Place::Ends && words.is_empty(), "{place:?}");
        }
    }

    #[test]
    fn curves_that_end_far_from_each_other_keep_the_legend() {
        let panel = Panel::new("", Axis::linear("Epoch"), Axis::linear("Loss"))
            .mark(Mark::line([(0.0, 0.0), (10.0, 1.0)]).label("long"))
            .mark(Mark::line([(0.0, 1.0), (5.0, 0.2)]).label("short"));
        assert_ne!(words(&Figure::new("f", "F").panel(panel)).0, Place::Ends);
    }

    #[test]
    fn panels_of_the_same_curves_are_all_named_at_their_ends_or_share_one_legend() {
        let with = |name: &str| {
            let one = figure(&[0.2, 0.8], name).panels.remove(0);
            let other = figure(&[0.5, 0.5], name).panels.remove(0);
            compose(&Figure::new("f", "F").panel(one).panel(other))
                .unwrap()
                .plans
                .iter()
                .map(|plan| plan.place)
                .collect::<Vec<_>>()
        };
        assert_eq!(with("arm"), [Place::Ends; 2]);
        assert_eq!(with("an arm whose name is too long for the margin"), [Place::Hidden; 2]);
    }

    #[test]
    fn places_that_stand_apart_stay_and_others_move_as_little_as_possible() {
        assert_eq!(spread(&[30.0, 10.0], 5.0, &(0.0..40.0)), Some(vec![30.0, 10.0]));
        assert_eq!(
            spread(&[20.0, 20.0, 20.0], 4.0, &(0.0..40.0)),
            Some(vec![16.0, 20.0, 24.0])
        );
        assert_eq!(spread(&[0.0, 1.0], 4.0, &(0.0..40.0)), Some(vec![2.0, 6.0]));
        assert_eq!(spread(&[1.0, 2.0, 3.0], 4.0, &(0.0..10.0)), None);
    }

    proptest! {
        #[test]
        fn names_never_overlap_nor_leave_their_cell(ends in prop::collection::vec(0.0f64..=1.0, 1..=6)) {
            let (place, words, cell) = words(&figure(&ends, "arm"));
            prop_assert!(words.is_empty() || place == Place::Ends);
            for (number, (name, bounds)) in words.iter().enumerate() {
                prop_assert!(cell.holds(bounds), "{name} leaves its cell");
                for (other, there) in &words[number + 1..] {
                    prop_assert!(!bounds.meets(there), "{name} covers {other}");
                }
            }
        }

        #[test]
        fn spread_places_keep_order_distance_and_limits(places in prop::collection::vec(0.0f64..=100.0, 1..=8)) {
            let moved = spread(&places, 12.0, &(0.0..100.0)).unwrap();
            for (a, b) in (0..places.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
                prop_assert!((moved[a] - moved[b]).abs() > 12.0 - 1e-9);
                prop_assert!(places[a] <= places[b] || moved[a] > moved[b]);
            }
            prop_assert!(moved.iter().all(|place| (6.0 - 1e-9..=94.0 + 1e-9).contains(place)));
        }
    }
}
