//! Typed claims: what is compared, and where the claim holds.

use espalier_report::page::{Display, Margin};

use crate::factor::{Factor, Level, Where};
use crate::quantity::{Better, Quantity};
use crate::statistic::{Measure, Statistic};
use crate::study::Study;
use crate::words::Line;

espalier_report::named! {
    /// What a claim says of its statistic; the name is the one in `summary.json`.
    pub enum Kind {
        /// One side is better than the other.
        Superiority = "superiority",
        /// Two sides differ by less than a margin.
        Equivalence = "equivalence",
        /// One arm is better than every rival.
        Best = "best",
        /// One arm is worse than every rival.
        Worst = "worst",
        /// A quantity follows a factor.
        Trend = "trend",
        /// A quantity follows a factor with an exponent.
        Shape = "shape",
        /// Something holds at each level of a factor.
        Each = "each",
        /// A number lies in a range of ours.
        Level = "level",
        /// A number lies in a study's range.
        Reproduction = "reproduction",
        /// True by the way it is built.
        Identity = "identity",
    }
}

/// One statistic of a claim, with the name of its rival or level where there are several.
pub(crate) struct Part<T> {
    pub(crate) label: String,
    pub(crate) statistic: Statistic<T>,
}

/// A flaw that is put in on purpose.
pub(crate) struct Flaw<T> {
    pub(crate) words: String,
    pub(crate) statistic: Statistic<T>,
}

/// A declared claim; its methods add what only some claims have.
pub struct Declared<T> {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) parts: Vec<Part<T>>,
    pub(crate) zone: Margin,
    pub(crate) cause: Option<Factor>,
    pub(crate) sentence: String,
    pub(crate) says: Option<String>,
    pub(crate) words: String,
    pub(crate) study: Option<String>,
    pub(crate) family: Option<String>,
    pub(crate) figure: String,
    pub(crate) flaw: Option<Flaw<T>>,
    pub(crate) subjects: Vec<&'static str>,
    pub(crate) regardless: Vec<Factor>,
    pub(crate) settled: Vec<Quantity<T>>,
    pub(crate) reaching: Option<(Quantity<T>, Margin)>,
    pub(crate) check: Option<Check<T>>,
    pub(crate) built_in: bool,
}

/// What must be so of every net of some arms.
pub(crate) struct Check<T> {
    pub(crate) arms: Where,
    pub(crate) holds: Holds<T>,
}

/// What is asked of a net.
type Holds<T> = Box<dyn Fn(&T) -> Option<bool>>;

impl<T> Declared<T> {
    fn new(id: String, kind: Kind, zone: Margin, sentence: String) -> Self {
        Self {
            id,
            kind,
            parts: Vec::new(),
            zone,
            cause: None,
            sentence,
            says: None,
            words: String::new(),
            study: None,
            family: None,
            figure: String::new(),
            flaw: None,
            subjects: Vec::new(),
            regardless: Vec::new(),
            settled: Vec::new(),
            reaching: None,
            check: None,
            built_in: false,
        }
    }

    fn part(mut self, label: impl Into<String>, statistic: Statistic<T>) -> Self {
        self.parts.push(Part {
            label: label.into(),
            statistic,
        });
        self
    }

    fn caused_by(mut self, cause: &Factor) -> Self {
        self.cause = Some(*cause);
        self
    }

    /// Says that a study claims it, in the study's words, and its number.
    pub fn study(&mut self, words: impl Into<String>, number: impl Into<String>) -> &mut Self {
        self.says = Some(words.into());
        self.study = Some(number.into());
        self
    }

    /// Says a claim of ours in words, for titles and answers; the comparison itself stays beside them.
    pub fn words(&mut self, words: impl Into<String>) -> &mut Self {
        self.words = words.into();
        self
    }

    /// Puts the claim among those that answer the same question.
    pub fn family(&mut self, question: impl Into<String>) -> &mut Self {
        self.family = Some(question.into());
        self
    }

    /// Names the figure that shows it.
    pub fn figure(&mut self, name: impl Into<String>) -> &mut Self {
        self.figure = name.into();
        self
    }

