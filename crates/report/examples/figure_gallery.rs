//! Draws one figure of each kind into a folder: `cargo run --release -p espalier-report --example
//! figure_gallery -- FOLDER`. The numbers are made up; the page shows what the marks look like.

use std::path::PathBuf;

use espalier_report::figure::{Axis, BoxSummary, Colours, Figure, Grid, Legend, Mark, Panel, Segment};

const NOTE: &str = "6 seeds · quick: 3 epochs · made-up numbers";

fn widths() -> impl Iterator<Item = f64> + Clone {
    (8..=22).map(|i| 2f64.powf(f64::from(i) / 2.0).floor())
}

/// A deterministic wobble in −1…1.
fn wobble(i: f64, salt: f64) -> f64 {
    (i * 12.9898 + salt * 78.233).sin()
}

fn estimate(x: f64, salt: f64) -> f64 {
    0.985 - 0.9 / (x + 6.0 + salt) + 0.001 * wobble(x, salt)
}

fn curves() -> Figure {
    let panel = |title: &str, worse: f64| {
        let mut panel = Panel::new(
            title,
            Axis::log2("Hidden width").unit("units"),
            Axis::linear("Test accuracy").unit("fraction"),
        );
        for (i, name) in ["fixed width", "split", "prune and grow", "size gate"]
            .iter()
            .enumerate()
        {
            let salt = i as f64;
            let at = move |x: f64| estimate(x, salt * 5.0) - worse - 0.006 * salt;
            let spread = move |x: f64| 0.004 + 0.05 / x;
            panel = panel
                .mark(Mark::band(widths().map(|x| (x, at(x) - spread(x), at(x) + spread(x)))).of(*name))
                .mark(Mark::line(widths().map(|x| (x, at(x)))).label(*name).with_points());
        }
        panel
    };
    Figure::new("curves", "Test accuracy rises with width and levels off near 256 units")
        .subtitle(format!(
            "MNIST beside Fashion-MNIST · bands: 95 % bootstrap intervals · {NOTE}"
        ))
        .panel(panel("MNIST", 0.0))
        .panel(panel("Fashion-MNIST", 0.09))
}

fn twin() -> Figure {
    let w = |x: f64| 0.99 - 0.0006 * (x.log2() - 7.0).powi(4);
    let panel = Panel::new(
        "",
        Axis::log2("Hidden width").unit("units"),
        Axis::linear("Shapiro–Wilk W"),
    )
    .twin(Axis::linear("Test accuracy").unit("fraction"))
    .mark(Mark::line(widths().map(|x| (x, w(x)))).label("W").with_points())
    .mark(
        Mark::line(widths().map(|x| (x, estimate(x, 0.0))))
            .label("test accuracy")
            .with_points()
            .right(),
    )
    .mark(Mark::vertical(128.0).label("argmax of W: 128"))
    .mark(Mark::vertical(512.0).label("knee of accuracy: 512").of("test accuracy"));
    Figure::new("twin", "W and test accuracy against width")
        .subtitle(NOTE)
        .panel(panel)
        .panel_size(620, 380)
}

fn densities() -> Figure {
    let names = ["64", "91", "128", "181", "256"];
    let mut panel = Panel::new(
        "",
        Axis::linear("Per-unit spread σ of pre-activations"),
        Axis::linear("Density"),
    );
    for (i, name) in names.iter().enumerate() {
        let (mean, deviation) = (1.0 + 0.45 * i as f64, 0.5 - 0.06 * i as f64);
        let curve = (0..=400).map(|k| {
            let x = f64::from(k) / 100.0;
            let z = (x - mean) / deviation;
            (x, (-z * z / 2.0).exp() / (deviation * 2.506_628))
        });
        panel = panel.mark(Mark::density(curve).label(format!("{name} units")));
    }
    Figure::new(
        "densities",
        "Spread of units at the most normal width and its neighbours",
    )
    .subtitle(NOTE)
    .panel(panel)
    .panel_size(620, 380)
    .colours(Colours::ordered(names.map(|n| format!("{n} units"))))
}

fn histogram() -> Figure {
    let edges: Vec<f64> = (0..=40).map(|i| f64::from(i) / 10.0).collect();
    let bell = |x: f64, m: f64| 300.0 * (-(x - m).powi(2) * 2.0).exp();
    let count = |m: f64| -> Vec<f64> { (0..40).map(|i| bell(f64::from(i) / 10.0, m).round()).collect() };
    let fit = (0..=400).map(|i| (f64::from(i) / 100.0, bell(f64::from(i) / 100.0, 1.2)));
    let left = Panel::new(
        "Scores",
        Axis::linear("log₁₀ split score"),
        Axis::linear("Units").unit("count"),
    )
    .mark(Mark::histogram(edges.clone(), count(1.2)).label("layer 1"))
    .mark(Mark::histogram(edges, count(2.4)).label("layer 2"))
    .mark(Mark::line(fit).label("log-normal fit, KS 0.031, p 0.42"));
    let shares = |power: f64| {
        (0..=30).map(move |i| {
            let x = 10f64.powf(-3.0 + f64::from(i) / 10.0);
            (x, x.powf(power))
        })
    };
    let right = Panel::new(
        "Cumulative |w|",
        Axis::log10("Share of weights"),
        Axis::linear("Share of Σ|w|").at_least(0.0, 1.0),
    )
    .mark(Mark::step(shares(0.3)).label("layer 1"))
    .mark(Mark::step(shares(0.6)).label("layer 2"))
    .mark(Mark::horizontal(0.5).label("half of all weight"));
    Figure::new("histogram", "A few weights do the work")
        .subtitle(NOTE)
        .panel(left)
        .panel(right)
}

