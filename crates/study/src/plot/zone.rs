//! Where a claim holds, drawn into the figure that it names.

use espalier_report::figure::{Dash, Mark, Spread};
use espalier_report::page::Margin;

use crate::Result;
use crate::claim::Claims;
use crate::statistic::Reading;

/// The zone of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// The figure that the claim names.
    pub figure: String,
    /// The claim's short name.
    pub claim: String,
    pub(crate) set: String,
    arms: Vec<String>,
    reading: Reading,
    margin: Margin,
    study: String,
}

impl<T: 'static> Claims<'_, T> {
    /// The zones of claims that name a figure and whose number can be read there.
    pub(crate) fn zones(&self) -> Result<Vec<Zone>> {
        let mut zones = Vec::new();
        for claim in self.declared.iter().filter(|claim| !claim.figure.is_empty()) {
            for part in claim.parts.iter().take(1) {
                let Some(bound) = part.statistic.bind(self.study)? else {
                    continue;
                };
                zones.push(Zone {
                    figure: claim.figure.clone(),
                    claim: claim.id.clone(),
                    set: self.set.clone(),
                    arms: bound.arms().into_iter().map(|arm| arm.name.clone()).collect(),
                    reading: part.statistic.reading(),
                    margin: claim.zone,
                    study: claim.study.clone().unwrap_or_default(),
                });
            }
        }
        Ok(zones)
    }
}

impl Zone {
    /// Whether the claim looks at one of these arms.
    pub(crate) fn touches(&self, arms: &[String]) -> bool {
        self.arms.iter().any(|arm| arms.contains(arm))
    }

    /// Where the claim holds, in the unit of the axis; what is shown comes first where it is not the axis itself.
    fn label(&self, shown: &str, scale: f64) -> String {
        let number = match self.study.as_str() {
            "" => String::new(),
            study => format!(" (study: {study})"),
        };
        format!("claimed: {shown}{}{number}", self.margin.scaled(scale))
    }

    /// The zone over a panel whose y axis shows a quantity; `anchor` is where slopes begin.
    pub(crate) fn marks(&self, quantity: &str, span: Option<(f64, f64)>, anchor: Option<(f64, f64)>) -> Vec<Mark> {
        let (Some(span), Some(anchor)) = (span, anchor) else {
            return Vec::new();
        };
        match &self.reading {
            Reading::Level(key) if *key == quantity => self.levels(span.0, span.1, 1.0),
            Reading::Slope(key) if *key == quantity => self.slopes(anchor.0, anchor.1, span.1),
            _ => Vec::new(),
        }
    }

    /// The zone over a panel of differences of a quantity, multiplied by a factor.
    pub(crate) fn difference_marks(&self, quantity: &str, scale: f64, ends: (f64, f64)) -> Vec<Mark> {
        match (&self.reading, self.margin) {
            // The zero line is there already.
            (_, Margin::GreaterThan(0.0) | Margin::LessThan(0.0)) => Vec::new(),
            (Reading::Difference(key), _) if *key == quantity => self.levels(ends.0, ends.1, scale),
            _ => Vec::new(),
        }
    }

    /// A band between two levels, or a line at one, multiplied by a factor.
    fn levels(&self, from: f64, to: f64, scale: f64) -> Vec<Mark> {
        let mark = match self.margin {
            Margin::Within(low, high) => zone([from, to].map(|x| (x, low * scale, high * scale))),
            Margin::GreaterThan(edge) | Margin::LessThan(edge) => Mark::horizontal(edge * scale),
            Margin::Outside(..) => return Vec::new(),
        };
        vec![mark.label(self.label("", scale))]
    }

    /// A wedge between two slopes, or a line with one, from a point on.
    fn slopes(&self, x: f64, y: f64, to: f64) -> Vec<Mark> {
        let at = |slope: f64, place: f64| y + slope * (place - x);
        let mark = match self.margin {
            Margin::Within(low, high) => zone([(x, y, y), (to, at(low, to), at(high, to))]),
            Margin::GreaterThan(edge) | Margin::LessThan(edge) => {
                Mark::line([(x, at(edge, x)), (to, at(edge, to))]).dash(Dash::Dotted)
            }
            Margin::Outside(..) => return Vec::new(),
        };
        vec![mark.label(self.label("slope ", 1.0))]
    }
}

fn zone<const N: usize>(points: [(f64, f64, f64); N]) -> Mark {
    Mark::band(points).spread(Spread::Zone)
}
