//! The ways in which a cell's work can be done, by us and by peers.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Mode, Net, Work};

/// The name of the binary of `peers/burn`.
pub const BURN_PEER: &str = "burn-peer";

/// Whose way it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// This project's.
    Ours,
    /// PyTorch's.
    Torch,
    /// JAX's.
    Jax,
    /// Burn's.
    Burn,
    /// Torch-Pruning's or gromo's.
    Growth,
}

/// One way to do a cell's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The name in tables.
    pub name: String,
    /// Whose it is.
    pub family: Family,
    /// What its process calls it.
    pub key: &'static str,
    /// Processes among which cores and models are divided.
    pub processes: usize,
    /// Whether it does all of the work; a way that does less is shown but not compared with.
    pub is_whole_work: bool,
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// This binary.
    pub ours: PathBuf,
    /// The interpreter that has the packages of `peers/requirements.txt`.
    pub python: PathBuf,
    /// The folder of the scripts.
    pub peers: PathBuf,
    /// The binary of `peers/burn`, if it has been built.
    pub burn: Option<PathBuf>,
    /// The binary of the experiment `mnist-variance`.
    pub experiment: PathBuf,
    /// The folder of the data sets.
    pub data: PathBuf,
}

/// Our ways with one model on all cores, each beside the same work on one core, by their names.
#[must_use]
pub fn all_cores_beside_one() -> Vec<[String; 2]> {
    let pairs = [
        ("pool", "turns"),
        ("cut", "turns"),
        ("dense_pool", "dense"),
        ("dense_cut", "dense"),
    ];
    let name = |key| format!("Espalier {}", describe(Family::Ours, key));
    pairs.map(|(all, one)| [name(all), name(one)]).to_vec()
}

impl Way {
    /// The command line of one of its processes on these processors.
    #[must_use]
    pub fn command(&self, programs: &Programs, cpus: &[usize]) -> Command {
        let scripted = |script: &str| {
            let mut command = Command::new(&programs.python);
            command.arg(programs.peers.join(script));
            command
        };
        let mut command = match self.family {
            Family::Ours => {
                let mut command = Command::new(&programs.ours);
                command.arg("serve");
                command
            }
            Family::Torch => scripted("torch_peer.py"),
            Family::Jax => scripted("jax_peer.py"),
            Family::Growth => scripted("edits_peer.py"),
            Family::Burn => Command::new(programs.burn.as_deref().unwrap_or(Path::new(BURN_PEER))),
        };
        let list: Vec<String> = cpus.iter().map(ToString::to_string).collect();
        command
            .args(["--way", self.key, "--cpus", &list.join(",")])
            .env("ESPALIER_DATA", &programs.data);
        command
    }
}

/// Every way in which a cell's work is measured.
#[must_use]
pub fn ways(cell: &Cell) -> Vec<Way> {
    let mut list = Vec::new();
    match cell.work {
        Work::Edit => {
            add(&mut list, Family::Ours, &["split", "prune"], 1);
            add(&mut list, Family::Growth, &["torch_pruning", "gromo"], 1);
        }
        Work::Share => add(&mut list, Family::Ours, &["share"], 1),
        Work::Overhead => add(&mut list, Family::Ours, &["observed", "gated"], 1),
        _ => race(&mut list, cell),
    }
    list
}

fn race(list: &mut Vec<Way>, cell: &Cell) {
    let several = cell.models > 1;
    let is_mlp = matches!(cell.net, Net::Mlp { .. });
    let torch: &[&str] = match (is_mlp, cell.mode) {
        (true, _) => &["eager", "fused", "compile"],
        (false, Mode::Train) => &["fused", "channels_last", "channels_last_compile"],
        (false, Mode::Infer) => &["fused", "compile", "channels_last", "channels_last_compile"],
    };
    let jax: &[&str] = if is_mlp { &["scan"] } else { &["scan", "steps"] };
    add(
        list,
        Family::Ours,
        if several { &["turns", "interleaved"] } else { &["turns"] },
        1,
    );
    if is_mlp {
        add(list, Family::Ours, &["dense"], 1);
    }
    if !several && cell.cores > 1 {
        on_all_cores(list, (is_mlp, cell.mode));
    }
    let divided = if several && cell.cores > 1 {
        vec![1, cell.cores]
    } else {
        vec![1]
    };
    for processes in divided {
        add(list, Family::Torch, torch, processes);
        add(list, Family::Jax, jax, processes);
        if several && is_mlp && cell.mode == Mode::Train && cell.models > processes {
            stacked(list, cell, processes);
        }
    }
    // Its processes have one thread each: one model on several cores is not for it.
    if is_mlp && cell.mode == Mode::Train && cell.models >= cell.cores {
        add(list, Family::Burn, &["turns"], cell.cores);
    }
}

/// Our ways with one model on all cores: each product divided, or the batch.
fn on_all_cores(list: &mut Vec<Way>, cell: (bool, Mode)) {
    let keys: &[&str] = match cell {
        (true, Mode::Train) => &["pool", "cut", "dense_pool", "dense_cut"],
        (false, Mode::Train) => &["pool", "cut"],
        (_, Mode::Infer) => &["pool"],
    };
    add(list, Family::Ours, keys, 1);
}