const ARMS: [&str; 6] = [
    "static small",
    "static final shape",
    "static same parameters",
    "split",
    "dice",
    "split + dice",
];
const LAYERS: [&str; 3] = ["conv 1", "conv 2", "conv 3"];

fn bars() -> Figure {
    let grouped = Panel::new(
        "Equal compute",
        Axis::category("", ARMS),
        Axis::linear("Test accuracy").unit("fraction"),
    )
    .marks(["quick", "full"].into_iter().enumerate().map(|(k, name)| {
        Mark::bars((0..6).map(move |i| {
            let y = 0.5 + 0.02 * f64::from(i) + 0.06 * k as f64;
            (f64::from(i), y, Some((y - 0.02, y + 0.03)))
        }))
        .label(name)
    }));
    let stacked = Panel::new(
        "Decisions by layer",
        Axis::linear("Epoch"),
        Axis::linear("Splits").unit("count"),
    )
    .marks(LAYERS.into_iter().enumerate().map(|(k, name)| {
        let count = move |i: i32| (f64::from(i), 2.0 + (f64::from(i) * (k as f64 + 1.0)).sqrt());
        Mark::stacked_bars((1..=10).map(count)).label(name)
    }));
    let areas = Panel::new(
        "Parameters by layer",
        Axis::linear("Training cost").unit("MACs"),
        Axis::linear("Parameters"),
    )
    .marks(LAYERS.into_iter().enumerate().map(|(k, name)| {
        let size = move |i: i32| (f64::from(i) * 2.5e10, 8000.0 + 1500.0 * f64::from(i) * (k as f64 + 0.4));
        Mark::stacked_area((0..=20).map(size)).label(name)
    }));
    let forest = Panel::new(
        "Paired difference to the control",
        Axis::linear("Difference of test accuracy").unit("points"),
        Axis::category("", ARMS),
    )
    .mark(Mark::vertical(0.0).label("no difference"))
    .mark(Mark::intervals((0..6).map(|i| {
        let m = -1.0 + 0.8 * f64::from(i);
        (m - 0.9, m, m + 1.1, f64::from(i))
    })));
    Figure::new("bars", "Arms of the equal-compute trial")
        .subtitle(NOTE)
        .panel(grouped)
        .panel(stacked)
        .panel(areas)
        .panel(forest)
}

fn scatter() -> Figure {
    let mut left = Panel::new(
        "Final values",
        Axis::log10("Parameters"),
        Axis::log10("Test loss").unit("nats"),
    );
    for (k, name) in ["none", "L1", "targeted dropout", "smallify"].into_iter().enumerate() {
        let points = (0..11).map(move |i| {
            let x = 8e3 * (1.0 + k as f64) * (1.0 + 0.2 * wobble(f64::from(i), 1.0));
            (x, 90.0 / x.powf(0.6) * (1.0 + 0.1 * wobble(f64::from(i), k as f64)))
        });
        left = left.mark(Mark::scatter(points).label(name));
    }
    left = left.mark(Mark::text(16e3, 0.3, "target"));
    let summary = |i: i32| {
        let m = 0.96 + 0.006 * f64::from(i);
        BoxSummary {
            x: f64::from(i),
            low: m - 0.012,
            lower_quartile: m - 0.004,
            median: m,
            upper_quartile: m + 0.003,
            high: m + 0.008,
            points: (0..10)
                .map(|k| m + 0.008 * wobble(f64::from(k), f64::from(i)))
                .collect(),
        }
    };
    let right = Panel::new(
        "Random search",
        Axis::category("", ["fixed", "fixed + L2", "shrink"]),
        Axis::linear("Test accuracy").unit("fraction"),
    )
    .mark(Mark::boxes((0..3).map(summary).collect()));
    Figure::new("scatter", "Single trials and their spread")
        .subtitle(NOTE)
        .panel(left)
        .panel(right)
}

