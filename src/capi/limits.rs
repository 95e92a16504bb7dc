//! `superchat_limits`.

use std::mem::offset_of;
use std::time::Duration;

use super::boundary::infallible;
use super::sized::{self, Growable, no_padding_after};
use crate::Limits;

/// How much of everything a server takes. Made by superchat_limits_default, then changed where needed;
/// docs/LIMITS.md says of each what happens past it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct superchat_limits {
    /// Bytes of this struct, as the program that made it knows it. Not to be changed.
    pub size: usize,
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
            size: size_of::<Self>(),
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

const _: () =
    assert!(no_padding_after::<superchat_limits, u64>(offset_of!(superchat_limits, message_age)));

// SAFETY: `repr(C)`, with the size first and no padding at the end.
unsafe impl Growable for superchat_limits {
    const NAME: &'static str = "superchat_limits";

    fn defaults() -> Self {
        Limits::default().into()
    }
}

/// Sets limits of size bytes to their defaults. Programs call superchat_limits_default, which passes
/// the size that they know.
///
/// NULL: does nothing.
/// Ownership: limits stays the caller's.
/// Lifetime: nothing is kept.
/// Thread: any.
/// Returns: nothing; it cannot fail.
///
/// # Safety
/// The pointer is NULL or to size writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn superchat_limits_init(limits: *mut superchat_limits, size: usize) {
    // SAFETY: by contract.
    infallible((), || unsafe { sized::init(limits, size) });
}
