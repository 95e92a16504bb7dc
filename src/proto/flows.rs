//! A flow for each session that there is something to say to, or that says something.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::flow::{Flow, Kept};
use super::repeats::Repeats;
use super::round_trip::RoundTrips;
use super::timers::Timers;
use super::{Instant, Stats};
use crate::wire::{Ack, Header, Packet, Session};

/// How long a flow may wait for an ack.
#[derive(Debug, Clone, Copy)]
pub(super) struct AckWait {
    /// Since the oldest packet under way became that, if something else was heard from there.
    pub(super) blocked: Duration,
    /// The same, if nothing was.
    pub(super) silent: Duration,
}

#[derive(Debug)]
struct Peer<T> {
    address: SocketAddr,
    limits: AckWait,
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
    /// Nothing is under way any more: all there is to it can be [kept](Flows::rest).
    Resting(Session),
}

/// What was seen of the network, whichever session it was.
#[derive(Debug, Default)]
struct Measured {
    round_trips: RoundTrips,
    retransmissions: u64,
}

/// The flows of one session with others, and their deadlines.
#[derive(Debug)]
pub(super) struct Flows<T> {
    own: Session,
    peers: BTreeMap<Session, Peer<T>>,
    timers: Timers<Session>,
    /// Those that may have something to send now.
    ready: BTreeSet<Session>,
    /// Those that hold something back.
    holding: BTreeSet<Session>,
    /// No flow that is closed has had this number, or a higher one.
    used: u64,
    /// A session that is sent no more than acks for now.
    paused: Option<Session>,
    /// A session that is told this revision with every packet.
    revision: Option<(Session, u64)>,
    repeats: Repeats,
    measured: Measured,
}

impl<T> Flows<T> {
    pub(super) fn new(own: Session) -> Self {
        Self {
            own,
            peers: BTreeMap::new(),
            timers: Timers::new(),
            ready: BTreeSet::new(),
            holding: BTreeSet::new(),
            used: 0,
            paused: None,
            revision: None,
            repeats: Repeats::new(),
            measured: Measured::default(),
        }
    }

    /// Forgets every flow, and begins those of another session, or of the same.
    pub(super) fn begin_anew(&mut self, own: Session) {
        let measured = std::mem::take(&mut self.measured);
        *self = Self { measured, ..Self::new(own) };
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
        limits: AckWait,
    ) {
        let fresh = || {
            let mut flow = Flow::new(now);
            flow.restart_at(self.used);
            Peer { address, limits, flow }
        };
        self.peers.entry(session).or_insert_with(fresh).address = address;
    }

    /// Goes on with a flow that rested, unless it is there.
    pub(super) fn resume(
        &mut self,
        session: Session,
        address: SocketAddr,
        limits: AckWait,
        kept: Kept,
    ) {
        let next = self.used.max(1);
        let resumed = || Peer { address, limits, flow: Flow::resume(next, kept) };
        self.peers.entry(session).or_insert_with(resumed);
    }

