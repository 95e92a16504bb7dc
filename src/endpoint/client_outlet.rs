//! What becomes of what a client's engine emits.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::outbox::Outbox;
use super::pending::Hasten;
use super::waiting::{Awaited, Call, Tell, Waiter, Waiting};
use super::{Error, Incoming};
use crate::net::{Later, Outlet, Port};
use crate::proto::{self, ClientCommand, ClientEmit, Delivery, Stats, Ticket};

/// What is shared by a client's threads.
pub(super) type ClientPort = Port<proto::Client, ClientOutlet>;

impl Hasten for ClientPort {
    fn hasten(&self) {
        if self.holds_back() {
            self.command(ClientCommand::Hasten);
        }
    }
}

/// Where a client's messages, events and outcomes go. Who waits for an outcome is added, and told, under the engine's
/// lock: by the batch, so that who takes messages and events is woken once for all that came together, and behind
/// them, so that what was emitted before an outcome can be taken by whoever has it.
pub(super) struct ClientOutlet {
    outbox: Outbox<Incoming>,
    /// Somebody is told of events, besides the log.
    hears_events: bool,
    waiting: Waiting,
    /// Outcomes of which what was emitted before cannot be taken yet.
    tells: Vec<Tell>,
    server: SocketAddr,
}

impl ClientOutlet {
    pub(super) fn new(outbox: Outbox<Incoming>, hears_events: bool, server: SocketAddr) -> Self {
        Self { outbox, hears_events, waiting: Waiting::default(), tells: Vec::new(), server }
    }

    /// Somebody waits for an outcome: the ticket with which that comes.
    pub(super) fn awaits(&mut self, awaited: Awaited) -> Ticket {
        self.waiting.add(awaited)
    }

    fn settle_message(
        &mut self,
        waiter: Waiter<Delivery>,
        outcome: Result<Delivery, Error>,
        later: &mut Vec<Later>,
    ) {
        match waiter {
            Waiter::Callback(callback) => self.outbox.put_call(Call::Message(callback, outcome)),
            Waiter::Pending(teller) if self.outbox.is_flushed() && self.tells.is_empty() => {
                later.extend(teller.tell(outcome));
            }
            Waiter::Pending(teller) => self.tells.push(Tell::Message(teller, outcome)),
        }
    }

    fn settle_session(&mut self, waiter: Waiter<()>, outcome: Result<(), Error>) {
        match waiter {
            Waiter::Callback(callback) => self.outbox.put_call(Call::Session(callback, outcome)),
            Waiter::Pending(teller) => self.tells.push(Tell::Session(teller, outcome)),
        }
    }
}

impl Drop for ClientOutlet {
    fn drop(&mut self) {
        // With no lock held: the driver drops it so.
        let mut later = Vec::new();
        for awaited in self.waiting.take_all() {
            match awaited {
                Awaited::Message(waiter) => {
                    self.settle_message(waiter, Err(Error::Closed), &mut later);
                }
                Awaited::Session(waiter) => self.settle_session(waiter, Err(Error::Closed)),
            }
        }
        self.flush(&mut later);
        later.into_iter().for_each(Later::run);
    }
}

impl Outlet<ClientEmit> for ClientOutlet {
    fn has_room(&self) -> bool {
        // What nobody is to have is not acknowledged.
        self.outbox.has_room() && !self.outbox.is_abandoned()
    }

    fn observe(&self, stats: &mut Stats) {
        stats.events_pending = self.outbox.len() as u64;
    }

    fn emit(&mut self, emit: ClientEmit, later: &mut Vec<Later>) -> ControlFlow<()> {
        let server = self.server;
        let error = |failure| Error::from_failure(failure, server);
        match emit {
            ClientEmit::Message(arrival) => {
                let bytes = arrival.text.len();
                self.outbox.put_text(Incoming::Message(arrival.into()), bytes);
            }
            ClientEmit::Event(event) => {
                self.outbox.put_event(Incoming::Event(event), self.hears_events);
            }
            ClientEmit::Sent(ticket, outcome) => {
                if let Some(waiter) = self.waiting.take_message(ticket) {
                    self.settle_message(waiter, outcome.map_err(error), later);
                }
            }
            ClientEmit::Session(ticket, outcome) => {
                if let Some(waiter) = self.waiting.take_session(ticket) {
                    self.settle_session(waiter, outcome.map_err(error));
                }
            }
            ClientEmit::Closed => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn flush(&mut self, later: &mut Vec<Later>) {
        self.outbox.flush(later);
        later.extend(self.tells.drain(..).filter_map(Tell::run));
    }
}
