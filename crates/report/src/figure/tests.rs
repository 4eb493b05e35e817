//! Facts about whole figures: layout, robustness, determinism and size.

use proptest::prelude::*;

use super::compose::{Composed, compose};
use super::draw::Frame;
use super::geometry::Rect;
use super::scene::Item;
use super::*;

#[test]
fn densities_of_values_equal_those_of_numpy() {
    // numpy 2.4.6: histogram([0, 1, 1, 2, 4], [0, 1, 4], density=True) → [0.2, 0.26666667]
    let mark = Mark::histogram_of(vec![0.0, 1.0, 4.0], &[0.0, 1.0, 1.0, 2.0, 4.0]);
    let Shape::Histogram { counts, .. } = mark.shape else {
        panic!("no bins")
    };
    let near = (counts[0] - 0.2).abs() < 1e-12 && (counts[1] - 0.266_666_666_666_666_7).abs() < 1e-12;
    assert!(near, "{counts:?}");
}

fn accuracy() -> Panel {
    Panel::new(
        "MNIST",
        Axis::log2("Width").unit("units"),
        Axis::linear("Test accuracy").unit("fraction"),
    )
}

fn widths() -> Vec<f64> {
    (4..12).map(|e| 2f64.powi(e)).collect()
}

/// A figure with most kinds of marks, twin axes, words and categories.
fn busy() -> Figure {
    let rising = |k: f64| move |x: f64| 0.98 - (0.3 + 0.1 * k) / x;
    let twin = accuracy()
        .twin(Axis::log10("Test loss").unit("nats"))
        .mark(
            Mark::band(
                widths()
                    .into_iter()
                    .map(|x| (x, rising(0.)(x) - 0.01, rising(0.)(x) + 0.01)),
            )
            .of("split"),
        )
        .mark(
            Mark::line(widths().into_iter().map(|x| (x, rising(0.)(x))))
                .label("split")
                .with_points(),
        )
        .mark(
            Mark::line(widths().into_iter().map(|x| (x, 30.0 / x)))
                .label("loss")
                .right(),
        )
        .mark(Mark::vertical(128.0).label("knee"))
        .mark(Mark::horizontal(0.95).label("goal"))
        .mark(Mark::text(64.0, 0.97, "best"));
    let arms = ["static same parameters", "split", "dice"];
    let bars = Panel::new("Arms", Axis::category("", arms), Axis::linear("Accuracy"))
        .mark(Mark::bars((0..3).map(|i| (f64::from(i), 0.5, Some((0.4, 0.6))))).label("quick"))
        .mark(Mark::bars((0..3).map(|i| (f64::from(i), 0.7, None))).label("full"));
    let heat = Panel::new("Grid", Axis::log10("λ"), Axis::linear("Seed")).mark(Mark::heatmap(Grid {
        x_edges: vec![1e-6, 1e-5, 1e-4],
        y_edges: vec![0.5, 1.5, 2.5],
        values: vec![vec![0.1, 0.2], vec![0.3, 0.4]],
        caption: "Accuracy".to_owned(),
        range: None,
    }));
    let forest = Panel::new(
        "Differences",
        Axis::linear("Difference").unit("points"),
        Axis::category("", arms),
    )
    .mark(Mark::intervals((0..3).map(|i| (-1.0, 0.5, 2.0, f64::from(i)))));
    Figure::new("busy", "Many marks")
        .subtitle("6 seeds")
        .panel(twin)
        .panel(bars)
        .panel(heat)
        .panel(forest)
}

fn texts(scene: &Scene) -> Vec<(String, Rect)> {
    let labels = scene.items.iter().filter_map(|item| match item {
        Item::Text(label) => Some((label.text.clone(), label.bounds().unwrap())),
        _ => None,
    });
    labels.collect()
}

fn composed(figure: &Figure) -> Vec<Composed> {
    compose(figure).unwrap().panels
}

/// The corners and centres of the ink of an item.
fn places(item: &Item) -> Vec<geometry::Point> {
    match item {
        Item::Polyline { points, .. } | Item::Polygon { points, .. } => points.clone(),
        Item::Disc { centre, .. } => vec![*centre],
        Item::Text(_) => Vec::new(),
    }
}

