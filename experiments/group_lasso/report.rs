//! What the rows say: loss and choice of features at equal numbers of features in use.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::{Arm, Fit, Known, Method, Task};

const TASK: Factor = Factor::setting("task");
const BY: Factor = Factor::method("method");
/// The numbers of features in use, as multiples of those that drive, over which losses are compared.
const MULTIPLES: [f64; 4] = [0.5, 1.0, 1.5, 2.0];

/// A method's path on the rows of one seed.
struct Path {
    known: Known,
    fits: Vec<Fit>,
}
recorded!(Path { known: row, fits: rows } diverged known);

impl Path {
    fn share(&self, fit: &Fit) -> f64 {
        (fit.fresh_loss - self.known.driving_loss) / (self.known.constant_loss - self.known.driving_loss)
    }

    /// A number of the path at so many features in use; NaN outside of it.
    fn at(&self, used: f64, of: impl Fn(&Self, &Fit) -> f64) -> f64 {
        let mut counts: Vec<u64> = self.fits.iter().map(|fit| fit.used).filter(|used| *used > 0).collect();
        counts.sort_unstable();
        counts.dedup();
        let mean = |count: u64| {
            let own: Vec<f64> = self
                .fits
                .iter()
                .filter(|fit| fit.used == count)
                .map(|fit| of(self, fit))
                .collect();
            own.iter().sum::<f64>() / own.len() as f64
        };
        let above = counts.iter().position(|count| *count as f64 >= used);
        match above {
            Some(0) if counts[0] as f64 == used => mean(counts[0]),
            None | Some(0) => f64::NAN,
            Some(place) => {
                let (low, high) = (counts[place - 1], counts[place]);
                let along = (used / low as f64).ln() / (high as f64 / low as f64).ln();
                (1.0 - along) * mean(low) + along * mean(high)
            }
        }
    }

    /// The least share of the loss along the path, and the features in use there.
    fn best(&self) -> (f64, f64) {
        let all = self.fits.iter().map(|fit| (self.share(fit), fit.used as f64));
        all.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NAN, f64::NAN))
    }
}

quantities! { Path;
    BEST = "best", "least loss of the path, share of what can be explained", "" 3, |p| p.best().0;
    USED = "used", "features in use there", "" 1, |p| p.best().1;
}

fn arm_of(task: Task, method: Method) -> String {
    Arm { task, method }.to_string()
}

/// A mean over the multiples of the driving features where both methods have a number, of the difference of two methods.
fn difference(
    task: Task,
    pair: [Method; 2],
    driving: usize,
    of: fn(&Path, &Fit) -> f64,
) -> impl Fn(&Nets<Path>) -> f64 + 'static {
    move |nets| {
        let [Some(a), Some(b)] = pair.map(|method| nets.get(&arm_of(task, method))) else {
            return f64::NAN;
        };
        let at = MULTIPLES.map(|multiple| (multiple * driving as f64).round());
        let gaps: Vec<f64> = at
            .iter()
            .map(|used| a.at(*used, of) - b.at(*used, of))
            .filter(|gap| gap.is_finite())
            .collect();
        gaps.iter().sum::<f64>() / gaps.len() as f64
    }
}

/// The page.
pub fn page(run: &Run<'_, crate::Sparse>) -> anyhow::Result<Report> {
    let (sets, context, variants) = (run.sets, run.context, &run.variants);
    let arm = |arm: &Arm| {
        let own = espalier_study::Arm::new(arm.to_string());
        own.with(&TASK, arm.task.name()).with(&BY, arm.method.name())
    };
    let study = Study::new("group-lasso", variants.iter().map(arm).collect())?
        .subtitle(context.subtitle())
        .read_all(sets, &context.seeds)?;
    let driving = context.settings.count("driving")?;
    let claims: Vec<Claims<'_, Path>> = study
        .sets
        .iter()
        .map(|set| claims(&study, &set.name, driving))
        .collect();
    let base = Report {
        headline: ["E43-linear", "E43-logistic", "E43-refitted-linear"]
            .map(str::to_owned)
            .to_vec(),
        ..run.report(include_str!("method.md"))
    };
    let figures = figures(&study, &claims, context.settings.count("features")?)?;
    let (table, remarks) = (|set: &_| table(&study, set), |set: &_| vec![study.diverged_note(set)]);
    Ok(study.page(base, &claims, &figures, table, remarks)?)
}

