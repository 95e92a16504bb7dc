//! The loop around an engine. What may run code of the program's (a subscriber of what is logged, a waker of
//! a future) is called with no lock held, so that it may call the endpoint.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{self, Duration};

use mio::{Events, Poll, Token, Waker};
use tracing::{Level, debug, enabled, error, info};

use super::clock::Clock;
use super::later::Later;
use super::outgoing::{Outgoing, Unsent};
use super::socket::{Batch, Socket};
use crate::proto::{Engine, Input, Instant, Now, Output, Stats};

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// Where something came so soon after what came before, more is likely to.
const LIKELY: Duration = Duration::from_micros(100);

/// How long it is looked for before the thread sleeps: about what it takes to wake it.
const LOOKING: Duration = Duration::from_micros(50);

/// Where others keep the core for as long as this when it is offered to them, they have work for it: a scheduler
/// that is offered it again and again gives it back late.
const WANTED: Duration = Duration::from_micros(500);

/// How long it is left to them then.
const MODEST: Duration = Duration::from_millis(100);

/// How exactly the system's poll keeps time.
const GRAIN: Duration = Duration::from_millis(1);

/// How long more short deadlines are expected after one.
const QUICK: Duration = Duration::from_millis(10);

/// What an endpoint does with what its engine emits.
pub(crate) trait Outlet<E>: Send {
    /// Whether the application can take one more event.
    fn has_room(&self) -> bool;

    /// Writes down how much waits in it.
    fn observe(&self, stats: &mut Stats);

    /// Passes something on; a break ends the driver. It must not block, nor call the endpoint: who is to
    /// be woken, and what is to be dropped, is added to `later`.
    fn emit(&mut self, emit: E, later: &mut Vec<Later>) -> ControlFlow<()>;

    /// Lets the application have what was passed on since the last time.
    fn flush(&mut self, later: &mut Vec<Later>);

    /// All that came together was passed on: what is better done together is done now.
    fn finish(&mut self) {}
}

struct Core<E, O> {
    engine: E,
    outlet: Option<O>,
    /// Until the driver ends: whoever holds on to an endpoint that is closed does not keep its port.
    socket: Option<Arc<Socket>>,
    outgoing: Outgoing,
    /// When the driver's thread will look at the timers by itself.
    wakes_at: Option<Instant>,
    /// Until when it looks at them each [`GRAIN`], so that commands do not have to wake it.
    quick_until: Instant,
}

impl<E: Engine, O: Outlet<E::Emit>> Core<E, O> {
    /// Where the deadline is short, more of them are expected.
    fn note_deadline(&mut self, now: Instant, deadline: Instant) {
        if deadline <= now + GRAIN {
            self.quick_until = now + QUICK;
        }
    }

    /// Lets the application have what the engine has emitted.
    fn pass_on(&mut self, rest: &mut Rest) {
        if let Some(outlet) = &mut self.outlet {
            outlet.flush(&mut rest.later);
        }
    }

    /// Whether the driver sleeps past the deadline, so that it must hear of it. It is asked before it is woken.
    fn wakes_too_late(&mut self, now: Instant) -> bool {
        if self.wakes_at.is_some_and(|wakes_at| wakes_at <= now + GRAIN) {
            // It keeps any: which, need not be found out for each command.
            return false;
        }
        let Some(deadline) = self.engine.deadline() else { return false };
        self.note_deadline(now, deadline);
        let too_late = self.wakes_at.is_none_or(|wakes_at| deadline + GRAIN < wakes_at);
        if too_late {
            // It is not woken twice.
            self.wakes_at = Some(deadline);
        }
        too_late
    }
}

/// One endpoint's engine and socket, for any thread to use.
pub(crate) struct Port<E, O> {
    core: Mutex<Core<E, O>>,
    address: SocketAddr,
    waker: Waker,
    clock: Clock,
    send_failures: AtomicU64,
    /// The engine holds something back: to be looked at without the lock.
    holds_back: AtomicBool,
    ended: AtomicBool,
}

/// A datagram that was not believed.
struct Rejected {
    from: SocketAddr,
    length: usize,
    reason: &'static str,
}

/// What is left of an input, for when the lock is released.
#[must_use]
#[derive(Default)]
struct Rest {
    /// The last of the datagrams that could not be sent.
    unsent: Option<Unsent>,
    /// Datagrams that were not believed, if somebody wants to know.
    rejected: Vec<Rejected>,
    later: Vec<Later>,
}

impl Rest {
    fn finish(self) {
        if let Some(Unsent { to, error, .. }) = self.unsent {
            debug!(%to, %error, "cannot send");
        }
        for Rejected { from, length, reason } in self.rejected {
            debug!(%from, length, reason, "rejected a datagram");
        }
        self.later.into_iter().for_each(Later::run);
    }
}

/// The receiving half of an endpoint: what its thread runs.
pub(crate) struct Driver<E, O> {
    port: Arc<Port<E, O>>,
    socket: Arc<Socket>,
    poll: Poll,
}

