//! What the rows say: shares of starts that find the best, and the best of n starts.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::functions::{Shape, chance};
use crate::{Arm, Best, Found, Sizes, WIDER};

const WHERE: Factor = Factor::method("where starts descend");
const PARAMETERS: Factor = Factor::setting("parameters").unit("n");
/// The teacher's width over which nets are swept, which their parameters follow.
const WIDTH: Factor = Factor::setting("student's width over the teacher's");
const ISLAND: &str = "island in fog";
const WELLS: &str = "wells";
const NET: &str = "nets";

/// The starts of one trial.
struct Starts {
    found: Found,
    best: Vec<f64>,
}

impl Recorded for Starts {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let best: Vec<Best> = trial.rows()?;
        let starts = Self {
            found: trial.row()?,
            best: best.iter().map(|row| row.quality).collect(),
        };
        Ok(vec![(trial.key.variant.clone(), starts)])
    }
}

impl Starts {
    fn share(&self) -> f64 {
        self.found.found as f64 / self.found.starts as f64
    }

    /// Where none was found, as if half a start had been: logarithms have no place for 0.
    fn least(&self) -> f64 {
        self.share().max(0.5 / self.found.starts as f64)
    }

    /// The expected best of 2^k starts.
    fn best_of(&self, k: usize) -> f64 {
        self.best.get(k).copied().unwrap_or(f64::NAN)
    }
}

quantities! { Starts;
    SHARE = "share", "share of starts that find the best", "fraction" 4 higher_is_better, Starts::share;
    LOST = "lost", "share of starts that find nothing", "fraction" 4, |s| s.found.lost as f64 / s.found.starts as f64;
    LEAST = "least", "share of starts that find the best", "" 3, Starts::least;
    DOUBLINGS = "doublings", "log₂ of the share of starts that find the best", "doublings" 2, |s| s.least().log2();
    OF_FOUR = "of-four", "chance that one of four starts finds the best", "fraction" 4, |s| 1.0 - (1.0 - s.share()).powi(4);
    HALF = "half", "starts for an even chance", "" 1, |s| (0.5_f64.ln() / (-s.least().min(1.0 - 1e-12)).ln_1p()).max(1.0);
    ONE = "one", "quality of one start", "" 3, |s| s.best_of(0), over_epochs(|s| s.best.clone());
    SIXTEEN = "sixteen", "quality of the best of 16", "" 3, |s| s.best_of(4);
    GAIN = "gain", "quality of the best of 16 starts less that of one", "" 3, |s| s.best_of(4) - s.best_of(0);
}

fn arm(arm: &Arm) -> espalier_study::Arm {
    let (place, wider) = match arm {
        Arm::Island(_) => (ISLAND, 1),
        Arm::Wells(_) => (WELLS, 1),
        Arm::Net { wider, .. } => (NET, *wider),
    };
    espalier_study::Arm::new(arm.to_string())
        .with(&WHERE, place)
        .with(&PARAMETERS, arm.parameters())
        .with(&WIDTH, wider)
}

fn at(place: &'static str, wider: usize) -> Where {
    WHERE.is(place).and(WIDTH.is(wider)).named(match (place, wider) {
        (NET, 1) => "nets as wide as their teacher",
        (NET, _) => "nets four times as wide",
        (place, _) => place,
    })
}