fn heatmap() -> Figure {
    let value = |r: i32, c: i32| match (r, c) {
        (2, 3) => f64::NAN,
        _ => 0.9 + 0.01 * f64::from(r) - 0.0008 * f64::from((c - 6) * (c - 6)),
    };
    let panel = Panel::new(
        "",
        Axis::log10("Penalty λ"),
        Axis::category("Seed", (1..=8).map(|i| i.to_string())),
    )
    .mark(Mark::heatmap(Grid {
        x_edges: (0..=12).map(|i| 10f64.powf(-6.0 + f64::from(i) / 3.0)).collect(),
        y_edges: (0..=8).map(|i| f64::from(i) - 0.5).collect(),
        values: (0..8).map(|r| (0..12).map(|c| value(r, c)).collect()).collect(),
        caption: "Test accuracy (fraction)".to_owned(),
        range: None,
    }));
    Figure::new("heatmap", "Accuracy over the grid of penalties")
        .subtitle(NOTE)
        .panel(panel)
        .panel_size(620, 360)
}

fn tree() -> Figure {
    let mut segments = Vec::new();
    let mut add = |from, to, cause: &str| {
        segments.push(Segment {
            from,
            to,
            cause: cause.to_owned(),
        })
    };
    for unit in 0..24_i32 {
        let y = f64::from(unit);
        let birth = if unit < 8 { 0.0 } else { y * 1.3 };
        let cause = match (unit < 8, unit % 2) {
            (true, _) => "initial",
            (false, 0) => "split",
            _ => "widen",
        };
        let death = if unit % 7 == 3 { 36.0 } else { 40.0 };
        add((birth, y), (death, y), cause);
        if unit >= 8 {
            add((birth, f64::from(unit % 8)), (birth, y), cause);
        }
        if death < 40.0 {
            add((death, y), (death, y), "prune");
        }
    }
    let panel = Panel::new("", Axis::linear("Epoch"), Axis::linear("Unit").unit("index")).mark(Mark::tree(segments));
    Figure::new("tree", "Genealogy of the hidden units of one run")
        .subtitle(NOTE)
        .panel(panel)
        .panel_size(640, 420)
}

fn metrics() -> Figure {
    let names = [
        "exponential share π",
        "normal share π",
        "W",
        "normalised accuracy",
        "dead units",
        "threshold",
        "PCA rank",
        "low-rank residual",
        "total spread",
    ];
    let axes = Panel::new(
        "",
        Axis::log2("Hidden width").unit("units"),
        Axis::linear("Normalised value").at_least(0.0, 1.0),
    );
    let panel = axes
        .legend(Legend::Right)
        .marks(names.iter().enumerate().map(|(k, name)| {
            let wave = move |x: f64| (x, 0.5 + 0.5 * (x.log2() * 0.6 + k as f64).sin());
            Mark::line(widths().map(wave)).label(*name)
        }));
    Figure::new("metrics", "All size metrics on one axis")
        .subtitle(NOTE)
        .panel(panel)
        .panel_size(800, 400)
}

fn spectra() -> Figure {
    let list = [16, 64, 256, 1024, 2048];
    let names = list.map(|n| format!("width {n}"));
    let spectrum = |width: i32| {
        (1..=width).map(move |i| {
            let cliff = if i > 784 { 1e-9 } else { 1.0 };
            let i = f64::from(i);
            (i, 0.3 * (16.0 / f64::from(width)).sqrt() * i.powf(-1.2) * cliff)
        })
    };
    let panel = Panel::new(
        "",
        Axis::linear("Component"),
        Axis::log10("Explained variance").unit("share"),
    )
    .marks(
        list.into_iter()
            .zip(&names)
            .map(|(width, name)| Mark::line(spectrum(width)).label(name)),
    )
    .mark(Mark::vertical(784.0).label("rank limit: 784 inputs"));
    Figure::new(
        "spectra",
        "Spectra of pre-activations fall off a cliff at the input's rank",
    )
    .subtitle(NOTE)
    .panel(panel)
    .panel_size(620, 380)
    .colours(Colours::ordered(names))
}

fn hostile() -> Figure {
    let bare = |title: &str| Panel::new(title, Axis::log10("x"), Axis::linear("y"));
    let gaps = [
        (0.0, 1.0),
        (1.0, 1.0),
        (2.0, f64::NAN),
        (3.0, 2.0),
        (10.0, f64::INFINITY),
        (20.0, 3.0),
        (30.0, 2.5),
    ];
    Figure::new(
        "hostile",
        "Data that is hard to draw: nothing of it may panic or vanish silently",
    )
    .subtitle(NOTE)
    .panel(bare("Empty").mark(Mark::line([]).label("nothing")))
    .panel(bare("NaN and zero on a log axis").mark(Mark::line(gaps).label("gaps")))
    .panel(
        bare("One point")
            .mark(Mark::line([(5.0, 0.7)]).label("single"))
            .mark(Mark::band([(5.0, 0.6, 0.8)]).of("single")),
    )
    .panel(bare("Constant").mark(Mark::line([(1.0, 0.1), (10.0, 0.1), (100.0, 0.1)]).label("constant")))
    .panel_size(420, 250)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("figure-gallery"), PathBuf::from);
    let figures = [
        curves(),
        twin(),
        densities(),
        histogram(),
        bars(),
        scatter(),
        heatmap(),
        tree(),
        metrics(),
        spectra(),
        hostile(),
    ];
    for figure in figures {
        figure.write(&folder)?;
    }
    Ok(())
}
