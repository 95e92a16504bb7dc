//! What an endpoint counts.

/// Counters of one server or client since it started.
///
/// Every datagram that came is either acted on or counted under one of the reasons for which it
/// was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams that came, refused ones included.
    pub received: u64,
    /// Datagrams that were sent.
    pub sent: u64,
    /// Bytes of the datagrams that came.
    pub received_bytes: u64,
    /// Bytes of the datagrams that were sent.
    pub sent_bytes: u64,
    /// Dropped: not of the protocol.
    pub malformed: u64,
    /// Dropped: longer than a peer may send.
    pub oversized: u64,
    /// Dropped: its sender may not send such a thing, or not now.
    pub unexpected: u64,
    /// Left unanswered, to be sent again, because a queue was full.
    pub busy: u64,
    /// Not sent: the address is not proven, and has had three times the bytes that came from it.
    pub withheld: u64,
    /// Datagrams that the operating system would not take.
    pub send_failures: u64,
}

impl Stats {
    pub(super) fn count_received(&mut self, payload: &[u8]) {
        self.received += 1;
        self.received_bytes += payload.len() as u64;
    }

    pub(super) fn count_sent(&mut self, payload: &[u8]) {
        self.sent += 1;
        self.sent_bytes += payload.len() as u64;
    }
}
