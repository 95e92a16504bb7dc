//! A flow for each session that there is something to say to, or that says something.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::Instant;
use super::flow::Flow;
use super::timers::Timers;
use crate::wire::{Header, Packet, Session};

/// How long a flow may wait for an ack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Since the oldest packet under way became that, if something else was heard from there.
    pub(super) blocked: Duration,
    /// The same, if nothing was.
    pub(super) silent: Duration,
}

#[derive(Debug)]
struct Peer<T> {
    address: SocketAddr,
    limits: Limits,
    flow: Flow<T>,
}

/// What a flow does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FlowStep {
    /// Send this.
    Transmit(SocketAddr, Vec<u8>),
    /// Nothing was acknowledged for as long as its limits say, though somebody is there.
    Blocked(Session),
    /// Nothing was heard for as long as its limits say.
    Silent(Session),
}

/// The flows of one session with others, and their deadlines.
#[derive(Debug)]
pub(super) struct Flows<T> {
    own: Session,
    peers: BTreeMap<Session, Peer<T>>,
    timers: Timers<Session>,
    /// Those that may have something to send now.
    ready: BTreeSet<Session>,
    /// No flow that is closed has had this number, or a higher one.
    used: u64,
    /// A session that is sent no more than acks for now.
    paused: Option<Session>,
    /// A session that is told this revision with every packet.
    revision: Option<(Session, u64)>,
}

impl<T> Flows<T> {
    pub(super) fn new(own: Session) -> Self {
        Self {
            own,
            peers: BTreeMap::new(),
            timers: Timers::new(),
            ready: BTreeSet::new(),
            used: 0,
            paused: None,
            revision: None,
        }
    }

    /// The session whose flows these are.
    pub(super) fn own(&self) -> Session {
        self.own
    }

    /// Begins a flow, unless there is one; it goes to this address from now on.
    pub(super) fn open(
        &mut self,
        now: Instant,
        session: Session,
        address: SocketAddr,
        limits: Limits,
    ) {
        let fresh = || {
            let mut flow = Flow::new(now);
            flow.restart_at(self.used);
            Peer { address, limits, flow }
        };
        self.peers.entry(session).or_insert_with(fresh).address = address;
    }

    /// Sends no more than acks to this session, and waits for nothing from it, until this is called
    /// again.
    pub(super) fn pause(&mut self, session: Option<Session>) {
        if self.paused != session {
            self.ready.extend(self.paused);
            self.paused = session;
            self.ready.extend(session);
        }
    }

    /// Has every packet to a session say that its sender has this revision of the table.
    pub(super) fn say_revision(&mut self, session: Session, revision: u64) {
        self.revision = Some((session, revision));
    }

    /// Sets how long a flow is waited for.
    pub(super) fn limit(&mut self, session: Session, limits: Limits) {
        if let Some(peer) = self.peers.get_mut(&session) {
            peer.limits = limits;
        }
    }

    /// Where a flow goes.
    pub(super) fn address(&self, session: Session) -> Option<SocketAddr> {
        self.peers.get(&session).map(|peer| peer.address)
    }

    /// Looks at a flow, or changes it.
    pub(super) fn get_mut(&mut self, session: Session) -> Option<&mut Flow<T>> {
        let peer = self.peers.get_mut(&session)?;
        self.ready.insert(session);
        Some(&mut peer.flow)
    }

    pub(super) fn get(&self, session: Session) -> Option<&Flow<T>> {
        self.peers.get(&session).map(|peer| &peer.flow)
    }

    /// Queues a frame, if the flow is there.
    pub(super) fn push(&mut self, session: Session, frame: Vec<u8>, item: T) {
        if let Some(flow) = self.get_mut(session) {
            flow.push(frame, item);
        }
    }

    /// Ends a flow, and returns the items of what was not acknowledged, oldest first.
    pub(super) fn close(&mut self, session: Session) -> Vec<T> {
        self.timers.stop(&session);
        self.ready.remove(&session);
        let Some(mut peer) = self.peers.remove(&session) else { return Vec::new() };
        self.used = self.used.max(peer.flow.next_number());
        peer.flow.abandon()
    }

    pub(super) fn sessions(&self) -> Vec<Session> {
        self.peers.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.peers.values().all(|peer| peer.flow.is_idle())
    }

    /// Of the flows with nothing under way that are not `needed`, the one that was silent for longest.
    pub(super) fn idlest(&self, needed: impl Fn(Session) -> bool) -> Option<Session> {
        let idle =
            |(session, peer): &(&Session, &Peer<T>)| peer.flow.is_idle() && !needed(**session);
        let idle = self.peers.iter().filter(idle);
        idle.min_by_key(|(_, peer)| peer.flow.heard()).map(|(session, _)| *session)
    }

    /// The next thing that is due, until there is none.
    pub(super) fn poll(&mut self, now: Instant) -> Option<FlowStep> {
        while let Some(session) = self.timers.pop_expired(now) {
            self.ready.insert(session);
        }
        while let Some(session) = self.ready.first().copied() {
            let Some(peer) = self.peers.get_mut(&session) else {
                self.ready.remove(&session);
                continue;
            };
            let paused = self.paused == Some(session);
            if !paused && let Some(failed) = peer.failed(session, now) {
                return Some(failed);
            }
            let next = if paused { peer.flow.poll_ack() } else { peer.flow.poll(now) };
            if let Some(next) = next {
                let mut header = Header::new(self.own, session);
                (header.sequence, header.ack) = (next.sequence, next.ack);
                let told = self.revision.filter(|(to, _)| *to == session);
                header.revision = told.map(|(_, revision)| revision);
                let packet = Packet::assemble(&header, next.frames.iter().map(Vec::as_slice));
                return Some(FlowStep::Transmit(peer.address, packet));
            }
            self.ready.remove(&session);
            match peer.deadline().filter(|_| !paused) {
                Some(at) => self.timers.set(session, at),
                None => self.timers.stop(&session),
            }
        }
        None
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }
}

impl<T> Peer<T> {
    /// When it has waited for too long, and whether in silence: of who was not heard since it is not
    /// known that somebody is there.
    fn fails(&self) -> Option<(Instant, bool)> {
        let (since, heard) = (self.flow.waits_since()?, self.flow.heard());
        let blocked = since + self.limits.blocked;
        let silent = since.max(heard) + self.limits.silent;
        let is_silent = heard <= since || silent <= blocked;
        Some(if is_silent { (silent, true) } else { (blocked, false) })
    }

    fn failed(&self, session: Session, now: Instant) -> Option<FlowStep> {
        let (at, silent) = self.fails()?;
        if at > now {
            return None;
        }
        Some(if silent { FlowStep::Silent(session) } else { FlowStep::Blocked(session) })
    }

    fn deadline(&self) -> Option<Instant> {
        let fails = self.fails().map(|(at, _)| at);
        fails.into_iter().chain(self.flow.deadline()).min()
    }
}
