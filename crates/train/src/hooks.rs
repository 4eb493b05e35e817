//! The strategies of a trainer: their hooks in the loop, and the record of what they decide.

use std::time::Instant;

use espalier_net::{Network, Preservation};
use espalier_seed::Seed;
use espalier_strategy::{
    Controls, Effect, Gradients, Needs, Observations, Occasion, Oracle, Outcome, Proposal, Reading, Restore, Sample,
    Setting, Spent, Strategy, View, newborns,
};

use crate::error::Result;
use crate::events::{EditEvent, EditTiming, Events};
use crate::laboratory::{Laboratory, Pending, Training};

/// A strategy with what it asked to see.
pub(crate) struct Member {
    pub strategy: Box<dyn Strategy>,
    pub observed: Observations,
    pub needs: Needs,
}

/// What strategies do at each place of the training loop.
pub(crate) struct Hooks {
    pub members: Vec<Member>,
    pub laboratory: Laboratory,
    pub events: Events,
    /// What strategies had learned when the last epoch ended; before that by their decision at the start.
    pub readings: Vec<Reading>,
    pub started: bool,
}

impl Hooks {
    pub fn begin_epoch(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.members.iter_mut().for_each(|m| m.observed.begin_epoch());
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        self.decide(training, Occasion::Start)?;
        self.read(training);
        Ok(())
    }

    fn read(&mut self, training: &Training<'_>) {
        let readings = self.members.iter().flat_map(|m| m.strategy.readings(training.network));
        self.readings = readings.collect();
    }

    pub fn before_pass(&mut self, training: &mut Training<'_>) -> Result<()> {
        for (k, member) in self.members.iter_mut().enumerate() {
            member.needs = member.strategy.needs(training.network, &training.clock);
            let seed = training.seed_of(k, "step");
            let mut controls = Controls::of(training.network, training.clock, &seed);
            member.strategy.control(Setting::Training, &mut controls)?;
            drop(controls.finish());
        }
        let all = self
            .members
            .iter()
            .fold(Needs::none(), |all, m| all.and(m.needs.clone()));
        training.session.observe(&all.nodes());
        training.session.observe_gradients(&all.gradient_nodes());
        Ok(())
    }

    pub fn after_pass(&mut self, training: &mut Training<'_>) -> Result<()> {
        for member in &mut self.members {
            member
                .observed
                .collect(&member.needs, training.network, training.session)?;
        }
        let seeds: Vec<Seed> = (0..self.members.len()).map(|k| training.seed_of(k, "step")).collect();
        let mut gradients = Gradients::of(training.session);
        for (penalties, act) in [(true, false), (false, true)] {
            for (member, seed) in self.members.iter_mut().zip(&seeds) {
                let Member { strategy, observed, .. } = member;
                let view = View {
                    network: training.network,
                    clock: training.clock,
                    occasion: Occasion::Step,
                    observed,
                    seed,
                };
                if penalties {
                    strategy.penalty(&view, &mut gradients)?;
                }
                if act {
                    strategy.gradients(&view, &mut gradients)?;
                }
            }
        }
        Ok(())
    }

    pub fn after_step(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.laboratory.follow_up(training, &mut self.events)?;
        self.decide(training, Occasion::Step)
    }

    pub fn after_epoch(&mut self, training: &mut Training<'_>) -> Result<()> {
        let asked = |m: &Member| {
            m.strategy.needs(training.network, &training.clock).validation_loss() || m.needs.validation_loss()
        };
        let wanted: Vec<bool> = self.members.iter().map(asked).collect();
        if wanted.contains(&true) {
            let restore = self.set_for_evaluation(training)?;
            let mut oracle = self.laboratory.oracle(training, Vec::new());
            let loss = oracle.loss(training.network, Sample::Validation);
            self.events.decision_macs += oracle.spent.macs;
            restore.undo(training.network);
            let loss = loss?;
            for (member, wanted) in self.members.iter_mut().zip(wanted) {
                member.observed.set_validation_loss(wanted.then_some(loss));
            }
        }
        self.read(training);
        self.decide(training, Occasion::Epoch)
    }

    pub fn set_for_evaluation(&mut self, training: &mut Training<'_>) -> Result<Restore> {
        let mut restore = Restore::default();
        for (k, member) in self.members.iter_mut().enumerate() {
            let seed = training.seed_of(k, "evaluation");
            let mut controls = Controls::of(training.network, training.clock, &seed);
            member.strategy.control(Setting::Evaluation, &mut controls)?;
            restore.extend(controls.finish());
        }
        Ok(restore)
    }

