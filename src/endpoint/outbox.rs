//! What an endpoint has for its application, until somebody takes it: the endpoint's end, and the queue.
//!
//! The invariants: what is taken comes in order, each once; and what may wait is bounded by
//! [`Outbox::has_room`], which is asked before a datagram is handled, and beyond it by what is already under way (an
//! outcome for each pending message, a few events for each open request).
//!
//! Things are put in by the batch, and who takes is woken once for each.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;

use super::bell::Bell;
use super::waiting::Call;
use crate::net::Later;

/// Events that wait for the application before datagrams that would add to them are left
/// unanswered.
const QUEUE: usize = 1024;

/// Bytes of the texts in them, of which the same is true.
const QUEUE_BYTES: usize = 64 << 20;

/// What is done when nothing waits any more, before who takes sleeps: no lock is held.
pub(super) type Idle = Box<dyn Fn() + Send + Sync>;

/// What somebody does who takes.
pub(super) enum Job<T> {
    /// Gives this to the application.
    Item(T),
    /// Calls this.
    Call(Call),
}

/// What waits, with the bytes of its text.
type Waiting<T> = (Job<T>, usize);

/// What both ends share.
struct Shared<T> {
    line: Mutex<Line<T>>,
    /// Something was put in, or nothing more will be.
    came: Condvar,
    /// How many wait in the line, and bytes of their texts: to be looked at without the lock.
    count: AtomicUsize,
    bytes: AtomicUsize,
    /// The application has as much as it can hold.
    paused: AtomicBool,
    /// There is nobody any more to take anything.
    abandoned: AtomicBool,
}

struct Line<T> {
    jobs: VecDeque<Waiting<T>>,
    /// How many threads sleep until something comes.
    sleeping: usize,
    /// Nothing more will come.
    ended: bool,
}

impl<T> Shared<T> {
    /// No code of the program's runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until something comes, or so long at the most.
    fn sleep<'a>(
        &self,
        mut line: MutexGuard<'a, Line<T>>,
        most: Option<Duration>,
    ) -> MutexGuard<'a, Line<T>> {
        line.sleeping += 1;
        let mut line = match most {
            Some(most) => {
                let woken = self.came.wait_timeout(line, most);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.came.wait(line).unwrap_or_else(PoisonError::into_inner),
        };
        line.sleeping -= 1;
        line
    }
}

/// The endpoint's end.
pub(super) struct Outbox<T> {
    /// What was put in since the last flush.
    held: Vec<Waiting<T>>,
    held_bytes: usize,
    shared: Arc<Shared<T>>,
    // Dropped last: who hears the last ring finds that the queue has ended.
    bell: LastRing,
}

/// Rings when it is dropped, which is with no lock held.
struct LastRing(Option<Arc<Bell>>);

impl LastRing {
    fn ring(&self) -> Option<Later> {
        self.0.as_ref().and_then(|bell| bell.ring()).map(Later::Wake)
    }
}

impl Drop for LastRing {
    fn drop(&mut self) {
        if let Some(later) = self.ring() {
            later.run();
        }
    }
}

