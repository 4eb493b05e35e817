//! Plane geometry of the page: points, rectangles, clipping, dashes and thinning.
//!
//! Coordinates are page pixels with the origin at the top left and y pointing down.

/// A position on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub(crate) fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(crate) fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    fn towards(self, other: Self, share: f64) -> Self {
        Self::new(self.x + (other.x - self.x) * share, self.y + (other.y - self.y) * share)
    }
}

/// An axis-parallel rectangle on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    pub(crate) fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    /// The rectangle spanned by two opposite corners in any order.
    pub(crate) fn spanning(a: Point, b: Point) -> Self {
        Self::new(a.x.min(b.x), a.y.min(b.y), a.x.max(b.x), a.y.max(b.y))
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) fn centre(&self) -> Point {
        Point::new((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    pub(crate) fn grown(&self, by: f64) -> Self {
        Self::new(self.left - by, self.top - by, self.right + by, self.bottom + by)
    }

    pub(crate) fn contains(&self, p: Point) -> bool {
        p.x >= self.left && p.x <= self.right && p.y >= self.top && p.y <= self.bottom
    }

    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.left >= self.left && other.right <= self.right && other.top >= self.top && other.bottom <= self.bottom
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn corners(&self) -> [Point; 4] {
        [
            Point::new(self.left, self.top),
            Point::new(self.right, self.top),
            Point::new(self.right, self.bottom),
            Point::new(self.left, self.bottom),
        ]
    }

    /// The polygon of the four corners.
    pub(crate) fn polygon(&self) -> Vec<Point> {
        self.corners().to_vec()
    }
}

/// The part of the segment `a`–`b` inside `rect` (Liang–Barsky), if any.
pub(crate) fn clip_segment(a: Point, b: Point, rect: &Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, a.x - rect.left),
        (dx, rect.right - a.x),
        (-dy, a.y - rect.top),
        (dy, rect.bottom - a.y),
    ];
    for (speed, room) in sides {
        if speed == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            enter = enter.max(room / speed);
        } else {
            leave = leave.min(room / speed);
        }
    }
    (enter <= leave).then(|| (a.towards(b, enter), a.towards(b, leave)))
}

/// The runs of a polyline that lie inside `rect`.
pub(crate) fn clip_polyline(points: &[Point], rect: &Rect) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], rect) else {
            continue;
        };
        match runs.last_mut() {
            Some(run) if run.last() == Some(&from) => run.push(to),
            _ => runs.push(vec![from, to]),
        }
    }
    runs
}

/// The part of a polygon inside `rect` (Sutherland–Hodgman).
pub(crate) fn clip_polygon(points: &[Point], rect: &Rect) -> Vec<Point> {
    type Side = fn(&Rect, Point) -> f64;
    let sides: [Side; 4] = [
        |r, p| p.x - r.left,
        |r, p| r.right - p.x,
        |r, p| p.y - r.top,
        |r, p| r.bottom - p.y,
    ];
    let mut polygon = points.to_vec();
    for side in sides {
        let mut kept = Vec::with_capacity(polygon.len() + 4);
        for (i, &p) in polygon.iter().enumerate() {
            let previous = polygon[(i + polygon.len() - 1) % polygon.len()];
            let (now, before) = (side(rect, p), side(rect, previous));
            if (now >= 0.0) != (before >= 0.0) {
                kept.push(previous.towards(p, before / (before - now)));
            }
            if now >= 0.0 {
                kept.push(p);
            }
        }
        polygon = kept;
    }
    polygon
}

/// True where a segment has a point inside `rect`.
pub(crate) fn segment_meets(a: Point, b: Point, rect: &Rect) -> bool {
    clip_segment(a, b, rect).is_some()
}

/// True where a polygon and `rect` share a point (even–odd rule).
pub(crate) fn polygon_meets(points: &[Point], rect: &Rect) -> bool {
    if points.is_empty() {
        return false;
    }
    let closed = points.iter().zip(points.iter().cycle().skip(1));
    closed.take(points.len()).any(|(&a, &b)| segment_meets(a, b, rect)) || inside_polygon(rect.centre(), points)
}

