//! A panel: axes, marks and where its legend stands.

use super::axis::Axis;
use super::mark::Mark;

/// Where the legend of a panel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Legend {
    /// The names at the ends of the lines where these are few; else inside where it covers no data, below
    /// the panel where there is no such place. Panels of one figure with the same series have their names
    /// all at the ends of lines, or share one legend under the title.
    #[default]
    Auto,
    /// Right of the panel.
    Right,
    /// Below the panel.
    Below,
    /// No legend.
    None,
}

/// One pair of axes with its marks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// What the panel shows; may be empty.
    pub title: String,
    /// Axis along the bottom.
    pub x: Axis,
    /// Axis on the left.
    pub y: Axis,
    /// Second axis on the right, for marks with [`Side::Right`](super::Side::Right).
    pub y2: Option<Axis>,
    /// What is drawn.
    pub marks: Vec<Mark>,
    /// Where the legend stands.
    pub legend: Legend,
}

impl Panel {
    /// Makes an empty panel.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            y,
            ..Self::default()
        }
    }

    /// Adds the second y axis.
    pub fn twin(mut self, axis: Axis) -> Self {
        self.y2 = Some(axis);
        self
    }

    /// Adds a mark.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Adds marks in their order.
    pub fn marks(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks);
        self
    }

    /// Places the legend.
    pub fn legend(mut self, legend: Legend) -> Self {
        self.legend = legend;
        self
    }
}
