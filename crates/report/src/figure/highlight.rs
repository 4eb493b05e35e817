//! Many series in one figure: those that matter keep their looks, the others step back.

use super::Figure;
use super::colour::{Colour, Colours, Dash, Look, Marker};
use super::legend::{self, Entry};
use super::mark::Shape;
use super::panel::Panel;

/// The most series of a panel that all keep a colour of their own.
pub(crate) const MOST: usize = 5;

/// What the series that step back are called in a legend.
const OTHERS: &str = "others";

const FAINT: Look = Look {
    colour: Colour(190, 190, 190),
    dash: Dash::Solid,
    marker: Marker::Circle,
};

/// The names of the curves and clouds of points of a panel, each once.
pub(crate) fn series(panel: &Panel) -> Vec<&str> {
    let series = panel
        .marks
        .iter()
        .filter(|mark| matches!(mark.shape, Shape::Line(_) | Shape::Step(_) | Shape::Scatter(_)));
    let mut names: Vec<&str> = series
        .map(|mark| mark.series())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The series that step back: all that are not highlighted, where a panel has more than a few.
fn faint(figure: &Figure) -> Vec<String> {
    let crowded = figure.panels.iter().any(|panel| series(panel).len() > MOST);
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

/// A legend in which faint series share one entry, and a long ramp shows some of its steps.
pub(crate) fn entries(figure: &Figure, entries: Vec<Entry>) -> Vec<Entry> {
    let entries = steps_of_ramp(entries);
    let faint = faint(figure);
    let (back, mut front): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| faint.contains(&e.label));
    front.extend(back.first().map(|entry| legend::Entry {
        label: OTHERS.to_owned(),
        ..entry.clone()
    }));
    front
}

/// The most steps of a ramp in a legend: their order says what lies between.
const STEPS: usize = 6;

/// A legend in which lines in the colours of a ramp, where they are many, are shown by some of them: the first, the
/// last and evenly spread ones between.
fn steps_of_ramp(entries: Vec<Entry>) -> Vec<Entry> {
    let (steps, others): (Vec<Entry>, Vec<Entry>) = entries
        .into_iter()
        .partition(|entry| entry.line.is_some() && entry.colour.is_of_ramp());
    if steps.len() <= STEPS {
        return [steps, others].concat();
    }
    let last = steps.len() - 1;
    let shown = (0..STEPS).map(|step| steps[(step * last + (STEPS - 1) / 2) / (STEPS - 1)].clone());
    shown.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_ramp_shows_its_ends_and_steps_between() {
        let names: Vec<String> = (0..20).map(|start| format!("from {start}")).collect();
        let mut colours = Colours::ordered(names.iter().map(String::as_str));
        let entry = |label: &String| Entry {
            label: label.clone(),
            colour: colours.look(label).colour,
            line: Some(Dash::Solid),
            marker: None,
            fill: None,
        };
        let all: Vec<Entry> = names.iter().map(entry).collect();
        let shown: Vec<String> = steps_of_ramp(all.clone()).into_iter().map(|e| e.label).collect();
        assert_eq!(shown, ["from 0", "from 4", "from 8", "from 11", "from 15", "from 19"]);
        assert_eq!(steps_of_ramp(all[..6].to_vec()), all[..6]);
    }

    #[test]
    fn faint_series_are_drawn_first_and_keep_their_order() {
        let bold = Look {
            colour: Colour::INK,
            ..FAINT
        };
        assert_eq!(back_first(&[bold, FAINT, bold, FAINT]), [1, 3, 0, 2]);
    }
}
