//! A report's figures as they are drawn: one look for one series everywhere, and titles that say what was found.

use super::report::{Plate, Report};
use super::{Claim, Verdict};
use crate::Result;
use crate::figure::{Colours, Figure, Finding, Rule};

/// The longest claim that can be a title.
const LONGEST: usize = 120;
/// The most claims that name a figure of which one may be its title.
const MOST: usize = 12;

impl Report {
    /// Looks for rules of readable figures that a figure of the report breaks without saying why.
    ///
    /// # Errors
    /// As [`Figure::lint`](crate::figure::Figure::lint).
    pub fn lint(&self) -> Result<Vec<Finding>> {
        faults(self, &drawn(self))
    }
}

/// The rules that the figures of a report break, as they are drawn; of a title, as it was given: it asks until something is found.
pub(super) fn faults(report: &Report, plates: &[Plate]) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for (given, plate) in report.figures.iter().zip(plates) {
        found.extend(plate.figure.lint()?);
        let figure = &given.figure;
        let excused = figure.reasons.iter().any(|(rule, _)| *rule == Rule::Topic);
        if !figure.title.contains('?') && !excused {
            found.push(Finding {
                figure: figure.name.clone(),
                rule: Rule::Topic,
                found: format!("the title `{}` asks nothing", figure.title),
            });
        }
    }
    Ok(found)
}

/// The report's figures, ready to draw.
pub(super) fn drawn(report: &Report) -> Vec<Plate> {
    let common = common_looks(report);
    let plates = report.figures.iter().map(|plate| {
        let mut plate = plate.clone();
        let figure = &mut plate.figure;
        for panel in &mut figure.panels {
            let axes = [Some(&mut panel.x), Some(&mut panel.y), panel.y2.as_mut()];
            axes.into_iter()
                .flatten()
                .for_each(|axis| axis.label = named(&axis.label));
        }
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
        if let Some(found) = title(&claims, &report.headline) {
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

/// What a figure shows by the claims that name it: one that answers the report's question, else the first one with a verdict,
/// unless so many claims name the figure that one does not speak for it.
fn title(claims: &[&Claim], headline: &[String]) -> Option<String> {
    let answers = claims.iter().filter(|claim| headline.contains(&claim.id));
    let others = claims.iter().filter(|_| claims.len() <= MOST);
    answers.chain(others).find_map(|claim| finding(claim))
}

/// A claim in words: those of its own, or a study's; a comparison alone reads like a formula.
fn in_words(claim: &Claim) -> Option<&str> {
    let declared = claim.declared.as_ref()?;
    let studied = declared.reproduction && declared.kind != "equivalence";
    match claim.words.as_str() {
        "" => studied.then_some(claim.text.as_str()),
        words => Some(words),
    }
}

/// The claim as a title, where it has a verdict.
fn finding(claim: &Claim) -> Option<String> {
    let before = match claim.verdict {
        Verdict::Confirmed => "",
        Verdict::Refuted => "Refuted: ",
        Verdict::Artefact { .. } => "Only through a flaw: ",
        _ => return None,
    };
    let text = in_words(claim)?.trim_end_matches('.');
    let text = match before {
        "" => in_sentence_case(text),
        _ => text.to_owned(),
    };
    (text.chars().count() <= LONGEST).then(|| format!("{before}{text}"))
}

/// A text that begins like a sentence; a symbol, such as λ or x₀, keeps its case.
pub(super) fn in_sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next().filter(char::is_ascii) else {
        return text.to_owned();
    };
    match letters.clone().next() {
        Some(next) if !next.is_alphabetic() && next != ' ' => text.to_owned(),
        _ => first.to_uppercase().chain(letters).collect(),
    }
}

/// An axis' name, which begins like a sentence unless it begins with a symbol, such as x₀, or a function, such as log₁₀ or ln.
fn named(label: &str) -> String {
    let first = label.split_whitespace().next().unwrap_or_default();
    match first.len() > 2 && first.chars().all(|c| c.is_ascii_lowercase()) {
        true => in_sentence_case(label),
        false => label.to_owned(),
    }
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
        let mut claim = Claim::new("C1", "accuracy (split) less accuracy (static) is > 0")
            .words("splitting helps")
            .judged(ours, Margin::GreaterThan(0.0), 6);
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

    #[test]
    fn an_axis_begins_with_a_capital_or_a_symbol() {
        for (label, shown) in [
            ("learning rate", "Learning rate"),
            ("log₁₀ λ", "log₁₀ λ"),
            ("ln score", "ln score"),
            ("x₀ (units)", "x₀ (units)"),
            ("λ", "λ"),
            ("", ""),
        ] {
            assert_eq!(named(label), shown);
        }
    }

    #[test]
    fn a_title_that_names_a_topic_is_a_fault() {
        let mut report = report(Vec::new());
        let topics = |report: &Report| {
            report
                .lint()
                .unwrap()
                .iter()
                .filter(|found| found.rule == Rule::Topic)
                .count()
        };
        assert_eq!(topics(&report), 2);
        report.figures[0].figure.title = "Does splitting help?".to_owned();
        report.figures[1].figure.reasons = vec![(Rule::Topic, "a map has no question".to_owned())];
        assert_eq!(topics(&report), 0);
    }

    #[test]
    fn a_comparison_without_words_is_no_title_and_one_of_many_claims_is_none_unless_it_answers_the_question() {
        let title = |report: &Report| drawn(report).remove(1).figure.title;
        let formula = Claim {
            words: String::new(),
            ..claim(0.5)
        };
        assert_eq!(title(&report(vec![formula.clone()])), "What is shown");
        let studied = Claim {
            text: "splitting helps".to_owned(),
            declared: formula.declared.clone().map(|declared| Declaration {
                reproduction: true,
                ..declared
            }),
            ..formula
        };
        assert_eq!(title(&report(vec![studied])), "Splitting helps");
        for (words, shown) in [
            ("a net grows", "A net grows"),
            ("λ = 0 is small", "λ = 0 is small"),
            ("x₀ runs", "x₀ runs"),
        ] {
            assert_eq!(title(&report(vec![claim(0.5).words(words)])), shown);
        }
        let named = |place: usize| Claim {
            id: format!("C{place}"),
            ..claim(0.5)
        };
        let mut many = report((0..=MOST).map(named).collect());
        assert_eq!(title(&many), "What is shown");
        many.headline = vec!["C3".to_owned()];
        assert_eq!(title(&many), "Splitting helps");
    }
}
