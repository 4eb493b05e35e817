//! Rounds in which every way has its turn, forwards and then backwards.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cell::{BATCH, Cell};
use crate::process::Process;
use crate::protocol::Request;
use crate::results::Row;
use crate::way::{Family, Programs, Way, shares};

/// How rounds are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rounds.
    pub rounds: usize,
    /// The shortest duration of one measurement.
    pub seconds: f64,
    /// Warm-up in each set-up.
    pub warm_seconds: f64,
    /// Pause before each measurement, in which thread pools of the way before go to sleep.
    pub pause_seconds: f64,
    /// Ways of each peer that take part in the rounds: the fastest in one measurement that goes before.
    pub keep: usize,
    /// The processors that may be used.
    pub cpus: Vec<usize>,
}

/// A way whose processes run.
struct Runner {
    way: Way,
    processes: Vec<Process>,
}

/// The running processes of all ways of a work, kept from cell to cell.
#[derive(Default)]
pub struct Runners {
    by_name: BTreeMap<String, Runner>,
    /// Versions that processes told.
    pub versions: BTreeMap<String, serde_json::Value>,
    /// Ways that failed, with the cell and the reason.
    pub failures: Vec<String>,
    /// Ways that took no part in the rounds, with the cell and their one measurement.
    pub screened: Vec<String>,
}

/// Which ways of a race go on into the rounds: all of ours, of each other family the `keep` fastest that do the whole work.
///
/// All ways at once would not fit in memory: each process has a library, the data and models of its own.
#[derive(Debug)]
struct Heat {
    keep: usize,
    ahead: Vec<(Way, f64)>,
}

impl Heat {
    fn new(keep: usize) -> Self {
        Self {
            keep,
            ahead: Vec::new(),
        }
    }

    /// Takes a way's rate in, and returns the way that is left behind, if any, with its rate.
    fn enter(&mut self, way: &Way, rate: f64) -> Option<(Way, f64)> {
        if !way.is_whole_work {
            return Some((way.clone(), rate));
        }
        self.ahead.push((way.clone(), rate));
        if way.family == Family::Ours {
            return None;
        }
        let mut family: Vec<usize> = (0..self.ahead.len())
            .filter(|&k| self.ahead[k].0.family == way.family)
            .collect();
        family.sort_by(|&a, &b| self.ahead[b].1.total_cmp(&self.ahead[a].1));
        let last = family.get(self.keep).copied()?;
        Some(self.ahead.remove(last))
    }
}

impl Runners {
    /// Measures a cell: every way that is among the fastest of its family once a round.
    ///
    /// A way that fails is left out and noted in [`Runners::failures`], a slower one in [`Runners::screened`].
    pub fn measure(
        &mut self,
        cell: &Cell,
        ways: &[Way],
        (programs, settings): (&Programs, &Settings),
        told: &mut dyn FnMut(&str),
    ) -> Vec<Row> {
        let able = self.heat(cell, ways, (programs, settings), told);
        let mut rows: Vec<Row> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        for round in 0..settings.rounds {
            let mut order: Vec<&Way> = able.iter().collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for (position, way) in order.into_iter().enumerate() {
                if failed.contains(&way.name) {
                    continue;
                }
                sleep(Duration::from_secs_f64(settings.pause_seconds));
                match self.sample(cell, way, settings.seconds) {
                    Ok(row) => rows.push(Row { round, position, ..row }),
                    Err(error) => {
                        self.fail(cell, way, &error, told);
                        rows.retain(|row| row.way != way.name);
                        failed.push(way.name.clone());
                    }
                }
            }
            told(&format!(
                "{} · {} · round {} of {}",
                cell.work.name(),
                cell.net.label(),
                round + 1,
                settings.rounds
            ));
        }
        rows
    }

    /// Sets the ways up one after the other and returns those that go on into the rounds; in a race, the fastest.
    fn heat(
        &mut self,
        cell: &Cell,
        ways: &[Way],
        (programs, settings): (&Programs, &Settings),
        told: &mut dyn FnMut(&str),
    ) -> Vec<Way> {
        let keep = if cell.work.is_race() { settings.keep } else { ways.len() };
        let mut heat = Heat::new(keep);
        for way in ways {
            let place = format!("{} · {}", cell.work.name(), cell.net.label());
            told(&format!("{place} · setting up {}", way.name));
            let rate = match self.set_up(cell, way, programs, settings) {
                Ok(()) if cell.work.is_race() => self.sample(cell, way, settings.seconds).map(|row| row.rate),
                other => other.map(|()| 0.0),
            };
            match rate {
                Ok(rate) => {
                    if let Some((behind, rate)) = heat.enter(way, rate) {
                        self.screened
                            .push(format!("{place} · {}: {rate:.1} steps/s", behind.name));
                        self.by_name.remove(&behind.name);
                    }
                }
                Err(error) => self.fail(cell, way, &error, told),
            }
        }
        heat.ahead.into_iter().map(|(way, _)| way).collect()
    }

