//! Many series in one figure: those that matter keep their looks, the others step back.

use super::Figure;
use super::colour::{Colour, Colours, Dash, Look, Marker};
use super::legend::{self, Entry};
use super::mark::Shape;
use super::panel::Panel;

/// The most curves of a panel that all keep a colour of their own.
pub(crate) const MOST: usize = 5;

/// What the series that step back are called in a legend.
const OTHERS: &str = "others";

const FAINT: Look = Look {
    colour: Colour(190, 190, 190),
    dash: Dash::Solid,
    marker: Marker::Circle,
};

/// The names of the curves of a panel, each once.
pub(crate) fn curves(panel: &Panel) -> Vec<&str> {
    let curves = panel
        .marks
        .iter()
        .filter(|mark| matches!(mark.shape, Shape::Line(_) | Shape::Step(_)));
    let mut names: Vec<&str> = curves
        .map(|mark| mark.series())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The series that step back: all that are not highlighted, where a panel has more than a few curves.
fn faint(figure: &Figure) -> Vec<String> {
    let crowded = figure.panels.iter().any(|panel| curves(panel).len() > MOST);
    let known = figure
        .panels
        .iter()
        .flat_map(|panel| &panel.marks)
        .map(|mark| mark.series());
    let stands_out = |name: &str| figure.highlight.iter().any(|wanted| wanted == name);
    if !crowded || !known.clone().any(stands_out) {
        return Vec::new();
    }
    let mut names: Vec<String> = known
        .filter(|name| !name.is_empty() && !stands_out(name))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The figure's looks, with those of faint series in one grey.
pub(crate) fn colours(figure: &Figure) -> Colours {
    let faint = faint(figure).into_iter();
    faint.fold(figure.colours.clone(), |colours, name| colours.fix(name, FAINT))
}

/// The order in which marks are drawn: those of faint series first, so that they cover nothing.
pub(crate) fn back_first(looks: &[Look]) -> Vec<usize> {
    let (back, front): (Vec<usize>, Vec<usize>) = (0..looks.len()).partition(|&place| looks[place] == FAINT);
    [back, front].concat()
}

/// A legend in which faint series share one entry.
pub(crate) fn entries(figure: &Figure, entries: Vec<Entry>) -> Vec<Entry> {
    let faint = faint(figure);
    let (back, mut front): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| faint.contains(&e.label));
    front.extend(back.first().map(|entry| legend::Entry {
        label: OTHERS.to_owned(),
        ..entry.clone()
    }));
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faint_series_are_drawn_first_and_keep_their_order() {
        let bold = Look {
            colour: Colour::INK,
            ..FAINT
        };
        assert_eq!(back_first(&[bold, FAINT, bold, FAINT]), [1, 3, 0, 2]);
    }
}
