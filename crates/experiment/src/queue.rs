//! Which trial a worker takes next.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::Result;
use crate::store::{Lease, Owner, Store, Taken, Watch};

/// What a queue answers.
#[derive(Debug)]
pub(crate) enum Next {
    /// Run this trial; the lease is held.
    Run { number: usize, lease: Lease },
    /// This trial was settled (recorded or failed) by somebody else.
    Settled,
    /// Others work on all that is left; ask again after this time.
    Wait(Duration),
    /// Nothing is left.
    Over,
}

/// A trial as a queue sees it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: usize,
    pub(crate) id: String,
    /// An index into the queue's stores.
    pub(crate) store: usize,
}

/// The trials that a process is to see finished, by its own hands or by others'.
pub(crate) struct Queue {
    stores: Vec<Store>,
    pending: VecDeque<Entry>,
    watched: Vec<(Entry, Option<Watch>)>,
    looked: Instant,
    stale: Duration,
    /// Trials that turned out settled in a row; many of them mean that others are ahead.
    misses: usize,
    /// Whether trials run although they have a record.
    again: bool,
    /// Trials whose earlier failure is no reason to leave them alone.
    forgiven: BTreeSet<String>,
}

/// After so many trials in a row that others had settled, the folders are listed anew: one listing
/// costs less than that many questions.
const MISSES: usize = 256;

impl Queue {
    pub(crate) fn new(stores: Vec<Store>, entries: Vec<Entry>, stale: Duration) -> Self {
        Self {
            stores,
            pending: entries.into(),
            watched: Vec::new(),
            looked: Instant::now(),
            stale,
            misses: 0,
            again: false,
            forgiven: BTreeSet::new(),
        }
    }

    /// Has trials run although they have a record, which the new one is to supersede.
    pub(crate) fn again(self, again: bool) -> Self {
        Self { again, ..self }
    }

    /// Has these trials run although they failed before; their failures stay on disk until they are recorded.
    pub(crate) fn forgiving(self, forgiven: BTreeSet<String>) -> Self {
        Self { forgiven, ..self }
    }

    /// Tells whether a trial needs no run: it failed under this queue, or has a record that is to stay.
    fn settled(&self, store: &Store, entry: &Entry) -> Result<bool> {
        let failed = !self.forgiven.contains(&entry.id) && store.has_failed(&entry.id)?;
        Ok(failed || (!self.again && store.has_record(&entry.id)?))
    }

    /// Takes the next trial.
    pub(crate) fn next(&mut self, owner: &Owner) -> Result<Next> {
        if self.misses >= MISSES {
            self.refresh()?;
        }
        while let Some(entry) = self.pending.pop_front() {
            let store = &self.stores[entry.store];
            if self.settled(store, &entry)? {
                self.misses += 1;
                return Ok(Next::Settled);
            }
            match store.take(&entry.id, owner)? {
                Taken::Ours(lease) => {
                    self.misses = 0;
                    return self.begin(store, &entry, lease);
                }
                Taken::Held => self.watched.push((entry, None)),
            }
        }
        self.look(owner)
    }

    /// Looks after trials that others hold.
    fn look(&mut self, owner: &Owner) -> Result<Next> {
        let pause = (self.stale / 5).min(Duration::from_secs(2));
        let unseen = self.watched.iter().any(|(_, watch)| watch.is_none());
        if self.watched.is_empty() {
            return Ok(Next::Over);
        }
        if !unseen && self.looked.elapsed() < pause {
            return Ok(Next::Wait(pause - self.looked.elapsed()));
        }
        for at in 0..self.watched.len() {
            let (entry, before) = self.watched[at].clone();
            let store = self.stores[entry.store].clone();
            if self.settled(&store, &entry)? {
                self.watched.swap_remove(at);
                return Ok(Next::Settled);
            }
            let now = store.watch(&entry.id, before)?;
            let taken = match &now {
                None => store.take(&entry.id, owner)?,
                Some(watch) if Store::is_stale(watch, self.stale) => store.take_over(&entry.id, watch, owner)?,
                Some(_) => Taken::Held,
            };
            if let Taken::Ours(lease) = taken {
                self.watched.swap_remove(at);
                return self.begin(&store, &entry, lease);
            }
            self.watched[at].1 = now;
        }
        self.looked = Instant::now();
        Ok(Next::Wait(pause))
    }

    /// Starts a trial whose lease was just taken, unless its last holder settled it before letting go.
    fn begin(&self, store: &Store, entry: &Entry, lease: Lease) -> Result<Next> {
        if self.settled(store, entry)? {
            lease.release()?;
            return Ok(Next::Settled);
        }
        Ok(Next::Run {
            number: entry.number,
            lease,
        })
    }

    /// Lists the folders once and moves settled trials to the front, where they are reported at once.
    fn refresh(&mut self) -> Result<()> {
        let settled: Vec<BTreeSet<String>> = self.stores.iter().map(Store::recorded).collect::<Result<_>>()?;
        self.pending
            .make_contiguous()
            .sort_by_key(|entry| settled[entry.store].contains(&entry.id));
        self.misses = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Failure, unix_seconds};

    #[test]
    fn a_trial_that_was_settled_just_before_its_lease_came_free_is_not_run_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let owner = Owner::new();
        let Taken::Ours(lease) = store.take("abcd", &owner).unwrap() else {
            panic!("the lease is free");
        };
        let failure = Failure {
            id: "abcd".into(),
            message: "the ground is missing".into(),
            owner,
            at_unix_seconds: unix_seconds(),
        };
        store.fail(&failure).unwrap();
        let entry = Entry {
            number: 0,
            id: "abcd".into(),
            store: 0,
        };
        let queue = Queue::new(vec![store.clone()], Vec::new(), Duration::from_secs(60));
        assert!(matches!(queue.begin(&store, &entry, lease).unwrap(), Next::Settled));
        assert!(store.leases().unwrap().is_empty(), "the lease was let go");
    }
}
