//! Marks: what a panel draws from estimates.

use super::colour::{Colour, Dash, Marker};
use crate::statistics::quantile;

/// The axis on which a mark's values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The y axis on the left.
    #[default]
    Left,
    /// The second y axis on the right.
    Right,
}

/// Five numbers of a distribution and the single values behind it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoxSummary {
    /// Position on the x axis.
    pub x: f64,
    /// End of the lower whisker.
    pub low: f64,
    /// Lower quartile.
    pub lower_quartile: f64,
    /// Median.
    pub median: f64,
    /// Upper quartile.
    pub upper_quartile: f64,
    /// End of the upper whisker.
    pub high: f64,
    /// Single values drawn beside the box, for example one per seed.
    pub points: Vec<f64>,
}

impl BoxSummary {
    /// Summarises values at a place: quartiles, and whiskers that reach the least and the largest value.
    ///
    /// # Errors
    /// As [`quantile`]: without values, or with one that is not finite.
    pub fn of(x: f64, values: Vec<f64>) -> crate::Result<Self> {
        let level = |level: f64| quantile(&values, level);
        Ok(Self {
            x,
            low: level(0.0)?,
            lower_quartile: level(0.25)?,
            median: level(0.5)?,
            upper_quartile: level(0.75)?,
            high: level(1.0)?,
            points: values,
        })
    }
}

/// One branch of a genealogy or one span of a time-line.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Start, as (x, y).
    pub from: (f64, f64),
    /// End, as (x, y).
    pub to: (f64, f64),
    /// What brought it about: names its colour and its legend entry.
    pub cause: String,
}

/// A matrix of values over a grid of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Cell borders along x: one more than columns.
    pub x_edges: Vec<f64>,
    /// Cell borders along y: one more than rows.
    pub y_edges: Vec<f64>,
    /// Values by row (along y), then column (along x).
    pub values: Vec<Vec<f64>>,
    /// Quantity and unit beside the colour bar.
    pub caption: String,
    /// Values at the two ends of the colour bar; the data's own where absent.
    pub range: Option<(f64, f64)>,
}

/// One bar: position, height, and the interval drawn across its end.
pub type Bar = (f64, f64, Option<(f64, f64)>);

/// Geometry of a mark.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Points joined by straight lines, as (x, y).
    Line(Vec<(f64, f64)>),
    /// Points joined by steps that change at each x.
    Step(Vec<(f64, f64)>),
    /// A translucent area, as (x, low, high).
    Band(Vec<(f64, f64, f64)>),
    /// Single points, as (x, y).
    Scatter(Vec<(f64, f64)>),
    /// Vertical intervals with caps, as (x, low, high).
    ErrorBars(Vec<(f64, f64, f64)>),
    /// Horizontal intervals around a point, as (low, middle, high, y).
    Intervals(Vec<(f64, f64, f64, f64)>),
    /// Bars from zero, as (x, height, interval); several such marks of a panel stand side by side.
    Bars(Vec<Bar>),
    /// Bars upon those of the earlier stacked marks of the panel, as (x, height).
    StackedBars(Vec<(f64, f64)>),
    /// An area upon those of the earlier stacked marks of the panel, as (x, height).
    StackedArea(Vec<(f64, f64)>),
    /// Counts between edges; one edge more than counts.
    Histogram {
        /// Bin borders.
        edges: Vec<f64>,
        /// Count or density of each bin.
        counts: Vec<f64>,
    },
    /// A curve filled down to zero, as (x, density).
    Density(Vec<(f64, f64)>),
    /// A reference line across the panel at one x; its label stands beside it.
    VerticalLine(f64),
    /// A reference line across the panel at one y; its label stands above it.
    HorizontalLine(f64),
    /// Words at a place, as x, y and text.
    Text(f64, f64, String),
    /// A matrix with a colour bar.
    Heatmap(Grid),
    /// Branches coloured by cause.
    Tree(Vec<Segment>),
    /// Box plots with the single values beside them.
    Boxes(Vec<BoxSummary>),
}

