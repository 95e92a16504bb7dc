//! What is to be sent waits until all that leads to something was taken: a system call is dear, and takes many
//! datagrams, also to many places.
//!
//! The invariant: datagrams are sent in the order in which they were pushed.

use std::io;
use std::net::SocketAddr;

use quinn_udp::BATCH_SIZE;

use super::socket::{MAX_UDP, Socket};
use crate::wire::MAX_PACKET;

/// Trains that wait for each other: as many as are received in a batch, most of which lead to one. More would make the
/// first wait longer.
const MOST: usize = BATCH_SIZE;

/// Bytes of them, past which no further one waits: two of the longest.
const MOST_BYTES: usize = 2 * MAX_UDP;

/// Datagrams to one place, one after the other, all of one length but perhaps the last.
#[derive(Debug)]
struct Train {
    to: SocketAddr,
    length: usize,
    count: usize,
    bytes: usize,
}

/// Datagrams that are to be sent: those to one place that follow one another as a train, and trains together.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    trains: Vec<Train>,
    /// What is in them, one after the other.
    bytes: Vec<u8>,
}

/// Datagrams that the operating system would not take.
pub(super) struct Unsent {
    /// Where the last of them was to go.
    pub(super) to: SocketAddr,
    pub(super) count: usize,
    pub(super) error: io::Error,
}

impl Train {
    /// Whether it goes with this datagram as well. What a path does not carry in one piece, it does not take apart
    /// either.
    fn takes(&self, to: SocketAddr, payload: &[u8], longest: usize) -> bool {
        self.to == to
            && self.length <= MAX_PACKET
            && self.bytes == self.length * self.count
            && (1..=self.length).contains(&payload.len())
            && self.count < longest
            && self.bytes + payload.len() < MAX_UDP - 100
    }
}

impl Outgoing {
    /// Adds a datagram. If there is no room for it, what waits is sent.
    pub(super) fn push(
        &mut self,
        socket: &Socket,
        to: SocketAddr,
        payload: &[u8],
    ) -> Result<(), Unsent> {
        let last = self.trains.last_mut();
        if let Some(train) = last.filter(|last| last.takes(to, payload, socket.longest_train())) {
            train.count += 1;
            train.bytes += payload.len();
            self.bytes.extend_from_slice(payload);
            return Ok(());
        }
        let is_full = self.trains.len() == MOST || self.bytes.len() + payload.len() > MOST_BYTES;
        let sent = if is_full { self.send(socket) } else { Ok(()) };
        self.trains.push(Train { to, length: payload.len(), count: 1, bytes: payload.len() });
        self.bytes.extend_from_slice(payload);
        sent
    }

    /// Sends what waits.
    pub(super) fn send(&mut self, socket: &Socket) -> Result<(), Unsent> {
        let mut unsent = Ok(());
        let mut fail = |to, count, error| {
            let before = unsent.as_ref().err().map_or(0, |unsent: &Unsent| unsent.count);
            unsent = Err(Unsent { to, count: before + count, error });
        };
        let mut lone = Vec::with_capacity(self.trains.len());
        let mut rest = self.bytes.as_slice();
        for train in &self.trains {
            let (bytes, after) = rest.split_at_checked(train.bytes).unwrap_or((rest, &[]));
            rest = after;
            if train.count == 1 {
                lone.push((train.to, bytes));
                continue;
            }
            send_all(socket, &lone, &mut fail);
            lone.clear();
            if let Err(error) = socket.send_train(train.to, bytes, train.length) {
                fail(train.to, train.count, error);
            }
        }
        send_all(socket, &lone, &mut fail);
        self.trains.clear();
        self.bytes.clear();
        unsent
    }
}

/// Sends datagrams that are in no train, those behind one that cannot be sent as well.
fn send_all(
    socket: &Socket,
    mut datagrams: &[(SocketAddr, &[u8])],
    fail: &mut impl FnMut(SocketAddr, usize, io::Error),
) {
    while let [(to, _), others @ ..] = datagrams {
        datagrams = match socket.send_each(datagrams) {
            Ok(sent) => datagrams.get(sent.max(1)..).unwrap_or_default(),
            Err(error) => {
                fail(*to, 1, error);
                others
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than fits a UDP datagram.
    const TOO_LONG: usize = MAX_UDP;

    fn socket() -> Socket {
        Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    /// What comes to a socket, as many as there are, each by its first byte.
    fn first_bytes(at: &std::net::UdpSocket, count: usize) -> Vec<u8> {
        let mut buffer = vec![0; MAX_UDP];
        let mut next = || at.recv(&mut buffer).map(|_| buffer[0]).unwrap();
        (0..count).map(|_| next()).collect()
    }

    fn receiver() -> (std::net::UdpSocket, SocketAddr) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        // What does not come fails the test, and does not stop it.
        socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn what_goes_to_several_places_comes_to_each_in_order() {
        let (socket, mut outgoing) = (socket(), Outgoing::default());
        let receivers = [receiver(), receiver()];
        // Alone, in trains, and past what waits.
        let whom = |n: u8| usize::from(n.is_multiple_of(5));
        for n in 0..100 {
            let sent = outgoing.push(&socket, receivers[whom(n)].1, &[n; 50]);
            assert!(sent.is_ok());
        }
        assert!(outgoing.send(&socket).is_ok());
        for (index, (receiver, _)) in receivers.iter().enumerate() {
            let wanted: Vec<u8> = (0..100).filter(|n| whom(*n) == index).collect();
            assert_eq!(first_bytes(receiver, wanted.len()), wanted);
        }
    }

    #[test]
    fn no_more_waits_than_may() {
        let (socket, mut outgoing) = (socket(), Outgoing::default());
        let receivers = [receiver(), receiver()];
        for n in 0..=MOST {
            assert!(outgoing.push(&socket, receivers[n % 2].1, &[n as u8]).is_ok());
        }
        assert_eq!(outgoing.trains.len(), 1, "the others were sent");
        let most = vec![0; 60_000];
        for (_, to) in receivers.iter().cycle().take(10) {
            assert!(outgoing.push(&socket, *to, &most).is_ok());
            assert!(outgoing.bytes.len() <= MOST_BYTES);
        }
    }

    #[test]
    fn what_the_system_does_not_take_keeps_nothing_else_back() {
        let (socket, mut outgoing) = (socket(), Outgoing::default());
        let receivers = [receiver(), receiver()];
        for n in 0..8 {
            let length = if n == 0 || n == 3 || n == 7 { TOO_LONG } else { 10 };
            let to = receivers[usize::from(n % 2)].1;
            let sent = outgoing.push(&socket, to, &vec![n; length]);
            // Past the bytes that wait, what is before it goes.
            assert_eq!(sent.is_err(), n == 3 || n == 7);
        }
        let unsent = outgoing.send(&socket).unwrap_err();
        assert_eq!((unsent.to, unsent.count), (receivers[1].1, 1));
        assert_eq!(first_bytes(&receivers[0].0, 3), [2, 4, 6]);
        assert_eq!(first_bytes(&receivers[1].0, 2), [1, 5]);
    }
}
