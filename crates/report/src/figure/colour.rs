//! Colours, dashes and marker shapes that stay apart for colour-blind readers and in grey.

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Colour(
    /// Red, 0–255.
    pub u8,
    /// Green, 0–255.
    pub u8,
    /// Blue, 0–255.
    pub u8,
);

impl Colour {
    /// The paper.
    pub const WHITE: Self = Self(255, 255, 255);
    /// Text and frames.
    pub const INK: Self = Self(34, 34, 34);
    /// Secondary text and reference lines.
    pub const GREY: Self = Self(102, 102, 102);
    /// Grid lines.
    pub(crate) const GRID: Self = Self(228, 228, 228);

    /// Mixes this colour with white: 1 keeps it, 0 gives white.
    pub fn tint(self, strength: f64) -> Self {
        let mix = |c: u8| (255.0 + (f64::from(c) - 255.0) * strength.clamp(0.0, 1.0)).round() as u8;
        Self(mix(self.0), mix(self.1), mix(self.2))
    }

    /// Gives the relative luminance between 0 (black) and 1 (white).
    ///
    /// # Method
    /// ITU-R BT.709 weights over linearised sRGB.
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// This colour, darkened until words in it stand out from white paper.
    ///
    /// # Method
    /// A luminance of at most 0.183, where the contrast of WCAG 2, (1 + 0.05) / (luminance + 0.05), is 4.5.
    pub(crate) fn legible(self) -> Self {
        let darker = |share: f64| {
            let channel = |c: u8| (f64::from(c) * share).round() as u8;
            Self(channel(self.0), channel(self.1), channel(self.2))
        };
        let steps = (0..=100).rev().map(|step| darker(f64::from(step) / 100.0));
        steps
            .into_iter()
            .find(|colour| colour.luminance() <= 0.183)
            .unwrap_or(Self::INK)
    }

    /// Gives a colour of the sequential ramp: 0 is dark violet, 1 is yellow.
    ///
    /// # Method
    /// Linear interpolation in sRGB between nine samples of the viridis map; its luminance rises
    /// monotonically, so that it also orders values in grey.
    pub fn ramp(share: f64) -> Self {
        const SAMPLES: [(u8, u8, u8); 9] = [
            (68, 1, 84),
            (71, 44, 122),
            (59, 81, 139),
            (44, 113, 142),
            (33, 144, 141),
            (39, 173, 129),
            (92, 200, 99),
            (170, 220, 50),
            (253, 231, 37),
        ];
        let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } * 8.0;
        let low = (place.floor() as usize).min(7);
        let (a, b, t) = (SAMPLES[low], SAMPLES[low + 1], place - low as f64);
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8;
        Self(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }

    /// Whether it is a step of the ramp that series take, within rounding.
    pub(crate) fn is_of_ramp(&self) -> bool {
        (0..=88).any(|step| {
            let Self(red, green, blue) = Self::ramp(f64::from(step) / 100.0);
            let pairs = [(self.0, red), (self.1, green), (self.2, blue)];
            pairs.iter().all(|(a, b)| a.abs_diff(*b) < 6)
        })
    }
}

/// The qualitative palette of Okabe and Ito, in the order in which series take it.
///
/// A middle grey stands in the place of its yellow, which is too faint for lines on white paper.
pub const OKABE_ITO: [Colour; 8] = [
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(0, 158, 115),
    Colour(204, 121, 167),
    Colour(230, 159, 0),
    Colour(86, 180, 233),
    Colour(0, 0, 0),
    Colour(153, 153, 153),
];

/// Dash pattern of a line: the second cue beside colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dash {
    /// An unbroken line.
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// Dashes and dots in turn.
    DashDot,
    /// Long dashes.
    LongDash,
}

impl Dash {
    const CYCLE: [Self; 5] = [Self::Solid, Self::Dashed, Self::DashDot, Self::Dotted, Self::LongDash];

    /// Drawn and empty lengths in page pixels; empty for an unbroken line.
    pub(crate) fn pattern(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Dashed => &[6.0, 3.0],
            Self::Dotted => &[1.75, 2.25],
            Self::DashDot => &[7.0, 2.5, 1.75, 2.5],
            Self::LongDash => &[11.0, 3.5],
        }
    }
}

/// Shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square standing on its side.
    Square,
    /// A triangle pointing up.
    Triangle,
    /// A square standing on its corner.
    Diamond,
    /// A triangle pointing down.
    Wedge,
    /// Two crossing strokes.
    Cross,
}

impl Marker {
    const CYCLE: [Self; 6] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::Wedge,
        Self::Cross,
    ];
}

/// Look of one series name: the same in every panel that uses the same [`Colours`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour of lines, fills and points.
    pub colour: Colour,
    /// Dash pattern of lines.
    pub dash: Dash,
    /// Shape of points.
    pub marker: Marker,
}

