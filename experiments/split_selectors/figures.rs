//! What a paper would show of the rows.

use espalier_report::figure::{Axis, BoxSummary, Colour, Colours, Dash, Estimates, Figure, Legend, Mark, Panel};
use espalier_report::page::Plate;
use espalier_report::statistics::{Bootstrap, mean};

use crate::arm::{ARMS, NO_SPLIT, RANDOM};
use crate::claims::seed;
use crate::rows::Epoch;
use crate::runs::{HALVED_ACCURACY, Number, Run, Runs, TEST_ACCURACY, TEST_LOSS};

/// A number of an epoch.
type Curve = fn(&Epoch) -> f64;

const VALIDATION_LOSS: Curve = |e| e.validation_loss;
const VALIDATION_ACCURACY: Curve = |e| e.validation_accuracy;
const TRAIN_LOSS: Curve = |e| e.train_loss;

/// All figures; curves are drawn for each learning rate, the study's first.
pub fn plates(rates: &[Runs], subtitle: &str) -> anyhow::Result<Vec<Plate>> {
    let mut plates = vec![
        differences(rates, subtitle)?,
        finals(rates, subtitle)?,
        scaling(rates, subtitle)?,
    ];
    for (place, runs) in rates.iter().enumerate() {
        let sheet = Sheet {
            runs,
            // The study's rate gives the plain names.
            suffix: if place == 0 {
                String::new()
            } else {
                format!("-rate-{}", place + 1)
            },
            subtitle: format!("{subtitle}, learning rate {}", runs.rate),
        };
        plates.push(sheet.overlay()?);
        plates.extend(sheet.multiples());
        if place == 0 {
            plates.push(sheet.parameters());
            plates.extend(sheet.scores()?);
        }
    }
    Ok(plates)
}

fn colours() -> Colours {
    Colours::named(ARMS.map(|arm| arm.name))
}

/// Arm names from bottom to top, the first arm on top.
fn upward(without: &str) -> Vec<&'static str> {
    ARMS.iter()
        .rev()
        .map(|arm| arm.name)
        .filter(|name| *name != without)
        .collect()
}

/// Paired differences from the net that never splits.
fn differences(rates: &[Runs], subtitle: &str) -> anyhow::Result<Plate> {
    let mut figure = Figure::new(
        "differences",
        "Test accuracy of nets that split, against the net that has all units from the start",
    )
    .subtitle(subtitle)
    .panel_size(460, 330);
    let names = upward(NO_SPLIT);
    for runs in rates {
        let contrasts = runs
            .scores(TEST_ACCURACY)?
            .contrasts(NO_SPLIT, &seed(&format!("figure/differences/{}", runs.rate)))?;
        let points = names.iter().enumerate().filter_map(|(y, name)| {
            let contrast = contrasts.iter().find(|contrast| contrast.arm == *name)?;
            let e = contrast.difference.scaled(100.0);
            Some((e.low, e.value, e.high, y as f64))
        });
        let panel = Panel::new(
            format!("Learning rate {}", runs.rate),
            Axis::linear("Paired difference of test accuracy").unit("points"),
            Axis::category("", names.clone()),
        )
        .mark(Mark::vertical(0.0).label("no split"))
        .mark(Mark::intervals(points.collect::<Vec<_>>()));
        figure = figure.panel(panel);
    }
    Ok(Plate::new(
        figure,
        "Paired difference of final test accuracy between each splitting arm and the arm without splits",
        "Interquartile means over seeds with 95 % bootstrap intervals; left of the line the arm is less accurate than the net of the \
         same final size that never splits.",
    ))
}

