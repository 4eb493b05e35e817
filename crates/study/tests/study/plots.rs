//! Standard panels on toy rows.

use espalier_report::figure::{Axis, Panel, Range, Rule, Shape};
use espalier_report::page::{Margin, Plate};
use espalier_study::plot::{Figures, Place, bars, boxes, curves, custom, forest, frontier, grouped, scatter, sweep};
use espalier_study::{Arm, Claims, Study, Where};

use crate::toy::{EPOCHS, LAMBDA, METHOD, Net, PARAMETERS, SIZE, TEST, empty, named, rows_of, study_of, toy};

/// Two methods at three λ: the accuracy is 0.5, 0.6, 0.7, the other method's a tenth less.
fn toys() -> Vec<crate::toy::Toy> {
    let mut toys = Vec::new();
    for (method, less) in [("gate", 0.0), ("static", 0.1)] {
        for (place, lambda) in [1.0, 10.0, 100.0].into_iter().enumerate() {
            let mut one = toy(&format!("{method} {lambda}"), 0.5 + 0.1 * place as f64 - less);
            one.parameters = 100.0 * (place as f64 + 1.0);
            one.sizes = vec![10.0, 20.0];
            toys.push(one.with(&METHOD, method).with(&LAMBDA, lambda));
        }
    }
    toys
}

fn study() -> Study<Net> {
    study_of(&toys(), 6)
}