impl Shape {
    /// The places along x at which points, whiskers and bars stand; empty for curves without points and for areas.
    pub(crate) fn places(&self) -> Vec<f64> {
        match self {
            Self::Line(points) | Self::Step(points) | Self::Scatter(points) | Self::StackedBars(points) => {
                points.iter().map(|point| point.0).collect()
            }
            Self::ErrorBars(points) => points.iter().map(|point| point.0).collect(),
            Self::Bars(bars) => bars.iter().map(|bar| bar.0).collect(),
            Self::Boxes(boxes) => boxes.iter().map(|one| one.x).collect(),
            Self::Density(points) | Self::StackedArea(points) => points.iter().map(|point| point.0).collect(),
            Self::Histogram { edges, .. } => edges.clone(),
            Self::Band(points) => points.iter().map(|point| point.0).collect(),
            Self::Intervals(points) => points.iter().map(|point| point.1).collect(),
            Self::Tree(segments) => segments.iter().map(|segment| segment.from.0).collect(),
            Self::Heatmap(grid) => grid.x_edges.clone(),
            Self::VerticalLine(_) | Self::HorizontalLine(_) | Self::Text(..) => Vec::new(),
        }
    }
}

/// What a band or a whisker spans. Each is drawn in its own way and named under the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Spread {
    /// A confidence interval of the value that is drawn: a shaded band, a whisker with caps.
    Interval,
    /// One standard deviation of the observations on both sides: a paler band between broken lines, a whisker without caps.
    Deviation,
    /// The middle half of the observations: a darker band, a thick whisker.
    Quartiles,
    /// The least and the largest observation: two thin lines, a thin whisker.
    Extremes,
    /// Where a claim holds; not an observation at all.
    Zone,
}

impl Spread {
    /// What a band or whisker of this kind spans, in words.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Self::Interval => Some("95 % intervals"),
            Self::Deviation => Some("± 1 standard deviation"),
            Self::Quartiles => Some("quartiles"),
            Self::Extremes => Some("least to largest"),
            Self::Zone => None,
        }
    }
}

/// One mark of a panel: geometry, name and look.
///
/// A mark without a label has no legend entry. Marks with the same label are one series: they share
/// colour and legend entry, as a line and its band should.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Geometry.
    pub shape: Shape,
    /// Name of the series; empty for none.
    pub label: String,
    /// Series whose colour the mark takes without naming it in the legend.
    pub of: Option<String>,
    /// Colour instead of the one assigned to the label.
    pub colour: Option<Colour>,
    /// Dash pattern instead of the one assigned to the label.
    pub dash: Option<Dash>,
    /// Marker; lines have markers only where one is given.
    pub marker: Option<Marker>,
    /// Whether a line shows its points with the marker assigned to the label.
    pub points: bool,
    /// The y axis on which values are read.
    pub side: Side,
    /// What a band or whisker spans, where that is known.
    pub spread: Option<Spread>,
}