impl<T> Outbox<T> {
    /// An outbox that rings a bell, if there is one, for what waits in its queue. What is taken from that
    /// is logged, in the span in which this is called.
    pub(super) fn new(log: fn(&T), idle: Idle, bell: Option<Arc<Bell>>) -> (Self, Queue<T>) {
        let line = Line { jobs: VecDeque::new(), sleeping: 0, ended: false };
        let shared = Arc::new(Shared {
            line: Mutex::new(line),
            came: Condvar::new(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        });
        let queue =
            Queue { shared: Arc::clone(&shared), log, idle, span: tracing::Span::current() };
        let (held, bell) = (Vec::new(), LastRing(bell));
        (Self { held, held_bytes: 0, shared, bell }, queue)
    }

    /// Whether the application can take one more event.
    pub(super) fn has_room(&self) -> bool {
        self.len() < QUEUE
            && self.held_bytes + self.shared.bytes.load(Ordering::Relaxed) < QUEUE_BYTES
            && !self.shared.paused.load(Ordering::Relaxed)
    }

    /// Whether there is nobody any more to take anything.
    pub(super) fn is_abandoned(&self) -> bool {
        self.shared.abandoned.load(Ordering::Relaxed)
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.held.len() + self.shared.count.load(Ordering::Relaxed)
    }

    /// Whether all that was put in can be taken.
    pub(super) fn is_flushed(&self) -> bool {
        self.held.is_empty()
    }

    /// Puts something in.
    pub(super) fn put(&mut self, item: T) {
        self.put_text(item, 0);
    }

    /// Puts something in with a text of so many bytes.
    pub(super) fn put_text(&mut self, item: T, bytes: usize) {
        self.held_bytes += bytes;
        self.held.push((Job::Item(item), bytes));
    }

    /// Puts an event in, which may only be for the log: who logs nothing has no work with it then.
    pub(super) fn put_event(&mut self, event: T, is_heard: bool) {
        if is_heard || LevelFilter::current() != LevelFilter::OFF {
            self.put(event);
        }
    }

    pub(super) fn put_call(&mut self, call: Call) {
        self.held.push((Job::Call(call), 0));
    }

    /// Lets what was put in be taken.
    pub(super) fn flush(&mut self, later: &mut Vec<Later>) {
        if self.held.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.held_bytes);
        let mut line = self.shared.lock();
        if self.is_abandoned() {
            drop(line);
            // Nobody would be told.
            return later.extend(self.held.drain(..).filter_map(|(job, _)| job.into_later()));
        }
        self.shared.count.fetch_add(self.held.len(), Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        line.jobs.extend(self.held.drain(..));
        let wakes = line.sleeping > 0;
        drop(line);
        if wakes {
            // All of them: where several wait, each is to have one.
            self.shared.came.notify_all();
        }
        later.extend(self.bell.ring());
    }
}

impl<T> Drop for Outbox<T> {
    fn drop(&mut self) {
        // With no lock held: the driver drops it so.
        let mut later = Vec::new();
        self.flush(&mut later);
        self.shared.lock().ended = true;
        self.shared.came.notify_all();
        later.into_iter().for_each(Later::run);
    }
}

impl<T> Job<T> {
    /// What there is to do where nobody takes it: the program's code is dropped with no lock held.
    fn into_later(self) -> Option<Later> {
        match self {
            Self::Call(call) => Some(Later::Drop(Box::new(call))),
            Self::Item(_) => None,
        }
    }
}

/// The application's end. It ends when the outbox is dropped and everything is taken.
pub(super) struct Queue<T> {
    shared: Arc<Shared<T>>,
    log: fn(&T),
    idle: Idle,
    span: tracing::Span,
}

impl<T> Queue<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Says whether there is no room, however few wait.
    pub(super) fn pause(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::Relaxed);
    }

    /// Waits for the next, until then if there is such a time.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Result<Job<T>, RecvTimeoutError> {
        if let Ok(job) = self.try_next() {
            return Ok(job);
        }
        let mut line = self.shared.lock();
        loop {
            if let Some(job) = line.jobs.pop_front() {
                drop(line);
                return Ok(self.taken(job));
            }
            if line.ended {
                return Err(RecvTimeoutError::Disconnected);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(RecvTimeoutError::Timeout);
            }
            line = self.shared.sleep(line, left);
        }
    }

    /// The next, if something waits.
    pub(super) fn try_next(&self) -> Result<Job<T>, TryRecvError> {
        let mut line = self.shared.lock();
        let (next, ended) = (line.jobs.pop_front(), line.ended);
        drop(line);
        if let Some(job) = next {
            return Ok(self.taken(job));
        }
        (self.idle)();
        Err(if ended { TryRecvError::Disconnected } else { TryRecvError::Empty })
    }

    /// Up to so many of what waits, for who goes on to [`next`](Self::next) after them.
    pub(super) fn waiting(&self, most: usize) -> impl Iterator<Item = Job<T>> + '_ {
        let mut line = self.shared.lock();
        let some = most.min(line.jobs.len());
        let jobs: Vec<_> = line.jobs.drain(..some).collect();
        drop(line);
        jobs.into_iter().map(|job| self.taken(job))
    }

    fn taken(&self, (job, bytes): Waiting<T>) -> Job<T> {
        self.shared.count.fetch_sub(1, Ordering::Relaxed);
        if let Job::Item(item) = &job {
            self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.span.in_scope(|| (self.log)(item));
        }
        job
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        let mut line = self.shared.lock();
        self.shared.abandoned.store(true, Ordering::Relaxed);
        let jobs = std::mem::take(&mut line.jobs);
        self.shared.count.store(0, Ordering::Relaxed);
        self.shared.bytes.store(0, Ordering::Relaxed);
        drop(line);
        // With the lock released: callbacks are the program's.
        drop(jobs);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn outbox() -> (Outbox<u32>, Queue<u32>) {
        Outbox::new(|_| {}, Box::new(|| {}), None)
    }

    fn take(queue: &Queue<u32>) -> Option<u32> {
        match queue.try_next() {
            Ok(Job::Item(item)) => Some(item),
            _ => None,
        }
    }

    #[test]
    fn what_is_put_in_can_be_taken_once_it_is_flushed_and_counts_before() {
        let (mut outbox, queue) = outbox();
        (0..QUEUE as u32 - 1).for_each(|item| outbox.put(item));
        assert!(take(&queue).is_none() && outbox.has_room());
        outbox.put(QUEUE as u32 - 1);
        assert!(!outbox.has_room());
        outbox.flush(&mut Vec::new());
        assert!(!outbox.has_room() && queue.len() == QUEUE);
        assert_eq!(take(&queue), Some(0));
        assert!(outbox.has_room());
        assert_eq!(queue.waiting(QUEUE).count(), QUEUE - 1);
        assert!(matches!(queue.try_next(), Err(TryRecvError::Empty)));
        drop(outbox);
        assert!(matches!(queue.next(None), Err(RecvTimeoutError::Disconnected)));
    }

    #[test]
    fn both_sides_of_the_bytes_that_may_wait() {
        let (mut outbox, queue) = outbox();
        outbox.put_text(1, QUEUE_BYTES - 1);
        assert!(outbox.has_room());
        outbox.put_text(2, 1);
        assert!(!outbox.has_room());
        outbox.flush(&mut Vec::new());
        assert!(!outbox.has_room());
        assert_eq!(take(&queue), Some(1));
        assert!(outbox.has_room());
    }

    /// A server goes on where its application takes nothing any more.
    #[test]
    fn there_is_room_where_nobody_takes_anything_any_more() {
        let (mut outbox, queue) = outbox();
        (0..QUEUE as u32).for_each(|item| outbox.put_text(item, QUEUE_BYTES));
        outbox.flush(&mut Vec::new());
        assert!(!outbox.has_room());
        drop(queue);
        assert!(outbox.has_room() && outbox.is_abandoned());
        (0..QUEUE as u32).for_each(|item| outbox.put(item));
        outbox.flush(&mut Vec::new());
        assert!(outbox.has_room() && outbox.len() == 0);
    }

    /// Whoever sleeps is woken: else one of them would wait for ever.
    #[test]
    fn several_that_take_have_all_of_it_each_once() {
        let (mut outbox, queue) = outbox();
        let taken: usize = thread::scope(|scope| {
            let takers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| std::iter::from_fn(|| queue.next(None).ok()).count()))
                .collect();
            for item in 0..30_000 {
                outbox.put(item);
                if item % 7 == 0 {
                    outbox.flush(&mut Vec::new());
                }
            }
            drop(outbox);
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(taken, 30_000);
    }
}