/// The page.
pub fn page(run: &Run<'_, crate::Island>) -> anyhow::Result<Report> {
    let (sets, context, s, variants) = (run.sets, run.context, &run.settings, &run.variants);
    let study = Study::new("island", variants.iter().map(arm).collect())?
        .subtitle(context.subtitle())
        .read_all(sets, &context.seeds)?;
    let claims: Vec<Claims<'_, Starts>> = study.sets.iter().map(|set| claims(&study, &set.name)).collect();
    let base = Report {
        headline: ["B15-nets", "B15-halves", "B15-wider"].map(str::to_owned).to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let figures = figures(&study, &claims, s)?;
    Ok(study.page(base, &claims, &figures, |set| table(&study, set), |_| Vec::new())?)
}

fn claims<'s>(study: &'s Study<Starts>, set: &str) -> Claims<'s, Starts> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    c.trend(
        "B15-halves",
        &DOUBLINGS,
        &PARAMETERS,
        &at(ISLAND, 1),
        Measure::Slope,
        Margin::Within(-1.1, -0.9),
    )
    .study(
        "n parameters make 2ⁿ parts, so that each further one halves the chance of a start",
        "2ⁿ parts",
    )
    .by_construction()
    .figure("island");
    let each = chance(Shape::Wells, 1).log2();
    c.trend(
        "B15-wells",
        &DOUBLINGS,
        &PARAMETERS,
        &at(WELLS, 1),
        Measure::Slope,
        Margin::Within(each - 0.05, each + 0.05),
    )
    .by_construction()
    .figure("island");
    c.trend(
        "B15-nets",
        &DOUBLINGS,
        &PARAMETERS,
        &at(NET, 1),
        Measure::Slope,
        Margin::GreaterThan(-0.5),
    )
    .family("does the picture hold for networks?")
    .figure("island");
    let levels = c.levels(&PARAMETERS, &at(NET, 1));
    c.each(
        "B15-wider",
        &PARAMETERS,
        &levels,
        Margin::GreaterThan(0.0),
        Some(&WIDTH),
        |level| {
            SHARE
                .at(&at(NET, WIDER).and(level.clone()))
                .less(OF_FOUR.at(&at(NET, 1).and(level.clone())))
        },
    )
    .family("does the picture hold for networks?")
    .figure("island");
    for (id, place) in [
        ("B15-gain-island", ISLAND),
        ("B15-gain-wells", WELLS),
        ("B15-gain-nets", NET),
    ] {
        c.lies(id, GAIN.last(&PARAMETERS, &at(place, 1)), Margin::GreaterThan(0.05))
            .family("is the best of 16 starts much better than one, where there are most parameters?")
            .figure("best");
    }
    c
}

fn figures<'s>(
    study: &'s Study<Starts>,
    claims: &[Claims<'_, Starts>],
    s: &Sizes,
) -> anyhow::Result<Figures<'s, Starts>> {
    let mut figures = Figures::showing(study, claims)?;
    let promised = s.dimensions.iter().map(|n| (*n as f64, chance(Shape::Island, *n)));
    let promised: Vec<(f64, f64)> = promised.collect();
    let all = sweep(&LEAST, &PARAMETERS)
        .series(ISLAND, &at(ISLAND, 1))
        .series(WELLS, &at(WELLS, 1))
        .series("nets as wide as their teacher", &at(NET, 1))
        .series("nets four times as wide", &at(NET, WIDER))
        .published("2⁻ⁿ", move |_| promised.clone())
        .y(Axis::log2("Share of starts that find the best"));
    figures
        .plot("island", "Does a start's chance of the best halve with each parameter?")
        .panel("", all)
        .size(640, 400)
        .colours(colours())
        .alt("Share of starts that find the best against the number of parameters, for functions with 2ⁿ parts and for small nets")
        .caption("Triangles are 2⁻ⁿ, the promise of the picture. Nets have many parts that are equally good, as units may change places and \
                  a wide net needs only some of its units. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals.");
    let most = |place| {
        let levels = study.levels(&PARAMETERS, &at(place, 1));
        at(place, 1).and(PARAMETERS.any(levels.last().cloned()))
    };
    let starts = || Axis::log2("Starts");
    let mut plot = figures.plot("best", "How good is the best of n starts?");
    for place in [ISLAND, WELLS, NET] {
        let best = curves(&ONE, &PARAMETERS, &most(place), |arm| {
            format!("{} parameters", arm.number(&PARAMETERS))
        })
        .along(starts(), |k| 2_f64.powi(i32::try_from(k).unwrap_or(i32::MAX)))
        .y(Axis::linear("Expected quality of the best").range(0.0, 1.0));
        plot = plot.panel(place, best);
    }
    plot.size(300, 280)
        .columns(3)
        .alt("Expected quality of the best of n starts against n, for the island, the wells and the nets")
        .caption("1 is the best there is. On the island all or nothing is won; in the wells each start already has about half of the \
                  parameters right, and more starts add little by little. Lines are interquartile means over seeds, bands 95 % \
                  bootstrap intervals.");
    Ok(figures)
}

fn colours() -> Colours {
    Colours::named([
        ISLAND,
        WELLS,
        "nets as wide as their teacher",
        "nets four times as wide",
        "2⁻ⁿ",
    ])
}

fn table(study: &Study<Starts>, set: &Set<Starts>) -> espalier_study::Result<TableBlock> {
    let table = study.table(set, "All places", &Where::all(), &[SHARE, LOST, HALF, ONE, SIXTEEN])?;
    Ok(table.noted("Starts for an even chance: how many it takes so that one of them finds the best in half of all cases, of a trial \
                    in which none did as if half a start had."))
}
