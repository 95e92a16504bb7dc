//! What an endpoint counts and measures. `docs/METRICS.md` says what to make of it.

use std::time::Duration;

/// What a server or client has counted since it started, and how things stand with it now.
///
/// Every datagram that came is either acted on or counted under one of the reasons for which it
/// was not. What only the other kind of endpoint has is 0.
///
/// ```
/// use superchat::Stats;
///
/// fn show(stats: &Stats) {
///     println!("{} of {} users are online", stats.users_online, stats.users);
///     println!("half of the acks came within {:?}", stats.round_trip_p50);
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams that came, refused ones included.
    pub datagrams_received: u64,
    /// Datagrams that were sent.
    pub datagrams_sent: u64,
    /// Bytes of the datagrams that came.
    pub bytes_received: u64,
    /// Bytes of the datagrams that were sent.
    pub bytes_sent: u64,
    /// Packets of the current dialect that were sent again, because no ack came.
    pub retransmissions: u64,
    /// Datagrams that the operating system would not take.
    pub send_failures: u64,
    /// Dropped: not of the protocol.
    pub malformed: u64,
    /// Dropped: longer than a peer may send.
    pub oversized: u64,
    /// Dropped: its sender may not send such a thing, or not now.
    pub unexpected: u64,
    /// Left unanswered, to be sent again, because a queue was full.
    pub busy: u64,
    /// Dropped, or left unanswered, to be sent again: past the rate of its address or its name.
    pub limited: u64,
    /// Addresses with something under way that had proven nothing and made room for newer ones. Of a
    /// server.
    pub displaced: u64,
    /// Not sent: the address is not proven, and it would have been more than three times what came from it.
    pub withheld: u64,
    /// Own messages that their recipients acknowledged. Of a client.
    pub messages_received: u64,
    /// Messages that were passed on to who acknowledged them: own ones; those of others at a server.
    pub messages_relayed: u64,
    /// Messages that the server's store has synced: own ones; those of others at a server.
    pub messages_stored: u64,
    /// Own messages that had an error for an outcome. Of a client.
    pub messages_failed: u64,
    /// Messages out of mailboxes that their recipients acknowledged. Of a server.
    pub messages_delivered: u64,
    /// Messages that were not stored, of which their senders were told why. Of a server.
    pub messages_refused: u64,
    /// Messages that waited too long, and are removed. Of a server.
    pub messages_expired: u64,
    /// Times that a mailbox, or another file of the store, could not be used. Of a server.
    pub store_faults: u64,
    /// Times that the store has synced what it was asked to keep. Of a server.
    pub commits: u64,
    /// Users in the table, online or not. Of a server.
    pub users: u64,
    /// Those of them who are online. Of a server.
    pub users_online: u64,
    /// Mailboxes with messages in them. Of a server.
    pub mailboxes: u64,
    /// Bytes of these mailboxes. Of a server.
    pub stored_bytes: u64,
    /// Bytes of the store's journal. Of a server.
    pub journal_bytes: u64,
    /// Mailboxes whose files lack what is in the journal. Of a server.
    pub unsettled: u64,
    /// Own messages that have no outcome yet. Of a client.
    pub messages_pending: u64,
    /// Requests of clients that are not answered yet. Of a server.
    pub requests_pending: u64,
    /// Requests to the store that are not carried out yet. Of a server.
    pub store_requests_pending: u64,
    /// Events, messages among them, for which no callback was called yet.
    pub events_pending: u64,
    /// Frames, and classic datagrams, that nobody has acknowledged yet.
    pub frames_pending: u64,
    /// Round trips that were measured: from a packet, sent once, to its ack.
    pub round_trips: u64,
    /// Half of the last 1024 of them took no longer than this. 0 before the first.
    pub round_trip_p50: Duration,
    /// Nine in ten of them took no longer than this.
    pub round_trip_p90: Duration,
    /// All but one in a hundred of them took no longer than this.
    pub round_trip_p99: Duration,
}

impl Stats {
    pub(super) fn count_received(&mut self, payload: &[u8]) {
        self.datagrams_received += 1;
        self.bytes_received += payload.len() as u64;
    }

    pub(super) fn count_sent(&mut self, payload: &[u8]) {
        self.datagrams_sent += 1;
        self.bytes_sent += payload.len() as u64;
    }

    /// Why a datagram was not acted on, if one was not since these were the counters.
    #[must_use]
    pub(crate) fn rejected_since(&self, before: &Self) -> Option<&'static str> {
        let reasons = [
            ("malformed", self.malformed > before.malformed),
            ("oversized", self.oversized > before.oversized),
            ("unexpected", self.unexpected > before.unexpected),
            ("busy", self.busy > before.busy),
        ];
        reasons.into_iter().find(|(_, counted)| *counted).map(|(reason, _)| reason)
    }
}
