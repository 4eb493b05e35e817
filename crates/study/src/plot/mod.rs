//! Figures drawn from quantities, factors and statistics.
//!
//! A [`Plot`] has one column of panels for each data set and facet. Most panels are of a standard kind ([`sweep`],
//! [`curves`], [`bars`], [`boxes`], [`forest`], [`grouped`], [`frontier`], [`scatter`]); [`custom`] draws the others.
//! Zones of claims that name the figure are drawn into it, with the study's number.

mod bars;
mod boxes;
mod curves;
mod grouped;
mod scatter;
mod sweep;
mod zone;

pub use bars::{Bars, Forest, bars, forest};
pub use boxes::{Boxes, boxes};
pub use curves::{Curves, curves};
pub use grouped::{Grouped, grouped};
pub use scatter::{Frontier, Scatter, frontier, scatter};
pub use sweep::{Sweep, sweep};
pub use zone::Zone;

use espalier_report::figure::{Axis, Colours, Figure, Panel, Rule};
use espalier_report::page::{Plate, set_in_print, titled};

use crate::arm::Arm;
use crate::claim::Claims;
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;
use crate::study::{Set, Study};
use crate::{Error, Result};

/// Where a panel stands: the data set, the facet and the zones of claims that are shown there.
pub struct Place<'a, T> {
    /// The study.
    pub study: &'a Study<T>,
    /// The data set.
    pub set: &'a Set<T>,
    /// What the facet chooses.
    pub facet: &'a Where,
    pub(crate) zones: Vec<&'a Zone>,
}

impl<T: 'static> Place<'_, T> {
    /// The arms of a choice within the facet, by ascending level of a factor.
    #[must_use]
    pub fn arms(&self, arms: &Where, along: &Factor) -> Vec<Arm> {
        let mut chosen = self.study.chosen(&arms.clone().and(self.facet.clone()));
        chosen.sort_by(|a, b| a.number(along).total_cmp(&b.number(along)));
        chosen
    }
}

impl<T: 'static> Study<T> {
    /// A quantity's axis over some numbers of the nets of chosen arms, on all data sets, which several panels share.
    pub fn axis_over<I: IntoIterator<Item = f64>>(
        &self,
        quantity: &Quantity<T>,
        arms: &Where,
        of: impl Fn(&T) -> I,
    ) -> Axis {
        let arms = self.chosen(arms);
        let numbers = self.sets.iter().flat_map(|set| set.nets(&arms)).flat_map(of);
        let ends = numbers.filter(|number| number.is_finite()).fold(None, |ends, number| {
            let (low, high) = ends.unwrap_or((number, number));
            Some((number.min(low), number.max(high)))
        });
        let axis = quantity.axis();
        // Where every training diverged at once there is nothing to cover.
        ends.map_or(axis.clone(), |(low, high)| axis.at_least(low, high))
    }
}

/// A kind of panel.
pub trait Draw<T> {
    /// Draws the panel without its title.
    ///
    /// # Errors
    /// As the statistics that it draws.
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel>;
}

/// A panel that is drawn by hand.
pub struct Custom<F>(F);

/// Draws a panel by hand.
pub fn custom<T, F: Fn(&Place<'_, T>) -> Result<Panel>>(draw: F) -> Custom<F> {
    Custom(draw)
}

impl<T, F: Fn(&Place<'_, T>) -> Result<Panel>> Draw<T> for Custom<F> {
    fn draw(&self, place: &Place<'_, T>) -> Result<Panel> {
        (self.0)(place)
    }
}

struct Facet {
    words: String,
    arms: Where,
}

struct Titled<T> {
    title: String,
    panel: Box<dyn Draw<T>>,
}

/// One figure: facets and panels, for every data set.
pub struct Plot<T> {
    name: String,
    title: String,
    facets: Vec<Facet>,
    panels: Vec<Titled<T>>,
    alt: String,
    caption: String,
    size: (u32, u32),
    alone: Option<(u32, u32)>,
    columns: usize,
    colours: Colours,
    highlight: Vec<String>,
    reasons: Vec<(Rule, String)>,
    /// The same as the study's words list them, the rule by its name.
    listed: Vec<(String, String)>,
}