    /// Adds the same statistic with a flaw put in on purpose: a claim that holds only with it is an artefact.
    pub fn flaw(&mut self, words: impl Into<String>, statistic: Statistic<T>) -> &mut Self {
        self.flaw = Some(Flaw {
            words: words.into(),
            statistic,
        });
        self
    }

    /// Says that the claim includes what comes about through an outcome, such as through the size that was found.
    pub fn about(&mut self, outcome: &Quantity<T>) -> &mut Self {
        self.subjects.push(outcome.key);
        self
    }

    /// Says that a setting of the study cannot matter to the number, such as the number of epochs to what happens in
    /// the first.
    pub fn regardless_of(&mut self, factor: &Factor) -> &mut Self {
        self.regardless.push(*factor);
        self
    }

    /// Says that the number means something only once another quantity stands still, such as an accuracy once the size does,
    /// or a number in given words once what it is counted from does.
    pub fn settled(&mut self, quantity: &Quantity<T>) -> &mut Self {
        self.settled.push(*quantity);
        self
    }

    /// Says that the claim is about nets that have come so far, such as to a very low loss: where the mean over the seeds of an
    /// arm lies outside the zone, there is no verdict.
    pub fn reaching(&mut self, quantity: &Quantity<T>, zone: Margin) -> &mut Self {
        self.reaching = Some((*quantity, zone));
        self
    }

    /// Says that the comparison can only come out so, by the way its arms are built: where it does, the verdict is *by
    /// construction* instead of *confirmed*.
    pub fn by_construction(&mut self) -> &mut Self {
        self.built_in = true;
        self
    }

    /// Moves the zone: the claim holds where the statistic lies there.
    pub fn zone(&mut self, zone: Margin) -> &mut Self {
        self.zone = zone;
        if let [part] = self.parts.as_slice() {
            self.sentence = lies(&part.statistic, zone);
        }
        self
    }
}

/// The claims about one data set.
#[must_use]
pub struct Claims<'s, T> {
    pub(crate) study: &'s Study<T>,
    /// The data set.
    pub set: String,
    pub(crate) declared: Vec<Declared<T>>,
    said: Vec<Line>,
    /// The data set whose numbers count.
    said_of: String,
}

