//! The report pages: one task, and all tasks.

use espalier_experiment::{About, Preset, ReportContext, Shortened, counted};
use espalier_report::page::{Claim, Report, TableBlock, Tally, Verdict};
use espalier_report::rows::Rows;
use espalier_sizing::{Line, Score};
use espalier_study::{Study, Where};

use crate::oracle::{Judged, Sizer, judge};
use crate::study::{self, Ended, MACS, NAME, TEST, UNITS, VALIDATION};
use crate::{Arm, board, figures, handed};

const METHOD: &str = "\
Nets with hidden layers of one width (ReLU, PyTorch's default initialisation), Adam, trained until the validation loss has not fallen \
for as many epochs as `patience` says; the best epoch counts. Scores are accuracy, or R² where values are predicted. Initial weights and \
batches are paired by seed. Where fewer rows are used than there are, they are the first of each split in the order of the files: where \
that order says something, as in covtype, whose first rows are of other classes than its test rows, the answer is about those rows alone.

**Needed width.** Static nets over widths. The needed width w* is the smallest whose mean validation score, smoothed to rise with the \
width, is at most δ below the best; δ is the standard deviation over seeds of the validation score, pooled over the upper half \
of the widths, so that nets closer than that differ no more than two seeds do. Its interval is a bootstrap over seeds.

**Sizers** get the task and return a trained net; their units are counted and their bill is kept by the bench on which they train, which \
shows them no test row. *Read-offs* train the widest net, read a width off it by a rule fixed beforehand, and train that width. \
*Strategies* change the net while it trains, with the defaults of their sources: those that grow start from a sixteenth of the widest and \
end where the validation loss stops falling, those that shrink start from the widest and end where size and loss stand still. *Searches* \
compare validation scores of trained widths. Sizers are untuned, with the defaults of \
their sources; those called *tuned* seek once for each of the same few quasi-random tries in the space that they declare, and of the nets \
found the smallest counts whose validation score is within `tolerance` of the best; all tries are on the bill. The test split is read once for each net, after its search.

**Scores.** Doublings off: log₂(w / w*), either way. The test score less that of static nets with as many parameters (smoothed to rise, \
between widths by the logarithm): was the way worth it? Scores take w* at its value. A claim on a sizer does not: for its interval \
the seeds of the sizer and of the static nets are drawn together and w* is found anew from each draw, at the same δ, so that a w* that \
is uncertain leaves claims open. Its zone, half a doubling either way, is fixed beforehand, also where seeds are added while claims \
are open. Cost: multiply–accumulates of training, validation, reading and decisions over \
those of training w* once.";

const SOURCES: [&str; 4] = [
    "Agarwal et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice",
    "Dolan & Moré (2002), Benchmarking optimization software with performance profiles",
    "Jamieson & Talwalkar (2016), Non-stochastic best arm identification and hyperparameter optimization",
    "Of each strategy: the README of its crate; of each metric: its documentation",
];

/// The page of one task.
pub fn single(about: &About, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
    let study = study::read(&context.dataset, rows, context)?;
    let mut report = base(about, context)?;
    report.tables.push(nets(&study)?);
    report.notes.push(study.diverged_note(&study.sets[0]));
    let Some(judged) = judge(&context.dataset, rows, context)? else {
        let lack = "No width is recommended: that needs every static net of the sweep, with two seeds or more, none of them diverged.";
        report.notes.insert(0, lack.to_owned());
        return Ok(report);
    };
    if let Some(constant) = judged.nothing_learned() {
        return Ok(unlearned(report, &judged, constant, &context.subtitle()));
    }
    // A smoke run shows what a page looks like: its nets are all stopped early.
    if let Some(width) = judged.cut_short.filter(|_| context.preset != Preset::Smoke) {
        return cut_short(report, &judged, width, context);
    }
    if judged.constant.is_none() {
        let lack = "Whether nets learned more than an answer that ignores the inputs was not recorded: the rows are of earlier code.";
        report.notes.insert(0, lack.to_owned());
    }
    report.title = title(&judged, context);
    let handed = handed::over(&judged, context)?;
    report
        .notes
        .splice(0..0, remarks(&judged).into_iter().chain(handed.lines));
    let claims = study::claims(&study, &judged).judged()?;
    report.claims = claims.claims;
    report.opening = opening(&study, &judged, &report.claims)?;
    report.opening.extend(handed.words);
    report.tally = tally(&report.claims);
    report.notes.extend(claims.notes);
    report.notes.extend(costly(&judged));
    report.notes.push(format!(
        "A claim says that a sizer ends within half a doubling of the needed width, that is within a factor of 1.41; its interval \
         holds the uncertainty of that width, while tables and figures give doublings off its value. Each claim stands alone, at \
         95 %: of {} sizers at the very edge of that, one in twenty would be found on the wrong side.",
        judged.sizers.len()
    ));
    let (tasks, subtitle) = ([judged], context.subtitle());
    let lines = board::lines(&tasks)?;
    let [judged] = &tasks;
    report.figures.push(figures::sweep(judged, &subtitle));
    if !lines.is_empty() {
        report
            .figures
            .push(figures::cost(&tasks, &lines, judged.sweep_cost, &subtitle));
        report.tables.insert(0, board::table(&lines, 1));
    }
    Ok(report)
}

