//! Figures of sizes and accuracies over starts, epochs and λ, and of the plateau's cause.

use espalier_report::figure::{Axis, Colours, Dash, Mark, Panel};
use espalier_report::statistics::{mean, quantile};
use espalier_size_gate::sigmoid;
use espalier_study::plot::{Figures, Place, bars, curves, custom, sweep};
use espalier_study::{Claims, Study};

use crate::runs::{EXPONENT, Net, SIZE, START, STATED, TEST, swept, twins};
use crate::variants::{Role, written};

const TOLD: &str = "x₀ starts where it is told";
const IGNORED: &str = "start ignored, as in the study at first";
const WEIGHT: &str = "Σ|outgoing weight|";

/// What figures need to know of the settings.
pub struct Setup {
    /// L2 of the arms that have any.
    pub decay: f64,
    pub frontier_decays: Vec<f64>,
    pub frontier_start: f64,
    pub units: f64,
    pub wide: f64,
    pub slope: f64,
}

fn named(decay: f64) -> String {
    if decay == 0.0 {
        "without L2".to_owned()
    } else {
        format!("with L2 {}", written(decay))
    }
}

/// All figures in the order of the page, with the zones of the claims that name them.
pub fn all<'s>(study: &'s Study<Net>, claims: &[Claims<'_, Net>], setup: &Setup) -> anyhow::Result<Figures<'s, Net>> {
    let mut figures = Figures::of(study);
    for claims in claims {
        figures.show(claims)?;
    }
    sizes(&mut figures, setup);
    for &decay in &setup.frontier_decays {
        frontier(&mut figures, setup, decay);
    }
    causes(&mut figures, setup);
    convergence(&mut figures, setup, study);
    accuracies(&mut figures, setup);
    Ok(figures)
}

fn sizes(figures: &mut Figures<'_, Net>, setup: &Setup) {
    let plot = figures.plot("starts", "Final size against the start of x₀");
    for decay in [setup.decay, 0.0] {
        plot.facet(named(decay), crate::runs::L2.is(decay));
    }
    let (told, ignored) = (crate::runs::ROLE.is("start"), crate::runs::ROLE.is("start ignored"));
    let sizes = sweep(&SIZE, &START)
        .series(TOLD, &told)
        .series_along(IGNORED, &ignored, &STATED);
    plot.panel("", sizes.diagonal("the start itself"))
        .colours(Colours::named([TOLD, IGNORED, "the start itself"]))
        .alt("Final size against the start of x₀, with and without L2, with the start as stated and ignored")
        .caption(
            "If the size converged, the line would be level. It is so only with the study's mistake, in which x₀ starts at 1 whatever \
             the stated start. Points are interquartile means over seeds, whiskers 95 % bootstrap intervals; bands and dotted lines \
             show where the claims hold.",
        );
}

fn accuracies(figures: &mut Figures<'_, Net>, setup: &Setup) {
    let mut panel = sweep(&TEST, &START);
    for decay in [setup.decay, 0.0] {
        panel = panel.series(named(decay), &swept(Role::Start, decay));
    }
    figures
        .plot("starts-accuracy", "Test accuracy against the start of x₀")
        .panel(format!("{} units at most", setup.units), panel)
        .size(470, 330)
        .size_alone(620, 360)
        .alt("Test accuracy against the start of x₀, with and without L2")
        .caption(
            "Accuracy on test images of the net without its closed units. Points are interquartile means over seeds, whiskers 95 % \
             bootstrap intervals.",
        );
}

fn convergence(figures: &mut Figures<'_, Net>, setup: &Setup, study: &Study<Net>) {
    let (units, slope) = (setup.units, setup.slope);
    let names = study
        .levels(&START, &crate::runs::ROLE.is("start"))
        .into_iter()
        .map(|start| format!("from {start}"));
    let plot = figures.plot("convergence", "Does the size settle? One line for each start");
    for decay in [setup.decay, 0.0] {
        plot.facet(named(decay), swept(Role::Start, decay));
    }
    let name = |arm: &espalier_study::Arm| format!("from {}", arm.number(&START));
    let lines = curves(&SIZE, &START, &espalier_study::Where::all(), name);
    plot.panel("", lines.start_at(move |arm| sigmoid::size(arm.number(&START), units, slope)))
        .colours(Colours::ordered(names))
        .alt("Size after every epoch from several starts, with and without L2")
        .caption(
            "Lines are interquartile means over seeds, bands 95 % bootstrap intervals; epoch 0 is the size before the first step.",
        );
}

fn frontier(figures: &mut Figures<'_, Net>, setup: &Setup, decay: f64) {
    let name = if decay == 0.0 { "frontier-plain" } else { "frontier" };
    let title = format!("Size and accuracy against the weight of the penalty, {}", named(decay));
    let (gated, start) = (swept(Role::Frontier, decay), setup.frontier_start);
    let over = |other: espalier_study::Where, of_level: bool| {
        let gated = gated.clone();
        move |level: &espalier_study::Where| {
            let other = if of_level {
                other.clone().and(level.clone())
            } else {
                other.clone()
            };
            TEST.at(&gated.clone().and(level.clone())).less(TEST.at(&other))
        }
    };
    let axis = Axis::linear("Difference of test accuracy").unit("points");
    let differences = bars(&EXPONENT, &gated, axis, 100.0)
        .series("gated less static twin of its size", over(twins(decay), true))
        .series(
            format!("gated less static {} units", setup.wide),
            over(swept(Role::Wide, decay), false),
        );
    let sizes = sweep(&SIZE, &EXPONENT)
        .series("size", &gated)
        .categories()
        .reference(start, "start");
    figures
        .plot(name, title)
        .panel("test accuracy against static nets", differences)
        .panel(format!("size, from {start} units"), sizes.y(SIZE.axis().at_least(0.0, start * 1.1)))
        .size(470, 360)
        .alt("Differences in test accuracy to the static twin and to the wide net, and the size, against λ")
        .caption(
            "Left: accuracy of the gated net less that of a static net of the same size, and less that of the wide net, both of the same \
             seed. Right: the size. Interquartile means over seeds with 95 % bootstrap intervals.",
        );
}

fn causes(figures: &mut Figures<'_, Net>, setup: &Setup) {
    let plot = figures.plot(
        "cause",
        "What holds the size down: gates beside the units' outgoing weights",
    );
    for decay in [setup.decay, 0.0] {
        plot.facet(format!("{}, λ = 0", named(decay)), swept(Role::Cause, decay));
    }
    plot.panel("", custom(cause))
        .colours(Colours::named(["gate", WEIGHT]))
        .size(480, 340)
        .alt("Gate and sum of absolute outgoing weights of every hidden unit, with and without L2")
        .caption(
            "With L2 the outgoing weights of closed units are gone, so that opening them gains nothing and the size has no reason to grow; \
             without it they stay where they were initialised. Gates are means over seeds; weights are medians over ten neighbouring \
             units of all seeds, in a band of their middle half.",
        );
}

/// Neighbouring units of which one point is drawn.
const NEIGHBOURS: usize = 10;

fn cause(place: &Place<'_, Net>) -> espalier_study::Result<Panel> {
    let arms = place.study.chosen(place.facet);
    let nets: Vec<&Net> = place
        .set
        .seeds
        .iter()
        .flat_map(|nets| arms.iter().filter_map(|arm| nets.get(&arm.name)))
        .collect();
    let units = nets.iter().map(|net| net.units.len()).min().unwrap_or(0);
    let (mut gates, mut weights, mut band) = (Vec::new(), Vec::new(), Vec::new());
    for unit in 0..units {
        let of_seeds: Vec<f64> = nets.iter().map(|net| f64::from(net.units[unit].gate)).collect();
        gates.push((unit as f64, mean(&of_seeds)?));
    }
    for from in (0..units).step_by(NEIGHBOURS) {
        let to = (from + NEIGHBOURS).min(units);
        let near = nets.iter().flat_map(|net| &net.units[from..to]);
        let near: Vec<f64> = near.map(|unit| f64::from(unit.outgoing)).collect();
        let middle = (from + to - 1) as f64 / 2.0;
        weights.push((middle, quantile(&near, 0.5)?));
        band.push((middle, quantile(&near, 0.25)?, quantile(&near, 0.75)?));
    }
    Ok(
        Panel::new("", Axis::linear("Unit"), Axis::linear("Gate").at_least(0.0, 1.0))
            .twin(Axis::linear(WEIGHT).at_least(0.0, 0.1))
            .mark(Mark::band(band).of(WEIGHT).right())
            .mark(Mark::line(weights).label(WEIGHT).dash(Dash::Solid).right())
            .mark(Mark::line(gates).label("gate")),
    )
}