#[test]
fn no_two_texts_overlap_and_none_leaves_the_page() {
    let scene = busy().scene().unwrap();
    let page = Rect::new(0.0, 0.0, scene.width, scene.height);
    let texts = texts(&scene);
    assert!(texts.len() > 40, "{} texts", texts.len());
    for (i, (text, bounds)) in texts.iter().enumerate() {
        assert!(page.holds(bounds), "{text:?} leaves the page");
        for (other, there) in &texts[i + 1..] {
            assert!(!bounds.meets(there), "{text:?} overlaps {other:?}");
        }
    }
}

#[test]
fn two_renders_are_equal_byte_for_byte() {
    assert_eq!(busy().render_svg().unwrap(), busy().render_svg().unwrap());
    assert_eq!(busy().render_png(1).unwrap(), busy().render_png(1).unwrap());
}

#[test]
fn a_shared_legend_names_each_series_once() {
    let panel = |title: &str| Panel {
        title: title.to_owned(),
        ..accuracy()
    };
    let add = |panel: Panel| {
        panel
            .mark(Mark::scatter([(16.0, 0.9), (64.0, 0.95)]).label("split"))
            .mark(Mark::band([(16.0, 0.8, 0.9), (64.0, 0.9, 0.95)]).label("split"))
            .mark(Mark::scatter([(16.0, 0.8), (64.0, 0.85)]).label("dice"))
    };
    let figure = Figure::new("once", "Two sets")
        .panel(add(panel("MNIST")))
        .panel(add(panel("Fashion")));
    let svg = figure.render_svg().unwrap();
    for series in ["split", "dice"] {
        assert_eq!(svg.matches(&format!(">{series}<")).count(), 1, "{series}");
    }
}

#[test]
fn few_series_of_panels_that_share_none_have_one_legend() {
    let panel = |names: &[&str]| {
        let line = |name: &&str| Mark::scatter([(16.0, 0.9), (512.0, 0.95)]).label(*name);
        accuracy().marks(names.iter().map(line))
    };
    let figure = |second: &[&str]| {
        let first = panel(&["split", "dice"]);
        Figure::new("few", "Which?")
            .panel(first)
            .panel(panel(second))
            .columns(2)
    };
    let shared = |figure: &Figure| composed(figure).iter().all(|panel| panel.legend.is_none());
    assert!(shared(&figure(&["static", "grown"])));
    assert!(!shared(&figure(&["a", "b", "c", "d", "e"])));
}

#[test]
fn ticks_stand_at_few_places_where_these_have_brief_numbers() {
    let labels = |places: [f64; 3]| {
        let points = places.map(|x| (x, 0.9));
        let panel =
            Panel::new("", Axis::linear("Width").unit("units"), Axis::linear("Loss")).mark(Mark::scatter(points));
        let figure = Figure::new("ticks", "Which?").panel(panel).panel_size(500, 300);
        let shown = texts(&figure.scene().unwrap());
        shown.into_iter().map(|(text, _)| text).collect::<Vec<_>>()
    };
    let wide = labels([3.0, 70.0, 128.0]);
    assert!(
        ["3", "70", "128"]
            .iter()
            .all(|label| wide.iter().any(|text| text == label)),
        "{wide:?}"
    );
    let means = labels([5.5, 49.25, 122.75]);
    assert!(
        !means.iter().any(|text| text == "122.75" || text == "49.25"),
        "{means:?}"
    );
}

#[test]
fn words_wider_than_their_plot_take_several_lines_inside_it() {
    let long = "claimed: > 0.985 (study: 99.48 %, with 340 units and channels in all)";
    for mark in [Mark::horizontal(0.95), Mark::vertical(64.0)] {
        let panel = accuracy()
            .mark(Mark::line([(16.0, 0.9), (512.0, 0.97)]))
            .mark(mark.label(long));
        let figure = Figure::new("long", "Which?").panel(panel).panel_size(300, 240);
        let panels = composed(&figure);
        let labels: Vec<Rect> = panels[0]
            .words
            .iter()
            .filter_map(|item| match item {
                Item::Text(label) => Some(label.bounds().unwrap()),
                _ => None,
            })
            .collect();
        assert!(labels.len() > 1);
        assert!(
            labels.iter().all(|label| panels[0].laid.plot.grown(1.0).holds(label)),
            "{labels:?}"
        );
    }
}