/// The leaderboard.
pub fn combined(about: &About, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Report> {
    let mut report = base(about, context)?;
    let mut tasks = Vec::new();
    for (name, rows) in rows {
        match judge(name, rows, context)? {
            Some(judged) if judged.nothing_learned().is_some() => report.notes.push(format!(
                "{name} is left out: no net learned more than an answer that ignores the inputs."
            )),
            Some(judged) if judged.cut_short.is_some() && context.preset != Preset::Smoke => report.notes.push(
                format!("{name} is left out: nets were still learning at the bound of epochs."),
            ),
            Some(judged) => tasks.push(judged),
            None => report
                .notes
                .push(format!("{name} is left out: its sweep is not whole.")),
        }
    }
    let lines = board::lines(&tasks)?;
    if lines.is_empty() {
        return Ok(report);
    }
    let counted = match rows.len() {
        all if all == tasks.len() => all.to_string(),
        all => format!("{} of {all}", tasks.len()),
    };
    report.title = format!("{} Over {counted} tasks", about.title);
    let subtitle = context.subtitle();
    let sweep = tasks.iter().map(|task| task.sweep_cost.ln()).sum::<f64>() / tasks.len() as f64;
    report.answer = leader(&lines, &counted, sweep.exp());
    report
        .figures
        .push(figures::cost(&tasks, &lines, sweep.exp(), &subtitle));
    report.figures.push(figures::profiles(&tasks, &subtitle)?);
    report.tables = vec![board::table(&lines, tasks.len()), needed(&tasks)];
    Ok(report)
}

/// Which sizer ends nearest over all tasks, without those whose size is set beforehand; nothing where none is left.
fn leader(lines: &[Line], tasks: &str, sweep_cost: f64) -> String {
    let found = |line: &&Line| !study::SET_BEFOREHAND.contains(&line.sizer.as_str());
    lines.iter().find(found).map_or_else(String::new, |nearest| {
        format!(
            "Over {tasks} data sets {} ends nearest to the needed width, {:.1} doublings off. It costs {:.1} times the computation of \
             training that width once, where a sweep costs {sweep_cost:.1} times; no verdict rests on this order.",
            nearest.sizer,
            nearest.off.value,
            nearest.cost.value.exp2(),
        )
    })
}

fn base(about: &About, context: &ReportContext) -> anyhow::Result<Report> {
    let study = crate::Experiment::settings(&crate::Sizing, &crate::Preset::Full);
    let mut shortened = Shortened::new(context, &study).of_no_study();
    shortened.fewer("most_epochs", "epoch at most")?;
    shortened.fewer("widest", "unit at most")?;
    shortened.fewer_seeds("");
    let caps = [
        ("train_images", "training"),
        ("validation_rows", "validation"),
        ("test_rows", "test"),
    ];
    for (split, (setting, what)) in caps.into_iter().enumerate() {
        let rows = context.settings.count(setting)?;
        if rows > 0 && context.has_more_rows(split, rows) {
            let plural = if rows == 1 { "" } else { "s" };
            shortened.lines.push(format!("at most {rows} {what} row{plural}"));
        }
    }
    Ok(Report {
        shortened: shortened.lines,
        method: METHOD.to_owned(),
        sources: SOURCES.map(str::to_owned).to_vec(),
        ..context.page(about)
    })
}

/// Which methods end near the needed width, where any is judged.
fn tally(claims: &[Claim]) -> Option<Tally> {
    let member = |claim: &Claim| Some((claim.id.clone(), study::sizer_of(&claim.id)?.to_owned()));
    let members: Vec<(String, String)> = claims.iter().filter_map(member).collect();
    (!members.is_empty()).then(|| Tally {
        of: "methods".to_owned(),
        done: "end within half a doubling of the needed width".to_owned(),
        members,
        ..Tally::default()
    })
}

/// The page of a task on which no net learned anything: it says so first, recommends no width and judges no sizer.
fn unlearned(report: Report, judged: &Judged, constant: f64, subtitle: &str) -> Report {
    let (set, best) = (&judged.dataset, judged.best);
    let level = (best.score.level * 1000.0).round() / 10.0;
    let found = format!(
        "**Nothing was learned.** The best width, {}, has a mean validation score of {} ({level} % bootstrap interval over seeds), which \
         is not above {constant:.4}, that of the best answer that ignores the inputs (the most frequent class, or the mean). So no \
         width is recommended and no sizer is judged: what seems to be needed would be needed for nothing.",
        counted(best.width as u64, "unit"),
        best.score.beside(&[constant]),
    );
    let remedy = "More rows (`--set train_images=0` takes all), a longer training (`most_epochs`, `patience`), another rate or inputs \
                  that say more may help.";
    Report {
        title: format!("Nothing was learned on {set}: no width is recommended"),
        opening: vec![found, remedy.to_owned()],
        answer: "No net learned more than an answer that ignores the inputs: no width is recommended and no sizer is judged.".to_owned(),
        figures: vec![figures::unlearned_sweep(judged, constant, subtitle)],
        ..report
    }
}

/// The recommended width, as the page's first line.
/// The page of a task whose nets were stopped before they had learned what they can: it recommends and judges nothing.
fn cut_short(report: Report, judged: &Judged, width: f64, context: &ReportContext) -> anyhow::Result<Report> {
    let (set, most) = (&judged.dataset, context.settings.count("most_epochs")?);
    let found = format!(
        "**Nets were stopped before they had learned what they can.** Most static nets of {} were still learning at the bound of {}. So no \
         width is recommended and no sizer is judged: {} would be needed under that bound alone.",
        counted(width as u64, "unit"),
        counted(most as u64, "epoch"),
        counted(judged.needed.width as u64, "unit"),
    );
    let remedy = "A longer training (`--set most_epochs=N`), a higher rate (`--set learning_rate=R`) or values near 0 and 1 may help.";
    Ok(Report {
        title: format!("Nets on {set} were stopped too early: no width is recommended"),
        opening: vec![found, remedy.to_owned()],
        answer:
            "Nets were stopped before they had learned what they can: no width is recommended and no sizer is judged."
                .to_owned(),
        figures: vec![figures::stopped_sweep(judged, &context.subtitle())],
        ..report
    })
}

fn title(judged: &Judged, context: &ReportContext) -> String {
    let layer = match context.settings.count("hidden_layers") {
        Ok(layers) if layers > 1 => format!("{layers} layers need, each,"),
        _ => "A layer needs".to_owned(),
    };
    format!("{layer} {} ({})", judged.recommendation(), judged.dataset)
}

/// The recommended width, what it is worth against half and twice of it, and who found it cheapest.
fn opening(study: &Study<Ended>, judged: &Judged, claims: &[Claim]) -> anyhow::Result<Vec<String>> {
    let recommended = format!(
        "Recommended: **{} a layer**, the smallest width whose mean validation score is at most {:.4} (one standard \
         deviation over seeds) below the best; the interval is a 95 % bootstrap over seeds.",
        judged.recommendation(),
        judged.needed.delta
    );
    Ok(vec![recommended, worth(study, judged)?, cheapest(judged, claims)])
}

/// What the needed width is worth on the test split against half and twice of it, paired by seed.
fn worth(study: &Study<Ended>, judged: &Judged) -> anyhow::Result<String> {
    let width = judged.needed.width;
    let half = judged.sweep.widths.iter().rev().find(|w| **w <= width / 2.0);
    let twice = judged.sweep.widths.iter().find(|w| **w >= 2.0 * width);
    let set = judged.dataset.as_str();
    let at = |width: f64| TEST.at(&NAME.is(Arm::Static(width as usize).to_string()));
    let mut parts = Vec::new();
    if let Some(own) = study.estimate(set, "worth", &at(width))? {
        parts.push(format!("Test score with {}: {own:.4}", counted(width as u64, "unit")));
    }
    for (words, other) in [("half of it", half), ("twice of it", twice)] {
        let difference = other.map(|other| study.estimate(set, "worth", &at(*other).less(at(width))));
        match (other, difference.transpose()?.flatten()) {
            (Some(other), Some(difference)) => {
                let units = counted(*other as u64, "unit");
                parts.push(format!("with {words}, {units}, it differs by {difference:.4}"));
            }
            _ => parts.push(format!("{words} was not swept")),
        }
    }
    Ok(format!(
        "{}. Interquartile means over seeds with 95 % bootstrap intervals, differences paired by seed.",
        parts.join("; ")
    ))
}

/// Which of the sizers that are shown to come near the needed width does so for the least computation.
fn cheapest(judged: &Judged, claims: &[Claim]) -> String {
    let sweep = format!("a sweep of one seed costs {:.1} times", judged.sweep_cost);
    let of_sizer = |name: &str| claims.iter().find(|claim| study::sizer_of(&claim.id) == Some(name));
    let shown = |name: &str| of_sizer(name).is_some_and(|claim| matches!(claim.verdict, Verdict::Confirmed { .. }));
    let spent = |Near { cost, off, name }: Near<'_>| {
        format!(
            "{name}, {off:.1} doublings off on average, for {cost:.1} times the computation of training that size once"
        )
    };
    if judged.sizers.is_empty() {
        return format!("No sizer ran; {sweep}.");
    }
    if let Some(near) = nearest(judged, shown) {
        return format!("Cheapest way to find that out: {}; {sweep}.", spent(near));
    }
    let open = nearest(judged, |_| true).map_or_else(String::new, |near| {
        format!(
            " The cheapest whose average lies there is {}: its claim is not decided.",
            spent(near)
        )
    });
    format!("No sizer is shown to end within half a doubling of it; {sweep}.{open}")
}

