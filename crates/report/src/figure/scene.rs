//! A drawing as a list of plain shapes in page pixels, independent of SVG and PNG.

use super::colour::Colour;
use super::font::{CAPITAL_EM, Weight, text_width};
use super::geometry::{Point, Rect, polygon_meets, segment_meets};
use super::words::typeset;

/// Horizontal place of a text's anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Start,
    Middle,
    End,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub text: String,
    /// Anchor on the baseline.
    pub at: Point,
    pub em: f64,
    pub weight: Weight,
    pub colour: Colour,
    pub align: Align,
    /// True where the text reads from bottom to top.
    pub upright: bool,
}

impl Label {
    /// A text of normal weight that starts at `at`, its numbers set as print sets them.
    pub(crate) fn new(text: &str, at: Point, em: f64, colour: Colour) -> Self {
        Self {
            text: typeset(text).into_owned(),
            at,
            em,
            weight: Weight::Normal,
            colour,
            align: Align::Start,
            upright: false,
        }
    }

    pub(crate) fn align(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    pub(crate) fn bold(mut self) -> Self {
        self.weight = Weight::Bold;
        self
    }

    pub(crate) fn upright(mut self) -> Self {
        self.upright = true;
        self
    }

    /// The box from the descenders to the tops of capitals.
    pub(crate) fn bounds(&self) -> Result<Rect, String> {
        let width = text_width(&self.text, self.em, self.weight)?;
        let before = match self.align {
            Align::Start => 0.0,
            Align::Middle => width / 2.0,
            Align::End => width,
        };
        let (rise, fall) = (CAPITAL_EM * self.em, 0.22 * self.em);
        let Point { x, y } = self.at;
        Ok(if self.upright {
            Rect::new(x - rise, y + before - width, x + fall, y + before)
        } else {
            Rect::new(x - before, y - rise, x - before + width, y + fall)
        })
    }
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Polyline {
        points: Vec<Point>,
        colour: Colour,
        width: f64,
        dash: &'static [f64],
    },
    Polygon {
        points: Vec<Point>,
        colour: Colour,
        opacity: f64,
    },
    Disc {
        centre: Point,
        radius: f64,
        colour: Colour,
    },
    Text(Label),
}

impl Item {
    pub(crate) fn line(from: Point, to: Point, colour: Colour, width: f64) -> Self {
        Self::Polyline {
            points: vec![from, to],
            colour,
            width,
            dash: &[],
        }
    }

    pub(crate) fn fill(points: Vec<Point>, colour: Colour) -> Self {
        Self::Polygon {
            points,
            colour,
            opacity: 1.0,
        }
    }

    /// True where the item has ink inside `rect`.
    pub(crate) fn meets(&self, rect: &Rect) -> Result<bool, String> {
        Ok(match self {
            Self::Polyline { points, width, .. } => {
                let near = rect.grown(width / 2.0);
                points.windows(2).any(|w| segment_meets(w[0], w[1], &near))
            }
            Self::Polygon { points, .. } => polygon_meets(points, rect),
            Self::Disc { centre, radius, .. } => rect.grown(*radius).contains(*centre),
            Self::Text(label) => label.bounds()?.meets(rect),
        })
    }
}

/// True where any of the items has ink inside `rect`.
pub(crate) fn any_meets(items: &[Item], rect: &Rect) -> Result<bool, String> {
    for item in items {
        if item.meets(rect)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A finished page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub width: f64,
    pub height: f64,
    pub items: Vec<Item>,
}
