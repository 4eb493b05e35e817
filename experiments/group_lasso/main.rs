//! Do switches leave fewer features, at equal loss, than the group lasso does?
//!
//! # Question
//! The papers of study 003 give each feature a switch θ, multiply it in and penalise Σ|θ|; on linear and logistic regression they
//! report less loss than the group lasso at equal sparsity. Is it so, and is it a better choice of features or only
//! less shrinkage of those that are kept?
//!
//! # Method
//! Rows have features with correlation 0.7^|i − j|, of which some drive eight outputs: values with noise, or one of eight classes
//! drawn by the softmax of the outputs. *Switches*: outputs (x ∘ max(θ, 0))·W + b with θ = 1 at first, trained by full-batch Adam on the
//! loss + λ·Σ max(θ, 0) + λ₂·Σ W². *Group lasso*: the minimum of the loss + λ·Σ ‖Wⱼ‖, found to its optimality conditions. *Refitted*: the
//! loss alone, minimised on the features that the group lasso keeps. λ is swept for all; a feature is in use where the
//! norm of its weights, switch included, is above 10⁻³, as in the papers. Loss is compared on rows that nobody was
//! fitted to, at equal numbers of features in use, interpolated along the path of each seed.
//!
//! # Baselines
//! The group lasso, refitted and not; the features that really drive the outputs, refitted.
//!
//! # Sources
//! Study 003 (ShrinkNets, ICML-18 submission and NIPS-18 draft: group sparsity); Yuan & Lin (2006).
//!
//! # Differences from the study
//! Drawn data, of which the driving features are known, in place of scm1d, oes97, gina_prior2 and gas-drift; a solver with
//! a certificate for the group lasso; the refitted arm.

mod fits;
mod report;

use std::process::ExitCode;

use espalier_trial::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

settings! {
    /// What a run sets.
    struct Sizes {
        seeds = [smoke 1, quick 6, full 12];
        features: usize = [smoke 12, quick 64, full 256] "features", Range::WIDTH;
        driving: usize = [smoke 4, quick 12, full 32] "features that drive the outputs", Range::WIDTH;
        rows: usize = [smoke 60, quick 400, full 1000] "rows to fit to", Range::at_least(8.0);
        fresh: usize = [smoke 200, quick 2000, full 5000] "rows on which fits are compared", Range::at_least(8.0);
        noise: f64 = 2.0 "standard deviation of the noise of values", Range::at_least(0.0);
        penalties: usize = [smoke 5, quick 14, full 24] "values of λ on each path", Range::at_least(2.0);
        steps: u64 = [smoke 300, quick 3000, full 10_000] "steps of the switches", Range::EPOCHS;
        learning_rate: f64 = 0.01 "Adam's rate for the switches", Range::RATE;
        weight_penalty: f64 = 1e-3 "λ₂, without which switches have no minimum", Range::above(0.0);
    }
}

/// What the outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Linear,
    Logistic,
}

/// How features are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Switches,
    Lasso,
    Refitted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arm {
    pub task: Task,
    pub method: Method,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.task.name(), self.method.name())
    }
}

impl Task {
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Logistic => "logistic",
        }
    }
}

impl Method {
    pub const ALL: [Self; 3] = [Self::Switches, Self::Lasso, Self::Refitted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Lasso => "group lasso",
            Self::Refitted => "group lasso, refitted",
        }
    }
}

rows! {
    /// One fit of a path.
    struct Fit = "path" {
        pub lambda: f64,
        /// Features in use.
        pub used: u64,
        /// Of those, how many drive the outputs.
        pub driving: u64,
        /// The mean loss on the rows that it was fitted to, and on fresh ones.
        pub loss: f64,
        pub fresh_loss: f64,
        /// By how much optimality is missed, as a share of the gradient at 0; NaN for switches, whose loss is not convex.
        pub violation: f64,
    }

    /// What is known of a task's rows.
    struct Known = "known" {
        pub diverged: bool,
        /// The loss on fresh rows of the features that drive the outputs, fitted alone; and of none.
        pub driving_loss: f64,
        pub constant_loss: f64,
    }
}

struct Sparse;

impl Design for Sparse {
    type Settings = Sizes;
    type Variant = Arm;
    const CUTS_BATCHES: bool = false;

    const ABOUT: About = About {
        name: "group-lasso",
        title: "Do switches leave fewer features, at equal loss, than the group lasso does?",
        study: "003",
        summary: "Sweeps the penalty of switches and of the group lasso on linear and logistic regression and compares the loss on \
                  fresh rows at equal numbers of features.",
    };

    fn datasets(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/group-lasso.json").own_data(
            Preset::Quick,
            &["penalties=3", "steps=50", "fresh=200"],
            &[],
        )
    }

    fn variants(&self, s: &Sizes) -> anyhow::Result<Vec<Arm>> {
        let (driving, features) = (s.driving, s.features);
        anyhow::ensure!(
            driving <= features,
            "driving: expected at most the {features} features, found {driving}"
        );
        let of = |task| Method::ALL.map(|method| Arm { task, method });
        Ok([of(Task::Linear), of(Task::Logistic)].concat())
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Sizes) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        // The rows of a task are those of its seed, whatever the method.
        let data = fits::Data::drawn(arm.task, s, &seed.named(arm.task.name()));
        ctx.record(&data.known()?)?;
        let path = match arm.method {
            Method::Switches => data.switches(s, &seed)?,
            Method::Lasso => data.lasso(s, false)?,
            Method::Refitted => data.lasso(s, true)?,
        };
        Ok(ctx.record_all(&path)?)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Fit>()?;
        Ok(rows.push(&Known {
            diverged: missing.diverged(),
            driving_loss: missing.loss(),
            constant_loss: missing.loss(),
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn main() -> ExitCode {
    espalier_trial::main(Sparse)
}