/// A sizer's averages over seeds.
struct Near<'j> {
    name: &'j str,
    /// Doublings, either way.
    off: f64,
    /// The geometric mean.
    cost: f64,
}

/// The cheapest of some sizers that end within half a doubling on average, without those whose size is set beforehand.
fn nearest(judged: &Judged, of: impl Fn(&str) -> bool) -> Option<Near<'_>> {
    let finding = |sizer: &&Sizer| !study::SET_BEFOREHAND.contains(&sizer.name.as_str()) && of(&sizer.name);
    let averages = judged.sizers.iter().filter(finding).map(|sizer| {
        let mean = |number: fn(&Score) -> f64| sizer.scores.iter().map(number).sum::<f64>() / sizer.scores.len() as f64;
        Near {
            name: &sizer.name,
            off: mean(|score| score.regret.abs()),
            cost: mean(|score| score.cost.log2()).exp2(),
        }
    });
    let near = averages.filter(|near| near.off <= study::FOUND_DOUBLINGS);
    near.min_by(|a, b| a.cost.total_cmp(&b.cost))
}

/// Strategies of the list whose decisions take more than 2 % of training, as the program `decisions` of `crates/bench` measures
/// (784-256-256-10, 20 000 images, 4 epochs), and why it is not less.
const COSTLY: [(&str, &str); 5] = [
    ("block-growth", "it takes the validation loss after each epoch"),
    (
        "neuroplastic-expansion",
        "for each layer it goes over the growth batch forwards, and there and back, and reviews what it grew",
    ),
    ("gradmax", "it computes the singular vectors of a gradient of 256 × 784"),
    (
        "firefly",
        "its method asks for 11 passes over the growth batch for each layer",
    ),
    ("tiny", "it decomposes the covariance of 785 inputs"),
];

