//! The page that says what came out.

use std::fmt::Write as _;

use crate::cell::Work;
use crate::interval::{Estimate, estimate, median, ratios};
use crate::results::{Row, Run};
use crate::way::{Family, all_cores_beside_one};

/// All rows of one cell.
#[derive(Clone, Debug)]
pub struct Group<'r> {
    /// The work.
    pub work: Work,
    /// The network's label.
    pub net: &'r str,
    /// The rows.
    pub rows: Vec<&'r Row>,
}

/// What the name of our way without skipping has in it.
const DENSE: &str = "dense products";

/// A comparison of our best way with the best way of others.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Our way.
    pub ours: String,
    /// The way that it is compared with.
    pub theirs: String,
    /// The ratio of paired rounds.
    pub ratio: Estimate,
}

impl Comparison {
    /// Says whether the interval's lower end is above 1.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.ratio.low > 1.0
    }
}

/// Groups rows by cell, in their order.
#[must_use]
pub fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|g| g.work == row.work && g.net == row.net) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                work: row.work,
                net: &row.net,
                rows: vec![row],
            }),
        }
    }
    groups
}

impl Group<'_> {
    /// The ways of the cell with their rates by round, fastest first.
    #[must_use]
    pub fn ways(&self) -> Vec<(&str, Vec<f64>)> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.way.as_str()) {
                names.push(&row.way);
            }
        }
        let mut ways: Vec<(&str, Vec<f64>)> = names
            .into_iter()
            .map(|name| (name, self.by_round(name, |r| Some(r.rate))))
            .collect();
        ways.sort_by(|a, b| median(&b.1).total_cmp(&median(&a.1)));
        ways
    }

    /// A quantity of a way by round.
    #[must_use]
    pub fn by_round(&self, way: &str, quantity: impl Fn(&Row) -> Option<f64>) -> Vec<f64> {
        let mut found: Vec<(usize, f64)> = self
            .rows
            .iter()
            .filter(|r| r.way == way)
            .filter_map(|r| Some((r.round, quantity(r)?)))
            .collect();
        found.sort_by_key(|(round, _)| *round);
        found.into_iter().map(|(_, value)| value).collect()
    }

    fn row_of(&self, way: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.way == way).copied()
    }

    /// The fastest whole way by median among those that `counts` accepts.
    #[must_use]
    pub fn best(&self, counts: impl Fn(Family) -> bool) -> Option<(&str, Vec<f64>)> {
        let whole = |name: &str| {
            self.row_of(name)
                .is_some_and(|row| row.is_whole_work && counts(row.family))
        };
        self.ways().into_iter().find(|(name, _)| whole(name))
    }

    /// Our best way against the best of the others that `counts` accepts.
    #[must_use]
    pub fn compare(&self, counts: impl Fn(Family) -> bool) -> Option<Comparison> {
        self.compare_way(self.best(|family| family == Family::Ours)?, counts)
    }

    /// Our way that multiplies the inputs' background as the peers do, with its rates by round.
    #[must_use]
    pub fn dense(&self) -> Option<(&str, Vec<f64>)> {
        self.ways().into_iter().find(|(name, _)| name.contains(DENSE))
    }

    /// A way of ours against the best of the others that `counts` accepts.
    fn compare_way(&self, (ours, our_rates): (&str, Vec<f64>), counts: impl Fn(Family) -> bool) -> Option<Comparison> {
        let (theirs, their_rates) = self.best(|family| family != Family::Ours && counts(family))?;
        Some(Comparison {
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
            ratio: estimate(&ratios(&our_rates, &their_rates)),
        })
    }
}

/// Writes the page.
#[must_use]
pub fn page(date: &str, rows: &[Row], runs: &[Run]) -> String {
    let mut text = format!("# Benchmarks, {date}\n\n");
    machine(&mut text, runs);
    let groups = groups(rows);
    races(&mut text, &groups);
    dense(&mut text, &groups);
    all_cores(&mut text, &groups);
    commands(&mut text, &groups);
    shares_of_peak(&mut text, &groups);
    edits(&mut text, &groups);
    overheads(&mut text, &groups);
    all_ways(&mut text, &groups);
    listed(
        &mut text,
        "Ways behind others of their family, or with less work: one measurement before the rounds",
        runs,
        |run| &run.screened,
    );
    listed(&mut text, "Ways that failed", runs, |run| &run.failures);
    listed(&mut text, "Ways left out", runs, |run| &run.left_out);
    text
}

