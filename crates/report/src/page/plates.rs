//! A report's figures as they are drawn: one look for one series everywhere, and titles that say what was found.

use super::report::{Plate, Report};
use super::{Claim, Verdict};
use crate::Result;
use crate::figure::{Colours, Figure, Finding};

/// The longest claim that can be a title.
const LONGEST: usize = 120;

impl Report {
    /// Looks for rules of readable figures that a figure of the report breaks without saying why.
    ///
    /// # Errors
    /// As [`Figure::lint`].
    pub fn lint(&self) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        for plate in drawn(self) {
            found.extend(plate.figure.lint()?);
        }
        Ok(found)
    }
}

/// The report's figures, ready to draw.
pub(super) fn drawn(report: &Report) -> Vec<Plate> {
    let common = common_looks(report);
    let plates = report.figures.iter().map(|plate| {
        let mut plate = plate.clone();
        let figure = &mut plate.figure;
        for name in series(figure) {
            if let Some((_, look)) = common.iter().find(|(known, _)| *known == name) {
                figure.colours = std::mem::take(&mut figure.colours).fix_if_free(name, *look);
            }
        }
        let claims: Vec<&Claim> = report
            .claims
            .iter()
            .filter(|claim| names(claim, &figure.name))
            .collect();
        if figure.highlight.is_empty() {
            figure.highlight = arms_of(&claims, figure);
        }
        if let Some(found) = claims.iter().find_map(|claim| finding(claim)) {
            let shown = std::mem::replace(&mut figure.title, found);
            let parts = [shown, std::mem::take(&mut figure.subtitle)];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            figure.subtitle = parts.join(" · ");
        }
        plate
    });
    plates.collect()
}

fn names(claim: &Claim, figure: &str) -> bool {
    claim
        .declared
        .as_ref()
        .is_some_and(|declared| declared.figure == figure)
}

/// The claim as a title, where it has a verdict.
fn finding(claim: &Claim) -> Option<String> {
    let before = match claim.verdict {
        Verdict::Confirmed => "",
        Verdict::Refuted => "Refuted: ",
        Verdict::Artefact { .. } => "Only through a flaw: ",
        _ => return None,
    };
    let text = claim.text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next()?;
    let text = match before.is_empty() {
        true => first.to_uppercase().chain(letters).collect(),
        false => text.to_owned(),
    };
    (text.chars().count() <= LONGEST).then(|| format!("{before}{text}"))
}

/// The series of a figure that claims about it compare.
fn arms_of(claims: &[&Claim], figure: &Figure) -> Vec<String> {
    let contrasts = claims
        .iter()
        .filter_map(|claim| claim.declared.as_ref()?.contrast.as_ref());
    let arms: Vec<&String> = contrasts
        .flat_map(|contrast| contrast.left.iter().chain(&contrast.right))
        .collect();
    let mut known = series(figure);
    known.retain(|name| arms.contains(&name));
    known
}

/// The names of a figure's series, each once, in the order in which they are drawn.
fn series(figure: &Figure) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for mark in figure.panels.iter().flat_map(|panel| &panel.marks) {
        let name = mark.of.as_ref().unwrap_or(&mark.label);
        if !name.is_empty() && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The looks of series that stand in several figures: as a figure fixes them, else in the order of the first mention.
fn common_looks(report: &Report) -> Vec<(String, crate::figure::Look)> {
    let all: Vec<Vec<String>> = report.figures.iter().map(|plate| series(&plate.figure)).collect();
    let mut colours = Colours::new();
    for plate in &report.figures {
        for (name, look) in plate.figure.colours.fixed() {
            colours = colours.fix_if_free(name.clone(), *look);
        }
    }
    let mut looks: Vec<(String, crate::figure::Look)> = Vec::new();
    for name in all.iter().flatten() {
        let several = all.iter().filter(|names| names.contains(name)).count() > 1;
        if several && looks.iter().all(|(known, _)| known != name) {
            looks.push((name.clone(), colours.look(name)));
        }
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Axis, Mark, Panel};
    use crate::page::{Declaration, Margin};
    use crate::statistics::Estimate;

    fn figure(name: &str, series: &[&str]) -> Plate {
        let line = |name: &&str| Mark::line([(0.0, 1.0), (1.0, 2.0)]).label(*name);
        let panel = Panel::new("", Axis::linear("x"), Axis::linear("y")).marks(series.iter().map(line));
        Plate::new(Figure::new(name, "What is shown").panel(panel), "alt", "caption")
    }

    fn claim(verdict_low: f64) -> Claim {
        let ours = Estimate {
            value: verdict_low + 1.0,
            low: verdict_low,
            high: verdict_low + 2.0,
            n: 6,
            level: 0.95,
        };
        let mut claim = Claim::new("C1", "splitting helps").judged(ours, Margin::GreaterThan(0.0), 6);
        claim.declared = Some(Declaration {
            figure: "second".to_owned(),
            ..Declaration::default()
        });
        claim
    }

    fn report(claims: Vec<Claim>) -> Report {
        Report {
            claims,
            figures: vec![
                figure("first", &["split", "static"]),
                figure("second", &["dice", "static", "split"]),
            ],
            ..Report::default()
        }
    }

    #[test]
    fn a_series_looks_the_same_in_every_figure() {
        let plates = drawn(&report(Vec::new()));
        for name in ["split", "static"] {
            let looks: Vec<_> = plates
                .iter()
                .map(|plate| plate.figure.colours.clone().look(name))
                .collect();
            assert_eq!(looks[0], looks[1], "{name}");
        }
        let mut second = plates[1].figure.colours.clone();
        assert_ne!(second.look("dice").colour, second.look("static").colour);
    }

    #[test]
    fn a_title_says_what_was_found_and_asks_where_nothing_was() {
        let titles = |low: f64| {
            let plate = drawn(&report(vec![claim(low)])).remove(1);
            (plate.figure.title, plate.figure.subtitle)
        };
        assert_eq!(titles(0.5), ("Splitting helps".to_owned(), "What is shown".to_owned()));
        assert_eq!(titles(-9.0).0, "Refuted: splitting helps");
        assert_eq!(titles(-1.0), ("What is shown".to_owned(), String::new()));
    }
}