#[test]
fn words_that_a_reference_line_crosses_stand_on_paper() {
    let rules = (1..40).map(|k| Mark::vertical(16.0 + 12.0 * f64::from(k)).of("kept"));
    let panel = accuracy()
        .mark(Mark::line([(16.0, 0.9), (512.0, 0.97)]))
        .marks(rules)
        .mark(Mark::vertical(500.0).label("a block is kept"));
    let panels = composed(&Figure::new("rules", "Which?").panel(panel));
    assert!(panels[0].words.iter().any(|item| matches!(item, Item::Polygon { .. })));
}

#[test]
fn the_svg_shows_the_page_at_its_size_and_dashes_by_attribute() {
    let svg = busy().render_svg().unwrap();
    let scene = busy().scene().unwrap();
    assert!(svg.starts_with(&format!("<svg width=\"{}\" height=\"{}\"", scene.width, scene.height)));
    assert!(svg.contains("stroke-dasharray"));
    assert!(svg.trim_end().ends_with("</svg>"));
}

#[test]
fn marks_stay_inside_their_plot() {
    let wild = Panel::new("", Axis::linear("x").range(0.0, 1.0), Axis::linear("y").range(0.0, 1.0))
        .mark(Mark::band([(-1.0, -3.0, 4.0), (2.0, 0.5, 9.0)]))
        .mark(
            Mark::line([(-5.0, -5.0), (0.5, 7.0), (3.0, -1.0)])
                .label("line")
                .with_points(),
        )
        .mark(Mark::density([(-1.0, 0.2), (0.5, 8.0), (2.0, 0.1)]));
    for panel in composed(&Figure::new("wild", "").panel(wild)) {
        let plot = panel.laid.plot.grown(1e-6);
        assert!(!panel.marks.is_empty());
        for place in panel.marks.iter().flat_map(places) {
            assert!(plot.contains(place), "{place:?} outside {plot:?}");
        }
    }
}

#[test]
fn points_without_a_place_are_counted_in_the_footnote() {
    let panel = Panel::new("", Axis::log10("x"), Axis::linear("y"))
        .mark(Mark::line([(0.0, 1.0), (1.0, f64::NAN), (10.0, 1.0), (20.0, 2.0)]).label("split"))
        .mark(Mark::scatter([(-1.0, 1.0)]).label("dice"));
    let figure = Figure::new("gaps", "").panel(panel);
    let note = compose(&figure).unwrap().footnote();
    assert_eq!(
        note,
        "2 points could not be drawn (split: 1, dice: 1): not finite, or not positive on a log axis."
    );
}

#[test]
fn points_beyond_a_fixed_range_are_counted() {
    let panel = Panel::new("", Axis::linear("x"), Axis::linear("y").range(0.0, 1.0))
        .mark(Mark::scatter([(0.0, 0.5), (1.0, 2.0)]));
    let figure = Figure::new("beyond", "").panel(panel);
    assert_eq!(compose(&figure).unwrap().footnote(), "1 point lies outside the axes.");
}

#[test]
fn a_legend_without_room_inside_goes_below() {
    // Points on a dense grid leave no free rectangle of a legend's size.
    let grid = (0..40).flat_map(|i| (0..40).map(move |j| (f64::from(i), f64::from(j))));
    let panel = Panel::new("", Axis::linear("x"), Axis::linear("y")).mark(Mark::scatter(grid).label("everywhere"));
    let figure = Figure::new("full", "").panel(panel);
    let composition = compose(&figure).unwrap();
    assert_eq!(composition.panels[0].legend, None);
    assert_eq!(composition.plans[0].place, layout::Place::Below);
}

#[test]
fn stacked_bars_stand_on_each_other() {
    // Layers of 1 and 2 at one place: tops at 1 and 3, so that their heights are as 1 to 2.
    let panel = Panel::new("", Axis::linear("x"), Axis::linear("y").range(0.0, 4.0))
        .mark(Mark::stacked_bars([(1.0, 1.0)]).label("a"))
        .mark(Mark::stacked_bars([(1.0, 2.0)]).label("b"));
    let panels = composed(&Figure::new("stack", "").panel(panel));
    let spans: Vec<(f64, f64)> = panels[0]
        .marks
        .iter()
        .map(|item| {
            let points = places(item);
            let low = points.iter().map(|p| p.y).fold(f64::MIN, f64::max);
            (low, low - points.iter().map(|p| p.y).fold(f64::MAX, f64::min))
        })
        .collect();
    let unit = panels[0].laid.plot.height() / 4.0;
    assert!((spans[0].1 - unit).abs() < 1e-6 && (spans[1].1 - 2.0 * unit).abs() < 1e-6);
    assert!((spans[0].0 - spans[1].0 - unit).abs() < 1e-6);
}