impl<E: Engine, O: Outlet<E::Emit>> Driver<E, O> {
    /// Binds a socket and puts an engine behind it.
    pub(crate) fn bind(address: SocketAddr, engine: E) -> io::Result<Self> {
        let mut socket = Socket::bind(address)?;
        let poll = Poll::new()?;
        socket.register(poll.registry(), SOCKET)?;
        let socket = Arc::new(socket);
        let core = Core {
            engine,
            outlet: None,
            socket: Some(Arc::clone(&socket)),
            outgoing: Outgoing::default(),
            wakes_at: None,
            quick_until: Instant::ZERO,
        };
        let port = Port {
            core: Mutex::new(core),
            address: socket.local_addr()?,
            waker: Waker::new(poll.registry(), WAKER)?,
            clock: Clock::start(),
            send_failures: AtomicU64::new(0),
            holds_back: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        };
        Ok(Self { port: Arc::new(port), socket, poll })
    }

    /// The half that other threads use.
    pub(crate) fn port(&self) -> Arc<Port<E, O>> {
        Arc::clone(&self.port)
    }

    /// Runs until the outlet breaks off.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(2);
        let mut batch = Batch::new();
        let mut busy = Busy::new();
        while !self.port.ended.load(Ordering::Acquire) {
            let looks_again = match self.port.receive(&self.socket, &mut batch) {
                Came::Nothing => busy.looks_again(),
                Came::One => {
                    busy.received();
                    // Whom it has woken has the core before more is looked for.
                    busy.offer_core();
                    true
                }
                Came::Several => {
                    busy.received();
                    true
                }
            };
            if looks_again {
                continue;
            }
            match self.poll.poll(&mut events, self.port.sleep_time()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    error!(%error, "nothing more can come in");
                    break;
                }
            }
        }
        let mut core = self.port.lock();
        core.socket = None;
        let outlet = core.outlet.take();
        drop(core);
        drop(self.socket);
        // It tells everyone who waits: with the lock released.
        drop(outlet);
        info!("ended");
    }
}

/// How many trains a look at the socket gave.
enum Came {
    Nothing,
    One,
    /// Or an error of an earlier datagram: it says nothing of what there is.
    Several,
}

/// Whether more is likely to come so soon that sleeping, and being woken, takes longer.
///
/// The invariants: who is sent something now and then never looks twice; and where others have work for the core,
/// nobody does.
struct Busy {
    last: time::Instant,
    likely: bool,
    /// Until when the core is left to others.
    modest_until: time::Instant,
}

impl Busy {
    fn new() -> Self {
        let now = time::Instant::now();
        Self { last: now, likely: false, modest_until: now }
    }

    fn received(&mut self) {
        let now = time::Instant::now();
        self.likely = now.duration_since(self.last) < LIKELY && now >= self.modest_until;
        self.last = now;
    }

    /// Whether to look again. Others who want the core have had it by then.
    fn looks_again(&mut self) -> bool {
        let looks_again = self.likely && self.last.elapsed() < LOOKING;
        if looks_again {
            self.offer_core();
        }
        looks_again
    }

    /// Lets others have the core who want it, if more is likely to come, so that it is not slept until then.
    fn offer_core(&mut self) {
        if !self.likely {
            return;
        }
        let before = time::Instant::now();
        thread::yield_now();
        let after = time::Instant::now();
        if after.duration_since(before) > WANTED {
            (self.likely, self.modest_until) = (false, after + MODEST);
        }
    }
}

impl<E: Engine, O: Outlet<E::Emit>> Port<E, O> {
    /// Where the socket is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says where the engine's emissions go. Before that there are none.
    pub(crate) fn connect(&self, outlet: O) {
        self.lock().outlet = Some(outlet);
    }

    /// Gives the engine a command, and does what it leads to. `false` once the driver has ended:
    /// nothing will come of it.
    pub(crate) fn command(&self, command: E::Command) -> bool {
        self.commands([command])
    }

    /// Gives the engine several commands, and then does what they lead to together.
    pub(crate) fn commands(&self, commands: impl IntoIterator<Item = E::Command>) -> bool {
        self.give(|core, now, rest| {
            for command in commands {
                core.engine.take(now, Input::Command(command));
                self.drain(core, rest);
            }
        })
    }

    /// Gives the engine a command for whose outcome the outlet has been prepared.
    pub(crate) fn prepared(&self, prepare: impl FnOnce(&mut O) -> E::Command) -> bool {
        self.give(|core, now, rest| {
            if let Some(outlet) = &mut core.outlet {
                core.engine.take(now, Input::Command(prepare(outlet)));
                self.drain(core, rest);
            }
        })
    }

