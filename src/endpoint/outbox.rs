//! What an endpoint has for its application, until somebody takes it: the endpoint's end, and the queue.
//!
//! The invariants: what is taken comes in order, each once; and what may wait is bounded. The channel has
//! no bound of its own: what may go over it is bounded by [`Outbox::has_room`], which is asked before a
//! datagram is handled, and beyond it by what is already under way (an outcome for each pending message,
//! a few events for each open request).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender, TryRecvError, unbounded};

use super::bell::Bell;
use crate::net::Later;

/// Events that wait for the application before datagrams that would add to them are left
/// unanswered.
const QUEUE: usize = 1024;

/// Bytes of the texts in them, of which the same is true.
const QUEUE_BYTES: usize = 64 << 20;

/// A posted callback that has its outcome.
pub(super) type Call = Box<dyn FnOnce() + Send>;

/// What is done when nothing waits any more, before who takes sleeps: no lock is held.
pub(super) type Idle = Box<dyn Fn() + Send + Sync>;

/// What somebody does who takes.
pub(super) enum Job<T> {
    /// Gives this to the application.
    Item(T),
    /// Calls this.
    Call(Call),
}

/// How both ends stand.
#[derive(Debug, Default)]
struct Level {
    /// Of the texts that wait.
    bytes: AtomicUsize,
    /// The application has as much as it can hold.
    paused: AtomicBool,
    /// There is nobody any more to take anything.
    abandoned: AtomicBool,
}

/// The endpoint's end.
pub(super) struct Outbox<T> {
    queue: Sender<(Job<T>, usize)>,
    level: Arc<Level>,
    // After the queue: who hears the last ring finds that the queue has ended.
    bell: LastRing,
}

/// Rings when it is dropped, which is with no lock held.
struct LastRing(Option<Arc<Bell>>);

impl LastRing {
    fn ring(&self) -> Option<std::task::Waker> {
        self.0.as_ref().and_then(|bell| bell.ring())
    }
}

impl Drop for LastRing {
    fn drop(&mut self) {
        if let Some(waker) = self.ring() {
            Later::Wake(waker).run();
        }
    }
}

impl<T> Outbox<T> {
    /// An outbox that rings a bell, if there is one, for what waits in its queue. What is taken from that
    /// is logged, in the span in which this is called.
    pub(super) fn new(log: fn(&T), idle: Idle, bell: Option<Arc<Bell>>) -> (Self, Queue<T>) {
        let (queue, jobs) = unbounded();
        let level = Arc::new(Level::default());
        let outbox = Self { queue, level: Arc::clone(&level), bell: LastRing(bell) };
        (outbox, Queue { jobs, level, log, idle, span: tracing::Span::current() })
    }

    /// Whether the application can take one more event.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE
            && self.level.bytes.load(Ordering::Relaxed) < QUEUE_BYTES
            && !self.level.paused.load(Ordering::Relaxed)
    }

    /// Whether there is nobody any more to take anything.
    pub(super) fn is_abandoned(&self) -> bool {
        self.level.abandoned.load(Ordering::Relaxed)
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Puts something in. The task that waits for it, if one does, is to be woken with no lock held.
    pub(super) fn put(&self, item: T) -> Option<Later> {
        self.put_text(item, 0)
    }

    /// Puts something in with a text of so many bytes.
    pub(super) fn put_text(&self, item: T, bytes: usize) -> Option<Later> {
        self.level.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.add(Job::Item(item), bytes)
    }

    pub(super) fn put_call(&self, call: Call) -> Option<Later> {
        self.add(Job::Call(call), 0)
    }

    fn add(&self, job: Job<T>, bytes: usize) -> Option<Later> {
        match self.queue.send((job, bytes)) {
            Ok(()) => self.bell.ring().map(Later::Wake),
            // The other end is gone, and with it whoever would be told.
            Err(SendError((Job::Call(call), _))) => Some(Later::Drop(call)),
            Err(SendError((Job::Item(_), _))) => None,
        }
    }
}

/// The application's end. It ends when the outbox is dropped and everything is taken.
pub(super) struct Queue<T> {
    jobs: Receiver<(Job<T>, usize)>,
    level: Arc<Level>,
    log: fn(&T),
    idle: Idle,
    span: tracing::Span,
}

impl<T> Queue<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Says whether there is no room, however few wait.
    pub(super) fn pause(&self, paused: bool) {
        self.level.paused.store(paused, Ordering::Relaxed);
    }

    /// Waits for the next; `None` at the end.
    pub(super) fn next(&self) -> Option<Job<T>> {
        self.try_next().or_else(|_| self.jobs.recv().map(|job| self.taken(job))).ok()
    }

    pub(super) fn next_until(
        &self,
        deadline: std::time::Instant,
    ) -> Result<Job<T>, RecvTimeoutError> {
        let next = self.try_next();
        next.or_else(|_| self.jobs.recv_deadline(deadline).map(|job| self.taken(job)))
    }

    pub(super) fn try_next(&self) -> Result<Job<T>, TryRecvError> {
        let next = self.jobs.try_recv();
        if next.is_err() {
            (self.idle)();
        }
        next.map(|job| self.taken(job))
    }

    fn taken(&self, (job, bytes): (Job<T>, usize)) -> Job<T> {
        self.level.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Job::Item(item) = &job {
            self.span.in_scope(|| (self.log)(item));
        }
        job
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.level.abandoned.store(true, Ordering::Relaxed);
    }
}
