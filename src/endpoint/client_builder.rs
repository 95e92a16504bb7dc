//! How a client is set up and started.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::client_outlet::ClientOutlet;
use super::dispatcher::Scope;
use super::error::nickname;
use super::outbox::{Idle, Outbox};
use super::pending::Hasten as _;
use super::resolve::{default_host, resolve};
use super::threads::Threads;
use super::waiting::Callbacks;
use super::{Client, Error, Inbox, Incoming, MAX_TEXT, Message, dispatcher, log, random};
use crate::net::Driver;
use crate::proto::{self, ClientEvent};

type OnMessage = Box<dyn FnMut(Message) + Send>;
type OnEvent = Box<dyn FnMut(ClientEvent) + Send>;

/// How a [`Client`] is set up: made by [`Client::builder`].
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let server = superchat::Server::builder().directory(directory.path()).start()?;
/// # let server = server.address().to_string();
/// use superchat::{Client, ClientBuilder, ClientEvent};
///
/// let builder: ClientBuilder = Client::builder("sonic")
///     .server(server) // as "host:port"
///     .port(0) // any free one; bind() has the address as well
///     .register(false) // only when it is to be seen
///     .on_message(|message| println!("{}: {:?}", message.sender, message.text))
///     .on_event(|event| match event {
///         ClientEvent::Registered { nickname } => println!("online as {nickname}"),
///         ClientEvent::ServerLost => println!("the server does not answer"),
///         _ => {}
///     });
/// let client = builder.connect()?;
/// client.register("sonic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    nickname: String,
    server: String,
    bind: Option<String>,
    port: u16,
    register: bool,
    on_message: OnMessage,
    on_event: Option<OnEvent>,
    scope: Scope,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("ClientBuilder");
        fields.field("nickname", &self.nickname).field("server", &self.server);
        fields.finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(nickname: String) -> Self {
        Self {
            nickname,
            server: "localhost:5000".to_owned(),
            bind: None,
            port: 0,
            register: true,
            on_message: Box::new(|_| {}),
            on_event: None,
            scope: dispatcher::no_scope(),
        }
    }

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
        self.on_event = Some(Box::new(callback));
        self
    }

    /// What to do around callbacks that run one after the other.
    #[cfg(feature = "python")]
    pub(crate) fn around_callbacks(
        mut self,
        scope: impl FnMut(&mut dyn FnMut()) + Send + 'static,
    ) -> Self {
        self.scope = Box::new(scope);
        self
    }

    /// Starts the client and registers it.
    ///
    /// # Errors
    /// [`Error::Nickname`], [`Error::Address`], [`Error::Bind`], [`Error::Thread`], [`Error::Random`],
    /// and those of [`Client::register`].
    pub fn connect(mut self) -> Result<Client, Error> {
        let mut on_message = std::mem::replace(&mut self.on_message, Box::new(|_| {}));
        let on_event = self.on_event.take();
        let hears_events = on_event.is_some();
        let mut on_event = on_event.unwrap_or_else(|| Box::new(|_| {}));
        let scope = std::mem::replace(&mut self.scope, dispatcher::no_scope());
        let (client, ()) = self.start(hears_events, |threads, dropped, idle| {
            let (outbox, queue) = Outbox::new(log::incoming, idle, None);
            dispatcher::start(threads, queue, scope, move |incoming| match incoming {
                // It was dropped from inside a callback, and what the callbacks use may be gone.
                _ if dropped.load(Ordering::Acquire) => {}
                Incoming::Message(message) => on_message(message),
                Incoming::Event(event) => on_event(event),
            })?;
            Ok((outbox, ()))
        })?;
        Ok(client)
    }

    /// Starts the client and registers it. Messages and events come to the inbox; what was set by
    /// [`on_message`](Self::on_message) and [`on_event`](Self::on_event) is not called.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`Error::Descriptor`].
    pub fn connect_with_inbox(self) -> Result<(Client, Inbox<Incoming>), Error> {
        self.start(true, |_, _, idle| Inbox::new(log::incoming, idle))
    }

    /// Starts the client with an outbox for what comes, whose other end is `E`, and registers it. Somebody hears of
    /// events besides the log, or nobody.
    fn start<E>(
        self,
        hears_events: bool,
        ends: impl FnOnce(&Threads, Arc<AtomicBool>, Idle) -> Result<(Outbox<Incoming>, E), Error>,
    ) -> Result<(Client, E), Error> {
        let name = nickname(&self.nickname)?;
        let server = resolve(&self.server)?;
        let address = match self.bind {
            Some(bind) => resolve(&bind)?,
            None => SocketAddr::new(default_host(server), self.port),
        };
        let engine = proto::Client::new(server, name.clone(), random()?, MAX_TEXT);
        let driver =
            Driver::bind(address, engine).map_err(|reason| Error::Bind { address, reason })?;
        let port = driver.port();
        let span = tracing::info_span!("client", address = %port.address());
        let _entered = span.entered();
        let threads = Threads::default();
        let dropped = Arc::new(AtomicBool::new(false));
        let idle = {
            let port = Arc::clone(&port);
            // Whoever posts out of its callbacks has done so.
            Box::new(move || port.hasten())
        };
        let (outbox, end) = ends(&threads, Arc::clone(&dropped), idle)?;
        port.connect(ClientOutlet::new(outbox, hears_events, server));
        threads.spawn("client", move || driver.run())?;
        tracing::info!(%server, "started");
        let client = Client { port, threads, callbacks: Callbacks::default(), server, dropped };
        if self.register {
            client.register_as(name)?;
        }
        Ok((client, end))
    }
}
