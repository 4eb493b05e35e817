//! `slurm`, `hyperqueue`, `kubernetes`: a plan handed to the user's scheduler.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use espalier_data::Source;
use espalier_report::files;

use crate::cli::{ArrayArguments, KubernetesArguments, Options, SlurmArguments};
use crate::plan::Plan;
use crate::progress::say;
use crate::schedulers::{Array, chunk, hyperqueue, kubernetes, quote, slurm};
use crate::store::{Store, replace};
use crate::{AnyExperiment, Error, Result, counted};

pub(super) fn slurm(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &SlurmArguments,
) -> anyhow::Result<ExitCode> {
    let plan = planned(experiment, options)?;
    let array = local_array(&plan, options, &arguments.array)?;
    let request = slurm::Request {
        partition: arguments.partition.clone(),
        time: arguments.time.clone(),
        gpus: arguments.gpus.unwrap_or_else(|| options.gpus()),
    };
    let path = script_path(options, &plan, "slurm.sh");
    write(&path, &slurm::script(&array, &request), &array)?;
    if arguments.array.dry_run {
        say(&format!(
            "submit it with: sbatch {}",
            quote(&path.display().to_string())
        ));
        return Ok(ExitCode::SUCCESS);
    }
    submit("sbatch", &path)
}

pub(super) fn hyperqueue(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &ArrayArguments,
) -> anyhow::Result<ExitCode> {
    let plan = planned(experiment, options)?;
    let array = local_array(&plan, options, arguments)?;
    let path = script_path(options, &plan, "hyperqueue.sh");
    write(&path, &hyperqueue::script(&array, options.gpus()), &array)?;
    if arguments.dry_run {
        say(&format!("submit it with: bash {}", quote(&path.display().to_string())));
        return Ok(ExitCode::SUCCESS);
    }
    submit("bash", &path)
}

pub(super) fn kubernetes(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &KubernetesArguments,
) -> anyhow::Result<ExitCode> {
    let plan = planned(experiment, options)?;
    let mount = |name: &str| format!("{}/{name}", kubernetes::MOUNT);
    let mut array = array(&plan, options, &arguments.array, plan.experiment.clone())?;
    array.command.extend(options.for_worker(&mount("data"), &mount("runs")));
    let pod = kubernetes::Pod {
        image: arguments.image.clone(),
        claim: arguments.claim.clone(),
        parallelism: arguments.parallelism,
        gpus: options.gpus(),
    };
    let path = script_path(options, &plan, "kubernetes.yaml");
    write(&path, &kubernetes::manifest(&array, &pod), &array)?;
    say(&format!(
        "start it with: kubectl apply -f {}",
        quote(&path.display().to_string())
    ));
    Ok(ExitCode::SUCCESS)
}

/// Makes and writes the plan, which the workers then check theirs against.
fn planned(experiment: &dyn AnyExperiment, options: &Options) -> anyhow::Result<Plan> {
    if options.shard.is_some() {
        let expected = "no such flag beside a scheduler, which cuts the plan itself";
        return Err(Error::flag("--shard", expected, "--shard").into());
    }
    let plan = options.plan(experiment)?;
    for (set, planned) in plan.sets.iter().enumerate() {
        Store::open(planned.store.root())?;
        plan.write(set)?;
    }
    Ok(plan)
}

/// Cuts the plan into an array whose worker is called `program`.
fn array(plan: &Plan, options: &Options, arguments: &ArrayArguments, program: String) -> Result<Array> {
    let trials = options.select(plan)?.len();
    let chunk = chunk(trials, arguments.array_limit);
    let cpus = arguments.cpus.max(1);
    let (size, cores) = (chunk.to_string(), cpus.to_string());
    let mut command = vec![program];
    // A scheduler may leave all of a machine's cores in sight, whatever it lent.
    command.extend(["worker", "--chunk", &size, "--cpus", &cores].map(str::to_owned));
    let logs = absolute(&options.runs.join(&plan.experiment).join("logs"))?;
    let name = format!("{}-{}", plan.experiment, plan.folder);
    Ok(Array {
        name,
        trials,
        chunk,
        cpus,
        command,
        logs,
    })
}

/// Cuts the plan for workers that see this machine's folders, through a shared file system.
fn local_array(plan: &Plan, options: &Options, arguments: &ArrayArguments) -> Result<Array> {
    let program = std::env::current_exe().map_err(|e| Error::io("finding", "this program", e))?;
    let mut array = array(plan, options, arguments, program.display().to_string())?;
    let data = Source::from_environment(options.data.clone());
    array
        .command
        .extend(options.for_worker(&absolute(data.folder())?, &absolute(&options.runs)?));
    Ok(array)
}

fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|e| Error::io("resolving the path", path, e))?;
    Ok(path.display().to_string())
}

fn script_path(options: &Options, plan: &Plan, ending: &str) -> PathBuf {
    options
        .runs
        .join(&plan.experiment)
        .join(format!("{}.{ending}", plan.folder))
}

fn write(path: &Path, text: &str, array: &Array) -> Result<()> {
    replace(path, text.as_bytes())?;
    // Slurm opens the log before the script's first line runs.
    files::create_folder(Path::new(&array.logs)).map_err(|e| Error::io("creating the folder", &array.logs, e))?;
    say(&format!(
        "{}: {} in {} of {}",
        path.display(),
        counted(array.trials as u64, "trial"),
        counted(array.elements() as u64, "element"),
        array.chunk
    ));
    Ok(())
}

fn submit(program: &str, path: &Path) -> anyhow::Result<ExitCode> {
    let line = format!("{program} {}", path.display());
    let status = Command::new(program)
        .arg(path)
        .status()
        .map_err(|error| Error::Program {
            program: line.clone(),
            message: error.to_string(),
        })?;
    if !status.success() {
        return Err(Error::Program {
            program: line,
            message: status.to_string(),
        }
        .into());
    }
    Ok(ExitCode::SUCCESS)
}
