//! Messages that the server is given again, after a registration.
//!
//! The invariant: the server hears that the client knows what became of a message only when no packet with that
//! message can come to it any more. By that it forgets what it answered, and would deal with the message again.

use std::collections::BTreeMap;

use super::Client;
use super::peers::Sent;
use crate::proto::Now;
use crate::wire::{Frame, Notice, Session};

/// Messages that are in packets to the server which it has not acknowledged, and that somebody may have had before:
/// the server mostly. How many packets of each count. No more than wait for their outcome, or did when they were
/// given.
#[derive(Debug, Default)]
pub(super) struct GivenAgain(BTreeMap<u64, usize>);

impl GivenAgain {
    /// A packet with this message was queued.
    pub(super) fn add(&mut self, number: u64) {
        *self.0.entry(number).or_default() += 1;
    }

    /// One was acknowledged.
    pub(super) fn take(&mut self, number: u64) {
        if let Some(count) = self.0.get_mut(&number) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&number);
            }
        }
    }

    /// No packet is acknowledged any more that is under way, but each may still come.
    pub(super) fn abandon(&mut self) {
        self.0.values_mut().for_each(|count| *count = 0);
    }

    /// The messages all of whose packets were abandoned.
    fn abandoned(&self) -> Vec<u64> {
        self.0.iter().filter(|(_, count)| **count == 0).map(|(number, _)| *number).collect()
    }

    /// Nothing that is under way is for whom the server is now.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a frame says what became of one of them. That it was refused the server remembers all the same.
    fn is_answered_by(&self, frame: &Frame) -> bool {
        let Frame::Notification { text, answers: Some(number), .. } = frame else { return false };
        let outcome = || matches!(Notice::parse(text), Some(Notice::Saved | Notice::Received(_)));
        self.0.contains_key(number) && outcome()
    }
}

impl Client {
    /// What the server was given before a registration, and is not given after it, may still come to it until
    /// something does that was sent later.
    pub(super) fn await_abandoned(&mut self, server: Session) {
        for number in self.given_again.abandoned() {
            self.given_again.add(number);
            self.flows.push(server, &Frame::Verification.encode(), Sent::Again(number));
        }
    }

    /// Whether the next packet of the server answers a message that is on its way to it again: it cannot be taken
    /// yet, and comes again, but what it answers is heard.
    pub(super) fn hear_early(&mut self, now: Now, session: Session) -> bool {
        if self.given_again.0.is_empty() || self.server_session() != Some(session) {
            return false;
        }
        let Some(flow) = self.flows.get_mut(session) else { return false };
        let Some(next) = flow.incoming.peek() else { return false };
        if !next.iter().any(|frame| self.given_again.is_answered_by(frame)) {
            return false;
        }
        let frames = next.to_vec();
        flow.incoming.drop_next();
        self.hear_answers(now, frames);
        true
    }
}
