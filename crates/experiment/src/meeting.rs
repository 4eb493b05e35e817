//! Where trials that run side by side hand in work that is done for all of them at once.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is handed in and handed back.
type Item = Box<dyn Any + Send>;

#[derive(Default)]
struct State {
    /// Threads whose work is waited for.
    seats: usize,
    /// The number of the next work that is handed in.
    next: u64,
    waiting: BTreeMap<u64, Item>,
    is_running: bool,
    /// Work that is done; nothing where it failed.
    done: BTreeMap<u64, Option<Item>>,
}

/// A meeting of the threads that run trials on one device.
///
/// # Method
/// Work waits until every seat has handed some in; the thread that completes it does all of it, and each takes its own back.
/// A thread has a [`Seat`] while it has, or is about to take, a trial that may hand in work, and gets up for whatever it
/// waits for otherwise, so that nobody waits for a thread that waits for them.
#[derive(Default)]
pub(crate) struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
    /// Held by the trial that runs by itself.
    turn: Mutex<()>,
}

/// A place at a meeting, until it is dropped.
pub(crate) struct Seat<'m>(&'m Meeting);

impl<'m> Seat<'m> {
    pub(crate) fn meeting(&self) -> &'m Meeting {
        self.0
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.lock().seats -= 1;
        self.0.changed.notify_all();
    }
}

/// The turn of a trial that runs by itself, without a seat; both change when it is dropped.
pub(crate) struct Turn<'m> {
    meeting: &'m Meeting,
    held: Option<MutexGuard<'m, ()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        self.meeting.lock().seats += 1;
    }
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes as many seats at once, so that nobody begins before all are there.
    pub(crate) fn seats(&self, count: usize) -> Vec<Seat<'_>> {
        self.lock().seats += count;
        (0..count).map(|_| Seat(self)).collect()
    }

    /// Gets up while something else is waited for.
    pub(crate) fn away<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.lock().seats -= 1;
        self.changed.notify_all();
        let result = wait();
        self.lock().seats += 1;
        result
    }

    /// Gets up, and waits until no other trial runs by itself.
    pub(crate) fn turn(&self) -> Turn<'_> {
        self.lock().seats -= 1;
        self.changed.notify_all();
        Turn {
            meeting: self,
            held: Some(self.turn.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Hands in work and waits until it is done with that of all others; `None` where it panicked or came back short.
    pub(crate) fn meet<T: Send + 'static>(&self, item: T, work: fn(Vec<T>) -> Vec<T>) -> Option<T> {
        let mut state = self.lock();
        let own = state.next;
        state.next += 1;
        state.waiting.insert(own, Box::new(item));
        self.changed.notify_all();
        loop {
            if let Some(done) = state.done.remove(&own) {
                return done.and_then(|item| item.downcast().ok()).map(|item| *item);
            }
            if !state.is_running && state.waiting.contains_key(&own) && state.waiting.len() >= state.seats {
                state.is_running = true;
                let items = std::mem::take(&mut state.waiting);
                drop(state);
                let done = all_at_once(items, work);
                state = self.lock();
                state.done.extend(done);
                state.is_running = false;
                self.changed.notify_all();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Does the work of all, in the order in which it was handed in, and gives it out by number.
fn all_at_once<T: Send + 'static>(
    items: BTreeMap<u64, Item>,
    work: fn(Vec<T>) -> Vec<T>,
) -> BTreeMap<u64, Option<Item>> {
    let (mut numbers, mut own) = (Vec::new(), Vec::new());
    let mut done = BTreeMap::new();
    for (number, item) in items {
        match item.downcast::<T>() {
            Ok(item) => {
                numbers.push(number);
                own.push(*item);
            }
            Err(_) => drop(done.insert(number, None)),
        }
    }
    // What panicked is dropped unread.
    let results = catch_unwind(AssertUnwindSafe(|| work(own))).unwrap_or_default();
    let mut results = results.into_iter();
    done.extend(numbers.into_iter().map(|number| {
        let result = results.next();
        (number, result.map(|result| Box::new(result) as Item))
    }));
    done
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn sums(items: Vec<u64>) -> Vec<u64> {
        let sum = items.iter().sum::<u64>();
        items.into_iter().map(|item| 100 * sum + item).collect()
    }

    #[test]
    fn work_waits_for_all_seats_and_each_takes_its_own_back() {
        let meeting = Meeting::default();
        let found: Vec<_> = thread::scope(|scope| {
            let seats = meeting.seats(3).into_iter().enumerate();
            let threads: Vec<_> = seats
                .map(|(index, seat)| {
                    let meeting = &meeting;
                    scope.spawn(move || {
                        thread::sleep(Duration::from_millis(20 * index as u64));
                        let met = meeting.meet(index as u64 + 1, sums);
                        drop(seat);
                        met
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(found, [Some(601), Some(602), Some(603)]);
    }

    #[test]
    fn nobody_waits_for_a_thread_that_got_up_has_ended_or_runs_by_itself() {
        let meeting = Meeting::default();
        let mut seats = meeting.seats(4);
        seats.pop();
        let turn = meeting.turn();
        let met = meeting.away(|| thread::scope(|scope| scope.spawn(|| meeting.meet(7, sums)).join().unwrap()));
        assert_eq!(met, Some(707));
        drop(turn);
        assert_eq!(meeting.lock().seats, 3);
    }

    #[test]
    fn work_that_panics_fails_for_all_and_the_next_work_is_done() {
        let meeting = Meeting::default();
        let seats = meeting.seats(1);
        assert_eq!(meeting.meet(1_u64, |_| panic!("the ground is missing")), None);
        assert_eq!(meeting.meet(1, sums), Some(101));
        drop(seats);
        assert_eq!(meeting.lock().seats, 0);
    }
}
