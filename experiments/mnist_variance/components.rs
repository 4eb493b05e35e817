//! Figures of principal components and of low rank.

use espalier_report::figure::Scale;
use espalier_study::prelude::*;

use crate::figures::{self, banded, shown};
use crate::grid::{Grid, moments};
use crate::rows::{Component, Rebuilt};
use crate::runs::{Net, VALIDATION};

/// A component with a smaller share of the variance carries nothing but rounding and is not drawn.
const FLOOR: f64 = 1e-12;

type Points = Vec<(f64, f64)>;

/// All figures of this module.
pub fn all(f: &mut Figures<'_, Net>, grids: &[Grid]) {
    let share = Axis::log10("Share of the variance");
    begun(f, grids, "pca-spectra").panel("", of_widths([Axis::log2("Component"), share], spectrum));
    let kept = Axis::linear("Components kept, share of the width").at_least(0.0, 1.0);
    let kept = || [kept.clone(), left("Variance left")];
    begun(f, grids, "pca-residual")
        .panel(
            "principal components",
            of_widths(kept(), |net| residual(net, |c| c.residual)),
        )
        .panel(
            "the study's basis",
            of_widths(kept(), |net| residual(net, |c| c.residual_wrong_basis)),
        );
    let accuracy = |what: &str| [Axis::log2(what), VALIDATION.axis().at_least(0.0, 1.0)];
    let kept = || accuracy("Components kept");
    begun(f, grids, "pca-accuracy")
        .panel(
            "principal components",
            of_widths(kept(), |net| scores(net, "components")),
        )
        .panel("the study's basis", of_widths(kept(), |net| scores(net, "wrong basis")));
    let lost = [Axis::log2("Rank"), left("Squared weights lost")];
    begun(f, grids, "low-rank")
        .panel(
            "residual",
            of_widths(lost, |net| rebuilt(net, "low rank", |row| row.lost)),
        )
        .panel("accuracy", of_widths(accuracy("Rank"), |net| scores(net, "low rank")));
}

fn left(what: &str) -> Axis {
    Axis::linear(what).unit("share").at_least(0.0, 1.0)
}

fn begun<'f>(f: &'f mut Figures<'_, Net>, grids: &[Grid], name: &str) -> &'f mut Plot<Net> {
    let widths = grids[0].widths.iter().map(|width| named(*width));
    figures::begun(f, grids, name)
        .colours(Colours::ordered(widths))
        .size_alone(470, 360)
}

fn named(width: f64) -> String {
    format!("{width} units")
}

fn spectrum(net: &Net) -> Points {
    let point = |c: &Component| (f64::from(c.component), f64::from(c.share));
    let points = net.components.iter().map(point);
    points.filter(|point| point.1 >= FLOOR).collect()
}

fn residual(net: &Net, value: fn(&Component) -> f32) -> Points {
    let share = |c: &Component| f64::from(c.component) / net.summary.width as f64;
    let points = net.components.iter().map(|c| (share(c), f64::from(value(c))));
    // A net without components has no curve; the others start with all of the variance.
    net.spectrum().map(|_| (0.0, 1.0)).into_iter().chain(points).collect()
}

fn rebuilt(net: &Net, way: &str, value: fn(&Rebuilt) -> f64) -> Points {
    net.rebuilt(way).map(|row| (row.kept as f64, value(row))).collect()
}

fn scores(net: &Net, way: &str) -> Points {
    rebuilt(net, way, |row| row.validation_accuracy)
}

/// A curve with its band for each width that has points.
fn of_widths([x, y]: [Axis; 2], points: fn(&Net) -> Points) -> impl Draw<Net> {
    custom(move |place: &Place<'_, Net>| {
        let (grid, sample) = shown(place);
        let floor = if y.scale == Scale::Log10 { FLOOR } else { 0.0 };
        let mut panel = Panel::new("", x.clone(), y.clone());
        for (at, width) in grid.widths.iter().enumerate() {
            let curves = grid.nets(&sample, at).map(points);
            let curves: Vec<Points> = curves.filter(|points| !points.is_empty()).collect();
            let count = curves.iter().map(Vec::len).min().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let over = |i: usize| moments(&curves.iter().map(|points| points[i].1).collect::<Vec<_>>());
            let curve: Vec<_> = (0..count).map(|i| (curves[0][i].0, over(i))).collect();
            let [band, line] = banded(&curve, floor);
            panel = panel.marks([band.of(named(*width)), line.label(named(*width))]);
        }
        Ok(panel)
    })
}
