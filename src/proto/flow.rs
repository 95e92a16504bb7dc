//! Packets to and from one session of the current dialect: pipelined, in order, each once.
//!
//! The invariants:
//! - frames are handed on in the order in which they were pushed, each once, as long as both sides
//!   remember the flow: what was not acknowledged is sent again, and see [`incoming`](super::incoming);
//! - a number is never used for two packets;
//! - a lone frame does not wait. Those that follow one another closely go together: see [`COMPANY`].

use std::collections::VecDeque;
use std::time::Duration;

use super::Instant;
use super::bundle::Bundle;
use super::incoming::{Incoming, WINDOW};
use super::round_trip::{KeptTrip, RoundTrip, RoundTrips};
use crate::wire::{Ack, Packet, Sequence};

/// A packet is taken for lost when so many later ones have come (RFC 5681, section 3.2).
const OVERTAKEN: u32 = 3;

/// How long a frame waits for others that share its packets, if it comes that soon after the last packet, which
/// is still under way: about what it costs to send one, and to wake whoever gets it. Whoever waits for an outcome
/// ends it, and so does an ack of all that was sent.
const COMPANY: Duration = Duration::from_micros(100);

/// Bytes of frames that do not wait any more, unless more is under way: as many packets as a system call takes with
/// profit. Else they are to be as much as is under way, since each train costs either side the same, however long it
/// is, and acks of what is under way come meanwhile.
const TRAIN: usize = 6 * Packet::ROOM;

/// A packet that was not acknowledged through.
#[derive(Debug)]
struct Segment<T> {
    bundle: Bundle<T>,
    sent: u32,
    last_sent: Instant,
    /// It came, and waits for one before it.
    held: bool,
    /// How many later ones have come since it was last sent.
    overtaken: u32,
}

/// What is sent there, and what comes from there.
#[derive(Debug)]
pub(super) struct Flow<T> {
    /// The number of the next new packet.
    next: u64,
    /// What is in no packet yet, each bundle but the last as much as fits one, and the bytes of all.
    queue: VecDeque<Bundle<T>>,
    queued: usize,
    /// What waits is to go now, or has begun to.
    hastened: bool,
    /// When the last new packet was made.
    filled: Instant,
    /// The packets just below `next`.
    flight: VecDeque<Segment<T>>,
    round_trip: RoundTrip,
    /// When the next of the packets is to be sent again, of those that did not come.
    expires: Option<Instant>,
    /// When the oldest packet under way became that, or was first sent.
    progress: Instant,
    heard: Instant,
    /// What comes from there.
    pub(super) incoming: Incoming,
}

/// What is to be known of a flow while nothing is under way: the other side goes on with any number that it
/// has not seen yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kept {
    /// Everything that came up to this number was handed on.
    pub(super) taken: u64,
    pub(super) round_trip: KeptTrip,
}

/// What a flow sends next.
#[derive(Debug)]
pub(super) struct Transmission<'a> {
    pub(super) sequence: Option<Sequence>,
    pub(super) ack: Option<Ack>,
    /// As they stand in a packet; empty if there are none.
    pub(super) frames: &'a [u8],
    /// It was sent before.
    pub(super) again: bool,
}