fn panels(study: &Study<Net>, draw: impl FnOnce(&mut Figures<'_, Net>)) -> Vec<Panel> {
    plates(study, draw).remove(0).figure.panels
}

fn plates(study: &Study<Net>, draw: impl FnOnce(&mut Figures<'_, Net>)) -> Vec<Plate> {
    let mut figures = Figures::of(study);
    draw(&mut figures);
    let plates = figures.plates().unwrap();
    assert!(plates.iter().all(|plate| plate.figure.render_svg().is_ok()));
    plates
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 2e-3
}

#[test]
fn a_sweep_has_one_line_for_each_series_at_the_levels_of_its_factor() {
    let panels = panels(&study(), |f| {
        let lines = sweep(&TEST, &LAMBDA)
            .series("gate", &named("gate"))
            .series("static", &named("static"));
        f.plot("s", "Sweep").panel("", lines);
    });
    let lines: Vec<_> = panels[0]
        .marks
        .iter()
        .filter(|mark| matches!(mark.shape, Shape::Line(_)))
        .collect();
    let Shape::Line(points) = &lines[1].shape else {
        panic!("no line")
    };
    assert_eq!((lines.len(), lines[1].label.as_str()), (2, "static"));
    assert!(
        points
            .iter()
            .zip([(1.0, 0.4), (10.0, 0.5), (100.0, 0.6)])
            .all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
    );
    assert_eq!(
        (panels[0].x.label.as_str(), panels[0].y.label.as_str()),
        ("Λ", "Test accuracy")
    );
}

#[test]
fn a_claim_draws_its_zone_into_the_figure_that_it_names_and_no_other() {
    let study = study();
    let mut claims = Claims::of(&study, "toys");
    let level = TEST.mean_over(&named("gate"));
    claims
        .reproduces("level", level, Margin::Within(0.55, 0.65))
        .study("the level", "0.6")
        .figure("s");
    let both = |f: &mut Figures<'_, Net>| {
        f.show(&claims).unwrap();
        f.plot("s", "Sweep")
            .panel("", sweep(&TEST, &LAMBDA).series("gate", &named("gate")));
        f.plot("t", "Other")
            .panel("", sweep(&TEST, &LAMBDA).series("gate", &named("gate")));
    };
    let plates = plates(&study, both);
    let bands = |plate: &Plate| {
        let marks = plate.figure.panels[0].marks.iter();
        marks
            .filter(|mark| matches!(mark.shape, Shape::Band(_)))
            .cloned()
            .collect::<Vec<_>>()
    };
    let [zone] = &bands(&plates[0])[..] else {
        panic!("one band")
    };
    assert_eq!(zone.shape, Shape::Band(vec![(1.0, 0.55, 0.65), (100.0, 0.55, 0.65)]));
    assert_eq!(zone.label, "claimed: in [0.55, 0.65] (study: 0.6)");
    assert!(bands(&plates[1]).is_empty());
    let mut figures = Figures::of(&study);
    figures.show(&claims).unwrap();
    let error = figures.plates().err().unwrap().to_string();
    assert_eq!(
        error,
        "figure `s`: claim `level` names it, expected it among the figures"
    );
}

#[test]
fn bars_show_a_statistic_at_each_level_and_the_margin() {
    let study = study();
    let mut claims = Claims::of(&study, "toys");
    let difference = |level: &Where| {
        TEST.at(&named("gate").and(level.clone()))
            .less(TEST.at(&named("static").and(level.clone())))
    };
    let levels = study.levels(&LAMBDA, &Where::all());
    claims
        .each(
            "e",
            &LAMBDA,
            &levels,
            Margin::Within(-0.2, 0.2),
            Some(&METHOD),
            difference,
        )
        .figure("b");
    let panels = panels(&study, |f| {
        f.show(&claims).unwrap();
        f.plot("b", "Bars").panel(
            "",
            bars(&LAMBDA, &Where::all(), Axis::linear("y"), 100.0).series("gain", difference),
        );
    });
    let Shape::Bars(bars) = &panels[0].marks[0].shape else {
        panic!("no bars")
    };
    assert!(bars.iter().map(|bar| bar.0).eq([0.0, 1.0, 2.0]) && bars.iter().all(|bar| (bar.1 - 10.0).abs() < 0.2));
    assert!(matches!(&panels[0].marks[1].shape, Shape::Band(zone) if zone[0] == (-0.5, -20.0, 20.0)));
}

#[test]
fn curves_forests_and_frontiers_show_their_arms() {
    let study = study();
    let name = |arm: &Arm| arm.name.clone();
    let curve = panels(&study, |f| {
        f.plot("c", "Curves")
            .panel("", curves(&SIZE, &LAMBDA, &named("gate"), name).start_at(|_| 5.0));
    });
    let Shape::Line(points) = &curve[0].marks[1].shape else {
        panic!("no line")
    };
    assert!(
        points
            .iter()
            .zip([(0.0, 5.0), (1.0, 10.0), (2.0, 20.0)])
            .all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
    );
    let rows = panels(&study, |f| {
        let at = |method: &str| TEST.mean_over(&named(method));
        f.plot("f", "Forest").panel(
            "",
            forest(Axis::linear("x"), 1.0)
                .row("top", at("gate"))
                .row("bottom", at("static")),
        );
    });
    let Shape::Intervals(rows) = &rows[0].marks[1].shape else {
        panic!("no intervals")
    };
    assert!(near(rows[0].1, 0.5) && rows[0].3 == 0.0 && near(rows[1].1, 0.6) && rows[1].3 == 1.0);
    let fronts = panels(&study, |f| {
        let panel = frontier(&PARAMETERS, &TEST, "static", &named("static"), &LAMBDA).series("gate", &named("gate"));
        f.plot("g", "Frontier").panel("", panel);
    });
    let Shape::Line(fixed) = &fronts[0].marks[1].shape else {
        panic!("no line")
    };
    assert_eq!(
        fixed.iter().map(|point| point.0).collect::<Vec<_>>(),
        [100.0, 200.0, 300.0]
    );
}

#[test]
fn scatters_show_every_net() {
    let study = study();
    let points = panels(&study, |f| {
        f.plot("s", "Scatter")
            .panel("", scatter(&PARAMETERS, &TEST).series("gate", &named("gate")));
    });
    assert!(matches!(&points[0].marks[0].shape, Shape::Scatter(points) if points.len() == 18));
}

#[test]
fn boxes_stand_for_arms_with_a_number_in_every_seed_and_share_an_axis() {
    let study = study();
    let sizes = |net: &Net| [PARAMETERS.value(net)];
    let axis = study.axis_over(&PARAMETERS, &Where::all(), sizes);
    assert_eq!(axis.range, Range::AtLeast(100.0, 300.0));
    let panels = panels(&study, |f| {
        f.plot("b", "Boxes").panel(
            "",
            boxes(&PARAMETERS, &named("gate"))
                .named(|arm| arm.text(&METHOD))
                .y(axis),
        );
    });
    let Shape::Boxes(boxes) = &panels[0].marks[0].shape else {
        panic!("no boxes")
    };
    let middles: Vec<f64> = boxes.iter().map(|one| one.median).collect();
    assert_eq!(middles, [100.0, 200.0, 300.0]);
    assert!(boxes.iter().all(|one| one.points.len() == 6));
}

#[test]
fn facets_and_data_sets_multiply_panels_and_name_them() {
    let toys = toys();
    let study = empty(&toys)
        .read("mnist", &rows_of(&toys, 6, "mnist"), vec![0, 1])
        .unwrap();
    let study = study
        .read("fashion", &rows_of(&toys, 6, "fashion"), vec![0, 1])
        .unwrap();
    let seeds = custom(|place: &Place<'_, Net>| {
        Ok(Panel::new(
            "",
            Axis::linear("x"),
            Axis::linear(format!("{}", place.set.seeds.len())),
        ))
    });
    let panels = panels(&study, |f| {
        f.plot("p", "Panels")
            .facet("method gate", METHOD.is("gate"))
            .facet("method static", METHOD.is("static"))
            .panel("seeds", seeds);
    });
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    let expected = ["MNIST: method gate, seeds", "MNIST: method static, seeds"];
    assert_eq!(titles[..2], expected);
    assert_eq!(
        (titles.len(), titles[3], panels[3].y.label.as_str()),
        (4, "fashion: method static, seeds", "2")
    );
    let mut figures = Figures::of(&study);
    figures.plot("n", "None").facet("none", EPOCHS.is(1.0));
    let error = figures.plates().err().unwrap().to_string();
    assert_eq!(error, "figure `n`: expected a panel and a data set, found none");
}

