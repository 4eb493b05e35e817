//! Metrics as sizers: train the widest net, read a width off it, train that width.

use espalier_metrics::{
    DeadRule, DeadUnits, EmOptions, Result as Measured, TWO_NN_DISCARDED, effective_rank, fit_exp_normal,
    fit_two_gamma, likelihood_dimension, numerical_rank, participation_ratio, shapiro_wilk_subsampled, spectral_tail,
    stable_rank, two_nn,
};

use crate::bench::{Bench, Trained};
use crate::error::Result;
use crate::reading::Reading;
use crate::sizer::{Kind, Sizer};
use crate::tuning::Dial;

/// A metric with the rule that makes a width of it. The width is that of the hungriest layer. Where
/// the rule is not defined on a net, the widest is kept, with a remark.
#[derive(Clone, Copy, Debug)]
pub struct ReadOff {
    /// Its name.
    pub name: &'static str,
    /// The rule in words.
    pub rule: &'static str,
    /// The width of one layer, before it is rounded up.
    pub width: fn(&Reading) -> Measured<f64>,
}

/// The list: a new metric is one line here. All rules were fixed before any row was seen.
#[rustfmt::skip]
pub const READ_OFFS: &[ReadOff] = &[
    ReadOff { name: "dead-units", rule: "units that ever fire", width: |r| Ok((r.units - DeadUnits::of(&r.moments()?, DeadRule::Spread(0.0)).count()) as f64) },
    ReadOff { name: "exp-normal", rule: "width × (1 − π), π the idle share of an exponential and a normal", width: |r| Ok(r.units as f64 * (1.0 - fit_exp_normal(&r.spreads()?, &EmOptions::exp_normal())?.mixture.low_share)) },
    ReadOff { name: "two-gammas", rule: "width × (1 − π), π the idle share of two gammas", width: |r| Ok(r.units as f64 * (1.0 - fit_two_gamma(&r.spreads()?, &EmOptions::two_gamma())?.mixture.low_share)) },
    ReadOff { name: "shapiro-wilk", rule: "width × W of the units' spreads", width: |r| Ok(r.units as f64 * shapiro(&r.spreads()?)?) },
    ReadOff { name: "effective-rank", rule: "effective rank of the weight", width: |r| effective_rank(&r.singular_values()?) },
    ReadOff { name: "stable-rank", rule: "stable rank of the weight", width: |r| stable_rank(&r.singular_values()?) },
    ReadOff { name: "numerical-rank", rule: "singular values above a tenth of the largest", width: |r| Ok(numerical_rank(&r.singular_values()?, 0.1)? as f64) },
    ReadOff { name: "low-rank", rule: "rank that holds 95 % of the weight's squared size", width: |r| Ok(share(&squares(&r.singular_values()?), 0.95) as f64) },
    ReadOff { name: "spectral-tail", rule: "squared singular values in the power-law tail", width: |r| Ok(spectral_tail(&r.weight, r.units)?.values as f64) },
    ReadOff { name: "pca-share", rule: "components that hold 95 % of the activations' variance", width: |r| Ok(r.components()?.components_for(0.95) as f64) },
    ReadOff { name: "participation", rule: "participation ratio of the activations' variances", width: |r| participation_ratio(r.components()?.eigenvalues()) },
    ReadOff { name: "two-nn", rule: "2 d + 1, d the TwoNN dimension of the activations", width: |r| Ok(2.0 * two_nn(&r.activations, r.units, TWO_NN_DISCARDED)?.dimension + 1.0) },
    ReadOff { name: "likelihood-dimension", rule: "2 d + 1, d the maximum-likelihood dimension over 10 neighbours", width: |r| Ok(2.0 * likelihood_dimension(&r.activations, r.units, 10)? + 1.0) },
];

fn shapiro(spreads: &[f64]) -> Measured<f64> {
    let mut stream = espalier_seed::Seed::new(0).named("shapiro").stream();
    Ok(shapiro_wilk_subsampled(spreads, &mut stream)?.test.w)
}