#[test]
fn grouped_bars_do_not_overlap() {
    let bars = |h: f64| Mark::bars((0..3).map(move |i| (f64::from(i), h, None)));
    let panel = Panel::new("", Axis::category("", ["a", "b", "c"]), Axis::linear("y"))
        .mark(bars(1.0).label("one"))
        .mark(bars(2.0).label("two"));
    let panels = composed(&Figure::new("groups", "").panel(panel));
    let mut spans: Vec<(f64, f64)> = panels[0]
        .marks
        .iter()
        .map(|item| {
            let x: Vec<f64> = places(item).iter().map(|p| p.x).collect();
            (
                x.iter().copied().fold(f64::MAX, f64::min),
                x.iter().copied().fold(f64::MIN, f64::max),
            )
        })
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(spans.len(), 6);
    assert!(spans.windows(2).all(|w| w[0].1 <= w[1].0));
}

#[test]
fn a_long_series_makes_a_small_file() {
    let points = (0..200_000).map(|i| (f64::from(i), (f64::from(i) * 0.37).sin()));
    let panel = Panel::new("", Axis::linear("Step"), Axis::linear("Loss")).mark(Mark::line(points).label("loss"));
    let figure = Figure::new("long", "").panel(panel);
    assert!(figure.render_svg().unwrap().len() < 30_000);
}

#[test]
fn a_figure_over_the_limit_is_refused() {
    let cloud = (0..200).flat_map(|i| (0..200).map(move |j| (f64::from(i), f64::from(j))));
    let panel = Panel::new("", Axis::linear("x"), Axis::linear("y")).mark(Mark::scatter(cloud));
    let error = Figure::new("cloud", "")
        .panel(panel)
        .panel_size(900, 800)
        .render_svg()
        .unwrap_err();
    assert!(matches!(error, Error::FigureSize { .. }), "{error}");
}

#[test]
fn contradictions_are_named() {
    let right = Figure::new("twin", "").panel(accuracy().mark(Mark::line([(1.0, 1.0)]).right()));
    assert!(right.render_svg().unwrap_err().to_string().contains("right axis"));
    let bins = Figure::new("bins", "").panel(accuracy().mark(Mark::histogram(vec![0.0, 1.0], vec![1.0, 2.0])));
    assert!(
        bins.render_svg()
            .unwrap_err()
            .to_string()
            .contains("2 edges for 2 counts")
    );
    let range = Figure::new("range", "").panel(Panel::new("", Axis::log10("x").range(0.0, 1.0), Axis::default()));
    assert!(
        range
            .render_svg()
            .unwrap_err()
            .to_string()
            .contains("fixed range 0 to 1")
    );
    assert!(Figure::new("../escape", "").render_svg().is_err());
}

#[test]
fn writing_leaves_the_three_files_alone_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let paths = busy().write(folder.path()).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["busy.pdf", "busy.png", "busy.svg"]);
    assert_eq!(std::fs::read(&paths[1]).unwrap()[..4], [0x89, b'P', b'N', b'G']);
}

/// The objects of a document, found by its table of places.
fn objects(pdf: &[u8]) -> Vec<&[u8]> {
    let text = String::from_utf8_lossy(pdf);
    let start = text.rfind("startxref").unwrap();
    let table: usize = text[start..].lines().nth(1).unwrap().parse().unwrap();
    let table = std::str::from_utf8(&pdf[table..]).unwrap();
    let places = table.lines().filter(|line| line.trim_end().ends_with('n'));
    let places = places.map(|line| line[..10].parse::<usize>().unwrap());
    places.map(|place| &pdf[place..]).collect()
}

