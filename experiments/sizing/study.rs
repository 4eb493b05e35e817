//! The recorded nets as a study, and what is claimed of each sizer.

use espalier_experiment::ReportContext;
use espalier_report::page::Margin;
use espalier_report::rows::Rows;
use espalier_study::{Arm, Claims, Factor, Quantity, Recorded, Study, Trial};

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

pub const UNITS: Quantity<Ended> = Quantity::new("units", "units of a hidden layer", |n: &Ended| n.0.width).unit("", 1);
pub const TEST: Quantity<Ended> = Quantity::new("test", "test score", |n: &Ended| n.0.test)
    .unit("fraction", 4)
    .higher_is_better();
pub const VALIDATION: Quantity<Ended> = Quantity::new("validation", "validation score", |n: &Ended| n.0.validation)
    .unit("fraction", 4)
    .higher_is_better();
pub const MACS: Quantity<Ended> =
    Quantity::new("macs", "training and decisions", |n: &Ended| macs(&n.0) / 1e9).unit("10⁹ MACs", 2);

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

/// Of every sizer, each on its own: it ends within half a doubling of the needed width, which the static nets alone have set.
pub fn claims<'s>(study: &'s Study<Ended>, judged: &Judged) -> Claims<'s, Ended> {
    let mut claims = Claims::of(study, &judged.dataset);
    let (needed, factor) = (judged.needed.width, FOUND_DOUBLINGS.exp2());
    for sizer in &judged.sizers {
        let at = METHOD.is(sizer.name.as_str()).named(sizer.name.as_str());
        let zone = Margin::Within(needed / factor, needed * factor);
        let claim = claims.lies(claim_of(&sizer.name), UNITS.at(&at), zone);
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
