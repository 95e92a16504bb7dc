//! What becomes of what a client's engine emits.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::outbox::Outbox;
use super::pending::Hasten;
use super::waiting::{Awaited, Told, Waiting};
use super::{Error, Incoming};
use crate::net::{Later, Outlet, Port};
use crate::proto::{self, ClientCommand, ClientEmit, Stats, Ticket};

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
/// lock.
pub(super) struct ClientOutlet {
    outbox: Outbox<Incoming>,
    waiting: Waiting,
    server: SocketAddr,
}

impl ClientOutlet {
    pub(super) fn new(outbox: Outbox<Incoming>, server: SocketAddr) -> Self {
        Self { outbox, waiting: Waiting::default(), server }
    }

    /// Somebody waits for an outcome: the ticket with which that comes.
    pub(super) fn awaits(&mut self, awaited: Awaited) -> Ticket {
        self.waiting.add(awaited)
    }

    fn told(&mut self, told: Option<Told>, later: &mut Vec<Later>) {
        match told {
            Some(Told::Call(call)) => self.outbox.put_call(call),
            Some(Told::Later(left)) => later.push(left),
            None => {}
        }
    }
}

impl Drop for ClientOutlet {
    fn drop(&mut self) {
        // With no lock held: the driver drops it so.
        let mut later = Vec::new();
        for told in self.waiting.close() {
            self.told(Some(told), &mut later);
        }
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
        let error = |failure| Error::from_failure(failure, self.server);
        // What was emitted before an outcome can be taken by whoever has the outcome.
        match emit {
            ClientEmit::Message(arrival) => {
                let bytes = arrival.text.len();
                self.outbox.put_text(Incoming::Message(arrival.into()), bytes);
            }
            ClientEmit::Event(event) => self.outbox.put(Incoming::Event(event)),
            ClientEmit::Sent(ticket, outcome) => {
                let first = || self.outbox.flush(later);
                let told = self.waiting.tell_message(ticket, outcome.map_err(error), first);
                self.told(told, later);
            }
            ClientEmit::Session(ticket, outcome) => {
                let first = || self.outbox.flush(later);
                let told = self.waiting.tell_session(ticket, outcome.map_err(error), first);
                self.told(told, later);
            }
            ClientEmit::Closed => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn flush(&mut self, later: &mut Vec<Later>) {
        self.outbox.flush(later);
    }
}
