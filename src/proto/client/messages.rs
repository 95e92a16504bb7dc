//! The messages of one conversation that have no outcome yet.
//!
//! The invariants: they stand in the order of their numbers; and how many of them are nowhere yet is counted, so
//! that the next of those is found without looking at all that are under way.

use std::collections::VecDeque;

use super::Ticket;
use crate::wire::Session;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere yet.
    Waiting,
    /// On its way to the recipient itself, in the flow with this session; to a classic program, in none.
    Direct(Option<Session>),
    /// With the server.
    AtServer,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) ticket: Ticket,
    pub(super) number: u64,
    pub(super) text: String,
    place: Place,
    /// It was given to somebody who said nothing of it, and may have it.
    pub(super) in_doubt: bool,
    /// The server said once that the recipient is there.
    pub(super) retried: bool,
}

impl Place {
    pub(super) fn is_direct(&self) -> bool {
        matches!(self, Self::Direct(_))
    }

    fn flow(self) -> Option<Session> {
        match self {
            Self::Direct(session) => session,
            Self::Waiting | Self::AtServer => None,
        }
    }

    pub(super) fn is_at_server(&self) -> bool {
        matches!(self, Self::AtServer)
    }
}

impl Message {
    /// One that is nowhere yet.
    pub(super) fn new(ticket: Ticket, number: u64, text: String) -> Self {
        Self { ticket, number, text, place: Place::Waiting, in_doubt: false, retried: false }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether it was given to somebody before, of whom it was taken back.
    pub(super) fn is_given_again(&self) -> bool {
        self.retried || self.in_doubt
    }
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    in_order: VecDeque<Message>,
    /// How many are nowhere yet.
    waiting: usize,
}

impl Messages {
    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.in_order.iter()
    }

    pub(super) fn first(&self) -> Option<&Message> {
        self.in_order.front()
    }

    /// Adds one, whose number is higher than any other's.
    pub(super) fn push(&mut self, message: Message) {
        self.waiting += usize::from(message.place == Place::Waiting);
        self.in_order.push_back(message);
    }

    /// The flow in which all of them are under way: they are on the same path.
    pub(super) fn flow(&self) -> Option<Session> {
        if self.any_waits() { None } else { self.in_order.back()?.place.flow() }
    }

    /// The flow of each that is in one.
    pub(super) fn flows(&self) -> impl Iterator<Item = Session> {
        self.iter().filter_map(|message| message.place.flow())
    }

    /// Whether none is under way.
    pub(super) fn all_wait(&self) -> bool {
        self.waiting == self.in_order.len()
    }

    /// Whether none is under way, nor was given to somebody who may have it: that would be the first.
    pub(super) fn all_are_nowhere(&self) -> bool {
        self.all_wait() && self.first().is_none_or(|first| !first.in_doubt)
    }

    /// Whether one is nowhere yet.
    pub(super) fn any_waits(&self) -> bool {
        self.waiting > 0
    }

    /// Where the first stands that is nowhere yet.
    pub(super) fn first_waiting(&self) -> Option<usize> {
        // From the end: what is added waits there, behind all that is under way.
        let mut before = self.waiting.checked_sub(1)?;
        let waiting = |(_, message): &(usize, &Message)| message.place == Place::Waiting;
        for (index, _) in self.in_order.iter().enumerate().rev().filter(waiting) {
            if before == 0 {
                return Some(index);
            }
            before -= 1;
        }
        None
    }

    fn find(&self, number: u64) -> Option<usize> {
        // Mostly it is the oldest.
        if self.first().is_some_and(|first| first.number == number) {
            return Some(0);
        }
        self.in_order.binary_search_by_key(&number, |message| message.number).ok()
    }

    pub(super) fn get(&self, number: u64) -> Option<&Message> {
        self.in_order.get(self.find(number)?)
    }

    /// The server says that the recipient of a message is there: it is to be tried again.
    pub(super) fn retry(&mut self, number: u64) {
        let index = self.find(number);
        if let Some(message) = index.and_then(|index| self.in_order.get_mut(index)) {
            self.waiting += usize::from(message.place != Place::Waiting);
            (message.place, message.retried) = (Place::Waiting, true);
        }
    }

    /// One that is nowhere yet goes there.
    pub(super) fn begin(&mut self, index: usize, place: Place) -> Option<&Message> {
        let message = self.in_order.get_mut(index)?;
        self.waiting -= usize::from(message.place == Place::Waiting);
        self.waiting += usize::from(place == Place::Waiting);
        message.place = place;
        Some(message)
    }

    /// All that are nowhere yet go there, in order.
    pub(super) fn begin_all(&mut self, place: Place, mut each: impl FnMut(&Message)) {
        let Some(first) = self.first_waiting() else { return };
        let waiting = |message: &&mut Message| message.place == Place::Waiting;
        for message in self.in_order.range_mut(first..).filter(waiting) {
            self.waiting -= usize::from(place != Place::Waiting);
            message.place = place;
            each(message);
        }
    }

    /// Whoever has those at a place does not answer: they are given to somebody again. How many.
    pub(super) fn take_back(&mut self, from: fn(&Place) -> bool) -> usize {
        let mut taken = 0;
        for message in self.in_order.iter_mut().filter(|message| from(&message.place)) {
            message.place = Place::Waiting;
            message.in_doubt = true;
            taken += 1;
        }
        self.waiting += taken;
        taken
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Message> {
        let message = self.in_order.remove(self.find(number)?)?;
        self.waiting -= usize::from(message.place == Place::Waiting);
        Some(message)
    }

    /// Takes all out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Message> {
        self.waiting = 0;
        self.in_order.drain(..)
    }

    /// Whether what is counted is so.
    pub(super) fn is_sound(&self) -> bool {
        let waiting = self.iter().filter(|message| message.place == Place::Waiting).count();
        waiting == self.waiting && self.iter().is_sorted_by(|a, b| a.number < b.number)
    }
}
