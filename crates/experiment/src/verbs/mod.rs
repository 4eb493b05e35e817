//! What an experiment can be asked to do, one file for each verb.

mod collect;
mod compare;
mod describe;
mod figures;
mod golden;
mod looks;
mod plan;
mod retry;
mod run;
mod status;
mod submit;
mod until;
mod verify;
mod worker;

use std::process::ExitCode;

use crate::cli::{Arguments, Verb};
use crate::progress::say;
use crate::signals::Leave;
use crate::{AnyExperiment, Manifest, Preset, counted};

#[cfg(test)]
pub(crate) use status::report as status_of;

/// Does what the command line asks.
pub(crate) fn act(experiment: &dyn AnyExperiment, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let options = &arguments.options;
    let verb = arguments.verb.clone().unwrap_or(Verb::Run);
    if options.fresh && !matches!(verb, Verb::Run) {
        let expected = "the verb run: other verbs share their records with workers elsewhere";
        return Err(crate::Error::flag("--fresh", expected, "another verb").into());
    }
    if options.take_up && !matches!(verb, Verb::Run) {
        return Err(crate::Error::flag("--continue", "the verb run", "another verb").into());
    }
    if options.take_up && options.preset == Preset::Smoke.name() {
        let expected = "a preset whose report is kept: that of smoke stays among the runs, from whose trials each run goes on \
                        without the flag";
        return Err(crate::Error::flag("--continue", expected, "--preset smoke").into());
    }
    if options.until_decided {
        until::check(options, &verb)?;
    }
    match verb {
        Verb::Run if options.until_decided => until::run(experiment, options, &listening()?),
        Verb::Run => run::run(experiment, options, &listening()?),
        Verb::Figures => figures::figures(experiment, options),
        Verb::Verify(arguments) => verify::verify(experiment, options, &arguments, &listening()?),
        Verb::Golden(arguments) => golden::golden(experiment, options, &arguments, &listening()?),
        Verb::About => {
            let about = experiment.about();
            say(&format!("{} — {}", about.name, about.title));
            Ok(ExitCode::SUCCESS)
        }
        Verb::Plan => plan::plan(experiment, options),
        Verb::Worker(arguments) => worker::worker(experiment, options, &arguments, &listening()?),
        Verb::Status => status::status(experiment, options),
        Verb::Retry => retry::retry(experiment, options, &listening()?),
        Verb::Collect => collect::collect(experiment, options),
        Verb::Slurm(arguments) => submit::slurm(experiment, options, &arguments),
        Verb::Hyperqueue(arguments) => submit::hyperqueue(experiment, options, &arguments),
        Verb::Kubernetes(arguments) => submit::kubernetes(experiment, options, &arguments),
        Verb::Compare(arguments) => compare::compare(&arguments),
        Verb::DescribeData(arguments) => describe::describe(options, &arguments),
        Verb::Gallery => {
            let reports = espalier_report::page::write_gallery(&options.out)?;
            let folder = options.out.display();
            let reports = counted(reports as u64, "report");
            say(&format!("{folder}/README.md and {folder}/index.html: {reports}"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn listening() -> crate::Result<Leave> {
    let leave = Leave::default();
    leave.listen()?;
    Ok(leave)
}

/// Says on one line what was recorded where, for verbs that look at several reports.
fn line(folder: &std::path::Path, manifest: &Manifest) -> String {
    format!(
        "{}: {} of {}",
        folder.display(),
        manifest.trials,
        counted(manifest.planned as u64, "trial")
    )
}
