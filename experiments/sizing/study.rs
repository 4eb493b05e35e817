//! The recorded nets as a study, and what is claimed of each sizer.

use espalier_experiment::ReportContext;
use espalier_report::page::Margin;
use espalier_report::rows::Rows;
use espalier_report::statistics::{interquartile_mean, mean};
use espalier_sizing::first_enough;
use espalier_study::{Arm, Claims, Factor, Nets, Recorded, Statistic, Study, Trial, quantities};

use crate::oracle::{Judged, macs};
use crate::rows::Sized;
use crate::{sizers, widths};

pub const METHOD: Factor = Factor::method("method");
const WIDTH: Factor = Factor::setting("width").unit("units").log2();
pub const NAME: Factor = Factor::label("net");

/// How many doublings off a sizer may end and still count as having found the needed width.
pub const FOUND_DOUBLINGS: f64 = 0.5;

/// A static net, or what a sizer ended with.
pub struct Ended(pub Sized);

impl Recorded for Ended {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        // Arms that were not run have no row.
        let rows = trial.rows::<Sized>()?;
        Ok(rows.into_iter().map(|row| (row.arm.clone(), Self(row))).collect())
    }

    fn diverged(&self) -> bool {
        self.0.diverged
    }
}

quantities! { Ended;
    pub UNITS = "units", "units of a hidden layer", "" 1, |n| n.0.width;
    pub TEST = "test", "test score", "fraction" 4 higher_is_better, |n| n.0.test;
    pub VALIDATION = "validation", "validation score", "fraction" 4 higher_is_better, |n| n.0.validation;
    pub MACS = "macs", "training and decisions", "10⁹ MACs" 2, |n| macs(&n.0) / 1e9;
}

/// The rows of a data set.
pub fn read(dataset: &str, rows: &Rows, context: &ReportContext) -> anyhow::Result<Study<Ended>> {
    let mut arms = Vec::new();
    for width in widths(&context.settings)? {
        let name = crate::Arm::Static(width).to_string();
        let arm = Arm::new(name.clone())
            .with(&METHOD, "static")
            .with(&WIDTH, width as f64);
        arms.push(arm.with(&NAME, name));
    }
    for name in sizers::names(&context.settings)? {
        arms.push(
            Arm::new(name.as_str())
                .with(&METHOD, name.as_str())
                .with(&NAME, name.as_str()),
        );
    }
    let study = Study::new("sizing", arms)?.subtitle(context.subtitle()).outcome(UNITS);
    Ok(study.read(dataset, rows, &context.seeds)?)
}

/// Sizers whose width is set beforehand, whatever the data: where it is near the needed one, it happens to be.
pub const SET_BEFOREHAND: [&str; 2] = ["widest", "magnitude-prune"];

/// What the names of claims begin with that say that a sizer finds the needed width.
const FOUND: &str = "found-";

pub fn claim_of(sizer: &str) -> String {
    format!("{FOUND}{sizer}")
}

/// The sizer that a claim is about.
pub fn sizer_of(claim: &str) -> Option<&str> {
    claim.strip_prefix(FOUND)
}

/// log₂ of a sizer's width over the needed one: the interquartile mean over seeds less what the static nets of the same seeds
/// need. Seeds are drawn for both together, so that the needed width's own uncertainty is in the interval; δ is that of all seeds.
fn doublings(sizer: &str, judged: &Judged) -> Statistic<Ended> {
    let widths = judged.sweep.widths.clone();
    let statics: Vec<String> = widths
        .iter()
        .map(|width| crate::Arm::Static(*width as usize).to_string())
        .collect();
    let arms = NAME.any(statics.iter().cloned().chain([sizer.to_owned()]));
    let words = format!("log₂ of the width of {sizer} over the needed width");
    let (sizer, delta) = (sizer.to_owned(), judged.needed.delta);
    let of = move |seeds: &[&Nets<Ended>]| {
        let values = |arm: &str, quantity| seeds.iter().map(|nets| nets.value(arm, quantity)).collect::<Vec<f64>>();
        let ends = values(&sizer, &UNITS)
            .into_iter()
            .map(|units| units.max(1.0).log2())
            .collect::<Vec<f64>>();
        let means = statics.iter().map(|arm| mean(&values(arm, &VALIDATION)));
        let means: Vec<f64> = means.map(|mean| mean.unwrap_or(f64::NAN)).collect();
        interquartile_mean(&ends).unwrap_or(f64::NAN) - widths[first_enough(&means, delta)].log2()
    };
    Statistic::custom(words, &arms, of).in_unit("doublings")
}

