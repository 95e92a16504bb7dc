//! The public server.

use std::fmt;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use super::dispatcher::Dispatcher;
use super::log;
use super::resolve::resolve;
use super::threads::Threads;
use super::{Error, User, random};
use crate::net::{Driver, Outlet, Port, local_stamp};
use crate::proto::{
    self, Limits, ServerCommand, ServerConfig, ServerEmit, ServerEvent, Stats, StoreAnswer,
    StoreRequest,
};
use crate::store::{FileStore, OpenError, Store, StoreFigures, StoreLimits};

/// How long the files of the mailboxes may take to follow the journal when the server stops. What is
/// left is done at the next start.
const SETTLING: Duration = Duration::from_secs(1);

/// How often the store's figures are looked at while it does what can wait: that looks at each mailbox.
const FIGURES: Duration = Duration::from_millis(100);

/// Store requests that are carried out, and synced, together.
const COMMIT: usize = 1024;

/// Store requests that wait: more than all that may be asked for at a time, and as much as is to be done
/// when everyone registers again.
const MAX_WAITING: usize = 131_072;

type Callback = Box<dyn FnMut(ServerEvent) + Send>;

/// How a [`Server`] is set up: made by [`Server::builder`].
#[must_use]
pub struct ServerBuilder {
    bind: String,
    directory: PathBuf,
    refuse_classic: bool,
    limits: Limits,
    on_event: Callback,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("ServerBuilder");
        fields.field("bind", &self.bind).field("directory", &self.directory);
        fields.finish_non_exhaustive()
    }
}

