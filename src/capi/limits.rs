//! `superchat_limits`.

use std::time::Duration;

use crate::Limits;

/// How much of everything a server takes. docs/LIMITS.md says of each what happens past it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct superchat_limits {
    /// Users in the table, offline ones included.
    pub users: usize,
    /// Users past which a client is not told of all of them, but looks up whom it needs.
    pub lookup_past: usize,
    /// Bytes of UTF-8 of a message that is passed on or stored.
    pub message_bytes: usize,
    /// Datagrams a second from an IPv4 address, or an IPv6 network of 64 bits, that are of no registered
    /// session.
    pub stranger_datagrams_per_second: u32,
    /// Datagrams a second from an address where somebody is registered.
    pub member_datagrams_per_second: u32,
    /// Registrations, deregistrations and messages to keep, a second, of one nickname.
    pub name_requests_per_second: u32,
    /// Addresses that have proven nothing yet with which something is under way.
    pub handshakes: usize,
    /// How many times the bytes that came from such an address may be sent there.
    pub unproven_factor: u32,
    /// Mailboxes with messages in them.
    pub mailboxes: usize,
    /// Bytes of a mailbox.
    pub mailbox_bytes: u64,
    /// Messages in a mailbox.
    pub mailbox_messages: usize,
    /// Bytes of all mailboxes together.
    pub store_bytes: u64,
    /// How long a message waits for its recipient, in seconds; 0 for ever.
    pub message_age: u64,
}

impl From<Limits> for superchat_limits {
    fn from(limits: Limits) -> Self {
        Self {
            users: limits.users,
            lookup_past: limits.lookup_past,
            message_bytes: limits.message_bytes,
            stranger_datagrams_per_second: limits.stranger_datagrams_per_second,
            member_datagrams_per_second: limits.member_datagrams_per_second,
            name_requests_per_second: limits.name_requests_per_second,
            handshakes: limits.handshakes,
            unproven_factor: limits.unproven_factor,
            mailboxes: limits.mailboxes,
            mailbox_bytes: limits.mailbox_bytes,
            mailbox_messages: limits.mailbox_messages,
            store_bytes: limits.store_bytes,
            message_age: limits.message_age.map_or(0, |age| age.as_secs()),
        }
    }
}

impl From<superchat_limits> for Limits {
    fn from(given: superchat_limits) -> Self {
        Self {
            users: given.users,
            lookup_past: given.lookup_past,
            message_bytes: given.message_bytes,
            stranger_datagrams_per_second: given.stranger_datagrams_per_second,
            member_datagrams_per_second: given.member_datagrams_per_second,
            name_requests_per_second: given.name_requests_per_second,
            handshakes: given.handshakes,
            unproven_factor: given.unproven_factor,
            mailboxes: given.mailboxes,
            mailbox_bytes: given.mailbox_bytes,
            mailbox_messages: given.mailbox_messages,
            store_bytes: given.store_bytes,
            message_age: Some(given.message_age).filter(|age| *age > 0).map(Duration::from_secs),
        }
    }
}
