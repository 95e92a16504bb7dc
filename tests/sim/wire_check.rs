//! What our engines may put on the wire.
//!
//! - No datagram is longer than a classic program reads.
//! - A classic table has rows of three elements.
//! - Stop and wait: at most one datagram to an address is unacknowledged, and the next goes out
//!   only when the acks of those before it are in, or one second has passed since the last of
//!   them. A Verification alone, whose answer is any ack, does not wait.
//! - A request to the server is followed by another only when it was answered, or was sent five
//!   times.
//! - A packet of the current dialect has at most 1200 bytes; a number of a session is one packet's,
//!   which says the same each time; and no more than a window of them is under way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use superchat::proto::Instant;
use superchat::wire::{
    Datagram, Frame, Header, MAX_DATAGRAM, MAX_PACKET, Packet, Sequence, Session, is_packet,
};

/// How long an ack can still come, as far as our engines are concerned.
pub const ACK_LIFETIME: Duration = Duration::from_secs(1);

/// How often a request is sent before its client gives up.
const TRIES: u32 = 5;

/// What is under way from one address to another.
#[derive(Debug, Default)]
struct Flow {
    datagram: Vec<u8>,
    /// How often anything was sent, less the acks that came.
    unacknowledged: u32,
    last_sent: Instant,
}

#[derive(Debug, Clone)]
struct Request {
    datagram: Vec<u8>,
    sent: u32,
    answered: bool,
}

#[derive(Debug, Default)]
pub struct WireCheck {
    flows: BTreeMap<(SocketAddr, SocketAddr), Flow>,
    requests: BTreeMap<SocketAddr, Request>,
    /// What the packets of one session to another say.
    packets: BTreeMap<(Session, Session), BTreeMap<u64, Vec<Frame>>>,
}

/// Packets that may be under way.
const WINDOW: u64 = 64;

/// Packets of a flow that are remembered: no older one is sent again.
const REMEMBERED: usize = 200;

fn check_classic_rows(table: &[u8]) {
    let table: Value = serde_json::from_slice(table).unwrap();
    let rows: BTreeMap<String, Vec<Value>> =
        serde_json::from_str(table["Msg"].as_str().unwrap()).unwrap();
    assert!(rows.values().all(|row| row.len() == 3), "of a classic table: {rows:?}");
}

impl WireCheck {
    /// One of our engines sends this.
    pub fn sent(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        assert!(payload.len() <= MAX_DATAGRAM, "{from} sends {} bytes to {to}", payload.len());
        if is_packet(payload) {
            assert!(payload.len() <= MAX_PACKET, "{from} sends {} bytes to {to}", payload.len());
            let packet = Packet::decode(payload).expect("what our engines send, they can read");
            return self.numbered(packet);
        }
        match Datagram::decode(payload).expect("what our engines send, they can read") {
            datagram @ Datagram::Table(_) => {
                check_classic_rows(payload);
                self.pushed(now, from, to, &datagram, payload);
            }
            Datagram::Ack => {}
            // The last word of a client that is closed waits for nothing.
            Datagram::Deregister { .. } => {}
            Datagram::Register { nickname, hello } => {
                // With the cookie or without it is the same request.
                let number = hello.map(|hello| hello.number);
                self.requested(from, format!("Reg {nickname} {number:?}").as_bytes());
            }
            Datagram::Keep { .. } => self.requested(from, payload),
            datagram => self.pushed(now, from, to, &datagram, payload),
        }
    }

    fn numbered(&mut self, packet: Packet) {
        let Packet { header: Header { from, to, sequence, .. }, frames } = packet;
        let Some(Sequence { number, floor }) = sequence else { return };
        assert!(number - floor < WINDOW, "{number} is sent, and {floor} is not acknowledged");
        let packets = self.packets.entry((from, to)).or_default();
        let said = packets.entry(number).or_insert_with(|| frames.clone());
        assert_eq!(*said, frames, "two packets have the number {number}");
        while packets.len() > REMEMBERED {
            packets.pop_first();
        }
    }

    fn requested(&mut self, from: SocketAddr, payload: &[u8]) {
        let fresh = Request { datagram: payload.to_vec(), sent: 0, answered: false };
        let request = self.requests.entry(from).or_insert(fresh.clone());
        if request.datagram != payload {
            // Registrations have numbers: who registers by itself is told to by its user as well.
            let numbered = |datagram: &[u8]| datagram.starts_with(b"Reg");
            let both = numbered(&request.datagram) && numbered(payload);
            let over = both || request.answered || request.sent >= TRIES;
            assert!(over, "{from} asks for two things at once");
            *request = fresh;
        }
        request.sent += 1;
    }

    fn pushed(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        datagram: &Datagram,
        payload: &[u8],
    ) {
        // A table is written anew each time that it is sent, and is still the same datagram.
        let same_as = match datagram {
            Datagram::Table(_) => b"Table",
            _ => payload,
        };
        let flow = self.flows.entry((from, to)).or_default();
        if now - flow.last_sent >= ACK_LIFETIME {
            flow.unacknowledged = 0;
        }
        let again = flow.datagram == same_as;
        let verification = *datagram == Datagram::Verification;
        assert!(
            again || verification || flow.unacknowledged == 0,
            "{from} does not wait for {to} to acknowledge {:?}",
            String::from_utf8_lossy(&flow.datagram),
        );
        flow.unacknowledged += 1;
        if !verification {
            flow.datagram = same_as.to_vec();
        }
        flow.last_sent = now;
    }

    /// One of our engines reads this.
    pub fn received(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        match Datagram::decode(payload) {
            Ok(Datagram::Ack) => {
                if let Some(flow) = self.flows.get_mut(&(to, from)) {
                    flow.unacknowledged = flow.unacknowledged.saturating_sub(1);
                }
            }
            Ok(Datagram::Notification { .. }) => self.answered(to),
            // What it has in it the engine knows.
            Err(_) if is_packet(payload) => self.answered(to),
            _ => {}
        }
    }

    fn answered(&mut self, at: SocketAddr) {
        if let Some(request) = self.requests.get_mut(&at) {
            request.answered = true;
        }
    }

    /// Another program runs at this address from now on.
    pub fn restarted(&mut self, at: SocketAddr) {
        self.flows.retain(|(from, _), _| *from != at);
        self.requests.remove(&at);
    }
}
