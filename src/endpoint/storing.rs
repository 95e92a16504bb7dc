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

/// How much longer than one step of that took the next is put off, however much is asked: a twentieth of the time
/// goes into what can wait, so that it does not pile up.
const SHARE: u32 = 20;

/// How long it is put off at the most.
const PUT_OFF: Duration = Duration::from_millis(100);

/// Answers that the engine takes before others have their turn with it.
const ANSWERS: usize = 64;

/// Store requests that are carried out, and synced, together.
const COMMIT: usize = 1024;

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
                // Whoever begins is not held up at once.
                next_step = Instant::now() + PUT_OFF;
                first
            }
        };
        quiet = QUIET;
        let batch: Vec<_> =
            std::iter::once(first).chain(requests.try_iter()).take(COMMIT).collect();
        let count = batch.len() as u64;
        let answers = store.apply(batch);
        gauges.pending.fetch_sub(count, Ordering::Relaxed);
        gauges.publish(&store);
        tell(answers);
        loop {
            let begin = Instant::now();
            if !store.is_behind() && begin < next_step {
                break;
            }
            let Some(answers) = store.tend() else { break };
            let end = Instant::now();
            next_step = end + ((end - begin) * SHARE).min(PUT_OFF);
            tell(answers);
        }
    }
    let end = Instant::now() + SETTLING;
    while Instant::now() < end && store.tend().is_some() {}
    gauges.publish(&store);
}
