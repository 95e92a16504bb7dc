//! What the clients promise to those who use them, checked for each message, which has its author and number in
//! its text:
//!
//! - what comes was sent, by that author, to that recipient;
//! - one run of a recipient gets a message once, and those of one run of an author in their order;
//! - "received" and "relayed": it has come; "stored": it comes before the end;
//! - another run of a recipient gets a message again only if its author had not heard, when that run began, that
//!   the one before had it: what a recipient that dies takes with it is what it knew of repeats
//!   (`docs/RECEIPTS.md`). These are counted by themselves.

use std::collections::HashMap;

use superchat::proto::{Delivery, Failure, Instant, Route};

use super::latency::Latencies;

/// Who wrote it, and its number among the author's.
pub type Id = (u32, u32);

/// A client, and which run of its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub client: u32,
    pub life: u32,
    pub began: Instant,
}

/// Violations of which the words are kept.
const SHOWN: usize = 10;

#[derive(Debug)]
struct Message {
    recipient: u32,
    sent: Instant,
    outcome: Option<Result<Delivery, Failure>>,
    settled: Instant,
    came: bool,
}

/// The last message of a run of an author that came to a run of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    author_life: u32,
    life: u32,
    number: u32,
}

#[derive(Default)]
pub struct Ledger {
    messages: HashMap<Id, Message>,
    last: HashMap<(u32, u32), Last>,
    pub sent: u64,
    /// Those that have come, by their way: direct, relayed, stored.
    pub came: [u64; 3],
    /// From `send` until they came, of those that came direct and relayed.
    pub arrival: [Latencies; 2],
    /// From `send` to the outcome: received, relayed, stored.
    pub outcome: [Latencies; 3],
    /// Outcomes that are errors.
    pub failed: HashMap<String, u64>,
    /// Messages that came again to a run of a recipient that could not know.
    pub again: u64,
    /// Messages of an author's earlier run that came after some of a later one.
    pub late: u64,
    pub violations: u64,
    pub shown: Vec<String>,
}

impl Ledger {
    /// For so many messages between so many pairs: a table that grew on the way would stop the clients for a
    /// tenth of a second, all of them at once.
    pub fn for_all(messages: usize, pairs: usize) -> Self {
        let (messages, last) = (HashMap::with_capacity(messages), HashMap::with_capacity(pairs));
        Self { messages, last, ..Self::default() }
    }

    fn violated(&mut self, what: String) {
        self.violations += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(what);
        }
    }

    pub fn sent(&mut self, now: Instant, id: Id, recipient: u32) {
        let message = Message { recipient, sent: now, outcome: None, settled: now, came: false };
        self.sent += 1;
        assert!(self.messages.insert(id, message).is_none(), "a number is used once");
    }

    pub fn settled(&mut self, now: Instant, id: Id, outcome: Result<Delivery, Failure>) {
        let Some(message) = self.messages.get_mut(&id) else {
            return self.violated(format!("{id:?}: a second outcome, {outcome:?}"));
        };
        if let Some(before) = &message.outcome {
            let what = format!("{id:?}: {outcome:?} after {before:?}");
            return self.violated(what);
        }
        let came = message.came;
        (message.outcome, message.settled) = (Some(outcome.clone()), now);
        let took = now - message.sent;
        let delivery = match outcome {
            Ok(delivery) => delivery,
            Err(failure) => {
                let name = format!("{failure:?}");
                let name = name.split('(').next().unwrap_or_default().to_owned();
                *self.failed.entry(name).or_default() += 1;
                return;
            }
        };
        self.outcome[delivery as usize].add(took);
        if !came && delivery != Delivery::Stored {
            self.violated(format!("{id:?}: called {delivery:?}, and has not come"));
        }
    }

    pub fn came(
        &mut self,
        now: Instant,
        (author, number): Id,
        author_life: u32,
        to: Run,
        route: Route,
    ) {
        let id = (author, number);
        let this = Last { author_life, life: to.life, number };
        let last = self.last.insert((to.client, author), this);
        let is_behind = last.is_some_and(|last| {
            (last.author_life, last.life) == (author_life, to.life) && number <= last.number
        });
        if is_behind {
            self.violated(format!("{id:?}: came to {to:?} after {last:?}"));
        }
        self.late += u64::from(last.is_some_and(|last| last.author_life > author_life));
        let Some(message) = self.messages.get_mut(&id) else {
            return self.violated(format!("{id:?}: came to {to:?}, and was never sent"));
        };
        let known = matches!(message.outcome, Some(Ok(Delivery::Received | Delivery::Relayed)))
            && message.settled < to.began;
        let denied = matches!(
            message.outcome,
            Some(Err(Failure::UnknownUser(_) | Failure::TooLong(_) | Failure::TooManyPending))
        );
        let (first, recipient) = (!message.came, message.recipient);
        message.came = true;
        let took = now - message.sent;
        if recipient != to.client || denied || known {
            return self
                .violated(format!("{id:?}: came to {to:?}, for {recipient}, {denied} {known}"));
        }
        if !first {
            self.again += 1;
            return;
        }
        self.came[route as usize] += 1;
        if let Some(latencies) = self.arrival.get_mut(route as usize) {
            latencies.add(took);
        }
    }

    /// Messages that were accepted and have not come.
    pub fn missing(&self) -> impl Iterator<Item = Id> + '_ {
        let is_missing =
            |message: &Message| !message.came && matches!(message.outcome, Some(Ok(_)));
        self.messages.iter().filter(move |(_, message)| is_missing(message)).map(|(id, _)| *id)
    }

    /// Messages that have no outcome.
    pub fn open(&self) -> impl Iterator<Item = Id> + '_ {
        let open = self.messages.iter().filter(|(_, message)| message.outcome.is_none());
        open.map(|(id, _)| *id)
    }

    /// What is known of a message.
    pub fn describe(&self, id: Id) -> String {
        format!("{id:?}: {:?}", self.messages.get(&id))
    }
}
