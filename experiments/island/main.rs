//! Do n parameters hide the best of 2ⁿ islands, so that only many starts find it?
//!
//! # Question
//! Study 000 motivates its dice roll so: n parameters cut the space into 2ⁿ parts, the goal is an island in fog in one of
//! them, and therefore many starting points are to be tried while the network is small. How many starts does it take, on
//! functions that are such islands, on functions whose parts all have slopes, and on networks?
//!
//! # Method
//! A trial draws starts and descends from each. *Island*: −∏ max(0, 1 − |2sᵢxᵢ − 1|) on [−1, 1]ⁿ, a tent in one of the
//! 2ⁿ orthants s and level fog in all others. *Wells*: Σ (xᵢ² − 1)² − 0.3·sᵢxᵢ on [−1.5, 1.5]ⁿ, 2ⁿ minima of which one is the
//! lowest. Both are descended by the sign of the gradient with a step that shrinks. *Nets*: a student 2-h-1 with ReLU learns a
//! teacher of that form, drawn anew for each seed, by full-batch Adam; n = 4h + 1. What a start reaches is told as a quality: 1 is
//! the best there is, 0 the fog, the highest minimum, or the mean of the teacher's values. A start *finds* it above 0.99, and
//! nothing below 0.01.
//!
//! # Baselines
//! One start; 2⁻ⁿ, what the picture promises; students four times as wide as the teacher, which spend the same
//! multiply–accumulates on one start as four starts of the teacher's width.
//!
//! # Sources
//! Study 000 (CerebralSeed, README: the island in the fog).
//!
//! # Differences from the study
//! The study tells the picture and measures nothing. Here every start is descended to its end; the study's dice roll scores a
//! start after ten batches, which the experiment `split-and-dice` judges.

mod functions;
mod nets;
mod report;

use std::process::ExitCode;

use espalier_metrics::expected_best_of;
use espalier_trial::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The quality from which on a start counts as one that found the best.
const FOUND: f64 = 0.99;
/// How much wider the wide students are than their teachers.
const WIDER: usize = 4;

settings! {
    /// What a run sets.
    struct Sizes {
        seeds = [smoke 1, quick 6, full 12];
        dimensions: Vec<usize> = [
            smoke vec![1, 2, 3],
            quick vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            full vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        ] "parameters of the functions", Range::WIDTH.and_at_most(20.0).distinct();
        starts: usize = [smoke 256, quick 8192, full 32_768] "starts on a function", Range::at_least(16.0), fewer "start on a function";
        descent: usize = 300 "steps of the descent on a function", Range::at_least(1.0);
        teachers: Vec<usize> = [smoke vec![1, 2], quick vec![1, 2, 3, 4], full vec![1, 2, 3, 4, 6, 8]]
            "hidden units of the teachers", Range::WIDTH.distinct(), fewer "width of the teacher";
        students: usize = [smoke 16, quick 128, full 512] "students of a teacher, each a start", Range::at_least(16.0),
            fewer "student of each teacher";
        samples: usize = 128 "inputs on which teacher and student agree or not", Range::at_least(2.0);
        steps: u64 = [smoke 100, quick 1000, full 3000] "steps of a student", Range::EPOCHS, fewer "step of a student";
        learning_rate: f64 = 0.02 "Adam's rate for students", Range::RATE;
    }
}

/// Where starts descend, and on how many parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Island(usize),
    Wells(usize),
    /// A teacher's hidden units, and how much wider its students are.
    Net {
        teacher: usize,
        wider: usize,
    },
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Island(n) => write!(f, "island {n}"),
            Self::Wells(n) => write!(f, "wells {n}"),
            Self::Net { teacher, wider: 1 } => write!(f, "net {teacher}"),
            Self::Net { teacher, wider } => write!(f, "net {teacher}, {wider} times as wide"),
        }
    }
}

impl Arm {
    /// Parameters that decide; of a net those of its teacher.
    pub fn parameters(self) -> usize {
        match self {
            Self::Island(n) | Self::Wells(n) => n,
            Self::Net { teacher, .. } => 4 * teacher + 1,
        }
    }
}

rows! {
    /// How many starts found the best, and how many nothing at all.
    #[derive(Default)]
    struct Found = "found" {
        pub starts: u64,
        pub found: u64,
        pub lost: u64,
    }

    /// The expected best quality of some starts, drawn without replacement from all.
    struct Best = "best" {
        pub of: u64,
        pub quality: f64,
    }
}

struct Island;

impl Design for Island {
    type Settings = Sizes;
    type Variant = Arm;
    const CUTS_BATCHES: bool = false;

    const ABOUT: About = About {
        name: "island",
        title: "Do n parameters hide the best of 2ⁿ islands, so that only many starts find it?",
        study: "000",
        summary: "Descends from thousands of starts on functions of 1 to 10 parameters and on small networks, and counts which \
                  share finds the best there is, and how good the best of n starts is.",
    };

    fn datasets(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/island.json").own_data(
            Preset::Quick,
            &["starts=512", "students=16", "steps=50"],
            &["island 3", "wells 10", "net 4", "net 4, 4 times as wide"],
        )
    }

    fn variants(&self, s: &Sizes) -> anyhow::Result<Vec<Arm>> {
        let islands = s.dimensions.iter().map(|n| Arm::Island(*n));
        let wells = s.dimensions.iter().map(|n| Arm::Wells(*n));
        let nets = [1, WIDER].into_iter().flat_map(|wider| {
            let of = move |teacher: &usize| Arm::Net {
                teacher: *teacher,
                wider,
            };
            s.teachers.iter().map(of)
        });
        Ok(islands.chain(wells).chain(nets).collect())
    }

    fn cost(&self, arm: &Arm, s: &Sizes) -> f64 {
        match arm {
            Arm::Island(n) | Arm::Wells(n) => (n * s.starts * s.descent) as f64,
            Arm::Net { teacher, wider } => (100 + teacher * wider) as f64 * s.students as f64 * s.steps as f64,
        }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Sizes) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let qualities = match arm {
            Arm::Island(n) => functions::qualities(functions::Shape::Island, n, s, &seed),
            Arm::Wells(n) => functions::qualities(functions::Shape::Wells, n, s, &seed),
            Arm::Net { teacher, wider } => nets::qualities(teacher, wider, s, &seed)?,
        };
        let found = qualities.iter().filter(|quality| **quality > FOUND).count() as u64;
        let lost = qualities.iter().filter(|quality| **quality < 1.0 - FOUND).count() as u64;
        let starts = qualities.len() as u64;
        ctx.record(&Found { starts, found, lost })?;
        let best = expected_best_of(&qualities)?;
        let doublings = std::iter::successors(Some(1_usize), |n| Some(2 * n));
        for of in doublings.take_while(|of| *of <= best.len()) {
            let quality = best[of - 1];
            ctx.record(&Best { of: of as u64, quality })?;
        }
        Ok(())
    }

    fn stand_in(&self, _: &Arm, _: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Best>()?;
        Ok(rows.push(&Found::default())?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn main() -> ExitCode {
    espalier_trial::main(Island)
}