/// Final test loss and accuracy of every trial.
fn finals(rates: &[Runs], subtitle: &str) -> anyhow::Result<Plate> {
    let mut figure = Figure::new("finals", "Final test loss and accuracy of every net")
        .subtitle(subtitle)
        .columns(2)
        .panel_size(460, 330);
    for runs in rates {
        for (what, unit, number) in [
            ("Test loss", "nats", TEST_LOSS),
            ("Test accuracy", "fraction", TEST_ACCURACY),
        ] {
            let mut boxes = Vec::new();
            for (x, arm) in ARMS.iter().enumerate() {
                boxes.push(BoxSummary::of(x as f64, runs.of(arm.name, number))?);
            }
            let panel = Panel::new(
                format!("{what}, learning rate {}", runs.rate),
                Axis::category("", ARMS.map(|arm| arm.name)),
                Axis::linear(what).unit(unit),
            )
            .mark(Mark::boxes(boxes));
            figure = figure.panel(panel);
        }
    }
    Ok(Plate::new(
        figure,
        "Box plots of final test loss and test accuracy by arm with one point per seed",
        "Boxes are quartiles, whiskers the least and the largest value, points single seeds.",
    ))
}

/// The same nets on test images scaled rightly and wrongly.
fn scaling(rates: &[Runs], subtitle: &str) -> anyhow::Result<Plate> {
    let (right, wrong, study) = (
        "right: u − 0.5",
        "the study's mistake: u × 0.5",
        "published by the study",
    );
    let mut figure = Figure::new("scaling", "What wrongly scaled test images did")
        .subtitle(subtitle)
        .panel_size(460, 350)
        .colours(Colours::named([right, wrong, study]));
    for (place, runs) in rates.iter().enumerate() {
        let names = upward("");
        let mut panel = Panel::new(
            format!("Learning rate {}", runs.rate),
            Axis::linear("Test accuracy").unit("fraction"),
            Axis::category("", names.clone()),
        );
        let readings: [(&str, Number, f64); 2] = [(right, TEST_ACCURACY, 0.22), (wrong, HALVED_ACCURACY, 0.0)];
        for (label, number, shift) in readings {
            let arms = runs.scores(number)?;
            let estimates = arms.estimates(&Bootstrap::new(&seed(&format!("figure/scaling/{label}"))))?;
            let points = estimates.iter().enumerate().map(|(arm, e)| {
                let y = (names.len() - 1 - arm) as f64 + shift;
                (e.low, e.value, e.high, y)
            });
            panel = panel.mark(Mark::intervals(points.collect::<Vec<_>>()).label(label));
        }
        if place == 0 {
            let published = ARMS.iter().enumerate().filter_map(|(arm, known)| {
                let [mean, low, high] = known.study?;
                Some((low, mean, high, (names.len() - 1 - arm) as f64 - 0.22))
            });
            panel = panel.mark(Mark::intervals(published.collect::<Vec<_>>()).label(study));
        }
        figure = figure.panel(panel);
    }
    Ok(Plate::new(
        figure,
        "Test accuracy of each arm on rightly and wrongly scaled test images, beside the study's published numbers",
        "Interquartile means with 95 % bootstrap intervals over seeds. The study's whiskers are its least and largest run; it ran the \
         rule of softmax losses under the three firing-rate names.",
    ))
}

/// The curves of one learning rate.
struct Sheet<'a> {
    runs: &'a Runs,
    suffix: String,
    subtitle: String,
}

