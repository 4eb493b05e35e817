//! Our side of a measurement: a process like every peer's.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write};
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use espalier_data::{Dataset, LoadOptions, Source, TransformChoice};
use espalier_net::Threads;
use espalier_seed::Seed;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::cell::{Mode, Net};
use crate::interval::median;
use crate::model::{Model, network};
use crate::peak::Peak;
use crate::protocol::{Answer, Request};

/// Steps of one model before the next takes its turn.
const BURST: usize = 20;
/// How long the peak is measured before and after training.
const PEAK_SECONDS: f64 = 0.25;

/// Restricts the calling thread to processors.
///
/// # Errors
/// Fails where the system refuses.
pub fn pin(cpus: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    sched_setaffinity(None, &set).with_context(|| format!("pinning to processors {cpus:?}"))
}

/// What a server has been set up for.
struct Bench {
    way: String,
    cpus: Vec<usize>,
    mode: Mode,
    net: Net,
    batch: usize,
    models: Vec<Model>,
    peak: Peak,
}

/// Loads the real MNIST with all training images, from this folder, else from `ESPALIER_DATA`, else from `data`.
///
/// # Errors
/// Says what is missing: neither a download nor synthetic digits take its place.
pub fn mnist(folder: Option<PathBuf>) -> Result<Arc<Dataset>> {
    let options = LoadOptions {
        transform: Some(TransformChoice::MNIST),
        validation: Some(0),
        ..LoadOptions::default()
    };
    let source = Source {
        fallback: false,
        download: false,
        ..Source::from_environment(folder)
    };
    Ok(espalier_data::load("mnist", &source, &options)?)
}

/// Answers requests on standard input until told to quit.
///
/// # Errors
/// Fails for a request that it cannot read, or data that cannot be loaded.
pub fn serve(way: &str, cpus: &[usize], answers: &mut dyn Write) -> Result<()> {
    pin(cpus)?;
    let data = mnist(None)?;
    rayon::ThreadPoolBuilder::new().num_threads(cpus.len()).build_global()?;
    let mut bench = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Quit => return Ok(()),
            request => respond(&request, (way, cpus), &data, &mut bench),
        };
        let answer = answer.unwrap_or_else(|error| Answer {
            error: Some(format!("{error:#}")),
            ..Answer::default()
        });
        writeln!(answers, "{}", serde_json::to_string(&answer)?)?;
        answers.flush()?;
    }
    Ok(())
}

fn respond(
    request: &Request,
    (way, cpus): (&str, &[usize]),
    data: &Dataset,
    bench: &mut Option<Bench>,
) -> Result<Answer> {
    match request {
        Request::Setup { warm_seconds, .. } => {
            *bench = None;
            let mut built = Bench::build(request, (way, cpus), data)?;
            built.measure(data, *warm_seconds)?;
            *bench = Some(built);
            let version = serde_json::Value::from(env!("CARGO_PKG_VERSION"));
            Ok(Answer {
                ready: true,
                versions: BTreeMap::from([("espalier".to_owned(), version)]),
                ..Answer::default()
            })
        }
        Request::Measure { seconds } => bench
            .as_mut()
            .context("a measurement before set-up")?
            .measure(data, *seconds),
        Request::Quit => bail!("quitting is the caller's business"),
    }
}

impl Bench {
    fn build(request: &Request, (way, cpus): (&str, &[usize]), data: &Dataset) -> Result<Self> {
        let Request::Setup {
            net,
            mode,
            models,
            batch,
            seed,
            ..
        } = request
        else {
            bail!("expected a set-up")
        };
        // The ways that compare need two models: the plain one, and the one that differs.
        let compares = matches!(way, "observed" | "gated");
        let count = if compares { 2 } else { *models };
        let mut list = Vec::new();
        for k in 0..count {
            let seed = Seed::new(*seed).index(if compares { 0 } else { k as u64 });
            let network = network(net, way == "gated" && k == 1, &seed)?;
            let mut model = Model::new(network, &data.train, *batch, &seed)?;
            if way == "observed" && k == 1 {
                model.observe_every_layer()?;
            }
            if way.starts_with("dense") || way == "share" {
                model.multiply_background();
            }
            if is_shared(way) {
                model.set_threads(Threads::Pool(cpus.len()));
            }
            if way.ends_with("cut") {
                model.cut_batches(cpus.len())?;
            }
            list.push(model);
        }
        let (way, cpus, net) = (way.to_owned(), cpus.to_vec(), net.clone());
        Ok(Self {
            way,
            cpus,
            mode: *mode,
            net,
            batch: *batch,
            models: list,
            peak: Peak::default(),
        })
    }

    fn measure(&mut self, data: &Dataset, seconds: f64) -> Result<Answer> {
        match self.way.as_str() {
            "turns" | "dense" | "pool" | "cut" | "dense_pool" | "dense_cut" => self.race(data, seconds, BURST),
            "interleaved" => self.race(data, seconds, 1),
            "share" => self.share(data, seconds),
            "observed" | "gated" => self.compare(data, seconds),
            "split" | "prune" => self.edits(data, seconds),
            other => Err(anyhow!("expected a way of ours, found {other:?}")),
        }
    }

