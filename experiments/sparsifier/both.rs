//! Two data sets against each other: claims and their figure.

use espalier_report::page::set_in_print;
use espalier_sparsifier::Penalty;
use espalier_study::prelude::*;
use espalier_study::standard::EPOCHS;
use espalier_trial::Run;

use crate::report::{self, AT, Net, gated};
use crate::{Sparsified, written};

const DATA: Factor = Factor::setting("data set");

/// A net of two data sets, whose arms say on which they were trained.
struct Paired(Net);

impl Recorded for Paired {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let on = |(name, net)| (format!("{name} on {}", trial.key.dataset), Self(net));
        Ok(Net::nets(trial)?.into_iter().map(on).collect())
    }

    fn diverged(&self) -> bool {
        self.0.diverged()
    }
}

const SIZE: Quantity<Paired> = Quantity::new("size", "units with θ > 0", |net: &Paired| report::SIZE.value(&net.0))
    .over_epochs(|net| report::SIZE.path(&net.0));
const DOUBLINGS: Quantity<Paired> = Quantity::new("doublings", "log₂ of the units with θ > 0", |net: &Paired| {
    report::DOUBLINGS.value(&net.0)
})
.unit("doublings", 2)
.over_epochs(|net| report::SIZE.path(&net.0));

const MNIST: &str = "mnist";
const FASHION: &str = "fashion-mnist";

/// By how much the size on Fashion-MNIST is larger, at a choice of λ.
fn gap(level: &Where, start: usize) -> Statistic<Paired> {
    let on = |set: &str| DOUBLINGS.at(&gated(Penalty::Strict, start).and(DATA.is(set)).and(level.clone()));
    on(FASHION).less(on(MNIST))
}

/// What the study said of the two sets.
fn claims(study: &Study<Paired>, start: usize) -> Claims<'_, Paired> {
    let mut claims = Claims::of(study, "both");
    let mut levels = claims.levels(&AT, &gated(Penalty::Strict, start));
    levels.retain(|level| level.number() > 0.0);
    claims
        .each(
            "J19-order",
            &AT,
            &levels,
            Margin::GreaterThan(0.0),
            Some(&DATA),
            move |level| gap(level, start),
        )
        .study(
            "Fashion-MNIST always needs more units than MNIST",
            "always, in its text; in its figures 44 against 49 units at λ = 0.01 and 15 against 18 at 0.1",
        )
        .figure("both-sets");
    for (lambda, text, study, zone) in [
        (1e-4, "more units", "363 against 197 units", Margin::GreaterThan(0.0)),
        (1e-3, "more units", "157 against 105 units", Margin::GreaterThan(0.0)),
        (
            1e-2,
            "more units",
            "claimed; 44 against 49 units in its figures",
            Margin::GreaterThan(0.0),
        ),
        (0.1, "fewer units", "15 against 18 units", Margin::LessThan(0.0)),
    ] {
        let name = written(lambda);
        claims
            .each(
                format!("J19-order-{name}"),
                &AT,
                &[lambda.into()],
                zone,
                Some(&DATA),
                move |level| gap(level, start),
            )
            .study(format!("at λ = {name} Fashion-MNIST keeps {text}"), study)
            .family("which data set needs more units")
            .figure("both-sets");
    }
    claims
}

/// Sizes of two data sets over λ, and by how much the second's are larger.
fn figures<'s>(
    study: &'s Study<Paired>,
    claims: &Claims<'_, Paired>,
    start: usize,
) -> anyhow::Result<Figures<'s, Paired>> {
    let strict = gated(Penalty::Strict, start);
    let mut figures = Figures::showing(study, std::slice::from_ref(claims))?;
    let mut sizes = sweep(&SIZE, &AT).categories().y(report::size_axis());
    for set in [MNIST, FASHION] {
        sizes = sizes.series(set_in_print(set), &strict.clone().and(DATA.is(set)));
    }
    let axis = Axis::linear("log₂ of the ratio of sizes").unit("doublings");
    let ratio = bars(&AT, &strict, axis, 1.0).series("ratio", move |level| gap(level, start));
    figures
        .plot("both-sets", "From which λ on does the harder set need more units?")
        .panel("size, strict penalty", sizes)
        .panel("Fashion-MNIST over MNIST", ratio)
        .alt("Sizes of both data sets against λ and the logarithm of their ratio")
        .caption(
            "Above 0 Fashion-MNIST keeps more units than MNIST. Points are interquartile means over paired seeds, whiskers 95 % \
             bootstrap intervals.",
        );
    Ok(figures)
}

/// Adds what compares MNIST with Fashion-MNIST to a page of both.
pub fn add(mut page: Report, run: &Run<'_, Sparsified>) -> anyhow::Result<Report> {
    let (sets, context, s) = (run.sets, run.context, &run.settings);
    if !sets.iter().map(|(name, _)| name.as_str()).eq([MNIST, FASHION]) {
        return Ok(page);
    }
    let (mut arms, mut rows) = (Vec::new(), Rows::default());
    for (set, own) in sets {
        for mut arm in report::all(s, &run.variants) {
            arm.name = format!("{} on {set}", arm.name);
            arms.push(arm.with(&DATA, set.as_str()));
        }
        rows = rows.joined(own)?;
    }
    let study = Study::new("sparsifier", arms)?
        .subtitle(context.subtitle_with_epochs()?)
        .original(EPOCHS, 60.0)
        .read("both", &rows, &context.seeds)?;
    let claims = claims(&study, s.start);
    let judged = claims.judged()?;
    page.claims = judged.claims;
    page.notes.extend(judged.notes);
    page.figures.splice(0..0, figures(&study, &claims, s.start)?.plates()?);
    Ok(page)
}