impl ServerBuilder {
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
        self.on_event = Box::new(callback);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::Address`], [`Error::Bind`], [`Error::Directory`],
    /// [`Error::DirectoryInUse`], [`Error::Thread`], [`Error::Random`].
    pub fn start(self) -> Result<Server, Error> {
        let Self { bind, directory, refuse_classic, limits, mut on_event } = self;
        limits.check()?;
        let address = resolve(&bind)?;
        let config = ServerConfig { limits, refuse_classic, local_time: local_stamp };
        let seed = [random()?, random()?, random()?];
        let driver = Driver::bind(address, proto::Server::new(config, seed))
            .map_err(|source| Error::Bind { address, source })?;
        let span = tracing::info_span!("server", address = %driver.port().address());
        let _entered = span.entered();
        let store =
            FileStore::open(&directory, of_store(&limits)).map_err(|error| match error {
                OpenError::Io(source) => Error::Directory { path: directory.clone(), source },
                OpenError::InUse => Error::DirectoryInUse { path: directory.clone() },
            })?;
        let users = store.users();
        let threads = Threads::default();
        let port = driver.port();
        let (requests, waiting) = unbounded();
        let dropped = Arc::new(AtomicBool::new(false));
        let is_dropped = Arc::clone(&dropped);
        let dispatcher = Dispatcher::start(&threads, move |event| {
            log::server_event(&event);
            // If it was dropped from inside a callback, what the callback uses may be gone.
            if !is_dropped.load(Ordering::Acquire) {
                on_event(event);
            }
        })?;
        let gauges = Arc::new(StoreGauges::default());
        threads.spawn("store", {
            let (port, gauges) = (Arc::clone(&port), Arc::clone(&gauges));
            move || keep(store, &waiting, &port, &gauges)
        })?;
        let outlet = ServerOutlet { dispatcher, requests, gauges: Arc::clone(&gauges) };
        port.connect(Box::new(outlet));
        port.command(ServerCommand::Known(users));
        threads.spawn("server", move || driver.run())?;
        tracing::info!(directory = %directory.display(), "serving");
        Ok(Server { port, limits, threads, gauges, dropped })
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

/// How things stand with the store, for who asks on another thread.
#[derive(Debug, Default)]
struct StoreGauges {
    /// Requests that are not carried out.
    pending: AtomicU64,
    figures: Mutex<StoreFigures>,
}

impl StoreGauges {
    fn publish(&self, store: &impl Store) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = store.figures();
    }

    fn observe(&self, stats: &mut Stats) {
        let figures = *self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        stats.store_requests_pending = self.pending.load(Ordering::Relaxed);
        stats.commits = figures.commits;
        stats.mailboxes = figures.mailboxes;
        stats.stored_bytes = figures.bytes;
        stats.journal_bytes = figures.journal_bytes;
        stats.unsettled = figures.unsettled;
    }
}

/// Carries out store requests until there will be no more. In between, the store does what can wait.
fn keep(
    mut store: impl Store,
    requests: &Receiver<StoreRequest>,
    port: &Port<proto::Server>,
    gauges: &StoreGauges,
) {
    gauges.publish(&store);
    let mut published = Instant::now();
    let tell = |answers: Vec<StoreAnswer>| {
        for answer in answers {
            log::store_answer(&answer);
            port.command(ServerCommand::Store(answer));
        }
    };
    loop {
        let first = match requests.try_recv() {
            Ok(first) => first,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                if let Some(answers) = store.tend() {
                    if published.elapsed() >= FIGURES {
                        gauges.publish(&store);
                        published = Instant::now();
                    }
                    tell(answers);
                    continue;
                }
                gauges.publish(&store);
                let Ok(first) = requests.recv() else { break };
                first
            }
        };
        let batch: Vec<_> =
            std::iter::once(first).chain(requests.try_iter()).take(COMMIT).collect();
        let count = batch.len() as u64;
        let answers = store.apply(batch);
        gauges.pending.fetch_sub(count, Ordering::Relaxed);
        gauges.publish(&store);
        tell(answers);
        while store.is_behind()
            && let Some(answers) = store.tend()
        {
            tell(answers);
        }
    }
    let end = Instant::now() + SETTLING;
    while Instant::now() < end && store.tend().is_some() {}
    gauges.publish(&store);
}

/// The requests' channel has no bound of its own: past [`MAX_WAITING`] nothing is taken that leads to more,
/// but for what users who are online have under way.
struct ServerOutlet {
    dispatcher: Dispatcher<ServerEvent>,
    requests: Sender<StoreRequest>,
    gauges: Arc<StoreGauges>,
}

impl Outlet<ServerEmit> for ServerOutlet {
    fn has_room(&self) -> bool {
        self.dispatcher.has_room() && self.requests.len() < MAX_WAITING
    }

    fn observe(&self, stats: &mut Stats) {
        stats.events_pending = self.dispatcher.len() as u64;
    }

    fn emit(&mut self, emit: ServerEmit) -> ControlFlow<()> {
        match emit {
            ServerEmit::Event(event) => self.dispatcher.dispatch(event),
            ServerEmit::Store(request) => {
                self.gauges.pending.fetch_add(1, Ordering::Relaxed);
                // It fails only if the thread is gone; then nothing is called stored.
                let _ = self.requests.send(request);
            }
            ServerEmit::Stopped => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }
}

/// A running server: it keeps who is online where, and stores what cannot be delivered now.
///
/// It serves on threads of its own until [`stop`](Self::stop), or until it is dropped.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let server = superchat::Server::builder()
///     .bind("localhost:0")
///     .directory(directory.path())
///     .on_event(|event| eprintln!("{event}"))
///     .start()?;
/// assert!(server.users().is_empty());
/// server.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    port: Arc<Port<proto::Server>>,
    limits: Limits,
    threads: Threads,
    gauges: Arc<StoreGauges>,
    dropped: Arc<AtomicBool>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Server {
    /// A server with everything at its default.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            bind: "localhost:0".to_owned(),
            directory: PathBuf::from("."),
            refuse_classic: false,
            limits: Limits::default(),
            on_event: Box::new(|_| {}),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What it was started with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Everyone who registered, online or not, by nickname.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.port.query(|engine| engine.users().map(User::from).collect())
    }

    /// What it has counted since the start, and how things stand now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.port.stats();
        self.gauges.observe(&mut stats);
        stats
    }

    /// Tells everyone online that the server is down, waits a second at the most for their acks,
    /// and stops. Calling it again does nothing.
    pub fn stop(&self) {
        self.port.command(ServerCommand::Stop);
        self.threads.join();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // From inside a callback that did not wait for the others.
        self.dropped.store(true, Ordering::Release);
    }
}