    /// Gives the engine something, unless the driver has ended, and does what that leads to. What is not given is
    /// dropped with the lock released: it may be the program's.
    fn give(&self, give: impl FnOnce(&mut Core<E, O>, Now, &mut Rest)) -> bool {
        let mut core = self.lock();
        if core.outlet.is_none() {
            drop(core);
            return false;
        }
        let (now, mut rest) = (self.clock.now(), Rest::default());
        give(&mut core, now, &mut rest);
        core.engine.flush(now);
        self.drain(&mut core, &mut rest);
        self.finish(&mut core, &mut rest);
        let earlier = core.wakes_too_late(now.at);
        drop(core);
        rest.finish();
        if earlier {
            self.wake();
        }
        true
    }

    /// Whether the engine holds something back of what it was given before on this thread.
    pub(crate) fn holds_back(&self) -> bool {
        self.holds_back.load(Ordering::Relaxed)
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
    fn lock(&self) -> MutexGuard<'_, Core<E, O>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the engine an input, does what is due, and what it wants.
    fn handle(&self, core: &mut Core<E, O>, now: Now, input: Input<'_, E::Command>) -> Rest {
        let mut rest = Rest::default();
        core.engine.handle(now, input);
        self.drain(core, &mut rest);
        self.finish(core, &mut rest);
        rest
    }

    /// Takes what the engine wants.
    fn drain(&self, core: &mut Core<E, O>, rest: &mut Rest) {
        while let Some(output) = core.engine.poll_output() {
            match output {
                Output::Transmit { to, payload } => {
                    if let Some(socket) = &core.socket {
                        let sent = core.outgoing.push(socket, to, &payload);
                        self.note(sent, rest);
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
    }

    /// Does together what several inputs have led to. First what is to be sent: whoever is woken may want this core.
    fn finish(&self, core: &mut Core<E, O>, rest: &mut Rest) {
        if let Some(socket) = &core.socket {
            let sent = core.outgoing.send(socket);
            self.note(sent, rest);
        }
        core.pass_on(rest);
        if let Some(outlet) = &mut core.outlet {
            outlet.finish();
        }
        self.holds_back.store(core.engine.holds_back(), Ordering::Relaxed);
    }

    /// What was not sent is as good as lost on the way: what matters is sent again.
    fn note(&self, sent: Result<(), Unsent>, rest: &mut Rest) {
        if let Err(unsent) = sent {
            self.send_failures.fetch_add(unsent.count as u64, Ordering::Relaxed);
            rest.unsent = Some(unsent);
        }
    }

    /// Takes what has come, up to a batch, and then does what is due for all of it.
    fn receive(&self, socket: &Socket, batch: &mut Batch) -> Came {
        let trains = match socket.receive(batch) {
            Ok(trains) => trains,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Came::Nothing,
            Err(_) => return Came::Several,
        };
        let came = if trains.len() == 1 { Came::One } else { Came::Several };
        for train in trains {
            // Others have their turn between one sender's datagrams and the next's.
            let mut core = self.lock();
            let (now, mut rest) = (self.clock.now(), Rest::default());
            // What came with the train before. That of the last one goes after the acks: see `finish`.
            core.pass_on(&mut rest);
            for payload in train.datagrams() {
                self.take(&mut core, now, train.from, payload, &mut rest);
            }
            drop(core);
            rest.finish();
        }
        self.flush().finish();
        came
    }

    /// Gives the engine a datagram.
    fn take(
        &self,
        core: &mut Core<E, O>,
        now: Now,
        from: SocketAddr,
        payload: &[u8],
        rest: &mut Rest,
    ) {
        let room = core.outlet.as_ref().is_some_and(|outlet| outlet.has_room());
        let before = enabled!(Level::DEBUG).then(|| core.engine.counters());
        core.engine.take(now, Input::Datagram { from, payload, room });
        self.drain(core, rest);
        let reason = before.and_then(|before| core.engine.counters().rejected_since(&before));
        if let Some(reason) = reason {
            rest.rejected.push(Rejected { from, length: payload.len(), reason });
        }
    }

    /// Does what is due.
    fn flush(&self) -> Rest {
        let mut core = self.lock();
        self.handle(&mut core, self.clock.now(), Input::Deadline)
    }

    /// Handles the deadline if it is due. How long nothing is due from now on.
    fn sleep_time(&self) -> Option<Duration> {
        let mut core = self.lock();
        let now = self.clock.now();
        let mut rest = Rest::default();
        if core.engine.deadline().is_some_and(|deadline| deadline <= now.at) {
            rest = self.handle(&mut core, now, Input::Deadline);
        }
        let deadline = core.engine.deadline();
        let quick = Some(now.at + GRAIN).filter(|_| now.at < core.quick_until);
        if let (Some(deadline), Some(_)) = (deadline, quick) {
            core.note_deadline(now.at, deadline);
        }
        core.wakes_at = deadline.into_iter().chain(quick).min();
        let sleep_time = core.wakes_at.map(|at| at - now.at);
        drop(core);
        rest.finish();
        sleep_time
    }
}