/// Appends a line; writing to a string cannot fail.
macro_rules! line {
    ($text:expr, $($format:tt)*) => { let _ = writeln!($text, $($format)*); };
}

fn machine(text: &mut String, runs: &[Run]) {
    if let Some(run) = runs.last() {
        let hardware = &run.hardware;
        line!(
            text,
            "{}, {} cores, {:.0} GiB, {}, kernels on {}; {}; {}.",
            hardware.processor,
            hardware.cores,
            hardware.memory_gib,
            hardware.cache,
            hardware.instruction_set,
            hardware.system,
            hardware.rustc
        );
    }
    for run in runs {
        let works: Vec<&str> = run.works.iter().map(|w| w.name()).collect();
        let versions: Vec<String> = run
            .versions
            .iter()
            .map(|(name, v)| format!("{name} {}", v.as_str().unwrap_or("?")))
            .collect();
        line!(
            text,
            "\n{}: `{}`; {} rounds of {}; {}; load before {}.",
            works.join(", "),
            run.command,
            run.rounds,
            if run.seconds > 0.0 {
                format!("at least {} s", run.seconds)
            } else {
                "whole commands".to_owned()
            },
            versions.join(", "),
            run.load_before
        );
    }
    text.push_str(
        "\nEvery row has the same work: 784 inputs of the real MNIST, batch 128, Adam at 10⁻³, every model with a shuffled \
         order of batches of its own, the gather included. Ways take turns in rounds, forwards then backwards. A ratio is the \
         median of the rounds' ratios, with an interval of order statistics; *ahead* means that its lower end is above 1.\n",
    );
}