/// Assigns looks to series names, the same name always the same look.
///
/// Names that are not fixed take the next free look in the order in which a figure mentions them.
///
/// # Example
/// ```
/// use espalier_report::figure::{Colour, Colours, OKABE_ITO};
/// let mut colours = Colours::named(["split", "dice"]);
/// assert_eq!(colours.look("split").colour, OKABE_ITO[0]);
/// assert_eq!(colours.look("new").colour, OKABE_ITO[2]);
/// assert_eq!(Colours::ordered(["16", "64"]).look("16").colour, Colour::ramp(0.0));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Colours {
    looks: Vec<(String, Look)>,
}

impl Colours {
    /// Starts with no name assigned.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the names the qualitative palette in their order.
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut colours = Self::new();
        for name in names {
            colours.look(&name.into());
        }
        colours
    }

    /// Gives the names the sequential ramp in their order, for series that are levels of a quantity.
    ///
    /// Lines stay solid: the ramp's luminance orders them in grey. The faint yellow end is left out.
    pub fn ordered<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let last = names.len().saturating_sub(1).max(1) as f64;
        let looks = names.into_iter().enumerate().map(|(i, name)| {
            let look = Look {
                colour: Colour::ramp(0.88 * i as f64 / last),
                dash: Dash::Solid,
                marker: Marker::CYCLE[i % Marker::CYCLE.len()],
            };
            (name, look)
        });
        Self { looks: looks.collect() }
    }

    /// Fixes the look of a name.
    pub fn fix(mut self, name: impl Into<String>, look: Look) -> Self {
        let name = name.into();
        self.looks.retain(|(known, _)| *known != name);
        self.looks.push((name, look));
        self
    }

    /// Fixes the look of a name that has none yet.
    pub(crate) fn fix_if_free(self, name: impl Into<String>, look: Look) -> Self {
        let name = name.into();
        match self.looks.iter().any(|(known, _)| *known == name) {
            true => self,
            false => self.fix(name, look),
        }
    }

    /// The looks that are fixed so far.
    pub(crate) fn fixed(&self) -> &[(String, Look)] {
        &self.looks
    }

    /// Gives the look of a name, assigning the next free one where it is new.
    pub fn look(&mut self, name: &str) -> Look {
        if let Some((_, look)) = self.looks.iter().find(|(known, _)| known == name) {
            return *look;
        }
        let taken = |c: Colour| self.looks.iter().any(|(_, look)| look.colour == c);
        let count = self.looks.len();
        let free = (0..OKABE_ITO.len()).find(|&i| !taken(OKABE_ITO[i]));
        let index = free.unwrap_or(count % OKABE_ITO.len());
        let look = Look {
            colour: OKABE_ITO[index],
            // Past the palette a colour comes back, but with another dash and marker.
            dash: Dash::CYCLE[free.unwrap_or(count + count / 8) % Dash::CYCLE.len()],
            marker: Marker::CYCLE[free.unwrap_or(count + count / 8) % Marker::CYCLE.len()],
        };
        self.looks.push((name.to_owned(), look));
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_gets_lighter_all_the_way() {
        let steps: Vec<f64> = (0..=64)
            .map(|i| Colour::ramp(f64::from(i) / 64.0).luminance())
            .collect();
        assert!(steps.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn the_ramp_takes_any_number() {
        assert_eq!(Colour::ramp(f64::NAN), Colour::ramp(0.0));
        assert_eq!(Colour::ramp(7.0), Colour::ramp(1.0));
    }

    #[test]
    fn twenty_names_have_distinct_looks() {
        let mut colours = Colours::new();
        let looks: Vec<Look> = (0..20).map(|i| colours.look(&format!("s{i}"))).collect();
        for (i, a) in looks.iter().enumerate() {
            for b in &looks[i + 1..] {
                assert_ne!((a.colour, a.dash), (b.colour, b.dash));
            }
        }
    }

    #[test]
    fn a_fixed_look_is_not_given_to_another_name() {
        let first = Colours::new().look("x");
        let mut colours = Colours::new().fix("control", first);
        assert_ne!(colours.look("other").colour, first.colour);
    }

    #[test]
    fn legible_colours_have_the_contrast_of_words_and_dark_ones_stay() {
        for colour in OKABE_ITO
            .into_iter()
            .chain((0..=10).map(|i| Colour::ramp(f64::from(i) / 10.0)))
        {
            let legible = colour.legible();
            assert!(legible.luminance() <= 0.183, "{colour:?}");
            assert!(colour.luminance() > 0.183 || legible == colour, "{colour:?}");
        }
    }

    #[test]
    fn white_has_luminance_one() {
        assert!((Colour::WHITE.luminance() - 1.0).abs() < 1e-12);
    }
}
