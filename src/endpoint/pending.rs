//! A call whose outcome is waited for, by a thread or by a task.
//!
//! The invariant: who waits hears of the outcome. A thread leaves its handle, and a task its waker, under the lock
//! under which they have looked; who tells looks for both under the same.
//!
//! There is one for each message: so it is one small allocation, and who tells makes a system call only where
//! somebody sleeps. A channel is ten times as large.

use std::fmt;
use std::panic::RefUnwindSafe;
use std::pin::Pin;
#[cfg(feature = "capi")]
use std::sync::atomic::AtomicU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::Error;
use crate::net::Later;

/// A call that is under way: [`wait`](Self::wait) gives what became of it, and so does `.await`.
///
/// Dropping it does not take anything back. Any executor will do: who tells is a thread of the client's own.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let server = superchat::Server::builder().directory(directory.path()).start()?;
/// # let sonic = superchat::Client::builder("sonic").server(server.address().to_string()).connect()?;
/// use superchat::{Delivery, Error, Pending};
///
/// // A thread waits for both.
/// let first: Pending<Delivery> = sonic.post("sonic", "one")?;
/// let second = sonic.post("sonic", "two")?;
/// assert_eq!(first.wait()?, Delivery::Received);
/// assert_eq!(second.wait()?, Delivery::Received);
///
/// // And so does a task.
/// # pollster::block_on(async {
/// let (first, second) = (sonic.post("sonic", "one")?, sonic.post("sonic", "two")?);
/// assert_eq!(first.await?, Delivery::Received);
/// assert_eq!(second.await?, Delivery::Received);
/// # Ok::<(), Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the call is under way, and this has what becomes of it"]
pub struct Pending<T> {
    slot: Arc<Slot<T>>,
}

/// Whose call may be held back until more goes with it.
pub(super) trait Hasten: Send + Sync + RefUnwindSafe {
    /// Sends what is held back: somebody waits.
    fn hasten(&self);
}

/// Where an outcome is told.
pub(crate) struct Slot<T> {
    state: Mutex<State<T>>,
    /// As in the state: to be looked at without the lock.
    is_told: AtomicBool,
    /// Whose call it is.
    client: Arc<dyn Hasten>,
    /// What whoever posted remembers with it.
    #[cfg(feature = "capi")]
    stamp: AtomicU32,
}

struct State<T> {
    outcome: Option<Result<T, Error>>,
    waiting: Option<Sleeper>,
}

/// Who is to be woken.
enum Sleeper {
    Thread(Thread),
    Task(Waker),
}

impl From<Sleeper> for Later {
    fn from(sleeper: Sleeper) -> Self {
        match sleeper {
            Sleeper::Thread(thread) => Self::Unpark(thread),
            Sleeper::Task(waker) => Self::Wake(waker),
        }
    }
}

impl<T> Slot<T> {
    /// No code of the program's runs under this lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }

    fn tell(&self, outcome: Result<T, Error>) -> Option<Later> {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        self.is_told.store(true, Ordering::Release);
        state.waiting.take().map(Later::from)
    }

    /// The outcome, once. It was told, or the client was closed.
    fn take(&self) -> Result<T, Error> {
        self.lock().outcome.take().unwrap_or(Err(Error::Closed))
    }

    /// The same, for who does not ask again. Mostly whoever told has gone, and nobody is to be locked out.
    fn into_outcome(self: Arc<Self>) -> Result<T, Error> {
        let slot = match Arc::try_unwrap(self) {
            Ok(slot) => slot,
            Err(shared) => return shared.take(),
        };
        let state = slot.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.outcome.unwrap_or(Err(Error::Closed))
    }

    /// Leaves who is to be woken, in the place of the one before, unless it was told.
    fn leave(&self, sleeper: Sleeper) -> bool {
        let mut state = self.lock();
        if self.is_told() {
            return false;
        }
        let before = state.waiting.replace(sleeper);
        // With the lock released: it may be the last of a task.
        drop(state);
        drop(before);
        true
    }

    /// Waits until it is told, or until then; whether it was.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        if self.is_told() || !self.leave(Sleeper::Thread(thread::current())) {
            return true;
        }
        while !self.is_told() {
            match deadline.map(|deadline| deadline.checked_duration_since(Instant::now())) {
                Some(None) => return false,
                Some(Some(left)) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
        true
    }
}

