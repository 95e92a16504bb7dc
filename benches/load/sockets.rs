//! A few sockets for many addresses: each client has an address of its own out of 127.0.0.0/8, from which its
//! datagrams go and at which they come, whichever socket carries them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

/// How many sockets there are: what waits in one is bounded by its buffer.
const SOCKETS: usize = 4;

const BUFFER: usize = 4 << 20;

/// The longest that the system gathers of one sender.
const MAX_UDP: usize = 65_536;

/// The first address.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 0]);

/// How many there are: some are left out at the end, where the broadcast address is.
pub const ADDRESSES: u64 = (126 << 16) * 254 / 256;

struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    port: u16,
}

pub struct Sockets {
    sockets: Vec<Socket>,
    poll: Poll,
    /// Datagrams that the system would not take.
    pub failures: u64,
}

/// Datagrams as they are received.
pub struct Batch(Vec<u8>);

impl Batch {
    pub fn new() -> Self {
        Self(vec![0; MAX_UDP * BATCH_SIZE])
    }
}

impl Sockets {
    pub fn open() -> io::Result<Self> {
        let poll = Poll::new()?;
        let open = |at| {
            let mut io = UdpSocket::bind(SocketAddr::from(([0; 4], 0)))?;
            let state = UdpSocketState::new((&io).into())?;
            // Smaller ones will do.
            let _ = state.set_recv_buffer_size((&io).into(), BUFFER);
            let _ = state.set_send_buffer_size((&io).into(), BUFFER);
            poll.registry().register(&mut io, Token(at), Interest::READABLE)?;
            let port = io.local_addr()?.port();
            Ok(Socket { io, state, port })
        };
        let sockets = (0..SOCKETS).map(open).collect::<io::Result<_>>()?;
        Ok(Self { sockets, poll, failures: 0 })
    }

    pub fn ports(&self) -> Vec<u16> {
        self.sockets.iter().map(|socket| socket.port).collect()
    }

    /// The address of this number.
    pub fn address(&self, number: u64) -> SocketAddr {
        assert!(number < ADDRESSES, "more addresses than 127.0.0.0/8 has");
        let ip = Ipv4Addr::from(FIRST + number as u32);
        (ip, self.sockets[number as usize % SOCKETS].port).into()
    }

    /// Sends a datagram from one of these addresses.
    pub fn send(&mut self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let socket = self.sockets.iter().find(|socket| socket.port == from.port()).unwrap();
        let src_ip = Some(from.ip());
        let transmit =
            Transmit { destination: to, ecn: None, contents, segment_size: None, src_ip };
        let sent = socket.state.try_send((&socket.io).into(), &transmit);
        self.failures += u64::from(sent.is_err());
    }

    /// What has come at one of the sockets, up to a batch: from whom, the number of the address where it came,
    /// and the datagram.
    pub fn receive<'a>(
        &self,
        at: usize,
        batch: &'a mut Batch,
    ) -> Option<impl Iterator<Item = (SocketAddr, u64, &'a [u8])> + use<'a>> {
        let socket = self.sockets.get(at)?;
        let mut found = [RecvMeta::default(); BATCH_SIZE];
        let mut slices = batch.0.chunks_mut(MAX_UDP).map(IoSliceMut::new);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| slices.next().unwrap());
        let count = socket.state.recv((&socket.io).into(), &mut buffers, &mut found).ok()?;
        let batch: &'a Batch = batch;
        let datagrams = found.into_iter().take(count).zip(batch.0.chunks(MAX_UDP));
        Some(datagrams.flat_map(|(found, buffer)| {
            let Some(IpAddr::V4(ip)) = found.dst_ip else { panic!("where it came is not told") };
            let number = u64::from(u32::from(ip).wrapping_sub(FIRST));
            let train = buffer[..found.len].chunks(found.stride.max(1));
            train.map(move |payload| (found.addr, number, payload))
        }))
    }

    /// Waits until something has come, and no longer than this.
    pub fn wait(&mut self, most: Duration) {
        let mut events = Events::with_capacity(SOCKETS);
        match self.poll.poll(&mut events, Some(most)) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
        }
    }

    pub fn count(&self) -> usize {
        self.sockets.len()
    }
}

/// Datagrams for this port that the system had no room for.
pub fn dropped_at(port: u16) -> u64 {
    let listed = std::fs::read_to_string("/proc/net/udp").unwrap();
    let of = format!(":{port:04X}");
    let lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = lines.filter(|words| words.get(1).is_some_and(|local| local.ends_with(&of)));
    ours.map(|words| words.last().unwrap().parse::<u64>().unwrap()).sum()
}
