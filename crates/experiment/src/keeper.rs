//! Renews the leases of this process while its trials run.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::progress::Event;
use crate::store::Lease;

#[derive(Default)]
struct Held {
    leases: BTreeMap<usize, Lease>,
    over: bool,
}

/// All leases that this process holds, by trial.
#[derive(Clone, Default)]
pub(crate) struct Keeper {
    held: Arc<(Mutex<Held>, Condvar)>,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a lease alive from now on.
    pub(crate) fn hold(&self, number: usize, lease: Lease) {
        self.lock().leases.insert(number, lease);
    }

    /// Lets a lease go.
    pub(crate) fn release(&self, number: usize) -> crate::Result<()> {
        let lease = self.lock().leases.remove(&number);
        lease.map_or(Ok(()), Lease::release)
    }

    /// Lets all leases go; trials that still run have no say any more.
    pub(crate) fn release_all(&self) {
        let leases = std::mem::take(&mut self.lock().leases);
        for lease in leases.into_values() {
            // On the way out: a lease that stays behind turns stale by itself.
            let _ = lease.release();
        }
    }

    /// Ends the renewing thread.
    pub(crate) fn end(&self) {
        self.lock().over = true;
        self.held.1.notify_all();
    }

    /// Renews until told to end; runs on a thread of its own.
    pub(crate) fn renew_all(&self, every: Duration, events: &Sender<Event>) {
        let mut held = self.lock();
        loop {
            held = self
                .held
                .1
                .wait_timeout(held, every)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if held.over {
                return;
            }
            let mut lost = Vec::new();
            for (number, lease) in &mut held.leases {
                match lease.renew() {
                    Ok(true) => {}
                    Ok(false) => lost.push(*number),
                    // The trial goes on: its record is what counts, and the next renewal may succeed.
                    Err(error) => tell(events, format!("a lease could not be renewed: {error}")),
                }
            }
            for number in lost {
                held.leases.remove(&number);
                tell(
                    events,
                    "a trial was taken over by another worker; both go on, one record stays".into(),
                );
            }
        }
    }
}

fn tell(events: &Sender<Event>, text: String) {
    // The run may be over already; then nobody needs to know.
    let _ = events.send(Event::Note(text));
}