    /// Ends a flow with nothing under way. What is returned is all that is to be known of it.
    pub(super) fn rest(&mut self, session: Session) -> Option<Kept> {
        let kept = self.get(session)?.rest()?;
        self.close(session);
        Some(kept)
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
    pub(super) fn limit(&mut self, session: Session, limits: AckWait) {
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

    /// A packet came over a flow: the items of what it acknowledges, oldest first. `None` if there is
    /// no such flow.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        session: Session,
        ack: Option<&Ack>,
    ) -> Option<Vec<T>> {
        let peer = self.peers.get_mut(&session)?;
        self.ready.insert(session);
        peer.flow.hear(now);
        let Some(ack) = ack else { return Some(Vec::new()) };
        let before = peer.flow.floor();
        let done = peer.flow.acknowledge(now, ack, &mut self.measured.round_trips);
        self.repeats.earn(peer.flow.floor() - before);
        Some(done)
    }

    /// Queues a frame, if the flow is there. One that waits for others with those before it makes nothing due.
    pub(super) fn push(&mut self, session: Session, frame: &[u8], item: T) {
        let Some(Peer { flow, .. }) = self.peers.get_mut(&session) else { return };
        let before = (flow.holds_back(), flow.fills());
        flow.push(frame, item);
        if before != (true, flow.fills()) {
            self.ready.insert(session);
        }
    }

    /// Whether any holds something back until others share its packets.
    pub(super) fn hold_back(&self) -> bool {
        !self.holding.is_empty()
    }

    /// What any flow holds back, until others share its packets, goes now: somebody waits.
    pub(super) fn hasten(&mut self) {
        for session in std::mem::take(&mut self.holding) {
            if let Some(flow) = self.get_mut(session) {
                flow.hasten();
            }
        }
    }

    /// Ends a flow, and returns the items of what was not acknowledged, oldest first.
    pub(super) fn close(&mut self, session: Session) -> Vec<T> {
        self.timers.stop(&session);
        self.ready.remove(&session);
        self.holding.remove(&session);
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
                if next.again && !self.repeats.admits(now) {
                    // As good as lost once more.
                    continue;
                }
                let mut header = Header::new(self.own, session);
                (header.sequence, header.ack) = (next.sequence, next.ack);
                let told = self.revision.filter(|(to, _)| *to == session);
                header.revision = told.map(|(_, revision)| revision);
                let frames = Some(next.frames).filter(|frames| !frames.is_empty());
                let packet = Packet::assemble(&header, frames);
                self.measured.retransmissions += u64::from(next.again);
                return Some(FlowStep::Transmit(peer.address, packet));
            }
            self.ready.remove(&session);
            if peer.flow.holds_back() {
                self.holding.insert(session);
            } else {
                self.holding.remove(&session);
            }
            match peer.deadline().filter(|_| !paused) {
                Some(at) => self.timers.set(session, at),
                None => self.timers.stop(&session),
            }
            if peer.flow.rest().is_some() {
                return Some(FlowStep::Resting(session));
            }
        }
        None
    }

    /// Writes down what was seen of the network, and what is under way.
    pub(super) fn observe(&self, stats: &mut Stats) {
        self.measured.round_trips.observe(stats);
        stats.retransmissions = self.measured.retransmissions;
        stats.frames_pending +=
            self.peers.values().map(|peer| peer.flow.load() as u64).sum::<u64>();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody answers: what may be sent again is that of all flows together.
    #[test]
    fn very_many_flows_do_not_all_send_again() {
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        let mut flows = Flows::new(Session::new(1).unwrap());
        let limits = AckWait { blocked: Duration::from_secs(9), silent: Duration::from_secs(9) };
        for other in (2..1502).map(|n| Session::new(n).unwrap()) {
            flows.open(at(0), other, SocketAddr::from(([127, 0, 0, 1], 1)), limits);
            flows.push(other, b"{}", ());
        }
        let mut sent = |ms| {
            let steps = std::iter::from_fn(|| flows.poll(at(ms)));
            steps.filter(|step| matches!(step, FlowStep::Transmit(..))).count()
        };
        assert_eq!([0, 100, 300].map(&mut sent), [1500, 1000, 200]);
    }

    /// What was seen of the network outlives the session; what is under way does not.
    #[test]
    fn what_is_sent_again_is_counted_and_what_is_measured_stays() {
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        let [own, other, next] = [1, 2, 3].map(|n| Session::new(n).unwrap());
        let limits = AckWait { blocked: Duration::from_secs(9), silent: Duration::from_secs(9) };
        let mut flows = Flows::new(own);
        flows.open(at(0), other, SocketAddr::from(([127, 0, 0, 1], 1)), limits);
        let observed = |flows: &Flows<()>| {
            let mut stats = Stats::default();
            flows.observe(&mut stats);
            (stats.retransmissions, stats.frames_pending, stats.round_trips, stats.round_trip_p50)
        };
        let drain = |flows: &mut Flows<()>, now| while flows.poll(now).is_some() {};
        let ack = |flows: &Flows<()>| {
            let through = flows.get(other).unwrap().next_number() - 1;
            Ack { through, beyond: Vec::new() }
        };
        let none = Duration::ZERO;

        flows.push(other, b"{}", ());
        drain(&mut flows, at(0));
        assert_eq!(observed(&flows), (0, 1, 0, none));
        drain(&mut flows, at(100));
        assert_eq!(observed(&flows), (1, 1, 0, none));
        // Of what was sent twice nobody knows how long it took.
        assert_eq!(flows.hear(at(110), other, Some(&ack(&flows))), Some(vec![()]));
        assert_eq!(observed(&flows), (1, 0, 0, none));
        flows.push(other, b"{}", ());
        drain(&mut flows, at(200));
        assert_eq!(flows.hear(at(207), other, Some(&ack(&flows))), Some(vec![()]));
        assert_eq!(observed(&flows), (1, 0, 1, Duration::from_millis(7)));

        flows.push(other, b"{}", ());
        flows.begin_anew(next);
        assert_eq!((flows.own(), flows.hear(at(300), other, None)), (next, None));
        assert_eq!(observed(&flows), (1, 0, 1, Duration::from_millis(7)));
    }
}
