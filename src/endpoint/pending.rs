//! A call whose outcome is waited for, by a thread or by a task.
//!
//! The invariant: who waits hears of the outcome. A task leaves its waker before it looks; who tells looks for
//! a waker afterwards.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use super::Error;
use crate::net::Port;
use crate::proto::{self, ClientCommand};

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
    outcome: Receiver<Result<T, Error>>,
    waker: Arc<WakerSlot>,
    /// Whose call it is.
    port: Arc<Port<proto::Client>>,
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

/// The other end, which tells the outcome.
pub(super) struct Teller<T> {
    outcome: Sender<Result<T, Error>>,
    waker: Arc<WakerSlot>,
}

pub(super) fn pending<T>(port: Arc<Port<proto::Client>>) -> (Teller<T>, Pending<T>) {
    let (sender, outcome) = bounded(1);
    let waker = Arc::<WakerSlot>::default();
    (Teller { outcome: sender, waker: Arc::clone(&waker) }, Pending { outcome, waker, port })
}

impl<T> Teller<T> {
    /// Tells it. A task that waits is to be woken with no lock held: that may drop it, and with it the
    /// client.
    pub(super) fn tell(self, outcome: Result<T, Error>) -> Option<Waker> {
        // Where this fails, whoever waited has gone away.
        let _ = self.outcome.send(outcome);
        self.waker.take()
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
            self.port.command(ClientCommand::Hasten);
        }
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// Those of the call that returned it.
    pub fn wait(self) -> Result<T, Error> {
        self.hasten();
        // Every accepted call has an outcome; without one, the client was closed.
        self.outcome.recv().unwrap_or(Err(Error::Closed))
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
        match self.outcome.recv_timeout(timeout) {
            Ok(outcome) => Ok(outcome),
            Err(RecvTimeoutError::Timeout) => Err(self),
            Err(RecvTimeoutError::Disconnected) => Ok(Err(Error::Closed)),
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
        !self.outcome.is_empty()
    }
}

/// Polled after it was ready, it is [`Error::Closed`].
impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.hasten();
        self.waker.leave(context.waker());
        match self.outcome.try_recv() {
            Ok(outcome) => Poll::Ready(outcome),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => Poll::Ready(Err(Error::Closed)),
        }
    }
}