impl<T> Flow<T> {
    /// A flow that begins now, with a number that no earlier one of this endpoint has used.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: Self::fresh_number(now),
            queue: VecDeque::new(),
            queued: 0,
            hastened: false,
            filled: Instant::ZERO,
            flight: VecDeque::new(),
            round_trip: RoundTrip::default(),
            expires: None,
            progress: now,
            heard: now,
            incoming: Incoming::default(),
        }
    }

    /// A flow that goes on from what was kept of it, with a number that it has not used.
    pub(super) fn resume(next: u64, kept: Kept) -> Self {
        let Kept { taken, round_trip } = kept;
        let (incoming, round_trip) = (Incoming::resume(taken), RoundTrip::resume(round_trip));
        Self { next, incoming, round_trip, ..Self::new(Instant::ZERO) }
    }

    /// What is to be kept of it, if nothing is under way, either way.
    pub(super) fn rest(&self) -> Option<Kept> {
        let taken = self.incoming.rest().filter(|_| self.is_idle())?;
        Some(Kept { taken, round_trip: self.round_trip.kept() })
    }

    /// Gives up whatever was not acknowledged, and goes on with this number.
    pub(super) fn restart_at(&mut self, number: u64) {
        drop(self.abandon());
        self.next = number.max(self.next);
    }

    /// A number that no packet of an earlier flow of this endpoint has had: none has sent a packet
    /// each microsecond.
    pub(super) fn fresh_number(now: Instant) -> u64 {
        u64::try_from(now.since_start().as_micros()).unwrap_or(u64::MAX) + 1
    }

    /// The number of the next new packet.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Queues a frame. The item comes back when the frame was handed on at the other end.
    pub(super) fn push(&mut self, frame: &[u8], item: T) {
        self.queued += frame.len();
        match self.queue.back_mut() {
            Some(last) if last.has_room_for(frame) => {
                self.queued += 1;
                last.push(frame, item);
            }
            // A longer one is alone mostly.
            Some(_) if 2 * frame.len() < Packet::ROOM => {
                self.queue.push_back(Bundle::of_several(frame, item));
            }
            _ => self.queue.push_back(Bundle::of(frame, item)),
        }
    }

    /// Whether frames wait for others.
    pub(super) fn holds_back(&self) -> bool {
        !self.queue.is_empty() && !self.hastened
    }

    /// Somebody waits: what is queued goes now.
    pub(super) fn hasten(&mut self) {
        self.hastened = !self.queue.is_empty();
    }

    /// When the frames that wait make a packet, if there is room for one.
    pub(super) fn fills(&self) -> Option<Instant> {
        if self.queue.is_empty() || self.flight.len() as u64 >= WINDOW {
            return None;
        }
        let train = TRAIN.max(self.flight.len() * Packet::ROOM);
        let at_once = self.hastened || self.flight.is_empty() || self.queued >= train;
        Some(if at_once { Instant::ZERO } else { self.filled + COMPANY })
    }

    /// Gives up whatever was not acknowledged, and returns its items, oldest first.
    pub(super) fn abandon(&mut self) -> Vec<T> {
        self.abandon_where(|_| true)
    }

    /// Gives up what `which` picks of that. The rest is sent again, in new packets.
    pub(super) fn abandon_where(&mut self, which: impl Fn(&T) -> bool) -> Vec<T> {
        let under_way = self.flight.drain(..).map(|segment| segment.bundle);
        self.queue = under_way.chain(self.queue.drain(..)).collect();
        self.expires = None;
        self.drop_queued(which)
    }

    /// Gives up what `which` picks of what was not sent. What was sent goes on as it is, with another item in the
    /// place of those: nothing depends on them any more. Returns both, oldest first.
    pub(super) fn take_back_where(&mut self, which: impl Fn(&T) -> bool, by: &T) -> Vec<T>
    where
        T: Clone,
    {
        let under_way = self.flight.iter_mut().flat_map(|segment| segment.bundle.items_mut());
        let picked = under_way.filter(|item| which(item));
        let mut taken: Vec<T> = picked.map(|item| std::mem::replace(item, by.clone())).collect();
        taken.extend(self.drop_queued(which));
        taken
    }

    /// Takes what `which` picks out of the queue.
    fn drop_queued(&mut self, which: impl Fn(&T) -> bool) -> Vec<T> {
        let mut dropped = Vec::new();
        self.queued = 0;
        for bundle in std::mem::take(&mut self.queue) {
            bundle.for_each(|frame, item| match which(&item) {
                true => dropped.push(item),
                false => self.push(frame, item),
            });
        }
        dropped
    }

    /// Something came from there.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// When something came from there last, or the flow began.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// Since when the oldest packet under way has been that.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.flight.front().map(|_| self.progress)
    }

    /// Whether nothing is under way or waits to be.
    pub(super) fn is_idle(&self) -> bool {
        self.flight.is_empty() && self.queue.is_empty()
    }

    /// Frames that wait for an ack, or to be sent.
    pub(super) fn load(&self) -> usize {
        self.bundles().map(Bundle::len).sum()
    }

    /// Whatever is under way or waits to be, oldest first.
    fn bundles(&self) -> impl Iterator<Item = &Bundle<T>> {
        self.flight.iter().map(|segment| &segment.bundle).chain(&self.queue)
    }

    /// How many of their items `which` picks.
    pub(super) fn load_of(&self, which: impl Fn(&T) -> bool) -> usize {
        self.bundles().flat_map(Bundle::items).filter(|item| which(item)).count()
    }

    /// The lowest number that was not acknowledged through.
    pub(super) fn floor(&self) -> u64 {
        self.next - self.flight.len() as u64
    }

    /// An ack came: the items of what was handed on, oldest first. How long it took goes to `all`.
    pub(super) fn acknowledge(&mut self, now: Instant, ack: &Ack, all: &mut RoundTrips) -> Vec<T> {
        let mut done = Vec::new();
        if ack.through >= self.next {
            return done;
        }
        while self.floor() <= ack.through {
            let Some(segment) = self.flight.pop_front() else { break };
            if segment.sent == 1 && !segment.held {
                self.round_trip.measure(now - segment.last_sent, all);
            }
            done.extend(segment.bundle.into_items());
            self.progress = now;
        }
        if !ack.beyond.is_empty() {
            self.hold(now, &ack.beyond, all);
        }
        self.rearm();
        done
    }

    /// Packets have come that wait for one before them.
    fn hold(&mut self, now: Instant, ranges: &[(u64, u64)], all: &mut RoundTrips) {
        let floor = self.floor();
        let mut later = 0;
        for (index, segment) in self.flight.iter_mut().enumerate().rev() {
            let number = floor + index as u64;
            let came = ranges.iter().any(|(first, last)| (*first..=*last).contains(&number));
            if came && !segment.held {
                segment.held = true;
                later += 1;
                if segment.sent == 1 {
                    self.round_trip.measure(now - segment.last_sent, all);
                }
            } else if !segment.held {
                segment.overtaken += later;
            }
        }
    }

    /// What is due now, if anything.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Transmission<'_>> {
        let index = if self.expires.is_some_and(|at| at <= now) {
            self.flight
                .iter()
                .position(|segment| self.expires(segment).is_some_and(|at| at <= now))?
        } else if self.fills().is_some_and(|at| at <= now) {
            self.fill(now);
            self.flight.len() - 1
        } else if self.incoming.ack_due().is_some_and(|at| at <= now) {
            return self.poll_ack();
        } else {
            return None;
        };
        let (floor, ack) = (self.floor(), self.incoming.acknowledge());
        let segment = self.flight.get_mut(index)?;
        segment.sent += 1;
        segment.last_sent = now;
        if segment.sent > 1 && segment.overtaken < OVERTAKEN {
            self.round_trip.back_off();
        }
        segment.overtaken = 0;
        if segment.sent > 1 {
            self.rearm();
        } else {
            let expires = Some(now + self.round_trip.timeout(1));
            self.expires = self.expires.or(expires).min(expires);
        }
        let segment = self.flight.get(index)?;
        let sequence = Some(Sequence { number: floor + index as u64, floor });
        let again = segment.sent > 1;
        Some(Transmission { sequence, ack, frames: segment.bundle.bytes(), again })
    }

    /// An ack alone, if one is owed.
    pub(super) fn poll_ack(&mut self) -> Option<Transmission<'_>> {
        self.incoming.ack_due()?;
        let ack = self.incoming.acknowledge();
        Some(Transmission { sequence: None, ack, frames: &[], again: false })
    }

    /// Makes a new packet of what waits, as much as fits: it waits for no company.
    fn fill(&mut self, now: Instant) {
        let Some(bundle) = self.queue.pop_front() else { return };
        if self.flight.is_empty() {
            self.progress = now;
        }
        self.queued -= bundle.bytes().len();
        let segment = Segment { bundle, sent: 0, last_sent: now, held: false, overtaken: 0 };
        self.flight.push_back(segment);
        self.next += 1;
        self.filled = now;
        // Once they go, all go.
        self.hastened = !self.queue.is_empty();
    }

    /// When a packet is to be sent again: at once if it was overtaken, not at all if it came.
    fn expires(&self, segment: &Segment<T>) -> Option<Instant> {
        match segment {
            Segment { held: true, .. } => None,
            Segment { overtaken: OVERTAKEN.., .. } => Some(Instant::ZERO),
            _ => Some(segment.last_sent + self.round_trip.timeout(segment.sent)),
        }
    }

    /// Finds the next of the packets that is to be sent again. Behind one that was sent once and did not come is none:
    /// each was sent after it, is waited for as long at the least, and was overtaken by no more.
    fn rearm(&mut self) {
        let last = self.flight.iter().position(|segment| segment.sent == 1 && !segment.held);
        let before = self.flight.iter().take(last.map_or(usize::MAX, |last| last + 1));
        self.expires = before.filter_map(|segment| self.expires(segment)).min();
        debug_assert_eq!(self.expires, self.flight.iter().filter_map(|s| self.expires(s)).min());
    }

    /// When [`poll`](Self::poll) has something to do that it has not now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.expires, self.fills(), self.incoming.ack_due()].into_iter().flatten().min()
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
