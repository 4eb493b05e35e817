//! Scores a network without training it.

use crate::error::Result;
use crate::graph::Network;
use crate::optimizer::schedule::Clipping;
use crate::session::loss::{Head, LossKind, StepOutcome, Target};
use crate::session::{Precision, Session};

impl<E: Precision> Session<E> {
    /// Runs a pass in evaluation mode and compares the first output with its target; nothing is trained.
    ///
    /// # Errors
    /// Refuses inputs and targets that do not fit the network or the loss.
    pub fn score(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        target: Target<'_, E>,
        loss: LossKind,
    ) -> Result<StepOutcome> {
        // The loss kernels give value and gradient in one pass; the gradient of a score is not needed.
        let mut unread = std::mem::take(self.unread_mut());
        let outcome = self.score_over(network, inputs, (target, loss), &mut unread);
        *self.unread_mut() = unread;
        outcome
    }

    fn score_over(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        (target, loss): (Target<'_, E>, LossKind),
        unread: &mut Vec<E>,
    ) -> Result<StepOutcome> {
        let classes = network.outputs().first().map_or(0, |id| network.width(*id));
        let outputs = self.evaluate(network, inputs)?;
        let output = outputs.first();
        unread.resize(output.len(), E::ZERO);
        let head = Head {
            output: 0,
            target,
            loss,
            weight: 1.0,
        };
        let (loss, correct) = E::loss(&head, classes, output, unread)?;
        Ok(StepOutcome {
            loss,
            correct: correct.unwrap_or(0),
            samples: output.len() / classes.max(1),
        })
    }

    /// Clips the gradients of all trained parameters and returns their joint norm from before.
    ///
    /// # Errors
    /// As [`Clipping::clip`].
    pub fn clip_gradients(&mut self, clipping: Clipping) -> Result<f64> {
        let mut gradients = self.gradients_mut();
        clipping.clip(&mut gradients)
    }
}