#[test]
fn grouped_rows_have_one_interval_for_each_series_that_knows_them() {
    let at = |method: &str, lambda: f64| TEST.at(&named(method).and(LAMBDA.is(lambda)));
    let panels = panels(&study(), |f| {
        let rows = grouped(Axis::linear("Difference").unit("points"), 100.0, ["λ 1", "λ 10"])
            .from_zero()
            .series("ours", move |row| {
                let lambda = if row == "λ 1" { 1.0 } else { 10.0 };
                Some(at("gate", lambda).less(at("static", lambda)))
            })
            .published("theirs", |row| (row == "λ 10").then_some([0.2, 0.1, 0.3]));
        f.plot("g", "Grouped").panel("", rows);
    });
    let intervals = |label: &str| {
        let mark = panels[0].marks.iter().find(|mark| mark.label == label).unwrap();
        let Shape::Intervals(points) = &mark.shape else {
            panic!("no intervals")
        };
        points.clone()
    };
    // The gate is a tenth better: ten points; the first row stands on top, so its place is 1.
    let ours = intervals("ours");
    assert!(ours.iter().all(|row| (row.1 - 10.0).abs() < 0.2), "{ours:?}");
    assert_eq!((ours.len(), ours[0].3.round(), ours[1].3.round()), (2, 0.0, 1.0));
    let theirs = intervals("theirs");
    assert_eq!(theirs.len(), 1);
    let (low, value, high, place) = theirs[0];
    assert_eq!((low, value, high, place.round()), (10.0, 20.0, 30.0, 0.0));
}

#[test]
fn a_table_against_a_reference_names_it_and_refuses_two() {
    let study = study();
    let set = &study.sets[0];
    let (all, gates) = (LAMBDA.is(1.0), METHOD.is("gate"));
    let table = study.against(set, "Against", &all, &TEST, &gates).unwrap();
    let cells: Vec<&str> = table.rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!((table.rows[0][0].as_str(), cells[0]), ("gate 1", "reference"));
    assert!(cells[1].starts_with("-0.1"), "{cells:?}");
    let error = study
        .against(set, "Against", &Where::all(), &TEST, &gates)
        .err()
        .unwrap();
    let expected = "expected one reference among the arms, found 3 (gate 1, gate 10, gate 100)";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_figure_and_a_table_take_their_words_from_the_studys_text() {
    let text = "# Texts\n\n## s: How far, rate {rate}?\n\nOver λ.\n\nAt {rate}.\n\n## All\n\nMeans.\n";
    let study = study().words(text);
    let panel = || sweep(&TEST, &LAMBDA).series("gate", &named("gate"));
    let plates = plates(&study, |f| {
        f.shown("s").called("s-2").with("rate", 0.1).panel("", panel());
    });
    let plate = &plates[0];
    assert_eq!(
        (&*plate.figure.name, &*plate.figure.title),
        ("s-2", "How far, rate 0.1?")
    );
    assert_eq!((&*plate.alt, &*plate.caption), ("Over λ.", "At 0.1."));
    let table = study.table(&study.sets[0], "All arms", &Where::all(), &[TEST]).unwrap();
    assert_eq!((table.note, study.note("Others")), ("Means.".to_owned(), String::new()));
    let mut figures = Figures::of(&study);
    figures.shown("t").panel("", panel());
    let error = figures.plates().err().unwrap().to_string();
    assert!(
        error.contains("figure `t`") && error.contains("a section `## name: title`"),
        "{error}"
    );
}

#[test]
fn a_figures_words_list_the_rules_that_it_breaks() {
    let text = "\n## accuracy: How accurate are they?\n\nTest accuracy\n\nIt rises.\n\n- coincide: arms are alike,\n  as asked\n";
    let plates = |text: &str| {
        let study = study().words(text);
        let mut figures = Figures::of(&study);
        figures
            .shown("accuracy")
            .panel("", sweep(&TEST, &LAMBDA).series("gate", &named("gate")));
        figures.plates()
    };
    let plate = plates(text).unwrap().remove(0);
    assert_eq!(
        (plate.alt.as_str(), plate.caption.as_str()),
        ("Test accuracy", "It rises.")
    );
    assert_eq!(
        plate.figure.reasons,
        [(Rule::Coincide, "arms are alike, as asked".to_owned())]
    );
    let refused = plates(&text.replace("coincide", "coincidence"))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("`accuracy`") && refused.contains("`coincidence`"),
        "{refused}"
    );
}