fn races(text: &mut String, groups: &[Group<'_>]) {
    let races: Vec<_> = groups.iter().filter(|g| g.work.is_race()).collect();
    if races.is_empty() {
        return;
    }
    text.push_str("\n## Against peers\n\n| work | net | models | cores | ours, steps/s | best of any peer | ratio | goal | | best of PyTorch | ratio | goal | |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for group in races {
        let Some(first) = group.rows.first() else { continue };
        let ours = group
            .best(|family| family == Family::Ours)
            .map_or(f64::NAN, |(_, rates)| median(&rates));
        let any = side(group.compare(|_| true), first.goal().any);
        let torch = side(group.compare(|family| family == Family::Torch), first.goal().torch);
        line!(
            text,
            "| {} | {} | {} | {} | {ours:.0} | {any} | {torch} |",
            group.work.name(),
            group.net,
            first.models,
            first.cores
        );
    }
}

/// What is left of a lead where no background is skipped.
fn dense(text: &mut String, groups: &[Group<'_>]) {
    let measured: Vec<_> = groups
        .iter()
        .filter_map(|group| Some((group, group.dense()?)))
        .collect();
    if measured.is_empty() {
        return;
    }
    text.push_str(
        "\n## Without skipping the background\n\nFour fifths of MNIST's pixels are one value, which our first layer skips and no peer does. These are the same steps \
         with every pixel multiplied, as on data without a background.\n\n\
         | work | net | ours, steps/s | best of any peer | ratio | | | best of PyTorch | ratio | | |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (group, (way, rates)) in measured {
        let ours = median(&rates);
        let any = side(group.compare_way((way, rates.clone()), |_| true), None);
        let torch = side(group.compare_way((way, rates), |family| family == Family::Torch), None);
        line!(
            text,
            "| {} | {} | {ours:.0} | {any} | {torch} |",
            group.work.name(),
            group.net
        );
    }
}

/// What further cores give one network.
fn all_cores(text: &mut String, groups: &[Group<'_>]) {
    let mut rows = String::new();
    for group in groups {
        for [all, one] in all_cores_beside_one() {
            let (many, alone) = (
                group.by_round(&all, |r| Some(r.rate)),
                group.by_round(&one, |r| Some(r.rate)),
            );
            let Some(cores) = group.row_of(&all).map(|row| row.cores) else {
                continue;
            };
            let ratio = estimate(&ratios(&many, &alone));
            line!(
                rows,
                "| {} | {} | {cores} | {all} | {:.0} | {:.0} | {:.2} [{:.2}–{:.2}] |",
                group.work.name(),
                group.net,
                median(&alone),
                median(&many),
                ratio.median,
                ratio.low,
                ratio.high
            );
        }
    }
    if !rows.is_empty() {
        text.push_str(
            "\n## One network on all cores\n\nThe same network on one core and on all: its products divided among threads, which moves \
             no bit, or its batches cut, which adds in another order.\n\n\
             | work | net | cores | way | one core, steps/s | all cores, steps/s | ratio |\n|---|---|---|---|---|---|---|\n",
        );
        text.push_str(&rows);
    }
}

fn side(comparison: Option<Comparison>, goal: Option<f64>) -> String {
    let goal_text = goal.map_or(String::new(), |goal| format!("≥ {goal}"));
    let Some(found) = comparison else {
        return format!("not measured | | {goal_text} |");
    };
    let ahead = if found.is_ahead() { "ahead" } else { "not ahead" };
    let reached = goal.map_or("", |goal| {
        if found.ratio.median >= goal {
            ", goal reached"
        } else {
            ", short of the goal"
        }
    });
    format!(
        "{} | {:.2} [{:.2}–{:.2}] | {goal_text} | {ahead}{reached}",
        found.theirs, found.ratio.median, found.ratio.low, found.ratio.high
    )
}

fn commands(text: &mut String, groups: &[Group<'_>]) {
    let measured: Vec<_> = groups.iter().filter(|g| g.work == Work::MnistVariance).collect();
    if measured.is_empty() {
        return;
    }
    text.push_str(
        "\n## Whole commands\n\nFrom start to end, libraries, data and compilation included. Ours also draws its figures, \
         bootstraps its claims and writes its pages; the peers' scripts stop at the rows. Accuracy is the mean over the trials, \
         on the test split: a check that the work was the same.\n\n\
         | command | cores | ours, s | best of any peer | ratio | goal | |\n|---|---|---|---|---|---|---|\n",
    );
    for group in &measured {
        let Some(first) = group.rows.first() else { continue };
        let ours = group.best(|family| family == Family::Ours);
        let ours = ours.map_or(f64::NAN, |(way, _)| median(&group.by_round(way, |r| Some(r.seconds))));
        let any = side(group.compare(|_| true), first.goal().any);
        line!(text, "| {} | {} | {ours:.1} | {any} |", group.net, first.cores);
    }
    text.push_str("\n| command | way | median, s | lowest–highest, s | accuracy |\n|---|---|---|---|---|\n");
    for group in &measured {
        for (way, _) in group.ways() {
            let seconds = group.by_round(way, |r| Some(r.seconds));
            let lowest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = seconds.iter().copied().fold(0.0, f64::max);
            let accuracy = median(&group.by_round(way, |r| r.extra("test_accuracy")));
            line!(
                text,
                "| {} | {way} | {:.1} | {lowest:.1}–{highest:.1} | {accuracy:.4} |",
                group.net,
                median(&seconds)
            );
        }
    }
}

fn shares_of_peak(text: &mut String, groups: &[Group<'_>]) {
    let measured: Vec<_> = groups.iter().filter(|g| g.work == Work::Share).collect();
    if measured.is_empty() {
        return;
    }
    text.push_str("\n## Share of the product peak while training, one core, gather and Adam included\n\nAll products dense: no background is skipped.\n\n| net | peak, GFLOP/s | training, GFLOP/s | share |\n|---|---|---|---|\n");
    for group in measured {
        for (way, _) in group.ways() {
            let of = |name: &str| estimate(&group.by_round(way, |r| r.extra(name)));
            let share = of("share");
            line!(
                text,
                "| {} | {:.0} | {:.0} | {:.1} % [{:.1}–{:.1}] |",
                group.net,
                of("peak_gflops").median,
                of("training_gflops").median,
                100.0 * share.median,
                100.0 * share.low,
                100.0 * share.high
            );
        }
    }
}

fn edits(text: &mut String, groups: &[Group<'_>]) {
    let measured: Vec<_> = groups.iter().filter(|g| g.work == Work::Edit).collect();
    if measured.is_empty() {
        return;
    }
    text.push_str("\n## One unit edited, one core\n\nIn training steps of the same library on the same net. The first step after an edit has to build its buffers anew; what it takes longer is shown apart.\n\n| net | way | step, ms | edit, ms | edit, steps | edit and longer next step, steps |\n|---|---|---|---|---|---|\n");
    for group in measured {
        for (way, _) in group.ways() {
            let of = |name: &'static str| move |row: &Row| row.extra(name);
            let [step, edit, next] =
                ["step_seconds", "edit_seconds", "next_step_seconds"].map(|name| group.by_round(way, of(name)));
            let relative = estimate(&ratios(&edit, &step));
            let whole: Vec<f64> = (0..step.len())
                .map(|k| (edit[k] + next[k] - step[k]) / step[k])
                .collect();
            let whole = estimate(&whole);
            line!(
                text,
                "| {} | {way} | {:.2} | {:.2} | {:.2} [{:.2}–{:.2}] | {:.2} [{:.2}–{:.2}] |",
                group.net,
                1e3 * median(&step),
                1e3 * median(&edit),
                relative.median,
                relative.low,
                relative.high,
                whole.median,
                whole.low,
                whole.high
            );
        }
    }
}

fn overheads(text: &mut String, groups: &[Group<'_>]) {
    let measured: Vec<_> = groups.iter().filter(|g| g.work == Work::Overhead).collect();
    if measured.is_empty() {
        return;
    }
    text.push_str("\n## Observing and gates, in time, one core\n\nThe goals are in instructions: see `just bench-instructions`.\n\n| net | what | overhead | activation bytes, plain | activation bytes |\n|---|---|---|---|---|\n");
    for group in measured {
        for (way, _) in group.ways() {
            let of = |name: &str| estimate(&group.by_round(way, |r| r.extra(name)));
            let overhead = of("overhead");
            line!(
                text,
                "| {} | {way} | {:.1} % [{:.1}–{:.1}] | {} | {} |",
                group.net,
                100.0 * overhead.median,
                100.0 * overhead.low,
                100.0 * overhead.high,
                of("plain_activation_bytes").median,
                of("activation_bytes").median
            );
        }
    }
}

fn all_ways(text: &mut String, groups: &[Group<'_>]) {
    text.push_str("\n## Every way, model-steps per second\n");
    for group in groups.iter().filter(|g| g.work.is_race()) {
        let Some(first) = group.rows.first() else { continue };
        line!(
            text,
            "\n{}, {}, {} models, {} cores\n\n| way | median | lowest–highest |\n|---|---|---|",
            group.work.name(),
            group.net,
            first.models,
            first.cores
        );
        for (way, rates) in group.ways() {
            let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = rates.iter().copied().fold(0.0, f64::max);
            line!(text, "| {way} | {:.1} | {lowest:.1}–{highest:.1} |", median(&rates));
        }
    }
}

fn listed(text: &mut String, title: &str, runs: &[Run], of: fn(&Run) -> &Vec<String>) {
    let mut all: Vec<&String> = runs.iter().flat_map(of).collect();
    all.dedup();
    if !all.is_empty() {
        line!(text, "\n## {title}\n");
        for entry in all {
            line!(text, "- {entry}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Scope, cells};
    use crate::way::ways;

    fn measured(rates: &[(&str, [f64; 5])]) -> Vec<Row> {
        let scope = Scope {
            widths: vec![128],
            models: 8,
            cores: 2,
        };
        let cell = &cells(Work::MlpSweep, &scope)[0];
        let mut rows = Vec::new();
        for way in ways(cell) {
            let Some((_, rates)) = rates.iter().find(|(name, _)| *name == way.name) else {
                continue;
            };
            rows.extend(rates.iter().enumerate().map(|(round, &rate)| Row {
                round,
                rate,
                ..Row::new(cell, &way)
            }));
        }
        rows
    }

    #[test]
    fn ahead_needs_every_paired_round_above_one() {
        let ours = (
            "Espalier one model at a time per thread",
            [100.0, 200.0, 300.0, 400.0, 500.0],
        );
        let theirs = ("PyTorch fused Adam", [90.0, 190.0, 290.0, 390.0, 490.0]);
        let rows = measured(&[ours, theirs]);
        let found = groups(&rows)[0].compare(|_| true).unwrap();
        assert!(found.is_ahead());
        assert!((found.ratio.median - 300.0 / 290.0).abs() < 1e-12);
        let rows = measured(&[ours, ("PyTorch fused Adam", [101.0, 150.0, 150.0, 150.0, 150.0])]);
        assert!(!groups(&rows)[0].compare(|_| true).unwrap().is_ahead());
    }

    #[test]
    fn a_way_with_less_work_is_not_compared_with() {
        let rows = measured(&[
            ("Espalier models interleaved", [10.0; 5]),
            ("PyTorch wide linear, one batch for all (less work)", [99.0; 5]),
            ("PyTorch stacked baddbmm", [5.0; 5]),
        ]);
        let found = groups(&rows)[0].compare(|_| true).unwrap();
        assert_eq!(
            (found.theirs.as_str(), found.ratio.median),
            ("PyTorch stacked baddbmm", 2.0)
        );
        assert!(page("2026-01-01", &rows, &[]).contains("less work"));
    }
}
