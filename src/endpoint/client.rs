//! The public client.

use std::fmt;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dispatcher::Dispatcher;
use super::error::nickname;
use super::log;
use super::resolve::{default_host, resolve};
use super::threads::Threads;
use super::waiting::{Awaited, Call, Pending, Waiter, Waiting};
use super::{Error, MAX_TEXT, Message, User, random};
use crate::net::{Driver, Outlet, Port};
use crate::proto::{self, ClientCommand, ClientEmit, ClientEvent, Delivery, Stats, Ticket};
use crate::wire::Nickname;

type OnMessage = Box<dyn FnMut(Message) + Send>;
type OnEvent = Box<dyn FnMut(ClientEvent) + Send>;

/// How a [`Client`] is set up: made by [`Client::builder`].
#[must_use]
pub struct ClientBuilder {
    nickname: String,
    server: String,
    bind: Option<String>,
    port: u16,
    register: bool,
    on_message: OnMessage,
    on_event: OnEvent,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("ClientBuilder");
        fields.field("nickname", &self.nickname).field("server", &self.server);
        fields.finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// The server, as `host:port`; by default `localhost:5000`.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.server = address.into();
        self
    }

    /// Where to listen, as `host:port`. By default on the loopback interface if the server is
    /// there, and on all interfaces otherwise.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = Some(address.into());
        self
    }

    /// The port to listen at where [`bind`](Self::bind) does not say; by default any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Whether [`connect`](Self::connect) registers with the server, as it does by default, or
    /// leaves that to [`Client::register`].
    pub fn register(mut self, register: bool) -> Self {
        self.register = register;
        self
    }

    /// What to call with each message, on a thread of the client's own. The message is acknowledged
    /// when it is queued for this.
    pub fn on_message(mut self, callback: impl FnMut(Message) + Send + 'static) -> Self {
        self.on_message = Box::new(callback);
        self
    }

    /// What to call with each event, on the same thread, in order with the messages.
    pub fn on_event(mut self, callback: impl FnMut(ClientEvent) + Send + 'static) -> Self {
        self.on_event = Box::new(callback);
        self
    }

    /// Starts the client and registers it.
    ///
    /// # Errors
    /// [`Error::Nickname`], [`Error::Address`], [`Error::Bind`], [`Error::Thread`], [`Error::Random`],
    /// and those of [`Client::register`].
    pub fn connect(self) -> Result<Client, Error> {
        let Self { nickname: name, server, bind, port, register, mut on_message, mut on_event } =
            self;
        let name = nickname(&name)?;
        let server = resolve(&server)?;
        let address = match bind {
            Some(bind) => resolve(&bind)?,
            None => SocketAddr::new(default_host(server), port),
        };
        let engine = proto::Client::new(server, name.clone(), random()?, MAX_TEXT);
        let driver =
            Driver::bind(address, engine).map_err(|source| Error::Bind { address, source })?;
        let span = tracing::info_span!("client", address = %driver.port().address());
        let _entered = span.entered();
        let threads = Threads::default();
        let dropped = Arc::new(AtomicBool::new(false));
        let is_dropped = Arc::clone(&dropped);
        let dispatcher = Dispatcher::start(&threads, move |job| {
            if let Job::Event(event) = &job {
                log::client_event(event);
            }
            match job {
                Job::Outcome(tell) => tell(),
                // It was dropped from inside a callback, and what the callbacks use may be gone.
                _ if is_dropped.load(Ordering::Acquire) => {}
                Job::Message(message) => on_message(message),
                Job::Event(event) => on_event(event),
            }
        })?;
        let waiting = Arc::new(Waiting::default());
        let port = driver.port();
        let outlet = ClientOutlet { dispatcher, waiting: Arc::clone(&waiting), server };
        port.connect(Box::new(outlet));
        threads.spawn("client", move || driver.run())?;
        tracing::info!(%server, "started");
        let client = Client { port, threads, waiting, server, dropped };
        if register {
            client.register_as(name)?;
        }
        Ok(client)
    }
}

