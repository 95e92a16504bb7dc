//! The public client.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::client_outlet::ClientPort;
use super::error::nickname;
use super::threads::Threads;
use super::waiting::{Awaited, Callbacks, Waiter};
use super::{ClientBuilder, Error, Pending, User};
use crate::proto::{self, ClientCommand, Delivery, Stats, Ticket};
use crate::wire::Nickname;

/// A client of one server, online under one nickname.
///
/// It works on threads of its own until [`close`](Self::close), or until it is dropped. All its
/// methods may be called from any thread, callbacks included.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let server = superchat::Server::builder().directory(directory.path()).start()?;
/// # let server = server.address().to_string();
/// use superchat::{Client, Delivery};
///
/// let (sender, inbox) = std::sync::mpsc::channel();
/// let sonic = Client::builder("sonic")
///     .server(&server)
///     .on_message(move |message| drop(sender.send(message)))
///     .connect()?;
/// let lanking = Client::builder("lanking").server(&server).connect()?;
///
/// assert_eq!(lanking.send("sonic", "hi")?, Delivery::Received);
/// assert_eq!(inbox.recv()?.text, "hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it is closed when it is dropped"]
pub struct Client {
    pub(super) port: Arc<ClientPort>,
    pub(super) threads: Threads,
    pub(super) callbacks: Callbacks,
    pub(super) server: SocketAddr,
    pub(super) dropped: Arc<AtomicBool>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Client");
        fields.field("nickname", &self.nickname()).field("address", &self.address());
        fields.field("server", &self.server).finish_non_exhaustive()
    }
}

impl Client {
    /// A client under this nickname, with everything else at its default.
    pub fn builder(nickname: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(nickname.into())
    }

    /// The nickname that it is, or was last, registered under.
    #[must_use]
    pub fn nickname(&self) -> Nickname {
        self.port.query(|engine| engine.nickname().clone())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Whether the server holds it online.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.port.query(proto::Client::is_registered)
    }

