//! `collect`: records that workers wrote anywhere, checked and merged into the report.

use std::process::ExitCode;

use crate::AnyExperiment;
use crate::cli::Options;
use crate::page::gather;
use crate::progress::{notice, say};
use crate::store::Store;

pub(super) fn collect(experiment: &dyn AnyExperiment, options: &Options) -> anyhow::Result<ExitCode> {
    let plan = options.plan(experiment)?;
    let (mut missing, mut failed) = (0, 0);
    for (set, planned) in plan.sets.iter().enumerate() {
        Store::open(planned.store.root())?.tidy()?;
        let mut damaged = 0;
        let found = gather(&plan, set, &mut |text| {
            damaged += 1;
            notice(&text);
        })?
        .len();
        let of = plan.of_set(set).count();
        missing += of - found;
        let failures = planned.store.failed()?;
        for trial in plan.of_set(set).filter(|trial| failures.contains(&trial.id)) {
            failed += usize::from(!planned.store.has_record(&trial.id)?);
        }
        let name = &planned.loaded.name;
        say(&format!(
            "{name}: {found} of {of} records are whole, {damaged} damaged, {} missing",
            of - found - damaged
        ));
    }
    super::run::finish(experiment, &plan, &options.places(), &options.command(&plan.experiment))?;
    if missing > 0 {
        let advice = match failed {
            0 => "run workers again, then collect".to_owned(),
            _ => format!("{failed} of them failed: `status` shows why, `retry` runs them again"),
        };
        notice(&format!("{missing} trials have no record; {advice}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