    fn decide(&mut self, training: &mut Training<'_>, occasion: Occasion) -> Result<()> {
        for k in 0..self.members.len() {
            let start = Instant::now();
            let seed = training.seed_of(k, &format!("{occasion:?}"));
            let Member { strategy, observed, .. } = &mut self.members[k];
            let view = View {
                network: training.network,
                clock: training.clock,
                occasion,
                observed,
                seed: &seed,
            };
            let mut oracle = self.laboratory.oracle(training, Vec::new());
            let answer = strategy.propose(&view, &mut oracle);
            let (spent, rows) = (oracle.spent, std::mem::take(&mut oracle.rows));
            self.events.decision_macs += spent.macs;
            let seconds = start.elapsed().as_secs_f64();
            self.events.decision_seconds += seconds;
            match answer {
                Ok(None) => {}
                Ok(Some(proposal)) => self.settle(training, k, &proposal, (spent, seconds, rows))?,
                Err(error) if declines(&error) => self.decline(training, k, error.to_string(), spent, seconds),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Applies a proposal, tells everyone, and records it.
    fn settle(
        &mut self,
        training: &mut Training<'_>,
        k: usize,
        proposal: &Proposal,
        (spent, seconds, rows): (Spent, f64, Vec<u32>),
    ) -> Result<()> {
        let mut oracle = self.laboratory.oracle(training, rows);
        let loss_before = oracle.loss(training.network, Sample::Growth)?;
        let (rows, recording) = (oracle.rows.clone(), oracle.spent.macs);
        let cost = training.network.cost();
        let chosen = proposal.concerned(training.network);
        let start = Instant::now();
        let (inputs, _) = self.laboratory.buffer.held(rows.len());
        let outcome = proposal.carry_out(training.network, training.optimizer, &[inputs], rows.len())?;
        if let (Some(stack), Some(applied)) = (&mut training.stack, outcome.applied()) {
            stack.follow(training.network, training.optimizer, applied, proposal.transplant)?;
        }
        let apply_seconds = start.elapsed().as_secs_f64();
        self.events.decision_seconds += apply_seconds;
        self.events.recording_macs += recording + (cost.macs + training.network.cost().macs) * rows.len() as u64;
        let edit = self.events.edits.len() as u64;
        self.tell(training, k, &outcome)?;
        let mut event = blank(edit, training, self.members[k].strategy.name(), cost, spent.macs);
        event.reason.clone_from(&proposal.plan.reason);
        event.loss_before = loss_before;
        event.chosen = chosen;
        event.claimed_deviation = proposal.preserves;
        event.predicted_decrease = proposal.prediction.map(|p| p.decrease);
        event.predicted_effect = proposal.prediction.map(|p| effect_name(p.of).to_owned());
        describe(&mut event, &outcome, training.network);
        if let Some(applied) = outcome.applied() {
            let born = newborns(applied, training.network);
            let pending = Pending {
                edit,
                step: training.clock.step,
                rows,
                born,
            };
            let now = self.laboratory.measure(training, &pending, 0, &mut self.events)?;
            event.loss_after = Some(now.loss);
            event.measured_decrease = Some(match proposal.prediction.map(|p| p.of) {
                Some(Effect::GradientStep { rate }) => {
                    let events = &mut self.events;
                    self.laboratory.decrease_of_a_step(training, &pending, rate, events)?
                }
                _ => loss_before - now.loss,
            });
            self.events.follow_ups.push(now);
            self.laboratory.pending.push(pending);
        }
        self.events.edits.push(event);
        self.events.timings.push(EditTiming {
            edit,
            decision_seconds: seconds,
            apply_seconds,
        });
        Ok(())
    }

    fn tell(&mut self, training: &Training<'_>, k: usize, outcome: &Outcome) -> Result<()> {
        for (other, member) in self.members.iter_mut().enumerate() {
            if let Some(applied) = outcome.applied() {
                member.observed.follow(applied, training.network)?;
                if other != k {
                    member.strategy.followed(applied, training.network)?;
                }
            }
        }
        let member = &mut self.members[k];
        member.observed.decided();
        Ok(member.strategy.settled(outcome, training.network)?)
    }

    fn decline(&mut self, training: &Training<'_>, k: usize, reason: String, spent: Spent, decision_seconds: f64) {
        let edit = self.events.edits.len() as u64;
        let mut event = blank(
            edit,
            training,
            self.members[k].strategy.name(),
            training.network.cost(),
            spent.macs,
        );
        event.reason = reason;
        self.events.edits.push(event);
        self.events.timings.push(EditTiming {
            edit,
            decision_seconds,
            apply_seconds: 0.0,
        });
    }
}

/// Observations that cannot be decided on, and a spent budget for questions, are no reason to end training.
fn declines(error: &espalier_strategy::Error) -> bool {
    use espalier_strategy::Error;
    matches!(
        error,
        Error::Observation { .. } | Error::Metrics(_) | Error::Budget { .. }
    )
}

fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Edit => "edit",
        Effect::GradientStep { .. } => "gradient_step",
    }
}

fn blank(
    edit: u64,
    training: &Training<'_>,
    strategy: &str,
    cost: espalier_net::Cost,
    decision_macs: u64,
) -> EditEvent {
    EditEvent {
        edit,
        step: training.clock.step,
        epoch: training.clock.epoch,
        strategy: strategy.to_owned(),
        reason: String::new(),
        outcome: "declined".to_owned(),
        refusal: None,
        parameters_before: cost.parameters,
        parameters_after: cost.parameters,
        macs_before: cost.macs,
        macs_after: cost.macs,
        newborns: 0,
        predicted_decrease: None,
        predicted_effect: None,
        loss_before: f64::NAN,
        loss_after: None,
        measured_decrease: None,
        preservation: None,
        claimed_deviation: None,
        deviation: None,
        decision_macs,
        chosen: Vec::new(),
    }
}

fn describe(event: &mut EditEvent, outcome: &Outcome, network: &Network<f32>) {
    match outcome {
        Outcome::Applied(applied) => {
            event.outcome = "applied".to_owned();
            event.parameters_after = applied.after.parameters;
            event.macs_after = applied.after.macs;
            event.newborns = newborns(applied, network).len() as u64;
            event.deviation = applied.deviation;
            event.preservation = Some(match &applied.preservation {
                Preservation::Exact => "exact".to_owned(),
                Preservation::Conditional(_) => "conditional".to_owned(),
                Preservation::Changed(_) => "changed".to_owned(),
            });
        }
        Outcome::Refused { reason } => {
            event.outcome = "refused".to_owned();
            event.refusal = Some(reason.clone());
        }
        Outcome::RolledBack { deviation, tolerance } => {
            event.outcome = "rolled_back".to_owned();
            event.deviation = Some(*deviation);
            event.refusal = Some(format!("outputs moved by {deviation:e}, claimed {tolerance:e}"));
        }
    }
}