    /// Divides the models among one thread per processor, each pinned, and adds up their rates; or steps one model on all.
    fn race(&mut self, data: &Dataset, seconds: f64, burst: usize) -> Result<Answer> {
        let is_shared = is_shared(&self.way);
        let workers = if is_shared {
            1
        } else {
            self.cpus.len().min(self.models.len())
        };
        let per_worker = self.models.len().div_ceil(workers);
        let barrier = Arc::new(Barrier::new(workers));
        let (mode, cpus) = (self.mode, &self.cpus);
        let chunks = self.models.chunks_mut(per_worker).zip(cpus);
        let results: Vec<Result<(f64, f64)>> = std::thread::scope(|scope| {
            let mut handles = Vec::new();
            for (models, &cpu) in chunks {
                let barrier = Arc::clone(&barrier);
                // Every thread must reach the barrier, so failing to pin is reported behind it.
                handles.push(scope.spawn(move || {
                    let pinned = if is_shared { Ok(()) } else { pin(&[cpu]) };
                    barrier.wait();
                    let mut race = || turns(models, data, mode, (seconds, burst));
                    // As in a trial, a thread of the pool takes the steps, and the others help it.
                    pinned.and_then(|()| if is_shared { rayon::scope(|_| race()) } else { race() })
                }));
            }
            handles
                .into_iter()
                .map(|h| h.join().unwrap_or_else(|_| Err(anyhow!("a worker panicked"))))
                .collect()
        });
        let (mut rate, mut steps) = (0.0, 0.0);
        for result in results {
            let (done, took) = result?;
            rate += done / took;
            steps += done;
        }
        let loss = self.models.first().map_or(f64::NAN, Model::loss);
        let live = self.models.first().map_or(0, Model::live_bytes) as f64;
        Ok(answer(
            steps,
            steps / rate,
            &[("loss", loss), ("live_bytes_per_model", live)],
        ))
    }

    /// Measures training and, before and after it, the peak.
    fn share(&mut self, data: &Dataset, seconds: f64) -> Result<Answer> {
        let before = self.peak.measure(PEAK_SECONDS);
        let (steps, took) = turns(&mut self.models, data, Mode::Train, (seconds, BURST))?;
        let peak = before.max(self.peak.measure(PEAK_SECONDS));
        let products = self
            .net
            .products_per_image()
            .context("the share is counted for dense nets only")?;
        let rate = 2.0 * products * self.batch as f64 * steps / took;
        let extra = [
            ("peak_gflops", peak / 1e9),
            ("training_gflops", rate / 1e9),
            ("share", rate / peak),
        ];
        Ok(answer(steps, took, &extra))
    }

    /// Lets the plain model and the one that differs take turns, and compares their medians.
    fn compare(&mut self, data: &Dataset, seconds: f64) -> Result<Answer> {
        let mut bursts = [Vec::new(), Vec::new()];
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < seconds || bursts[1].len() < 3 {
            for (model, times) in self.models.iter_mut().zip(&mut bursts) {
                let start = Instant::now();
                for _ in 0..5 {
                    model.train(&data.train)?;
                }
                times.push(start.elapsed().as_secs_f64());
            }
        }
        let [plain, other] = bursts.each_ref().map(|times| median(times));
        let bytes = |k: usize| self.models[k].activation_bytes() as f64;
        let extra = [
            ("overhead", other / plain - 1.0),
            ("plain_activation_bytes", bytes(0)),
            ("activation_bytes", bytes(1)),
            ("dead_units", self.models[1].dead_units() as f64),
        ];
        Ok(answer(5.0, plain, &extra))
    }

    /// Edits one unit after every few steps; medians of the samples.
    fn edits(&mut self, data: &Dataset, seconds: f64) -> Result<Answer> {
        let split = self.way == "split";
        let model = self.models.first_mut().context("an edit needs a model")?;
        let mut columns = [Vec::new(), Vec::new(), Vec::new()];
        let timed = |model: &mut Model| -> Result<f64> {
            let start = Instant::now();
            model.train(&data.train)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let begin = Instant::now();
        while columns[0].is_empty() || begin.elapsed().as_secs_f64() < seconds {
            let mut shortest = f64::INFINITY;
            for _ in 0..5 {
                shortest = shortest.min(timed(model)?);
            }
            columns[0].push(shortest);
            columns[1].push(model.edit(split)?);
            columns[2].push(timed(model)?);
        }
        let [step, edit, next] = columns.each_ref().map(|column| median(column));
        let extra = [
            ("step_seconds", step),
            ("edit_seconds", edit),
            ("next_step_seconds", next),
        ];
        Ok(answer(columns[0].len() as f64, begin.elapsed().as_secs_f64(), &extra))
    }
}

/// Whether all threads work on one model.
fn is_shared(way: &str) -> bool {
    way.ends_with("pool") || way.ends_with("cut")
}

/// Steps models in turns for at least `seconds`.
fn turns(models: &mut [Model], data: &Dataset, mode: Mode, (seconds, burst): (f64, usize)) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut steps = 0.0;
    loop {
        for model in models.iter_mut() {
            for _ in 0..burst {
                match mode {
                    Mode::Train => model.train(&data.train)?,
                    Mode::Infer => model.infer(&data.train)?,
                }
            }
            steps += burst as f64;
            let passed = start.elapsed().as_secs_f64();
            if passed >= seconds {
                return Ok((steps, passed));
            }
        }
    }
}

fn answer(steps: f64, seconds: f64, extra: &[(&str, f64)]) -> Answer {
    let extra = extra
        .iter()
        .filter(|(_, v)| v.is_finite())
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    Answer {
        steps,
        seconds,
        extra,
        ..Answer::default()
    }
}