impl<T: 'static> Plot<T> {
    /// Adds a facet: every panel is drawn once for the arms of each.
    pub fn facet(&mut self, words: impl Into<String>, arms: Where) -> &mut Self {
        self.facets.push(Facet {
            words: words.into(),
            arms,
        });
        self
    }

    /// Adds a panel; its title may be empty.
    pub fn panel(&mut self, title: impl Into<String>, panel: impl Draw<T> + 'static) -> &mut Self {
        self.panels.push(Titled {
            title: title.into(),
            panel: Box::new(panel),
        });
        self
    }

    /// Says what it shows, for readers who cannot see it.
    pub fn alt(&mut self, alt: impl Into<String>) -> &mut Self {
        self.alt = alt.into();
        self
    }

    /// Says what a reader should take from it.
    pub fn caption(&mut self, caption: impl Into<String>) -> &mut Self {
        self.caption = caption.into();
        self
    }

    /// Gives it a name of its own, where several figures have the same words.
    pub fn called(&mut self, name: impl Into<String>) -> &mut Self {
        self.name = name.into();
        self
    }

    /// Puts a value where title, alternative text and caption say `{name}`.
    pub fn with(&mut self, name: &str, value: impl ToString) -> &mut Self {
        let (place, value) = (format!("{{{name}}}"), value.to_string());
        for text in [&mut self.title, &mut self.alt, &mut self.caption] {
            *text = text.replace(&place, &value);
        }
        self
    }

    /// Sets width and height of a panel.
    pub fn size(&mut self, width: u32, height: u32) -> &mut Self {
        self.size = (width, height);
        self
    }

    /// Sets width and height of a panel where there is one data set.
    pub fn size_alone(&mut self, width: u32, height: u32) -> &mut Self {
        self.alone = Some((width, height));
        self
    }

    /// Sets the number of panels in a row.
    pub fn columns(&mut self, columns: usize) -> &mut Self {
        self.columns = columns;
        self
    }

    /// Fixes the looks of series.
    pub fn colours(&mut self, colours: Colours) -> &mut Self {
        self.colours = colours;
        self
    }

    /// Names the series that the figure is about; where a panel has more than five, the others step back.
    pub fn highlight<S: Into<String>>(&mut self, series: impl IntoIterator<Item = S>) -> &mut Self {
        self.highlight.extend(series.into_iter().map(Into::into));
        self
    }

    /// Says why the figure breaks a rule of readable figures.
    pub fn because(&mut self, rule: Rule, reason: impl Into<String>) -> &mut Self {
        self.reasons.push((rule, reason.into()));
        self
    }

    fn plate(&self, study: &Study<T>, zones: &[Zone]) -> Result<Plate> {
        let mut figure = Figure::new(&*self.name, &*self.title).subtitle(&*study.subtitle);
        let whole = [Facet {
            words: String::new(),
            arms: Where::all(),
        }];
        let facets = if self.facets.is_empty() {
            &whole[..]
        } else {
            &self.facets
        };
        for set in &study.sets {
            let own = |zone: &&Zone| zone.figure == self.name && zone.set == set.name;
            for facet in facets {
                let place = Place {
                    study,
                    set,
                    facet: &facet.arms,
                    zones: zones.iter().filter(own).collect(),
                };
                for titled in &self.panels {
                    let mut panel = titled.panel.draw(&place)?;
                    panel.title = self.panel_title(study, set, &facet.words, &titled.title);
                    figure = figure.panel(panel);
                }
            }
        }
        let (width, height) = self.alone.filter(|_| study.sets.len() == 1).unwrap_or(self.size);
        let refuse = |reason: &str| Error::Figure {
            figure: self.name.clone(),
            reason: reason.to_owned(),
        };
        if figure.panels.is_empty() {
            return Err(refuse("expected a panel and a data set, found none"));
        }
        if self.title.is_empty() {
            let expected = "expected a title, as a section `## name: title` of the study's words has it, found none";
            return Err(refuse(expected));
        }
        let mut figure = figure
            .columns(self.columns)
            .panel_size(width, height)
            .colours(self.colours.clone());
        figure.highlight.clone_from(&self.highlight);
        figure.reasons.clone_from(&self.reasons);
        for (rule, reason) in &self.listed {
            let rule = Rule::named(rule).ok_or_else(|| refuse(&format!("`{rule}` is no rule of readable figures")))?;
            figure = figure.because(rule, reason);
        }
        let alone = study.sets.iter().all(|set| set.seeds.len() == 1);
        let plate = Plate::new(figure, &self.alt, &self.caption);
        Ok(if alone { plate.of_one_seed() } else { plate })
    }

    fn panel_title(&self, study: &Study<T>, set: &Set<T>, facet: &str, title: &str) -> String {
        let words: Vec<&str> = [facet, title].into_iter().filter(|part| !part.is_empty()).collect();
        let several = study.sets.len() > 1;
        let set = Some(set_in_print(&set.name)).filter(|_| several);
        titled(&set.unwrap_or_default(), words.join(", "))
    }
}