/// Ways that train several models as one net.
fn stacked(list: &mut Vec<Way>, cell: &Cell, processes: usize) {
    add(list, Family::Torch, &["stack", "stack_compile", "vmap"], processes);
    add(list, Family::Jax, &["vmap"], processes);
    let Net::Mlp { hidden } = &cell.net else { return };
    // A dense block-diagonal matrix grows with the square of the models: beyond this it is neither fast nor fits in memory.
    if hidden.len() == 1 && hidden[0] <= 512 {
        add(list, Family::Torch, &["wide_own"], processes);
    }
    if hidden.len() == 1 {
        add(list, Family::Torch, &["wide_shared"], processes);
    }
}

fn add(list: &mut Vec<Way>, family: Family, keys: &[&'static str], processes: usize) {
    for &key in keys {
        let name = match family {
            Family::Ours => "Espalier",
            Family::Torch => "PyTorch",
            Family::Jax => "JAX",
            Family::Burn => "Burn",
            Family::Growth if key == "gromo" => "gromo",
            Family::Growth => "Torch-Pruning",
        };
        let what = describe(family, key);
        let divided = if processes > 1 {
            format!(", {processes} processes")
        } else {
            String::new()
        };
        let is_whole_work = key != "wide_shared";
        list.push(Way {
            name: format!("{name} {what}{divided}"),
            family,
            key,
            processes,
            is_whole_work,
        });
    }
}

fn describe(family: Family, key: &str) -> &str {
    match (family, key) {
        (Family::Burn, _) => "Flex, Adam",
        (_, "turns") => "one model at a time per thread",
        (_, "dense") => "dense products on the inputs, one model at a time per thread",
        (_, "interleaved") => "models interleaved",
        (_, "pool") => "one model on all threads",
        (_, "cut") => "one model on all threads, batch cut",
        (_, "dense_pool") => "dense products on the inputs, one model on all threads",
        (_, "dense_cut") => "dense products on the inputs, one model on all threads, batch cut",
        (_, "eager") => "eager",
        (_, "fused") => "fused Adam",
        (_, "compile") => "compiled, fused Adam",
        (_, "channels_last") => "channels_last, fused Adam",
        (_, "channels_last_compile") => "channels_last, compiled, fused Adam",
        (_, "stack") => "stacked baddbmm",
        (_, "stack_compile") => "stacked baddbmm, compiled",
        (Family::Torch, "vmap") => "torch.func.vmap",
        (_, "wide_own") => "wide masked linear",
        (_, "wide_shared") => "wide linear, one batch for all (less work)",
        (_, "scan") => "jit + scan",
        (Family::Jax, "vmap") => "jit + scan + vmap",
        (_, "steps") => "jit per step",
        (_, "torch_pruning") => "prune, new Adam",
        (_, "gromo") => "grow, new Adam",
        (_, other) => other,
    }
}

/// Divides things evenly, the first shares taking what is left over.
#[must_use]
pub fn shares(count: usize, parts: usize) -> Vec<usize> {
    (0..parts)
        .map(|part| count / parts + usize::from(part < count % parts))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Scope, cells};

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(8, 2), [4, 4]);
        assert_eq!(shares(7, 3), [3, 2, 2]);
    }

    #[test]
    fn a_way_with_less_work_is_marked() {
        let scope = Scope {
            widths: vec![128],
            models: 8,
            cores: 2,
        };
        let ways = ways(&cells(Work::MlpSweep, &scope)[0]);
        let less: Vec<_> = ways.iter().filter(|w| !w.is_whole_work).map(|w| w.key).collect();
        assert_eq!(less, ["wide_shared", "wide_shared"]);
    }

    #[test]
    fn burn_is_measured_with_one_thread_for_each_core_in_use() {
        let scope = Scope {
            widths: vec![32],
            models: 8,
            cores: 2,
        };
        let processes = |work| -> Vec<usize> {
            let ways: Vec<Way> = cells(work, &scope).iter().flat_map(ways).collect();
            let burn = ways.iter().filter(|way| way.family == Family::Burn);
            burn.map(|way| way.processes).collect()
        };
        assert_eq!(processes(Work::MlpSweep), [2]);
        assert_eq!(processes(Work::MlpOne), [1]);
        assert_eq!(processes(Work::MlpDeepOne), [0; 0]);
        assert_eq!(processes(Work::CnnTrain), [0; 0]);
    }

    #[test]
    fn names_tell_the_ways_of_a_cell_apart() {
        let scope = Scope {
            widths: vec![32, 2048],
            models: 8,
            cores: 2,
        };
        for cell in Work::ALL.into_iter().flat_map(|work| cells(work, &scope)) {
            let ways = ways(&cell);
            let names: std::collections::BTreeSet<_> = ways.iter().map(|w| &w.name).collect();
            assert_eq!(names.len(), ways.len());
        }
    }
}