impl Sheet<'_> {
    fn figure(&self, name: &str, title: &str) -> Figure {
        Figure::new(format!("{name}{}", self.suffix), title)
            .subtitle(self.subtitle.clone())
            .colours(colours())
    }

    /// Validation loss and accuracy of all arms over each other, and the distance to the control.
    fn overlay(&self) -> anyhow::Result<Plate> {
        let mut figure = self
            .figure("overlay", "Validation loss and accuracy over training")
            .columns(3)
            .panel_size(420, 340);
        for (what, unit, curve) in [
            ("Validation loss", "nats", VALIDATION_LOSS),
            ("Validation accuracy", "fraction", VALIDATION_ACCURACY),
        ] {
            let mut panel = Panel::new("", Axis::linear("Epoch"), Axis::linear(what).unit(unit));
            for (arm, runs) in &self.runs.arms {
                let averaged = average(&runs.iter().map(|run| points(run, curve)).collect::<Vec<_>>())?;
                panel = panel.mark(averaged.line(arm.name));
                if arm.name == NO_SPLIT || arm.name == RANDOM {
                    panel = panel.mark(averaged.band(arm.name));
                }
            }
            figure = figure.panel(panel);
        }
        Ok(Plate::new(
            figure.panel(self.distance()?),
            "Validation loss, validation accuracy and its difference from the arm without splits over epochs, one curve per arm",
            "Interquartile means over seeds, from the first epoch on; bands, drawn for no split and for random only so that curves stay \
             visible, are 95 % bootstrap intervals. Right: paired by seed.",
        ))
    }

    /// Paired differences of validation accuracy from the control, over the epochs.
    fn distance(&self) -> anyhow::Result<Panel> {
        let axis = Axis::linear("Paired difference of validation accuracy").unit("points");
        let mut panel = Panel::new("", Axis::linear("Epoch"), axis).mark(Mark::horizontal(0.0));
        let Some((_, control)) = self.runs.arms.iter().find(|(arm, _)| arm.name == NO_SPLIT) else {
            return Ok(panel);
        };
        for (arm, runs) in self.runs.arms.iter().filter(|(arm, _)| arm.name != NO_SPLIT) {
            let differences = runs.iter().zip(control).map(|(run, control)| {
                let pairs = points(run, VALIDATION_ACCURACY)
                    .into_iter()
                    .zip(points(control, VALIDATION_ACCURACY));
                pairs
                    .map(|(own, control)| (own.0, 100.0 * (own.1 - control.1)))
                    .collect()
            });
            let averaged = average(&differences.collect::<Vec<_>>())?;
            panel = panel.mark(averaged.line(arm.name));
            if arm.name == RANDOM {
                panel = panel.mark(averaged.band(arm.name));
            }
        }
        Ok(panel)
    }

    /// Every run in a panel of its arm.
    fn multiples(&self) -> Vec<Plate> {
        let sheets: [(&str, &str, &str, Curve); 3] = [
            ("runs-validation-loss", "Validation loss", "nats", VALIDATION_LOSS),
            ("runs-train-loss", "Training loss", "nats", TRAIN_LOSS),
            (
                "runs-validation-accuracy",
                "Validation accuracy",
                "fraction",
                VALIDATION_ACCURACY,
            ),
        ];
        sheets
            .into_iter()
            .map(|(name, what, unit, curve)| {
                let (low, high) = extremes(self.runs, curve);
                let mut figure = self
                    .figure(name, &format!("{what} of every run, by arm"))
                    .columns(4)
                    .panel_size(250, 200);
                for (arm, runs) in &self.runs.arms {
                    let axis = Axis::linear(what).unit(unit).at_least(low, high);
                    let line = |run| Mark::line(points(run, curve)).of(arm.name).dash(Dash::Solid);
                    let lines = runs.iter().map(line);
                    figure = figure.panel(
                        Panel::new(arm.name, Axis::linear("Epoch"), axis)
                            .marks(lines)
                            .legend(Legend::None),
                    );
                }
                Plate::new(
                    figure,
                    &format!("{what} over epochs, one panel per arm, one line per seed"),
                    "One line per seed; all panels have the same axes.",
                )
            })
            .collect()
    }

    /// Parameters over the epochs.
    fn parameters(&self) -> Plate {
        let mut panel = Panel::new("", Axis::linear("Epoch"), Axis::linear("Parameters"));
        let splitting = "the seven arms that split";
        for (label, wanted) in [(NO_SPLIT, true), (splitting, false)] {
            let runs = self
                .runs
                .arms
                .iter()
                .filter(|(arm, _)| (arm.name == NO_SPLIT) == wanted);
            // Runs that have the same sizes are one line.
            let mut curves: Vec<Vec<(f64, f64)>> = Vec::new();
            for run in runs.flat_map(|(_, runs)| runs) {
                let sizes = run.epochs.iter();
                let sizes: Vec<(f64, f64)> = sizes.map(|e| (e.epoch as f64, e.parameters as f64)).collect();
                if !curves.contains(&sizes) {
                    curves.push(sizes);
                }
            }
            for (place, sizes) in curves.into_iter().enumerate() {
                let line = Mark::step(sizes);
                panel = panel.mark(if place == 0 { line.label(label) } else { line.of(label) });
            }
        }
        let figure = self
            .figure("parameters", "Parameters over training: one split per epoch")
            .panel(panel)
            .panel_size(560, 340)
            .colours(Colours::named([NO_SPLIT, splitting]));
        Plate::new(
            figure,
            "Parameters over epochs: a staircase for the arms that split, a constant for the arm that does not",
            "All runs of all arms; those that split lie on each other.",
        )
    }

    /// The scores by which units were chosen.
    fn scores(&self) -> anyhow::Result<Option<Plate>> {
        let mut figure = self
            .figure("choices", "Which units the rules chose")
            .columns(3)
            .panel_size(300, 240);
        for (arm, runs) in &self.runs.arms {
            let splits = runs.iter().map(|run| run.splits.len()).min().unwrap_or(0);
            let scored = runs
                .first()
                .and_then(|run| run.splits.first())
                .filter(|s| s.scored_by != "nothing");
            let Some(scored) = scored else { continue };
            let mut range = Vec::new();
            let mut chosen = Vec::new();
            for k in 0..splits {
                let of = |number: fn(&crate::rows::Split) -> f64| {
                    mean(&runs.iter().map(|run| number(&run.splits[k])).collect::<Vec<_>>())
                };
                let epoch = runs[0].splits[k].epoch as f64;
                range.push((epoch, of(|s| s.lowest)?, of(|s| s.highest)?));
                chosen.push((epoch, of(|s| s.score)?));
            }
            let unit = if scored.scored_by == "firing rate" {
                "share of images"
            } else {
                "nats"
            };
            let label = if unit == "nats" {
                "Loss without a unit"
            } else {
                "Firing rate"
            };
            let panel = Panel::new(arm.name, Axis::linear("Epoch"), Axis::linear(label).unit(unit))
                .mark(Mark::band(range).colour(Colour::GREY))
                .mark(Mark::line(chosen).of(arm.name))
                .legend(Legend::None);
            figure = figure.panel(panel);
        }
        if figure.panels.is_empty() {
            return Ok(None);
        }
        Ok(Some(Plate::new(
            figure,
            "Score of the chosen unit over the splits beside the range of all units' scores, one panel per rule",
            "Line: score of the unit that was split; grey: from the least to the largest score of all hidden units. Means over seeds.",
        )))
    }
}