    fn fail(&mut self, cell: &Cell, way: &Way, error: &anyhow::Error, told: &mut dyn FnMut(&str)) {
        let line = format!("{} · {} · {}: {error:#}", cell.work.name(), cell.net.label(), way.name);
        told(&format!("FAILED {line}"));
        self.failures.push(line);
        self.by_name.remove(&way.name);
    }

    fn set_up(&mut self, cell: &Cell, way: &Way, programs: &Programs, settings: &Settings) -> Result<()> {
        let cpus = &settings.cpus[..cell.cores];
        if !self.by_name.contains_key(&way.name) {
            let mut processes = Vec::new();
            let mut from = 0;
            for count in shares(cpus.len(), way.processes) {
                processes.push(Process::start(
                    &way.name,
                    way.command(programs, &cpus[from..from + count]),
                )?);
                from += count;
            }
            self.by_name.insert(
                way.name.clone(),
                Runner {
                    way: way.clone(),
                    processes,
                },
            );
        }
        let runner = self
            .by_name
            .get_mut(&way.name)
            .context("a runner that was just started")?;
        let models = shares(cell.models, runner.way.processes);
        for (seed, (process, &models)) in runner.processes.iter_mut().zip(&models).enumerate() {
            process.ask(&Request::Setup {
                net: cell.net.clone(),
                mode: cell.mode,
                models,
                batch: BATCH,
                seed: 1 + seed as u64,
                warm_seconds: settings.warm_seconds,
            })?;
        }
        for process in &mut runner.processes {
            self.versions.extend(
                process
                    .answer()?
                    .versions
                    .into_iter()
                    .filter(|(name, _)| name != "threads"),
            );
        }
        Ok(())
    }

    /// Lets all processes of a way measure at once and adds up their rates.
    fn sample(&mut self, cell: &Cell, way: &Way, seconds: f64) -> Result<Row> {
        let runner = self.by_name.get_mut(&way.name).context("a way without processes")?;
        for process in &mut runner.processes {
            process.ask(&Request::Measure { seconds })?;
        }
        let mut row = Row::new(cell, way);
        let mut extra = BTreeMap::new();
        for process in &mut runner.processes {
            let answer = process.answer()?;
            row.steps += answer.steps;
            row.seconds = row.seconds.max(answer.seconds);
            row.rate += answer.steps / answer.seconds;
            extra.extend(answer.extra);
        }
        row.extra = serde_json::to_string(&extra)?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Scope, Work, cells};
    use crate::way::{Family, ways};

    #[test]
    fn a_heat_keeps_the_fastest_of_each_family() {
        let scope = Scope {
            widths: vec![128],
            models: 8,
            cores: 2,
        };
        let ways = ways(&cells(Work::MlpSweep, &scope)[0]);
        let mut heat = Heat::new(2);
        let mut behind = Vec::new();
        for (k, way) in ways.iter().enumerate() {
            // Falling and rising rates: the fastest two are neither the first nor the last.
            let rate = 100.0 - (k as f64 - 6.3).abs();
            behind.extend(heat.enter(way, rate));
        }
        assert_eq!(heat.ahead.len() + behind.len(), ways.len());
        for family in [Family::Ours, Family::Torch, Family::Jax, Family::Burn] {
            let kept = || heat.ahead.iter().filter(|(way, _)| way.family == family);
            let count = ways
                .iter()
                .filter(|way| way.family == family && way.is_whole_work)
                .count();
            let all_or_two = if family == Family::Ours { count } else { count.min(2) };
            assert_eq!(kept().count(), all_or_two, "{family:?}");
            let slowest = kept().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
            let fastest_left = behind
                .iter()
                .filter(|(way, _)| way.family == family && way.is_whole_work);
            assert!(
                fastest_left.map(|(_, rate)| *rate).fold(0.0, f64::max) <= slowest,
                "{family:?}"
            );
        }
        assert!(heat.ahead.iter().all(|(way, _)| way.is_whole_work));
    }
}