/// The figures of a study, in the order of the page.
#[must_use]
pub struct Figures<'s, T> {
    study: &'s Study<T>,
    plots: Vec<Plot<T>>,
    zones: Vec<Zone>,
}

impl<'s, T: 'static> Figures<'s, T> {
    /// Begins without figures.
    pub fn of(study: &'s Study<T>) -> Self {
        Self {
            study,
            plots: Vec::new(),
            zones: Vec::new(),
        }
    }

    /// Begins with the zones of claims, which figures that they name show.
    ///
    /// # Errors
    /// As the claims' statistics.
    pub fn showing(study: &'s Study<T>, claims: &[Claims<'_, T>]) -> Result<Self> {
        let mut figures = Self::of(study);
        for claims in claims {
            figures.show(claims)?;
        }
        Ok(figures)
    }

    /// Shows the zones of claims in the figures that they name.
    ///
    /// # Errors
    /// As the claims' statistics.
    pub fn show(&mut self, claims: &Claims<'_, T>) -> Result<&mut Self> {
        self.zones.extend(claims.zones()?);
        Ok(self)
    }

    /// Adds a figure whose title, alternative text, caption and reasons to break a rule stand under its name in the study's
    /// words ([`Study::words`](crate::Study::words)).
    pub fn shown(&mut self, name: &str) -> &mut Plot<T> {
        let section = self.study.words.iter().find(|section| section.name == name);
        let texts = section.map(|section| [&*section.title, section.paragraph(0), section.paragraph(1)]);
        let [title, alt, caption] = texts.unwrap_or_default();
        let plot = self.plot(name, title).alt(alt).caption(caption);
        plot.listed = section.map_or_else(Vec::new, |section| section.list.clone());
        plot
    }

    /// Adds a figure.
    pub fn plot(&mut self, name: impl Into<String>, title: impl Into<String>) -> &mut Plot<T> {
        self.plots.push(Plot {
            name: name.into(),
            title: title.into(),
            facets: Vec::new(),
            panels: Vec::new(),
            alt: String::new(),
            caption: String::new(),
            size: (470, 340),
            alone: None,
            columns: 2,
            colours: Colours::new(),
            highlight: Vec::new(),
            reasons: Vec::new(),
            listed: Vec::new(),
        });
        let last = self.plots.len() - 1;
        &mut self.plots[last]
    }

    /// Draws all figures.
    ///
    /// # Errors
    /// [`Error::Figure`] for a figure without panels, and where a claim names a figure that is not there.
    pub fn plates(&self) -> Result<Vec<Plate>> {
        let there = |zone: &&Zone| self.plots.iter().any(|plot| plot.name == zone.figure);
        if let Some(zone) = self.zones.iter().find(|zone| !there(zone)) {
            return Err(Error::Figure {
                figure: zone.figure.clone(),
                reason: format!("claim `{}` names it, expected it among the figures", zone.claim),
            });
        }
        let plate = |plot: &Plot<T>| plot.plate(self.study, &self.zones);
        self.plots.iter().map(plate).collect()
    }
}
