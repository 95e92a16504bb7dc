//! The loop around an engine. What may run code of the program's (a subscriber of what is logged, a waker of
//! a future) is called with no lock held, so that it may call the endpoint.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use tracing::{Level, debug, enabled, error, info};

use super::clock::Clock;
use super::later::Later;
use crate::proto::{Engine, Input, Instant, Output, Stats};

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// The longest UDP datagram: none is cut when it is received.
const MAX_UDP: usize = 65_536;

/// Datagrams that are taken before the timers are looked at again.
const BURST: usize = 64;

/// What an endpoint does with what its engine emits.
pub(crate) trait Outlet<E>: Send {
    /// Whether the application can take one more event.
    fn has_room(&self) -> bool;

    /// Writes down how much waits in it.
    fn observe(&self, stats: &mut Stats);

    /// Passes something on; a break ends the driver. It must not block, nor call the endpoint: who is to
    /// be woken, and what is to be dropped, is added to `later`.
    fn emit(&mut self, emit: E, later: &mut Vec<Later>) -> ControlFlow<()>;
}

struct Core<E: Engine> {
    engine: E,
    outlet: Option<Box<dyn Outlet<E::Emit>>>,
    /// When the driver's thread will look at the timers by itself.
    wakes_at: Option<Instant>,
}

/// One endpoint's engine and socket, for any thread to use.
pub(crate) struct Port<E: Engine> {
    core: Mutex<Core<E>>,
    socket: UdpSocket,
    address: SocketAddr,
    waker: Waker,
    clock: Clock,
    send_failures: AtomicU64,
    ended: AtomicBool,
}

/// A datagram that the operating system would not take.
struct Unsent {
    to: SocketAddr,
    error: io::Error,
}

/// What is left of an input, for when the lock is released.
#[must_use]
#[derive(Default)]
struct Rest {
    /// The last of the datagrams that could not be sent.
    unsent: Option<Unsent>,
    later: Vec<Later>,
}

impl Rest {
    fn finish(self) {
        if let Some(Unsent { to, error }) = self.unsent {
            debug!(%to, %error, "cannot send");
        }
        self.later.into_iter().for_each(Later::run);
    }
}

/// The receiving half of an endpoint: what its thread runs.
pub(crate) struct Driver<E: Engine> {
    port: Arc<Port<E>>,
    poll: Poll,
}

impl<E: Engine> Driver<E> {
    /// Binds a socket and puts an engine behind it.
    pub(crate) fn bind(address: SocketAddr, engine: E) -> io::Result<Self> {
        let mut socket = UdpSocket::bind(address)?;
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
        let port = Port {
            core: Mutex::new(Core { engine, outlet: None, wakes_at: None }),
            address: socket.local_addr()?,
            socket,
            waker: Waker::new(poll.registry(), WAKER)?,
            clock: Clock::start(),
            send_failures: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        Ok(Self { port: Arc::new(port), poll })
    }

    /// The half that other threads use.
    pub(crate) fn port(&self) -> Arc<Port<E>> {
        Arc::clone(&self.port)
    }

    /// Runs until the outlet breaks off.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(2);
        let mut buffer = vec![0; MAX_UDP];
        while !self.port.ended.load(Ordering::Acquire) {
            let more = self.port.receive(&mut buffer);
            let timeout = if more { Some(Duration::ZERO) } else { self.port.sleep_time() };
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    error!(%error, "nothing more can come in");
                    break;
                }
            }
        }
        // It tells everyone who waits: with the lock released.
        let outlet = self.port.lock().outlet.take();
        drop(outlet);
        info!("ended");
    }
}

impl<E: Engine> Port<E> {
    /// Where the socket is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says where the engine's emissions go. Before that there are none.
    pub(crate) fn connect(&self, outlet: Box<dyn Outlet<E::Emit>>) {
        self.lock().outlet = Some(outlet);
    }

