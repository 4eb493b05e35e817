//! Arms at the configuration that a validation score chooses for them, and whether the grid held it between its ends.

use std::collections::BTreeMap;

use espalier_report::page::{TableBlock, edges_told, items, tried_table};
use espalier_report::statistics::{Tried, choose};

use crate::Result;
use crate::arm::Arm;
use crate::bound::Bound;
use crate::contrast::strata;
use crate::factor::{Factor, Level, Where};
use crate::quantity::Quantity;
use crate::study::{Set, Study};

/// The configuration that was chosen for an arm on one data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// The arm that stands for the chosen configuration.
    pub arm: String,
    /// What was tuned.
    pub factor: &'static str,
    /// The levels that were tried, ascending where they are numbers.
    pub tried: Vec<Level>,
    /// The level that was chosen.
    pub chosen: Level,
    pub(crate) set: String,
    configurations: Vec<Tried>,
}

espalier_report::named! {
    /// An end of a grid of numbers.
    pub enum Edge {
        /// The least level that was tried.
        Lower = "lower",
        /// The largest level that was tried.
        Upper = "upper",
    }
}

impl Tuned {
    /// The end of the grid at which the chosen level lies: a better one may lie beyond. `None` between the ends, for levels that
    /// have no order, and where one or two were tried, which lie between nothing.
    #[must_use]
    pub fn edge(&self) -> Option<Edge> {
        let ordered = self.tried.len() > 2 && self.tried.iter().all(|level| !level.number().is_nan());
        let at = |level: Option<&Level>| level == Some(&self.chosen);
        match (at(self.tried.first()), at(self.tried.last())) {
            (true, _) if ordered => Some(Edge::Lower),
            (_, true) if ordered => Some(Edge::Upper),
            _ => None,
        }
    }

    fn words(&self) -> Option<String> {
        let tried: Vec<String> = self.tried.iter().map(Level::to_string).collect();
        let (factor, edge, tried) = (self.factor, self.edge()?, tried.join(", "));
        Some(format!("{factor} at the {edge} end of {tried}"))
    }
}

impl<T: Clone + 'static> Study<T> {
    /// Adds an arm for each group of arms that differ in nothing but a factor: on each data set it is the one of them
    /// whose quantity has the best mean over seeds.
    ///
    /// Its level of the factor says among what was chosen, so that arms that tried the same levels differ in nothing by
    /// it, and arms that tried others are confounded by their tuning.
    ///
    /// # Errors
    /// As [`choose`], for instance without a seed.
    pub fn tuned(
        mut self,
        factor: &Factor,
        by: &Quantity<T>,
        arms: &Where,
        name: impl Fn(&Arm) -> String,
    ) -> Result<Self> {
        for mut group in strata(&self.chosen(arms), factor) {
            group.sort_by(|a, b| a.number(factor).total_cmp(&b.number(factor)));
            let tried: Vec<Level> = group.iter().filter_map(|arm| arm.level(factor.name).cloned()).collect();
            let levels: Vec<String> = tried.iter().map(Level::to_string).collect();
            let best_of = format!("the best of {}", levels.join(", "));
            let mut best = group[0].clone().with(factor, best_of);
            best.name = name(&group[0]);
            for set in &mut self.sets {
                let configurations = configurations(set, by, &group, &best.name);
                let Some(choice) = choose(&configurations)?.pop() else {
                    continue;
                };
                for nets in &mut set.seeds {
                    nets.stand_for(&best.name, &choice.configuration);
                }
                let chosen = group.iter().find(|arm| arm.name == choice.configuration);
                let tuned = chosen.and_then(|arm| arm.level(factor.name)).map(|chosen| Tuned {
                    arm: best.name.clone(),
                    factor: factor.name,
                    tried: tried.clone(),
                    chosen: chosen.clone(),
                    set: set.name.clone(),
                    configurations,
                });
                self.tuned.extend(tuned);
            }
            self.arms.push(best);
        }
        Ok(self)
    }
}

fn configurations<T>(set: &Set<T>, by: &Quantity<T>, group: &[Arm], best: &str) -> Vec<Tried> {
    let of = |arm: &Arm| Tried {
        arm: best.to_owned(),
        configuration: arm.name.clone(),
        validation: set.values(&arm.name, by),
    };
    group.iter().map(of).collect()
}

impl<T: 'static> Study<T> {
    /// What was chosen for the arms of a data set, in the order of the arms.
    pub fn choices(&self, set: &str) -> impl Iterator<Item = &Tuned> {
        self.tuned.iter().filter(move |tuned| tuned.set == set)
    }

    /// What was chosen for one arm of a data set.
    #[must_use]
    pub fn choice(&self, set: &str, arm: &str) -> Option<&Tuned> {
        self.choices(set).find(|tuned| tuned.arm == arm)
    }

    /// The arms of a claim that were chosen at the edge of their grids, in words.
    pub(crate) fn edges(&self, set: &Set<T>, bound: &Bound<T>) -> Option<String> {
        let mut at: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for arm in bound.arms() {
            if let Some(words) = self.choice(&set.name, &arm.name).and_then(Tuned::words) {
                at.entry(words).or_default().push(&arm.name);
            }
        }
        let edge = |(words, arms): (&String, &Vec<&str>)| format!("{} ({words})", items(arms));
        let words: Vec<String> = at.iter().map(edge).collect();
        (!words.is_empty()).then(|| format!("best at the edge of the grid: {}", words.join("; ")))
    }

    /// Says how many arms of a data set were chosen at the edge of their grids, or that grids of two hold nothing between their
    /// ends; `None` where every grid held its best configuration there.
    #[must_use]
    pub fn edge_note(&self, set: &str) -> Option<String> {
        let all: Vec<&Tuned> = self.choices(set).filter(|tuned| tuned.tried.len() > 1).collect();
        let at = |edge| all.iter().filter(|tuned| tuned.edge() == Some(edge)).count();
        let two = all.iter().filter(|tuned| tuned.tried.len() == 2).count();
        edges_told(all.len(), two, [at(Edge::Lower), at(Edge::Upper)])
    }

    /// Tabulates what was tried on a data set, what was chosen, and what lies at the edge of its grid.
    #[must_use]
    pub fn tried_table(&self, set: &str) -> TableBlock {
        let mut tried = Vec::new();
        let mut marks = Vec::new();
        for tuned in self.choices(set) {
            for (one, level) in tuned.configurations.iter().zip(&tuned.tried) {
                let chosen = *level == tuned.chosen;
                tried.push(Tried {
                    configuration: format!("{} {level}", tuned.factor),
                    ..one.clone()
                });
                marks.push(match tuned.edge().filter(|_| chosen) {
                    Some(edge) => format!("chosen, the {edge} edge of the grid"),
                    None if chosen => "chosen".to_owned(),
                    None => String::new(),
                });
            }
        }
        let mut table = tried_table(&tried, &[]);
        table.note = "Means over seeds; the choice looks at validation scores only.".to_owned();
        for (cells, mark) in table.rows.iter_mut().zip(marks) {
            if let Some(last) = cells.last_mut() {
                *last = mark;
            }
        }
        table
    }
}