impl<'s, T: 'static> Claims<'s, T> {
    /// Begins without claims.
    pub fn of(study: &'s Study<T>, set: &str) -> Self {
        Self {
            study,
            set: set.to_owned(),
            declared: Vec::new(),
            said: Vec::new(),
            said_of: String::new(),
        }
    }

    /// Takes what is said of claims on a data set from tables in markdown, whose columns are the claim's name, the study's words,
    /// its number on each data set that it used, under the set's name, or on `any set`, and the `family` and the `figure` of
    /// the claim. A claim without a number is one of ours, which the words say; of several lines about a claim the first with a
    /// number counts. A bar within a cell is `\|`.
    pub fn said(mut self, text: &str, set: &str) -> Self {
        self.said = Line::all(text);
        self.said_of = set.to_owned();
        self
    }

    /// The levels of a factor among chosen arms.
    #[must_use]
    pub fn levels(&self, factor: &Factor, arms: &Where) -> Vec<Level> {
        self.study.levels(factor, arms)
    }

    fn push(&mut self, mut claim: Declared<T>) -> &mut Declared<T> {
        let about = || self.said.iter().filter(|line| line.cell("claim") == claim.id);
        let number = |line: &Line| line.first(&[&*self.said_of, "any set"]).to_owned();
        let studied = about().find(|line| !number(line).is_empty());
        if let Some(line) = studied.or_else(|| about().next()) {
            let [words, family, figure] = ["words", "family", "figure"].map(|name| line.cell(name).to_owned());
            match number(line) {
                none if none.is_empty() => claim.words = words,
                number => (claim.says, claim.study) = (Some(words), Some(number)),
            }
            claim.family = Some(family).filter(|family| !family.is_empty());
            claim.figure = figure;
        }
        self.declared.push(claim);
        let last = self.declared.len() - 1;
        &mut self.declared[last]
    }

    /// `a` is larger than `b`, by the cause alone.
    pub fn larger(&mut self, id: impl Into<String>, a: Statistic<T>, b: Statistic<T>, by: &Factor) -> &mut Declared<T> {
        let sentence = format!("{a} is larger than {b}");
        let claim = Declared::new(id.into(), Kind::Superiority, Margin::GreaterThan(0.0), sentence);
        self.push(claim.part("", a.less(b)).caused_by(by))
    }

    /// `a` is smaller than `b`, by the cause alone.
    pub fn smaller(
        &mut self,
        id: impl Into<String>,
        a: Statistic<T>,
        b: Statistic<T>,
        by: &Factor,
    ) -> &mut Declared<T> {
        let sentence = format!("{a} is smaller than {b}");
        let claim = Declared::new(id.into(), Kind::Superiority, Margin::LessThan(0.0), sentence);
        self.push(claim.part("", a.less(b)).caused_by(by))
    }

    /// `a` is so many times `b`, by the cause alone.
    pub fn times(
        &mut self,
        id: impl Into<String>,
        a: Statistic<T>,
        b: Statistic<T>,
        zone: Margin,
        cause: &Factor,
    ) -> &mut Declared<T> {
        let claim = self.number(id, Kind::Superiority, a.over(b), zone);
        claim.cause = Some(*cause);
        claim
    }

    /// A number lies in a range of ours.
    pub fn lies(&mut self, id: impl Into<String>, statistic: Statistic<T>, range: Margin) -> &mut Declared<T> {
        self.number(id, Kind::Level, statistic, range)
    }

    /// A number lies in a zone.
    fn number(&mut self, id: impl Into<String>, kind: Kind, of: Statistic<T>, zone: Margin) -> &mut Declared<T> {
        let sentence = lies(&of, zone);
        self.push(Declared::new(id.into(), kind, zone, sentence).part("", of))
    }

    /// A statistic in given words tells by which form a quantity follows a factor, as the zone says.
    pub fn shape(&mut self, id: impl Into<String>, statistic: Statistic<T>, zone: Margin) -> &mut Declared<T> {
        self.number(id, Kind::Shape, statistic, zone)
    }

    /// `a` and `b` differ by less than a margin, whatever the difference is.
    pub fn alike(
        &mut self,
        id: impl Into<String>,
        a: Statistic<T>,
        b: Statistic<T>,
        margin: f64,
        cause: &Factor,
    ) -> &mut Declared<T> {
        let most = Display::of_claim(a.unit(), "", true).size(margin);
        let sentence = format!("{a} and {b} differ by less than {most}");
        let claim = Declared::new(id.into(), Kind::Equivalence, Margin::Within(-margin, margin), sentence);
        self.push(claim.part("", a.less(b)).caused_by(cause))
    }

    /// A quantity follows a factor within each seed and stratum as the zone says.
    pub fn trend(
        &mut self,
        id: impl Into<String>,
        quantity: &Quantity<T>,
        factor: &Factor,
        arms: &Where,
        measure: Measure,
        zone: Margin,
    ) -> &mut Declared<T> {
        let statistic = quantity.trend_over(factor, measure, arms);
        let kind = if measure == Measure::Exponent {
            Kind::Shape
        } else {
            Kind::Trend
        };
        let range = self.study.levels(factor, arms);
        let fitted = match (range.first(), range.last()) {
            (Some(first), Some(last)) if kind == Kind::Shape => format!(", fitted from {first} to {last}"),
            _ => String::new(),
        };
        let sentence = format!("{}{fitted}", lies(&statistic, zone));
        self.push(Declared::new(id.into(), kind, zone, sentence).part("", statistic))
    }

    /// A quantity falls as a factor rises: their rank correlation within each seed and stratum is below −`rank`.
    pub fn falls(
        &mut self,
        id: impl Into<String>,
        quantity: &Quantity<T>,
        factor: &Factor,
        arms: &Where,
        rank: f64,
    ) -> &mut Declared<T> {
        self.trend(id, quantity, factor, arms, Measure::Rank, Margin::LessThan(-rank))
    }

    /// A quantity rises or falls with another over the levels of a factor, within each seed and stratum.
    pub fn follows(
        &mut self,
        id: impl Into<String>,
        quantity: &Quantity<T>,
        other: &Quantity<T>,
        factor: &Factor,
        arms: &Where,
        zone: Margin,
    ) -> &mut Declared<T> {
        self.number(id, Kind::Trend, quantity.spearman_with(other, factor, arms), zone)
    }

    /// The chosen arm is the best of all rivals in a quantity, by the cause alone.
    pub fn best(
        &mut self,
        id: impl Into<String>,
        quantity: &Quantity<T>,
        arm: &Where,
        rivals: &Where,
        cause: &Factor,
    ) -> &mut Declared<T> {
        self.against_rivals(id.into(), Kind::Best, quantity, arm, rivals, cause)
    }

    /// The chosen arm is the worst of all rivals in a quantity, by the cause alone.
    pub fn worst(
        &mut self,
        id: impl Into<String>,
        quantity: &Quantity<T>,
        arm: &Where,
        rivals: &Where,
        cause: &Factor,
    ) -> &mut Declared<T> {
        self.against_rivals(id.into(), Kind::Worst, quantity, arm, rivals, cause)
    }

    fn against_rivals(
        &mut self,
        id: String,
        kind: Kind,
        quantity: &Quantity<T>,
        arm: &Where,
        rivals: &Where,
        cause: &Factor,
    ) -> &mut Declared<T> {
        let higher = quantity.better != Better::Lower;
        let zone = match higher == (kind == Kind::Best) {
            true => Margin::GreaterThan(0.0),
            false => Margin::LessThan(0.0),
        };
        let words = format!("{arm} is the {} in {}", kind.name(), quantity.name);
        let mut claim = Declared::new(id, kind, zone, words);
        for rival in self.study.chosen(rivals).iter().filter(|rival| !arm.holds(rival)) {
            let Some(level) = rival.level(cause.name) else { continue };
            let other = rivals.clone().and(cause.is(level.clone())).named(&*rival.name);
            claim = claim.part(&*rival.name, quantity.at(arm).less(quantity.at(&other)));
        }
        self.push(claim.caused_by(cause))
    }

    /// A statistic lies in the zone at each level of a factor; a comparison differs by the cause alone.
    pub fn each(
        &mut self,
        id: impl Into<String>,
        factor: &Factor,
        levels: &[Level],
        zone: Margin,
        cause: Option<&Factor>,
        statistic: impl Fn(&Where) -> Statistic<T>,
    ) -> &mut Declared<T> {
        let each = format!("at each level of {}", factor.name);
        let there = format!("{} at that level", factor.name);
        let mut claim = Declared::new(id.into(), Kind::Each, zone, each.clone());
        for level in levels {
            let at = factor.is(level.clone());
            let (label, part) = (at.to_string(), statistic(&at));
            claim.sentence = format!("{each}: {}", lies(&part, zone).replace(&label, &there));
            claim = claim.part(label, part);
        }
        claim.cause = cause.copied();
        self.push(claim)
    }

    /// A number lies in the study's range; it is no comparison of causes.
    pub fn reproduces(&mut self, id: impl Into<String>, statistic: Statistic<T>, range: Margin) -> &mut Declared<T> {
        self.number(id, Kind::Reproduction, statistic, range)
    }

    /// Something is true of every net by the way it is built, and is checked to be so.
    /// A net for which `holds` answers `None` has nothing to check and is not counted.
    pub fn identity<A: Into<Option<bool>>>(
        &mut self,
        id: impl Into<String>,
        words: &str,
        arms: &Where,
        holds: impl Fn(&T) -> A + 'static,
    ) -> &mut Declared<T> {
        let mut claim = Declared::new(id.into(), Kind::Identity, Margin::Within(1.0, 1.0), words.to_owned());
        claim.check = Some(Check {
            arms: arms.clone(),
            holds: Box::new(move |net| holds(net).into()),
        });
        self.push(claim)
    }
}

/// Says that a statistic lies in a zone, in the unit in which the page shows both.
fn lies<T>(statistic: &Statistic<T>, zone: Margin) -> String {
    let words = statistic.to_string();
    let shown = Display::of_claim(statistic.unit(), &words, statistic.compares());
    format!("{words} is {}", shown.zone(zone, None))
}
