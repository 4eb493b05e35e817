//! Figures of principal components and of low rank.

use espalier_report::figure::Scale;
use espalier_study::plot::Custom;
use espalier_study::prelude::*;

use crate::figures::{facets, shown};
use crate::grid::{Grid, moments};
use crate::rows::{Component, Rebuilt};
use crate::runs::{Net, VALIDATION};

/// A component with a smaller share of the variance carries nothing but rounding and is not drawn.
const FLOOR: f64 = 1e-12;
const BANDS: &str = "Bands are ± one standard deviation over seeds; widths above 1 024 have seed 0 alone.";

type Points = Vec<(f64, f64)>;

/// All figures of this module.
pub fn all(figures: &mut Figures<'_, Net>, grids: &[Grid]) {
    let share = || Axis::log10("Share of the variance");
    begun(figures, grids, "pca-spectra", "Where does the variance break off?")
        .panel("", of_widths([Axis::log2("Component"), share()], spectrum))
        .alt("Share of the variance of each principal component, log–log, one curve for each width")
        .caption(format!(
            "The cliff that the study saw at ≈710 (MNIST) and ≈784 (Fashion-MNIST) is the number of directions in which the images \
             themselves vary: a linear layer cannot have more. Each curve ends where the share falls below 10⁻¹². {BANDS}"
        ));
    let kept = || {
        [
            Axis::linear("Components kept, share of the width").at_least(0.0, 1.0),
            left("Variance left"),
        ]
    };
    begun(figures, grids, "pca-residual", "What do k components leave, in the right basis and in the study's?")
        .panel("principal components", of_widths(kept(), |net| residual(net, |c| c.residual)))
        .panel("the study's basis", of_widths(kept(), |net| residual(net, |c| c.residual_wrong_basis)))
        .because(Rule::Coincide, "that all widths lie on one line is what the wrong basis does, and a narrow net ends where a wide one goes on")
        .alt("Share of the variance left by k components, beside the same with the study's wrong basis")
        .caption(format!(
            "Mean squared distance of the pre-activations from their rebuilding, as a share of their variance. With columns of the \
             component matrix taken for its rows, every direction holds about as much as any other. {BANDS}"
        ));
    let accuracy = |what: &str| [Axis::log2(what), VALIDATION.axis().at_least(0.0, 1.0)];
    let kept = || accuracy("Components kept");
    begun(
        figures,
        grids,
        "pca-accuracy",
        "How many components does the accuracy need?",
    )
    .panel(
        "principal components",
        of_widths(kept(), |net| scores(net, "components")),
    )
    .panel("the study's basis", of_widths(kept(), |net| scores(net, "wrong basis")))
    .because(
        Rule::Coincide,
        "nets of neighbouring widths keep the same accuracy with the same components",
    )
    .alt("Validation accuracy against the number of components kept, with the right and with the study's basis")
    .caption(format!("Scored on the first 2 000 validation images. {BANDS}"));
    let lost = [Axis::log2("Rank"), left("Squared weights lost")];
    begun(figures, grids, "low-rank", "How low a rank do the weights need?")
        .panel("residual", of_widths(lost, |net| rebuilt(net, "low rank", |row| row.lost)))
        .panel("accuracy", of_widths(accuracy("Rank"), |net| scores(net, "low rank")))
        .alt("Share of the squared weights lost and validation accuracy against the rank kept")
        .caption(format!(
            "The hidden weight matrix is replaced by its best approximation of each rank (singular value decomposition); scored on the \
             first 2 000 validation images. {BANDS}"
        ));
}

fn left(what: &str) -> Axis {
    Axis::linear(what).unit("share").at_least(0.0, 1.0)
}

fn begun<'f>(figures: &'f mut Figures<'_, Net>, grids: &[Grid], name: &str, title: &str) -> &'f mut Plot<Net> {
    let widths = grids[0].widths.iter().map(|width| named(*width));
    facets(figures.plot(name, title), grids)
        .colours(Colours::ordered(widths))
        .size_alone(470, 360)
}

fn named(width: f64) -> String {
    format!("{width} units")
}

fn spectrum(net: &Net) -> Points {
    let points = net
        .components
        .iter()
        .map(|c| (f64::from(c.component), f64::from(c.share)));
    points.filter(|point| point.1 >= FLOOR).collect()
}

fn residual(net: &Net, value: fn(&Component) -> f32) -> Points {
    let width = net.summary.width as f64;
    let points = net
        .components
        .iter()
        .map(|c| (f64::from(c.component) / width, f64::from(value(c))));
    // A net without components has no curve; the others start with all of the variance.
    net.spectrum.iter().map(|_| (0.0, 1.0)).chain(points).collect()
}

fn rebuilt(net: &Net, way: &str, value: fn(&Rebuilt) -> f64) -> Points {
    let rows = net.rebuilt.iter().filter(|row| row.way == way);
    rows.map(|row| (row.kept as f64, value(row))).collect()
}

fn scores(net: &Net, way: &str) -> Points {
    rebuilt(net, way, |row| row.validation_accuracy)
}

type Drawn = Box<dyn Fn(&Place<'_, Net>) -> espalier_study::Result<Panel>>;

/// A curve with its band for each width that has points.
fn of_widths(axes: [Axis; 2], points: fn(&Net) -> Points) -> Custom<Drawn> {
    let draw: Drawn = Box::new(move |place| {
        let (grid, sample) = shown(place);
        let [x, y] = axes.clone();
        let floor = if y.scale == Scale::Log10 { FLOOR } else { 0.0 };
        let mut panel = Panel::new("", x, y);
        for (at, width) in grid.widths.iter().enumerate() {
            let curves = grid.nets(&sample, at).map(points);
            let curves: Vec<Points> = curves.filter(|points| !points.is_empty()).collect();
            let count = curves.iter().map(Vec::len).min().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let over = |i: usize| moments(&curves.iter().map(|points| points[i].1).collect::<Vec<_>>());
            let curve: Vec<_> = (0..count).map(|i| (curves[0][i].0, over(i))).collect();
            let band = curve
                .iter()
                .map(|(x, (mean, sd))| (*x, (mean - sd).max(floor), (mean + sd).max(floor)));
            let line = Mark::line(curve.iter().map(|(x, (mean, _))| (*x, *mean)));
            panel = panel.marks([Mark::band(band).of(named(*width)), line.label(named(*width))]);
        }
        Ok(panel)
    });
    custom(draw)
}