/// What the dispatcher's thread does.
enum Job {
    Message(Message),
    Event(ClientEvent),
    Outcome(Call),
}

struct ClientOutlet {
    dispatcher: Dispatcher<Job>,
    waiting: Arc<Waiting>,
    server: SocketAddr,
}

impl ClientOutlet {
    fn dispatch_call(&self, call: Option<Call>) {
        if let Some(call) = call {
            self.dispatcher.dispatch(Job::Outcome(call));
        }
    }
}

/// The driver has ended.
impl Drop for ClientOutlet {
    fn drop(&mut self) {
        for call in self.waiting.close() {
            self.dispatch_call(Some(call));
        }
    }
}

impl Outlet<ClientEmit> for ClientOutlet {
    fn has_room(&self) -> bool {
        self.dispatcher.has_room()
    }

    fn observe(&self, stats: &mut Stats) {
        stats.events_pending = self.dispatcher.len() as u64;
    }

    fn emit(&mut self, emit: ClientEmit) -> ControlFlow<()> {
        let error = |failure| Error::from_failure(failure, self.server);
        match emit {
            ClientEmit::Message(incoming) => {
                let bytes = incoming.text.len();
                self.dispatcher.dispatch_text(Job::Message(incoming.into()), bytes);
            }
            ClientEmit::Event(event) => self.dispatcher.dispatch(Job::Event(event)),
            ClientEmit::Sent(ticket, outcome) => {
                if let Some(Awaited::Message(waiter)) = self.waiting.take(ticket) {
                    self.dispatch_call(waiter.tell(outcome.map_err(error)));
                }
            }
            ClientEmit::Session(ticket, outcome) => {
                if let Some(Awaited::Session(waiter)) = self.waiting.take(ticket) {
                    self.dispatch_call(waiter.tell(outcome.map_err(error)));
                }
            }
            ClientEmit::Closed => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }
}

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
pub struct Client {
    port: Arc<Port<proto::Client>>,
    threads: Threads,
    waiting: Arc<Waiting>,
    server: SocketAddr,
    dropped: Arc<AtomicBool>,
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
        ClientBuilder {
            nickname: nickname.into(),
            server: "localhost:5000".to_owned(),
            bind: None,
            port: 0,
            register: true,
            on_message: Box::new(|_| {}),
            on_event: Box::new(|_| {}),
        }
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
        let (waiter, pending) = Waiter::thread();
        self.submit_register(nickname(name)?, waiter)?;
        Ok(pending)
    }

    /// Goes online as [`register`](Self::register) does, without waiting; the callback is given the
    /// outcome, in order with the events.
    ///
    /// # Errors
    /// As [`post_register`](Self::post_register), and [`Error::TooManyPending`] at once while too many
    /// callbacks wait; the callback is not called then.
    pub fn post_register_then(
        &self,
        name: &str,
        callback: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.submit_register(nickname(name)?, Waiter::callback(callback))
    }

    fn register_as(&self, nickname: Nickname) -> Result<(), Error> {
        let (waiter, pending) = Waiter::thread();
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
        let (waiter, pending) = Waiter::thread();
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
        let awaited = Awaited::Session(Waiter::callback(callback));
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
        let (waiter, pending) = Waiter::thread();
        self.submit_message(recipient, text, waiter)?;
        Ok(pending)
    }

    /// Sends a message without waiting; the callback is given what became of it, in order with the
    /// messages and events.
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
        self.submit_message(recipient, text, Waiter::callback(callback))
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
        let ticket = self.waiting.add(awaited)?;
        if self.port.command(command(ticket)) {
            return Ok(());
        }
        // Where the driver ended in between, whoever waits was told already.
        match self.waiting.take(ticket) {
            Some(_) => Err(Error::Closed),
            None => Ok(()),
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
