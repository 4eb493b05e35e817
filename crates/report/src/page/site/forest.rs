//! Estimates as small forest marks: the interval, the zone where the claim holds, and the study's number.

use maud::{Markup, html};

use crate::page::answer::display;
use crate::page::number::published;
use crate::page::{ClaimSummary, Margin};

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 18.0;
const AIR: f64 = 6.0;

/// The values that one row of marks spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    low: f64,
    high: f64,
}

impl Span {
    /// The least span that shows a claim: its interval, the nearest edge of its zone and the study's number.
    pub(super) fn of(claim: &ClaimSummary) -> Option<Self> {
        let ours = claim.ours.as_ref()?;
        let mut values = vec![ours.low, ours.value, ours.high];
        values.extend(edges(claim));
        values.extend(study(claim));
        Self::over(&values)
    }

    fn over(values: &[f64]) -> Option<Self> {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let air = match high - low {
            width if width > 0.0 => width * 0.08,
            _ => (high.abs() * 0.1).max(1e-9),
        };
        (low <= high).then_some(Self {
            low: low - air,
            high: high + air,
        })
    }

    /// One span for claims of one unit whose own spans are of similar width; `None` where they are not.
    pub(super) fn shared(claims: &[&ClaimSummary]) -> Option<Self> {
        let spans: Vec<Self> = claims.iter().filter_map(|claim| Self::of(claim)).collect();
        let alike = claims.windows(2).all(|two| two[0].unit == two[1].unit);
        let ends: Vec<f64> = spans.iter().flat_map(|span| [span.low, span.high]).collect();
        let all = Self::over(&ends)?;
        let narrowest = spans.iter().map(Self::width).fold(f64::INFINITY, f64::min);
        (alike && spans.len() > 1 && all.width() < 12.0 * narrowest).then_some(all)
    }

    fn width(&self) -> f64 {
        self.high - self.low
    }

    fn at(&self, value: f64) -> f64 {
        let share = ((value - self.low) / self.width()).clamp(0.0, 1.0);
        ((AIR + share * (WIDTH - 2.0 * AIR)) * 10.0).round() / 10.0
    }
}

fn edges(claim: &ClaimSummary) -> Vec<f64> {
    match claim.zone() {
        Some(Margin::GreaterThan(edge) | Margin::LessThan(edge)) => vec![edge],
        Some(Margin::Within(low, high) | Margin::Outside(low, high)) => vec![low, high],
        None => Vec::new(),
    }
}

fn study(claim: &ClaimSummary) -> Option<f64> {
    published(&claim.study_value, &claim.unit)
}

/// The stretches of the mark on which the claim holds.
fn holds(claim: &ClaimSummary, span: &Span) -> Vec<(f64, f64)> {
    match claim.zone() {
        Some(Margin::GreaterThan(edge)) => vec![(span.at(edge), WIDTH)],
        Some(Margin::LessThan(edge)) => vec![(0.0, span.at(edge))],
        Some(Margin::Within(low, high)) => vec![(span.at(low), span.at(high))],
        Some(Margin::Outside(low, high)) => vec![(0.0, span.at(low)), (span.at(high), WIDTH)],
        None => Vec::new(),
    }
}

/// What the mark shows, in words.
pub(super) fn words(claim: &ClaimSummary) -> String {
    let display = display(claim);
    let mut parts = Vec::new();
    if let Some(ours) = &claim.ours {
        let level = (ours.level * 1000.0).round() / 10.0;
        parts.push(format!(
            "{} ({level} % interval, n = {})",
            display.estimate(ours, claim.zone()),
            ours.n
        ));
    }
    parts.extend(
        claim
            .zone()
            .map(|zone| format!("holds {}", display.zone(zone, claim.ours.as_ref()))),
    );
    if !claim.study_value.is_empty() {
        parts.push(format!("study: {}", claim.study_value));
    }
    parts.join("; ")
}

/// Draws the mark; empty where the claim has no number.
pub(super) fn mark(claim: &ClaimSummary, shared: Option<Span>) -> Markup {
    let Some((ours, span)) = claim.ours.as_ref().zip(shared.or_else(|| Span::of(claim))) else {
        return html! { span .nothing { "–" } };
    };
    let middle = HEIGHT / 2.0;
    html! {
        svg .forest viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img" {
            title { (words(claim)) }
            @for (from, to) in holds(claim, &span) {
                rect .zone x=(from) y="1" width=((to - from).max(1.0)) height=(HEIGHT - 2.0) {}
            }
            @for edge in edges(claim) {
                line .edge x1=(span.at(edge)) x2=(span.at(edge)) y1="1" y2=(HEIGHT - 1.0) {}
            }
            line .interval x1=(span.at(ours.low)) x2=(span.at(ours.high)) y1=(middle) y2=(middle) {}
            circle .value cx=(span.at(ours.value)) cy=(middle) r="3.2" {}
            @if let Some(number) = study(claim) {
                @let x = span.at(number);
                path .study d={ "M" (x) " " (middle - 5.0) "l4 5l-4 5l-4 -5z" } {}
            }
        }
    }
}