    /// Gives the engine a command, and does what it leads to. `false` once the driver has ended:
    /// nothing will come of it.
    pub(crate) fn command(&self, command: E::Command) -> bool {
        let mut core = self.lock();
        if core.outlet.is_none() {
            return false;
        }
        let rest = self.handle(&mut core, Input::Command(command));
        // Where the driver sleeps past the new deadline, it must hear of it.
        let earlier = match (core.engine.deadline(), core.wakes_at) {
            (Some(deadline), Some(wakes_at)) => deadline < wakes_at,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        };
        drop(core);
        rest.finish();
        if earlier {
            self.wake();
        }
        true
    }

    /// Looks at the engine.
    pub(crate) fn query<R>(&self, look: impl FnOnce(&E) -> R) -> R {
        look(&self.lock().engine)
    }

    /// What the engine, the outlet and the socket have counted and hold.
    pub(crate) fn stats(&self) -> Stats {
        let core = self.lock();
        let mut stats = core.engine.stats();
        if let Some(outlet) = &core.outlet {
            outlet.observe(&mut stats);
        }
        stats.send_failures = self.send_failures.load(Ordering::Relaxed);
        stats
    }

    fn wake(&self) {
        // It fails only when the poll is gone, and with it the thread to wake.
        let _ = self.waker.wake();
    }

    /// An engine is left in a sound state by whatever it was doing: a panic elsewhere is no reason
    /// to stop serving.
    fn lock(&self) -> MutexGuard<'_, Core<E>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the engine an input and does what it wants.
    fn handle(&self, core: &mut Core<E>, input: Input<'_, E::Command>) -> Rest {
        let mut rest = Rest::default();
        core.engine.handle(self.clock.now(), input);
        while let Some(output) = core.engine.poll_output() {
            match output {
                Output::Transmit { to, payload } => {
                    // As good as lost on the way: what matters is sent again.
                    if let Err(error) = self.socket.send_to(&payload, to) {
                        self.send_failures.fetch_add(1, Ordering::Relaxed);
                        rest.unsent = Some(Unsent { to, error });
                    }
                }
                Output::Emit(emit) => {
                    let outlet = core.outlet.as_mut();
                    let flow = outlet.map(|outlet| outlet.emit(emit, &mut rest.later));
                    if flow.is_some_and(|flow| flow.is_break()) {
                        self.ended.store(true, Ordering::Release);
                        self.wake();
                    }
                }
            }
        }
        rest
    }

    /// Takes what has come, up to a burst. Whether there may be more.
    fn receive(&self, buffer: &mut [u8]) -> bool {
        for _ in 0..BURST {
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    let payload = buffer.get(..length).unwrap_or_default();
                    let mut core = self.lock();
                    let room = core.outlet.as_ref().is_some_and(|outlet| outlet.has_room());
                    let before = enabled!(Level::DEBUG).then(|| core.engine.counters());
                    let rest = self.handle(&mut core, Input::Datagram { from, payload, room });
                    let rejected =
                        before.and_then(|before| core.engine.counters().rejected_since(&before));
                    drop(core);
                    if let Some(reason) = rejected {
                        debug!(%from, length, reason, "rejected a datagram");
                    }
                    rest.finish();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // Of an earlier datagram (a port that is closed), or an interruption.
                Err(_) => {}
            }
        }
        true
    }

    /// Handles the deadline if it is due. How long nothing is due from now on.
    fn sleep_time(&self) -> Option<Duration> {
        let mut core = self.lock();
        let mut now = self.clock.now().at;
        let mut rest = Rest::default();
        if core.engine.deadline().is_some_and(|deadline| deadline <= now) {
            rest = self.handle(&mut core, Input::Deadline);
            now = self.clock.now().at;
        }
        core.wakes_at = core.engine.deadline();
        let sleep_time = core.wakes_at.map(|deadline| deadline - now);
        drop(core);
        rest.finish();
        sleep_time
    }
}
