//! An engine, one input at a time.
//!
//! The invariant: after each input the engine is within its bounds, what it sends can be read and is no
//! longer than it may be, and nothing that is due is put off.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use superchat::proto::{Engine, Input, Instant, Now, Output, UnixTime};
use superchat::wire::{Datagram, MAX_DATAGRAM, MAX_PACKET, Packet, is_packet};

/// Outputs of one input: a table, an answer and a window of packets for each of the few that there are,
/// several times over.
const MAX_OUTPUTS: usize = 4096;

/// What comes on top for an address that was proven a moment ago: see ARCHITECTURE.md.
const PROVEN_BYTES: usize = 450;

/// Deadlines that one virtual minute has at the most: all timers there are, each every 10 ms.
const MAX_DEADLINES: usize = 100_000;

/// Whether a run is shown step by step.
static TRACE: LazyLock<bool> = LazyLock::new(|| std::env::var_os("SUPERCHAT_FUZZ_TRACE").is_some());

pub struct Driven<E: Engine> {
    pub engine: E,
    pub at: Instant,
    /// What may still be sent to each address that was never proven.
    allowed: BTreeMap<SocketAddr, usize>,
    /// Those who were.
    pub proven: BTreeSet<SocketAddr>,
}

impl<E: Engine<Command: Debug, Emit: Debug>> Driven<E> {
    pub fn new(engine: E) -> Self {
        // No engine is to depend on a clock that begins at zero.
        let at = Instant::after_start(Duration::from_secs(1));
        Self { engine, at, allowed: BTreeMap::new(), proven: BTreeSet::new() }
    }

    pub fn datagram(
        &mut self,
        from: SocketAddr,
        payload: &[u8],
        room: bool,
    ) -> Vec<Output<E::Emit>> {
        let ack = Datagram::decode(payload) == Ok(Datagram::Ack);
        let earned = 3 * payload.len() + if ack { PROVEN_BYTES } else { 0 };
        *self.allowed.entry(from).or_default() += earned;
        self.handle(Input::Datagram { from, payload, room })
    }

    pub fn handle(&mut self, input: Input<'_, E::Command>) -> Vec<Output<E::Emit>> {
        let unix =
            UnixTime::from_micros(1_488_382_115_000_000 + self.at.since_start().as_micros() as i64);
        if *TRACE {
            eprintln!("{:?} {}", self.at.since_start(), shown(&input));
        }
        self.engine.handle(Now { at: self.at, unix }, input);
        let outputs: Vec<_> =
            std::iter::from_fn(|| self.engine.poll_output()).take(MAX_OUTPUTS + 1).collect();
        assert!(outputs.len() <= MAX_OUTPUTS, "there is no end of outputs");
        assert!(
            self.engine.is_within_bounds(),
            "it keeps more than it may, or other than it counts"
        );
        let overdue = self.engine.deadline().is_some_and(|deadline| deadline <= self.at);
        assert!(!overdue, "what is due is put off");
        for output in &outputs {
            match output {
                Output::Transmit { to, payload } => {
                    if *TRACE {
                        eprintln!("    to {to}: {}", String::from_utf8_lossy(payload));
                    }
                    check_sent(payload);
                }
                Output::Emit(emit) if *TRACE => eprintln!("    {emit:?}"),
                Output::Emit(_) => {}
            }
        }
        outputs
    }

    /// Nobody who was never proven was sent more than three times what came from there.
    pub fn check_fair(&mut self, outputs: &[Output<E::Emit>]) {
        for output in outputs {
            let Output::Transmit { to, payload } = output else { continue };
            if self.proven.contains(to) {
                continue;
            }
            let allowed = self.allowed.entry(*to).or_default();
            let rest = allowed.checked_sub(payload.len());
            *allowed =
                rest.unwrap_or_else(|| panic!("{to} has not earned {} bytes", payload.len()));
        }
    }

    /// Time passes, and the engine is called only after that: a driver may be late.
    pub fn wait(&mut self, time: Duration) -> Vec<Output<E::Emit>> {
        self.at = self.at + time;
        self.handle(Input::Deadline)
    }

    /// The engine is called when it wants to be, if it does.
    pub fn next(&mut self) -> Option<Vec<Output<E::Emit>>> {
        self.at = self.engine.deadline()?;
        Some(self.handle(Input::Deadline))
    }

    /// Nothing comes any more, until this much time has passed, or the engine wants nothing. Returns
    /// what it passed on.
    pub fn run_down(&mut self, time: Duration) -> Vec<E::Emit> {
        let end = self.at + time;
        let mut emitted = Vec::new();
        for _ in 0..MAX_DEADLINES {
            if self.engine.deadline().is_none_or(|deadline| deadline > end) {
                return emitted;
            }
            let outputs = self.next().into_iter().flatten();
            emitted.extend(outputs.filter_map(|output| match output {
                Output::Emit(emit) => Some(emit),
                Output::Transmit { .. } => None,
            }));
        }
        panic!("{MAX_DEADLINES} deadlines in {time:?}");
    }
}

fn check_sent(payload: &[u8]) {
    let text = || String::from_utf8_lossy(payload).into_owned();
    if is_packet(payload) {
        assert!(payload.len() <= MAX_PACKET, "{} bytes: {}", payload.len(), text());
        assert!(Packet::decode(payload).is_ok(), "nobody can read it: {}", text());
    } else {
        assert!(payload.len() <= MAX_DATAGRAM, "{} bytes: {}", payload.len(), text());
        assert!(Datagram::decode(payload).is_ok(), "nobody can read it: {}", text());
    }
}

fn shown<C: Debug>(input: &Input<'_, C>) -> String {
    match input {
        Input::Datagram { from, payload, room } => {
            let full = if *room { "" } else { ", no room" };
            format!("from {from}{full}: {}", String::from_utf8_lossy(payload))
        }
        other => format!("{other:?}"),
    }
}