fn squares(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value * value).collect()
}

/// How many of the largest values hold a share of their sum.
fn share(descending: &[f64], share: f64) -> usize {
    let all: f64 = descending.iter().sum();
    let mut held = 0.0;
    let reached = descending.iter().position(|value| {
        held += value;
        held >= share * all
    });
    reached.map_or(descending.len(), |place| place + 1)
}

impl Sizer for ReadOff {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::ReadOff
    }

    fn dials(&self) -> &'static [Dial] {
        &FACTOR
    }

    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        Some(Box::new(Scaled {
            read_off: *self,
            factor: *values.first()?,
        }))
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        self.seek(bench, 1.0)
    }
}

/// What a read-off's width may be multiplied by.
static FACTOR: [Dial; 1] = [Dial::logarithmic("factor", 0.5, 2.0, 1.0)];

/// A read-off whose width is multiplied by a factor.
struct Scaled {
    read_off: ReadOff,
    factor: f64,
}

impl Sizer for Scaled {
    fn name(&self) -> &'static str {
        self.read_off.name
    }

    fn kind(&self) -> Kind {
        Kind::ReadOff
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        self.read_off.seek(bench, self.factor)
    }
}

impl ReadOff {
    fn seek(&self, bench: &mut Bench<'_>, factor: f64) -> Result<Trained> {
        let widest = bench.widest();
        let wide = bench.train(widest)?;
        let readings = bench.read(&wide)?;
        let width = match self.hungriest(&readings) {
            Ok(width) => ((factor * width).ceil() as usize).clamp(1, widest),
            // The rule says nothing of this net, which is then all that there is.
            Err(reason) => return Ok(wide.remarked(reason)),
        };
        if width == widest { Ok(wide) } else { bench.train(width) }
    }

    /// The largest width of any layer, at least 1, or why there is none.
    fn hungriest(&self, readings: &[Reading]) -> std::result::Result<f64, String> {
        let mut width: f64 = 1.0;
        for reading in readings {
            let layer = (self.width)(reading).map_err(|error| format!("not defined: {error}"))?;
            if !layer.is_finite() {
                return Err(format!("not defined: the width {layer}"));
            }
            width = width.max(layer);
        }
        Ok(width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three units over four rows: one dead, two equal up to a factor.
    fn reading() -> Reading {
        Reading {
            units: 3,
            activations: vec![1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 6.0, 0.0, 1.0, 2.0, 0.0],
            // Singular values 5, 0.4 and 0.
            weight: vec![3.0, 4.0, 0.0, 0.32, -0.24, 0.0, 0.0, 0.0, 0.0],
        }
    }

    #[test]
    fn every_rule_of_the_list_gives_the_width_that_its_words_say() {
        let width = |name: &str| {
            let read_off = READ_OFFS.iter().find(|read_off| read_off.name == name).unwrap();
            (read_off.width)(&reading()).unwrap()
        };
        assert_eq!(width("dead-units"), 2.0);
        assert_eq!(width("numerical-rank"), 1.0);
        assert_eq!(width("low-rank"), 1.0, "25 of 25.16 is more than 95 %");
        assert_eq!(width("pca-share"), 1.0, "two proportional units are one component");
        assert!((width("participation") - 1.0).abs() < 1e-6);
        // Σσ² / σ²max = 1 + 0.16 / 25.
        assert!((width("stable-rank") - 1.0064).abs() < 1e-4);
    }

    #[test]
    fn names_are_distinct_and_rules_are_told() {
        let names: std::collections::BTreeSet<&str> = READ_OFFS.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), READ_OFFS.len());
        assert!(READ_OFFS.iter().all(|r| !r.rule.is_empty()));
    }

    #[test]
    fn a_share_is_reached_by_the_value_that_passes_it() {
        assert_eq!(
            [0.5, 0.75, 0.76, 1.0].map(|level| share(&[2.0, 1.0, 1.0], level)),
            [1, 2, 3, 3]
        );
    }
}
