//! What an application takes by itself, instead of having callbacks called.
//!
//! The invariant: its file descriptor is readable while something waits, and after the end.

use std::fmt;
use std::iter;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use crossbeam_channel as channel;

use super::Error;
use super::bell::Bell;
use super::outbox::{Job, Outbox, Queue};

/// What a [`Client`](crate::Client) or [`Server`](crate::Server) has for its application, instead of
/// callbacks on a thread of its own: see
/// [`connect_with_inbox`](crate::ClientBuilder::connect_with_inbox) and
/// [`start_with_inbox`](crate::ServerBuilder::start_with_inbox).
///
/// It is an iterator that waits, and ends when the endpoint is closed and everything is taken; and it has
/// the methods of a [`std::sync::mpsc::Receiver`]. What is not taken in time is not lost: when 1024 wait,
/// nothing more is acknowledged, so that its senders send it again, or to the server. So it is with all
/// messages after a client's inbox was dropped.
///
/// Callbacks that were posted ([`post_then`](crate::Client::post_then)) run inside whichever call takes
/// from the inbox, in order with what it has.
///
/// For an event loop it has a file descriptor ([`AsFd`]) that is readable while something waits, and
/// after the end; [`dispatch`](Self::dispatch) then takes what is there.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let server = superchat::Server::builder().directory(directory.path()).start()?;
/// # let server = server.address().to_string();
/// use superchat::{Client, Incoming};
///
/// let (sonic, inbox) = Client::builder("sonic").server(&server).connect_with_inbox()?;
/// sonic.send("sonic", "a word to myself")?;
/// for incoming in inbox {
///     if let Incoming::Message(message) = incoming {
///         assert_eq!(message.text, "a word to myself");
///         sonic.close();
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inbox<T> {
    queue: Queue<T>,
    bell: Arc<Bell>,
    dispatching: AtomicBool,
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

impl<T> Inbox<T> {
    /// An inbox, and where the endpoint puts what is for it. What is taken is logged in the span in which
    /// this is called.
    pub(super) fn new(log: fn(&T)) -> Result<(Outbox<T>, Self), Error> {
        let bell = Arc::new(Bell::new().map_err(Error::Descriptor)?);
        let (outbox, queue) = Outbox::new(log, Some(Arc::clone(&bell)));
        Ok((outbox, Self { queue, bell, dispatching: AtomicBool::new(false) }))
    }

    /// Waits for the next, running the callbacks that come before it.
    ///
    /// # Errors
    /// [`RecvError`] once the endpoint is closed and everything is taken.
    pub fn recv(&self) -> Result<T, RecvError> {
        loop {
            match self.queue.next().ok_or(RecvError)? {
                Job::Item(item) => return Ok(item),
                Job::Call(call) => call(),
            }
        }
    }

    /// Waits for the next for a time, running the callbacks that come before it.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] if nothing came in time; [`RecvTimeoutError::Disconnected`] once
    /// the endpoint is closed and everything is taken.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            // Longer than the clock goes.
            return self.recv().map_err(|RecvError| RecvTimeoutError::Disconnected);
        };
        loop {
            match self.queue.next_until(deadline) {
                Ok(Job::Item(item)) => return Ok(item),
                Ok(Job::Call(call)) => call(),
                Err(channel::RecvTimeoutError::Timeout) => return Err(RecvTimeoutError::Timeout),
                Err(channel::RecvTimeoutError::Disconnected) => {
                    return Err(RecvTimeoutError::Disconnected);
                }
            }
        }
    }

    /// Takes the next if there is one, running the callbacks that come before it.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if nothing waits; [`TryRecvError::Disconnected`] once the endpoint is
    /// closed and everything is taken.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        loop {
            match self.try_next()? {
                Job::Item(item) => return Ok(item),
                Job::Call(call) => call(),
            }
        }
    }

    /// Everything until the endpoint is closed, waiting for it.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        iter::from_fn(|| self.recv().ok())
    }

    /// What waits, without waiting for more.
    pub fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
        iter::from_fn(|| self.try_recv().ok())
    }

    /// Gives what waits to `take`, and runs the callbacks that wait, in order: what an event loop does
    /// when the file descriptor is readable. What comes meanwhile waits for the next time, so that a
    /// flood does not keep the loop from its other work. Returns whether there can be more: `false` once
    /// the endpoint is closed and everything is taken.
    ///
    /// Of two that run at the same time, on two threads or one inside the other, the second does
    /// nothing and returns `true`: what waits is handed over one at a time.
    pub fn dispatch(&self, mut take: impl FnMut(T)) -> bool {
        if self.dispatching.swap(true, Ordering::Acquire) {
            return true;
        }
        let _done = Done(&self.dispatching);
        // One more than wait: to find nothing is what silences the bell.
        for _ in 0..=self.queue.len() {
            match self.try_next() {
                Ok(Job::Item(item)) => take(item),
                Ok(Job::Call(call)) => call(),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// Takes nothing more from others until [`resume`](Self::resume), as if 1024 waited: for an application
    /// that has moved what it took to a queue of its own, which is full. Its own messages have their
    /// outcomes meanwhile, as far as their recipients acknowledge them; what the server says waits.
    pub fn pause(&self) {
        self.queue.pause(true);
    }

    /// Takes more again, after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.queue.pause(false);
    }

    fn try_next(&self) -> Result<Job<T>, TryRecvError> {
        let mut next = self.queue.try_next();
        if matches!(next, Err(channel::TryRecvError::Empty)) && self.bell.silence() {
            next = self.queue.try_next();
            if !matches!(next, Err(channel::TryRecvError::Empty)) {
                self.bell.ring();
            }
        }
        next.map_err(|error| match error {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }
}

/// Nobody dispatches any more, also where a callback panicked.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl<T> Iterator for Inbox<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv().ok()
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl<T> AsRawFd for Inbox<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
