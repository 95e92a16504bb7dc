//! What an application takes by itself, instead of having callbacks called.
//!
//! The invariant: its file descriptor is readable while something waits, and after the end.

use std::fmt;
use std::future;
use std::iter::{self, FusedIterator};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Error;
use super::bell::Bell;
use super::outbox::{Idle, Job, Outbox, Queue};

/// What a [`Client`](crate::Client) or [`Server`](crate::Server) has for its application, instead of
/// callbacks on a thread of its own: see
/// [`connect_with_inbox`](crate::ClientBuilder::connect_with_inbox) and
/// [`start_with_inbox`](crate::ServerBuilder::start_with_inbox).
///
/// It is an iterator that waits, and ends when the endpoint is closed and everything is taken; and it has
/// the methods of a [`std::sync::mpsc::Receiver`]. A reference to it is an iterator as well (`for incoming in
/// &inbox`), and threads may share one: each takes what the others have not. What is not taken in time is not lost: when 1024 wait,
/// nothing more is acknowledged, so that its senders send it again, or to the server. So it is with all
/// messages after a client's inbox was dropped.
///
/// Callbacks that were posted ([`post_then`](crate::Client::post_then)) run inside whichever call takes
/// from the inbox, in order with what it has.
///
/// # Event loops and tasks
///
/// It has a file descriptor ([`AsFd`]) that is readable while something waits, and after the end.
///
/// - A loop that is told of it for as long as it is so (`poll`, `select`, `epoll` by default, GLib, libuv)
///   calls [`dispatch`](Self::dispatch), which takes what is there.
/// - A loop that is told of it only when it becomes so (`mio`, `epoll` with `EPOLLET`) calls
///   [`try_recv`](Self::try_recv) until that says [`Empty`](TryRecvError::Empty): as long as something waits,
///   it will not hear again. [The guide](crate#receiving-in-an-event-loop) has an example.
///
/// A task awaits [`recv_async`](Self::recv_async), whatever runs it.
///
/// # Examples
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let server = superchat::Server::builder().directory(directory.path()).start()?;
/// # let server = server.address().to_string();
/// use superchat::{Client, ClientEvent, Inbox, Incoming};
///
/// let (sonic, inbox): (Client, Inbox<Incoming>) =
///     Client::builder("sonic").server(&server).connect_with_inbox()?;
/// sonic.send("sonic", "a word to myself")?;
/// for incoming in &inbox {
///     match incoming {
///         Incoming::Message(message) => {
///             assert_eq!(message.text, "a word to myself");
///             break;
///         }
///         Incoming::Event(event) => println!("{event:?}"),
///         _ => {} // more may come in a later version
///     }
/// }
/// sonic.close();
/// let offline = |incoming| matches!(incoming, Incoming::Event(ClientEvent::Deregistered { .. }));
/// assert_eq!(inbox.map(offline).last(), Some(true)); // to its end
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "what comes is acknowledged only while there is somebody to take it"]
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
    pub(super) fn new(log: fn(&T), idle: Idle) -> Result<(Outbox<T>, Self), Error> {
        let bell = Arc::new(Bell::new().map_err(Error::Descriptor)?);
        let (outbox, queue) = Outbox::new(log, idle, Some(Arc::clone(&bell)));
        Ok((outbox, Self { queue, bell, dispatching: AtomicBool::new(false) }))
    }

    /// Waits for the next, running the callbacks that come before it.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let (sonic, inbox) = superchat::Client::builder("sonic").server(server).connect_with_inbox()?;
    /// while let Ok(incoming) = inbox.recv() {
    ///     println!("{incoming:?}");
    ///     sonic.close();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RecvError`] once the endpoint is closed and everything is taken.
    pub fn recv(&self) -> Result<T, RecvError> {
        loop {
            match self.queue.next(None).map_err(|_| RecvError)? {
                Job::Item(item) => return Ok(item),
                Job::Call(call) => call.run(),
            }
        }
    }

    /// Waits for the next for a time, running the callbacks that come before it.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let (sonic, inbox) = superchat::Client::builder("sonic").server(server).connect_with_inbox()?;
    /// use std::sync::mpsc::RecvTimeoutError;
    ///
    /// loop {
    ///     match inbox.recv_timeout(std::time::Duration::from_millis(50)) {
    ///         Ok(incoming) => println!("{incoming:?}"),
    ///         Err(RecvTimeoutError::Timeout) => sonic.close(), // nobody has anything to say
    ///         Err(RecvTimeoutError::Disconnected) => break,
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
            match self.queue.next(Some(deadline))? {
                Job::Item(item) => return Ok(item),
                Job::Call(call) => call.run(),
            }
        }
    }

    /// Waits for the next as [`recv`](Self::recv) does, in a task of any executor.
    ///
    /// It can be dropped at any time, as `select!` does: nothing is taken but what it returns. Of several tasks
    /// that wait for one inbox at the same time, the last is woken.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let (sonic, inbox) = superchat::Client::builder("sonic").server(server).connect_with_inbox()?;
    /// # pollster::block_on(async {
    /// while let Ok(incoming) = inbox.recv_async().await {
    ///     println!("{incoming:?}");
    ///     sonic.close();
    /// }
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RecvError`] once the endpoint is closed and everything is taken.
    pub fn recv_async(&self) -> impl Future<Output = Result<T, RecvError>> + Send + '_
    where
        T: Send,
    {
        future::poll_fn(|context| {
            self.bell.leave(context.waker());
            match self.try_recv() {
                Ok(item) => Poll::Ready(Ok(item)),
                Err(TryRecvError::Empty) => Poll::Pending,
                Err(TryRecvError::Disconnected) => Poll::Ready(Err(RecvError)),
            }
        })
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
                Job::Call(call) => call.run(),
            }
        }
    }

    /// Everything until the endpoint is closed, waiting for it: what `for incoming in &inbox` takes, for
    /// adapters.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let sonic = superchat::Client::builder("sonic").server(server.address().to_string());
    /// # let (sonic, inbox) = sonic.connect_with_inbox()?;
    /// use superchat::{ClientEvent, Incoming};
    ///
    /// let online = |incoming: &Incoming| matches!(incoming, Incoming::Event(ClientEvent::Registered { .. }));
    /// assert!(inbox.iter().find(online).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl FusedIterator<Item = T> + '_ {
        self
    }

    /// What waits, without waiting for more.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let (sonic, inbox) = superchat::Client::builder("sonic").server(server).connect_with_inbox()?;
    /// // Between two frames of a game.
    /// for incoming in inbox.try_iter() {
    ///     println!("{incoming:?}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let (sonic, inbox) = superchat::Client::builder("sonic").server(server).connect_with_inbox()?;
    /// let mut taken = 0;
    /// assert!(inbox.dispatch(|incoming| taken += 1)); // it has registered
    /// sonic.close();
    /// while inbox.dispatch(|incoming| taken += 1) {}
    /// assert!(taken >= 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dispatch(&self, mut take: impl FnMut(T)) -> bool {
        if self.dispatching.swap(true, Ordering::Acquire) {
            return true;
        }
        let _done = Done(&self.dispatching);
        // One more than wait: to find nothing is what silences the bell.
        for _ in 0..=self.queue.len() {
            match self.try_next() {
                Ok(Job::Item(item)) => take(item),
                Ok(Job::Call(call)) => call.run(),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    /// Takes nothing more from others until [`resume`](Self::resume), as if 1024 waited: for an application
    /// that has moved what it took to a queue of its own, which is full. Its own messages have their
    /// outcomes meanwhile if their recipients acknowledge them, and a few hundred also if the server answers;
    /// what the server tells of others, and to register, waits.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let sonic = superchat::Client::builder("sonic").server(server.address().to_string());
    /// # let (sonic, inbox) = sonic.connect_with_inbox()?;
    /// # let lanking = superchat::Client::builder("lanking").server(server.address().to_string()).connect()?;
    /// inbox.pause();
    /// assert_eq!(lanking.send("sonic", "later")?, superchat::Delivery::Stored);
    /// inbox.resume();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pause(&self) {
        self.queue.pause(true);
    }

    /// Takes more again, after [`pause`](Self::pause), whose example shows it.
    pub fn resume(&self) {
        self.queue.pause(false);
    }

    fn try_next(&self) -> Result<Job<T>, TryRecvError> {
        let mut next = self.queue.try_next();
        if matches!(next, Err(TryRecvError::Empty)) && self.bell.silence() {
            next = self.queue.try_next();
            if !matches!(next, Err(TryRecvError::Empty)) {
                // It was not heard: whoever waits besides is to look as well.
                if let Some(waker) = self.bell.ring() {
                    waker.wake();
                }
            }
        }
        next
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

impl<T> Iterator for &Inbox<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv().ok()
    }
}

/// Nothing comes after the end.
impl<T> FusedIterator for Inbox<T> {}

/// Nothing comes after the end.
impl<T> FusedIterator for &Inbox<T> {}

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
