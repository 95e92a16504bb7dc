//! What comes over a flow, put in order.
//!
//! The invariants:
//! - frames are handed on in the order of their packets, each packet once, and a packet is acknowledged through when
//!   its frames were handed on;
//! - a side that forgot the flow goes on with the other one's floor, the lowest number that was not
//!   acknowledged through: nothing below it is owed to anybody.

use std::collections::VecDeque;
use std::time::Duration;

use super::Instant;
use crate::wire::{Ack, Frame, Sequence};

/// Packets under way at a time, and packets held until those before them have come: 77 KB a flow.
pub(super) const WINDOW: u64 = 64;

/// How long an ack waits for an answer that it can ride on, where one is to come: most disks have synced by then.
/// Whoever waits for acks allows for it: see `LATE` in [`round_trip`](super::round_trip).
pub(super) const RIDE: Duration = Duration::from_millis(2);

/// Packets whose ack waits so: their sender may have as many again under way, and is not held up.
pub(super) const RIDERS: u64 = WINDOW / 2;

/// The packets that come from one session.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Everything that came up to this number was handed on.
    taken: u64,
    /// What came of the numbers after that, at the place of each: no more than a window.
    early: VecDeque<Option<Vec<Frame>>>,
    /// Since when an ack is owed, if one is.
    owes_ack: Option<Instant>,
    /// Whether that waits for a packet that it can ride on.
    ack_rides: bool,
    /// What was acknowledged through last.
    acknowledged: u64,
}

impl Incoming {
    /// Goes on behind this number.
    pub(super) fn resume(taken: u64) -> Self {
        Self { taken, acknowledged: taken, ..Self::default() }
    }

    /// The number to go on behind, if nothing else is to be known.
    pub(super) fn rest(&self) -> Option<u64> {
        (self.early.is_empty() && self.owes_ack.is_none()).then_some(self.taken)
    }

    /// What has a lower number than this is not taken any more.
    pub(super) fn expect_from(&mut self, number: u64) {
        let below = number.saturating_sub(1);
        let passed = below.saturating_sub(self.taken);
        self.taken += passed;
        self.acknowledged = self.acknowledged.max(below);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        self.early.drain(..passed.min(self.early.len()));
    }

    /// A packet came. It is kept until those before it have come, unless it is too far ahead.
    pub(super) fn receive(&mut self, now: Instant, sequence: Sequence, frames: Vec<Frame>) {
        self.owe_ack(now);
        self.expect_from(sequence.floor);
        if sequence.number > self.taken && sequence.number <= self.taken + WINDOW {
            // Less than a window.
            let place = (sequence.number - self.taken - 1) as usize;
            if self.early.len() <= place {
                self.early.resize_with(place + 1, || None);
            }
            if let Some(early) = self.early.get_mut(place) {
                early.get_or_insert(frames);
            }
        }
    }

    /// A packet came that cannot be taken now. Its sender is to know that somebody is there.
    pub(super) fn refuse(&mut self, now: Instant) {
        self.owe_ack(now);
    }

    fn owe_ack(&mut self, now: Instant) {
        self.owes_ack.get_or_insert(now);
        self.ack_rides = false;
    }

    /// What came will be answered: its ack rides on that, if it comes soon. Where something is missing, the other side
    /// is to know at once.
    pub(super) fn let_ack_ride(&mut self) {
        let waiting = self.taken.saturating_sub(self.acknowledged);
        self.ack_rides = self.early.is_empty() && waiting < RIDERS;
    }

    /// The frames of the next packet in order, if it is there.
    pub(super) fn peek(&self) -> Option<&[Frame]> {
        self.early.front()?.as_deref()
    }

    /// The next packet in order cannot be taken, now or ever.
    pub(super) fn drop_next(&mut self) {
        if let Some(next) = self.early.front_mut() {
            *next = None;
        }
        // Nothing may stand behind it.
        self.trim();
    }

    /// Keeps no places behind the last thing that came.
    fn trim(&mut self) {
        while self.early.back().is_some_and(Option::is_none) {
            self.early.pop_back();
        }
    }

    /// The frames of the next packet in order, if it is there: now they are handed on.
    pub(super) fn take(&mut self) -> Option<Vec<Frame>> {
        self.early.front()?.as_ref()?;
        self.taken += 1;
        self.early.pop_front()?
    }

    fn ack(&self) -> Option<Ack> {
        if self.taken == 0 && self.early.is_empty() {
            return None;
        }
        let mut beyond: Vec<(u64, u64)> = Vec::new();
        let came = self.early.iter().zip(self.taken + 1..).filter(|(frames, _)| frames.is_some());
        for (_, number) in came {
            match beyond.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => beyond.push((number, number)),
            }
        }
        Some(Ack { through: self.taken, beyond })
    }

    /// When an ack is due that rides on nothing, if one is owed.
    pub(super) fn ack_due(&self) -> Option<Instant> {
        self.owes_ack.map(|since| if self.ack_rides { since + RIDE } else { Instant::ZERO })
    }

    /// The ack of all that came: it is owed no more.
    pub(super) fn acknowledge(&mut self) -> Option<Ack> {
        (self.owes_ack, self.acknowledged) = (None, self.taken);
        self.ack()
    }
}