/// Of every sizer, each on its own: it ends within half a doubling of the needed width. The zone is the same at every look at
/// seeds that are added.
pub fn claims<'s>(study: &'s Study<Ended>, judged: &Judged) -> Claims<'s, Ended> {
    let mut claims = Claims::of(study, &judged.dataset);
    let zone = Margin::Within(-FOUND_DOUBLINGS, FOUND_DOUBLINGS);
    for sizer in &judged.sizers {
        let claim = claims.lies(claim_of(&sizer.name), doublings(&sizer.name, judged), zone);
        claim.words(format!(
            "{} ends within half a doubling of the needed width",
            sizer.name
        ));
        claim.about(&UNITS).figure("cost");
        if SET_BEFOREHAND.contains(&sizer.name.as_str()) {
            claim.by_construction();
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use espalier_experiment::{Experiment as _, KeptFiles, Preset};
    use espalier_report::page::{Claim, Provenance};
    use espalier_report::rows::{Record, TrialKey, blank};

    use super::*;
    use crate::oracle::judge;

    const SEEDS: u64 = 8;

    fn context() -> ReportContext {
        let mut settings = crate::Sizing.settings(&Preset::Smoke);
        settings.set("widest=8").unwrap();
        ReportContext {
            preset: Preset::Quick,
            settings,
            dataset: "toy".to_owned(),
            seeds: (0..SEEDS).collect::<Vec<u64>>().into(),
            provenance: Provenance::default(),
            files: KeptFiles::default(),
        }
    }

    fn record(arm: &str, seed: u64, width: f64, score: f64) -> Record {
        let mut record = Record::new(TrialKey::new(&format!("{arm} {seed}"), arm, "toy", seed));
        let row = Sized {
            arm: arm.to_owned(),
            width,
            validation: score,
            test: score,
            parameters: width as u64,
            train_macs: 1,
            ..blank().unwrap()
        };
        record.push(&row).unwrap();
        record
    }

    /// What is claimed of a sizer that always ends with so many units, where four units score as `of_four` says of each seed.
    fn claim(units: f64, of_four: fn(u64) -> f64) -> Claim {
        let mut records = Vec::new();
        for seed in 0..SEEDS {
            let scores = [(1.0, 0.5), (2.0, 0.6), (4.0, of_four(seed)), (8.0, 0.9)];
            let statics = scores.map(|(width, score)| record(&format!("static/{width}"), seed, width, score));
            records.extend(statics);
            records.push(record("bisection", seed, units, 0.9));
        }
        let (rows, context) = (Rows::from_records(&records).unwrap(), context());
        let judged = judge("toy", &rows, &context).unwrap().unwrap();
        let study = read("toy", &rows, &context).unwrap();
        let claim = claims(&study, &judged).judged().unwrap().claims.remove(0);
        assert_eq!((judged.sizers.len(), claim.id.as_str()), (1, "found-bisection"));
        claim
    }

    #[test]
    fn a_sizer_is_judged_where_the_needed_width_is_certain() {
        let certain = |seed: u64| 0.9 + 1e-4 * (seed % 3) as f64;
        assert_eq!(claim(4.0, certain).verdict.word(), "confirmed");
        assert_eq!(claim(8.0, certain).verdict.word(), "refuted");
    }

    #[test]
    fn nets_that_were_still_learning_at_the_bound_recommend_and_judge_nothing() {
        // Nets of two inputs and an output have 4 w + 1 parameters, of which 3 w are weights, each multiplied once an epoch here.
        let cut = |lengths: [u64; 4]| {
            let scores = [(1.0, 0.5), (2.0, 0.6), (4.0, 0.9), (8.0, 0.9)];
            let nets = scores.into_iter().zip(lengths).flat_map(|((width, score), length)| {
                (0..SEEDS).map(move |seed| {
                    let row = Sized {
                        arm: format!("static/{width}"),
                        width,
                        validation: score + 1e-4 * seed as f64,
                        parameters: 4 * width as u64 + 1,
                        train_macs: 3 * width as u64 * length,
                        ..blank().unwrap()
                    };
                    let mut record = Record::new(TrialKey::new(&format!("{} {seed}", row.arm), &row.arm, "toy", seed));
                    record.push(&row).unwrap();
                    record
                })
            });
            let rows = Rows::from_records(&nets.collect::<Vec<_>>()).unwrap();
            judge("toy", &rows, &context()).unwrap().unwrap().cut_short
        };
        assert_eq!(cut([150, 150, 150, 60]), Some(2.0));
        assert_eq!(
            cut([150, 150, 90, 60]),
            Some(2.0),
            "half of the needed width bears on it"
        );
        assert_eq!(cut([150, 90, 90, 60]), None, "one width alone may have ended by itself");
        assert_eq!(cut([150, 60, 60, 150]), None, "neither bears on what is needed");
    }

    #[test]
    fn a_needed_width_that_some_draws_of_the_seeds_move_leaves_every_sizer_near_it_open() {
        // Five of eight seeds need four units, three need eight: in the mean eight, by a hair.
        let uncertain = |seed: u64| if seed < 5 { 0.9 } else { 0.8 };
        for (units, value) in [(8.0, 0.0), (4.0, -1.0)] {
            let claim = claim(units, uncertain);
            let ours = claim.ours.unwrap();
            assert_eq!((claim.verdict.word(), ours.value), ("inconclusive", value), "{ours}");
            assert!(ours.high - ours.low >= 1.0, "the interval holds both widths: {ours}");
        }
        assert_eq!(
            claim(1.0, uncertain).verdict.word(),
            "refuted",
            "off whichever of both is needed"
        );
    }
}
