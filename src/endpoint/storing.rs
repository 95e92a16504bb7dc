//! The thread that carries out what a server's engine asks of the store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::log;
use super::server_builder::ServerPort;
use crate::proto::{ServerCommand, Stats, StoreAnswer, StoreRequest};
use crate::store::{Store, StoreFigures};

/// How long the files of the mailboxes may take to follow the journal when the server stops. What is
/// left is done at the next start.
const SETTLING: Duration = Duration::from_secs(1);

/// How long nothing must have been asked before the store does what can wait: who waits for an answer asks
/// for the next thing as soon as it has it.
const QUIET: Duration = Duration::from_millis(2);

/// How much longer than one step of that took the next is put off, for each request that was carried out together
/// with others last, all of which a step may hold up: where one comes at a time, a twentieth of the time goes into what can
/// wait, so that it does not pile up.
const SHARE: u32 = 20;

/// How long it is put off at the most.
const PUT_OFF: Duration = Duration::from_millis(100);

/// Answers that the engine takes before others have their turn with it.
const ANSWERS: usize = 64;

/// Store requests that are carried out, and synced, together.
const COMMIT: usize = 1024;

/// How long they wait for others at the most.
const GATHER: Duration = Duration::from_millis(1);

/// How things stand with the store, for who asks on another thread.
#[derive(Debug, Default)]
pub(super) struct StoreGauges {
    /// Requests that are not carried out.
    pub(super) pending: AtomicU64,
    figures: Mutex<StoreFigures>,
}

impl StoreGauges {
    fn publish(&self, store: &impl Store) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = store.figures();
    }

    pub(super) fn observe(&self, stats: &mut Stats) {
        let figures = *self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        stats.store_requests_pending = self.pending.load(Ordering::Relaxed);
        stats.commits = figures.commits;
        stats.mailboxes = figures.mailboxes;
        stats.stored_bytes = figures.bytes;
        stats.journal_bytes = figures.journal_bytes;
        stats.unsettled = figures.unsettled;
    }
}

/// Requests that were carried out together, and how long that took.
#[derive(Debug, Default)]
struct Batch {
    requests: usize,
    took: Duration,
}

impl Batch {
    /// How long as many are waited for: whoever had an answer just now may ask again, and a sync of its own would take
    /// as long.
    fn patience(&self) -> Duration {
        self.took.min(GATHER)
    }

    /// How long the next step of what can wait is put off, when one took so long.
    fn puts_off(&self, step: Duration) -> Duration {
        let held_up = u32::try_from(self.requests).unwrap_or(u32::MAX);
        step.saturating_mul(SHARE).saturating_mul(held_up).min(PUT_OFF)
    }
}

/// The next requests to be carried out together: those that wait, and if they are not as many as the last time,
/// those that come until then.
fn gather(
    first: StoreRequest,
    requests: &Receiver<StoreRequest>,
    as_many: usize,
    until: Instant,
) -> Vec<StoreRequest> {
    let mut batch = vec![first];
    batch.extend(requests.try_iter().take(COMMIT - 1));
    while batch.len() < as_many
        && let Ok(another) = requests.recv_deadline(until)
    {
        batch.push(another);
        batch.extend(requests.try_iter().take(COMMIT - batch.len()));
    }
    batch
}

/// Carries out store requests until there will be no more. In between, the store does what can wait.
pub(super) fn keep(
    mut store: impl Store,
    requests: &Receiver<StoreRequest>,
    port: &ServerPort,
    gauges: &StoreGauges,
) {
    gauges.publish(&store);
    let tell = |answers: Vec<StoreAnswer>| {
        let mut answers = answers.into_iter();
        while answers.len() > 0 {
            let some = answers.by_ref().take(ANSWERS).inspect(log::store_answer);
            port.commands(some.map(ServerCommand::Store).collect::<Vec<_>>());
        }
    };
    let (mut quiet, mut next_step) = (Duration::ZERO, Instant::now());
    let mut last = Batch::default();
    loop {
        let first = match requests.recv_timeout(quiet) {
            Ok(first) => first,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(answers) = store.tend() {
                    gauges.publish(&store);
                    tell(answers);
                    quiet = Duration::ZERO;
                    continue;
                }
                gauges.publish(&store);
                let Ok(first) = requests.recv() else { break };
                // Whoever begins is not held up at once, nor waits for those who have ended.
                next_step = Instant::now() + PUT_OFF;
                last = Batch::default();
                first
            }
        };
        quiet = QUIET;
        let begin = Instant::now();
        let batch = gather(first, requests, last.requests, begin + last.patience());
        let begin = Instant::now();
        last.requests = batch.len();
        let answers = store.apply(batch);
        last.took = begin.elapsed();
        gauges.pending.fetch_sub(last.requests as u64, Ordering::Relaxed);
        gauges.publish(&store);
        tell(answers);
        loop {
            let begin = Instant::now();
            if !store.is_behind() && begin < next_step {
                break;
            }
            let Some(answers) = store.tend() else { break };
            let end = Instant::now();
            next_step = end + last.puts_off(end - begin);
            tell(answers);
        }
    }
    let end = Instant::now() + SETTLING;
    while Instant::now() < end && store.tend().is_some() {}
    gauges.publish(&store);
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::wire::Nickname;

    fn request() -> StoreRequest {
        StoreRequest::Load { request: 1, recipient: Nickname::new("a").unwrap() }
    }

    /// How many of `waiting` requests are carried out together, after so many.
    fn gathered(waiting: usize, last: usize, until: Instant) -> usize {
        let (sender, receiver) = unbounded();
        (1..waiting).for_each(|_| sender.send(request()).unwrap());
        gather(request(), &receiver, last, until).len()
    }

    #[test]
    fn a_batch_is_what_waits_once_that_is_as_much_as_the_last_time() {
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        assert_eq!(gathered(1, 1, now + hour), 1);
        assert_eq!(gathered(70, 3, now + hour), 70);
        assert_eq!(gathered(COMMIT + 1, COMMIT, now + hour), COMMIT);
        assert_eq!(gathered(3, 64, now), 3);
    }

    #[test]
    fn what_comes_in_time_is_carried_out_with_what_was_there() {
        let (sender, receiver) = unbounded();
        let other = std::thread::spawn(move || sender.send(request()).map(|()| sender));
        let until = Instant::now() + Duration::from_secs(3600);
        assert_eq!(gather(request(), &receiver, 2, until).len(), 2);
        drop(other.join().unwrap());
    }

    #[test]
    fn nobody_is_waited_for_longer_than_the_last_batch_took() {
        let patience = |took| Batch { requests: 64, took }.patience();
        let sync = Duration::from_micros(200);
        assert_eq!((patience(sync), patience(GATHER * 9)), (sync, GATHER));
        assert_eq!(Batch::default().patience(), Duration::ZERO);
    }

    #[test]
    fn what_can_wait_is_put_off_by_all_that_it_holds_up() {
        let step = Duration::from_micros(400);
        let put_off = |requests| Batch { requests, took: step }.puts_off(step);
        assert_eq!((put_off(1), put_off(3)), (step * 20, step * 60));
        assert_eq!((put_off(64), put_off(COMMIT)), (PUT_OFF, PUT_OFF));
    }
}
