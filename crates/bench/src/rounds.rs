//! Rounds in which every way has its turn, forwards and then backwards.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cell::{BATCH, Cell};
use crate::process::Process;
use crate::protocol::Request;
use crate::results::Row;
use crate::way::{Programs, Way, shares};

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
}

impl Runners {
    /// Measures a cell: every way once a round.
    ///
    /// A way that fails is left out and noted in [`Runners::failures`].
    pub fn measure(
        &mut self,
        cell: &Cell,
        ways: &[Way],
        (programs, settings): (&Programs, &Settings),
        told: &mut dyn FnMut(&str),
    ) -> Vec<Row> {
        let mut able: Vec<&Way> = Vec::new();
        for way in ways {
            told(&format!(
                "{} · {} · setting up {}",
                cell.work.name(),
                cell.net.label(),
                way.name
            ));
            match self.set_up(cell, way, programs, settings) {
                Ok(()) => able.push(way),
                Err(error) => self.fail(cell, way, &error, told),
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        for round in 0..settings.rounds {
            let mut order = able.clone();
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
