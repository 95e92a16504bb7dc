//! How a server is set up and started, and what becomes of what its engine emits.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Sender, unbounded};

use super::outbox::Outbox;
use super::resolve::resolve;
use super::storing::{StoreGauges, keep};
use super::threads::Threads;
use super::{Error, Inbox, Server, dispatcher, log, random};
use crate::net::{Driver, Later, Outlet, Port, local_stamp};
use crate::proto::{
    self, Limits, ServerCommand, ServerConfig, ServerEmit, ServerEvent, Stats, StoreRequest,
};
use crate::store::{FileStore, OpenError, Store, StoreLimits};

/// Store requests that wait: more than all that may be asked for at a time, and as much as is to be done
/// when everyone registers again.
const MAX_WAITING: usize = 131_072;

type Callback = Box<dyn FnMut(ServerEvent) + Send>;

/// How a [`Server`] is set up: made by [`Server::builder`].
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// use superchat::{Limits, Server, ServerBuilder, ServerEvent};
///
/// let mut limits = Limits::default();
/// limits.users = 30; // a classroom
/// let builder: ServerBuilder = Server::builder()
///     .bind("localhost:0")
///     .directory(directory)
///     .limits(limits)
///     .refuse_classic(true)
///     .on_event(|event| eprintln!("{event}"));
/// builder.start()?.stop();
///
/// // The events by an iterator, instead of a callback.
/// let (server, inbox) = Server::builder().directory(directory).start_with_inbox()?;
/// superchat::Client::builder("sonic").server(server.address().to_string()).connect()?.close();
/// server.stop();
/// assert!(inbox.into_iter().any(|event| matches!(event, ServerEvent::Online { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct ServerBuilder {
    bind: String,
    directory: PathBuf,
    refuse_classic: bool,
    limits: Limits,
    on_event: Option<Callback>,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("ServerBuilder");
        fields.field("bind", &self.bind).field("directory", &self.directory);
        fields.finish_non_exhaustive()
    }
}

