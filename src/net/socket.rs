//! The socket: datagrams are received many at a time, and sent many at a time.
//!
//! The invariant: what is given out and taken is single datagrams, whatever the system makes of them. It gathers
//! datagrams of one sender (GRO), and takes several of one length apart (GSO): for the path that is nothing else
//! than the same datagrams one after the other.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo, ReceiveTimestampns};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

/// The longest UDP datagram, and the most that the system gathers into one buffer: none is cut.
pub(super) const MAX_UDP: usize = 65_536;

/// What the system is asked to keep until it is read, or sent. It gives what it allows, which is often less: what
/// does not fit is lost, and sent again.
const SOCKET_BUFFER: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let io = UdpSocket::bind(address)?;
        let state = UdpSocketState::new((&io).into())?;
        // A classic datagram may be longer than a path takes in one piece.
        sockopt::set_ip_mtu_discover(&io, Ipv4PathMtuDiscovery::WANT)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_mtu_discover(&io, Ipv6PathMtuDiscovery::WANT)?;
        }
        say_less(&io, address.is_ipv6());
        // Smaller ones will do.
        let _ = state.set_recv_buffer_size((&io).into(), SOCKET_BUFFER);
        let _ = state.set_send_buffer_size((&io).into(), SOCKET_BUFFER);
        Ok(Self { io, state })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.io.register(registry, token, Interest::READABLE)
    }

    /// Receives what has come, up to a batch.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing has; any other is of an earlier datagram (a port that is
    /// closed), or an interruption.
    pub(super) fn receive<'a>(
        &self,
        batch: &'a mut Batch,
    ) -> io::Result<impl ExactSizeIterator<Item = Train<'a>>> {
        let Batch { bytes, places } = batch;
        let mut found = [RecvMeta::default(); BATCH_SIZE];
        let mut slices = bytes.chunks_mut(MAX_UDP).map(IoSliceMut::new);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let buffers = buffers.get_mut(..*places).unwrap_or_default();
        let count = self.state.recv((&self.io).into(), buffers, &mut found)?;
        *places = (2 * count).clamp(FEW, BATCH_SIZE);
        let trains = found.into_iter().take(count).zip(bytes.chunks(MAX_UDP));
        Ok(trains.map(|(found, buffer)| Train {
            from: found.addr,
            bytes: buffer.get(..found.len).unwrap_or_default(),
            length: found.stride,
        }))
    }

    /// How many datagrams of one length to one place are a train.
    pub(super) fn longest_train(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends datagrams of this length to one place; the last may be shorter.
    pub(super) fn send_train(
        &self,
        to: SocketAddr,
        contents: &[u8],
        length: usize,
    ) -> io::Result<()> {
        let segment_size = Some(length);
        let transmit =
            Transmit { destination: to, ecn: None, contents, segment_size, src_ip: None };
        self.state.try_send((&self.io).into(), &transmit)
    }

    /// Sends the first of these datagrams, and as many after it as the system takes at once. How many it took: one at
    /// the least.
    ///
    /// # Errors
    /// It did not take the first.
    pub(super) fn send_each(&self, datagrams: &[(SocketAddr, &[u8])]) -> io::Result<usize> {
        if let [(to, payload)] = datagrams {
            return self.io.send_to(payload, *to).map(|_| 1);
        }
        let places: Vec<SocketAddrAny> = datagrams.iter().map(|(to, _)| to.as_any()).collect();
        let slices: Vec<_> = datagrams.iter().map(|(_, payload)| [IoSlice::new(payload)]).collect();
        // No control message goes along, which the system would have to read.
        let mut control: Vec<_> =
            datagrams.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut headers: Vec<_> = places
            .iter()
            .zip(&slices)
            .zip(&mut control)
            .map(|((to, slice), control)| MMsgHdr::new_with_addr(to, slice, control))
            .collect();
        Ok(sendmmsg(&self.io, &mut headers, SendFlags::empty())?)
    }
}

/// Nobody asks when a datagram came, at which address, and how congested its path is, which the system would say of
/// each. It may say it all the same.
fn say_less(io: &UdpSocket, is_ipv6: bool) {
    let _ = setsockopt(io, ReceiveTimestampns, &false);
    let _ = sockopt::set_ip_recvtos(io, false);
    if is_ipv6 {
        let _ = setsockopt(io, Ipv6RecvPacketInfo, &false);
        let _ = sockopt::set_ipv6_recvtclass(io, false);
    } else {
        let _ = setsockopt(io, Ipv4PacketInfo, &false);
    }
}

/// Trains that are looked for where one came last: each place takes time to prepare, also where nothing comes.
const FEW: usize = if BATCH_SIZE < 2 { BATCH_SIZE } else { 2 };

/// Where datagrams are received: 2 MB, of which the system gives what is used.
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// How many trains are looked for next: twice as many as came when something did.
    places: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; MAX_UDP * BATCH_SIZE], places: FEW }
    }
}

/// Datagrams of one sender, one after the other, all of one length but perhaps the last.
pub(super) struct Train<'a> {
    pub(super) from: SocketAddr,
    bytes: &'a [u8],
    length: usize,
}

impl<'a> Train<'a> {
    pub(super) fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        // An empty one is one.
        let empty = Some(self.bytes).filter(|bytes| bytes.is_empty());
        empty.into_iter().chain(self.bytes.chunks(self.length.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::getsockopt;

    use super::*;

    #[test]
    fn the_system_says_no_more_of_a_datagram_than_its_sender() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Socket { io, .. } = Socket::bind(address.parse().unwrap()).unwrap();
            assert_eq!(getsockopt(&io, ReceiveTimestampns), Ok(false));
            assert_eq!(sockopt::ip_recvtos(&io), Ok(false));
            match io.local_addr().unwrap() {
                SocketAddr::V4(_) => assert_eq!(getsockopt(&io, Ipv4PacketInfo), Ok(false)),
                SocketAddr::V6(_) => assert_eq!(getsockopt(&io, Ipv6RecvPacketInfo), Ok(false)),
            }
        }
    }
}