    /// The table of users as the server last sent it, by nickname.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.port.query(|engine| engine.users().cloned().map(User::from).collect())
    }

    /// What it has counted since the start, and how things stand now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.port.stats()
    }

    /// Goes online under a nickname, the old one or another, and waits for the server.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let client = superchat::Client::builder("sonic").server(server).connect()?;
    /// client.deregister()?;
    /// assert!(!client.is_registered());
    /// client.register("super-sonic")?;
    /// assert_eq!(client.nickname(), "super-sonic");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Nickname`], [`Error::NameTaken`], [`Error::Refused`],
    /// [`Error::ServerNotResponding`], [`Error::TooManyPending`], [`Error::Closed`].
    pub fn register(&self, name: &str) -> Result<(), Error> {
        self.register_as(nickname(name)?)
    }

    /// Goes online as [`register`](Self::register) does, without waiting.
    ///
    /// # Errors
    /// [`Error::Nickname`] and [`Error::Closed`] at once, the others with the outcome.
    pub fn post_register(&self, name: &str) -> Result<Pending<()>, Error> {
        let (waiter, pending) = Waiter::pending(self.port.clone());
        self.submit_register(nickname(name)?, waiter)?;
        Ok(pending)
    }

    /// Goes online as [`register`](Self::register) does, without waiting; the callback is given the
    /// outcome, in order with the events.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let client = superchat::Client::builder("sonic").server(server).connect()?;
    /// let (sender, outcomes) = std::sync::mpsc::channel();
    /// let told = sender.clone();
    /// client.post_deregister_then(move |outcome| drop(told.send(("offline", outcome))))?;
    /// client.post_register_then("tails", move |outcome| drop(sender.send(("online", outcome))))?;
    /// for (state, outcome) in outcomes {
    ///     outcome?;
    ///     println!("{state}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`post_register`](Self::post_register), and [`Error::TooManyPending`] at once while too many
    /// callbacks wait; the callback is not called then.
    pub fn post_register_then(
        &self,
        name: &str,
        callback: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.submit_register(nickname(name)?, self.callbacks.waiter(callback)?)
    }

    pub(super) fn register_as(&self, nickname: Nickname) -> Result<(), Error> {
        let (waiter, pending) = Waiter::pending(self.port.clone());
        self.submit_register(nickname, waiter)?;
        pending.wait()
    }

    fn submit_register(&self, nickname: Nickname, waiter: Waiter<()>) -> Result<(), Error> {
        let awaited = Awaited::Session(waiter);
        self.submit(awaited, |ticket| ClientCommand::Register { ticket, nickname })
    }

    /// Goes offline, and waits for the server. Messages then wait in the server's mailbox.
    ///
    /// # Errors
    /// [`Error::ServerNotResponding`] and [`Error::Closed`], with which it is offline all the same;
    /// [`Error::TooManyPending`].
    pub fn deregister(&self) -> Result<(), Error> {
        self.post_deregister()?.wait()
    }

    /// Goes offline as [`deregister`](Self::deregister) does, without waiting.
    ///
    /// # Errors
    /// [`Error::Closed`] at once, the other with the outcome.
    pub fn post_deregister(&self) -> Result<Pending<()>, Error> {
        let (waiter, pending) = Waiter::pending(self.port.clone());
        let awaited = Awaited::Session(waiter);
        self.submit(awaited, |ticket| ClientCommand::Deregister { ticket })?;
        Ok(pending)
    }

    /// Goes offline as [`deregister`](Self::deregister) does, without waiting; the callback is given
    /// the outcome, in order with the events.
    ///
    /// # Errors
    /// As [`post_deregister`](Self::post_deregister), and [`Error::TooManyPending`] at once while too
    /// many callbacks wait; the callback is not called then.
    pub fn post_deregister_then(
        &self,
        callback: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let awaited = Awaited::Session(self.callbacks.waiter(callback)?);
        self.submit(awaited, |ticket| ClientCommand::Deregister { ticket })
    }

    /// Sends a message, and waits for what becomes of it: 500 ms for the recipient's ack, then for
    /// the server.
    ///
    /// # Errors
    /// [`Error::Nickname`], [`Error::UnknownUser`], [`Error::NotRegistered`], [`Error::TooLong`],
    /// [`Error::TooManyPending`], [`Error::Refused`], [`Error::ServerNotResponding`],
    /// [`Error::Closed`].
    pub fn send(&self, recipient: &str, text: &str) -> Result<Delivery, Error> {
        self.post(recipient, text)?.wait()
    }

    /// Sends a message without waiting.
    ///
    /// Messages to one recipient come in the order in which they were posted, and each once, unless a
    /// program that speaks the classic dialect is in between. To such a recipient each is sent after
    /// the outcome of the one before.
    ///
    /// # Errors
    /// [`Error::Nickname`] and [`Error::Closed`] at once; the others of [`send`](Self::send) with the
    /// outcome.
    pub fn post(&self, recipient: &str, text: &str) -> Result<Pending<Delivery>, Error> {
        let (waiter, pending) = Waiter::pending(self.port.clone());
        self.submit_message(recipient, text, waiter)?;
        Ok(pending)
    }

    /// Sends a message without waiting; the callback is given what became of it, in order with the
    /// messages and events.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let server = superchat::Server::builder().directory(directory.path()).start()?;
    /// # let server = server.address().to_string();
    /// # let client = superchat::Client::builder("sonic").server(server).connect()?;
    /// let (sender, outcomes) = std::sync::mpsc::channel();
    /// client.post_then("sonic", "a word to myself", move |outcome| drop(sender.send(outcome)))?;
    /// assert_eq!(outcomes.recv()??, superchat::Delivery::Received);
    /// assert_eq!(client.stats().messages_received, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`post`](Self::post), and [`Error::TooManyPending`] at once while too many callbacks wait;
    /// the callback is not called then.
    pub fn post_then(
        &self,
        recipient: &str,
        text: &str,
        callback: impl FnOnce(Result<Delivery, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.submit_message(recipient, text, self.callbacks.waiter(callback)?)
    }

    fn submit_message(
        &self,
        recipient: &str,
        text: &str,
        waiter: Waiter<Delivery>,
    ) -> Result<(), Error> {
        let (recipient, text) = (nickname(recipient)?, text.to_owned());
        let awaited = Awaited::Message(waiter);
        self.submit(awaited, |ticket| ClientCommand::Send { ticket, recipient, text })
    }

    /// Gives the engine a command, whose outcome somebody awaits.
    fn submit(
        &self,
        awaited: Awaited,
        command: impl FnOnce(Ticket) -> ClientCommand,
    ) -> Result<(), Error> {
        match self.port.prepared(|outlet| command(outlet.awaits(awaited))) {
            true => Ok(()),
            false => Err(Error::Closed),
        }
    }

    /// Logs off and stops. What is pending fails with [`Error::Closed`]. A server that does not
    /// answer is waited for a second. Calling it again does nothing.
    pub fn close(&self) {
        self.port.command(ClientCommand::Close);
        self.threads.join();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
        // From inside a callback that did not wait for the others.
        self.dropped.store(true, Ordering::Release);
    }
}
