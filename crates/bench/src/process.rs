//! A measured process: started once, asked line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::protocol::{Answer, Request};

/// A child that answers requests until it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the process; what it writes to standard error goes to ours.
    ///
    /// # Errors
    /// Says which program could not be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name}: starting {:?}", command.get_program()))?;
        let requests = child.stdin.take().context("a child without standard input")?;
        let answers = BufReader::new(child.stdout.take().context("a child without standard output")?);
        Ok(Self {
            name: name.to_owned(),
            child,
            requests,
            answers,
        })
    }

    /// Sends a request without waiting, so that several processes work at once.
    ///
    /// # Errors
    /// Fails when the process has ended.
    pub fn ask(&mut self, request: &Request) -> Result<()> {
        let line = serde_json::to_string(request)?;
        writeln!(self.requests, "{line}").with_context(|| format!("{}: it has ended", self.name))?;
        Ok(self.requests.flush()?)
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// Fails when the process has ended, or reports an error.
    pub fn answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{}: it ended without an answer", self.name);
        }
        let answer: Answer =
            serde_json::from_str(&line).with_context(|| format!("{}: answered {line:?}", self.name))?;
        match answer.error {
            Some(error) => bail!("{}: {error}", self.name),
            None => Ok(answer),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already: then neither of these matters.
        let _ = self.ask(&Request::Quit);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