/// A run's curve from the first epoch on: what stands before any training would flatten all that follows.
fn points(run: &Run, curve: Curve) -> Vec<(f64, f64)> {
    let trained = run.epochs.iter().filter(|epoch| epoch.epoch > 0);
    let all = trained.map(|epoch| (epoch.epoch as f64, curve(epoch)));
    all.filter(|point| point.1.is_finite()).collect()
}

/// The least and the largest value of all runs, from the first epoch on.
fn extremes(runs: &Runs, curve: Curve) -> (f64, f64) {
    let all = runs
        .arms
        .iter()
        .flat_map(|(_, runs)| runs)
        .flat_map(|run| points(run, curve));
    let ends = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, y)| {
        (low.min(y), high.max(y))
    });
    // Where every run diverged at once there is nothing to cover.
    if ends.0 <= ends.1 { ends } else { (0.0, 1.0) }
}

/// Interquartile means over seeds with bootstrap intervals, at epochs that all runs reached.
fn average(curves: &[Vec<(f64, f64)>]) -> anyhow::Result<Estimates> {
    let mut averaged = Estimates::default();
    let epochs = curves.iter().map(Vec::len).min().unwrap_or(0);
    let bootstrap = Bootstrap::new(&seed("figure/overlay")).resamples(1_000);
    for k in 0..epochs {
        let values: Vec<f64> = curves.iter().map(|curve| curve[k].1).collect();
        averaged.push(curves[0][k].0, bootstrap.interquartile_mean_or_point(&values)?);
    }
    Ok(averaged)
}