fn claims<'s>(study: &'s Study<Path>, set: &str, driving: usize) -> Claims<'s, Path> {
    let mut c = Claims::of(study, set).said(include_str!("words.md"), set);
    c.identity(
        "E43-optimal",
        "every fit of the group lasso meets the optimality conditions to a thousandth",
        &BY.is(Method::Lasso.name()),
        |path| path.fits.iter().all(|fit| fit.violation <= 1e-3),
    );
    let with = "at half, one, one and a half and twice as many features in use as drive the outputs";
    for task in [Task::Linear, Task::Logistic] {
        let (name, arms) = (task.name(), TASK.is(task.name()));
        let statistic = |words: &str, pair, of| {
            Statistic::of_seed(
                format!("{words}, {name}, mean {with}"),
                &arms,
                difference(task, pair, driving, of),
            )
        };
        let gap = statistic(
            "loss of switches less that of the group lasso",
            [Method::Switches, Method::Lasso],
            Path::share,
        );
        c.lies(format!("E43-{name}"), gap, Margin::LessThan(0.0))
            .study(
                format!("at equal sparsity switches lose less than the group lasso ({name})"),
                "on all of its four sets",
            )
            .figure("loss");
        let gap = statistic(
            "loss of switches less that of the refitted group lasso",
            [Method::Switches, Method::Refitted],
            Path::share,
        );
        c.lies(format!("E43-refitted-{name}"), gap, Margin::LessThan(0.0))
            .family("do switches still lose less once the group lasso's shrinkage is gone?")
            .figure("loss");
        let gap = statistic(
            "driving features that switches find more than the group lasso",
            [Method::Switches, Method::Lasso],
            |_, fit| fit.driving as f64,
        );
        c.lies(format!("E43-choice-{name}"), gap, Margin::GreaterThan(0.0))
            .family("do switches choose better features?")
            .figure("loss");
    }
    c
}

/// A number of every method's path against the features in use.
fn paths(
    place: &Place<'_, Path>,
    task: Task,
    most: usize,
    y: Axis,
    of: fn(&Path, &Fit) -> f64,
) -> espalier_study::Result<Panel> {
    let mut panel = Panel::new("", Axis::log2("Features in use"), y);
    for method in Method::ALL {
        let (name, mut points) = (arm_of(task, method), Estimates::default());
        let counts = (0..)
            .map(|k| 2_f64.powf(f64::from(k) / 2.0).round())
            .take_while(|count| *count <= most as f64);
        for used in counts.skip(2) {
            let arm = name.clone();
            let statistic = Statistic::of_seed(format!("{name} at {used}"), &Where::all(), move |nets: &Nets<Path>| {
                nets.get(&arm).map_or(f64::NAN, |path| path.at(used, of))
            });
            points.push(
                used,
                place
                    .study
                    .estimate(&place.set.name, &format!("{name} at {used}"), &statistic)?,
            );
        }
        panel = panel.marks(points.marks(method.name()));
    }
    Ok(panel)
}

fn figures<'s>(
    study: &'s Study<Path>,
    claims: &[Claims<'_, Path>],
    features: usize,
) -> anyhow::Result<Figures<'s, Path>> {
    let mut figures = Figures::showing(study, claims)?;
    let mut plot = figures.plot(
        "loss",
        "Which loses less, and chooses better features, at equal sparsity?",
    );
    for task in [Task::Linear, Task::Logistic] {
        let loss = move |place: &Place<'_, Path>| {
            // A name for each task, as the panels of one variable share their limits and the refit's losses part by a hundredfold.
            let y = Axis::linear(format!("Loss on fresh rows, {}", task.name())).unit("share");
            Ok(paths(place, task, features, y, Path::share)?.mark(Mark::horizontal(0.0)))
        };
        let driving = move |place: &Place<'_, Path>| {
            paths(
                place,
                task,
                features,
                Axis::linear("Driving features among them"),
                |_, fit| fit.driving as f64,
            )
        };
        plot = plot.panel(format!("{}, loss", task.name()), custom(loss));
        plot = plot.panel(format!("{}, choice", task.name()), custom(driving));
    }
    plot.because(
        Rule::Coincide,
        "methods that find the same features lie on each other, which the figure shows",
    );
    plot.alt("Loss on fresh rows and number of driving features found against features in use, for switches, group lasso and its refit")
        .caption(
            "0 is the model on the driving features alone, 1 the best constant. Points are interquartile means over seeds, whiskers 95 % \
             bootstrap intervals; a number that some seed's path does not reach is left out.",
        );
    Ok(figures)
}

fn table(study: &Study<Path>, set: &Set<Path>) -> espalier_study::Result<TableBlock> {
    study.table(
        set,
        "The best fit of each path, chosen on the fresh rows",
        &Where::all(),
        &[BEST, USED],
    )
}