#[test]
fn a_pdf_holds_every_label_as_text_in_an_embedded_font() {
    let figure = busy();
    let pdf = figure.render_pdf().unwrap();
    assert_eq!(pdf, figure.render_pdf().unwrap());
    assert!(pdf.starts_with(b"%PDF-"));
    let found = objects(&pdf);
    let starts = |object: &&[u8]| object.iter().take(12).any(|byte| *byte == b'o');
    assert!(found.len() > 10 && found.iter().all(starts));
    let stream = found[3].windows(7).position(|w| w == b"stream\n").unwrap() + 7;
    let content = miniz_oxide::inflate::decompress_to_vec_zlib(&found[3][stream..]);
    // What follows the compressed data is no part of it.
    let content = content.unwrap_or_else(|failed| failed.output);
    let shown = content.windows(3).filter(|w| w == b"Tj\n").count();
    let labels = figure
        .scene()
        .unwrap()
        .items
        .iter()
        .filter(|item| matches!(item, Item::Text(_)))
        .count();
    assert_eq!(shown, labels);
    // The shipped fonts are 65 kB; the page shows a part of their glyphs.
    assert!(pdf.len() < 25_000, "{} bytes", pdf.len());
}

#[test]
fn a_figure_without_panels_is_its_title() {
    assert!(
        Figure::new("bare", "Only words")
            .render_svg()
            .unwrap()
            .contains("Only words")
    );
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0f64,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY,
            f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e-320, 1e300]),
    ]
}

fn any_axis() -> impl Strategy<Value = Axis> {
    prop::sample::select(vec![
        Axis::linear("x"),
        Axis::log2("x"),
        Axis::log10("x").unit("u"),
        Axis::category("x", ["a", "b", "c"]),
        Axis::category("x", Vec::<String>::new()),
    ])
}

/// All kinds of marks over the same numbers.
fn every_mark(v: &[(f64, f64, f64)]) -> Vec<Mark> {
    let pairs: Vec<(f64, f64)> = v.iter().map(|t| (t.0, t.1)).collect();
    let edges: Vec<f64> = v.iter().map(|t| t.0).collect();
    let boxes = v.iter().map(|t| BoxSummary {
        x: t.0,
        low: t.1,
        lower_quartile: t.1,
        median: t.2,
        upper_quartile: t.2,
        high: t.2,
        points: vec![t.1, t.2],
    });
    let mut marks = vec![
        Mark::line(pairs.clone()).label("line").with_points(),
        Mark::step(pairs.clone()).label("step"),
        Mark::band(v.to_vec()).of("line"),
        Mark::scatter(pairs.clone()).label("scatter"),
        Mark::error_bars(v.to_vec()).of("scatter"),
        Mark::intervals(v.iter().map(|t| (t.0, t.1, t.2, t.0))),
        Mark::bars(v.iter().map(|t| (t.0, t.1, Some((t.1, t.2))))).label("bars"),
        Mark::stacked_bars(pairs.clone()).label("below"),
        Mark::stacked_bars(pairs.clone()).label("above"),
        Mark::stacked_area(pairs.clone()).label("area"),
        Mark::density(pairs).label("density"),
        Mark::boxes(boxes.collect()),
        Mark::tree(
            v.iter()
                .map(|t| Segment {
                    from: (t.0, t.1),
                    to: (t.2, t.1),
                    cause: "split".to_owned(),
                })
                .collect(),
        ),
    ];
    for t in v {
        marks.extend([
            Mark::vertical(t.0).label("v"),
            Mark::horizontal(t.1).label("h"),
            Mark::text(t.0, t.1, "t"),
        ]);
    }
    if edges.len() > 1 {
        marks.push(Mark::histogram(edges.clone(), edges[1..].to_vec()).label("histogram"));
        let values = vec![edges[1..].to_vec(); edges.len() - 1];
        marks.push(Mark::heatmap(Grid {
            x_edges: edges.clone(),
            y_edges: edges,
            values,
            caption: "c".to_owned(),
            range: None,
        }));
    }
    marks
}