/// Why the decisions of some strategies cost more than they should.
fn costly(judged: &Judged) -> Option<String> {
    let ran = |name: &str| judged.sizers.iter().any(|sizer| sizer.name == name);
    let costly = COSTLY.iter().filter(|(name, _)| ran(name));
    let said: Vec<String> = costly.map(|(name, why)| format!("{name}, as {why}")).collect();
    (!said.is_empty()).then(|| {
        format!(
            "Decisions take more than 2 % of the time of training for some strategies, on nets of two layers of 256 units: {}. The cost \
             above counts them.",
            said.join("; ")
        )
    })
}

/// What a reader should know of how sizers' nets came about.
fn remarks(judged: &Judged) -> Vec<String> {
    let mut notes = Vec::new();
    for sizer in &judged.sizers {
        let remarked: Vec<&str> = sizer
            .nets
            .iter()
            .map(|net| net.remark.as_str())
            .filter(|r| !r.is_empty())
            .collect();
        if let Some(first) = remarked.first() {
            let (count, all) = (remarked.len(), sizer.nets.len());
            notes.push(format!(
                "{}, {count} of {all} seeds: the widest net was kept, as the rule is {first}.",
                sizer.name
            ));
        }
    }
    notes
}

fn nets(study: &Study<Ended>) -> anyhow::Result<TableBlock> {
    let columns = [UNITS, VALIDATION, TEST, MACS];
    let mut table = study.table(&study.sets[0], "All nets", &Where::all(), &columns)?;
    table.note = "Interquartile means over seeds with 95 % bootstrap intervals.".to_owned();
    Ok(table)
}

/// What each task needs.
fn needed(tasks: &[Judged]) -> TableBlock {
    let row = |task: &Judged| {
        vec![
            task.dataset.clone(),
            task.recommendation(),
            format!("{:.4}", task.needed.delta),
            format!("{:.4}", task.frontier.best()),
            format!("{:.1}", task.sweep_cost),
        ]
    };
    let header = [
        "task",
        "needed width",
        "δ",
        "best test score",
        "cost of a sweep of one seed, times",
    ];
    TableBlock {
        title: "What each task needs".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: tasks.iter().map(row).collect(),
        note: "*At least*: only the widest net is within δ of the best, so that more may be needed.".to_owned(),
    }
}
