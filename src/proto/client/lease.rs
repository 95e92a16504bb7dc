//! Whether the server is there, and what happens where it is not.

use std::time::Duration;

use super::peers::Sent;
use super::request::Request;
use super::server::Current;
use super::{Client, ClientEvent, Failure, Phase, Ticket, Timer};
use crate::proto::Now;
use crate::proto::flow::Flow;
use crate::wire::{Frame, Header, Nickname, Packet};

/// How long the server may be silent before it is asked whether it is there: longer than its own
/// leases are, so that it is mostly the server that asks.
const LEASE: Duration = Duration::from_secs(20);

/// How long a message waits for a server that is lost: as long as one that does not answer is asked.
const OUTAGE_PATIENCE: Duration = Duration::from_millis(2500);

/// How often it is asked, and how far apart.
const PINGS: u32 = 4;
const PING_PATIENCE: Duration = Duration::from_millis(750);

/// How long the last word of a program that ends is waited for.
const FAREWELL: Duration = Duration::from_secs(1);

impl Client {
    /// Whatever the server does from now on, the end comes.
    pub(super) fn begin_farewell(&mut self, now: Now) {
        self.timers.set(Timer::Farewell, now.at + FAREWELL);
    }

    /// The server was waited for long enough.
    pub(super) fn on_farewell_over(&mut self, now: Now) {
        self.go_offline(now, &Failure::Closed);
        if self.phase != Phase::Closed {
            self.end();
        }
    }

    /// The server was heard.
    pub(super) fn begin_lease(&mut self, now: Now) {
        self.timers.set(Timer::Lease, now.at + LEASE);
    }

    /// The server does not answer.
    pub(super) fn on_server_silent(&mut self, now: Now) {
        if let Some(ticket) = self.current.as_mut().and_then(Current::take_deregistering) {
            return self.end_deregistration(now, ticket, Err(Failure::ServerNotResponding));
        }
        if self.phase != Phase::Lost {
            self.event(ClientEvent::ServerLost);
        }
        self.lose_server(now);
    }

    /// The server is gone: the client registers again as soon as it is back.
    pub(super) fn lose_server(&mut self, now: Now) {
        self.settle_registration();
        if let Some(session) = self.server_session()
            && let Some(flow) = self.flows.get_mut(session)
        {
            drop(flow.abandon());
        }
        self.timers.stop(&Timer::Lease);
        let online = self.phase == Phase::Online;
        if online {
            self.phase = Phase::Lost;
        }
        self.fail_at_server(now, &Failure::ServerNotResponding);
        if online {
            let nickname = self.nickname.clone();
            self.event(ClientEvent::Deregistered { nickname });
            self.register_again(now);
        }
    }

    /// A message needs the server, which is lost: it waits a while for it to come back.
    pub(super) fn await_server(&mut self, now: Now) {
        if !self.timers.is_set(&Timer::Outage) {
            self.timers.set(Timer::Outage, now.at + OUTAGE_PATIENCE);
        }
    }

    pub(super) fn on_outage(&mut self, now: Now) {
        if self.phase == Phase::Lost {
            self.fail_waiting(now, &Failure::ServerNotResponding);
        }
    }

    /// Registers by itself, under the nickname and in the session that it has.
    pub(super) fn register_again(&mut self, now: Now) {
        if self.is_registering() || self.closing {
            return;
        }
        self.register(now, None, self.nickname.clone());
    }

    /// Asks to be registered. What a server that speaks the current dialect was told before counts
    /// no more from then on, and is told again.
    pub(super) fn register(&mut self, now: Now, ticket: Option<Ticket>, nickname: Nickname) {
        let number = self.next_number();
        // Which one it is for this nickname is known when the server is asked.
        let session = self.flows.own();
        self.request(now, Request::Register { ticket, nickname, session, number });
    }

    /// The number of the next packet to the server.
    pub(super) fn next_to_server(&self, now: Now) -> u64 {
        let flow = self.server_session().and_then(|session| self.flows.get(session));
        flow.map_or_else(|| Flow::<Sent>::fresh_number(now.at), Flow::next_number)
    }

    /// The server may have been silent for the length of a lease.
    pub(super) fn on_lease_over(&mut self, now: Now) {
        let own = self.flows.own();
        let Some(current) = &mut self.current else { return };
        if now.at < current.heard + LEASE {
            return self.timers.set(Timer::Lease, current.heard + LEASE);
        }
        if current.pings >= PINGS {
            return self.on_server_silent(now);
        }
        current.pings += 1;
        let mut header = Header::new(own, current.session);
        header.revision = Some(current.revision);
        self.timers.set(Timer::Lease, now.at + PING_PATIENCE);
        let ask = Packet { header, frames: vec![Frame::Verification] };
        self.transmit(self.server, ask.encode());
    }
}