#[test]
fn estimates_become_lines_whiskers_bands_and_bars_of_one_series() {
    let estimate = |value: f64| crate::statistics::Estimate {
        value,
        low: value - 0.5,
        high: value + 1.0,
        n: 6,
        level: 0.95,
    };
    let mut estimates = Estimates::default();
    estimates.push(1.0, estimate(2.0));
    estimates.push(2.0, None);
    estimates.push(4.0, Some(estimate(-1.0)));
    let line = Mark::line([(1.0, 2.0), (4.0, -1.0)]).label("split");
    let ends = [(1.0, 1.5, 3.0), (4.0, -1.5, 0.0)];
    assert_eq!(estimates.line("split"), line);
    let (band, bars) = (Mark::band(ends).of("split"), Mark::error_bars(ends).of("split"));
    assert_eq!(estimates.banded("split"), [band.spread(Spread::Interval), line.clone()]);
    assert_eq!(
        estimates.marks("split"),
        [bars.spread(Spread::Interval), line.with_points()]
    );
    // A negative factor turns an interval around.
    assert_eq!(
        estimates.scaled(-10.0).bars("split"),
        Mark::bars([(1.0, -20.0, Some((-30.0, -15.0))), (4.0, 10.0, Some((0.0, 15.0)))])
            .label("split")
            .spread(Spread::Interval)
    );
}

#[test]
fn a_box_has_the_quartiles_of_its_values() {
    // numpy.quantile([1, 2, 3, 4, 10], [0, .25, .5, .75, 1]) by its definition: every fourth of the way is a value.
    let summary = BoxSummary::of(2.0, vec![10.0, 3.0, 1.0, 4.0, 2.0]).unwrap();
    let five = [
        summary.low,
        summary.lower_quartile,
        summary.median,
        summary.upper_quartile,
        summary.high,
    ];
    assert_eq!(five, [1.0, 2.0, 3.0, 4.0, 10.0]);
    assert_eq!((summary.x, summary.points.len()), (2.0, 5));
    assert!(BoxSummary::of(0.0, Vec::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_data_makes_a_figure_panic_or_fail(
        values in prop::collection::vec((any_number(), any_number(), any_number()), 0..5),
        x in any_axis(),
        y in any_axis(),
    ) {
        let alone = every_mark(&values).into_iter().map(|m| Panel::new("p", x.clone(), y.clone()).mark(m));
        let mut figure = Figure::new("any", "any").panel_size(150, 120).columns(6);
        figure.panels = alone.collect();
        // A figure of its own, so that neither comes near the limit of a file, which has a test of its own.
        let together = Panel::new("all", x.clone(), y.clone()).marks(every_mark(&values));
        for figure in [figure, Figure::new("together", "together").panel_size(150, 120).panel(together)] {
            let rendered = figure.render_svg();
            prop_assert!(rendered.is_ok(), "{:?}", rendered.err());
        }
    }

    #[test]
    fn an_automatic_legend_covers_no_data(
        points in prop::collection::vec((1.0..100.0f64, -3.0..3.0f64), 1..60),
    ) {
        let panel = Panel::new("", Axis::log10("x"), Axis::linear("y"))
            .mark(Mark::scatter(points.clone()).label("some points"))
            .mark(Mark::line(points.clone().into_iter().take(4)).label("a line"));
        let figure = Figure::new("legend", "").panel(panel);
        let composition = compose(&figure).unwrap();
        let (plan, panel) = (&composition.plans[0], &composition.panels[0]);
        if let Some(legend) = panel.legend {
            prop_assert!(panel.laid.plot.holds(&legend));
            let frame = Frame { plot: panel.laid.plot, x: plan.x.clone(), y: plan.y.clone() };
            for (x, y) in points {
                prop_assert!(!legend.contains(frame.at(x, y).unwrap()));
            }
        }
    }
}

#[test]
fn a_panel_grows_until_the_names_of_its_categories_stand_apart() {
    let bars = |count: usize| {
        let names = (0..count).map(|i| format!("category number {i}"));
        let heights = (0..count).map(|i| (i as f64, 1.0 + i as f64, None));
        let panel = Panel::new("Many", Axis::category("", names), Axis::linear("Height"));
        Figure::new("many", "Many")
            .panel_size(200, 300)
            .panel(panel.mark(Mark::bars(heights)))
    };
    let figure = bars(40);
    let composed = compose(&figure).unwrap();
    let ruler = &composed.panels[0].laid.x;
    assert_eq!((ruler.ticks.labelled.len(), ruler.ticks.short_of), (40, 0.0));
    let svg = figure.render_svg().unwrap();
    assert!(
        (0..40).all(|i| svg.contains(&format!("number {i}"))),
        "a name is missing"
    );
    let refusal = bars(400).render_svg().unwrap_err().to_string();
    assert!(refusal.contains("more than 2000"), "{refusal}");
}