impl ServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            bind: "localhost:0".to_owned(),
            directory: PathBuf::from("."),
            refuse_classic: false,
            limits: Limits::default(),
            on_event: None,
        }
    }

    /// Where to listen, as `host:port`; by default any free port of `localhost`.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// Where to keep the mailboxes; by default the current directory. It must exist.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = path.into();
        self
    }

    /// Whether to refuse clients that speak the classic dialect, as the programs of 2017 do; by default
    /// they are served. Their messages have no numbers: what they send or get may come twice.
    pub fn refuse_classic(mut self, refuse: bool) -> Self {
        self.refuse_classic = refuse;
        self
    }

    /// How much of everything to take; by default as [`Limits::default`] says.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What to call with each event, on a thread of the server's own.
    pub fn on_event(mut self, callback: impl FnMut(ServerEvent) + Send + 'static) -> Self {
        self.on_event = Some(Box::new(callback));
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::Address`], [`Error::Bind`], [`Error::Directory`],
    /// [`Error::DirectoryInUse`], [`Error::Thread`], [`Error::Random`].
    pub fn start(mut self) -> Result<Server, Error> {
        let on_event = self.on_event.take();
        let (server, ()) = self.start_with(on_event.is_some(), |threads, dropped| {
            let (outbox, queue) = Outbox::new(log::server_event, Box::new(|| {}), None);
            let mut on_event = on_event.unwrap_or_else(|| Box::new(|_| {}));
            dispatcher::start(threads, queue, dispatcher::no_scope(), move |event| {
                // If it was dropped from inside a callback, what the callback uses may be gone.
                if !dropped.load(Ordering::Acquire) {
                    on_event(event);
                }
            })?;
            Ok((outbox, ()))
        })?;
        Ok(server)
    }

    /// Starts the server. Its events come to the inbox; what was set by [`on_event`](Self::on_event) is
    /// not called. While 1024 wait, nothing that leads to more is answered; once the inbox is dropped,
    /// they go nowhere.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), and [`Error::Descriptor`].
    pub fn start_with_inbox(self) -> Result<(Server, Inbox<ServerEvent>), Error> {
        self.start_with(true, |_, _| Inbox::new(log::server_event, Box::new(|| {})))
    }

    /// Starts the server with an outbox for its events, which somebody hears besides the log or not, and whose other
    /// end is `E`.
    fn start_with<E>(
        self,
        hears_events: bool,
        ends: impl FnOnce(&Threads, Arc<AtomicBool>) -> Result<(Outbox<ServerEvent>, E), Error>,
    ) -> Result<(Server, E), Error> {
        let Self { bind, directory, refuse_classic, limits, on_event: _ } = self;
        limits.check()?;
        let address = resolve(&bind)?;
        let config = ServerConfig { limits, refuse_classic, local_time: local_stamp };
        let seed = [random()?, random()?, random()?];
        let driver = Driver::bind(address, proto::Server::new(config, seed))
            .map_err(|reason| Error::Bind { address, reason })?;
        let port = driver.port();
        let span = tracing::info_span!("server", address = %port.address());
        let _entered = span.entered();
        let store =
            FileStore::open(&directory, of_store(&limits)).map_err(|error| match error {
                OpenError::Io(reason) => Error::Directory { path: directory.clone(), reason },
                OpenError::InUse => Error::DirectoryInUse { path: directory.clone() },
            })?;
        let users = store.users();
        let threads = Threads::default();
        let (requests, waiting) = unbounded();
        let dropped = Arc::new(AtomicBool::new(false));
        let (outbox, end) = ends(&threads, Arc::clone(&dropped))?;
        let gauges = Arc::new(StoreGauges::default());
        threads.spawn("store", {
            let (port, gauges) = (Arc::clone(&port), Arc::clone(&gauges));
            move || keep(store, &waiting, &port, &gauges)
        })?;
        let outlet = ServerOutlet {
            outbox,
            hears_events,
            asked: Vec::new(),
            requests,
            gauges: Arc::clone(&gauges),
        };
        port.connect(outlet);
        port.command(ServerCommand::Known(users));
        threads.spawn("server", move || driver.run())?;
        tracing::info!(directory = %directory.display(), "serving");
        Ok((Server { port, limits, threads, gauges, dropped }, end))
    }
}

/// Those of the limits that the store keeps.
fn of_store(limits: &Limits) -> StoreLimits {
    StoreLimits {
        mailboxes: limits.mailboxes,
        mailbox_bytes: limits.mailbox_bytes,
        mailbox_messages: limits.mailbox_messages,
        store_bytes: limits.store_bytes,
    }
}

/// What is shared by a server's threads.
pub(super) type ServerPort = Port<proto::Server, ServerOutlet>;

/// The requests' channel has no bound of its own: past [`MAX_WAITING`] nothing is taken that leads to more,
/// but for what users who are online have under way.
pub(super) struct ServerOutlet {
    outbox: Outbox<ServerEvent>,
    hears_events: bool,
    /// For the store's thread, which is woken once for all that has come together: woken amid that, it would take
    /// the core, and do a little at a time.
    asked: Vec<StoreRequest>,
    requests: Sender<StoreRequest>,
    gauges: Arc<StoreGauges>,
}

impl Outlet<ServerEmit> for ServerOutlet {
    fn has_room(&self) -> bool {
        self.outbox.has_room() && self.requests.len() + self.asked.len() < MAX_WAITING
    }

    fn observe(&self, stats: &mut Stats) {
        stats.events_pending = self.outbox.len() as u64;
    }

    fn emit(&mut self, emit: ServerEmit, _: &mut Vec<Later>) -> ControlFlow<()> {
        match emit {
            ServerEmit::Event(event) => self.outbox.put_event(event, self.hears_events),
            ServerEmit::Store(request) => {
                self.gauges.pending.fetch_add(1, Ordering::Relaxed);
                self.asked.push(request);
            }
            ServerEmit::Stopped => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn flush(&mut self, later: &mut Vec<Later>) {
        self.outbox.flush(later);
    }

    fn finish(&mut self) {
        for request in self.asked.drain(..) {
            // It fails only if the thread is gone; then nothing is called stored.
            let _ = self.requests.send(request);
        }
    }
}
