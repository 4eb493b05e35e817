//! All that is shown while a run is under way; the only module that prints.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::Error;
use crate::counted;

/// What workers tell the thread that shows progress.
#[derive(Debug)]
pub(crate) enum Event {
    /// A trial started.
    Started { number: usize, label: String },
    /// A trial is so far.
    Progress {
        number: usize,
        epoch: u64,
        epochs: u64,
        loss: f64,
    },
    /// A trial has a record.
    Finished { number: usize, wall_seconds: f64 },
    /// A trial turned out to be finished or failed elsewhere.
    Settled,
    /// A trial ended in an error.
    Failed { number: usize, message: String },
    /// A trial gave way because the worker leaves.
    Paused { number: usize },
    /// Something that people should read.
    Note(String),
    /// The worker cannot go on.
    Broken(Error),
    /// A worker thread is through.
    ThreadOver,
}

/// The first refusal of standard output.
static REFUSED: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of an answer to standard output.
///
/// A reader that has gone (`| head`) or a full disk is no reason to stop a run in the middle: the first
/// refusal is kept, and [`refused`] tells it at the end.
pub(crate) fn say(text: &str) {
    if let Err(error) = writeln!(io::stdout(), "{}", printable(text)) {
        // A later refusal says no more than the first.
        let _ = REFUSED.set(error);
    }
}

/// Prints what the command line's parser answers: help to standard output, mistakes to standard error.
pub(crate) fn answer(answer: &clap::Error) {
    let printed = answer.print();
    // As in `notice`, nothing is left to tell a refusal of standard error to.
    if let Err(error) = printed
        && !answer.use_stderr()
    {
        let _ = REFUSED.set(error);
    }
}

/// Returns the first refusal of standard output, after what is still buffered was written as well.
pub(crate) fn refused() -> Option<&'static io::Error> {
    if let Err(error) = io::stdout().flush() {
        // As above.
        let _ = REFUSED.set(error);
    }
    REFUSED.get()
}

/// Prints a notice to standard error.
pub(crate) fn notice(text: &str) {
    // There is no other place where a refusal could be told.
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Text whose control characters a terminal shows instead of obeying; lines and tabs stay.
///
/// Names of hosts, files, variants and trials come from elsewhere. Characters that change the direction
/// of writing count as well.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        let direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && c != '\n' && c != '\t') || direction
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match harmful(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Writes an error with its causes, each said once although most messages end with their cause already.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Into so many steps the bar divides one trial, so that it moves while trials run.
const STEPS: u64 = 1000;

/// How often plain log lines tell how far trials are.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A bar over all trials and a line for each running one, or plain lines where there is no terminal.
pub(crate) struct Display {
    bars: Option<MultiProgress>,
    total: ProgressBar,
    running: BTreeMap<usize, Running>,
    count: usize,
    done: usize,
    /// How many had been recorded when the display opened.
    before: usize,
    started: Instant,
    logged: Instant,
}

struct Running {
    label: String,
    line: Option<ProgressBar>,
    epoch: u64,
    epochs: u64,
    loss: f64,
}

impl Running {
    fn text(&self) -> String {
        if self.epochs == 0 {
            return self.label.clone();
        }
        format!(
            "{} · epoch {}/{} · loss {:.4}",
            self.label, self.epoch, self.epochs, self.loss
        )
    }
}

impl Display {
    /// Opens the display for `count` trials, `done` of which are finished.
    pub(crate) fn new(title: &str, count: usize, done: usize) -> Self {
        let bars = io::stderr().is_terminal().then(MultiProgress::new);
        let total = ProgressBar::hidden();
        let total = match &bars {
            Some(bars) => bars.add(ProgressBar::new(count as u64)),
            None => total,
        };
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {msg}") {
            total.set_style(style.progress_chars("━╸─"));
        }
        total.set_prefix(printable(title).into_owned());
        total.set_length(count as u64 * STEPS);
        total.enable_steady_tick(Duration::from_millis(500));
        if bars.is_none() {
            let trials = counted(count as u64, "trial");
            notice(&format!("{title}: {trials}, {done} already recorded"));
        }
        let now = Instant::now();
        let display = Self {
            bars,
            total,
            running: BTreeMap::new(),
            count,
            done,
            before: done,
            started: now,
            logged: now,
        };
        display.refresh();
        display
    }

    /// Shows what a worker told.
    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Started { number, label } => self.start(*number, label),
            Event::Progress {
                number,
                epoch,
                epochs,
                loss,
            } => self.advance(*number, *epoch, *epochs, *loss),
            Event::Finished { number, wall_seconds } => {
                let label = self.stop(*number);
                self.count_one();
                if self.bars.is_none() {
                    let left = self.time_left();
                    notice(&format!(
                        "[{}/{}] {label}: {wall_seconds:.1} s{left}",
                        self.done, self.count
                    ));
                }
            }
            Event::Settled => self.count_one(),
            Event::Failed { number, message } => {
                let label = self.stop(*number);
                self.note(&format!("failed: {label}: {message}"));
                self.count_one();
            }
            Event::Paused { number } => {
                self.stop(*number);
            }
            Event::Note(text) => self.note(text),
            // The error itself is printed once, at the end.
            Event::Broken(_) | Event::ThreadOver => {}
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn note(&self, text: &str) {
        match &self.bars {
            // The bar's own printing keeps the lines below intact; without a terminal it would be silent.
            Some(bars) => bars.suspend(|| notice(text)),
            None => notice(text),
        }
    }

    /// Takes the bars away.
    pub(crate) fn close(&mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            if let Some(line) = running.line {
                line.finish_and_clear();
            }
        }
        self.total.finish_and_clear();
    }

    fn count_one(&mut self) {
        self.done += 1;
        self.refresh();
    }

    fn start(&mut self, number: usize, label: &str) {
        let label = printable(label).into_owned();
        let line = self.bars.as_ref().map(|bars| {
            let line = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {wide_msg}") {
                line.set_style(style);
            }
            line.set_message(label.clone());
            line
        });
        let running = Running {
            label,
            line,
            epoch: 0,
            epochs: 0,
            loss: f64::NAN,
        };
        self.running.insert(number, running);
    }

    fn advance(&mut self, number: usize, epoch: u64, epochs: u64, loss: f64) {
        let Some(running) = self.running.get_mut(&number) else {
            return;
        };
        (running.epoch, running.epochs, running.loss) = (epoch, epochs, loss);
        match &running.line {
            Some(line) => {
                line.set_message(running.text());
                self.refresh();
            }
            None if self.logged.elapsed() >= LOG_EVERY => {
                self.logged = Instant::now();
                let lines: Vec<String> = self.running.values().map(Running::text).collect();
                notice(&format!("[{}/{}] running: {}", self.done, self.count, lines.join("; ")));
            }
            None => {}
        }
    }

    fn stop(&mut self, number: usize) -> String {
        let Some(running) = self.running.remove(&number) else {
            return String::new();
        };
        if let Some(line) = running.line {
            line.finish_and_clear();
        }
        running.label
    }

    /// Counts trials done under this display, running ones by the share of their epochs.
    fn progressed(&self) -> f64 {
        let running = self.running.values().filter(|running| running.epochs > 0);
        let parts: f64 = running
            .map(|running| running.epoch as f64 / running.epochs as f64)
            .sum();
        (self.done - self.before) as f64 + parts
    }

    fn refresh(&self) {
        let position = (self.before as f64 + self.progressed()) * STEPS as f64;
        self.total.set_position(position as u64);
        self.total
            .set_message(format!("{}/{} trials{}", self.done, self.count, self.time_left()));
    }

    fn time_left(&self) -> String {
        // Only what was done under this display took its time.
        let here = self.progressed();
        let left = (self.count - self.before) as f64 - here;
        if left <= 0.0 || here <= 0.0 {
            return String::new();
        }
        let each = self.started.elapsed().as_secs_f64() / here;
        format!(", about {} to go", duration(each * left))
    }
}

