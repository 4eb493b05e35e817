//! `plan`: the list of trials, the same whoever makes it.

use std::process::ExitCode;

use crate::AnyExperiment;
use crate::cli::Options;
use crate::counted;
use crate::progress::{notice, say};
use crate::store::Store;

pub(super) fn plan(experiment: &dyn AnyExperiment, options: &Options) -> anyhow::Result<ExitCode> {
    let plan = options.outline(experiment)?;
    for (set, planned) in plan.sets.iter().enumerate() {
        if let Some(text) = &planned.loaded.notice {
            notice(&format!("notice: {text}"));
        }
        Store::open(planned.store.root())?;
        plan.write(set)?;
        say(&format!(
            "{}: {} (variants: {}, seeds: {})",
            planned.store.plan_path().display(),
            counted(plan.trials_of_a_set() as u64, "trial"),
            plan.variants.len(),
            plan.settings.seeds()
        ));
    }
    Ok(ExitCode::SUCCESS)
}