impl Mark {
    /// Makes a mark of a shape, without a label.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            label: String::new(),
            of: None,
            colour: None,
            dash: None,
            marker: None,
            points: false,
            side: Side::Left,
            spread: None,
        }
    }

    /// Joins points (x, y) by straight lines.
    pub fn line(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::Line(points.into_iter().collect()))
    }

    /// Joins points (x, y) by steps.
    pub fn step(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::Step(points.into_iter().collect()))
    }

    /// Fills the area between (x, low, high).
    pub fn band(points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        Self::new(Shape::Band(points.into_iter().collect()))
    }

    /// Draws single points (x, y).
    pub fn scatter(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::Scatter(points.into_iter().collect()))
    }

    /// Draws vertical intervals (x, low, high).
    pub fn error_bars(points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        Self::new(Shape::ErrorBars(points.into_iter().collect()))
    }

    /// Draws horizontal intervals (low, middle, high, y), as a forest plot has them.
    pub fn intervals(points: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> Self {
        Self::new(Shape::Intervals(points.into_iter().collect()))
    }

    /// Draws bars (x, height, interval).
    pub fn bars(bars: impl IntoIterator<Item = Bar>) -> Self {
        Self::new(Shape::Bars(bars.into_iter().collect()))
    }

    /// Stacks bars (x, height) upon earlier ones.
    pub fn stacked_bars(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::StackedBars(points.into_iter().collect()))
    }

    /// Stacks an area (x, height) upon earlier ones.
    pub fn stacked_area(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::StackedArea(points.into_iter().collect()))
    }

    /// Draws counts between edges.
    pub fn histogram(edges: Vec<f64>, counts: Vec<f64>) -> Self {
        Self::new(Shape::Histogram { edges, counts })
    }

    /// Draws the density of values between edges: the share of all in each bin over its width; the last bin holds its upper edge.
    pub fn histogram_of(edges: Vec<f64>, values: &[f64]) -> Self {
        let last = edges.len().saturating_sub(2);
        let of = |(bin, pair): (usize, &[f64])| {
            let within = |v: &&f64| **v >= pair[0] && (**v < pair[1] || (bin == last && **v == pair[1]));
            values.iter().filter(within).count() as f64 / (values.len().max(1) as f64 * (pair[1] - pair[0]))
        };
        let densities = edges.windows(2).enumerate().map(of).collect();
        Self::histogram(edges, densities)
    }

    /// Fills under a curve (x, density).
    pub fn density(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self::new(Shape::Density(points.into_iter().collect()))
    }

    /// Draws a reference line at one x.
    pub fn vertical(x: f64) -> Self {
        Self::new(Shape::VerticalLine(x))
    }

    /// Draws a reference line at one y.
    pub fn horizontal(y: f64) -> Self {
        Self::new(Shape::HorizontalLine(y))
    }

    /// Writes words near a place.
    pub fn text(x: f64, y: f64, text: impl Into<String>) -> Self {
        Self::new(Shape::Text(x, y, text.into()))
    }

    /// Draws a matrix with a colour bar.
    pub fn heatmap(grid: Grid) -> Self {
        Self::new(Shape::Heatmap(grid))
    }

    /// Draws branches coloured by cause.
    pub fn tree(segments: Vec<Segment>) -> Self {
        Self::new(Shape::Tree(segments))
    }

    /// Draws box plots.
    pub fn boxes(boxes: Vec<BoxSummary>) -> Self {
        Self::new(Shape::Boxes(boxes))
    }

    /// Names the series.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Takes the colour of a series without a legend entry of its own.
    pub fn of(mut self, series: impl Into<String>) -> Self {
        self.of = Some(series.into());
        self
    }

    /// Sets the colour.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = Some(colour);
        self
    }

    /// Sets the dash pattern.
    pub fn dash(mut self, dash: Dash) -> Self {
        self.dash = Some(dash);
        self
    }

    /// Sets the marker; a line then shows its points.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self.points = true;
        self
    }

    /// Shows the points of a line with the marker assigned to its label.
    pub fn with_points(mut self) -> Self {
        self.points = true;
        self
    }

    /// Says what a band or whisker spans.
    pub fn spread(mut self, spread: Spread) -> Self {
        self.spread = Some(spread);
        self
    }

    /// Reads values on the second y axis.
    pub fn right(mut self) -> Self {
        self.side = Side::Right;
        self
    }

    /// The series name that decides the look: the label, or the series it belongs to.
    pub(crate) fn series(&self) -> &str {
        self.of.as_deref().unwrap_or(&self.label)
    }

    /// True for marks whose label stands in the panel and not in the legend.
    pub(crate) fn labels_itself(&self) -> bool {
        matches!(
            self.shape,
            Shape::VerticalLine(_) | Shape::HorizontalLine(_) | Shape::Text(..) | Shape::Heatmap(_) | Shape::Tree(_)
        )
    }

    /// True for marks that grow from zero on the y axis.
    pub(crate) fn stands_on_zero(&self) -> bool {
        matches!(
            self.shape,
            Shape::Bars(_)
                | Shape::StackedBars(_)
                | Shape::StackedArea(_)
                | Shape::Histogram { .. }
                | Shape::Density(_)
        )
    }
}
