//! What comes over a flow, put in order.
//!
//! The invariants:
//! - frames are handed on in the order of their packets, each packet once, and a packet is acknowledged through when
//!   its frames were handed on;
//! - a side that forgot the flow goes on with the other one's floor, the lowest number that was not
//!   acknowledged through: nothing below it is owed to anybody.

use std::collections::VecDeque;

use crate::wire::{Ack, Frame, Sequence};

/// Packets under way at a time, and packets held until those before them have come: 77 KB a flow.
pub(super) const WINDOW: u64 = 64;

/// The packets that come from one session.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Everything that came up to this number was handed on.
    taken: u64,
    /// What came of the numbers after that, at the place of each: no more than a window.
    early: VecDeque<Option<Vec<Frame>>>,
    owes_ack: bool,
}

impl Incoming {
    /// Goes on behind this number.
    pub(super) fn resume(taken: u64) -> Self {
        Self { taken, ..Self::default() }
    }

    /// The number to go on behind, if nothing else is to be known.
    pub(super) fn rest(&self) -> Option<u64> {
        (self.early.is_empty() && !self.owes_ack).then_some(self.taken)
    }

    /// What has a lower number than this is not taken any more.
    pub(super) fn expect_from(&mut self, number: u64) {
        let passed = number.saturating_sub(1).saturating_sub(self.taken);
        self.taken += passed;
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        self.early.drain(..passed.min(self.early.len()));
    }

    /// A packet came. It is kept until those before it have come, unless it is too far ahead.
    pub(super) fn receive(&mut self, sequence: Sequence, frames: Vec<Frame>) {
        self.owes_ack = true;
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
    pub(super) fn refuse(&mut self) {
        self.owes_ack = true;
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

    pub(super) fn ack(&self) -> Option<Ack> {
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

    /// Whether a packet has come since the last ack.
    pub(super) fn owes_ack(&self) -> bool {
        self.owes_ack
    }

    /// The ack of all that came: it is owed no more.
    pub(super) fn acknowledge(&mut self) -> Option<Ack> {
        self.owes_ack = false;
        self.ack()
    }
}
