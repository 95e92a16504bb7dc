//! What a server or client has counted, in C.

use std::mem::offset_of;

use super::boundary::infallible;
use super::sized::{self, Growable, no_padding_after};
use crate::Stats;

/// What a server or client has counted since it started, and how things stand with it now. What only
/// the other kind of endpoint has is 0. Made by superchat_stats_default; docs/METRICS.md says what to
/// make of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct superchat_stats {
    /// Bytes of this struct, as the program that made it knows it. Not to be changed.
    pub size: usize,
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
    /// Half of the last 1024 of them took no longer than this, in seconds. 0 before the first.
    pub round_trip_p50: f64,
    /// Nine in ten of them took no longer than this, in seconds.
    pub round_trip_p90: f64,
    /// All but one in a hundred of them took no longer than this, in seconds.
    pub round_trip_p99: f64,
}

impl From<Stats> for superchat_stats {
    fn from(stats: Stats) -> Self {
        Self {
            size: size_of::<Self>(),
            datagrams_received: stats.datagrams_received,
            datagrams_sent: stats.datagrams_sent,
            bytes_received: stats.bytes_received,
            bytes_sent: stats.bytes_sent,
            retransmissions: stats.retransmissions,
            send_failures: stats.send_failures,
            malformed: stats.malformed,
            oversized: stats.oversized,
            unexpected: stats.unexpected,
            busy: stats.busy,
            limited: stats.limited,
            displaced: stats.displaced,
            withheld: stats.withheld,
            messages_received: stats.messages_received,
            messages_relayed: stats.messages_relayed,
            messages_stored: stats.messages_stored,
            messages_failed: stats.messages_failed,
            messages_delivered: stats.messages_delivered,
            messages_refused: stats.messages_refused,
            messages_expired: stats.messages_expired,
            store_faults: stats.store_faults,
            commits: stats.commits,
            users: stats.users,
            users_online: stats.users_online,
            mailboxes: stats.mailboxes,
            stored_bytes: stats.stored_bytes,
            journal_bytes: stats.journal_bytes,
            unsettled: stats.unsettled,
            messages_pending: stats.messages_pending,
            requests_pending: stats.requests_pending,
            store_requests_pending: stats.store_requests_pending,
            events_pending: stats.events_pending,
            frames_pending: stats.frames_pending,
            round_trips: stats.round_trips,
            round_trip_p50: stats.round_trip_p50.as_secs_f64(),
            round_trip_p90: stats.round_trip_p90.as_secs_f64(),
            round_trip_p99: stats.round_trip_p99.as_secs_f64(),
        }
    }
}

const _: () =
    assert!(no_padding_after::<superchat_stats, f64>(offset_of!(superchat_stats, round_trip_p99)));

// SAFETY: `repr(C)`, with the size first and no padding at the end.
unsafe impl Growable for superchat_stats {
    const NAME: &'static str = "superchat_stats";

    fn defaults() -> Self {
        Stats::default().into()
    }
}

/// Sets stats of size bytes to nothing counted. Programs call superchat_stats_default, which passes the
/// size that they know.
///
/// NULL: does nothing.
/// Ownership: stats stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or to size writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_stats_init(stats: *mut superchat_stats, size: usize) {
    // SAFETY: by contract.
    infallible((), || unsafe { sized::init(stats, size) });
}
