//! What an axis shows: quantity, unit, scale and range.

/// How an axis maps its quantity to length.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences have equal length.
    #[default]
    Linear,
    /// Equal ratios have equal length; ticks at powers of two.
    Log2,
    /// Equal ratios have equal length; ticks at powers of ten.
    Log10,
    /// One slot per name; the position of the i-th name is the number i, counted from 0.
    Category(Vec<String>),
}

impl Scale {
    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Self::Log2 | Self::Log10)
    }
}

/// Which values an axis spans.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Range {
    /// What the marks need, with a little air.
    #[default]
    Auto,
    /// What the marks need and at least these two values.
    AtLeast(f64, f64),
    /// From the first to the second value; what lies outside is clipped and counted in the footnote.
    Fixed(f64, f64),
}

/// One axis of a panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// Quantity, for example `Test accuracy`.
    pub label: String,
    /// Unit of measure, for example `MACs`; empty where the quantity has none.
    pub unit: String,
    /// How the quantity maps to length.
    pub scale: Scale,
    /// Which values are spanned.
    pub range: Range,
    /// Values to label instead of the chosen ones; ticks whose labels would overlap are still left out.
    pub ticks: Option<Vec<f64>>,
    /// Whether values fall from the axis's start to its end.
    pub reversed: bool,
    /// Whether the ticks are the data's places and give way to round values where they do not fit.
    pub(crate) at_data: bool,
    /// Why its limits differ from those of other panels that show the same quantity; `None` where they share them.
    pub alone: Option<String>,
}

impl Axis {
    /// Makes a linear axis without a unit.
    pub fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// Makes an axis with ticks at powers of two, for widths.
    pub fn log2(label: impl Into<String>) -> Self {
        Self {
            scale: Scale::Log2,
            ..Self::linear(label)
        }
    }

    /// Makes an axis with ticks at powers of ten.
    pub fn log10(label: impl Into<String>) -> Self {
        Self {
            scale: Scale::Log10,
            ..Self::linear(label)
        }
    }

    /// Makes an axis with one slot per name.
    pub fn category<S: Into<String>>(label: impl Into<String>, names: impl IntoIterator<Item = S>) -> Self {
        Self {
            scale: Scale::Category(names.into_iter().map(Into::into).collect()),
            ..Self::linear(label)
        }
    }

    /// Sets the unit of measure.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Fixes the range.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Range::Fixed(low, high);
        self
    }

    /// Makes the range include two values.
    pub fn at_least(mut self, low: f64, high: f64) -> Self {
        self.range = Range::AtLeast(low, high);
        self
    }

    /// Names the values to label.
    pub fn ticks(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.ticks = Some(values.into_iter().collect());
        self
    }

    /// Lets values fall from left to right or from bottom to top, as for the logarithm of what pruning keeps.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Gives the axis limits of its own, with the reason why readers need not compare it with its neighbours.
    pub fn alone(mut self, because: impl Into<String>) -> Self {
        self.alone = Some(because.into());
        self
    }

    /// The least span at which a difference is worth a look: less would make a trend of noise.
    pub(crate) fn least_span(&self) -> f64 {
        match (&self.scale, self.unit.as_str()) {
            (Scale::Linear, "units" | "count") => 5.0,
            (Scale::Linear, "%" | "points") => 1.0,
            (Scale::Linear, "fraction") => 0.01,
            _ => 0.0,
        }
    }

    /// What panels must agree on to share limits; `None` for an axis that shares with none.
    pub(crate) fn shared_by(&self) -> Option<(String, bool)> {
        let own = self.alone.is_some() || matches!(self.range, Range::Fixed(..)) || self.label.is_empty();
        (!own && !matches!(self.scale, Scale::Category(_))).then(|| (self.caption(), self.scale.is_log()))
    }

    /// The text beside the axis: label and unit, which `Units left` names already.
    pub(crate) fn caption(&self) -> String {
        let named = self.label.to_lowercase().split(' ').any(|word| word == self.unit);
        match (self.label.is_empty(), self.unit.is_empty()) {
            (_, true) => self.label.clone(),
            _ if named => self.label.clone(),
            (true, false) => self.unit.clone(),
            (false, false) => format!("{} ({})", self.label, self.unit),
        }
    }
}