/// Writes a time for people: `45 s`, `12 min`, `3 h 20 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=5999 => format!("{} min", whole.div_ceil(60)),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Shows the progress of downloads on standard error.
#[derive(Default)]
pub(crate) struct Download {
    bar: Mutex<Option<ProgressBar>>,
}

impl Download {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl espalier_data::Progress for Download {
    fn begin(&self, file: &str, total_bytes: Option<u64>) {
        if !io::stderr().is_terminal() {
            notice(&format!("downloading {file}"));
            return;
        }
        let bar = total_bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        if let Ok(style) =
            ProgressStyle::with_template("downloading {msg} [{bar:30}] {bytes}/{total_bytes}, {eta} to go")
        {
            bar.set_style(style);
        }
        bar.set_message(printable(file).into_owned());
        self.with(|slot| *slot = Some(bar));
    }

    fn advance(&self, bytes: u64) {
        self.with(|slot| {
            if let Some(bar) = slot {
                bar.inc(bytes);
            }
        });
    }

    fn end(&self) {
        self.with(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(duration(45.2), "45 s");
        assert_eq!(duration(700.0), "12 min");
        assert_eq!(duration(12_000.0), "3 h 20 min");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_comes_from_elsewhere() {
        let host = "node\u{1b}]0;owned\u{7}\u{9b}31m\r\u{202e}end";
        assert_eq!(printable(host), "node\\u{1b}]0;owned\\u{7}\\u{9b}31m\\r\\u{202e}end");
        assert_eq!(printable("two\nlines\tµ·−"), "two\nlines\tµ·−");
    }

    #[test]
    fn a_cause_is_said_once() {
        let full = || io::Error::from_raw_os_error(28);
        let told = crate::Error::io("writing", "runs/x", full());
        let text = chain(&anyhow::Error::from(told));
        assert_eq!(text.matches("os error 28").count(), 1, "{text}");
        assert!(text.starts_with("writing runs/x: "), "{text}");
        let silent = anyhow::Error::from(full()).context("the page cannot be drawn");
        assert_eq!(chain(&silent), format!("the page cannot be drawn: {}", full()));
    }
}