fn inside_polygon(p: Point, points: &[Point]) -> bool {
    let mut inside = false;
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        if (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    inside
}

/// Cuts a polyline into its dashes; `pattern` alternates drawn and empty lengths.
pub(crate) fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let (mut index, mut left) = (0, pattern[0]);
    let mut runs = Vec::new();
    let mut run = vec![points[0]];
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = from.distance(to);
        while length > left {
            from = from.towards(to, left / length);
            length -= left;
            if index % 2 == 0 {
                run.push(from);
                runs.push(std::mem::take(&mut run));
            } else {
                run = vec![from];
            }
            index = (index + 1) % pattern.len();
            left = pattern[index];
        }
        left -= length;
        if index % 2 == 0 {
            run.push(to);
        }
    }
    if index % 2 == 0 && run.len() > 1 {
        runs.push(run);
    }
    runs
}

/// Thins a left-to-right polyline to what a screen can show.
///
/// # Method
/// Points that fall into one pixel column are replaced by the column's first, lowest, highest and
/// last point, in their order; the drawn line covers the same pixels. Polylines that turn back in x,
/// and those with few points, are left as they are.
pub(crate) fn thin(points: &[Point]) -> Vec<Point> {
    let ascending = points.windows(2).all(|w| w[0].x <= w[1].x);
    if points.len() < 256 || !ascending {
        return points.to_vec();
    }
    let mut kept = Vec::new();
    let mut start = 0;
    while start < points.len() {
        let column = points[start].x.floor();
        let end = start + points[start..].partition_point(|p| p.x.floor() <= column);
        keep_extremes(points, start, end, &mut kept);
        start = end;
    }
    kept
}

fn keep_extremes(points: &[Point], start: usize, end: usize, kept: &mut Vec<Point>) {
    let by_height = |a: &usize, b: &usize| points[*a].y.total_cmp(&points[*b].y);
    let lowest = (start..end).min_by(by_height).unwrap_or(start);
    let highest = (start..end).max_by(by_height).unwrap_or(start);
    let mut indices = vec![start, lowest, highest, end - 1];
    indices.sort_unstable();
    indices.dedup();
    kept.extend(indices.into_iter().map(|i| points[i]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Rect {
        Rect::new(0.0, 0.0, 10.0, 10.0)
    }

    #[test]
    fn a_crossing_segment_is_cut_at_both_sides() {
        // From (−5, 5) to (15, 5): the line enters at x = 0 and leaves at x = 10.
        let (a, b) = clip_segment(Point::new(-5.0, 5.0), Point::new(15.0, 5.0), &unit()).unwrap();
        assert_eq!((a, b), (Point::new(0.0, 5.0), Point::new(10.0, 5.0)));
    }

    #[test]
    fn a_segment_beside_the_rectangle_is_dropped() {
        assert!(clip_segment(Point::new(-5.0, 0.0), Point::new(-1.0, 9.0), &unit()).is_none());
    }

    #[test]
    fn a_clipped_polygon_keeps_the_area_inside() {
        // A 20 × 20 square centred on the corner (10, 10) shares the quarter [0, 10]² with the rectangle.
        let square = Rect::new(0.0, 0.0, 20.0, 20.0).polygon();
        let part = clip_polygon(&square, &unit());
        let area: f64 = (0..part.len())
            .map(|i| {
                let (a, b) = (part[i], part[(i + 1) % part.len()]);
                (a.x * b.y - b.x * a.y) / 2.0
            })
            .sum();
        assert!((area.abs() - 100.0).abs() < 1e-9, "area {area}");
    }

    #[test]
    fn dashes_cover_their_share_of_the_length() {
        // 100 px with 6 drawn, 4 empty: ten dashes of 6 px.
        let line = [Point::new(0.0, 0.0), Point::new(37.0, 0.0), Point::new(100.0, 0.0)];
        let drawn: f64 = dashes(&line, &[6.0, 4.0])
            .iter()
            .map(|run| run[0].distance(run[run.len() - 1]))
            .sum();
        assert!((drawn - 60.0).abs() < 1e-9, "drawn {drawn}");
    }

    #[test]
    fn thinning_keeps_the_extremes_of_every_column() {
        let points: Vec<Point> = (0..10_000)
            .map(|i| Point::new(f64::from(i) / 100.0, if i == 5_050 { 9.0 } else { 0.0 }))
            .collect();
        let kept = thin(&points);
        assert!(kept.len() <= 4 * 100, "{} points kept", kept.len());
        assert!(kept.iter().any(|p| p.y == 9.0));
        assert_eq!(kept.last(), points.last());
    }

    #[test]
    fn a_rectangle_inside_a_polygon_meets_it() {
        let big = Rect::new(-50.0, -50.0, 50.0, 50.0).polygon();
        assert!(polygon_meets(&big, &unit()));
        assert!(!polygon_meets(&big, &Rect::new(60.0, 60.0, 70.0, 70.0)));
    }
}