/// The waker of the task that waits, if one does.
#[derive(Debug, Default)]
pub(super) struct WakerSlot(Mutex<Option<Waker>>);

impl WakerSlot {
    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a waker in the place of the one before.
    pub(super) fn leave(&self, waker: &Waker) {
        let before = self.lock().replace(waker.clone());
        // With the lock released: it may be the last of a task.
        drop(before);
    }

    pub(super) fn take(&self) -> Option<Waker> {
        self.lock().take()
    }
}

/// The other end, which tells the outcome; where it is dropped, that the client was closed.
pub(super) struct Teller<T>(Arc<Slot<T>>);

pub(super) fn pending<T>(client: Arc<dyn Hasten>) -> (Teller<T>, Pending<T>) {
    let state = Mutex::new(State { outcome: None, waiting: None });
    let slot = Arc::new(Slot {
        state,
        is_told: AtomicBool::new(false),
        client,
        #[cfg(feature = "capi")]
        stamp: AtomicU32::new(0),
    });
    (Teller(Arc::clone(&slot)), Pending { slot })
}

impl<T> Teller<T> {
    /// Tells it. Who waits is to be woken with no lock held: a task that is woken may drop the client.
    pub(super) fn tell(self, outcome: Result<T, Error>) -> Option<Later> {
        self.0.tell(outcome)
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        if !self.0.is_told()
            && let Some(later) = self.0.tell(Err(Error::Closed))
        {
            later.run();
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}

impl<T> Pending<T> {
    /// Sends what is held back until more goes with it, if the outcome is not there.
    fn hasten(&self) {
        if !self.is_finished() {
            self.slot.client.hasten();
        }
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// Those of the call that returned it.
    pub fn wait(self) -> Result<T, Error> {
        self.hasten();
        self.slot.wait(None);
        self.slot.into_outcome()
    }

    /// Waits for the outcome for a time; returns itself when that has passed.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let sonic = superchat::Client::builder("sonic").server(server.address().to_string()).connect()?;
    /// let mut pending = sonic.post("sonic", "a word to myself")?;
    /// let outcome = loop {
    ///     match pending.wait_timeout(std::time::Duration::from_millis(50)) {
    ///         Ok(outcome) => break outcome,
    ///         Err(still_pending) => pending = still_pending, // and look at something else
    ///     }
    /// };
    /// assert_eq!(outcome?, superchat::Delivery::Received);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Itself, to be waited for again.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, Error>, Self> {
        self.hasten();
        // Longer than the clock goes is as long as it takes.
        if self.slot.wait(Instant::now().checked_add(timeout)) {
            Ok(self.slot.into_outcome())
        } else {
            Err(self)
        }
    }

    /// Whether the outcome is there, so that [`wait`](Self::wait) returns at once.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let sonic = superchat::Client::builder("sonic").server(server.address().to_string()).connect()?;
    /// let mut pending = vec![sonic.post("sonic", "one")?, sonic.post("sonic", "two")?];
    /// while !pending.is_empty() {
    ///     for done in pending.extract_if(.., |pending| pending.is_finished()) {
    ///         done.wait()?;
    ///     }
    /// #   std::thread::yield_now();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.slot.is_told()
    }
}

/// As what C holds it: a pointer, and no further allocation for each message.
#[cfg(feature = "capi")]
impl<T> Pending<T> {
    pub(crate) fn into_slot(self, stamp: u32) -> Arc<Slot<T>> {
        self.slot.stamp.store(stamp, Ordering::Relaxed);
        self.slot
    }

    pub(crate) fn from_slot(slot: Arc<Slot<T>>) -> Self {
        Self { slot }
    }
}

#[cfg(feature = "capi")]
impl<T> Slot<T> {
    pub(crate) fn stamp(&self) -> u32 {
        self.stamp.load(Ordering::Relaxed)
    }
}

/// Polled after it was ready, it is [`Error::Closed`].
impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.hasten();
        // Cloned with the lock released: that is the executor's code.
        let waker = context.waker().clone();
        if !self.slot.leave(Sleeper::Task(waker)) {
            return Poll::Ready(self.slot.take());
        }
        Poll::Pending
    }
}
